//! What a courier is: the way out for webhooks, which the binary puts together.

use std::pin::Pin;

use super::input::Target;

/// A message on its way: exactly these bytes are sent, under exactly these headers.
pub struct Message {
    /// Where to.
    pub target: Target,
    /// `webhook-id`: the same at every attempt.
    pub id: String,
    /// `webhook-timestamp`: Unix seconds of this attempt.
    pub timestamp: i64,
    /// `webhook-signature`: one for each secret that signs now, with blanks between.
    pub signature: String,
    /// The body.
    pub body: Vec<u8>,
}

/// What the endpoint answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// How long it asks to be left alone, in seconds.
    pub retry_after_seconds: Option<u64>,
}

/// Why there was no answer. A word each, for the log of attempts: no address, and nothing an endpoint said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// The name resolves to nothing.
    #[error("unknown_host")]
    UnknownHost,
    /// The address is one the operator does not allow.
    #[error("address_refused")]
    AddressRefused,
    /// Nothing takes connections there.
    #[error("not_reached")]
    NotReached,
    /// The line could not be encrypted, or the certificate is not trusted.
    #[error("tls")]
    Tls,
    /// No answer in time.
    #[error("timeout")]
    Timeout,
    /// The connection broke off, or what came was no HTTP.
    #[error("broken")]
    Broken,
}

impl Unsent {
    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::UnknownHost => "unknown_host",
            Self::AddressRefused => "address_refused",
            Self::NotReached => "not_reached",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
        }
    }
}

/// A message under way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Answered, Unsent>> + Send + 'a>>;

/// Takes messages to endpoints: to permitted addresses only, without following redirects, within a time.
pub trait Courier: Send + Sync {
    /// Sends one message; resolves with the head of the answer.
    fn send(&self, message: Message) -> Sending<'_>;
}
