//! What the house does, said once. One module per room: its actions (what may be asked of it, by whom, with which
//! permission) and its jobs (what it does by itself). Faces translate, this decides, the store remembers.
//!
//! An action takes its [`gates::Pass`], does the thing and seals: the entry and the change commit together.

pub mod agents;
pub mod audit;
pub mod input;
pub mod keys;
pub mod models;
pub mod organizations;
pub mod policies;
pub mod projects;
pub mod providers;
pub mod setup;

/// Declares an action: its type, name, permission, caller and mode.
macro_rules! action {
    ($(#[$doc:meta])* $name:ident = $text:literal, $needs:ident, $who:ident, $mode:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl gates::Action for $name {
            const NAME: &'static str = $text;
            const NEEDS: kernel::Permission = kernel::Permission::$needs;
            type Who = gates::$who;
            type Mode = gates::$mode;
        }
    };
}
pub(crate) use action;
