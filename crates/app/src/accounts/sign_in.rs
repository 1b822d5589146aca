//! Signing in with a password, and the second factor behind it.

use std::time::Duration;

use authn::password::Password;
use authn::recovery::RecoveryCode;
use authn::secrets::{OpaqueToken, TokenKind};
use crypto::Place;
use gates::{By, Draft, Receipt, SystemTx};
use kernel::limits::CEREMONY_SECONDS;
use kernel::{AccountId, Assurance, EventKind, Gate, Problem, ProblemKind, TotpId};
use mail::{Address, Letter};
use serde::{Deserialize, Serialize};
use store::accounts::{self, Account};
use store::{doors, factors};

use super::events::seen;
use super::guesses::Target;
use super::open::Proved;
use super::{Accounts, NewSession, SessionKind, Visitor, no_match, unavailable};

const SIGN_IN: &str = "account.sign_in";
const SECOND: &str = "account.sign_in_second";
/// The purpose under which a sign-in waits for its second factor.
const WAITING: &str = "second_factor";

/// How far a sign-in got.
pub enum Step {
    /// All the way.
    Done(Box<NewSession>),
    /// The password was right; now the second factor.
    SecondFactor(Waiting),
}

/// A sign-in that waits for its second factor.
pub struct Waiting {
    /// Names the sign-in in the next request; works once, for [`CEREMONY_SECONDS`].
    pub ticket: OpaqueToken,
    /// Whether an authenticator app is enrolled.
    pub totp: bool,
    /// Whether a passkey is enrolled.
    pub passkey: bool,
    /// Whether recovery codes are left.
    pub recovery: bool,
    /// The entry.
    pub receipt: Receipt,
}

/// The same before it is on record.
struct Needed {
    ticket: OpaqueToken,
    totp: bool,
    passkey: bool,
    recovery: bool,
}

/// What a waiting sign-in remembers.
#[derive(Serialize, Deserialize)]
struct Memo {
    browser: bool,
}

/// The second factor, as given.
pub enum Second {
    /// A code of the authenticator app.
    Totp(String),
    /// A recovery code.
    Recovery(String),
}

impl Accounts {
    /// Signs in with address and password.
    ///
    /// # Errors
    /// One answer for everything that does not match; another for too many guesses, and for an address that its owner
    /// has yet to verify.
    pub async fn sign_in(
        &self,
        visitor: Visitor<'_>,
        address: &str,
        password: String,
        kind: SessionKind,
    ) -> Result<Step, Problem> {
        let address =
            Address::parse(address).map_err(|error| Problem::invalid("/address", error.to_string()))?;
        let key = address.key();
        let Ok(password) = Password::parse(password) else {
            return Err(self.turned_away(visitor, SIGN_IN, "wrong password", no_match()).await);
        };
        let mut tx = self.begin().await?;
        let account = accounts::by_address(&mut tx, &key).await?;
        tx.finish().await.map_err(|error| unavailable(&error))?;
        let known = account.as_ref().map(|account| account.id);
        let target = Target::Password { address: &key, account: known, session: None };
        let guess = self.admit(visitor, target, SIGN_IN).await?;
        let stored = account.as_ref().and_then(|account| account.password.as_deref());
        let compared = self.compare(stored, password).await?;
        let reason = match &account {
            None => Some("unknown address"),
            Some(_) if !compared.matches => Some("wrong password"),
            Some(account) if account.disabled_at.is_some() => Some("account disabled"),
            Some(_) => None,
        };
        let (Some(account), None) = (account.as_ref(), reason) else {
            return Err(self.failed(visitor, account.as_ref(), reason.unwrap_or("refused"), SIGN_IN).await);
        };
        self.forgive(guess).await?;
        if account.verified_at.is_none() {
            return Err(self.unverified(visitor, account).await?);
        }
        let mut tx = self.begin().await?;
        // What was true before the hash was computed may have changed while it was.
        let now = accounts::lock(&mut tx, account.id).await?;
        let Some(account) = now.filter(|now| now.password == account.password && now.disabled_at.is_none())
        else {
            drop(tx);
            return Err(self.turned_away(visitor, SIGN_IN, "changed meanwhile", no_match()).await);
        };
        if let (Some(old), Some(new)) = (&account.password, &compared.rehashed) {
            accounts::rehash(&mut tx, account.id, old, new).await?;
        }
        if let Some(needed) = self.second_factor(&mut tx, &account, kind).await? {
            return self.wait(tx, visitor, &account, needed).await.map(Step::SecondFactor);
        }
        let proved = Proved { assurance: Assurance::Aal1, methods: &["pwd"], by: "password" };
        let opened = self.open(tx, visitor, &account, kind, proved, SIGN_IN).await?;
        Ok(Step::Done(Box::new(opened)))
    }

