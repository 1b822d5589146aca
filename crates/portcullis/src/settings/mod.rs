//! What the server was told: flags and environment, judged once at the start.
//!
//! Every value is checked before anything is opened, and every fault is reported, not only the first. Secrets are
//! read from the environment alone and are wiped from memory when dropped; nothing here shows them.

mod args;
mod database;
mod environment;
mod fault;
mod key;
mod mail;
mod openfga;
mod parse;
mod place;
mod provider;
mod siem;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use api::http::{ForwardedBy, HttpSettings, REQUEST_SECONDS_DEFAULT};
use app::providers::EnvProvider;
use audit_log::Policy;
use authn::password::Scheme;
use gates::{AuthMode, StaticKey};
use kernel::{Timestamp, limits};

pub use self::mail::{Encryption, MailSettings, Sender, SmtpLogin};
pub use self::openfga::{OpenFgaSettings, OpenFgaStore};
pub use self::siem::{SiemSettings, SyslogSettings};
pub use args::{PlaceArgs, ServerArgs};
pub use database::{DatabaseUrls, check_database_url, with_role};
pub use environment::{Environment, ProcessEnvironment};
pub use fault::{Fault, Faults};
pub use key::{KeySetting, copy_key, embedded_key, existing_embedded_key};
pub use place::Place;

use parse::{address, boolean, list, number, one_of};

/// Longest such time an operator may choose, in seconds.
const REQUEST_SECONDS_MAX: u64 = 3_600;
/// How long requests under way may take when the server stops, by default, in seconds: container platforms usually
/// wait 30 before they kill.
const GRACE_SECONDS_DEFAULT: u64 = 25;
/// Longest such time an operator may choose, in seconds.
const GRACE_SECONDS_MAX: u64 = 3_600;
/// Longest model call by default, in seconds: a model may think for minutes before it answers.
const CALL_SECONDS_DEFAULT: u64 = 900;
/// Longest such time an operator may choose, in seconds.
const CALL_SECONDS_MAX: u64 = 7_200;
/// Longest time after which a call may count as lost, in seconds: a week.
const CALL_UNKNOWN_SECONDS_MAX: u64 = 604_800;
/// Time between checkpoints by default, in seconds.
const CHECKPOINT_SECONDS_DEFAULT: u64 = 60;
/// Time between two verifications of the logs' tables by default, in minutes: a day.
const VERIFY_MINUTES_DEFAULT: u32 = 1_440;
/// Longest such time an operator may choose, in minutes: thirty days.
const VERIFY_MINUTES_MAX: u32 = 43_200;
/// Connections of the application role by default.
const APP_CONNECTIONS_DEFAULT: u32 = 20;
/// Connections of the system role by default.
const SYSTEM_CONNECTIONS_DEFAULT: u32 = 6;
/// Most connections of either role.
const CONNECTIONS_MAX: u32 = 1_000;
/// Fewest connections of the application role: the writer of entries alone uses four at once.
const APP_CONNECTIONS_MIN: u32 = 6;
/// Fewest connections of the system role: the sequencer, the watch over keys, and one lookup.
const SYSTEM_CONNECTIONS_MIN: u32 = 3;
/// What is logged by default. PostgreSQL's notices say that what exists was not made again.
const FILTER_DEFAULT: &str = "info,sqlx::postgres::notice=warn";
/// Most requests per minute that can be configured; beyond it, `off` says what is meant.
const RATE_PER_MINUTE_MAX: u32 = 1_000_000;

/// What the server may reach when it calls providers.
#[derive(Clone, Copy, Debug, Default)]
pub struct UpstreamRules {
    /// Private and loopback addresses.
    pub private: bool,
    /// Connections without TLS.
    pub plain_http: bool,
}

