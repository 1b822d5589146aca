//! A streamed answer on its way to the client.

use app::audit::Receipts;
use app::models::{Call, Ended, Status};
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use gates::{CleanStream, Receipt};
use llm::error::{ApiError, ErrorCode};
use llm::sse::{Ending, Finished, StreamSummary, TapError};

use crate::source::Source;
use crate::upstream::UpstreamError;

/// The stream between the provider and the client. Dropped before its end, because the client went away, it drops the
/// provider's connection and records the call as cancelled.
pub(crate) struct Relay {
    source: Source,
    upstream_status: Option<u16>,
    /// `None` when the last bytes have been handed out.
    flowing: Option<(CleanStream, Call)>,
    /// For a caller who asked for receipts.
    receipts: Option<Receipts>,
}

impl Relay {
    pub(crate) fn new(source: Source, upstream_status: Option<u16>, clean: CleanStream, call: Call) -> Self {
        Self { source, upstream_status, flowing: Some((clean, call)), receipts: None }
    }

    /// The same, with a receipt of the outcome at its end.
    pub(crate) fn with_receipt(mut self, receipts: Option<Receipts>) -> Self {
        self.receipts = receipts;
        self
    }

    pub(crate) fn into_body(self) -> Body {
        Body::from_stream(stream::unfold(self, |mut relay| async move {
            let bytes = relay.next().await?;
            Some((Ok::<_, std::convert::Infallible>(bytes), relay))
        }))
    }

    async fn next(&mut self) -> Option<Bytes> {
        let mut out = Vec::new();
        let fault = loop {
            let (clean, _) = self.flowing.as_mut()?;
            match self.source.next().await {
                Ok(Some(bytes)) => {
                    // A failed push is told by the summary.
                    if clean.push(&bytes, &mut out).is_err() || clean.is_done() {
                        break None;
                    }
                    if !out.is_empty() {
                        return Some(out.into());
                    }
                }
                Ok(None) => break None,
                Err(fault) => break Some(fault),
            }
        };
        let (clean, call) = self.flowing.take()?;
        let finished = clean.finish(&mut out);
        let ended = ended(finished.summary(), fault, self.upstream_status);
        match call.end(ended).await {
            Ok(outcome) => {
                out.extend_from_slice(receipt_line(self.receipts.as_ref(), &outcome).await.as_bytes());
                out.extend_from_slice(last_bytes(finished, fault).as_bytes());
            }
            Err(_) => out.extend_from_slice(unrecorded().to_sse_event().as_bytes()),
        }
        self.source.drain();
        Some(out.into())
    }
}

/// The receipt of the outcome as a comment of the event stream, which clients pass over: the head of the answer, with the
/// receipt of the intent, was sent long ago.
async fn receipt_line(receipts: Option<&Receipts>, outcome: &Receipt) -> String {
    let Some(receipts) = receipts else { return String::new() };
    match receipts.sign(&outcome.recorded()).await {
        Ok(signed) => format!(": portcullis-receipt {}\n\n", signed.text),
        Err(_) => String::new(),
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let Some((clean, call)) = self.flowing.take() else { return };
        // Counts what was still held back, and learns the usage if it was told already.
        let summary = clean.finish(&mut Vec::new());
        call.cancel(summary.summary().usage, self.upstream_status);
    }
}

/// The outcome of a stream.
fn ended(summary: &StreamSummary, fault: Option<UpstreamError>, upstream_status: Option<u16>) -> Ended {
    let failed = |code: ErrorCode| (Status::UpstreamError, Some(code.as_str()));
    let (status, error) = match (fault, &summary.error, summary.ending) {
        (_, Some(error), _) => failed(error.code),
        (Some(UpstreamError::Broken), ..) | (None, None, Ending::Cut) => {
            (Status::Cut, Some(ErrorCode::UpstreamCut.as_str()))
        }
        (Some(fault), ..) => failed(fault.code()),
        (None, None, Ending::Done) => (Status::Ok, None),
        (None, None, Ending::Failed(TapError::Tool)) => {
            (Status::Withheld, Some(ErrorCode::PermissionDenied.as_str()))
        }
        (None, None, Ending::Failed(_)) => failed(ErrorCode::UpstreamFailed),
    };
    Ended { status, usage: summary.usage, upstream_status, error }
}

/// What the client's stream ends with: `[DONE]` only for an answer that is complete, an error event else.
fn last_bytes(finished: Finished, fault: Option<UpstreamError>) -> String {
    match fault {
        Some(fault) if finished.summary().error.is_none() => ApiError::from(fault).to_sse_event(),
        _ => finished.into_last_bytes(),
    }
}

/// The answer to a call whose outcome cannot be written: whatever came before, it is not passed off as complete.
pub(crate) fn unrecorded() -> ApiError {
    let message =
        "The outcome of the call could not be written to the audit log, so the answer is not complete.";
    ApiError::new(ErrorCode::Unavailable, message)
}

#[cfg(test)]
mod tests;
