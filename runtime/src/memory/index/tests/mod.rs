//! Searches against comparing all.

mod clustered;
mod graph;
mod sidecar;

use fastrand::Rng;

use super::*;
use crate::memory::store::Search;
use crate::memory::store::{best, cosine};
use crate::memory::{Embedding, Interval, Kind, Namespace, Timestamp};
use crate::simd::lines;

fn namespace(at: usize) -> Namespace {
    Namespace::new(["a", "a/b", "c"][at]).unwrap()
}

fn facts(random: &mut Rng) -> Facts {
    let moment = |random: &mut Rng| Timestamp::from_micros(random.i64(0..100)).unwrap();
    let (from, to) = (moment(random), moment(random));
    Facts {
        namespace: namespace(random.usize(..3)),
        kind: [Kind::Fact, Kind::Episode][random.usize(..2)],
        importance: random.f32(),
        created: moment(random),
        valid: [Interval::ALWAYS, Interval { from: Some(from.min(to)), to: Some(from.max(to)) }]
            [random.usize(..2)],
        expires: [None, Some(moment(random))][random.usize(..2)],
    }
}

fn filter(random: &mut Rng) -> Filter {
    let mut filter = Filter::of(namespace(random.usize(..3)));
    filter.below = random.bool();
    let moment = |random: &mut Rng| Timestamp::from_micros(random.i64(0..100)).unwrap();
    if random.u8(..4) == 0 {
        filter.kinds = vec![Kind::Episode];
    }
    if random.u8(..4) == 0 {
        filter.importance = Some(random.f32());
    }
    if random.u8(..4) == 0 {
        filter.valid_at = Some(moment(random));
    }
    if random.u8(..4) == 0 {
        filter.created = Interval { from: Some(moment(random)), to: None };
    }
    filter
}

fn is_meant(filter: &Filter, facts: &Facts) -> bool {
    (facts.namespace == filter.namespace || filter.below && filter.namespace.contains(&facts.namespace))
        && (filter.kinds.is_empty() || filter.kinds.contains(&facts.kind))
        && filter.importance.is_none_or(|least| facts.importance >= least)
        && filter.valid_at.is_none_or(|time| facts.valid.contains(time))
        && filter.valid_at.is_none_or(|time| facts.expires.is_none_or(|expires| expires > time))
        && filter.created.contains(facts.created)
}

/// Vectors of which some are the same, and some have a number that is far larger than all others.
fn vector(random: &mut Rng, dimensions: usize) -> Vec<f32> {
    if random.u8(..8) == 0 {
        let mut same = vec![0.25; dimensions];
        same[random.usize(..dimensions.min(3))] = 40.0;
        return same;
    }
    (0..dimensions).map(|_| random.f32() - 0.5).collect()
}

#[test]
fn exact_searches_say_what_comparing_all_says() {
    let mut random = Rng::with_seed(1);
    for dimensions in [1, 3, 64, 100] {
        let index = Index::default();
        let mut all: std::collections::BTreeMap<Id, (Vec<f32>, Facts)> = Default::default();
        for _ in 0..60 {
            for _ in 0..random.usize(1..40) {
                let id = Id::from_u128(random.u128(..400));
                let (vector, facts) = (vector(&mut random, dimensions), facts(&mut random));
                index
                    .update(|update| match random.u8(..4) {
                        0 => {
                            update.remove(id);
                            all.remove(&id);
                            Ok::<_, Error>(())
                        }
                        _ => {
                            update.put(id, &vector, &facts)?;
                            all.insert(id, (vector, facts));
                            Ok(())
                        }
                    })
                    .unwrap();
            }
            assert_eq!(index.count(), all.len());
            let (filter, most) = (filter(&mut random), random.usize(..30));
            let to = Embedding { model: "m".to_owned(), vector: vector(&mut random, dimensions) };
            let asked = Nearest { to: &to, filter: &filter, most, search: Search::Exact };
            let meant = all.iter().filter(|(_, (_, facts))| is_meant(&filter, facts));
            let unit_to = unit(&to.vector);
            let scored =
                meant.map(|(id, (vector, _))| Match { id: *id, score: cosine(&unit_to, &unit(vector)) });
            let expected = best(scored.collect(), most);
            let found =
                index.nearest(&asked, || unreachable!("no metadata is asked for") as Result<_, Error>);
            assert_eq!(found.unwrap(), expected, "{dimensions}");
        }
    }
}

