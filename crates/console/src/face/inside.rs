//! The organization's pages that only read: home, roles, the log.

use app::audit::{EntryRecord, Names, ProveEntry, ReadCheckpoint, ReadEntries, Wanted};
use app::break_glass::{ListBreakGlass, Override, Stage};
use app::input::Page;
use axum::extract::Path;
use gates::{Caller as _, Human};
use kernel::{AgentId, Category, EntryId, EventKind, Gate, MemberRole, Permission, Problem, Role, Timestamp};

use super::answer::Answer;
use super::visit::{Visit, may, now, pass};
use super::words;
use crate::layout::Room;
use crate::pages::{
    self, Activity, FirstStep, GateHealth, PermissionArea, PermissionRow, Place, RoleColumn, Task,
};
use crate::parts::{Choice, Form, Pager, Tone, When};

/// Entries on a page of the log.
const AUDIT_ROWS: i64 = 50;
/// Entries on the home page.
const ACTIVITY_ROWS: i64 = 8;

/// What happened last, and what those who did it are called.
async fn lately(visit: &Visit, human: &Human) -> Result<(Vec<EntryRecord>, Names), Answer> {
    if !may(human, Permission::AuditRead) {
        return Ok((Vec::new(), Names::default()));
    }
    let mut pass = pass::<ReadEntries>(visit, human).await?;
    let names = app::audit::names(&mut pass).await.map_err(|problem| visit.refused(&problem))?;
    let page = Page { after: None, rows: ACTIVITY_ROWS };
    let (listed, _) = app::audit::entries(pass, page, Wanted::default())
        .await
        .map_err(|problem| visit.refused(&problem))?;
    Ok((listed.items, names))
}

/// Reviews of break-glasses that wait for this person: everybody's but their own.
async fn reviews(visit: &Visit, human: &Human, at: Timestamp) -> Result<Vec<Task>, Answer> {
    if !(may(human, Permission::OrganizationManage) && may(human, Permission::AuditRead)) {
        return Ok(Vec::new());
    }
    let due = app::break_glass::due(pass::<ListBreakGlass>(visit, human).await?).await;
    let (due, _) = due.map_err(|problem| visit.refused(&problem))?;
    let others =
        due.iter().filter(|(glass, stage)| glass.account != human.account() && *stage != Stage::Open);
    let task = |(glass, stage): &(Override, Stage)| Task {
        title: format!("Review the break-glass of {}", glass.by),
        why: "Somebody went beyond what their role allows; somebody else looks at what was done.".into(),
        due: Some(When::seen(glass.review_due_at, at)),
        overdue: *stage == Stage::Overdue,
        path: format!("/break-glass/{}", glass.id),
    };
    Ok(others.map(task).collect())
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
    let (entries, names) = lately(&visit, &human).await?;
    let mut tasks = reviews(&visit, &human, at).await?;
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
    let page = pages::Home {
        shell: visit.shell_of(&human, &own, Some(Room::Home)),
        tasks,
        gates: gates(&visit, &human, at).await,
        activity: may(&human, Permission::AuditRead)
            .then(|| entries.iter().filter_map(|record| activity(record, &names, at)).collect()),
        first_steps: first_steps(&human, &names),
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

/// How the gates stand, as far as this very request has just found out by passing them.
async fn gates(visit: &Visit, human: &Human, now: Timestamp) -> Vec<GateHealth> {
    let vault = visit.state.vault();
    let ready = vault.ready().await.is_ok();
    let fresh = vault.memory_generation().is_some();
    let open = |gate, detail: String, path: Option<&str>| GateHealth {
        gate,
        tone: Tone::Good,
        state: "Open".into(),
        detail,
        path: path.map(str::to_owned),
    };
    let factor = if human.has_second_factor() { "with a second factor" } else { "without a second factor" };
    let mut health = vec![
        open(Gate::Identity, format!("You are known, {factor}."), Some("/security")),
        open(Gate::Token, "Sessions and keys are looked at again within a second.".into(), Some("/sessions")),
        open(Gate::Tenancy, "The database shows this organization's rows and no others.".into(), None),
        open(Gate::Privacy, "The PII policy is in force.".into(), None),
        open(Gate::Audit, checkpoint_words(visit, human, now).await, Some("/audit")),
    ];
    if !ready && let Some(tenancy) = health.get_mut(2) {
        tenancy.tone = Tone::Bad;
        "Shut".clone_into(&mut tenancy.state);
        "The database does not answer; nothing is let through.".clone_into(&mut tenancy.detail);
    }
    if !fresh && let Some(token) = health.get_mut(1) {
        token.tone = Tone::Warn;
        "Slow".clone_into(&mut token.state);
        "Every credential is looked up anew.".clone_into(&mut token.detail);
    }
    health
}

async fn checkpoint_words(visit: &Visit, human: &Human, _: Timestamp) -> String {
    let entered = visit.state.vault().enter::<ReadCheckpoint>(human.principal(), visit.context.clone()).await;
    let signed = match entered {
        Ok(pass) => app::audit::checkpoint(pass).await.ok(),
        Err(_) => None,
    };
    signed.map_or_else(
        || "Every entry is written before its answer.".to_owned(),
        |(checkpoint, _)| match checkpoint.size {
            1 => "One entry is under a signed checkpoint.".to_owned(),
            size => format!("{size} entries are under a signed checkpoint."),
        },
    )
}

/// `GET /roles`.
pub(super) async fn roles(visit: Visit) -> Result<Answer, Answer> {
    let human = visit.signed_in().await?;
    let shell = visit.shell(&human, Some(Room::Roles)).await?;
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
    let shell = visit.shell(&human, Some(Room::Audit)).await?;
    let text = |name: &str| visit.query(name).map(|text| text.to_string()).filter(|text| !text.is_empty());
    let (kind, request, agent) = (text("kind"), text("request"), text("agent"));
    let after: Option<EntryId> = text("cursor").and_then(|text| text.parse().ok());
    let mut pass = visit.enter::<ReadEntries>(human).await?;
    let names = app::audit::names(&mut pass).await.map_err(|problem| visit.refused(&problem))?;
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
    let page = pages::Audit {
        shell,
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
    let shell = visit.shell(&human, Some(Room::Audit)).await?;
    let size = covered(&visit, &human).await;
    let mut pass = visit.enter::<ReadEntries>(human).await?;
    let names = app::audit::names(&mut pass).await.map_err(|problem| visit.refused(&problem))?;
    let (record, _) = app::audit::entry(pass, id).await.map_err(|problem| visit.refused(&problem))?;
    let entry = record.entry().ok_or_else(|| visit.refused(&Problem::internal()))?;
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
        checkpoint_size: size.filter(|size| *size > index),
        checkpoint_at: None,
    });
    let page = pages::AuditEntry {
        shell,
        entry: words::row(&entry, &|id| names.of(id).map(str::to_owned)),
        fields,
        canonical: String::from_utf8_lossy(&record.leaf).into_owned(),
        place,
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

async fn covered(visit: &Visit, human: &Human) -> Option<u64> {
    let entered = visit.state.vault().enter::<ReadCheckpoint>(human.principal(), visit.context.clone()).await;
    let (checkpoint, _) = app::audit::checkpoint(entered.ok()?).await.ok()?;
    Some(checkpoint.size)
}
