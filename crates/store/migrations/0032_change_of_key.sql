-- ENCRYPTION_KEY can be changed while servers run.

-- While it is being changed, claims hold that either of the two keys signed.
alter table gate_private.claims_key
    add column other_inner_pad bytea check (octet_length(other_inner_pad) = 64),
    add column other_outer_pad bytea check (octet_length(other_outer_pad) = 64),
    add check ((other_inner_pad is null) = (other_outer_pad is null));

-- As it was, and the other key is tried where the first does not hold: nobody else pays for it.
create or replace function gate.tenant() returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    claims text := current_setting('request.jwt.claims', true);
    message text := left(claims, -74);
    inner_pad bytea;
    outer_pad bytea;
    other_inner_pad bytea;
    other_outer_pad bytea;
begin
    if message is null or message = '' then
        return null;
    end if;
    select k.inner_pad, k.outer_pad, k.other_inner_pad, k.other_outer_pad
        into inner_pad, outer_pad, other_inner_pad, other_outer_pad from gate_private.claims_key k;
    -- Hashing both sides makes the comparison's timing say nothing about the expected value.
    if sha256(convert_to(left(right(claims, 66), 64), 'UTF8')) is distinct from sha256(convert_to(encode(
        sha256(outer_pad || sha256(inner_pad || convert_to(message || '|' || pg_backend_pid(), 'UTF8'))),
        'hex'), 'UTF8'))
    then
        if other_outer_pad is null
            or sha256(convert_to(left(right(claims, 66), 64), 'UTF8')) is distinct from sha256(convert_to(encode(
            sha256(other_outer_pad
                || sha256(other_inner_pad || convert_to(message || '|' || pg_backend_pid(), 'UTF8'))),
            'hex'), 'UTF8'))
        then
            return null;
        end if;
    end if;
    if substr(message, 59, 10)::float8 < date_part('epoch', clock_timestamp()) then
        return null;
    end if;
    return substr(message, 15, 36)::uuid;
end
$$;

-- What is sealed under ENCRYPTION_KEY is sealed anew, row by row, by the system role. Of these tables it gets the sealed columns
-- and what says where they belong, and nothing more.
grant select (tenant_id, id, key_sealed), update (key_sealed) on provider to portcullis_system;
create policy system_keys on provider to portcullis_system using (true) with check (true);
grant update (secret_sealed, old_secret_sealed) on webhook_endpoint to portcullis_system;
grant update (sealed) on data_key to portcullis_system;
grant update (canary) on instance to portcullis_system;

-- Of a log nothing changes but how its seed is sealed, and that through this function alone: no serving role may change its rows.
create function gate.reseal_log(of_tenant uuid, of_epoch smallint, was bytea, anew bytea) returns boolean
language plpgsql security definer
set search_path = portcullis, pg_catalog, pg_temp
as $$
begin
    update audit_log set seed_sealed = anew where tenant_id = of_tenant and epoch = of_epoch and seed_sealed = was;
    return found;
end
$$;
revoke all on function gate.reseal_log(uuid, smallint, bytea, bytea) from public;
grant execute on function gate.reseal_log(uuid, smallint, bytea, bytea) to portcullis_system;
create policy owner_reads on audit_log for select to portcullis_owner using (true);
create policy owner_seals on audit_log for update to portcullis_owner using (true) with check (true);
drop trigger append_only on audit_log;
create trigger append_only before update of tenant_id, origin, public_key, created_at, epoch or delete or truncate
    on audit_log for each statement execute function gate.refuse_change();
-- The seed itself opens at its log and epoch alone, and its public key stands beside it: another seed is found out when it is used.
create constraint trigger require_entry after update on audit_log
    deferrable initially deferred for each row execute function gate.require_entry();
