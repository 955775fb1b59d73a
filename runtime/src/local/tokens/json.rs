//! `tokenizer.json`: the `tokenizers` crate reads it and encodes; how tokens become text is read from its decoder here, so
//! that text can be given out token by token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokenizers::tokenizer::AddedToken;

use super::library::Library;
use super::spelling::{self, Joining, Kind, Spelling};
use super::{Ids, Model, Tokenizer, TokenizerError, charsmap, config};
use crate::wire::v1::Cursor;

/// More ids than any vocabulary has; an id beyond is a mistake, and a table up to it would be absurd.
const MAX_IDS: usize = 1 << 24;

pub(super) fn read(bytes: &[u8]) -> Result<Tokenizer, TokenizerError> {
    check(bytes)?;
    let mut inner = tokenizers::Tokenizer::from_bytes(bytes)
        .map_err(|error| TokenizerError::malformed(format!("tokenizer.json: {error}")))?;
    // How long a prompt may be is for whoever runs the model to say.
    inner.with_padding(None);
    inner.with_truncation(None).map_err(TokenizerError::encode)?;
    let spelling = std::sync::Arc::new(spell(&inner)?);
    let mut ids = Ids::default();
    let ends = config::ENDS.iter().filter_map(|token| inner.token_to_id(token));
    ids.end_with(ends.filter(|id| spelling.kind(*id) == Kind::Control));
    Ok(Tokenizer { model: Model::Library(Box::new(Library::new(inner, None))), spelling, ids })
}

/// Refuses what the library that reads the description would panic on.
fn check(bytes: &[u8]) -> Result<(), TokenizerError> {
    let broken = |error: crate::wire::v1::Corrupt| TokenizerError::malformed(error.to_string());
    let mut cursor = Cursor::new(bytes);
    cursor.object().map_err(broken)?;
    while let Some(key) = cursor.key().map_err(broken)? {
        match key {
            b"model" => check_model(&mut cursor).map_err(broken)??,
            b"normalizer" => check_maps(cursor.raw().map_err(broken)?.unwrap_or("null"))?,
            _ => cursor.skip().map_err(broken)?,
        }
    }
    Ok(())
}

/// Merges of a model with a prefix are cut at its length unchecked, which panics where the cut is inside of a character.
/// No model that generates text has one.
fn check_model(cursor: &mut Cursor<'_>) -> Result<Result<(), TokenizerError>, crate::wire::v1::Corrupt> {
    let (mut merging, mut prefixed) = (true, false);
    if !cursor.object()? {
        return Ok(Ok(()));
    }
    while let Some(key) = cursor.key()? {
        match key {
            b"type" => merging = cursor.text()?.is_none_or(|kind| kind.is("BPE")),
            b"continuing_subword_prefix" => {
                prefixed = cursor.text()?.is_some_and(|prefix| !prefix.is_empty())
            }
            _ => cursor.skip()?,
        }
    }
    let refused = merging && prefixed;
    Ok(if refused {
        Err(TokenizerError::unsupported("the setting", "continuing_subword_prefix"))
    } else {
        Ok(())
    })
}

/// Maps stand in any step of the normalizer.
fn check_maps(normalizer: &str) -> Result<(), TokenizerError> {
    let malformed = |error: &dyn std::fmt::Display| TokenizerError::malformed(error.to_string());
    let normalizer: Value = serde_json::from_str(normalizer).map_err(|error| malformed(&error))?;
    let mut open = vec![&normalizer];
    while let Some(step) = open.pop() {
        open.extend(step["normalizers"].as_array().into_iter().flatten());
        if let Some(map) = step["precompiled_charsmap"].as_str() {
            charsmap::check(&STANDARD.decode(map).map_err(|error| malformed(&error))?)?;
        }
    }
    Ok(())
}

fn spell(inner: &tokenizers::Tokenizer) -> Result<Spelling, TokenizerError> {
    let decoder = serde_json::to_value(inner.get_decoder())
        .map_err(|error| TokenizerError::malformed(error.to_string()))?;
    let rules = Rules::read(&decoder)?;
    let added = inner.get_added_tokens_decoder();
    let vocabulary = inner.get_vocab(true);
    let len = vocabulary.values().chain(added.keys()).max().map_or(0, |last| *last as usize + 1);
    if len > MAX_IDS {
        return Err(TokenizerError::malformed(format!("the token id {} is out of all bounds", len - 1)));
    }
    let mut tokens: Vec<Option<&str>> = vec![None; len];
    vocabulary.iter().for_each(|(token, id)| tokens[*id as usize] = Some(token));
    added.iter().for_each(|(id, token)| tokens[*id as usize] = Some(&token.content));
    let unknown = unknown(inner);
    let mut spelling = Spelling::new(rules.joining.clone());
    for (id, token) in (0u32..).zip(tokens) {
        let Some(token) = token else {
            spelling.push(Kind::Absent, b"")?;
            continue;
        };
        let kind = kind(token, added.get(&id), unknown.as_deref());
        let bytes = if kind == Kind::Text { rules.bytes(token) } else { token.as_bytes().to_vec() };
        spelling.push(kind, &bytes)?;
    }
    Ok(spelling)
}

