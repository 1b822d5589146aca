//! Settling what the rules and the tagger both lay claim to.
//!
//! The tagger's findings wait in a queue until the pass over the symbols has reached their end. A rule's finding that
//! reaches into one of them competes with it: the higher confidence has the place, and what is left of the loser on
//! either side is kept. A rule's finding whose end is not in sight always has it, and so has a token of ours.

use std::collections::VecDeque;

use crate::ascii::{self, ALNUM};
use crate::engine::Event;
use crate::lists::Lists;
use crate::policy::{Mode, Policy};
use crate::tagger::{Doubt, Tagger};
use crate::window::{Hit, Tail, Window};

/// The fewest letters and digits in what is left of a finding, for it to be kept.
const LEFT_SYMBOLS_MIN: usize = 2;

/// By how much the tagger must be surer than a rule. A rule has seen digits that add up or a sign that belongs to nothing
/// else; on development data, findings of rules were right more often than they say.
const RULE_MARGIN: f32 = 0.25;

/// The tagger and the claims that were settled.
#[derive(Default)]
pub(crate) struct Resolver {
    tagger: Option<Box<Tagger>>,
    started: bool,
    keeps_doubts: bool,
    /// The last stretch that is taken by what is replaced, and how far what is flagged reaches.
    replaced_from: usize,
    replaced_to: usize,
    flagged_to: usize,
}

impl Resolver {
    /// Lets the tagger go on; it is not needed when the policy asks for none of its classes.
    pub(crate) fn advance(&mut self, window: Window<'_>, policy: &Policy, lists: &Lists) {
        if !self.started {
            self.started = true;
            let wanted = policy.wants_tagger() || lists.denies();
            self.tagger = wanted.then(|| Box::new(Tagger::new()));
            if let Some(tagger) = self.tagger.as_mut().filter(|_| self.keeps_doubts) {
                tagger.keep_doubts();
            }
        }
        if let Some(tagger) = &mut self.tagger {
            tagger.advance(window, lists);
        }
    }

    /// Lets the tagger keep which words may belong to a name or an address.
    pub(crate) fn keep_doubts(&mut self) {
        self.keeps_doubts = true;
    }

    /// The words that may, in order.
    pub(crate) fn doubts(&self) -> &[Doubt] {
        self.tagger.as_ref().map_or(&[], |tagger| tagger.doubts())
    }

    /// Up to here the tagger has decided, and the rules may look.
    pub(crate) fn limit(&self) -> usize {
        self.tagger.as_ref().map_or(usize::MAX, |tagger| tagger.decided())
    }

    /// Everything before is decided, when the rules stand at `place`.
    pub(crate) fn decided(&self, place: usize) -> usize {
        let waiting = self.tagger.as_ref().and_then(|tagger| tagger.found.front());
        place.min(self.limit()).min(waiting.map_or(usize::MAX, |hit| hit.start))
    }

    /// Forgets the first `n` symbols.
    pub(crate) fn drop_front(&mut self, n: usize) {
        self.replaced_from = self.replaced_from.saturating_sub(n);
        self.replaced_to = self.replaced_to.saturating_sub(n);
        self.flagged_to = self.flagged_to.saturating_sub(n);
        if let Some(tagger) = &mut self.tagger {
            tagger.drop_front(n);
        }
    }

    /// The place from `start` to `end` is taken, whatever else claims it.
    pub(crate) fn take(
        &mut self,
        window: Window<'_>,
        policy: &Policy,
        (start, end): (usize, usize),
        on: &mut impl FnMut(Event),
    ) {
        self.flush(window, policy, start, on);
        self.split(window, policy, start, on);
        self.taken(Mode::Strict, (start, end));
    }

    /// What was taken last goes on to `end`.
    pub(crate) fn extend(&mut self, end: usize) {
        self.replaced_to = self.replaced_to.max(end);
    }

