-- Gate five in the database: the log is append-only, and no protected change commits without an entry.

-- One entry: the bytes that were hashed, plus columns to search by. The verifier compares the columns with the bytes.
create table audit_entry (
    tenant_id  uuid not null,
    id         uuid not null,
    at         timestamptz not null,
    kind       text not null check (length(kind) <= 64),
    actor      text not null check (length(actor) <= 128),
    request_id text not null check (length(request_id) <= 128),
    leaf       bytea not null check (octet_length(leaf) between 2 and 65535),
    primary key (tenant_id, id)
);

-- Entries waiting for their place in the tree. Filled by trigger, so the hash is the hash of the stored bytes;
-- drained by deletion: a cursor over a serial id would lose rows that commit out of order.
create table audit_queue (
    tenant_id uuid not null,
    xact      xid8 not null,
    entry_id  uuid not null,
    leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
    primary key (tenant_id, xact, entry_id)
);

-- Every row lives for a fraction of a second: clean up behind them early and without pauses.
alter table audit_queue set (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_threshold = -1,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000, autovacuum_vacuum_cost_delay = 0);

-- The log's identity. The signing seed is sealed under ENCRYPTION_KEY.
create table audit_log (
    tenant_id   uuid primary key,
    origin      text not null check (length(origin) <= 255),
    public_key  bytea not null check (octet_length(public_key) = 32),
    seed_sealed bytea not null,
    created_at  timestamptz not null
);

-- The tree so far: size, and the roots of its perfect subtrees. Moves only by compare-and-set on size.
create table audit_tree (
    tenant_id uuid primary key,
    size      bigint not null check (size >= 0),
    frontier  bytea not null,
    root      bytea not null check (octet_length(root) = 32)
);

create table audit_leaf (
    tenant_id uuid not null,
    seq       bigint not null check (seq >= 0),
    entry_id  uuid not null,
    hash      bytea not null check (octet_length(hash) = 32),
    primary key (tenant_id, seq),
    unique (tenant_id, entry_id)
);

create table audit_checkpoint (
    tenant_id uuid not null,
    size      bigint not null check (size >= 0),
    root      bytea not null check (octet_length(root) = 32),
    note      text not null,
    signed_at timestamptz not null,
    primary key (tenant_id, size)
);

create function gate.enqueue_entries() returns trigger
language plpgsql security definer
set search_path = portcullis, pg_catalog, pg_temp
as $$
begin
    insert into audit_queue (tenant_id, xact, entry_id, leaf_hash)
    select tenant_id, pg_current_xact_id(), id, sha256('\x00'::bytea || leaf) from added;
    return null;
end
$$;
revoke all on function gate.enqueue_entries() from public;

create trigger enqueue_entries after insert on audit_entry
    referencing new table as added for each statement execute function gate.enqueue_entries();

create function gate.refuse_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'the audit log is append-only: % on % refused', tg_op, tg_table_name using errcode = 'PCL02';
end
$$;
revoke all on function gate.refuse_change() from public;

create trigger append_only before update or delete or truncate on audit_entry
    for each statement execute function gate.refuse_change();
create trigger append_only before update or delete or truncate on audit_leaf
    for each statement execute function gate.refuse_change();
create trigger append_only before update or delete or truncate on audit_checkpoint
    for each statement execute function gate.refuse_change();
create trigger append_only before update or delete or truncate on audit_log
    for each statement execute function gate.refuse_change();

-- Fails a commit that changed a protected row without an entry for the same tenant in the same transaction.
--
-- The queue is empty one moment and long the next, and full of dead rows between two vacuums. A plan made while it was
-- empty reads all of it, at every commit from then on; through the index the cost is the same whatever its length.
create function gate.require_entry() returns trigger
language plpgsql security definer
set search_path = portcullis, pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
    tenant uuid := case when tg_op = 'DELETE' then old.tenant_id else new.tenant_id end;
begin
    if not exists (select from audit_queue where tenant_id = tenant and xact = pg_current_xact_id()) then
        raise exception 'a change of % was not written to the audit log; nothing was committed', tg_table_name
            using errcode = 'PCL01';
    end if;
    return null;
