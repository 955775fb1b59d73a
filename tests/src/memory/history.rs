//! Random histories: batches of changes as callers make them, good ones and bad ones.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use typewright_runtime::json::RawJson;
use typewright_runtime::memory::content::{Blob, Media};
use typewright_runtime::memory::store::{Batch, Change, Expected, Filter, Order, Page, Revision, Seen};
use typewright_runtime::memory::{
    Content, Embedding, Id, Interval, Limits, MemoryNode, Namespace, Provenance, Relation, RelationDraft,
    RelationKind, Status, Timestamp,
};

use super::oracle::{KINDS, Oracle};

const WORDS: [&str; 12] =
    ["ada", "wrote", "the", "first", "program", "engine", "Babbage", "1843", "ÉTÉ", "日本", "note", "loom"];
const NAMESPACES: [&str; 5] = ["a", "a/b", "a/b/c", "ab", "a-b"];

/// The models of vectors.
pub const MODELS: [&str; 2] = ["small", "large"];

/// Makes batches that fit to what is there.
pub struct History {
    /// Whatever is drawn.
    pub random: Rng,
    now: Timestamp,
    next: u128,
}

impl History {
    /// The history of a seed.
    pub fn new(seed: u64) -> Self {
        let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap_or(Timestamp::MIN);
        Self { random: Rng::with_seed(seed), now, next: 1 }
    }

