//! Guesses: counted in the database before anything is compared, so that guesses in parallel cannot outrun the count.
//!
//! Three counts, each with a window of its own: per network address, per account for visitors nobody knows, and per known
//! device. Somebody who guesses at an account uses up the second count and locks out other strangers with it, but not the
//! owner's own devices, and not passkeys, which there is nothing to guess about.

use std::net::IpAddr;
use std::time::Duration;

use authn::secrets::{OpaqueToken, TokenKind};
use gates::{By, Draft, Vault};
use kernel::limits::{
    GUESS_WINDOW_SECONDS, GUESSES_PER_ACCOUNT_MAX, GUESSES_PER_ADDRESS_MAX, LETTERS_PER_ADDRESS_MAX,
};
use kernel::{AccountId, EventKind, Gate, Problem, ProblemKind};
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
    },
    /// A one-time code, by somebody who passed the first factor or holds a session.
    Code(AccountId),
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

impl Accounts {
    /// Counts a guess, or refuses it.
    pub(super) async fn admit(
        &self,
        visitor: Visitor<'_>,
        target: Target<'_>,
        action: &'static str,
    ) -> Result<Guess, Problem> {
        let blind = |scope: &str, value: &[u8]| self.vault.blind(scope, value);
        let mut tx = self.begin().await?;
        let mut counts =
            vec![("network", blind("network", &network(visitor.request.peer)), GUESSES_PER_ADDRESS_MAX)];
        match target {
            Target::Password { address, account } => {
                let device =
                    visitor.known_device.and_then(|text| OpaqueToken::parse(TokenKind::Device, text).ok());
                let known = match (account, &device) {
                    (Some(account), Some(device)) => {
                        doors::knows_device(&mut tx, account, device.hash().as_bytes()).await?
                    }
                    _ => false,
                };
                let count = match (known, &device) {
                    (true, Some(device)) => ("device", blind("device", device.hash().as_bytes())),
                    _ => ("account", blind("account", address.as_bytes())),
                };
                counts.push((count.0, count.1, GUESSES_PER_ACCOUNT_MAX));
            }
            Target::Code(account) => {
                counts.push(("code", blind("code", account.uuid().as_bytes()), GUESSES_PER_ACCOUNT_MAX));
            }
        }
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
