//! The main job, as a platform engineer does it: `up` twice, a prompt with secrets through the official endpoint to
//! somebody else's provider, the record of it, and the proof that the record was not changed.

use serde_json::Value;
use testkit::{FakeProvider, Script};

use crate::house::process::{Folder, Process, command};
use crate::house::run;
use crate::house::web::Web;

const EMAIL: &str = "ann.example@example.com";
const CARD: &str = "4111 1111 1111 1111";
const AWS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
/// The provider's key, which the server holds and callers never see.
const UPSTREAM_KEY: &str = "upstream-key-of-the-operator";
/// A model with a known price: 12 tokens in, of them 4 cached, and 7 out cost 8 × 0.15 + 4 × 0.075 + 7 × 0.6
/// dollars per million.
const MODEL: &str = "gpt-4o-mini";
const COST_USD: &str = "0.0000057";
/// Bound on the second start, in seconds; what it takes is printed.
const SECOND_START_SECONDS_MAX: f64 = 15.0;

fn prompt() -> String {
    format!("Write to {EMAIL}, charge {CARD}, deploy with {AWS_KEY}.")
}

#[track_caller]
fn holds_no_secret(text: &str) {
    for secret in [EMAIL, CARD, AWS_KEY, "4111111111111111"] {
        assert!(!text.contains(secret), "{secret} stands in:\n{text}");
    }
}

#[test]
fn up_calls_records_exports_and_comes_back() {
    run(async |house| {
        let provider = FakeProvider::start(Script::json("Done.")).await.expect("a provider");
        let (folder, base_url) = (Folder::new("up"), provider.base_url());
        let data = folder.path().join("data");
        let env = [("OPENAI_API_KEY", UPSTREAM_KEY), ("OPENAI_BASE_URL", base_url.as_str())];

        let first = Process::up(house, &data, &env).await;
        println!("first start ready after {:.2} s", first.ready_after.as_secs_f64());
        let said = first.said.clone();
        let (agent, owner) = (text(&said["api_key"]), text(&said["admin"]["api_key"]));
        assert!(agent.starts_with("pcl_live_") && owner.starts_with("pcl_live_"), "{said}");
        for name in ["organization", "project", "agent"] {
            assert!(said[name]["id"].is_string() && said[name]["name"].is_string(), "{name}: {said}");
        }

        let web = first.web(agent.clone());
        one_whole_call(&web, &provider).await;
        provider.always(Script::stream(["Do", "ne", "."]));
        one_streamed_call(&web, &provider).await;

        let log = folder.join("log");
        let export = ["audit", "export", "--url", &first.url, "--out", &log];
        command(&export, &[("PORTCULLIS_API_KEY", &agent)]).await.exited(0);
        command(&["verify", &log], &[]).await.exited(0);
        a_flipped_byte_is_named(&folder, &log).await;
        let logged = first.written();
        let logged: Vec<_> = logged.lines().filter(|line| !line.starts_with('{')).collect();
        for secret in [agent.as_str(), owner.as_str(), UPSTREAM_KEY, AWS_KEY, EMAIL, CARD] {
            assert!(!logged.iter().any(|line| line.contains(secret)), "{secret} was logged");
        }
        assert!(first.stop().await.success());

        let second = Process::up(house, &data, &env).await;
        let seconds = second.ready_after.as_secs_f64();
        println!("second start ready after {seconds:.2} s");
        assert!(seconds < SECOND_START_SECONDS_MAX, "the second start took {seconds:.1} s");
        assert_eq!(second.said["organization"], said["organization"]);
        for credential in [&second.said["api_key"], &second.said["admin"]["api_key"]] {
            assert_eq!(*credential, Value::Null, "the second start showed a credential");
        }
        let web = second.web(agent.clone());
        assert!(!web.entries("llm.call.outcome").await.is_empty(), "the log survived");
        assert!(web.chat("loopback", "still there?").await.status.is_success());
        // The later log continues the earlier export, and the tables agree with both.
        let export = ["audit", "export", "--url", &second.url, "--out", &log];
        command(&export, &[("PORTCULLIS_API_KEY", &agent)]).await.exited(0);
        assert!(second.stop().await.success());
        let data = data.display().to_string();
        let tables = ["verify", "--database", "--data-dir", &data, "--against", &log, "--pg-bin"];
        let bin = house.home().bin_dir().display().to_string();
        command(&[&tables[..], &[bin.as_str()]].concat(), &[]).await.exited(0);
    });
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

async fn one_whole_call(web: &Web, provider: &FakeProvider) {
    let answer = web.chat(MODEL, &prompt()).await.expect(200);
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Done.");
    seen_by(provider, web);
    on_record(web, &answer.entry(), false).await;
}

async fn one_streamed_call(web: &Web, provider: &FakeProvider) {
    let mut body = crate::house::web::prompt(MODEL, &prompt());
    body["stream"] = true.into();
    let answer = web.post("/v1/chat/completions", &body).await.expect(200);
    let said: String = answer
        .text()
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
        .filter_map(|chunk| Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned()))
        .collect();
    assert_eq!(said, "Done.");
    assert!(answer.text().trim_end().ends_with("data: [DONE]"), "{}", answer.text());
    seen_by(provider, web);
    on_record(web, &answer.entry(), true).await;
}

