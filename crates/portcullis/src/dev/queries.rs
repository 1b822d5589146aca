//! `.sqlx`: what the compiler needs to know of each statement, so that a build needs no database.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};
use sqlx::Connection as _;
use store::schema;
use tokio::process::Command;

use crate::home::{Home, owner_login};
use crate::settings::{Environment, Faults, Place, PlaceArgs};
use crate::{database, say};

use super::{Scratch, open, url};

/// The file whose time tells cargo that the crate must be compiled again.
const TOUCHED: &str = "crates/store/src/lib.rs";
/// The migrations of the working tree: some may be newer than this build.
const MIGRATIONS: &str = "crates/store/migrations";
/// Files that say what was prepared.
const PREFIX: &str = "query-";

/// Prepares every statement of `store` against a fresh database; compares or replaces `.sqlx` in the working tree.
///
/// # Errors
/// When a statement does not fit the schema, or, checking, when `.sqlx` is stale.
pub(crate) async fn prepare(check: bool, args: &PlaceArgs, environment: &dyn Environment) -> Result<()> {
    let root = std::env::current_dir().context("the working directory is gone")?;
    if !root.join(TOUCHED).is_file() {
        bail!("run this in the root of the working tree: {TOUCHED} is not here");
    }
    let mut faults = Faults::default();
    let place = Place::read(args, environment, &mut faults);
    if !faults.0.is_empty() {
        return Err(faults.into());
    }
    let scratch = Scratch::new()?;
    let (home, _) = open(&place, &scratch.path().join("cluster")).await?;
    let connection = home.postgres.connection();
    let database = url(connection, connection.user, connection.password.expose())
        + "&options=-csearch_path%3Dportcullis";
    let touched = Touched::now(&root)?;
    let fresh = scratch.path().join("sqlx");
    std::fs::create_dir(&fresh).with_context(|| format!("cannot create {}", fresh.display()))?;
    let compiled = match apply_newer(&home, &root).await {
        Ok(()) => compile(&root, &database, &fresh).await,
        Err(error) => Err(error),
    };
    home.postgres.stop().await?;
    compiled?;
    let (now, before) = (read(&fresh)?, read(&root.join(".sqlx"))?);
    let stale: Vec<&String> = now
        .iter()
        .filter(|(name, text)| before.get(*name) != Some(*text))
        .map(|(name, _)| name)
        .chain(before.keys().filter(|name| !now.contains_key(*name)))
        .collect();
    if stale.is_empty() {
        // What is built was built with these: to compile it again would take minutes and change nothing.
        touched.undo()?;
    }
    if check {
        if stale.is_empty() {
            return Ok(say::out(format_args!("{} statements, all as prepared\n", now.len()))?);
        }
        bail!(
            "{} prepared statements are stale; run: portcullis dev prepare-queries (first: {})",
            stale.len(),
            stale.first().map_or("", |name| name.as_str())
        );
    }
    replace(&root.join(".sqlx"), &now, &before)?;
    say::out(format_args!("{} statements prepared, {} files changed\n", now.len(), stale.len()))?;
    Ok(())
}

async fn apply_newer(home: &Home, root: &Path) -> Result<()> {
    let mut owner = database::connect(&owner_login(&home.postgres)).await?;
    let applied = schema::apply_newer(&mut owner, &root.join(MIGRATIONS)).await;
    let _ = owner.close().await;
    applied.context("the working tree's migrations could not be applied")
}

/// A file as old as now, so that its crate is compiled again, and how old it was.
struct Touched {
    path: PathBuf,
    before: SystemTime,
}

impl Touched {
    fn now(root: &Path) -> Result<Self> {
        let path = root.join(TOUCHED);
        let before = path.metadata().and_then(|file| file.modified());
        let before = before.with_context(|| format!("cannot look at {}", path.display()))?;
        #[expect(clippy::disallowed_methods, reason = "a file's time is the machine's affair")]
        set_modified(&path, SystemTime::now())?;
        Ok(Self { path, before })
    }

    /// The file is as old as it was.
    fn undo(self) -> Result<()> {
        set_modified(&self.path, self.before)
    }
}

fn set_modified(path: &Path, at: SystemTime) -> Result<()> {
    let file = std::fs::File::options().append(true).open(path);
    file.and_then(|file| file.set_modified(at)).with_context(|| format!("cannot touch {}", path.display()))
}

/// Compiles the store with a database at hand, which makes its macros write what they learn.
async fn compile(root: &Path, database: &str, into: &Path) -> Result<()> {
    let status = Command::new("cargo")
        .args(["check", "--quiet", "--locked", "--package", "store"])
        .current_dir(root)
        .env("DATABASE_URL", database)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", into)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .await
        .context("cargo could not be run")?;
    if status.success() { Ok(()) } else { bail!("the store's statements do not fit the schema ({status})") }
}

/// The files of a `.sqlx` by name; nothing where there is no such folder.
fn read(dir: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(files),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", dir.display())),
    };
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", dir.display()))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with(PREFIX) {
            let text =
                std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            files.insert(name, text);
        }
    }
    Ok(files)
}

fn replace(dir: &Path, now: &BTreeMap<String, String>, before: &BTreeMap<String, String>) -> Result<()> {
    let failed = |path: PathBuf| move || format!("cannot change {}", path.display());
    std::fs::create_dir_all(dir).with_context(failed(dir.to_owned()))?;
    for name in before.keys().filter(|name| !now.contains_key(*name)) {
        let path = dir.join(name);
        std::fs::remove_file(&path).with_context(failed(path))?;
    }
    for (name, text) in now.iter().filter(|(name, text)| before.get(*name) != Some(*text)) {
        let path = dir.join(name);
        std::fs::write(&path, text).with_context(failed(path))?;
    }
    Ok(())
}
