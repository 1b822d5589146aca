//! Models, tuples and questions by chance, answered by our engine and by OpenFGA's own, which the `fga` command has inside
//! (`fga model test`). Both must say the same.
//!
//! An ordinary run asks about [`STORES`] stores, always the same. `RELATIONS_STORES=10000 cargo test -p portcullis --test it
//! relations::fuzz -- --nocapture` asks about so many; `RELATIONS_FROM=5000` begins with another one.
//!
//! What is left out, and counted: models that the command's engine refuses although the language allows them. What differs
//! in lists of users and is levelled, and counted: see [`Tally::strays`] and [`Tally::covered`].

use std::path::Path;

use serde_json::Value;
use tokio::process::Command;

use super::peer::{Tally, file};
use super::random::{Wanted, World, world};
use crate::house::process::{Folder, run_to_end};
use crate::house::run;
use crate::sdks::virtual_environment;

/// Stores of an ordinary run.
const STORES: u64 = 200;
/// Stores that one start of the command is asked about.
const BATCH: u64 = 25;
/// At most so many models in a hundred may be refused by the command's engine.
const REFUSED_PERCENT_MAX: usize = 5;

/// At most so many stores in a thousand, and one more, may be told otherwise when the command's engine is asked again.
const UNSTEADY_PER_THOUSAND_MAX: usize = 5;

/// Everything that may come up, as far as OpenFGA's engine has one answer to it.
const WANTED: Wanted = Wanted { conditions: true, exclusions: true, peer: true };

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

/// The results of a batch. Stores whose model is refused are taken out of it; why, is in `refused`.
async fn answers(fga: &Path, worlds: &mut Vec<(u64, World)>, refused: &mut Vec<String>) -> Vec<Value> {
    let folder = Folder::new("fga_fuzz");
    let path = |seed: u64| folder.path().join(format!("{seed:09}.fga.yaml"));
    for (seed, world) in worlds.iter() {
        std::fs::write(path(*seed), file(&seed.to_string(), world).to_string()).expect("written");
    }
    loop {
        let mut command = Command::new(fga);
        command.args(["model", "test", "--verbose", "--suppress-summary", "--tests"]);
        command.arg(folder.path().join("*.fga.yaml"));
        let ran = run_to_end(command).await;
        if let Ok(Value::Array(results)) = serde_json::from_str(&ran.out) {
            return results;
        }
        // It gives up at the first model it refuses, and names the file.
        let at = worlds.iter().position(|(seed, _)| ran.err.contains(&format!("{seed:09}.fga.yaml")));
        let at = at.unwrap_or_else(|| panic!("{}", ran.err));
        assert!(ran.err.contains("Code(2056)"), "{}", ran.err);
        let (seed, world) = worlds.remove(at);
        std::fs::remove_file(path(seed)).expect("removed");
        let why = ran.err.rsplit("desc = ").next().unwrap_or_default().trim();
        refused.push(format!("store {seed}: {why}\n{}", world.model));
    }
}

/// Asks OpenFGA's own check about users that one lists and the other does not.
async fn settle(fga: &Path, tally: &mut Tally, seed: u64, world: &World) {
    if tally.doubts.is_empty() {
        return;
    }
    let questions = tally.doubts.iter().map(|doubt| doubt.question.clone()).collect();
    let (model, tuples) = (world.model.clone(), world.tuples.clone());
    let said = answers(fga, &mut vec![(seed, World { model, tuples, questions })], &mut Vec::new()).await;
    tally.settle(&format!("store {seed}"), &said);
}

/// Whether OpenFGA says what we do when it is asked once more, and has the tuples in another order: those with a condition last.
/// Its answer must not depend on the order, but does: of two tuples about one object that lead to a user, one for everybody,
/// a check through a userset looks at the first alone. And what it lists is cut short when the machine is busy.
async fn agrees_after_all(fga: &Path, seed: u64, world: &World) -> bool {
    let mut tuples = world.tuples.clone();
    tuples.sort_by_key(|tuple| tuple.condition.is_some());
    let again = World { model: world.model.clone(), tuples, questions: world.questions.clone() };
    let said = answers(fga, &mut vec![(seed, again)], &mut Vec::new()).await;
    let mut tally = Tally::default();
    tally.compare("again", world, &said);
    settle(fga, &mut tally, seed, world).await;
    tally.wrong.is_empty()
}

#[test]
fn our_engine_says_what_openfgas_says_whatever_it_is_asked() {
    run(async |_| {
        let venv = virtual_environment("fga", Path::new("python3"), "requirements-fga.txt").await;
        let fga = venv.join("bin/fga");
        let from = number("RELATIONS_FROM").unwrap_or(0);
        let end = from + number("RELATIONS_STORES").unwrap_or(STORES);
        let (mut tally, mut refused, mut unsteady) = (Tally::default(), Vec::new(), Vec::new());
        let mut at = from;
        while at < end {
            let next = end.min(at + BATCH);
            let mut worlds: Vec<(u64, World)> = (at..next).map(|seed| (seed, world(seed, WANTED))).collect();
            let results = answers(&fga, &mut worlds, &mut refused).await;
            let mut results = results.as_slice();
            for (seed, world) in &worlds {
                let (own, rest) = results.split_at(world.questions.len());
                tally.compare(&format!("store {seed}"), world, own);
                results = rest;
                settle(&fga, &mut tally, *seed, world).await;
                let Some(wrong) = std::mem::take(&mut tally.wrong).into_iter().next() else { continue };
                let agrees = agrees_after_all(&fga, *seed, world).await;
                assert!(agrees, "{wrong}\n{}\n{:#?}", world.model, world.tuples);
                unsteady.push(format!("{wrong}\n{}", world.model));
            }
            at = next;
        }
        let Tally { stores, checks, allowed, lists, listed, strays, covered, contradicted, .. } = tally;
        eprintln!(
            "{stores} stores: {checks} checks ({allowed} allowed), {lists} lists ({listed} entries), all the same; {strays} \
             lists with strays, {covered} with everyone, {contradicted} users that its own check contradicts; {} stores \
             about which it says something else when it is asked again: {unsteady:#?}; {} models refused: {refused:#?}",
            unsteady.len(),
            refused.len()
        );
        assert!(unsteady.len() <= 1 + stores * UNSTEADY_PER_THOUSAND_MAX / 1_000, "{unsteady:#?}");
        assert!(allowed * 20 > checks, "questions that are almost always denied show nothing");
        assert!(refused.len() * 100 <= stores * REFUSED_PERCENT_MAX, "{refused:#?}");
    });
}
