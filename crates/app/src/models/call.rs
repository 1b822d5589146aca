use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use gates::{Bounds, Channel, Clean, Deeply, Draft, Pass, Privacy, Raw, RawChat, Receipt};
use kernel::quota::{Quota, Verdict};
use kernel::{EntryId, EventKind, Problem, Timestamp};
use llm::usage::Usage;
use pii::{Counts, Tally};
use tokio_util::task::TaskTracker;

use super::CallModel;
use crate::pii::with_deep;
use crate::providers::Route;

/// How a call ended, in the words of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The provider answered and said that its answer is complete.
    Ok,
    /// It was refused here; no provider saw it.
    Refused,
    /// Something broke here.
    Failed,
    /// The client went away before the end.
    Cancelled,
    /// The provider refused, failed, stayed silent or sent something unreadable.
    UpstreamError,
    /// The provider stopped in the middle of its answer.
    Cut,
    /// The answer called a tool that it must not call, and was held back, or its rest was.
    Withheld,
}

impl Status {
    /// Every status.
    pub const ALL: &'static [Self] = &[
        Self::Ok,
        Self::Refused,
        Self::Failed,
        Self::Cancelled,
        Self::UpstreamError,
        Self::Cut,
        Self::Withheld,
    ];

    /// The word in the entry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::UpstreamError => "upstream_error",
            Self::Cut => "cut",
            Self::Withheld => "withheld",
        }
    }
}

/// What is about to be asked.
pub struct Intent<'a> {
    /// The request, as read.
    pub request: &'a RawChat<'a>,
    /// Where it goes.
    pub route: &'a Route,
    /// Gate four, after it has cleaned the request: its counts are the prompt's.
    pub privacy: Privacy,
}

/// How a call ended, for the record.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// In one word.
    pub status: Status,
    /// The tokens used, when the provider said.
    pub usage: Option<Usage>,
    /// The HTTP status the provider answered with; `None` when it did not, or when no provider was asked.
    pub upstream_status: Option<u16>,
    /// The error code the client was answered with.
    pub error: Option<&'static str>,
}

impl Ended {
    /// An end without anything known but its status.
    pub const fn with(status: Status) -> Self {
        Self { status, usage: None, upstream_status: None, error: None }
    }
}

/// Where calls are begun, and where a server that stops waits for the outcomes still being written. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Calls {
    tasks: TaskTracker,
    counted: Arc<Counted>,
}

/// The calls of credentials whose organization's pack bounds how many they make. In this process alone, and nobody else's.
#[derive(Debug)]
struct Counted {
    quota: Quota,
    /// With keys of this process, so that nobody can choose an id that is counted as another's.
    hasher: RandomState,
}

impl Default for Calls {
    fn default() -> Self {
        Self::new()
    }
}

impl Calls {
    /// No calls yet.
    pub fn new() -> Self {
        // How many may pass is said for each call.
        let counted = Counted { quota: Quota::new(0), hasher: RandomState::new() };
        Self { tasks: TaskTracker::new(), counted: Arc::new(counted) }
    }

    /// Counts a call of a credential whose organization's pack says how many it may make; `None` when it says nothing of that.
    /// What was let through within a minute, in this process, counts.
    pub fn count(&self, pass: &Pass<CallModel>, bounds: &Bounds) -> Option<Verdict> {
        let most = bounds.calls_per_minute()?;
        let Counted { quota, hasher } = &*self.counted;
        let who = pass.principal();
        // Whoever opens more sessions is the same person.
        let credential = match (who.account(), who.key()) {
            (Some(account), _) => hasher.hash_one((pass.tenant(), account)),
            (None, Some(key)) => hasher.hash_one((pass.tenant(), key)),
            (None, None) => hasher.hash_one((pass.tenant(), who.name())),
        };
        Some(quota.take_of(most, credential, pass.vault().clock().now()))
    }

    /// Puts the intent on record. Nothing may be sent to the provider before this returned; what sends asks for
    /// [`Call::receipt`].
    ///
    /// # Errors
    /// When the entry cannot be written: then nothing is sent.
    pub async fn begin(&self, pass: Pass<CallModel>, intent: Intent<'_>) -> Result<Call, Problem> {
        let Intent { request, route, privacy } = intent;
        let prompt = privacy.tally();
        let counts = prompt.all();
        // Names are cleaned apart, so that what is found in them is not counted as the prompt's.
        let names = pass.privacy(Channel::Log);
        let model = names.text(Raw::new(request.model().to_owned()));
        let provider = names.text(Raw::new(route.provider().to_owned()));
        let draft = Draft::intent(EventKind::LlmCallIntent)
            .fact("model", &model)
            .fact("provider", &provider)
            .fact("streaming", request.stream())
            .fact("messages", request.message_count() as u64)
            .fact("tools", request.tool_count() as u64)
            .fact("redactions", &counts)
            .fact("redacted", counts.redacted_total())
            .fact("findings", &prompt);
        let deep = privacy.deeply();
        let receipt = pass.record(with_deep(draft, deep)).await?;
        let begun = pass.vault().clock().now();
        let open = Open { pass, privacy, model, provider, prompt, deep, begun, route: route.clone() };
        Ok(Call { open: Some(Box::new(open)), receipt, tasks: self.tasks.clone() })
    }

