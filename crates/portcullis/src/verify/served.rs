//! A served log, verified over HTTP without a database: whole, or what is new since the copy that was kept.
//!
//! A first visit takes the log away as `audit export` does. A later one reads the newest checkpoint and the tiles that the copy
//! has not, into a folder beside it that shares the copy's files; what was fetched stays when it is cut off, and the next try
//! goes on there. The copy is replaced only by what is intact and continues it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use audit_log::tiles::TilePath;
use audit_log::verify::Verdict;
use audit_log::{CHECKPOINT_PATH, Checkpoint, DirSource, Note, TileSink as _, TileSource as _, tiles_for};
use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::VerifyArgs;
use super::folder::{self, Trust, VKEY_FILE};
use super::receipts::Receipts;
use crate::embedded::files;
use crate::export::{self, Earlier, Refused};
use crate::{say, web};

/// The way to the newest checkpoint.
const CHECKPOINT: &str = "/api/v1/audit/checkpoint";
/// What the ways to tiles begin with; what follows is the tile's path without its first part.
const TILES: &str = "/api/v1/audit/";
/// Tiles beyond which the whole log is fetched in one piece: each tile is a request, and an entry of its own.
const TILES_MAX: usize = 2_000;
/// Longest answer with a checkpoint, in bytes.
const CHECKPOINT_BYTES_MAX: usize = 64 * 1_024;
/// Pause after the server said that it was asked too often, in seconds, and how often that may happen in a row.
const AGAIN_SECONDS: u64 = 5;
const AGAIN_TIMES_MAX: u32 = 60;
/// Mode of a file that is copied: a log is no secret of this machine's accounts.
const FILE_MODE: u32 = 0o644;
/// Tiles between two signs of life.
const PROGRESS_TILES: usize = 100;

/// The server and how it is asked.
struct Server<'a> {
    url: &'a str,
    plain: bool,
    key: Zeroizing<String>,
    client: web::WebClient,
}

/// What the server says of its newest checkpoint.
#[derive(Deserialize)]
struct Newest {
    note: String,
}

/// Verifies the log that the key opens.
///
/// # Errors
/// When the server cannot be asked, or the folder cannot be used; what is wrong with the log stands in the report.
pub(super) async fn run(args: &VerifyArgs, url: &str, key: Option<Zeroizing<String>>) -> Result<ExitCode> {
    let Some(key) = key else {
        bail!("PORTCULLIS_API_KEY is not set; it needs the permissions audit:export and audit:read");
    };
    let server = Server { url, plain: args.allow_plain_http, key, client: web::client()? };
    let earlier = match &args.keep {
        Some(keep) => Earlier::of(keep)?,
        None => None,
    };
    let work = work_folder(args.keep.as_deref())?;
    if let (Some(keep), Some(earlier)) = (&args.keep, &earlier) {
        server.what_is_new(keep, earlier, &work).await?;
    } else {
        let _ = std::fs::remove_dir_all(&work);
        export::fetch(&server.endpoint(export::EXPORT)?, &server.key, &work).await?;
    }
    let ended = judge(args, earlier.as_ref(), &work);
    if args.keep.is_none() {
        let _ = std::fs::remove_dir_all(&work);
    }
    ended
}

/// Where the log is put together: beside the copy that is kept, else in the folder for what is temporary.
fn work_folder(keep: Option<&Path>) -> Result<PathBuf> {
    let Some(keep) = keep else {
        return Ok(std::env::temp_dir().join(format!("portcullis-verify-{}", files::random_name()?)));
    };
    let name = keep.file_name().context("--keep names no folder")?.to_string_lossy();
    let work = keep.with_file_name(format!(".{name}.incoming"));
    if let Some(parent) = work.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    Ok(work)
}

/// Verifies what lies in `work`, puts it in the place of the copy when it is intact, and says so.
fn judge(args: &VerifyArgs, earlier: Option<&Earlier>, work: &Path) -> Result<ExitCode> {
    let policy = args.policy.as_deref().map(folder::policy_in).transpose()?;
    let trust = match (&args.vkey, &policy, earlier) {
        (Some(text), ..) => Trust::Known { key: folder::given_key(text)?, from: "--vkey" },
        (None, Some(policy), _) => folder::key_by(policy, work)?,
        (None, None, Some(earlier)) => {
            Trust::Known { key: earlier.key.clone(), from: "the copy that was kept" }
        }
        (None, None, None) => Trust::Folder,
    };
    let key = match &trust {
        Trust::Known { key, .. } => key.clone(),
        Trust::Folder => folder::key_of(work)?,
    };
    let mut older = args
        .older
        .iter()
        .map(|path| folder::checkpoint_of(path, &key))
        .collect::<Result<Vec<Checkpoint>>>()?;
    older.extend(earlier.map(|earlier| earlier.checkpoint.clone()));
    let verified = folder::verify(work, trust, older, policy.as_ref(), args.json)?;
    let kept = args.keep.as_deref();
    let receipts = Receipts::of(args, kept, &DirSource::new(work), &verified.report, &verified.key)?;
    if let Some(keep) = kept {
        if verified.report.verdict() == Verdict::Intact {
            export::put(work, keep, earlier.is_some())?;
            say::note(format_args!("the log is in {}", keep.display()));
        } else {
            // What is wrong is kept for whoever looks into it, and is in nobody's way.
            let aside = files::with_suffix(work, &format!(".{}", files::random_name()?));
            std::fs::rename(work, &aside).with_context(|| format!("cannot move {}", work.display()))?;
            say::note(format_args!(
                "{} was left as it is; what the server sent is in {}",
                keep.display(),
                aside.display()
            ));
        }
    }
    folder::tell_with(&verified, receipts.as_ref(), args.json)?;
    Ok(folder::exit_with(&verified.report, receipts.as_ref()))
}

