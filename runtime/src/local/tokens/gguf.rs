//! The vocabulary inside a GGUF file (`tokenizer.ggml.*`). Reading the file is `file`'s business; here the parts are put
//! together to a tokenizer.

use std::sync::Arc;

use tokenizers::AddedToken;
use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::models::unigram::Unigram;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::bert::BertNormalizer;
use tokenizers::normalizers::prepend::Prepend;
use tokenizers::normalizers::replace::{Replace, ReplacePattern};
use tokenizers::normalizers::{NormalizerWrapper, Precompiled, Sequence};
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;

use super::library::Library;
use super::scored::{Piece, Scored};
use super::special::Marks;
use super::spelling::{self, Joining, Kind, Spelling};
use super::{Ids, Model, Tokenizer, TokenizerError, charsmap, config, pre};
use crate::local::file::gguf::{Metadata, Value};

/// More tokens than any vocabulary has.
const MAX_TOKENS: usize = 1 << 24;
const SPACE: char = '▁';

/// What kind of token the file says that it is (`tokenizer.ggml.token_type`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TokenType {
    /// Text.
    #[default]
    Normal,
    /// Stands for what cannot be spelt.
    Unknown,
    /// A mark for the model.
    Control,
    /// Text that is always found as it stands.
    UserDefined,
    /// Never made.
    Unused,
    /// A single byte.
    Byte,
}

impl TokenType {
    /// The type of this number; a number that means nothing is text.
    pub fn from_number(number: i64) -> Self {
        match number {
            2 => Self::Unknown,
            3 => Self::Control,
            4 => Self::UserDefined,
            5 => Self::Unused,
            6 => Self::Byte,
            _ => Self::Normal,
        }
    }
}

/// The entries of a GGUF file that make up its vocabulary, each named as in the file. Lists that the file lacks are empty.
#[derive(Debug, Clone, Default)]
pub struct GgufVocabulary<'a> {
    /// `tokenizer.ggml.model`.
    pub model: &'a str,
    /// `tokenizer.ggml.pre`.
    pub pre: Option<&'a str>,
    /// `tokenizer.ggml.tokens`.
    pub tokens: Vec<&'a [u8]>,
    /// `tokenizer.ggml.scores`.
    pub scores: Vec<f32>,
    /// `tokenizer.ggml.token_type`.
    pub types: Vec<TokenType>,
    /// `tokenizer.ggml.merges`.
    pub merges: Vec<&'a [u8]>,
    /// `tokenizer.ggml.precompiled_charsmap`.
    pub precompiled_charsmap: Option<Vec<u8>>,
    /// `tokenizer.ggml.bos_token_id`.
    pub bos: Option<u32>,
    /// `tokenizer.ggml.cls_token_id`, in files that do not call it `bos`.
    pub begin: Option<u32>,
    /// `tokenizer.ggml.eos_token_id`.
    pub eos: Option<u32>,
    /// `tokenizer.ggml.eot_token_id`.
    pub eot: Option<u32>,
    /// `tokenizer.ggml.eom_token_id`.
    pub eom: Option<u32>,
    /// `tokenizer.ggml.unknown_token_id`.
    pub unknown: Option<u32>,
    /// `tokenizer.ggml.seperator_token_id` (so spelt).
    pub separator: Option<u32>,
    /// `tokenizer.ggml.padding_token_id`.
    pub padding: Option<u32>,
    /// `tokenizer.ggml.mask_token_id`.
    pub mask: Option<u32>,
    /// `tokenizer.ggml.add_bos_token`.
    pub add_bos: Option<bool>,
    /// `tokenizer.ggml.add_eos_token`.
    pub add_eos: Option<bool>,
    /// `tokenizer.ggml.add_sep_token`.
    pub add_sep: Option<bool>,
    /// `tokenizer.ggml.add_space_prefix`.
    pub add_space_prefix: Option<bool>,
    /// `tokenizer.ggml.remove_extra_whitespaces`.
    pub remove_extra_whitespaces: Option<bool>,
}

