-- How far the log was looked through for calls whose outcome never came, because the process that made them is gone. One row:
-- who holds it looks, and moves it in the transaction that writes the outcomes.
create table call_reaper (
    single  boolean primary key default true check (single),
    -- Every call whose intent has a lesser id has an outcome.
    through uuid not null
);
insert into call_reaper (through)
select coalesce((select id from audit_entry order by id limit 1), '00000000-0000-0000-0000-000000000000');
grant select, update on call_reaper to portcullis_system;
