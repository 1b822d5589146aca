//! Start-up refusal: a database that would not hold the tenants apart is not served.

use std::sync::Arc;

use crate::pool::{DatabaseError, Pool};

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

/// What may be wrong with the role a pool logs in as. `$1` is the role it should be.
const ROLE: &str = r"
    select case
        when current_user <> $1 then format('The connection runs as role %s; it must be %s.', current_user, $1)
        when session_user <> current_user
            then format('The connection logs in as %s and switches to %s; it must log in as %s itself.',
                        session_user, current_user, $1)
        when r.rolsuper then format('Role %s is a superuser, whom row-level security does not bind.', r.rolname)
        when r.rolbypassrls then format('Role %s has BYPASSRLS.', r.rolname)
        when r.rolcreaterole then format('Role %s has CREATEROLE and could give itself more.', r.rolname)
    end as finding
    from pg_roles r where r.rolname = current_user
    union all
    select format('Role %s is a member of %s and could become it.', current_user, m.rolname)
    from pg_roles m
    where m.rolname <> current_user and pg_has_role(current_user, m.oid, 'member')
      and m.rolname not like 'pg\_%'
    union all
    select format('Role %s owns %s; an owner can switch row-level security off.', current_user, c.oid::regclass)
    from pg_class c where c.relowner = (select oid from pg_roles where rolname = current_user)
    union all
    select format('Role %s may create temporary tables, which can shadow real ones; revoke TEMPORARY on the database.',
                  current_user)
    where has_database_privilege(current_user, current_database(), 'TEMPORARY')
    union all
    select format('Role %s may create objects in schema %s.', current_user, n.nspname)
    from pg_namespace n
    where n.nspname in ('portcullis', 'gate', 'gate_private', 'public')
      and has_schema_privilege(current_user, n.oid, 'CREATE')
    union all
    select format('Role %s may read schema gate_private, where the claims key is.', current_user)
    from pg_namespace n where n.nspname = 'gate_private' and has_schema_privilege(current_user, n.oid, 'USAGE')
";

