//! The drill: everything that somebody with all rights could do to a log, done, and the product's own check that notices it.
//! The table stands in `docs/audit.md` as it stands here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use audit_log::receipt::SETTLED_SECONDS;
use audit_log::tiles::decode_bundle;
use audit_log::{
    CHECKPOINT_PATH, Checkpoint, DirSource, Frontier, KeyName, SigningKey, leaf_hash, sign_checkpoint,
};
use serde_json::Value;

use crate::house::process::{Folder, Process, command, program};
use crate::house::web::Web;
use crate::house::{Database, run};
use crate::outsiders::copy_folder;
use crate::tampering::{Victim, findings, written};

/// What is done, which check notices it, and the word by which its report names it.
const DRILL: [(&str, &str, &str); 15] = [
    ("a superuser edits an entry", "`verify --database`", "entry_changed"),
    ("a superuser deletes an entry", "`verify --database`", "entry_gone"),
    ("a superuser reorders two entries", "`verify --database`", "root_mismatch"),
    ("a superuser inserts an entry", "`verify --database`", "entry_unplaced"),
    ("a superuser drops the tail", "`verify --database`", "rolled_back"),
    ("a superuser rewrites an entry with its hash", "`verify --database --against DIR`", "export_mismatch"),
    ("a superuser edits an entry of a running server", "the server's own daily verification", "rows_changed"),
    ("a backup is put back", "the server, before it signs", "head_lost"),
    ("an entry of a folder is edited", "`verify DIR`", "leaf_changed"),
    ("a hash tile of a folder is edited", "`verify DIR`", "tile_mismatch"),
    ("the signing key is replaced and all signed again", "`verify DIR --vkey KEY`", "signature_missing"),
    ("a log without its tail is shown", "`verify DIR --older CHECKPOINT`", "rolled_back"),
    ("two views are served", "`verify DIR --older CHECKPOINT`", "inconsistent"),
    ("two views are served", "a witness", "refused"),
    ("a promised entry is dropped from a log that is whole", "`verify DIR --receipts FILE`", "missing"),
];

/// What every row begins with.
struct Stage {
    database: Database,
    victim: Victim,
    folder: Folder,
    /// The log of `database` as it was taken away, and its key.
    log: String,
    vkey: String,
    /// Rows of the table that were seen to be noticed.
    noticed: BTreeSet<usize>,
}

impl Stage {
    /// The row was noticed: `word` stands in what `check` reported about `what`.
    #[track_caller]
    fn noticed(&mut self, what: &str, check: &str, report: &str) {
        let row = DRILL.iter().position(|row| row.0 == what && row.1 == check);
        let row = row.unwrap_or_else(|| panic!("{what}, {check}: no row of the table"));
        assert!(report.contains(DRILL[row].2), "{what}, {check}: {report}");
        self.noticed.insert(row);
    }

    /// Rows of a copy of the database, edited with every right there is.
    async fn superuser(&mut self, what: &str, sql: &str) {
        let copy = self.database.copy("drill").await;
        self.victim.edit(&mut copy.superuser().await, sql).await;
        let found = findings(&copy, &[]).await;
        let named: Vec<_> =
            found.iter().filter(|finding| finding["tenant"] == self.victim.tenant.as_str()).collect();
        assert!(!named.is_empty(), "{what}: {found:#?}");
        self.noticed(what, "`verify --database`", &Value::from(found).to_string());
        copy.drop().await;
    }

    /// A copy of the folder, edited.
    async fn forged(&mut self, what: &str, check: &str, code: i32, forge: impl Fn(&Path)) {
        let copy = self.folder.join("forged");
        let _ = std::fs::remove_dir_all(&copy);
        copy_folder(self.log.as_ref(), copy.as_ref());
        forge(copy.as_ref());
        let mut arguments = vec!["verify", copy.as_str(), "--json"];
        if check.contains("--vkey") {
            arguments.extend(["--vkey", self.vkey.as_str()]);
        }
        let said = command(&arguments, &[]).await.exited(code);
        self.noticed(what, check, &said);
    }

