//! Putting a pack into force, and going back.

use audit_log::Hash;
use gates::{Draft, Pass, Receipt, Tx};
use kernel::limits::POLICY_DRY_RUN_SECONDS_MAX;
use kernel::{EventKind, PolicyPackId, Problem, ProblemKind};
use packs::Label;
use store::StoreError;
use store::policy_packs::{self as kept, PolicyPack, Turn};

use super::tried::in_force;
use super::{Made, PackFault, Undone, templates, upload};
use crate::action;

action! {
    /// Puts a policy pack into force.
    ActivatePack = "policy_pack.activate", PoliciesManage, Human, Write, Fresh
}

action! {
    /// Goes back to the policy pack that was in force before, or to none. No pack reaches it.
    RollBack = "policy_pack.roll_back", PoliciesManage, Human, Write, Fresh
}

/// What is asked for: the pack, and the hash of the dry run that was looked at.
#[derive(Debug, Clone, Copy)]
pub struct Activation {
    /// Which pack.
    pub pack: PolicyPackId,
    /// What was seen.
    pub dry_run: [u8; 32],
}

/// A turn that was made just now.
#[derive(Debug, Clone)]
pub struct NewTurn {
    /// The turn.
    pub turn: Turn,
    /// What became of the templates of roles that come with the pack in force.
    pub templates: Made,
}

/// What a turn leads to, and from: as entries say it.
struct Way {
    new: Option<Label>,
    old: Option<Label>,
}

/// The label of a kept pack.
fn label(pack: &PolicyPack) -> Result<Label, Problem> {
    let sha256 = <[u8; 32]>::try_from(pack.sha256.as_slice()).map_err(|_| Problem::internal())?;
    Ok(Label::of(&pack.name, pack.version.unsigned_abs(), &sha256))
}

/// The label of the pack of a turn.
async fn label_of(tx: &mut Tx, turn: Option<&Turn>) -> Result<Option<Label>, Problem> {
    let Some(id) = turn.and_then(|turn| turn.pack) else { return Ok(None) };
    kept::read(tx, id).await?.map(|pack| label(&pack)).transpose()
}

/// Puts a pack into force, everywhere within a second. Checked once more as a whole: the signature and its key, the pack
/// itself and its tests, that it is no step back, and that whoever asks has seen what it would have done.
///
/// # Errors
/// With a [`PackFault`] of its own for everything that keeps it out.
pub async fn activate(
    mut pass: Pass<ActivatePack>,
    asked: Activation,
) -> Result<(NewTurn, Receipt), Problem> {
    let kind = EventKind::PolicyPackActivated;
    match turn_to(&mut pass, asked).await {
        Ok((turn, way, hash)) => {
            let draft = Draft::done(kind)
                .subject("policy_pack", asked.pack)
                .fact("label", way.new)
                .fact("sha256", &hash)
                .fact("replaces", way.old)
                .fact("dry_run", &Hash(asked.dry_run));
            let receipt = pass.seal(with_templates(draft, &turn.templates)).await?;
            Ok((turn, receipt))
        }
        Err(undone) => {
            let (draft, problem) = undone.say(kind);
            Err(pass.fail(draft.subject("policy_pack", asked.pack), problem).await)
        }
    }
}

