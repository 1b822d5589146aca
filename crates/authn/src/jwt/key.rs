//! Keys that sign and keys that verify. A key has one algorithm, and a token cannot choose another.

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RsaPublicKeyComponents,
};
use zeroize::Zeroizing;

use super::{der, roca};
use crate::bytes::{b64url, sha256};

/// Smallest and largest RSA modulus, in bits.
pub const RSA_BITS_MIN: usize = 2_048;
/// Largest RSA modulus, in bits: the time of a verification grows with its square.
pub const RSA_BITS_MAX: usize = 8_192;
/// Longest key id, in bytes.
pub const KID_BYTES_MAX: usize = 256;
/// Most keys of one set.
pub const KEYS_MAX: usize = 64;
/// 65537, the only RSA exponent taken: smaller ones have a history, larger ones cost time.
const RSA_EXPONENT: &[u8] = &[1, 0, 1];
/// Bytes of a coordinate on P-256.
const P256_BYTES: usize = 32;

/// What a key does. Nothing else is verified here, whatever a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: what this server signs with.
    Rs256,
    /// ECDSA on P-256 with SHA-256: for tokens of other issuers.
    Es256,
}

impl Algorithm {
    /// The name in a token's header (RFC 7518 §3.1).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }

    /// The algorithm of that name, if it is one of ours.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Rs256, Self::Es256].into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a key of the form asked for.
    #[error("not a key of this form")]
    Malformed,
    /// An RSA modulus below 2,048 or above 8,192 bits, or an even one.
    #[error("an RSA key has an odd modulus of 2,048 to 8,192 bits")]
    Modulus,
    /// An RSA exponent other than 65537.
    #[error("an RSA key has the exponent 65537")]
    Exponent,
    /// The modulus has the fingerprint of CVE-2017-15361: its factors can be found.
    #[error("this RSA key was made by a flawed generator (CVE-2017-15361) and can be factored")]
    Roca,
    /// The point is not on the curve.
    #[error("the public key is not a point of its curve")]
    Point,
    /// The id is empty or longer than [`KID_BYTES_MAX`].
    #[error("a key id has 1 to 256 bytes")]
    Kid,
    /// Two keys of one id, or more than [`KEYS_MAX`].
    #[error("a key set has at most 64 keys, each with an id of its own")]
    Set,
    /// The library could not make or use the key.
    #[error("the cryptography library refused")]
    Library,
}

/// The public numbers of a key, as a JWK shows them.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Numbers {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256 { x: Vec<u8>, y: Vec<u8> },
}

/// A key that verifies, bound to one algorithm and known by its id.
#[derive(Clone)]
pub struct PublicKey {
    kid: Box<str>,
    algorithm: Algorithm,
    numbers: Numbers,
    parsed: ParsedPublicKey,
}

impl PublicKey {
    /// An RSA key for [`Algorithm::Rs256`], from its big-endian numbers without leading zeros. Its id is its
    /// thumbprint unless one is given.
    pub fn rsa(n: &[u8], e: &[u8], kid: Option<&str>) -> Result<Self, KeyError> {
        if e != RSA_EXPONENT {
            return Err(KeyError::Exponent);
        }
        let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
        let odd = n.last().is_some_and(|last| last & 1 == 1);
        if !odd || n[0] == 0 || !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
            return Err(KeyError::Modulus);
        }
        if roca::looks_like(n) {
            return Err(KeyError::Roca);
        }
        let parsed = RsaPublicKeyComponents { n, e }
            .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .map_err(|_| KeyError::Malformed)?;
        Self::named(kid, Algorithm::Rs256, Numbers::Rsa { n: n.to_vec(), e: e.to_vec() }, parsed)
    }

    /// A P-256 key for [`Algorithm::Es256`], from its coordinates of 32 bytes each.
    pub fn p256(x: &[u8], y: &[u8], kid: Option<&str>) -> Result<Self, KeyError> {
        if x.len() != P256_BYTES || y.len() != P256_BYTES {
            return Err(KeyError::Malformed);
        }
        let point = [&[4], x, y].concat(); // SEC 1 §2.3.3, uncompressed
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| KeyError::Point)?;
        Self::named(kid, Algorithm::Es256, Numbers::P256 { x: x.to_vec(), y: y.to_vec() }, parsed)
    }

    fn named(
        kid: Option<&str>,
        algorithm: Algorithm,
        numbers: Numbers,
        parsed: ParsedPublicKey,
    ) -> Result<Self, KeyError> {
        let kid = kid.map_or_else(|| thumbprint(&numbers), str::to_owned);
        if kid.is_empty() || kid.len() > KID_BYTES_MAX {
            return Err(KeyError::Kid);
        }
        Ok(Self { kid: kid.into(), algorithm, numbers, parsed })
    }

    /// Its id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The one algorithm it verifies.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The JWK thumbprint (RFC 7638, SHA-256) in base64url.
    pub fn thumbprint(&self) -> String {
        thumbprint(&self.numbers)
    }

    pub(super) const fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The members that RFC 7638 §3.2 names, in the order of their names, without blanks.
