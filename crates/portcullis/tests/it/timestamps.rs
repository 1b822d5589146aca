//! Time-stamps of evidence packs by a real authority: the machine's OpenSSL behind a small listener. And by authorities that
//! are silent, talk of something else, or are not there.

use std::io::{Cursor, Read as _};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use evidence::verify::Verdict;
use http::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::Command;
use zip::ZipArchive;

use crate::evidence::{Stage, verify};
use crate::house::process::{Folder, command, run_to_end};
use crate::house::run;

/// The longest a pack may take with an authority that never answers: its ten seconds, and a slow machine.
const SILENT_PACK_SECONDS_MAX: u64 = 40;
/// A byte of a question that says with which algorithm it was hashed.
const ALGORITHM_AT: usize = 19;
/// A byte of a question's hash.
const HASH_AT: usize = 40;
/// A byte of a question's nonce.
const NONCE_AT: usize = 60;

/// How an authority behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    Honest,
    Silent,
    Garbage,
    /// It answers with a token whose nonce is another.
    OtherNonce,
    /// It answers with a token for another hash.
    OtherHash,
    Endless,
    Unwilling,
    /// Its answer says that it grants no token.
    Ungranted,
}

/// An authority: certificates of its own, and a listener before `openssl ts -reply`.
struct Authority {
    folder: Arc<Folder>,
    manner: Arc<Mutex<Manner>>,
    url: String,
}

async fn openssl(folder: &Path, arguments: &str) -> String {
    let mut command = Command::new("openssl");
    command.args(arguments.split_whitespace()).current_dir(folder);
    run_to_end(command).await.exited(0)
}

impl Authority {
    async fn open() -> Self {
        let folder = Folder::new("tsa");
        let at = folder.path().to_owned();
        let write = |name: &str, text: &str| std::fs::write(at.join(name), text).expect("written");
        write(
            "ext.cnf",
            "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n",
        );
        write(
            "tsa.cnf",
            "[tsa]\ndefault_tsa=one\n[one]\nserial=serial\nsigner_cert=tsa.pem\nsigner_key=tsa.key\nsigner_digest=sha256\n\
             default_policy=1.2.3.4.1\ndigests=sha256\naccuracy=secs:1\ness_cert_id_alg=sha256\n",
        );
        write("serial", "01\n");
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        for other in ["ca", "stranger"] {
            openssl(
                &at,
                &format!("req -x509 {key} -keyout {other}.key -out {other}.pem -subj /CN={other} -days 2"),
            )
            .await;
        }
        openssl(&at, &format!("req {key} -keyout tsa.key -out tsa.csr -subj /CN=tsa")).await;
        openssl(&at, "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext.cnf -out tsa.pem")
            .await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/tsr?policy=short", listener.local_addr().expect("an address"));
        let (folder, manner) = (Arc::new(folder), Arc::new(Mutex::new(Manner::Honest)));
        let held = (Arc::clone(&folder), Arc::clone(&manner));
        let answer = move |headers: http::HeaderMap, question: bytes::Bytes| {
            let (folder, manner) = (Arc::clone(&held.0), *held.1.lock().expect("a manner"));
            async move {
                assert_eq!(headers["content-type"], "application/timestamp-query");
                answer(folder.path(), manner, question.to_vec()).await
            }
        };
        let router = axum::Router::new().route("/tsr", axum::routing::post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { folder, manner, url }
    }

    fn behave(&self, manner: Manner) {
        *self.manner.lock().expect("a manner") = manner;
    }

    /// Verifies as other people do.
    async fn verify(&self, manifest: &Path, token: &Path, ca: &str) -> bool {
        let mut command = Command::new("openssl");
        command.args(["ts", "-verify", "-data"]).arg(manifest).arg("-in").arg(token);
        let output =
            command.args(["-CAfile", ca]).current_dir(self.folder.path()).output().await.expect("run");
        output.status.success()
    }
}

async fn answer(folder: &Path, manner: Manner, mut question: Vec<u8>) -> (StatusCode, Vec<u8>) {
    match manner {
        Manner::Honest => {}
        Manner::Silent => std::future::pending().await,
        Manner::Garbage => return (StatusCode::OK, b"<html>It works!</html>".to_vec()),
        Manner::OtherNonce => question[NONCE_AT] ^= 1,
        Manner::OtherHash => question[HASH_AT] ^= 1,
        Manner::Endless => return (StatusCode::OK, vec![0x30; 1_000_000]),
        Manner::Unwilling => return (StatusCode::SERVICE_UNAVAILABLE, Vec::new()),
        Manner::Ungranted => {
            // SHA-384, which it does not take.
            question[ALGORITHM_AT] = 0x02;
        }
    }
    std::fs::write(folder.join("q.tsq"), question).expect("written");
    openssl(folder, "ts -reply -config tsa.cnf -queryfile q.tsq -out r.tsr").await;
    (StatusCode::OK, std::fs::read(folder.join("r.tsr")).expect("an answer"))
}

fn file(archive: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(archive)).expect("an archive");
    let mut bytes = Vec::new();
    archive.by_name(name).ok()?.read_to_end(&mut bytes).expect("read");
    Some(bytes)
}

