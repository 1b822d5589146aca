//! Opening a session: the end of every way in.

use std::time::Duration;

use authn::refresh::{Family, RefreshToken};
use authn::secrets::{OpaqueToken, TokenKind};
use gates::{By, Draft, Receipt, SystemTx};
use kernel::limits::SESSION_HOURS_DEFAULT;
use kernel::{AccountId, Assurance, EventKind, Problem, SessionId, TenantId, Timestamp};
use mail::Letter;
use store::accounts::Account;
pub use store::sessions::Home;
use store::{accounts, doors, sessions};

use super::codes::RecoveryCodes;
use super::events::seen;
use super::guesses::shown_device;
use super::{Accounts, Visitor, unavailable};

/// Seconds in an hour.
const HOUR_SECONDS: u64 = 3_600;

/// What a session is held with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// A browser: a cookie with a secret.
    Browser,
    /// A program: access tokens, and refresh tokens to get the next ones.
    Program,
}

/// A session just opened. Its secrets are shown this once.
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// The organization it is in; the instance for a person without one.
    pub tenant: TenantId,
    /// The cookie's secret, for a browser.
    pub secret: Option<OpaqueToken>,
    /// The first refresh token, for a program.
    pub refresh: Option<RefreshToken>,
    /// When that expires unused.
    pub refresh_expires_at: Option<Timestamp>,
    /// The mark of this device, to be kept by it.
    pub device: Option<OpaqueToken>,
    /// The recovery codes of somebody whose account was made with a passkey just now.
    pub recovery_codes: Option<RecoveryCodes>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// The entry.
    pub receipt: Receipt,
}

/// What a person proved on the way in.
pub(super) struct Proved<'a> {
    pub(super) assurance: Assurance,
    /// Authentication method references (RFC 8176).
    pub(super) methods: &'a [&'a str],
    /// The same in words, for the entry.
    pub(super) by: &'static str,
}

/// What is kept of a family of refresh tokens.
pub(crate) fn row_of(family: &Family) -> Result<sessions::Refresh, Problem> {
    Ok(sessions::Refresh {
        generation: i64::try_from(family.generation).map_err(|_| Problem::internal())?,
        hash: family.hash,
        rotations: family.rotations.clone(),
        expires_at: family.expires_at,
    })
}

impl Accounts {
    /// Opens a session for a person who has proved enough, seals and commits.
    pub(super) async fn open(
        &self,
        mut tx: SystemTx,
        visitor: Visitor<'_>,
        account: &Account,
        kind: SessionKind,
        proved: Proved<'_>,
        action: &'static str,
    ) -> Result<NewSession, Problem> {
        let (clock, rng, at) = (self.vault.clock(), self.vault.rng(), self.vault.clock().now());
        let homes = sessions::homes(&mut tx, account.id).await?;
        let home = homes.iter().find(|home| Some(home.tenant) == account.last_tenant).or(homes.first());
        let tenant = home.map_or(self.vault.instance(), |home| home.tenant);
        let hours = home.and_then(|home| home.session_hours).unwrap_or(SESSION_HOURS_DEFAULT);
        let id = SessionId::new(clock, rng);
        let (mut secret, mut refresh, mut first) = (None, None, None);
        let expires_at = match kind {
            SessionKind::Browser => {
                secret = Some(OpaqueToken::generate(TokenKind::Session, rng));
                at.plus(Duration::from_secs(u64::from(hours.unsigned_abs()) * HOUR_SECONDS))
            }
            SessionKind::Program => {
                let (family, token) = Family::begin(id.uuid(), at, rng);
                first = Some(row_of(&family)?);
                refresh = Some(token);
                family.ends_at
            }
        };
        let refresh_expires_at = first.as_ref().map(|first: &sessions::Refresh| first.expires_at);
        let methods: Vec<String> = proved.methods.iter().map(|name| (*name).to_owned()).collect();
        let hash = secret.as_ref().map(OpaqueToken::hash);
        let new = sessions::NewSession {
            tenant,
            id,
            account: account.id,
            hash: hash.as_ref().map(authn::secrets::TokenHash::as_bytes),
            refresh: first,
            device: visitor.device,
            address: visitor.request.peer.map(|peer| peer.to_string()),
            assurance: proved.assurance,
            methods: &methods,
            at,
            expires_at,
        };
        sessions::open(&mut tx, &new).await?;
        accounts::set_last_tenant(&mut tx, account.id, tenant).await?;
        let device = match kind {
            SessionKind::Browser => self.know_device(&mut tx, visitor, account, at).await?,
            SessionKind::Program => None,
        };
        self.remember(&mut tx, account.id, EventKind::SignedIn, visitor).await?;
        let draft = Draft::done(EventKind::SignedIn)
            .subject("session", id)
            .fact("assurance", proved.assurance)
            .fact("by", proved.by)
            .fact("program", kind == SessionKind::Program);
        let draft = seen(draft, account.id, visitor);
        let by = By::Person(account.id, Some(id));
        let receipt = tx
            .seal_by(by, tenant, draft, visitor.request, action)
            .await
            .map_err(|error| unavailable(&error))?;
        Ok(NewSession {
            id,
            account: account.id,
            tenant,
            secret,
            refresh,
            refresh_expires_at,
            device,
            recovery_codes: None,
            expires_at,
            receipt,
        })
    }

    /// Remembers the device. A new one gets a mark of its own, and its person a letter unless it is the very first.
    async fn know_device(
        &self,
        tx: &mut SystemTx,
        visitor: Visitor<'_>,
        account: &Account,
        at: Timestamp,
    ) -> Result<Option<OpaqueToken>, Problem> {
        let shown = shown_device(visitor);
        if let Some(shown) = &shown
            && doors::knows_device(tx, account.id, shown.hash().as_bytes()).await?
        {
            doors::know_device(tx, account.id, shown.hash().as_bytes(), at).await?;
            return Ok(None);
        }
        if doors::knows_any_device(tx, account.id).await? {
            let letter =
                Letter::SignedInFromNewDevice { how: visitor.how(at), security: self.security_page()? };
            self.write(tx, &account.address, &letter).await?;
        }
        self.mark_device(tx, visitor, account.id, at).await
    }

    /// Takes the device for known from now on. Answers a mark for it to keep when it shows none.
    pub(super) async fn mark_device(
        &self,
        tx: &mut SystemTx,
        visitor: Visitor<'_>,
        account: AccountId,
        at: Timestamp,
    ) -> Result<Option<OpaqueToken>, Problem> {
        // A browser that several people use keeps one mark and is known to each of them.
        let (mark, fresh) = match shown_device(visitor) {
            Some(shown) => (shown, false),
            None => (OpaqueToken::generate(TokenKind::Device, self.vault.rng()), true),
        };
        doors::know_device(tx, account, mark.hash().as_bytes(), at).await?;
        Ok(fresh.then_some(mark))
    }
}