#[test]
fn codes_find_outliers_and_nearly_all_else() {
    let mut random = Rng::with_seed(2);
    let (index, dimensions) = (Index::default(), 96);
    let mut normal = || (0..6).map(|_| random.f32()).sum::<f32>() - 3.0;
    let mut vectors: Vec<Vec<f32>> = (0..6000).map(|_| (0..dimensions).map(|_| normal()).collect()).collect();
    for (at, vector) in vectors.iter_mut().enumerate().step_by(600) {
        vector.fill(0.001);
        vector[at % dimensions] = 1.0;
    }
    let fact = facts(&mut Rng::with_seed(1));
    index
        .update(|update| {
            let mut put = vectors.iter().zip(0..);
            put.try_for_each(|(vector, id)| update.put(Id::from_u128(id), vector, &fact))
        })
        .unwrap();
    let filter = Filter::of(fact.namespace.clone());
    let mut hits = 0;
    for query in 0..200 {
        let mut to = vectors[query * 30].clone();
        to.iter_mut().for_each(|x| *x += 0.3 * normal());
        let to = Embedding { model: "m".to_owned(), vector: to };
        let ask = |search| {
            let asked = Nearest { to: &to, filter: &filter, most: 10, search };
            index.nearest(&asked, || Ok::<_, Error>(Vec::new())).unwrap()
        };
        let (exact, found) = (ask(Search::Exact), ask(Search::Recall(0.99)));
        assert_eq!(found.len(), 10);
        if query % 20 == 0 {
            assert_eq!(found[0], exact[0], "an outlier");
        }
        hits += exact.iter().filter(|one| found.contains(one)).count();
    }
    assert!(hits >= 1990, "{hits} of 2000");
}

#[test]
fn threads_encode_what_one_encodes() {
    let mut random = Rng::with_seed(8);
    let vectors: Vec<Vec<f32>> = (0..5000).map(|_| vector(&mut random, 70)).collect();
    let coded = |threads| {
        let index = Index::new(Settings { threads, ..Settings::default() });
        graph::put(&index, &vectors, 0..3000);
        graph::put(&index, &vectors, 1000..vectors.len());
        let state = index.state.into_inner().unwrap();
        (state.rows.codes, state.rows.signs, state.rows.outliers)
    };
    let (codes, signs, outliers) = coded(1);
    let (other_codes, other_signs, other_outliers) = coded(3);
    assert!(signs.iter().any(|word| *word != 0));
    assert_eq!(lines::numbers(&codes), lines::numbers(&other_codes));
    assert_eq!((signs, outliers), (other_signs, other_outliers));
}

