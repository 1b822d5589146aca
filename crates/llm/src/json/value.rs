use std::borrow::Cow;
use std::ops::Range;

use super::text::decode;
use super::{Document, Kind, Node};

/// A value of a [`Document`], by reference.
#[derive(Clone, Copy, Debug)]
pub struct Value<'d, 'a> {
    document: &'d Document<'a>,
    index: u32,
}

const ABSENT: Node = Node { start: 0, end: 0, next: u32::MAX, kind: Kind::Null, escaped: false };

impl<'d, 'a> Value<'d, 'a> {
    pub(super) const fn new(document: &'d Document<'a>, index: u32) -> Self {
        Self { document, index }
    }

    fn node(self) -> Node {
        self.document.nodes.get(self.index as usize).copied().unwrap_or(ABSENT)
    }

    /// The type of the value.
    pub fn kind(self) -> Kind {
        self.node().kind
    }

    /// Where the value lies in the document, in bytes, quotes and brackets included.
    pub fn span(self) -> Range<usize> {
        let node = self.node();
        node.start as usize..node.end as usize
    }

    /// The value exactly as written.
    pub fn raw(self) -> &'a str {
        self.document.text.get(self.span()).unwrap_or("")
    }

    /// Whether the value is `null`.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The text of a string, decoded; borrowed unless it holds escapes. `None` for other types.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        let node = self.node();
        if node.kind != Kind::String {
            return None;
        }
        let inside = self.document.text.get(node.start as usize + 1..node.end as usize - 1)?;
        Some(decode(inside, node.escaped))
    }

    /// The value of `true` and `false`.
    pub fn as_bool(self) -> Option<bool> {
        match self.raw() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// A non-negative integer written without fraction or exponent. `None` for anything else, and for numbers
    /// beyond 64 bits.
    pub fn as_u64(self) -> Option<u64> {
        if self.kind() == Kind::Number { self.raw().parse().ok() } else { None }
    }

    /// The elements of an array; empty for other types.
    pub fn items(self) -> Items<'d, 'a> {
        let node = self.node();
        let end = if node.kind == Kind::Array { node.next } else { 0 };
        Items { document: self.document, at: self.index + 1, end }
    }

    /// The members of an object as (key, value); empty for other types.
    pub fn entries(self) -> Entries<'d, 'a> {
        let node = self.node();
        let end = if node.kind == Kind::Object { node.next } else { 0 };
        Entries { document: self.document, at: self.index + 1, end }
    }

    /// The member called `key`, compared after decoding. `None` when absent or not an object.
    pub fn get(self, key: &str) -> Option<Self> {
        self.entries().find(|(name, _)| name.is_text(key)).map(|(_, value)| value)
    }

    /// Whether this is a string that reads `text`, without allocating when it holds no escapes.
    pub fn is_text(self, text: &str) -> bool {
        let node = self.node();
        if node.kind != Kind::String {
            return false;
        }
        if node.escaped {
            return self.as_str().is_some_and(|decoded| decoded == text);
        }
        self.document.text.get(node.start as usize + 1..node.end as usize - 1) == Some(text)
    }
}

/// Iterator over the elements of an array.
#[derive(Clone, Debug)]
pub struct Items<'d, 'a> {
    document: &'d Document<'a>,
    at: u32,
    end: u32,
}

impl<'d, 'a> Iterator for Items<'d, 'a> {
    type Item = Value<'d, 'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let value = Value::new(self.document, self.at);
        self.at = value.node().next;
        Some(value)
    }
}

/// Iterator over the members of an object.
#[derive(Clone, Debug)]
pub struct Entries<'d, 'a> {
    document: &'d Document<'a>,
    at: u32,
    end: u32,
}

impl<'d, 'a> Iterator for Entries<'d, 'a> {
    type Item = (Value<'d, 'a>, Value<'d, 'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let key = Value::new(self.document, self.at);
        let value = Value::new(self.document, self.at + 1);
        self.at = value.node().next;
        Some((key, value))
    }
}
