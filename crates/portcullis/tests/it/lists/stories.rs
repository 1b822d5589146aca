//! Changes and doors whose good request needs a story first: a letter, an app, an authenticator, a link. Each is told once,
//! so that every change is seen to be done and to leave exactly one entry.

use http::Method;
use http::header::COOKIE;
use kernel::MemberRole;
use serde_json::{Value, json};

use super::{Cast, Operation, Sample, Who};
use crate::console::newcomers::Authenticator;
use crate::house::people::{self, PASSWORD, Person, accounts};
use crate::house::{Answer, Ask, Entry, Tenant, run};
use crate::people::factors::code;
use crate::people::rest::{Client, link, newcomer};

/// Changes and doors that are not done here, and why. One that has a story is to be taken out.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "account.welcome",
        "the first administrator is made once in a database: `the_first_administrator_leaves_an_entry_for_each_thing_done`",
    ),
    ("policy_key.trust", "a key is trusted once: `policy_packs`"),
    ("policy_pack.activate", "what was tried first would constrain everybody else here: `policy_packs`"),
    ("policy_pack.roll_back", "no pack is in force here: `policy_packs`"),
    ("policy_pack.upload", "a pack is taken once: `policy_packs`"),
];

/// Doors that leave nothing when they are used, and why.
const LEAVES_NOTHING: &[(&str, &str)] =
    &[("account.ask_for_passkey", "it hands out a random challenge: nobody is known and nothing is changed")];

/// What does several things at once leaves an entry for each, in one commit: these kinds, in this order. Everything else
/// leaves one.
const SEVERAL: &[(&str, &[&str])] = &[("account.verify", &["account.verified", "account.signed_in"])];

/// What is about to be asked, and in which words the entry says what became of it.
struct Story {
    ask: Ask,
    /// The kind of the caller in the entry.
    actor: &'static str,
}

