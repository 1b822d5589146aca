//! CPU per request with all five gates on, beside the upstream itself and a proxy that only forwards.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;

use crate::cpu::Cpu;
use crate::load::{self, Measured, request};
use crate::process::{own, start};
use crate::product::Product;

const CLIENTS: usize = 16;
const WARM_UP_REQUESTS: usize = 1_000;
const REQUESTS: usize = 6_000;
/// Rounds, interleaved, so that what else happens on the machine falls on all alike.
const ROUNDS: usize = 3;
/// About 250 bytes, as chats begin.
const PROMPT: &str = "Summarize in two sentences why write-ahead logging lets a database recover after a crash, what \
    it costs on every commit, and how group commit brings that cost down when many clients write at once on the same \
    machine. Then name one case in which it does not help at all.";

/// Something that answers chat requests.
struct Contestant {
    name: &'static str,
    pid: u32,
    address: SocketAddr,
    request: Vec<u8>,
    rounds: Vec<(Measured, Cpu)>,
}

impl Contestant {
    fn new(name: &'static str, pid: u32, address: SocketAddr, key: &str, model: &str) -> Self {
        let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"{PROMPT}"}}]}}"#);
        let request = request("POST", "/v1/chat/completions", key, &body);
        Self { name, pid, address, request, rounds: Vec::new() }
    }

    async fn run(&self, requests: usize) -> Result<Measured> {
        let request = self.request.clone();
        load::run(self.address, CLIENTS, requests, move |_| request.clone()).await
    }

    async fn round(&mut self) -> Result<()> {
        let before = Cpu::of(self.pid)?;
        let measured = self.run(REQUESTS).await?;
        self.rounds.push((measured, Cpu::of(self.pid)?.since(before)));
        Ok(())
    }

    /// The median over the rounds.
    fn median(&self, of: impl Fn(&(Measured, Cpu)) -> u64) -> u64 {
        let mut values: Vec<u64> = self.rounds.iter().map(of).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or_default()
    }

    fn own_nanos(&self) -> u64 {
        self.median(|(_, cpu)| per_request(cpu.own))
    }
}

/// Nanoseconds of CPU for one request.
fn per_request(cpu: Duration) -> u64 {
    u64::try_from(cpu.as_nanos() / REQUESTS as u128).unwrap_or(u64::MAX)
}

/// Measures and prints the table.
pub(crate) async fn run() -> Result<()> {
    let upstream = start(own(&["upstream"], false)?).await?;
    let proxy = start(own(&["proxy", &upstream.line], true)?).await?;
    let product = Product::start(Some(&upstream.line)).await?;
    let mut contestants = [
        Contestant::new("the upstream itself", upstream.pid()?, upstream.line.parse()?, "none", "fixed"),
        Contestant::new("a proxy that only forwards", proxy.pid()?, proxy.line.parse()?, "none", "fixed"),
        Contestant::new(
            "portcullis, all gates",
            product.pid()?,
            product.address,
            &product.key,
            "bench/fixed",
        ),
    ];
    for contestant in &contestants {
        contestant.run(WARM_UP_REQUESTS).await?;
    }
    for _ in 0..ROUNDS {
        for contestant in &mut contestants {
            contestant.round().await?;
        }
    }
    print(&contestants);
    product.stop().await
}

fn print(contestants: &[Contestant; 3]) {
    let [_, proxy, _] = contestants;
    println!(
        "gateway: {CLIENTS} connections, {} B prompt, {REQUESTS} requests a round, median of {ROUNDS} rounds",
        PROMPT.len()
    );
    println!(
        "{:<28} {:>12} {:>9} {:>13} {:>8} {:>9} {:>9}",
        "", "CPU µs/req", "x proxy", "children µs", "req/s", "p50 µs", "p99 µs"
    );
    let yardstick = proxy.own_nanos().max(1);
    for contestant in contestants {
        let own = contestant.own_nanos();
        println!(
            "{:<28} {:>12} {:>9} {:>13} {:>8} {:>9} {:>9}",
            contestant.name,
            tenths(own / 100),
            tenths(own * 10 / yardstick),
            tenths(contestant.median(|(_, cpu)| per_request(cpu.below)) / 100),
            contestant.median(|(measured, _)| measured.per_second()),
            contestant.median(|(measured, _)| micros(measured.percentile(50))),
            contestant.median(|(measured, _)| micros(measured.percentile(99))),
        );
    }
    println!(
        "children: PostgreSQL, which commits two entries for each call. Aim: at most 3 times the proxy."
    );
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A number of tenths as a decimal.
fn tenths(count: u64) -> String {
    format!("{}.{}", count / 10, count % 10)
}
