//! The log searched, by the API and in the console; one request read whole.

use serde_json::Value;

use crate::house::{Answer, Ask, Build, Tenant, Wire, execute, run};

/// A wire, a tenant, and what its people and programs did: one request each.
struct Past<'a> {
    wire: &'a Wire,
    tenant: &'a Tenant,
    /// The agent listed the models.
    listed: String,
    /// The agent asked for what is not open to it.
    denied: String,
    /// The owner's key made a key of this id.
    made: (String, String),
}

impl<'a> Past<'a> {
    async fn make(wire: &'a Wire, tenant: &'a Tenant) -> Self {
        let [listed, denied, made] = [(); 3].map(|()| wire.request_id());
        let id = |ask: Ask, id: &str| ask.header("x-request-id", id);
        let answer = wire.ask(id(Ask::get("/v1/models"), &listed).key(&tenant.agent_key)).await;
        assert_eq!(answer.status, 200);
        let new = r#"{"name": "a key", "role": "reader"}"#;
        let answer = wire.ask(id(Ask::post("/api/v1/keys").json(new), &denied).key(&tenant.agent_key)).await;
        assert_eq!(answer.status, 403, "{}", answer.text());
        let answer = wire.ask(id(Ask::post("/api/v1/keys").json(new), &made).key(&tenant.owner_key)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let key = answer.json()["id"].as_str().expect("an id").to_owned();
        Self { wire, tenant, listed, denied, made: (made, key) }
    }

    async fn ask(&self, query: &str) -> Answer {
        let path = format!("/api/v1/audit/entries?{query}");
        self.wire.ask(Ask::get(path).key(&self.tenant.owner_key)).await
    }

    /// The requests whose entries a query finds, without those that looked for them.
    async fn requests(&self, query: &str) -> Vec<String> {
        let answer = self.ask(query).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        let items = answer.json()["items"].as_array().expect("items").clone();
        let known = [&self.listed, &self.denied, &self.made.0];
        let of = items.iter().filter_map(|item| item["entry"]["request_id"].as_str());
        of.filter(|id| known.iter().any(|known| known == id)).map(str::to_owned).collect()
    }
}

#[test]
fn entries_are_found_by_everything_they_say() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Searched").await;
        let past = Past::make(&wire, &tenant).await;
        let (agent, agent_key, project) = (tenant.agent, tenant.agent_key_id, tenant.project);
        let (owner, key) = (tenant.owner_key_id, &past.made.1);
        let (listed, denied, made) = (past.listed.as_str(), past.denied.as_str(), past.made.0.as_str());
        for (query, found) in [
            ("limit=50".to_owned(), vec![made, denied, listed]),
            ("outcome=refused".to_owned(), vec![denied]),
            ("outcome=failed".to_owned(), vec![]),
            ("severity=low".to_owned(), vec![made, denied]),
            ("severity=medium".to_owned(), vec![denied]),
            ("severity=critical".to_owned(), vec![]),
            ("category=keys,models".to_owned(), vec![made, listed]),
            ("category=keys&kind=KEY_*&outcome=ok".to_owned(), vec![made]),
            ("category=keys&kind=model.listed".to_owned(), vec![]),
            ("kind=model.*".to_owned(), vec![listed]),
            ("q=Issued".to_owned(), vec![made]),
            ("q=key.create".to_owned(), vec![made, denied]),
            (format!("q={key}"), vec![made]),
            (format!("q={agent}"), vec![denied, listed]),
            (format!("subject={key}"), vec![made]),
            (format!("subject=key:{key}"), vec![made]),
            (format!("subject=agent:{key}"), vec![]),
            (format!("actor=agent:{agent}"), vec![denied, listed]),
            (format!("actor=key:{agent_key}"), vec![denied, listed]),
            (format!("actor=service:{owner}"), vec![made]),
            ("actor=anonymous".to_owned(), vec![]),
            (format!("project={project}"), vec![made, denied, listed]),
            (format!("project={agent}"), vec![]),
            (format!("request_id={listed}"), vec![listed]),
            (format!("request_id={listed}&outcome=refused"), vec![]),
            ("since=2020-01-01T00:00:00Z".to_owned(), vec![made, denied, listed]),
            ("since=2999-01-01T00:00:00Z".to_owned(), vec![]),
            ("until=2020-01-01T00:00:00Z".to_owned(), vec![]),
        ] {
            assert_eq!(past.requests(&query).await, found, "{query}");
        }
        // Page by page the same.
        let one = past.ask("limit=1&kind=model.listed,KEY_CREATED").await.json();
        let next = one["next"].as_str().expect("more");
        let two = past.ask(&format!("limit=1&kind=model.listed,KEY_CREATED&cursor={next}")).await.json();
        assert_eq!(one["items"][0]["entry"]["request_id"], made);
        assert_eq!(two["items"][0]["entry"]["request_id"], listed);
    });
}

