//! What one turn of a contender gave, and what many turns say together.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Longer than any answer is waited for.
const LATENCY_MAX_US: u64 = 120_000_000;

/// Latencies in microseconds.
#[derive(Clone)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet; three significant digits.
    pub fn new() -> Self {
        Self(
            Histogram::new_with_bounds(1, LATENCY_MAX_US, 3)
                .expect("the bounds are constants that fit"),
        )
    }

    /// Adds one.
    pub fn record(&mut self, latency: Duration) {
        self.record_us(u64::try_from(latency.as_micros()).unwrap_or(LATENCY_MAX_US));
    }

    /// Adds one; what is out of bounds counts as the bound.
    pub fn record_us(&mut self, latency_us: u64) {
        self.0.saturating_record(latency_us);
    }

    /// Adds all of another.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that this share of all did not exceed, in microseconds.
    pub fn quantile_us(&self, quantile: f64) -> u64 {
        self.0.value_at_quantile(quantile)
    }
}

/// One turn of a contender.
pub struct Sample {
    /// How long it took.
    pub elapsed: Duration,
    /// Of every finished operation.
    pub latencies: Latencies,
    /// Processor time of the server, where it could be read.
    pub server_cpu: Option<Duration>,
}

impl Sample {
    /// Operations a second.
    pub fn rate(&self) -> f64 {
        count_f64(self.latencies.count()) / self.elapsed.as_secs_f64()
    }
}

/// Merges the latencies of tasks that began together.
pub fn sample(started: Instant, parts: impl IntoIterator<Item = Latencies>) -> Sample {
    let elapsed = started.elapsed();
    let mut latencies = Latencies::new();
    parts.into_iter().for_each(|part| latencies.add(&part));
    Sample {
        elapsed,
        latencies,
        server_cpu: None,
    }
}

/// All turns of one contender, one a round.
pub struct Series(Vec<Sample>);

impl Series {
    /// Without turns.
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds the turn of the next round.
    pub fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    /// Operations a second: the median of the rounds.
    pub fn rate(&self) -> f64 {
        median(self.0.iter().map(Sample::rate))
    }

    /// The median of the ratios within each round: neighbours slow both sides of it.
    pub fn ratio_to(&self, other: &Self) -> f64 {
        median(
            self.0
                .iter()
                .zip(&other.0)
                .map(|(mine, theirs)| mine.rate() / theirs.rate()),
        )
    }

    /// The latencies of all rounds.
    pub fn latencies(&self) -> Latencies {
        let mut all = Latencies::new();
        self.0.iter().for_each(|sample| all.add(&sample.latencies));
        all
    }

    /// Processor time of the server for one operation, in microseconds: the median of the rounds.
    pub fn server_cpu_us(&self) -> Option<f64> {
        let costs: Option<Vec<f64>> = self
            .0
            .iter()
            .map(|sample| {
                Some(
                    sample.server_cpu?.as_secs_f64() * 1e6
                        / count_f64(sample.latencies.count().max(1)),
                )
            })
            .collect();
        costs.map(median)
    }
}

/// The middle value; NaN of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[len / 2],
        len => f64::midpoint(values[len / 2 - 1], values[len / 2]),
    }
}

/// A count for arithmetic.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a benchmark are far below 2^53"
)]
pub fn count_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(rates: &[u64]) -> Series {
        let mut series = Series::new();
        for rate in rates {
            let mut latencies = Latencies::new();
            (0..*rate).for_each(|_| latencies.record_us(100));
            let server_cpu = Some(Duration::from_micros(rate * 20));
            series.push(Sample {
                elapsed: Duration::from_secs(1),
                latencies,
                server_cpu,
            });
        }
        series
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "halves are exact")]
    fn the_median_is_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median([]).is_nan());
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine halves its speed after the first round; the ratio stays.
        let (mine, theirs) = (series(&[800, 400, 400]), series(&[1000, 500, 500]));
        assert!((mine.ratio_to(&theirs) - 0.8).abs() < 1e-9);
        assert!((mine.rate() - 400.0).abs() < 1e-9);
        assert!((mine.server_cpu_us().expect("each round has it") - 20.0).abs() < 1e-9);
        assert_eq!(mine.latencies().count(), 1600);
    }
}
