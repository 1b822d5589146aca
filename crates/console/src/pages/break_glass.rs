//! Access beyond the rules: for a while, with a reason, and looked at afterwards.

use askama::Template;

use super::AuditRow;
use crate::layout::Shell;
use crate::parts::{Badge, Choice, Form, Icon, Pager, Tone, When};

/// A break-glass that is open.
#[derive(Debug, Clone)]
pub struct OpenGlass {
    /// For paths.
    pub id: String,
    /// Who opened it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub opened: When,
    /// When it closes by itself.
    pub ends: When,
    /// The same for the countdown, RFC 3339.
    pub ends_at: String,
    /// What is left now: "41:07".
    pub left: String,
    /// Whether this person may close it.
    pub may_end: bool,
}

/// One that is over.
#[derive(Debug, Clone)]
pub struct PastGlass {
    /// For paths.
    pub id: String,
    /// Who opened it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub opened: When,
    /// For how long it was open.
    pub minutes: u32,
    /// "Review due", "In order", "Not in order"…
    pub review: Badge,
    /// Until when it must be reviewed; nothing when it has been.
    pub due: Option<When>,
}

/// `/break-glass`: open one, and what became of the others.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/break_glass.html")]
pub struct BreakGlass {
    /// What surrounds it.
    pub shell: Shell,
    /// `reason`, `minutes`.
    pub form: Form,
    /// For how long it can be opened.
    pub durations: Vec<Choice>,
    /// The fewest characters of a reason.
    pub reason_characters_min: u32,
    /// The ones that are open.
    pub open: Vec<OpenGlass>,
    /// The ones that are over, the newest first.
    pub past: Vec<PastGlass>,
    /// The way to older ones.
    pub pager: Pager,
    /// Whether this person may open one.
    pub may_open: bool,
    /// Whether they must confirm that it is them before they may.
    pub must_confirm: bool,
    /// Days after which an opened one must have been reviewed.
    pub review_days: u32,
}

/// What a review came to.
#[derive(Debug, Clone)]
pub struct Reviewed {
    /// By whom.
    pub by: String,
    /// When.
    pub at: When,
    /// "In order" or "Not in order".
    pub verdict: Badge,
    /// What they wrote.
    pub note: String,
}

/// `/break-glass/{id}`: look at what was done.
#[expect(clippy::struct_excessive_bools, reason = "each is a part of the page; none follows from another")]
#[derive(Debug, Clone, Template)]
#[template(path = "pages/break_glass_review.html")]
pub struct BreakGlassReview {
    /// What surrounds it.
    pub shell: Shell,
    /// Which.
    pub glass: PastGlass,
    /// Whether it is open still: it is reviewed when it is over.
    pub open: bool,
    /// Whether this person may close it.
    pub may_end: bool,
    /// Everything that was done through it: its own slice of the log.
    pub entries: Vec<AuditRow>,
    /// The way to the rest of it.
    pub pager: Pager,
    /// `verdict`, `note`.
    pub form: Form,
    /// What `verdict` offers.
    pub verdicts: Vec<Choice>,
    /// What the review came to, when there was one.
    pub reviewed: Option<Reviewed>,
    /// Whether this person may review it.
    pub may_review: bool,
    /// Whether they opened it themselves: then they may review it only as the only owner.
    pub own: bool,
}
