//! Child processes: every tool is started here, so that a failure always names the command to repeat.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail};

/// A `cargo` command in `root`. The toolchain is the one that started xtask: rustup hands it on.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).stdin(Stdio::null());
    command
}

/// The command as a person would type it.
pub(crate) fn spell(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        let arg = arg.to_string_lossy();
        if arg.is_empty() || arg.contains(|c: char| c.is_whitespace() || c == '\'' || c == '"') {
            // Writing to a String cannot fail.
            let _ = write!(line, " {arg:?}");
        } else {
            line.push(' ');
            line.push_str(&arg);
        }
    }
    line
}

/// Runs the command with this process's output streams; an unsuccessful end is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = spell(command);
    let status = command.status().with_context(|| format!("could not start `{line}`"))?;
    check(&line, status)
}

/// Runs the command and returns what it printed on standard output; standard error passes through.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = spell(command);
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("could not start `{line}`"))?;
    check(&line, output.status)?;
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` printed bytes that are not UTF-8"))
}

fn check(line: &str, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_to_repeat() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err().to_string();
        assert_eq!(error, "`sh -c \"exit 3\"` failed (exit status: 3)");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("no-such-program-here")).unwrap_err().to_string();
        assert_eq!(error, "could not start `no-such-program-here`");
    }

    #[test]
    fn output_is_what_was_printed() {
        assert_eq!(output(Command::new("printf").arg("a b")).unwrap(), "a b");
        assert!(output(Command::new("sh").args(["-c", "printf '\\377'"])).is_err());
    }
}
