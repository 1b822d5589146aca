//! The Portcullis server as a library: what the `portcullis` binary is made of.

pub mod embedded;
