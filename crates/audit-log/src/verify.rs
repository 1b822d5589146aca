//! Verification of a whole log: every entry, every hash, the root, the signature.
//!
//! The walk goes once over the log from the left and holds one tile per level. Each level carries two rows of
//! hashes: those computed from the entries, and those computed from the stored tiles. Where a stored hash agrees
//! with neither, the fault is new and is named; where it agrees with one, the fault below it was named already
//! and the agreement tells whether the entry or its stored hash was altered.

mod align;
mod ids;
mod personal;
mod report;
mod walk;

use uuid::Uuid;

use crate::CHECKPOINT_PATH;
use crate::anchor::{ANCHOR_PATH, Anchor, AnchorFault};
use crate::checkpoint::{Checkpoint, OpenError};
use crate::note::{Note, SignatureError, VerifierKey};
use crate::policy::Policy;
use crate::source::TileSource;

pub use ids::DUPLICATE_WINDOW_ENTRIES;
pub use report::{
    Anchored, FINDINGS_MAX, Finding, FindingKind, KINDS_COUNTED_MAX, PersonalValues, Report, Verdict,
    Witnessed,
};

/// How far a verification has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Entries looked at.
    pub entries_done: u64,
    /// Entries of the log.
    pub entries_total: u64,
}

/// How a log is to be verified.
#[derive(Debug, Clone)]
pub struct LogVerifier<'a> {
    keys: &'a [VerifierKey],
    tenant: Option<Uuid>,
    opaque: bool,
    older: Vec<Checkpoint>,
    policy: Option<&'a Policy>,
    anchor: Option<Result<Anchor, AnchorFault>>,
}

impl<'a> LogVerifier<'a> {
    /// The checkpoint must be signed by at least one of `keys`, all of which belong to this log.
    pub fn new(keys: &'a [VerifierKey]) -> Self {
        Self { keys, tenant: None, opaque: false, older: Vec::new(), policy: None, anchor: None }
    }

    /// Every entry must be of this tenant. Without it, of the tenant of the first entry.
    #[must_use]
    pub fn tenant(mut self, tenant: Uuid) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// The entries are not ours: check their hashes, do not read them.
    #[must_use]
    pub fn opaque_entries(mut self) -> Self {
        self.opaque = true;
        self
    }

    /// The log must continue the one this checkpoint describes. The caller has verified its signature.
    #[must_use]
    pub fn older(mut self, checkpoint: Checkpoint) -> Self {
        self.older.push(checkpoint);
        self
    }

