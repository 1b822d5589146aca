//! Each operation × everybody → the status that its permission, its caller and the table of roles say.

use serde_json::Value;

use super::{Cast, Operation, Sample, Who};
use crate::house::{Answer, run};

#[test]
fn everybody_gets_what_the_description_and_the_roles_say() {
    run(async |house| {
        let cast = Cast::gather(house.shared().await).await;
        let mut wrong = Vec::new();
        for operation in Operation::all() {
            let sample = Sample::of(&operation);
            for who in Who::ALL {
                let answer = cast.wire.ask(cast.good(&operation, who).await).await;
                let expected = who.expected(&operation, sample);
                if answer.status != expected {
                    let what =
                        format!("{} as {who:?}: {} instead of {expected}", operation.id, answer.status);
                    wrong.push(format!("{what}: {}", answer.text()));
                } else if expected >= 400 {
                    refused_well(&operation, who, &answer);
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// A refusal says which gate, in the shape of its face, and nothing of what is behind.
fn refused_well(operation: &Operation, who: Who, answer: &Answer) {
    let (body, what) = (answer.json(), format!("{} as {who:?}: {}", operation.id, answer.text()));
    let status = answer.status.as_u16();
    let gate = if operation.is_gateway() {
        assert_eq!(answer.header("content-type"), "application/json", "{what}");
        assert!(body["error"]["message"].is_string() && body["error"]["code"].is_string(), "{what}");
        assert_eq!(body["error"]["request_id"], answer.header("x-request-id"), "{what}");
        &body["error"]["gate"]
    } else if operation.is_relations() {
        assert_eq!(answer.header("content-type"), "application/json", "{what}");
        assert!(body["message"].is_string() && body["code"].is_string(), "{what}");
        assert_eq!(body["request_id"], answer.header("x-request-id"), "{what}");
        &body["gate"]
    } else if operation.is_oauth() {
        assert_eq!(answer.header("content-type"), "application/json", "{what}");
        assert!(body["error"].is_string() && body["error_description"].is_string(), "{what}");
        assert_eq!(answer.header("cache-control"), "no-store", "{what}");
        if status == 401 {
            let asked = answer.header("www-authenticate");
            assert!(asked.starts_with("Basic") || asked.starts_with("Bearer"), "{what}");
        }
        return;
    } else {
        assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
        assert_eq!(body["status"], status, "{what}");
        for member in ["type", "title", "detail", "instance", "request_id"] {
            assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {what}");
        }
        assert_eq!(body["request_id"], answer.header("x-request-id"), "{what}");
        &body["gate"]
    };
    match status {
        401 => {
            // Whoever is known, or need not be, is refused for what they gave.
            let known = operation.needs.is_none() || Sample::of(operation).status == 401;
            if !known {
                let expected = if who == Who::Anonymous { "identity" } else { "token" };
                assert_eq!(gate, expected, "{what}");
            }
            assert!(gate == "identity" || gate == "token", "{what}");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{what}");
        }
        403 => assert!(gate == "identity" || gate == "token", "{what}"),
        // What does not exist and what is somebody else's answer alike.
        _ => assert_eq!(gate, &Value::Null, "{what}"),
    }
}

/// The answer for somebody else's thing and for nobody's thing is the same in every respect.
#[test]
fn a_stranger_cannot_tell_what_exists() {
    run(async |house| {
        let cast = Cast::gather(house.shared().await).await;
        for operation in Operation::all() {
            let sample = Sample::of(&operation);
            if Who::Stranger.expected(&operation, sample) != 404 {
                continue;
            }
            let theirs = cast.wire.ask(cast.good(&operation, Who::Stranger).await).await;
            let relations = operation.is_relations();
            let nobody =
                if relations { "01HVMMBCMGZNT3SED4Z17ECXCA" } else { "019a0000-0000-7000-8000-000000000000" };
            let none = sample.ask(&cast.wire, &operation, nobody);
            let none = cast.wire.ask(cast.signed(none, Who::Stranger)).await;
            let same = |answer: &Answer| {
                let mut body = answer.json();
                for own in ["request_id", "instance"] {
                    body[own] = Value::Null;
                }
                let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
                names.sort_unstable();
                (answer.status, body, names)
            };
            assert_eq!(same(&theirs), same(&none), "{}", operation.id);
        }
    });
}

/// What the description shows as an example is what people send first.
#[test]
fn every_example_of_the_description_is_accepted() {
    run(async |house| {
        let cast = Cast::gather(house.shared().await).await;
        let mut seen = 0;
        for operation in Operation::all() {
            let Some(example) = &operation.example else {
                assert!(!operation.has_body, "{}: give its body an example", operation.id);
                continue;
            };
            let ask = operation.with_body(cast.good(&operation, Who::best(&operation)).await, example);
            let answer = cast.wire.ask(ask).await;
            // Links, tickets and ids of an example are nobody's: what is refused is refused for that and not for its shape.
            let expected = Sample::of(&operation).status;
            let fine = answer.status.is_success() || (expected >= 400 && answer.status == expected);
            assert!(fine, "{}: {example}: {} {}", operation.id, answer.status, answer.text());
            seen += 1;
        }
        assert!(seen > 5, "the description lost its examples: {seen}");
    });
}
