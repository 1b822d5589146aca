//! Opening an override, closing it, reviewing it.

use std::time::Duration;

use gates::{Action, Channel, Clean, Draft, Pass, Raw, Receipt, Write};
use kernel::limits::{
    BREAK_GLASS_REASON_CHARS_MIN, BREAK_GLASS_REVIEW_SECONDS, BREAK_GLASS_SECONDS_MAX,
    BREAK_GLASS_SECONDS_MIN, BREAK_GLASS_TEXT_CHARS_MAX,
};
use kernel::{AccountId, BreakGlassId, EventKind, Gate, Problem, ProblemKind, Timestamp};
use mail::{Letter, Words};
use store::{break_glass, members};

use super::{Override, prose};
use crate::accounts::circumstances;
use crate::mail::Post;
use crate::{action, undone};

action! {
    /// Opens an override: from here on one may do what one's role does not allow. Every owner is told.
    OpenBreakGlass = "break_glass.open", BreakGlassOpen, Human, Write, Fresh
}

action! {
    /// Closes an override before its time: one's own, or as an owner anybody's.
    CloseBreakGlass = "break_glass.close", BreakGlassOpen, Human, Write
}

action! {
    /// Reviews what was done under an override.
    ReviewBreakGlass = "break_glass.review", OrganizationManage, Human, Write
}

/// Until when an override that ends at `end` must be reviewed.
pub(crate) fn review_due(end: Timestamp) -> Timestamp {
    end.plus(Duration::from_secs(BREAK_GLASS_REVIEW_SECONDS))
}

/// Prose after gate four. Tokens may be longer than what they stand for.
fn clean<A: Action<Mode = Write>>(
    pass: &Pass<A>,
    text: &str,
    chars_min: usize,
    pointer: &str,
) -> Result<Clean<String>, Problem> {
    let clean = pass.privacy(Channel::Log).text(Raw::new(prose(text, chars_min, pointer)?));
    let chars = clean.get().chars().count();
    if !(chars_min..=BREAK_GLASS_TEXT_CHARS_MAX).contains(&chars) {
        let detail = "With personal data replaced it has the wrong length; say it without.";
        return Err(Problem::invalid(pointer, detail));
    }
    Ok(clean)
}

/// What is asked for.
pub struct NewOverride {
    /// Why.
    pub reason: String,
    /// For how long, in seconds.
    pub seconds: u64,
}

/// Opens an override.
///
/// # Errors
/// When the reason or the time is out of bounds, or the person has one open already.
pub async fn open(
    mut pass: Pass<OpenBreakGlass>,
    new: NewOverride,
    post: &Post,
) -> Result<(Override, Receipt), Problem> {
    let (kind, seconds) = (EventKind::BreakGlassOpened, new.seconds);
    match begin(&mut pass, new, post).await {
        Ok(glass) => {
            // The gates say of what follows under which override it was done; this entry opens the slice.
            let draft = Draft::done(kind)
                .subject("break_glass", glass.id)
                .fact("break_glass", glass.id)
                .fact("seconds", seconds)
                .fact("until", glass.until)
                .about(glass.account, "reason", &glass.reason);
            let receipt = pass.seal(draft).await?;
            Ok((glass, receipt))
        }
        Err(problem) => Err(pass.fail(undone(kind, &problem).fact("seconds", seconds), problem).await),
    }
}

async fn begin(pass: &mut Pass<OpenBreakGlass>, new: NewOverride, post: &Post) -> Result<Override, Problem> {
    if !(BREAK_GLASS_SECONDS_MIN..=BREAK_GLASS_SECONDS_MAX).contains(&new.seconds) {
        let detail =
            format!("It is open for {BREAK_GLASS_SECONDS_MIN} to {BREAK_GLASS_SECONDS_MAX} seconds.");
        return Err(Problem::invalid("/seconds", detail));
    }
    let reason = clean(pass, &new.reason, BREAK_GLASS_REASON_CHARS_MIN, "/reason")?;
    let (account, now) = (pass.who().account(), pass.vault().clock().now());
    // Held, so that two requests at once do not open two.
    if !members::hold(pass.tx(), account).await? {
        return Err(Problem::not_found());
    }
    if break_glass::is_open(pass.tx(), account, now).await? {
        let detail = "You have an override open; close it before you open another.";
        return Err(Problem::new(ProblemKind::Conflict, detail));
    }
    let until = now.plus(Duration::from_secs(new.seconds));
    let id = BreakGlassId::new(pass.vault().clock(), pass.vault().rng());
    let review_due_at = review_due(until);
    let row = break_glass::NewOverride { id, account, reason: &reason, at: now, until, review_due_at };
    break_glass::open(pass.tx(), &row).await?;
    let organization = store::organizations::read(pass.tx()).await?.ok_or_else(Problem::not_found)?;
    let by = pass.principal().name().to_owned();
    let letter = Letter::BreakGlassOpened {
        organization: Words::name(&organization.name),
        by: Words::name(&by),
        reason: Words::reason(reason.get()),
        until,
        how: circumstances(pass.request(), "", now),
        review: post.page(&format!("/break-glass/{id}"))?,
    };
    for owner in members::owners(pass.tx()).await? {
        post.put(pass, &owner.address, &letter).await?;
    }
    Ok(Override {
        id,
        account,
        by,
        reason: reason.into_inner(),
        opened_at: now,
        until,
        closed_at: None,
        review_due_at,
        review: None,
    })
}

