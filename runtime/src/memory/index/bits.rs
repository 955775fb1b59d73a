//! Sets of slots, a bit for each.

/// A set of small numbers, a bit each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn of_words(words: Vec<u64>) -> Self {
        Self(words)
    }

    pub(super) fn words(&self) -> &[u64] {
        &self.0
    }

    pub(super) fn has(&self, at: u32) -> bool {
        self.0.get(at as usize / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    /// Adds one; whether it was not there.
    pub(super) fn insert(&mut self, at: u32) -> bool {
        let word = at as usize / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let before = self.0[word];
        self.0[word] |= 1 << (at % 64);
        before != self.0[word]
    }

    pub(super) fn extend(&mut self, all: impl IntoIterator<Item = u32>) {
        for at in all {
            self.insert(at);
        }
    }

    /// Takes one out; whether it was there.
    pub(super) fn remove(&mut self, at: u32) -> bool {
        let Some(word) = self.0.get_mut(at as usize / 64) else { return false };
        let before = *word;
        *word &= !(1 << (at % 64));
        before != *word
    }

    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// What is in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a & b).collect())
    }

    /// What is here and not there.
    pub(super) fn without(&self, other: &Self) -> Self {
        let others = other.0.iter().copied().chain(std::iter::repeat(0));
        Self(self.0.iter().zip(others).map(|(a, b)| a & !b).collect())
    }

    /// All, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().zip(0_u32..).flat_map(|(word, at)| ones(*word).map(move |bit| at * 64 + bit))
    }
}

/// The bits that are set.
pub(super) fn ones(word: u64) -> impl Iterator<Item = u32> {
    std::iter::successors((word != 0).then_some(word), |left| {
        Some(left & (left - 1)).filter(|left| *left != 0)
    })
    .map(u64::trailing_zeros)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn they_are_what_sets_are() {
        let mut random = fastrand::Rng::with_seed(1);
        let (mut a, mut b) = (Bits::default(), Bits::default());
        let (mut set_a, mut set_b) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..3000 {
            let at = random.u32(..400);
            let (bits, set) = if random.bool() { (&mut a, &mut set_a) } else { (&mut b, &mut set_b) };
            match random.bool() {
                true => assert_eq!(bits.insert(at), set.insert(at)),
                false => assert_eq!(bits.remove(at), set.remove(&at)),
            }
            assert_eq!((bits.has(at), bits.count()), (set.contains(&at), set.len()));
        }
        assert!(a.iter().eq(set_a.iter().copied()));
        assert!(a.and(&b).iter().eq(set_a.intersection(&set_b).copied()));
        assert!(a.without(&b).iter().eq(set_a.difference(&set_b).copied()));
        assert!(!a.has(100_000) && !a.remove(100_000));
    }
}
