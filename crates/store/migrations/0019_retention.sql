-- Retention of the audit log: entries by month, how long they stay, holds, and archives.

-- Entries are kept apart by the month of their id, which begins with its time (RFC 9562, version 7). The id is in the
-- primary key anyway, so that (tenant_id, id) stays unique over all months, and whoever looks an entry up by its id looks
-- into one month.
create function gate.first_entry_id(at timestamptz) returns uuid
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select (lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;
revoke all on function gate.first_entry_id(timestamptz) from public;

-- Archives of the beginnings of logs: entries below `size` are in a folder outside the database, which was read again and
-- verified before this row was written; `entry_id` is the log's own entry that says so. Their rows go from here afterwards:
-- below `removed_to` they are gone, and all of them at `removed_at`.
create table audit_archive (
    tenant_id       uuid not null,
    size            bigint not null check (size > 0 and size % 256 = 0),
    root            bytea not null check (octet_length(root) = 32),
    sha256          bytea not null check (octet_length(sha256) = 32),
    name            text not null check (length(name) between 1 and 255),
    checkpoint_size bigint not null check (checkpoint_size >= size),
    entry_id        uuid not null,
    written_at      timestamptz not null,
    removed_to      bigint not null check (removed_to between 0 and size),
    removed_at      timestamptz,
    primary key (tenant_id, size)
);

-- How long an organization keeps its log in the database. A shorter time waits in `next_days` until `next_from`.
create table audit_retention (
    tenant_id  uuid primary key references organization (tenant_id) on delete cascade,
    days       integer not null check (days between 0 and 36500),
    next_days  integer check (next_days between 0 and 36500),
    next_from  timestamptz,
    changed_at timestamptz not null,
    check ((next_days is null) = (next_from is null))
);

-- Legal holds: while one stands, no entry of its scope leaves the database. Without a beginning and an end it is about the
-- whole log.
create table audit_hold (
    tenant_id   uuid not null,
    id          uuid not null,
    reason      text not null check (length(reason) between 1 and 2000),
    from_at     timestamptz,
    until_at    timestamptz check (until_at > from_at),
    placed_at   timestamptz not null,
    placed_by   uuid not null,
    lifted_at   timestamptz,
    lifted_by   uuid,
    lift_reason text check (length(lift_reason) between 1 and 2000),
    primary key (tenant_id, id),
    check ((lifted_at is null) = (lifted_by is null) and (lifted_at is null) = (lift_reason is null))
);
create index audit_hold_standing on audit_hold (tenant_id) where lifted_at is null;

-- Set while this transaction removes archived entries. No serving role can read or write it.
create table gate_private.pruning (xact xid8 primary key);

-- As before, and lets one thing through: the owner's function below, which marks its transaction where nobody else can.
create or replace function gate.refuse_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'DELETE' and tg_table_name = 'audit_entry' and current_user = 'portcullis_owner' then
        if exists (select from gate_private.pruning where xact = pg_current_xact_id()) then
            return null;
        end if;
    end if;
    raise exception 'the audit log is append-only: % on % refused', tg_op, tg_table_name using errcode = 'PCL02';
end
$$;

-- The old table, of which every entry moves to its month.
alter table audit_entry rename to audit_entry_whole;
alter table audit_entry_whole rename constraint audit_entry_pkey to audit_entry_whole_pkey;
drop index audit_entry_refused;
alter index if exists audit_entry_request rename to audit_entry_whole_request;
-- Its owner, who moves the rows, is bound by its policies otherwise.
alter table audit_entry_whole no force row level security;

create table audit_entry (
    tenant_id  uuid not null,
    id         uuid not null,
    at         timestamptz not null,
    kind       text not null check (length(kind) <= 64),
    actor      text not null check (length(actor) <= 128),
    request_id text not null check (length(request_id) <= 128),
    leaf       bytea not null check (octet_length(leaf) between 2 and 65535),
    primary key (tenant_id, id)
) partition by range (id);
create index audit_entry_refused on audit_entry (tenant_id, id) where kind in ('AUTH_FAILURE', 'access.denied');
-- A later migration's, where that one came first.
do $$
begin
    if to_regclass('portcullis.audit_entry_whole_request') is not null then
        create index audit_entry_request on audit_entry (tenant_id, request_id);
    end if;
end
$$;

-- Makes the month of a moment unless it is there. Only the parent has grants: a month is reached through it alone, past
-- its policies and its triggers.
--
-- Attached rather than made in place: that waits for no reader or writer of the other months, and none waits for it.
create function gate.add_entry_month(moment timestamptz) returns boolean
language plpgsql
set search_path = portcullis, pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    first timestamptz := date_trunc('month', moment);
    name text := 'audit_entry_' || to_char(moment, 'YYYY_MM');
begin
    if to_regclass('portcullis.' || name) is not null then
        return false;
    end if;
    perform pg_advisory_xact_lock(hashtextextended('portcullis.months', 0));
    if to_regclass('portcullis.' || name) is not null then
        return false;
    end if;
    execute format('create table portcullis.%I (like portcullis.audit_entry including all)', name);
    call gate.protect(format('portcullis.%I', name)::regclass, false);
    execute format('create trigger append_only before update or delete or truncate on portcullis.%I'
                   || ' for each statement execute function gate.refuse_change()', name);
    execute format('alter table portcullis.audit_entry attach partition portcullis.%I for values from (%L) to (%L)',
                   name, gate.first_entry_id(first), gate.first_entry_id(first + interval '1 month'));
    return true;
end
$$;
revoke all on function gate.add_entry_month(timestamptz) from public;

-- Makes this month and those that follow. Called by every server at its start and from time to time.
create function gate.keep_entry_months(ahead integer) returns integer
language plpgsql security definer
set search_path = portcullis, pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    made integer := 0;
begin
    for month in 0 .. least(greatest(ahead, 0), 12) loop
        if gate.add_entry_month(date_trunc('month', clock_timestamp()) + make_interval(months => month)) then
            made := made + 1;
        end if;
    end loop;
    return made;
end
$$;

-- Makes a month that is missing at the moment something is to be written into it. Far from now it makes none: then the
-- entry is refused, and with it what it tells of.
create function gate.make_entry_month(moment timestamptz) returns void
language plpgsql security definer
set search_path = portcullis, pg_catalog, pg_temp
as $$
begin
    if moment between clock_timestamp() - interval '32 days' and clock_timestamp() + interval '32 days' then
        perform gate.add_entry_month(moment);
    end if;
end
$$;
revoke all on function gate.keep_entry_months(integer), gate.make_entry_month(timestamptz) from public;
grant execute on function gate.keep_entry_months(integer) to portcullis_system;
grant execute on function gate.make_entry_month(timestamptz) to portcullis_app, portcullis_system;

-- Every month that has entries.
do $$
declare
    month timestamptz := null;
    next uuid := '00000000-0000-0000-0000-000000000000';
begin
    loop
        select date_trunc('month', to_timestamp(
                   ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0) at time zone 'UTC')
                   at time zone 'UTC'
        into month from audit_entry_whole where id >= next order by id limit 1;
        exit when not found;
        perform gate.add_entry_month(month);
        next := gate.first_entry_id((month at time zone 'UTC' + interval '1 month') at time zone 'UTC');
    end loop;
end
$$;
insert into audit_entry (tenant_id, id, at, kind, actor, request_id, leaf)
select tenant_id, id, at, kind, actor, request_id, leaf from audit_entry_whole;
drop table audit_entry_whole;
select gate.keep_entry_months(3);

create trigger enqueue_entries after insert on audit_entry
    referencing new table as added for each statement execute function gate.enqueue_entries();
create trigger enqueue_deliveries after insert on audit_entry
    referencing new table as added for each statement execute function gate.enqueue_deliveries();
create trigger append_only before update or delete or truncate on audit_entry
    for each statement execute function gate.refuse_change();
call gate.protect('audit_entry', false);
create policy system_rows on audit_entry to portcullis_system using (true) with check (true);
grant select, insert on audit_entry to portcullis_app, portcullis_system;

-- As before; and should its month be missing, it is made on the spot.
create or replace function gate.append(tenant uuid, entry uuid, made timestamptz, kind text, actor text, request text, leaf bytea)
returns text
language plpgsql
as $$
begin
    if pg_catalog.to_regclass('portcullis.audit_entry_' || pg_catalog.to_char(pg_catalog.timezone('UTC', made), 'YYYY_MM'))
       is null then
        perform gate.make_entry_month(made);
    end if;
    insert into portcullis.audit_entry (tenant_id, id, at, kind, actor, request_id, leaf)
    values (tenant, entry, made, kind, actor, request, leaf);
    return pg_catalog.current_setting('gate.epoch_moved', true);
end
$$;

create or replace function gate.append_all(
    claims text, tenant uuid, entries uuid[], made timestamptz[], kinds text[], actors text[], requests text[],
    leaves bytea[])
returns void
language plpgsql
as $$
declare
    -- What waits was made within the same seconds: two months at most.
    ends timestamptz[] := array[made[1], made[pg_catalog.array_upper(made, 1)]];
    moment timestamptz;
begin
    perform pg_catalog.set_config('request.jwt.claims', claims, true);
    foreach moment in array ends loop
        if pg_catalog.to_regclass('portcullis.audit_entry_'
               || pg_catalog.to_char(pg_catalog.timezone('UTC', moment), 'YYYY_MM')) is null then
            perform gate.make_entry_month(moment);
        end if;
    end loop;
    insert into portcullis.audit_entry (tenant_id, id, at, kind, actor, request_id, leaf)
    select tenant, e.* from rows from (
        pg_catalog.unnest(entries), pg_catalog.unnest(made), pg_catalog.unnest(kinds), pg_catalog.unnest(actors),
        pg_catalog.unnest(requests), pg_catalog.unnest(leaves)) as e;
end
$$;

-- Whether entries below an archive's size may go: the entry that says where they are has its place after them, under a
-- signed checkpoint, and no hold stands over any of them.
create function gate.may_remove(archive audit_archive) returns boolean
language sql stable
set search_path = portcullis, pg_catalog, pg_temp
as $$
    select exists (
        select from audit_leaf l
        join audit_entry e on e.tenant_id = l.tenant_id and e.id = l.entry_id and e.kind = 'log.pruned'
        where l.tenant_id = archive.tenant_id and l.entry_id = archive.entry_id and l.seq >= archive.size
          and l.seq < (select max(c.size) from audit_checkpoint c where c.tenant_id = archive.tenant_id)
    ) and not exists (
        select from audit_hold h
        where h.tenant_id = archive.tenant_id and h.lifted_at is null
          and exists (select from audit_leaf l
                      where l.tenant_id = archive.tenant_id and l.seq < archive.size
                        and (h.from_at is null or l.entry_id >= gate.first_entry_id(h.from_at))
                        and (h.until_at is null or l.entry_id < gate.first_entry_id(h.until_at)))
    )
$$;
revoke all on function gate.may_remove(audit_archive) from public;

-- Removes entries of the oldest archive of a log that still has rows here, at most so many places of it; how many rows went,
-- and NULL when nothing is left to do or nothing may be done now.
create function gate.remove_archived(tenant uuid, places integer) returns bigint
language plpgsql security definer
set search_path = portcullis, pg_catalog, pg_temp
as $$
declare
    due audit_archive;
    past bigint;
    removed bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended('portcullis.remove.' || tenant::text, 0));
    -- No hold is placed between looking for one and the end of this.
    lock table audit_hold in share mode;
    select * into due from audit_archive a
    where a.tenant_id = tenant and a.removed_at is null order by a.size limit 1;
    if not found or not gate.may_remove(due) then
        return null;
    end if;
    past := least(due.size, due.removed_to + greatest(places, 1));
    insert into gate_private.pruning (xact) values (pg_current_xact_id());
    delete from audit_entry e using audit_leaf l
    where l.tenant_id = tenant and l.seq >= due.removed_to and l.seq < past
      and e.tenant_id = tenant and e.id = l.entry_id;
    get diagnostics removed = row_count;
    delete from gate_private.pruning where xact = pg_current_xact_id();
    update audit_archive
    set removed_to = past, removed_at = case when past = due.size then clock_timestamp() end
    where tenant_id = tenant and size = due.size;
    return removed;
