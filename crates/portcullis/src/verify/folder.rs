//! A folder of tiles, verified offline.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
pub(crate) use app::audit::{INSTANCE_VKEY_FILE, VKEY_FILE};
use audit_log::anchor::AnchorFault;
use audit_log::note::NOTE_BYTES_MAX;
use audit_log::policy::POLICY_BYTES_MAX;
use audit_log::proof_file::PROOF_BYTES_MAX;
use audit_log::verify::{Progress, Verdict};
use audit_log::{
    ANCHOR_PATH, Anchor, CHECKPOINT_PATH, Checkpoint, DirSource, LogProof, LogVerifier, Note, Policy, Report,
    VerifierKey,
};
use kernel::Timestamp;
use serde_json::json;

use crate::embedded::files;
use crate::say;

use super::VerifyArgs;
use super::receipts::Receipts;

/// Exit status for a log that is not what was signed.
pub(crate) const DAMAGED: u8 = 1;
/// Exit status for a log about which nothing can be said, because no genuine checkpoint vouches for it.
pub(crate) const UNTRUSTED: u8 = 3;
/// Entries between two signs of life.
const PROGRESS_ENTRIES: u64 = 100_000;

/// Where the key came from that everything rests on.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// Known before.
    Known {
        /// The key.
        key: VerifierKey,
        /// From where.
        from: &'static str,
    },
    /// It lies in the folder itself, so it vouches for the folder alone.
    Folder,
}

/// A verified folder.
pub(crate) struct Verified {
    /// What was found.
    pub(crate) report: Report,
    /// The key that was used.
    pub(crate) key: VerifierKey,
    /// Where it came from; `None` for the folder itself.
    pub(crate) key_from: Option<&'static str>,
}

/// `portcullis verify DIR`.
///
/// # Errors
/// When a key or an earlier checkpoint cannot be read; what is wrong with the log stands in the report.
pub(crate) fn run(args: &VerifyArgs, dir: &Path) -> Result<ExitCode> {
    let policy = args.policy.as_deref().map(policy_in).transpose()?;
    let trust = match (&args.vkey, &policy) {
        (Some(text), _) => Trust::Known { key: given_key(text)?, from: "--vkey" },
        (None, Some(policy)) => key_by(policy, dir)?,
        (None, None) => Trust::Folder,
    };
    let key = match &trust {
        Trust::Known { key, .. } => key.clone(),
        Trust::Folder => key_of(dir)?,
    };
    let older =
        args.older.iter().map(|path| checkpoint_of(path, &key)).collect::<Result<Vec<Checkpoint>>>()?;
    let verified = verify(dir, trust, older, policy.as_ref(), args.json)?;
    let receipts = Receipts::of(args, Some(dir), &DirSource::new(dir), &verified.report, &verified.key)?;
    tell_with(&verified, receipts.as_ref(), args.json)?;
    Ok(exit_with(&verified.report, receipts.as_ref()))
}

/// Verifies the log in `dir`, which must continue each of `older` and be cosigned as the policy asks, when there is one.
///
/// # Errors
/// When the key cannot be read.
pub(crate) fn verify(
    dir: &Path,
    trust: Trust,
    older: Vec<Checkpoint>,
    policy: Option<&Policy>,
    quiet: bool,
) -> Result<Verified> {
    let (key, key_from) = match trust {
        Trust::Known { key, from } => (key, Some(from)),
        Trust::Folder => (key_of(dir)?, None),
    };
    let keys = [key.clone()];
    let verifier = older.into_iter().fold(LogVerifier::new(&keys), LogVerifier::older);
    let verifier = match policy {
        Some(policy) => verifier.policy(policy),
        None => verifier,
    };
    let verifier = match anchor_in(dir, policy)? {
        Some(anchor) => verifier.anchor(anchor),
        None => verifier,
    };
    let lively = !quiet && io::stderr().is_terminal();
    let mut next = PROGRESS_ENTRIES;
    let report = verifier.run(&DirSource::new(dir), &mut |progress: Progress| {
        if lively && progress.entries_done >= next {
            next = progress.entries_done + PROGRESS_ENTRIES;
            let _ = write!(io::stderr(), "\r{} of {} entries", progress.entries_done, progress.entries_total);
        }
    });
    if lively && next > PROGRESS_ENTRIES {
        say::note("");
    }
    Ok(Verified { report, key, key_from })
}

/// The anchor that lies in a folder, opened with the policy's key for the log of logs, else with the key beside it. Nothing
/// when there is none, or the policy does not know that log.
fn anchor_in(dir: &Path, policy: Option<&Policy>) -> Result<Option<Result<Anchor, AnchorFault>>> {
    let path = dir.join(ANCHOR_PATH);
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = files::read_at_most(&path, PROOF_BYTES_MAX as u64)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let proof = LogProof::parse(&bytes).with_context(|| format!("{} is no proof", path.display()))?;
    let origin = proof.note.first_line();
    let mut keys: Vec<VerifierKey> = match policy {
        Some(policy) => policy.logs().iter().map(|log| log.key.clone()).collect(),
        None => vec![key_in(&dir.join(INSTANCE_VKEY_FILE))?],
    };
    keys.retain(|key| key.name().as_str() == origin);
    if policy.is_some() && keys.is_empty() {
        return Ok(None);
    }
    Ok(Some(Anchor::open(&proof, &keys)))
}

