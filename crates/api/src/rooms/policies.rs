//! The PII policy.

use std::collections::BTreeMap;

use app::policies::{ChangePolicy, InForce, ReadPolicy, change, read};
use kernel::{Problem, Timestamp};
use pii::{Class, ClassPolicy, Policy};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::State;
use crate::answer::{Answer, Answered};
use crate::describe::of;
use crate::extract::{Gate, Submitted};

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ReadPolicy, _>(routes!(get_policy)))
        .routes(of::<ChangePolicy, _>(routes!(put_policy)))
}

/// What is done about one class of personal data.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes pii::ClassPolicy, which knows nothing of OpenAPI")]
struct ClassRule {
    /// `strict` replaces a finding, `flag_only` counts it, `off` does not look for it.
    #[schema(example = "strict")]
    mode: String,
    /// The least confidence, 0 to 1, at which a finding counts.
    #[schema(minimum = 0, maximum = 1, example = 0.5)]
    threshold: Option<f32>,
}

/// The PII policy in force.
#[derive(Serialize, ToSchema)]
struct PiiPolicy {
    /// Its number; 0 is the built-in default.
    version: i32,
    /// The label under which entries name it.
    #[schema(example = "pii@3")]
    label: String,
    /// Since when it is in force; null for the default.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// The rule of every class.
    #[schema(value_type = BTreeMap<String, ClassRule>)]
    classes: BTreeMap<Class, ClassPolicy>,
}

impl From<InForce> for PiiPolicy {
    fn from(InForce { version, policy, since }: InForce) -> Self {
        let rule = |class| ClassPolicy { mode: policy.mode(class), threshold: policy.threshold(class) };
        let classes = Class::ALL.into_iter().map(|class| (class, rule(class))).collect();
        Self { version, label: policy.version().to_owned(), since, classes }
    }
}

/// Read the PII policy.
///
/// Answers the policy in force, with a rule for every class.
#[utoipa::path(get, path = "/policies/pii", tag = "policies",
    responses((status = 200, description = "The policy", body = PiiPolicy)))]
async fn get_policy(Gate(pass): Gate<ReadPolicy>) -> Answered<PiiPolicy> {
    let (in_force, receipt) = read(pass).await?;
    Ok(Answer::ok(in_force.into(), &receipt))
}

/// The rules to put into force.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PiiRules {
    /// Rules by class; a class that is not named gets the built-in default.
    #[schema(value_type = BTreeMap<String, ClassRule>)]
    classes: BTreeMap<Class, ClassPolicy>,
}

impl PiiRules {
    fn policy(self) -> Result<Policy, Problem> {
        self.classes.into_iter().try_fold(Policy::default(), |policy, (class, rule)| {
            let at = |detail: String| Problem::invalid(format!("/classes/{class}"), detail);
            policy
                .with_mode(class, rule.mode)
                .with_threshold(class, rule.threshold)
                .map_err(|e| at(e.to_string()))
        })
    }
}

/// Change the PII policy.
///
/// Puts rules into force as the next version, for every request from now on. Agents cannot loosen what binds them.
#[utoipa::path(put, path = "/policies/pii", tag = "policies",
    request_body(content = PiiRules, example = json!({
        "classes": {"EMAIL": {"mode": "flag_only"}, "PAYMENT": {"mode": "strict", "threshold": 0.4}},
    })),
    responses(
        (status = 200, description = "The policy now in force", body = PiiPolicy),
        (status = 409, description = "Somebody else changed it at the same moment"),
    ))]
async fn put_policy(Submitted { pass, body }: Submitted<ChangePolicy, PiiRules>) -> Answered<PiiPolicy> {
    let (in_force, receipt) = change(pass, &body.policy()?).await?;
    Ok(Answer::ok(in_force.into(), &receipt))
}

#[cfg(test)]
mod tests {
    use pii::Mode;

    use super::*;

    fn rules(text: &str) -> Result<Policy, Problem> {
        serde_json::from_str::<PiiRules>(text)
            .map_err(|error| Problem::invalid("", error.to_string()))?
            .policy()
    }

    #[test]
    fn the_example_can_be_put_into_force() {
        let api = serde_json::to_value(crate::openapi()).unwrap();
        let body = &api["paths"]["/api/v1/policies/pii"]["put"]["requestBody"]["content"]["application/json"];
        let policy = rules(&body["example"].to_string()).unwrap();
        assert_eq!(policy.mode(Class::Email), Mode::FlagOnly);
        assert!((policy.threshold(Class::Payment) - 0.4).abs() < f32::EPSILON);
    }

    #[test]
    fn every_class_can_be_asked_for() {
        let policy = rules(r#"{"classes": {"HEALTH": {"mode": "strict"}}}"#).unwrap();
        assert_eq!(policy.mode(Class::Health), Mode::Strict);
        assert!(rules(r#"{"classes": {"FAX": {"mode": "strict"}}}"#).is_err());
    }
}
