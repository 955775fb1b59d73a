//! How well what is asked is found, beside vectors and words alone.

use std::sync::Arc;

use typewright_runtime::memory::recall::{Query, Reading, Rest, Scoring, Strategy, Weights};
use typewright_runtime::memory::store::{Filter, Nearest, Page, Search, Store};
use typewright_runtime::memory::{Embedding, Id, Settings};
use typewright_tests::memory::concepts::{MODEL, embed};
use typewright_tests::memory::questions::{CLASSES, Question, World, namespace, now};

use super::by;
use super::means::Means;
use crate::store::{Engine, Place, on_each_store};

on_each_store!(hybrid_finds_more_than_vectors_or_words_alone);

/// A way of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// Nothing but the nearest vectors of the store.
    Nearest,
    /// Nothing but the words of the store, any of them.
    Matches,
    /// Of those that the words find, those that have all of them.
    AllWords,
    /// Through everything, with this strategy.
    By(Strategy),
    /// Hybrid, with relations as much as words.
    Related,
    /// Hybrid, with all that matches by any word.
    AnyWord,
    /// Hybrid, with likeness as it was published.
    Published,
}

/// Those that are compared come first.
const WAYS: [Way; 10] = [
    Way::Nearest,
    Way::Matches,
    Way::By(Strategy::Vector),
    Way::By(Strategy::Words),
    Way::By(Strategy::Hybrid),
    Way::By(Strategy::Graph),
    Way::AllWords,
    Way::Related,
    Way::AnyWord,
    Way::Published,
];

fn stored(on: Engine, world: &World) -> Place {
    let place = on.place("quality");
    place.clock.set(World::stored());
    let mut transaction = place.begin();
    for draft in &world.memories {
        transaction.add(draft.clone()).unwrap();
    }
    for draft in &world.relations {
        transaction.relate(draft.clone()).unwrap();
    }
    for (old, draft) in &world.supersedes {
        transaction.supersede(*old, draft.clone()).unwrap();
    }
    transaction.commit().unwrap();
    place.clock.set(now());
    place
}

fn found(store: &dyn Store, settings: &Arc<Settings>, way: Way, question: &Question) -> Vec<Id> {
    let vector = embed(&question.text);
    let filter = Filter::of(namespace()).valid_at(question.valid_at.unwrap_or(now()));
    let query = Query::new(namespace(), 10).text(&question.text).vector(MODEL, vector.clone());
    let query =
        question.valid_at.map_or(query.clone(), |time| query.clone().valid_at(time)).rest(Rest::Leave);
    let usual = Scoring::default();
    let query = match way {
        Way::Nearest => {
            let to = Embedding { model: MODEL.to_owned(), vector };
            let asked = Nearest { to: &to, filter: &filter, most: 10, search: Search::Exact };
            return store.nearest(&asked).unwrap().into_iter().map(|found| found.id).collect();
        }
        Way::Matches => {
            let found = store.matches(&question.text, &filter, 10).unwrap();
            return found.into_iter().map(|found| found.id).collect();
        }
        Way::AllWords => return all_words(store, question, &filter),
        Way::By(strategy) => query.strategy(strategy),
        Way::Related => query.scoring(Scoring { weights: Weights { graph: 1.0, ..usual.weights }, ..usual }),
        Way::AnyWord => query.scoring(Scoring { words_floor: 0.0, ..usual }),
        Way::Published => query.scoring(Scoring { alike: 0.0, ..usual }),
    };
    by(store, settings, &query, Reading::Indexed).unwrap().ids()
}

fn all_words(store: &dyn Store, question: &Question, filter: &Filter) -> Vec<Id> {
    let wanted = words(&question.text);
    let ids: Vec<Id> =
        store.matches(&question.text, filter, Page::MOST).unwrap().iter().map(|one| one.id).collect();
    let nodes = store.nodes(&ids, store.head().unwrap()).unwrap();
    let has = nodes.iter().filter(|node| {
        let there = words(&node.content.words());
        wanted.iter().all(|word| there.contains(word))
    });
    has.map(|node| node.id).take(10).collect()
}

fn words(text: &str) -> Vec<String> {
    typewright_runtime::memory::recall::text::words(text)
}

/// The ways that are compared on a store.
fn ways(on: Engine) -> &'static [Way] {
    &WAYS[..on.count(WAYS.len(), 5)]
}

fn measured(on: Engine, worlds: &[World]) -> Means<Way> {
    let mut means = Means::new();
    for world in worlds {
        let place = stored(on, world);
        // Questions of all classes come in turn.
        let questions = world.questions.iter().step_by(on.count(1, 3));
        for (question, way) in questions.flat_map(|one| ways(on).iter().map(move |way| (one, *way))) {
            let found = found(&*place.store, &place.settings, way, question);
            means.add(way, question.class, &found, &question.evidence);
        }
    }
    means
}

/// What was chosen by looking, the floors of words and of likeness, was chosen on the worlds 1 to 3. These are others.
fn hybrid_finds_more_than_vectors_or_words_alone(on: Engine) {
    let worlds: Vec<World> = (11..=on.count(12, 11) as u64).map(|seed| World::new(seed, 20)).collect();
    let means = measured(on, &worlds);
    println!("{}", means.table(ways(on)));
    let all = |way: Way| means.of(way, None);
    let hybrid = all(Way::By(Strategy::Hybrid));
    let alone = [Way::Nearest, Way::Matches, Way::By(Strategy::Vector), Way::By(Strategy::Words)];
    for other in alone {
        for (hybrid, other) in hybrid.iter().zip(all(other)).skip(1) {
            assert!(*hybrid > other + 0.05, "{other:?}");
        }
    }
    for class in CLASSES {
        let [_, _, ten, _] = means.of(Way::By(Strategy::Hybrid), Some(class));
        assert!(ten > 0.9, "{class:?}: {ten}");
        // Neither alone does that: else the class would say nothing.
        assert!(alone.iter().any(|way| means.of(*way, Some(class))[3] < 0.995), "{class:?}");
    }
}
