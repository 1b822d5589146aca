//! Gate four: raw words stay at the door. What came from outside is [`Raw`]; only this module makes it [`Clean`], and
//! only clean words reach a provider, the store or the log.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use kernel::Rng;
use llm::chat::{ChatRequest, ChatResponse, RequestError};
use llm::json::{Document, JsonError, Limits, Splice, Value};
use llm::sse::{ChatStreamTap, FilterKey, Finished, JsonFragmentFilter, TapError, TapOptions, TextFilter};
use llm::usage::Usage;
use llm::walk::{self, Body};
use pii::{Counts, Policy, Scanner, StreamState, Tokens};

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

impl RawChat<'_> {
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

struct Shared {
    scanner: Scanner,
    policy: Arc<Policy>,
    tokens: Mutex<Tokens>,
    counts: Mutex<Counts>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves counts and tokens usable: both only ever grow.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gate four for one request: the tenant's policy, and the tokens that stand for the same value throughout it.
#[derive(Clone)]
pub struct Privacy(Arc<Shared>);

impl Privacy {
    pub(crate) fn new(scanner: Scanner, policy: Arc<Policy>, rng: &dyn Rng) -> Self {
        let tokens = Mutex::new(Tokens::new(rng.bytes16()));
        Self(Arc::new(Shared { scanner, policy, tokens, counts: Mutex::default() }))
    }

    /// Cleans a text, such as a name or a description.
    pub fn text(&self, Raw(text): Raw<String>) -> Clean<String> {
        match self.replace(&text) {
            Some(clean) => Clean(clean),
            None => Clean(text),
        }
    }

    /// Cleans a chat request: every text in it, arguments and results of tools included. In the same edit it names
    /// the provider's model and makes a stream report its usage.
    pub fn chat_request(&self, RawChat(request): &RawChat<'_>, upstream_model: &str) -> Clean<Bytes> {
        let document = request.document();
        let mut splice = Splice::new();
        walk::for_each_text(document, Body::ChatRequest, &mut splice, &mut |leaf| self.replace(leaf.text));
        if request.model != upstream_model {
            request.set_model(&mut splice, upstream_model);
        }
        request.ask_for_usage(&mut splice);
        Clean(Bytes::from(splice.apply(document.text()).into_owned()))
    }

    /// Cleans a complete chat response. When anything was replaced, `logprobs` become `null`.
    pub fn chat_response(&self, Raw(body): Raw<Bytes>, limits: Limits) -> Result<Clean<Bytes>, JsonError> {
        let document = Document::parse(&body, limits)?;
        let mut splice = Splice::new();
        let report = walk::for_each_text(&document, Body::ChatResponse, &mut splice, &mut |leaf| {
            self.replace(leaf.text)
        });
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
        let shared = Arc::clone(&self.0);
        let make: MakeFilter = Box::new(move |key| make_filter(&shared, key));
        CleanStream { tap: ChatStreamTap::new(options, make) }
    }

    /// What was found and replaced so far.
    pub fn counts(&self) -> Counts {
        *lock(&self.0.counts)
    }

    /// The policy's version, as it stands in entries.
    pub fn policy_version(&self) -> &str {
        self.0.policy.version()
    }

    fn replace(&self, text: &str) -> Option<String> {
        let redacted = pii::redact(&self.0.scanner, text, &self.0.policy, &mut lock(&self.0.tokens));
        lock(&self.0.counts).merge(&redacted.counts);
        match redacted.text {
            Cow::Owned(new) => Some(new),
            Cow::Borrowed(_) => None,
        }
    }
}

type Filter = Box<dyn TextFilter + Send>;
type MakeFilter = Box<dyn FnMut(FilterKey) -> Filter + Send>;

fn make_filter(shared: &Arc<Shared>, key: FilterKey) -> Filter {
    if key.is_json() {
        let shared = Arc::clone(shared);
        Box::new(JsonFragmentFilter::new(move || StreamFilter::new(&shared)))
    } else {
        Box::new(StreamFilter::new(shared))
    }
}

struct StreamFilter {
    state: StreamState,
    shared: Arc<Shared>,
}

impl StreamFilter {
    fn new(shared: &Arc<Shared>) -> Self {
        Self { state: StreamState::new(&shared.scanner), shared: Arc::clone(shared) }
    }
}

impl TextFilter for StreamFilter {
    fn push(&mut self, piece: &str) -> String {
        self.state.push(piece, &self.shared.policy, &mut lock(&self.shared.tokens))
    }

    fn finish(&mut self) -> String {
        let rest = self.state.finish(&self.shared.policy, &mut lock(&self.shared.tokens));
        lock(&self.shared.counts).merge(&self.state.counts());
        rest
    }
}

/// A streamed chat answer on its way through gate four.
pub struct CleanStream {
    tap: ChatStreamTap<Filter, MakeFilter>,
}

impl CleanStream {
    /// Takes the provider's next bytes; appends to `out` what the client may see now.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), TapError> {
        self.tap.push(bytes, out)
    }

    /// Whether the provider has said that its answer is complete; nothing after that is read.
    pub fn is_done(&self) -> bool {
        self.tap.is_done()
    }

    /// Ends the stream. The last bytes are inside the result, to be sent after the outcome is on record.
    pub fn finish(self, out: &mut Vec<u8>) -> Finished {
        self.tap.finish(out)
    }
}
