//! Which way to search, by what each costs: measured on vectors of 384 numbers, one core of two (AVX2).

use std::sync::PoisonError;

use super::bits::Bits;
use super::graph::{Graph, Space, Target};
use super::scan::{self, Query};
use super::top::Top;
use super::{Index, State};
use crate::memory::store::{Match, Nearest, Search};

/// Up to so many vectors, comparing all in full is as fast as anything.
const FEW: usize = 2000;
/// What comparing by codes first finds, at least, of what is nearest.
const BY_CODES: f32 = 0.999;
/// Nanoseconds for a vector that is compared by its signs or its code, and for each that a graph keeps while it is
/// searched.
const CODE: usize = 8;
const KEPT: usize = 2200;
/// How many vectors a search of the graph has to keep to find such a share of the ten nearest.
const EFFORTS: [(f32, usize); 6] =
    [(0.90, 32), (0.95, 80), (0.98, 128), (0.99, 192), (0.995, 320), (0.999, 640)];

/// How the nearest of a set are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Exact,
    Coded,
    Graph { effort: usize },
}

impl Index {
    pub(super) fn search(&self, state: &State, query: &Query, asked: &Nearest<'_>, set: &Bits) -> Vec<Match> {
        let (rows, count) = (&state.rows, set.count());
        // Room is made for as many as are asked for: no more than there are.
        let asked = &Nearest { most: asked.most.min(count), ..*asked };
        match way(state, asked, set, count) {
            Way::Exact => scan::exact(rows, query, set, asked.most),
            Way::Coded => scan::coded(rows, query, set, asked.most),
            Way::Graph { effort } => {
                let found = self.by_graph(state, query, asked.most, set, effort);
                // As many as there are, whatever the links lead to.
                match found.len() < asked.most {
                    true => scan::coded(rows, query, set, asked.most),
                    false => found,
                }
            }
        }
    }

    /// What links lead to, and what nothing links to yet.
    pub(super) fn by_graph(
        &self,
        state: &State,
        query: &Query,
        most: usize,
        set: &Bits,
        effort: usize,
    ) -> Vec<Match> {
        let (rows, Some(graph)) = (&state.rows, &state.graph) else { return Vec::new() };
        let mut scratch =
            self.scratches.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let space = Space { rows, level: query.level };
        let codes = state.rows.codes_of(&query.vector);
        let to = Target { space, codes: &codes };
        let mut top = Top::new(scan::compared_in_full(most), 0.0);
        if set.count() == rows.count() {
            graph.search(to, effort, &state.dead, &mut scratch, |_, _| ());
            scratch.found().for_each(|(score, slot)| top.offer(score, slot));
        } else {
            let offer = |score, slot| {
                if set.has(slot) {
                    top.offer(score, slot);
                }
            };
            graph.search(to, effort, &state.dead, &mut scratch, offer);
        }
        self.scratches.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        let slots = top.into_found().into_iter().map(|(_, slot)| slot);
        let mut found = scan::compared(rows, query, slots, most);
        let rest = set.without(&graph.members());
        if rest.count() > 0 {
            found.extend(scan::coded(rows, query, &rest, most));
            found = crate::memory::store::best(found, most);
            found.dedup_by_key(|found| found.id);
        }
        found
    }
}

fn way(state: &State, asked: &Nearest<'_>, set: &Bits, count: usize) -> Way {
    let recall = match asked.search {
        Search::Recall(recall) if count > FEW && recall <= BY_CODES => recall,
        _ => return Way::Exact,
    };
    let by_graph = state.graph.as_ref().and_then(|graph| effort(graph, set, asked.most, recall));
    match by_graph {
        Some((effort, rest)) if effort * KEPT + rest * CODE < count * CODE => Way::Graph { effort },
        _ => Way::Coded,
    }
}

/// How many a search of the graph has to keep, so that among them are enough that are meant; and how many have to be
/// compared besides.
fn effort(graph: &Graph, set: &Bits, most: usize, recall: f32) -> Option<(usize, usize)> {
    let members = graph.members();
    let (inside, all) = (set.and(&members).count(), members.count());
    let effort = EFFORTS.iter().find(|(found, _)| *found >= recall)?.1 + 3 * most.saturating_sub(10);
    (inside > 0).then(|| ((effort * all).div_ceil(inside), set.count() - inside))
}
