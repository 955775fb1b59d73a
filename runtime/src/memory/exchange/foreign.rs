//! What importers of other programs' files have in common: names for what has none, namespaces of what they call users or
//! groups, times as they write them.

use std::io::BufRead;

use sha2::{Digest, Sha256};

use super::elements::{Element, Elements};
use super::fields::{Fault, Raw};
use super::intake::Intake;
use super::{Error, told};
use crate::memory::{
    self, Content, Id, Interval, Kind, Limits, MemoryNode, Namespace, Relation, RelationDraft, RelationKind,
    Status, Timestamp,
};
use crate::wire::v1::Kind as Json;

/// The name of something that has none, or none that is a UUID: the same every time. UUID of version 8.
pub(super) fn id(parts: &[&str]) -> Id {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    let number = digest.iter().take(16).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    let fixed = 0x8 << 76 | 0b10 << 62;
    Id::from_u128(number & !(0xf << 76 | 0b11 << 62) | fixed)
}

/// The name that a record has: its own where that is a UUID, else one made of it.
pub(super) fn id_of(program: &str, text: &str) -> Id {
    text.parse().unwrap_or_else(|_| id(&[program, "id", text]))
}

/// A namespace that is called by a name of another program.
pub(super) struct Below {
    pub(super) namespace: Namespace,
    /// It has another name, because that one cannot stand in it.
    pub(super) is_changed: bool,
}

/// A namespace below another. Where a name has characters that cannot stand in it, or is too long, a digest keeps those
/// apart that would be one; where it ends as if it had a digest, too.
pub(super) fn below(base: &Namespace, what: &str, name: &str) -> Result<Below, memory::Error> {
    let part = format!("{what}:{name}");
    if !ends_in_a_digest(name)
        && let Ok(namespace) = base.below(&part)
    {
        return Ok(Below { namespace, is_changed: false });
    }
    let plain = part.chars().map(|c| if c.is_alphanumeric() || "-_.@:".contains(c) { c } else { '_' });
    let short: String = plain.take(12).collect();
    let digest = id(&[what, name]).as_u128() >> 64;
    let namespace = base.below(&format!("{short}-{digest:016x}"))?;
    Ok(Below { namespace, is_changed: true })
}

fn ends_in_a_digest(name: &str) -> bool {
    let digest = name.rsplit_once('-').map_or("", |(_, last)| last);
    digest.len() == 16 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// RFC 3339; where no offset is said, in UTC; where no time is said, its first moment.
pub(super) fn time(value: Raw<'_>) -> Result<Timestamp, Fault> {
    let text = value.text()?;
    let parsed = Timestamp::parse(&text).or_else(|error| {
        let text = text.replacen(' ', "T", 1);
        let whole = if text.contains('T') { format!("{text}Z") } else { format!("{text}T00:00:00Z") };
        Timestamp::parse(&text).or_else(|_| Timestamp::parse(&whole)).map_err(|_| error)
    });
    parsed.map_err(|error| value.wrong(error.to_string()))
}

/// A memory of another program, with nothing but its content yet.
pub(super) fn node(
    id: Id,
    namespace: Namespace,
    kind: Kind,
    content: Content,
    created: Timestamp,
) -> MemoryNode {
    MemoryNode {
        id,
        namespace,
        kind,
        content,
        embedding: None,
        importance: kind.policy().importance,
        valid: Interval::ALWAYS,
        created,
        updated: created,
        ended: None,
        expires: None,
        last_access: created,
        accesses: 0,
        status: Status::Live,
        version: 1,
        provenance: None,
        metadata: std::collections::BTreeMap::new(),
    }
}

/// A relation of another program, as it is stored. Its name follows from what it says then.
pub(super) fn relation(
    draft: RelationDraft,
    created: Timestamp,
    limits: &Limits,
) -> Result<Relation, memory::Error> {
    let RelationDraft { from, kind, to, weight, valid, provenance } = draft.stored(limits)?;
    let [a, b] = [from, to].map(|id| id.to_string());
    let id = id(&["relation", &a, &kind.name(), &b]);
    Ok(Relation { id, from, kind, to, weight, valid, created, provenance })
}

/// What another program calls a relation, as a kind: `WORKS_AT` is `custom:works-at`.
pub(super) fn relation_kind(name: &str) -> Option<RelationKind> {
    let name = name.trim().to_lowercase().replace(['_', ' '], "-");
    RelationKind::custom(&name, false).ok()
}

/// Numbers of a vector.
pub(super) fn vector(value: Raw<'_>) -> Result<Vec<f32>, Fault> {
    value.list()?.into_iter().map(Raw::number).collect()
}

/// Whether nothing is in a value: `null`, `""`, `[]` or `{}`.
pub(super) fn is_nothing(value: Raw<'_>) -> bool {
    let inside = value.text.trim_matches(['[', ']', '{', '}', '"']);
    value.kind() == Json::Null || value.kind() != Json::Number && inside.trim().is_empty()
}

/// The bytes of the longest record of a file.
fn longest(limits: &Limits) -> usize {
    super::jsonl::longest(limits).saturating_add(limits.dimensions.saturating_mul(32))
}

/// Goes through the records of a document.
pub(super) fn each(
    from: impl BufRead,
    limits: &Limits,
    take: &mut dyn FnMut(&Element) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut elements = Elements::new(from, longest(limits));
    while let Some(element) = elements.next()? {
        take(&element)?;
    }
    Ok(())
}

/// Counts a value that has no place here, by the field that it stands in.
pub(super) fn leave_out(intake: &mut Intake<'_>, element: &Element) {
    if element.is_listed {
        intake.left_out(&format!("records in `{}`", told::name(&element.key)), 1);
    } else if element.text != "null" {
        intake.left_out(&format!("field `{}` of the file", told::name(&element.key)), 1);
    }
}
