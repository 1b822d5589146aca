//! Every way to keep a pack out says which it is, in the answer and in the entry.

use serde_json::{Value, json};

use super::{NO_LISTS, Stage, files, id, signed, signer};
use crate::house::members::past;
use crate::house::run;

/// Refused, in these words, and for this reason in the newest entry of the kind.
async fn refused(
    stage: &Stage,
    answer: crate::house::web::Answer,
    status: u16,
    says: &str,
    kind: &str,
    because: &str,
) {
    let problem = answer.expect(status).json();
    assert!(problem.to_string().contains(says), "{says}: {problem}");
    let entries = stage.key.entries(kind).await;
    assert_eq!(
        (&entries[0]["outcome"], &entries[0]["data"]["because"]),
        (&"failed".into(), &because.into()),
        "{entries:?}"
    );
}

async fn upload(stage: &Stage, pack: &Value, says: &str, because: &str) {
    let answer = stage.key.post("/api/v1/policies/packs", pack).await;
    refused(stage, answer, 422, says, "policy_pack.uploaded", because).await;
}

#[test]
fn a_pack_is_kept_out_for_a_reason_of_its_own() {
    run(async |house| {
        let stage = Stage::new(house, "refusals").await;
        let key = signer(7);
        let good = || files("office", 1, None);
        upload(&stage, &signed(good(), &key), "does not trust", "unknown-key").await;
        stage.trust(7).await;

        let mut changed = signed(good(), &key);
        let text = changed["document"]["files"]["policies/main.cedar"].as_str().expect("policies").to_owned();
        changed["document"]["files"]["policies/main.cedar"] = text.replace("22", "23").into();
        upload(&stage, &changed, "was changed after it was signed", "signature").await;
        let mut unsigned = signed(good(), &key);
        unsigned["signature"] = "a.b.c".into();
        upload(&stage, &unsigned, "no detached JWS", "no-signature").await;
        upload(&stage, &json!({"document": {"files": {}}, "signature": "a..b"}), "no document", "document")
            .await;

        let with = |path: &str, from: &str, to: &str| {
            let mut files = good();
            let text = files[path].replace(from, to);
            assert_ne!(files[path], text, "{from}");
            files.insert(path.to_owned(), text);
            signed(files, &key)
        };
        upload(
            &stage,
            &with("tests/main.json", "\"expect\": \"allow\"", "\"expect\": \"forbid\""),
            "A test of the pack fails",
            "test",
        )
        .await;
        upload(
            &stage,
            &with("policies/main.cedar", "context.hour < 6", "context.ours < 6"),
            "policies/main.cedar:9:3",
            "schema",
        )
        .await;
        upload(
            &stage,
            &with("pack.json", "\"min\": 1, \"max\": 1", "\"min\": 2, \"max\": 3"),
            "engines 2 to 3",
            "engine",
        )
        .await;
        let stranger = format!(
            "\"mode\": \"forbid\", \"organization\": \"{}\"",
            kernel::TenantId::from_uuid(uuid::Uuid::nil())
        );
        upload(
            &stage,
            &with("pack.json", "\"mode\": \"forbid\"", &stranger),
            "another organization",
            "other-organization",
        )
        .await;
        let late = "\"mode\": \"forbid\", \"expires_at\": \"2020-01-01T00:00:00Z\"";
        upload(&stage, &with("pack.json", "\"mode\": \"forbid\"", late), "time is over", "expired").await;
        let mut carrying = good();
        carrying.insert("limits.json".to_owned(), "{}".to_owned());
        upload(&stage, &signed(carrying, &key), "limits.json", "schema").await;
        stage.stop().await;
    });
}

#[test]
fn a_key_that_does_not_count_opens_nothing() {
    run(async |house| {
        let stage = Stage::new(house, "policy_keys").await;
        let key = signer(7);
        let good = || files("office", 1, None);
        let trusted = stage.trust(7).await;
        for (seed, column, says, because) in [
            (
                8,
                "expires_at = now() - interval '1 minute', not_before = now() - interval '1 hour'",
                "time is over",
                "expired-key",
            ),
            (9, "not_before = now() + interval '1 hour'", "counts only later", "early-key"),
        ] {
            let other = stage.trust(seed).await;
            past(&stage.database, &format!("update policy_key set {column} where id = '{other}'")).await;
            upload(&stage, &signed(good(), &signer(seed)), says, because).await;
        }
        stage.person.delete(&format!("/api/v1/policies/keys/{trusted}")).await.expect(204);
        upload(&stage, &signed(good(), &key), "was revoked", "revoked-key").await;
        stage.stop().await;
    });
}

