//! Gate four: raw words stay at the door. What came from outside is [`Raw`]; only this module makes it [`Clean`], and
//! only clean words reach a provider, the store or the log.

mod conversation;
mod deep;
mod stream;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use kernel::{Problem, Rng};
use llm::chat::{ChatRequest, ChatResponse, RequestError};
use llm::json::{Document, JsonError, Limits, Splice, Value};
use llm::sse::TapOptions;
use llm::usage::Usage;
use llm::walk::{self, Body};
use pii::{Channel, Counts, Match, Rulebook, Scanner, Side, Tally, Tokens};

pub use conversation::{Conversation, KeptToken};
pub use deep::Deeply;
pub use stream::CleanStream;

use crate::audit::Draft;
use crate::bounds::{Held, ToolWatch};
use crate::constraint::Raising;
use conversation::Keeping;
use deep::Deep;
pub(crate) use deep::SharedReader;

/// Words from outside, not yet looked at. Cannot be shown, serialized, compared or sent anywhere.
pub struct Raw<T>(T);

impl<T> Raw<T> {
    /// Marks what came from outside.
    pub fn new(value: T) -> Self {
        Self(value)
    }
}

/// Words that passed gate four under the tenant's policy.
#[derive(Clone, PartialEq, Eq)]
pub struct Clean<T>(T);

impl<T> Clean<T> {
    /// The words.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The words, owned.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl Raw<Bytes> {
    /// Reads what a chat request asks for: model, stream, number of messages. Its texts stay raw.
    pub fn chat(&self, limits: Limits) -> Result<RawChat<'_>, RequestError> {
        ChatRequest::parse(&self.0, limits).map(RawChat)
    }

    /// Reads the usage of a complete chat response. Its texts stay raw.
    pub fn chat_response(&self, limits: Limits) -> Result<RawAnswer<'_>, JsonError> {
        ChatResponse::parse(&self.0, limits).map(RawAnswer)
    }
}

/// A chat request that gate four has not looked at: what routes and counts it, and no way to what is said in it. Only
/// [`Privacy::chat_request`] opens the document.
pub struct RawChat<'a>(ChatRequest<'a>);

impl<'a> RawChat<'a> {
    /// The request, for the gates alone.
    pub(crate) const fn request(&self) -> &ChatRequest<'a> {
        &self.0
    }

    /// The model asked for, to find where it goes. It comes from outside like the rest: not for entries or answers.
    pub fn model(&self) -> &str {
        &self.0.model
    }

    /// Whether the answer is to be streamed.
    pub fn stream(&self) -> bool {
        self.0.stream
    }

    /// Whether the client asked for a usage chunk.
    pub fn include_usage(&self) -> bool {
        self.0.include_usage
    }

    /// How many messages.
    pub fn message_count(&self) -> usize {
        self.0.message_count
    }

    /// How many tools are offered.
    pub fn tool_count(&self) -> usize {
        self.0.tool_count
    }
}

/// A chat response that gate four has not looked at: what it cost, and no way to what it says.
pub struct RawAnswer<'a>(ChatResponse<'a>);

impl RawAnswer<'_> {
    /// The tokens used; `None` when the provider did not say.
    pub fn usage(&self) -> Option<Usage> {
        self.0.usage
    }

    /// Whether it holds choices: without them it is JSON, and still no answer.
    pub fn has_choices(&self) -> bool {
        self.0.document().root().get("choices").is_some()
    }
}

/// What a tenant's policy says, ready for use: the rules of every channel, and a scanner that knows its lists.
#[derive(Debug)]
pub struct Rules {
    book: Rulebook,
    raising: Option<Raising>,
    scanner: Scanner,
    reader: Option<SharedReader>,
}

impl Rules {
    /// What the organization says, raised by its pack in force when that does so.
    pub(crate) fn under(
        said: Rulebook,
        raising: Option<Raising>,
        scanner: &Scanner,
        reader: Option<SharedReader>,
    ) -> Result<Self, Problem> {
        let book = match &raising {
            Some(raising) => raising.under(&said)?,
            None => said,
        };
        let scanner = scanner.listing(book.lists());
        Ok(Self { book, raising, scanner, reader })
    }

