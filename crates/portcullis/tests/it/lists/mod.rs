//! Lists that cannot be forgotten. What is checked is read from the API description and from the catalog, so a new
//! operation or a new table is covered by being there, or fails here with a word on what is missing.

mod cast;
mod entries;
mod malformed;
mod operations;
mod samples;
mod stories;
mod tables;

pub(crate) use cast::{Cast, Who};
pub(crate) use entries::names_nobody;
pub(crate) use samples::{Sample, plain_ask};

use http::Method;
use kernel::{Need, Rank};
use serde_json::Value;

use crate::house::Ask;

/// An operation, as the description has it.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as the description has them")]
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    /// `None` for those that need no credential.
    pub(crate) needs: Option<Need>,
    /// Whether it is a door, which asks for no credential and leaves an entry nevertheless.
    pub(crate) recorded: bool,
    /// The kind of caller, in the description's words.
    pub(crate) caller: String,
    pub(crate) mutating: bool,
    pub(crate) has_body: bool,
    /// Whether its body is a form.
    pub(crate) is_form: bool,
    /// Whether it has parameters in the query.
    pub(crate) has_query: bool,
    /// The body the description shows.
    pub(crate) example: Option<Value>,
}

/// Where the description says what a body holds.
const BODY: &str = "/requestBody/content";
/// The kind of body OAuth takes.
const FORM: &str = "application~1x-www-form-urlencoded";

impl Operation {
    /// Every operation of the server, by path.
    pub(crate) fn all() -> Vec<Self> {
        let api = serde_json::to_value(api::openapi()).expect("the description is JSON");
        let mut all = Vec::new();
        for (path, item) in api["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("an item") {
                let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
                if operation.get("operationId").is_some() {
                    all.push(Self::read(method, path, operation));
                }
            }
        }
        assert!(all.len() > 20, "the description lost its operations: {}", all.len());
        all
    }

    fn read(method: Method, path: &str, operation: &Value) -> Self {
        let text = |name: &str| operation[name].as_str().map(str::to_owned);
        let id = text("operationId").expect("an operation id");
        let permission = text("x-portcullis-permission");
        let open = operation["security"] == serde_json::json!([{}]);
        assert!(
            open != permission.is_some(),
            "{id}: an operation either is open (security {{}}) or names its permission"
        );
        Self {
            needs: permission.map(|name| need(&id, &name)),
            recorded: operation["x-portcullis-recorded"] == true,
            caller: text("x-portcullis-caller").unwrap_or_default(),
            mutating: operation["x-portcullis-mutating"] == true,
            has_body: operation.get("requestBody").is_some(),
            has_query: operation["parameters"]
                .as_array()
                .is_some_and(|all| all.iter().any(|parameter| parameter["in"] == "query")),
            is_form: operation.pointer(&format!("{BODY}/{FORM}")).is_some(),
            example: ["application~1json", FORM]
                .iter()
                .find_map(|kind| operation.pointer(&format!("{BODY}/{kind}/example")).cloned()),
            path: path.to_owned(),
            method,
            id,
        }
    }

    /// Whether it is a face of the LLM endpoint, whose refusals have another shape.
    pub(crate) fn is_gateway(&self) -> bool {
        self.path.starts_with("/v1/")
    }

    /// Whether it refuses as OpenFGA does.
    pub(crate) fn is_relations(&self) -> bool {
        self.path.starts_with("/fga/")
    }

    /// Whether it refuses as OAuth does.
    pub(crate) fn is_oauth(&self) -> bool {
        self.path.starts_with("/oauth/")
    }

    /// A request with this body, encoded as the operation takes it.
    pub(crate) fn with_body(&self, ask: Ask, body: &Value) -> Ask {
        if self.is_form { ask.form(body) } else { ask.json(body.to_string()) }
    }

    /// Whether a credential of this kind and rank may do it.
    fn allows(&self, kind: &str, rank: Rank) -> bool {
        let admits = match self.caller.as_str() {
            "anybody" => true,
            "a person or a service" => kind != "agent",
            "a service" => kind == "service",
            "an agent" => kind == "agent",
            "a person" => kind == "human",
            other => panic!("{}: teach `Operation::allows` who {other:?} is", self.id),
        };
        let holds = match self.needs {
            None | Some(Need::Credential) => true,
            Some(Need::Permission(permission)) => rank.has(permission),
            Some(Need::Own | Need::Enrol) => kind == "human",
        };
        admits && holds
    }

    /// Whether it is for people alone.
    pub(crate) fn is_personal(&self) -> bool {
        self.caller == "a person"
    }
}

/// What other faces than the control plane serve is described: their routes live apart from the description.
#[test]
fn every_path_of_the_other_faces_is_described() {
    let described = Operation::all();
    let paths = [gateway::paths(), fga::paths()].concat();
    assert!(paths.len() > 10);
    for path in paths {
        let spelled = path.replace("{*", "{");
        assert!(described.iter().any(|operation| operation.path == spelled), "{path} is not described");
    }
}

fn need(id: &str, name: &str) -> Need {
    if let Some(own) = [Need::Own, Need::Enrol, Need::Credential].into_iter().find(|need| need.name() == name)
    {
        return own;
    }
    Need::Permission(name.parse().unwrap_or_else(|error| panic!("{id}: {error}")))
}
