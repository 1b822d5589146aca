//! Overrides: what they open, what is written of them, who looks at it afterwards.

use std::sync::Arc;
use std::time::Duration;

use app::accounts::Site;
use app::audit::{EntryRecord, ReadEntries};
use app::break_glass::jobs::Reminder;
use app::break_glass::{
    CloseBreakGlass, ListBreakGlass, NewOverride, OpenBreakGlass, Override, ReadBreakGlass, ReviewBreakGlass,
    Stage, Verdict, close, list, open, review, slice,
};
use app::input::Page;
use app::members::{ChangeRole, ListMembers, change_role};
use gates::{Draft, Vault};
use kernel::{BreakGlassId, EventKind, MemberRole, ProblemKind};

use super::{entries, names_nobody, post, until};
use crate::house::actions::{Crossing, Revealing};
use crate::house::members::{Somebody, past};
use crate::house::people::{SITE, letter};
use crate::house::{Tenant, request, run};

const REASON: &str = "An invoice must be traced before the bank closes.";

fn wanted(seconds: u64) -> NewOverride {
    NewOverride { reason: REASON.to_owned(), seconds }
}

async fn opened(vault: &Arc<Vault>, by: &Somebody) -> Override {
    let pass = by.pass::<OpenBreakGlass>(vault).await;
    open(pass, wanted(600), &post(vault)).await.expect("open").0
}

async fn judged(vault: &Arc<Vault>, by: &Somebody, id: BreakGlassId) -> Option<ProblemKind> {
    let verdict = Verdict { in_order: true, text: "As the reason says.".to_owned() };
    let pass = by.pass::<ReviewBreakGlass>(vault).await;
    review(pass, id, verdict).await.err().map(|problem| problem.kind)
}

/// The reviews that the home page asks of somebody.
async fn due(vault: &Arc<Vault>, somebody: &Somebody) -> Vec<(Override, Stage)> {
    let pass = somebody.pass::<ReadEntries>(vault).await;
    app::home::look(pass, 1).await.expect("tasks").0.reviews
}

#[test]
fn an_override_opens_the_organization_for_a_while_and_is_written_down_apart() {
    run(async |house| {
        let desk = house.shared().await;
        let (here, there) = (&desk.vault, desk.database.vault().await.expect("served twice"));
        let tenant = Tenant::make(here, "Glass").await;
        let owners = [Somebody::owner(here, tenant.id).await, Somebody::owner(here, tenant.id).await];
        let admin = Somebody::member(here, tenant.id, MemberRole::Admin).await;
        for vault in [here, &there] {
            let problem = admin.enter::<Revealing>(vault).await.err().expect("no role allows it");
            assert_eq!(problem.kind, ProblemKind::Forbidden);
        }
        let glass = opened(here, &admin).await;
        for owner in &owners {
            let text = letter(here, &owner.address, "break_glass_opened").await.expect("every owner is told");
            assert!(text.contains("bank closes") && text.contains(&glass.id.to_string()), "{text}");
        }
        admin.pass::<Revealing>(here).await.seal(Draft::done(EventKind::PiiRedacted)).await.expect("sealed");
        until(&there, &admin, "it is open there", |known| {
            known.as_ref().is_ok_and(|principal| principal.account() == Some(admin.account))
        })
        .await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        admin
            .pass::<Revealing>(&there)
            .await
            .seal(Draft::done(EventKind::PiiRedacted))
            .await
            .expect("sealed");
        let crossing = admin.enter::<Crossing>(here).await.err().expect("not across organizations");
        assert_eq!(crossing.kind, ProblemKind::Forbidden);
        close(admin.pass::<CloseBreakGlass>(here).await, glass.id).await.expect("closed");
        assert!(admin.enter::<Revealing>(here).await.is_err(), "it is over with the seal");
        // Its part of the log: the opening, both uses, the refusal, the closing, and nothing else of theirs.
        let page = Page { after: None, rows: 3 };
        let pass = owners[0].pass::<ReadBreakGlass>(here).await;
        let (first, _) = slice(pass, glass.id, page).await.expect("a page");
        assert_eq!(first.stage, Stage::Ended);
        let page = Page { after: first.entries.next, rows: 50 };
        let pass = owners[0].pass::<ReadBreakGlass>(here).await;
        let (rest, _) = slice(pass, glass.id, page).await.expect("the rest");
        let kinds: Vec<String> = first
            .entries
            .items
            .iter()
            .chain(&rest.entries.items)
            .filter_map(EntryRecord::entry)
            .map(|entry| entry.kind.as_str().to_owned())
            .collect();
        let expected =
            ["break_glass.closed", "access.denied", "PII_REDACTED", "PII_REDACTED", "break_glass.opened"];
        assert_eq!(kinds, expected);
        names_nobody(&desk.database, tenant.id).await;
    });
}

