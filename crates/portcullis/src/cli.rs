//! The command line.

use clap::{Parser, Subcommand};

use crate::archive::ArchiveArgs;
use crate::dev::DevCommand;
use crate::events::EventsArgs;
use crate::export::ExportArgs;
use crate::holds::HoldCommand;
use crate::mail::MailArgs;
use crate::operator::OperatorArgs;
use crate::packs::EvidenceCommand;
use crate::policy::PolicyCommand;
use crate::retention::RetentionArgs;
use crate::scan::PiiCommand;
use crate::settings::ServerArgs;
use crate::up::NameArgs;
use crate::verify::VerifyArgs;
use crate::witness::WitnessArgs;
use crate::witness::collect::CollectArgs;

const ABOUT: &str = "A server that stands between people, AI agents, model providers, tools and data";

const EXIT_CODES: &str = "\
Exit status: 0 done, 1 failed, 2 wrong usage or settings (every fault is named).";

const SECRETS: &str = "\
Secrets come from the environment only, because a command line can be read by others:
  ENCRYPTION_KEY         32 random bytes, base64 or hex (openssl rand -base64 32); or ENCRYPTION_KEY_FILE
  ENCRYPTION_KEY_OTHER   while the key is changed: the one before or after, which opens too; or ENCRYPTION_KEY_OTHER_FILE
  DATABASE_URL           the login that owns the database; TLS is required unless it is on this machine
  DATABASE_APP_URL       the application role's login; derived from the two above when not set
  DATABASE_SYSTEM_URL    the system role's login; derived likewise
  PORTCULLIS_API_KEYS    static list of keys: key=organization-id:role, separated by commas
  PORTCULLIS_PROVIDER_<NAME>_KEY   the key of a provider in PORTCULLIS_PROVIDERS
  PORTCULLIS_SMTP_URL    the mail server: smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host;
                         ?ca=/path/ca.pem trusts that authority alone, ?tls=none is for this machine only
  OPENAI_API_KEY         makes a provider `openai`; OPENAI_BASE_URL where it is elsewhere";

/// `portcullis …`
#[derive(Parser, Debug)]
#[command(name = "portcullis", version, about = ABOUT, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Start everything, with a PostgreSQL of its own; the way to try the product.
    #[command(after_help = help::up())]
    Up {
        /// Print one JSON object on standard output when ready, instead of text.
        #[arg(long)]
        json: bool,
        /// What the first run makes.
        #[command(flatten)]
        names: NameArgs,
        /// How to behave.
        #[command(flatten)]
        server: Box<ServerArgs>,
    },
    /// Serve, with a database of your own that `migrate` has prepared.
    #[command(after_help = help::serve())]
    Serve {
        /// How to behave.
        #[command(flatten)]
        server: Box<ServerArgs>,
    },
    /// Make roles and tables in the database of DATABASE_URL, or bring them up to date.
    #[command(after_help = help::migrate())]
    Migrate {
        /// Leave the passwords of the serving roles alone; without this they are derived from ENCRYPTION_KEY.
        #[arg(long)]
        keep_passwords: bool,
        /// Print a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Check that a log is what was signed: a folder, the proof of one entry or an evidence pack, offline, or a database.
    #[command(after_help = help::verify())]
    Verify(Box<VerifyArgs>),
    /// The audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Evidence packs: what the log shows for the controls of a framework, signed.
    #[command(subcommand)]
    Evidence(EvidenceCommand),
    /// Watch other instances' logs, as a witness (C2SP tlog-witness): cosign what continues, refuse what was rewritten.
    #[command(after_help = help::witness())]
    Witness(WitnessArgs),
    /// Show the letters of the outbox, newest first. Where no mail server is configured, they stay there.
    #[command(after_help = help::mail())]
    Mail(Box<MailArgs>),
    /// What only the operator may do, on the machine itself: administrators, closed accounts, keys of the instance.
    #[command(after_help = help::operator())]
    Operator(Box<OperatorArgs>),
    /// Look at this machine and the database, and say what is missing and what to do. Changes nothing.
    #[command(
        after_help = "Exit status: 0 nothing stands in the way of a start, 1 something must be put right."
    )]
    Doctor {
        /// Print a JSON object.
        #[arg(long)]
        json: bool,
        /// How to behave.
        #[command(flatten)]
        server: Box<ServerArgs>,
    },
    /// Personal data and credentials: find them in files, as the privacy gate does.
    #[command(subcommand)]
    Pii(PiiCommand),
    /// Policy packs: signed folders of policies that narrow what roles grant.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Print the description of the REST API (OpenAPI 3.1) as JSON.
    Openapi,
    /// API keys for the static list.
    #[command(subcommand)]
    Key(KeyCommand),
    /// For those who work on Portcullis itself.
    #[command(subcommand)]
    Dev(DevCommand),
}

