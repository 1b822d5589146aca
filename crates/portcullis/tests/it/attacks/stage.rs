//! Where attacks are played: one database made as it is shipped, and one with bad objects in it, each with an
//! attacker's tenant A and a victim's tenant B.

use crypto::SystemRng;
use kernel::TenantId;
use kernel::{EntryId, SystemClock};
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::runner::{Case, Login, play};
use crate::house::{Claims, Database, House, Tenant, execute, plain_claims};

/// Words that stand in every room of tenant B. Whoever else sees them has seen B's rows.
pub(super) const SECRET: &str = "sealed-words-of-b";
const OWN: &str = "own-words-of-a";

/// A database, two tenants in it, and a session of B's that is open beside the attack.
pub(super) struct Stage {
    database: Database,
    a: Tenant,
    b: Tenant,
}

/// What `{…}` in a step stands for.
struct Words<'a> {
    stage: &'a Stage,
    backend: i32,
    victim: i32,
    now: i64,
}

impl Stage {
    pub(super) async fn good(house: &'static House) -> Self {
        let stage = Self::furnished(house, "good").await;
        let mut superuser = stage.database.superuser().await;
        stage.build(&mut superuser, TOOLS).await;
        stage
    }

    pub(super) async fn bad(house: &'static House) -> Self {
        let stage = Self::furnished(house, "bad").await;
        let mut superuser = stage.database.superuser().await;
        stage.build(&mut superuser, TOOLS).await;
        stage.build(&mut superuser, BAD).await;
        stage
    }

    async fn furnished(house: &'static House, purpose: &str) -> Self {
        let database = house.database(purpose).await;
        let vault = database.vault().await.expect("the good database is served");
        let (a, b) = (Tenant::make(&vault, OWN).await, Tenant::make(&vault, SECRET).await);
        vault.close();
        let mut superuser = database.superuser().await;
        for (tenant, words) in [(&a, OWN), (&b, SECRET)] {
            let fill = FURNITURE.replace("{tenant}", &tenant.id.to_string()).replace("{words}", words);
            execute(&mut superuser, &fill).await.expect("furnished");
        }
        execute(&mut superuser, "analyze").await.expect("analyzed");
        Self { database, a, b }
    }

    async fn build(&self, superuser: &mut PgConnection, sql: &str) {
        let words = Words { stage: self, backend: 0, victim: 0, now: 0 };
        execute(superuser, &words.fill(sql)).await.unwrap_or_else(|error| panic!("the stage: {error}"));
    }

    /// Plays the attack on the real schema; an error says how it succeeded.
    pub(super) async fn attack(&self, case: &Case) -> Result<(), String> {
        self.played(case.made, Login::App, case.attack, case.holds)
            .await
            .map_err(|told| format!("  - {}: {told}", case.name))
    }

    /// Plays the attack on the twin; an error says how it failed.
    pub(super) async fn attack_twin(&self, case: &Case) -> Result<(), String> {
        let told = self.played(case.twin.made, case.twin.login, case.twin.attack, case.twin.leaks).await;
        self.build(&mut self.database.superuser().await, case.twin.undo).await;
        told.map_err(|told| format!("  - {}: {told}", case.name))
    }

    /// Who row security does not bind.
    pub(super) async fn superuser(&self) -> PgConnection {
        self.database.superuser().await
    }

    /// A session of the serving role, of nobody in particular.
    pub(super) async fn app(&self) -> PgConnection {
        self.database.app().await
    }

    /// A session of the serving role whose claims, A's, last as long as it does.
    pub(super) async fn app_as_a(&self) -> PgConnection {
        self.claimed(&self.a).await
    }

    /// Something B does, with the entry that goes with it.
    pub(super) async fn as_b(&self, sql: &str) {
        let mut app = self.claimed(&self.b).await;
        let words = Words { stage: self, backend: 0, victim: 0, now: 0 };
        let id = "select overlay(gate.first_entry_id(now())::text placing right(gen_random_uuid()::text, 22) from 15)";
        let id: String = sqlx::query_scalar(id).fetch_one(&mut self.superuser().await).await.expect("an id");
        let entry = ENTRY.replace("{tenant}", &self.b.id.to_string()).replace("{id}", &id);
        let all = format!("begin; {}; {entry}; commit", words.fill(sql));
        execute(&mut app, &all).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn claimed(&self, tenant: &Tenant) -> PgConnection {
        let mut app = self.app().await;
        let now: i64 = sqlx::query_scalar("select extract(epoch from clock_timestamp())::bigint")
            .fetch_one(&mut app)
            .await
            .expect("the time");
        let claims = Claims::good(tenant.id, backend(&mut app).await, now).signed();
        let set = "select set_config('request.jwt.claims', $1, false)";
        sqlx::query(set).bind(claims).execute(&mut app).await.expect("claims");
        app
    }

    /// A session of a role the test made.
    pub(super) async fn login(&self, role: &str) -> PgConnection {
        self.database.login(role).await
    }

    /// How to log in to it.
    pub(super) fn login_options(&self, role: &str, password: &str) -> PgConnectOptions {
        self.database.login_options(role, password)
    }

    /// Its name on the server.
    pub(super) fn database_name(&self) -> &str {
        self.database.name()
    }

    /// The victim.
    pub(super) fn b_id(&self) -> TenantId {
        self.b.id
    }

    /// The first line of a plan over everybody's agents, made by nobody, and the line of what it passed over.
    pub(super) async fn explained(&self) -> (String, String) {
        let sql = EXPLAIN.to_owned();
        let plan: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut self.app().await).await.expect("a plan");
        let passed = plan.iter().find(|line| line.contains("Rows Removed")).cloned().unwrap_or_default();
        (plan[0].clone(), passed)
    }

