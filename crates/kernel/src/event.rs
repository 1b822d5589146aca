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
    /// A known caller asked for something that is not open to it.
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
    /// A checkpoint of an organization's log was signed; stands in the instance's log, which witnesses see.
    CheckpointSigned = "log.checkpoint";
    /// Something is wrong with the log: its end was lost, rows were changed, or a witness saw another history.
    AlarmRaised = "log.alarm";
    /// The operator looked into an alarm and settled it.
    AlarmSettled = "log.alarm_settled";
    /// The log goes on under another name, because its end was lost; names the head that is missing.
    EpochBegan = "log.epoch_began";
    /// A person signed up; nothing opens before the address is verified.
    AccountCreated = "account.created";
    /// A person's address was verified.
    AccountVerified = "account.verified";
    /// A person read their own account: security page, organizations, sessions.
    AccountRead = "account.read";
    /// A person changed the name they go by.
    AccountRenamed = "account.renamed";
    /// A person asked for another address; it counts once it is verified.
    AddressChangeRequested = "account.address_change_requested";
    /// A person withdrew the change of address that waited to be confirmed.
    AddressChangeWithdrawn = "account.address_change_withdrawn";
    /// A person's address was changed.
    AddressChanged = "account.address_changed";
    /// The operator closed an account, or opened it again.
    AccountDisabled = "account.disabled";
    /// The operator opened an account again.
    AccountEnabled = "account.enabled";
    /// The operator took back the guesses that were counted against an account.
    AccountUnlocked = "account.unlocked";
    /// The operator removed a person's second factors, of which none was left to them.
    FactorsReset = "account.factors_reset";
    /// The operator made a person administrator of the instance.
    SuperAdminGranted = "account.super_admin_granted";
    /// The operator took that away.
    SuperAdminRevoked = "account.super_admin_revoked";
    /// A person signed in.
    SignedIn = "account.signed_in";
    /// A person signed out.
    SignedOut = "account.signed_out";
    /// A person confirmed once more that it is them.
    SteppedUp = "account.stepped_up";
    /// Somebody asked for a new password for an address.
    PasswordResetRequested = "account.password_reset_requested";
    /// A password was set by a link from the mail.
    PasswordReset = "account.password_reset";
    /// A person changed their password.
    PasswordChanged = "account.password_changed";
    /// An authenticator app was enrolled.
    TotpAdded = "mfa.totp_added";
    /// An authenticator app was removed.
    TotpRemoved = "mfa.totp_removed";
    /// New recovery codes were made; the old ones are void.
    RecoveryCodesMade = "mfa.recovery_codes_made";
    /// A passkey was enrolled.
    PasskeyAdded = "mfa.passkey_added";
    /// A passkey was given another name.
    PasskeyRenamed = "mfa.passkey_renamed";
    /// A passkey was removed.
    PasskeyRemoved = "mfa.passkey_removed";
    /// Sessions were listed.
    SessionsListed = "session.listed";
    /// A session was ended.
    SessionRevoked = "session.revoked";
    /// A session moved to another organization of the same person.
    SessionSwitched = "session.switched";
    /// An access token was issued.
    TokenIssued = "token.issued";
    /// A person looked at which agents act for them.
    DelegationsListed = "delegation.listed";
    /// A person ended what an agent held on their behalf.
    DelegationEnded = "delegation.ended";
    /// A refresh token was exchanged for the next one.
    TokenRefreshed = "token.refreshed";
    /// A refresh token that was replaced long ago came back: the session was ended.
    TokenReused = "token.reused";
    /// A token was revoked.
    TokenRevoked = "token.revoked";
    /// Somebody asked whether a token is good.
    TokenIntrospected = "token.introspected";
    /// The key that signs access tokens was rotated.
    SigningKeyRotated = "signing_key.rotated";
    /// Members were listed.
    MembersListed = "member.listed";
    /// One member was looked at.
    MemberRead = "member.read";
    /// Invitations were listed.
    InvitationsListed = "member.invitations_listed";
    /// A person was invited.
    MemberInvited = "member.invited";
    /// An invitation was withdrawn.
    InvitationRevoked = "member.invitation_revoked";
    /// A person joined.
    MemberJoined = "member.joined";
    /// A member's role was changed.
    MemberRoleChanged = "member.role_changed";
    /// A member was suspended: nothing of the organization opens for them.
    MemberSuspended = "member.suspended";
    /// A suspended member may work again.
    MemberResumed = "member.resumed";
    /// A member was removed.
    MemberRemoved = "member.removed";
    /// A member left.
    MemberLeft = "member.left";
    /// The organization has another owner.
    OwnershipTransferred = "organization.ownership_transferred";
    /// The organization's settings were read.
    SettingsRead = "organization.settings_read";
    /// The organization's settings were changed.
    SettingsChanged = "organization.settings_changed";
    /// The table of roles and permissions was read.
    RolesRead = "organization.roles_read";
    /// An override was opened: from here on its holder may do what their role does not allow.
    BreakGlassOpened = "break_glass.opened";
    /// An override was closed before its time.
    BreakGlassClosed = "break_glass.closed";
    /// A past override was reviewed.
    BreakGlassReviewed = "break_glass.reviewed";
    /// Overrides were listed.
    BreakGlassListed = "break_glass.listed";
    /// What was done under an override was read.
    BreakGlassRead = "break_glass.read";
    /// A past override was not reviewed in time; the owners were told.
    BreakGlassOverdue = "break_glass.overdue";
    /// The outgoing mail was looked at by the administrator of the instance.
    OutboxRead = "outbox.read";
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
