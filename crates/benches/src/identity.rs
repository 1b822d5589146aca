//! `bench identity`: signing in with a password beside what the hash alone allows, and verifying an access token with all of
//! gates one and two beside the bare signature check.

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use app::accounts::sign_in::Step;
use app::accounts::{Accounts, SessionKind, Site, Visitor};
use authn::password::{Password, PasswordHash, Scheme};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256};
use crypto::SystemRng;
use gates::{Draft, Reason, Vault};
use kernel::{AccountId, Clock as _, EventKind, Face, RequestContext, SystemClock};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use store::accounts::{self, NewAccount};
use tokio::task::JoinSet;

use crate::{cluster, cpu};

/// The hash of passwords by default.
const SCHEME: Scheme = Scheme::Bcrypt { cost: 12 };
const PASSWORD: &str = "seven blue lanterns drift";
/// People who sign in, in turns.
const PEOPLE: u32 = 16;
/// Hashes computed alone in a round.
const HASHES: u32 = 8;
/// Connections of each role.
const CONNECTIONS: u32 = 10;
/// Signatures checked between two looks at the clock.
const BATCH: u32 = 64;

fn problem(problem: &kernel::Problem) -> anyhow::Error {
    anyhow!("{problem}")
}

/// Starts a private cluster, measures, prints.
pub(crate) async fn run(seconds: u64, rounds: usize, as_json: bool) -> anyhow::Result<()> {
    let time = Duration::from_secs(seconds);
    let measured =
        cluster::with(async |owner, postgres| measure(&owner, postgres, time, rounds).await).await?;
    print(&measured, as_json);
    Ok(())
}

/// The figures of all rounds.
#[derive(Default)]
struct Figures {
    hash_millis: Vec<f64>,
    sign_ins: Vec<f64>,
    own_millis: Vec<f64>,
    postgres_millis: Vec<f64>,
    raw: Vec<f64>,
    verified: Vec<f64>,
}

async fn measure(
    owner: &PgConnectOptions,
    postgres: u32,
    time: Duration,
    rounds: usize,
) -> anyhow::Result<Value> {
    let vault = cluster::vault(owner, CONNECTIONS, CONNECTIONS).await?;
    let doors = Accounts::new(Arc::clone(&vault), Site::new("http://localhost:8080")?, SCHEME)?;
    make_people(&vault).await?;
    let token = token(&doors).await?;
    let signed = Signed::make()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut figures = Figures::default();
    for _ in 0..rounds {
        figures.hash_millis.push(hash_alone()?);
        drive_sign_ins(&doors, postgres, cores * 2, time, &mut figures).await?;
        figures.raw.push(signed.drive(time)?);
        figures.verified.push(drive_tokens(&vault, &token, time).await?);
    }
    let hash_millis = cpu::median(figures.hash_millis);
    let (sign_ins, bound) = (cpu::median(figures.sign_ins), cores as f64 * 1_000.0 / hash_millis);
    let (raw, verified) = (cpu::median(figures.raw), cpu::median(figures.verified));
    Ok(json!({
        "cores": cores, "hash_cpu_millis": hash_millis, "sign_ins_per_second": sign_ins,
        "hash_bound_per_second": bound, "share_of_bound": sign_ins / bound,
        "sign_in_cpu_millis": cpu::median(figures.own_millis),
        "sign_in_postgres_cpu_millis": cpu::median(figures.postgres_millis),
        "raw_rsa_verifications_per_second": raw, "token_verifications_per_second": verified,
        "token_ratio": verified / raw,
    }))
}

fn address(number: u32) -> String {
    format!("person-{number}@example.com")
}

async fn make_people(vault: &Arc<Vault>) -> anyhow::Result<()> {
    let password = Password::parse(PASSWORD.to_owned())?;
    let hash = PasswordHash::hash(&password, SCHEME, &SystemRng)?.to_text();
    let request = RequestContext::internal(Face::Cli, vault.clock(), vault.rng());
    let mut tx = vault.system(Reason::SetUp).await?;
    for number in 0..PEOPLE {
        let address = address(number);
        let account = NewAccount {
            id: AccountId::new(&SystemClock, &SystemRng),
            address: &address,
            address_key: &address,
            verified: true,
            name: "Person",
            password: Some(&hash),
            super_admin: false,
            at: SystemClock.now(),
        };
        accounts::create(&mut tx, &account).await?;
    }
    tx.seal(vault.instance(), Draft::done(EventKind::AccountCreated), &request, "bench.people").await?;
    Ok(())
}

/// Signs one person in, from a network of their own: what counts guesses counts per network too.
async fn sign_in(doors: &Accounts, number: u32, kind: SessionKind) -> anyhow::Result<kernel::SessionId> {
    let peer = Ipv4Addr::from(0x0a00_0000 | (number & 0x00ff_ffff));
    let request = RequestContext {
        peer: Some(peer.into()),
        ..RequestContext::internal(Face::Api, doors.vault().clock(), doors.vault().rng())
    };
    let visitor = Visitor { request: &request, device: "bench", known_device: None };
    let step = doors.sign_in(visitor, &address(number % PEOPLE), PASSWORD.to_owned(), kind).await;
    match step.map_err(|p| problem(&p))? {
        Step::Done(opened) => Ok(opened.id),
        Step::SecondFactor(_) => bail!("nobody has a second factor"),
    }
}

