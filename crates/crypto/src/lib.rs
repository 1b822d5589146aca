//! What the house knows of cryptography: the instance key and keys derived from it, envelopes for secrets at rest,
//! the format of API keys, the signatures of webhooks, and the hashes everybody uses.
//!
//! Architecture invariant: bytes in, values out. No IO but the operating system's random generator.

mod api_key;
mod data_key;
mod envelope;
mod instance_key;
mod secret;
mod webhook;

pub use api_key::{API_KEY_PATTERN, ApiKey, ApiKeyEnv, KeyHash, ParseApiKeyError};
pub use data_key::DataKey;
pub use envelope::{ENVELOPE_OVERHEAD_BYTES, Envelope, EnvelopeError, Place};
pub use instance_key::{InstanceKey, InstanceKeyError};
pub use secret::{Secret, SystemRng, hex, hmac_sha256, same, sha256, unhex};
pub use webhook::{WEBHOOK_SECRET_BYTES, WebhookSecret};
