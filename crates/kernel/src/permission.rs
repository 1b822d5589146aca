use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $least:ident;)*) => {
        /// What an action needs. One table gives name and the least role that has it; documentation and
        /// checks read the same table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Permission {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Permission {
            /// Every permission, in the order of the table.
            pub const ALL: &'static [Permission] = &[$(Permission::$name),*];

            /// The stable name, `noun:verb`.
            pub const fn name(self) -> &'static str {
                match self { $(Permission::$name => $text,)* }
            }

            /// The least API-key role that carries it.
            pub const fn least_role(self) -> Role {
                match self { $(Permission::$name => Role::$least,)* }
            }
        }
    };
}

permissions! {
    /// See the organization's own record.
    OrganizationRead = "organization:read", Reader;
    /// List projects.
    ProjectsRead = "projects:read", Reader;
    /// Create projects.
    ProjectsWrite = "projects:write", Editor;
    /// List agents.
    AgentsRead = "agents:read", Reader;
    /// Create, suspend and resume agents.
    AgentsManage = "agents:manage", Admin;
    /// List API keys (never their secrets).
    KeysRead = "keys:read", Admin;
    /// Create, rotate and revoke API keys.
    KeysManage = "keys:manage", Admin;
    /// List LLM providers (never their keys).
    ProvidersRead = "providers:read", Reader;
    /// Configure LLM providers and their keys.
    ProvidersManage = "providers:manage", Admin;
    /// Read the PII policy.
    PoliciesRead = "policies:read", Reader;
    /// Change the PII policy.
    PoliciesManage = "policies:manage", Admin;
    /// List the models that can be called.
    ModelsRead = "models:read", Reader;
    /// Call a model.
    ModelsInvoke = "models:invoke", Editor;
    /// Read entries of the audit log.
    AuditRead = "audit:read", Editor;
    /// Fetch the log as tiles and checkpoints, for verification elsewhere.
    AuditExport = "audit:export", Editor;
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

/// The role of an API key. Each role has all that the one before it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees, changes nothing, calls nothing.
    Reader,
    /// Calls models and works with projects.
    Editor,
    /// Manages agents, keys, providers and policies.
    Admin,
    /// Everything the organization itself can do.
    Owner,
}

/// The text names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no role named {0:?}; the roles are reader, editor, admin and owner")]
pub struct ParseRoleError(pub String);

impl Role {
    /// Every role, least first.
    pub const ALL: [Role; 4] = [Role::Reader, Role::Editor, Role::Admin, Role::Owner];

    /// The stable lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Reader => "reader",
            Role::Editor => "editor",
            Role::Admin => "admin",
            Role::Owner => "owner",
        }
    }

    /// Whether this role carries `permission`.
    pub fn has(self, permission: Permission) -> bool {
        self >= permission.least_role()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = ParseRoleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| ParseRoleError(text.to_owned()))
    }
}

/// What a credential may do at most: its role, narrowed by its capability set when it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    role: Role,
    only: Option<BTreeSet<Permission>>,
}

impl Capabilities {
    /// All of `role`, or the part of it named in `only`. A capability set can narrow a role, never widen it.
    pub fn new(role: Role, only: Option<BTreeSet<Permission>>) -> Self {
        Self { role, only }
    }

    /// The role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether `permission` is held.
    pub fn has(&self, permission: Permission) -> bool {
        self.role.has(permission) && self.only.as_ref().is_none_or(|only| only.contains(&permission))
    }

    /// Whether everything `other` allows is allowed here too: a key may not make a key stronger than itself.
    pub fn covers(&self, other: &Capabilities) -> bool {
        Permission::ALL.iter().all(|permission| !other.has(*permission) || self.has(*permission))
    }

    /// Every permission held, in the order of the table.
    pub fn held(&self) -> impl Iterator<Item = Permission> + '_ {
        Permission::ALL.iter().copied().filter(|permission| self.has(*permission))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_set_narrows_and_never_widens() {
        let only = BTreeSet::from([Permission::ModelsInvoke, Permission::KeysManage]);
        let editor = Capabilities::new(Role::Editor, Some(only));
        assert!(editor.has(Permission::ModelsInvoke));
        assert!(!editor.has(Permission::KeysManage), "editor does not carry keys:manage");
        assert!(!editor.has(Permission::ModelsRead), "not in the set");
        assert!(Capabilities::new(Role::Owner, None).covers(&editor));
        assert!(!editor.covers(&Capabilities::new(Role::Reader, None)));
    }

    #[test]
    fn names_are_unique_and_read_back() {
        for permission in Permission::ALL {
            assert_eq!(permission.name().parse::<Permission>().as_ref(), Ok(permission));
            assert_eq!(serde_json::to_value(permission).unwrap(), permission.name());
        }
        assert!("root".parse::<Role>().is_err());
    }
}
