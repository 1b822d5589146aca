//! Heads of logs: anchored in the instance's log, shown to witnesses by the server itself, and compared before each
//! signature with what was signed before, so that a restored backup is noticed.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use crate::house::process::{Folder, Process, command, program};
use crate::house::web::Web;
use crate::house::{Database, Tenant, run, soon};
use crate::outsiders::python;

/// Longest wait for witnesses to have seen a head: one is signed every second, and looked for every two.
const SEEN_SECONDS_MAX: u64 = 30;

/// How it stands with the witnesses, once enough of them have seen at least so many entries of the instance's log.
async fn seen(web: &Web, size: u64) -> Value {
    let wait = async {
        loop {
            let standing = web.get("/api/v1/audit/witnesses").await.expect(200).json();
            let head = &standing["head"];
            if head["witnessed"] == true && head["size"].as_u64().is_some_and(|seen| seen >= size) {
                return standing;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(SEEN_SECONDS_MAX), wait).await.expect("witnesses saw it")
}

async fn export(server: &Process, key: &str, into: &str) {
    let arguments = ["audit", "export", "--url", &server.url, "--out", into];
    command(&arguments, &[("PORTCULLIS_API_KEY", key)]).await.exited(0);
}

/// The report on an exported folder, when it exits with `code`.
async fn verified(folder: &str, policy: Option<&str>, code: i32) -> Value {
    let mut arguments = vec!["verify", folder, "--json"];
    arguments.extend(policy.map(|policy| ["--policy", policy]).into_iter().flatten());
    let said = command(&arguments, &[]).await.exited(code);
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// Grows a log and waits until its head is signed.
async fn grow(web: &Web, calls: usize) -> u64 {
    for _ in 0..calls {
        web.get("/api/v1/projects").await.expect(200);
    }
    web.post_empty("/api/v1/audit/checkpoints").await.expect(201).json()["size"].as_u64().expect("a size")
}

#[test]
fn witnesses_see_the_heads_of_all_logs_through_one() {
    run(async |house| {
        let folder = Folder::new("anchors");
        let database = house.database("anchors").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "anchors").await;
        let key = tenant.owner_key.expose().to_owned();
        let every_second = ("PORTCULLIS_CHECKPOINT_SECONDS", "1");

        // Without witnesses there is an anchor all the same: the instance's log holds the head.
        let server = Process::serve(&database, &[every_second]).await;
        let web = server.web(key.clone());
        grow(&web, 3).await;
        let alone = folder.join("alone");
        export(&server, &key, &alone).await;
        let report = verified(&alone, None, 0).await;
        let anchor = &report["report"]["anchor"];
        assert!(anchor["size"].as_u64().is_some_and(|size| size > 3), "{report}");
        let standing = web.get("/api/v1/audit/witnesses").await.expect(200).json();
        assert_eq!((&standing["configured"], &standing["witnesses"]), (&false.into(), &Value::Array(vec![])));
        let instance = standing["head"]["vkey"].as_str().expect("a key").to_owned();
        assert_eq!(anchor["by"], instance.split('+').next().expect("a name"));
        assert!(server.stop().await.success());

        let Witnesses { ours, theirs, policy } = witnesses(&folder, &instance).await;

        let witnessed = ("PORTCULLIS_WITNESS_POLICY", policy.as_str());
        let server = Process::serve(&database, &[every_second, witnessed]).await;
        let web = server.web(key.clone());
        let size = grow(&web, 3).await;
        let standing = seen(&web, 1).await;
        let names: Vec<&str> = standing["witnesses"]
            .as_array()
            .expect("two")
            .iter()
            .filter_map(|one| one["name"].as_str())
            .collect();
        assert_eq!(names, ["ours", "theirs"], "{standing}");
        // The instance's log grows with each head of this one; wait for one that holds the newest.
        let needed = standing["head"]["size"].as_u64().expect("a size") + 1;
        grow(&web, 1).await;
        seen(&web, needed).await;
        let log = folder.join("log");
        export(&server, &key, &log).await;
        let report = verified(&log, Some(&policy), 0).await;
        let anchor = &report["report"]["anchor"];
        assert_eq!(anchor["witnesses"].as_array().map(Vec::len), Some(2), "{report}");
        assert!(anchor["size"].as_u64().is_some_and(|anchored| anchored >= size), "{report}");
        assert!(
            report["proves"].as_str().is_some_and(|words| words.contains("witnesses have seen")),
            "{report}"
        );
        // The same proof, asked for by itself.
        let proof = folder.join("anchor.tlog-proof");
        std::fs::write(&proof, web.get("/api/v1/audit/anchor").await.expect(200).body).expect("written");
        let said = command(&["verify", &proof, "--policy", &policy], &[]).await.exited(0);
        assert!(said.contains("log.checkpoint") && said.contains("Witnessed"), "{said}");

        // An anchor that was altered, and an entry below it.
        forge(&log).await;
        // Who has not seen a head from the witnesses trusts nothing.
        let report = verified(&alone, Some(&policy), 3).await;
        assert!(report.to_string().contains("witnesses_missing"), "{report}");
        assert!(server.stop().await.success());
        theirs.kill().await;
        ours.kill().await;
    });
}

/// Two witnesses of the one log of logs, and whom to believe.
struct Witnesses {
    ours: Process,
    theirs: Process,
    policy: String,
}

/// Ours, and somebody else's.
async fn witnesses(folder: &Folder, instance: &str) -> Witnesses {
    let mut ours = program(&["witness", "--json", "--listen", "127.0.0.1:0"]);
    ours.args(["--state", &folder.join("ours"), "--name", "witness.example.org/ours", "--log", instance]);
    let ours = Process::start(ours, true).await;
    let venv = crate::sdks::virtual_environment("tlog", &python().await, "requirements-tlog.txt").await;
    let mut theirs = Command::new(venv.join("bin/python"));
    theirs.arg(crate::sdks::script("witness.py")).args(["serve", &folder.join("theirs"), instance]);
    let theirs = Process::start(theirs, true).await;
    let line = |name: &str, witness: &Process| {
        format!("witness {name} {} {}\n", witness.said["vkey"].as_str().expect("a key"), witness.url)
    };
    let policy = folder.join("instance.policy");
    let text = format!(
        "log {instance}\n{}{}group both all ours theirs\nquorum both\n",
        line("ours", &ours),
        line("theirs", &theirs)
    );
    std::fs::write(&policy, text).expect("written");
    readable(&policy);
    Witnesses { ours, theirs, policy }
}

/// The server runs under the account of PostgreSQL.
fn readable(path: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    for place in [Path::new(path), Path::new(path).parent().expect("a folder")] {
        let mode = if place.is_dir() { 0o755 } else { 0o644 };
        std::fs::set_permissions(place, std::fs::Permissions::from_mode(mode)).expect("readable");
    }
}

async fn forge(log: &str) {
    let path = Path::new(log).join("anchor.tlog-proof");
    let good = std::fs::read_to_string(&path).expect("an anchor");
    let index = good.lines().find(|line| line.starts_with("index ")).expect("an index").to_owned();
    std::fs::write(&path, good.replace(&index, "index 0")).expect("written");
    let report = verified(log, None, 1).await;
    assert!(report.to_string().contains("anchor_bad"), "{report}");
    std::fs::write(&path, &good).expect("written");
    verified(log, None, 0).await;
}

/// Monitors follow the log through its epochs: under its present name, and with each event once.
async fn monitors_go_on(web: &Web, tenant: &Tenant, name: &str, forwarded: &str) {
    let events = web.get("/api/v1/audit/events?format=ocsf").await.expect(200).text();
    assert!(events.contains(&format!("\"{name}\"")), "{events}");
    let arrived = async {
        loop {
            let lines = std::fs::read_to_string(forwarded).unwrap_or_default();
            let began = |line: &&str| {
                line.contains(&tenant.id.to_string()) && line.contains("\"kind\":\"log.epoch_began\"")
            };
            let told = lines.lines().filter(began).count();
            assert!(told < 2, "{lines}");
            if told == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    soon("events go on to be forwarded", arrived).await;
}

/// A backup is put back: entries that were signed are gone, and the database knows nothing of it.
#[test]
fn a_restored_backup_is_noticed_and_goes_on_under_another_name() {
    run(async |house| {
        let folder = Folder::new("restored");
        let database = house.database("restored").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "restored").await;
        let key = tenant.owner_key.expose().to_owned();
        vault.close();
        let data = database.data_dir().display().to_string();
        let server = Process::serve(&database, &[]).await;
        let kept = grow(&server.web(key.clone()), 3).await;
        assert!(server.stop().await.success());
        let backup = database.restored().await;
        let server = Process::serve(&database, &[]).await;
        let signed = grow(&server.web(key.clone()), 5).await;
        let before = folder.join("before");
        export(&server, &key, &before).await;
        assert!(server.stop().await.success());
        assert!(signed > kept);

        // The backup, with what the machine remembers.
        let forwarded = folder.join("forwarded.jsonl");
        folder.open_to_all();
        let here = [("PORTCULLIS_DATA_DIR", data.as_str()), ("PORTCULLIS_SIEM_FILE", forwarded.as_str())];
        let server = Process::serve(&backup, &here).await;
        let web = server.web(key.clone());
        web.get("/api/v1/projects").await.expect(200);
        let refused = web.post_empty("/api/v1/audit/checkpoints").await.expect(503).json();
        assert!(refused["detail"].as_str().is_some_and(|why| why.contains("new-epoch")), "{refused}");
        // It goes on to be written; only nothing is signed.
        web.get("/api/v1/projects").await.expect(200);
        let environment = backup.environment();
        let mut env: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        env.push(("PORTCULLIS_DATA_DIR", &data));
        let operator = async |arguments: &[&str], code| {
            let said = command(&[&["operator", "--json"], arguments].concat(), &env).await.exited(code);
            serde_json::from_str::<Value>(&said).unwrap_or_default()
        };
        let alarms = operator(&["alarms"], 0).await;
        let of = |id: &str| {
            let alarms = alarms["alarms"].as_array().expect("a list");
            alarms.iter().find(|alarm| alarm["organization"] == id).cloned()
        };
        let alarm = of(&tenant.id.to_string()).expect("an alarm about this log");
        assert_eq!(alarm["alarm"], "head_lost");
        let about = alarm["detail"].as_str().expect("words");
        assert!(
            about.contains("entries were signed") || about.contains("not those that were signed"),
            "{about}"
        );
        operator(&["settle-alarm", "rows-changed", "--organization", &tenant.id.to_string()], 1).await;

        let begun = operator(&["new-epoch"], 0).await;
        assert!(begun["begun"].as_array().is_some_and(|logs| !logs.is_empty()), "{begun}");
        let note = web.post_empty("/api/v1/audit/checkpoints").await.expect(201).json();
        let name = note["vkey"].as_str().and_then(|vkey| vkey.split('+').next()).expect("a name").to_owned();
        assert!(name.ends_with(&format!("/log/{}/1", tenant.id)), "{name}");
        let told = web.get("/api/v1/audit/entries?kind=log.epoch_began").await.expect(200).json();
        let entry = &told["items"][0]["entry"]["data"];
        assert!(entry["lost_size"].as_u64().is_some_and(|lost| lost >= signed), "{told}");
        assert_eq!(entry["origin"], name);
        operator(&["new-epoch", "--organization", &tenant.id.to_string()], 1).await;
        assert_eq!(operator(&["alarms"], 0).await["alarms"].as_array().map(Vec::len), Some(0));

        monitors_go_on(&web, &tenant, &name, &forwarded).await;

        // What is left is whole, old heads and new; what was taken away before is not its past.
        let after = folder.join("after");
        export(&server, &key, &after).await;
        verified(&after, None, 0).await;
        assert!(server.stop().await.success());
        backup.verified().await.exited(0);
        let url = backup.superuser_url();
        let against = ["verify", "--database", &url, "--against", &before];
        let said = command(&against, &[]).await.exited(1);
        assert!(said.contains("export"), "{said}");
    });
}

/// The memory of heads is gone, as on a new machine: the witness still knows.
#[test]
fn a_witness_knows_what_a_new_machine_does_not() {
    run(async |house| {
        let folder = Folder::new("stranded");
        let database = house.database("stranded").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "stranded").await;
        let key = tenant.owner_key.expose().to_owned();
        vault.close();
        let server = Process::serve(&database, &[]).await;
        let web = server.web(key.clone());
        grow(&web, 2).await;
        let alone = folder.join("alone");
        export(&server, &key, &alone).await;
        let instance = std::fs::read_to_string(Path::new(&alone).join("instance.vkey")).expect("a key");
        assert!(server.stop().await.success());
        let backup = database.restored().await;

        let mut witness = program(&["witness", "--json", "--listen", "127.0.0.1:0"]);
        witness.args(["--state", &folder.join("witness"), "--log", instance.trim()]);
        let witness = Process::start(witness, true).await;
        let policy = folder.join("one.policy");
        let vkey = witness.said["vkey"].as_str().expect("a key");
        std::fs::write(&policy, format!("witness one {vkey} {}\nquorum one\n", witness.url))
            .expect("written");
        readable(&policy);
        let env = [("PORTCULLIS_WITNESS_POLICY", policy.as_str()), ("PORTCULLIS_CHECKPOINT_SECONDS", "1")];
        let server = Process::serve(&database, &env).await;
        let web = server.web(key.clone());
        grow(&web, 5).await;
        let size = seen(&web, 1).await["head"]["size"].as_u64().expect("a size");
        grow(&web, 5).await;
        seen(&web, size + 1).await;
        assert!(server.stop().await.success());

        // Another data directory: this machine has signed nothing yet.
        let server = Process::serve(&backup, &env).await;
        let refused =
            server.web(key.clone()).post_empty("/api/v1/audit/checkpoints").await.expect(503).json();
        assert!(refused["detail"].as_str().is_some_and(|why| why.contains("new-epoch")), "{refused}");
        let alarm = sqlx::query_scalar::<_, String>(
            "select detail from portcullis.audit_alarm where cleared_at is null",
        );
        let alarm = alarm.fetch_one(&mut look(&backup).await).await.expect("an alarm");
        assert!(alarm.contains("the witness has seen"), "{alarm}");
        assert!(server.stop().await.success());
        witness.kill().await;
    });
}

/// A row is edited behind the server's back: its own verifier finds it, and the alarm stays until the operator settles it.
#[test]
fn an_edited_row_raises_an_alarm() {
    run(async |house| {
        let database = house.database("alarmed").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "alarmed").await;
        vault.close();
        let key = tenant.owner_key.expose().to_owned();
        let server = Process::serve(&database, &[]).await;
        grow(&server.web(key.clone()), 3).await;
        assert!(server.stop().await.success());
        let edit = "set session_replication_role = replica; \
             update audit_entry set actor = 'service:somebody-else' where kind = 'project.listed'";
        sqlx::raw_sql(edit).execute(&mut look(&database).await).await.expect("edited");

        let server = Process::serve(&database, &[("PORTCULLIS_VERIFY_MINUTES", "1")]).await;
        let web = server.web(key.clone());
        let raised = async {
            loop {
                let found = web.get("/api/v1/audit/entries?kind=log.alarm").await.expect(200).json();
                if let Some(entry) = found["items"].get(0) {
                    return entry["entry"]["data"].clone();
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let raised = tokio::time::timeout(Duration::from_secs(SEEN_SECONDS_MAX), raised).await;
        let raised = raised.expect("an alarm");
        assert_eq!((raised["alarm"].as_str(), raised["findings"].as_u64()), (Some("rows_changed"), Some(3)));
        assert!(raised["entry"].is_string(), "{raised}");

        let environment = database.environment();
        let data = database.data_dir().display().to_string();
        let mut env: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        env.push(("PORTCULLIS_DATA_DIR", &data));
        let doctor = command(&["doctor"], &env).await;
        assert!(doctor.out.contains("rows_changed of"), "{doctor:?}");
        // The log is signed all the same: nobody's history was lost.
        web.post_empty("/api/v1/audit/checkpoints").await.expect(201);
        let organization = tenant.id.to_string();
        let settle = ["operator", "settle-alarm", "rows-changed", "--organization", &organization];
        command(&settle, &env).await.exited(0);
        let alarms = command(&["operator", "alarms"], &env).await.exited(0);
        assert_eq!(alarms, "There is no alarm.\n");
        let settled = web.get("/api/v1/audit/entries?kind=log.alarm_settled").await.expect(200).json();
        assert_eq!(settled["items"][0]["entry"]["data"]["alarm"], "rows_changed");
        assert!(server.stop().await.success());
    });
}

async fn look(database: &Database) -> sqlx::postgres::PgConnection {
    database.superuser().await
}
