-- Gate three in the database: who the session's tenant is, proven rather than claimed.
--
-- The application puts signed claims into the transaction-local setting request.jwt.claims. A plain setting is no
-- boundary: one injected set_config would read another tenant. So the claims carry an HMAC over tenant, expiry,
-- request id and the backend's process id, and everything below believes only what verifies.

create schema gate;
revoke all on schema gate from public;
grant usage on schema gate to portcullis_app, portcullis_system;

create schema gate_private;
revoke all on schema gate_private from public;

-- The HMAC key as its two pre-mixed pads (RFC 2104: key xor ipad, key xor opad), written by the migration run.
create table gate_private.claims_key (
    only_row  boolean primary key default true check (only_row),
    inner_pad bytea not null check (octet_length(inner_pad) = 64),
    outer_pad bytea not null check (octet_length(outer_pad) = 64)
);

-- The tenant of this transaction, or NULL when the claims are absent, malformed, expired, signed with another key or
-- signed for another backend. Never raises: a wrong claim gives zero rows. The claims have one exact spelling, so a
-- regular expression both validates and parses them.
create function gate.tenant() returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    part text[];
    message bytea;
    mac bytea;
begin
    part := regexp_match(
        current_setting('request.jwt.claims', true),
        '^\{"tenant_id":"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})","exp":([0-9]{1,12}),'
        || '"request_id":"([0-9A-Za-z._-]{1,128})","sig":"([0-9a-f]{64})"\}$');
    if part is null or part[2]::bigint < extract(epoch from clock_timestamp()) then
        return null;
    end if;
    message := convert_to(part[1] || '|' || part[2] || '|' || part[3] || '|' || pg_backend_pid(), 'UTF8');
    select sha256(k.outer_pad || sha256(k.inner_pad || message)) into mac from gate_private.claims_key k;
    -- Hashing both sides makes the comparison's timing say nothing about the expected value.
    if mac is null or sha256(mac) <> sha256(decode(part[4], 'hex')) then
        return null;
    end if;
    return part[1]::uuid;
end
$$;
revoke all on function gate.tenant() from public;
grant execute on function gate.tenant() to portcullis_app, portcullis_system;
