//! What the instance's log says about an organization's: the anchor of its newest head, under a checkpoint that witnesses
//! have cosigned.

use std::sync::Arc;

use audit_log::cosign::parse_lines;
use audit_log::proof::ProofPlan;
use audit_log::{LogProof, Note, Policy, VerifierKey};
use gates::{Draft, Pass, Reason, Receipt, SystemTx, Vault};
use kernel::{EventKind, Problem, ProblemKind, TenantId, Timestamp};
use store::heads::Cosigned;

use super::jobs::Sequencer;
use super::tiles::Eyes;
use super::{ProveEntry, ReadCheckpoint, export};

/// Cosigned heads that are looked through for one with enough witnesses.
const HEADS_LOOKED_AT_MAX: i64 = 16;

/// A head of the instance's log.
#[derive(Debug, Clone)]
pub struct InstanceHead {
    /// The signed note, with the lines of witnesses.
    pub note: Note,
    /// The key that signed it.
    pub key: VerifierKey,
    /// Entries it covers.
    pub size: u64,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// Whether as many witnesses cosigned it as the policy asks for; false when there is no policy.
    pub witnessed: bool,
}

/// A line of the list of witnesses.
pub use store::heads::WitnessState;

fn head(found: &Cosigned, policy: Option<&Policy>) -> Result<InstanceHead, Problem> {
    let broken = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "a stored head of the instance's log cannot be read");
        Problem::internal()
    };
    let mut note = Note::parse(found.signed.note.as_bytes()).map_err(|error| broken(&error))?;
    for (_, line) in &found.lines {
        for signature in parse_lines(format!("{line}\n").as_bytes()).map_err(|error| broken(&error))? {
            note.add_signature(signature).map_err(|error| broken(&error))?;
        }
    }
    let witnessed = policy.is_some_and(|policy| {
        policy.asks_for_witnesses() && policy.cosignatures(&note).is_ok_and(|found| policy.is_met_by(&found))
    });
    Ok(InstanceHead {
        note,
        key: export::verifier(&found.signed)?,
        size: found.signed.size.unsigned_abs(),
        signed_at: found.signed.signed_at,
        witnessed,
    })
}

/// The newest head that enough witnesses cosigned; without such a one, or without a policy, the newest.
async fn best_head(
    tx: &mut SystemTx,
    instance: TenantId,
    policy: Option<&Policy>,
) -> Result<Option<InstanceHead>, Problem> {
    if policy.is_some_and(Policy::asks_for_witnesses) {
        for found in store::heads::cosigned(tx, instance, true, HEADS_LOOKED_AT_MAX).await? {
            let head = head(&found, policy)?;
            if head.witnessed {
                return Ok(Some(head));
            }
        }
    }
    let newest = store::heads::cosigned(tx, instance, false, 1).await?;
    newest.first().map(|found| head(found, policy)).transpose()
}

/// The proof that the instance's log holds a head of the tenant's: its leaf says origin, size and root. `None` before the
/// first one is there.
pub(super) async fn proof(
    sequencer: &Sequencer,
    tenant: TenantId,
) -> Result<Option<(LogProof, InstanceHead)>, Problem> {
    let instance = sequencer.vault.instance();
    let mut tx = begin(&sequencer.vault).await?;
    let Some(head) = best_head(&mut tx, instance, sequencer.policy.as_deref()).await? else {
        return Ok(None);
    };
    let below = i64::try_from(head.size).map_err(|_| Problem::internal())?;
    let Some(anchor) = store::heads::anchor(&mut tx, instance, tenant, below).await? else { return Ok(None) };
    let index = anchor.index.unsigned_abs();
    let plan = ProofPlan::inclusion(index, head.size).map_err(|_| Problem::internal())?;
    let path = Eyes::System(&mut tx, instance).prove(&plan, head.size).await?;
    end(tx).await?;
    let proof = LogProof { extra: Some(anchor.leaf), index, path, note: head.note.clone() };
    // A proof that does not hold would accuse the log; say rather that something is wrong here.
    if proof.verify_own(std::slice::from_ref(&head.key)).is_none_or(|verified| verified.is_err()) {
        tracing::error!(%tenant, "an anchor is not the one that was signed");
        return Err(Problem::internal());
    }
    Ok(Some((proof, head)))
}

/// [`proof`], with the newest anchor signed first.
pub(super) async fn settled(
    sequencer: &Sequencer,
    tenant: TenantId,
) -> Result<Option<(LogProof, InstanceHead)>, Problem> {
    let mut tx = begin(&sequencer.vault).await?;
    let newest = store::heads::newest_anchor(&mut tx, tenant).await?;
    end(tx).await?;
    if let Some(entry) = newest {
        sequencer.settle(sequencer.vault.instance(), entry).await?;
    }
    proof(sequencer, tenant).await
}

/// The proof that the instance's log holds a head of this organization's log: the newest that enough witnesses have seen;
/// without witnesses, one that covers this request.
pub async fn anchor(pass: Pass<ProveEntry>, sequencer: &Sequencer) -> Result<(LogProof, Receipt), Problem> {
    let receipt = pass.record(Draft::done(EventKind::AuditRead)).await?;
    sequencer.settle(pass.tenant(), receipt.entry()).await?;
    match settled(sequencer, pass.tenant()).await? {
        Some((proof, _)) => Ok((proof, receipt)),
        None => Err(Problem::internal()),
    }
}

/// How it stands with the instance's log and its witnesses.
#[derive(Debug, Clone)]
pub struct Witnessing {
    /// Its best head; `None` before there is one.
    pub head: Option<InstanceHead>,
    /// Whether witnesses are configured.
    pub configured: bool,
    /// What became of asking each.
    pub witnesses: Vec<WitnessState>,
}

/// How it stands with the instance's log, which holds the heads of all, and with its witnesses.
pub async fn witnessing(
    pass: Pass<ReadCheckpoint>,
    sequencer: &Sequencer,
) -> Result<(Witnessing, Receipt), Problem> {
    let standing = standing(sequencer).await?;
    Ok((standing, pass.seal(Draft::done(EventKind::AuditRead)).await?))
}

/// [`witnessing`] for a page that is recorded as a whole.
pub async fn standing(sequencer: &Sequencer) -> Result<Witnessing, Problem> {
    let policy = sequencer.policy.as_deref();
    let mut tx = begin(&sequencer.vault).await?;
    let head = best_head(&mut tx, sequencer.vault.instance(), policy).await?;
    let witnesses = store::heads::witnesses(&mut tx).await?;
    end(tx).await?;
    Ok(Witnessing { head, configured: policy.is_some_and(Policy::asks_for_witnesses), witnesses })
}

async fn begin(vault: &Arc<Vault>) -> Result<SystemTx, Problem> {
    vault.system(Reason::Anchoring).await.map_err(|error| unavailable(&error))
}

async fn end(tx: SystemTx) -> Result<(), Problem> {
    tx.finish().await.map_err(|error| unavailable(&error))
}

fn unavailable(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "the instance's log cannot be read");
    Problem::new(ProblemKind::Unavailable, "The log of the instance cannot be read now; try again shortly.")
        .retry_after(2)
}