fn thumbprint(numbers: &Numbers) -> String {
    let text = match numbers {
        Numbers::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, b64url(e), b64url(n)),
        Numbers::P256 { x, y } => {
            format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, b64url(x), b64url(y))
        }
    };
    b64url(&sha256(text.as_bytes()))
}

/// The keys a verifier knows, by their ids.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<PublicKey>);

impl KeySet {
    /// A set of at most [`KEYS_MAX`] keys with different ids.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Result<Self, KeyError> {
        let mut set = Self::default();
        for key in keys {
            set.add(key)?;
        }
        Ok(set)
    }

    /// One key more.
    pub fn add(&mut self, key: PublicKey) -> Result<(), KeyError> {
        if self.0.len() >= KEYS_MAX || self.get(key.kid()).is_some() {
            return Err(KeyError::Set);
        }
        self.0.push(key);
        Ok(())
    }

    /// The key of that id.
    pub fn get(&self, kid: &str) -> Option<&PublicKey> {
        self.0.iter().find(|key| key.kid() == kid)
    }

    /// Every key, in the order added.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.iter()
    }

    /// The only key, for tokens that name none (RFC 7515 §4.1.4 makes the id optional).
    pub(super) fn only(&self) -> Option<&PublicKey> {
        match self.0.as_slice() {
            [key] => Some(key),
            _ => None,
        }
    }
}

/// A key that signs: RSA of 2,048 bits or more, for [`Algorithm::Rs256`]. No `Debug`, no `Clone`.
pub struct SigningKey {
    pair: KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// A fresh RSA-2048 key. The one place where chance is no argument: the library looks for the primes itself, with
    /// the operating system's generator. Takes a tenth of a second, sometimes a whole one.
    pub fn generate() -> Result<Self, KeyError> {
        Self::from_pair(KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Library)?)
    }

    /// Reads an unencrypted PKCS #8 document (RFC 5958).
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        Self::from_pair(KeyPair::from_pkcs8(der).map_err(|_| KeyError::Malformed)?)
    }

    /// The key as a PKCS #8 document, to be sealed before it is stored.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let der = self.pair.as_der().map_err(|_| KeyError::Library)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    fn from_pair(pair: KeyPair) -> Result<Self, KeyError> {
        let (n, e) = der::rsa_public_key(pair.public_key().as_ref()).ok_or(KeyError::Malformed)?;
        let public = PublicKey::rsa(n, e, None)?;
        Ok(Self { pair, public })
    }

    /// Its id: the thumbprint of the public key, so that the same key has the same id everywhere.
    pub fn kid(&self) -> &str {
        self.public.kid()
    }

    /// The key that verifies what this one signs.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        // PKCS #1 v1.5 is deterministic; the library takes a generator and does not use it.
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| KeyError::Library)?;
        Ok(signature)
    }
}
