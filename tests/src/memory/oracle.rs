//! A store as simple as can be: the whole world after each commit, kept as it was. Stores have to say what it says.
//! What is asked of the present by words and vectors is in `search`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use typewright_runtime::json::RawJson;
use typewright_runtime::memory::store::{Batch, Change, Filter, Order, Revision, Seen};
use typewright_runtime::memory::{
    Content, Id, Interval, Kind, MemoryNode, Relation, RelationKind, Status, Timestamp,
};

/// All that is there after a commit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct World {
    /// The nodes.
    pub nodes: BTreeMap<Id, MemoryNode>,
    /// The relations that hold.
    pub relations: BTreeMap<Id, Relation>,
}

/// Why a batch is refused, by the name of the error.
pub type Refusal = &'static str;

/// Every world there was.
#[derive(Debug, Clone)]
pub struct Oracle {
    worlds: Vec<World>,
    times: Vec<Timestamp>,
    /// The earliest world that is kept.
    horizon: usize,
    /// Which commits can be undone.
    can_be_undone: Vec<bool>,
    /// The nodes that each commit changed.
    changed: Vec<BTreeSet<Id>>,
}

impl Default for Oracle {
    fn default() -> Self {
        Self {
            worlds: vec![World::default()],
            times: vec![Timestamp::MIN],
            horizon: 0,
            can_be_undone: vec![false],
            changed: vec![BTreeSet::new()],
        }
    }
}

impl Oracle {
    /// The number of the last commit.
    pub fn head(&self) -> usize {
        self.worlds.len() - 1
    }

    /// The number of the earliest commit whose world is kept.
    pub fn horizon(&self) -> usize {
        self.horizon
    }

    /// The world after a commit.
    pub fn at(&self, commit: usize) -> &World {
        &self.worlds[commit]
    }

    /// The world now.
    pub fn now(&self) -> &World {
        &self.worlds[self.head()]
    }

    /// The time of the next commit: it never goes back.
    fn time(&self, at: Timestamp) -> Timestamp {
        at.max(self.times[self.head()])
    }

    fn push(&mut self, world: World, at: Timestamp, can_be_undone: bool) {
        self.changed.push(world.changed(self.now()));
        self.can_be_undone.push(can_be_undone);
        self.times.push(at);
        self.worlds.push(world);
    }

    /// A node as it was last, if a world that is kept has it.
    fn last(&self, id: Id) -> Option<&MemoryNode> {
        self.worlds[self.horizon..].iter().rev().find_map(|world| world.nodes.get(&id))
    }

    /// A memory that is added again goes on after the version that was removed.
    fn added(&self, change: &Change, world: &World) -> Change {
        match change {
            Change::Add(node) if !world.nodes.contains_key(&node.id) => {
                let after = self.last(node.id).map_or(0, |last| last.version + 1);
                Change::Add(Box::new(MemoryNode { version: node.version.max(after), ..(**node).clone() }))
            }
            _ => change.clone(),
        }
    }

    /// Does a batch.
    ///
    /// # Errors
    /// When a store has to refuse it.
    pub fn commit(&mut self, batch: &Batch, now: Timestamp) -> Result<(), Refusal> {
        let mut world = self.now().clone();
        for expected in &batch.expected {
            let found =
                world.nodes.get(&expected.id).map_or(Seen::Nothing, |node| Seen::Version(node.version));
            if found != expected.seen {
                return Err("Conflict");
            }
        }
        let at = self.time(batch.at.unwrap_or(now));
        for change in &batch.changes {
            // What was removed can be forgotten all the same.
            if let Change::Forget { id } = change
                && !world.nodes.contains_key(id)
                && let Some(node) = self.last(*id)
            {
                world.nodes.insert(*id, node.clone());
            }
            world.change(&self.added(change, &world), at)?;
        }
        let forgotten: BTreeSet<Id> = world.forgotten().collect();
        let changed = world.changed(self.now());
        let forgets = |change: &Change| matches!(change, Change::Forget { id } if changed.contains(id));
        let can_be_undone = !batch.changes.iter().any(forgets);
        self.push(world, at, can_be_undone);
        // What is forgotten was never known.
        for world in &mut self.worlds {
            world.nodes.retain(|id, node| !forgotten.contains(id) || node.status == Status::Forgotten);
            for relation in world.relations.values_mut() {
                if forgotten.contains(&relation.from) || forgotten.contains(&relation.to) {
                    relation.provenance = None;
                }
            }
        }
        Ok(())
    }

