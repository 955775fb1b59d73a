//! How well questions in English are answered with the vectors of a published encoder, run in this process. The model is not
//! in this repository: `TYPEWRIGHT_MINILM` names a folder with its files.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use typewright_runtime::local::embed::{Config, Embedder};
use typewright_runtime::memory::embed::{EmbeddingModel, Local, Purpose};
use typewright_runtime::memory::recall::{Query, Reading, Rest, Strategy};
use typewright_runtime::memory::{Id, Interval, Kind, MemoryDraft, RelationDraft, RelationKind, Timestamp};
use typewright_tests::memory::questions::{Class, namespace, now};
use typewright_tests::memory::sentences::{TOLD, Told};

use super::by;
use super::means::Means;
use crate::store::{self, Engine};

const MODEL: &str = "encoder";
const WAYS: [Strategy; 4] = [Strategy::Vector, Strategy::Words, Strategy::Graph, Strategy::Hybrid];

/// What a model makes of texts.
type Vectors = HashMap<&'static str, Vec<f32>>;

/// A store, and the vectors of all that is said to it.
struct Place<'a> {
    store: store::Place,
    vectors: &'a Vectors,
    /// Whether there are memories that have the words of a question, and nothing to do with it.
    has_traps: bool,
}

fn vectors(model: &Local) -> Vectors {
    let texts = |told: &Told| [Some(told.memory), Some(told.question), Some(told.decoy), told.next];
    let texts: Vec<&'static str> = TOLD.iter().flat_map(texts).flatten().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let vectors = runtime.block_on(model.embed(&texts, Purpose::Document)).unwrap();
    texts.into_iter().zip(vectors).collect()
}

impl Place<'_> {
    fn draft(&self, text: &str) -> MemoryDraft {
        MemoryDraft::new(namespace(), Kind::Fact, text).embedding(MODEL, self.vectors[text].clone())
    }

    /// Stores what is told; the answers to its question.
    fn tell(&self, told: &Told) -> Vec<Id> {
        let mut transaction = self.store.begin();
        let changed = Timestamp::parse("2025-01-01T00:00:00Z").unwrap();
        let (memory, decoy) = (self.draft(told.memory), self.draft(told.decoy));
        let evidence = match told.class {
            Class::Superseded => {
                let old = transaction.add(decoy).unwrap();
                vec![transaction.supersede(old, memory).unwrap()]
            }
            Class::TimeBound => {
                transaction.add(decoy.valid(Interval { from: None, to: Some(changed) })).unwrap();
                vec![transaction.add(memory.valid(Interval { from: Some(changed), to: None })).unwrap()]
            }
            _ => {
                if self.has_traps || told.class == Class::Identifier {
                    transaction.add(decoy).unwrap();
                }
                vec![transaction.add(memory).unwrap()]
            }
        };
        let next = told.next.map(|next| transaction.add(self.draft(next)).unwrap());
        if let Some(next) = next {
            let relation = RelationDraft::new(evidence[0], RelationKind::RelatedTo, next);
            transaction.relate(relation).unwrap();
        }
        transaction.commit().unwrap();
        evidence.into_iter().chain(next).collect()
    }

    fn ask(&self, question: &str, strategy: Strategy) -> Vec<Id> {
        let query = Query::new(namespace(), 10).text(question).vector(MODEL, self.vectors[question].clone());
        let query = query.strategy(strategy).rest(Rest::Leave);
        let store::Place { store, settings, .. } = &self.store;
        by(&**store, settings, &query, Reading::Indexed).unwrap().ids()
    }
}

fn measured(vectors: &Vectors, has_traps: bool) -> Means<Strategy> {
    let place = Place { store: Engine::Sqlite.place("published"), vectors, has_traps };
    let asked: Vec<(&Told, Vec<Id>)> = TOLD.iter().map(|told| (told, place.tell(told))).collect();
    place.store.clock.set(now());
    let mut means = Means::new();
    for (told, evidence) in &asked {
        for way in WAYS {
            means.add(way, told.class, &place.ask(told.question, way), evidence);
        }
    }
    means
}

#[test]
fn hybrid_finds_more_than_vectors_or_words_of_a_published_encoder() {
    let Some(path) = std::env::var_os("TYPEWRIGHT_MINILM") else {
        println!("not run: TYPEWRIGHT_MINILM names no folder");
        return;
    };
    let encoder = Embedder::load(Path::new(&path), &Config::default()).unwrap();
    let vectors = vectors(&Local::new(MODEL, Arc::new(encoder)));
    for has_traps in [false, true] {
        let means = measured(&vectors, has_traps);
        println!("{}{}", if has_traps { "with traps\n" } else { "" }, means.table(&WAYS));
        let [by_vectors, by_words, _, hybrid] = WAYS.map(|way| means.of(way, None));
        assert!(
            hybrid[1] > by_words[1] && hybrid[1] > by_vectors[1],
            "{hybrid:?} {by_words:?} {by_vectors:?}"
        );
        // Traps are made of the words of questions: who looks for words, too, is caught by them first of all.
        assert!(has_traps || hybrid[3] > by_vectors[3], "{hybrid:?} {by_vectors:?}");
        assert!(hybrid[3] > by_words[3], "{hybrid:?} {by_words:?}");
    }
}
