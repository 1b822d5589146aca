//! One PostgreSQL server process: starting or adopting it, asking whether it answers, ending it.

use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};

use super::cluster::Site;
use super::config;
use super::error::Error;
use super::lifeline::Lifeline;
use super::{files, process};

/// How long a server may take until it answers at all.
pub(super) const START_LIMIT: Duration = Duration::from_secs(30);
/// How long it may take while it says that it is still recovering from a crash.
const RECOVERY_LIMIT: Duration = Duration::from_mins(10);
/// How long a fast shutdown may take (it writes a checkpoint), then an immediate one.
const FAST_STOP_LIMIT: Duration = Duration::from_mins(1);
const IMMEDIATE_STOP_LIMIT: Duration = Duration::from_secs(15);
/// How often an answer is asked for while waiting.
const POLL: Duration = Duration::from_millis(10);
/// Pause before a start that failed for a passing reason is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// How long one question on the socket may take.
const PROBE_LIMIT: Duration = Duration::from_secs(2);
/// Longest answer to that question that is read.
const ANSWER_BYTES_MAX: usize = 8 * 1024;
/// The end of the log that goes into messages.
const LOG_TAIL_BYTES_MAX: u64 = 4 * 1024;
const LOG_TAIL_LINES_MAX: usize = 12;
/// Beyond this the log is moved to `postgres.log.1`; so both together stay below about twice that.
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;
const PID_FILE_BYTES_MAX: u64 = 16 * 1024;
/// The protocol version 3.0 of the PostgreSQL frontend/backend protocol.
const PROTOCOL_3_0: u32 = 0x0003_0000;
/// SQLSTATE `cannot_connect_now`: starting up, recovering or shutting down.
const CANNOT_CONNECT_NOW: &[u8] = b"57P03";

/// What `postmaster.pid` says (`src/include/utils/pidfile.h` of PostgreSQL describes the lines).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: i32,
    /// Absent while the server is in the first moments of its start.
    pub(super) socket: Option<(PathBuf, u16)>,
    /// The server's own word that it accepts connections.
    pub(super) ready: bool,
}

impl PidFile {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        // A single-user backend writes its id negated.
        let pid: i32 = lines.next()?.trim().parse::<i32>().ok()?.checked_abs()?;
        if pid <= 1 {
            return None;
        }
        let port = lines.nth(2).and_then(|line| line.trim().parse().ok());
        let dir = lines.next().map(str::trim).filter(|dir| dir.starts_with('/'));
        // Line 6 is the first network address and line 7 the shared memory; line 8 is the state.
        let ready = lines.nth(2).is_some_and(|state| state.trim() == "ready");
        Some(Self { pid, socket: dir.map(PathBuf::from).zip(port), ready })
    }

    fn read(data: &Path) -> Option<Self> {
        Self::parse(&files::read_text(&pid_path(data), PID_FILE_BYTES_MAX).ok()?)
    }
}

fn pid_path(data: &Path) -> PathBuf {
    data.join("postmaster.pid")
}

/// Who holds a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// No live process.
    Nobody,
    /// A server of this directory.
    Server(PidFile),
    /// `postmaster.pid` is stale and its process id belongs to something else now.
    Stranger(i32),
}

/// Looks at `postmaster.pid` and at the process it names. `data` is canonical.
pub(super) fn holder(data: &Path) -> Holder {
    let Some(file) = PidFile::read(data) else { return Holder::Nobody };
    let alive = Pid::from_raw(file.pid)
        .is_some_and(|pid| !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH)));
    if !alive {
        return Holder::Nobody;
    }
    if !Path::new("/proc/self/cwd").exists() {
        return Holder::Server(file);
    }
    // A server's working directory is its data directory; that of a zombie cannot be read.
    match std::fs::read_link(format!("/proc/{}/cwd", file.pid)) {
        Ok(cwd) if cwd == data => Holder::Server(file),
        Ok(_) => Holder::Stranger(file.pid),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Holder::Nobody,
        Err(_) => Holder::Server(file),
    }
}

/// Removes a `postmaster.pid` whose id was given to another program, as happens when a container starts anew;
/// PostgreSQL itself would refuse to start. Only when no process at all works in the directory: a backend that
/// survived its postmaster still writes there.
fn remove_stale_pid_file(data: &Path, pid: i32) -> Result<(), Error> {
    let path = pid_path(data);
    let processes =
        std::fs::read_dir("/proc").map_err(|_| Error::PidFileOccupied { path: path.clone(), pid })?;
    let in_use = processes
        .flatten()
        .any(|process| std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == data));
    if in_use {
        return Err(Error::PidFileOccupied { path, pid });
    }
    tracing::warn!(pid, "postmaster.pid names a process that is no PostgreSQL: removing the stale file");
    std::fs::remove_file(&path).map_err(Error::file("cannot remove", &path))
}

