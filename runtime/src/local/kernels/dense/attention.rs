//! Attention of whole texts, each token of which sees all others: keys and values are there at once, and need no cache.

use std::cell::RefCell;

use super::super::activations::panels;
use super::super::arena::{Writer, split};
use super::super::attention::Heads;
use super::{After, Error, Finish, Inputs, Level, ROWS, leveled, math, singles};
use crate::local::pool::Pool;

/// Rows of a batch that are one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub row: usize,
    /// How many there are.
    pub rows: usize,
}

/// Queries, keys and values of all heads, a row a token.
#[derive(Clone, Copy)]
struct Work<'a> {
    level: Level,
    heads: &'a Heads,
    queries: &'a [f32],
    keys: &'a [f32],
    values: &'a [f32],
    out: &'a Writer<'a, f32>,
}

thread_local! {
    /// Keys and values of a head in strips, and the scores of some queries.
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// For each row, what its heads read of the values of their text. `spans` follow each other.
pub fn attend_all(
    pool: &Pool,
    level: Level,
    heads: &Heads,
    spans: &[Span],
    [queries, keys, values]: [&[f32]; 3],
    out: &mut [f32],
) -> Result<(), Error> {
    heads.check()?;
    let rows = spans.iter().try_fold(0, |row, span| (span.row == row).then_some(row + span.rows));
    let Some(rows) = rows else { return Err(Error::Shape("texts do not follow each other".to_owned())) };
    let Heads { queries: all, keys: shared, key_dim, value_dim, .. } = *heads;
    let expected = [all * key_dim, shared * key_dim, shared * value_dim, all * value_dim];
    let found = [queries.len(), keys.len(), values.len(), out.len()];
    if expected.map(|numbers| numbers * rows) != found {
        return Err(Error::Shape(format!("{found:?} numbers of {rows} rows for {heads:?}")));
    }
    if heads.causal || heads.window.is_some() {
        return Err(Error::Shape("texts of which tokens do not see all".to_owned()));
    }
    let out = split(out);
    let work = Work { level, heads, queries, keys, values, out: &out };
    pool.run(spans.len() * shared, |part, _| {
        let span = spans[part / shared];
        SCRATCH.with_borrow_mut(|scratch| work.head(span, part % shared, scratch));
    })?;
    Ok(())
}

impl Work<'_> {
    /// A head of keys, and all heads of queries that share it.
    fn head(&self, span: Span, head: usize, scratch: &mut Vec<f32>) {
        let Heads { keys: heads, key_dim, value_dim, .. } = *self.heads;
        let strips = span.rows.div_ceil(ROWS);
        let width = strips * ROWS;
        let sizes = [width * key_dim, width * value_dim];
        scratch.resize(scratch.len().max(sizes[0] + sizes[1] + 12 * width), 0.0);
        let (keys, rest) = scratch.split_at_mut(sizes[0]);
        let (values, scores) = rest.split_at_mut(sizes[1]);
        let of = |x: &'_ [f32], dim: usize| (span.row * heads + head) * dim..x.len();
        stand(self.level, &self.keys[of(self.keys, key_dim)], [heads * key_dim, key_dim, span.rows], keys);
        lie(&self.values[of(self.values, value_dim)], [heads * value_dim, value_dim, span.rows], values);
        let group = self.heads.queries / heads;
        for query in head * group..(head + 1) * group {
            for panel in panels(span.rows) {
                let (first, packed) = (panel.first, [&*keys, &*values]);
                match panel.rows {
                    12 => self.queries::<12>(span, query, first, packed, scores),
                    8 => self.queries::<8>(span, query, first, packed, scores),
                    4 => self.queries::<4>(span, query, first, packed, scores),
                    2 => self.queries::<2>(span, query, first, packed, scores),
                    _ => self.queries::<1>(span, query, first, packed, scores),
                }
            }
        }
    }

    fn queries<const MR: usize>(
        &self,
        span: Span,
        head: usize,
        first: usize,
        [keys, values]: [&[f32]; 2],
        scores: &mut [f32],
    ) {
        let Heads { queries: heads, key_dim, value_dim, scale, soft_cap, .. } = *self.heads;
        let width = span.rows.next_multiple_of(ROWS);
        let scores = &mut scores[..MR * width];
        let row = span.row + first;
        let from = (row * heads + head) * key_dim;
        let inputs = Inputs { x: &self.queries[from..], stride: heads * key_dim, cols: key_dim };
        for (pair, columns) in pairs(keys, key_dim).enumerate() {
            let rows = scores.chunks_exact_mut(width).map(|row| &mut row[2 * pair * ROWS..]);
            product::<MR>(self.level, inputs, columns, &mut array(rows));
        }
        weigh(self.level, scores, [width, span.rows], scale, soft_cap);
        let inputs = Inputs { x: scores, stride: width, cols: span.rows };
        for (pair, columns) in pairs(values, width).enumerate() {
            let from = |query: usize| ((row + query) * heads + head) * value_dim + 2 * pair * ROWS;
            let len = columns.len() / width * ROWS;
            let mut out = std::array::from_fn(|query| self.out(from(query), len));
            product::<MR>(self.level, inputs, columns, &mut out);
        }
    }

    #[expect(unsafe_code, clippy::mut_from_ref, reason = "parts write disjoint results")]
    fn out(&self, from: usize, len: usize) -> &mut [f32] {
        // SAFETY: a row and a head belong to one part, for texts do not share rows; a part holds slices of different rows
        // at a time, and drops them with the kernel that writes them.
        unsafe { self.out.slice(from, len) }
    }
}

