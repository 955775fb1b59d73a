//! What mem0 gives for `get_all`, as JSON.
//!
//! Read in mem0ai/mem0 at 8d5b786, `mem0/memory/main.py`, `get_all` and `_get_all_from_vector_store`: `{"results": […]}`;
//! before 1.1 a list alone; with a graph store, `relations` besides. The platform's pages, `{"count", "next", "previous",
//! "results"}`, are read as well. Each record is `id`, `memory`, `hash`, `metadata`, `created_at`, `updated_at`; `user_id`,
//! `agent_id`, `run_id`, `actor_id` and `role` where there are such, `expiration_date` on later versions.
//!
//! | there | here |
//! |---|---|
//! | a record | a fact; a procedure where its metadata says `memory_type: procedural_memory` |
//! | `user_id`, `agent_id`, `app_id`, `run_id` | parts of the namespace, in this order: `user:ada/run:7`; a name that cannot stand there is metadata, too |
//! | `actor_id` or `role` | the source of the memory |
//! | `expiration_date` | when it will be gone by itself: of a date alone, at the end of that day in UTC |
//! | `metadata`, `categories` and whatever else a record has | metadata: `mem0:` before what is no metadata there |
//! | a triple of `relations` | two associative memories, and a custom relation between them |
//!
//! Not carried over, and counted: `hash`, which is of the text; `score`, which is of a search; metadata under the name that
//! a field has here; pages that are not in the file; relations whose name has other characters than a kind may have, which
//! become `related_to`.

use std::io::BufRead;
use std::time::Duration;

use super::elements::Element;
use super::fields::{Fault, Fields, Raw};
use super::foreign::{self, below, each, id_of, is_nothing, leave_out};
use super::intake::{Intake, Mode};
use super::{Error, Report, told};
use crate::json::RawJson;
use crate::memory::store::Store;
use crate::memory::{
    Content, Kind, MemoryNode, Namespace, Provenance, RelationDraft, RelationKind, Settings, Timestamp,
};
use crate::wire::v1::Kind as Json;

const PROGRAM: &str = "mem0";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Whose memories these are there, from the widest to the narrowest.
const SCOPES: [(&str, &str); 4] =
    [("user_id", "user"), ("agent_id", "agent"), ("app_id", "app"), ("run_id", "run")];

/// Stores what is in a dump, below a namespace.
///
/// # Errors
/// When the dump is no JSON, or a record has no text or a field of another type; or when the store fails. What was stored
/// until then stays, and is found there the next time.
pub fn import(
    store: &dyn Store,
    settings: &Settings,
    from: impl BufRead,
    namespace: &Namespace,
    mode: Mode,
) -> Result<Report, Error> {
    let mut intake = Intake::new(store, &settings.limits, mode);
    let mut reading = Reading { intake: &mut intake, base: namespace, now: settings.clock.now() };
    each(from, &settings.limits, &mut |element| reading.take(element))?;
    intake.finish()
}

struct Reading<'a, 'b> {
    intake: &'a mut Intake<'b>,
    base: &'a Namespace,
    now: Timestamp,
}

impl Reading<'_, '_> {
    fn take(&mut self, element: &Element) -> Result<(), Error> {
        match (element.key.as_str(), element.is_listed) {
            ("" | "results" | "memories", true) => self.memory(element),
            ("relations", true) => self.triple(element),
            ("count", false) => Ok(()),
            ("next", false) if element.text != "null" => {
                self.intake.left_out("further pages, which `next` names", 1);
                Ok(())
            }
            ("previous", false) if element.text != "null" => {
                self.intake.left_out("earlier pages, which `previous` names", 1);
                Ok(())
            }
            _ => {
                leave_out(self.intake, element);
                Ok(())
            }
        }
    }

    fn memory(&mut self, element: &Element) -> Result<(), Error> {
        let mut fields = element.fields()?;
        let mut node = self.node(&mut fields).map_err(|fault| element.fault(fault))?;
        for of_search in ["hash", "score"] {
            if fields.given(of_search).is_some() {
                self.intake.left_out(&format!("field `{of_search}` of memories"), 1);
            }
        }
        for (key, value) in fields.rest().into_iter().filter(|(_, value)| !is_nothing(*value)) {
            self.keep(&mut node, format!("mem0:{key}"), value.json());
        }
        if node.content.is_empty() {
            self.intake.left_out("memories without a text", 1);
            return Ok(());
        }
        self.intake.node(element.line, node)
    }

    /// Keeps a field with a memory, also where its metadata has one of the same name.
    fn keep(&mut self, node: &mut MemoryNode, key: String, value: RawJson) {
        if node.metadata.insert(key, value).is_some() {
            self.intake.left_out("metadata that has the name of a field", 1);
        }
    }