    /// One value, as tenant A.
    pub(super) async fn as_app<T>(&self, sql: &'static str) -> T
    where
        (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
    {
        let mut app = self.database.app().await;
        let (value,): (T,) = sqlx::query_as(sql).fetch_one(&mut app).await.expect("a value");
        value
    }

    async fn played(
        &self,
        made: &str,
        login: Login,
        attack: &[super::runner::Step],
        check: super::runner::Check,
    ) -> Result<(), String> {
        let mut superuser = self.database.superuser().await;
        let words = Words { stage: self, backend: 0, victim: 0, now: 0 };
        execute(&mut superuser, &words.fill(made))
            .await
            .map_err(|error| format!("could not be made: {error}"))?;
        let mut victim = self.database.app().await;
        let words = Words { backend: backend(&mut victim).await, ..words };
        execute(&mut victim, &words.fill(&format!("select '{SECRET}' as words"))).await.expect("said");
        let mut attacker = match login {
            Login::App => self.database.app().await,
            Login::As(role) => self.database.login(role).await,
        };
        let now: i64 = sqlx::query_scalar("select extract(epoch from clock_timestamp())::bigint")
            .fetch_one(&mut attacker)
            .await
            .expect("the time");
        let words = Words { stage: self, victim: words.backend, backend: backend(&mut attacker).await, now };
        let answer = play(&mut attacker, attack, &|text| words.fill(text)).await?;
        if check.accepts(&answer, SECRET, &|text| words.fill(text)) {
            Ok(())
        } else {
            Err(format!("expected {check:?}, got {answer:?}"))
        }
    }
}

async fn backend(on: &mut PgConnection) -> i32 {
    sqlx::query_scalar("select pg_backend_pid()").fetch_one(on).await.expect("a process id")
}

impl Words<'_> {
    fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // Twice: the first round may put more of them in.
        for _ in 0..2 {
            for (name, value) in self.all() {
                let name = format!("{{{name}}}");
                if text.contains(&name) {
                    text = text.replace(&name, &value);
                }
            }
        }
        text
    }

