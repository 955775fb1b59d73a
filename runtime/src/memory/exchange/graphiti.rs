//! What Graphiti holds, as JSON.
//!
//! Graphiti writes no file of its own; what people keep are its models as `model_dump(mode="json")` gives them. Read in
//! getzep/graphiti at 993e081: `AddBulkEpisodeResults` and `AddEpisodeResults` of `graphiti_core/graphiti.py` are the
//! document, `EpisodicNode`, `EntityNode` and `CommunityNode` of `nodes.py` and `EpisodicEdge`, `EntityEdge` and
//! `CommunityEdge` of `edges.py` its records:
//!
//! ```text
//! {"episodes": […], "episodic_edges": […], "nodes": […], "edges": […], "communities": […], "community_edges": […]}
//! ```
//!
//! | there | here |
//! |---|---|
//! | `group_id` | a part of the namespace: `group:ID`, where it is not empty; a name that cannot stand there is metadata, too |
//! | episode | an episode that holds since `valid_at`; its content JSON where `source` is `json` and it is JSON, else `source` is metadata |
//! | entity | a semantic memory: `name`, and its `summary` |
//! | entity edge | a fact, because it has a text, a vector and times of its own: it holds from `valid_at` to `invalid_at`, was stored at `created_at`, and is invalidated since `expired_at`; relations `custom:subject` and `custom:object` lead to its entities, `derived_from` to its episodes |
//! | episodic edge | the entity is `derived_from` the episode |
//! | community, community edge | a semantic memory; the member is `part_of` it |
//! | `fact_embedding`, `name_embedding` | the vector, if it is said which model made it |
//! | `name`, `labels`, `attributes`, and whatever else a record has | metadata: `graphiti:name`, … |
//!
//! Not carried over, and counted: vectors of models that are not said; sagas and the edges of episodes among each other;
//! `entity_edges` of episodes, as facts name their episodes; edges to what is not in the file; what edges without a text
//! have besides their ends, their names and their groups, which are not kept; an end of a fact that is not after its
//! beginning, which is kept as metadata.

use std::io::{BufRead, Seek, SeekFrom};

use super::elements::Element;
use super::fields::{Fault, Fields, Raw};
use super::foreign::{self, below, each, id_of, is_nothing, leave_out};
use super::intake::{Intake, Mode};
use super::{Error, Report, told};
use crate::json::RawJson;
use crate::memory::store::Store;
use crate::memory::{
    Content, Embedding, Id, Interval, Kind, MemoryNode, Namespace, Provenance, RelationDraft, RelationKind,
    Settings, Status, Timestamp,
};

const PROGRAM: &str = "graphiti";

/// How a dump is read.
#[derive(Debug, Clone)]
pub struct Import {
    /// Below which namespace everything goes.
    pub namespace: Namespace,
    /// The model that made the vectors: they do not say.
    pub model: Option<String>,
    /// Whether it is done.
    pub mode: Mode,
}

/// Stores what is in a dump. It is read twice: edges may stand before what they join.
///
/// # Errors
/// When the dump is no JSON, or a record lacks what it needs or has a field of another type; or when the store fails. What
/// was stored until then stays, and is found there the next time.
pub fn import(
    store: &dyn Store,
    settings: &Settings,
    from: &mut (impl BufRead + Seek),
    import: &Import,
) -> Result<Report, Error> {
    let start = from.stream_position().map_err(Error::read)?;
    let mut intake = Intake::new(store, &settings.limits, import.mode);
    let now = settings.clock.now();
    let mut reading = Reading { intake: &mut intake, import, now };
    each(&mut *from, &settings.limits, &mut |element| reading.memory(element))?;
    from.seek(SeekFrom::Start(start)).map_err(Error::read)?;
    each(from, &settings.limits, &mut |element| reading.relations(element))?;
    intake.finish()
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Episode,
    Entity,
    Fact,
    Mention,
    Community,
    Member,
    Other,
}

fn what(element: &Element) -> What {
    match (element.key.as_str(), element.is_listed) {
        ("episodes" | "episodic_nodes", true) | ("episode", false) => What::Episode,
        ("nodes" | "entity_nodes" | "entities", true) => What::Entity,
        ("edges" | "entity_edges" | "facts", true) => What::Fact,
        ("episodic_edges", true) => What::Mention,
        ("communities" | "community_nodes", true) => What::Community,
        ("community_edges", true) => What::Member,
        _ => What::Other,
    }
}

