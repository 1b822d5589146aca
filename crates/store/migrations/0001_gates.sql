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
-- signed for another backend. Never raises: a wrong claim gives zero rows. The claims have one exact spelling, so they
-- are cut at their quotes (a regular expression costs half a millisecond here, at every statement); nothing is converted
-- before the signature says that the server itself wrote it.
create function gate.tenant() returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    part text[] := string_to_array(current_setting('request.jwt.claims', true), '"');
    expires text;
    mac bytea;
begin
    if part is null or cardinality(part) <> 15
        or part[1] <> '{' or part[2] <> 'tenant_id' or part[3] <> ':' or part[5] <> ',' or part[6] <> 'exp'
        or part[8] <> 'request_id' or part[9] <> ':' or part[11] <> ',' or part[12] <> 'sig' or part[13] <> ':'
        or part[15] <> '}'
    then
        return null;
    end if;
    expires := btrim(part[7], ':,');
    if part[7] <> ':' || expires || ',' then
        return null;
    end if;
    select sha256(k.outer_pad || sha256(k.inner_pad || convert_to(
        part[4] || '|' || expires || '|' || part[10] || '|' || pg_backend_pid(), 'UTF8')))
    into mac from gate_private.claims_key k;
    -- Hashing both sides makes the comparison's timing say nothing about the expected value.
    if mac is null or sha256(convert_to(encode(mac, 'hex'), 'UTF8')) <> sha256(convert_to(part[14], 'UTF8')) then
        return null;
    end if;
    if expires::bigint < extract(epoch from clock_timestamp()) then
        return null;
    end if;
    return part[4]::uuid;
end
$$;
revoke all on function gate.tenant() from public;
grant execute on function gate.tenant() to portcullis_app, portcullis_system;
