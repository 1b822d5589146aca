//! Keys of the instance that rotate. The keys themselves are sealed; what is public stands beside them.

use gates::SystemTx;
use kernel::Timestamp;
use time::OffsetDateTime;

use crate::StoreError;

/// What a ring of keys is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ring {
    /// Signs access tokens.
    AccessToken,
    /// Encrypts the secrets of authenticator apps.
    Totp,
}

impl Ring {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::Totp => "totp",
        }
    }
}

/// A key of a ring.
pub struct RingKey {
    /// Its id.
    pub id: String,
    /// next, current or retired.
    pub state: String,
    /// The public half, where there is one.
    pub public: Option<String>,
    /// The key, sealed.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it became the current one.
    pub current_at: Option<Timestamp>,
    /// When it was retired.
    pub retired_at: Option<Timestamp>,
}

/// Takes the lock under which a ring changes, until the transaction ends.
pub async fn lock(tx: &mut SystemTx, ring: Ring) -> Result<(), StoreError> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('portcullis.ring.' || $1::text, 0)) is null as locked",
        ring.name()
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(())
}

/// The keys of a ring, newest first.
pub async fn keys(tx: &mut SystemTx, ring: Ring) -> Result<Vec<RingKey>, StoreError> {
    let found = sqlx::query!(
        "select id, state, public, sealed, made_at, current_at, retired_at from key_ring where purpose = $1 \
         order by made_at desc, id",
        ring.name()
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|row| RingKey {
            id: row.id,
            state: row.state,
            public: row.public,
            sealed: row.sealed,
            made_at: row.made_at.into(),
            current_at: row.current_at.map(Into::into),
            retired_at: row.retired_at.map(Into::into),
        })
        .collect())
}

/// Adds a key, as the next or, in an empty ring, the current one.
pub async fn add(tx: &mut SystemTx, ring: Ring, key: &RingKey) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into key_ring (purpose, id, state, public, sealed, made_at, current_at) \
         values ($1, $2, $3, $4, $5, $6, $7)",
        ring.name(),
        key.id,
        key.state,
        key.public,
        key.sealed,
        OffsetDateTime::from(key.made_at),
        key.current_at.map(OffsetDateTime::from)
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Retires the current key and puts `id` in its place.
pub async fn promote(tx: &mut SystemTx, ring: Ring, id: &str, at: Timestamp) -> Result<bool, StoreError> {
    let at = OffsetDateTime::from(at);
    sqlx::query!(
        "update key_ring set state = 'retired', retired_at = $2 where purpose = $1 and state = 'current'",
        ring.name(),
        at
    )
    .execute(tx.connection())
    .await?;
    let done = sqlx::query!(
        "update key_ring set state = 'current', current_at = $3 where purpose = $1 and id = $2 and state = 'next'",
        ring.name(),
        id,
        at
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}
