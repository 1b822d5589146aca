//! What gate four keeps so that it can be put back, and the gate as a service: looking, replacing, revealing.

use std::sync::Arc;
use std::time::Duration;

use gates::{Channel, Clean, Deeply, Draft, Pass, Privacy, Raw, Receipt, Record};
use kernel::limits::{
    CONVERSATION_CHARS_MAX, PII_FINDINGS_MAX, PII_TEXT_BYTES_MAX, REVEAL_REASON_CHARS_MAX,
    REVEAL_REASON_CHARS_MIN,
};
use kernel::{EventKind, Problem, Timestamp};
use pii::{Class, Mode, TOKENS_PER_CONVERSATION_MAX};
use store::pii_tokens;
pub use store::pii_tokens::KeptOfClass;
use zeroize::Zeroizing;

use crate::action;

action! {
    /// Looks for personal data in a text.
    ScanText = "pii.scan", ModelsInvoke, Principal, Record
}

action! {
    /// Replaces personal data in a text.
    RedactText = "pii.redact", ModelsInvoke, Principal, Record
}

action! {
    /// Keeps what was replaced, so that it can be put back.
    KeepValues = "pii.keep", ModelsInvoke, Principal, Write
}

action! {
    /// Shows what a token stands for. No role allows it; an override does.
    RevealToken = "pii.reveal", PiiReveal, Human, Read, Fresh
}

action! {
    /// Counts what is kept.
    CountKept = "pii.count", PoliciesRead, Principal, Read
}

/// The name of a conversation, as a client says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationName(String);

impl ConversationName {
    /// Reads it: 1 to 128 visible ASCII characters.
    pub fn parse(text: &str) -> Option<Self> {
        let good = (1..=CONVERSATION_CHARS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        good.then(|| Self(text.to_owned()))
    }
}

/// Gate four for a call of a model, within the caller's conversation of this name, or one of its own. Nothing is read when
/// the policy keeps nothing.
///
/// # Errors
/// When what is kept cannot be read, or the rules ask for a second reader that is not there.
pub async fn for_call<A: gates::Action<Mode = Record>>(
    pass: &Pass<A>,
    name: Option<&ConversationName>,
) -> Result<Privacy, Problem> {
    let privacy = pass.privacy(Channel::Prompt).deep().await?;
    if privacy.keeps_in_calls() { within(pass, privacy, name).await } else { Ok(privacy) }
}

async fn within<A: gates::Action<Mode = Record>>(
    pass: &Pass<A>,
    privacy: Privacy,
    name: Option<&ConversationName>,
) -> Result<Privacy, Problem> {
    let conversation = pass.conversation(name.map(|name| name.0.as_str())).await?;
    let known = if name.is_some() {
        let rows = i64::try_from(TOKENS_PER_CONVERSATION_MAX).unwrap_or(i64::MAX);
        let mut tx = pass.read().await?;
        pii_tokens::of_conversation(&mut tx, &conversation.ids(), pass.vault().clock().now(), rows).await?
    } else {
        Vec::new()
    };
    Ok(privacy.within(conversation, known, pass.vault().rng()))
}

/// Keeps what was replaced since the last time. One transaction of its own, and an entry; none when there is nothing.
///
/// # Errors
/// When it cannot be kept: then what carries its tokens must not go out as if it could be put back.
pub async fn keep<A: gates::Action>(pass: &Pass<A>, privacy: &Privacy) -> Result<Option<Timestamp>, Problem> {
    let vault = Arc::clone(pass.vault());
    let tokens = privacy.to_keep(vault.rng())?;
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut pass = vault.enter::<KeepValues>(pass.principal(), pass.request().clone()).await?;
    let now = vault.clock().now();
    let until = now.plus(Duration::from_secs(privacy.keep_seconds()));
    match pii_tokens::keep(pass.tx(), &tokens, now, until).await {
        Ok(()) => {
            let draft =
                Draft::done(EventKind::PiiKept).fact("values", tokens.len() as u64).fact("until", until);
            pass.seal(draft).await?;
            Ok(Some(until))
        }
        Err(error) => Err(pass.fail(Draft::failed(EventKind::PiiKept), error.into()).await),
    }
}

/// A text to look through or to clean.
pub struct Text {
    /// The text.
    pub text: Raw<String>,
    /// Its bytes.
    pub bytes: usize,
    /// By the rules of which channel.
    pub channel: Channel,
    /// The conversation it is part of.
    pub conversation: Option<String>,
}

impl Text {
    fn checked(&self) -> Result<Option<ConversationName>, Problem> {
        if self.bytes > PII_TEXT_BYTES_MAX {
            let detail = format!("A text has at most {PII_TEXT_BYTES_MAX} bytes.");
            return Err(Problem::invalid("/text", detail));
        }
        let Some(name) = &self.conversation else { return Ok(None) };
        let name = ConversationName::parse(name).ok_or_else(|| {
            let detail = format!("It takes 1 to {CONVERSATION_CHARS_MAX} visible ASCII characters.");
            Problem::invalid("/conversation", detail)
        })?;
        Ok(Some(name))
    }
}

/// What was found, without what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What it is.
    pub class: Class,
    /// What it is exactly, such as `iban`.
    pub kind: &'static str,
    /// Where it starts, in bytes of UTF-8.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// How sure the rule is, 0 to 1.
    pub confidence: f32,
    /// What the policy does about it on this channel.
    pub mode: Mode,
    /// Why it is believed, in a sentence that holds nothing of the text.
    pub why: &'static str,
}

