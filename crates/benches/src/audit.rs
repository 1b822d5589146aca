//! `bench audit`: a change sealed with its entry, beside the same insert without any of it, and the time until an entry
//! has its place in the tree. The verification of what is in the tree is next door.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use app::audit::jobs::Sequencer;
use app::input::Name;
use app::projects::CreateProject;
use crypto::SystemRng;
use gates::{Reason, Vault};
use kernel::{EntryId, Face, RequestContext, SystemClock, TenantId};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::{cluster, cpu, verify};

/// One entry in so many is watched until it is placed.
const WATCH_EVERY: u64 = 16;
/// Time between two looks at whether a watched entry is placed, in milliseconds.
const LOOK_MILLIS: u64 = 5;

fn problem(problem: &kernel::Problem) -> anyhow::Error {
    anyhow!("{problem}")
}

/// Starts a private cluster, measures, prints.
pub(crate) async fn run(
    seconds: u64,
    clients: &[usize],
    connections: u32,
    entries: u64,
    as_json: bool,
) -> anyhow::Result<()> {
    let time = Duration::from_secs(seconds);
    let points =
        cluster::with(async |owner, postgres| measure(&owner, postgres, time, clients, connections).await)
            .await?;
    // Alone: nothing of the cluster runs beside it any more.
    let verified = verify::measure(entries)?;
    if as_json {
        println!("{}", json!({ "points": points, "verify": verified }));
        return Ok(());
    }
    print(&points);
    verify::print(&verified);
    Ok(())
}

struct House {
    vault: Arc<Vault>,
    key: String,
    watched: mpsc::UnboundedSender<(EntryId, Instant)>,
}

/// Microseconds of CPU so far: of this process, and of PostgreSQL.
fn cpu_micros(postgres: u32) -> (f64, f64) {
    let micros = |nanos: u64| nanos as f64 / 1_000.0;
    (micros(cpu::of_process(std::process::id())), micros(cpu::of_family(postgres)))
}

async fn measure(
    owner: &PgConnectOptions,
    postgres: u32,
    time: Duration,
    clients: &[usize],
    connections: u32,
) -> anyhow::Result<Vec<Value>> {
    let vault = cluster::vault(owner, connections, 4).await?;
    let mut connection = PgConnection::connect_with(owner).await?;
    sqlx::raw_sql("create table public.bare (tenant_id uuid, id uuid, name text, created_at timestamptz, primary key (tenant_id, id), unique (tenant_id, name))")
        .execute(&mut connection)
        .await?;
    let request = RequestContext::internal(Face::Cli, vault.clock(), vault.rng());
    let made =
        app::setup::first_run(&vault, &request, app::setup::Names::default()).await?.context("first run")?;
    let (stop, told) = watch::channel(false);
    let sequencer = Sequencer::new(Arc::clone(&vault), "bench.example", Duration::from_mins(1));
    let keeping = tokio::spawn(sequencer.run(told));
    let mut rows = Vec::new();
    for &count in clients {
        let (watched, watching) = mpsc::unbounded_channel();
        let lag = tokio::spawn(watch_placing(Arc::clone(&vault), made.organization, watching));
        let house =
            Arc::new(House { vault: Arc::clone(&vault), key: made.admin_key.expose().to_owned(), watched });
        let bare = drive_bare(owner, postgres, count, time).await?;
        let sealed = drive_sealed(&house, postgres, count, time).await?;
        drop(house);
        let mut lags = lag.await??;
        lags.sort_by(f64::total_cmp);
        let at = |part: usize| lags.get(lags.len() * part / 100).copied().unwrap_or(f64::NAN);
        rows.push(json!({
            "clients": count, "bare_per_second": bare.per_second, "sealed_per_second": sealed.per_second,
            "ratio": sealed.per_second / bare.per_second,
            "bare_cpu_micros": bare.own_micros + bare.postgres_micros,
            "sealed_cpu_micros": sealed.own_micros, "sealed_postgres_micros": sealed.postgres_micros,
            "placed_p50_millis": cpu::median(lags.clone()), "placed_p99_millis": at(99),
        }));
    }
    stop.send(true)?;
    keeping.await?;
    Ok(rows)
}

/// The business insert and nothing else: one statement, its own transaction.
async fn drive_bare(
    owner: &PgConnectOptions,
    postgres: u32,
    clients: usize,
    time: Duration,
) -> anyhow::Result<Driven> {
    let tenant = TenantId::new(&SystemClock, &SystemRng);
    let mut connections = Vec::new();
    for _ in 0..clients {
        connections.push(PgConnection::connect_with(owner).await?);
    }
    let start = Start::now(postgres);
    let started = start.at;
    let mut running = JoinSet::new();
    for mut connection in connections {
        running.spawn(async move {
            let mut done = 0_u64;
            while started.elapsed() < time {
                let id = EntryId::new(&SystemClock, &SystemRng).uuid();
                sqlx::query(
                    "insert into public.bare (tenant_id, id, name, created_at) values ($1, $2, $3, now())",
                )
                .bind(tenant.uuid())
                .bind(id)
                .bind(id.to_string())
                .execute(&mut connection)
                .await?;
                done += 1;
            }
            anyhow::Ok((done, Some(connection)))
        });
    }
    start.until_all(running).await
}

