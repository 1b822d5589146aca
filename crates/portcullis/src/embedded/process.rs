//! Short-lived child programs, bounded in time and in what they may say.

use std::fmt;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// Of each output stream, this much is kept; the rest is read and dropped.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// Longest line passed on to a progress callback.
const LINE_CHARS_MAX: usize = 300;
/// How often a program file that someone holds open for writing is tried again.
const BUSY_TRIES_MAX: u32 = 50;
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// What a program that ran to its end left behind.
pub(super) struct Finished {
    pub(super) status: ExitStatus,
    pub(super) out: String,
    pub(super) err: String,
}

/// Why a program has no result.
#[derive(Debug)]
pub(super) enum RunError {
    Spawn(io::Error),
    Read(io::Error),
    TimedOut(Duration),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawn(source) | Self::Read(source) => write!(f, "{source}"),
            Self::TimedOut(limit) => write!(f, "no result within {} s", limit.as_secs()),
        }
    }
}

/// Starts `command`. A file written a moment ago may still be open in a child that another thread has forked
/// and that has not reached its own `exec` yet; the kernel then refuses to run it, for milliseconds.
pub(super) async fn spawn(command: &mut Command) -> io::Result<Child> {
    let mut tries = 0;
    loop {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES_MAX => {
                tries += 1;
                sleep(BUSY_PAUSE).await;
            }
            other => return other,
        }
    }
}

/// Runs `command` to its end with no input, for at most `limit`; then it is killed.
pub(super) async fn run(command: &mut Command, limit: Duration) -> Result<Finished, RunError> {
    run_telling(command, limit, &|_| ()).await
}

/// [`run`], and each line of standard output goes to `tell` as it comes.
pub(super) async fn run_telling(
    command: &mut Command,
    limit: Duration,
    tell: &(dyn Fn(&str) + Send + Sync),
) -> Result<Finished, RunError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = spawn(command).await.map_err(RunError::Spawn)?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let (out, err) = tokio::try_join!(read_some(out, tell), read_some(err, &|_| ()))?;
        Ok((child.wait().await?, out, err))
    };
    match timeout(limit, work).await {
        Ok(Ok((status, out, err))) => Ok(Finished { status, out, err }),
        Ok(Err(source)) => Err(RunError::Read(source)),
        Err(_elapsed) => Err(RunError::TimedOut(limit)),
    }
}

/// Reads to the end, keeping the last [`OUTPUT_BYTES_MAX`] and telling of each line.
async fn read_some(
    from: Option<impl AsyncRead + Unpin>,
    tell: &(dyn Fn(&str) + Send + Sync),
) -> io::Result<String> {
    let mut kept = Vec::new();
    let Some(from) = from else { return Ok(String::new()) };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut from).take(OUTPUT_BYTES_MAX as u64).read_until(b'\n', &mut line).await? == 0 {
            break;
        }
        let text: String = String::from_utf8_lossy(&line).trim().chars().take(LINE_CHARS_MAX).collect();
        if !text.is_empty() {
            tell(&text);
        }
        kept.extend_from_slice(&line);
        let over = kept.len().saturating_sub(OUTPUT_BYTES_MAX);
        kept.drain(..over);
    }
    Ok(String::from_utf8_lossy(&kept).into_owned())
}

/// The last `lines` non-empty lines of `text`, for messages.
pub(super) fn last_lines(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
}
