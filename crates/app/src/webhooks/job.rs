//! Taking deliveries to their endpoints: taken from the outbox for a while, sent, marked.
//!
//! No transaction is open while a message is on its way. Who takes a delivery has it until its lease ends; a process that
//! dies in between leaves it to be taken again, so a message arrives at least once, always under the same id. Any number
//! of processes may run this: one of them takes at a time, and what is under way is counted in the database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gates::{By, DatabaseError, Draft, Reason, SealError, SystemTx, Vault};
use kernel::{EventKind, Face, RequestContext, TenantId, Timestamp, WebhookId};
use store::StoreError;
use store::webhook_deliveries::{self as deliveries, Marked, State, Taken, Taking};
use store::webhooks::{OLD_SECRET, SECRET};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Answered, Because, Courier, Message, Target, Unsent, body, unseal};
use crate::audit::personal::{disclosed_of, shown};
use crate::providers::UrlRules;

/// Pauses after each failed attempt, in seconds: a delivery is tried ten times in a little more than three days.
pub const RETRY_SECONDS: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Longest pause an endpoint may ask for by `Retry-After`, in seconds.
pub const RETRY_AFTER_SECONDS_MAX: u64 = 86_400;
/// Messages under way at once, of one process.
pub const AT_ONCE_MAX: usize = 32;
/// Messages under way at once to one endpoint, of all processes.
pub const AT_ONCE_PER_ENDPOINT_MAX: i64 = 8;
/// Days of nothing but failures after which an endpoint is switched off, when another delivery is given up.
pub const FAILING_DAYS_MAX: u64 = 5;
/// Deliveries that may wait for one endpoint; beyond it the endpoint is switched off.
pub const BACKLOG_ROWS_MAX: i64 = 100_000;
/// How long a delivery is kept after it has ended, in days.
pub const KEPT_DAYS: u64 = 30;
/// How long a taken delivery belongs to who took it, in seconds: longer than sending and marking take.
pub const LEASE_SECONDS: u64 = 60;
/// Longest time a delivery that waits for another is not looked at, in seconds.
const PARK_SECONDS_MAX: u64 = 600;
/// Deliveries of one endpoint looked at in one round.
const LOOKED_AT_ROWS_MAX: i64 = 200;
/// Pause between two looks into the outbox, in milliseconds.
const POLL_MILLIS: u64 = 500;
/// Time between two removals of old deliveries, in seconds.
const SWEEP_SECONDS: u64 = 60;
/// Deliveries removed in one transaction.
const FORGET_ROWS_MAX: i64 = 1_000;
const DAY_SECONDS: u64 = 24 * 3_600;
/// What the entries of the job say they were done by.
const ACTION: &str = "webhook.deliver";
/// The status by which an endpoint says that it wants nothing more (RFC 9110 §15.5.11).
const GONE: u16 = 410;
/// The kind of a test.
const TEST: &str = "webhook.tested";

/// Deliveries could not be made; what happens to one message stands in the outbox.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The database could not be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A statement failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be recorded.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// The job. Cheap to clone.
#[derive(Clone)]
pub struct Deliverer {
    vault: Arc<Vault>,
    courier: Arc<dyn Courier>,
    rules: UrlRules,
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) status: Option<u16>,
    /// None when the endpoint took it.
    pub(super) error: Option<&'static str>,
    pub(super) retry_after_seconds: Option<u64>,
    /// Whether another attempt would be of no use.
    pub(super) useless: bool,
}

impl Outcome {
    const fn failed(error: &'static str) -> Self {
        Self { status: None, error: Some(error), retry_after_seconds: None, useless: false }
    }

    const fn never(error: &'static str) -> Self {
        Self { useless: true, ..Self::failed(error) }
    }

    pub(super) fn of(answered: Result<Answered, Unsent>) -> Self {
        match answered {
            Ok(Answered { status, retry_after_seconds }) => {
                let error = match status {
                    200..=299 => None,
                    300..=399 => Some("redirect"),
                    GONE => Some("gone"),
                    _ => Some("status"),
                };
                Self { status: Some(status), error, retry_after_seconds, useless: status == GONE }
            }
            Err(unsent) => Self::failed(unsent.word()),
        }
    }
}

