//! OpenFGA's own cases, all of them; `testdata/ORIGIN.md` says where they come from.

mod answers;
mod changes;
mod explanations;
mod language;

use serde_json::Value;

/// A file of cases.
fn cases(name: &str) -> Vec<Value> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/openfga").join(name);
    match serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() {
        Value::Array(cases) => cases,
        Value::Object(mut file) => file["tests"].take().as_array().unwrap().clone(),
        other => panic!("{other}"),
    }
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_else(|| panic!("{key} of {case}"))
}

/// An engine over a model and tuples, written as `object#relation@user`.
fn engine(model: &str, tuples: &[&str]) -> crate::Engine {
    let schema = crate::Schema::compile(&crate::parse(model).unwrap()).unwrap();
    let tuples = tuples.iter().map(|t| tuple(t));
    let snapshot = crate::Snapshot::build(1, 1, tuples).unwrap();
    crate::Engine::new(schema.into(), snapshot.into()).unwrap()
}

fn tuple(text: &str) -> crate::Tuple {
    let (object, rest) = text.split_once('#').unwrap();
    let (relation, user) = rest.split_once('@').unwrap();
    crate::Tuple::new(user, relation, object)
}

fn check<'a>(user: &'a str, relation: &'a str, object: &'a str) -> crate::Check<'a> {
    crate::Check { user, relation, object, around: crate::Around::default() }
}
