//! Secrets on their way in and out: wiped when they are done with, never printed.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// A secret as somebody typed it.
pub(crate) struct Typed(Zeroizing<String>);

impl Typed {
    /// The text, for the house, which wipes it in its turn.
    pub(crate) fn take(mut self) -> String {
        std::mem::take(&mut *self.0)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Typed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// A secret on its way into the one answer that shows it.
pub(crate) struct Shown(Zeroizing<String>);

impl Shown {
    pub(crate) fn new(secret: &str) -> Self {
        Self(Zeroizing::new(secret.to_owned()))
    }
}

impl From<Zeroizing<String>> for Shown {
    fn from(secret: Zeroizing<String>) -> Self {
        Self(secret)
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
