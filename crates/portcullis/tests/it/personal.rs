//! What entries say about people stands beside the leaves: shown to whoever may read the log, given away and verified with
//! it, and gone when the person is erased. Nothing that was proven before is touched by that.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use app::accounts::join::Newcomer;
use app::accounts::newcomers::Secret;
use app::accounts::sign_in::Step;
use app::accounts::{NewSession, SessionKind, Visitor, own};
use app::break_glass::{NewOverride, OpenBreakGlass};
use app::input::Name;
use app::invitations::Invite;
use audit_log::personal::commitment_in;
use audit_log::{Disclosure, Format};
use gates::{Caller as _, Vault};
use kernel::{EntryId, MemberRole, RequestContext, TenantId};
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row as _};

use crate::house::members::Somebody;
use crate::house::people::{Guest, PASSWORD, Person, accounts, address, human, letter, token};
use crate::house::process::{Folder, Process, command};
use crate::house::{Database, House, Tenant, instance_key, request, run, soon};
use crate::lists::names_nobody;

/// What nobody else in these tests comes with.
const DEVICE: &str = "Needlecraft 7 on Testbench";
const PEER: &str = "198.51.100.77";
const NAME: &str = "Renamed Needle";
const REASON: &str = "the needle of the compass turned without a cause";

/// A server, and a person who did what the logs say something personal about.
struct Stage {
    database: Database,
    vault: Arc<Vault>,
    server: Process,
    tenant: Tenant,
    address: String,
    opened: NewSession,
}

impl Stage {
    async fn build(house: &'static House, purpose: &str, file: &str) -> Self {
        let database = house.database(purpose).await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, purpose).await;
        let (doors, address) = (accounts(&vault), address());
        let owner = Somebody::owner(&vault, tenant.id).await;
        let pass = owner.pass::<Invite>(&vault).await;
        let invited = app::invitations::create(pass, &address, MemberRole::Admin, &doors.post()).await;
        invited.expect("invited");
        let code = token(&letter(&vault, &address, "invitation").await.expect("a letter"));
        let name = Name::parse("Newcomer".to_owned(), "/name").expect("a name");
        let new = Newcomer { name, secret: Secret::Password(PASSWORD.to_owned()) };
        doors.accept_new(Guest::new().visitor(), &code, new).await.expect("joined");
        let context = RequestContext { peer: Some(PEER.parse().expect("an address")), ..request() };
        let visitor = Visitor { request: &context, device: DEVICE, known_device: None };
        let step = doors.sign_in(visitor, &address, PASSWORD.to_owned(), SessionKind::Browser).await;
        let Step::Done(opened) = step.expect("in") else { panic!("no second factor is enrolled") };
        let stage = Self {
            server: Process::serve(&database, &[("PORTCULLIS_SIEM_FILE", file)]).await,
            database,
            vault,
            tenant,
            address,
            opened: *opened,
        };
        stage.act(&doors.post()).await;
        // Somebody else, who stays.
        Person::sign_up(&doors).await;
        stage
    }

    async fn act(&self, post: &app::mail::Post) {
        let principal = async || human(&self.vault, &self.opened).await.expect("in").principal();
        let pass = self.vault.enter::<own::Rename>(principal().await, request()).await.expect("open");
        let name = Name::parse(NAME.to_owned(), "/name").expect("a name");
        own::rename(pass, name).await.expect("renamed");
        let pass = self.vault.enter::<OpenBreakGlass>(principal().await, request()).await.expect("open");
        let new = NewOverride { reason: REASON.to_owned(), seconds: 300 };
        app::break_glass::open(pass, new, post).await.expect("an override");
    }

    fn key(&self) -> &str {
        self.tenant.owner_key.expose()
    }

    /// The newest entry of a kind as the API answers it.
    async fn read(&self, kind: &str) -> Value {
        let web = self.server.web(self.key().to_owned());
        let page = web.get(&format!("/api/v1/audit/entries?kind={kind}&limit=1")).await.expect(200).json();
        page["items"][0].clone()
    }

    async fn events(&self, format: Format) -> String {
        let web = self.server.web(self.key().to_owned());
        web.get(&format!("/api/v1/audit/events?format={format}")).await.expect(200).text()
    }

    async fn export(&self, into: &str) {
        let arguments = ["audit", "export", "--url", &self.server.url, "--out", into];
        command(&arguments, &[("PORTCULLIS_API_KEY", self.key())]).await.exited(0);
    }

    /// The report of `verify --database`, with the instance's key.
    async fn tables(database: &Database, code: i32) -> Value {
        let key = instance_key().to_base64().to_string();
        let arguments = ["verify", "--database", &database.superuser_url(), "--json"];
        let said = command(&arguments, &[("ENCRYPTION_KEY", &key)]).await.exited(code);
        serde_json::from_str(&said).expect("a report")
    }

    async fn operator(&self, arguments: &[&str]) -> crate::house::process::Ran {
        let environment = self.database.environment();
        let env: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, &**value)).collect();
        command(&[&["operator"], arguments].concat(), &env).await
    }
}

