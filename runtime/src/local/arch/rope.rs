//! Rotary positions: by which angle each pair of a head turns, a position. Numbers only; who turns is `local::model` or
//! a kernel.
//!
//! **Kinds.** Configurations of safetensors pair number `i` of a head with number `i + dim/2` ([`RopeKind::Half`]).
//! The GGUF converter of one family of architectures reorders the rows of its query and key weights within each
//! head, `[0, dim/2, 1, dim/2 + 1, …]`, so that a pair lies side by side ([`RopeKind::Adjacent`]). Scores are sums
//! over a head, so that any order does as long as queries and keys share it: nothing is undone, only the kind differs.

use super::tensors::Role;

/// Which two numbers of a head make a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RopeKind {
    /// `2i` and `2i + 1`.
    Adjacent,
    /// `i` and `i + dim/2`.
    Half,
}

/// Rotary positions.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    /// Which two numbers make a pair.
    pub kind: RopeKind,
    /// How many numbers of a head are turned, from its start; even.
    pub dim: usize,
    /// Base of the wavelengths.
    pub theta: f64,
    /// How the wavelengths are stretched for longer contexts.
    pub scaling: Scaling,
}

/// How the wavelengths are stretched.
#[derive(Debug, Clone, PartialEq)]
pub enum Scaling {
    /// Not.
    None,
    /// All alike.
    Linear {
        /// By how much.
        factor: f64,
    },
    /// Long ones by `factor`, short ones not, smooth between.
    ByWavelength {
        /// By how much.
        factor: f64,
        /// Waves longer than `original / low` are long.
        low: f64,
        /// Waves shorter than `original / high` are short.
        high: f64,
        /// The context before stretching.
        original: f64,
    },
    /// YaRN: a ramp over the pairs, and a factor on the rotated vectors.
    Yarn {
        /// By how much.
        factor: f64,
        /// The context before stretching.
        original: f64,
        /// Turns in the original context at which the ramp starts.
        fast: f64,
        /// Turns at which it ends.
        slow: f64,
        /// What rotated vectors are multiplied with.
        magnitude: f64,
    },
    /// A divisor a pair, one list for contexts up to `original`, one for longer ones.
    Long {
        /// The context before stretching.
        original: usize,
        /// The lists (short, long). `None`: they are tensors.
        factors: Option<(Vec<f32>, Vec<f32>)>,
        /// What rotated vectors are multiplied with.
        magnitude: f64,
    },
    /// A divisor a pair, which is a tensor.
    Divided,
}

impl Rope {
    /// The tensor that holds the divisors of a run with `context` positions, if they are not in the description.
    pub fn tensor(&self, context: usize) -> Option<Role> {
        match &self.scaling {
            Scaling::Divided => Some(Role::RopeFactors),
            Scaling::Long { original, factors: None, .. } if context > *original => Some(Role::RopeLong),
            Scaling::Long { factors: None, .. } => Some(Role::RopeShort),
            _ => None,
        }
    }

    /// What rotated vectors are multiplied with.
    pub fn magnitude(&self) -> f64 {
        match self.scaling {
            Scaling::Yarn { magnitude, .. } | Scaling::Long { magnitude, .. } => magnitude,
            _ => 1.0,
        }
    }

    /// The angle of each pair a position, in a run with `context` positions. `divisors`: what [`tensor`](Self::tensor)
    /// asked for. Which list a longrope model uses is decided here once a run, so that cached keys stay right.
    pub fn frequencies(&self, context: usize, divisors: Option<&[f32]>) -> Vec<f32> {
        let plain = (0..self.dim / 2).map(|pair| self.theta.powf(-2.0 * pair as f64 / self.dim as f64));
        let stretched = plain.enumerate().map(|(pair, frequency)| match &self.scaling {
            Scaling::None => frequency,
            Scaling::Linear { factor } => frequency / factor,
            Scaling::ByWavelength { factor, low, high, original } => {
                let turns = original * frequency / std::f64::consts::TAU;
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                mixed(frequency, *factor, kept)
            }
            Scaling::Yarn { factor, original, fast, slow, .. } => {
                let low = self.pair_of(*fast, *original).floor().max(0.0);
                let high = self.pair_of(*slow, *original).ceil().min(self.dim as f64 - 1.0);
                let ramp = (pair as f64 - low) / (high - low).max(0.001);
                mixed(frequency, *factor, 1.0 - ramp.clamp(0.0, 1.0))
            }
            Scaling::Long { original, factors: Some((short, long)), .. } => {
                let list = if context > *original { long } else { short };
                frequency / divisor(Some(list), pair)
            }
            Scaling::Long { .. } | Scaling::Divided => frequency / divisor(divisors, pair),
        });
        stretched.map(|frequency| frequency as f32).collect()
    }

    /// The pair that turns `turns` times in `original` positions, as a fraction.
    fn pair_of(&self, turns: f64, original: f64) -> f64 {
        self.dim as f64 * (original / (turns * std::f64::consts::TAU)).ln() / (2.0 * self.theta.ln())
    }
}

/// `kept` of the frequency as it is, the rest of it stretched.
fn mixed(frequency: f64, factor: f64, kept: f64) -> f64 {
    frequency * kept + frequency / factor * (1.0 - kept)
}

fn divisor(list: Option<&[f32]>, pair: usize) -> f64 {
    list.and_then(|list| list.get(pair)).map_or(1.0, |value| f64::from(*value))
}
