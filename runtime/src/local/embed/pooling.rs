//! One vector out of those of all tokens of a text.

use crate::local::arch::Pooling;
use crate::local::kernels::{Level, math};

/// `rows`: vectors as long as `out`, one at least.
pub(super) fn pool(level: Level, pooling: Pooling, rows: &[f32], out: &mut [f32]) {
    let dims = out.len();
    let count = rows.len() / dims;
    let rows = || rows.chunks_exact(dims);
    out.fill(0.0);
    match pooling {
        Pooling::First => rows().take(1).for_each(|row| out.copy_from_slice(row)),
        Pooling::Last => rows().next_back().into_iter().for_each(|row| out.copy_from_slice(row)),
        Pooling::Max => {
            out.fill(f32::NEG_INFINITY);
            rows().for_each(|row| math::max(level, out, row));
        }
        Pooling::Mean | Pooling::MeanSqrtLen => {
            rows().for_each(|row| math::add(level, out, row));
            let count = count as f32;
            math::scale(level, out, 1.0 / if pooling == Pooling::Mean { count } else { count.sqrt() });
        }
        Pooling::WeightedMean => {
            rows().enumerate().for_each(|(at, row)| math::add_scaled(level, out, row, (at + 1) as f32));
            math::scale(level, out, 2.0 / (count * (count + 1)) as f32);
        }
    }
}

/// Divides a vector by its length. One of no length stays.
pub(super) fn normalise(level: Level, x: &mut [f32]) {
    let length = math::dot(level, x, x).sqrt();
    math::scale(level, x, 1.0 / length.max(1e-12));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pooled(pooling: Pooling) -> [f32; 2] {
        let mut out = [7.0; 2];
        pool(Level::Scalar, pooling, &[1.0, 2.0, 3.0, -4.0, 8.0, 5.0, 0.0, 1.0], &mut out);
        out
    }

    #[test]
    fn each_kind_is_what_its_name_says() {
        assert_eq!(pooled(Pooling::First), [1.0, 2.0]);
        assert_eq!(pooled(Pooling::Last), [0.0, 1.0]);
        assert_eq!(pooled(Pooling::Max), [8.0, 5.0]);
        assert_eq!(pooled(Pooling::Mean), [3.0, 1.0]);
        assert_eq!(pooled(Pooling::MeanSqrtLen), [6.0, 2.0]);
        assert!((pooled(Pooling::WeightedMean)[0] - 3.1).abs() < 1e-6);
        assert!((pooled(Pooling::WeightedMean)[1] - 1.3).abs() < 1e-6);
        let mut vector = [3.0, 4.0];
        normalise(Level::Scalar, &mut vector);
        assert_eq!(vector, [0.6, 0.8]);
        normalise(Level::Scalar, &mut [0.0; 2]);
    }
}
