//! Files of graphs: whole, damaged, and of something else.

use std::collections::BTreeSet;

use fastrand::Rng;
use sha2::{Digest, Sha256};

use super::clustered;
use super::graph::{facts, put, settings};
use crate::memory::index::{Index, sidecar};
use crate::memory::store::{Filter, Match, Nearest, Search};
use crate::memory::{Embedding, Error, Id, Namespace};

const COUNT: usize = 500;

fn file(vectors: &[Vec<f32>]) -> Vec<u8> {
    let index = Index::new(settings(1));
    put(&index, vectors, 0..COUNT);
    index.build();
    let file = index.save("model").unwrap();
    assert!(index.save("model").is_none(), "it is saved already");
    file
}

/// An index that begins with a file, and is given these.
fn restored(file: &[u8], vectors: &[Vec<f32>], ids: std::ops::Range<usize>) -> Index {
    let index = Index::new(settings(1));
    index
        .update(|update| {
            update.restore(file, "model", [vectors.len(), clustered::DIMENSIONS], index.settings());
            for at in ids.clone() {
                update.put(Id::from_u128(at as u128), &vectors[at], &facts(at))?;
            }
            update.restored();
            Ok::<_, Error>(())
        })
        .unwrap();
    index
}

/// It finds as many as there are, and each vector by itself.
fn works(index: &Index, vectors: &[Vec<f32>], ids: std::ops::Range<usize>) {
    for at in ids.step_by(23) {
        let filter = Filter::of(facts(at).namespace);
        let to = Embedding { model: "model".to_owned(), vector: vectors[at].clone() };
        let asked = Nearest { to: &to, filter: &filter, most: 3, search: Search::Exact };
        let found = index.nearest(&asked, || Ok::<_, Error>(Vec::new())).unwrap();
        assert_eq!(found[0].id, Id::from_u128(at as u128));
        let found = index.find_by_graph(&vectors[at], 3, 64).unwrap();
        assert_eq!((found.len(), found[0].id), (3, Id::from_u128(at as u128)));
    }
}

#[test]
fn a_graph_comes_back_and_nothing_is_built_again() {
    let vectors = clustered::dense(COUNT + 50, 1);
    let file = file(&vectors);
    let index = restored(&file, &vectors, 0..COUNT);
    assert!(!index.is_behind());
    works(&index, &vectors, 0..COUNT);
    index.unsaved();
    assert_eq!(index.save("model").unwrap()[..], file[..], "the same file again");
}

#[test]
fn what_has_changed_meanwhile_is_noticed() {
    let mut vectors = clustered::dense(COUNT + 50, 1);
    let file = file(&vectors);
    vectors.swap(300, 520);
    vectors.swap(301, 521);
    let index = restored(&file, &vectors, 20..COUNT + 10);
    let state = index.state.read().unwrap();
    let members = state.graph.as_ref().unwrap().members();
    assert_eq!(state.rows.live.without(&members).count(), 12, "ten are new and two are others");
    assert_eq!(state.dead.count(), 22, "twenty are gone and two are others");
    drop(state);
    works(&index, &vectors, 20..COUNT + 10);
    index.build();
    works(&index, &vectors, 20..COUNT + 10);
}

#[test]
fn no_vector_stands_in_a_file() {
    let vectors = clustered::dense(COUNT, 1);
    let file = file(&vectors);
    for vector in vectors.iter().step_by(7) {
        let bytes: Vec<u8> = vector[..3].iter().flat_map(|x| x.to_le_bytes()).collect();
        assert!(!file.windows(bytes.len()).any(|window| window == bytes));
    }
}

/// Each slot of a file takes the room of a vector, whatever the file is of.
#[test]
fn a_file_of_far_more_vectors_than_there_are_is_not_used() {
    let vectors = clustered::dense(COUNT, 1);
    let file = file(&vectors);
    let index = restored(&file, &vectors[..60], 0..60);
    assert_eq!(index.state.read().unwrap().rows.len(), 60);
    let index = restored(&file, &vectors[..61], 0..61);
    assert_eq!(index.state.read().unwrap().rows.len(), COUNT);
}

