//! Whoever tries the product starts it, stops it and starts it again: the second time it is there at once, with the same
//! data, and shows no credential a second time.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::launch;
use crate::process;
use crate::repo::Repo;

/// Longest time from the second start to a server that answers, in seconds; with a build that is not optimised.
const SECOND_START_SECONDS_MAX: f64 = 3.0;
/// Longest wait for a server to be ready, in seconds: the first start may fetch PostgreSQL.
const READY_SECONDS_MAX: u64 = 180;
/// Longest wait for an answer, in seconds.
const ANSWER_SECONDS_MAX: u64 = 10;
/// What the server must not be told by whatever the machine happens to have set.
const OWN_SETTINGS: [&str; 4] = ["PORTCULLIS_", "DATABASE_", "ENCRYPTION_KEY", "OPENAI_"];

/// What `up --json` prints, as far as it is looked at.
#[derive(Debug, Deserialize)]
struct Said {
    url: String,
    organization: Organization,
    api_key: Option<String>,
    admin: Admin,
    first_run: bool,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Organization {
    id: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Admin {
    api_key: Option<String>,
}

/// Starts it twice.
///
/// # Errors
/// When it does not start, does not answer, does not stop in order, or the second start is not what it must be.
pub(crate) fn run(repo: &Repo) -> Result<()> {
    let program = launch::build(repo, false)?;
    let folder = Folder::make()?;
    let up = || command(&program, &folder.0, wheel(repo.target()).as_deref());

    let (first, said, took) = Server::start(up())?;
    println!("start: the first start took {took:.2} s");
    ensure!(said.first_run, "the first start says that it is not the first");
    let key = said.api_key.context("the first start shows no key")?;
    ensure!(said.admin.api_key.is_some(), "the first start shows no key of the owner");
    answers(&said.url, &key)?;
    let organization = said.organization;
    first.stop()?;

    let (second, said, took) = Server::start(up())?;
    println!("start: the second start took {took:.2} s");
    ensure!(!said.first_run, "the second start takes itself for the first");
    let shown = said.api_key.is_some() || said.admin.api_key.is_some();
    ensure!(!shown, "the second start shows a credential");
    ensure!(said.organization == organization, "the second start has another organization");
    answers(&said.url, &key)?;
    second.stop()?;
    ensure!(
        took < SECOND_START_SECONDS_MAX,
        "the second start took {took:.2} s, and at most {SECOND_START_SECONDS_MAX} s are promised"
    );
    Ok(())
}

fn command(program: &Path, data: &Path, wheel: Option<&Path>) -> Command {
    let mut command = Command::new(program);
    command.args(["up", "--json", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
    if let Some(wheel) = wheel {
        command.arg("--pg-wheel").arg(wheel);
    }
    for (name, _) in std::env::vars_os() {
        if OWN_SETTINGS.iter().any(|own| name.to_string_lossy().starts_with(own)) {
            command.env_remove(name);
        }
    }
    command.env("PORTCULLIS_LOG", "warn").stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// The wheel with PostgreSQL that the tests have fetched, if they did.
fn wheel(target: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(target.join("pg-cache")).ok()?;
    entries.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|end| end == "whl"))
}

/// The data directory, in a place that PostgreSQL's own account can reach. Removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("portcullis-start-{}", std::process::id()));
        ensure!(!path.exists(), "{} is there already", path.display());
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server that runs. Killed when dropped; its PostgreSQL then stops by itself.
struct Server(Child);

impl Server {
    /// Starts it; what it said, and how many seconds it took until then.
    fn start(mut command: Command) -> Result<(Self, Said, f64)> {
        let line = process::spell(&command);
        let begun = Instant::now();
        let mut server = Self(command.spawn().with_context(|| format!("could not start `{line}`"))?);
        let out = server.0.stdout.take().context("its standard output is not known")?;
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let mut out = BufReader::new(out);
            let mut said = String::new();
            if out.read_line(&mut said).is_ok() {
                let _ = tell.send(said);
            }
            // Whatever else it says has somebody to take it.
            let _ = std::io::copy(&mut out, &mut std::io::sink());
        });
        let said = told.recv_timeout(Duration::from_secs(READY_SECONDS_MAX));
        let took = begun.elapsed().as_secs_f64();
        let said = said.with_context(|| format!("`{line}` was not ready within {READY_SECONDS_MAX} s"))?;
        let said = serde_json::from_str(&said).with_context(|| format!("`{line}` printed {said:?}"))?;
        Ok((server, said, took))
    }

    /// Stops it in order.
    fn stop(mut self) -> Result<()> {
        let pid = self.0.id().to_string();
        process::run(Command::new("kill").args(["-TERM", &pid]))?;
        let status = self.0.wait().context("the end of the server is not known")?;
        if !status.success() {
            bail!("the server ended with {status}");
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks which models there are, with this key.
fn answers(url: &str, key: &str) -> Result<()> {
    let host = url.strip_prefix("http://").with_context(|| format!("{url} is no plain URL"))?;
    let mut stream = TcpStream::connect(host).with_context(|| format!("nobody listens on {host}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX)))?;
    let ask = format!(
        "GET /v1/models HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(ask.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).with_context(|| format!("no answer from {host}"))?;
    is_good(&answer)
}

fn is_good(answer: &str) -> Result<()> {
    let status = answer.lines().next().unwrap_or_default();
    ensure!(status.starts_with("HTTP/1.1 200 "), "the printed key is answered with {status:?}");
    ensure!(answer.contains("loopback-echo"), "the built-in model is not among the models");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_prints_is_read() {
        let said = r#"{"url":"http://localhost:1","organization":{"id":"x","name":"y"},"project":null,"agent":null,
            "api_key":null,"admin":{"api_key":null,"sign_in_url":null},"data_dir":"/x","first_run":false,"pid":1}"#;
        let said: Said = serde_json::from_str(said).unwrap();
        assert!(!said.first_run && said.api_key.is_none() && said.admin.api_key.is_none());
        assert_eq!(said.organization.name, "y");
    }

    #[test]
    fn a_refusal_is_no_answer() {
        assert!(is_good("HTTP/1.1 200 OK\r\n\r\n{\"data\":[{\"id\":\"loopback-echo\"}]}").is_ok());
        assert!(is_good("HTTP/1.1 401 Unauthorized\r\n\r\nloopback-echo").is_err());
        assert!(is_good("HTTP/1.1 200 OK\r\n\r\n{\"data\":[]}").is_err());
        assert!(is_good("").is_err());
    }
}
