//! A table of memories, for people and their programs: RFC 4180, UTF-8, one row a memory, its first row the names of the
//! columns. What does not fit into a table is not in it, so this is no copy: [`super::jsonl`] is.
//!
//! | column | |
//! |---|---|
//! | `id` | its name; without one it is named by its namespace, type and content |
//! | `namespace` | whose it is; without one, whose the import says |
//! | `kind` | `fact`, `episode`, … or `other-77`; a fact if it is not said |
//! | `status` | `live`, `superseded`, `invalidated`, `expired`; live if it is not said |
//! | `type` | `text`, `json`, or `image`, `audio`, `video`, `document`; text if it is not said |
//! | `content` | the text, the JSON, or what a medium shows |
//! | `importance` | 0 to 1; what is usual for the kind if it is not said |
//! | `valid_from`, `valid_to` | when it holds in the world; RFC 3339 |
//! | `created`, `updated`, `ended`, `expires` | when it was stored, changed, ended, will be gone; RFC 3339 |
//! | `source`, `reference` | where it is from |
//! | `metadata` | an object of JSON |
//!
//! Not in the table, and counted: vectors, relations, the bytes of media, the memories that one was concluded from, metadata
//! of more than 127 levels, and what was forgotten. How often a memory was changed and used is in none of the columns, and begins anew. An empty cell says
//! nothing. Columns may stand in any order; only `content` is needed; others are counted and not kept. Rows of media are not
//! imported, and counted. A text stands as it is, also one that a table program takes for a formula.

mod rows;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use self::rows::{Cell, Row, Rows};
use super::fields::Fields;
use super::intake::{Intake, Mode};
use super::{Error, Report, foreign, jsonl, told};
use crate::json::RawJson;
use crate::memory::content::Media;
use crate::memory::store::{Commit, Item, Store};
use crate::memory::{
    self, Content, Id, Interval, Kind, MemoryNode, Namespace, Provenance, Settings, Status, Timestamp,
};
use crate::wire::v1::JsonWriter;

/// The columns, in the order in which they are written.
pub const COLUMNS: [&str; 16] = [
    "id",
    "namespace",
    "kind",
    "status",
    "type",
    "content",
    "importance",
    "valid_from",
    "valid_to",
    "created",
    "updated",
    "ended",
    "expires",
    "source",
    "reference",
    "metadata",
];

/// The deepest nesting of a value of metadata, within its object.
const DEPTH: usize = 127;

/// How many rows a table has, and what is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// Memories.
    pub memories: u64,
    /// What is not in the table, by what it is, and how often.
    pub left_out: BTreeMap<String, u64>,
}

/// Writes the memories of a store as they are at a commit.
///
/// # Errors
/// When the store cannot be read, or the table not be written.
pub fn export(store: &dyn Store, at: Commit, to: &mut dyn Write) -> Result<Exported, Error> {
    let mut exported = Exported::default();
    rows::write(to, COLUMNS).map_err(Error::write)?;
    let mut failed = None;
    let read = store.all(at, &mut |item| {
        write(&item, to, &mut exported).map_err(|error| {
            failed = Some(error);
            memory::Error::invalid("export", "the table cannot be written")
        })
    });
    if let Some(source) = failed {
        return Err(Error::Write { source });
    }
    read?;
    to.flush().map_err(Error::write)?;
    Ok(exported)
}

fn write(item: &Item, to: &mut dyn Write, exported: &mut Exported) -> io::Result<()> {
    let mut lost = |what: &str| *exported.left_out.entry(what.to_owned()).or_default() += 1;
    let node = match item {
        Item::Relation(_) => {
            lost("relations");
            return Ok(());
        }
        Item::Node(node) if node.status == Status::Forgotten => {
            lost("forgotten memories");
            return Ok(());
        }
        Item::Node(node) => node,
    };
    if node.embedding.is_some() {
        lost("vectors");
    }
    if matches!(node.content, Content::Blob(_)) {
        lost("bytes of media");
    }
    if node.provenance.as_ref().is_some_and(|provenance| !provenance.derived_from.is_empty()) {
        lost("origins in other memories");
    }
    let deep = node.metadata.values().filter(|value| !fits(value)).count() as u64;
    if deep > 0 {
        *exported.left_out.entry(format!("metadata of more than {DEPTH} levels")).or_default() += deep;
    }
    exported.memories += 1;
    rows::write(to, cells(node).iter().map(String::as_str))
}

