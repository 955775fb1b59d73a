//! Vectors: in bounded batches, each text once, and none that cannot be compared.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use typewright_runtime::chat::ChatRequest;
use typewright_runtime::client::{Answering, Backend, Client, Embedded};
use typewright_runtime::embed::{EmbedRequest, EmbedResponse};
use typewright_runtime::http::Clocks;
use typewright_runtime::memory::embed::{Batching, Config, Embedder, EmbeddingModel, Purpose, Remote, fill};
use typewright_runtime::memory::store::Filter;
use typewright_runtime::memory::{Error, Kind, MemoryDraft, Namespace, Pending};
use typewright_runtime::models::ListedModel;
use typewright_tests::memory::provider::INVENTED;

use crate::store::{Engine, on_each_store};

on_each_store!(;
    async memories_without_vectors_get_theirs_and_forgetting_reaches_the_cache,
    what_can_have_no_vector_keeps_no_other_from_its_own
);

/// A vector of the length and the first byte of a text, and what it was asked for.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    pub(crate) asked: Mutex<Vec<Vec<String>>>,
    /// Which request fails, from 1.
    fails: AtomicUsize,
}

impl EmbeddingModel for Letters {
    fn name(&self) -> &str {
        "letters"
    }

    fn embed<'a>(&'a self, texts: &'a [&'a str], purpose: Purpose) -> Pending<'a, Vec<Vec<f32>>> {
        let mut asked = self.asked.lock().unwrap();
        asked.push(texts.iter().map(|text| (*text).to_owned()).collect());
        if asked.len() == self.fails.load(Ordering::SeqCst) {
            return Box::pin(async { Err(Error::model("letters", "no line")) });
        }
        let vector = |text: &&str| match *text {
            "nan" => vec![f32::NAN, 0.0, 1.0],
            "zero" => vec![0.0; 3],
            "short" => vec![1.0],
            text => vec![text.len() as f32, f32::from(text.as_bytes()[0]), f32::from(purpose as u8)],
        };
        let vectors = texts.iter().map(vector).collect();
        Box::pin(async { Ok(vectors) })
    }
}

fn embedder(batching: Batching) -> (Arc<Letters>, Embedder) {
    let model = Arc::new(Letters::default());
    let config = Config { batching, ..Config::default() };
    (Arc::clone(&model), Embedder::new(model, config))
}

const SMALL: Batching = Batching { texts: 3, bytes: 10, tokens: 100 };

#[tokio::test]
async fn batches_keep_to_every_limit_and_to_the_order() {
    let (model, embedder) = embedder(SMALL);
    let texts = ["a", "bb", "ccc", "d", "eeeeeeee", "ff", "ggg"];
    let found = embedder.embed(&texts, Purpose::Document).await.unwrap();
    for (text, found) in texts.iter().zip(&found) {
        assert_eq!(found.vector, [text.len() as f32, f32::from(text.as_bytes()[0]), 0.0]);
        assert_eq!(found.model, "letters");
    }
    let asked = model.asked.lock().unwrap().clone();
    // Three texts; then one and eight bytes, and two more would be eleven; then the rest.
    assert_eq!(asked, [vec!["a", "bb", "ccc"], vec!["d", "eeeeeeee"], vec!["ff", "ggg"]]);
    // The estimate is a token for three bytes begun: 1 + 1 tokens, and the next would be the third.
    let (model, embedder) = self::embedder(Batching { texts: 9, bytes: 99, tokens: 2 });
    embedder.embed(&["aaa", "b", "cccc", "d"], Purpose::Document).await.unwrap();
    let asked = model.asked.lock().unwrap().clone();
    assert_eq!(asked, [vec!["aaa", "b"], vec!["cccc"], vec!["d"]]);
}

#[tokio::test]
async fn a_text_is_asked_for_once_and_by_purpose() {
    let (model, embedder) = embedder(SMALL);
    let twice = embedder.embed(&["a", "b", "a"], Purpose::Document).await.unwrap();
    assert_eq!(twice[0], twice[2]);
    embedder.embed(&["b", "a"], Purpose::Document).await.unwrap();
    let query = embedder.query("a").await.unwrap();
    assert_eq!(query.vector, [1.0, 97.0, 1.0]);
    assert_eq!(*model.asked.lock().unwrap(), [vec!["a", "b"], vec!["a"]]);
    embedder.forget("a");
    assert_eq!(embedder.cached(), 1);
    embedder.embed(&["a", "b"], Purpose::Document).await.unwrap();
    assert_eq!(model.asked.lock().unwrap()[2..], [vec!["a"]]);
}