/// What the provider got: placeholders, its own key, and nothing of the caller's.
fn seen_by(provider: &FakeProvider, web: &Web) {
    let seen = provider.last().expect("the provider was called");
    holds_no_secret(&seen.text());
    for placeholder in ["<EMAIL_", "<PAYMENT_", "<CREDENTIAL_"] {
        assert!(seen.text().contains(placeholder), "{placeholder} is not in {}", seen.text());
    }
    assert_eq!(seen.header("authorization"), format!("Bearer {UPSTREAM_KEY}"));
    let key = web.key().expect("a credential");
    assert!(!format!("{:?}{}", seen.headers, seen.text()).contains(key), "the caller's key went out");
}

/// Intent and outcome of the call whose intent is `entry`.
async fn on_record(web: &Web, entry: &str, streaming: bool) {
    let intent = web.entry(entry).await;
    holds_no_secret(&intent.to_string());
    assert_eq!(intent["kind"], "llm.call.intent");
    assert_eq!(intent["outcome"], "intent");
    let data = &intent["data"];
    assert_eq!((&data["model"], &data["provider"]), (&MODEL.into(), &"openai".into()), "{intent}");
    assert_eq!((&data["streaming"], &data["redacted"]), (&streaming.into(), &3.into()), "{intent}");

    let outcomes = web.entries("llm.call.outcome").await;
    let outcomes: Vec<_> = outcomes.iter().filter(|outcome| outcome["data"]["intent"] == entry).collect();
    let [outcome] = outcomes.as_slice() else { panic!("one outcome of {entry}, not {outcomes:?}") };
    holds_no_secret(&outcome.to_string());
    assert_eq!((&outcome["outcome"], &outcome["request_id"]), (&"ok".into(), &intent["request_id"]));
    let data = &outcome["data"];
    assert_eq!(data["status"], "ok", "{outcome}");
    assert_eq!((&data["input_tokens"], &data["cached_input_tokens"]), (&12.into(), &4.into()), "{outcome}");
    assert_eq!((&data["output_tokens"], &data["reasoning_tokens"]), (&7.into(), &2.into()), "{outcome}");
    assert_eq!((&data["cost_usd"], &data["upstream_status"]), (&COST_USD.into(), &200.into()), "{outcome}");
    assert_eq!((&data["model"], &data["redacted"]), (&MODEL.into(), &3.into()), "{outcome}");
    assert!(data["redactions_prompt"].to_string().len() > 10, "the counts by class: {outcome}");
}

/// One bit of the first entry in a copy of the folder.
async fn a_flipped_byte_is_named(folder: &Folder, log: &str) {
    let copy = folder.join("copy");
    crate::outsiders::copy_folder(log.as_ref(), copy.as_ref());
    let bundle = first_bundle(copy.as_ref());
    let mut bytes = std::fs::read(&bundle).expect("a bundle");
    // Past the length: inside the first entry's own bytes.
    bytes[20] ^= 1;
    std::fs::write(&bundle, bytes).expect("written");
    let report = command(&["verify", &copy], &[]).await.exited(1);
    assert!(report.contains("entry 0:"), "{report}");
    let report = command(&["verify", &copy, "--json"], &[]).await.exited(1);
    let report: Value = serde_json::from_str(&report).expect("a report");
    assert_eq!(report["report"]["verdict"], "damaged");
    let findings = report["report"]["findings"].as_array().expect("findings");
    let named = |finding: &Value| finding["first"].is_u64();
    assert!(findings.iter().any(named), "{findings:?}");
    let other = |finding: &Value| named(finding) && (finding["first"] != 0 || finding["last"] != 0);
    assert!(!findings.iter().any(other), "another entry is blamed: {findings:?}");
}

fn first_bundle(log: &std::path::Path) -> std::path::PathBuf {
    let full = log.join("tile/entries/000");
    if full.exists() {
        return full;
    }
    let partial = log.join("tile/entries/000.p");
    let found = std::fs::read_dir(&partial).expect("a partial bundle").flatten().next();
    found.expect("a partial bundle").path()
}