fn cells(node: &MemoryNode) -> [String; 16] {
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
    let (kind, content) = match &node.content {
        Content::Text(text) => ("text", text.as_str()),
        Content::Json(json) => ("json", json.as_str()),
        Content::Blob(blob) => (blob.media.name(), blob.caption.as_deref().unwrap_or_default()),
    };
    let provenance = node.provenance.as_ref();
    [
        node.id.to_string(),
        node.namespace.to_string(),
        node.kind.name(),
        node.status.name().to_owned(),
        kind.to_owned(),
        content.to_owned(),
        node.importance.to_string(),
        time(node.valid.from),
        time(node.valid.to),
        time(Some(node.created)),
        time(Some(node.updated)),
        time(node.ended),
        time(node.expires),
        provenance.map(|provenance| provenance.source.clone()).unwrap_or_default(),
        provenance.and_then(|provenance| provenance.reference.clone()).unwrap_or_default(),
        metadata(node),
    ]
}

/// Whether an object with a value in it can be read.
fn fits(value: &RawJson) -> bool {
    jsonl::depth(value.as_str()) <= DEPTH
}

fn metadata(node: &MemoryNode) -> String {
    let mut out = JsonWriter::new();
    let before = out.mark();
    out.open();
    for (key, value) in node.metadata.iter().filter(|(_, value)| fits(value)) {
        out.comma();
        out.str(key);
        out.lit(":");
        out.raw(value);
    }
    out.close_or_drop(before);
    out.into_string()
}

/// Stores the rows of a table.
///
/// # Errors
/// When a row is not what its columns say, or the store fails. What was stored until then stays, and is found there the
/// next time.
pub fn import(
    store: &dyn Store,
    settings: &Settings,
    from: impl BufRead,
    namespace: Option<&Namespace>,
    mode: Mode,
) -> Result<Report, Error> {
    let mut rows = Rows::new(from, jsonl::longest(&settings.limits));
    let Some(header) = rows.next()? else { return Err(Error::at(1, 0, "there is no row of columns")) };
    let columns = columns(&header)?;
    let mut intake = Intake::new(store, &settings.limits, mode);
    let reading = Reading { columns, namespace, now: settings.clock.now() };
    while let Some(row) = rows.next()? {
        reading.row(&row, &mut intake)?;
    }
    intake.finish()
}

/// The names of the columns, none of them twice.
fn columns(header: &Row) -> Result<Vec<String>, Error> {
    let mut columns: Vec<String> = Vec::new();
    for cell in &header.cells {
        let name = cell.text.trim().to_lowercase();
        if columns.contains(&name) {
            return Err(cell.wrong(format!("the column `{name}` is there twice")));
        }
        columns.push(name);
    }
    if columns.iter().any(|name| name == "content") {
        return Ok(columns);
    }
    Err(Error::at(header.line, 0, "there is no column `content`"))
}

struct Reading<'a> {
    columns: Vec<String>,
    namespace: Option<&'a Namespace>,
    now: Timestamp,
}

/// The cells of a row that say something, by their columns.
type Cells<'a> = BTreeMap<&'a str, &'a Cell>;

