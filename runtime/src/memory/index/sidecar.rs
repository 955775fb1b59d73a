//! A graph in a file beside the store, so that it need not be made again.
//!
//! | what | bytes |
//! |---|---|
//! | `TwIx`, version | 4 + 4 |
//! | dimensions, links, candidates, slots, links of higher levels, length of the model's name | 6 × 4 |
//! | seed, commit that was seen | 2 × 8 |
//! | the slot that searches begin at | 4 |
//! | name of the model | |
//! | of each slot its id, the digest of its vector and its level | 16 + 8 + 1 |
//! | links of the lowest level; links of the higher levels, slot by slot | 4 each |
//! | SHA-256 of all that | 32 |
//!
//! No vector stands in it. Numbers are little-endian. What is read may be anything: lengths are checked before room is made
//! for what they count, slots before they are believed. A vector whose digest is another one is inserted anew.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::State;
use super::graph::{Entry, Graph, HIGHEST, NO_LEVEL, NONE, Shape, linked};
use super::rows::Rows;
use crate::memory::Id;
use crate::memory::store::Commit;
use std::sync::atomic::{AtomicU32, Ordering};

const MAGIC: [u8; 8] = *b"TwIx\x01\0\0\0";
const CHECK: usize = 32;
/// Where the commit stands.
const SEEN: std::ops::Range<usize> = 40..48;

/// A graph without its vectors.
#[derive(Debug)]
pub(super) struct Saved {
    pub(super) dimensions: usize,

    pub(super) graph: Graph,
    /// Whose the slots are, and the digests of their vectors.
    pub(super) slots: Vec<(Id, u64)>,
}

/// The digest of a vector. It need not keep anybody from making another one of the same digest.
pub(super) fn digest(vector: &[f32]) -> u64 {
    const BY: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut lanes = [1_u64, 2, 3, 4];
    for chunk in vector.chunks(4) {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane = (*lane ^ u64::from(x.to_bits())).wrapping_mul(BY).rotate_left(29);
        }
    }
    lanes.into_iter().fold(0, |all, lane| (all ^ lane).wrapping_mul(BY).rotate_left(31))
}

/// The file of an index, if it has a graph.
pub(super) fn encode(state: &State, model: &str) -> Option<Vec<u8>> {
    let (graph, rows) = (state.graph.as_ref()?, &state.rows);
    let members = graph.members().without(&state.dead);
    let level = |slot: u32| if members.has(slot) { graph.levels[slot as usize] } else { NO_LEVEL };
    let slots = 0..graph.levels.len() as u32;
    let upper: usize =
        slots.clone().map(level).filter(|level| *level != NO_LEVEL).map(usize::from).sum::<usize>()
            * graph.shape.links;
    let mut out = MAGIC.to_vec();
    let head = [rows.dimensions, graph.shape.links, graph.shape.candidates, slots.len(), upper, model.len()];
    head.iter().for_each(|number| out.extend((*number as u32).to_le_bytes()));
    out.extend(graph.shape.seed.to_le_bytes());
    out.extend(state.seen.unwrap_or_default().0.to_le_bytes());
    let entry = graph.entry().map(|entry| entry.slot).filter(|slot| members.has(*slot));
    out.extend(entry.unwrap_or(NONE).to_le_bytes());
    out.extend(model.as_bytes());
    for slot in slots.clone() {
        let is_member = members.has(slot);
        let (id, digest) =
            if is_member { (rows.id(slot).as_u128(), digest(rows.vector(slot))) } else { (0, 0) };
        out.extend(id.to_le_bytes());
        out.extend(digest.to_le_bytes());
        out.push(level(slot));
    }
    let mut list = |list: &[AtomicU32], is_member: bool| {
        let links = linked(list).filter(|link| is_member && members.has(*link));
        let all = links.chain(std::iter::repeat(NONE)).take(list.len());
        all.for_each(|link| out.extend(link.to_le_bytes()));
    };
    let empty: Vec<AtomicU32> = (0..2 * graph.shape.links).map(|_| AtomicU32::new(NONE)).collect();
    slots.clone().for_each(|slot| match members.has(slot) {
        true => list(graph.list(slot, 0), true),
        false => list(&empty, false),
    });
    for slot in slots.filter(|slot| members.has(*slot)) {
        (1..=level(slot)).for_each(|level| list(graph.list(slot, level), true));
    }
    let check = Sha256::digest(&out);
    out.extend(check);
    Some(out)
}