#[test]
fn an_override_ends_by_itself() {
    run(async |house| {
        let desk = house.shared().await;
        let vault = &desk.vault;
        let tenant = Tenant::make(vault, "Ends").await;
        let admin = Somebody::member(vault, tenant.id, MemberRole::Admin).await;
        let glass = opened(vault, &admin).await;
        let soon = format!(
            "update break_glass set until = now() + interval '700 milliseconds' where id = '{}'",
            glass.id
        );
        past(&desk.database, &soon).await;
        // Remembered while it is open; its end moves nothing in the database.
        assert!(admin.enter::<Revealing>(vault).await.is_ok());
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert!(admin.enter::<Revealing>(vault).await.is_err());
        let closed = close(admin.pass::<CloseBreakGlass>(vault).await, glass.id).await;
        assert_eq!(closed.expect_err("over").kind, ProblemKind::Conflict);
    });
}

#[test]
fn it_takes_a_reason_a_time_a_fresh_factor_and_nobody_has_two() {
    run(async |house| {
        let desk = house.shared().await;
        let (vault, post) = (&desk.vault, post(&desk.vault));
        let tenant = Tenant::make(vault, "Bounds").await;
        let admin = Somebody::member(vault, tenant.id, MemberRole::Admin).await;
        for (reason, seconds, pointer) in
            [("too short", 600, "/reason"), (REASON, 299, "/seconds"), (REASON, 28_801, "/seconds")]
        {
            let new = NewOverride { reason: reason.to_owned(), seconds };
            let pass = admin.pass::<OpenBreakGlass>(vault).await;
            let problem = open(pass, new, &post).await.expect_err("out of bounds");
            assert_eq!((problem.kind, problem.errors[0].pointer.as_str()), (ProblemKind::Invalid, pointer));
        }
        // Twice at once opens one.
        let (one, other) = (
            open(admin.pass::<OpenBreakGlass>(vault).await, wanted(600), &post),
            open(admin.pass::<OpenBreakGlass>(vault).await, wanted(600), &post),
        );
        let (one, other) = tokio::join!(one, other);
        assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|ok| **ok).count(), 1);
        let kind = one.err().or(other.err()).expect("the other").kind;
        assert_eq!(kind, ProblemKind::Conflict);
        let member = Somebody::member(vault, tenant.id, MemberRole::Member).await;
        assert!(member.enter::<OpenBreakGlass>(vault).await.is_err(), "not with every role");
        assert!(
            vault.enter::<OpenBreakGlass>(tenant.owner(vault).await, request()).await.is_err(),
            "no program"
        );
        let stale = Somebody::member(vault, tenant.id, MemberRole::Admin).await;
        stale.age(&desk.database).await;
        let problem = stale.enter::<OpenBreakGlass>(vault).await.err().expect("an hour old");
        assert_eq!(problem.kind, ProblemKind::StepUp);
    });
}

/// Personal data in a reason is replaced as the organization's policy says, before anybody keeps it.
#[test]
fn a_reason_passes_gate_four() {
    run(async |house| {
        let desk = house.shared().await;
        let (vault, post) = (&desk.vault, post(&desk.vault));
        let tenant = Tenant::make(vault, "Words").await;
        let owner = Somebody::owner(vault, tenant.id).await;
        let reason = "Trace what victim@victims.example paid.".to_owned();
        let pass = owner.pass::<OpenBreakGlass>(vault).await;
        let (glass, _) = open(pass, NewOverride { reason, seconds: 600 }, &post).await.expect("open");
        assert!(
            glass.reason.starts_with("Trace what ") && !glass.reason.contains("victim@"),
            "{}",
            glass.reason
        );
        let text = letter(vault, &owner.address, "break_glass_opened").await.expect("a letter");
        assert!(!text.contains("victim"), "{text}");
    });
}

