//! `portcullis audit export`: takes a tenant's log away as a folder, and verifies what arrived.
//!
//! The folder appears by a rename when it is whole. An earlier export of the same log is replaced only by one that
//! continues it; any other folder that is not empty is left alone.

mod unpack;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use audit_log::verify::Verdict;
use audit_log::{ANCHOR_PATH, CHECKPOINT_PATH, Checkpoint, DirSource, Note, VerifierKey};
use bytes::Bytes;
use http::Response;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use crate::embedded::files;
use crate::say;
use crate::verify::folder::{self, INSTANCE_VKEY_FILE, Trust, VKEY_FILE};
use crate::verify::receipts::RECEIPTS_FILE;
use crate::web::{self, WebClient};

use unpack::{PieceReader, Unpacked, unpack};

/// How long the server may take to begin: it first brings the log up to date.
const BEGIN_SECONDS_MAX: u64 = 60;
/// Longest silence between two pieces, in seconds.
const SILENCE_SECONDS_MAX: u64 = 60;
/// Pieces that wait for the disk.
const WAITING_PIECES_MAX: usize = 8;
/// Bytes of an error's body that are shown.
const ERROR_BYTES_MAX: usize = 16 * 1_024;
/// What the command line calls itself.
const AGENT: header::HeaderValue =
    header::HeaderValue::from_static(concat!("portcullis/", env!("CARGO_PKG_VERSION")));
/// The way to the archive.
pub(crate) const EXPORT: &str = "/api/v1/audit/export";
/// What a folder of a log may hold; anything else is somebody's own.
const OWN_NAMES: [&str; 6] =
    [CHECKPOINT_PATH, VKEY_FILE, INSTANCE_VKEY_FILE, ANCHOR_PATH, "tile", RECEIPTS_FILE];

