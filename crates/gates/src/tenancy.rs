//! Gate three: a transaction in which the database itself shows one tenant's rows and no others.

use std::sync::Arc;

use kernel::{Clock, RequestId, TenantId};
use sqlx::postgres::PgConnection;

use crate::claims::ClaimsKey;
use crate::pool::{DatabaseError, Lease, Pool};

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    ReadOnly,
    ReadWrite,
    /// Writes with statements of this crate alone, none of them prepared.
    Append,
}

/// Undoes what the last transaction may have left in the session: cursors held open, settings made for longer than
/// itself. Statements of this code leave nothing; injected ones could leave a trap, or a parcel to be picked up.
const SWEEP: &str = "close all; reset all";
/// Fails when somebody prepared a statement in SQL, as nothing here does: under the name of one of the driver's, it
/// would run with the next tenant's claims.
const NO_TRAPS: &str = "select 1 / (count(*) = 0)::int from pg_prepared_statements where from_sql";
/// Connections tried before the transaction is given up: an idle one may have died with the server since.
const BEGIN_TRIES_MAX: usize = 2;

/// One transaction of one tenant.
///
/// It cannot be made outside this crate, and it cannot be committed at all: only sealing the pass it belongs to does
/// that. Dropped, it rolls back.
pub struct Tx {
    lease: Lease,
    tenant: TenantId,
    request: RequestId,
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
        request: &RequestId,
        access: Access,
    ) -> Result<Tx, DatabaseError> {
        let mut tries = 1;
        loop {
            let mut lease = self.pool.lease().await?;
            let claims = set_claims(&self.claims.sign(tenant, request, self.clock.now(), lease.backend()));
            let opened = match access {
                Access::ReadOnly => lease.run(format!("{SWEEP}; {NO_TRAPS}; begin read only; {claims}")),
                Access::ReadWrite => lease.run(format!("{SWEEP}; {NO_TRAPS}; begin; {claims}")),
                Access::Append => lease.run(format!("{SWEEP}; begin; {claims}")),
            };
            match opened.await {
                Ok(()) => return Ok(Tx { lease, tenant, request: request.clone(), keys: Arc::clone(self) }),
                Err(error) => {
                    lease.discard();
                    if tries == BEGIN_TRIES_MAX {
                        return Err(error);
                    }
                    tracing::debug!(%error, "a connection is closed and another one tried");
                    tries += 1;
                }
            }
        }
    }
}

/// Claims are made of UUIDs, digits, hex and request ids, none of which can hold a quote.
pub(crate) fn set_claims(claims: &str) -> String {
    format!("select set_config('request.jwt.claims', '{claims}', true)")
}

impl Tx {
    /// Whose rows this transaction sees.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The connection, for the SQL in `store`. Every statement there also says `tenant_id = $1`.
    pub fn connection(&mut self) -> &mut PgConnection {
        self.lease.connection()
    }

    /// Signs the claims anew, for long reads that outlive [`kernel::limits::CLAIMS_SECONDS`].
    pub async fn renew(&mut self) -> Result<(), DatabaseError> {
        let now = self.keys.clock.now();
        let claims = self.keys.claims.sign(self.tenant, &self.request, now, self.lease.backend());
        self.lease.run(set_claims(&claims)).await
    }

    /// Runs `last` and commits, in one round trip. On any error nothing was committed.
    pub(crate) async fn finish(mut self, last: &str) -> Result<(), DatabaseError> {
        match self.lease.run(format!("{last}; commit")).await {
            Ok(()) => {
                self.lease.give_back();
                Ok(())
            }
            // The drop of the lease rolls back.
            Err(error) => Err(error),
        }
    }
}
