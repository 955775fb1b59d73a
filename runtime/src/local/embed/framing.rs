//! The tokens that a model wants at the ends of a text or a pair of texts, and how much of a text fits between them.

use super::Tokens;
use crate::local::Error;
use crate::local::tokens::{Specials, Tokenizer};

/// What one pass is over: the tokens of a text with its ends, and of which part each is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Framed {
    pub(super) tokens: Vec<u32>,
    /// Empty: all of the first part.
    pub(super) segments: Vec<u32>,
    /// How many there were before the text was cut.
    pub(super) whole: usize,
}

impl Framed {
    pub(super) fn of(text: &Tokens<'_>) -> Self {
        Self { tokens: text.ids.to_vec(), segments: text.parts.to_vec(), whole: text.ids.len() }
    }
}

/// Some tokens, each with its part.
type Frame = Vec<(u32, u32)>;

/// What stands around texts. Found by a look at how a text of one letter is framed: a frame does not depend on the text.
#[derive(Debug, Clone)]
pub(super) struct Framing {
    single: [Frame; 2],
    /// Around a first and a second text, and which parts those are.
    pair: Option<([Frame; 3], [u32; 2])>,
}

/// Letters of which every vocabulary has one.
const LETTERS: [&str; 4] = ["a", "e", "A", "1"];

impl Framing {
    pub(super) fn find(tokenizer: &Tokenizer) -> Result<Self, Error> {
        for letter in LETTERS {
            let text = tokenizer.encode(letter, Specials::AsText)?;
            let framed = tokenizer.encode_framed(letter, Specials::AsText)?;
            let Some(at) = place(&framed, &text, 0) else { continue };
            let framed: Frame = framed.into_iter().map(|token| (token, 0)).collect();
            let single = [framed[..at].to_vec(), framed[at + text.len()..].to_vec()];
            return Ok(Self { single, pair: pair(tokenizer, letter, &text)? });
        }
        Err(Error::input("the tokenizer frames no text"))
    }

    /// The fewest tokens that there are in any text.
    pub(super) fn ends(&self) -> usize {
        self.single.iter().map(Vec::len).sum()
    }

    /// Tokens between the ends, at most `most` in all.
    pub(super) fn one(&self, text: &[u32], most: usize) -> Framed {
        let ([before, after], kept) = (&self.single, most.saturating_sub(self.ends()).min(text.len()));
        let ends = |frame: &Frame| frame.iter().map(|(token, _)| *token).collect::<Vec<_>>();
        let tokens = [ends(before), text[..kept].to_vec(), ends(after)].concat();
        Framed { tokens, segments: Vec::new(), whole: self.ends() + text.len() }
    }

    /// Two texts in one, at most `most` tokens in all. `None`: the tokenizer has no form for pairs.
    pub(super) fn two(&self, first: &[u32], second: &[u32], most: usize) -> Option<Framed> {
        let (frames, parts) = self.pair.as_ref()?;
        let ends: usize = frames.iter().map(Vec::len).sum();
        let kept = shares([first.len(), second.len()], most.saturating_sub(ends));
        let of = |text: &[u32], kept: usize, part: u32| {
            text[..kept].iter().map(move |token| (*token, part)).collect()
        };
        let [before, between, after] = frames.clone();
        let (first_part, second_part): (Frame, Frame) =
            (of(first, kept[0], parts[0]), of(second, kept[1], parts[1]));
        let all = [before, first_part, between, second_part, after].concat();
        let (tokens, segments) = all.into_iter().unzip();
        Some(Framed { tokens, segments, whole: ends + first.len() + second.len() })
    }
}

/// Where `text` stands in `framed`, from `from` on.
fn place(framed: &[u32], text: &[u32], from: usize) -> Option<usize> {
    if text.is_empty() {
        return None;
    }
    framed[from..].windows(text.len()).position(|window| window == text).map(|at| from + at)
}

fn pair(tokenizer: &Tokenizer, letter: &str, text: &[u32]) -> Result<Option<([Frame; 3], [u32; 2])>, Error> {
    let framed = tokenizer.encode_pair(letter, letter, Specials::AsText)?;
    let Some(first) = place(&framed.ids, text, 0) else { return Ok(None) };
    let Some(second) = place(&framed.ids, text, first + text.len()) else { return Ok(None) };
    let all: Frame = framed.ids.into_iter().zip(framed.types).collect();
    let parts = [all[first].1, all[second].1];
    let frames = [&all[..first], &all[first + text.len()..second], &all[second + text.len()..]];
    Ok(Some((frames.map(<[_]>::to_vec), parts)))
}

/// How many tokens of two texts are kept of `most`: the longer is cut first, as the usual tokenizers do it.
fn shares([first, second]: [usize; 2], most: usize) -> [usize; 2] {
    if first + second <= most {
        return [first, second];
    }
    let (short, swap) = (first.min(second), first > second);
    let long = if short > most { short } else { short.max(most - short) };
    let (short, long) = if short + long > most { (most / 2, most - most / 2) } else { (short, long) };
    if swap { [long, short] } else { [short, long] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_of_two_texts_is_cut_first() {
        assert_eq!(shares([3, 4], 7), [3, 4]);
        assert_eq!(shares([3, 100], 10), [3, 7]);
        assert_eq!(shares([100, 3], 10), [7, 3]);
        assert_eq!(shares([100, 100], 11), [5, 6]);
        assert_eq!(shares([101, 100], 11), [6, 5]);
        assert_eq!(shares([5, 6], 0), [0, 0]);
    }
}
