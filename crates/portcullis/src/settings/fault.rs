//! What is wrong with the settings, all of it at once.

use std::fmt;

/// One wrong setting: its name and a sentence that says what is wrong and what would be right. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The environment variable.
    pub name: String,
    /// What is wrong.
    pub sentence: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.sentence)
    }
}

/// Everything that is wrong; the server does not start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl std::error::Error for Faults {}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.0.iter();
        if let Some(first) = lines.next() {
            write!(f, "{first}")?;
        }
        lines.try_for_each(|fault| write!(f, "\n{fault}"))
    }
}

impl Faults {
    /// Notes one fault.
    pub fn add(&mut self, name: impl Into<String>, sentence: impl Into<String>) {
        self.0.push(Fault { name: name.into(), sentence: sentence.into() });
    }

    /// The value, or the fallback with the fault noted.
    pub(super) fn keep<T>(&mut self, name: &str, result: Result<T, String>, fallback: T) -> T {
        result.unwrap_or_else(|sentence| {
            self.add(name, sentence);
            fallback
        })
    }
}
