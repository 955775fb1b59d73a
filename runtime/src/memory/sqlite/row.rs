//! Between rows and memories.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::{Map, Value};

use super::sum;
use crate::json::RawJson;
use crate::memory::content::{Blob, Content, Media};
use crate::memory::id::Id;
use crate::memory::node::{Embedding, MemoryNode, Provenance, Status};
use crate::memory::relation::{Relation, RelationKind};
use crate::memory::time::{Interval, Timestamp};
use crate::memory::{Kind, Namespace};

type Result<T> = std::result::Result<T, rusqlite::Error>;

/// A query of nodes, up to its conditions: `states` as `s`, `nodes` as `k`, and what they refer to.
pub(super) static NODES: LazyLock<String> = LazyLock::new(|| format!("SELECT {} FROM {TABLES}", *NODE));

/// What [`node`] reads.
pub(super) static NODE: LazyLock<String> = LazyLock::new(|| {
    let parts = [
        ("states", "s"),
        ("nodes", "k"),
        ("namespaces", "p"),
        ("contents", "c"),
        ("vectors", "v"),
        ("models", "m"),
    ];
    let whole = parts.map(|(table, name)| sum::is_whole(table, name)).join(" AND ");
    format!("{COLUMNS}, {whole}")
});

const COLUMNS: &str = "k.id, p.path, k.kind, k.created, k.last_access, k.accesses, s.status, s.version, \
     s.importance, s.valid_from, s.valid_to, s.updated, s.ended, s.expires, s.provenance, s.metadata, c.type, c.body, \
     c.digest, c.mime, c.caption, m.name, v.data, k.n, s.s";
const TABLES: &str = "states s JOIN nodes k ON k.n = s.n JOIN namespaces p ON p.ns = k.ns \
     LEFT JOIN contents c ON c.c = s.c LEFT JOIN vectors v ON v.v = s.v LEFT JOIN models m ON m.m = v.m";

/// The condition that a state `s` is that of the node `k` at a commit: the one it has now, or one of those before, which
/// alone are in an index.
pub(super) fn at(commit: &str) -> String {
    format!(
        "(s.s = k.current AND s.since <= {commit} OR s.n = k.n AND s.since <= {commit} AND s.until > {commit})"
    )
}

/// A node, and the numbers of its row and of its state.
pub(super) struct Read {
    pub(super) node: MemoryNode,
    pub(super) n: i64,
    pub(super) s: i64,
}

/// What is read cannot have been written by us.
pub(super) fn wrong(column: usize, reason: impl std::fmt::Display) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Null, reason.to_string().into())
}

/// Fails when a row is not what was written.
pub(super) fn whole(row: &Row<'_>, column: usize) -> Result<()> {
    if row.get(column)? { Ok(()) } else { Err(wrong(column, "its checksum is another")) }
}

pub(super) fn node(connection: &Connection, row: &Row<'_>) -> Result<Read> {
    whole(row, 25)?;
    let time = |column: usize| row.get::<_, i64>(column).and_then(|micros| timestamp(column, micros));
    let later = |column: usize| {
        let micros: Option<i64> = row.get(column)?;
        micros.map(|micros| timestamp(column, micros)).transpose()
    };
    let path: String = row.get(1)?;
    let status: u8 = row.get(6)?;
    let node = MemoryNode {
        id: id(row.get(0)?),
        namespace: Namespace::new(path).map_err(|error| wrong(1, error))?,
        kind: Kind::of_number(row.get(2)?),
        created: time(3)?,
        last_access: time(4)?,
        accesses: row.get(5)?,
        status: *Status::ALL.get(usize::from(status)).ok_or_else(|| wrong(6, "no such status"))?,
        version: row.get(7)?,
        importance: row.get::<_, f64>(8)? as f32,
        valid: Interval { from: later(9)?, to: later(10)? },
        updated: time(11)?,
        ended: later(12)?,
        expires: later(13)?,
        provenance: row.get::<_, Option<String>>(14)?.map(|text| provenance(14, &text)).transpose()?,
        metadata: metadata(15, row.get(15)?)?,
        content: content(connection, row)?,
        embedding: embedding(row)?,
    };
    Ok(Read { node, n: row.get(23)?, s: row.get(24)? })
}

pub(super) fn id(bytes: [u8; 16]) -> Id {
    Id::from_u128(u128::from_be_bytes(bytes))
}

pub(super) fn key(id: Id) -> [u8; 16] {
    id.as_u128().to_be_bytes()
}

pub(super) fn timestamp(column: usize, micros: i64) -> Result<Timestamp> {
    Timestamp::from_micros(micros).map_err(|error| wrong(column, error))
}

pub(super) fn micros(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::micros)
}

/// The number of a status.
pub(super) fn status(status: Status) -> u8 {
    Status::ALL
        .iter()
        .zip(0..)
        .find_map(|(one, number)| (*one == status).then_some(number))
        .unwrap_or_default()
}

const TEXT: u8 = 0;
const JSON: u8 = 1;

/// The number of the type of a content.
pub(super) fn content_type(content: &Content) -> u8 {
    match content {
        Content::Text(_) => TEXT,
        Content::Json(_) => JSON,
        Content::Blob(blob) => {
            let at = Media::ALL.iter().position(|media| *media == blob.media);
            2 + at.and_then(|at| u8::try_from(at).ok()).unwrap_or_default()
        }
    }
}

