//! How the weights do on the corpora, by what touches what.

use std::io::Write;
use std::path::Path;

use pii::Class;
use pii::training::Judge;

use crate::corpora::{CORPORA, EVALUATION};

#[derive(Default)]
struct Counts {
    gold: u32,
    gold_found: u32,
    found: u32,
    found_right: u32,
}

impl Counts {
    fn f1(&self) -> f64 {
        let share = |a: u32, b: u32| if b == 0 { 0.0 } else { f64::from(a) / f64::from(b) };
        let (p, r) = (share(self.found_right, self.found), share(self.gold_found, self.gold));
        if p + r > 0.0 { 2.0 * p * r / (p + r) } else { 0.0 }
    }
}

/// Prints precision, recall and F1 by corpus and class, of the documents that were left out.
pub(crate) fn judge(
    judge: &Judge,
    folder: &Path,
    fold: usize,
    errors: Option<&str>,
    log: &mut impl Write,
) -> Result<(), Box<dyn std::error::Error>> {
    for corpus in CORPORA.iter().filter(|corpus| corpus.by_hand).chain([&EVALUATION]) {
        let known: &[Class] = match corpus.name {
            "agentic_synth" => {
                &[Class::Person, Class::Address, Class::Health, Class::Minor, Class::Biometric]
            }
            "presidio_synth_v2" => &[Class::Person, Class::Address],
            _ => &[Class::Person],
        };
        let all = corpus.name == EVALUATION.name || corpus.name == "agentic_synth" && errors.is_some();
        let keep = |i: usize| all || i.is_multiple_of(fold);
        let Ok(examples) = corpus.read(folder, keep) else { continue };
        for class in known {
            let mut counts = Counts::default();
            for example in &examples {
                let found: Vec<_> =
                    judge.find(&example.text).into_iter().filter(|f| f.2 == *class && f.3 >= 0.5).collect();
                let gold: Vec<_> = example.spans.iter().filter(|s| s.2 == Some(*class)).collect();
                let told = errors == Some(corpus.name);
                for g in &gold {
                    let met = found.iter().any(|f| f.0 < g.1 && g.0 < f.1);
                    counts.gold += 1;
                    counts.gold_found += u32::from(met);
                    if told && !met {
                        writeln!(log, "missed {class}: {}", around(&example.text, g.0, g.1))?;
                    }
                }
                for f in &found {
                    let right = gold.iter().any(|g| f.0 < g.1 && g.0 < f.1);
                    let left_out = example.spans.iter().any(|s| s.2.is_none() && f.0 < s.1 && s.0 < f.1);
                    if right || !left_out {
                        counts.found += 1;
                        counts.found_right += u32::from(right);
                        if told && !right {
                            writeln!(log, "wrong {class}: {}", around(&example.text, f.0, f.1))?;
                        }
                    }
                }
            }
            writeln!(
                log,
                "{:18} {class:10} gold {:5} found {:5}  precision {:.3}  recall {:.3}  F1 {:.3}",
                corpus.name,
                counts.gold,
                counts.found,
                f64::from(counts.found_right) / f64::from(counts.found.max(1)),
                f64::from(counts.gold_found) / f64::from(counts.gold.max(1)),
                counts.f1()
            )?;
        }
    }
    Ok(())
}

/// Characters shown on either side of an error.
const AROUND: usize = 40;

fn around(text: &str, start: usize, end: usize) -> String {
    let before: String = text[..start].chars().rev().take(AROUND).collect();
    let before: String = before.chars().rev().collect();
    let after: String = text[end..].chars().take(AROUND).collect();
    format!("{before}[[{}]]{after}", &text[start..end]).replace('\n', "\\n")
}
