//! A second reader: asked about the sentences in which the tagger is not sure of a word, and heard only about such words.
//!
//! The reader is somebody else's, such as a model far too slow to read everything. It is given single sentences of a whole
//! text and says where it sees names and addresses. What the rules and the tagger found stays as it is, to the last
//! character; what the reader sees counts, as a whole, where the tagger thought of a word of it too, and as far as nothing
//! else has claimed it. So a reader that is wrong costs a word that needed no token, and never uncovers one.
//!
//! Streams are not read twice: a sentence would have to be held back to its end, and what is held must not depend on how
//! fast somebody answers.

use std::fmt;
use std::ops::Range;

use crate::ascii::{self, ALNUM};
use crate::class::Class;
use crate::engine::Event;
use crate::policy::{Mode, Policy};
use crate::resolve;
use crate::scanner::{Places as _, Scanner, View};
use crate::tagger::{DOUBT_MIN, Doubt};
use crate::window::{Hit, Window};

/// The longest stretch of text that is shown to a reader at once, in bytes. What is longer than that is cut between words.
pub const SENTENCE_BYTES_MAX: usize = 480;
/// Of one text the most sentences that are read twice. It bounds the time that one text can take.
pub const SENTENCES_MAX: usize = 64;
/// How far a sentence is followed back from a doubt, in bytes; the rest of [`SENTENCE_BYTES_MAX`] lies ahead.
const BACK_BYTES_MAX: usize = SENTENCE_BYTES_MAX / 2;
/// A word before a full stop that is no longer than this, in letters, may be a title or an initial: no sentence ends there.
const ABBREVIATION_CHARS_MAX: usize = 3;
/// How likely the tagger held the likeliest word of what the reader sees, and how often that was right on documents that the
/// tagger had not learned from. How sure the reader itself was said nothing besides.
const RIGHT: [(f32, f32); 4] = [(DOUBT_MIN, 0.5), (0.3, 0.65), (0.4, 0.8), (1.0, 0.8)];

/// What a reader sees in a sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// [`Class::Person`] or [`Class::Address`]; no other class is heard.
    pub class: Class,
    /// Where it is in the sentence, in bytes.
    pub range: Range<usize>,
}

/// Reads a sentence. What it answers for a sentence must depend on nothing but the sentence.
pub trait Reader: fmt::Debug + Send + Sync {
    /// How many may be reading at the same time. Whoever asks sees to it that no more do.
    fn at_once(&self) -> usize {
        1
    }

    /// What it sees, in any order; `None` when it cannot read the sentence.
    fn read(&self, sentence: &str) -> Option<Vec<Reading>>;
}

/// A reader, and how much it may still be asked: by one text, or by all texts of a request.
pub struct Second<'a> {
    reader: &'a dyn Reader,
    left: usize,
    read: usize,
    unread: usize,
    failed: usize,
}

impl<'a> Second<'a> {
    /// Asks about so many sentences at most; of each text about [`SENTENCES_MAX`].
    pub fn new(reader: &'a dyn Reader, sentences_max: usize) -> Self {
        Self { reader, left: sentences_max, read: 0, unread: 0, failed: 0 }
    }

    /// How many sentences were read.
    pub fn read(&self) -> usize {
        self.read
    }

    /// How many were not, because they were too many. The tagger's word stands for them alone.
    pub fn unread(&self) -> usize {
        self.unread
    }

    /// How many the reader could not read. The tagger's word stands for them alone.
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// The events of a text, with those for what the reader adds.
    pub(crate) fn events(
        &mut self,
        scanner: &Scanner,
        text: &str,
        view: &View<'_>,
        policy: &Policy,
    ) -> Vec<Event> {
        let window = Window { symbols: view.bytes(), last: true };
        let mut engine = scanner.start();
        engine.keep_doubts();
        let mut events = Vec::new();
        engine.run(window, policy, &mut |event| events.push(event));
        let taken = Taken::of(&events, policy);
        let counts =
            [Class::Person, Class::Address].into_iter().filter(|class| policy.mode(*class) != Mode::Off);
        let least = counts.map(|class| policy.threshold(class)).min_by(f32::total_cmp);
        // A word of which nothing would come whatever the reader says is not worth the time.
        let open = |doubt: &&Doubt| {
            least.is_some_and(|least| right(doubt.likely) >= least) && !taken.has(&doubt.place)
        };
        let doubts: Vec<&Doubt> = engine.doubts().iter().filter(open).collect();
        let heard = self.ask(text, view, &doubts);
        let allowed = |hit: &Hit| scanner.lists().allows(hit, window.symbols);
        let heard = heard.into_iter().filter(|hit| resolve::admits(policy, hit) && !allowed(hit));
        let added = heard.flat_map(|hit| taken.left(hit, policy, window.symbols));
        laid_between(events, added.filter(|hit| !allowed(hit)).collect())
    }

