//! Personal values beside a log, compared with what its entries commit to.

use crate::entry::EntryView;
use crate::personal::{DISCLOSED_ENTRIES, Disclosure, Disclosures, commitment_in, may_hold};
use crate::source::TileSource;

use super::report::{Finding, FindingKind, Report};

/// What is disclosed of the entries that the walk is at.
#[derive(Default)]
pub(super) struct Disclosed {
    /// The number of the file that was read, and its path.
    file: Option<(u64, String)>,
    values: Disclosures,
}

impl Disclosed {
    /// Compares what is disclosed of an entry with its commitments. Entries come in the order of the log.
    pub(super) fn check<S: TileSource + ?Sized>(
        &mut self,
        source: &S,
        at: u64,
        entry: &EntryView<'_>,
        report: &mut Report,
    ) {
        let number = at / DISCLOSED_ENTRIES;
        if self.file.as_ref().is_none_or(|(read, _)| *read != number) {
            self.leave(report);
            self.read(source, number, report);
        }
        if !may_hold(entry.data.as_bytes()) {
            return;
        }
        let Ok(data) = entry.data_map() else { return };
        for (field, value) in &data {
            let Some(commitment) = commitment_in(value) else { continue };
            match self.values.take(entry.id, field) {
                None => report.personal.not_disclosed += 1,
                Some(one) if one.opens(commitment) => report.personal.disclosed += 1,
                Some(_) => {
                    let detail = format!(
                        "the disclosed value of `{field}` is not the one that entry {} commits to",
                        entry.id
                    );
                    let finding = Finding::new(FindingKind::ValueAltered, detail).entries(at, at);
                    report.add(finding.at(Disclosure::path(at)));
                }
            }
        }
    }

    fn read<S: TileSource + ?Sized>(&mut self, source: &S, number: u64, report: &mut Report) {
        let path = Disclosure::path(number.saturating_mul(DISCLOSED_ENTRIES));
        match source.read(&path) {
            Ok(Some(content)) => {
                let lines =
                    content.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
                for (line, text) in lines {
                    if !Disclosure::parse(text).is_ok_and(|one| self.values.add(one)) {
                        let detail =
                            format!("line {} is no disclosure, or one of a field that has one", line + 1);
                        report.add(Finding::new(FindingKind::DisclosureBad, detail).at(&path));
                    }
                }
            }
            Ok(None) => {}
            Err(error) => {
                report.add(Finding::new(FindingKind::Unreadable, error.to_string()).at(&path));
            }
        }
        self.file = Some((number, path));
    }

    /// What is left speaks of nothing that an entry commits to.
    pub(super) fn leave(&mut self, report: &mut Report) {
        let values = std::mem::take(&mut self.values);
        if let (Some(one), Some((_, path))) = (values.any(), &self.file) {
            let detail = format!(
                "{} lines speak of what no entry here commits to; the first of them of `{}` of entry {}",
                values.len(),
                one.field,
                one.entry
            );
            report.add(Finding::new(FindingKind::DisclosureBad, detail).at(path));
        }
    }
}