    fn node(&mut self, fields: &mut Fields<'_>) -> Result<MemoryNode, Fault> {
        let id = id_of(PROGRAM, &scalar(fields.need("id")?)?);
        let content = Content::Text(fields.need("memory")?.text()?.into_owned());
        let created = fields.given("created_at").map(foreign::time).transpose()?.unwrap_or(self.now);
        let (namespace, changed) = self.namespace(fields)?;
        let mut node = foreign::node(id, namespace, Kind::Fact, content, created);
        let updated = fields.given("updated_at").map(foreign::time).transpose()?;
        node.updated = updated.unwrap_or(created).max(created);
        node.expires = fields.given("expiration_date").map(expiry).transpose()?;
        let (actor, role) = (fields.given("actor_id"), fields.given("role"));
        let source = actor.or(role).map(scalar).transpose()?;
        node.provenance = Some(Provenance::new(source.unwrap_or_else(|| PROGRAM.to_owned())));
        metadata(fields, &mut node)?;
        if let (Some(_), Some(role)) = (actor, role) {
            self.keep(&mut node, "mem0:role".to_owned(), role.json());
        }
        changed.into_iter().for_each(|(key, value)| self.keep(&mut node, key, value));
        Ok(node)
    }

    /// Whose it is, and the names that could not stand there as they are.
    fn namespace(&self, fields: &mut Fields<'_>) -> Result<(Namespace, Vec<(String, RawJson)>), Fault> {
        let (mut namespace, mut changed) = (self.base.clone(), Vec::new());
        for (field, part) in SCOPES {
            let Some(value) = fields.given(field) else { continue };
            let name = scalar(value)?;
            if name.is_empty() {
                continue;
            }
            let found = below(&namespace, part, &name).map_err(|error| value.wrong(error.to_string()))?;
            namespace = found.namespace;
            if found.is_changed {
                changed.push((format!("mem0:{field}"), value.json()));
            }
        }
        Ok((namespace, changed))
    }

    /// Two entities and what joins them.
    fn triple(&mut self, element: &Element) -> Result<(), Error> {
        let mut fields = element.fields()?;
        let read = triple(&mut fields).map_err(|fault| element.fault(fault))?;
        let rest = fields.rest();
        for (key, _) in rest {
            self.intake.left_out(&format!("field `{}` of relations", told::name(&key)), 1);
        }
        let [from, to] = [&read.source, &read.target]
            .map(|name| foreign::id(&[PROGRAM, "entity", self.base.as_str(), name]));
        if from == to || read.source.is_empty() || read.target.is_empty() {
            self.intake.left_out("relations that do not join two entities", 1);
            return Ok(());
        }
        for (id, name) in [(from, read.source), (to, read.target)] {
            let content = Content::Text(name);
            let node = foreign::node(id, self.base.clone(), Kind::Associative, content, self.now);
            let provenance = Some(Provenance::new(PROGRAM));
            self.intake.node(element.line, MemoryNode { provenance, ..node })?;
        }
        let kind = foreign::relation_kind(&read.name).unwrap_or_else(|| {
            let name = told::name(&read.name);
            self.intake.left_out(&format!("relation name `{name}`, kept as `related_to`"), 1);
            RelationKind::RelatedTo
        });
        let draft = RelationDraft::new(from, kind, to).provenance(Provenance::new(PROGRAM));
        let relation = foreign::relation(draft, self.now, self.intake.limits());
        let relation = relation.map_err(|source| Error::Refused { line: element.line, source })?;
        self.intake.relation(element.line, relation)
    }
}

struct Triple {
    source: String,
    name: String,
    target: String,
}

/// `relationship` and `target`; on some versions `relation` and `destination`.
fn triple(fields: &mut Fields<'_>) -> Result<Triple, Fault> {
    let source = scalar(fields.need("source")?)?;
    let name = fields.given("relationship").or_else(|| fields.given("relation"));
    let name = scalar(name.map_or_else(|| fields.need("relationship"), Ok)?)?;
    let target = fields.given("target").or_else(|| fields.given("destination"));
    let target = scalar(target.map_or_else(|| fields.need("target"), Ok)?)?;
    Ok(Triple { source, name, target })
}

fn metadata(fields: &mut Fields<'_>, node: &mut MemoryNode) -> Result<(), Fault> {
    let Some(value) = fields.given("metadata") else { return Ok(()) };
    if value.kind() != Json::Object {
        node.metadata.insert("mem0:metadata".to_owned(), value.json());
        return Ok(());
    }
    for (key, value) in value.fields()?.rest() {
        if key == "memory_type" && value.text == "\"procedural_memory\"" {
            node.kind = Kind::Procedural;
        }
        let key = if key.is_empty() { "mem0:".to_owned() } else { key };
        node.metadata.insert(key, value.json());
    }
    Ok(())
}

/// There, a memory is expired on the days after its date, in UTC.
fn expiry(value: Raw<'_>) -> Result<Timestamp, Fault> {
    let time = foreign::time(value)?;
    let is_date = !value.text.contains(':');
    Ok(if is_date { time.plus(DAY) } else { time })
}

/// A name: there it is a string, or a number.
fn scalar(value: Raw<'_>) -> Result<String, Fault> {
    match value.kind() {
        Json::Number => Ok(value.text.to_owned()),
        _ => Ok(value.text()?.into_owned()),
    }
}
