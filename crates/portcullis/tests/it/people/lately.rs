//! What lately happened: to an account, to keys and agents; and which agents act for somebody.

use std::time::Duration;

use app::accounts::SessionKind;
use app::accounts::own::ChangePassword;
use http::Method;
use kernel::MemberRole;
use serde_json::{Value, json};

use crate::house::members::{Somebody, past};
use crate::house::people::{PASSWORD, Person, accounts, human};
use crate::house::{Answer, Ask, Build, Desk, Tenant, Wire, request, run, soon};

async fn items(wire: &Wire, path: &str, token: &str) -> Vec<Value> {
    let answer = wire.ask(Ask::get(path).bearer(token)).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()["items"].as_array().expect("a list").clone()
}

fn kinds(events: &[Value]) -> Vec<(&str, i64)> {
    let row = |event: &'_ Value| event["count"].as_i64().expect("a count");
    events.iter().map(|event| (event["kind"].as_str().expect("a kind"), row(event))).collect()
}

#[test]
fn a_person_sees_what_happened_to_their_account() {
    run(async |house| {
        let desk = house.shared().await;
        let (vault, doors) = (&desk.vault, accounts(&desk.vault));
        let wire = Build::over(vault).serve().await;
        let tenant = Tenant::make(vault, "Lately").await;
        let person = Person::sign_up(&doors).await;
        person.join(vault, tenant.id, MemberRole::Member, false).await;
        for _ in 0..3 {
            let guest = person.guest.again();
            let wrong = "not the password at all".to_owned();
            let tried = doors.sign_in(guest.visitor(), &person.address, wrong, SessionKind::Browser).await;
            assert!(tried.is_err());
        }
        let opened = person.enter(&doors, SessionKind::Browser).await;
        vault.ensure_access_keys(&request()).await.expect("keys");
        let token = vault.access_token_of(opened.id, &request()).await.expect("a token").token.to_string();
        // They are counted beside the answers.
        let counted = async {
            loop {
                let events = items(&wire, "/api/v1/account/events", &token).await;
                if kinds(&events).contains(&("AUTH_FAILURE", 3)) {
                    return events;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let events = soon("three refused attempts in one row", counted).await;
        // The first came with the verification.
        assert_eq!(kinds(&events).iter().filter(|(kind, _)| *kind == "account.signed_in").count(), 2);
        let peer = person.guest.context.peer.expect("an address").to_string();
        for event in &events {
            assert_eq!((&event["device"], &event["address"]), (&json!("Firefox on Linux"), &json!(peer)));
        }
        let person_in = human(vault, &opened).await.expect("signed in");
        let pass =
            vault.enter::<ChangePassword>(gates::Caller::principal(&person_in), person.guest.again().context);
        let changed = doors
            .change_password(
                pass.await.expect("fresh"),
                person.guest.again().visitor(),
                Some(PASSWORD.to_owned()),
                "eight green windmills turn".to_owned(),
            )
            .await;
        changed.expect("changed");
        let events = items(&wire, "/api/v1/account/events", &token).await;
        assert_eq!(kinds(&events).first(), Some(&("account.password_changed", 1)), "newest first");
        // Nobody sees anybody else's, and the list stays short.
        let other = Somebody::member(vault, tenant.id, MemberRole::Admin).await;
        let theirs = other.token(vault).await;
        assert!(items(&wire, "/api/v1/account/events", &theirs).await.is_empty());
        let many = format!(
            "insert into account_event (account_id, id, kind, began_at, at) select '{}', gen_random_uuid(), \
             'account.signed_in', now(), now() from generate_series(1, 60)",
            other.account
        );
        past(&desk.database, &many).await;
        assert_eq!(items(&wire, "/api/v1/account/events", &theirs).await.len(), 20);
    });
}

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

async fn exchanged(wire: &Wire, tenant: &Tenant, subject: &str) -> Answer {
    let form = json!({
        "client_id": tenant.agent.to_string(), "client_secret": tenant.agent_key.expose(),
        "grant_type": EXCHANGE, "subject_token": subject, "subject_token_type": ACCESS_TOKEN,
    });
    wire.ask(Ask::post("/oauth/token").form(&form)).await
}

async fn acting(desk: &Desk, wire: &Wire, tenant: &Tenant, somebody: &Somebody) -> (String, String) {
    let own = somebody.token(&desk.vault).await;
    let answer = exchanged(wire, tenant, &own).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    (own, answer.json()["access_token"].as_str().expect("a token").to_owned())
}

async fn whoami(wire: &Wire, token: &str) -> u16 {
    wire.ask(Ask::get("/api/v1/whoami").bearer(token)).await.status.as_u16()
}

#[test]
fn a_person_sees_who_acts_for_them_and_ends_it() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Acted for").await;
        let one = Somebody::member(&desk.vault, tenant.id, MemberRole::Member).await;
        let other = Somebody::member(&desk.vault, tenant.id, MemberRole::Member).await;
        let (own, token) = acting(desk, &wire, &tenant, &one).await;
        let (theirs, their_token) = acting(desk, &wire, &tenant, &other).await;
        let path = format!("/api/v1/account/delegations/{}", tenant.agent);
        let held = items(&wire, "/api/v1/account/delegations", &own).await;
        let [held] = held.as_slice() else { panic!("{held:?}") };
        assert_eq!(held["agent"], tenant.agent.to_string());
        assert_eq!(
            (&held["name"], &held["organization_name"]),
            (&json!("helper"), &json!("Acted for")),
            "{held}"
        );
        assert_eq!(held["session"], one.session.to_string());
        // Renewed, it is the same delegation since the same time.
        let (_, second) = acting(desk, &wire, &tenant, &one).await;
        let again = items(&wire, "/api/v1/account/delegations", &own).await;
        assert_eq!((again.len(), &again[0]["since"]), (1, &held["since"]));
        // An agent that acts for somebody sees and ends nothing of theirs.
        let ask = Ask::new(Method::DELETE, &path);
        assert_eq!(wire.ask(ask.clone().bearer(&token)).await.status, 403);
        assert_eq!(wire.ask(ask.clone().bearer(&own)).await.status, 204);
        for token in [&token, &second] {
            assert_eq!(whoami(&wire, token).await, 401, "all its tokens");
        }
        assert_eq!(whoami(&wire, &their_token).await, 200, "somebody else's stays");
        assert_eq!(wire.ask(ask.clone().bearer(&own)).await.status, 404, "nothing is left");
        assert!(items(&wire, "/api/v1/account/delegations", &own).await.is_empty());
        let refused = exchanged(&wire, &tenant, &own).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (400, &json!("invalid_request")));
        let alone = json!({
            "client_id": tenant.agent.to_string(), "client_secret": tenant.agent_key.expose(),
            "grant_type": "client_credentials",
        });
        assert_eq!(
            wire.ask(Ask::post("/oauth/token").form(&alone)).await.status,
            200,
            "what is its own stays"
        );
        // When no token from before can live any more, a new one that is handed over is taken.
        let ago = format!(
            "update delegation set ended_at = now() - interval '17 minutes' where account_id = '{}'",
            one.account
        );
        past(&desk.database, &ago).await;
        assert_eq!(exchanged(&wire, &tenant, &own).await.status, 200);
        assert_eq!(items(&wire, "/api/v1/account/delegations", &own).await.len(), 1);
        // A suspended agent acts for nobody.
        let suspend = Ask::post(format!("/api/v1/agents/{}/suspend", tenant.agent)).key(&tenant.owner_key);
        assert_eq!(wire.ask(suspend).await.status, 204);
        assert!(items(&wire, "/api/v1/account/delegations", &theirs).await.is_empty());
    });
}

