//! Personalised PageRank: how often somebody is where who starts at some memories, follows relations by their weights, and
//! starts again now and then (Page 1999; for memories HippoRAG 2024).

use std::collections::{BTreeMap, VecDeque};

use super::Graph;
use crate::memory::{Error, Id};

/// How it is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PageRank {
    /// How likely it starts again at each step: more than 0, at most 1.
    pub restart: f64,
    /// The most memories that are looked at, the nearest first.
    pub most: usize,
    /// It ends when all shares together change by no more than this.
    pub tolerance: f64,
    /// The most rounds.
    pub rounds: usize,
}

/// How much each memory has to do with where it was started.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranks {
    /// The shares, which make up one; the greatest first, equal ones by name.
    pub ranks: Vec<(Id, f64)>,
    /// How many rounds it took.
    pub rounds: usize,
    /// Whether it has come to rest.
    pub is_settled: bool,
    /// Whether there were more memories than are looked at. What leads to them was left out.
    pub is_cut: bool,
}

impl Default for PageRank {
    fn default() -> Self {
        Self { restart: 0.15, most: 10_000, tolerance: 1e-12, rounds: 1000 }
    }
}

/// What was collected: memories by their places, and where each leads with which share.
struct Walk {
    ids: Vec<Id>,
    /// Shares of the start.
    start: Vec<f64>,
    leads: Vec<Vec<(usize, f64)>>,
    is_cut: bool,
}

impl PageRank {
    /// The ranks from some memories with their weights. Who comes to where nothing leads on starts again.
    ///
    /// # Errors
    /// When no start has a weight, a weight is below 0, the restart is not in its range, or the graph cannot be read.
    pub fn from(&self, graph: &dyn Graph, starts: &[(Id, f64)]) -> Result<Ranks, Error> {
        let sum: f64 = starts.iter().map(|(_, weight)| weight).sum();
        let is_wrong = starts.iter().any(|(_, weight)| !weight.is_finite() || *weight < 0.0);
        if is_wrong || sum <= 0.0 || !(self.restart > 0.0 && self.restart <= 1.0) {
            return Err(Error::invalid("pagerank", "no start has a weight, or the restart is not 0 to 1"));
        }
        let walk = self.collect(graph, starts)?;
        let mut shares = walk.start.clone();
        let (mut rounds, mut is_settled) = (0, false);
        while rounds < self.rounds && !is_settled {
            let next = walk.step(&shares, self.restart);
            let change: f64 = next.iter().zip(&shares).map(|(a, b)| (a - b).abs()).sum();
            (shares, rounds, is_settled) = (next, rounds + 1, change <= self.tolerance);
        }
        let mut ranks: Vec<(Id, f64)> = walk.ids.into_iter().zip(shares).collect();
        ranks.sort_by(|(a, one), (b, other)| other.total_cmp(one).then(a.cmp(b)));
        Ok(Ranks { ranks, rounds, is_settled, is_cut: walk.is_cut })
    }

    /// What can be come to, the nearest first.
    fn collect(&self, graph: &dyn Graph, starts: &[(Id, f64)]) -> Result<Walk, Error> {
        let sum: f64 = starts.iter().map(|(_, weight)| weight).sum();
        let mut weights: BTreeMap<Id, f64> = BTreeMap::new();
        starts.iter().for_each(|(id, weight)| *weights.entry(*id).or_default() += weight / sum);
        // All starts are looked at, however many there are.
        let mut ids: Vec<Id> = weights.keys().copied().collect();
        let mut places: BTreeMap<Id, usize> = ids.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        let (mut edges, mut is_cut) = (Vec::new(), false);
        let mut next: VecDeque<Id> = ids.iter().copied().collect();
        while let Some(from) = next.pop_front() {
            let found = graph.edges(from)?;
            for edge in &found {
                if places.contains_key(&edge.to) {
                    continue;
                }
                if ids.len() >= self.most {
                    is_cut = true;
                    continue;
                }
                places.insert(edge.to, ids.len());
                ids.push(edge.to);
                next.push_back(edge.to);
            }
            edges.push(found);
        }
        let leads = edges.iter().map(|found| shares(found, &places)).collect();
        let start = ids.iter().map(|id| weights.get(id).copied().unwrap_or_default()).collect();
        Ok(Walk { ids, start, leads, is_cut })
    }
}

/// Where it goes, with shares that make up one.
fn shares(edges: &[super::Edge], places: &BTreeMap<Id, usize>) -> Vec<(usize, f64)> {
    let there = edges.iter().filter(|edge| edge.weight > 0.0);
    let leads: Vec<(usize, f64)> =
        there.filter_map(|edge| Some((*places.get(&edge.to)?, edge.weight))).collect();
    let sum: f64 = leads.iter().map(|(_, weight)| weight).sum();
    leads.into_iter().map(|(to, weight)| (to, weight / sum)).collect()
}

impl Walk {
    fn step(&self, shares: &[f64], restart: f64) -> Vec<f64> {
        let mut next = vec![0.0; shares.len()];
        let mut stuck = 0.0;
        for (share, leads) in shares.iter().zip(&self.leads) {
            if leads.is_empty() {
                stuck += share;
            }
            for (to, part) in leads {
                next[*to] += (1.0 - restart) * share * part;
            }
        }
        let again = restart + (1.0 - restart) * stuck;
        next.iter_mut().zip(&self.start).for_each(|(next, start)| *next += again * start);
        next
    }
}
