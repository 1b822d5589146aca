//! Gate four as a service: looking, replacing, revealing.

use app::pii::{
    CountKept, Finding, Found, KeptOfClass, RedactText, Redacted, RevealToken, Revealed, ScanText, Text,
    count, redact, reveal, scan,
};
use gates::{Channel, Raw};
use kernel::Timestamp;
use pii::Counts;
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
        .routes(of::<ScanText, _>(routes!(post_scan)))
        .routes(of::<RedactText, _>(routes!(post_redact)))
        .routes(of::<RevealToken, _>(routes!(post_reveal)))
        .routes(of::<CountKept, _>(routes!(get_vault)))
}

const fn prompt() -> Channel {
    Channel::Prompt
}

/// A text to look through.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PiiText {
    /// The text, at most 524288 bytes.
    #[schema(example = "Write to ada@example.com.")]
    text: String,
    /// By the rules of which channel; those of prompts when nothing is said.
    #[schema(value_type = Option<String>, example = "prompt")]
    #[serde(default = "prompt")]
    channel: Channel,
}

/// A text to clean.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PiiTextToClean {
    /// The text, at most 524288 bytes.
    #[schema(example = "Write to ada@example.com.")]
    text: String,
    /// By the rules of which channel; those of prompts when nothing is said.
    #[schema(value_type = Option<String>, example = "prompt")]
    #[serde(default = "prompt")]
    channel: Channel,
    /// The conversation it is part of: the same value keeps its token in it, and it is put back in answers of models that are
    /// called with the same name.
    #[schema(min_length = 1, max_length = 128, example = "ticket-4711")]
    conversation: Option<String>,
}

/// One finding.
#[derive(Serialize, ToSchema)]
struct PiiFinding {
    /// What it is.
    #[schema(example = "EMAIL")]
    class: &'static str,
    /// What it is exactly.
    #[schema(example = "email")]
    kind: &'static str,
    /// Where it starts, in bytes of the text in UTF-8.
    start: usize,
    /// Where it ends.
    end: usize,
    /// How sure it is, 0 to 1.
    confidence: f32,
    /// What the policy does about it on this channel.
    #[schema(example = "strict")]
    mode: &'static str,
    /// Why it is believed.
    why: &'static str,
}

impl From<Finding> for PiiFinding {
    fn from(finding: Finding) -> Self {
        let Finding { class, kind, start, end, confidence, mode, why } = finding;
        Self { class: class.name(), kind, start, end, confidence, mode: mode.name(), why }
    }
}

/// What was found.
#[derive(Serialize, ToSchema)]
struct PiiFindings {
    /// In order; the first 2000.
    findings: Vec<PiiFinding>,
    /// How many there are.
    total: usize,
    /// Under which version of the policy.
    #[schema(example = "pii@3")]
    policy: String,
}

impl From<Found> for PiiFindings {
    fn from(Found { findings, total, policy }: Found) -> Self {
        Self { findings: findings.into_iter().map(PiiFinding::from).collect(), total, policy }
    }
}

/// Look for personal data in a text.
///
/// Says what is where and what the policy does about it, and never what it says. The text is not kept, and nothing of it is
/// written down.
#[utoipa::path(post, path = "/pii/scan", tag = "policies",
    request_body(content = PiiText, example = json!({"text": "Write to ada@example.com.", "channel": "prompt"})),
    responses((status = 200, description = "What was found", body = PiiFindings)))]
async fn post_scan(Submitted { pass, body }: Submitted<ScanText, PiiText>) -> Answered<PiiFindings> {
    let PiiText { text, channel } = body;
    let text = Text { bytes: text.len(), text: Raw::new(text), channel, conversation: None };
    let (found, receipt) = scan(pass, text).await?;
    Ok(Answer::ok(found.into(), &receipt))
}

/// A text after the privacy gate.
#[derive(Serialize, ToSchema)]
struct PiiCleaned {
    /// The text, with tokens where personal data was.
    #[schema(example = "Write to <EMAIL_k3f9qa>.")]
    text: String,
    /// What was found, by class.
    #[schema(value_type = std::collections::BTreeMap<String, u32>)]
    findings: Counts,
    /// How many findings were replaced.
    redacted: u32,
    /// Until when what was replaced can be put back; null when nothing is kept.
    #[schema(value_type = Option<String>, format = DateTime)]
    kept_until: Option<Timestamp>,
    /// Under which version of the policy.
    #[schema(example = "pii@3")]
    policy: String,
}

