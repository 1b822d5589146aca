//! Making the weights. Not part of the server: `examples/train_tagger` calls it.

use crate::class::Class;
use crate::lists::Lists;
use crate::scanner::{Places as _, View};
use crate::tagger::features::{AROUND, Context, FEATURES, bias_row};
pub use crate::tagger::lexicon::table;
use crate::tagger::lexicon::{Flags, Lexicon};
use crate::tagger::model::{CLASSES, CURVE_POINTS, FILE_BYTES, MAGIC, Model, ROWS, exp};
use crate::tagger::model::{CURVES_AT, LEXICON_AT, SCALE_AT, WEIGHTS_AT};
use crate::tagger::words::{self, Word};
use crate::tagger::{TAGS, Tag, Tagger};
use crate::window::{Hit, Window};

/// A text with what is in it.
#[derive(Clone, Debug, Default)]
pub struct Example {
    /// The text.
    pub text: String,
    /// Findings as byte ranges; `None` is a thing with a name of another kind.
    pub spans: Vec<(usize, usize, Option<Class>)>,
    /// Words without a span are known to be nothing of these classes; of the others nothing is known.
    pub judged: Vec<Class>,
}

/// The flags by which a list is known.
pub fn flag(name: &str) -> Option<u16> {
    Some(match name {
        "given" => Flags::GIVEN,
        "family" => Flags::FAMILY,
        "street" => Flags::STREET,
        "place" => Flags::PLACE,
        "health" => Flags::HEALTH,
        "biometric" => Flags::BIOMETRIC,
        "child" => Flags::CHILD,
        "title" => Flags::TITLE,
        "cue" => Flags::CUE,
        "group" => Flags::GROUP,
        "common" => Flags::COMMON,
        "date" => Flags::DATE,
        _ => return None,
    })
}

/// The words of a text with their hashes, whether they are letters, and whether they begin with a capital.
pub fn words_of(text: &str) -> Vec<(u32, bool, bool)> {
    read(text, &[])
        .into_iter()
        .map(|word| (word.hash, word.kind == words::Kind::Word, word.is_proud()))
        .collect()
}

fn read(text: &str, table: &[u8]) -> Vec<Word> {
    let view = View::of(text);
    let window = Window { symbols: view.bytes(), last: true };
    let lexicon = Lexicon::new(table);
    let mut all = Vec::new();
    let mut place = 0;
    while let Ok(Some(word)) = words::next(&lexicon, window, place) {
        place = word.end;
        all.push(word);
    }
    all
}

/// An example cut into words, with the tag of each.
struct Sequence {
    words: Vec<Word>,
    tags: Vec<Tag>,
    /// For each tag whether it may be wrong here.
    judged: [bool; TAGS],
}

fn begin(class: Class) -> Option<(Tag, Tag)> {
    Some(match class {
        Class::Person => (Tag::BeginPerson, Tag::InPerson),
        Class::Address => (Tag::BeginAddress, Tag::InAddress),
        Class::Health => (Tag::BeginHealth, Tag::InHealth),
        Class::Minor => (Tag::BeginMinor, Tag::InMinor),
        Class::Biometric => (Tag::BeginBiometric, Tag::InBiometric),
        _ => return None,
    })
}

impl Sequence {
    fn new(example: &Example, table: &[u8]) -> Self {
        let view = View::of(&example.text);
        let words = read(&example.text, table);
        let mut tags = vec![Tag::O; words.len()];
        for (start, end, class) in &example.spans {
            let mut first = true;
            for (word, tag) in words.iter().zip(&mut tags) {
                let (from, to) = (view.raw_start(word.start), view.raw_end(word.end));
                if to <= *start || from >= *end || word.end == word.start {
                    continue;
                }
                if word.kind == words::Kind::Gap && first {
                    continue;
                }
                *tag = match class {
                    None => Tag::Other,
                    Some(class) => match begin(*class) {
                        None => Tag::Other,
                        Some((begin, inside)) => {
                            if first {
                                begin
                            } else {
                                inside
                            }
                        }
                    },
                };
                first = false;
            }
        }
        let mut judged = [false; TAGS];
        for tag in Tag::ALL {
            judged[tag as usize] = tag.class().is_none_or(|class| example.judged.contains(&class));
        }
        Self { words, tags, judged }
    }
}

/// How to learn.
#[derive(Clone, Copy, Debug)]
pub struct Learning {
    /// How often to learn from nothing: the mean of several is steadier than one.
    pub runs: u32,
    /// Passes over the examples.
    pub rounds: u32,
    /// The step.
    pub rate: f32,
    /// The chance that what speaks of the word itself is left out, so that the rest learns to carry the decision.
    pub forget: f32,
    /// The chance that what lists say of a word is left out.
    pub unlisted: f32,
    /// How much weights are drawn to zero.
    pub decay: f32,
}

