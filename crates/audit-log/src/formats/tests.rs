mod schema;

use kernel::EventKind;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::entry::tests::any_entry;
use crate::entry::{Actor, ActorKind, Entry, Kind, Subject};
use crate::testing::entry;

const LOG: &str = "portcullis/one/log/two";
const INDEX: u64 = 70_001;

fn writer(format: Format) -> Writer {
    Writer::new(format, LOG, "1.2.3")
}

fn line(format: Format, entry: &Entry) -> String {
    let leaf = entry.to_leaf().unwrap();
    writer(format).line(&Event::read(INDEX, &leaf).unwrap()).unwrap()
}

/// An entry of every kind, in every outcome, with and without a subject, by everybody.
fn every_kind() -> impl Iterator<Item = Entry> {
    let outcomes = [Outcome::Ok, Outcome::Intent, Outcome::Refused, Outcome::Failed, Outcome::Unknown];
    let actors = [
        Actor::new(ActorKind::Human, "019a").with_key("session"),
        Actor::new(ActorKind::Agent, "019b").with_key("key"),
        Actor::new(ActorKind::Service, "019c"),
        Actor::unnamed(ActorKind::System),
        Actor::unnamed(ActorKind::Anonymous),
    ];
    let subjects = [None, Some("account"), Some("session"), Some("key")];
    EventKind::ALL.iter().flat_map(move |kind| {
        let actors = actors.clone();
        outcomes.into_iter().zip(actors).flat_map(move |(outcome, actor)| {
            subjects.map(|subject| {
                let mut parts = entry(3).into_parts();
                parts.kind = Kind::new(kind.name()).unwrap();
                (parts.outcome, parts.actor) = (outcome, actor.clone());
                parts.subject = subject.map(|kind| Subject { kind: kind.to_owned(), id: "019d".to_owned() });
                parts.data = kind.fields().iter().map(|name| ((*name).to_owned(), json!("word"))).collect();
                parts.data.insert("status".to_owned(), json!(404));
                Entry::from_parts(parts).unwrap()
            })
        })
    })
}

#[test]
fn names_read_back() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(*format));
    }
    assert!("xml".parse::<Format>().is_err());
}

#[test]
fn what_is_refused_matters_a_little_at_least() {
    let of = |kind: EventKind, outcome| {
        let mut parts = entry(3).into_parts();
        (parts.kind, parts.outcome) = (Kind::new(kind.name()).unwrap(), outcome);
        let leaf = Entry::from_parts(parts).unwrap().to_leaf().unwrap();
        Event::read(0, &leaf).unwrap().severity()
    };
    assert_eq!(of(EventKind::ModelsListed, Outcome::Ok), Some(Severity::Informational));
    assert_eq!(of(EventKind::ModelsListed, Outcome::Refused), Some(Severity::Low));
    assert_eq!(of(EventKind::TokenReused, Outcome::Refused), Some(Severity::High));
}

#[test]
fn json_lines_carry_the_entry_byte_for_byte() {
    let leaf = entry(3).to_leaf().unwrap();
    let line = line(Format::Jsonl, &entry(3));
    let (head, rest) = line.split_once(",\"entry\":").unwrap();
    assert_eq!(rest.as_bytes(), [leaf.as_slice(), b"}"].concat());
    assert!(head.starts_with("{\"index\":70001,\"leaf_hash\":\""), "{head}");
    assert!(head.contains(&leaf_hash(&leaf).to_string()));
}

#[test]
fn a_cell_is_never_a_formula() {
    for (value, shown) in [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\\u0009=1"),
        ("\r\n=1", "'\\u000d\\u000a=1"),
        ("＝1", "'＝1"),
        ("a=1", "a=1"),
        ("", ""),
    ] {
        assert_eq!(csv::cell(value), shown);
    }
}

