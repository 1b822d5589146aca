//! Reads names of people and postal addresses in a sentence with *Rampart*, a small model of other people's making.
//!
//! The weights are no part of the program: a [`Model`] is made of bytes that somebody fetched, and of no others than those
//! whose SHA-256 is pinned in [`PARTS`]. Bytes in, values out: no file, no network, no clock.
//!
//! ```text
//! text ──normal──▶ letters ──pieces──▶ word pieces ──network──▶ a probability for every label ──labels──▶ readings
//! ```
//!
//! Of the seventeen things the model tells apart, names and parts of addresses are listened to. Numbers, addresses of mail
//! and the like have a structure that rules know better.
//!
//! *Rampart: Client-side PII redaction for AI assistants* is by National Design Studio, © 2026, under CC BY 4.0.

mod labels;
mod model;
mod normal;
mod parts;
mod pieces;

#[cfg(test)]
mod tests;

pub use labels::{Kind, Reading};
pub use model::{LoadError, Model, PIECES_AT_ONCE_MAX, READS_AT_ONCE_MAX, ReadError, TEXT_BYTES_MAX};
pub use parts::{ATTRIBUTION, PARTS, Part, WrongPart};
