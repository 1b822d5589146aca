//! The catalogue of events: what can stand in the log, and what is known of each kind beforehand.

mod catalogue;

use std::fmt;
use std::str::FromStr;

pub use catalogue::{Category, DataClass, FieldClass, Ocsf, ParseCategoryError, Severity};

/// Fields that entries of every kind may have: an agent's token names a person, an override was open, the policy pack that
/// was in force, or the problem's status when it was not done.
pub const FIELDS_OF_ALL: &[&str] = &["acting_for", "break_glass", "pack", "status"];

/// What these hold, in the same order.
const CLASSES_OF_ALL: [FieldClass; 4] = [FieldClass::Id, FieldClass::Id, FieldClass::Word, FieldClass::Word];

/// One kind a line: its name, its category, the class of its data, its severity, class and activity in OCSF, and the
/// fields its `data` may hold besides [`FIELDS_OF_ALL`], each with what it holds. The sentence above it is what people read.
macro_rules! events {
    ($(
        $(#[doc = $says:literal])+
        $name:ident = $text:literal, $category:ident, $data:ident, $severity:ident, $ocsf:ident,
            [$($field:ident: $class:ident),*];
    )*) => {
        /// Every kind of entry the audit log knows. A kind's name never changes once released.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind {
            $($(#[doc = $says])+ $name,)*
        }

        impl EventKind {
            /// Every kind, in the order of the catalogue.
            pub const ALL: &'static [EventKind] = &[$(EventKind::$name),*];

            /// The stable name, as stored in the log.
            pub const fn name(self) -> &'static str {
                match self { $(EventKind::$name => $text,)* }
            }

            /// What happened, in a sentence.
            pub const fn says(self) -> &'static str {
                match self { $(EventKind::$name => concat!($($says),+).trim_ascii(),)* }
            }

            /// The room it belongs to.
            pub const fn category(self) -> Category {
                match self { $(EventKind::$name => Category::$category,)* }
            }

            /// What its fields hold.
            pub const fn data_class(self) -> DataClass {
                match self { $(EventKind::$name => DataClass::$data,)* }
            }

            /// How much it matters when it is done. What was refused or failed matters at least [`Severity::Low`].
            pub const fn severity(self) -> Severity {
                match self { $(EventKind::$name => Severity::$severity,)* }
            }

            /// Its class and activity in OCSF 1.6.0.
            pub const fn ocsf(self) -> Ocsf {
                match self { $(EventKind::$name => Ocsf::$ocsf,)* }
            }

            /// The fields its `data` may hold, besides [`FIELDS_OF_ALL`].
            pub const fn fields(self) -> &'static [&'static str] {
                match self { $(EventKind::$name => &[$(stringify!($field)),*],)* }
            }

            /// What these fields hold, in the same order.
            pub const fn field_classes(self) -> &'static [FieldClass] {
                match self { $(EventKind::$name => &[$(FieldClass::$class),*],)* }
            }
        }
    };
}

