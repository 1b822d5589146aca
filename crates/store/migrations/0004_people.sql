-- People: accounts, what proves who they are, their sessions, and their place in organizations.
--
-- A person is one account for all organizations; an organization has members. Accounts and what belongs to them have no
-- tenant: only the system role reads them, and only through the gates. What an organization knows of its members (role,
-- the address and the name they go by, their sessions there) are tenant rows like any other.

create table account (
    id                  uuid primary key,
    address             text not null check (length(address) between 3 and 254),
    -- The address in the form that counts: one account for each.
    address_key         text not null unique check (length(address_key) between 3 and 254),
    address_verified_at timestamptz,
    name                text not null check (length(name) between 1 and 100),
    -- A self-describing hash; absent for people who sign in with passkeys alone.
    password            text check (length(password) between 20 and 255),
    password_changed_at timestamptz,
    -- The organization the last session was in.
    last_tenant         uuid,
    super_admin_at      timestamptz,
    disabled_at         timestamptz,
    created_at          timestamptz not null
);

-- An authenticator app (RFC 6238). The secret is a Fernet token; the last step used is remembered against replay.
create table totp (
    account_id   uuid not null references account (id) on delete cascade,
    id           uuid not null,
    name         text not null check (length(name) between 1 and 100),
    secret       text not null check (length(secret) <= 500),
    last_step    bigint,
    confirmed_at timestamptz,
    created_at   timestamptz not null,
    primary key (account_id, id)
);

create table recovery_code (
    account_id uuid not null references account (id) on delete cascade,
    hash       bytea not null check (octet_length(hash) = 32),
    made_at    timestamptz not null,
    used_at    timestamptz,
    primary key (account_id, hash)
);

create table passkey (
    account_id    uuid not null references account (id) on delete cascade,
    id            uuid not null,
    credential_id bytea not null unique check (octet_length(credential_id) between 1 and 1023),
    name          text not null check (length(name) between 1 and 100),
    credential    text not null check (length(credential) <= 16384),
    provider      text check (length(provider) <= 100),
    created_at    timestamptz not null,
    last_used_at  timestamptz,
    primary key (account_id, id)
);

-- A browser this person signed in with before: it has a share of attempts of its own, which nobody else can use up.
create table known_device (
    account_id uuid not null references account (id) on delete cascade,
    hash       bytea not null check (octet_length(hash) = 32),
    first_at   timestamptz not null,
    last_at    timestamptz not null,
    primary key (account_id, hash)
);

-- Something begun that ends with a second request: a passkey ceremony, a sign-in that waits for its second factor.
-- Single use: taking it deletes it.
create table ceremony (
    hash         bytea primary key check (octet_length(hash) = 32),
    purpose      text not null check (length(purpose) <= 32),
    account_id   uuid references account (id) on delete cascade,
    state_sealed bytea not null check (octet_length(state_sealed) <= 65536),
    expires_at   timestamptz not null
);
create index ceremony_expires on ceremony (expires_at);

-- A link in a mail: known by its hash, used once, for a limited time.
create table one_time_link (
    hash       bytea primary key check (octet_length(hash) = 32),
    purpose    text not null check (purpose in ('verify', 'reset', 'change_address', 'welcome')),
    account_id uuid references account (id) on delete cascade,
    -- What the link is about beyond its account: the new address.
    detail     text check (length(detail) <= 254),
    made_at    timestamptz not null,
    expires_at timestamptz not null,
    used_at    timestamptz
);
create index one_time_link_account on one_time_link (account_id, purpose);

-- Guesses in the current window, counted before the guess is looked at. The key is a keyed hash: addresses and accounts
-- are not kept here.
create table attempt (
    scope      text not null check (length(scope) <= 32),
    key        bytea not null check (octet_length(key) = 32),
    began_at   timestamptz not null,
    count      integer not null check (count >= 0),
    primary key (scope, key)
);
create index attempt_began on attempt (began_at);

-- Keys of the instance that rotate: those that sign access tokens, and those that encrypt authenticator secrets.
create table key_ring (
    purpose    text not null check (purpose in ('access_token', 'totp')),
    id         text not null check (length(id) <= 100),
    state      text not null check (state in ('next', 'current', 'retired')),
    public     text check (length(public) <= 4096),
    sealed     bytea not null check (octet_length(sealed) <= 8192),
    made_at    timestamptz not null,
    current_at timestamptz,
    retired_at timestamptz,
    primary key (purpose, id)
);
create unique index key_ring_one_current on key_ring (purpose) where state = 'current';

-- Letters on their way out. Sealed: they hold links that open accounts.
create table mail_outbox (
    id             uuid primary key,
    kind           text not null check (length(kind) <= 64),
    made_at        timestamptz not null,
    due_at         timestamptz not null,
    sent_at        timestamptz,
    failed_at      timestamptz,
    attempts       integer not null default 0 check (attempts >= 0),
    last_error     text check (length(last_error) <= 500),
    to_sealed      bytea not null check (octet_length(to_sealed) <= 1024),
    message_sealed bytea not null check (octet_length(message_sealed) <= 262144)
);
create index mail_outbox_due on mail_outbox (due_at) where sent_at is null and failed_at is null;
create index mail_outbox_made on mail_outbox (made_at);

