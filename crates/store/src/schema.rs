//! Roles and tables, made and kept up to date by the owner's connection. Runs at set-up and at each upgrade, never
//! while serving: the serving roles own nothing.

use gates::ClaimsKey;
use sqlx::Connection;
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::postgres::PgConnection;
use zeroize::Zeroizing;

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// The role that owns the schema. Nobody logs in as it.
pub const OWNER_ROLE: &str = "portcullis_owner";
/// The role that serves tenants.
pub const APP_ROLE: &str = "portcullis_app";
/// The role that looks keys up and keeps the logs.
pub const SYSTEM_ROLE: &str = "portcullis_system";

/// The schema could not be made or brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A statement failed.
    #[error("the schema could not be prepared: {0}")]
    Sql(#[from] sqlx::Error),
    /// A migration failed or does not match what was applied before.
    #[error("a migration could not be applied: {0}")]
    Migrate(#[from] MigrateError),
    /// This program's own model of permissions is broken.
    #[error(transparent)]
    Model(#[from] gates::ModelError),
    /// The roles exist, but this login may not use them.
    #[error(
        "the role {0} is missing and this login may not create roles; create it, or use a login that may"
    )]
    MissingRole(&'static str),
}

/// Passwords the two serving roles log in with.
pub struct RolePasswords {
    /// For [`APP_ROLE`].
    pub app: Zeroizing<String>,
    /// For [`SYSTEM_ROLE`].
    pub system: Zeroizing<String>,
}

impl RolePasswords {
    /// The passwords that belong to an instance key, so that nothing more has to be kept or configured.
    pub fn derive(key: &crypto::InstanceKey) -> Self {
        Self { app: key.role_password(APP_ROLE), system: key.role_password(SYSTEM_ROLE) }
    }
}

/// What a run of [`prepare`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prepared {
    /// Migrations applied now.
    pub applied: usize,
    /// Migrations in all.
    pub total: usize,
}

/// How the schema of a database compares with this program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// There is no schema yet.
    Absent,
    /// Migrations are missing.
    Behind {
        /// Migrations in the database.
        applied: usize,
        /// Migrations of this program.
        total: usize,
    },
    /// It is exactly this program's.
    Current {
        /// Migrations of this program.
        total: usize,
    },
    /// It has a migration this program does not know, or another version of one: it belongs to a newer or another build.
    Foreign {
        /// Number of the first such migration.
        version: i64,
    },
}

/// Compares the schema with this program's. Any login may ask that may read the list of migrations: the owner's and
/// the system role's.
pub async fn standing(conn: &mut PgConnection) -> Result<Standing, SchemaError> {
    let exists: bool = sqlx::query_scalar(
        "select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         where n.nspname = 'portcullis' and c.relname = '_sqlx_migrations')",
    )
    .fetch_one(&mut *conn)
    .await?;
    if !exists {
        return Ok(Standing::Absent);
    }
    let rows: Vec<(i64, Vec<u8>, bool)> =
        sqlx::query_as("select version, checksum, success from portcullis._sqlx_migrations order by version")
            .fetch_all(&mut *conn)
            .await?;
    let total = MIGRATOR.iter().count();
    let mut applied = 0;
    for (version, checksum, success) in rows {
        let ours = MIGRATOR.iter().find(|migration| migration.version == version);
        match ours {
            Some(ours) if *ours.checksum == *checksum => applied += usize::from(success),
            _ => return Ok(Standing::Foreign { version }),
        }
    }
    Ok(if applied < total { Standing::Behind { applied, total } } else { Standing::Current { total } })
}

/// The database that an embedded cluster holds everything in.
pub const EMBEDDED_DATABASE: &str = "portcullis";

/// Makes [`EMBEDDED_DATABASE`] unless it exists. `superuser` is connected to another database of the cluster.
/// Returns whether it was made now.
pub async fn make_embedded_database(superuser: &mut PgConnection) -> Result<bool, SchemaError> {
    let exists: bool =
        sqlx::query_scalar("select exists (select from pg_database where datname = 'portcullis')")
            .fetch_one(&mut *superuser)
            .await?;
    if !exists {
        sqlx::raw_sql("create database portcullis template template0 encoding 'UTF8'")
            .execute(&mut *superuser)
            .await?;
    }
    Ok(!exists)
}

/// What a server says about itself, for `doctor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// Its version, such as `18.6`.
    pub version: String,
    /// Who we are logged in as.
    pub login: String,
    /// Whether that login is a superuser.
    pub superuser: bool,
    /// Its clock.
    pub now: kernel::Timestamp,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// `max_connections`.
    pub connections_max: i32,
    /// The version of pgvector that can be installed.
    pub pgvector: Option<String>,
    /// What a commit waits for.
    pub durability: Durability,
}

