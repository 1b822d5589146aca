//! The manifest: what the pack is, and each of its files. Canonical JSON (RFC 8785); this is what is signed.

use audit_log::json::{JsonError, to_canonical};
use serde::{Deserialize, Serialize};

use super::{Description, FileLine};
use crate::controls::{ControlMap, Strength};
use crate::survey::Summary;

/// The format and its version.
pub(crate) const FORMAT: &str = "portcullis-evidence-pack@v1";

/// Longest manifest that is read, in bytes: room for a name and a hash of each file of the longest range.
pub const MANIFEST_BYTES_MAX: usize = 4 * 1_048_576;

/// What no pack proves, in plain words; stands in each one.
pub const NOT_PROVEN: &[&str] = &[
    "That what happened outside the product is recorded: only what passed it has an entry.",
    "That the clock of the server was right: times in entries are the server's own. A token of a time-stamping authority (RFC \
     3161), where the manifest says that there is one, shows that the pack existed by its time, and no more.",
    "That nobody signed another history with the same key. A checkpoint kept elsewhere, or the cosignatures of witnesses, \
     show that; this pack holds neither.",
    "What prompts and answers said: the log keeps counts, hashes and the product's own words.",
    "That a control is effective, or that a law or a standard is met. Strengths say how far entries can speak to a control; \
     the judgement is the assessor's.",
    "What entries say that the pack holds back: of those it holds the hash alone, and that \
     none of them speaks to a control is the server's word.",
];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Organization {
    pub(crate) id: String,
    pub(crate) name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) id: String,
    pub(crate) title: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MapVersion {
    pub(crate) version: String,
    pub(crate) sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Period {
    pub(crate) from: String,
    pub(crate) to: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogHead {
    pub(crate) origin: String,
    pub(crate) vkey: String,
    pub(crate) size: u64,
    pub(crate) root: String,
}

/// Which part of the log the pack is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Range {
    /// Index of the first entry.
    pub(crate) first: u64,
    /// Index after the last one.
    pub(crate) end: u64,
    /// Entries whose bytes it holds.
    pub(crate) included: u64,
    /// Entries of which it holds the hash alone.
    pub(crate) held_back: u64,
    /// Whether all entries are included, whatever their kind.
    pub(crate) everything: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shown {
    pub(crate) id: String,
    pub(crate) strength: Strength,
    pub(crate) entries: u64,
}

/// Whether a time-stamping authority vouches for when a pack was made. The manifest says so itself, so that nobody takes the
/// token away unnoticed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case", deny_unknown_fields)]
pub enum Stamp {
    /// No authority was asked.
    #[default]
    None,
    /// Its answer lies beside the manifest.
    Token,
    /// One was asked, and gave nothing.
    Failed {
        /// In a word.
        why: String,
    },
}

impl Stamp {
    /// In a word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token => "token",
            Self::Failed { .. } => "failed",
        }
    }
}

/// The manifest's members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: String,
    pub(crate) pack: String,
    pub(crate) organization: Organization,
    pub(crate) framework: Named,
    pub(crate) control_map: MapVersion,
    pub(crate) created_at: String,
    pub(crate) period: Period,
    pub(crate) log: LogHead,
    pub(crate) range: Range,
    pub(crate) controls: Vec<Shown>,
    pub(crate) files: Vec<FileLine>,
    /// Manifests of packs that were made before there were tokens say nothing.
    #[serde(default)]
    pub(crate) timestamp: Stamp,
    pub(crate) not_proven: Vec<String>,
}

/// A manifest could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It has no canonical form.
    #[error(transparent)]
    Canonical(#[from] JsonError),
    /// It cannot be JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It would be longer than [`MANIFEST_BYTES_MAX`].
    #[error("a manifest of {0} bytes is beyond the limit")]
    TooLong(usize),
}

/// Writes the manifest over all other files.
///
/// # Errors
/// When there are too many files.
pub fn manifest(
    what: &Description,
    summary: &Summary,
    mut files: Vec<FileLine>,
) -> Result<Vec<u8>, ManifestError> {
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let counts = summary.counts();
    let head = &what.signed.checkpoint;
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        pack: what.pack.to_string(),
        organization: Organization {
            id: what.organization.to_string(),
            name: what.organization_name.clone(),
        },
        framework: Named { id: what.framework.id.clone(), title: what.framework.title.clone() },
        control_map: MapVersion {
            version: what.map.version.clone(),
            sha256: ControlMap::sha256().to_owned(),
        },
        created_at: what.created_at.to_string(),
        period: Period { from: what.from.to_string(), to: what.to.to_string() },
        log: LogHead {
            origin: head.origin().to_string(),
            vkey: what.signed.key.to_string(),
            size: head.size(),
            root: head.root().to_base64(),
        },
        range: Range {
            first: what.first,
            end: what.end,
            included: summary.included,
            held_back: summary.held_back,
            everything: what.everything,
        },
        controls: what
            .framework
            .controls
            .iter()
            .map(|control| Shown {
                id: control.id.clone(),
                strength: control.strength,
                entries: control.events.count(&counts),
            })
            .collect(),
        files,
        timestamp: what.stamp.clone(),
        not_proven: NOT_PROVEN.iter().map(|&text| text.to_owned()).collect(),
    };
    let bytes = to_canonical(&serde_json::to_value(manifest)?)?;
    if bytes.len() > MANIFEST_BYTES_MAX {
        return Err(ManifestError::TooLong(bytes.len()));
    }
    Ok(bytes)
}
