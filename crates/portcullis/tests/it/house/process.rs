//! The real program as a process of its own: started, asked over HTTP, stopped in order, or killed.
//!
//! ```text
//! Process::serve(&database, &[("PORTCULLIS_RATE_LLM", "off")])   `portcullis serve` over a clone of the template
//! Process::up(house, &folder, &[])                               `portcullis up` with a cluster of its own
//!     .web(key)        asks it over HTTP
//!     .stop()          SIGTERM, and what it exits with
//!     .kill()          SIGKILL, as a power cut would
//! command(&["verify", …], &env)                                  any other command, run to its end
//! ```
//!
//! What a server wrote is printed when the test that started it fails.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gates::ClaimsKey;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use store::schema::{APP_ROLE, RolePasswords, SYSTEM_ROLE, prepare};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::web::Web;
use super::{Database, House, execute, instance_key};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_portcullis");
/// Longest wait for a server to be ready; a first `up` makes a whole cluster meanwhile.
const READY_SECONDS_MAX: u64 = 60;
/// Longest wait for a server to stop by itself.
const STOP_SECONDS_MAX: u64 = 60;
/// Longest run of a command.
const COMMAND_SECONDS_MAX: u64 = 120;
/// What `serve` writes to standard error when it answers.
const READY: &str = "portcullis: ready at ";

/// Settings as environment variables.
pub(crate) type Env<'a> = &'a [(&'a str, &'a str)];

/// What a process wrote, as far as it has come.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<String>>);

impl Written {
    fn add(&self, line: &str) {
        let mut text = self.0.lock().expect("no writer panics");
        text.push_str(line);
        text.push('\n');
    }

    fn text(&self) -> String {
        self.0.lock().expect("no writer panics").clone()
    }
}

/// A server in a process of its own. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    written: Written,
    /// Its URL, without a slash at its end.
    pub(crate) url: String,
    /// From the start of the process until it said that it is ready.
    pub(crate) ready_after: Duration,
    /// The JSON that `up` printed; null for `serve`.
    pub(crate) said: Value,
}

impl Process {
    /// `portcullis serve` on a free port, with rate limits off unless `env` says otherwise.
    pub(crate) async fn serve(database: &Database, env: Env<'_>) -> Self {
        Self::start(Self::serving(database, &[], env), false).await
    }

    /// The command of [`Process::serve`], with other words before the program.
    pub(crate) fn serving(database: &Database, launcher: &[String], env: Env<'_>) -> Command {
        let mut command = program_by(launcher, &["serve", "--listen", "127.0.0.1:0"]);
        command.envs(database.environment());
        // Heads are kept there: one folder for each database, and gone with the cluster.
        command.env("PORTCULLIS_DATA_DIR", database.data_dir()).env("PORTCULLIS_APP_CONNECTIONS", "8");
        command.envs(env.iter().copied());
        // `serve` refuses to be root, and the socket is open to the account of PostgreSQL alone.
        let socket =
            std::fs::metadata(&database.house.connection.socket_dir).expect("the socket's directory");
        if rustix::process::geteuid().is_root() {
            command.uid(socket.uid()).gid(socket.gid());
        }
        command
    }

    /// `portcullis up` on a free port, with the harness's own PostgreSQL programs and a cluster in `data_dir`.
    pub(crate) async fn up(house: &House, data_dir: &Path, env: Env<'_>) -> Self {
        let mut command = program(&["up", "--json", "--listen", "127.0.0.1:0"]);
        command.arg("--data-dir").arg(data_dir).arg("--pg-bin").arg(house.home().bin_dir());
        command.envs(env.iter().copied());
        Self::start(command, true).await
    }

    /// A program that says where it is: `up` and the like in JSON, `serve` in a line.
    pub(crate) async fn start(command: Command, speaks_json: bool) -> Self {
        let started = Self::try_start(command, speaks_json).await;
        started.unwrap_or_else(|wrote| panic!("the server did not become ready; it wrote:\n{wrote}"))
    }

