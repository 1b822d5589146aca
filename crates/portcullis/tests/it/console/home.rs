//! Home: gates that say when they are not well, and what needs somebody.

use std::sync::Arc;
use std::time::Duration;

use app::audit::jobs::Sequencer;
use gates::Vault;
use http::Method;
use kernel::{Clock as _, EntryId, MemberRole, SystemClock, Timestamp};
use serde_json::json;

use super::Browser;
use crate::house::members::{Somebody, past};
use crate::house::{Ask, Build, Database, House, Tenant, Wire, execute, run};

/// The state and the detail of a gate, as the page shows them.
fn gate<'a>(page: &'a str, name: &str) -> (&'a str, &'a str) {
    let (_, rest) = page.split_once(&format!("<p class=\"gate-name\">{name}</p>")).expect("the gate");
    let (_, state) = rest.split_once("<p class=\"gate-state").expect("its state");
    let (_, state) = state.split_once("<span>").expect("its state in words");
    let (state, rest) = state.split_once("</span>").expect("an end");
    let (_, detail) = rest.split_once("<p class=\"gate-detail\">").expect("its detail");
    (state, detail.split_once("</p>").expect("an end").0)
}

#[track_caller]
fn stands(page: &str, name: &str, state: &str, words: &str) {
    let (is, detail) = gate(page, name);
    assert!(is == state && detail.contains(words), "{name}: {is}: {detail}");
}

/// A house of its own, to break.
struct Stage {
    database: Database,
    vault: Arc<Vault>,
    wire: Wire,
    tenant: Tenant,
    owner: Somebody,
    sequencer: Sequencer,
}

impl Stage {
    async fn set(house: &'static House, purpose: &str) -> Self {
        let database = house.database(purpose).await;
        let vault = database.vault().await.expect("served");
        let wire = Build::over(&vault).serve().await;
        let tenant = Tenant::make(&vault, "Five gates").await;
        let owner = Somebody::owner(&vault, tenant.id).await;
        let origin = format!("portcullis/{}", vault.instance());
        let sequencer = Sequencer::new(vault.clone(), &origin, Duration::from_mins(5));
        Self { database, vault, wire, tenant, owner, sequencer }
    }

    async fn policy(&self, mode: &str) {
        let body = json!({"classes": {"EMAIL": {"mode": mode}}}).to_string();
        let ask = Ask::new(Method::PUT, "/api/v1/policies/pii").key(&self.tenant.owner_key).json(body);
        assert_eq!(self.wire.ask(ask).await.status, 200);
    }

