//! The served program, asked over connections that stay.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::world::{Case, HOT, MODEL, World};

/// Tuples of one write.
const WRITE_TUPLES: usize = 100;

/// A store of the server.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) address: String,
    pub(super) key: String,
    store: String,
}

/// One connection.
struct Line {
    sender: SendRequest<Full<Bytes>>,
    served: Served,
}

impl Line {
    async fn open(served: &Served) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(&served.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, served: served.clone() })
    }

    async fn post(&mut self, path: &str, body: Bytes) -> anyhow::Result<Bytes> {
        let request = Request::post(path)
            .header("host", &self.served.address)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.served.key))
            .body(Full::new(body))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await.context("no answer")?;
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        ensure!(status.is_success(), "{path}: {status}: {}", String::from_utf8_lossy(&answer));
        Ok(answer)
    }

    async fn json(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.post(path, Bytes::from(body.to_string())).await?)?)
    }
}

impl Served {
    /// Makes the store, its model and its tuples.
    pub(super) async fn prepare(address: String, key: String, world: &World) -> anyhow::Result<Self> {
        let nowhere = Self { address, key, store: String::new() };
        let mut line = Line::open(&nowhere).await?;
        let made = line.json("/fga/stores", &json!({ "name": "bench" })).await?;
        let store = format!("/fga/stores/{}", made["id"].as_str().context("no id")?);
        let model = serde_json::to_value(authz::parse_and_validate(MODEL)?)?;
        line.json(&format!("{store}/authorization-models"), &model).await?;
        for some in world.tuples.chunks(WRITE_TUPLES) {
            let tuples: Vec<Value> = (some.iter())
                .map(|(user, relation, object)| json!({ "user": user, "relation": relation, "object": object }))
                .collect();
            let body = json!({ "writes": { "tuple_keys": tuples } });
            line.json(&format!("{store}/write"), &body).await?;
        }
        Ok(Self { store, ..nowhere })
    }

    /// How many of the first questions are answered with yes.
    pub(super) async fn allowed(&self, case: &Case, compared: usize) -> anyhow::Result<u64> {
        let mut line = Line::open(self).await?;
        let (path, mut allowed) = (format!("{}/check", self.store), 0);
        for body in bodies(case).into_iter().take(compared) {
            let answer: Value = serde_json::from_slice(&line.post(&path, body).await?)?;
            allowed += u64::from(answer["allowed"] == true);
        }
        Ok(allowed)
    }

    /// The time of each check, in milliseconds and sorted, of so many clients that each ask when they were answered.
    pub(super) async fn drive(
        &self,
        case: &Case,
        clients: usize,
        time: Duration,
    ) -> anyhow::Result<Vec<f64>> {
        let (path, bodies) = (format!("{}/check", self.store), bodies(case));
        let mut running = JoinSet::new();
        let until = Instant::now() + time;
        for client in 0..clients {
            let (path, bodies, mut line) = (path.clone(), bodies.clone(), Line::open(self).await?);
            running.spawn(async move {
                let mut millis = Vec::new();
                for body in bodies.iter().cycle().skip(client).step_by(clients) {
                    let sent = Instant::now();
                    if sent >= until {
                        break;
                    }
                    line.post(&path, body.clone()).await?;
                    millis.push(sent.elapsed().as_secs_f64() * 1_000.0);
                }
                anyhow::Ok(millis)
            });
        }
        let mut all = Vec::new();
        while let Some(millis) = running.join_next().await {
            all.extend(millis??);
        }
        all.sort_by(f64::total_cmp);
        Ok(all)
    }

    /// Streams what the hot subject can read: how many objects, and how long it took in milliseconds.
    pub(super) async fn list(&self) -> anyhow::Result<(usize, f64)> {
        let mut line = Line::open(self).await?;
        let body = json!({ "user": HOT, "relation": "can_read", "type": "document" });
        let started = Instant::now();
        let path = format!("{}/streamed-list-objects", self.store);
        let answer = line.post(&path, Bytes::from(body.to_string())).await?;
        let millis = started.elapsed().as_secs_f64() * 1_000.0;
        Ok((answer.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count(), millis))
    }
}

fn bodies(case: &Case) -> Vec<Bytes> {
    let relation = case.relation;
    let body = |(user, object): &(String, String)| {
        Bytes::from(
            json!({ "tuple_key": { "user": user, "relation": relation, "object": object } }).to_string(),
        )
    };
    case.questions.iter().map(body).collect()
}
