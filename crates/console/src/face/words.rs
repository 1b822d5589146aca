//! Entries of the log in words.

use kernel::{EventKind, Timestamp};

use crate::pages::{Actor, AuditRow};
use crate::parts::{Badge, Id, Tone, When};

/// What an entry tells, after the name of whoever did it.
pub(super) fn what(kind: &str) -> String {
    match kind.parse::<EventKind>() {
        Ok(known) => said(known).to_owned(),
        Err(_) => kind.replace(['.', '_'], " "),
    }
}

#[expect(clippy::too_many_lines, reason = "a table: one line for every kind")]
fn said(kind: EventKind) -> &'static str {
    use EventKind as K;
    match kind {
        K::AuthFailure => "could not prove who they are",
        K::AccessDenied => "asked for something that is not open to them",
        K::OrganizationCreated => "created the organization",
        K::OrganizationRead => "read the organization's record",
        K::ProjectsListed => "listed the projects",
        K::ProjectCreated => "created a project",
        K::AgentsListed => "listed the agents",
        K::AgentCreated => "created an agent",
        K::AgentSuspended => "suspended an agent",
        K::AgentResumed => "let an agent work again",
        K::KeysListed => "listed the API keys",
        K::KeyCreated => "issued an API key",
        K::KeyRevoked => "revoked an API key",
        K::KeyRotated => "rotated an API key",
        K::IdentityRead => "asked who they are",
        K::ProvidersListed => "listed the providers",
        K::ProviderCreated => "configured a provider",
        K::ProviderDeleted => "removed a provider",
        K::PolicyRead => "read the PII policy",
        K::PolicyTried => "tried PII rules before saving them",
        K::PolicyChanged => "changed the PII policy",
        K::PolicyKeyTrusted => "trusted a key that signs policy packs",
        K::PolicyKeyRevoked => "revoked a key that signs policy packs",
        K::PolicyPacksRead => "looked at the policy packs",
        K::PolicyPackUploaded => "uploaded a policy pack",
        K::PolicyPackTried => "tried a policy pack against recorded decisions",
        K::PolicyPackActivated => "put a policy pack into force",
        K::PolicyPackRolledBack => "went back to the policy pack before",
        K::ModelsListed => "listed the models",
        K::LlmCallIntent => "is about to call a model",
        K::LlmCallOutcome => "called a model",
        K::PiiRedacted => "had personal data replaced",
        K::PiiScanned => "had a text looked through for personal data",
        K::PiiKept => "had replaced values kept under tokens",
        K::PiiRevealed => "was shown what a token stands for",
        K::EncryptionKeyChanged => "sealed stored values under another key",
        K::PiiKeyRotated => "rotated the key under which values are kept",
        K::PiiCounted => "counted the values that are kept",
        K::AuditRead => "read the audit log",
        K::AuditExported => "fetched a part of the log",
        K::CheckpointRequested => "asked for a checkpoint",
        K::CheckpointSigned => "signed a head of an organization's log",
        K::AlarmRaised => "found that the log is not what it was",
        K::AlarmSettled => "settled an alarm about the log",
        K::EpochBegan => "let the log go on under another name",
        K::RetentionChanged => "changed how long the log is kept",
        K::HoldPlaced => "placed a legal hold over the log",
        K::HoldLifted => "lifted a legal hold over the log",
        K::LogPruned => "archived the beginning of the log",
        K::AccountCreated => "signed up",
        K::AccountVerified => "verified their address",
        K::AccountRead => "looked at their own account",
        K::AccountRenamed => "changed their name",
        K::AddressChangeRequested => "asked for another address",
        K::AddressChangeWithdrawn => "withdrew the change of their address",
        K::AddressChanged => "changed their address",
        K::AccountDisabled => "closed an account",
        K::AccountErased => "erased a person",
        K::AccountEnabled => "opened an account again",
        K::FactorsReset => "removed all second factors of an account",
        K::AccountUnlocked => "took back the guesses counted against an account",
        K::SuperAdminGranted => "named an administrator of the instance",
        K::SuperAdminRevoked => "took an administrator's rights away",
        K::SignedIn => "signed in",
        K::SignedOut => "signed out",
        K::SteppedUp => "confirmed that it is them",
        K::PasswordResetRequested => "asked for a new password",
        K::PasswordReset => "set a new password by mail",
        K::PasswordChanged => "changed their password",
        K::TotpAdded => "set up an authenticator app",
        K::TotpRemoved => "removed their authenticator app",
        K::RecoveryCodesMade => "made new recovery codes",
        K::PasskeyAdded => "added a passkey",
        K::PasskeyRenamed => "renamed a passkey",
        K::PasskeyRemoved => "removed a passkey",
        K::SessionsListed => "listed sessions",
        K::SessionRevoked => "ended a session",
        K::SessionSwitched => "switched to this organization",
        K::TokenIssued => "got an access token",
        K::DelegationsListed => "looked at which agents act for them",
        K::DelegationEnded => "ended what an agent did for them",
        K::TokenRefreshed => "refreshed a token",
        K::TokenReused => "presented a refresh token that was replaced",
        K::TokenRevoked => "called a token back",
        K::TokenIntrospected => "asked about a token",
        K::SigningKeyRotated => "rotated a key of the instance",
        K::MembersListed => "listed the members",
        K::MemberRead => "looked at a member",
        K::InvitationsListed => "listed the invitations",
        K::MemberInvited => "invited somebody",
        K::InvitationRevoked => "withdrew an invitation",
        K::MemberJoined => "joined",
        K::MemberRoleChanged => "changed a member's role",
        K::MemberSuspended => "suspended a member",
        K::MemberResumed => "let a member work again",
        K::MemberRemoved => "removed a member",
        K::MemberLeft => "left",
        K::OwnershipTransferred => "handed the organization over",
        K::SettingsRead => "read the settings",
        K::SettingsChanged => "changed the settings",
        K::RolesRead => "read what each role may do",
        K::RoleTemplatesListed => "listed the templates of roles",
        K::RoleTemplateCreated => "made a template of a role",
        K::RoleTemplateChanged => "changed what a template carries",
        K::RoleTemplateDeleted => "removed a template of a role",
        K::RoleGrantsListed => "listed what was given beside roles",
        K::RoleGiven => "gave somebody more than their role",
        K::RoleTaken => "took back what was given",
        K::MemberPermissionsListed => "looked at what members may do",
        K::BreakGlassOpened => "opened break-glass",
        K::BreakGlassClosed => "closed break-glass",
        K::BreakGlassReviewed => "reviewed a break-glass",
        K::BreakGlassListed => "listed the break-glasses",
        K::BreakGlassRead => "read what was done under a break-glass",
        K::BreakGlassOverdue => "told the owners of a review that is overdue",
        K::EvidencePackCreated => "made an evidence pack",
        K::EvidenceRead => "looked at evidence",
        K::EvidencePackDownloaded => "took an evidence pack away",
        K::EvidenceLinkCreated => "made a link to an evidence pack",
        K::EvidencePackDeleted => "deleted an evidence pack",
        K::OutboxRead => "looked at outgoing mail",
        K::RelationStoresListed => "listed the stores of relations",
        K::RelationStoreRead => "looked at a store of relations",
        K::RelationStoreCreated => "made a store of relations",
        K::RelationStoreDeleted => "deleted a store of relations",
        K::RelationModelsRead => "looked at models of relations",
        K::RelationModelWritten => "wrote a model of relations",
        K::RelationsWritten => "wrote relations",
        K::RelationsRead => "read relations",
        K::RelationsChecked => "asked who may do what",
        K::RelationsSearched => "asked what may be done",
        K::RelationsSupposed => "asked what would be with other relations",
        K::RelationsReviewed => "reviewed what somebody can reach",
        K::RelationAssertionsWritten => "wrote what a model of relations is expected to answer",
        K::RelationAssertionsRead => "read what a model of relations is expected to answer",
        K::WebhooksListed => "listed the webhooks",
        K::WebhookRead => "looked at a webhook",
        K::WebhookCreated => "configured a webhook",
        K::WebhookUpdated => "changed a webhook",
        K::WebhookDeleted => "removed a webhook",
        K::WebhookSecretRotated => "rotated the secret of a webhook",
        K::WebhookTested => "tested a webhook",
        K::WebhookDeliveriesRead => "looked at deliveries of a webhook",
        K::WebhookReplayed => "replayed deliveries of a webhook",
        K::WebhookDisabled => "switched a webhook off",
        K::WebhookDeadLettered => "gave a delivery of a webhook up",
    }
}