#[tokio::test]
async fn the_cache_keeps_what_was_used_last() {
    let model = Arc::new(Letters::default());
    let config = Config { cache_entries: 2, ..Config::default() };
    let embedder = Embedder::new(Arc::clone(&model) as Arc<dyn EmbeddingModel>, config);
    for text in ["a", "b", "a", "c", "a", "b"] {
        embedder.embed(&[text], Purpose::Document).await.unwrap();
        assert!(embedder.cached() <= 2);
    }
    // The third finds `a`; `c` drives `b` out, and `b` has to be asked for again.
    assert_eq!(*model.asked.lock().unwrap(), [["a"], ["b"], ["c"], ["b"]]);
    // 160 bytes and three numbers are an entry: there is space for two.
    let config = Config { cache_bytes: 2 * (160 + 12) + 171, ..Config::default() };
    let embedder = Embedder::new(model, config);
    embedder.embed(&["a", "b", "c", "d"], Purpose::Document).await.unwrap();
    assert_eq!(embedder.cached(), 2);
}

#[tokio::test]
async fn what_cannot_be_compared_is_refused_and_not_kept() {
    for wrong in ["nan", "zero", "short"] {
        let (_, embedder) = embedder(Batching::default());
        let failed = embedder.embed(&["good", wrong], Purpose::Document).await;
        assert!(matches!(failed, Err(Error::Answer { .. })), "{wrong}: {failed:?}");
        assert_eq!(embedder.cached(), 0, "{wrong}");
        embedder.embed(&["good"], Purpose::Document).await.unwrap();
    }
    let (model, embedder) = embedder(SMALL);
    for wrong in ["", "longer than that"] {
        assert!(embedder.embed(&["good", wrong], Purpose::Document).await.is_err(), "{wrong}");
    }
    assert!(model.asked.lock().unwrap().is_empty(), "what is wrong is seen before anything is asked");
    // A dimension that was said holds from the first vector on.
    let config = Config { dimensions: Some(4), ..Config::default() };
    let failed = Embedder::new(model, config).embed(&["a"], Purpose::Document).await;
    assert!(matches!(failed, Err(Error::Answer { .. })), "{failed:?}");
}

#[tokio::test]
async fn what_failed_halfway_goes_on_from_there() {
    let (model, embedder) = embedder(SMALL);
    model.fails.store(2, Ordering::SeqCst);
    let texts = ["a", "b", "c", "d"];
    let failed = embedder.embed(&texts, Purpose::Document).await;
    assert!(matches!(failed, Err(Error::Model { .. })), "{failed:?}");
    assert_eq!(embedder.cached(), 3);
    embedder.embed(&texts, Purpose::Document).await.unwrap();
    assert_eq!(model.asked.lock().unwrap()[2..], [["d"]]);
}

async fn memories_without_vectors_get_theirs_and_forgetting_reaches_the_cache(on: Engine) {
    let place = on.place("embed");
    let (store, settings) = (&place.store, &place.settings);
    let space = Namespace::new("a").unwrap();
    let mut t = place.begin();
    let of = |kind, text: &str| MemoryDraft::new(space.clone(), kind, text);
    let plain = t.add(of(Kind::Fact, "plain")).unwrap();
    let has = t.add(of(Kind::Fact, "has one").embedding("letters", vec![1.0, 2.0, 3.0])).unwrap();
    let working = t.add(of(Kind::Working, "not searched")).unwrap();
    let other = t.add(MemoryDraft::new(Namespace::new("b").unwrap(), Kind::Fact, "another's")).unwrap();
    t.commit().unwrap();
    let (model, embedder) = embedder(Batching::default());
    let filter = Filter::of(space);
    for given in [1, 0] {
        let filled = fill(store, settings, &embedder, &filter).await.unwrap();
        assert_eq!((filled.given, filled.left_out.len()), (given, 0));
    }
    assert_eq!(*model.asked.lock().unwrap(), [["plain"]]);
    let nodes = store.nodes(&[plain, has, working, other], store.head().unwrap()).unwrap();
    let vectors: Vec<_> = nodes.iter().map(|node| node.embedding.as_ref().map(|one| one.vector[0])).collect();
    assert_eq!(vectors[..2], [Some(5.0), Some(1.0)]);
    assert_eq!(vectors[2..], vec![None; vectors.len() - 2]);
    let seen = embedder.forget_since(&**store, store.head().unwrap()).unwrap();
    assert_eq!(embedder.cached(), 1, "nothing was forgotten");
    let mut t = place.begin();
    t.forget(has);
    t.commit().unwrap();
    assert!(embedder.forget_since(&**store, seen).unwrap() > seen);
    assert_eq!(embedder.cached(), 0);
}

