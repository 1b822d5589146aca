//! The house's own connection pool. Private to this crate: who has no pass has no connection.
//!
//! Ours, because a transaction's claims are signed for the backend that runs it, so each connection must know its
//! backend's process id, and because BEGIN and COMMIT are gates three and five and belong to nobody else.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crypto::InstanceKey;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection, Row as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::audit::Row;

/// Longest wait for a free connection, in milliseconds. Past it the caller is told to try again.
const LEASE_WAIT_MILLIS_MAX: u64 = 5_000;
/// Longest wait for a new connection to be made, in milliseconds.
const CONNECT_MILLIS_MAX: u64 = 5_000;

/// The target of the event that each statement begins with, at the level `trace`: how many a work takes does not depend
/// on how busy the machine is.
pub const STATEMENTS: &str = "gates::statements";

/// The database could not be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Every connection stayed busy for too long.
    #[error("no database connection became free in time")]
    Busy,
    /// A connection could not be made in time.
    #[error("the database did not answer in time")]
    Unreachable,
    /// The database refused or failed.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    /// A stored key does not open, or none could be sealed.
    #[error("a stored key does not open under this ENCRYPTION_KEY")]
    Unreadable,
}

pub(crate) struct Conn {
    inner: PgConnection,
    backend: i32,
    /// Whether no statement but this crate's own has run since it was made or swept.
    clean: bool,
}

/// At most `size` connections under one login role.
pub(crate) struct Pool {
    options: PgConnectOptions,
    /// The same login with the password of the other key, while `ENCRYPTION_KEY` is being changed.
    other: Option<PgConnectOptions>,
    idle: Mutex<Vec<Conn>>,
    permits: Arc<Semaphore>,
}

impl Pool {
    /// `key` is the instance's: while it is being changed, the roles may still, or already, have the password that belongs to
    /// the other one.
    pub(crate) fn new(options: PgConnectOptions, key: &InstanceKey, size: u32) -> Arc<Self> {
        // pg_temp last: a temporary table must never shadow a real one.
        // Statements are not logged, not even slow ones: those of this crate hold entries and claims.
        let options = options
            .options([("search_path", "portcullis,pg_temp")])
            .application_name("portcullis")
            .disable_statement_logging();
        let permits = Arc::new(Semaphore::new(size as usize));
        let other = other_login(&options, key);
        Arc::new(Self { options, other, idle: Mutex::default(), permits })
    }

    /// Takes a connection, making one when none is idle. One that others have used, when there is one, so that the
    /// clean ones stay clean.
    pub(crate) async fn lease(self: &Arc<Self>) -> Result<Lease, DatabaseError> {
        self.take(false).await
    }

    /// Takes a connection that is clean, when there is one: see [`Lease::is_clean`].
    pub(crate) async fn lease_clean(self: &Arc<Self>) -> Result<Lease, DatabaseError> {
        self.take(true).await
    }

    async fn take(self: &Arc<Self>, clean: bool) -> Result<Lease, DatabaseError> {
        let wait = Duration::from_millis(LEASE_WAIT_MILLIS_MAX);
        let permit = tokio::time::timeout(wait, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| DatabaseError::Busy)?
            .map_err(|_| DatabaseError::Busy)?;
        let conn = match self.take_idle(clean) {
            Some(conn) => conn,
            None => tokio::time::timeout(Duration::from_millis(CONNECT_MILLIS_MAX), self.connect())
                .await
                .map_err(|_| DatabaseError::Unreachable)??,
        };
        Ok(Lease { conn: Some(conn), pool: Arc::clone(self), permit: Some(permit) })
    }

