//! PostgreSQL versions, and which of them are too old to hold tenants apart.

use std::fmt;

/// The oldest minor release of each major version in which the known ways around row-level security are closed
/// (the last of them CVE-2025-8713). Later major versions start above it.
const FLOORS: [Version; 4] = [
    Version { major: 15, minor: 14 },
    Version { major: 16, minor: 10 },
    Version { major: 17, minor: 6 },
    Version { major: 18, minor: 0 },
];
/// The oldest major version that will do.
const MAJOR_MIN: u16 = FLOORS[0].major;
/// How much of an unreadable answer is repeated in a message.
const SHOWN_CHARS_MAX: usize = 80;

/// A released PostgreSQL version such as `18.6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The major version: data directories are compatible within it.
    pub major: u16,
    /// The minor release: fixes only.
    pub minor: u16,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Why a version is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VersionError {
    /// The program did not answer like PostgreSQL.
    #[error("its version could not be read from \u{201c}{0}\u{201d}")]
    Unreadable(String),
    /// A development version, beta or release candidate.
    #[error("PostgreSQL {0} is a pre-release: use a released version")]
    PreRelease(String),
    /// Older than any supported major version.
    #[error("PostgreSQL {0} is too old: {MAJOR_MIN} or later is needed")]
    TooOld(Version),
    /// Below the floor of known row-level security fixes.
    #[error("PostgreSQL {found} has known holes in row-level security: update it to {floor} or later")]
    BelowFloor {
        /// What was found.
        found: Version,
        /// The first good minor release of the same major version.
        floor: Version,
    },
}

impl Version {
    /// Reads the answer of `postgres --version`, such as
    /// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
    pub fn parse(answer: &str) -> Result<Self, VersionError> {
        let unreadable = || VersionError::Unreadable(answer.trim().chars().take(SHOWN_CHARS_MAX).collect());
        let (_, rest) = answer.split_once("(PostgreSQL)").ok_or_else(unreadable)?;
        let word = rest.split_whitespace().next().ok_or_else(unreadable)?;
        let number =
            |digits: &str| digits.parse::<u16>().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
        // Before version 10 there were three numbers; the first two are enough to refuse those.
        let mut parts = word.split('.');
        let (major, minor) = (parts.next().unwrap_or_default(), parts.next());
        match (number(major), minor.map(number)) {
            (Some(major), Some(Some(minor))) => Ok(Self { major, minor }),
            _ if word.starts_with(|c: char| c.is_ascii_digit()) && word.contains(char::is_alphabetic) => {
                Err(VersionError::PreRelease(word.chars().take(SHOWN_CHARS_MAX).collect()))
            }
            _ => Err(unreadable()),
        }
    }

    /// Refuses versions below the floor of known row-level security fixes.
    pub fn check_floor(self) -> Result<(), VersionError> {
        if self.major < MAJOR_MIN {
            return Err(VersionError::TooOld(self));
        }
        match FLOORS.iter().find(|floor| floor.major == self.major) {
            Some(&floor) if self < floor => Err(VersionError::BelowFloor { found: self, floor }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
