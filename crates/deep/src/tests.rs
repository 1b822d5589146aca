//! What can be said without the weights: how text is cut, how labels are read, and that no other bytes are taken.

use proptest::prelude::*;

use crate::labels::{LABELS, Told, readings};
use crate::model::windows;
use crate::normal::Words;
use crate::pieces::{Cut, Vocabulary};
use crate::{Kind, LoadError, Model, PARTS, PIECES_AT_ONCE_MAX, Reading};

const UNKNOWN: u32 = 1;

/// A vocabulary in the order of its lines.
fn vocabulary(pieces: &[&str]) -> Vocabulary {
    let marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    let all: Vec<&str> = marks.iter().chain(pieces).copied().collect();
    Vocabulary::read(&all.join("\n")).unwrap()
}

/// The words as the pieces write them, each with its place in the text.
fn words(text: &str) -> Vec<(String, &str)> {
    let Words { letters, words } = Words::of(text);
    words
        .into_iter()
        .map(|word| {
            let letters = &letters[word];
            let place = letters[0].start..letters[letters.len() - 1].end;
            (letters.iter().map(|letter| letter.char).collect(), &text[place])
        })
        .collect()
}

#[test]
fn words_are_small_and_without_accents_and_know_their_place() {
    let pair = |(word, place): &(&str, &'static str)| ((*word).to_owned(), *place);
    let cases: [(&str, &[(&str, &'static str)]); 9] = [
        ("Zażółć gęślą", &[("zazołc", "Zażółć"), ("gesla", "gęślą")]),
        (
            "O'Neil—Smith,",
            &[("o", "O"), ("'", "'"), ("neil", "Neil"), ("—", "—"), ("smith", "Smith"), (",", ",")],
        ),
        ("cafe\u{301}\u{327} bar", &[("cafe", "cafe"), ("bar", "bar")]),
        ("x東京y", &[("x", "x"), ("東", "東"), ("京", "京"), ("y", "y")]),
        ("foo\u{ad}bar \u{200b}a\0b\u{7}c\u{fffd}", &[("foobar", "foo\u{ad}bar"), ("abc", "a\0b\u{7}c")]),
        ("İstanbul ΣΑΣ \u{212a}", &[("istanbul", "İstanbul"), ("σασ", "ΣΑΣ"), ("k", "\u{212a}")]),
        ("한", &[("ᄒ\u{1161}ᆫ", "한")]),
        ("a\tb\r\nc\u{a0}d", &[("a", "a"), ("b", "b"), ("c", "c"), ("d", "d")]),
        ("ﬁne Ａ2 $5", &[("ﬁne", "ﬁne"), ("ａ2", "Ａ2"), ("$", "$"), ("5", "5")]),
    ];
    for (text, wanted) in cases {
        assert_eq!(words(text), wanted.iter().map(pair).collect::<Vec<_>>(), "{text:?}");
    }
    assert!(words(" \u{301}\u{200b}\n").is_empty());
}

#[test]
fn words_are_cut_into_the_longest_pieces_there_are() {
    let vocabulary = vocabulary(&["un", "##aff", "##able", "##a", "unaf", "a", ",", "##f"]);
    let cut = |text: &str| vocabulary.cut(text).pieces;
    assert_eq!(cut("unaffable"), [9, 12, 7], "unaf ##f ##able");
    assert_eq!(cut("Unaffa, a"), [9, 12, 8, 11, 10]);
    assert_eq!(cut("unxa a"), [UNKNOWN, 10], "a word is known whole or not at all");
    assert_eq!(cut(&"a".repeat(100)).len(), 100);
    assert_eq!(cut(&"a".repeat(101)), [UNKNOWN], "longer than a word may be");
    assert_eq!(cut("[SEP]").len(), 3, "a text cannot write a mark");
    assert!(cut("").is_empty());
    let unaccented = vocabulary.cut("a Ünaffàble");
    assert_eq!(unaccented.words[1].place, 2.."a Ünaffàble".len());
    assert!(Vocabulary::read("[UNK]\n[CLS]").is_none());
}

/// Labels of pieces that are each sure to `sure`.
fn told(label: usize, sure: f32) -> Told {
    let mut piece = [(1.0 - sure) / 34.0; LABELS];
    piece[label] = sure;
    Told::by(&[piece])
}

/// The readings of a text whose words, by blanks and signs, have these labels.
fn read(text: &str, labels: &[usize]) -> Vec<(Kind, String)> {
    let letters = "abcdefghijklmnopqrstuvwxyz0123456789.,-'";
    let pieces: Vec<String> = letters.chars().flat_map(|c| [c.to_string(), format!("##{c}")]).collect();
    let vocabulary = vocabulary(&pieces.iter().map(String::as_str).collect::<Vec<_>>());
    let Cut { words, .. } = vocabulary.cut(text);
    assert_eq!(words.len(), labels.len(), "{text}");
    let told: Vec<Told> = labels.iter().map(|label| told(*label, 0.9)).collect();
    let all = readings(text, &words, &told).into_iter();
    all.map(|Reading { kind, range, .. }| (kind, text[range].to_owned())).collect()
}

const O: usize = 0;
const B_GIVEN: usize = 1;
const I_GIVEN: usize = 2;
const B_FAMILY: usize = 3;
const I_FAMILY: usize = 4;
const B_MAIL: usize = 5;
const B_GOVERNMENT: usize = 17;
const B_BUILDING: usize = 23;
const B_STREET: usize = 25;
const I_STREET: usize = 26;
const B_CITY: usize = 29;
const B_ZIP: usize = 33;

#[test]
fn labels_become_names_with_their_places() {
    let person = |name: &str| (Kind::Person, name.to_owned());
    assert_eq!(
        read("ask Ana Maria Diaz now", &[O, B_GIVEN, I_GIVEN, B_FAMILY, O]),
        [person("Ana Maria Diaz")]
    );
    assert_eq!(
        read("Ana O'Neil-Smith", &[B_GIVEN, B_FAMILY, I_FAMILY, I_FAMILY, O, I_FAMILY]),
        [person("Ana O'Neil-Smith")],
        "a sign between two words of a name does not part it"
    );
    let two = [person("Ana Diaz"), person("Bo Li")];
    assert_eq!(read("Ana Diaz, Bo Li", &[B_GIVEN, B_FAMILY, O, B_GIVEN, B_FAMILY]), two);
    assert_eq!(read("Ana Diaz Bo Li", &[B_GIVEN, B_FAMILY, B_GIVEN, B_FAMILY]), two);
    assert_eq!(read("Ana of Diaz", &[B_GIVEN, O, I_FAMILY]), [person("Ana"), person("Diaz")]);
}

#[test]
fn a_street_is_an_address_and_a_town_alone_is_none() {
    let address = |text: &str| (Kind::Address, text.to_owned());
    assert_eq!(
        read("to 12 Elm Street, York", &[O, B_BUILDING, B_STREET, I_STREET, O, B_CITY]),
        [address("12 Elm Street, York")]
    );
    assert_eq!(read("10115 Berlin", &[B_ZIP, B_CITY]), [address("10115 Berlin")]);
    assert!(read("in York", &[O, B_CITY]).is_empty());
    assert!(read("ask 4711", &[O, B_BUILDING]).is_empty());
}

#[test]
fn numbers_and_addresses_of_mail_are_left_to_rules() {
    assert!(read("id 123 for a", &[O, B_GOVERNMENT, O, B_MAIL]).is_empty());
}

#[test]
fn a_word_is_what_its_pieces_are_on_the_whole() {
    let piece = |label: usize, sure: f32| {
        let mut piece = [0.0; LABELS];
        piece[label] = sure;
        piece[O] = 1.0 - sure;
        piece
    };
    let words = vocabulary(&["a", "##b"]).cut("ab").words;
    let read = |first, second| {
        readings("ab", &words, &[Told::by(&[piece(B_GIVEN, first), piece(I_FAMILY, second)])])
    };
    assert_eq!(read(0.2, 0.9).len(), 1, "more likely than not");
    assert!(read(0.1, 0.8).is_empty(), "less likely than not");
}

#[test]
fn other_bytes_than_the_pinned_ones_are_not_parsed() {
    for (network, vocabulary) in [(&b""[..], &b""[..]), (b"onnx", b"[UNK]\n[CLS]\n[SEP]")] {
        let refused = Model::load(network.to_vec(), vocabulary).err().unwrap();
        assert!(matches!(&refused, LoadError::Wrong(wrong) if wrong.name == PARTS[0].name), "{refused}");
    }
    for part in PARTS {
        assert!(part.sha256.len() == 64 && part.check(b"").is_err());
    }
}

proptest! {
    #[test]
    fn any_text_is_cut_into_words_in_order(text in any::<String>()) {
        let vocabulary = vocabulary(&["a", "##a"]);
        let cut = vocabulary.cut(&text);
        let (mut pieces, mut end) = (0, 0);
        for word in &cut.words {
            prop_assert_eq!(word.pieces.start, pieces);
            prop_assert!(word.pieces.end > pieces && word.place.end >= end);
            prop_assert!(text.get(word.place.clone()).is_some());
            (pieces, end) = (word.pieces.end, word.place.end);
        }
        prop_assert_eq!(pieces, cut.pieces.len());
    }

    /// Whatever is put before the network, each piece is answered for once, by a window that sees it.
    #[test]
    fn windows_answer_for_every_piece_once(lengths in prop::collection::vec(1_usize..120, 0..40)) {
        let words: Vec<String> = lengths.iter().map(|length| "a".repeat(*length)).collect();
        let text = words.join(" ");
        let cut = vocabulary(&["a", "##a"]).cut(&text);
        let mut next = 0;
        for window in windows(&cut) {
            prop_assert_eq!(window.first, next);
            prop_assert!(window.from <= window.first && window.first <= window.end && window.end <= window.to);
            prop_assert!(window.to - window.from <= PIECES_AT_ONCE_MAX);
            next = window.end;
        }
        prop_assert_eq!(next, cut.pieces.len());
    }
}
