//! Small functions that generated decoders call: a test on an optional text, a sum of optional leaves.

use super::text::Text;

/// Whether `text` is there and is `word`.
pub fn is(text: Option<Text<'_>>, word: &str) -> bool {
    text.is_some_and(|text| text.is(word))
}

/// Whether `text` is there and not empty.
#[inline]
pub fn filled(text: Option<Text<'_>>) -> bool {
    text.is_some_and(|text| !text.is_empty())
}

/// Whether `list`, a JSON list as it stands, has elements.
pub fn has_items(list: Option<&str>) -> bool {
    let inner = list.and_then(|list| list.trim().strip_prefix('['));
    inner.is_some_and(|inner| !inner.trim_start().starts_with(']'))
}

/// The sum of the terms that are there; `None` if none is. A negative sum is a provider's mistake and counts as 0:
/// the raw usage is kept beside it.
pub fn sum(terms: &[Option<i64>]) -> Option<u64> {
    let present = terms.iter().flatten();
    let total = present.copied().reduce(i64::saturating_add)?;
    Some(u64::try_from(total).unwrap_or(0))
}
