//! Attributes.

use crate::tidy::Finding;
use crate::tidy::lex;
use crate::tidy::tree::Tree;

/// An ignored test looks like a test and is none.
pub(crate) fn ignored_test(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree.rust() {
        for attribute in lex::attributes(&file.text, &file.tokens) {
            let ignores = match attribute.words.first() {
                Some(&"ignore") => true,
                Some(&"cfg_attr") => attribute.words.contains(&"ignore"),
                _ => false,
            };
            if ignores {
                let line = file.tokens[attribute.tokens.start].line;
                let message = "an ignored test: make it run in the suite, or remove it";
                findings.push(Finding::new(&file.path, line, message));
            }
        }
    }
}
