//! Time-stamps: an authority (RFC 3161) is asked once about the manifest of each pack, where the operator names one.

use std::pin::Pin;

use evidence::pack::Stamp;
use evidence::timestamp::{NONCE_BYTES, Question, TokenError};
use kernel::{Rng, Timestamp};
use store::evidence::Pack;

/// Why there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unstamped {
    /// As many are asked for already as may be at once.
    Busy,
    /// No connection to the authority came about, or it broke.
    Unreachable,
    /// It did not answer in time.
    Silent,
    /// It grants none.
    Refused,
    /// It answered something else.
    Malformed,
    /// It answered another question.
    Mismatch,
}

impl Unstamped {
    /// In a word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Unreachable => "unreachable",
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
            Self::Mismatch => "mismatch",
        }
    }
}

impl From<TokenError> for Unstamped {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Refused => Self::Refused,
            TokenError::Malformed => Self::Malformed,
            TokenError::Mismatch => Self::Mismatch,
        }
    }
}

/// An answer on its way: the bytes as they came.
pub type Asked<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, Unstamped>> + Send + 'a>>;

/// The way to a time-stamping authority. It answers, or says why not, within a time of its own.
pub trait Authority: Send + Sync {
    /// Sends a `TimeStampReq` and gives what came back.
    fn ask(&self, question: Vec<u8>) -> Asked<'_>;
}

/// Asks about a manifest, and reads what was answered: the answer, and the authority's time.
pub(super) async fn ask(
    authority: &dyn Authority,
    rng: &dyn Rng,
    manifest: &[u8],
) -> Result<(Vec<u8>, Timestamp), Unstamped> {
    let mut chance = [0; NONCE_BYTES];
    rng.fill(&mut chance);
    let question = Question::new(crypto::sha256(manifest), chance);
    let answer = authority.ask(question.to_der()).await?;
    let token = question.accept(&answer)?;
    tracing::info!(policy = %token.policy, at = %token.at, "an evidence pack has a time-stamp");
    Ok((answer, token.at))
}

/// Whether a pack has a token, and if not, why.
pub fn stamp(pack: &Pack) -> Stamp {
    match (pack.timestamped_at, &pack.timestamp_failure) {
        (Some(_), _) => Stamp::Token,
        (None, Some(why)) => Stamp::Failed { why: why.clone() },
        (None, None) => Stamp::None,
    }
}
