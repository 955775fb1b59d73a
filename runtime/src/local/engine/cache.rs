//! Keys and values of the sequences that are under way, in pages of 64 positions out of one bounded piece of memory.
//!
//! Sequences that begin alike can share pages: a page knows how many hold it. One that is to be written and is not
//! alone in its sequence is copied first.

use std::ops::Range;

use crate::local::Error;
use crate::local::kernels::Level;
use crate::local::kernels::attention::{self, BLOCK, Heads, Number, Sequence};
use crate::local::pool::Pool;

/// How the numbers of keys and values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CacheNumber {
    /// Half the memory of f32.
    #[default]
    F16,
    /// Somewhat more than a quarter: eight bits, and a scale for 32 of them. Answers differ a little.
    Q8,
    /// As exact as all else.
    F32,
}

impl CacheNumber {
    /// What a page of these heads is: its numbers, and the bytes of one.
    pub(super) fn page(self, heads: &Heads) -> [usize; 2] {
        match self {
            Self::F16 => [heads.page_len::<u16>(1), 2],
            Self::Q8 => [heads.page_len::<i8>(1), 1],
            Self::F32 => [heads.page_len::<f32>(1), 4],
        }
    }
}

/// A sequence of a cache. Of one that was freed nothing is found any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SequenceId {
    index: u32,
    generation: u32,
}

impl SequenceId {
    /// The sequence in this place, of those that were there one after the other.
    pub(in crate::local) fn new(index: usize, generation: u32) -> Self {
        Self { index: u32::try_from(index).unwrap_or(u32::MAX), generation }
    }

    pub(in crate::local) fn index(self) -> usize {
        self.index as usize
    }

    pub(in crate::local) fn generation(self) -> u32 {
        self.generation
    }
}

/// The numbers of all pages.
enum Memory {
    F16(Vec<u16>),
    Q8(Vec<i8>),
    F32(Vec<f32>),
}

/// What a page is: the same for all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Numbers of a layer.
    pub(super) layer: usize,
    pub(super) layers: usize,
}

impl Layout {
    fn stride(self) -> usize {
        self.layer * self.layers
    }
}

/// All sequences and their pages.
pub(super) struct Cache {
    memory: Memory,
    layout: Layout,
    slots: Vec<Slot>,
    /// Indices of slots that are free.
    vacant: Vec<u32>,
    /// How many sequences hold each page.
    held: Vec<u32>,
    free: Vec<u32>,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    live: bool,
    len: usize,
    pages: Vec<u32>,
}

impl Cache {
    pub(super) fn new(layout: Layout, pages: usize, number: CacheNumber) -> Result<Self, Error> {
        let full =
            || Error::input(format!("a cache of {pages} pages is larger than this system can address"));
        let len = pages.checked_mul(layout.stride()).ok_or_else(full)?;
        let ids = 0..u32::try_from(pages).map_err(|_| full())?;
        // Zeroed by the system: memory is taken when a page is first written.
        let memory = match number {
            CacheNumber::F16 => Memory::F16(vec![0; len]),
            CacheNumber::Q8 => Memory::Q8(vec![0; len]),
            CacheNumber::F32 => Memory::F32(vec![0.0; len]),
        };
        let free = ids.rev().collect();
        Ok(Self { memory, layout, slots: Vec::new(), vacant: Vec::new(), held: vec![0; pages], free })
    }

    pub(super) fn free_pages(&self) -> usize {
        self.free.len()
    }

    pub(super) fn pages(&self) -> usize {
        self.held.len()
    }

    fn slot(&self, id: SequenceId) -> Result<&Slot, Error> {
        find(&self.slots, id)
    }

    fn slot_mut(&mut self, id: SequenceId) -> Result<&mut Slot, Error> {
        let slot = self.slots.get_mut(id.index as usize);
        slot.filter(|slot| slot.live && slot.generation == id.generation).ok_or_else(unknown)
    }

    pub(super) fn create(&mut self) -> SequenceId {
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        slot.live = true;
        SequenceId { index, generation: slot.generation }
    }

