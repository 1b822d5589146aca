//! Every action of the product that a pack can speak of, and those that no pack reaches.
//!
//! The table is the single place: an action that is declared elsewhere and does not stand here, or stands here with another
//! need or another kind of caller, does not compile.

/// Who may ask for an action at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// Anybody with a credential.
    Anybody,
    /// People and programs.
    Staff,
    /// People alone.
    People,
    /// Agents alone.
    Agents,
    /// Programs alone.
    Programs,
}

impl Callers {
    /// Their types in the schema.
    pub const fn types(self) -> &'static [&'static str] {
        match self {
            Self::Anybody => &["User", "Agent", "ApiKey", "Service"],
            Self::Staff => &["User", "ApiKey", "Service"],
            Self::People => &["User"],
            Self::Agents => &["Agent"],
            Self::Programs => &["ApiKey", "Service"],
        }
    }

    /// As actions name them.
    const fn named(self, name: &str) -> bool {
        match self {
            Self::Anybody => same(name, "Principal"),
            Self::Staff => same(name, "Staff"),
            Self::People => same(name, "Human"),
            Self::Agents => same(name, "Agent"),
            Self::Programs => same(name, "Service"),
        }
    }
}

/// An action that packs constrain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionRow {
    /// Its name, `noun.verb`.
    pub name: &'static str,
    /// What it needs, which is also the name of the group of actions it stands in.
    pub need: &'static str,
    /// Who may ask for it.
    pub callers: Callers,
    /// The type of what it is done to.
    pub resource: &'static str,
}

macro_rules! actions {
    ($($name:literal, $need:literal, $callers:ident, $resource:ident;)*) => {
        /// Every action that packs constrain, by name.
        pub const ACTIONS: &[ActionRow] = &[$(ActionRow {
            name: $name, need: $need, callers: Callers::$callers, resource: stringify!($resource),
        }),*];
    };
}

