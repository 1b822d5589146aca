//! The commands of those who take a log away, and keep it.

use std::path::{Path, PathBuf};

use kernel::{Clock as _, SystemClock, Timestamp};
use serde_json::{Value, json};

use super::acts::Act;
use super::strace::is_usable;
use crate::house::process::{Folder, Process, command, program};
use crate::house::web::Web;
use crate::house::{Database, House, Tenant, run};
use crate::outsiders::copy_folder;

/// Entries of the log: more than one bundle.
const CALLS: usize = 280;
/// Calls at once while it is filled.
const CALLS_AT_ONCE: usize = 8;
/// Calls of each command that are broken where not all of them are.
const FAULTS_MAX: usize = 8;
/// The period of the pack: the last hour.
const PERIOD_MICROS: i64 = 3_600_000_000;
/// What lies in the folder beside the log, of its keeper.
const KEEPSAKE: &str = "# mine\n";

struct Stage {
    folder: Folder,
    database: Database,
    server: Process,
    key: String,
    /// An earlier export, which the log has outgrown.
    earlier: String,
}

async fn fill(web: &Web) {
    let filling = (0..CALLS_AT_ONCE).map(|_| {
        let web = web.clone();
        tokio::spawn(async move {
            for _ in 0..CALLS / CALLS_AT_ONCE {
                web.get("/api/v1/projects").await.expect(200);
            }
        })
    });
    for task in filling.collect::<Vec<_>>() {
        task.await.expect("filled");
    }
}

impl Stage {
    async fn set(house: &'static House) -> Self {
        let folder = Folder::new("faults");
        let database = house.database("faults").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "faults").await;
        vault.close();
        let server = Process::serve(&database, &[("PORTCULLIS_LOG", "warn")]).await;
        let key = tenant.owner_key.expose().to_owned();
        let web = server.web(key.clone());
        let earlier = folder.join("earlier");
        fill(&web).await;
        let export = ["audit", "export", "--url", &server.url, "--out", &earlier];
        command(&export, &[("PORTCULLIS_API_KEY", &key)]).await.exited(0);
        std::fs::write(Path::new(&earlier).join("receipts.txt"), KEEPSAKE).expect("written");
        fill(&web).await;
        Self { folder, database, server, key, earlier }
    }

    fn place(&self) -> PathBuf {
        self.folder.path().join("place")
    }

    fn in_place(&self, name: &str) -> String {
        self.place().join(name).display().to_string()
    }

    /// An empty place.
    fn clear(&self) {
        let _ = std::fs::remove_dir_all(self.place());
        std::fs::create_dir(self.place()).expect("a place");
    }

    /// The earlier export in its place.
    fn put_earlier(&self) {
        self.clear();
        copy_folder(self.earlier.as_ref(), self.in_place("log").as_ref());
    }

    /// What the log of this name says of itself, and that it goes on where the earlier one ended.
    async fn goes_on(&self, name: &str) {
        let (log, older) = (self.in_place(name), format!("{}/checkpoint", self.earlier));
        command(&["verify", &log, "--older", &older], &[]).await.exited(0);
    }

    async fn goes_on_with_receipts(&self) {
        self.goes_on("log").await;
        let kept = std::fs::read_to_string(self.place().join("log/receipts.txt")).expect("receipts");
        assert_eq!(kept, KEEPSAKE);
    }

    fn act<'a>(&'a self, name: &'static str, arguments: &[&str], env: &'a [(&'a str, &'a str)]) -> Act<'a> {
        let arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        let (place, folder) = (self.place(), &self.folder);
        Act { name, arguments, env, folder, place, result: None, most: FAULTS_MAX }
    }
}

