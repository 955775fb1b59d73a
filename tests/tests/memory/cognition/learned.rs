//! What models conclude: it is checked, it can be traced, it is stored once, and nothing is lost by it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use typewright_runtime::memory::cognition::consolidation::{Conclude, Conclusion, Consolidation};
use typewright_runtime::memory::cognition::contradiction::{Compare, Detection, Verdict};
use typewright_runtime::memory::lineage::derived;
use typewright_runtime::memory::store::{Direction, Filter, Search};
use typewright_runtime::memory::{
    Error, Id, Interval, Kind, MemoryDraft, MemoryNode, Namespace, Pending, RelationKind, Status,
};

use super::{Engine, Place, at, id, on_each_store};

on_each_store!(;
    async conclusions_lead_back_to_episodes_and_are_drawn_once,
    what_a_model_makes_up_is_refused_whole,
    what_was_forgotten_meanwhile_is_not_concluded_from,
    what_contradicts_is_related_and_stays,
    without_vectors_words_lead_to_what_is_compared
);

/// Concludes what it was told to.
#[derive(Debug, Default)]
struct Told {
    says: Mutex<Vec<Conclusion>>,
    asked: AtomicUsize,
}

impl Conclude for Told {
    fn name(&self) -> &str {
        "told"
    }

    fn conclude<'a>(&'a self, _: &'a [MemoryNode], _: usize) -> Pending<'a, Vec<Conclusion>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(self.says.lock().unwrap().clone()) })
    }
}

fn consolidation(room: &Place) -> (Arc<Told>, Consolidation) {
    let model = Arc::new(Told::default());
    let (store, settings) = (Arc::clone(&room.store), Arc::clone(&room.settings));
    let namespace = Namespace::new("a").unwrap();
    (Arc::clone(&model), Consolidation { store, settings, namespace, model, most: 3 })
}

fn add(room: &Place, kind: Kind, texts: &[&str]) -> Vec<Id> {
    let mut t = room.begin();
    let space = Namespace::new("a").unwrap();
    let ids = texts.iter().map(|text| t.add(MemoryDraft::new(space.clone(), kind, *text)).unwrap()).collect();
    t.commit().unwrap();
    ids
}

fn says(text: &str, sources: &[Id]) -> Conclusion {
    Conclusion { text: text.to_owned(), sources: sources.to_vec(), importance: Some(0.75) }
}

async fn conclusions_lead_back_to_episodes_and_are_drawn_once(on: Engine) {
    let room = on.place("cognition");
    let episodes = add(&room, Kind::Episode, &["likes figs", "ate figs", "rain"]);
    let (model, consolidation) = consolidation(&room);
    let filter = Filter::of(Namespace::new("a").unwrap());
    assert_eq!(consolidation.pending(&filter).unwrap(), episodes);
    *model.says.lock().unwrap() =
        vec![says("figs matter", &[episodes[0], episodes[1], episodes[0]]), says("figs", &episodes[..1])];
    let kept = consolidation.run(&episodes[..2]).await.unwrap();
    assert_eq!(kept.len(), 2);
    let head = room.store.head().unwrap();
    let nodes = room.store.nodes(&kept, head).unwrap();
    assert_eq!((nodes[0].kind, nodes[0].importance, nodes[0].content.words().as_ref()), {
        (Kind::Semantic, 0.75, "figs matter")
    });
    let provenance = nodes[0].provenance.clone().unwrap();
    assert_eq!((provenance.source.as_str(), &provenance.derived_from[..]), ("told", &episodes[..2]));
    let relations =
        room.store.relations(&kept[..1], &[RelationKind::DerivedFrom], Direction::Out, head).unwrap();
    assert_eq!(relations.iter().map(|one| one.to).collect::<Vec<_>>(), episodes[..2]);
    let mut all = kept.clone();
    all.sort_unstable();
    assert_eq!(derived(&*room.store, &[episodes[0]], head).unwrap(), all);
    assert_eq!(consolidation.pending(&filter).unwrap(), episodes[2..]);
    // Again, in another order, and although the model would say something else now.
    model.says.lock().unwrap().clear();
    let again = consolidation.run(&[episodes[1], episodes[0]]).await.unwrap();
    assert_eq!((again, room.store.head().unwrap()), (kept.clone(), head));
    assert_eq!(model.asked.load(Ordering::SeqCst), 1);
    // What was forgotten is not concluded again.
    let mut t = room.begin();
    t.forget(kept[0]);
    t.commit().unwrap();
    assert_eq!(consolidation.run(&episodes[..2]).await.unwrap(), kept[1..]);
    // Nothing is a conclusion, too, and the episodes are as they were.
    assert_eq!(consolidation.run(&episodes[2..]).await.unwrap(), []);
    let nodes = room.store.nodes(&episodes, room.store.head().unwrap()).unwrap();
    assert!(nodes.iter().all(|node| node.status == Status::Live && node.version == 1));
}

