//! PostgreSQL under load, broken at each of its file system calls: of the process that everything descends from, of sessions, of
//! those that write checkpoints and the write-ahead log. Then the power goes, and it is started again on a good disk.

use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::acts::Note;
use super::plan::{Fault, early_faults, everything};
use super::strace::{Follow, is_usable, log_in, seen, tracing};
use crate::crash::load::{Acknowledged, Load};
use crate::crash::zones::{Site, Zone, until};
use crate::house::process::{Folder, Process, command};
use crate::house::{Tenant, run};

/// Faults where not everything is broken.
const FAULTS_MAX: usize = 8;
/// Of these, those that must come to pass: which call of which process is the one is luck.
const BROKEN_MIN: usize = 2;
/// Clients at work.
const CLIENTS: usize = 6;
/// Answers while the calls are counted.
const COUNTED_ANSWERS: usize = 400;
/// Answers that must come after each fault, on a good disk.
const ANSWERS: usize = 20;
/// Longest wait for a fault to come to pass, and what comes after it on the bad disk.
const BROKEN_MILLIS_MAX: u64 = 4_000;
const AFTERWARDS_MILLIS: u64 = 300;
/// What makes PostgreSQL go to the disk more often than it would.
const BUSY: [&str; 8] = [
    "wal_keep_size=0",
    "min_wal_size=2MB",
    "max_wal_size=2MB",
    "shared_buffers=1MB",
    "bgwriter_delay=10ms",
    "wal_writer_delay=10ms",
    "autovacuum_naptime=1",
    "wal_recycle=off",
];
/// The port names the socket alone.
const PORT: u16 = 5_504;

struct Stage<'a> {
    zone: Zone<'a>,
    log: PathBuf,
    folder: &'a Folder,
    tenant: Tenant,
}

impl Stage<'_> {
    /// The power goes, and PostgreSQL comes back with this befalling it; without waiting for it.
    async fn restart(&mut self, fault: Option<&Fault>) {
        self.zone.kill().await;
        // PostgreSQL's account makes it anew.
        let _ = std::fs::remove_file(&self.log);
        self.zone.spawn(&tracing(&self.log, Follow::Threads, fault), None, &BUSY);
    }

    async fn restart_well(&mut self, load: &Load) {
        self.zone.kill().await;
        self.zone.start(None).await;
        let goal = load.count() + ANSWERS;
        until("answers", async || load.count() >= goal).await;
    }

    /// Waits until the fault has come to pass, and a moment longer; whether it has.
    async fn suffer(&self, fault: &Fault) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(BROKEN_MILLIS_MAX) {
            let text = std::fs::read_to_string(&self.log).unwrap_or_default();
            if text.contains("(INJECTED)") || text.contains("+++ killed by SIGKILL +++") {
                tokio::time::sleep(Duration::from_millis(AFTERWARDS_MILLIS)).await;
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        eprintln!("{fault} did not come to pass");
        false
    }

    /// Everything that was acknowledged is in the log, which verifies, with every receipt kept.
    async fn holds(&self, server: &Process, told: &Acknowledged) {
        self.zone.holds(told).await;
        let owner = self.tenant.owner_key.expose();
        let (log, receipts) = (self.folder.join("export"), self.folder.join("receipts.txt"));
        let export = ["audit", "export", "--url", &server.url, "--out", &log];
        command(&export, &[("PORTCULLIS_API_KEY", owner)]).await.exited(0);
        let lines: Vec<&str> = told.receipts.iter().map(String::as_str).collect();
        std::fs::write(&receipts, lines.join("\n")).expect("written");
        let said = command(&["verify", &log, "--receipts", &receipts], &[]).await.exited(0);
        assert!(said.contains(&format!("KEPT: the log holds {0} of the {0} entries", lines.len())), "{said}");
        command(&["verify", "--database", &self.zone.url("postgres", "")], &[]).await.exited(0);
        assert_eq!(self.zone.text("select count(*)::text from portcullis.audit_alarm").await, "0");
    }
}

#[test]
fn no_fault_of_its_disk_makes_postgres_lose_what_was_acknowledged() {
    run(async |house| {
        if !is_usable().await {
            return;
        }
        let (folder, site) = (Folder::new("faults-pg"), Site::of(house));
        folder.open_to_all();
        let heads = PathBuf::from(folder.join("heads"));
        std::fs::create_dir(&heads).expect("a directory");
        let owner = std::fs::metadata(house.socket_dir()).expect("the socket's directory");
        chown(&heads, Some(uid(&owner)), None).expect("given away");
        let mut zone = Zone::at(&site, &folder, "a", PORT);
        zone.make().await;
        zone.start(None).await;
        let tenant = zone.prepared().await;
        let server = zone.serve(&heads).await;
        let web = server.web(tenant.agent_key.expose().to_owned()).asking_for_receipts();
        let load = Load::start(vec![web; CLIENTS]);
        let mut stage = Stage { zone, log: log_in(folder.path()), folder: &folder, tenant };

        stage.restart(None).await;
        let goal = load.count() + COUNTED_ANSWERS;
        until("answers", async || load.count() >= goal).await;
        stage.restart_well(&load).await;
        let place = PathBuf::from(stage.zone.data());
        let calls = seen(&stage.log, &place).await;
        let chosen = early_faults(&calls, FAULTS_MAX);
        let (mut broken, mut restarts) = (0, 0);
        for fault in &chosen {
            let note = Note(format!("PostgreSQL, {fault}"));
            stage.restart(Some(fault)).await;
            broken += usize::from(stage.suffer(fault).await);
            let log = std::fs::read_to_string(stage.zone.dir.join("log")).unwrap_or_default();
            restarts += usize::from(log.contains("PANIC") || log.contains("terminated by signal"));
            stage.restart_well(&load).await;
            if everything() {
                stage.holds(&server, &load.so_far()).await;
            }
            drop(note);
        }
        let told = load.stop().await;
        println!(
            "PostgreSQL: {broken} of {} faults ({} calls about its files), {restarts} times it gave up or a process died; \
             {} entries acknowledged with {} receipts, {} calls without an answer",
            chosen.len(),
            calls.len(),
            told.entries.len(),
            told.receipts.len(),
            told.lost
        );
        stage.holds(&server, &told).await;
        assert!(server.stop().await.success());
        assert!(broken >= BROKEN_MIN && told.receipts.len() > ANSWERS * FAULTS_MAX);
    });
}

fn uid(meta: &std::fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::uid(meta)
}
