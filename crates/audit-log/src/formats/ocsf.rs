//! Open Cybersecurity Schema Framework 1.6.0, without profiles.
//!
//! Class, activity and severity come from the catalogue of event kinds. Leaves hold no network addresses, so the place a
//! call came from is the face it came in by. What the schema has no place for stands under `unmapped`: the entry's own
//! words, its data, and its place in the log, by which it can be proven.

use kernel::{EventKind, Ocsf};
use serde_json::{Map, Value, json};

use super::{Event, PRODUCT};
use crate::entry::{ActorKind, EntryError, Outcome};

/// The version of the schema.
const VERSION: &str = "1.6.0";

type Object = Map<String, Value>;

pub(super) fn line(event: &Event<'_>, log: &str, version: &str) -> Result<String, EntryError> {
    let data = event.entry.data_map()?;
    let mut out = base(event, log, version);
    let kind = event.kind();
    if let Some(kind) = kind {
        body(&mut out, event, kind, &data, log, version);
    }
    out.insert("unmapped".to_owned(), unmapped(event, kind, data, log));
    Ok(Value::Object(out).to_string())
}

/// What every class has.
fn base(event: &Event<'_>, log: &str, version: &str) -> Object {
    let entry = &event.entry;
    let millis = entry.at.unix_micros() / 1_000;
    let ocsf = event.kind().map(EventKind::ocsf);
    let number = |of: fn(Ocsf) -> u32| ocsf.map_or(0, of);
    let (severity, severity_id) =
        event.severity().map_or(("unknown", 0), |severity| (severity.name(), severity.ocsf_id()));
    let mut out = Object::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    put("activity_id", number(|ocsf| u32::from(ocsf.activity)).into());
    let activity = match ocsf {
        // The schema's "Other" is named by the product.
        Some(Ocsf { activity: 99, .. }) => entry.action,
        Some(ocsf) => ocsf.activity_name,
        None => "Unknown",
    };
    put("activity_name", activity.into());
    put("category_uid", number(|ocsf| u32::from(ocsf.category())).into());
    put("class_uid", number(|ocsf| u32::from(ocsf.class)).into());
    put("class_name", ocsf.map_or("Base Event", |ocsf| ocsf.class_name).into());
    put("type_uid", number(Ocsf::type_uid).into());
    put("severity_id", severity_id.into());
    put("severity", capital(severity).into());
    put("time", millis.into());
    put("timezone_offset", 0.into());
    put("message", event.says().into());
    put(
        "metadata",
        json!({
            "version": VERSION,
            "product": {"name": PRODUCT, "vendor_name": PRODUCT, "version": version},
            "uid": entry.id.to_string(),
            "event_code": entry.kind,
            "correlation_uid": entry.request_id,
            "original_time": entry.at.to_string(),
            "sequence": event.index,
            "tenant_uid": entry.tenant.to_string(),
            "log_name": log,
            "log_provider": PRODUCT,
        }),
    );
    out
}

/// What the class of the event adds.
fn body(out: &mut Object, event: &Event<'_>, kind: EventKind, data: &Object, log: &str, version: &str) {
    let entry = &event.entry;
    let class = kind.ocsf().class;
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    let finding = matches!(class, 2004 | 2006);
    let (status_id, status) = match entry.outcome {
        _ if finding => (1, "New"),
        Outcome::Ok => (1, "Success"),
        Outcome::Refused | Outcome::Failed => (2, "Failure"),
        Outcome::Intent => (99, Outcome::Intent.as_str()),
        Outcome::Unknown => (0, "Unknown"),
    };
    put("status_id", status_id.into());
    put("status", status.into());
    let words = ["because", "reason", "error"].iter().find_map(|name| data.get(*name)?.as_str());
    if let Some(words) = words {
        put("status_detail", words.into());
    }
    if let Some(code) = data.get("status").or_else(|| data.get("http_status")) {
        put("status_code", text(code).into());
    }
    if class != 2004 {
        put("actor", actor(event));
    }
    match class {
        1008 => {
            put("log_name", log.into());
            put("log_provider", PRODUCT.into());
        }
        2004 | 2006 => {
            let millis = entry.at.unix_micros() / 1_000;
            let info = json!({"uid": entry.id.to_string(), "title": event.says(), "created_time": millis});
            put("finding_info", info);
        }
        3002 => {
            put("user", user_concerned(event));
            put("service", json!({"name": PRODUCT, "version": version}));
            if let Some((_, id)) = entry.subject.as_ref().filter(|(kind, _)| *kind == "session") {
                put("session", json!({"uid": id}));
            }
        }
        3004 => {
            let entity = match &entry.subject {
                Some((kind, id)) => json!({"type": kind, "uid": id}),
                None => json!({"name": kind.category().name()}),
            };
            put("entity", entity);
        }
        3005 => {
            put("user", user_concerned(event));
            put("privileges", json!([privilege(kind, data)]));
        }
        3001 => {
            put("user", user_concerned(event));
        }
        _ => {
            let request = json!({"uid": entry.request_id});
            let service = json!({"name": entry.source});
            put("api", json!({"operation": entry.action, "request": request, "service": service}));
            put("src_endpoint", json!({"svc_name": entry.source}));
            if let Some((kind, id)) = &entry.subject {
                put("resources", json!([{"type": kind, "uid": id}]));
            }
        }
    }
}

