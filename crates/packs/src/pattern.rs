//! Patterns over names of tools: `*` stands for anything, everything else for itself in either case.
//!
//! A name is read as whoever looks at it reads it: forms that only look otherwise (full-width letters, ligatures) count as
//! what they are compatible with (NFKC). A name that holds anything but visible ASCII after that is none that can be judged:
//! a Cyrillic `е` would pass for another letter than it looks like.

use std::borrow::Cow;
use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

/// Longest name of a tool that is looked at, in bytes.
pub(crate) const TOOL_BYTES_MAX: usize = 256;
/// Longest pattern, in bytes.
pub(crate) const PATTERN_BYTES_MAX: usize = 128;
/// Most `*` in one pattern.
pub(crate) const WILDCARDS_MAX: usize = 8;

/// A name as it is compared; `None` for one that cannot be judged.
pub(crate) fn folded(name: &str) -> Option<Cow<'_, str>> {
    if name.len() > TOOL_BYTES_MAX {
        return None;
    }
    let name = if name.is_ascii() { Cow::Borrowed(name) } else { Cow::Owned(name.nfkc().collect()) };
    let visible = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    visible.then_some(name)
}

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pattern(String);

impl Pattern {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let Some(folded) = folded(text).filter(|folded| folded.len() <= PATTERN_BYTES_MAX) else {
            return Err(format!(
                "{text:?} is no pattern: it has 1 to {PATTERN_BYTES_MAX} visible ASCII characters"
            ));
        };
        if folded.bytes().filter(|byte| *byte == b'*').count() > WILDCARDS_MAX {
            return Err(format!("{text:?} has more than {WILDCARDS_MAX} `*`"));
        }
        Ok(Self(folded.to_ascii_lowercase()))
    }

    /// Whether a folded name is one of those it stands for. In time that grows with the product of both lengths at most.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut at, mut in_name) = (0, 0);
        // Where the last `*` stands, and up to where it reaches so far.
        let mut star = None;
        while let Some(byte) = name.get(in_name) {
            match pattern.get(at) {
                Some(b'*') => {
                    star = Some((at, in_name));
                    at += 1;
                }
                Some(wanted) if *wanted == byte.to_ascii_lowercase() => {
                    at += 1;
                    in_name += 1;
                }
                _ => {
                    let Some((place, reach)) = star else { return false };
                    star = Some((place, reach + 1));
                    at = place + 1;
                    in_name = reach + 1;
                }
            }
        }
        pattern.iter().skip(at).all(|byte| *byte == b'*')
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        let pattern = Pattern::read(pattern).unwrap();
        folded(name).is_some_and(|name| pattern.matches(&name))
    }

    #[test]
    fn a_star_stands_for_anything_and_the_rest_for_itself() {
        for (pattern, name, expected) in [
            ("shell*", "shell", true),
            ("shell*", "shell_exec", true),
            ("shell*", "my_shell", false),
            ("*_delete", "file_delete", true),
            ("*_delete", "file_deleted", false),
            ("*", "anything", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("web.search", "web_search", false),
            ("[a-z]", "b", false),
            ("SHELL", "shell", true),
            ("shell", "SheLL", true),
            ("shell", "ｓｈｅｌｌ", true),
            ("file", "ﬁle", true),
            ("kelvin", "\u{212a}elvin", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_name_that_looks_like_another_is_none() {
        for name in [
            "",
            "sh\u{0435}ll",
            "shell\u{200b}",
            "shell ",
            "\u{a0}shell",
            "shell\n",
            "sh\u{e9}ll",
            &"x".repeat(257),
        ] {
            assert_eq!(folded(name), None, "{name:?}");
        }
        assert!(matches!(folded("web_search"), Some(Cow::Borrowed(_))), "the usual name costs nothing");
    }

    #[test]
    fn a_pattern_has_bounds() {
        for bad in ["", "two words", "sh\u{0435}ll", &"x".repeat(129), "*a*a*a*a*a*a*a*a*"] {
            assert!(Pattern::read(bad).is_err(), "{bad:?}");
        }
    }

    /// The same said in another way: a star takes nothing, or one more.
    fn plainly(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => {
                plainly(rest, name) || (!name.is_empty() && plainly(pattern, &name[1..]))
            }
            ([wanted, pattern @ ..], [byte, name @ ..]) => wanted == byte && plainly(pattern, name),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn patterns_match_what_they_say(pattern in "[ab*]{1,8}", name in "[ab]{1,10}") {
            let expected = plainly(pattern.as_bytes(), name.as_bytes());
            prop_assert_eq!(matches(&pattern, &name), expected);
            prop_assert_eq!(matches(&pattern.to_uppercase(), &name), expected);
            prop_assert_eq!(matches(&pattern, &name.to_uppercase()), expected);
        }

        #[test]
        fn no_name_is_too_strange(name in "\\PC{0,40}", pattern in "[a-z_*]{1,20}") {
            if let Ok(pattern) = Pattern::read(&pattern) {
                let _ = folded(&name).map(|name| pattern.matches(&name));
            }
        }
    }
}
