//! Somebody edits the audit log as a superuser, past every trigger and privilege: `verify --database` says which
//! entry and which column, and nothing else.

use serde_json::Value;
use sqlx::Row as _;
use sqlx::postgres::PgConnection;

use crate::house::process::{Folder, Process, command};
use crate::house::{Database, House, Tenant, execute, run};

/// Entry by entry: what is done to it and what the report must say.
struct Case {
    name: &'static str,
    /// `$id` is the entry, `$tenant` its organization, `$seq` its index.
    sql: &'static str,
    kind: &'static str,
    field: Option<&'static str>,
    /// Whether the report names the index, which an entry outside the tree has not.
    indexed: bool,
}

const CASES: [Case; 9] = [
    Case {
        name: "kind",
        sql: "update audit_entry set kind = 'AUTH_FAILURE' where id = '$id'",
        kind: "column_changed",
        field: Some("kind"),
        indexed: true,
    },
    Case {
        name: "actor",
        sql: "update audit_entry set actor = 'service:somebody-else' where id = '$id'",
        kind: "column_changed",
        field: Some("actor"),
        indexed: true,
    },
    Case {
        name: "at",
        sql: "update audit_entry set at = at - interval '1 day' where id = '$id'",
        kind: "column_changed",
        field: Some("at"),
        indexed: true,
    },
    Case {
        name: "request",
        sql: "update audit_entry set request_id = 'another' where id = '$id'",
        kind: "column_changed",
        field: Some("request_id"),
        indexed: true,
    },
    Case {
        name: "leaf",
        sql: "update audit_entry set leaf = convert_to(replace(convert_from(leaf, 'UTF8'), \
              '\"outcome\":\"ok\"', '\"outcome\":\"failed\"'), 'UTF8') where id = '$id'",
        kind: "entry_changed",
        field: Some("leaf"),
        indexed: true,
    },
    Case {
        name: "hash",
        sql: "update audit_leaf set hash = sha256('another') where entry_id = '$id'",
        kind: "hash_changed",
        field: None,
        indexed: true,
    },
    Case {
        name: "row",
        sql: "delete from audit_entry where id = '$id'",
        kind: "entry_gone",
        field: None,
        indexed: true,
    },
    Case {
        name: "place",
        sql: "delete from audit_leaf where entry_id = '$id'",
        kind: "entry_unplaced",
        field: None,
        indexed: false,
    },
    Case {
        name: "forged",
        sql: "insert into audit_entry select tenant_id, '$forged', at, kind, actor, \
              request_id, convert_to(replace(convert_from(leaf, 'UTF8'), '$id', \
              '$forged'), 'UTF8') from audit_entry where id = '$id'",
        kind: "entry_unplaced",
        field: None,
        indexed: false,
    },
];
/// The id of the forged entry.
/// It has the time of the entry it is made of: what has the time of no month has no place in the table.
fn forged(victim: &Victim) -> String {
    format!("{}7000-8000-000000000000", &victim.id[..14])
}

/// An entry that is tampered with: one in the middle of a signed log.
pub(crate) struct Victim {
    pub(crate) tenant: String,
    pub(crate) id: String,
    pub(crate) index: i64,
    /// The key of the organization's owner.
    pub(crate) owner: String,
}

impl Victim {
    pub(crate) async fn edit(&self, on: &mut PgConnection, sql: &str) {
        let sql =
            sql.replace("$forged", &forged(self)).replace("$id", &self.id).replace("$tenant", &self.tenant);
        let sql = sql.replace("$seq", &self.index.to_string());
        // Triggers, foreign keys and the append-only rule are off for this session, as a superuser can have it.
        execute(on, &format!("set session_replication_role = replica; {sql}"))
            .await
            .expect("a superuser may");
    }
}