#[test]
fn what_cannot_be_looked_for_is_named() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Malformed").await;
        let ask =
            |query: &str| wire.ask(Ask::get(format!("/api/v1/audit/entries?{query}")).key(&tenant.owner_key));
        for (query, pointers) in [
            ("outcome=fine&severity=grave", vec!["/outcome", "/severity"]),
            ("actor=robot:1", vec!["/actor"]),
            ("subject=key:", vec!["/subject"]),
            ("since=yesterday&project=billing", vec!["/project", "/since"]),
            ("since=2026-11-22T10:00:00Z&until=2026-11-22T09:00:00Z", vec!["/until"]),
            ("kind=nobody.*&category=rooms", vec!["/category", "/kind"]),
            ("request_id=a%20b", vec!["/request_id"]),
        ] {
            let answer = ask(query).await;
            assert_eq!(answer.status, 422, "{query}");
            let errors = answer.json()["errors"].as_array().expect("errors").clone();
            let mut named: Vec<_> =
                errors.iter().map(|error| error["pointer"].as_str().expect("text")).collect();
            named.sort_unstable();
            assert_eq!(named, pointers, "{query}");
        }
        assert_eq!(ask("colour=red").await.status, 400);
    });
}

#[test]
fn one_request_is_read_whole_by_those_who_may() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let (tenant, other) =
            (Tenant::make(&desk.vault, "Read whole").await, Tenant::make(&desk.vault, "Next door").await);
        let past = Past::make(&wire, &tenant).await;
        // Two requests of one id: a client may do that.
        let again = Ask::get("/v1/models").header("x-request-id", &past.denied).key(&tenant.agent_key);
        assert_eq!(wire.ask(again).await.status, 200);
        let path = format!("/api/v1/audit/requests/{}", past.denied);
        let read = wire.ask(Ask::get(&path).key(&tenant.owner_key)).await;
        assert_eq!(read.status, 200, "{}", read.text());
        let body = read.json();
        let kinds: Vec<_> = body["entries"]
            .as_array()
            .expect("entries")
            .iter()
            .map(|entry| &entry["entry"]["kind"])
            .collect();
        assert_eq!(kinds, ["access.denied", "model.listed"]);
        assert_eq!((&body["more"], &body["request_id"]), (&Value::Bool(false), &past.denied.clone().into()));
        let entry = desk.database.entries(read.header("x-request-id")).await;
        assert_eq!((entry.len(), entry[0].kind.as_str()), (1, "audit.read"));

        let next_door = wire.ask(Ask::get(&path).key(&other.owner_key)).await.json();
        assert_eq!(next_door["entries"], Value::Array(Vec::new()));
        assert_eq!(wire.ask(Ask::get(&path)).await.status, 401);
        let odd = format!("/api/v1/audit/requests/{}", "x".repeat(200));
        assert_eq!(wire.ask(Ask::get(odd).key(&tenant.owner_key)).await.status, 404);
    });
}

#[test]
fn a_search_that_takes_too_long_says_what_to_do() {
    run(async |house| {
        let database = house.database("slow_search").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "Slow").await;
        let wire = Build::over(&vault).serve().await;
        let mut superuser = database.superuser().await;
        // Whoever waits for a lock takes as long as whoever reads very much.
        execute(&mut superuser, "begin; lock table portcullis.audit_leaf in access exclusive mode")
            .await
            .expect("locked");
        let answer = wire.ask(Ask::get("/api/v1/audit/entries").key(&tenant.owner_key)).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        let error = answer.json()["errors"][0].clone();
        assert_eq!(error["pointer"], "/since");
        assert!(error["detail"].as_str().is_some_and(|words| words.contains("Narrow the range")), "{error}");
        execute(&mut superuser, "rollback").await.expect("open again");
        let entries = database.entries(answer.header("x-request-id")).await;
        assert_eq!((entries.len(), entries[0].outcome()), (1, "failed"));
        assert_eq!(wire.ask(Ask::get("/api/v1/audit/entries").key(&tenant.owner_key)).await.status, 200);
        vault.close();
    });
}
