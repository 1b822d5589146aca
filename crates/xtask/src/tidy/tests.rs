//! Each rule, tripped on purpose.

use super::*;

/// What the rule of this name says about these files, as `path:line message`.
fn findings(rule: &str, files: &[(&str, &str)]) -> Vec<String> {
    let rule = RULES.iter().find(|known| known.name == rule).expect("a rule of that name");
    let mut findings = Vec::new();
    (rule.check)(&Tree::of(files), &mut findings);
    findings.into_iter().map(|f| format!("{}:{} {}", f.path, f.line, f.message)).collect()
}

#[track_caller]
fn assert_one(rule: &str, files: &[(&str, &str)], expected: &str) {
    let found = findings(rule, files);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains(expected), "{}", found[0]);
}

#[track_caller]
fn assert_none(rule: &str, files: &[(&str, &str)]) {
    assert_eq!(findings(rule, files), Vec::<String>::new());
}

#[test]
fn every_rule_has_a_name_of_its_own_and_a_purpose() {
    let mut names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), RULES.len());
    assert!(RULES.iter().all(|rule| !rule.purpose.is_empty()));
}

#[test]
fn every_exception_names_a_rule_and_a_reason() {
    for exception in EXCEPTIONS {
        assert!(RULES.iter().any(|rule| rule.name == exception.rule), "{}", exception.rule);
        assert!(!exception.reason.is_empty(), "{}", exception.path);
    }
}

#[test]
fn an_exception_silences_its_rule_in_its_file_and_an_unused_one_is_found() {
    let tree = Tree::of(&[("a.rs", "a \n"), ("b.rs", "b \n")]);
    let exceptions = [
        Exception { rule: "whitespace", path: "a.rs", reason: "a test" },
        Exception { rule: "file-length", path: "a.rs", reason: "no longer true" },
    ];
    let found = judge(&tree, RULES, &exceptions);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!((found[0].0, found[0].1.path.as_str()), ("whitespace", "b.rs"));
    assert_eq!((found[1].0, found[1].1.path.as_str()), ("exceptions", "a.rs"));
    assert!(found[1].1.message.contains("may only shrink"));
}

#[test]
fn long_files_are_found_and_tests_may_be_longer() {
    let (good, long, longer) = ("x\n".repeat(800), "x\n".repeat(801), "x\n".repeat(1_501));
    assert_none("file-length", &[("crates/a/src/lib.rs", &good)]);
    assert_one("file-length", &[("crates/a/src/lib.rs", &long)], "801 lines, at most 800");
    assert_none("file-length", &[("crates/a/src/b/tests.rs", &long), ("crates/a/testdata/x.rs", &longer)]);
    assert_one("file-length", &[("crates/a/tests/it/main.rs", &longer)], "at most 1500");
}

#[test]
fn blanks_and_tabs_are_found() {
    assert_one("whitespace", &[("a.rs", "fn a() {}\n\nlet b; \n")], "a.rs:3 blanks at the end");
    assert_one("whitespace", &[("a.rs", "\tb\n")], "a.rs:1 a tab");
    assert_one("whitespace", &[("a.rs", "b")], "a.rs:0 no line feed");
    assert_none("whitespace", &[("a.rs", "a\n    b\n"), ("b.md", "line break  \n"), ("c.rs", "")]);
}

#[test]
fn ignored_tests_are_found() {
    assert_one("ignored-test", &[("a.rs", "#[test]\n#[ignore]\nfn a() {}\n")], "a.rs:2");
    assert_one("ignored-test", &[("a.rs", "#[ignore = \"slow\"]\nfn a() {}\n")], "a.rs:1");
    assert_one("ignored-test", &[("a.rs", "#[cfg_attr(miri, ignore)]\nfn a() {}\n")], "a.rs:1");
    assert_none(
        "ignored-test",
        &[("a.rs", "// #[ignore]\nlet a = \"#[ignore]\"; fn ignore() {}\n#[derive(A)]")],
    );
}

#[test]
fn unfinished_work_is_found_in_comments_and_pages() {
    assert_one("unfinished", &[("a.rs", "/*\n TODO: b */\n")], "a.rs:2");
    assert_one("unfinished", &[("a.sql", "-- FIXME\n")], "a.sql:1");
    assert_one("unfinished", &[("a.md", "x\n\nHACK\n")], "a.md:3");
    assert_none("unfinished", &[("a.rs", "let a = \"TODO\"; // todo lists\n"), ("testdata/a.md", "TODO\n")]);
}

