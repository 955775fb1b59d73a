//! The form of an index: a header, records of fixed size, and the texts they point into. Little-endian throughout.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `TWINDEX` and the version |
//! | 8 | length of the whole |
//! | 16 | checksum of all that follows |
//! | 16 | whose it is: configuration and compiler |
//! | 8 | when the run began that wrote it, nanoseconds |
//! | 4 + 4 + 4 + 4 | how many files, units, dialects; bytes of text |
//! | … | the records, then the texts |
//!
//! Everything read is checked to be in bounds; a wrong index gives `None`, never a wrong answer that is believed.

use super::stamp::Stamp;
use crate::fingerprint::{self, Fingerprint};

/// Raised when the form changes.
pub(super) const VERSION: u8 = 1;

const HEADER: usize = 72;
const CHECKED: usize = 32;
const FILE: usize = 80;
const NAMED: usize = 48;

/// What a file or folder is to the compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Role {
    /// A folder whose list of files matters.
    Folder,
    /// A provider file.
    Provider,
    /// A dialect file.
    Dialect,
    /// A template, of the base or of a provider.
    Template,
    /// A generated file.
    Output,
    /// The manifest of generated files.
    Manifest,
    /// The README with the table of providers.
    Readme,
}

const ROLES: [Role; 7] =
    [Role::Folder, Role::Provider, Role::Dialect, Role::Template, Role::Output, Role::Manifest, Role::Readme];

/// A file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileRecord<'a> {
    /// As the system is asked for it.
    pub(super) path: &'a str,
    pub(super) role: Role,
    pub(super) stamp: Stamp,
    /// Of its content; of text with LF line ends for outputs.
    pub(super) content: Fingerprint,
    /// Of what it was made of, for outputs.
    pub(super) key: Fingerprint,
}

/// A provider or a dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NamedRecord<'a> {
    pub(super) name: &'a str,
    /// Which file it was read from, in the order of the records; of no meaning for dialects.
    pub(super) file: u32,
    /// What it can do, a bit each.
    pub(super) operations: u32,
    /// Of what its wire is made of.
    pub(super) wire: Fingerprint,
    /// Of what others say of it; of all that it is made of, for dialects.
    pub(super) summary: Fingerprint,
}

/// An index in the making.
#[derive(Debug, Default)]
pub(super) struct Builder {
    files: Vec<u8>,
    units: Vec<u8>,
    dialects: Vec<u8>,
    texts: String,
}

impl Builder {
    pub(super) fn file(&mut self, record: FileRecord<'_>) {
        let text = self.text(record.path);
        let Stamp { size, modified, changed, inode } = record.stamp;
        let out = &mut self.files;
        out.extend(text);
        out.extend((record.role as u32).to_le_bytes());
        [size, modified, changed, inode].iter().for_each(|number| out.extend(number.to_le_bytes()));
        out.extend(record.content.0);
        out.extend(record.key.0);
        out.extend([0; 4]);
    }

    pub(super) fn unit(&mut self, record: NamedRecord<'_>) {
        let bytes = self.named(record);
        self.units.extend(bytes);
    }

    pub(super) fn dialect(&mut self, record: NamedRecord<'_>) {
        let bytes = self.named(record);
        self.dialects.extend(bytes);
    }

    fn named(&mut self, record: NamedRecord<'_>) -> Vec<u8> {
        let mut out = self.text(record.name).to_vec();
        out.extend(record.file.to_le_bytes());
        out.extend(record.operations.to_le_bytes());
        out.extend(record.wire.0);
        out.extend(record.summary.0);
        out
    }

    fn text(&mut self, text: &str) -> [u8; 8] {
        let at = self.texts.len() as u64 | (text.len() as u64) << 40;
        self.texts.push_str(text);
        at.to_le_bytes()
    }

    /// The bytes of the index. `None` if there is more of something than can be counted.
    pub(super) fn finish(self, key: Fingerprint, time: u64) -> Option<Vec<u8>> {
        let counts = [self.files.len() / FILE, self.units.len() / NAMED, self.dialects.len() / NAMED];
        let mut out = vec![0; HEADER];
        out.extend(&self.files);
        out.extend(&self.units);
        out.extend(&self.dialects);
        out.extend(self.texts.as_bytes());
        let length = out.len() as u64;
        put(&mut out, 0, b"TWINDEX");
        put(&mut out, 7, &[VERSION]);
        put(&mut out, 8, &length.to_le_bytes());
        put(&mut out, 32, &key.0);
        put(&mut out, 48, &time.to_le_bytes());
        for (at, count) in counts.into_iter().chain([self.texts.len()]).enumerate() {
            put(&mut out, 56 + 4 * at, &u32::try_from(count).ok()?.to_le_bytes());
        }
        let sum = fingerprint::of_bytes(out.get(CHECKED..)?);
        put(&mut out, 16, &sum.0);
        Some(out)
    }
}

fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = out.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

/// An index as it is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    bytes: &'a [u8],
    files: &'a [u8],
    units: &'a [u8],
    dialects: &'a [u8],
    texts: &'a [u8],
}

