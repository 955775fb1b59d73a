//! A decoder on a device of candle, with the face of the engine: sequences, pages by which their memory is bounded, steps.
//!
//! One sequence is run after another. What two sequences share is stored once by candle, and counted twice here.

use candle_core::Device as Candle;

use crate::local::Error;
use crate::local::arch::Opened;
use crate::local::engine::{self, Item, Logits, Rows, SequenceId};
use crate::local::model::{self, Cache, Model};

/// Positions of a page.
const PAGE: usize = 64;
/// Bytes of a number: all are f32.
const NUMBER: u64 = 4;

/// A model on a device.
pub(in crate::local) struct Tensors {
    model: Model,
    context: usize,
    slots: Vec<Slot>,
    pages: usize,
    logits: Vec<f32>,
}

/// The place of a sequence.
#[derive(Default)]
struct Slot {
    generation: u32,
    cache: Option<Cache>,
}

/// Bytes of the weights on the device.
pub(super) fn weights(opened: &Opened) -> u64 {
    opened.tensors.iter().map(bytes).fold(0, u64::saturating_add)
}

/// Bytes of the largest tensor on its way to the device.
pub(super) fn largest(opened: &Opened) -> u64 {
    opened.tensors.iter().map(bytes).max().unwrap_or_default()
}

fn bytes(wanted: &crate::local::arch::Wanted) -> u64 {
    wanted.shape.iter().fold(NUMBER, |all, size| all.saturating_mul(*size as u64))
}

fn unknown() -> Error {
    Error::input("no such sequence")
}

impl Tensors {
    pub(super) fn load(opened: &Opened, config: &engine::Config, device: &Candle) -> Result<Self, Error> {
        let spec = &opened.spec;
        let context = config.context.unwrap_or(spec.context).min(spec.context);
        let attention = &spec.attention;
        // Latent attention is kept as the heads read it.
        let heads = if attention.mla.is_some() { attention.heads } else { attention.kv_heads };
        let width = heads * (attention.key_dim + attention.value_dim);
        let page = (PAGE * spec.layers.len() * width) as u64 * NUMBER;
        let pages = usize::try_from(config.cache_bytes / page.max(1)).unwrap_or(usize::MAX);
        if pages == 0 {
            let reason = format!("{} bytes of cache hold no page of {page}", config.cache_bytes);
            return Err(Error::input(reason));
        }
        let model = model::open(opened, context, device)?;
        Ok(Self { model, context, slots: Vec::new(), pages, logits: Vec::new() })
    }

    pub(super) fn context(&self) -> usize {
        self.context
    }

    pub(super) fn page_len(&self) -> usize {
        PAGE
    }

    pub(super) fn pages(&self) -> (usize, usize) {
        let held = self.slots.iter().flat_map(|slot| &slot.cache).map(|cache| cache.len().div_ceil(PAGE));
        (self.pages.saturating_sub(held.sum()), self.pages)
    }

    pub(super) fn create(&mut self) -> SequenceId {
        self.put(Cache::new(&self.model))
    }

    fn put(&mut self, cache: Cache) -> SequenceId {
        let free = self.slots.iter().position(|slot| slot.cache.is_none());
        let index = free.unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        });
        let slot = &mut self.slots[index];
        slot.cache = Some(cache);
        SequenceId::new(index, slot.generation)
    }

    fn cache(&self, id: SequenceId) -> Result<&Cache, Error> {
        let slot = self.slots.get(id.index()).filter(|slot| slot.generation == id.generation());
        slot.and_then(|slot| slot.cache.as_ref()).ok_or_else(unknown)
    }

    pub(super) fn remove(&mut self, id: SequenceId) -> bool {
        let is_there = self.cache(id).is_ok();
        if is_there {
            let slot = &mut self.slots[id.index()];
            slot.cache = None;
            slot.generation = slot.generation.wrapping_add(1);
        }
        is_there
    }

    pub(super) fn fork(&mut self, id: SequenceId, len: usize) -> Result<SequenceId, Error> {
        let cache = self.cache(id)?;
        if len > cache.len() {
            return Err(Error::input(format!("{len} positions of a sequence of {}", cache.len())));
        }
        let cache = cache.first(len)?;
        Ok(self.put(cache))
    }

    pub(super) fn truncate(&mut self, id: SequenceId, len: usize) -> Result<(), Error> {
        let cache = self.cache(id)?;
        if len < cache.len() {
            let first = cache.first(len)?;
            self.slots[id.index()].cache = Some(first);
        }
        Ok(())
    }

    pub(super) fn pages_for(&self, id: SequenceId, tokens: usize) -> Result<usize, Error> {
        let len = self.cache(id)?.len();
        Ok((len + tokens).div_ceil(PAGE) - len.div_ceil(PAGE))
    }

    pub(super) fn step(&mut self, items: &[Item<'_>]) -> Result<Rows<'_>, Error> {
        let mut needed = 0;
        for (at, item) in items.iter().enumerate() {
            if items[..at].iter().any(|other| other.sequence == item.sequence) {
                return Err(Error::input("a sequence is in a step twice"));
            }
            needed += self.pages_for(item.sequence, item.tokens.len())?;
        }
        let (free, _) = self.pages();
        if needed > free {
            return Err(Error::CacheFull { needed, free });
        }
        self.logits.clear();
        items.iter().try_for_each(|item| self.run(item))?;
        Ok(Rows::new(&self.logits, self.model.spec().vocab))
    }

    /// Runs an item. When that fails, its sequence is as it was.
    fn run(&mut self, item: &Item<'_>) -> Result<(), Error> {
        let cache = self.cache(item.sequence)?;
        let mut cache = cache.first(cache.len())?;
        let wanted = if item.want == Logits::All { model::Logits::All } else { model::Logits::Last };
        let logits = model::forward(&self.model, &mut cache, item.tokens, wanted)?;
        if item.want != Logits::None {
            self.logits.extend(logits.flatten_all()?.to_vec1::<f32>()?);
        }
        self.slots[item.sequence.index()].cache = Some(cache);
        Ok(())
    }
}
