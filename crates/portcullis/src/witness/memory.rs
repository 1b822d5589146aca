//! What a witness remembers: its key, and the last checkpoint of each log. On the disk before anybody is answered.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use app::audit::HeadMemory as _;
use audit_log::note::Note;
use audit_log::{Cosigner, KeyName, Seen};
use crypto::SystemRng;
use kernel::Rng as _;
use zeroize::Zeroizing;

use crate::embedded::files;
use crate::heads::{HeadFiles, file_name};

/// Rewritten logs whose proof is kept; further ones are refused all the same, and named in the log of the witness.
const FORKS_KEPT_MAX: usize = 1_000;

/// Only the witness's account looks into it.
const DIR_MODE: u32 = 0o700;

/// The folder.
#[derive(Debug)]
pub(crate) struct Memory {
    dir: PathBuf,
    heads: HeadFiles,
    /// Held for as long as this lives: two witnesses with one key and two memories could cosign a fork.
    _lock: File,
}

impl Memory {
    /// Opens the folder, making it and a key when it is new. The name belongs to the key and does not change.
    ///
    /// # Errors
    /// When the folder cannot be used, is in use, or is of another name.
    pub(crate) fn open(dir: &Path, name: KeyName) -> Result<(Self, Cosigner)> {
        let place = || dir.display().to_string();
        files::make_dir(&dir.join("forks"), DIR_MODE).with_context(place)?;
        let lock = File::create(dir.join("lock")).with_context(place)?;
        if lock.try_lock().is_err() {
            bail!("{} is in use by another witness", dir.display());
        }
        let heads = HeadFiles::open(dir).with_context(place)?;
        let memory = Self { dir: dir.to_owned(), heads, _lock: lock };
        let cosigner = memory.cosigner(name)?;
        Ok((memory, cosigner))
    }

    fn cosigner(&self, name: KeyName) -> Result<Cosigner> {
        let (path, named) = (self.dir.join("seed"), self.dir.join("name"));
        if !path.try_exists()? {
            let seed = Zeroizing::new(SystemRng.bytes32());
            // The name first: a key without a name could be given two.
            self.heads.write("name", name.as_str().as_bytes())?;
            self.heads.write("seed", seed.as_slice())?;
        }
        let known = fs::read_to_string(&named).with_context(|| named.display().to_string())?;
        if known != name.as_str() {
            bail!("the key in {} is of `{known}`, not of `{name}`", self.dir.display());
        }
        let mut seed = Zeroizing::new([0; 32]);
        let mut file = File::open(&path).with_context(|| path.display().to_string())?;
        file.read_exact(seed.as_mut_slice()).with_context(|| path.display().to_string())?;
        Cosigner::from_seed(name, &seed).context("the key cannot be used")
    }

    /// What was seen of a log.
    ///
    /// # Errors
    /// When the file cannot be read or is not what was written: then nothing is known, and nothing may be cosigned.
    pub(crate) fn seen(&self, origin: &str) -> io::Result<Seen> {
        self.heads.seen(origin)
    }

    /// Remembers a log's checkpoint: when this returns it is on the disk, or the one before still is.
    ///
    /// # Errors
    /// When it could not be written; then it must not be cosigned.
    pub(crate) fn keep(&self, origin: &str, note: &Note) -> io::Result<()> {
        self.heads.keep(origin, note)
    }

    /// Keeps the proof that a log was rewritten: what its own key signed. Best effort, and bounded.
    pub(crate) fn keep_fork(&self, note: &Note) -> io::Result<()> {
        let text = note.to_string();
        let name = format!("forks/{}", file_name(&text));
        if fs::read_dir(self.dir.join("forks"))?.count() >= FORKS_KEPT_MAX {
            return Err(io::Error::other("there is no room for more proofs of rewritten logs"));
        }
        self.heads.write(&name, text.as_bytes())
    }
}
