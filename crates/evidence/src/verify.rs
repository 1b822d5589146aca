//! Verifying a pack: no server, no network, one public key.
//!
//! The key vouches for the checkpoint and for the manifest. The manifest vouches for each file; the checkpoint's root for
//! the tiles, these for the leaves, the leaves for each line of `events.jsonl`; and what follows from the entries is made
//! anew and compared. What is wrong is named, file by file and entry by entry.

mod archive;
mod entries;
mod tree;

use std::io::{Read, Seek};

use audit_log::json::from_canonical;
use audit_log::jws::{JWS_BYTES_MAX, verify_detached};
use audit_log::note::NOTE_BYTES_MAX;
use audit_log::proof_file::PROOF_BYTES_MAX;
use audit_log::{Checkpoint, LogProof, Note, VerifierKey};
use serde::Serialize;

use crate::controls::{ControlMap, Framework};
use crate::digest;
use crate::pack::{
    CHECKPOINT, CONTROLS, MANIFEST, MANIFEST_BYTES_MAX, Manifest, RANGE_ENTRIES_MAX, SIGNATURE, Stamp, TOKEN,
};
use crate::timestamp::{self, TOKEN_BYTES_MAX};
use archive::Archive;

/// Findings that are listed; the rest is only counted.
pub const FINDINGS_MAX: usize = 200;
/// Longest control map that is read, in bytes.
const MAP_BYTES_MAX: usize = 1_048_576;

/// The result in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything is what was signed.
    #[default]
    Intact,
    /// The manifest is genuine, and something is not what it says.
    Damaged,
    /// There is no genuine manifest or checkpoint, so nothing can be said.
    Untrusted,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// The line of it, from 1, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// In words.
    pub detail: String,
}

/// A time-stamping authority's word about the manifest. Who signed it was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stamped {
    /// When the manifest existed, by the authority's clock.
    pub at: String,
    /// The policy that the authority names.
    pub policy: String,
}

/// What a verification found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PackReport {
    verdict: Verdict,
    /// The key whose signatures held.
    pub vkey: Option<String>,
    /// What the manifest says, once its signature held.
    pub manifest: Option<serde_json::Value>,
    /// SHA-256 of the manifest, in hex.
    pub manifest_sha256: Option<String>,
    /// What the token of a time-stamping authority says, where there is one for this very manifest.
    pub timestamp: Option<Stamped>,
    /// Entries that were found in their place.
    pub entries: u64,
    /// Files whose hash is the one in the manifest.
    pub files: u64,
    /// Proofs of single entries that hold.
    pub proofs: u64,
    /// What is wrong, the first [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many findings there were.
    pub findings_total: u64,
}

impl PackReport {
    /// The result in one word.
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    fn add(&mut self, file: &str, line: Option<u64>, detail: impl Into<String>) {
        self.findings_total += 1;
        if self.verdict == Verdict::Intact {
            self.verdict = Verdict::Damaged;
        }
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { file: file.to_owned(), line, detail: detail.into() });
        }
    }

    fn distrust(mut self, file: &str, detail: impl Into<String>) -> Self {
        self.add(file, None, detail);
        self.verdict = Verdict::Untrusted;
        self
    }
}

/// How far a verification has come: entries done, and of how many.
pub type OnProgress<'a> = &'a mut dyn FnMut(u64, u64);

/// Verifies a pack. `keys` are the log's, known from elsewhere; when there are none the key in the pack is taken, and the
/// result says only that the pack is whole. Never fails: what is wrong stands in the report.
pub fn verify_pack<R: Read + Seek>(
    reader: R,
    keys: &[VerifierKey],
    on_progress: OnProgress<'_>,
) -> PackReport {
    let report = PackReport::default();
    let mut archive = match Archive::open(reader) {
        Ok(archive) => archive,
        Err(error) => return report.distrust("", format!("this is no archive: {error}")),
    };
    let (manifest, key, mut report) = match signed_manifest(&mut archive, keys, report) {
        Ok(good) => good,
        Err(report) => return *report,
    };
    let checkpoint = match open_checkpoint(&mut archive, &manifest, &key) {
        Ok(checkpoint) => checkpoint,
        Err(detail) => return report.distrust(CHECKPOINT, detail),
    };
    let with_token = manifest.timestamp == Stamp::Token;
    archive.compare(&manifest.files, with_token, &mut report);
    if with_token {
        stamp(&mut archive, &mut report);
    }
    let size = manifest.range.end.saturating_sub(manifest.range.first);
    if size > RANGE_ENTRIES_MAX || manifest.range.end > checkpoint.size() {
        report.add(MANIFEST, None, "its range is longer than a pack can be, or than the log is");
        return report;
    }
    if let Some(framework) = framework(&mut archive, &manifest, &mut report) {
        match tree::leaves(&mut archive, &manifest.range, &checkpoint) {
            Ok(leaves) => {
                entries::check(&mut archive, &manifest, &framework, &leaves, &mut report, on_progress);
            }
            Err((file, detail)) => report.add(&file, None, detail),
        }
    }
    proofs(&mut archive, &manifest, &key, &checkpoint, &mut report);
    report
}