    /// Does the opposite of a commit, if nothing that it changed was changed later: that comes before all other reasons
    /// why it may not be done.
    ///
    /// # Errors
    /// When a store has to refuse it.
    pub fn undo(&mut self, commit: usize, now: Timestamp) -> Result<(), Refusal> {
        if !self.can_be_undone[commit] || commit <= self.horizon {
            return Err("NotUndone");
        }
        let now = self.time(now);
        let (before, after) = (self.worlds[commit - 1].clone(), self.worlds[commit].clone());
        let mut world = self.now().clone();
        for id in self.changed[commit].clone() {
            let (was, made) = (before.nodes.get(&id), after.nodes.get(&id));
            let current = match (world.nodes.get(&id).cloned(), made, was) {
                (Some(current), ..) => current,
                // It was removed, and is there again.
                (None, None, Some(was)) => {
                    let node = MemoryNode { version: was.version + 1, updated: now, ..was.clone() };
                    world.nodes.insert(id, node);
                    continue;
                }
                _ => continue,
            };
            if current.status == Status::Forgotten {
                return Err("Conflict");
            }
            if Some(current.version) != made.map(|node| node.version) {
                return Err("Conflict");
            }
            match was {
                None => drop(world.nodes.remove(&id)),
                Some(was) => {
                    let (version, updated) = (current.version + 1, now);
                    let used = (current.last_access, current.accesses);
                    let node = MemoryNode { version, updated, ..was.clone() };
                    let node = MemoryNode { last_access: used.0, accesses: used.1, ..node };
                    world.nodes.insert(id, node);
                }
            }
        }
        world
            .relations
            .retain(|id, _| before.relations.contains_key(id) || !after.relations.contains_key(id));
        let gone = before.relations.iter().filter(|(id, _)| !after.relations.contains_key(id));
        for relation in gone.map(|(_, relation)| relation) {
            world.relate(relation).map_err(|_| "NotUndone")?;
        }
        // What is removed must not be an end of what stays.
        let is_there = |id: &Id| world.nodes.contains_key(id);
        if world.relations.values().any(|one| !is_there(&one.from) || !is_there(&one.to)) {
            return Err("NotUndone");
        }
        self.push(world, now, true);
        self.can_be_undone[commit] = false;
        Ok(())
    }

    /// Ends what has expired, the first first.
    pub fn expire(&mut self, most: usize, now: Timestamp) {
        let mut world = self.now().clone();
        let live = world.nodes.values().filter(|node| node.status == Status::Live);
        let due = live.filter_map(|node| Some((node.expires.filter(|expires| *expires <= now)?, node.id)));
        let mut due: Vec<(Timestamp, Id)> = due.collect();
        due.sort_unstable();
        due.truncate(most);
        if due.is_empty() {
            return;
        }
        let at = self.time(now);
        for (_, id) in due {
            world.end(id, Status::Expired, at).unwrap_or_else(|error| unreachable!("{error}"));
        }
        self.push(world, at, true);
    }

    /// Keeps what was known since some time ago.
    pub fn compact(&mut self, keep: Duration, now: Timestamp) {
        let before = now.minus(keep);
        let last = self.times.iter().rposition(|at| *at <= before).unwrap_or_default();
        self.horizon = self.horizon.max(last);
    }

