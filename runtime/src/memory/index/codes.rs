//! Vectors as bytes: which range of numbers the 256 values stand for.
//!
//! All vectors of an index have one scale, so that products of bytes can be compared. Few numbers of a model's vectors are
//! often much larger than all others; a scale that has room for them would leave few steps for the rest. It is chosen so
//! that the squared error is least, and numbers beyond are cut. A vector that loses much by that is an outlier: searches
//! compare those in full.

use crate::simd::lines::{self, Unsigned};

/// The largest code on either side of zero.
const LARGEST: f32 = 127.0;
/// Added to a float below 2²², this leaves its nearest integer in the low bits.
const ROUNDER: f32 = 12_582_912.0;
/// How many sizes of numbers are told apart.
const BINS: usize = 512;

/// What range the codes stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// The number that the largest code stands for.
    pub(super) clip: f32,
}

impl Scale {
    /// The scale of the least squared error for these vectors.
    pub(super) fn of(vectors: &[Vec<f32>]) -> Self {
        let numbers = || vectors.iter().flatten();
        let peak = numbers().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        if peak == 0.0 {
            return Self { clip: 1.0 };
        }
        let mut bins = [0_u64; BINS];
        let per = BINS as f32 / peak;
        for x in numbers() {
            bins[((x.abs() * per) as usize).min(BINS - 1)] += 1;
        }
        // A few large numbers belong to outliers, whose codes do not matter.
        let mut outliers = vectors.len() as u64 / 1024 + 1;
        for count in bins.iter_mut().rev() {
            let taken = outliers.min(*count);
            (*count, outliers) = (*count - taken, outliers - taken);
        }
        let bin = f64::from(peak) / BINS as f64;
        let error = |clip: usize| {
            let lost =
                |(at, count): (usize, &u64)| (bin * (at as f64 + 0.5 - clip as f64)).powi(2) * *count as f64;
            let cut: f64 = bins.iter().enumerate().skip(clip).map(lost).sum();
            let step = bin * clip as f64 / f64::from(LARGEST);
            cut + step * step / 12.0 * bins.iter().sum::<u64>() as f64
        };
        let clip = (1..=BINS).min_by(|a, b| error(*a).total_cmp(&error(*b))).unwrap_or(BINS);
        Self { clip: (bin * clip as f64) as f32 }
    }

    /// A scale with more room.
    pub(super) fn wider(self) -> Self {
        Self { clip: self.clip * 1.25 }
    }

    /// With as much room as it takes for so few of these vectors to lose much.
    pub(super) fn with_room(self, vectors: &[Vec<f32>], outliers: usize) -> Self {
        let (mut scale, mut codes) = (self, vec![0; vectors.first().map_or(0, Vec::len)]);
        while vectors.iter().filter(|vector| scale.encode(vector, &mut codes)).count() > outliers {
            scale = scale.wider();
        }
        scale
    }

    /// Writes the codes of a vector; whether it lost much.
    pub(super) fn encode(self, vector: &[f32], codes: &mut [u8]) -> bool {
        let per = LARGEST / self.clip;
        let mut lost = 0.0_f32;
        for (code, x) in codes.iter_mut().zip(vector) {
            let x = x * per;
            let cut = x.clamp(-LARGEST, LARGEST);
            lost += (x - cut) * (x - cut);
            // The low byte is the integer; 128 more makes it unsigned.
            *code = (cut + ROUNDER).to_bits() as u8 ^ 128;
        }
        // What rounding loses is 1/12 for each.
        lost > vector.len() as f32 / 3.0
    }
}

/// A vector that is looked for, as signed codes on a scale of its own.
pub(super) fn query(vector: &[f32]) -> Vec<lines::Signed> {
    let peak = vector.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    let per = if peak > 0.0 { LARGEST / peak } else { 0.0 };
    let codes: Vec<i8> = vector.iter().map(|x| (x * per).round() as i8).collect();
    lines::of(&codes)
}

/// How many lines the codes of a vector fill.
pub(super) fn lines_of(dimensions: usize) -> usize {
    dimensions.div_ceil(<Unsigned as lines::Line>::NUMBERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(random: &mut fastrand::Rng) -> f32 {
        (0..12).map(|_| random.f32()).sum::<f32>() - 6.0
    }

    #[test]
    fn codes_are_the_nearest() {
        let scale = Scale { clip: 2.0 };
        let mut codes = [0; 6];
        assert!(!scale.encode(&[0.0, 2.0, -2.0, 1.0, -1.0, 0.007], &mut codes));
        assert_eq!(codes, [128, 255, 1, 128 + 64, 128 - 64, 128]);
        assert!(scale.encode(&[9.0, 0.0, 0.0, 0.0, 0.0, -9.0], &mut codes));
        assert_eq!((codes[0], codes[5]), (255, 1));
    }

    #[test]
    fn a_few_large_numbers_do_not_make_the_scale() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut vectors: Vec<Vec<f32>> =
            (0..1000).map(|_| (0..32).map(|_| normal(&mut random)).collect()).collect();
        let plain = Scale::of(&vectors);
        assert!((3.0..6.0).contains(&plain.clip), "{plain:?}");
        vectors[0][0] = 100.0;
        let with = Scale::of(&vectors);
        assert!(with.clip < 20.0, "{with:?}");
        let outliers = vectors.iter().filter(|vector| with.encode(vector, &mut [0; 32])).count();
        assert!((1..=16).contains(&outliers), "{outliers}");
    }

    #[test]
    fn queries_are_signed() {
        assert_eq!(lines::numbers(&query(&[0.5, -1.0, 0.25]))[..4], [64, -127, 32, 0]);
    }
}
