//! Measures how fast a log is written and verified in memory, per second of one core's time.
//!
//! `cargo run --release -p audit-log --example throughput [entries]`. Hashing alone is timed beside it as the yardstick.

use std::error::Error;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use audit_log::entry::EntryBuilder;
use audit_log::{
    Actor, ActorKind, At, Checkpoint, Entry, EntryCore, Frontier, KeyName, Kind, MemoryLog, Outcome,
    SigningKey, export, leaf_hash, sign_checkpoint, verify_log,
};
use uuid::Uuid;

const ENTRIES: u32 = 1_000_000;

fn entry(n: u32) -> Result<EntryBuilder, Box<dyn Error>> {
    let core = EntryCore {
        id: Uuid::from_u128(u128::from(n) << 64 | 7),
        at: At::from_unix_micros(1_795_000_000_000_000 + i64::from(n))?,
        tenant: Uuid::from_u128(7),
        kind: Kind::from_static("llm.call.intent"),
        actor: Actor::new(ActorKind::Agent, "01900000-0000-7000-8000-000000000001").with_key("key-1"),
        action: "llm.call".to_owned(),
        outcome: Outcome::Intent,
        request_id: format!("req-{n:026}"),
        policy: "2026-11-01".to_owned(),
        source: "gateway".to_owned(),
    };
    let builder = Entry::builder(core).subject("model", "small-1").data("provider", "example");
    Ok(builder.data("tokens", n % 4_096).data("prompt_sha256", "5a".repeat(32)))
}

/// Seconds this thread has run. Where the system does not tell, wall time, which other load makes longer.
fn seconds(since: Instant) -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let on_cpu = stat.and_then(|stat| stat.split(' ').next()?.parse().ok());
    on_cpu.map_or_else(|| since.elapsed(), Duration::from_nanos).as_secs_f64()
}

fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args().nth(1).map_or(Ok(ENTRIES), |count| count.parse())?;
    let mut out = io::stdout().lock();
    let began = Instant::now();
    let mut timed = |what: &str, start: f64| {
        writeln!(out, "{what:<28}{:>12.0} entries/s", f64::from(count) / (seconds(began) - start))
    };

    let start = seconds(began);
    let leaves =
        (0..count).map(|n| Ok(entry(n)?.build()?.to_leaf()?)).collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    timed("build and encode", start)?;

    let start = seconds(began);
    let tree: Frontier = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    timed("leaf hash and append", start)?;

    let key = SigningKey::from_seed(KeyName::new("logs.example.com/throughput")?, &[1; 32])?;
    let note = sign_checkpoint(&Checkpoint::of(key.verifier().name().clone(), &tree), &key)?;
    let keys = [key.verifier().clone()];
    let mut log = MemoryLog::default();
    let start = seconds(began);
    export(&mut log, note.as_bytes(), &keys, leaves.iter().map(Ok::<_, io::Error>))?;
    timed("export", start)?;

    let start = seconds(began);
    let report = verify_log(&log, &keys, |_| {});
    timed("verify", start)?;
    writeln!(
        out,
        "verdict {:?}, {} bytes an entry",
        report.verdict(),
        report.entry_bytes / u64::from(count.max(1))
    )?;
    Ok(())
}
