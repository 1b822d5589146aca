//! What happens before what: the intent before the provider, the outcome before the end, and a client that leaves.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use testkit::{FakeProvider, Script};

use super::{Stage, call_entries, openai_error, request};
use crate::house::{Ask, Build, Tenant, execute, run, soon};

/// How long something that must not happen is given to happen, in milliseconds.
const NOTHING_MILLIS: u64 = 300;

/// The next piece of a streamed answer as text; `None` at its end.
async fn piece(body: &mut Incoming) -> Option<String> {
    let frame = body.frame().await?.expect("the stream goes on");
    Some(String::from_utf8(frame.into_data().unwrap_or_default().to_vec()).expect("text"))
}

#[test]
fn a_client_that_leaves_mid_stream_takes_the_provider_with_it() {
    run(async |house| {
        let stage = Stage::patient(house, Script::hang_mid_stream()).await;
        let (ask, id) = stage.call(&request(true));
        let mut answer = stage.web.begin(ask).await;
        assert_eq!(answer.status(), 200);
        let first = soon("the first piece", piece(answer.body_mut())).await;
        assert!(first.is_some());
        drop(answer);
        soon("the provider sees the connection close", stage.provider.abandoned(1)).await;
        let (_, outcome) = stage.call_entries(&id).await;
        assert_eq!(outcome.fact("status"), "cancelled");
        assert_eq!(outcome.fact("upstream_status"), 200);
        assert_eq!(outcome.outcome(), "failed");
    });
}

#[test]
fn a_client_that_leaves_before_the_answer_takes_the_provider_with_it() {
    run(async |house| {
        let stage = Stage::patient(house, Script::hang()).await;
        for stream in [false, true] {
            let before = stage.provider.received().len();
            let (ask, id) = stage.call(&request(stream));
            tokio::select! {
                answer = stage.web.begin(ask) => panic!("the provider never answered, and yet: {answer:?}"),
                () = stage.provider.arrived(before + 1) => {}
            }
            soon("the provider sees the connection close", stage.provider.abandoned(before + 1)).await;
            let (_, outcome) = stage.call_entries(&id).await;
            assert_eq!(outcome.fact("status"), "cancelled", "stream: {stream}");
            assert_eq!(outcome.fact("upstream_status"), &Value::Null);
        }
    });
}

/// The log is held up by a lock that lets nobody write: everything the provider said arrives, the end does not.
#[test]
fn the_end_of_a_stream_waits_until_the_outcome_is_committed() {
    run(async |house| {
        let database = house.database("order").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "Order").await;
        let script = Script::stream(["One two three. ", "Four five six. ", "Seven."]);
        let provider = FakeProvider::start(script).await.expect("a provider");
        let web = Build::over(&vault).provider(&provider).serve().await;
        let mut lock = database.superuser().await;
        let id = web.request_id();
        let ask = Ask::chat(request(true)).key(&tenant.agent_key).header("x-request-id", &id);
        // The intent must get through and the outcome must not: the lock is taken by a trigger of the test's own,
        // which holds back outcomes alone.
        execute(&mut lock, HOLD_OUTCOMES).await.expect("a trigger");
        execute(&mut lock, "select pg_advisory_lock(7700)").await.expect("the lock");
        let mut answer = web.begin(ask).await;
        let mut text = String::new();
        let end = async {
            while let Some(piece) = piece(answer.body_mut()).await {
                text.push_str(&piece);
                if text.contains("[DONE]") {
                    return true;
                }
            }
            false
        };
        let early = tokio::time::timeout(Duration::from_millis(NOTHING_MILLIS), end).await;
        assert!(early.is_err(), "the stream ended before its outcome was on record: {text}");
        // Gate four may part the words anew.
        let said = text.contains("One two ") && text.contains("three.");
        assert!(said, "what was said arrives at once: {text}");
        assert_eq!(database.entries(&id).await.len(), 1, "the intent alone");
        execute(&mut lock, "select pg_advisory_unlock(7700)").await.expect("unlocked");
        while let Some(piece) = soon("the end", piece(answer.body_mut())).await {
            text.push_str(&piece);
            if text.contains("[DONE]") {
                let entries = database.entries(&id).await;
                assert_eq!(entries.len(), 2, "[DONE] is here and the outcome is not: {entries:?}");
            }
        }
        assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
        let (_, outcome) = call_entries(&database, &tenant, &id).await;
        assert_eq!(outcome.fact("status"), "ok");
        assert_eq!(outcome.fact("input_tokens"), 12);
    });
}

/// Outcomes wait for whoever holds the advisory lock 7700.
const HOLD_OUTCOMES: &str = "
    create function portcullis.hold_outcomes() returns trigger language plpgsql security definer as $$
    begin
        if new.kind = 'llm.call.outcome' then
            perform pg_advisory_xact_lock_shared(7700);
        end if;
        return new;
    end $$;
    create trigger hold_outcomes before insert on portcullis.audit_entry
        for each row execute function portcullis.hold_outcomes();";

/// Outcomes cannot be written at all.
const REFUSE_OUTCOMES: &str = "
    create function portcullis.refuse_outcomes() returns trigger language plpgsql security definer as $$
    begin
        if new.kind = 'llm.call.outcome' then
            raise exception 'no outcome today';
        end if;
        return new;
    end $$;
    create trigger refuse_outcomes before insert on portcullis.audit_entry
        for each row execute function portcullis.refuse_outcomes();";

#[test]
fn an_answer_whose_outcome_cannot_be_written_is_not_passed_off_as_whole() {
    run(async |house| {
        let database = house.database("unwritten").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "Unwritten").await;
        let provider = FakeProvider::start(Script::json("All is well")).await.expect("a provider");
        let web = Build::over(&vault).provider(&provider).serve().await;
        execute(&mut database.superuser().await, REFUSE_OUTCOMES).await.expect("a trigger");

        let answer = web.ask(Ask::chat(request(false)).key(&tenant.agent_key)).await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(openai_error(&answer.json(), None), "service_unavailable");
        assert!(!answer.text().contains("All is well"));

        provider.always(Script::stream(["All is ", "well"]));
        let answer = web.ask(Ask::chat(request(true)).key(&tenant.agent_key)).await;
        let (events, done) = super::events(&answer);
        assert!(!done, "{}", answer.text());
        assert_eq!(openai_error(events.last().expect("an event"), None), "service_unavailable");
    });
}

#[test]
fn without_an_intent_on_record_the_provider_sees_nothing() {
    run(async |house| {
        let database = house.database("intentless").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "Intentless").await;
        let provider = FakeProvider::start(Script::json("All is well")).await.expect("a provider");
        let web = Build::over(&vault).provider(&provider).serve().await;
        let mut owner = database.superuser().await;
        execute(&mut owner, "revoke insert on portcullis.audit_entry from portcullis_app")
            .await
            .expect("revoked");
        for stream in [false, true] {
            let answer = web.ask(Ask::chat(request(stream)).key(&tenant.agent_key)).await;
            assert_eq!(answer.status, 503, "{}", answer.text());
            assert_eq!(answer.json()["error"]["gate"], json!("audit"));
            openai_error(&answer.json(), None);
        }
        assert!(provider.received().is_empty(), "{:?}", provider.received());
    });
}
