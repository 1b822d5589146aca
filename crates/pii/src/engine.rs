//! The one pass over the symbols that whole texts and streams share.
//!
//! The pass stands at a place, asks the rules that can start there, and moves on: behind the finding, to the next
//! joint of the run, or behind the run. It never moves past a place whose rules are `Pending`, so what lies before it is decided.
//! A rule looks at most a fixed number of symbols either way, so the work is linear in the text.

use std::sync::Arc;

use crate::ascii::{self, ALPHA_ANY, DIGIT, JOINT, LOWER, OPENER, RUN, SPACE, UPPER};
use crate::lists::Lists;
use crate::policy::Policy;
use crate::resolve::Resolver;
use crate::rules::assignment::{self, Promise};
use crate::rules::names::Endings;
use crate::rules::{self, Rules, Run};
use crate::tagger::Doubt;
use crate::window::{Best, CANDIDATE_SYMBOLS_MAX, Hit, Look, Pending, Tail, Window};

/// The longest local part of an address, RFC 5321 section 4.5.3.1.1. The end of a longer run is kept this long, for it
/// may still become one.
pub(crate) const LOCAL_PART_SYMBOLS_MAX: usize = 64;
/// How far a run is followed in one look; no limit on its length.
const RUN_LOOK_SYMBOLS: usize = LOCAL_PART_SYMBOLS_MAX + 1;
/// A run without digits this long may still be a key.
const KEY_RUN_SYMBOLS_MIN: usize = 16;
/// A key block without an end is given up after this much.
pub(crate) const PEM_SYMBOLS_MAX: usize = 64 * 1024;
/// `-----END ` and the longest label and closing dashes.
const PEM_END_SYMBOLS_MAX: usize = 64;

/// What the pass tells the one who drives it. Places are in symbols.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// A finding from start to end.
    Found(Hit),
    /// A finding that is longer than is held starts; its parts follow.
    Begin(Hit),
    /// The next part of it, from start to end.
    Part(usize, usize),
    /// It ended.
    Finish,
    /// The text already holds something that reads like one of our tokens.
    TokenSeen(usize, usize),
    /// What is from start to end reads like something that a list says is no finding.
    Allowed(usize, usize),
}

struct Swallow {
    tail: Tail,
    /// Symbols swallowed so far.
    symbols: usize,
}

/// Where the pass stands.
pub(crate) struct Engine {
    rules: Arc<Rules>,
    lists: Arc<Lists>,
    /// Everything before is decided.
    pub(crate) place: usize,
    /// A long run is known to go on at least to here. Saves looking again; never changes an answer.
    run_to: usize,
    /// Between the place and here a long run is known to have only small letters, capitals and joints. Saves looking again.
    plain_to: usize,
    /// A value that was announced by something before it, such as a password by its name.
    ahead: Option<Promise>,
    swallow: Option<Swallow>,
    /// Up to here a finding was flagged only: look for what must be redacted inside it, and count nothing twice.
    flagged_to: usize,
    /// The tagger, and who has a place that both claim.
    resolver: Resolver,
    /// Rule calls so far: what a test of linear work counts.
    #[cfg(test)]
    pub(crate) work: usize,
}

impl Engine {
    pub(crate) fn new(rules: Arc<Rules>, lists: Arc<Lists>) -> Self {
        Self {
            rules,
            lists,
            place: 0,
            run_to: 0,
            plain_to: 0,
            ahead: None,
            swallow: None,
            flagged_to: 0,
            resolver: Resolver::default(),
            #[cfg(test)]
            work: 0,
        }
    }

    /// Before a whole text: keeps which words may belong to a name or an address by the tagger.
    pub(crate) fn keep_doubts(&mut self) {
        self.resolver.keep_doubts();
    }

    /// The words that may, in order.
    pub(crate) fn doubts(&self) -> &[Doubt] {
        self.resolver.doubts()
    }

    /// Whether a long finding is being swallowed.
    pub(crate) fn in_swallow(&self) -> bool {
        self.swallow.is_some()
    }

    /// Everything before is decided, by the rules and by the tagger.
    pub(crate) fn decided(&self) -> usize {
        self.resolver.decided(self.place)
    }

    /// Forgets the first `n` symbols.
    pub(crate) fn drop_front(&mut self, n: usize) {
        self.resolver.drop_front(n);
        self.place -= n;
        self.run_to = self.run_to.saturating_sub(n);
        self.plain_to = self.plain_to.saturating_sub(n);
        self.flagged_to = self.flagged_to.saturating_sub(n);
        if let Some(promise) = &mut self.ahead {
            promise.drop_front(n);
        }
    }

