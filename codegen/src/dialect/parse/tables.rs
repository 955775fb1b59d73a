//! Variant tables and enum tables: rows by the name of what they stand for.

use super::nodes::{key, named};
use super::shapes::shape;
use crate::diagnostic::{Diagnostic, Sink, closest};
use crate::dialect::ast::{EnumTable, Row, Table};
use crate::dialect::words;
use crate::source::{Entry, Value};

pub(super) fn table(entry: &Entry, sink: &mut Sink) -> Option<Table> {
    let name = key(entry);
    let variants = words::variants(&entry.key);
    let is_rows = |rows: &[Entry]| {
        rows.iter().all(|row| variants.contains(&variant_of(&row.key).0)) && !rows.is_empty()
    };
    match &entry.value.value {
        Value::Map(rows)
            if !variants.is_empty() && (is_rows(rows) || !looks_like_one_shape(rows, variants)) =>
        {
            let read: Vec<Row> = rows.iter().filter_map(|row| table_row(row, variants, sink)).collect();
            Some(Table { name, torn: read.len() < rows.len(), rows: read, single: false })
        }
        _ => {
            let shape = shape(&entry.value, sink)?;
            let row = Row { variant: "_".to_owned(), alt: None, label_span: entry.key_span, shape };
            Some(Table { name, rows: vec![row], single: true, torn: false })
        }
    }
}

/// A mapping none of whose keys is a variant, or nearly one, is the one shape of the whole table.
fn looks_like_one_shape(rows: &[Entry], variants: &[&str]) -> bool {
    let is_row = |row: &Entry| closest(variant_of(&row.key).0, variants).is_some();
    !rows.iter().any(is_row)
}

pub(super) fn variant_of(label: &str) -> (&str, Option<&str>) {
    label.split_once('/').map_or((label, None), |(variant, alt)| (variant, Some(alt)))
}

fn table_row(entry: &Entry, variants: &[&str], sink: &mut Sink) -> Option<Row> {
    let (variant, alt) = variant_of(&entry.key);
    if !variants.contains(&variant) {
        sink.push(
            Diagnostic::error("TW0408", entry.key_span, format!("`{variant}` is no variant of this table"))
                .label("unknown variant")
                .suggest(variant, variants.iter().copied()),
        );
    }
    // A row that is misspelt counts as the one that was meant.
    let variant = closest(variant, variants)?;
    let shape = shape(&entry.value, sink)?;
    Some(Row { variant: variant.to_owned(), alt: alt.map(str::to_owned), label_span: entry.key_span, shape })
}

pub(super) fn enum_table(entry: &Entry, sink: &mut Sink) -> EnumTable {
    let rows = named(Some(&entry.value), &entry.key, sink, shape);
    EnumTable { name: key(entry), rows }
}
