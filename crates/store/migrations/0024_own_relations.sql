-- Who may do what in the product itself, as relations: the store of an organization whose id is the organization's own.
--
-- The tables of record stay what they are: members, keys, agents, projects, providers, templates of roles. What follows from
-- them is the view own_relation; triggers keep the tuples of the store like it, in the transaction of the change and at a
-- revision of its own, so that the gates and row-level security ask one and the same thing.

-- For which organization the functions below work in this transaction. Nobody but they write it: what they then read and
-- write as the owner, whom FORCE ROW LEVEL SECURITY binds too, is of that organization alone.
create table gate_private.relating (
    xact   xid8 primary key,
    tenant uuid not null
);
create function gate.relating() returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A transaction that wrote nothing relates nothing.
    if pg_current_xact_id_if_assigned() is null then
        return null;
    end if;
    return (select r.tenant from gate_private.relating r where r.xact = pg_current_xact_id_if_assigned());
end
$$;
revoke all on function gate.relating() from public;

-- Lets the owner see, and with `writes` change, rows of the organization that is related now, or whose claims verify.
create procedure gate.open_to_owner(relation regclass, condition text, writes boolean)
language plpgsql
set search_path = portcullis, pg_catalog, pg_temp
as $$
begin
    condition := condition || ' and tenant_id in ((select gate.tenant()), (select gate.relating()))';
    if writes then
        execute format('create policy owner_rows on %s to portcullis_owner using (%s) with check (%s)', relation, condition,
                       condition);
    else
        execute format('create policy owner_rows on %s for select to portcullis_owner using (%s)', relation, condition);
    end if;
end
$$;
revoke all on procedure gate.open_to_owner(regclass, text, boolean) from public;
call gate.open_to_owner('relation_store', 'id = tenant_id', true);
call gate.open_to_owner('relation_model', 'store_id = tenant_id', true);
-- Tuples are read by every statement under a policy that asks for a relation: of these stores the owner sees all, and no
-- function of its looks for another organization than the one whose claims verify.
create policy owner_reads on relation_tuple for select to portcullis_owner using (store_id = tenant_id);
create policy owner_adds on relation_tuple for insert to portcullis_owner
    with check (store_id = tenant_id and tenant_id = (select gate.relating()));
create policy owner_changes on relation_tuple for update to portcullis_owner
    using (store_id = tenant_id and tenant_id = (select gate.relating()));
call gate.open_to_owner('relation_change', 'store_id = tenant_id', true);
call gate.open_to_owner('organization', 'true', false);
call gate.open_to_owner('member', 'true', false);
call gate.open_to_owner('api_key', 'true', false);
call gate.open_to_owner('agent', 'true', false);
call gate.open_to_owner('project', 'true', false);
call gate.open_to_owner('provider', 'true', false);

-- The store is kept by the product: no request writes to it, whatever it is told.
create policy kept_store on relation_store as restrictive for insert to portcullis_app with check (id <> tenant_id);
create policy kept_store_update on relation_store as restrictive for update to portcullis_app using (id <> tenant_id);
create policy kept_store on relation_model as restrictive for insert to portcullis_app with check (store_id <> tenant_id);
create policy kept_store on relation_tuple as restrictive for insert to portcullis_app with check (store_id <> tenant_id);
create policy kept_store_update on relation_tuple as restrictive for update to portcullis_app using (store_id <> tenant_id);
create policy kept_store on relation_change as restrictive for insert to portcullis_app with check (store_id <> tenant_id);

-- The token gate asks about all tenants, and about these stores alone.
create policy own_store on relation_store for select to portcullis_system using (id = tenant_id);
create policy own_store on relation_tuple for select to portcullis_system using (store_id = tenant_id);
create policy own_store on relation_change for select to portcullis_system using (store_id = tenant_id);
grant select on relation_store, relation_tuple, relation_change to portcullis_system;

