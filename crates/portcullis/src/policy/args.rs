//! What can be said on the command line.

use std::path::PathBuf;

use crate::packs::ServerUrl;

/// What to do with policy packs.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum PolicyCommand {
    /// Write a small pack to begin with, and the schema of this server's actions.
    #[command(after_help = INIT)]
    Init(InitArgs),
    /// Check a pack and name what is wrong by file, line and column.
    #[command(after_help = LINT)]
    Lint(FolderArgs),
    /// Run the pack's own tests.
    #[command(after_help = TEST)]
    Test(FolderArgs),
    /// Sign a pack that is sound.
    #[command(after_help = SIGN)]
    Sign(SignArgs),
    /// Say what two packs have of each other.
    #[command(after_help = DIFF)]
    Diff(DiffArgs),
    /// Show on the server what a signed pack would have refused, and put it into force.
    #[command(after_help = ACTIVATE)]
    Activate(ActivateArgs),
    /// Show the pack in force, those there are, the history and the keys.
    #[command(after_help = STATUS)]
    Status(StatusArgs),
    /// Go back to the pack that was in force before, or to none.
    #[command(after_help = ROLLBACK)]
    Rollback(StatusArgs),
    /// Keys that sign policy packs.
    #[command(subcommand)]
    Key(PolicyKeyCommand),
}

/// What to do with keys that sign policy packs.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum PolicyKeyCommand {
    /// Make a key: the secret into a file, the public key on standard output.
    #[command(after_help = KEY_NEW)]
    New(NewKeyArgs),
    /// Trust a public key on the server.
    #[command(after_help = KEY_TRUST)]
    Trust(TrustArgs),
    /// Revoke a key on the server.
    #[command(after_help = KEY_REVOKE)]
    Revoke(RevokeArgs),
}

/// What to begin with.
#[derive(clap::Args, Clone, Debug)]
pub struct InitArgs {
    /// The folder, which is made.
    pub dir: PathBuf,
    /// The pack's name: lower-case letters, digits, `.`, `_` and `-`. Default: the folder's.
    #[arg(long)]
    pub name: Option<String>,
    /// forbid: what is granted is allowed unless the pack forbids it; permit: when the pack permits it.
    #[arg(long, default_value = "forbid", value_parser = ["forbid", "permit"])]
    pub mode: String,
    /// Write the schema alone, over the one that is there.
    #[arg(long)]
    pub schema_only: bool,
}

