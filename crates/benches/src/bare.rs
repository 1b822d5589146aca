//! The yardstick of the audit log: the same PostgreSQL taking the bare business row, by pgbench.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

const TABLE: &str = "drop table if exists public.bench_bare; create table public.bench_bare (tenant_id uuid not null, \
    id uuid not null, name text not null, created_at timestamptz not null, primary key (tenant_id, id), \
    unique (tenant_id, name))";
const INSERT: &str = "insert into public.bench_bare values ('019a0000-0000-7000-8000-000000000000', gen_random_uuid(), \
    gen_random_uuid()::text, now());\n";

/// The embedded PostgreSQL's door for its superuser.
pub(crate) struct Bare {
    socket: PathBuf,
    port: String,
    password: String,
    script: PathBuf,
}

impl Bare {
    /// Makes the table. `None` when this machine has no pgbench.
    pub(crate) async fn open(data: &Path) -> Result<Option<Self>> {
        if Command::new("pgbench").arg("--version").output().await.is_err() {
            return Ok(None);
        }
        let password = find(data, &|name| name == "superuser.password").context("no superuser password")?;
        let socket = find(data, &is_socket).context("PostgreSQL's socket is not in the data directory")?;
        let port = socket.extension().context("a socket without a port")?.to_string_lossy().into_owned();
        let script = data.join("bare.sql");
        std::fs::write(&script, INSERT)?;
        let socket = socket.parent().context("a socket without a directory")?.to_owned();
        let password = std::fs::read_to_string(password)?.trim().to_owned();
        let bare = Self { socket, port, password, script };
        let made = bare.client("psql").args(["-qc", TABLE]).output().await?;
        ensure!(made.status.success(), "psql: {}", String::from_utf8_lossy(&made.stderr));
        Ok(Some(bare))
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("PGHOST", &self.socket)
            .env("PGPORT", &self.port)
            .env("PGUSER", "postgres")
            .env("PGDATABASE", "portcullis")
            .env("PGPASSWORD", &self.password)
            .env("PGOPTIONS", "-c client_min_messages=error");
        command
    }

    /// Rows a second with so many clients.
    pub(crate) async fn per_second(&self, clients: usize, seconds: u64) -> Result<u64> {
        let (clients, seconds) = (clients.to_string(), seconds.to_string());
        let run = self
            .client("pgbench")
            .args(["-n", "-M", "prepared", "-j", "2", "-c", &clients, "-T", &seconds, "-f"])
            .arg(&self.script)
            .output()
            .await?;
        let said = String::from_utf8_lossy(&run.stdout);
        let rate =
            said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(['.', ' ']).next()?.parse().ok());
        rate.with_context(|| format!("pgbench: {}", String::from_utf8_lossy(&run.stderr)))
    }
}

/// The lock beside a socket has a name that goes on.
fn is_socket(name: &str) -> bool {
    name.strip_prefix(".s.PGSQL.").is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn find(dir: &Path, wanted: &dyn Fn(&str) -> bool) -> Option<PathBuf> {
    for entry in std::fs::read_dir(dir).ok()?.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if wanted(&name.to_string_lossy()) {
            return Some(path);
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir())
            && let Some(found) = find(&path, wanted)
        {
            return Some(found);
        }
    }
    None
}
