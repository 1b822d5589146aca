//! What a server stands on before there is a database: the account, the addresses, the way to it, the data directory.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use gates::Vault;
use tokio::net::TcpListener;

use super::Checks;
use crate::deep;
use crate::embedded::owner;
use crate::settings::Settings;
use crate::web;

/// Mode bits of a directory in which others than its owner may put and rename files.
const OPEN_MODE: u32 = 0o022;

/// Who will serve.
#[derive(Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
    /// It is to become another one than the one that looks.
    other: bool,
}

impl Account {
    /// `None` when the settings name one that this machine does not have.
    fn of(settings: &Settings) -> Option<Self> {
        let uid = rustix::process::geteuid().as_raw();
        match settings.user.as_deref().filter(|_| uid == 0) {
            Some(name) => owner::account(name).map(|(uid, gid)| Self { uid, gid, other: true }),
            None => Some(Self { uid, gid: rustix::process::getegid().as_raw(), other: false }),
        }
    }

    async fn may_write(self, dir: &Path) -> bool {
        owner::may_write(self.other.then_some((self.uid, self.gid)), dir).await
    }
}

/// Looks at all of it.
pub(super) async fn look(checks: &mut Checks, settings: &Settings) {
    account(checks, settings);
    port(checks, "address", settings.listen).await;
    if let Some(address) = settings.metrics_listen {
        port(checks, "metrics address", address).await;
    }
    way(checks, settings);
    if let Some(account) = Account::of(settings) {
        data_dir(checks, settings, account).await;
    }
    model(checks, &settings.place.data_dir);
}

/// Whether organizations ask for deep reading where there is no model for it.
pub(super) async fn asked_for(checks: &mut Checks, vault: &Vault, data_dir: &Path) {
    const WHAT: &str = "deep reading";
    match vault.who_ask_for_deep().await {
        Ok(0) => {}
        Ok(asking) if matches!(deep::load(data_dir), Ok(Some(_))) => {
            checks.good(WHAT, format!("{asking} organizations ask for it"));
        }
        Ok(asking) => checks.bad(
            WHAT,
            format!("{asking} organizations ask for it, and no model is here that can be used: their calls are refused"),
            "Fetch it and start the server again: portcullis pii fetch-model; or let their rules say deep: false.",
        ),
        Err(error) => checks.note(WHAT, error.to_string(), "It cannot be seen who asks for it."),
    }
}

/// The model for deep reading. Only organizations whose rules ask for it miss it.
fn model(checks: &mut Checks, data_dir: &Path) {
    const WHAT: &str = "deep reading";
    match deep::load(data_dir) {
        Ok(Some(_)) => {
            checks.good(WHAT, format!("the model {} is there and reads", deep::folder(data_dir).display()));
        }
        Ok(None) => checks.good(WHAT, "no model was fetched; rules cannot ask for it"),
        Err(error) => checks.bad(
            WHAT,
            error.to_string(),
            "Fetch it again: portcullis pii fetch-model. Until then what asks for deep reading is refused.",
        ),
    }
}

fn account(checks: &mut Checks, settings: &Settings) {
    const WHAT: &str = "account";
    let root = rustix::process::geteuid().is_root();
    match (root, &settings.user) {
        (_, Some(name)) if owner::account(name).is_none() => checks.bad(
            WHAT,
            format!("this machine has no account {name}"),
            "Make it, or name another one with --user.",
        ),
        (false, _) => checks.good(WHAT, "not root"),
        (true, Some(name)) => checks.good(WHAT, format!("root, and told to become {name}")),
        (true, None) => checks.note(
            WHAT,
            "root",
            "`up` stays root for trying it out and `serve` refuses; name an account with --user.",
        ),
    }
}

