//! Prints how fast one core redacts: mixed prose, text without anything to look at, and texts made to be slow.
//!
//! `cargo run --release -p pii --example throughput`

use std::io::Write as _;
use std::time::Instant;

use pii::{Policy, Scanner, StreamRedactor, Tokens, redact};

const TEXT_BYTES: usize = 4 << 20;
const ROUNDS: u32 = 5;

const PROSE: &str = "The committee met on Tuesday to go through the plans for the new building. Nobody had read all \
of the report, which runs to 214 pages, but the chair (who had) said that the costs of 2024 were within what was \
agreed. \"It isn't the money,\" she said; \"it's the time.\" Work starts in May.\n";

const RECORD: &str = "{\"id\":48213,\"name\":\"reader\",\"email\":\"reader@example.com\",\"phone\":\"+1 202-555-0143\",\
\"ip\":\"198.51.100.7\",\"note\":\"paid with 4111 1111 1111 1111, iban GB82WEST12345698765432\"}\n\
2024-01-15T20:04:30Z INFO login ok user=reader id=550e8400-e29b-41d4-a716-446655440000 took=12ms version=10.2.33\n";

fn repeat(unit: &str) -> String {
    unit.repeat(TEXT_BYTES / unit.len())
}

fn best_mb_per_s(bytes: usize, mut run: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    #[expect(clippy::cast_precision_loss, reason = "a few megabytes are exact in f64")]
    let bytes = bytes as f64;
    bytes / best / 1e6
}

fn main() -> std::io::Result<()> {
    let scanner = Scanner::new();
    let policy = Policy::default();
    let mut out = std::io::stdout().lock();
    let only = std::env::args().nth(1);
    let mixed = format!("{}{RECORD}", PROSE.repeat(6));
    let accented = PROSE.replace("isn't", "n’est pas").replace("said", "répondit");
    for (name, text) in [
        ("mixed prose, 1 part records in 6", repeat(&mixed)),
        ("records only", repeat(RECORD)),
        ("prose", repeat(PROSE)),
        ("prose with accents", repeat(&accented)),
        ("no digits, no symbols", repeat("nothing to look at in here but words and more words ")),
        ("digits", repeat("7")),
        ("digits in groups", repeat("123 ")),
        ("digits in fours", repeat("4111 ")),
        ("digits, dashed", repeat("12-345-")),
        ("figures and letters", repeat("a1b2 ")),
        ("capitals", repeat("Anna Bo ")),
        ("street numbers", repeat("12 Main St, ")),
        ("nested JSON", repeat("{\"name\":[")),
        ("escapes", repeat("\\\\\\\\u0040%25")),
        ("from right to left, no width", repeat("\u{202e}\u{200b}a\u{200d}\u{5d0}")),
        ("combining", repeat("a\u{301}\u{302}")),
        ("other letters", repeat("\u{4e00}\u{ac00} ")),
        ("a@a@", repeat("a@a@")),
        ("a.a.a@", repeat("a.a.a@")),
        ("-----BEGIN ", repeat("-----BEGIN ")),
        ("eyJhbGciOi", repeat("eyJhbGciOi")),
        ("::", repeat("::")),
        ("sk-", repeat("sk-")),
        ("password=", repeat("password=")),
        ("//a:", repeat("//a:")),
    ] {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let speed = best_mb_per_s(text.len(), || {
            std::hint::black_box(redact(&scanner, &text, &policy, &mut Tokens::new([1; 16])).counts.total());
        });
        writeln!(out, "{speed:8.1} MB/s  {name}")?;
    }
    let text = repeat(&mixed);
    let chunks: Vec<&str> = text.as_bytes().chunks(6).filter_map(|c| std::str::from_utf8(c).ok()).collect();
    let speed = best_mb_per_s(text.len(), || {
        let mut tokens = Tokens::new([1; 16]);
        let mut stream = StreamRedactor::new(&scanner, &policy, &mut tokens);
        for chunk in &chunks {
            std::hint::black_box(stream.push(chunk));
        }
        std::hint::black_box(stream.finish());
    });
    writeln!(out, "{speed:8.1} MB/s  mixed prose, streamed in chunks of 6 bytes")
}
