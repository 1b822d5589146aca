//! Signed notes, [C2SP signed-note](https://c2sp.org/signed-note): a text and one or more signature lines.
//!
//! Only Ed25519 (signature type 0x01) is made and checked here. Lines of other types and of unknown keys are
//! kept as they are, so that a witness's cosignature or a second algorithm's line survives.

mod key;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use key::{KEY_NAME_BYTES_MAX, KeyError, KeyName, SIGNATURE_ED25519, SigningKey, VerifierKey};
pub(crate) use key::{key_id, parse_vkey, verify_ed25519, write_vkey};

/// Longest note that is read: room for [`NOTE_SIGNATURES_MAX`] post-quantum signatures.
pub const NOTE_BYTES_MAX: usize = 256 * 1_024;

/// Most signature lines of one note; the specification asks for at least 16.
pub const NOTE_SIGNATURES_MAX: usize = 32;

/// Bytes of the key id in front of every signature.
const KEY_ID_BYTES: usize = 4;

const SEPARATOR: &str = "\n\n";
const LINE_PREFIX: &str = "\u{2014} ";

/// A note that parsed. Nothing is known about its text until [`Note::verify`] says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line: who claims to have signed, and the signature's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: KeyName,
    key_id: u32,
    bytes: Vec<u8>,
}

/// The bytes are not a signed note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`NOTE_BYTES_MAX`].
    #[error("a note of {0} bytes is beyond the limit")]
    TooLong(usize),
    /// More than [`NOTE_SIGNATURES_MAX`] signature lines.
    #[error("the note has too many signature lines")]
    TooManySignatures,
    /// Not UTF-8.
    #[error("the note is not valid UTF-8")]
    Utf8,
    /// A control character other than newline.
    #[error("the note holds a control character")]
    Control,
    /// No blank line between the text and the signatures, or a text without a final newline.
    #[error("the note has no signature block after a blank line")]
    Structure,
    /// A line of the signature block is not `— name base64`.
    #[error("line {0} of the signature block is malformed")]
    Line(usize),
}

/// A note is not signed as it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A line of a known key does not verify: the text was changed or the signature forged.
    #[error("the signature of {0} does not verify")]
    Invalid(KeyName),
    /// No line is by a known key.
    #[error("no signature by a known key")]
    Unsigned,
}

impl NoteSignature {
    /// A signature made elsewhere (a key management service, a witness).
    pub fn new(name: KeyName, key_id: u32, bytes: Vec<u8>) -> Self {
        Self { name, key_id, bytes }
    }

    /// The key's name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key's short id: together with the name it says which key and which algorithm.
    pub const fn key_id(&self) -> u32 {
        self.key_id
    }

    /// The signature without the key id.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(LINE_PREFIX)?.split_once(' ')?;
        let decoded = STANDARD.decode(encoded).ok()?;
        let (key_id, bytes) = decoded.split_first_chunk::<KEY_ID_BYTES>()?;
        if bytes.is_empty() {
            return None;
        }
        Some(Self::new(KeyName::new(name).ok()?, u32::from_be_bytes(*key_id), bytes.to_vec()))
    }
}

/// One line of the signature block, without the newline.
impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.key_id.to_be_bytes().as_slice(), &self.bytes].concat();
        write!(f, "{LINE_PREFIX}{} {}", self.name, STANDARD.encode(bytes))
    }
}

impl Note {
    /// A note without signatures yet. The text must end in a newline and hold no other control character.
    pub fn new(text: impl Into<String>) -> Result<Self, NoteError> {
        let text = text.into();
        check_text(&text)?;
        if !text.ends_with('\n') {
            return Err(NoteError::Structure);
        }
        Ok(Self { text, signatures: Vec::new() })
    }

    /// Reads a note with at least one signature line.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong(bytes.len()));
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Utf8)?;
        check_text(note)?;
        let blank = note.rfind(SEPARATOR).ok_or(NoteError::Structure)?;
        let text = &note[..=blank];
        let block = note[blank + SEPARATOR.len()..].strip_suffix('\n').ok_or(NoteError::Structure)?;
        let mut signatures = Vec::new();
        for (at, line) in block.split('\n').enumerate() {
            if at == NOTE_SIGNATURES_MAX {
                return Err(NoteError::TooManySignatures);
            }
            signatures.push(NoteSignature::parse(line).ok_or(NoteError::Line(at + 1))?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The text, final newline included. Do not act on it before [`Note::verify`].
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first line of the text: in a checkpoint the origin it claims. Do not act on it before [`Note::verify`].
    pub fn first_line(&self) -> &str {
        self.text.split('\n').next().unwrap_or_default()
    }

    /// The signature lines in their order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Signs the text and adds the line, in place of an earlier line of the same key.
    pub fn sign(&mut self, key: &SigningKey) -> Result<(), KeyError> {
        let signature = key.sign_text(&self.text)?;
        self.signatures.retain(|old| !(old.name == signature.name && old.key_id == signature.key_id));
        self.signatures.push(signature);
        Ok(())
    }

    /// Adds a line made elsewhere. It is not checked here.
    pub fn add_signature(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        if self.signatures.len() >= NOTE_SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// Adds a line made elsewhere in place of earlier lines of the same key. It is not checked here.
    pub fn replace_signature(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        self.signatures.retain(|old| !(old.name == signature.name && old.key_id == signature.key_id));
        self.add_signature(signature)
    }

    /// Checks every line of a known key and gives the keys that signed, each once.
    ///
    /// Lines of unknown keys are ignored; a known key's line that does not verify condemns the note; without
    /// any line by a known key the note is refused.
    pub fn verify<'k>(&self, known: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, SignatureError> {
        let mut signers: Vec<&VerifierKey> = Vec::new();
        for line in &self.signatures {
            let owner = known.iter().find(|key| key.name() == line.name() && key.key_id() == line.key_id);
            let Some(key) = owner else { continue };
            if !key.verifies(&self.text, &line.bytes) {
                return Err(SignatureError::Invalid(line.name.clone()));
            }
            if !signers.contains(&key) {
                signers.push(key);
            }
        }
        if signers.is_empty() { Err(SignatureError::Unsigned) } else { Ok(signers) }
    }
}

/// The note as it is stored and sent.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return Err(NoteError::Control);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