    /// Whether there was such a sequence.
    pub(super) fn remove(&mut self, id: SequenceId) -> bool {
        let Ok(slot) = self.slot_mut(id) else { return false };
        (slot.live, slot.len) = (false, 0);
        slot.generation = slot.generation.wrapping_add(1);
        let mut pages = std::mem::take(&mut slot.pages);
        pages.drain(..).for_each(|page| self.release(page));
        self.slots[id.index as usize].pages = pages;
        self.vacant.push(id.index);
        true
    }

    /// A new sequence that begins with the first `len` positions of another.
    pub(super) fn fork(&mut self, id: SequenceId, len: usize) -> Result<SequenceId, Error> {
        let slot = self.slot(id)?;
        if len > slot.len {
            return Err(Error::input(format!("{len} positions of a sequence of {}", slot.len)));
        }
        let pages = slot.pages.get(..len.div_ceil(BLOCK)).unwrap_or_default().to_vec();
        pages.iter().for_each(|page| self.held[*page as usize] += 1);
        let new = self.create();
        let slot = self.slot_mut(new)?;
        (slot.pages, slot.len) = (pages, len);
        Ok(new)
    }

    /// Forgets all positions from `len` on.
    pub(super) fn truncate(&mut self, id: SequenceId, len: usize) -> Result<(), Error> {
        let slot = self.slot_mut(id)?;
        slot.len = slot.len.min(len);
        let kept = slot.len.div_ceil(BLOCK);
        while let Some(page) = self.surplus(id, kept) {
            self.release(page);
        }
        Ok(())
    }

    fn surplus(&mut self, id: SequenceId, kept: usize) -> Option<u32> {
        let slot = self.slot_mut(id).ok()?;
        if slot.pages.len() > kept { slot.pages.pop() } else { None }
    }

    pub(super) fn len(&self, id: SequenceId) -> Result<usize, Error> {
        Ok(self.slot(id)?.len)
    }

    pub(super) fn advance(&mut self, id: SequenceId, by: usize) -> Result<(), Error> {
        self.slot_mut(id)?.len += by;
        Ok(())
    }

    /// How many free pages `more` positions of a sequence take.
    pub(super) fn missing(&self, id: SequenceId, more: usize) -> Result<usize, Error> {
        let slot = self.slot(id)?;
        let pages = (slot.len + more).div_ceil(BLOCK).saturating_sub(slot.pages.len());
        Ok(pages + usize::from(more > 0 && self.shared_end(slot).is_some()))
    }

    /// The page that the next position goes into, if others hold it too.
    fn shared_end(&self, slot: &Slot) -> Option<u32> {
        let page = slot.pages.get(slot.len / BLOCK).copied();
        page.filter(|page| self.held[*page as usize] > 1)
    }

    /// Makes room for `more` positions. The caller asked for what is [`missing`](Self::missing).
    pub(super) fn reserve(&mut self, id: SequenceId, more: usize) -> Result<(), Error> {
        let slot = self.slot(id)?;
        let (at, wanted) = (slot.len / BLOCK, (slot.len + more).div_ceil(BLOCK));
        if let Some(shared) = self.shared_end(slot).filter(|_| more > 0) {
            let own = self.take()?;
            self.copy(shared, own);
            self.slot_mut(id)?.pages[at] = own;
            self.release(shared);
        }
        while self.slot(id)?.pages.len() < wanted {
            let page = self.take()?;
            self.slot_mut(id)?.pages.push(page);
        }
        Ok(())
    }

    fn take(&mut self) -> Result<u32, Error> {
        let page = self.free.pop().ok_or(Error::CacheFull { needed: 1, free: 0 })?;
        self.held[page as usize] = 1;
        Ok(page)
    }

    fn release(&mut self, page: u32) {
        let held = &mut self.held[page as usize];
        *held -= 1;
        if *held == 0 {
            self.free.push(page);
        }
    }

    fn copy(&mut self, from: u32, to: u32) {
        let stride = self.layout.stride();
        let (from, to) = (from as usize * stride, to as usize * stride);
        match &mut self.memory {
            Memory::F16(memory) => memory.copy_within(from..from + stride, to),
            Memory::Q8(memory) => memory.copy_within(from..from + stride, to),
            Memory::F32(memory) => memory.copy_within(from..from + stride, to),
        }
    }

