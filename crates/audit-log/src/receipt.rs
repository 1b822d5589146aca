//! Receipts: the log's signed promise that an entry is on record, given before the entry has its place in the tree.
//!
//! A receipt is one line, a JWS in compact form (RFC 7515) with the log's Ed25519 key (RFC 8037) whose payload are claims of
//! a JSON Web Token (RFC 7519), so that it fits a header and any JOSE library checks it. Whoever keeps it can show later that
//! a log from which the entry is missing is not what its operator promised ([`reconcile`]).

mod reconcile;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::entry::At;
use crate::hash::Hash;
use crate::jws::{JwsError, kid};
use crate::note::{KeyName, SigningKey, VerifierKey, verify_ed25519};

pub use reconcile::{Fate, RECEIPTS_MAX, Reconciled, SETTLED_SECONDS, reconcile};

/// Longest receipt that is read, in bytes.
pub const RECEIPT_BYTES_MAX: usize = 2_048;

/// The `typ` of a receipt: what says `receipt+jwt` is no token of any other use (RFC 8725 §3.11).
pub const RECEIPT_TYPE: &str = "receipt+jwt";

/// What a receipt promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The log: its origin, which is the name of its key.
    pub origin: KeyName,
    /// The entry.
    pub entry: Uuid,
    /// Its hash as a leaf.
    pub leaf: Hash,
    /// When the entry was made.
    pub at: At,
    /// When the receipt was signed, in seconds since 1970: by then the entry was committed.
    pub signed_at: i64,
}

/// A line is no receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not three parts of base64url, or too long.
    #[error("not a receipt: three parts of base64url with dots between them")]
    Format,
    /// Another algorithm or type.
    #[error("the header is not that of a receipt")]
    Header,
    /// Claims are missing or do not read.
    #[error("the claims are not those of a receipt")]
    Claims,
}

/// A receipt as it was read. Nothing it says counts before [`Unverified::verify`].
#[derive(Debug, Clone)]
pub struct Unverified {
    receipt: Receipt,
    kid: String,
    message: String,
    signature: Vec<u8>,
}

/// Signs a receipt.
///
/// # Errors
/// When the key cannot sign, or its name is not the receipt's origin.
pub fn sign(key: &SigningKey, receipt: &Receipt) -> Result<String, JwsError> {
    if *key.verifier().name() != receipt.origin {
        return Err(JwsError::UnknownKey);
    }
    let header = json!({ "alg": "EdDSA", "kid": kid(key.verifier()), "typ": RECEIPT_TYPE });
    let claims = json!({
        "at": receipt.at.to_string(), "entry": receipt.entry.to_string(), "iat": receipt.signed_at,
        "iss": receipt.origin.as_str(), "leaf": receipt.leaf.to_base64(),
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&header), part(&claims));
    let signature = key.sign_bytes(message.as_bytes())?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

impl Unverified {
    /// Reads a line.
    ///
    /// # Errors
    /// [`ReceiptError`]: what is wrong with it.
    pub fn parse(line: &str) -> Result<Self, ReceiptError> {
        let (message, signature) = line.rsplit_once('.').ok_or(ReceiptError::Format)?;
        let (header, claims) = message.split_once('.').ok_or(ReceiptError::Format)?;
        if line.len() > RECEIPT_BYTES_MAX || claims.contains('.') {
            return Err(ReceiptError::Format);
        }
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| ReceiptError::Format);
        let (header, claims, signature) = (decoded(header)?, decoded(claims)?, decoded(signature)?);
        let header: Value = serde_json::from_slice(&header).map_err(|_| ReceiptError::Header)?;
        if header["alg"] != "EdDSA" || header["typ"] != RECEIPT_TYPE || header.get("crit").is_some() {
            return Err(ReceiptError::Header);
        }
        let kid = header["kid"].as_str().ok_or(ReceiptError::Header)?.to_owned();
        let claims: Value = serde_json::from_slice(&claims).map_err(|_| ReceiptError::Claims)?;
        let receipt = Receipt::of(&claims).ok_or(ReceiptError::Claims)?;
        Ok(Self { receipt, kid, message: message.to_owned(), signature })
    }

    /// What it says, not to be relied on.
    pub const fn claims(&self) -> &Receipt {
        &self.receipt
    }

    /// The receipt, when one of `keys` signed it and is named like the log it speaks of.
    ///
    /// # Errors
    /// [`JwsError::UnknownKey`] when none of the keys is the one it names, [`JwsError::Signature`] when it was not signed
    /// with it.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<&Receipt, JwsError> {
        let named = |key: &&VerifierKey| kid(key) == self.kid && *key.name() == self.receipt.origin;
        let key = keys.iter().find(named).ok_or(JwsError::UnknownKey)?;
        if verify_ed25519(key.public_key(), self.message.as_bytes(), &self.signature) {
            Ok(&self.receipt)
        } else {
            Err(JwsError::Signature)
        }
    }
}

impl Receipt {
    fn of(claims: &Value) -> Option<Self> {
        Some(Self {
            origin: KeyName::new(claims["iss"].as_str()?).ok()?,
            entry: claims["entry"].as_str()?.parse().ok()?,
            leaf: Hash::from_base64(claims["leaf"].as_str()?).ok()?,
            at: claims["at"].as_str()?.parse().ok()?,
            signed_at: claims["iat"].as_i64()?,
        })
    }
}

/// One line for a person.
impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} of {} (leaf {})", self.entry, self.at, self.leaf.to_base64())
    }
}

#[cfg(test)]
mod tests;