/// Pairs of strips of `cols` columns each; the last may be one.
fn pairs(strips: &[f32], cols: usize) -> impl Iterator<Item = &[[f32; ROWS]]> {
    strips.as_chunks::<ROWS>().0.chunks(2 * cols)
}

/// The first `N`; empty ones where there are fewer.
fn array<'a, const N: usize>(mut rows: impl Iterator<Item = &'a mut [f32]>) -> [&'a mut [f32]; N] {
    std::array::from_fn(|_| rows.next().unwrap_or_default())
}

/// The products of rows with one or two strips.
#[inline]
fn product<const MR: usize>(
    level: Level,
    inputs: Inputs<'_>,
    columns: &[[f32; ROWS]],
    out: &mut [&mut [f32]; MR],
) {
    const NONE: &[f32; ROWS] = &[0.0; ROWS];
    let cols = if columns.len().is_multiple_of(2) && out[0].len() >= 2 * ROWS {
        columns.len() / 2
    } else {
        columns.len()
    };
    match columns.split_at(cols) {
        (one, []) => singles(level, [one], inputs, &[], After { bias: [NONE], finish: Finish::Plain }, out),
        (one, two) => {
            let after = After { bias: [NONE; 2], finish: Finish::Plain };
            singles(level, [one, two], inputs, &[], after, out);
        }
    }
}

/// Values in strips of 16 numbers, position by position. The last positions stay what they were: nothing reads them.
fn lie(from: &[f32], [stride, dim, rows]: [usize; 3], out: &mut [f32]) {
    let width = rows.next_multiple_of(ROWS);
    let strips = out.as_chunks_mut::<ROWS>().0;
    for row in 0..rows {
        for (strip, x) in from[row * stride..][..dim].as_chunks::<ROWS>().0.iter().enumerate() {
            strips[strip * width + row] = *x;
        }
    }
}

leveled! {
    /// Keys in strips of 16 positions, number by number. Positions behind the last are zero.
    fn stand(from: &[f32], shape: [usize; 3], out: &mut [f32]) {
        let [stride, dim, rows] = shape;
        for (strip, out) in out.as_chunks_mut::<ROWS>().0.chunks_exact_mut(dim).enumerate() {
            for at in 0..ROWS {
                let row = strip * ROWS + at;
                if row < rows {
                    out.iter_mut().zip(&from[row * stride..][..dim]).for_each(|(out, x)| out[at] = *x);
                } else {
                    out.iter_mut().for_each(|out| out[at] = 0.0);
                }
            }
        }
    }

    /// From scores to weights: of each row of `width` numbers, of which `rows` count.
    fn weigh(scores: &mut [f32], shape: [usize; 2], scale: f32, soft_cap: Option<f32>) {
        let [width, rows] = shape;
        for scores in scores.chunks_exact_mut(width) {
            if let Some(cap) = soft_cap {
                scores.iter_mut().for_each(|x| *x = cap * math::tanh(*x * scale / cap));
            } else {
                scores.iter_mut().for_each(|x| *x *= scale);
            }
            scores[rows..].fill(f32::NEG_INFINITY);
            let most = math::largest(scores);
            let most = if most == f32::NEG_INFINITY { 0.0 } else { most };
            scores.iter_mut().for_each(|x| *x = math::exp(*x - most));
            let share = 1.0 / math::sum(scores, |x| x);
            scores.iter_mut().for_each(|x| *x *= share);
        }
    }
}
