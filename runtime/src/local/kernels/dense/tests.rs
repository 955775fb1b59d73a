use super::*;
use crate::local::file::{blocks, quantize::quantize};
use crate::local::kernels::attention::Heads;

fn numbers(random: &mut fastrand::Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| random.f32() * 2.0 - 1.0).collect()
}

/// What a product is, in f64.
fn expected(dtype: Dtype, bytes: &[u8], [rows, cols]: [usize; 2], x: &[f32], bias: &[f32]) -> Vec<f64> {
    let mut weights = vec![0.0; rows * cols];
    blocks::dequantize(dtype, bytes, &mut weights).unwrap();
    let sum = |x: &[f32], row: usize| {
        let products = x.iter().zip(&weights[row * cols..]).map(|(x, w)| f64::from(*x) * f64::from(*w));
        products.sum::<f64>() + f64::from(bias[row])
    };
    x.chunks(cols).flat_map(|x| (0..rows).map(move |row| sum(x, row))).collect()
}

#[test]
fn products_are_right_and_the_same_bits_by_all_levels_batches_and_threads() {
    let mut random = fastrand::Rng::with_seed(11);
    for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::Q8_0] {
        for (outputs, cols, rows) in [(16, 32, 1), (37, 64, 29), (96, 96, 215), (1, 32, 3)] {
            let weights = numbers(&mut random, outputs * cols);
            let bytes = quantize(dtype, &weights).unwrap();
            let (x, bias) = (numbers(&mut random, rows * cols), numbers(&mut random, outputs));
            let exact = expected(dtype, &bytes, [outputs, cols], &x, &bias);
            let mut first = None;
            for level in Level::all() {
                for threads in [1, 3] {
                    let pool = Pool::new(threads);
                    let matrix = Matrix::pack(&pool, level, dtype, [outputs, cols], &bytes).unwrap();
                    let one = Dense { matrix: &matrix, bias: Some(&bias), finish: Finish::Gelu };
                    let plain = Dense { finish: Finish::Plain, ..one };
                    let (mut all, mut same) = (vec![0.0; rows * outputs], vec![0.0; rows * outputs]);
                    let mut inputs = Activations::new();
                    dense(&pool, &mut inputs, &x, [(one, &mut all), (plain, &mut same)]).unwrap();
                    let tolerance = if dtype == Dtype::Q8_0 { 0.3 } else { 1e-4 };
                    for (found, exact) in same.iter().zip(&exact) {
                        assert!((f64::from(*found) - exact).abs() < tolerance, "{dtype} {found} {exact}");
                    }
                    let mut alone = vec![0.0; outputs];
                    for (x, all) in x.chunks(cols).zip(all.chunks(outputs)) {
                        dense(&pool, &mut inputs, x, [(one, &mut alone)]).unwrap();
                        assert_eq!(alone, all);
                    }
                    assert_eq!(first.get_or_insert(all.clone()), &all, "{dtype} {level:?}");
                }
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let pool = Pool::new(1);
    let bytes = quantize(Dtype::F32, &[1.0; 12]).unwrap();
    let matrix = Matrix::pack(&pool, Level::default(), Dtype::F32, [3, 4], &bytes).unwrap();
    let plain = Dense { matrix: &matrix, bias: None, finish: Finish::Plain };
    let run = |dense_: Dense<'_>, x: &[f32], out: &mut [f32]| {
        dense(&pool, &mut Activations::new(), x, [(dense_, out)]).is_err()
    };
    assert!(!run(plain, &[0.0; 8], &mut [0.0; 6]));
    assert!(run(plain, &[0.0; 9], &mut [0.0; 6]) && run(plain, &[0.0; 8], &mut [0.0; 5]));
    assert!(run(Dense { bias: Some(&[0.0; 2]), ..plain }, &[0.0; 8], &mut [0.0; 6]));
}

fn heads(queries: usize, keys: usize, dim: usize) -> Heads {
    let scale = (dim as f32).powf(-0.5);
    let (causal, window, soft_cap) = (false, None, None);
    Heads { queries, keys, key_dim: dim, value_dim: dim, scale, soft_cap, causal, window }
}

/// One head of one row, in f64.
fn read(heads: &Heads, span: Span, [q, k, v]: [&[f32]; 3], row: usize, head: usize) -> Vec<f64> {
    let (dim, keys) = (heads.key_dim, heads.keys);
    let of = |x: &[f32], count: usize, row: usize, head: usize| {
        x[(row * count + head) * dim..][..dim].iter().map(|x| f64::from(*x)).collect::<Vec<_>>()
    };
    let (query, shared) = (of(q, heads.queries, row, head), head / (heads.queries / keys));
    let positions = span.row..span.row + span.rows;
    let score = |row: usize| of(k, keys, row, shared).iter().zip(&query).map(|(a, b)| a * b).sum::<f64>();
    let raised: Vec<f64> = positions.clone().map(|row| (score(row) * f64::from(heads.scale)).exp()).collect();
    let sum: f64 = raised.iter().sum();
    let mut out = vec![0.0; dim];
    for (row, weight) in positions.zip(raised) {
        let values = of(v, keys, row, shared);
        out.iter_mut().zip(values).for_each(|(out, value)| *out += weight / sum * value);
    }
    out
}

#[test]
fn attention_is_right_and_the_same_bits_by_all_levels_batches_and_threads() {
    let mut random = fastrand::Rng::with_seed(12);
    for (queries, keys, dim, lengths) in
        [(4, 4, 16, &[40, 1, 7, 33][..]), (6, 2, 32, &[130, 16]), (2, 2, 64, &[3])]
    {
        let heads = heads(queries, keys, dim);
        let mut row = 0;
        let spans: Vec<Span> = lengths
            .iter()
            .map(|rows| {
                row += rows;
                Span { row: row - rows, rows: *rows }
            })
            .collect();
        let q = numbers(&mut random, row * queries * dim);
        let [k, v] = [(); 2].map(|()| numbers(&mut random, row * keys * dim));
        let mut first = None;
        for (level, threads) in Level::all().flat_map(|level| [(level, 1), (level, 3)]) {
            let pool = Pool::new(threads);
            let mut out = vec![0.0; q.len()];
            attend_all(&pool, level, &heads, &spans, [&q, &k, &v], &mut out).unwrap();
            for span in &spans {
                for (row, head) in
                    (span.row..span.row + span.rows).flat_map(|row| (0..queries).map(move |head| (row, head)))
                {
                    let exact = read(&heads, *span, [&q, &k, &v], row, head);
                    let found = &out[(row * queries + head) * dim..][..dim];
                    let near = found.iter().zip(exact).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5);
                    assert!(near, "row {row}, head {head}");
                }
                let part =
                    |x: &[f32], count: usize| x[span.row * count * dim..][..span.rows * count * dim].to_vec();
                let own = [part(&q, queries), part(&k, keys), part(&v, keys)];
                let mut alone = vec![0.0; span.rows * queries * dim];
                let spans = [Span { row: 0, rows: span.rows }];
                attend_all(&pool, level, &heads, &spans, [&own[0], &own[1], &own[2]], &mut alone).unwrap();
                assert_eq!(alone, part(&out, queries));
            }
            assert_eq!(first.get_or_insert(out.clone()), &out, "{level:?}");
        }
    }
}
