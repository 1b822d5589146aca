//! How long an organization keeps its log in the database, and the legal holds that keep parts of it there for longer.

use std::time::Duration;

use gates::{Channel, Clean, Draft, Pass, Raw, Receipt, Tx, WriteTx};
use kernel::limits::{
    HOLD_REASON_CHARS_MAX, HOLD_REASON_CHARS_MIN, HOLDS_MAX, HOLDS_ROWS_MAX, RETENTION_DAYS_MAX,
    RETENTION_DAYS_MIN, RETENTION_SHORTEN_DAYS,
};
use kernel::{EventKind, HoldId, Problem, ProblemKind, Timestamp};
use store::retention::{self, NewHold};
pub use store::retention::{Archive, Hold, Retention};

use crate::{action, undone};

/// Seconds of a day.
const DAY_SECONDS: u64 = 24 * 3_600;

action! {
    /// Reads how long the log is kept, and what holds it.
    ReadRetention = "audit.read_retention", AuditRead, Principal, Read
}

action! {
    /// Changes how long the log is kept.
    ChangeRetention = "audit.change_retention", OrganizationManage, Staff, Write, Fresh
}

action! {
    /// Places a legal hold.
    PlaceHold = "audit.place_hold", OrganizationManage, Human, Write, Fresh
}

action! {
    /// Lifts a legal hold.
    LiftHold = "audit.lift_hold", OrganizationManage, Human, Write, Fresh
}

/// How it stands with the keeping of a log.
#[derive(Debug, Clone)]
pub struct Keeping {
    /// Days that are in force now.
    pub days: i32,
    /// A shorter time that waits, and from when on it counts.
    pub next: Option<(i32, Timestamp)>,
    /// When that was last changed; never, while the default is in force.
    pub changed_at: Option<Timestamp>,
    /// Holds that stand.
    pub holds_standing: i64,
    /// The newest archive, when there is one.
    pub archive: Option<Archive>,
}

fn keeping(found: &Retention, now: Timestamp, holds_standing: i64, archive: Option<Archive>) -> Keeping {
    Keeping {
        days: found.in_force(now),
        next: found.next.filter(|(_, from)| *from > now),
        changed_at: found.changed_at,
        holds_standing,
        archive,
    }
}

/// How it stands with the keeping of the log.
///
/// # Errors
/// When the database cannot be used.
pub async fn read_retention(mut pass: Pass<ReadRetention>) -> Result<(Keeping, Receipt), Problem> {
    let now = pass.vault().clock().now();
    let found = looked_at(pass.tx(), now).await?;
    let receipt = pass.seal(Draft::done(EventKind::AuditRead)).await?;
    Ok((found, receipt))
}

/// [`read_retention`] for a page that is recorded as a whole.
pub(super) async fn looked_at(tx: &mut Tx, now: Timestamp) -> Result<Keeping, Problem> {
    let found = retention::read(tx).await?;
    let standing = retention::holds_standing(tx).await?;
    let archive = retention::archive(tx, i64::MAX).await?;
    Ok(keeping(&found, now, standing, archive))
}

/// All there is to say about the keeping of a log.
#[derive(Debug, Clone)]
pub struct Overview {
    /// How long it is kept, and its archive.
    pub keeping: Keeping,
    /// The holds: those that stand first, then those that were lifted, newest first.
    pub holds: Vec<Hold>,
    /// Entries that have their place in it.
    pub size: u64,
    /// When its first entry was made; `None` of a log without one.
    pub began: Option<Timestamp>,
    /// When the first entry that is in no archive was made.
    pub unarchived_from: Option<Timestamp>,
}

/// All there is to say about the keeping of the log, for a page: one look, one entry.
///
/// # Errors
/// When the database cannot be used.
pub async fn overview(mut pass: Pass<ReadRetention>) -> Result<(Overview, Receipt), Problem> {
    let now = pass.vault().clock().now();
    let keeping = looked_at(pass.tx(), now).await?;
    let holds = retention::holds(pass.tx(), HOLDS_ROWS_MAX).await?;
    let size = store::audit::tree_size(pass.tx()).await?.unsigned_abs();
    let below = keeping.archive.as_ref().map_or(0, |archive| archive.size);
    let ids = retention::ids_at(pass.tx(), &[0, below]).await?;
    let made = |at: usize| ids.get(at).and_then(|id| id.made_at());
    let (began, unarchived_from) = (made(0), made(usize::from(below > 0)));
    let receipt = pass.seal(Draft::done(EventKind::AuditRead)).await?;
    Ok((Overview { keeping, holds, size, began, unarchived_from }, receipt))
}

