use clap::Parser as _;

use super::*;
use crate::cli::{Cli, Command};

fn args(line: &[&str]) -> ScanArgs {
    let cli = Cli::try_parse_from(["portcullis", "pii", "scan"].iter().chain(line)).unwrap();
    let Command::Pii(PiiCommand::Scan(args)) = cli.command else { panic!("another command") };
    *args
}

fn said(line: &[&str], stdin: &str) -> (String, usize) {
    let mut out = Vec::new();
    let found = scan(&args(line), None, stdin.as_bytes(), &mut out).unwrap();
    (String::from_utf8(out).unwrap(), found)
}

#[test]
fn findings_are_named_by_place_and_not_by_value() {
    let (out, found) = said(&[], "née\nwrite to reader@example.com from 198.51.100.7\n");
    assert_eq!(found, 2);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("-:2:10: EMAIL email 0.95 email_rfc5321: "), "{out}");
    assert!(lines[1].starts_with("-:2:34: IP ipv4 "), "{out}");
    assert!(!out.contains("reader@") && !out.contains("198.51"), "{out}");
}

#[test]
fn json_lines_come_out_as_spans_in_code_points() {
    let line = r#"{"id":"a","text":"née reader@example.com"}"#;
    let (out, _) = said(&["--jsonl"], &format!("{line}\n\n{line}"));
    assert_eq!(out, "{\"id\":\"a\",\"spans\":[[4,22,\"EMAIL\",0.95]]}\n".repeat(2));
    let (out, _) = said(&["--jsonl", "--mode", "strict"], line);
    assert!(out.starts_with(r#"{"id":"a","text":"née <EMAIL_"#), "{out}");
}

#[test]
fn one_json_object_explains_every_finding() {
    let (out, _) = said(&["--json"], "reader@example.com");
    let whole: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(whole["found"], 1);
    assert_eq!(whole["findings"][0]["rule"], "email_rfc5321");
    assert!(whole["findings"][0]["explanation"].as_str().is_some_and(|text| text.contains("RFC 5321")));
}

#[test]
fn only_the_classes_asked_for_are_found() {
    let text = "reader@example.com 198.51.100.7";
    assert_eq!(said(&["--classes", "ip"], text).1, 1);
    assert_eq!(said(&["--classes", "IP,EMAIL"], text).1, 2);
    assert_eq!(said(&["--threshold", "1"], text).1, 0);
}

#[test]
fn strict_writes_the_text_with_tokens() {
    let (out, found) = said(&["--mode", "strict"], "to reader@example.com, reader@example.com\n");
    assert_eq!(found, 2);
    let tokens: Vec<&str> = out.trim_start_matches("to ").trim().split(", ").collect();
    assert!(tokens[0].starts_with("<EMAIL_") && tokens[0] == tokens[1], "{out}");
}

#[derive(Debug)]
struct Reads;

impl Reader for Reads {
    fn read(&self, sentence: &str) -> Option<Vec<pii::Reading>> {
        let at = sentence.find("olive")?;
        Some(vec![pii::Reading { class: Class::Person, range: at..at + 5 }])
    }
}

#[test]
fn with_deep_a_second_reader_is_heard() {
    let text = "I am not going unless olive promises to be there.";
    for line in [&["--jsonl", "--deep"][..], &["--deep", "--mode", "strict"], &["--deep"]] {
        let stdin =
            if line[0] == "--jsonl" { format!("{{\"id\":1,\"text\":\"{text}\"}}") } else { text.to_owned() };
        let found = |reader: Option<&dyn Reader>| {
            scan(&args(line), reader, stdin.as_bytes(), &mut Vec::new()).unwrap()
        };
        assert_eq!(found(Some(&Reads)), found(None) + 1, "{line:?}");
    }
    assert!(reader(Path::new("/nowhere/at/all")).unwrap_err().to_string().contains("fetch-model"));
}

#[test]
fn nonsense_is_refused() {
    for line in [["--classes", "FAX"], ["--threshold", "2"], ["--mode", "loose"]] {
        assert!(Cli::try_parse_from(["portcullis", "pii", "scan"].iter().chain(&line)).is_err(), "{line:?}");
    }
    let mut out = Vec::new();
    assert!(scan(&args(&["--jsonl"]), None, "{\"id\":1}".as_bytes(), &mut out).is_err());
    assert!(scan(&args(&["/nowhere/at/all"]), None, "".as_bytes(), &mut out).is_err());
    assert!(scan(&args(&["--json", "--mode", "strict"]), None, "".as_bytes(), &mut out).is_err());
}
