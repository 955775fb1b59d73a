//! One provider's wire: which dialect it speaks, resolved, checked, lowered and emitted.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::stages::{Shared, Unit};
use crate::diagnostic::{Diagnostic, Sink};
use crate::dialect::ast::Operation;
use crate::dialect::parse;
use crate::emit::package::{self, Wire};
use crate::emit::wire::{self, OperationIr};
use crate::fingerprint::{self, Fingerprint};
use crate::ir::provider::Provider;
use crate::source::{Entry, Node, Value};
use crate::{lower, resolve, schema, timings};

/// The dialects by name, and whether some could not be read, so that any name may be that of one.
pub(super) type Dialects<'a> = (&'a BTreeMap<String, &'a Node>, bool);

/// The fingerprint of everything that a wire is made of, where that of its dialect is known.
pub(super) fn key(unit: &Unit<'_>, dialect: Option<Fingerprint>) -> Fingerprint {
    let node = &unit.document.node;
    let own = ["wire", "operations", "dialect"].map(|part| node.get(part));
    fingerprint::of_value(&(unit.provider.without_models(), &unit.document.yaml.label, own, dialect))
}

/// The fingerprint of each dialect with all that it extends.
pub(super) fn dialect_keys(dialects: &BTreeMap<String, &Node>) -> BTreeMap<String, Fingerprint> {
    let chain = |name: &String| {
        let mut chain: Vec<&Node> = Vec::new();
        let mut next = dialects.get(name);
        while let Some(node) = next.filter(|_| chain.len() <= dialects.len()) {
            chain.push(node);
            next = node.get("extends").and_then(Node::as_str).and_then(|base| dialects.get(base));
        }
        chain
    };
    dialects.keys().map(|name| (name.clone(), fingerprint::of_value(&(name, chain(name))))).collect()
}

/// The dialect with the provider's own changes, type-checked, lowered and emitted.
pub(super) fn compile(
    unit: &Unit<'_>,
    key: Fingerprint,
    shared: &Shared<'_>,
    sink: &mut Sink,
) -> Option<Wire> {
    let (laps, name) = (shared.timings, unit.provider.name.as_str());
    // Models are no part of a wire: an emitter that looked at them would not be asked again when they change.
    let provider = &unit.provider.without_models();
    let lower = || operations(unit, provider, shared, sink);
    let operations = timings::measure(laps, "lower", name, |_| 0, lower)?;
    if sink.has_errors() || !unit.sound {
        return None;
    }
    let emit = || wire::file(provider, &unit.document.yaml.label, &operations, key, &shared.modules);
    match timings::measure(laps, "emit wire", name, |_| 0, emit) {
        Ok(wire) => Some(wire),
        Err(error) => {
            sink.push(package::not_rust(&error, provider));
            None
        }
    }
}

/// The operations of a provider. Those of a dialect in which nothing is wrong are lowered once for all providers that
/// change nothing: a provider shows in them by its options alone.
fn operations(
    unit: &Unit<'_>,
    provider: &Provider,
    shared: &Shared<'_>,
    sink: &mut Sink,
) -> Option<Arc<[OperationIr]>> {
    let node = &unit.document.node;
    let lower = |sink: &mut Sink| {
        let document = resolved(unit, (&shared.dialects, shared.is_torn), sink)?;
        lowered(&document, provider, sink).map(Arc::from)
    };
    let is_plain =
        node.get("operations").is_none() && node.get("wire").is_none() && provider.options.is_empty();
    let known = shared.plain.get(&schema::provider::dialect_of(node).0).filter(|_| is_plain);
    let sound = known.and_then(|known| {
        let make = || {
            let mut found = Sink::default();
            lower(&mut found).filter(|_| found.is_empty())
        };
        known.get_or_init(make).clone()
    });
    // Where something is wrong, every provider says so at its place.
    sound.or_else(|| lower(sink))
}

/// A whole dialect document, checked and lowered for a provider.
pub(super) fn lowered(document: &Node, provider: &Provider, sink: &mut Sink) -> Option<Vec<OperationIr>> {
    let mut later = Sink::default();
    schema::validate(document, schema::Kind::Dialect, sink);
    let operations = parse::dialect(document, &mut later).map(|dialect| {
        let lower = |operation: &Operation| OperationIr {
            encode: lower::encode::lower(&dialect, operation, provider, &mut later),
            decode: lower::decode::lower(operation, &mut later),
            span: operation.span,
        };
        dialect.operations.iter().map(lower).collect()
    });
    sink.follow(later);
    operations
}

/// The dialect document of a provider: the one it names, or its own operations, with its `wire:` over it.
pub(super) fn resolved(unit: &Unit<'_>, dialects: Dialects<'_>, sink: &mut Sink) -> Option<Node> {
    let node = &unit.document.node;
    check_one_wire(node, sink);
    let base = match own_dialect(node) {
        Some(own) => {
            resolve::check_literal(&own, sink);
            own
        }
        None => named_dialect(node, dialects, sink)?,
    };
    Some(match node.get("wire") {
        Some(patch) => resolve::wire(&base, patch, sink),
        None => base,
    })
}

/// A provider that has operations of its own speaks no dialect.
fn check_one_wire(node: &Node, sink: &mut Sink) {
    if let (Some(dialect), Some(own)) = (node.entry("dialect"), node.entry("operations")) {
        sink.push(
            Diagnostic::error("TW0307", dialect.key_span, "a provider has one wire format")
                .label("names a dialect")
                .related(own.key_span, "and writes its own operations")
                .help("change the dialect under `wire:`, or leave out `dialect`"),
        );
    }
}

/// A provider's own operations as the dialect document that they would be, under the provider's name.
fn own_dialect(node: &Node) -> Option<Node> {
    let (name, operations) = (node.entry("name")?, node.entry("operations")?);
    let name = Entry { key: "dialect".to_owned(), ..name.clone() };
    Some(Node { value: Value::Map(vec![name, operations.clone()]), span: node.span })
}

fn named_dialect(node: &Node, (dialects, is_torn): Dialects<'_>, sink: &mut Sink) -> Option<Node> {
    let (name, span) = schema::provider::dialect_of(node);
    if !dialects.contains_key(&name) && is_torn {
        return None;
    }
    if !dialects.contains_key(&name) {
        let missing =
            Diagnostic::error("TW0304", span, format!("there is no dialect `{name}`")).label("not found");
        sink.push(missing.suggest(&name, dialects.keys().map(String::as_str)));
        return None;
    }
    resolve::dialect(&name, dialects, sink)
}
