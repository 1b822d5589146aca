//! Signing up, and proving that the address is one's own.

use authn::password::Password;
use gates::{By, Draft};
use kernel::{AccountId, Assurance, EventKind, Problem};
use mail::{Address, Letter};
use store::StoreError;
use store::accounts::{self, NewAccount};
use store::doors::LinkPurpose;

use super::guesses::Target;
use super::open::Proved;
use super::{Accounts, Floor, NewSession, SessionKind, Visitor, choose, dead_link, no_match, unavailable};
use crate::input::Name;

const SIGN_UP: &str = "account.sign_up";
const VERIFY: &str = "account.verify";

/// What a new person says of themselves.
pub struct SignUp {
    /// The address.
    pub address: Address,
    /// The name they go by.
    pub name: Name,
    /// The password, as typed.
    pub password: String,
}

impl Accounts {
    /// Takes a sign-up. The answer is the same for addresses that have an account and for those that have none, and takes
    /// as long; what differs is the letter. Nothing opens before the address is verified.
    ///
    /// # Errors
    /// What is wrong with the password, or that too many letters were asked for.
    pub async fn sign_up(&self, visitor: Visitor<'_>, new: SignUp) -> Result<(), Problem> {
        let floor = Floor::begin();
        let key = new.address.key();
        let name = new.name.into_inner();
        let password = choose(new.password, &[new.address.as_str(), new.address.local(), &name])?;
        let done = self.take_sign_up(visitor, &new.address, &key, &name, password).await;
        floor.reached().await;
        done
    }

    async fn take_sign_up(
        &self,
        visitor: Visitor<'_>,
        address: &Address,
        key: &str,
        name: &str,
        password: Password,
    ) -> Result<(), Problem> {
        let instance = self.vault.instance();
        let not_made = |reason| Draft::refused(EventKind::AccountCreated).fact("reason", reason);
        if !self.may_write(visitor, key).await? {
            // Silence: that letters were sent to an address lately is not a stranger's business.
            let draft = not_made("too many letters");
            return self.vault.note(By::Nobody, instance, draft, visitor.request, SIGN_UP).await.map(drop);
        }
        let hash = self.hashing.hash(password).await?;
        let (clock, rng, at) = (self.vault.clock(), self.vault.rng(), self.vault.clock().now());
        let id = AccountId::new(clock, rng);
        let mut tx = self.begin().await?;
        let there = accounts::by_address(&mut tx, key).await?;
        if let Some(there) = there.as_ref().filter(|account| account.verified_at.is_some()) {
            let letter = Letter::AccountExists {
                sign_in: self.page("/sign-in")?,
                reset: self.page("/reset")?,
                how: visitor.how(at),
            };
            self.write(&mut tx, &there.address, &letter).await?;
            tx.seal_by(By::Nobody, instance, not_made("address taken"), visitor.request, SIGN_UP)
                .await
                .map_err(|error| unavailable(&error))?;
            return Ok(());
        }
        let new = NewAccount {
            id,
            address: address.as_str(),
            address_key: key,
            verified: false,
            name,
            password: Some(&hash),
            super_admin: false,
            at,
        };
        // An address that was never verified belongs to nobody yet: the one who reads its mail decides.
        if there.is_some() {
            accounts::forget_unverified(&mut tx, key).await?;
        }
        match accounts::create(&mut tx, &new).await {
            // Two sign-ups at once: the other one's letter is on its way.
            Err(StoreError::Taken) => {
                drop(tx);
                let draft = not_made("address taken");
                return self
                    .vault
                    .note(By::Nobody, instance, draft, visitor.request, SIGN_UP)
                    .await
                    .map(drop);
            }
            other => other?,
        }
        let (link, until) = self.make_link(&mut tx, LinkPurpose::Verify, Some(id), None).await?;
        self.write(&mut tx, address.as_str(), &Letter::VerifyAddress { link, until, how: visitor.how(at) })
            .await?;
        let draft = Draft::done(EventKind::AccountCreated).subject("account", id);
        tx.seal_by(By::Nobody, instance, draft, visitor.request, SIGN_UP)
            .await
            .map_err(|error| unavailable(&error))?;
        Ok(())
    }

    /// Verifies an address by the link from the letter, and signs in.
    ///
    /// The link alone is not enough: somebody may have signed up with another person's address and wait for that person
    /// to press the button. So whoever verifies also says the password that was chosen.
    ///
    /// # Errors
    /// When the link does not work, the password is another one, or too many were tried.
    pub async fn verify(
        &self,
        visitor: Visitor<'_>,
        token: &str,
        password: String,
        kind: SessionKind,
    ) -> Result<NewSession, Problem> {
        let done = self.follow_verify(visitor, token, password, kind).await;
        self.watched(visitor, VERIFY, done).await
    }

    async fn follow_verify(
        &self,
        visitor: Visitor<'_>,
        token: &str,
        password: String,
        kind: SessionKind,
    ) -> Result<NewSession, Problem> {
        let mut tx = self.begin().await?;
        let link = self.look_at_link(&mut tx, LinkPurpose::Verify, token).await?;
        let id = link.account.ok_or_else(dead_link)?;
        let account = accounts::lock(&mut tx, id).await?.ok_or_else(dead_link)?;
        drop(tx);
        let address = Address::parse(&account.address).map_err(|_| Problem::internal())?.key();
        let Ok(password) = Password::parse(password) else {
            return Err(self.turned_away(visitor, VERIFY, "wrong password", no_match()).await);
        };
        let target = Target::Password { address: &address, account: Some(id), session: None };
        let guess = self.admit(visitor, target, VERIFY).await?;
        if !self.compare(account.password.as_deref(), password).await?.matches {
            let draft = Draft::refused(EventKind::AuthFailure).fact("reason", "wrong password");
            self.vault.note(By::Nobody, self.vault.instance(), draft, visitor.request, VERIFY).await?;
            return Err(no_match());
        }
        self.forgive(guess).await?;
        let at = self.vault.clock().now();
        let mut tx = self.begin().await?;
        self.take_link(&mut tx, LinkPurpose::Verify, token).await?;
        accounts::verify(&mut tx, id, at).await?;
        let draft = Draft::done(EventKind::AccountVerified).subject("account", id);
        let by = By::Person(id, None);
        tx.also(by, self.vault.instance(), draft, visitor.request, VERIFY)
            .await
            .map_err(|error| unavailable(&error))?;
        let proved = Proved { assurance: Assurance::Aal1, methods: &["pwd"], by: "password" };
        self.open(tx, visitor, &account, kind, proved, VERIFY).await
    }
}
