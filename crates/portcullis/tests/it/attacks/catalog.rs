//! Attacks through the catalogues, statistics, the server's files and other sessions.

use super::runner::Check::{Refused, Rows, Says, Tells, Works};
use super::runner::Step::Sql;
use super::runner::{Case, Check, Login, Step, Twin};

const fn twin(made: &'static str, attack: &'static [Step], leaks: Check) -> Twin {
    Twin { made, login: Login::App, attack, leaks, undo: "" }
}

const fn twin_as_mighty(attack: &'static [Step], leaks: Check) -> Twin {
    Twin { made: "", login: Login::As("it_mighty"), attack, leaks, undo: "" }
}

/// The values themselves, as they are stored.
const EXTENDED: &str = "select i.values::text from pg_statistic_ext_data, pg_mcv_list_items(stxdmcv) i";

pub(super) const CASES: &[Case] = &[
    Case {
        name: "statistics of columns",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select most_common_vals, histogram_bounds from pg_stats where schemaname = 'portcullis'"),
        ],
        holds: Rows(&[]),
        twin: twin(
            "",
            &[
                Sql("{as_a}"),
                Sql("select histogram_bounds from pg_stats where tablename = 'open' and attname = 'body'"),
            ],
            Tells,
        ),
    },
    Case {
        name: "statistics behind the view",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select stavalues1 from pg_statistic")],
        holds: Refused("42501"),
        twin: twin_as_mighty(
            &[Sql(
                "select stavalues1 from pg_statistic where starelid in ('bad.open'::regclass, 'portcullis.agent'::regclass)",
            )],
            Tells,
        ),
    },
    Case {
        name: "extended statistics",
        made: "create statistics portcullis.words_of_agents (mcv) on tenant_id, description from agent; analyze agent",
        attack: &[
            Sql("{as_a}"),
            Sql("select most_common_vals from pg_stats_ext where statistics_name = 'words_of_agents'"),
        ],
        holds: Rows(&[]),
        // Row security hides them, and so does not owning the table; the twin has neither.
        twin: twin(
            "call bad.make('counted', null); create statistics bad.words_counted (mcv) on tenant_id, body from bad.counted;
             alter table bad.counted owner to portcullis_app; analyze bad.counted",
            &[
                Sql("{as_a}"),
                Sql("select most_common_vals from pg_stats_ext where statistics_name = 'words_counted'"),
            ],
            Tells,
        ),
    },
    Case {
        name: "extended statistics behind the view",
        made: "",
        attack: &[Sql("{as_a}"), Sql(EXTENDED)],
        holds: Refused("42501"),
        twin: Twin {
            made: "grant select on pg_statistic_ext_data to portcullis_app",
            login: Login::App,
            attack: &[Sql("{as_a}"), Sql(EXTENDED)],
            leaks: Tells,
            undo: "revoke select on pg_statistic_ext_data from portcullis_app",
        },
    },
    Case {
        name: "how many rows others have, by way of a value",
        made: "",
        // The words of a caller are a parameter, whatever they are.
        attack: &[
            Sql("prepare by_words (text) as select description from agent where description = $1"),
            Sql("{as_a}"),
            Sql("execute by_words ($value$x'; {explain}; --$value$)"),
        ],
        holds: Rows(&[]),
        // Spliced into the text instead, they are a statement, and no policy hides what a plan passed over.
        twin: twin(
            "",
            &[Sql("{as_a}"), Sql("select description from agent where description = 'x'; {explain}; --'")],
            Says("Rows Removed by Filter: 1"),
        ),
    },
    Case {
        name: "what other sessions are running",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select query from pg_stat_activity")],
        holds: Refused("42501"),
        // The text holds the other's claims and entries: sessions of one role see each other's.
        twin: twin(
            "grant execute on function pg_stat_get_activity(int) to portcullis_app",
            &[Sql("{as_a}"), Sql("select query from pg_stat_activity where pid = {victim}")],
            Tells,
        ),
    },
    Case {
        name: "what another session is running, by number",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select pg_stat_get_backend_activity(id) from generate_series(1, 300) as id"),
        ],
        holds: Refused("42501"),
        twin: twin(
            "grant execute on function pg_stat_get_backend_activity(int), pg_stat_get_backend_pid(int) to portcullis_app",
            &[
                Sql("{as_a}"),
                Sql("select pg_stat_get_backend_activity(id) from generate_series(1, 300) as id \
                     where pg_stat_get_backend_pid(id) = {victim}"),
            ],
            Tells,
        ),
    },
    Case {
        name: "ending another session",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select pg_terminate_backend({victim})")],
        holds: Refused("42501"),
        twin: twin(
            "grant execute on function pg_terminate_backend(int, bigint) to portcullis_app",
            &[Sql("{as_a}"), Sql("select pg_terminate_backend({victim})")],
            Rows(&["t"]),
        ),
    },
    Case {
        name: "cancelling another session",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select pg_cancel_backend({victim})")],
        holds: Refused("42501"),
        twin: twin(
            "grant execute on function pg_cancel_backend(int) to portcullis_app",
            &[Sql("{as_a}"), Sql("select pg_cancel_backend({victim})")],
            Rows(&["t"]),
        ),
    },
    Case {
        name: "holding the sequencer's lock",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select pg_try_advisory_lock(hashtextextended('portcullis.log.{b}', 0))"),
        ],
        holds: Refused("42501"),
        twin: twin(
            "grant execute on function pg_try_advisory_lock(bigint) to portcullis_app",
            &[Sql("{as_a}"), Sql("select pg_try_advisory_lock(hashtextextended('portcullis.log.{b}', 0))")],
            Rows(&["t"]),
        ),
    },
    Case {
        name: "holding the sequencer's lock for a transaction",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select pg_advisory_xact_lock(hashtextextended('portcullis.log.{b}', 0))"),
        ],
        holds: Refused("42501"),
        twin: twin(
            "grant execute on function pg_advisory_xact_lock(bigint) to portcullis_app",
            &[Sql("{as_a}"), Sql("select pg_advisory_xact_lock(hashtextextended('portcullis.log.{b}', 0))")],
            Works,
        ),
    },
    Case {
        name: "reading the server's files",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select pg_read_file('PG_VERSION')")],
        holds: Refused("42501"),
        twin: twin_as_mighty(&[Sql("select length(pg_read_file('PG_VERSION')) > 0")], Rows(&["t"])),
    },
    Case {
        name: "listing the server's files",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select pg_ls_dir('.')")],
        holds: Refused("42501"),
        twin: twin_as_mighty(&[Sql("select count(*) > 0 from pg_ls_dir('.')")], Rows(&["t"])),
    },
    Case {
        name: "a file as a large object",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select lo_import('it_secret', 4712)")],
        holds: Refused("42501"),
        twin: twin(
            "grant execute on function lo_import(text, oid) to portcullis_app",
            &[
                Sql("{as_a}"),
                Sql("select lo_import('it_secret', 4712)"),
                Sql("select convert_from(lo_get(4712), 'UTF8')"),
            ],
            Tells,
        ),
    },
    Case {
        name: "copy to a program",
        made: "",
        attack: &[Sql("{as_a}"), Sql("copy agent to program 'cp it_secret it_taken'")],
        holds: Refused("42501"),
        // It runs as PostgreSQL's own account, which has everybody's files.
        twin: Twin {
            made: "",
            login: Login::As("it_runner"),
            attack: &[
                Sql("copy agent to program 'cp it_secret it_taken'"),
                Sql("create temporary table taken (line text)"),
                Sql("copy taken from program 'cat it_taken && rm it_taken'"),
                Sql("select line from taken"),
            ],
            leaks: Tells,
            undo: "",
        },
    },
    Case {
        name: "copy from a program",
        made: "",
        attack: &[Sql("{as_a}"), Sql("copy project from program 'cat it_secret'")],
        holds: Refused("42501"),
        twin: Twin {
            made: "",
            login: Login::As("it_runner"),
            attack: &[
                Sql("create temporary table taken (line text)"),
                Sql("copy taken from program 'cat it_secret'"),
                Sql("select line from taken"),
            ],
            leaks: Tells,
            undo: "",
        },
    },
    Case {
        name: "copy to a file",
        made: "",
        attack: &[Sql("{as_a}"), Sql("copy agent to '/dev/null'")],
        holds: Refused("42501"),
        twin: twin_as_mighty(&[Sql("copy portcullis.agent to '/dev/null'")], Works),
    },
    Case {
        name: "the sealed seed of one's own log",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select seed_sealed from audit_log")],
        holds: Refused("42501"),
        twin: twin(
            "grant select on audit_log to portcullis_app",
            &[Sql("{as_a}"), Sql("select encode(seed_sealed, 'escape') || ' sealed' from audit_log")],
            Rows(&["own-words-of-a sealed"]),
        ),
    },
    Case {
        name: "the queue of the log",
        made: "insert into audit_queue values ('{b}', '1', gen_random_uuid(), sha256('x'))",
        attack: &[Sql("{as_a}"), Sql("select tenant_id from audit_queue")],
        holds: Refused("42501"),
        // A grant alone does not do, as the next case shows.
        twin: Twin {
            made: "insert into audit_queue values ('{b}', '1', gen_random_uuid(), sha256('x'));
                   alter table audit_queue disable row level security; grant select on audit_queue to portcullis_app",
            login: Login::App,
            attack: &[Sql("{as_a}"), Sql("select tenant_id from audit_queue")],
            leaks: Says("{b}"),
            undo: "alter table audit_queue enable row level security; revoke select on audit_queue from portcullis_app",
        },
    },
    Case {
        name: "the queue of the log, granted",
        made: "grant select on audit_queue to portcullis_app",
        attack: &[Sql("{as_a}"), Sql("select tenant_id from audit_queue where tenant_id <> '{a}'")],
        holds: Rows(&[]),
        twin: Twin {
            made: "insert into audit_queue values ('{b}', '2', gen_random_uuid(), sha256('x'));
                   create policy everybody on audit_queue to portcullis_app using (true);
                   grant select on audit_queue to portcullis_app",
            login: Login::App,
            attack: &[Sql("{as_a}"), Sql("select tenant_id from audit_queue where tenant_id <> '{a}'")],
            leaks: Says("{b}"),
            undo: "drop policy everybody on audit_queue; revoke select on audit_queue from portcullis_app",
        },
    },
    Case {
        name: "the instance",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select octet_length(canary) > 0 from instance")],
        holds: Refused("42501"),
        twin: Twin {
            made: "grant select on instance to portcullis_app",
            login: Login::App,
            attack: &[Sql("{as_a}"), Sql("select octet_length(canary) > 0 from instance")],
            leaks: Rows(&["t"]),
            undo: "revoke select on instance from portcullis_app",
        },
    },
    Case {
        name: "following every change by a replication slot",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select slot_name from pg_create_physical_replication_slot('it_slot', true, true)"),
        ],
        holds: Refused("42501"),
        // Every row of every tenant is in what such a slot keeps; it goes with the session.
        twin: Twin {
            made: "",
            login: Login::As("it_follower"),
            attack: &[Sql("select slot_name from pg_create_physical_replication_slot('it_slot', true, true)")],
            leaks: Rows(&["it_slot"]),
            undo: "",
        },
    },
    Case {
        name: "changing a setting of the server",
        made: "",
        attack: &[Sql("alter system set log_statement = 'all'")],
        holds: Refused("42501"),
        twin: Twin {
            made: "",
            login: Login::As("it_tuner"),
            attack: &[Sql("alter system set log_statement = 'all'")],
            leaks: Works,
            undo: "alter system reset log_statement",
        },
    },
    Case {
        name: "changing a setting of the server for oneself",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select set_config('log_statement', 'all', true)")],
        holds: Refused("42501"),
        twin: Twin {
            made: "",
            login: Login::As("it_tuner"),
            attack: &[Sql("select set_config('log_statement', 'all', true)")],
            leaks: Rows(&["all"]),
            undo: "",
        },
    },
    Case {
        name: "a function in a language that nothing confines",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("create function portcullis.mine() returns int language internal as 'pg_backend_pid'"),
        ],
        holds: Refused("42501"),
        twin: twin_as_mighty(
            &[Sql("begin; create function bad.mine() returns int language internal as 'pg_backend_pid'")],
            Works,
        ),
    },
];
