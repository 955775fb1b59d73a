//! A transaction, change by change: in memory, on what was read before. `rows` writes what comes of it.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::Result;
use super::row;
use super::rows::{self, ContentRow, LogRow, RelationRow, StateRow, VectorRow};
use super::view::{Known, State, Tie, View};
use super::words::Words;
use crate::memory::content::{Content, Digested};
use crate::memory::id::Id;
use crate::memory::node::{Embedding, MemoryNode, Status};
use crate::memory::relation::{Relation, RelationKind};
use crate::memory::store::kept::{counted, important, is_same};
use crate::memory::store::op::Op;
use crate::memory::store::{Batch, Change, Commit, Committed, Expected, Revision, Seen, apply};
use crate::memory::time::{Interval, Timestamp};
use crate::memory::{Error, Settings};

/// Contents of media that are larger are stored by their digest, once in a namespace.
const LARGE: usize = 64 << 10;

/// A transaction under way.
#[derive(Debug)]
pub(super) struct Writing<'a> {
    pub(super) settings: &'a Settings,
    pub(super) view: View,
    pub(super) seq: i64,
    pub(super) at: Timestamp,
    /// The commit whose opposite this is.
    pub(super) undoes: Option<i64>,
    pub(super) note: Option<&'a str>,
    /// The last numbers that were given before it.
    pub(super) before: super::view::Head,
    pub(super) rows: rows::Rows,
}

/// Checks and makes the changes of a batch.
pub(super) fn batch<'a>(settings: &'a Settings, view: View, batch: &'a Batch) -> Result<Writing<'a>> {
    batch.expected.iter().try_for_each(|expected| expect(&view, expected))?;
    let at = batch.at.unwrap_or_else(|| settings.clock.now());
    let mut writing = Writing::begin(settings, view, at)?;
    writing.note = batch.note.as_deref();
    for change in &batch.changes {
        writing.change(change)?;
    }
    Ok(writing)
}

fn expect(view: &View, expected: &Expected) -> Result<()> {
    let current = view.nodes.get(&expected.id).and_then(|known| known.current.as_ref());
    let found = current.map_or(Seen::Nothing, |(_, state)| Seen::Version(state.version.cast_unsigned()));
    if found == expected.seen {
        return Ok(());
    }
    Err(Error::Conflict { id: expected.id, expected: expected.seen, found }.into())
}

/// The relation that a memory has to the one that it supersedes.
pub(super) fn superseding(id: Id, by: Id, relation: Id, created: Timestamp) -> Relation {
    let (kind, valid) = (RelationKind::Supersedes, Interval::ALWAYS);
    Relation { id: relation, from: by, kind, to: id, weight: 1.0, valid, created, provenance: None }
}

impl<'a> Writing<'a> {
    pub(super) fn begin(settings: &'a Settings, mut view: View, at: Timestamp) -> Result<Self> {
        let before = view.head;
        // The times of commits never go back, whatever the clock does.
        let at = at.max(row::timestamp(before.at)?);
        view.head.seq += 1;
        let (seq, rows) = (view.head.seq, rows::Rows::default());
        Ok(Self { settings, view, seq, at, undoes: None, note: None, before, rows })
    }

    pub(super) fn committed(&self) -> Committed {
        Committed { commit: Commit(self.seq.cast_unsigned()), at: self.at }
    }

    fn change(&mut self, change: &Change) -> Result<()> {
        match change {
            Change::Add(node) => self.add(node),
            Change::Revise { id, revision } => self.revise(*id, revision),
            Change::Supersede { id, by, relation } => self.supersede(*id, *by, *relation),
            Change::Invalidate { id, at } => self.invalidate(*id, *at),
            Change::Expire { id } => self.end(*id, Op::Expire, Status::Expired),
            Change::Forget { id } => self.forget(*id),
            Change::Embed { id, embedding } => self.embed(*id, embedding.as_ref()),
            Change::Touch { id, at } => self.touch(*id, *at),
            Change::Relate(relation) => self.relate(relation),
            Change::Unrelate { id } => self.unrelate(*id),
        }?;
        self.follow(change);
        Ok(())
    }

