//! How well questions in English are answered with the vectors of a published encoder, run in this process. The model is not
//! in this repository: `TYPEWRIGHT_MINILM` names a folder with its files.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use typewright_runtime::local::embed::{Config, Embedder};
use typewright_runtime::memory::embed::{EmbeddingModel, Local, Purpose};
use typewright_runtime::memory::recall::{Query, Reading, Rest, Strategy};
use typewright_runtime::memory::store::{Store, Transaction};
use typewright_runtime::memory::{
    Id, Interval, Kind, MemoryDraft, RelationDraft, RelationKind, Settings, Timestamp,
};
use typewright_tests::memory::questions::{CLASSES, Class, namespace, ndcg_at, now, recall_at};
use typewright_tests::memory::sentences::{TOLD, Told};

use super::by;
use crate::store::{Folder, open, settings};

const MODEL: &str = "encoder";
const WAYS: [Strategy; 4] = [Strategy::Vector, Strategy::Words, Strategy::Graph, Strategy::Hybrid];

/// What a model makes of texts.
type Vectors = HashMap<&'static str, Vec<f32>>;

/// A store, and the vectors of all that is said to it.
struct Place<'a> {
    vectors: &'a Vectors,
    store: Arc<dyn Store>,
    settings: Arc<Settings>,
    /// Whether there are memories that have the words of a question, and nothing to do with it.
    has_traps: bool,
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
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
        let mut transaction =
            Transaction::begin(Arc::clone(&self.store), Arc::clone(&self.settings)).unwrap();
        let changed = time("2025-01-01T00:00:00Z");
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
        by(&*self.store, &self.settings, &query, Reading::Indexed).unwrap().ids()
    }
}

/// Recall among the first 1 and 5, and nDCG among the first 10: their means, and of how many.
type Row = ([f64; 3], f64);
type Rows = BTreeMap<(Option<Class>, usize), Row>;

fn measured(vectors: &Vectors, has_traps: bool) -> Rows {
    let folder = Folder::new("published");
    let (clock, settings) = settings();
    let store: Arc<dyn Store> = Arc::new(open(&folder.path().join("store.db"), &settings).unwrap());
    let place = Place { vectors, store, settings, has_traps };
    let asked: Vec<(&Told, Vec<Id>)> = TOLD.iter().map(|told| (told, place.tell(told))).collect();
    clock.set(now());
    let mut rows = Rows::new();
    for (told, evidence) in &asked {
        for (way, strategy) in WAYS.iter().enumerate() {
            let found = place.ask(told.question, *strategy);
            let recall = |first: usize| recall_at(&found, evidence, first);
            let one = [recall(1), recall(5), ndcg_at(&found, evidence, 10)];
            for class in [Some(told.class), None] {
                let (mean, count) = rows.entry((class, way)).or_default();
                *count += 1.0;
                mean.iter_mut().zip(one).for_each(|(mean, one)| *mean += (one - *mean) / *count);
            }
        }
    }
    rows
}

fn table(rows: &Rows) -> String {
    let mut table = format!("{:<12} {:<8}   R@1   R@5  nDCG\n", "", "");
    for class in CLASSES.map(Some).into_iter().chain([None]) {
        for (way, strategy) in WAYS.iter().enumerate() {
            let ([one, five, ndcg], _) = rows[&(class, way)];
            let class = class.map_or("all".to_owned(), |class| format!("{class:?}"));
            let way = format!("{strategy:?}");
            writeln!(table, "{class:<12} {way:<8} {one:.3} {five:.3} {ndcg:.3}").unwrap();
        }
    }
    table
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
        let rows = measured(&vectors, has_traps);
        println!("{}{}", if has_traps { "with traps\n" } else { "" }, table(&rows));
        let [by_vectors, by_words, _, hybrid] = std::array::from_fn(|way| rows[&(None, way)].0);
        assert!(
            hybrid[1] > by_words[1] && hybrid[1] > by_vectors[1],
            "{hybrid:?} {by_words:?} {by_vectors:?}"
        );
        // Traps are made of the words of questions: who looks for words, too, is caught by them first of all.
        assert!(has_traps || hybrid[2] > by_vectors[2], "{hybrid:?} {by_vectors:?}");
        assert!(hybrid[2] > by_words[2], "{hybrid:?} {by_words:?}");
    }
}
