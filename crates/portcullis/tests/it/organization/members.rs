//! Roles, suspension, removal, leaving, handing over; sessions ended by the organization.

use app::accounts::SessionKind;
use app::audit::ExportLog;
use app::break_glass::{NewOverride, OpenBreakGlass, open};
use app::input::Page;
use app::invitations::Invite;
use app::members::{
    ChangeRole, EndMemberSession, EndMemberSessions, LeaveOrganization, ListMemberSessions, ListMembers,
    RemoveMember, ResumeMember, SuspendMember, TransferOwnership, change_role, end_session, end_sessions,
    leave, list, list_sessions, remove, resume, suspend, transfer,
};
use app::providers::DeleteProvider;
use kernel::{Gate, MemberRole, ProblemKind};

use super::{entries, names_nobody, post, until};
use crate::house::actions::Revealing;
use crate::house::members::Somebody;
use crate::house::people::{Person, accounts, letter};
use crate::house::{Tenant, request, run};

#[test]
fn the_last_owner_stays() {
    run(async |house| {
        let desk = house.shared().await;
        let (vault, post) = (&desk.vault, post(&desk.vault));
        let tenant = Tenant::make(vault, "Last").await;
        let owner = Somebody::owner(vault, tenant.id).await;
        let refused = leave(owner.pass::<LeaveOrganization>(vault).await).await.expect_err("the last one");
        assert_eq!(refused.kind, ProblemKind::Conflict);
        // Not by a service of the owners' either.
        let service = || async {
            let key = tenant.owner(vault).await;
            vault.enter::<SuspendMember>(key, request()).await.expect("may suspend")
        };
        let refused = suspend(service().await, owner.account, &post).await.expect_err("the last one");
        assert_eq!(refused.kind, ProblemKind::Conflict);
        let pass = vault.enter::<RemoveMember>(tenant.owner(vault).await, request()).await.expect("may");
        let refused = remove(pass, owner.account, &post).await.expect_err("the last one");
        assert_eq!(refused.kind, ProblemKind::Conflict);
        // An owner who is suspended cannot act, so the other one is the last.
        let other = Somebody::owner(vault, tenant.id).await;
        suspend(owner.pass::<SuspendMember>(vault).await, other.account, &post).await.expect("one is left");
        let refused = leave(owner.pass::<LeaveOrganization>(vault).await).await.expect_err("the last one");
        assert_eq!(refused.kind, ProblemKind::Conflict);
        resume(owner.pass::<ResumeMember>(vault).await, other.account, &post).await.expect("back");
        leave(owner.pass::<LeaveOrganization>(vault).await).await.expect("one is left");
        assert!(owner.known(vault).await.is_err(), "the session has ended");
        let left = entries(&desk.database, tenant.id, "member.left").await;
        assert_eq!(left.iter().map(|e| &e["outcome"]).collect::<Vec<_>>(), ["failed", "failed", "ok"]);
        names_nobody(&desk.database, tenant.id).await;
    });
}

/// Two owners who leave at the same moment: one of them stays.
#[test]
fn two_owners_cannot_leave_at_once() {
    run(async |house| {
        let desk = house.shared().await;
        let vault = &desk.vault;
        for _ in 0..5 {
            let tenant = Tenant::make(vault, "Two").await;
            let (one, other) =
                (Somebody::owner(vault, tenant.id).await, Somebody::owner(vault, tenant.id).await);
            let (first, second) = (
                leave(one.pass::<LeaveOrganization>(vault).await),
                leave(other.pass::<LeaveOrganization>(vault).await),
            );
            let (first, second) = tokio::join!(first, second);
            let kinds = [first.err().map(|p| p.kind), second.err().map(|p| p.kind)];
            assert!(
                kinds == [None, Some(ProblemKind::Conflict)] || kinds == [Some(ProblemKind::Conflict), None],
                "{kinds:?}"
            );
        }
    });
}

