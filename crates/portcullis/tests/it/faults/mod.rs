//! The disk fails, is full, or the power goes, at each file system call in turn: of PostgreSQL under load, of the server, and of the
//! commands that write files. Afterwards nothing that was acknowledged is missing, nothing is taken for whole that is not,
//! and whoever runs it again gets to the end.
//!
//! `FAULTS_EVERY_CALL=1 cargo test -p portcullis --test it faults` breaks every call instead of a sample.

mod acts;
mod archive;
mod commands;
mod forward;
mod plan;
mod postgres;
mod starts;
mod strace;
mod witness;
