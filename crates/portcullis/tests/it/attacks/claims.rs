//! Attacks on who the transaction's tenant is.

use super::runner::Check::{Quiet, Refused, Rows, Tells};
use super::runner::Step::Sql;
use super::runner::{Case, Login, Twin};

/// A twin whose policy treats absent claims as no restriction.
const fn lenient(attack: &'static [super::runner::Step]) -> Twin {
    Twin { made: "", login: Login::App, attack, leaks: Tells, undo: "" }
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "no claims",
        made: "",
        attack: &[Sql("select description from agent")],
        holds: Rows(&[]),
        twin: lenient(&[Sql("select body from bad.lenient")]),
    },
    Case {
        name: "empty claims",
        made: "",
        attack: &[
            Sql("begin; select set_config('request.jwt.claims', '', true)"),
            Sql("select description from agent"),
        ],
        holds: Rows(&[]),
        twin: lenient(&[
            Sql("begin; select set_config('request.jwt.claims', '', true)"),
            Sql("select body from bad.lenient"),
        ]),
    },
    Case {
        name: "claims without a tenant",
        made: "",
        attack: &[
            Sql("begin; select set_config('request.jwt.claims', '{}', true)"),
            Sql("select description from agent"),
        ],
        holds: Rows(&[]),
        twin: lenient(&[
            Sql("begin; select set_config('request.jwt.claims', '{}', true)"),
            Sql("select body from bad.lenient"),
        ]),
    },
    Case {
        name: "claims with a null tenant",
        made: "",
        attack: &[
            Sql(r#"begin; select set_config('request.jwt.claims', '{"tenant_id":null}', true)"#),
            Sql("select description from agent"),
        ],
        holds: Rows(&[]),
        twin: lenient(&[
            Sql(r#"begin; select set_config('request.jwt.claims', '{"tenant_id":null}', true)"#),
            Sql("select body from bad.lenient"),
        ]),
    },
    Case {
        name: "claims that name the tenant twice",
        made: "",
        attack: &[
            Sql("begin; select set_config('request.jwt.claims', '{claims_a_then_b}', true)"),
            Sql("select description from agent"),
        ],
        holds: Rows(&[]),
        // The last of two equal JSON keys wins.
        twin: lenient(&[
            Sql("begin; select set_config('request.jwt.claims', '{claims_a_then_b}', true)"),
            Sql("select body from bad.plain"),
        ]),
    },
    Case {
        name: "claims that are no JSON",
        made: "",
        attack: &[
            Sql("begin; select set_config('request.jwt.claims', 'nonsense', true)"),
            Sql("select description from agent"),
        ],
        holds: Rows(&[]),
        twin: Twin {
            made: "",
            login: Login::App,
            attack: &[
                Sql("begin; select set_config('request.jwt.claims', 'nonsense', true)"),
                Sql("select body from bad.plain"),
            ],
            leaks: Refused("22P02"),
            undo: "",
        },
    },
    Case {
        name: "another tenant's claims, unsigned",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select set_config('request.jwt.claims', '{plain_b}', true)"),
            Sql("select description from agent"),
        ],
        holds: Rows(&[]),
        twin: lenient(&[
            Sql("{plainly_a}"),
            Sql("select set_config('request.jwt.claims', '{plain_b}', true)"),
            Sql("select body from bad.plain"),
        ]),
    },
    Case {
        name: "another tenant's claims from within a subquery",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select description from agent, \
                 (select set_config('request.jwt.claims', '{plain_b}', true) offset 0) changed"),
        ],
        holds: Quiet,
        twin: lenient(&[
            Sql("{plainly_a}"),
            Sql("with changed as materialized (select set_config('request.jwt.claims', '{plain_b}', true)) \
                 select body from changed, bad.plain"),
        ]),
    },
    Case {
        name: "another tenant under one's own signature",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select set_config('request.jwt.claims', '{claims_b_signed_as_a}', true)"),
            Sql("select description from agent"),
        ],
        holds: Rows(&[]),
        twin: Twin {
            made: "create function bad.any_signature() returns uuid language sql stable as $$
                       select case when c ->> 'sig' ~ '^[0-9a-f]{64}$' then (c ->> 'tenant_id')::uuid end
                       from (select current_setting('request.jwt.claims')::json) j (c) $$;
                   call bad.make('any_signature', 'tenant_id = (select bad.any_signature())')",
            login: Login::App,
            attack: &[
                Sql("{as_a}"),
                Sql("select set_config('request.jwt.claims', '{claims_b_signed_as_a}', true)"),
                Sql("select body from bad.any_signature"),
            ],
            leaks: Tells,
            undo: "",
        },
    },
    Case {
        name: "another tenant's claims, signed for another backend",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select set_config('request.jwt.claims', '{claims_b_elsewhere}', true)"),
            Sql("select description from agent"),
        ],
        holds: Rows(&[]),
        twin: Twin {
            made: UNBOUND,
            login: Login::App,
            attack: &[
                Sql("{as_a}"),
                Sql("select set_config('request.jwt.claims', '{claims_b_unbound}', true)"),
                Sql("select body from bad.unbound"),
            ],
            leaks: Tells,
            undo: "",
        },
    },
    Case {
        name: "another tenant's claims, signed for no backend",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select set_config('request.jwt.claims', '{claims_b_unbound}', true)"),
            Sql("select description from agent"),
        ],
        holds: Rows(&[]),
        twin: Twin {
            made: "",
            login: Login::App,
            attack: &[
                Sql("begin; select set_config('request.jwt.claims', '{claims_b_unbound}', true)"),
                Sql("select body from bad.unbound"),
            ],
            leaks: Tells,
            undo: "",
        },
    },
    Case {
        name: "another tenant's claims, expired",
        made: "",
        attack: &[
            Sql("{as_a}"),
            Sql("select set_config('request.jwt.claims', '{claims_b_expired}', true)"),
            Sql("select description from agent"),
        ],
        holds: Rows(&[]),
        twin: Twin {
            made: FOREVER,
            login: Login::App,
            attack: &[
                Sql("{as_a}"),
                Sql("select set_config('request.jwt.claims', '{claims_b_expired}', true)"),
                Sql("select body from bad.forever"),
            ],
            leaks: Tells,
            undo: "",
        },
    },
    Case {
        name: "forging claims with the key",
        made: "",
        attack: &[Sql("{as_a}"), Sql("select inner_pad from gate_private.claims_key")],
        holds: Refused("42501"),
        twin: Twin {
            made: "grant usage on schema gate_private to portcullis_app;
                   grant select on gate_private.claims_key to portcullis_app",
            login: Login::App,
            attack: &[
                Sql(
                    r#"begin; select set_config('request.jwt.claims', said || ',"sig":"' || encode(sha256(outer_pad
                       || sha256(inner_pad || convert_to(said || '|' || pg_backend_pid(), 'UTF8'))), 'hex') || '"}', true)
                       from gate_private.claims_key,
                       (values ('{"tenant_id":"{b}","exp":9999999999,"request_id":"x","by":"static_key:owner"')) as c (said)"#,
                ),
                Sql("select description from agent"),
            ],
            leaks: Tells,
            undo: "",
        },
    },
    Case {
        name: "claims left behind by the last transaction",
        made: "",
        attack: &[
            Sql("{as_b}"),
            Sql("commit"),
            Sql("{as_a}"),
            Sql("commit"),
            Sql("select current_setting('request.jwt.claims', true)"),
        ],
        holds: Rows(&[""]),
        twin: Twin {
            made: "",
            login: Login::App,
            attack: &[
                Sql("select set_config('request.jwt.claims', '{claims_b}', false)"),
                Sql("select description from agent"),
            ],
            leaks: Tells,
            undo: "",
        },
    },
];