async fn what_can_have_no_vector_keeps_no_other_from_its_own(on: Engine) {
    let place = on.place("embed");
    let (store, settings) = (&place.store, &place.settings);
    let space = Namespace::new("a").unwrap();
    let mut t = place.begin();
    let mut add = |text: &str| t.add(MemoryDraft::new(space.clone(), Kind::Fact, text)).unwrap();
    // Three bytes are a token: one token more than are asked for at once. And a vector of nothing but zeros.
    let (long, zero) = (add(&"x".repeat(300_001)), add("zero"));
    // More than are done together.
    let others: Vec<_> = (0..300).map(|at| add(&format!("text {at}"))).collect();
    t.commit().unwrap();
    let (model, embedder) = embedder(Batching::default());
    let filter = Filter::of(space);
    for given in [300, 0] {
        let filled = fill(store, settings, &embedder, &filter).await.unwrap();
        assert_eq!(filled.given, given);
        let why = |id| filled.left_out.iter().find(|one| one.id == id).map(|one| &one.why);
        assert!(matches!(why(long), Some(Error::Limit { found: 100_001, .. })), "{:?}", why(long));
        assert!(matches!(why(zero), Some(Error::Answer { .. })), "{:?}", why(zero));
        assert_eq!(filled.left_out.len(), 2);
    }
    // What has a vector is not asked for again.
    assert_eq!(*model.asked.lock().unwrap().last().unwrap(), ["zero"]);
    let nodes = store.nodes(&[others, vec![long, zero]].concat(), store.head().unwrap()).unwrap();
    assert_eq!(nodes.iter().filter(|node| node.embedding.is_some()).count(), 300);
    // A length that is known is none of the text alone; what is shorter is left out, too.
    let mut t = place.begin();
    let short = t.add(MemoryDraft::new(Namespace::new("a").unwrap(), Kind::Fact, "short")).unwrap();
    t.commit().unwrap();
    let filled = fill(store, settings, &embedder, &filter).await.unwrap();
    assert_eq!((filled.given, filled.left_out.iter().any(|one| one.id == short)), (0, true));
}

#[tokio::test]
async fn what_is_forgotten_while_it_is_asked_for_is_not_kept() {
    #[derive(Debug, Default)]
    struct Slow(AtomicBool);
    impl EmbeddingModel for Slow {
        fn name(&self) -> &str {
            "slow"
        }
        fn embed<'a>(&'a self, _: &'a [&'a str], _: Purpose) -> Pending<'a, Vec<Vec<f32>>> {
            Box::pin(async {
                while !self.0.load(Ordering::SeqCst) {
                    tokio::task::yield_now().await;
                }
                Ok(vec![vec![1.0]])
            })
        }
    }
    let model = Arc::new(Slow::default());
    let embedder = Embedder::new(Arc::clone(&model) as Arc<dyn EmbeddingModel>, Config::default());
    let ask = embedder.embed(&["secret"], Purpose::Document);
    let forget = async {
        embedder.forget("secret");
        model.0.store(true, Ordering::SeqCst);
    };
    let (found, ()) = tokio::join!(ask, forget);
    assert_eq!((found.unwrap().len(), embedder.cached()), (1, 0));
}

/// Answers requests for vectors, as another model from the second one on.
#[derive(Debug, Default)]
struct Provider(Mutex<Vec<EmbedRequest>>);

impl Backend for Provider {
    fn chat(&self, _: ChatRequest) -> typewright_runtime::client::Pending<'_, Box<dyn Answering>> {
        unreachable!()
    }

    fn embed(&self, request: EmbedRequest) -> typewright_runtime::client::Pending<'_, Embedded> {
        let mut asked = self.0.lock().unwrap();
        let model = Some(format!("m-{}", asked.len() / 2));
        let vectors = vec![vec![1.0, 2.0]; request.input.len()];
        asked.push(request);
        let response = EmbedResponse { vectors, model, ..EmbedResponse::default() };
        Box::pin(async { Ok(Embedded { response, warnings: Vec::new() }) })
    }

    fn models(&self) -> typewright_runtime::client::Pending<'_, Vec<ListedModel>> {
        unreachable!()
    }
}

#[tokio::test]
async fn a_client_is_a_model_as_long_as_the_same_one_answers() {
    let provider = Arc::new(Provider::default());
    let client = Client::over(&INVENTED, Arc::clone(&provider) as Arc<dyn Backend>, Clocks::default());
    let remote = Remote::new("invented:m@2", client.embed("m").dimensions(2)).input_types("passage", "query");
    let embedder = Embedder::new(Arc::new(remote), Config::default());
    let found = embedder.embed(&["a", "b"], Purpose::Document).await.unwrap();
    assert_eq!((found.len(), found[1].model.as_str()), (2, "invented:m@2"));
    embedder.query("c").await.unwrap();
    let asked = provider.0.lock().unwrap().clone();
    let told: Vec<_> =
        asked.iter().map(|one| (one.input.len(), one.dimensions, one.input_type.as_deref())).collect();
    assert_eq!(told, [(2, Some(2), Some("passage")), (1, Some(2), Some("query"))]);
    // The third answer is another model's.
    let failed = embedder.query("d").await;
    assert!(matches!(failed, Err(Error::Answer { .. })), "{failed:?}");
}