-- A person in an organization. Agents are rows of another table: what refers here can only be a person.
-- The row outlives the membership, because approvals and reviews go on referring to it.
create table member (
    tenant_id     uuid not null references organization (tenant_id) on delete cascade,
    account_id    uuid not null,
    -- The account's, copied so that the organization can show them; kept alike by the account's own changes.
    address       text not null check (length(address) between 3 and 254),
    name          text not null check (length(name) between 1 and 100),
    second_factor boolean not null default false,
    role          text not null check (role in ('viewer', 'member', 'admin', 'provider_admin')),
    owner         boolean not null default false,
    joined_at     timestamptz not null,
    suspended_at  timestamptz,
    ended_at      timestamptz,
    primary key (tenant_id, account_id),
    check (not owner or role in ('admin', 'provider_admin'))
);
create index member_account on member (account_id);

-- One stay of a person. The tenant is the organization it is in, or the instance while the person has none.
create table session (
    tenant_id          uuid not null,
    id                 uuid not null,
    account_id         uuid not null,
    -- Of the cookie's secret; absent for programs, which hold tokens instead.
    hash               bytea check (octet_length(hash) = 32),
    device             text not null check (length(device) <= 200),
    address            text check (length(address) <= 45),
    acr                text not null check (acr in ('aal1', 'aal2')),
    amr                text[] not null check (cardinality(amr) between 1 and 8),
    auth_time          timestamptz not null,
    created_at         timestamptz not null,
    expires_at         timestamptz not null,
    revoked_at         timestamptz,
    revoked_because    text check (length(revoked_because) <= 32),
    -- The family of refresh tokens, for programs: which generation is the living one, its hash, and when it and those
    -- lately before it took their place.
    refresh_generation bigint check (refresh_generation > 0),
    refresh_hash       bytea check (octet_length(refresh_hash) = 32),
    refresh_rotations  timestamptz[] check (cardinality(refresh_rotations) between 1 and 16),
    refresh_expires_at timestamptz,
    primary key (tenant_id, id),
    check ((refresh_generation is null) = (refresh_hash is null)),
    check (hash is not null or refresh_hash is not null)
);
create index session_hash on session (hash);
create index session_id on session (id);
create index session_account on session (account_id, created_at);

create table session_seen (
    tenant_id  uuid not null,
    session_id uuid not null,
    at         timestamptz not null,
    address    text check (length(address) <= 45),
    primary key (tenant_id, session_id),
    foreign key (tenant_id, session_id) references session (tenant_id, id) on delete cascade on update cascade
);

create table invitation (
    tenant_id   uuid not null references organization (tenant_id) on delete cascade,
    id          uuid not null,
    address     text not null check (length(address) between 3 and 254),
    address_key text not null check (length(address_key) between 3 and 254),
    role        text not null check (role in ('viewer', 'member', 'admin')),
    invited_by  uuid,
    hash        bytea not null check (octet_length(hash) = 32),
    made_at     timestamptz not null,
    expires_at  timestamptz not null,
    accepted_at timestamptz,
    revoked_at  timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, invited_by) references member (tenant_id, account_id)
);
create index invitation_hash on invitation (hash);

-- What an organization asks of its members; without a row, the defaults of the product.
create table organization_settings (
    tenant_id              uuid primary key references organization (tenant_id) on delete cascade,
    second_factor_for_all  boolean not null,
    second_factor_roles    text[] not null check (second_factor_roles <@ array['viewer', 'member', 'admin', 'provider_admin']),
    session_hours          integer not null check (session_hours between 1 and 720),
    changed_at             timestamptz not null
);

create table break_glass (
    tenant_id     uuid not null references organization (tenant_id) on delete cascade,
    id            uuid not null,
    account_id    uuid not null,
    reason        text not null check (length(reason) between 10 and 2000),
    opened_at     timestamptz not null,
    until         timestamptz not null check (until > opened_at),
    closed_at     timestamptz,
    review_due_at timestamptz not null,
    reviewed_at   timestamptz,
    reviewed_by   uuid,
    review        text check (length(review) <= 2000),
    primary key (tenant_id, id),
    foreign key (tenant_id, account_id) references member (tenant_id, account_id),
    foreign key (tenant_id, reviewed_by) references member (tenant_id, account_id),
    check ((reviewed_at is null) = (reviewed_by is null))
);

-- Access tokens called back before their time. Only those that would still live are looked at.
create table revoked_token (
    tenant_id  uuid not null,
    id         text not null check (length(id) <= 64),
    expires_at timestamptz not null,
    primary key (tenant_id, id)
);

create index revoked_token_expires on revoked_token (expires_at);

-- A token made with a key names the key by its id alone.
create index api_key_id on api_key (id);

