//! The fast forward pass of decoders on the processor, over many sequences at once: what a scheduler stands on.
//!
//! [`Engine::load`] packs the weights of opened files and says before what memory that takes. Sequences keep their keys
//! and values in pages of one bounded cache (`cache`); [`Engine::step`] takes tokens of any of them, pieces of prompts
//! and single tokens side by side, and gives the logits that are asked for. `weights` has the model as the pass goes
//! through it, `pass` the pass itself with `attention`, `latent`, `feed` and `experts`, `rotation` the positions, `scratch`
//! the buffers, which are kept, so that a steady step allocates nothing.
//!
//! What a sequence is told depends on its tokens alone: not on how they were cut into steps, on what ran beside them, or
//! on the number of threads. The bits are the same. What an architecture needs that is not here is refused by `load`.

mod attention;
mod cache;
mod experts;
mod feed;
mod latent;
mod pass;
mod rotation;
mod scratch;
mod weights;

use super::Error;
use super::arch::{Opened, Spec};
use super::kernels::Level;
use super::kernels::attention::{BLOCK, Heads};
use super::memory::{self, Need};
use super::pool::Pool;
use cache::{Cache, Layout};
use rotation::Rotation;
use scratch::Scratch;
use weights::Weights;

pub use cache::{CacheNumber, SequenceId};

/// How a model is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Threads that compute; as many as there are cores is best.
    pub threads: usize,
    /// Which instructions.
    pub level: Level,
    /// The most positions of a sequence. `None`: as many as the model was made for, and the cache holds. A model that
    /// stretches its positions for long contexts does so by this number.
    pub context: Option<usize>,
    /// The most bytes of keys and values, of all sequences together. Memory is taken as it is filled.
    pub cache_bytes: u64,
    /// How keys and values are stored.
    pub cache_number: CacheNumber,
    /// The most rows that are computed together: longer steps are cut.
    pub batch: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            level: Level::default(),
            context: None,
            cache_bytes: 512 << 20,
            cache_number: CacheNumber::F16,
            batch: 512,
        }
    }
}

/// Of which tokens of an item logits are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Logits {
    /// Of none: a piece of a prompt that is not its last.
    None,
    /// Of the last.
    #[default]
    Last,
    /// Of all.
    All,
}

/// Tokens of one sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// Which sequence they go on with.
    pub sequence: SequenceId,
    /// One at least.
    pub tokens: &'a [u32],
    /// What is wanted of them.
    pub want: Logits,
}

/// The logits of a step: rows in the order of the items, and of their tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rows<'a> {
    logits: &'a [f32],
    vocab: usize,
}

impl<'a> Rows<'a> {
    pub(in crate::local) fn new(logits: &'a [f32], vocab: usize) -> Self {
        Self { logits, vocab }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.logits.len() / self.vocab
    }

    /// Whether none was wanted.
    pub fn is_empty(&self) -> bool {
        self.logits.is_empty()
    }

    /// A row: one number a token of the vocabulary.
    pub fn get(&self, row: usize) -> Option<&'a [f32]> {
        self.iter().nth(row)
    }

    /// All rows.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [f32]> + use<'a> {
        self.logits.chunks_exact(self.vocab)
    }
}

/// A decoder in memory, its sequences, and the threads that run it.
pub struct Engine {
    spec: Spec,
    weights: Weights,
    heads: Heads,
    rotations: [Option<Rotation>; 2],
    cache: Cache,
    scratch: Scratch,
    pool: Pool,
    level: Level,
    context: usize,
    batch: usize,
}

impl Engine {
    /// The memory that a model needs, without its file.
    pub fn need(opened: &Opened, config: &Config) -> Need {
        let size = size(&opened.spec, config);
        Need {
            weights: opened.weights.total_bytes(),
            cache: (size.pages as u64).saturating_mul(size.page_bytes),
            scratch: scratch::bytes(&opened.spec, config.batch.max(1)),
        }
    }