async fn token(doors: &Accounts) -> anyhow::Result<String> {
    let session = sign_in(doors, 0, SessionKind::Program).await?;
    let request = RequestContext::internal(Face::Api, doors.vault().clock(), doors.vault().rng());
    let visitor = Visitor { request: &request, device: "bench", known_device: None };
    let access = doors.access_token(visitor, session).await.map_err(|p| problem(&p))?;
    Ok(access.token.to_string())
}

/// Milliseconds of CPU of one comparison, with nothing beside it.
fn hash_alone() -> anyhow::Result<f64> {
    let password = Password::parse(PASSWORD.to_owned())?;
    let hash = PasswordHash::hash(&password, SCHEME, &SystemRng)?;
    let before = cpu::of_thread();
    for _ in 0..HASHES {
        if !black_box(&hash).verify(black_box(&password)) {
            bail!("the password does not match its own hash");
        }
    }
    let nanos = cpu::of_thread().saturating_sub(before);
    Ok(nanos as f64 / 1_000_000.0 / f64::from(HASHES))
}

async fn drive_sign_ins(
    doors: &Accounts,
    postgres: u32,
    clients: usize,
    time: Duration,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    // Over all rounds, so that no network comes twice.
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let (own, theirs) = (cpu::of_process(std::process::id()), cpu::of_family(postgres));
    let started = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..clients {
        let doors = doors.clone();
        running.spawn(async move {
            let mut done = 0_u32;
            while started.elapsed() < time {
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                sign_in(&doors, number, SessionKind::Browser).await?;
                done += 1;
            }
            anyhow::Ok(done)
        });
    }
    let mut done = 0.0;
    while let Some(client) = running.join_next().await {
        done += f64::from(client??);
    }
    let seconds = started.elapsed().as_secs_f64();
    let millis = |now: u64, before: u64| now.saturating_sub(before) as f64 / 1_000_000.0;
    figures.sign_ins.push(done / seconds);
    figures.own_millis.push(millis(cpu::of_process(std::process::id()), own) / done);
    figures.postgres_millis.push(millis(cpu::of_family(postgres), theirs) / done);
    Ok(())
}

/// A signature of a key like those that sign tokens.
struct Signed {
    public: ParsedPublicKey,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Signed {
    fn make() -> anyhow::Result<Self> {
        let pair = KeyPair::generate(KeySize::Rsa2048).ok().context("a key")?;
        let message = vec![b'm'; 1_024];
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut signature)
            .ok()
            .context("signed")?;
        let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
        Ok(Self { public: public.ok().context("a public key")?, message, signature })
    }

    /// Checks per second of one thread, with nothing around them.
    fn drive(&self, time: Duration) -> anyhow::Result<f64> {
        let (started, mut done) = (Instant::now(), 0.0);
        while started.elapsed() < time {
            for _ in 0..BATCH {
                let good = self.public.verify_sig(black_box(&self.message), black_box(&self.signature));
                good.ok().context("verified")?;
            }
            done += f64::from(BATCH);
        }
        Ok(done / started.elapsed().as_secs_f64())
    }
}

/// Tokens per second of one task: signature, claims, list of those called back, the session behind it.
async fn drive_tokens(vault: &Arc<Vault>, token: &str, time: Duration) -> anyhow::Result<f64> {
    let (started, mut done) = (Instant::now(), 0.0);
    while started.elapsed() < time {
        let request = RequestContext::internal(Face::Api, vault.clock(), vault.rng());
        for _ in 0..BATCH {
            vault.authenticate(Some(token), &request).await.map_err(|p| problem(&p))?;
        }
        done += f64::from(BATCH);
        // So that the watch over what is remembered gets its turn.
        tokio::task::yield_now().await;
    }
    Ok(done / started.elapsed().as_secs_f64())
}

fn print(measured: &Value, as_json: bool) {
    if as_json {
        println!("{measured}");
        return;
    }
    let figure = |name: &str| measured[name].as_f64().unwrap_or(f64::NAN);
    println!("bcrypt 12 alone           {:>10.1} ms CPU", figure("hash_cpu_millis"));
    println!(
        "bound of the hash         {:>10.2} sign-ins/s on {:.0} cores",
        figure("hash_bound_per_second"),
        figure("cores")
    );
    println!(
        "signing in                {:>10.2} sign-ins/s, {:.0} % of the bound; CPU ms each: {:.1} + PostgreSQL {:.1}",
        figure("sign_ins_per_second"),
        figure("share_of_bound") * 100.0,
        figure("sign_in_cpu_millis"),
        figure("sign_in_postgres_cpu_millis")
    );
    println!("RSA-2048 verified, bare   {:>10.0} /s per core", figure("raw_rsa_verifications_per_second"));
    println!(
        "access token, gates 1 + 2 {:>10.0} /s per core, {:.0} % of the bare check",
        figure("token_verifications_per_second"),
        figure("token_ratio") * 100.0
    );
}
