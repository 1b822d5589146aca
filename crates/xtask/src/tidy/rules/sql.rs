//! Where SQL may stand, and what the store's SQL must not say.

use std::collections::BTreeMap;

use crate::tidy::Finding;
use crate::tidy::lex::Kind;
use crate::tidy::tree::{File, Tree, crate_of};

/// Crates whose product code may hold SQL.
const SQL_CRATES: &[&str] = &["gates", "store"];

/// Where models become functions of a database: text is written there and run nowhere.
const WRITTEN_NOT_RUN: &str = "crates/authz/src/sql/";

/// The crate that may run SQL made at run time: it alone knows which text is safe.
const ASSERTING_CRATE: &str = "gates";

/// Folder of the migrations.
const MIGRATIONS: &str = "crates/store/migrations";

/// Openings of SQL statements: the first words, then words one of which must follow; none when that is enough.
const OPENINGS: &[(&str, &[&str])] = &[
    ("SELECT", &["FROM", "WHERE", "SET_CONFIG", "CURRENT_SETTING", "NULLIF", "PG_BACKEND_PID"]),
    ("INSERT INTO", &[]),
    ("UPDATE", &["SET"]),
    ("DELETE FROM", &[]),
    ("TRUNCATE TABLE", &[]),
    ("MERGE INTO", &[]),
    ("WITH", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("CREATE", OBJECTS),
    ("ALTER", OBJECTS),
    ("DROP", OBJECTS),
    ("COMMENT ON", OBJECTS),
    ("GRANT", &["ON", "TO"]),
    ("REVOKE", &["ON", "FROM"]),
    ("SET ROLE", &[]),
    ("SET LOCAL", &[]),
    ("SET SESSION", &[]),
    ("SET CONSTRAINTS", &[]),
    ("RESET ROLE", &[]),
    ("LOCK TABLE", &[]),
    ("BEGIN;", &[]),
    ("BEGIN READ", &[]),
    ("BEGIN ISOLATION", &[]),
    ("START TRANSACTION", &[]),
    ("COMMIT;", &[]),
    ("ROLLBACK;", &[]),
    ("EXPLAIN", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("COPY", &["FROM", "TO"]),
];

/// What can be created, altered and dropped.
const OBJECTS: &[&str] = &[
    "DATABASE",
    "DOMAIN",
    "EXTENSION",
    "FUNCTION",
    "INDEX",
    "MATERIALIZED",
    "POLICY",
    "PROCEDURE",
    "ROLE",
    "SCHEMA",
    "SEQUENCE",
    "TABLE",
    "TRIGGER",
    "TYPE",
    "USER",
    "VIEW",
];

/// Statements that are one word.
const LONE: &[&str] = &["BEGIN", "COMMIT", "ROLLBACK"];

/// What only the gates may say: who begins, who ends, and as whom.
const GATE_WORDS: &[&str] = &[
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "START TRANSACTION",
    "SET_CONFIG",
    "SET ROLE",
    "SET LOCAL",
    "RESET ROLE",
    "SET SESSION",
];

/// SQL outside the crates that own the database escapes row-level security's reviewers.
pub(crate) fn place(tree: &Tree, findings: &mut Vec<Finding>) {
    let elsewhere = |file: &&File| {
        !SQL_CRATES.iter().any(|name| file.in_crate(name)) && !file.path.starts_with(WRITTEN_NOT_RUN)
    };
    for file in tree.rust().filter(elsewhere) {
        for (line, text) in product_strings(file) {
            if looks_like_sql(text) {
                let start: String = text.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
                let message = format!(
                    "SQL (`{start} …`): put the statement into `store` (or `gates`) and call it from here"
                );
                findings.push(Finding::new(&file.path, line, message));
            }
        }
    }
    for file in tree.files.iter().filter(|file| file.extension() == "sql" && !file.is_foreign()) {
        if !SQL_CRATES.contains(&crate_of(&file.path).unwrap_or("")) && !file.is_test_file() {
            findings.push(Finding::new(&file.path, 0, "an SQL file: its place is `store` or `gates`"));
        }
    }
}

/// The driver takes only fixed text; the wrapper that lets other text through is the gates' own.
pub(crate) fn assert_safe(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree.rust().filter(|file| !file.in_crate(ASSERTING_CRATE)) {
        for token in file.tokens.iter().filter(|token| token.kind == Kind::Ident) {
            if file.token_text(token) == "AssertSqlSafe" && !file.is_test_line(token.line) {
                let message =
                    "`AssertSqlSafe` outside the gates: write the statement as fixed text with parameters";
                findings.push(Finding::new(&file.path, token.line, message));
            }
        }
    }
}

/// BEGIN is gate three and COMMIT is gate five: between them the store only works.
pub(crate) fn borrowed(tree: &Tree, findings: &mut Vec<Finding>) {
    for file in tree.rust().filter(|file| file.path.starts_with("crates/store/src/")) {
        for (line, text) in product_strings(file) {
            let sql = looks_like_sql(text);
            let words = normal(text);
            for word in GATE_WORDS {
                // In prose (an error message) a lower-case "commit" is only a word.
                let said = if sql { has_words(&words, word) } else { has_words(text, word) };
                if said || (*word == "SET_CONFIG" && has_words(&words, word)) {
                    let message = format!(
                        "`{word}` in the store: only the gates begin and end transactions and say as whom"
                    );
                    findings.push(Finding::new(&file.path, line, message));
                }
            }
        }
    }
}

/// Migrations are `<number>_<name>.sql`, each number once, all numbers of one width so that they sort.
pub(crate) fn migrations(tree: &Tree, findings: &mut Vec<Finding>) {
    let mut taken: BTreeMap<u64, &str> = BTreeMap::new();
    let mut width = None;
    for file in tree.files.iter().filter(|file| file.folder() == MIGRATIONS && file.extension() != "md") {
        let number = file.name().strip_suffix(".sql").and_then(|stem| stem.split_once('_'));
        let number = number.filter(|(digits, name)| {
            digits.bytes().all(|b| b.is_ascii_digit())
                && !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        });
        let Some((digits, number)) = number.and_then(|(d, _)| d.parse::<u64>().ok().map(|n| (d, n))) else {
            let message = "not `<number>_<name>.sql` in lower case: the migrator would pass it over";
            findings.push(Finding::new(&file.path, 0, message));
            continue;
        };
        if let Some(other) = taken.insert(number, &file.path) {
            let message = format!("number {number} is taken by {other}: take the next free one");
            findings.push(Finding::new(&file.path, 0, message));
        }
        if *width.get_or_insert(digits.len()) != digits.len() {
            let message =
                "the number has another width than the others: pad it with zeros so that files sort";
            findings.push(Finding::new(&file.path, 0, message));
        }
    }
}

/// String literals of the file that are not test code, with their lines.
fn product_strings(file: &File) -> impl Iterator<Item = (usize, &str)> {
    file.tokens
        .iter()
        .filter(|token| token.kind == Kind::Str && !file.is_test_line(token.line))
        .map(|token| (token.line, file.token_text(token)))
}

/// Upper case, with single spaces; escapes of line ends count as spaces.
fn normal(text: &str) -> String {
    let text = text.replace("\\n", " ").replace("\\\n", " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_uppercase()
}

/// Whether a string literal reads like an SQL statement. Statements in lower case must also show a sign of SQL, for
/// "select one of the models from the list" is English.
fn looks_like_sql(text: &str) -> bool {
    let upper = normal(text);
    let Some((opening, followers)) = OPENINGS.iter().find(|(opening, _)| {
        upper.strip_prefix(opening).is_some_and(|rest| opening.ends_with(';') || !rest.starts_with(is_word))
    }) else {
        return LONE.contains(&text.trim());
    };
    let follows =
        followers.is_empty() || followers.iter().any(|word| has_words(&upper[opening.len()..], word));
    let shouted =
        text.trim_start().starts_with(opening.split(' ').next().unwrap_or(opening).trim_end_matches(';'));
    follows && (shouted || text.contains(['*', '=', '$', '(', ';']))
}

/// Whether `words` occurs in `text` and is not part of longer words.
fn has_words(text: &str, words: &str) -> bool {
    text.match_indices(words)
        .any(|(at, _)| !text[..at].ends_with(is_word) && !text[at + words.len()..].starts_with(is_word))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_from_english() {
        for text in [
            "SELECT 1 FROM account",
            "select id from account where x = $1",
            "\n   SELECT\\n a FROM b",
            "INSERT INTO a VALUES ($1)",
            "UPDATE a SET b = 1",
            "DELETE FROM a",
            "CREATE TABLE a ()",
            "BEGIN",
            "CREATE UNIQUE INDEX a ON b (c)",
            "WITH a AS (SELECT 1) SELECT 2",
            "GRANT SELECT ON a TO b",
            "COMMIT",
            "BEGIN; SELECT 1",
            "SET LOCAL statement_timeout = 1",
            "SELECT set_config('a', 'b', true)",
            "ROLLBACK;",
            "DROP ROLE x",
            "alter table a add column b int;",
        ] {
            assert!(looks_like_sql(text), "{text}");
        }
        for text in [
            "",
            "select one of the models from the list",
            "Update the set of keys",
            "delete from the console",
            "with a select few",
            "SELECTED FROM",
            "begin",
            "commit",
            "create a table of contents",
            "Grant access to",
            "CREATED",
            "COMMITTED",
            "UPDATE",
            "BEGINNING",
            "the SELECT of FROM",
            "copy it to another place",
            "WITHOUT SELECT",
        ] {
            assert!(!looks_like_sql(text), "{text}");
        }
    }
}