    /// Puts a failed sign-in on record and gives the answer that says nothing.
    async fn failed(
        &self,
        visitor: Visitor<'_>,
        account: Option<&Account>,
        reason: &'static str,
        action: &'static str,
    ) -> Problem {
        let draft = Draft::refused(EventKind::AuthFailure).fact("reason", reason);
        let draft = match account {
            Some(account) => {
                self.count_refused(account.id, visitor);
                draft.subject("account", account.id)
            }
            None => draft,
        };
        let noted = self.vault.note(By::Nobody, self.home(account), draft, visitor.request, action).await;
        noted.err().unwrap_or_else(no_match)
    }

    /// Whoever knows the password may know that the address waits to be verified; another letter is sent.
    async fn unverified(&self, visitor: Visitor<'_>, account: &Account) -> Result<Problem, Problem> {
        let address = Address::parse(&account.address).map_err(|_| Problem::internal())?;
        if self.may_write(visitor, &address.key()).await? {
            let mut tx = self.begin().await?;
            let purpose = doors::LinkPurpose::Verify;
            let (link, until) = self.make_link(&mut tx, purpose, Some(account.id), None).await?;
            let how = visitor.how(self.vault.clock().now());
            self.write(&mut tx, &account.address, &Letter::VerifyAddress { link, until, how }).await?;
            tx.finish().await.map_err(|error| unavailable(&error))?;
        }
        let draft = Draft::refused(EventKind::AuthFailure)
            .fact("reason", "unverified")
            .subject("account", account.id);
        let draft = seen(draft, account.id, visitor);
        self.vault.note(By::Nobody, self.vault.instance(), draft, visitor.request, SIGN_IN).await?;
        let detail = "Verify your address first: the link is in a letter we have just sent you.";
        Ok(Problem::at(Gate::Identity, ProblemKind::Forbidden, detail))
    }

    /// A ticket for the second factor; `None` when the person has none.
    async fn second_factor(
        &self,
        tx: &mut SystemTx,
        account: &Account,
        kind: SessionKind,
    ) -> Result<Option<Needed>, Problem> {
        let totp = factors::totps(tx, account.id).await?.iter().any(|totp| totp.confirmed_at.is_some());
        let passkey = !factors::passkeys(tx, account.id).await?.is_empty();
        if !totp && !passkey {
            return Ok(None);
        }
        let recovery = factors::recovery_codes_left(tx, account.id).await? > 0;
        let memo = Memo { browser: kind == SessionKind::Browser };
        let state = serde_json::to_vec(&memo).map_err(|_| Problem::internal())?;
        let ticket =
            self.begin_ceremony(tx, TokenKind::SecondFactor, WAITING, Some(account.id), &state).await?;
        Ok(Some(Needed { ticket, totp, passkey, recovery }))
    }

