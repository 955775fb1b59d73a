//! Vectors and scores behind the client, by the encoders of references.

use typewright_runtime::client::EmbedReply;
use typewright_runtime::local::embed::{Config, Embedder, Reranker};

use super::*;
use crate::architectures::reference::Reference;

fn folder_of(name: &str) -> (Folder, String) {
    let folder = crate::embed::folder(&Reference::read(name));
    let path = folder.path().to_str().unwrap().to_owned();
    (folder, path)
}

async fn vectors(candle: &Candle, path: &str, texts: &[&str]) -> Result<EmbedReply, Error> {
    candle.embed(path).inputs(texts.iter().copied()).send().await
}

#[tokio::test]
async fn vectors_are_those_of_the_encoder_in_the_order_of_the_texts() {
    let (folder, path) = folder_of("bert");
    let long = (5..105).map(|id| format!("w{id}")).collect::<Vec<_>>().join(" ");
    let texts = ["w7 w8", long.as_str(), "a"];
    let embedder = Embedder::load(folder.path(), &Config { threads: 1, ..Config::default() }).unwrap();
    let wanted = embedder.embed(&texts).unwrap();
    let candle = builder().build().unwrap();
    let reply = vectors(&candle, &path, &texts).await.unwrap();
    let wanted: Vec<Vec<f32>> = wanted.iter().map(<[f32]>::to_vec).collect();
    assert_eq!(reply.vectors, wanted);
    assert_eq!(reply.usage.as_ref().unwrap().input, Some(4 + 64 + 3));
    assert_eq!((reply.model.as_deref(), reply.cost()), (Some(path.as_str()), None));
    assert_eq!(reply.warnings().len(), 1);
    assert_eq!(reply.warnings()[0].message, "text 1 has 102 tokens: cut after 64");
    assert_eq!(candle.local().loaded().len(), 1);
    assert!(vectors(&candle, &path, &[]).await.unwrap().vectors.is_empty());
    assert!(candle.local().unload(&path).await.unwrap());
}

#[tokio::test]
async fn what_no_encoder_knows_of_is_refused() {
    let (_folder, path) = folder_of("bert");
    let candle = builder().build().unwrap();
    let call = || candle.embed(path.as_str()).input("a");
    let refused = |result: Result<EmbedReply, Error>| match result.err() {
        Some(Error::Unsupported(refused)) => refused.feature.into_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(call().input_type("query").send().await), "input_type");
    assert_eq!(refused(call().dimensions(7).send().await), "dimensions");
    assert_eq!(refused(call().options(Options::new().min_p(0.5)).send().await), "min_p");
    assert_eq!(call().user_id("me").send().await.unwrap().warnings()[0].feature, "user");
    assert_eq!(refused(candle.embed("qwen3-0.6b").input("a").send().await), "embeddings");
    // One that makes vectors does not converse, and one that converses makes none.
    let folder = Folder::new("client");
    let decoder = write(&folder, "tiny.gguf");
    assert!(vectors(&candle, decoder.to_str().unwrap(), &["a"]).await.is_err());
    assert!(candle.chat(path.as_str()).user("a").send().await.is_err());
}

#[tokio::test]
async fn documents_are_scored() {
    let (folder, path) = folder_of("bert-rank");
    let reranker = Reranker::load(folder.path(), &Config { threads: 1, ..Config::default() }).unwrap();
    let documents = ["w7 w8", "a", "w9 w10 w11"];
    let candle = builder().build().unwrap();
    let found = candle.local().rerank(&path, "w5", &documents).await.unwrap();
    assert_eq!(found.scores, reranker.rerank("w5", &documents).unwrap().scores);
    let error = vectors(&candle, &path, &["a"]).await.unwrap_err();
    assert!(told(&error).contains("a reranker"), "{}", told(&error));
}
