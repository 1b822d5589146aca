use std::sync::Arc;

use crypto::{Envelope, InstanceKey, Place};
use kernel::{Clock, Gate, Problem, ProblemKind, RequestId, Rng, TenantId};
use sqlx::Row as _;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::Notify;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::audit::{Receipt, Row};
use crate::authority::{Authorities, Authorizer, ModelError};
use crate::claims::ClaimsKey;
use crate::data_keys::DataKeyMemory;
use crate::guard::{self, GuardError};
use crate::identity::{AuthMode, StaticKey};
use crate::ledger::Ledger;
use crate::months;
use crate::personal::KeyMemory;
use crate::pool::{DatabaseError, Pool};
use crate::principal::Principal;
use crate::privacy::Rules;
use crate::seen::{self, Seen};
use crate::tenancy::Tenancy;
use crate::token::{self, Memory};

/// What the gates stand on.
pub struct VaultOptions {
    /// How to reach the database as the application role.
    pub app: PgConnectOptions,
    /// How to reach it as the system role.
    pub system: PgConnectOptions,
    /// Most connections of the application role.
    pub app_connections_max: u32,
    /// Most connections of the system role.
    pub system_connections_max: u32,
    /// The instance's root key.
    pub instance_key: InstanceKey,
    /// This server's public URL, which is issuer and audience of its access tokens.
    pub issuer: String,
    /// How API callers are recognised.
    pub auth: AuthMode,
    /// The static list of keys.
    pub static_keys: Vec<StaticKey>,
    /// Who is asked, beside the engine of this process, what may be done.
    pub authorizer: Option<Arc<dyn Authorizer>>,
    /// What reads sentences a second time for organizations that ask for it.
    pub reader: Option<Arc<dyn pii::Reader>>,
    /// Where the present comes from.
    pub clock: Arc<dyn Clock>,
    /// Where chance comes from.
    pub rng: Arc<dyn Rng>,
}

/// The gates could not be set up, so the server must not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database cannot be used.
    #[error("the database cannot be used: {0}")]
    Database(#[from] DatabaseError),
    /// The database would not hold the tenants apart.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// This program's own model of permissions is broken.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// `ENCRYPTION_KEY` is not the one this database was set up with.
    #[error("ENCRYPTION_KEY is not the key this database was set up with; start with the original key")]
    WrongKey,
}

/// The five gates over one database. Owns the connections; everything goes through here.
pub struct Vault {
    pub(crate) tenancy: Arc<Tenancy>,
    pub(crate) system: Arc<Pool>,
    pub(crate) memory: Memory,
    pub(crate) authorities: Authorities,
    pub(crate) beside: Option<Arc<dyn Authorizer>>,
    pub(crate) seen: Seen,
    pub(crate) subject_keys: KeyMemory,
    pub(crate) data_keys: DataKeyMemory,
    pub(crate) issuer: String,
    pub(crate) mode: AuthMode,
    pub(crate) static_keys: Vec<StaticKey>,
    pub(crate) instance: TenantId,
    pub(crate) scanner: pii::Scanner,
    pub(crate) reader: Option<crate::privacy::SharedReader>,
    pub(crate) packs: crate::constraint::Kept,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    envelope: Envelope,
    blind: Zeroizing<[u8; 32]>,
    other_blind: Option<Zeroizing<[u8; 32]>>,
    ledger: Ledger,
    written: Arc<Notify>,
}

impl Vault {
    /// Connects, refuses a database that would not hold the tenants apart, checks `ENCRYPTION_KEY`, and starts the
    /// writer of entries and the watch over remembered lookups.
    pub async fn open(options: VaultOptions) -> Result<Arc<Self>, OpenError> {
        let tenancy = Arc::new(Tenancy {
            pool: Pool::new(options.app, &options.instance_key, options.app_connections_max),
            claims: ClaimsKey::new(&options.instance_key),
            clock: Arc::clone(&options.clock),
        });
        // Its queries all go by an index, into tables whose length changes too fast for statistics: a plan that reads
        // the queue from end to end, made while it was empty, would be kept while it is long.
        let by_index = options.system.options([("enable_seqscan", "off"), ("enable_bitmapscan", "off")]);
        let system = Pool::new(by_index, &options.instance_key, options.system_connections_max);
        let authorities = Authorities::new()?;
        guard::check(&tenancy.pool, &system, &authorities.adopts).await?;
        months::make(&system).await?;
        let envelope = options.instance_key.envelope();
        let blind = options.instance_key.derive("blind/v1");
        let other_blind = options.instance_key.other().map(|key| key.derive("blind/v1"));
        let instance = know_instance(&system, &envelope, &*options.clock, &*options.rng).await?;
        guard::try_claims(&tenancy, instance, &*options.rng).await?;
        let written = Arc::new(Notify::new());
        let vault = Arc::new(Self {
            ledger: Ledger::start(Arc::clone(&tenancy), Arc::clone(&written)),
            tenancy,
            system,
            memory: Memory::new(),
            authorities,
            beside: options.authorizer,
            seen: Seen::default(),
            subject_keys: KeyMemory::default(),
            data_keys: DataKeyMemory::default(),
            issuer: options.issuer,
            mode: options.auth,
            static_keys: options.static_keys,
            instance,
            scanner: pii::Scanner::new(),
            reader: options.reader.map(crate::privacy::SharedReader::new),
            packs: crate::constraint::Kept::default(),
            clock: options.clock,
            rng: options.rng,
            envelope,
            blind,
            other_blind,
            written,
        });
        tokio::spawn(token::watch(Arc::downgrade(&vault)));
        tokio::spawn(seen::write(Arc::downgrade(&vault)));
        tokio::spawn(months::keep(Arc::downgrade(&vault)));
        Ok(vault)
    }

