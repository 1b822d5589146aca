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
