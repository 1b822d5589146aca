//! Guesses: counted in the database before anything is compared, so that guesses in parallel cannot outrun the count.
//!
//! Whoever is known to an account has counts of their own, which nobody else can use up: a device that signed in to it
//! before, and a session of it that is open. Everybody else shares two: one per account, and one per network address.
//! Somebody who guesses at an account, or at many from the owner's own network, locks out other strangers and not the
//! owner. Passkeys are not counted: there is nothing to guess about them.

use std::net::IpAddr;
use std::time::Duration;

use authn::secrets::{OpaqueToken, TokenKind};
use gates::{By, Draft, SystemTx, Vault};
use kernel::limits::{
    GUESS_WINDOW_SECONDS, GUESSES_PER_ACCOUNT_MAX, GUESSES_PER_ADDRESS_MAX, LETTERS_PER_ADDRESS_MAX,
};
use kernel::{AccountId, EventKind, Gate, Problem, ProblemKind, SessionId};
use store::doors;

use super::{Accounts, Visitor, unavailable};

/// What is guessed at.
#[derive(Clone, Copy)]
pub(super) enum Target<'a> {
    /// A password, at an address that may or may not have an account.
    Password {
        /// The address in the form that counts.
        address: &'a str,
        /// The account, when there is one.
        account: Option<AccountId>,
        /// The open session of that account in which it is asked for.
        session: Option<SessionId>,
    },
    /// A one-time code, by somebody who passed the first factor or holds a session.
    Code {
        /// The account.
        account: AccountId,
        /// The open session of that account in which it is asked for.
        session: Option<SessionId>,
    },
}

impl Target<'_> {
    fn account(self) -> Option<AccountId> {
        match self {
            Self::Password { account, .. } => account,
            Self::Code { account, .. } => Some(account),
        }
    }

    fn session(self) -> Option<SessionId> {
        match self {
            Self::Password { session, .. } | Self::Code { session, .. } => session,
        }
    }

    /// The names of the counts of whoever is known by a session, and by a device.
    fn known(self) -> (&'static str, &'static str) {
        match self {
            Self::Password { .. } => ("session", "device"),
            Self::Code { .. } => ("code_session", "code_device"),
        }
    }
}

/// Counts that were raised for one guess.
pub(super) struct Guess(Vec<(&'static str, [u8; 32])>);

/// The counts that stand against an account, whoever guesses: those on its password, and those on its codes.
pub(crate) fn counts_against(
    vault: &Vault,
    address: &str,
    account: AccountId,
) -> [(&'static str, [u8; 32]); 2] {
    [
        ("account", vault.blind("account", address.as_bytes())),
        ("code", vault.blind("code", account.uuid().as_bytes())),
    ]
}

const WINDOW: Duration = Duration::from_secs(GUESS_WINDOW_SECONDS);

/// The part of a network address that one party holds: all of IPv4, the first 64 bits of IPv6.
fn network(peer: Option<IpAddr>) -> Vec<u8> {
    match peer {
        Some(IpAddr::V4(address)) => address.octets().to_vec(),
        Some(IpAddr::V6(address)) => address.octets()[..8].to_vec(),
        None => Vec::new(),
    }
}

/// The mark of a device that a visitor shows, whether or not anybody knows it.
pub(super) fn shown_device(visitor: Visitor<'_>) -> Option<OpaqueToken> {
    visitor.known_device.and_then(|text| OpaqueToken::parse(TokenKind::Device, text).ok())
}

impl Accounts {
    /// Counts a guess, or refuses it.
    pub(super) async fn admit(
        &self,
        visitor: Visitor<'_>,
        target: Target<'_>,
        action: &'static str,
    ) -> Result<Guess, Problem> {
        let mut tx = self.begin().await?;
        let counts = self.counts(&mut tx, visitor, target).await?;
        let (now, mut refused) = (self.vault.clock().now(), false);
        for (scope, key, most) in &counts {
            refused |= doors::count_guess(&mut tx, scope, key, WINDOW, now).await? > *most;
        }
        tx.finish().await.map_err(|error| unavailable(&error))?;
        if refused {
            let draft = Draft::refused(EventKind::AuthFailure).fact("reason", "too many guesses");
            let tenant = self.vault.instance();
            self.vault.note(By::Nobody, tenant, draft, visitor.request, action).await?;
            let detail = "Too many attempts. Wait 15 minutes, use a device you signed in with before, or use a passkey.";
            let problem = Problem::at(Gate::Identity, ProblemKind::RateLimited, detail);
            return Err(problem.retry_after(GUESS_WINDOW_SECONDS));
        }
        Ok(Guess(counts.into_iter().map(|(scope, key, _)| (scope, key)).collect()))
    }

    /// The counts that a guess falls under, each with how many it holds.
    async fn counts(
        &self,
        tx: &mut SystemTx,
        visitor: Visitor<'_>,
        target: Target<'_>,
    ) -> Result<Vec<(&'static str, [u8; 32], i32)>, Problem> {
        let own = |name: &'static str, of: AccountId, with: &[u8]| {
            let key = self.vault.blind(name, &[of.uuid().as_bytes(), with].concat());
            vec![(name, key, GUESSES_PER_ACCOUNT_MAX)]
        };
        let (by_session, by_device) = target.known();
        if let Some(account) = target.account() {
            if let Some(session) = target.session() {
                return Ok(own(by_session, account, session.uuid().as_bytes()));
            }
            if let Some(device) = shown_device(visitor)
                && doors::knows_device(tx, account, device.hash().as_bytes()).await?
            {
                return Ok(own(by_device, account, device.hash().as_bytes()));
            }
        }
        let (name, key) = match target {
            Target::Password { address, .. } => ("account", self.vault.blind("account", address.as_bytes())),
            Target::Code { account, .. } => ("code", self.vault.blind("code", account.uuid().as_bytes())),
        };
        let network = self.vault.blind("network", &network(visitor.request.peer));
        Ok(vec![("network", network, GUESSES_PER_ADDRESS_MAX), (name, key, GUESSES_PER_ACCOUNT_MAX)])
    }

    /// Takes the counts of a guess back: it was right.
    pub(super) async fn forgive(&self, guess: Guess) -> Result<(), Problem> {
        let mut tx = self.begin().await?;
        for (scope, key) in &guess.0 {
            doors::forgive_guess(&mut tx, scope, key).await?;
        }
        tx.finish().await.map_err(|error| unavailable(&error))
    }

    /// Whether one more letter may be sent to this address, from this network.
    pub(super) async fn may_write(&self, visitor: Visitor<'_>, address: &str) -> Result<bool, Problem> {
        let mut tx = self.begin().await?;
        let now = self.vault.clock().now();
        let to = self.vault.blind("letters", address.as_bytes());
        let from = self.vault.blind("network", &network(visitor.request.peer));
        let letters = doors::count_guess(&mut tx, "letters", &to, WINDOW, now).await?;
        let asked = doors::count_guess(&mut tx, "letters_from", &from, WINDOW, now).await?;
        tx.finish().await.map_err(|error| unavailable(&error))?;
        Ok(letters <= LETTERS_PER_ADDRESS_MAX && asked <= GUESSES_PER_ADDRESS_MAX)
    }
}
