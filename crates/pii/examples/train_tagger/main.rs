//! Makes the weights of the tagger, `crates/pii/data/tagger.bin`, from the lists and templates beside this crate and
//! from labelled corpora. The same input gives the same file, bit for bit, on every machine.
//!
//! `cargo run --release -p pii --features training --example train_tagger -- --corpora DIR --out crates/pii/data/tagger.bin`
//!
//! `data/README.md` says where the corpora come from and under which licences.

mod corpora;
mod curves;
mod generate;
mod judge;
mod lists;
mod vocabulary;

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use pii::training::{Example, Judge, Learning, Trainer, set_curves, table, words_of};

use corpora::CORPORA;
use generate::{Chance, Generator};
use lists::Lists;

/// How often each template is filled.
const FILLINGS: usize = 40;
/// How often a word must be written small, to be a common one.
const COMMON_MIN: u32 = 4;

#[derive(Clone)]
struct Options {
    corpora: PathBuf,
    lists: PathBuf,
    out: PathBuf,
    /// Leaves out one corpus, or one document in so many, to see how the rest does on it.
    without: Vec<String>,
    fold: Option<usize>,
    learning: Learning,
    fillings: usize,
    /// How much is taken from the tag of what is nothing: more is found, and more wrongly.
    eager: f32,
    /// The corpus whose errors are shown.
    errors: Option<String>,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options {
        corpora: PathBuf::new(),
        lists: Path::new(env!("CARGO_MANIFEST_DIR")).join("lists"),
        out: PathBuf::from("crates/pii/data/tagger.bin"),
        without: Vec::new(),
        fold: None,
        learning: Learning { runs: 3, rounds: 12, rate: 0.03, forget: 0.25, unlisted: 0.2, decay: 1e-6 },
        fillings: FILLINGS,
        eager: 0.45,
        errors: None,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
        match arg.as_str() {
            "--corpora" => options.corpora = value.into(),
            "--lists" => options.lists = value.into(),
            "--out" => options.out = value.into(),
            "--without" => options.without.push(value),
            "--fold" => options.fold = Some(value.parse()?),
            "--rounds" => options.learning.rounds = value.parse()?,
            "--runs" => options.learning.runs = value.parse()?,
            "--rate" => options.learning.rate = value.parse()?,
            "--forget" => options.learning.forget = value.parse()?,
            "--unlisted" => options.learning.unlisted = value.parse()?,
            "--decay" => options.learning.decay = value.parse()?,
            "--eager" => options.eager = value.parse()?,
            "--errors" => options.errors = Some(value),
            "--fillings" => options.fillings = value.parse()?,
            _ => {
                return Err(format!(
                    "{arg}? --corpora --out --without --fold --runs --rounds --rate --forget --decay"
                )
                .into());
            }
        }
    }
    Ok(options)
}

/// Words that ordinary text writes small at least half of the time.
fn common(examples: &[Example]) -> Vec<u32> {
    let mut seen: HashMap<u32, (u32, u32)> = HashMap::new();
    for (hash, letters, proud) in examples.iter().flat_map(|example| words_of(&outside(example))) {
        if letters {
            let counts = seen.entry(hash).or_default();
            if proud { counts.1 += 1 } else { counts.0 += 1 }
        }
    }
    let mut common: Vec<u32> = seen
        .into_iter()
        .filter(|(_, (small, proud))| *small >= COMMON_MIN && small >= proud)
        .map(|(hash, _)| hash)
        .collect();
    common.sort_unstable();
    common
}

/// How many in all one document is left out of, when the curves are made.
const LEFT_OUT: usize = 5;

fn documents(options: &Options, keep: impl Fn(usize) -> bool) -> Result<Vec<Example>, Box<dyn Error>> {
    let mut all = Vec::new();
    for corpus in CORPORA.iter().filter(|corpus| !options.without.iter().any(|name| name == corpus.name)) {
        all.extend(corpus.read(&options.corpora, &keep)?);
    }
    Ok(all)
}

/// Learns from documents and templates.
fn learned(
    options: &Options,
    real: Vec<Example>,
    lists: &Lists,
    log: &mut impl Write,
) -> Result<Trainer, Box<dyn Error>> {
    let entries = lists.entries(&common(&real));
    let table = table(&entries).ok_or("the lexicon is full")?;
    let templates = lists::lines(&options.lists, "templates.txt")?;
    let mut generator = Generator { lists, chance: Chance::new(2026) };
    let mut examples = real;
    for _ in 0..options.fillings {
        for template in &templates {
            examples.push(generator.fill(template));
        }
    }
    writeln!(log, "{} words in lists, {} documents", entries.len(), examples.len())?;
    let mut trainer = Trainer::new(&examples, table);
    trainer.learn(options.learning, |round, wrong, all| {
        let _ = writeln!(log, "round {round}: {wrong} of {all} words wrong");
    });
    Ok(trainer)
}

/// The text without what is in it: made-up conditions and names must not pass for common words.
fn outside(example: &Example) -> String {
    let mut rest = example.text.clone();
    for (start, end, class) in example.spans.iter().rev() {
        if class.is_some() && rest.get(*start..*end).is_some() {
            rest.replace_range(*start..*end, " ");
        }
    }
    rest
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let mut log = std::io::stderr().lock();
    let lists = Lists::read(&options.lists)?;
    // First without every fifth document, which then shows how often each confidence is right.
    let fold = options.fold.unwrap_or(LEFT_OUT);
    let trainer = learned(&options, documents(&options, |i| i % fold != 0)?, &lists, &mut log)?;
    let mut file = trainer.file(options.eager);
    let by_programs =
        CORPORA.iter().filter(|corpus| !corpus.by_hand).map(|corpus| corpus.name.to_owned()).collect();
    let unseen = documents(&Options { without: by_programs, ..options.clone() }, |i| i % fold == 0)?;
    let curves = curves::fit(&Judge::new(file.clone()), &unseen);
    set_curves(&mut file, &curves);
    let judge = Judge::new(file.clone());
    curves::tell(&judge, &unseen, "left out", &mut log)?;
    if let Ok(other) = corpora::EVALUATION.read(&options.corpora, |_| true) {
        curves::tell(&judge, &other, "never learned from", &mut log)?;
    }
    judge::judge(&judge, &options.corpora, fold, options.errors.as_deref(), &mut log)?;
    if options.fold.is_none() {
        let trainer = learned(&options, documents(&options, |_| true)?, &lists, &mut log)?;
        file = trainer.file(options.eager);
        set_curves(&mut file, &curves);
    }
    fs::write(&options.out, file.as_slice())?;
    Ok(())
}