/// What to do with the audit log.
#[derive(Subcommand, Debug)]
pub enum AuditCommand {
    /// Take the log of your organization away as a folder, and verify it.
    #[command(after_help = help::export())]
    Export(ExportArgs),
    /// Take events away for people's tools and security monitors: JSON Lines, CSV, OCSF, CEF; follow them as they happen.
    #[command(after_help = help::events())]
    Events(Box<EventsArgs>),
    /// Archive what is older than its organization's retention, and remove it from the database; for the operator.
    #[command(after_help = help::archive())]
    Archive(Box<ArchiveArgs>),
    /// Show how long the log of your organization is kept in the database, or change it.
    #[command(after_help = help::retention())]
    Retention(RetentionArgs),
    /// Legal holds: what keeps entries in the database, however old they are.
    #[command(subcommand)]
    Hold(HoldCommand),
    /// Show the checkpoint of an exported folder to witnesses, and keep their cosignatures in it.
    #[command(after_help = help::collect())]
    Witness(CollectArgs),
}

/// What to do with keys.
#[derive(Subcommand, Debug)]
pub enum KeyCommand {
    /// Make a key. It is known to nobody until it stands in PORTCULLIS_API_KEYS as key=organization-id:role.
    #[command(after_help = "Example:\n  portcullis key generate --env test")]
    Generate {
        /// What it is for, a part of its text: live, test or dev.
        #[arg(long, default_value = "live", value_parser = ["live", "test", "dev"])]
        env: String,
    },
}

/// The ends of the help texts.
mod help {
    pub(super) fn up() -> String {
        format!(
            "Examples:
  portcullis up
  portcullis up --listen 127.0.0.1:0 --data-dir ./try --json

The first start finds or fetches PostgreSQL, makes a cluster, an organization, an agent and two keys, and prints the
keys once. ENCRYPTION_KEY is made once and kept in <data-dir>/encryption.key (mode 0600) unless you set one: back it
up with the data. Started as root, the server stays root unless --user names an account; PostgreSQL never is.

{}

{}",
            super::SECRETS,
            super::EXIT_CODES
        )
    }

    pub(super) fn serve() -> String {
        format!(
            "Examples:
  DATABASE_URL=postgres://… ENCRYPTION_KEY=… portcullis serve --listen 0.0.0.0:8080
  portcullis serve --user portcullis

Refuses to start as root without --user, on a schema that is not its own (run migrate), on a database that would not
keep tenants apart, and with another ENCRYPTION_KEY than the database was set up with. Of DATABASE_URL it uses the
place and the TLS settings; it logs in as the two serving roles.

{}

{}",
            super::SECRETS,
            super::EXIT_CODES
        )
    }

    pub(super) fn verify() -> String {
        "Examples:
  portcullis verify ./log
  portcullis verify ./log --vkey log-key-from-elsewhere.txt --older last-month/checkpoint
  portcullis verify ./log --policy logs.policy
  portcullis verify 019a0000-0000-7000-8000-000000000000.tlog-proof --vkey log-key-from-elsewhere.txt
  portcullis verify evidence-soc2-2026-07-01-2026-10-01.zip --vkey log-key-from-elsewhere.txt --json
  portcullis verify --database --data-dir ./try
  portcullis verify --database --against ./log --json

Exit status: 0 intact, 1 damaged (what is wrong is listed) or not readable, 2 wrong usage, 3 no genuine checkpoint."
            .to_owned()
    }

    pub(super) fn witness() -> String {
        format!(
            "Examples:
  portcullis witness --state ./witness --name witness.example.org/portcullis --log \"$(cat log.vkey)\"
  portcullis witness --state ./witness --policy logs.policy --listen 0.0.0.0:8092 --json

Needs no database and no other service. Run it on another machine than the logs it watches, behind TLS, and give its key
(printed, and at /vkey) to the instance (--witness-policy) and to everybody who verifies. Proofs of rewritten logs are
kept in <state>/forks.

{}",
            super::EXIT_CODES
        )
    }

    pub(super) fn mail() -> String {
        "Examples:
  portcullis mail
  portcullis mail --data-dir ./try --json
  portcullis mail show 019a0000-0000-7000-8000-000000000000
  DATABASE_URL=postgres://… ENCRYPTION_KEY=… portcullis mail --limit 10

Uses the database of DATABASE_URL, else the embedded PostgreSQL in the data directory, which is started for as long as
this takes when it does not run. Letters are sealed: the instance's ENCRYPTION_KEY opens them.

Exit status: 0 printed, 1 failed or no such letter, 2 wrong usage or settings (every fault is named)."
            .to_owned()
    }