end
$$;

-- Drops months that are over and of which every entry, of every log, is archived and may go; their names. A month that
-- somebody is reading is left for the next time: nobody is kept from writing for longer than a moment.
create function gate.drop_archived_months() returns text[]
language plpgsql security definer
set search_path = portcullis, pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '200ms'
as $$
declare
    dropped text[] := '{}';
    month record;
    whole boolean;
begin
    lock table audit_hold in share mode;
    for month in
        select c.relname as name, to_date(right(c.relname, 7), 'YYYY_MM')::timestamptz as first
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'audit_entry'::regclass and c.relname ~ '^audit_entry_\d{4}_\d{2}$'
        order by c.relname
    loop
        exit when month.first + interval '1 month 2 days' > clock_timestamp();
        with able as materialized (
            select a.tenant_id, max(a.size) as size from audit_archive a where gate.may_remove(a) group by a.tenant_id)
        select not exists (
            select from audit_entry e
            where e.id >= gate.first_entry_id(month.first)
              and e.id < gate.first_entry_id(month.first + interval '1 month')
              and not exists (select from audit_leaf l join able on able.tenant_id = l.tenant_id and l.seq < able.size
                              where l.tenant_id = e.tenant_id and l.entry_id = e.id)) into whole;
        continue when not whole;
        begin
            execute format('alter table audit_entry detach partition %I', month.name);
            execute format('drop table %I', month.name);
            dropped := dropped || month.name;
        exception when lock_not_available then
            raise notice 'month % is being read; it is dropped later', month.name;
        end;
    end loop;
    return dropped;