    /// What the reader sees in the sentences with these words, of them, joined where it overlaps, in order.
    fn ask(&mut self, text: &str, view: &View<'_>, doubts: &[&Doubt]) -> Vec<Hit> {
        let (mut heard, mut seen_to, mut asked) = (Vec::new(), 0, 0);
        for doubt in doubts {
            let at = view.raw_start(doubt.place.start);
            if at < seen_to {
                continue;
            }
            if asked == SENTENCES_MAX || self.left == 0 {
                self.unread += 1;
                seen_to = end_of(text, at, text.floor_char_boundary(at.saturating_add(SENTENCE_BYTES_MAX)));
                continue;
            }
            let sentence = around(text, at);
            seen_to = sentence.end;
            (asked, self.left) = (asked + 1, self.left - 1);
            match self.reader.read(&text[sentence.clone()]) {
                None => self.failed += 1,
                Some(readings) => {
                    self.read += 1;
                    heard.extend(readings.iter().filter_map(|one| hit(one, text, &sentence, view, doubts)));
                }
            }
        }
        joined(heard)
    }
}

/// A reading as a finding; `None` when it is of another class, of no place in the sentence, or of words about which there
/// was no doubt.
fn hit(
    reading: &Reading,
    text: &str,
    sentence: &Range<usize>,
    view: &View<'_>,
    doubts: &[&Doubt],
) -> Option<Hit> {
    let (kind, rule) = match reading.class {
        Class::Person => ("name", "deep_person"),
        Class::Address => ("address", "deep_address"),
        _ => return None,
    };
    let Range { start, end } = reading.range;
    if start >= end || text[sentence.clone()].get(start..end).is_none() {
        return None;
    }
    let place = view.symbols_of(&(sentence.start + start..sentence.start + end));
    let first = doubts.partition_point(|doubt| doubt.place.end <= place.start);
    let touched = doubts[first..].iter().take_while(|doubt| doubt.place.start < place.end);
    let likely = touched.map(|doubt| doubt.likely).max_by(f32::total_cmp)?;
    Some(Hit::new(reading.class, kind, rule, right(likely)).at(place.start, place.end))
}

/// How often it is right where the tagger held it this likely, between the points of [`RIGHT`].
fn right(likely: f32) -> f32 {
    let mut points = RIGHT.windows(2).filter_map(|pair| match pair {
        [(from, low), (to, high)] if likely <= *to => {
            Some(low + (high - low) * ((likely - from) / (to - from)).clamp(0.0, 1.0))
        }
        _ => None,
    });
    points.next().unwrap_or(RIGHT[RIGHT.len() - 1].1)
}

/// Findings of one class that overlap are one; of two classes the earlier has the place.
fn joined(mut heard: Vec<Hit>) -> Vec<Hit> {
    heard.sort_by_key(|hit| (hit.start, hit.end));
    let mut all: Vec<Hit> = Vec::with_capacity(heard.len());
    for hit in heard {
        match all.last_mut().filter(|last| hit.start < last.end) {
            Some(last) if last.class == hit.class => {
                last.end = last.end.max(hit.end);
                last.confidence = last.confidence.max(hit.confidence);
            }
            Some(last) if hit.end > last.end => {
                let start = last.end;
                all.push(Hit { start, ..hit });
            }
            Some(_) => {}
            None => all.push(hit),
        }
    }
    all
}

/// The sentence around a place, at most [`SENTENCE_BYTES_MAX`] long.
fn around(text: &str, at: usize) -> Range<usize> {
    let from = text.floor_char_boundary(at.saturating_sub(BACK_BYTES_MAX));
    let to = text.floor_char_boundary(from + SENTENCE_BYTES_MAX);
    let start = last_end(text, from, at).unwrap_or_else(|| {
        if from == 0 { 0 } else { from + text[from..at].find(char::is_whitespace).unwrap_or(0) }
    });
    let start = at - text[start..at].trim_start().len();
    start..end_of(text, at, to)
}

/// Where the sentence ends in which a place lies, between words at the latest.
fn end_of(text: &str, at: usize, to: usize) -> usize {
    let end = first_end(text, at, to).unwrap_or_else(|| {
        let cut = if to == text.len() { None } else { text[at..to].rfind(char::is_whitespace) };
        cut.filter(|cut| *cut > 0).map_or(to, |cut| at + cut)
    });
    end.max(text.ceil_char_boundary(at + 1))
}

