//! The power goes: the server is killed at many moments under load, PostgreSQL is killed under the server, one of
//! three zones is killed, and the sequencer is dropped at every point where it waits. What was acknowledged is in the log, and the log is right.

pub(crate) mod load;
mod postgres;
mod server;
mod steps;
pub(crate) mod zones;