    fn web(&self, server: &Process) -> Web {
        server.web(self.victim.owner.clone())
    }

    async fn export(&self, server: &Process, name: &str) -> String {
        let into = self.folder.join(name);
        let arguments = ["audit", "export", "--url", &server.url, "--out", &into];
        command(&arguments, &[("PORTCULLIS_API_KEY", &self.victim.owner)]).await.exited(0);
        into
    }
}

/// The only file of a log's bundles, or tiles, of the lowest level: these logs are short.
fn only_file(log: &Path, kind: &str) -> PathBuf {
    let folder = log.join("tile").join(kind).join("000.p");
    let mut files = std::fs::read_dir(&folder).expect("a partial tile").flatten();
    files.next().expect("a file").path()
}

/// Changes an entry without changing any length.
fn edit_bundle(log: &Path) {
    let path = only_file(log, "entries");
    let mut bytes = std::fs::read(&path).expect("a bundle");
    let word = b"\"action\":\"project.list\"";
    let at = bytes.windows(word.len()).position(|window| window == word).expect("a list that was read");
    bytes[at + word.len() - 2] = b'e';
    std::fs::write(path, bytes).expect("written");
}

fn edit_tile(log: &Path) {
    let path = only_file(log, "0");
    let mut bytes = std::fs::read(&path).expect("a tile");
    bytes[40] ^= 1;
    std::fs::write(path, bytes).expect("written");
}

/// Edits an entry, and signs everything again under the same name with another key, which is put beside it.
fn sign_again(log: &Path) {
    edit_bundle(log);
    let bytes = std::fs::read(only_file(log, "entries")).expect("a bundle");
    let leaves: Vec<&[u8]> = decode_bundle(&bytes).map(|leaf| leaf.expect("an entry")).collect();
    let note = std::fs::read_to_string(log.join(CHECKPOINT_PATH)).expect("a checkpoint");
    let name = KeyName::new(note.lines().next().expect("an origin")).expect("a name");
    let key = SigningKey::from_seed(name.clone(), &[7; 32]).expect("a key");
    let tree: Frontier = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    let note = sign_checkpoint(&Checkpoint::of(name, &tree), &key).expect("signed");
    for kept in ["tile", "anchor.tlog-proof", "instance.vkey"] {
        let kept = log.join(kept);
        let _ = if kept.is_dir() { std::fs::remove_dir_all(kept) } else { std::fs::remove_file(kept) };
    }
    let keys = [key.verifier().clone()];
    let leaves = leaves.iter().map(Ok::<_, std::io::Error>);
    audit_log::export(&mut DirSource::new(log), note.as_bytes(), &keys, leaves).expect("written");
    std::fs::write(log.join("log.vkey"), format!("{}\n", key.verifier())).expect("written");
}

const REWRITE: &str = "update audit_entry set leaf = convert_to(replace(convert_from(leaf, 'UTF8'), \
     '\"outcome\":\"ok\"', '\"outcome\":\"failed\"'), 'UTF8') where id = '$id'";

#[test]
fn whatever_is_done_to_a_log_is_noticed() {
    run(async |house| {
        let folder = Folder::new("drill");
        let log = folder.join("log");
        let (database, victim) = written(house, &log).await;
        let vkey =
            std::fs::read_to_string(Path::new(&log).join("log.vkey")).expect("the key").trim().to_owned();
        let mut stage = Stage { database, victim, folder, log, vkey, noticed: BTreeSet::new() };
        rows(&mut stage).await;
        folders(&mut stage).await;
        views(&mut stage).await;
        let missed: Vec<_> =
            (0..DRILL.len()).filter(|row| !stage.noticed.contains(row)).map(|row| DRILL[row]).collect();
        assert!(missed.is_empty(), "not drilled: {missed:?}");
    });
}