impl<'a> GgufVocabulary<'a> {
    /// The vocabulary among the metadata of a GGUF file.
    pub fn read(metadata: Metadata<'a>) -> Self {
        let get = |key: &str| metadata.get(&format!("tokenizer.ggml.{key}"));
        let text = |key: &str| get(key).and_then(|value| value.as_str());
        let id = |key: &str| get(key).and_then(|value| u32::try_from(value.as_u64()?).ok());
        let flag = |key: &str| get(key).and_then(|value| value.as_bool());
        let strings =
            |key: &str| get(key).and_then(|value| value.as_array()).map(|all| all.strings().collect());
        let byte = |value: Value<'_>| value.as_i64().and_then(|number| u8::try_from(number & 0xFF).ok());
        let numbers = |key: &str| get(key).and_then(|value| value.as_array()).into_iter().flatten();
        Self {
            model: text("model").unwrap_or_default(),
            pre: text("pre"),
            tokens: strings("tokens").unwrap_or_default(),
            scores: numbers("scores").filter_map(|score| score.as_f64().map(|score| score as f32)).collect(),
            types: numbers("token_type")
                .filter_map(|kind| kind.as_i64().map(TokenType::from_number))
                .collect(),
            merges: strings("merges").unwrap_or_default(),
            precompiled_charsmap: Some(numbers("precompiled_charsmap").filter_map(byte).collect())
                .filter(|map: &Vec<u8>| !map.is_empty()),
            bos: id("bos_token_id"),
            begin: id("cls_token_id"),
            eos: id("eos_token_id"),
            eot: id("eot_token_id"),
            eom: id("eom_token_id"),
            unknown: id("unknown_token_id"),
            separator: id("seperator_token_id"),
            padding: id("padding_token_id"),
            mask: id("mask_token_id"),
            add_bos: flag("add_bos_token"),
            add_eos: flag("add_eos_token"),
            add_sep: flag("add_sep_token"),
            add_space_prefix: flag("add_space_prefix"),
            remove_extra_whitespaces: flag("remove_extra_whitespaces"),
        }
    }
}

/// A token as text, with its type.
type Entry<'a> = (&'a str, TokenType);

pub(super) fn build(vocabulary: &GgufVocabulary<'_>) -> Result<Tokenizer, TokenizerError> {
    let entries = entries(vocabulary)?;
    let kind = pre::kind(vocabulary.model)
        .ok_or_else(|| TokenizerError::unsupported("the vocabulary", vocabulary.model))?;
    let (model, spelling) = match kind {
        "byte-level" => byte_level(vocabulary, &entries)?,
        "scored" => scored(vocabulary, &entries)?,
        "words" => words(vocabulary, &entries)?,
        "unigram" => unigram(vocabulary, &entries)?,
        "merged" => merged(vocabulary, &entries)?,
        other => return Err(TokenizerError::unsupported("the vocabulary", other)),
    };
    Ok(Tokenizer { model, spelling: Arc::new(spelling), ids: ids(vocabulary, kind, &entries)? })
}

