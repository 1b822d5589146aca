//! Recovery codes: they come with the first second factor of any kind, for the day it is lost.

use authn::recovery::{RECOVERY_CODES, RecoveryCode};
use authn::secrets::{OpaqueToken, TokenKind};
use gates::{Draft, Pass, Receipt, SystemTx};
use kernel::{AccountId, EventKind, Problem};
use mail::Letter;
use store::{accounts, doors, factors};
use zeroize::Zeroizing;

use super::{Accounts, Visitor, unavailable};
use crate::action;

/// The purpose under which codes wait for the page that shows them.
const TO_SHOW: &str = "recovery_codes";

action! {
    /// Makes new recovery codes; the old ones are void.
    MakeRecoveryCodes = "mfa.make_recovery_codes", Enrol, Human, Account, Fresh
}

/// A set of codes, shown once.
pub type RecoveryCodes = [RecoveryCode; RECOVERY_CODES];

impl Accounts {
    async fn new_codes(&self, tx: &mut SystemTx, account: AccountId) -> Result<RecoveryCodes, Problem> {
        let codes = RecoveryCode::generate_set(self.vault.rng());
        let hashes: Vec<Vec<u8>> = codes.iter().map(|code| code.hash().as_bytes().to_vec()).collect();
        factors::set_recovery_codes(tx, account, &hashes, self.vault.clock().now()).await?;
        Ok(codes)
    }

    /// The codes that come with a factor just enrolled; `None` when there are some already.
    pub(super) async fn codes_with_factor(
        &self,
        tx: &mut SystemTx,
        account: AccountId,
    ) -> Result<Option<RecoveryCodes>, Problem> {
        match factors::recovery_codes_left(tx, account).await? {
            0 => self.new_codes(tx, account).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Makes new recovery codes. They are shown this once.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn make_recovery_codes(
        &self,
        mut pass: Pass<MakeRecoveryCodes>,
        visitor: Visitor<'_>,
    ) -> Result<(RecoveryCodes, Receipt), Problem> {
        let (id, at) = (pass.account().account(), self.vault.clock().now());
        let tx = pass.account().system().await?;
        let account = accounts::lock(tx, id).await?.ok_or_else(Problem::not_found)?;
        let codes = self.new_codes(tx, id).await?;
        let letter =
            Letter::RecoveryCodesRegenerated { how: visitor.how(at), security: self.security_page()? };
        self.write(tx, &account.address, &letter).await?;
        self.remember(tx, id, EventKind::RecoveryCodesMade, visitor).await?;
        let draft = Draft::done(EventKind::RecoveryCodesMade)
            .subject("account", id)
            .fact("codes", RECOVERY_CODES as u64);
        Ok((codes, pass.seal(draft).await?))
    }

    /// Keeps codes that were just made, sealed and for a few minutes, for the page that a browser is sent to next: a script
    /// ends the ceremony of a passkey and shows nothing itself.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn keep_to_show(
        &self,
        account: AccountId,
        codes: &RecoveryCodes,
    ) -> Result<OpaqueToken, Problem> {
        let mut text = Zeroizing::new(String::with_capacity(RECOVERY_CODES * 32));
        for code in codes {
            text.push_str(code.expose());
            text.push('\n');
        }
        let mut tx = self.begin().await?;
        let kept = self
            .begin_ceremony(&mut tx, TokenKind::Ceremony, TO_SHOW, Some(account), text.as_bytes())
            .await?;
        tx.finish().await.map_err(|error| unavailable(&error))?;
        Ok(kept)
    }

    /// The codes that were kept for this person's page; nothing when they were stored or it took too long.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn kept_to_show(
        &self,
        account: AccountId,
        token: &str,
    ) -> Result<Option<Vec<Zeroizing<String>>>, Problem> {
        let Ok(token) = OpaqueToken::parse(TokenKind::Ceremony, token) else { return Ok(None) };
        let (hash, now) = (*token.hash().as_bytes(), self.vault.clock().now());
        let mut tx = self.begin().await?;
        let found = doors::look_at_ceremony(&mut tx, &hash, TO_SHOW, now).await?;
        let Some((_, sealed)) = found.filter(|(owner, _)| *owner == Some(account)) else { return Ok(None) };
        let text = self.open_ceremony(&hash, &sealed)?;
        let text = std::str::from_utf8(text.expose()).map_err(|_| Problem::internal())?;
        Ok(Some(text.lines().map(|code| Zeroizing::new(code.to_owned())).collect()))
    }

    /// Forgets codes that were kept for a page: their person has stored them.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn shown(&self, token: &str) -> Result<(), Problem> {
        let Ok(token) = OpaqueToken::parse(TokenKind::Ceremony, token) else { return Ok(()) };
        let mut tx = self.begin().await?;
        doors::take_ceremony(&mut tx, token.hash().as_bytes(), TO_SHOW, self.vault.clock().now()).await?;
        tx.finish().await.map_err(|error| unavailable(&error))
    }
}
