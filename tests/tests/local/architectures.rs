//! Every architecture against what another implementation says of the same weights: logits, greedy tokens, vectors and
//! scores of tiny models. `references/renew.py` makes the references and says how weights come from names.

pub(crate) mod container;
pub(crate) mod reference;

use std::path::Path;

use typewright_runtime::local::arch::{self, Pooling, Shapes, Spec};
use typewright_runtime::local::file;
use typewright_runtime::local::model::{self, Cache, Device, Logits, Model, Tensor};

use crate::files::Folder;
use reference::Reference;

pub(crate) const DECODERS: &[&str] = &[
    "llama",
    "llama-bias",
    "llama-3",
    "mistral",
    "qwen2",
    "qwen2-yarn",
    "qwen3",
    "qwen3moe",
    "phi3",
    "phi3-short",
    "phi3-long",
    "gemma2",
    "gemma3",
    "mixtral",
    "deepseek2",
    "deepseek3",
];
pub(crate) const ENCODERS: &[&str] = &["bert", "xlm-roberta", "nomic"];
pub(crate) const RANKERS: &[&str] = &["bert-rank", "xlm-roberta-rank"];

/// Of the deviation of the logits.
const TOLERANCE: f32 = 1e-3;

fn build(reference: &Reference, spec: Spec) -> Model {
    let wanted = arch::tensors(&spec, &reference.shapes()).unwrap();
    // A longrope model is made for its short or its long contexts; the runs of a reference are one of both.
    let context = reference.context();
    model::load(spec, &wanted, context, &Device::Cpu, |one| Ok(reference.numbers(&one.name))).unwrap()
}

fn rows(logits: &Tensor) -> Vec<Vec<f32>> {
    logits.to_vec2().unwrap()
}

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn is_near(name: &str, found: &[f32], expected: &[f32], deviation: f32) {
    let distance = furthest(found, expected);
    assert!(distance <= TOLERANCE * deviation, "{name}: {distance} of {deviation}");
}

/// All that a decoder has to say the same: logits of single positions, the best of all, and what it goes on with.
fn agrees(name: &str, model: &Model, reference: &Reference) {
    let prompt = &reference.prompt;
    let mut cache = Cache::new(model);
    let logits = model::forward(model, &mut cache, prompt, Logits::All).unwrap();
    let found = rows(&logits);
    for (at, expected) in &reference.rows {
        is_near(&format!("{name} at {at}"), &found[*at], expected, reference.deviation);
    }
    assert_eq!(model::best(&logits).unwrap(), reference.best, "{name}");
    let mut said = vec![model::best(&logits).unwrap()[prompt.len() - 1]];
    while said.len() < reference.greedy.len() {
        let logits = model::forward(model, &mut cache, &said[said.len() - 1..], Logits::Last).unwrap();
        said.push(model::best(&logits).unwrap()[0]);
    }
    assert_eq!(said, reference.greedy, "{name}");
}

#[test]
fn decoders_say_what_the_reference_says() {
    for name in DECODERS {
        let reference = Reference::read(name);
        let spec = arch::from_config(&reference.config, &reference.shapes()).unwrap();
        agrees(name, &build(&reference, spec), &reference);
    }
}

#[test]
fn a_configuration_saved_anew_is_the_same_model() {
    for name in DECODERS.iter().chain(ENCODERS).chain(RANKERS) {
        let reference = Reference::read(name);
        let published = arch::from_config(&reference.config, &reference.shapes());
        assert_eq!(arch::from_config(&reference.saved, &reference.shapes()), published, "{name}");
    }
}

#[test]
fn a_prompt_is_the_same_in_pieces_of_any_size() {
    for name in DECODERS {
        let reference = Reference::read(name);
        let spec = arch::from_config(&reference.config, &reference.shapes()).unwrap();
        let model = build(&reference, spec);
        let whole =
            rows(&model::forward(&model, &mut Cache::new(&model), &reference.prompt, Logits::All).unwrap());
        for size in [1, 7, 16] {
            let mut cache = Cache::new(&model);
            let pieces = reference.prompt.chunks(size);
            let found = pieces
                .flat_map(|piece| rows(&model::forward(&model, &mut cache, piece, Logits::All).unwrap()));
            for (at, (found, whole)) in found.zip(&whole).enumerate() {
                is_near(&format!("{name} at {at} by {size}"), &found, whole, reference.deviation);
            }
            assert_eq!(cache.len(), reference.prompt.len());
        }
    }
}