#[test]
fn cef_escapes_what_its_parsers_split_at() {
    let mut parts = entry(3).into_parts();
    parts.request_id = "a=b\\c|d\r\ne".to_owned();
    let written = line(Format::Cef, &Entry::from_parts(parts).unwrap());
    assert!(written.contains(" cs2=a\\=b\\\\c|d\\r\\ne "), "{written}");
    assert!(written.starts_with("CEF:0|Portcullis|Portcullis|1.2.3|"), "{written}");
    let writer = Writer::new(Format::Cef, LOG, "1|2\\3\n");
    let leaf = entry(3).to_leaf().unwrap();
    let written = writer.line(&Event::read(0, &leaf).unwrap()).unwrap();
    assert!(written.starts_with("CEF:0|Portcullis|Portcullis|1\\|2\\\\3 |"), "{written}");
}

#[test]
fn a_log_is_written_whole_and_followed_at_any_line() {
    let leaves = crate::testing::entry_leaves(20);
    for format in Format::ALL {
        let mut out = Vec::new();
        let numbered = leaves.iter().enumerate().map(|(at, leaf)| (at as u64, leaf));
        assert_eq!(write_all(&writer(*format), numbered, &mut out).unwrap(), 20);
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.split_terminator(format.line_end()).collect();
        let heads = usize::from(format.head().is_some());
        assert_eq!(lines.len(), 20 + heads);
        for (at, line) in lines.iter().skip(heads).enumerate() {
            assert_eq!(index_of(*format, line), Some(at as u64), "{line}");
            // A line that was cut off names nothing.
            assert_eq!(index_of(*format, &line[..line.len() / 2]), None, "{line}");
        }
        assert_eq!(format.head().and_then(|head| index_of(*format, head)), None);
    }
}