/// The tokens as text. Lists beside them are as long or absent, and the ids that have a part to play exist.
fn entries<'a>(vocabulary: &GgufVocabulary<'a>) -> Result<Vec<Entry<'a>>, TokenizerError> {
    let count = vocabulary.tokens.len();
    if count == 0 || count > MAX_TOKENS {
        return Err(TokenizerError::malformed(format!("a vocabulary of {count} tokens")));
    }
    for (name, len) in [("token_type", vocabulary.types.len()), ("scores", vocabulary.scores.len())] {
        if len != 0 && len != count {
            return Err(TokenizerError::malformed(format!("{len} entries of {name} for {count} tokens")));
        }
    }
    let text = |(at, bytes): (usize, &&'a [u8])| {
        let token = std::str::from_utf8(bytes)
            .map_err(|_| TokenizerError::malformed(format!("token {at} is not UTF-8")))?;
        let kind = vocabulary.types.get(at).copied().unwrap_or_default();
        // Files differ in what they call it; what it is for is told by its id.
        let is = |id: Option<u32>| id.is_some_and(|id| id as usize == at);
        let marks = [vocabulary.bos, vocabulary.eos, vocabulary.eot, vocabulary.eom];
        let kind = if marks.into_iter().any(is) { TokenType::Control } else { kind };
        let unknown = kind == TokenType::Control && is(vocabulary.unknown);
        Ok((token, if unknown && !marks.into_iter().any(is) { TokenType::Unknown } else { kind }))
    };
    vocabulary.tokens.iter().enumerate().map(text).collect()
}

