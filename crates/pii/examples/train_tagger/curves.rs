//! Calibration: how often findings of each raw confidence were right on documents that were not learned from.

use std::fmt::Write as _;
use std::io::Write;

use pii::Class;
use pii::training::{CURVES, Example, Judge};

/// Raw confidences are put together by tenths.
const BINS: usize = 10;
/// As if so many findings had been seen in each bin, right as often as all of them together: a bin with few findings says little.
const PRIOR: f64 = 4.0;

/// Findings of a class: raw confidence and whether it was right, of documents in which the class is marked.
fn findings(judge: &Judge, examples: &[Example], class: Class) -> Vec<(f32, bool)> {
    let mut all = Vec::new();
    for example in examples.iter().filter(|example| example.judged.contains(&class)) {
        for (start, end, _, raw) in judge.find(&example.text).into_iter().filter(|f| f.2 == class) {
            let meets = |span: &&(usize, usize, Option<Class>)| start < span.1 && span.0 < end;
            let met: Vec<_> = example.spans.iter().filter(meets).collect();
            let right = met.iter().any(|span| span.2 == Some(class));
            // What the corpus marks as something else is not counted, as in the evaluation.
            if right || met.is_empty() {
                all.push((raw, right));
            }
        }
    }
    all
}

/// The curve of a class: shares of right findings that never fall, at 0, 1/10, …, 1.
fn curve(findings: &[(f32, bool)]) -> Vec<u8> {
    let mut bins = [(0.0_f64, 0.0_f64); BINS];
    let right_all = findings.iter().filter(|f| f.1).count();
    let share = (to_f64(right_all) + 1.0) / (to_f64(findings.len()) + 2.0);
    for (raw, right) in findings {
        let bin =
            (0..BINS - 1).filter(|i| *raw * 10.0 >= f32::from(u8::try_from(i + 1).unwrap_or(0))).count();
        bins[bin].0 += f64::from(u8::from(*right));
        bins[bin].1 += 1.0;
    }
    // Neighbours out of order are put together (pool adjacent violators).
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for (right, all) in bins {
        pools.push((right + PRIOR * share, all + PRIOR, 1));
        while let [.., a, b] = pools[..]
            && a.0 / a.1 > b.0 / b.1
        {
            pools.truncate(pools.len() - 2);
            pools.push((a.0 + b.0, a.1 + b.1, a.2 + b.2));
        }
    }
    let steps: Vec<f64> = pools.iter().flat_map(|(right, all, n)| vec![right / all; *n]).collect();
    (0..=BINS)
        .map(|i| {
            let (left, right) = (steps[i.saturating_sub(1)], steps[i.min(BINS - 1)]);
            let tenths = (f64::midpoint(left, right) * 255.0).round();
            (0..=255_u8).rev().find(|n| f64::from(*n) <= tenths).unwrap_or(0)
        })
        .collect()
}

fn to_f64(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

/// The curves of all classes, by documents the judge has not learned from.
pub(crate) fn fit(judge: &Judge, examples: &[Example]) -> [Vec<u8>; CURVES.len()] {
    CURVES.map(|class| curve(&findings(judge, examples, class)))
}

/// Prints how far confidences are from the shares that were right: the mean over tenths, by how many lie in each.
pub(crate) fn tell(
    judge: &Judge,
    examples: &[Example],
    what: &str,
    log: &mut impl Write,
) -> std::io::Result<()> {
    for class in CURVES {
        let all = findings(judge, examples, class);
        if all.is_empty() {
            continue;
        }
        let mut error = 0.0;
        let mut line = String::new();
        for i in 0..BINS {
            let low = f32::from(u8::try_from(i).unwrap_or(0)) / 10.0;
            let within: Vec<_> =
                all.iter().filter(|f| f.0 >= low && (f.0 < low + 0.1 || i + 1 == BINS)).collect();
            if within.is_empty() {
                continue;
            }
            let n = to_f64(within.len());
            let said = within.iter().map(|f| f64::from(f.0)).sum::<f64>() / n;
            let right = to_f64(within.iter().filter(|f| f.1).count()) / n;
            error += (said - right).abs() * n / to_f64(all.len());
            let _ = write!(line, "  {said:.2}→{right:.2} ({n:.0})");
        }
        writeln!(log, "{what} {class}: calibration error {error:.3}{line}")?;
    }
    Ok(())
}