    /// Puts on record that somebody knows the password, whatever comes of it: its owner should be able to see that.
    async fn wait(
        &self,
        tx: SystemTx,
        visitor: Visitor<'_>,
        account: &Account,
        needed: Needed,
    ) -> Result<Waiting, Problem> {
        let draft = Draft::intent(EventKind::SignedIn).subject("account", account.id).fact("by", "password");
        let sealed = tx.seal_by(By::Nobody, self.home(Some(account)), draft, visitor.request, SIGN_IN).await;
        let receipt = sealed.map_err(|error| unavailable(&error))?;
        let Needed { ticket, totp, passkey, recovery } = needed;
        Ok(Waiting { ticket, totp, passkey, recovery, receipt })
    }

    /// Keeps the state of a ceremony until its second request.
    pub(super) async fn begin_ceremony(
        &self,
        tx: &mut SystemTx,
        kind: TokenKind,
        purpose: &'static str,
        account: Option<AccountId>,
        state: &[u8],
    ) -> Result<OpaqueToken, Problem> {
        let token = OpaqueToken::generate(kind, self.vault.rng());
        let hash = token.hash();
        let until = self.vault.clock().now().plus(Duration::from_secs(CEREMONY_SECONDS));
        let row = crypto::hex(hash.as_bytes());
        let place = Place { tenant: None, table: "ceremony", column: "state_sealed", row: &row };
        let sealed =
            self.vault.envelope().seal(self.vault.rng(), &place, state).map_err(|_| Problem::internal())?;
        doors::put_ceremony(tx, hash.as_bytes(), purpose, account, &sealed, until).await?;
        Ok(token)
    }

    /// Opens what [`Self::begin_ceremony`] sealed.
    pub(super) fn open_ceremony(&self, hash: &[u8; 32], sealed: &[u8]) -> Result<crypto::Secret, Problem> {
        let row = crypto::hex(hash);
        let place = Place { tenant: None, table: "ceremony", column: "state_sealed", row: &row };
        self.vault.envelope().open(&place, sealed).map_err(|_| Problem::internal())
    }

    /// Whose sign-in waits under this ticket, without using it up: a mistyped code must not cost the whole sign-in.
    pub(super) async fn waiting(
        &self,
        tx: &mut SystemTx,
        ticket: &str,
    ) -> Result<(AccountId, [u8; 32], SessionKind), Problem> {
        let ticket = OpaqueToken::parse(TokenKind::SecondFactor, ticket).map_err(|_| start_again())?;
        let (hash, now) = (*ticket.hash().as_bytes(), self.vault.clock().now());
        let found = doors::look_at_ceremony(tx, &hash, WAITING, now).await?;
        let (Some(account), sealed) = found.ok_or_else(start_again)? else { return Err(start_again()) };
        let state = self.open_ceremony(&hash, &sealed)?;
        let memo: Memo = serde_json::from_slice(state.expose()).map_err(|_| Problem::internal())?;
        let kind = if memo.browser { SessionKind::Browser } else { SessionKind::Program };
        Ok((account, hash, kind))
    }

    /// Ends a waiting sign-in: its ticket works no more.
    pub(super) async fn spend(&self, tx: &mut SystemTx, hash: &[u8; 32]) -> Result<(), Problem> {
        let now = self.vault.clock().now();
        doors::take_ceremony(tx, hash, WAITING, now).await?.map(drop).ok_or_else(start_again)
    }

