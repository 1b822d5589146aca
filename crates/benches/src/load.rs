//! The load: a fixed number of clients, each sending its next request when the last is answered.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What a run did.
pub(crate) struct Driven {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    /// Milliseconds of the median and of the 99th percentile.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// Drives `address` for a while with chat requests of about 250 bytes.
pub(crate) async fn drive(
    address: &str,
    key: &str,
    clients: usize,
    time: Duration,
) -> anyhow::Result<Driven> {
    let body = Bytes::from_static(
        br#"{"model":"bench/bench","messages":[{"role":"system","content":"You are a helpful assistant that answers in one sentence."},{"role":"user","content":"Summarise the meeting notes of last week and name the three most important decisions for the team."}],"temperature":0.2}"#,
    );
    let started = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..clients {
        let (address, key, body) = (address.to_owned(), key.to_owned(), body.clone());
        running.spawn(async move { client(&address, &key, body, started + time).await });
    }
    let mut millis = Vec::new();
    while let Some(times) = running.join_next().await {
        millis.extend(times??);
    }
    millis.sort_by(f64::total_cmp);
    let at = |part: usize| millis.get(millis.len() * part / 100).copied().unwrap_or(f64::NAN);
    Ok(Driven {
        requests: millis.len() as u64,
        seconds: started.elapsed().as_secs_f64(),
        p50: at(50),
        p99: at(99),
    })
}

async fn client(address: &str, key: &str, body: Bytes, until: Instant) -> anyhow::Result<Vec<f64>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut millis = Vec::new();
    while Instant::now() < until {
        let request = Request::post("/v1/chat/completions")
            .header("host", address)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {key}"))
            .body(Full::new(body.clone()))?;
        let sent = Instant::now();
        let response = sender.send_request(request).await.context("no answer")?;
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&answer));
        millis.push(sent.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok(millis)
}