    /// Whether the rule's finding has its place. What of the tagger's is settled by it is told first.
    pub(crate) fn admits(
        &mut self,
        window: Window<'_>,
        policy: &Policy,
        hit: &Hit,
        on: &mut impl FnMut(Event),
    ) -> bool {
        self.flush(window, policy, hit.start, on);
        let mode = policy.mode(hit.class);
        let Some(front) = self.front().filter(|front| front.start <= hit.start) else {
            self.taken(mode, (hit.start, hit.end));
            return true;
        };
        let (front, admissible) = (*front, admits(policy, front));
        if admissible && policy.mode(front.class).replaces() == mode.replaces() {
            let open = hit.tail != Tail::Closed;
            if !open && front.confidence > hit.confidence + RULE_MARGIN {
                return false;
            }
            self.split(window, policy, hit.start, on);
        }
        // What is replaced may lie inside of what is only flagged, and is told beside it.
        self.taken(mode, (hit.start, hit.end));
        true
    }

    fn taken(&mut self, mode: Mode, (start, end): (usize, usize)) {
        if !mode.replaces() {
            self.flagged_to = self.flagged_to.max(end);
            return;
        }
        if start > self.replaced_to || self.replaced_to == 0 {
            self.replaced_from = start;
        }
        self.replaced_to = self.replaced_to.max(end);
    }

    fn queue(&mut self) -> Option<&mut VecDeque<Hit>> {
        self.tagger.as_mut().map(|tagger| &mut tagger.found)
    }

    fn front(&mut self) -> Option<&mut Hit> {
        self.queue().and_then(VecDeque::front_mut)
    }

    /// Tells the part of the waiting finding that lies before `at`; the rest waits on.
    fn split(&mut self, window: Window<'_>, policy: &Policy, at: usize, on: &mut impl FnMut(Event)) {
        let Some(front) = self.front().filter(|front| front.start < at) else { return };
        let mut part = Hit { end: at.min(front.end), ..*front };
        front.start = at;
        while part.end > part.start && !ascii::is(window.symbols[part.end - 1], ALNUM) {
            part.end -= 1;
        }
        tell(window, policy, part, on);
    }

    /// Tells the findings that end before `to`, less what was taken of them.
    pub(crate) fn flush(
        &mut self,
        window: Window<'_>,
        policy: &Policy,
        to: usize,
        on: &mut impl FnMut(Event),
    ) {
        let (replaced_from, replaced_to, flagged_to) =
            (self.replaced_from, self.replaced_to, self.flagged_to);
        let Some(queue) = self.queue() else { return };
        while let Some(front) = queue.front_mut() {
            let strict = policy.mode(front.class).replaces();
            let taken_to = if strict {
                replaced_to
            } else if front.start < replaced_from && front.end > replaced_from {
                // A flagged finding stays whole around what was replaced inside it.
                flagged_to
            } else {
                replaced_to.max(flagged_to)
            };
            let mut start = front.start.max(taken_to);
            while start > front.start && start < front.end && !ascii::is(window.symbols[start], ALNUM) {
                start += 1;
            }
            front.start = start.min(front.end);
            if front.end > to {
                return;
            }
            let hit = *front;
            queue.pop_front();
            tell(window, policy, hit, on);
        }
    }
}

/// Whether the policy asks for it, sure as it is.
pub(crate) fn admits(policy: &Policy, hit: &Hit) -> bool {
    policy.mode(hit.class) != Mode::Off && hit.confidence >= policy.threshold(hit.class)
}

/// Whether there is enough in what is left of a finding for it to be one.
pub(crate) fn has_letters(symbols: &[u8]) -> bool {
    symbols.iter().filter(|b| ascii::is(**b, ALNUM)).count() >= LEFT_SYMBOLS_MIN
}

fn tell(window: Window<'_>, policy: &Policy, hit: Hit, on: &mut impl FnMut(Event)) {
    if has_letters(&window.symbols[hit.start..hit.end]) && admits(policy, &hit) {
        on(Event::Found(hit));
    }
}
