use proptest::prelude::*;

use super::*;
use crate::hash::{EMPTY_ROOT, leaf_hash};
use crate::testing::{ORIGIN, key};

const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

#[test]
fn text_is_that_of_the_specification() {
    let text = format!("example.com/behind-the-sofa\n20852163\n{ROOT}\n");
    let checkpoint = Checkpoint::parse(&text).unwrap();
    assert_eq!(checkpoint.size(), 20_852_163);
    assert_eq!(checkpoint.root().to_base64(), ROOT);
    assert_eq!(checkpoint.to_string(), text);
    assert_eq!(Checkpoint::parse(&format!("{text}extension\nanother one\n")), Ok(checkpoint));
}

#[test]
fn malformed_checkpoints_are_refused() {
    let parse = |text: &str| Checkpoint::parse(text).unwrap_err();
    let with_size = |size: &str| parse(&format!("a\n{size}\n{ROOT}\n"));
    assert_eq!(parse(""), CheckpointError::Lines);
    assert_eq!(parse("a\n1\n"), CheckpointError::Lines);
    assert_eq!(parse(&format!("a\n1\n{ROOT}")), CheckpointError::Lines);
    assert_eq!(parse(&format!("a\n1\n{ROOT}\n\n")), CheckpointError::Lines);
    assert_eq!(parse(&format!("\n1\n{ROOT}\n")), CheckpointError::Lines);
    assert_eq!(parse(&format!("a b\n1\n{ROOT}\n")), CheckpointError::Origin);
    for size in
        ["01", "00", "+1", "-1", " 1", "1 ", "0x1", "1e3", "9223372036854775808", "99999999999999999999999"]
    {
        assert_eq!(with_size(size), CheckpointError::Size, "{size}");
    }
    assert_eq!(parse("a\n1\nAAAA\n"), CheckpointError::Root);
    assert_eq!(parse(&format!("a\n1\n{ROOT} \n")), CheckpointError::Root);
    assert!(Checkpoint::parse(&format!("a\n0\n{ROOT}\n")).is_ok());
    assert!(Checkpoint::parse(&format!("a\n9223372036854775807\n{ROOT}\n")).is_ok());
}

#[test]
fn only_the_logs_own_key_opens_a_checkpoint() {
    let (ours, rotated, other) = (key(ORIGIN, 1), key(ORIGIN, 2), key("logs.example.com/tenant-2", 3));
    let checkpoint = Checkpoint::new(KeyName::new(ORIGIN).unwrap(), 0, EMPTY_ROOT).unwrap();
    let note = sign_checkpoint(&checkpoint, &ours).unwrap();
    assert_eq!(open_checkpoint(note.as_bytes(), ours.verifier()), Ok(checkpoint.clone()));
    let unsigned = Err(OpenError::Signature(SignatureError::Unsigned));
    assert_eq!(open_checkpoint(note.as_bytes(), rotated.verifier()), unsigned);
    assert_eq!(sign_checkpoint(&checkpoint, &other), Err(SignError::Origin));

    // A key of another log that signs our text speaks for nobody.
    let mut foreign = Note::new(checkpoint.to_string()).unwrap();
    foreign.sign(&other).unwrap();
    let refused = open_checkpoint(foreign.to_string().as_bytes(), other.verifier());
    assert!(matches!(refused, Err(OpenError::Origin { .. })), "{refused:?}");

    let mut both = checkpoint.sign(&ours).unwrap();
    both.sign(&rotated).unwrap();
    let keys = [ours.verifier().clone(), rotated.verifier().clone()];
    assert_eq!(Checkpoint::open(&both, &keys), Ok(checkpoint));
    let mut nonsense = Note::new("not a checkpoint\n").unwrap();
    nonsense.sign(&ours).unwrap();
    let refused = open_checkpoint(nonsense.to_string().as_bytes(), ours.verifier());
    assert_eq!(refused, Err(OpenError::Checkpoint(CheckpointError::Lines)));
}

#[test]
fn tlog_tiles_reads_our_checkpoint() {
    let root = leaf_hash(b"x");
    let checkpoint = Checkpoint::new(KeyName::new(ORIGIN).unwrap(), 70_000, root).unwrap();
    let theirs = tlog_tiles::Checkpoint::from_bytes(checkpoint.to_string().as_bytes()).unwrap();
    assert_eq!((theirs.origin(), theirs.size()), (ORIGIN, 70_000));
    assert_eq!(&theirs.hash().0, root.as_bytes());
    assert_eq!(Checkpoint::parse(&String::from_utf8(theirs.to_bytes()).unwrap()), Ok(checkpoint));
}

proptest! {
    #[test]
    fn checkpoints_round_trip(size in 0..=TREE_SIZE_MAX, root: [u8; 32], origin in "[a-z./0-9]{1,40}") {
        let checkpoint = Checkpoint::new(KeyName::new(origin).unwrap(), size, Hash(root)).unwrap();
        prop_assert_eq!(Checkpoint::parse(&checkpoint.to_string()), Ok(checkpoint));
    }

    #[test]
    fn what_parses_without_extensions_is_written_back_the_same(text in "[a-c +]{0,3}\n[0-9+]{0,4}\n[A-Za-z0-9+/=]{40,44}\n?") {
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            prop_assert_eq!(checkpoint.to_string(), text);
        }
    }
}
