//! What PostgreSQL cannot hide from a role that may run any SQL: how many rows there are in all. It is accepted,
//! because tenants cannot run any SQL: every statement is a literal of this code, with parameters bound.

use std::path::Path;

use super::stage::Stage;
use crate::house::process::Folder;
use crate::house::run;

#[test]
fn row_counts_of_all_tenants_are_in_the_catalogue() {
    run(async |house| {
        let stage = Stage::good(house).await;
        let total: f32 =
            stage.as_app("select reltuples from pg_class where oid = 'portcullis.agent'::regclass").await;
        assert!(total >= 2.0, "this would be good news: the catalogue told {total}");
        let bytes: i64 = stage.as_app("select pg_relation_size('portcullis.agent')").await;
        assert!(bytes > 0, "this would be good news: the size was told as {bytes}");
        let (own, passed): (String, String) = stage.explained().await;
        assert!(own.contains("rows=0") && passed.contains("Rows Removed by Filter: 2"), "{own}, {passed}");
    });
}

/// The only places that may send SQL which is not a literal, with the reason.
const ASSERTED_SQL: [(&str, &str); 1] = [("gates/src/pool.rs", "claims and entries: ids, numbers and hex")];

#[test]
fn no_tenant_has_a_way_to_send_sql() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for name in ["api", "app", "gateway", "gates", "portcullis", "store"] {
        look(&crates, &crates.join(name).join("src"), &mut found);
    }
    found.sort();
    let expected: Vec<_> = ASSERTED_SQL.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(found, expected, "SQL that is not a literal: give it parameters instead");
}

/// The search finds what it looks for.
#[test]
fn sql_that_is_not_a_literal_is_found() {
    let folder = Folder::new("spliced");
    let below = folder.path().join("store/src");
    std::fs::create_dir_all(&below).expect("a folder");
    let spliced = "sqlx::raw_sql(AssertSqlSafe(format!(\"select '{value}'\")))";
    std::fs::write(below.join("spliced.rs"), spliced).expect("written");
    std::fs::write(below.join("bound.rs"), "sqlx::query(\"select $1\").bind(value)").expect("written");
    let mut found = Vec::new();
    look(folder.path(), folder.path(), &mut found);
    assert_eq!(found, ["store/src/spliced.rs"]);
}

/// The files below `dir` that name the wrapper without which sqlx takes literals only.
fn look(crates: &Path, dir: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).expect("a source folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            look(crates, &path, found);
        } else if std::fs::read_to_string(&path).is_ok_and(|text| text.contains("AssertSqlSafe")) {
            let name = path.strip_prefix(crates).expect("below crates/").display().to_string();
            found.push(name);
        }
    }
}
