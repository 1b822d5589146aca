//! Gate five for what no pass saw: a known caller sent what cannot be read, or was refused before anything was sealed.

use std::sync::{Arc, Mutex, PoisonError};

use kernel::{EventKind, Gate, Problem, ProblemKind, RequestContext};

use crate::audit::Draft;
use crate::pass::Station;
use crate::principal::{Principal, Standing};
use crate::vault::Vault;

/// Who was found to have sent a request, and what they asked for. A face keeps one beside each request until it is
/// answered, so that a refusal can be written down by whoever sees the answer, in one place.
#[derive(Clone, Default)]
pub struct Docket(Arc<Mutex<Option<Known>>>);

struct Known {
    standing: Arc<Standing>,
    action: &'static str,
}

impl Docket {
    /// The caller is known: `principal` asks for `action`, a name that stands in entries.
    pub fn note(&self, principal: &Principal, action: &'static str) {
        let known = Known { standing: Arc::clone(principal.standing()), action };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }

    /// Whether somebody is known.
    pub fn is_noted(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn take(&self) -> Option<Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Where a request ended that no gate refused: at reading what was sent, or at doing what was asked.
const fn stage(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::BadRequest
        | ProblemKind::Invalid
        | ProblemKind::TooLarge
        | ProblemKind::TooSlow
        | ProblemKind::UnsupportedMediaType
        | ProblemKind::NotFound => "input",
        _ => "action",
    }
}

impl Vault {
    /// Gate five for a refusal of a known caller that is not on record yet: one entry in the log of their organization. It
    /// names the action, the gate or the stage, and the kind of problem, never what was sent; `route` is the pattern of the
    /// path where no action had been named. Where nobody is known, something is on record, or nothing was refused but
    /// failed on our side, nothing is done. Like every refusal it goes through the ledger, which bounds them.
    ///
    /// # Errors
    /// When it cannot be written: then that is the answer.
    pub async fn record_refusal(
        self: &Arc<Self>,
        docket: &Docket,
        request: &RequestContext,
        (gate, kind): (Option<Gate>, ProblemKind),
        route: Option<&'static str>,
    ) -> Result<(), Problem> {
        let refused = (400..500).contains(&kind.status()) && !request.refusal.is_set();
        let Some(known) = docket.take().filter(|_| refused) else { return Ok(()) };
        let principal = Principal::of(known.standing);
        let at = Station::of(self, &principal, request.clone()).await?;
        let draft = Draft::refused(EventKind::AccessDenied).fact("because", kind.slug());
        let draft = match gate {
            Some(gate) => draft.fact("gate", gate.name()),
            None => draft.fact("stage", stage(kind)),
        };
        let draft = match route {
            Some(route) => draft.fact("route", route),
            None => draft,
        };
        let row = at.row_apart(draft, known.action, &principal).await?;
        at.append(row).await?;
        Ok(())
    }
}