#[test]
fn nobody_gives_or_takes_what_is_above_them() {
    run(async |house| {
        let desk = house.shared().await;
        let (vault, post) = (&desk.vault, post(&desk.vault));
        let tenant = Tenant::make(vault, "Above").await;
        let owner = Somebody::owner(vault, tenant.id).await;
        let admin = Somebody::member(vault, tenant.id, MemberRole::Admin).await;
        let across = Somebody::member(vault, tenant.id, MemberRole::ProviderAdmin).await;
        let member = Somebody::member(vault, tenant.id, MemberRole::Member).await;
        let give = async |by: &Somebody, to: &Somebody, role| {
            change_role(by.pass::<ChangeRole>(vault).await, to.account, role, &post).await.err()
        };
        let kind = |problem: Option<kernel::Problem>| problem.map(|problem| problem.kind);
        let refused = give(&admin, &member, MemberRole::ProviderAdmin).await.expect("the operator's to give");
        assert_eq!((refused.kind, refused.errors[0].pointer.as_str()), (ProblemKind::Invalid, "/role"));
        let refused = give(&admin, &owner, MemberRole::Admin).await.expect("an owner");
        assert_eq!((refused.kind, refused.gate), (ProblemKind::Forbidden, Some(Gate::Token)));
        assert_eq!(kind(give(&admin, &across, MemberRole::Viewer).await), Some(ProblemKind::Forbidden));
        assert_eq!(kind(give(&owner, &owner, MemberRole::Member).await), Some(ProblemKind::Conflict));
        assert_eq!(kind(give(&admin, &member, MemberRole::Admin).await), None);
        assert!(letter(vault, &member.address, "membership_changed").await.is_some(), "they are told");
        // What one's own role is now holds at once.
        assert_eq!(kind(give(&member, &admin, MemberRole::Viewer).await), None);
        assert!(admin.enter::<ChangeRole>(vault).await.is_err());
        assert_eq!(kind(give(&owner, &member, MemberRole::Viewer).await), None);
        // A credential of a program that an admin runs has an admin's reach and no more.
        let key = vault.enter::<ChangeRole>(tenant.owner(vault).await, request()).await.expect("may");
        let refused = change_role(key, across.account, MemberRole::Viewer, &post).await.expect_err("above");
        assert_eq!(refused.kind, ProblemKind::Forbidden);
        let changed = entries(&desk.database, tenant.id, "member.role_changed").await;
        let outcomes: Vec<&str> = changed.iter().filter_map(|entry| entry["outcome"].as_str()).collect();
        let expected = ["failed", "refused", "refused", "failed", "ok", "ok", "ok", "refused"];
        assert_eq!(outcomes, expected, "one entry each");
        names_nobody(&desk.database, tenant.id).await;
    });
}

#[test]
fn a_changed_role_asks_for_a_fresh_factor() {
    run(async |house| {
        let desk = house.shared().await;
        let vault = &desk.vault;
        let tenant = Tenant::make(vault, "Stale").await;
        let admin = Somebody::member(vault, tenant.id, MemberRole::Admin).await;
        drop(admin.pass::<ChangeRole>(vault).await);
        admin.age(&desk.database).await;
        let problem = admin.enter::<ChangeRole>(vault).await.err().expect("an hour old");
        assert_eq!(problem.kind, ProblemKind::StepUp);
        // What grants, takes away for good or carries things off is like it; what only stops somebody is not.
        let kinds = [
            admin.enter::<Invite>(vault).await.map(drop),
            admin.enter::<RemoveMember>(vault).await.map(drop),
            admin.enter::<DeleteProvider>(vault).await.map(drop),
            admin.enter::<ExportLog>(vault).await.map(drop),
        ];
        let kinds = kinds.map(|entered| entered.err().map(|problem| problem.kind));
        assert_eq!(kinds, [Some(ProblemKind::StepUp); 4]);
        drop(admin.pass::<SuspendMember>(vault).await);
        // A service proves itself with its key each time.
        let service = async || tenant.owner(vault).await;
        assert!(vault.enter::<Invite>(service().await, request()).await.is_ok());
        assert!(vault.enter::<RemoveMember>(service().await, request()).await.is_ok());
        assert!(vault.enter::<DeleteProvider>(service().await, request()).await.is_ok());
        assert!(vault.enter::<ExportLog>(service().await, request()).await.is_ok());
    });
}