/// Weights under way.
pub struct Trainer {
    table: Vec<u8>,
    sequences: Vec<Sequence>,
    weights: Vec<f32>,
    squares: Vec<f32>,
    sum: Vec<f32>,
    sums: u32,
    chance: u64,
}

/// Features that name the word itself, by their numbers, which count from one.
const OWN: [usize; 6] = [2, 3, 4, 5, 8, 14];

impl Trainer {
    /// Cuts the examples into words.
    pub fn new(examples: &[Example], table: Vec<u8>) -> Self {
        let sequences = examples.iter().map(|example| Sequence::new(example, &table)).collect();
        let n = ROWS as usize * TAGS;
        Self {
            table,
            sequences,
            weights: vec![0.0; n],
            squares: vec![0.0; n],
            sum: vec![0.0; n],
            sums: 0,
            chance: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// The next number by chance (xorshift64).
    fn next(&mut self) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance
    }

    fn chance(&mut self) -> f32 {
        f32::from(u16::try_from(self.next() >> 48).unwrap_or(0)) / 65_536.0
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0) % n.max(1)
    }

    /// Learns; tells after each round how many words were decided wrongly, of how many.
    pub fn learn(&mut self, how: Learning, mut tell: impl FnMut(u32, u32, u32)) {
        let mut order: Vec<usize> = (0..self.sequences.len()).collect();
        for round in (0..how.runs).flat_map(|_| 0..how.rounds) {
            if round == 0 {
                self.weights.fill(0.0);
                self.squares.fill(1e-4);
            }
            for i in (1..order.len()).rev() {
                let other = self.below(i + 1);
                order.swap(i, other);
            }
            let sequences = std::mem::take(&mut self.sequences);
            let (mut wrong, mut all) = (0, 0);
            for &i in &order {
                let (w, a) = self.sequence(&sequences[i], how, round);
                wrong += w;
                all += a;
            }
            self.sequences = sequences;
            // The mean of the later rounds is steadier than the last.
            if round >= how.rounds / 3 {
                for (sum, weight) in self.sum.iter_mut().zip(&self.weights) {
                    *sum += weight;
                }
                self.sums += 1;
            }
            tell(round, wrong, all);
        }
    }

    fn sequence(&mut self, sequence: &Sequence, how: Learning, round: u32) -> (u32, u32) {
        let mut context = Context::default();
        let (mut wrong, mut all) = (0, 0);
        let mut last = Tag::O;
        let blank = Word::default();
        let total = sequence.words.len();
        for i in 0..total + AROUND {
            let mut next = *sequence.words.get(i).unwrap_or(&blank);
            // No list knows every condition and every medicine.
            if self.chance() < how.unlisted {
                next.flags.0 &= !(Flags::HEALTH | Flags::BIOMETRIC);
            }
            context.shift(last, next);
            let Some(middle) = i.checked_sub(AROUND) else { continue };
            let gold = sequence.tags[middle];
            last = Tag::O;
            if context.matters() {
                let features = context.features();
                let (guess, miss) = self.update(&features, gold, context.tag1, sequence, how);
                all += 1;
                wrong += u32::from(miss);
                // At first the truth stands before each word, later what was decided.
                last = if round == 0 || self.chance() < 0.3 { gold } else { guess };
                if !last.may_follow(context.tag1) {
                    last = guess;
                }
            }
            if last.class() == Some(Class::Person) {
                let word = *context.word();
                context.remember(&word);
            }
        }
        (wrong, all)
    }

    fn scores(&self, features: &[u32; FEATURES], dropped: u64) -> [f32; TAGS] {
        let mut scores = [0.0; TAGS];
        for (k, feature) in features.iter().enumerate() {
            if dropped >> k & 1 == 1 {
                continue;
            }
            let at = *feature as usize * TAGS;
            for (score, weight) in scores.iter_mut().zip(&self.weights[at..at + TAGS]) {
                *score += weight;
            }
        }
        scores
    }

