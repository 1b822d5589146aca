//! The report: one page for people, with everything in it, no script and nothing to fetch.

use askama::Template;

use crate::controls::Strength;
use crate::pack::{Description, NOT_PROVEN};
use crate::survey::{Example, Summary};

/// Bars of the chart: more days are drawn together.
const BARS_MAX: usize = 92;
/// Height of the tallest bar, in units of the drawing.
const BAR_HEIGHT: u64 = 120;
/// Kinds that are shown for one control.
const KINDS_SHOWN_MAX: usize = 4;

/// A control as its row shows it.
struct Row {
    id: String,
    title: String,
    strength: Strength,
    says: String,
    entries: u64,
    examples: Vec<(String, u64, Example)>,
    not_yet: String,
}

/// A bar of the chart.
struct Bar {
    x: u64,
    y: u64,
    height: u64,
    label: String,
    count: u64,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    what: &'a Description,
    summary: &'a Summary,
    rows: Vec<Row>,
    full: usize,
    partial: usize,
    none: usize,
    bars: Vec<Bar>,
    width: u64,
    first_day: String,
    last_day: String,
    tallest: u64,
    undone: u64,
    not_proven: &'a [&'a str],
    root: String,
    last: u64,
}

/// The page.
pub(crate) fn html(what: &Description, summary: &Summary) -> Result<String, askama::Error> {
    let counts = summary.counts();
    let rows: Vec<Row> = what
        .framework
        .controls
        .iter()
        .map(|control| Row {
            id: control.id.clone(),
            title: control.title.clone(),
            strength: control.strength,
            says: control.says.clone(),
            entries: control.events.count(&counts),
            examples: summary
                .kinds
                .iter()
                .filter(|(kind, _)| control.events.has(kind))
                .take(KINDS_SHOWN_MAX)
                .map(|(kind, of)| (kind.clone(), of.count, of.first.clone()))
                .collect(),
            not_yet: control.not_yet.join(", "),
        })
        .collect();
    let of = |strength| rows.iter().filter(|row| row.strength == strength).count();
    let (bars, tallest) = bars(summary);
    let page = Page {
        full: of(Strength::Full),
        partial: of(Strength::Partial),
        none: of(Strength::None),
        width: (bars.len() as u64 * 10).max(10),
        first_day: bars.first().map(|bar| bar.label.chars().take(10).collect()).unwrap_or_default(),
        last_day: summary.days.keys().next_back().cloned().unwrap_or_default(),
        bars,
        tallest,
        undone: summary.kinds.values().map(|of| of.undone).sum(),
        not_proven: NOT_PROVEN,
        root: what.signed.checkpoint.root().to_base64(),
        last: what.end.saturating_sub(1),
        rows,
        what,
        summary,
    };
    page.render()
}

/// The bars, and the count that the tallest of them stands for.
fn bars(summary: &Summary) -> (Vec<Bar>, u64) {
    let days: Vec<(&String, u64)> = summary.days.iter().map(|(day, count)| (day, *count)).collect();
    let together = days.len().div_ceil(BARS_MAX).max(1);
    let sums: Vec<(String, u64)> = days
        .chunks(together)
        .filter_map(|chunk| {
            let ((first, _), (last, _)) = (chunk.first()?, chunk.last()?);
            let label = if first == last { (*first).clone() } else { format!("{first} to {last}") };
            Some((label, chunk.iter().map(|(_, count)| count).sum()))
        })
        .collect();
    let tallest = sums.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let mut x = 0;
    let bars = sums.into_iter().map(|(label, count)| {
        let height = (count.saturating_mul(BAR_HEIGHT) / tallest).max(1);
        let bar = Bar { x, y: BAR_HEIGHT - height, height, label, count };
        x += 10;
        bar
    });
    (bars.collect(), tallest)
}