/// Behind the last end of a sentence between two places.
fn last_end(text: &str, mut from: usize, to: usize) -> Option<usize> {
    let mut last = None;
    while let Some(end) = first_end(text, from, to) {
        from = end;
        last = Some(end);
    }
    last
}

/// Behind the first end of a sentence between two places: of a line, or behind a full stop that no short word stands before.
fn first_end(text: &str, from: usize, to: usize) -> Option<usize> {
    text[from..to].char_indices().find_map(|(i, c)| {
        let (at, end) = (from + i, from + i + c.len_utf8());
        let ends = match c {
            '\n' | '。' | '！' | '？' => true,
            '.' | '!' | '?' => {
                let word = text[..at].chars().rev().take_while(|c| c.is_alphanumeric());
                let short = || word.take(ABBREVIATION_CHARS_MAX + 1).count() <= ABBREVIATION_CHARS_MAX;
                text[end..].chars().next().is_none_or(char::is_whitespace) && (c != '.' || !short())
            }
            _ => false,
        };
        ends.then_some(end)
    })
}

/// What the rules and the tagger have claimed, in symbols and in order.
struct Taken {
    /// What is replaced, or must stay as it is.
    kept: Vec<Range<usize>>,
    /// That, and what is only flagged.
    all: Vec<Range<usize>>,
}

impl Taken {
    /// Whether any of this place is claimed.
    fn has(&self, place: &Range<usize>) -> bool {
        let first = self.all.partition_point(|range| range.end <= place.start);
        self.all.get(first).is_some_and(|range| range.start < place.end)
    }

    fn of(events: &[Event], policy: &Policy) -> Self {
        let (mut kept, mut flagged): (Vec<Range<usize>>, Vec<Range<usize>>) = (Vec::new(), Vec::new());
        for event in events {
            match event {
                Event::Found(hit) if policy.mode(hit.class).replaces() => kept.push(hit.start..hit.end),
                Event::Found(hit) => flagged.push(hit.start..hit.end),
                Event::Begin(hit) => kept.push(hit.start..hit.end),
                Event::Part(start, end) | Event::TokenSeen(start, end) | Event::Allowed(start, end) => {
                    kept.push(*start..*end);
                }
                Event::Finish => {}
            }
        }
        let all = flagged.into_iter().chain(kept.iter().cloned()).collect();
        Self { kept: united(kept), all: united(all) }
    }

    /// What of the finding nothing has claimed, without signs at its ends.
    fn left(&self, hit: Hit, policy: &Policy, symbols: &[u8]) -> Vec<Hit> {
        let taken = if policy.mode(hit.class).replaces() { &self.kept } else { &self.all };
        let first = taken.partition_point(|range| range.end <= hit.start);
        let mut left = Vec::new();
        let mut start = hit.start;
        for range in taken[first..].iter().take_while(|range| range.start < hit.end) {
            left.push(start..range.start.max(start));
            start = range.end.max(start);
        }
        left.push(start.min(hit.end)..hit.end);
        left.into_iter()
            .map(|range| trimmed(range, symbols))
            .filter(|range| resolve::has_letters(&symbols[range.clone()]))
            .map(|range| hit.at(range.start, range.end))
            .collect()
    }
}

/// In order, and joined where they touch.
fn united(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut all: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match all.last_mut().filter(|last| range.start <= last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => all.push(range),
        }
    }
    all
}

fn trimmed(mut range: Range<usize>, symbols: &[u8]) -> Range<usize> {
    while range.start < range.end && !ascii::is(symbols[range.start], ALNUM) {
        range.start += 1;
    }
    while range.start < range.end && !ascii::is(symbols[range.end - 1], ALNUM) {
        range.end -= 1;
    }
    range
}

/// The events with those for what was added, by their places. A long finding stays in one piece.
fn laid_between(events: Vec<Event>, added: Vec<Hit>) -> Vec<Event> {
    if added.is_empty() {
        return events;
    }
    let mut begun = 0;
    let mut all: Vec<(usize, Event)> = Vec::with_capacity(events.len() + added.len());
    for event in events {
        let at = match &event {
            Event::Found(hit) => hit.start,
            Event::TokenSeen(start, _) | Event::Allowed(start, _) => *start,
            Event::Begin(hit) => {
                begun = hit.start;
                begun
            }
            Event::Part(..) | Event::Finish => begun,
        };
        all.push((at, event));
    }
    all.extend(added.into_iter().map(|hit| (hit.start, Event::Found(hit))));
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, event)| event).collect()
}
