//! This server's own access tokens: JWTs of the type `at+jwt` (RFC 9068) that live fifteen minutes.

use std::time::Duration;

use kernel::{TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Audience, Expectations, ExpectedType, Header, JwtError, KeySet, SignError, SigningKey, sign, verify,
};

/// The type of an access token (RFC 9068 §2.1).
pub const ACCESS_TYPE: &str = "at+jwt";
/// How long an access token lives, in seconds (15 minutes).
pub const ACCESS_SECONDS: i64 = 15 * 60;
/// How far the clocks of this server's processes may differ, in seconds.
pub const ACCESS_LEEWAY_SECONDS: u32 = 5;
/// Most roles, permissions or methods in one token.
const NAMES_MAX: usize = 128;

/// On whose behalf somebody else acts (RFC 8693 §4.1): the one who acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The subject that acts.
    pub sub: String,
}

/// What an access token says. Names are those of the claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// The issuer: this server's public address.
    pub iss: String,
    /// The person, or the client when nobody stands behind it.
    pub sub: Uuid,
    /// The one it is for: the address of the resource.
    pub aud: String,
    /// The organization the session is in: whose rows are seen.
    pub tenant_id: TenantId,
    /// That organization's name, for people who read tokens.
    pub org: String,
    /// Names of the roles held there.
    pub roles: Vec<String>,
    /// Names of the permissions these give.
    pub permissions: Vec<String>,
    /// The session, by which it is revoked.
    pub sid: Uuid,
    /// How strongly the person was authenticated.
    pub acr: String,
    /// By which methods (RFC 8176).
    pub amr: Vec<String>,
    /// When that was, in seconds since 1970.
    pub auth_time: i64,
    /// When the token was issued, in seconds since 1970.
    pub iat: i64,
    /// When it ends, in seconds since 1970: at most [`ACCESS_SECONDS`] after `iat`.
    pub exp: i64,
    /// The token's own id.
    pub jti: Uuid,
    /// The OAuth client it was issued to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The API key by which that client proved itself, and with which the token ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<Uuid>,
    /// Who acts, when it is not the subject itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
}

impl AccessClaims {
    /// Signs them.
    pub fn sign(&self, key: &SigningKey) -> Result<String, SignError> {
        self.check().map_err(|_| SignError::Claims)?;
        sign(key, ACCESS_TYPE, self)
    }

    /// Verifies an access token of this server for `audience` and reads its claims. Claims not listed here are passed
    /// over, so that an older process understands what a newer one signed.
    pub fn verify(
        token: &str,
        keys: &KeySet,
        issuer: &str,
        audience: &str,
        now: Timestamp,
    ) -> Result<(Header, Self), JwtError> {
        let expected = Expectations {
            typ: ExpectedType::Exactly(ACCESS_TYPE),
            issuer,
            audience: Audience::Only(audience),
            now,
            leeway: Duration::from_secs(ACCESS_LEEWAY_SECONDS.into()),
        };
        let verified = verify(token, keys, &expected)?;
        let claims: Self =
            serde_json::from_value(Value::Object(verified.payload)).map_err(|_| JwtError::Claim("access"))?;
        claims.check()?;
        Ok((verified.header, claims))
    }

    /// What holds of every access token of ours, whatever its types allow.
    fn check(&self) -> Result<(), JwtError> {
        let lived = self.exp.checked_sub(self.iat).ok_or(JwtError::Claim("exp"))?;
        if !(1..=ACCESS_SECONDS).contains(&lived) {
            return Err(JwtError::Claim("exp"));
        }
        // Another process may have seen the person sign in, by its own clock.
        if self.auth_time < 0 || self.auth_time > self.iat.saturating_add(ACCESS_LEEWAY_SECONDS.into()) {
            return Err(JwtError::Claim("auth_time"));
        }
        for (name, list) in [("roles", &self.roles), ("permissions", &self.permissions), ("amr", &self.amr)] {
            if list.len() > NAMES_MAX {
                return Err(JwtError::Claim(name));
            }
        }
        Ok(())
    }
}
