//! Retention of the audit log: what is old leaves the database for a folder that anybody can verify, nothing that was signed
//! stops to hold, what is held stays, and what is cut off anywhere is finished by the next run without the loss of an entry.

use std::path::Path;
use std::time::Duration;

use gates::{Vault, VaultOptions};
use http::Method;
use kernel::EntryId;
use serde_json::{Value, json};

use crate::console::Browser;
use crate::house::members::Somebody;
use crate::house::process::{Folder, Process, Ran, command, program};
use crate::house::web::Web;
use crate::house::{Build, Database, Tenant, execute, run};
use crate::outsiders::rust_crates_verify;

/// Entries that a log is filled with: two whole bundles, and more.
pub(crate) const CALLS: usize = 560;
/// Calls at once while it is filled.
const CALLS_AT_ONCE: usize = 8;

pub(crate) async fn fill(web: &Web, calls: usize) {
    let filling = (0..CALLS_AT_ONCE).map(|_| {
        let web = web.clone();
        tokio::spawn(async move {
            for _ in 0..calls / CALLS_AT_ONCE {
                web.get("/api/v1/projects").await.expect(200);
            }
        })
    });
    for task in filling.collect::<Vec<_>>() {
        task.await.expect("filled");
    }
    web.post_empty("/api/v1/audit/checkpoints").await.expect(201);
}

/// The operator's command over a database.
async fn archive(database: &Database, into: &str) -> Ran {
    let environment = database.environment();
    let data = database.data_dir().display().to_string();
    let mut env: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    env.push(("PORTCULLIS_DATA_DIR", &data));
    command(&["audit", "archive", "--archive-dir", into, "--json"], &env).await
}

/// What it says when it did something, or nothing, with the log of this tenant.
async fn archived(database: &Database, into: &str, tenant: &Tenant) -> Option<Value> {
    let said: Value = serde_json::from_str(&archive(database, into).await.exited(0)).expect("a report");
    let own = |log: &&Value| log["organization"] == tenant.id.to_string();
    said["logs"].as_array().expect("logs").iter().find(own).cloned()
}

/// Lets everything be old at once, as a superuser can; no setting of the product allows it.
pub(crate) async fn age(database: &Database, tenant: &Tenant) {
    let sql = format!(
        "set session_replication_role = replica; \
         insert into audit_retention (tenant_id, days, changed_at) values ('{}', 0, now()) \
         on conflict (tenant_id) do update set days = 0, next_days = null, next_from = null",
        tenant.id
    );
    execute(&mut database.superuser().await, &sql).await.expect("old");
}

pub(crate) async fn count(database: &Database, sql: &str, tenant: &Tenant) -> i64 {
    let sql = sql.replace("$tenant", &tenant.id.to_string());
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_one(&mut database.superuser().await)
        .await
        .expect("a count")
}

pub(crate) const ROWS: &str = "select count(*) from audit_entry where tenant_id = '$tenant'";
const PERSONAL: &str = "select count(*) from audit_personal where tenant_id = '$tenant'";
pub(crate) const PLACES: &str = "select count(*) from audit_leaf where tenant_id = '$tenant'";
/// Places without a row.
pub(crate) const GONE: &str = "select count(*) from audit_leaf l where tenant_id = '$tenant' and not exists \
    (select from audit_entry e where e.tenant_id = l.tenant_id and e.id = l.entry_id)";

fn vkey(folder: &str) -> String {
    std::fs::read_to_string(Path::new(folder).join("log.vkey")).expect("the key").trim().to_owned()
}

pub(crate) struct Stage {
    pub(crate) database: Database,
    pub(crate) tenant: Tenant,
    pub(crate) key: String,
}

pub(crate) async fn stage(house: &'static crate::house::House, purpose: &str) -> Stage {
    let database = house.database(purpose).await;
    let vault = database.vault().await.expect("served");
    let tenant = Tenant::make(&vault, purpose).await;
    vault.close();
    let key = tenant.owner_key.expose().to_owned();
    Stage { database, tenant, key }
}

