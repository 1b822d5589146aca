//! The libraries receivers use, unmodified, from their own package indexes: they believe what is fresh, and neither what is
//! old nor what was altered.

use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;

use super::receiver::Got;
use super::stage::{Hook, Stage, job};
use crate::house::process::{Folder, run_to_end};
use crate::house::{execute, run};
use crate::mail::Hands;
use crate::sdks::{node_modules, script, virtual_environment};

/// Libraries × messages.
const CHECKS: usize = 2 * 5;

fn told(name: &str, got: &Got, secret: &str, believed: bool) -> Value {
    let header = |name: &str| got.header(name).to_owned();
    json!({
        "name": name, "secret": secret, "believed": believed,
        "headers": {
            "webhook-id": header("webhook-id"), "webhook-timestamp": header("webhook-timestamp"),
            "webhook-signature": header("webhook-signature"),
        },
        "body": String::from_utf8(got.body.to_vec()).expect("text"),
    })
}

/// Messages as they came, in a file.
async fn messages(stage: &Stage, folder: &Folder) -> String {
    let Hook { id, secret } = stage.hook(&["agent.created"]).await;
    // Libraries allow five minutes. A process whose clock is behind sends a message that is older.
    let behind = Hands::now();
    let other = Stage::vault(&stage.database, &behind).await;
    behind.back(301);
    stage.agent().await;
    let earlier = "update webhook_delivery set due_at = due_at - interval '1 hour'";
    execute(&mut stage.database.superuser().await, earlier).await.expect("due earlier");
    job(&other).round().await.expect("a round");
    other.close();
    let old = stage.receiver.one();
    stage.agent().await;
    stage.round().await;
    let fresh = stage.receiver.one();
    let altered =
        String::from_utf8(fresh.body.to_vec()).expect("text").replace("agent.created", "agent.deleted");
    let altered = Got { body: altered.into(), ..fresh.clone() };
    let rotated = stage.post(&format!("/api/v1/webhooks/{id}/rotate"), Some(&json!({})), 201).await;
    stage.agent().await;
    stage.round().await;
    let both = stage.receiver.one();
    let list = json!([
        told("fresh", &fresh, &secret, true),
        told("301 seconds old", &old, &secret, false),
        told("altered", &altered, &secret, false),
        told("rotated, by the old secret", &both, &secret, true),
        told("rotated, by the new secret", &both, rotated["secret"].as_str().expect("a secret"), true),
    ]);
    let file = folder.join("messages.json");
    std::fs::write(&file, list.to_string()).expect("written");
    file
}

async fn holds(command: Command) {
    let said = run_to_end(command).await.exited(0);
    let held = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!(held, CHECKS, "{said}");
}

#[test]
fn python_libraries_believe_what_they_should() {
    run(async |house| {
        let venv = virtual_environment("webhooks", Path::new("python3"), "requirements-webhooks.txt").await;
        let stage = Stage::set(house, "hooks_python").await;
        let folder = Folder::new("hooks-python");
        let mut command = Command::new(venv.join("bin/python"));
        command.arg(script("webhooks.py")).arg(messages(&stage, &folder).await);
        holds(command).await;
    });
}

#[test]
fn javascript_libraries_believe_what_they_should() {
    run(async |house| {
        let modules = node_modules().await;
        let stage = Stage::set(house, "hooks_node").await;
        let folder = Folder::new("hooks-node");
        // Modules are looked for beside the script.
        std::fs::copy(script("webhooks.mjs"), modules.join("webhooks.mjs")).expect("copied");
        let mut command = Command::new("node");
        command.arg("webhooks.mjs").arg(messages(&stage, &folder).await).current_dir(&modules);
        holds(command).await;
    });
}