    /// What the owner of the database does to it.
    async fn broken(&self, sql: &str) {
        let mut superuser = self.database.superuser().await;
        execute(&mut superuser, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

#[test]
fn gates_say_what_they_did_and_warn_where_people_look() {
    run(async |house| {
        let stage = Stage::set(house, "home_warns").await;
        let Stage { database, vault, wire, tenant, owner, sequencer } = &stage;
        let mut browser = Browser::of(wire, owner);
        sequencer.round().await.expect("placed");
        sequencer.sign_due(Duration::ZERO).await.expect("signed");
        let page = browser.page("/").await;
        stands(&page, "identity", "Open", "No credential was refused in a day");
        stands(&page, "token", "Open", "No request was refused in a day");
        stands(&page, "tenancy", "Open", "this organization");
        stands(&page, "privacy", "Open", "Policy pii@");
        stands(&page, "audit", "Open", "under a signed checkpoint");
        assert!(page.contains("All five gates stand"));

        // Refusals are counted: a member who may not, and a credential that is none any more.
        let viewer = Somebody::member(vault, tenant.id, MemberRole::Viewer).await;
        Browser::of(wire, &viewer).refused("/keys", 403).await;
        let revoke = Ask::new(Method::DELETE, format!("/api/v1/keys/{}", tenant.agent_key_id));
        assert_eq!(wire.ask(revoke.key(&tenant.owner_key)).await.status, 204);
        assert_eq!(wire.ask(Ask::get("/api/v1/whoami").key(&tenant.agent_key)).await.status, 401);
        let page = browser.page("/").await;
        stands(&page, "identity", "Open", "One credential was refused");
        stands(&page, "token", "Open", "One request was refused");

        stage.policy("off").await;
        stands(&browser.page("/").await, "privacy", "Partly open", "That of 1 kind is not looked for");
        stage.policy("strict").await;

        // The log grew, and the checkpoint is old; then its entries do not even get their place.
        sequencer.round().await.expect("placed");
        let ours = format!("where tenant_id = '{}'", tenant.id);
        past(database, &format!("update audit_checkpoint set signed_at = now() - interval '1 hour' {ours}"))
            .await;
        let page = browser.page("/").await;
        stands(&page, "audit", "Unsigned", "no checkpoint was signed for 60 minutes");
        assert!(page.contains("one of them needs a look"));
        let minute_ago = Timestamp::from_unix_micros(SystemClock.now().unix_micros() - 60_000_000);
        let unplaced = format!(
            "insert into audit_entry values ('{}', '{}', now(), 'audit.read', 'system', 'r', '{{}}')",
            tenant.id,
            EntryId::first_at(minute_ago)
        );
        past(database, &unplaced).await;
        stands(&browser.page("/").await, "audit", "Behind", "longer than 30 seconds");
    });
}

#[test]
fn gates_shut_and_what_cannot_be_read_is_not_said_to_be_well() {
    run(async |house| {
        let stage = Stage::set(house, "home_shuts").await;
        let mut browser = Browser::of(&stage.wire, &stage.owner);
        stage.broken("revoke select on portcullis.audit_leaf from portcullis_app").await;
        let page = browser.page("/").await;
        stands(&page, "audit", "Unknown", "could not be read");
        stands(&page, "identity", "Open", "How much was refused could not be read");
        assert!(page.contains("could not be read just now") && !page.contains("Nothing needs you"), "{page}");
        assert!(!page.contains("Recent activity"), "{page}");
        stage.broken("grant select on portcullis.audit_leaf to portcullis_app").await;

        // A look that cannot be written down shows nothing.
        let append = "gate.append_all(text, uuid, uuid[], timestamptz[], text[], text[], text[], bytea[])";
        stage.broken(&format!("revoke execute on function {append} from portcullis_app")).await;
        let page = browser.page("/").await;
        stands(&page, "audit", "Shut", "so nothing is done");
        assert!(page.contains("A gate is shut") && !page.contains("Recent activity"), "{page}");
        stage.broken(&format!("grant execute on function {append} to portcullis_app")).await;

        // The role that serves tenants cannot log in any more.
        let name = stage.database.name();
        let shut = format!(
            "revoke connect on database {name} from public, portcullis_app; \
             select pg_terminate_backend(pid) from pg_stat_activity \
             where datname = '{name}' and usename = 'portcullis_app'"
        );
        stage.broken(&shut).await;
        stands(&browser.page("/").await, "tenancy", "Shut", "nothing is let through");
        stage.broken(&format!("grant connect on database {name} to portcullis_app")).await;
        stands(&browser.page("/").await, "tenancy", "Open", "this organization");
    });
}

async fn key(wire: &Wire, tenant: &Tenant, name: &str, days: u64) -> String {
    let until = SystemClock.now().plus(Duration::from_hours(24 * days)).to_string();
    let body = json!({"name": name, "role": "reader", "expires_at": until}).to_string();
    let answer = wire.ask(Ask::post("/api/v1/keys").key(&tenant.owner_key).json(body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_str().expect("an id").to_owned()
}

#[test]
fn keys_that_expire_soon_need_those_who_manage_them() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Expiring keys").await;
        let owner = Somebody::owner(&desk.vault, tenant.id).await;
        let soon = key(&wire, &tenant, "soon over", 10).await;
        key(&wire, &tenant, "over later", 20).await;
        let mut browser = Browser::of(&wire, &owner);
        let page = browser.page("/").await;
        assert!(page.contains("Key “soon over” expires") && page.contains(&format!("/keys/{soon}/rotate")));
        assert!(!page.contains("over later"), "{page}");
        let viewer = Somebody::member(&desk.vault, tenant.id, MemberRole::Viewer).await;
        assert!(!Browser::of(&wire, &viewer).page("/").await.contains("soon over"));
        // With a successor it needs nobody any more.
        let rotate = Ask::post(format!("/api/v1/keys/{soon}/rotate")).key(&tenant.owner_key);
        assert_eq!(wire.ask(rotate.json(r#"{"overlap_seconds":60}"#)).await.status, 201);
        let page = browser.page("/").await;
        assert!(!page.contains(&format!("/keys/{soon}/rotate")), "{page}");
    });
}

/// The home page asks for a review of whoever may do it, by the rule of the review itself.
#[test]
fn the_only_owner_is_asked_to_review_their_own_override() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "One owner").await;
        let owner = Somebody::owner(&desk.vault, tenant.id).await;
        let mut browser = Browser::of(&wire, &owner);
        let fields = [("reason", "Nobody else was there to do it."), ("minutes", "15")];
        browser.accepted("/break-glass", &fields).await;
        let page = browser.page("/break-glass").await;
        let (_, rest) = page.split_once("href=\"/break-glass/").expect("a link to it");
        let there = format!("/break-glass/{}", rest.split(['"', '/']).next().expect("an id"));
        assert!(!browser.page("/").await.contains("Review the break-glass"), "it is open still");
        browser.accepted(&format!("{there}/end"), &[]).await;
        assert!(browser.page("/").await.contains("Review the break-glass of Somebody"));
        // With another owner there is somebody to ask, who is asked instead.
        let other = Somebody::owner(&desk.vault, tenant.id).await;
        assert!(!browser.page("/").await.contains("Review the break-glass"));
        browser.back(&there, &[("verdict", "in_order"), ("note", "All was well.")], 403).await;
        assert!(Browser::of(&wire, &other).page("/").await.contains("Review the break-glass of Somebody"));
    });
}

/// What a page shows is on record once; what surrounds it is known with the session and adds nothing.
#[test]
fn one_look_is_one_entry() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "One look").await;
        let mut owner = Somebody::owner(&desk.vault, tenant.id).await;
        let browser = Browser::of(&wire, &owner);
        for (path, expected) in [
            ("/", &["account.read", "audit.read"][..]),
            ("/audit", &["audit.read"]),
            ("/members", &["member.listed", "member.invitations_listed"]),
            ("/agents", &["agent.listed", "key.listed", "project.listed"]),
            ("/keys", &["agent.listed", "key.listed", "project.listed"]),
            ("/security", &["account.read"]),
            ("/sessions", &["session.listed"]),
            ("/settings", &["organization.settings_read"]),
            ("/break-glass", &["break_glass.listed"]),
            ("/roles", &["role.templates_listed"]),
        ] {
            let id = wire.request_id();
            let answer = wire.ask(browser.request(Method::GET, path).header("x-request-id", &id)).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            let entries = desk.database.entries(&id).await;
            let mut kinds: Vec<&str> =
                entries.iter().filter_map(|entry| entry.leaf["kind"].as_str()).collect();
            kinds.sort_unstable();
            let mut expected = expected.to_vec();
            expected.sort_unstable();
            assert_eq!(kinds, expected, "{path}");
        }
        // The menu knows of an organization one joined a moment ago, and forgets one that was left.
        let other = Tenant::make(&desk.vault, "The other house").await;
        assert!(!wire.ask(browser.request(Method::GET, "/audit")).await.text().contains("The other house"));
        let session = owner.session;
        owner.rejoin(&desk.vault, other.id, MemberRole::Viewer).await;
        assert_ne!(owner.session, session, "that was another session");
        let page = wire.ask(browser.request(Method::GET, "/audit")).await.text();
        assert!(page.contains("The other house") && page.contains("One look"), "{page}");
    });
}