    /// The rules of every channel, as they are in force.
    pub fn book(&self) -> &Rulebook {
        &self.book
    }

    /// The pack in force that raises them.
    pub fn raising(&self) -> Option<&Raising> {
        self.raising.as_ref()
    }

    /// The label of their version.
    pub fn version(&self) -> &str {
        self.book.version()
    }
}

struct Shared {
    rules: Arc<Rules>,
    tokens: Mutex<Tokens>,
    tally: Mutex<Tally>,
    /// `None` outside conversations: there `reversible` means strict.
    keeping: Option<Keeping>,
    /// The second reader, where the rules ask for one and it was asked for by [`Privacy::deep`].
    deep: Option<Arc<Deep>>,
}

impl Shared {
    /// Hands on what was just replaced, to be kept. The tokens are locked by whoever replaced it.
    fn keep(&self, channel: Channel, tokens: &mut Tokens) {
        if let Some(keeping) = &self.keeping {
            keeping.take(channel, tokens.minted());
        }
    }

    /// Puts back what the caller sent; `None` when nothing of it stands in the text.
    fn restored(&self, text: &str) -> Option<String> {
        let keeping = self.keeping.as_ref()?;
        pii::restore(text, &mut |token| keeping.value_of(token)).map(|text| text.as_str().to_owned())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves counts and tokens usable: both only ever grow.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The channel of a text of a chat request.
const fn asked(part: walk::Channel) -> Channel {
    match part {
        walk::Channel::ToolArguments => Channel::ToolArguments,
        walk::Channel::ToolResult => Channel::ToolResults,
        _ => Channel::Prompt,
    }
}

/// The channel of a text of a chat response.
const fn answered(part: walk::Channel) -> Channel {
    match part {
        walk::Channel::ToolArguments => Channel::ToolArguments,
        walk::Channel::ToolResult => Channel::ToolResults,
        _ => Channel::Completion,
    }
}

/// Why a complete answer is not handed on.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It cannot be read.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It calls a tool that was not offered, or that the organization's pack refuses.
    #[error("the answer calls a tool that is refused")]
    Tool,
    /// The second reader could not read it.
    #[error("the answer could not be read as closely as the rules ask")]
    Unread(Problem),
}

/// Gate four for one request: the tenant's policy, and the tokens that stand for the same value throughout it.
#[derive(Clone)]
pub struct Privacy {
    shared: Arc<Shared>,
    channel: Channel,
    /// What the organization's pack in force holds the call to.
    held: Option<Held>,
}

impl Privacy {
    pub(crate) fn new(rules: Arc<Rules>, channel: Channel, rng: &dyn Rng) -> Self {
        let tokens = Mutex::new(Tokens::new(rng.bytes16()));
        let shared = Shared { rules, tokens, tally: Mutex::default(), keeping: None, deep: None };
        Self { shared: Arc::new(shared), channel, held: None }
    }

    /// The same for a call that the organization's pack in force holds to something.
    #[must_use]
    pub fn holding(self, held: Option<Held>) -> Self {
        Self { held, ..self }
    }

    /// What the entry says of a tool that the answer called and that was held back.
    pub fn say_withheld(&self, draft: Draft) -> Draft {
        match self.held.as_ref().and_then(|held| held.watch.as_ref()) {
            Some(watch) => watch.say(draft),
            None => draft,
        }
    }

    /// Cleans a text, such as a name or a description, under the rules of its channel.
    pub fn text(&self, Raw(text): Raw<String>) -> Clean<String> {
        match self.aside(|| self.replace(self.channel, Side::Caller, &text)) {
            Some(clean) => Clean(clean),
            None => Clean(text),
        }
    }

    /// Cleans a chat request: every text in it, arguments and results of tools included. In the same edit it names
    /// the provider's model, makes a stream report its usage, and holds it to the tokens it may have written.
    pub fn chat_request(&self, RawChat(request): &RawChat<'_>, upstream_model: &str) -> Clean<Bytes> {
        let document = request.document();
        let mut splice = Splice::new();
        self.aside(|| {
            walk::for_each_text(document, Body::ChatRequest, &mut splice, &mut |leaf| {
                self.replace(asked(leaf.channel), Side::Caller, leaf.text)
            })
        });
        if request.model != upstream_model {
            request.set_model(&mut splice, upstream_model);
        }
        request.ask_for_usage(&mut splice);
        if let Some(tokens) = self.held.as_ref().and_then(|held| held.output_tokens) {
            request.hold_to(&mut splice, tokens);
        }
        Clean(Bytes::from(splice.apply(document.text()).into_owned()))
    }

