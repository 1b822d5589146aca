//! What people typed and letters repeat: names, reasons, the kind of a device.

/// Longest name in a letter, in characters; a longer one is cut.
pub const NAME_CHARS_MAX: usize = kernel::limits::NAME_CHARS_MAX;
/// Longest reason in a letter, in characters; a longer one is cut.
pub const REASON_CHARS_MAX: usize = 500;
/// What stands where nothing readable was typed.
const NOTHING: &str = "(nothing readable)";
/// Invisible, and keeps mail programs from making a link of what stands around it (U+2060, word joiner).
const JOINER: char = '\u{2060}';

/// Text that somebody typed, made fit for a letter: one line without control or formatting characters, bounded, and
/// with nothing that a mail program would turn into a link. An organization's name comes from a stranger as often as
/// not, and the letter comes from us.
#[derive(Clone, PartialEq, Eq)]
pub struct Words(String);

impl Words {
    /// A name, cut at [`NAME_CHARS_MAX`].
    pub fn name(text: &str) -> Self {
        Self::cut(text, NAME_CHARS_MAX)
    }

    /// A reason, cut at [`REASON_CHARS_MAX`].
    pub fn reason(text: &str) -> Self {
        Self::cut(text, REASON_CHARS_MAX)
    }

    fn cut(text: &str, chars_max: usize) -> Self {
        // Read no more than can matter: the rest may be of any length.
        let mut line = String::new();
        let mut kept = 0;
        let mut gap = false;
        for char in text.chars().take(8 * chars_max) {
            if char.is_whitespace() || char.is_control() {
                gap = true;
                continue;
            }
            if is_formatting(char) {
                continue;
            }
            if kept >= chars_max {
                line.push('…');
                break;
            }
            if gap && !line.is_empty() {
                line.push(' ');
                kept += 1;
            }
            gap = false;
            line.push(char);
            kept += 1;
        }
        if line.is_empty() {
            line.push_str(NOTHING);
        }
        Self(without_links(&line))
    }

    /// The text, to be escaped as any other.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Characters that are not seen and change how others are: bidirectional overrides, zero-width spaces, tags. The two
/// joiners that scripts and emoji are written with stay.
fn is_formatting(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}' | '\u{200e}'
        | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}')
}

/// Mail programs make links of `www.example.com` and `scheme:…` by themselves; a joiner after each such dot, colon and
/// at sign keeps the words and ends that.
fn without_links(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    let mut rest = line.chars().peekable();
    while let Some(char) = rest.next() {
        out.push(char);
        let glued = rest.peek().is_some_and(|next| !next.is_whitespace());
        if matches!(char, '.' | ':' | '@') && glued {
            out.push(JOINER);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_line_without_tricks() {
        for (typed, kept) in [
            ("  Example\t Organization \r\n", "Example Organization"),
            ("A\r\nBcc: x", "A Bcc: x"),
            ("a\u{202e}b\u{200b}c", "abc"),
            ("Example Inc. & Sons", "Example Inc. & Sons"),
            ("", NOTHING),
            ("\u{200b}\n", NOTHING),
            ("see https://evil.example", "see https:\u{2060}//evil.\u{2060}example"),
            ("me@evil.example", "me@\u{2060}evil.\u{2060}example"),
        ] {
            assert_eq!(Words::name(typed).as_str(), kept, "{typed:?}");
        }
        let long = "x".repeat(1_000_000);
        assert_eq!(Words::name(&long).as_str().chars().count(), NAME_CHARS_MAX + 1);
        assert!(Words::reason(&long).as_str().ends_with("x…"));
        assert!(!Words::name(&"x".repeat(NAME_CHARS_MAX)).as_str().ends_with('…'));
    }

    proptest! {
        #[test]
        fn never_empty_never_two_lines(text in ".{0,300}") {
            let words = Words::name(&text);
            prop_assert!(!words.as_str().is_empty());
            prop_assert!(!words.as_str().chars().any(char::is_control));
        }
    }
}