/// Vectors for which signs say much, and such for which they say little or nothing.
#[test]
fn signs_leave_out_nearly_nothing() {
    let (dimensions, count) = (64, signs::WORTH as u128 + 10_000);
    let mut random = Rng::with_seed(3);
    let centres: Vec<Vec<f32>> = (0..200).map(|_| without_structure(&mut random, dimensions)).collect();
    type Draw<'a> = dyn Fn(&mut Rng) -> Vec<f32> + 'a;
    let near_others = |random: &mut Rng| {
        let centre = &centres[random.usize(..centres.len())];
        centre.iter().map(|x| x + 0.5 * (random.f32() - 0.5)).collect()
    };
    let plain = |random: &mut Rng| without_structure(random, dimensions);
    let positive = |random: &mut Rng| plain(random).iter().map(|x| x.abs() + 3.0).collect();
    let few_kinds = |random: &mut Rng| {
        let at = random.usize(..3);
        (0..dimensions).map(|number| if number == at { 1.0 + random.f32() } else { 0.0 }).collect()
    };
    let all: [(&str, &Draw<'_>); 4] =
        [("near", &near_others), ("plain", &plain), ("positive", &positive), ("few", &few_kinds)];
    for (name, draw) in all {
        let (index, mut random) = (Index::default(), Rng::with_seed(4));
        let mut fact = facts(&mut random);
        index
            .update(|update| {
                (0..count).try_for_each(|id| {
                    // A third is not meant.
                    fact.kind = if id % 3 == 0 { Kind::Episode } else { Kind::Fact };
                    update.put(Id::from_u128(id), &draw(&mut random), &fact)
                })
            })
            .unwrap();
        let mut meant = Filter::of(fact.namespace.clone());
        let (mut hits, mut asked_for) = (0, 0);
        for query in 0..16 {
            meant.kinds = if query % 2 == 0 { vec![] } else { vec![Kind::Fact] };
            let to = Embedding { model: "m".to_owned(), vector: draw(&mut random) };
            let ask = |search| {
                let asked = Nearest { to: &to, filter: &meant, most: 10, search };
                index.nearest(&asked, || Ok::<_, Error>(Vec::new())).unwrap()
            };
            // Where many are equally near, as near is as good.
            let (exact, found) = (ask(Search::Exact), ask(Search::Recall(0.999)));
            assert_eq!(found.len(), 10);
            hits += found.iter().filter(|one| one.score >= exact[9].score - 1e-4).count();
            asked_for += 10;
        }
        assert!(hits + 1 >= asked_for, "{name}: {hits} of {asked_for}");
    }
}

fn without_structure(random: &mut Rng, dimensions: usize) -> Vec<f32> {
    (0..dimensions).map(|_| (0..6).map(|_| random.f32()).sum::<f32>() - 3.0).collect()
}

#[test]
fn lengths_that_differ_are_refused() {
    let index = Index::default();
    let fact = facts(&mut Rng::with_seed(1));
    let put =
        |len: usize| index.update(|update| update.put(Id::from_u128(len as u128), &vec![1.0; len], &fact));
    put(3).unwrap();
    assert!(put(4).is_err());
    let filter = Filter::of(fact.namespace.clone());
    let to = Embedding { model: "m".to_owned(), vector: vec![1.0; 4] };
    let asked = Nearest { to: &to, filter: &filter, most: 1, search: Search::Exact };
    assert!(index.nearest(&asked, || Ok::<_, Error>(Vec::new())).is_err());
}

#[test]
fn who_asks_for_more_than_there_is_gets_all() {
    let (mut random, count) = (Rng::with_seed(5), 2100);
    let vectors: Vec<Vec<f32>> = (0..count).map(|_| without_structure(&mut random, 8)).collect();
    let settings = Settings { crossover: 100, links: 4, candidates: 16, threads: 1, seed: 1 };
    let index =
        Index::of(settings, vectors.iter().zip(0..).map(|(vector, id)| (Id::from_u128(id), &vector[..])))
            .unwrap();
    index.build();
    let (filter, to) =
        (Filter::of(Index::namespace().unwrap()), Embedding { model: "m".to_owned(), vector: vec![1.0; 8] });
    for most in [usize::MAX, 1 << 60, u32::MAX as usize] {
        for search in [Search::Exact, Search::Recall(0.9), Search::Recall(0.999)] {
            let asked = Nearest { to: &to, filter: &filter, most, search };
            assert_eq!(index.find(&asked).unwrap().len(), count, "{most}, {search:?}");
        }
        let found = index.find_by_graph(&to.vector, most, usize::MAX).unwrap();
        assert!((1..=count).contains(&found.len()), "{most}: {}", found.len());
    }
}

#[test]
fn numbers_that_are_none_are_refused() {
    let good = [1.0, 2.0];
    for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let ids = [Id::from_u128(1), Id::from_u128(2)];
        let bad = [1.0, wrong];
        assert!(Index::of(Settings::default(), ids.into_iter().zip([&good[..], &bad[..]])).is_err());
        let index = Index::of(Settings::default(), [(ids[0], &good[..])]).unwrap();
        let filter = Filter::of(Index::namespace().unwrap());
        let to = Embedding { model: "m".to_owned(), vector: bad.to_vec() };
        for search in [Search::Exact, Search::Recall(0.9)] {
            let told = index.find(&Nearest { to: &to, filter: &filter, most: 1, search });
            assert!(matches!(told, Err(Error::Invalid { .. })), "{told:?}");
        }
        assert!(index.find_by_graph(&bad, 1, 10).is_err());
        assert!(index.find_by_graph(&[1.0], 1, 10).is_err(), "another length");
    }
}