struct Reading<'a, 'b> {
    intake: &'a mut Intake<'b>,
    import: &'a Import,
    now: Timestamp,
}

impl Reading<'_, '_> {
    fn memory(&mut self, element: &Element) -> Result<(), Error> {
        let what = what(element);
        match what {
            What::Mention | What::Member => return Ok(()),
            What::Other => {
                leave_out(self.intake, element);
                return Ok(());
            }
            What::Episode | What::Entity | What::Fact | What::Community => {}
        }
        if element.text == "null" {
            return Ok(());
        }
        let mut fields = element.fields()?;
        let read = match what {
            What::Episode => self.episode(&mut fields),
            What::Fact => self.fact(&mut fields),
            _ => self.entity(&mut fields),
        };
        let mut node = read.map_err(|fault| element.fault(fault))?;
        for (key, value) in fields.rest().into_iter().filter(|(_, value)| !is_nothing(*value)) {
            node.metadata.insert(format!("graphiti:{key}"), value.json());
        }
        if node.content.is_empty() {
            self.intake.left_out(&format!("records in `{}` without a text", told::name(&element.key)), 1);
            return Ok(());
        }
        self.intake.node(element.line, node)
    }

    /// What all records have.
    fn begin(&mut self, fields: &mut Fields<'_>, kind: Kind, content: Content) -> Result<MemoryNode, Fault> {
        let id = id_of(PROGRAM, &fields.need("uuid")?.text()?);
        let group = fields.given("group_id");
        let created = fields.given("created_at").map(foreign::time).transpose()?.unwrap_or(self.now);
        let node = foreign::node(id, self.import.namespace.clone(), kind, content, created);
        let mut node = MemoryNode { provenance: Some(Provenance::new(PROGRAM)), ..node };
        let Some(value) = group else { return Ok(node) };
        let name = value.text()?;
        if !name.is_empty() {
            let found = below(&node.namespace, "group", &name);
            let found = found.map_err(|error| value.wrong(error.to_string()))?;
            node.namespace = found.namespace;
            if found.is_changed {
                node.metadata.insert("graphiti:group_id".to_owned(), value.json());
            }
        }
        Ok(node)
    }

    fn episode(&mut self, fields: &mut Fields<'_>) -> Result<MemoryNode, Fault> {
        let text = fields.need("content")?.text()?.into_owned();
        let source = fields.given("source");
        let is_json = source.is_some_and(|source| source.text == "\"json\"");
        let json = is_json.then(|| RawJson::new(text.clone()).ok()).flatten();
        // What it is stays said where the content is JSON.
        let source = source.filter(|_| json.is_none());
        let mut node = self.begin(fields, Kind::Episode, json.map_or(Content::Text(text), Content::Json))?;
        if let Some(source) = source {
            node.metadata.insert("graphiti:source".to_owned(), source.json());
        }
        node.valid.from = fields.given("valid_at").map(foreign::time).transpose()?;
        let source = fields.given("source_description").map(Raw::text).transpose()?;
        if let Some(source) = source.filter(|source| !source.is_empty()) {
            node.provenance = Some(Provenance::new(source).reference(PROGRAM));
        }
        // Its facts say so themselves, and there may be too many for metadata.
        if fields.given("entity_edges").is_some_and(|edges| !is_nothing(edges)) {
            self.intake.left_out("`entity_edges` of episodes, as their facts name the episodes", 1);
        }
        Ok(node)
    }

    /// An entity or a community.
    fn entity(&mut self, fields: &mut Fields<'_>) -> Result<MemoryNode, Fault> {
        let name = fields.need("name")?;
        let summary = fields.given("summary").map(Raw::text).transpose()?.unwrap_or_default();
        let text = match summary.trim() {
            "" => name.text()?.into_owned(),
            _ => format!("{}: {summary}", name.text()?),
        };
        let mut node = self.begin(fields, Kind::Semantic, Content::Text(text))?;
        node.metadata.insert("graphiti:name".to_owned(), name.json());
        node.embedding = self.embedding(fields, "name_embedding")?;
        Ok(node)
    }

