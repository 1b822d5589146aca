use audit_log::Format;
use audit_log::formats::index_of;
use kernel::EventKind;
use serde_json::Value;

use super::{Stage, entry_of};
use crate::house::process::Process;
use crate::house::{Tenant, run};

const PATH: &str = "/api/v1/audit/events";

fn number(answer: &crate::house::web::Answer, name: &str) -> u64 {
    answer.header(name).parse().unwrap_or_else(|_| panic!("{name} is a number"))
}

#[test]
fn pages_give_every_entry_once_and_byte_for_byte() {
    run(async |house| {
        let stage = Stage::build(house, "events_pages", &[]).await;
        stage.grow(20).await;
        let stored = stage.settled().await;
        let (web, mut found, mut after) = (stage.web(), Vec::new(), String::new());
        while found.len() < stored.len() {
            let page = web.get(&format!("{PATH}?limit=7{after}")).await.expect(200);
            assert_eq!(page.header("content-type"), "application/x-ndjson");
            assert!(number(&page, "x-portcullis-log-size") >= stored.len() as u64);
            let text = page.text();
            assert!(text.lines().count() <= 7 && text.lines().count() > 0, "{text}");
            for line in text.lines() {
                let (index, entry) = entry_of(line);
                assert_eq!(index, found.len() as u64);
                found.push(entry.to_vec());
                after = format!("&after={index}");
            }
        }
        assert_eq!(found[..stored.len()], stored[..]);
        // Behind the end there is nothing.
        let page = web.get(&format!("{PATH}?after=1000000")).await.expect(200);
        assert_eq!(page.text(), "");
        assert_eq!(number(&page, "x-portcullis-looked-to"), number(&page, "x-portcullis-log-size"));
        // Each request was on record before its first byte.
        let read = web.entries("audit.exported").await;
        assert!(!read.is_empty() && read.iter().all(|item| item["data"]["format"] == "jsonl"));
    });
}

#[test]
fn every_format_says_the_same() {
    run(async |house| {
        let stage = Stage::build(house, "events_formats", &[]).await;
        stage.grow(3).await;
        let stored = stage.settled().await;
        let web = stage.web();
        for format in Format::ALL {
            let page = web.get(&format!("{PATH}?format={format}&limit={}", stored.len())).await.expect(200);
            assert_eq!(page.header("content-type"), format.media_type());
            let text = page.text();
            let lines: Vec<_> = text.split_terminator(format.line_end()).collect();
            let heads = usize::from(format.head().is_some());
            assert_eq!(lines.len(), stored.len() + heads, "{format}: {text}");
            for (at, line) in lines[heads..].iter().enumerate() {
                assert_eq!(index_of(*format, line), Some(at as u64), "{line}");
                let id = serde_json::from_slice::<Value>(&stored[at]).expect("JSON")["id"].clone();
                assert!(line.contains(id.as_str().expect("an id")), "{line}");
            }
        }
        let page = web.get(&format!("{PATH}?format=ocsf&kind=project.listed&limit=1")).await.expect(200);
        let event: Value = serde_json::from_str(&page.text()).expect("JSON");
        assert_eq!((&event["class_uid"], &event["type_uid"]), (&6003.into(), &600_302.into()), "{event}");
        assert_eq!(event["metadata"]["version"], "1.6.0");
        let origin = event["unmapped"]["log_origin"].as_str().expect("an origin");
        assert!(origin.ends_with(&format!("/log/{}", stage.tenant.id)), "{origin}");
        // Who goes on has the head of the table already.
        let rest = web.get(&format!("{PATH}?format=csv&after=0&limit=1")).await.expect(200).text();
        assert!(rest.starts_with("1,"), "{rest}");
    });
}

