//! Making a data directory, once, and the superuser's password.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use super::cluster::{Layout, Password, SUPERUSER};
use super::error::Error;
use super::find::{PgHome, Version};
use super::owner::RunAs;
use super::{files, process};

/// Entropy of the superuser's password: 256 bits.
const PASSWORD_RANDOM_BYTES: usize = 32;
const PASSWORD_FILE_BYTES_MAX: u64 = 1_024;
const VERSION_FILE_BYTES_MAX: u64 = 64;
/// How long `initdb` may take; it syncs some 40 MB to disk.
const INITDB_LIMIT: Duration = Duration::from_mins(2);
const INITDB_LINES_MAX: usize = 12;
/// Password files for `initdb` begin so; a leftover of a killed process is removed.
const PWFILE_PREFIX: &str = "initdb-password.";

/// Makes sure that there is a data directory these binaries can use, owned by the right account.
pub(super) async fn prepare_data(home: &PgHome, run_as: &RunAs, layout: &Layout) -> Result<Password, Error> {
    if layout.data.exists() {
        check_major(&layout.data, home.version())?;
        run_as.give_tree(&layout.data)?;
        return read_password(&layout.password);
    }
    remove_leftovers(layout)?;
    let password = match read_password(&layout.password) {
        Ok(password) => password,
        Err(_) => make_password(&layout.password)?,
    };
    tracing::info!(path = %layout.data.display(), version = %home.version(), "making a new PostgreSQL cluster");
    initdb(home, run_as, layout, &password).await?;
    Ok(password)
}

pub(super) fn check_major(data: &Path, binaries: Version) -> Result<(), Error> {
    match read_major(data)? {
        Some(cluster) if cluster != binaries.major => {
            Err(Error::MajorVersion { path: data.to_owned(), cluster, binaries })
        }
        _ => Ok(()),
    }
}

pub(super) fn read_major(data: &Path) -> Result<Option<u16>, Error> {
    if !data.exists() {
        return Ok(None);
    }
    let not_a_cluster = |why: String| Error::NotACluster { path: data.to_owned(), why };
    let text = files::read_text(&data.join("PG_VERSION"), VERSION_FILE_BYTES_MAX)
        .map_err(|error| not_a_cluster(format!("PG_VERSION: {error}")))?;
    text.trim().parse().map(Some).map_err(|_| not_a_cluster("PG_VERSION holds no number".to_owned()))
}

pub(super) fn read_password(path: &Path) -> Result<Password, Error> {
    let lost = || Error::PasswordLost { path: path.to_owned() };
    let mut text = Zeroizing::new(files::read_text(path, PASSWORD_FILE_BYTES_MAX).map_err(|_| lost())?);
    let length = text.trim_end().len();
    text.truncate(length);
    let sound = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if sound { Ok(Password(text)) } else { Err(lost()) }
}

fn make_password(path: &Path) -> Result<Password, Error> {
    let mut bytes = Zeroizing::new([0; PASSWORD_RANDOM_BYTES]);
    aws_lc_rs::rand::fill(bytes.as_mut_slice()).map_err(|_| Error::Random)?;
    let text = Zeroizing::new(crypto::hex(bytes.as_slice()));
    files::write_atomically(path, text.as_bytes(), 0o600).map_err(Error::file("cannot write", path))?;
    Ok(Password(text))
}

/// What a process that was killed during `initdb` left; we hold the lock, so nobody uses it.
fn remove_leftovers(layout: &Layout) -> Result<(), Error> {
    match std::fs::remove_dir_all(&layout.data_partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::file("cannot remove", &layout.data_partial)(error));
        }
        _ => (),
    }
    let entries = std::fs::read_dir(&layout.dir).map_err(Error::file("cannot read", &layout.dir))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PWFILE_PREFIX) {
            let path = entry.path();
            std::fs::remove_file(&path).map_err(Error::file("cannot remove", &path))?;
        }
    }
    Ok(())
}

/// Makes the cluster beside its final place and moves it there when it is whole.
async fn initdb(home: &PgHome, run_as: &RunAs, layout: &Layout, password: &Password) -> Result<(), Error> {
    let partial = &layout.data_partial;
    let name = files::random_name().map_err(|_| Error::Random)?;
    let pwfile = layout.dir.join(format!("{PWFILE_PREFIX}{name}"));
    files::write_new(&pwfile, password.expose().as_bytes(), 0o600)
        .map_err(Error::file("cannot write", &pwfile))?;
    run_as.give(&pwfile)?;
    let mut made = Err(String::new());
    for locale in locales(home.version()) {
        remove_dir_if_there(partial)?;
        files::make_dir(partial, 0o700).map_err(Error::file("cannot create", partial))?;
        run_as.give(partial)?;
        made = run_initdb(home, run_as, partial, &pwfile, locale).await;
        // Only a machine without the locale is worth a second try.
        if made.as_ref().err().is_none_or(|output| !output.contains("locale")) {
            break;
        }
    }
    let _ = std::fs::remove_file(&pwfile);
    made.map_err(|output| Error::Initdb { path: layout.data.clone(), output })?;
    let conf = partial.join("postgresql.conf");
    append(&conf, b"\n# Sizes chosen at each start.\ninclude '../portcullis.conf'\n")
        .map_err(Error::file("cannot write", &conf))?;
    std::fs::rename(partial, &layout.data)
        .map_err(Error::file("cannot move the new cluster to", &layout.data))?;
    files::sync_dir(&layout.dir).map_err(Error::file("cannot sync", &layout.dir))
}

fn remove_dir_if_there(dir: &Path) -> Result<(), Error> {
    if dir.exists() {
        std::fs::remove_dir_all(dir).map_err(Error::file("cannot remove", dir))
    } else {
        Ok(())
    }
}

fn append(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = File::options().append(true).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// `C.UTF-8` sorts by code point on every machine, so an update of the C library cannot corrupt an index. From
/// PostgreSQL 17 on it is built in; before, the C library has to have it, and else `C` must do.
fn locales(version: Version) -> &'static [&'static [&'static str]] {
    if version.major >= 17 {
        &[&["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]]
    } else {
        &[&["--locale-provider=libc", "--locale=C.UTF-8"], &["--locale-provider=libc", "--locale=C"]]
    }
}

async fn run_initdb(
    home: &PgHome,
    run_as: &RunAs,
    data: &Path,
    pwfile: &Path,
    locale: &[&str],
) -> Result<(), String> {
    let mut command = run_as.command(&home.program("initdb"));
    command.arg("-D").arg(data).arg("--pwfile").arg(pwfile).args(locale);
    command.args(["--encoding=UTF8", "--auth-local=scram-sha-256", "--auth-host=scram-sha-256"]);
    command.args(["--data-checksums", "--no-instructions", "--username", SUPERUSER]);
    if cfg!(test) {
        // A thousand syncs for each of a dozen clusters that no power cut will ever meet.
        command.arg("--no-sync");
    }
    match process::run(&mut command, INITDB_LIMIT).await {
        Ok(done) if done.status.success() => Ok(()),
        Ok(done) => Err(process::last_lines(&format!("{}\n{}", done.out, done.err), INITDB_LINES_MAX)),
        Err(error) => Err(error.to_string()),
    }
}
