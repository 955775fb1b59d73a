//! Conversations that are over and stay in the cache for those that begin alike.

use crate::local::decoder::Decoder;
use crate::local::engine::SequenceId;

/// A beginning that is shorter is computed anew: that costs less than to look after it.
const LEAST: usize = 8;

/// Idle sequences, the one that was used last at the end.
#[derive(Default)]
pub(super) struct Prefixes {
    kept: Vec<Kept>,
    most: usize,
}

struct Kept {
    sequence: SequenceId,
    tokens: Vec<u32>,
}

/// A sequence that begins with tokens which are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared {
    pub(super) sequence: SequenceId,
    pub(super) len: usize,
}

impl Prefixes {
    pub(super) fn new(most: usize) -> Self {
        Self { kept: Vec::new(), most }
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Keeps a sequence of these tokens, in place of those that it goes on with.
    pub(super) fn keep(&mut self, engine: &mut Decoder, sequence: SequenceId, tokens: Vec<u32>) {
        if self.most == 0 || tokens.len() < LEAST {
            engine.remove(sequence);
            return;
        }
        self.kept.retain(|kept| {
            let is_part = tokens.starts_with(&kept.tokens);
            if is_part {
                engine.remove(kept.sequence);
            }
            !is_part
        });
        if self.kept.len() == self.most {
            self.drop_oldest(engine);
        }
        self.kept.push(Kept { sequence, tokens });
    }

    /// The kept sequence that shares most of the beginning of `tokens`, which counts as used.
    pub(super) fn find(&mut self, tokens: &[u32]) -> Option<Shared> {
        let shared = self.kept.iter().map(|kept| common(&kept.tokens, tokens));
        let (at, len) = shared.enumerate().max_by_key(|(_, len)| *len)?;
        if len < LEAST {
            return None;
        }
        let kept = self.kept.remove(at);
        let sequence = kept.sequence;
        self.kept.push(kept);
        Some(Shared { sequence, len })
    }

    /// Frees what was not used for longest. Whether there was any.
    pub(super) fn drop_oldest(&mut self, engine: &mut Decoder) -> bool {
        if self.kept.is_empty() {
            return false;
        }
        engine.remove(self.kept.remove(0).sequence)
    }
}

/// How many tokens are the same from the start on.
pub(super) fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