/// Closes an override.
///
/// # Errors
/// When there is none, it is over, or it is somebody else's and the caller owns nothing here.
pub async fn close(mut pass: Pass<CloseBreakGlass>, id: BreakGlassId) -> Result<Receipt, Problem> {
    let kind = EventKind::BreakGlassClosed;
    match end(&mut pass, id).await {
        Ok(()) => pass.seal(Draft::done(kind).subject("break_glass", id)).await,
        Err(problem) => Err(pass.fail(undone(kind, &problem).subject("break_glass", id), problem).await),
    }
}

async fn end(pass: &mut Pass<CloseBreakGlass>, id: BreakGlassId) -> Result<(), Problem> {
    let glass = break_glass::read(pass.tx(), id).await?.ok_or_else(Problem::not_found)?;
    if glass.account != pass.who().account() && !pass.who().is_owner() {
        let detail = "An override is closed by whoever opened it, or by an owner.";
        return Err(Problem::at(Gate::Token, ProblemKind::Forbidden, detail));
    }
    let now = pass.vault().clock().now();
    if !break_glass::close(pass.tx(), id, now, review_due(now)).await? {
        return Err(Problem::new(ProblemKind::Conflict, "This override is over already."));
    }
    Ok(())
}

/// What a review comes to.
pub struct Verdict {
    /// Whether what was done was in order.
    pub in_order: bool,
    /// What was found.
    pub text: String,
}

/// Whether `me` may review an override of their own: only as the one owner there is, who has nobody else to ask.
pub(crate) fn may_review_own(me: AccountId, owners: &[AccountId]) -> bool {
    owners == [me]
}

/// Reviews an override. Nobody reviews their own, except an owner who is the only one.
///
/// # Errors
/// When there is none, it is still open, it was reviewed, or it is the caller's own.
pub async fn review(
    mut pass: Pass<ReviewBreakGlass>,
    id: BreakGlassId,
    verdict: Verdict,
) -> Result<Receipt, Problem> {
    let (kind, in_order) = (EventKind::BreakGlassReviewed, verdict.in_order);
    match judge(&mut pass, id, verdict).await {
        Ok((own, text)) => {
            let draft = Draft::done(kind)
                .subject("break_glass", id)
                .fact("in_order", in_order)
                .fact("reviewed_own", own)
                .about(pass.who().account(), "text", text.get());
            pass.seal(draft).await
        }
        Err(problem) => Err(pass.fail(undone(kind, &problem).subject("break_glass", id), problem).await),
    }
}

async fn judge(
    pass: &mut Pass<ReviewBreakGlass>,
    id: BreakGlassId,
    verdict: Verdict,
) -> Result<(bool, Clean<String>), Problem> {
    let text = clean(pass, &verdict.text, 1, "/text")?;
    if !break_glass::hold(pass.tx(), id).await? {
        return Err(Problem::not_found());
    }
    let glass = break_glass::read(pass.tx(), id).await?.ok_or_else(Problem::not_found)?;
    let (me, now) = (pass.who().account(), pass.vault().clock().now());
    if glass.ends_at() > now {
        let detail = "This override is still open; it is reviewed when it is over.";
        return Err(Problem::new(ProblemKind::Conflict, detail));
    }
    let own = glass.account == me;
    if own && !may_review_own(me, &members::hold_owners(pass.tx()).await?) {
        let detail = "Nobody reviews an override of their own; ask another administrator.";
        return Err(Problem::at(Gate::Token, ProblemKind::Forbidden, detail));
    }
    if !break_glass::review(pass.tx(), id, me, verdict.in_order, &text, now).await? {
        return Err(Problem::new(ProblemKind::Conflict, "This override was reviewed already."));
    }
    Ok((own, text))
}
