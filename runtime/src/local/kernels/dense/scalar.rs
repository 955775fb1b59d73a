//! Kernels in plain Rust. They say what all of them compute: for each row of inputs and each output, one sum that begins
//! with the bias, of fused multiplications in the order of the columns.

use half::{bf16, f16};

use super::super::tiles::{Halves, ROWS};
use super::{After, finish_each};

macro_rules! kernels {
    ($($name:ident($column:ty) = $wide:expr;)*) => {$(
        pub(super) fn $name<const MR: usize, const NT: usize>(
            columns: [&[$column]; NT],
            rows: [&[f32]; MR],
            _ahead: &[$column],
            after: After<'_, NT>,
            out: &mut [&mut [f32]; MR],
        ) {
            for (x, out) in rows.into_iter().zip(out) {
                let mut sums = after.bias.map(|bias| *bias);
                for (columns, sums) in columns.into_iter().zip(&mut sums) {
                    for (column, x) in columns.iter().zip(x) {
                        let wide = column.map($wide);
                        sums.iter_mut().zip(wide).for_each(|(sum, w)| *sum = w.mul_add(*x, *sum));
                    }
                }
                finish_each(after.finish, &mut sums);
                out[..NT * ROWS].copy_from_slice(sums.as_flattened());
            }
        }
    )*};
}

kernels! {
    singles([f32; ROWS]) = |x| x;
    halves(Halves) = |x| f16::from_bits(x).to_f32();
    brains(Halves) = |x| bf16::from_bits(x).to_f32();
}
