//! The load: connections that each send one request after another, and do nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What a run measured.
pub(crate) struct Measured {
    pub(crate) requests: usize,
    pub(crate) wall: Duration,
    /// Ascending.
    latencies: Vec<Duration>,
}

impl Measured {
    /// The latency that `percent` of the requests stayed within.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let at = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(at).copied().unwrap_or_default()
    }

    pub(crate) fn per_second(&self) -> u64 {
        let micros = self.wall.as_micros().max(1);
        u64::try_from(self.requests as u128 * 1_000_000 / micros).unwrap_or(u64::MAX)
    }
}

/// Sends `requests` requests made by `make` (which gets the number of each) over `clients` connections. Anything but a
/// 2xx answer ends the run.
pub(crate) async fn run(
    server: SocketAddr,
    clients: usize,
    requests: usize,
    make: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
) -> Result<Measured> {
    let (next, make) = (Arc::new(AtomicUsize::new(0)), Arc::new(make));
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let (next, make) = (Arc::clone(&next), Arc::clone(&make));
        tasks.spawn(async move {
            let mut connection = Connection::open(server).await?;
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= requests {
                    return anyhow::Ok(latencies);
                }
                let request = make(number);
                let sent = Instant::now();
                connection.ask(&request).await?;
                latencies.push(sent.elapsed());
            }
        });
    }
    let mut latencies = Vec::with_capacity(requests);
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
    }
    let wall = begun.elapsed();
    latencies.sort_unstable();
    Ok(Measured { requests, wall, latencies })
}

/// An HTTP request as bytes.
pub(crate) fn request(method: &str, path: &str, key: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Connection {
    async fn open(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: BytesMut::with_capacity(8192) })
    }

    /// Sends a request and reads its answer, which must have a length.
    async fn ask(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request).await?;
        let head = loop {
            if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await?;
        };
        let text = &self.buffer[..head];
        let good = text.get(9..10) == Some(b"2");
        let Some(length) = body_length(text) else { bail!("an answer without a length") };
        while self.buffer.len() < head + length {
            self.more().await?;
        }
        ensure!(good, "an answer that is no success: {}", String::from_utf8_lossy(&self.buffer));
        self.buffer.advance(head + length);
        Ok(())
    }

    async fn more(&mut self) -> Result<()> {
        ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server closed the connection");
        Ok(())
    }
}

/// The value of `content-length` in a head.
pub(crate) fn body_length(head: &[u8]) -> Option<usize> {
    let head = std::str::from_utf8(head).ok()?;
    head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") { value.trim().parse().ok() } else { None }
    })
}