/// The exit status a report stands for.
pub(crate) fn exit_code(report: &Report) -> ExitCode {
    match report.verdict() {
        Verdict::Intact => ExitCode::SUCCESS,
        Verdict::Damaged => DAMAGED.into(),
        Verdict::Untrusted => UNTRUSTED.into(),
    }
}

/// The exit status a report and the receipts held against its log stand for.
pub(crate) fn exit_with(report: &Report, receipts: Option<&Receipts>) -> ExitCode {
    match (report.verdict(), receipts.and_then(Receipts::exit)) {
        (Verdict::Intact, Some(code)) => code.into(),
        _ => exit_code(report),
    }
}

/// Prints the report.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn tell(verified: &Verified, as_json: bool) -> io::Result<()> {
    tell_with(verified, None, as_json)
}

/// The same, with what became of receipts.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn tell_with(verified: &Verified, receipts: Option<&Receipts>, as_json: bool) -> io::Result<()> {
    if as_json {
        let mut said = json!({
            "report": verified.report,
            "vkey": verified.key.to_string(),
            "vkey_from": verified.key_from.unwrap_or("the folder itself"),
            "proves": proof(verified),
        });
        if let (Some(said), Some(receipts)) = (said.as_object_mut(), receipts) {
            said.insert("receipts".to_owned(), receipts.json());
        }
        return say::json(&said);
    }
    let mut said = text(verified);
    if let Some(receipts) = receipts {
        said.push('\n');
        said.push_str(&receipts.text());
    }
    say::out(said)
}

/// What the report means, in words, and no more than it means.
fn proof(verified: &Verified) -> &'static str {
    match (verified.report.verdict(), verified.key_from.is_some(), verified.report.continues.is_empty()) {
        (Verdict::Untrusted, ..) => "Nothing: no genuine checkpoint vouches for these entries.",
        (Verdict::Damaged, ..) => {
            "The checkpoint is genuine, and what is listed was changed after it was signed."
        }
        (Verdict::Intact, ..)
            if verified.report.anchor.as_ref().is_some_and(|anchor| !anchor.witnesses.is_empty()) =>
        {
            "The folder is whole, and the log of logs holds a head of it that witnesses have seen: no entry up to that head \
             was changed, removed, inserted or moved since. What came after it rests on the key alone until the next one."
        }
        (Verdict::Intact, false, true) => {
            "The folder is whole: every entry is the one its checkpoint signed. The key came from the folder itself, \
             so whoever could replace the whole folder could have replaced the key too: compare the key with the one \
             you know, and give it with --vkey."
        }
        (Verdict::Intact, false, false) => {
            "The folder is whole and continues the earlier checkpoints. The key came from the folder itself: compare \
             it with the one you know, and give it with --vkey."
        }
        (Verdict::Intact, true, true) if !verified.report.witnesses.is_empty() => {
            "No entry up to the checkpoint was changed, removed, inserted or moved since the witnesses saw it. As long as \
             they are honest, nobody was shown another history of this log."
        }
        (Verdict::Intact, true, true) => {
            "No entry up to the checkpoint was changed, removed, inserted or moved since it was signed with this key. \
             That nobody signed another history with the same key, only an earlier checkpoint kept elsewhere shows: \
             give it with --older; or witnesses, whom --policy names."
        }
        (Verdict::Intact, true, false) => {
            "No entry was changed, removed, inserted or moved since it was signed with this key, and the log continues \
             the earlier checkpoints you kept."
        }
    }
}