/// How long model calls take.
#[derive(Clone, Copy, Debug)]
pub struct CallTimes {
    /// Longest time of one.
    pub most: Duration,
    /// Age at which one without an outcome is recorded as ended nobody knows how; longer than `most`.
    pub unknown_after: Duration,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// What is logged, how, and where traces and metrics go.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// The form of the log.
    pub format: LogFormat,
    /// Which events, in the syntax of `tracing_subscriber::EnvFilter`.
    pub filter: String,
    /// The collector's base URL.
    pub otlp_endpoint: Option<String>,
}

/// Everything the server was told. Has no `Debug`: it holds secrets.
pub struct Settings {
    /// Address to serve on.
    pub listen: SocketAddr,
    /// Address for metrics.
    pub metrics_listen: Option<SocketAddr>,
    /// The URL clients use, without a slash at its end.
    pub public_url: Option<String>,
    /// Whom to tell of a weakness of this installation, as a URI.
    pub security_contact: Option<String>,
    /// How new passwords are hashed.
    pub password_scheme: Scheme,
    /// How callers are recognised.
    pub auth: AuthMode,
    /// The static list of keys.
    pub static_keys: Vec<StaticKey>,
    /// Limits and manners of HTTP.
    pub http: HttpSettings,
    /// What providers may be.
    pub upstream: UpstreamRules,
    /// How long calls of models take.
    pub calls: CallTimes,
    /// Whether webhooks may be sent to private addresses, and there without TLS.
    pub webhooks_private: bool,
    /// The operator's providers.
    pub providers: Vec<EnvProvider>,
    /// The mail server; without one letters stay in the outbox.
    pub mail: Option<MailSettings>,
    /// Where events are forwarded to.
    pub siem: SiemSettings,
    /// The time-stamping authority that is asked about evidence packs.
    pub tsa_url: Option<http::Uri>,
    /// The OpenFGA server that is asked beside the engine of this process.
    pub openfga: Option<OpenFgaSettings>,
    /// How long requests under way may take when the server stops.
    pub shutdown_grace: Duration,
    /// Longest time between checkpoints.
    pub checkpoint_every: Duration,
    /// The witnesses of the instance's log.
    pub witnesses: Option<Arc<Policy>>,
    /// How often the tables of the logs are verified; never when it is off.
    pub verify_every: Option<Duration>,
    /// Where what is older than its retention is archived to.
    pub archive_dir: Option<PathBuf>,
    /// Connections of the application role.
    pub app_connections: u32,
    /// Connections of the system role.
    pub system_connections: u32,
    /// Logs, traces, metrics.
    pub telemetry: Telemetry,
    /// The account to become.
    pub user: Option<String>,
    /// Where data is.
    pub place: Place,
    /// `ENCRYPTION_KEY`, when it was given.
    pub key: KeySetting,
    /// The databases that were named.
    pub database: DatabaseUrls,
}

