//! Attention over a cache of keys and values, without a matrix of scores: each query goes once over blocks of positions,
//! with the maximum and the sum of what it saw.
//!
//! A cache is cut into blocks of 64 positions, laid out as kernels read them, and blocks into pages that need not lie
//! beside each other: where a page lies is the caller's. One token or many, alone or in a batch: the bits are the same.

use std::cell::RefCell;

use super::arena::{Writer, split};
use super::level::{Level, leveled};
use super::number::Strip;
use super::tiles::ROWS;
use super::{Error, math};
use crate::local::pool::Pool;

pub use super::number::Number;

/// Positions of a block.
pub const BLOCK: usize = 64;
/// Queries that share what is read of the cache.
const QUERIES: usize = 8;
/// Queries of a part of the work.
const PART: usize = 64;

/// The heads of a layer, and which positions they see.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heads {
    /// Heads of queries.
    pub queries: usize,
    /// Heads of keys and values: `queries` is a multiple.
    pub keys: usize,
    /// Numbers of a key.
    pub key_dim: usize,
    /// Numbers of a value. A multiple of 16.
    pub value_dim: usize,
    /// What scores are multiplied with.
    pub scale: f32,
    /// Scores end at this size, by a hyperbolic tangent.
    pub soft_cap: Option<f32>,
    /// A token sees itself and those before it. Else it sees all.
    pub causal: bool,
    /// A token sees this many tokens, itself the last.
    pub window: Option<usize>,
}

impl Heads {
    /// Numbers of `blocks` blocks for all heads: those of a head lie beside each other.
    pub fn page_len<T: Number>(&self, blocks: usize) -> usize {
        self.keys * blocks * T::block_len(self)
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let grouped = self.keys > 0 && self.queries.is_multiple_of(self.keys);
        if grouped && self.key_dim > 0 && self.value_dim > 0 && self.value_dim.is_multiple_of(ROWS) {
            return Ok(());
        }
        Err(Error::Shape(format!("attention with {self:?}")))
    }
}

/// Where the pages of a layer lie: page `n` of the cache begins at `n · stride + offset`.
#[derive(Debug, Clone, Copy)]
pub struct Cache<'a, T> {
    /// All pages of all layers.
    pub memory: &'a [T],
    /// From a page to the next.
    pub stride: usize,
    /// Where the layer begins in a page.
    pub offset: usize,
    /// Blocks of a page.
    pub blocks: usize,
}

/// Rows of a batch that belong to one text.
#[derive(Debug, Clone, Copy)]
pub struct Sequence<'a> {
    /// The first of its rows.
    pub row: usize,
    /// How many there are.
    pub rows: usize,
    /// The position of the first.
    pub position: usize,
    /// Where its keys and values are, those of these rows among them.
    pub pages: &'a [u32],
}

/// Puts the keys and values of all heads of one token into its page, of `blocks` blocks. `page` is what
/// [`Cache::memory`] has for the layer there; `position` counts from the start of the page.
pub fn store<T: Number>(
    heads: &Heads,
    page: &mut [T],
    blocks: usize,
    position: usize,
    keys: &[f32],
    values: &[f32],
) -> Result<(), Error> {
    let wrong = keys.len() != heads.keys * heads.key_dim || values.len() != heads.keys * heads.value_dim;
    if wrong || page.len() != heads.page_len::<T>(blocks) || position >= blocks * BLOCK {
        return Err(Error::Shape(format!("position {position} of a page of {blocks} blocks for {heads:?}")));
    }
    heads.check()?;
    let (block, slot) = (position / BLOCK, position % BLOCK);
    let all = keys.chunks_exact(heads.key_dim).zip(values.chunks_exact(heads.value_dim));
    for (head, (key, value)) in all.enumerate() {
        let len = T::block_len(heads);
        T::put(&mut page[(head * blocks + block) * len..][..len], heads, slot, key, value);
    }
    Ok(())
}

