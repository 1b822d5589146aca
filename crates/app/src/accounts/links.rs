//! Links that open something once.

use std::time::Duration;

use authn::secrets::{OpaqueToken, TokenKind};
use gates::SystemTx;
use kernel::limits::{RESET_LINK_SECONDS, VERIFY_LINK_SECONDS, WELCOME_LINK_SECONDS};
use kernel::{AccountId, Problem, Timestamp};
use mail::Link;
use store::doors::{self, LinkPurpose, NewLink};

use super::{Accounts, dead_link};

/// What a purpose means: the kind of token, the page, and how long it works.
fn terms(purpose: LinkPurpose) -> (TokenKind, &'static str, u64) {
    match purpose {
        LinkPurpose::Verify => (TokenKind::EmailVerification, "/verify", VERIFY_LINK_SECONDS),
        LinkPurpose::Reset => (TokenKind::PasswordReset, "/reset/new", RESET_LINK_SECONDS),
        LinkPurpose::ChangeAddress => {
            (TokenKind::AddressChange, "/security/email/confirm", VERIFY_LINK_SECONDS)
        }
        LinkPurpose::Welcome => (TokenKind::Welcome, "/welcome", WELCOME_LINK_SECONDS),
    }
}

impl Accounts {
    /// Makes a link and keeps its hash. An earlier one of the same kind for the same account stops working.
    pub(super) async fn make_link(
        &self,
        tx: &mut SystemTx,
        purpose: LinkPurpose,
        account: Option<AccountId>,
        detail: Option<&str>,
    ) -> Result<(Link, Timestamp), Problem> {
        let (kind, path, seconds) = terms(purpose);
        let at = self.vault.clock().now();
        let until = at.plus(Duration::from_secs(seconds));
        let token = OpaqueToken::generate(kind, self.vault.rng());
        let hash = token.hash();
        let new = NewLink { hash: hash.as_bytes(), purpose, account, detail, at, expires_at: until };
        doors::put_link(tx, &new).await?;
        let link = self.site.link(path, &token).map_err(|_| Problem::internal())?;
        Ok((link, until))
    }

    /// What a link is about, without using it up.
    pub(super) async fn look_at_link(
        &self,
        tx: &mut SystemTx,
        purpose: LinkPurpose,
        token: &str,
    ) -> Result<doors::Link, Problem> {
        let token = OpaqueToken::parse(terms(purpose).0, token).map_err(|_| dead_link())?;
        let now = self.vault.clock().now();
        doors::look_at_link(tx, token.hash().as_bytes(), purpose, now).await?.ok_or_else(dead_link)
    }

    /// Uses a link up.
    pub(super) async fn take_link(
        &self,
        tx: &mut SystemTx,
        purpose: LinkPurpose,
        token: &str,
    ) -> Result<doors::Link, Problem> {
        let token = OpaqueToken::parse(terms(purpose).0, token).map_err(|_| dead_link())?;
        let now = self.vault.clock().now();
        doors::take_link(tx, token.hash().as_bytes(), purpose, now).await?.ok_or_else(dead_link)
    }
}