#[test]
fn encoders_say_what_the_reference_says() {
    for name in ENCODERS {
        let reference = Reference::read(name);
        let mut spec = arch::from_config(&reference.config, &reference.shapes()).unwrap();
        for (pooling, expected) in [(Pooling::Mean, &reference.mean), (Pooling::First, &reference.first)] {
            spec.encoder.as_mut().unwrap().pooling = pooling;
            let model = build(&reference, spec.clone());
            let found = model::embed(&model, &reference.prompt, &reference.segments).unwrap();
            is_near(name, &found, expected, 1.0 / (found.len() as f32).sqrt());
            let vectors = rows(&model::encode(&model, &reference.prompt, &reference.segments).unwrap());
            for (at, expected) in &reference.rows {
                is_near(name, &vectors[*at], expected, 1.0);
            }
        }
    }
}

#[test]
fn rankers_say_what_the_reference_says() {
    for name in RANKERS {
        let reference = Reference::read(name);
        let spec = arch::from_config(&reference.config, &reference.shapes()).unwrap();
        let model = build(&reference, spec);
        let found = model::classify(&model, &reference.prompt, &reference.segments).unwrap();
        is_near(name, &found, &reference.scores, 0.1);
    }
}

#[test]
fn all_that_is_wrong_with_tensors_is_said_at_once() {
    let reference = Reference::read("llama");
    let spec = arch::from_config(&reference.config, &reference.shapes()).unwrap();
    let mut shapes: Shapes = reference.shapes();
    shapes.remove("model.norm.weight");
    shapes.remove("model.layers.2.mlp.up_proj.weight");
    shapes.insert("model.layers.3.mlp.up_proj.weight".to_owned(), vec![96, 64]);
    shapes.insert("lm_head.weight".to_owned(), vec![64, 128]);
    let error = arch::tensors(&spec, &shapes).unwrap_err();
    let expected = arch::Error::Tensors {
        missing: vec!["model.layers.2.mlp.up_proj.weight".to_owned(), "model.norm.weight".to_owned()],
        unexpected: vec!["model.layers.3.mlp.up_proj.weight".to_owned()],
        misshapen: vec!["lm_head.weight is [64, 128], not [128, 64]".to_owned()],
    };
    assert_eq!(error, expected);
    let said = error.to_string();
    assert!(said.contains("missing (2): model.layers.2.mlp.up_proj.weight, model.norm.weight"), "{said}");
}