    /// Who has which pages, and what is in them.
    pub(super) fn parts(&mut self) -> (Lists<'_>, Store<'_>) {
        (Lists(&self.slots), Store { memory: &mut self.memory, layout: self.layout })
    }
}

/// The sequences.
pub(super) struct Lists<'a>(&'a [Slot]);

impl<'a> Lists<'a> {
    /// The length and the pages of a sequence.
    pub(super) fn get(&self, id: SequenceId) -> Result<(usize, &'a [u32]), Error> {
        find(self.0, id).map(|slot| (slot.len, &*slot.pages))
    }
}

fn find(slots: &[Slot], id: SequenceId) -> Result<&Slot, Error> {
    let slot = slots.get(id.index as usize);
    slot.filter(|slot| slot.live && slot.generation == id.generation).ok_or_else(unknown)
}

/// The numbers of all pages, layer by layer.
pub(super) struct Store<'a> {
    memory: &'a mut Memory,
    layout: Layout,
}

fn unknown() -> Error {
    Error::input("no such sequence")
}

/// Where a layer lies in each page.
#[derive(Debug, Clone)]
struct Place {
    stride: usize,
    range: Range<usize>,
}

impl Store<'_> {
    fn place(&self, layer: usize) -> Place {
        let Layout { layer: len, .. } = self.layout;
        Place { stride: self.layout.stride(), range: layer * len..(layer + 1) * len }
    }

    /// Takes over keys and values of all rows of the sequences.
    pub(super) fn put(
        &mut self,
        layer: usize,
        heads: &Heads,
        sequences: &[Sequence<'_>],
        keys: &[f32],
        values: &[f32],
    ) -> Result<(), Error> {
        let place = self.place(layer);
        match &mut self.memory {
            Memory::F16(memory) => store(memory, &place, heads, sequences, keys, values),
            Memory::Q8(memory) => store(memory, &place, heads, sequences, keys, values),
            Memory::F32(memory) => store(memory, &place, heads, sequences, keys, values),
        }
    }

    /// What queries read.
    pub(super) fn attend(
        &self,
        (pool, level): (&Pool, Level),
        layer: usize,
        heads: &Heads,
        sequences: &[Sequence<'_>],
        queries: &[f32],
        out: &mut [f32],
    ) -> Result<(), Error> {
        let place = self.place(layer);
        match &self.memory {
            Memory::F16(memory) => attend((pool, level), memory, &place, heads, sequences, queries, out),
            Memory::Q8(memory) => attend((pool, level), memory, &place, heads, sequences, queries, out),
            Memory::F32(memory) => attend((pool, level), memory, &place, heads, sequences, queries, out),
        }
    }
}

fn attend<T: Number>(
    (pool, level): (&Pool, Level),
    memory: &[T],
    place: &Place,
    heads: &Heads,
    sequences: &[Sequence<'_>],
    queries: &[f32],
    out: &mut [f32],
) -> Result<(), Error> {
    let cache = attention::Cache { memory, stride: place.stride, offset: place.range.start, blocks: 1 };
    Ok(attention::attend(pool, level, heads, cache, sequences, queries, out)?)
}

fn store<T: Number>(
    memory: &mut [T],
    place: &Place,
    heads: &Heads,
    sequences: &[Sequence<'_>],
    keys: &[f32],
    values: &[f32],
) -> Result<(), Error> {
    let (key_width, value_width) = (heads.keys * heads.key_dim, heads.keys * heads.value_dim);
    for sequence in sequences {
        for row in 0..sequence.rows {
            let position = sequence.position + row;
            let start = sequence.pages[position / BLOCK] as usize * place.stride;
            let page = &mut memory[start + place.range.start..start + place.range.end];
            let row = sequence.row + row;
            let key = &keys[row * key_width..][..key_width];
            attention::store(
                heads,
                page,
                1,
                position % BLOCK,
                key,
                &values[row * value_width..][..value_width],
            )?;
        }
    }
    Ok(())
}
