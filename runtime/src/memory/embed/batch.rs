//! Texts in portions that a model takes at once.

use super::Config;
use crate::memory::Error;

/// How much a model is asked for at once. A text is never divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// The most texts.
    pub texts: usize,
    /// The most bytes of all texts; and of one, so that longer ones are refused.
    pub bytes: usize,
    /// The most tokens of all texts; and of one, so that longer ones are refused.
    pub tokens: usize,
}

impl Default for Batching {
    fn default() -> Self {
        Self { texts: 96, bytes: 512 << 10, tokens: 100_000 }
    }
}

/// Whether any text can be asked for.
pub(super) fn check(config: &Config) -> Result<(), Error> {
    if config.batching.texts == 0 {
        return Err(Error::invalid("batching", "no text is asked for at once, so that none is"));
    }
    Ok(())
}

/// Whether this text can be asked for.
pub(super) fn check_text(text: &str, config: &Config) -> Result<(), Error> {
    let Batching { bytes, tokens, .. } = config.batching;
    if text.is_empty() {
        return Err(Error::invalid("text", "there is nothing in it that a vector could be of"));
    }
    if text.len() > bytes {
        return Err(Error::limit("text", text.len(), bytes));
    }
    match config.counter.text(text) {
        found if found > tokens => Err(Error::limit("tokens of the text", found, tokens)),
        _ => Ok(()),
    }
}

/// As much of the beginning of a text as can be asked for.
pub(super) fn beginning<'a>(text: &'a str, config: &Config) -> &'a str {
    let Batching { bytes, tokens, .. } = config.batching;
    let cut = |text: &'a str, bytes: usize| {
        let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
        text.get(..end.unwrap_or_default()).unwrap_or_default()
    };
    let mut text = cut(text, bytes);
    loop {
        let found = config.counter.text(text);
        if found <= tokens || text.is_empty() {
            return text;
        }
        // In proportion, and less each time.
        text = cut(text, (text.len() * tokens / found).min(text.len() - 1));
    }
}

/// Items in their order, in as few runs as keep to the limits when filled one after the other.
pub(super) fn split<'a, T>(items: &'a [T], config: &Config, text: impl Fn(&T) -> &str) -> Vec<&'a [T]> {
    let (mut runs, mut begin, mut bytes, mut tokens) = (Vec::new(), 0, 0, 0);
    for (at, item) in items.iter().enumerate() {
        let text = text(item);
        let (more_bytes, more_tokens) = (text.len(), config.counter.text(text));
        let is_full = at - begin == config.batching.texts
            || bytes + more_bytes > config.batching.bytes
            || tokens + more_tokens > config.batching.tokens;
        if is_full && at > begin {
            runs.push(&items[begin..at]);
            (begin, bytes, tokens) = (at, 0, 0);
        }
        (bytes, tokens) = (bytes + more_bytes, tokens + more_tokens);
    }
    if begin < items.len() {
        runs.push(&items[begin..]);
    }
    runs
}