-- The model and the templates of roles of the program that prepared this database last.
create table gate_private.own_model (
    only_row boolean primary key default true check (only_row),
    id       uuid not null,
    document text not null,
    sha256   bytea not null check (octet_length(sha256) = 32),
    -- Of the model and of what is compiled from it.
    adopted  bytea not null check (octet_length(adopted) = 32)
);
-- What is compiled from the model: row-level security asks it. Only functions of the schema gate call it.
create schema gate_own;
revoke all on schema gate_own from public;
create table gate_private.own_template (
    name        text primary key,
    holders     text not null,
    title       text not null,
    says        text not null,
    permissions text[] not null,
    document    text not null,
    sha256      bytea not null
);

-- Named bundles of permissions. Those of the product are the same in every organization; others are its own.
create table role_template (
    tenant_id   uuid not null references organization (tenant_id) on delete cascade,
    name        text not null check (name ~ '^[a-z][a-z0-9_-]{1,49}$'),
    -- Whose it can be: people's or keys'.
    holders     text not null check (holders in ('person', 'key')),
    built_in    boolean not null,
    title       text not null check (length(title) between 1 and 100),
    says        text not null check (length(says) <= 500),
    permissions text[] not null check (cardinality(permissions) between 0 and 64),
    -- All of the above as canonical JSON (RFC 8785), and the hash by which a change that went past the product is found.
    document    text not null check (octet_length(document) between 2 and 16384),
    sha256      bytea not null check (octet_length(sha256) = 32),
    changed_at  timestamptz not null,
    primary key (tenant_id, name)
);
call gate.protect('role_template', true);
call gate.open_to_owner('role_template', 'true', true);
grant select, insert, delete on role_template to portcullis_app;
grant update (title, says, permissions, document, sha256, changed_at) on role_template to portcullis_app;
create policy built_in_stays on role_template as restrictive for insert to portcullis_app with check (not built_in);
create policy built_in_stays_update on role_template as restrictive for update to portcullis_app using (not built_in);
create policy built_in_stays_delete on role_template as restrictive for delete to portcullis_app using (not built_in);

-- Who holds a template beside the role they have, and what is given by name alone.
create table role_grant (
    tenant_id  uuid not null references organization (tenant_id) on delete cascade,
    -- A person, a key or an agent: `user:<id>`, `api_key:<id>`, `agent:<id>`.
    subject    text not null check (subject ~ '^(user|api_key|agent):[0-9a-f-]{36}$'),
    -- The template's name, or `mcp_access`.
    grants     text not null check (grants ~ '^[a-z][a-z0-9_-]{1,49}$'),
    given_at   timestamptz not null,
    primary key (tenant_id, subject, grants)
);
create index role_grant_of on role_grant (tenant_id, grants);
call gate.protect('role_grant', true);
call gate.open_to_owner('role_grant', 'true', false);
grant select, insert, delete on role_grant to portcullis_app;

-- What follows from the tables of record. A suspended or former member and a revoked key have no relation to anything.
create view own_relation with (security_invoker = true) as
    select t.tenant_id, 'organization' as object_type, t.tenant_id::text as object_id, replace(p, ':', '_') as relation,
           'role:' || t.name || '#' || t.holders as subject
    from role_template t cross join unnest(t.permissions) as p
union all
    select o.tenant_id, 'role', 'key_' || r, 'key', 'static_key:' || r
    from organization o cross join unnest(array['reader', 'editor', 'admin', 'owner']) as r
union all
    select m.tenant_id, 'organization', m.tenant_id::text, 'member', 'user:' || m.account_id
    from member m where m.ended_at is null and m.suspended_at is null
union all
    select m.tenant_id, 'organization', m.tenant_id::text, 'owner', 'user:' || m.account_id
    from member m where m.ended_at is null and m.suspended_at is null and m.owner
union all
    select m.tenant_id, 'role', m.role, 'person', 'user:' || m.account_id
    from member m where m.ended_at is null and m.suspended_at is null
