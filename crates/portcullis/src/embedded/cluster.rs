//! A data directory and the server that runs on it.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use super::error::Error;
use super::find::{PgHome, Version};
use super::initdb::{check_major, prepare_data, read_major, read_password};
use super::owner::RunAs;
use super::server::{self, Answer, Holder, PidFile};
use super::supervise::{State, Supervisor, stand_by, try_own};
use super::{config, files};

/// The superuser that `initdb` makes.
pub(super) const SUPERUSER: &str = "postgres";
/// The database that every cluster has.
const DATABASE: &str = "postgres";
/// How long a guest waits for the owner's server, which may be running `initdb` first.
const GUEST_LIMIT: Duration = Duration::from_mins(3);
const GUEST_PAUSE: Duration = Duration::from_millis(25);

/// What the caller may choose.
#[derive(Clone, Debug)]
pub struct Options {
    /// When the process is root: the account PostgreSQL runs as. By default the owner of an existing cluster,
    /// then `postgres`, then `nobody`.
    pub run_as: Option<String>,
    /// `XDG_RUNTIME_DIR`, where the socket goes when the cluster's own path is too long; then `/tmp`.
    pub runtime_dir: Option<PathBuf>,
    /// The memory to plan with, in MiB; by default what the machine or its control group has.
    pub memory_mib: Option<u64>,
    /// PostgreSQL's `max_connections`.
    pub max_connections: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self { run_as: None, runtime_dir: None, memory_mib: None, max_connections: 100 }
    }
}

/// The files of a cluster, all below one directory.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) dir: PathBuf,
    /// PostgreSQL's data directory.
    pub(super) data: PathBuf,
    /// Where `initdb` works until it has succeeded.
    pub(super) data_partial: PathBuf,
    pub(super) socket: PathBuf,
    /// Remembers the socket's directory when it is not `socket`.
    pub(super) socket_note: PathBuf,
    pub(super) log: PathBuf,
    /// Locked by the process that runs the server.
    pub(super) lock: PathBuf,
    pub(super) password: PathBuf,
    tuning: PathBuf,
}

impl Layout {
    fn of(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            data: dir.join("data"),
            data_partial: dir.join("data.partial"),
            socket: dir.join("socket"),
            socket_note: dir.join("socket-dir"),
            log: dir.join("postgres.log"),
            lock: dir.join("owner.lock"),
            password: dir.join("superuser.password"),
            tuning: dir.join("portcullis.conf"),
        }
    }
}

/// Everything the server is started from.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) home: PgHome,
    pub(super) run_as: RunAs,
    pub(super) layout: Layout,
    pub(super) socket_dir: PathBuf,
}

/// A password; the memory is overwritten when it is dropped, and it has no `Debug` and no `Display`.
#[derive(Clone)]
pub struct Password(pub(super) Zeroizing<String>);

impl Password {
    /// The secret itself, for the connection. Never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What a client needs to connect as the superuser.
#[derive(Clone)]
pub struct Connection {
    /// The directory of the unix socket, absolute.
    pub socket_dir: PathBuf,
    /// The port, which names the socket file `.s.PGSQL.<port>`; nothing listens on the network.
    pub port: u16,
    /// The superuser's name.
    pub user: &'static str,
    /// The superuser's password (SCRAM-SHA-256).
    pub password: Password,
    /// A database that exists.
    pub database: &'static str,
}

/// Whether this process runs the server or uses that of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// We started or adopted the server; it ends with us.
    Owner,
    /// Another process runs it; should that end, we take over.
    Guest,
}

/// A cluster whose server accepts connections. Dropping it stops the server in the background; [`Running::stop`]
/// does so in order and waits.
pub struct Running {
    connection: Connection,
    version: Version,
    role: Role,
    state: watch::Receiver<State>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<Result<(), Error>>>,
}

impl Running {
    /// How to connect.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The version of the binaries that are started here. (A server adopted from an earlier process may still be
    /// another minor release until it is restarted.)
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether we owned the server when it was opened.
    pub fn role(&self) -> Role {
        self.role
    }

