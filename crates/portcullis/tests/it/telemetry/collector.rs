//! Traces and metrics over OTLP/HTTP, at a collector that decodes them with OpenTelemetry's own definitions.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::Command;

use super::{address, forbidden, free, one_of_each};
use crate::house::process::{Folder, Process};
use crate::house::{Ask, Tenant, Wire, run};
use crate::sdks::{script, virtual_environment};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
/// Of a caller who does not want to be traced.
const UNSAMPLED: &str = "5bf92f3577b34da6a3ce929d0e0e4736";
/// Longest time a server may take to stop whose collector does not answer, in seconds: it gives each export five.
const STOP_SECONDS_MAX: u64 = 20;

pub(crate) async fn collector(folder: &Folder) -> Process {
    let venv = virtual_environment("telemetry", Path::new("python3"), "requirements-telemetry.txt").await;
    let mut command = Command::new(venv.join("bin/python"));
    command.arg(script("otlp.py")).arg(folder.path());
    Process::start(command, true).await
}

fn received(folder: &Folder) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.path().join("received")).expect("something was received");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The data points of a metric, over all exports.
fn points(requests: &[Value], name: &str) -> Vec<Value> {
    let scopes = requests.iter().flat_map(|request| items(&request["message"]["resourceMetrics"]));
    let metrics =
        scopes.flat_map(|resource| items(&resource["scopeMetrics"])).flat_map(|s| items(&s["metrics"]));
    let named = metrics.filter(|metric| metric["name"] == name);
    named
        .flat_map(|metric| {
            let of = |kind: &str| items(&metric[kind]["dataPoints"]).collect::<Vec<_>>();
            [of("sum"), of("histogram")].concat()
        })
        .collect()
}

fn items(value: &Value) -> impl Iterator<Item = Value> + use<> {
    value.as_array().cloned().unwrap_or_default().into_iter()
}

#[test]
fn spans_arrive_under_the_callers_trace_and_carry_no_words() {
    run(async |house| {
        let folder = Folder::new("otlp");
        let collector = collector(&folder).await;
        let database = house.database("otlp").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "otlp").await;
        vault.close();
        let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url), ("PORTCULLIS_LOG", "debug")];
        let server = Process::serve(&database, &env).await;
        let wire = Wire::to(address(&server));
        let ids = one_of_each(&wire, &tenant, &format!("00-{TRACE}-{SPAN}-01")).await;
        let quiet = Ask::get("/v1/models").key(&tenant.agent_key);
        let quiet = wire.ask(quiet.header("traceparent", &format!("00-{UNSAMPLED}-{SPAN}-00"))).await;
        assert_eq!(quiet.status, 200);
        let own = wire.ask(Ask::get("/v1/models").key(&tenant.agent_key)).await;
        let own = own.header("traceparent").split('-').nth(1).expect("a trace id").to_owned();
        assert!(server.stop().await.success());

        let requests = received(&folder);
        assert!(requests.iter().all(|request| request.get("message").is_some()), "{requests:?}");
        let spans: Vec<Value> = requests.iter().flat_map(|request| items(&request["spans"])).collect();
        let of = |trace: &str| spans.iter().filter(|span| span["trace"] == trace).collect::<Vec<_>>();
        let [call] = of(TRACE)[..] else { panic!("one span for the call: {spans:?}") };
        assert_eq!((&call["parent"], &call["service"]), (&SPAN.into(), &"portcullis".into()), "{call}");
        assert!(call["span"] != SPAN && call["ended"] == true, "{call}");
        let about = &call["attributes"];
        assert_eq!(about["request_id"], *ids[0], "{about}");
        assert_eq!(
            (&about["route"], &about["method"]),
            (&"/v1/chat/completions".into(), &"POST".into()),
            "{about}"
        );
        assert_eq!((&about["status"], &about["face"]), (&"200".into(), &"gateway".into()), "{about}");
        assert!(of(UNSAMPLED).is_empty(), "the caller did not want this recorded");
        assert_eq!(of(&own).len(), 1, "a request without a trace is in that which its answer names");
        // In the log it is the same trace.
        let entries = database.entries(&ids[0]).await;
        assert!(entries.iter().all(|entry| entry.leaf["trace_id"] == TRACE), "{entries:?}");

        let counted = points(&requests, "portcullis.http.requests");
        let total: u64 =
            counted.iter().filter_map(|point| point["asInt"].as_str()?.parse::<u64>().ok()).sum();
        assert!(total >= 7, "{total} requests in {counted:?}");
        assert!(!points(&requests, "http.server.request.duration").is_empty(), "{requests:?}");
        let all = std::fs::read_to_string(folder.path().join("received")).expect("received");
        for word in forbidden(&tenant) {
            assert!(!all.contains(&word), "{word} was told to the collector");
        }
    });
}

#[test]
fn a_collector_that_is_not_there_holds_nobody_up() {
    run(async |house| {
        let database = house.database("otlp_gone").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "otlp").await;
        vault.close();
        let gone = format!("http://{}", free());
        let server = Process::serve(&database, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &gone)]).await;
        let web = server.web(tenant.agent_key.expose().to_owned());
        web.chat("loopback", "Hello").await.expect(200);
        let stopping = Instant::now();
        assert!(server.stop().await.success());
        assert!(stopping.elapsed() < Duration::from_secs(STOP_SECONDS_MAX), "{:?}", stopping.elapsed());
        database.verified().await.exited(0);
    });
}
