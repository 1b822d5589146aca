//! Each operation leaves exactly one entry, whether it is done or refused; a model call that is made leaves two.

use audit_log::personal::commitment_in;
use kernel::{EventKind, FIELDS_OF_ALL, FieldClass, MemberRole, Role};

use super::{Cast, Operation, Sample, Who};
use crate::house::run;

/// The operation with an intent and an outcome.
const CALL: &str = "models.call";
/// Operations that begin what another one ends: they leave an intent.
pub(super) const BEGINNINGS: [&str; 2] = ["mfa.begin_totp", "mfa.begin_passkey"];

#[test]
fn every_operation_leaves_exactly_what_it_must() {
    run(async |house| {
        let cast = Cast::gather(house.shared().await).await;
        for operation in Operation::all() {
            let sample = Sample::of(&operation);
            for who in [
                Who::Service(Role::Owner),
                Who::Service(Role::Reader),
                Who::Agent,
                Who::Anonymous,
                Who::Revoked,
                Who::Stranger,
                Who::Person(MemberRole::Viewer),
                Who::Owner,
                Who::Newcomer,
                Who::MustEnrol,
                Who::SuspendedMember,
            ] {
                let what = format!("{} as {who:?}", operation.id);
                let id = cast.wire.request_id();
                let ask = cast.good(&operation, who).await.header("x-request-id", &id);
                let answer = cast.wire.ask(ask).await;
                assert_eq!(answer.header("x-request-id"), id, "{what}");
                let done = answer.status.is_success();
                assert_eq!(answer.status, who.expected(&operation, sample), "{what}: {}", answer.text());
                let entries = cast.database.entries(&id).await;
                let expected = match &operation.needs {
                    None => usize::from(operation.recorded),
                    Some(_) if done && operation.id == CALL => 2,
                    Some(_) => 1,
                };
                assert_eq!(entries.len(), expected, "{what}: {entries:?}");
                entries.iter().for_each(declared);
                let Some(first) = entries.first() else { continue };
                assert_eq!(first.leaf["request_id"], id, "{what}");
                if operation.recorded {
                    assert_eq!(first.leaf["action"], operation.id, "{what}");
                    continue;
                }
                if done {
                    assert_eq!(
                        answer.header("x-portcullis-entry"),
                        first.id,
                        "{what}: the answer names its entry"
                    );
                    let begins = operation.id == CALL || BEGINNINGS.contains(&&*operation.id);
                    let word = if begins { "intent" } else { "ok" };
                    assert_eq!(first.outcome(), word, "{what}");
                } else {
                    assert!(matches!(first.outcome(), "refused" | "failed"), "{what}: {}", first.leaf);
                }
                judge_log(&cast, who, first, &what);
            }
        }
    });
}

/// What an entry holds, the catalogue says of its kind.
fn declared(entry: &crate::house::Entry) {
    let kind: EventKind = entry.kind.parse().unwrap_or_else(|error| panic!("{}: {error}", entry.kind));
    let data = entry.leaf["data"].as_object().expect("data is an object");
    for name in data.keys().map(String::as_str) {
        let known = kind.fields().contains(&name) || FIELDS_OF_ALL.contains(&name);
        assert!(known, "the catalogue does not know the field {name} of {kind}: {}", entry.leaf);
        let (class, value) = (kind.field_class(name), &data[name]);
        let fits = match class {
            _ if value.is_null() => true,
            // The number of a problem, or the word for how a call ended.
            _ if name == "status" => !value.is_object(),
            Some(FieldClass::Personal) => commitment_in(value).is_some(),
            Some(FieldClass::Id) => value.as_str().is_some_and(|id| id.parse::<uuid::Uuid>().is_ok()),
            Some(FieldClass::Number) => !value.is_string(),
            Some(FieldClass::Word | FieldClass::Text) => value.is_string(),
            None => false,
        };
        assert!(fits, "{name} of {kind} is no {class:?}: {}", entry.leaf);
    }
    names_nobody(&entry.leaf.to_string());
}

/// No leaf holds what tells of a person by itself: an address of mail or of a network, or the device of a sample.
pub(crate) fn names_nobody(leaf: &str) {
    // Names of versions of the policy have that sign too.
    assert!(!leaf.replace("\"pii@", "").contains('@'), "an address of mail stands in a leaf: {leaf}");
    for device in ["Firefox", "Chrome", "Safari", "Mozilla", "Linux"] {
        assert!(!leaf.contains(device), "a device stands in a leaf: {leaf}");
    }
    let words = leaf.split(|c: char| !(c.is_ascii_hexdigit() || matches!(c, '.' | ':')));
    // Versions have fewer parts than addresses; times, digits between colons, are told by where they stand.
    let network = |word: &&str| {
        word.parse::<std::net::Ipv4Addr>().is_ok()
            || (word.contains("::") && word.parse::<std::net::Ipv6Addr>().is_ok())
    };
    let found = words.into_iter().find(network);
    assert_eq!(found, None, "an address of the network stands in a leaf: {leaf}");
}

/// An entry is in the log of whoever is asked about: the caller's organization, or the instance for unknown callers.
fn judge_log(cast: &Cast, who: Who, entry: &crate::house::Entry, what: &str) {
    let (own, next_door) = (cast.tenant.id.to_string(), cast.stranger.id.to_string());
    match who {
        Who::Stranger => assert_eq!(entry.tenant, next_door, "{what}"),
        Who::Anonymous | Who::Newcomer => assert!(entry.tenant != own && entry.tenant != next_door, "{what}"),
        _ => assert_eq!(entry.tenant, own, "{what}"),
    }
}