async fn rows(stage: &mut Stage) {
    stage.superuser("a superuser edits an entry", REWRITE).await;
    stage.superuser("a superuser deletes an entry", "delete from audit_entry where id = '$id'").await;
    let swap = "create temp table two as select seq, entry_id, hash from audit_leaf \
                where tenant_id = '$tenant' and seq in ($seq, $seq + 1); \
                delete from audit_leaf where tenant_id = '$tenant' and seq in ($seq, $seq + 1); \
                insert into audit_leaf (tenant_id, seq, entry_id, hash) \
                select '$tenant', 2 * $seq + 1 - seq, entry_id, hash from two";
    stage.superuser("a superuser reorders two entries", swap).await;
    let insert = "insert into audit_entry select tenant_id, '$forged', at, kind, actor, \
                  request_id, convert_to(replace(convert_from(leaf, 'UTF8'), '$id', \
                  '$forged'), 'UTF8') from audit_entry where id = '$id'";
    stage.superuser("a superuser inserts an entry", insert).await;
    let cut = "delete from audit_entry e using audit_leaf l where l.entry_id = e.id and l.seq >= $seq \
               and l.tenant_id = '$tenant'; delete from audit_leaf where seq >= $seq and tenant_id = '$tenant'";
    stage.superuser("a superuser drops the tail", cut).await;

    let copy = stage.database.copy("drill").await;
    let rehash = "; update audit_leaf l set hash = sha256('\\x00'::bytea || e.leaf) from audit_entry e \
                  where e.id = l.entry_id and e.id = '$id'";
    stage.victim.edit(&mut copy.superuser().await, &format!("{REWRITE}{rehash}")).await;
    let found = findings(&copy, &["--against", &stage.log]).await;
    let what = "a superuser rewrites an entry with its hash";
    let named = found.iter().filter(|finding| finding["entry"] == stage.victim.id.as_str());
    let named: Vec<Value> = named.cloned().collect();
    stage.noticed(what, "`verify --database --against DIR`", &Value::from(named).to_string());
    copy.drop().await;

    let copy = stage.database.restored().await;
    stage.victim.edit(&mut copy.superuser().await, REWRITE).await;
    let server = Process::serve(&copy, &[("PORTCULLIS_VERIFY_MINUTES", "1")]).await;
    let alarm = alarm_of(stage, &server).await;
    let what = "a superuser edits an entry of a running server";
    assert!(alarm["entry"] == stage.victim.id.as_str(), "{alarm}");
    stage.noticed(what, "the server's own daily verification", &alarm.to_string());
    assert!(server.stop().await.success());
    copy.drop().await;
}

