//! Between rows and memories.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::{Map, Value};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, FromSqlOwned, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use super::fault::{Fault, Result};
use crate::json::RawJson;
use crate::memory::content::{Blob, Content, Digested, Media};
use crate::memory::id::Id;
use crate::memory::node::{Embedding, MemoryNode, Provenance, Status};
use crate::memory::relation::{Relation, RelationKind};
use crate::memory::time::{Interval, Timestamp};
use crate::memory::{Kind, Namespace};

type Wrong = Box<dyn std::error::Error + Sync + Send>;

/// What a node is read from: `states` as `s`, `nodes` as `k`, and what they refer to.
pub(super) const NODE: &str = "k.id, p.path, k.kind, k.created, k.last_access, k.accesses, s.status, s.version, \
     s.importance, s.valid_from, s.valid_to, s.updated, s.ended, s.expires, s.provenance, s.metadata, c.type, \
     coalesce(c.body, o.bytes), c.digest, c.mime, c.caption, m.name, v.data, s.s";
pub(super) const TABLES: &str = "states s JOIN nodes k ON k.n = s.n JOIN namespaces p ON p.ns = k.ns \
     LEFT JOIN contents c ON c.c = s.c LEFT JOIN blobs o ON o.ns = c.ns AND o.digest = c.digest \
     LEFT JOIN vectors v ON v.v = s.v LEFT JOIN models m ON m.m = v.m";
/// What a relation is read from: `relations` as `r`, its ends as `x` and `y`.
pub(super) const RELATION: &str =
    "r.id, x.id, r.kind, y.id, r.weight, r.valid_from, r.valid_to, r.created, r.provenance";

/// A node, and the number of its state.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) node: MemoryNode,
    pub(super) s: i64,
}

/// Columns of a row from one on.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    pub(super) row: &'a Row,
    pub(super) from: usize,
}

impl Columns<'_> {
    pub(super) fn get<T: FromSqlOwned>(&self, column: usize) -> Result<T> {
        Ok(self.row.try_get(self.from + column)?)
    }

    pub(super) fn time(&self, column: usize) -> Result<Timestamp> {
        timestamp(self.get(column)?)
    }

    pub(super) fn later(&self, column: usize) -> Result<Option<Timestamp>> {
        self.get::<Option<i64>>(column)?.map(timestamp).transpose()
    }

    fn interval(&self, column: usize) -> Result<Interval> {
        Ok(Interval { from: self.later(column)?, to: self.later(column + 1)? })
    }
}

pub(super) fn node(row: &Row, from: usize) -> Result<Read> {
    let row = Columns { row, from };
    let node = MemoryNode {
        id: id(row.get(0)?),
        namespace: Namespace::new(row.get::<String>(1)?).map_err(Fault::wrong)?,
        kind: kind(row.get(2)?),
        created: row.time(3)?,
        last_access: row.time(4)?,
        accesses: row.get::<i64>(5)?.cast_unsigned(),
        status: status_of(row.get(6)?)?,
        version: row.get::<i64>(7)?.cast_unsigned(),
        importance: row.get(8)?,
        valid: row.interval(9)?,
        updated: row.time(11)?,
        ended: row.later(12)?,
        expires: row.later(13)?,
        provenance: row.get::<Option<String>>(14)?.map(|text| provenance(&text)).transpose()?,
        metadata: metadata(row.get(15)?)?,
        content: content(&row)?,
        embedding: embedding(&row)?,
    };
    Ok(Read { node, s: row.get(23)? })
}

pub(super) fn relation(row: &Row, from: usize) -> Result<Relation> {
    let row = Columns { row, from };
    Ok(Relation {
        id: id(row.get(0)?),
        from: id(row.get(1)?),
        kind: RelationKind::of_name(&row.get::<String>(2)?).map_err(Fault::wrong)?,
        to: id(row.get(3)?),
        weight: row.get(4)?,
        valid: row.interval(5)?,
        created: row.time(7)?,
        provenance: row.get::<Option<String>>(8)?.map(|text| provenance(&text)).transpose()?,
    })
}

pub(super) fn id(uuid: Uuid) -> Id {
    Id::from_u128(uuid.as_u128())
}

pub(super) fn key(id: Id) -> Uuid {
    Uuid::from_u128(id.as_u128())
}

pub(super) fn keys(ids: impl IntoIterator<Item = Id>) -> Vec<Uuid> {
    ids.into_iter().map(key).collect()
}

pub(super) fn timestamp(micros: i64) -> Result<Timestamp> {
    Timestamp::from_micros(micros).map_err(Fault::wrong)
}

pub(super) fn micros(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::micros)
}

pub(super) fn kind(number: i16) -> Kind {
    Kind::of_number(u8::try_from(number).unwrap_or(u8::MAX))
}

/// The number of a status.
pub(super) fn status(status: Status) -> i16 {
    let numbered = Status::ALL.iter().zip(0..);
    numbered.into_iter().find_map(|(one, number)| (*one == status).then_some(number)).unwrap_or_default()
}

pub(super) fn status_of(number: i16) -> Result<Status> {
    let found = usize::try_from(number).ok().and_then(|number| Status::ALL.get(number));
    found.copied().ok_or_else(|| Fault::wrong("no such status"))
}

