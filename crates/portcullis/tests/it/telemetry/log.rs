//! The log: lines of JSON with the id of the request, and none of the words that were said.

use std::time::Duration;

use serde_json::Value;

use super::{address, forbidden, one_of_each};
use crate::house::process::{Process, command};
use crate::house::{Database, Tenant, Wire, run};

/// Every line of it, parsed.
fn lines(written: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    written.lines().map(parse).collect()
}

#[test]
fn each_line_is_json_with_the_requests_id_and_no_secret() {
    run(async |house| {
        let database: Database = house.database("log").await;
        let vault = database.vault().await.expect("served");
        let tenant = Tenant::make(&vault, "log").await;
        vault.close();
        // The most that an operator in search of a fault can ask for.
        let env = [("PORTCULLIS_LOG_FORMAT", "json"), ("PORTCULLIS_LOG", "trace")];
        let mut server = Process::serve(&database, &env).await;
        let wire = Wire::to(address(&server));
        let ids =
            one_of_each(&wire, &tenant, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").await;
        server.terminate();
        assert!(server.ended().await.success());
        // The last lines are read from the pipe after the end.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let written = server.written();
        let lines = lines(&written);
        for line in &lines {
            for member in ["timestamp", "level", "message", "target"] {
                assert!(line[member].is_string(), "{member} is missing: {line}");
            }
        }
        for id in &ids {
            let answered =
                |line: &&Value| line["message"] == "answered" && line["span"]["request_id"] == **id;
            let [line] = lines.iter().filter(answered).collect::<Vec<_>>()[..] else {
                panic!("{id} is answered in one line:\n{written}")
            };
            assert!(line["status"].is_u64() && line["duration_ms"].is_u64(), "{line}");
            assert!(line["span"]["trace_id"].is_string() && line["span"]["route"].is_string(), "{line}");
        }
        let first = lines.iter().find(|line| line["span"]["request_id"] == *ids[0]).expect("its line");
        assert_eq!(first["span"]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
        let passwords = database.environment();
        let own = passwords.iter().map(|(_, value)| value.clone());
        for word in forbidden(&tenant).into_iter().chain(own) {
            assert!(!written.contains(&word), "{word} is in the log:\n{written}");
        }
        assert!(lines.iter().any(|line| line["message"] == "stopped"), "the end is told too:\n{written}");
    });
}

/// Why a server did not start is a line of the same log.
#[test]
fn a_start_that_fails_is_told_in_json_too() {
    run(async |house| {
        let database = house.database("log_fails").await;
        let own = database.environment();
        let mut env: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let busy = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let listen = busy.local_addr().expect("its number").to_string();
        env.extend([
            ("PORTCULLIS_LOG_FORMAT", "json"),
            ("PORTCULLIS_USER", "nobody"),
            ("PORTCULLIS_LISTEN", &listen),
        ]);
        let ran = command(&["serve"], &env).await;
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let lines = lines(&ran.err);
        let last = lines.last().expect("it says why");
        assert_eq!(last["level"], "ERROR", "{last}");
        assert!(last["message"].is_string(), "{last}");
    });
}
