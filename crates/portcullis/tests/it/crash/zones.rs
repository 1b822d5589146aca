//! Three zones on one machine: a PostgreSQL in each, of which a commit waits for two. Any one of them is killed at any
//! moment under load, the first included, and no acknowledged entry is missing.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gates::{AuthMode, ClaimsKey, Vault, VaultOptions};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use store::schema::{
    APP_ROLE, EMBEDDED_DATABASE, RolePasswords, SYSTEM_ROLE, make_embedded_database, prepare,
};
use tokio::process::{Child, Command};

use super::load::{Acknowledged, Load};
use crate::house::process::{Folder, Process, command, program, run_to_end};
use crate::house::web::Web;
use crate::house::{House, Tenant, execute, instance_key, run};

/// Clients at work.
const CLIENTS: usize = 6;
/// Answers between two kills.
const ANSWERS: usize = 40;
/// Longest wait for a zone to answer, to follow, or for answers to come.
const WAIT_SECONDS_MAX: u64 = 60;
/// What every zone is told. Small, and nothing that makes a commit cheaper than it is.
const SETTINGS: [&str; 7] = [
    "listen_addresses=",
    "shared_buffers=32MB",
    "max_connections=60",
    "wal_level=replica",
    "hot_standby=on",
    "wal_keep_size=256MB",
    "wal_receiver_status_interval=1",
];

/// Waits until `ready` says so.
pub(crate) async fn until(what: &str, mut ready: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !ready().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let limit = Duration::from_secs(WAIT_SECONDS_MAX);
    assert!(tokio::time::timeout(limit, wait).await.is_ok(), "{what} took longer than {WAIT_SECONDS_MAX} s");
}

/// The account PostgreSQL runs under, and its programs.
pub(crate) struct Site {
    bin: PathBuf,
    account: (u32, u32),
}

impl Site {
    pub(crate) fn of(house: &House) -> Self {
        let owner = std::fs::metadata(house.socket_dir()).expect("the socket's directory");
        Self { bin: house.home().bin_dir().to_owned(), account: (owner.uid(), owner.gid()) }
    }

    fn program(&self, name: &str) -> Command {
        self.program_by(&[], name)
    }

    /// The same, with other words before it: a program that starts it.
    fn program_by(&self, launcher: &[String], name: &str) -> Command {
        let program = self.bin.join(name);
        let mut command = match launcher.split_first() {
            None => Command::new(program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        if rustix::process::geteuid().is_root() {
            command.uid(self.account.0).gid(self.account.1);
        }
        command.current_dir("/");
        command
    }
}

/// One zone: a cluster, and the process when it runs.
pub(crate) struct Zone<'a> {
    site: &'a Site,
    name: &'static str,
    pub(crate) dir: PathBuf,
    port: u16,
    running: Option<Child>,
}

impl<'a> Zone<'a> {
    pub(crate) fn at(site: &'a Site, folder: &Folder, name: &'static str, port: u16) -> Self {
        let dir = PathBuf::from(folder.join(name));
        std::fs::create_dir(&dir).expect("a directory");
        chown(&dir, Some(site.account.0), Some(site.account.1)).expect("given away");
        Self { site, name, dir, port, running: None }
    }

    pub(crate) fn data(&self) -> String {
        self.dir.join("data").display().to_string()
    }

    /// A connection string for PostgreSQL's own programs.
    fn reach(&self, as_zone: &str) -> String {
        format!("host={} port={} user=postgres application_name={as_zone}", self.dir.display(), self.port)
    }

