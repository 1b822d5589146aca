//! Evidence packs: what an audit log shows for the controls of a framework, in an archive that is verified offline.
//!
//! A pack is a range of a log. It holds every entry of the range that speaks to a control of its framework, the hashes of
//! all others, the signed checkpoint, and what follows from them: tables, assessment results, a report. The manifest names
//! every file with its SHA-256 and is signed with the log's own key, so that one public key is all a verifier must know.
//!
//! - [`controls`]: the control map, as data: which kinds of events speak to which control, and how strongly.
//! - [`survey`]: one walk over the range counts and hashes all that follows from the entries.
//! - [`pack`]: the files of a pack, its manifest, and the archive, written as a stream.
//! - [`timestamp`]: what a time-stamping authority is asked about a manifest, and what its answer says.
//! - [`verify`]: reading a pack and naming everything that is not what was signed.
//!
//! Bytes in, values out: the same range, checkpoint and description give the same files, byte for byte.

pub mod controls;
mod digest;
pub mod lines;
mod oscal;
pub mod pack;
mod report;
pub mod survey;
pub mod timestamp;
pub mod verify;

pub use controls::{Control, ControlMap, Framework, Strength};
pub use pack::{Description, PackWriter, Signed};
pub use survey::{Selection, Summary, Survey};
pub use verify::{PackReport, verify_pack};

#[cfg(test)]
mod testing;
