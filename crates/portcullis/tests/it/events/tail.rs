use std::time::{Duration, Instant};

use http::Method;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::{Stage, entry_of};
use crate::house::process::Process;
use crate::house::web::Web;
use crate::house::{run, soon};

const PATH: &str = "/api/v1/audit/tail";

/// A listener as a browser would be one.
struct Listener {
    body: Incoming,
    begun: String,
    id: i64,
}

impl Listener {
    async fn open(web: &Web, query: &str) -> Self {
        let response = web.open(Method::GET, &format!("{PATH}?{query}"), None).await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut listener = Self { body: response.into_body(), begun: String::new(), id: i64::MIN };
        // The first thing said is where one stands.
        assert_eq!(listener.next().await, Some((None, None)));
        listener
    }

    /// The next event: its name and its data. `None` at the end.
    async fn next(&mut self) -> Option<(Option<String>, Option<String>)> {
        loop {
            if let Some((event, rest)) = self.begun.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.begun = rest;
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(|value| value.trim().to_owned())
                };
                if let Some(id) = field("id:") {
                    self.id = id.parse().expect("an id is an index");
                }
                return Some((field("event:"), field("data:")));
            }
            let frame = soon("something is said", self.body.frame()).await?.ok()?;
            let data = frame.into_data().expect("data");
            self.begun.push_str(std::str::from_utf8(&data).expect("text"));
        }
    }

    /// The entry of the next event.
    async fn entry(&mut self) -> Vec<u8> {
        loop {
            let (name, data) = self.next().await.expect("it goes on");
            assert_eq!(name, None, "{data:?}");
            let Some(line) = data else { continue };
            let (index, entry) = entry_of(&line);
            assert_eq!(self.id, i64::try_from(index).expect("small"));
            return entry.to_vec();
        }
    }
}

#[test]
fn a_listener_who_comes_and_goes_misses_nothing_and_gets_nothing_twice() {
    run(async |house| {
        let stage = Stage::build(house, "tail_resumed", &[]).await;
        let web = stage.web();
        let begun = stage.settled().await.len();
        let mut listener = Listener::open(&web, "").await;
        let from = usize::try_from(listener.id + 1).expect("an index");
        assert!(from >= begun, "it begins now: {from} {begun}");
        let (mut heard, all) = (Vec::new(), from + 60);
        let ((), ()) = tokio::join!(stage.grow(60), async {
            while from + heard.len() < all {
                heard.push(listener.entry().await);
                // Every now and then the connection breaks, after an event or within one.
                if heard.len() % 7 == 0 {
                    let last = listener.id;
                    listener = Listener::open(&web, &format!("after={last}")).await;
                    assert_eq!(listener.id, last);
                }
            }
        });
        let stored = stage.settled().await;
        assert_eq!(heard[..], stored[from..from + heard.len()]);
        // Being cut off is told by the header too, as browsers do.
        let listed =
            web.get(&format!("{PATH}?seconds=0&after={}", stored.len() - 2)).await.expect(200).text();
        assert!(listed.contains(&format!("\nid: {}\ndata: ", stored.len() - 1)), "{listed}");
        assert!(listed.ends_with("event: end\ndata: over\n\n"), "{listed}");
    });
}

#[test]
fn what_is_not_sought_is_not_heard() {
    run(async |house| {
        let stage = Stage::build(house, "tail_narrow", &[]).await;
        let web = stage.web();
        let mut listener = Listener::open(&web, "kind=agent.*&format=jsonl").await;
        stage.grow(5).await;
        web.post("/api/v1/agents", &serde_json::json!({"name": "heard"})).await.expect(201);
        let entry = String::from_utf8(listener.entry().await).expect("text");
        assert!(entry.contains("\"kind\":\"agent.created\""), "{entry}");
        for bad in ["format=xml", "seconds=3601", "seconds=x", "after=x", "kind=nothing"] {
            assert_eq!(web.get(&format!("{PATH}?{bad}")).await.status, 422, "{bad}");
        }
    });
}

#[test]
fn it_ends_with_the_key() {
    run(async |house| {
        let stage = Stage::build(house, "tail_revoked", &[]).await;
        let web = stage.web();
        let body = serde_json::json!({"name": "listener", "role": "admin"});
        let made = web.post("/api/v1/keys", &body).await.expect(201).json();
        let text = |name: &str| made[name].as_str().expect("text").to_owned();
        let id = made["key"]["id"].as_str().or(made["id"].as_str()).expect("an id").to_owned();
        let reader = stage.server.web(text("secret"));
        let mut listener = Listener::open(&reader, "after=-1").await;
        let mut other = Listener::open(&web, "").await;
        web.delete(&format!("/api/v1/keys/{id}")).await.expect(204);
        let revoked = Instant::now();
        let last = loop {
            match listener.next().await {
                Some((Some(name), word)) => break (name, word),
                Some(_) => {}
                None => panic!("it ended without a word"),
            }
        };
        assert_eq!(last, ("end".to_owned(), Some("unauthenticated".to_owned())));
        assert_eq!(listener.next().await, None);
        // A second, and what a busy machine adds to it.
        assert!(revoked.elapsed() < Duration::from_secs(5), "{:?}", revoked.elapsed());
        // The end is on record, and the other listener hears of it.
        loop {
            let entry = String::from_utf8(other.entry().await).expect("text");
            if entry.contains("AUTH_FAILURE") {
                assert!(entry.contains("revoked"), "{entry}");
                break;
            }
        }
        assert_eq!(reader.get(&format!("{PATH}?seconds=0")).await.status, 401);
    });
}

#[test]
fn an_organization_has_so_many_listeners_and_no_more() {
    run(async |house| {
        let stage = Stage::build(house, "tail_many", &[]).await;
        let web = stage.web();
        let mut listeners = Vec::new();
        for _ in 0..16 {
            listeners.push(Listener::open(&web, "").await);
        }
        let refused = web.get(PATH).await.expect(429);
        assert!(!refused.header("retry-after").is_empty());
        listeners.truncate(8);
        let again = async {
            while web.get(&format!("{PATH}?seconds=0")).await.status != 200 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        soon("those who went make room", again).await;
        stage.grow(1).await;
        for listener in &mut listeners {
            listener.entry().await;
        }
    });
}

#[test]
fn listeners_do_not_keep_a_server_from_stopping() {
    run(async |house| {
        let Stage { server, key, .. } = Stage::build(house, "tail_stop", &[]).await;
        let web = server.web(key);
        let mut listener = Listener::open(&web, "").await;
        let begun = Instant::now();
        let stopped = tokio::spawn(Process::stop(server));
        let last = loop {
            match listener.next().await {
                Some((Some(name), word)) => break (name, word),
                Some(_) => {}
                None => panic!("it ended without a word"),
            }
        };
        assert_eq!(last, ("end".to_owned(), Some("restarting".to_owned())));
        assert!(stopped.await.expect("no panic").success());
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    });
}
