//! The organization's pages that only read: home, roles, the log.

use app::audit::{CheckpointRecord, EntryRecord, Names, ProveEntry, ReadCheckpoint, ReadEntries, Wanted};
use app::break_glass::{Override, Stage};
use app::home::{Inside, Key, LogHealth};
use app::input::Page;
use axum::extract::Path;
use gates::{AuthMode, Caller as _, Human};
use kernel::{
    AgentId, Category, EntryId, EventKind, Gate, MemberRole, Permission, Problem, ProblemKind, Role,
    Timestamp,
};

use super::answer::Answer;
use super::heads;
use super::health::{self, Facts, Unknown};
use super::visit::{Visit, may, now};
use super::words;
use crate::layout::Room;
use crate::pages::{self, Activity, FirstStep, PermissionArea, PermissionRow, Place, RoleColumn, Task};
use crate::parts::{Choice, Form, Pager, When};

/// Entries on a page of the log.
const AUDIT_ROWS: i64 = 50;
/// Entries on the home page.
const ACTIVITY_ROWS: i64 = 8;

/// What the page could find out about the organization.
enum Found {
    /// All of it.
    Inside(Box<Inside>),
    /// This person may not read the log.
    NotTheirs,
    /// It could not be read just now.
    Nothing(Unknown),
}

/// Looks around. A reading that fails takes its part of the page away and no more: what the page is for is to say so.
async fn look(visit: &Visit, human: &Human) -> Result<Found, Answer> {
    if !may(human, Permission::AuditRead) {
        return Ok(Found::NotTheirs);
    }
    let vault = visit.state.vault();
    let looked = match vault.enter::<ReadEntries>(human.principal(), visit.context.clone()).await {
        Ok(pass) => app::home::look(pass, ACTIVITY_ROWS).await,
        Err(problem) => Err(problem),
    };
    match looked {
        Ok((inside, _)) => Ok(Found::Inside(Box::new(inside))),
        Err(problem) => match problem.kind {
            ProblemKind::Unavailable | ProblemKind::Internal => {
                let written = problem.gate != Some(Gate::Audit);
                Ok(Found::Nothing(if written { Unknown::Unread } else { Unknown::Unwritable }))
            }
            _ => Err(visit.refused(&problem)),
        },
    }
}

/// What waits for this person in the organization: reviews, and keys that stop working.
fn tasks_of(inside: &Inside, at: Timestamp) -> Vec<Task> {
    let review = |(glass, stage): &(Override, Stage)| Task {
        title: format!("Review the break-glass of {}", glass.by),
        why: "Somebody went beyond what their role allows; somebody looks at what was done.".into(),
        due: Some(When::seen(glass.review_due_at, at)),
        overdue: *stage == Stage::Overdue,
        path: format!("/break-glass/{}", glass.id),
    };
    let key = |key: &Key| Task {
        title: format!("Key “{}” expires", key.name),
        why: "Whoever uses it stops then. Rotate it, and both keys work for a while.".into(),
        due: key.expires_at.map(|expires| When::seen(expires, at)),
        overdue: false,
        path: format!("/keys/{}/rotate", key.id),
    };
    inside.reviews.iter().map(review).chain(inside.keys.iter().map(key)).collect()
}

/// The first steps of this person, as long as one of them is known to be left.
fn first_steps(human: &Human, names: &Names) -> Vec<FirstStep> {
    let manages = may(human, Permission::AgentsManage);
    if human.has_second_factor() && (names.has_agents() || !manages) {
        return Vec::new();
    }
    let step = |title: &str, why: &str, path: &str, done| FirstStep {
        title: title.to_owned(),
        why: why.to_owned(),
        path: path.to_owned(),
        done,
    };
    let protect = "Protect your own account";
    let mut steps =
        vec![step(protect, "A passkey, or an app with codes.", "/security", human.has_second_factor())];
    if may(human, Permission::MembersManage) {
        let why = "Each with a role of their own; nobody shares an account.";
        steps.push(step("Invite the others", why, "/members/invite", false));
    }
    if manages {
        let why = "Each program gets an identity of its own.";
        steps.push(step("Create an agent", why, "/agents/new", names.has_agents()));
    }
    if may(human, Permission::AuditRead) {
        let why = "Everything that happens here stands there.";
        steps.push(step("Look at the audit log", why, "/audit", false));
    }
    steps
}

