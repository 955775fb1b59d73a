//! What the tokens of a model stand for, prepared once for all answers.

use std::sync::Arc;

use llguidance::ParserFactory;
use llguidance::earley::SlicedBiasComputer;
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities, TokEnv, TokRxInfo, TokTrie};

use super::Error;

/// The most tokens, and the most bytes of one, that the prefix tree can hold.
const MOST_TOKENS: usize = 1 << 20;
const MOST_BYTES: usize = 1000;

/// A token of a vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it adds to the text; of a control token, its name. Empty: it stands for nothing and is never allowed.
    pub bytes: Vec<u8>,
    /// It is a mark of the model's, no text: it is allowed where a grammar asks for it, and never as its letters.
    pub control: bool,
}

/// The tokens of a model, as a prefix tree.
pub struct Vocabulary {
    pub(super) factory: ParserFactory,
    len: usize,
    /// Control tokens by name.
    controls: Vec<(String, u32)>,
}

impl Vocabulary {
    /// Prepares these tokens, by id, of which `ends` end an answer. Takes time in proportion to their number.
    pub fn new(tokens: &[Token], ends: &[u32]) -> Result<Self, Error> {
        check(tokens, ends)?;
        let words: Vec<Vec<u8>> = tokens.iter().map(word).collect();
        let info = TokRxInfo::new(tokens.len() as u32, ends[0]);
        let tree = TokTrie::from(&info, &words).with_eos_tokens(ends);
        let env: TokEnv = Arc::new(ApproximateTokEnv::new(tree));
        let slices = SlicedBiasComputer::json_slices();
        let mut factory = ParserFactory::new(&env, InferenceCapabilities::default(), &slices)
            .map_err(|error| Error::Vocabulary(error.to_string()))?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        Ok(Self { factory, len: tokens.len(), controls: controls(tokens) })
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none: never, as a vocabulary without tokens is refused.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The control token with the longest name that this text starts with: its id and the length of its name.
    pub(super) fn control_at_start(&self, text: &str) -> Option<(u32, usize)> {
        let starts = self.controls.iter().filter(|(name, _)| text.starts_with(name.as_str()));
        starts.max_by_key(|(name, _)| name.len()).map(|(name, token)| (*token, name.len()))
    }
}

impl std::fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vocabulary").field("len", &self.len).finish_non_exhaustive()
    }
}

/// What the prefix tree would otherwise panic over.
fn check(tokens: &[Token], ends: &[u32]) -> Result<(), Error> {
    let refuse = |reason: String| Err(Error::Vocabulary(reason));
    if tokens.len() > MOST_TOKENS {
        return refuse(format!("{} tokens, more than {MOST_TOKENS}", tokens.len()));
    }
    if ends.is_empty() {
        return refuse("no token ends an answer".to_owned());
    }
    if let Some(end) = ends.iter().find(|end| **end as usize >= tokens.len()) {
        return refuse(format!("token {end} is to end an answer, but there are {} tokens", tokens.len()));
    }
    if let Some(long) = tokens.iter().position(|token| token.bytes.len() > MOST_BYTES) {
        return refuse(format!(
            "token {long} has {} bytes, more than {MOST_BYTES}",
            tokens[long].bytes.len()
        ));
    }
    Ok(())
}

/// Control tokens start with a byte that no text has.
fn word(token: &Token) -> Vec<u8> {
    let text = &token.bytes;
    match token.control {
        true if !text.is_empty() => [&[TokTrie::SPECIAL_TOKEN_MARKER], text.as_slice()].concat(),
        _ => text.clone(),
    }
}

fn controls(tokens: &[Token]) -> Vec<(String, u32)> {
    let controls = tokens.iter().zip(0..).filter(|(token, _)| token.control && !token.bytes.is_empty());
    controls.filter_map(|(token, id)| Some((String::from_utf8(token.bytes.clone()).ok()?, id))).collect()
}
