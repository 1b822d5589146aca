//! Attacks on who the session is to the database, and on the rules themselves.

use super::runner::Check::{Refused, Rows, Tells, Works};
use super::runner::Step::Sql;
use super::runner::{Case, Check, Login, Step, Twin};

const fn twin(made: &'static str, attack: &'static [Step], leaks: Check) -> Twin {
    Twin { made, login: Login::App, attack, leaks, undo: "" }
}

/// The twin is a login with too many rights.
const fn twin_as(role: &'static str, attack: &'static [Step], leaks: Check) -> Twin {
    Twin { made: "", login: Login::As(role), attack, leaks, undo: "" }
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "set role to the owner",
        made: "",
        attack: &[Sql("{as_a}"), Sql("set role portcullis_owner")],
        holds: Refused("42501"),
        twin: twin_as("it_member", &[Sql("set role it_bypass"), Sql("select description from agent")], Tells),
    },
    Case {
        name: "set role to the system role",
        made: "",
        attack: &[Sql("{as_a}"), Sql("set local role portcullis_system")],
        holds: Refused("42501"),
        twin: twin_as(
            "it_climber",
            &[Sql("begin"), Sql("set local role portcullis_system"), Sql("select description from agent")],
            Tells,
        ),
    },
    Case {
        name: "set role by set_config",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select set_config('role', 'portcullis_owner', true)")],
        holds: Refused("42501"),
        twin: twin_as(
            "it_member",
            &[Sql("select set_config('role', 'it_bypass', false)"), Sql("select description from agent")],
            Tells,
        ),
    },
    Case {
        name: "reset role",
        made: "",
        attack: &[Sql("{as_a}"), Sql("reset role"), Sql("select description from agent")],
        holds: Rows(&["own-words-of-a"]),
        // The usual pattern: log in with rights, then step down. Whoever injects SQL steps up again.
        twin: twin_as(
            "it_mighty",
            &[Sql("set role portcullis_app"), Sql("reset role"), Sql("select description from agent")],
            Tells,
        ),
    },
    Case {
        name: "set session authorization",
        made: "",
        attack: &[Sql("{as_a}"), Sql("set session authorization postgres")],
        holds: Refused("42501"),
        twin: twin_as(
            "it_mighty",
            &[Sql("set session authorization postgres"), Sql("select description from agent")],
            Tells,
        ),
    },
    Case {
        name: "granting oneself membership",
        made: "",
        attack: &[Sql("{as_a}"), Sql("grant portcullis_owner to portcullis_app")],
        holds: Refused("42501"),
        twin: twin_as(
            "it_mighty",
            &[Sql("begin; grant it_bypass to it_mighty; set local role it_bypass"), Sql("select description from agent")],
            Tells,
        ),
    },
    Case {
        name: "granting oneself a table",
        made: "",
        attack: &[Sql("{as_a}"), Sql("grant delete on agent to portcullis_app"), Sql("delete from agent")],
        holds: Refused("42501"),
        twin: twin(
            "call bad.make('granted', null); revoke all on bad.granted from portcullis_app;
             alter table bad.granted owner to portcullis_app; revoke all on bad.granted from portcullis_app",
            &[Sql("{as_a}"), Sql("grant select on bad.granted to portcullis_app"), Sql("select body from bad.granted")],
            Tells,
        ),
    },
    Case {
        name: "making oneself mighty",
        made: "",
        attack: &[Sql("{as_a}"), Sql("alter role portcullis_app bypassrls")],
        holds: Refused("42501"),
        twin: twin_as("it_mighty", &[Sql("begin; alter role it_mighty bypassrls"), Sql("rollback")], Works),
    },
    Case {
        name: "switching row security off",
        made: "",
        attack: &[Sql("{as_a}"), Sql("set local row_security = off"), Sql("select description from agent")],
        holds: Refused("42501"),
        twin: twin_as("it_bypass", &[Sql("set row_security = off"), Sql("select description from agent")], Tells),
    },
    Case {
        name: "disabling row security on a table",
        made: "",
        attack: &[Sql("{as_a}"), Sql("alter table agent disable row level security")],
        holds: Refused("42501"),
        twin: twin(
            "call bad.make('owned', 'tenant_id = (select gate.tenant())');
             alter table bad.owned owner to portcullis_app",
            &[
                Sql("{as_a}"),
                Sql("alter table bad.owned disable row level security"),
                Sql("select body from bad.owned"),
            ],
            Tells,
        ),
    },
    Case {
        name: "being the owner of a table without FORCE",
        made: "",
        attack: &[Sql("{as_a}"), Sql("alter table agent no force row level security")],
        holds: Refused("42501"),
        twin: twin(
            "call bad.make('unforced', 'tenant_id = (select gate.tenant())');
             alter table bad.unforced no force row level security;
             alter table bad.unforced owner to portcullis_app",
            &[Sql("{as_a}"), Sql("select body from bad.unforced")],
            Tells,
        ),
    },
    Case {
        name: "adding a policy",
        made: "",
        attack: &[Sql("{as_a}"), Sql("create policy mine on agent using (true)")],
        holds: Refused("42501"),
        twin: twin(
            "call bad.make('opened', 'tenant_id = (select gate.tenant())');
             alter table bad.opened owner to portcullis_app",
            &[
                Sql("{as_a}"),
                Sql("create policy mine on bad.opened using (true)"),
                Sql("select body from bad.opened"),
            ],
            Tells,
        ),
    },
    Case {
        name: "dropping a policy",
        made: "",
        attack: &[Sql("{as_a}"), Sql("drop policy tenant_rows on agent")],
        holds: Refused("42501"),
        twin: twin(
            "call bad.make('dropped', 'true'); create policy narrow on bad.dropped as restrictive
                 using (tenant_id = (select gate.tenant()));
             alter table bad.dropped owner to portcullis_app",
            &[Sql("{as_a}"), Sql("drop policy narrow on bad.dropped"), Sql("select body from bad.dropped")],
            Tells,
        ),
    },
    Case {
        name: "replacing gate.tenant()",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("create or replace function gate.tenant() returns uuid language sql as $$ select '{b}'::uuid $$"),
        ],
        holds: Refused("42501"),
        twin: twin(
            "create function bad.tenant() returns uuid language sql stable as 'select gate.tenant()';
             call bad.make('replaced', 'tenant_id = (select bad.tenant())');
             alter function bad.tenant() owner to portcullis_app; grant create on schema bad to portcullis_app",
            &[
                Sql("{as_a}"),
                Sql("create or replace function bad.tenant() returns uuid language sql as $$ select '{b}'::uuid $$"),
                Sql("select body from bad.replaced"),
            ],
            Tells,
        ),
    },
    Case {
        name: "switching the triggers off",
        made: "",
        attack: &[Sql("{as_a}"), Sql("set session_replication_role = replica")],
        holds: Refused("42501"),
        twin: twin_as(
            "it_mighty",
            &[
                Sql("begin; set local session_replication_role = replica"),
                Sql("delete from audit_entry where tenant_id = '{b}' returning actor"),
            ],
            Tells,
        ),
    },
    Case {
        name: "dropping the trigger that asks for an entry",
        made: "",
        attack: &[Sql("{as_a}"), Sql("alter table agent disable trigger require_entry")],
        holds: Refused("42501"),
        twin: twin(
            "call bad.make('unlogged', 'tenant_id = (select gate.tenant())');
             create constraint trigger require_entry after delete on bad.unlogged deferrable initially deferred
                 for each row execute function gate.require_entry();
             alter table bad.unlogged owner to portcullis_app",
            &[
                Sql("{as_a}"),
                Sql("alter table bad.unlogged disable trigger require_entry"),
                Sql("delete from bad.unlogged"),
                Sql("commit"),
            ],
            Works,
        ),
    },
];
