//! What is known of a file that is not whole yet, beside it on the disk: `NAME.part.state`.
//!
//! It never says more than is there: data is made durable first, the state after it. It is text with a checksum, and
//! what cannot be read is as good as not there. The address is kept as a checksum: its query may hold a secret.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::answer::{Entity, Validator};
use super::hex;

/// The first line.
const TITLE: &str = "typewright download 1";
/// The most ranges that a file has.
pub(super) const MOST_RANGES: usize = 4096;
/// The longest state that is read.
pub(super) const LONGEST: u64 = 512 << 10;

/// A download as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// The checksum of the address.
    pub(super) address: String,
    pub(super) entity: Entity,
    /// In order and without gaps, from zero to the end of the file.
    pub(super) ranges: Vec<Range>,
}

/// A range of a file: `done` bytes from `start` on are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: u64,
    /// The byte after the last. `None` where the length of the file is not known.
    pub(super) end: Option<u64>,
    pub(super) done: u64,
}

impl Range {
    /// Where the next byte goes.
    pub(super) fn at(&self) -> u64 {
        self.start.saturating_add(self.done)
    }

    pub(super) fn is_done(&self) -> bool {
        self.end == Some(self.at())
    }
}

impl State {
    /// How many bytes are there.
    pub(super) fn received(&self) -> u64 {
        self.ranges.iter().map(|range| range.done).sum()
    }

    /// Up to where everything is there.
    pub(super) fn front(&self) -> u64 {
        let open = self.ranges.iter().find(|range| !range.is_done());
        open.or(self.ranges.last()).map_or(0, Range::at)
    }

    /// How long the file has to be at least.
    pub(super) fn reach(&self) -> u64 {
        self.ranges.iter().filter(|range| range.done > 0).map(Range::at).max().unwrap_or(0)
    }

    /// As text.
    pub(super) fn to_text(&self) -> String {
        let mut text = format!("{TITLE}\naddress {}\n", self.address);
        let entity = &self.entity;
        if let Some(total) = entity.total {
            let _ = writeln!(text, "total {total}");
        }
        match &entity.validator {
            Some(Validator::Etag(tag)) => _ = writeln!(text, "etag {tag}"),
            Some(Validator::Modified(date)) => _ = writeln!(text, "modified {date}"),
            None => {}
        }
        if let Some(kind) = entity.content_type.as_deref().filter(|kind| !kind.contains(['\n', '\r'])) {
            let _ = writeln!(text, "type {kind}");
        }
        if entity.ranges {
            text.push_str("ranges\n");
        }
        for Range { start, end, done } in &self.ranges {
            let end = end.map_or_else(|| "-".to_owned(), |end| end.to_string());
            let _ = writeln!(text, "range {start} {end} {done}");
        }
        let check = checksum(text.as_bytes());
        text + "check " + &check + "\n"
    }

    /// Reads what [`to_text`](Self::to_text) wrote. `None` for anything else.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (body, check) = text.strip_suffix('\n')?.rsplit_once("\ncheck ")?;
        let body = format!("{body}\n");
        if check != checksum(body.as_bytes()) {
            return None;
        }
        let mut lines = body.lines();
        let title = lines.next()? == TITLE;
        let address = lines.next()?.strip_prefix("address ")?.to_owned();
        let mut state = Self { address, entity: Entity::default(), ranges: Vec::new() };
        for line in lines {
            state.read_line(line)?;
        }
        (title && state.is_sound()).then_some(state)
    }

    fn read_line(&mut self, line: &str) -> Option<()> {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        let entity = &mut self.entity;
        match key {
            "total" => entity.total = Some(value.parse().ok()?),
            "etag" => entity.validator = Some(Validator::Etag(value.to_owned())),
            "modified" => entity.validator = Some(Validator::Modified(value.to_owned())),
            "type" => entity.content_type = Some(value.to_owned()),
            "ranges" => entity.ranges = true,
            "range" if self.ranges.len() < MOST_RANGES => self.ranges.push(range(value)?),
            _ => return None,
        }
        Some(())
    }

    /// Whether the ranges make one file, and no more of it is there than there is.
    fn is_sound(&self) -> bool {
        let mut next = Some(0);
        for range in &self.ranges {
            let fits = match range.end {
                Some(end) => range.start <= end && range.done <= end - range.start,
                None => range.start.checked_add(range.done).is_some(),
            };
            if next != Some(range.start) || !fits {
                return false;
            }
            next = range.end;
        }
        !self.ranges.is_empty() && next == self.entity.total
    }
}

