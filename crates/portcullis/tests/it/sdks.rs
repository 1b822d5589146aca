//! The official OpenAI SDKs, unmodified, from their own package indexes, against the served program: streaming and
//! not, with tools and without. The scripts are in `tests/sdk`; what they need is kept in `target/sdk` between runs.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use gates::{Vault, VaultOptions};
use kernel::MemberRole;
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::house::members::Somebody;
use crate::house::process::{Process, Ran, run_to_end};
use crate::house::{Database, House, Tenant, run, target_dir};

/// Longest build of a program in Rust, in seconds: some hundred crates, on a machine that does other things.
const RUST_BUILD_SECONDS_MAX: u64 = 600;

/// Two tests that install at once would hinder each other.
static INSTALLING: Mutex<()> = Mutex::const_new(());

/// A file of `tests/sdk`.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(name)
}

/// Whether `stamp` says that exactly this was installed; installing twice costs half a minute.
fn is_installed(stamp: &Path, what: &str) -> bool {
    std::fs::read_to_string(stamp).is_ok_and(|installed| installed == what)
}

/// A Python environment with the packages of a requirements file, kept in `target/sdk`.
pub(crate) async fn virtual_environment(name: &str, python: &Path, requirements: &str) -> PathBuf {
    let _alone = INSTALLING.lock().await;
    let folder = target_dir().join("sdk").join(name);
    let (requirements, stamp) = (script(requirements), folder.join("installed"));
    let wanted =
        format!("{}\n{}", python.display(), std::fs::read_to_string(&requirements).expect("requirements"));
    if is_installed(&stamp, &wanted) {
        return folder;
    }
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.parent().expect("target/sdk")).expect("target/sdk can be made");
    let mut make = Command::new(python);
    make.args(["-m", "venv"]).arg(&folder);
    needed(&run_to_end(make).await, "Python with venv (python3 and python3-venv)");
    let mut install = Command::new(folder.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(requirements);
    needed(&run_to_end(install).await, "pip with a package index");
    std::fs::write(stamp, wanted).expect("a stamp");
    folder
}

/// `node_modules` with the packages of `package.json`, kept in `target/sdk`.
pub(crate) async fn node_modules() -> PathBuf {
    let _alone = INSTALLING.lock().await;
    let folder = target_dir().join("sdk/node");
    let (manifest, stamp) = (script("package.json"), folder.join("installed"));
    let wanted = std::fs::read_to_string(&manifest).expect("package.json");
    if !is_installed(&stamp, &wanted) {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("target/sdk can be made");
        std::fs::copy(&manifest, folder.join("package.json")).expect("copied");
        let mut install = Command::new("npm");
        install.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]);
        install.current_dir(&folder);
        needed(&run_to_end(install).await, "Node.js 20 or newer with npm and a package index");
        std::fs::write(stamp, wanted).expect("a stamp");
    }
    folder
}

/// The program of a folder of `tests/sdk`, built with the Rust that runs the tests, below `target/sdk`.
pub(crate) async fn rust_program(name: &str) -> PathBuf {
    let _alone = INSTALLING.lock().await;
    let folder = target_dir().join("sdk").join(name);
    for file in ["Cargo.toml", "Cargo.lock", "src/main.rs"] {
        let (from, to) = (script(name).join(file), folder.join(file));
        let text = std::fs::read(&from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        // What is the same stays, so that it is not built again.
        if std::fs::read(&to).ok().as_ref() != Some(&text) {
            std::fs::create_dir_all(to.parent().expect("a folder")).expect("target/sdk can be made");
            std::fs::write(to, text).expect("copied");
        }
    }
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--locked", "--target-dir", "built"]).current_dir(&folder);
    build.stdin(Stdio::null()).kill_on_drop(true);
    let built = timeout(Duration::from_secs(RUST_BUILD_SECONDS_MAX), build.output()).await;
    let built = built.expect("Rust is built in time").expect("cargo can be run");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    folder.join("built/debug").join(name.replace('_', "-"))
}

#[track_caller]
fn needed(ran: &Ran, what: &str) {
    assert_eq!(ran.code, Some(0), "this test needs {what}\n{}\n{}", ran.out, ran.err);
}

async fn served(house: &'static House, purpose: &str) -> (Database, Tenant, Process) {
    let database = house.database(purpose).await;
    let vault = database.vault().await.expect("served");
    let tenant = Tenant::make(&vault, purpose).await;
    vault.close();
    let server = Process::serve(&database, &[]).await;
    (database, tenant, server)
}

/// Runs a script against the server; every line it prints is a check that held.
async fn holds(mut command: Command, server: &Process, tenant: &Tenant, checks: usize) {
    command.env("PORTCULLIS_URL", &server.url).env("PORTCULLIS_API_KEY", tenant.agent_key.expose());
    let said = run_to_end(command).await.exited(0);
    let held = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!(held, checks, "{said}");
}

#[test]
fn the_official_python_sdk() {
    run(async |house| {
        let venv = virtual_environment("python", Path::new("python3"), "requirements.txt").await;
        let (database, tenant, server) = served(house, "sdk_python").await;
        let mut command = Command::new(venv.join("bin/python"));
        command.arg(script("openai_sdk.py"));
        holds(command, &server, &tenant, 17).await;
        assert!(server.stop().await.success());
        database.verified().await.exited(0);
    });
}

/// Libraries that know nothing of this server get tokens from it, verify them from the outside, ask about them and call
/// them back.
#[test]
fn stock_oauth_and_jose_libraries() {
    run(async |house| {
        let venv = virtual_environment("oauth", Path::new("python3"), "requirements-oauth.txt").await;
        let (database, tenant, server) = served(house, "sdk_oauth").await;
        let vault = VaultOptions { issuer: server.url.clone(), ..database.options() };
        let vault = Vault::open(vault).await.expect("served");
        let person = Somebody::member(&vault, tenant.id, MemberRole::Viewer).await;
        let mut command = Command::new(venv.join("bin/python"));
        command.arg(script("oauth_clients.py")).env("PORTCULLIS_AGENT", tenant.agent.to_string());
        command.env("PORTCULLIS_TENANT", tenant.id.to_string());
        command.env("PORTCULLIS_SUBJECT_TOKEN", person.token(&vault).await);
        command.env("PORTCULLIS_PERSON", person.account.to_string());
        holds(command, &server, &tenant, 19).await;
        vault.close();
        assert!(server.stop().await.success());
        database.verified().await.exited(0);
    });
}

#[test]
fn the_official_javascript_sdk() {
    run(async |house| {
        let folder = node_modules().await;
        let (database, tenant, server) = served(house, "sdk_node").await;
        // Modules are looked for beside the script.
        std::fs::copy(script("openai_sdk.mjs"), folder.join("openai_sdk.mjs")).expect("copied");
        let mut command = Command::new("node");
        command.arg("openai_sdk.mjs").current_dir(&folder);
        holds(command, &server, &tenant, 8).await;
        assert!(server.stop().await.success());
        database.verified().await.exited(0);
    });
}