impl Deliverer {
    /// A job over the outbox of this instance.
    pub fn new(vault: Arc<Vault>, courier: Arc<dyn Courier>, rules: UrlRules) -> Self {
        Self { vault, courier, rules }
    }

    /// Works until `stop` turns true; messages under way then are finished if the process lives long enough.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let (mut under_way, mut swept) = (JoinSet::new(), None::<Timestamp>);
        while !*stop.borrow() {
            let now = self.vault.clock().now();
            if swept.is_none_or(|last| now.since(last) >= Duration::from_secs(SWEEP_SECONDS)) {
                swept = Some(now);
                if let Err(error) = self.sweep().await {
                    tracing::error!(%error, "old webhook deliveries could not be removed");
                }
            }
            while let Some(done) = under_way.try_join_next() {
                noted(done);
            }
            let free = AT_ONCE_MAX.saturating_sub(under_way.len());
            let moved = match self.take(free).await {
                Ok((taken, put_off)) => {
                    let moved = !taken.is_empty() || put_off > 0;
                    for one in taken {
                        let job = self.clone();
                        under_way.spawn(async move { job.handle(one).await });
                    }
                    moved
                }
                Err(error) => {
                    tracing::error!(%error, "webhook deliveries could not be taken");
                    false
                }
            };
            if moved && under_way.len() < AT_ONCE_MAX {
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(POLL_MILLIS)) => {}
                Some(done) = under_way.join_next() => noted(done),
                changed = stop.changed() => {
                    if changed.is_err() {
                        break;
                    }
                }
            }
        }
        while let Some(done) = under_way.join_next().await {
            noted(done);
        }
    }

    /// Takes what is due and sends it; says how many messages that were.
    ///
    /// # Errors
    /// When the database cannot be used. What happens to a message stands in the outbox.
    pub async fn round(&self) -> Result<u64, DeliverError> {
        let (mut under_way, mut count) = (JoinSet::new(), 0);
        loop {
            let (taken, put_off) = self.take(AT_ONCE_MAX).await?;
            if taken.is_empty() && put_off == 0 {
                return Ok(count);
            }
            count += taken.len() as u64;
            for one in taken {
                let job = self.clone();
                under_way.spawn(async move { job.handle(one).await });
            }
            while let Some(done) = under_way.join_next().await {
                noted(done);
            }
        }
    }

    /// Takes at most `rows` deliveries, with a lease each; answers also how many were put off behind others.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn take(&self, rows: usize) -> Result<(Vec<Taken>, usize), DeliverError> {
        let now = self.vault.clock().now();
        let taking = Taking {
            now,
            lease: now.plus(Duration::from_secs(LEASE_SECONDS)),
            park: now.plus(Duration::from_secs(PARK_SECONDS_MAX)),
            per_endpoint: AT_ONCE_PER_ENDPOINT_MAX,
            looked_at: LOOKED_AT_ROWS_MAX,
            rows: i64::try_from(rows).unwrap_or(i64::MAX),
        };
        let mut tx = self.vault.system(Reason::Webhooks).await?;
        if rows == 0 || !deliveries::try_lead(&mut tx).await? {
            return Ok((Vec::new(), 0));
        }
        let (mut taken, put_off) = deliveries::take(&mut tx, &taking).await?;
        self.open_values(&mut tx, &mut taken).await?;
        tx.finish().await?;
        Ok((taken, put_off))
    }

    /// Puts in what the entries only commit to: one look for each organization that has such an entry here.
    async fn open_values(&self, tx: &mut SystemTx, taken: &mut [Taken]) -> Result<(), DeliverError> {
        let mut tenants: Vec<TenantId> = taken.iter().map(|one| one.tenant).collect();
        tenants.sort_unstable();
        tenants.dedup();
        for tenant in tenants {
            let own = || taken.iter().filter(|one| one.tenant == tenant);
            let leaves = own().filter_map(|one| one.leaf.as_deref());
            let disclosed = disclosed_of(&self.vault, tx, tenant, leaves).await?;
            for one in taken.iter_mut().filter(|one| one.tenant == tenant) {
                // A leaf that is no entry is named when it is sent.
                let shown = one.leaf.as_deref().and_then(|leaf| shown(leaf, &disclosed).unwrap_or_default());
                one.facts = shown.map(|shown| shown.data);
            }
        }
        Ok(())
    }

    /// One delivery: sent or not, and marked.
    async fn handle(&self, taken: Taken) -> Result<(), DeliverError> {
        let (began, started) = (self.vault.clock().now(), Instant::now());
        let outcome = self.attempt(&taken, began).await;
        let millis = i32::try_from(started.elapsed().as_millis()).unwrap_or(i32::MAX);
        self.mark(&taken, began, millis, outcome).await
    }

    async fn attempt(&self, taken: &Taken, now: Timestamp) -> Outcome {
        if !taken.enabled {
            return Outcome::never("disabled");
        }
        let body = match (&taken.body, &taken.leaf) {
            (Some(body), _) => body.clone(),
            (None, Some(leaf)) => match body::body(leaf, taken.facts.as_deref()) {
                Ok(body) => body,
                Err(error) => {
                    tracing::error!(%error, delivery = %taken.id, "an entry does not read");
                    return Outcome::never("unreadable");
                }
            },
            (None, None) => return Outcome::never("event_gone"),
        };
        // The operator's rules are those of now, not of when the address was given.
        let Ok(target) = Target::parse(&taken.url, self.rules) else {
            return Outcome::failed(Unsent::AddressRefused.word());
        };
        let (id, timestamp) = (taken.id.to_string(), now.unix_seconds());
        let Some(signature) = self.signature(taken, now, &id, &body) else {
            return Outcome::failed("secret");
        };
        let message = Message { target, id, timestamp, signature, body };
        Outcome::of(self.courier.send(message).await)
    }

    /// The signatures of the secret in force, and of the one before while it signs too.
    fn signature(&self, taken: &Taken, now: Timestamp, id: &str, body: &[u8]) -> Option<String> {
        let (vault, seconds) = (&self.vault, now.unix_seconds());
        let secret = unseal(vault, taken.tenant, taken.endpoint, SECRET, &taken.secret_sealed)?;
        let mut signature = secret.sign(id, seconds, body);
        if let Some((sealed, until)) = &taken.old_secret
            && *until > now
            && let Some(old) = unseal(vault, taken.tenant, taken.endpoint, OLD_SECRET, sealed)
        {
            signature.push(' ');
            signature.push_str(&old.sign(id, seconds, body));
        }
        Some(signature)
    }

    /// Notes what became of an attempt, and what follows from it, in one commit.
    async fn mark(
        &self,
        taken: &Taken,
        began: Timestamp,
        millis: i32,
        outcome: Outcome,
    ) -> Result<(), DeliverError> {
        let now = self.vault.clock().now();
        let (state, at) = next(taken, outcome, now, chance(&self.vault));
        let marked = Marked {
            tenant: taken.tenant,
            id: taken.id,
            endpoint: taken.endpoint,
            attempt: taken.attempt,
            began,
            millis,
            status: outcome.status.and_then(|status| i16::try_from(status).ok()),
            error: outcome.error,
            state,
            at,
        };
        let mut tx = self.vault.system(Reason::Webhooks).await?;
        if !deliveries::mark(&mut tx, &marked).await? {
            return Ok(tx.finish().await?);
        }
        let word = outcome.error.unwrap_or("delivered");
        tracing::info!(delivery = %taken.id, webhook = %taken.endpoint, attempt = taken.attempt, word, "webhook");
        if !taken.enabled {
            return Ok(tx.finish().await?);
        }
        let took_it = outcome.error.is_none();
        let since = deliveries::note_health(&mut tx, taken.tenant, taken.endpoint, took_it, now).await?;
        let given_up = state == State::Dead && taken.kind != TEST;
        let because = because(outcome, given_up, since, now);
        self.conclude(tx, taken, given_up.then_some(word), because, now).await
    }

    /// Puts on record what must be, and commits.
    async fn conclude(
        &self,
        mut tx: SystemTx,
        taken: &Taken,
        given_up: Option<&'static str>,
        because: Option<Because>,
        now: Timestamp,
    ) -> Result<(), DeliverError> {
        let request = RequestContext::internal(Face::System, self.vault.clock(), self.vault.rng());
        let mut draft = given_up.map(|word| {
            Draft::done(EventKind::WebhookDeadLettered)
                .subject("delivery", taken.id)
                .fact("webhook", taken.endpoint)
                .fact("attempts", taken.attempt)
                .fact("because", word)
        });
        if let Some(because) = because
            && deliveries::disable(&mut tx, taken.tenant, taken.endpoint, because, now).await?
        {
            if let Some(first) = draft.take() {
                tx.also(By::System, taken.tenant, first, &request, ACTION).await?;
            }
            draft = Some(disabled(taken.endpoint, because));
        }
        match draft {
            Some(draft) => {
                tx.seal(taken.tenant, draft, &request, ACTION).await?;
            }
            None => tx.finish().await?,
        }
        Ok(())
    }

    /// Removes old deliveries, and switches endpoints off that cannot keep up.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn sweep(&self) -> Result<(), DeliverError> {
        let now = self.vault.clock().now();
        let before = now.minus(Duration::from_secs(KEPT_DAYS * DAY_SECONDS));
        loop {
            let mut tx = self.vault.system(Reason::Webhooks).await?;
            let gone = deliveries::forget(&mut tx, before, FORGET_ROWS_MAX).await?;
            tx.finish().await?;
            if gone < FORGET_ROWS_MAX.unsigned_abs() {
                break;
            }
        }
        loop {
            let mut tx = self.vault.system(Reason::Webhooks).await?;
            let Some((tenant, endpoint)) = deliveries::overfull(&mut tx, BACKLOG_ROWS_MAX).await? else {
                return Ok(());
            };
            deliveries::disable(&mut tx, tenant, endpoint, Because::Backlog, now).await?;
            let request = RequestContext::internal(Face::System, self.vault.clock(), self.vault.rng());
            tx.seal(tenant, disabled(endpoint, Because::Backlog), &request, ACTION).await?;
        }
    }
}

