//! What its owner knows better: words that are never a finding, and words that always are.

use std::collections::{HashMap, HashSet};

use crate::class::Class;
use crate::scanner::View;
use crate::tagger::features::AROUND;
use crate::tagger::lexicon::Lexicon;
use crate::tagger::words::{self, Word};
use crate::window::{Hit, Window};

/// The most words and signs in an entry that is always a finding: what is seen at once.
pub const DENIED_WORDS_MAX: usize = AROUND + 1;

/// Why an entry was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEntry {
    /// There is nothing in it.
    #[error("an entry needs a letter or a digit")]
    Empty,
    /// It is longer than what is seen at once.
    #[error("an entry has at most {DENIED_WORDS_MAX} words and signs")]
    Long,
}

/// Allowed and denied words, compared without regard to case and disguise.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    allowed: HashSet<Vec<u8>>,
    /// By the first word: all words, and the class.
    denied: HashMap<u32, Vec<(Vec<u32>, Class)>>,
}

impl Lists {
    /// A finding that reads just like this is none: the address of the help desk, the number of the switchboard.
    ///
    /// # Errors
    /// [`BadEntry::Empty`].
    pub fn allow(&mut self, value: &str) -> Result<(), BadEntry> {
        let view = View::of(value.trim());
        if !view.bytes().iter().any(|b| b.is_ascii_alphanumeric() || *b >= 0x80) {
            return Err(BadEntry::Empty);
        }
        self.allowed.insert(plain(Class::Person, view.bytes()));
        self.allowed.insert(plain(Class::Phone, view.bytes()));
        Ok(())
    }

    /// These words, whole and side by side, are always a finding of the class.
    ///
    /// # Errors
    /// [`BadEntry`] when there is nothing in it, or more than [`DENIED_WORDS_MAX`] words and signs.
    pub fn deny(&mut self, phrase: &str, class: Class) -> Result<(), BadEntry> {
        let view = View::of(phrase);
        let window = Window { symbols: view.bytes(), last: true };
        let mut hashes = Vec::new();
        let mut place = 0;
        while let Ok(Some(word)) = words::next(&Lexicon::new(&[]), window, place) {
            place = word.end;
            hashes.push(identity(&word));
        }
        match hashes.first() {
            None => Err(BadEntry::Empty),
            Some(_) if hashes.len() > DENIED_WORDS_MAX => Err(BadEntry::Long),
            Some(first) => {
                self.denied.entry(*first).or_default().push((hashes, class));
                Ok(())
            }
        }
    }

    /// Whether the finding reads like something allowed.
    pub(crate) fn allows(&self, hit: &Hit, symbols: &[u8]) -> bool {
        !self.allowed.is_empty() && self.allowed.contains(&plain(hit.class, &symbols[hit.start..hit.end]))
    }

    pub(crate) fn denies(&self) -> bool {
        !self.denied.is_empty()
    }

    /// The class and the number of words of the longest denied entry that the words start with.
    pub(crate) fn denied(&self, words: &[Word]) -> Option<(Class, usize)> {
        let entries = self.denied.get(&identity(words.first()?))?;
        entries
            .iter()
            .filter(|(hashes, _)| {
                hashes.len() <= words.len()
                    && hashes.iter().zip(words).all(|(hash, word)| *hash == identity(word))
            })
            .map(|(hashes, class)| (*class, hashes.len()))
            .max_by_key(|(_, words)| *words)
    }
}

/// What makes a word the same word. Numbers and keys are told apart by more than the tagger goes by.
fn identity(word: &Word) -> u32 {
    word.exact
}

/// A value as it is compared: small letters, and of numbers no separators.
fn plain(class: Class, symbols: &[u8]) -> Vec<u8> {
    let number = matches!(class, Class::Phone | Class::GovId | Class::Payment);
    symbols.iter().filter(|b| !number || b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use crate::{BadEntry, Class, Lists, Policy, Scanner};

    fn found(lists: Lists, text: &str) -> Vec<(Class, String)> {
        let scanner = Scanner::with_lists(lists);
        let all = scanner.scan_with(text, &Policy::default());
        all.into_iter().map(|m| (m.class, text[m.range].to_owned())).collect()
    }

    #[test]
    fn what_is_allowed_is_no_finding_and_the_rest_still_is() {
        let mut lists = Lists::default();
        lists.allow("Help@example.com").unwrap();
        lists.allow("+1 202-555-0143").unwrap();
        let text = "help@EXAMPLE.com, other@example.com, +1 202 555 0143 or +1 202-555-0143, +1 202-555-0199";
        let values: Vec<String> = found(lists, text).into_iter().map(|m| m.1).collect();
        assert!(
            values.contains(&"other@example.com".to_owned())
                && values.contains(&"+1 202-555-0199".to_owned())
        );
        assert!(
            !values.iter().any(|value| value.contains("0143") || value.starts_with("help")),
            "{values:?}"
        );
    }

    #[test]
    fn what_is_denied_is_found_as_whole_words_in_any_case() {
        let mut lists = Lists::default();
        lists.deny("project falcon", Class::Credential).unwrap();
        lists.deny("4711", Class::GovId).unwrap();
        let all = found(lists, "the PROJECT Falcon of unit 4711; projects falcon, project, 4712, falconry");
        assert_eq!(
            all,
            [(Class::Credential, "PROJECT Falcon".to_owned()), (Class::GovId, "4711".to_owned())]
        );
    }

    #[test]
    fn entries_without_words_or_with_too_many_are_refused() {
        let mut lists = Lists::default();
        assert_eq!(lists.allow(" - "), Err(BadEntry::Empty));
        assert_eq!(lists.deny("", Class::Person), Err(BadEntry::Empty));
        assert_eq!(lists.deny("one two three four", Class::Person), Err(BadEntry::Long));
    }
}