/// The whole way from a folder.
#[test]
fn a_folder_of_safetensors_is_a_model() {
    for name in ["llama-3", "mixtral", "gemma3", "deepseek3"] {
        let reference = Reference::read(name);
        let folder = Folder::new(&format!("architectures-{name}"));
        container::safetensors(&reference, folder.path());
        let opened = arch::open(folder.path()).unwrap();
        agrees(name, &model::open(&opened, reference.context(), &Device::Cpu).unwrap(), &reference);
    }
    let reference = Reference::read("bert");
    let folder = Folder::new("architectures-bert");
    container::safetensors(&reference, folder.path());
    let pooling = |text: &str| {
        std::fs::create_dir_all(folder.path().join("1_Pooling")).unwrap();
        std::fs::write(folder.path().join("1_Pooling/config.json"), text).unwrap();
        arch::open(folder.path())
    };
    let opened = pooling(r#"{"word_embedding_dimension": 64, "pooling_mode_cls_token": true}"#).unwrap();
    assert_eq!(opened.spec.encoder.unwrap().pooling, Pooling::First);
    let model = model::open(&opened, 64, &Device::Cpu).unwrap();
    let found = model::embed(&model, &reference.prompt, &reference.segments).unwrap();
    is_near("bert", &found, &reference.first, 0.1);
    let both = r#"{"pooling_mode_max_tokens": true, "pooling_mode_cls_token": true}"#;
    let said = pooling(both).unwrap_err().to_string();
    assert!(said.contains("pooling by [\"max_tokens\", \"cls_token\"]"), "{said}");
    let opened = pooling(r#"{"embedding_dimension": 64, "pooling_mode": "weightedmean"}"#).unwrap();
    assert_eq!(opened.spec.encoder.unwrap().pooling, Pooling::WeightedMean);
}

/// GGUF of the same weights: other names and shapes, other pairs of rotated numbers, other norms; the same answers.
#[test]
fn a_gguf_file_is_the_same_model() {
    for name in DECODERS.iter().chain(ENCODERS).chain(&["xlm-roberta-rank"]) {
        let reference = Reference::read(name);
        if !reference.has_gguf() {
            assert!(["llama-bias", "mistral"].contains(name), "{name}");
            continue;
        }
        for split in [false, true] {
            let gguf = container::gguf(&reference, split);
            let Some(gguf) = gguf else { continue };
            let weights = file::from_bytes(gguf.bytes()).unwrap();
            let opened = arch::describe(weights, Path::new("")).unwrap();
            let model = model::open(&opened, reference.context(), &Device::Cpu).unwrap();
            if opened.spec.encoder.is_none() {
                agrees(name, &model, &reference);
            } else if !reference.scores.is_empty() {
                let found = model::classify(&model, &reference.prompt, &reference.segments).unwrap();
                is_near(name, &found, &reference.scores, 0.1);
            } else {
                let found = model::embed(&model, &reference.prompt, &reference.segments).unwrap();
                is_near(name, &found, &reference.mean, 0.1);
            }
        }
    }
}

/// A setting that changes the result is an error that names it.
#[test]
fn what_cannot_be_run_is_refused_by_name() {
    use serde_json::{Value, json};
    let cases: &[(&str, &str, Value, &str)] = &[
        (
            "llama",
            "model_type",
            "mamba".into(),
            "architecture `mamba` is not known; known are llama, mistral",
        ),
        ("llama", "hidden_act", "xielu".into(), "`hidden_act` is \"xielu\", which cannot be run"),
        ("llama", "rope_scaling", json!({"type": "dynamic", "factor": 2.0}), "rope_type` is dynamic"),
        ("llama", "rope_scaling", json!({"type": "linear"}), "`rope_scaling.factor` is missing"),
        ("llama", "rope_scaling", json!({"factor": 2.0}), "rope_type in {\"factor\":2.0}"),
        ("llama", "quantization_config", json!({"bits": 4}), "quantization_config"),
        ("llama", "clip_qkv", 8.0.into(), "`clip_qkv` is 8.0"),
        ("llama", "num_key_value_heads", 3.into(), "does not divide 4 heads"),
        ("llama", "hidden_size", 64.5.into(), "not a whole number"),
        ("llama", "hidden_size", (1u64 << 40).into(), "not a whole number"),
        ("llama", "num_attention_heads", 1000.into(), "more than the 64 numbers of a vector"),
        ("llama", "num_hidden_layers", Value::Null, "`num_hidden_layers` or `n_layer` is missing"),
        ("llama", "architectures", json!(["LlamaForTokenClassification"]), "ForCausalLM"),
        ("gemma3", "layer_types", json!(["full_attention"]), "not a list of 4 layers"),
        ("deepseek3", "scoring_func", "tanh".into(), "softmax (1), sigmoid (2)"),
        ("deepseek3", "topk_method", "best".into(), "group_limited_greedy"),
        ("deepseek3", "num_experts_per_tok", 9.into(), "more than 8 experts"),
        ("deepseek3", "n_group", 3.into(), "does not divide 8 experts"),
        ("phi3-long", "partial_rotary_factor", 0.5.into(), "not a list of 4 numbers"),
        ("bert", "position_embedding_type", "relative_key".into(), "absolute"),
    ];
    for (name, key, value, expected) in cases {
        let reference = Reference::read(name);
        let mut config = reference.config.clone();
        config[*key] = value.clone();
        let said = arch::from_config(&config, &reference.shapes()).unwrap_err().to_string();
        assert!(said.contains(expected), "{name}, {key}: {said}");
    }
}

/// The part of a model with more senses that reads text, among tensors of the others.
#[test]
fn a_text_model_inside_of_another_is_found() {
    let reference = Reference::read("gemma3");
    let alone = arch::from_config(&reference.config, &reference.shapes()).unwrap();
    let config =
        serde_json::json!({"model_type": "gemma3", "text_config": reference.config, "vision_config": {}});
    let inside =
        reference.shapes().into_iter().map(|(name, shape)| (format!("language_model.{name}"), shape));
    let eyes = [("vision_tower.patch.weight".to_owned(), vec![3, 3])];
    let shapes: Shapes = inside.chain(eyes).collect();
    let spec = arch::from_config(&config, &shapes).unwrap();
    assert_eq!(spec, alone);
    let tensors = arch::tensors(&spec, &shapes).unwrap();
    assert!(tensors.iter().all(|tensor| tensor.name.starts_with("language_model.model.")));
    assert_eq!(tensors.len(), reference.shapes().len());
}

#[test]
fn the_sizes_of_a_model_are_those_of_its_description() {
    let reference = Reference::read("gemma3");
    let folder = Folder::new("architectures-sizes");
    container::safetensors(&reference, folder.path());
    let sizes = arch::open(folder.path()).unwrap().sizes(2);
    assert_eq!((sizes.global_layers, sizes.windowed_layers, sizes.window), (1, 3, 16));
    assert_eq!((sizes.heads, sizes.kv_heads, sizes.key_len, sizes.value_len), (4, 2, 32, 32));
    assert_eq!((sizes.hidden, sizes.feed_forward, sizes.vocabulary), (64, 96, 128));
    let numbers: usize = reference.shapes().values().map(|shape| shape.iter().product::<usize>()).sum();
    assert_eq!(sizes.weights, 4 * numbers as u64);
}

/// Whatever stands in a description, it is read or refused, and costs no memory.
#[test]
fn no_value_of_a_description_does_harm() {
    use serde_json::{Map, Value, json};
    let odd = [
        Value::Null,
        json!(0),
        json!(-1),
        json!(1),
        json!(0.5),
        json!(1e300),
        json!(u64::MAX),
        json!(1 << 28),
        json!("x"),
        json!(true),
        json!([]),
        json!([1, null, "sliding_attention"]),
        json!({"type": "yarn", "factor": 0.0}),
        json!({"rope_type": "longrope", "short_factor": [0], "long_factor": []}),
    ];
    let mut refused = 0;
    let mut described = |spec: Result<Spec, arch::Error>, shapes: &Shapes| {
        refused += usize::from(spec.and_then(|spec| arch::tensors(&spec, shapes)).is_err());
    };
    for name in DECODERS.iter().chain(ENCODERS).chain(RANKERS) {
        let reference = Reference::read(name);
        let shapes = reference.shapes();
        let keys =
            |value: &Value| value.as_object().into_iter().flat_map(Map::keys).cloned().collect::<Vec<_>>();
        for (config, value) in [&reference.config, &reference.saved]
            .into_iter()
            .flat_map(|config| odd.iter().map(move |value| (config, value)))
        {
            for key in keys(config).into_iter().chain(["rope_scaling".to_owned()]) {
                let mut config = config.clone();
                config[&key] = value.clone();
                described(arch::from_config(&config, &shapes), &shapes);
            }
        }
        let metadata = &reference.gguf["metadata"];
        for (key, value) in keys(metadata).iter().flat_map(|key| odd.iter().map(move |value| (key, value))) {
            let mut metadata = metadata.as_object().unwrap().clone();
            metadata.insert(key.clone(), value.clone());
            described(arch::from_gguf(&metadata, &shapes), &shapes);
        }
    }
    assert!(refused > 1000, "{refused}");
}

#[test]
fn what_cannot_go_into_a_model_is_refused() {
    let reference = Reference::read("llama");
    let spec = arch::from_config(&reference.config, &reference.shapes()).unwrap();
    let model = build(&reference, spec);
    let refused = |tokens: &[u32]| {
        model::forward(&model, &mut Cache::new(&model), tokens, Logits::Last).unwrap_err().to_string()
    };
    assert_eq!(refused(&[1, 128]), "token 128 in a vocabulary of 128");
    assert_eq!(refused(&[]), "no tokens");
    assert_eq!(refused(&[1; 129]), "0 + 129 tokens in a context of 128");
    assert!(model::embed(&model, &[1], &[]).is_err());
}
