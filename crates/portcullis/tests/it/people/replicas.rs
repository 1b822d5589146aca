//! Two server processes over one database: what one of them, or the operator, decides about a person, a session, an agent
//! or a token holds at the other within a second, and refreshing at both at once never makes two chains.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::accounts::SessionKind;
use gates::Vault;
use http::Method;
use kernel::MemberRole;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row as _};

use crate::house::members::Somebody;
use crate::house::people::{Person, accounts};
use crate::house::process::{Process, command};
use crate::house::{Ask, Database, House, Tenant, Wire, run};

/// Longest time until the other process follows, in milliseconds.
const FOLLOWED_MILLIS_MAX: u128 = 1_000;
/// How often it is asked meanwhile, in milliseconds.
const ASK_MILLIS: u64 = 5;
/// Rounds of refreshing, and how often each process is asked in each.
const ROUNDS: usize = 12;
const TABS: usize = 4;
/// What both processes are called from outside, so that each takes the other's tokens; the vaults of tests are too.
const PUBLIC_URL: &str = "http://localhost";

struct Pair {
    database: Database,
    vault: Arc<Vault>,
    tenant: Tenant,
    here: Wire,
    there: Wire,
    processes: [Process; 2],
}

/// Where a process listens; the URL it names is the one from outside.
fn address(process: &Process) -> SocketAddr {
    let said = process.written();
    let found = said.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next());
    found
        .and_then(|text| text.trim_matches('"').parse().ok())
        .unwrap_or_else(|| panic!("no address in:\n{said}"))
}

impl Pair {
    async fn start(house: &'static House, purpose: &str) -> Self {
        let database = house.database(purpose).await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, purpose).await;
        let env = [("PORTCULLIS_PUBLIC_URL", PUBLIC_URL), ("PORTCULLIS_RATE_AUTH", "off")];
        let (one, other) = tokio::join!(Process::serve(&database, &env), Process::serve(&database, &env));
        let (here, there) = (Wire::to(address(&one)), Wire::to(address(&other)));
        Self { database, vault, tenant, here, there, processes: [one, other] }
    }

    /// As the owner, here.
    async fn done(&self, method: Method, path: String, body: Option<Value>) {
        let ask = Ask::new(method, path).key(&self.tenant.owner_key);
        let ask = match body {
            Some(body) => ask.json(body.to_string()),
            None => ask,
        };
        let answer = self.here.ask(ask).await;
        assert!(answer.status.is_success(), "{}", answer.text());
    }

    /// Asks there until refused with `status`, and says how long that took.
    async fn followed(&self, what: &str, ask: &Ask, status: u16, since: Instant) {
        loop {
            let answer = self.there.ask(ask.clone()).await;
            let passed = since.elapsed().as_millis();
            if answer.status == status {
                println!("{what}: followed after {passed} ms");
                return;
            }
            assert!(answer.status.is_success(), "{what}: {}", answer.text());
            assert!(passed < FOLLOWED_MILLIS_MAX, "{what}: still open after {passed} ms");
            tokio::time::sleep(Duration::from_millis(ASK_MILLIS)).await;
        }
    }

    /// A request that is answered at both, and is remembered at both by then.
    async fn open(&self, ask: Ask) -> Ask {
        for wire in [&self.here, &self.there] {
            for _ in 0..2 {
                let answer = wire.ask(ask.clone()).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
            }
        }
        ask
    }

    async fn whoami(&self, token: &str) -> Ask {
        self.open(Ask::get("/api/v1/whoami").bearer(token)).await
    }

    async fn agents_token(&self) -> String {
        let form = json!({
            "grant_type": "client_credentials", "client_id": self.tenant.agent.to_string(),
            "client_secret": self.tenant.agent_key.expose(),
        });
        let answer = self.here.ask(Ask::post("/oauth/token").form(&form)).await;
        answer.json()["access_token"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
    }

    async fn stop(self) {
        let Self { database, vault, here, there, processes: [one, other], .. } = self;
        vault.close();
        drop((vault, here, there));
        let (one, other) = tokio::join!(one.stop(), other.stop());
        assert!(one.success() && other.success());
        database.verified().await.exited(0);
    }
}

