//! Request bodies, bounded in size and in time whatever the client announced.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;
use kernel::{Problem, ProblemKind};
use tokio::time::{Instant, Sleep, sleep_until};

const FINE: u8 = 0;
const TOO_LARGE: u8 = 1;
const TOO_SLOW: u8 = 2;

/// What became of a body, for whoever answers the request in the end: a handler may have taken the broken body for a
/// broken connection.
#[derive(Clone, Default)]
pub(crate) struct BodyFate(Arc<AtomicU8>);

impl BodyFate {
    /// The problem with the body, when there is one.
    pub(crate) fn problem(&self) -> Option<Problem> {
        match self.0.load(Ordering::Acquire) {
            TOO_LARGE => Some(too_large()),
            TOO_SLOW => Some(Problem::new(
                ProblemKind::TooSlow,
                "The body did not arrive in time; send it without pauses.",
            )),
            _ => None,
        }
    }

    /// Cuts the body. The error is the problem itself, for a face that reads bodies in its own way and puts on record why
    /// one was refused.
    fn cut(&self, why: u8) -> axum::BoxError {
        self.0.store(why, Ordering::Release);
        self.problem().unwrap_or_else(Problem::internal).into()
    }
}

/// The refusal of a body that is too large.
fn too_large() -> Problem {
    Problem::new(ProblemKind::TooLarge, "Send less; the operator of this server sets the limit.")
}

/// Most bytes of a refused body that are read and thrown away, so that its sender gets to read the refusal: a
/// connection closed while it still sends is reset, and the answer with it.
const DRAIN_BYTES_MAX: usize = 8 * 1_048_576;
/// Longest time spent on that, in seconds.
const DRAIN_SECONDS_MAX: u64 = 5;

/// Reads a refused body to its end, or as far as the limits go.
pub(super) async fn drain(mut body: Body) {
    let read = async {
        let mut left = DRAIN_BYTES_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Whoever needs longer gets the answer, or the reset.
    let _ = tokio::time::timeout(Duration::from_secs(DRAIN_SECONDS_MAX), read).await;
}

/// Bounds a body.
pub(super) fn bound(body: Body, bytes_max: usize, within: Option<Duration>) -> (Body, BodyFate) {
    let fate = BodyFate::default();
    if HttpBody::is_end_stream(&body) {
        return (body, fate);
    }
    let deadline = within.map(|within| Box::pin(sleep_until(Instant::now() + within)));
    let bounded = Bounded { body, left: bytes_max, deadline, fate: fate.clone() };
    (Body::new(bounded), fate)
}

/// What stands for a body that was refused before it was read: whoever reads it finds it cut. So a caller is known, and the
/// refusal on record, before it is told.
pub(super) fn refused() -> (Body, BodyFate) {
    let fate = BodyFate(Arc::new(AtomicU8::new(TOO_LARGE)));
    let cut = Bounded { body: Body::empty(), left: 0, deadline: None, fate: fate.clone() };
    (Body::new(cut), fate)
}

struct Bounded {
    body: Body,
    left: usize,
    deadline: Option<Pin<Box<Sleep>>>,
    fate: BodyFate,
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(problem) = self.fate.problem() {
            return Poll::Ready(Some(Err(problem.into())));
        }
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let len = frame.data_ref().map_or(0, Bytes::len);
                if let Some(left) = self.left.checked_sub(len) {
                    self.left = left;
                    return Poll::Ready(Some(Ok(frame)));
                }
                Poll::Ready(Some(Err(self.fate.cut(TOO_LARGE))))
            }
            Poll::Ready(other) => Poll::Ready(other.map(|result| result.map_err(Into::into))),
            Poll::Pending => {
                let late = self.deadline.as_mut().is_some_and(|at| at.as_mut().poll(context).is_ready());
                if !late {
                    return Poll::Pending;
                }
                Poll::Ready(Some(Err(self.fate.cut(TOO_SLOW))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.fate.0.load(Ordering::Acquire) == FINE && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