async fn turn_to(pass: &mut Pass<ActivatePack>, asked: Activation) -> Result<(NewTurn, Way, Hash), Undone> {
    let (tenant, now, by) = (pass.tenant(), pass.vault().clock().now(), pass.who().account());
    let tx = pass.tx();
    let kept_pack = kept::read(tx, asked.pack).await?.ok_or_else(Problem::not_found)?;
    let current = kept::turns(tx, 1).await?.into_iter().next();
    if current.as_ref().is_some_and(|turn| turn.pack == Some(asked.pack)) {
        return Err(PackFault::InForce.into());
    }
    let pack = upload::again(tx, asked.pack, tenant, now).await?;
    if let Some(highest) =
        kept::highest(tx, &kept_pack.name).await?.filter(|highest| *highest >= kept_pack.version)
    {
        return Err(PackFault::Downgrade(highest).into());
    }
    let tried = kept_pack.tried.as_ref().ok_or(PackFault::Untried)?;
    let over = current.as_ref().map(|turn| turn.seq);
    if now.since(tried.at).as_secs() > POLICY_DRY_RUN_SECONDS_MAX || tried.over != over {
        return Err(PackFault::Untried.into());
    }
    if tried.sha256 != asked.dry_run {
        return Err(PackFault::OtherDryRun.into());
    }
    let old = label_of(tx, current.as_ref()).await?;
    let turn = Turn {
        seq: over.unwrap_or(0) + 1,
        pack: Some(asked.pack),
        below: over,
        way: "activate".to_owned(),
        at: now,
        by,
    };
    make(pass.tx(), &turn).await?;
    let templates = templates::make(pass, &pack).await?;
    Ok((NewTurn { turn, templates }, Way { new: Some(pack.label().clone()), old }, Hash(*pack.sha256())))
}

/// What became of templates, where a pack has any.
fn with_templates(draft: Draft, made: &Made) -> Draft {
    if *made == Made::default() {
        return draft;
    }
    draft
        .fact("templates_made", made.made)
        .fact("templates_changed", made.changed)
        .fact("templates_left", made.left.len() as u64)
}

async fn make(tx: &mut gates::WriteTx, turn: &Turn) -> Result<(), Problem> {
    match kept::make_turn(tx, turn).await {
        Ok(()) => Ok(()),
        Err(StoreError::Taken) => {
            let says = "Somebody else changed the pack in force at this moment; look again.";
            Err(Problem::new(ProblemKind::Conflict, says))
        }
        Err(error) => Err(error.into()),
    }
}

/// Goes back one step: the pack that was in force before is in force again, or none. It asks for nothing but the right
/// person: it is the way out.
///
/// # Errors
/// When no pack is in force.
pub async fn roll_back(mut pass: Pass<RollBack>) -> Result<(NewTurn, Receipt), Problem> {
    let kind = EventKind::PolicyPackRolledBack;
    match step_back(&mut pass).await {
        Ok((turn, way)) => {
            let draft = Draft::done(kind)
                .subject("policy_turn", turn.turn.seq)
                .fact("label", way.new)
                .fact("replaces", way.old);
            let receipt = pass.seal(with_templates(draft, &turn.templates)).await?;
            Ok((turn, receipt))
        }
        Err(problem) => Err(pass.fail(crate::undone(kind, &problem), problem).await),
    }
}

async fn step_back(pass: &mut Pass<RollBack>) -> Result<(NewTurn, Way), Problem> {
    let (now, by) = (pass.vault().clock().now(), pass.who().account());
    let tx = pass.tx();
    let Some(current) = kept::turns(tx, 1).await?.into_iter().next().filter(|turn| turn.pack.is_some())
    else {
        return Err(Problem::new(
            ProblemKind::Conflict,
            "No pack is in force, so there is nothing to go back from.",
        ));
    };
    let target = match current.below {
        Some(seq) => kept::turn(tx, seq).await?,
        None => None,
    };
    let old = label_of(tx, Some(&current)).await?;
    // What is gone back to was sound when it came into force; where a newer program finds otherwise, nothing is made of it.
    let pack = match target.as_ref().and_then(|turn| turn.pack) {
        Some(id) => in_force(tx, id).await?,
        None => None,
    };
    let new = label_of(tx, target.as_ref()).await?;
    let turn = Turn {
        seq: current.seq + 1,
        pack: target.as_ref().and_then(|turn| turn.pack),
        below: target.and_then(|turn| turn.below),
        way: "roll_back".to_owned(),
        at: now,
        by,
    };
    make(pass.tx(), &turn).await?;
    let templates = match &pack {
        Some(pack) => templates::restore(pass, pack).await?,
        None => Made::default(),
    };
    Ok((NewTurn { turn, templates }, Way { new, old }))
}