#[test]
fn whoever_takes_a_log_away_has_all_of_it_or_is_told() {
    run(async |house| {
        if !is_usable().await {
            return;
        }
        let stage = Stage::set(house).await;
        let key = [("PORTCULLIS_API_KEY", stage.key.as_str())];
        let (url, log) = (stage.server.url.as_str(), stage.in_place("log"));
        let out = ["audit", "export", "--url", url, "--out", &log];

        let act = stage.act("a first export", &out, &key);
        let cut = async || {
            if Path::new(&log).exists() {
                stage.goes_on("log").await;
            }
        };
        let first =
            act.break_everywhere(async || stage.clear(), cut, async || stage.goes_on("log").await).await;
        assert!(first.calls > 40, "{first:?}");

        let whole = async || stage.goes_on_with_receipts().await;
        let act = stage.act("an export brought up to date", &out, &key);
        act.break_everywhere(async || stage.put_earlier(), whole, whole).await;

        let keep = ["verify", url, "--keep", &log];
        let act = stage.act("a copy that is kept", &keep, &key);
        act.break_everywhere(async || stage.put_earlier(), whole, whole).await;

        events(&stage, &key).await;
        packs(&stage, &key).await;
        cosigned(&stage).await;
        assert!(stage.server.stop().await.success());
        stage.database.verified().await.exited(0);
    });
}

/// Every event is in the file, once and in its order.
async fn events(stage: &Stage, key: &[(&str, &str)]) {
    let file = stage.in_place("events.jsonl");
    let arguments = ["audit", "events", "--url", &stage.server.url, "--out", &file];
    let act = stage.act("a file of events", &arguments, key);
    let whole = async || {
        let text = std::fs::read_to_string(&file).expect("events");
        assert!(text.ends_with('\n'), "the last line is whole");
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a whole line"));
        let indices: Vec<Option<u64>> = lines.map(|line| line["index"].as_u64()).collect();
        let wanted: Vec<Option<u64>> = (0..indices.len() as u64).map(Some).collect();
        assert_eq!(indices, wanted);
        assert!(indices.len() > 2 * CALLS - CALLS_AT_ONCE);
    };
    let set = async || {
        stage.clear();
        // What a run that was cut off left.
        std::fs::write(&file, "{\"index\":0,").expect("written");
    };
    act.break_everywhere(set, async || (), whole).await;
}

async fn packs(stage: &Stage, key: &[(&str, &str)]) {
    let web = stage.server.web(stage.key.clone());
    let to = SystemClock.now();
    let from = Timestamp::from_unix_micros(to.unix_micros() - PERIOD_MICROS);
    let period = json!({ "framework": "soc2", "from": from, "to": to, "everything": false });
    let made = web.post("/api/v1/evidence/packs", &period).await.expect(201).json();
    let (file, id) = (stage.in_place("pack.zip"), made["id"].as_str().expect("an id").to_owned());
    let arguments = ["evidence", "download", &id, "--url", &stage.server.url, "--out", &file];
    let mut act = stage.act("an evidence pack", &arguments, key);
    act.result = Some(PathBuf::from(&file));
    let whole = async || {
        command(&["verify", &file], &[]).await.exited(0);
    };
    let cut = async || {
        if Path::new(&file).exists() {
            whole().await;
        }
    };
    act.break_everywhere(async || stage.clear(), cut, whole).await;
}

/// What witnesses say goes into the folder, or the folder stays as it was.
async fn cosigned(stage: &Stage) {
    let vkey = std::fs::read_to_string(Path::new(&stage.earlier).join("log.vkey")).expect("the key");
    let mut witness = program(&["witness", "--json", "--listen", "127.0.0.1:0"]);
    witness.args(["--state", &stage.folder.join("witness"), "--log", vkey.trim()]);
    let witness = Process::start(witness, true).await;
    let policy = stage.folder.join("logs.policy");
    let known = witness.said["vkey"].as_str().expect("a key");
    let text = format!("log {}\nwitness one {known} {}\nquorum one\n", vkey.trim(), witness.url);
    std::fs::write(&policy, text).expect("written");
    let log = stage.in_place("log");
    let act = stage.act("cosignatures", &["audit", "witness", "--dir", &log, "--policy", &policy], &[]);
    let whole = async || {
        command(&["verify", &log, "--policy", &policy], &[]).await.exited(0);
    };
    let cut = async || stage.goes_on_with_receipts().await;
    act.break_everywhere(async || stage.put_earlier(), cut, whole).await;
    witness.kill().await;
}
