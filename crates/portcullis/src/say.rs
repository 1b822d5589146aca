//! What the commands say: results on standard output, everything else on standard error.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use kernel::{Clock as _, SystemClock};
use serde_json::{Value, json};

/// Whether standard error is read by programs. Set once, when the log begins.
static FOR_PROGRAMS: AtomicBool = AtomicBool::new(false);

/// From now on every line on standard error is JSON, as the log's are.
pub(crate) fn for_programs() {
    FOR_PROGRAMS.store(true, Ordering::Relaxed);
}

/// Writes a result. An error here is a closed pipe, and the caller decides whether that matters.
pub(crate) fn out(text: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    write!(stdout, "{text}")?;
    stdout.flush()
}

/// Writes one JSON value and a line end.
pub(crate) fn json(value: &impl serde::Serialize) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    serde_json::to_writer_pretty(&mut stdout, value)?;
    writeln!(stdout)?;
    stdout.flush()
}

/// Writes one JSON value on one line, for programs that read line by line.
pub(crate) fn json_line(value: &impl serde::Serialize) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    serde_json::to_writer(&mut stdout, value)?;
    writeln!(stdout)?;
    stdout.flush()
}

/// Says one line to the person. Nobody is left to be told when standard error is closed.
pub(crate) fn note(line: impl Display) {
    say("INFO", &line);
}

/// Says why a command failed.
pub(crate) fn fault(line: impl Display) {
    say("ERROR", &line);
}

fn say(level: &str, line: &dyn Display) {
    let mut stderr = io::stderr().lock();
    let _ = if FOR_PROGRAMS.load(Ordering::Relaxed) {
        writeln!(stderr, "{}", logged(level, &line.to_string()))
    } else {
        writeln!(stderr, "{line}")
    };
}

/// The line as one of the log's.
fn logged(level: &str, line: &str) -> Value {
    let message = line.strip_prefix("portcullis: ").unwrap_or(line);
    let timestamp = SystemClock.now().to_string();
    json!({ "timestamp": timestamp, "level": level, "message": message, "target": "portcullis" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_programs_is_one_line_of_json() {
        let line = logged("ERROR", "portcullis: \"x\"\nfailed");
        assert_eq!(line["message"], "\"x\"\nfailed");
        assert_eq!(line["level"], "ERROR");
        assert!(!line.to_string().contains('\n'));
    }
}
