//! What the server tells its operator: traces and numbers at a collector, numbers for Prometheus, a log of JSON lines.
//! All of it tells of every request, and none of it what people and models said to each other.

pub(crate) mod collector;
mod log;
mod numbers;

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::json;

use crate::house::process::Process;
use crate::house::{Answer, Ask, Tenant, Wire};

/// What stands in the prompt, beside secrets.
const WORDS: &str = "violet submarine";
/// Secrets of a prompt: an address, a card number, a key of a cloud provider that opens nothing.
const SECRETS: [&str; 3] = ["jane.roe@example.com", "4111 1111 1111 1111", "AKIAIOSFODNN7EXAMPLE"];
/// A password that is wrong, and the address it is tried for.
const PASSWORD: &str = "seven-grey-lanterns-drift";
const ADDRESS: &str = "nobody.here@example.org";
/// What somebody put into a URL, where it does not belong.
const IN_QUERY: &str = "token-in-a-query-5512";
/// A key that is none of ours and looks like one.
const WRONG_KEY: &str = "pcl_live_0123456789012345678901234567890123456789012345678";

/// Everything that must be nowhere.
fn forbidden(tenant: &Tenant) -> Vec<String> {
    let keys = [tenant.agent_key.expose(), tenant.owner_key.expose()];
    let all = [WORDS, PASSWORD, ADDRESS, IN_QUERY, WRONG_KEY].into_iter().chain(SECRETS).chain(keys);
    all.map(str::to_owned).collect()
}

fn prompt(stream: bool) -> String {
    let text = format!("The {WORDS} of {}, {} and {}", SECRETS[0], SECRETS[1], SECRETS[2]);
    json!({"model": "loopback-echo", "stream": stream, "messages": [{"role": "user", "content": text}]})
        .to_string()
}

/// A free port of this machine, for a moment.
pub(crate) fn free() -> SocketAddr {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its number")
}

pub(crate) fn address(server: &Process) -> SocketAddr {
    let port = server.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    (Ipv4Addr::LOCALHOST, port).into()
}

/// One of each: a call, a streamed call, a wrong key, a wrong password, a secret in a URL. The ids they went by.
async fn one_of_each(wire: &Wire, tenant: &Tenant, traceparent: &str) -> Vec<String> {
    let sign_in = json!({"address": ADDRESS, "password": PASSWORD}).to_string();
    let asks = [
        (Ask::chat(prompt(false)).key(&tenant.agent_key).header("traceparent", traceparent), 200),
        (Ask::chat(prompt(true)).key(&tenant.agent_key), 200),
        (Ask::chat(prompt(false)).bearer(WRONG_KEY), 401),
        (Ask::post("/api/v1/auth/sign-in").json(sign_in), 401),
        (Ask::get(format!("/api/v1/projects?after={IN_QUERY}")).key(&tenant.owner_key), 0),
    ];
    let mut ids = Vec::new();
    for (ask, status) in asks {
        let (id, what) = (wire.request_id(), format!("{ask:?}"));
        let answer: Answer = wire.ask(ask.header("x-request-id", &id)).await;
        assert!(status == 0 || answer.status == status, "{what}: {} {}", answer.status, answer.text());
        ids.push(id);
    }
    ids
}
