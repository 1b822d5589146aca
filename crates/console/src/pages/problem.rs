//! A refusal or a failure, for people.

use askama::Template;
use kernel::{Gate, Problem};

use crate::layout::Frame;
use crate::parts::{Icon, Id, Tone};

/// A problem (RFC 9457) as a page: what happened, which gate, what to do, and the id to quote.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/problem.html")]
pub struct ProblemPage {
    /// What surrounds it.
    pub frame: Frame,
    /// The HTTP status code.
    pub status: u16,
    /// The short sentence of its kind.
    pub title: String,
    /// What happened this time.
    pub detail: String,
    /// Names the request in every log.
    pub request_id: Id,
    /// The gate that refused, when one did.
    pub gate: Option<Gate>,
    /// Seconds after which trying again makes sense.
    pub retry_after_seconds: Option<u64>,
}

impl ProblemPage {
    /// The page of a problem.
    pub fn new(frame: Frame, problem: &Problem, request_id: impl Into<String>) -> Self {
        Self {
            frame,
            status: problem.kind.status(),
            title: problem.kind.title().to_owned(),
            detail: problem.detail.clone().into_owned(),
            request_id: Id::new(request_id),
            gate: problem.gate,
            retry_after_seconds: problem.retry_after_seconds,
        }
    }

    fn gates(&self) -> impl Iterator<Item = (Gate, Tone)> + '_ {
        let closed = self.gate;
        Gate::ALL.into_iter().map(move |gate| {
            let tone = match closed {
                Some(closed) if gate == closed => Tone::Bad,
                Some(closed) if gate > closed => Tone::Plain,
                _ => Tone::Good,
            };
            (gate, tone)
        })
    }

    /// What the gate asks, and what to do when it says no.
    fn advice(&self) -> (&'static str, &'static str) {
        match self.gate {
            Some(Gate::Identity) => ("Who are you?", "Sign in again, or with the account that may do this."),
            Some(Gate::Token) => (
                "Is your sign-in still good, and does it cover this?",
                "Your session may have ended, or your role does not include this. Sign in again, or ask an \
                 administrator of your organization.",
            ),
            Some(Gate::Tenancy) => (
                "Whose data is it?",
                "It belongs to another organization than the one that is open. Switch to the right one.",
            ),
            Some(Gate::Privacy) => (
                "May this be said?",
                "It holds personal data or a secret that the organization's policy keeps inside. Remove it and \
                 send again.",
            ),
            Some(Gate::Audit) => (
                "Can it be written down?",
                "The log did not take the entry, so nothing was done. Try again in a moment.",
            ),
            None => ("", ""),
        }
    }
}
