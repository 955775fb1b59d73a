//! What stands beside a vocabulary: which tokens begin and end a text, and the chat template. From
//! `tokenizer_config.json`; GGUF files say the same in their metadata.

use serde_json::Value;

use super::TokenizerError;

/// The tokens with a part to play.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    /// Begins a text.
    pub bos: Option<u32>,
    /// Ends a text.
    pub eos: Option<u32>,
    /// Stands for what cannot be spelt.
    pub unk: Option<u32>,
    /// Fills up a batch.
    pub pad: Option<u32>,
    /// Parts two texts.
    pub sep: Option<u32>,
    /// Stands for a masked word.
    pub mask: Option<u32>,
    /// All tokens that end what a model says: of the text, of a turn, of a message.
    pub ends: Vec<u32>,
    /// Whether `bos` is put before a text that no template frames.
    pub add_bos: bool,
    /// Whether `eos` is put after it.
    pub add_eos: bool,
    /// Whether `sep` is put after it.
    pub add_sep: bool,
}

impl Ids {
    /// Adds tokens that end what the model says.
    pub fn end_with(&mut self, ids: impl IntoIterator<Item = u32>) {
        self.ends.extend(ids);
        self.ends.sort_unstable();
        self.ends.dedup();
    }
}

/// Names by which vocabularies call the end of a turn or message. They count where they are control tokens.
pub(super) const ENDS: &[&str] = &[
    "<|eot_id|>",
    "<|eom_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<end_of_turn>",
    "<turn|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<EOT>",
    "_<EOT>",
    "<|END_OF_TURN_TOKEN|>",
    "<end_of_utterance>",
    "<｜end▁of▁sentence｜>",
];

/// `tokenizer_config.json`, as far as it matters here.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TokenizerConfig {
    /// The token that begins a text.
    pub bos_token: Option<String>,
    /// The token that ends a text.
    pub eos_token: Option<String>,
    /// The token for what cannot be spelt.
    pub unk_token: Option<String>,
    /// The token that fills up a batch.
    pub pad_token: Option<String>,
    /// The token that parts two texts.
    pub sep_token: Option<String>,
    /// The token for a masked word.
    pub mask_token: Option<String>,
    /// Whether the first token is put before every text.
    pub add_bos_token: bool,
    /// Whether the last one is put after it.
    pub add_eos_token: bool,
    /// Chat templates by name. The usual one is called `default`.
    pub chat_templates: Vec<(String, String)>,
}

impl TokenizerConfig {
    /// Reads `tokenizer_config.json`.
    pub fn from_json(bytes: &[u8]) -> Result<Self, TokenizerError> {
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| TokenizerError::malformed(format!("tokenizer_config.json: {error}")))?;
        Ok(Self {
            bos_token: name(&value["bos_token"]),
            eos_token: name(&value["eos_token"]),
            unk_token: name(&value["unk_token"]),
            pad_token: name(&value["pad_token"]),
            sep_token: name(&value["sep_token"]),
            mask_token: name(&value["mask_token"]),
            add_bos_token: value["add_bos_token"] == Value::Bool(true),
            add_eos_token: value["add_eos_token"] == Value::Bool(true),
            chat_templates: templates(&value["chat_template"]),
        })
    }

    /// The chat template of this name, or the usual one.
    pub fn chat_template(&self, wanted: Option<&str>) -> Option<&str> {
        let wanted = wanted.unwrap_or("default");
        self.chat_templates.iter().find(|(name, _)| name == wanted).map(|(_, text)| text.as_str())
    }

    pub(super) fn ids(&self, id_of: impl Fn(&str) -> Option<u32>) -> Ids {
        let id = |token: &Option<String>| token.as_deref().and_then(&id_of);
        let mut ids = Ids {
            bos: id(&self.bos_token),
            eos: id(&self.eos_token),
            unk: id(&self.unk_token),
            pad: id(&self.pad_token),
            sep: id(&self.sep_token),
            mask: id(&self.mask_token),
            add_bos: self.add_bos_token,
            add_eos: self.add_eos_token,
            ..Ids::default()
        };
        ids.end_with(ids.eos.into_iter().chain(ENDS.iter().filter_map(|token| id_of(token))));
        ids
    }
}

/// A token is its name, or an object that holds it.
fn name(value: &Value) -> Option<String> {
    value.as_str().or_else(|| value["content"].as_str()).map(str::to_owned)
}

/// One template as text, or several in a list of names and texts.
fn templates(value: &Value) -> Vec<(String, String)> {
    if let Some(text) = value.as_str() {
        return vec![("default".to_owned(), text.to_owned())];
    }
    let named =
        |entry: &Value| Some((entry["name"].as_str()?.to_owned(), entry["template"].as_str()?.to_owned()));
    value.as_array().into_iter().flatten().filter_map(named).collect()
}