#[test]
fn what_is_taken_away_at_one_is_gone_at_the_other_within_a_second() {
    run(async |house| {
        let pair = Pair::start(house, "taken_away").await;
        let (vault, id) = (&pair.vault, pair.tenant.id);
        let member = Somebody::member(vault, id, MemberRole::Member).await;
        let token = member.token(vault).await;

        let chat = r#"{"model":"loopback","messages":[{"role":"user","content":"hello"}]}"#;
        let call = pair.open(Ask::chat(chat).bearer(&token)).await;
        let since = Instant::now();
        let path = format!("/api/v1/members/{}/role", member.account);
        pair.done(Method::PUT, path, Some(json!({"role": "viewer"}))).await;
        pair.followed("role changed", &call, 403, since).await;

        let ask = pair.whoami(&token).await;
        let since = Instant::now();
        let path = format!("/api/v1/members/{}/sessions/{}", member.account, member.session);
        pair.done(Method::DELETE, path, None).await;
        pair.followed("session revoked", &ask, 401, since).await;

        let member = Somebody::member(vault, id, MemberRole::Member).await;
        let ask = pair.whoami(&member.token(vault).await).await;
        let since = Instant::now();
        pair.done(Method::POST, format!("/api/v1/members/{}/suspend", member.account), None).await;
        pair.followed("member suspended", &ask, 401, since).await;

        let token = pair.agents_token().await;
        let ask = pair.whoami(&token).await;
        let since = Instant::now();
        let revoke = Ask::post("/oauth/revoke").key(&pair.tenant.owner_key).form(&json!({"token": token}));
        assert_eq!(pair.here.ask(revoke).await.status, 200);
        pair.followed("token revoked", &ask, 401, since).await;

        let ask = pair.whoami(&pair.agents_token().await).await;
        let since = Instant::now();
        pair.done(Method::POST, format!("/api/v1/agents/{}/suspend", pair.tenant.agent), None).await;
        pair.followed("agent suspended", &ask, 401, since).await;
        pair.stop().await;
    });
}

/// Not through a server at all: the operator's command writes, both processes follow.
#[test]
fn an_account_closed_on_the_machine_is_closed_everywhere_within_a_second() {
    run(async |house| {
        let pair = Pair::start(house, "closed").await;
        let member = Somebody::member(&pair.vault, pair.tenant.id, MemberRole::Member).await;
        let ask = pair.whoami(&member.token(&pair.vault).await).await;
        let environment = pair.database.environment();
        let env: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, &**value)).collect();
        // The command has committed when it ends, and so not before.
        let closed = command(&["operator", "disable", &member.address, "--json"], &env).await.exited(0);
        let since = Instant::now();
        assert!(closed.contains("\"sessions_ended\": 1"), "{closed}");
        pair.followed("account closed", &ask, 401, since).await;
        pair.stop().await;
    });
}

#[test]
fn refreshing_at_both_at_once_leaves_one_living_chain() {
    run(async |house| {
        let pair = Pair::start(house, "refreshing").await;
        let doors = accounts(&pair.vault);
        let person = Person::sign_up(&doors).await;
        person.join(&pair.vault, pair.tenant.id, MemberRole::Member, false).await;
        let opened = person.enter(&doors, SessionKind::Program).await;
        let mut living = opened.refresh.expect("a token").expose().to_string();
        let mut access = String::new();
        for round in 0..ROUNDS {
            let mut asked = Vec::new();
            for _ in 0..TABS {
                for wire in [&pair.here, &pair.there] {
                    let cookie = format!("portcullis_refresh={living}");
                    asked.push(wire.ask(Ask::post("/api/v1/auth/refresh").header("cookie", &cookie)));
                }
            }
            let mut next = BTreeSet::new();
            for answer in futures_util::future::join_all(asked).await {
                assert_eq!(answer.status, 200, "round {round}: {}", answer.text());
                let set = answer.header("set-cookie");
                let value = set.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie").1;
                next.insert(value.to_owned());
                answer.json()["access_token"].as_str().expect("a token").clone_into(&mut access);
            }
            assert_eq!(next.len(), 1, "round {round}: two chains: {} of them", next.len());
            let one = next.into_iter().next().expect("one");
            assert_ne!(one, living, "round {round}: it did not move");
            living = one;
        }
        let sql = format!("select refresh_generation from portcullis.session where id = '{}'", opened.id);
        let mut superuser = pair.database.superuser().await;
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut superuser).await.expect("one family");
        let generation: i64 = row.get(0);
        let (first, rounds) = (generation - i64::try_from(ROUNDS).expect("small"), ROUNDS);
        assert!((0..=1).contains(&first), "{rounds} rounds moved it to {generation}");
        pair.whoami(&access).await;
        pair.stop().await;
    });
}
