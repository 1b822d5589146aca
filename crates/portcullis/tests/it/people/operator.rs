//! The operator's command line, run as the program it is, on a database that servers use too.

use std::time::Duration;

use app::accounts::SessionKind;
use app::accounts::sign_in::{Second, Step};
use kernel::{MemberRole, ProblemKind, TenantId};
use serde_json::Value;

use crate::house::members::Somebody;
use crate::house::people::{Guest, Person, accounts, human, letter};
use crate::house::process::{Ran, command};
use crate::house::{Database, Tenant, run};

/// The watch of this process looks five times a second.
const FOLLOWED: Duration = Duration::from_millis(600);

struct Machine {
    environment: [(&'static str, String); 3],
}

impl Machine {
    fn of(database: &Database) -> Self {
        Self { environment: database.environment() }
    }

    async fn ran(&self, arguments: &[&str]) -> Ran {
        let env: Vec<(&str, &str)> = self.environment.iter().map(|(name, value)| (*name, &**value)).collect();
        command(&[&["operator"], arguments].concat(), &env).await
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let said = self.ran(&[arguments, &["--json"]].concat()).await.exited(0);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }
}

/// The newest entry of a kind in the log of a tenant.
async fn newest(database: &Database, tenant: TenantId, kind: &str) -> Value {
    let mut look = database.superuser().await;
    let sql =
        "select leaf from audit_entry where tenant_id = $1 and kind = $2 order by at desc, id desc limit 1";
    let leaf: Vec<u8> = sqlx::query_scalar(sql)
        .bind(tenant.uuid())
        .bind(kind)
        .fetch_one(&mut look)
        .await
        .unwrap_or_else(|error| panic!("{kind}: {error}"));
    serde_json::from_slice(&leaf).expect("JSON")
}

#[test]
fn the_operator_names_administrators_and_it_is_on_record() {
    run(async |house| {
        let desk = house.shared().await;
        let machine = Machine::of(&desk.database);
        let person = Somebody::newcomer(&desk.vault).await;
        let listed = async || {
            let found = machine.json(&["admins"]).await;
            let found = found["administrators"].as_array().expect("a list").clone();
            found.iter().any(|admin| admin["address"] == person.address)
        };
        assert!(!listed().await);
        machine.ran(&["grant-admin", &person.address]).await.exited(0);
        assert!(listed().await);
        let leaf = newest(&desk.database, desk.vault.instance(), "account.super_admin_granted").await;
        assert_eq!(
            (&leaf["actor"]["kind"], &leaf["action"]),
            (&"system".into(), &"operator.super_admin".into())
        );
        machine.ran(&["revoke-admin", &person.address]).await.exited(0);
        assert!(!listed().await);
    });
}

#[test]
fn roles_and_owners_are_given_where_nobody_else_can() {
    run(async |house| {
        let desk = house.shared().await;
        let (machine, tenant) = (Machine::of(&desk.database), Tenant::make(&desk.vault, "Ownerless").await);
        let id = tenant.id.to_string();
        let member = Somebody::member(&desk.vault, tenant.id, MemberRole::Viewer).await;
        let other = Somebody::member(&desk.vault, tenant.id, MemberRole::Admin).await;
        machine.ran(&["role", &member.address, "provider_admin", "--organization", &id]).await.exited(0);
        tokio::time::sleep(FOLLOWED).await;
        let now = member.principal(&desk.vault).await;
        assert_eq!(now.capabilities().rank().name(), "provider_admin");
        machine.ran(&["owner", &member.address, "--organization", &id]).await.exited(0);
        let leaf = newest(&desk.database, tenant.id, "organization.ownership_transferred").await;
        assert_eq!(leaf["action"], "operator.owner");
        tokio::time::sleep(FOLLOWED).await;
        assert!(member.human(&desk.vault).await.is_owner());
        let refused = machine.ran(&["owner", &other.address, "--organization", &id]).await;
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.err.contains("has an owner"), "{}", refused.err);
        let stranger = Somebody::newcomer(&desk.vault).await;
        let refused = machine.ran(&["role", &stranger.address, "admin", "--organization", &id]).await;
        assert!(refused.code == Some(1) && refused.err.contains("not a member"), "{refused:?}");
    });
}

#[test]
fn a_locked_account_is_unlocked_and_a_closed_one_opened() {
    run(async |house| {
        let desk = house.shared().await;
        let (machine, doors) = (Machine::of(&desk.database), accounts(&desk.vault));
        let person = Person::sign_up(&doors).await;
        let try_in = async |password: &str| {
            // Each guess from another network, so that only the count of the account stands in the way.
            let guest = crate::house::people::Guest::new();
            let kind = app::accounts::SessionKind::Browser;
            doors.sign_in(guest.visitor(), &person.address, password.to_owned(), kind).await
        };
        let locked = async || {
            for _ in 0..=kernel::limits::GUESSES_PER_ACCOUNT_MAX {
                if try_in("not the password at all").await.is_err_and(|p| p.kind == ProblemKind::RateLimited)
                {
                    return true;
                }
            }
            false
        };
        assert!(locked().await);
        let right = crate::house::people::PASSWORD;
        assert!(try_in(right).await.is_err(), "even the right password");
        machine.ran(&["unlock", &person.address]).await.exited(0);
        assert!(try_in(right).await.is_ok());
        let leaf = newest(&desk.database, desk.vault.instance(), "account.unlocked").await;
        assert_eq!(leaf["subject"]["id"], person.account.to_string());
        let closed = machine.json(&["disable", &person.address]).await;
        assert!(closed["sessions_ended"].as_u64().is_some_and(|count| count >= 1), "{closed}");
        assert!(try_in(right).await.is_err());
        machine.ran(&["enable", &person.address]).await.exited(0);
        assert!(try_in(right).await.is_ok());
    });
}

/// The phone with the app and the passkey is at the bottom of a lake, and the codes were never printed.
#[test]
fn somebody_who_lost_every_factor_is_let_in_by_the_operator() {
    run(async |house| {
        let desk = house.shared().await;
        let (machine, doors) = (Machine::of(&desk.database), accounts(&desk.vault));
        let tenant = Tenant::make(&desk.vault, "Lost").await;
        let person = Person::sign_up(&doors).await;
        person.join(&desk.vault, tenant.id, MemberRole::Member, false).await;
        let (_, codes) = super::factors::enrol(&doors, &person).await;
        let step = person.sign_in(&doors, SessionKind::Browser).await.expect("right");
        let Step::SecondFactor(waiting) = step else { panic!("asked for") };
        let said =
            machine.json(&["reset-factors", &person.address, "--public-url", "https://p.example.com"]).await;
        assert_eq!((&said["apps"], &said["passkeys"]), (&1.into(), &0.into()), "{said}");
        assert!(said["sessions_ended"].as_u64().is_some_and(|count| count >= 1), "{said}");
        tokio::time::sleep(FOLLOWED).await;
        assert!(human(&desk.vault, &person.opened).await.is_err(), "every session has ended");
        let guest = Guest::new();
        let code = Second::Recovery(codes[0].clone());
        let tried = doors.sign_in_second(guest.visitor(), waiting.ticket.expose(), code).await;
        assert!(tried.is_err(), "the codes are gone with the factors");
        let opened = person.enter(&doors, SessionKind::Browser).await;
        assert!(!human(&desk.vault, &opened).await.expect("in").has_second_factor());
        let text = letter(&desk.vault, &person.address, "factors_reset").await.expect("a letter");
        assert!(text.contains("https://p.example.com/sign-in"), "{text}");
        for log in [desk.vault.instance(), tenant.id] {
            let leaf = newest(&desk.database, log, "account.factors_reset").await;
            assert_eq!(
                (&leaf["actor"]["kind"], &leaf["subject"]["id"], &leaf["data"]["apps"]),
                (&"system".into(), &person.account.to_string().into(), &1.into())
            );
        }
    });
}

#[test]
fn keys_of_the_instance_rotate_under_running_servers() {
    run(async |house| {
        let desk = house.shared().await;
        let (machine, tenant) = (Machine::of(&desk.database), Tenant::make(&desk.vault, "Rotation").await);
        let person = Somebody::member(&desk.vault, tenant.id, MemberRole::Member).await;
        let before = person.token(&desk.vault).await;
        for ring in ["signing", "totp"] {
            let said = machine.json(&["rotate-key", ring]).await;
            assert_eq!((&said["done"], &said["ring"]), (&"rotated".into(), &ring.into()));
            let leaf = newest(&desk.database, desk.vault.instance(), "signing_key.rotated").await;
            assert_eq!(leaf["actor"]["kind"], "system");
        }
        let kid = |token: &str| token.split('.').next().expect("a header").to_owned();
        tokio::time::sleep(FOLLOWED).await;
        let after = person.token(&desk.vault).await;
        assert_ne!(kid(&before), kid(&after), "this process signs with the next key");
        for token in [&before, &after] {
            assert!(desk.vault.authenticate(Some(token), &crate::house::request()).await.is_ok());
        }
    });
}

#[test]
fn wrong_usage_is_told_from_failure() {
    run(async |house| {
        let machine = Machine::of(&house.shared().await.database);
        for (arguments, code) in [
            (&["disable", "nobody-at-all@example.com"][..], 1),
            (&["disable", "no address"], 2),
            (
                &[
                    "role",
                    "someone@example.com",
                    "king",
                    "--organization",
                    "019a0000-0000-7000-8000-000000000000",
                ],
                2,
            ),
            (&["rotate-key", "house"], 2),
            (&[], 2),
        ] {
            assert_eq!(machine.ran(arguments).await.code, Some(code), "{arguments:?}");
        }
        let help = machine.ran(&["--help"]).await.exited(0);
        assert!(help.contains("Examples:") && help.contains("Exit status:"), "{help}");
    });
}
