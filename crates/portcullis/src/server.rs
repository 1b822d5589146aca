//! Putting the house together: gates, app, faces, jobs. The one place that knows all of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use app::accounts::keeping::Keeper;
use app::accounts::{Accounts, Site};
use app::audit::Tails;
use app::audit::archive::Archiver;
use app::audit::jobs::Sequencer;
use app::break_glass::jobs::Reminder;
use app::mail::{Carrier, Mailer};
use app::models::{Calls, Reaper};
use app::providers::UrlRules;
use app::siem::{Collector as _, Forwarder};
use app::webhooks::Deliverer;
use audit_log::Policy;
use crypto::{InstanceKey, SystemRng};
use gates::{Vault, VaultOptions};
use kernel::SystemClock;
use sqlx::postgres::PgConnectOptions;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::database::quiet;
use crate::heads::HeadFiles;
use crate::mail::Smtp;
use crate::settings::{MailSettings, Place, Settings, SiemSettings};
use crate::siem::{FileCollector, SyslogCollector};
use crate::telemetry::metrics::{self, Collectors, Metrics, counted};
use crate::timestamps::HttpAuthority;
use crate::verify::watch::Watcher;
use crate::webhooks::HttpCourier;
use crate::witness::show::Shower;
use crate::{deep, faces, listen, openfga};

/// How long the last entries may take to be placed and signed when the server stops, in seconds.
const LAST_ROUND_SECONDS_MAX: u64 = 10;

/// How long witnesses may take to say what they saw of the log before it is signed again at the start, in seconds.
const FIRST_LOOK_SECONDS_MAX: u64 = 10;

/// How long letters under way may take when the server stops, in seconds; what is cut off is sent again later.
const LAST_LETTERS_SECONDS_MAX: u64 = 5;

/// How long webhooks under way may take when the server stops, in seconds; what is cut off is sent again later.
const LAST_WEBHOOKS_SECONDS_MAX: u64 = 5;

/// How long the outcomes of calls that were cut off may take to be recorded, in seconds.
const LAST_OUTCOMES_SECONDS_MAX: u64 = 5;

/// The two logins of the serving roles.
pub(crate) struct Logins {
    /// The application role.
    pub(crate) app: PgConnectOptions,
    /// The system role.
    pub(crate) system: PgConnectOptions,
}

/// A server that answers.
pub(crate) struct Server {
    /// The gates.
    pub(crate) vault: Arc<Vault>,
    /// The doors for people.
    pub(crate) accounts: Accounts,
    /// The URL clients use, without a slash at its end.
    pub(crate) url: String,
    /// Where metrics are, when they are served.
    pub(crate) metrics_url: Option<String>,
    stop_accepting: watch::Sender<bool>,
    stop_jobs: watch::Sender<bool>,
    calls: Calls,
    serving: JoinHandle<usize>,
    sequencing: JoinHandle<()>,
    mailing: JoinHandle<()>,
    webhooks: JoinHandle<()>,
    keeping: JoinHandle<()>,
}