    /// As many witnesses must have cosigned the checkpoint as the policy asks for.
    #[must_use]
    pub const fn policy(mut self, policy: &'a Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// The log must agree with its head in a log of logs. Witnesses of that log count as witnesses of what the head covers.
    #[must_use]
    pub fn anchor(mut self, anchor: Result<Anchor, AnchorFault>) -> Self {
        self.anchor = Some(anchor);
        self
    }

    /// Reads the whole log. Never fails: what is wrong stands in the report.
    pub fn run<S: TileSource + ?Sized>(&self, source: &S, on_progress: &mut dyn FnMut(Progress)) -> Report {
        let mut report = Report::default();
        let checkpoint = match self.open(source, &mut report) {
            Ok(checkpoint) => checkpoint,
            Err((kind, detail)) => {
                report.distrust(Finding::new(kind, detail).at(CHECKPOINT_PATH));
                return report;
            }
        };
        // The size is only worth walking once a key vouches for it.
        let Some(head) = self.anchored(&checkpoint, &mut report) else {
            walk::walk(self, source, &checkpoint, &mut report, on_progress);
            return report;
        };
        let size = head.size();
        walk::walk(&self.clone().older(head), source, &checkpoint, &mut report, on_progress);
        match report.continues.iter().position(|found| *found == size) {
            Some(at) => drop(report.continues.remove(at)),
            // The walk has said what is wrong.
            None => report.anchor = None,
        }
        report
    }

    /// The head of this log in the log of logs; nothing when none was shown, or it is of another epoch of this log.
    fn anchored(&self, checkpoint: &Checkpoint, report: &mut Report) -> Option<Checkpoint> {
        let anchor = match self.anchor.as_ref()? {
            Ok(anchor) => anchor,
            Err(fault) => {
                report.add(Finding::new(FindingKind::AnchorBad, fault.to_string()).at(ANCHOR_PATH));
                return None;
            }
        };
        if anchor.head().origin() != checkpoint.origin() {
            report.anchor = None;
            return None;
        }
        Some(anchor.head().clone())
    }

    fn open<S: TileSource + ?Sized>(
        &self,
        source: &S,
        report: &mut Report,
    ) -> Result<Checkpoint, (FindingKind, String)> {
        let bytes = match source.read(CHECKPOINT_PATH) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err((FindingKind::CheckpointMissing, "there is no checkpoint".to_owned())),
            Err(error) => return Err((FindingKind::Unreadable, error.to_string())),
        };
        let note =
            Note::parse(&bytes).map_err(|error| (FindingKind::CheckpointMalformed, error.to_string()))?;
        let checkpoint = Checkpoint::open(&note, self.keys).map_err(|error| {
            let kind = match &error {
                OpenError::Signature(SignatureError::Invalid(_)) => FindingKind::SignatureBad,
                OpenError::Signature(SignatureError::Unsigned) => FindingKind::SignatureMissing,
                OpenError::Origin { .. } => FindingKind::OriginMismatch,
                OpenError::Note(_) | OpenError::Checkpoint(_) => FindingKind::CheckpointMalformed,
            };
            (kind, error.to_string())
        })?;
        report.origin = Some(checkpoint.origin().to_string());
        report.size = checkpoint.size();
        report.root = Some(*checkpoint.root());
        let signers = note.verify(self.keys).unwrap_or_default();
        report.signed_by = signers.iter().map(ToString::to_string).collect();
        self.witnessed(&note, report)?;
        Ok(checkpoint)
    }

    /// Asks the policy, when there is one, whether enough witnesses saw this checkpoint, or the log of logs that holds a head
    /// of this log.
    fn witnessed(&self, note: &Note, report: &mut Report) -> Result<(), (FindingKind, String)> {
        let cosigned = |note: &Note| match self.policy {
            Some(policy) => policy
                .cosignatures(note)
                .map(|found| (policy.is_met_by(&found), found.iter().map(Witnessed::from).collect()))
                .map_err(|error| (FindingKind::CosignatureBad, error.to_string())),
            None => Ok((true, Vec::new())),
        };
        let (mut met, witnesses) = cosigned(note)?;
        report.witnesses = witnesses;
        if let Some(Ok(anchor)) = &self.anchor
            && anchor.head().origin().as_str() == note.first_line()
        {
            let (met_there, witnesses) = cosigned(anchor.note())?;
            met |= met_there;
            report.anchor = Some(Anchored {
                by: anchor.by().origin().to_string(),
                index: anchor.index(),
                size: anchor.head().size(),
                witnesses,
            });
        }
        if met {
            return Ok(());
        }
        let (count, known) =
            (report.witnesses.len(), self.policy.map_or(0, |policy| policy.witnesses().len()));
        let detail =
            format!("{count} of {known} known witnesses cosigned it, which the policy finds too few");
        Err((FindingKind::WitnessesMissing, detail))
    }
}

/// Verifies the log in `source` with the log's keys; [`LogVerifier`] has more to ask for.
pub fn verify_log<S: TileSource + ?Sized>(
    source: &S,
    keys: &[VerifierKey],
    mut on_progress: impl FnMut(Progress),
) -> Report {
    LogVerifier::new(keys).run(source, &mut on_progress)
}

#[cfg(test)]
mod tests;
