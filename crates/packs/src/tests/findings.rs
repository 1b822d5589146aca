//! What is said of packs that cannot be in force, and where.

use super::*;
use crate::Finding;

fn findings(files: BTreeMap<String, String>) -> Vec<Finding> {
    let checked = check(&Document::of_files(files).unwrap());
    assert_eq!(checked.failed(), checked.findings.iter().any(Finding::is_error));
    checked.findings
}

fn with(path: &str, text: &str) -> BTreeMap<String, String> {
    let mut files = sample::files("sample", Mode::Forbid);
    files.insert(path.to_owned(), text.to_owned());
    files
}

fn without(path: &str) -> BTreeMap<String, String> {
    let mut files = sample::files("sample", Mode::Forbid);
    files.remove(path).unwrap();
    files
}

/// Policies, and what is said of them at which line and column.
const POLICIES: &[(&str, u32, u32, &str)] = &[
    ("forbid(principal, action, resource)", 1, 36, "unexpected end of input"),
    (
        "forbid(principal, action, resource);\n\nforbid(principal action, resource);",
        3,
        18,
        "unexpected token",
    ),
    ("forbid(principal, action == Action::\"key.invent\", resource);", 1, 29, "unrecognized action"),
    ("forbid(principal is Robot, action, resource);", 1, 21, "unrecognized entity type"),
    ("forbid(principal, action, resource)\nwhen { context.colour == \"red\" };", 2, 8, "attribute"),
    ("forbid(principal, action, resource)\nwhen { context.mfa };", 2, 8, "optional attribute"),
    ("forbid(principal, action, resource)\n  when { context.hour == \"8\" };", 2, 10, "not compatible"),
    ("forbid(principal, action, resource)\nwhen { context.need };", 2, 8, "unexpected type"),
    (
        "forbid(principal is Agent, action == Action::\"key.create\", resource);",
        1,
        1,
        "unable to find an applicable action",
    ),
    (
        "forbid(principal, action == Action::\"keys:manage\", resource);",
        1,
        1,
        "unable to find an applicable action",
    ),
    ("forbid(principal, action, resource == Providers::\"one\");", 1, 39, "enumerated"),
    ("forbid(principal, action, resource) when { 1 == 2 };", 1, 1, "impossible"),
    ("permit(principal, action, resource);", 1, 1, "grants nothing"),
    ("@id(\"Two words\") forbid(principal, action, resource);", 1, 1, "@id"),
    (
        "@id(\"a\") forbid(principal, action, resource);\n@id(\"a\") forbid(principal, action, resource);",
        1,
        1,
        "already",
    ),
    ("forbid(principal == ?principal, action, resource);", 1, 1, "template"),
    ("// nothing", 1, 1, "no policy"),
];

#[test]
fn a_policy_that_cannot_hold_is_named_with_its_place() {
    for (text, line, column, says) in POLICIES {
        let found = findings(with("policies/main.cedar", text));
        let hit = found.iter().find(|finding| finding.is_error() && finding.message.contains(says));
        let hit = hit.unwrap_or_else(|| panic!("{text}: {found:#?}"));
        assert_eq!((hit.line, hit.column), (*line, *column), "{text}: {hit}");
    }
}

