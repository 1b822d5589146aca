//! `portcullis doctor`: each thing it can find is brought about for real, and it names it, in words and in JSON, and says by
//! its exit status whether something must be put right.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use serde_json::Value;
use sqlx::Connection as _;

use crate::crash::zones::{Site, Zone};
use crate::house::process::{Env, Folder, Process, Ran, command};
use crate::house::{Database, House, Tenant, execute, run};

/// What an answer must have among its checks.
struct Finding {
    /// The name of the check.
    what: &'static str,
    grade: &'static str,
    /// Words of what was found.
    says: String,
}

fn finding(what: &'static str, grade: &'static str, says: impl Into<String>) -> Finding {
    Finding { what, grade, says: says.into() }
}

/// What it says to a program, and to a person.
async fn asked(env: &[(String, String)]) -> (Ran, Ran) {
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (&**name, &**value)).collect();
    (command(&["doctor", "--json"], &env).await, command(&["doctor"], &env).await)
}

async fn looked(env: &[(String, String)], expected: &Finding, exits: i32) {
    judge(&asked(env).await, expected, exits);
}

/// Both say what was expected.
fn judge((report, told): &(Ran, Ran), expected: &Finding, exits: i32) {
    let Finding { what, grade, says } = expected;
    assert_eq!(report.code, Some(exits), "{what}, {says}: {} {}", report.out, report.err);
    let json: Value = serde_json::from_str(&report.out).unwrap_or_else(|error| panic!("{error}: {report:?}"));
    assert_eq!(json["healthy"], exits == 0, "{json:#}");
    let checks = json["checks"].as_array().expect("checks");
    let found = checks.iter().find(|check| {
        check["what"] == *what
            && check["grade"] == *grade
            && check["found"].as_str().is_some_and(|found| found.contains(says))
    });
    let found = found.unwrap_or_else(|| panic!("no {grade} {what} that says {says:?}: {json:#}"));
    let advice = found["advice"].as_str();
    assert_eq!(advice.is_some(), *grade != "good", "what is not good comes with advice: {found}");

    assert_eq!(told.code, Some(exits), "{}", told.out);
    let mark = match *grade {
        "good" => "ok  ",
        "note" => "note",
        _ => "BAD ",
    };
    // What takes several lines goes on further in.
    let check = format!("{mark}  {what:<16} ");
    let text = told.out.replace("\n      ", " ");
    let line = text.lines().find(|seen| seen.starts_with(&check) && seen.contains(says));
    assert!(line.is_some(), "no line of {what} that says {says:?}:\n{}", told.out);
    assert!(advice.is_none_or(|advice| told.out.contains(advice)), "{}", told.out);
    let verdict = told.out.lines().last().unwrap_or_default();
    assert_eq!(verdict == "Nothing stands in the way of a start.", exits == 0, "{verdict}");
}

/// The settings of a server that has nothing to put right, over a database of its own.
struct Sound {
    folder: Folder,
    database: Database,
}

impl Sound {
    async fn make(house: &'static House, purpose: &str) -> Self {
        let database = house.database(purpose).await;
        let vault = database.vault().await.expect("served");
        Tenant::make(&vault, purpose).await;
        vault.close();
        Self { folder: Folder::new(purpose), database }
    }

