//! The PostgreSQL that the server brings along when no `DATABASE_URL` is set.
//!
//! [`find()`] says which PostgreSQL to use and fetches one when the machine has none; [`Cluster::open`] makes the
//! data directory on first use, starts the server, keeps it running and ends it with us, however we end. Clients
//! reach it over a unix socket in a private directory, with a password; it listens on no network.
//!
//! ```text
//! Search ──find──▶ PgHome ──┐
//!                           ├──Cluster::open──▶ Running ──stop──▶ ()
//! directory, Options ───────┘        │
//!                                    ├─ postgres   restarted when it dies
//!                                    └─ sh         stops postgres when we die
//! ```
//!
//! # Who may touch what
//! When the process is root, PostgreSQL runs under an unprivileged account. That account owns only `data/` and
//! `socket/`; the directory around them, the log and the password file stay root's, so that a PostgreSQL that has
//! been taken over cannot make root follow a planted link.

mod cluster;
mod config;
mod error;
pub mod fetch;
pub(crate) mod files;
mod find;
mod initdb;
mod lifeline;
pub(crate) mod owner;
mod process;
mod server;
mod supervise;
pub mod wheel;

pub use cluster::{Cluster, Connection, Options, Password, Role, Running};
pub use error::Error;
pub use find::{Look, Origin, PgHome, Refusal, Report, Search, Version, VersionError, find, inspect, survey};
pub use supervise::State;

#[cfg(test)]
mod tests;
