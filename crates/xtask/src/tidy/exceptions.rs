//! Where a rule does not hold, and why. The list may only shrink: an exception nothing needs is a finding.

/// One file in which one rule does not hold.
#[derive(Debug)]
pub(crate) struct Exception {
    /// Name of the rule.
    pub(crate) rule: &'static str,
    /// Path from the repository root.
    pub(crate) path: &'static str,
    /// Why the rule is wrong there; shown by `cargo xtask tidy --list`.
    pub(crate) reason: &'static str,
}

/// Every exception.
pub(crate) const EXCEPTIONS: &[Exception] = &[
    Exception {
        rule: "sql-place",
        path: "crates/xtask/src/tidy/rules/sql.rs",
        reason: "the rule's own list of how statements begin",
    },
    Exception {
        rule: "sql-borrowed",
        path: "crates/store/src/schema.rs",
        reason: "set-up runs on the owner's own connection, before there is a tenant or a pass",
    },
    Exception {
        rule: "ignored-test",
        path: "crates/portcullis/src/embedded/tests/lives.rs",
        reason: "not a test of its own: the process that the test beside it starts and kills",
    },
];
