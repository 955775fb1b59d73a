//! What the graph finds, on vectors that anybody can make: after it was built, after vectors have gone and others come,
//! and of those that filters mean.

use std::collections::BTreeSet;

use fastrand::Rng;

use super::clustered;
use crate::memory::index::bits::Bits;
use crate::memory::index::graph::{Scratch, linked};
use crate::memory::index::scan::{self, Query};
use crate::memory::index::{Facts, Index, Settings, Update};
use crate::memory::store::{Filter, Nearest, Search};
use crate::memory::{Embedding, Error, Id, Interval, Kind, Namespace, Timestamp};
use crate::simd::Level;

const COUNT: usize = 2400;

pub(super) fn settings(threads: usize) -> Settings {
    Settings { crossover: 100, links: 12, candidates: 60, threads, seed: 7 }
}

/// A hundredth is of one namespace, a tenth of another, a half of a third.
pub(super) fn facts(at: usize) -> Facts {
    let name = match at % 100 {
        0 => "a",
        1..=10 => "b",
        11..=60 => "c",
        _ => "d",
    };
    Facts {
        namespace: Namespace::new(name).unwrap(),
        kind: Kind::Fact,
        importance: 0.5,
        created: Timestamp::MIN,
        valid: Interval::ALWAYS,
        expires: None,
    }
}

pub(super) fn put(index: &Index, vectors: &[Vec<f32>], ids: impl IntoIterator<Item = usize>) {
    index
        .update(|update| {
            let mut ids = ids.into_iter();
            ids.try_for_each(|at| update.put(Id::from_u128(at as u128), &vectors[at], &facts(at)))
        })
        .unwrap();
}

/// What share of the nearest is found, and whether as many were found as there are.
fn recall(index: &Index, queries: &[Vec<f32>], namespace: Option<&str>, effort: usize) -> f64 {
    let state = index.state.read().unwrap();
    let set = match namespace {
        None => state.rows.live.clone(),
        Some(name) => state.rows.facts.meant(&state.rows.live, &Filter::of(Namespace::new(name).unwrap())),
    };
    let (mut hits, mut all) = (0, 0);
    for query in queries {
        let query = Query::new(query, Level::detect());
        let expected = scan::exact(&state.rows, &query, &set, 10);
        let found = index.by_graph(&state, &query, 10, &set, effort);
        assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
        assert!(found.iter().all(|one| set.has(state.rows.slot(one.id).unwrap())));
        let ids: BTreeSet<Id> = expected.iter().map(|one| one.id).collect();
        assert_eq!(ids.len(), 10.min(set.count()));
        hits += found.iter().filter(|one| ids.contains(&one.id)).count();
        all += ids.len();
    }
    hits as f64 / all as f64
}

fn check(index: &Index, queries: &[Vec<f32>], when: &str) {
    for (namespace, effort) in [(None, 60), (Some("c"), 120), (Some("b"), 400)] {
        let found = recall(index, queries, namespace, effort);
        assert!(found >= 0.95, "{when}, {namespace:?}: {found}");
    }
    // Whatever is asked for, and however few are meant, as many are found as there are.
    let mut random = Rng::with_seed(3);
    for query in queries.iter().take(20) {
        for name in ["a", "b", "c", "d"] {
            let filter = Filter::of(Namespace::new(name).unwrap());
            let to = Embedding { model: "m".to_owned(), vector: query.clone() };
            let search = [Search::Recall(0.9), Search::Recall(0.99)][random.usize(..2)];
            let asked = Nearest { to: &to, filter: &filter, most: random.usize(1..60), search };
            let state = index.state.read().unwrap();
            let there = state.rows.facts.meant(&state.rows.live, &filter).count();
            drop(state);
            let found = index.nearest(&asked, || Ok::<_, Error>(Vec::new())).unwrap();
            assert_eq!(found.len(), asked.most.min(there), "{when}, {name}");
        }
    }
}