const TEXT: i16 = 0;
const JSON: i16 = 1;

/// The number of the type of a content.
pub(super) fn content_type(content: &Content) -> i16 {
    match content {
        Content::Text(_) => TEXT,
        Content::Json(_) => JSON,
        Content::Blob(blob) => {
            let at = Media::ALL.iter().position(|media| *media == blob.media);
            2 + at.and_then(|at| i16::try_from(at).ok()).unwrap_or_default()
        }
    }
}

fn content(row: &Columns<'_>) -> Result<Content> {
    // What was forgotten has none.
    let Some(number) = row.get::<Option<i16>>(16)? else { return Ok(Content::Text(String::new())) };
    let body: Option<Vec<u8>> = row.get(17)?;
    let body = body.ok_or_else(|| Fault::wrong("what is stored by its digest is missing"))?;
    match number {
        TEXT => Ok(Content::Text(text(body)?)),
        JSON => Ok(Content::Json(RawJson::new(text(body)?).map_err(Fault::wrong)?)),
        media => {
            let media = usize::try_from(media - 2).ok().and_then(|at| Media::ALL.get(at));
            let digest: Option<Vec<u8>> = row.get(18)?;
            if digest.is_some_and(|digest| Digested::of(&body).as_bytes()[..] != digest) {
                return Err(Fault::wrong("what is stored by its digest has another"));
            }
            let caption: Option<Vec<u8>> = row.get(20)?;
            Ok(Content::Blob(Blob {
                media: *media.ok_or_else(|| Fault::wrong("no such type"))?,
                mime: row.get(19)?,
                bytes: Bytes::from(body),
                caption: caption.map(text).transpose()?,
            }))
        }
    }
}

/// Texts of callers may have zeros in them, which the texts of the database may not.
pub(super) fn text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(Fault::wrong)
}

fn embedding(row: &Columns<'_>) -> Result<Option<Embedding>> {
    let Some(model) = row.get::<Option<Vec<u8>>>(21)? else { return Ok(None) };
    let Vector(vector) = row.get(22)?;
    Ok(Some(Embedding { model: text(model)?, vector }))
}

/// A vector as pgvector sends it: how many numbers, two zeros, the numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Vector(pub(super) Vec<f32>);

impl<'a> FromSql<'a> for Vector {
    fn from_sql(_: &Type, raw: &'a [u8]) -> std::result::Result<Self, Wrong> {
        let (head, numbers) = raw.split_at_checked(4).ok_or("a vector without a length")?;
        let length = usize::from(u16::from_be_bytes([head[0], head[1]]));
        let (numbers, rest) = numbers.as_chunks::<4>();
        if numbers.len() != length || !rest.is_empty() {
            return Err("a vector of another length than it says".into());
        }
        Ok(Self(numbers.iter().map(|bytes| f32::from_be_bytes(*bytes)).collect()))
    }

    fn accepts(ty: &Type) -> bool {
        ty.name() == "vector"
    }
}

impl ToSql for Vector {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> std::result::Result<IsNull, Wrong> {
        out.reserve(4 + 4 * self.0.len());
        out.put_u16(u16::try_from(self.0.len())?);
        out.put_u16(0);
        self.0.iter().for_each(|x| out.put_f32(*x));
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        ty.name() == "vector"
    }

    to_sql_checked!();
}

/// Between the key and the value of metadata stands a byte that neither has.
const BETWEEN: u8 = 0xff;

/// An entry of metadata as it is stored: its key, and the value as it was written.
pub(super) fn entry(key: &str, value: &RawJson) -> Vec<u8> {
    [key.as_bytes(), &[BETWEEN], value.as_str().as_bytes()].concat()
}

fn metadata(entries: Option<Vec<Vec<u8>>>) -> Result<BTreeMap<String, RawJson>> {
    let one = |mut entry: Vec<u8>| {
        let at = entry.iter().position(|byte| *byte == BETWEEN);
        let value = entry.split_off(at.ok_or_else(|| Fault::wrong("metadata without a value"))?);
        let value = RawJson::new(text(value[1..].to_vec())?).map_err(Fault::wrong)?;
        Ok((text(entry)?, value))
    };
    entries.unwrap_or_default().into_iter().map(one).collect()
}

/// Metadata as a text that the database reads as `bytea[]`: an array of arrays cannot be sent.
pub(super) fn metadata_text(metadata: &BTreeMap<String, RawJson>) -> Option<String> {
    if metadata.is_empty() {
        return None;
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let entries = metadata.iter().map(|(key, value)| format!("\"\\\\x{}\"", hex(&entry(key, value))));
    Some(format!("{{{}}}", entries.collect::<Vec<_>>().join(",")))
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

fn provenance(text: &str) -> Result<Provenance> {
    let value: Value = serde_json::from_str(text).map_err(Fault::wrong)?;
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    let ids = value["derived_from"].as_array().map(Vec::as_slice).unwrap_or_default().iter();
    let ids = ids.map(|id| id.as_str().unwrap_or_default().parse::<Id>());
    Ok(Provenance {
        source: text("source").unwrap_or_default(),
        derived_from: ids.collect::<std::result::Result<_, _>>().map_err(Fault::wrong)?,
        reference: text("reference"),
    })
}
