//! The fuzz targets compile. They are a workspace of their own, which no other step looks at, and fuzzing itself needs a
//! nightly compiler; to see that they still fit the code takes neither that nor a C++ compiler.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process::{self, cargo};

/// The workspace of the fuzz targets.
const MANIFEST: &str = "fuzz/Cargo.toml";
/// Where its targets are, relative to the manifest.
const TARGETS: &str = "fuzz_targets";
/// Where it is built: where everything is, so that of what both workspaces use alike nothing is compiled twice.
const TARGET_DIR: &str = "target";
/// A library the fuzzer need not be built from C++ for. A check links nothing, so that it may be missing.
const NOT_LINKED: &str = "/not-linked/libfuzzer.a";

/// Checks the targets with the compiler at hand.
///
/// # Errors
/// When one does not compile, or one that is there is not named in the manifest and so would not be built.
pub(crate) fn run(root: &Path) -> Result<()> {
    let manifest =
        fs::read_to_string(root.join(MANIFEST)).with_context(|| format!("cannot read {MANIFEST}"))?;
    let folder = root.join("fuzz").join(TARGETS);
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !is_named(&manifest, &name) {
            bail!("{MANIFEST} names no [[bin]] with path = \"{TARGETS}/{name}\", so it is never built");
        }
    }
    process::run(&mut command(root))
        .context("where only the lock file is stale, `cargo xtask regenerate` mends it")
}

/// Brings the lock file up to what the crates of the product depend on now. What it names already stays.
///
/// # Errors
/// When cargo cannot read the workspace or find a package.
pub(crate) fn relock(root: &Path) -> Result<()> {
    let mut metadata = cargo(root);
    metadata.args(["metadata", "--quiet", "--format-version", "1", "--manifest-path", MANIFEST]);
    process::output(&mut metadata).map(drop)
}

fn is_named(manifest: &str, file: &str) -> bool {
    let path = format!("path = \"{TARGETS}/{file}\"");
    manifest.lines().any(|line| line.trim() == path)
}

fn command(root: &Path) -> Command {
    let mut command = cargo(root);
    command.args(["check", "--manifest-path", MANIFEST, "--locked", "--target-dir", TARGET_DIR]);
    command.env("CUSTOM_LIBFUZZER_PATH", NOT_LINKED);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_the_manifest_does_not_name_is_noticed() {
        let manifest = "[[bin]]\nname = \"sse_tap\"\npath = \"fuzz_targets/sse_tap.rs\"\n";
        assert!(is_named(manifest, "sse_tap.rs"));
        assert!(!is_named(manifest, "tap.rs"));
        assert!(!is_named("# path = \"fuzz_targets/sse_tap.rs\"", "sse_tap.rs"));
    }

    #[test]
    fn the_fuzzer_itself_is_not_built() {
        let command = command(Path::new("."));
        assert_eq!(
            process::spell(&command),
            "cargo check --manifest-path fuzz/Cargo.toml --locked --target-dir target"
        );
        assert!(command.get_envs().any(|(name, value)| name == "CUSTOM_LIBFUZZER_PATH" && value.is_some()));
    }
}
