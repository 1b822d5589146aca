use super::*;
use crate::testing::{description, log, make};

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (files, signed) = log(700);
    let what = description("soc2", signed, (100, 600));
    let (first, manifest, summary) = make(&what, &files);
    let (second, ..) = make(&what, &files);
    assert_eq!(first, second);
    // Two of five kinds speak to no control of SOC 2: their entries are held back.
    assert_eq!((summary.included, summary.held_back), (300, 200));
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["range"]["held_back"], 200);
    assert_eq!(manifest["framework"]["id"], "soc2");
    assert_eq!(manifest["control_map"]["sha256"], ControlMap::sha256());
}

#[test]
fn the_report_escapes_and_needs_nothing_from_outside() {
    let (_, signed) = log(50);
    let what = description("eu-ai-act", signed, (0, 50));
    let summary = make(&what, &log(50).0).2;
    let documents = documents(&what, &summary).unwrap();
    let report = documents.iter().find(|(name, _)| *name == REPORT).unwrap();
    let report = std::str::from_utf8(&report.1).unwrap();
    assert!(report.contains("Example &#60;Works&#62;"), "{report}");
    for outside in ["<script", "src=", "href=", "url("] {
        assert!(!report.contains(outside), "{outside}");
    }
    for control in &what.framework.controls {
        assert!(report.contains(&control.id), "{}", control.id);
    }
}

#[test]
fn the_tiles_of_a_range_are_those_over_it_and_the_edge() {
    let names = |first, end, size| {
        let paths = tiles(first, end, size).unwrap();
        paths.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names(0, 0, 0), Vec::<String>::new());
    assert_eq!(names(0, 10, 10), ["tile/0/000.p/10"]);
    assert_eq!(
        names(300, 600, 70_000),
        ["tile/0/001", "tile/0/002", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]
    );
    assert_eq!(names(0, 256, 256), ["tile/0/000", "tile/1/000.p/1"]);
    assert!(tiles(0, 11, 10).is_err());
}
