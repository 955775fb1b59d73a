//! From lines to memories. What a line says is taken as it stands, or refused where it is wrong.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::super::fields::{Fault, Fields, Raw};
use super::super::told;
use super::UNKNOWN;
use crate::json::RawJson;
use crate::memory::content::{Blob, Content, Digested, Media};
use crate::memory::{
    Embedding, Interval, Kind, MemoryNode, Namespace, Provenance, Relation, RelationKind, Status,
};

/// A medium that was put together from its lines.
pub(super) struct Medium {
    pub(super) digest: String,
    pub(super) bytes: Vec<u8>,
}

pub(super) fn memory(mut fields: Fields<'_>, medium: Option<Medium>) -> Result<MemoryNode, Fault> {
    let id = fields.need("memory")?;
    let created = fields.need("created")?.time()?;
    let mut node = MemoryNode {
        id: id.id()?,
        namespace: fields.need("namespace")?.parsed(|path| Namespace::new(path))?,
        kind: kind(&mut fields)?,
        content: Content::Text(String::new()),
        embedding: None,
        importance: 0.0,
        valid: Interval::ALWAYS,
        created,
        updated: fields.need("updated")?.time()?,
        ended: fields.take("ended").map(Raw::time).transpose()?,
        expires: None,
        last_access: created,
        accesses: 0,
        status: status(&mut fields)?,
        version: fields.need("version")?.whole()?,
        provenance: None,
        metadata: BTreeMap::new(),
    };
    if node.status != Status::Forgotten {
        said(&mut node, &mut fields, medium)?;
        node.metadata = metadata(fields)?;
        return Ok(node);
    }
    if medium.is_some() {
        return Err(id.wrong("it is forgotten, and has a medium"));
    }
    fields.none_left()?;
    Ok(node)
}

fn kind(fields: &mut Fields<'_>) -> Result<Kind, Fault> {
    let number = fields.need("kind")?;
    let kind = u8::try_from(number.whole()?).map_err(|_| number.wrong("a kind is a number up to 255"))?;
    let kind = Kind::of_number(kind);
    if let Some(name) = fields.take("kind_name") {
        // What a kind is called that is not known here is for whoever knows it.
        let said = name.text()?;
        if !matches!(kind, Kind::Other(_)) && said != kind.name() {
            return Err(name.wrong(format!("kind {} is {}, not {said}", kind.number(), kind.name())));
        }
    }
    Ok(kind)
}

fn status(fields: &mut Fields<'_>) -> Result<Status, Fault> {
    let status = fields.need("status")?;
    Status::of_name(&status.text()?).ok_or_else(|| status.wrong("there is no such status"))
}

fn said(node: &mut MemoryNode, fields: &mut Fields<'_>, medium: Option<Medium>) -> Result<(), Fault> {
    node.content = content(fields, medium)?;
    node.embedding = fields.take("embedding").map(embedding).transpose()?;
    node.importance = fields.need("importance")?.number()?;
    node.valid = interval(fields)?;
    node.expires = fields.take("expires").map(Raw::time).transpose()?;
    node.last_access = fields.need("last_access")?.time()?;
    node.accesses = fields.need("accesses")?.whole()?;
    node.provenance = fields.take("provenance").map(provenance).transpose()?;
    Ok(())
}

fn content(fields: &mut Fields<'_>, medium: Option<Medium>) -> Result<Content, Fault> {
    let names = ["text", "json", "json_text", "blob"];
    let mut found = names.into_iter().filter_map(|name| Some((name, fields.take(name)?)));
    let first = found.next();
    if let (Some((name, _)), Some((other, second))) = (first, found.next()) {
        return Err(second.wrong(format!("it has `{name}` already, and cannot have `{other}`")));
    }
    drop(found);
    let (name, value) = first.map_or_else(|| fields.need("text").map(|value| ("text", value)), Ok)?;
    if medium.is_some() && name != "blob" {
        return Err(value.wrong("the lines before are of a medium, which this memory has not"));
    }
    Ok(match name {
        "text" => Content::Text(value.text()?.into_owned()),
        "json" => Content::Json(value.json()),
        "json_text" => Content::Json(json_text(value)?),
        _ => Content::Blob(blob(value, medium)?),
    })
}

fn json_text(value: Raw<'_>) -> Result<RawJson, Fault> {
    RawJson::new(value.text()?).map_err(|error| value.wrong(format!("in it, {error}")))
}

