//! Password hashes: costly on purpose, so computed beside the runtime, a few at a time, and never while a transaction is
//! open.
//!
//! The time of an answer must not tell whether an address has an account. With one scheme a hash that never matches stands
//! in for the one that is not there. After a change of scheme old accounts keep hashes of the old one until their people
//! sign in, and a single stand-in would tell them apart: so as long as hashes of several schemes are stored, every comparison
//! costs one hash of each of them, whoever is asked about.

use std::sync::Arc;
use std::time::{Duration, Instant};

use authn::password::{Password, PasswordHash, Scheme, SchemeError};
use crypto::SystemRng;
use kernel::{Problem, ProblemKind};
use store::accounts;
use tokio::sync::{Mutex, Semaphore};

use super::{Accounts, unavailable};

/// Longest wait for a turn, in milliseconds. Past it the visitor is told to try again: a queue of hashes is a queue of
/// waiting people.
const WAIT_MILLIS_MAX: u64 = 8_000;
/// Fewest hashes at a time, whatever the machine.
const AT_ONCE_MIN: usize = 2;

/// Schemes that every comparison pays for. More than two at a time would be a change of scheme amid another.
const SCHEMES_MAX: usize = 4;
/// Kinds of stored hashes that are looked through for schemes; the forms of one scheme count apart.
const KINDS_MAX: i64 = 16;
/// How long what was seen of the stored hashes is taken for true, in seconds. Other replicas may work under another scheme
/// while the setting changes.
const SEEN_SECONDS: u64 = 60;

pub(super) struct Hashing {
    scheme: Scheme,
    /// What a password is compared with when there is no account: it never matches and costs as much.
    dummy: Arc<PasswordHash>,
    /// The same for the other schemes of stored hashes, and when they were looked for.
    others: Mutex<(Option<Instant>, Vec<Arc<PasswordHash>>)>,
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
        let others = Mutex::new((None, Vec::new()));
        Ok(Self { scheme, dummy: Arc::new(PasswordHash::dummy(scheme)?), others, turns })
    }

    /// The hash of a new password.
    pub(super) async fn hash(&self, password: Password) -> Result<String, Problem> {
        let scheme = self.scheme;
        self.compute(move || PasswordHash::hash(&password, scheme, &SystemRng).map(|hash| hash.to_text()))
            .await?
            .map_err(|_| Problem::internal())
    }

    /// Compares a password with a stored hash; without one it takes the same time and never matches. `others` are
    /// stand-ins for the schemes that hashes are stored under besides the one in force.
    async fn compare(
        &self,
        stored: Option<&str>,
        password: Password,
        others: Vec<Arc<PasswordHash>>,
    ) -> Result<Compared, Problem> {
        let stored = stored.map(PasswordHash::parse).transpose().map_err(|_| {
            tracing::error!("a stored password hash cannot be read");
            Problem::internal()
        })?;
        let known = stored.is_some();
        let (hash, in_force) =
            (stored.map_or_else(|| Arc::clone(&self.dummy), Arc::new), Arc::clone(&self.dummy));
        let scheme = self.scheme;
        self.compute(move || {
            let matches = hash.verify(&password) && known;
            for other in others.iter().chain([&in_force]).filter(|other| other.scheme() != hash.scheme()) {
                std::hint::black_box(other.verify(&password));
            }
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

impl Accounts {
    /// Compares a password with a stored hash; without one it takes the same time and never matches.
    pub(super) async fn compare(
        &self,
        stored: Option<&str>,
        password: Password,
    ) -> Result<Compared, Problem> {
        let others = self.other_schemes().await?;
        self.hashing.compare(stored, password, others).await
    }

    /// Stand-ins for the schemes, besides the one in force, that hashes are stored under.
    async fn other_schemes(&self) -> Result<Vec<Arc<PasswordHash>>, Problem> {
        let mut others = self.hashing.others.lock().await;
        if others.0.is_none_or(|seen| seen.elapsed() >= Duration::from_secs(SEEN_SECONDS)) {
            let mut tx = self.begin().await?;
            let kinds = accounts::password_kinds(&mut tx, KINDS_MAX).await?;
            tx.finish().await.map_err(|error| unavailable(&error))?;
            let mut schemes: Vec<Scheme> = Vec::new();
            for scheme in
                kinds.iter().filter_map(|kind| PasswordHash::parse(kind).ok()).map(|hash| hash.scheme())
            {
                if scheme != self.hashing.scheme && !schemes.contains(&scheme) {
                    schemes.push(scheme);
                }
            }
            let dummies = schemes.into_iter().take(SCHEMES_MAX).map(PasswordHash::dummy);
            let dummies = dummies.collect::<Result<Vec<_>, _>>().map_err(|_| Problem::internal())?;
            *others = (Some(Instant::now()), dummies.into_iter().map(Arc::new).collect());
        }
        Ok(others.1.clone())
    }
}
