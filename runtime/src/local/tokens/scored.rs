//! Vocabularies whose tokens have scores and no merges: of all neighbours, the pair is joined that makes the token of the
//! highest score, the leftmost of equals; what is no token in the end is spelt in bytes.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use super::Specials;
use super::special::{Marks, Stretch};

/// The mark that stands for a space.
const SPACE: char = '▁';

#[derive(Debug, Default)]
pub(super) struct Scored {
    /// What can be made of text: neither control tokens nor bytes.
    pub(super) pieces: HashMap<Box<str>, Piece>,
    /// The tokens of single bytes.
    pub(super) bytes: Vec<Option<u32>>,
    pub(super) marks: Marks,
    pub(super) named: HashMap<Box<str>, u32>,
    pub(super) unknown: Option<u32>,
    /// Whether a space is put before the text, and before what follows a token found in it.
    pub(super) space_first: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) id: u32,
    pub(super) score: f32,
    /// Only a step towards others: taken apart again if it is left over.
    pub(super) unused: bool,
}

impl Scored {
    pub(super) fn id_of(&self, token: &str) -> Option<u32> {
        self.named.get(token).copied()
    }

    pub(super) fn encode(&self, text: &str, specials: Specials) -> Vec<u32> {
        let mut ids = Vec::new();
        for stretch in self.marks.split(text, specials) {
            match stretch {
                Stretch::Token(id) => ids.push(id),
                Stretch::Text(text) => self.stretch(text, &mut ids),
            }
        }
        ids
    }

    fn stretch(&self, text: &str, ids: &mut Vec<u32>) {
        let mut spelt = String::with_capacity(text.len() + 3);
        spelt.extend(self.space_first.then_some(SPACE));
        spelt.extend(text.chars().map(|c| if c == ' ' { SPACE } else { c }));
        let mut merging = Merging::new(self, &spelt);
        merging.run();
        merging.symbols.iter().filter(|symbol| symbol.len > 0).for_each(|symbol| {
            self.emit(&spelt[symbol.start..symbol.start + symbol.len], &merging.made, ids);
        });
    }

    fn emit(&self, text: &str, made: &HashMap<&str, usize>, ids: &mut Vec<u32>) {
        let piece = self.pieces.get(text);
        if let Some(piece) = piece.filter(|piece| !piece.unused) {
            return ids.push(piece.id);
        }
        // Parts of an unused token are shorter than it, so this ends.
        if let Some(cut) = made.get(text) {
            self.emit(&text[..*cut], made, ids);
            return self.emit(&text[*cut..], made, ids);
        }
        let bytes: Option<Vec<u32>> =
            text.bytes().map(|byte| self.bytes.get(usize::from(byte)).copied().flatten()).collect();
        match (bytes, self.unknown) {
            (Some(bytes), _) => ids.extend(bytes),
            // Characters in a row that cannot be spelt are one unknown.
            (None, Some(unknown)) if ids.last() != Some(&unknown) => ids.push(unknown),
            (None, _) => {}
        }
    }
}

/// A stretch of text that may become a token. Joined to its left neighbour, it has no length.
#[derive(Debug, Clone, Copy)]
struct Symbol {
    start: usize,
    len: usize,
    before: usize,
    after: usize,
}

const NONE: usize = usize::MAX;

/// Two neighbours that make a token.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    score: f32,
    left: usize,
    right: usize,
    len: usize,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.left.cmp(&self.left))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

struct Merging<'a> {
    scored: &'a Scored,
    text: &'a str,
    symbols: Vec<Symbol>,
    heap: BinaryHeap<Candidate>,
    /// Where an unused token was put together.
    made: HashMap<&'a str, usize>,
}

impl<'a> Merging<'a> {
    fn new(scored: &'a Scored, text: &'a str) -> Self {
        let count = text.chars().count();
        let symbol = |(at, (start, c)): (usize, (usize, char))| Symbol {
            start,
            len: c.len_utf8(),
            before: at.checked_sub(1).unwrap_or(NONE),
            after: if at + 1 < count { at + 1 } else { NONE },
        };
        let symbols = text.char_indices().enumerate().map(symbol).collect();
        Self { scored, text, symbols, heap: BinaryHeap::new(), made: HashMap::new() }
    }

    fn run(&mut self) {
        for right in 1..self.symbols.len() {
            self.consider(right - 1, right);
        }
        while let Some(candidate) = self.heap.pop() {
            let (left, right) = (self.symbols[candidate.left], self.symbols[candidate.right]);
            // One of the two went into another token meanwhile.
            if left.len == 0 || right.len == 0 || left.len + right.len != candidate.len {
                continue;
            }
            self.symbols[candidate.left].len += right.len;
            self.symbols[candidate.left].after = right.after;
            self.symbols[candidate.right].len = 0;
            if let Some(after) = self.symbols.get_mut(right.after) {
                after.before = candidate.left;
            }
            self.consider(left.before, candidate.left);
            self.consider(candidate.left, right.after);
        }
    }

    fn consider(&mut self, left: usize, right: usize) {
        let (Some(one), Some(two)) = (self.symbols.get(left), self.symbols.get(right)) else { return };
        let len = one.len + two.len;
        let text = &self.text[one.start..one.start + len];
        let Some(piece) = self.scored.pieces.get(text) else { return };
        if piece.unused {
            self.made.insert(text, one.len);
        }
        self.heap.push(Candidate { score: piece.score, left, right, len });
    }
}
