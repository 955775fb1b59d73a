//! How text is cut before pairs are merged, by the name that a GGUF file gives. The table itself is `pre.tsv`.

use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;

use super::TokenizerError;

const TABLE: &str = include_str!("pre.tsv");
const MODELS: &str = include_str!("models.tsv");

/// One line of the table.
#[derive(Debug)]
pub(super) struct Cut {
    /// A word that is a token as it stands is not merged from pairs.
    pub(super) whole: bool,
    /// A text begins with the token for that, unless the file says otherwise.
    pub(super) bos: bool,
    /// A text ends with the separator, unless the file says otherwise.
    pub(super) sep: bool,
    expressions: Vec<&'static str>,
}

/// The line for `name`; a file that gives none means `default`.
pub(super) fn cut(name: Option<&str>) -> Result<Cut, TokenizerError> {
    let name = name.unwrap_or("default");
    let mut lines = rows(TABLE);
    let found = lines.find(|(names, _)| names.split(' ').any(|known| known == name));
    let (_, mut rest) = found.ok_or_else(|| TokenizerError::unsupported("the pre-tokenizer", name))?;
    let flags = rest.next().unwrap_or_default();
    let has = |flag: &str| flags.split(' ').any(|known| known == flag);
    Ok(Cut { whole: has("whole"), bos: has("bos"), sep: has("sep"), expressions: rest.collect() })
}

/// How the vocabulary that `tokenizer.ggml.model` names is built.
pub(super) fn kind(model: &str) -> Option<&'static str> {
    rows(MODELS).find(|(name, _)| *name == model).and_then(|(_, mut rest)| rest.next())
}

fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, std::str::Split<'static, char>)> {
    table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut fields = line.split('\t');
        Some((fields.next()?, fields))
    })
}

/// Line feeds apart from what is between them.
pub(super) fn lines() -> Result<Split, TokenizerError> {
    split("\\n+")
}

fn split(expression: &str) -> Result<Split, TokenizerError> {
    let pattern = SplitPattern::Regex(expression.to_owned());
    Split::new(pattern, SplitDelimiterBehavior::Isolated, false)
        .map_err(|error| TokenizerError::malformed(format!("{expression}: {error}")))
}

impl Cut {
    /// The expressions one after the other, then bytes to characters.
    pub(super) fn steps(&self) -> Result<Sequence, TokenizerError> {
        let mut steps = Vec::new();
        for expression in &self.expressions {
            steps.push(PreTokenizerWrapper::Split(split(expression)?));
        }
        steps.push(PreTokenizerWrapper::ByteLevel(ByteLevel::new(false, true, false)));
        Ok(Sequence::new(steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read_and_compiles() {
        let mut names = Vec::new();
        for (known, _) in rows(TABLE) {
            for name in known.split(' ') {
                let cut = cut(Some(name)).unwrap();
                assert!(!cut.expressions.is_empty(), "{name}");
                cut.steps().unwrap();
                names.push(name);
            }
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert!(count > 30 && names.len() == count, "{names:?}");
        assert!(rows(MODELS).all(|(_, mut rest)| rest.next().is_some()));
    }

    #[test]
    fn an_unknown_name_is_told() {
        let error = cut(Some("never-heard-of")).unwrap_err().to_string();
        assert!(error.contains("never-heard-of"), "{error}");
    }
}