async fn verified(folder: &str, code: i32) -> Value {
    let said = command(&["verify", folder, "--json"], &[]).await.exited(code);
    serde_json::from_str::<Value>(&said).expect("a report")["report"].clone()
}

/// All that is disclosed in an exported folder.
fn disclosures(folder: &str) -> Vec<Disclosure> {
    let Ok(files) = std::fs::read_dir(Path::new(folder).join("disclosures")) else { return Vec::new() };
    let texts = files.map(|file| std::fs::read(file.expect("a file").path()).expect("read"));
    let lines =
        texts.flat_map(|text| text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>());
    lines
        .filter(|line| !line.is_empty())
        .map(|line| Disclosure::parse(&line).expect("a disclosure"))
        .collect()
}

/// Tables of which a row holds this text, in clear or as bytes.
async fn holders(superuser: &mut PgConnection, needle: &str) -> Vec<String> {
    let tables = "select c.relname::text as name from pg_class c where c.relkind = 'r' \
                  and c.relnamespace = 'portcullis'::regnamespace order by 1";
    let tables: Vec<String> =
        sqlx::query_scalar(tables).fetch_all(&mut *superuser).await.expect("the catalog");
    let mut found = Vec::new();
    for table in tables {
        let sql = format!("select exists (select from {table} t where t::text ilike $1 or t::text like $2)");
        let (text, hex) = (format!("%{needle}%"), format!("%{}%", crypto::hex(needle.as_bytes())));
        let there: bool = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(text)
            .bind(hex)
            .fetch_one(&mut *superuser)
            .await
            .expect("looked");
        found.extend(there.then_some(table));
    }
    found
}

