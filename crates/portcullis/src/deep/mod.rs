//! The model for deep reading: where it lies, how it is fetched, and how gate four hears it.

pub mod fetch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use deep::{Kind, LoadError, Model, PARTS};
use pii::{Class, Reader, Reading};

use crate::embedded::files;

/// The version that is fetched; a folder of its own, so that another one never finds half of it.
pub const VERSION: &str = "1.4.0";

/// Where the model lies below a data directory.
pub fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("models").join(format!("rampart-{VERSION}"))
}

/// Why the model that lies there is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// A file is missing or cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// The model of a data directory, read and built; `None` when none was fetched. Takes a moment.
///
/// # Errors
/// When something lies there that is not the pinned model.
pub fn load(data_dir: &Path) -> Result<Option<Arc<dyn Reader>>, Unusable> {
    let folder = folder(data_dir);
    if !folder.exists() {
        return Ok(None);
    }
    let [network, vocabulary, licence] = PARTS.map(|part| {
        let path = folder.join(part.name);
        files::read_at_most(&path, part.bytes).map_err(|source| Unusable::File { path, source })
    });
    PARTS[2].check(&licence?).map_err(LoadError::from)?;
    Ok(Some(Arc::new(Rampart(Model::load(network?, &vocabulary?)?))))
}

/// [`load`] for a server that starts. Without a usable model it starts as well: organizations that ask for deep reading are
/// refused by gate four, the others are served.
pub(crate) async fn at_start(data_dir: &Path) -> Option<Arc<dyn Reader>> {
    let at = data_dir.to_owned();
    let loaded = tokio::task::spawn_blocking(move || load(&at)).await;
    match loaded {
        Ok(Ok(Some(reader))) => {
            tracing::info!(version = VERSION, "the model for deep reading is loaded");
            Some(reader)
        }
        Ok(Ok(None)) => None,
        Ok(Err(error)) => {
            tracing::error!(%error, "the model for deep reading cannot be used; fetch it again");
            None
        }
        Err(error) => {
            tracing::error!(%error, "the model for deep reading could not be built");
            None
        }
    }
}

#[derive(Debug)]
struct Rampart(Model);

impl Reader for Rampart {
    fn at_once(&self) -> usize {
        deep::READS_AT_ONCE_MAX
    }

    fn read(&self, sentence: &str) -> Option<Vec<Reading>> {
        match self.0.read(sentence) {
            Ok(readings) => Some(readings.into_iter().map(reading).collect()),
            Err(error) => {
                tracing::error!(%error, "a sentence could not be read twice");
                None
            }
        }
    }
}

fn reading(one: deep::Reading) -> Reading {
    let class = match one.kind {
        Kind::Person => Class::Person,
        Kind::Address => Class::Address,
    };
    Reading { class, range: one.range }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_loaded_where_nothing_lies_and_no_other_bytes_are_used() {
        let dir = std::env::temp_dir().join(format!("portcullis-deep-{}", files::random_name().unwrap()));
        assert!(load(&dir).unwrap().is_none());
        let at = folder(&dir);
        files::make_dir(&at, 0o755).unwrap();
        assert!(matches!(load(&dir), Err(Unusable::File { .. })));
        for part in PARTS {
            std::fs::write(at.join(part.name), b"something else").unwrap();
        }
        let refused = load(&dir).unwrap_err();
        assert!(refused.to_string().contains("SHA-256"), "{refused}");
        std::fs::remove_dir_all(dir).unwrap();
    }
}
