//! `portcullis dev`: for those who work on Portcullis itself.

mod queries;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use crypto::{InstanceKey, SystemRng};
use kernel::Rng as _;
use serde_json::json;
use store::schema::{self, EMBEDDED_DATABASE};

use crate::embedded::{Connection, files};
use crate::settings::{Environment, Faults, Place, PlaceArgs};
use crate::signals::Signals;
use crate::{home, say};

pub(crate) use queries::prepare;

/// What developers do.
#[derive(clap::Subcommand, Debug)]
pub enum DevCommand {
    /// Check the SQL of the store against the real schema and write `.sqlx`, from which it is compiled elsewhere.
    PrepareQueries {
        /// Write nothing; fail when `.sqlx` is not what it would be.
        #[arg(long)]
        check: bool,
        /// Where PostgreSQL is.
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Print docs/roles.md, made of the table of roles and permissions.
    Roles,
    /// Print the table of permissions in docs/keys.md, made of the table of roles and permissions.
    KeyPermissions,
    /// Print docs/events.md, made of the catalogue of events.
    Events,
    /// Print the paths of the console, one a line, as its router has them.
    Pages,
    /// Run a migrated database until standard input ends, and print its URLs as JSON.
    Database {
        /// Keep the cluster in this directory; without it, it is removed at the end.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Where PostgreSQL is.
        #[command(flatten)]
        place: PlaceArgs,
    },
}

/// A directory that is removed at the end.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("portcullis-dev-{}", files::random_name()?));
        // PostgreSQL's own account must be able to pass through.
        files::make_dir(&dir, 0o711).with_context(|| format!("cannot create {}", dir.display()))?;
        Ok(Self(dir))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            say::note(format_args!("{} could not be removed: {error}", self.0.display()));
        }
    }
}

/// A migrated database of its own, with a cluster below `cluster_in` and bundles where they usually are.
pub(super) async fn open(place: &Place, cluster_in: &Path) -> Result<(home::Home, InstanceKey)> {
    let key = InstanceKey::from_bytes(SystemRng.bytes32()).context("no random key could be made")?;
    let tell = |line: &str| say::note(line);
    let home = home::open_migrated_in(place, cluster_in, &key, &tell).await?;
    Ok((home, key))
}

/// `portcullis dev database`.
///
/// # Errors
/// When the database cannot be opened.
pub(crate) async fn database(
    dir: Option<PathBuf>,
    args: &PlaceArgs,
    environment: &dyn Environment,
) -> Result<()> {
    let mut faults = Faults::default();
    let place = Place::read(args, environment, &mut faults);
    if !faults.0.is_empty() {
        return Err(faults.into());
    }
    let scratch = if dir.is_none() { Some(Scratch::new()?) } else { None };
    let cluster = match (&dir, &scratch) {
        (Some(dir), _) => dir.clone(),
        (None, Some(scratch)) => scratch.path().join("cluster"),
        (None, None) => place.cluster_dir(),
    };
    let (home, key) = open(&place, &cluster).await?;
    let passwords = schema::RolePasswords::derive(&key);
    let connection = home.postgres.connection();
    let of = |user: &str, password: &str| url(connection, user, password);
    say::json_line(&json!({
        "superuser_url": of(connection.user, connection.password.expose()),
        "app_url": of(schema::APP_ROLE, &passwords.app),
        "system_url": of(schema::SYSTEM_ROLE, &passwords.system),
        "encryption_key": key.to_base64().as_str(),
        "schema": { "applied": home.prepared.applied, "total": home.prepared.total },
    }))?;
    let mut signals = Signals::take()?;
    let input = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    tokio::select! {
        _ = input => {}
        () = signals.wait() => {}
    }
    home.postgres.stop().await?;
    Ok(())
}

/// The URL of the embedded database over its socket.
pub(super) fn url(connection: &Connection, user: &str, password: &str) -> String {
    let host = percent(&connection.socket_dir.display().to_string());
    format!(
        "postgres://{}:{}@{host}:{}/{EMBEDDED_DATABASE}?sslmode=disable",
        percent(user),
        percent(password),
        connection.port
    )
}

/// Percent-encodes everything a URL's authority could stumble over (RFC 3986 §2.1).
fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&crypto::hex(&[byte]).to_ascii_uppercase());
        }
        out
    })
}
