//! `ENCRYPTION_KEY`: from the environment, from a file, or, for `up` alone, made once and kept in the data directory.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use crypto::{InstanceKey, SystemRng};
use kernel::Rng as _;
use zeroize::Zeroizing;

use crate::embedded::files;

use super::{Environment, Faults};

/// Longest key file that is read.
const KEY_FILE_BYTES_MAX: u64 = 1_024;

/// The instance's key as the operator gave it.
pub enum KeySetting {
    /// A key that reads.
    Given(InstanceKey),
    /// None was given.
    Absent,
}

impl KeySetting {
    /// Reads `ENCRYPTION_KEY`, or the file that `ENCRYPTION_KEY_FILE` names; and `ENCRYPTION_KEY_OTHER` in the same way, which is
    /// there while the key is being changed.
    pub fn read(environment: &dyn Environment, faults: &mut Faults) -> Self {
        let key = read_one(environment, faults, KEY);
        let other = read_one(environment, faults, OTHER);
        match (key, other) {
            (Some((key, _)), Some((other, name))) => match key.beside(other) {
                Ok(key) => Self::Given(key),
                Err(error) => {
                    faults.add(name, about(&error.to_string()));
                    Self::Absent
                }
            },
            (Some((key, _)), None) => Self::Given(key),
            (None, Some((_, name))) => {
                faults.add(name, "it goes beside ENCRYPTION_KEY, which is not set.");
                Self::Absent
            }
            (None, None) => Self::Absent,
        }
    }

    /// The key, or a sentence that says how to give one.
    ///
    /// # Errors
    /// When none was given.
    pub fn required(self) -> Result<InstanceKey, Faults> {
        match self {
            Self::Given(key) => Ok(key),
            Self::Absent => {
                let mut faults = Faults::default();
                faults.add(
                    "ENCRYPTION_KEY",
                    "it is not set. It encrypts stored secrets and signs what the database checks; \
                     make one with: openssl rand -base64 32, and keep it: without it the data cannot be used.",
                );
                Err(faults)
            }
        }
    }
}

/// The names of a key: of its text, and of the path to a file with it.
type Names = (&'static str, &'static str);
const KEY: Names = ("ENCRYPTION_KEY", "ENCRYPTION_KEY_FILE");
const OTHER: Names = ("ENCRYPTION_KEY_OTHER", "ENCRYPTION_KEY_OTHER_FILE");

/// A secret that is given as text or as the path to a file with it, and under which name it was given.
pub(super) fn secret_text(
    environment: &dyn Environment,
    faults: &mut Faults,
    (plain, file): Names,
) -> Option<(Zeroizing<String>, &'static str)> {
    match (environment.get(plain), environment.get(file)) {
        (Some(_), Some(_)) => {
            faults.add(plain, format!("{file} is set too; set one of them."));
            None
        }
        (Some(text), None) => Some((text, plain)),
        (None, Some(path)) => match read_file(Path::new(path.as_str())) {
            Ok(text) => Some((text, file)),
            Err(error) => {
                faults.add(file, format!("{error}."));
                None
            }
        },
        (None, None) => None,
    }
}

/// One key, and under which name it was given.
fn read_one(
    environment: &dyn Environment,
    faults: &mut Faults,
    names: Names,
) -> Option<(InstanceKey, &'static str)> {
    let (text, name) = secret_text(environment, faults, names)?;
    match InstanceKey::parse(&text) {
        Ok(key) => Some((key, name)),
        Err(error) => {
            faults.add(name, about(&error.to_string()));
            None
        }
    }
}

/// What is wrong with a key: the sentence names a variable itself, and the fault does so too.
fn about(sentence: &str) -> String {
    let said = sentence
        .strip_prefix("ENCRYPTION_KEY_OTHER")
        .or_else(|| sentence.strip_prefix("ENCRYPTION_KEY"))
        .map_or_else(|| sentence.to_owned(), |rest| format!("it{rest}"));
    format!("{said}.")
}

/// The key `up` uses: the given one, else the one in `file`, else a new one that is kept there.
///
/// # Errors
/// When the file cannot be read or written, or holds no key.
pub fn embedded_key(given: KeySetting, file: &Path) -> Result<InstanceKey> {
    if let KeySetting::Given(key) = given {
        return Ok(key);
    }
    if let Some(key) = existing_embedded_key(file)? {
        // A start that was killed may have made it and not waited for the disk.
        files::sync_parent(file).with_context(|| format!("could not keep {}", file.display()))?;
        return Ok(key);
    }
    let key = InstanceKey::from_bytes(SystemRng.bytes32()).context("a random key could not be made")?;
    let text = Zeroizing::new(format!("{}\n", *key.to_base64()));
    files::write_new_atomically(file, text.as_bytes(), 0o600)
        .with_context(|| format!("could not write the new encryption key to {}", file.display()))?;
    Ok(key)
}

/// The key an earlier `up` kept in `file`, if there is one; with the one in the file beside it that ends in `.other`, while the
/// key is being changed.
///
/// # Errors
/// When a file is there and cannot be used.
pub fn existing_embedded_key(file: &Path) -> Result<Option<InstanceKey>> {
    let Some(key) = key_in(file)? else { return Ok(None) };
    let beside = file.with_added_extension("other");
    match key_in(&beside)? {
        Some(other) => {
            let both = key.beside(other);
            Ok(Some(both.with_context(|| format!("{} holds no other key", beside.display()))?))
        }
        None => Ok(Some(key)),
    }
}

/// The key in a file, if the file is there.
fn key_in(file: &Path) -> Result<Option<InstanceKey>> {
    match read_file(file) {
        Ok(text) => {
            let key = InstanceKey::parse(&text);
            Ok(Some(key.with_context(|| format!("{} holds no usable key", file.display()))?))
        }
        Err(KeyFileError::Io(_, error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => bail!("{error}"),
    }
}

/// The same key once more, with the other one where there is one; the type itself cannot be cloned by accident.
///
/// # Errors
/// Never for a key that was valid; the constructor checks again.
pub fn copy_key(key: &InstanceKey) -> Result<InstanceKey> {
    let copy = InstanceKey::parse(&key.to_base64())?;
    Ok(match key.other() {
        Some(other) => copy.beside(other)?,
        None => copy,
    })
}

#[derive(Debug, thiserror::Error)]
enum KeyFileError {
    #[error("{} cannot be read: {}", .0.display(), .1)]
    Io(PathBuf, io::Error),
    #[error("{} is readable by others; make it private with: chmod 600", .0.display())]
    Open(PathBuf),
}

fn read_file(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    use std::os::unix::fs::MetadataExt as _;
    let failed = |error| KeyFileError::Io(path.to_owned(), error);
    let meta = std::fs::metadata(path).map_err(failed)?;
    // Orchestrators mount secrets as root's with group access; anybody's access is what must not be.
    if meta.mode() & 0o007 != 0 {
        return Err(KeyFileError::Open(path.to_owned()));
    }
    files::read_text(path, KEY_FILE_BYTES_MAX).map(Zeroizing::new).map_err(failed)
}
