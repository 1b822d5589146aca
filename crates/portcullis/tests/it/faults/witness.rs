//! A witness, broken at each call about its folder: what it cosigned it remembers, or it did not cosign.

use std::path::Path;

use serde_json::Value;

use super::acts::{Note, PANICKED};
use super::strace::{Effect, Fault, Follow, Hit, faults, hit, is_usable, log_in, seen, tracing};
use crate::house::process::{Folder, Process, command, program_by};
use crate::house::{Tenant, run};
use crate::outsiders::copy_folder;

/// Calls that are broken where not all of them are.
const FAULTS_MAX: usize = 8;
/// Calls between two exports.
const CALLS: usize = 5;

struct Stage {
    folder: Folder,
    vkey: String,
}

impl Stage {
    async fn start(&self, fault: Option<&Fault>, traced: bool) -> Result<Process, String> {
        let words = if traced {
            tracing(&self.folder.path().join("strace.log"), Follow::Threads, fault)
        } else {
            Vec::new()
        };
        let state = self.folder.join("state");
        let arguments =
            ["witness", "--json", "--listen", "127.0.0.1:0", "--state", &state, "--log", &self.vkey];
        Process::try_start(program_by(&words, &arguments), true).await
    }

    /// Shows it one of the exports: whether it cosigned, or why not.
    async fn show(&self, witness: &Process, known: &str, export: &str) -> Result<(), String> {
        let (log, policy) = (self.folder.join("shown"), self.folder.join("policy"));
        let _ = std::fs::remove_dir_all(&log);
        copy_folder(self.folder.path().join(export).as_ref(), log.as_ref());
        let text = format!("log {}\nwitness one {known} {}\nquorum one\n", self.vkey, witness.url);
        std::fs::write(&policy, text).expect("written");
        let shown = command(&["audit", "witness", "--dir", &log, "--policy", &policy, "--json"], &[]).await;
        let said: Value = serde_json::from_str(&shown.out).expect("JSON");
        let verified = command(&["verify", &log, "--policy", &policy], &[]).await;
        match said["witnesses"][0]["refused"].as_str() {
            None => {
                verified.exited(0);
                Ok(())
            }
            Some(why) => {
                verified.exited(3);
                Err(why.to_owned())
            }
        }
    }
}

fn key_of(witness: &Process) -> String {
    witness.said["vkey"].as_str().expect("a key").to_owned()
}

#[test]
fn a_witness_remembers_what_it_cosigned() {
    run(async |house| {
        if !is_usable().await {
            return;
        }
        let folder = Folder::new("faults-witness");
        let database = house.database("faults_witness").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "watched").await;
        vault.close();
        let server = Process::serve(&database, &[("PORTCULLIS_LOG", "warn")]).await;
        let web = server.web(tenant.owner_key.expose().to_owned());
        for export in ["short", "long"] {
            for _ in 0..CALLS {
                web.get("/api/v1/projects").await.expect(200);
            }
            let arguments = ["audit", "export", "--url", &server.url, "--out", &folder.join(export)];
            command(&arguments, &[("PORTCULLIS_API_KEY", tenant.owner_key.expose())]).await.exited(0);
        }
        assert!(server.stop().await.success());
        let vkey = std::fs::read_to_string(folder.path().join("short/log.vkey")).expect("the key");
        let stage = Stage { vkey: vkey.trim().to_owned(), folder };
        let (log, state) = (log_in(stage.folder.path()), stage.folder.path().join("state"));

        let calls = async || {
            let _ = std::fs::remove_dir_all(&state);
            let witness = stage.start(None, true).await.expect("it starts");
            for export in ["short", "long"] {
                stage.show(&witness, &key_of(&witness), export).await.expect("cosigned");
            }
            assert!(witness.stop().await.success());
            seen(&log, &state).await
        };
        let (one, other) = (calls().await, calls().await);
        let (mut broken, mut cosigned) = (0, 0);
        for fault in faults(&one, &other, FAULTS_MAX) {
            let note = Note(format!("a witness, {fault}"));
            let _ = std::fs::remove_dir_all(&state);
            let _ = std::fs::remove_file(&log);
            let told = broken_off(&stage, &fault).await;
            broken += usize::from(hit(&log, &state, &fault).await == Hit::There);
            cosigned += usize::from(told.is_some());
            remembers(&stage, told).await;
            drop(note);
        }
        println!(
            "a witness: {} calls, {broken} faults came to pass, {cosigned} times it cosigned",
            one.len()
        );
        assert!(broken > FAULTS_MAX / 2);
    });
}

/// What it cosigned under its fault, and its key.
async fn broken_off(stage: &Stage, fault: &Fault) -> Option<(String, &'static str)> {
    let witness = match stage.start(Some(fault), true).await {
        Ok(witness) => witness,
        Err(wrote) => {
            assert!(!wrote.contains(PANICKED), "{wrote}");
            assert!(fault.effect == Effect::Kill || !wrote.trim().is_empty(), "it said nothing");
            return None;
        }
    };
    let (key, mut told) = (key_of(&witness), None);
    for export in ["short", "long"] {
        if stage.show(&witness, &key, export).await.is_ok() {
            told = Some((key.clone(), export));
        }
    }
    witness.kill().await;
    told
}

/// Started again, it has its key, goes on from what it cosigned and back to nothing before that.
async fn remembers(stage: &Stage, told: Option<(String, &str)>) {
    let witness = stage.start(None, false).await.expect("it starts again");
    let key = key_of(&witness);
    if let Some((before, export)) = told {
        assert_eq!(key, before, "it is another witness");
        if export == "long" {
            let why = stage.show(&witness, &key, "short").await.expect_err("it has seen more");
            assert!(why.contains("entries already"), "{why}");
        }
    }
    stage.show(&witness, &key, "long").await.expect("cosigned");
    assert!(witness.stop().await.success());
    let left = Path::new(&stage.folder.join("state")).join("forks");
    assert_eq!(std::fs::read_dir(left).expect("a folder").count(), 0, "nobody forked");
}
