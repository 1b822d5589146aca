use std::convert::Infallible;

use super::*;
use crate::sign_checkpoint;
use crate::source::MemoryLog;
use crate::testing::{ORIGIN, key, log_of, numbered_leaves};
use crate::tiles::tiles_for;

fn leaves(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| n.to_string().into_bytes()).collect()
}

fn note(count: usize) -> String {
    let key = key(ORIGIN, 1);
    let tree: Frontier = numbered_leaves(count).into_iter().collect();
    sign_checkpoint(&Checkpoint::of(key.verifier().name().clone(), &tree), &key).unwrap()
}

#[test]
fn exactly_the_files_of_the_size_are_written() {
    for size in [0, 1, 2, 255, 256, 257, 511, 512, 1_000, 65_535, 65_536, 65_537, 70_000] {
        let log = log_of(&leaves(size), &key(ORIGIN, 1));
        let mut expected: Vec<_> = tiles_for(size as u64).map(|tile| tile.to_string()).collect();
        expected.push(CHECKPOINT_PATH.to_owned());
        expected.sort();
        assert_eq!(log.0.keys().cloned().collect::<Vec<_>>(), expected, "size {size}");
    }
}

#[test]
fn nothing_is_promised_that_was_not_written() {
    let known = [key(ORIGIN, 1).verifier().clone()];
    let all = leaves(300);
    let refused = |leaves: &[Vec<u8>], note: &str| {
        let mut log = MemoryLog::default();
        let error =
            export(&mut log, note.as_bytes(), &known, leaves.iter().map(Ok::<_, io::Error>)).unwrap_err();
        assert!(!log.0.contains_key(CHECKPOINT_PATH));
        error
    };
    assert!(matches!(refused(&all[..299], &note(300)), ExportError::Size { expected: 300, actual: 299 }));
    assert!(matches!(refused(&all, &note(299)), ExportError::Size { expected: 299, actual: 300 }));
    let mut swapped = all.clone();
    swapped.swap(3, 4);
    assert!(matches!(refused(&swapped, &note(300)), ExportError::Root));
    let unsigned = note(300).replace("\u{2014} logs", "\u{2014} blogs");
    assert!(matches!(refused(&all, &unsigned), ExportError::Checkpoint(OpenError::Signature(_))));
    let mut large = all.clone();
    large[0] = vec![0; 65_536];
    assert!(matches!(refused(&large, &note(300)), ExportError::Tile(TileError::EntryTooLarge(65_536))));
}

#[test]
fn a_failing_source_or_sink_stops_the_export() {
    struct Full;
    impl TileSink for Full {
        fn write(&mut self, path: &str, _: &[u8]) -> io::Result<()> {
            if path == "tile/0/000" { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }
    }
    let known = [key(ORIGIN, 1).verifier().clone()];
    let all = leaves(300);
    let stopped = export(&mut Full, note(300).as_bytes(), &known, all.iter().map(Ok::<_, io::Error>));
    assert!(matches!(stopped, Err(ExportError::Io(error)) if error.kind() == io::ErrorKind::StorageFull));
    let failing =
        all.iter().map(Ok::<_, io::Error>).take(10).chain([Err(io::ErrorKind::ConnectionReset.into())]);
    let stopped = export(&mut MemoryLog::default(), note(300).as_bytes(), &known, failing);
    assert!(matches!(stopped, Err(ExportError::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset));
}

#[test]
fn what_was_written_is_told() {
    let known = [key(ORIGIN, 1).verifier().clone()];
    let never =
        leaves(11).into_iter().map(Ok::<_, Infallible>).map(|leaf| leaf.map_err(|never| match never {}));
    let never: Vec<Result<_, io::Error>> = never.collect();
    let exported = export(&mut MemoryLog::default(), note(11).as_bytes(), &known, never).unwrap();
    assert_eq!((exported.checkpoint.size(), exported.entry_bytes), (11, 12));
}
