//! The corridor up to the IR: what a comparison of two states needs, and no file.

use super::stages::{self, Unit};
use super::wire::{self, Dialects};
use super::{Compiler, Error, load};
use crate::diagnostic::Sink;
use crate::diff::{ProviderState, State};
use crate::source::{FileId, Node, Span, Value};

/// Everything that `compiler` points at, checked and lowered.
pub(super) fn of(compiler: &Compiler) -> Result<State, Error> {
    let mut sink = Sink::default();
    let input = load::input(compiler, &mut sink)?;
    let documents = stages::documents(&input.sources, [&input.dialects, &input.providers], None, &mut sink);
    let dialects = stages::dialects(&documents, &mut sink);
    let is_torn = dialects.len() < input.dialects.len();
    let mut units = stages::units(&documents, &mut sink);
    stages::narrow(&mut units, &documents, compiler)?;
    let lower = |unit: &Unit<'_>| provider(unit, (&dialects, is_torn), &mut sink);
    let providers = units.iter().filter_map(lower).collect();
    Ok(State { sources: input.sources, diagnostics: sink.into_sorted(), providers })
}

fn provider(unit: &Unit<'_>, dialects: Dialects<'_>, sink: &mut Sink) -> Option<ProviderState> {
    if stages::is_local(unit) {
        let document = Node { value: Value::Map(Vec::new()), span: unit.document.node.span };
        let (placed, operations) = (Vec::new(), Vec::new());
        return Some(ProviderState { provider: unit.provider.clone(), document, placed, operations });
    }
    let document = wire::resolved(unit, dialects, sink)?;
    let provider = unit.provider.without_models();
    let placed = wire::lowered(&document, &provider, sink)?;
    // Lowered once more from nowhere: what is equal then means the same, wherever it was written.
    let operations = wire::lowered(&placeless(&document), &provider, &mut Sink::default())?;
    Some(ProviderState { provider: unit.provider.clone(), document, placed, operations })
}

/// The document as if it had been written at no place.
fn placeless(node: &Node) -> Node {
    let nowhere = Span::new(FileId(0), 0, 0);
    let value = match &node.value {
        Value::Seq(items) => Value::Seq(items.iter().map(placeless).collect()),
        Value::Map(entries) => {
            let entry = |entry: &crate::source::Entry| crate::source::Entry {
                key: entry.key.clone(),
                key_span: nowhere,
                value: placeless(&entry.value),
            };
            Value::Map(entries.iter().map(entry).collect())
        }
        scalar => scalar.clone(),
    };
    Node { value, span: nowhere }
}
