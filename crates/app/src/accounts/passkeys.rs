//! Passkeys: signing in without a name, as a second factor, and enrolling them.

use authn::secrets::{OpaqueToken, TokenKind};
use authn::webauthn::{Enrolled, PasskeyError};
use gates::{By, Draft, Pass, Receipt, SystemTx};
use kernel::limits::PASSKEYS_MAX;
use kernel::{AccountId, Assurance, EventKind, Gate, PasskeyId, Problem, ProblemKind, Timestamp};
use mail::{Letter, Words};
use store::factors::Passkey;
use store::{StoreError, accounts, doors, factors, sessions};

use super::codes::RecoveryCodes;
use super::open::Proved;
use super::own::tell_homes;
use super::sign_in::start_again;
use super::{Accounts, NewSession, SessionKind, Visitor, no_match, unavailable};
use crate::action;
use crate::input::Name;

const SIGN_IN: &str = "account.sign_in_passkey";
/// The purposes under which ceremonies are kept.
const ASKING: &str = "passkey";
const MAKING: &str = "new_passkey";

action! {
    /// Begins to enrol a passkey.
    BeginPasskey = "mfa.begin_passkey", Enrol, Human, Account, Fresh
}

action! {
    /// Enrols a passkey.
    AddPasskey = "mfa.add_passkey", Enrol, Human, Account
}

action! {
    /// Gives a passkey another name.
    RenamePasskey = "mfa.rename_passkey", Own, Human, Account
}

action! {
    /// Removes a passkey.
    RemovePasskey = "mfa.remove_passkey", Own, Human, Account, Fresh
}

/// A ceremony for the browser.
pub struct Ceremony {
    /// Names the ceremony in the second request.
    pub token: OpaqueToken,
    /// What the browser is asked, as JSON.
    pub options: String,
}

/// Whose passkey was used.
pub(super) struct UsedPasskey {
    pub(super) account: AccountId,
    pub(super) synchronised: bool,
}

pub(super) fn not_accepted(error: PasskeyError) -> Problem {
    match error {
        PasskeyError::Malformed => Problem::invalid("/answer", error.to_string()),
        PasskeyError::Refused | PasskeyError::Copied => {
            Problem::at(Gate::Identity, ProblemKind::Unauthenticated, error.to_string())
        }
        PasskeyError::State => Problem::internal(),
    }
}

/// Keeps a passkey that was just made.
///
/// # Errors
/// A conflict when somebody has it already.
pub(super) async fn keep(
    tx: &mut SystemTx,
    id: PasskeyId,
    account: AccountId,
    name: String,
    enrolled: Enrolled,
    at: Timestamp,
) -> Result<(), Problem> {
    let row = Passkey {
        id,
        account,
        credential_id: enrolled.credential_id,
        name,
        credential: enrolled.credential,
        provider: enrolled.provider.map(str::to_owned),
        created_at: at,
        last_used_at: None,
    };
    match factors::add_passkey(tx, &row).await {
        Err(StoreError::Taken) => {
            Err(Problem::new(ProblemKind::Conflict, "This passkey is enrolled already."))
        }
        other => Ok(other?),
    }
}

impl Accounts {
    /// Begins a ceremony that asks for a passkey, whoever it belongs to.
    ///
    /// # Errors
    /// When this site has no passkeys, or the database cannot be used.
    pub async fn ask_for_passkey(&self) -> Result<Ceremony, Problem> {
        let begun = self.relying_party()?.begin_authentication().map_err(not_accepted)?;
        let mut tx = self.begin().await?;
        let state = begun.state.as_bytes();
        let token = self.begin_ceremony(&mut tx, TokenKind::Ceremony, ASKING, None, state).await?;
        tx.finish().await.map_err(|error| unavailable(&error))?;
        Ok(Ceremony { token, options: begun.options })
    }

    /// Ends a ceremony: verifies the answer, notes the use, and says whose passkey it is.
    pub(super) async fn use_passkey(
        &self,
        tx: &mut SystemTx,
        ceremony: &str,
        answer: &str,
    ) -> Result<UsedPasskey, Problem> {
        let state = self.take_ceremony(tx, ceremony, ASKING).await?.1;
        let party = self.relying_party()?;
        let credential_id = party.credential_of(answer).map_err(not_accepted)?;
        let passkey = factors::passkey(tx, &credential_id).await?.ok_or_else(|| {
            let detail = "This passkey is not known here. It may have been removed.";
            Problem::at(Gate::Identity, ProblemKind::Unauthenticated, detail)
        })?;
        let person = passkey.account.uuid();
        let used =
            party.finish_authentication(&state, answer, &passkey.credential, person).map_err(not_accepted)?;
        let at = self.vault.clock().now();
        factors::used_passkey(tx, passkey.account, passkey.id, &used.credential, at).await?;
        Ok(UsedPasskey { account: passkey.account, synchronised: used.synchronised })
    }