    /// What was read as a whole stays what it is now.
    fn follow(&mut self, change: &Change) {
        let Some(id) = change.touches() else { return };
        if let Some(node) = self.view.whole.remove(&id) {
            let mut node = Some(node);
            apply(&mut node, id, change, self.at);
            self.view.whole.extend(node.map(|node| (id, node)));
        }
    }

    fn current(&self, id: Id) -> Option<(&Known, i64, &State)> {
        let known = self.view.nodes.get(&id)?;
        known.current.as_ref().map(|(s, state)| (known, *s, state))
    }

    /// The number of a memory that is live, of its state, and that state.
    fn live(&self, id: Id) -> Result<(Known, i64, State)> {
        match self.current(id) {
            Some((known, s, state)) if state.status == Status::Live => Ok((known.clone(), s, state.clone())),
            Some((.., state)) => Err(Error::Ended { id, status: state.status }.into()),
            None => Err(Error::NotFound { id }.into()),
        }
    }

    fn add(&mut self, node: &MemoryNode) -> Result<()> {
        let id = node.id;
        if self.current(id).is_some() {
            let is_there = self.view.whole.get(&id).is_some_and(|there| is_same(there, node));
            return if is_there { Ok(()) } else { Err(Error::Exists { id }.into()) };
        }
        counted("version", node.version)?;
        let accesses = counted("accesses", node.accesses)?;
        let ns = self.namespace(node.namespace.as_str());
        // An addition that was undone has left its row, without a state.
        let left = self.view.nodes.get(&id).map(|known| (known.n, known.ns, known.last.clone()));
        let n = left.as_ref().map_or_else(|| next(&mut self.view.head.n), |(n, ..)| *n);
        if left.as_ref().is_some_and(|(_, was, _)| *was != ns) {
            self.rows.moved.push((n, ns));
        }
        let content = self.content(n, ns, &node.content);
        let vector = node.embedding.as_ref().map(|one| self.vector(n, ns, id, one)).transpose()?;
        let mut state = State { content: Some(content), vector, ..State::of(node) };
        // Who has seen what was removed is not to take this for it.
        let last = left.and_then(|(.., last)| last).map(|last| after(last.version));
        state.version = last.map_or(state.version, |last| last.max(state.version));
        state.importance = important(state.importance)?;
        let (created, last_access) = (node.created.micros(), node.last_access.micros());
        let known =
            Known { n, ns, kind: node.kind, created, last_access, accesses, current: None, last: None };
        self.view.nodes.insert(id, known);
        self.view.names.insert(n, id);
        self.view.whole.insert(id, node.clone());
        self.rows.added.insert(id);
        let s = self.state(id, state);
        self.index(id, node);
        self.log(Op::Add, Some(n), ns, [Some(s), None], None);
        Ok(())
    }

    fn revise(&mut self, id: Id, revision: &Revision) -> Result<()> {
        let (known, s, mut state) = self.live(id)?;
        let (n, ns) = (known.n, known.ns);
        if let Some(content) = &revision.content {
            (state.content, state.vector) = (Some(self.content(n, ns, content)), None);
        }
        if let Some(embedding) = &revision.embedding {
            state.vector = Some(self.vector(n, ns, id, embedding)?);
        }
        state.importance = important(revision.importance.unwrap_or(state.importance))?;
        state.valid = revision.valid.unwrap_or(state.valid).checked()?;
        state.expires = revision.expires.unwrap_or(state.expires);
        if let Some(metadata) = &revision.metadata {
            state.metadata = row::metadata_text(metadata);
        }
        let new = self.replace(id, s, state);
        if let Some(content) = &revision.content {
            self.index_words(n, ns, known.kind, content);
        }
        self.log(Op::Revise, Some(n), ns, [Some(new), Some(s)], None);
        Ok(())
    }

    fn supersede(&mut self, id: Id, by: Id, relation: Id) -> Result<()> {
        self.end(id, Op::Supersede, Status::Superseded)?;
        self.relate(&superseding(id, by, relation, self.at))
    }