    pub(crate) async fn make(&self) {
        let mut initdb = self.site.program("initdb");
        initdb.args(["-D", &self.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"]);
        // Segments are begun and recycled often, which is what goes wrong on full disks.
        initdb.arg("--wal-segsize=1");
        run_to_end(initdb).await.exited(0);
    }

    /// Becomes a copy of another zone, which it then follows.
    async fn copy(&self, from: &Zone<'_>) {
        let mut backup = self.site.program("pg_basebackup");
        backup.args(["-D", &self.data(), "-d", &from.reach(self.name), "-R", "-X", "stream", "-c", "fast"]);
        run_to_end(backup).await.exited(0);
    }

    /// Starts it; `follow` is the zone it takes its log from.
    pub(crate) async fn start(&mut self, follow: Option<&Zone<'_>>) {
        self.spawn(&[], follow, &[]);
        until("a zone", async || self.try_login("postgres").await.is_ok()).await;
    }

    /// Starts it by a launcher, with more settings, and does not wait for it.
    pub(crate) fn spawn(&mut self, launcher: &[String], follow: Option<&Zone<'_>>, more: &[&str]) {
        let mut postgres = self.site.program_by(launcher, "postgres");
        postgres.args(["-D", &self.data(), "-k"]).arg(&self.dir).args(["-p", &self.port.to_string()]);
        for setting in SETTINGS.iter().chain(more) {
            postgres.args(["-c", setting]);
        }
        if let Some(first) = follow {
            postgres.args(["-c", &format!("primary_conninfo={}", first.reach(self.name))]);
        }
        let log = std::fs::File::create(self.dir.join("log")).expect("a log");
        postgres.stdout(log.try_clone().expect("a log")).stderr(log).kill_on_drop(true);
        self.running = Some(postgres.spawn().expect("PostgreSQL starts"));
    }

    /// Every process of it at once, as when its machine loses power.
    pub(crate) async fn kill(&mut self) {
        let mut child = self.running.take().expect("it runs");
        let first = pid(&child).expect("it runs");
        // Stopped, it starts no more of them and mourns none.
        kill_process(first, Signal::STOP).expect("stopped");
        let others = children(first);
        for process in &others {
            // One that has just ended is as dead as the others.
            let _ = kill_process(*process, Signal::KILL);
        }
        kill_process(first, Signal::KILL).expect("killed");
        child.wait().await.expect("gone");
        // While one of them holds the shared memory, nothing can be started here.
        until("dying", async || others.iter().all(|process| is_dead(*process))).await;
    }

    fn options(&self, database: &str, user: &str, password: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.dir)
            .port(self.port)
            .database(database)
            .username(user)
            .password(password)
    }

    pub(crate) async fn try_login(&self, database: &str) -> Result<PgConnection, sqlx::Error> {
        PgConnection::connect_with(&self.options(database, "postgres", "")).await
    }

    pub(crate) async fn text(&self, sql: &'static str) -> String {
        let mut login = self.try_login(EMBEDDED_DATABASE).await.expect("a login");
        let found: Option<String> = sqlx::query_scalar(sql).fetch_one(&mut login).await.expect("a value");
        found.unwrap_or_default()
    }

    async fn said(&self, sql: &str) {
        execute(&mut self.try_login("postgres").await.expect("a login"), sql).await.expect("said");
    }

    /// A commit here waits for one of these as well.
    async fn wait_for(&self, others: &str) {
        self.said(&format!("alter system set synchronous_standby_names = '{others}'")).await;
        self.said("select pg_reload_conf()").await;
    }

    async fn has_followers(&self, count: &str) {
        let sql = "select count(*)::text from pg_stat_replication where state = 'streaming' and sync_state = 'quorum'";
        until("following", async || self.text(sql).await == count).await;
    }

    pub(crate) fn url(&self, user: &str, password: &str) -> String {
        let (socket, port) = (self.dir.display().to_string().replace('/', "%2F"), self.port);
        format!(
            "postgres://{user}:{password}@localhost/{EMBEDDED_DATABASE}?host={socket}&port={port}&sslmode=disable"
        )
    }

    /// A server over it, which remembers heads in `data_dir`.
    pub(crate) async fn serve(&self, data_dir: &Path) -> Process {
        let passwords = RolePasswords::derive(&instance_key());
        let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("DATABASE_APP_URL", self.url(APP_ROLE, &passwords.app));
        command.env("DATABASE_SYSTEM_URL", self.url(SYSTEM_ROLE, &passwords.system));
        command.env("ENCRYPTION_KEY", instance_key().to_base64().as_str());
        command.env("PORTCULLIS_DATA_DIR", data_dir).env("PORTCULLIS_CHECKPOINT_SECONDS", "1");
        command.env("PORTCULLIS_APP_CONNECTIONS", "8").env("PORTCULLIS_LOG", "warn");
        self.as_its_account(&mut command);
        Process::start(command, false).await
    }

    /// `serve` refuses to be root, and the socket is open to the account of PostgreSQL alone.
    pub(crate) fn as_its_account(&self, command: &mut Command) {
        if rustix::process::geteuid().is_root() {
            command.uid(self.site.account.0).gid(self.site.account.1);
        }
    }

    /// Everybody but the superuser logs in with a password from now on.
    pub(crate) fn ask_for_passwords(&self) {
        let rules = "local all postgres trust\nlocal all all scram-sha-256\n";
        std::fs::write(self.dir.join("data/pg_hba.conf"), rules).expect("written");
    }

    /// Ends every session of the serving roles.
    pub(crate) async fn break_connections(&self) {
        self.said("select pg_terminate_backend(pid) from pg_stat_activity where usename like 'portcullis_%'")
            .await;
    }

    /// The schema, and a tenant to work for.
    pub(crate) async fn prepared(&self) -> Tenant {
        make_embedded_database(&mut self.try_login("postgres").await.expect("a login")).await.expect("made");
        let (key, passwords) = (instance_key(), RolePasswords::derive(&instance_key()));
        let mut owner = self.try_login(EMBEDDED_DATABASE).await.expect("a login");
        prepare(&mut owner, &ClaimsKey::new(&key), Some(&passwords)).await.expect("the schema");
        let vault = Vault::open(VaultOptions {
            app: self.options(EMBEDDED_DATABASE, APP_ROLE, &passwords.app),
            system: self.options(EMBEDDED_DATABASE, SYSTEM_ROLE, &passwords.system),
            app_connections_max: 6,
            system_connections_max: 3,
            instance_key: key,
            issuer: "http://localhost".to_owned(),
            auth: AuthMode::Db,
            static_keys: Vec::new(),
            authorizer: None,
            reader: None,
            clock: std::sync::Arc::new(kernel::SystemClock),
            rng: std::sync::Arc::new(crypto::SystemRng),
        })
        .await
        .expect("served");
        let tenant = Tenant::make(&vault, "zones").await;
        vault.close();
        tenant
    }

    /// Everything that was acknowledged is here.
    pub(crate) async fn holds(&self, told: &Acknowledged) {
        let mut login = self.try_login(EMBEDDED_DATABASE).await.expect("a login");
        let all: Vec<String> = sqlx::query_scalar("select id::text from portcullis.audit_entry")
            .fetch_all(&mut login)
            .await
            .expect("entries");
        let all: std::collections::BTreeSet<String> = all.into_iter().collect();
        let missing: Vec<_> = told.entries.difference(&all).collect();
        assert!(missing.is_empty(), "{} acknowledged entries are gone: {missing:?}", missing.len());
    }
}

impl Drop for Zone<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
            eprintln!("---- zone {}\n{log}----", self.name);
        }
        if let Some(first) = self.running.as_ref().and_then(pid) {
            let _ = kill_process(first, Signal::QUIT);
        }
    }
}

