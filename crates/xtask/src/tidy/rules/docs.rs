//! Pages and the links between them.

use crate::tidy::Finding;
use crate::tidy::tree::{File, Tree};

/// A relative link: its line, the path it leads to from the root, and the anchor on that page.
struct Link {
    line: usize,
    written: String,
    /// `None` when it climbs out of the repository.
    path: Option<String>,
    anchor: Option<String>,
}

/// Our own Markdown files.
fn pages(tree: &Tree) -> impl Iterator<Item = &File> {
    tree.files.iter().filter(|file| file.extension() == "md" && !file.is_foreign())
}

/// Lines of a page that are prose, not code.
fn prose(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    file.lines().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The relative links of a page; links to other hosts are left to their owners.
fn relative_links(file: &File) -> Vec<Link> {
    let mut found = Vec::new();
    for (line, text) in prose(file) {
        for target in targets(text) {
            if target.contains("://") || target.starts_with("mailto:") || target.is_empty() {
                continue;
            }
            let (path, anchor) = match target.split_once('#') {
                Some((path, anchor)) => (path, Some(anchor.to_owned())),
                None => (target, None),
            };
            let path = if path.is_empty() { Some(file.path.clone()) } else { resolve(file.folder(), path) };
            found.push(Link { line, written: target.to_owned(), path, anchor });
        }
    }
    found
}

/// What stands in the parentheses of `[text](target "title")`, and after `[label]:`.
fn targets(line: &str) -> Vec<&str> {
    let without_code: Vec<&str> = line.split('`').step_by(2).collect();
    let mut found = Vec::new();
    // A link's text may hold code, so the line is cut at the target, not at the text.
    for part in line.match_indices("](").map(|(at, _)| &line[at + 2..]) {
        if let Some((target, _)) = part.split_once(')')
            && without_code.iter().any(|text| text.contains(target))
        {
            found.push(target);
        }
    }
    if let Some((_, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
        found.push(target);
    }
    found.into_iter().map(|target| target.split_whitespace().next().unwrap_or("")).collect()
}

/// The path a link in `folder` leads to.
fn resolve(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    if path.starts_with('/') {
        parts.clear();
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The anchor of a heading, as the common forges make it.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    heading
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        })
        .collect()
}

fn has_anchor(page: &File, wanted: &str) -> bool {
    prose(page).filter(|(_, line)| line.starts_with('#')).any(|(_, line)| anchor(line) == wanted)
}

/// A link leads to a file, a folder, or a heading that is there.
pub(crate) fn links(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in pages(tree) {
        for link in relative_links(file) {
            let Some(path) = link.path.filter(|path| tree.has(path)) else {
                let message = format!("the link `{}` leads nowhere: mend or remove it", link.written);
                findings.push(Finding::new(&file.path, link.line, message));
                continue;
            };
            if let Some(wanted) = link.anchor
                && let Some(page) = tree.get(&path).filter(|page| page.extension() == "md")
                && !has_anchor(page, &wanted)
            {
                let message = format!("{path} has no heading `#{wanted}`: mend the link");
                findings.push(Finding::new(&file.path, link.line, message));
            }
        }
    }
}

/// Each page under `docs/` is linked from `README.md`, `docs/README.md`, or the README of its own folder.
pub(crate) fn reached(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in pages(tree).filter(|file| file.path.starts_with("docs/") && file.path != "docs/README.md") {
        let own = format!("{}/README.md", file.folder());
        let mut indexes = vec!["README.md", "docs/README.md"];
        if own != file.path {
            indexes.push(&own);
        }
        let linked = indexes
            .iter()
            .filter_map(|index| tree.get(index))
            .flat_map(relative_links)
            .any(|link| link.path.as_deref() == Some(file.path.as_str()));
        if !linked {
            let message = "no index links to this page: link it from docs/README.md";
            findings.push(Finding::new(&file.path, 0, message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_from_links_and_not_from_code() {
        assert_eq!(
            targets("see [a](b.md), [`c`](d.md \"title\") and ![e](f.png)"),
            ["b.md", "d.md", "f.png"]
        );
        assert_eq!(targets("write `[a](b.md)` for a link"), Vec::<&str>::new());
        assert_eq!(targets("[label]: ../x.md"), ["../x.md"]);
        assert_eq!(targets("no [x], no (y), no ](z"), Vec::<&str>::new());
    }

    #[test]
    fn paths_resolve_from_their_folder_and_never_out_of_the_tree() {
        assert_eq!(resolve("docs/adr", "../x.md").as_deref(), Some("docs/x.md"));
        assert_eq!(resolve("", "./a/../b").as_deref(), Some("b"));
        assert_eq!(resolve("docs", "/README.md").as_deref(), Some("README.md"));
        assert_eq!(resolve("docs", "..").as_deref(), Some(""));
        assert_eq!(resolve("docs", "../../x"), None);
    }

    #[test]
    fn anchors_are_made_of_headings() {
        assert_eq!(anchor("## How to: build & run"), "how-to-build--run");
        assert_eq!(anchor("# `cargo xtask up`"), "cargo-xtask-up");
    }
}
