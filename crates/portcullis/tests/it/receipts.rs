//! Receipts: asked for by header, checked by other people's tools, and held against logs that kept the promise and one that
//! did not.

use std::path::Path;
use std::time::Duration;

use audit_log::VerifierKey;
use audit_log::receipt::{Receipt, SETTLED_SECONDS, Unverified};
use http::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::house::process::{Folder, Process, command, run_to_end};
use crate::house::web::{Web, prompt};
use crate::house::{Tenant, run};

/// The log's key.
async fn key_of(web: &Web) -> VerifierKey {
    web.post_empty("/api/v1/audit/checkpoints").await.expect(201);
    let checkpoint = web.get("/api/v1/audit/checkpoint").await.expect(200).json();
    checkpoint["vkey"].as_str().expect("a key").parse().expect("a key")
}

#[track_caller]
fn opened(line: &str, key: &VerifierKey) -> Receipt {
    let read = Unverified::parse(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    read.verify(std::slice::from_ref(key)).unwrap_or_else(|error| panic!("{error}: {line}")).clone()
}

async fn export(server: &Process, key: &str, into: &str) {
    let arguments = ["audit", "export", "--url", &server.url, "--out", into];
    command(&arguments, &[("PORTCULLIS_API_KEY", key)]).await.exited(0);
}

#[test]
fn what_was_recorded_is_promised_to_those_who_ask() {
    run(async |house| {
        let database = house.database("receipts").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "receipts").await;
        vault.close();
        let server = Process::serve(&database, &[]).await;
        let plain = server.web(tenant.owner_key.expose().to_owned());
        let web = plain.asking_for_receipts();
        let agent = server.web(tenant.agent_key.expose().to_owned()).asking_for_receipts();

        // The very first answer of a young log has one too.
        let read = web.get("/api/v1/projects").await.expect(200);
        let key = key_of(&plain).await;
        let mut lines = read.receipts();
        assert_eq!(lines.len(), 1);
        let receipt = opened(&lines[0], &key);
        assert_eq!(receipt.entry.to_string(), read.entry());
        let stored = plain.get(&format!("/api/v1/audit/entries/{}", read.entry())).await.expect(200).json();
        assert_eq!(stored["leaf_hash"], receipt.leaf.to_base64());
        assert_eq!(stored["entry"]["at"], receipt.at.to_string());
        // Nobody else pays for it.
        assert!(plain.get("/api/v1/projects").await.expect(200).receipts().is_empty());

        // A change; a refusal, whose entry no header names; a call of a model, which leaves two.
        let made = web.post("/api/v1/projects", &json!({ "name": "promised" })).await.expect(201);
        let refused = agent.post("/api/v1/keys", &json!({})).await.expect(403);
        let unread = web.post("/api/v1/projects", &json!({ "nonsense": 1 })).await.expect(422);
        for (answer, count, kind) in
            [(&made, 1, "project.created"), (&refused, 1, "access.denied"), (&unread, 1, "")]
        {
            let found = answer.receipts();
            assert_eq!(found.len(), count, "{kind}");
            let entry = opened(&found[0], &key).entry.to_string();
            let entry = plain.entry(&entry).await;
            assert!(kind.is_empty() || entry["kind"] == kind, "{entry}");
            lines.extend(found);
        }
        let called = agent.chat("loopback", "hello").await.expect(200).receipts();
        assert_eq!(kinds(&plain, &called, &key).await, ["llm.call.intent", "llm.call.outcome"]);
        lines.extend(called);

        let both = streamed(&agent, &server.web(tenant.agent_key.expose().to_owned())).await;
        assert_eq!(kinds(&plain, &both, &key).await, ["llm.call.intent", "llm.call.outcome"]);
        lines.extend(both);

        // Of an entry of the past; of one that is nobody's.
        let later =
            plain.get(&format!("/api/v1/audit/entries/{}/receipt", made.entry())).await.expect(200).json();
        let text = later["receipt"].as_str().expect("a receipt");
        let again = opened(text, &key);
        assert_eq!((again.entry.to_string(), again.leaf), (made.entry(), opened(&lines[1], &key).leaf));
        assert_eq!(later["vkey"], key.to_string());
        plain.get(&format!("/api/v1/audit/entries/{}/receipt", tenant.agent)).await.expect(404);
        lines.push(text.to_owned());

        // Strangers learn nothing of whose log it would be.
        let nobody = server.web(None).asking_for_receipts();
        assert!(nobody.get("/api/v1/projects").await.expect(401).receipts().is_empty());
        let wrong = json!({ "email": "nobody@example.org", "password": "a wrong password indeed" });
        let wrong =
            nobody.try_call(Method::POST, "/api/v1/auth/login", Some(&wrong)).await.expect("an answer");
        assert!(wrong.receipts().is_empty(), "{wrong:?}");

        checked_and_found(&server, tenant.owner_key.expose(), &later["jwk"], &lines).await;
        assert!(server.stop().await.success());
        database.verified().await.exited(0);
    });
}

