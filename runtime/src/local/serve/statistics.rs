//! What a server has done, in numbers that only grow, but for those of the present.

use std::time::Duration;

/// What was done since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Answers that were given to their end.
    pub completed: u64,
    /// Answers that nobody wanted to hear any more.
    pub cancelled: u64,
    /// Answers that failed.
    pub failed: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Those of them that were kept from earlier conversations and not computed.
    pub reused_tokens: u64,
    /// Tokens that were picked.
    pub answer_tokens: u64,
    /// Tokens that were guessed, and those of them that were right.
    pub guessed: u64,
    /// Guesses that were right: a token each that took no step of its own.
    pub guessed_right: u64,
    /// How often an answer had to give its memory to older ones, and was computed anew later.
    pub preempted: u64,
    /// Steps of the engine.
    pub steps: u64,
    /// Time of steps in which prompts were read, beside others' next tokens or not.
    pub prefill: Duration,
    /// Time of steps in which nothing but next tokens was computed.
    pub decode: Duration,
    /// Tokens that were picked in those steps.
    pub decode_tokens: u64,
    /// Rows of prompts that were computed.
    pub prefill_rows: u64,
    /// From the request to its first token, of all answers that had one.
    pub first_token: Duration,
    /// How many answers had a first token.
    pub first_tokens: u64,
    /// Answers under way.
    pub running: usize,
    /// Answers that wait for their turn.
    pub waiting: usize,
    /// Conversations that are kept.
    pub kept: usize,
    /// Pages of keys and values that are free, and all.
    pub pages_free: usize,
    /// All pages.
    pub pages: usize,
}

impl Statistics {
    /// Tokens of answers a second, all together, while no prompt was read.
    pub fn decode_rate(&self) -> f64 {
        rate(self.decode_tokens, self.decode)
    }

    /// Tokens of prompts a second.
    pub fn prefill_rate(&self) -> f64 {
        rate(self.prefill_rows, self.prefill)
    }

    /// From a request to its first token, on average.
    pub fn mean_first_token(&self) -> Duration {
        let answers = u32::try_from(self.first_tokens).unwrap_or(u32::MAX).max(1);
        self.first_token / answers
    }
}

fn rate(tokens: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { tokens as f64 / time.as_secs_f64() }
}