fn pid(child: &Child) -> Option<Pid> {
    child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
}

/// The processes that this one has started: each session of PostgreSQL is one, in a group of its own.
fn children(of: Pid) -> Vec<Pid> {
    let parent = of.as_raw_nonzero().to_string();
    let processes = std::fs::read_dir("/proc").expect("processes").filter_map(Result::ok);
    let mine = processes.filter_map(|entry| {
        let id: i32 = entry.file_name().to_str()?.parse().ok()?;
        let status = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name in parentheses may hold anything; after it come the state and the parent.
        let (_, rest) = status.rsplit_once(')')?;
        (rest.split_whitespace().nth(1)? == parent).then_some(())?;
        Pid::from_raw(id)
    });
    mine.collect()
}

/// Whether a process is gone, or waits for nothing but to be buried.
fn is_dead(process: Pid) -> bool {
    let status =
        std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap_or_default();
    status.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
}

/// Waits for so many more answers.
async fn more(load: &Load) {
    let from = load.count();
    until("answers", async || load.count() >= from + ANSWERS).await;
}

fn clients(server: &Process, tenant: &Tenant) -> Load {
    let web = server.web(tenant.agent_key.expose().to_owned());
    Load::start(std::iter::repeat_n(web, CLIENTS).collect::<Vec<Web>>())
}

