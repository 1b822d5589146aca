//! The tap on a streamed `chat.completions` answer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use super::fields::Fields;
use super::filter::{FilterKey, Fragment, TextFilter};
use super::outcome::{Ending, FILTERS_MAX, Finished, StreamSummary, TapError};
use super::parser::{EVENT_BYTES_MAX, Event, EventStream, lines_with_ends};
use crate::error::ApiError;
use crate::json::{Document, JsonError, JsonErrorKind, Kind, Limits, Splice, Value, push_string, string};
use crate::tools::CallGuard;
use crate::usage::Usage;
use crate::walk::{self, Body, Channel, PathTooLong};

/// Longest value of a chunk's head that is repeated in a chunk made here, in bytes.
const HEAD_BYTES_MAX: usize = 256;

/// How the tap treats the stream.
#[derive(Clone, Copy, Debug)]
pub struct TapOptions {
    /// Whether the client asked for usage itself. If not, it does not see the usage that the gateway asked for.
    pub client_wants_usage: bool,
    /// Longest event, in bytes.
    pub event_bytes_max: usize,
}

impl Default for TapOptions {
    fn default() -> Self {
        Self { client_wants_usage: false, event_bytes_max: EVENT_BYTES_MAX }
    }
}

/// Reads a provider's stream and writes the client's.
///
/// Each streamed text goes through a filter of its own, made by `make` when the text begins: those the API names, and
/// every other string under a choice's `delta`, whatever its name. Events whose
/// texts come out as they went in are forwarded as the same bytes. What a filter still holds when its choice
/// finishes is sent before the finish reason, in the event itself if it carries the same text, else in a chunk
/// made for it.
#[derive(Debug)]
pub struct ChatStreamTap<F, M> {
    events: EventStream,
    reader: Reader<F, M>,
    failed: Option<TapError>,
}

impl<F: TextFilter, M: FnMut(FilterKey) -> F> ChatStreamTap<F, M> {
    /// A tap at the start of a stream.
    pub fn new(options: TapOptions, make: M) -> Self {
        let reader = Reader {
            make,
            guard: None,
            filters: BTreeMap::new(),
            fields: Fields::default(),
            client_wants_usage: options.client_wants_usage,
            head: String::new(),
            done: false,
            summary: StreamSummary {
                usage: None,
                finish_reasons: BTreeMap::new(),
                model: None,
                event_count: 0,
                error: None,
                ending: Ending::Cut,
            },
        };
        Self { events: EventStream::new(options.event_bytes_max), reader, failed: None }
    }

    /// The same, ended where the answer calls a tool that the guard refuses: nothing of that event passes.
    #[must_use]
    pub fn guarded(mut self, guard: Option<CallGuard>) -> Self {
        self.reader.guard = guard;
        self
    }

    /// Takes bytes of the provider, appends bytes for the client to `out`.
    ///
    /// # Errors
    /// [`TapError`]: read no further and call [`Self::finish`]. Later calls return the same error.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), TapError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let reader = &mut self.reader;
        let result = self.events.push(bytes, |event| reader.event(&event, out));
        self.failed = result.err();
        result
    }

    /// Whether the provider has sent `[DONE]`: nothing after it is read.
    pub const fn is_done(&self) -> bool {
        self.reader.done
    }

    /// Ends the stream, because the provider closed it, it failed, or the client went away. Appends what the
    /// filters still hold to `out`.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Finished {
        // Some providers leave out the last blank line; only the end marker is worth reading without it.
        let unfinished = self.events.unfinished().and_then(|event| event.data);
        let done = self.reader.done || unfinished.is_some_and(|data| data.trim() == "[DONE]");
        self.reader.flush(|_| true, out);
        let mut summary = self.reader.summary;
        summary.ending = match self.failed {
            Some(error) => Ending::Failed(error),
            None if done => Ending::Done,
            None => Ending::Cut,
        };
        Finished { summary }
    }
}

