//! From a probability for every label of every piece to names and addresses with their places.
//!
//! The model labels pieces, `B-` where something begins and `I-` where it goes on. A word is what its pieces are on the
//! whole; words side by side make a reading.

use std::ops::Range;

use crate::pieces::Word;

/// Labels: `O`, and two for each of seventeen things.
pub(crate) const LABELS: usize = 35;

/// From which probability on a word is what it most likely is, 0 to 1.
const WORD_PROBABILITY_MIN: f32 = 0.5;
/// The longest gap between two words of one reading, in bytes.
const GAP_BYTES_MAX: usize = 3;

/// What is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name of a person.
    Person,
    /// A postal address.
    Address,
}

/// Something the model sees in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What.
    pub kind: Kind,
    /// Where, in bytes; both ends are boundaries of characters.
    pub range: Range<usize>,
}

/// What the labels stand for, in the model's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    GivenName,
    Surname,
    BuildingNumber,
    StreetName,
    SecondaryAddress,
    City,
    State,
    ZipCode,
    /// Addresses of mail, numbers and the like: not listened to.
    Other,
}

/// The seventeen things; the label `B-` of the n-th has the number 2n + 1, its `I-` the next.
const THINGS: [Thing; 17] = [
    Thing::GivenName,
    Thing::Surname,
    Thing::Other,
    Thing::Other,
    Thing::Other,
    Thing::Other,
    Thing::Other,
    Thing::Other,
    Thing::Other,
    Thing::Other,
    Thing::Other,
    Thing::BuildingNumber,
    Thing::StreetName,
    Thing::SecondaryAddress,
    Thing::City,
    Thing::State,
    Thing::ZipCode,
];

impl Thing {
    const fn kind(self) -> Option<Kind> {
        match self {
            Self::GivenName | Self::Surname => Some(Kind::Person),
            Self::BuildingNumber
            | Self::StreetName
            | Self::SecondaryAddress
            | Self::City
            | Self::State
            | Self::ZipCode => Some(Kind::Address),
            Self::Other => None,
        }
    }
}

/// What a word is, on the whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Told {
    kind: Option<Kind>,
    thing: Thing,
    begins: bool,
}

impl Told {
    /// By the probabilities of each of its pieces.
    pub(crate) fn by(pieces: &[[f32; LABELS]]) -> Self {
        let mean = |wanted: &dyn Fn(Thing) -> bool| {
            let of = |piece: &[f32; LABELS]| -> f32 {
                let all = THINGS.iter().zip(piece[1..].chunks(2));
                all.filter(|(thing, _)| wanted(**thing)).map(|(_, both)| both.iter().sum::<f32>()).sum()
            };
            pieces.iter().map(of).sum::<f32>()
                / f32::from(u16::try_from(pieces.len().max(1)).unwrap_or(u16::MAX))
        };
        let person = mean(&|thing| thing.kind() == Some(Kind::Person));
        let address = mean(&|thing| thing.kind() == Some(Kind::Address));
        let (kind, probability) =
            if person >= address { (Kind::Person, person) } else { (Kind::Address, address) };
        let kind = Some(kind).filter(|_| probability >= WORD_PROBABILITY_MIN);
        let likeliest = THINGS.into_iter().filter(|thing| thing.kind() == kind && kind.is_some());
        let thing = likeliest.max_by(|one, other| mean(&|t| t == *one).total_cmp(&mean(&|t| t == *other)));
        let begins = pieces.first().is_some_and(|piece| {
            let best = (0..LABELS).max_by(|a, b| piece[*a].total_cmp(&piece[*b])).unwrap_or(0);
            best % 2 == 1
        });
        Self { kind, thing: thing.unwrap_or(Thing::Other), begins }
    }
}

/// A reading under way.
struct Open {
    kind: Kind,
    place: Range<usize>,
    last: Thing,
    /// What of an address was seen.
    street: bool,
    zip: bool,
    city: bool,
}

impl Open {
    fn new(kind: Kind, word: &Word) -> Self {
        let place = word.place.clone();
        Self { kind, place, last: Thing::Other, street: false, zip: false, city: false }
    }

    fn take(&mut self, word: &Word, told: Told) {
        self.place.end = word.place.end;
        self.street |= matches!(told.thing, Thing::StreetName | Thing::SecondaryAddress);
        self.zip |= told.thing == Thing::ZipCode;
        self.city |= told.thing == Thing::City;
        if !word.sign {
            self.last = told.thing;
        }
    }

    /// Whether the word goes on with it.
    fn goes_on(&self, text: &str, word: &Word, told: Told) -> bool {
        // A given name behind a family name is somebody else.
        let another = told.begins && told.thing == Thing::GivenName && self.last == Thing::Surname;
        let gap = &text[self.place.end..word.place.start];
        let joins = |c: char| match self.kind {
            Kind::Person => matches!(c, ' ' | '\u{a0}' | '-' | '\'' | '’' | '.'),
            Kind::Address => c.is_whitespace() || matches!(c, ',' | '-' | '.' | '/' | '#'),
        };
        told.kind == Some(self.kind) && !another && gap.len() <= GAP_BYTES_MAX && gap.chars().all(joins)
    }

    /// The reading; `None` for a town or a number alone, which is no address of anybody.
    fn close(self) -> Option<Reading> {
        let whole = self.kind == Kind::Person || self.street || (self.zip && self.city);
        whole.then_some(Reading { kind: self.kind, range: self.place })
    }
}

/// The readings of a text, by what its words are.
pub(crate) fn readings(text: &str, words: &[Word], told: &[Told]) -> Vec<Reading> {
    let mut all = Vec::new();
    let mut open: Option<Open> = None;
    for (word, told) in words.iter().zip(told.iter().copied()) {
        let goes_on = open.as_ref().is_some_and(|open| open.goes_on(text, word, told));
        match (told.kind, &mut open) {
            (Some(_), Some(open)) if goes_on => open.take(word, told),
            // A sign of its own begins nothing, and what is between two words of one thing does not part them.
            (Some(kind), _) if !word.sign => {
                all.extend(open.take().and_then(Open::close));
                let mut new = Open::new(kind, word);
                new.take(word, told);
                open = Some(new);
            }
            _ if word.sign => {}
            _ => all.extend(open.take().and_then(Open::close)),
        }
    }
    all.extend(open.and_then(Open::close));
    all
}
