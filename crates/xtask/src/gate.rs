//! The gate every change passes: all steps run, each is timed, one table says how it went.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::process::{self, cargo};
use crate::repo::Repo;
use crate::{browser, deny, drift, fuzz, launch, layers, tidy, twice};

/// How a step ended when nothing was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The step did all its work.
    Passed,
    /// There was nothing to check, or only a part of it: the reason.
    Partly(String),
}

/// One step of the gate.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// Whether the step belongs to the quick gate too.
    quick: bool,
    run: fn(&Repo) -> Result<Outcome>,
}

/// Every step, those that answer soonest first.
const STEPS: &[Step] = &[
    Step { name: "fmt", quick: true, run: fmt },
    Step { name: "layers", quick: true, run: |repo| layers::run(repo.metadata()).map(|()| Outcome::Passed) },
    Step { name: "tidy", quick: true, run: |repo| tidy::run(repo.root()).map(|()| Outcome::Passed) },
    Step { name: "clippy", quick: true, run: clippy },
    Step { name: "docs", quick: false, run: docs },
    Step { name: "fuzz", quick: false, run: |repo| fuzz::run(repo.root()).map(|()| Outcome::Passed) },
    Step { name: "test", quick: true, run: test },
    Step { name: "drift", quick: false, run: drift::check },
    Step { name: "start", quick: false, run: |repo| twice::run(repo).map(|()| Outcome::Passed) },
    Step { name: "browser", quick: false, run: |repo| browser::run(repo, &[]) },
    Step { name: "deny", quick: false, run: |repo| deny::run(repo, false) },
];

fn fmt(repo: &Repo) -> Result<Outcome> {
    process::run(cargo(repo.root()).args(["fmt", "--all", "--check"]))?;
    Ok(Outcome::Passed)
}

fn clippy(repo: &Repo) -> Result<Outcome> {
    let command = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    process::run(cargo(repo.root()).args(command))?;
    Ok(Outcome::Passed)
}

fn docs(repo: &Repo) -> Result<Outcome> {
    let mut command = cargo(repo.root());
    command.args(["doc", "--workspace", "--no-deps", "--locked", "--lib", "--bins"]);
    // An example among them: then dependencies have the features that tests ask for, and those that clippy has read
    // need not be read again with others.
    command.args(["--example", launch::SMALL_EXAMPLE]);
    process::run(command.env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Outcome::Passed)
}

fn test(repo: &Repo) -> Result<Outcome> {
    process::run(cargo(repo.root()).args(["test", "--workspace", "--locked", "--no-fail-fast"]))?;
    Ok(Outcome::Passed)
}

/// The steps of the whole gate, or of the quick one.
pub(crate) fn steps(quick: bool) -> Vec<&'static Step> {
    STEPS.iter().filter(|step| step.quick || !quick).collect()
}

/// The step of this name.
pub(crate) fn step(name: &str) -> Option<&'static Step> {
    STEPS.iter().find(|step| step.name == name)
}

/// How one step went.
struct Row {
    name: &'static str,
    took: Duration,
    result: Result<Outcome>,
}

/// Runs the steps one after another, all of them whatever happens, and prints how they went.
/// True when every step passed.
pub(crate) fn run(repo: &Repo, steps: &[&Step]) -> bool {
    let rows: Vec<Row> = steps
        .iter()
        .map(|step| {
            if steps.len() > 1 {
                println!("\n== {}", step.name);
            }
            let start = Instant::now();
            let result = (step.run)(repo);
            if let Err(error) = &result {
                eprintln!("{}: {error:#}", step.name);
            }
            Row { name: step.name, took: start.elapsed(), result }
        })
        .collect();
    print!("\n{}", table(&rows));
    rows.iter().all(|row| row.result.is_ok())
}

fn table(rows: &[Row]) -> String {
    let mut text = format!("{:<8} {:>8}  {}\n", "step", "seconds", "result");
    let mut line = |name: &str, took: Duration, result: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<8} {:>8.1}  {result}", took.as_secs_f64());
    };
    for row in rows {
        match &row.result {
            Ok(Outcome::Passed) => line(row.name, row.took, "ok"),
            Ok(Outcome::Partly(why)) => line(row.name, row.took, &format!("ok, but: {why}")),
            Err(_) => line(row.name, row.took, &format!("FAILED: repeat with `cargo xtask {}`", row.name)),
        }
    }
    if rows.len() > 1 {
        let failed = rows.iter().filter(|row| row.result.is_err()).count();
        let verdict = if failed == 0 {
            format!("all {} steps passed", rows.len())
        } else {
            format!("{failed} of {} steps FAILED", rows.len())
        };
        line("total", rows.iter().map(|row| row.took).sum(), &verdict);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &'static str, millis: u64, result: Result<Outcome>) -> Row {
        Row { name, took: Duration::from_millis(millis), result }
    }

    #[test]
    fn the_table_names_what_failed_and_how_to_repeat_it() {
        let rows = [
            row("fmt", 440, Ok(Outcome::Passed)),
            row("drift", 1_500, Ok(Outcome::Partly("no server yet".to_owned()))),
            row("tidy", 60_000, Err(anyhow::anyhow!("three findings"))),
        ];
        let expected = "step      seconds  result\n\
                        fmt           0.4  ok\n\
                        drift         1.5  ok, but: no server yet\n\
                        tidy         60.0  FAILED: repeat with `cargo xtask tidy`\n\
                        total        61.9  1 of 3 steps FAILED\n";
        assert_eq!(table(&rows), expected);
        assert!(table(&rows[..2]).ends_with("all 2 steps passed\n"));
        assert!(!table(&rows[..1]).contains("total"));
    }

    #[test]
    fn the_quick_gate_is_a_part_of_the_whole() {
        let names = |quick| steps(quick).iter().map(|step| step.name).collect::<Vec<_>>();
        assert_eq!(names(true), ["fmt", "layers", "tidy", "clippy", "test"]);
        assert_eq!(names(false).len(), STEPS.len());
        assert!(names(false).iter().all(|name| step(name).is_some()));
        assert!(step("nothing").is_none());
    }
}
