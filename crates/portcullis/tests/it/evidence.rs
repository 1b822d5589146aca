//! Evidence packs over the served program: made, taken away, verified here and by other people's tools, linked to, deleted.

use std::io::Cursor;
use std::path::Path;

use evidence::verify::Verdict;
use kernel::{Clock as _, SystemClock, Timestamp};
use serde_json::{Value, json};
use tokio::process::Command;
use zip::ZipArchive;

use crate::house::process::{Env, Folder, Process, command, run_to_end};
use crate::house::web::{Answer, Web};
use crate::house::{House, Tenant, run};

/// Entries that are made before a pack is: more than one bundle.
const CALLS: usize = 280;
/// Calls at once while it is filled.
const CALLS_AT_ONCE: usize = 16;

/// A server, an organization whose log has some entries, and its neighbour.
pub(crate) struct Stage {
    server: Process,
    pub(crate) web: Web,
    next_door: Web,
    key: String,
    database: crate::house::Database,
}

impl Stage {
    pub(crate) async fn set(house: &'static House, purpose: &str) -> Self {
        Self::set_with(house, purpose, &[]).await
    }

    pub(crate) async fn set_with(house: &'static House, purpose: &str, env: Env<'_>) -> Self {
        let database = house.database(purpose).await;
        let vault = database.vault().await.expect("served");
        let (tenant, stranger) =
            (Tenant::make(&vault, purpose).await, Tenant::make(&vault, "next door").await);
        vault.close();
        let server = Process::serve(&database, env).await;
        let key = tenant.owner_key.expose().to_owned();
        let web = server.web(key.clone());
        let next_door = server.web(stranger.owner_key.expose().to_owned());
        Self { server, web, next_door, key, database }
    }

    /// Makes the log longer than one bundle.
    async fn fill(&self) {
        let filling = (0..CALLS_AT_ONCE).map(|_| {
            let web = self.web.clone();
            tokio::spawn(async move {
                for _ in 0..=CALLS / CALLS_AT_ONCE {
                    web.get("/api/v1/projects").await.expect(200);
                }
            })
        });
        for task in filling.collect::<Vec<_>>() {
            task.await.expect("filled");
        }
        self.web.chat("loopback", "Good morning").await.expect(200);
    }

    pub(crate) async fn pack(&self, framework: &str, everything: bool) -> Value {
        let to = SystemClock.now();
        let from = Timestamp::from_unix_micros(to.unix_micros() - 3_600_000_000);
        let body = json!({ "framework": framework, "from": from, "to": to, "everything": everything });
        self.web.post("/api/v1/evidence/packs", &body).await.expect(201).json()
    }

    pub(crate) async fn download(&self, id: &Value) -> Answer {
        let path = format!("/api/v1/evidence/packs/{}/download", id.as_str().expect("an id"));
        self.web.get(&path).await.expect(200)
    }

    pub(crate) async fn vkey(&self) -> audit_log::VerifierKey {
        let nothing = serde_json::json!({});
        let checkpoint = self.web.post("/api/v1/audit/checkpoints", &nothing).await.expect(201).json();
        checkpoint["vkey"].as_str().expect("a key").parse().expect("a key")
    }

    pub(crate) async fn end(self) {
        assert!(self.server.stop().await.success());
        self.database.verified().await.exited(0);
    }
}

pub(crate) fn verify(bytes: &[u8], key: &audit_log::VerifierKey) -> evidence::PackReport {
    evidence::verify_pack(Cursor::new(bytes), std::slice::from_ref(key), &mut |_, _| {})
}

