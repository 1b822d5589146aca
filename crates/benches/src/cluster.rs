//! A private cluster for as long as a benchmark runs, and the gates over it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use crypto::{InstanceKey, SystemRng};
use gates::{AuthMode, ClaimsKey, Vault, VaultOptions};
use kernel::{Rng as _, SystemClock};
use portcullis::embedded::{Cluster, Options, Search, fetch, find};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use store::schema::{self, RolePasswords};

use crate::cpu;

/// Starts a cluster, works with its owner's login and the id of its process, and removes it.
pub(crate) async fn with<T>(
    work: impl AsyncFnOnce(PgConnectOptions, u32) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let data = std::env::temp_dir().join(format!("portcullis-bench-{}", std::process::id()));
    std::fs::create_dir_all(&data)?;
    let mut search = Search::new(&data);
    search.fetch = Some(fetch::Fetch {
        cache_dir: Some(Path::new("target").join("pg-cache")),
        ..fetch::Fetch::new(&data)
    });
    let home = find(&search, &|line| eprintln!("{line}")).await?;
    let running = Cluster::open(&home, &data.join("cluster"), &Options::default()).await?;
    let connection = running.connection();
    let owner = PgConnectOptions::new()
        .socket(&connection.socket_dir)
        .port(connection.port)
        .username(connection.user)
        .password(connection.password.expose())
        .database(connection.database);
    let postgres = cpu::postmaster(&data).context("the server's process is not known")?;
    let worked = work(owner, postgres).await;
    running.stop().await?;
    std::fs::remove_dir_all(&data)?;
    worked
}

/// Makes the schema and opens the gates over it.
pub(crate) async fn vault(owner: &PgConnectOptions, app: u32, system: u32) -> anyhow::Result<Arc<Vault>> {
    let key = InstanceKey::from_bytes(SystemRng.bytes32())?;
    let mut connection = PgConnection::connect_with(owner).await?;
    let passwords = RolePasswords::derive(&key);
    schema::prepare(&mut connection, &ClaimsKey::new(&key), Some(&passwords)).await?;
    let role = |name: &str, password: &str| owner.clone().username(name).password(password);
    Ok(Vault::open(VaultOptions {
        app: role(schema::APP_ROLE, &passwords.app),
        system: role(schema::SYSTEM_ROLE, &passwords.system),
        app_connections_max: app,
        system_connections_max: system,
        instance_key: key,
        issuer: "http://localhost".to_owned(),
        auth: AuthMode::Db,
        static_keys: Vec::new(),
        authorizer: None,
        reader: None,
        clock: Arc::new(SystemClock),
        rng: Arc::new(SystemRng),
    })
    .await?)
}
