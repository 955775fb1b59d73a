//! A disk that the power is taken from: what was synced is on it; of what was written since, any part may be, in any
//! order, and writes may be torn between sectors.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use fastrand::Rng;

use super::trace::Event;

const SECTOR: usize = 512;

/// What becomes of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// All of it is lost.
    Lost,
    /// All of it is there: the program was killed, and the system went on.
    Kept,
    /// Any of it is there, in any order, whole or torn.
    Drawn,
}

/// The files of a folder, and what is not synced yet.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    files: BTreeMap<String, Vec<u8>>,
    pending: Vec<Event>,
}

impl Disk {
    /// Something is done.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::Said(_) => {}
            Event::SyncFolder => self.settle(|event| matches!(event, Event::Create(_) | Event::Remove(_))),
            Event::Sync(name) => self.settle(|event| match event {
                Event::Write { file, .. } | Event::Cut { file, .. } => file == name,
                _ => false,
            }),
            Event::Create(name) => {
                // Where a name is used again, the removal of the old file came first, and what was written to it is gone.
                if self.pending.contains(&Event::Remove(name.clone())) {
                    self.pending.retain(|event| !is_of(event, name));
                    self.files.remove(name);
                }
                self.pending.push(event.clone());
            }
            other => self.pending.push(other.clone()),
        }
    }

    /// How much is not synced.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    fn settle(&mut self, is_synced: impl Fn(&Event) -> bool) {
        let (synced, pending) = std::mem::take(&mut self.pending).into_iter().partition(is_synced);
        self.pending = pending;
        let synced: Vec<Event> = synced;
        synced.iter().for_each(|event| apply(&mut self.files, event));
    }

    /// The files after the power came back.
    pub fn after(&self, fate: Fate, random: &mut Rng) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.files.clone();
        let mut pending: Vec<Event> = match fate {
            Fate::Lost => Vec::new(),
            Fate::Kept => self.pending.clone(),
            Fate::Drawn => self.pending.iter().filter_map(|event| drawn(event, random)).collect(),
        };
        if fate == Fate::Drawn && random.bool() {
            random.shuffle(&mut pending);
        }
        pending.iter().for_each(|event| apply(&mut files, event));
        // What was written to a file whose name never reached the disk is nowhere.
        let named = |name: &String| self.is_named(name) || pending.contains(&Event::Create(name.clone()));
        files.retain(|name, _| named(name));
        files
    }

    /// Whether the name of a file is on disk.
    fn is_named(&self, name: &str) -> bool {
        !self.pending.contains(&Event::Create(name.to_owned()))
    }
}

fn is_of(event: &Event, name: &str) -> bool {
    match event {
        Event::Write { file, .. } | Event::Cut { file, .. } | Event::Create(file) | Event::Remove(file) => {
            file == name
        }
        Event::Sync(_) | Event::SyncFolder | Event::Said(_) => false,
    }
}

/// Writes files into a folder.
///
/// # Errors
/// When that cannot be.
pub fn write(files: &BTreeMap<String, Vec<u8>>, folder: &Path) -> io::Result<()> {
    files.iter().try_for_each(|(name, bytes)| std::fs::write(folder.join(name), bytes))
}

/// What is left of one write, if anything is.
fn drawn(event: &Event, random: &mut Rng) -> Option<Event> {
    if random.bool() {
        return None;
    }
    let Event::Write { file, offset, bytes } = event else { return Some(event.clone()) };
    if random.u32(..4) > 0 {
        return Some(event.clone());
    }
    // Up to the border of a sector of the file.
    let start = *offset as usize;
    let sectors = (start + bytes.len()) / SECTOR - start / SECTOR;
    let end = ((start / SECTOR + random.usize(..=sectors)) * SECTOR).saturating_sub(start);
    Some(Event::Write { file: file.clone(), offset: *offset, bytes: bytes[..end.min(bytes.len())].to_vec() })
}

fn apply(files: &mut BTreeMap<String, Vec<u8>>, event: &Event) {
    match event {
        Event::Create(name) => drop(files.entry(name.clone()).or_default()),
        Event::Remove(name) => drop(files.remove(name)),
        Event::Cut { file, len } => files.entry(file.clone()).or_default().resize(*len as usize, 0),
        Event::Write { file, offset, bytes } => {
            let (file, offset) = (files.entry(file.clone()).or_default(), *offset as usize);
            file.resize(file.len().max(offset + bytes.len()), 0);
            file[offset..offset + bytes.len()].copy_from_slice(bytes);
        }
        Event::Sync(_) | Event::SyncFolder | Event::Said(_) => {}
    }
}
