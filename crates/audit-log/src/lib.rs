//! A tamper-evident audit log: bytes in, values out, no clock, no network, no database.
//!
//! - [`entry`]: what an audit entry says and its one canonical spelling, the leaf.
//! - [`hash`], [`tree`], [`proof`]: the Merkle tree of RFC 6962 and RFC 9162.
//! - [`note`], [`checkpoint`]: the signed statement of a log's size and root (C2SP signed-note, tlog-checkpoint).
//! - [`cosign`], [`witness`], [`policy`]: what other machines say about a log, and how many of them must say it (C2SP
//!   tlog-cosignature, tlog-witness, tlog-policy).
//! - [`proof_file`]: that one entry stands in a log, as a file (C2SP tlog-proof); [`anchor`]: that a log of logs holds the
//!   head of this one.
//! - [`receipt`]: signed promises that an entry is on record, and holding them against the log.
//! - [`jws`]: signatures over other documents with a log's key, for tools that read JOSE.
//! - [`tiles`], [`mod@export`]: a log as immutable files (C2SP tlog-tiles) that other people's verifiers read.
//! - [`personal`]: values about a person, to which a leaf only commits, so that they can be destroyed.
//! - [`formats`]: entries as JSON Lines, CSV, OCSF and CEF, for people and for security monitors.
//! - [`pruned`]: logs whose beginning was archived, and the entry that says so.
//! - [`source`], [`verify`]: reading such files and finding every entry that is not the one that was signed.

pub mod anchor;
pub mod checkpoint;
pub mod cosign;
pub mod entry;
pub mod export;
pub mod formats;
pub mod hash;
pub mod json;
pub mod jws;
mod lines;
pub mod note;
pub mod personal;
pub mod policy;
pub mod proof;
pub mod proof_file;
pub mod pruned;
pub mod receipt;
pub mod source;
pub mod tiles;
pub mod tree;
pub mod verify;
pub mod witness;

pub use anchor::{ANCHOR_PATH, Anchor};
pub use checkpoint::{Checkpoint, open_checkpoint, sign_checkpoint};
pub use cosign::{Cosignature, Cosigner, CosignerKey};
pub use entry::{Actor, ActorKind, At, Entry, EntryCore, EntryError, EntryParts, Kind, Outcome, Subject};
pub use export::export;
pub use formats::{Event, Format};
pub use hash::{EMPTY_ROOT, Hash, leaf_hash, node_hash};
pub use note::{KeyName, Note, NoteSignature, SigningKey, VerifierKey};
pub use personal::{Disclosure, Disclosures, Shown};
pub use policy::Policy;
pub use proof::{prove_consistency, prove_inclusion, verify_consistency, verify_inclusion};
pub use proof_file::LogProof;
pub use pruned::Pruned;
pub use source::{DirSource, MemoryLog, TileSink, TileSource};
pub use tiles::{ENTRY_BYTES_MAX, TilePath, tiles_for};
pub use tree::Frontier;
pub use verify::{LogVerifier, Report, verify_log};
pub use witness::{AddCheckpoint, Refusal, Seen};

/// Name of the file that holds the signed checkpoint.
pub const CHECKPOINT_PATH: &str = "checkpoint";

#[cfg(test)]
mod testing;