fn manifest(archive: &[u8]) -> Value {
    serde_json::from_slice(&file(archive, "manifest.json").expect("a manifest")).expect("JSON")
}

#[test]
fn a_real_authority_vouches_for_the_time_of_a_pack() {
    run(async |house| {
        let authority = Authority::open().await;
        let stage = Stage::set_with(house, "evidence_tsa", &[("PORTCULLIS_TSA_URL", &authority.url)]).await;
        stage.web.get("/api/v1/projects").await.expect(200);
        let made = stage.pack("soc2", true).await;
        assert_eq!(made["timestamp"], "token", "{made}");
        assert!(made["timestamped_at"].is_string() && made["timestamp_failure"].is_null(), "{made}");
        let first = stage.download(&made["id"]).await.body;
        assert_eq!(first, stage.download(&made["id"]).await.body);
        assert_eq!(manifest(&first)["timestamp"]["outcome"], "token");
        let report = verify(&first, &stage.vkey().await);
        assert_eq!(report.verdict(), Verdict::Intact, "{:?}", report.findings);
        let stamped = report.timestamp.expect("a token");
        assert_eq!(stamped.policy, "1.2.3.4.1");
        assert_eq!(made["timestamped_at"], stamped.at);

        let folder = Folder::new("evidence_tsa");
        let at = |name: &str| folder.path().join(name);
        let (written, token, altered) = (at("manifest.json"), at("manifest.tsr"), at("altered.json"));
        let mut bytes = file(&first, "manifest.json").expect("a manifest");
        std::fs::write(&written, &bytes).expect("written");
        std::fs::write(&token, file(&first, "manifest.tsr").expect("a token")).expect("written");
        bytes[100] ^= 1;
        std::fs::write(&altered, &bytes).expect("written");
        assert!(authority.verify(&written, &token, "ca.pem").await);
        assert!(!authority.verify(&altered, &token, "ca.pem").await, "an altered manifest");
        assert!(!authority.verify(&written, &token, "stranger.pem").await, "another authority");
        let pack = folder.join("pack.zip");
        std::fs::write(&pack, &first).expect("written");
        let said = command(&["verify", &pack], &[]).await.exited(0);
        assert!(said.contains("Time-stamp") && said.contains("1.2.3.4.1"), "{said}");
        let entries = stage.web.entries("evidence.pack_created").await;
        assert_eq!(entries[0]["data"]["timestamp"], "token", "{}", entries[0]);
        stage.end().await;
    });
}

#[test]
fn a_pack_is_made_without_a_token_when_the_authority_is_of_no_use() {
    run(async |house| {
        let authority = Authority::open().await;
        let stage =
            Stage::set_with(house, "evidence_no_tsa", &[("PORTCULLIS_TSA_URL", &authority.url)]).await;
        for (manner, why) in [
            (Manner::Garbage, "malformed"),
            (Manner::Endless, "malformed"),
            (Manner::OtherNonce, "mismatch"),
            (Manner::OtherHash, "mismatch"),
            (Manner::Unwilling, "refused"),
            (Manner::Ungranted, "refused"),
            (Manner::Silent, "silent"),
        ] {
            authority.behave(manner);
            let begun = Instant::now();
            let made = stage.pack("soc2", true).await;
            assert!(begun.elapsed() < Duration::from_secs(SILENT_PACK_SECONDS_MAX), "{manner:?}");
            assert_eq!(
                (&made["timestamp"], &made["timestamp_failure"]),
                (&"failed".into(), &why.into()),
                "{manner:?}"
            );
            let taken = stage.download(&made["id"]).await.body;
            let said = &manifest(&taken)["timestamp"];
            assert_eq!((&said["outcome"], &said["why"]), (&"failed".into(), &why.into()), "{manner:?}");
            assert_eq!(file(&taken, "manifest.tsr"), None);
            let report = verify(&taken, &stage.vkey().await);
            assert_eq!(report.verdict(), Verdict::Intact, "{:?}", report.findings);
        }
        let entries = stage.web.entries("evidence.pack_created").await;
        assert!(entries.iter().all(|entry| entry["data"]["timestamp"] == "failed"), "{entries:?}");
        stage.end().await;
    });
}

#[test]
fn nobody_is_asked_where_no_authority_is_named_and_a_closed_port_is_said() {
    run(async |house| {
        let stage = Stage::set(house, "evidence_unstamped").await;
        let made = stage.pack("soc2", true).await;
        assert_eq!(made["timestamp"], "none", "{made}");
        assert_eq!(manifest(&stage.download(&made["id"]).await.body)["timestamp"]["outcome"], "none");
        stage.end().await;
        // Bound, and never listened on.
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/", socket.local_addr().expect("an address"));
        drop(socket);
        let stage = Stage::set_with(house, "evidence_gone_tsa", &[("PORTCULLIS_TSA_URL", &url)]).await;
        let made = stage.pack("soc2", true).await;
        assert_eq!(made["timestamp_failure"], "unreachable", "{made}");
        stage.end().await;
    });
}