union all
    select k.tenant_id, 'role', 'key_' || k.role, 'key', 'api_key:' || k.id
    from api_key k where k.revoked_at is null and k.capabilities is null
union all
    -- A key with a capability set has of its role what is in the set.
    select k.tenant_id, 'organization', k.tenant_id::text, replace(p, ':', '_'), 'api_key:' || k.id
    from api_key k join role_template t on t.tenant_id = k.tenant_id and t.name = 'key_' || k.role
    cross join unnest(k.capabilities) as p
    where k.revoked_at is null and p = any(t.permissions)
union all
    select k.tenant_id, 'api_key', k.id::text, 'organization', 'organization:' || k.tenant_id
    from api_key k where k.revoked_at is null
union all
    select k.tenant_id, 'api_key', k.id::text, 'agent', 'agent:' || k.agent_id
    from api_key k where k.revoked_at is null and k.agent_id is not null
union all
    select g.tenant_id, 'role', t.name, t.holders, g.subject
    from role_grant g join role_template t on t.tenant_id = g.tenant_id and t.name = g.grants and not t.built_in
    where case t.holders
        when 'person' then exists (select from member m where m.tenant_id = g.tenant_id
            and 'user:' || m.account_id = g.subject and m.ended_at is null and m.suspended_at is null)
        else exists (select from api_key k where k.tenant_id = g.tenant_id
            and 'api_key:' || k.id = g.subject and k.revoked_at is null) end
union all
    select g.tenant_id, 'organization', g.tenant_id::text, g.grants, g.subject
    from role_grant g
    where g.grants = 'mcp_access' and case split_part(g.subject, ':', 1)
        when 'user' then exists (select from member m where m.tenant_id = g.tenant_id
            and 'user:' || m.account_id = g.subject and m.ended_at is null and m.suspended_at is null)
        when 'api_key' then exists (select from api_key k where k.tenant_id = g.tenant_id
            and 'api_key:' || k.id = g.subject and k.revoked_at is null)
        else exists (select from agent a where a.tenant_id = g.tenant_id
            and 'agent:' || a.id = g.subject and a.suspended_at is null) end
union all
    select a.tenant_id, 'agent', a.id::text, 'organization', 'organization:' || a.tenant_id from agent a
union all
    select a.tenant_id, 'agent', a.id::text, 'project', 'project:' || a.project_id from agent a
union all
    select p.tenant_id, 'project', p.id::text, 'organization', 'organization:' || p.tenant_id from project p
union all
    select p.tenant_id, 'provider', p.id::text, 'organization', 'organization:' || p.tenant_id from provider p
union all
    select o.tenant_id, 'log', o.tenant_id::text, 'organization', 'organization:' || o.tenant_id from organization o
union all
    select o.tenant_id, 'policy', 'pii', 'organization', 'organization:' || o.tenant_id from organization o;
grant select on own_relation to portcullis_app;

-- Makes the tuples of an organization's own store what the view says: those about one subject or object, or all. Each
-- time something changes, it does so at the next revision; the rows of the store are there for those who were there before.
create function gate.relate(tenant uuid, about text) returns void
language plpgsql security definer
set search_path = portcullis, pg_catalog, pg_temp
as $$
declare
    next bigint;
    changed bigint;
