//! Whether a normalisation map (`precompiled_charsmap`) is sound. The library that walks it trusts every index in it.

use super::TokenizerError;

/// The map is the length of a trie in bytes, the trie in 32-bit units, and the texts that its values point into.
pub(super) fn check(map: &[u8]) -> Result<(), TokenizerError> {
    let broken = |reason: &str| TokenizerError::malformed(format!("precompiled_charsmap: {reason}"));
    let (len, rest) = map.split_first_chunk::<4>().ok_or_else(|| broken("it has no length"))?;
    let len = u32::from_le_bytes(*len) as usize / 4 * 4;
    if len == 0 || len > rest.len() {
        return Err(broken("its trie is cut off"));
    }
    let (trie, texts) = rest.split_at(len);
    let texts = std::str::from_utf8(texts).map_err(|_| broken("its texts are not UTF-8"))?;
    let units: Vec<u32> =
        trie.chunks_exact(4).map(|unit| unit.try_into().map_or(0, u32::from_le_bytes)).collect();
    if sound(&units, texts) { Ok(()) } else { Err(broken("an index in it points nowhere")) }
}

/// Walks all that a key can reach. The children of a node stand at its offset, each xor its byte.
fn sound(units: &[u32], texts: &str) -> bool {
    let offset = |unit: u32| (unit >> 10 << ((unit & 1 << 9) >> 6)) as usize;
    let mut seen = vec![false; units.len()];
    let mut open = vec![offset(units[0])];
    while let Some(base) = open.pop() {
        // Whatever byte comes next, its unit is looked at.
        if base | 0xFF >= units.len() {
            return false;
        }
        if std::mem::replace(&mut seen[base], true) {
            continue;
        }
        for byte in 1..=255usize {
            let at = base ^ byte;
            let unit = units[at];
            if (unit & (1 << 31 | 0xFF)) as usize != byte {
                continue;
            }
            let next = at ^ offset(unit);
            let value = units.get(next).map(|leaf| (leaf & !(1 << 31)) as usize);
            if unit >> 8 & 1 == 1 && !value.is_some_and(|value| texts.is_char_boundary(value)) {
                return false;
            }
            open.push(next);
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::check;

    /// A map that turns the byte `x` into the text at `value`.
    fn map(value: u32, next: u32) -> Vec<u8> {
        let mut units = vec![0u32; 512];
        units[0] = 256 << 10;
        units[256 ^ usize::from(b'x')] = next << 10 | 1 << 8 | u32::from(b'x');
        units[256 ^ usize::from(b'x') ^ next as usize] = value | 1 << 31;
        let mut bytes = 2048u32.to_le_bytes().to_vec();
        units.iter().for_each(|unit| bytes.extend(unit.to_le_bytes()));
        bytes.extend("é\0".as_bytes());
        bytes
    }

    #[test]
    fn indices_that_point_nowhere_are_found() {
        check(&map(0, 256)).unwrap();
        assert!(check(&map(1, 256)).is_err() && check(&map(9, 256)).is_err());
        let mut far = map(0, 256);
        far[4 + 4 * (256 ^ usize::from(b'x')) + 2] = 0xFF;
        assert!(check(&far).is_err());
        assert!([&b""[..], b"\x04\0\0\0", b"\xFF\xFF\xFF\xFFabcd"].iter().all(|map| check(map).is_err()));
    }
}