#[test]
fn keys_and_agents_say_when_they_were_last_used() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Last used").await;
        let used = async |path: &str, id: String| {
            let answer = wire.ask(Ask::get(path).key(&tenant.owner_key)).await.json();
            let items = answer["items"].as_array().expect("a list").clone();
            let found = items.into_iter().find(|item| item["id"] == id).expect("it is listed");
            found["last_used_at"].clone()
        };
        let (key, agent) = (tenant.agent_key_id.to_string(), tenant.agent.to_string());
        assert_eq!(used("/api/v1/keys", key.clone()).await, Value::Null);
        assert_eq!(used("/api/v1/agents", agent.clone()).await, Value::Null);
        for _ in 0..5 {
            assert_eq!(wire.ask(Ask::get("/v1/models").key(&tenant.agent_key)).await.status, 200);
        }
        desk.vault.write_uses().await.expect("written");
        let at = used("/api/v1/keys", key.clone()).await;
        assert!(at.as_str().is_some_and(|at| at.contains(":00.000000Z") || at.ends_with(":00Z")), "{at}");
        assert_eq!(used("/api/v1/agents", agent.clone()).await, at);
        // A key that opens nothing was not used.
        let revoke = Ask::new(Method::DELETE, format!("/api/v1/keys/{key}")).key(&tenant.owner_key);
        assert_eq!(wire.ask(revoke).await.status, 204);
        past(&desk.database, &format!("delete from api_key_seen where key_id = '{key}'")).await;
        assert_eq!(wire.ask(Ask::get("/v1/models").key(&tenant.agent_key)).await.status, 401);
        desk.vault.write_uses().await.expect("written");
        assert_eq!(used("/api/v1/keys", key).await, Value::Null);
        assert_eq!(used("/api/v1/agents", agent).await, Value::Null);
    });
}