async fn port(checks: &mut Checks, what: &'static str, address: SocketAddr) {
    match TcpListener::bind(address).await {
        Ok(_) => checks.good(what, format!("{address} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => checks.note(
            what,
            format!("{address} is taken"),
            "By this server, if it runs; else choose another address.",
        ),
        Err(error) => {
            let option = if what == "address" { "--listen" } else { "--metrics-listen" };
            checks.bad(
                what,
                format!("{address}: {error}"),
                format!("Choose an address of this machine with {option}."),
            );
        }
    }
}

/// Whether keys and sessions are encrypted on their way here. The server itself speaks plain HTTP: TLS is a proxy's, and
/// the public URL says whether there is one.
fn way(checks: &mut Checks, settings: &Settings) {
    const WHAT: &str = "TLS";
    let (listen, own) = (settings.listen, settings.listen.ip().is_loopback());
    let public = settings.public_url.as_deref();
    let url = public.and_then(|url| url.parse::<http::Uri>().ok());
    let local = url.as_ref().is_none_or(web::is_local);
    let encrypted = url.as_ref().and_then(http::Uri::scheme_str) == Some("https");
    match public {
        Some(public) if encrypted && own => {
            checks.good(WHAT, format!("clients come to {public}, by a proxy on this machine"));
        }
        Some(public) if encrypted => checks.good(
            WHAT,
            format!("clients come to {public}; {listen} itself is without TLS: let the proxy alone reach it"),
        ),
        Some(public) if !local => checks.bad(
            WHAT,
            format!("clients come to {public}, where everybody on the way reads keys, sessions and prompts"),
            "Put a proxy that speaks TLS in front, and its https:// URL into PORTCULLIS_PUBLIC_URL.",
        ),
        _ if own => checks.good(WHAT, format!("not needed: {listen} is reached from this machine alone")),
        _ => checks.bad(
            WHAT,
            format!("{listen} is reached from other machines, and no public URL begins with https://"),
            "Listen on 127.0.0.1 behind a proxy that speaks TLS, and set PORTCULLIS_PUBLIC_URL to its https:// URL.",
        ),
    }
    if let Some(metrics) = settings.metrics_listen.filter(|address| !address.ip().is_loopback()) {
        checks.note(
            WHAT,
            format!("{metrics} shows the metrics to other machines, without TLS and without a key"),
            "Let the collector alone reach it.",
        );
    }
}

/// Whether the data directory, where at least the heads of logs are kept, is the server's own.
async fn data_dir(checks: &mut Checks, settings: &Settings, account: Account) {
    const WHAT: &str = "data directory";
    let dir = settings.place.data_dir.as_path();
    let shown = dir.display();
    let meta = match std::fs::metadata(dir) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            not_there(checks, settings, account).await;
            return;
        }
        Err(error) => {
            let advice = "Let the server's account pass through to it, or choose another with --data-dir.";
            checks.bad(WHAT, format!("{shown}: {error}"), advice);
            return;
        }
    };
    if !meta.is_dir() {
        checks.bad(WHAT, format!("{shown} is no directory"), "Choose another with --data-dir.");
        return;
    }
    let before = checks.0.len();
    for dir in [dir, &settings.place.heads_dir()] {
        // The folder of heads is made when the server starts.
        if dir.exists() && !account.may_write(dir).await {
            let advice = format!("Give it to the server's account: chown -R {} {shown}", account.uid);
            let found = format!("user {} may not make files in {}", account.uid, dir.display());
            checks.bad(WHAT, found, advice);
        }
    }
    match meta.uid() {
        0 => {}
        owner if owner == account.uid => {}
        owner if account.uid == 0 => checks.note(
            WHAT,
            format!("{shown} belongs to user {owner}, and the server would run as root"),
            "Name that account with --user.",
        ),
        owner => checks.bad(
            WHAT,
            format!("{shown} belongs to user {owner}, who can replace all that is in it"),
            format!("Give it to the server's account: chown -R {} {shown}", account.uid),
        ),
    }
    let mode = meta.mode() & 0o7777;
    if mode & OPEN_MODE != 0 {
        checks.bad(
            WHAT,
            format!("others than its owner may change what is in {shown} (mode {mode:o})"),
            format!("Close it: chmod go-w {shown}"),
        );
    }
    if checks.0.len() == before {
        checks.good(WHAT, format!("{shown} is the server's own"));
    }
}

/// Whether the data directory could be made.
async fn not_there(checks: &mut Checks, settings: &Settings, account: Account) {
    const WHAT: &str = "data directory";
    let dir = settings.place.data_dir.as_path();
    let parent = dir.ancestors().skip(1).find(|parent| parent.exists()).unwrap_or(dir);
    // `up` makes it while it is still root; `serve` has become the account by then.
    let embedded = settings.database.owner.is_none() && settings.database.app.is_none();
    let made = if embedded { owner::may_write(None, parent).await } else { account.may_write(parent).await };
    if made {
        checks.good(WHAT, format!("{} is not there yet and can be made", dir.display()));
    } else {
        checks.bad(
            WHAT,
            format!("{} cannot be made: no files may be made in {}", dir.display(), parent.display()),
            "Make it and give it to the server's account, or choose another with --data-dir.",
        );
    }
}
