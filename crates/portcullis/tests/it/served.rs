//! `verify URL`: a served log, verified from elsewhere without a database; whole, and what is new since the last time.

use std::path::Path;

use serde_json::Value;

use crate::house::process::{Folder, Process, Ran, command};
use crate::house::web::Web;
use crate::house::{Tenant, run};

/// Calls between two visits: enough for a full tile and a partial one.
const CALLS: usize = 270;

async fn visit(server: &Process, key: &str, more: &[&str]) -> Ran {
    let arguments = [&["verify", server.url.as_str()], more].concat();
    command(&arguments, &[("PORTCULLIS_API_KEY", key)]).await
}

async fn grow(web: &Web, calls: usize) -> u64 {
    for _ in 0..calls {
        web.get("/api/v1/projects").await.expect(200);
    }
    web.post_empty("/api/v1/audit/checkpoints").await.expect(201).json()["size"].as_u64().expect("a size")
}

fn report(said: &str) -> Value {
    let said: Value = serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said}"));
    said["report"].clone()
}

#[test]
fn a_monitor_follows_a_log_and_notices_another_history() {
    run(async |house| {
        let folder = Folder::new("served");
        let database = house.database("served").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "served").await;
        vault.close();
        let key = tenant.owner_key.expose().to_owned();
        let server = Process::serve(&database, &[]).await;
        let web = server.web(key.clone());
        grow(&web, 3).await;
        let said = visit(&server, &key, &[]).await.exited(0);
        assert!(said.starts_with("INTACT"), "{said}");
        assert!(server.stop().await.success());
        let backup = database.restored().await;

        let server = Process::serve(&database, &[]).await;
        let web = server.web(key.clone());
        let copy = folder.join("copy");
        let keep = ["--keep", copy.as_str(), "--json"];
        let first = report(&visit(&server, &key, &keep).await.exited(0))["size"].as_u64().expect("a size");
        let exports = web.entries("audit.exported").await.len();
        // What is new alone, and it continues what was kept.
        let grown = grow(&web, CALLS).await;
        let again = visit(&server, &key, &keep).await;
        assert!(again.err.contains("files are new"), "{again:?}");
        let again = report(&again.exited(0));
        assert_eq!(again["continues"], serde_json::json!([first]), "{again}");
        assert!(again["size"].as_u64().is_some_and(|size| size >= grown), "{again}");
        assert_eq!(web.entries("audit.exported").await.len(), exports, "the whole log was not fetched again");
        command(&["verify", &copy], &[]).await.exited(0);
        // A try that was cut off left files: they are not fetched again, and what they are is found out.
        let incoming = folder.path().join(".copy.incoming/tile/entries/001.p");
        std::fs::create_dir_all(&incoming).expect("a folder");
        let next = grow(&web, 1).await;
        std::fs::write(incoming.join((next - 256).to_string()), b"damaged").expect("written");
        let damaged = report(&visit(&server, &key, &keep).await.exited(1));
        assert_eq!(damaged["verdict"], "damaged", "{damaged}");
        let spoken = visit(&server, &key, &keep[..2]).await.exited(0);
        assert!(spoken.contains("Continues"), "{spoken}");
        let refused = visit(&server, "a key of nobody", &[]).await;
        assert!(refused.code != Some(0) && refused.err.contains("401"), "{refused:?}");
        assert!(server.stop().await.success());

        // Another machine with a backup: its log is genuine, and not the one that was seen.
        let before = std::fs::read(Path::new(&copy).join("checkpoint")).expect("a checkpoint");
        let server = Process::serve(&backup, &[]).await;
        grow(&server.web(key.clone()), 5).await;
        let other = report(&visit(&server, &key, &keep).await.exited(1));
        assert!(other["findings"].to_string().contains("rolled_back"), "{other}");
        grow(&server.web(key.clone()), CALLS + 30).await;
        let other = report(&visit(&server, &key, &keep).await.exited(1));
        assert!(other["findings"].to_string().contains("inconsistent"), "{other}");
        assert_eq!(std::fs::read(Path::new(&copy).join("checkpoint")).expect("a checkpoint"), before);
        assert!(server.stop().await.success());
    });
}
