-- Heads of the logs: epochs, their anchors in the instance's log, what witnesses said, and alarms.

-- A log that lost its end (a restored backup, a failover that lost the tail) cannot be signed on under a name whose larger
-- head is out in the world: that would be a fork. The operator begins an epoch: the same tree under another name and key,
-- and its first entry cites the head that was lost.
alter table audit_log add column epoch smallint not null default 0 check (epoch between 0 and 1000);
alter table audit_log drop constraint audit_log_pkey;
alter table audit_log add primary key (tenant_id, epoch);
grant select (epoch) on audit_log to portcullis_app;

alter table audit_checkpoint add column epoch smallint not null default 0;
alter table audit_checkpoint drop constraint audit_checkpoint_pkey;
alter table audit_checkpoint add primary key (tenant_id, epoch, size);

-- Where the instance's log says that a checkpoint was signed: one witness of that log sees all of them.
create table audit_anchor (
    tenant_id uuid not null,
    epoch     smallint not null,
    size      bigint not null check (size >= 0),
    entry_id  uuid not null,
    primary key (tenant_id, epoch, size)
);

-- What witnesses said about a checkpoint (C2SP tlog-cosignature).
create table audit_cosignature (
    tenant_id uuid not null,
    epoch     smallint not null,
    size      bigint not null check (size >= 0),
    vkey      text not null check (length(vkey) <= 512),
    line      text not null check (length(line) <= 1024),
    at        timestamptz not null,
    primary key (tenant_id, epoch, size, vkey)
);

-- How it stands with each witness: what it cosigned last, or why it did not.
create table audit_witness (
    vkey      text primary key check (length(vkey) <= 512),
    name      text not null check (length(name) <= 255),
    size      bigint check (size >= 0),
    signed_at timestamptz,
    asked_at  timestamptz not null,
    problem   text check (length(problem) <= 500)
);
grant select, insert, update, delete on audit_witness to portcullis_system;

-- Something about a log that nobody should overlook until it is settled.
create table audit_alarm (
    tenant_id  uuid not null,
    id         uuid not null,
    kind       text not null check (kind in ('head_lost', 'rows_changed', 'witness_refused')),
    detail     text not null check (length(detail) <= 2000),
    raised_at  timestamptz not null,
    cleared_at timestamptz,
    primary key (tenant_id, id)
);
create unique index audit_alarm_one_open on audit_alarm (tenant_id, kind) where cleared_at is null;

call gate.protect('audit_anchor', false);
call gate.protect('audit_cosignature', false);
call gate.protect('audit_alarm', true);
create trigger append_only before update or delete or truncate on audit_anchor
    for each statement execute function gate.refuse_change();
create trigger append_only before update or delete or truncate on audit_cosignature
    for each statement execute function gate.refuse_change();
create policy system_rows on audit_anchor to portcullis_system using (true) with check (true);
create policy system_rows on audit_cosignature to portcullis_system using (true) with check (true);
create policy system_rows on audit_alarm to portcullis_system using (true) with check (true);
grant select on audit_anchor, audit_alarm to portcullis_app;
grant select, insert on audit_anchor, audit_cosignature to portcullis_system;
grant select, insert on audit_alarm to portcullis_system;
grant update (cleared_at, detail) on audit_alarm to portcullis_system;
