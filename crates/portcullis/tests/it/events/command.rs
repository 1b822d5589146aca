use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Child;

use super::{Stage, entry_of};
use crate::house::process::{Env, Folder, command, program};
use crate::house::{run, soon};

async fn taken(stage: &Stage, more: &[&str]) -> String {
    let mut arguments = vec!["audit", "events", "--url", &stage.server.url];
    arguments.extend(more);
    let env: Env<'_> = &[("PORTCULLIS_API_KEY", &stage.key)];
    command(&arguments, env).await.exited(0)
}

#[test]
fn a_file_grows_with_the_log_and_outlives_being_cut_off() {
    run(async |house| {
        let stage = Stage::build(house, "events_file", &[]).await;
        let folder = Folder::new("events");
        let path = folder.join("events.jsonl");
        stage.grow(10).await;
        stage.settled().await;
        let said = taken(&stage, &["--out", &path, "--json"]).await;
        let said: Value = serde_json::from_str(&said).expect("JSON");
        assert!(said["events"].as_u64().expect("a number") >= 11, "{said}");
        // A crash in the middle of a line.
        let whole = std::fs::read(&path).expect("the file");
        std::fs::write(&path, &whole[..whole.len() - 20]).expect("cut");
        stage.grow(10).await;
        let stored = stage.settled().await;
        taken(&stage, &["--out", &path]).await;
        let text = std::fs::read_to_string(&path).expect("the file");
        for (at, line) in text.lines().enumerate() {
            let (index, entry) = entry_of(line);
            assert_eq!(index, at as u64);
            if let Some(leaf) = stored.get(at) {
                assert_eq!(entry, leaf);
            }
        }
        assert!(text.lines().count() >= stored.len());
        // In another format it is another file.
        let env: Env<'_> = &[("PORTCULLIS_API_KEY", &stage.key)];
        let wrong = ["audit", "events", "--url", &stage.server.url, "--out", &path, "--format", "cef"];
        command(&wrong, env).await.exited(1);
        assert_eq!(std::fs::read_to_string(&path).expect("the file"), text);
        let table = taken(&stage, &["--format", "csv", "--kind", "project.*", "--after", "0"]).await;
        assert!(table.lines().all(|line| line.contains("project.listed")), "{table}");
        command(&["audit", "events", "--url", &stage.server.url, "--kind", "nothing"], env).await.exited(1);
        command(&["audit", "events", "--url", &stage.server.url], &[]).await.exited(1);
    });
}

fn following(stage: &Stage, arguments: &[&str]) -> Child {
    let mut command = program(&["audit", "events", "--follow", "--url", &stage.server.url]);
    command.args(arguments).env("PORTCULLIS_API_KEY", &stage.key).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program")
}

async fn lines_once(path: &str, count: usize) -> String {
    let grown = async {
        loop {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            if text.ends_with('\n') && text.lines().count() >= count {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon(&format!("{count} lines in {path}"), grown).await
}

#[test]
fn following_goes_on_through_kills_without_a_gap() {
    run(async |house| {
        let stage = Stage::build(house, "events_follow", &[]).await;
        let folder = Folder::new("follow");
        for format in ["ocsf", "csv"] {
            let path = folder.join(&format!("events.{format}"));
            let arguments = ["--out", &path, "--since", "2000-01-01T00:00:00Z", "--format", format];
            for _ in 0..3 {
                let before = std::fs::read_to_string(&path).unwrap_or_default().lines().count();
                let mut child = following(&stage, &arguments);
                stage.grow(5).await;
                lines_once(&path, before + 5).await;
                child.kill().await.expect("killed");
            }
            let stored = stage.settled().await;
            let mut child = following(&stage, &arguments);
            let heads = usize::from(format == "csv");
            let text = lines_once(&path, stored.len() + heads).await;
            child.kill().await.expect("killed");
            for (at, line) in text.lines().skip(heads).enumerate() {
                let index = audit_log::formats::index_of(format.parse().expect("a format"), line);
                assert_eq!(index, Some(at as u64), "{line}");
            }
        }
    });
}