/// What asking for `days` makes of a retention: more is in force at once, less only after a while.
fn changed(before: &Retention, days: i32, now: Timestamp) -> Retention {
    let in_force = before.in_force(now);
    let next = (days < in_force).then(|| {
        let from = now.plus(Duration::from_secs(RETENTION_SHORTEN_DAYS * DAY_SECONDS));
        (days, from)
    });
    Retention { days: days.max(in_force), next, changed_at: Some(now) }
}

/// Changes how long the log is kept. Longer counts at once, shorter after [`RETENTION_SHORTEN_DAYS`].
///
/// # Errors
/// When the time is out of bounds.
pub async fn change_retention(
    mut pass: Pass<ChangeRetention>,
    days: i32,
) -> Result<(Keeping, Receipt), Problem> {
    let kind = EventKind::RetentionChanged;
    match put(&mut pass, days).await {
        Ok((before, new)) => {
            let now = pass.vault().clock().now();
            let draft = Draft::done(kind)
                .subject("organization", pass.tenant())
                .fact("days_before", before.in_force(now))
                .fact("days", days)
                .fact("effective_at", new.next.map_or(now, |(_, from)| from));
            let standing = retention::holds_standing(pass.tx()).await?;
            let archive = retention::archive(pass.tx(), i64::MAX).await?;
            let receipt = pass.seal(draft).await?;
            Ok((keeping(&new, now, standing, archive), receipt))
        }
        Err(problem) => Err(pass.fail(undone(kind, &problem).fact("days", days), problem).await),
    }
}

async fn put(pass: &mut Pass<ChangeRetention>, days: i32) -> Result<(Retention, Retention), Problem> {
    if !(RETENTION_DAYS_MIN..=RETENTION_DAYS_MAX).contains(&days) {
        let detail = format!("A log is kept for {RETENTION_DAYS_MIN} to {RETENTION_DAYS_MAX} days.");
        return Err(Problem::invalid("/days", detail));
    }
    let now = pass.vault().clock().now();
    let before = retention::read(pass.tx()).await?;
    let new = changed(&before, days, now);
    retention::put(pass.tx(), &new, now).await?;
    Ok((before, new))
}

/// The holds: those that stand first, then those that were lifted, newest first.
///
/// # Errors
/// When the database cannot be used.
pub async fn holds(mut pass: Pass<ReadRetention>) -> Result<(Vec<Hold>, Receipt), Problem> {
    let found = retention::holds(pass.tx(), HOLDS_ROWS_MAX).await?;
    let draft = Draft::done(EventKind::AuditRead).fact("items", found.len() as u64);
    Ok((found, pass.seal(draft).await?))
}

/// A hold that is asked for.
pub struct Held {
    /// Why.
    pub reason: String,
    /// Entries from here on; from the first when nothing is said.
    pub from: Option<Timestamp>,
    /// Entries up to here; without end when nothing is said.
    pub until: Option<Timestamp>,
}

/// A reason after gate four. Tokens may be longer than what they stand for.
fn reason(privacy: &gates::Privacy, text: &str) -> Result<Clean<String>, Problem> {
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    let fits = |text: &str| (HOLD_REASON_CHARS_MIN..=HOLD_REASON_CHARS_MAX).contains(&text.chars().count());
    let text = text.trim();
    if !fits(text) || text.chars().any(odd) {
        let detail = format!(
            "It takes {HOLD_REASON_CHARS_MIN} to {HOLD_REASON_CHARS_MAX} characters, and no control characters."
        );
        return Err(Problem::invalid("/reason", detail));
    }
    let clean = privacy.text(Raw::new(text.to_owned()));
    if fits(clean.get()) {
        return Ok(clean);
    }
    let detail = "With personal data replaced it has the wrong length; say it without.";
    Err(Problem::invalid("/reason", detail))
}

