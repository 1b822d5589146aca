//! The table of cases that detectors of personal data often get wrong, in `docs/pii-report.md`: what it says is found here is
//! what is found, the mistakes too.

use super::found;

const REPORT: &str = include_str!("../../../../docs/pii-report.md");

#[test]
fn the_table_of_what_others_get_wrong_is_true() {
    let (_, section) = REPORT.split_once("## What others get wrong").expect("the section");
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let mut rows = 0;
    for row in section.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, text, said, _] = cells.as_slice() else { panic!("four cells: {row}") };
        let text = text.trim_matches('`').replace("&#124;", "|");
        let all: Vec<String> =
            found(&text).iter().map(|(class, _, value)| format!("{} `{value}`", class.name())).collect();
        let all = if all.is_empty() { "nothing".to_owned() } else { all.join("; ") };
        assert_eq!(*said, all, "{text}");
        rows += 1;
    }
    assert!(rows > 30, "the table lost its rows: {rows}");
}