impl From<Redacted> for PiiCleaned {
    fn from(Redacted { text, counts, kept_until, policy }: Redacted) -> Self {
        let redacted = counts.redacted_total();
        Self { text: text.into_inner(), findings: counts, redacted, kept_until, policy }
    }
}

/// Replace personal data in a text.
///
/// Answers the text with tokens, as a model would be sent it. What the policy replaces reversibly is sealed and kept for as
/// long as the policy says.
#[utoipa::path(post, path = "/pii/redact", tag = "policies",
    request_body(content = PiiTextToClean, example = json!({
        "text": "Write to ada@example.com.", "channel": "prompt", "conversation": "ticket-4711",
    })),
    responses((status = 200, description = "The text", body = PiiCleaned)))]
async fn post_redact(
    Submitted { pass, body }: Submitted<RedactText, PiiTextToClean>,
) -> Answered<PiiCleaned> {
    let PiiTextToClean { text, channel, conversation } = body;
    let text = Text { bytes: text.len(), text: Raw::new(text), channel, conversation };
    let (redacted, receipt) = redact(pass, text).await?;
    Ok(Answer::ok(redacted.into(), &receipt))
}

/// A token to look behind.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PiiToken {
    /// The token, brackets included.
    #[schema(example = "<EMAIL_k3f9qa2b3c>")]
    token: String,
    /// Why: 10 to 2000 characters, for whoever reviews it.
    #[schema(
        min_length = 10,
        max_length = 2000,
        example = "The customer must be called back about the outage."
    )]
    reason: String,
}

/// What a token stands for.
#[derive(Serialize, ToSchema)]
struct PiiValue {
    /// Its class.
    #[schema(example = "EMAIL")]
    class: String,
    /// The channel it was found on.
    #[schema(example = "prompt")]
    channel: String,
    /// The value.
    #[schema(example = "ada@example.com")]
    value: String,
}

impl From<Revealed> for PiiValue {
    fn from(revealed: Revealed) -> Self {
        let value = revealed.value.as_str().to_owned();
        Self { class: revealed.class, channel: revealed.channel, value }
    }
}

/// Reveal what a token stands for.
///
/// No role allows it: it takes an open override. Who looked, at which token and why is in the log before the value is shown.
#[utoipa::path(post, path = "/pii/reveal", tag = "policies",
    request_body(content = PiiToken, example = json!({
        "token": "<EMAIL_k3f9qa2b3c>", "reason": "The customer must be called back about the outage.",
    })),
    responses((status = 200, description = "The value", body = PiiValue)))]
async fn post_reveal(Submitted { pass, body }: Submitted<RevealToken, PiiToken>) -> Answered<PiiValue> {
    let (revealed, receipt) = reveal(pass, &body.token, &body.reason).await?;
    Ok(Answer::ok(revealed.into(), &receipt))
}

/// How much is kept of a class.
#[derive(Serialize, ToSchema)]
struct PiiKept {
    /// The class.
    #[schema(example = "EMAIL")]
    class: String,
    /// The channel.
    #[schema(example = "prompt")]
    channel: String,
    /// How many values.
    values: i64,
    /// In how many conversations.
    conversations: i64,
    /// When the first of them expires.
    #[schema(value_type = String, format = DateTime)]
    first_expires_at: Timestamp,
    /// When the last of them does.
    #[schema(value_type = String, format = DateTime)]
    last_expires_at: Timestamp,
}

impl From<KeptOfClass> for PiiKept {
    fn from(kept: KeptOfClass) -> Self {
        let KeptOfClass { class, channel, values, conversations, first_expires_at, last_expires_at } = kept;
        Self { class, channel, values, conversations, first_expires_at, last_expires_at }
    }
}

/// What is kept.
#[derive(Serialize, ToSchema)]
struct PiiVault {
    /// By class and channel.
    items: Vec<PiiKept>,
}

/// Count what is kept.
///
/// Answers how many values are kept by class and channel, and when they expire; never a value.
#[utoipa::path(get, path = "/pii/vault", tag = "policies",
    responses((status = 200, description = "The counts", body = PiiVault)))]
async fn get_vault(Gate(pass): Gate<CountKept>) -> Answered<PiiVault> {
    let (kept, receipt) = count(pass).await?;
    Ok(Answer::ok(PiiVault { items: kept.into_iter().map(PiiKept::from).collect() }, &receipt))
}