/// What the server is set to wait for before it says that something is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durability {
    /// `fsync`: whether the disk is waited for at all.
    pub fsync: bool,
    /// `full_page_writes`: whether a torn page can be mended after a crash.
    pub full_page_writes: bool,
    /// `synchronous_commit`.
    pub synchronous_commit: String,
    /// `synchronous_standby_names`: the other servers that must have it too; empty for none.
    pub standbys: String,
}

/// Asks the server about itself.
pub async fn server_facts(conn: &mut PgConnection) -> Result<ServerFacts, SchemaError> {
    let (version, login, superuser, now, tls, connections_max, pgvector) =
        sqlx::query_as::<_, (String, String, bool, time::OffsetDateTime, bool, i32, Option<String>)>(
            "select current_setting('server_version'), current_user::text, \
                (select rolsuper from pg_roles where rolname = current_user), clock_timestamp(), \
                coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false), \
                current_setting('max_connections')::int, \
                (select default_version::text from pg_available_extensions where name = 'vector')",
        )
        .fetch_one(&mut *conn)
        .await?;
    let (fsync, full_page_writes, synchronous_commit, standbys) =
        sqlx::query_as::<_, (bool, bool, String, String)>(
            "select current_setting('fsync')::bool, current_setting('full_page_writes')::bool, \
                current_setting('synchronous_commit'), current_setting('synchronous_standby_names')",
        )
        .fetch_one(&mut *conn)
        .await?;
    let durability = Durability { fsync, full_page_writes, synchronous_commit, standbys };
    let now = now.into();
    Ok(ServerFacts { version, login, superuser, now, tls, connections_max, pgvector, durability })
}

/// Makes the roles when they are missing, applies the migrations as the owner role, and installs the claims key.
///
/// `owner` is a login that owns the database or is a superuser. Safe to run again and from several places at once.
/// `passwords` are set on the serving roles; `None` leaves their log-in to the operator.
pub async fn prepare(
    owner: &mut PgConnection,
    claims: &ClaimsKey,
    passwords: Option<&RolePasswords>,
) -> Result<Prepared, SchemaError> {
    // One preparation at a time; released with the session at the latest.
    sqlx::query("select pg_advisory_lock(hashtextextended('portcullis.schema', 0))")
        .execute(&mut *owner)
        .await?;
    let done = prepare_locked(owner, claims, passwords).await;
    // A failed unlock means a broken session, which unlocks by ending.
    let _ = sqlx::raw_sql("reset role; select pg_advisory_unlock(hashtextextended('portcullis.schema', 0))")
        .execute(&mut *owner)
        .await;
    done
}

async fn prepare_locked(
    owner: &mut PgConnection,
    claims: &ClaimsKey,
    passwords: Option<&RolePasswords>,
) -> Result<Prepared, SchemaError> {
    make_roles(owner, passwords).await?;
    sqlx::raw_sql(DATABASE_SETTINGS).execute(&mut *owner).await?;
    sqlx::raw_sql("set role portcullis_owner; set search_path = portcullis, pg_temp")
        .execute(&mut *owner)
        .await?;
    owner.ensure_migrations_table("_sqlx_migrations").await?;
    let before = owner.list_applied_migrations("_sqlx_migrations").await?.len();
    MIGRATOR.run_direct(None, &mut *owner, false).await?;
    let (inner, outer) = claims.pads();
    let (other_inner, other_outer) = claims.other_pads().unzip();
    sqlx::query(
        "insert into gate_private.claims_key (inner_pad, outer_pad, other_inner_pad, other_outer_pad) \
         values ($1, $2, $3, $4) on conflict (only_row) do update set inner_pad = excluded.inner_pad, \
         outer_pad = excluded.outer_pad, other_inner_pad = excluded.other_inner_pad, \
         other_outer_pad = excluded.other_outer_pad",
    )
    .bind(inner.as_slice())
    .bind(outer.as_slice())
    .bind(other_inner.as_ref().map(|pad| pad.as_slice()))
    .bind(other_outer.as_ref().map(|pad| pad.as_slice()))
    .execute(&mut *owner)
    .await?;
    adopt(owner).await?;
    // So that a server that is not the owner can tell whether the schema is its own.
    sqlx::raw_sql("grant select on _sqlx_migrations to portcullis_system").execute(&mut *owner).await?;
    let total = MIGRATOR.iter().count();
    Ok(Prepared { applied: total.saturating_sub(before), total })
}

/// Has the database take over this program's model of permissions and its templates of roles.
async fn adopt(owner: &mut PgConnection) -> Result<(), SchemaError> {
    let own = gates::own()?;
    // A new model comes after those before it, which are ordered by their ids.
    let now: time::OffsetDateTime =
        sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut *owner).await?;
    let id = kernel::RelationModelId::first_at(now.into());
    sqlx::query("select gate.adopt($1, $2, $3, $4, $5, $6)")
        .bind(id.uuid())
        .bind(own.model)
        .bind(own.sha256.as_slice())
        .bind(own.functions)
        .bind(own.adopts.as_slice())
        .bind(own.templates)
        .execute(&mut *owner)
        .await?;
    Ok(())
}

