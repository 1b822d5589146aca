//! An evidence pack, verified offline.

use std::io::{self, BufReader, IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use audit_log::VerifierKey;
use evidence::verify::Verdict;
use evidence::{PackReport, verify_pack};
use serde_json::{Value, json};

use super::VerifyArgs;
use super::folder::{self, DAMAGED, UNTRUSTED};
use crate::say;

/// How an archive begins.
const MAGIC: &[u8] = b"PK\x03\x04";

/// Whether the file is an archive rather than a proof, which is text.
pub(super) fn is_archive(path: &Path) -> bool {
    let mut head = [0; MAGIC.len()];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == MAGIC
}

/// Verifies a pack.
///
/// # Errors
/// When the file, the key or the policy cannot be read. What is wrong with the pack is said on standard output.
pub(super) fn run(args: &VerifyArgs, path: &Path) -> Result<ExitCode> {
    if !args.older.is_empty() {
        bail!("--older compares logs; a pack is a part of one");
    }
    let mut keys: Vec<VerifierKey> =
        args.vkey.as_deref().map(folder::given_key).transpose()?.into_iter().collect();
    if let (Some(policy), true) = (&args.policy, keys.is_empty()) {
        let policy = folder::policy_in(policy)?;
        keys.extend(policy.logs().iter().map(|log| log.key.clone()));
        if keys.is_empty() {
            bail!("the policy names no log, so it gives no key");
        }
    }
    let report = verify(path, &keys, args.json)?;
    let known = !keys.is_empty();
    if args.json {
        say::json(&json!({ "report": report, "key_from": origin(known), "proves": proves(&report, known) }))?;
    } else {
        say::out(text(&report, known))?;
    }
    Ok(match report.verdict() {
        Verdict::Intact => ExitCode::SUCCESS,
        Verdict::Damaged => DAMAGED.into(),
        Verdict::Untrusted => UNTRUSTED.into(),
    })
}

/// Verifies the pack in a file, with progress for whoever waits at a terminal.
///
/// # Errors
/// When the file cannot be opened.
pub(crate) fn verify(path: &Path, keys: &[VerifierKey], quiet: bool) -> Result<PackReport> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lively = !quiet && io::stderr().is_terminal();
    let report = verify_pack(BufReader::new(file), keys, &mut |done, total| {
        if lively {
            let _ = write!(io::stderr(), "\r{done} of {total} entries");
        }
    });
    if lively {
        let _ = write!(io::stderr(), "\r");
    }
    Ok(report)
}

const fn origin(known: bool) -> &'static str {
    if known { "elsewhere" } else { "the pack itself" }
}

const fn proves(report: &PackReport, known: bool) -> &'static str {
    match (report.verdict(), known) {
        (Verdict::Untrusted, _) => {
            "Nothing: the manifest or the checkpoint is not signed with the key of the log."
        }
        (Verdict::Damaged, _) => "The manifest is genuine, and what is listed is not what was signed.",
        (Verdict::Intact, true) => {
            "Every file is the one that was signed with this key, every entry stands in the log where the pack says, and what \
             the tables and counts say follows from the entries. What a pack does not prove stands in it (not_proven)."
        }
        (Verdict::Intact, false) => {
            "The pack is whole. The key came from the pack itself, so whoever could replace the pack could have replaced the \
             key too: compare the key with the one you know, and give it with --vkey."
        }
    }
}

/// Whether a time-stamping authority vouches for when the pack was made.
fn stamped(report: &PackReport) -> String {
    let said = |name: &str| {
        let word = report.manifest.as_ref()?.get("timestamp")?.get(name)?.as_str()?;
        Some(word.chars().filter(|c| !c.is_control()).collect::<String>())
    };
    match (&report.timestamp, said("outcome").as_deref()) {
        (Some(stamped), _) => format!(
            "{} by policy {}; who signed it is not checked here (openssl ts -verify)",
            stamped.at, stamped.policy
        ),
        (None, Some("token")) => "no token for this manifest, which names one".to_owned(),
        (None, Some("failed")) => {
            format!("none: the authority gave no token ({})", said("why").unwrap_or_default())
        }
        (None, _) => "none".to_owned(),
    }
}

/// What was found, for people.
pub(crate) fn text(report: &PackReport, known: bool) -> String {
    let word = match report.verdict() {
        Verdict::Intact => "INTACT",
        Verdict::Damaged => "DAMAGED",
        Verdict::Untrusted => "UNTRUSTED",
    };
    let mut lines = vec![format!("{word}: {}", proves(report, known)), String::new()];
    let manifest = report.manifest.as_ref();
    let member = |pointer: &str| {
        let value = manifest?.pointer(pointer)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some(text.chars().filter(|c| !c.is_control()).collect::<String>())
    };
    for (name, pointers) in [
        ("Framework", ["/framework/title", ""]),
        ("For", ["/organization/name", "/organization/id"]),
        ("Period", ["/period/from", "/period/to"]),
        ("Made", ["/created_at", ""]),
        ("Log", ["/log/origin", ""]),
        ("Root", ["/log/root", ""]),
    ] {
        let found: Vec<String> =
            pointers.into_iter().filter(|at| !at.is_empty()).filter_map(member).collect();
        if !found.is_empty() {
            lines.push(format!("  {name:<12} {}", found.join("  ")));
        }
    }
    if let Some(vkey) = &report.vkey {
        lines.push(format!("  {:<12} {vkey} (from {})", "Key", origin(known)));
    }
    if let Some(sha256) = &report.manifest_sha256 {
        lines.push(format!("  {:<12} sha256 {sha256}", "Manifest"));
        lines.push(format!("  {:<12} {}", "Time-stamp", stamped(report)));
        let held_back =
            manifest.and_then(|manifest| manifest.pointer("/range/held_back")).and_then(Value::as_u64);
        lines.push(format!(
            "  {:<12} {} in their place, {} more by hash alone; {} files, {} proofs",
            "Entries",
            report.entries,
            held_back.unwrap_or_default(),
            report.files,
            report.proofs
        ));
    }
    if report.findings_total > 0 {
        lines.push(String::new());
        lines.push(format!("What is wrong ({}):", report.findings_total));
        lines.extend(report.findings.iter().map(|finding| {
            let line = finding.line.map(|line| format!(", line {line}")).unwrap_or_default();
            let clean = |text: &str| text.chars().filter(|c| !c.is_control()).collect::<String>();
            format!("  {}{line}: {}", clean(&finding.file), clean(&finding.detail))
        }));
        let hidden = report.findings_total.saturating_sub(report.findings.len() as u64);
        if hidden > 0 {
            lines.push(format!("  … and {hidden} more"));
        }
    }
    lines.join("\n") + "\n"
}
