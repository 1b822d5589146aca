//! Licence texts found in a package.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::metadata::Package;

/// Licences of code copied into a package lie in subfolders; deeper ones are of its tests.
const FOLDER_DEPTH_MAX: usize = 4;

/// Longer files are not licences.
const TEXT_BYTES_MAX: u64 = 256 * 1024;

/// What licence files are called, in lower case.
const NAMES: &[&str] = &["license", "licence", "copying", "copyright", "notice", "unlicense"];

/// What licence files end with, in lower case; none is fine too, and so is `LICENSE-MIT`.
const EXTENSIONS: &[&str] = &["", "md", "txt", "apache", "mit", "bsd", "isc"];

/// The texts of a package, in the order of their paths.
///
/// # Errors
/// When a folder or a file of the package cannot be read.
pub(crate) fn of_package(package: &Package) -> Result<Vec<String>> {
    let folder = package.manifest_path.parent().unwrap_or(Path::new("."));
    let mut files = Vec::new();
    collect(folder, FOLDER_DEPTH_MAX, false, &mut files).with_context(|| {
        format!("could not look for the licences of {} {}", package.name, package.version)
    })?;
    if let Some(named) = &package.license_file {
        // A manifest may name a file of its repository that was not published with it.
        let named = folder.join(named);
        if named.is_file() && !files.contains(&named) {
            files.push(named);
        }
    }
    files.sort();
    let mut texts = Vec::new();
    for file in files {
        let bytes = fs::read(&file).with_context(|| format!("could not read {}", file.display()))?;
        let text = tidy(&String::from_utf8_lossy(&bytes));
        if !text.is_empty() {
            texts.push(text);
        }
    }
    Ok(texts)
}

/// Gathers licence files; in a folder named `LICENSES` every file is one.
fn collect(folder: &Path, depth: usize, all: bool, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        let name = entry.file_name();
        if about.is_dir() && depth > 0 {
            collect(&entry.path(), depth - 1, name.eq_ignore_ascii_case("licenses"), files)?;
        } else if about.is_file() && about.len() <= TEXT_BYTES_MAX && (all || is_licence(&name)) {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn is_licence(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_lowercase();
    let (stem, extension) = name.split_once('.').unwrap_or((&name, ""));
    let starts = |head: &&str| {
        stem.strip_prefix(*head)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']) || rest == "s")
    };
    // `LICENSE-APACHE-2.0` has a version where others have an extension.
    let version = extension.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    NAMES.iter().any(starts) && (EXTENSIONS.contains(&extension) || version)
}

/// One form of line ends, no blanks at the ends of lines, no empty lines around.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.trim_start_matches('\u{FEFF}').lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_files_are_known_by_their_names() {
        for name in [
            "LICENSE",
            "LICENSE-MIT",
            "License.txt",
            "COPYING",
            "LICENCE.md",
            "LICENSE.APACHE",
            "NOTICE",
            "COPYRIGHT",
            "LICENSE-APACHE-2.0",
            "license_boost",
            "UNLICENSE",
            "NOTICES",
        ] {
            assert!(is_licence(OsStr::new(name)), "{name}");
        }
        for name in ["license.rs", "licensed.txt", "README.md", "notice.html", "my-license", "copying.c", ""]
        {
            assert!(!is_licence(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn texts_have_one_form() {
        assert_eq!(tidy("\u{FEFF}\r\n\r\n  a  \r\nb\t\n\n"), "  a\nb");
        assert_eq!(tidy(" \n"), "");
    }

    #[test]
    fn the_texts_of_a_package_are_found_in_it() {
        let json = format!(
            r#"{{"id":"x","name":"x","version":"1.0.0","license_file":"../../LICENSE","manifest_path":{:?}}}"#,
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")
        );
        let package: Package = serde_json::from_str(&json).unwrap();
        let texts = of_package(&package).unwrap();
        assert_eq!(texts.len(), 1);
        assert!(texts[0].contains("Apache License"), "{}", texts[0]);
    }
}
