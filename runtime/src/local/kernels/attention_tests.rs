//! Attention and functions over rows against 64-bit arithmetic, and all levels against each other, to the bit.

use half::f16;

use super::attention::{BLOCK, Cache, Heads, Number, Sequence, attend, store};
use super::{Level, math};
use crate::local::pool::Pool;

fn random(seed: u64, count: usize, size: f32) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..count).map(|_| (random.f32() * 2.0 - 1.0) * size).collect()
}

/// Whatever order pages come in, with a layer before.
struct Filled<T> {
    memory: Vec<T>,
    pages: Vec<u32>,
    heads: Heads,
    keys: Vec<f32>,
    values: Vec<f32>,
}

const BLOCKS: usize = 2;
const BEFORE: usize = 7;

impl<T: Number> Filled<T> {
    fn new(heads: Heads, positions: usize, seed: u64) -> Self {
        let pages = positions.div_ceil(BLOCKS * BLOCK);
        let stride = heads.page_len::<T>(BLOCKS) + BEFORE;
        let mut this = Self {
            memory: vec![T::default(); stride * pages],
            pages: (0..pages as u32).rev().collect(),
            heads,
            keys: random(seed, positions * heads.keys * heads.key_dim, 2.0),
            values: random(seed + 1, positions * heads.keys * heads.value_dim, 2.0),
        };
        for position in 0..positions {
            let page = this.pages[position / (BLOCKS * BLOCK)] as usize * stride + BEFORE;
            let page = &mut this.memory[page..][..heads.page_len::<T>(BLOCKS)];
            let key = &this.keys[position * heads.keys * heads.key_dim..][..heads.keys * heads.key_dim];
            let value =
                &this.values[position * heads.keys * heads.value_dim..][..heads.keys * heads.value_dim];
            store(&heads, page, BLOCKS, position % (BLOCKS * BLOCK), key, value).unwrap();
        }
        this
    }

    fn attend(&self, pool: &Pool, level: Level, position: usize, queries: &[f32]) -> Vec<f32> {
        let rows = queries.len() / (self.heads.queries * self.heads.key_dim);
        let mut out = vec![f32::NAN; rows * self.heads.queries * self.heads.value_dim];
        let stride = self.heads.page_len::<T>(BLOCKS) + BEFORE;
        let cache = Cache { memory: &self.memory, stride, offset: BEFORE, blocks: BLOCKS };
        let sequence = Sequence { row: 0, rows, position, pages: &self.pages };
        attend(pool, level, &self.heads, cache, &[sequence], queries, &mut out).unwrap();
        out
    }

    /// One head of one row, as written in books.
    fn expected(
        &self,
        query: &[f32],
        head: usize,
        [from, to]: [usize; 2],
        rounded: fn(&[f32]) -> Vec<f64>,
    ) -> Vec<f64> {
        let Heads { keys, key_dim, value_dim, queries, scale, soft_cap, .. } = self.heads;
        let head = head / (queries / keys);
        let score = |at: usize| {
            let key = &self.keys[(at * keys + head) * key_dim..][..key_dim];
            let dot: f64 = rounded(key).iter().zip(query).map(|(k, q)| k * f64::from(*q)).sum();
            let score = dot * f64::from(scale);
            soft_cap.map_or(score, |cap| f64::from(cap) * (score / f64::from(cap)).tanh())
        };
        let weights: Vec<f64> = (from..to).map(|at| score(at).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let value = |at: usize| rounded(&self.values[(at * keys + head) * value_dim..][..value_dim]);
        let values: Vec<Vec<f64>> = (from..to).map(value).collect();
        let mean = |d: usize| {
            weights.iter().zip(&values).map(|(weight, value)| weight * value[d]).sum::<f64>() / sum
        };
        (0..value_dim).map(mean).collect()
    }
}

fn heads(queries: usize, keys: usize, key_dim: usize) -> Heads {
    let scale = 1.0 / (key_dim as f32).sqrt();
    Heads { queries, keys, key_dim, value_dim: 32, scale, soft_cap: None, causal: true, window: None }
}

fn check<T: Number>(heads: Heads, len: usize, rows: usize, rounded: fn(&[f32]) -> Vec<f64>) {
    let filled = Filled::<T>::new(heads, len, len as u64);
    let queries = random(77, rows * heads.queries * heads.key_dim, 1.0);
    let (pools, first) = ([1, 3].map(Pool::new), len - rows);
    let found = filled.attend(&pools[0], Level::Scalar, first, &queries);
    let rows_of = queries.chunks(heads.key_dim).zip(found.chunks(heads.value_dim)).enumerate();
    for (index, (query, found)) in rows_of {
        let position = first + index / heads.queries;
        let to = if heads.causal { position + 1 } else { len };
        let from = heads.window.map_or(0, |window| (position + 1).saturating_sub(window));
        let expected = filled.expected(query, index % heads.queries, [from, to], rounded);
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (f64::from(*found) - expected).abs() < 2e-6,
                "{heads:?} {position}: {found} for {expected}"
            );
        }
    }
    let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    for (level, pool) in Level::all().flat_map(|level| pools.iter().map(move |pool| (level, pool))) {
        assert_eq!(bits(&filled.attend(pool, level, first, &queries)), bits(&found), "{level:?}");
    }
    if heads.causal {
        let alone = queries.chunks(heads.queries * heads.key_dim).enumerate();
        let alone =
            alone.flat_map(|(row, query)| filled.attend(&pools[0], Level::detect(), first + row, query));
        assert_eq!(bits(&alone.collect::<Vec<_>>()), bits(&found), "one row after another");
    }
}