/// A name of the log as people read it: `input_tokens` is "Input tokens".
pub(super) fn titled(name: &str) -> String {
    let name = name.replace('_', " ");
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// How an entry ended.
pub(super) fn outcome(word: &str) -> Badge {
    match word {
        "ok" => Badge::new(Tone::Good, "Done"),
        "intent" => Badge::new(Tone::Plain, "Begun"),
        "refused" => Badge::new(Tone::Bad, "Refused"),
        "failed" => Badge::new(Tone::Warn, "Failed"),
        _ => Badge::new(Tone::Plain, "Unknown"),
    }
}

/// A line of the list. `name_of` knows what people and agents are called.
pub(super) fn row(entry: &app::audit::Entry, name_of: &dyn Fn(&str) -> Option<String>) -> AuditRow {
    let id = entry.actor.id.clone().unwrap_or_default();
    let (actor, fallback) = match entry.actor.kind.as_str() {
        "human" => (Actor::Person, "A person"),
        "agent" => (Actor::Agent, "An agent"),
        "service" => (Actor::Service, "A service"),
        "system" => (Actor::Service, "The server"),
        _ => (Actor::Unknown, "Somebody unknown"),
    };
    let at = Timestamp::from_unix_micros(entry.at.unix_micros());
    AuditRow {
        id: entry.id.to_string(),
        at: When::stamp(at),
        actor,
        who: name_of(&id).unwrap_or_else(|| fallback.to_owned()),
        on_behalf_of: entry.data.get("acting_for").and_then(|id| id.as_str()).and_then(name_of),
        what: what(entry.kind.as_str()),
        kind: entry.kind.as_str().to_owned(),
        outcome: outcome(entry.outcome.as_str()),
        subject: entry
            .subject
            .as_ref()
            .map(|subject| format!("{} {}", subject.kind, Id::new(subject.id.clone()).short())),
        request_id: Id::new(entry.request_id.clone()),
    }
}
