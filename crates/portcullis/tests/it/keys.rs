//! A key makes no key that is stronger than itself, neither anew nor as the successor of another; and it reaches the agents
//! and keys of its own project.

use http::Method;
use kernel::MemberRole;
use serde_json::{Value, json};

use crate::house::members::Somebody;
use crate::house::{Answer, Ask, Build, Tenant, run};

#[test]
fn a_narrow_key_comes_by_no_stronger_one() {
    run(async |house| {
        let desk = house.shared().await;
        let tenant = Tenant::make(&desk.vault, "keys").await;
        let wire = Build::over(&desk.vault).serve().await;
        let make = |body: &'static str| Ask::post("/api/v1/keys").json(body);
        let narrow = r#"{"name":"narrow","role":"owner","capabilities":["keys:manage","keys:read","organization:read"]}"#;
        let made = wire.ask(make(narrow).key(&tenant.owner_key)).await;
        assert_eq!(made.status.as_u16(), 201, "{}", made.text());
        let narrow = made.json()["secret"].as_str().expect("a secret").to_owned();
        // Anew.
        let wide = make(r#"{"name":"wide","role":"owner"}"#).bearer(&narrow);
        let refused = wire.ask(wide).await;
        assert_eq!(refused.status.as_u16(), 422, "{}", refused.text());
        // As the successor of the owner's key.
        let rotate = format!("/api/v1/keys/{}/rotate", tenant.owner_key_id);
        let refused = wire.ask(Ask::post(&rotate).json("{}").bearer(&narrow)).await;
        assert_eq!(refused.status.as_u16(), 403, "{}", refused.text());
        assert_eq!(refused.json()["gate"], "token");
        let whoami = wire.ask(Ask::get("/api/v1/whoami").key(&tenant.owner_key)).await;
        assert_eq!(whoami.status.as_u16(), 200, "the owner's key was not replaced");
        // Its own successor, and that of an equal, it may have.
        let own = Ask::post("/api/v1/keys/current/rotate").json("{}").bearer(&narrow);
        let rotated = wire.ask(own).await;
        assert_eq!(rotated.status.as_u16(), 201, "{}", rotated.text());
    });
}

fn ids(listed: &Answer) -> Vec<String> {
    assert_eq!(listed.status.as_u16(), 200, "{}", listed.text());
    let listed = listed.json();
    let items = listed["items"].as_array().expect("a list").iter();
    items.map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

/// Two projects of one organization, each with an agent and an owner's key. A person fills the second one: no key of the
/// first could.
#[test]
fn a_key_reaches_its_own_project_only() {
    run(async |house| {
        let desk = house.shared().await;
        let tenant = Tenant::make(&desk.vault, "two projects").await;
        let wire = Build::over(&desk.vault).serve().await;
        let person = Somebody::owner(&desk.vault, tenant.id).await.token(&desk.vault).await;
        let own = tenant.owner_key.expose();
        let made = async |path: &str, body: Value, key: &str| {
            let answer = wire.ask(Ask::post(path).json(body.to_string()).bearer(key)).await;
            assert_eq!(answer.status.as_u16(), 201, "{path} {body}: {}", answer.text());
            answer.json()
        };
        let id = |made: &Value| made["id"].as_str().expect("an id").to_owned();
        let project = id(&made("/api/v1/projects", json!({"name": "the other one"}), own).await);
        let agent = id(&made("/api/v1/agents", json!({"name": "theirs", "project": project}), &person).await);
        let body = json!({"name": "theirs", "role": "owner", "project": project});
        let issued = made("/api/v1/keys", body, &person).await;
        let (key, other) = (id(&issued), issued["secret"].as_str().expect("a secret").to_owned());

        // Each sees its own, and the person both.
        let list = async |path: &str, key: &str| ids(&wire.ask(Ask::get(path).bearer(key)).await);
        assert_eq!(list("/api/v1/agents", own).await, [tenant.agent.to_string()]);
        assert_eq!(list("/api/v1/agents", &other).await, [&*agent]);
        assert_eq!(list("/api/v1/keys", &other).await, [&*key]);
        let keys = list("/api/v1/keys", own).await;
        assert!(keys.contains(&tenant.owner_key_id.to_string()) && !keys.contains(&key), "{keys:?}");
        assert_eq!(list("/api/v1/agents", &person).await.len(), 2);
        assert_eq!(list("/api/v1/keys", &person).await.len(), 3);

        // What is next door is not there, to look at, to change or to fill; and the refusal is on record.
        let post = |path: String, body: Value| Ask::post(path).json(body.to_string());
        for (what, ask) in [
            ("suspend", Ask::post(format!("/api/v1/agents/{agent}/suspend"))),
            ("resume", Ask::post(format!("/api/v1/agents/{agent}/resume"))),
            ("rotate", post(format!("/api/v1/keys/{key}/rotate"), json!({}))),
            ("revoke", Ask::new(Method::DELETE, format!("/api/v1/keys/{key}"))),
            ("make", post("/api/v1/agents".into(), json!({"name": "mine", "project": project}))),
            (
                "issue",
                post("/api/v1/keys".into(), json!({"name": "k", "role": "reader", "project": project})),
            ),
            (
                "issue to its agent",
                post("/api/v1/keys".into(), json!({"name": "k", "role": "reader", "agent": agent})),
            ),
        ] {
            let request = wire.request_id();
            let refused = wire.ask(ask.bearer(own).header("x-request-id", &request)).await;
            assert_eq!(refused.status.as_u16(), 404, "{what}: {}", refused.text());
            let entries = desk.database.entries(&request).await;
            let [entry] = entries.as_slice() else { panic!("{what}: {entries:?}") };
            assert_eq!(entry.outcome(), "failed", "{what}: {}", entry.leaf);
        }
        let works = wire.ask(Ask::get("/api/v1/whoami").bearer(&other)).await;
        assert_eq!(works.status.as_u16(), 200, "the other project's key is untouched");
        // At home everything goes on, with the project named or not; and the person reaches both.
        made("/api/v1/agents", json!({"name": "mine", "project": tenant.project.to_string()}), own).await;
        made("/api/v1/agents", json!({"name": "mine"}), &other).await;
        made(&format!("/api/v1/keys/{key}/rotate"), json!({}), &person).await;
        let member = Somebody::member(&desk.vault, tenant.id, MemberRole::Viewer).await;
        assert_eq!(list("/api/v1/agents", &member.token(&desk.vault).await).await.len(), 4);
    });
}