/// Every change and every door, done: one entry, which names the operation and holds no secret and no address.
#[test]
fn every_change_and_every_door_leaves_one_entry_that_says_what_it_was() {
    run(async |house| {
        let cast = Cast::gather(house.shared().await).await;
        let (mut done, mut wrong) = (0, Vec::new());
        for operation in Operation::all().into_iter().filter(is_told) {
            let what = &operation.id;
            if ELSEWHERE.iter().any(|(id, _)| id == what) {
                continue;
            }
            // The answer to an address nobody has is that to any other, and no letter is sent.
            let plain = Sample::of(&operation).status < 400 && operation.id != "account.request_reset";
            let story = if plain {
                let who = Who::best(&operation);
                let actor = match (&operation.needs, operation.is_personal()) {
                    (None, _) => "anonymous",
                    (_, true) => "human",
                    (_, false) => "service",
                };
                Story { ask: cast.good(&operation, who).await, actor }
            } else {
                tell(&cast, &operation).await
            };
            let id = cast.wire.request_id();
            let answer = cast.wire.ask(story.ask.header("x-request-id", &id)).await;
            assert!(answer.status.is_success(), "{what}: {} {}", answer.status, answer.text());
            let entries = cast.database.entries(&id).await;
            wrong.extend(judge(&operation, story.actor, &entries).err());
            done += 1;
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(done > 60, "the description lost its changes: {done}");
    });
}

/// Whether these entries say what was done, by whom, and nothing that opens something.
fn judge(operation: &Operation, actor: &str, entries: &[Entry]) -> Result<(), String> {
    let what = &operation.id;
    let kinds: Vec<&str> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    let several = SEVERAL.iter().find(|(id, _)| id == what).map(|(_, kinds)| *kinds);
    if several.map_or(kinds.len() != 1, |several| several != kinds) {
        return Err(format!("{what}: {kinds:?}"));
    }
    for entry in entries {
        let leaf = &entry.leaf;
        let by = &leaf["actor"]["kind"];
        if leaf["action"] != *what || entry.outcome() != "ok" || by != actor {
            return Err(format!("{what}: {leaf}"));
        }
        if operation.mutating && !leaf["subject"].is_object() {
            return Err(format!("{what}: what was changed? {leaf}"));
        }
        // Names of people, of their devices and their addresses are nowhere in the log; nor is what opens something.
        let secrets = ["@example.", "pcl_", "pev_", "ppr_", "psf_", "eyJ", PASSWORD];
        if let Some(secret) = secrets.iter().find(|secret| leaf.to_string().contains(**secret)) {
            return Err(format!("{what}: {secret} is in the log: {leaf}"));
        }
    }
    Ok(())
}

/// What is told here: what changes something, and doors that are on record. Beginnings leave an intent, and what they begin
/// is told by its end.
fn is_told(operation: &Operation) -> bool {
    let begins = super::entries::BEGINNINGS.contains(&&*operation.id);
    (operation.mutating && !begins) || operation.recorded
}

#[test]
fn every_exception_is_one() {
    let known = Operation::all();
    let find = |id: &str| {
        let found = known.iter().find(|operation| operation.id == id);
        found.unwrap_or_else(|| panic!("{id} is no operation any more: take it out"))
    };
    for (id, reason) in ELSEWHERE {
        assert!(is_told(find(id)), "{id} needs no exception any more ({reason})");
    }
    for (id, kinds) in SEVERAL {
        assert!(is_told(find(id)) && kinds.len() > 1, "{id} needs no exception");
    }
    for (id, reason) in LEAVES_NOTHING {
        let operation = find(id);
        let door = operation.needs.is_none() && operation.path.starts_with("/api/v1/auth/");
        assert!(door && !operation.recorded, "{id} is on record now: take it out ({reason})");
    }
    let silent = known.iter().filter(|operation| {
        operation.needs.is_none() && operation.method != Method::GET && !operation.recorded
    });
    for operation in silent {
        let listed = LEAVES_NOTHING.iter().any(|(id, _)| *id == operation.id);
        assert!(listed, "{} is a door that leaves nothing: say why in LEAVES_NOTHING", operation.id);
    }
}

/// The request that does it, after all that comes before.
async fn tell(cast: &Cast, operation: &Operation) -> Story {
    let stage = Stage { cast };
    match &*operation.id {
        "account.step_up" => stage.step_up().await,
        "account.confirm_address" | "account.withdraw_address_change" => stage.address(&operation.id).await,
        "mfa.confirm_totp" | "mfa.remove_totp" => stage.totp(&operation.id).await,
        "mfa.add_passkey" | "mfa.rename_passkey" | "mfa.remove_passkey" => stage.passkey(&operation.id).await,
        "delegation.end_own" => stage.delegation().await,
        "session.end_own" => stage.session().await,
        "session.switch" => stage.switch().await,
        "account.verify" => stage.verify().await,
        "account.sign_in" | "account.sign_in_second" => stage.sign_in(&operation.id).await,
        "account.sign_in_passkey" => stage.sign_in_passkey().await,
        "account.request_reset" => stage.request_reset().await,
        "account.reset" => stage.reset().await,
        "token.refresh" => stage.refresh().await,
        "token.issue" => stage.issue(),
        "evidence.follow_link" => stage.follow_link().await,
        other => panic!(
            "{other}: its sample is refused, so tell in crates/portcullis/tests/it/lists/stories.rs how it is done, or \
             give a reason in ELSEWHERE"
        ),
    }
}

struct Stage<'a> {
    cast: &'a Cast,
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("text: {value}"))
}

fn human(ask: Ask) -> Story {
    Story { ask, actor: "human" }
}

impl<'a> Stage<'a> {
    async fn somebody(&self) -> (Client<'a>, String) {
        newcomer(self.cast.desk, &self.cast.wire).await
    }

    /// A person with an authenticator app, and its secret.
    async fn with_app(&self) -> (Client<'a>, String, String) {
        let (mut client, address) = self.somebody().await;
        let offer = client.call(Method::POST, "/account/totp", None).await.json();
        let secret = text(&offer["secret"]).to_owned();
        client.posted("/account/totp/confirm", &json!({"code": code(&secret, -1)}), 200).await;
        (client, address, secret)
    }

    async fn step_up(&self) -> Story {
        let (client, _) = self.somebody().await;
        human(client.request(Method::POST, "/auth/step-up", Some(&json!({"password": PASSWORD}))))
    }

    async fn address(&self, operation: &str) -> Story {
        let (mut client, _) = self.somebody().await;
        let next = people::address();
        client.posted("/account/address", &json!({"address": next}), 202).await;
        if operation == "account.withdraw_address_change" {
            return human(client.request(Method::DELETE, "/account/address", None));
        }
        let token = json!({"token": link(self.cast.desk, &next, "address_change_requested").await});
        human(client.request(Method::POST, "/account/address/confirm", Some(&token)))
    }

