//! The PII policy.

use std::collections::BTreeMap;

use app::policies::{
    ChangePolicy, Changed, InForce, ListPolicies, ReadPolicy, Shift, Trial, TryPolicy, attempt, change, list,
    read,
};
use kernel::Timestamp;
use pii::{Channel, Class, ClassPolicy, ClassRules, Denied, Policy, Said};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::agents::CreatedBy;
use crate::State;
use crate::answer::{Answer, Answered};
use crate::describe::of;
use crate::extract::{Gate, Submitted};

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(of::<ReadPolicy, _>(routes!(get_policy)))
        .routes(of::<ChangePolicy, _>(routes!(put_policy)))
        .routes(of::<ListPolicies, _>(routes!(list_versions)))
        .routes(of::<TryPolicy, _>(routes!(try_policy)))
}

/// What is done about one class of personal data.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes pii::ClassPolicy, which knows nothing of OpenAPI")]
struct ClassRule {
    /// `strict` replaces a finding for good, `reversible` replaces it and can put it back, `flag_only` counts it, `off` does
    /// not look for it.
    #[schema(example = "strict")]
    mode: String,
    /// The least confidence, 0 to 1, at which a finding counts.
    #[schema(minimum = 0, maximum = 1, example = 0.5)]
    threshold: Option<f32>,
}

/// Words that are always a finding.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes pii::Denied, which knows nothing of OpenAPI")]
struct DeniedWords {
    /// The words, side by side and in any case.
    #[schema(example = "project falcon")]
    phrase: String,
    /// What they are.
    #[schema(example = "CREDENTIAL")]
    class: String,
}

/// What an organization says about personal data: only what differs from the default.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PiiRules {
    /// Rules by class, for every channel; a class that is not named keeps the built-in default.
    #[schema(value_type = BTreeMap<String, ClassRule>)]
    #[serde(default)]
    classes: ClassRules,
    /// Rules by channel and class; they go before those for every channel.
    #[schema(value_type = BTreeMap<String, BTreeMap<String, ClassRule>>)]
    #[serde(default)]
    channels: BTreeMap<Channel, ClassRules>,
    /// What is never a finding, such as the address of the help desk.
    #[serde(default)]
    allow: Vec<String>,
    /// What always is one.
    #[schema(value_type = Vec<DeniedWords>)]
    #[serde(default)]
    deny: Vec<Denied>,
    /// How long what was replaced reversibly is kept, in seconds; a day when nothing is said.
    keep_seconds: Option<u64>,
    /// Whether sentences in which the built-in reader of names and addresses is not sure are read by a second model too, one
    /// that the operator fetched. It only adds findings. Off when nothing is said, and refused where the server has no such
    /// model.
    #[serde(default)]
    deep: bool,
}

impl From<PiiRules> for Said {
    fn from(rules: PiiRules) -> Self {
        let PiiRules { classes, channels, allow, deny, keep_seconds, deep } = rules;
        Self { classes, channels, allow, deny, keep_seconds, deep }
    }
}

impl From<&Said> for PiiRules {
    fn from(said: &Said) -> Self {
        let Said { classes, channels, allow, deny, keep_seconds, deep } = said.clone();
        Self { classes, channels, allow, deny, keep_seconds, deep }
    }
}

/// The PII policy in force.
#[derive(Serialize, ToSchema)]
struct PiiPolicy {
    #[serde(flatten)]
    version: PolicyVersion,
    /// The rule of every class where nothing is said for the channel.
    #[schema(value_type = BTreeMap<String, ClassRule>)]
    classes: ClassRules,
    /// The rule of every class on every channel, as it is in force.
    #[schema(value_type = BTreeMap<String, BTreeMap<String, ClassRule>>)]
    channels: BTreeMap<Channel, ClassRules>,
    /// How long what was replaced reversibly is kept, in seconds.
    keep_seconds: u64,
    /// The policy pack in force that raises what the organization says, as entries name it; null when none does. What is in
    /// force is then the stricter of both.
    #[schema(example = "names-stay-here/2+5f0c3a7e9b1d2c48")]
    floor: Option<String>,
}

