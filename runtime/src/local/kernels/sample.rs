//! Passes over all logits of a vocabulary. Which token is picked is no matter of this module: that is `local::sample`.
//!
//! Each pass is written once, in safe code over 16 lanes, and compiled for several instruction sets; the widest that
//! the machine has runs. No form uses fused multiply-add and all add in the same order, so that all give the same
//! bits: a seed means the same tokens on every machine.

/// How many logits share a maximum and a sum.
pub const CHUNK: usize = 64;
/// How many buckets [`histogram`] has: 128 an octave of distances from 2^-10 to 2^6.
pub const BUCKETS: usize = 2048;

const LANES: usize = 16;
/// The bits of 2^-10, less its lowest 16.
const FIRST: u32 = (127 - 10) << 7;

/// Compiles `$body` for the instruction sets worth having, and picks one at run time.
macro_rules! pass {
    ($(#[$doc:meta])* $name:ident, $body:ident, ($($argument:ident: $type:ty),*) $(-> $out:ty)?) => {
        $(#[$doc])*
        pub fn $name($($argument: $type),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
                fn avx512($($argument: $type),*) $(-> $out)? {
                    $body($($argument),*)
                }
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $type),*) $(-> $out)? {
                    $body($($argument),*)
                }
                if is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                {
                    #[expect(unsafe_code, reason = "a function compiled for more than the base instruction set")]
                    // SAFETY: the machine has the features that the function is compiled for; avx512bw implies avx512f.
                    return unsafe { avx512($($argument),*) };
                }
                if is_x86_feature_detected!("avx2") {
                    #[expect(unsafe_code, reason = "a function compiled for more than the base instruction set")]
                    // SAFETY: the machine has the feature that the function is compiled for.
                    return unsafe { avx2($($argument),*) };
                }
            }
            $body($($argument),*)
        }
    };
}

pass! {
    /// Writes the greatest logit of every chunk of [`CHUNK`] to `maxima`. False: one of them is not a number.
    scan, scan_body, (logits: &[f32], maxima: &mut [f32]) -> bool
}

pass! {
    /// Writes Σ e^((x − `max`) · `scale`) of every chunk to `sums`, and returns the sum of all. No logit is above
    /// `max`.
    weigh, weigh_body, (logits: &[f32], max: f32, scale: f32, sums: &mut [f32]) -> f64
}

pass! {
    /// Σ e^(x − `max`) of the logits that are greater than `than`.
    weigh_above, weigh_above_body, (logits: &[f32], max: f32, than: f32) -> f64
}

pass! {
    /// Σ w and Σ w · (`max` − x), where w = e^(x − `max`).
    moments, moments_body, (logits: &[f32], max: f32) -> (f64, f64)
}

pass! {
    /// Count, mean and variance of the finite logits.
    spread, spread_body, (logits: &[f32]) -> (usize, f64, f64)
}

pass! {
    /// Adds the weight e^(x − `max`) of every logit to the bucket of its [`distance`].
    histogram, histogram_body, (logits: &[f32], max: f32, shift: f32, buckets: &mut [f64; BUCKETS])
}

pass! {
    /// Adds what lies in a bucket to `found`: the bits of its distance, above its place. What is −∞ lies in none.
    collect, collect_body, (logits: &[f32], max: f32, shift: f32, border: usize, found: &mut Vec<u64>)
}

pass! {
    /// Sets to −∞ what is farther than `farthest`.
    cut, cut_body, (logits: &mut [f32], max: f32, shift: f32, farthest: f32)
}

pass! {
    /// Sets to −∞ what has no bit in `allowed`; what lies past its end has none.
    mask, mask_body, (logits: &mut [f32], allowed: &[u32])
}

/// How far a logit is from where the best one would be: |(`max` − x) + `shift`|.
#[inline(always)]
pub fn distance(logit: f32, max: f32, shift: f32) -> f32 {
    ((max - logit) + shift).abs()
}

/// The bucket of a distance.
#[inline(always)]
pub fn bucket(distance: f32) -> usize {
    ((distance.to_bits() >> 16).saturating_sub(FIRST) as usize).min(BUCKETS - 1)
}

/// e^x for x ≤ 0, with a relative error below 2e-7; 0 below −87.
///
/// After Cephes' `expf`: x = n · ln 2 + r, and a polynomial of degree 6 for e^r.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Added and taken off again, it rounds to a whole number, which is then in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let clamped = if x > -87.0 { x } else { -87.0 };
    let shifted = clamped * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (clamped - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    let value = p * (r * r) + r + 1.0;
    let power = f32::from_bits(shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23);
    if x > -87.0 { value * power } else { 0.0 }
}