#[test]
fn leaves_commit_to_what_readers_see_and_an_altered_value_is_named() {
    run(async |house| {
        let folder = Folder::new("personal");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).expect("permissions");
        let file = folder.join("events.jsonl");
        let stage = Stage::build(house, "personal", &file).await;
        for (kind, field, value) in [
            ("account.signed_in", "device", DEVICE),
            ("account.signed_in", "address", PEER),
            ("account.renamed", "name", NAME),
            ("break_glass.opened", "reason", REASON),
            ("member.invited", "address", &*stage.address),
        ] {
            let item = stage.read(kind).await;
            assert_eq!(item["personal"][field], value, "{item}");
            assert!(commitment_in(&item["entry"]["data"][field]).is_some(), "{item}");
        }
        assert!(
            stage.read("member.joined").await.get("personal").is_none(),
            "nothing personal, nothing shown"
        );
        for format in Format::ALL {
            let text = stage.events(*format).await;
            for value in [DEVICE, PEER, NAME, REASON, &stage.address] {
                assert!(text.contains(value), "{format}: {value} in {text}");
            }
        }
        let forwarded = async {
            while !std::fs::read_to_string(&file).unwrap_or_default().contains(REASON) {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        soon("the collector has it", forwarded).await;
        let leaves: Vec<Vec<u8>> = sqlx::query_scalar("select leaf from audit_entry")
            .fetch_all(&mut stage.database.superuser().await)
            .await
            .expect("leaves");
        for leaf in &leaves {
            names_nobody(std::str::from_utf8(leaf).expect("text"));
        }

        let log = folder.join("log");
        stage.export(&log).await;
        let report = verified(&log, 0).await;
        let given = disclosures(&log);
        assert_eq!(report["personal"]["disclosed"], given.len(), "{report}");
        assert_eq!(report["personal"]["not_disclosed"], 0, "{report}");
        let told = command(&["verify", &log], &[]).await.exited(0);
        assert!(told.contains("are those committed to, 0 erased or not disclosed"), "{told}");
        let device = given.iter().find(|one| one.value == DEVICE).expect("disclosed");
        altered(&log, device).await;
        swapped(&stage).await;
    });
}

/// A folder with another value is damaged at that entry and that field.
async fn altered(log: &str, device: &Disclosure) {
    let file = Path::new(log).join("disclosures/00000000.jsonl");
    let text = std::fs::read_to_string(&file).expect("read");
    std::fs::write(&file, text.replace(DEVICE, "Needlecraft 8 on Testbench")).expect("written");
    let report = verified(log, 1).await;
    let [finding] = &report["findings"].as_array().expect("findings")[..] else { panic!("{report:#}") };
    assert_eq!(finding["kind"], "value_altered", "{finding}");
    let detail = finding["detail"].as_str().expect("words");
    assert!(detail.contains("`device`") && detail.contains(&device.entry.to_string()), "{detail}");
    // A line about nothing is no better.
    let stray = Disclosure { field: "shoes".into(), ..device.clone() }.line().expect("a line");
    std::fs::write(&file, [text.as_bytes(), &stray, b"\n"].concat()).expect("written");
    assert_eq!(verified(log, 1).await["findings"][0]["kind"], "disclosure_bad");
    std::fs::write(&file, text).expect("written");
    verified(log, 0).await;
}

/// In the tables, a value under another entry's row is named; without the key, nothing is said about values.
async fn swapped(stage: &Stage) {
    let intact = Stage::tables(&stage.database, 0).await;
    let own = intact["logs"].as_array().expect("logs").iter();
    let disclosed: u64 = own.map(|log| log["personal"]["disclosed"].as_u64().expect("a count")).sum();
    assert!(disclosed >= 5, "{intact}");
    let copy = stage.database.copy("personal_swapped").await;
    let sql = "set session_replication_role = replica; update audit_personal p set sealed = q.sealed \
               from audit_personal q where p.field = 'device' and q.entry_id = p.entry_id and q.field = 'address'";
    sqlx::raw_sql(sql).execute(&mut copy.superuser().await).await.expect("edited");
    let damaged = Stage::tables(&copy, 1).await;
    for finding in damaged["findings"].as_array().expect("findings") {
        assert_eq!(finding["kind"], "value_altered", "{finding}");
        assert!(finding["detail"].as_str().expect("words").contains("`device`"), "{finding}");
    }
    let unkeyed = command(&["verify", "--database", &copy.superuser_url()], &[]).await.exited(0);
    assert!(unkeyed.contains("were not looked at"), "{unkeyed}");
    copy.drop().await;
}

#[test]
fn an_erased_person_is_gone_and_every_proof_holds() {
    run(async |house| {
        let folder = Folder::new("erased");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).expect("permissions");
        let stage = Stage::build(house, "erased", &folder.join("events.jsonl")).await;
        let (before, web) = (folder.join("before"), stage.server.web(stage.key().to_owned()));
        stage.export(&before).await;
        let entry = stage.read("account.signed_in").await["id"].as_str().expect("an id").to_owned();
        let proof = web.get(&format!("/api/v1/audit/entries/{entry}/proof")).await.expect(200).text();
        std::fs::write(folder.join("entry.tlog-proof"), proof).expect("written");
        let key = std::fs::read_to_string(Path::new(&before).join("log.vkey")).expect("a key");

        let refused = stage.operator(&["erase-person", &stage.address]).await;
        assert!(refused.code == Some(1) && refused.err.contains("--yes"), "{refused:?}");
        assert_eq!(stage.read("account.signed_in").await["personal"]["device"], DEVICE, "nothing was done");
        let said = stage.operator(&["erase-person", &stage.address, "--yes", "--json"]).await.exited(0);
        let said: Value = serde_json::from_str(&said).expect("JSON");
        // In the organization: of the account, and of the invitation that went before it.
        assert!(said["keys_destroyed"].as_u64().is_some_and(|keys| keys >= 2), "{said}");
        assert_eq!(said["organizations"], serde_json::json!([stage.tenant.id.to_string()]));
        assert!(human(&stage.vault, &stage.opened).await.is_err(), "no session is left");
        for log in [stage.tenant.id, stage.vault.instance()] {
            assert_eq!(told(&stage, log).await, 1, "the log of {log} says so");
        }

        for (kind, field) in [
            ("account.signed_in", "device"),
            ("account.signed_in", "address"),
            ("account.renamed", "name"),
            ("break_glass.opened", "reason"),
            ("member.invited", "address"),
        ] {
            let item = stage.read(kind).await;
            assert_eq!(item["personal"][field], "erased", "{item}");
        }
        for format in Format::ALL {
            let text = stage.events(*format).await;
            for value in [DEVICE, PEER, NAME, REASON, &stage.address] {
                assert!(!text.contains(value), "{format}: {value}");
            }
        }
        let after = folder.join("after");
        stage.export(&after).await;
        let report = verified(&after, 0).await;
        assert!(report["personal"]["not_disclosed"].as_u64().is_some_and(|gone| gone >= 5), "{report}");
        let left = disclosures(&after);
        assert!(
            left.iter().all(|one| ![DEVICE, PEER, NAME, REASON].contains(&one.value.as_str().unwrap_or("")))
        );
        // What was proven, and what was taken away before, holds as it did.
        let vkey = key.trim();
        command(&["verify", &folder.join("entry.tlog-proof"), "--vkey", vkey], &[]).await.exited(0);
        command(&["verify", &before, "--vkey", vkey], &[]).await.exited(0);
        let older = Path::new(&before).join("checkpoint").display().to_string();
        command(&["verify", &after, "--vkey", vkey, "--older", &older], &[]).await.exited(0);
        let tables = Stage::tables(&stage.database, 0).await;
        let own = tables["logs"].as_array().expect("logs").iter();
        let erased: u64 = own.map(|log| log["personal"]["erased"].as_u64().expect("a count")).sum();
        assert!(erased >= 5, "{tables}");
        cannot_be_had(&stage, &entry).await;
    });
}

