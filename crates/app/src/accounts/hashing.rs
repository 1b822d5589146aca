//! Password hashes: costly on purpose, so computed beside the runtime, a few at a time, and never while a transaction is
//! open.

use std::sync::Arc;
use std::time::Duration;

use authn::password::{Password, PasswordHash, Scheme, SchemeError};
use crypto::SystemRng;
use kernel::{Problem, ProblemKind};
use tokio::sync::Semaphore;

/// Longest wait for a turn, in milliseconds. Past it the visitor is told to try again: a queue of hashes is a queue of
/// waiting people.
const WAIT_MILLIS_MAX: u64 = 8_000;
/// Fewest hashes at a time, whatever the machine.
const AT_ONCE_MIN: usize = 2;

pub(super) struct Hashing {
    scheme: Scheme,
    /// What a password is compared with when there is no account: it never matches and costs as much.
    dummy: Arc<PasswordHash>,
    turns: Arc<Semaphore>,
}

/// What came of comparing a password.
pub(super) struct Compared {
    pub(super) matches: bool,
    /// The same password under the scheme in force, when the stored hash is of another one.
    pub(super) rehashed: Option<String>,
}

impl Hashing {
    pub(super) fn new(scheme: Scheme) -> Result<Self, SchemeError> {
        let cores = std::thread::available_parallelism().map_or(AT_ONCE_MIN, usize::from);
        let turns = Arc::new(Semaphore::new(cores.max(AT_ONCE_MIN)));
        Ok(Self { scheme, dummy: Arc::new(PasswordHash::dummy(scheme)?), turns })
    }

    /// The hash of a new password.
    pub(super) async fn hash(&self, password: Password) -> Result<String, Problem> {
        let scheme = self.scheme;
        self.compute(move || PasswordHash::hash(&password, scheme, &SystemRng).map(|hash| hash.to_text()))
            .await?
            .map_err(|_| Problem::internal())
    }

    /// Compares a password with a stored hash; without one it takes the same time and never matches.
    pub(super) async fn compare(
        &self,
        stored: Option<&str>,
        password: Password,
    ) -> Result<Compared, Problem> {
        let stored = stored.map(PasswordHash::parse).transpose().map_err(|_| {
            tracing::error!("a stored password hash cannot be read");
            Problem::internal()
        })?;
        let known = stored.is_some();
        let hash = stored.map_or_else(|| Arc::clone(&self.dummy), Arc::new);
        let scheme = self.scheme;
        self.compute(move || {
            let matches = hash.verify(&password) && known;
            let stale = matches && hash.needs_rehash(&scheme);
            let rehashed = stale.then(|| PasswordHash::hash(&password, scheme, &SystemRng).ok()).flatten();
            Compared { matches, rehashed: rehashed.map(|hash| hash.to_text()) }
        })
        .await
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let wait = Duration::from_millis(WAIT_MILLIS_MAX);
        let turn = tokio::time::timeout(wait, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            let detail = "Too many people are signing in at this moment; try again shortly.";
            return Err(Problem::new(ProblemKind::Unavailable, detail).retry_after(5));
        };
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(turn);
            outcome
        });
        done.await.map_err(|_| Problem::internal())
    }
}
