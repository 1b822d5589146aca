//! Events forwarded to the operator's collectors: each log in its order, without a gap, whatever breaks in between.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use sqlx::Row as _;
use tokio::process::Command;

use crate::house::process::{Env, Folder, Process, command};
use crate::house::{Database, Tenant, run, soon};
use crate::sdks::{script, virtual_environment};

/// Entries of a log by their index, as first received.
type Received = BTreeMap<u64, Vec<u8>>;

async fn collector(folder: &Folder, flaky: bool) -> Process {
    let venv = virtual_environment("mail", Path::new("python3"), "requirements-mail.txt").await;
    let mut command = Command::new(venv.join("bin/python"));
    command.arg(script("syslog.py")).arg(folder.path());
    if flaky {
        command.arg("flaky");
    }
    Process::start(command, true).await
}

/// The folder is written to by the server, which runs under another account.
/// Entries of `tenant` in lines of JSON Lines; checks that each index comes first after the one before it.
fn received(tenant: &Tenant, lines: impl Iterator<Item = String>) -> Received {
    let mut found = Received::new();
    for line in lines {
        let Ok(value) = serde_json::from_str::<Value>(&line) else {
            // What a killed process left of a line comes again whole.
            continue;
        };
        if value["entry"]["tenant"] != tenant.id.to_string() {
            continue;
        }
        let (_, entry) = line.split_once(",\"entry\":").expect("an entry");
        let entry = entry.strip_suffix('}').expect("an object").as_bytes().to_vec();
        let index = value["index"].as_u64().expect("an index");
        if let Some(known) = found.get(&index) {
            assert_eq!(*known, entry);
        } else {
            assert_eq!(index, found.len() as u64, "nothing is left out: {line}");
            found.insert(index, entry);
        }
    }
    found
}

fn messages(folder: &Folder) -> impl Iterator<Item = String> + use<> {
    let text = std::fs::read_to_string(folder.path().join("messages")).unwrap_or_default();
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let lines: Vec<String> = text[..whole].lines().map(str::to_owned).collect();
    lines.into_iter().map(|line| {
        let message: String = serde_json::from_str(&line).expect("a JSON string");
        let (_, body) = message.split_once(" - {").expect("a message");
        format!("{{{body}")
    })
}

fn file_lines(path: &str) -> impl Iterator<Item = String> + use<> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

async fn stored(database: &Database, tenant: &Tenant) -> Vec<Vec<u8>> {
    let rows = sqlx::query(
        "select e.leaf from audit_leaf l join audit_entry e on e.tenant_id = l.tenant_id and e.id = l.entry_id \
         where l.tenant_id = $1::text::uuid order by l.seq",
    )
    .bind(tenant.id.to_string())
    .fetch_all(&mut database.superuser().await)
    .await
    .expect("leaves");
    rows.iter().map(|row| row.get("leaf")).collect()
}

async fn grow(server: &Process, tenants: &[&Tenant], entries: usize) {
    for _ in 0..entries {
        for tenant in tenants {
            server.web(tenant.owner_key.expose().to_owned()).get("/api/v1/projects").await.expect(200);
        }
    }
}

#[test]
fn every_log_arrives_in_its_order_through_kills_and_resets() {
    run(async |house| {
        let folder = Folder::new("siem");
        folder.open_to_all();
        let database = house.database("siem").await;
        let vault = database.vault().await.expect("served");
        let (one, other) = (Tenant::make(&vault, "one").await, Tenant::make(&vault, "other").await);
        vault.close();
        let collector = collector(&folder, true).await;
        let (ca, file) = (folder.join("ca.pem"), folder.join("events.jsonl"));
        let env: Env<'_> = &[
            ("PORTCULLIS_SIEM_SYSLOG", &collector.url),
            ("PORTCULLIS_SIEM_CA", &ca),
            ("PORTCULLIS_SIEM_FORMAT", "jsonl"),
            ("PORTCULLIS_SIEM_FILE", &file),
            ("PORTCULLIS_METRICS_LISTEN", "127.0.0.1:0"),
        ];
        for round in 0..3 {
            let server = Process::serve(&database, env).await;
            grow(&server, &[&one, &other], 10).await;
            if round == 1 {
                let there = async {
                    while !Path::new(&file).exists() {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                };
                soon("the file is there", there).await;
                // Whoever rotates the file renames it; the rest goes into a new one.
                std::fs::rename(&file, folder.join("rotated.jsonl")).expect("renamed");
            }
            server.kill().await;
        }
        let server = Process::serve(&database, env).await;
        grow(&server, &[&one, &other], 1).await;
        let rotated = folder.join("rotated.jsonl");
        let arrived = async {
            loop {
                let mut whole = true;
                for tenant in [&one, &other] {
                    let stored = stored(&database, tenant).await;
                    let by_syslog = received(tenant, messages(&folder));
                    let by_file = received(tenant, file_lines(&rotated).chain(file_lines(&file)));
                    for found in [by_syslog, by_file] {
                        let same = found.values().zip(&stored).all(|(found, stored)| found == stored);
                        assert!(same, "what arrives is what is stored");
                        whole &= found.len() == stored.len() && stored.len() > 31;
                    }
                }
                if whole {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        soon("everything has arrived", arrived).await;
        let doctor = [("PORTCULLIS_DATA_DIR", "/tmp")].into_iter().chain(env.iter().copied());
        let database_env = database.environment();
        let doctor: Vec<(&str, &str)> =
            doctor.chain(database_env.iter().map(|(name, value)| (*name, value.as_str()))).collect();
        let said = command(&["doctor", "--json"], &doctor).await.out;
        assert!(said.contains("has everything"), "{said}");
        assert!(server.stop().await.success());
    });
}

#[test]
fn a_collector_nobody_vouches_for_gets_nothing() {
    run(async |house| {
        let folder = Folder::new("siem-tls");
        folder.open_to_all();
        let database = house.database("siem_tls").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "tls").await;
        vault.close();
        let collector = collector(&folder, false).await;
        let other = folder.join("other.pem");
        let wrong: Env<'_> = &[("PORTCULLIS_SIEM_SYSLOG", &collector.url), ("PORTCULLIS_SIEM_CA", &other)];
        let server = Process::serve(&database, wrong).await;
        grow(&server, &[&tenant], 2).await;
        let told = async {
            while !server.written().contains("the connection could not be encrypted") {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        soon("the log of the machine says why", told).await;
        assert!(server.stop().await.success());
        assert_eq!(messages(&folder).count(), 0);
        // With the right authority, what waited arrives; in CEF, when nothing is said.
        let ca = folder.join("ca.pem");
        let right: Env<'_> = &[("PORTCULLIS_SIEM_SYSLOG", &collector.url), ("PORTCULLIS_SIEM_CA", &ca)];
        let server = Process::serve(&database, right).await;
        let arrived = async {
            loop {
                let text = std::fs::read_to_string(folder.path().join("messages")).unwrap_or_default();
                if text.contains("CEF:0|Portcullis|") && text.contains("|project.listed|") {
                    return text;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let text = soon("what waited arrives", arrived).await;
        assert!(text.contains("localhost portcullis - "), "{text}");
        assert!(server.stop().await.success());
    });
}
