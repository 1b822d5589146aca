//! The rules, one function each.

mod code;
mod crates;
mod docs;
mod size;
mod sql;
mod words;

use super::Finding;
use super::tree::Tree;

/// A rule: a name for exceptions, one sentence on why it exists, and the check itself.
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) purpose: &'static str,
    pub(crate) check: fn(&Tree, &mut Vec<Finding>),
}

/// Every rule, in the order of the report.
pub(crate) const RULES: &[Rule] = &[
    Rule { name: "file-length", purpose: "a file fits in the head", check: size::file_length },
    Rule {
        name: "whitespace",
        purpose: "no tabs and no trailing blanks in Rust files",
        check: size::whitespace,
    },
    Rule {
        name: "ignored-test",
        purpose: "a test that does not run proves nothing",
        check: code::ignored_test,
    },
    Rule {
        name: "unfinished",
        purpose: "what is not done is an issue, not a comment",
        check: words::unfinished,
    },
    Rule { name: "words", purpose: "no paths of one machine, no registry hosts", check: words::forbidden },
    Rule { name: "sql-place", purpose: "SQL stands in gates, store and migrations only", check: sql::place },
    Rule {
        name: "sql-assert",
        purpose: "only the gates may run SQL made at run time",
        check: sql::assert_safe,
    },
    Rule {
        name: "sql-borrowed",
        purpose: "the store never begins or ends a transaction",
        check: sql::borrowed,
    },
    Rule {
        name: "migrations",
        purpose: "migrations have an order and it is theirs alone",
        check: sql::migrations,
    },
    Rule { name: "crate-name", purpose: "a crate is found in the folder of its name", check: crates::name },
    Rule {
        name: "crate-manifest",
        purpose: "a crate says what it is and obeys the lints",
        check: crates::manifest,
    },
    Rule {
        name: "crate-unused",
        purpose: "a dependency nobody names is weight and risk",
        check: crates::unused,
    },
    Rule { name: "doc-reached", purpose: "a page nobody links to is not read", check: docs::reached },
    Rule { name: "doc-links", purpose: "a link leads somewhere", check: docs::links },
];
