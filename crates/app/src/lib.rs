//! What the house does, said once. One module per room: its actions (what may be asked of it, by whom, with which
//! permission) and its jobs (what it does by itself). Faces translate, this decides, the store remembers.
//!
//! An action takes its [`gates::Pass`], does the thing and seals: the entry and the change commit together.

pub mod accounts;
pub mod agents;
pub mod audit;
pub mod break_glass;
pub mod evidence;
pub mod home;
pub mod input;
pub mod invitations;
pub mod keys;
pub mod mail;
pub mod members;
pub mod models;
pub mod operator;
pub mod organizations;
pub mod pii;
pub mod policies;
pub mod policy_packs;
pub mod projects;
pub mod providers;
pub mod relations;
pub mod rewrap;
pub mod roles;
pub mod settings;
pub mod setup;
pub mod siem;
pub mod tokens;
pub mod webhooks;

use gates::Draft;
use kernel::{EventKind, Problem, ProblemKind};

/// What to write down of something that was asked for and not done: not allowed, or not possible.
pub(crate) fn undone(kind: EventKind, problem: &Problem) -> Draft {
    if problem.kind == ProblemKind::Forbidden { Draft::refused(kind) } else { Draft::failed(kind) }
}

/// JSON that does not depend on the order in which members came: without spaces, the members of every object by name. For what
/// is compared or hashed and may hold fractions; entries are in the stricter form of RFC 8785.
pub(crate) fn ordered_json(mut value: serde_json::Value) -> String {
    // A map's own order depends on a feature that another crate may switch on, as Cedar's does.
    value.sort_all_objects();
    value.to_string()
}

/// Declares an action: its type, name, need (a permission, `Credential`, `Own` or `Enrol`), caller, mode, and `Fresh` where a person
/// must have confirmed a factor a moment ago.
macro_rules! action {
    ($(#[$doc:meta])* $name:ident = $text:literal, $needs:ident, $who:ident, $mode:ident) => {
        $crate::action! { $(#[$doc])* $name = $text, $needs, $who, $mode, Live }
    };
    ($(#[$doc:meta])* $name:ident = $text:literal, $needs:ident, $who:ident, $mode:ident, $proof:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        // A pack speaks of actions by name: one that no pack knows, or knows otherwise, does not compile.
        const _: () = assert!(
            packs::catalogue::holds($text, $crate::need!($needs).name(), stringify!($who)),
            concat!("packs::catalogue does not have this action as it is declared: ", $text)
        );

        impl gates::Action for $name {
            const NAME: &'static str = $text;
            const NEEDS: kernel::Need = $crate::need!($needs);
            type Who = gates::$who;
            type Proof = gates::$proof;
            type Mode = gates::$mode;
        }
    };
}
pub(crate) use action;

macro_rules! need {
    (Own) => {
        kernel::Need::Own
    };
    (Credential) => {
        kernel::Need::Credential
    };
    (Enrol) => {
        kernel::Need::Enrol
    };
    ($permission:ident) => {
        kernel::Need::Permission(kernel::Permission::$permission)
    };
}
pub(crate) use need;
