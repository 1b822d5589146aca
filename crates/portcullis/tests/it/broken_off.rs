//! Whoever sends half a request, and then leaves or falls silent: it is told so or let go within the time that is set, holds
//! nothing that others need, and is on record like any other refusal of a known caller.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::house::process::Process;
use crate::house::{Database, Entry, House, Tenant, run, soon};

/// Longest time for a whole request, as the server is told, in seconds.
const REQUEST_SECONDS: u64 = 2;
/// What a busy machine may add to it before an answer is there, in seconds.
const SLACK_SECONDS: u64 = 8;
/// Senders that are silent at once: more than there are connections to the database.
const SILENT: usize = 24;

/// A route that takes a body, and what is known of a refusal there.
struct Route {
    path: &'static str,
    body: &'static str,
    action: &'static str,
    kind: &'static str,
}

const ROUTES: [Route; 2] = [
    Route {
        path: "/v1/chat/completions",
        body: r#"{"model":"loopback-echo","messages":[{"role":"user","content":"zebrafinch"}]}"#,
        action: "models.call",
        kind: "llm.call.outcome",
    },
    Route {
        path: "/api/v1/projects",
        body: r#"{"name":"zebrafinch"}"#,
        action: "project.create",
        kind: "access.denied",
    },
];

/// How the length of a body is told.
#[derive(Clone, Copy, Debug)]
enum Framing {
    Length,
    Chunks,
}

struct Place {
    database: Database,
    tenant: Tenant,
    server: Process,
}

impl Place {
    async fn open(house: &'static House, purpose: &str) -> Self {
        let database = house.database(purpose).await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, purpose).await;
        vault.close();
        let seconds = REQUEST_SECONDS.to_string();
        let server = Process::serve(&database, &[("PORTCULLIS_REQUEST_TIMEOUT_SECONDS", &seconds)]).await;
        Self { database, tenant, server }
    }

    /// A connection that has sent the head of a request and half of its body.
    async fn half(&self, route: &Route, framing: Framing, id: &str) -> TcpStream {
        let address = self.server.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let half = &route.body[..route.body.len() / 2];
        let (header, body) = match framing {
            Framing::Length => (format!("Content-Length: {}", route.body.len()), half.to_owned()),
            Framing::Chunks => {
                ("Transfer-Encoding: chunked".to_owned(), format!("{:x}\r\n{half}\r\n", half.len()))
            }
        };
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nX-Request-Id: {id}\r\n\
             Content-Type: application/json\r\n{header}\r\n\r\n{body}",
            route.path,
            self.tenant.owner_key.expose(),
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        stream
    }

    /// The one entry of a refusal, which holds nothing of what was sent.
    async fn refusal(&self, route: &Route, id: &str) -> Entry {
        let mut entries = self.database.entries_once(id, 1).await;
        assert_eq!(entries.len(), 1, "{}: {entries:?}", route.path);
        let entry = entries.remove(0);
        assert_eq!((&*entry.kind, entry.outcome()), (route.kind, "refused"), "{}", entry.leaf);
        assert_eq!(entry.leaf["action"], route.action, "{}", entry.leaf);
        assert_eq!(entry.tenant, self.tenant.id.to_string());
        assert!(!entry.leaf.to_string().contains("zebra"), "what was sent is in the log: {}", entry.leaf);
        entry
    }

    /// Nothing was done, and the next in the queue is served.
    async fn goes_on(&self) {
        let web = self.server.web(self.tenant.owner_key.expose().to_owned());
        web.chat("loopback", "Hello").await.expect(200);
        let projects = web.get("/api/v1/projects").await.expect(200).text();
        assert!(!projects.contains("zebrafinch"), "{projects}");
    }
}

/// What the server says until it closes the connection, and when it had.
async fn rest(stream: &mut TcpStream) -> (String, Duration) {
    let began = Instant::now();
    let mut said = Vec::new();
    let read = stream.read_to_end(&mut said);
    // A reset after the answer is a close too.
    let _ = soon("the server lets go of the connection", read).await;
    (String::from_utf8_lossy(&said).into_owned(), began.elapsed())
}