#[test]
fn a_graph_finds_what_is_near_also_after_many_have_gone_and_come() {
    let (vectors, queries) = (clustered::dense(COUNT, 1), clustered::dense(60, 2));
    let index = Index::new(settings(2));
    put(&index, &vectors, 0..COUNT);
    assert!(index.is_behind());
    index.build();
    assert!(!index.is_behind());
    check(&index, &queries, "built");
    // Three of ten go, among them all that lie together.
    let is_gone = |at: &usize| at % 4 == 1 || *at < COUNT / 20;
    let gone: Vec<usize> = (0..COUNT).filter(is_gone).collect();
    index
        .update(|update| {
            gone.iter().for_each(|at| update.remove(Id::from_u128(*at as u128)));
            Ok::<_, Error>(())
        })
        .unwrap();
    // Before it is repaired, too, nothing is found that is gone.
    recall(&index, &queries, None, 60);
    index.build();
    assert_eq!(index.state.read().unwrap().dead.count(), 0);
    check(&index, &queries, "after deletions");
    put(&index, &vectors, gone.iter().copied());
    // What has no links yet is compared besides.
    check(&index, &queries, "before insertions");
    index.build();
    assert_eq!(index.state.read().unwrap().rows.len(), COUNT, "slots are used again");
    check(&index, &queries, "after insertions");
}

/// All links of a graph.
fn links(index: &Index) -> Vec<Vec<u32>> {
    let state = index.state.read().unwrap();
    let graph = state.graph.as_ref().unwrap();
    let slots = (0..graph.levels.len() as u32).filter(|slot| graph.has_place(*slot));
    let lists = slots.flat_map(|slot| (0..=graph.levels[slot as usize]).map(move |level| (slot, level)));
    lists.map(|(slot, level)| linked(graph.list(slot, level)).collect()).collect()
}

#[test]
fn one_thread_makes_the_same_graph_and_no_link_leads_to_what_is_gone() {
    let vectors = clustered::dense(600, 1);
    let build = |seed: u64| {
        let index = Index::new(Settings { seed, ..settings(1) });
        put(&index, &vectors, 0..400);
        index.build();
        index
            .update(|update| {
                (0..150).for_each(|at| update.remove(Id::from_u128(at)));
                Ok::<_, Error>(())
            })
            .unwrap();
        put(&index, &vectors, 400..600);
        index.build();
        index
    };
    let (one, same, other) = (build(7), build(7), build(8));
    assert_eq!(links(&one), links(&same));
    assert_ne!(links(&one), links(&other));
    let state = one.state.read().unwrap();
    let graph = state.graph.as_ref().unwrap();
    let members = graph.members();
    assert_eq!(members, state.rows.live.clone());
    for (slot, level) in
        members.iter().flat_map(|slot| (0..=graph.levels[slot as usize]).map(move |level| (slot, level)))
    {
        let list: Vec<u32> = linked(graph.list(slot, level)).collect();
        assert_eq!(list.iter().collect::<BTreeSet<_>>().len(), list.len(), "no link is there twice");
        for to in list {
            assert!(to != slot && members.has(to) && graph.levels[to as usize] >= level);
        }
    }
}

#[test]
fn what_is_alike_is_found_however_much_of_it_there_is() {
    let same = vec![vec![0.5_f32; 16]; 700];
    let index = Index::new(settings(2));
    put(&index, &same, 0..700);
    index.build();
    let state = index.state.read().unwrap();
    let query = Query::new(&same[0], Level::detect());
    let found = index.search(
        &state,
        &query,
        &Nearest {
            to: &Embedding { model: "m".to_owned(), vector: same[0].clone() },
            filter: &Filter::of(Namespace::new("a").unwrap()),
            most: 20,
            search: Search::Recall(0.9),
        },
        &state.rows.live,
    );
    assert_eq!(found.len(), 20);
}

#[test]
fn few_have_no_graph_and_what_becomes_few_loses_it() {
    let vectors = clustered::dense(300, 1);
    let index = Index::new(settings(1));
    put(&index, &vectors, 0..90);
    assert!(!index.is_behind());
    index.build();
    assert!(index.state.read().unwrap().graph.is_none());
    put(&index, &vectors, 90..300);
    index.build();
    assert!(index.state.read().unwrap().graph.is_some());
    index
        .update(|update| {
            (40..300).for_each(|at| update.remove(Id::from_u128(at)));
            Ok::<_, Error>(())
        })
        .unwrap();
    index.build();
    let state = index.state.read().unwrap();
    assert!(state.graph.is_none());
    assert_eq!(state.dead, Bits::default());
}

