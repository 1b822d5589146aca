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
}

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
        let mut lease = self.pool.lease().await?;
        let claims = self.claims.sign(tenant, request, self.clock.now(), lease.backend());
        let mode = match access {
            Access::ReadOnly => "begin read only",
            Access::ReadWrite => "begin",
        };
        let opened = lease.run(format!("{mode}; {}", set_claims(&claims))).await;
        if let Err(error) = opened {
            lease.discard();
            return Err(error);
        }
        Ok(Tx { lease, tenant, request: request.clone(), keys: Arc::clone(self) })
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
