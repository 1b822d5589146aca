//! The data key of an organization is replaced while it is used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use app::operator::Operator;
use gates::Reason;
use serde_json::json;
use sqlx::AssertSqlSafe;
use testkit::Script;

use super::Stage;
use crate::house::{Ask, request, run};

const EMAIL: &str = "eve.canary@example.com";

#[test]
fn a_data_key_is_rotated_while_traffic_runs() {
    run(async |house| {
        let rules = json!({"channels": {"prompt": {"EMAIL": {"mode": "reversible"}}}});
        let stage = Stage::with(house, &rules).await;
        let tenant = stage.tenant.id;
        let body = |model: &str| {
            json!({"model": model, "messages": [{"role": "user", "content": format!("To {EMAIL}")}]})
                .to_string()
        };
        let ask = |model: &str, name: &str| {
            Ask::chat(body(model)).key(&stage.tenant.agent_key).header("x-portcullis-conversation", name)
        };
        assert_eq!(stage.web.ask(ask("fake-1", "old")).await.status, 200);
        let sent = stage.sent();
        let start = sent.find("<EMAIL_").expect("a token");
        let old = sent[start..=start + sent[start..].find('>').expect("its end")].to_owned();

        let operator = Operator::new(Arc::clone(stage.vault), request());
        let done = AtomicBool::new(false);
        let traffic = async {
            let mut calls = 0;
            while !done.load(Ordering::Relaxed) || calls < 5 {
                let answer = stage.web.ask(ask("loopback-echo", &format!("during-{}", calls % 3))).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                let said = answer.json()["choices"][0]["message"]["content"].clone();
                assert_eq!(said, format!("To {EMAIL}"), "restored, whichever key is current");
                calls += 1;
            }
            calls
        };
        let rotations = async {
            let mut keys = Vec::new();
            for _ in 0..3 {
                keys = operator.rotate_data_key(tenant).await.expect("rotated");
            }
            done.store(true, Ordering::Relaxed);
            keys
        };
        let (calls, keys) = tokio::join!(traffic, rotations);
        assert!(calls >= 5);
        assert_eq!((keys.len(), keys.iter().filter(|key| key.is_current).count()), (4, 1));
        assert!(
            keys.iter().skip(1).any(|key| key.values > 0),
            "what was sealed stays under its key: {keys:?}"
        );

        stage.provider.always(Script::json(&format!("To {old}")));
        let answer = stage.web.ask(ask("fake-1", "old")).await.json();
        assert_eq!(
            answer["choices"][0]["message"]["content"],
            format!("To {EMAIL}"),
            "a retired key still opens"
        );

        let nobody = Operator::new(Arc::clone(stage.vault), request())
            .rotate_data_key(kernel::TenantId::new(stage.vault.clock(), stage.vault.rng()))
            .await;
        assert!(nobody.is_err(), "there is no such organization");

        // Keys under which nothing stands go when they have been retired for a while.
        let mut tx = stage.vault.system(Reason::Sweep).await.expect("a transaction");
        let later = stage.vault.clock().now().plus(std::time::Duration::from_secs(10));
        store::pii_tokens::destroy_keys(&mut tx, later).await.expect("destroyed");
        tx.finish().await.expect("finished");
        let unused = unused_keys(&stage).await;
        assert_eq!(unused, 0, "a key that opens nothing is destroyed");
        let left = stage.web.ask(ask("fake-1", "old")).await.json();
        assert_eq!(
            left["choices"][0]["message"]["content"],
            format!("To {EMAIL}"),
            "one in use is not destroyed"
        );
    });
}

/// Retired keys of the tenant under which nothing stands.
async fn unused_keys(stage: &Stage) -> i64 {
    let unused = format!(
        "select count(*) from data_key k where k.tenant_id = '{}' and k.state = 'retired' and not exists \
         (select from pii_token t where t.tenant_id = k.tenant_id and t.key_id = k.id)",
        stage.tenant.id
    );
    let mut look = stage.database.superuser().await;
    sqlx::query_scalar(AssertSqlSafe(unused)).fetch_one(&mut look).await.expect("a count")
}
