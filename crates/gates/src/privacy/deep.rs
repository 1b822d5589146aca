//! The second reader, for organizations whose rules ask for it: slow, so off the threads that serve everybody, and bounded.
//!
//! It reads what comes whole: prompts, arguments and results of tools, answers that do not stream, texts that are scanned or
//! redacted. Streams and the names and words of the house are not read twice.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kernel::{Gate, Problem, ProblemKind};
use pii::{Reader, Second};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Privacy, lock};

/// The most sentences that the second reader is asked about for one request, over all of its texts. It bounds how long a
/// request can take; what lies beyond has the tagger's word alone, and is counted.
const DEEP_SENTENCES_PER_REQUEST_MAX: usize = 128;
/// How long a request waits for its turn with the second reader before it is refused, in milliseconds.
const DEEP_WAIT_MILLIS_MAX: u64 = 10_000;
/// After how many seconds such a request may try again.
const TRY_AGAIN_SECONDS: u64 = 5;

/// The second reader of a server, and who may use it: as many at a time as it can serve. Whoever waits holds no thread.
#[derive(Clone, Debug)]
pub(crate) struct SharedReader {
    reader: Arc<dyn Reader>,
    turns: Arc<Semaphore>,
}

impl SharedReader {
    pub(crate) fn new(reader: Arc<dyn Reader>) -> Self {
        let turns = Arc::new(Semaphore::new(reader.at_once().max(1)));
        Self { reader, turns }
    }
}

/// The second reader for one request, and what it did so far.
pub(super) struct Deep {
    shared: SharedReader,
    /// As long as there is one it may be asked.
    turn: Mutex<Option<OwnedSemaphorePermit>>,
    done: Mutex<Deeply>,
}

/// What a second reader did for a request, in sentences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deeply {
    /// Those it read.
    pub read: u64,
    /// Those it should have read and did not, because they were too many: the tagger's word stands for them alone.
    pub unread: u64,
    /// Those it could not read.
    failed: u64,
}

impl Deeply {
    /// What was done since then.
    #[must_use]
    pub const fn since(self, then: Self) -> Self {
        Self {
            read: self.read.saturating_sub(then.read),
            unread: self.unread.saturating_sub(then.unread),
            failed: self.failed.saturating_sub(then.failed),
        }
    }
}

impl Deep {
    /// Lets it take part in the look at a text; `None` when it is not this request's turn.
    pub(super) fn ask<T>(&self, look: impl FnOnce(&mut Second<'_>) -> T) -> Option<T> {
        lock(&self.turn).as_ref()?;
        let then = *lock(&self.done);
        let spent = usize::try_from(then.read + then.failed).unwrap_or(usize::MAX);
        let mut second =
            Second::new(&*self.shared.reader, DEEP_SENTENCES_PER_REQUEST_MAX.saturating_sub(spent));
        let looked = look(&mut second);
        let mut done = lock(&self.done);
        done.read += second.read() as u64;
        done.unread += second.unread() as u64;
        done.failed += second.failed() as u64;
        Some(looked)
    }
}

impl Privacy {
    /// The same with the second reader, where the rules ask for it, and with a turn for the next look.
    ///
    /// # Errors
    /// When they do and this server has none, for what was promised would not be done; or too many others read.
    pub async fn deep(mut self) -> Result<Self, Problem> {
        let rules = &self.shared.rules;
        if !rules.book().deep() {
            return Ok(self);
        }
        let Some(shared) = rules.reader.clone() else {
            let detail = "The rules ask for deep reading, and this server has no model for it. The operator fetches it with \
                          `portcullis pii fetch-model` and starts the server again; or the rules say deep: false.";
            return Err(Problem::at(Gate::Privacy, ProblemKind::Unavailable, detail));
        };
        let limit = Duration::from_millis(DEEP_WAIT_MILLIS_MAX);
        let Ok(turn) = tokio::time::timeout(limit, Arc::clone(&shared.turns).acquire_owned()).await else {
            let detail = "Deep reading has more to do than it can; try again shortly.";
            let problem = Problem::at(Gate::Privacy, ProblemKind::Unavailable, detail);
            return Err(problem.retry_after(TRY_AGAIN_SECONDS));
        };
        // Nobody else has it yet: it is asked for before anything is looked at. Nobody closes the turns.
        let own = Arc::get_mut(&mut self.shared).ok_or_else(Problem::internal)?;
        own.deep = Some(Arc::new(Deep { shared, turn: Mutex::new(turn.ok()), done: Mutex::default() }));
        Ok(self)
    }

    /// Waits for another turn with the second reader, where there is one: for an answer, which is not refused for others.
    pub async fn turn(&self) {
        if let Some(deep) = &self.shared.deep {
            let turn = Arc::clone(&deep.shared.turns).acquire_owned().await;
            *lock(&deep.turn) = turn.ok();
        }
    }

    /// What the second reader did so far; `None` where the rules ask for none.
    pub fn deeply(&self) -> Option<Deeply> {
        Some(*lock(&self.shared.deep.as_ref()?.done))
    }

    /// Whether the second reader could read what it was shown.
    ///
    /// # Errors
    /// When it could not: then less was looked for than the rules ask.
    pub fn read_as_asked(&self) -> Result<(), Problem> {
        if self.deeply().is_none_or(|done| done.failed == 0) {
            return Ok(());
        }
        let detail = "Deep reading failed, and the rules ask for it.";
        Err(Problem::at(Gate::Privacy, ProblemKind::Unavailable, detail))
    }

    /// Does what may take a while, with a second reader, off the threads that serve other requests; then its turn is over.
    pub(super) fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        let Some(deep) = self.shared.deep.as_ref().filter(|deep| lock(&deep.turn).is_some()) else {
            return work();
        };
        let many = Handle::try_current().is_ok_and(|on| on.runtime_flavor() == RuntimeFlavor::MultiThread);
        let worked = if many { tokio::task::block_in_place(work) } else { work() };
        drop(lock(&deep.turn).take());
        worked
    }
}
