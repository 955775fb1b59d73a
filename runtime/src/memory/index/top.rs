//! The best of many, found without sorting all and without an allocation for each.

/// Keeps at least the `most` best that it was offered, and all that are worse than the last of them by no more than
/// `margin`.
#[derive(Debug)]
pub(super) struct Top {
    most: usize,
    margin: f32,
    /// What is less good is not wanted.
    threshold: f32,
    room: usize,
    found: Vec<(f32, u32)>,
}

impl Top {
    pub(super) fn new(most: usize, margin: f32) -> Self {
        let room = 2 * most + 64;
        Self { most, margin, threshold: f32::NEG_INFINITY, room, found: Vec::with_capacity(room) }
    }

    /// What has to be reached.
    pub(super) fn threshold(&self) -> f32 {
        self.threshold
    }

    #[inline]
    pub(super) fn offer(&mut self, score: f32, slot: u32) {
        if score < self.threshold {
            return;
        }
        self.found.push((score, slot));
        if self.found.len() >= self.room {
            self.shrink();
            // Where very many are equally good, all of them stay.
            self.room = self.room.max(2 * self.found.len());
        }
    }

    fn shrink(&mut self) {
        if self.most == 0 {
            self.found.clear();
            return;
        }
        if self.found.len() > self.most {
            let (_, last, _) = self.found.select_nth_unstable_by(self.most - 1, |a, b| b.0.total_cmp(&a.0));
            self.threshold = last.0 - self.margin;
            self.found.retain(|(score, _)| *score >= self.threshold);
        }
    }

    /// The best of what it was offered until now: so many, if there are.
    pub(super) fn best(&mut self, most: usize) -> &[(f32, u32)] {
        let most = most.min(self.found.len());
        if let Some(last) = most.checked_sub(1) {
            self.found.select_nth_unstable_by(last, |a, b| b.0.total_cmp(&a.0));
        }
        &self.found[..most]
    }

    /// What was kept, in no order.
    pub(super) fn into_found(mut self) -> Vec<(f32, u32)> {
        self.shrink();
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_kept_and_what_is_next_to_them() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..200 {
            let (most, margin) = (random.usize(..50), f32::from(random.u8(..3)));
            let scores: Vec<f32> = (0..random.usize(..2000)).map(|_| f32::from(random.u8(..))).collect();
            let mut top = Top::new(most, margin);
            for (score, slot) in scores.iter().zip(0..) {
                top.offer(*score, slot);
            }
            let mut sorted = scores.clone();
            sorted.sort_by(|a, b| b.total_cmp(a));
            let last = most.checked_sub(1).map(|last| sorted.get(last).copied().unwrap_or(f32::NEG_INFINITY));
            let is_best = |score: f32| last.is_some_and(|last| score >= last - margin);
            let expected: Vec<u32> =
                scores.iter().zip(0..).filter(|(score, _)| is_best(**score)).map(|(_, slot)| slot).collect();
            let mut found: Vec<u32> = top.into_found().into_iter().map(|(_, slot)| slot).collect();
            found.sort_unstable();
            assert_eq!(found, expected);
        }
    }
}