/// The receipts of a streamed call: the intent's in the head, the outcome's in a comment before its last event. `quiet` asks
/// for none.
async fn streamed(agent: &Web, quiet: &Web) -> Vec<String> {
    let mut body = prompt("loopback", "hello");
    body["stream"] = true.into();
    let streamed = agent.post("/v1/chat/completions", &body).await.expect(200);
    let text = streamed.text();
    let comment = text.lines().find_map(|line| line.strip_prefix(": portcullis-receipt "));
    let comment = comment.unwrap_or_else(|| panic!("no receipt in {text}")).to_owned();
    assert!(text.find(&comment) < text.find("data: [DONE]"), "{text}");
    let both = [streamed.receipts(), vec![comment]].concat();
    let silent = quiet.post("/v1/chat/completions", &body).await.expect(200);
    assert!(!silent.text().contains("portcullis-receipt"), "{}", silent.text());
    both
}

/// Other people's libraries check every receipt, and the log holds every promised entry: by a file that is named, and by one that
/// lies in the folder.
async fn checked_and_found(server: &Process, owner: &str, jwk: &Value, lines: &[String]) {
    let venv =
        crate::sdks::virtual_environment("oauth", Path::new("python3"), "requirements-oauth.txt").await;
    let mut check = Command::new(venv.join("bin/python"));
    check.arg(crate::sdks::script("receipts.py")).arg(jwk.to_string()).args(lines);
    let said = run_to_end(check).await.exited(0);
    let held = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!(held, lines.len() * 3, "{said}");

    let folder = Folder::new("receipts");
    let (log, file) = (folder.join("log"), folder.join("mine.txt"));
    export(server, owner, &log).await;
    std::fs::write(&file, lines.join("\n")).expect("written");
    let said = command(&["verify", &log, "--receipts", &file], &[]).await.exited(0);
    assert!(said.contains(&format!("KEPT: the log holds {0} of the {0} entries", lines.len())), "{said}");
    std::fs::copy(&file, Path::new(&log).join("receipts.txt")).expect("copied");
    let said = command(&["verify", &log, "--json"], &[]).await.exited(0);
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said["receipts"]["kept"], lines.len());
    // They are still there when the folder is brought up to date.
    export(server, owner, &log).await;
    assert!(Path::new(&log).join("receipts.txt").is_file());
}

/// The kinds of the entries that these receipts promise.
async fn kinds(web: &Web, lines: &[String], key: &VerifierKey) -> Vec<String> {
    let mut kinds = Vec::new();
    for line in lines {
        let entry = web.entry(&opened(line, key).entry.to_string()).await;
        kinds.push(entry["kind"].as_str().expect("a kind").to_owned());
    }
    kinds
}

/// A backup is put back on a machine that remembers nothing: the log is whole and signed, and a receipt is all that is left
/// of what it held.
#[test]
fn a_log_that_dropped_an_entry_is_convicted_by_its_receipt() {
    run(async |house| {
        let folder = Folder::new("dropped");
        let database = house.database("dropped").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "dropped").await;
        vault.close();
        let owner = tenant.owner_key.expose().to_owned();
        let server = Process::serve(&database, &[]).await;
        let kept = server.web(owner.clone()).asking_for_receipts().get("/api/v1/projects").await.expect(200);
        let vkey = key_of(&server.web(owner.clone())).await.to_string();
        assert!(server.stop().await.success());
        let backup = database.restored().await;
        let server = Process::serve(&database, &[]).await;
        let web = server.web(owner.clone()).asking_for_receipts();
        let dropped = web.post("/api/v1/projects", &json!({ "name": "gone" })).await.expect(201);
        assert!(server.stop().await.success());

        let file = folder.join("mine.txt");
        let lines = [kept.receipts(), dropped.receipts()].concat();
        std::fs::write(&file, lines.join("\n")).expect("written");
        let server = Process::serve(&backup, &[]).await;
        server.web(owner.clone()).get("/api/v1/projects").await.expect(200);
        let (young, log) = (folder.join("young"), folder.join("log"));
        let verify = async |log: &str, code| {
            let arguments = ["verify", log, "--vkey", &vkey, "--receipts", &file];
            command(&arguments, &[]).await.exited(code)
        };
        // The log ends within seconds of the receipt: nobody is accused yet.
        export(&server, &owner, &young).await;
        let said = verify(&young, 3).await;
        assert!(said.starts_with("INTACT") && said.contains("UNDECIDED"), "{said}");
        tokio::time::sleep(Duration::from_secs(SETTLED_SECONDS.unsigned_abs() + 1)).await;
        export(&server, &owner, &log).await;
        assert!(server.stop().await.success());
        command(&["verify", &log, "--vkey", &vkey], &[]).await.exited(0);
        let said = verify(&log, 1).await;
        assert!(said.contains("BROKEN: the log holds 1 of the 2 entries"), "{said}");
        assert!(said.contains(&dropped.entry()) && said.contains("was taken out"), "{said}");
        assert!(!said.contains(&kept.entry()), "{said}");
        let arguments = ["verify", &log, "--vkey", &vkey, "--receipts", &file, "--json"];
        let said: Value = serde_json::from_str(&command(&arguments, &[]).await.exited(1)).expect("JSON");
        let broken = &said["receipts"]["not_kept"][0];
        assert_eq!((&broken["fate"], &broken["line"]), (&"missing".into(), &2.into()), "{said}");
    });
}