#[test]
fn a_pack_that_lacks_something_or_brings_too_much_is_refused() {
    let manifest = |from: &str, to: &str| {
        let files = sample::files("sample", Mode::Forbid);
        let text = files["pack.json"].replace(from, to);
        with("pack.json", &text)
    };
    for (files, file, says) in [
        (without("pack.json"), "pack.json", "missing"),
        (without("schema.cedarschema"), "schema.cedarschema", "missing"),
        (without("policies/main.cedar"), "policies/", "no policy"),
        (without("tests/main.json"), "tests/", "no test"),
        (manifest("\"min\": 1, \"max\": 1", "\"min\": 2, \"max\": 2"), "pack.json", "engines 2 to 2"),
        (manifest("\"version\": 1", "\"version\": 0"), "pack.json", "version"),
        (with("schema.cedarschema", "entity ;"), "schema.cedarschema", "unexpected"),
        (with("schema.cedarschema", "entity User;"), "policies/main.cedar", "by the pack's schema"),
        (with("limits.json", "{}"), "limits.json", "missing field `limits`"),
        (
            with("limits.json", r#"{"limits":[{"key_lifetime_days":30}]}"#),
            "tests/limits.json",
            "no test of limits.json",
        ),
        (with("tools.json", "{}"), "tools.json", "missing field `rules`"),
        (with("tools.json", r#"{"rules":[{"deny":["x"]}]}"#), "tests/tools.json", "no test of tools.json"),
        (with("roles.json", "{}"), "roles.json", "missing field `templates`"),
        (with("pii.json", "{}"), "pii.json", "raises nothing"),
        (with("pii.json", r#"{"keep_seconds":600}"#), "tests/pii.json", "no test of pii.json"),
        (with("mfa.json", "{\n  \"rules\": 3\n}"), "mfa.json", "invalid type"),
        (with("tests/main.json", "[]"), "tests/", "no test"),
        (with("tests/more.json", "[{"), "tests/more.json", "EOF"),
    ] {
        let found = findings(files);
        let hit = found
            .iter()
            .any(|finding| finding.is_error() && finding.file == file && finding.message.contains(says));
        assert!(hit, "{file}: {says}: {found:#?}");
    }
}

#[test]
fn a_pack_may_raise_a_floor_and_do_nothing_else() {
    let mut files = without("policies/main.cedar");
    files.remove("tests/main.json");
    files.insert(
        "pii.json".to_owned(),
        r#"{"classes":{"PERSON":{"mode":"strict","threshold":0.7}}}"#.to_owned(),
    );
    let test = |expect: &str| {
        format!(
            r#"[{{"name":"names stay here","channel":"prompt","class":"PERSON","expect":{{"mode":"{expect}","threshold":0.7}}}},
                {{"name":"where they were off too","channel":"export","class":"PERSON","policy":{{"mode":"off"}},
                  "expect":{{"mode":"strict"}}}}]"#
        )
    };
    files.insert("tests/pii.json".to_owned(), test("strict"));
    let document = Document::of_files(files.clone()).unwrap();
    let checked = check(&document);
    assert!(checked.findings.is_empty(), "{:#?}", checked.findings);
    let outcomes = crate::suite::run(checked.pack.as_ref().unwrap(), &document);
    assert_eq!(outcomes.iter().map(|outcome| outcome.passed).collect::<Vec<_>>(), [true, true]);
    files.insert("tests/pii.json".to_owned(), test("flag_only"));
    let document = Document::of_files(files.clone()).unwrap();
    let outcomes = crate::suite::run(check(&document).pack.as_ref().unwrap(), &document);
    let failed: Vec<_> = outcomes.iter().filter(|outcome| !outcome.passed).collect();
    assert_eq!((failed.len(), failed[0].expected, failed[0].verdict), (1, "flag_only", "strict"));
    // A permit pack without a policy would close everything, and says so.
    let permit = files["pack.json"].replace("\"forbid\"", "\"permit\"");
    files.insert("pack.json".to_owned(), permit);
    assert!(findings(files).iter().any(|finding| finding.message.contains("no policy")));
    // Without a floor the file is one of ordinary tests.
    assert!(
        findings(with("tests/pii.json", &test("strict")))
            .iter()
            .any(|finding| finding.message.contains("unknown field"))
    );
}

#[test]
fn a_pack_may_have_limits_and_rules_about_tools_alone() {
    let mut files = without("policies/main.cedar");
    files.remove("tests/main.json");
    let parts = [
        ("limits.json", r#"{"limits":[{"for":["Agent"],"model_calls_per_minute":30}]}"#),
        ("tools.json", r#"{"rules":[{"deny":["shell*"]}]}"#),
        (
            "tests/limits.json",
            r#"[{"name":"thirty","principal":"Agent","limit":"model_calls_per_minute","asks":30,"expect":"allow"},
                {"name":"and no more","principal":"Agent","limit":"model_calls_per_minute","asks":31,"expect":"deny",
                 "policies":["limits.1"]},
                {"name":"wrong","principal":"User","limit":"model_calls_per_minute","asks":31,"expect":"deny"}]"#,
        ),
        (
            "tests/tools.json",
            r#"[{"name":"no shell","principal":"User","tool":"Shell_Exec","expect":"deny","policies":["tools.1"]},
                {"name":"wrong","principal":"User","tool":"shell","expect":"deny","policies":["tools.2"]}]"#,
        ),
    ];
    files.extend(parts.map(|(path, text)| (path.to_owned(), text.to_owned())));
    let document = Document::of_files(files.clone()).unwrap();
    let checked = check(&document);
    assert!(checked.findings.is_empty(), "{:#?}", checked.findings);
    let outcomes = crate::suite::run(checked.pack.as_ref().unwrap(), &document);
    let ended: Vec<_> = outcomes.iter().map(|one| (one.passed, one.expected, one.verdict)).collect();
    assert_eq!(
        ended,
        [
            (true, "allow", "allow"),
            (true, "deny", "limit"),
            (false, "deny", "allow"),
            (true, "deny", "tool"),
            (false, "deny", "tool")
        ]
    );
    for (path, from, to, says) in [
        ("tests/tools.json", "\"deny\"", "\"forbid\"", "expect is allow or deny"),
        ("tests/limits.json", "\"Agent\"", "\"Robot\"", "principal is User"),
        ("tests/limits.json", "\"model_calls_per_minute\"", "\"calls\"", "unknown variant"),
    ] {
        let mut files = files.clone();
        let text = files[path].replace(from, to);
        files.insert(path.to_owned(), text);
        let found = findings(files);
        assert!(found.iter().any(|one| one.file == path && one.message.contains(says)), "{says}: {found:#?}");
    }
}

#[test]
fn a_test_that_asks_what_cannot_be_asked_is_wrong() {
    let one = |kind: &str, action: &str| {
        format!(
            r#"[{{"name":"n","principal":{{"type":"{kind}","role":"admin"}},"action":"{action}","expect":"allow"}}]"#
        )
    };
    for (text, says) in [
        (one("Robot", "key.create"), "principal.type"),
        (one("User", "key.invent"), "no action"),
        (one("User", "policy_pack.roll_back"), "no action"),
        (one("Agent", "key.create"), "no Agent can ask"),
    ] {
        let found = findings(with("tests/main.json", &text));
        assert!(found.iter().any(|finding| finding.message.contains(says)), "{says}: {found:#?}");
    }
}

#[test]
fn an_older_schema_is_worth_a_word_and_no_more() {
    let older = crate::schema::text().replace("// What of a kind", "// Older: what of a kind");
    let found = findings(with("schema.cedarschema", &older));
    assert!(found.len() == 1 && !found[0].is_error(), "{found:#?}");
}