    /// Takes a ceremony and opens its state.
    pub(super) async fn take_ceremony(
        &self,
        tx: &mut SystemTx,
        token: &str,
        purpose: &'static str,
    ) -> Result<(Option<AccountId>, String), Problem> {
        let token = OpaqueToken::parse(TokenKind::Ceremony, token).map_err(|_| start_again())?;
        let (hash, now) = (*token.hash().as_bytes(), self.vault.clock().now());
        let (account, sealed) =
            doors::take_ceremony(tx, &hash, purpose, now).await?.ok_or_else(start_again)?;
        let state = self.open_ceremony(&hash, &sealed)?;
        let state = String::from_utf8(state.expose().to_vec()).map_err(|_| Problem::internal())?;
        Ok((account, state))
    }

    /// Signs in with a passkey. With a ticket it is the second factor of a sign-in that has begun, and must be that
    /// person's; without one it is all that is needed: it is something one has, and it verified its user.
    ///
    /// # Errors
    /// When the ceremony is over, or the answer does not fit.
    pub async fn sign_in_passkey(
        &self,
        visitor: Visitor<'_>,
        ticket: Option<&str>,
        ceremony: &str,
        answer: &str,
        kind: SessionKind,
    ) -> Result<NewSession, Problem> {
        let mut tx = self.begin().await?;
        let waiting = match ticket {
            Some(ticket) => match self.waiting(&mut tx, ticket).await {
                Ok(waiting) => Some(waiting),
                Err(problem) => {
                    drop(tx);
                    return Err(self.turned_away(visitor, SIGN_IN, "dead ticket", problem).await);
                }
            },
            None => None,
        };
        let used = match self.use_passkey(&mut tx, ceremony, answer).await {
            Ok(used) => used,
            Err(problem) => {
                drop(tx);
                return Err(self.refuse_passkey(visitor, None, problem).await);
            }
        };
        let account = accounts::lock(&mut tx, used.account).await?;
        let expected = waiting.as_ref().is_none_or(|(account, ..)| *account == used.account);
        let open =
            |account: &accounts::Account| account.disabled_at.is_none() && account.verified_at.is_some();
        let Some(account) = account.filter(|account| expected && open(account)) else {
            drop(tx);
            return Err(self.refuse_passkey(visitor, Some(used.account), no_match()).await);
        };
        let mut kind = kind;
        if let Some((_, hash, waiting_kind)) = &waiting {
            self.spend(&mut tx, hash).await?;
            kind = *waiting_kind;
        }
        let methods: &[&str] = match (used.synchronised, waiting.is_some()) {
            (true, false) => &["swk", "user", "mfa"],
            (false, false) => &["hwk", "user", "mfa"],
            (true, true) => &["pwd", "swk", "user", "mfa"],
            (false, true) => &["pwd", "hwk", "user", "mfa"],
        };
        let by = if waiting.is_some() { "password and passkey" } else { "passkey" };
        let proved = Proved { assurance: Assurance::Aal2, methods, by };
        self.open(tx, visitor, &account, kind, proved, SIGN_IN).await
    }

    async fn refuse_passkey(
        &self,
        visitor: Visitor<'_>,
        account: Option<AccountId>,
        problem: Problem,
    ) -> Problem {
        let draft = Draft::refused(EventKind::AuthFailure).fact("reason", "passkey not accepted");
        let draft = match account {
            Some(account) => draft.subject("account", account),
            None => draft,
        };
        let instance = self.vault.instance();
        self.vault.note(By::Nobody, instance, draft, visitor.request, SIGN_IN).await.err().unwrap_or(problem)
    }

    /// Begins to enrol a passkey.
    ///
    /// # Errors
    /// When this site has no passkeys, or the person has too many.
    pub async fn begin_passkey(&self, mut pass: Pass<BeginPasskey>) -> Result<(Ceremony, Receipt), Problem> {
        let id = pass.account().account();
        let party = match self.relying_party() {
            Ok(party) => party,
            Err(problem) => return Err(pass.fail(Draft::failed(EventKind::PasskeyAdded), problem).await),
        };
        let tx = pass.account().system().await?;
        let account = accounts::lock(tx, id).await?.ok_or_else(Problem::not_found)?;
        let existing = factors::passkeys(tx, id).await?;
        if existing.len() as u64 >= PASSKEYS_MAX.unsigned_abs() {
            let detail = format!("A person has {PASSKEYS_MAX} passkeys at most; remove one first.");
            let problem = Problem::new(ProblemKind::Conflict, detail);
            return Err(pass.fail(Draft::failed(EventKind::PasskeyAdded), problem).await);
        }
        let existing: Vec<Vec<u8>> = existing.into_iter().map(|passkey| passkey.credential_id).collect();
        let begun = party
            .begin_registration(id.uuid(), &account.address, &account.name, &existing)
            .map_err(not_accepted)?;
        let state = begun.state.as_bytes();
        let token = self.begin_ceremony(tx, TokenKind::Ceremony, MAKING, Some(id), state).await?;
        let receipt = pass.seal(Draft::intent(EventKind::PasskeyAdded).subject("account", id)).await?;
        Ok((Ceremony { token, options: begun.options }, receipt))
    }

