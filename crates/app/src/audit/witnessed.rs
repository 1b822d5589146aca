//! Showing the instance's log to witnesses: what is to be shown, the proofs for it, and keeping what they say. Who talks
//! to them over the network is elsewhere.

use std::sync::Arc;

use audit_log::proof::ProofPlan;
use audit_log::{Hash, Note, VerifierKey};
use gates::{Draft, Reason, Vault};
use kernel::{EventKind, Timestamp};
use store::heads::{AlarmKind, NewCosignature, WitnessState};

use super::export;
use super::jobs::{KeepError, Sequencer};
use super::tiles::{Eyes, Unproven};

/// The newest head of the instance's log, to be shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The log's epoch.
    pub epoch: i16,
    /// Entries it covers.
    pub size: u64,
    /// The signed note.
    pub note: Note,
    /// The key that signed it.
    pub key: VerifierKey,
    /// Keys of the witnesses whose lines are kept already, and the lines.
    pub lines: Vec<(String, String)>,
}

/// What a witness answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What the policy calls it.
    pub name: String,
    /// Its key.
    pub vkey: String,
    /// Its line and when it saw the head, in seconds since 1970; else why not.
    pub said: Result<(String, u64), Silence>,
}

/// Why a witness did not cosign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// It could not be asked, or answered something else.
    Failed(String),
    /// It has seen another history of this log, or more of it than there is: the log was rewritten or restored.
    Refused(String),
}

/// The instance's log, to be shown to witnesses.
#[derive(Clone)]
pub struct Exhibit {
    sequencer: Sequencer,
}

impl Exhibit {
    /// The log this sequencer keeps for the instance.
    pub fn new(sequencer: Sequencer) -> Self {
        Self { sequencer }
    }

    fn vault(&self) -> &Arc<Vault> {
        &self.sequencer.vault
    }

    /// The newest head; `None` before there is one.
    ///
    /// # Errors
    /// When the database cannot be used or holds something else.
    pub async fn newest(&self) -> Result<Option<Shown>, KeepError> {
        let tenant = self.vault().instance();
        let mut tx = self.vault().system(Reason::Anchoring).await?;
        let found = store::heads::cosigned(&mut tx, tenant, false, 1).await?;
        tx.finish().await?;
        let Some(found) = found.into_iter().next() else { return Ok(None) };
        let note = Note::parse(found.signed.note.as_bytes());
        let key =
            export::verifier(&found.signed).map_err(|_| KeepError::broken(tenant, "its key is none"))?;
        Ok(Some(Shown {
            epoch: found.signed.epoch,
            size: found.signed.size.unsigned_abs(),
            note: note.map_err(|error| KeepError::broken(tenant, &error))?,
            key,
            lines: found.lines,
        }))
    }

    /// The proof that the log of `new` entries continues that of `old`.
    ///
    /// # Errors
    /// When the database cannot be used, or its tiles give none.
    pub async fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, KeepError> {
        let tenant = self.vault().instance();
        let plan = ProofPlan::consistency(old, new).map_err(|error| KeepError::broken(tenant, &error))?;
        let mut tx = self.vault().system(Reason::Anchoring).await?;
        let proof = Eyes::System(&mut tx, tenant).prove(&plan, new).await.map_err(|error| match error {
            Unproven::Store(error) => error.into(),
            error => KeepError::broken(tenant, &error),
        })?;
        tx.finish().await?;
        Ok(proof)
    }

    /// Keeps what a witness said. A refusal raises an alarm.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn keep(&self, shown: &Shown, answer: Answer) -> Result<(), KeepError> {
        let tenant = self.vault().instance();
        let number = |size: u64| i64::try_from(size).map_err(|error| KeepError::broken(tenant, &error));
        let size = number(shown.size)?;
        let mut tx = self.vault().system(Reason::Anchoring).await?;
        let mut state = WitnessState {
            vkey: answer.vkey,
            name: answer.name,
            size: None,
            signed_at: None,
            asked_at: self.vault().clock().now(),
            problem: None,
        };
        let refused = match answer.said {
            Ok((line, at)) => {
                let at = Timestamp::from_unix_micros(number(at)?.saturating_mul(1_000_000));
                let (epoch, vkey) = (shown.epoch, &state.vkey);
                let new = NewCosignature { tenant, epoch, size, vkey, line: &line, at };
                store::heads::keep_cosignature(&mut tx, &new).await?;
                (state.size, state.signed_at) = (Some(size), Some(at));
                None
            }
            Err(silence) => {
                let (Silence::Failed(why) | Silence::Refused(why)) = &silence;
                state.problem = Some(why.chars().take(500).collect());
                matches!(silence, Silence::Refused(_)).then(|| format!("{}: {why}", state.name))
            }
        };
        store::heads::keep_witness(&mut tx, &state).await?;
        tx.finish().await?;
        if let Some(detail) = refused {
            let draft = Draft::failed(EventKind::AlarmRaised)
                .fact("alarm", AlarmKind::WitnessRefused.name())
                .fact("size", shown.size);
            self.sequencer.raise(tenant, AlarmKind::WitnessRefused, detail, draft).await?;
        }
        Ok(())
    }
}
