//! A pack on disk: a folder, or the file that signing makes of one.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use packs::Document;
use packs::document::{FILES_MAX, PACK_BYTES_MAX};
use serde_json::Value;

use crate::embedded::files;

/// Most bytes of a signed pack: the document, spelled at its worst, and a signature.
const SIGNED_BYTES_MAX: u64 = 8 * PACK_BYTES_MAX as u64;

/// A signed pack.
pub(super) struct Signed {
    pub(super) document: Document,
    pub(super) signature: String,
}

/// The pack at this path, whichever it is.
pub(super) fn read(path: &Path) -> Result<Document> {
    if path.is_dir() { folder(path) } else { signed(path).map(|signed| signed.document) }
}

/// A signed pack.
pub(super) fn signed(path: &Path) -> Result<Signed> {
    let text = files::read_text(path, SIGNED_BYTES_MAX)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let value: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is no signed pack", path.display()))?;
    let document = Document::of_json(&value["document"])?;
    let signature = value["signature"].as_str().context("the pack has no signature")?.to_owned();
    Ok(Signed { document, signature })
}

/// A folder. What begins with a dot, and what a signature made, is none of the pack.
pub(super) fn folder(dir: &Path) -> Result<Document> {
    let mut found = BTreeMap::new();
    take(dir, "", &mut found)?;
    for inner in ["policies", "tests"] {
        if dir.join(inner).is_dir() {
            take(&dir.join(inner), &format!("{inner}/"), &mut found)?;
        }
    }
    Ok(Document::of_files(found)?)
}

fn take(dir: &Path, prefix: &str, found: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            bail!("{} has a name that is no text", entry.path().display())
        };
        if name.starts_with('.') || name.ends_with(".pack.json") {
            continue;
        }
        let folder = entry.file_type()?.is_dir();
        if folder && prefix.is_empty() && matches!(name, "policies" | "tests") {
            continue;
        }
        if folder {
            bail!("{} is a folder that no pack has", entry.path().display());
        }
        if found.len() >= FILES_MAX {
            bail!("a pack has at most {FILES_MAX} files");
        }
        let text = files::read_text(&entry.path(), PACK_BYTES_MAX as u64)
            .with_context(|| format!("cannot read {}", entry.path().display()))?;
        found.insert(format!("{prefix}{name}"), text);
    }
    Ok(())
}