    fn env(&self, changed: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut env: Vec<(String, String)> = vec![
            ("PORTCULLIS_LISTEN".into(), "127.0.0.1:0".into()),
            ("PORTCULLIS_DATA_DIR".into(), self.folder.path().display().to_string()),
            ("DATABASE_URL".into(), self.database.superuser_url()),
        ];
        env.extend(self.database.environment().map(|(name, value)| (name.to_owned(), value)));
        for (name, value) in changed {
            env.retain(|(there, _)| there != name);
            if !value.is_empty() {
                env.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        env
    }
}

#[test]
fn a_sound_house_has_nothing_to_put_right() {
    run(async |house| {
        let sound = Sound::make(house, "doctor_sound").await;
        let answers = asked(&sound.env(&[])).await;
        for expected in [
            finding("settings", "good", "every value reads"),
            finding("address", "good", "127.0.0.1:0 is free"),
            finding("TLS", "good", "not needed"),
            finding("data directory", "good", "is the server's own"),
            finding("ENCRYPTION_KEY", "good", "given"),
            finding("database", "good", "PostgreSQL 18"),
            finding("durability", "note", "for no other machine"),
            finding("clock", "good", "the same as the database's"),
            finding("schema", "good", "up to date"),
            finding("gates", "good", "keeps tenants apart"),
            finding("audit logs", "good", "no alarm"),
            finding("mail", "note", "no mail server is configured"),
        ] {
            judge(&answers, &expected, 0);
        }
    });
}

/// Settings that differ, what is found then, and the exit code.
type Changed<'a> = (Env<'a>, Finding, i32);

#[test]
fn what_is_wrong_with_settings_and_addresses_is_named() {
    run(async |house| {
        let sound = Sound::make(house, "doctor_settings").await;
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let taken = taken.local_addr().expect("an address").to_string();
        // Kept for documentation (RFC 5737): no machine has it.
        let elsewhere = "192.0.2.1:8080";
        let cases: &[Changed<'_>] = &[
            (&[("PORTCULLIS_LISTEN", "soon")], finding("settings", "bad", "PORTCULLIS_LISTEN"), 1),
            (&[("PORTCULLIS_USER", "nobody-of-that-name")], finding("account", "bad", "no account"), 1),
            (&[("PORTCULLIS_LISTEN", &taken)], finding("address", "note", "is taken"), 0),
            (&[("PORTCULLIS_LISTEN", elsewhere)], finding("address", "bad", elsewhere), 1),
            (&[("PORTCULLIS_METRICS_LISTEN", &taken)], finding("metrics address", "note", "is taken"), 0),
            (&[("PORTCULLIS_METRICS_LISTEN", elsewhere)], finding("metrics address", "bad", elsewhere), 1),
            (&[("PORTCULLIS_METRICS_LISTEN", "0.0.0.0:0")], finding("TLS", "note", "without a key"), 0),
            (&[("PORTCULLIS_LISTEN", "0.0.0.0:0")], finding("TLS", "bad", "reached from other machines"), 1),
            (&[("PORTCULLIS_LISTEN", "[::]:0")], finding("TLS", "bad", "reached from other machines"), 1),
            (
                &[("PORTCULLIS_LISTEN", "0.0.0.0:0"), ("PORTCULLIS_PUBLIC_URL", "http://localhost:8080")],
                finding("TLS", "bad", "reached from other machines"),
                1,
            ),
            (
                &[("PORTCULLIS_PUBLIC_URL", "http://portcullis.example.com")],
                finding("TLS", "bad", "everybody on the way reads"),
                1,
            ),
            (
                &[
                    ("PORTCULLIS_LISTEN", "0.0.0.0:0"),
                    ("PORTCULLIS_PUBLIC_URL", "https://portcullis.example.com"),
                ],
                finding("TLS", "good", "let the proxy alone reach it"),
                0,
            ),
            (
                &[("PORTCULLIS_PUBLIC_URL", "https://portcullis.example.com")],
                finding("TLS", "good", "by a proxy on this machine"),
                0,
            ),
        ];
        for (env, expected, exits) in cases {
            looked(&sound.env(env), expected, *exits).await;
        }
    });
}

#[test]
fn what_letters_and_events_wait_for_is_named() {
    run(async |house| {
        let sound = Sound::make(house, "doctor_mail").await;
        // Entries have their place in the log once a server has run.
        assert!(Process::serve(&sound.database, &[]).await.stop().await.success());
        let (nowhere, somewhere) = (sound.folder.join("nowhere/there"), sound.folder.join("there"));
        let nonsense = sound.folder.join("ca.pem");
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(&nonsense, pem).expect("written");
        let smtp = format!("smtps://127.0.0.1:1?ca={nonsense}");
        let from = ("PORTCULLIS_MAIL_FROM", "portcullis@example.com");
        let plain = ("PORTCULLIS_SMTP_URL", "smtp://127.0.0.1:1?tls=none");
        let cases: &[Changed<'_>] = &[
            (&[plain, from], finding("mail", "note", "127.0.0.1:1"), 0),
            (&[plain, from], finding("mail", "note", "PORTCULLIS_PUBLIC_URL is not set"), 0),
            (
                &[("PORTCULLIS_SIEM_SYSLOG", "tcp://127.0.0.1:1")],
                finding("collector", "note", "127.0.0.1:1"),
                0,
            ),
            (&[("PORTCULLIS_SMTP_URL", &smtp), from], finding("mail", "bad", "certificate"), 1),
            (
                &[("PORTCULLIS_SIEM_SYSLOG", "tls://127.0.0.1:1"), ("PORTCULLIS_SIEM_CA", &nonsense)],
                finding("collector", "bad", "certificate"),
                1,
            ),
            (&[("PORTCULLIS_SIEM_FILE", &somewhere)], finding("collector", "good", "has its folder"), 0),
            (&[("PORTCULLIS_SIEM_FILE", &somewhere)], finding("collector", "note", "events wait for"), 0),
            (&[("PORTCULLIS_SIEM_FILE", &nowhere)], finding("collector", "note", "has no folder"), 0),
        ];
        for (env, expected, exits) in cases {
            looked(&sound.env(env), expected, *exits).await;
        }
    });
}

/// An account that is not root, and its number.
fn somebody(house: &House) -> u32 {
    std::fs::metadata(house.socket_dir()).expect("the socket's directory").uid()
}

#[test]
fn a_data_directory_that_is_not_the_servers_is_named() {
    run(async |house| {
        let sound = Sound::make(house, "doctor_data").await;
        let at = |path: &str| sound.env(&[("PORTCULLIS_DATA_DIR", path)]);
        let file = sound.folder.join("file");
        std::fs::write(&file, "").expect("a file");
        looked(&at(&file), &finding("data directory", "bad", "is no directory"), 1).await;
        let below = sound.folder.join("file/below");
        looked(&at(&below), &finding("data directory", "bad", &below), 1).await;
        let new = sound.folder.join("new/deep");
        looked(&at(&new), &finding("data directory", "good", "can be made"), 0).await;
        let open = sound.folder.join("open");
        std::fs::create_dir(&open).expect("a directory");
        for mode in [0o777, 0o1777, 0o775] {
            std::fs::set_permissions(&open, std::fs::Permissions::from_mode(mode)).expect("permissions");
            looked(&at(&open), &finding("data directory", "bad", format!("(mode {mode:o})")), 1).await;
        }
        if !rustix::process::geteuid().is_root() {
            eprintln!("left out: only root can give a directory away, and these tests do not run as root");
            std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o555)).expect("permissions");
            looked(&at(&open), &finding("data directory", "bad", "may not make files in"), 1).await;
            let below = format!("{open}/below");
            looked(&at(&below), &finding("data directory", "bad", "cannot be made"), 1).await;
            return;
        }
        others(house, &sound).await;
    });
}

