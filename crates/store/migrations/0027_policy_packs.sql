-- Signed policy packs: the keys an organization trusts, the packs that were uploaded, and which of them was in force when.

-- Public keys whose signature on a pack this organization accepts, from `not_before` until `expires_at`, unless revoked.
create table policy_key (
    tenant_id  uuid not null references organization (tenant_id) on delete cascade,
    id         uuid not null,
    name       text not null check (length(name) between 1 and 255),
    vkey       text not null check (length(vkey) between 1 and 512),
    not_before timestamptz not null,
    expires_at timestamptz check (expires_at > not_before),
    trusted_at timestamptz not null,
    trusted_by uuid not null,
    revoked_at timestamptz,
    revoked_by uuid,
    primary key (tenant_id, id),
    unique (tenant_id, vkey),
    check ((revoked_at is null) = (revoked_by is null))
);

-- Packs: the canonical document, its hash and its signature. What a dry run showed last stands beside it: the hash of that,
-- when it was, and over which turn of the history.
create table policy_pack (
    tenant_id      uuid not null,
    id             uuid not null,
    name           text not null check (name ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
    version        bigint not null check (version > 0),
    label          text check (length(label) between 1 and 32),
    mode           text not null check (mode in ('forbid', 'permit')),
    policies       integer not null check (policies > 0),
    expires_at     timestamptz,
    document       bytea not null check (octet_length(document) between 2 and 524288),
    sha256         bytea not null check (octet_length(sha256) = 32),
    signature      text not null check (length(signature) between 1 and 4096),
    key_id         uuid not null,
    uploaded_at    timestamptz not null,
    dry_run        jsonb,
    dry_run_sha256 bytea check (octet_length(dry_run_sha256) = 32),
    dry_run_at     timestamptz,
    dry_run_over   bigint,
    primary key (tenant_id, id),
    unique (tenant_id, sha256),
    foreign key (tenant_id, key_id) references policy_key (tenant_id, id),
    check ((dry_run is null) = (dry_run_sha256 is null) and (dry_run is null) = (dry_run_at is null))
);

-- The turns: the newest is in force. One without a pack means that none is. `below` is the turn that going back leads to.
create table policy_turn (
    tenant_id uuid not null references organization (tenant_id) on delete cascade,
    seq       bigint not null check (seq > 0),
    pack_id   uuid,
    below     bigint check (below < seq),
    way       text not null check (way in ('activate', 'roll_back')),
    turned_at timestamptz not null,
    turned_by uuid not null,
    primary key (tenant_id, seq),
    foreign key (tenant_id, pack_id) references policy_pack (tenant_id, id),
    foreign key (tenant_id, below) references policy_turn (tenant_id, seq)
);

call gate.protect('policy_key', true);
call gate.protect('policy_pack', true);
call gate.protect('policy_turn', true);
create trigger bump_epoch after insert or update or delete on policy_turn
    for each row execute function gate.bump_epoch();

grant select, insert on policy_key, policy_pack, policy_turn to portcullis_app;
grant update (revoked_at, revoked_by) on policy_key to portcullis_app;
grant update (dry_run, dry_run_sha256, dry_run_at, dry_run_over) on policy_pack to portcullis_app;

-- The gates ask the pack in force before they open the tenant's transaction.
create policy system_rows on policy_key to portcullis_system using (true);
create policy system_rows on policy_pack to portcullis_system using (true);
create policy system_rows on policy_turn to portcullis_system using (true);
grant select on policy_key, policy_pack, policy_turn to portcullis_system;