    /// The same of one that may fail: then what it wrote.
    pub(crate) async fn try_start(mut command: Command, speaks_json: bool) -> Result<Self, String> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let begun = Instant::now();
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{PROGRAM} cannot be started: {error}"));
        let written = Written::default();
        let (ready, mut told) = mpsc::unbounded_channel();
        let (out, err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let json = ready.clone();
        follow(out, written.clone(), move |line| {
            if let Some(said) =
                serde_json::from_str::<Value>(line).ok().filter(|said| said["url"].is_string())
            {
                let _ = json.send((said["url"].as_str().unwrap_or_default().to_owned(), said));
            }
        });
        follow(err, written.clone(), move |line| {
            // With logs for programs it is the message of a line of the log.
            let logged = serde_json::from_str::<Value>(line).unwrap_or_default();
            let message = logged["message"].as_str().map(|message| format!("portcullis: {message}"));
            let said = message.as_deref().unwrap_or(line);
            if let Some(url) = said.strip_prefix(READY).filter(|_| !speaks_json) {
                let _ = ready.send((url.trim().to_owned(), Value::Null));
            }
        });
        let Ok(Some((url, said))) = timeout(Duration::from_secs(READY_SECONDS_MAX), told.recv()).await else {
            return Err(written.text());
        };
        Ok(Self { child, written, url, ready_after: begun.elapsed(), said })
    }

    /// Asks it over HTTP, with this credential.
    pub(crate) fn web(&self, key: impl Into<Option<String>>) -> Web {
        Web::new(&self.url, key.into())
    }

    /// What it wrote so far.
    pub(crate) fn written(&self) -> String {
        self.written.text()
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Pid {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        id.expect("the server runs")
    }

    /// Asks it to stop, without waiting.
    pub(crate) fn terminate(&self) {
        kill_process(self.pid(), Signal::TERM).expect("the server runs");
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        match timeout(Duration::from_secs(STOP_SECONDS_MAX), self.child.wait()).await {
            Ok(status) => status.expect("its end is known"),
            Err(late) => panic!("the server did not stop within {STOP_SECONDS_MAX} s: {late}"),
        }
    }

    /// Stops it in order.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        self.terminate();
        self.ended().await
    }

    /// Ends it as a power cut would.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("killed");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- what the server at {} wrote\n{}----", self.url, self.written.text());
        }
    }
}

/// Collects what is read and shows each line to `look`.
fn follow(
    from: impl AsyncRead + Unpin + Send + 'static,
    written: Written,
    look: impl Fn(&str) + Send + 'static,
) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(from).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            written.add(&line);
            look(&line);
        }
    });
}

/// The program with nothing in its environment that the machine happens to set.
pub(crate) fn program(arguments: &[impl AsRef<OsStr>]) -> Command {
    program_by(&[], arguments)
}

/// The same, with other words before it: a program that starts it.
pub(crate) fn program_by(launcher: &[String], arguments: &[impl AsRef<OsStr>]) -> Command {
    let words: Vec<&OsStr> = launcher.iter().map(OsStr::new).chain([OsStr::new(PROGRAM)]).collect();
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .args(arguments)
        .env_clear()
        .env("RUST_BACKTRACE", "1")
        .env("PORTCULLIS_LOG_FORMAT", "text");
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
        .env("PORTCULLIS_RATE_STANDARD", "off")
        .env("PORTCULLIS_RATE_LLM", "off")
        .env("PORTCULLIS_RATE_RELATIONS", "off");
    command
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Whether it left its user any word.
    pub(crate) fn said_something(&self) -> bool {
        !self.out.trim().is_empty() || !self.err.trim().is_empty()
    }

    /// Its standard output, when it exited with `code`.
    #[track_caller]
    pub(crate) fn exited(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "standard output:\n{}\nstandard error:\n{}", self.out, self.err);
        self.out
    }
}

/// Runs one of the program's commands to its end.
pub(crate) async fn command(arguments: &[impl AsRef<OsStr>], env: Env<'_>) -> Ran {
    let mut command = program(arguments);
    command.envs(env.iter().copied());
    run_to_end(command).await
}

