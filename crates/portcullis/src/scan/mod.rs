//! `portcullis pii scan`: what the privacy gate would find in files, with nothing of it printed.

mod input;
mod report;

#[cfg(test)]
mod tests;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::{Subcommand, ValueEnum};
use crypto::SystemRng;
use kernel::Rng as _;
use pii::{Class, Policy, Reader, Scanner, Second, Tokens};

use crate::deep;
use crate::deep::fetch::{self, DataDirArgs, FetchArgs};
use crate::say;
use crate::settings::Environment;
use input::Document;
use report::Report;

/// Exit status of `--check` when something was found.
const FOUND: u8 = 3;

/// What to do with personal data.
#[derive(Subcommand, Debug)]
pub enum PiiCommand {
    /// Find personal data and credentials in files or standard input, as the privacy gate does. Needs no server.
    #[command(after_help = HELP)]
    Scan(Box<ScanArgs>),
    /// Fetch the model for deep reading (CC BY 4.0, 15 MB) into the data directory, and check it.
    #[command(after_help = fetch::HELP)]
    FetchModel(Box<FetchArgs>),
}

const HELP: &str = "\
Examples:
  portcullis pii scan letter.txt notes.md
  portcullis pii scan --classes EMAIL,CREDENTIAL --check .env
  git diff --cached | portcullis pii scan --check
  portcullis pii scan --mode strict --classes PERSON,ADDRESS < letter.txt > letter.redacted.txt
  portcullis pii scan --allow helpdesk.txt --deny projects.txt handbook.md
  portcullis pii scan --jsonl < documents.jsonl > findings.jsonl
  portcullis pii scan --deep --classes PERSON,ADDRESS letter.txt
  portcullis pii scan --json server.log | jq '.findings[] | select(.confidence > 0.9)'