#[test]
fn a_pack_is_the_same_whenever_it_is_taken_and_holds_what_it_says() {
    run(async |house| {
        let stage = Stage::set(house, "evidence_pack").await;
        stage.fill().await;
        for (framework, everything) in [("soc2", false), ("soc2", true), ("eu-ai-act", false)] {
            let made = stage.pack(framework, everything).await;
            let first = stage.download(&made["id"]).await;
            assert_eq!(first.header("content-type"), "application/zip");
            // The log has grown meanwhile; the pack has not.
            stage.web.get("/api/v1/projects").await.expect(200);
            let second = stage.download(&made["id"]).await;
            assert_eq!(first.body, second.body, "{framework}");
            let report = verify(&first.body, &stage.vkey().await);
            assert_eq!(report.verdict(), Verdict::Intact, "{:?}", report.findings);
            assert_eq!(report.manifest_sha256.as_deref(), made["manifest_sha256"].as_str());
            assert_eq!(report.entries, made["included"].as_u64().expect("a count"));
            assert!(report.entries > 0 && report.proofs > 0);
            let held_back = made["held_back"].as_u64().expect("a count");
            assert_eq!(held_back == 0, everything || framework == "eu-ai-act", "{framework}");
        }
        let kinds: Vec<Value> = stage.web.entries("evidence.pack_created").await;
        assert_eq!(kinds.len(), 3);
        assert!(kinds[0]["data"]["manifest"].is_string(), "{}", kinds[0]);
        assert_eq!(stage.web.entries("evidence.pack_downloaded").await.len(), 6);
        stage.end().await;
    });
}

#[test]
fn other_peoples_tools_verify_a_pack() {
    run(async |house| {
        let python =
            crate::sdks::virtual_environment("evidence", Path::new("python3"), "requirements-evidence.txt")
                .await;
        let tlog = crate::sdks::virtual_environment(
            "tlog",
            &crate::outsiders::python().await,
            "requirements-tlog.txt",
        )
        .await;
        let node = crate::sdks::node_modules().await;
        let stage = Stage::set(house, "evidence_tools").await;
        stage.fill().await;
        let made = stage.pack("soc2", false).await;
        let body = stage.download(&made["id"]).await.body;
        let folder = Folder::new("evidence_tools");
        let unpacked = folder.join("pack");
        ZipArchive::new(Cursor::new(&body)).expect("an archive").extract(&unpacked).expect("unpacked");

        let script = crate::sdks::script;
        let mut with_python = Command::new(python.join("bin/python"));
        with_python.arg(script("evidence.py")).arg(&unpacked);
        std::fs::copy(script("evidence.mjs"), node.join("evidence.mjs")).expect("copied");
        let mut with_node = Command::new("node");
        with_node.arg("evidence.mjs").arg(&unpacked).current_dir(&node);
        let mut with_tlog = Command::new(tlog.join("bin/python"));
        with_tlog.arg(script("evidence_tlog.py")).arg(&unpacked).arg(stage.vkey().await.to_string());
        for (command, checks) in [(with_python, 5), (with_node, 2), (with_tlog, 1)] {
            let said = run_to_end(command).await.exited(0);
            assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), checks, "{said}");
        }
        stage.end().await;
    });
}

#[test]
fn the_command_line_makes_takes_lists_and_verifies() {
    run(async |house| {
        let stage = Stage::set(house, "evidence_cli").await;
        stage.fill().await;
        let folder = Folder::new("evidence_cli");
        let (file, url) = (folder.join("pack.zip"), stage.server.url.clone());
        let env = [("PORTCULLIS_API_KEY", stage.key.as_str()), ("PORTCULLIS_URL", url.as_str())];
        let now = SystemClock.now();
        let from = Timestamp::from_unix_micros(now.unix_micros() - 3_600_000_000).to_string();
        let vkey = stage.vkey().await.to_string();
        let create = [
            "evidence",
            "create",
            "--framework",
            "nist-ai-rmf-2.0",
            "--from",
            &from,
            "--to",
            &now.to_string(),
        ];
        let made = command(&[&create[..], &["--out", &file, "--vkey", &vkey, "--json"]].concat(), &env).await;
        let made: Value = serde_json::from_str(&made.exited(0)).expect("JSON");
        assert_eq!(made["pack"]["framework"], "nist-ai-rmf-1.0");
        assert_eq!(made["report"]["verdict"], "intact");
        let listed = command(&["evidence", "list"], &env).await.exited(0);
        assert!(listed.contains(made["id"].as_str().expect("an id")), "{listed}");
        let again = folder.join("again.zip");
        let download = ["evidence", "download", made["id"].as_str().expect("an id"), "--out", &again];
        assert!(command(&download, &env).await.exited(0).starts_with("INTACT"));
        assert_eq!(std::fs::read(&file).expect("a pack"), std::fs::read(&again).expect("a pack"));
        // Never over a file that is there.
        command(&download, &env).await.exited(1);

        // Offline, and with the server gone.
        stage.end().await;
        let said = command(&["verify", &file, "--vkey", &vkey], &[]).await.exited(0);
        assert!(said.starts_with("INTACT"), "{said}");
        let mut bytes = std::fs::read(&file).expect("a pack");
        // The archive is compressed: a byte in the middle of the entries.
        bytes[400] ^= 1;
        std::fs::write(&again, bytes).expect("written");
        let said = command(&["verify", &again, "--vkey", &vkey], &[]).await.exited(1);
        assert!(said.starts_with("DAMAGED") && said.contains("events.jsonl"), "{said}");
    });
}

