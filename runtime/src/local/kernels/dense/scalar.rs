//! Kernels in plain Rust. They say what all of them compute: for each row of inputs and each output, one sum of fused
//! multiplications in the order of the columns.

use half::{bf16, f16};

use super::super::product::Results;
use super::super::tiles::{Halves, ROWS};

macro_rules! kernels {
    ($($name:ident($column:ty) = $wide:expr;)*) => {$(
        pub(super) fn $name<const MR: usize, const NT: usize>(
            columns: [&[$column]; NT],
            rows: [&[f32]; MR],
            _ahead: &[$column],
            out: &mut Results<MR, NT>,
        ) {
            for (x, out) in rows.into_iter().zip(out) {
                for (columns, out) in columns.into_iter().zip(out) {
                    *out = [0.0; ROWS];
                    for (column, x) in columns.iter().zip(x) {
                        let wide = column.map($wide);
                        out.iter_mut().zip(wide).for_each(|(out, w)| *out = w.mul_add(*x, *out));
                    }
                }
            }
        }
    )*};
}

kernels! {
    singles([f32; ROWS]) = |x| x;
    halves(Halves) = |x| f16::from_bits(x).to_f32();
    brains(Halves) = |x| bf16::from_bits(x).to_f32();
}
