//! A log and a pack of it, for tests.

use audit_log::proof::ProofPlan;
use audit_log::source::TileNodes;
use audit_log::tiles::TilePath;
use audit_log::{
    Actor, ActorKind, At, Checkpoint, Entry, EntryCore, Frontier, KeyName, Kind, LogProof, MemoryLog, Note,
    Outcome, SigningKey, TileSource as _, leaf_hash, sign_checkpoint,
};
use kernel::Timestamp;
use uuid::Uuid;

use crate::controls::ControlMap;
use crate::digest;
use crate::pack::{self, Description, PackWriter, PolicyVersion, Signed, Stamp, Stream};
use crate::survey::{Selection, Summary, Survey};
use crate::timestamp::testing::answer;

pub(crate) const KINDS: [&str; 5] =
    ["account.signed_in", "llm.call.intent", "llm.call.outcome", "project.created", "policy.changed"];

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(KeyName::new("portcullis.example/log/1").unwrap(), &[7; 32]).unwrap()
}

/// Entry `n` of the log.
pub(crate) fn leaf(n: u64) -> Vec<u8> {
    let kind = KINDS[usize::try_from(n).unwrap() % KINDS.len()];
    let at: At = format!("2026-11-{:02}T10:00:00.000000Z", 1 + n / 40 % 28).parse().unwrap();
    let core = EntryCore {
        id: Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0000 + u128::from(n)),
        at,
        tenant: Uuid::from_u128(1),
        kind: Kind::new(kind).unwrap(),
        actor: Actor { kind: ActorKind::Agent, id: Some("019a".to_owned()), key: None },
        action: "models.call".to_owned(),
        outcome: if n.is_multiple_of(7) { Outcome::Failed } else { Outcome::Ok },
        request_id: format!("req-{n}"),
        policy: format!("pii@{}", n / 100),
        source: "gateway".to_owned(),
    };
    let entry = Entry::builder(core).subject("policy", format!("pii@{}", n / 100)).data("tokens", n);
    entry.build().unwrap().to_leaf().unwrap()
}

/// The log of `size` entries as files, and its signed head.
pub(crate) fn log(size: u64) -> (MemoryLog, Signed) {
    let key = key();
    let mut tree = Frontier::new();
    (0..size).for_each(|n| {
        tree.append(leaf_hash(&leaf(n)));
    });
    let checkpoint = Checkpoint::of(key.verifier().name().clone(), &tree);
    let note = sign_checkpoint(&checkpoint, &key).unwrap();
    let mut files = MemoryLog::default();
    let leaves = (0..size).map(|n| Ok::<_, std::io::Error>(leaf(n)));
    audit_log::export(&mut files, note.as_bytes(), &[key.verifier().clone()], leaves).unwrap();
    (files, Signed { note, checkpoint, key: key.verifier().clone() })
}

pub(crate) fn description(framework: &str, signed: Signed, range: (u64, u64)) -> Description {
    let map = ControlMap::embedded().unwrap();
    let at = |day: i64| Timestamp::from_unix_micros(1_793_000_000_000_000 + day * 86_400_000_000);
    Description {
        pack: Uuid::from_u128(2),
        organization: Uuid::from_u128(1),
        organization_name: "Example <Works>".to_owned(),
        framework: map.framework(framework).unwrap(),
        map,
        everything: false,
        created_at: at(40),
        from: at(0),
        to: at(30),
        signed,
        first: range.0,
        end: range.1,
        policies: vec![PolicyVersion {
            label: "pii@1".to_owned(),
            since: Some(at(3)),
            rules: serde_json::json!({ "label": "pii@1", "thresholds": { "EMAIL": 0.5 } }),
        }],
        stamp: Stamp::None,
    }
}

fn proof(files: &MemoryLog, what: &Description, index: u64) -> LogProof {
    let size = what.signed.checkpoint.size();
    let path = ProofPlan::inclusion(index, size).unwrap().prove(&TileNodes::new(files, size)).unwrap();
    let note = Note::parse(what.signed.note.as_bytes()).unwrap();
    LogProof { extra: Some(leaf(index)), index, path, note }
}

fn tile(files: &MemoryLog, path: TilePath) -> Vec<u8> {
    files.read(&path.to_string()).unwrap().unwrap_or_else(|| panic!("{path}"))
}

/// A pack, made as the server makes one: the manifest first, then the archive, whose manifest must be the same.
pub(crate) fn make(what: &Description, files: &MemoryLog) -> (Vec<u8>, Vec<u8>, Summary) {
    let selection = Selection::of(what.framework, what.everything);
    let mut survey = Survey::new(selection.clone());
    (what.first..what.end).for_each(|n| {
        survey.push(n, &leaf(n)).unwrap();
    });
    let (summary, mut listing) = survey.finish();
    let documents = pack::documents(what, &summary).unwrap();
    listing.extend(documents.iter().map(|(name, content)| pack::FileLine::of(name, content)));
    let paths = pack::tiles(what.first, what.end, what.signed.checkpoint.size()).unwrap();
    listing.extend(paths.iter().map(|path| pack::FileLine::of(&pack::tile_name(*path), &tile(files, *path))));
    let proofs: Vec<(String, String)> = summary
        .key_entries()
        .iter()
        .map(|example| (pack::proof_name(&example.id), proof(files, what, example.index).to_string()))
        .collect();
    listing.extend(proofs.iter().map(|(name, text)| pack::FileLine::of(name, text.as_bytes())));
    let manifest = pack::manifest(what, &summary, listing).unwrap();
    let jws = audit_log::jws::sign_detached(&key(), &manifest).unwrap();

    let mut writer = PackWriter::new(Vec::new());
    for stream in Stream::ALL {
        writer.begin(stream, selection.clone()).unwrap();
        (what.first..what.end).for_each(|n| writer.push(n, &leaf(n)).unwrap());
        writer.end().unwrap();
    }
    for (name, content) in &documents {
        writer.file(name, content).unwrap();
    }
    for path in paths {
        writer.file(&pack::tile_name(path), &tile(files, path)).unwrap();
    }
    for (name, text) in &proofs {
        writer.file(name, text.as_bytes()).unwrap();
    }
    assert_eq!(pack::manifest(what, &summary, writer.files()).unwrap(), manifest);
    let token = (what.stamp == Stamp::Token).then(|| answer(&digest::raw(&manifest), 0));
    (writer.finish(&manifest, &jws, token.as_deref()).unwrap(), manifest, summary)
}
