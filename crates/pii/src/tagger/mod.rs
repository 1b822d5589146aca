//! The tagger: a linear model over hashed features that reads names of people, postal addresses and what is said of
//! health, bodies and childhood in free text.
//!
//! It goes from left to right, one word at a time, and decides on each by the words around it and by what it decided
//! before; two words ahead are all it waits for. So its answers do not depend on how the text arrives, each word costs
//! the same, and most words of prose cost almost nothing: nothing can begin at them.

pub(crate) mod features;
pub(crate) mod lexicon;
pub(crate) mod model;
#[cfg(feature = "training")]
pub mod training;
pub(crate) mod words;

use std::collections::VecDeque;
use std::ops::Range;

use crate::class::Class;
use crate::lists::Lists;
use crate::tagger::features::{AROUND, Context};
use crate::tagger::lexicon::Flags;
use crate::tagger::model::Model;
use crate::tagger::words::{Kind, Word};
use crate::window::{CANDIDATE_SYMBOLS_MAX, Hit, Window};

/// How many tags there are.
pub(crate) const TAGS: usize = 12;

/// What a word may be: outside of everything, part of a thing with a name that is no person's, the first word of a
/// finding, or a further one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Tag {
    #[default]
    O,
    Other,
    BeginPerson,
    InPerson,
    BeginAddress,
    InAddress,
    BeginHealth,
    InHealth,
    BeginMinor,
    InMinor,
    BeginBiometric,
    InBiometric,
}

impl Tag {
    pub(crate) const ALL: [Self; TAGS] = [
        Self::O,
        Self::Other,
        Self::BeginPerson,
        Self::InPerson,
        Self::BeginAddress,
        Self::InAddress,
        Self::BeginHealth,
        Self::InHealth,
        Self::BeginMinor,
        Self::InMinor,
        Self::BeginBiometric,
        Self::InBiometric,
    ];

    /// The class of the finding the word belongs to.
    #[inline]
    pub(crate) fn class(self) -> Option<Class> {
        Some(match self {
            Self::O | Self::Other => return None,
            Self::BeginPerson | Self::InPerson => Class::Person,
            Self::BeginAddress | Self::InAddress => Class::Address,
            Self::BeginHealth | Self::InHealth => Class::Health,
            Self::BeginMinor | Self::InMinor => Class::Minor,
            Self::BeginBiometric | Self::InBiometric => Class::Biometric,
        })
    }

    /// Whether it goes on with a finding.
    #[inline]
    pub(crate) fn goes_on(self) -> bool {
        matches!(self, Self::InPerson | Self::InAddress | Self::InHealth | Self::InMinor | Self::InBiometric)
    }

    /// Whether it may stand behind `before`.
    #[cfg(any(test, feature = "training"))]
    #[inline]
    pub(crate) fn may_follow(self, before: Self) -> bool {
        !self.goes_on() || self.class() == before.class()
    }
}

/// The tags of what a second reader knows too.
const READ_TWICE: [Tag; 4] = [Tag::BeginPerson, Tag::InPerson, Tag::BeginAddress, Tag::InAddress];

/// How likely a word must be to belong to a name or an address, against being nothing or the name of something else, to be
/// worth a second look, 0 to 1. Below it a reader that saw something there was wrong more often than right.
pub(crate) const DOUBT_MIN: f32 = 0.15;

/// A word that may belong to a name or an address, by what its tags alone say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Doubt {
    /// Where it is, in symbols.
    pub(crate) place: Range<usize>,
    /// How likely it is, against the likeliest of what is neither: [`DOUBT_MIN`] to 1.
    pub(crate) likely: f32,
}

/// What is below every score.
const NEVER: i16 = i16::MIN;

/// For each tag, what its successors may have: [`NEVER`] is taken together with their scores, 0 leaves them.
static AFTER: [[i16; TAGS]; TAGS] = {
    let mut all = [[0; TAGS]; TAGS];
    let mut before = 0;
    while before < TAGS {
        let mut tag = 0;
        while tag < TAGS {
            // Tags that go on stand right behind those that begin, from `BeginPerson` on.
            let goes_on = tag >= Tag::InPerson as usize && tag % 2 == 1;
            if goes_on && before != tag && before != tag - 1 {
                all[before][tag] = NEVER;
            }
            tag += 1;
        }
        before += 1;
    }
    all
};