events! {
    /// A credential was missing, unknown, malformed, expired, revoked or suspended.
    AuthFailure = "AUTH_FAILURE", Access, Personal, Medium, LOGON, [
        reason: Word, device: Personal, address: Personal
    ];
    /// A known caller asked for something that is not open to it, or in a way that cannot be read.
    AccessDenied = "access.denied", Access, Operational, Medium, API_OTHER, [
        needs: Word, gate: Word, stage: Word, because: Word, route: Word, revision: Number, verdict: Word, policies: Word,
        authorizer: Word, unanswered: Word
    ];
    /// The organization came into being, with its first project, agent and keys.
    OrganizationCreated = "organization.created", Organization, Operational, Low, ENTITY_CREATE, [
        project: Id, agent: Id, agent_key: Id, owner: Id, owner_key: Id
    ];
    /// The organization's record was read.
    OrganizationRead = "organization.read", Organization, None, Informational, ENTITY_READ, [];
    /// Projects were listed.
    ProjectsListed = "project.listed", Projects, None, Informational, API_READ, [items: Number];
    /// A project was created.
    ProjectCreated = "project.created", Projects, Content, Informational, ENTITY_CREATE, [name: Text];
    /// Agents were listed.
    AgentsListed = "agent.listed", Agents, None, Informational, API_READ, [items: Number];
    /// An agent was created.
    AgentCreated = "agent.created", Agents, Content, Low, ENTITY_CREATE, [project: Id, name: Text];
    /// An agent was suspended: its keys stop working at once.
    AgentSuspended = "agent.suspended", Agents, Operational, Medium, ENTITY_SUSPEND, [];
    /// A suspended agent may work again.
    AgentResumed = "agent.resumed", Agents, Operational, Medium, ENTITY_RESUME, [];
    /// API keys were listed (never their secrets).
    KeysListed = "key.listed", Keys, None, Informational, API_READ, [items: Number];
    /// An API key was issued.
    KeyCreated = "KEY_CREATED", Keys, Operational, Low, ENTITY_CREATE, [
        role: Word, project: Id, agent: Id
    ];
    /// An API key was revoked.
    KeyRevoked = "KEY_REVOKED", Keys, Operational, Low, ENTITY_DELETE, [];
    /// An API key was replaced by a new one.
    KeyRotated = "KEY_ROTATED", Keys, Operational, Low, ENTITY_UPDATE, [
        replaced_by: Id, old_valid_until: Word
    ];
    /// The caller asked who it is.
    IdentityRead = "identity.read", Account, None, Informational, API_READ, [];
    /// Providers were listed (never their keys).
    ProvidersListed = "provider.listed", Providers, None, Informational, API_READ, [count: Number];
    /// A provider was configured.
    ProviderCreated = "provider.created", Providers, Content, Medium, ENTITY_CREATE, [
        name: Text, host: Text, models: Number, has_key: Number
    ];
    /// A provider was removed.
    ProviderDeleted = "provider.deleted", Providers, Operational, Medium, ENTITY_DELETE, [];
    /// The PII policy was read.
    PolicyRead = "policy.read", Privacy, None, Informational, API_READ, [];
    /// The PII policy was changed.
    PolicyChanged = "policy.changed", Privacy, Operational, Medium, ENTITY_UPDATE, [
        replaces: Number, hash: Word
    ];
    /// A key was trusted: from now on packs of policies that it signs can come into force.
    PolicyKeyTrusted = "policy_key.trusted", Privacy, Operational, High, GRANT, [
        not_before: Word, expires_at: Word
    ];
    /// A key that signs packs of policies was revoked: nothing it signed comes into force any more.
    PolicyKeyRevoked = "policy_key.revoked", Privacy, Operational, High, REVOKE, [];
    /// The packs of policies were looked at: those there are, their history, and the keys that are trusted.
    PolicyPacksRead = "policy_pack.read", Privacy, Operational, Informational, API_READ, [items: Number];
    /// A pack of policies was uploaded; it is not in force.
    PolicyPackUploaded = "policy_pack.uploaded", Privacy, Operational, Medium, ENTITY_CREATE, [
        label: Word, sha256: Word, key: Id, because: Word
    ];
    /// It was tried what a pack of policies would have said to recorded decisions.
    PolicyPackTried = "policy_pack.tried", Privacy, Operational, Low, API_OTHER, [
        label: Word, replayed: Number, refused: Number, allowed: Number, unknown: Number, sha256: Word, because: Word
    ];
    /// A pack of policies came into force.
    PolicyPackActivated = "policy_pack.activated", Privacy, Operational, High, ENTITY_UPDATE, [
        label: Word, sha256: Word, replaces: Word, dry_run: Word, because: Word, templates_made: Number,
        templates_changed: Number, templates_left: Number
    ];
    /// The pack of policies that was in force before is in force again, or none.
    PolicyPackRolledBack = "policy_pack.rolled_back", Privacy, Operational, High, ENTITY_UPDATE, [
        label: Word, replaces: Word, templates_made: Number, templates_changed: Number, templates_left: Number
    ];
    /// PII rules were tried on what was found lately, before they were put into force.
    PolicyTried = "policy.tried", Privacy, Operational, Informational, API_READ, [items: Number, changed: Number];
    /// The models were listed.
    ModelsListed = "model.listed", Models, None, Informational, API_READ, [count: Number];
    /// A model is about to be called; written before the provider sees anything.
    LlmCallIntent = "llm.call.intent", Models, Content, Informational, API_OTHER, [
        model: Text, provider: Text, streaming: Number, messages: Number, tools: Number,
        redactions: Number, redacted: Number, findings: Number, read_deep: Number, unread_deep: Number
    ];
    /// How that call ended.
    LlmCallOutcome = "llm.call.outcome", Models, Content, Informational, API_OTHER, [
        intent: Id, model: Text, provider: Text, duration_ms: Number, redactions_prompt: Number,
        redactions_completion: Number, redacted: Number, findings: Number, restored: Number, upstream_status: Number, error: Word,
        http_status: Number, tokens_known: Number, input_tokens: Number, cached_input_tokens: Number,
        output_tokens: Number, reasoning_tokens: Number, cost_usd: Word, verdict: Word, policies: Word,
        read_deep: Number, unread_deep: Number
    ];
    /// Personal data or secrets were looked for in a text and replaced.
    PiiRedacted = "PII_REDACTED", Privacy, Content, Low, DATA_FOUND, [
        redactions: Number, redacted: Number, findings: Number, channel: Word, read_deep: Number,
        unread_deep: Number
    ];
    /// A text was looked through for personal data; nothing of it was changed or kept.
    PiiScanned = "pii.scanned", Privacy, Operational, Informational, API_READ, [
        channel: Word, items: Number, read_deep: Number, unread_deep: Number
    ];
    /// Values that were replaced by tokens were sealed and kept, so that they can be put back.
    PiiKept = "pii.kept", Privacy, Operational, Informational, API_CREATE, [values: Number, until: Word];
    /// Somebody was shown what a token stands for.
    PiiRevealed = "pii.revealed", Privacy, Personal, High, API_READ, [class: Word, reason: Personal];
    /// The data key under which values are kept was replaced by a new one.
    PiiKeyRotated = "pii.key_rotated", Privacy, Operational, Medium, ENTITY_UPDATE, [keys: Number, values: Number];
    /// What is kept was counted.
    PiiCounted = "pii.counted", Privacy, None, Informational, API_READ, [items: Number];
    /// Entries of the audit log were read.
    AuditRead = "audit.read", Audit, None, Informational, API_READ, [
        items: Number, format: Word, after: Number, reviews: Number, keys: Number
    ];
    /// A part of the log was fetched for verification elsewhere.
    AuditExported = "audit.exported", Audit, Operational, Low, LOG_EXPORT, [
        format: Word, after: Number
    ];
    /// A checkpoint was asked for.
    CheckpointRequested = "audit.checkpoint.requested", Audit, None, Informational, API_CREATE, [];
    /// A checkpoint of an organization's log was signed; stands in the instance's log, which witnesses see.
    CheckpointSigned = "log.checkpoint", Audit, Operational, Informational, API_CREATE, [
        origin: Word, size: Number, root: Word
    ];
    /// Something is wrong with the log: its end was lost, rows were changed, or a witness saw another history.
    AlarmRaised = "log.alarm", Audit, Operational, Critical, DETECTED, [
        alarm: Word, signed: Number, signed_root: Word, found: Number, findings: Number, entry: Id,
        size: Number
    ];
    /// The operator looked into an alarm and settled it.
    AlarmSettled = "log.alarm_settled", Audit, Operational, Medium, API_UPDATE, [alarm: Word];
    /// The log goes on under another name, because its end was lost; names the head that is missing.
    EpochBegan = "log.epoch_began", Audit, Operational, High, API_CREATE, [
        old_origin: Word, origin: Word, kept_size: Number, lost_size: Number, lost_root: Word
    ];
    /// How long the log's entries stay in the database was changed; a shorter time takes effect only later.
    RetentionChanged = "audit.retention_changed", Audit, Operational, High, API_UPDATE, [
        days_before: Number, days: Number, effective_at: Word
    ];
    /// A legal hold was placed: nothing in its scope leaves the database while it stands.
    HoldPlaced = "audit.hold_placed", Audit, Operational, Medium, API_CREATE, [from: Word, until: Word];
    /// A legal hold was lifted.
    HoldLifted = "audit.hold_lifted", Audit, Operational, High, API_UPDATE, [];
    /// The beginning of the log was archived and leaves the database: where it is, and what it hashes to.
    LogPruned = "log.pruned", Audit, Operational, Medium, API_UPDATE, [
        first: Number, size: Number, root: Word, archive: Id, sha256: Word, checkpoint_size: Number, days: Number
    ];
    /// A person signed up; nothing opens before the address is verified.
    AccountCreated = "account.created", Account, Personal, Low, ACCOUNT_CREATE, [
        reason: Word, super_admin: Number
    ];
    /// A person's address was verified.
    AccountVerified = "account.verified", Account, Personal, Informational, ACCOUNT_ENABLE, [];
    /// A person read their own account: security page, organizations, sessions.
    AccountRead = "account.read", Account, Personal, Informational, API_READ, [
        events: Number, items: Number
    ];
    /// A person changed the name they go by.
    AccountRenamed = "account.renamed", Account, Personal, Informational, ACCOUNT_OTHER, [name: Personal];
    /// A person asked for another address; it counts once it is verified.
    AddressChangeRequested = "account.address_change_requested", Account, Personal, Low, ACCOUNT_OTHER, [

    ];
    /// A person withdrew the change of address that waited to be confirmed.
    AddressChangeWithdrawn = "account.address_change_withdrawn", Account, Personal, Low, ACCOUNT_OTHER, [

    ];
    /// A person's address was changed.
    AddressChanged = "account.address_changed", Account, Personal, Medium, ACCOUNT_OTHER, [
        reason: Word
    ];
    /// The operator closed an account, or opened it again.
    AccountDisabled = "account.disabled", Instance, Personal, Medium, ACCOUNT_DISABLE, [
        sessions_ended: Number
    ];
    /// The operator opened an account again.
    AccountEnabled = "account.enabled", Instance, Personal, Medium, ACCOUNT_ENABLE, [];
    /// A person was erased: the keys of all that the logs held about them are destroyed. What was proven stays proven.
    AccountErased = "account.erased", Instance, Personal, High, ACCOUNT_DELETE, [
        keys: Number, sessions_ended: Number
    ];
    /// The operator took back the guesses that were counted against an account.
    AccountUnlocked = "account.unlocked", Instance, Personal, Low, ACCOUNT_UNLOCK, [];
    /// The operator removed a person's second factors, of which none was left to them.
    FactorsReset = "account.factors_reset", Instance, Personal, High, FACTOR_DISABLE, [
        apps: Number, passkeys: Number, sessions_ended: Number
    ];
    /// The operator made a person administrator of the instance.
    SuperAdminGranted = "account.super_admin_granted", Instance, Personal, High, GRANT, [];
    /// The operator took that away.
    SuperAdminRevoked = "account.super_admin_revoked", Instance, Personal, Medium, REVOKE, [];
    /// A person signed in.
    SignedIn = "account.signed_in", Sessions, Personal, Informational, LOGON, [
        assurance: Word, by: Word, program: Number, device: Personal, address: Personal
    ];
    /// A person signed out.
    SignedOut = "account.signed_out", Sessions, Personal, Informational, LOGOFF, [];
    /// A person confirmed once more that it is them.
    SteppedUp = "account.stepped_up", Sessions, Personal, Informational, LOGON, [
        by: Word, assurance: Word
    ];
    /// Somebody asked for a new password for an address.
    PasswordResetRequested = "account.password_reset_requested", Account, Personal, Low, PASSWORD_RESET, [
        reason: Word
    ];
    /// A password was set by a link from the mail.
    PasswordReset = "account.password_reset", Account, Personal, Medium, PASSWORD_RESET, [
        sessions_ended: Number
    ];
    /// A person changed their password.
    PasswordChanged = "account.password_changed", Account, Personal, Low, PASSWORD_CHANGE, [
        sessions_ended: Number
    ];
    /// An authenticator app was enrolled.
    TotpAdded = "mfa.totp_added", Factors, Personal, Low, FACTOR_ENABLE, [recovery_codes: Number];
    /// An authenticator app was removed.
    TotpRemoved = "mfa.totp_removed", Factors, Personal, Medium, FACTOR_DISABLE, [];
    /// New recovery codes were made; the old ones are void.
    RecoveryCodesMade = "mfa.recovery_codes_made", Factors, Personal, Low, FACTOR_ENABLE, [
        codes: Number
    ];
    /// A passkey was enrolled.
    PasskeyAdded = "mfa.passkey_added", Factors, Personal, Low, FACTOR_ENABLE, [];
    /// A passkey was given another name.
    PasskeyRenamed = "mfa.passkey_renamed", Factors, Personal, Informational, ACCOUNT_OTHER, [];
    /// A passkey was removed.
    PasskeyRemoved = "mfa.passkey_removed", Factors, Personal, Medium, FACTOR_DISABLE, [];
    /// Sessions were listed.
    SessionsListed = "session.listed", Sessions, Personal, Informational, API_READ, [items: Number];
    /// A session was ended.
    SessionRevoked = "session.revoked", Sessions, Personal, Low, LOGOFF, [
        sessions_ended: Number, account: Id, because: Word
    ];
    /// A session moved to another organization of the same person.
    SessionSwitched = "session.switched", Sessions, Personal, Informational, SWITCH, [from: Id];
    /// An access token was issued.
    TokenIssued = "token.issued", Tokens, Personal, Informational, ENTITY_CREATE, [];
    /// A person looked at which agents act for them.
    DelegationsListed = "delegation.listed", Tokens, Personal, Informational, API_READ, [items: Number];
    /// A person ended what an agent held on their behalf.
    DelegationEnded = "delegation.ended", Tokens, Personal, Low, REVOKE, [account: Id];
    /// A refresh token was exchanged for the next one.
    TokenRefreshed = "token.refreshed", Tokens, Personal, Informational, ENTITY_UPDATE, [again: Number];
    /// A refresh token that was replaced long ago came back: the session was ended.
    TokenReused = "token.reused", Tokens, Personal, High, DETECTED, [];
    /// A token was revoked.
    TokenRevoked = "token.revoked", Tokens, Personal, Low, ENTITY_DELETE, [known: Number, session: Id];
    /// Somebody asked whether a token is good.
    TokenIntrospected = "token.introspected", Tokens, Operational, Informational, ENTITY_READ, [
        active: Number
    ];
    /// The key that signs access tokens was rotated.
    SigningKeyRotated = "signing_key.rotated", Instance, Operational, Medium, ENTITY_UPDATE, [
        ring: Word
    ];
    /// Values that lie under `ENCRYPTION_KEY` were sealed anew under another one.
    EncryptionKeyChanged = "encryption_key.changed", Instance, Operational, Medium, ENTITY_UPDATE, [
        table: Word, column: Word, values: Number
    ];
    /// Members were listed.
    MembersListed = "member.listed", Members, None, Informational, API_READ, [items: Number];
    /// One member was looked at.
    MemberRead = "member.read", Members, Personal, Informational, API_READ, [];
    /// Invitations were listed.
    InvitationsListed = "member.invitations_listed", Members, None, Informational, API_READ, [
        items: Number
    ];
    /// A person was invited.
    MemberInvited = "member.invited", Members, Personal, Low, ENTITY_CREATE, [
        role: Word, replaced: Number, address: Personal
    ];
    /// An invitation was withdrawn.
    InvitationRevoked = "member.invitation_revoked", Members, Operational, Low, ENTITY_DELETE, [];
    /// A person joined.
    MemberJoined = "member.joined", Members, Personal, Low, GRANT, [
        invitation: Id, role: Word, owner: Number
    ];
    /// A member's role was changed.
    MemberRoleChanged = "member.role_changed", Members, Personal, Medium, GRANT, [
        before: Word, role: Word
    ];
    /// A member was suspended: nothing of the organization opens for them.
    MemberSuspended = "member.suspended", Members, Personal, Medium, ACCOUNT_DISABLE, [
        changed: Number, sessions_ended: Number
    ];
    /// A suspended member may work again.
    MemberResumed = "member.resumed", Members, Personal, Medium, ACCOUNT_ENABLE, [changed: Number];
    /// A member was removed.
    MemberRemoved = "member.removed", Members, Personal, Medium, REVOKE, [
        role: Word, sessions_ended: Number
    ];
    /// A member left.
    MemberLeft = "member.left", Members, Personal, Low, REVOKE, [sessions_ended: Number];
    /// The organization has another owner.
    OwnershipTransferred = "organization.ownership_transferred", Organization, Personal, High, GRANT, [
        from: Id, because: Word
    ];
    /// The organization's settings were read.
    SettingsRead = "organization.settings_read", Organization, None, Informational, API_READ, [];
    /// The organization's settings were changed.
    SettingsChanged = "organization.settings_changed", Organization, Operational, Medium, ENTITY_UPDATE, [
        second_factor_for_all: Number, session_hours: Number, sessions_shortened: Number,
        second_factor_viewer: Number, second_factor_member: Number, second_factor_admin: Number,
        second_factor_provider_admin: Number
    ];
    /// The table of roles and permissions was read.
    RolesRead = "organization.roles_read", Organization, None, Informational, API_READ, [];
    /// The templates of roles were listed; whether all were sound is there.
    RoleTemplatesListed = "role.templates_listed", Organization, Operational, Informational, API_READ, [items: Number, sound: Number];
    /// A template of a role was made.
    RoleTemplateCreated = "role.template_created", Organization, Operational, Medium, ENTITY_CREATE, [
        permissions: Number, holders: Word
    ];
    /// What a template carries was changed, for everybody who holds it.
    RoleTemplateChanged = "role.template_changed", Organization, Operational, Medium, ENTITY_UPDATE, [
        permissions: Number, holders: Word
    ];
    /// A template was removed, and taken from everybody who held it.
    RoleTemplateDeleted = "role.template_deleted", Organization, Operational, Medium, ENTITY_DELETE, [
        taken_from: Number
    ];
    /// What was given beside roles was listed.
    RoleGrantsListed = "role.grants_listed", Members, None, Informational, API_READ, [items: Number];
    /// A template, or access to the MCP endpoint, was given to somebody.
    RoleGiven = "role.given", Members, Personal, Medium, GRANT, [template: Word, grants: Word, changed: Number];
    /// What was given to somebody was taken back.
    RoleTaken = "role.taken", Members, Personal, Medium, REVOKE, [grants: Word];
    /// What each member may do was looked at.
    MemberPermissionsListed = "member.permissions_listed", Members, None, Informational, API_READ, [items: Number];
    /// An override was opened: from here on its holder may do what their role does not allow.
    BreakGlassOpened = "break_glass.opened", BreakGlass, Personal, High, GRANT, [
        seconds: Number, until: Word, reason: Personal
    ];
    /// An override was closed before its time.
    BreakGlassClosed = "break_glass.closed", BreakGlass, Personal, Low, REVOKE, [];
    /// A past override was reviewed.
    BreakGlassReviewed = "break_glass.reviewed", BreakGlass, Personal, Low, API_UPDATE, [
        in_order: Number, reviewed_own: Number, text: Personal
    ];
    /// Overrides were listed.
    BreakGlassListed = "break_glass.listed", BreakGlass, None, Informational, API_READ, [items: Number];
    /// What was done under an override was read.
    BreakGlassRead = "break_glass.read", BreakGlass, None, Informational, API_READ, [items: Number];
    /// A past override was not reviewed in time; the owners were told.
    BreakGlassOverdue = "break_glass.overdue", BreakGlass, Personal, High, DETECTED, [letters: Number];
    /// An evidence pack was made.
    EvidencePackCreated = "evidence.pack_created", Audit, Operational, Low, LOG_EXPORT, [
        framework: Word, from: Word, to: Word, size: Number, entries: Number, manifest: Word,
        timestamp: Word
    ];
    /// Evidence packs, or what the log shows for the controls of a framework, were read.
    EvidenceRead = "evidence.read", Audit, Operational, Informational, API_READ, [
        items: Number, framework: Word
    ];
    /// An evidence pack was taken away.
    EvidencePackDownloaded = "evidence.pack_downloaded", Audit, Operational, Low, LOG_EXPORT, [
        by_link: Number
    ];
    /// A link was made that opens an evidence pack without a session, for a limited time.
    EvidenceLinkCreated = "evidence.link_created", Audit, Operational, Medium, API_CREATE, [
        seconds: Number, until: Word
    ];
    /// An evidence pack was deleted; the log it was a part of was not.
    EvidencePackDeleted = "evidence.pack_deleted", Audit, Operational, Low, ENTITY_DELETE, [];
    /// The outgoing mail was looked at by the administrator of the instance.
    OutboxRead = "outbox.read", Instance, Personal, Low, API_READ, [items: Number];
    /// Endpoints of webhooks were listed (never their secrets).
    WebhooksListed = "webhook.listed", Webhooks, None, Informational, API_READ, [items: Number];
    /// An endpoint of webhooks was looked at.
    WebhookRead = "webhook.read", Webhooks, None, Informational, ENTITY_READ, [];
    /// An endpoint was configured: events go there from now on.
    WebhookCreated = "webhook.created", Webhooks, Content, Medium, ENTITY_CREATE, [
        host: Text, kinds: Number
    ];
    /// An endpoint was changed, switched off or on again.
    WebhookUpdated = "webhook.updated", Webhooks, Content, Medium, ENTITY_UPDATE, [
        host: Text, kinds: Number, enabled: Number
    ];
    /// An endpoint was removed, with what was on its way there.
    WebhookDeleted = "webhook.deleted", Webhooks, Operational, Medium, ENTITY_DELETE, [];
    /// An endpoint has another secret; the one before signs beside it for a while.
    WebhookSecretRotated = "webhook.secret_rotated", Webhooks, Operational, Low, ENTITY_UPDATE, [
        old_valid_until: Word
    ];
    /// A test was sent to an endpoint.
    WebhookTested = "webhook.tested", Webhooks, Operational, Informational, API_OTHER, [delivery: Id];
    /// Deliveries of an endpoint were listed, or one was looked at.
    WebhookDeliveriesRead = "webhook.deliveries_read", Webhooks, Operational, Informational, API_READ, [
        items: Number, webhook: Id
    ];
    /// Deliveries that had ended were put in once more.
    WebhookReplayed = "webhook.replayed", Webhooks, Operational, Low, API_OTHER, [
        webhook: Id, replayed: Number
    ];
    /// The server switched an endpoint off: it is gone, has only failed for days, or cannot keep up.
    WebhookDisabled = "webhook.disabled", Webhooks, Operational, Medium, ENTITY_SUSPEND, [
        because: Word
    ];
    /// A delivery was given up after its last attempt.
    WebhookDeadLettered = "webhook.dead_lettered", Webhooks, Operational, Low, API_OTHER, [
        webhook: Id, attempts: Number, because: Word
    ];
    /// Stores of relations were listed.
    RelationStoresListed = "relations.stores_listed", Relations, None, Informational, API_READ, [items: Number];
    /// A store of relations was looked at.
    RelationStoreRead = "relations.store_read", Relations, None, Informational, ENTITY_READ, [];
    /// A store of relations was made.
    RelationStoreCreated = "relations.store_created", Relations, Content, Medium, ENTITY_CREATE, [name: Text];
    /// A store of relations was deleted: nothing that stands in it opens anything any more.
    RelationStoreDeleted = "relations.store_deleted", Relations, Operational, High, ENTITY_DELETE, [];
    /// Models of a store were listed, or one was looked at.
    RelationModelsRead = "relations.models_read", Relations, Operational, Informational, API_READ, [
        store: Id, items: Number
    ];
    /// A model was written: from now on it says what follows from the tuples of its store.
    RelationModelWritten = "relations.model_written", Relations, Operational, High, API_CREATE, [
        store: Id, sha256: Word, types: Number
    ];
    /// Tuples were written and deleted; the hash is that of the changes, which the store keeps.
    RelationsWritten = "relations.written", Relations, Operational, Medium, API_UPDATE, [
        store: Id, model: Id, revision: Number, written: Number, deleted: Number, sha256: Word
    ];
    /// Tuples or changes of a store were read.
    RelationsRead = "relations.read", Relations, Operational, Informational, API_READ, [
        store: Id, items: Number
    ];
    /// It was asked who may do what; how many of the questions were answered with yes, at which revision.
    RelationsChecked = "relations.checked", Relations, Operational, Informational, API_OTHER, [
        store: Id, model: Id, revision: Number, checks: Number, allowed: Number, sha256: Word
    ];
    /// It was asked which objects or users there are, or what a relation follows from.
    RelationsSearched = "relations.searched", Relations, Operational, Informational, API_READ, [
        store: Id, model: Id, revision: Number, items: Number
    ];
    /// It was asked what would be with other tuples or another model. Nothing was changed by it.
    RelationsSupposed = "relations.supposed", Relations, Operational, Informational, API_READ, [
        store: Id, model: Id, revision: Number, other_model: Id, written: Number, deleted: Number, items: Number,
        sha256: Word
    ];
    /// It was looked at what all somebody can reach; the hash is that of whom it was about.
    RelationsReviewed = "relations.reviewed", Relations, Operational, Low, API_READ, [
        store: Id, model: Id, revision: Number, items: Number, sha256: Word
    ];
    /// What a model is expected to answer was written.
    RelationAssertionsWritten = "relations.assertions_written", Relations, Operational, Low, API_UPDATE, [
        store: Id, model: Id, items: Number
    ];
    /// What a model is expected to answer was read.
    RelationAssertionsRead = "relations.assertions_read", Relations, Operational, Informational, API_READ, [
        store: Id, model: Id, items: Number
    ];
}

