//! What several tests need.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::entry::{Actor, ActorKind, At, Entry, EntryCore, Kind, Outcome};
use crate::hash::{EMPTY_ROOT, Hash, leaf_hash, node_hash};
use crate::note::{KeyName, SigningKey};
use crate::source::MemoryLog;
use crate::{Checkpoint, Frontier, export, sign_checkpoint};

pub(crate) const ORIGIN: &str = "logs.example.com/tenant-1";

/// Folder of the copied vectors.
pub(crate) fn testdata(path: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(path)
}

pub(crate) fn read_json(path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(testdata(path)).unwrap()).unwrap()
}

pub(crate) fn key(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(KeyName::new(name).unwrap(), &[seed; 32]).unwrap()
}

/// The definition of RFC 9162 §2.1.1, word for word and slow.
pub(crate) fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY_ROOT,
        [one] => *one,
        _ => {
            let k = 1 << (leaves.len() - 1).ilog2();
            node_hash(&naive_root(&leaves[..k]), &naive_root(&leaves[k..]))
        }
    }
}

/// Hashes of the leaves "0", "1", …
pub(crate) fn numbered_leaves(count: usize) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(n.to_string().as_bytes())).collect()
}

pub(crate) fn core(n: u128) -> EntryCore {
    EntryCore {
        id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n),
        at: At::from_unix_micros(1_795_000_000_000_000 + i64::try_from(n).unwrap() * 1_000).unwrap(),
        tenant: Uuid::from_u128(7),
        kind: Kind::from_static("llm.call.intent"),
        actor: Actor::new(ActorKind::Agent, "agent-1").with_key("key-1"),
        action: "llm.call".to_owned(),
        outcome: Outcome::Intent,
        request_id: format!("req-{n}"),
        policy: "2026-11-01".to_owned(),
        source: "gateway".to_owned(),
    }
}

pub(crate) fn entry(n: u128) -> Entry {
    let data = json!({"provider": "example", "tokens": 1_234, "prompt_sha256": "00".repeat(32)});
    Entry::builder(core(n)).subject("model", "small-1").data("call", data).build().unwrap()
}

pub(crate) fn entry_leaves(count: u128) -> Vec<Vec<u8>> {
    (0..count).map(|n| entry(n).to_leaf().unwrap()).collect()
}

/// A published log of these leaves.
pub(crate) fn log_of(leaves: &[Vec<u8>], key: &SigningKey) -> MemoryLog {
    let tree: Frontier = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    let note = sign_checkpoint(&Checkpoint::of(key.verifier().name().clone(), &tree), key).unwrap();
    let mut log = MemoryLog::default();
    let leaves = leaves.iter().map(Ok::<_, std::io::Error>);
    export(&mut log, note.as_bytes(), std::slice::from_ref(key.verifier()), leaves).unwrap();
    log
}