actions! {
    "agent.create", "agents:manage", Staff, Agents;
    "agent.list", "agents:read", Anybody, Agents;
    "agent.resume", "agents:manage", Staff, Agents;
    "agent.suspend", "agents:manage", Staff, Agents;
    "audit.change_retention", "organization:manage", Staff, Log;
    "audit.checkpoint", "audit:export", Anybody, Log;
    "audit.checkpoint.read", "audit:read", Anybody, Log;
    "audit.export", "audit:export", Anybody, Log;
    "audit.export_events", "audit:export", Anybody, Log;
    "audit.follow", "audit:read", Anybody, Log;
    "audit.lift_hold", "organization:manage", People, Log;
    "audit.list_kinds", "audit:read", Anybody, Log;
    "audit.place_hold", "organization:manage", People, Log;
    "audit.prove", "audit:read", Anybody, Log;
    "audit.read", "audit:read", Anybody, Log;
    "audit.read_retention", "audit:read", Anybody, Log;
    "audit.read_tile", "audit:export", Anybody, Log;
    "break_glass.review", "organization:manage", People, Overrides;
    "evidence.coverage", "audit:read", Anybody, EvidencePacks;
    "evidence.create", "audit:export", Anybody, EvidencePacks;
    "evidence.delete", "audit:export", Staff, EvidencePacks;
    "evidence.download", "audit:export", Anybody, EvidencePacks;
    "evidence.link", "audit:export", Staff, EvidencePacks;
    "evidence.list", "audit:read", Anybody, EvidencePacks;
    "evidence.read", "audit:read", Anybody, EvidencePacks;
    "identity.read", "organization:read", Anybody, Organization;
    "invitation.create", "members:manage", Staff, Invitations;
    "invitation.list", "members:manage", Staff, Invitations;
    "invitation.revoke", "members:manage", Staff, Invitations;
    "key.create", "keys:manage", Staff, ApiKeys;
    "key.list", "keys:read", Anybody, ApiKeys;
    "key.revoke", "keys:manage", Staff, ApiKeys;
    "key.rotate", "keys:manage", Staff, ApiKeys;
    "key.rotate_own", "organization:read", Anybody, ApiKeys;
    "member.change_role", "members:manage", Staff, Members;
    "member.end_session", "sessions:manage", Staff, Sessions;
    "member.end_sessions", "sessions:manage", Staff, Sessions;
    "member.list", "members:read", Staff, Members;
    "member.list_permissions", "members:read", Staff, Members;
    "member.list_sessions", "sessions:manage", Staff, Sessions;
    "member.read", "members:read", Staff, Members;
    "member.remove", "members:manage", Staff, Members;
    "member.resume", "members:manage", Staff, Members;
    "member.suspend", "members:manage", Staff, Members;
    "models.call", "models:invoke", Anybody, Models;
    "models.list", "models:read", Anybody, Models;
    "organization.change_settings", "organization:manage", Staff, Organization;
    "organization.read", "organization:read", Anybody, Organization;
    "organization.read_settings", "organization:read", Staff, Organization;
    "organization.transfer", "organization:manage", People, Organization;
    "pii.count", "policies:read", Anybody, Pii;
    "pii.keep", "models:invoke", Anybody, Pii;
    "pii.redact", "models:invoke", Anybody, Pii;
    "pii.reveal", "pii:reveal", People, Pii;
    "pii.scan", "models:invoke", Anybody, Pii;
    "policy.change", "policies:manage", Staff, PiiPolicy;
    "policy.list", "policies:read", Anybody, PiiPolicy;
    "policy.read", "policies:read", Anybody, PiiPolicy;
    "policy.try", "policies:manage", Staff, PiiPolicy;
    "policy_key.revoke", "policies:manage", People, PolicyPacks;
    "policy_key.trust", "policies:manage", People, PolicyPacks;
    "policy_pack.activate", "policies:manage", People, PolicyPacks;
    "policy_pack.dry_run", "policies:manage", Staff, PolicyPacks;
    "policy_pack.upload", "policies:manage", Staff, PolicyPacks;
    "project.create", "projects:write", Anybody, Projects;
    "project.list", "projects:read", Anybody, Projects;
    "providers.create", "providers:manage", Anybody, Providers;
    "providers.delete", "providers:manage", Anybody, Providers;
    "providers.list", "providers:read", Anybody, Providers;
    "relations.batch_check", "policies:read", Anybody, RelationStores;
    "relations.check", "policies:read", Anybody, RelationStores;
    "relations.create_store", "policies:manage", Staff, RelationStores;
    "relations.delete_store", "policies:manage", Staff, RelationStores;
    "relations.evaluate", "policies:read", Anybody, RelationStores;
    "relations.evaluate_all", "policies:read", Anybody, RelationStores;
    "relations.expand", "policies:read", Anybody, RelationStores;
    "relations.explain", "policies:read", Anybody, RelationStores;
    "relations.list_models", "policies:read", Anybody, RelationStores;
    "relations.list_objects", "policies:read", Anybody, RelationStores;
    "relations.list_stores", "policies:read", Anybody, RelationStores;
    "relations.list_users", "policies:read", Anybody, RelationStores;
    "relations.read", "policies:read", Anybody, RelationStores;
    "relations.read_assertions", "policies:read", Anybody, RelationStores;
    "relations.read_changes", "policies:read", Anybody, RelationStores;
    "relations.read_model", "policies:read", Anybody, RelationStores;
    "relations.read_store", "policies:read", Anybody, RelationStores;
    "relations.review", "policies:read", Anybody, RelationStores;
    "relations.search_actions", "policies:read", Anybody, RelationStores;
    "relations.search_resources", "policies:read", Anybody, RelationStores;
    "relations.search_subjects", "policies:read", Anybody, RelationStores;
    "relations.stream_objects", "policies:read", Anybody, RelationStores;
    "relations.what_if", "policies:read", Anybody, RelationStores;
    "relations.write", "policies:manage", Staff, RelationStores;
    "relations.write_assertions", "policies:manage", Staff, RelationStores;
    "relations.write_model", "policies:manage", Staff, RelationStores;
    "role.change_template", "members:manage", Staff, Roles;
    "role.create_template", "members:manage", Staff, Roles;
    "role.delete_template", "members:manage", Staff, Roles;
    "role.give", "members:manage", Staff, Roles;
    "role.list", "organization:read", Anybody, Organization;
    "role.list_grants", "members:read", Staff, Roles;
    "role.list_templates", "organization:read", Anybody, Roles;
    "role.take", "members:manage", Staff, Roles;
    "token.exchange", "credential:own", Agents, Tokens;
    "token.introspect", "organization:read", Anybody, Tokens;
    "token.issue", "credential:own", Agents, Tokens;
    "webhook.create", "webhooks:manage", Staff, Webhooks;
    "webhook.delete", "webhooks:manage", Staff, Webhooks;
    "webhook.list", "webhooks:manage", Staff, Webhooks;
    "webhook.list_deliveries", "webhooks:manage", Staff, Webhooks;
    "webhook.read", "webhooks:manage", Staff, Webhooks;
    "webhook.read_delivery", "webhooks:manage", Staff, Webhooks;
    "webhook.replay", "webhooks:manage", Staff, Webhooks;
    "webhook.replay_dead", "webhooks:manage", Staff, Webhooks;
    "webhook.rotate_secret", "webhooks:manage", Staff, Webhooks;
    "webhook.test", "webhooks:manage", Staff, Webhooks;
    "webhook.update", "webhooks:manage", Staff, Webhooks;
}