#[inline(always)]
fn scan_body(logits: &[f32], maxima: &mut [f32]) -> bool {
    // Without its sign, what is not a number has greater bits than any number: the signed maximum sees it.
    const INFINITY: i32 = f32::INFINITY.to_bits() as i32;
    const SIGN: u32 = 1 << 31;
    let mut bits = [0_i32; LANES];
    for (chunk, maximum) in logits.chunks(CHUNK).zip(maxima) {
        let mut best = [f32::NEG_INFINITY; LANES];
        let (rows, rest) = chunk.as_chunks::<LANES>();
        for row in rows {
            for lane in 0..LANES {
                best[lane] = if row[lane] > best[lane] { row[lane] } else { best[lane] };
            }
            for lane in 0..LANES {
                let now = (row[lane].to_bits() & !SIGN) as i32;
                bits[lane] = if now > bits[lane] { now } else { bits[lane] };
            }
        }
        for (lane, &logit) in rest.iter().enumerate() {
            best[lane] = if logit > best[lane] { logit } else { best[lane] };
            bits[lane] = bits[lane].max((logit.to_bits() & !SIGN) as i32);
        }
        *maximum = greatest(best);
    }
    bits.iter().all(|bits| *bits <= INFINITY)
}

#[inline(always)]
fn weigh_body(logits: &[f32], max: f32, scale: f32, sums: &mut [f32]) -> f64 {
    let mut total = 0.0;
    for (chunk, sum) in logits.chunks(CHUNK).zip(sums) {
        let mut lanes = [0.0; LANES];
        let (rows, rest) = chunk.as_chunks::<LANES>();
        for row in rows {
            for lane in 0..LANES {
                lanes[lane] += exp((row[lane] - max) * scale);
            }
        }
        for (lane, &logit) in rest.iter().enumerate() {
            lanes[lane] += exp((logit - max) * scale);
        }
        *sum = added(lanes);
        total += f64::from(*sum);
    }
    total
}

#[inline(always)]
fn weigh_above_body(logits: &[f32], max: f32, than: f32) -> f64 {
    let mut total = 0.0;
    for chunk in logits.chunks(CHUNK) {
        let mut lanes = [0.0; LANES];
        let (rows, rest) = chunk.as_chunks::<LANES>();
        for row in rows {
            for lane in 0..LANES {
                let weight = exp(row[lane] - max);
                lanes[lane] += if row[lane] > than { weight } else { 0.0 };
            }
        }
        for (lane, &logit) in rest.iter().enumerate() {
            lanes[lane] += if logit > than { exp(logit - max) } else { 0.0 };
        }
        total += f64::from(added(lanes));
    }
    total
}

#[inline(always)]
fn moments_body(logits: &[f32], max: f32) -> (f64, f64) {
    let (mut total, mut moment) = (0.0, 0.0);
    for chunk in logits.chunks(CHUNK) {
        let (mut weights, mut products) = ([0.0; LANES], [0.0; LANES]);
        let mut add = |lane: usize, logit: f32| {
            let below = max - logit;
            let weight = exp(-below);
            weights[lane] += weight;
            // What has no weight may be infinitely far.
            products[lane] += if weight > 0.0 { weight * below } else { 0.0 };
        };
        let (rows, rest) = chunk.as_chunks::<LANES>();
        for row in rows {
            row.iter().enumerate().for_each(|(lane, &logit)| add(lane, logit));
        }
        rest.iter().enumerate().for_each(|(lane, &logit)| add(lane, logit));
        total += f64::from(added(weights));
        moment += f64::from(added(products));
    }
    (total, moment)
}

#[inline(always)]
fn spread_body(logits: &[f32]) -> (usize, f64, f64) {
    let (mut counts, mut sums) = ([0_u32; LANES], [0.0_f64; LANES]);
    for_lanes(logits, |lane, logit| {
        let finite = logit > f32::NEG_INFINITY;
        counts[lane] += u32::from(finite);
        sums[lane] += f64::from(if finite { logit } else { 0.0 });
    });
    let count: u32 = counts.iter().sum();
    let number = f64::from(count.max(1));
    let mean = sums.iter().sum::<f64>() / number;
    let mut squares = [0.0_f64; LANES];
    for_lanes(logits, |lane, logit| {
        let off = if logit > f32::NEG_INFINITY { f64::from(logit) - mean } else { 0.0 };
        squares[lane] += off * off;
    });
    (count as usize, mean, squares.iter().sum::<f64>() / number)
}

#[inline(always)]
fn histogram_body(logits: &[f32], max: f32, shift: f32, buckets: &mut [f64; BUCKETS]) {
    let (mut places, mut weights) = ([0_u32; CHUNK], [0.0; CHUNK]);
    for chunk in logits.chunks(CHUNK) {
        for ((place, weight), &logit) in places.iter_mut().zip(&mut weights).zip(chunk) {
            *place = bucket(distance(logit, max, shift)) as u32;
            *weight = exp(logit - max);
        }
        for (&place, &weight) in places.iter().zip(&weights).take(chunk.len()) {
            buckets[place as usize % BUCKETS] += f64::from(weight);
        }
    }
}

