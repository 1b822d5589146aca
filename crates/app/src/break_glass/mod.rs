//! Break-glass: an override for a written reason and a limited time, with a part of the log of its own and a review.
//!
//! While it is open its holder may do whatever people can do inside their organization (`gates` decides that), and every
//! entry of theirs names it. Reasons and reviews are prose and pass gate four; they are kept with the override. The log's
//! leaves, which are for ever, commit to them.

pub mod jobs;
mod manage;

use std::sync::Arc;
use std::time::Duration;

use gates::{Action, Draft, Pass, Read, Receipt};
use kernel::limits::{BREAK_GLASS_DUE_SECONDS, BREAK_GLASS_TEXT_CHARS_MAX, BREAK_GLASS_WAITING_ROWS_MAX};
use kernel::{AccountId, BreakGlassId, EntryId, EventKind, Problem, Timestamp};
pub use store::break_glass::{Override, Review};
use store::{break_glass, members};

pub(crate) use manage::review_due;
pub use manage::{
    CloseBreakGlass, NewOverride, OpenBreakGlass, ReviewBreakGlass, Verdict, close, open, review,
};

use crate::action;
use crate::audit::EntryRecord;
use crate::audit::personal::records;
use crate::input::{Listed, Page};

/// How long after the end of an override an entry of it may have been begun, in seconds.
const SLICE_TAIL_SECONDS: u64 = 60;

action! {
    /// Lists overrides.
    ListBreakGlass = "break_glass.list", AuditRead, Staff, Read
}

action! {
    /// Reads what was done under an override.
    ReadBreakGlass = "break_glass.read", AuditRead, Staff, Read
}

/// Where an override stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is open.
    Open,
    /// It is over, and there is time for its review.
    Ended,
    /// Its review is due within [`BREAK_GLASS_DUE_SECONDS`].
    Due,
    /// Its review is late.
    Overdue,
    /// It was reviewed.
    Reviewed,
}

impl Stage {
    /// Where `glass` stands at `now`.
    pub fn of(glass: &Override, now: Timestamp) -> Self {
        if glass.review.is_some() {
            Self::Reviewed
        } else if glass.ends_at() > now {
            Self::Open
        } else if glass.review_due_at < now {
            Self::Overdue
        } else if glass.review_due_at < now.plus(Duration::from_secs(BREAK_GLASS_DUE_SECONDS)) {
            Self::Due
        } else {
            Self::Ended
        }
    }

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Due => "due",
            Self::Overdue => "overdue",
            Self::Reviewed => "reviewed",
        }
    }
}

fn staged(found: Vec<Override>, now: Timestamp) -> Vec<(Override, Stage)> {
    let staged = found.into_iter().map(|glass| {
        let stage = Stage::of(&glass, now);
        (glass, stage)
    });
    staged.collect()
}

/// A page of overrides, newest first, with where each stands.
///
/// # Errors
/// When the database cannot be used.
pub async fn list(
    mut pass: Pass<ListBreakGlass>,
    page: Page<BreakGlassId>,
) -> Result<(Listed<(Override, Stage), BreakGlassId>, Receipt), Problem> {
    let now = pass.vault().clock().now();
    let found = break_glass::list(pass.tx(), page.after, page.rows + 1).await?;
    let listed = Listed::cut(staged(found, now), page.rows, |(glass, _): &(Override, Stage)| glass.id);
    let draft = Draft::done(EventKind::BreakGlassListed).fact("items", listed.items.len() as u64);
    Ok((listed, pass.seal(draft).await?))
}

/// The overrides that wait for a review by `me`, the most urgent first: by the rule of [`review`] itself. Read under the
/// pass that reads what needs somebody: one look, one entry.
pub(crate) async fn waiting_for<A: Action<Mode = Read>>(
    pass: &mut Pass<A>,
    me: AccountId,
) -> Result<Vec<(Override, Stage)>, Problem> {
    let now = pass.vault().clock().now();
    let mut found = break_glass::waiting(pass.tx(), now, BREAK_GLASS_WAITING_ROWS_MAX).await?;
    if found.iter().any(|glass| glass.account == me) {
        let owners = members::owners(pass.tx()).await?;
        let owners: Vec<AccountId> = owners.iter().map(|owner| owner.account).collect();
        if !manage::may_review_own(me, &owners) {
            found.retain(|glass| glass.account != me);
        }
    }
    Ok(staged(found, now))
}

