//! Text to tokens and back, from `tokenizer.json` or from the vocabulary inside a GGUF file.
//!
//! [`Tokenizer`] encodes; control tokens are read as such only where the caller says so ([`Specials`]), so that text of
//! a person cannot end its own turn. [`Detokenizer`] gives text back token by token. Chat templates are `template`'s
//! business, the meaning of generated text `parse`'s.

mod charsmap;
pub mod config;
mod detokenize;
mod error;
mod gguf;
mod json;
mod library;
mod pre;
mod scored;
mod special;
mod spelling;

use std::path::Path;
use std::sync::Arc;

pub use config::{Ids, TokenizerConfig};
pub use detokenize::{Control, Detokenizer, Rest};
pub use error::TokenizerError;
pub use gguf::{GgufVocabulary, TokenType};
pub use spelling::{Kind, Spelling};

use library::Library;
use scored::Scored;

/// The longest text that is encoded in one call.
pub const MAX_TEXT: usize = 64 << 20;
/// The largest `tokenizer.json`.
const MAX_FILE: usize = 512 << 20;

/// Whether control tokens that are spelt out in a text are read as control tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Specials {
    /// Yes: the text comes from a chat template.
    Parse,
    /// No: they are text like any other, since a person wrote it.
    AsText,
}

/// The tokens of two texts in one sequence, as rerankers take them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pair {
    /// The tokens.
    pub ids: Vec<u32>,
    /// Which of the two texts each token belongs to.
    pub types: Vec<u32>,
}

/// A vocabulary and the rules by which text is cut into it.
#[derive(Debug)]
pub struct Tokenizer {
    model: Model,
    spelling: Arc<Spelling>,
    ids: Ids,
}

#[derive(Debug)]
enum Model {
    Library(Box<Library>),
    Scored(Scored),
}

impl Tokenizer {
    /// A tokenizer from the bytes of a `tokenizer.json`.
    pub fn from_json(bytes: &[u8]) -> Result<Self, TokenizerError> {
        within("tokenizer.json", bytes.len(), MAX_FILE)?;
        json::read(bytes)
    }

    /// A tokenizer from a `tokenizer.json` and, where it stands beside it, `tokenizer_config.json`.
    pub fn from_file(path: &Path) -> Result<Self, TokenizerError> {
        let tokenizer = Self::from_json(&read(path)?)?;
        let beside = path.with_file_name("tokenizer_config.json");
        if !beside.exists() {
            return Ok(tokenizer);
        }
        Ok(tokenizer.with_config(&TokenizerConfig::from_json(&read(&beside)?)?))
    }

    /// A tokenizer from the vocabulary of a GGUF file.
    pub fn from_gguf(vocabulary: &GgufVocabulary<'_>) -> Result<Self, TokenizerError> {
        gguf::build(vocabulary)
    }

    /// Takes the named tokens (beginning, end …) from `tokenizer_config.json`.
    pub fn with_config(mut self, config: &TokenizerConfig) -> Self {
        self.ids = config.ids(|token| self.id_of(token));
        self
    }

    /// The tokens of `text`, and no others.
    pub fn encode(&self, text: &str, specials: Specials) -> Result<Vec<u32>, TokenizerError> {
        within("a text", text.len(), MAX_TEXT)?;
        match &self.model {
            Model::Library(library) => library.ids(&self.spelling, text, specials),
            Model::Scored(scored) => Ok(scored.encode(text, specials)),
        }
    }

    /// The tokens of `text` between those that the model wants at its ends, as for text that no template frames.
    pub fn encode_framed(&self, text: &str, specials: Specials) -> Result<Vec<u32>, TokenizerError> {
        within("a text", text.len(), MAX_TEXT)?;
        match &self.model {
            Model::Library(library) if library.frames() => {
                Ok(library.framed(&self.spelling, text, None, specials)?.ids)
            }
            _ => Ok(self.between_ends(self.encode(text, specials)?)),
        }
    }

    /// The tokens of two texts in one sequence, framed as the model wants a pair.
    pub fn encode_pair(&self, first: &str, second: &str, specials: Specials) -> Result<Pair, TokenizerError> {
        within("a text", first.len().max(second.len()), MAX_TEXT)?;
        match &self.model {
            Model::Library(library) if library.frames() => {
                library.framed(&self.spelling, first, Some(second), specials)
            }
            _ => Ok(self.joined(self.encode(first, specials)?, &self.encode(second, specials)?)),
        }
    }

    /// The text of `ids`, with its control tokens or without.
    pub fn decode(&self, ids: &[u32], control: Control) -> String {
        let mut detokenizer = self.detokenizer(control);
        let mut text = String::new();
        ids.iter().for_each(|id| text.push_str(detokenizer.push(*id)));
        text + detokenizer.finish().text
    }

    /// Starts to turn tokens into text one after the other.
    pub fn detokenizer(&self, control: Control) -> Detokenizer {
        Detokenizer::new(Arc::clone(&self.spelling), control)
    }

    /// What each token stands for.
    pub fn spelling(&self) -> &Arc<Spelling> {
        &self.spelling
    }

    /// The tokens with a part to play: beginning, end, padding …
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// The same, to add what other files of the model say.
    pub fn ids_mut(&mut self) -> &mut Ids {
        &mut self.ids
    }

    /// The id of the token of exactly this name, such as `<s>`.
    pub fn id_of(&self, token: &str) -> Option<u32> {
        match &self.model {
            Model::Library(library) => library.id_of(token),
            Model::Scored(scored) => scored.id_of(token),
        }
    }

    /// A control token whose name stands in `text`. A prompt is one text, in which what a person wrote can no longer be
    /// told from what the template wrote: who builds it asks this of each text first.
    pub fn control_in(&self, text: &str) -> Option<u32> {
        let count = u32::try_from(self.spelling.len()).unwrap_or(u32::MAX);
        (0..count).find(|id| {
            let name = std::str::from_utf8(self.spelling.bytes(*id)).unwrap_or_default();
            self.spelling.kind(*id) == Kind::Control && !name.is_empty() && text.contains(name)
        })
    }

    fn between_ends(&self, mut ids: Vec<u32>) -> Vec<u32> {
        if let (true, Some(bos)) = (self.ids.add_bos, self.ids.bos) {
            ids.insert(0, bos);
        }
        let last = if self.ids.add_eos { self.ids.eos } else { None };
        ids.extend(last.or(if self.ids.add_sep { self.ids.sep } else { None }));
        ids
    }

    /// Beginning, first, separator or end, second, separator or end.
    fn joined(&self, first: Vec<u32>, second: &[u32]) -> Pair {
        let mut ids = self.between_ends(first);
        let head = ids.len();
        ids.extend_from_slice(second);
        if self.ids.add_sep || self.ids.add_eos {
            ids.extend(self.ids.sep.or(self.ids.eos));
        }
        let types = (0..ids.len()).map(|at| u32::from(at >= head)).collect();
        Pair { ids, types }
    }
}

fn within(what: &'static str, len: usize, limit: usize) -> Result<(), TokenizerError> {
    if len > limit {
        return Err(TokenizerError::TooLong { what, len, limit });
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, TokenizerError> {
    let failed = |source| TokenizerError::Read { path: path.to_owned(), source };
    let len = std::fs::metadata(path).map_err(failed)?.len();
    within("a file of the tokenizer", usize::try_from(len).unwrap_or(usize::MAX), MAX_FILE)?;
    std::fs::read(path).map_err(failed)
}
