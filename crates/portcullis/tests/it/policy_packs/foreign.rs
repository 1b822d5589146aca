//! Other people's JOSE libraries, unmodified, check what the command signed: with the file and the public key alone.

use std::path::Path;

use tokio::process::Command;

use crate::house::process::{Folder, command, run_to_end};
use crate::house::run;
use crate::sdks::{node_modules, script, virtual_environment};

#[test]
fn stock_jose_libraries_verify_a_signed_pack() {
    run(async |_house| {
        let python = virtual_environment("oauth", Path::new("python3"), "requirements-oauth.txt").await;
        let node = node_modules().await;
        let folder = Folder::new("policy_foreign");
        let (pack, secret) = (folder.join("office"), folder.join("policy.key"));
        let (signed, public) = (folder.join("office.pack.json"), folder.join("policy.vkey"));
        command(&["policy", "init", &pack], &[]).await.exited(0);
        let new = ["policy", "key", "new", "--name", "policy.example.com", "--out", secret.as_str()];
        let vkey = command(&new, &[]).await.exited(0);
        std::fs::write(&public, vkey).expect("written");
        let sign = ["policy", "sign", &pack, "--key", &secret, "--out", signed.as_str(), "--json"];
        let said = command(&sign, &[]).await.exited(0);

        let mut with_python = Command::new(python.join("bin/python"));
        with_python.arg(script("policy_pack.py")).args([&signed, &public]);
        std::fs::copy(script("policy_pack.mjs"), node.join("policy_pack.mjs")).expect("copied");
        let mut with_node = Command::new("node");
        with_node.arg("policy_pack.mjs").args([&signed, &public]).current_dir(&node);
        for (command, checks) in [(with_python, 5), (with_node, 2)] {
            let found = run_to_end(command).await.exited(0);
            assert_eq!(found.lines().filter(|line| line.starts_with("ok ")).count(), checks, "{found}");
            // What they hashed is what this program calls the pack's hash.
            if let Some((_, hash)) = found.split_once("SHA-256 is ") {
                assert!(said.contains(hash.trim()), "{found}\n{said}");
            }
        }
    });
}