/// What only root can bring about: directories of somebody else's.
async fn others(house: &'static House, sound: &Sound) {
    let uid = somebody(house);
    let passwd = std::fs::read_to_string("/etc/passwd").expect("accounts");
    let name = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let name =
        name.into_iter().find(|fields| fields[2] == uid.to_string()).expect("an account")[0].to_owned();
    let as_somebody = |path: &str| sound.env(&[("PORTCULLIS_DATA_DIR", path), ("PORTCULLIS_USER", &name)]);
    let dir = |name: &str, owner: u32, mode: u32| {
        let path = sound.folder.join(name);
        std::fs::create_dir(&path).expect("a directory");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("permissions");
        chown(&path, Some(owner), None).expect("given away");
        path
    };
    let (roots, theirs) = (dir("roots", 0, 0o755), dir("theirs", uid, 0o700));
    let foreign = dir("foreign", uid + 1, 0o777);
    looked(&as_somebody(&theirs), &finding("data directory", "good", "is the server's own"), 0).await;
    let unwritable = finding("data directory", "bad", format!("user {uid} may not make files in {roots}"));
    looked(&as_somebody(&roots), &unwritable, 1).await;
    let replaced = format!("belongs to user {}, who can replace", uid + 1);
    looked(&as_somebody(&foreign), &finding("data directory", "bad", replaced), 1).await;
    let not_made = finding("data directory", "bad", "cannot be made");
    looked(&as_somebody(&format!("{roots}/deeper")), &not_made, 1).await;
    let root_instead = finding("data directory", "note", "and the server would run as root");
    looked(&sound.env(&[("PORTCULLIS_DATA_DIR", &theirs)]), &root_instead, 0).await;
    // The heads of an earlier server, which was root.
    std::fs::create_dir(Path::new(&theirs).join("heads")).expect("a directory");
    let heads = finding("data directory", "bad", format!("may not make files in {theirs}/heads"));
    looked(&as_somebody(&theirs), &heads, 1).await;
}

