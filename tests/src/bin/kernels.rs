//! Measures the kernels of local inference: `kernels [FORMAT…]`. For each format and one and two threads: GB/s of a
//! product with one row of inputs over weights that no cache holds, and over weights that one does; GOP/s with many
//! rows; GB/s of packing. The figures are those that a twentieth of the runs reach: neighbours on the machine only slow.

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use typewright_runtime::local::dtype::Dtype;
use typewright_runtime::local::kernels::{Activations, Error, Kinds, Level, Matrix, matmul};
use typewright_runtime::local::pool::Pool;

const FORMATS: [Dtype; 8] =
    [Dtype::Q4_K, Dtype::Q5_K, Dtype::Q6_K, Dtype::Q8_0, Dtype::Q4_0, Dtype::F16, Dtype::BF16, Dtype::F32];
/// Columns of all matrices.
const COLS: usize = 2048;
/// Rows of what stays in the cache.
const SMALL: usize = 352;
/// Pieces of what does not, and the bytes of a piece.
const PIECES: usize = 20;
const PIECE: usize = 16 << 20;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::stdout().lock();
    for dtype in FORMATS {
        if !wanted.is_empty() && !wanted.contains(&format!("{dtype:?}")) {
            continue;
        }
        for threads in [1, 2] {
            let line = measure(dtype, threads).unwrap_or_else(|error| error.to_string());
            if writeln!(out, "{dtype:?}, {threads} threads: {line}").is_err() {
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn measure(dtype: Dtype, threads: usize) -> Result<String, Error> {
    let (pool, level) = (Pool::new(threads), Level::detect());
    let row = weights(dtype);
    let rows = PIECE / row.len() / 64 * 64;
    let bytes = row.repeat(rows);
    let pack = |rows: usize| Matrix::pack(&pool, level, dtype, [rows, COLS], &bytes[..rows * row.len()]);
    let mut pieces = Vec::new();
    let packing = fastest(PIECES, |_| {
        pieces.push(pack(rows)?);
        Ok(())
    })?;
    let small = pack(SMALL)?;
    let mut inputs = Activations::new();
    let mut fill = |rows: usize| -> Result<Activations, Error> {
        let x: Vec<f32> = (0..rows * COLS).map(|at| (at as f32 * 0.37).sin()).collect();
        inputs.fill(&pool, level, Kinds::of(dtype), COLS, &x)?;
        Ok(std::mem::take(&mut inputs))
    };
    let one = fill(1)?;
    let mut out = vec![0.0; rows.max(SMALL * 512)];
    let stream = fastest(200, |at| matmul(&pool, &pieces[at % PIECES], &one, &mut out[..rows]))?;
    let cached = fastest(400, |_| matmul(&pool, &small, &one, &mut out[..SMALL]))?;
    let mut line = format!(
        "packing {:.1} GB/s, one row {:.1} GB/s, cached {:.1} GB/s; rows and GOP/s:",
        bytes.len() as f64 / packing / 1e9,
        pieces[0].bytes() as f64 / stream / 1e9,
        small.bytes() as f64 / cached / 1e9
    );
    for batch in [4, 16, 64, 512] {
        let many = fill(batch)?;
        let seconds = fastest(60, |_| matmul(&pool, &small, &many, &mut out[..batch * SMALL]))?;
        line += &format!(" {batch} {:.0}", (2 * batch * SMALL * COLS) as f64 / seconds / 1e9);
    }
    Ok(line)
}

/// The bytes of a row: numbers of a usual size.
fn weights(dtype: Dtype) -> Vec<u8> {
    let floats = (0..COLS).map(|at| (at as f32 * 0.1).sin());
    match dtype {
        Dtype::F32 => floats.flat_map(f32::to_le_bytes).collect(),
        Dtype::BF16 => floats.flat_map(|x| [x.to_le_bytes()[2], x.to_le_bytes()[3]]).collect(),
        _ => (0..dtype.bytes(COLS).unwrap_or(0)).map(|at| (at * 37 % 61) as u8).collect(),
    }
}

/// Seconds of a run, as a twentieth of them reach.
fn fastest(runs: usize, mut run: impl FnMut(usize) -> Result<(), Error>) -> Result<f64, Error> {
    let mut seconds = Vec::with_capacity(runs);
    for at in 0..runs {
        let began = Instant::now();
        run(at)?;
        seconds.push(began.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[runs / 20])
}