    /// What a filter means after a commit.
    pub fn find(&self, filter: &Filter, commit: usize) -> Vec<MemoryNode> {
        let mut found: Vec<MemoryNode> =
            self.worlds[commit].nodes.values().filter(|node| is_meant(filter, node)).cloned().collect();
        found.sort_by(|a, b| match filter.page.order {
            Order::Oldest => (a.created, a.id).cmp(&(b.created, b.id)),
            Order::Newest => (b.created, b.id).cmp(&(a.created, a.id)),
            Order::Importance => b.importance.total_cmp(&a.importance).then(a.id.cmp(&b.id)),
            Order::LastAccess => b.last_access.cmp(&a.last_access).then(a.id.cmp(&b.id)),
        });
        found.into_iter().skip(filter.page.skip).take(filter.page.most).collect()
    }
}

/// What has become of a node at a time, whether somebody has looked for what expires or not.
pub fn status_at(node: &MemoryNode, time: Option<Timestamp>) -> Status {
    let is_due = time.zip(node.expires).is_some_and(|(time, expires)| expires <= time);
    if is_due && node.status == Status::Live { Status::Expired } else { node.status }
}

/// Whether a filter means a node.
pub fn is_meant(filter: &Filter, node: &MemoryNode) -> bool {
    let is_inside =
        node.namespace == filter.namespace || filter.below && filter.namespace.contains(&node.namespace);
    is_inside
        && (filter.kinds.is_empty() || filter.kinds.contains(&node.kind))
        && filter.statuses.contains(&node.status)
        && filter.statuses.contains(&status_at(node, filter.valid_at))
        && filter.valid_at.is_none_or(|time| node.valid.contains(time))
        && filter.created.contains(node.created)
        && filter.importance.is_none_or(|importance| node.importance >= importance)
        && filter
            .metadata
            .iter()
            .all(|(key, value): (&String, &RawJson)| node.metadata.get(key) == Some(value))
}

impl World {
    /// The nodes that have another version than in an earlier world.
    fn changed(&self, before: &Self) -> BTreeSet<Id> {
        let version = |world: &Self, id: &Id| world.nodes.get(id).map(|node| node.version);
        let ids = self.nodes.keys().chain(before.nodes.keys());
        ids.filter(|id| version(self, id) != version(before, id)).copied().collect()
    }

    fn forgotten(&self) -> impl Iterator<Item = Id> {
        let forgotten = self.nodes.values().filter(|node| node.status == Status::Forgotten);
        forgotten.map(|node| node.id)
    }

    fn live(&mut self, id: Id) -> Result<&mut MemoryNode, Refusal> {
        match self.nodes.get_mut(&id) {
            None => Err("NotFound"),
            Some(node) if node.status != Status::Live => Err("Ended"),
            Some(node) => Ok(node),
        }
    }

    fn change(&mut self, change: &Change, at: Timestamp) -> Result<(), Refusal> {
        match change {
            Change::Add(node) => self.add(node),
            Change::Revise { id, revision } => self.revise(*id, revision, at),
            Change::Supersede { id, by, relation } => {
                self.end(*id, Status::Superseded, at)?;
                self.relate(&Relation {
                    id: *relation,
                    from: *by,
                    kind: RelationKind::Supersedes,
                    to: *id,
                    weight: 1.0,
                    valid: Interval::ALWAYS,
                    created: at,
                    provenance: None,
                })
            }
            Change::Invalidate { id, at: up_to } => {
                let node = self.live(*id)?;
                let to = node.valid.to.map_or(*up_to, |to| to.min(*up_to));
                let valid = Interval { to: Some(to), ..node.valid };
                node.valid = valid.checked().map_err(|_| "Invalid")?;
                self.end(*id, Status::Invalidated, at)
            }
            Change::Expire { id } => self.end(*id, Status::Expired, at),
            Change::Forget { id } => self.forget(*id, at),
            Change::Embed { id, embedding } => {
                let node = self.live(*id)?;
                node.embedding.clone_from(embedding);
                next(node, at);
                Ok(())
            }
            Change::Touch { id, at } => {
                let node = self.nodes.get_mut(id).ok_or("NotFound")?;
                node.last_access = node.last_access.max(*at);
                node.accesses += 1;
                Ok(())
            }
            Change::Relate(relation) => self.relate(relation),
            Change::Unrelate { id } => self.relations.remove(id).map(drop).ok_or("NotFound"),
        }
    }

