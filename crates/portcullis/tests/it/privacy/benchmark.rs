//! Somebody else's measurement: `pii-leak-benchmark` from PyPI stands on both sides of the served program, as the client and
//! as the provider, and prints what got through. What is asserted are its own figures.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::house::process::{Folder, Process, run_to_end};
use crate::house::{Ask, Tenant, Wire, run};
use crate::sdks::virtual_environment;
use crate::telemetry::{address, free};

/// The values that its cases are drawn with; another seed is another set of values.
const SEED: &str = "a1b2c3d4e5f60001";
/// Cases of its version 0.6.0.
const CASES: u64 = 32;

/// Values go out as tokens and come back to whoever sent them.
fn rules() -> Value {
    let reversible = json!({"mode": "reversible"});
    json!({"classes": {"EMAIL": reversible, "PHONE": reversible, "GOV_ID": reversible, "PAYMENT": reversible,
        "CREDENTIAL": reversible}})
}

/// A server whose one provider is the benchmark's capture.
struct Bench {
    server: Process,
    tenant: Tenant,
    venv: PathBuf,
    /// The port of the capture.
    port: String,
}

impl Bench {
    async fn start(house: &'static crate::house::House, purpose: &str) -> Self {
        let venv = virtual_environment("leaks", Path::new("python3"), "requirements-leaks.txt").await;
        let database = house.database(purpose).await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, purpose).await;
        vault.close();
        let port = free().port().to_string();
        let providers = format!("capture=http://127.0.0.1:{port}/v1");
        let env = [
            ("PORTCULLIS_PROVIDERS", &*providers),
            ("PORTCULLIS_PROVIDER_CAPTURE_MODELS", "captured"),
            ("PORTCULLIS_PROVIDER_CAPTURE_KEY", "sk-capture"),
        ];
        let server = Process::serve(&database, &env).await;
        let wire = Wire::to(address(&server));
        let put = Ask::new(http::Method::PUT, "/api/v1/policies/pii").json(rules().to_string());
        let answer = wire.ask(put.key(&tenant.owner_key)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Self { server, tenant, venv, port }
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.venv.join("bin").join(name));
        command.env("CONFORMANCE_TARGET_API_KEY", self.tenant.agent_key.expose());
        command
    }
}

#[test]
fn its_self_check_is_clean() {
    run(async |house| {
        let bench = Bench::start(house, "leaks_self").await;
        let mut command = bench.command("pii-leak-benchmark");
        let url = format!("{}/v1", bench.server.url);
        command.args(["selfcheck", "--target-base-url", &url, "--target-model", "captured"]);
        command.args(["--capture-port", &bench.port]);
        let said = run_to_end(command).await.exited(0);
        assert!(said.contains("CLEAN"), "{said}");
        assert!(bench.server.stop().await.success());
    });
}

/// Values that the model brings are cut in two, in content and in a field nobody has heard of; those of the caller come back.
#[test]
fn nothing_leaks_however_it_is_cut_and_everything_comes_back() {
    run(async |house| {
        let bench = Bench::start(house, "leaks").await;
        let folder = Folder::new("leaks");
        let mut command = bench.command("pii-leak-benchmark-v2");
        let url = format!("{}/v1/chat/completions", bench.server.url);
        command.args(["--validate", "--seed", SEED]);
        command.args(["--only", "portcullis", "--model", "captured", "--gateway-url", &url]);
        command.args(["--upstream-port", &bench.port, "--out"]).arg(folder.path());
        command.arg("--json-out").arg(folder.join("summary.json"));
        let said = run_to_end(command).await.exited(0);
        let text = std::fs::read_to_string(folder.join("summary.json")).expect("a summary");
        let summary: Value = serde_json::from_str(&text).expect("JSON");
        let [row] = summary["rows"].as_array().expect("rows").as_slice() else { panic!("{summary}") };
        assert_eq!(row["leak_single_chunk"].as_f64(), Some(0.0), "{said}");
        assert_eq!(row["leak_adversarial"].as_f64(), Some(0.0), "{said}");
        assert_eq!(row["delta_frag"].as_f64(), Some(0.0), "{said}");
        assert_eq!(row["fidelity_rate"].as_f64(), Some(1.0), "{said}");
        assert_eq!(row["request_path_leak"], json!([]), "{said}");
        assert_eq!((&row["inconclusive"], &row["schema_valid"]), (&json!(0), &json!(true)), "{said}");
        for cases in ["cases_attempted", "cases_applicable", "echo_observable"] {
            assert_eq!(row[cases], CASES, "{cases}: {said}");
        }
        assert!(bench.server.stop().await.success());
    });
}