/// What was done under an override: its part of the log, newest first.
pub struct Slice {
    /// The override.
    pub glass: Override,
    /// Where it stands.
    pub stage: Stage,
    /// The entries of this page.
    pub entries: Listed<EntryRecord, EntryId>,
}

/// Reads an override and a page of what was done under it.
///
/// # Errors
/// When there is no such override.
pub async fn slice(
    mut pass: Pass<ReadBreakGlass>,
    id: BreakGlassId,
    page: Page<EntryId>,
) -> Result<(Slice, Receipt), Problem> {
    let Some(glass) = break_glass::read(pass.tx(), id).await? else {
        let draft = Draft::failed(EventKind::BreakGlassRead).subject("break_glass", id);
        return Err(pass.fail(draft, Problem::not_found()).await);
    };
    let now = pass.vault().clock().now();
    let end = glass.ends_at().min(now).plus(Duration::from_secs(SLICE_TAIL_SECONDS));
    let range = (EntryId::first_at(glass.opened_at), EntryId::first_at(end));
    let found = break_glass::slice(pass.tx(), &glass, range, page.after, page.rows + 1).await?;
    let vault = Arc::clone(pass.vault());
    let found = records(&vault, pass.tx(), found).await?;
    let entries = Listed::cut(found, page.rows, |entry: &EntryRecord| entry.id);
    let draft = Draft::done(EventKind::BreakGlassRead)
        .subject("break_glass", id)
        .fact("items", entries.items.len() as u64);
    let stage = Stage::of(&glass, now);
    Ok((Slice { glass, stage, entries }, pass.seal(draft).await?))
}

/// Prose about an override: bounded, and of control characters only line breaks and tabs.
fn prose(text: &str, chars_min: usize, pointer: &str) -> Result<String, Problem> {
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    let chars = text.trim().chars().count();
    if !(chars_min..=BREAK_GLASS_TEXT_CHARS_MAX).contains(&chars) || text.chars().any(odd) {
        let detail = format!(
            "It takes {chars_min} to {BREAK_GLASS_TEXT_CHARS_MAX} characters, and no control characters."
        );
        return Err(Problem::invalid(pointer, detail));
    }
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use kernel::limits::BREAK_GLASS_REVIEW_SECONDS;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_micros(1_700_000_000_000_000).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn an_override_goes_through_its_stages() {
        let mut glass = Override {
            id: BreakGlassId::first_at(at(0)),
            account: AccountId::first_at(at(0)),
            by: "Somebody".into(),
            reason: "a good reason".into(),
            opened_at: at(0),
            until: at(600),
            closed_at: None,
            review_due_at: at(600 + BREAK_GLASS_REVIEW_SECONDS),
            review: None,
        };
        let due = BREAK_GLASS_REVIEW_SECONDS - BREAK_GLASS_DUE_SECONDS;
        for (seconds, stage) in [
            (0, Stage::Open),
            (599, Stage::Open),
            (600, Stage::Ended),
            (600 + due, Stage::Ended),
            (601 + due, Stage::Due),
            (601 + BREAK_GLASS_REVIEW_SECONDS, Stage::Overdue),
        ] {
            assert_eq!(Stage::of(&glass, at(seconds)), stage, "{seconds}");
        }
        glass.closed_at = Some(at(60));
        assert_eq!(Stage::of(&glass, at(61)), Stage::Ended);
        glass.review = Some(Review {
            account: glass.account,
            by: "Somebody else".into(),
            at: at(70),
            in_order: true,
            text: "as it should be".into(),
        });
        assert_eq!(Stage::of(&glass, at(601 + BREAK_GLASS_REVIEW_SECONDS)), Stage::Reviewed);
    }

    #[test]
    fn a_reason_is_written_and_bounded() {
        assert_eq!(prose("  ten letters ", 10, "/reason").unwrap(), "ten letters");
        for bad in ["too short", "          ", "nine nine\u{0}", &"x".repeat(2_001)] {
            assert!(prose(bad, 10, "/reason").is_err(), "{bad:?}");
        }
    }
}