/// Searches, changes and building at once: nothing waits for ever, nothing that was gone before a search is found.
#[test]
fn two_threads_search_while_others_build_and_change() {
    let vectors = clustered::dense(900, 1);
    let index = Index::new(settings(2));
    put(&index, &vectors, 0..900);
    std::thread::scope(|scope| {
        scope.spawn(|| index.build());
        for thread in 0..2 {
            let (index, vectors) = (&index, &vectors);
            scope.spawn(move || {
                let filter = Filter::of(Namespace::new("c").unwrap());
                let mut random = Rng::with_seed(thread);
                for at in 0..60 {
                    let to =
                        Embedding { model: "m".to_owned(), vector: vectors[random.usize(..900)].clone() };
                    let asked = Nearest { to: &to, filter: &filter, most: 5, search: Search::Recall(0.95) };
                    let found = index.nearest(&asked, || Ok::<_, Error>(Vec::new())).unwrap();
                    assert_eq!(found.len(), 5, "{at}");
                    let gone = 2 * random.usize(..450) + thread as usize;
                    if gone % 100 > 60 {
                        let remove = |update: &mut Update<'_>| {
                            update.remove(Id::from_u128(gone as u128));
                            Ok::<_, Error>(())
                        };
                        index.update(remove).unwrap();
                    }
                }
            });
        }
    });
    index.build();
    assert!(!index.is_behind());
    assert!(recall(&index, &clustered::dense(30, 2), None, 60) >= 0.95);
}

/// Three clusters that are far from each other, one after the other.
fn three_clusters(each: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut random = Rng::with_seed(seed);
    let mut number = |size: f32| size * (random.f32() - 0.5);
    let centres: Vec<Vec<f32>> = (0..3).map(|_| (0..16).map(|_| number(2.0)).collect()).collect();
    let near = |centre: &Vec<f32>| centre.iter().map(|x| x + number(0.2)).collect();
    centres.iter().flat_map(|centre| std::iter::repeat_n(centre, each)).map(near).collect()
}

fn remove(index: &Index, ids: impl Iterator<Item = usize>) {
    let mut ids = ids;
    let remove = |update: &mut Update<'_>| {
        ids.by_ref().for_each(|at| update.remove(Id::from_u128(at as u128)));
        Ok::<_, Error>(())
    };
    index.update(remove).unwrap();
}

/// Those of these that the graph does not find by their own vectors.
fn lost(index: &Index, vectors: &[Vec<f32>], ids: impl Iterator<Item = usize>) -> Vec<usize> {
    let is_lost = |at: &usize| {
        let found = index.find_by_graph(&vectors[*at], 10, 60).unwrap();
        !found.iter().any(|one| one.id == Id::from_u128(*at as u128))
    };
    ids.filter(is_lost).collect()
}

/// Members to which no search comes.
fn out_of_reach(index: &Index) -> Vec<u32> {
    let state = index.state.read().unwrap();
    let graph = state.graph.as_ref().unwrap();
    let reached = graph.reached(&state.dead, &mut Scratch::default());
    graph.members().without(&state.dead).without(&reached).iter().collect()
}

/// Each has few links, of which those to its own cluster leave no room for others.
#[test]
fn a_way_leads_to_each_vector_of_clusters_that_are_far_from_each_other() {
    let mut added = 0;
    for seed in 1..=60 {
        let vectors = three_clusters(62, seed);
        let index = Index::new(Settings { crossover: 50, seed, links: 4, ..settings(1) });
        put(&index, &vectors, 0..vectors.len());
        // All get links in one portion of the work.
        index.work();
        added += out_of_reach(&index).len();
        index.build();
        assert_eq!(out_of_reach(&index), Vec::<u32>::new(), "seed {seed}");
        let lost = lost(&index, &vectors, 0..vectors.len());
        assert!(lost.len() <= 4, "seed {seed}: {lost:?}");
    }
    assert!(added > 0, "no vector was ever out of reach");
}

