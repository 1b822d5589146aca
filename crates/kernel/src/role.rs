use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Permission;

macro_rules! roles {
    ($(#[$doc:meta])* $name:ident, $error:ident, $message:literal, $least:ident;
     $($(#[$each:meta])* $variant:ident = $text:literal, $title:literal, $says:literal;)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$each])* #[doc = $says] $variant,)*
        }

        /// The text names no role.
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[error($message)]
        pub struct $error(pub String);

        impl $name {
            /// Every role, least first.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The stable lower-case name.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }

            /// The name as people read it.
            pub const fn title(self) -> &'static str {
                match self { $($name::$variant => $title,)* }
            }

            /// What it is for, in a sentence.
            pub const fn says(self) -> &'static str {
                match self { $($name::$variant => $says,)* }
            }

            /// Whether this role carries `permission`.
            pub fn has(self, permission: Permission) -> bool {
                permission.$least().is_some_and(|least| self >= least)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|role| role.name() == text).ok_or_else(|| $error(text.to_owned()))
            }
        }
    };
}

roles! {
    /// The role of an API key. Each role has all that the one before it has.
    Role, ParseRoleError, "there is no role named {0:?}; the roles are reader, editor, admin and owner", least_key_role;
    Reader = "reader", "Reader", "Sees, changes nothing, calls nothing.";
    Editor = "editor", "Editor", "Calls models and works with projects.";
    Admin = "admin", "Admin", "Manages agents, keys, providers and policies.";
    Owner = "owner", "Owner", "Everything a key can do in the organization.";
}

roles! {
    /// The role of a person in an organization. Each role has all that the one before it has.
    MemberRole, ParseMemberRoleError, "there is no role named {0:?}; the roles are viewer, member, admin and provider_admin", least_member_role;
    Viewer = "viewer", "Viewer", "Sees what there is and changes nothing.";
    Member = "member", "Member", "Works: tasks, models, knowledge, reviews.";
    Admin = "admin", "Admin", "Runs the organization: people, agents, keys, rules.";
    ProviderAdmin = "provider_admin", "Provider Admin", "An admin who also administers LLM providers across organizations.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_roles_nest() {
        for role in Role::ALL {
            assert_eq!(role.name().parse::<Role>().as_ref(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
        for role in MemberRole::ALL {
            assert_eq!(role.name().parse::<MemberRole>().as_ref(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
        assert!("root".parse::<Role>().is_err() && "owner".parse::<MemberRole>().is_err());
        let counts: Vec<usize> = MemberRole::ALL
            .iter()
            .map(|role| Permission::ALL.iter().filter(|permission| role.has(**permission)).count())
            .collect();
        assert_eq!(counts, [8, 14, 28, 29], "viewer, member, admin, provider admin");
    }
}