    fn update(
        &mut self,
        features: &[u32; FEATURES],
        gold: Tag,
        before: Tag,
        sequence: &Sequence,
        how: Learning,
    ) -> (Tag, bool) {
        let mut dropped = 0_u64;
        if self.chance() < how.forget {
            for k in OWN {
                dropped |= 1 << (k - 1);
            }
        }
        // What was decided before may make the truth impossible; then the word starts anew.
        let gold = if gold.may_follow(before) {
            gold
        } else {
            gold.class().and_then(begin).map_or(Tag::O, |(begin, _)| begin)
        };
        let scores = self.scores(features, dropped);
        let allowed = |tag: Tag| tag.may_follow(before) && (sequence.judged[tag as usize] || tag == gold);
        let top = Tag::ALL
            .into_iter()
            .filter(|tag| allowed(*tag))
            .map(|tag| scores[tag as usize])
            .fold(f32::MIN, f32::max);
        let mut odds = [0.0; TAGS];
        let mut all = 0.0;
        for tag in Tag::ALL.into_iter().filter(|tag| allowed(*tag)) {
            odds[tag as usize] = exp(scores[tag as usize] - top);
            all += odds[tag as usize];
        }
        let mut guess = Tag::O;
        let mut step = [0.0; TAGS];
        for tag in Tag::ALL.into_iter().filter(|tag| allowed(*tag)) {
            let p = odds[tag as usize] / all;
            if odds[tag as usize] > odds[guess as usize] {
                guess = tag;
            }
            step[tag as usize] = p - f32::from(u8::from(tag == gold));
        }
        if (odds[gold as usize] / all) < 0.999 {
            self.descend(features, dropped, &step, how);
        }
        (guess, guess != gold)
    }

    fn descend(&mut self, features: &[u32; FEATURES], dropped: u64, step: &[f32; TAGS], how: Learning) {
        for (k, feature) in features.iter().enumerate() {
            if dropped >> k & 1 == 1 {
                continue;
            }
            let at = *feature as usize * TAGS;
            let weights = self.weights[at..at + TAGS].iter_mut();
            let squares = self.squares[at..at + TAGS].iter_mut();
            for ((weight, square), gradient) in weights.zip(squares).zip(step) {
                if *gradient == 0.0 {
                    continue;
                }
                let gradient = gradient + how.decay * *weight;
                *square += gradient * gradient;
                *weight -= how.rate * gradient / square.sqrt();
            }
        }
    }

    /// The file: what is taken from the tag of what is nothing is `eager`, with curves that leave confidences as they are.
    pub fn file(&self, eager: f32) -> Vec<u8> {
        let divisor = f32::from(u16::try_from(self.sums.max(1)).unwrap_or(1));
        let mut mean: Vec<f32> = self.sum.iter().map(|sum| sum / divisor).collect();
        for tag in Tag::ALL {
            mean[bias_row(tag) as usize * TAGS + Tag::O as usize] -= eager;
        }
        let mut sizes: Vec<f32> = mean.iter().map(|w| w.abs()).filter(|w| *w > 0.0).collect();
        sizes.sort_unstable_by(f32::total_cmp);
        // A few weights in a hundred thousand are cut off, so that the rest keep more of their digits.
        let largest = sizes.get(sizes.len().saturating_sub(1 + sizes.len() / 20_000)).copied().unwrap_or(1.0);
        let scale = largest / 127.0;
        let mut file = vec![0_u8; FILE_BYTES];
        file[..MAGIC.len()].copy_from_slice(MAGIC);
        file[SCALE_AT..CURVES_AT].copy_from_slice(&scale.to_le_bytes());
        let straight: Vec<u8> = (0..=10_u16).map(|i| u8::try_from(i * 255 / 10).unwrap_or(255)).collect();
        set_curves(&mut file, &CLASSES.map(|_| straight.clone()));
        for (byte, weight) in file[WEIGHTS_AT..].iter_mut().zip(&mean) {
            #[expect(clippy::cast_possible_truncation, reason = "within -127 to 127 after the clamp")]
            let small = (weight / scale).round().clamp(-127.0, 127.0) as i8;
            *byte = small.cast_unsigned();
        }
        file[LEXICON_AT..].copy_from_slice(&self.table);
        file
    }
}

/// Puts calibration curves into a file: for each class the confidence, in 255ths, for a raw one of 0, 1/10, …, 1.
pub fn set_curves(file: &mut [u8], curves: &[Vec<u8>; CLASSES.len()]) {
    for (i, curve) in curves.iter().enumerate() {
        let at = CURVES_AT + i * CURVE_POINTS;
        file[at..at + CURVE_POINTS].copy_from_slice(&curve[..CURVE_POINTS]);
    }
}

/// The classes in the order of their curves.
pub const CURVES: [Class; CLASSES.len()] = CLASSES;

/// The tagger with weights that are not those of this build.
pub struct Judge(Model<'static>);

impl Judge {
    /// Takes the weights; they stay in memory for good.
    pub fn new(file: Vec<u8>) -> Self {
        Self(Model::read(Vec::leak(file)))
    }

    /// What the tagger finds in the text: byte range, class and confidence before calibration.
    pub fn find(&self, text: &str) -> Vec<(usize, usize, Class, f32)> {
        let view = View::of(text);
        let mut tagger = Tagger::with(self.0);
        tagger.advance(Window { symbols: view.bytes(), last: true }, &Lists::default());
        let place = |hit: &Hit| (view.raw_start(hit.start), view.raw_end(hit.end), hit.class, hit.confidence);
        tagger.found.iter().map(place).collect()
    }
}