    /// Signs in with the second factor.
    ///
    /// # Errors
    /// When the ticket does not work, the code does not match, was used before, or too many were tried.
    pub async fn sign_in_second(
        &self,
        visitor: Visitor<'_>,
        ticket: &str,
        second: Second,
    ) -> Result<NewSession, Problem> {
        let mut tx = self.begin().await?;
        let waiting = self.waiting(&mut tx, ticket).await;
        drop(tx);
        let (id, ..) = match waiting {
            Ok(waiting) => waiting,
            Err(problem) => return Err(self.turned_away(visitor, SECOND, "dead ticket", problem).await),
        };
        let guess = self.admit(visitor, Target::Code { account: id, session: None }, SECOND).await?;
        let mut tx = self.begin().await?;
        let (id, hash, kind) = self.waiting(&mut tx, ticket).await?;
        let account = accounts::lock(&mut tx, id).await?.filter(|account| account.disabled_at.is_none());
        let account = account.ok_or_else(start_again)?;
        let proved = match &second {
            Second::Totp(code) => self.accept_totp(&mut tx, id, code).await?.map(|_| Proved {
                assurance: Assurance::Aal2,
                methods: &["pwd", "otp", "mfa"],
                by: "password and authenticator app",
            }),
            Second::Recovery(code) => {
                self.accept_recovery(&mut tx, visitor, &account, code).await?.then_some(Proved {
                    assurance: Assurance::Aal2,
                    methods: &["pwd", "otp", "mfa"],
                    by: "password and recovery code",
                })
            }
        };
        let Some(proved) = proved else {
            drop(tx);
            let draft = Draft::refused(EventKind::AuthFailure)
                .fact("reason", "wrong second factor")
                .subject("account", id);
            // Whoever knew the password is worth knowing of.
            let draft = seen(draft, id, visitor);
            let home = self.home(Some(&account));
            self.count_refused(id, visitor);
            self.vault.note(By::Nobody, home, draft, visitor.request, SECOND).await?;
            return Err(wrong_code());
        };
        self.spend(&mut tx, &hash).await?;
        let opened = self.open(tx, visitor, &account, kind, proved, SECOND).await?;
        self.forgive(guess).await?;
        Ok(opened)
    }

    /// Whether `code` is one of the person's authenticator apps, now, and not used before; uses it up.
    pub(super) async fn accept_totp(
        &self,
        tx: &mut SystemTx,
        account: AccountId,
        code: &str,
    ) -> Result<Option<TotpId>, Problem> {
        let keys = self.totp_keys(tx).await?;
        let now = self.vault.clock().now();
        for totp in factors::totps(tx, account).await?.iter().filter(|totp| totp.confirmed_at.is_some()) {
            let secret = super::totp_keys::open(&keys, &totp.secret)?;
            let last = totp.last_step.map(i64::unsigned_abs);
            let Ok(step) = secret.check(code, now, last) else { continue };
            let step = i64::try_from(step).map_err(|_| Problem::internal())?;
            if factors::use_totp(tx, account, totp.id, step, now).await? {
                if keys.needs_rotation(&totp.secret).unwrap_or(false)
                    && let Ok(resealed) = keys.rotate(&totp.secret, self.vault.rng())
                {
                    factors::reseal_totp(tx, account, totp.id, &resealed).await?;
                }
                return Ok(Some(totp.id));
            }
        }
        Ok(None)
    }

    async fn accept_recovery(
        &self,
        tx: &mut SystemTx,
        visitor: Visitor<'_>,
        account: &Account,
        code: &str,
    ) -> Result<bool, Problem> {
        let Ok(code) = RecoveryCode::parse(code) else { return Ok(false) };
        let at = self.vault.clock().now();
        if !factors::use_recovery_code(tx, account.id, code.hash().as_bytes(), at).await? {
            return Ok(false);
        }
        let left = factors::recovery_codes_left(tx, account.id).await?;
        let letter = Letter::RecoveryCodesUsed {
            left: u32::try_from(left).unwrap_or(0),
            how: visitor.how(at),
            security: self.security_page()?,
        };
        self.write(tx, &account.address, &letter).await?;
        Ok(true)
    }
}

/// The answer to a ticket that is used, wrong or too old.
pub(super) fn start_again() -> Problem {
    Problem::at(
        Gate::Identity,
        ProblemKind::Unauthenticated,
        "This sign-in took too long or was finished already; start again.",
    )
}

/// The answer to a code that does not match.
pub(super) fn wrong_code() -> Problem {
    let detail = "The code does not match. Codes change every 30 seconds and each works once.";
    Problem::at(Gate::Identity, ProblemKind::Unauthenticated, detail)
}