/// The commit that a file has seen, as its head says. Whether it is whole is seen when it is read.
pub(in crate::memory) fn saved(file: &Path) -> Option<Commit> {
    let mut head = [0; SEEN.end];
    File::open(file).and_then(|mut file| file.read_exact(&mut head)).ok()?;
    let (magic, seen) = (head.get(..MAGIC.len())?, head.get(SEEN)?.try_into().ok()?);
    (*magic == MAGIC).then(|| Commit(u64::from_le_bytes(seen)))
}

/// What is read from front to back.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn number(&mut self) -> Option<usize> {
        self.array().map(|bytes| u32::from_le_bytes(bytes) as usize)
    }
}

/// The graph of a file, if it is one, whole, of this model, and made as it would be made now.
pub(super) fn decode(bytes: &[u8], model: &str, shape: Shape) -> Option<Saved> {
    let (body, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK)?)?;
    if Sha256::digest(body)[..] != *check {
        return None;
    }
    parse(body, model, shape)
}

fn parse(body: &[u8], model: &str, shape: Shape) -> Option<Saved> {
    let mut reader = Reader(body);
    if reader.array()? != MAGIC {
        return None;
    }
    let [dimensions, links, candidates, slots, upper, name] =
        std::array::from_fn(|_| reader.number().unwrap_or_default());
    let found = Shape { links, candidates, seed: u64::from_le_bytes(reader.array()?) };
    // The commit is for who asks how far the file is: what has changed since, digests say.
    let _seen: [u8; 8] = reader.array()?;
    let entry = reader.number()? as u32;
    if found != shape || reader.take(name)? != model.as_bytes() {
        return None;
    }
    let need = slots.checked_mul(25 + 8 * links)?.checked_add(upper.checked_mul(4)?)?;
    if reader.0.len() != need || slots >= 1 << 31 {
        return None;
    }
    let mut graph = Graph::new(shape);
    graph.resize(slots);
    let mut whose = Vec::with_capacity(slots);
    for slot in 0..slots as u32 {
        let id = Id::from_u128(u128::from_le_bytes(reader.array()?));
        whose.push((id, u64::from_le_bytes(reader.array()?)));
        match reader.array::<1>()? {
            [NO_LEVEL] => {}
            [level] if level <= HIGHEST => {
                graph.place_at(slot, level);
                graph.set_member(slot, true);
            }
            _ => return None,
        }
    }
    if graph.upper.len() != upper {
        return None;
    }
    read_links(&mut reader, &graph, slots as u32)?;
    if entry != NONE {
        let level = *graph.levels.get(entry as usize).filter(|level| **level != NO_LEVEL)?;
        graph.set_entry(Some(Entry { slot: entry, level }));
    } else {
        graph.enter_alive(&super::Bits::default());
    }
    Some(Saved { dimensions, graph, slots: whose })
}

/// Reads all lists. On a level are only links to what stands on it.
fn read_links(reader: &mut Reader<'_>, graph: &Graph, slots: u32) -> Option<()> {
    let mut list = |slot: u32, level: u8, list: &[AtomicU32]| {
        for link in list {
            let to = u32::from_le_bytes(reader.array()?);
            let is_right = |level_of: &u8| *level_of != NO_LEVEL && *level_of >= level && to != slot;
            if to != NONE && !graph.levels.get(to as usize).is_some_and(is_right) {
                return None;
            }
            link.store(to, Ordering::Relaxed);
        }
        Some(())
    };
    for slot in 0..slots {
        list(slot, 0, graph.list(slot, 0))?;
    }
    for slot in (0..slots).filter(|slot| graph.has_place(*slot)) {
        for level in 1..=graph.levels[slot as usize] {
            list(slot, level, graph.list(slot, level))?;
        }
    }
    Some(())
}

/// Slots for what is going to be put, at the places that the graph has for it.
pub(super) fn rows_of(saved: &Saved) -> Rows {
    let mut rows = Rows::new(saved.dimensions);
    rows.reserve(saved.slots.len());
    for _ in &saved.slots {
        rows.grow();
    }
    rows
}
