//! Walking over JSON text without keeping any of it: where a string, a number or any value ends.
//!
//! The whole grammar is checked, so that a span that was walked over is known to be JSON. No recursion: the
//! containers of a value are one bit each in a `u128`, which also is the limit of 128 levels.

#[cfg(test)]
mod tests;

use super::Corrupt;
use crate::json::InvalidJson;

/// How deeply containers may nest.
pub(crate) const MAX_DEPTH: u32 = 128;

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// Checks that `bytes` are one complete JSON value.
pub fn validate(bytes: &[u8]) -> Result<(), InvalidJson> {
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(InvalidJson { offset: error.valid_up_to(), reason: "not UTF-8" });
    }
    let end =
        value(bytes, 0, MAX_DEPTH).map_err(|error| InvalidJson { offset: error.at, reason: error.reason })?;
    let end = space(bytes, end);
    if end < bytes.len() {
        Err(InvalidJson { offset: end, reason: "something follows the value" })
    } else {
        Ok(())
    }
}

/// The first position from `at` that is no white space.
#[inline]
pub(crate) fn space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The end of the value at `at`, which may hold `room` levels of containers.
pub(crate) fn value(bytes: &[u8], at: usize, room: u32) -> Result<usize, Corrupt> {
    let at = space(bytes, at);
    match bytes.get(at) {
        Some(b'{' | b'[') => container(bytes, at, room),
        _ => scalar(bytes, at),
    }
}

/// The end of the object or list at `at`.
fn container(bytes: &[u8], mut at: usize, room: u32) -> Result<usize, Corrupt> {
    let mut stack = Stack { kinds: 0, depth: 0, room };
    loop {
        at = space(bytes, at);
        let (next, opened) = match bytes.get(at) {
            Some(b'{') => (stack.push(true, at)?, true),
            Some(b'[') => (stack.push(false, at)?, true),
            _ => (scalar(bytes, at)?, false),
        };
        at = next;
        if opened {
            let inside = space(bytes, at);
            if bytes.get(inside) != Some(&stack.closer()) {
                at = if stack.in_object() { member(bytes, inside)? } else { inside };
                continue;
            }
        }
        match stack.after_value(bytes, at)? {
            (end, true) => return Ok(end),
            (next, false) => at = next,
        }
    }
}

/// The containers around a position, innermost in the lowest bit.
struct Stack {
    kinds: u128,
    depth: u32,
    room: u32,
}

impl Stack {
    fn push(&mut self, object: bool, at: usize) -> Result<usize, Corrupt> {
        if self.depth == self.room {
            return Err(Corrupt { at, reason: "nested too deeply" });
        }
        self.kinds = self.kinds << 1 | u128::from(object);
        self.depth += 1;
        Ok(at + 1)
    }

    fn in_object(&self) -> bool {
        self.kinds & 1 == 1
    }

    fn closer(&self) -> u8 {
        if self.in_object() { b'}' } else { b']' }
    }

    /// Closes what ends at `at`; the start of the next value, or the end of all with `true`.
    fn after_value(&mut self, bytes: &[u8], mut at: usize) -> Result<(usize, bool), Corrupt> {
        while self.depth > 0 {
            at = space(bytes, at);
            match bytes.get(at) {
                Some(b',') if self.in_object() => return Ok((member(bytes, space(bytes, at + 1))?, false)),
                Some(b',') => return Ok((at + 1, false)),
                Some(byte) if *byte == self.closer() => {
                    self.kinds >>= 1;
                    self.depth -= 1;
                    at += 1;
                }
                _ => return Err(Corrupt { at, reason: "expected `,` or the end of the container" }),
            }
        }
        Ok((at, true))
    }
}

/// The position behind the key and colon at `at`.
fn member(bytes: &[u8], at: usize) -> Result<usize, Corrupt> {
    if bytes.get(at) != Some(&b'"') {
        return Err(Corrupt { at, reason: "expected a key" });
    }
    let (end, _) = string(bytes, at + 1)?;
    colon(bytes, end + 1)
}

/// The position behind the colon at `at`.
#[inline]
pub(crate) fn colon(bytes: &[u8], at: usize) -> Result<usize, Corrupt> {
    let at = space(bytes, at);
    if bytes.get(at) == Some(&b':') { Ok(at + 1) } else { Err(Corrupt { at, reason: "expected `:`" }) }
}