/// `GET /`.
pub(super) async fn home(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    if human.organization_name().is_none() {
        return Ok(Answer::redirect("/onboarding"));
    }
    if human.must_enrol() {
        return Ok(Answer::redirect("/enrol"));
    }
    let own = visit.account(&human).await?;
    let at = now(&visit.state);
    let found = look(&visit, &human).await?;
    let mut tasks = match &found {
        Found::Inside(inside) => tasks_of(inside, at),
        Found::NotTheirs | Found::Nothing(_) => Vec::new(),
    };
    if !human.has_second_factor() {
        tasks.push(Task {
            title: "Set up a second factor".into(),
            why: "A stolen password alone should not open your account.".into(),
            due: None,
            overdue: false,
            path: "/security/passkeys/new".into(),
        });
    } else if own.recovery_codes == 0 {
        tasks.push(Task {
            title: "Make recovery codes".into(),
            why: "They let you in on the day your device is lost.".into(),
            due: None,
            overdue: false,
            path: "/security/recovery-codes".into(),
        });
    }
    let (activity, log) = match &found {
        Found::Inside(inside) => {
            let rows = inside.entries.iter().filter_map(|record| activity(record, &inside.names, at));
            (Some(rows.collect()), Ok(inside.log))
        }
        Found::NotTheirs => (None, Err(Unknown::NotTheirs)),
        Found::Nothing(unknown) => (None, Err(*unknown)),
    };
    let unread = matches!(found, Found::Nothing(_));
    let names = match found {
        Found::Inside(inside) => inside.names,
        Found::NotTheirs | Found::Nothing(_) => Names::default(),
    };
    let page = pages::Home {
        shell: visit.shell(&human, Some(Room::Home)),
        tasks,
        unread,
        gates: health::gates(&facts(&visit, &human, log, at).await),
        activity,
        first_steps: if unread { Vec::new() } else { first_steps(&human, &names) },
    };
    Ok(visit.settle(Answer::page(&page)))
}

fn activity(record: &EntryRecord, names: &Names, now: Timestamp) -> Option<Activity> {
    let entry = record.entry()?;
    let row = words::row(&entry, &|id| names.of(id).map(str::to_owned));
    let good = matches!(entry.outcome.as_str(), "ok" | "intent");
    Some(Activity {
        who: row.who,
        what: row.what,
        at: When::seen(Timestamp::from_unix_micros(entry.at.unix_micros()), now),
        outcome: (!good).then_some(row.outcome),
        path: format!("/audit/{}", row.id),
    })
}

/// What this very request has found out about the gates by passing them, and what the log says.
async fn facts(visit: &Visit, human: &Human, log: Result<LogHealth, Unknown>, now: Timestamp) -> Facts {
    let vault = visit.state.vault();
    let policy = app::home::policy(vault, &human.principal()).await;
    Facts {
        second_factor: human.has_second_factor(),
        no_credentials: vault.auth_mode() == AuthMode::Dev,
        ready: vault.ready().await.is_ok(),
        fresh: vault.memory_generation().is_some(),
        policy: policy.map_err(|_| Unknown::Unread),
        log,
        checkpoint_every: visit.state.sequencer.checkpoint_every(),
        now,
    }
}

/// `GET /roles`.
pub(super) async fn roles(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let shell = visit.shell(&human, Some(Room::Roles));
    let mine = human.principal().capabilities().rank().name();
    let column = |name: &str, title: &str, says: &str| RoleColumn {
        name: title.to_owned(),
        explanation: says.to_owned(),
        yours: name == mine,
    };
    let mut areas: Vec<PermissionArea> = Vec::new();
    for permission in Permission::ALL {
        let row = PermissionRow {
            name: permission.name().to_owned(),
            explanation: permission.says().to_owned(),
            people: MemberRole::ALL.iter().map(|role| role.has(*permission)).collect(),
            keys: Role::ALL.iter().map(|role| role.has(*permission)).collect(),
        };
        match areas.iter_mut().find(|area| area.name == permission.area()) {
            Some(area) => area.rows.push(row),
            None => areas.push(PermissionArea { name: permission.area().to_owned(), rows: vec![row] }),
        }
    }
    let page = pages::Roles {
        shell,
        people: MemberRole::ALL.iter().map(|role| column(role.name(), role.title(), role.says())).collect(),
        keys: Role::ALL.iter().map(|role| column("", role.title(), role.says())).collect(),
        areas,
    };
    Ok(visit.settle(Answer::page(&page)))
}

fn kinds() -> Vec<Choice> {
    let mut kinds = vec![Choice::new("", "Any")];
    for category in Category::ALL {
        let group = category.says().trim_end_matches('.');
        let of = EventKind::ALL.iter().filter(|kind| kind.category() == *category);
        kinds.extend(of.map(|kind| Choice::new(kind.name(), words::what(kind.name())).group(group)));
    }
    kinds
}

