use super::*;

#[test]
fn every_status_has_a_word_of_its_own() {
    let mut words: Vec<_> = Status::ALL.iter().map(|status| status.name()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Status::ALL.len());
}
