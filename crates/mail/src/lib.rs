//! The letters the house writes: to whom, what each says, as text and as HTML.
//!
//! A [`Letter`] is typed: it holds what happened and the links it leads to, and [`Letter::write`] turns it into a
//! [`Message`] for one [`Address`]. Text and HTML are made of the same page, so that they cannot say different things.
//!
//! Architecture invariants:
//! * Values in, text out: nothing here sends, waits, or knows where letters are kept.
//! * Links come ready from the caller, who makes them from the configured public URL, never from a request.
//! * What people typed enters as [`Words`] alone: one line, bounded, and nothing a mail program would make a link of.

mod address;
mod letter;
mod link;
mod message;
mod page;
mod words;

pub use address::{ADDRESS_BYTES_MAX, Address, AddressError};
pub use letter::{Change, Circumstances, Letter, Letterhead, SecondFactor};
pub use link::{LINK_BYTES_MAX, Link, LinkError};
pub use message::{HTML_BYTES_MAX, Message, MessageError, SUBJECT_CHARS_MAX, TEXT_BYTES_MAX};
pub use words::{NAME_CHARS_MAX, REASON_CHARS_MAX, Words};