    async fn totp(&self, operation: &str) -> Story {
        if operation == "mfa.confirm_totp" {
            let (mut client, _) = self.somebody().await;
            let offer = client.call(Method::POST, "/account/totp", None).await.json();
            let code = json!({"code": code(text(&offer["secret"]), -1)});
            return human(client.request(Method::POST, "/account/totp/confirm", Some(&code)));
        }
        let (mut client, _, _) = self.with_app().await;
        let account = client.get("/account").await.json();
        let path = format!("/account/totp/{}", text(&account["totps"][0]["id"]));
        human(client.request(Method::DELETE, &path, None))
    }

    /// A person with a passkey, and the authenticator that holds it.
    async fn with_passkey(&self) -> (Client<'a>, Authenticator) {
        let ((mut client, _), authenticator) = (self.somebody().await, Authenticator::new());
        let body = self.new_passkey(&mut client, &authenticator).await;
        client.posted("/account/passkeys/confirm", &body, 201).await;
        (client, authenticator)
    }

    async fn new_passkey(&self, client: &mut Client<'_>, authenticator: &Authenticator) -> Value {
        let begun = client.call(Method::POST, "/account/passkeys", None).await.json();
        let answer = authenticator.made(&begun["options"]);
        json!({"ceremony": begun["ceremony"], "answer": answer, "name": "laptop"})
    }

    async fn passkey(&self, operation: &str) -> Story {
        if operation == "mfa.add_passkey" {
            let (mut client, _) = self.somebody().await;
            let body = self.new_passkey(&mut client, &Authenticator::new()).await;
            return human(client.request(Method::POST, "/account/passkeys/confirm", Some(&body)));
        }
        let (mut client, _) = self.with_passkey().await;
        let account = client.get("/account").await.json();
        let path = format!("/account/passkeys/{}", text(&account["passkeys"][0]["id"]));
        let name = json!({"name": "phone"});
        human(match operation {
            "mfa.rename_passkey" => client.request(Method::PATCH, &path, Some(&name)),
            _ => client.request(Method::DELETE, &path, None),
        })
    }