    fn take_idle(&self, clean: bool) -> Option<Conn> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        match idle.iter().rposition(|conn| conn.clean == clean) {
            Some(index) => Some(idle.swap_remove(index)),
            None => idle.pop(),
        }
    }

    async fn connect(&self) -> Result<Conn, DatabaseError> {
        let mut inner = match (PgConnection::connect_with(&self.options).await, &self.other) {
            (Err(error), Some(other)) if is_wrong_password(&error) => {
                PgConnection::connect_with(other).await?
            }
            (connected, _) => connected?,
        };
        let backend: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut inner).await?;
        Ok(Conn { inner, backend, clean: true })
    }

    /// Closes idle connections and refuses further leases.
    pub(crate) fn close(&self) {
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The login as it is under the other key of the instance, while that is being changed; `None` otherwise.
pub fn other_login(login: &PgConnectOptions, key: &InstanceKey) -> Option<PgConnectOptions> {
    let password = key.other()?.role_password(login.get_username());
    Some(login.clone().password(&password))
}

/// Whether the database refused the password (SQLSTATE 28P01) or the login as a whole (28000).
pub fn is_wrong_password(error: &sqlx::Error) -> bool {
    matches!(
        error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref(),
        Some("28P01" | "28000")
    )
}

/// A connection on loan. It goes back only when told that its transaction is over; dropped otherwise, it is rolled
/// back in the background, or closed where there is no runtime to do that.
pub(crate) struct Lease {
    conn: Option<Conn>,
    pool: Arc<Pool>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Lease {
    #[expect(
        clippy::expect_used,
        reason = "the connection leaves only with the lease itself, in give_back and drop"
    )]
    fn conn(&mut self) -> &mut Conn {
        self.conn.as_mut().expect("a lease holds its connection until it is consumed")
    }

    /// The connection, for a statement of another crate. From here on it counts as used.
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        self.conn().clean = false;
        self.own_statement()
    }

    /// The connection, for a fixed statement of this crate.
    pub(crate) fn own_statement(&mut self) -> &mut PgConnection {
        tracing::trace!(target: STATEMENTS, "a statement begins");
        &mut self.conn().inner
    }

    /// Whether nothing but statements of this crate has run on it, so that nothing can have been left behind.
    pub(crate) fn is_clean(&self) -> bool {
        self.conn.as_ref().is_some_and(|conn| conn.clean)
    }

    pub(crate) fn backend(&self) -> i32 {
        self.conn.as_ref().map_or(0, |conn| conn.backend)
    }

    /// Runs statements built in this crate from numbers, UUIDs, hex and words of fixed alphabets, in one round trip.
    pub(crate) async fn run(&mut self, sql: String) -> Result<(), DatabaseError> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(self.own_statement()).await?;
        Ok(())
    }

    /// Writes the entry and commits, in one round trip; says whether the transaction moved the epoch.
    pub(crate) async fn seal(&mut self, entry: &Row) -> Result<bool, DatabaseError> {
        let sql = format!("{}; commit", entry.append_statement());
        let told = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(self.own_statement()).await?;
        let moved: Option<&str> = told.first().map(|row| row.try_get(0)).transpose()?.flatten();
        Ok(moved == Some("1"))
    }

    /// Returns a connection that is outside any transaction and, as far as is known, as new: just made or swept, with
    /// nothing but this crate's statements since.
    pub(crate) fn give_back_clean(mut self) {
        self.conn().clean = true;
        self.give_back();
    }

    /// Returns a connection that is outside any transaction.
    pub(crate) fn give_back(mut self) {
        if let Some(conn) = self.conn.take() {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
        }
    }

    /// Closes the connection, whose state is not known, and the idle ones with it: after a restart of the server
    /// they are all dead.
    pub(crate) fn discard(mut self) {
        self.conn = None;
        self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (Some(mut conn), Ok(runtime)) = (self.conn.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let pool = Arc::clone(&self.pool);
        // The place is taken until the rollback is over: a connection made meanwhile would be one too many.
        let permit = self.permit.take();
        runtime.spawn(async move {
            // A connection that cannot roll back is simply closed; the server then does it.
            if sqlx::raw_sql("rollback").execute(&mut conn.inner).await.is_ok() && !pool.permits.is_closed() {
                pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
            }
            drop(permit);
        });
    }
}