impl EventKind {
    /// What the field of this name holds; `None` when entries of this kind have no such field.
    pub fn field_class(self, name: &str) -> Option<FieldClass> {
        let own = self.fields().iter().zip(self.field_classes());
        let all = FIELDS_OF_ALL.iter().zip(&CLASSES_OF_ALL);
        own.chain(all).find(|(field, _)| **field == name).map(|(_, class)| *class)
    }

    /// The fields to which a leaf only commits.
    pub fn personal_fields(self) -> impl Iterator<Item = &'static str> {
        let fields = self.fields().iter().zip(self.field_classes());
        fields.filter(|(_, class)| **class == FieldClass::Personal).map(|(field, _)| *field)
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

    #[test]
    fn every_kind_says_all_of_itself() {
        for kind in EventKind::ALL {
            let says = kind.says();
            let sentence = says.ends_with('.') && says.starts_with(|first: char| first.is_ascii_uppercase());
            assert!(sentence && says.len() <= 160, "{kind}: {says:?}");
            assert_eq!(kind.category().name().parse(), Ok(kind.category()));
            let mut fields: Vec<_> = kind.fields().iter().chain(FIELDS_OF_ALL).collect();
            fields.sort_unstable();
            fields.dedup();
            assert_eq!(fields.len(), kind.fields().len() + FIELDS_OF_ALL.len(), "{kind}: a field twice");
        }
        for category in Category::ALL {
            assert!(EventKind::ALL.iter().any(|kind| kind.category() == *category), "{category} is empty");
        }
    }

    #[test]
    fn what_is_about_a_person_stands_in_kinds_about_people() {
        for kind in EventKind::ALL {
            assert_eq!(kind.fields().len(), kind.field_classes().len(), "{kind}");
            let personal = kind.personal_fields().count();
            assert!(personal == 0 || kind.data_class() == DataClass::Personal, "{kind}");
        }
        let class = |field| EventKind::SignedIn.field_class(field);
        assert_eq!(class("address"), Some(FieldClass::Personal));
        assert_eq!((class("by"), class("acting_for")), (Some(FieldClass::Word), Some(FieldClass::Id)));
        assert_eq!(class("name"), None);
    }

    #[test]
    fn only_counts_stand_in_entries_that_hold_no_data() {
        for kind in EventKind::ALL.iter().filter(|kind| kind.data_class() == DataClass::None) {
            let plain = ["items", "count", "format", "after", "reviews", "keys"];
            assert!(kind.fields().iter().all(|field| plain.contains(field)), "{kind}: {:?}", kind.fields());
        }
    }
}
