//! The witness over HTTP: C2SP tlog-witness, `POST /add-checkpoint`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit_log::witness::{REQUEST_BYTES_MAX, RequestError, SIZE_MEDIA_TYPE};
use audit_log::{AddCheckpoint, Cosigner, Refusal, VerifierKey};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderValue, StatusCode, header};
use kernel::{Clock as _, SystemClock};

use super::memory::Memory;

/// Longest time for a request to arrive whole and be answered, in seconds.
const ANSWER_SECONDS_MAX: u64 = 30;

/// A cosignature's time is in whole seconds.
const MICROS_PER_SECOND: i64 = 1_000_000;

/// A witness at work.
pub(crate) struct Witness {
    /// The keys of each log, and the lock under which its requests are decided one after another.
    logs: BTreeMap<String, Watched>,
    memory: Memory,
    cosigner: Cosigner,
}

struct Watched {
    keys: Vec<VerifierKey>,
    turn: Mutex<()>,
}

impl Witness {
    /// Watches these logs.
    pub(crate) fn new(logs: BTreeMap<String, Vec<VerifierKey>>, memory: Memory, cosigner: Cosigner) -> Self {
        let logs = logs.into_iter().map(|(origin, keys)| (origin, Watched { keys, turn: Mutex::new(()) }));
        Self { logs: logs.collect(), memory, cosigner }
    }

    /// Decides about a request; when it answers a line, what was seen is on the disk. Waits for the disk and for its turn.
    fn add(&self, request: &AddCheckpoint) -> Result<String, Failed> {
        let origin = request.origin();
        let watched = self.logs.get(origin).ok_or(Failed::Refused(Refusal::UnknownLog))?;
        // Two requests decided against one memory could cosign a fork.
        let _turn = watched.turn.lock().map_err(|_| Failed::Memory)?;
        let seen = self.memory.seen(origin).map_err(|error| unusable(&error))?;
        if let Err(refusal) = request.judge(&watched.keys, seen) {
            if matches!(refusal, Refusal::Fork(_)) {
                tracing::error!(%origin, seen = seen.size, "a log does not continue what was seen of it: {refusal}");
                if let Err(error) = self.memory.keep_fork(&request.note) {
                    tracing::error!(%origin, %error, "the proof could not be kept");
                }
            }
            return Err(Failed::Refused(refusal));
        }
        self.memory.keep(origin, &request.note).map_err(|error| unusable(&error))?;
        let at = u64::try_from(SystemClock.now().unix_micros() / MICROS_PER_SECOND).unwrap_or(0);
        let line = self.cosigner.cosign(request.note.text(), at).map_err(|_| Failed::Memory)?;
        Ok(format!("{line}\n"))
    }
}

fn unusable(error: &std::io::Error) -> Failed {
    tracing::error!(%error, "the witness's folder cannot be used");
    Failed::Memory
}

/// Why there is no cosignature.
enum Failed {
    Refused(Refusal),
    /// What was seen cannot be read or written.
    Memory,
}

/// The routes.
pub(crate) fn router(witness: Arc<Witness>) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/vkey", get(vkey))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .layer(from_fn(in_time))
        .with_state(witness)
}

async fn in_time(request: Request, next: Next) -> Response {
    let limit = Duration::from_secs(ANSWER_SECONDS_MAX);
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(answer) => answer,
        Err(_) => text(StatusCode::REQUEST_TIMEOUT, "it took too long".to_owned()),
    }
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, body: Bytes) -> Response {
    let request = match AddCheckpoint::parse(&body) {
        Ok(request) => request,
        Err(error @ RequestError::TooLong(_)) => {
            return text(StatusCode::PAYLOAD_TOO_LARGE, error.to_string());
        }
        Err(error) => return text(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let added = tokio::task::spawn_blocking(move || witness.add(&request)).await;
    match added.unwrap_or(Err(Failed::Memory)) {
        Ok(lines) => text(StatusCode::OK, lines),
        Err(Failed::Refused(Refusal::OtherSize(size))) => {
            let mut answer = text(StatusCode::CONFLICT, format!("{size}\n"));
            answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(SIZE_MEDIA_TYPE));
            answer
        }
        Err(Failed::Refused(refusal)) => {
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            text(status, format!("{refusal}\n"))
        }
        Err(Failed::Memory) => {
            text(StatusCode::SERVICE_UNAVAILABLE, "the witness cannot remember\n".to_owned())
        }
    }
}

/// The public key, to compare with what you were told by another way.
async fn vkey(State(witness): State<Arc<Witness>>) -> Response {
    text(StatusCode::OK, format!("{}\n", witness.cosigner.key()))
}

fn text(status: StatusCode, body: String) -> Response {
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