fn kind(token: &str, added: Option<&AddedToken>, unknown: Option<&str>) -> Kind {
    match added {
        Some(added) if !added.special => Kind::Text,
        Some(_) if unknown == Some(token) => Kind::Unknown,
        Some(_) => Kind::Control,
        None => Kind::Text,
    }
}

/// The token for what cannot be spelt: models of words and pairs name it, those of scores number it.
fn unknown(inner: &tokenizers::Tokenizer) -> Option<String> {
    use tokenizers::ModelWrapper::{BPE, Unigram, WordLevel, WordPiece};
    match inner.get_model() {
        BPE(model) => model.get_unk_token().clone(),
        WordPiece(model) => Some(model.unk_token.clone()),
        WordLevel(model) => Some(model.unk_token.clone()),
        Unigram(_) => Some("<unk>".to_owned()),
    }
}

/// How a decoder turns tokens into text.
#[derive(Debug, Default)]
struct Rules {
    steps: Vec<Step>,
    joining: Joining,
    /// All tokens are one text from here on.
    fused: bool,
}

#[derive(Debug)]
enum Step {
    Replace { from: String, to: String },
    Fallback,
    ByteLevel,
    Strip { what: char, start: usize, stop: usize },
}

impl Rules {
    fn read(decoder: &Value) -> Result<Self, TokenizerError> {
        let mut rules = Self::default();
        if decoder.is_null() {
            rules.joining = Joining::Spaced;
            return Ok(rules);
        }
        rules.add(decoder)?;
        Ok(rules)
    }

    fn add(&mut self, decoder: &Value) -> Result<(), TokenizerError> {
        let unsupported = |name: &str| Err(TokenizerError::unsupported("the decoder", name));
        let kind = decoder["type"].as_str().unwrap_or_default();
        match kind {
            "Sequence" => {
                return decoder["decoders"].as_array().into_iter().flatten().try_for_each(|d| self.add(d));
            }
            "Fuse" => self.fused = true,
            "Strip" => return self.strip(decoder),
            _ if self.fused => return unsupported(&format!("{kind} after Fuse")),
            "ByteLevel" => self.steps.push(Step::ByteLevel),
            "ByteFallback" => self.steps.push(Step::Fallback),
            "Replace" => {
                let (Some(from), Some(to)) =
                    (decoder["pattern"]["String"].as_str(), decoder["content"].as_str())
                else {
                    return unsupported("Replace with an expression");
                };
                self.steps.push(Step::Replace { from: from.to_owned(), to: to.to_owned() });
            }
            "Metaspace" => {
                let from = decoder["replacement"].as_str().unwrap_or("▁").to_owned();
                self.steps.push(Step::Replace { from, to: " ".to_owned() });
                if decoder["prepend_scheme"] != "never" {
                    self.joining = Joining::FirstUnspaced;
                }
            }
            "WordPiece" => {
                let prefix = decoder["prefix"].as_str().unwrap_or("##").to_owned();
                self.joining = Joining::Words { prefix, cleanup: decoder["cleanup"] != Value::Bool(false) };
            }
            other => return unsupported(other),
        }
        Ok(())
    }

    fn strip(&mut self, decoder: &Value) -> Result<(), TokenizerError> {
        let count =
            |key: &str| decoder[key].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        let what = decoder["content"].as_str().and_then(|content| content.chars().next()).unwrap_or(' ');
        let (start, stop) = (count("start"), count("stop"));
        if !self.fused {
            self.steps.push(Step::Strip { what, start, stop });
        } else if stop > 0 || self.joining != Joining::Plain {
            return Err(TokenizerError::unsupported("the decoder", "Strip at the end of the text"));
        } else {
            self.joining = Joining::Strip { what, count: start };
        }
        Ok(())
    }

    fn bytes(&self, token: &str) -> Vec<u8> {
        let mut text = token.to_owned();
        for step in &self.steps {
            match step {
                Step::Replace { from, to } => text = text.replace(from, to),
                Step::Fallback => {
                    if let Some(byte) = spelling::fallback_byte(&text) {
                        return vec![byte];
                    }
                }
                Step::ByteLevel => return spelling::byte_level(&text).unwrap_or(text.into_bytes()),
                Step::Strip { what, start, stop } => text = stripped(&text, *what, *start, *stop),
            }
        }
        text.into_bytes()
    }
}

fn stripped(text: &str, what: char, start: usize, stop: usize) -> String {
    let mut text = text;
    for _ in 0..start {
        text = text.strip_prefix(what).unwrap_or(text);
    }
    for _ in 0..stop {
        text = text.strip_suffix(what).unwrap_or(text);
    }
    text.to_owned()
}
