//! The language: reading, writing, what is wrong with a model and where.

use serde_json::Value;

use super::{cases, text};
use crate::modules::{self, ModuleFile};
use crate::{Fault, Model, PrintOptions, Problem, Problems, names};

/// What differs between the problems that were expected and those that were found.
fn differences(found: &[Problem], expected: &Value) -> Vec<String> {
    let none = Vec::new();
    let expected = expected.as_array().unwrap_or(&none);
    let mut out = Vec::new();
    if found.len() != expected.len() {
        out.push(format!("{} problems instead of {}", found.len(), expected.len()));
    }
    for (found, expected) in found.iter().zip(expected) {
        let fault = serde_json::to_value(found.fault).unwrap();
        let pairs = [
            ("msg", Value::from(found.message.clone()), &expected["msg"]),
            ("line", serde_json::to_value(found.line).unwrap(), &expected["line"]),
            ("column", serde_json::to_value(found.column).unwrap(), &expected["column"]),
            ("file", serde_json::to_value(&found.file).unwrap(), &expected["file"]),
            ("symbol", Value::from(found.symbol.clone()), &expected["metadata"]["symbol"]),
            ("errorType", fault, &expected["metadata"]["errorType"]),
        ];
        for (what, found, expected) in pairs {
            if !expected.is_null() && found != *expected {
                out.push(format!("{what} is {found} instead of {expected}"));
            }
        }
    }
    out
}

fn problems<T: std::fmt::Debug>(result: Result<T, Problems>) -> Vec<Problem> {
    result.err().map_or_else(Vec::new, |Problems(all)| all)
}

