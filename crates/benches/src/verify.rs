//! Verification of a long log on one core, beside what SHA-256 alone takes for its leaves: part of `bench audit`.

use anyhow::Context as _;
use audit_log::tiles::decode_bundle;
use audit_log::verify::{LogVerifier, Verdict};
use audit_log::{
    Actor, ActorKind, At, Checkpoint, Entry, EntryCore, Frontier, KeyName, Kind, MemoryLog, Outcome,
    SigningKey, export, leaf_hash, sign_checkpoint,
};
use crypto::SystemRng;
use kernel::{EntryId, SystemClock, TenantId};
use serde_json::{Value, json};

use crate::cpu;

/// Rounds; the two take turns and medians are printed.
const ROUNDS: usize = 3;
/// The scheduler accounts in these.
const NANOS_PER_SECOND: f64 = 1e9;

/// An entry like those of calls: about half a kilobyte.
fn leaf(number: u64, tenant: TenantId) -> anyhow::Result<Vec<u8>> {
    let micros = i64::try_from(number)?.saturating_mul(1_000);
    let core = EntryCore {
        id: EntryId::new(&SystemClock, &SystemRng).uuid(),
        at: At::from_unix_micros(1_790_000_000_000_000 + micros)?,
        tenant: tenant.uuid(),
        kind: Kind::new("llm.call.outcome")?,
        actor: Actor::new(ActorKind::Agent, tenant.to_string()).with_key(tenant.to_string()),
        action: "models.call".to_owned(),
        outcome: Outcome::Ok,
        request_id: format!("bench-{number}"),
        policy: "pii@default".to_owned(),
        source: "gateway".to_owned(),
    };
    let entry =
        Entry::builder(core).data("model", "loopback").data("input_tokens", 40).data("output_tokens", 25);
    Ok(entry.data("duration_ms", number % 900).data("cost_usd", "0.000123").build()?.to_leaf()?)
}

/// A published log in memory.
fn published(entries: u64) -> anyhow::Result<(MemoryLog, SigningKey)> {
    let tenant = TenantId::new(&SystemClock, &SystemRng);
    let key = SigningKey::from_seed(KeyName::new("bench.example/log")?, &[1; 32])?;
    let leaves = (0..entries).map(|number| leaf(number, tenant)).collect::<anyhow::Result<Vec<_>>>()?;
    let tree: Frontier = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    let note = sign_checkpoint(&Checkpoint::of(key.verifier().name().clone(), &tree), &key)?;
    let mut log = MemoryLog::default();
    let leaves = leaves.into_iter().map(Ok::<_, std::io::Error>);
    export(&mut log, note.as_bytes(), std::slice::from_ref(key.verifier()), leaves)?;
    Ok((log, key))
}

/// Seconds of a core that something takes on this thread; what others do on the machine meanwhile does not count.
fn seconds_of(work: impl FnOnce()) -> f64 {
    let before = cpu::of_thread();
    work();
    cpu::of_thread().saturating_sub(before) as f64 / NANOS_PER_SECOND
}

/// Hashes every leaf of the log once.
fn hash_alone(log: &MemoryLog) {
    for bundle in log.0.iter().filter(|(path, _)| path.starts_with("tile/entries/")).map(|(_, bytes)| bytes) {
        for leaf in decode_bundle(bundle).flatten() {
            std::hint::black_box(leaf_hash(leaf));
        }
    }
}

/// Entries per second of a whole verification and of the bare hash, both on one core.
pub(crate) fn measure(entries: u64) -> anyhow::Result<Value> {
    let (log, key) = published(entries)?;
    let keys = [key.verifier().clone()];
    let (mut whole, mut bare, mut bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        bare.push(seconds_of(|| hash_alone(&log)));
        let mut report = None;
        whole.push(seconds_of(|| report = Some(LogVerifier::new(&keys).run(&log, &mut |_| {}))));
        let report = report.filter(|report| report.verdict() == Verdict::Intact);
        bytes = report.context("the log of the benchmark is not intact")?.entry_bytes;
    }
    let (whole, bare) = (cpu::median(whole), cpu::median(bare));
    Ok(json!({
        "entries": entries, "bytes_per_entry": bytes as f64 / entries as f64,
        "verified_per_second": entries as f64 / whole, "hashed_per_second": entries as f64 / bare,
        "ratio": bare / whole,
    }))
}

/// One line of the table.
pub(crate) fn print(measured: &Value) {
    let figure = |name: &str| measured[name].as_f64().unwrap_or(f64::NAN);
    println!(
        "\nverification, one core: {:.0} entries of {:.0} bytes, {:.0} verified/s, {:.0} hashed/s by SHA-256 alone, \
         ratio {:.2}",
        figure("entries"),
        figure("bytes_per_entry"),
        figure("verified_per_second"),
        figure("hashed_per_second"),
        figure("ratio"),
    );
}
