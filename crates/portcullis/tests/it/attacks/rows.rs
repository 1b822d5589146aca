//! Attacks on rows: reading, planting, moving and deleting another tenant's.

use super::runner::Check::{Refused, Rows, Tells, Works};
use super::runner::Step::{CopyIn, CopyOut, Sql};
use super::runner::{Case, Check, Login, Step, Twin};

const fn twin(made: &'static str, attack: &'static [Step], leaks: Check) -> Twin {
    Twin { made, login: Login::App, attack, leaks, undo: "" }
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "reading by the other's id",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select description from agent where tenant_id = '{b}' and id = '{b_agent}'"),
        ],
        holds: Rows(&[]),
        twin: twin("", &[Sql("{as_a}"), Sql("select body from bad.open where tenant_id = '{b}'")], Tells),
    },
    Case {
        name: "or true",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select description from agent where tenant_id = '{a}' or true")],
        holds: Rows(&["own-words-of-a"]),
        twin: twin(
            "",
            &[Sql("{as_a}"), Sql("select body from bad.open where tenant_id = '{a}' or true")],
            Tells,
        ),
    },
    Case {
        name: "union of every room",
        made: "",
        attack: &[Sql("{as_a}"), Sql(EVERY_ROOM)],
        holds: Rows(&[]),
        twin: Twin {
            made: EVERY_ROOM_OPEN,
            login: Login::App,
            attack: &[Sql("{as_a}"), Sql(EVERY_ROOM)],
            leaks: Tells,
            undo: EVERY_ROOM_SHUT,
        },
    },
    Case {
        name: "by the row's physical place",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select description from agent where tenant_id <> '{a}' \
                 and ctid = any (array['(0,1)', '(0,2)', '(0,3)', '(0,4)']::tid[])"),
        ],
        holds: Rows(&[]),
        twin: twin("", &[Sql("{as_a}"), Sql("select body from bad.open where ctid = '(0,2)'")], Tells),
    },
    Case {
        name: "locking the other's rows",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select description from agent where tenant_id = '{b}' for update")],
        holds: Rows(&[]),
        twin: twin(
            "",
            &[Sql("{as_a}"), Sql("select body from bad.open where tenant_id = '{b}' for update")],
            Tells,
        ),
    },
    Case {
        name: "a join that starts from one's own rows",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select o.description from agent mine join agent o on o.tenant_id <> mine.tenant_id"),
        ],
        holds: Rows(&[]),
        twin: twin(
            "",
            &[Sql("{as_a}"), Sql("select o.body from bad.plain mine right join bad.open o on true")],
            Tells,
        ),
    },
    Case {
        name: "planting a row in the other tenant",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql(
                "insert into project (tenant_id, id, name, created_at) values ('{b}', gen_random_uuid(), 'x', now())",
            ),
        ],
        holds: Refused("42501"),
        twin: twin(
            "call bad.make('planted', 'tenant_id = (select gate.tenant())');
             alter policy p on bad.planted with check (true)",
            &[Sql("{as_a}"), Sql("insert into bad.planted values ('{b}', 'planted')")],
            Works,
        ),
    },
    Case {
        name: "planting an entry in the other tenant's log",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql(r"insert into audit_entry (tenant_id, id, at, kind, actor, request_id, leaf)
                  values ('{b}', '{entry}', now(), 'x', 'x', 'x', '\x7b7d')"),
        ],
        holds: Refused("42501"),
        twin: twin("", &[Sql("{as_a}"), Sql("insert into bad.open values ('{b}', 'planted')")], Works),
    },
    Case {
        name: "moving one's own row into the other tenant",
        made: "",
        attack: &[Sql("{as_a}"), Sql("update agent set tenant_id = '{b}'")],
        holds: Refused("42501"),
        twin: twin(
            "call bad.make('moved', 'tenant_id = (select gate.tenant())');
             alter policy p on bad.moved with check (true);
             create policy reading on bad.moved for select to portcullis_app using (true)",
            &[Sql("{as_a}"), Sql("update bad.moved set tenant_id = '{b}'")],
            Works,
        ),
    },
    Case {
        name: "changing the other's rows",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("update api_key set revoked_at = now() where tenant_id = '{b}' returning name"),
        ],
        holds: Rows(&[]),
        twin: twin(
            "",
            &[Sql("{as_a}"), Sql("update bad.open set body = body where tenant_id = '{b}' returning body")],
            Tells,
        ),
    },
    Case {
        name: "deleting the other's rows",
        made: "",
        attack: &[Sql("{as_a}"), Sql("delete from provider where tenant_id = '{b}' returning base_url")],
        holds: Rows(&[]),
        twin: twin(
            "",
            &[Sql("{as_a}"), Sql("delete from bad.open where tenant_id = '{b}' returning body")],
            Tells,
        ),
    },
    Case {
        name: "upsert onto the other's key",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("insert into agent (tenant_id, id, project_id, name, description, created_at) \
                 values ('{b}', '{b_agent}', '{b_project}', 'x', 'x', now()) \
                 on conflict (tenant_id, id) do update set suspended_at = now()"),
        ],
        holds: Refused("42501"),
        twin: twin(
            "call bad.make('upsert', null); create unique index on bad.upsert (tenant_id)",
            &[
                Sql("{as_a}"),
                Sql("insert into bad.upsert as u values ('{b}', 'mine now') \
                     on conflict (tenant_id) do update set body = u.body || '!' returning body"),
            ],
            Tells,
        ),
    },
    Case {
        name: "insert on conflict do nothing as a question",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("insert into agent (tenant_id, id, project_id, name, description, created_at) \
                 values ('{b}', '{b_agent}', '{b_project}', 'x', 'x', now()) on conflict do nothing returning 1"),
        ],
        holds: Refused("42501"),
        // No row comes back: there is one of that name already, and it is not A's.
        twin: twin(
            "call bad.make('question', 'tenant_id = (select gate.tenant())');
             create unique index on bad.question (body)",
            &[
                Sql("{as_a}"),
                Sql("insert into bad.question values ('{a}', '{secret}') on conflict do nothing returning 1"),
            ],
            Rows(&[]),
        ),
    },
    Case {
        name: "merge into the other tenant",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql(
                "merge into provider p using (select '{b}'::uuid as t) s on p.tenant_id = s.t when matched then delete \
                 when not matched then insert (tenant_id, id, name, base_url, models, created_at) \
                 values (s.t, gen_random_uuid(), 'x', 'x', '{}', now())",
            ),
        ],
        holds: Refused("42501"),
        twin: twin(
            "call bad.make('merged', null)",
            &[
                Sql("{as_a}"),
                Sql("merge into bad.merged m using (select '{b}'::uuid as t) s on m.tenant_id = s.t \
                     when matched then delete"),
            ],
            Works,
        ),
    },
    Case {
        name: "copy out",
        made: "",
        attack: &[Sql("{as_a}"), CopyOut("copy agent (description) to stdout")],
        holds: Rows(&["own-words-of-a"]),
        twin: twin(
            "call bad.make('copied', null)",
            &[Sql("{as_a}"), CopyOut("copy bad.copied (body) to stdout")],
            Tells,
        ),
    },
    Case {
        name: "copy out of a query",
        made: "",
        attack: &[Sql("{as_a}"), CopyOut("copy (select description from agent) to stdout")],
        holds: Rows(&["own-words-of-a"]),
        twin: twin("", &[Sql("{as_a}"), CopyOut("copy (select body from bad.copied) to stdout")], Tells),
    },
    Case {
        name: "copy in",
        made: "",
        attack: &[
            Sql("{as_a}"),
            CopyIn(
                "copy project (tenant_id, id, name, created_at) from stdin",
                "{b}\t00000000-0000-0000-0000-000000000001\tx\t2026-01-01\n",
            ),
        ],
        holds: Refused("0A000"),
        twin: twin("", &[Sql("{as_a}"), CopyIn("copy bad.copied from stdin", "{b}\tplanted\n")], Works),
    },
    Case {
        name: "truncate",
        made: "",
        attack: &[Sql("{as_a}"), Sql("truncate provider")],
        holds: Refused("42501"),
        // The policy is right and TRUNCATE does not ask it.
        twin: twin(
            "call bad.make('emptied', 'tenant_id = (select gate.tenant())');
             grant truncate on bad.emptied to portcullis_app",
            &[Sql("{as_a}"), Sql("truncate bad.emptied")],
            Works,
        ),
    },
    Case {
        name: "a function that runs a query given as text",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select word from ts_stat($$ select array_to_tsvector(array[description]) from agent $$)"),
        ],
        holds: Rows(&["own-words-of-a"]),
        twin: twin(
            "",
            &[
                Sql("{as_a}"),
                Sql("select word from ts_stat($$ select array_to_tsvector(array[body]) from bad.copied $$)"),
            ],
            Tells,
        ),
    },
    Case {
        name: "a cheap function that shows what it is given",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select from agent where tenant_id = '{b}' and attacker.peek(description)"),
        ],
        holds: Rows(&[]),
        twin: twin(
            "create view bad.no_barrier as select * from bad.copied where tenant_id = (select gate.tenant());
             grant select on bad.no_barrier to portcullis_app",
            &[Sql("{as_a}"), Sql("select from bad.no_barrier where attacker.peek(body)")],
            Tells,
        ),
    },
    Case {
        name: "an operator of one's own in the search path",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("set local search_path = attacker, pg_catalog, portcullis"),
            Sql("select description from agent where tenant_id = '{b}'::uuid"),
        ],
        // The condition is always true now; the policy was compiled with the real operator.
        holds: Rows(&["own-words-of-a"]),
        twin: twin(
            "create function bad.of_tenant() returns setof text language sql security definer as
                 $$ select body from bad.copied where tenant_id = gate.tenant() $$;
             grant execute on function bad.of_tenant() to portcullis_app",
            &[
                Sql("{as_a}"),
                Sql("set local search_path = attacker, pg_catalog, portcullis"),
                Sql("select bad.of_tenant()"),
            ],
            Tells,
        ),
    },
    Case {
        name: "an error as the answer",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select 1 / (length(name) - length(name)) from agent where tenant_id = '{b}'"),
        ],
        holds: Rows(&[]),
        twin: twin(
            "",
            &[
                Sql("{as_a}"),
                Sql("select 1 / (length(body) - length(body)) from bad.copied where tenant_id = '{b}'"),
            ],
            Refused("22012"),
        ),
    },
    Case {
        name: "a value in an error message",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select description::int from agent where tenant_id = '{b}'")],
        holds: Rows(&[]),
        twin: twin(
            "",
            &[Sql("{as_a}"), Sql("select body::int from bad.copied where body <> '{own}'")],
            Tells,
        ),
    },
    Case {
        name: "uniqueness as the answer",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql(r"insert into api_key (tenant_id, id, project_id, name, role, hint, hash, created_at)
                  values ('{a}', gen_random_uuid(), '{a_project}', 'x', 'reader', 'x', '\x{b_key_hash}', now())"),
        ],
        holds: Rows(&[]),
        twin: twin(
            "call bad.make('slugs', 'tenant_id = (select gate.tenant())'); create unique index on bad.slugs (body)",
            &[Sql("{as_a}"), Sql("insert into bad.slugs values ('{a}', '{secret}')")],
            Refused("23505"),
        ),
    },
    Case {
        name: "a foreign key as the answer",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("insert into agent (tenant_id, id, project_id, name, description, created_at) \
                 values ('{a}', gen_random_uuid(), '{b_project}', 'x', 'x', now())"),
        ],
        // The same answer as for a project that does not exist.
        holds: Refused("23503"),
        twin: twin(
            "create unique index on project (id);
             create table bad.child (tenant_id uuid, project_id uuid references project (id));
             grant insert on bad.child to portcullis_app",
            &[Sql("{as_a}"), Sql("insert into bad.child values ('{a}', '{b_project}')")],
            Works,
        ),
    },
    Case {
        name: "a sequence as the answer",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select sequencename, last_value from pg_sequences where last_value is not null"),
        ],
        holds: Rows(&[]),
        twin: twin(
            "create sequence bad.numbers; grant usage on sequence bad.numbers to portcullis_app;
             select nextval('bad.numbers') from generate_series(1, 41)",
            &[Sql("{as_a}"), Sql("select nextval('bad.numbers')")],
            Rows(&["42"]),
        ),
    },
];

