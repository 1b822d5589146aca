//! Receipts held against a log that was verified: `--receipts FILE`, or the file that lies in the folder.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use audit_log::receipt::{Fate, Reconciled, reconcile};
use audit_log::{Report, TileSource, VerifierKey};
use serde_json::{Value, json};

use super::VerifyArgs;
use super::folder::{self, DAMAGED, UNTRUSTED};
use crate::embedded::files;

/// The file in a folder that is looked for when none is named.
pub(crate) const RECEIPTS_FILE: &str = "receipts.txt";

/// Longest file of receipts, in bytes.
const FILE_BYTES_MAX: u64 = 512 * 1_048_576;

/// Receipts that were not kept and are named on standard output; the rest is only counted.
const NAMED_MAX: usize = 200;

/// The receipts of a file and what became of them.
pub(crate) struct Receipts {
    path: PathBuf,
    all: Vec<Reconciled>,
}

impl Receipts {
    /// Holds the receipts that the arguments name, or that lie in `dir`, against the log just verified; `None` when there are
    /// none.
    ///
    /// # Errors
    /// When the receipts, a key or the log cannot be read.
    pub(crate) fn of<S: TileSource + ?Sized>(
        args: &VerifyArgs,
        dir: Option<&Path>,
        source: &S,
        report: &Report,
        key: &VerifierKey,
    ) -> Result<Option<Self>> {
        let lying = dir.map(|dir| dir.join(RECEIPTS_FILE)).filter(|path| path.is_file());
        let Some(path) = args.receipts.clone().or(lying) else { return Ok(None) };
        let bytes = files::read_at_most(&path, FILE_BYTES_MAX)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        let mut keys = vec![key.clone()];
        for earlier in &args.receipt_key {
            keys.push(folder::given_key(earlier).context("--receipt-key")?);
        }
        let all = reconcile(source, report, &keys, text.lines()).context("the log cannot be read again")?;
        Ok(Some(Self { path, all }))
    }

    fn kept(&self) -> usize {
        self.all.iter().filter(|one| one.fate.is_kept()).count()
    }

    fn others(&self) -> impl Iterator<Item = &Reconciled> {
        self.all.iter().filter(|one| !one.fate.is_kept())
    }

    /// The exit status they stand for; `None` when every one of them was kept.
    pub(crate) fn exit(&self) -> Option<u8> {
        if self.all.iter().any(|one| one.fate.is_broken()) {
            return Some(DAMAGED);
        }
        self.others().next().map(|_| UNTRUSTED)
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let one = |one: &Reconciled| {
            let receipt = one.receipt.as_ref();
            let mut said = json!({
                "line": one.line,
                "entry": receipt.map(|receipt| receipt.entry),
                "leaf": receipt.map(|receipt| receipt.leaf),
                "at": receipt.map(|receipt| receipt.at.to_string()),
                "origin": receipt.map(|receipt| receipt.origin.as_str()),
                "proves": one.fate.proves(),
            });
            if let (Some(said), Ok(Value::Object(fate))) =
                (said.as_object_mut(), serde_json::to_value(&one.fate))
            {
                said.extend(fate);
            }
            said
        };
        json!({
            "file": self.path.display().to_string(),
            "total": self.all.len(),
            "kept": self.kept(),
            "not_kept": self.others().map(one).collect::<Vec<_>>(),
        })
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let (kept, total) = (self.kept(), self.all.len());
        let word = match self.exit() {
            None => "KEPT",
            Some(DAMAGED) => "BROKEN",
            Some(_) => "UNDECIDED",
        };
        let mut lines = vec![format!(
            "{word}: the log holds {kept} of the {total} entries that {} promises.",
            self.path.display()
        )];
        for one in self.others().take(NAMED_MAX) {
            let what = match (&one.receipt, &one.fate) {
                (_, Fate::Unreadable { reason }) => reason.clone(),
                (Some(receipt), Fate::UnknownKey) => format!("{receipt}, signed for {}", receipt.origin),
                (Some(receipt), Fate::Changed { index }) => {
                    format!("{receipt}: entry {index} of the log has its id and other words")
                }
                (Some(receipt), _) => format!("{receipt} is not in the log"),
                (None, _) => "not a receipt".to_owned(),
            };
            lines.push(format!("  line {}: {what}; {}", one.line, one.fate.proves()));
        }
        let hidden = (total - kept).saturating_sub(NAMED_MAX);
        if hidden > 0 {
            lines.push(format!("  … and {hidden} more"));
        }
        lines.join("\n") + "\n"
    }
}