#[test]
fn a_pack_comes_into_force_by_a_person_who_has_seen_what_it_does() {
    run(async |house| {
        let stage = Stage::new(house, "activation").await;
        let (key, path) = (signer(7), |id: &str| format!("/api/v1/policies/packs/{id}/activate"));
        stage.trust(7).await;
        let pack = stage.upload(&signed(files("office", 2, None), &key)).await;
        let kind = "policy_pack.activated";
        let any = json!({ "dry_run": "00".repeat(32) });
        stage.key.post(&path(&pack), &any).await.expect(403);
        refused(
            &stage,
            stage.person.post(&path(&pack), &any).await,
            409,
            "Try the pack first",
            kind,
            "untried",
        )
        .await;
        let (hash, _) = stage.try_out(&pack).await;
        refused(
            &stage,
            stage.person.post(&path(&pack), &any).await,
            409,
            "not the last one",
            kind,
            "other-dry-run",
        )
        .await;
        let seen = json!({ "dry_run": hash });
        past(&stage.database, "update policy_pack set dry_run_at = now() - interval '2 hours'").await;
        refused(
            &stage,
            stage.person.post(&path(&pack), &seen).await,
            409,
            "Try the pack first",
            kind,
            "untried",
        )
        .await;
        let (hash, _) = stage.try_out(&pack).await;
        let seen = json!({ "dry_run": hash });
        stage.person.post(&path(&pack), &seen).await.expect(200);
        refused(
            &stage,
            stage.person.post(&path(&pack), &seen).await,
            409,
            "in force already",
            kind,
            "in-force",
        )
        .await;
        stage.stop().await;
    });
}

#[test]
fn there_is_no_way_down_but_the_one_that_says_so() {
    run(async |house| {
        let stage = Stage::new(house, "downgrade").await;
        let (key, path) = (signer(7), |id: &str| format!("/api/v1/policies/packs/{id}/activate"));
        let (trusted, kind) = (stage.trust(7).await, "policy_pack.activated");
        let pack = stage.put(&signed(files("office", 2, None), &key)).await;
        let older = stage.upload(&signed(files("office", 1, None), &key)).await;
        let (hash, _) = stage.try_out(&older).await;
        let seen = json!({ "dry_run": hash });
        refused(&stage, stage.person.post(&path(&older), &seen).await, 409, "Version 2", kind, "downgrade")
            .await;
        let newer = stage.put(&signed(files("office", 3, Some(NO_LISTS)), &key)).await;
        let back = stage.person.post_empty("/api/v1/policies/packs/roll-back").await.expect(200).json();
        assert_eq!(back["pack"], pack.as_str(), "back to version 2");
        let (hash, _) = stage.try_out(&newer).await;
        let seen = json!({ "dry_run": hash });
        refused(&stage, stage.person.post(&path(&newer), &seen).await, 409, "Version 3", kind, "downgrade")
            .await;

        // A key that is revoked meanwhile opens nothing, and what it signed stays in force.
        let last = stage.upload(&signed(files("office", 4, None), &key)).await;
        let (hash, _) = stage.try_out(&last).await;
        stage.person.delete(&format!("/api/v1/policies/keys/{trusted}")).await.expect(204);
        let seen = json!({ "dry_run": hash });
        refused(
            &stage,
            stage.person.post(&path(&last), &seen).await,
            422,
            "was revoked",
            kind,
            "revoked-key",
        )
        .await;
        let found = stage.key.get("/api/v1/policies/packs").await.expect(200).json();
        assert_eq!(found["in_force"], pack.as_str());
        assert_eq!(found["turns"].as_array().map(Vec::len), Some(3), "{found}");
        assert_eq!(id(&found["keys"][0]), trusted);
        stage.stop().await;
    });
}