    /// The instance's id, which is also the tenant id of the instance's own log.
    pub fn instance(&self) -> TenantId {
        self.instance
    }

    /// The envelope for stored secrets.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// A value by which something can be found and counted without being kept: HMAC-SHA-256 under a key of this instance,
    /// apart for every `purpose`.
    pub fn blind(&self, purpose: &str, value: &[u8]) -> [u8; 32] {
        blind(&self.blind, purpose, value)
    }

    /// Whether `mac` is what [`Vault::blind`] gives, or what it gave under the other key while that is being changed.
    pub fn is_blind(&self, purpose: &str, value: &[u8], mac: &[u8]) -> bool {
        let made_with = |key: &Zeroizing<_>| crypto::same(&blind(key, purpose, value), mac);
        made_with(&self.blind) || self.other_blind.as_ref().is_some_and(made_with)
    }

    /// Whether `ENCRYPTION_KEY` is being changed: there is another key beside it.
    pub fn is_key_changing(&self) -> bool {
        self.other_blind.is_some()
    }

    /// Where the present comes from.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Where chance comes from.
    pub fn rng(&self) -> &dyn Rng {
        &*self.rng
    }

    /// How callers are recognised.
    pub fn auth_mode(&self) -> AuthMode {
        self.mode
    }

    /// The PII policy in force for this caller's organization, to say how the fourth gate stands.
    ///
    /// # Errors
    /// When it cannot be read, in which case nothing that needs it is done either.
    pub async fn policy_of(&self, principal: &Principal) -> Result<Arc<Rules>, Problem> {
        self.policy(principal.tenant()).await
    }

    /// Whether there is a second reader for the rules of organizations that ask for one.
    pub fn reads_deep(&self) -> bool {
        self.reader.is_some()
    }

    /// Resolves when entries were committed here since the last call; other processes' entries are found by polling.
    pub async fn entries_written(&self) {
        self.written.notified().await;
    }

    /// A number that moves whenever what is remembered of the database must be dropped; `None` while that cannot be
    /// known, in which case nothing remembered may be used.
    pub fn memory_generation(&self) -> Option<u64> {
        self.memory.vouched().then(|| self.memory.generation())
    }

    /// Whether the database answers.
    pub async fn ready(&self) -> Result<(), DatabaseError> {
        for pool in [&self.tenancy.pool, &self.system] {
            let mut lease = pool.lease().await?;
            lease.run("select 1".to_owned()).await?;
            lease.give_back();
        }
        Ok(())
    }

    /// Closes idle connections. Transactions under way finish; new ones are refused.
    pub fn close(&self) {
        self.tenancy.pool.close();
        self.system.close();
    }

    /// After a change of this process: lookups it made stale, as the database said at the commit, are dropped now rather
    /// than at the next look.
    pub(crate) fn after_write(&self, stale: bool) {
        if stale {
            self.memory.forget();
        }
        self.written.notify_one();
    }

    pub(crate) async fn append(&self, row: Row) -> Result<Receipt, Problem> {
        let Some(request) = RequestId::parse(row.request_id()) else { return Err(Problem::internal()) };
        self.ledger.append(row, request).await.map_err(|_| {
            let detail = "It could not be written to the audit log, so it was not done.";
            Problem::at(Gate::Audit, ProblemKind::Unavailable, detail).retry_after(2)
        })
    }
}

fn blind(key: &[u8; 32], purpose: &str, value: &[u8]) -> [u8; 32] {
    let mut message = Vec::with_capacity(purpose.len() + 1 + value.len());
    message.extend_from_slice(purpose.as_bytes());
    message.push(0);
    message.extend_from_slice(value);
    crypto::hmac_sha256(key, &message)
}

/// The one row that says which instance this database belongs to; made at the first start.
async fn know_instance(
    system: &std::sync::Arc<Pool>,
    envelope: &Envelope,
    clock: &dyn Clock,
    rng: &dyn Rng,
) -> Result<TenantId, OpenError> {
    const CANARY: &[u8] = b"portcullis";
    let mut lease = system.lease().await?;
    let fresh = TenantId::new(clock, rng);
    let place = |row: &'static str| Place { tenant: None, table: "instance", column: "canary", row };
    let canary = envelope.seal(rng, &place("instance"), CANARY).map_err(|_| OpenError::WrongKey)?;
    sqlx::query("insert into instance (id, canary, created_at) values ($1, $2, $3) on conflict do nothing")
        .bind(fresh.uuid())
        .bind(canary)
        .bind(time::OffsetDateTime::from(clock.now()))
        .execute(lease.connection())
        .await
        .map_err(DatabaseError::from)?;
    let row = sqlx::query("select id, canary from instance")
        .fetch_one(lease.connection())
        .await
        .map_err(DatabaseError::from)?;
    let id: Uuid = row.try_get("id").map_err(DatabaseError::from)?;
    let canary: Vec<u8> = row.try_get("canary").map_err(DatabaseError::from)?;
    lease.give_back();
    let opened = envelope.open(&place("instance"), &canary).map_err(|_| OpenError::WrongKey)?;
    if opened.expose() != CANARY {
        return Err(OpenError::WrongKey);
    }
    Ok(TenantId::from_uuid(id))
}