/// What to take and where to.
#[derive(clap::Args, Clone, Debug)]
pub struct ExportArgs {
    /// The server's URL.
    #[arg(long, value_name = "URL", env = "PORTCULLIS_URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// The folder to write. An earlier export of the same log is brought up to date.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Send the key without TLS to another machine.
    #[arg(long)]
    pub allow_plain_http: bool,
    /// Print the verification's report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Exports, verifies, and says so.
///
/// # Errors
/// When the server refuses, the archive is not a log's, or the folder must not be replaced.
pub(crate) async fn run(args: &ExportArgs, key: Option<Zeroizing<String>>) -> Result<ExitCode> {
    let Some(key) = key else {
        bail!("PORTCULLIS_API_KEY is not set; it needs the permission audit:export");
    };
    let earlier = Earlier::of(&args.out)?;
    let uri = endpoint(&args.url, args.allow_plain_http, EXPORT)?;
    let parent = match args.out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    std::fs::create_dir_all(&parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let name = args.out.file_name().context("--out names no folder")?.to_string_lossy().into_owned();
    let work = parent.join(format!(".{name}.{}", files::random_name()?));
    fetch(&uri, &key, &work).await?;
    finish(args, earlier.as_ref(), &work)
}

/// Verifies what lies in `work` and moves it to its place.
fn finish(args: &ExportArgs, earlier: Option<&Earlier>, work: &Path) -> Result<ExitCode> {
    let trust = match earlier {
        Some(earlier) => Trust::Known { key: earlier.key.clone(), from: "the earlier export" },
        None => Trust::Folder,
    };
    let older = earlier.map(|earlier| earlier.checkpoint.clone());
    let verified = folder::verify(work, trust, older.into_iter().collect(), None, args.json)?;
    let replaceable = earlier.is_none() || verified.report.verdict() == Verdict::Intact;
    if replaceable {
        put(work, &args.out, earlier.is_some())?;
        say::note(format_args!("the log is in {}", args.out.display()));
    } else {
        say::note(format_args!(
            "{} was left as it is: what the server sent does not continue it. The new copy is in {}",
            args.out.display(),
            work.display()
        ));
    }
    folder::tell(&verified, args.json)?;
    Ok(folder::exit_code(&verified.report))
}

/// Moves a folder that was verified to its place. What lies there already changes places with it, so that there is a whole log at
/// any time, and goes then.
///
/// # Errors
/// When the disk refuses; then what lay there lies there still.
pub(crate) fn put(work: &Path, out: &Path, replace: bool) -> Result<()> {
    let failed = || format!("cannot move {} to {}", work.display(), out.display());
    if replace {
        // Receipts are their keeper's own: they go along.
        let receipts = out.join(RECEIPTS_FILE);
        if receipts.is_file() {
            std::fs::copy(&receipts, work.join(RECEIPTS_FILE))
                .and_then(|_| std::fs::File::open(work.join(RECEIPTS_FILE))?.sync_all())
                .with_context(|| format!("cannot copy {}", receipts.display()))?;
        }
    }
    DirSource::new(work).sync_names().with_context(failed)?;
    if replace {
        files::exchange_dirs(work, out).with_context(failed)?;
    } else {
        // A rename replaces an empty folder and no other.
        std::fs::rename(work, out).with_context(failed)?;
    }
    files::sync_parent(out).with_context(failed)?;
    if replace && let Err(error) = std::fs::remove_dir_all(work) {
        say::note(format_args!(
            "{} holds what was there before, and could not be removed: {error}",
            work.display()
        ));
    }
    Ok(())
}

/// An earlier export that lies where the new one shall go.
#[derive(Debug)]
pub(crate) struct Earlier {
    /// Its key.
    pub(crate) key: VerifierKey,
    /// How far it goes.
    pub(crate) checkpoint: Checkpoint,
}

impl Earlier {
    /// `None` where nothing lies, or an empty folder.
    ///
    /// # Errors
    /// When what lies there is no export of a log.
    pub(crate) fn of(out: &Path) -> Result<Option<Self>> {
        let entries = match std::fs::read_dir(out) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot look into {}", out.display())),
        };
        let mut empty = true;
        for entry in entries {
            let name = entry.with_context(|| format!("cannot look into {}", out.display()))?.file_name();
            empty = false;
            if !OWN_NAMES.iter().any(|own| name == *own) {
                bail!(
                    "{} holds {}, which is no part of a log; choose an empty folder",
                    out.display(),
                    name.to_string_lossy()
                );
            }
        }
        if empty {
            return Ok(None);
        }
        let key = folder::key_of(out).context("the folder is not empty and is no export of a log")?;
        let note = folder::read_small(&out.join(CHECKPOINT_PATH))
            .context("the folder is not empty and is no export of a log")?;
        let note = Note::parse(&note).context("the folder's checkpoint cannot be read")?;
        let checkpoint = Checkpoint::open(&note, std::slice::from_ref(&key))
            .context("the folder's checkpoint is not signed by its own key; move the folder away first")?;
        Ok(Some(Self { key, checkpoint }))
    }
}

/// The URL of a path of the server, to which the key may be sent.
///
/// # Errors
/// When it is no URL, or the key would travel unencrypted to another machine.
pub(crate) fn endpoint(url: &str, allow_plain_http: bool, path: &str) -> Result<Uri> {
    let base: Uri = url.parse().with_context(|| format!("{url:?} is no URL"))?;
    match base.scheme_str() {
        Some("https") => {}
        Some("http") if allow_plain_http || web::is_local(&base) => {}
        Some("http") => bail!(
            "the key would travel unencrypted to {}; use https, or --allow-plain-http if you know the way",
            base.host().unwrap_or("another machine")
        ),
        _ => bail!("{url:?} is neither http nor https"),
    }
    format!("{}{path}", url.trim_end_matches('/')).parse().with_context(|| format!("{url:?} is no base URL"))
}

/// The server did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the server refused ({status}): {detail}")]
pub(crate) struct Refused {
    /// The status it answered with.
    pub(crate) status: StatusCode,
    /// Its reason.
    pub(crate) detail: String,
}

/// Asks the server for something, and waits for the head of its answer.
///
/// # Errors
/// As [`send`].
pub(crate) async fn ask(uri: &Uri, key: &str, accept: &'static str) -> Result<Response<Incoming>> {
    ask_by(&web::client()?, uri, key, accept).await
}

/// The same by a client that keeps its connection for the next time.
///
/// # Errors
/// As [`send`].
pub(crate) async fn ask_by(
    client: &WebClient,
    uri: &Uri,
    key: &str,
    accept: &'static str,
) -> Result<Response<Incoming>> {
    let request = Request::get(uri).header(header::ACCEPT, accept).body(Full::new(Bytes::new()))?;
    send_by(client, request, key, BEGIN_SECONDS_MAX).await
}

/// Sends the server a request with the key, and waits so many seconds for the head of its answer.
///
/// # Errors
/// When it cannot be reached; [`Refused`] when it answers anything else than 200, 201 or 204.
pub(crate) async fn send(
    request: Request<Full<Bytes>>,
    key: &str,
    begin_seconds: u64,
) -> Result<Response<Incoming>> {
    send_by(&web::client()?, request, key, begin_seconds).await
}

async fn send_by(
    client: &WebClient,
    mut request: Request<Full<Bytes>>,
    key: &str,
    begin_seconds: u64,
) -> Result<Response<Incoming>> {
    let mut bearer = header::HeaderValue::from_str(&format!("Bearer {}", key.trim()))
        .ok()
        .context("PORTCULLIS_API_KEY holds characters no key has")?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    request.headers_mut().insert(header::USER_AGENT, AGENT);
    let uri = request.uri().clone();
    let response = tokio::time::timeout(Duration::from_secs(begin_seconds), client.request(request))
        .await
        .with_context(|| format!("{uri} did not answer within {begin_seconds} s"))?
        .with_context(|| format!("{uri} cannot be reached"))?;
    let status = response.status();
    if matches!(status, StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT) {
        return Ok(response);
    }
    let body = http_body_util::Limited::new(response.into_body(), ERROR_BYTES_MAX).collect().await;
    let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    Err(Refused { status, detail: problem(&body) }.into())
}

/// The detail of an RFC 9457 problem, without what could play tricks on a terminal.
fn problem(body: &[u8]) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let member = |name: &str| {
        let text = parsed.as_ref()?.get(name)?.as_str()?;
        Some(text.chars().filter(|c| !c.is_control()).collect::<String>())
    };
    let errors =
        parsed.as_ref().and_then(|problem| problem.get("errors")?.as_array().cloned()).unwrap_or_default();
    let errors = errors.iter().filter_map(|error| {
        let (pointer, detail) = (error.get("pointer")?.as_str()?, error.get("detail")?.as_str()?);
        Some(format!(" {pointer}: {detail}").chars().filter(|c| !c.is_control()).collect::<String>())
    });
    let errors: String = errors.collect();
    match (member("detail"), member("request_id")) {
        (Some(detail), Some(id)) => format!("{detail}{errors} (request {id})"),
        (Some(detail), None) => detail,
        _ => "it gave no reason".to_owned(),
    }
}