#[test]
fn what_is_wrong_with_a_database_is_named() {
    run(async |house| {
        let foreign = "insert into portcullis._sqlx_migrations (version, description, success, checksum, execution_time) \
                       values (9999, 'of another program', true, '\\x00', 0)";
        // Without a trace in the log, as somebody with the rights of a superuser would.
        let alarm = "set session_replication_role = replica; insert into portcullis.audit_alarm (tenant_id, id, kind, detail, raised_at) \
                     select tenant_id, gen_random_uuid(), 'head_lost', 'shorter than before', now() \
                     from portcullis.audit_log limit 1";
        let logs = "insert into portcullis.audit_log (tenant_id, origin, public_key, seed_sealed, created_at) \
                    select '019a0000-0000-7000-8000-000000000000', 'example.com/x', decode(repeat('00', 32), 'hex'), '', now() \
                    where not exists (select from portcullis.audit_log)";
        let cases: Vec<(String, Finding, i32)> = vec![
            ("drop schema portcullis cascade".into(), finding("schema", "bad", "there is none"), 1),
            (
                "delete from portcullis._sqlx_migrations where version = \
                 (select max(version) from portcullis._sqlx_migrations)"
                    .into(),
                finding("schema", "bad", "migrations"),
                1,
            ),
            (foreign.into(), finding("schema", "bad", "migration 9999 is not of this program"), 1),
            (
                "alter table portcullis.agent disable row level security".into(),
                finding("gates", "bad", "Table agent has row-level security switched off"),
                1,
            ),
            (
                "alter database {database} set synchronous_commit = off".into(),
                finding("durability", "bad", "synchronous_commit is off"),
                1,
            ),
            (
                "alter database {database} set extension_control_path = '/nowhere'".into(),
                finding("pgvector", "note", "not installed"),
                0,
            ),
            (
                // A database that takes it for an hour ago.
                "create schema late; grant usage on schema late to public; \
                 create function late.clock_timestamp() returns timestamptz language sql as \
                     $$ select pg_catalog.clock_timestamp() - interval '1 hour' $$; \
                 alter database {database} set search_path = late, pg_catalog"
                    .into(),
                finding("clock", "bad", "s apart from the database's"),
                1,
            ),
            (format!("{logs}; {alarm}"), finding("audit logs", "bad", "head_lost of"), 1),
        ];
        for (number, (broken, expected, exits)) in cases.into_iter().enumerate() {
            let sound = Sound::make(house, &format!("doctor_db{number}")).await;
            let broken = broken.replace("{database}", sound.database.name());
            let mut superuser = sound.database.superuser().await;
            execute(&mut superuser, &broken).await.unwrap_or_else(|error| panic!("{broken}: {error}"));
            superuser.close().await.expect("closed");
            looked(&sound.env(&[]), &expected, exits).await;
        }
        let sound = Sound::make(house, "doctor_login").await;
        let other_key = "BAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiM=";
        for (changed, expected) in [
            (
                ("DATABASE_URL", "postgres://somebody@127.0.0.1:1/x"),
                finding("database", "bad", "no connection"),
            ),
            (("ENCRYPTION_KEY", ""), finding("ENCRYPTION_KEY", "bad", "not set")),
            (("ENCRYPTION_KEY", other_key), finding("gates", "bad", "ENCRYPTION_KEY")),
        ] {
            looked(&sound.env(&[changed]), &expected, 1).await;
        }
        let half = sound.env(&[("DATABASE_URL", ""), ("DATABASE_SYSTEM_URL", "")]);
        looked(&half, &finding("database", "bad", "no database is named"), 1).await;
    });
}

