//! Time-stamps (RFC 3161): what an authority is asked, and what its answer says.
//!
//! The authority signs the SHA-256 of the pack's manifest together with its own time: the manifest existed by then. The
//! manifest names every file of the pack by its hash, the signed checkpoint among them, so this holds for all of them, and
//! without any trust in the log's key. What is read here is what the answer says. Whether the authority signed it is not
//! checked: that takes its certificates, and whom to trust is the reader's choice (`openssl ts -verify`).

mod der;

use kernel::Timestamp;

use self::der::{
    CONTEXT_0, CONTEXT_1, Der, GENERALIZED_TIME, NotDer, OCTET_STRING, OID, SEQUENCE, SET, dotted,
};

/// Longest answer of an authority, in bytes: room for a long chain of certificates.
pub const TOKEN_BYTES_MAX: usize = 65_536;
/// Bytes of the number that an answer must repeat.
pub const NONCE_BYTES: usize = 8;
/// Longest object identifier of a policy, in bytes.
const POLICY_BYTES_MAX: usize = 64;
/// Most digits of a fraction of a second.
const FRACTION_DIGITS_MAX: usize = 9;

/// SHA-256 as an algorithm: its identifier.
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// `id-signedData` (RFC 5652 §5.1).
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// `id-ct-TSTInfo` (RFC 3161 §2.4.2).
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
/// The beginning of a question: version 1, and the imprint up to the hash (RFC 3161 §2.4.1).
const QUESTION_HEAD: &[u8] = &[
    0x30, 0x43, 0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
    0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
];
/// Its end: the authority's certificate is wanted in the answer.
const QUESTION_TAIL: &[u8] = &[0x01, 0x01, 0xff];

/// An answer that is no token for what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The authority grants none.
    #[error("the authority grants no token")]
    Refused,
    /// It is no answer of an authority.
    #[error("it is no answer of a time-stamping authority")]
    Malformed,
    /// It is for something else, or the answer to another question.
    #[error("it is for something else")]
    Mismatch,
}

impl From<NotDer> for TokenError {
    fn from(_: NotDer) -> Self {
        Self::Malformed
    }
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// When, by the authority's clock.
    pub at: Timestamp,
    /// The policy under which it was made: an object identifier.
    pub policy: String,
    /// The SHA-256 that it is for.
    pub imprint: [u8; 32],
    nonce: Option<Vec<u8>>,
}

/// A question to an authority.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    digest: [u8; 32],
    nonce: [u8; NONCE_BYTES],
}

impl Question {
    /// A question for a token over `digest`. `chance` makes it unlike every other.
    pub const fn new(digest: [u8; 32], chance: [u8; NONCE_BYTES]) -> Self {
        let mut nonce = chance;
        // A positive number of all its bytes, in its shortest form.
        nonce[0] = nonce[0] & 0x7f | 0x40;
        Self { digest, nonce }
    }

    /// A `TimeStampReq` (RFC 3161 §2.4.1).
    pub fn to_der(&self) -> Vec<u8> {
        let nonce = [[der::INTEGER, 8].as_slice(), &self.nonce].concat();
        [QUESTION_HEAD, &self.digest, &nonce, QUESTION_TAIL].concat()
    }

    /// Reads the answer: granted, for this hash, to this very question.
    ///
    /// # Errors
    /// Which of these it is not.
    pub fn accept(&self, answer: &[u8]) -> Result<Token, TokenError> {
        let token = read(answer)?;
        if token.imprint != self.digest || token.nonce.as_deref() != Some(&self.nonce) {
            return Err(TokenError::Mismatch);
        }
        Ok(token)
    }
}