/// Opens the gates and serves.
///
/// # Errors
/// When the address is taken, the database is not safe to serve, or the key is not its key.
pub(crate) async fn start(mut settings: Settings, key: InstanceKey, logins: Logins) -> Result<Server> {
    // The address first: it is the likeliest thing to be wrong and the cheapest to find out.
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("cannot listen on {}", settings.listen))?;
    let address = listener.local_addr().context("the listening address is not known")?;
    let url = settings.public_url.clone().unwrap_or_else(|| local_url(address));
    let site = Site::new(&url).context("PORTCULLIS_PUBLIC_URL")?;
    let mail_server = settings.mail.as_ref().map(|mail| format!("{}:{}", mail.host, mail.port));
    let carrier = carrier(settings.mail.take(), &url)?;
    let watching = logins.system.clone();
    let reader = deep::at_start(&settings.place.data_dir).await;
    let vault = Vault::open(options(&mut settings, logins, key, url.clone(), reader)?).await?;
    let sequencer =
        sequencer(&vault, settings.checkpoint_every, &settings.place, settings.witnesses.clone())?;
    let sequencer = with_authority(sequencer, settings.tsa_url.take())?;
    let shower = settings.witnesses.map(|policy| Shower::new(sequencer.clone(), policy)).transpose()?;
    let accounts = Accounts::new(Arc::clone(&vault), site, settings.password_scheme)
        .context("PORTCULLIS_PASSWORD_HASH")?;
    let webhook_rules = webhook_rules(settings.webhooks_private);
    let console = console::State::new(accounts.clone(), sequencer.clone()).with_mail_server(mail_server);
    let (stop_accepting, told_to_stop) = watch::channel(false);
    let tails = Tails::until(Arc::clone(&vault), told_to_stop.clone());
    let (router, calls) = faces::router(
        &vault,
        &accounts,
        console,
        &sequencer,
        tails,
        (settings.http, settings.security_contact.as_deref()),
        (settings.upstream, settings.calls, webhook_rules, settings.providers),
    )?;
    let metrics = Arc::new(Metrics::new());
    let router = counted(router, Arc::clone(&metrics));
    let (stop_jobs, jobs_told) = watch::channel(false);
    let mailing = tokio::spawn(Mailer::new(Arc::clone(&vault), carrier).run(jobs_told.clone()));
    let webhooks = tokio::spawn(deliverer(&vault, webhook_rules)?.run(jobs_told.clone()));
    let keeping = tokio::spawn(Keeper::new(Arc::clone(&vault)).run(told_to_stop.clone()));
    // Each of its steps is one transaction, so that it may be cut off at any point.
    tokio::spawn(Reminder::new(Arc::clone(&vault), accounts.site().clone()).run(told_to_stop.clone()));
    tokio::spawn(Reaper::new(Arc::clone(&vault), settings.calls.unknown_after).run(told_to_stop.clone()));
    if let Some(shower) = shower {
        show_first(&shower).await;
        tokio::spawn(shower.run(told_to_stop.clone()));
    }
    watch_logs(settings.verify_every, watching, &vault, &sequencer, &told_to_stop);
    if let Some(root) = settings.archive_dir {
        tokio::spawn(Archiver::new(sequencer.clone(), root).run(told_to_stop.clone()));
    }
    let collectors = forward(settings.siem, &url, &vault, &told_to_stop)?;
    let sequencing = tokio::spawn(sequencer.run(jobs_told));
    let serving = tokio::spawn(listen::serve(listener, router, told_to_stop, settings.shutdown_grace));
    let told = stop_accepting.subscribe();
    let metrics_url = serve_metrics(settings.metrics_listen, metrics, &vault, collectors, told).await?;
    tracing::info!(%address, "ready");
    Ok(Server {
        vault,
        accounts,
        url,
        metrics_url,
        stop_accepting,
        stop_jobs,
        calls,
        serving,
        sequencing,
        mailing,
        webhooks,
        keeping,
    })
}

/// What the gates stand on.
fn options(
    settings: &mut Settings,
    logins: Logins,
    key: InstanceKey,
    issuer: String,
    reader: Option<Arc<dyn pii::Reader>>,
) -> Result<VaultOptions> {
    let authorizer = openfga::authorizer(settings.openfga.take()).context("PORTCULLIS_OPENFGA_URL")?;
    Ok(VaultOptions {
        app: quiet(logins.app),
        system: quiet(logins.system),
        app_connections_max: settings.app_connections,
        system_connections_max: settings.system_connections,
        instance_key: key,
        issuer,
        auth: settings.auth,
        static_keys: std::mem::take(&mut settings.static_keys),
        authorizer,
        reader,
        clock: Arc::new(SystemClock),
        rng: Arc::new(SystemRng),
    })
}

/// Verifies the tables of the logs from time to time, when it is not switched off.
fn watch_logs(
    every: Option<Duration>,
    login: PgConnectOptions,
    vault: &Arc<Vault>,
    sequencer: &Sequencer,
    told_to_stop: &watch::Receiver<bool>,
) {
    if let Some(every) = every {
        tokio::spawn(
            Watcher::new(login, Arc::clone(vault), sequencer.clone(), every).run(told_to_stop.clone()),
        );
    }
}

/// Shows witnesses what is signed already, before anything else is signed.
async fn show_first(shower: &Shower) {
    let limit = Duration::from_secs(FIRST_LOOK_SECONDS_MAX);
    if tokio::time::timeout(limit, shower.first()).await.is_err() {
        tracing::warn!("the witnesses did not all answer; the log goes on without their word for now");
    }
}

/// What keeps the logs of this instance, with the heads that this machine remembers.
///
/// # Errors
/// When heads cannot be kept in the data directory.
pub(crate) fn sequencer(
    vault: &Arc<Vault>,
    checkpoint_every: Duration,
    place: &Place,
    witnesses: Option<Arc<Policy>>,
) -> Result<Sequencer> {
    let dir = place.heads_dir();
    let heads = HeadFiles::open(&dir).with_context(|| {
        format!("the heads of the audit logs cannot be kept in {}; name another --data-dir", dir.display())
    })?;
    let origin = format!("portcullis/{}", vault.instance());
    let sequencer = Sequencer::new(Arc::clone(vault), &origin, checkpoint_every).with_heads(Arc::new(heads));
    Ok(match witnesses {
        Some(policy) => sequencer.with_policy(policy),
        None => sequencer,
    })
}

/// With the operator's time-stamping authority, if there is one.
fn with_authority(sequencer: Sequencer, url: Option<http::Uri>) -> Result<Sequencer> {
    let Some(url) = url else { return Ok(sequencer) };
    let authority = HttpAuthority::new(url).context("the way to PORTCULLIS_TSA_URL could not be set up")?;
    Ok(sequencer.with_authority(Arc::new(authority)))
}

