//! Every line of `events.jsonl` is an entry of the range, in the order of the log; and what follows from the entries is
//! what the pack says.

use std::io::{BufRead, Read, Seek};

use audit_log::{Hash, leaf_hash};

use super::archive::Archive;
use super::{OnProgress, PackReport};
use crate::controls::Framework;
use crate::pack::{EVENTS_JSONL, MANIFEST, Manifest};
use crate::survey::{Selection, Survey};

/// Lines that belong nowhere, after which the rest is not looked at.
const STRANGERS_MAX: u64 = 100;
/// Lines between two words of progress.
const PROGRESS_LINES: u64 = 5_000;

/// Checks the entries against the leaves of the range.
pub(super) fn check<R: Read + Seek>(
    archive: &mut Archive<R>,
    manifest: &Manifest,
    framework: &Framework,
    leaves: &[Hash],
    report: &mut PackReport,
    on_progress: OnProgress<'_>,
) {
    let mut survey = Survey::new(Selection::of(framework, manifest.range.everything));
    let mut walk = Walk { leaves, next: 0, first: manifest.range.first, strangers: 0 };
    let mut lines = match archive.lines(EVENTS_JSONL) {
        Ok(lines) => lines,
        Err(error) => return report.add(EVENTS_JSONL, None, error),
    };
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        // One byte for the newline, one to tell a line that is too long.
        let limit = audit_log::ENTRY_BYTES_MAX as u64 + 2;
        match lines.by_ref().take(limit).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return report.add(EVENTS_JSONL, Some(number), error.to_string()),
        }
        match line.strip_suffix(b"\n") {
            Some(leaf) => walk.entry(number, leaf, &mut survey, report),
            None => report.add(EVENTS_JSONL, Some(number), "the line does not end"),
        }
        if walk.strangers > STRANGERS_MAX {
            return report.add(EVENTS_JSONL, Some(number), "too much is wrong; the rest was not looked at");
        }
        if number.is_multiple_of(PROGRESS_LINES) {
            on_progress(number, manifest.range.included);
        }
    }
    drop(lines);
    compare(manifest, framework, leaves.len() as u64, survey, report);
}

struct Walk<'a> {
    leaves: &'a [Hash],
    next: usize,
    first: u64,
    strangers: u64,
}

impl Walk<'_> {
    fn entry(&mut self, number: u64, leaf: &[u8], survey: &mut Survey, report: &mut PackReport) {
        let hash = leaf_hash(leaf);
        let rest = self.leaves.get(self.next..).unwrap_or_default();
        let Some(skipped) = rest.iter().position(|found| *found == hash) else {
            self.strangers += 1;
            let detail = "this is no entry of the log from here on: it was changed, moved, repeated or added";
            return report.add(EVENTS_JSONL, Some(number), detail);
        };
        let at = self.next + skipped;
        self.next = at + 1;
        survey.hold_back(skipped as u64);
        match survey.push(self.first + at as u64, leaf) {
            Ok(true) => report.entries += 1,
            Ok(false) => {
                report.add(
                    EVENTS_JSONL,
                    Some(number),
                    "the entry is genuine and does not belong into this pack",
                );
            }
            Err(error) => report.add(EVENTS_JSONL, Some(number), error.to_string()),
        }
    }
}

/// Compares what follows from the entries with what the manifest says.
fn compare(manifest: &Manifest, framework: &Framework, range: u64, survey: Survey, report: &mut PackReport) {
    let (summary, files) = survey.finish();
    for file in files {
        let said = manifest.files.iter().find(|line| line.name == file.name);
        if said.is_none_or(|said| *said != file) {
            report.add(&file.name, None, "it is not what follows from the entries");
        }
    }
    let told = &manifest.range;
    if told.included != summary.included
        || told.included.checked_add(told.held_back) != Some(range)
        || (told.everything && told.held_back > 0)
    {
        report.add(MANIFEST, None, "it holds other entries than it says");
    }
    let counts = summary.counts();
    for control in &framework.controls {
        let said = manifest.controls.iter().find(|shown| shown.id == control.id);
        let right = said.is_some_and(|shown| {
            shown.strength == control.strength && shown.entries == control.events.count(&counts)
        });
        if !right {
            let detail = format!("what it says of {} does not follow from the entries", control.id);
            report.add(MANIFEST, None, detail);
        }
    }
}
