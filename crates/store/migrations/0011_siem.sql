-- How far the logs were forwarded to the operator's collectors.

-- Who forwards to a collector at the moment: one process, for a while.
create table siem_collector (
    name       text primary key check (length(name) <= 512),
    holder     uuid not null,
    held_until timestamptz not null
);

-- The index that comes next, of each log and for each collector.
create table siem_position (
    tenant_id uuid not null,
    collector text not null check (length(collector) <= 512),
    next      bigint not null check (next >= 0),
    moved_at  timestamptz not null,
    primary key (tenant_id, collector)
);
call gate.protect('siem_position', false);

-- Forwarding belongs to the instance: no tenant sees it.
create policy system_rows on siem_position to portcullis_system using (true) with check (true);
grant select, insert, update on siem_collector, siem_position to portcullis_system;
