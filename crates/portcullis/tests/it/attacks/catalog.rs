//! Attacks through the catalogues, statistics, the server's files and other sessions.

use super::runner::Check::{Refused, Rows, Tells, Works};
use super::runner::Step::{Fails, Sql};
use super::runner::{Case, Check, Login, Step, Twin};

const fn twin(made: &'static str, attack: &'static [Step], leaks: Check) -> Twin {
    Twin { made, login: Login::App, attack, leaks }
}

const fn twin_as_mighty(attack: &'static [Step], leaks: Check) -> Twin {
    Twin { made: "", login: Login::As("it_mighty"), attack, leaks }
}

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
        made: "",
        attack: &[Sql("{as_a}"), Sql("select stxdmcv from pg_statistic_ext_data")],
        holds: Refused("42501"),
        twin: twin_as_mighty(&[Sql("select stxdmcv from pg_statistic_ext_data")], Works),
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
        attack: &[Sql("{as_a}"), Sql("select lo_import('/etc/hostname')")],
        holds: Refused("42501"),
        twin: twin_as_mighty(&[Sql("begin; select lo_import(current_setting('config_file')) > 0")], Works),
    },
    Case {
        name: "copy to a program",
        made: "",
        attack: &[Sql("{as_a}"), Sql("copy agent to program 'cat'")],
        holds: Refused("42501"),
        twin: twin_as_mighty(&[Sql("copy (select 1) to program 'cat > /dev/null'")], Works),
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
        name: "the queue and the instance",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Fails("select * from audit_queue"),
            Sql("rollback"),
            Sql("select * from instance"),
        ],
        holds: Refused("42501"),
        twin: twin(
            "create table bad.instance as select '{secret}' as canary; grant select on bad.instance to portcullis_app",
            &[Sql("{as_a}"), Sql("select canary from bad.instance")],
            Tells,
        ),
    },
    Case {
        name: "rows of a table by its replica identity",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select pg_create_logical_replication_slot('mine', 'test_decoding')")],
        holds: Refused("42501"),
        twin: twin_as_mighty(
            &[
                Sql("begin; select pg_create_physical_replication_slot('it_twin_slot', false, true)"),
                Sql("rollback"),
            ],
            Works,
        ),
    },
    Case {
        name: "changing a setting of the server",
        made: "",
        attack: &[Sql("alter system set log_statement = 'all'")],
        holds: Refused("42501"),
        twin: twin_as_mighty(&[Sql("set log_statement = 'all'")], Works),
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
