//! Encoders: against the references of another implementation, against themselves however texts are put together, and what
//! they refuse.

mod damaged;
mod published;
mod texts;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use typewright_runtime::local::arch::Pooling;
use typewright_runtime::local::embed::{Config, Embedder, Reranker, Scoring, Tokens};
use typewright_runtime::local::kernels::Level;
use typewright_tests::local::gguf::Data;

use crate::architectures::container;
use crate::architectures::reference::Reference;
use crate::architectures::{ENCODERS, RANKERS};
use crate::files::Folder;

const TOLERANCE: f32 = 1e-5;

/// Words of the tokenizer that the models of references get: `[PAD]`, `[CLS]`, `[SEP]`, `[UNK]`, `a`, and numbers.
fn word(id: u32) -> String {
    match id {
        0..4 => ["[PAD]", "[CLS]", "[SEP]", "[UNK]"][id as usize].to_owned(),
        4 => "a".to_owned(),
        _ => format!("w{id}"),
    }
}

fn tokenizer() -> Value {
    let vocabulary: serde_json::Map<String, Value> = (0..128).map(|id| (word(id), id.into())).collect();
    let special = |id: u32| {
        json!({"id": id, "content": word(id), "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    let token = |id: &str, part: u32| json!({"SpecialToken": {"id": id, "type_id": part}});
    let text = |id: &str, part: u32| json!({"Sequence": {"id": id, "type_id": part}});
    let (start, end) = (token("[CLS]", 0), token("[SEP]", 0));
    json!({
        "version": "1.0",
        "added_tokens": (0..4).map(special).collect::<Vec<_>>(),
        "normalizer": null,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [start, text("A", 0), end],
            "pair": [start, text("A", 0), end, text("B", 1), token("[SEP]", 1)],
            "special_tokens": {
                "[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]},
                "[SEP]": {"id": "[SEP]", "ids": [2], "tokens": ["[SEP]"]},
            },
        },
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
    })
}

/// The model of a reference with a tokenizer.
pub(crate) fn folder(reference: &Reference) -> Folder {
    let folder = Folder::new("embed");
    container::safetensors(reference, folder.path());
    fs::write(folder.path().join("tokenizer.json"), tokenizer().to_string()).unwrap();
    folder
}

/// The same as a GGUF file. Words have a mark in front there.
fn gguf(reference: &Reference, folder: &Path) -> std::path::PathBuf {
    let words = (0..128).map(|id| if id < 4 { word(id) } else { format!("▁{}", word(id)) });
    let types = (0..128).map(|id| if id < 4 { 3 } else { 1 });
    let file = container::gguf(reference, false).unwrap();
    let file = file
        .entry("tokenizer.ggml.model", "bert")
        .entry("tokenizer.ggml.tokens", Data::strings(words))
        .entry("tokenizer.ggml.token_type", Data::ints(types))
        .entry("tokenizer.ggml.bos_token_id", 1u32)
        .entry("tokenizer.ggml.seperator_token_id", 2u32)
        .entry("tokenizer.ggml.unknown_token_id", 3u32);
    let path = folder.join("model.gguf");
    fs::write(&path, file.bytes()).unwrap();
    path
}

fn config() -> Config {
    Config { threads: 2, ..Config::default() }
}

fn tokens(reference: &Reference) -> Tokens<'_> {
    Tokens { ids: &reference.prompt, parts: &reference.segments }
}

fn is_near(name: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let distance = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("{name}: {distance:.1e}");
    assert!(distance <= tolerance, "{name}: {distance}");
}

#[test]
fn vectors_are_those_of_the_reference_from_both_containers() {
    for name in ENCODERS {
        let reference = Reference::read(name);
        let (folder, other) = (folder(&reference), Folder::new("embed-gguf"));
        for path in [folder.path().to_owned(), gguf(&reference, other.path())] {
            for (pooling, expected) in [(Pooling::Mean, &reference.mean), (Pooling::First, &reference.first)]
            {
                let config = Config { pooling: Some(pooling), ..config() };
                let embedder = Embedder::load(&path, &config).unwrap();
                assert_eq!(embedder.dims(), expected.len());
                assert_eq!(embedder.pooling(), (pooling, true));
                let found = embedder.embed_tokens(&[tokens(&reference)]).unwrap();
                assert_eq!(found.tokens, [reference.prompt.len()]);
                is_near(&format!("{name}, {pooling:?}"), found.get(0).unwrap(), expected, TOLERANCE);
            }
        }
    }
}

#[test]
fn scores_are_those_of_the_reference() {
    for name in RANKERS {
        let reference = Reference::read(name);
        let folder = folder(&reference);
        let plain = Config { scoring: Some(Scoring::Plain), ..config() };
        let reranker = Reranker::load(folder.path(), &plain).unwrap();
        let found = reranker.rerank_tokens(&[tokens(&reference)]).unwrap();
        is_near(name, &found.scores, &reference.scores, TOLERANCE);
        let usual = Reranker::load(folder.path(), &config()).unwrap();
        let sigmoid = 1.0 / (1.0 + (-reference.scores[0]).exp());
        let found = usual.rerank_tokens(&[tokens(&reference)]).unwrap();
        is_near(name, &found.scores, &[sigmoid], TOLERANCE);
        if reference.has_gguf() {
            let folder = Folder::new("embed-gguf");
            let reranker = Reranker::load(&gguf(&reference, folder.path()), &plain).unwrap();
            let found = reranker.rerank_tokens(&[tokens(&reference)]).unwrap();
            is_near(&format!("{name}, GGUF"), &found.scores, &reference.scores, TOLERANCE);
        }
    }
}

#[cfg(feature = "memory")]
#[test]
fn memories_are_judged_by_it() {
    use std::sync::Arc;

    use typewright_runtime::memory::recall::{LocalReranker, Rerank};

    let at = folder(&Reference::read("bert-rank"));
    let documents = ["w7 w8", "a", "w9 w10 w11"];
    for scoring in [Scoring::Sigmoid, Scoring::Plain] {
        let config = Config { scoring: Some(scoring), ..config() };
        let model = Arc::new(Reranker::load(at.path(), &config).unwrap());
        let scores: Vec<f64> =
            model.rerank("w5", &documents).unwrap().scores.into_iter().map(f64::from).collect();
        let judged = LocalReranker::new("bert-rank", model).rerank("w5", &documents);
        if scores.iter().all(|score| (0.0..=1.0).contains(score)) {
            assert_eq!(judged.unwrap(), scores, "{scoring:?}");
        } else {
            assert_eq!((judged.unwrap_err().name(), scoring), ("Answer", Scoring::Plain));
        }
    }
}

/// Texts of many lengths, from a reference's tokens.
fn mixed(reference: &Reference, count: usize) -> Vec<Vec<u32>> {
    let ids = reference.prompt.iter().cycle();
    let one = |at: usize| ids.clone().skip(at).take(1 + at * 7 % reference.prompt.len()).copied().collect();
    (0..count).map(one).collect()
}

#[test]
fn a_text_has_the_same_bits_alone_and_among_others_by_all_threads_and_instructions() {
    for name in ENCODERS {
        let reference = Reference::read(name);
        let folder = folder(&reference);
        let texts = mixed(&reference, 60);
        let texts: Vec<Tokens<'_>> = texts.iter().map(|ids| Tokens { ids, parts: &[] }).collect();
        let embedder = Embedder::load(folder.path(), &config()).unwrap();
        let alone: Vec<Vec<f32>> = texts
            .iter()
            .map(|text| embedder.embed_tokens(std::slice::from_ref(text)).unwrap().into_numbers())
            .collect();
        let same = |embedder: &Embedder, what: &str| {
            for count in [2, 9, 60] {
                let found = embedder.embed_tokens(&texts[..count]).unwrap();
                assert_eq!(found.len(), count);
                assert!(
                    found.iter().zip(&alone).all(|(found, alone)| found == alone),
                    "{name}, {count} {what}"
                );
            }
        };
        same(&embedder, "on two threads");
        for threads in [1, 3] {
            let config = Config { threads, rows: 50, ..config() };
            same(&Embedder::load(folder.path(), &config).unwrap(), "on other threads");
        }
        for level in Level::all() {
            let config = Config { level, ..config() };
            same(&Embedder::load(folder.path(), &config).unwrap(), "by other instructions");
        }
    }
}