/// For each row of `queries` (all heads of a token beside each other), what its heads read of the values.
pub fn attend<T: Number>(
    pool: &Pool,
    level: Level,
    heads: &Heads,
    cache: Cache<'_, T>,
    sequences: &[Sequence<'_>],
    queries: &[f32],
    out: &mut [f32],
) -> Result<(), Error> {
    heads.check()?;
    let rows = queries.len() / (heads.queries * heads.key_dim);
    let whole = rows * heads.queries * heads.key_dim == queries.len();
    if !whole || rows * heads.queries * heads.value_dim != out.len() {
        let (queries, out) = (queries.len(), out.len());
        return Err(Error::Shape(format!("{queries} numbers of queries and {out} of results for {heads:?}")));
    }
    let mut free = 0;
    for sequence in sequences {
        check(heads, &cache, sequence, free..rows)?;
        free = sequence.row + sequence.rows;
    }
    let work = Work { level, heads, cache, queries, out: split(out) };
    let (parts, part) =
        (|one: &Sequence<'_>| work.parts(one), |one: &Sequence<'_>, part| work.part(one, part));
    Ok(pool.run_each(sequences, parts, part)?)
}

fn check<T: Number>(
    heads: &Heads,
    cache: &Cache<'_, T>,
    sequence: &Sequence<'_>,
    free: std::ops::Range<usize>,
) -> Result<(), Error> {
    let Sequence { row, rows, position, pages } = *sequence;
    let inside = |end: Option<usize>, limit: usize| end.is_some_and(|end| end <= limit);
    if row < free.start || !inside(row.checked_add(rows), free.end) {
        return Err(Error::Shape(format!("rows {row} and {rows} more are not the sequence's own")));
    }
    if !inside(position.checked_add(rows), pages.len().saturating_mul(cache.blocks * BLOCK)) {
        return Err(Error::Shape(format!("{} pages do not hold {rows} rows after {position}", pages.len())));
    }
    let len = heads.page_len::<T>(cache.blocks);
    let end =
        |page: u32| (page as usize).checked_mul(cache.stride)?.checked_add(cache.offset)?.checked_add(len);
    if pages.iter().all(|page| inside(end(*page), cache.memory.len())) {
        return Ok(());
    }
    Err(Error::Shape("a page is outside of the cache".into()))
}

struct Work<'a, T> {
    level: Level,
    heads: &'a Heads,
    cache: Cache<'a, T>,
    queries: &'a [f32],
    out: Writer<'a, f32>,
}

/// What a query has seen.
#[derive(Debug, Clone, Copy)]
struct Seen {
    most: f32,
    sum: f32,
}

const NOTHING: Seen = Seen { most: f32::NEG_INFINITY, sum: 0.0 };

