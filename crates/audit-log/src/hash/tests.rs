use proptest::prelude::*;

use super::*;

#[test]
fn known_values_of_rfc_6962() {
    assert_eq!(sha256(b""), EMPTY_ROOT);
    // The hash of the empty leaf, as certificate transparency logs have it.
    let empty = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
    assert_eq!(leaf_hash(b"").to_string(), empty);
    assert_eq!(empty.parse(), Ok(leaf_hash(b"")));
}

#[test]
fn leaf_hash_is_the_same_on_both_sides_of_the_stack_buffer() {
    for length in [LEAF_STACK_BYTES - 1, LEAF_STACK_BYTES, LEAF_STACK_BYTES + 1, 65_535] {
        let entry = vec![b'x'; length];
        let prefixed = [&[0], entry.as_slice()].concat();
        assert_eq!(leaf_hash(&entry), sha256(&prefixed), "{length} bytes");
    }
}

#[test]
fn a_node_is_not_a_leaf() {
    let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
    assert_ne!(leaf_hash(&[a.0, b.0].concat()), node_hash(&a, &b));
    assert_ne!(node_hash(&a, &b), node_hash(&b, &a));
}

#[test]
fn other_spellings_are_refused() {
    let hash = leaf_hash(b"x");
    let hex = hash.to_string();
    assert_eq!(hex.to_uppercase().parse::<Hash>(), Err(HashError::Hex));
    assert_eq!(hex[1..].parse::<Hash>(), Err(HashError::Hex));
    let base64 = hash.to_base64();
    for wrong in [base64.trim_end_matches('=').to_owned(), format!("{base64}="), format!("{base64}\n")] {
        assert_eq!(Hash::from_base64(&wrong), Err(HashError::Base64), "{wrong:?}");
    }
    // The last character carries bits that no byte uses; they must be zero.
    assert_eq!(Hash::from_base64("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB="), Err(HashError::Base64));
    assert_eq!(Hash::try_from([0_u8; 31].as_slice()), Err(HashError::Length(31)));
    assert_eq!(format!("{hash:?}"), format!("{}..", &hex[..8]));
}

proptest! {
    #[test]
    fn text_forms_round_trip(bytes: [u8; 32]) {
        let hash = Hash(bytes);
        prop_assert_eq!(hash.to_string().parse(), Ok(hash));
        prop_assert_eq!(Hash::from_base64(&hash.to_base64()), Ok(hash));
        let json = serde_json::to_string(&hash).unwrap();
        prop_assert_eq!(serde_json::from_str::<Hash>(&json).unwrap(), hash);
    }

    #[test]
    fn parsers_never_panic(text: String) {
        let _ = text.parse::<Hash>();
        let _ = Hash::from_base64(&text);
    }
}
