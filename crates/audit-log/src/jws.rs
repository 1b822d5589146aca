//! Detached signatures over whole documents with a log's key: JWS in compact form with the payload left out and not
//! encoded (RFC 7515, [RFC 7797](https://www.rfc-editor.org/rfc/rfc7797), RFC 8037), which JOSE libraries verify.
//!
//! The same key signs notes. Neither can be taken for the other: what is signed here begins with the base64 of a header and
//! ends with the last byte of a document that has no newline there, and the text of a note ends with a newline.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::note::{KeyError, SigningKey, VerifierKey, verify_ed25519};

/// Longest signature that is read, in bytes.
pub const JWS_BYTES_MAX: usize = 4_096;

/// A signature cannot be made or does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// The document is empty or ends with a newline, so its signature could be mistaken for a note's.
    #[error("the document is empty or ends with a newline")]
    Document,
    /// The key could not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Not three parts of base64url of which the middle one is empty, or too long.
    #[error("not a detached signature: header, two dots, signature")]
    Format,
    /// Another algorithm, or a header that asks for what is not known here.
    #[error("the header is not the one of an Ed25519 signature over an unencoded payload")]
    Header,
    /// The header names a key that is not at hand.
    #[error("it is signed with another key")]
    UnknownKey,
    /// The signature is not the key's over this document.
    #[error("the signature does not fit the document")]
    Signature,
}

/// The name of a key in a header and in a key set: the id of its verifier key, eight hex digits.
pub fn kid(key: &VerifierKey) -> String {
    format!("{:08x}", key.key_id())
}

/// The key as a JSON Web Key (RFC 8037).
pub fn jwk(key: &VerifierKey) -> Value {
    json!({
        "alg": "EdDSA", "crv": "Ed25519", "kid": kid(key), "kty": "OKP", "use": "sig",
        "x": URL_SAFE_NO_PAD.encode(key.public_key()),
    })
}

fn header(key: &VerifierKey) -> String {
    let header = format!(r#"{{"alg":"EdDSA","b64":false,"crit":["b64"],"kid":"{}"}}"#, kid(key));
    URL_SAFE_NO_PAD.encode(header)
}

fn message(header: &str, document: &[u8]) -> Result<Vec<u8>, JwsError> {
    if document.last().is_none_or(|last| *last == b'\n') {
        return Err(JwsError::Document);
    }
    Ok([header.as_bytes(), b".", document].concat())
}

/// Signs a document. The document itself is not part of what this gives.
///
/// # Errors
/// When the document is empty or ends with a newline.
pub fn sign_detached(key: &SigningKey, document: &[u8]) -> Result<String, JwsError> {
    let header = header(key.verifier());
    let signature = key.sign_bytes(&message(&header, document)?)?;
    Ok(format!("{header}..{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The key of `keys` whose signature over `document` this is.
///
/// # Errors
/// [`JwsError`]: what is wrong with it.
pub fn verify_detached<'k>(
    keys: &'k [VerifierKey],
    document: &[u8],
    jws: &str,
) -> Result<&'k VerifierKey, JwsError> {
    if jws.len() > JWS_BYTES_MAX {
        return Err(JwsError::Format);
    }
    let mut parts = jws.split('.');
    let (Some(head), Some(""), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(JwsError::Format);
    };
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| JwsError::Format)?;
    let header = URL_SAFE_NO_PAD.decode(head).map_err(|_| JwsError::Format)?;
    let header: Value = serde_json::from_slice(&header).map_err(|_| JwsError::Header)?;
    let known = header["alg"] == "EdDSA" && header["b64"] == false && header["crit"] == json!(["b64"]);
    let kid_named = header["kid"].as_str().ok_or(JwsError::Header)?;
    if !known {
        return Err(JwsError::Header);
    }
    let key = keys.iter().find(|key| kid(key) == kid_named).ok_or(JwsError::UnknownKey)?;
    if verify_ed25519(key.public_key(), &message(head, document)?, &signature) {
        Ok(key)
    } else {
        Err(JwsError::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::KeyName;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(KeyName::new("log.example").unwrap(), &[seed; 32]).unwrap()
    }

    #[test]
    fn a_signature_holds_for_its_document_and_key_alone() {
        let (ours, other) = (key(7), key(8));
        let keys = [other.verifier().clone(), ours.verifier().clone()];
        let jws = sign_detached(&ours, b"{\"a\":1}").unwrap();
        assert_eq!(verify_detached(&keys, b"{\"a\":1}", &jws), Ok(ours.verifier()));
        assert_eq!(verify_detached(&keys, b"{\"a\":2}", &jws), Err(JwsError::Signature));
        assert_eq!(verify_detached(&keys[..1], b"{\"a\":1}", &jws), Err(JwsError::UnknownKey));
        assert_eq!(verify_detached(&keys, b"{\"a\":1}", "a.b.c"), Err(JwsError::Format));
        let parts: Vec<&str> = jws.split('.').collect();
        for bad in [
            r#"{"alg":"none","b64":false,"crit":["b64"],"kid":"x"}"#,
            r#"{"alg":"EdDSA","kid":"x"}"#,
            r#"{"alg":"EdDSA","b64":false,"crit":["b64","exp"],"kid":"x"}"#,
            "no json",
        ] {
            let forged = format!("{}..{}", URL_SAFE_NO_PAD.encode(bad), parts[2]);
            assert_eq!(verify_detached(&keys, b"{\"a\":1}", &forged), Err(JwsError::Header), "{bad}");
        }
    }

    #[test]
    fn what_is_signed_is_never_a_note() {
        assert_eq!(sign_detached(&key(7), b"origin\n1\nroot\n"), Err(JwsError::Document));
        assert_eq!(sign_detached(&key(7), b""), Err(JwsError::Document));
    }
}
