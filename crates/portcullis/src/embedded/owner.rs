//! The account PostgreSQL runs as.
//!
//! PostgreSQL refuses to run as root. A server started as root, as in most containers, therefore gives the data
//! directory to an unprivileged account and starts every PostgreSQL program, and the watchdog, under it.

use std::io;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::error::Error;
use super::{files, process};

/// Accounts tried in this order when the caller names none.
const ACCOUNTS: [&str; 2] = ["postgres", "nobody"];
const PASSWD: &str = "/etc/passwd";
const PASSWD_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How long a check under the account may take.
const CHECK_LIMIT: Duration = Duration::from_secs(10);
/// Files given to another account in one go; far above what a cluster has.
const CHOWN_FILES_MAX: usize = 10_000_000;

/// An entry of the password file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Under whom PostgreSQL's programs run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RunAs {
    /// Under our own, unprivileged, user.
    Ourselves { uid: u32 },
    /// We are root, and they run under this account.
    Account(Account),
}

impl RunAs {
    /// Decides it. `wanted` names an account, `existing` is the data directory if there is one: a cluster that
    /// already has an owner keeps it.
    pub(super) fn resolve(wanted: Option<&str>, existing: &Path) -> Result<Self, Error> {
        let uid = rustix::process::geteuid().as_raw();
        let owner = std::fs::symlink_metadata(existing).ok().map(|meta| meta.uid());
        if uid != 0 {
            return match owner {
                Some(owner) if owner != uid => {
                    Err(Error::ForeignOwner { path: existing.to_owned(), owner, uid })
                }
                _ => Ok(Self::Ourselves { uid }),
            };
        }
        let passwd = files::read_text(Path::new(PASSWD), PASSWD_BYTES_MAX)
            .map_err(Error::file("cannot read", Path::new(PASSWD)))?;
        choose_account(&passwd, wanted, owner).map(Self::Account)
    }

    pub(super) fn uid(&self) -> u32 {
        match self {
            Self::Ourselves { uid } => *uid,
            Self::Account(account) => account.uid,
        }
    }

    /// A command that runs under the account, in its own process group (a Ctrl-C at the terminal is for us, and
    /// we stop PostgreSQL in order), without our environment (it may hold keys) and in a directory it can read.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin:/usr/local/bin").env("LC_ALL", "C").env("TZ", "UTC");
        command.process_group(0).current_dir("/");
        if let Self::Account(account) = self {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    /// Gives one file or directory to the account.
    pub(super) fn give(&self, path: &Path) -> Result<(), Error> {
        match self {
            Self::Ourselves { .. } => Ok(()),
            Self::Account(account) => lchown(path, Some(account.uid), Some(account.gid))
                .map_err(Error::file("cannot change the owner of", path)),
        }
    }

    /// Gives a whole directory to the account, if it is not the account's already. Links are not followed.
    pub(super) fn give_tree(&self, root: &Path) -> Result<(), Error> {
        let read = |path: &Path| std::fs::symlink_metadata(path);
        if read(root).map_err(Error::file("cannot read", root))?.uid() == self.uid() {
            return Ok(());
        }
        let mut waiting = vec![root.to_owned()];
        let mut given = Vec::new();
        while let Some(path) = waiting.pop() {
            if read(&path).map_err(Error::file("cannot read", &path))?.is_dir() {
                let entries = std::fs::read_dir(&path).map_err(Error::file("cannot read", &path))?;
                waiting.extend(entries.flatten().map(|entry| entry.path()));
            }
            given.push(path);
            if given.len() > CHOWN_FILES_MAX {
                return Err(Error::file("too many files in", root)(io::Error::other("nothing was changed")));
            }
        }
        // The root goes last: its owner is what says that the work is done.
        given.iter().rev().try_for_each(|path| self.give(path))
    }

    /// Makes sure that the account can pass through to `path`, and names the directory that keeps it out.
    pub(super) async fn check_reach(&self, path: &Path) -> Result<(), Error> {
        let Self::Account(account) = self else { return Ok(()) };
        // Only the system knows about access lists and the like, so it is asked; the modes only explain a refusal.
        let mut command = self.command(Path::new("/bin/sh"));
        command.args(["-c", "test -x \"$1\"", "sh"]).arg(path);
        let done = process::run(&mut command, CHECK_LIMIT).await;
        if done.is_ok_and(|done| done.status.success()) {
            return Ok(());
        }
        let blocked = first_blocking(path, account).unwrap_or_else(|| path.to_owned());
        Err(Error::Unreachable { account: account.name.clone(), path: path.to_owned(), blocked })
    }
}

/// Whether an account may make files in a directory; `None` is who this process is. The system is asked, because it alone
/// knows of access lists and of file systems that nobody may write to.
pub(crate) async fn may_write(account: Option<(u32, u32)>, dir: &Path) -> bool {
    let run_as = match account {
        Some((uid, gid)) => RunAs::Account(Account { name: String::new(), uid, gid }),
        None => RunAs::Ourselves { uid: rustix::process::geteuid().as_raw() },
    };
    let mut command = run_as.command(Path::new("/bin/sh"));
    command.args(["-c", "test -d \"$1\" && test -w \"$1\" && test -x \"$1\"", "sh"]).arg(dir);
    process::run(&mut command, CHECK_LIMIT).await.is_ok_and(|done| done.status.success())
}

/// The account for a process that is root.
fn choose_account(passwd: &str, wanted: Option<&str>, owner: Option<u32>) -> Result<Account, Error> {
    if let Some(name) = wanted {
        let account = accounts(passwd).find(|account| account.name == name);
        return match account {
            Some(account) if account.uid == 0 => Err(Error::NoAccount(format!("{name} is root too"))),
            Some(account) => Ok(account),
            None => Err(Error::NoAccount(format!("{PASSWD} has no {name}"))),
        };
    }
    // PostgreSQL looks its own user up, so a bare number will not do.
    let of_owner =
        owner.filter(|&uid| uid != 0).and_then(|uid| accounts(passwd).find(|account| account.uid == uid));
    of_owner
        .or_else(|| ACCOUNTS.iter().find_map(|name| accounts(passwd).find(|account| account.name == *name)))
        .filter(|account| account.uid != 0)
        .ok_or_else(|| Error::NoAccount(format!("{PASSWD} has neither {} nor {}", ACCOUNTS[0], ACCOUNTS[1])))
}

/// The user and group number of an account of this machine; `None` when there is none of that name.
pub(crate) fn account(name: &str) -> Option<(u32, u32)> {
    let passwd = files::read_text(Path::new(PASSWD), PASSWD_BYTES_MAX).ok()?;
    let found = accounts(&passwd).find(|account| account.name == name)?;
    Some((found.uid, found.gid))
}

/// The well-formed entries of a password file.
fn accounts(passwd: &str) -> impl Iterator<Item = Account> + '_ {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with('#'))?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Account { name: name.to_owned(), uid, gid })
    })
}

/// By their modes, the first directory on the way to `path` that keeps the account out.
fn first_blocking(path: &Path, account: &Account) -> Option<PathBuf> {
    let mut way: Vec<&Path> = path.ancestors().collect();
    way.reverse();
    way.into_iter().find(|step| !may_pass(step, account)).map(Path::to_owned)
}

fn may_pass(step: &Path, account: &Account) -> bool {
    let Ok(meta) = std::fs::metadata(step) else { return false };
    let bit = match (meta.uid() == account.uid, meta.gid() == account.gid) {
        (true, _) => 0o100,
        (false, true) => 0o010,
        (false, false) => 0o001,
    };
    meta.mode() & bit != 0
}

#[cfg(test)]
mod tests;