#[derive(Debug)]
struct Reader<F, M> {
    make: M,
    guard: Option<CallGuard>,
    filters: BTreeMap<FilterKey, F>,
    fields: Fields,
    client_wants_usage: bool,
    /// The members before `choices` of a chunk made here, from the first chunk received.
    head: String,
    done: bool,
    summary: StreamSummary,
}

/// A streamed text found in an event.
struct Piece<'a> {
    key: FilterKey,
    span: Range<usize>,
    text: Cow<'a, str>,
    new: String,
}

impl<F: TextFilter, M: FnMut(FilterKey) -> F> Reader<F, M> {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), TapError> {
        if self.done {
            return Ok(());
        }
        // Bytes that are no text are read with U+FFFD in their place. A client that leaves them out instead would read
        // another text than the filters did, so they do not pass.
        if let Err(error) = std::str::from_utf8(event.raw) {
            let offset = error.valid_up_to();
            return Err(TapError::Event(JsonError { kind: JsonErrorKind::Utf8, offset }));
        }
        let Some(data) = event.data.as_deref().filter(|data| !data.is_empty()) else {
            out.extend_from_slice(event.raw);
            return Ok(());
        };
        if data.trim() == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        let document = Document::parse(data.as_bytes(), Limits::default()).map_err(TapError::Event)?;
        let root = document.root();
        if root.kind() != Kind::Object {
            let offset = root.span().start;
            return Err(TapError::Event(JsonError { kind: JsonErrorKind::UnexpectedByte, offset }));
        }
        self.summary.event_count += 1;
        if self.guard.as_mut().is_some_and(|guard| !guard.passes_event(&document)) {
            return Err(TapError::Tool);
        }
        let usage = self.read_usage(root);
        if event.name == "error" || root.get("error").is_some_and(|error| !error.is_null()) {
            self.flush(|_| true, out);
            let mut error = ApiError::from_upstream_event(data);
            // The provider's words may quote the conversation.
            let mut filter = (self.make)(FilterKey { choice: 0, fragment: Fragment::Whole(Channel::Other) });
            let mut message = filter.push(&error.message);
            message.push_str(&filter.finish());
            error.message = message.into();
            out.extend_from_slice(error.to_sse_event().as_bytes());
            self.summary.error.get_or_insert(error);
            return Ok(());
        }
        let choices = root.get("choices");
        let has_choices = choices.is_some_and(|choices| choices.items().next().is_some());
        let hide_usage = usage.filter(|_| !self.client_wants_usage);
        if hide_usage.is_some() && !has_choices {
            return Ok(());
        }
        self.remember_head(root);
        let mut splice = Splice::new();
        if let Some(usage) = hide_usage {
            splice.replace(usage.span(), "null");
        }
        let mut pieces = Vec::new();
        self.choices(choices, &mut pieces, &mut splice, out)?;
        let streamed = pieces.iter().map(|piece| piece.span.start).collect();
        self.whole_texts(&document, streamed, &mut splice);
        for piece in pieces.into_iter().filter(|piece| piece.new != piece.text) {
            splice.replace(piece.span, string(&piece.new));
        }
        if splice.is_empty() {
            out.extend_from_slice(event.raw);
        } else {
            write_event(event.raw, &splice.apply(data), out);
        }
        Ok(())
    }

    /// Notes the usage an event reports, and returns the value to hide if the client did not ask for it.
    fn read_usage<'d, 'a>(&mut self, root: Value<'d, 'a>) -> Option<Value<'d, 'a>> {
        let usage = root.get("usage").filter(|usage| !usage.is_null());
        let elsewhere = || root.get("x_groq")?.get("usage");
        if let Some(read) = usage.or_else(elsewhere).and_then(Usage::from_openai) {
            self.summary.usage = Some(read);
        }
        usage
    }

    fn remember_head(&mut self, root: Value<'_, '_>) {
        if !self.head.is_empty() {
            return;
        }
        for name in ["id", "object", "created", "model", "system_fingerprint"] {
            let Some(value) = root.get(name) else { continue };
            let scalar = matches!(value.kind(), Kind::String | Kind::Number);
            if scalar && value.raw().len() <= HEAD_BYTES_MAX {
                push_string(&mut self.head, name);
                self.head.push(':');
                self.head.push_str(value.raw());
                self.head.push(',');
            }
        }
        self.summary.model = root.get("model").and_then(Value::as_str).map(Cow::into_owned);
    }

    /// Every text of the event but the streamed pieces, which begin at the offsets in `streamed`, filtered as a whole.
    fn whole_texts(&mut self, document: &Document<'_>, mut streamed: Vec<usize>, splice: &mut Splice) {
        let make = &mut self.make;
        streamed.sort_unstable();
        walk::for_each_text_except(document, Body::ChatResponse, &streamed, splice, &mut |leaf| {
            let mut filter = make(FilterKey { choice: 0, fragment: Fragment::Whole(leaf.channel) });
            let mut new = filter.push(leaf.text);
            new.push_str(&filter.finish());
            (new != leaf.text).then_some(new)
        });
    }

    /// Finds the streamed pieces of all choices and runs them through their filters.
    fn choices<'a>(
        &mut self,
        choices: Option<Value<'_, 'a>>,
        pieces: &mut Vec<Piece<'a>>,
        splice: &mut Splice,
        out: &mut Vec<u8>,
    ) -> Result<(), TapError> {
        for (position, choice) in choices.into_iter().flat_map(Value::items).enumerate() {
            let index = index_of(choice, position);
            let first = pieces.len();
            collect(choice, index, pieces);
            self.collect_fields(choice, index, pieces)?;
            for piece in pieces.iter_mut().skip(first) {
                piece.new = self.filter(piece.key, &piece.text)?;
            }
            let reason = choice.get("finish_reason").and_then(Value::as_str);
            if let Some(reason) = reason {
                self.finish_choice(index, pieces, out);
                self.summary.finish_reasons.insert(index, reason.into_owned());
            }
            if pieces.iter().skip(first).any(|piece| piece.new != piece.text)
                && let Some(logprobs) = choice.get("logprobs").filter(|value| !value.is_null())
            {
                // The tokens spell out the text that was just held back or replaced.
                splice.replace(logprobs.span(), "null");
            }
        }
        Ok(())
    }

    /// The pieces of texts that [`collect`] does not know by name.
    fn collect_fields<'a>(
        &mut self,
        choice: Value<'_, 'a>,
        index: u32,
        pieces: &mut Vec<Piece<'a>>,
    ) -> Result<(), TapError> {
        let mut known: Vec<usize> = pieces.iter().map(|piece| piece.span.start).collect();
        known.sort_unstable();
        let mut failed = None;
        let walked = walk::for_each_streamed(choice, &mut |piece| {
            let span = piece.value.span();
            if known.binary_search(&span.start).is_ok() || failed.is_some() {
                return;
            }
            match self.fields.name(&piece) {
                Ok(fragment) => {
                    let key = FilterKey { choice: index, fragment };
                    pieces.push(Piece { key, span, text: piece.text, new: String::new() });
                }
                Err(error) => failed = Some(error),
            }
        });
        walked.map_err(|PathTooLong| TapError::PathTooLong)?;
        failed.map_or(Ok(()), Err)
    }

    fn filter(&mut self, key: FilterKey, text: &str) -> Result<String, TapError> {
        if text.is_empty() {
            return Ok(String::new());
        }
        if !self.filters.contains_key(&key) && self.filters.len() >= FILTERS_MAX {
            return Err(TapError::TooManyTexts);
        }
        Ok(self.filters.entry(key).or_insert_with(|| (self.make)(key)).push(text))
    }

    /// Gives out what the filters of a finishing choice hold: behind the last piece of the same text in this
    /// event, or in a chunk before it.
    fn finish_choice(&mut self, index: u32, pieces: &mut [Piece<'_>], out: &mut Vec<u8>) {
        for piece in pieces.iter_mut().rev().filter(|piece| piece.key.choice == index) {
            // Finishing removes the filter, so an earlier piece of the same text gets nothing twice.
            if let Some(mut filter) = self.filters.remove(&piece.key) {
                piece.new.push_str(&filter.finish());
            }
        }
        self.flush(|key| key.choice == index, out);
    }

    /// Ends the filters that `which` selects, and writes a chunk for each that held something.
    fn flush(&mut self, which: impl Fn(&FilterKey) -> bool, out: &mut Vec<u8>) {
        let keys: Vec<FilterKey> = self.filters.keys().filter(|key| which(key)).copied().collect();
        for key in keys {
            let Some(mut filter) = self.filters.remove(&key) else { continue };
            let held = filter.finish();
            if !held.is_empty() {
                let chunk = self.chunk(key, &held);
                out.extend_from_slice(chunk.as_bytes());
            }
        }
    }

    /// A chunk in the shape of the provider's own, holding one text, which has been filtered. What stands around it comes
    /// from the provider too and is filtered here.
    fn chunk(&mut self, key: FilterKey, text: &str) -> String {
        let (head, choice, text) = (&self.head, key.choice, string(text));
        let (open, close) = self.fields.around(key.fragment);
        let before = format!("{{{head}\"choices\":[{{\"index\":{choice},{open}");
        let data = format!("{before}{text}{close},\"finish_reason\":null}}]}}");
        let mut splice = Splice::new();
        match Document::parse(data.as_bytes(), Limits::default()) {
            Ok(document) => self.whole_texts(&document, vec![before.len()], &mut splice),
            // Made of parts of documents that were read.
            Err(_) => return String::new(),
        }
        format!("data: {}\n\n", splice.apply(&data))
    }
}