begin
    insert into gate_private.relating as r (xact, tenant) values (pg_current_xact_id(), tenant)
    on conflict (xact) do update set tenant = excluded.tenant;
    loop
        select revision + 1 into next from relation_store where tenant_id = tenant and id = tenant for update;
        exit when not found;
        with wanted as materialized (
            select w.object_type, w.object_id, w.relation, w.subject from own_relation w
            where w.tenant_id = tenant
              and (about is null or split_part(w.subject, '#', 1) = about or w.object_type || ':' || w.object_id = about)
        ), present as materialized (
            select t.object_type, t.object_id, t.relation, t.subject from relation_tuple t
            where t.tenant_id = tenant and t.store_id = tenant and t.until is null
              and (about is null or split_part(t.subject, '#', 1) = about or t.object_type || ':' || t.object_id = about)
        ), gone as (
            update relation_tuple t set until = next
            from (select * from present except select * from wanted limit 10000) g
            where t.tenant_id = tenant and t.store_id = tenant and t.until is null and t.object_type = g.object_type
              and t.object_id = g.object_id and t.relation = g.relation and t.subject = g.subject
            returning t.object_type, t.object_id, t.relation, t.subject
        ), come as (
            insert into relation_tuple (tenant_id, store_id, object_type, object_id, relation, subject, since, written_at)
            select tenant, tenant, n.object_type, n.object_id, n.relation, n.subject, next, clock_timestamp()
            from (select * from wanted except select * from present limit 10000) n
            returning object_type, object_id, relation, subject
        ), noted as (
            insert into relation_change (tenant_id, store_id, revision, ordinal, deleted, object_type, object_id, relation,
                                         subject, at)
            select tenant, tenant, next, row_number() over () - 1, c.deleted, c.object_type, c.object_id, c.relation,
                   c.subject, clock_timestamp()
            from (select true as deleted, g.* from gone g union all select false, n.* from come n) c
            returning 1
        )
        select count(*) into changed from noted;
        exit when changed = 0;
        update relation_store set revision = next, updated_at = clock_timestamp() where tenant_id = tenant and id = tenant;
        exit when changed < 10000;
    end loop;
    delete from gate_private.relating where xact = pg_current_xact_id();
end
$$;
revoke all on function gate.relate(uuid, text) from public;

-- Gives an organization its store, the model and the product's templates of roles, as the program has them now.
create function gate.relate_organization(tenant uuid) returns void
language plpgsql security definer
set search_path = portcullis, pg_catalog, pg_temp
as $$
begin
    insert into gate_private.relating as r (xact, tenant) values (pg_current_xact_id(), tenant)
    on conflict (xact) do update set tenant = excluded.tenant;
    insert into relation_store (tenant_id, id, name, revision, created_at, updated_at)
    values (tenant, tenant, 'portcullis', 0, clock_timestamp(), clock_timestamp()) on conflict do nothing;
    insert into relation_model (tenant_id, store_id, id, document, sha256, created_at)
    select tenant, tenant, m.id, m.document, m.sha256, clock_timestamp() from gate_private.own_model m
    on conflict do nothing;
    delete from role_template r
    where r.tenant_id = tenant and r.built_in and not exists (select from gate_private.own_template t where t.name = r.name);
    insert into role_template as r (tenant_id, name, holders, built_in, title, says, permissions, document, sha256, changed_at)
    select tenant, t.name, t.holders, true, t.title, t.says, t.permissions, t.document, t.sha256, clock_timestamp()
    from gate_private.own_template t
    on conflict (tenant_id, name) do update
    set holders = excluded.holders, title = excluded.title, says = excluded.says, permissions = excluded.permissions,
        document = excluded.document, sha256 = excluded.sha256, changed_at = excluded.changed_at
    where (r.document, r.sha256, r.permissions) is distinct from (excluded.document, excluded.sha256, excluded.permissions);
    perform gate.relate(tenant, null);
end
$$;
revoke all on function gate.relate_organization(uuid) from public;

-- Takes over the model, the functions that are compiled from it, and the templates of the program that prepares the database.
-- Nothing happens when they are those that are there. No entry is made: it is the program that changes, before it serves.
create function gate.adopt(model uuid, model_document text, model_sha256 bytea, functions text, adopts bytea, templates jsonb)
returns boolean
language plpgsql
set search_path = portcullis, pg_catalog, pg_temp
as $$
declare
    each record;
    protected text;
