//! Values made for tests. None is anybody's: documentation numbers, published examples, and made-up keys.
//!
//! Keys are put together here so that no scanner takes this file for a leak.

use proptest::prelude::*;

/// Forty-eight symbols that look random.
pub(super) const RANDOM: &str = "q7ZpL2xVd9Kc4TnR8wYb3MfH6sJg1QaE5uXtC0vNoPiWkDyB";

pub(super) fn github() -> String {
    format!("gh{}_{}", "p", &RANDOM[..36])
}

pub(super) fn stripe() -> String {
    format!("sk{}live_{}", "_", &RANDOM[..24])
}

pub(super) fn slack() -> String {
    format!("xo{}-123456789012-{}", "xb", &RANDOM[..24])
}

pub(super) fn aws() -> String {
    format!("AK{}Q7ZPL2XVD9KC4TNR", "IA")
}

pub(super) fn jwt(claims: usize) -> String {
    let body: String = RANDOM.chars().cycle().take(claims).collect();
    format!("ey{}.eyJzdWIiOiIxIn0{body}.{}", "JhbGciOiJIUzI1NiJ9", &RANDOM[..43])
}

pub(super) fn pem(lines: usize) -> String {
    let line: String = RANDOM.chars().cycle().take(64).collect();
    let body = format!("{line}\n").repeat(lines);
    format!("-----{} PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----", "BEGIN")
}

/// Findings, near-findings and the things that disturb them.
const PIECES: &[&str] = &[
    "Mr John Example",
    "my name is Maria Beispiel",
    "12 Example Street, Springfield, IL 62701",
    "Musterstraße 7, 10115 Berlin",
    "PO Box 12",
    "diagnosed with type 2 diabetes",
    "my 6 year old son",
    "a fingerprint template",
    "{\"name\": \"Ada",
    "Anna",
    "12",
    "Street",
    "reader@example.com",
    "First.Last+tag@mail.example.co.uk",
    "josé@example.org",
    "reader%40example.com",
    "reader&#64;example.com",
    "reader\\u0040example.com",
    "rea\u{200b}der@exam\u{200d}ple.com",
    "４１１１ １１１１ １１１１ １１１１",
    "4111 1111 1111 1111",
    "5555-5555-5555-4444",
    "378282246310005",
    "GB82 WEST 1234 5698 7654 32",
    "DE89370400440532013000",
    "078-05-1120",
    "ssn 078051120",
    "AB 12 34 56 C",
    "2341 2341 2346",
    "111.444.777-35",
    "12345678Z",
    "passport L1234567",
    "+1 202-555-0143 x12",
    "(202) 555-0143",
    "call 020 7946 0018",
    "198.51.100.7",
    "2001:db8::a8",
    "2001:db8:85a3:8d3:1319:8a2e:370:7348",
    "password: Summ3r!99",
    "api_key = \"q7ZpL2xVd9Kc4TnR8wYb\"",
    "Authorization: Bearer q7ZpL2xVd9Kc4TnR8wYb",
    "postgres://app:Winter-77@db.example.com/main",
    "login(\"reader@example.com\", \"hunter-22\")",
    "<EMAIL_abcd>",
    "<EMAIL_abcdef>",
    "<GOV_ID_k3f9qa>",
    "<EMAIL_",
    "1.2.3.4.5",
    "v10.2.33.4",
    "2024-01-15T20:04:30Z",
    "550e8400-e29b-41d4-a716-446655440000",
    "e83c5163316f89bfbde7d9ab23ca2e25604af290",
    "-----",
    "@",
    "&#6",
    "%4",
    "\\",
    "é",
    "日本",
    "㈗",
    "⑴4111",
    "½",
    "㏂",
    "ﬁﬂ",
    "🄐🄑",
    "\u{1b}[31m",
    "\u{1b}[",
    "ANY_PASSWORD",
    "//app:",
    "👩\u{200d}💻",
    ".",
    ",",
    "\"",
    "'",
    "(",
    "::",
    "<",
    "=",
    "-",
    "+",
    "7",
    "x",
];

/// Pieces that make a text dense with findings, near-findings and the things that disturb them.
pub(super) fn piece() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(PIECES).prop_map(str::to_owned);
    let made = prop_oneof![
        Just(github()),
        Just(stripe()),
        Just(slack()),
        Just(aws()),
        (0..200_usize).prop_map(jwt),
        (0..4_usize).prop_map(pem),
        (1..200_usize).prop_map(|n| "a".repeat(n)),
        (1..40_usize).prop_map(|n| "7".repeat(n)),
        (1..150_usize).prop_map(|n| format!("reader@{}", "a.".repeat(n) + "com")),
        (1..150_usize).prop_map(|n| format!("{}@example.com", "ab-c".repeat(n))),
        (60..200_usize).prop_map(|n| format!("token={}", RANDOM.chars().cycle().take(n).collect::<String>())),
        (60..200_usize)
            .prop_map(|n| format!("password='{}'", RANDOM.chars().cycle().take(n).collect::<String>())),
        "[ -~]{0,12}",
        "\\PC{0,6}",
    ];
    prop_oneof![4 => fixed, 2 => made]
}

/// A dense text: pieces joined by spaces, line ends, or nothing.
pub(super) fn dense(pieces: usize) -> impl Strategy<Value = String> {
    let joint = prop::sample::select(vec![" ", " ", "\n", "", ", ", ": ", "\\n"]);
    prop::collection::vec((piece(), joint), 0..pieces)
        .prop_map(|parts| parts.into_iter().map(|(piece, joint)| piece + joint).collect())
}

/// Texts of characters that read as several symbols each, so that findings begin and end within one.
pub(super) fn several(pieces: usize) -> impl Strategy<Value = String> {
    let pieces_of = prop::sample::select(vec![
        "㈗",
        "⑴",
        "½",
        "ﬁ",
        "\u{2100}",
        "gsP",
        "Anna Example",
        "reader@example.co",
        "4111 1111 1111 1111",
        "12",
        " ",
    ]);
    prop::collection::vec(pieces_of, 1..pieces).prop_map(|pieces| pieces.concat())
}