/// Takes the whole log away into the folder `work`, which nothing is left of when it breaks off.
///
/// # Errors
/// When the server refuses, or what it sends is no archive of a log.
pub(crate) async fn fetch(uri: &Uri, key: &str, work: &Path) -> Result<()> {
    let body = ask(uri, key, "application/x-tar").await?.into_body();
    match receive(body, work).await {
        Ok(unpacked) => {
            say::note(format_args!("received {} files, {} bytes; verifying", unpacked.files, unpacked.bytes));
            Ok(())
        }
        Err(error) => {
            // What came before the break is no log.
            let _ = std::fs::remove_dir_all(work);
            Err(error)
        }
    }
}

/// Unpacks the body as it arrives.
async fn receive(mut body: Incoming, work: &Path) -> Result<Unpacked> {
    let (pieces, reader) = PieceReader::new(WAITING_PIECES_MAX);
    let target = work.to_owned();
    let unpacking = tokio::task::spawn_blocking(move || unpack(reader, &target));
    let fed = feed(&mut body, &pieces).await;
    // The end of the pieces is the end of the archive for the reader.
    drop(pieces);
    let unpacked = unpacking.await.context("the archive could not be unpacked")?;
    match (fed, unpacked) {
        (Ok(()), unpacked) => Ok(unpacked?),
        (Err(error), _) => Err(error),
    }
}

async fn feed(body: &mut Incoming, pieces: &mpsc::Sender<Bytes>) -> Result<()> {
    let limit = Duration::from_secs(SILENCE_SECONDS_MAX);
    loop {
        let frame = tokio::time::timeout(limit, body.frame())
            .await
            .with_context(|| format!("the server sent nothing for {SILENCE_SECONDS_MAX} s"))?;
        let Some(frame) = frame else { return Ok(()) };
        let frame = frame.context("the export broke off")?;
        if let Ok(data) = frame.into_data()
            && pieces.send(data).await.is_err()
        {
            // The reader has stopped and says why itself.
            return Ok(());
        }
    }
}
