//! `portcullis verify`: is the log what was signed? Offline for a folder; against the tables for a database.

pub(crate) mod database;
pub(crate) mod folder;
pub(crate) mod pack;
mod personal;
mod proof;
pub(crate) mod receipts;
mod rows;
mod served;
mod walk;
pub(crate) mod watch;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::settings::PlaceArgs;

/// What to verify against what.
#[derive(clap::Args, Clone, Debug)]
pub struct VerifyArgs {
    /// The folder of a log, as `audit export` writes it, the proof of one entry (C2SP tlog-proof), or an evidence pack. Or the
    /// URL of a server, whose log PORTCULLIS_API_KEY opens.
    #[arg(
        value_name = "DIR, FILE or URL",
        required_unless_present = "database",
        conflicts_with = "database"
    )]
    pub dir: Option<PathBuf>,
    /// Verify the tables of a database: of the named URL (a superuser's login), of DATABASE_URL, or of the embedded
    /// PostgreSQL in the data directory.
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "")]
    pub database: Option<String>,
    /// The log's public key as you know it from elsewhere: `name+id+key`, or a file that holds it.
    #[arg(long, value_name = "KEY or FILE")]
    pub vkey: Option<String>,
    /// A witness policy (C2SP tlog-policy): enough of its witnesses must have cosigned the checkpoint. Its `log` line gives
    /// the key when --vkey does not.
    #[arg(long, value_name = "FILE", conflicts_with = "database")]
    pub policy: Option<PathBuf>,
    /// An earlier checkpoint of the log, which it must continue.
    #[arg(long, value_name = "FILE")]
    pub older: Vec<PathBuf>,
    /// Receipts that you kept, one a line: each must be found in the log as exactly that leaf. Without it `receipts.txt` in
    /// the folder is taken, when there is one.
    #[arg(long, value_name = "FILE", conflicts_with = "database")]
    pub receipts: Option<PathBuf>,
    /// A key that the log had in an earlier epoch, for receipts of that time.
    #[arg(long, value_name = "KEY or FILE", conflicts_with = "database")]
    pub receipt_key: Vec<String>,
    /// With --database: an exported folder that the database must agree with and continue.
    #[arg(long, value_name = "DIR", requires = "database")]
    pub against: Option<PathBuf>,
    /// With a URL: the folder to keep what was verified in. The next time only what is new is fetched, and must continue it.
    #[arg(long, value_name = "DIR", conflicts_with = "database")]
    pub keep: Option<PathBuf>,
    /// With a URL: send the key without TLS to another machine.
    #[arg(long, conflicts_with = "database")]
    pub allow_plain_http: bool,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
    /// Where the embedded PostgreSQL is.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// The URL that is named instead of a folder.
pub(crate) fn url_of(path: &std::path::Path) -> Option<&str> {
    path.to_str().filter(|text| text.starts_with("https://") || text.starts_with("http://"))
}

/// `portcullis verify URL`.
///
/// # Errors
/// When the server cannot be asked, or the folder cannot be used; what is wrong with the log stands in the report.
pub(crate) async fn online(
    args: &VerifyArgs,
    url: &str,
    key: Option<zeroize::Zeroizing<String>>,
) -> anyhow::Result<std::process::ExitCode> {
    served::run(args, url, key).await
}

/// `portcullis verify DIR`, `portcullis verify FILE.tlog-proof` and `portcullis verify PACK.zip`.
///
/// # Errors
/// When what is named cannot be read.
pub(crate) fn offline(args: &VerifyArgs, path: &std::path::Path) -> anyhow::Result<std::process::ExitCode> {
    if args.keep.is_some() || args.allow_plain_http {
        anyhow::bail!("--keep and --allow-plain-http go with the URL of a server");
    }
    if !path.is_file() {
        return folder::run(args, path);
    }
    if args.receipts.is_some() {
        anyhow::bail!("--receipts are held against a log: name its folder or its server");
    }
    if pack::is_archive(path) { pack::run(args, path) } else { proof::run(args, path) }
}
