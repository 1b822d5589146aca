//! Attacks on what one transaction leaves behind for the next on the same connection. What only the pool can undo
//! (settings, cursors, locks of the session) is attacked through the pool, in `crate::pool`.

use super::runner::Check::{Rows, Tells};
use super::runner::Step::{Fails, Sql};
use super::runner::{Case, Login, Twin};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "a plan prepared for another tenant",
        made: "",
        attack: &[
            Sql("set plan_cache_mode = force_generic_plan; prepare words as select description from agent"),
            Sql("{as_b}"),
            Sql("execute words"),
            Sql("commit"),
            Sql("{as_a}"),
            Sql("execute words"),
        ],
        holds: Rows(&["own-words-of-a"]),
        // Marked immutable, the tenant is worked out once, when the plan is made, and stays in it.
        twin: Twin {
            made: "create function bad.fixed() returns uuid language plpgsql immutable as
                       $$ begin return gate.tenant(); end $$;
                   call bad.make('fixed', 'tenant_id = bad.fixed()')",
            login: Login::App,
            attack: &[
                Sql("set plan_cache_mode = force_generic_plan"),
                Sql("{as_b}"),
                Sql("prepare words as select body from bad.fixed"),
                Sql("execute words"),
                Sql("commit"),
                Sql("{as_a}"),
                Sql("execute words"),
            ],
            leaks: Tells,
            undo: "",
        },
    },
    Case {
        name: "an aborted transaction",
        made: "",
        attack: &[
            Sql("{as_b}"),
            Fails("select 1 / 0"),
            Sql("rollback"),
            Sql("select description from agent"),
        ],
        holds: Rows(&[]),
        twin: Twin {
            made: "",
            login: Login::App,
            attack: &[
                Sql("select set_config('request.jwt.claims', '{plain_b}', false)"),
                Fails("select 1 / 0"),
                Sql("select body from bad.plain"),
            ],
            leaks: Tells,
            undo: "",
        },
    },
    Case {
        name: "a savepoint around other claims",
        made: "",
        attack: &[
            Sql("{as_b}"),
            Sql("rollback"),
            Sql("{as_a}"),
            Sql("savepoint s; select set_config('request.jwt.claims', '{plain_b}', true); rollback to s"),
            Sql("select description from agent"),
        ],
        holds: Rows(&["own-words-of-a"]),
        twin: Twin {
            made: "",
            login: Login::App,
            attack: &[
                Sql("{plainly_a}"),
                Sql("savepoint s; select set_config('request.jwt.claims', '{plain_b}', true); release s"),
                Sql("select body from bad.plain"),
            ],
            leaks: Tells,
            undo: "",
        },
    },
    Case {
        name: "claims of the session under those of the transaction",
        made: "",
        // The session-wide value is unsigned, so it is nobody.
        attack: &[
            Sql("select set_config('request.jwt.claims', '{plain_b}', false)"),
            Sql("{as_a}"),
            Sql("commit"),
            Sql("select description from agent"),
        ],
        holds: Rows(&[]),
        twin: Twin {
            made: "",
            login: Login::App,
            attack: &[
                Sql("select set_config('request.jwt.claims', '{plain_b}', false)"),
                Sql("{plainly_a}"),
                Sql("commit"),
                Sql("select body from bad.plain"),
            ],
            leaks: Tells,
            undo: "",
        },
    },
    Case {
        name: "a cursor that is not held",
        made: "",
        attack: &[
            Sql("{as_b}"),
            Sql("declare kept cursor for select description from agent"),
            Sql("commit"),
            Sql("{as_a}"),
            Sql("select count(*) from pg_cursors"),
        ],
        holds: Rows(&["0"]),
        twin: Twin {
            made: "",
            login: Login::App,
            attack: &[
                Sql("{as_b}"),
                Sql("declare kept cursor with hold for select description from agent"),
                Sql("commit"),
                Sql("{as_a}"),
                Sql("fetch all from kept"),
            ],
            leaks: Tells,
            undo: "",
        },
    },
];
