//! Prints how long one check takes on one core: of a direct relation, and of one that looks in twelve places, at a
//! thousand and at a million tuples; and how long lists, changes and building take.
//!
//! `cargo run --release -p authz --example checks`

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use authz::{Around, Change, Check, Engine, ListObjects, Page, Schema, Snapshot, Tuple};

/// Three levels (document, folder, folder), at each: owner, viewer, the viewer's usersets, parent.
const MODEL: &str = include_str!("three_levels.fga");
const QUESTIONS: usize = 1 << 16;
const ROUNDS: usize = 5;
/// Checks that are timed together.
const GROUP: usize = 64;
/// Documents in a folder, and folders in a folder.
const FAN: usize = 20;
const SEED: u64 = 0x0123_4567_89ab_cdef;

/// A generator that gives the same numbers every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % end.max(1)
    }
}

/// About so many tuples. Nobody has a relation to a root, and every document lies two folders deep.
struct World {
    documents: usize,
    users: usize,
    tuples: Vec<Tuple>,
}

fn world(tuples: usize) -> World {
    let (documents, users) = (tuples / 5, tuples / 10);
    let (folders, teams) = (documents / FAN + 1, users / 10 + 1);
    let mut numbers = Numbers(7);
    let mut all = Vec::with_capacity(tuples + tuples / 5);
    for n in 0..users {
        all.push(Tuple::new(format!("user:{n}"), "member", format!("team:{}", numbers.below(teams))));
    }
    for n in 0..folders {
        let folder = format!("folder:{n}");
        all.push(Tuple::new(format!("folder:root{}", n / FAN), "parent", &folder));
        all.push(Tuple::new(format!("user:{}", numbers.below(users)), "owner", &folder));
        all.push(Tuple::new(format!("user:{}", numbers.below(users)), "viewer", folder));
    }
    for n in 0..documents {
        let document = format!("document:{n}");
        all.push(Tuple::new(format!("folder:{}", n / FAN), "parent", &document));
        all.push(Tuple::new(format!("user:{}", numbers.below(users)), "owner", &document));
        all.push(Tuple::new(format!("user:{}", numbers.below(users)), "viewer", &document));
        all.push(Tuple::new(format!("team:{}#member", numbers.below(teams)), "viewer", document));
    }
    World { documents, users, tuples: all }
}

/// Times checks in groups, whose median a busy neighbour does not move, and one by one.
fn report(
    out: &mut impl Write,
    name: &str,
    engine: &Engine,
    relation: &str,
    asked: &[(String, String)],
) -> std::io::Result<()> {
    let check = |(user, object): &(String, String)| {
        engine.check(&Check { user, relation, object, around: Around::default() }).unwrap_or(false)
    };
    let (mut groups, mut allowed) = (Vec::new(), 0);
    for round in 0..ROUNDS {
        for group in asked.chunks(GROUP) {
            let start = Instant::now();
            let yes = group.iter().filter(|pair| check(pair)).count();
            groups.push(start.elapsed().as_nanos() / group.len() as u128);
            allowed += if round == 0 { yes } else { 0 };
        }
    }
    let mut single: Vec<u128> = asked
        .iter()
        .map(|pair| {
            let start = Instant::now();
            std::hint::black_box(check(pair));
            start.elapsed().as_nanos()
        })
        .collect();
    groups.sort_unstable();
    single.sort_unstable();
    let at = |times: &[u128], per_mille: usize| times[times.len() * per_mille / 1_000];
    writeln!(
        out,
        "  {name:<36} {:>6} ns (median group of {GROUP}); one by one p50 {} p99 {} p99.9 {} ns; {allowed} of {} allowed",
        at(&groups, 500),
        at(&single, 500),
        at(&single, 990),
        at(&single, 999),
        asked.len()
    )
}

fn measure(out: &mut impl Write, tuples: usize) -> Result<(), Box<dyn Error>> {
    let world = world(tuples);
    let schema = Arc::new(Schema::compile(&authz::parse_and_validate(MODEL)?)?);
    let start = Instant::now();
    let snapshot = Arc::new(Snapshot::build(SEED, 1, world.tuples)?);
    writeln!(
        out,
        "{} tuples: built in {:.0} ms, {} bytes per tuple",
        snapshot.base_tuples(),
        start.elapsed().as_secs_f64() * 1e3,
        snapshot.base_bytes() / snapshot.base_tuples()
    )?;
    let engine = Engine::new(Arc::clone(&schema), Arc::clone(&snapshot))?;
    let mut numbers = Numbers(99);
    let asked: Vec<(String, String)> = (0..QUESTIONS)
        .map(|_| {
            let user = format!("user:{}", numbers.below(world.users));
            (user, format!("document:{}", numbers.below(world.documents)))
        })
        .collect();
    let hot = vec![asked[0].clone(); QUESTIONS];
    report(out, "direct, the same one again", &engine, "owner", &hot)?;
    report(out, "direct, at random", &engine, "owner", &asked)?;
    report(out, "twelve look-ups, the same again", &engine, "can_read", &hot)?;
    report(out, "twelve look-ups, at random", &engine, "can_read", &asked)?;

    let start = Instant::now();
    let (mut objects, mut lists) = (0, 0_u32);
    for (user, _) in asked.iter().take(200) {
        let around = Around::default();
        let question = ListObjects {
            user,
            relation: "can_read",
            object_type: "document",
            around,
            page: Page::default(),
        };
        objects += engine.list_objects(&question)?.items.len();
        lists += 1;
    }
    let each = start.elapsed() / lists;
    writeln!(out, "  list objects: {each:?} each, {objects} objects in {lists} lists")?;

    let start = Instant::now();
    let mut changed = (*snapshot).clone();
    for n in 0..1_000 {
        let tuple = Tuple::new(format!("user:new{n}"), "viewer", format!("document:{n}"));
        changed = changed.with(changed.revision() + 1, &[Change::Write(tuple)])?;
    }
    writeln!(out, "  a change: {:?} each, over 1,000 of them", start.elapsed() / 1_000)?;
    let engine = Engine::new(schema, Arc::new(changed.clone()))?;
    report(out, "twelve look-ups over 1,000 changes", &engine, "can_read", &asked)?;
    let start = Instant::now();
    let compacted = changed.compacted();
    writeln!(
        out,
        "  compacted {} tuples in {:.0} ms",
        compacted.base_tuples(),
        start.elapsed().as_secs_f64() * 1e3
    )?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let mut timer: Vec<u128> = (0..QUESTIONS)
        .map(|_| {
            let start = Instant::now();
            start.elapsed().as_nanos()
        })
        .collect();
    timer.sort_unstable();
    writeln!(out, "the timer alone: p50 {} ns", timer[timer.len() / 2])?;
    measure(&mut out, 1_000)?;
    measure(&mut out, 1_000_000)?;
    Ok(())
}