/// What the others have in every room that the serving role may read; `super::deeds` sees to it that none is missing.
pub(super) const EVERY_ROOM: &str = "select name from organization where tenant_id <> '{a}' \
    union all select name from project where tenant_id <> '{a}' \
    union all select description from agent where tenant_id <> '{a}' \
    union all select name from api_key where tenant_id <> '{a}' \
    union all select base_url from provider where tenant_id <> '{a}' \
    union all select document::text from pii_policy where tenant_id <> '{a}' \
    union all select token from pii_token where tenant_id <> '{a}' \
    union all select actor from audit_entry where tenant_id <> '{a}' \
    union all select origin from audit_log where tenant_id <> '{a}' \
    union all select note from audit_checkpoint where tenant_id <> '{a}' \
    union all select tenant_id::text from audit_tree where tenant_id <> '{a}' \
    union all select tenant_id::text from audit_leaf where tenant_id <> '{a}' \
    union all select tenant_id::text from audit_tile where tenant_id <> '{a}' \
    union all select tenant_id::text from audit_anchor where tenant_id <> '{a}' \
    union all select tenant_id::text from audit_alarm where tenant_id <> '{a}' \
    union all select tenant_id::text from audit_archive where tenant_id <> '{a}' \
    union all select name from policy_key where tenant_id <> '{a}' \
    union all select name from policy_pack where tenant_id <> '{a}' \
    union all select tenant_id::text from policy_turn where tenant_id <> '{a}' \
    union all select name from relation_store where tenant_id <> '{a}' \
    union all select document from relation_model where tenant_id <> '{a}' \
    union all select subject from relation_tuple where tenant_id <> '{a}' \
    union all select subject from relation_change where tenant_id <> '{a}' \
    union all select document from relation_assertions where tenant_id <> '{a}' \
    union all select name from role_template where tenant_id <> '{a}' \
    union all select subject from role_grant where tenant_id <> '{a}' \
    union all select tenant_id::text from audit_retention where tenant_id <> '{a}' \
    union all select tenant_id::text from audit_hold where tenant_id <> '{a}' \
    union all select tenant_id::text from audit_personal where tenant_id <> '{a}' \
    union all select tenant_id::text from subject_key where tenant_id <> '{a}' \
    union all select tenant_id::text from cache_epoch where tenant_id <> '{a}' \
    union all select tenant_id::text from member where tenant_id <> '{a}' \
    union all select tenant_id::text from session where tenant_id <> '{a}' \
    union all select tenant_id::text from session_seen where tenant_id <> '{a}' \
    union all select tenant_id::text from invitation where tenant_id <> '{a}' \
    union all select tenant_id::text from organization_settings where tenant_id <> '{a}' \
    union all select tenant_id::text from break_glass where tenant_id <> '{a}' \
    union all select tenant_id::text from delegation where tenant_id <> '{a}' \
    union all select tenant_id::text from api_key_seen where tenant_id <> '{a}' \
    union all select tenant_id::text from evidence_pack where tenant_id <> '{a}' \
    union all select tenant_id::text from webhook_endpoint where tenant_id <> '{a}' \
    union all select tenant_id::text from webhook_health where tenant_id <> '{a}' \
    union all select tenant_id::text from webhook_delivery where tenant_id <> '{a}' \
    union all select tenant_id::text from webhook_attempt where tenant_id <> '{a}'";

/// Row security off in every room, and nothing else.
const EVERY_ROOM_OPEN: &str = "do $$ declare room regclass; begin
    for room in select polrelid from pg_policy where polname = 'tenant_rows' loop
        execute format('alter table %s disable row level security', room);
    end loop;
end $$";

const EVERY_ROOM_SHUT: &str = "do $$ declare room regclass; begin
    for room in select polrelid from pg_policy where polname = 'tenant_rows' loop
        execute format('alter table %s enable row level security', room);
    end loop;
end $$";