/// Eight bits: the multiples of a scale that 32 numbers share.
fn eighths(x: &[f32]) -> Vec<f64> {
    let group = |x: &[f32]| {
        let most = x.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        let scale = f16::from_f32(most / 127.0).to_f32();
        let number = |x: &f32| f64::from((x / scale).round_ties_even().min(127.0)) * f64::from(scale);
        x.iter().map(number).collect::<Vec<_>>()
    };
    x.chunks(32).flat_map(group).collect()
}

#[test]
fn eight_bits_are_near_and_no_number_stays_none() {
    let heads = heads(4, 2, 64);
    let mut block = vec![0_i8; i8::block_len(&heads)];
    let key: Vec<f32> = (0..64).map(|at| if at == 3 { f32::NAN } else { 1e9 }).collect();
    i8::put(&mut block, &heads, 5, &key, &[0.0; 32]);
    let (mut page, queries) = (block.clone(), vec![1.0; 4 * 64]);
    page.append(&mut block);
    let cache = Cache { memory: &page, stride: page.len(), offset: 0, blocks: 1 };
    let sequence = Sequence { row: 0, rows: 1, position: 6, pages: &[0] };
    let mut out = vec![0.0; 4 * 32];
    attend(&Pool::new(1), Level::detect(), &heads, cache, &[sequence], &queries, &mut out).unwrap();
    assert!(out[..64].iter().all(|x| x.is_nan()), "{out:?}");
}

#[test]
fn attention_is_that_of_books_at_all_levels_and_in_any_batch() {
    let half = |x: &[f32]| x.iter().map(|x| f16::from_f32(*x).to_f64()).collect();
    let whole = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect();
    check::<u16>(heads(8, 2, 24), 150, 9, half);
    check::<u16>(heads(3, 3, 64), 70, 70, half);
    check::<u16>(heads(8, 1, 33), 1, 1, half);
    check::<u16>(Heads { window: Some(40), ..heads(6, 2, 16) }, 300, 130, half);
    check::<u16>(Heads { soft_cap: Some(0.7), ..heads(4, 4, 16) }, 130, 3, half);
    check::<f32>(Heads { causal: false, ..heads(4, 4, 16) }, 77, 77, whole);
    check::<f32>(heads(8, 2, 24), 150, 9, whole);
    check::<i8>(heads(8, 2, 24), 150, 9, eighths);
    check::<i8>(heads(3, 3, 72), 70, 70, eighths);
    check::<i8>(Heads { window: Some(40), value_dim: 48, ..heads(6, 2, 64) }, 300, 130, eighths);
}

#[test]
fn attention_outside_of_the_cache_is_an_error() {
    let (pool, heads) = (Pool::new(1), heads(2, 1, 16));
    let memory = vec![0_u16; heads.page_len::<u16>(1)];
    let try_pages = |pages: &[u32], rows: usize, position: usize, row: usize| {
        let cache = Cache { memory: &memory, stride: memory.len(), offset: 0, blocks: 1 };
        let (queries, mut out) = (vec![0.5; rows * 32], vec![0.0; rows * 64]);
        attend(
            &pool,
            Level::detect(),
            &heads,
            cache,
            &[Sequence { row, rows, position, pages }],
            &queries,
            &mut out,
        )
    };
    assert_eq!(try_pages(&[0], 3, 61, 0), Ok(()));
    assert!(try_pages(&[0], 3, 62, 0).is_err());
    assert!(try_pages(&[1], 3, 0, 0).is_err());
    assert!(try_pages(&[0], 3, 0, 1).is_err());
    assert!(try_pages(&[0], 3, usize::MAX, 0).is_err());
    let mut page = vec![0_u16; heads.page_len::<u16>(1)];
    assert!(store(&heads, &mut page, 1, 64, &[0.0; 16], &[0.0; 32]).is_err());
    assert!(store(&heads, &mut page, 1, 0, &[0.0; 15], &[0.0; 32]).is_err());
}

