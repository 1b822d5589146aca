//! Asking the server.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use super::ServerUrl;
use crate::embedded::files;
use crate::export::{endpoint, send};
use crate::say;

/// How long the server may take to begin its answer: it walks over the whole period first.
const BEGIN_SECONDS_MAX: u64 = 300;
/// Longest silence between two pieces, in seconds.
const SILENCE_SECONDS_MAX: u64 = 60;
/// Bytes of an answer that is read whole.
const ANSWER_BYTES_MAX: usize = 8 * 1_048_576;
/// Bytes after which progress is told.
const PROGRESS_BYTES: u64 = 8 * 1_048_576;

/// A server and the key for it.
pub(crate) struct Server<'a> {
    args: &'a ServerUrl,
    key: &'a str,
}

impl<'a> Server<'a> {
    pub(crate) const fn new(args: &'a ServerUrl, key: &'a str) -> Self {
        Self { args, key }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Incoming> {
        let uri = endpoint(&self.args.url, self.args.allow_plain_http, path)?;
        let mut request = Request::builder().method(method).uri(uri);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let bytes = body.map(serde_json::to_vec).transpose()?.unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(bytes)))?;
        Ok(send(request, self.key, BEGIN_SECONDS_MAX).await?.into_body())
    }

    /// An answer that is read whole.
    pub(crate) async fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let body = self.ask(method, path, body).await?;
        let read = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let bytes = read.map_err(|error| anyhow::anyhow!(error)).context("the answer broke off")?.to_bytes();
        serde_json::from_slice(&bytes).context("the answer is no JSON")
    }

    /// Something that is answered with nothing.
    pub(crate) async fn done(&self, method: Method, path: &str, body: &Value) -> Result<()> {
        self.ask(method, path, Some(body)).await.map(drop)
    }

    /// Saves an answer as a file, which appears when it is whole and `look` has looked at it; gives what that found.
    pub(super) async fn save<T>(
        &self,
        path: &str,
        out: &Path,
        look: impl FnOnce(&Path, u64) -> Result<T>,
    ) -> Result<T> {
        let mut body = self.ask(Method::GET, path, None).await?;
        // Of no other run: one that was killed leaves its own.
        let draft = files::with_suffix(out, &format!(".{}.part", files::random_name()?));
        let failed = || format!("cannot write {}", out.display());
        let saved = match receive(&mut body, &draft).await {
            Ok(bytes) => look(&draft, bytes).and_then(|found| {
                files::rename_new(&draft, out).with_context(failed)?;
                Ok(found)
            }),
            Err(error) => Err(error),
        };
        if saved.is_err() {
            // What came before the break is no pack.
            let _ = std::fs::remove_file(&draft);
        }
        let found = saved?;
        files::sync_parent(out).with_context(failed)?;
        Ok(found)
    }
}

async fn receive(body: &mut Incoming, draft: &Path) -> Result<u64> {
    let mut file =
        std::fs::File::create_new(draft).with_context(|| format!("cannot write {}", draft.display()))?;
    let (mut bytes, mut told) = (0, PROGRESS_BYTES);
    loop {
        let frame = tokio::time::timeout(Duration::from_secs(SILENCE_SECONDS_MAX), body.frame())
            .await
            .with_context(|| format!("the server sent nothing for {SILENCE_SECONDS_MAX} s"))?;
        let Some(frame) = frame else { break };
        if let Ok(piece) = frame.context("the download broke off")?.into_data() {
            file.write_all(&piece).with_context(|| format!("cannot write {}", draft.display()))?;
            bytes += piece.len() as u64;
            if bytes >= told {
                told += PROGRESS_BYTES;
                say::note(format_args!("{} MiB", bytes / 1_048_576));
            }
        }
    }
    file.sync_all().with_context(|| format!("cannot write {}", draft.display()))?;
    Ok(bytes)
}
