//! The passkey of somebody who has no account yet: made in place of a password by the first administrator, and by whoever
//! was invited.
//!
//! The account's id is drawn when the ceremony begins, because the authenticator keeps it; the account itself is made with
//! the answer, in the transaction that uses the link up.

use authn::secrets::TokenKind;
use gates::SystemTx;
use kernel::{AccountId, Assurance, PasskeyId, Problem, Timestamp};
use mail::Address;
use store::factors;

use super::codes::RecoveryCodes;
use super::open::Proved;
use super::passkeys::{Ceremony, keep, not_accepted};
use super::sign_in::start_again;
use super::{Accounts, choose, unavailable};
use crate::input::Name;

/// The purpose under which these ceremonies are kept.
const COMING: &str = "newcomer_passkey";
/// What a passkey is called that was made before anything else.
const NAME: &str = "First passkey";

/// How somebody who makes an account will sign in.
pub enum Secret {
    /// With this password.
    Password(String),
    /// With a passkey: the ceremony's token, and what the browser answered.
    Passkey {
        /// Names the ceremony.
        ceremony: String,
        /// The browser's answer, as JSON.
        answer: String,
    },
}

/// The same, looked at: a password that may be chosen, as a hash; or a ceremony to be ended with the account.
pub(super) enum Checked {
    Password(String),
    Passkey { ceremony: String, answer: String },
}

/// A new account's way in, and the account's id where the ceremony has drawn one.
pub(super) struct Way {
    pub(super) id: AccountId,
    pub(super) password: Option<String>,
    passkey: Option<authn::webauthn::Enrolled>,
}

impl Way {
    /// What a person has proved by coming in this way.
    pub(super) fn proved(&self, by: &'static str, with_password: &'static [&'static str]) -> Proved<'static> {
        if self.passkey.is_some() {
            return Proved { assurance: Assurance::Aal2, methods: &["hwk", "user", "mfa"], by };
        }
        Proved { assurance: Assurance::Aal1, methods: with_password, by }
    }
}

impl Accounts {
    /// Begins the passkey of the first administrator. The link is looked at and not used up.
    ///
    /// # Errors
    /// When the link does not work, or this site has no passkeys.
    pub async fn begin_welcome_passkey(
        &self,
        token: &str,
        address: &Address,
        name: Name,
    ) -> Result<Ceremony, Problem> {
        self.welcome_link_works(token).await?;
        self.begin_newcomer(address.as_str(), name).await
    }

    /// Begins the passkey of somebody who was invited. The invitation is looked at and not used up.
    ///
    /// # Errors
    /// When the invitation does not work, or this site has no passkeys.
    pub async fn begin_invitation_passkey(&self, code: &str, name: Name) -> Result<Ceremony, Problem> {
        let offer = self.offer(code).await?;
        self.begin_newcomer(&offer.address, name).await
    }

    async fn begin_newcomer(&self, address: &str, name: Name) -> Result<Ceremony, Problem> {
        let id = AccountId::new(self.vault.clock(), self.vault.rng());
        let party = self.relying_party()?;
        let begun =
            party.begin_registration(id.uuid(), address, &name.into_inner(), &[]).map_err(not_accepted)?;
        let state = format!("{id}\n{}", begun.state);
        let mut tx = self.begin().await?;
        let token = self.begin_ceremony(&mut tx, TokenKind::Ceremony, COMING, None, state.as_bytes()).await?;
        tx.finish().await.map_err(|error| unavailable(&error))?;
        Ok(Ceremony { token, options: begun.options })
    }

    /// Looks at how somebody wants to sign in, before anything is locked: a password is judged and hashed here. `words`
    /// are words of the person's own.
    pub(super) async fn look_at(&self, secret: Secret, words: &[&str]) -> Result<Checked, Problem> {
        Ok(match secret {
            Secret::Password(typed) => Checked::Password(self.hashing.hash(choose(typed, words)?).await?),
            Secret::Passkey { ceremony, answer } => Checked::Passkey { ceremony, answer },
        })
    }

    /// Ends the ceremony, where there is one.
    pub(super) async fn way_in(&self, tx: &mut SystemTx, checked: Checked) -> Result<Way, Problem> {
        match checked {
            Checked::Password(hash) => {
                let id = AccountId::new(self.vault.clock(), self.vault.rng());
                Ok(Way { id, password: Some(hash), passkey: None })
            }
            Checked::Passkey { ceremony, answer } => {
                let (_, state) = self.take_ceremony(tx, &ceremony, COMING).await?;
                let (id, state) = state.split_once('\n').ok_or_else(start_again)?;
                let id: AccountId = id.parse().map_err(|_| Problem::internal())?;
                let party = self.relying_party()?;
                let passkey = party.finish_registration(state, &answer).map_err(not_accepted)?;
                Ok(Way { id, password: None, passkey: Some(passkey) })
            }
        }
    }

    /// Keeps the passkey of an account that was just made, and makes the recovery codes that come with it.
    pub(super) async fn keep_way(
        &self,
        tx: &mut SystemTx,
        way: Way,
        at: Timestamp,
    ) -> Result<Option<RecoveryCodes>, Problem> {
        let Some(enrolled) = way.passkey else { return Ok(None) };
        let passkey = PasskeyId::new(self.vault.clock(), self.vault.rng());
        keep(tx, passkey, way.id, NAME.to_owned(), enrolled, at).await?;
        factors::show_second_factor(tx, way.id).await?;
        self.codes_with_factor(tx, way.id).await
    }
}