    /// Packs the weights of a model. Afterwards its files are not needed any more.
    ///
    /// # Errors
    /// When the model is no decoder or needs what is not here, when there is not the memory for it, or its files are
    /// cut short meanwhile.
    pub fn load(opened: &Opened, config: &Config) -> Result<Self, Error> {
        let spec = opened.spec.clone();
        if let Some(reason) = weights::unsupported(&spec) {
            return Err(Error::unsupported(opened.weights.path(), reason));
        }
        memory::check(Self::need(opened, config), memory::available())?;
        let size = size(&spec, config);
        if size.pages == 0 {
            let reason = format!("{} bytes of cache hold no page of {}", config.cache_bytes, size.page_bytes);
            return Err(Error::input(reason));
        }
        let pool = Pool::new(config.threads);
        let context = config.context.unwrap_or(spec.context).min(spec.context);
        let weights = weights::load(opened, &pool, config.level, context)?;
        let rotation = |rope: &super::arch::Rope| Rotation::new(rope, context, weights.divisors.as_deref());
        let rotations = [spec.rope.as_ref().map(rotation), spec.local_rope.as_ref().map(rotation)];
        let cache = Cache::new(size.layout, size.pages, config.cache_number)?;
        let (heads, level, batch) = (size.heads, config.level, config.batch.max(1));
        let scratch = Scratch::default();
        Ok(Self { spec, weights, heads, rotations, cache, scratch, pool, level, context, batch })
    }

    /// What the model is made of.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The most positions of a sequence.
    pub fn context(&self) -> usize {
        self.context
    }

    /// A sequence without positions.
    pub fn create(&mut self) -> SequenceId {
        self.cache.create()
    }

    /// Gives the pages of a sequence back at once. Whether there was such a sequence.
    pub fn remove(&mut self, sequence: SequenceId) -> bool {
        self.cache.remove(sequence)
    }

    /// A new sequence that begins with the first `len` positions of another, and shares their pages.
    ///
    /// # Errors
    /// When there is no such sequence, or it is shorter.
    pub fn fork(&mut self, sequence: SequenceId, len: usize) -> Result<SequenceId, Error> {
        self.cache.fork(sequence, len)
    }

    /// Forgets the positions of a sequence from `len` on.
    ///
    /// # Errors
    /// When there is no such sequence.
    pub fn truncate(&mut self, sequence: SequenceId, len: usize) -> Result<(), Error> {
        self.cache.truncate(sequence, len)
    }

    /// How many positions a sequence has.
    ///
    /// # Errors
    /// When there is no such sequence.
    pub fn len(&self, sequence: SequenceId) -> Result<usize, Error> {
        self.cache.len(sequence)
    }

    /// Positions of a page of the cache.
    pub fn page_len(&self) -> usize {
        BLOCK
    }

    /// Pages that no sequence holds, and all pages.
    pub fn pages(&self) -> (usize, usize) {
        (self.cache.free_pages(), self.cache.pages())
    }

    /// Free pages that these tokens would take.
    ///
    /// # Errors
    /// When there is no such sequence.
    pub fn pages_for(&self, sequence: SequenceId, tokens: usize) -> Result<usize, Error> {
        self.cache.missing(sequence, tokens)
    }

    /// Runs tokens of several sequences, each sequence once. Nothing changes when it fails before the pass begins; when
    /// the pass itself fails, sequences have the positions that they had.
    ///
    /// # Errors
    /// When an item is empty, of no sequence or of one that is there twice, a token is not in the vocabulary, a
    /// sequence would be longer than the context, or the cache is full.
    pub fn step(&mut self, items: &[Item<'_>]) -> Result<Rows<'_>, Error> {
        pass::step(self, items)?;
        Ok(Rows { logits: self.scratch.logits.get(), vocab: self.spec.vocab })
    }
}

/// What a cache is for a model.
struct Size {
    heads: Heads,
    layout: Layout,
    page_bytes: u64,
    pages: usize,
}

fn size(spec: &Spec, config: &Config) -> Size {
    let heads = heads(spec);
    let [layer, bytes] = config.cache_number.page(&heads);
    let layout = Layout { layer, layers: spec.layers.len() };
    let bytes = [layer, layout.layers, bytes];
    let page_bytes = bytes.into_iter().fold(1, |all: u64, factor| all.saturating_mul(factor as u64));
    let pages = usize::try_from(config.cache_bytes / page_bytes.max(1)).unwrap_or(usize::MAX);
    Size { heads, layout, page_bytes, pages }
}

/// What lies in the cache: keys and values, or, of latent attention, what both are made of.
fn heads(spec: &Spec) -> Heads {
    let attention = &spec.attention;
    let (keys, key_dim, value_dim) = match &attention.mla {
        Some(mla) => (1, mla.kv_lora + mla.rope, mla.kv_lora),
        None => (attention.kv_heads, attention.key_dim, attention.value_dim),
    };
    let soft_cap = attention.softcap.map(|cap| cap as f32);
    let (queries, scale, causal) = (attention.heads, attention.scale as f32, attention.causal);
    Heads { queries, keys, key_dim, value_dim, scale, soft_cap, causal, window: None }
}
