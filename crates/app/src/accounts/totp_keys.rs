//! The keys under which secrets of authenticator apps are kept: Fernet, with a ring of keys that can be rotated.

use authn::fernet::{Key, KeyRing};
use authn::totp::Secret;
use crypto::Place;
use gates::{By, Draft, Reason, SystemTx, Vault};
use kernel::{EventKind, Problem, RequestContext};
use std::sync::Arc;
use store::key_ring::{self, Ring, RingKey};

use super::{Accounts, unavailable};

/// Most keys a ring keeps: the current one and those that old secrets still need.
const KEYS_MAX: usize = 8;

fn place(row: &str) -> Place<'_> {
    Place { tenant: None, table: "key_ring", column: "sealed", row }
}

/// Reads a stored secret.
pub(super) fn open(keys: &KeyRing, token: &str) -> Result<Secret, Problem> {
    let plain = keys.decrypt(token).map_err(|_| {
        tracing::error!("the secret of an authenticator app does not open under any key of the ring");
        Problem::internal()
    })?;
    Secret::from_slice(&plain).ok_or_else(Problem::internal)
}

fn make(vault: &Vault, state: &str) -> Result<RingKey, Problem> {
    let at = vault.clock().now();
    let key = Key::generate(vault.rng());
    let id = format!("fernet-{}", kernel::LetterId::new(vault.clock(), vault.rng()));
    let sealed = vault
        .envelope()
        .seal(vault.rng(), &place(&id), key.to_text().as_bytes())
        .map_err(|_| Problem::internal())?;
    let current_at = (state == "current").then_some(at);
    Ok(RingKey {
        id,
        state: state.to_owned(),
        public: None,
        sealed,
        made_at: at,
        current_at,
        retired_at: None,
    })
}

impl Accounts {
    /// The ring, the current key first. The first use makes the first key.
    pub(super) async fn totp_keys(&self, tx: &mut SystemTx) -> Result<KeyRing, Problem> {
        let mut keys = key_ring::keys(tx, Ring::Totp).await?;
        if keys.is_empty() {
            key_ring::lock(tx, Ring::Totp).await?;
            keys = key_ring::keys(tx, Ring::Totp).await?;
            if keys.is_empty() {
                let first = make(&self.vault, "current")?;
                key_ring::add(tx, Ring::Totp, &first).await?;
                keys.push(first);
            }
        }
        keys.sort_by_key(|key| key.state != "current");
        let opened = keys.iter().take(KEYS_MAX).map(|key| {
            let text =
                self.vault.envelope().open(&place(&key.id), &key.sealed).map_err(|_| Problem::internal())?;
            let text = std::str::from_utf8(text.expose()).map_err(|_| Problem::internal())?;
            Key::parse(text).map_err(|_| Problem::internal())
        });
        KeyRing::new(opened.collect::<Result<_, _>>()?).map_err(|_| Problem::internal())
    }
}

/// Puts a new key in front of the ring. Secrets under the old ones go on opening, and move to the new one when used.
///
/// # Errors
/// When the database cannot be used.
pub async fn rotate(vault: &Arc<Vault>, request: &RequestContext) -> Result<(), Problem> {
    let mut tx = vault.system(Reason::KeyRotation).await.map_err(|error| unavailable(&error))?;
    key_ring::lock(&mut tx, Ring::Totp).await?;
    let next = make(vault, "next")?;
    key_ring::add(&mut tx, Ring::Totp, &next).await?;
    key_ring::promote(&mut tx, Ring::Totp, &next.id, vault.clock().now()).await?;
    let draft = Draft::done(EventKind::SigningKeyRotated).fact("ring", Ring::Totp.name());
    tx.seal_by(By::System, vault.instance(), draft, request, "key_ring.rotate")
        .await
        .map_err(|error| unavailable(&error))?;
    Ok(())
}
