use std::fmt;
use std::str::FromStr;

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// Every kind of entry the audit log knows. A kind's name never changes once released.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind {
            $($(#[$doc])* $name,)*
        }

        impl EventKind {
            /// Every kind, in the order of the catalogue.
            pub const ALL: &'static [EventKind] = &[$(EventKind::$name),*];

            /// The stable name, as stored in the log.
            pub const fn name(self) -> &'static str {
                match self { $(EventKind::$name => $text,)* }
            }
        }
    };
}

events! {
    /// A credential was missing, unknown, malformed, expired, revoked or suspended.
    AuthFailure = "AUTH_FAILURE";
    /// A known caller asked for something its permissions do not cover.
    AccessDenied = "access.denied";
    /// The organization came into being, with its first project, agent and keys.
    OrganizationCreated = "organization.created";
    /// The organization's record was read.
    OrganizationRead = "organization.read";
    /// Projects were listed.
    ProjectsListed = "project.listed";
    /// A project was created.
    ProjectCreated = "project.created";
    /// Agents were listed.
    AgentsListed = "agent.listed";
    /// An agent was created.
    AgentCreated = "agent.created";
    /// An agent was suspended: its keys stop working at once.
    AgentSuspended = "agent.suspended";
    /// A suspended agent may work again.
    AgentResumed = "agent.resumed";
    /// API keys were listed (never their secrets).
    KeysListed = "key.listed";
    /// An API key was issued.
    KeyCreated = "KEY_CREATED";
    /// An API key was revoked.
    KeyRevoked = "KEY_REVOKED";
    /// An API key was replaced by a new one.
    KeyRotated = "KEY_ROTATED";
    /// The caller asked who it is.
    IdentityRead = "identity.read";
    /// Providers were listed (never their keys).
    ProvidersListed = "provider.listed";
    /// A provider was configured.
    ProviderCreated = "provider.created";
    /// A provider was removed.
    ProviderDeleted = "provider.deleted";
    /// The PII policy was read.
    PolicyRead = "policy.read";
    /// The PII policy was changed.
    PolicyChanged = "policy.changed";
    /// The models were listed.
    ModelsListed = "model.listed";
    /// A model is about to be called; written before the provider sees anything.
    LlmCallIntent = "llm.call.intent";
    /// How that call ended.
    LlmCallOutcome = "llm.call.outcome";
    /// Personal data or secrets were found in a call.
    PiiRedacted = "PII_REDACTED";
    /// Entries of the audit log were read.
    AuditRead = "audit.read";
    /// A part of the log was fetched for verification elsewhere.
    AuditExported = "audit.exported";
    /// A checkpoint was asked for.
    CheckpointRequested = "audit.checkpoint.requested";
}

impl EventKind {
    /// Whether what this tells of makes remembered keys, providers or policies stale. The process that did it drops
    /// them at once; the others see the epoch move.
    pub const fn makes_lookups_stale(self) -> bool {
        matches!(
            self,
            Self::AgentCreated
                | Self::AgentSuspended
                | Self::AgentResumed
                | Self::KeyRevoked
                | Self::KeyRotated
                | Self::ProviderCreated
                | Self::ProviderDeleted
                | Self::PolicyChanged
        )
    }
}

/// The text names no kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no event kind of that name")]
pub struct ParseEventKindError;

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EventKind {
    type Err = ParseEventKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|kind| kind.name() == text).ok_or(ParseEventKindError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        for kind in EventKind::ALL {
            assert_eq!(kind.name().parse::<EventKind>().as_ref(), Ok(kind));
        }
    }
}
