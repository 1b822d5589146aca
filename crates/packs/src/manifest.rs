//! What a pack says about itself: `pack.json`.

use std::fmt::{self, Write as _};

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ENGINE;
use crate::finding::Finding;

/// Longest name of a pack, of a file and of a policy, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Longest label of a version, in bytes.
pub const LABEL_BYTES_MAX: usize = 32;
/// Longest description, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 500;
/// Largest version: what every reader of JSON holds exactly.
pub const VERSION_MAX: u64 = (1 << 53) - 1;

/// The file a pack says this in.
pub const FILE: &str = "pack.json";

/// What a pack does to what is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// What is granted is allowed unless the pack forbids it.
    Forbid,
    /// What is granted is allowed when the pack permits it and does not forbid it.
    Permit,
}

impl Mode {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forbid => "forbid",
            Self::Permit => "permit",
        }
    }
}

/// The engines a pack was written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engines {
    /// The oldest.
    pub min: u32,
    /// The newest.
    pub max: u32,
}

impl Engines {
    /// Whether this engine is among them.
    pub const fn fit(self) -> bool {
        self.min <= ENGINE && ENGINE <= self.max
    }
}

/// What a pack says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its name: lower-case letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// Its version, which grows by every one that is published.
    pub version: u64,
    /// The same for people, for example `1.4.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The organization it is for; without one, any that trusts its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Uuid>,
    /// What it does to what is granted.
    pub mode: Mode,
    /// The engines it was written for.
    pub engine: Engines,
    /// After this moment it cannot come into force any more. One that is in force stays so: constraints do not lapse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl Manifest {
    /// Reads `pack.json`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Finding> {
        let manifest: Self = serde_json::from_str(text).map_err(|error| Finding::json(FILE, &error))?;
        let wrong = |message: &str| Err(Finding::error(FILE, message));
        if !is_name(&manifest.name) {
            return wrong("name must have 1 to 64 lower-case letters, digits, `.`, `_` and `-`");
        }
        if manifest.version == 0 || manifest.version > VERSION_MAX {
            return wrong("version must be a whole number from 1 to 9007199254740991");
        }
        if manifest.label.as_ref().is_some_and(|label| !is_label(label)) {
            return wrong("label must have 1 to 32 letters, digits, `.`, `+` and `-`");
        }
        if manifest.description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_CHARS_MAX) {
            return wrong("description must have at most 500 characters");
        }
        if manifest.engine.min > manifest.engine.max {
            return wrong("engine.min is above engine.max");
        }
        Ok(manifest)
    }
}

/// Whether a text can be the name of a pack or the id of a policy: it stands in the log as it is.
pub(crate) fn is_name(text: &str) -> bool {
    let fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    !text.is_empty()
        && text.len() <= NAME_BYTES_MAX
        && text.bytes().all(fit)
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
}

fn is_label(text: &str) -> bool {
    let fit = |byte: u8| byte.is_ascii_alphanumeric() || b".+-".contains(&byte);
    !text.is_empty() && text.len() <= LABEL_BYTES_MAX && text.bytes().all(fit)
}

/// Which pack, as every entry made under it says: `name/version+hash`, the hash being the first sixteen hex digits of the
/// SHA-256 of its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    pub(crate) fn new(manifest: &Manifest, sha256: &[u8; 32]) -> Self {
        let short: String = hex(sha256).chars().take(16).collect();
        Self(format!("{}/{}+{short}", manifest.name, manifest.version))
    }

    /// The label of a pack of which no more than this is known.
    pub fn of(name: &str, version: u64, sha256: &[u8; 32]) -> Self {
        let name: String = name.chars().filter(|c| is_name(&c.to_string()) || "._-".contains(*c)).collect();
        Self(format!("{name}/{version}+{}", hex(sha256).chars().take(16).collect::<String>()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        // Writing to memory cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_says_what_it_must_and_nothing_else() {
        let good = r#"{"name":"office-hours","version":3,"mode":"forbid","engine":{"min":1,"max":1}}"#;
        let manifest = Manifest::parse(good).unwrap();
        assert!(manifest.engine.fit() && manifest.mode == Mode::Forbid);
        assert_eq!(
            Label::new(&manifest, &[0xab; 32]).as_str(),
            "office-hours/3+abababababababab",
            "sixteen digits name a pack among an organization's"
        );
        for (bad, says) in [
            (good.replace("office-hours", "Office hours"), "name must"),
            (good.replace(":3", ":0"), "version must"),
            (good.replace(":3", ":-3"), "invalid value"),
            (good.replace("\"max\":1", "\"max\":0"), "engine.min"),
            (good.replace("forbid", "maybe"), "unknown variant"),
            (good.replace("\"mode\"", "\"colour\""), "unknown field"),
            (good.replace('{', "["), "expected"),
        ] {
            let found = Manifest::parse(&bad).expect_err(&bad);
            assert!(found.message.contains(says), "{bad}: {found}");
        }
        assert!(
            !Manifest::parse(&good.replace("\"min\":1,\"max\":1", "\"min\":2,\"max\":3"))
                .unwrap()
                .engine
                .fit()
        );
    }
}
