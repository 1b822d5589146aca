//! Letters: put into the outbox with the change they tell of, and taken to a mail server by a job.
//!
//! A letter is sealed under the instance's key before it is kept: it holds a link that opens an account. Where no mail
//! server is configured it stays in the outbox, and the operator reads it there.

mod inside;
mod job;
mod outbox;
mod post;

use std::pin::Pin;

use kernel::{LetterId, Timestamp};
use mail::Message;

pub use inside::{ReadLetter, ReadOutbox, page, read};
pub use job::{
    DELIVER_SECONDS_MAX, KEPT_DAYS, LETTERS_AT_ONCE_MAX, Mailer, RETRY_DAYS_MAX, RETRY_SECONDS_FIRST,
    RETRY_SECONDS_MAX,
};
pub(crate) use outbox::forget_letters_to;
pub use outbox::{MailError, Outbox, Shown, State, list, show};
pub use post::Post;

/// Longest reason of a failure that is kept, in characters.
pub const DETAIL_CHARS_MAX: usize = 200;

/// A letter on its way.
#[derive(Debug)]
pub struct Parcel {
    /// Its id: the same at every attempt, so that a mail program can tell that two are one.
    pub id: LetterId,
    /// When it was written.
    pub made_at: Timestamp,
    /// To whom, and what it says.
    pub message: Message,
}

/// A letter was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Undelivered {
    /// Whether trying again is useless: the server will never take this letter.
    pub permanent: bool,
    /// Why, in words of ours: no address, no secret, nothing a server said.
    pub detail: String,
}

/// A delivery under way.
pub type Delivery<'a> = Pin<Box<dyn Future<Output = Result<(), Undelivered>> + Send + 'a>>;

/// Takes letters away. Dropping a delivery must leave nothing behind that the next one would stumble over.
pub trait Carrier: Send + Sync {
    /// Hands one letter to the mail server; resolves when the server has answered for it.
    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> Delivery<'a>;
}