    /// The time of the last batch.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    fn id(&mut self) -> Id {
        self.next += 1;
        Id::from_u128(self.next << 64 | u128::from(self.random.u32(..)))
    }

    /// Some words.
    pub fn words(&mut self, most: usize) -> String {
        let count = self.random.usize(1..=most);
        let words: Vec<&str> = (0..count).map(|_| WORDS[self.random.usize(..WORDS.len())]).collect();
        words.join(" ")
    }

    fn content(&mut self) -> Content {
        match self.random.u32(..10) {
            0 => {
                let text = format!("{{\"about\": \"{}\", \"n\": {}}}", self.words(3), self.random.u8(..));
                RawJson::new(text).map_or_else(|_| Content::text("none"), Content::Json)
            }
            1 => {
                // Of some there are two, and some are large.
                let len = [3, 70_000][self.random.usize(..2)];
                let bytes = Bytes::from(vec![self.random.u8(..3); len]);
                let caption = self.random.bool().then(|| self.words(3));
                Content::Blob(Blob { media: Media::Image, mime: "image/png".to_owned(), bytes, caption })
            }
            _ => Content::Text(self.words(8)),
        }
    }

    fn embedding(&mut self) -> Option<Embedding> {
        self.random.bool().then(|| self.vector())
    }

    /// A vector of one of two models.
    pub fn vector(&mut self) -> Embedding {
        let model = MODELS[self.random.usize(..2)];
        let len = if model == MODELS[0] { 3 } else { 5 };
        // Some are equally near.
        let vector = (0..len).map(|_| self.random.u8(..6) as f32 - 2.5).collect();
        Embedding { model: model.to_owned(), vector }
    }

    fn moment(&mut self) -> Timestamp {
        self.now.plus(Duration::from_secs(self.random.u64(..1000))).minus(Duration::from_secs(500))
    }

    fn interval(&mut self) -> Interval {
        let (from, to) = (self.moment(), self.moment());
        match self.random.u32(..4) {
            0 => Interval::ALWAYS,
            1 => Interval::since(from),
            2 => Interval { from: None, to: Some(to) },
            _ => Interval::between(from.min(to), from.max(to)).unwrap_or(Interval::ALWAYS),
        }
    }

    fn metadata(&mut self) -> BTreeMap<String, RawJson> {
        let entry = |random: &mut Rng| (["k", "é \"q\""][random.usize(..2)].to_owned(), RawJson::string("v"));
        (0..self.random.usize(..3)).map(|_| entry(&mut self.random)).collect()
    }

    /// A new memory.
    pub fn node(&mut self) -> MemoryNode {
        let namespace = NAMESPACES[self.random.usize(..NAMESPACES.len())];
        let id = self.id();
        MemoryNode {
            id,
            namespace: Namespace::new(namespace).unwrap_or_else(|error| unreachable!("{error}")),
            kind: KINDS[self.random.usize(..KINDS.len())],
            content: self.content(),
            embedding: self.embedding(),
            importance: self.random.u8(..5) as f32 / 4.0,
            valid: self.interval(),
            created: self.now,
            updated: self.now,
            ended: None,
            expires: self.random.bool().then(|| self.now.plus(Duration::from_secs(self.random.u64(..50)))),
            last_access: self.now,
            accesses: 0,
            status: Status::Live,
            version: 1,
            provenance: self.random.bool().then(|| Provenance::new("a person").derived_from([id])),
            metadata: self.metadata(),
        }
    }

    fn any(&mut self, oracle: &Oracle) -> Id {
        let nodes = &oracle.at(oracle.head()).nodes;
        match self.random.usize(..nodes.len() + 1) {
            at if at < nodes.len() => *nodes.keys().nth(at).unwrap_or_else(|| unreachable!()),
            _ => self.id(),
        }
    }

    fn change(&mut self, oracle: &Oracle) -> Vec<Change> {
        let id = self.any(oracle);
        let one = match self.random.u32(..24) {
            0..8 => Change::Add(Box::new(self.node())),
            8..11 => Change::Revise { id, revision: self.revision() },
            11 => {
                let (node, relation) = (self.node(), self.id());
                let by = node.id;
                return vec![Change::Add(Box::new(node)), Change::Supersede { id, by, relation }];
            }
            12 => Change::Invalidate { id, at: self.moment() },
            13 => Change::Expire { id },
            14 => Change::Forget { id: self.once(oracle, id).map_or(id, |node| node.id) },
            15 => Change::Embed { id, embedding: self.embedding() },
            16..18 => Change::Touch { id, at: self.moment() },
            18 => {
                let relations = &oracle.at(oracle.head()).relations;
                let at = self.random.usize(..relations.len() + 1);
                Change::Unrelate { id: relations.keys().nth(at).copied().unwrap_or(id) }
            }
            // The same again, or one that was there once.
            19 => match self.once(oracle, id) {
                Some(node) if node.status != Status::Forgotten => Change::Add(Box::new(node.clone())),
                _ => Change::Expire { id },
            },
            _ => match self.relation(oracle, id) {
                Some(relation) => Change::Relate(Box::new(relation)),
                None => Change::Add(Box::new(self.node())),
            },
        };
        vec![one]
    }

    fn once<'a>(&mut self, oracle: &'a Oracle, id: Id) -> Option<&'a MemoryNode> {
        let at = [oracle.head(), self.random.usize(..=oracle.head())][self.random.usize(..2)];
        let nodes = &oracle.at(at).nodes;
        nodes.get(&id).or_else(|| nodes.values().nth(self.random.usize(..nodes.len() + 1)))
    }

    fn revision(&mut self) -> Revision {
        Revision {
            content: self.random.bool().then(|| self.content()),
            embedding: self.embedding(),
            importance: self.random.bool().then_some(0.25),
            valid: self.random.bool().then(|| self.interval()),
            expires: self.random.bool().then(|| self.random.bool().then(|| self.moment())),
            metadata: self.random.bool().then(|| self.metadata()),
        }
    }

    fn relation(&mut self, oracle: &Oracle, from: Id) -> Option<Relation> {
        let to = self.any(oracle);
        let kinds: Vec<RelationKind> = RelationKind::named().collect();
        let kind = kinds[self.random.usize(..kinds.len())].clone();
        let draft = RelationDraft::new(from, kind, to).weight(0.5).valid(self.interval());
        let draft = if self.random.bool() { draft.provenance(Provenance::new("a model")) } else { draft };
        let RelationDraft { from, kind, to, weight, valid, provenance } =
            draft.stored(&Limits::default()).ok()?;
        Some(Relation { id: self.id(), from, kind, to, weight, valid, created: self.now, provenance })
    }

    /// Time passes. Now and then clocks go back.
    pub fn pass(&mut self) {
        let by = Duration::from_millis(self.random.u64(..3000));
        self.now = if self.random.u32(..16) == 0 { self.now.minus(by) } else { self.now.plus(by) };
    }

    /// Some changes together, which may not all be possible.
    pub fn batch(&mut self, oracle: &Oracle) -> Batch {
        self.pass();
        let count = self.random.usize(1..4);
        let changes = (0..count).flat_map(|_| self.change(oracle)).collect();
        let mut expected = Vec::new();
        if self.random.bool() {
            let id = self.any(oracle);
            let version = oracle.at(oracle.head()).nodes.get(&id).map(|node| node.version);
            let version = if self.random.u32(..8) == 0 { Some(77) } else { version };
            expected.push(Expected { id, seen: version.map_or(Seen::Nothing, Seen::Version) });
        }
        Batch { changes, expected, at: Some(self.now), note: None }
    }

    /// A question.
    pub fn filter(&mut self) -> Filter {
        let namespace = NAMESPACES[self.random.usize(..NAMESPACES.len())];
        let mut filter =
            Filter::of(Namespace::new(namespace).unwrap_or_else(|error| unreachable!("{error}")));
        filter.below = self.random.bool();
        if self.random.bool() {
            filter.kinds = vec![KINDS[self.random.usize(..KINDS.len())], KINDS[0]];
        }
        if self.random.bool() {
            filter.statuses = Status::ALL[self.random.usize(..5)..].to_vec();
        }
        filter.valid_at = self.random.bool().then(|| self.moment());
        filter.importance = self.random.bool().then_some(0.5);
        if self.random.u32(..4) == 0 {
            filter.metadata = self.metadata();
        }
        if self.random.u32(..4) == 0 {
            filter.created = self.interval();
        }
        let order =
            [Order::Oldest, Order::Newest, Order::Importance, Order::LastAccess][self.random.usize(..4)];
        filter.page = Page { order, skip: self.random.usize(..4), most: self.random.usize(..12) };
        filter
    }
}
