//! Each break of the plan, made on purpose.

use super::*;

const NO_ARROWS: &[Arrow] = &[];

/// Metadata of a workspace: each crate with its dependencies, written `name`, `name/dev` or `name/build`.
fn workspace(crates: &[(&str, &[&str])]) -> Metadata {
    let packages: Vec<String> = crates
        .iter()
        .map(|(name, dependencies)| {
            let dependencies: Vec<String> = dependencies
                .iter()
                .map(|spelled| match spelled.split_once('/') {
                    Some((name, kind)) => format!(r#"{{"name":"{name}","kind":"{kind}"}}"#),
                    None => format!(r#"{{"name":"{spelled}","kind":null}}"#),
                })
                .collect();
            format!(
                r#"{{"id":"{name}","name":"{name}","version":"0.0.0","manifest_path":"crates/{name}/Cargo.toml",
                "dependencies":[{}]}}"#,
                dependencies.join(",")
            )
        })
        .collect();
    let members: Vec<String> = crates.iter().map(|(name, _)| format!("{name:?}")).collect();
    Metadata::parse(&format!(
        r#"{{"packages":[{}],"workspace_members":[{}],"target_directory":"target","workspace_root":"."}}"#,
        packages.join(","),
        members.join(",")
    ))
    .unwrap()
}

/// The whole house as it is meant to stand.
const HOUSE: &[(&str, &[&str])] = &[
    ("portcullis", &["api", "console", "gateway", "app", "store", "gates", "sqlx", "tokio", "testkit/dev"]),
    ("api", &["app", "gates", "kernel", "axum", "tokio"]),
    ("console", &["app", "gates", "axum"]),
    ("gateway", &["app", "gates", "llm", "kernel", "hyper", "tokio"]),
    ("app", &["store", "gates", "llm", "pii", "kernel", "tokio"]),
    ("store", &["gates", "kernel", "sqlx", "testkit/dev"]),
    ("gates", &["audit-log", "crypto", "pii", "kernel", "sqlx", "tokio"]),
    ("audit-log", &["kernel", "proptest/dev"]),
    ("crypto", &["kernel"]),
    ("llm", &["kernel", "http", "tokio/dev", "crypto/dev"]),
    ("pii", &["kernel", "aho-corasick"]),
    ("kernel", &["serde", "testkit/dev"]),
    ("testkit", &["portcullis", "gates", "sqlx", "tokio"]),
    ("benches", &["testkit", "gateway", "tokio"]),
    ("xtask", &["anyhow"]),
];

/// Findings after adding one dependency to the good house.
fn with(from: &'static str, to: &'static str) -> Vec<String> {
    let mut house: Vec<(&str, Vec<&str>)> = HOUSE.iter().map(|(name, deps)| (*name, deps.to_vec())).collect();
    match house.iter_mut().find(|(name, _)| *name == from) {
        Some((_, dependencies)) => dependencies.push(to),
        None => house.push((from, vec![to])),
    }
    let house: Vec<(&str, &[&str])> = house.iter().map(|(name, deps)| (*name, deps.as_slice())).collect();
    check(&workspace(&house), NO_ARROWS)
}

#[test]
fn the_house_as_planned_stands() {
    assert_eq!(check(&workspace(HOUSE), NO_ARROWS), Vec::<String>::new());
    run(&workspace(HOUSE)).unwrap();
}

#[test]
fn each_forbidden_arrow_is_found_and_says_what_to_do() {
    let cases = [
        ("api", "store", "put the action into `app`"),
        ("gateway", "store/build", "put the action into `app`"),
        ("console", "api", "faces do not know each other"),
        ("app", "api", "arrows point down"),
        ("store", "app", "arrows point down"),
        ("gates", "store", "borrows a transaction from the gates"),
        ("gates", "app", "arrows point down"),
        ("pii", "crypto", "rooms stand alone"),
        ("crypto", "gates", "arrows point down"),
        ("kernel", "crypto", "the kernel knows nobody"),
        ("app", "portcullis", "arrows point down"),
        ("store", "testkit", "[dev-dependencies]"),
        ("kernel", "xtask", "[dev-dependencies]"),
        ("portcullis", "benches", "[dev-dependencies]"),
        ("api", "sqlx", "put the query into `store`"),
        ("app", "sqlx-postgres", "put the query into `store`"),
        ("crypto", "sqlx", "put the query into `store`"),
        ("llm", "tokio", "rooms take bytes"),
        ("pii", "tokio-util", "rooms take bytes"),
        ("audit-log", "hyper/build", "rooms take bytes"),
        ("kernel", "axum", "rooms take bytes"),
    ];
    for (from, to, advice) in cases {
        let findings = with(from, to);
        assert_eq!(findings.len(), 1, "{from} -> {to}: {findings:?}");
        assert!(findings[0].contains(advice), "{from} -> {to}: {}", findings[0]);
        assert!(findings[0].contains(&format!("`{from}`")), "{}", findings[0]);
    }
}

#[test]
fn dependencies_for_tests_are_free() {
    for (from, to) in
        [("kernel", "gates/dev"), ("api", "store/dev"), ("pii", "tokio/dev"), ("app", "sqlx/dev")]
    {
        assert_eq!(with(from, to), Vec::<String>::new(), "{from} -> {to}");
    }
}

#[test]
fn a_crate_without_a_floor_is_found() {
    let findings = with("attic", "kernel");
    assert_eq!(findings.len(), 1);
    assert!(findings[0].contains("crate `attic` stands on no floor"), "{}", findings[0]);
}

#[test]
fn an_argued_arrow_between_rooms_passes_until_it_is_unused() {
    let arrows = [Arrow { from: "pii", to: "crypto", why: "a test" }];
    let house = [("pii", ["crypto"].as_slice()), ("crypto", &[])];
    assert_eq!(check(&workspace(&house), &arrows), Vec::<String>::new());

    let findings = check(&workspace(&[("pii", &[]), ("crypto", &[])]), &arrows);
    assert_eq!(findings.len(), 1);
    assert!(findings[0].contains("may only shrink"), "{}", findings[0]);

    let one_way = [("pii", [].as_slice()), ("crypto", &["pii"])];
    assert_eq!(check(&workspace(&one_way), &arrows).len(), 2, "the other direction is not argued for");
}

#[test]
fn a_broken_plan_is_an_error() {
    assert!(run(&workspace(&[("api", &["store"]), ("store", &[])])).is_err());
}