#[test]
fn what_is_old_is_archived_and_all_that_was_signed_still_holds() {
    run(async |house| {
        let folder = Folder::new("retention");
        let Stage { database, tenant, key } = stage(house, "retention").await;
        let server = Process::serve(&database, &[]).await;
        let web = server.web(key.clone());
        // Tokens are bound to the URL of who issued them.
        let vault = Vault::open(VaultOptions { issuer: server.url.clone(), ..database.options() }).await;
        let vault = vault.expect("served");
        let person = server.web(Somebody::owner(&vault, tenant.id).await.token(&vault).await);
        vault.close();
        // What an archived entry says about somebody goes with its row.
        let invited = json!({"address": "somebody@example.com", "role": "viewer"});
        person.post("/api/v1/invitations", &invited).await.expect(201);
        assert!(count(&database, PERSONAL, &tenant).await > 0);
        fill(&web, CALLS).await;
        let before = folder.join("before");
        export(&server, &key, &before).await.exited(0);
        let first = first_entry(&before);

        let shelf = folder.join("archive");
        assert_eq!(archived(&database, &shelf, &tenant).await, None, "nothing is old");
        age(&database, &tenant).await;
        held(&web, &person, &database, &shelf, &tenant).await;

        let done = archived(&database, &shelf, &tenant).await.expect("archived");
        let size = done["archived"].as_u64().expect("a size");
        assert!(size >= 512 && size.is_multiple_of(256), "{done}");
        assert_eq!((&done["removed"], done["added"].as_u64()), (&true.into(), Some(size)));
        assert_eq!(count(&database, GONE, &tenant).await.unsigned_abs(), size);
        assert_eq!(count(&database, PERSONAL, &tenant).await, 0);

        // The archive is a whole log to anybody, and continues what was signed before.
        let own = format!("{shelf}/{}", tenant.id);
        command(&["verify", &own, "--vkey", &vkey(&before)], &[]).await.exited(0);
        rust_crates_verify(own.as_ref(), &vkey(&before));
        // The database says where its beginning is, and is whole.
        let said = database.verified().await.exited(0);
        let where_it_is = format!("entries 0 to {} are in the archive {}", size - 1, tenant.id);
        assert!(said.contains(&where_it_is) && said.contains("cited by entry"), "{said}");

        still_holds(&server, &web, &first, &person).await;
        the_console_says_where(&database, &tenant, &first, size).await;
        the_command_line_holds(&server, &web, &person).await;
        let after = folder.join("after");
        let said = export(&server, &key, &after).await.exited(0);
        assert!(said.contains(&where_it_is), "{said}");
        let older = format!("{before}/checkpoint");
        command(&["verify", &after, "--vkey", &vkey(&before), "--older", &older], &[]).await.exited(0);

        // It goes on: more of the log follows into the same archive, whose beginning stays what was cited.
        fill(&web, 300).await;
        age(&database, &tenant).await;
        assert!(server.stop().await.success());
        let more = archived(&database, &shelf, &tenant).await.expect("archived");
        assert!(more["archived"].as_u64() > Some(size) && more["removed"] == true, "{more}");
        command(&["verify", &own, "--vkey", &vkey(&before), "--older", &older], &[]).await.exited(0);
        database.verified().await.exited(0);
        // A server starts over it, signs, and its own verification finds nothing.
        let server = Process::serve(&database, &[("PORTCULLIS_VERIFY_MINUTES", "1")]).await;
        let web = server.web(key);
        web.post_empty("/api/v1/audit/checkpoints").await.expect(201);
        let verified = async {
            while !server.written().contains("the audit logs were verified") {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), verified).await.expect("it verified");
        assert_eq!(web.entries("log.alarm").await, Vec::<Value>::new());
        assert!(server.stop().await.success());
        deletions_are_found(&database, &tenant).await;
    });
}

