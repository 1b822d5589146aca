//! What a decision costs, by the number of policies, with and without slices:
//! `cargo run --release -p packs --example decide`.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use packs::catalogue::ACTIONS;
use packs::{Asker, AskerKind, Document, Facts, Mode, Question, check, sample};

/// Decisions of one measurement.
const ROUNDS: u32 = 2_000;

/// A pack of so many policies: each about one action, in turn, and of every eight one about all agents.
fn document(policies: usize) -> Result<Document, Box<dyn std::error::Error>> {
    let mut text = String::new();
    for at in 0..policies {
        let row = &ACTIONS[at % ACTIONS.len()];
        if at % 8 == 7 {
            writeln!(
                text,
                "forbid(principal is Agent, action, resource) when {{ context.hour > {} }};",
                at % 24
            )?;
        } else {
            writeln!(
                text,
                "forbid(principal, action == Action::\"{}\", resource) when {{ principal.role == \"r{at}\" && context.hour > 5 }};",
                row.name
            )?;
        }
    }
    let mut files = sample::files("bench", Mode::Forbid);
    files.insert("policies/main.cedar".to_owned(), text);
    Ok(Document::of_files(files)?)
}

fn nanoseconds(mut decide: impl FnMut() -> bool) -> u128 {
    for _ in 0..ROUNDS / 10 {
        black_box(decide());
    }
    let started = Instant::now();
    for _ in 0..ROUNDS {
        black_box(decide());
    }
    started.elapsed().as_nanos() / u128::from(ROUNDS)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:>8} {:>10} {:>12} {:>12} {:>10}",
        "policies", "considered", "sliced ns", "whole ns", "load ms"
    )?;
    for policies in [9, 65, 513] {
        let document = document(policies)?;
        let started = Instant::now();
        let checked = check(&document);
        let load = started.elapsed().as_millis();
        let pack = Arc::new(checked.pack.ok_or("the pack is not sound")?);
        let whole = pack.decide_unsliced();
        let question = Question {
            action: "key.create",
            organization: "an-organization",
            asker: Asker {
                kind: AskerKind::User,
                id: "somebody",
                role: "admin",
                owner: false,
                second_factor: true,
            },
            facts: Facts {
                assurance: Some(2),
                auth_age_seconds: Some(60),
                ip: Some("10.0.0.1".parse()?),
                ..Facts::at("2026-01-05T12:00:00Z".parse()?)
            },
        };
        let sliced = nanoseconds(|| pack.decide(black_box(&question)).allows());
        let all = nanoseconds(|| whole(black_box(&question)).allows());
        let considered = pack.considered("key.create", AskerKind::User);
        writeln!(out, "{policies:>8} {considered:>10} {sliced:>12} {all:>12} {load:>10}")?;
    }
    Ok(())
}
