-- Row-level security asks for the relation too: a member of the organization who has no relation to what a table holds sees
-- none of its rows, even where the application forgot to ask.
--
-- As whom a transaction may do things is in its signed claims ("by"): the credential, and the person it acts for.

-- As whom this transaction is, or NULL when the claims do not verify.
create function gate.by() returns text[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return case when gate.tenant() is not null then
        string_to_array(substring(left(current_setting('request.jwt.claims', true), -74) from '"by":"([^"]*)"$'), ' ') end;
end
$$;
revoke all on function gate.by() from public;
grant execute on function gate.by() to portcullis_app;

-- Whether everybody this transaction is done as has one of the relations to their organization. The relations are asked
-- of the functions that are compiled from the model when a program takes over a database (gate_own); until then nobody has
-- any.
create function gate.may(variadic relations text[]) returns boolean
language plpgsql stable security definer
set search_path = portcullis, pg_catalog, pg_temp
as $$
declare
    tenant uuid := gate.tenant();
    subjects text[];
    one text;
    wanted text;
    has boolean;
begin
    if tenant is null then
        return false;
    end if;
    -- The claims verify, so what stands in them was written by the server.
    subjects := string_to_array(
        substring(left(current_setting('request.jwt.claims', true), -74) from '"by":"([^"]*)"$'), ' ');
    if coalesce(cardinality(subjects), 0) = 0 then
        return false;
    end if;
    foreach one in array subjects loop
        has := false;
        foreach wanted in array relations loop
            if gate_own.organization(tenant, wanted, one) then
                has := true;
                exit;
            end if;
        end loop;
        -- An override opens to a person what their role does not, for as long as it is open.
        if not has and one like 'user:%' then
            has := exists (select from break_glass b where b.tenant_id = tenant and b.account_id::text = substr(one, 6)
                           and b.closed_at is null and b.until > clock_timestamp());
        end if;
        if not has then
            return false;
        end if;
    end loop;
    return true;
end
$$;
revoke all on function gate.may(text[]) from public;
grant execute on function gate.may(text[]) to portcullis_app;
call gate.open_to_owner('break_glass', 'true', false);

-- Puts a table under relations: who has one of `reads` sees its rows, who has one of `writes` changes them.
create procedure gate.open_to(relation regclass, reads text[], writes text[])
language plpgsql
set search_path = portcullis, pg_catalog, pg_temp
as $$
declare
    may_read text := format('(select gate.may(variadic %L::text[]))', reads);
    may_write text := format('(select gate.may(variadic %L::text[]))', writes);
begin
    execute format('create policy relation_reads on %s as restrictive for select to portcullis_app using (%s)',
                   relation, may_read);
    execute format('create policy relation_adds on %s as restrictive for insert to portcullis_app with check (%s)',
                   relation, may_write);
    execute format('create policy relation_changes on %s as restrictive for update to portcullis_app using (%s)',
                   relation, may_write);
    execute format('create policy relation_removes on %s as restrictive for delete to portcullis_app using (%s)',
                   relation, may_write);
end
$$;
revoke all on procedure gate.open_to(regclass, text[], text[]) from public;

call gate.open_to('provider', '{providers_read,providers_manage,models_read,models_invoke}', '{providers_manage}');
-- An evidence pack names the policies that were in force.
call gate.open_to('pii_policy', '{policies_read,policies_manage,audit_export}', '{policies_manage}');
call gate.open_to('webhook_endpoint', '{webhooks_manage}', '{webhooks_manage}');
call gate.open_to('webhook_health', '{webhooks_manage}', '{webhooks_manage}');
call gate.open_to('webhook_delivery', '{webhooks_manage}', '{webhooks_manage}');
call gate.open_to('webhook_attempt', '{webhooks_manage}', '{webhooks_manage}');
call gate.open_to('evidence_pack', '{audit_read,audit_export}', '{audit_export}');
call gate.open_to('invitation', '{members_manage}', '{members_manage}');
call gate.open_to('audit_retention', '{audit_read,organization_manage}', '{organization_manage}');
call gate.open_to('audit_hold', '{audit_read,organization_manage}', '{organization_manage}');
call gate.open_to('break_glass', '{audit_read,break_glass_open,organization_manage}',
                  '{break_glass_open,organization_manage}');
call gate.open_to('organization_settings', '{organization_read}', '{organization_manage}');
call gate.open_to('project', '{projects_read}', '{projects_write}');
call gate.open_to('agent', '{agents_read,agents_manage}', '{agents_manage}');
call gate.open_to('member', '{members_read,members_manage}', '{members_manage}');
call gate.open_to('role_template', '{organization_read,members_manage}', '{members_manage}');
call gate.open_to('role_grant', '{members_read,members_manage}', '{members_manage}');
call gate.open_to('relation_store', '{policies_read,policies_manage}', '{policies_manage}');
call gate.open_to('relation_model', '{policies_read,policies_manage}', '{policies_manage}');
call gate.open_to('relation_tuple', '{policies_read,policies_manage}', '{policies_manage}');
call gate.open_to('relation_change', '{policies_read,policies_manage}', '{policies_manage}');
call gate.open_to('relation_assertions', '{policies_read,policies_manage}', '{policies_manage}');

-- Whether a new key would be one that holds what the key of this transaction does: a key renews itself.
create function gate.is_successor(new_role text, new_capabilities text[], new_project uuid, new_agent uuid) returns boolean
language sql stable security definer
set search_path = portcullis, pg_catalog, pg_temp
as $$
    select exists (select from api_key k
                   where k.tenant_id = gate.tenant() and 'api_key:' || k.id = any (gate.by())
                     and k.role = new_role and k.capabilities is not distinct from new_capabilities
                     and k.project_id = new_project and k.agent_id is not distinct from new_agent)
$$;
revoke all on function gate.is_successor(text, text[], uuid, uuid) from public;
grant execute on function gate.is_successor(text, text[], uuid, uuid) to portcullis_app;

-- A key sees itself.
create policy relation_reads on api_key as restrictive for select to portcullis_app
    using ((select gate.may('keys_read', 'keys_manage')) or 'api_key:' || id = any ((select gate.by())::text[]));
create policy relation_adds on api_key as restrictive for insert to portcullis_app
    with check ((select gate.may('keys_manage')) or gate.is_successor(role, capabilities, project_id, agent_id));
create policy relation_changes on api_key as restrictive for update to portcullis_app
    using ((select gate.may('keys_manage')) or 'api_key:' || id = any ((select gate.by())::text[]));

-- When the keys of each agent were last used, for those who may see agents and not their keys.
create function gate.agents_seen() returns table (agent_id uuid, at timestamptz)
language sql stable security definer
set search_path = portcullis, pg_catalog, pg_temp
as $$
    select k.agent_id, max(s.at) from api_key_seen s join api_key k on k.tenant_id = s.tenant_id and k.id = s.key_id
    where s.tenant_id = gate.tenant() and k.agent_id is not null and gate.may('agents_read', 'agents_manage')
    group by k.agent_id
$$;
revoke all on function gate.agents_seen() from public;
grant execute on function gate.agents_seen() to portcullis_app;
call gate.open_to_owner('api_key_seen', 'true', false);

-- How many hold a template.
create function gate.holders(template text, holders text) returns bigint
language sql stable security definer
set search_path = portcullis, pg_catalog, pg_temp
as $$
    select count(*) from relation_tuple t
    where t.tenant_id = gate.tenant() and t.store_id = t.tenant_id and t.object_type = 'role' and t.object_id = template
      and t.relation = holders and t.until is null
$$;
revoke all on function gate.holders(text, text) from public;
grant execute on function gate.holders(text, text) to portcullis_app;

-- How far the tuples of an organization's own store are from what follows from the tables of record: how many are missing, and
-- how many nothing explains. Both are zero unless somebody went past the triggers.
create function gate.drift(out missing bigint, out extra bigint)
language sql stable security definer
set search_path = portcullis, pg_catalog, pg_temp
as $$
    with wanted as materialized (
        select w.object_type, w.object_id, w.relation, w.subject from own_relation w where w.tenant_id = gate.tenant()
    ), present as materialized (
        select t.object_type, t.object_id, t.relation, t.subject from relation_tuple t
        where t.tenant_id = gate.tenant() and t.store_id = t.tenant_id and t.until is null
    )
    select (select count(*) from (select * from wanted except select * from present) m),
           (select count(*) from (select * from present except select * from wanted) e)
$$;
revoke all on function gate.drift() from public;
grant execute on function gate.drift() to portcullis_app;
