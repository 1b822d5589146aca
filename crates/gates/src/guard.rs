//! Start-up refusal: a database that would not hold the tenants apart is not served.

use std::sync::Arc;

use kernel::{RequestId, Rng, TenantId};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::pool::{DatabaseError, Pool};
use crate::tenancy::{Access, Tenancy};

/// Releases below these have known holes in row-level security.
const MINOR_FLOOR: [(i32, i32); 4] = [(15, 14), (16, 10), (17, 6), (18, 0)];

/// One reason not to serve, in a plain sentence that names the role, table or object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding(pub String);

/// The database would not hold the tenants apart.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// It could not be looked at.
    #[error("the database could not be checked: {0}")]
    Database(#[from] DatabaseError),
    /// It was, and it must not be served.
    #[error("the database would not keep tenants apart:{}", list(.0))]
    Unsafe(Vec<Finding>),
}

fn list(findings: &[Finding]) -> String {
    findings.iter().fold(String::new(), |text, finding| text + "\n  - " + &finding.0)
}

impl From<sqlx::Error> for GuardError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(DatabaseError::from(error))
    }
}

/// What must be there before anything else can be looked at.
const PRESENT: &str = r"
    select format('Schema %s is missing. Run: portcullis migrate', name) as finding
    from unnest(array['portcullis', 'gate', 'gate_private']) as name where to_regnamespace(name) is null
";

/// What may be wrong with the role a pool logs in as. `$1` is the role it should be.
const ROLE: &str = r"
    select format('The connection runs as role %s; it must be %s.', current_user, $1) as finding
    where current_user <> $1
    union all
    select format('The connection logs in as %s and switches to %s; it must log in as %s itself.',
                  session_user, current_user, $1)
    where session_user <> current_user
    union all
    select format('Role %s %s.', r.rolname, fault.says)
    from pg_roles r, lateral (values
        (r.rolsuper, 'is a superuser, whom row-level security does not bind'),
        (r.rolbypassrls, 'has BYPASSRLS'),
        (r.rolcreaterole, 'has CREATEROLE and could give itself more'),
        (r.rolreplication, 'has REPLICATION and could copy every row')) as fault (found, says)
    where r.rolname = current_user and fault.found
    union all
    select format('Role %s is a member of %s and could become it.', r.rolname, m.rolname)
    from pg_roles r, pg_roles m
    where r.rolname = current_user and not r.rolsuper and m.oid <> r.oid and pg_has_role(r.oid, m.oid, 'member')
    union all
    select format('Role %s owns %s; an owner can switch row-level security off.', current_user,
                  pg_describe_object(d.classid, d.objid, d.objsubid))
    from pg_shdepend d
    where d.refclassid = 'pg_authid'::regclass and d.deptype = 'o'
      and d.refobjid = (select oid from pg_roles where rolname = current_user)
      and d.dbid in (0, (select oid from pg_database where datname = current_database()))
    union all
    select format('Role %s may create temporary tables, which can shadow real ones; revoke TEMPORARY on the database.',
                  current_user)
    where has_database_privilege(current_user, current_database(), 'TEMPORARY')
    union all
    select format('Role %s may create schemas in this database.', current_user)
    where has_database_privilege(current_user, current_database(), 'CREATE')
    union all
    select format('Role %s may create objects in schema %s.', current_user, n.nspname)
    from pg_namespace n
    where n.nspname not like 'pg\_%' and has_schema_privilege(current_user, n.oid, 'CREATE')
    union all
    select format('Role %s may read schema gate_private, where the claims key is.', current_user)
    where has_schema_privilege(current_user, 'gate_private', 'USAGE')
    union all
    select format('Role %s can read the statements of its other sessions, which are other tenants''; revoke EXECUTE on '
                  || 'pg_stat_get_activity and pg_stat_get_backend_activity from public, or set track_activities to '
                  || 'off for it.', current_user)
    where $1 = 'portcullis_app' and current_setting('track_activities')::boolean
      and (has_function_privilege(current_user, 'pg_stat_get_activity(int)', 'EXECUTE')
           or has_function_privilege(current_user, 'pg_stat_get_backend_activity(int)', 'EXECUTE'))
";