fn range(value: &str) -> Option<Range> {
    let mut words = value.split(' ');
    let start = words.next()?.parse().ok()?;
    let end = match words.next()? {
        "-" => None,
        end => Some(end.parse().ok()?),
    };
    let done = words.next()?.parse().ok()?;
    words.next().is_none().then_some(Range { start, end, done })
}

/// The SHA-256 of `bytes` in hexadecimal.
pub(super) fn checksum(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(random: &mut fastrand::Rng) -> State {
        let total = random.bool().then(|| random.u64(0..1_000));
        let validator = match random.u8(0..3) {
            0 => Some(Validator::Etag("\"a b\"".to_owned())),
            1 => Some(Validator::Modified("Sun, 06 Nov 1994 08:49:37 GMT".to_owned())),
            _ => None,
        };
        let content_type = random.bool().then(|| "text/plain; x=y".to_owned());
        let entity = Entity { total, validator, content_type, ranges: random.bool() };
        State { address: checksum(b"x"), entity, ranges: ranges(random, total) }
    }

    fn ranges(random: &mut fastrand::Rng, total: Option<u64>) -> Vec<Range> {
        let Some(total) = total else { return vec![Range { start: 0, end: None, done: random.u64(0..99) }] };
        let middle = random.u64(0..=total);
        let range = |start, end| Range { start, end: Some(end), done: (end - start) / 2 };
        vec![range(0, middle), range(middle, total)]
    }

    /// With a checksum that fits, so that what stands in the lines is what is tried.
    fn signed(body: &str) -> Vec<u8> {
        format!("{body}check {}\n", checksum(body.as_bytes())).into_bytes()
    }

    #[test]
    fn what_was_written_is_read() {
        let mut random = fastrand::Rng::with_seed(11);
        for _ in 0..500 {
            let state = sample(&mut random);
            assert_eq!(State::parse(state.to_text().as_bytes()), Some(state));
        }
    }

    #[test]
    fn anything_else_is_read_as_a_sound_state_or_not_at_all() {
        let mut random = fastrand::Rng::with_seed(12);
        let (mut read, mut refused) = (0, 0);
        for _ in 0..20_000 {
            let text = sample(&mut random).to_text();
            let body = &text[..text.rfind("check ").unwrap()];
            let mut bytes = body.as_bytes().to_vec();
            for _ in 0..random.usize(0..4) {
                let at = random.usize(0..bytes.len());
                bytes[at] = *random.choice(b"0123456789 -\nrx").unwrap();
            }
            match State::parse(&signed(&String::from_utf8(bytes).unwrap())) {
                Some(state) => {
                    read += 1;
                    assert!(state.is_sound() && state.front() <= state.reach().max(state.front()));
                    assert_eq!(State::parse(state.to_text().as_bytes()), Some(state));
                }
                None => refused += 1,
            }
        }
        assert!(read > 1_000 && refused > 1_000, "{read} read, {refused} refused");
    }

    #[test]
    fn a_state_that_was_cut_or_changed_is_not_read() {
        let text = sample(&mut fastrand::Rng::with_seed(13)).to_text().into_bytes();
        for at in 0..text.len() {
            assert_eq!(State::parse(&text[..at]), None, "{at}");
            let mut changed = text.clone();
            changed[at] ^= 1;
            assert_eq!(State::parse(&changed), None, "{at}");
        }
    }

    #[test]
    fn ranges_have_to_make_one_file() {
        let head = format!("{TITLE}\naddress x\n");
        let parse = |rest: &str| State::parse(&signed(&format!("{head}{rest}")));
        assert!(parse("total 9\nrange 0 4 2\nrange 4 9 5\n").is_some_and(|state| state.front() == 2));
        assert!(parse("total 9\nrange 0 4 4\nrange 4 9 1\n").is_some_and(|state| state.front() == 5));
        for wrong in [
            "total 9\n",
            "total 9\nrange 0 4 5\nrange 4 9 5\n",
            "total 9\nrange 0 4 4\nrange 5 9 4\n",
            "total 9\nrange 0 4 4\n",
            "range 0 4 4\n",
            "range 0 - 18446744073709551616\n",
            "range 1 - 1\n",
            "total 4\nrange 4 0 0\n",
            "",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        let many: String = (0..5_000).map(|at| format!("range {at} {} 0\n", at + 1)).collect();
        assert_eq!(parse(&format!("total 5000\n{many}")), None);
    }
}