async fn export(server: &Process, key: &str, into: &str) -> Ran {
    let arguments = ["audit", "export", "--url", &server.url, "--out", into];
    command(&arguments, &[("PORTCULLIS_API_KEY", key)]).await
}

/// The id of the first entry of an exported log.
fn first_entry(folder: &str) -> String {
    let bundle = std::fs::read(Path::new(folder).join("tile/entries/000")).expect("a bundle");
    let (length, rest) = bundle.split_first_chunk::<2>().expect("a length");
    let leaf: Value =
        serde_json::from_slice(&rest[..usize::from(u16::from_be_bytes(*length))]).expect("an entry");
    leaf["id"].as_str().expect("an id").to_owned()
}

/// A hold over everything, then one over a time that begins later, keep what they are about.
async fn held(web: &Web, person: &Web, database: &Database, shelf: &str, tenant: &Tenant) {
    let hold = json!({"reason": "A court has asked for these records."});
    web.post("/api/v1/audit/holds", &hold).await.expect(403);
    let placed = person.post("/api/v1/audit/holds", &hold).await.expect(201).json();
    let standing = web.get("/api/v1/audit/retention").await.expect(200).json();
    assert_eq!((&standing["holds_standing"], &standing["archive"]), (&1.into(), &Value::Null));
    assert_eq!(archived(database, shelf, tenant).await, None, "the whole log is held");

    let lift = |hold: &Value| format!("/api/v1/audit/holds/{}/lift", hold["id"].as_str().expect("an id"));
    let why = json!({"reason": "The court has closed the case."});
    person.post(&lift(&placed), &why).await.expect(204);
    person.post(&lift(&placed), &why).await.expect(404);
    // From long before the log began: everything after that is held too.
    let since = json!({"reason": "A court has asked for these records.", "from": "2020-01-01T00:00:00Z"});
    let since = person.post("/api/v1/audit/holds", &since).await.expect(201).json();
    assert_eq!(
        archived(database, shelf, tenant).await,
        None,
        "all of it is younger than the hold's beginning"
    );
    person.post(&lift(&since), &why).await.expect(204);
    // A time that is over before the log began holds nothing younger; its beginning would, as order is by index.
    let listed = web.get("/api/v1/audit/holds").await.expect(200).json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2), "{listed}");
    assert_eq!(web.entries("audit.hold_placed").await.len(), 2);
    assert_eq!(web.entries("audit.hold_lifted").await.len(), 2 + 1, "with the failed one");
}

/// Proofs of kept entries, tiles, heads; and what is not here any more says where it is.
async fn still_holds(server: &Process, web: &Web, first: &str, person: &Web) {
    let answer = web.get("/api/v1/projects").await.expect(200);
    web.get(&format!("/api/v1/audit/entries/{}/proof", answer.entry())).await.expect(200);
    web.post_empty("/api/v1/audit/checkpoints").await.expect(201);
    web.get("/api/v1/audit/anchor").await.expect(200);
    web.get("/api/v1/audit/tile/0/000").await.expect(200);
    for gone in ["tile/entries/000".to_owned(), format!("entries/{first}"), format!("entries/{first}/proof")]
    {
        let refused = web.get(&format!("/api/v1/audit/{gone}")).await.expect(404).json();
        assert!(refused["detail"].as_str().is_some_and(|why| why.contains("in the archive")), "{refused}");
    }
    let strange = EntryId::first_at(kernel::Timestamp::from_unix_micros(0));
    web.get(&format!("/api/v1/audit/entries/{strange}")).await.expect(404);
    let events = web.get("/api/v1/audit/events?limit=10").await.expect(200);
    let below: u64 = events.header("x-portcullis-archived-below").parse().expect("an index");
    let one: Value = serde_json::from_str(events.text().lines().next().expect("a line")).expect("an event");
    assert_eq!(one["index"].as_u64().or_else(|| one["seq"].as_u64()), Some(below), "{one}");

    // Shorter waits, longer does not, and what is too short is refused.
    let put = async |days: i32, status: u16| {
        let body = json!({"days": days});
        let answer = person.try_call(Method::PUT, "/api/v1/audit/retention", Some(&body)).await;
        answer.expect("an answer").expect(status).json()
    };
    put(30, 422).await;
    let longer = put(3_000, 200).await;
    assert_eq!((&longer["days"], &longer["pending"]), (&3_000.into(), &Value::Null));
    assert!(longer["archive"]["below"].as_u64() == Some(below), "{longer}");
    let shorter = put(365, 200).await;
    assert_eq!((&shorter["days"], &shorter["pending"]["days"]), (&3_000.into(), &365.into()));
    let said = web.entries("audit.retention_changed").await;
    assert_eq!(said[0]["data"]["effective_at"], shorter["pending"]["effective_at"], "{said:?}");
    // As it was for the test.
    let _ = server;
    put(3_000, 200).await;
}

