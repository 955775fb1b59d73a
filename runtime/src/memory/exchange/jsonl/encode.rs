//! From memories to lines: each in one way only, so that the same store is the same file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::intake::COUNTED;
use super::{Counted, FORMAT, UNKNOWN, VERSION};
use crate::json::RawJson;
use crate::memory::content::{Content, Digested};
use crate::memory::{Embedding, Id, Interval, MemoryNode, Provenance, Relation, Status, Timestamp};
use crate::wire::v1::JsonWriter;

/// JSON that is nested deeper stands as a string, so that its line can be read.
const DEPTH: usize = 100;

/// The fields that a line of a memory can have. What has another name is not known.
pub(super) const KNOWN: [&str; 23] = [
    "memory",
    "namespace",
    "kind",
    "kind_name",
    "status",
    "version",
    "text",
    "json",
    "json_text",
    "blob",
    "embedding",
    "importance",
    "valid",
    "created",
    "updated",
    "ended",
    "expires",
    "last_access",
    "accesses",
    "provenance",
    "metadata",
    "metadata_text",
    "data",
];

pub(super) fn header(out: &mut JsonWriter) {
    out.lit(r#"{"format":"#);
    out.str(FORMAT);
    out.lit(r#","version":"#);
    out.uint(VERSION);
    out.close();
}

pub(super) fn end(out: &mut JsonWriter, counted: Counted, digest: &str) {
    out.lit(r#"{"end":true,"memories":"#);
    out.uint(counted.memories);
    out.lit(r#","relations":"#);
    out.uint(counted.relations);
    out.lit(r#","sha256":"#);
    out.str(digest);
    out.close();
}

pub(super) fn data(out: &mut JsonWriter, digest: &str, part: u64, bytes: &[u8]) {
    out.lit(r#"{"data":"#);
    out.str(digest);
    out.lit(r#","part":"#);
    out.uint(part);
    out.lit(r#","base64":"#);
    out.str(&STANDARD.encode(bytes));
    out.close();
}

pub(super) fn memory(out: &mut JsonWriter, node: &MemoryNode) {
    out.lit(r#"{"memory":"#);
    id(out, node.id);
    out.lit(r#","namespace":"#);
    out.str(node.namespace.as_str());
    out.lit(r#","kind":"#);
    out.uint(node.kind.number().into());
    out.lit(r#","kind_name":"#);
    out.str(&node.kind.name());
    out.lit(r#","status":"#);
    out.str(node.status.name());
    out.lit(r#","version":"#);
    out.uint(node.version.min(COUNTED));
    if node.status != Status::Forgotten {
        said(out, node);
    }
    time(out, ",\"created\":", Some(node.created));
    time(out, ",\"updated\":", Some(node.updated));
    time(out, ",\"ended\":", node.ended);
    if node.status != Status::Forgotten {
        kept(out, node);
    }
    out.close();
}

/// What a memory says.
fn said(out: &mut JsonWriter, node: &MemoryNode) {
    content(out, &node.content);
    node.embedding.iter().for_each(|vector| embedding(out, vector));
    out.lit(r#","importance":"#);
    number(out, node.importance);
    interval(out, node.valid);
}

/// What is kept with it.
fn kept(out: &mut JsonWriter, node: &MemoryNode) {
    time(out, ",\"expires\":", node.expires);
    time(out, ",\"last_access\":", Some(node.last_access));
    out.lit(r#","accesses":"#);
    out.uint(node.accesses.min(COUNTED));
    node.provenance.iter().for_each(|origin| provenance(out, origin));
    metadata(out, node);
}

fn content(out: &mut JsonWriter, content: &Content) {
    match content {
        Content::Text(text) => {
            out.lit(r#","text":"#);
            out.str(text);
        }
        Content::Json(json) if is_plain(json) => {
            out.lit(r#","json":"#);
            out.raw(json);
        }
        Content::Json(json) => {
            out.lit(r#","json_text":"#);
            out.str(json.as_str());
        }
        Content::Blob(blob) => {
            out.lit(r#","blob":{"media":"#);
            out.str(blob.media.name());
            out.lit(r#","mime":"#);
            out.str(&blob.mime);
            out.lit(r#","sha256":"#);
            out.str(&Digested::of(&blob.bytes).to_string());
            out.lit(r#","bytes":"#);
            out.uint(blob.bytes.len() as u64);
            if let Some(caption) = &blob.caption {
                out.lit(r#","caption":"#);
                out.str(caption);
            }
            out.close();
        }
    }
}

fn embedding(out: &mut JsonWriter, Embedding { model, vector }: &Embedding) {
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    out.lit(r#","embedding":{"model":"#);
    out.str(model);
    out.lit(r#","f32":"#);
    out.str(&STANDARD.encode(bytes));
    out.close();
}

/// What is not known here goes back to where it was; the rest stands as it is, or as a text.
fn metadata(out: &mut JsonWriter, node: &MemoryNode) {
    let unknown = |key: &str| {
        let name = key.strip_prefix(UNKNOWN).filter(|name| !KNOWN.contains(name))?;
        (!name.is_empty()).then(|| name.to_owned())
    };
    let all = || node.metadata.iter().map(|(key, value)| (key, value, unknown(key), is_plain(value)));
    let is_field = |name: &Option<String>, is_plain: bool| name.is_some() && is_plain;
    let plain = all().filter(|(_, _, name, is_plain)| *is_plain && !is_field(name, *is_plain));
    object(out, r#","metadata":"#, plain.map(|(key, value, ..)| (key, value)), |out, value| out.raw(value));
    let texts = all().filter(|(_, _, _, is_plain)| !*is_plain);
    let write = |out: &mut JsonWriter, value: &RawJson| out.str(value.as_str());
    object(out, r#","metadata_text":"#, texts.map(|(key, value, ..)| (key, value)), write);
    for (_, value, name, is_plain) in all() {
        if let Some(name) = name.filter(|_| is_plain) {
            out.lit(",");
            out.str(&name);
            out.lit(":");
            out.raw(value);
        }
    }
}

fn object<'a>(
    out: &mut JsonWriter,
    start: &'static str,
    entries: impl Iterator<Item = (&'a String, &'a RawJson)>,
    write: impl Fn(&mut JsonWriter, &RawJson),
) {
    let before = out.mark();
    out.lit(start);
    out.open();
    for (key, value) in entries {
        out.comma();
        out.str(key);
        out.lit(":");
        write(out, value);
    }
    out.close_or_drop(before);
}

pub(super) fn relation(out: &mut JsonWriter, relation: &Relation) {
    out.lit(r#"{"relation":"#);
    id(out, relation.id);
    out.lit(r#","from":"#);
    id(out, relation.from);
    out.lit(r#","kind":"#);
    out.str(&relation.kind.name());
    out.lit(r#","to":"#);
    id(out, relation.to);
    out.lit(r#","weight":"#);
    number(out, relation.weight);
    interval(out, relation.valid);
    time(out, ",\"created\":", Some(relation.created));
    relation.provenance.iter().for_each(|origin| provenance(out, origin));
    out.close();
}

fn id(out: &mut JsonWriter, id: Id) {
    out.str(&id.to_string());
}

/// The shortest text that gives the same 32 bits again.
fn number(out: &mut JsonWriter, number: f32) {
    out.raw_text(&number.to_string());
}

fn time(out: &mut JsonWriter, key: &'static str, time: Option<Timestamp>) {
    if let Some(time) = time {
        out.key(key);
        out.str(&time.to_string());
    }
}

fn interval(out: &mut JsonWriter, valid: Interval) {
    let before = out.mark();
    out.lit(r#","valid":{"#);
    time(out, ",\"from\":", valid.from);
    time(out, ",\"to\":", valid.to);
    out.close_or_drop(before);
}

fn provenance(out: &mut JsonWriter, Provenance { source, derived_from, reference }: &Provenance) {
    out.lit(r#","provenance":{"source":"#);
    out.str(source);
    out.lit(r#","derived_from":["#);
    for from in derived_from {
        out.comma();
        id(out, *from);
    }
    out.close_list();
    if let Some(reference) = reference {
        out.lit(r#","reference":"#);
        out.str(reference);
    }
    out.close();
}

/// Whether JSON can stand in a line as it was written.
fn is_plain(json: &RawJson) -> bool {
    let text = json.as_str();
    text.trim_ascii() == text && !text.contains(['\n', '\r']) && depth(text) <= DEPTH
}

pub(in crate::memory::exchange) fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut is_text, mut is_escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_text = !is_text,
            b'[' | b'{' if !is_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !is_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
