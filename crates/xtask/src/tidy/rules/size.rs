//! Proportions and blanks.

use crate::tidy::Finding;
use crate::tidy::tree::Tree;

/// Longest Rust file, in lines; about half of it is what to aim for.
const FILE_LINES_MAX: usize = 800;

/// Longest Rust file that holds tests only, in lines.
const TEST_FILE_LINES_MAX: usize = 1_500;

/// Files end before they get too long to hold in the head.
pub(crate) fn file_length(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree.rust() {
        let max = if file.is_test_file() { TEST_FILE_LINES_MAX } else { FILE_LINES_MAX };
        let lines = file.text.lines().count();
        if lines > max {
            let message = format!("{lines} lines, at most {max}: split the file by subject");
            findings.push(Finding::new(&file.path, 0, message));
        }
    }
}

/// rustfmt leaves strings and comments alone; this does not.
pub(crate) fn whitespace(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree.rust() {
        for (number, line) in file.lines() {
            if line.contains('\t') {
                findings.push(Finding::new(&file.path, number, "a tab: write spaces, or \\t in a string"));
            }
            if line.ends_with([' ', '\t', '\r']) {
                findings.push(Finding::new(&file.path, number, "blanks at the end of the line: remove them"));
            }
        }
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            findings.push(Finding::new(&file.path, 0, "no line feed at the end: add one"));
        }
    }
}
