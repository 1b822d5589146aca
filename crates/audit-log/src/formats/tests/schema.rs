//! OCSF events against the schema itself (`testdata/ocsf`): attributes, requirements, types, enumerations, constraints and
//! the numbers that follow from each other.

use std::sync::LazyLock;

use kernel::EventKind;
use serde_json::Value;

use crate::testing::read_json;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| read_json("ocsf/schema-1.6.0.json"));

/// Panics, naming the attribute, unless the event holds.
pub(super) fn hold(event: &Value) {
    let number = |name: &str| event[name].as_u64().unwrap_or_else(|| panic!("{name}: {event}"));
    let (class, activity) = (number("class_uid"), number("activity_id"));
    let schema = &SCHEMA["classes"][class.to_string()];
    assert!(schema.is_object(), "there is no class {class}");
    assert_eq!(event["class_name"], schema["caption"]);
    assert_eq!(number("category_uid"), schema["category_uid"], "{event}");
    assert_eq!(number("type_uid"), class * 100 + activity, "{event}");
    assert_eq!(event["metadata"]["version"], SCHEMA["version"]);
    object(event, schema, "event");
}

fn object(value: &Value, schema: &Value, path: &str) {
    let members = value.as_object().unwrap_or_else(|| panic!("{path} is no object: {value}"));
    let attributes = schema["attributes"].as_object().unwrap();
    for (name, value) in members {
        let path = format!("{path}.{name}");
        let attribute = attributes.get(name).unwrap_or_else(|| panic!("{path} is not in the schema"));
        if attribute["array"] == true {
            let items = value.as_array().unwrap_or_else(|| panic!("{path} is no array"));
            assert!(!items.is_empty(), "{path} is empty");
            for item in items {
                one(item, attribute, &path);
            }
        } else {
            one(value, attribute, &path);
        }
        let Some(of) = name
            .strip_suffix("_id")
            .filter(|of| attribute.get("enum").is_some() && members.contains_key(*of))
        else {
            continue;
        };
        // The caption beside a number is the number's own, but where the number says that it is another.
        if value != 99 {
            assert_eq!(members[of], attribute["enum"][value.to_string()], "{path}");
        }
    }
    for (name, attribute) in attributes {
        let missing = attribute["requirement"] == "required" && !members.contains_key(name);
        assert!(!missing, "{path}.{name} is required: {value}");
    }
    let named = |which: &str| {
        let names = schema["constraints"][which].as_array()?;
        Some(names.iter().filter(|name| members.contains_key(name.as_str().unwrap())).count())
    };
    assert_ne!(named("at_least_one"), Some(0), "{path}: {value}");
    assert!(named("just_one").is_none_or(|count| count == 1), "{path}: {value}");
}

fn one(value: &Value, attribute: &Value, path: &str) {
    let kind = attribute["type"].as_str().unwrap();
    match kind {
        "integer_t" | "long_t" | "timestamp_t" => {
            assert!(value.is_i64() || value.is_u64(), "{path}: {value}");
        }
        "boolean_t" => assert!(value.is_boolean(), "{path}: {value}"),
        "json_t" => {}
        // What the schema has no place for.
        "object" => assert!(value.is_object(), "{path}: {value}"),
        text if text.ends_with("_t") => assert!(value.is_string(), "{path}: {value}"),
        name => {
            let schema = &SCHEMA["objects"][name];
            assert!(schema.is_object(), "{path}: the object {name} is not among the copied ones");
            object(value, schema, path);
        }
    }
    if let Some(known) = attribute.get("enum").and_then(Value::as_object) {
        let key = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert!(known.contains_key(&key), "{path}: {value} is none of {known:?}");
    }
}

#[test]
fn the_catalogue_names_what_the_schema_has() {
    assert_eq!(SCHEMA["version"], "1.6.0");
    for kind in EventKind::ALL {
        let ocsf = kind.ocsf();
        let class = &SCHEMA["classes"][ocsf.class.to_string()];
        assert_eq!(class["caption"], ocsf.class_name, "{kind}");
        assert_eq!(class["category_uid"], ocsf.category(), "{kind}");
        let activities = &class["attributes"]["activity_id"]["enum"];
        assert_eq!(activities[ocsf.activity.to_string()], ocsf.activity_name, "{kind}");
        let severities = &class["attributes"]["severity_id"]["enum"];
        let severity = severities[kind.severity().ocsf_id().to_string()].as_str().unwrap();
        assert_eq!(severity.to_lowercase(), kind.severity().name(), "{kind}");
    }
}

#[test]
#[should_panic(expected = "event.user is required")]
fn what_lacks_something_does_not_hold() {
    let mut event: Value = serde_json::from_str(&super::line(super::Format::Ocsf, &sign_in())).unwrap();
    hold(&event);
    event.as_object_mut().unwrap().remove("user");
    hold(&event);
}

fn sign_in() -> crate::Entry {
    let mut parts = crate::testing::entry(1).into_parts();
    parts.kind = crate::Kind::new(EventKind::SignedIn.name()).unwrap();
    crate::Entry::from_parts(parts).unwrap()
}