    fn invalidate(&mut self, id: Id, at: Timestamp) -> Result<()> {
        let (known, s, mut state) = self.live(id)?;
        state.valid.to = Some(state.valid.to.map_or(at, |to| to.min(at)));
        state.valid = state.valid.checked()?;
        (state.status, state.ended) = (Status::Invalidated, Some(self.at));
        let new = self.replace(id, s, state);
        self.unindex(known.n);
        self.log(Op::Invalidate, Some(known.n), known.ns, [Some(new), Some(s)], None);
        Ok(())
    }

    pub(super) fn end(&mut self, id: Id, op: Op, status: Status) -> Result<()> {
        let (known, s, state) = self.live(id)?;
        let new = self.replace(id, s, State { status, ended: Some(self.at), ..state });
        self.unindex(known.n);
        self.log(op, Some(known.n), known.ns, [Some(new), Some(s)], None);
        Ok(())
    }

    fn embed(&mut self, id: Id, embedding: Option<&Embedding>) -> Result<()> {
        let (Known { n, ns, .. }, s, state) = self.live(id)?;
        let vector = embedding.map(|embedding| self.vector(n, ns, id, embedding)).transpose()?;
        let new = self.replace(id, s, State { vector, ..state });
        self.log(Op::Embed, Some(n), ns, [Some(new), Some(s)], None);
        Ok(())
    }

    fn touch(&mut self, id: Id, at: Timestamp) -> Result<()> {
        match self.view.nodes.get_mut(&id) {
            Some(known) if known.current.is_some() => {
                known.last_access = known.last_access.max(at.micros());
                known.accesses = after(known.accesses);
                self.rows.changed.insert(id);
                Ok(())
            }
            _ => Err(Error::NotFound { id }.into()),
        }
    }

    fn forget(&mut self, id: Id) -> Result<()> {
        let known = self.view.nodes.get(&id).ok_or(Error::NotFound { id })?;
        // Of what was removed there are earlier states.
        let state = known.current.as_ref().map(|(_, state)| state).or(known.last.as_ref());
        let (n, ns, state) = (known.n, known.ns, state.ok_or(Error::NotFound { id })?.clone());
        if state.status == Status::Forgotten {
            return Ok(());
        }
        self.unindex(n);
        self.view.ties.cut(n);
        self.rows.forget(n, self.seq);
        let (status, ended, version, updated) =
            (Status::Forgotten, Some(self.at), after(state.version), self.at);
        let (content, vector, provenance, metadata) = (None, None, None, None);
        let empty = State { content, vector, provenance, metadata, ..state };
        let s = self.state(id, State { status, version, updated, ended, ..empty });
        self.log(Op::Forget, Some(n), ns, [Some(s), None], None);
        Ok(())
    }

    pub(super) fn relate(&mut self, relation: &Relation) -> Result<()> {
        let ((a, ns_a), (b, ns_b)) = (self.end_of(relation.from)?, self.end_of(relation.to)?);
        let kind = relation.kind.name();
        if let Some(id) = self.view.ties.there(relation.id, a, &kind, b) {
            return Err(Error::Exists { id }.into());
        }
        if relation.kind.is_acyclic() && self.view.ties.lead(b, &kind, a) {
            let Relation { from, kind, to, .. } = relation.clone();
            return Err(Error::Circle { from, kind, to }.into());
        }
        let r = next(&mut self.view.head.r);
        self.view.ties.insert(relation.id, Tie { r, a, kind, b, ns: ns_a });
        let (relation, until) = (relation.clone(), None);
        self.rows.relations.push(RelationRow { r, a, b, ns_a, ns_b, relation, until });
        self.log(Op::Relate, None, ns_a, [None, None], Some(r));
        Ok(())
    }

    fn end_of(&self, id: Id) -> Result<(i64, i32)> {
        match self.current(id) {
            None => Err(Error::NotFound { id }.into()),
            Some((.., state)) if state.status == Status::Forgotten => {
                Err(Error::Ended { id, status: Status::Forgotten }.into())
            }
            Some((known, ..)) => Ok((known.n, known.ns)),
        }
    }

