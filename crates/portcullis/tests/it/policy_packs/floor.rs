//! A pack raises what is done about personal data: in every process, whatever the organization says, and no longer than it is
//! in force.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Stage, files, signed, signer};
use crate::house::run;
use crate::house::web::Web;

/// Longest until the other process knows.
const WITHIN: Duration = Duration::from_secs(1);
const ADDRESS: &str = "ada.canary@example.com";
const FLOOR: &str = r#"{"channels":{"prompt":{"EMAIL":{"mode":"strict"}}},"keep_seconds":600}"#;
const TESTS: &str = r#"[{"name":"addresses stay","channel":"prompt","class":"EMAIL","policy":{"mode":"flag_only"},
    "expect":{"mode":"strict","threshold":0.5}}]"#;

/// The sample pack with this floor, and a test of it.
fn raising(version: u64, floor: &str, tests: &str) -> BTreeMap<String, String> {
    let mut files = files("raising", version, None);
    files.insert("pii.json".to_owned(), floor.to_owned());
    files.insert("tests/pii.json".to_owned(), tests.to_owned());
    files
}

async fn redacted(web: &Web, channel: &str) -> Value {
    let body = json!({ "text": format!("Write to {ADDRESS} today."), "channel": channel });
    web.post("/api/v1/pii/redact", &body).await.expect(200).json()
}

/// Whether the address still stands in the text.
async fn passes(web: &Web, channel: &str) -> bool {
    redacted(web, channel).await["text"].as_str().expect("a text").contains(ADDRESS)
}

async fn until(web: &Web, channel: &str, wanted: bool) {
    let since = Instant::now();
    while passes(web, channel).await != wanted {
        assert!(since.elapsed() < WITHIN, "it is not so after {WITHIN:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Lets addresses through everywhere, as far as the organization has a say.
async fn loosen(stage: &Stage) -> Value {
    let rules = json!({ "classes": { "EMAIL": { "mode": "flag_only" } }, "keep_seconds": 3_600 });
    stage.person.put("/api/v1/policies/pii", &rules).await.expect(200).json()
}

#[test]
fn what_a_pack_raises_is_stricter_than_what_the_organization_says() {
    run(async |house| {
        let stage = Stage::new(house, "floor").await;
        stage.trust(7).await;
        let there = stage.other.web(stage.tenant.owner_key.expose().to_owned());
        let loose = loosen(&stage).await;
        assert_eq!(
            (&loose["floor"], &loose["channels"]["prompt"]["EMAIL"]["mode"]),
            (&Value::Null, &"flag_only".into())
        );
        assert!(passes(&stage.key, "prompt").await && passes(&stage.key, "completion").await);

        // Seen before it is done.
        let pack = stage.upload(&signed(raising(1, FLOOR, TESTS), &signer(7))).await;
        let (hash, report) = stage.try_out(&pack).await;
        let told = &report["personal_data"];
        let shift = json!({ "channel": "prompt", "class": "EMAIL", "now": "flag_only", "then": "strict", "findings": 1 });
        assert_eq!((&told["changed"], &told["shifts"]), (&1.into(), &json!([shift])), "{told}");
        assert!(!report.to_string().contains(ADDRESS), "counts, never a value");
        assert!(passes(&stage.key, "prompt").await, "nothing is in force by a dry run");

        let body = json!({ "dry_run": hash });
        stage.person.post(&format!("/api/v1/policies/packs/{pack}/activate"), &body).await.expect(200);
        for web in [&stage.key, &there] {
            until(web, "prompt", false).await;
            assert!(passes(web, "completion").await, "the floor says nothing about answers");
        }
        // The organization goes on saying what it likes; what it says less of does not count.
        let now = loosen(&stage).await;
        assert!(!passes(&stage.key, "prompt").await);
        let label = now["floor"].as_str().expect("a label");
        assert!(label.starts_with("raising/1+"), "{label}");
        assert_eq!(
            (
                &now["channels"]["prompt"]["EMAIL"]["mode"],
                &now["rules"]["classes"]["EMAIL"]["mode"],
                &now["keep_seconds"]
            ),
            (&"strict".into(), &"flag_only".into(), &600.into()),
            "{now}"
        );
        let read = stage.key.get("/api/v1/policies/pii").await.expect(200).json();
        assert_eq!((&read["floor"], &read["channels"]), (&now["floor"], &now["channels"]));
        let tried = json!({ "channels": { "prompt": { "EMAIL": { "mode": "off" } } } });
        let tried = stage.key.post("/api/v1/policies/pii/try", &tried).await.expect(200).json();
        assert!(
            tried["shifts"].as_array().expect("shifts").iter().all(|shift| shift["channel"] != "prompt"),
            "what the floor holds would not change: {tried}"
        );

        // A pack without a floor would let it go, and its dry run says so.
        let plain = stage.upload(&signed(files("plain", 1, None), &signer(7))).await;
        let (_, report) = stage.try_out(&plain).await;
        let gone = &report["personal_data"]["shifts"][0];
        assert_eq!((&gone["now"], &gone["then"]), (&"strict".into(), &"flag_only".into()), "{report}");

        stage.person.post_empty("/api/v1/policies/packs/roll-back").await.expect(200);
        for web in [&stage.key, &there] {
            until(web, "prompt", true).await;
        }
        stage.stop().await;
    });
}

#[test]
fn what_is_no_floor_keeps_a_pack_out_with_its_reason() {
    run(async |house| {
        let stage = Stage::new(house, "no_floor").await;
        stage.trust(7).await;
        let wrong = TESTS.replace("\"mode\":\"strict\"", "\"mode\":\"reversible\"");
        for (floor, tests, because, says) in [
            (r#"{"classes":{"EMAIL":{"mode":"off"}}}"#, TESTS, "schema", "EMAIL is off"),
            (r#"{"allow":["x"],"keep_seconds":600}"#, TESTS, "schema", "unknown field `allow`"),
            (FLOOR, "[]", "schema", "no test of pii.json"),
            (FLOOR, wrong.as_str(), "test", "expected reversible, and it was strict"),
        ] {
            let pack = signed(raising(1, floor, tests), &signer(7));
            let refused = stage.key.post("/api/v1/policies/packs", &pack).await.expect(422);
            assert!(refused.text().contains(says), "{says}: {}", refused.text());
            let entry = &stage.key.entries("policy_pack.uploaded").await[0];
            assert_eq!(entry["data"]["because"], because, "{entry}");
        }
        // Raised by nothing, a pack has no word about personal data.
        let plain = stage.upload(&signed(files("plain", 1, None), &signer(7))).await;
        assert_eq!(stage.try_out(&plain).await.1["personal_data"], Value::Null);
        stage.stop().await;
    });
}