/// The manifest, once its signature holds, and the key that signed it.
fn signed_manifest<R: Read + Seek>(
    archive: &mut Archive<R>,
    keys: &[VerifierKey],
    mut report: PackReport,
) -> Result<(Manifest, VerifierKey, PackReport), Box<PackReport>> {
    let bytes = match archive.read(MANIFEST, MANIFEST_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) => return Err(Box::new(report.distrust(MANIFEST, error))),
    };
    let parsed = from_canonical(&bytes).map_err(|error| error.to_string()).and_then(|value| {
        let manifest: Manifest = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
        Ok((manifest, value))
    });
    let (manifest, value) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return Err(Box::new(report.distrust(MANIFEST, format!("it is no manifest: {error}")))),
    };
    if manifest.format != crate::pack::FORMAT {
        let detail = format!("it is of the format {:?}, which is not known here", manifest.format);
        return Err(Box::new(report.distrust(MANIFEST, detail)));
    }
    let own: Vec<VerifierKey> = manifest.log.vkey.parse().into_iter().collect();
    let keys = if keys.is_empty() { own.as_slice() } else { keys };
    let jws = archive
        .read(SIGNATURE, JWS_BYTES_MAX)
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not text".to_owned()));
    let signed = jws.and_then(|jws| {
        verify_detached(keys, &bytes, jws.trim_end()).cloned().map_err(|error| error.to_string())
    });
    match signed {
        Ok(key) => {
            report.vkey = Some(key.to_string());
            report.manifest = Some(value);
            report.manifest_sha256 = Some(digest::sha256(&bytes));
            Ok((manifest, key, report))
        }
        Err(detail) => Err(Box::new(report.distrust(SIGNATURE, detail))),
    }
}

fn open_checkpoint<R: Read + Seek>(
    archive: &mut Archive<R>,
    manifest: &Manifest,
    key: &VerifierKey,
) -> Result<Checkpoint, String> {
    let bytes = archive.read(CHECKPOINT, NOTE_BYTES_MAX)?;
    let note = Note::parse(&bytes).map_err(|error| error.to_string())?;
    let checkpoint = Checkpoint::open(&note, std::slice::from_ref(key)).map_err(|error| error.to_string())?;
    let said = &manifest.log;
    let same = checkpoint.origin().as_str() == said.origin
        && checkpoint.size() == said.size
        && checkpoint.root().to_base64() == said.root;
    if same {
        Ok(checkpoint)
    } else {
        Err("it is not the state of the log that the manifest names".to_owned())
    }
}

/// The token, which must be for this manifest. The authority's signature takes its certificates, which are the reader's to
/// choose.
fn stamp<R: Read + Seek>(archive: &mut Archive<R>, report: &mut PackReport) {
    let read = archive
        .read(TOKEN, TOKEN_BYTES_MAX)
        .and_then(|bytes| timestamp::read(&bytes).map_err(|error| error.to_string()));
    match read {
        Ok(token) if Some(digest::hex(&token.imprint)) == report.manifest_sha256 => {
            report.timestamp = Some(Stamped { at: token.at.to_string(), policy: token.policy });
        }
        Ok(_) => report.add(TOKEN, None, "it is not for this manifest: the hash in it is another"),
        Err(detail) => report.add(TOKEN, None, detail),
    }
}

/// The framework as the pack's own map has it.
fn framework<R: Read + Seek>(
    archive: &mut Archive<R>,
    manifest: &Manifest,
    report: &mut PackReport,
) -> Option<Framework> {
    let found = archive.read(CONTROLS, MAP_BYTES_MAX).and_then(|bytes| {
        if digest::sha256(&bytes) != manifest.control_map.sha256 {
            return Err("it is not the control map that the manifest names".to_owned());
        }
        let map: ControlMap = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        map.framework(&manifest.framework.id).cloned().ok_or_else(|| "it has no such framework".to_owned())
    });
    match found {
        Ok(framework) => Some(framework),
        Err(detail) => {
            report.add(CONTROLS, None, detail);
            None
        }
    }
}

/// The proofs of single entries.
fn proofs<R: Read + Seek>(
    archive: &mut Archive<R>,
    manifest: &Manifest,
    key: &VerifierKey,
    checkpoint: &Checkpoint,
    report: &mut PackReport,
) {
    for file in manifest.files.iter().filter(|file| file.name.starts_with("proofs/")) {
        let checked = archive.read(&file.name, PROOF_BYTES_MAX).and_then(|bytes| {
            let proof = LogProof::parse(&bytes).map_err(|error| error.to_string())?;
            let verified = proof.verify_own(std::slice::from_ref(key));
            let found = verified.ok_or("it carries no entry")?.map_err(|error| error.to_string())?;
            if found == *checkpoint { Ok(()) } else { Err("it is of another state of the log".to_owned()) }
        });
        match checked {
            Ok(()) => report.proofs += 1,
            Err(detail) => report.add(&file.name, None, detail),
        }
    }
}

#[cfg(test)]
mod tests;