impl Server<'_> {
    fn endpoint(&self, path: &str) -> Result<http::Uri> {
        export::endpoint(self.url, self.plain, path)
    }

    /// Puts together in `work` what the copy has and what is new.
    async fn what_is_new(&self, keep: &Path, earlier: &Earlier, work: &Path) -> Result<()> {
        let newest = self.read(CHECKPOINT, "application/json", CHECKPOINT_BYTES_MAX).await?;
        let newest: Newest =
            serde_json::from_slice(&newest).context("the server's checkpoint does not read")?;
        let note = Note::parse(newest.note.as_bytes()).context("the server's checkpoint is none")?;
        // Its size says what to fetch and nothing else before it is verified.
        let head = Checkpoint::parse(note.text()).context("the server's checkpoint is none")?;
        let mut sink = DirSource::new(work);
        let missing = missing(&DirSource::new(keep), &sink, head.size())?;
        if missing.len() > TILES_MAX {
            let _ = std::fs::remove_dir_all(work);
            return export::fetch(&self.endpoint(export::EXPORT)?, &self.key, work).await;
        }
        share(keep, work)?;
        say::note(format_args!(
            "{} entries, {} of them in the copy; {} files are new",
            head.size(),
            earlier.checkpoint.size().min(head.size()),
            missing.len()
        ));
        for (done, tile) in missing.iter().enumerate() {
            if done > 0 && done % PROGRESS_TILES == 0 {
                say::note(format_args!("{done} of {} files", missing.len()));
            }
            let path = format!("{TILES}{tile}");
            let bytes =
                self.read(&path, "application/octet-stream", audit_log::source::FILE_BYTES_MAX).await?;
            sink.write(&tile.to_string(), &bytes).with_context(|| format!("cannot write {tile}"))?;
        }
        sink.write(CHECKPOINT_PATH, newest.note.as_bytes()).context("cannot write the checkpoint")
    }

    /// Reads an answer; waits when the server says that it was asked too often.
    async fn read(&self, path: &str, accept: &'static str, bytes_max: usize) -> Result<Vec<u8>> {
        let uri = self.endpoint(path)?;
        for _ in 0..AGAIN_TIMES_MAX {
            match export::ask_by(&self.client, &uri, &self.key, accept).await {
                Ok(response) => {
                    let body = Limited::new(response.into_body(), bytes_max).collect().await;
                    let body = body.map_err(|error| anyhow::anyhow!("{uri}: {error}"))?;
                    return Ok(body.to_bytes().to_vec());
                }
                Err(error) if is_too_often(&error) => {
                    tokio::time::sleep(Duration::from_secs(AGAIN_SECONDS)).await;
                }
                Err(error) => return Err(error),
            }
        }
        bail!(
            "{uri}: the server is asked too often, by others too; what was fetched is kept for the next try"
        )
    }
}

fn is_too_often(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refused>().is_some_and(|refused| refused.status == StatusCode::TOO_MANY_REQUESTS)
}

/// The tiles of a log of this size that neither the copy nor an earlier try has.
fn missing(copy: &DirSource, work: &DirSource, size: u64) -> Result<Vec<TilePath>> {
    let mut missing = Vec::new();
    for tile in tiles_for(size) {
        let path = tile.to_string();
        let there = |place: &DirSource| place.read(&path).map(|file| file.is_some());
        if !there(copy)? && !there(work)? {
            missing.push(tile);
        }
    }
    Ok(missing)
}

/// Lets `work` have the files of the copy that do not change, without copying them.
fn share(copy: &Path, work: &Path) -> Result<()> {
    let failed = || format!("cannot put the copy's files into {}", work.display());
    link_all(&copy.join("tile"), &work.join("tile")).with_context(failed)?;
    for name in [VKEY_FILE, folder::INSTANCE_VKEY_FILE, audit_log::ANCHOR_PATH] {
        let from = copy.join(name);
        if from.is_file() {
            link(&from, &work.join(name)).with_context(failed)?;
        }
    }
    Ok(())
}

fn link_all(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    if !from.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link_all(&entry.path(), &target)?;
        } else {
            link(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// A second name for a file that nobody changes in place; a copy where the disk has no such names.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // Whole or not at all: half a file would be taken for what the server said.
        Err(_) => files::write_atomically(to, &std::fs::read(from)?, FILE_MODE),
    }
}
