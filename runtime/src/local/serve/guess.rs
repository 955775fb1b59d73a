//! Next tokens that are guessed, to be computed several in one step. A guess is only ever an offer: the token is picked
//! from the model's own logits, and what follows a wrong guess is forgotten, so that no answer changes.

use std::collections::HashMap;

use super::prefix::common;
use crate::local::Error;
use crate::local::decoder::Decoder;
use crate::local::engine::{Item, Logits, SequenceId};

/// How next tokens are guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guessing {
    /// The most tokens at a time.
    pub most: usize,
    /// So many last tokens have to stand earlier in the conversation; what followed them there is the guess.
    pub alike: usize,
    /// With more answers under way than this, nothing is guessed: then each row that is computed in vain costs as much as
    /// one that is wanted.
    pub streams: usize,
}

impl Default for Guessing {
    fn default() -> Self {
        Self { most: 4, alike: 3, streams: 4 }
    }
}

/// How lucky the guesses of an answer were of late.
#[derive(Debug, Clone, Copy)]
pub(super) struct Luck {
    /// Of the last guesses, how much was right: 0 to 1.
    rate: f32,
    /// Steps without a guess that are still to come.
    pause: u32,
}

impl Default for Luck {
    fn default() -> Self {
        Self { rate: 0.5, pause: 0 }
    }
}

impl Luck {
    /// Below this, guesses cost more than they save.
    const LEAST: f32 = 0.2;
    const PAUSE: u32 = 16;

    /// How many tokens are worth guessing, of `most`.
    pub(super) fn worth(&mut self, most: usize) -> usize {
        if self.pause > 0 {
            self.pause -= 1;
            return 0;
        }
        (self.rate * most as f32).ceil().max(1.0) as usize
    }

    pub(super) fn tell(&mut self, guessed: usize, right: usize) {
        if guessed == 0 {
            return;
        }
        self.rate += 0.25 * (right as f32 / guessed as f32 - self.rate);
        if self.rate < Self::LEAST {
            *self = Self { rate: 2.0 * Self::LEAST, pause: Self::PAUSE };
        }
    }
}

/// What followed the last `alike` tokens where they stood before, at most `most` of it.
pub(super) fn look_up(tokens: &[u32], alike: usize, most: usize) -> &[u32] {
    let Some(start) = tokens.len().checked_sub(alike).filter(|_| alike > 0) else { return &[] };
    let (before, end) = (&tokens[..tokens.len() - 1], &tokens[start..]);
    let Some(at) = before.windows(alike).rposition(|window| window == end) else { return &[] };
    let follows = &tokens[at + alike..];
    &follows[..most.min(follows.len())]
}

/// A smaller model that guesses, and what it has read of each answer.
pub(super) struct Draft {
    engine: Decoder,
    read: HashMap<u64, Read>,
}

struct Read {
    sequence: SequenceId,
    tokens: Vec<u32>,
}

impl Draft {
    pub(super) fn new(engine: Decoder) -> Self {
        Self { engine, read: HashMap::new() }
    }

    /// What this model would say next. Nothing, when it has not the room for so long a conversation.
    pub(super) fn guess(&mut self, answer: u64, tokens: &[u32], most: usize) -> Vec<u32> {
        if tokens.len() + most > self.engine.context() {
            self.forget(answer);
            return Vec::new();
        }
        self.say(answer, tokens, most).unwrap_or_else(|_| {
            // Its cache is full: all begin again.
            let answers: Vec<u64> = self.read.keys().copied().collect();
            answers.into_iter().for_each(|answer| self.forget(answer));
            Vec::new()
        })
    }

    fn say(&mut self, answer: u64, tokens: &[u32], most: usize) -> Result<Vec<u32>, Error> {
        let Self { engine, read } = self;
        let read =
            read.entry(answer).or_insert_with(|| Read { sequence: engine.create(), tokens: Vec::new() });
        // The last token is always run, for its logits.
        let known = common(&read.tokens, tokens).min(tokens.len().saturating_sub(1));
        engine.truncate(read.sequence, known)?;
        read.tokens.truncate(known);
        let mut next = tokens[known..].to_vec();
        let mut said = Vec::with_capacity(most);
        while said.len() < most {
            let item = Item { sequence: read.sequence, tokens: &next, want: Logits::Last };
            let rows = engine.step(&[item])?;
            let Some(token) = rows.get(0).and_then(likeliest) else { break };
            read.tokens.append(&mut next);
            next.push(token);
            said.push(token);
        }
        Ok(said)
    }

    /// The answer is over.
    pub(super) fn forget(&mut self, answer: u64) {
        if let Some(read) = self.read.remove(&answer) {
            self.engine.remove(read.sequence);
        }
    }
}

fn likeliest(logits: &[f32]) -> Option<u32> {
    let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    u32::try_from(best.0).ok()
}

#[cfg(test)]
mod tests {
    use super::{Luck, look_up};

    #[test]
    fn what_was_said_before_is_said_again() {
        let tokens = [1, 2, 3, 4, 5, 1, 2, 3, 9, 8, 7, 1, 2, 3];
        assert_eq!(look_up(&tokens, 3, 2), [9, 8]);
        assert_eq!(look_up(&tokens, 3, 9), [9, 8, 7, 1, 2, 3]);
        assert_eq!(look_up(&tokens[..8], 3, 4), [4, 5, 1, 2]);
        assert_eq!(look_up(&[5, 5, 5, 5], 3, 4), [5]);
        for (tokens, alike) in [(&tokens[..4], 3), (&tokens[..2], 3), (&[], 1), (&tokens, 0)] {
            assert!(look_up(tokens, alike, 4).is_empty());
        }
    }

    #[test]
    fn who_guesses_badly_pauses() {
        let mut luck = Luck::default();
        assert_eq!(luck.worth(4), 2);
        (0..9).for_each(|_| luck.tell(4, 4));
        assert_eq!(luck.worth(4), 4);
        let bad = (0..20).position(|_| {
            luck.tell(4, 0);
            luck.worth(4) == 0
        });
        assert_eq!(bad, Some(5));
        assert!((0..15).all(|_| luck.worth(4) == 0));
        assert_eq!(luck.worth(4), 2);
    }
}