/// The largest error of `found`, which works in place, against `wanted`.
fn worst(x: &[f32], found: impl Fn(Level, &mut [f32]), wanted: impl Fn(f64) -> f64) -> f64 {
    let results: Vec<Vec<f32>> = Level::all()
        .map(|level| {
            let mut x = x.to_vec();
            found(level, &mut x);
            x
        })
        .collect();
    assert!(
        results.iter().all(|other| other.iter().zip(&results[0]).all(|(a, b)| a.to_bits() == b.to_bits()))
    );
    let error = |(x, found): (&f32, &f32)| {
        (f64::from(*found) - wanted(f64::from(*x))).abs() / f64::from(x.abs()).max(1.0)
    };
    x.iter().zip(&results[0]).map(error).fold(0.0, f64::max)
}

#[test]
fn functions_are_near_their_definitions_and_equal_at_all_levels() {
    let x: Vec<f32> = (-4000..4000).map(|at| at as f32 * 0.011).collect();
    let gelu_tanh = |x: f64| 0.5 * x * (1.0 + (0.797_884_560_802_865_4 * (x + 0.044715 * x * x * x)).tanh());
    assert!(worst(&x, math::silu, |x| x / (1.0 + (-x).exp())) < 3e-7);
    assert!(worst(&x, math::gelu_tanh, gelu_tanh) < 3e-7);
    assert!(worst(&x, |level, x| math::soft_cap(level, x, 30.0), |x| 30.0 * (x / 30.0).tanh()) < 8e-6);
    // Φ by its integral: erf is not in the standard library.
    let erf = |x: f64| {
        let (steps, top) = (2000, x.min(6.0));
        let at = |step: usize| (-(top * step as f64 / f64::from(steps as u32)).powi(2)).exp();
        let sum: f64 = (0..steps).step_by(2).map(|step| at(step) + 4.0 * at(step + 1) + at(step + 2)).sum();
        sum * top / steps as f64 / 3.0 * std::f64::consts::FRAC_2_SQRT_PI
    };
    let few: Vec<f32> = (0..500).map(|at| at as f32 * 0.017).collect();
    assert!(worst(&few, math::gelu, |x| 0.5 * x * (1.0 + erf(x / 2f64.sqrt()))) < 4e-7);
}

#[test]
fn the_exponential_keeps_its_promise() {
    let mut worst = 0.0_f64;
    for at in -87_200..88_300 {
        let x = at as f32 / 1000.0;
        worst = worst.max((f64::from(math::exp(x)) / f64::from(x).exp() - 1.0).abs());
    }
    assert!(worst < 2.5e-7, "{worst}");
    assert_eq!((math::exp(0.0), math::exp(-90.0), math::exp(f32::NEG_INFINITY)), (1.0, 0.0, 0.0));
}

#[test]
fn norms_rotations_and_softmax_are_those_of_books() {
    let (x, weight, bias) = (random(1, 70, 3.0), random(2, 70, 1.0), random(3, 70, 1.0));
    let wide: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
    let (mean, squares) = (wide.iter().sum::<f64>() / 70.0, wide.iter().map(|x| x * x).sum::<f64>() / 70.0);
    let variance = wide.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 70.0;
    let most: f64 = wide.iter().map(|x| x.exp()).sum();
    for level in Level::all() {
        let (mut rms, mut layer, mut soft) = (x.clone(), x.clone(), x.clone());
        math::rms_norm_in_place(level, &mut rms, &weight, 1e-5);
        math::layer_norm(level, &x, &weight, &bias, 1e-5, &mut layer);
        math::softmax(level, &mut soft);
        for at in 0..70 {
            let (w, b) = (f64::from(weight[at]), f64::from(bias[at]));
            let near = |found: f32, wanted: f64| assert!((f64::from(found) - wanted).abs() < 1e-6);
            near(rms[at], wide[at] / (squares + 1e-5).sqrt() * w);
            near(layer[at], (wide[at] - mean) / (variance + 1e-5).sqrt() * w + b);
            near(soft[at], wide[at].exp() / most);
        }
        let (mut adjacent, mut halves) = ([1.0, 2.0, 3.0, 4.0, 9.0], [1.0, 3.0, 2.0, 4.0, 9.0]);
        math::rope_adjacent(level, &mut adjacent, &[0.0, 0.6], &[1.0, 0.8]);
        math::rope_halves(level, &mut halves, &[0.0, 0.6], &[1.0, 0.8]);
        assert_eq!(adjacent, [-2.0, 1.0, 3.0 * 0.6 - 4.0 * 0.8, 3.0 * 0.8 + 4.0 * 0.6, 9.0]);
        assert_eq!(halves, [-2.0, 3.0 * 0.6 - 4.0 * 0.8, 1.0, 3.0 * 0.8 + 4.0 * 0.6, 9.0]);
    }
}
