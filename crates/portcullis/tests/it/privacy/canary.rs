//! A canary of each class is sent through every door there is, as a prompt, as a model's answer, and in every place of a
//! request where it does not belong. Then everything the server leaves behind is searched: what it wrote, what it told its
//! collector, what it answered when it refused, and every row of its database.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row as _};
use testkit::{FakeProvider, Script, Step};

use crate::console::Browser;
use crate::house::members::Somebody;
use crate::house::process::{Folder, Process};
use crate::house::{Answer, Ask, Database, House, Tenant, Wire, run};
use crate::lists::{Operation, plain_ask};
use crate::telemetry::address;
use crate::telemetry::collector::collector;

/// What is said, and what must be found nowhere of it. One of each class.
const CANARIES: [(&str, &str, &str); 11] = [
    ("EMAIL", "write to ottoline.quill@example.com", "ottoline.quill@example.com"),
    ("PHONE", "call +1 415-555-0187", "415-555-0187"),
    ("GOV_ID", "social security number 957-12-0934", "957-12-0934"),
    ("PAYMENT", "paid with 4012 8888 8888 1881", "4012 8888 8888 1881"),
    ("IP", "came from 203.0.113.77", "203.0.113.77"),
    (
        "CREDENTIAL",
        "key ghp_q7W2e9R4t6Y8u1I3o5P0aSdFgHjKlZxCvBnM",
        "ghp_q7W2e9R4t6Y8u1I3o5P0aSdFgHjKlZxCvBnM",
    ),
    ("PERSON", "my name is Ottoline Quillfeather", "Quillfeather"),
    ("ADDRESS", "lives at 4812 Larkspur Road, Springfield, IL 62704", "4812 Larkspur"),
    ("HEALTH", "she was diagnosed with leukemia", "leukemia"),
    ("BIOMETRIC", "they keep her fingerprint template", "fingerprint template"),
    ("MINOR", "my 7-year-old daughter", "7-year-old daughter"),
];

/// An id that nothing has.
const NOBODY: &str = "019a0000-0000-7000-8000-000000000000";

/// All of them in one text.
fn all() -> String {
    CANARIES.map(|(_, said, _)| said).join(", ")
}

/// The classes whose canary stands in a text, as it is or as the bytes that PostgreSQL writes of a `bytea`.
fn seen_in(text: &str) -> BTreeSet<&'static str> {
    let stands = |needle: &str| text.contains(needle) || text.contains(&crypto::hex(needle.as_bytes()));
    CANARIES.iter().filter(|(_, _, needle)| stands(needle)).map(|(class, ..)| *class).collect()
}

/// Every class is replaced on every channel; what is found by its form is kept, sealed.
fn rules() -> Value {
    let mode = |class: &str| match class {
        "EMAIL" | "PHONE" | "GOV_ID" | "PAYMENT" | "IP" => json!({"mode": "reversible"}),
        _ => json!({"mode": "strict"}),
    };
    let strict: Value =
        CANARIES.map(|(class, ..)| (class.to_owned(), json!({"mode": "strict"}))).into_iter().collect();
    let classes: Value = CANARIES.map(|(class, ..)| (class.to_owned(), mode(class))).into_iter().collect();
    json!({"classes": classes, "channels": {"log": strict, "webhook": strict, "export": strict}})
}

/// The server at its most talkative, its neighbours, and what it answered.
struct Stage {
    database: Database,
    server: Process,
    collector: Process,
    folder: Folder,
    provider: FakeProvider,
    wire: Wire,
    tenant: Tenant,
    somebody: Somebody,
    token: String,
    /// What a refusal held of what was sent.
    told: Vec<String>,
}

