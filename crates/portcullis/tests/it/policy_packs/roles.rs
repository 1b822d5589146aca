//! A pack brings templates of roles: made as a person could have made them, changed by the pack alone while it is in force, and
//! back to what they were when it is rolled back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use http::Method;
use kernel::{MemberRole, Permission};
use serde_json::{Value, json};

use super::{Stage, files, signed, signer};
use crate::house::members::Somebody;
use crate::house::run;
use crate::house::web::{Answer, Web};

/// Longest until every process knows.
const WITHIN: Duration = Duration::from_secs(1);

/// The sample pack with a template of these permissions, and a test of it.
fn bringing(name: &str, version: u64, permissions: &[&str]) -> BTreeMap<String, String> {
    let mut files = files(name, version, None);
    let template = json!({
        "name": "auditor", "holders": "person", "title": "Auditor", "says": "Sees the log.", "permissions": permissions,
    });
    files.insert("roles.json".to_owned(), json!({ "templates": [template] }).to_string());
    let test = json!({ "name": "an auditor sees", "template": "auditor", "has": permissions, "lacks": ["keys:manage"] });
    files.insert("tests/roles.json".to_owned(), json!([test]).to_string());
    files
}

async fn activate(web: &Web, pack: &str, hash: &str) -> Answer {
    web.post(&format!("/api/v1/policies/packs/{pack}/activate"), &json!({ "dry_run": hash })).await
}

/// The template as the API lists it.
async fn auditor(web: &Web) -> Value {
    let all = web.get("/api/v1/roles/templates").await.expect(200).json();
    assert_eq!(all["sound"], true, "{all}");
    let mut all = all["data"].as_array().expect("templates").iter();
    all.find(|one| one["name"] == "auditor").cloned().unwrap_or_default()
}

async fn change(web: &Web) -> Answer {
    let body = json!({ "title": "Auditor", "permissions": ["audit:read"] });
    web.try_call(Method::PUT, "/api/v1/roles/templates/auditor", Some(&body)).await.expect("an answer")
}

