//! What does not belong to a question changes the order of nothing else.

use fastrand::Rng;
use typewright_runtime::memory::recall::{Query, Reading, Strategy};
use typewright_runtime::memory::store::Filter;
use typewright_runtime::memory::{Id, Kind, MemoryDraft, Namespace, RelationDraft, RelationKind};

use super::by;
use crate::store::{Engine, Place, on_each_store};

on_each_store!(
    an_irrelevant_memory_never_reorders_the_others,
    a_store_reorders_words_when_something_else_is_added
);

const KNOWN: [&str; 10] =
    ["loom", "wheel", "engine", "ada", "card", "note", "number", "ZX-4411", "table", "brass"];
const OTHER: [&str; 6] = ["unrelated", "something", "else", "entirely", "apart", "beside"];
const KINDS: [Kind; 3] = [Kind::Fact, Kind::Episode, Kind::Semantic];

fn text(random: &mut Rng, words: &[&str]) -> String {
    let count = random.usize(1..12);
    (0..count).map(|_| words[random.usize(..words.len())]).collect::<Vec<_>>().join(" ")
}

fn vector(random: &mut Rng) -> Vec<f32> {
    (0..8).map(|_| random.f32() - 0.4).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn namespace() -> Namespace {
    Namespace::new("a").unwrap()
}

/// A memory that has no word of any question and points away from its vector, and is related to nothing.
fn irrelevant(random: &mut Rng, to: &[f32]) -> MemoryDraft {
    let mut away = vector(random);
    while cosine(&away, to) >= 0.0 {
        away = vector(random);
    }
    let draft = MemoryDraft::new(namespace(), KINDS[random.usize(..3)], text(random, &OTHER));
    let draft = draft.importance(random.f32());
    if random.bool() { draft.embedding("m", away) } else { draft }
}

struct Case {
    place: Place,
    random: Rng,
}

impl Case {
    fn new(on: Engine, seed: u64) -> Self {
        let mut this = Self { place: on.place("alone"), random: Rng::with_seed(seed) };
        let count = this.random.usize(2..60);
        let drafts: Vec<MemoryDraft> = (0..count).map(|_| this.draft()).collect();
        let ids = this.add(drafts);
        this.relate(&ids);
        this
    }

    fn draft(&mut self) -> MemoryDraft {
        let random = &mut self.random;
        let draft = MemoryDraft::new(namespace(), KINDS[random.usize(..3)], text(random, &KNOWN));
        let draft = draft.importance(random.f32());
        if random.u32(..4) > 0 { draft.embedding("m", vector(random)) } else { draft }
    }

    fn add(&self, drafts: Vec<MemoryDraft>) -> Vec<Id> {
        let mut transaction = self.place.begin();
        let ids = drafts.into_iter().map(|draft| transaction.add(draft).unwrap()).collect();
        transaction.commit().unwrap();
        ids
    }

    fn relate(&mut self, ids: &[Id]) {
        let mut transaction = self.place.begin();
        for pair in ids.windows(2) {
            if self.random.bool() {
                continue;
            }
            let draft = RelationDraft::new(pair[0], RelationKind::RelatedTo, pair[1]);
            transaction.relate(draft.weight(self.random.f32())).unwrap();
        }
        transaction.commit().unwrap();
    }
}

fn an_irrelevant_memory_never_reorders_the_others(on: Engine) {
    for seed in 0..on.count(24, 5) as u64 {
        let mut case = Case::new(on, seed);
        let to = vector(&mut case.random);
        let asked = text(&mut case.random, &KNOWN);
        let most = case.random.usize(1..40);
        let query = Query::new(namespace(), most).text(asked).vector("m", to.clone());
        let strategies = [Strategy::Hybrid, Strategy::Words, Strategy::Vector, Strategy::Graph];
        let ask = |case: &Case| -> Vec<Vec<Id>> {
            let of = |strategy: Strategy| {
                let query = query.clone().strategy(strategy);
                let Place { store, settings, .. } = &case.place;
                let each = by(&**store, settings, &query, Reading::Each).unwrap().ids();
                let indexed = by(&**store, settings, &query, Reading::Indexed).unwrap().ids();
                assert_eq!(each, indexed, "seed {seed}");
                each
            };
            strategies.map(of).into()
        };
        let before = ask(&case);
        let mut added = Vec::new();
        for round in [1, 3, 9, 27] {
            let drafts = (0..round).map(|_| irrelevant(&mut case.random, &to)).collect();
            added.extend(case.add(drafts));
            for (before, now) in before.iter().zip(ask(&case)) {
                let others: Vec<Id> = now.into_iter().filter(|id| !added.contains(id)).collect();
                assert_eq!(others[..], before[..others.len()], "seed {seed}, round {round}");
            }
        }
    }
}

/// Why words are ranked again: what a store says of the same two memories depends on a third that has none of the words.
fn a_store_reorders_words_when_something_else_is_added(on: Engine) {
    let (mut reordered, cases) = (0, on.count(60, 15));
    for seed in 0..cases as u64 {
        let mut case = Case::new(on, seed);
        let asked = text(&mut case.random, &KNOWN);
        let filter = Filter::of(namespace());
        let ask = |case: &Case| -> Vec<Id> {
            case.place.store.matches(&asked, &filter, 1000).unwrap().iter().map(|found| found.id).collect()
        };
        let before = ask(&case);
        let drafts = (0..20).map(|_| irrelevant(&mut case.random, &[1.0; 8])).collect();
        case.add(drafts);
        reordered += usize::from(ask(&case) != before);
    }
    println!("reordered {reordered} of {cases}");
    assert!(reordered > 0, "then words need not be ranked again");
}