fn text(verified: &Verified) -> String {
    let report = &verified.report;
    let word = match report.verdict() {
        Verdict::Intact => "INTACT",
        Verdict::Damaged => "DAMAGED",
        Verdict::Untrusted => "UNTRUSTED",
    };
    let mut lines = vec![format!("{word}: {}", proof(verified)), String::new()];
    let mut row = |name: &str, value: String| lines.push(format!("  {name:<12} {value}"));
    if let Some(origin) = &report.origin {
        row("Log", origin.clone());
    }
    row("Key", format!("{} (from {})", verified.key, verified.key_from.unwrap_or("the folder itself")));
    row(
        "Entries",
        format!("{} signed, {} read, {} bytes", report.size, report.entries_read, report.entry_bytes),
    );
    if let Some(root) = &report.root {
        row("Root", root.to_base64());
    }
    if let (Some(first), Some(last)) = (&report.first_at, &report.last_at) {
        row("From, to", format!("{first}  {last}"));
    }
    if !report.personal.is_empty() {
        let (shown, gone) = (report.personal.disclosed, report.personal.not_disclosed);
        row("Personal", format!("{shown} values are those committed to, {gone} erased or not disclosed"));
    }
    for witness in &report.witnesses {
        row("Witnessed", format!("{} by {}", seconds(witness.at), witness.vkey));
    }
    if let Some(anchor) = &report.anchor {
        row(
            "Anchored",
            format!("the first {} entries, as entry {} of {}", anchor.size, anchor.index, anchor.by),
        );
        for witness in &anchor.witnesses {
            row("", format!("which {} saw at {}", witness.vkey, seconds(witness.at)));
        }
    }
    if let Some(archived) = &report.archived {
        row("Archived", archived.to_string());
    }
    for size in &report.continues {
        row("Continues", format!("the checkpoint of {size} entries"));
    }
    for (kind, count) in &report.kinds {
        row("", format!("{count:>8}  {kind}"));
    }
    if report.findings_total > 0 {
        lines.push(String::new());
        lines.push(format!("What is wrong ({}):", report.findings_total));
        lines.extend(report.findings.iter().map(|finding| format!("  {finding}")));
        let hidden = report.findings_total.saturating_sub(report.findings.len() as u64);
        if hidden > 0 {
            lines.push(format!("  … and {hidden} more"));
        }
    }
    lines.join("\n") + "\n"
}

/// A time in whole seconds since 1970, as people read it.
pub(crate) fn seconds(at: u64) -> String {
    let micros = i64::try_from(at).ok().and_then(|at| at.checked_mul(1_000_000));
    micros.map_or_else(|| at.to_string(), |micros| Timestamp::from_unix_micros(micros).to_string())
}

/// A policy file.
///
/// # Errors
/// When it cannot be read; which line is wrong.
pub(crate) fn policy_in(path: &Path) -> Result<Policy> {
    let bytes = files::read_at_most(path, POLICY_BYTES_MAX as u64)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let text = std::str::from_utf8(&bytes).with_context(|| format!("{} is not text", path.display()))?;
    Policy::parse(text).with_context(|| format!("{} is no witness policy", path.display()))
}

/// The key that a policy has for the log in a folder.
pub(super) fn key_by(policy: &Policy, dir: &Path) -> Result<Trust> {
    if policy.logs().is_empty() {
        return Ok(Trust::Folder);
    }
    let note =
        Note::parse(&read_small(&dir.join(CHECKPOINT_PATH))?).context("the checkpoint cannot be read")?;
    let origin = note.first_line();
    match policy.logs().iter().find(|log| log.key.name().as_str() == origin) {
        Some(log) => Ok(Trust::Known { key: log.key.clone(), from: "--policy" }),
        // The policy knows the log of logs, which holds the head that this key signed.
        None if anchor_in(dir, Some(policy))?.is_some() => Ok(Trust::Folder),
        None => bail!("the policy names neither the log `{origin}` nor one that holds its head"),
    }
}

/// The key that lies in an exported folder.
///
/// # Errors
/// When there is none, or it does not read.
pub(crate) fn key_of(dir: &Path) -> Result<VerifierKey> {
    let path = dir.join(VKEY_FILE);
    if !path.is_file() {
        bail!("{} has no {VKEY_FILE}; give the log's key with --vkey", dir.display());
    }
    key_in(&path)
}

fn key_in(path: &Path) -> Result<VerifierKey> {
    let bytes = read_small(path)?;
    let text = std::str::from_utf8(&bytes).with_context(|| format!("{} is not text", path.display()))?;
    text.trim().parse().with_context(|| format!("{} holds no verifier key", path.display()))
}

/// A key as the operator gave it: its text, or a file that holds it.
///
/// # Errors
/// When it is neither.
pub(crate) fn given_key(text: &str) -> Result<VerifierKey> {
    match text.trim().parse() {
        Ok(key) => Ok(key),
        Err(_) if Path::new(text).is_file() => key_in(Path::new(text)),
        Err(error) => Err(error).context("--vkey is neither a verifier key nor a file that holds one"),
    }
}

pub(super) fn checkpoint_of(path: &Path, key: &VerifierKey) -> Result<Checkpoint> {
    let note = Note::parse(&read_small(path)?)
        .with_context(|| format!("{} is no signed checkpoint", path.display()))?;
    Checkpoint::open(&note, std::slice::from_ref(key))
        .with_context(|| format!("{} is no checkpoint of this log", path.display()))
}

/// Reads a checkpoint or key file.
///
/// # Errors
/// When it cannot be read or is longer than such a file can be.
pub(crate) fn read_small(path: &Path) -> Result<Vec<u8>> {
    files::read_at_most(path, NOTE_BYTES_MAX as u64)
        .with_context(|| format!("cannot read {}", path.display()))
}
