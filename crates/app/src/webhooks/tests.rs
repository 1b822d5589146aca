use std::time::Duration;

use audit_log::{Actor, ActorKind, At, Entry, EntryCore, Kind, Outcome as EntryOutcome};
use kernel::{DeliveryId, EventKind, TenantId, Timestamp, WebhookId};
use store::webhook_deliveries::{State, Taken};

use super::job::{Outcome, because, next};
use super::*;
use crate::providers::{Reach, UrlRules};

const DAY_SECONDS: u64 = 24 * 3_600;
const OPEN: UrlRules = UrlRules { allow_private: true, allow_plain_http: true };

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_micros(1_700_000_000_000_000).plus(Duration::from_secs(seconds))
}

#[test]
fn an_address_is_public_and_by_tls_unless_the_operator_says_more() {
    let closed = UrlRules::default();
    for good in [
        "https://hooks.example.com",
        "https://hooks.example.com/portcullis?token=abc&x=%20",
        "https://hooks.example.com:8443/a/b",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/x",
    ] {
        assert_eq!(Target::parse(good, closed).unwrap().reach(), Reach::Public, "{good}");
        assert_eq!(Target::parse(good, OPEN).unwrap().reach(), Reach::Anywhere, "{good}");
    }
    for bad in [
        "",
        "hooks.example.com",
        "ftp://hooks.example.com/",
        "http://hooks.example.com/",
        "https://user@hooks.example.com/",
        "https://user:secret@hooks.example.com/",
        "https://hooks.example.com/#part",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com:/",
        "https://hooks.example.com:80:80/",
        "https://hooks.example.com\\@10.0.0.1/",
        "https://hooks.example.com/ x",
        "https://hooks.example.com/\r\nx: y",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://100.64.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://224.0.0.1/",
        "https://203.0.113.7/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
    ] {
        assert_eq!(Target::parse(bad, closed).unwrap_err().pointer, "/url", "{bad}");
    }
    for (good, reach) in [
        ("http://127.0.0.1:9000/x", Reach::Private),
        ("http://hooks.internal/", Reach::Private),
        ("https://10.0.0.1/", Reach::Anywhere),
    ] {
        assert_eq!(Target::parse(good, OPEN).unwrap().reach(), reach, "{good}");
    }
    // Neither plain HTTP to the Internet nor the metadata of a cloud, whatever the operator allows.
    for bad in ["http://8.8.8.8/", "http://169.254.169.254/", "https://[fd00:ec2::254]/"] {
        assert!(Target::parse(bad, OPEN).is_err(), "{bad}");
    }
    let long = format!("https://hooks.example.com/{}", "x".repeat(2_000));
    assert!(Target::parse(&long, closed).is_err());
}

#[test]
fn kinds_are_names_and_patterns_that_match_something() {
    let parse = |texts: &[&str]| Kinds::parse(texts.iter().map(ToString::to_string).collect());
    let kinds = parse(&["agent.*", "KEY_CREATED", "agent.*", "*"]).unwrap();
    assert_eq!(kinds.as_slice(), ["*", "KEY_CREATED", "agent.*"]);
    for bad in [
        "",
        "agent",
        "agent.",
        "agent*",
        "agents.*",
        "**",
        "*.created",
        "webhook.*",
        "webhook.created",
        "KEY_",
    ] {
        assert_eq!(parse(&["agent.created", bad]).unwrap_err().pointer, "/kinds/1", "{bad}");
    }
    assert_eq!(parse(&[]).unwrap_err().pointer, "/kinds");
    assert_eq!(parse(&["*"; 101]).unwrap_err().pointer, "/kinds");
    assert!(Kinds::known().all(|kind| parse(&[kind.name()]).is_ok()));
    assert!(!Kinds::known().any(|kind| kind == EventKind::WebhookCreated));
}

#[test]
fn all_faults_of_an_endpoint_are_told_at_once() {
    let faulty = NewEndpoint::parse("nowhere", "x\u{0}".into(), Vec::new(), UrlRules::default());
    let problem = faulty.err().unwrap();
    let pointers: Vec<&str> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/url", "/description", "/kinds"]);
}

