//! The keys whose signature on packs an organization accepts.

use audit_log::VerifierKey;
use gates::{Channel, Draft, Pass, Receipt};
use kernel::limits::{POLICY_KEYS_MAX, POLICY_KEYS_ROWS_MAX};
use kernel::{EventKind, PolicyKeyId, Problem, ProblemKind, Timestamp};
use store::StoreError;
use store::policy_packs::{self as kept, NewKey, PolicyKey};

use crate::input::Name;
use crate::{action, undone};

action! {
    /// Trusts a key that signs policy packs.
    TrustKey = "policy_key.trust", PoliciesManage, Human, Write, Fresh
}

action! {
    /// Revokes such a key.
    RevokeKey = "policy_key.revoke", PoliciesManage, Human, Write, Fresh
}

/// A key to be trusted.
pub struct Trusted {
    /// What it is called here.
    pub name: Name,
    /// The public key, `name+id+base64`.
    pub vkey: String,
    /// From when on it counts; from now on when nothing is said.
    pub not_before: Option<Timestamp>,
    /// Until when; without end when nothing is said.
    pub expires_at: Option<Timestamp>,
}

/// Trusts a key: packs that it signs can come into force from then on.
///
/// # Errors
/// When it is no key, or known here already: a key that was revoked is not trusted again.
pub async fn trust(mut pass: Pass<TrustKey>, new: Trusted) -> Result<(PolicyKey, Receipt), Problem> {
    let kind = EventKind::PolicyKeyTrusted;
    match put(&mut pass, new).await {
        Ok(key) => {
            let draft = Draft::done(kind)
                .subject("policy_key", key.id)
                .fact("not_before", key.not_before)
                .fact("expires_at", key.expires_at);
            let receipt = pass.seal(draft).await?;
            Ok((key, receipt))
        }
        Err(problem) => Err(pass.fail(undone(kind, &problem), problem).await),
    }
}

async fn put(pass: &mut Pass<TrustKey>, new: Trusted) -> Result<PolicyKey, Problem> {
    let key: VerifierKey = new.vkey.trim().parse().map_err(|_| {
        Problem::invalid(
            "/key",
            "It is no public key of the form name+id+base64, as `policy key new` prints it.",
        )
    })?;
    let (by, at) = (pass.who().account(), pass.vault().clock().now());
    let not_before = new.not_before.unwrap_or(at);
    if new.expires_at.is_some_and(|until| until <= not_before || until <= at) {
        return Err(Problem::invalid(
            "/expires_at",
            "A key expires after it begins to count, and not before now.",
        ));
    }
    if kept::keys(pass.tx(), POLICY_KEYS_ROWS_MAX).await?.len() >= POLICY_KEYS_MAX {
        let says = format!("{POLICY_KEYS_MAX} keys are known here, which is as many as may be.");
        return Err(Problem::new(ProblemKind::Conflict, says));
    }
    let name = pass.privacy(Channel::Log).text(new.name.raw());
    let id = PolicyKeyId::new(pass.vault().clock(), pass.vault().rng());
    let vkey = key.to_string();
    let row = NewKey { id, name: &name, vkey: &vkey, not_before, expires_at: new.expires_at, at, by };
    match kept::trust(pass.tx(), &row).await {
        Ok(()) => {}
        Err(StoreError::Taken) => {
            let says =
                "This key is known here already. One that was revoked is not trusted again: make a new one.";
            return Err(Problem::new(ProblemKind::Conflict, says));
        }
        Err(error) => return Err(error.into()),
    }
    let (name, expires_at) = (name.into_inner(), new.expires_at);
    Ok(PolicyKey { id, name, vkey, not_before, expires_at, trusted_at: at, trusted_by: by, revoked: None })
}

/// Revokes a key. What it signed and is in force stays so; it comes into force no more.
///
/// # Errors
/// When there is none of this id that is trusted.
pub async fn revoke(mut pass: Pass<RevokeKey>, id: PolicyKeyId) -> Result<Receipt, Problem> {
    let kind = EventKind::PolicyKeyRevoked;
    let (by, at) = (pass.who().account(), pass.vault().clock().now());
    let done = match kept::revoke(pass.tx(), id, by, at).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::not_found()),
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(()) => pass.seal(Draft::done(kind).subject("policy_key", id)).await,
        Err(problem) => Err(pass.fail(undone(kind, &problem).subject("policy_key", id), problem).await),
    }
}