/// Begins to forward events, where there is somewhere to forward them to; what kinds of collectors there are, and
/// by which names their positions are known. Each step can be cut off at any point.
fn forward(
    settings: SiemSettings,
    url: &str,
    vault: &Arc<Vault>,
    stop: &watch::Receiver<bool>,
) -> Result<Collectors> {
    let mut names = Vec::new();
    if let Some(syslog) = settings.syslog {
        let own: Option<http::Uri> = url.parse().ok();
        let host = own.as_ref().and_then(http::Uri::host).unwrap_or_default();
        let collector = SyslogCollector::new(syslog, host).context("PORTCULLIS_SIEM_SYSLOG")?;
        names.push(("syslog", collector.name().to_owned()));
        tokio::spawn(Forwarder::new(Arc::clone(vault), collector).run(stop.clone()));
    }
    if let Some(path) = settings.file {
        let collector = FileCollector::new(path);
        names.push(("file", collector.name().to_owned()));
        tokio::spawn(Forwarder::new(Arc::clone(vault), collector).run(stop.clone()));
    }
    Ok(names)
}

/// What takes letters away, if a mail server is configured.
fn carrier(settings: Option<MailSettings>, url: &str) -> Result<Option<Arc<dyn Carrier>>> {
    let Some(settings) = settings else { return Ok(None) };
    let own: Option<http::Uri> = url.parse().ok();
    let smtp = Smtp::new(settings, own.as_ref().and_then(http::Uri::host))?;
    Ok(Some(Arc::new(smtp)))
}

/// Where webhooks may be sent: plain HTTP only where the operator lets them be sent to a network of their own.
const fn webhook_rules(private: bool) -> UrlRules {
    UrlRules { allow_private: private, allow_plain_http: private }
}

/// What takes webhooks to their endpoints.
fn deliverer(vault: &Arc<Vault>, rules: UrlRules) -> Result<Deliverer> {
    let courier = HttpCourier::new().context("the way out for webhooks could not be set up")?;
    Ok(Deliverer::new(Arc::clone(vault), Arc::new(courier), rules))
}

/// The URL of a server nobody gave one: on this machine it is `localhost`, because browsers bind passkeys to names.
fn local_url(address: SocketAddr) -> String {
    if address.ip().is_loopback() {
        format!("http://localhost:{}", address.port())
    } else {
        format!("http://{address}")
    }
}

/// Serves `/metrics` on a listener of its own, which no proxy of the product's leads to.
async fn serve_metrics(
    wanted: Option<SocketAddr>,
    metrics: Arc<Metrics>,
    vault: &Arc<Vault>,
    collectors: Collectors,
    told_to_stop: watch::Receiver<bool>,
) -> Result<Option<String>> {
    let Some(wanted) = wanted else { return Ok(None) };
    let listener =
        TcpListener::bind(wanted).await.with_context(|| format!("cannot listen on {wanted} for metrics"))?;
    let address = listener.local_addr().context("the metrics address is not known")?;
    let router = metrics::router(metrics, Arc::clone(vault), collectors);
    tokio::spawn(listen::serve(listener, router, told_to_stop, Duration::ZERO));
    Ok(Some(format!("http://{address}/metrics")))
}

impl Server {
    /// Stops in order: nothing new, requests under way finish, what they wrote is placed and signed, the database
    /// is left.
    pub(crate) async fn stop(self) {
        let _ = self.stop_accepting.send(true);
        match self.serving.await {
            Ok(0) => {}
            Ok(cut) => tracing::warn!(connections = cut, "connections were cut off after the grace period"),
            Err(error) => tracing::error!(%error, "the listener failed"),
        }
        let limit = Duration::from_secs(LAST_OUTCOMES_SECONDS_MAX);
        if tokio::time::timeout(limit, self.calls.settled()).await.is_err() {
            tracing::warn!("not every call's outcome is on record");
        }
        // What it writes must be written before the last entries are placed.
        if tokio::time::timeout(limit, self.keeping).await.is_err() {
            tracing::warn!("the clearing away was cut off; the next start goes on with it");
        }
        let _ = self.stop_jobs.send(true);
        let limit = Duration::from_secs(LAST_ROUND_SECONDS_MAX);
        if tokio::time::timeout(limit, self.sequencing).await.is_err() {
            tracing::warn!("the last entries are not signed yet; the next start does it");
        }
        let limit = Duration::from_secs(LAST_LETTERS_SECONDS_MAX);
        if tokio::time::timeout(limit, self.mailing).await.is_err() {
            tracing::warn!("letters under way were cut off; they are sent again later");
        }
        let limit = Duration::from_secs(LAST_WEBHOOKS_SECONDS_MAX);
        if tokio::time::timeout(limit, self.webhooks).await.is_err() {
            tracing::warn!("webhooks under way were cut off; they are sent again later");
        }
        if let Err(error) = self.vault.write_uses().await {
            tracing::warn!(%error, "when keys were last used is not written to the end");
        }
        self.vault.close();
        tracing::info!("stopped");
    }
}