-- A member is a person: the row of the account must be there. Not a foreign key, whose error would tell one organization
-- of another's people.
create function gate.require_account() returns trigger
language plpgsql security definer
set search_path = portcullis, pg_catalog, pg_temp
as $$
begin
    if not exists (select from account where id = new.account_id) then
        raise exception 'a member must be a person with an account' using errcode = 'PCL03';
    end if;
    return new;
end
$$;
revoke all on function gate.require_account() from public;

-- Fails a commit that changed an account, or what proves who somebody is, without an entry: in the log of an organization
-- the person belongs to, or in the instance's own.
create function gate.require_account_entry() returns trigger
language plpgsql security definer
set search_path = portcullis, pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
    changed jsonb := to_jsonb(case when tg_op = 'DELETE' then old else new end);
    person uuid := (changed ->> case when tg_table_name = 'account' then 'id' else 'account_id' end)::uuid;
begin
    if not exists (
        select from audit_queue q
        where q.xact = pg_current_xact_id()
          and q.tenant_id in (select m.tenant_id from member m where m.account_id = person
                              union all select i.id from instance i))
    then
        raise exception 'a change of % was not written to the audit log; nothing was committed', tg_table_name
            using errcode = 'PCL01';
    end if;
    return null;
end
$$;
revoke all on function gate.require_account_entry() from public;

-- What is remembered of people grows stale with an account too; the instance's epoch stands for it.
create function gate.bump_instance_epoch() returns trigger
language plpgsql security definer
set search_path = portcullis, pg_catalog, pg_temp
as $$
begin
    insert into cache_epoch as c (tenant_id, epoch) select id, 1 from instance
    on conflict (tenant_id) do update set epoch = c.epoch + 1;
    perform set_config('gate.epoch_moved', '1', true);
    return null;
end
$$;
revoke all on function gate.bump_instance_epoch() from public;

do $$
declare
    relation text;
begin
    foreach relation in array array['account', 'totp', 'recovery_code', 'passkey'] loop
        execute format(
            'create constraint trigger require_entry after insert or update or delete on %I'
            || ' deferrable initially deferred for each row execute function gate.require_account_entry()', relation);
    end loop;
end
$$;

call gate.protect('member', true);
call gate.protect('session', true);
call gate.protect('session_seen', false);
call gate.protect('invitation', true);
call gate.protect('organization_settings', true);
call gate.protect('break_glass', true);
call gate.protect('revoked_token', true);

create trigger require_account before insert on member for each row execute function gate.require_account();

create trigger bump_epoch after insert or update or delete on member
    for each row execute function gate.bump_epoch();
create trigger bump_epoch after delete or update of tenant_id, hash, acr, amr, auth_time, expires_at, revoked_at on session
    for each row execute function gate.bump_epoch();
create trigger bump_epoch after insert or update or delete on organization_settings
    for each row execute function gate.bump_epoch();
create trigger bump_epoch after insert or update or delete on break_glass
    for each row execute function gate.bump_epoch();
create trigger bump_epoch after insert on revoked_token
    for each row execute function gate.bump_epoch();
create trigger bump_epoch after update of disabled_at, super_admin_at, address, name on account
    for each row execute function gate.bump_instance_epoch();
create trigger bump_epoch after delete or update of confirmed_at on totp
    for each row execute function gate.bump_instance_epoch();
create trigger bump_epoch after insert or delete on passkey
    for each row execute function gate.bump_instance_epoch();
create trigger bump_epoch after insert or update on key_ring
    for each row execute function gate.bump_instance_epoch();

-- The owner's functions above read what row security hides from their owner too.
create policy owner_reads on member to portcullis_owner using (true);

grant select on member, session, session_seen, invitation, organization_settings, break_glass to portcullis_app;
grant update (role, owner, suspended_at, ended_at) on member to portcullis_app;
grant update (revoked_at, revoked_because) on session to portcullis_app;
grant insert on invitation, organization_settings, break_glass, revoked_token to portcullis_app;
grant update (revoked_at) on invitation to portcullis_app;
grant update (second_factor_for_all, second_factor_roles, session_hours, changed_at) on organization_settings
    to portcullis_app;
grant update (closed_at, reviewed_at, reviewed_by, review) on break_glass to portcullis_app;
grant update (name) on organization to portcullis_app;

-- Signing in finds people and sessions before it knows a tenant.
do $$
declare
    relation text;
begin
    foreach relation in array array['member', 'session', 'session_seen', 'invitation', 'organization_settings',
                                    'break_glass', 'revoked_token'] loop
        execute format('create policy system_rows on %I to portcullis_system using (true) with check (true)', relation);
    end loop;
end
$$;
grant select, insert, update on account, totp, passkey, key_ring, mail_outbox to portcullis_system;
grant delete on account, totp, passkey, mail_outbox to portcullis_system;
grant select, insert, update, delete on recovery_code, known_device, ceremony, one_time_link, attempt to portcullis_system;
grant select, insert, update on member, session, session_seen to portcullis_system;
grant delete on session_seen to portcullis_system;
grant select on organization_settings, break_glass, invitation, revoked_token to portcullis_system;
grant update (accepted_at) on invitation to portcullis_system;
