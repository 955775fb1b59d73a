//! Names of nodes and relations: UUIDs of version 7 (RFC 9562), which sort by the time at which they were made.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::Error;
use super::random::Random;
use super::time::Clock;

/// The name of a node or a relation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(Uuid);

impl Id {
    /// The name of this number.
    pub const fn from_u128(number: u128) -> Self {
        Self(Uuid::from_u128(number))
    }

    /// Its number. Numbers sort as the names do.
    pub const fn as_u128(self) -> u128 {
        self.0.as_u128()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Id {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Uuid::try_parse(text).map(Self).map_err(|error| Error::invalid("id", format!("{text:?}: {error}")))
    }
}

/// Makes names, each greater than the one before, also within a millisecond and when the clock goes back.
#[derive(Debug)]
pub struct Ids {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: Random,
    last: u128,
}

/// Bits of the random part that is counted up within a millisecond.
const COUNTED: u32 = 32;

impl Ids {
    /// Names by this clock, from this source of random numbers.
    pub fn new(clock: Arc<dyn Clock>, random: Random) -> Self {
        Self { clock, state: Mutex::new(State { random, last: 0 }) }
    }

    /// A new name.
    pub fn next(&self) -> Id {
        let millis = u64::try_from(self.clock.now().micros().div_euclid(1000)).unwrap_or_default();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = version_7(millis, state.random.bits(), state.random.bits());
        // Ever greater: what would not be is a random step beyond the last.
        let step = u128::from(state.random.bits() as u32) + 1;
        let next = if fresh > state.last { fresh } else { beyond(state.last, step) };
        state.last = next;
        Id::from_u128(next)
    }
}

/// 48 bits of milliseconds, the version, 12 random bits, the variant, 62 random bits.
fn version_7(millis: u64, high: u64, low: u64) -> u128 {
    let time = u128::from(millis & 0xffff_ffff_ffff) << 80;
    let high = u128::from(high & 0xfff) << 64;
    let low = u128::from(low >> 2);
    time | 0x7 << 76 | high | 0b10 << 62 | low
}

/// A name after `last`. The steps are short beside the 62 bits, so that what they carry over is next to never more than
/// one; then it goes into the 12 bits, and from there into the time.
fn beyond(last: u128, step: u128) -> u128 {
    debug_assert!(step <= 1 << COUNTED);
    let low_mask = (1_u128 << 62) - 1;
    let low = (last & low_mask) + step;
    let carried = low >> 62;
    let high = (last >> 64 & 0xfff) + carried;
    let millis = (last >> 80) + (high >> 12);
    let fixed = 0x7 << 76 | 0b10 << 62;
    millis << 80 | fixed | (high & 0xfff) << 64 | low & low_mask
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::time::{ManualClock, Timestamp};
    use super::*;

    #[test]
    fn names_grow_whatever_the_clock_does() {
        let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-20T00:00:00Z").unwrap()));
        let ids = Ids::new(Arc::clone(&clock) as Arc<dyn Clock>, Random::new(7));
        let mut last = ids.next();
        for round in 0..4000_u64 {
            match round % 40 {
                0 => clock.advance(Duration::from_millis(3)),
                20 => clock.set(clock.now().minus(Duration::from_millis(2))),
                _ => {}
            }
            let next = ids.next();
            assert!(next > last, "{next} after {last}");
            let uuid = Uuid::from_u128(next.as_u128());
            assert_eq!((uuid.get_version_num(), uuid.get_variant()), (7, uuid::Variant::RFC4122));
            assert_eq!(next.to_string().parse::<Id>().unwrap(), next);
            last = next;
        }
    }

    #[test]
    fn a_step_carries_into_what_is_left_of_it() {
        let full = version_7(5, u64::MAX, u64::MAX);
        let next = Uuid::from_u128(beyond(full, 1));
        assert_eq!(next.as_u128(), version_7(6, 0, 0));
        assert_eq!(next.get_version_num(), 7);
        assert!("not a name".parse::<Id>().is_err());
    }
}