    fn fact(&mut self, fields: &mut Fields<'_>) -> Result<MemoryNode, Fault> {
        let content = Content::Text(fields.need("fact")?.text()?.into_owned());
        let mut node = self.begin(fields, Kind::Fact, content)?;
        let ends = [fields.need("source_node_uuid")?, fields.need("target_node_uuid")?];
        ends.iter().try_for_each(|end| end.text().map(drop))?;
        let episodes = episodes(fields)?;
        node.provenance = Some(Provenance::new(PROGRAM).derived_from(episodes));
        let from = fields.given("valid_at").map(foreign::time).transpose()?;
        let end = fields.given("invalid_at");
        let to = end.map(foreign::time).transpose()?;
        match (Interval { from, to }.checked(), end) {
            (Ok(valid), _) => node.valid = valid,
            (Err(_), Some(end)) => {
                node.valid = Interval { from, to: None };
                node.metadata.insert("graphiti:invalid_at".to_owned(), end.json());
                self.intake.left_out("`invalid_at` that is not after `valid_at`, kept as metadata", 1);
            }
            (Err(error), None) => return Err(ends[0].wrong(error.to_string())),
        }
        if let Some(expired) = fields.given("expired_at").map(foreign::time).transpose()? {
            (node.status, node.ended, node.updated) = (Status::Invalidated, Some(expired), expired);
        }
        node.embedding = self.embedding(fields, "fact_embedding")?;
        Ok(node)
    }

    fn embedding(&mut self, fields: &mut Fields<'_>, name: &str) -> Result<Option<Embedding>, Fault> {
        let Some(value) = fields.given(name).filter(|value| !is_nothing(*value)) else { return Ok(None) };
        let vector = foreign::vector(value)?;
        let Some(model) = &self.import.model else {
            self.intake.left_out(&format!("`{name}`, whose model is not said"), 1);
            return Ok(None);
        };
        Ok(Some(Embedding { model: model.clone(), vector }))
    }

    fn relations(&mut self, element: &Element) -> Result<(), Error> {
        let what = what(element);
        if !matches!(what, What::Fact | What::Mention | What::Member) || element.text == "null" {
            return Ok(());
        }
        let mut fields = element.fields()?;
        let joined = joined(&mut fields, what, self.now).map_err(|fault| element.fault(fault))?;
        if what != What::Fact {
            self.edge_without(fields);
        }
        for (from, kind, to) in joined.relations {
            if from == to {
                self.intake.left_out("edges from a record to itself", 1);
                continue;
            }
            let draft = RelationDraft::new(from, kind, to).provenance(Provenance::new(PROGRAM));
            let relation = foreign::relation(draft, joined.created, self.intake.limits());
            let relation = relation.map_err(|source| Error::Refused { line: element.line, source })?;
            self.intake.relation(element.line, relation)?;
        }
        Ok(())
    }

    /// Counts what an edge without a text has, and a relation has no room for.
    fn edge_without(&mut self, fields: Fields<'_>) {
        let rest = fields.rest().into_iter();
        let lost = rest.filter(|(key, value)| !["uuid", "group_id"].contains(&&**key) && !is_nothing(*value));
        for (key, _) in lost {
            self.intake.left_out(&format!("field `{}` of edges", told::name(&key)), 1);
        }
    }
}

/// The relations that a record stands for.
struct Joined {
    relations: Vec<(Id, RelationKind, Id)>,
    created: Timestamp,
}

fn joined(fields: &mut Fields<'_>, what: What, now: Timestamp) -> Result<Joined, Fault> {
    let id = |value: Raw<'_>| value.text().map(|text| id_of(PROGRAM, &text));
    let [from, to] = [fields.need("source_node_uuid")?, fields.need("target_node_uuid")?].map(id);
    let (from, to) = (from?, to?);
    let created = fields.given("created_at").map(foreign::time).transpose()?.unwrap_or(now);
    let own = |name: &str| RelationKind::custom(name, false).unwrap_or(RelationKind::RelatedTo);
    let relations = match what {
        What::Mention => vec![(to, RelationKind::DerivedFrom, from)],
        What::Member => vec![(to, RelationKind::PartOf, from)],
        _ => {
            let fact = id(fields.need("uuid")?)?;
            let ends = [(fact, own("subject"), from), (fact, own("object"), to)];
            let episodes = episodes(fields)?.into_iter();
            ends.into_iter().chain(episodes.map(|from| (fact, RelationKind::DerivedFrom, from))).collect()
        }
    };
    Ok(Joined { relations, created })
}

fn episodes(fields: &mut Fields<'_>) -> Result<Vec<Id>, Fault> {
    let listed = fields.given("episodes").map(Raw::list).transpose()?.unwrap_or_default();
    listed.into_iter().map(|value| value.text().map(|text| id_of(PROGRAM, &text))).collect()
}
