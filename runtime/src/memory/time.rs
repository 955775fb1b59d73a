//! Points in time, and who says what time it is. Everything that depends on the time is given it, so that tests are exact.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Error;

/// Microseconds since 1970-01-01 00:00 UTC. Written as RFC 3339, in UTC, with six digits of the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest that can be written: the beginning of the year 1.
    pub const MIN: Self = Self(-62_135_596_800_000_000);
    /// The latest that can be written: near the end of the year 9999.
    pub const MAX: Self = Self(253_402_207_199_999_999);

    /// So many microseconds since 1970.
    ///
    /// # Errors
    /// When that is not in the years 1 to 9999.
    pub fn from_micros(micros: i64) -> Result<Self, Error> {
        let time = Self(micros);
        if (Self::MIN..=Self::MAX).contains(&time) {
            return Ok(time);
        }
        Err(Error::invalid("time", format!("{micros} µs since 1970 is not in the years 1 to 9999")))
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339, in any offset from UTC. Digits after the sixth of the second are cut off.
    ///
    /// # Errors
    /// When the text is no such time.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let invalid = |error: jiff::Error| Error::invalid("time", format!("{text:?}: {error}"));
        let time: jiff::Timestamp = text.parse().map_err(invalid)?;
        // Downwards, also before 1970.
        Self::from_micros(time.as_nanosecond().div_euclid(1000) as i64)
    }

    /// Later by `by`, as far as there is time.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(by)).min(Self::MAX)
    }

    /// Earlier by `by`, as far as there is time.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(by)).max(Self::MIN)
    }

    /// How long after `earlier` this is; nothing if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        let micros = self.0.saturating_sub(earlier.0);
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(f, "{time:.6}"),
            Err(_) => write!(f, "{} µs since 1970", self.0),
        }
    }
}

/// Half-open: from its beginning up to, and without, its end. Open on either side where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Interval {
    /// When it begins.
    pub from: Option<Timestamp>,
    /// When it has ended.
    pub to: Option<Timestamp>,
}

impl Interval {
    /// All time.
    pub const ALWAYS: Self = Self { from: None, to: None };

    /// From a time on.
    pub const fn since(from: Timestamp) -> Self {
        Self { from: Some(from), to: None }
    }

    /// From a time up to, and without, another.
    ///
    /// # Errors
    /// When it would hold nothing.
    pub fn between(from: Timestamp, to: Timestamp) -> Result<Self, Error> {
        Self { from: Some(from), to: Some(to) }.checked()
    }

    /// Itself, if there is a time in it.
    ///
    /// # Errors
    /// When it ends before it begins.
    pub fn checked(self) -> Result<Self, Error> {
        match (self.from, self.to) {
            (Some(from), Some(to)) if from >= to => {
                Err(Error::invalid("interval", format!("{from} is not before {to}")))
            }
            _ => Ok(self),
        }
    }

    /// Whether a time is in it.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time < to)
    }

    /// Whether some time is in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        let before = |to: Option<Timestamp>, from: Option<Timestamp>| match (to, from) {
            (Some(to), Some(from)) => to <= from,
            _ => false,
        };
        !before(self.to, other.from) && !before(other.to, self.from)
    }
}

/// Who says what time it is.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The time of the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(0).plus(since)
    }
}

/// A clock that is set by hand.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at this time.
    pub fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Sets it.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    /// Puts it forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn times_are_written_in_one_way() {
        for (text, written) in [
            ("2026-11-20T08:49:37Z", "2026-11-20T08:49:37.000000Z"),
            ("2026-11-20T08:49:37.123456789+01:30", "2026-11-20T07:19:37.123456Z"),
            ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ] {
            assert_eq!(time(text).to_string(), written);
            assert_eq!(time(written), time(text));
        }
        assert_eq!(time(&Timestamp::MIN.to_string()), Timestamp::MIN);
        assert_eq!(time(&Timestamp::MAX.to_string()), Timestamp::MAX);
        for wrong in ["", "yesterday", "2026-02-30T00:00:00Z", "2026-11-20", "2026-11-20T08:49:37"] {
            assert!(Timestamp::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Timestamp::from_micros(i64::MAX).is_err());
    }

    #[test]
    fn time_ends_somewhere() {
        assert_eq!(Timestamp::MAX.plus(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.minus(Duration::from_secs(1)), Timestamp::MIN);
        let (a, b) = (time("2026-01-01T00:00:00Z"), time("2026-01-02T00:00:00Z"));
        assert_eq!((b.since(a), a.since(b)), (Duration::from_secs(24 * 60 * 60), Duration::ZERO));
    }

    #[test]
    fn intervals_are_half_open() {
        let [a, b, c] = [1, 2, 3].map(|day| time(&format!("2026-01-0{day}T00:00:00Z")));
        let first = Interval::between(a, b).unwrap();
        let second = Interval::between(b, c).unwrap();
        assert!(first.contains(a) && !first.contains(b) && second.contains(b));
        assert!(!first.overlaps(&second) && !second.overlaps(&first));
        assert!(first.overlaps(&Interval::ALWAYS) && Interval::since(a).overlaps(&second));
        assert!(Interval::between(b, b).is_err() && Interval::between(c, a).is_err());
    }
}