#[test]
fn a_link_opens_one_pack_for_a_while_and_nothing_else() {
    run(async |house| {
        let stage = Stage::set(house, "evidence_link").await;
        let (made, other) = (stage.pack("soc2", false).await, stage.pack("iso-42001", true).await);
        let id = made["id"].as_str().expect("an id");
        let links = format!("/api/v1/evidence/packs/{id}/links");
        for (who, seconds, status) in [
            (&stage.web, 59, 422),
            (&stage.web, 604_801, 422),
            (&stage.next_door, 60, 404),
            (&stage.web, 3_600, 201),
        ] {
            who.post(&links, &json!({ "seconds": seconds })).await.expect(status);
        }
        let link = stage.web.post(&links, &json!({ "seconds": 60 })).await.expect(201).json();
        let url = link["url"].as_str().expect("a URL");
        let path = url.split_once("/api/").map(|(_, rest)| format!("/api/{rest}")).expect("a path");
        let nobody = stage.server.web(None);
        let opened = nobody.get(&path).await.expect(200);
        assert_eq!(opened.body, stage.download(&made["id"]).await.body);
        let used = stage.web.entry(&opened.entry()).await;
        assert_eq!((&used["actor"]["kind"], &used["data"]["by_link"]), (&json!("anonymous"), &json!(true)));

        // Each letter of the token matters.
        let start = path.rfind('/').expect("a token") + 1;
        for at in (start..path.len()).step_by(7) {
            let mut altered = path.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).expect("text");
            nobody.get(&altered).await.expect(404);
        }
        for bad in ["", "A", &"A".repeat(96), &"A".repeat(4_000)] {
            nobody.get(&format!("{}{bad}", &path[..start])).await.expect(404);
        }
        // The pack's deletion takes the link with it, and no other pack.
        let own = format!("/api/v1/evidence/packs/{id}");
        stage.next_door.delete(&own).await.expect(404);
        stage.web.delete(&own).await.expect(204);
        nobody.get(&path).await.expect(404);
        stage.web.get(&own).await.expect(404);
        stage.download(&other["id"]).await;
        stage.end().await;
    });
}

#[test]
fn a_stranger_finds_nothing_and_a_wrong_period_is_named() {
    run(async |house| {
        let stage = Stage::set(house, "evidence_stranger").await;
        let made = stage.pack("soc2", false).await;
        let own = format!("/api/v1/evidence/packs/{}", made["id"].as_str().expect("an id"));
        stage.web.get(&own).await.expect(200);
        stage.next_door.get(&own).await.expect(404);
        stage.next_door.get(&format!("{own}/download")).await.expect(404);
        let list = stage.next_door.get("/api/v1/evidence/packs").await.expect(200).json();
        assert_eq!(list["items"], json!([]));
        for (from, to, framework, pointer) in [
            ("2025-01-02T00:00:00Z", "2025-01-01T00:00:00Z", "soc2", "/to"),
            ("2025-01-02T00:00:00Z", "2999-01-01T00:00:00Z", "soc2", "/to"),
            ("2025-01-02T00:00:00Z", "2025-02-01T00:00:00Z", "hipaa", "/framework"),
        ] {
            let body = json!({ "framework": framework, "from": from, "to": to });
            let refused = stage.web.post("/api/v1/evidence/packs", &body).await.expect(422).json();
            assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
        }
        let covered = stage.web.get("/api/v1/evidence/coverage/iso-42001").await.expect(200).json();
        let logs = covered["controls"]
            .as_array()
            .expect("controls")
            .iter()
            .find(|control| control["id"] == "A.6.2.8");
        assert_eq!(logs.expect("a control")["entries"], covered["entries"]);
        stage.end().await;
    });
}
