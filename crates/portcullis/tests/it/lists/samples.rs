//! One good request for every operation.

use serde_json::{Value, json};

use super::Operation;
use crate::house::{Ask, Wire};

/// What stands for `{id}` in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The path has no id.
    None,
    /// A fresh agent of the tenant.
    Agent,
    /// A fresh key of the tenant.
    Key,
    /// A fresh provider of the tenant.
    Provider,
    /// An entry of the tenant's log.
    Entry,
    /// The same for everybody.
    Fixed(&'static str),
}

/// A good request.
pub(crate) struct Sample {
    operation: &'static str,
    /// The status of its success.
    pub(crate) status: u16,
    pub(crate) subject: Subject,
    /// `#` in it is replaced by a number of its own.
    body: fn() -> Option<Value>,
}

const fn plain(operation: &'static str, status: u16) -> Sample {
    of(operation, status, Subject::None)
}

const fn of(operation: &'static str, status: u16, subject: Subject) -> Sample {
    Sample { operation, status, subject, body: || None }
}

const fn with(operation: &'static str, status: u16, body: fn() -> Option<Value>) -> Sample {
    Sample { operation, status, subject: Subject::None, body }
}

const SAMPLES: &[Sample] = &[
    plain("health", 200),
    plain("ready", 200),
    of("problems.explain", 200, Subject::Fixed("rate-limited")),
    plain("identity.read", 200),
    plain("organization.read", 200),
    plain("project.list", 200),
    with("project.create", 201, || Some(json!({"name": "project #"}))),
    plain("agent.list", 200),
    with("agent.create", 201, || Some(json!({"name": "agent #", "description": "Reads."}))),
    of("agent.suspend", 204, Subject::Agent),
    of("agent.resume", 204, Subject::Agent),
    plain("key.list", 200),
    with("key.create", 201, || Some(json!({"name": "key #", "role": "reader"}))),
    Sample { body: || Some(json!({"overlap_seconds": 60})), ..of("key.rotate", 201, Subject::Key) },
    with("key.rotate_own", 201, || Some(json!({"overlap_seconds": 3600}))),
    of("key.revoke", 204, Subject::Key),
    plain("providers.list", 200),
    with("providers.create", 201, || {
        Some(
            json!({"name": "provider-#", "base_url": "https://api.example.com/v1", "models": ["m-#"], "key": "k"}),
        )
    }),
    of("providers.delete", 204, Subject::Provider),
    plain("policy.read", 200),
    with("policy.change", 200, || Some(json!({"classes": {"EMAIL": {"mode": "strict"}}}))),
    plain("audit.read", 200),
    of("audit.read_entry", 200, Subject::Entry),
    plain("audit.checkpoint", 201),
    plain("audit.checkpoint.read", 200),
    plain("audit.export", 200),
    plain("models.list", 200),
    of("models.read", 200, Subject::Fixed("loopback")),
    with("models.call", 200, || {
        Some(json!({"model": "loopback", "messages": [{"role": "user", "content": "Good morning"}]}))
    }),
];

impl Sample {
    /// The sample of an operation.
    pub(crate) fn of(operation: &Operation) -> &'static Self {
        SAMPLES.iter().find(|sample| sample.operation == operation.id).unwrap_or_else(|| {
            panic!(
                "{} {} (operationId {}) is not covered: add a good request for it, with the status of its success, \
                 to SAMPLES in crates/portcullis/tests/it/lists/samples.rs",
                operation.method, operation.path, operation.id
            )
        })
    }

    /// The request, about `subject`.
    pub(crate) fn ask(&self, wire: &Wire, operation: &Operation, subject: &str) -> Ask {
        let path = operation.path.replace("{id}", subject).replace("{slug}", subject);
        assert!(
            !path.contains('{'),
            "{}: teach `Sample::ask` what stands for the parameter of {path}",
            operation.id
        );
        let ask = Ask::new(operation.method.clone(), path);
        match (self.body)() {
            Some(body) => ask.json(body.to_string().replace('#', &wire.number().to_string())),
            None => ask,
        }
    }
}

#[test]
fn every_sample_has_its_operation() {
    let known = Operation::all();
    for sample in SAMPLES {
        assert!(
            known.iter().any(|operation| operation.id == sample.operation),
            "{} is no operation any more: take its sample out",
            sample.operation
        );
    }
}