/// Which pack.
#[derive(clap::Args, Clone, Debug)]
pub struct FolderArgs {
    /// The folder, or a signed pack.
    pub pack: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What to sign.
#[derive(clap::Args, Clone, Debug)]
pub struct SignArgs {
    /// The folder.
    pub dir: PathBuf,
    /// The file with the secret key.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// Where the signed pack goes. Default: beside the folder, `NAME-VERSION.pack.json`.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What to compare.
#[derive(clap::Args, Clone, Debug)]
pub struct DiffArgs {
    /// The one: a folder or a signed pack.
    pub old: PathBuf,
    /// The other.
    pub new: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What to put into force.
#[derive(clap::Args, Clone, Debug)]
pub struct ActivateArgs {
    /// The signed pack.
    pub file: PathBuf,
    /// The hash of the dry run you looked at. Without it the dry run is shown and nothing comes into force.
    #[arg(long, value_name = "HASH")]
    pub confirm: Option<String>,
    /// Where the server is.
    #[command(flatten)]
    pub server: ServerUrl,
}

/// Where.
#[derive(clap::Args, Clone, Debug)]
pub struct StatusArgs {
    /// Where the server is.
    #[command(flatten)]
    pub server: ServerUrl,
}

/// What to make.
#[derive(clap::Args, Clone, Debug)]
pub struct NewKeyArgs {
    /// The key's name, as it stands in the public key: a domain and a purpose, without blanks.
    #[arg(long)]
    pub name: String,
    /// Where the secret goes. The file must not exist.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// What to trust.
#[derive(clap::Args, Clone, Debug)]
pub struct TrustArgs {
    /// The public key, `name+id+base64`, or a file that holds it.
    pub key: String,
    /// What it is called there. Default: the name inside the key.
    #[arg(long)]
    pub name: Option<String>,
    /// From when on it counts (RFC 3339). Default: now.
    #[arg(long, value_name = "WHEN")]
    pub not_before: Option<String>,
    /// Until when (RFC 3339). Default: without end.
    #[arg(long, value_name = "WHEN")]
    pub expires_at: Option<String>,
    /// Where the server is.
    #[command(flatten)]
    pub server: ServerUrl,
}

/// What to revoke.
#[derive(clap::Args, Clone, Debug)]
pub struct RevokeArgs {
    /// The key's id, as `status` shows it.
    pub id: uuid::Uuid,
    /// Where the server is.
    #[command(flatten)]
    pub server: ServerUrl,
}

const INIT: &str = "\
Examples:
  portcullis policy init office-hours
  portcullis policy init ./packs/reads --name reads-only --mode permit
  portcullis policy init office-hours --schema-only

Exit status: 0 written, 1 it could not be, 2 wrong usage.";

const LINT: &str = "\
Examples:
  portcullis policy lint office-hours
  portcullis policy lint office-hours-3.pack.json --json

Exit status: 0 sound (warnings are listed), 1 it cannot be read, 2 wrong usage, 3 it cannot come into force.";

const TEST: &str = "\
Examples:
  portcullis policy test office-hours
  portcullis policy test office-hours --json

Exit status: 0 all passed, 1 it cannot be read, 2 wrong usage, 3 a test failed or the pack is not sound.";

const SIGN: &str = "\
Example:
  portcullis policy sign office-hours --key policy.key

A pack that is not sound, or of which a test fails, is not signed. The signature is a detached JWS over the canonical JSON of
the pack (EdDSA, RFC 7797), which any JOSE library checks.

Exit status: 0 signed, 1 it could not be, 2 wrong usage, 3 the pack is not sound or a test failed.";

const DIFF: &str = "\
Examples:
  portcullis policy diff office-hours-2.pack.json office-hours
  portcullis policy diff old new --json

Exit status: 0 the same, 1 one cannot be read, 2 wrong usage, 3 they differ.";

const ACTIVATE: &str = "\
Examples:
  portcullis policy activate office-hours-3.pack.json
  portcullis policy activate office-hours-3.pack.json --confirm 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

The first uploads the pack and shows what it would have refused of what is on record; the second puts it into force.
People alone put packs into force: PORTCULLIS_API_KEY holds an access token of somebody with policies:manage who has confirmed
a factor within the last ten minutes (docs/tokens.md).

Exit status: 0 in force, 1 the server refused or stayed away, 2 wrong usage, 3 shown and not confirmed yet.";

const STATUS: &str = "\
Examples:
  portcullis policy status
  portcullis policy status --json

The key comes from PORTCULLIS_API_KEY and needs the permission policies:read.

Exit status: 0 shown, 1 the server refused or stayed away, 2 wrong usage.";

const ROLLBACK: &str = "\
Example:
  portcullis policy rollback

No pack closes this way. People alone go back: PORTCULLIS_API_KEY holds an access token of somebody with policies:manage who has
confirmed a factor within the last ten minutes (docs/tokens.md).

Exit status: 0 done, 1 the server refused or stayed away, 2 wrong usage.";

const KEY_NEW: &str = "\
Example:
  portcullis policy key new --name policy.example.com --out policy.key

The file is readable by you alone and is the whole key: keep it where packs are signed, and nowhere else.

Exit status: 0 made, 1 it could not be, 2 wrong usage.";

const KEY_TRUST: &str = "\
Examples:
  portcullis policy key trust policy.example.com+0b2e7d4a+AfJ4… --expires-at 2027-01-01T00:00:00Z
  portcullis policy key trust policy.vkey --name \"the security team's key\"

People alone trust keys: PORTCULLIS_API_KEY holds an access token of somebody with policies:manage who has confirmed a factor
within the last ten minutes (docs/tokens.md).

Exit status: 0 trusted, 1 the server refused or stayed away, 2 wrong usage.";

const KEY_REVOKE: &str = "\
Example:
  portcullis policy key revoke 019a0000-0000-7000-8000-000000000000

Nothing it signed comes into force any more; what is in force stays so.

Exit status: 0 revoked, 1 the server refused or stayed away, 2 wrong usage.";
