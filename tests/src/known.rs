//! Cases that cannot come out as expected because the recording itself is at fault. A defect of the client never
//! stands here; an entry that starts to pass is a failure, so that the list only shrinks.

/// A defect of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The case.
    pub case: &'static str,
    /// The part of a difference that the defect explains: the beginning of the line.
    pub field: &'static str,
    /// The defect, shown by EXPECTED.md or a byte offset.
    pub reason: &'static str,
}

/// Every defect that is known.
pub const KNOWN: &[Known] = &[];

/// The defects of the case `name`.
pub fn of(name: &str) -> impl Iterator<Item = &'static Known> {
    KNOWN.iter().filter(move |known| known.case == name)
}
