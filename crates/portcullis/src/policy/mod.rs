//! `portcullis policy …`: policy packs, from an empty folder to one that is in force.

mod args;
mod folder;
mod keys;
mod offline;
mod server;

use std::process::ExitCode;

use anyhow::{Result, bail};
use zeroize::Zeroizing;

pub use args::{PolicyCommand, PolicyKeyCommand};

/// What was looked at is not sound: findings, a failing test, differences, or a dry run that nobody confirmed yet.
const NOT_SOUND: u8 = 3;

/// Does it.
///
/// # Errors
/// When something cannot be read or written, or the server refuses or cannot be reached.
pub(crate) async fn run(command: &PolicyCommand, key: Option<Zeroizing<String>>) -> Result<ExitCode> {
    match command {
        PolicyCommand::Init(args) => offline::init(args),
        PolicyCommand::Lint(args) => offline::lint(args),
        PolicyCommand::Test(args) => offline::test(args),
        PolicyCommand::Diff(args) => offline::diff(args),
        PolicyCommand::Sign(args) => keys::sign(args),
        PolicyCommand::Key(PolicyKeyCommand::New(args)) => keys::new(args),
        PolicyCommand::Key(PolicyKeyCommand::Trust(args)) => server::trust(args, &needed(key)?).await,
        PolicyCommand::Key(PolicyKeyCommand::Revoke(args)) => server::revoke(args, &needed(key)?).await,
        PolicyCommand::Status(args) => server::status(args, &needed(key)?).await,
        PolicyCommand::Activate(args) => server::activate(args, &needed(key)?).await,
        PolicyCommand::Rollback(args) => server::rollback(args, &needed(key)?).await,
    }
}

fn needed(key: Option<Zeroizing<String>>) -> Result<Zeroizing<String>> {
    let Some(key) = key else {
        bail!("PORTCULLIS_API_KEY is not set; looking needs policies:read, changing a person's access token");
    };
    Ok(key)
}
