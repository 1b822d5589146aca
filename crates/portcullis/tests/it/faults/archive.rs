//! Archiving, broken at each call: no entry is in neither place, and the next run finishes it.

use std::path::{Path, PathBuf};

use super::acts::Act;
use super::strace::is_usable;
use crate::house::process::{Folder, Process, command};
use crate::house::{Database, Tenant, run};
use crate::retention::{CALLS, GONE, PLACES, ROWS, Stage, age, count, fill, stage};

/// Calls that are broken where not all of them are.
const FAULTS_MAX: usize = 6;
/// Entries that are old, and in whole bundles.
const OLD: i64 = 512;

/// Entries that are in neither place, and what is on record about an archive.
async fn nothing_is_lost(database: &Database, tenant: &Tenant, shelf: &Path) -> i64 {
    let gone = count(database, GONE, tenant).await;
    let (rows, places) = (count(database, ROWS, tenant).await, count(database, PLACES, tenant).await);
    assert!(rows + gone >= places, "{rows} rows and {gone} archived entries for {places} places");
    if gone > 0 {
        let own = shelf.join(tenant.id.to_string()).display().to_string();
        command(&["verify", &own], &[]).await.exited(0);
    }
    database.verified().await.exited(0);
    gone
}

#[test]
fn an_archive_that_could_not_be_written_costs_no_entry() {
    run(async |house| {
        if !is_usable().await {
            return;
        }
        let folder = Folder::new("faults-archive");
        let Stage { database: backup, tenant, key } = stage(house, "faults_archive").await;
        let server = Process::serve(&backup, &[("PORTCULLIS_LOG", "warn")]).await;
        fill(&server.web(key), CALLS).await;
        assert!(server.stop().await.success());
        age(&backup, &tenant).await;
        let database = backup.copy("broken").await;

        let place = folder.path().join("place");
        let (shelf, data) = (place.join("archive"), place.join("data"));
        let environment = database.environment();
        let mut env: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let data = data.display().to_string();
        env.push(("PORTCULLIS_DATA_DIR", &data));
        let act = Act {
            name: "archiving",
            arguments: ["audit", "archive", "--archive-dir", &shelf.display().to_string()]
                .map(String::from)
                .into(),
            env: &env,
            folder: &folder,
            place: place.clone(),
            result: None::<PathBuf>,
            most: FAULTS_MAX,
        };
        let set = async || {
            let _ = std::fs::remove_dir_all(&place);
            std::fs::create_dir(&place).expect("a place");
            database.put_back(&backup).await;
        };
        let cut = async || {
            nothing_is_lost(&database, &tenant, &shelf).await;
        };
        let whole = async || {
            let gone = nothing_is_lost(&database, &tenant, &shelf).await;
            assert!(gone >= OLD, "{gone}");
        };
        let tally = act.break_everywhere(set, cut, whole).await;
        assert!(tally.calls > 80 && tally.broken > FAULTS_MAX / 2, "{tally:?}");
    });
}
