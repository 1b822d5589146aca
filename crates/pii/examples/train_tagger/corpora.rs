//! Labelled corpora: JSON lines with `text`, `spans` and `ignore`, positions in Unicode code points.

use std::fs;
use std::path::Path;

use pii::Class;
use pii::training::Example;
use serde_json::Value;

/// A corpus: its file, and the classes of which it marks all there is; of the others nothing is known.
pub(crate) struct Corpus {
    pub(crate) name: &'static str,
    judged: &'static [Class],
    /// Whether people marked it: what programs marked is learned from, but says nothing of how good the weights are.
    pub(crate) by_hand: bool,
}

/// Names of people are marked.
const NAMES: [Class; 1] = [Class::Person];
/// So they are, and encyclopedia, tweets and judgments hold next to no addresses and no fingerprints; of children they speak.
const PROSE: [Class; 3] = [Class::Person, Class::Address, Class::Biometric];

/// What the weights may be made of: licences that allow to ship them with attribution.
pub(crate) const CORPORA: [Corpus; 13] = [
    Corpus { name: "agentic_synth", judged: &Class::ALL, by_hand: true },
    Corpus { name: "presidio_synth_v2", judged: &[Class::Person, Class::Address], by_hand: true },
    Corpus { name: "wikigold", judged: &PROSE, by_hand: true },
    Corpus { name: "wnut17", judged: &PROSE, by_hand: true },
    Corpus { name: "btc", judged: &PROSE, by_hand: true },
    Corpus { name: "sec_filings", judged: &NAMES, by_hand: true },
    Corpus { name: "tab144", judged: &PROSE, by_hand: true },
    Corpus { name: "crossner", judged: &NAMES, by_hand: true },
    Corpus { name: "litbank", judged: &NAMES, by_hand: true },
    Corpus { name: "re3d", judged: &NAMES, by_hand: true },
    Corpus { name: "masc", judged: &NAMES, by_hand: false },
    // Code, logs and settings: next to nothing in them is of these classes.
    Corpus { name: "credsweeper_samples", judged: &Class::ALL, by_hand: true },
    Corpus { name: "gitleaks_negatives", judged: &Class::ALL, by_hand: true },
];

/// What is only for judging: its licence does not allow to ship weights made from it.
pub(crate) const EVALUATION: Corpus = Corpus { name: "uner_ewt", judged: &NAMES, by_hand: true };

/// Byte places of the code points of a text.
fn places(text: &str) -> Vec<usize> {
    text.char_indices().map(|(i, _)| i).chain([text.len()]).collect()
}

fn class(name: &str) -> Option<Class> {
    Class::ALL.into_iter().find(|class| class.name() == name)
}

impl Corpus {
    /// The documents of a file; those of which `keep` says no by their number are left out.
    pub(crate) fn read(
        &self,
        folder: &Path,
        keep: impl Fn(usize) -> bool,
    ) -> Result<Vec<Example>, Box<dyn std::error::Error>> {
        let text = fs::read_to_string(folder.join(format!("{}.jsonl", self.name)))?;
        let mut examples = Vec::new();
        for (i, line) in text.lines().enumerate() {
            if line.is_empty() || !keep(i) {
                continue;
            }
            examples.push(self.example(&serde_json::from_str(line)?)?);
        }
        Ok(examples)
    }

    fn example(&self, document: &Value) -> Result<Example, Box<dyn std::error::Error>> {
        let text = document["text"].as_str().ok_or("no text")?.to_owned();
        let places = places(&text);
        let place =
            |value: &Value| value.as_u64().and_then(|i| places.get(usize::try_from(i).ok()?)).copied();
        let mut spans = Vec::new();
        for (key, named) in [("ignore", false), ("spans", true)] {
            for span in document[key].as_array().into_iter().flatten() {
                let (Some(start), Some(end)) = (place(&span[0]), place(&span[1])) else { continue };
                let found = if named { span[2].as_str().and_then(class) } else { None };
                spans.push((start, end, found));
            }
        }
        join_addresses(&text, &mut spans);
        Ok(Example { text, spans, judged: self.judged.to_vec() })
    }
}

/// The longest gap, in bytes, between parts of one address.
const GAP_BYTES_MAX: usize = 8;

/// Makes one address of its parts, and of the town and country between and behind them that a corpus marks apart.
fn join_addresses(text: &str, spans: &mut Vec<(usize, usize, Option<Class>)>) {
    spans.sort_unstable_by_key(|span| (span.0, span.1));
    let mut joined: Vec<(usize, usize, Option<Class>)> = Vec::new();
    for span in spans.drain(..) {
        if let Some(last) = joined.last_mut()
            && last.2 == Some(Class::Address)
            && (span.2.is_none() || span.2 == Some(Class::Address))
            && text
                .get(last.1..span.0)
                .is_some_and(|gap| gap.len() <= GAP_BYTES_MAX && !gap.chars().any(char::is_alphanumeric))
        {
            last.1 = last.1.max(span.1);
            continue;
        }
        joined.push(span);
    }
    *spans = joined;
}
