//! SQL attacks: what injected SQL could try once it runs as the role that serves tenants.
//!
//! A case is one attack, run against the real schema, where it must get nothing, and its twin: the same attack on an
//! object made badly on purpose, where it must get something. The twin is what shows that the case can fail.
//! To add a case, add it to one of the lists; the report names it.

mod accepted;
mod catalog;
mod claims;
mod deeds;
mod objects;
mod roles;
mod rows;
mod runner;
mod sessions;
mod stage;

use runner::Case;
use stage::Stage;

use crate::house::run;

fn all() -> impl Iterator<Item = &'static Case> {
    [claims::CASES, rows::CASES, roles::CASES, objects::CASES, catalog::CASES, sessions::CASES]
        .into_iter()
        .flatten()
}

#[test]
fn attacks_on_the_real_schema_get_nothing() {
    run(async |house| {
        let stage = Stage::good(house).await;
        let mut failures = Vec::new();
        for case in all() {
            failures.extend(stage.attack(case).await.err());
        }
        assert!(failures.is_empty(), "{} attacks succeeded:\n{}", failures.len(), failures.join("\n"));
    });
}

#[test]
fn the_same_attacks_on_badly_made_twins_leak() {
    run(async |house| {
        let stage = Stage::bad(house).await;
        let mut failures = Vec::new();
        for case in all() {
            failures.extend(stage.attack_twin(case).await.err());
        }
        assert!(failures.is_empty(), "{} twins do not leak:\n{}", failures.len(), failures.join("\n"));
    });
}

#[test]
fn every_case_has_a_name_of_its_own() {
    let mut names: Vec<_> = all().map(|case| case.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "two cases share a name");
    assert!(count >= 60, "the suite shrank to {count} cases");
}