/// The best tag by these scores; of equals the first.
#[inline]
pub(crate) fn best(scores: &[i16; TAGS], before: Tag) -> Tag {
    let after = &AFTER[before as usize];
    // In steps without a branch, which a processor takes for several tags at once.
    let mut open = [NEVER; TAGS];
    for ((open, score), may) in open.iter_mut().zip(scores).zip(after) {
        *open = if *may == NEVER { NEVER } else { *score };
    }
    let most = open.iter().fold(NEVER, |most, score| most.max(*score));
    // What is nothing may stand behind everything, so that there always is a first.
    let best = open.iter().position(|score| *score == most).unwrap_or(0);
    Tag::ALL[best]
}

/// A finding whose end has not been seen.
#[derive(Clone, Copy, Debug)]
struct Open {
    class: Class,
    start: usize,
    /// Behind the last word that can be an end.
    end: usize,
    sum: f32,
    words: u16,
    /// What its words are known to be.
    flags: u16,
    has_digit: bool,
}

/// The tagger on its way through a text.
#[derive(Clone, Debug)]
pub(crate) struct Tagger {
    model: Model<'static>,
    context: Context,
    /// Where the next word is looked for.
    place: usize,
    /// What was decided last: the tag of the word in the middle of the context.
    tag: Tag,
    /// How many words have been read and not decided.
    ahead: usize,
    ended: bool,
    open: Option<Open>,
    /// Words that belong to a finding out of a list.
    listed: usize,
    /// Findings that are complete, in order.
    pub(crate) found: VecDeque<Hit>,
    /// Words that may belong to a name or an address, in order; nothing when nobody asks.
    doubts: Option<Vec<Doubt>>,
}

impl Tagger {
    pub(crate) fn new() -> Self {
        Self::with(Model::embedded())
    }

    pub(crate) fn with(model: Model<'static>) -> Self {
        Self {
            model,
            context: Context::default(),
            place: 0,
            tag: Tag::O,
            ahead: 0,
            ended: false,
            open: None,
            listed: 0,
            found: VecDeque::new(),
            doubts: None,
        }
    }

    /// From now on it keeps which words may belong to a name or an address. Not for streams: what is kept is not forgotten
    /// with the text.
    pub(crate) fn keep_doubts(&mut self) {
        self.doubts = Some(Vec::new());
    }

    /// The words that may belong to a name or an address, those of its findings among them, in order.
    pub(crate) fn doubts(&self) -> &[Doubt] {
        self.doubts.as_deref().unwrap_or_default()
    }

    /// Everything before is decided.
    pub(crate) fn decided(&self) -> usize {
        match &self.open {
            Some(open) => open.start,
            None if self.ended => usize::MAX,
            None if self.ahead == 0 => self.place,
            None => self.context.words[2 * AROUND + 1 - self.ahead].start,
        }
    }

    /// Forgets the first `n` symbols.
    pub(crate) fn drop_front(&mut self, n: usize) {
        self.place = self.place.saturating_sub(n);
        for word in &mut self.context.words {
            word.start = word.start.saturating_sub(n);
            word.end = word.end.saturating_sub(n);
        }
        if let Some(open) = &mut self.open {
            open.start = open.start.saturating_sub(n);
            open.end = open.end.saturating_sub(n);
        }
        for hit in &mut self.found {
            hit.start = hit.start.saturating_sub(n);
            hit.end = hit.end.saturating_sub(n);
        }
    }

    /// Goes as far as the window allows; at the last window, to the end.
    pub(crate) fn advance(&mut self, window: Window<'_>, lists: &Lists) {
        if self.ended {
            return;
        }
        let lexicon = self.model.lexicon();
        while let Ok(next) = words::next(&lexicon, window, self.place) {
            let Some(word) = next else {
                self.ended = true;
                for _ in 0..AROUND {
                    self.step(Word { start: self.place, end: self.place, ..Word::default() }, lists);
                }
                self.close();
                return;
            };
            self.place = word.end;
            self.ahead = (self.ahead + 1).min(AROUND);
            self.step(word, lists);
        }
    }