    /// Enrols a passkey with the browser's answer. The first second factor comes with recovery codes, and the session counts
    /// as confirmed by it.
    ///
    /// # Errors
    /// When the ceremony is over or another person's, or the answer does not fit.
    pub async fn add_passkey(
        &self,
        mut pass: Pass<AddPasskey>,
        visitor: Visitor<'_>,
        ceremony: &str,
        answer: &str,
        name: Name,
    ) -> Result<(PasskeyId, Option<RecoveryCodes>, Receipt), Problem> {
        let (id, this) = (pass.account().account(), pass.account().session());
        let (rng, clock, at) = (self.vault.rng(), self.vault.clock(), self.vault.clock().now());
        let passkey = PasskeyId::new(clock, rng);
        let name = name.into_inner();
        let tx = pass.account().system().await?;
        let account = accounts::lock(tx, id).await?.ok_or_else(Problem::not_found)?;
        let enrolled = match self.take_ceremony(tx, ceremony, MAKING).await {
            Ok((Some(owner), state)) if owner == id => {
                self.relying_party()?.finish_registration(&state, answer).map_err(not_accepted)
            }
            Ok(_) => Err(start_again()),
            Err(problem) => Err(problem),
        };
        let enrolled = match enrolled {
            Ok(enrolled) => enrolled,
            Err(problem) => return Err(pass.fail(Draft::refused(EventKind::PasskeyAdded), problem).await),
        };
        match keep(tx, passkey, id, name.clone(), enrolled, at).await {
            Err(problem) if problem.kind == ProblemKind::Conflict => {
                return Err(pass.fail(Draft::refused(EventKind::PasskeyAdded), problem).await);
            }
            other => other?,
        }
        let codes = self.codes_with_factor(tx, id).await?;
        let methods = ["hwk".to_owned(), "user".to_owned(), "mfa".to_owned()];
        sessions::confirm(tx, id, this, Assurance::Aal2, &methods, at).await?;
        factors::show_second_factor(tx, id).await?;
        let letter = Letter::PasskeyAdded {
            name: Words::name(&name),
            how: visitor.how(at),
            security: self.security_page()?,
        };
        self.write(tx, &account.address, &letter).await?;
        self.remember(tx, id, EventKind::PasskeyAdded, visitor).await?;
        tell_homes(&mut pass, EventKind::PasskeyAdded).await?;
        let draft = Draft::done(EventKind::PasskeyAdded)
            .subject("passkey", passkey)
            .fact("recovery_codes", codes.is_some());
        let receipt = pass.seal(draft).await?;
        Ok((passkey, codes, receipt))
    }

    /// Removes a passkey. A person without a password keeps the last one.
    ///
    /// # Errors
    /// When there is no such passkey, or it is the only way in.
    pub async fn remove_passkey(
        &self,
        mut pass: Pass<RemovePasskey>,
        visitor: Visitor<'_>,
        passkey: PasskeyId,
    ) -> Result<Receipt, Problem> {
        let (id, at) = (pass.account().account(), self.vault.clock().now());
        let draft = |draft: Draft| draft.subject("passkey", passkey);
        let tx = pass.account().system().await?;
        let account = accounts::lock(tx, id).await?.ok_or_else(Problem::not_found)?;
        let all = factors::passkeys(tx, id).await?;
        let Some(found) = all.iter().find(|one| one.id == passkey) else {
            return Err(pass
                .fail(draft(Draft::failed(EventKind::PasskeyRemoved)), Problem::not_found())
                .await);
        };
        if all.len() == 1 && account.password.is_none() {
            let detail = "This passkey is your only way in. Set a password or enrol another passkey first.";
            let problem = Problem::new(ProblemKind::Conflict, detail);
            return Err(pass.fail(draft(Draft::refused(EventKind::PasskeyRemoved)), problem).await);
        }
        factors::remove_passkey(tx, id, passkey).await?;
        factors::show_second_factor(tx, id).await?;
        let letter = Letter::PasskeyRemoved {
            name: Words::name(&found.name),
            how: visitor.how(at),
            security: self.security_page()?,
        };
        self.write(tx, &account.address, &letter).await?;
        self.remember(tx, id, EventKind::PasskeyRemoved, visitor).await?;
        tell_homes(&mut pass, EventKind::PasskeyRemoved).await?;
        pass.seal(draft(Draft::done(EventKind::PasskeyRemoved))).await
    }
}

/// Gives a passkey another name.
///
/// # Errors
/// When there is no such passkey.
pub async fn rename(
    mut pass: Pass<RenamePasskey>,
    passkey: PasskeyId,
    name: Name,
) -> Result<Receipt, Problem> {
    let id = pass.account().account();
    let draft = |draft: Draft| draft.subject("passkey", passkey);
    let tx = pass.account().system().await?;
    if factors::rename_passkey(tx, id, passkey, &name.into_inner()).await? {
        return pass.seal(draft(Draft::done(EventKind::PasskeyRenamed))).await;
    }
    Err(pass.fail(draft(Draft::failed(EventKind::PasskeyRenamed)), Problem::not_found()).await)
}