/// A served database with two signed checkpoints and entries after them, and the log taken away as a folder.
pub(crate) async fn written(house: &'static House, export: &str) -> (Database, Victim) {
    let database = house.database("tampering").await;
    let vault = database.vault().await.expect("served");
    let tenant = Tenant::make(&vault, "tampering").await;
    let other = Tenant::make(&vault, "untouched").await;
    let server = Process::serve(&database, &[]).await;
    let web = server.web(tenant.owner_key.expose().to_owned());
    let neighbour = server.web(other.owner_key.expose().to_owned());
    let mut middle = String::new();
    for round in 0..3 {
        for call in 0..5 {
            let answer = web.get("/api/v1/projects").await.expect(200);
            neighbour.get("/api/v1/projects").await.expect(200);
            if (round, call) == (1, 2) {
                middle = answer.entry();
            }
        }
        web.post_empty("/api/v1/audit/checkpoints").await.expect(201);
    }
    let key = tenant.owner_key.expose().to_owned();
    let arguments = ["audit", "export", "--url", &server.url, "--out", export];
    command(&arguments, &[("PORTCULLIS_API_KEY", &key)]).await.exited(0);
    assert!(server.stop().await.success());
    vault.close();
    database.verified().await.exited(0);
    let place = sqlx::query("select seq from audit_leaf where entry_id = $1::text::uuid").bind(&middle);
    let place = place.fetch_one(&mut database.superuser().await).await.expect("it has its place");
    (database, Victim { tenant: tenant.id.to_string(), id: middle, index: place.get("seq"), owner: key })
}

/// The report of a verification that found something.
pub(crate) async fn findings(database: &Database, more: &[&str]) -> Vec<Value> {
    let url = database.superuser_url();
    let arguments = [&["verify", "--database", &url, "--json"], more].concat();
    let report = command(&arguments, &[]).await.exited(1);
    let report: Value = serde_json::from_str(&report).expect("a report");
    assert_eq!(report["verdict"], "damaged");
    report["findings"].as_array().cloned().expect("findings")
}

#[test]
fn an_edited_row_is_named() {
    run(async |house| {
        let folder = Folder::new("tampering");
        let (database, victim) = written(house, &folder.join("log")).await;
        for case in &CASES {
            let copy = database.copy(case.name).await;
            victim.edit(&mut copy.superuser().await, case.sql).await;
            let found = findings(&copy, &[]).await;
            let named = if case.name == "forged" { &forged(&victim) } else { &victim.id };
            let hits = |finding: &&Value| finding["kind"] == case.kind && finding["entry"] == *named;
            let [hit] = found.iter().filter(hits).collect::<Vec<_>>()[..] else {
                panic!("{}: {} of {named} is not named once in {found:#?}", case.name, case.kind);
            };
            assert_eq!(hit["field"].as_str(), case.field, "{}", case.name);
            assert_eq!(hit["index"].as_i64(), case.indexed.then_some(victim.index), "{}", case.name);
            assert_eq!(hit["tenant"], victim.tenant.as_str(), "{}", case.name);
            // Whatever else is said is about the same log, and blames no other entry.
            for finding in &found {
                assert_eq!(finding["tenant"], victim.tenant.as_str(), "{}: {finding}", case.name);
                let entry = finding["entry"].as_str();
                assert!(entry.is_none_or(|entry| entry == named), "{}: {finding}", case.name);
            }
            let spoken = copy.verified().await.exited(1);
            assert!(spoken.contains(named), "{}: {spoken}", case.name);
            copy.drop().await;
        }
    });
}

#[test]
fn a_log_that_has_not_begun_is_intact() {
    run(async |house| {
        // Nobody serves, so the first entry of this log waits for its place.
        let database = house.database("young").await;
        let vault = database.vault().await.expect("served");
        Tenant::make(&vault, "young").await;
        vault.close();
        let report = database.verified().await.exited(0);
        assert!(report.contains("1 waiting for their place"), "{report}");
    });
}