#[test]
fn templates_come_with_a_pack_change_with_it_and_go_back_with_it() {
    run(async |house| {
        let stage = Stage::new(house, "pack_roles").await;
        stage.trust(7).await;
        let viewer = Somebody::member(&stage.vault, stage.tenant.id, MemberRole::Viewer).await;
        let holds = async |permission| viewer.principal(&stage.vault).await.capabilities().has(permission);
        // Whether the log can be seen, and taken away, within a second: the bound that is promised.
        let until = async |read, export| {
            let since = Instant::now();
            while (holds(Permission::AuditRead).await, holds(Permission::AuditExport).await) != (read, export)
            {
                assert!(since.elapsed() < WITHIN, "it is not so after {WITHIN:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };

        let first = stage.upload(&signed(bringing("crew", 1, &["audit:read"]), &signer(7))).await;
        let (hash, report) = stage.try_out(&first).await;
        let seen = json!([{ "template": "auditor", "then": "new", "why": null, "gains": ["audit:read"], "loses": [], "held_by": 0 }]);
        assert_eq!(report["roles"], seen);
        assert_eq!(auditor(&stage.key).await, Value::Null, "nothing is made by a dry run");
        let turn = activate(&stage.person, &first, &hash).await.expect(200).json();
        assert_eq!((&turn["templates_made"], &turn["templates_left"]), (&json!(1), &json!([])));
        let made = auditor(&stage.key).await;
        assert_eq!((&made["from_pack"], &made["drift"]), (&json!("crew"), &json!("none")));
        until(false, false).await; // It gives nobody anything by itself.

        let grants = format!("/api/v1/roles/grants/user:{}", viewer.account);
        stage.key.post(&grants, &json!({ "grants": "auditor" })).await.expect(204);
        until(true, false).await;

        // While it is in force, it is the pack's.
        let refused = change(&stage.key).await.expect(409);
        assert!(refused.text().contains("crew 1"), "{}", refused.text());
        stage.key.delete("/api/v1/roles/templates/auditor").await.expect(409);

        let second =
            stage.upload(&signed(bringing("crew", 2, &["audit:read", "audit:export"]), &signer(7))).await;
        let (hash, report) = stage.try_out(&second).await;
        let told = &report["roles"][0];
        assert_eq!(
            (&told["then"], &told["gains"], &told["held_by"]),
            (&json!("changed"), &json!(["audit:export"]), &json!(1))
        );
        let turn = activate(&stage.person, &second, &hash).await.expect(200).json();
        assert_eq!((&turn["templates_made"], &turn["templates_changed"]), (&json!(0), &json!(1)));
        until(true, true).await;
        let entry = &stage.key.entries("policy_pack.activated").await[0];
        assert_eq!(entry["data"]["templates_changed"], 1, "{entry}");

        let back = stage.person.post_empty("/api/v1/policies/packs/roll-back").await.expect(200).json();
        assert_eq!((&back["templates_changed"], &back["templates_left"]), (&json!(1), &json!([])));
        until(true, false).await;
        // Without a pack it stays, and is the organization's own.
        stage.person.post_empty("/api/v1/policies/packs/roll-back").await.expect(200);
        until(true, false).await; // Nobody loses what they were given.
        change(&stage.key).await.expect(200);
        assert_eq!(auditor(&stage.key).await["from_pack"], Value::Null);
        stage.stop().await;
    });
}

#[test]
fn a_pack_gives_nobody_more_than_whoever_puts_it_into_force_could() {
    run(async |house| {
        let stage = Stage::new(house, "pack_roles_held").await;
        stage.trust(7).await;
        // Somebody who may put packs into force and manage members, and sees no log.
        let packer = json!({ "name": "packer", "holders": "person", "title": "Packer",
                             "permissions": ["policies:read", "policies:manage", "members:manage"] });
        stage.key.post("/api/v1/roles/templates", &packer).await.expect(201);
        let narrow = Somebody::member(&stage.vault, stage.tenant.id, MemberRole::Viewer).await;
        let grants = format!("/api/v1/roles/grants/user:{}", narrow.account);
        stage.key.post(&grants, &json!({ "grants": "packer" })).await.expect(204);
        let narrow = stage.one.web(narrow.token(&stage.vault).await);

        let pack = stage.upload(&signed(bringing("crew", 1, &["audit:read"]), &signer(7))).await;
        let (hash, _) = stage.try_out(&pack).await;
        let refused = activate(&narrow, &pack, &hash).await.expect(403);
        assert!(refused.text().contains("You do not hold audit:read"), "{}", refused.text());
        assert_eq!(stage.key.get("/api/v1/policies/packs").await.expect(200).json()["in_force"], Value::Null);
        assert_eq!(auditor(&stage.key).await, Value::Null);

        // Whoever holds it may; and who does not goes back all the same, and what they could not give stays.
        activate(&stage.person, &pack, &hash).await.expect(200);
        let more =
            stage.upload(&signed(bringing("crew", 2, &["audit:read", "audit:export"]), &signer(7))).await;
        let (hash, _) = stage.try_out(&more).await;
        activate(&stage.person, &more, &hash).await.expect(200);
        let back = narrow.post_empty("/api/v1/policies/packs/roll-back").await.expect(200).json();
        assert_eq!(back["templates_left"], json!(["auditor"]));
        assert_eq!(auditor(&stage.key).await["permissions"], json!(["audit:read", "audit:export"]));
        stage.stop().await;
    });
}

#[test]
fn a_template_that_is_somebody_elses_keeps_a_pack_out() {
    run(async |house| {
        let stage = Stage::new(house, "pack_roles_taken").await;
        stage.trust(7).await;
        let own =
            json!({ "name": "auditor", "holders": "person", "title": "Ours", "permissions": ["audit:read"] });
        stage.key.post("/api/v1/roles/templates", &own).await.expect(201);
        let pack = stage.upload(&signed(bringing("crew", 1, &["audit:read"]), &signer(7))).await;
        let (hash, report) = stage.try_out(&pack).await;
        assert_eq!(report["roles"][0]["then"], "refused", "{report}");
        let refused = activate(&stage.person, &pack, &hash).await.expect(409);
        assert!(refused.text().contains("a template of its own of this name"), "{}", refused.text());
        assert_eq!(stage.key.entries("policy_pack.activated").await[0]["data"]["because"], "roles");
        assert_eq!(auditor(&stage.key).await["title"], "Ours");

        let mut product = bringing("other", 1, &["audit:read"]);
        for text in product.values_mut() {
            *text = text.replace("\"auditor\"", "\"admin\"");
        }
        let product = stage.upload(&signed(product, &signer(7))).await;
        let (hash, report) = stage.try_out(&product).await;
        assert_eq!(report["roles"][0]["why"], "the product has a role of this name", "{report}");
        activate(&stage.person, &product, &hash).await.expect(409);

        // What is wrong by itself is not taken at all.
        let mut wrong = bringing("wrong", 1, &["audit:read"]);
        wrong.insert("tests/roles.json".to_owned(), "[]".to_owned());
        let refused = stage.key.post("/api/v1/policies/packs", &signed(wrong, &signer(7))).await.expect(422);
        assert!(refused.text().contains("no test of roles.json"), "{}", refused.text());
        stage.stop().await;
    });
}
