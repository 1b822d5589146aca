use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{MemberRole, Role};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $area:literal, $says:literal, $key:tt, $member:tt;)*) => {
        /// What an action needs. One table gives name, area, meaning, and the least role that has it, for API keys
        /// and for people; checks, documentation and the console read the same table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Permission {
            $($(#[$doc])* #[doc = $says] #[serde(rename = $text)] $name,)*
        }

        impl Permission {
            /// Every permission, in the order of the table.
            pub const ALL: &'static [Permission] = &[$(Permission::$name),*];

            /// The stable name, `noun:verb`.
            pub const fn name(self) -> &'static str {
                match self { $(Permission::$name => $text,)* }
            }

            /// The relation to the organization that stands for it in the model of relations: the name with `_` for `:`,
            /// which a relation's name cannot have.
            pub fn relation(self) -> String {
                self.name().replace(':', "_")
            }

            /// The part of the product it belongs to, for tables that people read.
            pub const fn area(self) -> &'static str {
                match self { $(Permission::$name => $area,)* }
            }

            /// What its holder may do, in a few words.
            pub const fn says(self) -> &'static str {
                match self { $(Permission::$name => $says,)* }
            }

            /// The least API-key role that carries it; `None` when no key can: it is for people alone.
            pub const fn least_key_role(self) -> Option<Role> {
                match self { $(Permission::$name => least!(Role $key),)* }
            }

            /// The least role of a member that carries it; `None` when no role does and only an override
            /// (break-glass) opens it.
            pub const fn least_member_role(self) -> Option<MemberRole> {
                match self { $(Permission::$name => least!(MemberRole $member),)* }
            }
        }
    };
}

macro_rules! least {
    ($of:ident _) => {
        None
    };
    ($of:ident $least:ident) => {
        Some($of::$least)
    };
}

permissions! {
    OrganizationRead = "organization:read", "Organization", "See the organization's own record.", Reader, Viewer;
    OrganizationManage = "organization:manage", "Organization", "Change the organization's name and security rules.", Owner, Admin;
    BillingManage = "billing:manage", "Organization", "Manage billing.", _, Admin;
    MembersRead = "members:read", "People", "See the members.", Reader, Viewer;
    MembersManage = "members:manage", "People", "Manage the team: invite, change roles, suspend and remove members.", Admin, Admin;
    SessionsManage = "sessions:manage", "People", "See and end the sessions of any member.", Admin, Admin;
    ProjectsRead = "projects:read", "Work", "List projects.", Reader, Viewer;
    ProjectsWrite = "projects:write", "Work", "Create projects.", Editor, Member;
    CanvasRead = "canvas:read", "Work", "View the canvas.", Reader, Viewer;
    TasksWrite = "tasks:write", "Work", "Create tasks.", Editor, Member;
    KnowledgeWrite = "knowledge:write", "Work", "Add to memory and to knowledge bases.", Editor, Member;
    ReviewsApprove = "reviews:approve", "Work", "Approve and merge what agents propose.", _, Member;
    EscalationsDecide = "escalations:decide", "Work", "Decide what agents escalate.", _, Member;
    AgentsRead = "agents:read", "Agents", "List agents.", Reader, Viewer;
    AgentsManage = "agents:manage", "Agents", "Manage agents: create, suspend and resume them.", Admin, Admin;
    SkillsApprove = "skills:approve", "Agents", "Approve the installation of skills.", _, Admin;
    KeysRead = "keys:read", "Agents", "List API keys (never their secrets).", Admin, Admin;
    KeysManage = "keys:manage", "Agents", "Create, rotate and revoke API keys.", Admin, Admin;
    ModelsRead = "models:read", "Models", "List the models that can be called.", Reader, Viewer;
    ModelsInvoke = "models:invoke", "Models", "Call a model.", Editor, Member;
    ProvidersRead = "providers:read", "Models", "List LLM providers (never their keys).", Reader, Viewer;
    ProvidersManage = "providers:manage", "Models", "Configure LLM providers and their keys.", Admin, Admin;
    ProvidersAcross = "providers:across", "Models", "Administer providers across organizations.", _, ProviderAdmin;
    PoliciesRead = "policies:read", "Privacy", "Read policies: of PII, and of who may do what.", Reader, Viewer;
    PoliciesManage = "policies:manage", "Privacy", "Change policies: of PII, and of who may do what.", Admin, Admin;
    PiiReveal = "pii:reveal", "Privacy", "See personal data that was replaced by a token.", _, _;
    AuditRead = "audit:read", "Oversight", "View the audit log.", Editor, Admin;
    AuditExport = "audit:export", "Oversight", "Take the audit log away for verification elsewhere.", Editor, Admin;
    WebhooksManage = "webhooks:manage", "Oversight", "Configure where events are sent.", Admin, Admin;
    BreakGlassOpen = "break_glass:open", "Oversight", "Open an override for a stated reason and a limited time.", _, Admin;
}

