//! An answer on its way in, from a provider or from the built-in one, with its limits.

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use crate::limits::Limits;
use crate::upstream::UpstreamError;

enum From {
    Http(Incoming),
    Loopback(std::vec::IntoIter<Bytes>),
}

/// The bytes of an answer.
pub(crate) struct Source {
    from: From,
    bytes_left: usize,
    between_bytes: std::time::Duration,
    deadline: Instant,
}

impl Source {
    /// A provider's answer, to be complete by `deadline`.
    pub(crate) fn http(body: Incoming, limits: &Limits, deadline: Instant) -> Self {
        Self::new(From::Http(body), limits, deadline)
    }

    /// The built-in provider's answer.
    pub(crate) fn loopback(chunks: Vec<Bytes>, limits: &Limits, deadline: Instant) -> Self {
        Self::new(From::Loopback(chunks.into_iter()), limits, deadline)
    }

    fn new(from: From, limits: &Limits, deadline: Instant) -> Self {
        let (bytes_left, between_bytes) = (limits.answer_bytes_max, limits.between_bytes);
        Self { from, bytes_left, between_bytes, deadline }
    }

    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        loop {
            let bytes = match &mut self.from {
                From::Loopback(chunks) => return Ok(chunks.next()),
                From::Http(body) => {
                    let until = self.deadline.min(Instant::now() + self.between_bytes);
                    match timeout_at(until, body.frame()).await {
                        Err(_) => return Err(UpstreamError::Timeout),
                        Ok(None) => return Ok(None),
                        Ok(Some(Err(_))) => return Err(UpstreamError::Broken),
                        // Trailers say nothing a client is told.
                        Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
                    }
                }
            };
            if bytes.is_empty() {
                continue;
            }
            let Some(left) = self.bytes_left.checked_sub(bytes.len()) else {
                return Err(UpstreamError::TooLong);
            };
            self.bytes_left = left;
            return Ok(Some(bytes));
        }
    }

    /// All of it.
    pub(crate) async fn whole(&mut self) -> Result<Bytes, UpstreamError> {
        let Some(first) = self.next().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.next().await? else { return Ok(first) };
        let mut all = BytesMut::with_capacity((first.len() + second.len()) * 2);
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        while let Some(more) = self.next().await? {
            all.extend_from_slice(&more);
        }
        Ok(all.freeze())
    }

    /// At most `bytes_max` of it, and what there is when it breaks off: for an error's body.
    pub(crate) async fn start(&mut self, bytes_max: usize) -> Bytes {
        self.bytes_left = self.bytes_left.min(bytes_max);
        let mut all = BytesMut::new();
        while let Ok(Some(more)) = self.next().await {
            all.extend_from_slice(&more);
        }
        all.freeze()
    }

    /// Takes the end of the body if it has arrived already, so that the connection can be used again.
    pub(crate) fn drain(&mut self) {
        if let From::Http(body) = &mut self.from {
            let _ = body.frame().now_or_never();
        }
    }
}