/// What a server says when asked for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It asks who we are: it accepts connections.
    Ready,
    /// It is there and not ready (or no longer).
    Busy,
    /// Nobody answers.
    Silent,
}

/// Asks for a connection and leaves at the first message, as `pg_isready` does.
pub(super) async fn probe(socket: &Path) -> Answer {
    timeout(PROBE_LIMIT, ask(socket)).await.ok().and_then(Result::ok).unwrap_or(Answer::Silent)
}

async fn ask(socket: &Path) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(socket).await?;
    let body = b"user\0postgres\0database\0postgres\0\0";
    let length = u32::try_from(body.len() + 8).map_err(io::Error::other)?;
    let mut startup = length.to_be_bytes().to_vec();
    startup.extend_from_slice(&PROTOCOL_3_0.to_be_bytes());
    startup.extend_from_slice(body);
    stream.write_all(&startup).await?;
    let kind = stream.read_u8().await?;
    let length = usize::try_from(stream.read_u32().await?).map_err(io::Error::other)?.saturating_sub(4);
    let mut body = vec![0; length.min(ANSWER_BYTES_MAX)];
    stream.read_exact(&mut body).await?;
    Ok(answer_of(kind, &body))
}

/// Only `cannot_connect_now` means not ready: any other error comes from a server that is at work.
pub(super) fn answer_of(kind: u8, body: &[u8]) -> Answer {
    match kind {
        b'E' if body
            .split(|&byte| byte == 0)
            .any(|field| field.strip_prefix(b"C") == Some(CANNOT_CONNECT_NOW)) =>
        {
            Answer::Busy
        }
        b'R' | b'E' => Answer::Ready,
        _ => Answer::Silent,
    }
}

/// A running server.
pub(super) enum Server {
    /// Our own child.
    Child(Child, i32),
    /// Found running: its parent is gone.
    Adopted(i32),
}

/// What one attempt to start gave.
enum Attempt {
    Started(Server),
    /// It exited because of processes that are about to go.
    TryAgain(Error),
}

/// Starts the server of the site, or adopts the one that runs, and returns when it accepts connections.
pub(super) async fn start(site: &Site, lifeline: &mut Lifeline) -> Result<Server, Error> {
    let begun = Instant::now();
    let mut last = Error::HeldElsewhere { path: site.layout.dir.clone(), seconds: START_LIMIT.as_secs() };
    let mut limit = START_LIMIT;
    while begun.elapsed() < limit {
        match holder(&site.layout.data) {
            Holder::Nobody => match spawn_and_wait(site, lifeline).await? {
                Attempt::Started(server) => return Ok(server),
                Attempt::TryAgain(error) => last = error,
            },
            Holder::Server(file) => {
                lifeline.watch(file.pid).await.map_err(Error::Watchdog)?;
                match answer(&file).await {
                    Answer::Ready => return Ok(Server::Adopted(file.pid)),
                    Answer::Busy => limit = RECOVERY_LIMIT,
                    Answer::Silent => (),
                }
            }
            Holder::Stranger(pid) => remove_stale_pid_file(&site.layout.data, pid)?,
        }
        sleep(RETRY_PAUSE).await;
    }
    Err(last)
}

/// Whether the server that wrote the file accepts connections. It is asked only after it has said so in the file:
/// each refusal before would be a line in its log.
pub(super) async fn answer(file: &PidFile) -> Answer {
    match &file.socket {
        Some((dir, port)) if file.ready => probe(&config::socket_file(dir, *port)).await,
        Some(_) => Answer::Busy,
        None => Answer::Silent,
    }
}

async fn spawn_and_wait(site: &Site, lifeline: &mut Lifeline) -> Result<Attempt, Error> {
    let (log, log_start) = open_log(&site.layout.log)?;
    let errors = log.try_clone().map_err(Error::file("cannot share", &site.layout.log))?;
    let program = site.home.program("postgres");
    let mut command = site.run_as.command(&program);
    command.arg("-D").arg(&site.layout.data);
    for setting in config::fixed_settings(&site.socket_dir) {
        command.arg("-c").arg(setting);
    }
    command.stdin(Stdio::null()).stdout(log).stderr(errors);
    lifeline.starting().await.map_err(Error::Watchdog)?;
    let mut child = process::spawn(&mut command)
        .await
        .map_err(|error| Error::Program { path: program, why: error.to_string() })?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).ok_or(Error::SupervisorGone)?;
    lifeline.watch(pid).await.map_err(Error::Watchdog)?;

    let (begun, mut limit) = (Instant::now(), START_LIMIT);
    while begun.elapsed() < limit {
        if let Some(status) = child.try_wait().map_err(Error::file("cannot wait for", &site.layout.data))? {
            return exited(status, &log_tail(&site.layout.log, log_start));
        }
        if let Some(file) = PidFile::read(&site.layout.data).filter(|file| file.pid == pid) {
            match answer(&file).await {
                Answer::Ready => return Ok(Attempt::Started(Server::Child(child, pid))),
                Answer::Busy => limit = RECOVERY_LIMIT,
                Answer::Silent => (),
            }
        }
        sleep(POLL).await;
    }
    let error = Error::StartTimedOut { seconds: limit.as_secs(), log: log_tail(&site.layout.log, log_start) };
    let _ = Server::Child(child, pid).stop().await;
    Err(error)
}

