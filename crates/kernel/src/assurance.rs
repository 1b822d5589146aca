use std::fmt;
use std::str::FromStr;

/// How sure the server is that a session's holder is who they say: the authenticator assurance levels of
/// NIST SP 800-63B, which access tokens carry as `acr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assurance {
    /// One factor.
    Aal1,
    /// Two factors, or a passkey that verified its user.
    Aal2,
}

/// The text names no assurance level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such assurance level; the levels are aal1 and aal2")]
pub struct ParseAssuranceError;

impl Assurance {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aal1 => "aal1",
            Self::Aal2 => "aal2",
        }
    }
}

impl fmt::Display for Assurance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Assurance {
    type Err = ParseAssuranceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Aal1, Self::Aal2].into_iter().find(|level| level.name() == text).ok_or(ParseAssuranceError)
    }
}