    /// Goes as far as the window allows; at the last window, to the end.
    pub(crate) fn run(&mut self, window: Window<'_>, policy: &Policy, on: &mut impl FnMut(Event)) {
        let lists = Arc::clone(&self.lists);
        self.resolver.advance(window, policy, &lists);
        // What is allowed keeps its place, so that nothing else is found in it, and is told as no finding.
        let on = &mut |event: Event| match event {
            Event::Found(hit) if lists.allows(&hit, window.symbols) => on(Event::Allowed(hit.start, hit.end)),
            event => on(event),
        };
        let limit = self.resolver.limit().min(window.symbols.len());
        while self.place < limit {
            if self.ahead.is_none() && self.swallow.is_none() && !ascii::is(window.before(self.place), RUN) {
                self.place = skip_words(&self.rules.endings, window.symbols, self.place);
                if self.place >= limit {
                    break;
                }
            }
            if self.step(window, policy, on).is_err() {
                break;
            }
        }
        if window.last && self.swallow.take().is_some() {
            on(Event::Finish);
        }
        let done = if window.last { usize::MAX } else { self.place };
        self.resolver.flush(window, policy, done, on);
    }

    fn step(&mut self, window: Window<'_>, policy: &Policy, on: &mut impl FnMut(Event)) -> Look<()> {
        if self.swallow.is_some() {
            return self.swallow_on(window, on);
        }
        if let Some(promise) = self.ahead
            && self.place >= promise.start
        {
            let redeemed = self.redeem(window, &promise, policy)?;
            self.ahead = None;
            if let Some(hit) = redeemed {
                self.commit(hit, window, policy, on);
                return Ok(());
            }
        }
        let at = self.place;
        let symbol = window.symbols[at];
        let kind = ascii::kind(symbol);
        if kind & (RUN | OPENER) == 0 {
            self.place += 1;
            return Ok(());
        }
        if symbol == b'<'
            && let Some(end) = rules::token::lookalike(window, at)?
        {
            self.resolver.take(window, policy, (at, end), on);
            on(Event::TokenSeen(at, end));
            self.place = end;
            return Ok(());
        }
        if kind & OPENER != 0 {
            return self.try_here(window, policy, Run::opener(at), on).map(|()| {
                if self.place == at {
                    self.place = at + 1;
                }
            });
        }
        self.step_run(window, policy, on)
    }

    /// One step inside a run of letters, digits and joints.
    fn step_run(&mut self, window: Window<'_>, policy: &Policy, on: &mut impl FnMut(Event)) -> Look<()> {
        let at = self.place;
        let fresh = !ascii::is(window.before(at), RUN);
        let (end, kinds, whole) = self.follow(window, at)?;
        let after = if whole { window.at(end)? } else { 0 };
        let run = Run { start: at, end, kinds, after };
        let busy = after == b'@'
            || kinds & (DIGIT | ALPHA_ANY) != 0
            || end - at >= KEY_RUN_SYMBOLS_MIN
            || rules::may_start_without_digit(window, &run);
        if busy {
            self.try_here(window, policy, run, on)?;
            if self.place != at {
                return Ok(());
            }
        }
        if self.ahead.is_none() && fresh && whole {
            self.ahead = rules::announced(window, &run)?;
        }
        if !busy {
            self.place = end;
            return Ok(());
        }
        self.place = next_stop(window, at, end, after == b'@' || !whole);
        Ok(())
    }

    /// The finding that was announced, or what is left of it behind a finding that reached into it.
    fn redeem(&mut self, window: Window<'_>, promise: &Promise, policy: &Policy) -> Look<Option<Hit>> {
        if self.place > promise.start + CANDIDATE_SYMBOLS_MAX {
            return Ok(None);
        }
        let Some(hit) = assignment::redeem(window, promise)? else { return Ok(None) };
        let mut best = Best::new(policy, self.place < self.flagged_to);
        best.offer(hit);
        let left = |hit: &Hit| hit.end > self.place || hit.tail.holds(window.symbols[self.place]);
        Ok(best.take().filter(left).map(|hit| Hit {
            start: self.place.max(hit.start),
            end: hit.end.max(self.place),
            ..hit
        }))
    }

    /// How far the run goes on, what is in it, and whether that is its end.
    ///
    /// Of a long run only as much is looked at as is there: it needs no answer about its end until that comes near.
    fn follow(&mut self, window: Window<'_>, at: usize) -> Look<(usize, u8, bool)> {
        let mut kinds = 0;
        let limit = at + RUN_LOOK_SYMBOLS;
        let unread = self.plain_to.clamp(at, limit);
        let known = if limit <= self.run_to { window.symbols.get(unread..limit) } else { None };
        if let Some(known) = known {
            // All of the run, as was seen before; of what is plain nobody asks which letters and joints it has.
            kinds = known.iter().fold(0, |kinds, symbol| kinds | ascii::kind(*symbol));
            if kinds & (DIGIT | ALPHA_ANY) == 0 {
                self.plain_to = limit;
            }
        } else {
            for k in at..limit {
                let kind = ascii::kind(window.at(k)?);
                if kind & RUN == 0 {
                    return Ok((k, kinds, true));
                }
                kinds |= kind;
            }
        }
        let mut end = self.run_to.max(limit);
        while end < window.symbols.len() && ascii::is(window.symbols[end], RUN) {
            end += 1;
        }
        self.run_to = end;
        Ok((end, kinds, false))
    }

