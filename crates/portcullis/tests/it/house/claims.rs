//! Tenant claims, signed here a second time from their description: that they verify says that the database checks
//! what is written down, and each way to sign them wrongly is an attack.

use std::fmt::Display;

use super::instance_key;

/// What goes into claims.
#[derive(Debug, Clone)]
pub(crate) struct Claims {
    pub(crate) tenant: String,
    pub(crate) expires: i64,
    pub(crate) request: &'static str,
    /// As whom they are. By default a key of the configuration with all that a key can have, so that what is refused is not
    /// refused for want of a relation.
    pub(crate) by: String,
    /// The process id of the backend they are for; `None` signs without one, which no real claims do.
    pub(crate) backend: Option<i32>,
}

impl Claims {
    /// Good claims of `tenant` on `backend`, from `now` on.
    pub(crate) fn good(tenant: impl Display, backend: i32, now: i64) -> Self {
        Self {
            tenant: tenant.to_string(),
            expires: now + 120,
            request: "req-1",
            by: "static_key:owner".to_owned(),
            backend: Some(backend),
        }
    }

    /// What they say, before the signature.
    fn said(&self) -> String {
        format!(
            r#"{{"tenant_id":"{}","exp":{:010},"request_id":"{}","by":"{}""#,
            self.tenant, self.expires, self.request, self.by
        )
    }

    /// The HMAC over what they say and whom they are for.
    pub(crate) fn signature(&self) -> String {
        let mut message = self.said();
        if let Some(backend) = self.backend {
            message = format!("{message}|{backend}");
        }
        let key = instance_key().derive("claims/v1");
        crypto::hex(&crypto::hmac_sha256(key.as_slice(), message.as_bytes()))
    }

    /// Their one spelling, with the signature given.
    pub(crate) fn spelled(&self, signature: &str) -> String {
        format!(r#"{},"sig":"{signature}"}}"#, self.said())
    }

    /// Their one spelling, signed.
    pub(crate) fn signed(&self) -> String {
        self.spelled(&self.signature())
    }
}

/// Claims that nobody signed, as a plain setting would hold them.
pub(crate) fn plain_claims(tenant: impl Display) -> String {
    format!(r#"{{"tenant_id":"{tenant}"}}"#)
}
