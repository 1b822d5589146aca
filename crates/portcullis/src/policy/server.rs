//! What the server does with packs.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::{Value, json};

use super::args::{ActivateArgs, RevokeArgs, StatusArgs, TrustArgs};
use super::{NOT_SOUND, folder, offline};
use crate::embedded::files;
use crate::packs::call::Server;
use crate::say;

/// The way to them.
const PACKS: &str = "/api/v1/policies/packs";
/// The way to the keys.
const KEYS: &str = "/api/v1/policies/keys";
/// Bytes of a file with a public key.
const KEY_BYTES_MAX: u64 = 1_024;

pub(super) async fn trust(args: &TrustArgs, key: &str) -> Result<ExitCode> {
    let path = Path::new(&args.key);
    let public = if args.key.contains('+') {
        args.key.clone()
    } else {
        files::read_text(path, KEY_BYTES_MAX).with_context(|| format!("cannot read {}", path.display()))?
    };
    let public = public.trim();
    let name = args.name.clone().unwrap_or_else(|| public.split('+').next().unwrap_or_default().to_owned());
    let body = json!({
        "name": name, "key": public, "not_before": args.not_before, "expires_at": args.expires_at,
    });
    let trusted = Server::new(&args.server, key).json(Method::POST, KEYS, Some(&body)).await?;
    if args.server.json {
        say::json(&trusted)?;
    } else {
        say::out(format_args!("{} is trusted: {}\n", word(&trusted, "name"), word(&trusted, "id")))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn revoke(args: &RevokeArgs, key: &str) -> Result<ExitCode> {
    let path = format!("{KEYS}/{}", args.id);
    Server::new(&args.server, key).done(Method::DELETE, &path, &json!({})).await?;
    if args.server.json {
        say::json(&json!({ "id": args.id, "revoked": true }))?;
    } else {
        say::out(format_args!("{} is revoked.\n", args.id))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn status(args: &StatusArgs, key: &str) -> Result<ExitCode> {
    let found = Server::new(&args.server, key).json(Method::GET, PACKS, None).await?;
    if args.server.json {
        say::json(&found)?;
    } else {
        say::out(told(&found))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn rollback(args: &StatusArgs, key: &str) -> Result<ExitCode> {
    let path = format!("{PACKS}/roll-back");
    let turn = Server::new(&args.server, key).json(Method::POST, &path, None).await?;
    if args.server.json {
        say::json(&turn)?;
    } else if turn["pack"].is_null() {
        say::out("No pack is in force.\n")?;
    } else {
        say::out(format_args!("{} is in force.\n", word(&turn, "pack")))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn activate(args: &ActivateArgs, key: &str) -> Result<ExitCode> {
    let signed = folder::signed(&args.file)?;
    let server = Server::new(&args.server, key);
    let sha256 = packs::manifest::hex(signed.document.sha256());
    let found = server.json(Method::GET, PACKS, None).await?;
    let there = found["packs"]
        .as_array()
        .and_then(|packs| packs.iter().find(|pack| pack["sha256"] == sha256.as_str()));
    let id = if let Some(pack) = there {
        word(pack, "id")
    } else {
        let document: Value = serde_json::from_slice(signed.document.bytes())?;
        let body = json!({ "document": document, "signature": signed.signature });
        word(&server.json(Method::POST, PACKS, Some(&body)).await?, "id")
    };
    if let Some(hash) = &args.confirm {
        let path = format!("{PACKS}/{id}/activate");
        let turn = server.json(Method::POST, &path, Some(&json!({ "dry_run": hash }))).await?;
        if args.server.json {
            say::json(&turn)?;
        } else {
            say::out(format_args!("{id} is in force.\n"))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let tried = server.json(Method::POST, &format!("{PACKS}/{id}/dry-run"), None).await?;
    if args.server.json {
        say::json(&tried)?;
    } else {
        say::out(differences(&tried))?;
        say::out(format_args!(
            "Nothing is in force yet. To put it into force within the hour:\n  portcullis policy activate {} --confirm {}\n",
            args.file.display(),
            word(&tried, "sha256")
        ))?;
    }
    Ok(ExitCode::from(NOT_SOUND))
}

/// A member, without what could play tricks on a terminal.
fn word(value: &Value, name: &str) -> String {
    match &value[name] {
        Value::String(text) => offline::plain(text),
        Value::Null => String::new(),
        other => offline::plain(&other.to_string()),
    }
}

/// What a dry run showed, in lines.
fn differences(tried: &Value) -> String {
    let report = &tried["report"];
    let mut lines = format!(
        "{} against {} recorded decisions ({} more cannot be told):\n  {} would have been refused, {} would have been allowed.\n",
        word(report, "pack"),
        word(report, "replayed"),
        word(report, "unknown"),
        word(report, "would_refuse"),
        word(report, "would_allow"),
    );
    for (mark, list) in [("-", "refused"), ("+", "allowed")] {
        for item in report[list].as_array().into_iter().flatten() {
            let by: Vec<&str> =
                item["policies"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let _ = writeln!(
                lines,
                "  {mark} {} {} by {} {} {}",
                word(item, "at"),
                word(item, "action"),
                word(item, "actor_kind"),
                word(item, "actor"),
                offline::plain(&by.join(", ")),
            );
        }
    }
    lines + &personal(&report["personal_data"]) + &parts(report) + &roles(&report["roles"])
}

/// What would change in limits and about tools, in lines; nothing when they stay as they are.
fn parts(report: &Value) -> String {
    let mut lines = String::new();
    for (name, told) in [("limits", &report["limits"]), ("tools", &report["tools"])] {
        if !told.is_object() {
            continue;
        }
        let _ = writeln!(lines, "  {name}.json would change:");
        let list = |member: &str| told[member].as_array().cloned().unwrap_or_default();
        for (mark, member) in [("-", "before"), ("+", "after"), ("?", "unknown")] {
            for said in list(member).iter().filter_map(Value::as_str) {
                let _ = writeln!(lines, "  {mark} {}", offline::plain(said));
            }
        }
        let exceed = told["would_exceed"].as_object().into_iter().flatten();
        for (limit, count) in exceed.filter(|(_, count)| count.as_u64() != Some(0)) {
            let _ = writeln!(lines, "  ! {count} recorded calls are over {}", offline::plain(limit));
        }
    }
    lines
}

/// What another floor would have done about personal data, in lines; nothing when none comes or goes.
fn personal(told: &Value) -> String {
    if !told.is_object() {
        return String::new();
    }
    let mut lines = format!(
        "  Of {} entries about calls, {} would have been treated otherwise:\n",
        word(told, "looked_at"),
        word(told, "changed"),
    );
    for shift in told["shifts"].as_array().into_iter().flatten() {
        let _ = writeln!(
            lines,
            "  ~ {} on {}: {} instead of {}, {} findings",
            word(shift, "class"),
            word(shift, "channel"),
            word(shift, "then"),
            word(shift, "now"),
            word(shift, "findings"),
        );
    }
    for unknown in told["unknown"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let _ = writeln!(lines, "  ? {}", offline::plain(unknown));
    }
    lines
}

/// What would become of the templates of roles that come with it, in lines; nothing when there are none.
fn roles(told: &Value) -> String {
    let mut lines = String::new();
    let names = |list: &Value, sign: &str| {
        let list = list.as_array().into_iter().flatten().filter_map(Value::as_str);
        list.fold(String::new(), |line, name| line + " " + sign + &offline::plain(name))
    };
    for one in told.as_array().into_iter().flatten() {
        let why = one["why"].as_str().map_or_else(String::new, |why| format!(": {}", offline::plain(why)));
        let _ = writeln!(
            lines,
            "  ~ template {} ({} hold it): {}{why}{}{}",
            word(one, "template"),
            word(one, "held_by"),
            word(one, "then"),
            names(&one["gains"], "+"),
            names(&one["loses"], "-"),
        );
    }
    lines
}

/// How it stands, in lines.
fn told(found: &Value) -> String {
    let mut lines = String::new();
    let list = |name: &str| found[name].as_array().cloned().unwrap_or_default();
    if found["in_force"].is_null() {
        lines.push_str("No pack is in force.\n");
    }
    for pack in list("packs") {
        let state = if pack["id"] == found["in_force"] { "in force" } else { "        " };
        let _ = writeln!(
            lines,
            "{state}  {}  {} {} ({}, {} policies), uploaded {}",
            word(&pack, "id"),
            word(&pack, "name"),
            word(&pack, "version"),
            word(&pack, "mode"),
            word(&pack, "policies"),
            word(&pack, "uploaded_at")
        );
    }
    for turn in list("turns") {
        let pack = if turn["pack"].is_null() { "no pack".to_owned() } else { word(&turn, "pack") };
        let _ = writeln!(
            lines,
            "turn {} at {}: {} to {pack}",
            word(&turn, "number"),
            word(&turn, "at"),
            word(&turn, "way")
        );
    }
    for key in list("keys") {
        let state = if key["revoked_at"].is_null() { "trusted" } else { "revoked" };
        let _ = writeln!(
            lines,
            "key {}  {state}  {} {}",
            word(&key, "id"),
            word(&key, "name"),
            word(&key, "key")
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_is_told_in_lines_that_play_no_tricks() {
        let tried = json!({ "report": {
            "pack": "p/1+00", "replayed": 12, "unknown": 3, "would_refuse": 1, "would_allow": 0, "allowed": [],
            "refused": [{ "at": "then", "action": "key.create", "actor_kind": "human", "actor": "a\u{1b}[2J", "policies": ["x"] }],
        }});
        assert_eq!(
            differences(&tried),
            "p/1+00 against 12 recorded decisions (3 more cannot be told):\n  1 would have been refused, 0 would have been \
             allowed.\n  - then key.create by human a [2J x\n"
        );
    }

    #[test]
    fn what_becomes_of_templates_is_told_in_lines() {
        let told = json!([
            { "template": "auditor", "then": "changed", "why": null, "gains": ["audit:export"], "loses": ["keys:read"], "held_by": 3 },
            { "template": "admin", "then": "refused", "why": "the product has a role of this name", "gains": [], "loses": [],
              "held_by": 0 },
        ]);
        assert_eq!(
            roles(&told),
            "  ~ template auditor (3 hold it): changed +audit:export -keys:read\n  ~ template admin (0 hold it): refused: the \
             product has a role of this name\n"
        );
        assert_eq!(roles(&Value::Null), "");
    }

    #[test]
    fn what_a_floor_would_have_changed_is_told_in_lines() {
        let told = json!({
            "looked_at": 20, "changed": 3, "uncertain": 0, "unknown": ["IP was not\nlooked for."],
            "shifts": [{ "channel": "prompt", "class": "EMAIL", "now": "off", "then": "strict", "findings": 5 }],
        });
        assert_eq!(
            personal(&told),
            "  Of 20 entries about calls, 3 would have been treated otherwise:\n  ~ EMAIL on prompt: strict instead of off, 5 \
             findings\n  ? IP was not looked for.\n"
        );
        assert_eq!(personal(&Value::Null), "");
    }

    #[test]
    fn what_limits_and_tools_would_change_is_told_in_lines() {
        let report = json!({
            "limits": { "before": [], "after": ["limits.1 for all, key_lifetime_days 30"], "unknown": ["Not\nknown."],
                "would_exceed": { "model_calls_per_minute": 4, "model_output_tokens": 0 } },
        });
        assert_eq!(
            parts(&report),
            "  limits.json would change:\n  + limits.1 for all, key_lifetime_days 30\n  ? Not known.\n  ! 4 recorded calls \
             are over model_calls_per_minute\n"
        );
        assert_eq!(parts(&json!({})), "");
    }
}
