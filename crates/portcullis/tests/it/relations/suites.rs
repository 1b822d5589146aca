//! OpenFGA's own suites over HTTP: every question, with the tuples stored and with the tuples in the question, every answer
//! and every error code. None is skipped.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Stage, model, store};
use crate::house::run;
use crate::house::web::{Answer, Web};

/// Questions of both suites, counted once: `consolidated_1_1_tests.yaml` and `abac_tests.yaml` of openfga/openfga.
const QUESTIONS: usize = 360 + 270 + 295 + 125 + 75 + 91;
/// Tuples of one write.
const WRITE_TUPLES: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Stored,
    Contextual,
}

pub(super) fn tests(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../authz/testdata/openfga").join(file);
    let read: Value = serde_json::from_slice(&std::fs::read(&path).expect("the suite")).expect("JSON");
    read["tests"].as_array().expect("tests").clone()
}

pub(super) fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// The name clients match on, of an error's number.
fn code(number: u64) -> &'static str {
    match number {
        2000 => "validation_error",
        2002 => "authorization_model_resolution_too_complex",
        2021 => "type_not_found",
        2022 => "relation_not_found",
        2027 => "invalid_tuple",
        other => panic!("no test had this number until now: {other}"),
    }
}

struct Suite<'a> {
    web: &'a Web,
    store: String,
    how: How,
    name: String,
    asked: usize,
    wrong: Vec<String>,
}

impl Suite<'_> {
    async fn ask(
        &mut self,
        path: &str,
        assertion: &Value,
        mut body: Map<String, Value>,
        stage: &[Value],
    ) -> Option<Value> {
        let mut contextual = list(&assertion["contextualTuples"]);
        if self.how == How::Contextual {
            contextual.extend_from_slice(stage);
        }
        let contextual =
            if path == "list-users" { json!(contextual) } else { json!({ "tuple_keys": contextual }) };
        body.insert("contextual_tuples".to_owned(), contextual);
        if let Some(context) = assertion.get("context").filter(|context| !context.is_null()) {
            body.insert("context".to_owned(), context.clone());
        }
        let answer = self.web.post(&format!("{}/{path}", self.store), &Value::Object(body)).await;
        self.asked += 1;
        self.judge(path, assertion, &answer)
    }

    /// The answer, when there should be one.
    fn judge(&mut self, path: &str, assertion: &Value, answer: &Answer) -> Option<Value> {
        let (how, name) = (self.how, &self.name);
        match assertion["errorCode"].as_u64().unwrap_or(0) {
            0 if answer.status == 200 => return Some(answer.json()),
            0 => self.wrong.push(format!("{name} {how:?} {path}: {} for {assertion}", answer.text())),
            number => {
                if answer.status != 400 || answer.json()["code"] != code(number) {
                    let said = format!("{} {}", answer.status, answer.text());
                    self.wrong.push(format!("{name} {how:?} {path}: {said} for {assertion}"));
                }
            }
        }
        None
    }

    fn compare(&mut self, path: &str, assertion: &Value, mut found: Vec<String>) {
        let mut expected: Vec<String> =
            serde_json::from_value(assertion["expectation"].clone()).unwrap_or_default();
        expected.sort_unstable();
        found.sort_unstable();
        if found != expected {
            let (how, name) = (self.how, &self.name);
            self.wrong.push(format!("{name} {how:?} {path}: {found:?} for {assertion}"));
        }
    }

    async fn stage(&mut self, stage: &Value) {
        let written = model(stage["model"].as_str().expect("a model"));
        self.web.post(&format!("{}/authorization-models", self.store), &written).await.expect(201);
        let tuples = list(&stage["tuples"]);
        if self.how == How::Stored {
            for some in tuples.chunks(WRITE_TUPLES) {
                super::put(self.web, &self.store, some).await;
            }
        }
        for assertion in list(&stage["checkAssertions"]) {
            let body = json!({ "tuple_key": assertion["tuple"] });
            if let Some(answer) = self.ask("check", &assertion, object(body), &tuples).await
                && answer["allowed"] != assertion["expectation"]
            {
                let (how, name) = (self.how, &self.name);
                self.wrong.push(format!("{name} {how:?} check: {answer} for {assertion}"));
            }
        }
        for assertion in list(&stage["listObjectsAssertions"]) {
            let body = object(assertion["request"].clone());
            if let Some(answer) = self.ask("list-objects", &assertion, body, &tuples).await {
                let found = serde_json::from_value(answer["objects"].clone()).expect("objects");
                self.compare("list-objects", &assertion, found);
            }
        }
        for assertion in list(&stage["listUsersAssertions"]) {
            let request = &assertion["request"];
            let filter = request["filters"][0].as_str().expect("a filter");
            let (of, relation) = filter.split_once('#').unwrap_or((filter, ""));
            let (object_type, id) =
                request["object"].as_str().expect("an object").split_once(':').unwrap_or_default();
            let body = json!({
                "object": { "type": object_type, "id": id }, "relation": request["relation"],
                "user_filters": [{ "type": of, "relation": relation }],
            });
            if let Some(answer) = self.ask("list-users", &assertion, object(body), &tuples).await {
                let found = list(&answer["users"]).iter().map(user).collect();
                self.compare("list-users", &assertion, found);
            }
        }
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other}"),
    }
}

/// A user, put together from OpenFGA's parts.
fn user(parts: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(object) = parts.get("object") {
        return format!("{}:{}", text(&object["type"]), text(&object["id"]));
    }
    if let Some(userset) = parts.get("userset") {
        return format!("{}:{}#{}", text(&userset["type"]), text(&userset["id"]), text(&userset["relation"]));
    }
    format!("{}:*", text(&parts["wildcard"]["type"]))
}

#[test]
fn every_question_of_openfgas_suites_has_openfgas_answer() {
    run(async |house| {
        let stage = Stage::set(house, "fga_suites").await;
        for how in [How::Stored, How::Contextual] {
            let (mut asked, mut wrong) = (0, Vec::new());
            for file in ["consolidated_1_1_tests.json", "abac_tests.json"] {
                for test in tests(file) {
                    let name = test["name"].as_str().expect("a name").to_owned();
                    let store = store(&stage.web, "suite").await;
                    let mut suite = Suite { web: &stage.web, store, how, name, asked: 0, wrong: Vec::new() };
                    for part in list(&test["stages"]) {
                        suite.stage(&part).await;
                        if how == How::Contextual {
                            // What comes with the questions of this stage is there in the stages after it.
                            for some in list(&part["tuples"]).chunks(WRITE_TUPLES) {
                                super::put(&stage.web, &suite.store, some).await;
                            }
                        }
                    }
                    asked += suite.asked;
                    wrong.append(&mut suite.wrong);
                    stage.web.delete(&suite.store).await.expect(204);
                }
            }
            assert!(wrong.is_empty(), "{} of {asked} are wrong:\n{}", wrong.len(), wrong.join("\n"));
            assert_eq!(asked, QUESTIONS, "no question may be left out");
        }
        stage.end().await;
    });
}
