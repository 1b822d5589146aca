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
pub(crate) const EXCEPTIONS: &[Exception] = &[Exception {
    rule: "sql-place",
    path: "crates/xtask/src/tidy/rules/sql.rs",
    reason: "the rule's own list of how statements begin",
}];
