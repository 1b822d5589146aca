//! The first start, broken at each call that makes the folder of data: what was made is used the next time, or made anew.

use std::path::Path;

use super::acts::{Note, PANICKED};
use super::strace::{Effect, Fault, Follow, Hit, everything, faults, hit, is_usable, log_in, seen, tracing};
use crate::house::process::{Folder, Process, command, program_by, run_to_end};
use crate::house::{House, run};

/// First starts that are broken on their way to a cluster of PostgreSQL, where not all of them are. Each takes seconds.
const STARTS_MAX: usize = 1;
/// Calls about the key that are broken where not all of them are.
const FAULTS_MAX: usize = 16;

fn up(data: &Path, bin: &str) -> Vec<String> {
    let data = data.display().to_string();
    ["up", "--json", "--listen", "127.0.0.1:0", "--data-dir", &data, "--pg-bin", bin].map(String::from).into()
}

/// The key is made first; without any PostgreSQL that is all that is made.
#[test]
fn a_key_is_whole_or_not_there() {
    run(async |_| {
        if !is_usable().await {
            return;
        }
        let folder = Folder::new("faults-key");
        let (log, data) = (log_in(folder.path()), folder.path().join("data"));
        let key = data.join("encryption.key");
        let start = async |fault: Option<&Fault>| {
            let words = tracing(&log, Follow::Threads, fault);
            let ran = run_to_end(program_by(&words, &up(&data, "/nowhere"))).await;
            assert_ne!(ran.code, Some(0), "there is no PostgreSQL");
            ran
        };
        let calls = async || {
            let _ = std::fs::remove_dir_all(&data);
            let ran = start(None).await;
            assert!(ran.err.contains("/nowhere"), "{ran:?}");
            seen(&log, &data).await
        };
        let (one, other) = (calls().await, calls().await);
        let (mut broken, mut made) = (0, 0);
        for fault in faults(&one, &other, FAULTS_MAX) {
            let note = Note(format!("a new key, {fault}"));
            let _ = std::fs::remove_dir_all(&data);
            let ran = start(Some(&fault)).await;
            broken += usize::from(hit(&log, &data, &fault).await == Hit::There);
            assert!(!ran.err.contains(PANICKED), "{ran:?}");
            assert!(fault.effect == Effect::Kill || !ran.err.trim().is_empty(), "{ran:?}");
            let kept = std::fs::read_to_string(&key).ok();
            made += usize::from(kept.is_some());
            let again = start(None).await;
            assert!(again.err.contains("/nowhere"), "the key is in the way: {again:?}");
            let found = std::fs::read_to_string(&key).expect("a key");
            crypto::InstanceKey::parse(&found).expect("a whole key");
            assert!(kept.is_none_or(|kept| kept == found), "a key was replaced");
            drop(note);
        }
        println!(
            "a new key: {} calls, {broken} faults came to pass, a key was left by {made} runs",
            one.len()
        );
        assert!(broken > 4);
    });
}

#[test]
fn a_first_start_that_broke_off_is_gone_on_with() {
    run(async |house| {
        if !is_usable().await {
            return;
        }
        let folder = Folder::new("faults-up");
        let (log, data) = (log_in(folder.path()), folder.path().join("data"));
        let calls = async || {
            let _ = std::fs::remove_dir_all(&data);
            let server = start(house, &folder, &data, None).await.expect("it starts");
            assert!(server.stop().await.success());
            seen(&log, &data).await
        };
        let one = calls().await;
        // A second run to compare with takes its time: names that are never the same twice are few here.
        let other = if everything() { calls().await } else { one.clone() };
        let (mut broken, mut started) = (0, 0);
        for fault in faults(&one, &other, STARTS_MAX) {
            let note = Note(format!("a first start, {fault}"));
            let _ = std::fs::remove_dir_all(&data);
            match start(house, &folder, &data, Some(&fault)).await {
                Ok(server) => {
                    started += 1;
                    server.kill().await;
                }
                Err(wrote) => {
                    assert!(!wrote.contains(PANICKED), "{wrote}");
                    assert!(fault.effect == Effect::Kill || !wrote.trim().is_empty(), "it said nothing");
                }
            }
            broken += usize::from(hit(&log, &data, &fault).await == Hit::There);
            let again = Process::up(house, &data, &[("PORTCULLIS_LOG", "warn")]).await;
            assert!(again.said["organization"]["id"].is_string(), "{}", again.said);
            assert!(again.stop().await.success());
            let (data, bin) = (data.display().to_string(), house.home().bin_dir().display().to_string());
            let verify = ["verify", "--database", "--data-dir", &data, "--pg-bin", &bin];
            command(&verify, &[]).await.exited(0);
            drop(note);
        }
        println!(
            "a first start: {} calls, {broken} faults came to pass, {started} times it started",
            one.len()
        );
    });
}

/// `up`, of which only the main thread is looked at: PostgreSQL's own calls are another test's.
async fn start(
    house: &House,
    folder: &Folder,
    data: &Path,
    fault: Option<&Fault>,
) -> Result<Process, String> {
    let words = tracing(&log_in(folder.path()), Follow::MainThread, fault);
    let mut command = program_by(&words, &up(data, &house.home().bin_dir().display().to_string()));
    command.env("PORTCULLIS_LOG", "warn");
    Process::try_start(command, true).await
}