/// Pairs of characters that stand for bytes, merged in the order of a list.
fn byte_level(
    vocabulary: &GgufVocabulary<'_>,
    entries: &[Entry<'_>],
) -> Result<(Model, Spelling), TokenizerError> {
    let cut = pre::cut(vocabulary.pre)?;
    let merges = vocabulary.merges.iter().enumerate().map(|(at, merge)| pair(at, merge));
    let tokens = by_token(entries.iter().map(|(token, _)| (*token).to_owned()));
    let model = BPE::builder()
        .vocab_and_merges(tokens, merges.collect::<Result<Vec<_>, _>>()?)
        .ignore_merges(cut.whole)
        .build()
        .map_err(|error| TokenizerError::malformed(error.to_string()))?;
    let mut inner = tokenizers::Tokenizer::new(model);
    inner.with_pre_tokenizer(Some(cut.steps()?));
    let spelling = spell(entries, Joining::Plain, |token| {
        spelling::byte_level(token).unwrap_or_else(|| token.as_bytes().to_vec())
    })?;
    Ok((library(inner, entries), spelling))
}

/// Pairs of characters merged in the order of a list, with marks for spaces and bytes for what has no token.
fn merged(
    vocabulary: &GgufVocabulary<'_>,
    entries: &[Entry<'_>],
) -> Result<(Model, Spelling), TokenizerError> {
    let malformed = |error: &dyn std::fmt::Display| TokenizerError::malformed(error.to_string());
    let merges = vocabulary.merges.iter().enumerate().map(|(at, merge)| pair(at, merge));
    let tokens = by_token(entries.iter().map(|(token, _)| (*token).to_owned()));
    let unknown = vocabulary.unknown.and_then(|id| entries.get(id as usize));
    let mut model = BPE::builder()
        .vocab_and_merges(tokens, merges.collect::<Result<Vec<_>, _>>()?)
        .byte_fallback(true)
        .fuse_unk(true);
    if let Some((unknown, _)) = unknown {
        model = model.unk_token((*unknown).to_owned());
    }
    let mut inner = tokenizers::Tokenizer::new(model.build().map_err(|error| malformed(&error))?);
    let mut steps = Vec::new();
    let prefixed = vocabulary.add_space_prefix.unwrap_or(false);
    if prefixed {
        steps.push(NormalizerWrapper::Prepend(Prepend::new(SPACE.to_string())));
    }
    let spaces = Replace::new(ReplacePattern::String(" ".to_owned()), SPACE.to_string());
    steps.push(NormalizerWrapper::Replace(spaces.map_err(|error| malformed(&error))?));
    inner.with_normalizer(Some(Sequence::new(steps)));
    inner.with_pre_tokenizer(Some(pre::lines()?));
    let joining = if prefixed { Joining::Strip { what: ' ', count: 1 } } else { Joining::Plain };
    Ok((library(inner, entries), spell(entries, joining, spaced)?))
}

/// Two tokens with a space between. A token may hold a space itself, so that the first one alone may not be the border.
fn pair(at: usize, merge: &[u8]) -> Result<(String, String), TokenizerError> {
    let broken = || TokenizerError::malformed(format!("merge {at} is not two tokens"));
    let text = std::str::from_utf8(merge).map_err(|_| broken())?;
    let start = text.chars().next().map_or(0, char::len_utf8);
    let border = text[start..].find(' ').ok_or_else(broken)? + start;
    Ok((text[..border].to_owned(), text[border + 1..].to_owned()))
}

/// Tokens with scores, in characters; bytes for what has none.
fn scored(
    vocabulary: &GgufVocabulary<'_>,
    entries: &[Entry<'_>],
) -> Result<(Model, Spelling), TokenizerError> {
    if vocabulary.scores.is_empty() {
        return Err(TokenizerError::malformed("tokens of this kind need scores"));
    }
    let mut scored = Scored { bytes: vec![None; 256], unknown: vocabulary.unknown, ..Scored::default() };
    scored.space_first = vocabulary.add_space_prefix.unwrap_or(true);
    let mut marks = Marks::default();
    for (id, ((token, kind), score)) in (0u32..).zip(entries.iter().zip(&vocabulary.scores)) {
        scored.named.entry((*token).into()).or_insert(id);
        match kind {
            TokenType::Byte => {
                let byte = spelling::fallback_byte(token)
                    .ok_or_else(|| TokenizerError::malformed(format!("token {id} is no byte: {token:?}")))?;
                scored.bytes[usize::from(byte)] = Some(id);
            }
            TokenType::Control => marks.push(token, id, true),
            TokenType::Unknown => {
                marks.push(token, id, true);
                scored.unknown = scored.unknown.or(Some(id));
            }
            _ => {
                if *kind == TokenType::UserDefined {
                    marks.push(token, id, false);
                }
                let piece = Piece { id, score: *score, unused: *kind == TokenType::Unused };
                scored.pieces.entry((*token).into()).or_insert(piece);
            }
        }
    }
    marks.sort();
    scored.marks = marks;
    let joining = if scored.space_first { Joining::Strip { what: ' ', count: 1 } } else { Joining::Plain };
    let spelling = spell(entries, joining, spaced)?;
    Ok((Model::Scored(scored), spelling))
}

/// Words and their endings. In the file, words have a mark in front and endings do not.
fn words(
    vocabulary: &GgufVocabulary<'_>,
    entries: &[Entry<'_>],
) -> Result<(Model, Spelling), TokenizerError> {
    let is_special = |kind: TokenType| matches!(kind, TokenType::Control | TokenType::Unknown);
    let original = |(token, kind): &Entry<'_>| match token.strip_prefix(SPACE) {
        Some(word) => word.to_owned(),
        None if is_special(*kind) || token.starts_with('[') && token.ends_with(']') => (*token).to_owned(),
        None => format!("##{token}"),
    };
    let tokens: Vec<String> = entries.iter().map(original).collect();
    let unknown = vocabulary.unknown.and_then(|id| tokens.get(id as usize)).cloned();
    let unknown = unknown.unwrap_or_else(|| "[UNK]".to_owned());
    if !tokens.contains(&unknown) {
        return Err(TokenizerError::malformed(format!("the vocabulary lacks its unknown token {unknown}")));
    }
    // A vocabulary without capital letters is one of text in small letters without accents. Some signs are capital
    // letters that have no small ones.
    let capital = |c: char| c.is_uppercase() && !c.to_lowercase().eq([c]);
    let capitals = |token: &&Entry<'_>| token.0.starts_with(SPACE) && token.0.chars().any(capital);
    let small = entries.iter().find(capitals).is_none();
    let model = WordPiece::builder()
        .vocab(by_token(tokens.iter().cloned()))
        .unk_token(unknown)
        .build()
        .map_err(|error| TokenizerError::malformed(error.to_string()))?;
    let mut inner = tokenizers::Tokenizer::new(model);
    inner.with_normalizer(Some(BertNormalizer::new(true, true, None, small)));
    inner.with_pre_tokenizer(Some(BertPreTokenizer));
    let renamed: Vec<Entry<'_>> =
        tokens.iter().zip(entries).map(|(token, (_, kind))| (token.as_str(), *kind)).collect();
    let joining = Joining::Words { prefix: "##".to_owned(), cleanup: true };
    let spelling = spell(&renamed, joining, |token| token.as_bytes().to_vec())?;
    Ok((library(inner, &renamed), spelling))
}

/// Tokens with scores, of which the likeliest sequence is chosen.
fn unigram(
    vocabulary: &GgufVocabulary<'_>,
    entries: &[Entry<'_>],
) -> Result<(Model, Spelling), TokenizerError> {
    let malformed = |error: &dyn std::fmt::Display| TokenizerError::malformed(error.to_string());
    if vocabulary.scores.len() != entries.len() || vocabulary.scores.iter().any(|score| !score.is_finite()) {
        return Err(TokenizerError::malformed("tokens of this kind need finite scores"));
    }
    let unknown = vocabulary.unknown.map(|id| id as usize);
    let unknown = unknown.or_else(|| entries.iter().position(|(_, kind)| *kind == TokenType::Unknown));
    let scored = entries.iter().zip(&vocabulary.scores);
    let scored: Vec<_> = scored.map(|((token, _), score)| ((*token).to_owned(), f64::from(*score))).collect();
    // Names that no text holds, for what text must not be read as: a space is a mark here.
    let hidden = |kind: TokenType| matches!(kind, TokenType::Control | TokenType::Unknown);
    let mut spelt = scored.clone();
    let names = spelt.iter_mut().zip(entries).enumerate().filter(|(_, (_, (_, kind)))| hidden(*kind));
    names.for_each(|(at, ((name, _), _))| *name = format!(" {at}"));
    let fallback = entries.iter().any(|(_, kind)| *kind == TokenType::Byte);
    let unknown = unknown.ok_or_else(|| TokenizerError::malformed("the vocabulary has no unknown token"))?;
    let model = |scored| Unigram::from(scored, Some(unknown), fallback).map_err(|error| malformed(&error));
    let plain = model(spelt)?;
    let mut inner = tokenizers::Tokenizer::new(model(scored)?);
    let mut steps = Vec::new();
    if let Some(map) = vocabulary.precompiled_charsmap.as_deref().filter(|map| !map.is_empty()) {
        charsmap::check(map)?;
        let map = Precompiled::from(map).map_err(|error| malformed(&error))?;
        steps.push(NormalizerWrapper::Precompiled(map));
    }
    if vocabulary.remove_extra_whitespaces.unwrap_or(false) {
        for (runs, one) in [("^ +| +$", ""), (" {2,}", " ")] {
            let runs = Replace::new(ReplacePattern::Regex(runs.to_owned()), one);
            steps.push(NormalizerWrapper::Replace(runs.map_err(|error| malformed(&error))?));
        }
    }
    let prefixed = vocabulary.add_space_prefix.unwrap_or(true);
    if prefixed {
        steps.push(NormalizerWrapper::Prepend(Prepend::new(SPACE.to_string())));
    }
    let spaces = Replace::new(ReplacePattern::String(" ".to_owned()), SPACE.to_string());
    steps.push(NormalizerWrapper::Replace(spaces.map_err(|error| malformed(&error))?));
    inner.with_normalizer(Some(Sequence::new(steps)));
    let joining = if prefixed { Joining::Strip { what: ' ', count: 1 } } else { Joining::Plain };
    let plain = ModelWrapper::from(plain);
    Ok((library_with(inner, entries, Some(plain)), spell(entries, joining, spaced)?))
}

fn spaced(token: &str) -> Vec<u8> {
    token.replace(SPACE, " ").into_bytes()
}

/// Control tokens and those of the user are found in the text as they stand.
fn library(inner: tokenizers::Tokenizer, entries: &[Entry<'_>]) -> Model {
    library_with(inner, entries, None)
}

/// `plain`: the same model for text in which no control tokens are.
fn library_with(
    mut inner: tokenizers::Tokenizer,
    entries: &[Entry<'_>],
    plain: Option<ModelWrapper>,
) -> Model {
    let added = |(token, kind): &Entry<'_>| match kind {
        TokenType::Control | TokenType::Unknown => Some(AddedToken::from(*token, true).normalized(false)),
        TokenType::UserDefined => Some(AddedToken::from(*token, false).normalized(false)),
        _ => None,
    };
    inner.add_tokens(&entries.iter().filter_map(added).collect::<Vec<_>>());
    Model::Library(Box::new(Library::new(inner, plain)))
}

fn spell(
    entries: &[Entry<'_>],
    joining: Joining,
    text: impl Fn(&str) -> Vec<u8>,
) -> Result<Spelling, TokenizerError> {
    let mut spelling = Spelling::new(joining);
    for (token, kind) in entries {
        match kind {
            TokenType::Control => spelling.push(Kind::Control, token.as_bytes())?,
            TokenType::Unknown => spelling.push(Kind::Unknown, token.as_bytes())?,
            TokenType::UserDefined => spelling.push(Kind::Text, token.replace(SPACE, " ").as_bytes())?,
            TokenType::Byte => match spelling::fallback_byte(token) {
                Some(byte) => spelling.push(Kind::Text, &[byte])?,
                None => spelling.push(Kind::Text, &text(token))?,
            },
            TokenType::Normal | TokenType::Unused => spelling.push(Kind::Text, &text(token))?,
        }
    }
    Ok(spelling)
}

fn ids(vocabulary: &GgufVocabulary<'_>, kind: &str, entries: &[Entry<'_>]) -> Result<Ids, TokenizerError> {
    let known = |name: &str, id: Option<u32>| match id {
        Some(id) if id as usize >= entries.len() => {
            Err(TokenizerError::malformed(format!("{name} is token {id} of {}", entries.len())))
        }
        id => Ok(id),
    };
    let words = kind == "words";
    let cut = if kind == "byte-level" { Some(pre::cut(vocabulary.pre)?) } else { None };
    let bos = vocabulary.bos.or(vocabulary.begin).or_else(|| {
        let begins = entries.iter().position(|(token, _)| words && *token == "[CLS]")?;
        u32::try_from(begins).ok()
    });
    let mut ids = Ids {
        bos: known("bos_token_id", bos)?,
        eos: known("eos_token_id", vocabulary.eos)?,
        unk: known("unknown_token_id", vocabulary.unknown)?,
        pad: known("padding_token_id", vocabulary.padding)?,
        sep: known("seperator_token_id", vocabulary.separator)?,
        mask: known("mask_token_id", vocabulary.mask)?,
        ends: Vec::new(),
        add_bos: vocabulary
            .add_bos
            .unwrap_or(kind == "scored" || words || cut.as_ref().is_some_and(|cut| cut.bos)),
        add_eos: vocabulary.add_eos.unwrap_or(kind == "unigram"),
        add_sep: vocabulary.add_sep.unwrap_or(words || cut.as_ref().is_some_and(|cut| cut.sep)),
    };
    let ends = [known("eot_token_id", vocabulary.eot)?, known("eom_token_id", vocabulary.eom)?, ids.eos];
    ids.end_with(ends.into_iter().flatten());
    let named = (0u32..)
        .zip(entries)
        .filter(|(_, (token, kind))| *kind == TokenType::Control && config::ENDS.contains(token));
    ids.end_with(named.map(|(id, _)| id));
    Ok(ids)
}

fn by_token(tokens: impl Iterator<Item = String>) -> Vocab {
    tokens.zip(0u32..).collect()
}
