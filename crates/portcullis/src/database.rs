//! Connections of the command line's own: as the owner, to migrate; as a superuser, to verify.

use anyhow::{Context as _, Result};
use crypto::InstanceKey;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::embedded;

/// Longest wait for a connection, in seconds.
const CONNECT_SECONDS_MAX: u64 = 15;

/// Connects, without writing statements to the log: they can hold tenants' data.
///
/// # Errors
/// When the database does not answer or refuses the login.
pub(crate) async fn connect(options: &PgConnectOptions) -> Result<PgConnection> {
    let options = quiet(options.clone()).application_name("portcullis-cli");
    let connecting = PgConnection::connect_with(&options);
    let limit = std::time::Duration::from_secs(CONNECT_SECONDS_MAX);
    let connected = tokio::time::timeout(limit, connecting)
        .await
        .with_context(|| format!("the database did not answer within {CONNECT_SECONDS_MAX} s"))?;
    connected.with_context(|| format!("no connection to the database as {}", options.get_username()))
}

/// Connects as a serving role, whose password may belong to the other key while `ENCRYPTION_KEY` is being changed.
///
/// # Errors
/// As [`connect`].
pub(crate) async fn connect_serving(login: &PgConnectOptions, key: &InstanceKey) -> Result<PgConnection> {
    match (connect(login).await, gates::other_login(login, key)) {
        (Err(error), Some(other))
            if error.downcast_ref::<sqlx::Error>().is_some_and(gates::is_wrong_password) =>
        {
            connect(&other).await
        }
        (connected, _) => connected,
    }
}

/// The same login with nothing of its statements in the log.
pub(crate) fn quiet(options: PgConnectOptions) -> PgConnectOptions {
    options.disable_statement_logging()
}

/// The superuser's login of an embedded cluster, for one of its databases.
pub(crate) fn superuser(connection: &embedded::Connection, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(&connection.socket_dir)
        .port(connection.port)
        .username(connection.user)
        .password(connection.password.expose())
        .database(database)
        // Nothing but this machine's own socket is in between, and these servers are built without TLS.
        .ssl_mode(PgSslMode::Disable)
}