#[test]
fn forbidden_words_are_found_but_not_in_lock_files() {
    let host = ["crates", "io"].join(".");
    assert_one("words", &[("a.md", &format!("see https://Www.{host}/x"))], "registry");
    assert_none("words", &[("Cargo.lock", &host), ("THIRD-PARTY-NOTICES.md", &host), ("a.md", "crates_io")]);
}

#[test]
fn sql_is_found_outside_its_crates() {
    let code = "fn a() { q(\"SELECT a FROM b\"); }\n#[cfg(test)]\nmod tests { const A: &str = \"DELETE FROM a\"; }\n";
    assert_one(
        "sql-place",
        &[("crates/app/src/lib.rs", code)],
        "crates/app/src/lib.rs:1 SQL (`SELECT a FROM",
    );
    assert_one(
        "sql-place",
        &[("crates/api/src/lib.rs", "const A: &str = r#\"\n insert into a values ($1)\"#;\n")],
        "SQL",
    );
    assert_one("sql-place", &[("crates/app/src/a.sql", "SELECT 1;\n")], "an SQL file");
    assert_none(
        "sql-place",
        &[
            ("crates/store/src/a.rs", code),
            ("crates/gates/src/a.rs", code),
            ("crates/app/src/a/tests.rs", code),
            ("crates/store/migrations/1_a.sql", "SELECT 1;\n"),
            ("crates/app/src/b.rs", "// SELECT a FROM b\n"),
        ],
    );
}

#[test]
fn run_time_sql_is_found_outside_the_gates() {
    let code = "use sqlx::AssertSqlSafe;\n";
    assert_one("sql-assert", &[("crates/store/src/a.rs", code)], "fixed text with parameters");
    assert_none("sql-assert", &[("crates/gates/src/a.rs", code), ("crates/testkit/src/lib.rs", code)]);
    assert_none("sql-assert", &[("crates/app/src/a.rs", "// AssertSqlSafe\n")]);
}

#[test]
fn the_store_must_not_speak_for_the_gates() {
    for (text, word) in [
        ("COMMIT", "`COMMIT`"),
        ("UPDATE a SET b = 1; ROLLBACK", "`ROLLBACK`"),
        ("SELECT set_config('a', $1, true)", "`SET_CONFIG`"),
        ("select a from b where c = 1; set local x = 1", "`SET LOCAL`"),
        ("SET ROLE portcullis_owner", "`SET ROLE`"),
    ] {
        assert_one("sql-borrowed", &[("crates/store/src/a.rs", &format!("q(\"{text}\");\n"))], word);
    }
    assert_none(
        "sql-borrowed",
        &[
            ("crates/store/src/a.rs", "e(\"could not commit\"); q(\"SELECT committed FROM a\"); // COMMIT\n"),
            ("crates/store/src/tests.rs", "q(\"ROLLBACK\");\n"),
            ("crates/gates/src/a.rs", "q(\"COMMIT\");\n"),
        ],
    );
}

#[test]
fn migrations_are_numbered_once_and_sort() {
    let at = |names: &[&str]| {
        let paths: Vec<String> = names.iter().map(|name| format!("crates/store/migrations/{name}")).collect();
        let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
        findings("migrations", &files)
    };
    assert_eq!(at(&["0001_a.sql", "0002_b_c2.sql", "README.md"]), Vec::<String>::new());
    for (names, expected) in [
        (&["0001_a.sql", "0001_b.sql"], "number 1 is taken by crates/store/migrations/0001_a.sql"),
        (&["0001_a.sql", "002_b.sql"], "another width"),
        (&["0001_a.sql", "a.sql"], "not `<number>_<name>.sql`"),
        (&["0001_a.sql", "0002_B.sql"], "not `<number>_<name>.sql`"),
        (&["0001_a.sql", "0002_.sql"], "not `<number>_<name>.sql`"),
        (&["0001_a.sql", "0002_b.txt"], "not `<number>_<name>.sql`"),
    ] {
        let found = at(names);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(expected), "{found:?}");
    }
}

