use super::*;

#[test]
fn ids_read_back_and_sort_as_they_are() {
    let small = uuid::Uuid::from_u128(1);
    let large = uuid::Uuid::from_u128(u128::MAX);
    assert_eq!(id_text(small), "00000000000000000000000001");
    assert_eq!(id_text(large), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    for id in [small, large, uuid::Uuid::from_u128(0x0192_aaaa_bbbb_7ccc_8ddd_eeee_ffff_0123)] {
        assert_eq!(parse_id(&id_text(id)), Some(id));
    }
    // Nine and more in the first place is more than 128 bits; I, L, O and U are no signs.
    for wrong in ["8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "0000000000000000000000000U", "", "01", "0192aaaa-bbbb"] {
        assert_eq!(parse_id(wrong), None, "{wrong}");
    }
}

/// What the values of a condition say does not depend on the order in which a client wrote them.
#[test]
fn the_same_values_are_kept_and_hashed_as_the_same() {
    let read = |text: &str| serde_json::from_str::<serde_json::Map<_, _>>(text).unwrap();
    let (one, other) =
        (read(r#"{"b": {"y": 1.5, "x": 2}, "a": "z"}"#), read(r#"{"a": "z", "b": {"x": 2, "y": 1.5}}"#));
    let kept = super::tuples::written_context(&one).unwrap();
    assert_eq!(kept, r#"{"a":"z","b":{"x":2,"y":1.5}}"#);
    assert_eq!(super::tuples::written_context(&other).unwrap(), kept);
    let asked = |context| Asked { context: Some(context), ..Asked::default() };
    let question = TupleKey::new("user:anne", "viewer", "document:1");
    let hash = |context| super::ask::question_hash(&question, &asked(context));
    assert_eq!(hash(one), hash(other));
}
