-- A letter that tells of a change in an organization commits with that change, as the application role. The outbox holds
-- letters of all organizations and of people without one, so that role has no right on it: it may put a sealed letter in,
-- through this function, and gets nothing out. What it puts in it must have sealed under the instance's key for this very
-- row; anything else does not open when it is to be delivered and is given up.
create function gate.post_letter(letter uuid, kind text, due timestamptz, to_sealed bytea, message_sealed bytea)
returns void
language plpgsql security definer
set search_path = portcullis, pg_catalog, pg_temp
as $$
begin
    if gate.tenant() is null then
        raise exception 'a letter is posted in the transaction of an organization' using errcode = 'PCL04';
    end if;
    insert into mail_outbox (id, kind, made_at, due_at, to_sealed, message_sealed)
    values (letter, kind, due, due, to_sealed, message_sealed);
end
$$;
revoke all on function gate.post_letter(uuid, text, timestamptz, bytea, bytea) from public;
grant execute on function gate.post_letter(uuid, text, timestamptz, bytea, bytea) to portcullis_app;