impl Settings {
    /// Judges everything. `terminal` is whether standard error is one, which chooses the log's form; `now` is shown
    /// as the time since when the operator's providers exist.
    ///
    /// # Errors
    /// Every fault there is.
    pub fn load(
        args: &ServerArgs,
        environment: &dyn Environment,
        terminal: bool,
        now: Timestamp,
    ) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let listen = listen(args, &mut faults);
        let auth = auth(args, listen, &mut faults);
        let (app_connections, system_connections) = connections(args, &mut faults);
        let seconds = |faults: &mut Faults, name: &str, text: &Option<String>, least, most, default| {
            Duration::from_secs(faults.keep(name, number(text.as_deref(), least, most, default), default))
        };
        let settings = Self {
            listen,
            metrics_listen: metrics_listen(args, &mut faults),
            public_url: public_url(args, &mut faults),
            security_contact: contact(args, &mut faults),
            password_scheme: faults.keep(
                "PORTCULLIS_PASSWORD_HASH",
                parse::password_scheme(args.password_hash.as_deref()),
                Scheme::default(),
            ),
            auth,
            static_keys: static_keys(environment, auth, &mut faults),
            http: http(args, &mut faults),
            upstream: upstream(args, &mut faults),
            calls: calls(args, &mut faults),
            webhooks_private: webhooks_private(args, &mut faults),
            providers: provider::read(args.providers.as_deref(), environment, now, &mut faults),
            mail: self::mail::read(args.mail_from.as_deref(), environment, &mut faults),
            siem: self::siem::read(args, &mut faults),
            tsa_url: faults.keep("PORTCULLIS_TSA_URL", parse::whole_url(args.tsa_url.as_deref()), None),
            openfga: self::openfga::read(args, environment, &mut faults),
            shutdown_grace: seconds(
                &mut faults,
                "PORTCULLIS_SHUTDOWN_GRACE_SECONDS",
                &args.shutdown_grace_seconds,
                0,
                GRACE_SECONDS_MAX,
                GRACE_SECONDS_DEFAULT,
            ),
            checkpoint_every: seconds(
                &mut faults,
                "PORTCULLIS_CHECKPOINT_SECONDS",
                &args.checkpoint_seconds,
                1,
                limits::CHECKPOINT_SECONDS_MAX,
                CHECKPOINT_SECONDS_DEFAULT,
            ),
            witnesses: faults.keep(
                "PORTCULLIS_WITNESS_POLICY",
                parse::witness_policy(args.witness_policy.as_deref()),
                None,
            ),
            verify_every: faults
                .keep(
                    "PORTCULLIS_VERIFY_MINUTES",
                    parse::rate(args.verify_minutes.as_deref(), VERIFY_MINUTES_MAX, VERIFY_MINUTES_DEFAULT),
                    Some(VERIFY_MINUTES_DEFAULT),
                )
                .map(|minutes| Duration::from_mins(minutes.into())),
            archive_dir: args.archive_dir.clone().filter(|dir| !dir.as_os_str().is_empty()),
            app_connections,
            system_connections,
            telemetry: telemetry(args, terminal, &mut faults),
            user: args.user.clone().filter(|user| !user.is_empty()),
            place: Place::read(&args.place, environment, &mut faults),
            key: KeySetting::read(environment, &mut faults),
            database: DatabaseUrls::read(environment, &mut faults),
        };
        if faults.0.is_empty() { Ok(settings) } else { Err(faults) }
    }
}

fn listen(args: &ServerArgs, faults: &mut Faults) -> SocketAddr {
    let default = SocketAddr::from(([127, 0, 0, 1], 8080));
    faults.keep("PORTCULLIS_LISTEN", address(args.listen.as_deref(), default), default)
}

fn metrics_listen(args: &ServerArgs, faults: &mut Faults) -> Option<SocketAddr> {
    let given = args.metrics_listen.as_deref();
    faults.keep("PORTCULLIS_METRICS_LISTEN", parse::optional_address(given), None)
}

fn public_url(args: &ServerArgs, faults: &mut Faults) -> Option<String> {
    faults.keep("PORTCULLIS_PUBLIC_URL", parse::base_url(args.public_url.as_deref()), None)
}

fn contact(args: &ServerArgs, faults: &mut Faults) -> Option<String> {
    let given = args.security_contact.as_deref();
    faults.keep("PORTCULLIS_SECURITY_CONTACT", parse::contact(given), None)
}

fn auth(args: &ServerArgs, listen: SocketAddr, faults: &mut Faults) -> AuthMode {
    let modes =
        [("auto", AuthMode::Auto), ("env", AuthMode::Env), ("db", AuthMode::Db), ("dev", AuthMode::Dev)];
    let mode = faults.keep("PORTCULLIS_AUTH", one_of(args.auth.as_deref(), &modes), None);
    let mode = mode.unwrap_or(AuthMode::Auto);
    if mode == AuthMode::Dev && !listen.ip().is_loopback() {
        faults.add(
            "PORTCULLIS_AUTH",
            format!("dev mode asks nobody for a key, so it serves on a loopback address only, and {listen} is none."),
        );
    }
    mode
}

