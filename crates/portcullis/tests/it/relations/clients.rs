//! Clients of OpenFGA, unmodified, from their own package indexes: the JavaScript and the Python SDK, the `fga` command, and
//! for Rust the crate `openfga`.

use std::path::Path;

use tokio::process::Command;

use super::Stage;
use crate::house::process::{Folder, run_to_end};
use crate::house::run;
use crate::sdks::{node_modules, rust_program, script, virtual_environment};

async fn holds(mut command: Command, stage: &Stage, checks: usize) {
    command.env("FGA_API_URL", format!("{}/fga", stage.server.url));
    command.env("FGA_API_TOKEN", stage.tenant.owner_key.expose());
    let said = run_to_end(command).await.exited(0);
    let held = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!(held, checks, "{said}");
}

#[test]
fn the_javascript_sdk() {
    run(async |house| {
        let folder = node_modules().await;
        let stage = Stage::set(house, "fga_node").await;
        std::fs::copy(script("fga.mjs"), folder.join("fga.mjs")).expect("copied");
        let mut command = Command::new("node");
        command.arg("fga.mjs").current_dir(&folder);
        holds(command, &stage, 14).await;
        stage.end().await;
    });
}

#[test]
fn the_python_sdk() {
    run(async |house| {
        let venv = virtual_environment("fga", Path::new("python3"), "requirements-fga.txt").await;
        let stage = Stage::set(house, "fga_python").await;
        let mut command = Command::new(venv.join("bin/python"));
        command.arg(script("fga.py"));
        holds(command, &stage, 12).await;
        stage.end().await;
    });
}

#[test]
fn the_fga_command() {
    run(async |house| {
        let venv = virtual_environment("fga", Path::new("python3"), "requirements-fga.txt").await;
        let stage = Stage::set(house, "fga_command").await;
        let folder = Folder::new("fga");
        let mut command = Command::new(venv.join("bin/python"));
        command.arg(script("fga_command.py")).arg(venv.join("bin/fga")).current_dir(folder.path());
        holds(command, &stage, 9).await;
        stage.end().await;
    });
}

#[test]
fn the_rust_crate() {
    run(async |house| {
        let program = rust_program("fga_rust").await;
        let stage = Stage::set(house, "fga_rust").await;
        holds(Command::new(program), &stage, 13).await;
        stage.end().await;
    });
}
