//! Taking letters to the mail server: taken from the outbox for a while, delivered, marked.
//!
//! No transaction is open while a letter is on its way. Who takes a letter has it until its lease ends; a process that
//! dies in between leaves it to be taken again, so a letter is delivered at least once, and twice only when the
//! process died between the server's answer and the mark. Any number of processes may run this.

use std::sync::Arc;
use std::time::Duration;

use gates::{Reason, Vault};
use kernel::Timestamp;
use store::mail::{Next, Taken};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::outbox::{MailError, open};
use super::{Carrier, DETAIL_CHARS_MAX, Parcel, Undelivered};

/// Letters on their way at once, each over a connection of its own.
pub const LETTERS_AT_ONCE_MAX: i64 = 4;
/// Longest time for one delivery, in seconds: more than a carrier's own limits allow, so that it says itself what failed.
pub const DELIVER_SECONDS_MAX: u64 = 90;
/// Pause before the second attempt, in seconds; each pause after it is twice as long.
pub const RETRY_SECONDS_FIRST: u64 = 60;
/// Longest pause between two attempts, in seconds.
pub const RETRY_SECONDS_MAX: u64 = 12 * 3_600;
/// How long a letter is tried, in days.
pub const RETRY_DAYS_MAX: u64 = 3;
/// How long a letter is kept, whatever became of it, in days.
pub const KEPT_DAYS: u64 = 30;
/// How long a taken letter belongs to who took it, in seconds: longer than its delivery and its mark take.
const LEASE_SECONDS: u64 = 300;
/// Pause between two looks into the outbox, in milliseconds.
const POLL_MILLIS: u64 = 2_000;
/// Time between two removals of old letters, in seconds.
const FORGET_SECONDS: u64 = 3_600;
/// Letters removed in one transaction.
const FORGET_ROWS_MAX: i64 = 1_000;
const DAY_SECONDS: u64 = 24 * 3_600;

/// The job. Without a carrier it only removes old letters.
pub struct Mailer {
    vault: Arc<Vault>,
    carrier: Option<Arc<dyn Carrier>>,
}

impl Mailer {
    /// A job over the outbox of this instance.
    pub fn new(vault: Arc<Vault>, carrier: Option<Arc<dyn Carrier>>) -> Self {
        Self { vault, carrier }
    }

    /// Works until `stop` turns true. Letters under way then are finished if the process lives long enough.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut forgotten: Option<Timestamp> = None;
        while !*stop.borrow() {
            let now = self.vault.clock().now();
            if forgotten.is_none_or(|last| now.since(last) >= Duration::from_secs(FORGET_SECONDS)) {
                forgotten = Some(now);
                if let Err(error) = self.forget().await {
                    tracing::error!(%error, "old letters could not be removed from the outbox");
                }
            }
            match self.round().await {
                Ok(taken) if taken >= LETTERS_AT_ONCE_MAX.unsigned_abs() => continue,
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "letters could not be taken from the outbox"),
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(POLL_MILLIS)) => {}
                changed = stop.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Takes what is due and delivers it; says how many letters that were.
    ///
    /// # Errors
    /// When the database cannot be used. What happens to a letter stands in the outbox.
    pub async fn round(&self) -> Result<u64, MailError> {
        let Some(carrier) = &self.carrier else { return Ok(0) };
        let now = self.vault.clock().now();
        let lease = now.plus(Duration::from_secs(LEASE_SECONDS));
        let mut tx = self.vault.system(Reason::Mail).await?;
        let taken = store::mail::take_due(&mut tx, now, lease, LETTERS_AT_ONCE_MAX).await?;
        tx.finish().await?;
        let count = taken.len() as u64;
        let mut under_way = JoinSet::new();
        for letter in taken {
            let (vault, carrier) = (Arc::clone(&self.vault), Arc::clone(carrier));
            under_way.spawn(async move { handle(&vault, &*carrier, letter).await });
        }
        while let Some(done) = under_way.join_next().await {
            match done {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "what became of a letter could not be noted"),
                Err(error) => tracing::error!(%error, "a delivery broke off"),
            }
        }
        Ok(count)
    }

    async fn forget(&self) -> Result<(), MailError> {
        let before = self.vault.clock().now().unix_micros();
        let kept = i64::try_from(Duration::from_secs(KEPT_DAYS * DAY_SECONDS).as_micros());
        let before = Timestamp::from_unix_micros(before.saturating_sub(kept.unwrap_or(i64::MAX)));
        loop {
            let mut tx = self.vault.system(Reason::Mail).await?;
            let gone = store::mail::forget(&mut tx, before, FORGET_ROWS_MAX).await?;
            tx.finish().await?;
            if gone < FORGET_ROWS_MAX.unsigned_abs() {
                return Ok(());
            }
        }
    }
}

