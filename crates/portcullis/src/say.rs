//! What the commands say: results on standard output, everything else on standard error.

use std::fmt::Display;
use std::io::{self, Write};

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
    let _ = writeln!(io::stderr().lock(), "{line}");
}
