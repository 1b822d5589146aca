-- Personal values of entries, apart from the leaves. A leaf is for ever and holds a commitment; the value and its salt lie
-- here, sealed under a key of the person's own, and go when that key goes.

-- The key under which the log of one organization holds what is about one person: wrapped by the instance's envelope, found
-- by the id of an account, or of an invitation while there is no account. Without its row nothing that it sealed opens.
create table subject_key (
    tenant_id uuid not null,
    id        uuid not null,
    subject   uuid not null,
    sealed    bytea not null check (octet_length(sealed) between 29 and 128),
    made_at   timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, subject)
);
-- Erasing a person destroys their keys in every organization.
create index subject_key_subject on subject_key (subject);
-- What is destroyed must not lie about as a dead row: vacuum as soon as there is one.
alter table subject_key set (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
                             autovacuum_vacuum_cost_delay = 0);

-- One personal value of one entry: salt and value.
create table audit_personal (
    tenant_id uuid not null,
    entry_id  uuid not null,
    field     text not null check (length(field) between 1 and 64),
    key_id    uuid not null,
    sealed    bytea not null check (octet_length(sealed) between 29 and 65535),
    primary key (tenant_id, entry_id, field)
);
create trigger no_change before update or truncate on audit_personal
    for each statement execute function gate.refuse_change();

call gate.protect('subject_key', false);
call gate.protect('audit_personal', false);
-- A value belongs to an entry of its own transaction; that it goes follows from the archive its entry is in.
create constraint trigger require_entry after insert on audit_personal
    deferrable initially deferred for each row execute function gate.require_entry();
-- A key is made when it is first needed, which is no event; that it is destroyed must be in the log.
create constraint trigger require_entry after delete on subject_key
    deferrable initially deferred for each row execute function gate.require_entry();

create policy system_rows on subject_key to portcullis_system using (true) with check (true);
create policy system_rows on audit_personal to portcullis_system using (true) with check (true);
grant select, insert on subject_key, audit_personal to portcullis_app, portcullis_system;
grant update (sealed), delete on subject_key to portcullis_system;

-- The key of a person in the log of a tenant: the one there is, or the one that is offered. Says whether it was there
-- before this transaction, and so stays when this transaction does not.
create function gate.subject_key(
    tenant uuid, person uuid, offered uuid, wrapped bytea, made timestamptz,
    out key_id uuid, out key_sealed bytea, out was_there boolean)
language plpgsql
as $$
begin
    was_there := true;
    select k.id, k.sealed into key_id, key_sealed
    from portcullis.subject_key k where k.tenant_id = tenant and k.subject = person;
    if found then
        return;
    end if;
    was_there := false;
    insert into portcullis.subject_key (tenant_id, id, subject, sealed, made_at)
    values (tenant, offered, person, wrapped, made) on conflict do nothing;
    select k.id, k.sealed into key_id, key_sealed
    from portcullis.subject_key k where k.tenant_id = tenant and k.subject = person;
end
$$;

-- Writes entries that have no transaction of their own, with the personal values of some of them, in one statement.
create function gate.append_all_personal(
    claims text, tenant uuid, entries uuid[], made timestamptz[], kinds text[], actors text[], requests text[],
    leaves bytea[], owners uuid[], fields text[], keys uuid[], sealed bytea[])
returns void
language plpgsql
as $$
begin
    perform gate.append_all(claims, tenant, entries, made, kinds, actors, requests, leaves);
    insert into portcullis.audit_personal (tenant_id, entry_id, field, key_id, sealed)
    select tenant, p.* from rows from (
        pg_catalog.unnest(owners), pg_catalog.unnest(fields), pg_catalog.unnest(keys), pg_catalog.unnest(sealed)) as p;
end
$$;

revoke all on function gate.subject_key(uuid, uuid, uuid, bytea, timestamptz),
    gate.append_all_personal(text, uuid, uuid[], timestamptz[], text[], text[], text[], bytea[], uuid[], text[], uuid[],
                             bytea[]) from public;
grant execute on function gate.subject_key(uuid, uuid, uuid, bytea, timestamptz) to portcullis_app, portcullis_system;
grant execute on function gate.append_all_personal(text, uuid, uuid[], timestamptz[], text[], text[], text[], bytea[],
                                                   uuid[], text[], uuid[], bytea[]) to portcullis_app;

-- Erasing a person takes their words out of the rooms too.
grant update (address, address_key) on invitation to portcullis_system;
grant update (reason, review) on break_glass to portcullis_system;

-- As before; what archived entries say about people goes with their rows. An archive holds commitments alone.
create or replace function gate.remove_archived(tenant uuid, places integer) returns bigint
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
    delete from audit_personal p using audit_leaf l
    where l.tenant_id = tenant and l.seq >= due.removed_to and l.seq < past
      and p.tenant_id = tenant and p.entry_id = l.entry_id;
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
create policy owner_reads on audit_personal for select to portcullis_owner using (true);
create policy owner_removes on audit_personal for delete to portcullis_owner
    using (exists (select from gate_private.pruning p where p.xact = pg_current_xact_id()));
