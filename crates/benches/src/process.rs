//! Child processes of a measurement.

use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// The core the measured server runs on; load and upstream have the other ones.
const SERVER_CORE: &str = "1";

/// A process that announced itself by one line on standard output. Killed when dropped.
pub(crate) struct Announced {
    pub(crate) child: Child,
    pub(crate) line: String,
}

impl Announced {
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("the process has ended")
    }
}

/// Starts `command` and waits for its first line.
pub(crate) async fn start(mut command: Command) -> Result<Announced> {
    command.stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().context("cannot be started")?;
    let stdout = child.stdout.take().context("no standard output")?;
    let mut line = String::new();
    if BufReader::new(stdout).read_line(&mut line).await? == 0 {
        bail!("a process ended before it was ready: {}", child.wait().await?);
    }
    Ok(Announced { child, line: line.trim().to_owned() })
}

/// This program in another role.
pub(crate) fn own(words: &[&str], pinned: bool) -> Result<Command> {
    let this = std::env::current_exe()?;
    let mut command = program(this.as_os_str(), pinned);
    command.args(words);
    Ok(command)
}

/// A program, on one core where that can be had.
pub(crate) fn program(path: &std::ffi::OsStr, pinned: bool) -> Command {
    let many = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    if !pinned || !many {
        return Command::new(path);
    }
    // util-linux's taskset replaces itself by the program, so the process id stays the one that is measured.
    let mut command = Command::new("taskset");
    command.args(["-c", SERVER_CORE]).arg(path);
    command
}
