//! Chances: Beta posteriors, and how likely each of them is the greatest.

use super::{ARMS, PerArm};

/// More experience than anybody has: of far larger numbers no chances can be told.
pub(super) const MOST: f64 = 1e15;

/// What is known of a reward between 0 and 1: a Beta distribution, flat at first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beta {
    /// 1 and the sum of rewards.
    pub a: f64,
    /// 1 and the sum of what they lacked of 1.
    pub b: f64,
}

impl Default for Beta {
    fn default() -> Self {
        Self { a: 1.0, b: 1.0 }
    }
}

impl Beta {
    /// Learns a reward.
    pub fn learn(&mut self, reward: f64) {
        self.a = (self.a + reward).min(MOST);
        self.b = (self.b + 1.0 - reward).min(MOST);
    }

    /// Forgets some of it: `a <- 1 + g (a - 1)`, and so b.
    pub fn discount(&mut self, share: f64) {
        self.a = 1.0 + share * (self.a - 1.0);
        self.b = 1.0 + share * (self.b - 1.0);
    }

    /// How many rewards it stands for.
    pub fn experience(&self) -> f64 {
        self.a + self.b - 2.0
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.a / (self.a + self.b)
    }

    /// How likely it is within each of the cells.
    fn cells(&self) -> [f64; CELLS] {
        let density = |at: usize| {
            let x = (at as f64 + 0.5) / CELLS as f64;
            (self.a - 1.0) * x.ln() + (self.b - 1.0) * (1.0 - x).ln()
        };
        let mut cells: [f64; CELLS] = std::array::from_fn(density);
        let top = cells.iter().copied().fold(f64::MIN, f64::max);
        cells.iter_mut().for_each(|cell| *cell = (*cell - top).exp());
        let all = cells.iter().sum::<f64>();
        cells.map(|cell| cell / all)
    }
}

/// The distributions are looked at in so many cells.
const CELLS: usize = 256;

/// How likely each is the greatest when it is shifted by so much: what Thompson sampling chooses with. Within a cell they are
/// taken for equal, and share.
pub fn best(posteriors: &[Beta; ARMS], shifts: &PerArm) -> PerArm {
    let cells = posteriors.map(|beta| beta.cells());
    let below = cells.map(|cells| below(&cells));
    let shift = |arm: usize| shifts.get(arm).copied().unwrap_or_default();
    let mut chances = [0.0; ARMS];
    for (arm, chance) in chances.iter_mut().enumerate() {
        let mass = cells.get(arm).into_iter().flatten();
        *chance = mass
            .enumerate()
            .map(|(at, mass)| {
                let others = below.iter().enumerate().filter(|(other, _)| *other != arm);
                let less = others.map(|(other, below)| {
                    under(below, at as f64 + 0.5 + (shift(arm) - shift(other)) * CELLS as f64)
                });
                mass * less.product::<f64>()
            })
            .sum();
    }
    let all = chances.iter().sum::<f64>();
    if all > 0.0 { chances.map(|chance| chance / all) } else { [1.0 / ARMS as f64; ARMS] }
}

/// How likely it is under each edge of a cell.
fn below(cells: &[f64; CELLS]) -> [f64; CELLS + 1] {
    let mut sum = 0.0;
    let mut edges = [0.0; CELLS + 1];
    for (cell, edge) in cells.iter().zip(edges.iter_mut().skip(1)) {
        sum += cell;
        *edge = sum;
    }
    edges
}

/// How likely it is under a point, in cells.
fn under(edges: &[f64; CELLS + 1], point: f64) -> f64 {
    let point = point.clamp(0.0, CELLS as f64);
    let (whole, part) = (point.floor() as usize, point.fract());
    let edge = |at: usize| edges.get(at).copied().unwrap_or(1.0);
    edge(whole) + part * (edge(whole + 1) - edge(whole))
}

/// `e^(x / T)`, as shares of all.
pub fn softmax(values: &PerArm, temperature: f64) -> PerArm {
    let top = values.iter().copied().fold(f64::MIN, f64::max);
    let raised = values.map(|value| ((value - top) / temperature.max(1e-9)).exp());
    let all = raised.iter().sum::<f64>();
    raised.map(|one| one / all)
}

/// How open a choice is, in nats.
pub fn entropy(chances: &PerArm) -> f64 {
    chances.iter().filter(|chance| **chance > 0.0).map(|chance| -chance * chance.ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: [(f64, f64); ARMS]) -> [Beta; ARMS] {
        pairs.map(|(a, b)| Beta { a, b })
    }

    #[test]
    fn the_greatest_by_hand() {
        let flat = of([(1.0, 1.0); ARMS]);
        for chance in best(&flat, &[0.0; ARMS]) {
            assert!((chance - 1.0 / 6.0).abs() < 1e-9, "{chance}");
        }
        // Of two, P(x > y) with x ~ Beta(2, 1) and y ~ Beta(1, 1) is the mean of x, 2/3; the others are next to 0.
        let (low, some) = ((1.0, 5e4), (1.0, 1.0));
        let two = best(&of([(2.0, 1.0), some, low, low, low, low]), &[0.0; ARMS]);
        assert!((two[0] - 2.0 / 3.0).abs() < 1e-3 && (two[1] - 1.0 / 3.0).abs() < 1e-3, "{two:?}");
        // P(x > y + 0.5) of two flat ones is 1/8.
        let shifted = best(&of([some, some, low, low, low, low]), &[-0.5, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!((shifted[0] - 0.125).abs() < 2e-3, "{shifted:?}");
    }

    #[test]
    fn narrow_ones_are_told_apart() {
        let narrow = of([(9e5, 1e5), (8e5, 2e5), (7e5, 3e5), (1.0, 9e5), (1.0, 9e5), (1.0, 9e5)]);
        let chances = best(&narrow, &[0.0; ARMS]);
        assert!(
            chances[0] > 0.999 && chances.iter().all(|chance| (0.0..=1.0).contains(chance)),
            "{chances:?}"
        );
    }

    #[test]
    fn shares_and_entropy() {
        let shares = softmax(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0], 0.5);
        assert!((entropy(&shares) - 6.0_f64.ln()).abs() < 1e-12);
        assert_eq!(entropy(&[1.0, 0.0, 0.0, 0.0, 0.0, 0.0]), 0.0);
        let mut beta = Beta { a: 11.0, b: 1.0 };
        beta.discount(0.5);
        assert_eq!((beta.a, beta.b, beta.experience()), (6.0, 1.0, 5.0));
    }
}
