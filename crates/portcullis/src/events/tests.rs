use super::*;

use crate::embedded::files;

struct Scratch(PathBuf);

impl Scratch {
    fn with(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("pc-events-{}", files::random_name().unwrap()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn line(index: u64) -> String {
    format!("{{\"index\":{index},\"leaf_hash\":\"00\",\"entry\":{{}}}}\n")
}

#[test]
fn a_file_is_gone_on_with_after_its_last_whole_line() {
    let cut = format!("{}{}{{\"index\":9", line(7), line(8));
    for (text, kept, last) in [
        (String::new(), String::new(), None),
        (line(7), line(7), Some(7)),
        (cut, format!("{}{}", line(7), line(8)), Some(8)),
        ("{\"inde".to_owned(), String::new(), None),
    ] {
        let file = Scratch::with(&text);
        let (mut sink, found) = Sink::open(Some(&file.0), Format::Jsonl).unwrap();
        assert_eq!((found, file.text()), (last, kept.clone()));
        assert_eq!(sink.has_begun(), !kept.is_empty());
        sink.write(line(9).as_bytes()).unwrap();
        assert_eq!(file.text(), kept + &line(9));
    }
    let head = format!("{}\r\n", Format::Csv.head().unwrap());
    let file = Scratch::with(&head);
    let (sink, last) = Sink::open(Some(&file.0), Format::Csv).unwrap();
    assert!(sink.has_begun() && last.is_none());
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    for text in ["notes\n", "notes", "{\"index\":1}\n", &format!("{}\nnotes\n", line(1))] {
        let file = Scratch::with(text);
        assert!(Sink::open(Some(&file.0), Format::Jsonl).is_err(), "{text:?}");
        assert_eq!(file.text(), text);
    }
    let file = Scratch::with(&line(1));
    assert!(Sink::open(Some(&file.0), Format::Ocsf).is_err());
}

#[test]
fn lines_are_gathered_from_pieces_of_any_size() {
    let text = format!("{}{}", line(1), line(22));
    for size in 1..text.len() {
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        for piece in text.as_bytes().chunks(size) {
            out.extend(lines.add(piece).unwrap_or_default());
        }
        assert!(lines.is_empty() && out == text.as_bytes());
        let (mut events, mut seen) = (Events::default(), Vec::new());
        let stream =
            "retry: 1000\nid: -1\n: following\n\nid: 0\ndata: {\"a\": 1}\n\nevent: end\ndata: over\n\n";
        for piece in stream.as_bytes().chunks(size) {
            seen.extend(events.add(piece));
        }
        let of = |id, name: Option<&str>, data: Option<&str>| Event {
            id,
            name: name.map(str::to_owned),
            data: data.map(str::to_owned),
        };
        let expected = [
            of(Some(-1), None, None),
            of(Some(0), None, Some("{\"a\": 1}")),
            of(None, Some("end"), Some("over")),
        ];
        assert_eq!(seen, expected);
    }
}

#[test]
fn only_what_passes_by_itself_is_tried_again() {
    let of = |status| anyhow::Error::new(Refused { status, detail: String::new() });
    assert!(matches!(judge(of(StatusCode::UNAUTHORIZED)), Tried::Hopeless(_)));
    assert!(matches!(judge(of(StatusCode::UNPROCESSABLE_ENTITY)), Tried::Hopeless(_)));
    assert!(matches!(judge(of(StatusCode::TOO_MANY_REQUESTS)), Tried::Failed(_)));
    assert!(matches!(judge(of(StatusCode::SERVICE_UNAVAILABLE)), Tried::Failed(_)));
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    assert!(matches!(judge(anyhow::Error::new(full)), Tried::Hopeless(_)));
}