#[test]
fn a_body_says_what_the_entry_says_and_nothing_of_keys_and_policies() {
    let id = uuid::Uuid::from_u128(7);
    let core = EntryCore {
        id,
        at: At::from_unix_micros(1_700_000_000_000_001).unwrap(),
        tenant: uuid::Uuid::from_u128(9),
        kind: Kind::new("agent.created").unwrap(),
        actor: Actor::new(ActorKind::Service, "key-1").with_key("key-1"),
        action: "agent.create".to_owned(),
        outcome: EntryOutcome::Ok,
        request_id: "req-1".to_owned(),
        policy: "default".to_owned(),
        source: "api".to_owned(),
    };
    let entry = Entry::builder(core).subject("agent", "a-1").data("role", "reader");
    let leaf = entry.build().unwrap().to_leaf().unwrap();
    let shown: serde_json::Value =
        serde_json::from_slice(&body(&leaf, Some(r#"{"address":"192.0.2.1"}"#)).unwrap()).unwrap();
    assert_eq!(
        shown["data"]["facts"]["address"], "192.0.2.1",
        "values stand where the entry commits to them"
    );
    let sent = body(&leaf, None).unwrap();
    let expected = format!(
        "{{\"type\":\"agent.created\",\"timestamp\":\"2023-11-14T22:13:20.000001Z\",\"data\":{{\"id\":\"{id}\",\
         \"organization\":\"{}\",\"project\":null,\"action\":\"agent.create\",\"outcome\":\"ok\",\
         \"actor\":{{\"kind\":\"service\",\"id\":\"key-1\"}},\"target\":{{\"kind\":\"agent\",\"id\":\"a-1\"}},\
         \"request_id\":\"req-1\",\"facts\":{{\"role\":\"reader\"}}}}}}",
        uuid::Uuid::from_u128(9)
    );
    assert_eq!(String::from_utf8(sent).unwrap(), expected);
    assert!(body(b"{}", None).is_err());
    let test = test_body(TenantId::first_at(at(0)), WebhookId::first_at(at(0)), at(0));
    assert!(test.starts_with(b"{\"type\":\"webhook.tested\",\"timestamp\":\"2023-11-14T22:13:20.000000Z\""));
}

fn taken(try_number: i32, kind: &str) -> Taken {
    Taken {
        tenant: TenantId::first_at(at(0)),
        id: DeliveryId::first_at(at(0)),
        endpoint: WebhookId::first_at(at(0)),
        attempt: try_number,
        try_number,
        kind: kind.to_owned(),
        leaf: None,
        facts: None,
        body: None,
        url: String::new(),
        enabled: true,
        secret_sealed: Vec::new(),
        old_secret: None,
    }
}

fn answered(status: u16, retry_after_seconds: Option<u64>) -> Outcome {
    Outcome::of(Ok(Answered { status, retry_after_seconds }))
}

#[test]
fn a_delivery_is_tried_ten_times_in_three_days() {
    let busy = answered(503, None);
    let (mut now, mut tried) = (at(0), 1);
    while let (State::Pending, later) = next(&taken(tried, "agent.created"), busy, now, 0) {
        (now, tried) = (later, tried + 1);
    }
    assert_eq!(tried, 10);
    let whole = now.since(at(0)).as_secs();
    assert_eq!(whole, RETRY_SECONDS.iter().sum::<u64>());
    assert!((3 * DAY_SECONDS..4 * DAY_SECONDS).contains(&whole), "{whole}");
    // Chance makes a pause longer by a tenth at most.
    let (_, latest) = next(&taken(9, "agent.created"), busy, at(0), 255);
    assert_eq!(latest.since(at(0)).as_secs(), RETRY_SECONDS[8] * 11 / 10);
}

#[test]
fn answers_mean_what_they_say() {
    let outcome = |status| {
        let (state, _) = next(&taken(1, "agent.created"), answered(status, None), at(0), 0);
        (answered(status, None).error, state)
    };
    for status in [200, 201, 202, 204, 299] {
        assert_eq!(outcome(status), (None, State::Delivered));
    }
    for (status, word) in
        [(301, "redirect"), (307, "redirect"), (400, "status"), (404, "status"), (500, "status")]
    {
        assert_eq!(outcome(status), (Some(word), State::Pending));
    }
    assert_eq!(outcome(410), (Some("gone"), State::Dead));
    assert_eq!(next(&taken(1, "webhook.tested"), answered(500, None), at(0), 0), (State::Dead, at(0)));
    // An endpoint may ask for a longer pause, within bounds, and not for a shorter one.
    let pause = |asked| next(&taken(1, "agent.created"), answered(429, Some(asked)), at(0), 0).1;
    assert_eq!([pause(0), pause(60), pause(u64::MAX)], [at(5), at(60), at(RETRY_AFTER_SECONDS_MAX)]);
}

#[test]
fn an_endpoint_is_switched_off_for_a_reason() {
    let five = at(FAILING_DAYS_MAX * DAY_SECONDS);
    assert_eq!(because(answered(410, None), true, Some(at(0)), at(0)), Some(Because::Gone));
    assert_eq!(because(answered(500, None), true, Some(at(0)), five), Some(Because::Failing));
    assert_eq!(because(answered(500, None), false, Some(at(0)), five), None);
    assert_eq!(because(answered(500, None), true, Some(at(1)), five), None);
    assert_eq!(because(answered(200, None), false, None, five), None);
    for because in [Because::Person, Because::Gone, Because::Failing, Because::Backlog] {
        assert_eq!(Because::named(because.name()), because);
    }
}