/// Runs every case and fails with all that went wrong.
fn run(cases: &[Value], check: impl Fn(&Value) -> Vec<String>) {
    let mut failed = Vec::new();
    for case in cases {
        for difference in check(case) {
            failed.push(format!("{}: {difference}", text(case, "name")));
        }
    }
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

#[test]
fn syntax_errors_have_the_words_and_places_of_openfga() {
    let cases = cases("dsl-syntax-validation-cases.json");
    assert_eq!(cases.len(), 81);
    run(&cases, |case| differences(&problems(crate::parse(text(case, "dsl"))), &case["expected_errors"]));
}

/// Seven cases are marked `skip` in the corpus itself: four circles that no OpenFGA tool finds here, and three models that
/// contradict them. All seven are valid for the validator; the engine refuses the circles when it compiles a model.
#[test]
fn broken_rules_have_the_words_and_places_of_openfga() {
    let all = cases("dsl-semantic-validation-cases.json");
    let (skipped, cases): (Vec<Value>, Vec<Value>) = all.into_iter().partition(|c| c["skip"] == true);
    assert_eq!((cases.len(), skipped.len()), (84, 7));
    run(&cases, |case| {
        differences(&problems(crate::parse_and_validate(text(case, "dsl"))), &case["expected_errors"])
    });
    for case in skipped {
        assert_eq!(problems(crate::parse_and_validate(text(&case, "dsl"))), [], "{}", case["name"]);
    }
}

#[test]
fn a_model_without_its_text_breaks_the_same_rules() {
    let cases: Vec<Value> = cases("dsl-semantic-validation-cases.json");
    run(&cases.into_iter().filter(|c| c["skip"] != true).collect::<Vec<_>>(), |case| {
        let found = problems(crate::validate(&crate::parse(text(case, "dsl")).unwrap()));
        let mut expected = case["expected_errors"].clone();
        for error in expected.as_array_mut().into_iter().flatten() {
            error["line"].take();
            error["column"].take();
        }
        differences(&found, &expected)
    });
}

#[test]
fn models_in_json_are_validated() {
    run(&cases("json-validation-cases.json"), |case| {
        let model: Model = serde_json::from_str(text(case, "json")).unwrap();
        differences(&problems(crate::validate(&model)), &case["expected_errors"])
    });
}

#[test]
fn what_the_language_has_no_words_for_is_refused() {
    run(&cases("json-syntax-transformer-validation-cases.json"), |case| {
        let model: Model = serde_json::from_str(text(case, "json")).unwrap();
        let found = crate::to_dsl(&model, PrintOptions::default()).err().map(|e| e.to_string());
        let expected = case["error_message"].as_str().map(str::to_owned);
        if found == expected { Vec::new() } else { vec![format!("{found:?} instead of {expected:?}")] }
    });
}

#[test]
fn models_are_the_same_in_both_forms() {
    let cases = cases("transformer-cases.json");
    assert_eq!(cases.len(), 29);
    run(&cases, |case| {
        let mut out = Vec::new();
        let expected: Model = serde_json::from_str(text(case, "json")).unwrap();
        let read = crate::parse(text(case, "dsl")).unwrap();
        if read != expected {
            out.push(format!("{}\ninstead of\n{}", serde_json::to_string(&read).unwrap(), case["json"]));
        }
        let written = serde_json::to_value(&read).unwrap();
        if written != serde_json::from_str::<Value>(text(case, "json")).unwrap() {
            out.push(format!("as JSON: {written}"));
        }
        let printed = crate::to_dsl(&expected, PrintOptions::default()).unwrap();
        if printed != text(case, "dsl") {
            out.push(format!("as text:\n{printed}"));
        }
        out
    });
}

#[test]
fn modules_become_one_model() {
    let cases = cases("module-cases.json");
    assert_eq!(cases.len(), 7);
    run(&cases, |case| {
        let mut out = Vec::new();
        if let Some(json) = case["json"].as_str() {
            let model: Model = serde_json::from_str(json).unwrap();
            let names: Vec<String> = serde_json::from_str(text(case, "expected_modules")).unwrap();
            assert_eq!(crate::modules_of(&model).unwrap(), names);
            for (key, source_comments) in [("dsl", false), ("dsl_with_source", true)] {
                let printed = crate::to_dsl(&model, PrintOptions { source_comments }).unwrap();
                if case[key].as_str().is_some_and(|expected| expected != printed) {
                    out.push(format!("{key}:\n{printed}"));
                }
            }
        }
        let Some(files) = case["modules"].as_array() else { return out };
        let file =
            |f: &Value| ModuleFile { name: text(f, "name").into(), contents: text(f, "contents").into() };
        let files: Vec<ModuleFile> = files.iter().map(file).collect();
        let merged = modules::merge(&files, "1.2");
        if let Ok(model) = &merged {
            let expected: Value = serde_json::from_str(text(case, "json")).unwrap();
            let found = serde_json::to_value(model).unwrap();
            if found != expected {
                out.push(format!("{found}\ninstead of\n{expected}"));
            }
        }
        let expected: Value =
            case["expected_errors"].as_str().map_or(Value::Null, |e| serde_json::from_str(e).unwrap());
        out.extend(differences(&problems(merged), &expected));
        out
    });
}

#[test]
fn a_module_breaks_the_same_rules_as_a_model() {
    let cases: Vec<Value> = cases("dsl-semantic-validation-cases.json");
    let fits = |c: &&Value| c["skip"] != true && text(c, "dsl").contains("model\n  schema 1.1");
    for case in cases.iter().filter(fits) {
        let contents = text(case, "dsl").replace("model\n  schema 1.1", "module test\n");
        let found = problems(modules::merge(&[ModuleFile { name: "test.fga".into(), contents }], "1.2"));
        assert_eq!(differences(&found, &case["expected_errors"]), Vec::<String>::new(), "{}", case["name"]);
    }
}

#[test]
fn manifests_are_read() {
    let cases = cases("fga-mod-transformer-cases.json");
    assert_eq!(cases.len(), 9);
    run(&cases, |case| {
        let read = modules::read_manifest(text(case, "modFile"));
        let mut out = Vec::new();
        if let Ok(manifest) = &read {
            let expected: Value = serde_json::from_str(text(case, "json")).unwrap();
            let found = serde_json::to_value(manifest).unwrap();
            if found != expected {
                out.push(format!("{found} instead of {expected}"));
            }
        }
        out.extend(differences(&problems(read), &case["expected_errors"]));
        out
    });
}

#[test]
fn object_ids_are_told_apart() {
    let cases = cases("object-id-validation-cases.json");
    assert_eq!(cases.len(), 23);
    for case in cases {
        assert_eq!(names::is_object_id(text(&case, "object_id")), case["valid"] == true, "{}", case["name"]);
    }
}

#[test]
fn brackets_cannot_be_nested_without_end() {
    let nested = |depth: usize| {
        let (open, close) = ("(".repeat(depth), ")".repeat(depth));
        format!(
            "model\n  schema 1.1\ntype user\n  relations\n    define a: [user]\n    define b: {open}a{close}\n"
        )
    };
    assert!(crate::parse(&nested(20)).is_ok());
    let Problems(problems) = crate::parse(&nested(20_000)).unwrap_err();
    assert_eq!(problems[0].fault, Fault::Syntax);
    assert!(problems[0].message.contains("nested too deeply"), "{}", problems[0].message);
}

#[test]
fn a_long_model_is_read_in_time_that_grows_with_it() {
    let mut model = "model\n  schema 1.1\ntype user\n".to_owned();
    for n in 0..800 {
        let text = format!(
            "type t{n}\n  relations\n    define a: [user]\n    define b: [user, t{n}#a] or (a and a)\n"
        );
        model.push_str(&text);
    }
    assert_eq!(crate::parse(&model).unwrap().types().len(), 801);
    let wide = format!("{model}{}", " ".repeat(crate::MODEL_BYTES_MAX));
    assert!(crate::parse(&wide).is_err());
}
