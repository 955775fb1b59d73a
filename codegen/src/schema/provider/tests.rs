//! What a provider file becomes.

use super::*;
use crate::ir::provider::{Auth, Model, Price};
use crate::schema::json_schema;
use crate::source::{FileId, yaml};

fn said(text: &str) -> (Option<Provider>, Vec<Diagnostic>) {
    let mut sink = Sink::default();
    let node = yaml::parse(FileId(0), text, &mut sink).unwrap();
    (super::read(&node, &mut sink), sink.into_sorted())
}

fn provider(rest: &str) -> Provider {
    let (provider, found) = said(&format!("name: acme\nbase_url: https://api.acme.example/v1/\n{rest}"));
    assert_eq!(found, []);
    provider.unwrap()
}

fn model(fields: &str) -> Model {
    provider(&format!("models: [{{name: acme-1, {fields}}}]")).models.remove(0)
}

fn has(model: &Model, capability: &str) -> bool {
    model.capabilities.iter().any(|known| known == capability)
}

#[test]
fn the_smallest_provider_has_defaults() {
    let provider = provider("");
    assert_eq!(provider.crate_name, "typewright-acme");
    assert_eq!((provider.type_name.as_str(), provider.display_name.as_str()), ("Acme", "Acme"));
    assert_eq!(provider.base_url, "https://api.acme.example/v1");
    assert_eq!(provider.auth, Auth::Bearer { env: vec!["ACME_API_KEY".into()], optional: false });
    assert_eq!(provider.dialect, DEFAULT_DIALECT);
    assert!(provider.models.is_empty());
}

#[test]
fn names_are_spelled_as_people_do() {
    for (name, ty, display) in [
        ("acme-cloud", "AcmeCloud", "Acme Cloud"),
        ("acmeai", "AcmeAi", "AcmeAI"),
        ("acme-ai", "AcmeAi", "Acme AI"),
        ("yai", "Yai", "Yai"),
        ("a_b", "AB", "A B"),
    ] {
        let provider = said(&format!("name: {name}\nbase_url: https://a.example")).0.unwrap();
        assert_eq!((provider.type_name.as_str(), provider.display_name.as_str()), (ty, display), "{name}");
    }
}

#[test]
fn a_provider_with_operations_is_its_own_dialect() {
    assert_eq!(provider("operations: {chat: {}}").dialect, "acme");
    assert_eq!(provider("dialect: other").dialect, "other");
}

#[test]
fn auth_has_a_short_and_a_long_form() {
    let env = || vec!["ACME_API_KEY".to_owned()];
    for (text, expected) in [
        ("auth_type: none", Auth::None),
        ("auth_type: api_key", Auth::Bearer { env: env(), optional: false }),
        ("auth: {optional: true}", Auth::Bearer { env: env(), optional: true }),
        ("auth: {env: A_KEY}", Auth::Bearer { env: vec!["A_KEY".into()], optional: false }),
        ("auth: {header: x-key}", Auth::Header { name: "x-key".into(), env: env() }),
        (
            "auth_type: api_key\nauth: {type: header, header: x-key}",
            Auth::Header { name: "x-key".into(), env: env() },
        ),
        (
            "auth: {query: key, env: [A, B]}",
            Auth::Query { name: "key".into(), env: vec!["A".into(), "B".into()] },
        ),
    ] {
        assert_eq!(provider(text).auth, expected, "{text}");
    }
}

#[test]
fn prices_are_exact_and_tiers_fill_up_from_below() {
    let model = model(
        "input_price: 0.075, output_price: 8, price_tiers: [{above: 10, input_price: 1}, {above: 20, output_price: 9}]",
    );
    assert_eq!(model.prices.input, Some(Price(75_000_000)));
    assert_eq!(model.prices.cache_read, None);
    let of = |at: usize| (model.tiers[at].0, model.tiers[at].1.input, model.tiers[at].1.output);
    assert_eq!(of(0), (10, Some(Price(1_000_000_000)), Some(Price(8_000_000_000))));
    assert_eq!(of(1), (20, Some(Price(1_000_000_000)), Some(Price(9_000_000_000))));
}