    fn unrelate(&mut self, id: Id) -> Result<()> {
        let tie = self.untie(id).ok_or(Error::NotFound { id })?;
        self.log(Op::Unrelate, None, tie.ns, [None, None], Some(tie.r));
        Ok(())
    }

    /// Ends a relation, if it holds.
    pub(super) fn untie(&mut self, id: Id) -> Option<Tie> {
        let tie = self.view.ties.remove(id)?;
        self.rows.end_relation(tie.r, self.seq);
        Some(tie)
    }

    /// Words are found as long as a memory is live, and of a kind that is searched.
    pub(super) fn index(&mut self, id: Id, node: &MemoryNode) {
        let Some(known) = self.view.nodes.get(&id) else { return };
        let (n, ns) = (known.n, known.ns);
        match node.status {
            Status::Live => self.index_words(n, ns, node.kind, &node.content),
            _ => self.unindex(n),
        }
    }

    fn index_words(&mut self, n: i64, ns: i32, kind: crate::memory::Kind, content: &Content) {
        if self.settings.policy(kind).is_indexed {
            self.rows.words.insert(n, Some((ns, Words::of(&content.words()))));
        } else {
            // They may be from when it was.
            self.unindex(n);
        }
    }

    pub(super) fn unindex(&mut self, n: i64) {
        self.rows.words.insert(n, None);
    }

    fn namespace(&mut self, path: &str) -> i32 {
        if let Some(ns) = self.view.namespaces.get(path) {
            return *ns;
        }
        self.view.head.ns += 1;
        let ns = self.view.head.ns;
        self.view.namespaces.insert(path.to_owned(), ns);
        self.rows.namespaces.push((ns, path.to_owned()));
        ns
    }

    fn content(&mut self, n: i64, ns: i32, content: &Content) -> i64 {
        let c = next(&mut self.view.head.c);
        let blob = |limit: bool| match content {
            Content::Blob(blob) if (blob.bytes.len() > LARGE) == limit => Some(blob),
            _ => None,
        };
        let body = match content {
            Content::Text(text) => Some(text.as_bytes().to_vec()),
            Content::Json(json) => Some(json.as_str().as_bytes().to_vec()),
            Content::Blob(_) => blob(false).map(|blob| blob.bytes.to_vec()),
        };
        let digest = blob(true).map(|blob| (Digested::of(&blob.bytes), blob.bytes.clone()));
        if let Some((digest, bytes)) = &digest {
            self.rows.blobs.insert((ns, *digest.as_bytes()), bytes.clone());
        }
        let (mime, caption) = match content {
            Content::Blob(blob) => (Some(blob.mime.clone()), blob.caption.clone().map(String::into_bytes)),
            _ => (None, None),
        };
        let (kind, digest) = (row::content_type(content), digest.map(|(digest, _)| digest));
        self.rows.contents.push(ContentRow { c, n, ns, kind, body, digest, mime, caption });
        c
    }

    fn vector(&mut self, n: i64, ns: i32, id: Id, embedding: &Embedding) -> Result<i64> {
        let m = self.model(&embedding.model, embedding.vector.len())?;
        let v = next(&mut self.view.head.v);
        let data = row::Vector(embedding.vector.clone());
        self.rows.vectors.push(VectorRow { v, n, id, ns, m, data });
        Ok(v)
    }

    /// The number of a model. All its vectors have one length.
    fn model(&mut self, name: &str, dimension: usize) -> Result<i32> {
        if let Some((m, there)) = self.view.models.get(name) {
            if *there == dimension {
                return Ok(*m);
            }
            let reason = format!("vectors of {name:?} have {there} numbers, and this one {dimension}");
            return Err(Error::invalid("embedding", reason).into());
        }
        self.view.head.m += 1;
        let m = self.view.head.m;
        self.view.models.insert(name.to_owned(), (m, dimension));
        self.rows.models.push((m, name.to_owned(), i32::try_from(dimension).unwrap_or(i32::MAX)));
        Ok(m)
    }