fn static_keys(environment: &dyn Environment, mode: AuthMode, faults: &mut Faults) -> Vec<StaticKey> {
    const NAME: &str = "PORTCULLIS_API_KEYS";
    let Some(text) = environment.get(NAME) else {
        if mode == AuthMode::Env {
            faults.add(
                NAME,
                "auth mode env knows callers by this list alone, and it is empty; \
                 give key=organization-id:role items.",
            );
        }
        return Vec::new();
    };
    let mut keys: Vec<StaticKey> = Vec::new();
    for (at, item) in text.split([',', '\n']).map(str::trim).filter(|item| !item.is_empty()).enumerate() {
        match item.parse::<StaticKey>() {
            Ok(key) if keys.iter().any(|earlier| earlier.is_key_of(&key)) => {
                faults.add(NAME, format!("item {}: this key is in the list already.", at + 1));
            }
            Ok(key) => keys.push(key),
            Err(error) => faults.add(NAME, format!("item {}: {error}.", at + 1)),
        }
    }
    keys
}

fn http(args: &ServerArgs, faults: &mut Faults) -> HttpSettings {
    let rate = |faults: &mut Faults, name: &str, text: &Option<String>, default| {
        faults.keep(name, parse::rate(text.as_deref(), RATE_PER_MINUTE_MAX, default), Some(default))
    };
    let body = number(
        args.body_bytes_max.as_deref(),
        1_024,
        limits::BODY_BYTES_MAX as u64,
        limits::BODY_BYTES_DEFAULT as u64,
    );
    let body = faults.keep("PORTCULLIS_BODY_BYTES_MAX", body, limits::BODY_BYTES_DEFAULT as u64);
    let headers = [("x-forwarded-for", ForwardedBy::XForwardedFor), ("forwarded", ForwardedBy::Forwarded)];
    let forwarded_by =
        faults.keep("PORTCULLIS_FORWARDED_BY", one_of(args.forwarded_by.as_deref(), &headers), None);
    let timeout =
        number(args.request_timeout_seconds.as_deref(), 1, REQUEST_SECONDS_MAX, REQUEST_SECONDS_DEFAULT);
    HttpSettings {
        body_bytes_max: usize::try_from(body).unwrap_or(limits::BODY_BYTES_DEFAULT),
        rate_standard_per_minute: rate(
            faults,
            "PORTCULLIS_RATE_STANDARD",
            &args.rate_standard,
            limits::RATE_STANDARD_PER_MINUTE,
        ),
        rate_llm_per_minute: rate(faults, "PORTCULLIS_RATE_LLM", &args.rate_llm, limits::RATE_LLM_PER_MINUTE),
        rate_relations_per_minute: rate(
            faults,
            "PORTCULLIS_RATE_RELATIONS",
            &args.rate_relations,
            limits::RATE_RELATIONS_PER_MINUTE,
        ),
        rate_auth_per_minute: rate(
            faults,
            "PORTCULLIS_RATE_AUTH",
            &args.rate_auth,
            limits::RATE_AUTH_PER_MINUTE,
        ),
        request_timeout: Duration::from_secs(faults.keep(
            "PORTCULLIS_REQUEST_TIMEOUT_SECONDS",
            timeout,
            REQUEST_SECONDS_DEFAULT,
        )),
        cors_origins: items("PORTCULLIS_CORS_ORIGINS", args.cors_origins.as_deref(), faults),
        trusted_proxies: items("PORTCULLIS_TRUSTED_PROXIES", args.trusted_proxies.as_deref(), faults),
        forwarded_by: forwarded_by.unwrap_or_default(),
    }
}

