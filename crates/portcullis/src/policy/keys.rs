//! Keys that sign packs, and signing with them. A secret key is one line, as other tools for C2SP signed notes keep theirs:
//! `PRIVATE+KEY+name+id+base64(type || seed)`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use audit_log::{KeyName, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto::SystemRng;
use kernel::Rng as _;
use serde_json::json;
use zeroize::Zeroizing;

use super::args::{NewKeyArgs, SignArgs};
use super::{NOT_SOUND, folder, offline};
use crate::embedded::files;
use crate::say;

/// How a secret key begins.
const HEAD: &str = "PRIVATE+KEY+";
/// The type of an Ed25519 key.
const ED25519: u8 = 1;
/// Bytes of a file with a key.
const KEY_BYTES_MAX: u64 = 1_024;
/// The secret is for its owner.
const SECRET_MODE: u32 = 0o600;
/// A signed pack is for everybody.
const PACK_MODE: u32 = 0o644;

pub(super) fn new(args: &NewKeyArgs) -> Result<ExitCode> {
    let name = KeyName::new(&args.name).context("--name has no blanks and no plus, and at most 255 bytes")?;
    let mut typed = Zeroizing::new([0_u8; 33]);
    SystemRng.fill(&mut typed[1..]);
    typed[0] = ED25519;
    let mut seed = Zeroizing::new([0_u8; 32]);
    seed.copy_from_slice(&typed[1..]);
    let key = SigningKey::from_seed(name, &seed)?;
    let verifier = key.verifier();
    let encoded = Zeroizing::new(STANDARD.encode(typed.as_slice()));
    let line =
        Zeroizing::new(format!("{HEAD}{}+{:08x}+{}\n", verifier.name(), verifier.key_id(), encoded.as_str()));
    files::write_new(&args.out, line.as_bytes(), SECRET_MODE)
        .with_context(|| format!("cannot write {}", args.out.display()))?;
    say::out(format_args!("{verifier}\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<SigningKey> {
    let read = || format!("cannot read {}", path.display());
    let text = Zeroizing::new(files::read_text(path, KEY_BYTES_MAX).with_context(read)?);
    let wrong = || format!("{} holds no secret key of `policy key new`", path.display());
    let rest = text.trim().strip_prefix(HEAD).with_context(wrong)?;
    let (name, rest) = rest.split_once('+').with_context(wrong)?;
    let (id, encoded) = rest.split_once('+').with_context(wrong)?;
    let typed = Zeroizing::new(STANDARD.decode(encoded).ok().with_context(wrong)?);
    let (kind, secret) = typed.split_first().with_context(wrong)?;
    ensure!(*kind == ED25519 && secret.len() == 32, wrong());
    let mut seed = Zeroizing::new([0_u8; 32]);
    seed.copy_from_slice(secret);
    let key = SigningKey::from_seed(KeyName::new(name)?, &seed)?;
    ensure!(format!("{:08x}", key.verifier().key_id()) == id, wrong());
    Ok(key)
}

pub(super) fn sign(args: &SignArgs) -> Result<ExitCode> {
    let document = folder::folder(&args.dir)?;
    let (checked, outcomes) = offline::examined(&document);
    let failed: Vec<_> = outcomes.iter().filter(|outcome| !outcome.passed).cloned().collect();
    let Some(pack) = checked.pack.as_ref().filter(|_| failed.is_empty()) else {
        say::out(offline::findings(&checked))?;
        say::out(offline::told(&failed))?;
        return Ok(ExitCode::from(NOT_SOUND));
    };
    let key = read(&args.key)?;
    let signature = document.sign(&key)?;
    let manifest = pack.manifest();
    let beside = || {
        let name = format!("{}-{}.pack.json", manifest.name, manifest.version);
        args.dir.parent().unwrap_or_else(|| Path::new("")).join(name)
    };
    let out = args.out.clone().unwrap_or_else(beside);
    if out.exists() {
        bail!("{} is there already; a version is signed once", out.display());
    }
    // The document in its canonical bytes, so that the very bytes that are signed can be cut out of the file.
    let text = std::str::from_utf8(document.bytes()).context("the document is no text")?;
    let whole = format!("{{\"document\":{text},\"signature\":\"{signature}\"}}\n");
    files::write_new(&out, whole.as_bytes(), PACK_MODE)
        .with_context(|| format!("cannot write {}", out.display()))?;
    if args.json {
        say::json(&json!({
            "file": out,
            "label": pack.label().as_str(),
            "sha256": packs::manifest::hex(document.sha256()),
            "key": key.verifier().to_string(),
        }))?;
    } else {
        say::out(format_args!("{} signed by {}: {}\n", pack.label(), key.verifier().name(), out.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_not_otherwise() {
        let dir = std::env::temp_dir().join(format!("pc-policy-{}", files::random_name().unwrap()));
        std::fs::create_dir(&dir).unwrap();
        let path = dir.join("policy.key");
        let args = NewKeyArgs { name: "policy.example.com".to_owned(), out: path.clone() };
        new(&args).unwrap();
        let key = read(&path).unwrap();
        assert_eq!(key.verifier().name().as_str(), "policy.example.com");
        assert!(new(&args).is_err(), "a key is never written over");
        let text = std::fs::read_to_string(&path).unwrap();
        for bad in [
            text.replace("PRIVATE", "PUBLIC"),
            text.replace("policy.example", "other.example"),
            "x".to_owned(),
        ] {
            std::fs::write(&path, bad).unwrap();
            assert!(read(&path).is_err());
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