impl Permission {
    /// Whether a template of a role can carry it. What reaches across organizations and what only an override (break-glass)
    /// opens is not an organization's to give.
    pub const fn is_givable(self) -> bool {
        !matches!(self, Self::ProvidersAcross | Self::PiiReveal)
    }
}

/// Longest name of a template of a role, in bytes.
pub const TEMPLATE_NAME_BYTES_MAX: usize = 50;
/// Shortest name of a template of a role, in bytes.
const TEMPLATE_NAME_BYTES_MIN: usize = 2;

/// Whether a template of a role can have this name: 2 to [`TEMPLATE_NAME_BYTES_MAX`] lower-case letters, digits, `-` and `_`
/// of ASCII, a letter first.
pub fn is_template_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    (TEMPLATE_NAME_BYTES_MIN..=TEMPLATE_NAME_BYTES_MAX).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(fits)
}

/// The text names no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no permission named {0:?}")]
pub struct ParsePermissionError(pub String);

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Permission {
    type Err = ParsePermissionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|permission| permission.name() == text)
            .ok_or_else(|| ParsePermissionError(text.to_owned()))
    }
}

/// What an action asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// A permission of the table.
    Permission(Permission),
    /// Nothing but a live credential of the right kind: what a holder may do with the credential itself.
    Credential,
    /// Nothing but being the person whose account it is; no role is needed, and no organization.
    Own,
    /// The same, and open even to a member who must first set up a second factor: what it takes to do that, to look
    /// around one's own account for it, and to leave.
    Enrol,
}

impl Need {
    /// The stable name, as descriptions and refusals say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Permission(permission) => permission.name(),
            Self::Credential => "credential:own",
            Self::Own => "account:own",
            Self::Enrol => "account:enrol",
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where permissions come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// The role of an API key.
    Key(Role),
    /// The role of a member of the organization.
    Member(MemberRole),
    /// A person without an organization yet: no permission at all, only what is their own.
    Newcomer,
}

impl Rank {
    /// The role's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key(role) => role.name(),
            Self::Member(role) => role.name(),
            Self::Newcomer => "none",
        }
    }

    /// Whether this role carries `permission`.
    pub fn has(self, permission: Permission) -> bool {
        match self {
            Self::Key(role) => role.has(permission),
            Self::Member(role) => role.has(permission),
            Self::Newcomer => false,
        }
    }
}

/// A set of permissions: one bit each, in the order of the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct PermissionSet(u64);

// One bit each.
const _: () = assert!(Permission::ALL.len() <= 64, "there are more permissions than bits");

impl PermissionSet {
    /// No permission.
    pub const EMPTY: Self = Self(0);

    /// All that a rank carries.
    pub fn of(rank: Rank) -> Self {
        Permission::ALL.iter().copied().filter(|permission| rank.has(*permission)).collect()
    }

    /// Whether `permission` is in it.
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u32) != 0
    }

    /// The set with `permission` too.
    #[must_use]
    pub const fn with(self, permission: Permission) -> Self {
        Self(self.0 | (1 << permission as u32))
    }

    /// What is in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether everything of `other` is in it.
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Each of it, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.has(*permission))
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::EMPTY, Self::with)
    }
}

/// What a credential may do: the rank it has, and the permissions that it was found to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    rank: Rank,
    held: PermissionSet,
}

impl Capabilities {
    /// All of an API key's `role`, or the part of it named in `only`. A capability set can narrow a role, never widen
    /// it.
    pub fn new(role: Role, only: Option<&BTreeSet<Permission>>) -> Self {
        let rank = Rank::Key(role);
        let held = PermissionSet::of(rank);
        let held = only.map_or(held, |only| held.and(only.iter().copied().collect()));
        Self { rank, held }
    }

    /// All of a rank.
    pub fn of(rank: Rank) -> Self {
        Self::found(
            rank,
            Permission::ALL.iter().copied().filter(|permission| rank.has(*permission)).collect(),
        )
    }

    /// What was found to be held, whatever the rank carries by itself.
    pub fn found(rank: Rank, held: PermissionSet) -> Self {
        Self { rank, held }
    }

    /// The part of these that `other` holds too: what one may do on another's behalf.
    #[must_use]
    pub fn within(&self, other: &Self) -> Self {
        Self { rank: self.rank, held: self.held.and(other.held) }
    }

    /// Where they come from.
    pub fn rank(&self) -> Rank {
        self.rank
    }

    /// Whether `permission` is held.
    pub fn has(&self, permission: Permission) -> bool {
        self.held.has(permission)
    }