/// A version of the PII policy.
#[derive(Serialize, ToSchema)]
struct PolicyVersion {
    /// Its number; 0 is the built-in default.
    version: i32,
    /// The label under which entries name it.
    #[schema(example = "pii@3")]
    label: String,
    /// Since when it is, or was, in force; null for the default.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Who put it into force; null for the default and for versions from before this was written down.
    made_by: Option<CreatedBy>,
    /// The SHA-256 of its document in base64, as its entry names it.
    hash: Option<String>,
    /// What the organization said: send it back changed to change the policy.
    rules: PiiRules,
}

fn rules_of(policy: &Policy) -> ClassRules {
    let rule = |class| -> ClassPolicy { policy.rule(class) };
    Class::ALL.into_iter().map(|class| (class, rule(class))).collect()
}

impl From<InForce> for PolicyVersion {
    fn from(InForce { version, book, since, by, hash, .. }: InForce) -> Self {
        let (label, rules) = (book.version().to_owned(), book.said().into());
        let (made_by, hash) = (by.map(CreatedBy::from), hash.map(|hash| hash.to_base64()));
        Self { version, label, since, made_by, hash, rules }
    }
}

impl From<InForce> for PiiPolicy {
    fn from(in_force: InForce) -> Self {
        let book = &in_force.effective;
        Self {
            floor: in_force.floor.clone(),
            classes: rules_of(book.base()),
            channels: Channel::ALL.into_iter().map(|channel| (channel, rules_of(book.on(channel)))).collect(),
            keep_seconds: book.keep_seconds(),
            version: in_force.into(),
        }
    }
}

/// Read the PII policy.
///
/// Answers the policy in force, with a rule for every class on every channel, and what the organization itself said of it.
#[utoipa::path(get, path = "/policies/pii", tag = "policies",
    responses((status = 200, description = "The policy", body = PiiPolicy)))]
async fn get_policy(Gate(pass): Gate<ReadPolicy>) -> Answered<PiiPolicy> {
    let (in_force, receipt) = read(pass).await?;
    Ok(Answer::ok(in_force.into(), &receipt))
}

/// Versions of the policy.
#[derive(Serialize, ToSchema)]
struct PolicyVersions {
    /// Newest first, the hundred newest at most.
    items: Vec<PolicyVersion>,
}

/// List the versions of the PII policy.
///
/// Answers every version that was put into force, newest first: what was said, by whom and when. Entries name the version
/// they were made under.
#[utoipa::path(get, path = "/policies/pii/versions", tag = "policies",
    responses((status = 200, description = "The versions", body = PolicyVersions)))]
async fn list_versions(Gate(pass): Gate<ListPolicies>) -> Answered<PolicyVersions> {
    let (versions, receipt) = list(pass).await?;
    let items = versions.into_iter().map(PolicyVersion::from).collect();
    Ok(Answer::ok(PolicyVersions { items }, &receipt))
}

/// Change the PII policy.
///
/// Puts rules into force as the next version, for every request from now on. They say only what differs from the built-in
/// default; a rule for a channel and class goes before a rule for the class. Agents cannot loosen what binds them.
#[utoipa::path(put, path = "/policies/pii", tag = "policies",
    request_body(content = PiiRules, example = json!({
        "classes": {"EMAIL": {"mode": "flag_only"}, "PAYMENT": {"mode": "strict", "threshold": 0.4}},
        "channels": {"prompt": {"PERSON": {"mode": "reversible"}}, "export": {"EMAIL": {"mode": "strict"}}},
        "allow": ["help@example.com"],
        "deny": [{"phrase": "project falcon", "class": "CREDENTIAL"}],
        "keep_seconds": 3600,
    })),
    responses(
        (status = 200, description = "The policy now in force", body = PiiPolicy),
        (status = 409, description = "Somebody else changed it at the same moment"),
    ))]
async fn put_policy(Submitted { pass, body }: Submitted<ChangePolicy, PiiRules>) -> Answered<PiiPolicy> {
    let (in_force, receipt) = change(pass, body.into()).await?;
    Ok(Answer::ok(in_force.into(), &receipt))
}

/// Findings with which something else would have been done.
#[derive(Serialize, ToSchema)]
struct PolicyShift {
    /// The channel.
    #[schema(example = "prompt")]
    channel: &'static str,
    /// The class.
    #[schema(example = "EMAIL")]
    class: &'static str,
    /// What the rules in force do.
    #[schema(example = "strict")]
    now: &'static str,
    /// What these would do; `off` when the finding would not reach the threshold.
    #[schema(example = "flag_only")]
    then: &'static str,
    /// How many findings.
    findings: u64,
}

