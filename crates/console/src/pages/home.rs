//! What one sees first.

use askama::Template;
use kernel::Gate;

use crate::layout::Shell;
use crate::parts::{Badge, Icon, Tone, When};

/// Something that waits for this person.
#[derive(Debug, Clone)]
pub struct Task {
    /// What it is.
    pub title: String,
    /// What happens, or does not, until it is done.
    pub why: String,
    /// Until when.
    pub due: Option<When>,
    /// Whether that is past.
    pub overdue: bool,
    /// Where it is done.
    pub path: String,
}

/// How one gate stands.
#[derive(Debug, Clone)]
pub struct GateHealth {
    /// Which.
    pub gate: Gate,
    /// [`Tone::Good`] is open, [`Tone::Warn`] half shut, [`Tone::Bad`] shut.
    pub tone: Tone,
    /// The state in a few words: "Open", "Slow to write"…
    pub state: String,
    /// What it did lately: "212 sign-ins today, 3 refused".
    pub detail: String,
    /// Where to look closer.
    pub path: Option<String>,
}

impl GateHealth {
    fn asks(&self) -> &'static str {
        match self.gate {
            Gate::Identity => "who are you",
            Gate::Token => "is it good",
            Gate::Tenancy => "whose data",
            Gate::Privacy => "what is said",
            Gate::Audit => "written down",
        }
    }
}

/// Something that was done.
#[derive(Debug, Clone)]
pub struct Activity {
    /// Who did it.
    pub who: String,
    /// What, after the name: "invited a member".
    pub what: String,
    /// When.
    pub at: When,
    /// How it went; shown when it did not go well.
    pub outcome: Option<Badge>,
    /// Its entry in the log.
    pub path: String,
}

/// A step of a new organization.
#[derive(Debug, Clone)]
pub struct FirstStep {
    /// What to do.
    pub title: String,
    /// What it is good for.
    pub why: String,
    /// Where it is done.
    pub path: String,
    /// Whether it is done.
    pub done: bool,
}

/// `/`: what needs me, how the gates stand, what happened.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/home.html")]
pub struct Home {
    /// What surrounds it.
    pub shell: Shell,
    /// What waits for this person, the most urgent first.
    pub tasks: Vec<Task>,
    /// Whether what waits, and what happened, could not be read: what is missing is then not empty.
    pub unread: bool,
    /// The five gates, in order.
    pub gates: Vec<GateHealth>,
    /// What happened lately; nothing for somebody who may not see the log.
    pub activity: Option<Vec<Activity>>,
    /// The first steps; empty when all are done or put away.
    pub first_steps: Vec<FirstStep>,
}

impl Home {
    fn steps_done(&self) -> usize {
        self.first_steps.iter().filter(|step| step.done).count()
    }

    fn gates_in_words(&self) -> &'static str {
        let worst = |tone| self.gates.iter().any(|gate| gate.tone == tone);
        if worst(Tone::Bad) {
            "A gate is shut: what needs it is refused, nothing slips past."
        } else if worst(Tone::Warn) {
            "All gates stand; one of them needs a look."
        } else {
            "All five gates stand and let through what may pass."
        }
    }
}
