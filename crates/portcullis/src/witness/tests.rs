use std::path::PathBuf;

use audit_log::proof::{LeafHashes, prove_consistency};
use audit_log::{Checkpoint, Cosigner, CosignerKey, Frontier, Hash, SigningKey, leaf_hash};
use axum::body::Body;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;

const ORIGIN: &str = "logs.example.com/log/1";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(KeyName::new(ORIGIN).unwrap(), &[seed; 32]).unwrap()
}

/// A folder of a test's own, gone when the test is.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("portcullis-witness-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        Self(dir)
    }

    /// The folder's memory. Tests beside this one start programs: until such a child is its own program it holds what its
    /// parent held.
    fn remembered(&self, name: &str) -> anyhow::Result<(Memory, Cosigner)> {
        let began = std::time::Instant::now();
        loop {
            match Memory::open(&self.0, KeyName::new(name).unwrap()) {
                Err(error) if error.to_string().contains("in use") && began.elapsed().as_secs() < 10 => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                done => return done,
            }
        }
    }

    fn open(&self) -> (axum::Router, CosignerKey) {
        let (memory, cosigner) = self.remembered("witness.example.org").unwrap();
        let known = cosigner.key().clone();
        let logs = BTreeMap::from([(ORIGIN.to_owned(), vec![key(1).verifier().clone()])]);
        (answer::router(Arc::new(Witness::new(logs, memory, cosigner))), known)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Leaves of a log; `rewritten` makes another history of the same length.
fn leaves(count: usize, rewritten: bool) -> Vec<Hash> {
    (0..count)
        .map(|n| leaf_hash(format!("{n}{}", if rewritten && n == 1 { "!" } else { "" }).as_bytes()))
        .collect()
}

fn request(old: usize, leaves: &[Hash]) -> String {
    let mut tree = Frontier::new();
    for leaf in leaves {
        tree.append(*leaf);
    }
    let note = Checkpoint::of(KeyName::new(ORIGIN).unwrap(), &tree).sign(&key(1)).unwrap();
    let proof = match old {
        0 => Vec::new(),
        old if old == leaves.len() => Vec::new(),
        old => prove_consistency(&LeafHashes(leaves), old as u64, leaves.len() as u64).unwrap(),
    };
    audit_log::AddCheckpoint { old_size: old as u64, proof, note }.body()
}

async fn send(router: &axum::Router, body: impl Into<Body>) -> (StatusCode, String, Response<()>) {
    let request = Request::post("/add-checkpoint").body(body.into()).unwrap();
    let (head, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    (head.status, text, Response::from_parts(head, ()))
}

#[tokio::test]
async fn a_log_that_grows_is_cosigned_also_after_a_restart() {
    let scratch = Scratch::new("grows");
    let mut known = None;
    for (old, new) in [(0, 3), (3, 3), (3, 8), (8, 300)] {
        // A new process each time: only what is on the disk counts.
        let (router, vkey) = scratch.open();
        let (status, line, _) = send(&router, request(old, &leaves(new, false))).await;
        assert_eq!(status, StatusCode::OK, "{line}");
        let signed = audit_log::cosign::parse_lines(line.as_bytes()).unwrap();
        let body = request(old, &leaves(new, false));
        let mut note = audit_log::AddCheckpoint::parse(body.as_bytes()).unwrap().note;
        note.add_signature(signed[0].clone()).unwrap();
        assert!(vkey.verify(&note).unwrap().is_some_and(|at| at > 1_700_000_000));
        assert!(known.replace(vkey.clone()).is_none_or(|before| before == vkey), "the key stays");
    }
}

#[tokio::test]
async fn a_rewritten_log_is_refused_and_the_proof_kept() {
    let scratch = Scratch::new("rewritten");
    let (router, _) = scratch.open();
    assert_eq!(send(&router, request(0, &leaves(5, false))).await.0, StatusCode::OK);
    assert_eq!(send(&router, request(5, &leaves(9, true))).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(send(&router, request(5, &leaves(5, true))).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let proofs: Vec<_> = std::fs::read_dir(scratch.0.join("forks")).unwrap().collect();
    assert_eq!(proofs.len(), 2);
    for proof in proofs {
        let note = std::fs::read(proof.unwrap().path()).unwrap();
        let signed = audit_log::open_checkpoint(&note, key(1).verifier()).unwrap();
        assert!(matches!(signed.size(), 5 | 9), "the log's own signature convicts it");
    }
    // And what was honest goes on.
    let (status, size, answer) = send(&router, request(3, &leaves(9, false))).await;
    assert_eq!((status, size.as_str()), (StatusCode::CONFLICT, "5\n"));
    assert_eq!(answer.headers()["content-type"], "text/x.tlog.size");
    assert_eq!(send(&router, request(5, &leaves(9, false))).await.0, StatusCode::OK);
}

#[tokio::test]
async fn one_of_many_parallel_requests_wins_each_size() {
    let scratch = Scratch::new("parallel");
    let (router, _) = scratch.open();
    let asked = (1..=24).map(|size| {
        let (router, body) = (router.clone(), request(0, &leaves(size, size % 2 == 0)));
        tokio::spawn(async move { send(&router, body).await.0 })
    });
    let mut answers = Vec::new();
    for asked in asked.collect::<Vec<_>>() {
        answers.push(asked.await.unwrap());
    }
    let won = answers.iter().filter(|status| **status == StatusCode::OK).count();
    assert_eq!(won, 1, "from nothing there is one first step: {answers:?}");
    assert!(answers.iter().all(|status| matches!(status.as_u16(), 200 | 409)));
}

#[tokio::test]
async fn what_cannot_be_remembered_is_not_cosigned() {
    let scratch = Scratch::new("forgets");
    let (router, _) = scratch.open();
    assert_eq!(send(&router, request(0, &leaves(5, false))).await.0, StatusCode::OK);
    let memory = std::fs::read_dir(&scratch.0).unwrap().map(|file| file.unwrap().path());
    let memory = memory.filter(|path| path.file_name().unwrap().len() == 64).collect::<Vec<_>>();
    std::fs::write(&memory[0], "x").unwrap();
    assert_eq!(send(&router, request(5, &leaves(9, false))).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(send(&router, request(0, &leaves(9, true))).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn strangers_and_nonsense_are_refused() {
    let scratch = Scratch::new("strangers");
    let (router, _) = scratch.open();
    let good = request(0, &leaves(5, false));
    assert_eq!(send(&router, good.replace(ORIGIN, "logs.example.com/log/2")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(send(&router, good.replace("\n5\n", "\n6\n")).await.0, StatusCode::FORBIDDEN);
    assert_eq!(send(&router, good.replace("old 0", "old 6")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(send(&router, "").await.0, StatusCode::BAD_REQUEST);
    let long = vec![b'x'; audit_log::witness::REQUEST_BYTES_MAX + 1];
    assert_eq!(send(&router, long).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(send(&router, good).await.0, StatusCode::OK, "none of it was remembered");
}

#[test]
fn a_folder_has_one_witness_and_one_name() {
    let scratch = Scratch::new("folder");
    let open = |name: &str| Memory::open(&scratch.0, KeyName::new(name).unwrap()).map(|(memory, _)| memory);
    let first = open("a").unwrap();
    assert!(open("a").unwrap_err().to_string().contains("in use"));
    drop(first);
    let other = scratch.remembered("b").map(|_| ()).unwrap_err();
    assert!(other.to_string().contains("is of `a`, not of `b`"));
    scratch.remembered("a").unwrap();
}

#[test]
fn there_must_be_something_to_watch() {
    let args = WitnessArgs {
        state: PathBuf::new(),
        name: "w".to_owned(),
        log: Vec::new(),
        policy: None,
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        json: false,
    };
    assert!(logs(&args).unwrap_err().to_string().contains("nothing to watch"));
    let named = |log: &str| logs(&WitnessArgs { log: vec![log.to_owned()], ..args.clone() });
    assert_eq!(named(&key(1).verifier().to_string()).unwrap().len(), 1);
    assert!(named("nonsense").is_err());
}