    /// Cleans a complete chat response. When anything was replaced, `logprobs` become `null`.
    ///
    /// # Errors
    /// When it cannot be read, calls a tool that it must not, or the second reader failed.
    pub fn chat_response(&self, Raw(body): Raw<Bytes>, limits: Limits) -> Result<Clean<Bytes>, AnswerError> {
        let document = Document::parse(&body, limits)?;
        let watch = self.held.as_ref().and_then(|held| held.watch.as_ref());
        if watch.is_some_and(|watch| !watch.guard().passes_whole(&document)) {
            return Err(AnswerError::Tool);
        }
        let mut splice = Splice::new();
        let report = self.aside(|| {
            walk::for_each_text(&document, Body::ChatResponse, &mut splice, &mut |leaf| {
                let clean = self.replace(answered(leaf.channel), Side::Model, leaf.text);
                self.shared.restored(clean.as_deref().unwrap_or(leaf.text)).or(clean)
            })
        });
        self.read_as_asked().map_err(AnswerError::Unread)?;
        if report.replaced > 0 {
            // The tokens of `logprobs` spell out the text that was just replaced.
            for choice in document.root().get("choices").into_iter().flat_map(Value::items) {
                if let Some(logprobs) = choice.get("logprobs").filter(|value| !value.is_null()) {
                    splice.replace(logprobs.span(), "null");
                }
            }
        }
        let new = match splice.apply(document.text()) {
            Cow::Owned(new) => Some(new),
            Cow::Borrowed(_) => None,
        };
        Ok(Clean(new.map_or(body, Bytes::from)))
    }

    /// Cleans a chat response that streams.
    pub fn chat_stream(&self, options: TapOptions) -> CleanStream {
        let watch = self.held.as_ref().and_then(|held| held.watch.as_ref());
        CleanStream::new(Arc::clone(&self.shared), options, watch.map(ToolWatch::guard))
    }

    /// What was found and replaced so far, on all channels together.
    pub fn counts(&self) -> Counts {
        self.tally().all()
    }

    /// What was found so far, by channel.
    pub fn tally(&self) -> Tally {
        lock(&self.shared.tally).clone()
    }

    /// The policy's version, as it stands in entries.
    pub fn policy_version(&self) -> &str {
        self.shared.rules.version()
    }

    /// What is in a text, by the rules of its channel. Nothing is replaced, and nothing counted.
    pub fn look(&self, Raw(text): &Raw<String>) -> Vec<Match> {
        let Rules { book, scanner, .. } = &*self.shared.rules;
        let policy = book.on(self.channel);
        let deep = self.shared.deep.as_ref();
        let twice = self.aside(|| deep?.ask(|second| scanner.scan_twice(text, policy, second)));
        twice.unwrap_or_else(|| scanner.scan_with(text, policy))
    }

    /// What is done about a class on this channel.
    pub fn mode(&self, class: pii::Class) -> pii::Mode {
        self.shared.rules.book.on(self.channel).mode(class)
    }

    fn replace(&self, channel: Channel, side: Side, text: &str) -> Option<String> {
        let Rules { book, scanner, .. } = &*self.shared.rules;
        let mut tokens = lock(&self.shared.tokens);
        let (policy, facing) = (book.on(channel), tokens.facing(side));
        let deep = self.shared.deep.as_ref();
        let twice =
            deep.and_then(|deep| deep.ask(|second| pii::redact_twice(scanner, text, policy, facing, second)));
        let redacted = twice.unwrap_or_else(|| pii::redact(scanner, text, policy, facing));
        self.shared.keep(channel, &mut tokens);
        drop(tokens);
        lock(&self.shared.tally).add(channel, &redacted.counts);
        match redacted.text {
            Cow::Owned(new) => Some(new),
            Cow::Borrowed(_) => None,
        }
    }
}