    fn try_here(
        &mut self,
        window: Window<'_>,
        policy: &Policy,
        run: Run,
        on: &mut impl FnMut(Event),
    ) -> Look<()> {
        #[cfg(test)]
        {
            self.work += 1;
        }
        let mut best = Best::new(policy, run.start < self.flagged_to);
        rules::offer_all(&self.rules, window, &run, &mut best)?;
        if let Some(hit) = best.take() {
            self.commit(hit, window, policy, on);
        }
        Ok(())
    }

    fn commit(&mut self, hit: Hit, window: Window<'_>, policy: &Policy, on: &mut impl FnMut(Event)) {
        if !self.resolver.admits(window, policy, &hit, on) {
            return;
        }
        if !policy.mode(hit.class).replaces() {
            on(Event::Found(hit));
            self.flagged_to = self.flagged_to.max(hit.end);
            // The flagged text is looked through from its second symbol on; nothing else can start at the first.
            self.place = hit.start + 1;
            return;
        }
        if hit.tail == Tail::Closed {
            on(Event::Found(hit));
        } else {
            on(Event::Begin(hit));
            on(Event::Part(hit.start, hit.end));
            self.swallow = Some(Swallow { tail: hit.tail, symbols: hit.end - hit.start });
        }
        self.place = hit.end;
    }

    fn swallow_on(&mut self, window: Window<'_>, on: &mut impl FnMut(Event)) -> Look<()> {
        let Some(swallow) = &mut self.swallow else { return Ok(()) };
        let at = self.place;
        let mut end = at;
        let mut done = false;
        while end < window.symbols.len() {
            let symbol = window.symbols[end];
            if swallow.tail == Tail::Pem {
                if symbol == b'-' {
                    match pem_end(window, end) {
                        Ok(Some(stop)) => {
                            end = stop;
                            done = true;
                            break;
                        }
                        Ok(None) => {}
                        Err(Pending) => break,
                    }
                }
                if swallow.symbols + (end - at) >= PEM_SYMBOLS_MAX {
                    done = true;
                    break;
                }
            } else if !swallow.tail.holds(symbol) {
                done = true;
                break;
            }
            end += 1;
        }
        swallow.symbols += end - at;
        if end > at {
            self.resolver.extend(end);
            on(Event::Part(at, end));
            self.place = end;
        }
        if done {
            self.swallow = None;
            on(Event::Finish);
        }
        if done || end > at { Ok(()) } else { Err(Pending) }
    }
}

/// Skips words of prose, from a place outside runs: words of letters only, short, that name no secret and have nothing
/// behind them that could make them one. A saving: the rules would find nothing in them.
fn skip_words(endings: &Endings, symbols: &[u8], mut at: usize) -> usize {
    loop {
        while at < symbols.len() && !ascii::is(symbols[at], RUN | OPENER) {
            at += 1;
        }
        let start = at;
        while at < symbols.len() && ascii::is(symbols[at], UPPER | LOWER) {
            at += 1;
        }
        let word = &symbols[start..at];
        let [after, next] = match symbols.get(at..at + 2) {
            Some([after, next]) => [*after, *next],
            // What is behind has not arrived.
            _ => return start,
        };
        // `word.` and `word'` at an end are words.
        let ends = match ascii::kind(after) {
            kind if kind & JOINT != 0 => ascii::is(next, SPACE),
            kind => kind & (RUN | OPENER) == 0 && after != b'@',
        };
        if !ends
            || word.len() < 3 && word != b"a"
            || word.len() >= KEY_RUN_SYMBOLS_MIN
            || endings.may_end(word)
        {
            let plain_pair =
                matches!(word, [a, b] if a.is_ascii_lowercase() && b.is_ascii_lowercase() && word != b"pw");
            if !(ends && plain_pair) {
                return start;
            }
        }
    }
}

/// The end of the `-----END …-----` that starts at `i`.
fn pem_end(window: Window<'_>, i: usize) -> Look<Option<usize>> {
    if !window.reads(i, b"-----end ")? {
        return Ok(None);
    }
    let label = i + 9;
    let dashes = window.span(label, PEM_END_SYMBOLS_MAX, |b| b.is_ascii_alphanumeric() || b == b' ')?;
    let end = window.span(dashes, 5, |b| b == b'-')?;
    Ok((end == dashes + 5).then_some(end))
}

/// The next place in a run at which something can start: behind a joint, where letters give way to a number or the
/// other way round, or as far before the end of a long run as an address may reach.
fn next_stop(window: Window<'_>, at: usize, end: usize, address: bool) -> usize {
    let near_end = end.saturating_sub(LOCAL_PART_SYMBOLS_MAX);
    let mut previous = window.symbols[at];
    for k in at + 1..end {
        let symbol = window.symbols[k];
        let joint =
            ascii::is(previous, JOINT) && ascii::is(symbol, DIGIT | UPPER | LOWER | ALPHA_ANY | JOINT);
        if joint || (address && k == near_end) {
            return k;
        }
        previous = symbol;
    }
    end
}
