//! The dry run: what a pack would have said to what is on record, held against the pack in force.
//!
//! An entry holds who did what when, and not everything a policy can look at; roles are those of today. What cannot be told
//! is counted as such and not guessed.

use std::collections::HashSet;

use audit_log::entry::EntryView;
use audit_log::json::to_canonical;
use audit_log::{ActorKind, Hash, Outcome};
use gates::{Draft, Pass, Receipt, Tx};
use kernel::limits::{POLICY_REPLAY_ROWS_MAX, POLICY_REPLAY_SHOWN_MAX};
use kernel::{EventKind, PolicyPackId, Problem, Timestamp};
use packs::replay::Replayed;
use packs::{Asker, AskerKind, Document, Facts, Pack, Question, Verdict};
use serde_json::{Map, Value, json};
use store::policy_packs::{self as kept, PolicyPack, Roles, Tried};
use uuid::Uuid;

use super::{PackFault, Undone, parts, templates, upload};
use crate::action;
use crate::policies::trial::of_floors;
use crate::policies::{Shift, Trial};

action! {
    /// Tries a policy pack against recorded decisions.
    TryPack = "policy_pack.dry_run", PoliciesManage, Staff, Write
}

/// Tries a pack: what of the newest recorded decisions it would have refused or allowed. What it showed is kept beside the
/// pack, and whoever activates it names the hash of that.
///
/// # Errors
/// When there is no such pack, or it could not come into force.
pub async fn try_pack(mut pass: Pass<TryPack>, id: PolicyPackId) -> Result<(Tried, Receipt), Problem> {
    let kind = EventKind::PolicyPackTried;
    match run(&mut pass, id).await {
        Ok((pack, tried, counts)) => {
            let draft = Draft::done(kind)
                .subject("policy_pack", id)
                .fact("label", pack.label())
                .fact("replayed", counts.replayed)
                .fact("refused", counts.refused)
                .fact("allowed", counts.allowed)
                .fact("unknown", counts.unknown)
                .fact("sha256", &counts.hash);
            let receipt = pass.seal(draft).await?;
            Ok((tried, receipt))
        }
        Err(undone) => {
            let (draft, problem) = undone.say(kind);
            Err(pass.fail(draft.subject("policy_pack", id), problem).await)
        }
    }
}

struct Counts {
    replayed: u64,
    refused: u64,
    allowed: u64,
    unknown: u64,
    hash: Hash,
}

async fn run(pass: &mut Pass<TryPack>, id: PolicyPackId) -> Result<(Pack, Tried, Counts), Undone> {
    let (tenant, now) = (pass.tenant(), pass.vault().clock().now());
    let tx = pass.tx();
    let found: PolicyPack = kept::read(tx, id).await?.ok_or_else(Problem::not_found)?;
    let pack = upload::again(tx, id, tenant, now).await?;
    let turn = kept::turns(tx, 1).await?.into_iter().next();
    if turn.as_ref().is_some_and(|turn| turn.pack == Some(id)) {
        return Err(PackFault::InForce.into());
    }
    let before = match turn.as_ref().and_then(|turn| turn.pack) {
        Some(before) => in_force(tx, before).await?,
        None => None,
    };
    let leaves = kept::recorded(tx, POLICY_REPLAY_ROWS_MAX).await?;
    let roles = kept::roles(tx).await?;
    let mut replay = Replay::new(&pack, &roles);
    let entries: Vec<EntryView<'_>> = leaves.iter().filter_map(|leaf| EntryView::parse(leaf).ok()).collect();
    for entry in &entries {
        replay.take(entry);
    }
    let floor = |pack: Option<&Pack>| pack.and_then(Pack::floor).cloned();
    let (floor_before, floor_after) = (floor(before.as_ref()), floor(Some(&pack)));
    let data = of_floors(tx, floor_before.as_ref(), floor_after.as_ref()).await?;
    let mut report = replay.report;
    if let Some(trial) = data {
        report.insert("personal_data".to_owned(), shifted(&trial));
    }
    if let Some(roles) = pack.roles() {
        report.insert("roles".to_owned(), templates::shown(tx, roles).await?);
    }
    let limits = parts::limits(before.as_ref().and_then(Pack::limits), pack.limits(), &entries);
    let tools = parts::tools(before.as_ref().and_then(Pack::tools), pack.tools(), &entries);
    for (name, part) in [("limits", limits), ("tools", tools)] {
        if let Some(part) = part {
            report.insert(name.to_owned(), part);
        }
    }
    report.insert("pack".to_owned(), json!(pack.label().as_str()));
    report.insert("pack_id".to_owned(), json!(found.id));
    report.insert("in_force".to_owned(), json!(before.as_ref().map(|pack| pack.label().as_str())));
    report.insert("entries".to_owned(), json!(leaves.len()));
    report.insert("replayed".to_owned(), json!(replay.replayed));
    report.insert("unknown".to_owned(), json!(replay.unknown));
    report.insert("would_refuse".to_owned(), json!(replay.refused.count));
    report.insert("would_allow".to_owned(), json!(replay.allowed.count));
    report.insert("refused".to_owned(), Value::Array(replay.refused.shown));
    report.insert("allowed".to_owned(), Value::Array(replay.allowed.shown));
    let report = Value::Object(report);
    let bytes = to_canonical(&report).map_err(|_| Problem::internal())?;
    let hash = Hash(crypto::sha256(&bytes));
    let tried = Tried { report, sha256: hash.0.to_vec(), at: now, over: turn.map(|turn| turn.seq) };
    kept::tried(pass.tx(), id, &tried).await?;
    let counts = Counts {
        replayed: replay.replayed,
        refused: replay.refused.count,
        allowed: replay.allowed.count,
        unknown: replay.unknown,
        hash,
    };
    Ok((pack, tried, counts))
}