impl From<Shift> for PolicyShift {
    fn from(shift: Shift) -> Self {
        let Shift { channel, class, now, then, findings } = shift;
        Self { channel: channel.name(), class: class.name(), now: now.name(), then: then.name(), findings }
    }
}

/// A request of which something would have changed.
#[derive(Serialize, ToSchema)]
struct PolicyExample {
    /// Its entry.
    entry: Uuid,
    /// When it was.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How many of its findings.
    findings: u64,
}

impl From<Changed> for PolicyExample {
    fn from(Changed { entry, at, findings }: Changed) -> Self {
        Self { entry: entry.uuid(), at, findings }
    }
}

/// What rules would have changed.
#[derive(Serialize, ToSchema)]
struct PolicyTrial {
    /// How many entries were looked at: calls of models and texts that were cleaned, the newest 1000 that say what was found.
    looked_at: u64,
    /// Since when; null when there are none.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// In how many of them something would have changed.
    changed: u64,
    /// In how many it may have: confidences are written down in tenths.
    uncertain: u64,
    /// By channel and class.
    shifts: Vec<PolicyShift>,
    /// The newest of what would have changed, 20 at most.
    examples: Vec<PolicyExample>,
    /// What cannot be told, because it was not looked for or is not written down.
    unknown: Vec<String>,
}

impl From<Trial> for PolicyTrial {
    fn from(trial: Trial) -> Self {
        Self {
            looked_at: trial.looked_at,
            since: trial.since,
            changed: trial.changed,
            uncertain: trial.uncertain,
            shifts: trial.shifts.into_iter().map(PolicyShift::from).collect(),
            examples: trial.examples.into_iter().map(PolicyExample::from).collect(),
            unknown: trial.unknown,
        }
    }
}

/// Try PII rules.
///
/// Tells what rules would have changed in the newest calls, without putting them into force. Prompts are not stored: it is told
/// from what entries hold, how much was found by channel, class and confidence. What cannot be told from that is said.
#[utoipa::path(post, path = "/policies/pii/try", tag = "policies",
    request_body(content = PiiRules, example = json!({"channels": {"prompt": {"EMAIL": {"mode": "flag_only"}}}})),
    responses((status = 200, description = "What they would have changed", body = PolicyTrial)))]
async fn try_policy(Submitted { pass, body }: Submitted<TryPolicy, PiiRules>) -> Answered<PolicyTrial> {
    let (trial, receipt) = attempt(pass, body.into()).await?;
    Ok(Answer::ok(trial.into(), &receipt))
}

#[cfg(test)]
mod tests {
    use pii::{Mode, Rulebook};

    use super::*;

    fn book(text: &str) -> Result<Rulebook, String> {
        let rules = serde_json::from_str::<PiiRules>(text).map_err(|error| error.to_string())?;
        Rulebook::of("pii@1", rules.into()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_can_be_put_into_force() {
        let api = serde_json::to_value(crate::openapi()).unwrap();
        let body = &api["paths"]["/api/v1/policies/pii"]["put"]["requestBody"]["content"]["application/json"];
        let book = book(&body["example"].to_string()).unwrap();
        let prompt = book.on(Channel::Prompt);
        assert_eq!(
            (prompt.mode(Class::Email), prompt.mode(Class::Person)),
            (Mode::FlagOnly, Mode::Reversible)
        );
        assert_eq!(book.on(Channel::Export).mode(Class::Email), Mode::Strict);
        assert!((prompt.threshold(Class::Payment) - 0.4).abs() < f32::EPSILON);
    }

    #[test]
    fn every_class_can_be_asked_for() {
        let strict = book(r#"{"classes": {"HEALTH": {"mode": "strict"}}}"#).unwrap();
        assert_eq!(strict.on(Channel::Memory).mode(Class::Health), Mode::Strict);
        assert!(book(r#"{"classes": {"FAX": {"mode": "strict"}}}"#).is_err());
        assert!(book(r#"{"channels": {"fax": {}}}"#).is_err());
        assert!(book(r#"{"channels": {"webhook": {"IP": {"mode": "reversible"}}}}"#).is_err());
    }
}