#[test]
fn events_are_narrowed_by_everything_they_say() {
    run(async |house| {
        let stage = Stage::build(house, "events_narrow", &[]).await;
        let web = stage.web();
        let id = "narrow-1";
        let made = web.post("/api/v1/agents", &serde_json::json!({"name": "narrow"})).await.expect(201);
        let agent = stage.server.web(stage.tenant.agent_key.expose().to_owned());
        agent.get("/v1/models").await.expect(200);
        agent.get("/api/v1/keys").await.expect(403);
        let stored = stage.settled().await;
        let at = |entry: &str| {
            let of = |leaf: &Vec<u8>| serde_json::from_slice::<Value>(leaf).expect("JSON");
            let leaf = stored.iter().map(of).find(|leaf| leaf["id"] == entry).expect("stored");
            leaf["at"].as_str().expect("a time").to_owned()
        };
        let moment = at(&made.entry());
        let kinds = async |query: &str| {
            let text = web.get(&format!("{PATH}?{query}")).await.expect(200).text();
            let kind = |line: &str| {
                let value: Value = serde_json::from_str(line).expect("JSON");
                value["entry"]["kind"].as_str().expect("a kind").to_owned()
            };
            text.lines().map(kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds("kind=agent.created").await, ["agent.created"]);
        assert_eq!(kinds("category=agents").await, ["agent.created"]);
        assert_eq!(kinds("kind=agent.*,model.listed").await, ["agent.created", "model.listed"]);
        assert_eq!(
            kinds(&format!("actor=agent:{}", stage.tenant.agent)).await,
            ["model.listed", "access.denied"]
        );
        assert_eq!(kinds("outcome=refused").await, ["access.denied"]);
        assert_eq!(kinds("category=agents&outcome=refused").await, [""; 0]);
        assert_eq!(kinds(&format!("since={moment}&kind=agent.*")).await, ["agent.created"]);
        assert_eq!(kinds(&format!("until={moment}&kind=agent.*")).await, [""; 0]);
        assert_eq!(kinds("since=2100-01-01T00:00:00Z").await, [""; 0]);
        assert_eq!(kinds(&format!("request_id={id}")).await, [""; 0]);
        let request = made.header("x-request-id");
        assert_eq!(kinds(&format!("request_id={request}")).await, ["agent.created"]);
        for bad in [
            "format=xml",
            "kind=nothing",
            "category=rooms",
            "outcome=fine",
            "since=today",
            "until=1",
            "limit=0",
            "limit=100001",
            "after=-1",
            "actor=robot:1",
        ] {
            assert_eq!(web.get(&format!("{PATH}?{bad}")).await.status, 422, "{bad}");
        }
        assert_eq!(web.get(&format!("{PATH}?colour=blue")).await.status, 400);
    });
}

#[test]
fn next_door_nothing_of_it_is_seen() {
    run(async |house| {
        let database = house.database("events_doors").await;
        let vault = database.vault().await.expect("served");
        let (one, other) = (Tenant::make(&vault, "one").await, Tenant::make(&vault, "other").await);
        vault.close();
        let server = Process::serve(&database, &[]).await;
        for (tenant, stranger) in [(&one, &other), (&other, &one)] {
            let web = server.web(tenant.owner_key.expose().to_owned());
            web.get("/api/v1/audit/checkpoint").await;
            web.post_empty("/api/v1/audit/checkpoints").await.expect(201);
            let text = web.get(PATH).await.expect(200).text();
            assert!(
                text.contains(&tenant.id.to_string()) && !text.contains(&stranger.id.to_string()),
                "{text}"
            );
            let tail = web.get("/api/v1/audit/tail?after=-1&seconds=0").await.expect(200).text();
            assert!(
                tail.contains(&tenant.id.to_string()) && !tail.contains(&stranger.id.to_string()),
                "{tail}"
            );
        }
    });
}

#[test]
fn the_catalogue_lists_every_kind() {
    run(async |house| {
        let stage = Stage::build(house, "events_kinds", &[]).await;
        let listed = stage.web().get("/api/v1/audit/kinds").await.expect(200).json();
        let items = listed["items"].as_array().expect("items");
        assert_eq!(items.len(), EventKind::ALL.len());
        let key = items.iter().find(|kind| kind["name"] == "KEY_CREATED").expect("the name of old");
        assert_eq!((&key["category"], &key["ocsf"]["class_uid"]), (&"keys".into(), &3004.into()), "{key}");
    });
}
