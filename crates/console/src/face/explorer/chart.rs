//! How many entries there were when, as bars.

use app::audit::{Bar, Chart, SLICE_ROWS_MAX};
use kernel::Timestamp;

use super::filter::Filter;
use crate::pages::{ChartBar, ChartView};
use crate::parts::When;

/// Height of the drawing, in its own units.
const HEIGHT: u64 = 100;
/// Least height of what is there at all: one refusal among thousands is seen.
const HEIGHT_MIN: u64 = 3;

/// The chart as the page shows it; nothing when there is nothing to count.
pub(super) fn view(chart: &Chart, filter: &Filter) -> Option<ChartView> {
    let bars = match chart {
        Chart::Empty => return None,
        Chart::TooLong => return Some(ChartView { stopped: true, ..ChartView::default() }),
        Chart::Bars(bars) => bars,
    };
    let most = bars.iter().map(|bar| bar.entries).max().unwrap_or_default();
    if most == 0 {
        return None;
    }
    let total: u64 = bars.iter().map(|bar| bar.entries).sum();
    let full = bars.iter().filter(|bar| bar.is_full()).count();
    let drawn = bars.iter().enumerate().map(|(at, bar)| draw(at, bar, most, filter));
    Some(ChartView {
        stopped: false,
        bars: drawn.collect(),
        total: grouped(total),
        refused: grouped(bars.iter().map(|bar| bar.refused).sum()),
        failed: grouped(bars.iter().map(|bar| bar.failed).sum()),
        full,
        slice_max: grouped(SLICE_ROWS_MAX.unsigned_abs()),
        most: format!("{}{}", grouped(most), if full > 0 { "+" } else { "" }),
        begin: bars.first().map(|bar| When::stamp(bar.from)),
        end: bars.last().map(|bar| When::stamp(bar.to)),
        slice: bars.first().map(|bar| length(bar.from, bar.to)).unwrap_or_default(),
    })
}

fn draw(at: usize, bar: &Bar, most: u64, filter: &Filter) -> ChartBar {
    let height = |count: u64| match count {
        0 => 0,
        count => (count * HEIGHT / most).max(HEIGHT_MIN),
    };
    let (refused, failed) = (height(bar.refused), height(bar.failed));
    // What went wrong stands at the ground, where bars are compared; the rest is what is left of the whole.
    let whole = height(bar.entries).max(refused + failed).min(HEIGHT);
    let fine = whole.saturating_sub(refused + failed);
    let count =
        |count: u64| if bar.is_full() { format!("{} or more", grouped(count)) } else { grouped(count) };
    ChartBar {
        x: at as u64 * 10,
        fine,
        failed,
        refused,
        full: bar.is_full(),
        empty: bar.entries == 0,
        from: When::stamp(bar.from),
        to: When::stamp(bar.to),
        entries: count(bar.entries),
        fine_count: grouped(bar.fine()),
        refused_count: grouped(bar.refused),
        failed_count: grouped(bar.failed),
        path: filter.between(bar.from, bar.to).path(None),
    }
}

/// A number whose thousands are kept apart, as people read it.
pub(in crate::face) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// How long a slice is, in the unit that fits.
fn length(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.unix_seconds() - from.unix_seconds();
    let (amount, unit) = match seconds {
        ..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    if amount == 1 { format!("a {unit}").replace("a hour", "an hour") } else { format!("{amount} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_micros((1_795_341_600 + seconds) * 1_000_000)
    }

    fn bar(number: i64, entries: u64, refused: u64, failed: u64) -> Bar {
        Bar { from: at(number * 3_600), to: at((number + 1) * 3_600), entries, refused, failed }
    }

    #[test]
    fn a_single_refusal_is_seen_and_no_bar_is_too_high() {
        let bars = vec![bar(0, 5_000, 1, 0), bar(1, 0, 0, 0), bar(2, 2, 1, 1), bar(3, 40, 40, 0)];
        let view = view(&Chart::Bars(bars), &Filter::default()).expect("a chart");
        assert_eq!(view.bars[0].refused, HEIGHT_MIN);
        for bar in &view.bars {
            assert!(bar.fine + bar.refused + bar.failed <= HEIGHT, "{bar:?}");
        }
        assert!(view.bars[0].full && view.bars[1].empty && !view.bars[2].full);
        assert_eq!((view.total.as_str(), view.full, view.slice.as_str()), ("5\u{202f}042", 1, "an hour"));
        assert_eq!(view.bars[0].entries, "5\u{202f}000 or more");
        assert!(view.bars[2].path.contains("range=custom&from=2026-11-22T12%3A00&to=2026-11-22T13%3A00"));
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert!(view(&Chart::Empty, &Filter::default()).is_none());
        assert!(view(&Chart::Bars(vec![bar(0, 0, 0, 0)]), &Filter::default()).is_none());
        assert!(view(&Chart::TooLong, &Filter::default()).is_some_and(|view| view.stopped));
    }
}