/// The pack in force, when it can be put together.
pub(super) async fn in_force(tx: &mut Tx, id: PolicyPackId) -> Result<Option<Pack>, store::StoreError> {
    let document = kept::document(tx, id).await?.and_then(|(bytes, _)| Document::of_bytes(&bytes).ok());
    Ok(document.and_then(|document| packs::check(&document).pack))
}

/// Differences of one sort.
#[derive(Default)]
struct Differences {
    count: u64,
    shown: Vec<Value>,
}

impl Differences {
    fn add(&mut self, difference: impl FnOnce() -> Value) {
        self.count += 1;
        if self.shown.len() < POLICY_REPLAY_SHOWN_MAX {
            self.shown.push(difference());
        }
    }
}

struct Replay<'a> {
    pack: &'a Pack,
    roles: &'a Roles,
    seen: HashSet<(String, String)>,
    replayed: u64,
    unknown: u64,
    refused: Differences,
    allowed: Differences,
    report: Map<String, Value>,
}

impl<'a> Replay<'a> {
    fn new(pack: &'a Pack, roles: &'a Roles) -> Self {
        Self {
            pack,
            roles,
            seen: HashSet::new(),
            replayed: 0,
            unknown: 0,
            refused: Differences::default(),
            allowed: Differences::default(),
            report: Map::new(),
        }
    }

    fn take(&mut self, entry: &EntryView<'_>) {
        let person = matches!(entry.actor_kind, ActorKind::Human | ActorKind::Agent | ActorKind::Service);
        if !person || packs::catalogue::row(entry.action).is_none() {
            return;
        }
        let data = entry.data_map().unwrap_or_default();
        let denied = entry.kind == EventKind::AccessDenied.name();
        let by_pack = denied && data.contains_key("verdict");
        if denied && !by_pack {
            // No role granted it: no pack changes that.
            return;
        }
        // A call of the outside world has two entries, and is one decision.
        if !self.seen.insert((entry.request_id.to_string(), entry.action.to_owned())) {
            return;
        }
        let verdict = data.get("verdict").and_then(Value::as_str).and_then(Verdict::named);
        if by_pack && matches!(verdict, Some(Verdict::Limit | Verdict::Tool)) {
            // How much it asked for, or with which tools, no entry holds.
            self.unknown += 1;
            return;
        }
        match self.ask(entry, &data) {
            None | Some(Replayed::Unknown) => self.unknown += 1,
            Some(Replayed::Refused(decision)) => {
                self.replayed += 1;
                if !by_pack {
                    let verdict = decision.verdict.name();
                    self.refused
                        .add(|| told(entry, json!({ "verdict": verdict, "policies": decision.policies })));
                }
            }
            Some(Replayed::Allowed) => {
                self.replayed += 1;
                if by_pack {
                    let was = data.get("policies").cloned();
                    self.allowed.add(|| told(entry, json!({ "was_refused_by": was })));
                }
            }
        }
    }

    /// `None` when nobody knows any more who it was, or what role they had.
    fn ask(&self, entry: &EntryView<'_>, data: &Map<String, Value>) -> Option<Replayed> {
        let id = entry.actor_id.as_deref()?;
        let uuid = Uuid::try_parse(id).ok()?;
        let key = || entry.actor_key.as_deref().and_then(|key| Uuid::try_parse(key).ok());
        let (kind, role, owner) = match entry.actor_kind {
            ActorKind::Human => {
                let (role, owner) = self.roles.people.get(&uuid)?;
                (AskerKind::User, role.as_str(), *owner)
            }
            ActorKind::Agent => (AskerKind::Agent, self.roles.keys.get(&key()?)?.as_str(), false),
            _ => (AskerKind::ApiKey, self.roles.keys.get(&uuid)?.as_str(), false),
        };
        let project = entry.project.map(|project| project.to_string());
        let at = Timestamp::from_unix_micros(entry.at.unix_micros());
        Some(self.pack.replay(&Question {
            action: entry.action,
            organization: &entry.tenant.to_string(),
            asker: Asker { kind, id, role, owner, second_factor: false },
            facts: Facts {
                project: project.as_deref(),
                acting_for: data.get("acting_for").and_then(Value::as_str),
                ..Facts::at(at)
            },
        }))
    }
}

/// What another floor would have done about what was found lately: counts, never a value.
fn shifted(trial: &Trial) -> Value {
    let shift = |shift: &Shift| {
        json!({
            "channel": shift.channel.name(),
            "class": shift.class.name(),
            "now": shift.now.name(),
            "then": shift.then.name(),
            "findings": shift.findings,
        })
    };
    json!({
        "looked_at": trial.looked_at,
        "changed": trial.changed,
        "uncertain": trial.uncertain,
        "shifts": trial.shifts.iter().map(shift).collect::<Vec<_>>(),
        "unknown": trial.unknown,
    })
}

/// One decision, as it is shown.
fn told(entry: &EntryView<'_>, difference: Value) -> Value {
    let mut told = json!({
        "entry": entry.id,
        "at": entry.at.to_string(),
        "action": entry.action,
        "actor_kind": entry.actor_kind.as_str(),
        "actor": entry.actor_id,
        "was": match entry.outcome {
            Outcome::Refused => "refused",
            _ => "allowed",
        },
    });
    if let (Some(told), Value::Object(more)) = (told.as_object_mut(), difference) {
        told.extend(more);
    }
    told
}