    /// Writes a state that begins with this transaction, and is that of the memory now; its number.
    fn state(&mut self, id: Id, state: State) -> i64 {
        let s = next(&mut self.view.head.s);
        if let Some(known) = self.view.nodes.get_mut(&id) {
            let (n, ns) = (known.n, known.ns);
            known.current = Some((s, state.clone()));
            self.rows.states.push(StateRow { s, n, ns, state, until: None });
        }
        self.rows.changed.insert(id);
        s
    }

    /// Ends a state, and begins the next version.
    fn replace(&mut self, id: Id, s: i64, state: State) -> i64 {
        self.close(s);
        self.state(id, State { version: after(state.version), updated: self.at, ..state })
    }

    /// The state `of` an earlier time again, as the version after that of `s`.
    pub(super) fn restore(&mut self, id: Id, s: i64, of: &State) {
        let Some((known, _, now)) = self.current(id) else { return };
        let (n, ns, version) = (known.n, known.ns, now.version);
        let new = self.replace(id, s, State { version, ..of.clone() });
        self.log(Op::Restore, Some(n), ns, [Some(new), Some(s)], None);
    }

    /// A memory that was removed is there again, as the version after `of`.
    pub(super) fn revive(&mut self, id: Id, of: &State) {
        let Some(known) = self.view.nodes.get(&id) else { return };
        let (n, ns) = (known.n, known.ns);
        let new = self.state(id, State { version: after(of.version), updated: self.at, ..of.clone() });
        self.log(Op::Restore, Some(n), ns, [Some(new), None], None);
    }

    /// A memory is not there any more, but for its earlier states.
    pub(super) fn remove(&mut self, id: Id, s: i64) {
        self.close(s);
        let Some(known) = self.view.nodes.get_mut(&id) else { return };
        known.current = None;
        let (n, ns) = (known.n, known.ns);
        self.rows.changed.insert(id);
        self.log(Op::Remove, Some(n), ns, [None, Some(s)], None);
    }

    fn close(&mut self, s: i64) {
        self.rows.close(s, self.seq);
    }

    pub(super) fn log(
        &mut self,
        op: Op,
        n: Option<i64>,
        ns: i32,
        [state, before]: [Option<i64>; 2],
        r: Option<i64>,
    ) {
        self.rows.log.push(LogRow { op: op as i16, n, ns, state, before, r });
    }

    /// The vectors that are live now of the memories that have changed, and the numbers of those.
    pub(super) fn live_vectors(&self) -> (BTreeSet<i64>, Vec<i64>) {
        let known = self.rows.changed.iter().filter_map(|id| self.view.nodes.get(id));
        let (mut live, mut there) = (BTreeSet::new(), Vec::new());
        for known in known {
            let current = known.current.as_ref().filter(|(_, state)| state.status == Status::Live);
            live.extend(current.and_then(|(_, state)| state.vector));
            if known.n <= self.before.n {
                there.push(known.n);
            }
        }
        (live, there)
    }

    /// The memories whose row is new, and those whose row has changed.
    pub(super) fn nodes(&self) -> [BTreeMap<Id, &Known>; 2] {
        let known = |ids: &BTreeSet<Id>| -> BTreeMap<Id, &Known> {
            ids.iter().filter_map(|id| Some((*id, self.view.nodes.get(id)?))).collect()
        };
        let changed: BTreeSet<Id> = self.rows.changed.difference(&self.rows.added).copied().collect();
        [known(&self.rows.added), known(&changed)]
    }
}

/// What comes after a version, or a number of accesses. The greatest stays what it is.
fn after(count: i64) -> i64 {
    count.saturating_add(1)
}

fn next(number: &mut i64) -> i64 {
    *number += 1;
    *number
}

impl State {
    /// What a node says, but for what is stored elsewhere.
    fn of(node: &MemoryNode) -> Self {
        Self {
            status: node.status,
            version: node.version.cast_signed(),
            importance: node.importance,
            valid: node.valid,
            updated: node.updated,
            ended: node.ended,
            expires: node.expires,
            content: None,
            vector: None,
            provenance: node.provenance.as_ref().map(row::provenance_text),
            metadata: row::metadata_text(&node.metadata),
        }
    }
}
