use std::fmt;

use serde::{Deserialize, Serialize};

/// The five gates, in the order every request passes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Who is calling: a person, an agent, a service or an edge agent.
    Identity,
    /// Is the credential genuine, live, unexpired, unrevoked and allowed to do this.
    Token,
    /// Whose data: the database itself shows only the tenant's rows.
    Tenancy,
    /// What may be said: personal data and secrets stay where the tenant's policy keeps them.
    Privacy,
    /// It is written down, together with the act or not at all.
    Audit,
}

impl Gate {
    /// All gates in passing order.
    pub const ALL: [Gate; 5] = [Gate::Identity, Gate::Token, Gate::Tenancy, Gate::Privacy, Gate::Audit];

    /// The stable lower-case name used in problems, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Gate::Identity => "identity",
            Gate::Token => "token",
            Gate::Tenancy => "tenancy",
            Gate::Privacy => "privacy",
            Gate::Audit => "audit",
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
