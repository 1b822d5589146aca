//! The part of `cargo metadata` the checks read.
//!
//! Format version 1 is stable: fields may be added, so unknown ones are ignored.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::process;

/// The workspace and, when resolved, everything it depends on.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// Every package in the graph; only the workspace's own when not resolved.
    pub(crate) packages: Vec<Package>,
    /// Ids of the workspace's own packages.
    pub(crate) workspace_members: BTreeSet<String>,
    /// Where build outputs go.
    pub(crate) target_directory: PathBuf,
    /// Folder of the root manifest.
    pub(crate) workspace_root: PathBuf,
    /// The dependency graph; absent when metadata was read without dependencies.
    #[serde(default)]
    pub(crate) resolve: Option<Resolve>,
}

/// One package: ours or other people's.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// SPDX expression, when the package states one.
    #[serde(default)]
    pub(crate) license: Option<String>,
    /// Licence file named by the manifest, relative to it.
    #[serde(default)]
    pub(crate) license_file: Option<String>,
    #[serde(default)]
    pub(crate) repository: Option<String>,
    pub(crate) manifest_path: PathBuf,
    /// What the manifest asks for, on every platform.
    #[serde(default)]
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a manifest's dependency tables.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    /// The package's name, also when the manifest renames it.
    pub(crate) name: String,
    /// `None` for `[dependencies]`, else `build` or `dev`.
    #[serde(default)]
    pub(crate) kind: Option<String>,
}

impl Dependency {
    /// Whether the dependency is there when the crate is built, not only when it is tested.
    pub(crate) fn ships(&self) -> bool {
        self.kind.as_deref() != Some("dev")
    }
}

/// The resolved graph.
#[derive(Debug, Deserialize)]
pub(crate) struct Resolve {
    pub(crate) nodes: Vec<Node>,
}

/// One package's resolved dependencies.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) deps: Vec<NodeDep>,
}

/// An edge of the resolved graph.
#[derive(Debug, Deserialize)]
pub(crate) struct NodeDep {
    pub(crate) pkg: String,
    #[serde(default)]
    pub(crate) dep_kinds: Vec<DepKind>,
}

/// Why an edge exists; one edge may have several reasons.
#[derive(Debug, Deserialize)]
pub(crate) struct DepKind {
    #[serde(default)]
    pub(crate) kind: Option<String>,
}

impl Metadata {
    /// Reads the workspace's own packages; fast, needs no lock file and no network.
    pub(crate) fn of_workspace(dir: &Path) -> Result<Self> {
        Self::read(dir, &["--no-deps"])
    }

    /// Reads the whole graph exactly as `Cargo.lock` pins it; fails when the lock file is out of date.
    pub(crate) fn locked(dir: &Path) -> Result<Self> {
        Self::read(dir, &["--locked"])
            .context("Cargo.lock does not match the manifests: run `cargo check` and commit Cargo.lock")
    }

    fn read(dir: &Path, extra: &[&str]) -> Result<Self> {
        let mut command = process::cargo(dir);
        command.args(["metadata", "--format-version", "1"]).args(extra);
        Self::parse(&process::output(&mut command)?)
    }

    /// Parses what `cargo metadata --format-version 1` prints.
    pub(crate) fn parse(json: &str) -> Result<Self> {
        serde_json::from_str(json).context("`cargo metadata` printed something this version cannot read")
    }

    /// The workspace's own packages, by name.
    pub(crate) fn members(&self) -> BTreeMap<&str, &Package> {
        self.packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
            .map(|package| (package.name.as_str(), package))
            .collect()
    }

    /// Whether the workspace has a crate of this name.
    pub(crate) fn has_member(&self, name: &str) -> bool {
        self.members().contains_key(name)
    }

    /// Other people's packages that are built for our crate `root`, directly or not, on any platform; what only
    /// tests need is left out. Sorted by name and version.
    pub(crate) fn third_party(&self, root: &str) -> Vec<&Package> {
        let by_id: HashMap<&str, &Package> = self.packages.iter().map(|p| (p.id.as_str(), p)).collect();
        let nodes: HashMap<&str, &Node> =
            self.resolve.iter().flat_map(|r| &r.nodes).map(|n| (n.id.as_str(), n)).collect();
        let mut open: Vec<&str> = self.members().get(root).map(|p| p.id.as_str()).into_iter().collect();
        let mut seen: BTreeSet<&str> = open.iter().copied().collect();
        while let Some(id) = open.pop() {
            for dep in nodes.get(id).into_iter().flat_map(|node| &node.deps) {
                let ships = dep.dep_kinds.is_empty()
                    || dep.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev"));
                if ships && seen.insert(&dep.pkg) {
                    open.push(&dep.pkg);
                }
            }
        }
        let mut found: Vec<&Package> = seen
            .into_iter()
            .filter(|id| !self.workspace_members.contains(*id))
            .filter_map(|id| by_id.get(id).copied())
            .collect();
        found.sort_by(|a, b| (&a.name, &a.version, &a.id).cmp(&(&b.name, &b.version, &b.id)));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str) -> String {
        format!(r#"{{"id":"{name}","name":"{name}","version":"1.0.0","manifest_path":"{name}/Cargo.toml"}}"#)
    }

    #[test]
    fn third_party_follows_what_ships_and_leaves_test_helpers_out() {
        let packages = ["ours", "other", "a", "b", "only-tests", "far"].map(package).join(",");
        let json = format!(
            r#"{{"packages":[{packages}],"workspace_members":["ours","other"],"target_directory":"t",
            "workspace_root":"w","resolve":{{"nodes":[
              {{"id":"ours","deps":[{{"pkg":"b","dep_kinds":[{{"kind":null}}]}},
                                  {{"pkg":"only-tests","dep_kinds":[{{"kind":"dev"}}]}}]}},
              {{"id":"other","deps":[{{"pkg":"far","dep_kinds":[{{"kind":null}}]}}]}},
              {{"id":"b","deps":[{{"pkg":"a","dep_kinds":[{{"kind":"dev"}},{{"kind":"build"}}]}},
                               {{"pkg":"b","dep_kinds":[{{"kind":null}}]}}]}}]}}}}"#
        );
        let metadata = Metadata::parse(&json).unwrap();
        let names =
            |root: &str| metadata.third_party(root).iter().map(|p| p.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names("ours"), ["a", "b"]);
        assert_eq!(names("other"), ["far"]);
        assert_eq!(names("nobody"), Vec::<&str>::new());
    }

    #[test]
    fn unreadable_metadata_is_an_error_not_an_empty_workspace() {
        assert!(Metadata::parse("{}").is_err());
        assert!(Metadata::parse("").is_err());
    }
}
