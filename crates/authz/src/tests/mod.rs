//! OpenFGA's own cases, all of them; `testdata/ORIGIN.md` says where they come from.

mod answers;
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
