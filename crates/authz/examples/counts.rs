//! Asks a number of questions, for a program that counts instructions: what one question costs is the difference between
//! two runs with different numbers, divided by the difference.
//!
//! `cargo xtask bench authz` runs it under `valgrind --tool=callgrind`. Arguments: the case, the tuples, the questions.

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;

use authz::{Around, Check, Engine, Schema, Snapshot, Tuple};

/// Three levels (document, folder, folder), at each: owner, viewer, the viewer's usersets, parent.
const MODEL: &str = include_str!("three_levels.fga");
/// Documents in a folder, and folders in a folder.
const FAN: usize = 20;
const SEED: u64 = 0x0123_4567_89ab_cdef;

fn world(tuples: usize) -> Vec<Tuple> {
    let documents = tuples / 5;
    let (folders, users) = (documents / FAN + 1, tuples / 10);
    let teams = users / 10 + 1;
    let mut all = Vec::with_capacity(tuples);
    for n in 0..users {
        all.push(Tuple::new(format!("user:{n}"), "member", format!("team:{}", n % teams)));
    }
    for n in 0..folders {
        all.push(Tuple::new(format!("folder:root{}", n / FAN), "parent", format!("folder:{n}")));
        all.push(Tuple::new(format!("user:{}", n * 7 % users), "owner", format!("folder:{n}")));
        all.push(Tuple::new(format!("user:{}", n * 11 % users), "viewer", format!("folder:{n}")));
    }
    for n in 0..documents {
        let document = format!("document:{n}");
        all.push(Tuple::new(format!("folder:{}", n / FAN), "parent", &document));
        all.push(Tuple::new(format!("user:{}", n * 13 % users), "owner", &document));
        all.push(Tuple::new(format!("user:{}", n * 17 % users), "viewer", &document));
        all.push(Tuple::new(format!("team:{}#member", n % teams), "viewer", document));
    }
    all
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("case, tuples, questions");
    let (case, tuples, questions) = (next()?, next()?.parse::<usize>()?, next()?.parse::<usize>()?);
    let relation = match case.as_str() {
        "direct" => "owner",
        "deep" => "can_read",
        _ => return Err("the cases are direct and deep".into()),
    };
    let schema = Arc::new(Schema::compile(&authz::parse_and_validate(MODEL)?)?);
    let engine = Engine::new(schema, Arc::new(Snapshot::build(SEED, 1, world(tuples))?))?;
    let (users, documents) = (tuples / 10, tuples / 5);
    // The same names whatever the number of questions, so that making them falls out of the difference.
    let names: Vec<(String, String)> = (0..1_024)
        .map(|n| (format!("user:{}", n * 31 % users), format!("document:{}", n * 37 % documents)))
        .collect();
    let mut allowed = 0_usize;
    for n in 0..questions {
        let (user, object) = &names[n % names.len()];
        let check = Check { user, relation, object, around: Around::default() };
        allowed += usize::from(engine.check(&check)?);
    }
    writeln!(std::io::stdout(), "{allowed} of {questions} allowed")?;
    Ok(())
}