/// The items of a list, each read; every item that does not read is a fault.
fn items<T>(name: &str, text: Option<&str>, faults: &mut Faults) -> Vec<T>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let mut read = Vec::new();
    for item in list(text) {
        match item.parse() {
            Ok(value) => read.push(value),
            Err(error) => faults.add(name, format!("{item:?}: {error}.")),
        }
    }
    read
}

fn upstream(args: &ServerArgs, faults: &mut Faults) -> UpstreamRules {
    UpstreamRules {
        private: faults.keep(
            "PORTCULLIS_ALLOW_PRIVATE_UPSTREAMS",
            boolean(args.allow_private_upstreams.as_deref()),
            false,
        ),
        plain_http: faults.keep(
            "PORTCULLIS_ALLOW_PLAIN_HTTP_UPSTREAMS",
            boolean(args.allow_plain_http_upstreams.as_deref()),
            false,
        ),
    }
}

fn calls(args: &ServerArgs, faults: &mut Faults) -> CallTimes {
    const UNKNOWN: &str = "PORTCULLIS_CALL_UNKNOWN_SECONDS";
    let most = number(args.call_seconds.as_deref(), 1, CALL_SECONDS_MAX, CALL_SECONDS_DEFAULT);
    let most = faults.keep("PORTCULLIS_CALL_SECONDS", most, CALL_SECONDS_DEFAULT);
    let unknown = number(args.call_unknown_seconds.as_deref(), 2, CALL_UNKNOWN_SECONDS_MAX, most * 2);
    let unknown = faults.keep(UNKNOWN, unknown, most * 2);
    if unknown <= most {
        faults.add(
            UNKNOWN,
            format!("a call may take {most} s (PORTCULLIS_CALL_SECONDS); give more than that."),
        );
    }
    CallTimes { most: Duration::from_secs(most), unknown_after: Duration::from_secs(unknown) }
}

fn webhooks_private(args: &ServerArgs, faults: &mut Faults) -> bool {
    let allowed = boolean(args.webhooks_allow_private.as_deref());
    faults.keep("PORTCULLIS_WEBHOOKS_ALLOW_PRIVATE", allowed, false)
}

fn connections(args: &ServerArgs, faults: &mut Faults) -> (u32, u32) {
    let mut count = |name: &str, text: &Option<String>, least: u32, default: u32| {
        let read = number(text.as_deref(), least.into(), CONNECTIONS_MAX.into(), default.into());
        u32::try_from(faults.keep(name, read, default.into())).unwrap_or(default)
    };
    (
        count(
            "PORTCULLIS_APP_CONNECTIONS",
            &args.app_connections,
            APP_CONNECTIONS_MIN,
            APP_CONNECTIONS_DEFAULT,
        ),
        count(
            "PORTCULLIS_SYSTEM_CONNECTIONS",
            &args.system_connections,
            SYSTEM_CONNECTIONS_MIN,
            SYSTEM_CONNECTIONS_DEFAULT,
        ),
    )
}

fn telemetry(args: &ServerArgs, terminal: bool, faults: &mut Faults) -> Telemetry {
    let forms = [("json", LogFormat::Json), ("text", LogFormat::Text)];
    let format = faults.keep("PORTCULLIS_LOG_FORMAT", one_of(args.log_format.as_deref(), &forms), None);
    let filter =
        args.log.clone().filter(|text| !text.is_empty()).unwrap_or_else(|| FILTER_DEFAULT.to_owned());
    // Its parser cuts text at bytes and panics amid a character; targets and levels are plain anyway.
    if !filter.is_ascii() {
        faults.add("PORTCULLIS_LOG", "not a log filter: it has characters beyond ASCII.");
    } else if let Err(error) = tracing_subscriber::EnvFilter::try_new(&filter) {
        faults.add("PORTCULLIS_LOG", format!("not a log filter: {error}."));
    }
    Telemetry {
        format: format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json }),
        filter,
        otlp_endpoint: faults.keep(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            parse::base_url(args.otlp_endpoint.as_deref()),
            None,
        ),
    }
}