    fn all(&self) -> Vec<(&'static str, String)> {
        let (a, b) = (&self.stage.a, &self.stage.b);
        let of_a = Claims::good(a.id, self.backend, self.now);
        let of_b = Claims::good(b.id, self.backend, self.now);
        let begin = |claims| format!("begin; select set_config('request.jwt.claims', '{{{claims}}}', true)");
        let twice = format!(r#"{},"tenant_id":"{}"}}"#, of_a.signed().trim_end_matches('}'), b.id);
        vec![
            ("a", a.id.to_string()),
            ("b", b.id.to_string()),
            ("b_project", b.project.to_string()),
            ("b_agent", b.agent.to_string()),
            ("b_key_hash", crypto::hex(b.owner_key.hash().as_bytes())),
            ("a_project", a.project.to_string()),
            ("a_agent", a.agent.to_string()),
            // An entry has its place by the time in its id.
            ("entry", EntryId::new(&SystemClock, &SystemRng).to_string()),
            ("secret", SECRET.to_owned()),
            ("own", OWN.to_owned()),
            ("explain", EXPLAIN.to_owned()),
            ("database", self.stage.database.name().to_owned()),
            ("victim", self.victim.to_string()),
            ("as_a", begin("claims_a")),
            ("as_b", begin("claims_b")),
            ("plainly_a", begin("plain_a")),
            ("plainly_b", begin("plain_b")),
            ("claims_a", of_a.signed()),
            ("claims_b", of_b.signed()),
            ("plain_a", plain_claims(a.id)),
            ("plain_b", plain_claims(b.id)),
            ("claims_a_then_b", twice),
            ("claims_b_signed_as_a", of_b.spelled(&of_a.signature())),
            ("claims_b_elsewhere", Claims { backend: Some(self.victim), ..of_b.clone() }.signed()),
            ("claims_b_unbound", Claims { backend: None, ..of_b.clone() }.signed()),
            ("claims_b_expired", Claims { expires: self.now - 1, ..of_b }.signed()),
        ]
    }
}

/// Runs a statement and tells how many rows each of its steps passed over.
const EXPLAIN: &str = "explain (analyze, costs off, timing off, summary off, buffers off) select from agent";

/// A row in every room that set-up does not fill, with its entry, for one tenant.
const FURNITURE: &str = r"
begin;
insert into provider (tenant_id, id, name, base_url, models, created_at)
    values ('{tenant}', gen_random_uuid(), 'upstream', 'https://{words}.example.com', '{}', now());
insert into pii_policy (tenant_id, version, document, created_at)
    values ('{tenant}', 1, jsonb_build_object('words', '{words}'), now());
insert into audit_log (tenant_id, origin, public_key, seed_sealed, created_at)
    values ('{tenant}', 'example.com/{words}', decode(repeat('00', 32), 'hex'), '{words}', now());
insert into audit_tree (tenant_id, size, frontier, root)
    values ('{tenant}', 1, '', decode(repeat('00', 32), 'hex'));
insert into audit_leaf (tenant_id, seq, entry_id, hash)
    values ('{tenant}', 0, gen_random_uuid(), decode(repeat('00', 32), 'hex'));
insert into audit_tile (tenant_id, level, index, hashes)
    values ('{tenant}', 0, 0, decode(repeat('00', 8192), 'hex'));
insert into audit_checkpoint (tenant_id, size, root, note, signed_at)
    values ('{tenant}', 1, decode(repeat('00', 32), 'hex'), '{words}', now());
insert into audit_entry (tenant_id, id, at, kind, actor, request_id, leaf)
    values ('{tenant}', overlay(gate.first_entry_id(now())::text placing right(gen_random_uuid()::text, 22) from 15)::uuid, now(), 'test.entry', 'test:{words}', 'req-1', '\x7b7d');
commit;
";

/// An entry of a tenant's.
const ENTRY: &str = r"insert into audit_entry (tenant_id, id, at, kind, actor, request_id, leaf)
    values ('{tenant}', '{id}', now(), 'test.entry', 'test', 'req-1', '\x7b7d')";

/// What an attacker may bring along: a cheap function that shows every foreign value it is given, and an operator that says
/// yes to everything.
const TOOLS: &str = "
create schema attacker;
grant usage on schema attacker to public;
create function attacker.peek(value text) returns boolean language plpgsql cost 0.0000001 as
    $$ begin if value <> '{own}' then raise exception 'seen: %', value; end if; return true; end $$;
create function attacker.yes(uuid, uuid) returns boolean language sql immutable as 'select true';
create operator attacker.= (leftarg = uuid, rightarg = uuid, function = attacker.yes);
";

/// The badly made side: tables whose policy is given, filled for both tenants, and roles that can do too much.
const BAD: &str = "
create schema bad;
grant usage on schema bad to public;

create procedure bad.make(name text, policy text) language plpgsql as $$ begin
    execute format('create table bad.%I (tenant_id uuid not null, body text)', name);
    execute format('insert into bad.%I values (%L, %L), (%L, %L)', name, '{a}', '{own}', '{b}', '{secret}');
    execute format('grant select, insert, update, delete on bad.%I to portcullis_app', name);
    if policy is not null then
        execute format('alter table bad.%I enable row level security', name);
        execute format('alter table bad.%I force row level security', name);
        execute format('create policy p on bad.%I to portcullis_app using (%s)', name, policy);
    end if;
    execute format('analyze bad.%I', name);
end $$;

call bad.make('open', null);
call bad.make('plain',
    $p$tenant_id = (nullif(current_setting('request.jwt.claims', true), '')::json ->> 'tenant_id')::uuid$p$);
call bad.make('lenient',
    $p$tenant_id::text = coalesce(nullif(current_setting('request.jwt.claims', true), '')::json ->> 'tenant_id',
                                  tenant_id::text)$p$);

do $$ declare made record; begin
    for made in select * from (values
        ('it_mighty', 'superuser'), ('it_bypass', 'nosuperuser bypassrls'), ('it_member', 'noinherit'),
        ('it_climber', 'noinherit'), ('it_runner', 'inherit'), ('it_follower', 'replication'), ('it_tuner', 'inherit')
        ) as m (name, rights)
    loop
        if not exists (select from pg_roles where rolname = made.name) then
            execute format('create role %I', made.name);
        end if;
        execute format('alter role %I login password %L %s', made.name, 'twin', made.rights);
        execute format('grant connect on database {database} to %I', made.name);
        execute format('grant usage on schema portcullis to %I', made.name);
        execute format('grant select on all tables in schema portcullis to %I', made.name);
        execute format('grant select on all tables in schema bad to %I', made.name);
    end loop;
    -- Each has one right that the serving role does not have, and no other.
    grant it_bypass to it_member;
    grant portcullis_system to it_climber;
    grant pg_execute_server_program to it_runner;
    grant temporary on database {database} to it_runner;
    grant set, alter system on parameter log_statement to it_tuner;
    execute format('copy (select %L) to %L', '{secret}', current_setting('data_directory') || '/it_secret');
end $$;
";