/// Places a hold: from here on no entry in its scope leaves the database.
///
/// # Errors
/// When the reason or the times are out of bounds, or as many stand as may.
pub async fn place_hold(mut pass: Pass<PlaceHold>, held: Held) -> Result<(Hold, Receipt), Problem> {
    let kind = EventKind::HoldPlaced;
    match place(&mut pass, held).await {
        Ok(hold) => {
            let draft =
                Draft::done(kind).subject("hold", hold.id).fact("from", hold.from).fact("until", hold.until);
            let receipt = pass.seal(draft).await?;
            Ok((hold, receipt))
        }
        Err(problem) => Err(pass.fail(undone(kind, &problem), problem).await),
    }
}

async fn place(pass: &mut Pass<PlaceHold>, held: Held) -> Result<Hold, Problem> {
    let clean = reason(&pass.privacy(Channel::Log), &held.reason)?;
    if held.from.zip(held.until).is_some_and(|(from, until)| from >= until) {
        return Err(Problem::invalid("/until", "A hold ends after it begins."));
    }
    if retention::holds_standing(pass.tx()).await? >= HOLDS_MAX {
        let detail = format!("{HOLDS_MAX} holds stand already; lift one that is over.");
        return Err(Problem::new(ProblemKind::Conflict, detail));
    }
    let (by, at) = (pass.who().account(), pass.vault().clock().now());
    let id = HoldId::new(pass.vault().clock(), pass.vault().rng());
    let new = NewHold { id, reason: &clean, from: held.from, until: held.until, at, by };
    retention::place(pass.tx(), &new).await?;
    let (from, until) = (held.from, held.until);
    Ok(Hold { id, reason: clean.into_inner(), from, until, placed_at: at, placed_by: by, lifted: None })
}

/// Lifts a hold, for a reason.
///
/// # Errors
/// When there is none of this id that stands.
pub async fn lift_hold(mut pass: Pass<LiftHold>, id: HoldId, why: &str) -> Result<Receipt, Problem> {
    let kind = EventKind::HoldLifted;
    let (by, at) = (pass.who().account(), pass.vault().clock().now());
    let lifted = match reason(&pass.privacy(Channel::Log), why) {
        Ok(clean) => lift(pass.tx(), id, by, &clean, at).await,
        Err(problem) => Err(problem),
    };
    match lifted {
        Ok(()) => pass.seal(Draft::done(kind).subject("hold", id)).await,
        Err(problem) => Err(pass.fail(undone(kind, &problem).subject("hold", id), problem).await),
    }
}

async fn lift(
    tx: &mut WriteTx,
    id: HoldId,
    by: kernel::AccountId,
    why: &Clean<String>,
    at: Timestamp,
) -> Result<(), Problem> {
    if retention::lift(tx, id, by, why, at).await? { Ok(()) } else { Err(Problem::not_found()) }
}

/// The answer for an entry that is in an archive.
pub(super) fn elsewhere(archive: &Archive) -> Problem {
    let detail = format!(
        "It was archived: entries below {} of this log are in the archive {}, as entry {} says.",
        archive.size, archive.name, archive.entry
    );
    Problem::new(ProblemKind::NotFound, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: u64) -> Timestamp {
        Timestamp::from_unix_micros(1_800_000_000_000_000).plus(Duration::from_secs(days * DAY_SECONDS))
    }

    #[test]
    fn longer_counts_at_once_and_shorter_later() {
        let before = Retention::default();
        assert_eq!(before.in_force(at(0)), 2_557);
        let shorter = changed(&before, 365, at(0));
        assert_eq!((shorter.in_force(at(0)), shorter.in_force(at(29))), (2_557, 2_557));
        assert_eq!(shorter.in_force(at(RETENTION_SHORTEN_DAYS)), 365);
        // Changed back while it waits: nothing was ever shorter.
        let back = changed(&shorter, 2_557, at(10));
        assert_eq!((back.next, back.in_force(at(100))), (None, 2_557));
        // Once it is in force, more counts at once, and less waits again.
        let longer = changed(&shorter, 730, at(40));
        assert_eq!((longer.next, longer.in_force(at(40))), (None, 730));
        let shortest = changed(&shorter, 200, at(40));
        assert_eq!((shortest.in_force(at(40)), shortest.in_force(at(70))), (365, 200));
    }
}
