//! What files say that is wrong, or that is not here, is an error that names it.

use super::*;

/// Loads the model after a file was written beside it.
fn with(reference: &Reference, files: &[(&str, &str)]) -> Result<Embedder, String> {
    let folder = folder(reference);
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Embedder::load(folder.path(), &config()).map_err(|error| error.to_string())
}

const POOLING: &str = r#"[{"path": "", "type": "a.b.Transformer"}, {"path": "P", "type": "a.b.Pooling"}]"#;

#[test]
fn modules_say_how_texts_are_used() {
    let reference = Reference::read("bert");
    let normalised = POOLING.replace(']', r#", {"path": "N", "type": "Normalize"}]"#);
    for (key, pooling) in [
        ("cls_token", Pooling::First),
        ("mean_tokens", Pooling::Mean),
        ("max_tokens", Pooling::Max),
        ("mean_sqrt_len_tokens", Pooling::MeanSqrtLen),
        ("weightedmean_tokens", Pooling::WeightedMean),
        ("lasttoken", Pooling::Last),
    ] {
        let file = format!(r#"{{"pooling_mode_{key}": true, "word_embedding_dimension": 64}}"#);
        for (modules, unit) in [(POOLING, false), (&*normalised, true)] {
            let limits = ("sentence_bert_config.json", r#"{"max_seq_length": 20, "do_lower_case": true}"#);
            let files = [("modules.json", modules), ("P/config.json", &*file), limits];
            let embedder = with(&reference, &files).unwrap();
            assert_eq!((embedder.pooling(), embedder.max_len()), ((pooling, unit), 20));
            let [large, small] = ["W9 A", "w9 a"].map(|text| embedder.embed(&[text]).unwrap());
            assert_eq!(large, small);
            let found =
                embedder.embed_tokens(&[Tokens { ids: &reference.prompt[..12], parts: &[] }]).unwrap();
            let length = found.get(0).unwrap().iter().map(|x| x * x).sum::<f32>().sqrt();
            assert_eq!((length - 1.0).abs() < 1e-5, unit, "{key}: {length}");
        }
    }
}

#[test]
fn an_encoder_may_lie_in_a_folder_of_its_own() {
    let reference = Reference::read("bert");
    let (inner, outer) = (folder(&reference), Folder::new("embed-outer"));
    let within = outer.path().join("0_Transformer");
    fs::create_dir_all(&within).unwrap();
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        fs::copy(inner.path().join(name), within.join(name)).unwrap();
    }
    let modules = r#"[{"path": "0_Transformer", "type": "Transformer"}]"#;
    fs::write(outer.path().join("modules.json"), modules).unwrap();
    fs::write(within.join("sentence_bert_config.json"), r#"{"max_seq_length": 11}"#).unwrap();
    let embedder = Embedder::load(outer.path(), &config()).unwrap();
    assert_eq!((embedder.max_len(), embedder.pooling()), (11, (Pooling::Mean, false)));
}

#[test]
fn damaged_configurations_are_errors() {
    let reference = Reference::read("bert");
    let two = r#"{"pooling_mode_cls_token": true, "pooling_mode_max_tokens": true}"#;
    for (files, expected) in [
        (&[("modules.json", "{}")][..], "modules.json: not a list of modules"),
        (&[("modules.json", "[")], "modules.json: not JSON"),
        (&[("modules.json", "[{}]")], "modules.json: a module without a type"),
        (&[("modules.json", "[7]")], "modules.json: a module without a type"),
        (&[("modules.json", r#"[{"type": "x.Dense", "path": "2_Dense"}]"#)], "a module \"x.Dense\""),
        (&[("modules.json", r#"[{"type": "Pooling", "path": "../other"}]"#)], "leads out of the folder"),
        (&[("modules.json", r#"[{"type": "Transformer", "path": "/tmp"}]"#)], "leads out of the folder"),
        (&[("modules.json", POOLING)], "cannot read"),
        (&[("modules.json", POOLING), ("P/config.json", "7")], "config.json: not an object"),
        (&[("modules.json", POOLING), ("P/config.json", two)], "pooling by [\"cls_token\", \"max_tokens\"]"),
        (&[("modules.json", POOLING), ("P/config.json", "{}")], "pooling by []"),
        (&[("sentence_bert_config.json", "[]")], "not an object"),
        (&[("sentence_bert_config.json", r#"{"max_seq_length": -1}"#)], "max_seq_length is -1"),
        (&[("sentence_bert_config.json", r#"{"max_seq_length": 0}"#)], "max_seq_length is 0"),
        (
            &[("sentence_bert_config.json", r#"{"max_seq_length": 2}"#)],
            "2 tokens a text, of which 2 are its ends",
        ),
        (&[("tokenizer.json", "{}")], "tokenizer.json"),
    ] {
        let error = with(&reference, files).err().unwrap();
        assert!(error.contains(expected), "{files:?}: {error}");
    }
}

#[test]
fn what_is_no_encoder_is_refused() {
    let refused = |reference: &str| with(&Reference::read(reference), &[]).err().unwrap();
    assert!(refused("llama").contains("a decoder"));
    assert!(refused("bert-rank").contains("a reranker"));
    let folder = folder(&Reference::read("bert"));
    let error = Reranker::load(folder.path(), &config()).err().unwrap().to_string();
    assert!(error.contains("no classifier"), "{error}");
    assert!(Embedder::load(&folder.path().join("nothing"), &config()).is_err());
    let large = Config { rows: usize::MAX / 2, ..config() };
    let error = Embedder::load(folder.path(), &large).err().unwrap().to_string();
    assert!(error.contains("the model needs"), "{error}");
    assert!(Embedder::need(folder.path(), &config()).unwrap().total() > 100_000);
}

#[test]
fn scores_become_what_the_configuration_says() {
    let mut reference = Reference::read("bert-rank");
    let plain = reference.scores[0];
    let sigmoid = 1.0 / (1.0 + (-plain).exp());
    for (name, expected) in [("torch.nn.modules.linear.Identity", plain), ("torch.nn.Sigmoid", sigmoid)] {
        for nested in [false, true] {
            if nested {
                reference.config["sentence_transformers"] = json!({"activation_fn": name});
            } else {
                reference.config["sbert_ce_default_activation_function"] = name.into();
            }
            let reranker = Reranker::load(folder(&reference).path(), &config()).unwrap();
            let found = reranker.rerank_tokens(&[tokens(&reference)]).unwrap();
            is_near(name, &found.scores, &[expected], TOLERANCE);
        }
        reference.config["sentence_transformers"] = Value::Null;
    }
    reference.config["sbert_ce_default_activation_function"] = "torch.nn.Tanh".into();
    let error = Reranker::load(folder(&reference).path(), &config()).err().unwrap().to_string();
    assert!(error.contains("scores by \"torch.nn.Tanh\""), "{error}");
}
