//! The repository xtask works on.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::metadata::Metadata;

/// The crate that ships.
pub(crate) const SERVER: &str = "portcullis";

/// The repository and its workspace.
#[derive(Debug)]
pub(crate) struct Repo {
    metadata: Metadata,
}

impl Repo {
    /// Finds the repository from the current directory.
    ///
    /// # Errors
    /// Outside a cargo workspace, or when a manifest does not parse.
    pub(crate) fn find() -> Result<Self> {
        let metadata = Metadata::of_workspace(Path::new("."))
            .context("run this inside the repository: no readable workspace was found here")?;
        Ok(Self { metadata })
    }

    /// Folder of the root manifest.
    pub(crate) fn root(&self) -> &Path {
        &self.metadata.workspace_root
    }

    /// The workspace's own crates.
    pub(crate) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The build folder.
    pub(crate) fn target(&self) -> &Path {
        &self.metadata.target_directory
    }

    /// Where xtask keeps the tools it installs: inside the build folder, so that `cargo clean` removes them.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target().join("tools")
    }

    /// Whether the crate that ships is part of the workspace.
    pub(crate) fn has_server(&self) -> bool {
        self.metadata.has_member(SERVER)
    }
}
