//! `/metrics`: read by Prometheus' own parser, on a listener of its own.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::{address, forbidden, free, one_of_each};
use crate::house::process::Process;
use crate::house::{Ask, Tenant, Wire, run};
use crate::sdks::{script, virtual_environment};

/// What Prometheus makes of an exposition.
async fn parsed(text: &str) -> Value {
    let venv = virtual_environment("telemetry", Path::new("python3"), "requirements-telemetry.txt").await;
    let mut command = Command::new(venv.join("bin/python"));
    command.arg(script("prometheus.py")).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("Python");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(text.as_bytes()).await.expect("written");
    drop(input);
    let output = child.wait_with_output().await.expect("its end");
    assert!(output.status.success(), "the parser of Prometheus refuses it:\n{text}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The sum of a family's samples of this name whose labels agree with `labels`.
fn sum(families: &Value, family: &str, sample: &str, labels: &[(&str, &str)]) -> f64 {
    // A family that nothing was counted in yet is not there.
    let Some(samples) = families[family]["samples"].as_array() else { return 0.0 };
    let fits = |of: &Value| labels.iter().all(|(name, value)| of["labels"][name] == *value);
    let fitting = samples.iter().filter(|of| of["name"] == sample && fits(of));
    fitting.filter_map(|of| of["value"].as_f64()).sum()
}

#[test]
fn numbers_are_read_by_prometheus_and_move() {
    run(async |house| {
        let database = house.database("numbers").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "numbers").await;
        vault.close();
        let listen = free();
        let env = [("PORTCULLIS_METRICS_LISTEN", &*listen.to_string())];
        let server = Process::serve(&database, &env).await;
        let (wire, numbers) = (Wire::to(address(&server)), Wire::to(listen));
        let scrape = async || {
            let answer = numbers.ask(Ask::get("/metrics")).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
            (parsed(&answer.text()).await, answer.text())
        };
        let (before, _) = scrape().await;
        let ids =
            one_of_each(&wire, &tenant, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").await;
        let (after, text) = scrape().await;
        let moved = |family: &str, sample: &str, labels: &[(&str, &str)]| {
            sum(&after, family, sample, labels) - sum(&before, family, sample, labels)
        };
        let (requests, total) = ("portcullis_http_requests", "portcullis_http_requests_total");
        assert!((moved(requests, total, &[]) - 5.0).abs() < 0.5, "five were asked: {text}");
        assert!(
            (moved(requests, total, &[("face", "gateway"), ("status", "2xx")]) - 2.0).abs() < 0.5,
            "{text}"
        );
        assert!(
            (moved(requests, total, &[("face", "gateway"), ("status", "4xx")]) - 1.0).abs() < 0.5,
            "{text}"
        );
        let calls = moved("portcullis_model_calls", "portcullis_model_calls_total", &[("status", "2xx")]);
        assert!((calls - 2.0).abs() < 0.5, "{text}");
        let latency = "portcullis_http_request_duration_seconds";
        assert_eq!(after[latency]["type"], "histogram");
        assert!((moved(latency, &format!("{latency}_count"), &[]) - 5.0).abs() < 0.5, "{text}");
        assert!(moved("portcullis_redactions", "portcullis_redactions_total", &[]) >= 3.0, "{text}");
        assert!(
            sum(&after, "portcullis_http_requests_in_flight", "portcullis_http_requests_in_flight", &[])
                < 0.5
        );
        for family in
            ["portcullis_audit_entries_waiting", "portcullis_audit_lag_seconds", "portcullis_audit_alarms"]
        {
            assert_eq!(after[family]["type"], "gauge", "{family}: {text}");
        }
        for (name, family) in after.as_object().expect("families") {
            let help = family["help"].as_str().unwrap_or_default();
            assert!(name.starts_with("portcullis_") && !help.is_empty(), "{name}: {family}");
        }
        for word in forbidden(&tenant).iter().chain(&ids).chain([&tenant.id.to_string()]) {
            assert!(!text.contains(word.as_str()), "{word} is in the numbers: {text}");
        }
        // Each on its own listener, and nothing else on that of the numbers.
        assert_eq!(wire.ask(Ask::get("/metrics")).await.status, 404);
        assert_eq!(wire.ask(Ask::get("/metrics").key(&tenant.owner_key)).await.status, 404);
        for path in ["/", "/health", "/api/v1/whoami", "/v1/models", "/metrics/x"] {
            assert_eq!(numbers.ask(Ask::get(path).key(&tenant.owner_key)).await.status, 404, "{path}");
        }
        assert_eq!(numbers.ask(Ask::post("/metrics")).await.status, 405);
        assert!(server.stop().await.success());
    });
}
