//! The log over time, drawn: from its first entry to now.

use std::time::Duration;

use app::audit::retention::{Hold, Overview};
use kernel::Timestamp;

use super::{days, days_in_words, moment};
use crate::face::explorer::grouped;
use crate::pages::{Stretch, Timeline};
use crate::parts::When;

/// How wide the drawing is, in its own units.
const WIDTH: i64 = 1_000;
/// Nothing that is there is drawn narrower than this.
const WIDTH_MIN: u64 = 4;
/// Holds that are drawn at most.
const LANES_MAX: usize = 6;

struct Axis {
    begin: i64,
    length: i64,
}

impl Axis {
    fn at(&self, moment: Timestamp) -> u64 {
        let passed = (moment.unix_micros() - self.begin).clamp(0, self.length);
        let x = i128::from(passed) * i128::from(WIDTH) / i128::from(self.length);
        u64::try_from(x).unwrap_or_default()
    }

    /// From one moment to another, as far as it is in the picture; nothing of what is not.
    fn stretch(&self, from: Option<Timestamp>, until: Option<Timestamp>) -> Option<Stretch> {
        let micros = |moment: Option<Timestamp>, else_: i64| moment.map_or(else_, Timestamp::unix_micros);
        let end = self.begin + self.length;
        let (from_micros, until_micros) = (micros(from, self.begin), micros(until, end));
        if from_micros > end || until_micros <= self.begin {
            return None;
        }
        let x = from.map_or(0, |from| self.at(from));
        let past = until.map_or(WIDTH.unsigned_abs(), |until| self.at(until));
        let width = past.saturating_sub(x).max(WIDTH_MIN);
        Some(Stretch { x: x.min(WIDTH.unsigned_abs() - width), width })
    }
}

fn words(found: &Overview, here: Timestamp, standing: usize) -> String {
    let archive = found.keeping.archive.as_ref();
    let archived = archive.map_or_else(String::new, |archive| {
        let still = if archive.removed { "" } else { " and in the database still" };
        let last = grouped(archive.size.unsigned_abs().saturating_sub(1));
        format!(
            " Entries 0 to {last} are archived{still}; those from {} on are in the database alone.",
            moment(here)
        )
    });
    let holds = match standing {
        0 => "No legal hold stands.".to_owned(),
        1 => "One legal hold stands.".to_owned(),
        more => format!("{more} legal holds stand."),
    };
    let began = found.began.map(moment).unwrap_or_default();
    format!(
        "The log from {began} to now.{archived} Entries stay for {}. {holds}",
        days_in_words(found.keeping.days)
    )
}

/// The drawing; nothing before the log's first entry.
pub(super) fn draw(found: &Overview, now: Timestamp) -> Option<Timeline> {
    let began = found.began?;
    let length = (now.unix_micros() - began.unix_micros()).max(1);
    let axis = Axis { begin: began.unix_micros(), length };
    let archive = found.keeping.archive.as_ref();
    let here = found.unarchived_from.unwrap_or(now);
    let archived = archive.and_then(|_| axis.stretch(None, Some(here)));
    let edge = archived.map_or(0, |archived| archived.width);
    let standing: Vec<&Hold> = found.holds.iter().filter(|hold| hold.lifted.is_none()).collect();
    let mut holds: Vec<Stretch> =
        standing.iter().filter_map(|hold| axis.stretch(hold.from, hold.until)).collect();
    let more = holds.len().saturating_sub(LANES_MAX);
    holds.truncate(LANES_MAX);
    let kept: Duration = days(u64::from(found.keeping.days.unsigned_abs()));
    let due = now.minus(kept);
    Some(Timeline {
        label: words(found, here, standing.len()),
        archived,
        both: archive.is_some_and(|archive| !archive.removed),
        here: Stretch { x: edge, width: WIDTH.unsigned_abs() - edge },
        holds,
        more,
        due: (due > began).then(|| axis.at(due)),
        began: When::day(began),
    })
}