#[inline(always)]
fn collect_body(logits: &[f32], max: f32, shift: f32, border: usize, found: &mut Vec<u64>) {
    let mut places = [0_u32; CHUNK];
    for (number, chunk) in logits.chunks(CHUNK).enumerate() {
        let mut any = 0;
        for (place, &logit) in places.iter_mut().zip(chunk) {
            *place = bucket(distance(logit, max, shift)) as u32;
            any |= u32::from(*place == border as u32);
        }
        if any == 0 {
            continue;
        }
        for (at, (&place, &logit)) in places.iter().zip(chunk).enumerate() {
            if place == border as u32 && logit > f32::NEG_INFINITY {
                let bits = u64::from(distance(logit, max, shift).to_bits());
                found.push((bits << 32) | (number * CHUNK + at) as u64);
            }
        }
    }
}

#[inline(always)]
fn cut_body(logits: &mut [f32], max: f32, shift: f32, farthest: f32) {
    for logit in logits {
        *logit = if distance(*logit, max, shift) > farthest { f32::NEG_INFINITY } else { *logit };
    }
}

#[inline(always)]
fn mask_body(logits: &mut [f32], allowed: &[u32]) {
    const NONE: f32 = f32::NEG_INFINITY;
    for (row, word) in logits.chunks_mut(32).zip(allowed) {
        for (bit, logit) in row.iter_mut().enumerate() {
            *logit = if (word >> bit) & 1 == 1 { *logit } else { NONE };
        }
    }
    let past = (allowed.len() * 32).min(logits.len());
    logits[past..].fill(NONE);
}

#[inline(always)]
fn for_lanes(logits: &[f32], mut each: impl FnMut(usize, f32)) {
    let (rows, rest) = logits.as_chunks::<LANES>();
    for row in rows {
        row.iter().enumerate().for_each(|(lane, &logit)| each(lane, logit));
    }
    rest.iter().enumerate().for_each(|(lane, &logit)| each(lane, logit));
}

#[inline(always)]
fn greatest(lanes: [f32; LANES]) -> f32 {
    let mut lanes = lanes;
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] = if lanes[lane + half] > lanes[lane] { lanes[lane + half] } else { lanes[lane] };
        }
        half /= 2;
    }
    lanes[0]
}

#[inline(always)]
fn added(lanes: [f32; LANES]) -> f32 {
    let mut lanes = lanes;
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_close() {
        let mut worst = 0.0_f64;
        for step in 0..870_000 {
            let x = -(step as f32) * 1e-4;
            let exact = f64::from(x).exp();
            worst = worst.max((f64::from(exp(x)) - exact).abs() / exact);
        }
        assert!(worst < 2e-7, "{worst}");
        assert_eq!((exp(0.0), exp(-87.5), exp(f32::NEG_INFINITY)), (1.0, 0.0, 0.0));
    }

    #[test]
    fn every_form_gives_the_same_bits() {
        let mut random = fastrand::Rng::with_seed(3);
        for len in [1, 15, 16, 63, 64, 65, 1000, 4099] {
            let mut logits: Vec<f32> = (0..len).map(|_| random.f32() * 30.0 - 10.0).collect();
            logits[len / 2] = f32::NEG_INFINITY;
            let (mut ours, mut plain) = (vec![0.0; len.div_ceil(CHUNK)], vec![0.0; len.div_ceil(CHUNK)]);
            assert!(scan(&logits, &mut ours) && scan_body(&logits, &mut plain));
            assert_eq!(ours, plain);
            let max = ours.iter().copied().fold(f32::NEG_INFINITY, f32::max).max(20.0);
            assert_eq!(weigh(&logits, max, 0.7, &mut ours), weigh_body(&logits, max, 0.7, &mut plain));
            assert_eq!(ours, plain);
            assert_eq!(moments(&logits, max), moments_body(&logits, max));
            assert_eq!(spread(&logits), spread_body(&logits));
            let (mut ours, mut plain) = ([0.0; BUCKETS], [0.0; BUCKETS]);
            histogram(&logits, max, -1.5, &mut ours);
            histogram_body(&logits, max, -1.5, &mut plain);
            assert_eq!(ours, plain);
        }
    }

    #[test]
    fn a_mask_leaves_what_it_allows() {
        let mut logits = vec![1.0; 70];
        mask(&mut logits, &[0x8000_0001, 0b10]);
        let left: Vec<usize> = (0..70).filter(|&at| logits[at] == 1.0).collect();
        assert_eq!(left, [0, 31, 33]);
    }

    #[test]
    fn what_is_not_a_number_is_seen_wherever_it_is() {
        for at in 0..130 {
            let mut logits = vec![0.5; 130];
            logits[at] = f32::NAN;
            assert!(!scan(&logits, &mut [0.0; 3]));
        }
    }
}
