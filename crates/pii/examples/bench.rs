//! How fast one core finds all eleven classes, how long a prompt takes, and what texts made to be slow cost.
//!
//! `cargo xtask bench pii`, or `cargo run --release -p pii --example bench -- [--json] [--only NAME]`. With `--beside presidio`
//! (or, without `xtask`, `--beside PYTHON`, one that has it) Presidio looks through the same prompts in the same run.

use std::hint::black_box;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pii::{Policy, Scanner, StreamState, Tokens, redact};
use serde_json::{Value, json};

/// Size of each text.
const TEXT_BYTES: usize = 1 << 20;
/// Each text is read so often, and the best counts: what else the machine does only ever takes time away.
const ROUNDS: u32 = 7;
/// Prompts timed, and the size of each.
const PROMPTS: usize = 4_000;
const PROMPT_BYTES: usize = 1_000;
/// What each step may cost, next to mixed text.
const SLOWDOWN_MAX: f64 = 3.0;

/// Prompts that both look through when something stands beside.
const PROMPTS_BESIDE: usize = 64;
/// What looks through them with Presidio.
const PRESIDIO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/beside/presidio.py");

const PROSE: &str = "The committee met on Tuesday to go through the plans for the new building. Nobody had read all \
of the report, which runs to 214 pages, but the chair (who had) said that the costs of 2024 were within what was \
agreed. \"It isn't the money,\" she said; \"it's the time.\" Work starts in May.\n";

const RECORD: &str = "{\"id\":48213,\"name\":\"Maria Beispiel\",\"email\":\"reader@example.com\",\"phone\":\"+1 202-555-0143\",\
\"address\":\"12 Example Street, Springfield, IL 62701\",\"note\":\"paid with 4111 1111 1111 1111, iban GB82WEST12345698765432\"}\n\
2024-01-15T20:04:30Z INFO login ok user=reader ip=198.51.100.7 id=550e8400-e29b-41d4-a716-446655440000 took=12ms version=10.2.33\n";

fn repeat(unit: &str) -> String {
    let mut text = unit.repeat(TEXT_BYTES / unit.len());
    // A text that is the same throughout would teach the processor its branches; a little is different each time.
    text.push_str("\nend");
    text
}

/// How long it takes.
fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

/// Nanoseconds a byte.
fn a_byte(all: Duration, bytes: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few megabytes are exact in f64")]
    let bytes = bytes as f64;
    all.as_secs_f64() * 1e9 / bytes
}

/// What a text costs, in nanoseconds a byte, and how many times as much as mixed text: the best round of each. The two are
/// read in turns, so that what else the machine does slows both.
struct Cost {
    nanos: f64,
    times: f64,
}

impl Cost {
    fn of(bytes: usize, run: impl Fn(), mixed_bytes: usize, mixed: impl Fn()) -> Self {
        let (mut best, mut normal) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            normal = normal.min(timed(&mixed));
            best = best.min(timed(&run));
        }
        let nanos = a_byte(best, bytes);
        Self { nanos, times: nanos / a_byte(normal, mixed_bytes) }
    }
}

/// Texts made to be slow.
fn slow_texts() -> Vec<(&'static str, String)> {
    [
        ("digits", "7"),
        ("digits in threes", "123 "),
        ("digits in fours", "4111 "),
        ("digits, dashed", "12-345-"),
        ("figures and letters", "a1b2 "),
        ("a@a@", "a@a@"),
        ("a.a.a@", "a.a.a@"),
        ("nested JSON", "{\"name\":["),
        ("endless BEGIN", "-----BEGIN "),
        ("endless private keys", "-----BEGIN PRIVATE KEY-----\nA"),
        ("heads of JWTs", "eyJhbGciOi"),
        ("colons", "::"),
        ("beginnings of keys", "sk-"),
        ("names of secrets", "password="),
        ("users in addresses", "//a:"),
        ("capitals", "Anna Bo "),
        ("numbers of houses", "12 Main St, "),
        ("escapes", "\\\\\\\\u0040%25"),
        ("right to left, no width", "\u{202e}\u{200b}a\u{200d}\u{5d0}"),
        ("combining marks", "a\u{301}\u{302}"),
        ("other scripts", "\u{4e00}\u{ac00} "),
    ]
    .map(|(name, unit)| (name, repeat(unit)))
    .into()
}

