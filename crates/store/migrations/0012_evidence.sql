-- Evidence packs. A row fixes which part of the log a pack is, at which signed state, and what its manifest hashes to; the
-- pack itself is made anew from the log whenever it is taken away, and must come out the same.
create table evidence_pack (
    tenant_id         uuid not null references organization (tenant_id) on delete cascade,
    id                uuid not null,
    framework         text not null check (length(framework) between 1 and 64),
    everything        boolean not null,
    maker             text not null check (length(maker) between 1 and 128),
    organization_name text not null check (length(organization_name) between 1 and 200),
    period_from       timestamptz not null,
    period_to         timestamptz not null check (period_to > period_from),
    epoch             smallint not null check (epoch >= 0),
    log_size          bigint not null check (log_size >= 0),
    range_first       bigint not null check (range_first >= 0),
    range_end         bigint not null check (range_end between range_first and log_size),
    included          bigint not null check (included >= 0),
    held_back         bigint not null check (held_back >= 0 and included + held_back = range_end - range_first),
    controls          jsonb not null,
    manifest_sha256   bytea not null check (octet_length(manifest_sha256) = 32),
    jws               text not null check (length(jws) between 1 and 4096),
    created_at        timestamptz not null,
    created_by        text not null check (length(created_by) between 1 and 128),
    primary key (tenant_id, id)
);

call gate.protect('evidence_pack', true);
grant select, insert, delete on evidence_pack to portcullis_app;

-- A signed link opens without a session: the system role finds the pack, and reads the log that it keeps anyway.
create policy system_rows on evidence_pack to portcullis_system using (true);
grant select on evidence_pack to portcullis_system;
