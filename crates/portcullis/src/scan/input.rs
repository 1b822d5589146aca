//! Documents from files and standard input.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::Value;

/// The largest document read at once, in bytes.
const DOCUMENT_BYTES_MAX: u64 = 64 << 20;

/// One text.
pub(super) struct Document<'a> {
    /// Where it came from: a file's name, or `-`.
    pub(super) name: &'a str,
    /// Its id, in JSON lines.
    pub(super) id: Value,
    pub(super) text: &'a str,
    /// It was a line of JSON and goes out as one.
    pub(super) line: bool,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    id: Value,
    text: String,
}

/// Calls `each` with every document of the files, or of standard input when none is named.
pub(super) fn each(
    files: &[PathBuf],
    jsonl: bool,
    mut stdin: impl BufRead,
    each: &mut impl FnMut(&Document<'_>) -> Result<()>,
) -> Result<()> {
    if files.is_empty() {
        return documents("-", jsonl, &mut stdin, each).context("standard input");
    }
    for path in files {
        if path.as_path() == Path::new("-") {
            documents("-", jsonl, &mut stdin, each).context("standard input")?;
            continue;
        }
        let name = path.display().to_string();
        let mut file = BufReader::new(File::open(path).with_context(|| name.clone())?);
        documents(&name, jsonl, &mut file, each).with_context(|| name.clone())?;
    }
    Ok(())
}

fn documents(
    name: &str,
    jsonl: bool,
    from: &mut impl BufRead,
    each: &mut impl FnMut(&Document<'_>) -> Result<()>,
) -> Result<()> {
    if !jsonl {
        let mut bytes = Vec::new();
        read(&mut from.by_ref().take(DOCUMENT_BYTES_MAX + 1), &mut bytes)?;
        // What is not UTF-8 cannot be a finding, and the rest of such a file still can.
        let text = String::from_utf8_lossy(&bytes);
        return each(&Document { name, id: Value::Null, text: &text, line: false });
    }
    let mut number = 0_u64;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        number += 1;
        if from.by_ref().take(DOCUMENT_BYTES_MAX + 1).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(());
        }
        check(bytes.len())?;
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let line: Line = serde_json::from_slice(&bytes)
            .with_context(|| format!("line {number} is not {{\"id\": …, \"text\": …}}"))?;
        each(&Document { name, id: line.id, text: &line.text, line: true })?;
    }
}

fn read(from: &mut impl Read, bytes: &mut Vec<u8>) -> Result<()> {
    from.read_to_end(bytes)?;
    check(bytes.len())
}

fn check(bytes: usize) -> Result<()> {
    if bytes as u64 > DOCUMENT_BYTES_MAX {
        bail!("a document is larger than {} MiB; cut it, or use --jsonl", DOCUMENT_BYTES_MAX >> 20);
    }
    Ok(())
}