/// Actions that no pack reaches, so that none can lock an organization out: seeing which pack is in force and going back to
/// the one before, opening and closing an override, and giving up a credential. What is a person's own account stays open
/// too, whatever its name.
pub const ALWAYS_OPEN: &[&str] = &[
    "break_glass.close",
    "break_glass.list",
    "break_glass.open",
    "break_glass.read",
    "policy_pack.list",
    "policy_pack.read",
    "policy_pack.roll_back",
    "token.revoke",
];

/// The resource types that have one member, `all`: what of that kind the organization has. Which one of them it will be is
/// not known where packs are asked, so that a policy that names one is refused rather than never met.
pub const COLLECTIONS: &[&str] = &[
    "Agents",
    "ApiKeys",
    "EvidencePacks",
    "Invitations",
    "Log",
    "Members",
    "Models",
    "Overrides",
    "Pii",
    "PiiPolicy",
    "PolicyPacks",
    "Projects",
    "Providers",
    "RelationStores",
    "Roles",
    "Sessions",
    "Tokens",
    "Webhooks",
];

/// The row of an action; `None` for what no pack reaches.
pub fn row(name: &str) -> Option<&'static ActionRow> {
    ACTIONS.binary_search_by(|row| row.name.cmp(name)).ok().map(|at| &ACTIONS[at])
}

/// Whether an action stands where it must, as it is declared: what is a person's own nowhere, everything else in one of the
/// two lists. For compile-time assertions.
pub const fn holds(name: &str, need: &str, caller: &str) -> bool {
    if same(need, "account:own") || same(need, "account:enrol") {
        return true;
    }
    let mut at = 0;
    while at < ALWAYS_OPEN.len() {
        if same(ALWAYS_OPEN[at], name) {
            return true;
        }
        at += 1;
    }
    at = 0;
    while at < ACTIONS.len() {
        let row = ACTIONS[at];
        if same(row.name, name) {
            return same(row.need, need) && row.callers.named(caller);
        }
        at += 1;
    }
    false
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_apart() {
        let sorted = |names: Vec<&str>| names.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(sorted(ACTIONS.iter().map(|row| row.name).collect()));
        assert!(sorted(ALWAYS_OPEN.to_vec()) && sorted(COLLECTIONS.to_vec()));
        assert!(ALWAYS_OPEN.iter().all(|name| row(name).is_none()));
        let known = |resource| resource == "Organization" || COLLECTIONS.contains(&resource);
        assert!(ACTIONS.iter().all(|row| known(row.resource)));
        assert!(COLLECTIONS.iter().all(|name| ACTIONS.iter().any(|row| row.resource == *name)));
    }

    #[test]
    fn an_action_that_is_declared_otherwise_does_not_hold() {
        assert!(holds("key.create", "keys:manage", "Staff"));
        assert!(!holds("key.create", "keys:read", "Staff"));
        assert!(!holds("key.create", "keys:manage", "Principal"));
        assert!(!holds("key.invent", "keys:manage", "Staff"));
        assert!(holds("account.rename", "account:own", "Human"), "what is one's own stands nowhere");
        assert!(holds("policy_pack.roll_back", "policies:manage", "Human"));
    }
}