#[test]
fn a_consistent_rewrite_is_found() {
    run(async |house| {
        let folder = Folder::new("rewrite");
        let log = folder.join("log");
        let (database, victim) = written(house, &log).await;
        // The bytes, the columns and the stored hash agree with each other; only the signed root does not.
        let rewrite = "update audit_entry set leaf = convert_to(replace(convert_from(leaf, 'UTF8'), \
             '\"outcome\":\"ok\"', '\"outcome\":\"failed\"'), 'UTF8') where id = '$id'";
        victim.edit(&mut database.superuser().await, rewrite).await;
        let rehash = "update audit_leaf l set hash = sha256('\\x00'::bytea || e.leaf) from audit_entry e \
                      where e.id = l.entry_id and e.id = '$id'";
        victim.edit(&mut database.superuser().await, rehash).await;

        // The tables alone narrow it down to the span between two checkpoints.
        let found = findings(&database, &[]).await;
        let root = found
            .iter()
            .find(|finding| finding["kind"] == "root_mismatch")
            .expect("the root is not the signed one");
        let detail = root["detail"].as_str().unwrap_or_default();
        let sizes: Vec<i64> = detail
            .split(|char: char| !char.is_ascii_digit())
            .filter_map(|digits| digits.parse().ok())
            .collect();
        let [end, begin] = sizes[..] else { panic!("two sizes in {detail:?}") };
        assert!((begin..end).contains(&victim.index), "{detail} for {}", victim.index);

        // With an export kept elsewhere it is exactly the entry.
        let found = findings(&database, &["--against", &log]).await;
        let named: Vec<_> = found.iter().filter(|finding| finding["kind"] == "export_mismatch").collect();
        let [named] = named.as_slice() else { panic!("{found:#?}") };
        assert_eq!(
            (named["entry"].as_str(), named["index"].as_i64()),
            (Some(victim.id.as_str()), Some(victim.index))
        );
    });
}

#[test]
fn a_truncated_or_resigned_log_is_found() {
    run(async |house| {
        let folder = Folder::new("truncated");
        let log = folder.join("log");
        let (database, victim) = written(house, &log).await;

        // The newest entries with their places, and the tree set back as if they had never been.
        let cut = database.copy("cut").await;
        let sql = "delete from audit_entry e using audit_leaf l where l.entry_id = e.id and l.seq >= $seq \
                   and l.tenant_id = '$tenant'; \
                   delete from audit_leaf where seq >= $seq and tenant_id = '$tenant'";
        victim.edit(&mut cut.superuser().await, sql).await;
        let found = findings(&cut, &[]).await;
        assert!(found.iter().any(|finding| finding["kind"] == "rolled_back"), "{found:#?}");

        // A checkpoint with one byte of its signature changed.
        let forged = database.copy("note").await;
        let sql = "update audit_checkpoint set note = overlay(note placing 'AAAA' from length(note) - 12) \
                   where tenant_id = '$tenant'";
        victim.edit(&mut forged.superuser().await, sql).await;
        let found = findings(&forged, &[]).await;
        assert!(found.iter().all(|finding| finding["kind"] == "checkpoint_forged"), "{found:#?}");

        // Another key than the exported log's.
        let rekeyed = database.copy("rekeyed").await;
        victim.edit(&mut rekeyed.superuser().await, "update audit_log set public_key = sha256('x')").await;
        let found = findings(&rekeyed, &["--against", &log]).await;
        assert!(found.iter().any(|finding| finding["kind"] == "key_changed"), "{found:#?}");

        // The key's row gone, and the tree's with it.
        let nameless = database.copy("nameless").await;
        victim.edit(&mut nameless.superuser().await, "delete from audit_log; delete from audit_tree").await;
        let found = findings(&nameless, &[]).await;
        assert!(found.iter().any(|finding| finding["kind"] == "identity_gone"), "{found:#?}");
        for copy in [cut, forged, rekeyed, nameless] {
            copy.drop().await;
        }
    });
}

