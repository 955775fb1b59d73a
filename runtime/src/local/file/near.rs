//! Which name was meant. Names of tensors are short and alike: `blk.3.attn_q.weight`, `blk.3.attn_k.weight`.

/// Changes of one letter that a slip may have.
const MAX_CHANGES: usize = 3;
/// Longer names are no slips, and cost more.
const MAX_LEN: usize = 256;

/// The name that is the fewest changes away, if they are few for its length.
pub(super) fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let mut limit = MAX_CHANGES.min(name.len() / 3) + 1;
    let mut nearest = None;
    for other in names.filter(|other| other.len() <= MAX_LEN && name.len() <= MAX_LEN) {
        if let Some(changes) = changes(name.as_bytes(), other.as_bytes(), limit) {
            (limit, nearest) = (changes, Some(other));
        }
    }
    nearest
}

/// How many letters have to be added, taken away or replaced; `None` if not less than `limit`.
fn changes(one: &[u8], other: &[u8], limit: usize) -> Option<usize> {
    if one.len().abs_diff(other.len()) >= limit {
        return None;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.iter().enumerate() {
        let mut corner = at;
        let mut least = at + 1;
        row[0] = at + 1;
        for (column, there) in other.iter().enumerate() {
            let replaced = corner + usize::from(letter != there);
            corner = row[column + 1];
            row[column + 1] = replaced.min(corner + 1).min(row[column] + 1);
            least = least.min(row[column + 1]);
        }
        if least >= limit {
            return None;
        }
    }
    row.last().copied().filter(|changes| *changes < limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_told_from_other_names() {
        let names = ["blk.0.attn_q.weight", "blk.0.attn_k.weight", "output.weight"];
        let near = |name| nearest(name, names.into_iter());
        assert_eq!(near("blk.0.atn_q.weight"), Some("blk.0.attn_q.weight"));
        assert_eq!(near("blk.0.attn_kk.weight"), Some("blk.0.attn_k.weight"));
        assert_eq!(near("outptu.weight"), Some("output.weight"));
        assert_eq!(near("lm_head.weight"), None);
        assert_eq!(near(""), None);
        assert_eq!(changes(b"kitten", b"sitting", 10), Some(3));
        assert_eq!(changes(b"kitten", b"sitting", 3), None);
    }
}