thread_local! {
    /// Queries side by side, and results before they are divided.
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// A query: row of the batch, head, and the positions that it sees.
#[derive(Debug, Clone, Copy)]
struct Query {
    row: usize,
    head: usize,
    from: usize,
    to: usize,
}

impl<T: Number> Work<'_, T> {
    /// Heads of queries that share a head of keys.
    fn group(&self) -> usize {
        self.heads.queries / self.heads.keys
    }

    /// Rows of a part: its queries are these rows, for all heads that share keys.
    fn rows(&self) -> usize {
        (PART / self.group()).max(1)
    }

    fn parts(&self, sequence: &Sequence<'_>) -> usize {
        self.heads.keys * sequence.rows.div_ceil(self.rows())
    }

    fn part(&self, sequence: &Sequence<'_>, part: usize) {
        // The heads of one run of rows are neighbours: threads get about as many long runs as short ones.
        let (run, head) = (part / self.heads.keys, part % self.heads.keys);
        let first = run * self.rows();
        let count = self.rows().min(sequence.rows - first) * self.group();
        let mut done = 0;
        while done < count {
            let size = [QUERIES, 4, 2, 1].into_iter().find(|size| *size <= count - done).unwrap_or(1);
            let at = (first, done, head);
            match size {
                QUERIES => self.queries::<QUERIES>(sequence, at),
                4 => self.queries::<4>(sequence, at),
                2 => self.queries::<2>(sequence, at),
                _ => self.queries::<1>(sequence, at),
            }
            done += size;
        }
    }

    /// The query that is `index` among those of a run of rows that begins with `first`.
    fn query(&self, sequence: &Sequence<'_>, first: usize, index: usize, head: usize) -> Query {
        let row = first + index / self.group();
        let position = sequence.position + row;
        let to = if self.heads.causal { position + 1 } else { sequence.position + sequence.rows };
        let from = self.heads.window.map_or(0, |window| (position + 1).saturating_sub(window));
        let head = head * self.group() + index % self.group();
        Query { row: sequence.row + row, head, from, to }
    }

    fn queries<const MR: usize>(&self, sequence: &Sequence<'_>, (first, done, head): (usize, usize, usize)) {
        let queries: [Query; MR] = std::array::from_fn(|at| self.query(sequence, first, done + at, head));
        let from = queries.iter().map(|query| query.from).min().unwrap_or(0) / BLOCK;
        let to = queries.iter().map(|query| query.to).max().unwrap_or(0);
        let (key_dim, value_dim) = (self.heads.key_dim, self.heads.value_dim);
        SCRATCH.with_borrow_mut(|scratch| {
            scratch.resize(scratch.len().max(MR * (key_dim + value_dim)), 0.0);
            let (inputs, results) = scratch[..MR * (key_dim + value_dim)].split_at_mut(MR * key_dim);
            let inputs = inputs.as_chunks_mut::<MR>().0;
            for (at, query) in queries.iter().enumerate() {
                let x = &self.queries[(query.row * self.heads.queries + query.head) * key_dim..][..key_dim];
                inputs.iter_mut().zip(x).for_each(|(into, x)| into[at] = *x);
            }
            results.fill(0.0);
            let mut seen = [NOTHING; MR];
            for block in from..to.div_ceil(BLOCK) {
                let stored = self.block(sequence, head, block);
                self.step(block * BLOCK, &queries, stored, inputs, &mut seen, results);
            }
            for (at, query) in queries.iter().enumerate() {
                let results = &mut results[at * value_dim..][..value_dim];
                math::scale(self.level, results, 1.0 / seen[at].sum);
                self.put((query.row * self.heads.queries + query.head) * value_dim, results);
            }
        });
    }

    #[expect(unsafe_code, reason = "parts write disjoint results")]
    fn put(&self, from: usize, results: &[f32]) {
        // SAFETY: a row and a head belong to one part, for sequences do not share rows; the slice is dropped here.
        unsafe { self.out.slice(from, results.len()) }.copy_from_slice(results);
    }

    fn block(&self, sequence: &Sequence<'_>, head: usize, block: usize) -> &[T] {
        let Cache { memory, stride, offset, blocks } = self.cache;
        let page = sequence.pages[block / blocks] as usize * stride + offset;
        let len = T::block_len(self.heads);
        &memory[page + (head * blocks + block % blocks) * len..][..len]
    }

    /// One block of positions, from `start` on.
    fn step<const MR: usize>(
        &self,
        start: usize,
        queries: &[Query; MR],
        stored: &[T],
        inputs: &[[f32; MR]],
        seen: &mut [Seen; MR],
        results: &mut [f32],
    ) {
        let value_dim = self.heads.value_dim;
        let of = |strip: usize| Strip { level: self.level, block: stored, strip };
        let mut scores = [[0.0; BLOCK]; MR];
        for strip in 0..BLOCK / ROWS {
            let mut out = [[[0.0; ROWS]; 1]; MR];
            T::scores(of(strip), self.heads, inputs, &mut out);
            for (scores, [out]) in scores.iter_mut().zip(&out) {
                scores[strip * ROWS..][..ROWS].copy_from_slice(out);
            }
        }
        let (mut weights, mut factors) = ([[0.0; MR]; BLOCK], [1.0; MR]);
        let used = queries.iter().map(|query| query.to.saturating_sub(start).min(BLOCK)).max().unwrap_or(0);
        for (at, query) in queries.iter().enumerate() {
            let range = [query.from, query.to].map(|end| end.saturating_sub(start).min(BLOCK));
            factors[at] = weigh(self.level, &mut scores[at], range, self.heads, &mut seen[at]);
            weights.iter_mut().zip(&scores[at]).for_each(|(into, weight)| into[at] = *weight);
        }
        for strip in 0..value_dim / ROWS {
            let mut out = [[[0.0; ROWS]; 1]; MR];
            T::sums(of(strip), self.heads, &weights[..used], &mut out);
            for (at, [out]) in out.iter().enumerate() {
                let results = results[at * value_dim + strip * ROWS..][..ROWS].iter_mut();
                results.zip(out).for_each(|(result, x)| *result = *result * factors[at] + x);
            }
        }
    }
}

leveled! {
    /// From scores of a block to weights under the largest score seen. What was seen before counts by the factor that
    /// comes back.
    fn weigh(scores: &mut [f32; BLOCK], range: [usize; 2], heads: &Heads, seen: &mut Seen) -> f32 {
        let [from, to] = range;
        if from >= to {
            *scores = [0.0; BLOCK];
            return 1.0;
        }
        scores.iter_mut().for_each(|score| *score *= heads.scale);
        if let Some(cap) = heads.soft_cap {
            scores.iter_mut().for_each(|score| *score = cap * math::tanh(*score / cap));
        }
        let hidden = |at: usize| at < from || at >= to;
        scores.iter_mut().enumerate().for_each(|(at, score)| {
            *score = if hidden(at) { f32::NEG_INFINITY } else { *score };
        });
        let most = math::largest(scores);
        let most = if seen.most > most { seen.most } else { most };
        let factor = if seen.sum == 0.0 { 1.0 } else { math::exp(seen.most - most) };
        scores.iter_mut().for_each(|score| *score = math::exp(*score - most));
        seen.sum = seen.sum * factor + math::sum(scores, |x| x);
        seen.most = most;
        factor
    }
}
