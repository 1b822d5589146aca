use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::load::Load;
use crate::house::process::{Folder, Process, command};
use crate::house::run;

/// Times PostgreSQL is killed.
const KILLS: usize = 3;
/// Clients at work meanwhile.
const CLIENTS: usize = 6;
/// Entries that must be acknowledged before each kill and after the last.
const PROGRESS_ENTRIES: usize = 40;
/// Longest wait for that progress.
const PROGRESS_SECONDS_MAX: u64 = 60;
/// Acknowledged entries that are read back one by one; the rest is in the exported log.
const READ_BACK: usize = 50;

fn postmaster(data_dir: &Path) -> Option<Pid> {
    let text = std::fs::read_to_string(data_dir.join("cluster/data/postmaster.pid")).ok()?;
    Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
}

/// Waits for a server that was not killed yet. One that was may take a moment to die, and its sessions to notice; what
/// they acknowledge meanwhile is no progress of the next.
async fn another(data: &Path, killed: &[Pid], server: &Process) -> Pid {
    let wait = async {
        loop {
            if let Some(pid) = postmaster(data).filter(|pid| !killed.contains(pid)) {
                return pid;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let limit = Duration::from_secs(PROGRESS_SECONDS_MAX);
    let came = tokio::time::timeout(limit, wait).await;
    came.unwrap_or_else(|_| panic!("no new PostgreSQL came up; the server wrote:\n{}", server.written()))
}

/// Waits until so many more entries were acknowledged.
async fn progress(load: &Load, server: &Process) {
    let goal = load.count() + PROGRESS_ENTRIES;
    let wait = async {
        while load.count() < goal {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let limit = Duration::from_secs(PROGRESS_SECONDS_MAX);
    let again = tokio::time::timeout(limit, wait).await;
    assert!(again.is_ok(), "calls do not succeed again; the server wrote:\n{}", server.written());
}

#[test]
fn a_killed_postgres_comes_back_with_everything_acknowledged() {
    run(async |house| {
        let folder = Folder::new("pgkill");
        let data = folder.path().join("data");
        let server = Process::up(house, &data, &[("PORTCULLIS_CHECKPOINT_SECONDS", "1")]).await;
        let key = server.said["api_key"].as_str().expect("a key").to_owned();
        let web = server.web(key.clone());
        let load = Load::start(vec![web.clone(); CLIENTS]);
        let mut killed = Vec::new();
        for _ in 0..KILLS {
            let pid = another(&data, &killed, &server).await;
            progress(&load, &server).await;
            kill_process(pid, Signal::KILL).expect("it runs");
            killed.push(pid);
        }
        another(&data, &killed, &server).await;
        progress(&load, &server).await;
        let told = load.stop().await;
        println!(
            "{KILLS} kills of PostgreSQL: {} entries acknowledged, {} lost",
            told.entries.len(),
            told.lost
        );

        for entry in told.entries.iter().rev().take(READ_BACK) {
            web.entry(entry).await;
        }
        let log = folder.join("log");
        let export = ["audit", "export", "--url", &server.url, "--out", &log];
        command(&export, &[("PORTCULLIS_API_KEY", &key)]).await.exited(0);
        let exported = crate::outsiders::all_entries(log.as_ref());
        let text = String::from_utf8_lossy(&exported).into_owned();
        let missing: Vec<_> =
            told.entries.iter().filter(|id| !text.contains(&format!("\"id\":\"{id}\""))).collect();
        assert!(missing.is_empty(), "{} acknowledged entries are gone: {missing:?}", missing.len());
        let missing: Vec<_> =
            told.calls.iter().filter(|id| !text.contains(&format!("\"intent\":\"{id}\""))).collect();
        assert!(missing.is_empty(), "{} answered calls have no outcome: {missing:?}", missing.len());

        assert!(server.stop().await.success());
        let (data, bin) = (data.display().to_string(), house.home().bin_dir().display().to_string());
        let verify = ["verify", "--database", "--data-dir", &data, "--against", &log, "--pg-bin", &bin];
        command(&verify, &[]).await.exited(0);
    });
}