async fn what_a_model_makes_up_is_refused_whole(on: Engine) {
    let room = on.place("cognition");
    let episodes = add(&room, Kind::Episode, &["one", "two", "three"]);
    let facts = add(&room, Kind::Fact, &["a fact"]);
    let (model, consolidation) = consolidation(&room);
    let head = room.store.head().unwrap();
    let good = says("good", &episodes[..1]);
    let loud = Conclusion { importance: Some(7.0), ..good.clone() };
    for wrong in [
        vec![good.clone(), says(" ", &episodes[..1])],
        vec![good.clone(), says("no source", &[])],
        vec![good.clone(), says("made up", &[id(5)])],
        vec![good.clone(), says("not of the group", &episodes[2..])],
        vec![good.clone(), loud],
        vec![good.clone(), says(&"x".repeat(room.settings.limits.text_bytes + 1), &episodes[..1])],
        vec![good.clone(); 4],
    ] {
        *model.says.lock().unwrap() = wrong.clone();
        let failed = consolidation.run(&episodes[..2]).await;
        assert!(matches!(failed, Err(Error::Answer { .. })), "{failed:?}");
    }
    for wrong in [vec![facts[0]], vec![episodes[0], id(5)]] {
        assert!(consolidation.run(&wrong).await.is_err(), "{wrong:?}");
    }
    assert_eq!(room.store.head().unwrap(), head, "nothing was stored");
    // Nobody looks for the names of so many.
    let asked = model.asked.load(Ordering::SeqCst);
    for most in [Consolidation::MOST + 1, u32::MAX as usize, usize::MAX] {
        let failed = Consolidation { most, ..consolidation.clone() }.run(&episodes[..2]).await;
        assert!(matches!(failed, Err(Error::Limit { found, .. }) if found == most), "{failed:?}");
    }
    assert_eq!(model.asked.load(Ordering::SeqCst), asked);
    *model.says.lock().unwrap() = vec![good];
    let all = Consolidation { most: Consolidation::MOST, ..consolidation };
    assert_eq!(all.run(&episodes[..2]).await.unwrap().len(), 1);
}

/// Forgets an episode while the model thinks.
#[derive(Debug)]
struct Meanwhile(Arc<Place>, Id);

impl Conclude for Meanwhile {
    fn name(&self) -> &str {
        "meanwhile"
    }

    fn conclude<'a>(&'a self, episodes: &'a [MemoryNode], _: usize) -> Pending<'a, Vec<Conclusion>> {
        let mut t = self.0.begin();
        t.forget(self.1);
        t.commit().unwrap();
        let sources: Vec<Id> = episodes[..1].iter().map(|node| node.id).collect();
        Box::pin(async move { Ok(vec![says("secret", &sources)]) })
    }
}

async fn what_was_forgotten_meanwhile_is_not_concluded_from(on: Engine) {
    let room = Arc::new(on.place("cognition"));
    let episodes = add(&room, Kind::Episode, &["one", "two"]);
    let (_, consolidation) = consolidation(&room);
    // Also if the conclusion names another source: the model has read it.
    let model = Arc::new(Meanwhile(Arc::clone(&room), episodes[1]));
    let failed = Consolidation { model, ..consolidation }.run(&episodes).await;
    assert!(matches!(failed, Err(Error::Conflict { .. })), "{failed:?}");
    let filter = Filter::of(Namespace::new("a").unwrap()).kinds([Kind::Semantic]);
    assert!(room.store.ids(&filter).unwrap().is_empty());
}

/// Says that all contradict each other that end with different words; is unsure of what ends with `maybe`.
#[derive(Debug, Default)]
struct Words(Mutex<Vec<(String, String)>>);

impl Compare for Words {
    fn name(&self) -> &str {
        "words"
    }

    fn compare<'a>(&'a self, one: &'a MemoryNode, other: &'a MemoryNode) -> Pending<'a, Verdict> {
        let [one, other] = [one, other].map(|node| node.content.words().into_owned());
        let last = |text: &str| text.split(' ').next_back().map(str::to_owned);
        let verdict = match (last(&one), last(&other)) {
            (_, Some(word)) if word == "maybe" => Verdict::Contradict(0.4),
            (_, Some(word)) if word == "nothing" => Verdict::Unknown,
            (_, Some(word)) if word == "broken" => Verdict::Contradict(1.5),
            (a, b) if a == b => Verdict::Compatible,
            _ => Verdict::Contradict(0.875),
        };
        self.0.lock().unwrap().push((one, other));
        Box::pin(async move { Ok(verdict) })
    }
}