#[test]
fn nobody_reviews_their_own_unless_nobody_else_owns_the_place() {
    run(async |house| {
        let desk = house.shared().await;
        let vault = &desk.vault;
        let tenant = Tenant::make(vault, "Reviews").await;
        let owner = Somebody::owner(vault, tenant.id).await;
        let admin = Somebody::member(vault, tenant.id, MemberRole::Admin).await;
        let glass = opened(vault, &admin).await;
        assert_eq!(judged(vault, &owner, glass.id).await, Some(ProblemKind::Conflict), "it is open");
        close(owner.pass::<CloseBreakGlass>(vault).await, glass.id).await.expect("an owner closes anybody's");
        let waiting = due(vault, &owner).await;
        assert_eq!(waiting.iter().map(|(one, _)| one.id).collect::<Vec<_>>(), [glass.id]);
        assert_eq!(judged(vault, &admin, glass.id).await, Some(ProblemKind::Forbidden), "their own");
        assert_eq!(judged(vault, &owner, glass.id).await, None);
        assert_eq!(judged(vault, &owner, glass.id).await, Some(ProblemKind::Conflict), "once");
        let waiting = due(vault, &owner).await;
        assert!(waiting.is_empty());
        let own = opened(vault, &owner).await;
        let refused = close(admin.pass::<CloseBreakGlass>(vault).await, own.id).await;
        assert_eq!(refused.expect_err("somebody else's").kind, ProblemKind::Forbidden);
        close(owner.pass::<CloseBreakGlass>(vault).await, own.id).await.expect("closed");
        let second = Somebody::owner(vault, tenant.id).await;
        assert_eq!(
            judged(vault, &owner, own.id).await,
            Some(ProblemKind::Forbidden),
            "another owner is there"
        );
        past(
            &desk.database,
            &format!("update member set ended_at = now() where account_id = '{}'", second.account),
        )
        .await;
        assert_eq!(judged(vault, &owner, own.id).await, None, "the only owner");
        let page = Page { after: None, rows: 50 };
        let (all, _) = list(owner.pass::<ListBreakGlass>(vault).await, page).await.expect("a list");
        let stages: Vec<Stage> = all.items.iter().map(|(_, stage)| *stage).collect();
        assert_eq!(stages, [Stage::Reviewed, Stage::Reviewed]);
        let reviewed = entries(&desk.database, tenant.id, "break_glass.reviewed").await;
        assert_eq!(reviewed.last().expect("an entry")["data"]["reviewed_own"], true);
    });
}

#[test]
fn a_lost_role_takes_the_override_with_it() {
    run(async |house| {
        let desk = house.shared().await;
        let vault = &desk.vault;
        let tenant = Tenant::make(vault, "Lost").await;
        let owner = Somebody::owner(vault, tenant.id).await;
        let admin = Somebody::member(vault, tenant.id, MemberRole::Admin).await;
        opened(vault, &admin).await;
        assert!(admin.enter::<Revealing>(vault).await.is_ok());
        change_role(owner.pass::<ChangeRole>(vault).await, admin.account, MemberRole::Viewer, &post(vault))
            .await
            .expect("a viewer now");
        assert!(admin.enter::<Revealing>(vault).await.is_err());
        assert!(admin.enter::<ListMembers>(vault).await.is_ok());
    });
}

#[test]
fn owners_are_told_once_of_an_overdue_review() {
    run(async |house| {
        let desk = house.shared().await;
        let vault = &desk.vault;
        let tenant = Tenant::make(vault, "Overdue").await;
        let owner = Somebody::owner(vault, tenant.id).await;
        let glass = opened(vault, &owner).await;
        close(owner.pass::<CloseBreakGlass>(vault).await, glass.id).await.expect("closed");
        let reminder = || Reminder::new(Arc::clone(vault), Site::new(SITE).expect("a site"));
        reminder().round().await.expect("a round");
        assert!(letter(vault, &owner.address, "break_glass_review_due").await.is_none(), "not yet");
        let late = format!(
            "update break_glass set review_due_at = now() - interval '1 minute' where id = '{}'",
            glass.id
        );
        past(&desk.database, &late).await;
        let waiting = due(vault, &owner).await;
        assert_eq!(waiting[0].1, Stage::Overdue);
        // Two processes at once, and one later.
        let (one, other) = (reminder(), reminder());
        let (one, other) = tokio::join!(one.round(), other.round());
        one.expect("a round");
        other.expect("a round");
        reminder().round().await.expect("a round");
        let text = letter(vault, &owner.address, "break_glass_review_due").await.expect("a letter");
        assert!(text.contains("bank closes"), "{text}");
        let told = entries(&desk.database, tenant.id, "break_glass.overdue").await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((&told[0]["actor"]["kind"], &told[0]["data"]["letters"]), (&"system".into(), &1.into()));
    });
}
