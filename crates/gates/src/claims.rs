use std::fmt::Write as _;

use kernel::{RequestId, TenantId, Timestamp, limits};
use zeroize::Zeroizing;

/// Length of an HMAC-SHA-256 block, which the pads fill.
const BLOCK_BYTES: usize = 64;
/// What claims with a request id of ours take, in bytes.
const CLAIMS_BYTES_TYPICAL: usize = 352;

/// The key that signs tenant claims. The database holds the same key as two pads in a schema that no role but the
/// owner reads, and verifies every claim (`gate.tenant()`).
///
/// While `ENCRYPTION_KEY` is being changed the database holds the other key's too, so that servers of before and after the
/// change work beside each other.
pub struct ClaimsKey {
    key: Zeroizing<[u8; 32]>,
    other: Option<Zeroizing<[u8; 32]>>,
}

/// The inner and outer pads of RFC 2104.
pub type Pads = (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>);

impl ClaimsKey {
    /// The claims key of this instance.
    pub fn new(instance: &crypto::InstanceKey) -> Self {
        let derive = |key: &crypto::InstanceKey| key.derive("claims/v1");
        Self { key: derive(instance), other: instance.other().as_ref().map(derive) }
    }

    /// The pads as the database stores them.
    pub fn pads(&self) -> Pads {
        pads(&self.key)
    }

    /// Those of the other key, while `ENCRYPTION_KEY` is being changed.
    pub fn other_pads(&self) -> Option<Pads> {
        self.other.as_deref().map(pads)
    }

    /// The claims of one transaction: who the tenant is, until when, for which request, on which backend. The
    /// signature covers their own text before it; `gate.tenant()` cuts them at fixed places. `by` is as whom the caller is
    /// asked about: policies of tables look at their relations.
    pub(crate) fn sign(
        &self,
        tenant: TenantId,
        (request, by): (&RequestId, &[String]),
        now: Timestamp,
        backend: i32,
    ) -> String {
        let expires = now.unix_seconds() + limits::CLAIMS_SECONDS;
        let mut claims = String::with_capacity(CLAIMS_BYTES_TYPICAL);
        let _ = write!(
            claims,
            r#"{{"tenant_id":"{tenant}","exp":{expires:010},"request_id":"{request}","by":"{}"|{backend}"#,
            by.join(" ")
        );
        let sig = crypto::hex(&crypto::hmac_sha256(self.key.as_slice(), claims.as_bytes()));
        claims.truncate(claims.rfind('|').unwrap_or(claims.len()));
        let _ = write!(claims, r#","sig":"{sig}"}}"#);
        claims
    }
}

fn pads(key: &[u8; 32]) -> Pads {
    let mut block = Zeroizing::new([0; BLOCK_BYTES]);
    block[..32].copy_from_slice(key);
    let pad = |with: u8| Zeroizing::new(block.iter().map(|byte| byte ^ with).collect());
    (pad(0x36), pad(0x5c))
}
