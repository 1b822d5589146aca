use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::hash::leaf_hash;
use crate::testing::{naive_root, numbered_leaves};

fn path(text: &str) -> TilePath {
    text.parse().unwrap()
}

#[test]
fn paths_are_spelled_as_in_the_specification() {
    assert_eq!(TilePath::hashes(0, 1_234_067, 256).unwrap().to_string(), "tile/0/x001/x234/067");
    assert_eq!(TilePath::entries(0, 17).unwrap().to_string(), "tile/entries/000.p/17");
    assert_eq!(TilePath::entries(1_000, 256).unwrap().to_string(), "tile/entries/x001/000");
    assert_eq!(path("tile/63/999.p/255"), TilePath::hashes(63, 999, 255).unwrap());
    assert_eq!(path("tile/entries/x001/x234/067.p/8").full(), TilePath::entries(1_234_067, 256).unwrap());
    let largest = TilePath::hashes(0, u64::MAX, 255).unwrap();
    assert_eq!(path(&largest.to_string()), largest);
}

#[test]
fn other_spellings_are_refused() {
    for wrong in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/data/000",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001/x002",
        "tile/0/x01/002",
        "tile/0/000/",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1/2",
        "tile/0/000.p",
        "tile/0/0\u{660}0",
        "tile/entries/../000",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/entries/x018/x446/x744/x073/x709/x551/616",
    ] {
        assert_eq!(wrong.parse::<TilePath>(), Err(PathError::Format), "{wrong:?}");
    }
    assert_eq!(TilePath::hashes(64, 0, 1), Err(PathError::Range));
    assert_eq!(TilePath::entries(0, 0), Err(PathError::Range));
    assert_eq!(TilePath::entries(0, 257), Err(PathError::Range));
}

#[test]
fn the_tiles_of_the_specifications_example() {
    let tiles: Vec<_> = tiles_for(70_000).collect();
    let count = |prefix: &str| tiles.iter().filter(|tile| tile.to_string().starts_with(prefix)).count();
    assert_eq!(
        (count("tile/entries/"), count("tile/0/"), count("tile/1/"), count("tile/2/")),
        (274, 274, 2, 1)
    );
    assert_eq!(tiles.len(), 551);
    for partial in ["tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"] {
        assert!(tiles.contains(&path(partial)), "{partial}");
    }
    let small: Vec<_> = tiles_for(256).map(|tile| tile.to_string()).collect();
    assert_eq!(small, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(tiles_for(0).count(), 0);
    // Only an iterator: the largest log costs nothing until it is walked.
    assert_eq!(tiles_for(u64::MAX).take(3).count(), 3);
}

#[test]
fn bundles_are_read_to_the_last_whole_entry() {
    let long = vec![b'x'; ENTRY_BYTES_MAX];
    let bundle = encode_bundle([b"one".as_slice(), b"", &long]).unwrap();
    let entries: Result<Vec<_>, _> = decode_bundle(&bundle).collect();
    assert_eq!(entries.unwrap(), [b"one".as_slice(), b"", &long]);
    let too_long = vec![0; ENTRY_BYTES_MAX + 1];
    assert_eq!(encode_bundle([&too_long]), Err(TileError::EntryTooLarge(65_536)));
    let cut: Vec<_> = decode_bundle(&bundle[..bundle.len() - 1]).collect();
    assert_eq!(cut, [Ok(b"one".as_slice()), Ok(b"".as_slice()), Err(TileError::Truncated(2))]);
    assert_eq!(decode_bundle(&[0]).collect::<Vec<_>>(), [Err(TileError::Truncated(0))]);
}

#[test]
fn a_tile_stands_for_its_subtree() {
    let leaves = numbered_leaves(256);
    assert_eq!(tile_root(&leaves), Some(naive_root(&leaves)));
    assert_eq!(tile_root(&leaves[..128]), None);
    let bytes = encode_tile(&leaves);
    assert_eq!(bytes.len(), 8_192);
    assert_eq!(decode_tile(&bytes, 256).unwrap(), leaves);
    assert_eq!(decode_tile(&bytes, 255), Err(TileError::Length { expected: 8_160, actual: 8_192 }));
}

proptest! {
    #[test]
    fn paths_round_trip(level in 0_u8..64, index: u64, width in 1_u16..=256, entries: bool) {
        let tile = if entries { TilePath::entries(index, width) } else { TilePath::hashes(level, index, width) };
        let tile = tile.unwrap();
        prop_assert_eq!(path(&tile.to_string()), tile);
        if !entries && index < 1 << 40 {
            // The older path of Go's checksum database has the tile height in front.
            let theirs = tlog_tiles::Tile::new(8, level, index, u32::from(width), false).path();
            prop_assert_eq!(theirs.replacen("tile/8/", "tile/", 1), tile.to_string());
        }
    }

    #[test]
    fn what_parses_is_written_back_the_same(text in "tile/(entries|[0-9]{1,2})/(x?[0-9]{3}/){0,3}[0-9]{3}(\\.p/[0-9]{1,3})?") {
        if let Ok(tile) = text.parse::<TilePath>() {
            prop_assert_eq!(tile.to_string(), text);
        }
    }

    #[test]
    fn tiles_are_those_tlog_tiles_would_publish(size in 0_u64..200_000) {
        let ours: BTreeSet<_> = tiles_for(size).filter(|tile| tile.kind() != TileKind::Entries)
            .map(|tile| tile.to_string()).collect();
        let theirs: BTreeSet<_> = tlog_tiles::Tile::new_tiles(8, 0, size).iter()
            .map(|tile| tile.path().replacen("tile/8/", "tile/", 1)).collect();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn bundles_round_trip(entries: Vec<Vec<u8>>) {
        let bundle = encode_bundle(&entries).unwrap();
        let read: Result<Vec<_>, _> = decode_bundle(&bundle).map(|entry| entry.map(<[u8]>::to_vec)).collect();
        prop_assert_eq!(read, Ok(entries));
    }

    #[test]
    fn bundles_never_panic(bytes: Vec<u8>, width in 0_u16..300) {
        prop_assert!(decode_bundle(&bytes).count() <= bytes.len());
        let _ = decode_tile(&bytes, width);
        let _ = leaf_hash(&bytes);
    }
}