/// Applies the migrations of a working tree that this build does not know yet, so that statements about new tables can be
/// checked before anything compiles with them. `owner` is as in [`prepare`], which ran before.
pub async fn apply_newer(owner: &mut PgConnection, migrations: &std::path::Path) -> Result<(), SchemaError> {
    let newer = Migrator::new(migrations).await?;
    sqlx::raw_sql("set role portcullis_owner; set search_path = portcullis, pg_temp")
        .execute(&mut *owner)
        .await?;
    newer.run_direct(None, &mut *owner, false).await?;
    sqlx::raw_sql("reset role").execute(&mut *owner).await?;
    Ok(())
}

/// Roles are the cluster's, so another database's preparation may race this one: losing that race is no error.
async fn make_roles(owner: &mut PgConnection, passwords: Option<&RolePasswords>) -> Result<(), SchemaError> {
    for (role, attributes) in
        [(OWNER_ROLE, "nologin"), (APP_ROLE, "login noinherit"), (SYSTEM_ROLE, "login noinherit")]
    {
        let exists: bool = sqlx::query_scalar("select exists (select from pg_roles where rolname = $1)")
            .bind(role)
            .fetch_one(&mut *owner)
            .await?;
        if !exists {
            sqlx::query("select set_config('portcullis.role', $1, false), set_config('portcullis.attributes', $2, false)")
                .bind(role)
                .bind(attributes)
                .execute(&mut *owner)
                .await?;
            sqlx::raw_sql(MAKE_ROLE)
                .execute(&mut *owner)
                .await
                .map_err(|_| SchemaError::MissingRole(role))?;
        }
    }
    let Some(passwords) = passwords else { return Ok(()) };
    for (role, password) in [(APP_ROLE, &passwords.app), (SYSTEM_ROLE, &passwords.system)] {
        let mut tx = owner.begin().await?;
        // As a setting and not in the statement's text, so that the server's log never holds it.
        sqlx::query(
            "select set_config('portcullis.role', $1, true), set_config('portcullis.password', $2, true)",
        )
        .bind(role)
        .bind(password.as_str())
        .execute(&mut *tx)
        .await?;
        sqlx::raw_sql(SET_PASSWORD).execute(&mut *tx).await?;
        tx.commit().await?;
    }
    Ok(())
}

const MAKE_ROLE: &str = r"
do $$ begin
    execute format('create role %I %s nosuperuser nocreatedb nocreaterole nobypassrls',
                   current_setting('portcullis.role'), current_setting('portcullis.attributes'));
exception when duplicate_object or unique_violation then null;
end $$";

const SET_PASSWORD: &str = r"
do $$ begin
    perform pg_advisory_xact_lock(hashtextextended('portcullis.roles', 0));
    execute format('alter role %I password %L', current_setting('portcullis.role'),
                   current_setting('portcullis.password'));
end $$";

/// The schema belongs to the owner role; the serving roles may connect and nothing more. Large objects and
/// temporary tables are nobody's: both are places row-level security does not reach. Nor may a session look at or
/// end other sessions of its role, whose statements hold other tenants' claims and entries, or take advisory locks,
/// whose numbers anybody can work out; the roles that need those get them back.
const DATABASE_SETTINGS: &str = r"
do $$ declare
    lock record;
begin
    if not pg_has_role(current_user, 'portcullis_owner', 'member') then
        execute format('grant portcullis_owner to %I', current_user);
    end if;
    execute format('grant connect, create on database %I to portcullis_owner', current_database());
    execute format('revoke all on database %I from public', current_database());
    execute format('grant connect on database %I to portcullis_app, portcullis_system', current_database());
    execute 'revoke all on schema public from public';
    if (select rolsuper from pg_roles where rolname = current_user) then
        revoke execute on function pg_catalog.lo_creat(integer), pg_catalog.lo_create(oid),
            pg_catalog.lo_from_bytea(oid, bytea) from public;
        revoke execute on function pg_catalog.pg_stat_get_activity(integer),
            pg_catalog.pg_stat_get_backend_activity(integer), pg_catalog.pg_terminate_backend(integer, bigint),
            pg_catalog.pg_cancel_backend(integer) from public;
        grant execute on function pg_catalog.pg_stat_get_activity(integer),
            pg_catalog.pg_stat_get_backend_activity(integer) to pg_read_all_stats;
        grant execute on function pg_catalog.pg_terminate_backend(integer, bigint),
            pg_catalog.pg_cancel_backend(integer) to pg_signal_backend;
        for lock in select oid::regprocedure as name from pg_proc
                    where pronamespace = 'pg_catalog'::regnamespace and proname ~ '^pg_(try_)?advisory_'
        loop
            execute format('revoke execute on function %s from public', lock.name);
            execute format('grant execute on function %s to portcullis_owner, portcullis_system', lock.name);
        end loop;
    end if;
    if to_regnamespace('portcullis') is null then
        execute 'create schema portcullis authorization portcullis_owner';
    end if;
end $$";