#[test]
fn what_comes_while_all_is_gone_that_searches_began_at_is_linked() {
    const EACH: usize = 62;
    for seed in 1..=12 {
        // The first half of each cluster, and then more of the one that goes.
        let vectors = three_clusters(2 * EACH, seed);
        let old = |cluster: usize| 2 * EACH * cluster..2 * EACH * cluster + EACH;
        let index = Index::new(Settings { crossover: 50, seed, ..settings(1) });
        put(&index, &vectors, (0..3).flat_map(old));
        index.build();
        let entry = {
            let state = index.state.read().unwrap();
            let entry = state.graph.as_ref().unwrap().entry().unwrap();
            state.rows.id(entry.slot).as_u128() as usize
        };
        let gone = entry / (2 * EACH);
        remove(&index, old(gone));
        let new = || (2 * EACH * gone + EACH..).take(40);
        put(&index, &vectors, new());
        index.build();
        assert!(!index.is_behind());
        let check = |when: &str| {
            let state = index.state.read().unwrap();
            let graph = state.graph.as_ref().unwrap();
            assert_eq!(graph.members().without(&state.dead), state.rows.live, "{when}, seed {seed}");
            let is_alone = |slot: &u32| linked(graph.list(*slot, 0)).all(|link| state.dead.has(link));
            assert_eq!(state.rows.live.iter().filter(is_alone).count(), 0, "{when}, seed {seed}");
        };
        check("before repair");
        assert_eq!(index.state.read().unwrap().dead.count(), EACH, "nothing was repaired yet");
        let left = |cluster: usize| old(cluster).filter(move |_| cluster != gone);
        assert_eq!(lost(&index, &vectors, new()), Vec::<usize>::new(), "before repair, seed {seed}");
        // Of any graph a few are lost to whom nothing links.
        let others = lost(&index, &vectors, (0..3).flat_map(left));
        assert!(others.len() <= 2 * EACH / 20, "before repair, seed {seed}: {others:?}");
        let all = || (0..3).flat_map(left).chain(new());
        // A few more, and it is repaired.
        remove(&index, old((gone + 1) % 3).take(3));
        index.build();
        check("repaired");
        let left: Vec<usize> =
            all().filter(|at| !old((gone + 1) % 3).take(3).any(|gone| gone == *at)).collect();
        // There is a way to all, which a search that looks at so few may miss.
        let lost = lost(&index, &vectors, left.iter().copied());
        assert!(lost.len() <= left.len() / 20, "repaired, seed {seed}: {lost:?}");
        assert_eq!(out_of_reach(&index), Vec::<u32>::new(), "repaired, seed {seed}");
    }
}

#[test]
fn what_finds_nothing_to_link_to_is_no_member_and_tried_again() {
    let vectors = clustered::dense(200, 1);
    let index = Index::new(settings(1));
    put(&index, &vectors, 0..150);
    index.build();
    put(&index, &vectors, 150..200);
    // As if searches began at something that is gone and links to nothing.
    let lead_nowhere = |is_dead: bool| {
        let mut state = index.state.write().unwrap();
        let entry = state.graph.as_ref().unwrap().entry().unwrap().slot;
        let others: Vec<u32> = (0..150).filter(|slot| *slot != entry).collect();
        others.into_iter().chain([entry]).for_each(|slot| match is_dead {
            true => drop(state.dead.insert(slot)),
            false => drop(state.dead.remove(slot)),
        });
    };
    lead_nowhere(true);
    let slots: Vec<u32> = (150..200).collect();
    {
        let mut state = index.state.write().unwrap();
        let ids: Vec<Id> = slots.iter().map(|slot| state.rows.id(*slot)).collect();
        let graph = state.graph.as_mut().unwrap();
        slots.iter().zip(ids).for_each(|(slot, id)| graph.place(*slot, id));
    }
    assert!(!index.insert(&slots), "it is of no use");
    let members = || index.state.read().unwrap().graph.as_ref().unwrap().members().count();
    assert_eq!(members(), 150);
    lead_nowhere(false);
    index.build();
    assert_eq!(members(), 200);
    assert_eq!(lost(&index, &vectors, 0..200), Vec::<usize>::new());
}