fn in_time(took: Duration, what: &str) {
    assert!(took < Duration::from_secs(REQUEST_SECONDS + SLACK_SECONDS), "{what}: {took:?}");
}

#[test]
fn who_falls_silent_amid_a_body_is_told_and_on_record() {
    run(async |house| {
        let place = Place::open(house, "silent").await;
        for route in &ROUTES {
            for framing in [Framing::Length, Framing::Chunks] {
                let what = format!("{} {framing:?}", route.path);
                let id = format!("silent-{}-{framing:?}", route.action);
                let mut stream = place.half(route, framing, &id).await;
                let (said, took) = rest(&mut stream).await;
                in_time(took, &what);
                assert!(took >= Duration::from_secs(REQUEST_SECONDS) / 2, "{what}: {took:?}");
                assert!(said.starts_with("HTTP/1.1 408 "), "{what}: {said}");
                assert!(said.contains("The body did not arrive in time"), "{what}: {said}");
                place.refusal(route, &id).await;
            }
        }
        place.goes_on().await;
        assert!(place.server.stop().await.success());
    });
}

#[test]
fn who_sends_a_byte_now_and_then_gets_no_more_time() {
    run(async |house| {
        let place = Place::open(house, "trickle").await;
        for route in &ROUTES {
            let id = format!("trickle-{}", route.action);
            let mut stream = place.half(route, Framing::Length, &id).await;
            let (mut reading, mut writing) = stream.split();
            let trickle = async {
                // White space in the middle of a string is as good as any byte.
                while writing.write_all(b" ").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
                std::future::pending::<()>().await;
            };
            let began = Instant::now();
            let mut said = Vec::new();
            tokio::select! {
                _ = soon("the server lets go of the connection", reading.read_to_end(&mut said)) => {}
                () = trickle => {}
            }
            in_time(began.elapsed(), route.path);
            let said = String::from_utf8_lossy(&said);
            assert!(said.starts_with("HTTP/1.1 408 "), "{}: {said}", route.path);
            place.refusal(route, &id).await;
        }
        place.goes_on().await;
        assert!(place.server.stop().await.success());
    });
}

#[test]
fn who_leaves_amid_a_body_is_let_go_and_on_record() {
    run(async |house| {
        let place = Place::open(house, "left").await;
        for route in &ROUTES {
            for framing in [Framing::Length, Framing::Chunks] {
                // Says that nothing more comes, and listens.
                let id = format!("half-closed-{}-{framing:?}", route.action);
                let mut stream = place.half(route, framing, &id).await;
                stream.shutdown().await.expect("half closed");
                let (said, took) = rest(&mut stream).await;
                in_time(took, &id);
                assert!(said.is_empty() || said.starts_with("HTTP/1.1 400 "), "{id}: {said}");
                println!("{id}: after {took:?}: {}", said.lines().next().unwrap_or("nothing"));
                place.refusal(route, &id).await;
                // Is gone.
                let id = format!("gone-{}-{framing:?}", route.action);
                drop(place.half(route, framing, &id).await);
                place.refusal(route, &id).await;
            }
        }
        place.goes_on().await;
        assert!(place.server.stop().await.success());
    });
}

#[test]
fn many_who_are_silent_hold_nothing_that_others_need() {
    run(async |house| {
        let place = Place::open(house, "crowd").await;
        let mut crowd = Vec::new();
        for number in 0..SILENT {
            let route = &ROUTES[number % ROUTES.len()];
            crowd.push((route, place.half(route, Framing::Length, &format!("crowd-{number}")).await));
        }
        let began = Instant::now();
        place.goes_on().await;
        let took = began.elapsed();
        assert!(took < Duration::from_secs(REQUEST_SECONDS), "others waited for the silent: {took:?}");
        for (number, (route, mut stream)) in crowd.into_iter().enumerate() {
            let (said, took) = rest(&mut stream).await;
            in_time(took, route.path);
            assert!(said.starts_with("HTTP/1.1 408 "), "{}: {said}", route.path);
            place.refusal(route, &format!("crowd-{number}")).await;
        }
        assert!(place.server.stop().await.success());
    });
}