#[test]
fn a_suspended_member_is_out_at_once_and_on_every_replica() {
    run(async |house| {
        let desk = house.shared().await;
        let here = &desk.vault;
        let (there, post) = (desk.database.vault().await.expect("served twice"), post(here));
        let tenant = Tenant::make(here, "Suspended").await;
        let admin = Somebody::member(here, tenant.id, MemberRole::Admin).await;
        let mut member = Somebody::member(here, tenant.id, MemberRole::Member).await;
        let token = member.token(here).await;
        for vault in [here, &there] {
            member.principal(vault).await;
            vault.authenticate(Some(&token), &request()).await.expect("good on both");
        }
        let refused = suspend(admin.pass::<SuspendMember>(here).await, admin.account, &post).await;
        assert_eq!(refused.expect_err("oneself").kind, ProblemKind::Conflict);
        for _ in 0..2 {
            suspend(admin.pass::<SuspendMember>(here).await, member.account, &post).await.expect("suspended");
        }
        assert!(member.known(here).await.is_err(), "here it is over with the seal");
        assert!(here.authenticate(Some(&token), &request()).await.is_err(), "and for their programs");
        until(&there, &member, "the session is over there too", Result::is_err).await;
        assert!(there.authenticate(Some(&token), &request()).await.is_err());
        // Signed in anew they are known and still out.
        member.sign_in(here, tenant.id).await;
        assert!(member.known(here).await.is_err());
        resume(admin.pass::<ResumeMember>(here).await, member.account, &post).await.expect("let back");
        until(&there, &member, "the new session opens there", Result::is_ok).await;
        let suspended = entries(&desk.database, tenant.id, "member.suspended").await;
        let changed: Vec<_> = suspended.iter().map(|entry| &entry["data"]["changed"]).collect();
        assert_eq!(changed, [&serde_json::Value::Null, &true.into(), &false.into()]);
    });
}

#[test]
fn a_removed_member_is_gone_and_can_come_back() {
    run(async |house| {
        let desk = house.shared().await;
        let (vault, post) = (&desk.vault, post(&desk.vault));
        let tenant = Tenant::make(vault, "Removed").await;
        let owner = Somebody::owner(vault, tenant.id).await;
        let member = Somebody::member(vault, tenant.id, MemberRole::Member).await;
        let members = async || {
            let page = Page { after: None, rows: 50 };
            let (found, _) = list(owner.pass::<ListMembers>(vault).await, page).await.expect("a list");
            found.items
        };
        member.principal(vault).await;
        let found = members().await;
        let seen = found.iter().find(|one| one.account == member.account).expect("listed");
        assert!(seen.seen_at.is_some() && seen.role == MemberRole::Member && !seen.owner);
        let page = Page { after: None, rows: 1 };
        let (first, _) = list(owner.pass::<ListMembers>(vault).await, page).await.expect("a page");
        let page = Page { after: first.next, rows: 1 };
        let (second, _) = list(owner.pass::<ListMembers>(vault).await, page).await.expect("a page");
        assert_eq!([first.items, second.items].concat(), found);
        remove(owner.pass::<RemoveMember>(vault).await, member.account, &post).await.expect("removed");
        assert!(member.known(vault).await.is_err());
        assert_eq!(members().await.len(), 1);
        let again = remove(owner.pass::<RemoveMember>(vault).await, member.account, &post).await;
        assert_eq!(again.expect_err("gone").kind, ProblemKind::NotFound);
        assert!(letter(vault, &member.address, "membership_changed").await.is_some());
        // Whoever comes back has what they are given now, and nothing of before.
        let mut admin = Somebody::member(vault, tenant.id, MemberRole::Admin).await;
        let new = NewOverride { reason: "A reason of some length.".to_owned(), seconds: 600 };
        open(admin.pass::<OpenBreakGlass>(vault).await, new, &post).await.expect("open");
        leave(admin.pass::<LeaveOrganization>(vault).await).await.expect("left");
        admin.rejoin(vault, tenant.id, MemberRole::Admin).await;
        assert!(admin.human(vault).await.break_glass().is_none(), "the override ended with the membership");
        assert!(admin.enter::<Revealing>(vault).await.is_err());
    });
}