fn actor(event: &Event<'_>) -> Value {
    let entry = &event.entry;
    let mut actor = Object::new();
    let mut user = user(entry.actor_kind, entry.actor_id.as_deref());
    if let Some(key) = &entry.actor_key {
        // People come by a session, programs by a key.
        if entry.actor_kind == ActorKind::Human {
            actor.insert("session".to_owned(), json!({"uid": key}));
        } else {
            user.insert("credential_uid".to_owned(), key.as_ref().into());
        }
    }
    actor.insert("user".to_owned(), user.into());
    actor.into()
}

fn user(kind: ActorKind, id: Option<&str>) -> Object {
    let mut user = Object::new();
    let (type_id, type_name) = match kind {
        ActorKind::Human => (1, "User"),
        ActorKind::System => (3, "System"),
        ActorKind::Service => (4, "Service"),
        ActorKind::Anonymous => (0, "Unknown"),
        other => (99, other.as_str()),
    };
    user.insert("type_id".to_owned(), type_id.into());
    user.insert("type".to_owned(), type_name.into());
    match id {
        Some(id) => user.insert("uid".to_owned(), id.into()),
        None => user.insert("name".to_owned(), kind.as_str().into()),
    };
    user
}

/// The person something was done to: the account it names, else whoever acted.
fn user_concerned(event: &Event<'_>) -> Value {
    let entry = &event.entry;
    match &entry.subject {
        Some(("account", id)) => user(ActorKind::Human, Some(id)).into(),
        _ => user(entry.actor_kind, entry.actor_id.as_deref()).into(),
    }
}

/// What was given or taken: the role that the entry names, or what the kind itself is about.
fn privilege(kind: EventKind, data: &Object) -> &str {
    let named = match kind {
        EventKind::SuperAdminGranted | EventKind::SuperAdminRevoked => "super_admin",
        EventKind::OwnershipTransferred => "owner",
        EventKind::BreakGlassOpened | EventKind::BreakGlassClosed => "break_glass",
        _ => "membership",
    };
    data.get("role").and_then(Value::as_str).unwrap_or(named)
}

fn unmapped(event: &Event<'_>, kind: Option<EventKind>, data: Object, log: &str) -> Value {
    let entry = &event.entry;
    let mut out = Object::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    put("outcome", entry.outcome.as_str().into());
    put("action", entry.action.into());
    put("source", entry.source.into());
    put("policy", entry.policy.as_ref().into());
    put("actor_kind", entry.actor_kind.as_str().into());
    let words =
        [("actor_id", &entry.actor_id), ("actor_key", &entry.actor_key), ("trace_id", &entry.trace_id)];
    for (name, word) in words {
        if let Some(word) = word {
            put(name, word.as_ref().into());
        }
    }
    if let Some(project) = entry.project {
        put("project", project.to_string().into());
    }
    if let Some((kind, id)) = &entry.subject {
        put("subject", json!({"kind": kind, "id": id}));
    }
    if let Some(kind) = kind {
        put("category", kind.category().name().into());
        put("data_class", kind.data_class().name().into());
    }
    put("data", data.into());
    put("log_origin", log.into());
    put("log_index", event.index.into());
    put("leaf_hash", event.leaf_hash.to_string().into());
    out.into()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

pub(super) fn index_of(line: &str) -> Option<u64> {
    let value: Value = serde_json::from_str(line).ok()?;
    value.get("metadata")?.get("sequence")?.as_u64()
}
