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
-- signed for another backend. Never raises: a wrong claim gives zero rows.
--
-- The claims are {"tenant_id":"<36>","exp":<10>,"request_id":"<any>","sig":"<64>"}, without a space. What is signed is
-- their own text up to the signature, and the backend's process id: nothing is cut or converted before the signature
-- says that the server wrote it, and what it writes always has this form. Every statement under a policy runs this, so
-- what stands in it was measured: the pads are read by a statement without parameters, whose plan is kept.
create function gate.tenant() returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    claims text := current_setting('request.jwt.claims', true);
    message text := left(claims, -74);
    inner_pad bytea;
    outer_pad bytea;
begin
    if message is null or message = '' then
        return null;
    end if;
    select k.inner_pad, k.outer_pad into inner_pad, outer_pad from gate_private.claims_key k;
    -- Hashing both sides makes the comparison's timing say nothing about the expected value.
    if sha256(convert_to(left(right(claims, 66), 64), 'UTF8')) is distinct from sha256(convert_to(encode(
        sha256(outer_pad || sha256(inner_pad || convert_to(message || '|' || pg_backend_pid(), 'UTF8'))),
        'hex'), 'UTF8'))
    then
        return null;
    end if;
    if substr(message, 59, 10)::float8 < date_part('epoch', clock_timestamp()) then
        return null;
    end if;
    return substr(message, 15, 36)::uuid;
end
$$;
revoke all on function gate.tenant() from public;
grant execute on function gate.tenant() to portcullis_app, portcullis_system;

-- Opens a tenant's transaction on a connection that others may have used before. Fails when somebody prepared a
-- statement in SQL, as nothing of the product's does: under the name of one of the driver's, it would run with the next
-- tenant's claims.
create function gate.open(claims text) returns void
language plpgsql
as $$
begin
    if exists (select from pg_catalog.pg_prepared_statements where from_sql) then
        raise exception 'a statement was prepared in SQL on this connection' using errcode = 'PCL03';
    end if;
    perform pg_catalog.set_config('request.jwt.claims', claims, true);
end
$$;
revoke all on function gate.open(text) from public;
grant execute on function gate.open(text) to portcullis_app;
