-- Values that gate four replaced and can put back, and the keys they are sealed under.

-- The data keys of an organization, wrapped by the instance's envelope. One is current and seals; retired ones open what they
-- sealed until that has expired, and are destroyed then.
create table data_key (
    tenant_id  uuid not null,
    id         uuid not null,
    state      text not null check (state in ('current', 'retired')),
    sealed     bytea not null check (octet_length(sealed) between 29 and 128),
    made_at    timestamptz not null,
    retired_at timestamptz,
    check ((state = 'retired') = (retired_at is not null)),
    primary key (tenant_id, id)
);
create unique index data_key_current on data_key (tenant_id) where state = 'current';
-- What is destroyed must not lie about as a dead row: vacuum as soon as there is one.
alter table data_key set (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
                          autovacuum_vacuum_cost_delay = 0);

-- One value of one conversation. The conversation and the value are found by keyed hashes alone.
create table pii_token (
    tenant_id    uuid not null,
    token        text not null check (token ~ '^<[A-Z_]{2,10}_[a-z2-7]{4,16}>$'),
    class        text not null check (length(class) between 2 and 10),
    channel      text not null check (length(channel) between 1 and 20),
    -- What a caller sent is put back for them; what a model brought is not.
    from_caller  boolean not null,
    conversation bytea not null check (octet_length(conversation) = 32),
    blind        bytea not null check (octet_length(blind) = 32),
    key_id       uuid not null,
    sealed       bytea not null check (octet_length(sealed) between 30 and 32768),
    minted_at    timestamptz not null,
    expires_at   timestamptz not null check (expires_at > minted_at and expires_at <= minted_at + interval '720 hours'),
    primary key (tenant_id, token),
    foreign key (tenant_id, key_id) references data_key (tenant_id, id)
);
create index pii_token_conversation on pii_token (tenant_id, conversation, minted_at);
create index pii_token_expiry on pii_token (expires_at);
create index pii_token_key on pii_token (tenant_id, key_id);

call gate.protect('data_key', false);
call gate.protect('pii_token', false);
-- That values are kept must be in the log, and that a key was rotated. That a key is made when it is first needed is no event,
-- nor that what has expired goes: nothing else can be deleted.
create constraint trigger require_entry after insert or update on pii_token
    deferrable initially deferred for each row execute function gate.require_entry();
create constraint trigger require_entry after update on data_key
    deferrable initially deferred for each row execute function gate.require_entry();

-- What processes remember of keys goes when a key is made, rotated or destroyed.
create trigger bump_epoch after insert or update or delete on data_key
    for each row execute function gate.bump_epoch();

create policy system_rows on data_key to portcullis_system using (true) with check (true);
create policy system_looks on pii_token for select to portcullis_system using (true);
create policy system_expired on pii_token for delete to portcullis_system using (expires_at < clock_timestamp());
grant select, insert on pii_token to portcullis_app;
grant select, insert, update (state, retired_at), delete on data_key to portcullis_system;
grant select, delete on pii_token to portcullis_system;
