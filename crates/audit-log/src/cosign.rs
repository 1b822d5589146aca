//! Cosignatures, [C2SP tlog-cosignature](https://c2sp.org/tlog-cosignature): a witness says that it saw a checkpoint at
//! a time, and that it continues every checkpoint of that log which the witness saw before.
//!
//! Made and checked here is `cosignature/v1`, Ed25519 (signature type 0x04). Lines of other types are kept and ignored.

use std::fmt;
use std::str::FromStr;

use crate::note::{
    KeyError, KeyName, Note, NoteError, NoteSignature, SigningKey, key_id, parse_vkey, verify_ed25519,
    write_vkey,
};

/// Signature type byte of a timestamped Ed25519 cosignature.
pub const SIGNATURE_COSIGNATURE: u8 = 0x04;

/// Bytes of the time in front of the signature.
const TIME_BYTES: usize = 8;

/// A witness's public key. Its text form is a vkey with the type byte 0x04.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignerKey {
    name: KeyName,
    key_id: u32,
    public: [u8; 32],
}

/// A witness's private key. Has no `Debug`; see [`SigningKey`].
pub struct Cosigner {
    key: SigningKey,
    public: CosignerKey,
}

/// A cosignature that verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cosignature<'k> {
    /// Whose.
    pub key: &'k CosignerKey,
    /// When the witness saw the checkpoint, in seconds since 1970, by the witness's clock.
    pub at: u64,
}

impl CosignerKey {
    /// The key with the id that belongs to it.
    pub fn new(name: KeyName, public: [u8; 32]) -> Self {
        let key_id = key_id(&name, SIGNATURE_COSIGNATURE, &public);
        Self { name, key_id, public }
    }

    /// The witness's name.
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// First four bytes, big-endian, of `SHA-256(name || 0x0A || 0x04 || key)`.
    pub const fn key_id(&self) -> u32 {
        self.key_id
    }

    /// The public key as RFC 8032 encodes it.
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.public
    }

    /// What this key says of a note: nothing, that it saw it at a time, or something forged.
    ///
    /// # Errors
    /// A line of this key that does not verify.
    pub fn verify(&self, note: &Note) -> Result<Option<u64>, CosignError> {
        let own = |line: &&NoteSignature| line.name() == &self.name && line.key_id() == self.key_id;
        let mut newest = None;
        for line in note.signatures().iter().filter(own) {
            let forged = || CosignError::Invalid(self.name.clone());
            let (time, signature) = line.bytes().split_first_chunk::<TIME_BYTES>().ok_or_else(forged)?;
            let at = u64::from_be_bytes(*time);
            let stated = at > 0 && i64::try_from(at).is_ok();
            if !stated || !verify_ed25519(&self.public, message(at, note.text()).as_bytes(), signature) {
                return Err(forged());
            }
            newest = newest.max(Some(at));
        }
        Ok(newest)
    }
}

impl fmt::Display for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_vkey(f, &self.name, self.key_id, SIGNATURE_COSIGNATURE, &self.public)
    }
}

impl FromStr for CosignerKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, public) = parse_vkey(text, SIGNATURE_COSIGNATURE)?;
        Ok(Self::new(name, public))
    }
}

impl Cosigner {
    /// The key that the 32-byte seed of RFC 8032 §5.1.5 stands for. The caller wipes the seed.
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_seed(name.clone(), seed)?;
        let public = CosignerKey::new(name, *key.verifier().public_key());
        Ok(Self { key, public })
    }

    /// The public half.
    pub const fn key(&self) -> &CosignerKey {
        &self.public
    }

    /// Says that `text`, a checkpoint's, was seen `at` this many seconds after 1970. Whoever calls has made sure that
    /// it continues everything cosigned before, and has written down that it was seen.
    pub fn cosign(&self, text: &str, at: u64) -> Result<NoteSignature, KeyError> {
        let signature = self.key.sign_bytes(message(at, text).as_bytes())?;
        let bytes = [at.to_be_bytes().as_slice(), &signature].concat();
        Ok(NoteSignature::new(self.public.name.clone(), self.public.key_id, bytes))
    }
}

/// What is signed: the type, the time and the checkpoint's text.
fn message(at: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {at}\n{text}")
}

/// A cosignature is not what it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CosignError {
    /// A line of a known witness does not verify.
    #[error("the cosignature of {0} does not verify")]
    Invalid(KeyName),
}

/// The valid cosignatures of these witnesses on a note.
///
/// # Errors
/// A line of a known witness that does not verify condemns the note.
pub fn cosignatures<'k>(
    note: &Note,
    known: impl IntoIterator<Item = &'k CosignerKey>,
) -> Result<Vec<Cosignature<'k>>, CosignError> {
    let mut found = Vec::new();
    for key in known {
        found.extend(key.verify(note)?.map(|at| Cosignature { key, at }));
    }
    Ok(found)
}

/// The signature lines of a witness's answer, each a line of a note's signature block.
///
/// # Errors
/// Anything but at least one well-formed line.
pub fn parse_lines(answer: &[u8]) -> Result<Vec<NoteSignature>, NoteError> {
    // A note of any text has the same block: its reader is the only one there is. It looks for the last blank line.
    if answer.starts_with(b"\n") || answer.windows(2).any(|pair| pair == b"\n\n") {
        return Err(NoteError::Structure);
    }
    let block = [b"-\n\n".as_slice(), answer].concat();
    Ok(Note::parse(&block)?.signatures().to_vec())
}

#[cfg(test)]
mod tests;