/// The page of an archived entry says in which file of which archive it is, and the page of the retention what is archived.
async fn the_console_says_where(database: &Database, tenant: &Tenant, first: &str, size: u64) {
    let vault = database.vault().await.expect("served");
    let wire = Build::over(&vault).serve().await;
    let owner = Somebody::owner(&vault, tenant.id).await;
    let mut browser = Browser::of(&wire, &owner);
    let page = browser.page(&format!("/audit/{first}")).await;
    for words in ["An archived entry", "Number 1 of 256", &format!("{}/tile/entries/000", tenant.id)] {
        assert!(page.contains(words), "{words}: {page}");
    }
    browser.refused(&format!("/audit/{first}/receipt"), 404).await;
    let page = browser.page("/audit/retention").await;
    assert!(page.contains("<rect class=\"archived\"") && page.contains("gone from it"), "{page}");
    assert!(page.contains(&format!("Entries 0 to {}, ", size - 1)), "{page}");
    let (_, cited) = page.split_once("<dt>On record</dt>").expect("the entry that says so");
    let (_, cited) = cited.split_once("href=\"").expect("a way to it");
    let page = browser.page(cited.split('"').next().expect("a path")).await;
    assert!(page.contains("archived the beginning of the log"), "{page}");
    vault.close();
}

/// Holds from the command line: listed by a key, placed and lifted by a person alone.
async fn the_command_line_holds(server: &Process, web: &Web, person: &Web) {
    let hold = async |arguments: &[&str], key: &str| {
        let arguments = [&["audit", "hold"], arguments, &["--url", server.url.as_str()]].concat();
        command(&arguments, &[("PORTCULLIS_API_KEY", key)]).await
    };
    let (key, token) = (web.key().expect("a key"), person.key().expect("a token"));
    let place =
        ["place", "--reason", "A court has asked for these records.", "--from", "2020-01-01", "--json"];
    hold(&place, key).await.exited(1);
    let placed: Value = serde_json::from_str(&hold(&place, token).await.exited(0)).expect("a hold");
    assert_eq!(placed["from"], "2020-01-01T00:00:00.000000Z", "{placed}");
    let id = placed["id"].as_str().expect("an id");
    let listed = hold(&["list", "--standing"], key).await.exited(0);
    assert!(
        listed.contains(id) && listed.contains("A court has asked") && !listed.contains("lifted"),
        "{listed}"
    );
    let lift = ["lift", id, "--reason", "The court has closed the case."];
    hold(&lift, key).await.exited(1);
    hold(&lift, token).await.exited(0);
    hold(&lift, token).await.exited(1);
    let all: Value = serde_json::from_str(&hold(&["list", "--json"], key).await.exited(0)).expect("holds");
    assert!(all["items"].as_array().expect("items").iter().any(|hold| hold["lift_reason"] != Value::Null));
    assert!(hold(&["list", "--standing"], key).await.exited(0).contains("No legal hold stands."));
    hold(&["lift", "nonsense", "--reason", "The court has closed the case."], token).await.exited(2);
}

