//! Attacks through objects: views, functions, triggers, schemas, temporary tables.

use super::runner::Check::{Refused, Rows, Tells, Works};
use super::runner::Step::Sql;
use super::runner::{Case, Check, Login, Step, Twin};

const fn twin(made: &'static str, attack: &'static [Step], leaks: Check) -> Twin {
    Twin { made, login: Login::App, attack, leaks, undo: "" }
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "a view",
        made: "create view portcullis.helpers with (security_invoker) as select description from agent;
               grant select on portcullis.helpers to portcullis_app",
        attack: &[Sql("{as_a}"), Sql("select description from helpers")],
        holds: Rows(&["own-words-of-a"]),
        twin: twin(
            "create view bad.helpers as select description from agent; grant select on bad.helpers to portcullis_app",
            &[Sql("{as_a}"), Sql("select description from bad.helpers")],
            Tells,
        ),
    },
    Case {
        name: "a view of the owner's",
        made: "create view portcullis.owned_helpers as select description from agent;
               alter view portcullis.owned_helpers owner to portcullis_owner;
               grant select on portcullis.owned_helpers to portcullis_app",
        // FORCE binds the owner, and its policy asks what only functions of the owner's may ask.
        attack: &[Sql("{as_a}"), Sql("select description from owned_helpers")],
        holds: Refused("42501"),
        twin: twin(
            "create table bad.unforced_agent as select * from agent;
             alter table bad.unforced_agent enable row level security;
             alter table bad.unforced_agent owner to portcullis_owner;
             grant usage on schema bad to portcullis_owner;
             create view bad.owned_helpers as select description from bad.unforced_agent;
             alter view bad.owned_helpers owner to portcullis_owner;
             grant select on bad.owned_helpers to portcullis_app",
            &[Sql("{as_a}"), Sql("select description from bad.owned_helpers")],
            Tells,
        ),
    },
    Case {
        name: "a materialized view",
        made: "",
        attack: &[Sql("{as_a}"), Sql("create materialized view portcullis.mine as select * from agent")],
        holds: Refused("42501"),
        twin: twin(
            "create materialized view bad.kept as select description from agent;
             grant select on bad.kept to portcullis_app",
            &[Sql("{as_a}"), Sql("select description from bad.kept")],
            Tells,
        ),
    },
    Case {
        name: "a function with its owner's rights",
        made: "create function portcullis.helpers_of_owner() returns setof text language sql stable security definer
                   set search_path = portcullis, pg_temp as 'select description from agent';
               alter function portcullis.helpers_of_owner() owner to portcullis_owner;
               grant execute on function portcullis.helpers_of_owner() to portcullis_app",
        attack: &[Sql("{as_a}"), Sql("select helpers_of_owner()")],
        holds: Rows(&["own-words-of-a"]),
        twin: twin(
            "create function bad.helpers_of_mighty() returns setof text language sql stable security definer
                 set search_path = portcullis, pg_temp as 'select description from agent'",
            &[Sql("{as_a}"), Sql("select bad.helpers_of_mighty()")],
            Tells,
        ),
    },
    Case {
        name: "calling a trigger function",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select gate.enqueue_entries()")],
        holds: Refused("42501"),
        twin: twin(
            "create function bad.enqueue() returns setof text language sql security definer as
                 'select actor from portcullis.audit_entry'",
            &[Sql("{as_a}"), Sql("select bad.enqueue()")],
            Tells,
        ),
    },
    Case {
        name: "calling the procedure that makes policies",
        made: "",
        attack: &[Sql("{as_a}"), Sql("call gate.protect('agent', false)")],
        holds: Refused("42501"),
        twin: twin(
            "create procedure bad.protect(name text, policy text) language plpgsql security definer as
                 $$ begin execute format('alter table bad.%I disable row level security', name); end $$;
             call bad.make('unprotected', 'tenant_id = (select gate.tenant())')",
            &[Sql("{as_a}"), Sql("call bad.protect('unprotected', '')"), Sql("select body from bad.unprotected")],
            Tells,
        ),
    },
    Case {
        name: "a function of one's own in the search path of another",
        made: "",
        attack: &[Sql("{as_a}"), Sql("create function portcullis.now() returns timestamptz language sql as 'select null'")],
        holds: Refused("42501"),
        twin: twin(
            "create schema playground; grant usage, create on schema playground to portcullis_app;
             create function bad.allowed(uuid) returns boolean language sql as 'select $1 = gate.tenant()';
             create function bad.careless() returns setof text language plpgsql security definer as
                 $$ begin return query select body from bad.open where allowed(tenant_id); end $$",
            &[
                Sql("{as_a}"),
                Sql("create function playground.allowed(uuid) returns boolean language sql as 'select true'"),
                Sql("set local search_path = playground, bad"),
                Sql("select bad.careless()"),
            ],
            Tells,
        ),
    },
    Case {
        name: "a table of one's own in the schema",
        made: "",
        attack: &[Sql("{as_a}"), Sql("create table portcullis.mine (tenant_id uuid)")],
        holds: Refused("42501"),
        twin: twin(
            "create schema open_house; grant usage, create on schema open_house to portcullis_app",
            &[Sql("{as_b}"), Sql("create table open_house.mine as select description from agent"), Sql("commit"),
              Sql("{as_a}"), Sql("select description from open_house.mine")],
            Tells,
        ),
    },
    Case {
        name: "a table of one's own in schema public",
        made: "",
        attack: &[Sql("{as_a}"), Sql("create table public.mine (tenant_id uuid)")],
        holds: Refused("42501"),
        twin: twin(
            "grant usage, create on schema public to portcullis_app",
            &[Sql("{as_b}"), Sql("create table public.mine as select description from agent"), Sql("commit"),
              Sql("{as_a}"), Sql("select description from public.mine")],
            Tells,
        ),
    },
    Case {
        name: "a schema of one's own",
        made: "",
        attack: &[Sql("{as_a}"), Sql("create schema mine")],
        holds: Refused("42501"),
        twin: twin(
            "grant create on database {database} to portcullis_app",
            &[Sql("{as_b}"), Sql("create schema mine; create table mine.kept as select description from portcullis.agent"),
              Sql("commit"), Sql("{as_a}"), Sql("select description from mine.kept")],
            Tells,
        ),
    },
    Case {
        name: "a temporary table that outlives the transaction",
        made: "",
        attack: &[Sql("{as_b}"), Sql("create temporary table kept as select description from agent")],
        holds: Refused("42501"),
        twin: twin(
            "grant temporary on database {database} to portcullis_app",
            &[Sql("{as_b}"), Sql("create temporary table kept as select description from agent"), Sql("commit"),
              Sql("{as_a}"), Sql("select description from kept")],
            Tells,
        ),
    },
    Case {
        name: "a temporary table in place of a real one",
        made: "",
        attack: &[Sql("{as_a}"), Sql("create temporary table agent (description text)")],
        holds: Refused("42501"),
        twin: twin(
            "grant temporary on database {database} to portcullis_app",
            &[
                // Where the search path does not say where pg_temp is, it is first.
                Sql("set search_path = portcullis"),
                Sql("create temporary table agent as select 'sealed-words-of-b, planted' as description"),
                Sql("{as_a}"),
                Sql("select description from agent"),
            ],
            Tells,
        ),
    },
    Case {
        name: "a large object",
        made: "",
        attack: &[Sql("{as_b}"), Sql("select lo_from_bytea(0, 'x')")],
        holds: Refused("42501"),
        // Large objects belong to the role, and so to every tenant.
        twin: twin(
            "grant execute on function lo_from_bytea(oid, bytea) to portcullis_app",
            &[Sql("{as_b}"), Sql("select lo_from_bytea(4711, convert_to(description, 'UTF8')) from agent"), Sql("commit"),
              Sql("{as_a}"), Sql("select convert_from(lo_get(4711), 'UTF8')")],
            Tells,
        ),
    },
    Case {
        name: "an empty large object",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select lo_create(0)")],
        holds: Refused("42501"),
        twin: twin(
            "grant execute on function lo_create(oid) to portcullis_app",
            &[Sql("{as_a}"), Sql("select lo_create(0) > 0")],
            Works,
        ),
    },
    Case {
        name: "an empty large object, the old way",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select lo_creat(-1)")],
        holds: Refused("42501"),
        twin: twin(
            "grant execute on function lo_creat(int) to portcullis_app",
            &[Sql("{as_a}"), Sql("select lo_creat(-1) > 0")],
            Works,
        ),
    },
];