    /// Whether everything `other` allows is allowed here too: a key may not make a key stronger than itself.
    pub fn covers(&self, other: &Capabilities) -> bool {
        self.held.covers(other.held)
    }

    /// Every permission held, in the order of the table.
    pub fn held(&self) -> impl Iterator<Item = Permission> {
        self.held.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_set_narrows_and_never_widens() {
        let only = BTreeSet::from([Permission::ModelsInvoke, Permission::KeysManage]);
        let editor = Capabilities::new(Role::Editor, Some(&only));
        assert!(editor.has(Permission::ModelsInvoke));
        assert!(!editor.has(Permission::KeysManage), "editor does not carry keys:manage");
        assert!(!editor.has(Permission::ModelsRead), "not in the set");
        assert!(Capabilities::new(Role::Owner, None).covers(&editor));
        assert!(!editor.covers(&Capabilities::new(Role::Reader, None)));
    }

    #[test]
    fn on_behalf_means_what_both_may() {
        let agent = Capabilities::new(Role::Admin, None);
        let viewer = Capabilities::of(Rank::Member(MemberRole::Viewer));
        let both = agent.within(&viewer);
        assert!(both.has(Permission::AgentsRead) && !both.has(Permission::AgentsManage));
        assert!(agent.covers(&both) && viewer.covers(&both));
        assert!(!Capabilities::of(Rank::Newcomer).has(Permission::OrganizationRead));
    }

    #[test]
    fn names_are_unique_and_read_back() {
        for permission in Permission::ALL {
            assert_eq!(permission.name().parse::<Permission>().as_ref(), Ok(permission));
            assert_eq!(serde_json::to_value(permission).unwrap(), permission.name());
        }
    }

    /// The nine that people are told of by name, and the least role that has each.
    #[test]
    fn the_nine_permissions_that_are_promised_are_there() {
        let promised = [
            ("View canvas", "canvas:read", MemberRole::Viewer),
            ("Create tasks", "tasks:write", MemberRole::Member),
            ("Manage agents", "agents:manage", MemberRole::Admin),
            ("Manage team", "members:manage", MemberRole::Admin),
            ("Configure LLM providers", "providers:manage", MemberRole::Admin),
            ("Cross-org provider admin", "providers:across", MemberRole::ProviderAdmin),
            ("Approve skill installs", "skills:approve", MemberRole::Admin),
            ("View audit logs", "audit:read", MemberRole::Admin),
            ("Manage billing", "billing:manage", MemberRole::Admin),
        ];
        for (words, name, least) in promised {
            let permission: Permission = name.parse().unwrap_or_else(|error| panic!("{words}: {error}"));
            assert_eq!(permission.least_member_role(), Some(least), "{words}");
            for role in MemberRole::ALL {
                assert_eq!(role.has(permission), *role >= least, "{words}: {role}");
            }
        }
        // Only what reaches across organizations sets the two upper roles apart.
        let across = Permission::ALL.iter().filter(|permission| {
            MemberRole::ProviderAdmin.has(**permission) && !MemberRole::Admin.has(**permission)
        });
        assert_eq!(across.collect::<Vec<_>>(), [&Permission::ProvidersAcross]);
    }

    #[test]
    fn a_template_cannot_carry_what_no_organization_gives() {
        let kept: Vec<_> = Permission::ALL.iter().filter(|permission| !permission.is_givable()).collect();
        assert_eq!(kept, [&Permission::ProvidersAcross, &Permission::PiiReveal]);
    }

    #[test]
    fn names_of_templates() {
        let longest = "a".repeat(TEMPLATE_NAME_BYTES_MAX);
        for good in ["ab", "a1", "night-shift_2", &longest] {
            assert!(is_template_name(good), "{good}");
        }
        let longer = "a".repeat(TEMPLATE_NAME_BYTES_MAX + 1);
        for bad in ["", "a", "1a", "-a", "_a", "Ab", "aB", "a b", "aé", "a:b", &longer] {
            assert!(!is_template_name(bad), "{bad}");
        }
    }

    #[test]
    fn thirty_permissions_and_what_is_for_people_alone() {
        use Permission as P;
        assert_eq!(Permission::ALL.len(), 30);
        let people_only: Vec<_> =
            Permission::ALL.iter().filter(|permission| permission.least_key_role().is_none()).collect();
        let expected = [
            P::BillingManage,
            P::ReviewsApprove,
            P::EscalationsDecide,
            P::SkillsApprove,
            P::ProvidersAcross,
            P::PiiReveal,
            P::BreakGlassOpen,
        ];
        assert_eq!(people_only, expected.iter().collect::<Vec<_>>());
        let by_override: Vec<_> = P::ALL.iter().filter(|p| p.least_member_role().is_none()).collect();
        assert_eq!(by_override, [&P::PiiReveal]);
    }
}