impl Stage {
    async fn build(house: &'static House) -> Self {
        let folder = Folder::new("canary");
        let collector = collector(&folder).await;
        let provider = FakeProvider::start(Script::json(&all())).await.expect("a provider");
        let database = house.database("canary").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "canary").await;
        let providers = format!("fake={}", provider.base_url());
        let env = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url),
            ("PORTCULLIS_LOG", "trace"),
            ("PORTCULLIS_RATE_AUTH", "off"),
            ("PORTCULLIS_PROVIDERS", &*providers),
            ("PORTCULLIS_PROVIDER_FAKE_MODELS", "fake-1"),
        ];
        let server = Process::serve(&database, &env).await;
        let somebody = Somebody::owner(&vault, tenant.id).await;
        let token = somebody.token(&vault).await;
        vault.close();
        let wire = Wire::to(address(&server));
        let stage = Self {
            database,
            server,
            collector,
            folder,
            provider,
            wire,
            tenant,
            somebody,
            token,
            told: Vec::new(),
        };
        let put = Ask::new(Method::PUT, "/api/v1/policies/pii").json(rules().to_string());
        let answer = stage.wire.ask(put.key(&stage.tenant.owner_key)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        stage
    }

    /// Sends it; a refusal may not repeat what it refuses.
    async fn ask(&mut self, what: &str, ask: Ask) -> Answer {
        let answer = self.wire.ask(ask).await;
        self.judge(what, &answer);
        answer
    }

    fn judge(&mut self, what: &str, answer: &Answer) {
        let heads = format!("{:?}", answer.headers);
        let mut said = answer.text();
        if let Ok(Value::Object(mut problem)) = serde_json::from_str::<Value>(&said) {
            // Where it was wrong, in the words of this very caller: the path they asked for (RFC 9457, 3.1.5), and the names of
            // members that they made up. Values are never repeated.
            problem.remove("instance");
            for error in problem.get_mut("errors").and_then(Value::as_array_mut).into_iter().flatten() {
                error.as_object_mut().and_then(|error| error.remove("pointer"));
            }
            said = Value::Object(problem).to_string();
        }
        let seen = seen_in(&format!("{said}{heads}"));
        if answer.status.as_u16() >= 400 && !seen.is_empty() {
            self.told.push(format!("{what}: {} tells {seen:?}: {}", answer.status, answer.text()));
        }
    }

    /// Prompts with all canaries, and answers with all canaries, whole and streamed, good and broken.
    async fn models(&mut self) {
        let pieces: Vec<String> =
            all().chars().collect::<Vec<_>>().chunks(5).map(|c| c.iter().collect()).collect();
        let error = json!({"error": {"message": all(), "type": "x", "code": all()}}).to_string();
        let events = |data: &str| {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
            Script::new([Step::Send(format!("{head}data: {data}\n\n").into()), Step::Close])
        };
        let answers = [
            (false, Script::json(&all())),
            (true, Script::stream(pieces.iter().map(String::as_str))),
            (false, Script::response(400, "application/json", "", &error)),
            (true, Script::response(500, "application/json", "", &error)),
            (false, Script::response(200, "application/json", "", all())),
            (true, Script::response(200, "text/plain", "", all())),
            (true, events(&error)),
            (true, events(&all())),
            (true, events(&json!({"choices": [{"delta": {"content": all()}}]}).to_string())),
        ];
        let rich = json!([
            {"role": "system", "content": all(), "name": "helper"},
            {"role": "user", "content": [{"type": "text", "text": all()}], "extra": {"note": all()}},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function",
                "function": {"name": "look", "arguments": json!({"who": all()}).to_string()}}]},
            {"role": "tool", "tool_call_id": "c", "content": all()},
        ]);
        for model in ["fake-1", "loopback-echo"] {
            for (stream, script) in answers.clone() {
                self.provider.always(script);
                let mut body = json!({"model": model, "stream": stream, "messages": rich, "user": all()});
                body["metadata"] = json!({ "note": all() });
                let ask = Ask::chat(body.to_string()).key(&self.tenant.agent_key);
                let ask = ask.header("x-portcullis-conversation", "one").header("user-agent", &all());
                self.ask("a model", ask).await;
                let sent = self.provider.last().map(|request| request.text()).unwrap_or_default();
                assert!(seen_in(&sent).is_empty(), "{:?} went out: {sent}", seen_in(&sent));
            }
        }
    }

    /// Requests that are none, and doors that are not there.
    async fn malformed(&mut self) {
        let (text, key) = (all(), self.tenant.agent_key.expose().to_owned());
        let part: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let chat = |body: Value| Ask::chat(body.to_string());
        let messages = json!([{"role": "user", "content": "Good morning"}]);
        let asks = [
            Ask::chat(format!("{{\"model\":\"fake-1\",\"messages\":[{{\"content\":\"{text}")),
            Ask::chat([text.as_bytes(), b"\xff\xfe"].concat()),
            chat(json!([text])),
            chat(json!({"model": text, "messages": messages})),
            chat(json!({"model": "fake-1", "messages": text})),
            chat(json!({"model": "fake-1", "messages": [{"role": text, "content": text}]})),
            chat(json!({"model": "fake-1", "messages": messages, "stream": text})),
            chat(
                json!({"model": "fake-1", "messages": messages, "stream_options": text, &text: {&text: text}}),
            ),
            Ask::chat(format!("{{\"{text}\":1,\"{text}\":2}}")),
            chat(json!({"model": "fake-1", "messages": messages})).header("x-portcullis-conversation", &text),
            chat(json!({"model": "fake-1", "messages": messages})).header("traceparent", &text),
            chat(json!({"model": "fake-1", "messages": messages})).header("idempotency-key", &text),
            chat(json!({"model": "fake-1", "messages": messages})).header("x-request-id", &text),
            Ask::post("/v1/chat/completions").bare(text.clone()).header("content-type", &text),
            Ask::get(format!("/v1/models/{part}")),
            Ask::get(format!("/v1/models?after={part}")),
            Ask::post("/v1/responses").json(json!({"model": "fake-1", "input": text}).to_string()),
            Ask::post("/v1/messages")
                .json(json!({"model": "fake-1", "messages": [{"content": text}]}).to_string()),
            Ask::post("/v1beta/models/fake-1:generateContent").json(json!({"contents": text}).to_string()),
            Ask::post(format!("/nowhere/{part}?q={part}")).json(text.clone()),
            Ask::new(Method::PATCH, format!("/api/v1/projects/{part}")).json(text.clone()),
        ];
        for ask in asks {
            let what = "a malformed request";
            self.ask(what, ask.clone().bearer(&key)).await;
            self.ask(what, ask.clone()).await;
            self.ask(what, ask.header("authorization", &format!("Bearer {text}"))).await;
        }
    }

    /// Every operation of the description, with canaries in all places of its body, path and query.
    async fn operations(&mut self) {
        let part: String = form_urlencoded::byte_serialize(all().as_bytes()).collect();
        let (token, key) = (self.token.clone(), self.tenant.owner_key.expose().to_owned());
        // A log that is followed is an answer without an end.
        // Other rules about personal data would make something else of what follows.
        let left_out = |operation: &Operation| {
            operation.path.ends_with("/tail")
                || operation.path == "/api/v1/policies/pii" && operation.method == Method::PUT
        };
        for operation in Operation::all().into_iter().filter(|operation| !left_out(operation)) {
            let mut asks = vec![plain_ask(&operation, &part.replace('+', "%20"), "")];
            asks.push(plain_ask(&operation, NOBODY, &format!("?{part}={part}&limit={part}")));
            if operation.has_body {
                let plain = || plain_ask(&operation, NOBODY, "");
                asks.push(plain().json(format!("{{\"{}", all())));
                asks.push(plain().json(json!({ all(): all() }).to_string()));
                let example = operation.example.clone().expect("an example");
                for (_, said, _) in CANARIES {
                    asks.push(operation.with_body(plain(), &replaced(&example, said)));
                }
                // Each member alone too, so that one that is refused does not hide the others.
                for name in example.as_object().into_iter().flatten().map(|(name, _)| name) {
                    let mut body = example.clone();
                    body[name] = replaced(&body[name], &all());
                    asks.push(operation.with_body(plain(), &body));
                }
            }
            for ask in asks {
                let credential = if operation.is_personal() { &token } else { &key };
                self.ask(&operation.id, ask.bearer(credential)).await;
            }
        }
    }

    /// The forms of the console, of a stranger and of an owner.
    async fn forms(&mut self) {
        let text = all();
        let fields: Vec<(&str, &str)> = [
            "address",
            "email",
            "password",
            "name",
            "reason",
            "url",
            "text",
            "code",
            "description",
            "confirm",
        ]
        .map(|name| (name, text.as_str()))
        .into();
        let mut answers = Vec::new();
        {
            let mut stranger = Browser::nobodys(&self.wire);
            for path in ["/sign-in", "/sign-up", "/reset"] {
                stranger.get(path).await;
                answers.push((path, stranger.post(path, &fields).await));
            }
            let mut owner = Browser::of(&self.wire, &self.somebody);
            for path in [
                "/projects",
                "/agents",
                "/keys",
                "/providers",
                "/members/invite",
                "/settings",
                "/webhooks",
                "/break-glass",
                "/privacy",
                "/privacy/try",
                "/privacy/playground",
                "/roles/templates",
                "/relations",
            ] {
                answers.push((path, owner.post(path, &fields).await));
            }
        }
        for (path, answer) in answers {
            // A form that comes back to its author holds what they wrote; any other page that refuses holds none of it.
            let comes_back = matches!(answer.status.as_u16(), 400 | 422) && answer.text().contains("<form");
            if !comes_back {
                self.judge(path, &answer);
            }
        }
    }

    /// The service that looks for personal data, in all its uses.
    async fn service(&mut self) {
        let text = all();
        for channel in [
            "prompt",
            "completion",
            "tool_arguments",
            "tool_results",
            "memory",
            "upload",
            "agent_message",
            "webhook",
            "export",
            "log",
        ] {
            for path in ["/api/v1/pii/scan", "/api/v1/pii/redact"] {
                let body = json!({"text": text, "channel": channel}).to_string();
                let answer = self.ask(path, Ask::post(path).json(body).key(&self.tenant.agent_key)).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                assert!(seen_in(&answer.text()).is_empty(), "{channel}: {}", answer.text());
            }
        }
        let reveal = Ask::post("/api/v1/pii/reveal").json(json!({"token": text, "reason": text}).to_string());
        self.ask("reveal", reveal.bearer(&self.token.clone())).await;
    }

    /// Columns of the database that hold a canary in the clear.
    async fn stored(&self) -> BTreeSet<String> {
        let mut look = self.database.superuser().await;
        let tables = "select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on \
            n.oid = c.relnamespace where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema')";
        let tables = sqlx::query(tables).fetch_all(&mut look).await.expect("tables");
        assert!(tables.len() > 40, "the tables are there: {}", tables.len());
        let (mut found, mut rows_read) = (BTreeSet::new(), 0);
        for table in tables {
            let table: String = table.get("name");
            let sql = format!(
                "select key, value from (select to_jsonb(t) as j from {table} t) r, jsonb_each_text(r.j)"
            );
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut look).await.expect("rows");
            rows_read += rows.len();
            for row in rows {
                let seen = seen_in(&row.get::<Option<String>, _>("value").unwrap_or_default());
                let column: String = row.get("key");
                found.extend(seen.into_iter().map(|class| format!("{table}.{column} {class}")));
            }
        }
        assert!(rows_read > 1_000, "there is something to search: {rows_read}");
        found
    }
}