    pub(super) fn operator() -> String {
        "Examples:
  portcullis operator admins
  portcullis operator alarms --json
  portcullis operator new-epoch --data-dir ./try
  portcullis operator grant-admin someone@example.com
  portcullis operator disable someone@example.com --data-dir ./try
  portcullis operator erase-person someone@example.com --yes
  portcullis operator unlock someone@example.com
  portcullis operator reset-factors someone@example.com --public-url https://portcullis.example.com
  portcullis operator role someone@example.com provider_admin --organization 019a0000-0000-7000-8000-000000000000
  portcullis operator owner someone@example.com --organization 019a0000-0000-7000-8000-000000000000
  DATABASE_URL=postgres://… ENCRYPTION_KEY=… portcullis operator rotate-key signing --json
  DATABASE_URL=postgres://… ENCRYPTION_KEY=NEW ENCRYPTION_KEY_OTHER=OLD portcullis operator rewrap

Works on the database of DATABASE_URL, else on the embedded PostgreSQL in the data directory, beside servers that run:
they follow within a second. Every change is an entry of the audit log, by the system.

Exit status: 0 done, 1 failed or no such account or member, 2 wrong usage or settings (every fault is named)."
            .to_owned()
    }

    pub(super) fn export() -> String {
        "Example:
  PORTCULLIS_API_KEY=pcl_live_… portcullis audit export --url https://portcullis.example.com --out ./log

The key comes from PORTCULLIS_API_KEY and needs the permission audit:export. The folder is C2SP tlog-tiles, which other
people's verifiers read too. An earlier export of the same log is replaced only by one that continues it.

Exit status: 0 intact, 1 damaged or not finished, 2 wrong usage, 3 no genuine checkpoint."
            .to_owned()
    }

    pub(super) fn events() -> String {
        "Examples:
  portcullis audit events --format csv --since 2026-11-01T00:00:00Z --until 2026-12-01T00:00:00Z --out november.csv
  portcullis audit events --category access,keys --outcome refused
  portcullis audit events --format ocsf --follow --out /var/log/portcullis/events.ocsf

The key comes from PORTCULLIS_API_KEY and needs the permission audit:export; following what happens from now on needs
audit:read. A file that is there is gone on with after its last whole line. docs/events.md lists the kinds.

Exit status: 0 all there is was written, 1 the server refused or stayed away, 2 wrong usage."
            .to_owned()
    }

    pub(super) fn archive() -> String {
        "Examples:
  portcullis audit archive --archive-dir /var/lib/portcullis-archive
  DATABASE_URL=postgres://… ENCRYPTION_KEY=… portcullis audit archive --archive-dir ./archive --json

Entries that are older than their organization's retention and that no legal hold keeps are written to one folder for each
log (C2SP tlog-tiles), read again, verified, named by an entry of the log, and only then removed. Safe to cut off and to
run again. `portcullis verify <archive-dir>/<organization>` verifies a folder.

Exit status: 0 done, 1 something could not be archived (its rows stay), 2 wrong usage or settings."
            .to_owned()
    }

    pub(super) fn retention() -> String {
        "Examples:
  portcullis audit retention
  portcullis audit retention --days 3650 --json

The key comes from PORTCULLIS_API_KEY and needs the permission audit:read, and organization:manage to change anything. A
longer time counts at once, a shorter one 30 days later.

Exit status: 0 done, 1 the server refused or stayed away, 2 wrong usage."
            .to_owned()
    }

    pub(super) fn collect() -> String {
        "Example:
  portcullis audit witness --dir ./log --policy logs.policy

The policy (C2SP tlog-policy) says who the witnesses are and where:
  log portcullis/…/log/…+1f0a2b3c+AQ…
  witness auditor witness.example.org/portcullis+5d6e7f80+BA… https://witness.example.org
  quorum auditor

Exit status: 0 enough witnesses cosigned, 1 too few (each one's reason is named), 2 wrong usage."
            .to_owned()
    }

    pub(super) fn migrate() -> String {
        format!(
            "Example:
  DATABASE_URL=postgres://owner:…@db.example.com/portcullis?sslmode=verify-full ENCRYPTION_KEY=… portcullis migrate

Safe to run again, and from several places at once.

{}",
            super::EXIT_CODES
        )
    }
}
