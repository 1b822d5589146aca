//! Two processes over one database: what one writes the other knows, as soon as it was asked for; and when the database
//! cannot be reached, nothing that was revoked opens anything.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{DOCUMENTS, Stage, allowed, put, put_model, store, take, tuple};
use crate::house::process::Process;
use crate::house::{execute, run};

/// How soon a fast read of another process must know of a write.
const KNOWN_WITHIN: Duration = Duration::from_secs(1);

#[test]
fn what_one_process_writes_the_other_knows() {
    run(async |house| {
        let stage = Stage::set(house, "fga_replicas").await;
        let other = Process::serve(&stage.database, &[]).await;
        let there = other.web(stage.tenant.owner_key.expose().to_owned());
        let (here, asked) = (&stage.web, || tuple("user:anne", "viewer", "document:1"));
        let owner = || tuple("user:anne", "owner", "document:1");
        let store = store(here, "documents").await;
        put_model(here, &store, DOCUMENTS).await;
        assert!(!allowed(&there, &store, asked(), "HIGHER_CONSISTENCY").await);
        for _ in 0..10 {
            put(here, &store, &[owner()]).await;
            assert!(
                allowed(&there, &store, asked(), "HIGHER_CONSISTENCY").await,
                "at once, when that is asked for"
            );
            take(here, &store, owner()).await;
            assert!(!allowed(&there, &store, asked(), "HIGHER_CONSISTENCY").await);

            put(here, &store, &[owner()]).await;
            let written = Instant::now();
            while !allowed(&there, &store, asked(), "MINIMIZE_LATENCY").await {
                assert!(written.elapsed() < KNOWN_WITHIN, "a fast read knows within a second");
            }
            take(here, &store, owner()).await;
            let taken = Instant::now();
            while allowed(&there, &store, asked(), "UNSPECIFIED").await {
                assert!(taken.elapsed() < KNOWN_WITHIN, "nothing that was revoked opens anything for longer");
            }
        }
        // The revision of a write, taken along, is as good as asking for the newest.
        let revision = put(here, &store, &[owner()]).await;
        let question = json!({ "tuple_key": asked() });
        let answer = there.with_header("x-authz-at-least", &revision.to_string());
        let answer = answer.post(&format!("{store}/check"), &question).await.expect(200);
        assert_eq!(answer.json()["allowed"], true);
        let future = there.with_header("x-authz-at-least", "1000000");
        future.post(&format!("{store}/check"), &question).await.expect(400);
        assert!(other.stop().await.success());
        stage.end().await;
    });
}

#[test]
fn past_what_it_may_be_behind_a_process_without_its_database_answers_nothing() {
    run(async |house| {
        let stage = Stage::set(house, "fga_cut").await;
        let web = &stage.web;
        let store = store(web, "documents").await;
        put_model(web, &store, DOCUMENTS).await;
        put(web, &store, &[tuple("user:anne", "owner", "document:1")]).await;
        assert!(allowed(web, &store, tuple("user:anne", "viewer", "document:1"), "UNSPECIFIED").await);
        let mut superuser = stage.database.superuser().await;
        let cut = format!(
            "alter database {0} connection limit 0; select pg_terminate_backend(pid) from pg_stat_activity \
             where datname = '{0}' and pid <> pg_backend_pid()",
            stage.database.name()
        );
        execute(&mut superuser, &cut).await.expect("a superuser may");
        tokio::time::sleep(Duration::from_millis(300)).await;
        let question = json!({ "tuple_key": tuple("user:anne", "viewer", "document:1") });
        for _ in 0..3 {
            let answer = web.post(&format!("{store}/check"), &question).await;
            assert!(answer.status.as_u16() >= 500, "{} {}", answer.status, answer.text());
        }
        execute(&mut superuser, &format!("alter database {} connection limit -1", stage.database.name()))
            .await
            .expect("a superuser may");
        let begun = Instant::now();
        while web.post(&format!("{store}/check"), &question).await.status != 200 {
            assert!(begun.elapsed() < Duration::from_secs(20), "it comes back by itself");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        drop(superuser);
        stage.end().await;
    });
}