/// Proofs are made from stored tiles: a log long enough to have them, proofs of entries in full and in partial tiles, and
/// what is said when a tile, an entry or a proof was tampered with.
#[test]
fn entries_are_proven_from_tiles_and_forged_ones_are_not() {
    run(async |house| {
        let folder = Folder::new("proofs");
        let database = house.database("proofs").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "proofs").await;
        let server = Process::serve(&database, &[]).await;
        let web = server.web(tenant.owner_key.expose().to_owned());
        let mut entries = Vec::new();
        for _ in 0..270 {
            entries.push(web.get("/api/v1/projects").await.expect(200).entry());
        }
        web.post_empty("/api/v1/audit/checkpoints").await.expect(201);
        let vkey = web.get("/api/v1/audit/checkpoint").await.expect(200).json()["vkey"].clone();
        let vkey = vkey.as_str().expect("a key");
        let prove = async |entry: &str| web.get(&format!("/api/v1/audit/entries/{entry}/proof")).await;
        // The last one is younger than every checkpoint: one is signed for it.
        entries.push(web.get("/api/v1/projects").await.expect(200).entry());
        for entry in [&entries[0], &entries[200], &entries[269], &entries[270]] {
            let file = folder.join(&format!("{entry}.tlog-proof"));
            std::fs::write(&file, prove(entry).await.expect(200).body).expect("written");
            let said = command(&["verify", &file, "--vkey", vkey, "--json"], &[]).await.exited(0);
            let said: Value = serde_json::from_str(&said).expect("JSON");
            assert_eq!(
                (said["proven"].as_bool(), said["entry"]["id"].as_str()),
                (Some(true), Some(entry.as_str()))
            );
        }
        let file = folder.join(&format!("{}.tlog-proof", entries[0]));
        let spoken = command(&["verify", &file, "--vkey", vkey], &[]).await.exited(0);
        assert!(spoken.starts_with("PROVEN") && spoken.contains("project.list"), "{spoken}");
        let good = std::fs::read_to_string(&file).expect("a proof");
        let forged = folder.join("forged.tlog-proof");
        let index: u64 =
            good.lines().find_map(|line| line.strip_prefix("index ")?.parse().ok()).expect("an index");
        let moved = good.replacen(&format!("index {index}"), &format!("index {}", index + 1), 1);
        std::fs::write(&forged, moved).expect("written");
        command(&["verify", &forged, "--vkey", vkey], &[]).await.exited(1);
        std::fs::write(&forged, good.replacen("portcullis/", "portcullis/x", 1)).expect("written");
        command(&["verify", &forged, "--vkey", vkey], &[]).await.exited(3);
        command(&["verify", &file], &[]).await.exited(1);

        // The log tile by tile, and what is not there.
        let tile = async |path: &str| web.get(&format!("/api/v1/audit/tile/{path}")).await;
        assert_eq!(tile("0/000").await.expect(200).body.len(), 8_192);
        assert_eq!(tile("1/000.p/1").await.expect(200).body.len(), 32);
        assert_eq!(tile("0/001.p/3").await.expect(200).body.len(), 96);
        for absent in [
            "0/001",
            "1/000",
            "0/000.p/256",
            "0/1",
            "2/000.p/1",
            "entries/x001/000",
            "0/../0/000",
            "checkpoint",
        ] {
            tile(absent).await.expect(404);
        }

        // A tile that was edited gives no proof, and the verifier names it.
        let edit = "set session_replication_role = replica; \
                    update audit_tile set hashes = overlay(hashes placing '\\x00000000'::bytea from 33)";
        execute(&mut database.superuser().await, edit).await.expect("a superuser may");
        prove(&entries[200]).await.expect(500);
        assert!(server.stop().await.success());
        vault.close();
        let found = findings(&database, &[]).await;
        assert!(
            found.iter().all(|finding| finding["kind"] == "tile_changed") && found.len() == 1,
            "{found:#?}"
        );
    });
}
