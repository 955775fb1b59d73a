//! What works on rows of f32: norms, rotations, activation functions, softmax. The first argument says with which
//! instructions; all give the same bits.
//!
//! Functions over several slices work on as many numbers as the shortest has.

use super::level::leveled;

/// How many sums run beside each other, so that all levels add in one order.
const LANES: usize = 16;

/// eˣ with a relative error below 2.5 · 10⁻⁷; 0 below −87.3, and as at 88.3 above.
///
/// x = n · ln 2 + r with |r| ≤ ln 2 / 2, and a polynomial of degree six in r.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const MAGIC: f32 = 12_582_912.0;
    let clamped = if x > 88.3 { 88.3 } else { x };
    let clamped = if clamped < -87.3 { -87.3 } else { clamped };
    let shifted = clamped.mul_add(std::f32::consts::LOG2_E, MAGIC);
    let n = shifted - MAGIC;
    let r = n.mul_add(-0.693_359_4, clamped);
    let r = n.mul_add(2.121_944_4e-4, r);
    let p = r.mul_add(1.388_888_9e-3, 8.333_334e-3);
    let p = p.mul_add(r, 4.166_666_8e-2);
    let p = p.mul_add(r, 0.166_666_67);
    let p = p.mul_add(r, 0.5);
    let p = p.mul_add(r, 1.0);
    let p = p.mul_add(r, 1.0);
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    if x < -87.3 { 0.0 } else { p * scale }
}

/// The error function, by Abramowitz and Stegun 7.1.26: absolute error below 2 · 10⁻⁷.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let size = x.abs();
    let t = 1.0 / size.mul_add(0.327_591_1, 1.0);
    let p = t.mul_add(1.061_405_4, -1.453_152);
    let p = p.mul_add(t, 1.421_413_8);
    let p = p.mul_add(t, -0.284_496_74);
    let p = p.mul_add(t, 0.254_829_6) * t;
    (-p).mul_add(exp(-size * size), 1.0).copysign(x)
}

#[inline(always)]
pub(super) fn gelu_by_erf(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

#[inline(always)]
pub(super) fn gelu_by_tanh(x: f32) -> f32 {
    let inner = (0.044_715 * x * x).mul_add(x, x);
    x * sigmoid(2.0 * 0.797_884_6 * inner)
}

/// Sums in lanes: `sum(n)` is the sum of what `term` makes of each number.
#[inline(always)]
pub(super) fn sum(x: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, x)| *lane += term(*x));
    }
    lanes.iter_mut().zip(rest).for_each(|(lane, x)| *lane += term(*x));
    folded(lanes, |a, b| a + b)
}

/// Lanes to one number: the upper half onto the lower, until one is left.
#[inline(always)]
pub(super) fn folded(lanes: [f32; LANES], both: impl Fn(f32, f32) -> f32) -> f32 {
    let mut eight = [0.0; 8];
    (0..8).for_each(|at| eight[at] = both(lanes[at], lanes[at + 8]));
    let mut four = [0.0; 4];
    (0..4).for_each(|at| four[at] = both(eight[at], eight[at + 4]));
    both(both(four[0], four[2]), both(four[1], four[3]))
}

#[inline(always)]
pub(super) fn largest(x: &[f32]) -> f32 {
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let more = |lane: &mut f32, x: f32| *lane = if x > *lane { x } else { *lane };
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, x)| more(lane, *x));
    }
    lanes.iter_mut().zip(rest).for_each(|(lane, x)| more(lane, *x));
    folded(lanes, |a, b| if b > a { b } else { a })
}

