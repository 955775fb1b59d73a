//! An encoder in memory, and how texts are shared among its threads.
//!
//! Few rows go through all layers together, every product cut among the threads. Of many, each thread takes some texts
//! and goes through all layers alone: what it works on stays in its cache, and nobody waits for anybody. The longest
//! texts come first, so that the last to finish is soon done.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::framing::{Framed, Framing};
use super::pass::{self, Buffers, Pass};
use super::pooling;
use super::weights::Weights;
use super::{Cut, Stop, TooLong};
use crate::local::Error;
use crate::local::arch::{Pooling, Spec};
use crate::local::kernels::Level;
use crate::local::kernels::attention::Heads;
use crate::local::pool::Pool;
use crate::local::tokens::{Specials, Tokenizer};

/// Rows of the texts that one thread takes at once.
const SHARE: usize = 128;
/// Texts of at least so many rows are worked on by all threads.
const LONG: usize = 1024;

pub(super) struct Encoder {
    pub(super) spec: Spec,
    pub(super) weights: Weights,
    pub(super) heads: Heads,
    pub(super) tokenizer: Tokenizer,
    pub(super) framing: Framing,
    pub(super) lowercase: bool,
    pub(super) max_len: usize,
    pub(super) too_long: TooLong,
    pub(super) rows: usize,
    pub(super) level: Level,
    pub(super) pool: Pool,
    /// A thread each.
    pub(super) buffers: Vec<Mutex<Buffers>>,
}

/// The rows that are computed at once, at most.
pub(super) fn rows_at_once(threads: usize, rows: usize, max_len: usize) -> usize {
    let alone = threads.saturating_mul(SHARE.max(max_len.min(LONG)));
    rows.max(max_len).max(alone)
}

impl Encoder {
    /// The tokens of texts, without those at their ends. Threads take texts in turn.
    pub(super) fn tokens(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, Error> {
        let next = AtomicUsize::new(0);
        let found = Mutex::new(Vec::with_capacity(texts.len()));
        self.pool
            .run(self.pool.threads().min(texts.len()), |_, _| {
                let mut own = Vec::new();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(text) = texts.get(at) else { break };
                    let small = self.lowercase.then(|| text.to_lowercase());
                    own.push((at, self.tokenizer.encode(small.as_deref().unwrap_or(text), Specials::AsText)));
                }
                locked(&found).extend(own);
            })
            .map_err(crate::local::kernels::Error::from)?;
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_by_key(|(at, _)| *at);
        found.into_iter().map(|(_, tokens)| Ok(tokens?)).collect()
    }