Findings are printed by place, class, kind, confidence and rule; never the text that was found. With --jsonl each line of
input is {\"id\": …, \"text\": …}, and each line of output {\"id\": …, \"spans\": [[start, end, class, confidence], …]}, with
positions in Unicode code points.

Classes: PERSON EMAIL PHONE ADDRESS GOV_ID PAYMENT HEALTH BIOMETRIC CREDENTIAL MINOR IP.

Exit status: 0 done, 1 failed, 2 wrong usage, 3 something was found and --check was given.";

/// What to scan for and how to say it.
#[derive(clap::Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "options of a command, each given or not")]
pub struct ScanArgs {
    /// Files to read; none, or `-`, is standard input.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Each line of input is a document, {"id": …, "text": …}; the same comes out, with spans.
    #[arg(long, conflicts_with = "json")]
    jsonl: bool,
    /// Only these classes, separated by commas; all when left out.
    #[arg(long, value_name = "CLASSES", value_delimiter = ',', value_parser = class)]
    classes: Vec<Class>,
    /// Report findings, or write the text with a token in the place of each.
    #[arg(long, value_enum, default_value_t = ScanMode::Flag)]
    mode: ScanMode,
    /// The least confidence, 0 to 1, at which a finding counts.
    #[arg(long, default_value_t = pii::THRESHOLD_DEFAULT, value_parser = confidence)]
    threshold: f32,
    /// A file of values that are no finding, one a line: the address of the help desk, the number of the switchboard.
    #[arg(long, value_name = "FILE")]
    allow: Option<PathBuf>,
    /// A file of words that always are a finding, one a line: the class, a space, and at most three words.
    #[arg(long, value_name = "FILE")]
    deny: Option<PathBuf>,
    /// Read the sentences in which the built-in model is not sure with the model that `pii fetch-model` fetched, too. Slower.
    #[arg(long)]
    deep: bool,
    /// Where that model is.
    #[command(flatten)]
    place: DataDirArgs,
    /// End with exit status 3 when anything was found.
    #[arg(long)]
    check: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScanMode {
    /// A line for each finding; the text stays where it is.
    Flag,
    /// The text, with a random token in the place of each finding. The same value gets the same token throughout.
    Strict,
}

fn class(name: &str) -> Result<Class, String> {
    let known = |class: &Class| class.name().eq_ignore_ascii_case(name);
    Class::ALL.into_iter().find(known).ok_or_else(|| {
        let names: Vec<&str> = Class::ALL.iter().map(|class| class.name()).collect();
        format!("no such class; there are {}", names.join(", "))
    })
}

fn confidence(text: &str) -> Result<f32, String> {
    let value: f32 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err("a confidence lies from 0 to 1".to_owned()) }
}

/// `portcullis pii scan`
pub(crate) fn run(args: &ScanArgs, environment: &dyn Environment) -> Result<ExitCode> {
    let reader = if args.deep { Some(reader(&args.place.read(environment)?)?) } else { None };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let found = scan(args, reader.as_deref(), io::stdin().lock(), &mut out)?;
    out.flush()?;
    Ok(if found > 0 && args.check { FOUND.into() } else { ExitCode::SUCCESS })
}

/// The model, for who asks for it.
fn reader(data_dir: &Path) -> Result<Arc<dyn Reader>> {
    let loaded = deep::load(data_dir).context("the model for deep reading")?;
    loaded.with_context(|| {
        let folder = deep::folder(data_dir);
        format!("there is no model in {}; fetch it with: portcullis pii fetch-model", folder.display())
    })
}

/// Scans what the arguments name and returns how much was found.
fn scan(
    args: &ScanArgs,
    reader: Option<&dyn Reader>,
    stdin: impl io::BufRead,
    out: &mut impl io::Write,
) -> Result<usize> {
    if args.json && args.mode == ScanMode::Strict {
        bail!("--json reports findings; --mode strict writes the text: use one of them");
    }
    let policy = policy(args).context("--threshold")?;
    let scanner = Scanner::with_lists(lists(args)?);
    let mut report = Report::new(args.json);
    let mut tokens = Tokens::new(SystemRng.bytes16());
    let mut second = reader.map(|reader| Second::new(reader, usize::MAX));
    input::each(&args.files, args.jsonl, stdin, &mut |document: &Document<'_>| {
        if args.mode == ScanMode::Strict {
            let redacted = match &mut second {
                None => pii::redact(&scanner, document.text, &policy, &mut tokens),
                Some(second) => pii::redact_twice(&scanner, document.text, &policy, &mut tokens, second),
            };
            report.count(redacted.counts.total() as usize);
            return report::redacted(document, &redacted.text, out);
        }
        let found = match &mut second {
            None => scanner.scan_with(document.text, &policy),
            Some(second) => scanner.scan_twice(document.text, &policy, second),
        };
        report.count(found.len());
        if args.jsonl { report::spans(document, &found, out) } else { report.take(document, &found, out) }
    })?;
    if let Some(failed) = second.as_ref().map(Second::failed).filter(|failed| *failed > 0) {
        bail!("the model could not read {failed} sentences, so less was found than --deep promises");
    }
    if let Some(unread) = second.map(|second| second.unread()).filter(|unread| *unread > 0) {
        say::note(format_args!("portcullis: {unread} uncertain sentences were too many to be read twice"));
    }
    report.finish(out)
}

/// The lists of the two files.
fn lists(args: &ScanArgs) -> Result<pii::Lists> {
    let mut lists = pii::Lists::default();
    for (path, denies) in [(&args.allow, false), (&args.deny, true)] {
        let Some(path) = path else { continue };
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let at = || format!("{} line {}", path.display(), i + 1);
            if denies {
                let (name, words) = line.trim().split_once(char::is_whitespace).with_context(at)?;
                let class = class(name).map_err(anyhow::Error::msg).with_context(at)?;
                lists.deny(words, class).with_context(at)?;
            } else {
                lists.allow(line).with_context(at)?;
            }
        }
    }
    Ok(lists)
}

/// Every wanted class replaced and the rest off: findings then compete for their place and none lies inside another.
fn policy(args: &ScanArgs) -> Result<Policy, pii::BadThreshold> {
    let all = args.classes.is_empty();
    Class::ALL.into_iter().try_fold(Policy::new("scan"), |policy, class| {
        let wanted = all || args.classes.contains(&class);
        let mode = if wanted { pii::Mode::Strict } else { pii::Mode::Off };
        policy.with_mode(class, mode).with_threshold(class, args.threshold)
    })
}