/// What nobody archived is found gone, whatever the log says of other entries.
async fn deletions_are_found(database: &Database, tenant: &Tenant) {
    let size =
        count(database, "select max(size) from audit_archive where tenant_id = '$tenant'", tenant).await;
    let one = database.copy("one").await;
    let delete = |first: i64, past: i64| {
        format!(
            "set session_replication_role = replica; delete from audit_entry e using audit_leaf l \
             where l.tenant_id = '{}' and e.id = l.entry_id and l.seq >= {first} and l.seq < {past}",
            tenant.id
        )
    };
    execute(&mut one.superuser().await, &delete(size, size + 1)).await.expect("deleted");
    let said = one.verified().await.exited(1);
    assert!(said.contains(&format!("entry {size} ")) && said.contains("its row is gone"), "{said}");
    one.drop().await;

    // With the entry gone that says where the beginning is, all of it is missing.
    let unsaid = database.copy("unsaid").await;
    let sql = format!(
        "set session_replication_role = replica; \
         delete from audit_entry where tenant_id = '{}' and kind = 'log.pruned'",
        tenant.id
    );
    execute(&mut unsaid.superuser().await, &sql).await.expect("deleted");
    let said = unsaid.verified().await.exited(1);
    assert!(said.contains("DAMAGED") && said.contains("entry 0 "), "{said}");
    unsaid.drop().await;
}

/// Killed at any moment, and with an archive that was damaged before the rows went: the next run finishes, and no entry is in
/// neither place.
#[test]
fn cut_off_anywhere_it_loses_nothing() {
    run(async |house| {
        let folder = Folder::new("cut-off");
        let Stage { database, tenant, key } = stage(house, "cut_off").await;
        let server = Process::serve(&database, &[]).await;
        fill(&server.web(key), CALLS).await;
        assert!(server.stop().await.success());
        age(&database, &tenant).await;
        let all = count(&database, ROWS, &tenant).await;
        let shelf = folder.join("archive");
        let own = Path::new(&shelf).join(tenant.id.to_string());
        // What a run that died left behind.
        std::fs::create_dir_all(own.join("tile/entries")).expect("a folder");
        std::fs::write(own.join("tile/entries/000"), b"half of a bundle").expect("written");
        std::fs::write(own.join("tile/entries/001.tmp"), b"less").expect("written");

        let environment = database.environment();
        for millis in [60, 120, 180, 240, 300, 360, 450, 600] {
            let mut cut = program(&["audit", "archive", "--archive-dir", &shelf]);
            cut.envs(environment.iter().map(|(name, value)| (*name, value.as_str())));
            cut.env("PORTCULLIS_DATA_DIR", database.data_dir()).kill_on_drop(true);
            let mut child = cut.spawn().expect("it runs");
            tokio::time::sleep(Duration::from_millis(millis)).await;
            let _ = child.start_kill();
            let _ = child.wait().await;
            database.verified().await.exited(0);
        }
        recorded_but_not_removed(&database, &tenant, &shelf, &own).await;

        archive(&database, &shelf).await.exited(0);
        let gone = count(&database, GONE, &tenant).await;
        assert!(gone >= 512, "{gone}");
        assert!(count(&database, PLACES, &tenant).await >= all);
        command(&["verify", &own.display().to_string()], &[]).await.exited(0);
        database.verified().await.exited(0);
        // Again: there is nothing left to do, and nothing is done twice.
        let entries = count(&database, PRUNED, &tenant).await;
        archive(&database, &shelf).await.exited(0);
        assert_eq!(count(&database, PRUNED, &tenant).await, entries);
    });
}

const PRUNED: &str = "select count(*) from audit_entry where tenant_id = '$tenant' and kind = 'log.pruned'";