/// What an alarm in the log says.
async fn alarm_of(stage: &Stage, server: &Process) -> Value {
    let web = stage.web(server);
    let raised = async {
        loop {
            if let Some(entry) = web.entries("log.alarm").await.into_iter().next() {
                return entry["data"].clone();
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), raised).await.expect("an alarm")
}

async fn folders(stage: &mut Stage) {
    stage.forged("an entry of a folder is edited", "`verify DIR`", 1, edit_bundle).await;
    stage.forged("a hash tile of a folder is edited", "`verify DIR`", 1, edit_tile).await;
    let what = "the signing key is replaced and all signed again";
    stage.forged(what, "`verify DIR --vkey KEY`", 3, sign_again).await;
    // Who takes the key from the folder is told that this proves the folder alone.
    let forged = stage.folder.join("forged");
    let said = command(&["verify", &forged], &[]).await.exited(0);
    assert!(said.contains("compare the key"), "{said}");
}

/// Two databases of one past that go on apart, with the same key: two histories, both genuine.
async fn views(stage: &mut Stage) {
    let (backup, forgetful) = (stage.database.restored().await, stage.database.restored().await);
    let server = Process::serve(&stage.database, &[]).await;
    let promised = stage.web(&server).asking_for_receipts().get("/api/v1/projects").await.expect(200);
    let receipts = stage.folder.join("receipts.txt");
    std::fs::write(&receipts, promised.receipts().join("\n")).expect("written");
    let one = stage.export(&server, "one").await;
    assert!(server.stop().await.success());

    // What this machine signed it remembers.
    let data = stage.database.data_dir().display().to_string();
    let server = Process::serve(&backup, &[("PORTCULLIS_DATA_DIR", &data)]).await;
    stage.web(&server).post_empty("/api/v1/audit/checkpoints").await.expect(503);
    let alarm = alarm_of(stage, &server).await;
    stage.noticed("a backup is put back", "the server, before it signs", &alarm.to_string());
    assert!(server.stop().await.success());

    // Another machine remembers nothing.
    let server = Process::serve(&forgetful, &[]).await;
    tokio::time::sleep(Duration::from_secs(SETTLED_SECONDS.unsigned_abs() + 1)).await;
    for _ in 0..5 {
        stage.web(&server).get("/api/v1/projects").await.expect(200);
    }
    let other = stage.export(&server, "other").await;
    assert!(server.stop().await.success());
    let vkey = stage.vkey.clone();
    command(&["verify", &other, "--vkey", &vkey], &[]).await.exited(0);

    let kept = Path::new(&one).join(CHECKPOINT_PATH).display().to_string();
    let older = async |log: &str| {
        let arguments = ["verify", log, "--vkey", &vkey, "--older", &kept, "--json"];
        command(&arguments, &[]).await.exited(1)
    };
    let (short, forked) = (older(&stage.log).await, older(&other).await);
    stage.noticed("a log without its tail is shown", "`verify DIR --older CHECKPOINT`", &short);
    stage.noticed("two views are served", "`verify DIR --older CHECKPOINT`", &forked);
    let arguments = ["verify", &other, "--vkey", &vkey, "--receipts", &receipts, "--json"];
    let said: Value = serde_json::from_str(&command(&arguments, &[]).await.exited(1)).expect("JSON");
    let broken = &said["receipts"]["not_kept"][0];
    assert_eq!(broken["entry"], promised.entry().as_str(), "{said}");
    let what = "a promised entry is dropped from a log that is whole";
    stage.noticed(what, "`verify DIR --receipts FILE`", &broken.to_string());

    let mut witness = program(&["witness", "--json", "--listen", "127.0.0.1:0"]);
    witness.args(["--state", &stage.folder.join("witness"), "--log", &vkey]);
    let witness = Process::start(witness, true).await;
    let policy = stage.folder.join("logs.policy");
    let known = witness.said["vkey"].as_str().expect("a key");
    let text = format!("log {vkey}\nwitness one {known} {}\nquorum one\n", witness.url);
    std::fs::write(&policy, text).expect("written");
    let show = async |log: &str, code| {
        let arguments = ["audit", "witness", "--dir", log, "--policy", &policy, "--json"];
        let said: Value = serde_json::from_str(&command(&arguments, &[]).await.exited(code)).expect("JSON");
        said["witnesses"][0].clone()
    };
    let first = show(&one, 0).await;
    assert!(first["refused"].is_null(), "{first}");
    let second = show(&other, 1).await;
    assert!(second["refused"].is_string(), "{second}");
    stage.noticed("two views are served", "a witness", &second.to_string());
    command(&["verify", &other, "--policy", &policy], &[]).await.exited(3);
    witness.kill().await;
}

#[test]
fn the_page_about_the_log_has_this_table() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/audit.md");
    let page = std::fs::read_to_string(page).expect("the page");
    for (what, check, word) in DRILL {
        let line = format!("| {what} | {check} | `{word}` |");
        assert!(page.contains(&line), "docs/audit.md lacks: {line}");
    }
}