/// What was found in a text.
pub struct Found {
    /// In order; the first [`PII_FINDINGS_MAX`] of them.
    pub findings: Vec<Finding>,
    /// How many there are.
    pub total: usize,
    /// Under which version of the policy.
    pub policy: String,
}

/// Looks through a text by the rules of its channel. The answer says where things are and never what.
///
/// # Errors
/// When the text is too long, the rules ask for a second reader that is not there, or the look cannot be put on record.
pub async fn scan(pass: Pass<ScanText>, text: Text) -> Result<(Found, Receipt), Problem> {
    if let Err(problem) = text.checked() {
        return Err(pass.fail(Draft::failed(EventKind::PiiScanned), problem).await);
    }
    let looked = async {
        let privacy = pass.privacy(text.channel).deep().await?;
        let matches = privacy.look(&text.text);
        privacy.read_as_asked()?;
        Ok((privacy, matches))
    };
    let (privacy, matches) = match looked.await {
        Ok(looked) => looked,
        Err(problem) => return Err(pass.fail(Draft::failed(EventKind::PiiScanned), problem).await),
    };
    let total = matches.len();
    let finding = |one: pii::Match| Finding {
        class: one.class,
        kind: one.kind,
        start: one.range.start,
        end: one.range.end,
        confidence: one.confidence,
        mode: privacy.mode(one.class),
        why: one.explanation(),
    };
    let findings = matches.into_iter().take(PII_FINDINGS_MAX).map(finding).collect();
    let found = Found { findings, total, policy: privacy.policy_version().to_owned() };
    let draft =
        Draft::done(EventKind::PiiScanned).fact("channel", text.channel.name()).fact("items", total as u64);
    Ok((found, pass.seal(with_deep(draft, privacy.deeply())).await?))
}

/// A text after gate four.
pub struct Redacted {
    /// The text, with tokens.
    pub text: Clean<String>,
    /// What was found and replaced.
    pub counts: pii::Counts,
    /// Until when it can be put back; `None` when nothing is kept.
    pub kept_until: Option<Timestamp>,
    /// Under which version of the policy.
    pub policy: String,
}

/// Replaces what the rules of the text's channel replace.
///
/// # Errors
/// When the text is too long, the rules ask for a second reader that is not there, what is to be kept cannot be, or it cannot
/// be put on record.
pub async fn redact(pass: Pass<RedactText>, text: Text) -> Result<(Redacted, Receipt), Problem> {
    let channel = text.channel;
    match clean(&pass, text).await {
        Ok((redacted, tally, deep)) => {
            let draft = Draft::done(EventKind::PiiRedacted)
                .fact("channel", channel.name())
                .fact("redactions", &redacted.counts)
                .fact("redacted", redacted.counts.redacted_total())
                .fact("findings", &tally);
            let receipt = pass.seal(with_deep(draft, deep)).await?;
            Ok((redacted, receipt))
        }
        Err(problem) => Err(pass.fail(Draft::failed(EventKind::PiiRedacted), problem).await),
    }
}

/// What a second reader did; nothing is said where none was asked.
pub(crate) fn with_deep(draft: Draft, deeply: Option<Deeply>) -> Draft {
    match deeply {
        None => draft,
        Some(deeply) => draft.fact("read_deep", deeply.read).fact("unread_deep", deeply.unread),
    }
}