/// The `index` member, else the position: some providers leave it out.
fn index_of(value: Value<'_, '_>, position: usize) -> u32 {
    let given = value.get("index").and_then(Value::as_u64).and_then(|index| u32::try_from(index).ok());
    given.unwrap_or_else(|| u32::try_from(position).unwrap_or(u32::MAX))
}

/// The streamed pieces of one choice, where they are strings in the place the API gives them.
fn collect<'a>(choice: Value<'_, 'a>, index: u32, pieces: &mut Vec<Piece<'a>>) {
    let mut add = |fragment, value: Value<'_, 'a>| {
        if let Some(text) = value.as_str() {
            let key = FilterKey { choice: index, fragment };
            pieces.push(Piece { key, span: value.span(), text, new: String::new() });
        }
    };
    let Some(delta) = choice.get("delta") else { return };
    for (key, value) in delta.entries() {
        match key.as_str().as_deref() {
            Some("content") => add(Fragment::Content, value),
            Some("refusal") => add(Fragment::Refusal, value),
            Some("reasoning_content") => add(Fragment::ReasoningContent, value),
            Some("reasoning") => add(Fragment::Reasoning, value),
            Some("function_call") => {
                if let Some(arguments) = value.get("arguments") {
                    add(Fragment::FunctionArguments, arguments);
                }
            }
            Some("tool_calls") => {
                for (position, call) in value.items().enumerate() {
                    let tool = index_of(call, position);
                    if let Some(arguments) = call.get("function").and_then(|f| f.get("arguments")) {
                        add(Fragment::ToolArguments(tool), arguments);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Writes an event again with other data: its other lines and line ends stay as they were.
fn write_event(raw: &[u8], data: &str, out: &mut Vec<u8>) {
    let mut written = false;
    for (line, end) in lines_with_ends(raw) {
        let field = line.split(|byte| *byte == b':').next().unwrap_or_default();
        if field != b"data" {
            out.extend_from_slice(line);
            out.extend_from_slice(end);
            continue;
        }
        if written {
            continue;
        }
        for part in data.split('\n') {
            out.extend_from_slice(b"data: ");
            out.extend_from_slice(part.as_bytes());
            out.extend_from_slice(end);
        }
        written = true;
    }
}