fn noted(done: Result<Result<(), DeliverError>, tokio::task::JoinError>) {
    match done {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "what became of a webhook delivery could not be noted"),
        Err(error) => tracing::error!(%error, "a webhook delivery broke off"),
    }
}

/// The entry that an endpoint was switched off.
fn disabled(endpoint: WebhookId, because: Because) -> Draft {
    Draft::done(EventKind::WebhookDisabled).subject("webhook", endpoint).fact("because", because.name())
}

/// A number from 0 to 255, so that what failed together does not come back together.
fn chance(vault: &Vault) -> u8 {
    let mut byte = [0];
    vault.rng().fill(&mut byte);
    byte[0]
}

/// Where a delivery stands after an attempt, and when it is tried next. A test is tried once.
pub(super) fn next(taken: &Taken, outcome: Outcome, now: Timestamp, chance: u8) -> (State, Timestamp) {
    if outcome.error.is_none() {
        return (State::Delivered, now);
    }
    let failed = usize::try_from(taken.try_number.saturating_sub(1)).unwrap_or(0);
    match RETRY_SECONDS.get(failed) {
        Some(pause) if !outcome.useless && taken.kind != TEST => {
            let asked = outcome.retry_after_seconds.unwrap_or(0).min(RETRY_AFTER_SECONDS_MAX);
            (State::Pending, now.plus(pause_of((*pause).max(asked), chance)))
        }
        _ => (State::Dead, now),
    }
}

/// A pause, longer by up to a tenth.
fn pause_of(seconds: u64, chance: u8) -> Duration {
    let millis = seconds.saturating_mul(1_000);
    Duration::from_millis(millis + millis / 10 * u64::from(chance) / 255)
}

/// Why the endpoint is switched off after this attempt, if so.
pub(super) fn because(
    outcome: Outcome,
    given_up: bool,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Option<Because> {
    if outcome.status == Some(GONE) {
        return Some(Because::Gone);
    }
    let long = |since| now.since(since) >= Duration::from_secs(FAILING_DAYS_MAX * DAY_SECONDS);
    (given_up && since.is_some_and(long)).then_some(Because::Failing)
}
