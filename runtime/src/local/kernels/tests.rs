//! All levels against the scalar form, to the bit; the scalar form against 64-bit arithmetic over the formats as
//! their definition has them.

use half::{bf16, f16};

use super::*;
use crate::local::dtype::Dtype::{self, *};
use crate::local::pool::Pool;

const DTYPES: [Dtype; 8] = [F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q5_K, Q6_K];

/// Blocks with random bits, but sound scales.
fn random_blocks(random: &mut fastrand::Rng, dtype: Dtype, blocks: usize) -> Vec<u8> {
    let small = |random: &mut fastrand::Rng| random.f32() * 2.0 - 1.0;
    let mut bytes = Vec::new();
    for _ in 0..blocks {
        let start = bytes.len();
        bytes.extend(std::iter::repeat_with(|| random.u8(..)).take(dtype.block_bytes()));
        let block = &mut bytes[start..];
        let scales: &[usize] = match dtype {
            F32 => {
                block.copy_from_slice(&small(random).to_le_bytes());
                &[]
            }
            BF16 => {
                block.copy_from_slice(&bf16::from_f32(small(random)).to_le_bytes());
                &[]
            }
            F16 | Q8_0 | Q4_0 => &[0],
            Q4_K | Q5_K => &[0, 2],
            Q6_K => &[208],
        };
        for at in scales {
            block[*at..at + 2].copy_from_slice(&f16::from_f32(small(random) / 16.0).to_le_bytes());
        }
    }
    bytes
}

fn half_at(block: &[u8], at: usize) -> f64 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f64()
}

/// What a block stands for, number by number.
fn number(dtype: Dtype, block: &[u8], at: usize) -> f64 {
    let nibble = |byte: u8, high: bool| f64::from(if high { byte >> 4 } else { byte & 15 });
    match dtype {
        F32 => f32::from_le_bytes(block.try_into().unwrap()).into(),
        F16 => half_at(block, 0),
        BF16 => bf16::from_le_bytes(block.try_into().unwrap()).to_f64(),
        Q8_0 => half_at(block, 0) * f64::from(block[2 + at].cast_signed()),
        Q4_0 => half_at(block, 0) * (nibble(block[2 + at % 16], at >= 16) - 8.0),
        Q4_K | Q5_K => {
            let (group, packed) = (at / 32, &block[4..16]);
            let (scale, min) = if group < 4 {
                (packed[group] & 63, packed[group + 4] & 63)
            } else {
                let (low, a, b) = (packed[group + 4], packed[group - 4], packed[group]);
                (low & 15 | a >> 6 << 4, low >> 4 | b >> 6 << 4)
            };
            let nibbles = &block[block.len() - 128..];
            let low = nibble(nibbles[at / 64 * 32 + at % 32], group % 2 == 1);
            let fifth = if dtype == Q5_K { f64::from(block[16 + at % 32] >> group & 1) * 16.0 } else { 0.0 };
            half_at(block, 0) * f64::from(scale) * (low + fifth) - half_at(block, 2) * f64::from(min)
        }
        Q6_K => {
            let (part, quarter, l) = (at / 128, at % 128 / 32, at % 32);
            let low = nibble(block[64 * part + 32 * (quarter % 2) + l], quarter >= 2);
            let high = f64::from(block[128 + 32 * part + l] >> (2 * quarter) & 3) * 16.0;
            half_at(block, 208) * f64::from(block[192 + at / 16].cast_signed()) * (low + high - 32.0)
        }
    }
}

/// Inputs that bytes with a scale hold exactly: whole numbers, with ±127 in each 32.
fn exact_inputs(random: &mut fastrand::Rng, count: usize) -> Vec<f32> {
    let mut x: Vec<f32> = (0..count).map(|_| f32::from(random.i8(-127..=127))).collect();
    x.chunks_mut(32).for_each(|x| x[random.usize(..x.len())] = if random.bool() { 127.0 } else { -127.0 });
    x
}

fn inputs(pool: &Pool, level: Level, dtype: Dtype, cols: usize, x: &[f32]) -> Activations {
    let mut inputs = Activations::new();
    inputs.fill(pool, level, Kinds::of(dtype), cols, x).unwrap();
    inputs
}