#[test]
fn a_database_that_does_not_wait_for_its_disk_is_named() {
    run(async |house| {
        let sound = Sound::make(house, "doctor_disk").await;
        let folder = Folder::new("doctor_zone");
        let site = Site::of(house);
        let mut zone = Zone::at(&site, &folder, "z", 7431);
        zone.make().await;
        zone.start(None).await;
        let mut superuser = zone.try_login("postgres").await.expect("a login");
        execute(&mut superuser, "alter system set fsync = off").await.expect("set");
        execute(&mut superuser, "select pg_reload_conf()").await.expect("read again");
        drop(superuser);
        let socket = folder.join("z").replace('/', "%2F");
        let url = format!("postgres://postgres@localhost/postgres?host={socket}&port=7431&sslmode=disable");
        let env = sound.env(&[("DATABASE_URL", &url)]);
        looked(&env, &finding("durability", "bad", "does not wait for its disk"), 1).await;
        zone.kill().await;
    });
}

#[test]
fn what_is_wrong_with_the_embedded_house_is_named() {
    run(async |house| {
        let folder = Folder::new("doctor_up");
        let data = folder.path().display().to_string();
        let bin = house.home().bin_dir().display().to_string();
        let env = |changed: &[(&str, &str)]| {
            let mut env: Vec<(String, String)> = [
                ("PORTCULLIS_LISTEN", "127.0.0.1:0"),
                ("PORTCULLIS_DATA_DIR", &*data),
                ("PORTCULLIS_PG_BIN", &*bin),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
            for (name, value) in changed {
                env.retain(|(there, _)| there != name);
                env.push(((*name).to_owned(), (*value).to_owned()));
            }
            env
        };
        looked(&env(&[]), &finding("data", "note", "nothing in"), 0).await;
        looked(&env(&[]), &finding("ENCRYPTION_KEY", "note", "none yet"), 0).await;
        let no_bin = folder.join("no-bin");
        let not_there = env(&[("PORTCULLIS_PG_BIN", &no_bin), ("PATH", "/nowhere")]);
        looked(&not_there, &finding("PostgreSQL", "note", "no-bin: "), 0).await;
        looked(&not_there, &finding("PostgreSQL", "note", "none that can be used"), 0).await;

        assert!(Process::up(house, folder.path(), &[]).await.stop().await.success());
        looked(&env(&[]), &finding("data", "good", "a PostgreSQL 18 cluster in"), 0).await;
        looked(&env(&[]), &finding("gates", "good", "keeps tenants apart"), 0).await;

        let key = folder.path().join("encryption.key");
        let kept = std::fs::read(&key).expect("a key");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("permissions");
        looked(&env(&[]), &finding("ENCRYPTION_KEY", "bad", "readable by others"), 1).await;
        std::fs::remove_file(&key).expect("removed");
        looked(&env(&[]), &finding("ENCRYPTION_KEY", "bad", "is gone"), 1).await;
        std::fs::write(&key, "nonsense").expect("written");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("permissions");
        looked(&env(&[]), &finding("ENCRYPTION_KEY", "bad", "holds no usable key"), 1).await;
        std::fs::write(&key, kept).expect("written");

        let control = folder.path().join("cluster/data/global/pg_control");
        let away = folder.path().join("pg_control");
        std::fs::rename(&control, &away).expect("moved");
        looked(&env(&[]), &finding("database", "bad", "PostgreSQL"), 1).await;
        std::fs::rename(&away, &control).expect("moved back");
        std::fs::write(folder.path().join("cluster/data/PG_VERSION"), "nonsense").expect("written");
        looked(&env(&[]), &finding("data", "bad", "PG_VERSION"), 1).await;
    });
}