/// After a crash, backends of the old server need a moment to notice; PostgreSQL refuses to start beside them.
fn exited(status: ExitStatus, log: &str) -> Result<Attempt, Error> {
    let passing =
        ["pre-existing shared memory block", "lock file \"postmaster.pid\" already exists", "Is another"];
    let error = Error::Exited { status: status.to_string(), log: log.to_owned() };
    if passing.iter().any(|words| log.contains(words)) { Ok(Attempt::TryAgain(error)) } else { Err(error) }
}

impl Server {
    pub(super) fn pid(&self) -> i32 {
        match self {
            Self::Child(_, pid) | Self::Adopted(pid) => *pid,
        }
    }

    /// Waits until the server process has ended, and says how. May be cancelled and called again.
    pub(super) async fn ended(&mut self) -> String {
        match self {
            Self::Child(child, _) => match child.wait().await {
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            },
            Self::Adopted(pid) => {
                while is_alive(*pid) {
                    sleep(RETRY_PAUSE).await;
                }
                "gone".to_owned()
            }
        }
    }

    /// Fast shutdown: clients are cut off, everything is written. After a while immediate shutdown, which
    /// loses no committed data either but has to recover at the next start.
    pub(super) async fn stop(mut self) -> Result<(), Error> {
        let steps = [(Signal::INT, FAST_STOP_LIMIT), (Signal::QUIT, IMMEDIATE_STOP_LIMIT)];
        for (signal, limit) in steps {
            self.signal(signal);
            if timeout(limit, self.ended()).await.is_ok() {
                return Ok(());
            }
            tracing::warn!(pid = self.pid(), seconds = limit.as_secs(), "PostgreSQL did not stop in time");
        }
        Err(Error::StopTimedOut {
            pid: self.pid(),
            seconds: (FAST_STOP_LIMIT + IMMEDIATE_STOP_LIMIT).as_secs(),
        })
    }

    fn signal(&self, signal: Signal) {
        // The id of a child that was waited for may be somebody else's by now.
        let gone = matches!(self, Self::Child(child, _) if child.id().is_none());
        if let Some(pid) = Pid::from_raw(self.pid()).filter(|_| !gone)
            && let Err(error) = kill_process(pid, signal)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(pid = self.pid(), %error, "PostgreSQL could not be signalled");
        }
    }
}

/// Whether a process that is not our child lives; a zombie does not.
fn is_alive(pid: i32) -> bool {
    let exists =
        Pid::from_raw(pid).is_some_and(|pid| !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH)));
    let zombie = std::fs::read_link(format!("/proc/{pid}/cwd"))
        .is_err_and(|error| error.kind() == io::ErrorKind::NotFound && Path::new("/proc/self/cwd").exists());
    exists && !zombie
}

/// The log, opened for appending, and its length so far.
fn open_log(path: &Path) -> Result<(std::fs::File, u64), Error> {
    let failed = || Error::file("cannot open", path);
    let log = std::fs::File::options().create(true).append(true).mode(0o600).open(path).map_err(failed())?;
    let length = log.metadata().map_err(failed())?.len();
    Ok((log, length))
}

/// The last lines written since `start`.
fn log_tail(path: &Path, start: u64) -> String {
    let read = || -> io::Result<String> {
        let mut file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(start.max(length.saturating_sub(LOG_TAIL_BYTES_MAX))))?;
        let mut bytes = Vec::new();
        file.take(LOG_TAIL_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(process::last_lines(&String::from_utf8_lossy(&bytes), LOG_TAIL_LINES_MAX))
    };
    read().unwrap_or_else(|error| format!("(the log cannot be read: {error})"))
}

/// Keeps the log bounded. The server goes on writing to the same file: it appends, so emptying it is enough.
pub(super) fn bound_log(path: &Path) -> io::Result<()> {
    bound_file(path, LOG_BYTES_MAX)
}

fn bound_file(path: &Path, bytes_max: u64) -> io::Result<()> {
    let length = match std::fs::metadata(path) {
        Ok(meta) => meta.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if length <= bytes_max {
        return Ok(());
    }
    std::fs::copy(path, files::with_suffix(path, ".1"))?;
    std::fs::File::options().write(true).open(path)?.set_len(0)
}

#[cfg(test)]
mod tests;