/// Reads a `TimeStampResp` with its token (RFC 3161 §2.4.2). Signatures are not looked at.
///
/// # Errors
/// When it is none, or says that there is no token.
pub fn read(answer: &[u8]) -> Result<Token, TokenError> {
    if answer.len() > TOKEN_BYTES_MAX {
        return Err(TokenError::Malformed);
    }
    let mut whole = Der::new(answer);
    let mut answer = whole.inside(SEQUENCE)?;
    whole.end()?;
    let status = answer.inside(SEQUENCE)?.integer()?;
    // Granted, or granted with modifications: what these are the token itself says.
    if !matches!(status, [0 | 1]) {
        return Err(TokenError::Refused);
    }
    let mut content = answer.inside(SEQUENCE)?;
    answer.end()?;
    if content.take(OID)? != SIGNED_DATA {
        return Err(TokenError::Malformed);
    }
    let mut tagged = content.inside(CONTEXT_0)?;
    content.end()?;
    let signed = tagged.inside(SEQUENCE)?;
    tagged.end()?;
    info(signed_info(signed)?)
}

/// What a `SignedData` holds (RFC 5652 §5.1): a `TSTInfo`, signed once.
fn signed_info(mut signed: Der<'_>) -> Result<&[u8], TokenError> {
    signed.integer()?;
    signed.take(SET)?;
    let mut held = signed.inside(SEQUENCE)?;
    if held.take(OID)? != TST_INFO {
        return Err(TokenError::Malformed);
    }
    let mut tagged = held.inside(CONTEXT_0)?;
    held.end()?;
    let info = tagged.take(OCTET_STRING)?;
    tagged.end()?;
    signed.optional(CONTEXT_0)?;
    signed.optional(CONTEXT_1)?;
    let mut signers = signed.inside(SET)?;
    signed.end()?;
    // The authority's signature, and no other (RFC 3161 §2.4.2).
    signers.take(SEQUENCE)?;
    signers.end()?;
    Ok(info)
}

fn info(bytes: &[u8]) -> Result<Token, TokenError> {
    let mut whole = Der::new(bytes);
    let mut info = whole.inside(SEQUENCE)?;
    whole.end()?;
    if info.integer()? != [1] {
        return Err(TokenError::Malformed);
    }
    let policy = info.take(OID)?;
    if policy.len() > POLICY_BYTES_MAX {
        return Err(TokenError::Malformed);
    }
    let mut imprint = info.inside(SEQUENCE)?;
    let is_sha256 = imprint.inside(SEQUENCE)?.take(OID)? == SHA256;
    let hash = imprint.take(OCTET_STRING)?;
    imprint.end()?;
    if !is_sha256 {
        return Err(TokenError::Mismatch);
    }
    info.integer()?;
    let at = moment(info.take(GENERALIZED_TIME)?)?;
    // How exact the time is, and whether tokens are in order, is for whoever reads the token.
    info.optional(SEQUENCE)?;
    info.optional(der::BOOLEAN)?;
    let nonce = if info.is_next(der::INTEGER) { Some(info.integer()?.to_vec()) } else { None };
    info.optional(CONTEXT_0)?;
    info.optional(CONTEXT_1)?;
    info.end()?;
    let imprint = hash.try_into().map_err(|_| TokenError::Malformed)?;
    Ok(Token { at, policy: dotted(policy)?, imprint, nonce })
}

/// `YYYYMMDDhhmmss[.f…]Z` (RFC 3161 §2.4.2).
fn moment(text: &[u8]) -> Result<Timestamp, TokenError> {
    let text = text.strip_suffix(b"Z").ok_or(TokenError::Malformed)?;
    let (whole, fraction) = text.split_at_checked(14).ok_or(TokenError::Malformed)?;
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let fraction_is_one = match fraction {
        [] => true,
        // No zero at its end, and no dot alone.
        [b'.', rest @ .., last] => {
            digits(rest) && matches!(last, b'1'..=b'9') && rest.len() < FRACTION_DIGITS_MAX
        }
        _ => false,
    };
    if !digits(whole) || !fraction_is_one {
        return Err(TokenError::Malformed);
    }
    let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
    let at = |from: usize, to: usize| text(whole.get(from..to).unwrap_or_default());
    let (date, time) = ([at(0, 4), at(4, 6), at(6, 8)], [at(8, 10), at(10, 12), at(12, 14)]);
    let moment = format!("{}T{}{}Z", date.join("-"), time.join(":"), text(fraction));
    moment.parse().map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