fn product(pool: &Pool, matrix: &Matrix, inputs: &Activations) -> Vec<f32> {
    let mut out = vec![f32::NAN; inputs.rows() * matrix.rows()];
    matmul(pool, matrix, inputs, &mut out).unwrap();
    out
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

fn columns(random: &mut fastrand::Rng, dtype: Dtype) -> usize {
    match dtype.block_len() {
        1 => random.usize(1..80),
        32 => random.usize(1..9) * 32,
        long => random.usize(1..4) * long,
    }
}

#[test]
fn scalar_products_are_those_of_the_numbers_that_blocks_stand_for() {
    let pool = Pool::new(1);
    for seed in 0..6 {
        for dtype in DTYPES {
            let mut random = fastrand::Rng::with_seed(seed);
            let (rows, cols) = (random.usize(1..40), columns(&mut random, dtype));
            let bytes = random_blocks(&mut random, dtype, rows * cols / dtype.block_len());
            let matrix = Matrix::pack(&pool, Level::Scalar, dtype, [rows, cols], &bytes).unwrap();
            let x = exact_inputs(&mut random, cols);
            let found = product(&pool, &matrix, &inputs(&pool, Level::Scalar, dtype, cols, &x));
            let blocks: Vec<_> = bytes.chunks(dtype.block_bytes()).collect();
            for (row, found) in found.iter().enumerate() {
                let term = |at: usize| {
                    let at_block = row * cols / dtype.block_len() + at / dtype.block_len();
                    number(dtype, blocks[at_block], at % dtype.block_len()) * f64::from(x[at])
                };
                let (sum, size) =
                    (0..cols).fold((0.0, 0.0), |(sum, size), at| (sum + term(at), size + term(at).abs()));
                let error = (f64::from(*found) - sum).abs();
                assert!(error <= 3e-6 * size, "{dtype:?} {rows}x{cols} row {row}: {found} for {sum}");
            }
        }
    }
}

#[test]
fn levels_batches_and_threads_do_not_change_a_bit() {
    let pools = [1, 2, 3].map(Pool::new);
    for seed in 0..8 {
        for dtype in DTYPES {
            let mut random = fastrand::Rng::with_seed(100 + seed);
            let (rows, cols) = (random.usize(1..180), columns(&mut random, dtype));
            let batch = [1, 2, 3, 4, 7, 12, 16, 31][seed as usize];
            let bytes = random_blocks(&mut random, dtype, rows * cols / dtype.block_len());
            let x: Vec<f32> = (0..batch * cols).map(|_| random.f32() * 8.0 - 4.0).collect();
            let mut matrix = Matrix::pack(&pools[0], Level::Scalar, dtype, [rows, cols], &bytes).unwrap();
            let alone = |x: &[f32], matrix: &Matrix| {
                bits(&product(&pools[0], matrix, &inputs(&pools[0], Level::Scalar, dtype, cols, x)))
            };
            let wanted: Vec<u32> = x.chunks(cols).flat_map(|x| alone(x, &matrix)).collect();
            for (level, pool) in Level::all().flat_map(|level| pools.iter().map(move |pool| (level, pool))) {
                matrix = matrix.with_level(level);
                let found = bits(&product(pool, &matrix, &inputs(pool, level, dtype, cols, &x)));
                assert!(found == wanted, "{dtype:?} {rows}x{cols} batch {batch} {level:?}");
            }
        }
    }
}

#[test]
fn the_largest_sums_do_not_overflow() {
    let (pool, mut random) = (Pool::new(1), fastrand::Rng::with_seed(11));
    for (dtype, byte) in
        DTYPES.into_iter().skip(3).flat_map(|dtype| [0, 0x7f, 0x80, 0xff].map(|byte| (dtype, byte)))
    {
        let mut bytes = random_blocks(&mut random, dtype, 20 * 512 / dtype.block_len());
        let scales: &[usize] = match dtype {
            Q4_K | Q5_K => &[0, 1, 2, 3],
            Q6_K => &[208, 209],
            _ => &[0, 1],
        };
        for block in bytes.chunks_mut(dtype.block_bytes()) {
            let numbers = block.iter_mut().enumerate().filter(|(at, _)| !scales.contains(at));
            numbers.for_each(|(_, number)| *number = byte);
        }
        let matrix = Matrix::pack(&pool, Level::Scalar, dtype, [20, 512], &bytes).unwrap();
        let some: Vec<f32> = (0..512).map(|_| if random.bool() { 127.0 } else { -127.0 }).collect();
        for x in [vec![127.0; 512], vec![-127.0; 512], some] {
            let wanted = product(&pool, &matrix, &inputs(&pool, Level::Scalar, dtype, 512, &x));
            for level in Level::all() {
                let matrix = Matrix::pack(&pool, level, dtype, [20, 512], &bytes).unwrap();
                let found = product(&pool, &matrix, &inputs(&pool, level, dtype, 512, &x));
                assert!(bits(&found) == bits(&wanted), "{dtype:?} of {byte:#x} {level:?}");
            }
        }
    }
}

#[test]
fn levels_are_those_of_this_processor() {
    let here: Vec<_> = Level::all().collect();
    assert_eq!(here.first(), Some(&Level::Scalar));
    assert_eq!(here.last(), Some(&Level::detect()));
    assert_eq!(here.contains(&Level::Neon), cfg!(target_arch = "aarch64"));
    for level in [Level::Scalar, Level::Neon, Level::Avx2, Level::Avx512Vnni] {
        let wanted = if here.contains(&level) { level } else { Level::detect() };
        assert_eq!(level.usable(), wanted);
    }
}

#[test]
fn several_products_of_one_batch_are_those_of_each() {
    let (pool, mut random) = (Pool::new(2), fastrand::Rng::with_seed(5));
    let matrices = [(Q4_K, 70), (Q6_K, 16), (Q8_0, 33)].map(|(dtype, rows)| {
        let bytes = random_blocks(&mut random, dtype, rows * 512 / dtype.block_len());
        Matrix::pack(&pool, Level::detect(), dtype, [rows, 512], &bytes).unwrap()
    });
    let x: Vec<f32> = (0..14 * 512).map(|_| random.f32() - 0.5).collect();
    let mut inputs = Activations::new();
    inputs.fill(&pool, Level::detect(), Kinds::all(&matrices), 512, &x).unwrap();
    let mut out = matrices.each_ref().map(|matrix| vec![0.0; 14 * matrix.rows()]);
    let [a, b, c] = &mut out;
    let [p, q, r] = &matrices;
    matmul_many(&pool, &inputs, [(p, a), (q, b), (r, c)]).unwrap();
    for (matrix, out) in matrices.iter().zip(&out) {
        assert_eq!(bits(out), bits(&product(&pool, matrix, &inputs)));
    }
}

#[test]
fn what_is_packed_is_hardly_larger_than_the_file() {
    let pool = Pool::new(2);
    for dtype in DTYPES {
        let bytes = vec![0; dtype.bytes(2048 * 64).unwrap()];
        let matrix = Matrix::pack(&pool, Level::detect(), dtype, [64, 2048], &bytes).unwrap();
        assert!(
            matrix.bytes() * 100 <= bytes.len() * 105,
            "{dtype:?}: {} of {}",
            matrix.bytes(),
            bytes.len()
        );
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let (pool, level) = (Pool::new(1), Level::detect());
    assert!(matches!(Matrix::pack(&pool, level, Q4_K, [2, 256], &[0; 287]), Err(Error::Shape(_))));
    assert!(matches!(Matrix::pack(&pool, level, Q4_K, [2, 32], &[0; 36]), Err(Error::Shape(_))));
    assert!(matches!(Matrix::pack(&pool, level, F32, [usize::MAX, usize::MAX], &[]), Err(Error::Shape(_))));
    let matrix = Matrix::pack(&pool, level, Q8_0, [2, 64], &[0; 136]).unwrap();
    let right = inputs(&pool, level, Q8_0, 64, &[1.0; 64]);
    assert_eq!(matmul(&pool, &matrix, &right, &mut [0.0; 2]), Ok(()));
    assert!(matmul(&pool, &matrix, &right, &mut [0.0; 3]).is_err());
    assert!(matmul(&pool, &matrix, &inputs(&pool, level, Q8_0, 32, &[1.0; 64]), &mut [0.0; 4]).is_err());
    assert!(matmul(&pool, &matrix, &inputs(&pool, level, F32, 64, &[1.0; 64]), &mut [0.0; 2]).is_err());
    assert!(Activations::new().fill(&pool, level, Kinds::of(Q4_K), 64, &[1.0; 64]).is_err());
    assert!(Activations::new().fill(&pool, level, Kinds::of(F32), 64, &[1.0; 65]).is_err());
}

#[test]
fn fused_inputs_are_those_of_the_parts() {
    let (pool, mut random) = (Pool::new(2), fastrand::Rng::with_seed(9));
    let [x, y]: [Vec<f32>; 2] =
        std::array::from_fn(|_| (0..3 * 256).map(|_| random.f32() * 4.0 - 2.0).collect());
    let bytes = random_blocks(&mut random, Q4_K, 20);
    for level in Level::all() {
        let matrix = Matrix::pack(&pool, level, Q4_K, [20, 256], &bytes).unwrap();
        let (mut normed, mut gated) = (vec![0.0; 3 * 256], vec![0.0; 3 * 256]);
        let rows = x.chunks(256).zip(normed.chunks_mut(256));
        rows.for_each(|(x, out)| math::rms_norm(level, x, &y[..256], 1e-5, out));
        math::silu_mul(level, &x, &y, &mut gated);
        let mut fused = Activations::new();
        fused.fill_rms_norm(&pool, level, Kinds::of(Q4_K), &x, &y[..256], 1e-5).unwrap();
        let wanted = product(&pool, &matrix, &inputs(&pool, level, Q4_K, 256, &normed));
        assert_eq!(bits(&product(&pool, &matrix, &fused)), bits(&wanted));
        fused.fill_silu_mul(&pool, level, Kinds::of(Q4_K), 256, [&x, &y]).unwrap();
        let wanted = product(&pool, &matrix, &inputs(&pool, level, Q4_K, 256, &gated));
        assert_eq!(bits(&product(&pool, &matrix, &fused)), bits(&wanted));
    }
}
