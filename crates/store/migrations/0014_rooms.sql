-- What rooms show of what happened: when a key was last used, what happened to an account lately, who acts for whom.

-- When a key was last used, to the minute. Written in batches by the processes that saw it used, never on the path of a
-- request; a process that crashes forgets at most its last batch.
create table api_key_seen (
    tenant_id uuid not null,
    key_id    uuid not null,
    at        timestamptz not null,
    primary key (tenant_id, key_id),
    foreign key (tenant_id, key_id) references api_key (tenant_id, id) on delete cascade
);

call gate.protect('api_key_seen', false);
create policy system_rows on api_key_seen to portcullis_system using (true) with check (true);
grant select on api_key_seen to portcullis_app;
grant select, insert, update on api_key_seen to portcullis_system;

-- What lately happened to an account, for its person: few rows for each, so that nobody reads a long log for them. The
-- log says the same and can be verified; this can be forgotten.
create table account_event (
    account_id uuid not null references account (id) on delete cascade,
    id         uuid not null,
    kind       text not null check (length(kind) <= 64),
    -- From when on attempts are counted in this row, and when the last was.
    began_at   timestamptz not null,
    at         timestamptz not null,
    count      integer not null default 1 check (count > 0),
    device     text check (length(device) <= 200),
    address    text check (length(address) <= 45),
    primary key (account_id, id)
);
grant select, insert, update, delete on account_event to portcullis_system;

-- An agent that holds tokens which act for a person (RFC 8693), by the session they end with.
create table delegation (
    tenant_id  uuid not null,
    session_id uuid not null,
    agent_id   uuid not null,
    account_id uuid not null,
    key_id     uuid not null,
    since      timestamptz not null,
    -- When the last token ends by itself.
    until      timestamptz not null,
    ended_at   timestamptz,
    primary key (tenant_id, session_id, agent_id),
    foreign key (tenant_id, agent_id) references agent (tenant_id, id) on delete cascade,
    foreign key (tenant_id, key_id) references api_key (tenant_id, id) on delete cascade,
    foreign key (tenant_id, account_id) references member (tenant_id, account_id)
);
create index delegation_account on delegation (account_id, until);
create index delegation_ended on delegation (ended_at) where ended_at is not null;

call gate.protect('delegation', true);
create trigger bump_epoch after update of ended_at on delegation
    for each row when (old.ended_at is distinct from new.ended_at) execute function gate.bump_epoch();
create policy system_rows on delegation to portcullis_system using (true) with check (true);
grant select, insert on delegation to portcullis_app;
grant update (account_id, key_id, since, until, ended_at) on delegation to portcullis_app;
grant select on delegation to portcullis_system;
grant update (ended_at) on delegation to portcullis_system;

-- Refusals of a day are counted over these rows alone, however long the log is.
create index audit_entry_refused on audit_entry (tenant_id, id) where kind in ('AUTH_FAILURE', 'access.denied');