/// What may be wrong with the tables of the schema.
const TABLES: &str = r"
    with tenant_table as (
        select c.oid, c.oid::regclass as name, c.relrowsecurity, c.relforcerowsecurity
        from pg_class c
        where c.relkind in ('r', 'p') and c.relnamespace = 'portcullis'::regnamespace
          and exists (select from pg_attribute a
                      where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
    )
    select format('Table %s has row-level security switched off.', name) as finding
    from tenant_table where not relrowsecurity
    union all
    select format('Table %s lacks FORCE ROW LEVEL SECURITY.', name)
    from tenant_table where relrowsecurity and not relforcerowsecurity
    union all
    select format('Table %s has no policy for portcullis_app that compares tenant_id with gate.tenant().', name)
    from tenant_table t
    where not exists (
        select from pg_policy p
        where p.polrelid = t.oid and p.polpermissive
          and pg_get_expr(p.polqual, p.polrelid) like '%tenant_id = ( SELECT gate.tenant() AS tenant)%')
    union all
    select format('Policy %s on %s lets portcullis_app past the tenant check.', p.polname, t.name)
    from tenant_table t join pg_policy p on p.polrelid = t.oid
    where p.polpermissive
      and (p.polroles && array[0::oid, (select oid from pg_roles where rolname = 'portcullis_app')])
      and (coalesce(pg_get_expr(p.polqual, p.polrelid), '') not like '%gate.tenant()%'
           or coalesce(pg_get_expr(p.polwithcheck, p.polrelid), pg_get_expr(p.polqual, p.polrelid))
              not like '%gate.tenant()%')
    union all
    select format('Table %s has no tenant_id, yet portcullis_app may use it.', c.oid::regclass)
    from pg_class c
    where c.relkind in ('r', 'p') and c.relnamespace = 'portcullis'::regnamespace
      and c.oid not in (select oid from tenant_table)
      and has_table_privilege('portcullis_app', c.oid, 'SELECT,INSERT,UPDATE,DELETE')
    union all
    select format('Unique index %s does not start from the tenant; its error would tell of other tenants'' rows.',
                  i.indexrelid::regclass)
    from pg_index i join tenant_table t on t.oid = i.indrelid
    where i.indisunique and not exists (
        select from pg_attribute a
        where a.attrelid = i.indrelid and a.attname = 'tenant_id' and a.attnum = any (i.indkey))
    union all
    select format('Foreign key %s on %s does not include the tenant.', k.conname, t.name)
    from pg_constraint k join tenant_table t on t.oid = k.conrelid
    where k.contype = 'f' and not exists (
        select from pg_attribute a
        where a.attrelid = k.conrelid and a.attname = 'tenant_id' and a.attnum = any (k.conkey))
    union all
    select format('Table %s can be changed by portcullis_app without an audit entry.', t.name)
    from tenant_table t
    where t.name::text not like '%audit\_%' and t.name::text not like '%cache\_epoch'
      and (has_any_column_privilege('portcullis_app', t.oid, 'INSERT,UPDATE')
           or has_table_privilege('portcullis_app', t.oid, 'DELETE'))
      and not exists (select from pg_trigger g
                      where g.tgrelid = t.oid and g.tgfoid = 'gate.require_entry'::regproc
                        and g.tginitdeferred and g.tgenabled in ('O', 'A') and (g.tgtype & 28) = 28)
    union all
    select format('Table %s of the audit log can be changed: its append_only trigger is missing or switched off.', t.name)
    from tenant_table t
    where t.name::text ~ 'audit_(entry|leaf|checkpoint|log)$'
      and not exists (select from pg_trigger g
                      where g.tgrelid = t.oid and g.tgfoid = 'gate.refuse_change'::regproc
                        and g.tgenabled in ('O', 'A') and (g.tgtype & 58) = 58)
";

/// What may be wrong with other objects: views, functions, helpers that are anybody's to use.
const OBJECTS: &str = r"
    select format('View %s runs with its owner''s rights; make it security_invoker.', c.oid::regclass) as finding
    from pg_class c
    where c.relkind = 'v' and c.relnamespace = 'portcullis'::regnamespace
      and not coalesce('security_invoker=true' = any (c.reloptions) or 'security_invoker=on' = any (c.reloptions), false)
    union all
    select format('Materialized view %s holds rows of all tenants.', c.oid::regclass)
    from pg_class c where c.relkind = 'm' and c.relnamespace = 'portcullis'::regnamespace
    union all
    select format('Function %s runs with the rights of superuser %s.', p.oid::regprocedure, r.rolname)
    from pg_proc p join pg_roles r on r.oid = p.proowner
    where p.prosecdef and r.rolsuper and p.pronamespace in ('portcullis'::regnamespace, 'gate'::regnamespace)
    union all
    select format('Function %s runs with its owner''s rights and does not pin its search_path.', p.oid::regprocedure)
    from pg_proc p
    where p.prosecdef and p.pronamespace in ('portcullis'::regnamespace, 'gate'::regnamespace)
      and not exists (select from unnest(p.proconfig) setting where setting like 'search_path=%')
    union all
    select 'gate.tenant() cannot verify claims: the claims key is missing. Run: portcullis migrate'
    where not exists (select from pg_proc where oid = to_regprocedure('gate.tenant()'))
";

/// Looks at the database through the eyes of both roles.
pub(crate) async fn check(app: &Arc<Pool>, system: &Arc<Pool>) -> Result<(), GuardError> {
    let mut findings = Vec::new();
    for (pool, role) in [(app, "portcullis_app"), (system, "portcullis_system")] {
        let mut lease = pool.lease().await?;
        let rows: Vec<Option<String>> =
            sqlx::query_scalar(ROLE).bind(role).fetch_all(lease.connection()).await?;
        findings.extend(rows.into_iter().flatten().map(Finding));
        lease.give_back();
    }
    let mut lease = app.lease().await?;
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int")
        .fetch_one(lease.connection())
        .await?;
    findings.extend(old_server(version));
    for sql in [TABLES, OBJECTS] {
        let rows: Vec<Option<String>> = sqlx::query_scalar(sql).fetch_all(lease.connection()).await?;
        findings.extend(rows.into_iter().flatten().map(Finding));
    }
    lease.give_back();
    if findings.is_empty() { Ok(()) } else { Err(GuardError::Unsafe(findings)) }
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
