-- The rooms of the first release: organizations, projects, agents, keys, providers, policies.
-- Every key and reference includes the tenant, so that no constraint can tell one tenant of another's rows.

create table organization (
    tenant_id  uuid primary key,
    name       text not null check (length(name) between 1 and 100),
    created_at timestamptz not null
);

create table project (
    tenant_id  uuid not null references organization (tenant_id) on delete cascade,
    id         uuid not null,
    name       text not null check (length(name) between 1 and 100),
    created_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, name)
);

create table agent (
    tenant_id    uuid not null,
    id           uuid not null,
    project_id   uuid not null,
    name         text not null check (length(name) between 1 and 100),
    description  text not null check (length(description) <= 2000),
    suspended_at timestamptz,
    created_at   timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, project_id, name),
    unique (tenant_id, project_id, id),
    foreign key (tenant_id, project_id) references project (tenant_id, id) on delete cascade
);

-- An API key as SHA-256. A key with an agent is that agent; without one it is a service.
create table api_key (
    tenant_id    uuid not null,
    id           uuid not null,
    project_id   uuid not null,
    agent_id     uuid,
    name         text not null check (length(name) between 1 and 100),
    role         text not null check (role in ('reader', 'editor', 'admin', 'owner')),
    capabilities text[],
    hint         text not null check (length(hint) <= 20),
    hash         bytea not null check (octet_length(hash) = 32),
    created_at   timestamptz not null,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    replaced_by  uuid,
    primary key (tenant_id, id),
    unique (tenant_id, hash),
    foreign key (tenant_id, project_id) references project (tenant_id, id) on delete cascade,
    foreign key (tenant_id, project_id, agent_id) references agent (tenant_id, project_id, id) on delete cascade,
    foreign key (tenant_id, replaced_by) references api_key (tenant_id, id)
);
-- Sign-in finds a key by its hash alone. Not unique: a uniqueness error would tell of other tenants.
create index api_key_hash on api_key (hash);

create table provider (
    tenant_id  uuid not null references organization (tenant_id) on delete cascade,
    id         uuid not null,
    name       text not null check (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    base_url   text not null check (length(base_url) <= 2000),
    models     text[] not null check (cardinality(models) <= 500),
    key_sealed bytea,
    created_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, name)
);

create table pii_policy (
    tenant_id  uuid not null references organization (tenant_id) on delete cascade,
    version    integer not null check (version > 0),
    document   jsonb not null,
    created_at timestamptz not null,
    primary key (tenant_id, version)
);

-- Counts the changes that make remembered lookups stale. Every process reads the sum a few times a second.
create table cache_epoch (
    tenant_id uuid primary key,
    epoch     bigint not null check (epoch > 0)
);

create function gate.bump_epoch() returns trigger
language plpgsql security definer
set search_path = portcullis, pg_catalog, pg_temp
as $$
begin
    insert into cache_epoch as c (tenant_id, epoch)
    values (case when tg_op = 'DELETE' then old.tenant_id else new.tenant_id end, 1)
    on conflict (tenant_id) do update set epoch = c.epoch + 1;
    -- So that the process that made the change need not wait for its next look: gate.append returns it. A hint and no
    -- more; whoever can change it can change what this transaction does.
    perform set_config('gate.epoch_moved', '1', true);
    return null;
end
$$;
revoke all on function gate.bump_epoch() from public;

call gate.protect('organization', true);
call gate.protect('project', true);
call gate.protect('agent', true);
call gate.protect('api_key', true);
call gate.protect('provider', true);
call gate.protect('pii_policy', true);
call gate.protect('cache_epoch', false);
create policy owner_epoch on cache_epoch to portcullis_owner using (true) with check (true);

create trigger bump_epoch after insert or update or delete on agent
    for each row execute function gate.bump_epoch();
create trigger bump_epoch after update or delete on api_key
    for each row execute function gate.bump_epoch();
create trigger bump_epoch after insert or update or delete on provider
    for each row execute function gate.bump_epoch();
create trigger bump_epoch after insert or update or delete on pii_policy
    for each row execute function gate.bump_epoch();

grant select on organization, cache_epoch to portcullis_app;
grant select, insert on project, pii_policy to portcullis_app;
grant select, insert on agent to portcullis_app;
grant update (suspended_at) on agent to portcullis_app;
grant select, insert on api_key to portcullis_app;
grant update (expires_at, revoked_at, replaced_by) on api_key to portcullis_app;
grant select, insert, delete on provider to portcullis_app;

-- Sign-in needs to find a key before it knows the tenant; first-run set-up makes the first organization.
create policy system_rows on organization to portcullis_system using (true) with check (true);
create policy system_rows on project to portcullis_system using (true) with check (true);
create policy system_rows on agent to portcullis_system using (true) with check (true);
create policy system_rows on api_key to portcullis_system using (true) with check (true);
create policy system_rows on pii_policy to portcullis_system using (true);
create policy system_rows on cache_epoch to portcullis_system using (true);
grant select, insert on organization, project, agent, api_key to portcullis_system;
grant select on pii_policy, cache_epoch to portcullis_system;

-- The instance itself: its id (which is also the tenant id of the instance's own log) and a sealed value that opens
-- only with the right ENCRYPTION_KEY.
create table instance (
    only_row   boolean primary key default true check (only_row),
    id         uuid not null,
    canary     bytea not null,
    created_at timestamptz not null
);
grant select, insert on instance to portcullis_system;
