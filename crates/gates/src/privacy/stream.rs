//! A streamed answer on its way through gate four.

use std::sync::Arc;

use llm::sse::{ChatStreamTap, FilterKey, Finished, JsonFragmentFilter, TapError, TapOptions, TextFilter};
use llm::tools::CallGuard;
use pii::{Channel, Restorer, Side, StreamState};

use super::{Shared, answered, lock};

type Filter = Box<dyn TextFilter + Send>;
type MakeFilter = Box<dyn FnMut(FilterKey) -> Filter + Send>;

fn make_filter(shared: &Arc<Shared>, key: FilterKey) -> Filter {
    let channel = answered(key.channel());
    if key.is_json() {
        let shared = Arc::clone(shared);
        Box::new(JsonFragmentFilter::new(move || StreamFilter::new(&shared, channel)))
    } else {
        Box::new(StreamFilter::new(shared, channel))
    }
}

struct StreamFilter {
    state: StreamState,
    restorer: Restorer,
    channel: Channel,
    shared: Arc<Shared>,
}

impl StreamFilter {
    fn new(shared: &Arc<Shared>, channel: Channel) -> Self {
        let state = StreamState::new(&shared.rules.scanner);
        Self { state, restorer: Restorer::new(), channel, shared: Arc::clone(shared) }
    }
}

impl TextFilter for StreamFilter {
    fn push(&mut self, piece: &str) -> String {
        let policy = self.shared.rules.book.on(self.channel);
        let mut tokens = lock(&self.shared.tokens);
        let clean = self.state.push(piece, policy, tokens.facing(Side::Model));
        self.shared.keep(self.channel, &mut tokens);
        drop(tokens);
        match &self.shared.keeping {
            Some(keeping) => self.restorer.push(&clean, &mut |token| keeping.value_of(token)),
            None => clean,
        }
    }

    fn finish(&mut self) -> String {
        let policy = self.shared.rules.book.on(self.channel);
        let mut tokens = lock(&self.shared.tokens);
        let rest = self.state.finish(policy, tokens.facing(Side::Model));
        self.shared.keep(self.channel, &mut tokens);
        drop(tokens);
        lock(&self.shared.tally).add(self.channel, &self.state.counts());
        let Some(keeping) = &self.shared.keeping else { return rest };
        let mut value_of = |token: &str| keeping.value_of(token);
        let mut rest = self.restorer.push(&rest, &mut value_of);
        rest.push_str(&self.restorer.finish(&mut value_of));
        rest
    }
}

/// A streamed chat answer on its way through gate four.
pub struct CleanStream {
    tap: ChatStreamTap<Filter, MakeFilter>,
}

impl CleanStream {
    pub(super) fn new(shared: Arc<Shared>, options: TapOptions, guard: Option<CallGuard>) -> Self {
        let make: MakeFilter = Box::new(move |key| make_filter(&shared, key));
        Self { tap: ChatStreamTap::new(options, make).guarded(guard) }
    }

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
