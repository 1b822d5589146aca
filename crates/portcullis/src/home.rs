//! The embedded PostgreSQL as the commands use it: found, opened, migrated.

use std::path::Path;

use anyhow::{Context as _, Result};
use crypto::InstanceKey;
use gates::ClaimsKey;
use sqlx::Connection as _;
use sqlx::postgres::PgConnectOptions;
use store::schema::{self, EMBEDDED_DATABASE, Prepared, RolePasswords};

use crate::database;
use crate::embedded::{Cluster, Options, Running, Search, find};
use crate::server::Logins;
use crate::settings::{Place, with_role};

/// Connections of PostgreSQL that are not the server's: command line, checks, its own superuser's reserve.
const SPARE_CONNECTIONS: u32 = 20;

/// The embedded PostgreSQL, running and migrated.
pub(crate) struct Home {
    /// The server.
    pub(crate) postgres: Running,
    /// What the migration did.
    pub(crate) prepared: Prepared,
}

/// Finds PostgreSQL and opens the cluster below the data directory, telling each step that takes time.
///
/// # Errors
/// When there is no usable PostgreSQL, or it does not start.
pub(crate) async fn open(
    place: &Place,
    connections: u32,
    tell: &(dyn Fn(&str) + Send + Sync),
) -> Result<Running> {
    let major = Cluster::major_of(&place.cluster_dir())?;
    open_cluster(&place.search(major), &place.cluster_dir(), place, connections, tell).await
}

async fn open_cluster(
    search: &Search,
    dir: &Path,
    place: &Place,
    connections: u32,
    tell: &(dyn Fn(&str) + Send + Sync),
) -> Result<Running> {
    let home = find(search, tell).await?;
    if search.major.is_none() {
        tell(&format!("making a PostgreSQL {} cluster in {}", home.version(), dir.display()));
    }
    let most = u16::try_from(connections + SPARE_CONNECTIONS).unwrap_or(u16::MAX).max(100);
    let options =
        Options { runtime_dir: place.runtime_dir.clone(), max_connections: most, ..Options::default() };
    Ok(Cluster::open(&home, dir, &options).await?)
}

/// Opens the cluster and brings its schema up to date.
///
/// # Errors
/// As [`open`], or when a migration fails.
pub(crate) async fn open_migrated(
    place: &Place,
    connections: u32,
    key: &InstanceKey,
    tell: &(dyn Fn(&str) + Send + Sync),
) -> Result<Home> {
    let postgres = open(place, connections, tell).await?;
    migrated(postgres, key).await
}

/// [`open_migrated`] with the cluster in another directory: a throw-away one, of any major version.
///
/// # Errors
/// As [`open_migrated`].
pub(crate) async fn open_migrated_in(
    place: &Place,
    dir: &Path,
    key: &InstanceKey,
    tell: &(dyn Fn(&str) + Send + Sync),
) -> Result<Home> {
    let postgres = open_cluster(&place.search(Cluster::major_of(dir)?), dir, place, 0, tell).await?;
    migrated(postgres, key).await
}

async fn migrated(postgres: Running, key: &InstanceKey) -> Result<Home> {
    match migrate(&postgres, key).await {
        Ok(prepared) => Ok(Home { postgres, prepared }),
        Err(error) => {
            // The migration's error is the one to tell.
            let _ = postgres.stop().await;
            Err(error)
        }
    }
}

async fn migrate(postgres: &Running, key: &InstanceKey) -> Result<Prepared> {
    let connection = postgres.connection();
    let mut cluster = database::connect(&database::superuser(connection, connection.database)).await?;
    schema::make_embedded_database(&mut cluster).await?;
    let _ = cluster.close().await;
    let mut owner = database::connect(&owner_login(postgres)).await?;
    let passwords = RolePasswords::derive(key);
    let prepared = schema::prepare(&mut owner, &ClaimsKey::new(key), Some(&passwords))
        .await
        .context("the database could not be migrated")?;
    let _ = owner.close().await;
    Ok(prepared)
}

/// The superuser's login for the database.
pub(crate) fn owner_login(postgres: &Running) -> PgConnectOptions {
    database::superuser(postgres.connection(), EMBEDDED_DATABASE)
}

/// The serving roles' logins.
pub(crate) fn logins(postgres: &Running, key: &InstanceKey) -> Logins {
    let passwords = RolePasswords::derive(key);
    let login = |role, password: &str| with_role(owner_login(postgres), role, password);
    Logins {
        app: login(schema::APP_ROLE, &passwords.app),
        system: login(schema::SYSTEM_ROLE, &passwords.system),
    }
}