/// On record and not removed: the rows go only after the archive was read once more and is what was cited.
async fn recorded_but_not_removed(database: &Database, tenant: &Tenant, shelf: &str, own: &Path) {
    let mut superuser = database.superuser().await;
    let right = "execute on function gate.remove_archived(uuid, integer)";
    let before = count(database, GONE, tenant).await;
    execute(&mut superuser, &format!("revoke {right} from portcullis_system")).await.expect("revoked");
    let failed = archive(database, shelf).await;
    if before > 0 {
        // A run above had come to its end already: there is nothing to damage that would still matter.
        execute(&mut superuser, &format!("grant {right} to portcullis_system")).await.expect("granted");
        return;
    }
    failed.exited(1);
    assert_eq!(count(database, GONE, tenant).await, 0, "its rows stay");
    assert!(count(database, PRUNED, tenant).await > 0, "it is on record");
    database.verified().await.exited(0);
    execute(&mut superuser, &format!("grant {right} to portcullis_system")).await.expect("granted");

    let bundle = own.join("tile/entries/001");
    let good = std::fs::read(&bundle).expect("a bundle");
    let mut bad = good.clone();
    bad[100] ^= 1;
    std::fs::write(&bundle, &bad).expect("damaged");
    let said = archive(database, shelf).await.exited(1);
    assert!(said.contains("is not what was signed"), "{said}");
    assert_eq!(count(database, GONE, tenant).await, 0, "its rows stay");
    std::fs::write(&bundle, &good).expect("mended");
}

/// Months are made ahead; one that is missing is made by the entry that needs it; what has no time has no place; and a month
/// that is archived is dropped.
#[test]
fn months_are_made_and_dropped() {
    run(async |house| {
        let database = house.database("months").await;
        let mut superuser = database.superuser().await;
        let months = "select count(*) from pg_inherits where inhparent = 'audit_entry'::regclass";
        let ahead: i64 = sqlx::query_scalar(months).fetch_one(&mut superuser).await.expect("months");
        assert_eq!(ahead, 4, "this one and three more");
        let this = "select relname::text from pg_class where relname = 'audit_entry_' || \
                    to_char(now() at time zone 'UTC', 'YYYY_MM')";
        let name: String = sqlx::query_scalar(this).fetch_one(&mut superuser).await.expect("this month");
        let drop = format!("alter table audit_entry detach partition {name}; drop table {name}");
        execute(&mut superuser, &drop).await.expect("dropped");
        let append = "select gate.append(gen_random_uuid(), overlay(gate.first_entry_id(now())::text placing '7' \
                      from 15)::uuid, now(), 'x', 'system', 'r', '\\x7b7d')";
        execute(&mut superuser, append).await.expect("made on the spot");
        let found: i64 = sqlx::query_scalar(months).fetch_one(&mut superuser).await.expect("months");
        assert_eq!(found, ahead);
        let odd =
            "select gate.append(gen_random_uuid(), gen_random_uuid(), now(), 'x', 'system', 'r', '\\x7b7d')";
        let refused = execute(&mut superuser, odd).await.expect_err("an id without a time");
        assert!(refused.to_string().contains("no partition"), "{refused}");

        // An old month without an entry is dropped, one with an entry that nobody archived is not.
        execute(
            &mut superuser,
            "select gate.add_entry_month('2020-01-01Z'), gate.add_entry_month('2020-02-01Z'); \
             set session_replication_role = replica; \
             insert into audit_entry values (gen_random_uuid(), gate.first_entry_id('2020-02-03Z'), '2020-02-03Z', \
             'x', 'x', 'x', '\\x7b7d'); set session_replication_role = origin",
        )
        .await
        .expect("old months");
        let dropped: Vec<String> = sqlx::query_scalar("select unnest(gate.drop_archived_months())")
            .fetch_all(&mut superuser)
            .await
            .expect("looked");
        assert_eq!(dropped, ["audit_entry_2020_01"]);
        // Nobody deletes but the function that looks for itself, not even the tables' owner.
        for sql in
            ["set role portcullis_owner; delete from audit_entry", "reset role; delete from audit_entry"]
        {
            let refused = execute(&mut superuser, sql).await.expect_err("append-only");
            assert!(refused.to_string().contains("append-only"), "{refused}");
        }
    });
}