    /// How the server is doing now.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// A receiver that is told of each change, for health checks.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Fast shutdown, waited for; a guest only takes its leave. Returns why the server failed if it did earlier.
    pub async fn stop(mut self) -> Result<(), Error> {
        if let Some(stop) = self.stop.take() {
            // A receiver that is gone means that the task has ended; its result says how.
            let _ = stop.send(());
        }
        match self.task.take() {
            Some(task) => task.await.map_err(|_| Error::SupervisorGone)?,
            None => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// The embedded cluster.
pub struct Cluster;

impl Cluster {
    /// The major version that made the cluster in `dir`, or `None` where there is no cluster yet. Give it to
    /// [`super::Search::major`], so that an update of the machine does not pick binaries that cannot read it.
    pub fn major_of(dir: &Path) -> Result<Option<u16>, Error> {
        read_major(&Layout::of(dir).data)
    }

    /// Opens the cluster in `dir`: makes it on first use, starts its server or adopts the one that runs, and
    /// returns when connections are accepted.
    ///
    /// One process owns the server, any number of others may open the same directory as guests meanwhile. The
    /// server of an owner that was killed together with its watchdog is adopted.
    pub async fn open(home: &PgHome, dir: &Path, options: &Options) -> Result<Running, Error> {
        let absolute = std::path::absolute(dir).map_err(Error::file("cannot resolve", dir))?;
        let run_as = RunAs::resolve(options.run_as.as_deref(), &Layout::of(&absolute).data)?;
        let layout = Layout::of(&make_home_dir(&absolute, &run_as)?);
        run_as.check_reach(&layout.dir).await?;
        run_as.check_reach(&home.program("postgres")).await?;

        let begun = Instant::now();
        while begun.elapsed() < GUEST_LIMIT {
            if let Some(owned) = try_own(&layout.lock)? {
                return open_as_owner(home, run_as, layout, options, owned).await;
            }
            if let Holder::Server(file) = server::holder(&layout.data)
                && server::answer(&file).await == Answer::Ready
            {
                return open_as_guest(home, run_as, layout, &file);
            }
            sleep(GUEST_PAUSE).await;
        }
        Err(Error::HeldElsewhere { path: layout.dir, seconds: GUEST_LIMIT.as_secs() })
    }
}

/// Makes the directory around the cluster. It stays ours; the PostgreSQL account may only pass through.
fn make_home_dir(dir: &Path, run_as: &RunAs) -> Result<PathBuf, Error> {
    let mode = if matches!(run_as, RunAs::Account(_)) { 0o711 } else { 0o700 };
    files::make_dir(dir, mode).map_err(Error::file("cannot create", dir))?;
    std::fs::set_permissions(dir, Permissions::from_mode(mode))
        .map_err(Error::file("cannot change the mode of", dir))?;
    std::fs::canonicalize(dir).map_err(Error::file("cannot resolve", dir))
}

async fn open_as_owner(
    home: &PgHome,
    run_as: RunAs,
    layout: Layout,
    options: &Options,
    owned: File,
) -> Result<Running, Error> {
    let password = prepare_data(home, &run_as, &layout).await?;
    files::write_atomically(&layout.tuning, config::tuning(options).as_bytes(), 0o644)
        .map_err(Error::file("cannot write", &layout.tuning))?;
    // A server that runs keeps its socket; moving it would cut its clients off.
    let socket_dir = match server::holder(&layout.data) {
        Holder::Server(PidFile { socket: Some((dir, _)), .. }) => dir,
        _ => config::socket_dir(&layout, &run_as, options)?,
    };
    let connection = connection(socket_dir.clone(), config::PORT, password);
    let site = Arc::new(Site { home: home.clone(), run_as, layout, socket_dir });
    let supervisor = Supervisor::begin(site, owned).await?;
    tracing::info!(version = %home.version(), pid = supervisor.pid(), "PostgreSQL is ready");
    Ok(running(home, Role::Owner, connection, |state, stop| tokio::spawn(supervisor.run(state, stop))))
}

fn open_as_guest(home: &PgHome, run_as: RunAs, layout: Layout, file: &PidFile) -> Result<Running, Error> {
    let Some((socket_dir, port)) = file.socket.clone() else {
        return Err(Error::HeldElsewhere { path: layout.dir, seconds: 0 });
    };
    check_major(&layout.data, home.version())?;
    let connection = connection(socket_dir.clone(), port, read_password(&layout.password)?);
    let site = Arc::new(Site { home: home.clone(), run_as, layout, socket_dir });
    tracing::info!(pid = file.pid, "PostgreSQL is run by another process");
    Ok(running(home, Role::Guest, connection, |state, stop| tokio::spawn(stand_by(site, state, stop))))
}

fn connection(socket_dir: PathBuf, port: u16, password: Password) -> Connection {
    Connection { socket_dir, port, user: SUPERUSER, password, database: DATABASE }
}

fn running(
    home: &PgHome,
    role: Role,
    connection: Connection,
    spawn: impl FnOnce(watch::Sender<State>, oneshot::Receiver<()>) -> JoinHandle<Result<(), Error>>,
) -> Running {
    let (tell_state, state) = watch::channel(State::Ready);
    let (stop, told_to_stop) = oneshot::channel();
    let task = spawn(tell_state, told_to_stop);
    Running { connection, version: home.version(), role, state, stop: Some(stop), task: Some(task) }
}
