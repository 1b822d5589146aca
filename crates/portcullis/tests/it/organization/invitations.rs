//! Inviting, accepting, withdrawing.

use app::accounts::join::Newcomer;
use app::accounts::newcomers::Secret;
use app::input::{Name, Page};
use app::invitations::{Invite, ListInvitations, RevokeInvitation, create, list, revoke};
use kernel::{MemberRole, ProblemKind};
use sqlx::AssertSqlSafe;
use sqlx::error::DatabaseError;

use super::{names_nobody, post};
use crate::house::members::{Somebody, past};
use crate::house::people::{Guest, PASSWORD, accounts, address, letter, principal, token};
use crate::house::{Tenant, execute, request, run};

#[test]
fn whoever_is_invited_joins_with_the_role_and_only_once() {
    run(async |house| {
        let desk = house.shared().await;
        let (vault, post) = (&desk.vault, post(&desk.vault));
        let (doors, tenant) = (accounts(vault), Tenant::make(vault, "Inviting").await);
        let admin = Somebody::member(vault, tenant.id, MemberRole::Admin).await;
        let to = address();
        let pass = admin.pass::<Invite>(vault).await;
        let (invitation, _) = create(pass, &to, MemberRole::Member, &post).await.expect("invited");
        let code = token(&letter(vault, &to, "invitation").await.expect("a letter"));
        let accept = async || {
            let name = Name::parse("Invited".to_owned(), "/name").expect("a name");
            let new = Newcomer { name, secret: Secret::Password(PASSWORD.to_owned()) };
            doors.accept_new(Guest::new().visitor(), &code, new).await
        };
        let opened = accept().await.expect("joined");
        let who = principal(vault, &opened).await;
        assert_eq!((who.tenant(), who.capabilities().rank().name()), (tenant.id, "member"));
        assert_eq!(accept().await.err().expect("used").kind, ProblemKind::NotFound);
        // A member is not invited, however the address is written.
        let pass = admin.pass::<Invite>(vault).await;
        let refused = create(pass, &to.to_uppercase(), MemberRole::Viewer, &post).await;
        assert_eq!(refused.expect_err("a member").kind, ProblemKind::Conflict);
        let waiting = list(admin.pass::<ListInvitations>(vault).await, Page { after: None, rows: 50 }).await;
        assert!(waiting.expect("a list").0.items.is_empty(), "{:?} was accepted", invitation.id);
        names_nobody(&desk.database, tenant.id).await;
    });
}

#[test]
fn a_new_invitation_takes_the_place_of_the_one_before() {
    run(async |house| {
        let desk = house.shared().await;
        let (vault, post) = (&desk.vault, post(&desk.vault));
        let (doors, tenant) = (accounts(vault), Tenant::make(vault, "Again").await);
        let admin = Somebody::member(vault, tenant.id, MemberRole::Admin).await;
        let to = address();
        let invite = async |role| create(admin.pass::<Invite>(vault).await, &to, role, &post).await;
        invite(MemberRole::Viewer).await.expect("invited");
        let first = token(&letter(vault, &to, "invitation").await.expect("a letter"));
        let at_once = invite(MemberRole::Member).await.expect_err("too soon for another letter");
        assert_eq!(at_once.kind, ProblemKind::RateLimited);
        assert!(at_once.retry_after_seconds.is_some());
        let earlier = format!(
            "update invitation set made_at = made_at - interval '2 minutes' where tenant_id = '{}'",
            tenant.id
        );
        past(&desk.database, &earlier).await;
        let (second, _) = invite(MemberRole::Admin).await.expect("invited again");
        let code = token(&letter(vault, &to, "invitation").await.expect("a letter"));
        assert_eq!(doors.offer(&first).await.expect_err("replaced").kind, ProblemKind::NotFound);
        assert_eq!(doors.offer(&code).await.expect("good").role, "admin");
        let page = Page { after: None, rows: 50 };
        let (waiting, _) = list(admin.pass::<ListInvitations>(vault).await, page).await.expect("a list");
        assert_eq!(waiting.items, std::slice::from_ref(&second), "one of them waits");
        // Withdrawn, it leads nowhere; and it is withdrawn once.
        revoke(admin.pass::<RevokeInvitation>(vault).await, second.id).await.expect("withdrawn");
        assert_eq!(doors.offer(&code).await.expect_err("withdrawn").kind, ProblemKind::NotFound);
        let again = revoke(admin.pass::<RevokeInvitation>(vault).await, second.id).await;
        assert_eq!(again.expect_err("withdrawn").kind, ProblemKind::NotFound);
    });
}

#[test]
fn what_is_no_invitation_is_refused() {
    run(async |house| {
        let desk = house.shared().await;
        let (vault, post) = (&desk.vault, post(&desk.vault));
        let tenant = Tenant::make(vault, "Refused").await;
        let admin = Somebody::member(vault, tenant.id, MemberRole::Admin).await;
        let invite = async |to: &str, role| {
            let pass = admin.pass::<Invite>(vault).await;
            create(pass, to, role, &post).await.expect_err("refused")
        };
        for bad in ["nobody", "a@localhost", "a@example.com\r\nBcc: b@example.com"] {
            let problem = invite(bad, MemberRole::Viewer).await;
            assert_eq!(
                (problem.kind, problem.errors[0].pointer.as_str()),
                (ProblemKind::Invalid, "/address")
            );
        }
        assert_eq!(invite("a@example.com", MemberRole::ProviderAdmin).await.kind, ProblemKind::Invalid);
        let member = Somebody::member(vault, tenant.id, MemberRole::Member).await;
        assert!(member.enter::<Invite>(vault).await.is_err());
        assert!(
            vault.enter::<Invite>(tenant.agent(vault).await, request()).await.is_err(),
            "no agent invites"
        );
        names_nobody(&desk.database, tenant.id).await;
    });
}

/// A letter goes into the outbox with its cause or not at all; the serving role can do nothing else with the outbox.
#[test]
fn a_letter_commits_with_its_cause() {
    run(async |house| {
        let desk = house.shared().await;
        let (vault, post) = (&desk.vault, post(&desk.vault));
        let tenant = Tenant::make(vault, "Letters").await;
        let admin = Somebody::member(vault, tenant.id, MemberRole::Admin).await;
        let to = address();
        // The organization is gone at the moment of the letter, so nothing of it happens.
        let gone = format!("delete from organization where tenant_id = '{}'", tenant.id);
        let pass = admin.pass::<Invite>(vault).await;
        past(&desk.database, &gone).await;
        assert!(create(pass, &to, MemberRole::Viewer, &post).await.is_err());
        assert!(letter(vault, &to, "invitation").await.is_none());
        let mut app = desk.database.app().await;
        for sql in [
            "select count(*) from mail_outbox",
            "delete from mail_outbox",
            "insert into mail_outbox (id, kind, made_at, due_at, to_sealed, message_sealed) \
             values (gen_random_uuid(), 'x', now(), now(), '', '')",
            "select gate.post_letter(gen_random_uuid(), 'x', now(), '', '')",
        ] {
            let error = sqlx::query(AssertSqlSafe(sql)).execute(&mut app).await.expect_err(sql);
            let code = error.as_database_error().and_then(DatabaseError::code).expect("a code");
            assert!(["42501", "PCL04"].contains(&code.as_ref()), "{sql}: {error}");
        }
        execute(&mut app, "select 1").await.expect("the login itself is good");
    });
}
