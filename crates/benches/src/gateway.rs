//! `bench gateway`: CPU per request with all gates on, as a ratio to a proxy that does nothing.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::{cpu, load};

/// A process that is measured; stopped when dropped.
struct Contender {
    name: &'static str,
    child: Child,
    address: String,
    key: String,
    postgres: Option<u32>,
}

impl Drop for Contender {
    fn drop(&mut self) {
        // The server stops its PostgreSQL by itself when told politely.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

struct Figures {
    cpu_micros: Vec<f64>,
    postgres_micros: Vec<f64>,
    rate: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
}

/// Each contender runs on the second core, the load on the first, where there are two.
fn pinned(core: usize, program: &Path) -> Command {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores < 2 {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}

fn first_line(child: &mut Child) -> anyhow::Result<String> {
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
    if line.trim().is_empty() {
        bail!("a contender did not start");
    }
    Ok(line.trim().to_owned())
}

fn yardstick(name: &'static str, core: usize, arguments: &[&str]) -> anyhow::Result<Contender> {
    let mut child = pinned(core, &std::env::current_exe()?)
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .context(name)?;
    let address = first_line(&mut child)?;
    Ok(Contender { name, child, address, key: "none".into(), postgres: None })
}

fn product(server: &Path, upstream: &str, data: &Path) -> anyhow::Result<Contender> {
    let mut child = pinned(1, server)
        .args(["up", "--json", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data)
        .env("PORTCULLIS_RATE_STANDARD", "off")
        .env("PORTCULLIS_RATE_LLM", "off")
        .env("PORTCULLIS_PROVIDERS", format!("bench=http://{upstream}/v1"))
        .env("PORTCULLIS_PROVIDER_BENCH_KEY", "sk-bench")
        .env("PORTCULLIS_ALLOW_PRIVATE_UPSTREAMS", "true")
        .env("PORTCULLIS_ALLOW_PLAIN_HTTP_UPSTREAMS", "true")
        .env("PORTCULLIS_LOG", "warn")
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", server.display()))?;
    let up: Value = serde_json::from_str(&first_line(&mut child)?)?;
    let text =
        |name: &str| up[name].as_str().map(str::to_owned).with_context(|| format!("no {name} in the output"));
    let address = text("url")?.trim_start_matches("http://").to_owned();
    let pid = cpu::postmaster(data);
    Ok(Contender { name: "portcullis", child, address, key: text("api_key")?, postgres: pid })
}

async fn measure(
    contender: &Contender,
    clients: usize,
    time: Duration,
    into: &mut Figures,
) -> anyhow::Result<()> {
    let pid = contender.child.id();
    let before = (cpu::of_process(pid), contender.postgres.map_or(0, cpu::of_family));
    let driven = load::drive(&contender.address, &contender.key, clients, time).await?;
    let after = (cpu::of_process(pid), contender.postgres.map_or(0, cpu::of_family));
    let per = |nanos: u64| nanos as f64 / 1_000.0 / driven.requests as f64;
    into.cpu_micros.push(per(after.0 - before.0));
    into.postgres_micros.push(per(after.1 - before.1));
    into.rate.push(driven.requests as f64 / driven.seconds);
    into.p50.push(driven.p50);
    into.p99.push(driven.p99);
    Ok(())
}

/// Starts everything, takes turns, prints.
pub(crate) async fn run(
    server: &Path,
    seconds: u64,
    rounds: usize,
    clients: usize,
    as_json: bool,
) -> anyhow::Result<()> {
    let data = std::env::temp_dir().join(format!("portcullis-bench-{}", std::process::id()));
    std::fs::create_dir_all(&data)?;
    let upstream = yardstick("upstream", 0, &["upstream"])?;
    let proxy = yardstick("minimal proxy", 1, &["proxy", &upstream.address])?;
    let product = product(server, &upstream.address, &data)?;
    let contenders = [&upstream, &proxy, &product];
    let mut figures: Vec<Figures> = contenders
        .iter()
        .map(|_| Figures {
            cpu_micros: vec![],
            postgres_micros: vec![],
            rate: vec![],
            p50: vec![],
            p99: vec![],
        })
        .collect();
    for contender in contenders {
        load::drive(&contender.address, &contender.key, clients, Duration::from_secs(1)).await?;
    }
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        for (contender, into) in contenders.iter().zip(&mut figures) {
            measure(contender, clients, Duration::from_secs(seconds), into).await?;
        }
    }
    let floor = cpu::median(figures[1].cpu_micros.clone());
    let rows: Vec<Value> = contenders
        .iter()
        .zip(figures)
        .map(|(contender, f)| {
            let micros = cpu::median(f.cpu_micros);
            json!({
                "name": contender.name, "cpu_micros_per_request": micros, "ratio_to_minimal_proxy": micros / floor,
                "postgres_cpu_micros_per_request": cpu::median(f.postgres_micros),
                "requests_per_second": cpu::median(f.rate), "p50_millis": cpu::median(f.p50),
                "p99_millis": cpu::median(f.p99),
            })
        })
        .collect();
    drop((product, proxy, upstream));
    std::fs::remove_dir_all(&data)?;
    print(&rows, clients, as_json);
    Ok(())
}

fn print(rows: &[Value], clients: usize, as_json: bool) {
    if as_json {
        println!("{}", json!({ "clients": clients, "contenders": rows }));
        return;
    }
    println!("{clients} clients, one core each; medians");
    println!(
        "{:<16}{:>12}{:>10}{:>16}{:>10}{:>10}{:>10}",
        "", "CPU µs/req", "× proxy", "PostgreSQL µs", "req/s", "p50 ms", "p99 ms"
    );
    for row in rows {
        let figure = |name: &str| row[name].as_f64().unwrap_or(f64::NAN);
        println!(
            "{:<16}{:>12.1}{:>10.2}{:>16.1}{:>10.0}{:>10.2}{:>10.2}",
            row["name"].as_str().unwrap_or_default(),
            figure("cpu_micros_per_request"),
            figure("ratio_to_minimal_proxy"),
            figure("postgres_cpu_micros_per_request"),
            figure("requests_per_second"),
            figure("p50_millis"),
            figure("p99_millis"),
        );
    }
}
