use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::Rng;
use zeroize::Zeroizing;

use crate::Secret;
use crate::secret::hmac_sha256;

/// Bytes of a secret that is made here; the specification asks for 24 to 64.
pub const WEBHOOK_SECRET_BYTES: usize = 32;
const PREFIX: &str = "whsec_";

/// The secret an endpoint of webhooks shares with this server (Standard Webhooks 1.0, "Signature scheme"). Wiped when
/// dropped, never shown but by [`WebhookSecret::text`].
pub struct WebhookSecret(Zeroizing<[u8; WEBHOOK_SECRET_BYTES]>);

impl WebhookSecret {
    /// A fresh secret.
    pub fn generate(rng: &dyn Rng) -> Self {
        Self(Zeroizing::new(rng.bytes32()))
    }

    /// The secret these bytes are; `None` when they are of another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The bytes, for sealing.
    pub fn expose(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The secret as receivers are given it: `whsec_` and base64.
    pub fn text(&self) -> Secret {
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + 44));
        text.push_str(PREFIX);
        STANDARD.encode_string(self.0.as_slice(), &mut text);
        Secret::new(text.as_bytes())
    }

    /// The signature of a message: `v1,` and the base64 of HMAC-SHA-256 over `id.timestamp.body`. An `id` holds no dot.
    pub fn sign(&self, id: &str, unix_seconds: i64, body: &[u8]) -> String {
        sign(self.0.as_slice(), id, unix_seconds, body)
    }
}

fn sign(key: &[u8], id: &str, unix_seconds: i64, body: &[u8]) -> String {
    let mut signed = format!("{id}.{unix_seconds}.").into_bytes();
    signed.extend_from_slice(body);
    format!("v1,{}", STANDARD.encode(hmac_sha256(key, &signed)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRng;

    #[test]
    fn signs_as_the_specification_does() {
        // The vector that every library of the project tests with.
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_32_bytes_and_reads_back() {
        let secret = WebhookSecret::generate(&SystemRng);
        let text = secret.text();
        let encoded = text.expose_str().unwrap().strip_prefix(PREFIX).unwrap().to_owned();
        let bytes = STANDARD.decode(encoded).unwrap();
        assert_eq!(bytes, secret.expose());
        let same = WebhookSecret::from_bytes(&bytes).unwrap();
        assert_eq!(same.sign("m", 1, b"{}"), secret.sign("m", 1, b"{}"));
        assert_ne!(secret.sign("m", 1, b"{}"), secret.sign("m", 2, b"{}"));
        assert!(WebhookSecret::from_bytes(&bytes[1..]).is_none());
    }
}