begin
    if exists (select from gate_private.own_model m where m.adopted = adopts) then
        return false;
    end if;
    insert into gate_private.own_model as m (id, document, sha256, adopted)
    values (model, model_document, model_sha256, adopts)
    on conflict (only_row) do update
    -- The same model keeps its id.
    set id = case when m.sha256 = excluded.sha256 then m.id else excluded.id end,
        document = excluded.document, sha256 = excluded.sha256, adopted = excluded.adopted;
    delete from gate_private.own_template;
    insert into gate_private.own_template (name, holders, title, says, permissions, document, sha256)
    select t.name, t.holders, t.title, t.says,
           (select coalesce(array_agg(p order by n), '{}')
            from jsonb_array_elements_text(t.permissions) with ordinality as e (p, n)),
           t.document, decode(t.sha256, 'hex')
    from jsonb_to_recordset(templates) as t (name text, holders text, title text, says text, permissions jsonb, document text,
                                             sha256 text);
    drop schema gate_own cascade;
    create schema gate_own;
    revoke all on schema gate_own from public;
    execute functions;
    foreach protected in array array['relation_store', 'relation_model', 'relation_tuple', 'relation_change', 'role_template']
    loop
        execute format('alter table portcullis.%I disable trigger require_entry', protected);
    end loop;
    -- All of them, which the owner is shown none of otherwise.
    alter table organization no force row level security;
    for each in select tenant_id from organization loop
        perform gate.relate_organization(each.tenant_id);
    end loop;
    alter table organization force row level security;
    foreach protected in array array['relation_store', 'relation_model', 'relation_tuple', 'relation_change', 'role_template']
    loop
        execute format('alter table portcullis.%I enable trigger require_entry', protected);
    end loop;
    return true;
end
$$;
revoke all on function gate.adopt(uuid, text, bytea, text, bytea, jsonb) from public;

-- The hash of what was taken over last: a program with another one does not serve.
create function gate.own_model() returns bytea
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$ select adopted from gate_private.own_model $$;
revoke all on function gate.own_model() from public;
grant execute on function gate.own_model() to portcullis_system;

create function gate.related() returns trigger
language plpgsql security definer
set search_path = portcullis, pg_catalog, pg_temp
as $$
declare
    present record;
begin
    if tg_op = 'DELETE' then present := old; else present := new; end if;
    case tg_table_name
        when 'organization' then perform gate.relate_organization(present.tenant_id);
        when 'member' then perform gate.relate(present.tenant_id, 'user:' || present.account_id);
        when 'role_template' then perform gate.relate(present.tenant_id, 'role:' || present.name);
        when 'role_grant' then perform gate.relate(present.tenant_id, present.subject);
        when 'agent' then perform gate.relate(present.tenant_id, 'agent:' || present.id);
        when 'project' then perform gate.relate(present.tenant_id, 'project:' || present.id);
        when 'provider' then perform gate.relate(present.tenant_id, 'provider:' || present.id);
        when 'api_key' then perform gate.relate(present.tenant_id, 'api_key:' || present.id);
    end case;
    return null;
end
$$;
revoke all on function gate.related() from public;

create trigger related after insert on organization for each row execute function gate.related();
create trigger related after insert or delete or update of role, owner, suspended_at, ended_at on member
    for each row execute function gate.related();
create trigger related after insert or delete or update of permissions on role_template
    for each row execute function gate.related();
create trigger related after insert or delete on role_grant for each row execute function gate.related();
create trigger related after insert or delete or update of suspended_at on agent
    for each row execute function gate.related();
create trigger related after insert or delete on project for each row execute function gate.related();
create trigger related after insert or delete on provider for each row execute function gate.related();
create trigger related after insert or delete or update of revoked_at on api_key
    for each row execute function gate.related();

-- What a process remembers of them is stale as soon as the store moved.
create trigger bump_epoch after update of revision on relation_store
    for each row when (new.id = new.tenant_id) execute function gate.bump_epoch();
