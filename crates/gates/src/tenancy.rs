//! Gate three: a transaction in which the database itself shows one tenant's rows and no others.

use std::sync::Arc;

use kernel::{Clock, ProjectId, RequestId, TenantId};
use sqlx::postgres::PgConnection;

use crate::audit::{Columns, Row};
use crate::claims::ClaimsKey;
use crate::pool::{DatabaseError, Lease, Pool};

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    ReadOnly,
    ReadWrite,
}

/// Undoes what the last transaction may have left in the session: cursors held open, settings made for longer than
/// itself. Statements of this code leave nothing; injected ones could leave a trap, or a parcel to be picked up.
const SWEEP: &str = "close all; reset all";
/// Writes entries that have no transaction of their own.
const APPEND_ALL: &str = "select gate.append_all($1, $2, $3, $4, $5, $6, $7, $8)";
/// The same with personal values of some of them.
const APPEND_ALL_PERSONAL: &str =
    "select gate.append_all_personal($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
/// Connections tried before the transaction is given up: an idle one may have died with the server since.
const BEGIN_TRIES_MAX: usize = 2;

/// One transaction of one tenant.
///
/// It cannot be made outside this crate, and it cannot be committed at all: only sealing the pass it belongs to does
/// that. Dropped, it rolls back.
pub struct Tx {
    lease: Lease,
    tenant: TenantId,
    project: Option<ProjectId>,
    request: RequestId,
    by: Arc<[String]>,
    keys: Arc<Tenancy>,
}

/// What opening a tenant's transaction takes.
pub(crate) struct Tenancy {
    pub(crate) pool: Arc<Pool>,
    pub(crate) claims: ClaimsKey,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Tenancy {
    /// Opens a transaction with signed claims, in one round trip.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        tenant: TenantId,
        (request, by): (&RequestId, &Arc<[String]>),
        access: Access,
    ) -> Result<Tx, DatabaseError> {
        let begin = match access {
            Access::ReadOnly => "begin read only",
            Access::ReadWrite => "begin",
        };
        let mut tries = 1;
        loop {
            let mut lease = self.pool.lease().await?;
            let claims = self.claims.sign(tenant, (request, by), self.clock.now(), lease.backend());
            // The sweep is needed only after statements of `store`; those follow every time, so it always runs.
            match lease.run(format!("{SWEEP}; {begin}; select gate.open('{claims}')")).await {
                Ok(()) => {
                    let (request, by, keys) = (request.clone(), Arc::clone(by), Arc::clone(self));
                    return Ok(Tx { lease, tenant, project: None, request, by, keys });
                }
                Err(error) => tries = again(lease, tries, error)?,
            }
        }
    }

    /// Commits entries of one tenant that have no transaction of their own, in one round trip. When an answer is lost
    /// it is tried once more: had the first try been committed, the second meets its own ids and fails.
    pub(crate) async fn append(
        &self,
        tenant: TenantId,
        request: &RequestId,
        rows: &Columns<'_>,
    ) -> Result<(), DatabaseError> {
        let mut tries = 1;
        loop {
            let mut lease = self.pool.lease_clean().await?;
            let claims = self.claims.sign(tenant, (request, &[]), self.clock.now(), lease.backend());
            let written = async {
                if !lease.is_clean() {
                    // What follows is a prepared statement, so a trap must be found before it.
                    lease.run(format!("{SWEEP}; select gate.open('')")).await?;
                }
                let personal = &rows.personal;
                let none = personal.entries.is_empty();
                let query = sqlx::query(if none { APPEND_ALL } else { APPEND_ALL_PERSONAL })
                    .bind(claims)
                    .bind(tenant.uuid())
                    .bind(&rows.ids)
                    .bind(&rows.made)
                    .bind(&rows.kinds)
                    .bind(&rows.actors)
                    .bind(&rows.requests)
                    .bind(&rows.leaves);
                let query = if none {
                    query
                } else {
                    query
                        .bind(&personal.entries)
                        .bind(&personal.fields)
                        .bind(&personal.keys)
                        .bind(&personal.sealed)
                };
                query.execute(lease.own_statement()).await?;
                Ok(())
            };
            match written.await {
                Ok(()) => {
                    lease.give_back_clean();
                    return Ok(());
                }
                Err(error) => tries = again(lease, tries, error)?,
            }
        }
    }
}

/// Closes a connection that failed at the start of its work and counts the next try, or gives up.
fn again(lease: Lease, tries: usize, error: DatabaseError) -> Result<usize, DatabaseError> {
    lease.discard();
    if tries == BEGIN_TRIES_MAX {
        return Err(error);
    }
    tracing::debug!(%error, "a connection is closed and another one tried");
    Ok(tries + 1)
}

/// Claims are made of UUIDs, digits, hex and request ids, none of which can hold a quote.
fn set_claims(claims: &str) -> String {
    format!("select set_config('request.jwt.claims', '{claims}', true)")
}

impl Tx {
    /// Whose rows this transaction sees.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The project whose agents and keys the caller's credential reaches; `None` where it is of the whole organization.
    /// Statements over what belongs to a project say `$n is null or project_id = $n` with it.
    pub fn project(&self) -> Option<ProjectId> {
        self.project
    }

    /// The same transaction for a credential that is bound to a project.
    pub(crate) fn within(self, project: Option<ProjectId>) -> Self {
        Self { project, ..self }
    }

    /// The connection, for the SQL in `store`. Every statement there also says `tenant_id = $1`.
    pub fn connection(&mut self) -> &mut PgConnection {
        self.lease.connection()
    }

    /// The connection, for a fixed statement of this crate.
    pub(crate) fn lease(&mut self) -> &mut Lease {
        &mut self.lease
    }

    /// Signs the claims anew, for long reads that outlive [`kernel::limits::CLAIMS_SECONDS`].
    pub async fn renew(&mut self) -> Result<(), DatabaseError> {
        let now = self.keys.clock.now();
        let claims = self.keys.claims.sign(self.tenant, (&self.request, &self.by), now, self.lease.backend());
        self.lease.run(set_claims(&claims)).await
    }

    /// Ends every later statement of this transaction that takes longer than this, in milliseconds: for searches, whose
    /// cost is what somebody asks for.
    pub async fn limit_statements(&mut self, millis: u32) -> Result<(), DatabaseError> {
        self.lease.run(format!("set local statement_timeout = {millis}")).await
    }

    /// Writes the entry and commits, in one round trip; says whether the transaction made remembered lookups stale. On
    /// any error nothing was committed.
    pub(crate) async fn finish(mut self, entry: &Row) -> Result<bool, DatabaseError> {
        // Dropped on an error, the lease rolls back.
        let stale = self.lease.seal(entry).await?;
        self.lease.give_back();
        Ok(stale)
    }
}
