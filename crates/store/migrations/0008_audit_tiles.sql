-- Full hash tiles (C2SP tlog-tiles): 256 hashes of the level below, written once, in the transaction that completes them.
-- What a proof needs of a large log is then a handful of rows. Partial tiles are computed from leaves and full tiles.
create table audit_tile (
    tenant_id uuid not null,
    level     smallint not null check (level between 0 and 63),
    index     bigint not null check (index >= 0),
    hashes    bytea not null check (octet_length(hashes) = 8192),
    primary key (tenant_id, level, index)
);

call gate.protect('audit_tile', false);
create trigger append_only before update or delete or truncate on audit_tile
    for each statement execute function gate.refuse_change();
create policy system_rows on audit_tile to portcullis_system using (true) with check (true);
grant select on audit_tile to portcullis_app;
grant select, insert on audit_tile to portcullis_system;

-- Tiles of logs that grew before there were any: those of level 0; the sequencer makes the levels above as they fill.
insert into audit_tile (tenant_id, level, index, hashes)
select tenant_id, 0, seq / 256, string_agg(hash, ''::bytea order by seq)
from audit_leaf group by tenant_id, seq / 256 having count(*) = 256;