    /// Looks at what is to be computed, and tells which texts were cut.
    pub(super) fn check(&self, texts: &[Framed]) -> Result<Vec<Cut>, Error> {
        let (vocab, parts) = (self.spec.vocab, self.spec.embedding.segments.unwrap_or(usize::MAX));
        let mut cuts = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let (tokens, kept) = (text.whole, text.tokens.len());
            if kept == 0 {
                return Err(Error::input(format!("text {index} has no tokens")));
            }
            if let Some(id) = text.tokens.iter().find(|id| **id as usize >= vocab) {
                return Err(Error::input(format!("text {index}: token {id} in a vocabulary of {vocab}")));
            }
            if !text.segments.is_empty() && text.segments.len() != kept {
                return Err(Error::input(format!("text {index}: not each token has a part")));
            }
            if text.segments.iter().any(|part| *part as usize >= parts) {
                return Err(Error::input(format!("text {index}: the model knows {parts} parts of a text")));
            }
            if tokens > kept && self.too_long == TooLong::Refuse || kept > self.max_len {
                let most = self.max_len;
                return Err(Error::input(format!(
                    "text {index} has {tokens} tokens, and {most} are possible"
                )));
            }
            if tokens > kept {
                cuts.push(Cut { index, tokens, kept });
            }
        }
        Ok(cuts)
    }

    /// A vector for each text, one after the other. They were [checked](Self::check).
    pub(super) fn run(&self, texts: &[Framed], pooling: Pooling, stop: &Stop) -> Result<Vec<f32>, Error> {
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(texts[*at].tokens.len()));
        let long = order.partition_point(|at| texts[*at].tokens.len() >= LONG);
        let rest: usize = order[long..].iter().map(|at| texts[*at].tokens.len()).sum();
        let threads = self.pool.threads();
        let alone = if threads > 1 && rest < 2 * SHARE * threads { order.len() } else { long };
        let (together, apart) = order.split_at(alone);
        let mut vectors = vec![0.0; texts.len() * self.spec.hidden];
        for group in groups(texts, together, self.rows) {
            stop.check()?;
            let found = self.group(0, texts, group, pooling)?;
            self.spread(group, &found, &mut vectors);
        }
        let most =
            (apart.iter().map(|at| texts[*at].tokens.len()).sum::<usize>() / (4 * threads)).clamp(1, SHARE);
        let groups: Vec<&[usize]> = groups(texts, apart, most).collect();
        for (group, found) in self.apart(texts, &groups, pooling, stop)? {
            self.spread(groups[group], &found, &mut vectors);
        }
        Ok(vectors)
    }

    fn spread(&self, group: &[usize], found: &[f32], vectors: &mut [f32]) {
        let hidden = self.spec.hidden;
        for (at, found) in group.iter().zip(found.chunks_exact(hidden)) {
            vectors[at * hidden..][..hidden].copy_from_slice(found);
        }
    }

    /// Groups by threads that each go through all layers.
    fn apart(
        &self,
        texts: &[Framed],
        groups: &[&[usize]],
        pooling: Pooling,
        stop: &Stop,
    ) -> Result<Vec<(usize, Vec<f32>)>, Error> {
        let next = AtomicUsize::new(0);
        let found = Mutex::new(Vec::with_capacity(groups.len()));
        self.pool
            .run(self.pool.threads().min(groups.len()), |_, thread| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(group) = groups.get(at) else { return };
                    let result = stop.check().and_then(|()| self.group(thread, texts, group, pooling));
                    let failed = result.is_err();
                    locked(&found).push(result.map(|found| (at, found)));
                    if failed {
                        return;
                    }
                }
            })
            .map_err(crate::local::kernels::Error::from)?;
        found.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect()
    }

    fn group(
        &self,
        thread: usize,
        texts: &[Framed],
        group: &[usize],
        pooling: Pooling,
    ) -> Result<Vec<f32>, Error> {
        let Self { spec, weights, heads, pool, level, .. } = self;
        let hidden = spec.hidden;
        let texts: Vec<&Framed> = group.iter().map(|at| &texts[*at]).collect();
        let mut found = vec![0.0; texts.len() * hidden];
        let mut buffers = locked(&self.buffers[thread]);
        let pass = Pass { pool, level: *level, spec, heads, weights };
        pass::run(pass, &mut buffers, &texts, |at, rows| {
            pooling::pool(*level, pooling, rows, &mut found[at * hidden..][..hidden]);
        })?;
        Ok(found)
    }
}

/// What a panic left is overwritten by the next pass.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs of neighbours in `order` of at most `rows` rows together; one that has more is alone.
fn groups<'a>(texts: &'a [Framed], order: &'a [usize], rows: usize) -> impl Iterator<Item = &'a [usize]> {
    let mut rest = order;
    std::iter::from_fn(move || {
        let mut sum = 0;
        let fits = |at: &&usize| {
            sum += texts[**at].tokens.len();
            sum <= rows
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (group, after) = rest.split_at_checked(count)?;
        rest = after;
        Some(group)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_all_texts_once_and_few_rows() {
        let text = |len: usize| Framed { tokens: vec![0; len], ..Framed::default() };
        let texts = [text(3), text(9), text(1), text(4), text(4)];
        let order = [1, 3, 4, 0, 2];
        let found: Vec<&[usize]> = groups(&texts, &order, 8).collect();
        assert_eq!(found, [&[1][..], &[3, 4], &[0, 2]]);
        assert_eq!(groups(&texts, &[], 8).count(), 0);
    }
}
