use std::borrow::Cow;
use std::ops::Range;

/// Edits of a body, collected first and written in one pass.
///
/// Every byte outside the replaced ranges stays as it was: unknown fields, the spelling of numbers,
/// whitespace and key order survive.
#[derive(Debug, Default)]
pub struct Splice {
    edits: Vec<(Range<usize>, String)>,
}

impl Splice {
    /// No edits yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `json` in the place of `span`. An empty span inserts.
    ///
    /// A later edit whose span overlaps an earlier one replaces it when it covers it, and is ignored when it
    /// lies inside it, so that the result never mixes two edits of one place.
    pub fn replace(&mut self, span: Range<usize>, json: impl Into<String>) {
        // Edits mostly arrive in order: search from the end.
        let mut at = self.edits.len();
        while at > 0 && self.edits.get(at - 1).is_some_and(|(earlier, _)| earlier.start > span.start) {
            at -= 1;
        }
        let inside = |(edit, _): &(Range<usize>, String)| edit.start < span.end && span.start < edit.end;
        let first = if at > 0 && self.edits.get(at - 1).is_some_and(inside) { at - 1 } else { at };
        let mut after = first;
        while self.edits.get(after).is_some_and(inside) {
            after += 1;
        }
        if let Some((earlier, _)) = self.edits.get(first).filter(|_| after > first)
            && (earlier.start < span.start || earlier.end > span.end)
        {
            return;
        }
        let removed = self.edits.splice(first..after, [(span, json.into())]);
        drop(removed);
    }

    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// How many edits are collected.
    pub fn len(&self) -> usize {
        self.edits.len()
    }

    /// The new body; borrowed when nothing changes.
    ///
    /// `body` must be the text the spans were taken from. Spans outside it are left out.
    pub fn apply<'a>(&self, body: &'a str) -> Cow<'a, str> {
        if self.edits.is_empty() {
            return Cow::Borrowed(body);
        }
        let added: usize = self.edits.iter().map(|(_, json)| json.len()).sum();
        let mut out = String::with_capacity(body.len() + added);
        let mut copied = 0;
        for (span, json) in &self.edits {
            let Some(kept) = body.get(copied..span.start) else { continue };
            if body.get(span.start..span.end).is_none() {
                continue;
            }
            out.push_str(kept);
            out.push_str(json);
            copied = span.end;
        }
        out.push_str(body.get(copied..).unwrap_or(""));
        Cow::Owned(out)
    }
}
