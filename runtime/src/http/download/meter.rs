//! How far a download is, how fast, and how long it will take.

use std::time::{Duration, Instant};

/// How often progress is told.
const STEP: Duration = Duration::from_millis(100);
/// The span that the rate is averaged over: what is older counts for less than 37 %.
const SPAN: f64 = 5.0;

/// How far a download is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Progress {
    /// How many bytes are here, those of an earlier try among them.
    pub received: u64,
    /// How many there are in all, once that is known.
    pub total: Option<u64>,
    /// Bytes a second, as an exponential moving average over some seconds. 0 before anything has arrived.
    pub rate: f64,
    /// How long the rest takes at that rate.
    pub eta: Option<Duration>,
}

/// Counts what arrives.
#[derive(Debug)]
pub(super) struct Meter {
    progress: Progress,
    measured: Instant,
    since: u64,
    has_rate: bool,
}

impl Meter {
    pub(super) fn new(now: Instant) -> Self {
        Self { progress: Progress::default(), measured: now, since: 0, has_rate: false }
    }

    /// So many bytes are here, by now or again.
    pub(super) fn set(&mut self, received: u64, total: Option<u64>) {
        (self.progress.received, self.progress.total) = (received, total);
    }

    /// Counts bytes that arrived; the progress where it is time to tell it.
    pub(super) fn add(&mut self, bytes: u64, now: Instant) -> Option<Progress> {
        self.progress.received += bytes;
        self.since += bytes;
        let passed = now.saturating_duration_since(self.measured);
        if passed < STEP {
            return None;
        }
        self.measure(passed.as_secs_f64());
        (self.measured, self.since) = (now, 0);
        Some(self.progress())
    }

    fn measure(&mut self, seconds: f64) {
        let sample = self.since as f64 / seconds;
        let weight = if self.has_rate { 1.0 - (-seconds / SPAN).exp() } else { 1.0 };
        self.progress.rate += weight * (sample - self.progress.rate);
        self.has_rate = true;
    }

    /// How far it is.
    pub(super) fn progress(&self) -> Progress {
        let Progress { received, total, rate, .. } = self.progress;
        let left = total.map(|total| total.saturating_sub(received) as f64 / rate);
        let eta = left.and_then(|left| Duration::try_from_secs_f64(left).ok());
        Progress { eta, ..self.progress }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_follows_what_arrives_and_the_rest_is_told() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        meter.set(500, Some(11_500));
        assert_eq!(meter.progress().eta, None);
        assert_eq!(meter.add(10, start + Duration::from_millis(50)), None);
        let told = meter.add(990, start + Duration::from_secs(1)).unwrap();
        assert_eq!((told.received, told.rate), (1_500, 1_000.0));
        assert_eq!(told.eta, Some(Duration::from_secs(10)));
        let told = meter.add(3_000, start + Duration::from_secs(2)).unwrap();
        let expected = 1_000.0 + 2_000.0 * (1.0 - (-0.2_f64).exp());
        assert!((told.rate - expected).abs() < 1e-6, "{}", told.rate);
        for second in 3..60 {
            meter.add(3_000, start + Duration::from_secs(second));
        }
        assert!((meter.progress().rate - 3_000.0).abs() < 1.0);
    }

    #[test]
    fn a_download_that_stands_still_has_no_end() {
        let start = Instant::now();
        let mut meter = Meter::new(start);
        meter.set(0, Some(u64::MAX));
        assert_eq!(meter.add(0, start + Duration::from_secs(1)).unwrap().eta, None);
        assert!(meter.add(u64::MAX, start + Duration::from_secs(2)).is_some());
    }
}