impl<'a> View<'a> {
    /// An index whose every byte was checked. `None` if it is damaged or of another version.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let view = Self::of_checked(bytes)?;
        (fingerprint::of_bytes(bytes.get(CHECKED..)?) == fingerprint_at(bytes, 16)?).then_some(view)
    }

    /// An index whose checksum was found right before.
    pub(super) fn of_checked(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.get(..HEADER)?;
        if !header.starts_with(b"TWINDEX") || header[7] != VERSION || number(header, 8)? != bytes.len() as u64
        {
            return None;
        }
        let count = |at: usize| Some(u32_at(header, 56 + 4 * at)? as usize);
        let (files, rest) = bytes.get(HEADER..)?.split_at_checked(count(0)?.checked_mul(FILE)?)?;
        let (units, rest) = rest.split_at_checked(count(1)?.checked_mul(NAMED)?)?;
        let (dialects, texts) = rest.split_at_checked(count(2)?.checked_mul(NAMED)?)?;
        (texts.len() == count(3)?).then_some(Self { bytes, files, units, dialects, texts })
    }

    pub(super) fn key(&self) -> Fingerprint {
        fingerprint_at(self.bytes, 32).unwrap_or_default()
    }

    /// When the run began that wrote it.
    pub(super) fn time(&self) -> u64 {
        number(self.bytes, 48).unwrap_or(0)
    }

    /// Every file and folder; `None` in place of one that cannot be read.
    pub(super) fn files(self) -> impl Iterator<Item = Option<FileRecord<'a>>> {
        self.files.chunks_exact(FILE).map(move |record| self.file(record))
    }

    pub(super) fn units(self) -> impl Iterator<Item = Option<NamedRecord<'a>>> {
        self.units.chunks_exact(NAMED).map(move |record| self.named(record))
    }

    pub(super) fn dialects(self) -> impl Iterator<Item = Option<NamedRecord<'a>>> {
        self.dialects.chunks_exact(NAMED).map(move |record| self.named(record))
    }

    fn file(self, record: &[u8]) -> Option<FileRecord<'a>> {
        Some(FileRecord {
            path: self.text(record)?,
            role: *ROLES.get(u32_at(record, 8)? as usize)?,
            stamp: Stamp {
                size: number(record, 12)?,
                modified: number(record, 20)?,
                changed: number(record, 28)?,
                inode: number(record, 36)?,
            },
            content: fingerprint_at(record, 44)?,
            key: fingerprint_at(record, 60)?,
        })
    }

    fn named(self, record: &[u8]) -> Option<NamedRecord<'a>> {
        Some(NamedRecord {
            name: self.text(record)?,
            file: u32_at(record, 8)?,
            operations: u32_at(record, 12)?,
            wire: fingerprint_at(record, 16)?,
            summary: fingerprint_at(record, 32)?,
        })
    }

    fn text(self, record: &[u8]) -> Option<&'a str> {
        let place = number(record, 0)?;
        let (at, length) = ((place & ((1 << 40) - 1)) as usize, (place >> 40) as usize);
        std::str::from_utf8(self.texts.get(at..at.checked_add(length)?)?).ok()
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn fingerprint_at(bytes: &[u8], at: usize) -> Option<Fingerprint> {
    Some(Fingerprint(bytes.get(at..at + 16)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut builder = Builder::default();
        let content = fingerprint::of_bytes(b"x");
        let stamp = Stamp { size: 1, modified: 2, changed: 3, inode: 4 };
        builder.file(FileRecord { path: "a/ü.yaml", role: Role::Provider, stamp, content, key: content });
        builder.file(FileRecord { path: "out", role: Role::Readme, stamp, content, key: content });
        let unit = NamedRecord { name: "acme", file: 0, operations: 5, wire: content, summary: content };
        builder.unit(unit);
        builder.dialect(NamedRecord { name: "chat", ..unit });
        builder.finish(Fingerprint([7; 16]), 9).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = sample();
        let view = View::new(&bytes).unwrap();
        assert_eq!((view.key(), view.time()), (Fingerprint([7; 16]), 9));
        let files: Vec<FileRecord<'_>> = view.files().map(Option::unwrap).collect();
        assert_eq!((files[0].path, files[0].role, files[0].stamp.inode), ("a/ü.yaml", Role::Provider, 4));
        assert_eq!((files[1].path, files[1].role), ("out", Role::Readme));
        assert_eq!(view.units().map(|unit| unit.unwrap().name).collect::<Vec<_>>(), ["acme"]);
        assert_eq!(view.dialects().map(|unit| unit.unwrap().operations).collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn any_damage_is_seen() {
        let bytes = sample();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(View::new(&damaged).is_none(), "byte {at}");
            assert!(View::new(&bytes[..at]).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn nothing_is_read_out_of_bounds_even_behind_a_right_checksum() {
        let bytes = sample();
        for at in CHECKED..bytes.len() {
            let mut forged = bytes.clone();
            forged[at] = 0xff;
            let sum = fingerprint::of_bytes(&forged[CHECKED..]);
            forged[16..32].copy_from_slice(&sum.0);
            if let Some(view) = View::new(&forged) {
                assert!(view.files().count() < 4 && view.units().count() < 4 && view.dialects().count() < 4);
            }
        }
    }
}