fn blob(value: Raw<'_>, medium: Option<Medium>) -> Result<Blob, Fault> {
    let mut fields = value.fields()?;
    let media = fields.need("media")?;
    let digest = fields.need("sha256")?;
    let bytes = fields.need("bytes")?;
    let Medium { digest: said, bytes: data } =
        medium.ok_or_else(|| value.wrong("its medium does not stand before it"))?;
    let found = Digested::of(&data).to_string();
    if found != said || digest.text()? != said {
        return Err(digest.wrong(format!("the medium before it has the digest {found}")));
    }
    if bytes.whole()? != data.len() as u64 {
        return Err(bytes.wrong(format!("the medium before it has {} bytes", data.len())));
    }
    let blob = Blob {
        media: Media::of_name(&media.text()?).ok_or_else(|| media.wrong("there is no such medium"))?,
        mime: fields.need("mime")?.text()?.into_owned(),
        bytes: Bytes::from(data),
        caption: fields.take("caption").map(Raw::text).transpose()?.map(|text| text.into_owned()),
    };
    fields.none_left()?;
    Ok(blob)
}

fn embedding(value: Raw<'_>) -> Result<Embedding, Fault> {
    let mut fields = value.fields()?;
    let (model, floats) = (fields.need("model")?.text()?.into_owned(), fields.need("f32")?);
    fields.none_left()?;
    let bytes = base64_of(floats)?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(floats.wrong(format!("{} bytes are no 32-bit numbers", bytes.len())));
    }
    let vector = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Ok(Embedding { model, vector })
}

pub(super) fn base64_of(value: Raw<'_>) -> Result<Vec<u8>, Fault> {
    STANDARD.decode(value.text()?.as_bytes()).map_err(|error| value.wrong(format!("no base64: {error}")))
}

fn interval(fields: &mut Fields<'_>) -> Result<Interval, Fault> {
    let Some(value) = fields.take("valid") else { return Ok(Interval::ALWAYS) };
    let mut fields = value.fields()?;
    let from = fields.take("from").map(Raw::time).transpose()?;
    let to = fields.take("to").map(Raw::time).transpose()?;
    fields.none_left()?;
    Interval { from, to }.checked().map_err(|error| value.wrong(error.to_string()))
}

fn provenance(value: Raw<'_>) -> Result<Provenance, Fault> {
    let mut fields = value.fields()?;
    let provenance = Provenance {
        source: fields.need("source")?.text()?.into_owned(),
        derived_from: fields
            .need("derived_from")?
            .list()?
            .into_iter()
            .map(Raw::id)
            .collect::<Result<_, _>>()?,
        reference: fields.take("reference").map(Raw::text).transpose()?.map(|text| text.into_owned()),
    };
    fields.none_left()?;
    Ok(provenance)
}

/// What is kept with a memory: its metadata, and every field that nobody knows.
fn metadata(mut fields: Fields<'_>) -> Result<BTreeMap<String, RawJson>, Fault> {
    let mut metadata = BTreeMap::new();
    let plain = fields.take("metadata").map(Raw::fields).transpose()?;
    let texts = fields.take("metadata_text").map(Raw::fields).transpose()?;
    let plain = plain.into_iter().flat_map(Fields::rest).map(|(key, value)| (key, value, Ok(value.json())));
    let texts = texts.into_iter().flat_map(Fields::rest).map(|(key, value)| (key, value, json_text(value)));
    let unknown = fields.rest().into_iter();
    let unknown = unknown.map(|(key, value)| (format!("{UNKNOWN}{key}"), value, Ok(value.json())));
    for (key, value, json) in plain.chain(texts).chain(unknown) {
        if metadata.contains_key(&key) {
            return Err(value.wrong(format!("`{key}` is kept with it twice")));
        }
        metadata.insert(key, json?);
    }
    Ok(metadata)
}

/// A relation, and what could not be kept of it.
pub(super) fn relation(mut fields: Fields<'_>) -> Result<(Relation, Vec<String>), Fault> {
    let mut lost = Vec::new();
    let id = fields.need("relation")?.id()?;
    let (from, to) = (fields.need("from")?.id()?, fields.need("to")?.id()?);
    let kind = relation_kind(fields.need("kind")?, &mut lost)?;
    let relation = Relation {
        id,
        from,
        kind,
        to,
        weight: fields.need("weight")?.number()?,
        valid: interval(&mut fields)?,
        created: fields.need("created")?.time()?,
        provenance: fields.take("provenance").map(provenance).transpose()?,
    };
    lost.extend(
        fields.rest().into_iter().map(|(key, _)| format!("field `{}` of relations", told::name(&key))),
    );
    Ok((relation, lost))
}

/// A kind of a later version becomes one of the caller's own.
fn relation_kind(value: Raw<'_>, lost: &mut Vec<String>) -> Result<RelationKind, Fault> {
    let name = value.text()?;
    if let Ok(kind) = RelationKind::of_name(&name) {
        return Ok(kind);
    }
    let own = RelationKind::custom(&name.to_lowercase().replace('_', "-"), false);
    let own = own.map_err(|error| value.wrong(error.to_string()))?;
    lost.push(format!("kind `{}` of relations, kept as `{own}`", told::name(&name)));
    Ok(own)
}