const MANIFEST: &str = "[package]\nname = \"a\"\ndescription = \"what it is for\"\nversion.workspace = true\n\
    edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\n\
    [dependencies]\nserde_json.workspace = true\nhttp-body = { version = \"1\" }\n\n[dev-dependencies]\n\
    proptest.workspace = true\n\n[target.'cfg(unix)'.dependencies]\nrustix = \"1\"\n\n[dependencies.bytes]\n\
    version = \"1\"\n\n[features]\nextra = []\n\n[lints]\nworkspace = true\n";

#[test]
fn crates_are_found_in_the_folder_of_their_name() {
    assert_none("crate-name", &[("crates/a/Cargo.toml", MANIFEST), ("crates/a/testdata/x/Cargo.toml", "")]);
    assert_one("crate-name", &[("crates/b/Cargo.toml", MANIFEST)], "package `a` in folder `b`");
}

#[test]
fn manifests_state_what_they_must() {
    assert_none("crate-manifest", &[("crates/a/Cargo.toml", MANIFEST)]);
    for (line, expected) in [
        ("description = \"what it is for\"\n", "no description"),
        ("[lints]\nworkspace = true\n", "shared lints"),
        ("license.workspace = true\n", "`license` is not the workspace's"),
    ] {
        assert_one("crate-manifest", &[("crates/a/Cargo.toml", &MANIFEST.replace(line, ""))], expected);
    }
}

#[test]
fn dependencies_nobody_names_are_found() {
    let all = "use serde_json::Value; use http_body::Body; use rustix::x; use bytes::Bytes;\n";
    let test = "use proptest::prelude::*;\n";
    let manifest = ("crates/a/Cargo.toml", MANIFEST);
    assert_none("crate-unused", &[manifest, ("crates/a/src/lib.rs", all), ("crates/a/tests/it.rs", test)]);
    for name in ["serde_json", "http_body", "rustix", "bytes"] {
        let code = all.replace(name, "other");
        let files = [manifest, ("crates/a/src/lib.rs", code.as_str()), ("crates/a/tests/it.rs", test)];
        assert_one("crate-unused", &files, &format!("names `{name}`"));
    }
    let elsewhere = [manifest, ("crates/a/src/lib.rs", all), ("crates/b/tests/it.rs", test)];
    assert_one("crate-unused", &elsewhere, "crates/a/Cargo.toml:15 no code of this crate names `proptest`");
}

#[test]
fn pages_are_reached_from_an_index() {
    let page = ("docs/a.md", "# A\n");
    assert_one("doc-reached", &[page, ("README.md", "docs/a.md")], "docs/a.md:0 no index links");
    assert_none("doc-reached", &[page, ("README.md", "[a](docs/a.md#a)")]);
    assert_none("doc-reached", &[page, ("docs/README.md", "[a](./a.md)")]);
    assert_none(
        "doc-reached",
        &[
            ("docs/adr/1.md", ""),
            ("docs/adr/README.md", "[1](1.md)"),
            ("docs/README.md", "[adr](adr/README.md)"),
        ],
    );
    assert_one("doc-reached", &[("docs/adr/README.md", "[self](README.md)")], "docs/adr/README.md");
}

#[test]
fn links_lead_somewhere() {
    let other = ("docs/b.md", "# One two\n\n```\n# not a heading\n```\n");
    for good in [
        "[b](docs/b.md)",
        "[d](docs)",
        "[h](https://example.com/x)",
        "[o](docs/b.md#one-two)",
        "[s](#top)",
        "`[x](y)`",
    ] {
        assert_none("doc-links", &[("a.md", &format!("# Top\n{good}\n")), other]);
    }
    for (bad, expected) in [
        ("[b](docs/c.md)", "a.md:2 the link `docs/c.md` leads nowhere"),
        ("[b](../x)", "leads nowhere"),
        ("[b](docs/b.md#three)", "no heading `#three`"),
        ("[b](docs/b.md#not-a-heading)", "no heading"),
        ("[s](#bottom)", "no heading `#bottom`"),
        ("[x]: gone.md", "leads nowhere"),
    ] {
        assert_one("doc-links", &[("a.md", &format!("# Top\n{bad}\n")), other], expected);
    }
    assert_none("doc-links", &[("a.md", "```\n[b](gone.md)\n```\n"), ("testdata/x.md", "[b](gone.md)")]);
}

#[test]
fn proportions_are_of_sorted_lengths() {
    assert_eq!(proportions(&[]), "no Rust files");
    assert_eq!(
        proportions(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        "10 Rust files, 55 lines; median 6, 90th percentile 10, longest 10 lines"
    );
}
