//! Texts as people write them: their order, their ends, what is too long, and what is nothing.

use typewright_runtime::local::Error;
use typewright_runtime::local::embed::{Cut, Stop, TooLong};

use super::*;

/// A text of these tokens.
fn text(ids: &[u32]) -> String {
    ids.iter().map(|id| word(*id)).collect::<Vec<_>>().join(" ")
}

fn bert() -> (Reference, Folder) {
    let reference = Reference::read("bert");
    let folder = folder(&reference);
    (reference, folder)
}

#[test]
fn texts_are_framed_and_keep_their_order() {
    let (_, folder) = bert();
    let embedder = Embedder::load(folder.path(), &config()).unwrap();
    let bodies: Vec<Vec<u32>> = (0..40).map(|at| (0..at % 11).map(|id| 10 + id * 3 + at).collect()).collect();
    let texts: Vec<String> = bodies.iter().map(|body| text(body)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let found = embedder.embed(&texts).unwrap();
    assert_eq!(found.tokens, bodies.iter().map(|body| body.len() + 2).collect::<Vec<_>>());
    assert!(found.cut.is_empty() && !found.is_empty());
    for (body, found) in bodies.iter().zip(found.iter()) {
        let ids = [&[1][..], body, &[2]].concat();
        let expected = embedder.embed_tokens(&[Tokens { ids: &ids, parts: &[] }]).unwrap();
        assert_eq!(found, expected.get(0).unwrap());
        let length: f32 = found.iter().map(|x| x * x).sum();
        assert!((length - 1.0).abs() < 1e-5);
    }
    assert!(embedder.embed(&[]).unwrap().is_empty());
    assert!(found.get(40).is_none());
    // The name of a control token is text that a person wrote, here an unknown word.
    let [control, unknown] = ["w9 [SEP]", "w9 w999"].map(|text| embedder.embed(&[text]).unwrap());
    assert_eq!(control, unknown);
}

#[test]
fn a_text_that_is_too_long_is_cut_and_told_or_refused() {
    let (_, folder) = bert();
    let long: Vec<u32> = (5..105).collect();
    let texts = [text(&[7]), text(&long), String::new()];
    let texts = texts.each_ref().map(String::as_str);
    for (max_len, kept) in [(None, 64), (Some(10), 10), (Some(1000), 64)] {
        let config = Config { max_len, ..config() };
        let embedder = Embedder::load(folder.path(), &config).unwrap();
        assert_eq!(embedder.max_len(), kept);
        let found = embedder.embed(&texts).unwrap();
        assert_eq!(found.cut, [Cut { index: 1, tokens: 102, kept }]);
        assert_eq!(found.tokens, [3, kept, 2]);
        let ids = [&[1][..], &long[..kept - 2], &[2]].concat();
        let expected = embedder.embed_tokens(&[Tokens { ids: &ids, parts: &[] }]).unwrap();
        assert_eq!(found.get(1), expected.get(0));
        let refusing = Config { too_long: TooLong::Refuse, ..config };
        let error = Embedder::load(folder.path(), &refusing).unwrap().embed(&texts).unwrap_err();
        let expected = format!("text 1 has 102 tokens, and {kept} are possible");
        assert_eq!(error.to_string(), expected);
        let error = embedder.embed_tokens(&[Tokens { ids: &long, parts: &[] }]).unwrap_err();
        assert_eq!(error.to_string(), format!("text 0 has 100 tokens, and {kept} are possible"));
    }
}

#[test]
fn tokens_that_no_model_has_are_refused() {
    let (_, folder) = bert();
    let embedder = Embedder::load(folder.path(), &config()).unwrap();
    for (ids, parts, expected) in [
        (&[][..], &[][..], "text 1 has no tokens"),
        (&[5, 128], &[], "text 1: token 128 in a vocabulary of 128"),
        (&[5, 6], &[0, 2], "text 1: the model knows 2 parts of a text"),
        (&[5, 6], &[0], "text 1: not each token has a part"),
    ] {
        let good = Tokens { ids: &[5], parts: &[0] };
        let error = embedder.embed_tokens(&[good, Tokens { ids, parts }]).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn documents_are_scored_with_the_query() {
    for name in RANKERS {
        let reference = Reference::read(name);
        let folder = folder(&reference);
        let reranker = Reranker::load(folder.path(), &config()).unwrap();
        let has_parts = reranker.spec().embedding.segments == Some(2);
        let query: Vec<u32> = (20..25).collect();
        let documents: Vec<Vec<u32>> =
            (0..30).map(|at| (at..at + 1 + at % 9).map(|id| 30 + id).collect()).collect();
        let texts: Vec<String> = documents.iter().map(|ids| text(ids)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let found = reranker.rerank(&text(&query), &texts).unwrap();
        assert_eq!(found.scores.len(), documents.len());
        for (at, document) in documents.iter().enumerate() {
            let ids = [&[1][..], &query, &[2], document, &[2]].concat();
            let second = if has_parts { document.len() + 1 } else { 0 };
            let parts: Vec<u32> = (0..ids.len()).map(|at| u32::from(at >= ids.len() - second)).collect();
            let expected = reranker.rerank_tokens(&[Tokens { ids: &ids, parts: &parts }]).unwrap();
            assert_eq!(found.scores[at], expected.scores[0]);
            assert_eq!(found.tokens[at], ids.len());
        }
        let order = found.best_first();
        assert!(order.windows(2).all(|pair| found.scores[pair[0]] >= found.scores[pair[1]]));
        assert_eq!(order.len(), documents.len());
        assert!(reranker.rerank("w5", &[]).unwrap().scores.is_empty());
        is_cut_from_the_longer(&reranker, has_parts);
    }
}

fn is_cut_from_the_longer(reranker: &Reranker, has_parts: bool) {
    let (query, document): (Vec<u32>, Vec<u32>) = ((5..15).collect(), (20..120).collect());
    let most = reranker.max_len();
    let found = reranker.rerank(&text(&query), &["w7", &text(&document)]).unwrap();
    assert_eq!(found.cut, [Cut { index: 1, tokens: 113, kept: most }]);
    let ids = [&[1][..], &query, &[2], &document[..most - 13], &[2]].concat();
    let first = if has_parts { query.len() + 2 } else { ids.len() };
    let parts: Vec<u32> = (0..ids.len()).map(|at| u32::from(at >= first)).collect();
    let expected = reranker.rerank_tokens(&[Tokens { ids: &ids, parts: &parts }]).unwrap();
    assert_eq!(found.scores[1], expected.scores[0]);
}

#[test]
fn what_nobody_waits_for_is_not_computed() {
    let (_, folder) = bert();
    let embedder = Embedder::load(folder.path(), &config()).unwrap();
    let stop = Stop::default();
    assert!(embedder.embed_until(&["w7 w8"], &stop).is_ok());
    stop.clone().stop();
    let texts = vec!["w7 w8"; 2000];
    let error = embedder.embed_until(&texts, &stop).unwrap_err();
    assert!(matches!(error, Error::Stopped { .. }), "{error}");
    assert!(embedder.embed(&["w7 w8"]).is_ok(), "others are not stopped");
}
