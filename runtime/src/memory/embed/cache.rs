//! Vectors by the digest of what they are of. What was not used longest leaves first.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Purpose;

/// The sha256 of a model, a purpose and a text.
pub(super) type Key = [u8; 32];

/// What an entry takes besides its vector, about.
const OVERHEAD: usize = 160;

/// The key of a text.
pub(super) fn key(model: &str, purpose: Purpose, text: &str) -> Key {
    let mut digest = Sha256::new();
    // With its length, so that no model and text together look like others.
    digest.update((model.len() as u64).to_le_bytes());
    digest.update(model);
    digest.update([purpose as u8]);
    digest.update(text);
    digest.finalize().into()
}

/// A bounded number of vectors.
pub(super) struct Cache {
    most_entries: usize,
    most_bytes: usize,
    bytes: usize,
    entries: BTreeMap<Key, Entry>,
    /// Which entry was used when.
    uses: BTreeMap<u64, Key>,
    clock: u64,
    /// Grows when something is forgotten, so that what was asked for before is not kept after.
    generation: u64,
}

struct Entry {
    vector: Arc<[f32]>,
    used: u64,
}

impl Cache {
    pub(super) fn new(most_entries: usize, most_bytes: usize) -> Self {
        let (entries, uses) = (BTreeMap::new(), BTreeMap::new());
        Self { most_entries, most_bytes, bytes: 0, entries, uses, clock: 0, generation: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What is there of these keys, and the generation to which more may be added.
    pub(super) fn known(&mut self, keys: &[Key]) -> (BTreeMap<Key, Arc<[f32]>>, u64) {
        let mut found = BTreeMap::new();
        for key in keys {
            if let Some(entry) = self.entries.get_mut(key) {
                self.clock += 1;
                self.uses.remove(&entry.used);
                self.uses.insert(self.clock, *key);
                entry.used = self.clock;
                found.insert(*key, Arc::clone(&entry.vector));
            }
        }
        (found, self.generation)
    }

    /// Keeps vectors, unless something was forgotten since they were asked for.
    pub(super) fn keep(&mut self, found: &[(Key, Arc<[f32]>)], generation: u64) {
        if generation != self.generation {
            return;
        }
        for (key, vector) in found {
            self.remove(key);
            self.clock += 1;
            self.bytes += size(vector);
            self.uses.insert(self.clock, *key);
            self.entries.insert(*key, Entry { vector: Arc::clone(vector), used: self.clock });
        }
        while self.entries.len() > self.most_entries || self.bytes > self.most_bytes {
            let Some((_, key)) = self.uses.pop_first() else { return };
            self.remove(&key);
        }
    }

    pub(super) fn forget(&mut self, keys: &[Key]) {
        self.generation += 1;
        keys.iter().for_each(|key| self.remove(key));
    }

    pub(super) fn clear(&mut self) {
        self.generation += 1;
        (self.entries, self.uses, self.bytes) = (BTreeMap::new(), BTreeMap::new(), 0);
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.uses.remove(&entry.used);
            self.bytes -= size(&entry.vector);
        }
    }
}

fn size(vector: &[f32]) -> usize {
    OVERHEAD + size_of_val(vector)
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} vectors, about {} bytes", self.entries.len(), self.bytes)
    }
}