    /// A member of the organization for whom its agent acts.
    async fn delegation(&self) -> Story {
        let token = self.cast.fresh(Who::Person(MemberRole::Member)).await;
        let form = json!({
            "client_id": self.cast.tenant.agent.to_string(),
            "client_secret": self.cast.tenant.agent_key.expose(),
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": token,
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        });
        let answer = self.cast.wire.ask(Ask::post("/oauth/token").form(&form)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let path = format!("/api/v1/account/delegations/{}", self.cast.tenant.agent);
        human(Ask::new(Method::DELETE, path).bearer(&token))
    }

    async fn session(&self) -> Story {
        let (mut client, address) = self.somebody().await;
        assert_eq!(Client::new(&self.cast.wire).sign_in(&address, PASSWORD).await.status, 200);
        let sessions = client.get("/sessions").await.json();
        let mut items = sessions["items"].as_array().expect("a list").iter();
        let other = items.find(|one| one["current"] == false).expect("another session");
        human(client.request(Method::DELETE, &format!("/sessions/{}", text(&other["id"])), None))
    }

    async fn switch(&self) -> Story {
        let vault = &self.cast.desk.vault;
        let person = Person::sign_up(&accounts(vault)).await;
        let (one, two) = (Tenant::make(vault, "Here").await, Tenant::make(vault, "There").await);
        person.join(vault, one.id, MemberRole::Member, false).await;
        person.join(vault, two.id, MemberRole::Viewer, false).await;
        let mut client = Client::new(&self.cast.wire);
        assert_eq!(client.sign_in(&person.address, PASSWORD).await.status, 200);
        let here = text(&client.get("/whoami").await.json()["organization"]).to_owned();
        let there = if here == one.id.to_string() { two.id } else { one.id };
        let body = json!({"organization": there.to_string()});
        human(client.request(Method::POST, "/session/organization", Some(&body)))
    }

    async fn verify(&self) -> Story {
        let (mut client, address) = (Client::new(&self.cast.wire), people::address());
        let new = json!({"address": address, "name": "Someone", "password": PASSWORD});
        client.posted("/auth/sign-up", &new, 202).await;
        let token = link(self.cast.desk, &address, "verify_address").await;
        human(client.request(
            Method::POST,
            "/auth/verify",
            Some(&json!({"token": token, "password": PASSWORD})),
        ))
    }

    async fn sign_in(&self, operation: &str) -> Story {
        let mut client = Client::new(&self.cast.wire);
        if operation == "account.sign_in" {
            let (_, address) = self.somebody().await;
            let body = json!({"address": address, "password": PASSWORD});
            return human(client.request(Method::POST, "/auth/sign-in", Some(&body)));
        }
        let (_, address, secret) = self.with_app().await;
        let waiting = client.sign_in(&address, PASSWORD).await.json();
        let body = json!({"ticket": waiting["second_factor"]["ticket"], "code": code(&secret, 0)});
        human(client.request(Method::POST, "/auth/sign-in/second", Some(&body)))
    }

    async fn sign_in_passkey(&self) -> Story {
        let (_, authenticator) = self.with_passkey().await;
        let mut client = Client::new(&self.cast.wire);
        let asked: Answer = client.call(Method::POST, "/auth/passkey", None).await;
        let asked = asked.json();
        let answer = authenticator.signed(&asked["options"]);
        let body = json!({"ceremony": asked["ceremony"], "answer": answer});
        human(client.request(Method::POST, "/auth/sign-in/passkey", Some(&body)))
    }

    async fn request_reset(&self) -> Story {
        let (_, address) = self.somebody().await;
        let stranger = Client::new(&self.cast.wire);
        let ask = stranger.request(Method::POST, "/auth/reset", Some(&json!({"address": address})));
        Story { ask, actor: "anonymous" }
    }

    async fn reset(&self) -> Story {
        let (_, address) = self.somebody().await;
        let mut stranger = Client::new(&self.cast.wire);
        stranger.posted("/auth/reset", &json!({"address": address}), 202).await;
        let token = link(self.cast.desk, &address, "reset_password").await;
        let body = json!({"token": token, "password": "nine quiet harbours wait"});
        human(stranger.request(Method::POST, "/auth/reset/confirm", Some(&body)))
    }

    async fn refresh(&self) -> Story {
        let (client, _) = self.somebody().await;
        let ask = client.request(Method::POST, "/auth/refresh", None);
        assert!(ask.has_header(&COOKIE), "a program that came in has a refresh token");
        human(ask)
    }

    fn issue(&self) -> Story {
        let form = json!({
            "client_id": self.cast.tenant.agent.to_string(),
            "client_secret": self.cast.tenant.agent_key.expose(),
            "grant_type": "client_credentials",
        });
        Story { ask: Ask::post("/oauth/token").form(&form), actor: "agent" }
    }

    async fn follow_link(&self) -> Story {
        let key = &self.cast.tenant.owner_key;
        let body = json!({"framework": "soc2", "from": "2025-01-01T00:00:00Z", "to": "2025-01-02T00:00:00Z"});
        let made =
            self.cast.wire.ask(Ask::post("/api/v1/evidence/packs").json(body.to_string()).key(key)).await;
        let path = format!("/api/v1/evidence/packs/{}/links", text(&made.json()["id"]));
        let made = self.cast.wire.ask(Ask::post(path).json(r#"{"seconds":60}"#).key(key)).await.json();
        let (_, path) = text(&made["url"]).split_once("/api/").expect("a path");
        Story { ask: Ask::get(format!("/api/{path}")), actor: "anonymous" }
    }
}

/// The first administrator comes in once, in a database of its own.
#[test]
fn the_first_administrator_leaves_an_entry_for_each_thing_done() {
    run(async |house| {
        let database = house.database("welcome_entry").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "First").await;
        let wire = crate::house::Build::over(&vault).serve().await;
        let page = accounts(&vault).welcome_link().await.expect("made").expect("nobody is there");
        let token = page.as_str().split_once("?t=").expect("a token").1.to_owned();
        let body =
            json!({"token": token, "address": "first@example.com", "name": "First", "password": PASSWORD});
        let id = wire.request_id();
        let ask = Ask::post("/api/v1/auth/welcome").json(body.to_string()).header("x-request-id", &id);
        let answer = wire.ask(ask).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let entries = database.entries(&id).await;
        // A database that has signed no token yet gets its key with the first one.
        let own = entries.iter().filter(|entry| entry.leaf["action"] == "account.welcome");
        let kinds: Vec<_> = own.map(|entry| entry.kind.as_str()).collect();
        assert_eq!(kinds, ["member.joined", "account.created", "account.signed_in"], "{entries:?}");
        assert!(entries.iter().any(|entry| entry.tenant == tenant.id.to_string()), "{entries:?}");
        assert!(entries.iter().all(|entry| !entry.leaf.to_string().contains("@example.")), "{entries:?}");
    });
}
