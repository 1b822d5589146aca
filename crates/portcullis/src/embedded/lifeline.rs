//! The watchdog that stops PostgreSQL when we are gone.
//!
//! A small `sh` reads from a pipe that only we hold open. When our process ends, also by `kill -9`, the kernel
//! closes the pipe, the read ends, and the shell asks PostgreSQL to shut down. (`PR_SET_PDEATHSIG` would fire when
//! the *thread* that spawned the child exits, and threads of a runtime come and go.)
//!
//! We tell it one line at a time what to watch: `starting` before a server is spawned, then its process id, then
//! `done` after an orderly stop. Before it signals, it compares with `postmaster.pid`, so that a process id used
//! again by something else is left alone.

use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};

use super::owner::RunAs;
use super::process;

const SHELL: &str = "/bin/sh";

/// `$1` is the data directory. Fast shutdown first (SIGINT); after a minute immediate shutdown (SIGQUIT).
const SCRIPT: &str = r#"
trap '' INT HUP TERM QUIT
told=
while read -r line; do told=$line; done
[ "$told" = done ] && exit 0
tries=0
while :; do
  pid=
  read -r pid < "$1/postmaster.pid"
  case $pid in ''|0|1|*[!0-9]*) pid= ;; esac
  [ -n "$pid" ] && break
  [ "$told" = starting ] || exit 0
  tries=$((tries + 1))
  [ "$tries" -gt 30 ] && exit 0
  sleep 0.1
done
[ "$told" = starting ] || [ "$told" = "$pid" ] || exit 0
kill -INT "$pid"
tries=0
while kill -0 "$pid"; do
  tries=$((tries + 1))
  [ "$tries" -eq 60 ] && kill -QUIT "$pid"
  [ "$tries" -gt 70 ] && exit 1
  sleep 1
done
"#;

/// The pipe to the watchdog. Dropping it stops the server, unless [`Lifeline::done`] was said.
pub(super) struct Lifeline {
    pipe: ChildStdin,
    shell: Child,
}

impl Lifeline {
    /// Starts the watchdog for the server of `data`, under the account the server runs as.
    pub(super) async fn attach(data: &Path, run_as: &RunAs) -> io::Result<Self> {
        let mut command = run_as.command(Path::new(SHELL));
        command.args(["-c", SCRIPT, "portcullis-lifeline"]).arg(data);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut shell = process::spawn(&mut command).await?;
        let pipe = shell.stdin.take().ok_or_else(|| io::Error::other("no pipe"))?;
        Ok(Self { pipe, shell })
    }

    /// A server is about to be spawned: until its id is told, whatever `postmaster.pid` names is meant.
    pub(super) async fn starting(&mut self) -> io::Result<()> {
        self.tell("starting").await
    }

    /// This is the server to stop when we are gone.
    pub(super) async fn watch(&mut self, pid: i32) -> io::Result<()> {
        self.tell(&pid.to_string()).await
    }

    /// The server has ended in order; the watchdog may go too.
    pub(super) async fn done(mut self) -> io::Result<()> {
        self.tell("done").await?;
        drop(self.pipe);
        self.shell.wait().await.map(drop)
    }

    /// Whether the watchdog is still there; someone may have killed it.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.shell.try_wait(), Ok(None))
    }

    async fn tell(&mut self, line: &str) -> io::Result<()> {
        self.pipe.write_all(format!("{line}\n").as_bytes()).await?;
        self.pipe.flush().await
    }
}
