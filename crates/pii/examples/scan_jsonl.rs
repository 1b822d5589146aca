//! Reads documents as JSON lines, `{"id": …, "text": …}`, and writes what is found in each, `{"id": …, "spans":
//! [[start, end, class, confidence], …]}`, with positions in Unicode code points: what an evaluation script reads.

use std::io::{BufRead as _, Write as _};

use pii::Scanner;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scanner = Scanner::new();
    let policy = pii::Policy::default().with_all(pii::Mode::Strict);
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let document: Value = serde_json::from_str(&line?)?;
        let text = document["text"].as_str().ok_or("a line without text")?;
        let points = |byte: usize| text[..byte].chars().count();
        let spans: Vec<Value> = scanner
            .scan_with(text, &policy)
            .into_iter()
            .map(|m| json!([points(m.range.start), points(m.range.end), m.class, m.confidence]))
            .collect();
        writeln!(out, "{}", json!({ "id": document["id"], "spans": spans }))?;
    }
    Ok(())
}
