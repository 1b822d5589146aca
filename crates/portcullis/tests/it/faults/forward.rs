//! The server, broken at each call about the files that it writes itself: events for a collector, and the heads that it signed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::acts::{Note, PANICKED};
use super::strace::{Effect, Fault, Follow, Hit, faults, hit, is_usable, log_in, seen, tracing};
use crate::house::process::{Folder, Process};
use crate::house::web::Web;
use crate::house::{Database, Tenant, execute, run};

/// Calls that are broken where not all of them are.
const FAULTS_MAX: usize = 4;
/// Reads between two checkpoints.
const CALLS: usize = 3;
/// Longest wait for what was forwarded while something is broken, and when nothing is.
const BROKEN_MILLIS_MAX: u64 = 2_500;
const WELL_MILLIS_MAX: u64 = 30_000;

struct Stage {
    folder: Folder,
    backup: Database,
    database: Database,
    tenant: Tenant,
}

impl Stage {
    fn place(&self) -> String {
        self.folder.join("place")
    }

    fn file(&self) -> String {
        format!("{}/events.jsonl", self.place())
    }

    async fn set(&self) {
        let place = self.place();
        let _ = std::fs::remove_dir_all(&place);
        std::fs::create_dir(&place).expect("a place");
        // The server runs under another account.
        std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o777)).expect("permissions");
        self.database.put_back(&self.backup).await;
    }

    async fn start(&self, launcher: &[String]) -> Result<Process, String> {
        let (data, file) = (format!("{}/data", self.place()), self.file());
        let env = [
            ("PORTCULLIS_DATA_DIR", data.as_str()),
            ("PORTCULLIS_SIEM_FILE", &file),
            ("PORTCULLIS_LOG", "error"),
        ];
        Process::try_start(Process::serving(&self.database, launcher, &env), false).await
    }

    /// Reads something and asks for a checkpoint, twice; the entries that were named, and the sizes that were signed.
    async fn work(&self, web: &Web) -> (Vec<String>, Vec<u64>) {
        let (mut entries, mut signed) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            for _ in 0..CALLS {
                if let Ok(answer) = web.try_call(Method::GET, "/api/v1/projects", None).await
                    && answer.status.is_success()
                {
                    entries.push(answer.entry());
                }
            }
            if let Ok(answer) = web.try_call(Method::POST, "/api/v1/audit/checkpoints", None).await
                && answer.status.is_success()
            {
                signed.push(answer.json()["size"].as_u64().expect("a size"));
            }
        }
        (entries, signed)
    }

    /// Waits until these entries were forwarded.
    async fn forwarded(&self, entries: &[String], millis: u64) -> bool {
        for _ in 0..millis / 50 {
            let text = std::fs::read_to_string(self.file()).unwrap_or_default();
            if entries.iter().all(|id| text.contains(&format!("\"id\":\"{id}\""))) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    fn web(&self, server: &Process) -> Web {
        server.web(self.tenant.owner_key.expose().to_owned())
    }

    /// What stands in the file, by what is whole in it: every entry of the log up to the last, in its order, again where a
    /// delivery broke off, and never another under its index.
    fn in_order(&self) {
        let text = std::fs::read_to_string(self.file()).expect("events");
        let mut known: Vec<Value> = Vec::new();
        for line in text.lines() {
            let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
            if event["entry"]["tenant"] != self.tenant.id.to_string() {
                continue;
            }
            let index = usize::try_from(event["index"].as_u64().expect("an index")).expect("small");
            assert!(index <= known.len(), "nothing is left out before {line}");
            match known.get(index) {
                Some(earlier) => assert_eq!(*earlier, event["entry"]),
                None => known.push(event["entry"].clone()),
            }
        }
    }
}

#[test]
fn a_server_forwards_and_remembers_whatever_its_disk_does() {
    run(async |house| {
        if !is_usable().await {
            return;
        }
        let folder = Folder::new("faults-server");
        folder.open_to_all();
        let backup = house.database("faults_server").await;
        let vault = backup.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "faults").await;
        vault.close();
        drop(vault);
        let database = backup.copy("broken").await;
        let stage = Stage { folder, backup, database, tenant };
        let (log, place) = (log_in(stage.folder.path()), stage.place());
        let calls = async || {
            stage.set().await;
            let _ = std::fs::remove_file(&log);
            let server = stage.start(&tracing(&log, Follow::Threads, None)).await.expect("it starts");
            let (entries, _) = stage.work(&stage.web(&server)).await;
            assert!(stage.forwarded(&entries, WELL_MILLIS_MAX).await, "events are forwarded");
            assert!(server.stop().await.success());
            seen(&log, place.as_ref()).await
        };
        let (one, other) = (calls().await, calls().await);
        let (mut broken, mut told) = (0, 0);
        for fault in faults(&one, &other, FAULTS_MAX) {
            let note = Note(format!("a server, {fault}"));
            stage.set().await;
            let _ = std::fs::remove_file(&log);
            told += broken_and_mended(&stage, &fault, &log).await;
            broken += usize::from(hit(&log, place.as_ref(), &fault).await == Hit::There);
            drop(note);
        }
        println!(
            "a server: {} calls, {broken} faults came to pass, {told} entries acknowledged meanwhile",
            one.len()
        );
        assert!(broken > 0);
    });
}

/// A server that is broken, and one after it that is not; how many entries the first acknowledged.
async fn broken_and_mended(stage: &Stage, fault: &Fault, log: &Path) -> usize {
    let (mut entries, mut signed) = (Vec::new(), Vec::new());
    match stage.start(&tracing(log, Follow::Threads, Some(fault))).await {
        Ok(server) => {
            (entries, signed) = stage.work(&stage.web(&server)).await;
            stage.forwarded(&entries, BROKEN_MILLIS_MAX).await;
            assert!(!server.written().contains(PANICKED), "{}", server.written());
            server.kill().await;
        }
        Err(wrote) => {
            assert!(!wrote.contains(PANICKED), "{wrote}");
            assert!(fault.effect == Effect::Kill || !wrote.trim().is_empty(), "it said nothing");
        }
    }
    // Nobody waits for the lease of one that died.
    let expire = "update siem_collector set held_until = now() - interval '1 minute'";
    execute(&mut stage.database.superuser().await, expire).await.expect("expired");
    let server = stage.start(&[]).await.expect("it starts again");
    let web = stage.web(&server);
    let (more, again) = stage.work(&web).await;
    assert_eq!((more.len(), again.len()), (2 * CALLS, 2), "everything works again");
    assert!(again.first() > signed.last(), "it signs on from what it signed");
    assert_eq!(web.entries("log.alarm").await, Vec::<Value>::new());
    assert!(
        stage.forwarded(&[&entries[..], &more[..]].concat(), WELL_MILLIS_MAX).await,
        "events are forwarded"
    );
    stage.in_order();
    assert!(server.stop().await.success());
    stage.database.verified().await.exited(0);
    entries.len()
}
