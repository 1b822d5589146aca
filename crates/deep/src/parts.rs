//! The files the model consists of, each known by its hash.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};

/// One file of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is called where it is kept.
    pub name: &'static str,
    /// How many bytes it has; no more are ever read.
    pub bytes: u64,
    /// Its SHA-256, in lower-case hexadecimal.
    pub sha256: &'static str,
}

/// The network: weights of four bits in ONNX's form.
const NETWORK: Part = Part {
    name: "model_q4.onnx",
    bytes: 14_693_379,
    sha256: "9f27d24949b0581701071ea5ef522d77ccd3f50c525cc91eac4d265b0fc2afe5",
};
/// The word pieces, one a line.
const VOCABULARY: Part = Part {
    name: "vocab.txt",
    bytes: 134_750,
    sha256: "0fbe6b50061feabb9be68af471e9aa6df07a4bc428bdca4b0eff1fcd3612dee5",
};
/// Under what it may be used and passed on.
const LICENCE: Part = Part {
    name: "LICENSE",
    bytes: 18_897,
    sha256: "57fec6ca5de5e18ced1a10b36c87c0988fdc170f03f73e8ae2f20f5de42a884e",
};

/// Every file: the network, the word pieces, the licence. The licence stays with the others, as it asks.
pub const PARTS: [Part; 3] = [NETWORK, VOCABULARY, LICENCE];

/// Who made it and under which licence: to be shown where it is fetched and used.
pub const ATTRIBUTION: &str = "Rampart: Client-side PII redaction for AI assistants, by National Design Studio, \
    copyright 2026 National Design Studio, licensed under CC BY 4.0 \
    (https://creativecommons.org/licenses/by/4.0/), unmodified.";

/// A file is not the pinned one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is not the pinned file: its SHA-256 is {found}, expected {expected}")]
pub struct WrongPart {
    /// Which.
    pub name: &'static str,
    /// Its hash.
    pub found: String,
    /// The pinned hash.
    pub expected: &'static str,
}

impl Part {
    /// Whether these are its bytes.
    ///
    /// # Errors
    /// [`WrongPart`].
    pub fn check(&self, bytes: &[u8]) -> Result<(), WrongPart> {
        let hash = digest(&SHA256, bytes);
        let found = hash.as_ref().iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        if found == self.sha256 {
            Ok(())
        } else {
            Err(WrongPart { name: self.name, found, expected: self.sha256 })
        }
    }
}