/// What may be wrong with the rules on the tables of the schema.
const TABLES: &str = r"
    with tenant_table as (
        select c.oid, c.oid::regclass as name, c.relrowsecurity, c.relforcerowsecurity
        from pg_class c
        where c.relkind in ('r', 'p') and c.relnamespace = 'portcullis'::regnamespace
          and exists (select from pg_attribute a
                      where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
    ), app_policy as (
        select p.polrelid, p.polname,
               coalesce(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) as reads,
               coalesce(pg_get_expr(p.polwithcheck, p.polrelid), pg_get_expr(p.polqual, p.polrelid)) as writes,
               '(tenant_id = ( SELECT gate.tenant() AS tenant))' as own_rows
        from pg_policy p
        where p.polpermissive
          and p.polroles && array[0::oid, (select oid from pg_roles where rolname = 'portcullis_app')]
    )
    select format('Table %s has row-level security switched off.', name) as finding
    from tenant_table where not relrowsecurity
    union all
    select format('Table %s lacks FORCE ROW LEVEL SECURITY.', name)
    from tenant_table where relrowsecurity and not relforcerowsecurity
    union all
    select format('Table %s has no policy for portcullis_app that compares tenant_id with gate.tenant().', name)
    from tenant_table t
    where not exists (select from app_policy p
                      where p.polrelid = t.oid and p.reads = p.own_rows and p.writes = p.own_rows)
    union all
    select format('Policy %s on %s lets portcullis_app past the tenant check.', p.polname, t.name)
    from tenant_table t join app_policy p on p.polrelid = t.oid
    where p.reads is distinct from p.own_rows or p.writes is distinct from p.own_rows
    union all
    select format('Table %s has no tenant_id, yet portcullis_app may use it.', c.oid::regclass)
    from pg_class c
    where c.relkind in ('r', 'p', 'f') and c.relnamespace = 'portcullis'::regnamespace
      and c.oid not in (select oid from tenant_table)
      and (has_table_privilege('portcullis_app', c.oid, 'DELETE')
           or has_any_column_privilege('portcullis_app', c.oid, 'SELECT,INSERT,UPDATE'))
    union all
    select format('Unique index %s does not start from the tenant; its error would tell of other tenants'' rows.',
                  i.indexrelid::regclass)
    from pg_index i join tenant_table t on t.oid = i.indrelid
    where i.indisunique and not exists (
        select from pg_attribute a
        where a.attrelid = i.indrelid and a.attname = 'tenant_id' and a.attnum = i.indkey[0])
    union all
    select format('Foreign key %s on %s does not include the tenant.', k.conname, t.name)
    from pg_constraint k join tenant_table t on t.oid = k.conrelid
    where k.contype = 'f' and not exists (
        select from unnest(k.conkey, k.confkey) as pair (here, there)
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = pair.here and a.attname = 'tenant_id'
        join pg_attribute b on b.attrelid = k.confrelid and b.attnum = pair.there and b.attname = 'tenant_id')
";

/// What may be wrong with gate five: changes without an entry, and a log that can be changed.
const LOGS: &str = r"
    with tenant_table as (
        select c.oid, c.oid::regclass as name, c.relname,
               c.relname in ('audit_entry', 'audit_leaf', 'audit_tile', 'audit_checkpoint', 'audit_log')
                   or m.inhrelid is not null as append_only,
               c.relname in ('audit_entry', 'audit_leaf', 'audit_tile', 'audit_checkpoint', 'audit_log', 'audit_queue',
                             'audit_tree', 'cache_epoch', 'subject_key') as bookkeeping,
               m.inhrelid is not null as is_month
        from pg_class c
        left join pg_inherits m on m.inhrelid = c.oid and m.inhparent = to_regclass('portcullis.audit_entry')
        where c.relkind in ('r', 'p') and c.relnamespace = 'portcullis'::regnamespace
          and exists (select from pg_attribute a
                      where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
    ), serving as (
        select unnest(array['portcullis_app', 'portcullis_system']) as role
    )
    select format('Table %s can be changed by portcullis_app without an audit entry.', t.name) as finding
    from tenant_table t
    -- What it may do, in the bits of pg_trigger.tgtype.
    cross join lateral (
        select case when has_any_column_privilege('portcullis_app', t.oid, 'INSERT') then 4 else 0 end
               | case when has_table_privilege('portcullis_app', t.oid, 'DELETE') then 8 else 0 end
               | case when has_any_column_privilege('portcullis_app', t.oid, 'UPDATE') then 16 else 0 end as events) may
    where not t.bookkeeping
      and may.events <> 0
      and not exists (select from pg_trigger g
                      where g.tgrelid = t.oid and g.tgfoid = to_regproc('gate.require_entry') and g.tginitdeferred
                        and g.tgenabled in ('O', 'A') and (g.tgtype & may.events) = may.events)
    union all
    select format('Table %s of the audit log can be changed: its append_only trigger is missing or switched off.', t.name)
    from tenant_table t
    where t.append_only
      and not exists (select from pg_trigger g
                      where g.tgrelid = t.oid and g.tgfoid = to_regproc('gate.refuse_change')
                        and g.tgenabled in ('O', 'A') and (g.tgtype & 58) = 58)
    union all
    select format('Role %s may change or delete rows of %s, which is append-only.', s.role, t.name)
    from tenant_table t, serving s
    where t.append_only and (has_any_column_privilege(s.role, t.oid, 'UPDATE')
                             or has_table_privilege(s.role, t.oid, 'DELETE'))
    union all
    select format('Role %s may TRUNCATE %s, which no policy restricts.', s.role, t.name)
    from tenant_table t, serving s where has_table_privilege(s.role, t.oid, 'TRUNCATE')
    union all
    select format('Role %s may put triggers on %s.', s.role, t.name)
    from tenant_table t, serving s where has_table_privilege(s.role, t.oid, 'TRIGGER')
    union all
    select format('Role %s may use %s without the table audit_entry, past what queues its entries.', s.role, t.name)
    from tenant_table t, serving s
    where t.is_month and (has_any_column_privilege(s.role, t.oid, 'SELECT,INSERT,UPDATE,REFERENCES')
                          or has_table_privilege(s.role, t.oid, 'DELETE'))
    union all
    select format('Table %s takes entries of any time, so that nobody would notice that months are missing.', c.oid::regclass)
    from pg_class c join pg_inherits i on i.inhrelid = c.oid
    where i.inhparent = to_regclass('portcullis.audit_entry') and pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT'
    union all
    select 'Entries are not queued for the log: the trigger enqueue_entries on audit_entry is missing or switched off.'
    where not exists (select from pg_trigger g join tenant_table t on t.oid = g.tgrelid and t.relname = 'audit_entry'
                      where g.tgfoid = to_regproc('gate.enqueue_entries') and g.tgenabled in ('O', 'A')
                        and (g.tgtype & 4) = 4)
";

/// What may be wrong with other objects: views, functions, helpers that are anybody's to use.
const OBJECTS: &str = r"
    with ours as (
        select oid from pg_namespace where nspname not like 'pg\_%' and nspname <> 'information_schema'
    )
    select format('View %s runs with its owner''s rights; make it security_invoker.', c.oid::regclass) as finding
    from pg_class c
    where c.relkind = 'v' and c.relnamespace in (select oid from ours)
      and not coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on', 'security_invoker=1'], false)
    union all
    select format('Materialized view %s holds rows of all tenants.', c.oid::regclass)
    from pg_class c where c.relkind = 'm' and c.relnamespace in (select oid from ours)
    union all
    select format('Function %s runs with the rights of superuser %s.', p.oid::regprocedure, r.rolname)
    from pg_proc p join pg_roles r on r.oid = p.proowner
    where p.prosecdef and r.rolsuper and p.pronamespace in (select oid from ours)
    union all
    select format('Function %s runs with its owner''s rights and does not pin its search_path.', p.oid::regprocedure)
    from pg_proc p
    where p.prosecdef and p.pronamespace in (select oid from ours)
      -- Where pg_temp is not named, it is looked into first.
      and not exists (select from unnest(p.proconfig) setting where setting ~ '^search_path=.*pg_temp$')
    union all
    select 'gate.tenant() cannot verify claims: the function is missing. Run: portcullis migrate'
    where to_regprocedure('gate.tenant()') is null
";

/// Whether the roles and permissions of this program, whose model has the hash `$1`, are those the tuples were made for.
const MODEL: &str = r"
    select 'The roles and permissions in the database are not those of this program. Run: portcullis migrate' as finding
    where to_regprocedure('gate.own_model()') is null or gate.own_model() is distinct from $1
";

/// Looks at the database through the eyes of both roles.
pub(crate) async fn check(app: &Arc<Pool>, system: &Arc<Pool>, model: &[u8; 32]) -> Result<(), GuardError> {
    let mut lease = app.lease().await?;
    refuse_any(ask(lease.connection(), PRESENT).await?)?;
    lease.give_back();
    let mut findings = Vec::new();
    for (pool, role) in [(app, "portcullis_app"), (system, "portcullis_system")] {
        let mut lease = pool.lease().await?;
        let rows: Vec<Option<String>> =
            sqlx::query_scalar(ROLE).bind(role).fetch_all(lease.connection()).await?;
        findings.extend(rows.into_iter().flatten().map(Finding));
        lease.give_back();
    }
    // A wrong role may not even look at the rest.
    refuse_any(std::mem::take(&mut findings))?;
    let mut lease = system.lease().await?;
    let other: Vec<Option<String>> =
        sqlx::query_scalar(MODEL).bind(model.as_slice()).fetch_all(lease.connection()).await?;
    findings.extend(other.into_iter().flatten().map(Finding));
    lease.give_back();
    let mut lease = app.lease().await?;
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int")
        .fetch_one(lease.connection())
        .await?;
    findings.extend(old_server(version));
    for sql in [TABLES, LOGS, OBJECTS] {
        findings.extend(ask(lease.connection(), sql).await?);
    }
    lease.give_back();
    refuse_any(findings)
}

async fn ask(on: &mut PgConnection, sql: &'static str) -> Result<Vec<Finding>, sqlx::Error> {
    let rows: Vec<Option<String>> = sqlx::query_scalar(sql).fetch_all(on).await?;
    Ok(rows.into_iter().flatten().map(Finding).collect())
}

fn refuse_any(findings: Vec<Finding>) -> Result<(), GuardError> {
    if findings.is_empty() { Ok(()) } else { Err(GuardError::Unsafe(findings)) }
}

/// Tries the lock rather than looking at it: claims signed here open a transaction of that tenant, and claims that
/// nobody signed open nothing.
pub(crate) async fn try_claims(
    tenancy: &Arc<Tenancy>,
    tenant: TenantId,
    rng: &dyn Rng,
) -> Result<(), GuardError> {
    let request = RequestId::new(&*tenancy.clock, rng);
    let mut tx = tenancy.begin(tenant, (&request, &Arc::default()), Access::ReadOnly).await?;
    let verified: Option<Uuid> =
        sqlx::query_scalar("select gate.tenant()").fetch_one(tx.connection()).await?;
    let unsigned: Option<Uuid> = sqlx::query_scalar(
        "select gate.tenant() from (select set_config('request.jwt.claims', \
         regexp_replace(current_setting('request.jwt.claims'), '[0-9a-f]{64}', repeat('0', 64)), true) offset 0) c",
    )
    .fetch_one(tx.connection())
    .await?;
    let mut findings = Vec::new();
    if verified != Some(tenant.uuid()) {
        let says =
            "gate.tenant() does not know claims signed with this ENCRYPTION_KEY. Run: portcullis migrate";
        findings.push(Finding(says.to_owned()));
    }
    if unsigned.is_some() {
        findings.push(Finding("gate.tenant() believes claims that nobody signed.".to_owned()));
    }
    refuse_any(findings)
}

fn old_server(version: i32) -> Option<Finding> {
    let (major, minor) = (version / 10_000, version % 10_000);
    let floor = MINOR_FLOOR.iter().find(|(at, _)| *at == major);
    let detail = match floor {
        Some((_, least)) if minor < *least => format!("{major}.{least}"),
        None if major < 15 => "15.14".to_owned(),
        _ => return None,
    };
    Some(Finding(format!(
        "The server is PostgreSQL {major}.{minor}, which has known holes in row-level security; use at least {detail}."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_with_known_holes_are_named() {
        assert!(old_server(150_013).is_some_and(|finding| finding.0.contains("15.14")));
        assert!(old_server(140_020).is_some());
        assert!(old_server(150_018).is_none());
        assert!(old_server(180_006).is_none());
        assert!(old_server(190_000).is_none());
    }
}