/// The extension's pairs as a receiver reads them.
fn pairs(extension: &str) -> Vec<(String, String)> {
    let mut starts = Vec::new();
    let bytes = extension.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let escapes = bytes[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        if *byte == b'=' && escapes % 2 == 0 {
            let key = extension[..at].rfind(' ').map_or(0, |space| space + 1);
            starts.push((key, at));
        }
    }
    let plain = |text: &str| {
        let mut out = String::new();
        let mut letters = text.chars();
        while let Some(c) = letters.next() {
            match (c, c == '\\') {
                (_, true) => match letters.next().unwrap() {
                    'n' => out.push('\n'),
                    'r' => out.push('\r'),
                    c => out.push(c),
                },
                (c, false) => out.push(c),
            }
        }
        out
    };
    let ends = starts.iter().skip(1).map(|(key, _)| key - 1).chain([extension.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|((key, at), end)| (extension[*key..*at].to_owned(), plain(&extension[at + 1..end])))
        .collect()
}

#[test]
fn every_kind_is_written_in_every_format() {
    for entry in every_kind() {
        let cef = line(Format::Cef, &entry);
        let mut fields = cef.splitn(8, '|').skip(4);
        assert_eq!(fields.next(), Some(entry.kind.as_str()));
        let severity: u8 = fields.nth(1).unwrap().parse().unwrap();
        assert!((1..=10).contains(&severity), "{cef}");
        let found = pairs(fields.next().unwrap());
        let of = |key: &str| found.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        assert_eq!(of("externalId"), Some(entry.id.to_string().as_str()));
        assert_eq!(of("cn1"), Some("70001"));
        assert_eq!(of("cs4"), Some(LOG));
        schema::hold(&serde_json::from_str(&line(Format::Ocsf, &entry)).unwrap());
    }
}

#[test]
fn a_kind_of_a_newer_version_is_a_base_event() {
    let mut parts = entry(3).into_parts();
    parts.kind = Kind::new("tomorrow.happened").unwrap();
    let entry = Entry::from_parts(parts).unwrap();
    let event: Value = serde_json::from_str(&line(Format::Ocsf, &entry)).unwrap();
    assert_eq!(event["class_uid"], 0);
    assert_eq!(event["metadata"]["event_code"], "tomorrow.happened");
    schema::hold(&event);
    for format in Format::ALL {
        assert_eq!(index_of(*format, &line(*format, &entry)), Some(INDEX));
    }
}

proptest! {
    #[test]
    fn one_event_is_one_line(entry in any_entry()) {
        for format in Format::ALL {
            let line = line(*format, &entry);
            prop_assert!(!line.contains(['\n', '\r']), "{format}: {line:?}");
            prop_assert_eq!(index_of(*format, &line), Some(INDEX));
        }
    }

    #[test]
    fn another_reader_reads_the_table_back(entry in any_entry()) {
        let mut file = Vec::new();
        let leaf = entry.to_leaf().unwrap();
        write_all(&writer(Format::Csv), [(INDEX, &leaf)], &mut file).unwrap();
        let mut reader = ::csv::ReaderBuilder::new().from_reader(file.as_slice());
        let columns = reader.headers().unwrap().clone();
        let rows: Vec<_> = reader.records().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(rows.len(), 1);
        let of = |name: &str| &rows[0][columns.iter().position(|column| column == name).unwrap()];
        prop_assert_eq!(of("request_id"), csv::cell(&entry.request_id));
        prop_assert_eq!(of("policy"), csv::cell(&entry.policy));
        prop_assert_eq!(of("subject_id"), csv::cell(entry.subject.as_ref().map_or("", |subject| &subject.id)));
        prop_assert_eq!(of("id"), entry.id.to_string());
        prop_assert_eq!(of("leaf_hash"), leaf_hash(&leaf).to_string());
        prop_assert!(rows[0].iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])));
    }

    #[test]
    fn a_receiver_reads_the_extension_back(entry in any_entry()) {
        let line = line(Format::Cef, &entry);
        let extension = line.splitn(8, '|').nth(7).unwrap();
        let found = pairs(extension);
        let of = |key: &str| found.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
        let breaks = |c: char| c.is_control() && !"\r\n".contains(c) || "\u{2028}\u{2029}".contains(c);
        let shown = |text: &str| text.replace(breaks, " ");
        prop_assert_eq!(of("cs2"), Some(shown(&entry.request_id)));
        prop_assert_eq!(of("flexString2"), Some(shown(&entry.policy)));
    }

    #[test]
    fn frames_are_read_back_by_their_length(entries in prop::collection::vec(any_entry(), 1..4)) {
        for format in Format::ALL {
            let mut sent = Vec::new();
            for entry in &entries {
                let leaf = entry.to_leaf().unwrap();
                sent.extend(syslog::frame(&writer(*format), &Event::read(INDEX, &leaf).unwrap(), "a host").unwrap());
            }
            let mut rest = sent.as_slice();
            for entry in &entries {
                let digits = rest.iter().position(|byte| *byte == b' ').unwrap();
                let length: usize = std::str::from_utf8(&rest[..digits]).unwrap().parse().unwrap();
                let message = std::str::from_utf8(&rest[digits + 1..][..length]).unwrap();
                let head = format!("1 {} - portcullis - {} - ", entry.at, entry.kind);
                let (priority, after) = message.strip_prefix('<').unwrap().split_once('>').unwrap();
                prop_assert!((104..=111).contains(&priority.parse::<u8>().unwrap()));
                let written = line(*format, entry);
                prop_assert_eq!(after.strip_prefix(&head), Some(written.as_str()));
                rest = &rest[digits + 1 + length..];
            }
            prop_assert!(rest.is_empty());
        }
    }

    #[test]
    fn any_entry_holds_against_the_schema(entry in any_entry()) {
        let event: Value = serde_json::from_str(&line(Format::Ocsf, &entry)).unwrap();
        schema::hold(&event);
        prop_assert_eq!(&event["unmapped"]["data"], &Value::Object(entry.data.clone()));
        prop_assert_eq!(&event["metadata"]["uid"], &json!(entry.id.to_string()));
    }
}
