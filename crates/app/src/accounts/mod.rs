//! Accounts: people signing up, proving who they are, and keeping what is their own.
//!
//! Two kinds of functions are here. Those of [`Accounts`] are for visitors: nobody is known yet, so there is no pass; they
//! work under the system role, say why, and seal what they change in the name of whoever proved to be somebody. Those
//! with a [`gates::Pass`] are for people who are signed in. Either way an answer never tells a stranger which addresses
//! have an account.

mod devices;
mod guesses;
mod hashing;
mod letters;
mod links;
mod open;
mod site;

pub mod address;
pub mod codes;
pub mod events;
pub mod factors;
pub mod first;
pub mod join;
pub mod keeping;
pub mod newcomers;
pub mod own;
pub mod passkeys;
pub mod recover;
pub mod sign_in;
pub mod sign_up;
pub mod step_up;
pub mod totp_keys;

use std::sync::Arc;
use std::time::Duration;

use authn::password::{Password, Scheme, SchemeError, Weakness, judge};
use authn::webauthn::RelyingParty;
use gates::{By, Draft, SystemTx, Vault};
use kernel::{EventKind, Gate, Problem, ProblemKind, RequestContext, TenantId};
use store::accounts::Account;

pub use devices::{DEVICE_COOKIE, device_name};
pub(crate) use guesses::counts_against;
pub(crate) use letters::circumstances;
pub(crate) use open::row_of;
pub use open::{Home, NewSession, SessionKind};
pub use site::{Site, SiteError};

use hashing::Hashing;

use crate::mail::{Outbox, Post};

/// Least time until a stranger is answered whose address may or may not have an account, in milliseconds: more than the
/// work of either case takes, so that the time says nothing.
const ANSWER_MILLIS_MIN: u64 = 400;

/// Who knocks: what is known of a visitor before anybody has proved anything.
#[derive(Clone, Copy)]
pub struct Visitor<'a> {
    /// The request.
    pub request: &'a RequestContext,
    /// The browser or program, in a few words, such as "Firefox on Linux".
    pub device: &'a str,
    /// What the visitor shows as the mark of a device that signed in before.
    pub known_device: Option<&'a str>,
}

/// The doors for people. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    vault: Arc<Vault>,
    site: Site,
    hashing: Arc<Hashing>,
    relying_party: Option<Arc<RelyingParty>>,
    outbox: Outbox,
}

impl Accounts {
    /// The doors of an instance. New passwords are hashed under `scheme`.
    ///
    /// # Errors
    /// When the scheme asks for more than is computed here.
    pub fn new(vault: Arc<Vault>, site: Site, scheme: Scheme) -> Result<Self, SchemeError> {
        let hashing = Arc::new(Hashing::new(scheme)?);
        // A site whose address is a bare number has no passkeys: WebAuthn knows places by name.
        let relying_party = RelyingParty::new(site.origin(), "Portcullis").ok().map(Arc::new);
        let outbox = Outbox::new(Arc::clone(&vault), site.letterhead().clone());
        Ok(Self { vault, site, hashing, relying_party, outbox })
    }

    /// Where people find this instance.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// What organizations write letters with.
    pub fn post(&self) -> Post {
        Post::new(self.site.clone())
    }

    /// Whether passkeys can be used at this address.
    pub fn has_passkeys(&self) -> bool {
        self.relying_party.is_some()
    }

    /// The vault.
    pub fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    fn relying_party(&self) -> Result<&RelyingParty, Problem> {
        self.relying_party.as_deref().ok_or_else(|| {
            let detail = "Passkeys need this server to be reached by a name; use localhost or a domain.";
            Problem::new(ProblemKind::Conflict, detail)
        })
    }

    /// In whose log it is written what concerns this account: the organization it was last in, or the instance.
    fn home(&self, account: Option<&Account>) -> TenantId {
        account.and_then(|account| account.last_tenant).unwrap_or(self.vault.instance())
    }

    /// Puts on record that a visitor was turned away, and gives the answer; when that cannot be recorded, another one.
    async fn turned_away(
        &self,
        visitor: Visitor<'_>,
        action: &'static str,
        reason: &'static str,
        answer: Problem,
    ) -> Problem {
        let draft = Draft::refused(EventKind::AuthFailure).fact("reason", reason);
        let noted = self.vault.note(By::Nobody, self.vault.instance(), draft, visitor.request, action).await;
        noted.err().unwrap_or(answer)
    }

    /// The same for links that do not work.
    async fn watched<T>(
        &self,
        visitor: Visitor<'_>,
        action: &'static str,
        done: Result<T, Problem>,
    ) -> Result<T, Problem> {
        match done {
            Err(problem) if problem.kind == ProblemKind::NotFound => {
                Err(self.turned_away(visitor, action, "dead link", problem).await)
            }
            done => done,
        }
    }

    async fn begin(&self) -> Result<SystemTx, Problem> {
        self.vault.system(gates::Reason::SignIn).await.map_err(|error| unavailable(&error))
    }
}

/// The answer to a wrong address, a wrong password and everything in between.
fn no_match() -> Problem {
    let detail = "Address and password do not match an account. Try again, or ask for a new password.";
    Problem::at(Gate::Identity, ProblemKind::Unauthenticated, detail)
}

/// The answer to a link that is wrong, used or too old.
fn dead_link() -> Problem {
    let detail = "This link does not work: it was used already, is too old, or was replaced by a newer one.";
    Problem::new(ProblemKind::NotFound, detail)
}

fn unavailable<E: std::fmt::Display>(error: &E) -> Problem {
    tracing::error!(%error, "accounts cannot be used");
    Problem::new(ProblemKind::Unavailable, "Nothing was changed; try again shortly.").retry_after(2)
}

/// Reads a password that somebody chooses, and refuses a weak one. `words` are words of the person's own.
fn choose(typed: String, words: &[&str]) -> Result<Password, Problem> {
    let password =
        Password::parse(typed).map_err(|error| Problem::invalid("/password", error.to_string()))?;
    judge(&password, words).map_err(|weak: Weakness| Problem::invalid("/password", weak.to_string()))?;
    Ok(password)
}

/// Lets a fixed time pass before an answer, counted from its making, whatever the work took.
struct Floor(tokio::time::Instant);

impl Floor {
    fn begin() -> Self {
        Self(tokio::time::Instant::now() + Duration::from_millis(ANSWER_MILLIS_MIN))
    }

    async fn reached(self) {
        tokio::time::sleep_until(self.0).await;
    }
}
