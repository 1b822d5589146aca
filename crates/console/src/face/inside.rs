//! The organization's pages that only read: home, roles.

use app::audit::{EntryRecord, Names, ReadEntries};
use app::break_glass::{Override, Stage};
use app::home::{Inside, Key, LogHealth};
use gates::{AuthMode, Caller as _, Human};
use kernel::{Gate, Permission, ProblemKind, Timestamp};

use super::answer::Answer;
use super::health::{self, Facts, Unknown};
use super::visit::{Visit, may, now};
use super::words;
use crate::layout::Room;
use crate::pages::{self, Activity, FirstStep, Task};
use crate::parts::When;

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