    /// Takes a further word and decides on the one that now stands in the middle.
    #[inline]
    fn step(&mut self, next: Word, lists: &Lists) {
        self.context.shift(self.tag, next);
        if self.listed > 0 || lists.denies() && self.is_listed(lists) {
            self.listed -= 1;
            self.tag = Tag::O;
            return;
        }
        if !self.context.matters() {
            self.tag = Tag::O;
            if self.open.is_some() {
                self.close();
            }
            return;
        }
        let scores = self.model.scores(&self.context.features());
        self.tag = best(&scores, self.context.tag1);
        let word = *self.context.word();
        if let Some(doubts) = &mut self.doubts
            && !matches!(word.kind, Kind::Sign | Kind::Gap)
        {
            let may = &AFTER[self.context.tag1 as usize];
            let open = READ_TWICE.iter().map(|tag| *tag as usize).filter(|tag| may[*tag] != NEVER);
            let most = open.map(|tag| scores[tag]).max().unwrap_or(NEVER);
            let neither = scores[Tag::O as usize].max(scores[Tag::Other as usize]);
            let likely = self.model.likely(most, neither);
            if likely >= DOUBT_MIN {
                doubts.push(Doubt { place: word.start..word.end, likely });
            }
        }
        let Some(class) = self.tag.class() else {
            self.close();
            return;
        };
        if class == Class::Person {
            self.context.remember(&word);
        }
        let probability = self.model.probability(&scores, self.tag);
        let fits = |open: &Open| word.end - open.start <= CANDIDATE_SYMBOLS_MAX;
        if !(self.tag.goes_on() && self.open.as_ref().is_some_and(fits)) {
            self.close();
            self.open = Some(Open::new(class, &word));
        }
        if let Some(open) = &mut self.open {
            open.take(&word, probability);
        }
    }

    /// Whether an entry of the list starts at the word; then it is a finding.
    fn is_listed(&mut self, lists: &Lists) -> bool {
        let Some((class, words)) = lists.denied(&self.context.words[AROUND..]) else { return false };
        self.close();
        let (first, last) = (self.context.word().start, self.context.words[AROUND + words - 1].end);
        self.found.push_back(Hit::new(class, "listed", "deny_list", 1.0).at(first, last));
        self.listed = words;
        true
    }

    /// Puts what is open among the findings.
    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        if open.end > open.start {
            let raw = open.sum / f32::from(open.words.max(1));
            let (kind, rule) = open.kind();
            let confidence = self.model.calibrated(open.class, raw);
            self.found.push_back(Hit::new(open.class, kind, rule, confidence).at(open.start, open.end));
        }
    }
}

impl Open {
    fn new(class: Class, word: &Word) -> Self {
        let (start, end) = (word.start, word.start);
        Self { class, start, end, sum: 0.0, words: 0, flags: 0, has_digit: false }
    }

    fn take(&mut self, word: &Word, probability: f32) {
        self.sum += probability;
        self.words = self.words.saturating_add(1);
        self.flags |= word.flags.0;
        self.has_digit |= word.kind == Kind::Number;
        // A comma or a quote behind the last word is none of it.
        if !matches!(word.kind, Kind::Sign | Kind::Gap) || word.sign() == b')' {
            self.end = word.end;
        }
    }

    fn kind(&self) -> (&'static str, &'static str) {
        let known = |bits| Flags(self.flags).has(bits);
        match self.class {
            Class::Address if known(Flags::STREET) => ("street_address", "tagger_address"),
            Class::Address => ("address", "tagger_address"),
            Class::Health if self.has_digit => ("health_with_figure", "tagger_health"),
            Class::Health => ("health", "tagger_health"),
            Class::Minor if self.has_digit => ("age_of_a_child", "tagger_minor"),
            Class::Minor => ("child", "tagger_minor"),
            Class::Biometric => ("biometric", "tagger_biometric"),
            _ if self.words > 1 => ("full_name", "tagger_person"),
            _ => ("name", "tagger_person"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_follow_is_the_same_in_the_table() {
        for before in Tag::ALL {
            for tag in Tag::ALL {
                let may = AFTER[before as usize][tag as usize] != NEVER;
                assert_eq!(may, tag.may_follow(before), "{tag:?} behind {before:?}");
            }
        }
    }
}