impl Reading<'_> {
    fn row(&self, row: &Row, intake: &mut Intake<'_>) -> Result<(), Error> {
        if row.cells.len() != self.columns.len() {
            let reason =
                format!("it has {} cells, and there are {} columns", row.cells.len(), self.columns.len());
            return Err(Error::at(row.line, 0, reason));
        }
        let cells = self.columns.iter().map(String::as_str).zip(&row.cells);
        let cells: Cells<'_> = cells.filter(|(_, cell)| !cell.text.is_empty()).collect();
        for name in cells.keys().filter(|name| !COLUMNS.contains(name)) {
            intake.left_out(&format!("column `{}`", told::name(name)), 1);
        }
        let content = match content(&cells)? {
            Some(content) if !content.is_empty() => content,
            Some(_) => {
                intake.left_out("rows without a content", 1);
                return Ok(());
            }
            None => {
                intake.left_out("rows of media, whose bytes are not in a table", 1);
                return Ok(());
            }
        };
        intake.node(row.line, self.node(row, &cells, content)?)
    }

    fn node(&self, row: &Row, cells: &Cells<'_>, content: Content) -> Result<MemoryNode, Error> {
        let get = |name: &str| cells.get(name).copied();
        let time = |name: &str| get(name).map(|cell| cell.parsed(Timestamp::parse)).transpose();
        let namespace = match get("namespace") {
            Some(cell) => cell.parsed(|path| Namespace::new(path))?,
            None => self.namespace.cloned().ok_or_else(|| Error::at(row.line, 0, "it has no namespace"))?,
        };
        let kind = get("kind").map(|cell| {
            Kind::of_name(&cell.text).ok_or_else(|| cell.wrong(format!("no kind is called `{}`", cell.text)))
        });
        let kind = kind.transpose()?.unwrap_or(Kind::Fact);
        let id = match get("id") {
            Some(cell) => cell.parsed(str::parse)?,
            None => id_of(&namespace, &content),
        };
        let created = time("created")?.unwrap_or(self.now);
        let mut node = foreign::node(id, namespace, kind, content, created);
        node.updated = time("updated")?.unwrap_or(created);
        (node.ended, node.expires) = (time("ended")?, time("expires")?);
        node.status = get("status").map(status).transpose()?.unwrap_or(Status::Live);
        if let Some(cell) = get("importance") {
            node.importance =
                cell.text.parse().map_err(|_| cell.wrong("the importance is a number from 0 to 1"))?;
        }
        let valid = Interval { from: time("valid_from")?, to: time("valid_to")? };
        node.valid = valid.checked().map_err(|error| Error::at(row.line, 0, error.to_string()))?;
        node.provenance = provenance(cells);
        node.metadata = get("metadata").map(metadata_of).transpose()?.unwrap_or_default();
        Ok(node)
    }
}

/// The name of a memory that has none: the same for the same content, as it is written.
fn id_of(namespace: &Namespace, content: &Content) -> Id {
    match content {
        Content::Json(json) => foreign::id(&["csv", namespace.as_str(), "json", json.as_str()]),
        other => foreign::id(&["csv", namespace.as_str(), &other.words()]),
    }
}

/// The content of a row; nothing for a medium.
fn content(cells: &Cells<'_>) -> Result<Option<Content>, Error> {
    let text = cells.get("content");
    match cells.get("type").map(|cell| (cell, cell.text.as_str())) {
        None | Some((_, "text")) => {
            Ok(Some(Content::Text(text.map(|cell| cell.text.clone()).unwrap_or_default())))
        }
        Some((_, "json")) => match text {
            Some(cell) => {
                let json = RawJson::new(cell.text.clone());
                json.map(|json| Some(Content::Json(json))).map_err(|error| cell.wrong(error.to_string()))
            }
            None => Ok(Some(Content::Text(String::new()))),
        },
        Some((_, media)) if Media::of_name(media).is_some() => Ok(None),
        Some((cell, other)) => Err(cell.wrong(format!("no type is called `{other}`"))),
    }
}

fn status(cell: &Cell) -> Result<Status, Error> {
    match Status::of_name(&cell.text) {
        Some(Status::Forgotten) | None => Err(cell.wrong(format!("a memory cannot be `{}` here", cell.text))),
        Some(status) => Ok(status),
    }
}

fn provenance(cells: &Cells<'_>) -> Option<Provenance> {
    let text = |name: &str| cells.get(name).map(|cell| cell.text.clone());
    let (source, reference) = (text("source"), text("reference"));
    let is_said = source.is_some() || reference.is_some();
    is_said.then(|| Provenance { source: source.unwrap_or_default(), derived_from: Vec::new(), reference })
}

fn metadata_of(cell: &Cell) -> Result<BTreeMap<String, RawJson>, Error> {
    let fields = Fields::of(&cell.text).map_err(|fault| cell.wrong(fault.reason))?;
    Ok(fields.rest().into_iter().map(|(key, value)| (key, value.json())).collect())
}
