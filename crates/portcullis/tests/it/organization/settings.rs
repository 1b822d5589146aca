//! What an organization asks of its members, on every replica.

use app::input::Name;
use app::members::ListMembers;
use app::settings::{ChangeSettings, ReadSettings, Rules, change, read};
use gates::Caller as _;
use gates::Human;
use kernel::{MemberRole, ProblemKind};
use sqlx::Row as _;

use super::{entries, until};
use crate::house::members::Somebody;
use crate::house::{Tenant, request, run};

fn name() -> Name {
    Name::parse("Rules".to_owned(), "/name").expect("a name")
}

fn for_all() -> Rules {
    Rules { second_factor_for_all: true, ..Rules::default() }
}

#[test]
fn whoever_asks_for_a_second_factor_has_one() {
    run(async |house| {
        let desk = house.shared().await;
        let vault = &desk.vault;
        let tenant = Tenant::make(vault, "Rules").await;
        let admin = Somebody::member(vault, tenant.id, MemberRole::Admin).await;
        let only = |role| Rules { second_factor_roles: vec![role], ..Rules::default() };
        for (rules, pointer) in [
            (for_all(), "/second_factor_for_all"),
            (only(MemberRole::Admin), "/second_factor_roles"),
            (Rules { session_hours: 0, ..Rules::default() }, "/session_hours"),
            (Rules { session_hours: 721, ..Rules::default() }, "/session_hours"),
        ] {
            let pass = admin.pass::<ChangeSettings>(vault).await;
            let problem = change(pass, name(), rules).await.err().expect("refused");
            assert_eq!((problem.kind, problem.errors[0].pointer.as_str()), (ProblemKind::Invalid, pointer));
        }
        change(admin.pass::<ChangeSettings>(vault).await, name(), only(MemberRole::ProviderAdmin))
            .await
            .expect("not their own role");
        // A service shuts nobody in: it has no factor and needs none.
        let key = vault.enter::<ChangeSettings>(tenant.owner(vault).await, request()).await.expect("may");
        let (now, _) = change(key, name(), for_all()).await.expect("in force");
        assert!(now.rules.second_factor_for_all && now.name == "Rules");
        let problem = admin.enter::<ReadSettings>(vault).await.err().expect("nothing but enrolment is open");
        assert_eq!(problem.kind, ProblemKind::MustEnrol);
        let changed = entries(&desk.database, tenant.id, "organization.settings_changed").await;
        assert_eq!(changed.len(), 6, "one entry for each try");
        assert_eq!(changed[4]["data"]["second_factor_provider_admin"], true);
    });
}

/// What one replica puts into force the other asks for within a second.
#[test]
fn rules_are_in_force_on_every_replica_at_once() {
    run(async |house| {
        let desk = house.shared().await;
        let (here, there) = (&desk.vault, desk.database.vault().await.expect("served twice"));
        let tenant = Tenant::make(here, "Everywhere").await;
        let member = Somebody::member(here, tenant.id, MemberRole::Member).await;
        for vault in [here, &there] {
            drop(member.pass::<ListMembers>(vault).await);
        }
        let must_enrol = |known: &Result<gates::Principal, _>| match known {
            Ok(principal) => Human::admit(principal.principal()).is_ok_and(|human| human.must_enrol()),
            Err(_) => false,
        };
        let put = async |rules| {
            let key = here.enter::<ChangeSettings>(tenant.owner(here).await, request()).await.expect("may");
            change(key, name(), rules).await.expect("in force");
        };
        put(for_all()).await;
        assert!(must_enrol(&member.known(here).await), "here it holds with the seal");
        until(&there, &member, "a second factor is asked for there", must_enrol).await;
        let problem = member.enter::<ListMembers>(&there).await.err().expect("nothing but enrolment is open");
        assert_eq!(problem.kind, ProblemKind::MustEnrol);
        put(Rules::default()).await;
        until(&there, &member, "none is asked for any more", |known| !must_enrol(known)).await;
        drop(member.pass::<ListMembers>(&there).await);
        // Somebody who has one, in a session that did not use it, is asked to confirm it.
        member.enrol(&desk.database).await;
        put(for_all()).await;
        until(here, &member, "known again", Result::is_ok).await;
        let problem = member.enter::<ListMembers>(here).await.err().expect("to be confirmed");
        assert_eq!(problem.kind, ProblemKind::StepUp);
    });
}

#[test]
fn shorter_sessions_are_shorter_from_now_on() {
    run(async |house| {
        let desk = house.shared().await;
        let vault = &desk.vault;
        let tenant = Tenant::make(vault, "Hours").await;
        let member = Somebody::member(vault, tenant.id, MemberRole::Member).await;
        let put = async |hours| {
            let key = vault.enter::<ChangeSettings>(tenant.owner(vault).await, request()).await.expect("may");
            let rules = Rules { session_hours: hours, ..Rules::default() };
            change(key, name(), rules).await.expect("in force");
        };
        let hours = async || -> f64 {
            let row = sqlx::query(
                "select (extract(epoch from expires_at - created_at) / 3600)::float8 from session where id = $1",
            )
            .bind(member.session.uuid())
            .fetch_one(&mut desk.database.superuser().await)
            .await
            .expect("the session");
            row.get(0)
        };
        put(2).await;
        assert!((hours().await - 2.0).abs() < 0.001);
        put(24).await;
        assert!((hours().await - 2.0).abs() < 0.001, "no session grows longer");
        let (now, _) = read(member.pass::<ReadSettings>(vault).await).await.expect("readable");
        assert_eq!(now.rules.session_hours, 24);
    });
}
