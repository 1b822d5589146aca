//! The second reader, for organizations whose rules ask for it: slow, so off the threads that serve everybody, and bounded.
//!
//! It reads what comes whole: prompts, arguments and results of tools, answers that do not stream, texts that are scanned or
//! redacted. Streams and the names and words of the house are not read twice.

use std::sync::{Arc, Mutex};

use kernel::{Gate, Problem, ProblemKind};
use pii::{Reader, Second};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::{Privacy, lock};

/// The most sentences that the second reader is asked about for one request, over all of its texts. It bounds how long a
/// request can take; what lies beyond has the tagger's word alone, and is counted.
const DEEP_SENTENCES_PER_REQUEST_MAX: usize = 128;

/// A second reader for one request, and what it did so far.
pub(super) struct Deep {
    reader: Arc<dyn Reader>,
    done: Mutex<Done>,
}

/// Sentences.
#[derive(Clone, Copy, Default)]
struct Done {
    read: usize,
    unread: usize,
}

/// What a second reader did for a request, in sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deeply {
    /// Those it read.
    pub read: u64,
    /// Those it should have read and did not, because they were too many: the tagger's word stands for them alone.
    pub unread: u64,
}

impl Deeply {
    /// What was done since then.
    #[must_use]
    pub const fn since(self, then: Self) -> Self {
        Self { read: self.read.saturating_sub(then.read), unread: self.unread.saturating_sub(then.unread) }
    }
}

impl Deep {
    /// Lets it take part in the look at a text.
    pub(super) fn ask<T>(&self, look: impl FnOnce(&mut Second<'_>) -> T) -> T {
        let left = DEEP_SENTENCES_PER_REQUEST_MAX.saturating_sub(lock(&self.done).read);
        let mut second = Second::new(&*self.reader, left);
        let looked = look(&mut second);
        let mut done = lock(&self.done);
        done.read += second.read();
        done.unread += second.unread();
        looked
    }
}

impl Privacy {
    /// The same with the second reader, where the rules ask for it.
    ///
    /// # Errors
    /// When they do and this server has none: what was promised would not be done.
    pub fn deep(mut self) -> Result<Self, Problem> {
        let rules = &self.shared.rules;
        if !rules.book().deep() {
            return Ok(self);
        }
        let Some(reader) = rules.reader.clone() else {
            let detail = "The rules ask for deep reading, and this server has no model for it. The operator fetches it with \
                          `portcullis pii fetch-model` and starts the server again; or the rules say deep: false.";
            return Err(Problem::at(Gate::Privacy, ProblemKind::Unavailable, detail));
        };
        // Nobody else has it yet: it is asked for before anything is looked at.
        let shared = Arc::get_mut(&mut self.shared).ok_or_else(Problem::internal)?;
        shared.deep = Some(Arc::new(Deep { reader, done: Mutex::default() }));
        Ok(self)
    }

    /// What the second reader did so far; `None` where the rules ask for none.
    pub fn deeply(&self) -> Option<Deeply> {
        let done = *lock(&self.shared.deep.as_ref()?.done);
        Some(Deeply { read: done.read as u64, unread: done.unread as u64 })
    }

    /// Does what may take a while, with a second reader, off the threads that serve other requests.
    pub(super) fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        let many = || Handle::try_current().is_ok_and(|on| on.runtime_flavor() == RuntimeFlavor::MultiThread);
        if self.shared.deep.is_some() && many() { tokio::task::block_in_place(work) } else { work() }
    }
}