/// Runs any command to its end.
pub(crate) async fn run_to_end(mut command: Command) -> Ran {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let running = command.output();
    let Output { status, stdout, stderr } = timeout(Duration::from_secs(COMMAND_SECONDS_MAX), running)
        .await
        .unwrap_or_else(|_| panic!("{command:?} ran longer than {COMMAND_SECONDS_MAX} s"))
        .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: status.code(), out: text(&stdout), err: text(&stderr) }
}

/// A folder for one test, removed at its end unless the test fails. Open to PostgreSQL's account, and with a short
/// name, because sockets lie in it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(purpose: &str) -> Self {
        // Two tests that run beside each other may say the same purpose.
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("pcl-{}-{serial}-{purpose}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The server may make files in it, under whatever account it runs.
    pub(crate) fn open_to_all(&self) {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&self.0, std::fs::Permissions::from_mode(0o777)).expect("permissions");
    }

    /// A path in it, as text for a command line.
    pub(crate) fn join(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

impl Database {
    /// What `serve` needs to know of it.
    pub(crate) fn environment(&self) -> [(&'static str, String); 3] {
        let key = instance_key();
        let passwords = RolePasswords::derive(&key);
        [
            ("DATABASE_APP_URL", self.url(APP_ROLE, &passwords.app)),
            ("DATABASE_SYSTEM_URL", self.url(SYSTEM_ROLE, &passwords.system)),
            ("ENCRYPTION_KEY", key.to_base64().to_string()),
        ]
    }

    /// Where a server over it keeps the heads of logs.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.house.connection.socket_dir.join(format!("data-{}", self.name))
    }

    /// A superuser's URL of it, for `verify --database`.
    pub(crate) fn superuser_url(&self) -> String {
        self.url(self.house.connection.user, self.house.connection.password.expose())
    }

    fn url(&self, user: &str, password: &str) -> String {
        let connection = &self.house.connection;
        let socket = escaped(&connection.socket_dir.display().to_string());
        let (password, port) = (escaped(password), connection.port);
        format!(
            "postgres://{user}:{password}@localhost/{}?host={socket}&port={port}&sslmode=disable",
            self.name
        )
    }

    /// Another database with everything that is in this one, which nobody may use meanwhile: who is left is put out.
    pub(crate) async fn copy(&self, purpose: &str) -> Self {
        let number = self.house.serial.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}_{number}_{purpose}", self.house.prefix);
        let mut admin = self.house.superuser("postgres").await;
        let put_out = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = $1";
        sqlx::query(put_out).bind(&self.name).execute(&mut admin).await.expect("put out");
        execute(&mut admin, &format!("create database {name} template {}", self.name)).await.expect("a copy");
        Self { name, house: self.house }
    }

    /// Makes this database what `backup` is, under its own name.
    pub(crate) async fn put_back(&self, backup: &Self) {
        let mut admin = self.house.superuser("postgres").await;
        for sql in [
            format!("drop database if exists {} with (force)", self.name),
            format!("create database {} template {}", self.name, backup.name),
        ] {
            execute(&mut admin, &sql).await.expect("put back");
        }
        // Privileges on the database itself are not part of what a template hands on.
        prepare(&mut self.superuser().await, &ClaimsKey::new(&instance_key()), None)
            .await
            .expect("the schema again");
    }

    /// [`Database::copy`], to be served: a backup that was put back.
    pub(crate) async fn restored(&self) -> Self {
        let copy = self.copy("restored").await;
        let claims = ClaimsKey::new(&instance_key());
        prepare(&mut copy.superuser().await, &claims, None).await.expect("the schema again");
        copy
    }

    /// Removes it.
    pub(crate) async fn drop(self) {
        let mut admin = self.house.superuser("postgres").await;
        execute(&mut admin, &format!("drop database {} with (force)", self.name)).await.expect("dropped");
    }

    /// Verifies its audit tables with the program's own command.
    pub(crate) async fn verified(&self) -> Ran {
        command(&["verify", "--database", &self.superuser_url()], &[]).await
    }
}

/// Percent-encoded for a URL.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
