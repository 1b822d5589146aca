//! Who the server runs as.
//!
//! `serve` refuses to be root: a server that is taken over should own nothing. Told an account, it becomes it by
//! starting itself once more, before anything is opened. `up`, which is for trying the product, stays root when no
//! account is named, and says so; PostgreSQL never runs as root.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::embedded::{files, owner};
use crate::say;
use crate::settings::Settings;

/// Where a command stands that was started as root without an account to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// It stays root and says so.
    Warn,
    /// It refuses.
    Refuse,
}

/// Returns when the process is who it should be. Becoming another account replaces the process.
///
/// # Errors
/// When it is root and may not be, or the account cannot be taken.
pub(crate) fn settle(settings: &Settings, rule: Root) -> Result<()> {
    let root = rustix::process::geteuid().is_root();
    match (&settings.user, root) {
        (None, false) => Ok(()),
        (Some(name), false) => check_is(name),
        (Some(name), true) => {
            // Only `up` keeps anything in the data directory.
            become_user(name, &settings.place.data_dir, rule == Root::Warn)
        }
        (None, true) if rule == Root::Refuse => bail!(
            "this would run as root. Name the account to become with --user or PORTCULLIS_USER, \
             for example: portcullis serve --user portcullis"
        ),
        (None, true) => {
            say::note(
                "portcullis: running as root, for trying it out only; PostgreSQL runs under an account of its own. \
                 With --user NAME the server becomes that account.",
            );
            Ok(())
        }
    }
}

fn check_is(name: &str) -> Result<()> {
    let Some((uid, _)) = owner::account(name) else { bail!("this machine has no account {name}") };
    let own = rustix::process::geteuid().as_raw();
    if uid == own {
        return Ok(());
    }
    bail!(
        "the server was told to become {name}, and only root can become another account; it runs as user {own}"
    )
}

fn become_user(name: &str, data_dir: &Path, make_dir: bool) -> Result<()> {
    let Some((uid, gid)) = owner::account(name) else { bail!("this machine has no account {name}") };
    if uid == 0 {
        bail!("{name} is root too; name an account without privileges");
    }
    if make_dir && !data_dir.exists() {
        files::make_dir(data_dir, 0o700).with_context(|| format!("cannot create {}", data_dir.display()))?;
        chown(data_dir, Some(uid), Some(gid))
            .with_context(|| format!("cannot give {} to {name}", data_dir.display()))?;
    }
    let program = std::env::current_exe().context("the program's own path is not known")?;
    let mut command = Command::new(program);
    // Setting the user also empties the list of supplementary groups.
    command.args(std::env::args_os().skip(1)).uid(uid).gid(gid);
    // These are root's own, and closed to the account.
    command.env_remove("HOME").env_remove("XDG_DATA_HOME").env_remove("XDG_RUNTIME_DIR");
    // The place was decided as root; the account must not come to another one.
    command.env("PORTCULLIS_DATA_DIR", data_dir);
    Err(command.exec()).with_context(|| {
        format!("could not become {name}: the account must be able to reach and run this program")
    })
}