#[test]
fn handing_over_makes_one_owner_of_another() {
    run(async |house| {
        let desk = house.shared().await;
        let (vault, post) = (&desk.vault, post(&desk.vault));
        let tenant = Tenant::make(vault, "Handed over").await;
        let owner = Somebody::owner(vault, tenant.id).await;
        let heir = Somebody::member(vault, tenant.id, MemberRole::Admin).await;
        let member = Somebody::member(vault, tenant.id, MemberRole::Member).await;
        let hand = async |from: &Somebody, to: &Somebody| {
            transfer(from.pass::<TransferOwnership>(vault).await, to.account, &post).await.err()
        };
        let kind = |problem: Option<kernel::Problem>| problem.map(|problem| problem.kind);
        assert_eq!(kind(hand(&heir, &heir).await), Some(ProblemKind::Forbidden), "no owner");
        assert_eq!(kind(hand(&owner, &member).await), Some(ProblemKind::Conflict), "no admin");
        assert_eq!(kind(hand(&owner, &owner).await), Some(ProblemKind::Conflict), "it is theirs");
        assert_eq!(kind(hand(&owner, &heir).await), None);
        assert!(heir.human(vault).await.is_owner() && !owner.human(vault).await.is_owner());
        assert_eq!(kind(hand(&owner, &heir).await), Some(ProblemKind::Forbidden), "it is theirs no more");
        for person in [&owner, &heir] {
            assert!(letter(vault, &person.address, "ownership_transferred").await.is_some());
        }
        // Both are admins.
        drop(owner.pass::<ChangeRole>(vault).await);
        // Somebody without an organization has none to hand over or to leave.
        let newcomer = Somebody::newcomer(vault).await;
        assert!(newcomer.enter::<TransferOwnership>(vault).await.is_err());
        let refused = leave(newcomer.pass::<LeaveOrganization>(vault).await).await;
        assert_eq!(refused.expect_err("nothing to leave").kind, ProblemKind::Conflict);
    });
}

#[test]
fn an_admin_sees_and_ends_sessions_of_the_organization_alone() {
    run(async |house| {
        let desk = house.shared().await;
        let vault = &desk.vault;
        let (tenant, elsewhere) = (Tenant::make(vault, "Here").await, Tenant::make(vault, "Elsewhere").await);
        let admin = Somebody::member(vault, tenant.id, MemberRole::Admin).await;
        let mut member = Somebody::member(vault, tenant.id, MemberRole::Member).await;
        let first = member.session;
        member.principal(vault).await;
        member.sign_in(vault, tenant.id).await;
        let sessions = async || {
            let pass = admin.pass::<ListMemberSessions>(vault).await;
            list_sessions(pass, member.account).await.expect("sessions").0
        };
        let found = sessions().await;
        assert_eq!(found.iter().map(|one| one.id).collect::<Vec<_>>(), [member.session, first]);
        assert!(found[1].seen_at.is_some() && !found[1].program);
        let stranger = Somebody::member(vault, elsewhere.id, MemberRole::Admin).await;
        let refused =
            end_session(stranger.pass::<EndMemberSession>(vault).await, member.account, first).await;
        assert_eq!(refused.expect_err("somebody else's").kind, ProblemKind::NotFound);
        let refused = end_sessions(stranger.pass::<EndMemberSessions>(vault).await, member.account).await;
        assert_eq!(refused.expect_err("somebody else's").kind, ProblemKind::NotFound);
        let pass = admin.pass::<EndMemberSession>(vault).await;
        end_session(pass, member.account, member.session).await.expect("ended");
        assert!(member.known(vault).await.is_err());
        let pass = admin.pass::<EndMemberSessions>(vault).await;
        assert_eq!(end_sessions(pass, member.account).await.expect("ended").0, 1);
        assert!(sessions().await.is_empty());
        names_nobody(&desk.database, tenant.id).await;
    });
}

/// Whoever was removed is nobody there any more: what happens at their door is not written into the organization's log.
#[test]
fn a_removed_members_failures_are_not_told_to_the_organization() {
    run(async |house| {
        let desk = house.shared().await;
        let (vault, doors) = (&desk.vault, accounts(&desk.vault));
        let tenant = Tenant::make(vault, "Removed and mistyping").await;
        let owner = Somebody::owner(vault, tenant.id).await;
        let person = Person::sign_up(&doors).await;
        person.join(vault, tenant.id, MemberRole::Member, false).await;
        person.enter(&doors, SessionKind::Browser).await;
        let mistype = async || {
            let guest = person.guest.again();
            let wrong = "not the password at all".to_owned();
            let answer = doors.sign_in(guest.visitor(), &person.address, wrong, SessionKind::Browser).await;
            assert_eq!(answer.err().map(|problem| problem.kind), Some(ProblemKind::Unauthenticated));
            entries(&desk.database, tenant.id, "AUTH_FAILURE").await.len()
        };
        assert_eq!(mistype().await, 1, "a member's failure is the organization's to know");
        remove(owner.pass::<RemoveMember>(vault).await, person.account, &doors.post())
            .await
            .expect("removed");
        assert_eq!(mistype().await, 1, "a stranger's is not");
    });
}
