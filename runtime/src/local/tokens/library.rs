//! Encoding with the `tokenizers` crate. Its steps are called one by one: whether control tokens are read is ours to say
//! for each text, and a vocabulary is not copied for it.

use tokenizers::models::ModelWrapper;
use tokenizers::tokenizer::{AddedVocabulary, Encoding, Model as _, OffsetType, PreTokenizer as _};
use tokenizers::{PostProcessor as _, Token};

use super::spelling::{Kind, Spelling};
use super::{Pair, Specials, TokenizerError};

#[derive(Debug)]
pub(super) struct Library {
    inner: tokenizers::Tokenizer,
    /// The added tokens with control tokens read as text.
    as_text: AddedVocabulary,
    /// The model of text in which no control tokens are, where it is not the same.
    plain: Option<ModelWrapper>,
}

impl Library {
    pub(super) fn new(inner: tokenizers::Tokenizer, plain: Option<ModelWrapper>) -> Self {
        let mut as_text = inner.get_added_vocabulary().clone();
        as_text.set_encode_special_tokens(true);
        Self { inner, as_text, plain }
    }

    /// Whether the description says itself what stands at the ends of a text.
    pub(super) fn frames(&self) -> bool {
        self.inner.get_post_processor().is_some()
    }

    pub(super) fn id_of(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    pub(super) fn ids(
        &self,
        spelling: &Spelling,
        text: &str,
        specials: Specials,
    ) -> Result<Vec<u32>, TokenizerError> {
        Ok(self.encoding(spelling, text, specials)?.get_ids().to_vec())
    }

    pub(super) fn framed(
        &self,
        spelling: &Spelling,
        text: &str,
        second: Option<&str>,
        specials: Specials,
    ) -> Result<Pair, TokenizerError> {
        let first = self.encoding(spelling, text, specials)?;
        let second = second.map(|text| self.encoding(spelling, text, specials)).transpose()?;
        let encoding = match self.inner.get_post_processor() {
            Some(processor) => processor.process(first, second, true).map_err(TokenizerError::encode)?,
            None => first,
        };
        Ok(Pair { ids: encoding.get_ids().to_vec(), types: encoding.get_type_ids().to_vec() })
    }

    fn encoding(
        &self,
        spelling: &Spelling,
        text: &str,
        specials: Specials,
    ) -> Result<Encoding, TokenizerError> {
        let added = match specials {
            Specials::Parse => self.inner.get_added_vocabulary(),
            Specials::AsText => &self.as_text,
        };
        let mut pieces = added.extract_and_normalize(self.inner.get_normalizer(), text);
        if let Some(cut) = self.inner.get_pre_tokenizer() {
            cut.pre_tokenize(&mut pieces).map_err(TokenizerError::encode)?;
        }
        pieces.tokenize(|piece| self.tokens(spelling, piece.get())).map_err(TokenizerError::encode)?;
        pieces.into_encoding(None, 0, OffsetType::None).map_err(TokenizerError::encode)
    }

    /// The tokens of a piece of plain text. Merging may spell a control token by chance or by intent: it is taken apart.
    fn tokens(&self, spelling: &Spelling, piece: &str) -> tokenizers::Result<Vec<Token>> {
        let model = self.plain.as_ref().unwrap_or(self.inner.get_model());
        let tokens = model.tokenize(piece)?;
        let named = |token: &Token| match spelling.kind(token.id) {
            Kind::Control => true,
            // The name of the unknown token, spelt out. Else its value is the text that is unknown.
            Kind::Unknown => {
                token.value.as_bytes() == spelling.bytes(token.id) && piece.contains(&token.value)
            }
            Kind::Text | Kind::Absent => false,
        };
        if !tokens.iter().any(&named) {
            return Ok(tokens);
        }
        let mut apart = Vec::new();
        for token in tokens {
            if !named(&token) {
                apart.push(token);
                continue;
            }
            for c in token.value.chars() {
                apart.extend(model.tokenize(c.encode_utf8(&mut [0; 4]))?);
            }
        }
        // Unknown characters in a row are one token, as they are where nothing is taken apart.
        apart.dedup_by(|next, one| next.id == one.id && spelling.kind(one.id) == Kind::Unknown);
        Ok(apart)
    }
}
