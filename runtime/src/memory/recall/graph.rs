//! What is related to what was found: activation that spreads from it over two relations at most (Collins, Loftus 1975; the
//! personalised form of HippoRAG, 2024, cut off after two steps).
//!
//! A relation passes on its weight times what its kind passes on, and each step halves it. Only relations that hold at the
//! time that is asked for are followed, and only through memories of the namespaces, of the status and of the time that are
//! asked for; what else is asked holds of where it ends, not of what it leads through.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;
use super::{Hit, sorted};
use crate::memory::store::{Commit, Direction};
use crate::memory::{Error, Id, RelationKind};

/// How much of an activation is passed on by a step.
const STEP: f64 = 0.5;
/// The most memories from which the second step is taken.
const FAN: usize = 64;

/// From where and along what activation spreads.
pub(super) struct Spread<'a> {
    pub(super) seeds: &'a [Hit],
    pub(super) kinds: &'a [RelationKind],
    pub(super) at: Commit,
    /// Seeds count by themselves, not only by what leads to them.
    pub(super) with_seeds: bool,
}

/// How much a kind of relation passes on. What says nearly the same, or the opposite, is found without it; what was superseded
/// is seldom meant.
pub fn passes_on(kind: &RelationKind) -> f64 {
    use RelationKind as R;
    match kind.canonical().kind {
        R::RelatedTo | R::AssociatedWith | R::Precedes | R::GeneralizationOf => 0.8,
        R::SimilarTo | R::Contradicts | R::ConflictsWith => 0.6,
        R::Supersedes => 0.4,
        _ => 1.0,
    }
}

/// What a memory passes on to its neighbours, summed over relations.
type Edges = BTreeMap<Id, BTreeMap<Id, f64>>;

/// Memories by their activation.
pub(super) fn spread(source: &mut Source<'_>, asked: &Spread<'_>) -> Result<Vec<Hit>, Error> {
    let seeds: Vec<Id> = asked.seeds.iter().map(|seed| seed.id).collect();
    let near = edges(source, &seeds, asked)?;
    let first = step(&near, asked.seeds);
    let mut middle = sorted(first.iter().map(|(id, score)| Hit { id: *id, score: *score }).collect());
    middle.truncate(FAN);
    let middle: BTreeSet<Id> = middle.into_iter().map(|hit| hit.id).collect();
    let beyond: Vec<Id> = middle.iter().copied().collect();
    let far = edges(source, &beyond, asked)?;
    let mut active: BTreeMap<Id, f64> = first;
    // What came from a seed does not go back to it.
    for seed in asked.seeds {
        let mut first = step(&near, std::slice::from_ref(seed));
        first.retain(|id, _| middle.contains(id));
        let first: Vec<Hit> = first.into_iter().map(|(id, score)| Hit { id, score }).collect();
        for (id, score) in step(&far, &first).into_iter().filter(|(id, _)| *id != seed.id) {
            *active.entry(id).or_default() += score;
        }
        if asked.with_seeds {
            *active.entry(seed.id).or_default() += seed.score;
        }
    }
    let meant = source.meant(&active.keys().copied().collect::<Vec<_>>())?;
    let hits = active.into_iter().filter(|(id, score)| *score > 0.0 && meant.contains(id));
    Ok(sorted(hits.map(|(id, score)| Hit { id, score }).collect()))
}

/// One step from each of these.
fn step(edges: &Edges, from: &[Hit]) -> BTreeMap<Id, f64> {
    let mut reached: BTreeMap<Id, f64> = BTreeMap::new();
    for hit in from {
        for (to, strength) in edges.get(&hit.id).into_iter().flatten() {
            *reached.entry(*to).or_default() += hit.score * strength * STEP;
        }
    }
    reached
}

/// The relations of memories that hold, both of whose ends are in the scope.
fn edges(source: &mut Source<'_>, ids: &[Id], asked: &Spread<'_>) -> Result<Edges, Error> {
    let mut relations = source.store.relations(ids, asked.kinds, Direction::Both, asked.at)?;
    let time = source.valid_at;
    relations.retain(|one| time.is_none_or(|time| one.valid.contains(time)));
    let ends: BTreeSet<Id> = relations.iter().flat_map(|one| [one.from, one.to]).collect();
    let inside = source.in_scope(&ends.into_iter().collect::<Vec<_>>())?;
    let ids: BTreeSet<Id> = ids.iter().copied().collect();
    let mut edges = Edges::new();
    for one in relations.iter().filter(|one| inside.contains(&one.from) && inside.contains(&one.to)) {
        let strength = f64::from(one.weight) * passes_on(&one.kind);
        for (from, to) in [(one.from, one.to), (one.to, one.from)] {
            if ids.contains(&from) {
                *edges.entry(from).or_default().entry(to).or_default() += strength;
            }
        }
    }
    Ok(edges)
}