/// The same insert through all gates: key, claims, row security, the entry, the queue, the deferred trigger.
async fn drive_sealed(
    house: &Arc<House>,
    postgres: u32,
    clients: usize,
    time: Duration,
) -> anyhow::Result<Driven> {
    let counter = Arc::new(AtomicU64::new(0));
    let start = Start::now(postgres);
    let started = start.at;
    let mut running = JoinSet::new();
    for _ in 0..clients {
        let (house, counter) = (Arc::clone(house), Arc::clone(&counter));
        running.spawn(async move {
            let vault = &house.vault;
            let mut done = 0_u64;
            while started.elapsed() < time {
                let request = RequestContext::internal(Face::Api, vault.clock(), vault.rng());
                let principal =
                    vault.authenticate(Some(&house.key), &request).await.map_err(|p| problem(&p))?;
                let pass = vault.enter::<CreateProject>(principal, request).await.map_err(|p| problem(&p))?;
                let name = EntryId::new(&SystemClock, &SystemRng).to_string();
                let name = Name::parse(name, "/name").map_err(|p| problem(&p))?;
                let (_, receipt) = app::projects::create(pass, name).await.map_err(|p| problem(&p))?;
                if counter.fetch_add(1, Ordering::Relaxed).is_multiple_of(WATCH_EVERY) {
                    // The watcher ends only after every sender.
                    let _ = house.watched.send((receipt.entry(), Instant::now()));
                }
                done += 1;
            }
            anyhow::Ok((done, None))
        });
    }
    start.until_all(running).await
}

/// What one drive did: changes per second, and CPU of each, of this process and of PostgreSQL.
struct Driven {
    per_second: f64,
    own_micros: f64,
    postgres_micros: f64,
    /// Kept open: PostgreSQL's process for each takes its account with it when it ends, at a moment nobody knows.
    _connections: Vec<PgConnection>,
}

struct Start {
    at: Instant,
    postgres: u32,
    cpu: (f64, f64),
}

impl Start {
    fn now(postgres: u32) -> Self {
        Self { at: Instant::now(), postgres, cpu: cpu_micros(postgres) }
    }

    /// Waits for the clients and takes the account.
    async fn until_all(
        self,
        mut running: JoinSet<anyhow::Result<(u64, Option<PgConnection>)>>,
    ) -> anyhow::Result<Driven> {
        let (mut done, mut connections) = (0, Vec::new());
        while let Some(client) = running.join_next().await {
            let (count, connection) = client??;
            done += count;
            connections.extend(connection);
        }
        let (done, seconds) = (done as f64, self.at.elapsed().as_secs_f64());
        let (own, postgres) = cpu_micros(self.postgres);
        Ok(Driven {
            per_second: done / seconds,
            own_micros: (own - self.cpu.0) / done,
            postgres_micros: (postgres - self.cpu.1) / done,
            _connections: connections,
        })
    }
}

/// Milliseconds from the acknowledgement of each watched entry until it is seen in the tree.
async fn watch_placing(
    vault: Arc<Vault>,
    tenant: TenantId,
    mut watching: mpsc::UnboundedReceiver<(EntryId, Instant)>,
) -> anyhow::Result<Vec<f64>> {
    let (mut open, mut lags): (Vec<(EntryId, Instant)>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut more = true;
    while more || !open.is_empty() {
        tokio::time::sleep(Duration::from_millis(LOOK_MILLIS)).await;
        loop {
            match watching.try_recv() {
                Ok(entry) => open.push(entry),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    more = false;
                    break;
                }
            }
        }
        if open.is_empty() {
            continue;
        }
        let mut tx = vault.system(Reason::Sequencing).await?;
        let ids: Vec<EntryId> = open.iter().map(|(id, _)| *id).collect();
        let placed = store::audit::placed(&mut tx, tenant, &ids).await?;
        tx.finish().await?;
        open.retain(|(id, since)| {
            let there = placed.contains(id);
            if there {
                lags.push(since.elapsed().as_secs_f64() * 1_000.0);
            }
            !there
        });
    }
    Ok(lags)
}

fn print(rows: &[Value]) {
    println!(
        "{:>8}{:>10}{:>11}{:>7}{:>13}{:>15}{:>13}{:>12}{:>12}",
        "clients",
        "bare /s",
        "sealed /s",
        "ratio",
        "bare CPU µs",
        "sealed CPU µs",
        "+ PostgreSQL",
        "placed p50",
        "p99 ms"
    );
    for row in rows {
        let figure = |name: &str| row[name].as_f64().unwrap_or(f64::NAN);
        println!(
            "{:>8}{:>10.0}{:>11.0}{:>7.2}{:>13.0}{:>15.0}{:>13.0}{:>12.0}{:>12.0}",
            figure("clients"),
            figure("bare_per_second"),
            figure("sealed_per_second"),
            figure("ratio"),
            figure("bare_cpu_micros"),
            figure("sealed_cpu_micros"),
            figure("sealed_postgres_micros"),
            figure("placed_p50_millis"),
            figure("placed_p99_millis"),
        );
    }
}
