//! Witnesses: ours asked by somebody else's client, somebody else's asked by us, and what an auditor learns from both.

use std::path::Path;

use tokio::process::Command;

use crate::house::process::{Folder, Process, command, program, run_to_end};
use crate::house::{Tenant, run};
use crate::outsiders::{copy_folder, python};

/// Calls between two exports.
const CALLS: usize = 5;

/// The server's log, taken away.
struct Exported<'a> {
    server: &'a Process,
    key: &'a str,
    log: &'a str,
}

impl Exported<'_> {
    /// Makes it grow and takes it away again.
    async fn grow(&self) {
        let web = self.server.web(self.key.to_owned());
        for _ in 0..CALLS {
            web.get("/api/v1/projects").await.expect(200);
        }
        let export = ["audit", "export", "--url", &self.server.url, "--out", self.log];
        command(&export, &[("PORTCULLIS_API_KEY", self.key)]).await.exited(0);
    }
}

#[test]
fn witnesses_cosign_what_grows_and_notice_what_does_not() {
    run(async |house| {
        let folder = Folder::new("witnesses");
        let (log, policy) = (folder.join("log"), folder.join("logs.policy"));
        let database = house.database("witnesses").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "witnesses").await;
        let server = Process::serve(&database, &[]).await;
        let key = tenant.owner_key.expose().to_owned();
        let exported = Exported { server: &server, key: &key, log: &log };
        exported.grow().await;
        let vkey = std::fs::read_to_string(Path::new(&log).join("log.vkey")).expect("the key");
        let vkey = vkey.trim();

        let state = folder.join("ours");
        let ours = ["witness", "--json", "--listen", "127.0.0.1:0", "--state", &state];
        let mut ours = program(&ours);
        ours.args(["--name", "witness.example.org/ours", "--log", vkey]);
        let ours = Process::start(ours, true).await;
        let venv = crate::sdks::virtual_environment("tlog", &python().await, "requirements-tlog.txt").await;
        let script = |arguments: &[&str]| {
            let mut command = Command::new(venv.join("bin/python"));
            command.arg(crate::sdks::script("witness.py")).args(arguments);
            command
        };
        let theirs = Process::start(script(&["serve", &folder.join("theirs"), vkey]), true).await;
        let asked = |witness: &Process| witness.said["vkey"].as_str().expect("a key").to_owned();
        let known = format!(
            "log {vkey}\nwitness ours {} {}\nwitness theirs {} {}\ngroup both all ours theirs\n",
            asked(&ours),
            ours.url,
            asked(&theirs),
            theirs.url,
        );
        let write = |quorum: &str| {
            std::fs::write(&policy, format!("{known}quorum {quorum}\n")).expect("written");
        };
        write("both");
        let verify = ["verify", log.as_str(), "--policy", &policy];
        let collect = ["audit", "witness", "--dir", &log, "--policy", &policy];
        let missing = command(&verify, &[]).await.exited(3);
        assert!(missing.contains("0 of 2 known witnesses cosigned it"), "{missing}");
        command(&collect, &[]).await.exited(0);
        let first = folder.join("first");
        copy_folder(log.as_ref(), first.as_ref());
        let intact = command(&verify, &[]).await.exited(0);
        assert!(intact.contains(&asked(&ours)) && intact.contains(&asked(&theirs)), "{intact}");
        assert!(intact.contains("nobody was shown another history"), "{intact}");

        // The log grows: both know where they left it.
        exported.grow().await;
        command(&verify, &[]).await.exited(3);
        command(&collect, &[]).await.exited(0);
        command(&verify, &[]).await.exited(0);
        // Their client, our witness, their verifier.
        let said = run_to_end(script(&["feed", &log, vkey, &ours.url, &asked(&ours)])).await.exited(0);
        assert!(said.contains("ok cosigned"), "{said}");

        stale_and_forged(&first, &policy).await;
        assert!(ours.stop().await.success());
        write("theirs");
        let said = command(&collect, &[]).await.exited(0);
        assert!(said.contains("ours  http://") && said.contains("theirs  cosigned"), "{said}");
        theirs.kill().await;
        assert!(server.stop().await.success());
    });
}

/// A state that the witnesses have moved on from, and a cosignature that was altered.
async fn stale_and_forged(first: &str, policy: &str) {
    let old = ["audit", "witness", "--dir", first, "--policy", policy, "--json"];
    let stale: serde_json::Value = serde_json::from_str(&command(&old, &[]).await.exited(0)).expect("JSON");
    for witness in stale["witnesses"].as_array().expect("a list") {
        let why = witness["refused"].as_str().expect("refused");
        assert!(why.contains("entries already, this log has"), "{why}");
    }
    let altered = Path::new(first).join("checkpoint");
    let text = std::fs::read_to_string(&altered).expect("a checkpoint");
    let line = text.lines().find(|line| line.contains("/ours ")).expect("our line");
    let (front, back) = line.split_at(line.len() - 20);
    let (digit, rest) = back.split_at(1);
    let other = if digit == "A" { "B" } else { "A" };
    let bad = text.replace(line, &format!("{front}{other}{rest}"));
    std::fs::write(&altered, bad).expect("written");
    let forged = command(&["verify", first, "--policy", policy], &[]).await.exited(3);
    assert!(forged.contains("the cosignature of witness.example.org/ours does not verify"), "{forged}");
}