/// Claims that verify on every backend: what one session leaks, all can use.
const UNBOUND: &str = r#"
create function bad.unbound() returns uuid language plpgsql stable security definer set search_path = pg_catalog as $$
declare part text[]; mac bytea;
begin
    part := regexp_match(current_setting('request.jwt.claims', true),
        '^(\{"tenant_id":"([0-9a-f-]{36})","exp":[0-9]{10},"request_id":"[0-9A-Za-z._-]{1,128}","by":"[^"]*"),"sig":"([0-9a-f]{64})"\}$');
    select sha256(k.outer_pad || sha256(k.inner_pad || convert_to(part[1], 'UTF8')))
        into mac from gate_private.claims_key k;
    return case when mac = decode(part[3], 'hex') then part[2]::uuid end;
end $$;
call bad.make('unbound', 'tenant_id = (select bad.unbound())')"#;

/// Claims that verify for ever.
const FOREVER: &str = r#"
create function bad.forever() returns uuid language plpgsql stable security definer set search_path = pg_catalog as $$
declare part text[]; mac bytea;
begin
    part := regexp_match(current_setting('request.jwt.claims', true),
        '^(\{"tenant_id":"([0-9a-f-]{36})","exp":[0-9]{10},"request_id":"[0-9A-Za-z._-]{1,128}","by":"[^"]*"),"sig":"([0-9a-f]{64})"\}$');
    select sha256(k.outer_pad || sha256(k.inner_pad
        || convert_to(part[1] || '|' || pg_backend_pid(), 'UTF8')))
        into mac from gate_private.claims_key k;
    return case when mac = decode(part[3], 'hex') then part[2]::uuid end;
end $$;
call bad.make('forever', 'tenant_id = (select bad.forever())')"#;