leveled! {
    /// `x` over its root mean square, times `weight`.
    pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
        let scale = 1.0 / (sum(x, |x| x * x) / x.len() as f32 + eps).sqrt();
        out.iter_mut().zip(x).zip(weight).for_each(|((out, x), weight)| *out = x * scale * weight);
    }

    /// [`rms_norm`] where `x` lies.
    pub fn rms_norm_in_place(x: &mut [f32], weight: &[f32], eps: f32) {
        let scale = 1.0 / (sum(x, |x| x * x) / x.len() as f32 + eps).sqrt();
        x.iter_mut().zip(weight).for_each(|(x, weight)| *x = *x * scale * weight);
    }

    /// `x` less its mean, over its standard deviation, times `weight`, plus `bias`.
    pub fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], eps: f32, out: &mut [f32]) {
        let count = x.len() as f32;
        let mean = sum(x, |x| x) / count;
        let scale = 1.0 / (sum(x, |x| (x - mean) * (x - mean)) / count + eps).sqrt();
        let out = out.iter_mut().zip(x).zip(weight).zip(bias);
        out.for_each(|(((out, x), weight), bias)| *out = ((x - mean) * scale).mul_add(*weight, *bias));
    }

    /// `x + y` where `x` lies, then as [`layer_norm`].
    pub fn add_layer_norm(x: &mut [f32], y: &[f32], weight: &[f32], bias: &[f32], eps: f32) {
        x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
        let count = x.len() as f32;
        let mean = sum(x, |x| x) / count;
        let scale = 1.0 / (sum(x, |x| (x - mean) * (x - mean)) / count + eps).sqrt();
        let x = x.iter_mut().zip(weight).zip(bias);
        x.for_each(|((x, weight), bias)| *x = ((*x - mean) * scale).mul_add(*weight, *bias));
    }

    /// The larger of both: `x = max(x, y)`
    pub fn max(x: &mut [f32], y: &[f32]) {
        x.iter_mut().zip(y).for_each(|(x, y)| *x = if *y > *x { *y } else { *x });
    }

    /// Turns neighbouring pairs `(x[2i], x[2i + 1])` by angles of which `cos` and `sin` are given.
    pub fn rope_adjacent(x: &mut [f32], cos: &[f32], sin: &[f32]) {
        let pairs = x.as_chunks_mut::<2>().0;
        pairs.iter_mut().zip(cos.iter().zip(sin)).for_each(|(pair, (cos, sin))| {
            let [a, b] = *pair;
            *pair = [a * cos - b * sin, a * sin + b * cos];
        });
    }

    /// Turns pairs `(x[i], x[i + n])` of the first `2n` numbers, for the `n` angles given.
    pub fn rope_halves(x: &mut [f32], cos: &[f32], sin: &[f32]) {
        let Some((low, high)) = x.split_at_mut_checked(cos.len()) else { return };
        low.iter_mut().zip(high).zip(cos.iter().zip(sin)).for_each(|((low, high), (cos, sin))| {
            let (a, b) = (*low, *high);
            (*low, *high) = (a * cos - b * sin, a * sin + b * cos);
        });
    }

    /// Probabilities of scores.
    pub fn softmax(x: &mut [f32]) {
        let most = largest(x);
        let most = if most == f32::NEG_INFINITY { 0.0 } else { most };
        x.iter_mut().for_each(|x| *x = exp(*x - most));
        let scale = 1.0 / sum(x, |x| x);
        x.iter_mut().for_each(|x| *x *= scale);
    }

    /// x / (1 + e⁻ˣ)
    pub fn silu(x: &mut [f32]) {
        x.iter_mut().for_each(|x| *x *= sigmoid(*x));
    }

    /// `silu(gate) · up`
    pub fn silu_mul(gate: &[f32], up: &[f32], out: &mut [f32]) {
        out.iter_mut().zip(gate).zip(up).for_each(|((out, gate), up)| *out = gate * sigmoid(*gate) * up);
    }

    /// The Gaussian error linear unit, by the error function.
    pub fn gelu(x: &mut [f32]) {
        x.iter_mut().for_each(|x| *x = gelu_by_erf(*x));
    }

    /// The Gaussian error linear unit, as approximated by the hyperbolic tangent.
    pub fn gelu_tanh(x: &mut [f32]) {
        x.iter_mut().for_each(|x| *x = gelu_by_tanh(*x));
    }

    /// `gelu_tanh(gate) · up`
    pub fn gelu_tanh_mul(gate: &[f32], up: &[f32], out: &mut [f32]) {
        out.iter_mut().zip(gate).zip(up).for_each(|((out, gate), up)| *out = gelu_by_tanh(*gate) * up);
    }

    /// `cap · tanh(x / cap)`
    pub fn soft_cap(x: &mut [f32], cap: f32) {
        x.iter_mut().for_each(|x| *x = cap * tanh(*x / cap));
    }

    /// `x += y`
    pub fn add(x: &mut [f32], y: &[f32]) {
        x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
    }

    /// `x += factor · y`
    pub fn add_scaled(x: &mut [f32], y: &[f32], factor: f32) {
        x.iter_mut().zip(y).for_each(|(x, y)| *x = y.mul_add(factor, *x));
    }

    /// `x *= factor`
    pub fn scale(x: &mut [f32], factor: f32) {
        x.iter_mut().for_each(|x| *x *= factor);
    }

    /// `x *= y`
    pub fn mul(x: &mut [f32], y: &[f32]) {
        x.iter_mut().zip(y).for_each(|(x, y)| *x *= y);
    }

    /// The sum of products.
    pub fn dot(x: &[f32], y: &[f32]) -> f32 {
        let mut lanes = [0.0f32; LANES];
        let len = x.len().min(y.len());
        let ((x, x_rest), (y, y_rest)) = (x[..len].as_chunks::<LANES>(), y[..len].as_chunks::<LANES>());
        for (x, y) in x.iter().zip(y) {
            lanes.iter_mut().zip(x.iter().zip(y)).for_each(|(lane, (x, y))| *lane = x.mul_add(*y, *lane));
        }
        let rest = lanes.iter_mut().zip(x_rest.iter().zip(y_rest));
        rest.for_each(|(lane, (x, y))| *lane = x.mul_add(*y, *lane));
        folded(lanes, |a, b| a + b)
    }
}