/// One letter: delivered or not, and marked.
async fn handle(vault: &Arc<Vault>, carrier: &dyn Carrier, taken: Taken) -> Result<(), MailError> {
    let (id, attempt, kind) = (taken.id, taken.attempt, taken.kind.clone());
    let made_at = taken.made_at;
    let (outcome, until) = match open(vault, id, &taken.to_sealed, &taken.message_sealed) {
        Err(error) => (Err(Undelivered { permanent: true, detail: error.to_string() }), None),
        Ok(message) => {
            let until = message.until();
            let outcome = match too_late(made_at, until, vault.clock().now()) {
                Some(detail) => Err(Undelivered { permanent: true, detail: detail.to_owned() }),
                None => deliver(carrier, &Parcel { id, made_at, message }).await,
            };
            (outcome, until)
        }
    };
    let now = vault.clock().now();
    let mut tx = vault.system(Reason::Mail).await?;
    match outcome {
        Ok(()) => {
            store::mail::mark_sent(&mut tx, id, now).await?;
            tracing::info!(letter = %id, kind, attempt, "letter sent");
        }
        Err(failure) => {
            let next = next(&failure, attempt, made_at, until, now);
            let detail: String = failure.detail.chars().take(DETAIL_CHARS_MAX).collect();
            store::mail::mark_failed(&mut tx, id, attempt, &detail, next).await?;
            let given_up = matches!(next, Next::GiveUp(_));
            tracing::warn!(letter = %id, kind, attempt, given_up, detail, "letter not sent");
        }
    }
    tx.finish().await?;
    Ok(())
}

async fn deliver(carrier: &dyn Carrier, parcel: &Parcel) -> Result<(), Undelivered> {
    let limit = Duration::from_secs(DELIVER_SECONDS_MAX);
    tokio::time::timeout(limit, carrier.deliver(parcel)).await.unwrap_or_else(|_| {
        let detail = format!("the delivery took longer than {DELIVER_SECONDS_MAX} s");
        Err(Undelivered { permanent: false, detail })
    })
}

/// Why a letter is not worth trying any more, if so.
fn too_late(made_at: Timestamp, until: Option<Timestamp>, now: Timestamp) -> Option<&'static str> {
    if until.is_some_and(|until| until <= now) {
        Some("its link ran out before it could be delivered")
    } else if now.since(made_at) > Duration::from_secs(RETRY_DAYS_MAX * DAY_SECONDS) {
        Some("it is too old to be delivered")
    } else {
        None
    }
}

/// What becomes of a letter after its `attempt` failed.
fn next(
    failure: &Undelivered,
    attempt: i32,
    made_at: Timestamp,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Next {
    let at = now.plus(pause(attempt));
    if failure.permanent || too_late(made_at, until, at).is_some() {
        Next::GiveUp(now)
    } else {
        Next::Retry(at)
    }
}

/// The pause after the failed `attempt`, which counts from 1.
fn pause(attempt: i32) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0);
    let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
    Duration::from_secs(RETRY_SECONDS_FIRST.saturating_mul(factor).min(RETRY_SECONDS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_SECONDS: u64 = 3_600;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_micros(1_700_000_000_000_000).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn pauses_double_up_to_twelve_hours() {
        let seconds: Vec<u64> = (1..=12).map(|attempt| pause(attempt).as_secs()).collect();
        assert_eq!(seconds[..4], [60, 120, 240, 480]);
        assert_eq!(seconds[10..], [RETRY_SECONDS_MAX; 2]);
        assert_eq!(pause(i32::MAX).as_secs(), RETRY_SECONDS_MAX);
        assert_eq!(pause(0).as_secs(), RETRY_SECONDS_FIRST);
    }

    #[test]
    fn given_up_when_useless() {
        let busy = Undelivered { permanent: false, detail: String::new() };
        let never = Undelivered { permanent: true, detail: String::new() };
        assert_eq!(next(&busy, 1, at(0), None, at(0)), Next::Retry(at(60)));
        assert_eq!(next(&never, 1, at(0), None, at(0)), Next::GiveUp(at(0)));
        let late = RETRY_DAYS_MAX * DAY_SECONDS - 30;
        assert_eq!(next(&busy, 1, at(0), None, at(late)), Next::GiveUp(at(late)));
        assert_eq!(next(&busy, 8, at(0), Some(at(HOUR_SECONDS)), at(0)), Next::GiveUp(at(0)));
        assert!(too_late(at(0), Some(at(10)), at(10)).is_some());
        assert!(too_late(at(0), Some(at(10)), at(9)).is_none());
        assert!(too_late(at(0), None, at(4 * DAY_SECONDS)).is_some());
    }

    #[test]
    fn a_letter_is_tried_for_most_of_three_days() {
        let busy = Undelivered { permanent: false, detail: String::new() };
        let (mut now, mut attempt) = (at(0), 1);
        while let Next::Retry(later) = next(&busy, attempt, at(0), None, now) {
            (now, attempt) = (later, attempt + 1);
        }
        assert!(now.since(at(0)).as_secs() > 2 * DAY_SECONDS && attempt < 20, "{attempt}");
    }
}