    fn add(&mut self, node: &MemoryNode) -> Result<(), Refusal> {
        let Some(there) = self.nodes.get(&node.id) else {
            self.nodes.insert(node.id, node.clone());
            return Ok(());
        };
        let same = MemoryNode {
            created: there.created,
            updated: there.updated,
            ended: there.ended,
            expires: there.expires,
            last_access: there.last_access,
            accesses: there.accesses,
            status: there.status,
            version: there.version,
            ..node.clone()
        };
        if same == *there { Ok(()) } else { Err("Exists") }
    }

    fn revise(&mut self, id: Id, revision: &Revision, at: Timestamp) -> Result<(), Refusal> {
        let node = self.live(id)?;
        if let Some(content) = &revision.content {
            node.content = content.clone();
            node.embedding = None;
        }
        if let Some(embedding) = &revision.embedding {
            node.embedding = Some(embedding.clone());
        }
        node.importance = revision.importance.unwrap_or(node.importance);
        node.valid = revision.valid.unwrap_or(node.valid);
        node.expires = revision.expires.unwrap_or(node.expires);
        node.metadata = revision.metadata.clone().unwrap_or(std::mem::take(&mut node.metadata));
        next(node, at);
        Ok(())
    }

    fn end(&mut self, id: Id, status: Status, at: Timestamp) -> Result<(), Refusal> {
        let node = self.live(id)?;
        (node.status, node.ended) = (status, Some(at));
        next(node, at);
        Ok(())
    }

    fn forget(&mut self, id: Id, at: Timestamp) -> Result<(), Refusal> {
        let node = self.nodes.get_mut(&id).ok_or("NotFound")?;
        if node.status == Status::Forgotten {
            return Ok(());
        }
        (node.status, node.ended) = (Status::Forgotten, Some(at));
        node.content = Content::Text(String::new());
        (node.embedding, node.provenance) = (None, None);
        node.metadata.clear();
        next(node, at);
        self.relations.retain(|_, relation| relation.from != id && relation.to != id);
        Ok(())
    }

    fn relate(&mut self, relation: &Relation) -> Result<(), Refusal> {
        for id in [relation.from, relation.to] {
            match self.nodes.get(&id).map(|node| node.status) {
                None => return Err("NotFound"),
                Some(Status::Forgotten) => return Err("Ended"),
                Some(_) => {}
            }
        }
        let ends = |one: &Relation| (one.from, one.kind.clone(), one.to);
        let is_there = |other: &Relation| other.id == relation.id || ends(other) == ends(relation);
        if self.relations.values().any(is_there) {
            return Err("Exists");
        }
        if relation.kind.is_acyclic() && self.reaches(relation.to, &relation.kind, relation.from) {
            return Err("Circle");
        }
        self.relations.insert(relation.id, relation.clone());
        Ok(())
    }

    fn reaches(&self, from: Id, kind: &RelationKind, to: Id) -> bool {
        let (mut open, mut seen) = (vec![from], BTreeSet::new());
        while let Some(id) = open.pop() {
            if id == to {
                return true;
            }
            if seen.insert(id) {
                let next = self.relations.values().filter(|one| one.from == id && one.kind == *kind);
                open.extend(next.map(|one| one.to));
            }
        }
        false
    }
}

fn next(node: &mut MemoryNode, at: Timestamp) {
    node.version += 1;
    node.updated = at;
}

/// Kinds that a random history has.
pub const KINDS: [Kind; 4] = [Kind::Fact, Kind::Episode, Kind::Semantic, Kind::Working];
