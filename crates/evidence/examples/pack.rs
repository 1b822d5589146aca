//! Measures how fast a pack is made, written and verified, and how much memory that takes, without a database.
//!
//! `cargo run --release -p evidence --example pack [entries]`. Entries are made on the fly, so that the memory is the pack's.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::time::{Duration, Instant};

use audit_log::jws::sign_detached;
use audit_log::{
    Actor, ActorKind, At, Checkpoint, Entry, EntryCore, Frontier, KeyName, Kind, MemoryLog, Outcome,
    SigningKey, TileSink, TileSource as _, leaf_hash, sign_checkpoint,
};
use evidence::pack::{self, Description, FileLine, PackWriter, Signed, Stamp, Stream};
use evidence::verify::Verdict;
use evidence::{ControlMap, Selection, Survey, verify_pack};
use kernel::Timestamp;
use uuid::Uuid;

const ENTRIES: u64 = 100_000;

fn leaf(n: u64) -> Result<Vec<u8>, Box<dyn Error>> {
    let kinds = [Kind::from_static("llm.call.intent"), Kind::from_static("llm.call.outcome")];
    let core = EntryCore {
        id: Uuid::from_u128(u128::from(n) << 64 | 7),
        at: At::from_unix_micros(1_795_000_000_000_000 + i64::try_from(n)? * 1_000_000)?,
        tenant: Uuid::from_u128(7),
        kind: if n.is_multiple_of(2) { kinds[0].clone() } else { kinds[1].clone() },
        actor: Actor::new(ActorKind::Agent, "01900000-0000-7000-8000-000000000001").with_key("key-1"),
        action: "models.call".to_owned(),
        outcome: Outcome::Ok,
        request_id: format!("req-{n:026}"),
        policy: "pii@3".to_owned(),
        source: "gateway".to_owned(),
    };
    let entry = Entry::builder(core).subject("model", "small-1").data("provider", "example");
    Ok(entry.data("tokens", n % 4_096).data("prompt_sha256", "5a".repeat(32)).build()?.to_leaf()?)
}

/// Seconds this thread has run. Where the system does not tell, wall time, which other load makes longer.
fn seconds(since: Instant) -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let on_cpu = stat.and_then(|stat| stat.split(' ').next()?.parse().ok());
    on_cpu.map_or_else(|| since.elapsed(), Duration::from_nanos).as_secs_f64()
}

/// The most memory this process has held, in KiB; 0 where the system does not tell.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Keeps tiles of hashes, and no entries.
#[derive(Default)]
struct Hashes(MemoryLog);

impl TileSink for Hashes {
    fn write(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        if path.starts_with("tile/entries/") { Ok(()) } else { self.0.write(path, content) }
    }
}

fn log(size: u64, key: &SigningKey) -> Result<(MemoryLog, Signed), Box<dyn Error>> {
    let mut tree = Frontier::new();
    for n in 0..size {
        tree.append(leaf_hash(&leaf(n)?));
    }
    let checkpoint = Checkpoint::of(key.verifier().name().clone(), &tree);
    let note = sign_checkpoint(&checkpoint, key)?;
    let mut files = Hashes::default();
    let leaves = (0..size).map(|n| leaf(n).map_err(|error| io::Error::other(error.to_string())));
    audit_log::export(&mut files, note.as_bytes(), &[key.verifier().clone()], leaves)?;
    Ok((files.0, Signed { note, checkpoint, key: key.verifier().clone() }))
}

fn describe(signed: Signed, size: u64) -> Result<Description, Box<dyn Error>> {
    let map = ControlMap::embedded()?;
    Ok(Description {
        pack: Uuid::from_u128(2),
        organization: Uuid::from_u128(7),
        organization_name: "Example".to_owned(),
        framework: map.framework("eu-ai-act").ok_or("no framework")?,
        map,
        everything: true,
        created_at: Timestamp::from_unix_micros(1_796_000_000_000_000),
        from: Timestamp::from_unix_micros(1_795_000_000_000_000),
        to: Timestamp::from_unix_micros(1_796_000_000_000_000),
        signed,
        first: 0,
        end: size,
        policies: Vec::new(),
        stamp: Stamp::None,
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let size = std::env::args().nth(1).map_or(Ok(ENTRIES), |count| count.parse())?;
    let key = SigningKey::from_seed(KeyName::new("portcullis.example/log/1")?, &[7; 32])?;
    let (tiles, signed) = log(size, &key)?;
    let what = describe(signed, size)?;
    let selection = Selection::of(what.framework, true);
    let path = std::env::temp_dir().join(format!("evidence-pack-{}.zip", std::process::id()));
    let mut out = io::stdout().lock();
    let (begun, before, memory) = (Instant::now(), seconds(Instant::now()), peak());

    let mut survey = Survey::new(selection.clone());
    for n in 0..size {
        survey.push(n, &leaf(n)?)?;
    }
    let (summary, mut files) = survey.finish();
    let documents = pack::documents(&what, &summary)?;
    files.extend(documents.iter().map(|(name, content)| FileLine::of(name, content)));
    let paths = pack::tiles(0, size, size)?;
    for path in &paths {
        files.push(FileLine::of(&pack::tile_name(*path), &tiles.read(&path.to_string())?.ok_or("no tile")?));
    }
    let manifest = pack::manifest(&what, &summary, files)?;
    let jws = sign_detached(&key, &manifest)?;
    let made = seconds(begun);
    writeln!(out, "made in {:.2} s of processor time", made - before)?;

    let mut writer = PackWriter::new(BufWriter::new(File::create(&path)?));
    for stream in Stream::ALL {
        writer.begin(stream, selection.clone())?;
        for n in 0..size {
            writer.push(n, &leaf(n)?)?;
        }
        writer.end()?;
    }
    for (name, content) in &documents {
        writer.file(name, content)?;
    }
    for path in &paths {
        writer.file(&pack::tile_name(*path), &tiles.read(&path.to_string())?.ok_or("no tile")?)?;
    }
    writer.finish(&manifest, &jws, None)?.into_inner()?.sync_all()?;
    let written = seconds(begun);
    let bytes = std::fs::metadata(&path)?.len();
    writeln!(out, "written in {:.2} s, {bytes} bytes", written - made)?;

    let report = verify_pack(
        BufReader::new(File::open(&path)?),
        std::slice::from_ref(&what.signed.key),
        &mut |_, _| {},
    );
    std::fs::remove_file(&path)?;
    if report.verdict() != Verdict::Intact {
        return Err(format!("{:?}", report.findings).into());
    }
    writeln!(
        out,
        "verified in {:.2} s: {} entries, {} files",
        seconds(begun) - written,
        report.entries,
        report.files
    )?;
    writeln!(out, "memory at its peak {} KiB, of which {memory} KiB were held before", peak())?;
    Ok(())
}