end
$$;
revoke all on function gate.require_entry() from public;

-- Writes one entry. A function, so that its plan is kept: planning the insert costs more than doing it. Returns what
-- gate.bump_epoch left in this transaction: '1' when the change made remembered lookups stale.
create function gate.append(tenant uuid, entry uuid, made timestamptz, kind text, actor text, request text, leaf bytea)
returns text
language plpgsql
as $$
begin
    insert into portcullis.audit_entry (tenant_id, id, at, kind, actor, request_id, leaf)
    values (tenant, entry, made, kind, actor, request, leaf);
    return pg_catalog.current_setting('gate.epoch_moved', true);
end
$$;

-- Writes entries that have no transaction of their own: claims, entries and commit in one statement.
create function gate.append_all(
    claims text, tenant uuid, entries uuid[], made timestamptz[], kinds text[], actors text[], requests text[],
    leaves bytea[])
returns void
language plpgsql
as $$
begin
    perform pg_catalog.set_config('request.jwt.claims', claims, true);
    insert into portcullis.audit_entry (tenant_id, id, at, kind, actor, request_id, leaf)
    select tenant, e.* from rows from (
        pg_catalog.unnest(entries), pg_catalog.unnest(made), pg_catalog.unnest(kinds), pg_catalog.unnest(actors),
        pg_catalog.unnest(requests), pg_catalog.unnest(leaves)) as e;
end
$$;

revoke all on function gate.append(uuid, uuid, timestamptz, text, text, text, bytea),
    gate.append_all(text, uuid, uuid[], timestamptz[], text[], text[], text[], bytea[]) from public;
grant execute on function gate.append(uuid, uuid, timestamptz, text, text, text, bytea)
    to portcullis_app, portcullis_system;
grant execute on function gate.append_all(text, uuid, uuid[], timestamptz[], text[], text[], text[], bytea[])
    to portcullis_app;

-- Puts one tenant table under all the rules at once. Every tenant table is made with this.
create procedure gate.protect(relation regclass, changes_need_entry boolean)
language plpgsql
set search_path = portcullis, pg_catalog, pg_temp
as $$
begin
    execute format('alter table %s enable row level security', relation);
    execute format('alter table %s force row level security', relation);
    execute format(
        'create policy tenant_rows on %s to portcullis_app'
        || ' using (tenant_id = (select gate.tenant())) with check (tenant_id = (select gate.tenant()))', relation);
    if changes_need_entry then
        execute format(
            'create constraint trigger require_entry after insert or update or delete on %s'
            || ' deferrable initially deferred for each row execute function gate.require_entry()', relation);
    end if;
end
$$;
revoke all on procedure gate.protect(regclass, boolean) from public;

call gate.protect('audit_entry', false);
call gate.protect('audit_queue', false);
call gate.protect('audit_log', false);
call gate.protect('audit_tree', false);
call gate.protect('audit_leaf', false);
call gate.protect('audit_checkpoint', false);

-- The two trigger functions run as the owner, whom FORCE ROW LEVEL SECURITY binds too.
create policy owner_queue on audit_queue to portcullis_owner using (true) with check (true);

grant usage on schema portcullis to portcullis_app, portcullis_system;

grant select, insert on audit_entry to portcullis_app;
grant select (tenant_id, origin, public_key, created_at) on audit_log to portcullis_app;
grant select on audit_tree, audit_leaf, audit_checkpoint to portcullis_app;

-- The system role integrates and signs logs of all tenants; it cannot change an entry either.
create policy system_rows on audit_entry to portcullis_system using (true) with check (true);
create policy system_rows on audit_queue to portcullis_system using (true);
create policy system_rows on audit_log to portcullis_system using (true) with check (true);
create policy system_rows on audit_tree to portcullis_system using (true) with check (true);
create policy system_rows on audit_leaf to portcullis_system using (true) with check (true);
create policy system_rows on audit_checkpoint to portcullis_system using (true) with check (true);
grant select, insert on audit_entry, audit_log, audit_leaf, audit_checkpoint to portcullis_system;
grant select, delete on audit_queue to portcullis_system;
grant select, insert, update on audit_tree to portcullis_system;
