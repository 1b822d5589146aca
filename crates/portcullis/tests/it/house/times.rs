//! Times that somebody on the outside could compare.
//!
//! Two kinds of answers are asked for in turns, so that both meet the same load, and their times are compared by ranks
//! (Mann–Whitney): one slow answer moves a rank, not a mean. A difference counts when chance would hardly ever make it
//! *and* it is large enough to be seen from elsewhere; a loaded machine alone makes neither.

use std::time::Duration;

/// Beyond this many standard deviations chance has one in ten thousand (two-sided).
const DEVIATIONS_MAX: f64 = 3.891;
/// Smallest share of the median that counts as a difference: less drowns in any network.
const SHARE_MIN: f64 = 0.15;

/// The times of two kinds of answers.
#[derive(Debug, Default)]
pub(crate) struct Times {
    known: Vec<Duration>,
    unknown: Vec<Duration>,
}

impl FromIterator<(bool, Duration)> for Times {
    /// Of pairs: whether it was asked about something known, and how long the answer took.
    fn from_iter<I: IntoIterator<Item = (bool, Duration)>>(taken: I) -> Self {
        let mut times = Self::default();
        for (is_known, time) in taken {
            if is_known { times.known.push(time) } else { times.unknown.push(time) }
        }
        times
    }
}

impl Times {
    /// Fails when the two can be told apart by their times.
    #[track_caller]
    pub(crate) fn tell_nothing(&self, of: &str) {
        let (deviations, share) = (self.deviations(), self.share());
        let medians = (median(&self.known), median(&self.unknown));
        let told = format!("{of}: medians {medians:?} are {share:.2} apart, by {deviations:.1} deviations");
        assert!(deviations.abs() < DEVIATIONS_MAX || share < SHARE_MIN, "{told}");
    }

    /// How far the sum of ranks is from that of two samples of one kind, in standard deviations: the normal approximation
    /// of Mann–Whitney's U. Equal times count half.
    fn deviations(&self) -> f64 {
        let pairs = self.known.iter().flat_map(|one| self.unknown.iter().map(move |other| one.cmp(other)));
        let wins: f64 = pairs.map(|order| f64::from(order as i8 + 1) / 2.0).sum();
        let (n, m) = (count(&self.known), count(&self.unknown));
        (wins - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
    }

    /// The difference of the medians as a share of the larger one.
    fn share(&self) -> f64 {
        let (one, other) = (median(&self.known).as_secs_f64(), median(&self.unknown).as_secs_f64());
        (one - other).abs() / one.max(other)
    }
}

fn count(times: &[Duration]) -> f64 {
    f64::from(u32::try_from(times.len()).expect("few"))
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}

/// Times around `middle` microseconds, spread evenly over a fifth of it, with a slow one at the end.
fn sample(middle: u64) -> Vec<Duration> {
    let spread = (0..30).map(|step| middle * 9 / 10 + step * middle / 150);
    spread.chain([middle * 40]).map(Duration::from_micros).collect()
}

#[test]
fn two_samples_of_one_kind_tell_nothing() {
    Times { known: sample(5_000), unknown: sample(5_010) }.tell_nothing("the same");
    // A difference that ranks find and nobody can use.
    let slight = Times { known: sample(5_000), unknown: sample(5_600) };
    assert!(slight.deviations() < -DEVIATIONS_MAX && slight.share() < SHARE_MIN, "{slight:?}");
    slight.tell_nothing("slight");
}

#[test]
#[should_panic(expected = "medians")]
fn a_skipped_step_tells() {
    Times { known: sample(5_000), unknown: sample(3_500) }.tell_nothing("skipped");
}