/// `GET /audit`.
pub(super) async fn audit(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let shell = visit.shell(&human, Some(Room::Audit));
    let text = |name: &str| visit.query(name).map(|text| text.to_string()).filter(|text| !text.is_empty());
    let (kind, request, agent) = (text("kind"), text("request"), text("agent"));
    let after: Option<EntryId> = text("cursor").and_then(|text| text.parse().ok());
    let mut pass = visit.enter::<ReadEntries>(human).await?;
    let names = app::audit::names(&mut pass).await.map_err(|problem| visit.refused(&problem))?;
    let alarms = app::audit::alarms(&mut pass).await.map_err(|problem| visit.refused(&problem))?;
    let known = kind.as_deref().and_then(|kind| kind.parse::<EventKind>().ok());
    let page = Page { after, rows: AUDIT_ROWS };
    let actor = agent.as_deref().and_then(|id| id.parse::<AgentId>().ok()).map(|id| format!("agent:{id}"));
    let wanted = Wanted { kind: known, request_id: request.clone(), actor };
    let (listed, _) =
        app::audit::entries(pass, page, wanted).await.map_err(|problem| visit.refused(&problem))?;
    let entries: Vec<_> = listed.items.iter().filter_map(EntryRecord::entry).collect();
    let filter = [("kind", &kind), ("request", &request), ("agent", &agent)];
    let filter: Vec<(&str, &String)> =
        filter.iter().filter_map(|(name, value)| value.as_ref().map(|value| (*name, value))).collect();
    let path = |cursor: Option<EntryId>| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(filter.iter().map(|(name, value)| (*name, value.as_str())));
        if let Some(cursor) = cursor {
            query.append_pair("cursor", &cursor.to_string());
        }
        format!("/audit?{}", query.finish())
    };
    let at = now(&visit.state);
    let page = pages::Audit {
        shell,
        alarms: alarms.iter().map(|found| heads::alarm(found, at)).collect(),
        form: Form::blank()
            .with("kind", kind.clone().unwrap_or_default())
            .with("request", request.clone().unwrap_or_default()),
        kinds: kinds(),
        agent: agent
            .clone()
            .map(|id| pages::OnlyAgent { name: names.of(&id).unwrap_or("an agent").to_owned(), id }),
        entries: entries
            .iter()
            .map(|entry| words::row(entry, &|id| names.of(id).map(str::to_owned)))
            .collect(),
        filtered: !filter.is_empty(),
        pager: Pager {
            shown: entries.len(),
            first: after.map(|_| path(None)),
            next: listed.next.map(|next| path(Some(next))),
        },
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `GET /audit/{id}`.
pub(super) async fn audit_entry(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id: EntryId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let shell = visit.shell(&human, Some(Room::Audit));
    let signed = covered(&visit, &human).await;
    let mut pass = visit.enter::<ReadEntries>(human).await?;
    let names = app::audit::names(&mut pass).await.map_err(|problem| visit.refused(&problem))?;
    let key = app::audit::key(&mut pass).await.map_err(|problem| visit.refused(&problem))?;
    let (record, _) = app::audit::entry(pass, id).await.map_err(|problem| visit.refused(&problem))?;
    let entry = record.entry().ok_or_else(|| visit.refused(&Problem::internal()))?;
    let at = now(&visit.state);
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut fields: Vec<(String, String)> = vec![
        ("action".into(), entry.action.clone()),
        ("source".into(), entry.source.clone()),
        ("policy".into(), entry.policy.clone()),
    ];
    fields.extend(entry.data.iter().map(|(name, value)| (name.clone(), text(value))));
    let place = record.index.map(|index| Place {
        index,
        leaf_hash: record.leaf_hash.to_string(),
        checkpoint_size: signed.as_ref().map(|signed| signed.size).filter(|size| *size > index),
        checkpoint_at: signed.as_ref().map(|signed| When::seen(signed.signed_at, at)),
    });
    let page = pages::AuditEntry {
        shell,
        entry: words::row(&entry, &|id| names.of(id).map(str::to_owned)),
        fields,
        canonical: String::from_utf8_lossy(&record.leaf).into_owned(),
        place,
        vkey: key.map(|key| key.to_string()),
    };
    Ok(visit.settle(Answer::page(&page)))
}

/// `GET /audit/{id}/proof`: that the entry stands in the log, as a file to keep (C2SP tlog-proof).
pub(super) async fn audit_proof(Path(id): Path<String>, visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let id: EntryId = id.parse().map_err(|_| visit.refused(&Problem::not_found()))?;
    let pass = visit.enter::<ProveEntry>(human).await?;
    let proof = app::audit::prove(pass, &visit.state.sequencer, id).await;
    let (proof, _) = proof.map_err(|problem| visit.refused(&problem))?;
    Ok(visit.settle(Answer::file(&format!("{id}.tlog-proof"), proof.to_string())))
}

async fn covered(visit: &Visit, human: &Human) -> Option<CheckpointRecord> {
    let entered = visit.state.vault().enter::<ReadCheckpoint>(human.principal(), visit.context.clone()).await;
    let (checkpoint, _) = app::audit::checkpoint(entered.ok()?).await.ok()?;
    Some(checkpoint)
}