end
$$;
revoke all on function gate.remove_archived(uuid, integer), gate.drop_archived_months() from public;
grant execute on function gate.remove_archived(uuid, integer), gate.drop_archived_months() to portcullis_system;

call gate.protect('audit_archive', false);
call gate.protect('audit_retention', true);
call gate.protect('audit_hold', true);
-- An archive is a fact of the log; that its rows are gone meanwhile follows from it.
create constraint trigger require_entry after insert on audit_archive
    deferrable initially deferred for each row execute function gate.require_entry();

-- The functions above run as the owner, whom FORCE ROW LEVEL SECURITY binds too.
create policy owner_reads on audit_entry for select to portcullis_owner using (true);
create policy owner_removes on audit_entry for delete to portcullis_owner
    using (exists (select from gate_private.pruning p where p.xact = pg_current_xact_id()));
create policy owner_reads on audit_leaf for select to portcullis_owner using (true);
create policy owner_reads on audit_checkpoint for select to portcullis_owner using (true);
create policy owner_reads on audit_hold for select to portcullis_owner using (true);
create policy owner_rows on audit_archive to portcullis_owner using (true) with check (true);

grant select on audit_archive to portcullis_app;
grant select, insert on audit_retention, audit_hold to portcullis_app;
grant update (days, next_days, next_from, changed_at) on audit_retention to portcullis_app;
grant update (lifted_at, lifted_by, lift_reason) on audit_hold to portcullis_app;

create policy system_rows on audit_archive to portcullis_system using (true) with check (true);
create policy system_rows on audit_retention to portcullis_system using (true);
create policy system_rows on audit_hold to portcullis_system using (true);
grant select, insert on audit_archive to portcullis_system;
grant select on audit_retention, audit_hold to portcullis_system;
