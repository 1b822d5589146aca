//! The proof of one entry (C2SP `tlog-proof`), verified offline.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use audit_log::proof_file::{PROOF_BYTES_MAX, ProofFault};
use audit_log::verify::Witnessed;
use audit_log::{LogProof, VerifierKey};
use serde_json::{Value, json};

use super::VerifyArgs;
use super::folder::{self, DAMAGED, UNTRUSTED};
use crate::embedded::files;
use crate::say;

/// Verifies one proof file that carries its entry.
///
/// # Errors
/// When the file, the key or the policy cannot be read. What is wrong with the proof is said on standard output.
pub(super) fn run(args: &VerifyArgs, path: &Path) -> Result<ExitCode> {
    if !args.older.is_empty() {
        bail!("--older compares logs; a proof of one entry has no other");
    }
    let bytes = files::read_at_most(path, PROOF_BYTES_MAX as u64)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let proof = LogProof::parse(&bytes).with_context(|| format!("{} is no proof", path.display()))?;
    let policy = args.policy.as_deref().map(folder::policy_in).transpose()?;
    let mut keys: Vec<VerifierKey> =
        args.vkey.as_deref().map(folder::given_key).transpose()?.into_iter().collect();
    if let (Some(policy), true) = (&policy, keys.is_empty()) {
        keys.extend(policy.logs().iter().map(|log| log.key.clone()));
    }
    if keys.is_empty() {
        bail!("a proof carries no key: give the log's with --vkey, or a policy that names it with --policy");
    }
    // All keys of one log bear its origin; a policy may know several logs.
    let origin = proof.note.first_line().to_owned();
    keys.retain(|key| key.name().as_str() == origin);
    let Some(verified) = proof.verify_own(&keys) else {
        bail!("the proof does not carry its entry, so there is nothing to compare")
    };
    let mut witnesses = Vec::new();
    let result = match (verified, &policy) {
        (Ok(checkpoint), Some(policy)) => {
            let found = policy.cosignatures(&proof.note)?;
            witnesses = found.iter().map(Witnessed::from).collect();
            if policy.is_met_by(&found) {
                Ok(checkpoint)
            } else {
                Err((UNTRUSTED, "too few witnesses have cosigned its checkpoint".to_owned()))
            }
        }
        (Ok(checkpoint), None) => Ok(checkpoint),
        (Err(fault @ ProofFault::Checkpoint(_)), _) => Err((UNTRUSTED, fault.to_string())),
        (Err(fault @ ProofFault::Inclusion(_)), _) => Err((DAMAGED, fault.to_string())),
    };
    let entry = proof.extra.as_deref().and_then(|leaf| serde_json::from_slice::<Value>(leaf).ok());
    if args.json {
        say::json(&json!({
            "proven": result.is_ok(),
            "fault": result.as_ref().err().map(|(_, why)| why),
            "origin": origin,
            "index": proof.index,
            "size": result.as_ref().ok().map(audit_log::Checkpoint::size),
            "witnesses": witnesses,
            "entry": if result.is_ok() { entry } else { None },
        }))?;
    } else {
        say::out(text(&proof, &origin, result.as_ref(), &witnesses, entry.as_ref()))?;
    }
    Ok(result.map_or_else(|(code, _)| code.into(), |_| ExitCode::SUCCESS))
}

fn text(
    proof: &LogProof,
    origin: &str,
    result: Result<&audit_log::Checkpoint, &(u8, String)>,
    witnesses: &[Witnessed],
    entry: Option<&Value>,
) -> String {
    let checkpoint = match result {
        Ok(checkpoint) => checkpoint,
        Err((DAMAGED, why)) => return format!("NOT PROVEN: {why}.\n"),
        Err((_, why)) => return format!("UNTRUSTED: {why}.\n"),
    };
    let mut lines = vec![
        format!(
            "PROVEN: this entry is number {} of the {} that the log had when it signed.",
            proof.index,
            checkpoint.size()
        ),
        String::new(),
        format!("  Log          {origin}"),
    ];
    let witness = |seen: &Witnessed| format!("  Witnessed    {} by {}", folder::seconds(seen.at), seen.vkey);
    lines.extend(witnesses.iter().map(witness));
    for (name, member) in [
        ("At", "at"),
        ("Kind", "kind"),
        ("Action", "action"),
        ("Outcome", "outcome"),
        ("Request", "request_id"),
    ] {
        if let Some(value) = entry.and_then(|entry| entry[member].as_str()) {
            lines.push(format!(
                "  {name:<12} {}",
                value.chars().filter(|c| !c.is_control()).collect::<String>()
            ));
        }
    }
    lines.join("\n") + "\n"
}