/// The end of the string, number or word at `at`.
#[inline]
pub(crate) fn scalar(bytes: &[u8], at: usize) -> Result<usize, Corrupt> {
    match bytes.get(at) {
        Some(b'"') => string(bytes, at + 1).map(|(end, _)| end + 1),
        Some(b'-' | b'0'..=b'9') => number(bytes, at),
        Some(b't') => word(bytes, at, b"true"),
        Some(b'f') => word(bytes, at, b"false"),
        Some(b'n') => word(bytes, at, b"null"),
        Some(_) => Err(Corrupt { at, reason: "expected a value" }),
        None => Err(Corrupt { at, reason: "the JSON ends too early" }),
    }
}

#[inline]
fn word(bytes: &[u8], at: usize, word: &'static [u8]) -> Result<usize, Corrupt> {
    let end = at + word.len();
    if bytes.get(at..end) == Some(word) { Ok(end) } else { Err(Corrupt { at, reason: "expected a value" }) }
}

/// The end of the number at `at`.
fn number(bytes: &[u8], at: usize) -> Result<usize, Corrupt> {
    let start = at + usize::from(bytes.get(at) == Some(&b'-'));
    let mut end = digits(bytes, start)?;
    if end > start + 1 && bytes.get(start) == Some(&b'0') {
        return Err(Corrupt { at: start, reason: "a number starts with 0" });
    }
    if bytes.get(end) == Some(&b'.') {
        end = digits(bytes, end + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        end = digits(bytes, end + 1 + sign)?;
    }
    Ok(end)
}

fn digits(bytes: &[u8], at: usize) -> Result<usize, Corrupt> {
    let mut end = at;
    while let Some(b'0'..=b'9') = bytes.get(end) {
        end += 1;
    }
    if end == at { Err(Corrupt { at, reason: "expected a digit" }) } else { Ok(end) }
}

/// The closing quote of the string whose inside starts at `at`, and how many escapes are inside.
#[inline]
pub(crate) fn string(bytes: &[u8], at: usize) -> Result<(usize, usize), Corrupt> {
    match closing(bytes, at) {
        (end, BROKEN) => Err(broken(bytes, end)),
        end => Ok(end),
    }
}

/// Instead of a number of escapes: the string is broken.
pub(crate) const BROKEN: usize = usize::MAX;

/// The same in two registers: every string of every frame goes through here. A string that is broken gives the
/// position of its mistake and [`BROKEN`].
#[inline]
pub(crate) fn closing(bytes: &[u8], at: usize) -> (usize, usize) {
    let end = plain(bytes, at);
    if bytes.get(end) == Some(&b'"') { (end, 0) } else { closing_escaped(bytes, end) }
}

/// The same from the first byte on that needs a closer look.
#[inline(never)]
fn closing_escaped(bytes: &[u8], mut at: usize) -> (usize, usize) {
    let mut escapes = 0;
    loop {
        match bytes.get(at) {
            Some(b'"') => return (at, escapes),
            Some(b'\\') => match escape(bytes, at + 1) {
                Some(next) => at = plain(bytes, next),
                None => return (at, BROKEN),
            },
            _ => return (at, BROKEN),
        }
        escapes += 1;
    }
}

/// What is wrong at a position where [`closing`] gave up.
#[cold]
pub(crate) fn broken(bytes: &[u8], at: usize) -> Corrupt {
    let reason = match bytes.get(at) {
        Some(b'\\') => "an unknown escape",
        Some(_) => "a control character in a string",
        None => "a string has no end",
    };
    Corrupt { at, reason }
}

/// The first position from `at` that a string has to treat: a quote, a backslash or a control character.
///
/// Eight bytes at a time: `x - ONES * n` borrows into the high bit exactly of the lowest byte below `n`. Quotes
/// are looked for together with control characters, for `0x22 ^ 2` is right behind the last of those.
pub(crate) fn plain(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let quote_or_control = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
        let backslash = (word ^ (ONES * 0x5C)).wrapping_sub(ONES);
        let hit = (quote_or_control | backslash) & !word & HIGHS;
        if hit != 0 {
            return at + (hit.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if *byte < 0x20 || *byte == b'"' || *byte == b'\\' {
            break;
        }
        at += 1;
    }
    at
}

/// The same for text that is seldom interrupted: 32 bytes at a time, which is compared all at once.
pub(crate) fn long_plain(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<32>) {
        let special = |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
        if chunk.iter().fold(0, |found, byte| found | special(*byte)) != 0 {
            break;
        }
        at += chunk.len();
    }
    plain(bytes, at)
}

/// The position behind the escape whose backslash is right before `at`.
fn escape(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
        b'u' => {
            let digits = bytes.get(at + 1..at + 5)?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(at + 5)
        }
        _ => None,
    }
}
