//! How the server is told to behave, and where its socket is.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::cluster::{Layout, Options};
use super::error::Error;
use super::files;
use super::owner::RunAs;

/// The port names the socket file only; nothing listens on the network.
pub(super) const PORT: u16 = 5432;
/// What a `sockaddr_un` can hold without its closing zero byte.
pub(super) const SOCKET_PATH_BYTES_MAX: usize = if cfg!(target_os = "macos") { 103 } else { 107 };
/// The parent of the fallback directory: short, and open to every account.
const SHORT_PARENT: &str = "/tmp";
const REMEMBERED_BYTES_MAX: u64 = 4_096;

/// The part of the machine's memory that PostgreSQL's own cache takes, and its bounds.
const BUFFERS_PART: u64 = 16;
const BUFFERS_MIB_MIN: u64 = 32;
const BUFFERS_MIB_MAX: u64 = 512;
/// Assumed when the machine does not say.
const MEMORY_MIB_ASSUMED: u64 = 2_048;
const SYSTEM_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Settings that nothing in the data directory may override, as `name=value` for `postgres -c`.
///
/// Statements, their parameters and the details of errors stay out of the log: they are tenants' data, and a
/// failed `CREATE ROLE … PASSWORD` would put a password there.
pub(super) fn fixed_settings(socket_dir: &Path) -> Vec<String> {
    let mut settings: Vec<String> = [
        "listen_addresses=",
        "unix_socket_permissions=0700",
        "fsync=on",
        "full_page_writes=on",
        "password_encryption=scram-sha-256",
        "log_destination=stderr",
        "logging_collector=off",
        "log_statement=none",
        "log_min_error_statement=panic",
        "log_error_verbosity=terse",
        "log_parameter_max_length=0",
        "log_parameter_max_length_on_error=0",
    ]
    .map(String::from)
    .into();
    settings.push(format!("port={PORT}"));
    settings.push(format!("unix_socket_directories={}", socket_dir.display()));
    settings
}

/// `portcullis.conf`: sizes for a small machine. Included by `postgresql.conf`, so that an operator may set
/// others with `ALTER SYSTEM`.
pub(super) fn tuning(options: &Options) -> String {
    let memory_mib = options.memory_mib.unwrap_or_else(machine_memory_mib);
    let buffers_mib = (memory_mib / BUFFERS_PART).clamp(BUFFERS_MIB_MIN, BUFFERS_MIB_MAX);
    let cache_mib = (memory_mib / 2).max(BUFFERS_MIB_MIN);
    let maintenance_mib = (memory_mib / 32).clamp(16, 256);
    format!(
        "# Written at every start; change settings with ALTER SYSTEM instead.\n\
         max_connections = {}\n\
         shared_buffers = {buffers_mib}MB\n\
         effective_cache_size = {cache_mib}MB\n\
         maintenance_work_mem = {maintenance_mib}MB\n\
         work_mem = 4MB\n\
         max_wal_size = 512MB\n\
         min_wal_size = 64MB\n\
         jit = off\n\
         timezone = 'UTC'\n\
         log_timezone = 'UTC'\n\
         log_line_prefix = '%m [%p] '\n",
        options.max_connections
    )
}

/// What this process may use: the machine's memory, or the control group's limit where that is lower.
fn machine_memory_mib() -> u64 {
    let read = |path: &str| files::read_text(Path::new(path), SYSTEM_FILE_BYTES_MAX).ok();
    let total = read("/proc/meminfo").and_then(|text| meminfo_mib(&text)).unwrap_or(MEMORY_MIB_ASSUMED);
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit = limits.iter().filter_map(|path| read(path)?.trim().parse::<u64>().ok()).min();
    limit.map_or(total, |bytes| total.min(bytes / (1024 * 1024)))
}

fn meminfo_mib(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib / 1024)
}

/// The socket's own path in `dir`.
pub(super) fn socket_file(dir: &Path, port: u16) -> PathBuf {
    dir.join(format!(".s.PGSQL.{port}"))
}

/// The directory for the socket: beside the data, or, where that path is too long for a socket or would need
/// quoting in PostgreSQL's list of directories, a private one with a short name that is remembered.
pub(super) fn socket_dir(layout: &Layout, run_as: &RunAs, options: &Options) -> Result<PathBuf, Error> {
    let wanted = layout.socket.clone();
    if is_usable(&wanted) {
        files::make_dir(&wanted, 0o700).map_err(Error::file("cannot create", &wanted))?;
        run_as.give(&wanted)?;
        return Ok(wanted);
    }
    let remembered = files::read_text(&layout.socket_note, REMEMBERED_BYTES_MAX).ok();
    if let Some(dir) = remembered.map(|text| PathBuf::from(text.trim_end_matches('\n')))
        && is_usable(&dir)
        && is_private(&dir, run_as)
    {
        return Ok(dir);
    }
    let dir = make_short_dir(run_as, options).map_err(|why| Error::SocketDir {
        path: wanted,
        max: SOCKET_PATH_BYTES_MAX,
        why: format!("no short directory could be made: {why}"),
    })?;
    run_as.give(&dir)?;
    files::write_atomically(&layout.socket_note, format!("{}\n", dir.display()).as_bytes(), 0o600)
        .map_err(Error::file("cannot write", &layout.socket_note))?;
    Ok(dir)
}

fn is_usable(dir: &Path) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@".contains(c);
    dir.is_absolute()
        && dir.to_str().is_some_and(|text| text.chars().all(plain))
        && socket_file(dir, PORT).as_os_str().len() <= SOCKET_PATH_BYTES_MAX
}

/// A directory, not a link to one, that is the account's alone: `/tmp` is open to others.
fn is_private(dir: &Path, run_as: &RunAs) -> bool {
    std::fs::symlink_metadata(dir)
        .is_ok_and(|meta| meta.is_dir() && meta.uid() == run_as.uid() && meta.mode() & 0o7777 == 0o700)
}

fn make_short_dir(run_as: &RunAs, options: &Options) -> io::Result<PathBuf> {
    // Root's own runtime directory would keep the unprivileged account out.
    let own = options.runtime_dir.as_deref().filter(|_| matches!(run_as, RunAs::Ourselves { .. }));
    let mut last = io::Error::other("every short path is unusable");
    for parent in own.into_iter().chain([Path::new(SHORT_PARENT)]) {
        let dir = parent.join(format!("portcullis-{}", files::random_name()?));
        if !is_usable(&dir) || !parent.is_dir() {
            continue;
        }
        match files::make_dir(&dir, 0o700) {
            Ok(()) => return Ok(dir),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests;