fn detection(room: &Place) -> (Arc<Words>, Detection) {
    let judge = Arc::new(Words::default());
    let (store, settings) = (Arc::clone(&room.store), Arc::clone(&room.settings));
    let search = Search::Exact;
    let judging = Arc::clone(&judge) as Arc<dyn Compare>;
    (judge, Detection { store, settings, judge: judging, least: 0.7, most: 4, confidence: 0.5, search })
}

async fn what_contradicts_is_related_and_stays(on: Engine) {
    let room = on.place("cognition");
    let space = Namespace::new("a").unwrap();
    let mut t = room.begin();
    let of = |text: &str, vector: [f32; 2]| {
        MemoryDraft::new(space.clone(), Kind::Fact, text).embedding("m", vector.to_vec())
    };
    let early = Interval::between(at(0), at(10)).unwrap();
    let late = Interval::between(at(10), at(20)).unwrap();
    let paris = t.add(of("lives in Paris", [1.0, 0.0]).valid(late)).unwrap();
    let also = t.add(of("dwells in Paris", [1.0, 0.1])).unwrap();
    let rome = t.add(of("lives in Rome", [1.0, 0.2])).unwrap();
    let maybe = t.add(of("lives in Oslo maybe", [1.0, 0.3])).unwrap();
    // Before that time, it did not contradict; what is unlike, of another kind or another's is not compared.
    t.add(of("lived in Bern", [1.0, 0.05]).valid(early)).unwrap();
    t.add(of("likes figs", [0.0, 1.0])).unwrap();
    t.add(MemoryDraft { kind: Kind::Semantic, ..of("lives in Prague", [1.0, 0.0]) }).unwrap();
    t.add(MemoryDraft { namespace: Namespace::new("b").unwrap(), ..of("lives in Nice", [1.0, 0.0]) })
        .unwrap();
    t.commit().unwrap();
    let (judge, detection) = detection(&room);
    let candidates = detection.candidates(paris).unwrap();
    assert_eq!(candidates.iter().map(|node| node.id).collect::<Vec<_>>(), [also, rome, maybe]);
    let found = detection.run(paris).await.unwrap();
    let head = room.store.head().unwrap();
    let relations = room.store.relations(&[paris], &[], Direction::Both, head).unwrap();
    assert_eq!(relations.iter().map(|one| one.id).collect::<Vec<_>>(), found);
    assert_eq!(relations.len(), 1);
    let relation = &relations[0];
    assert_eq!((&relation.kind, relation.weight), (&RelationKind::Contradicts, 0.875));
    assert_eq!((relation.from, relation.to), (paris.min(rome), paris.max(rome)));
    assert_eq!(relation.provenance.as_ref().unwrap().source, "words");
    let nodes = room.store.nodes(&[paris, rome], head).unwrap();
    assert!(nodes.iter().all(|node| node.status == Status::Live && node.version == 1));
    // Again, and from the other side: what is related is not compared again.
    assert_eq!(detection.run(paris).await.unwrap(), []);
    let asked = judge.0.lock().unwrap().len();
    detection.run(rome).await.unwrap();
    let since = judge.0.lock().unwrap()[asked..].to_vec();
    assert!(since.iter().all(|(_, other)| other != "lives in Paris"), "{since:?}");
    assert_eq!(room.store.ids(&Filter::of(space)).unwrap().len(), 7, "nothing is gone");
}

async fn without_vectors_words_lead_to_what_is_compared(on: Engine) {
    let room = on.place("cognition");
    let ids =
        add(&room, Kind::Fact, &["the key is red", "the key is blue", "the key is nothing", "nobody knows"]);
    let (judge, detection) = detection(&room);
    let found = detection.run(ids[0]).await.unwrap();
    let asked: Vec<String> = judge.0.lock().unwrap().iter().map(|(_, other)| other.clone()).collect();
    assert_eq!(
        (found.len(), asked),
        (1, vec!["the key is blue".to_owned(), "the key is nothing".to_owned()])
    );
    // As many as are asked for, although others that are more alike are related already.
    let few = Detection { most: 1, ..detection.clone() };
    assert_eq!(few.candidates(ids[0]).unwrap()[0].id, ids[2]);
    add(&room, Kind::Fact, &["the key is broken"]);
    let head = room.store.head().unwrap();
    let failed = detection.run(ids[0]).await;
    assert!(matches!(failed, Err(Error::Answer { .. })), "{failed:?}");
    assert_eq!(room.store.head().unwrap(), head);
    assert!(matches!(detection.run(id(9)).await, Err(Error::NotFound { .. })));
}