    /// Resolves when every outcome begun so far is on record. For a server that stops, after its connections closed.
    pub async fn settled(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}

/// A call between its intent and its outcome.
///
/// Dropped without [`Call::end`], it is recorded as cancelled.
#[must_use = "a call that is dropped is recorded as cancelled"]
pub struct Call {
    open: Option<Box<Open>>,
    receipt: Receipt,
    tasks: TaskTracker,
}

struct Open {
    pass: Pass<CallModel>,
    privacy: Privacy,
    model: Clean<String>,
    provider: Clean<String>,
    prompt: Tally,
    /// What a second reader did with the prompt.
    deep: Option<Deeply>,
    begun: Timestamp,
    route: Route,
}

impl Call {
    /// Proof that the intent is on record.
    pub const fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// What was found so far, in the prompt and in as much of the answer as has been read.
    pub fn counts(&self) -> Counts {
        self.open.as_ref().map(|open| open.privacy.counts()).unwrap_or_default()
    }

    /// Puts the outcome on record. The client's last byte waits for this.
    ///
    /// # Errors
    /// When the entry cannot be written; the answer must not be passed off as complete then.
    pub async fn end(mut self, ended: Ended) -> Result<Receipt, Problem> {
        let Some(open) = self.open.take() else { return Err(Problem::internal()) };
        let intent = self.receipt.entry();
        // In a task of its own: a client that goes away now takes the waiting with it, not the writing.
        let written = self.tasks.spawn(open.write(intent, ended));
        written.await.unwrap_or_else(|_| Err(Problem::internal()))
    }

    /// Records that the client went away, with what is known of the answer until then. Does not wait.
    pub fn cancel(mut self, usage: Option<Usage>, upstream_status: Option<u16>) {
        self.write_cancelled(Ended { usage, upstream_status, ..Ended::with(Status::Cancelled) });
    }

    fn write_cancelled(&mut self, ended: Ended) {
        let Some(open) = self.open.take() else { return };
        let intent = self.receipt.entry();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            tracing::error!(%intent, "a call ended outside the runtime; its outcome is not on record");
            return;
        };
        // The failure is logged where it happened, and nobody is left to be told.
        let write = async move { drop(open.write(intent, ended).await) };
        self.tasks.spawn_on(write, &runtime);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.write_cancelled(Ended::with(Status::Cancelled));
    }
}

impl Open {
    async fn write(self: Box<Self>, intent: EntryId, ended: Ended) -> Result<Receipt, Problem> {
        let findings = self.privacy.tally().since(&self.prompt);
        let (prompt, completion) = (self.prompt.all(), findings.all());
        let lasted = self.pass.vault().clock().now().since(self.begun);
        let draft = match ended.status {
            Status::Ok => Draft::done(EventKind::LlmCallOutcome),
            Status::Refused | Status::Withheld => Draft::refused(EventKind::LlmCallOutcome),
            _ => Draft::failed(EventKind::LlmCallOutcome),
        };
        let draft = draft
            .subject("entry", intent)
            .fact("intent", intent)
            .fact("model", &self.model)
            .fact("provider", &self.provider)
            .fact("status", ended.status.name())
            .fact("duration_ms", u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX))
            .fact("redactions_prompt", &prompt)
            .fact("redactions_completion", &completion)
            .fact("redacted", prompt.redacted_total().saturating_add(completion.redacted_total()))
            .fact("findings", &findings)
            .fact("upstream_status", ended.upstream_status)
            .fact("error", ended.error);
        let draft = self.privacy.say_withheld(draft.fact("restored", self.privacy.restored()));
        let deep = self.deep.zip(self.privacy.deeply()).map(|(then, now)| now.since(then));
        let draft = with_deep(draft, deep);
        crate::pii::keep_answer(&self.pass, &self.privacy).await;
        self.pass.seal(with_usage(draft, &self.route, ended.usage.as_ref())).await
    }
}

/// The tokens and what they cost. Unknown is said, never guessed: no tokens are not zero tokens.
fn with_usage(draft: Draft, route: &Route, usage: Option<&Usage>) -> Draft {
    let draft = match usage {
        None => draft.fact("tokens_known", false),
        Some(usage) => draft
            .fact("tokens_known", true)
            .fact("input_tokens", usage.input_tokens)
            .fact("cached_input_tokens", usage.cached_input_tokens)
            .fact("output_tokens", usage.output_tokens)
            .fact("reasoning_tokens", usage.reasoning_tokens),
    };
    match usage.and_then(|usage| route.cost(usage)) {
        Some(cost) => draft.fact("cost_usd", cost),
        None => draft.fact("cost_usd", "unknown"),
    }
}