/// Half and 99 of 100 prompts of a kilobyte take at most so many microseconds.
fn prompts(scanner: &Scanner, policy: &Policy) -> (f64, f64) {
    let text = format!("{}{RECORD}", PROSE.repeat(2));
    let prompt: String = text.chars().cycle().take(PROMPT_BYTES).collect();
    let mut micros: Vec<f64> = (0..PROMPTS)
        .map(|_| {
            let start = Instant::now();
            black_box(redact(scanner, &prompt, policy, &mut Tokens::new([1; 16])).counts.total());
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    micros.sort_unstable_by(f64::total_cmp);
    (micros[PROMPTS / 2], micros[PROMPTS * 99 / 100])
}

/// Megabytes resident in this process (Linux).
fn resident_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

fn streamed(scanner: &Scanner, policy: &Policy, text: &str) {
    let mut tokens = Tokens::new([1; 16]);
    let mut stream = StreamState::new(scanner);
    for chunk in text.as_bytes().chunks(6).filter_map(|chunk| std::str::from_utf8(chunk).ok()) {
        black_box(stream.push(chunk, policy, &mut tokens));
    }
    black_box(stream.finish(policy, &mut tokens));
}

/// The same prompts with us and with Presidio, one process and one core each: kilobytes a second, and what is resident.
fn beside(python: &str, scanner: &Scanner, policy: &Policy) -> std::io::Result<Value> {
    let text = repeat(&format!("{}{RECORD}", PROSE.repeat(6)));
    let prompts: Vec<&str> = text
        .as_bytes()
        .chunks(PROMPT_BYTES)
        .take(PROMPTS_BESIDE)
        .filter_map(|chunk| std::str::from_utf8(chunk).ok())
        .collect();
    let bytes: usize = prompts.iter().map(|prompt| prompt.len()).sum();
    let look = || {
        for prompt in &prompts {
            black_box(redact(scanner, prompt, policy, &mut Tokens::new([1; 16])).counts.total());
        }
    };
    let ours = (0..ROUNDS * ROUNDS).map(|_| timed(look)).min().unwrap_or(Duration::MAX);
    let mut child =
        Command::new(python).arg(PRESIDIO).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    if let Some(mut to) = child.stdin.take() {
        for prompt in &prompts {
            writeln!(to, "{}", json!(prompt))?;
        }
    }
    let said = child.wait_with_output()?;
    let theirs: Value = serde_json::from_slice(&said.stdout)?;
    let seconds = theirs["seconds"].as_f64().unwrap_or(f64::NAN);
    #[expect(clippy::cast_precision_loss, reason = "some kilobytes are exact in f64")]
    let kilobytes = bytes as f64 / 1e3;
    Ok(json!({
        "presidio": theirs["version"], "model": theirs["model"], "prompts": prompts.len(), "bytes": bytes,
        "kb_per_s": kilobytes / ours.as_secs_f64(), "presidio_kb_per_s": kilobytes / seconds,
        "times": seconds / ours.as_secs_f64(), "presidio_resident_mb": theirs["resident_mb"],
    }))
}

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let as_json = args.iter().any(|arg| arg == "--json");
    let after = |name: &str| args.iter().position(|arg| arg == name).and_then(|i| args.get(i + 1));
    let only = after("--only");
    let scanner = Scanner::new();
    let policy = Policy::default().with_all(pii::Mode::Strict);
    let (p50, p99) = prompts(&scanner, &policy);
    let resident = resident_mb();
    let mixed = repeat(&format!("{}{RECORD}", PROSE.repeat(6)));
    let whole = |text: &str| {
        black_box(redact(&scanner, text, &policy, &mut Tokens::new([1; 16])).counts.total());
    };
    let next_to_mixed = |bytes, run: &dyn Fn()| Cost::of(bytes, run, mixed.len(), || whole(&mixed));
    let mut lines = vec![
        ("mixed: prose, one part in seven records".to_owned(), next_to_mixed(mixed.len(), &|| whole(&mixed))),
        (
            "the same, streamed by six bytes".to_owned(),
            next_to_mixed(mixed.len(), &|| streamed(&scanner, &policy, &mixed)),
        ),
    ];
    for (name, unit) in [("prose", PROSE), ("records", RECORD)] {
        let text = repeat(unit);
        lines.push((name.to_owned(), next_to_mixed(text.len(), &|| whole(&text))));
    }
    for (name, text) in slow_texts() {
        if only.is_none_or(|only| only == name) {
            lines.push((name.to_owned(), next_to_mixed(text.len(), &|| whole(&text))));
        }
    }
    let beside = after("--beside").map(|python| beside(python, &scanner, &policy)).transpose()?;
    let mut out = std::io::stdout().lock();
    if as_json {
        let texts: Vec<_> = lines
            .iter()
            .map(|(name, Cost { nanos, times })| json!({ "text": name, "mb_per_s": 1e3 / nanos, "times_mixed": times }))
            .collect();
        let all = json!({ "prompt_p50_us": p50, "prompt_p99_us": p99, "resident_mb": resident, "texts": texts, "beside": beside });
        return writeln!(out, "{all:#}");
    }
    writeln!(
        out,
        "prompts of 1 kB: p50 {p50:.0} µs, p99 {p99:.0} µs; resident {:.1} MB",
        resident.unwrap_or(0.0)
    )?;
    writeln!(out, "\n    MB/s  × mixed  text (1 MB each, one core, all eleven classes replaced)")?;
    for (name, Cost { nanos, times }) in &lines {
        let mark = if *times > SLOWDOWN_MAX { "  !" } else { "" };
        writeln!(out, "{:8.1} {times:8.2}  {name}{mark}", 1e3 / nanos)?;
    }
    if let Some(beside) = beside {
        let figure = |name: &str| beside[name].as_f64().unwrap_or(f64::NAN);
        writeln!(
            out,
            "\nbeside Presidio {} with {}, {} prompts of 1 kB, one core each: {:.0} kB/s here, {:.1} kB/s there, {:.0} times; \
             resident there {:.0} MB",
            beside["presidio"].as_str().unwrap_or("?"),
            beside["model"].as_str().unwrap_or("?"),
            beside["prompts"],
            figure("kb_per_s"),
            figure("presidio_kb_per_s"),
            figure("times"),
            figure("presidio_resident_mb"),
        )?;
    }
    Ok(())
}