#[test]
fn a_killed_zone_loses_nothing_that_was_acknowledged() {
    run(async |house| {
        let (folder, site) = (Folder::new("zones"), Site::of(house));
        let heads = PathBuf::from(folder.join("heads"));
        std::fs::create_dir(&heads).expect("a directory");
        chown(&heads, Some(site.account.0), Some(site.account.1)).expect("given away");
        let mut first = Zone::at(&site, &folder, "a", 5_501);
        let mut second = Zone::at(&site, &folder, "b", 5_502);
        let mut third = Zone::at(&site, &folder, "c", 5_503);
        first.make().await;
        first.start(None).await;
        let tenant = first.prepared().await;
        for follower in [&mut second, &mut third] {
            follower.copy(&first).await;
            follower.start(Some(&first)).await;
        }
        first.wait_for("ANY 1 (b, c)").await;
        first.has_followers("2").await;

        // One follower after the other goes and comes back: the service does not stop.
        let server = first.serve(&heads).await;
        let load = clients(&server, &tenant);
        more(&load).await;
        for follower in [&mut second, &mut third] {
            follower.kill().await;
            more(&load).await;
            follower.start(Some(&first)).await;
            first.has_followers("2").await;
        }
        more(&load).await;
        let waits = first.text("select current_setting('synchronous_standby_names')").await;
        assert_eq!(waits, "ANY 1 (b, c)");

        // The first goes. Of the others, the one that is ahead has everything that was acknowledged.
        first.kill().await;
        let mut told = load.stop().await;
        server.kill().await;
        let received = "select coalesce(pg_last_wal_receive_lsn(), '0/0')::text";
        let lsn = |text: String| {
            let (high, low) =
                text.split_once('/').map(|(high, low)| (high.to_owned(), low.to_owned())).expect("a place");
            let number = |digits: &str| u64::from_str_radix(digits, 16).expect("hexadecimal");
            (number(&high), number(&low))
        };
        let (of_second, of_third) = (lsn(second.text(received).await), lsn(third.text(received).await));
        let (ahead, mut behind) = if of_second >= of_third { (second, third) } else { (third, second) };
        ahead.said("select pg_promote()").await;
        until("promotion", async || ahead.text("select pg_is_in_recovery()::text").await == "false").await;
        ahead.holds(&told).await;
        behind.kill().await;
        behind.start(Some(&ahead)).await;
        ahead.wait_for(&format!("ANY 1 ({})", behind.name)).await;
        ahead.has_followers("1").await;

        // It goes on there, under the same name: no head was lost.
        let server = ahead.serve(&heads).await;
        let load = clients(&server, &tenant);
        more(&load).await;
        told.add(&load.stop().await);
        let web = server.web(tenant.owner_key.expose().to_owned());
        let vkey = web.post_empty("/api/v1/audit/checkpoints").await.expect(201).json()["vkey"].clone();
        let name = vkey.as_str().and_then(|vkey| vkey.split('+').next()).expect("a name").to_owned();
        assert!(name.ends_with(&format!("/log/{}", tenant.id)), "{name}");
        assert!(server.stop().await.success());
        ahead.holds(&told).await;
        assert_eq!(ahead.text("select count(*)::text from portcullis.audit_alarm").await, "0");
        command(&["verify", "--database", &ahead.url("postgres", "")], &[]).await.exited(0);
        println!("{} entries acknowledged", told.entries.len());
        assert!(told.entries.len() >= 6 * ANSWERS, "the kills came under load");
    });
}