#[test]
fn a_file_of_something_else_is_no_file() {
    let vectors = clustered::dense(COUNT, 1);
    let (file, shape) = (file(&vectors), settings(1).shape());
    assert!(sidecar::decode(&file, "model", shape).is_some());
    assert!(sidecar::decode(&file, "another", shape).is_none());
    for other in [
        super::super::Shape { links: 16, ..shape },
        super::super::Shape { candidates: 61, ..shape },
        super::super::Shape { seed: 8, ..shape },
    ] {
        assert!(sidecar::decode(&file, "model", other).is_none());
    }
}

/// Somebody makes it right again.
fn sealed(file: &mut [u8]) {
    if let Some(body) = file.len().checked_sub(32) {
        let check = Sha256::digest(&file[..body]);
        file[body..].copy_from_slice(&check);
    }
}

/// Each is one of those that there are, and none is told twice.
fn each_once(found: &[Match]) {
    let ids: BTreeSet<u128> = found.iter().map(|one| one.id.as_u128()).collect();
    assert_eq!(ids.len(), found.len());
    assert!(ids.iter().all(|id| *id < COUNT as u128), "{ids:?}");
}

#[test]
fn a_memory_that_a_file_names_twice_is_found_once() {
    let vectors = clustered::dense(COUNT, 1);
    let whole = file(&vectors);
    // Its name alone, and all that is said of it.
    for length in [16, 25] {
        let mut file = whole.clone();
        let slot = |slot: usize| 52 + "model".len() + 25 * slot;
        file.copy_within(slot(3)..slot(3) + length, slot(5));
        sealed(&mut file);
        let index = restored(&file, &vectors, 0..COUNT);
        assert!(index.state.read().unwrap().graph.is_some(), "it is a file all the same");
        for _ in 0..2 {
            each_once(&index.find_by_graph(&vectors[3], COUNT, COUNT).unwrap());
            works(&index, &vectors, 0..COUNT);
            index.build();
        }
    }
}

#[test]
fn damage_is_noticed_or_does_no_harm() {
    let vectors = clustered::dense(COUNT, 1);
    let (whole, shape) = (file(&vectors), settings(1).shape());
    let mut random = Rng::with_seed(1);
    let mut believed = 0;
    for round in 0..3000 {
        let mut file = whole.clone();
        match random.u8(..4) {
            0 => file.truncate(random.usize(..file.len())),
            1 => file.extend((0..random.usize(1..100)).map(|_| random.u8(..))),
            _ => {
                let head = if random.bool() { 80 } else { file.len() };
                for _ in 0..random.usize(1..5) {
                    file[random.usize(..head)] = [0, 1, 255, random.u8(..)][random.usize(..4)];
                }
            }
        }
        let is_changed = file != whole;
        assert!(!is_changed || sidecar::decode(&file, "model", shape).is_none(), "round {round}");
        sealed(&mut file);
        if sidecar::decode(&file, "model", shape).is_some() && believed < 20 {
            believed += 1;
            let index = restored(&file, &vectors, 0..COUNT);
            let filter = Filter::of(Namespace::new("c").unwrap());
            for at in (0..COUNT).step_by(50) {
                let to = Embedding { model: "model".to_owned(), vector: vectors[at].clone() };
                let asked = Nearest { to: &to, filter: &filter, most: 9, search: Search::Recall(0.9) };
                assert_eq!(index.nearest(&asked, || Ok::<_, Error>(Vec::new())).unwrap().len(), 9);
                each_once(&index.find_by_graph(&vectors[at], 3, 64).unwrap());
            }
            each_once(&index.find_by_graph(&vectors[round % COUNT], COUNT, COUNT).unwrap());
            index.build();
        }
    }
    assert!(believed > 5, "{believed}");
}
