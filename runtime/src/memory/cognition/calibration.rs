//! How likely a score means that something is relevant: learned from what was relevant before.
//!
//! Isotonic regression by pooling adjacent violators (Zadrozny & Elkan 2002): of all functions that never fall, the one with
//! the least squared error. Between what was seen it is linear; beyond, it stays as it was.

use crate::memory::Error;

/// What became of something that was found with a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Feedback {
    /// The score.
    pub score: f64,
    /// Whether it was relevant.
    pub relevant: bool,
}

/// From scores to probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    blocks: Vec<Block>,
}

/// Scores of one probability.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Block {
    from: f64,
    to: f64,
    relevant: f64,
    count: f64,
}

impl Block {
    fn share(&self) -> f64 {
        self.relevant / self.count
    }
}

impl Calibration {
    /// What the feedback says.
    ///
    /// # Errors
    /// When there is none, or a score is no finite number.
    pub fn fit(feedback: &[Feedback]) -> Result<Self, Error> {
        if feedback.is_empty() || feedback.iter().any(|one| !one.score.is_finite()) {
            return Err(Error::invalid("feedback", "a score is missing, or is no finite number"));
        }
        let mut sorted = feedback.to_vec();
        sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
        let mut blocks: Vec<Block> = Vec::new();
        for Feedback { score, relevant } in sorted {
            let relevant = f64::from(u8::from(relevant));
            match blocks.last_mut().filter(|last| last.to == score) {
                // Equal scores are one, whatever came of them.
                Some(same) => (same.relevant, same.count) = (same.relevant + relevant, same.count + 1.0),
                None => blocks.push(Block { from: score, to: score, relevant, count: 1.0 }),
            }
        }
        Ok(Self { blocks: pool(blocks) })
    }

    /// The probability that something with this score is relevant. Never falls as the score grows.
    pub fn probability(&self, score: f64) -> f64 {
        let after = self.blocks.partition_point(|block| block.to < score);
        let before = after.checked_sub(1).and_then(|at| self.blocks.get(at));
        match (before, self.blocks.get(after)) {
            (_, Some(block)) if block.from <= score => block.share(),
            (Some(before), Some(after)) => {
                let part = (score - before.to) / (after.from - before.to);
                before.share() + part * (after.share() - before.share())
            }
            (None, Some(only)) | (Some(only), None) => only.share(),
            (None, None) => 0.0,
        }
    }

    /// How far probabilities are from what came of them, where each part of the feedback is judged by what was learned from
    /// the other parts.
    ///
    /// # Errors
    /// When there are less than two parts, or less feedback than parts; and as [`fit`](Self::fit).
    pub fn held_out_error(feedback: &[Feedback], parts: usize, bins: usize) -> Result<f64, Error> {
        if parts < 2 || feedback.len() < parts {
            let reason = format!("{} cannot be divided into {parts} parts", feedback.len());
            return Err(Error::invalid("feedback", reason));
        }
        let mut told = Vec::new();
        for part in 0..parts {
            let is_other = |at: usize| at % parts != part;
            let others: Vec<Feedback> =
                feedback.iter().enumerate().filter(|(at, _)| is_other(*at)).map(|(_, one)| *one).collect();
            let learned = Self::fit(&others)?;
            let own = feedback.iter().skip(part).step_by(parts);
            told.extend(own.map(|one| (learned.probability(one.score), one.relevant)));
        }
        Ok(calibration_error(&told, bins))
    }
}

/// Puts neighbours together until no share falls.
fn pool(blocks: Vec<Block>) -> Vec<Block> {
    let mut pooled: Vec<Block> = Vec::new();
    for mut block in blocks {
        while let Some(before) = pooled.pop_if(|before| before.share() >= block.share()) {
            let (relevant, count) = (before.relevant + block.relevant, before.count + block.count);
            block = Block { from: before.from, to: block.to, relevant, count };
        }
        pooled.push(block);
    }
    pooled
}

/// The expected calibration error (Guo 2017): over bins of equal width, how far the mean probability is from the share that
/// was relevant, weighted by how many there are. 0 for nothing.
pub fn calibration_error(told: &[(f64, bool)], bins: usize) -> f64 {
    let bins = bins.max(1);
    let mut sums = vec![(0.0, 0.0); bins];
    for (probability, relevant) in told {
        let at = ((probability * bins as f64) as usize).min(bins - 1);
        if let Some((probabilities, found)) = sums.get_mut(at) {
            *probabilities += probability;
            *found += f64::from(u8::from(*relevant));
        }
    }
    let apart: f64 = sums.iter().map(|(probabilities, found)| f64::abs(probabilities - found)).sum();
    apart / told.len().max(1) as f64
}