#[test]
fn capabilities_follow_from_fields() {
    let plain = model("");
    for capability in CHAT_DEFAULTS {
        assert!(has(&plain, capability), "{capability}");
    }
    for (fields, capability) in [
        ("supports_vision: true", "vision"),
        ("modalities: {input: [text, image]}", "vision"),
        ("modalities: {input: [text, pdf]}", "documents"),
        ("modalities: {input: [text, audio]}", "audio_input"),
        ("modalities: {output: [text, image]}", "image_output"),
        ("supports_function_calling: true", "parallel_tools"),
        ("supports_structured_output: true", "structured_output"),
        ("cache_read_price: 1", "prompt_cache"),
        ("supports_reasoning: true", "reasoning_effort"),
        ("reasoning_efforts: [low]", "reasoning"),
        ("reasoning_budget: {min: 1}", "reasoning_budget"),
        ("capabilities: [developer_role]", "developer_role"),
        ("kind: embedding", "embeddings"),
    ] {
        assert!(has(&model(fields), capability) && !has(&plain, capability), "{fields}");
    }
}

/// What every chat model can do.
const CHAT_DEFAULTS: &[&str] = &[
    "json_mode",
    "logprobs",
    "penalties",
    "sampling",
    "seed",
    "stop_sequences",
    "streaming",
    "system_prompt",
];

#[test]
fn capabilities_are_taken_away_by_fields() {
    for (fields, capability) in [
        ("supports_streaming: false", "streaming"),
        ("supports_system_messages: false", "system_prompt"),
        ("supports_json_mode: false", "json_mode"),
        ("unsupported_parameters: [temperature]", "sampling"),
        ("unsupported_parameters: [stop]", "stop_sequences"),
        ("capabilities: {seed: false}", "seed"),
        ("capabilities: [-logprobs]", "logprobs"),
        ("kind: embedding", "streaming"),
        ("kind: image", "streaming"),
    ] {
        assert!(!has(&model(fields), capability), "{fields}");
    }
    assert!(!has(&model("reasoning_budget: {min: 1}"), "reasoning_effort"));
    assert!(!has(
        &model("supports_function_calling: true, supports_parallel_function_calling: false"),
        "parallel_tools"
    ));
}

#[test]
fn a_base_model_is_inherited_but_for_what_is_a_models_own() {
    let provider = provider(
        "models:\n\
         - {name: c, base_model: b, context_window: null, capabilities: {seed: true}}\n\
         - {name: b, base_model: a, output_price: 3}\n\
         - {name: a, aliases: [aa], description: First, context_window: 10, input_price: 2, capabilities: {seed: false, logprobs: false}}\n",
    );
    let [c, b, a] = provider.models.as_slice() else { panic!("three models") };
    assert_eq!((a.context_window, b.context_window, c.context_window), (Some(10), Some(10), None));
    assert_eq!((b.prices.input, c.prices.output), (Some(Price(2_000_000_000)), Some(Price(3_000_000_000))));
    assert!(b.aliases.is_empty() && b.description.is_none());
    assert!(!has(b, "seed") && has(c, "seed") && !has(c, "logprobs"));
}

#[test]
fn an_id_makes_the_name_an_alias() {
    let model = model("id: vendor.acme-1:0, aliases: [one]");
    assert_eq!((model.id.as_str(), model.aliases.join(" ").as_str()), ("vendor.acme-1:0", "acme-1 one"));
    assert_eq!(model.const_name, "ACME_1");
}

#[test]
fn a_fault_of_a_base_model_is_said_once() {
    let text = "name: a\nbase_url: https://a.example\nmodels:\n- {name: b, input_price: -1}\n- {name: c, base_model: b}\n";
    assert_eq!(said(text).1.len(), 1);
}

#[test]
fn every_field_of_the_schema_is_read() {
    let sources = [
        include_str!("mod.rs"),
        include_str!("auth.rs"),
        include_str!("capability.rs"),
        include_str!("model.rs"),
        include_str!("option.rs"),
        include_str!("price.rs"),
        include_str!("inherit.rs"),
        include_str!("local.rs"),
    ];
    let schema: serde_json::Value = serde_json::from_str(&json_schema(Kind::Provider)).unwrap();
    let mut types = vec![&schema["properties"]];
    // Operations are the dialect's business; limits of a rate are checked by the schema alone.
    let own = [
        "Auth",
        "OptionEntry",
        "ModelEntry",
        "PriceTier",
        "Modalities",
        "Budget",
        "Deprecation",
        "Source",
        "SourceFile",
    ];
    types.extend(own.iter().map(|name| &schema["$defs"][name]["properties"]));
    for name in types.into_iter().flat_map(|properties| properties.as_object().unwrap().keys()) {
        assert!(
            sources.iter().any(|source| source.contains(&format!("\"{name}\""))),
            "`{name}` is read nowhere"
        );
    }
}