/// How often a log says that somebody was erased.
async fn told(stage: &Stage, log: TenantId) -> i64 {
    sqlx::query_scalar("select count(*) from audit_entry where tenant_id = $1 and kind = 'account.erased'")
        .bind(log.uuid())
        .fetch_one(&mut stage.database.superuser().await)
        .await
        .expect("counted")
}

/// Nobody finds the values in any table, a superuser with the instance's key neither.
async fn cannot_be_had(stage: &Stage, entry: &str) {
    let mut superuser = stage.database.superuser().await;
    for needle in [DEVICE, PEER, NAME, REASON, &stage.address] {
        assert_eq!(holders(&mut superuser, needle).await, [""; 0], "{needle}");
    }
    let rows = sqlx::query(
        "select p.field, p.sealed, p.key_id::text as key, k.id is not null as there from audit_personal p \
         left join subject_key k on k.id = p.key_id where p.entry_id = $1::text::uuid",
    )
    .bind(entry)
    .fetch_all(&mut superuser)
    .await
    .expect("rows");
    assert_eq!(rows.len(), 2, "the sealed values are still there, and are noise");
    let id: EntryId = entry.parse().expect("an id");
    let keys: Vec<(uuid::Uuid, Vec<u8>)> =
        sqlx::query_as("select id, sealed from subject_key").fetch_all(&mut superuser).await.expect("keys");
    assert!(!keys.is_empty(), "others have theirs");
    for row in &rows {
        let (field, sealed): (String, Vec<u8>) = (row.get("field"), row.get("sealed"));
        assert!(!row.get::<bool, _>("there"), "the key of {field} is destroyed");
        let envelope = instance_key().envelope();
        for (key, wrapped) in &keys {
            let (field, sealed, wrapped) = (field.clone(), sealed.clone(), wrapped.clone());
            let tried = gates::SealedValue { entry: id, field, key: *key, wrapped, sealed };
            assert!(gates::disclose(&envelope, stage.tenant.id, &[tried]).is_empty());
        }
        let row = format!("{entry}/{field}");
        let place = crypto::Place {
            tenant: Some(stage.tenant.id),
            table: "audit_personal",
            column: "sealed",
            row: &row,
        };
        assert!(envelope.open(&place, &sealed).is_err());
    }
}