/// A value with every text in it replaced.
fn replaced(value: &Value, text: &str) -> Value {
    match value {
        Value::String(_) => json!(text),
        Value::Array(items) => items.iter().map(|item| replaced(item, text)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), replaced(value, text))).collect()
        }
        other => other.clone(),
    }
}

#[test]
fn no_canary_is_left_anywhere() {
    run(async |house| {
        let mut stage = Stage::build(house).await;
        stage.service().await;
        stage.models().await;
        stage.malformed().await;
        stage.forms().await;
        stage.operations().await;
        let stored = stage.stored().await;
        let Stage { mut server, collector, folder, told, .. } = stage;
        server.terminate();
        assert!(server.ended().await.success());
        // The last lines are read from the pipe after the end.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let (written, received) = (server.written(), received(folder.path()));
        drop(collector);
        assert!(
            written.contains("TRACE") && received.contains("/v1/chat/completions"),
            "both told something"
        );
        let lines = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !seen_in(line).is_empty()).take(5).map(str::to_owned).collect()
        };
        assert_eq!(lines(&written), Vec::<String>::new(), "the log tells");
        assert_eq!(lines(&received), Vec::<String>::new(), "the collector was told");
        assert_eq!(told, Vec::<String>::new(), "a refusal tells");
        assert_eq!(stored, BTreeSet::new(), "the database holds");
    });
}

/// What the collector took down.
fn received(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("received")).expect("something was received")
}