type Cleaned = (Redacted, pii::Tally, Option<Deeply>);

async fn clean(pass: &Pass<RedactText>, text: Text) -> Result<Cleaned, Problem> {
    let name = text.checked()?;
    let privacy = pass.privacy(text.channel).deep().await?;
    let privacy = if privacy.keeps() { within(pass, privacy, name.as_ref()).await? } else { privacy };
    let clean = privacy.text(text.text);
    privacy.read_as_asked()?;
    let kept_until = keep(pass, &privacy).await?;
    let policy = privacy.policy_version().to_owned();
    let redacted = Redacted { text: clean, counts: privacy.counts(), kept_until, policy };
    Ok((redacted, privacy.tally(), privacy.deeply()))
}

/// What a token stands for.
pub struct Revealed {
    /// Its class.
    pub class: String,
    /// The channel it was found on.
    pub channel: String,
    /// The value. Wiped when dropped.
    pub value: Zeroizing<String>,
}

/// Shows what a token stands for, for a reason.
///
/// # Errors
/// When there is no such token, or no more, or the reason is too short; and when it cannot be put on record: then it is not
/// shown.
pub async fn reveal(
    mut pass: Pass<RevealToken>,
    token: &str,
    reason: &str,
) -> Result<(Revealed, Receipt), Problem> {
    let kind = EventKind::PiiRevealed;
    match look_up(&mut pass, token, reason).await {
        Ok((revealed, reason)) => {
            let account = pass.who().account();
            let draft = Draft::done(kind)
                .subject("pii_token", token)
                .fact("class", class_name(&revealed.class))
                .about(account, "reason", &reason);
            let receipt = pass.seal(draft).await?;
            Ok((revealed, receipt))
        }
        // What was asked for is not named: it may be anything that somebody wrote there.
        Err(problem) => Err(pass.fail(Draft::failed(kind), problem).await),
    }
}

/// The class's name as one of the product's own words.
fn class_name(name: &str) -> &'static str {
    Class::ALL.into_iter().map(Class::name).find(|known| *known == name).unwrap_or("other")
}

async fn look_up(
    pass: &mut Pass<RevealToken>,
    token: &str,
    reason: &str,
) -> Result<(Revealed, String), Problem> {
    let reason = reason.trim();
    let chars = reason.chars().count();
    if !(REVEAL_REASON_CHARS_MIN..=REVEAL_REASON_CHARS_MAX).contains(&chars)
        || reason.chars().any(|c| c.is_control() && c != '\n')
    {
        let detail = format!("It takes {REVEAL_REASON_CHARS_MIN} to {REVEAL_REASON_CHARS_MAX} characters.");
        return Err(Problem::invalid("/reason", detail));
    }
    let reason = pass.privacy(Channel::Log).text(Raw::new(reason.to_owned())).into_inner();
    let (tenant, vault) = (pass.tenant(), Arc::clone(pass.vault()));
    let kept = pii_tokens::find(pass.tx(), token, vault.clock().now()).await?;
    let kept = kept.ok_or_else(Problem::not_found)?;
    let opened = vault.open_kept(tenant, &kept).await?;
    let value = opened.expose_str().ok_or_else(Problem::internal)?;
    let value = Zeroizing::new(value.to_owned());
    Ok((Revealed { class: kept.class, channel: kept.channel, value }, reason))
}

/// How much is kept, by class and channel.
///
/// # Errors
/// When it cannot be read or put on record.
pub async fn count(mut pass: Pass<CountKept>) -> Result<(Vec<KeptOfClass>, Receipt), Problem> {
    let now = pass.vault().clock().now();
    let kept = pii_tokens::kept(pass.tx(), now).await?;
    let draft = Draft::done(EventKind::PiiCounted).fact("items", kept.len() as u64);
    Ok((kept, pass.seal(draft).await?))
}

/// Keeps what the model brought itself, when its answer is complete. It is out already: when it cannot be kept, its tokens
/// stand for nothing, and that is all.
pub(crate) async fn keep_answer<A: gates::Action>(pass: &Pass<A>, privacy: &Privacy) {
    if let Err(problem) = keep(pass, privacy).await {
        tracing::error!(%problem, "what a model brought could not be kept; its tokens stand for nothing");
    }
}