fn content(connection: &Connection, row: &Row<'_>) -> Result<Content> {
    // What was forgotten has none.
    let Some(number) = row.get::<_, Option<u8>>(16)? else { return Ok(Content::Text(String::new())) };
    match number {
        TEXT => Ok(Content::Text(row.get(17)?)),
        JSON => Ok(Content::Json(json(17, row.get(17)?)?)),
        media => {
            let media = Media::ALL
                .get(usize::from(media.saturating_sub(2)))
                .ok_or_else(|| wrong(16, "no such type"))?;
            let bytes = match row.get_ref(17)? {
                ValueRef::Null => by_digest(connection, row.get(18)?)?,
                value => value.as_blob().map_err(|error| wrong(17, error))?.to_vec(),
            };
            let (mime, caption) = (row.get(19)?, row.get(20)?);
            Ok(Content::Blob(Blob { media: *media, mime, bytes: Bytes::from(bytes), caption }))
        }
    }
}

fn by_digest(connection: &Connection, digest: [u8; 32]) -> Result<Vec<u8>> {
    let mut statement = connection.prepare_cached("SELECT bytes FROM blobs WHERE digest = ?1")?;
    let found: Option<Vec<u8>> = statement.query_row([&digest[..]], |row| row.get(0)).optional()?;
    let bytes = found.ok_or_else(|| wrong(18, "what is stored by its digest is missing"))?;
    match crate::memory::content::Digested::of(&bytes).as_bytes() == &digest {
        true => Ok(bytes),
        false => Err(wrong(18, "what is stored by its digest has another")),
    }
}

fn embedding(row: &Row<'_>) -> Result<Option<Embedding>> {
    let Some(model) = row.get::<_, Option<String>>(21)? else { return Ok(None) };
    let data = row.get_ref(22)?.as_blob().map_err(|error| wrong(22, error))?;
    Ok(Some(Embedding { model, vector: floats(data) }))
}

/// Numbers as they are stored: little-endian.
pub(super) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

pub(super) fn bytes_of(floats: &[f32]) -> Vec<u8> {
    let mut bytes = vec![0; 4 * floats.len()];
    bytes.as_chunks_mut::<4>().0.iter_mut().zip(floats).for_each(|(bytes, x)| *bytes = x.to_le_bytes());
    bytes
}

fn json(column: usize, text: String) -> Result<RawJson> {
    RawJson::new(text).map_err(|error| wrong(column, error))
}

/// Values are kept as they were written: as texts of JSON in an object of texts.
pub(super) fn metadata_text(metadata: &BTreeMap<String, RawJson>) -> Option<String> {
    if metadata.is_empty() {
        return None;
    }
    let entries = metadata.iter().map(|(key, value)| (key.clone(), Value::String(value.as_str().to_owned())));
    Some(Value::Object(entries.collect::<Map<_, _>>()).to_string())
}

pub(super) fn metadata(column: usize, text: Option<String>) -> Result<BTreeMap<String, RawJson>> {
    let Some(text) = text else { return Ok(BTreeMap::new()) };
    let entries: Map<String, Value> = serde_json::from_str(&text).map_err(|error| wrong(column, error))?;
    let entry = |(key, value): (String, Value)| match value {
        Value::String(text) => Ok((key, json(column, text)?)),
        _ => Err(wrong(column, "a value is no text")),
    };
    entries.into_iter().map(entry).collect()
}

pub(super) fn provenance_text(provenance: &Provenance) -> String {
    let derived = provenance.derived_from.iter().map(|id| Value::String(id.to_string())).collect();
    let mut entries = Map::new();
    entries.insert("source".to_owned(), Value::String(provenance.source.clone()));
    entries.insert("derived_from".to_owned(), Value::Array(derived));
    if let Some(reference) = &provenance.reference {
        entries.insert("reference".to_owned(), Value::String(reference.clone()));
    }
    Value::Object(entries).to_string()
}

fn provenance(column: usize, text: &str) -> Result<Provenance> {
    let value: Value = serde_json::from_str(text).map_err(|error| wrong(column, error))?;
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    let ids = value["derived_from"].as_array().map(Vec::as_slice).unwrap_or_default().iter();
    let ids = ids.map(|id| id.as_str().unwrap_or_default().parse::<Id>());
    Ok(Provenance {
        source: text("source").unwrap_or_default(),
        derived_from: ids.collect::<std::result::Result<_, _>>().map_err(|error| wrong(column, error))?,
        reference: text("reference"),
    })
}

/// A query of relations, up to its conditions: `relations` as `r`, its ends as `x` and `y`.
pub(super) static RELATIONS: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT {} FROM relations r JOIN nodes x ON x.n = r.a JOIN nodes y ON y.n = r.b", *RELATION)
});

/// What [`relation`] reads.
pub(super) static RELATION: LazyLock<String> = LazyLock::new(|| {
    let whole = [("relations", "r"), ("nodes", "x"), ("nodes", "y")];
    let whole = whole.map(|(table, name)| sum::is_whole(table, name)).join(" AND ");
    format!("r.id, x.id, r.kind, y.id, r.weight, r.valid_from, r.valid_to, r.created, r.provenance, {whole}")
});

pub(super) fn relation(row: &Row<'_>) -> Result<Relation> {
    whole(row, 9)?;
    let kind: String = row.get(2)?;
    let later = |column: usize| {
        let micros: Option<i64> = row.get(column)?;
        micros.map(|micros| timestamp(column, micros)).transpose()
    };
    Ok(Relation {
        id: id(row.get(0)?),
        from: id(row.get(1)?),
        kind: RelationKind::of_name(&kind).map_err(|error| wrong(2, error))?,
        to: id(row.get(3)?),
        weight: row.get::<_, f64>(4)? as f32,
        valid: Interval { from: later(5)?, to: later(6)? },
        created: timestamp(7, row.get(7)?)?,
        provenance: row.get::<_, Option<String>>(8)?.map(|text| provenance(8, &text)).transpose()?,
    })
}
