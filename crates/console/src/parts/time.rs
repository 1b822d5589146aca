//! Moments as people read them.

use askama::Template;
use askama::filters::HtmlSafe;
use kernel::Timestamp;
use time::OffsetDateTime;
use time::macros::format_description;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Beyond this many days a date says more than a distance does.
const RELATIVE_DAYS_MAX: i64 = 7;

/// A moment: short on the page, exact in its title, machine-readable in its attribute.
///
/// The server writes UTC; `console.js` rewrites the title in the reader's own zone and keeps short forms fresh.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "parts/when.html")]
pub struct When {
    iso: String,
    exact: String,
    short: String,
    live: bool,
}

impl HtmlSafe for When {}

impl When {
    /// `at` as seen from `now`: "3 min ago", "in 2 h", and a date when it is more than a week away.
    pub fn seen(at: Timestamp, now: Timestamp) -> Self {
        let seconds = now.unix_seconds() - at.unix_seconds();
        let far = seconds.abs() > RELATIVE_DAYS_MAX * DAY;
        let short = if far { date(at) } else { distance(seconds) };
        Self { iso: at.to_string(), exact: exact(at), short, live: !far }
    }

    /// `at` as a date and a time of day, for logs and lists one reads by time.
    pub fn stamp(at: Timestamp) -> Self {
        let shape = format_description!("[day padding:none] [month repr:short], [hour]:[minute]:[second]");
        let short = OffsetDateTime::from(at).format(&shape).unwrap_or_default();
        Self { iso: at.to_string(), exact: exact(at), short, live: false }
    }

    /// The short form alone, where no element can stand.
    pub(crate) fn short(&self) -> &str {
        &self.short
    }

    /// `at` as a date.
    pub fn day(at: Timestamp) -> Self {
        Self { iso: at.to_string(), exact: exact(at), short: date(at), live: false }
    }
}

fn exact(at: Timestamp) -> String {
    let shape =
        format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute]:[second] UTC");
    OffsetDateTime::from(at).format(&shape).unwrap_or_default()
}

fn date(at: Timestamp) -> String {
    let shape = format_description!("[day padding:none] [month repr:short] [year]");
    OffsetDateTime::from(at).format(&shape).unwrap_or_default()
}

/// The distance in the one unit that fits; positive seconds are past.
fn distance(seconds: i64) -> String {
    let away = seconds.abs();
    let amount = match away {
        _ if away < MINUTE => return "just now".to_owned(),
        _ if away < HOUR => format!("{} min", away / MINUTE),
        _ if away < DAY => format!("{} h", away / HOUR),
        _ if away < 2 * DAY => "1 day".to_owned(),
        _ => format!("{} days", away / DAY),
    };
    if seconds > 0 { format!("{amount} ago") } else { format!("in {amount}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_micros((1_790_000_000 + seconds) * 1_000_000)
    }

    #[test]
    fn the_short_form_takes_the_unit_that_fits() {
        for (seconds, short) in [
            (0, "just now"),
            (59, "just now"),
            (60, "1 min ago"),
            (3 * HOUR + 5, "3 h ago"),
            (DAY, "1 day ago"),
            (6 * DAY, "6 days ago"),
            (-20 * MINUTE, "in 20 min"),
            (-3 * DAY, "in 3 days"),
            (30 * DAY, "22 Aug 2026"),
        ] {
            assert_eq!(When::seen(at(-seconds), at(0)).short, short);
        }
    }

    #[test]
    fn the_exact_moment_is_in_title_and_attribute() {
        let html = When::seen(at(-90), at(0)).render().unwrap();
        assert!(html.contains("datetime=\"2026-09-21T14:11:50.000000Z\""), "{html}");
        assert!(html.contains("title=\"21 September 2026, 14:11:50 UTC\""), "{html}");
    }
}
