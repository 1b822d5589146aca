//! The words the catalogue of events describes a kind with.

use std::fmt;
use std::str::FromStr;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $(#[doc = $says:literal] $variant:ident = $word:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = $says] $variant,)+
        }

        impl $name {
            /// All of them, in the order of the catalogue.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }

            /// What it means, in a sentence.
            pub const fn says(self) -> &'static str {
                match self { $($name::$variant => $says.trim_ascii(),)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

words! {
    /// The room of the house an event belongs to.
    Category {
        /// Credentials that open nothing, and requests that are not allowed.
        Access = "access";
        /// What is a person's own: account, address, password.
        Account = "account";
        /// Second factors and passkeys.
        Factors = "factors";
        /// Signing in and out, and sessions.
        Sessions = "sessions";
        /// Access tokens, and the keys that sign them.
        Tokens = "tokens";
        /// The organization, its settings and its roles.
        Organization = "organization";
        /// The people of the organization, and those who are invited.
        Members = "members";
        /// Projects.
        Projects = "projects";
        /// AI agents.
        Agents = "agents";
        /// API keys.
        Keys = "keys";
        /// Providers of models.
        Providers = "providers";
        /// Calls of models.
        Models = "models";
        /// What may be said, and what was found in it.
        Privacy = "privacy";
        /// The log itself.
        Audit = "audit";
        /// Overrides: for a reason, for a while, reviewed afterwards.
        BreakGlass = "break_glass";
        /// Where the organization's own services are told of events.
        Webhooks = "webhooks";
        /// Who may do what: relations between users and objects, and the models they stand under.
        Relations = "relations";
        /// What only the administrator of the instance does.
        Instance = "instance";
    }
}

words! {
    /// What the fields of an event hold. Secrets and the text of calls are in no entry, whatever its class.
    DataClass {
        /// Who asked for what and when: ids, and at most a count.
        None = "none";
        /// Ids, numbers and the product's own words about things of the organization.
        Operational = "operational";
        /// About a person, named by an id: their account, their sessions, their membership.
        Personal = "personal";
        /// Made of what people or programs wrote, after the privacy gate: names, models, counts of what was found.
        Content = "content";
    }
}

words! {
    /// What one field of an event holds. No leaf of the log holds what is [`FieldClass::Personal`]: it commits to it.
    FieldClass {
        /// A number or a flag.
        Number = "number";
        /// An id, which is random and names nobody by itself.
        Id = "id";
        /// The product's own words: a reason from a fixed list, a role, a time, a hash, the name of a log.
        Word = "word";
        /// What people or programs wrote about things of the organization, after the privacy gate: a name, a model, a host.
        Text = "text";
        /// About a person, and apart from the leaf: the entry commits to it, and the value goes with the person's key.
        Personal = "personal";
    }
}

words! {
    /// How much an event matters to those who watch, as OCSF counts it.
    Severity {
        /// Nothing to do.
        Informational = "informational";
        /// Worth knowing.
        Low = "low";
        /// Worth a look.
        Medium = "medium";
        /// Somebody should look soon.
        High = "high";
        /// Somebody must look now.
        Critical = "critical";
    }
}

impl Severity {
    /// Its `severity_id` in OCSF.
    pub const fn ocsf_id(self) -> u8 {
        match self {
            Self::Informational => 1,
            Self::Low => 2,
            Self::Medium => 3,
            Self::High => 4,
            Self::Critical => 5,
        }
    }

    /// Its severity in CEF, 0 to 10.
    pub const fn cef(self) -> u8 {
        match self {
            Self::Informational => 1,
            Self::Low => 3,
            Self::Medium => 5,
            Self::High => 8,
            Self::Critical => 10,
        }
    }
}

/// There is no category of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no category of events of that name")]
pub struct ParseCategoryError;

impl FromStr for Category {
    type Err = ParseCategoryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|category| category.name() == text).ok_or(ParseCategoryError)
    }
}

/// Class and activity of an event in the Open Cybersecurity Schema Framework, version 1.6.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ocsf {
    /// `class_uid`.
    pub class: u16,
    /// Caption of the class.
    pub class_name: &'static str,
    /// `activity_id`.
    pub activity: u8,
    /// Caption of the activity.
    pub activity_name: &'static str,
}

macro_rules! activities {
    ($($class:literal $class_name:literal { $($name:ident = $activity:literal $caption:literal;)+ })+) => {
        impl Ocsf {
            $($(
                #[doc = concat!($class_name, ": ", $caption)]
                pub const $name: Ocsf = Ocsf {
                    class: $class, class_name: $class_name, activity: $activity, activity_name: $caption,
                };
            )+)+
        }
    };
}

activities! {
    1008 "Event Log Activity" {
        LOG_EXPORT = 3 "Export";
    }
    2004 "Detection Finding" {
        DETECTED = 1 "Create";
    }
    2006 "Data Security Finding" {
        DATA_FOUND = 1 "Create";
    }
    3001 "Account Change" {
        ACCOUNT_CREATE = 1 "Create";
        ACCOUNT_ENABLE = 2 "Enable";
        PASSWORD_CHANGE = 3 "Password Change";
        PASSWORD_RESET = 4 "Password Reset";
        ACCOUNT_DISABLE = 5 "Disable";
        ACCOUNT_DELETE = 6 "Delete";
        FACTOR_ENABLE = 10 "MFA Factor Enable";
        FACTOR_DISABLE = 11 "MFA Factor Disable";
        ACCOUNT_UNLOCK = 12 "Unlock";
        ACCOUNT_OTHER = 99 "Other";
    }
    3002 "Authentication" {
        LOGON = 1 "Logon";
        LOGOFF = 2 "Logoff";
        SWITCH = 7 "Account Switch";
    }
    3004 "Entity Management" {
        ENTITY_CREATE = 1 "Create";
        ENTITY_READ = 2 "Read";
        ENTITY_UPDATE = 3 "Update";
        ENTITY_DELETE = 4 "Delete";
        ENTITY_SUSPEND = 12 "Suspend";
        ENTITY_RESUME = 13 "Resume";
    }
    3005 "User Access Management" {
        GRANT = 1 "Assign Privileges";
        REVOKE = 2 "Revoke Privileges";
    }
    6003 "API Activity" {
        API_CREATE = 1 "Create";
        API_READ = 2 "Read";
        API_UPDATE = 3 "Update";
        API_OTHER = 99 "Other";
    }
}

impl Ocsf {
    /// `category_uid`: the thousands of the class.
    pub const fn category(self) -> u16 {
        self.class / 1_000
    }

    /// `type_uid`: class and activity in one number.
    pub const fn type_uid(self) -> u32 {
        self.class as u32 * 100 + self.activity as u32
    }
}
