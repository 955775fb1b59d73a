//! What a comparison of two states says: each kind of change once, alone, and nothing where nothing changed.

use std::collections::BTreeSet;

use typewright_codegen::compiler::Compiler;
use typewright_codegen::diff::kind::KINDS;
use typewright_codegen::diff::{Diff, Kind, Level, State, changelog, diff};

use crate::folder::{Folder, root};

const WREN: &str = include_str!("changes/wren.yaml");
const WIRE: &str = include_str!("changes/wren-talk.yaml");

/// What is written instead of something, and the kinds of change that come of it.
type Case = (&'static [Kind], &'static str, &'static str);

/// Changes of the provider file.
const OF_PROVIDERS: &[Case] = &[
    (&[Kind::ClientRenamed], "type_name: Wren", "type_name: WrenClient"),
    (&[Kind::DocsChanged], "Small birds", "Smaller birds"),
    (&[Kind::DocsChanged], "ruffle\n", "ruffle up\n"),
    (&[Kind::BaseUrlChanged], "https://wren.example/api", "https://wren.example/v2"),
    (&[Kind::BaseUrlEnvRemoved, Kind::BaseUrlEnvAdded], "WREN_URL", "WREN_HOST"),
    (&[Kind::BaseUrlEnvRemoved], "base_url_env: WREN_URL\n", ""),
    (&[Kind::KeyOptional], "WREN_TOKEN]", "WREN_TOKEN], optional: true"),
    (&[Kind::KeySchemeChanged], "{type: bearer", "{type: header, header: x-key"),
    (&[Kind::KeyDropped], "auth: {type: bearer, env: [WREN_KEY, WREN_TOKEN]}", "auth_type: none"),
    (&[Kind::KeyEnvAdded], "WREN_TOKEN]", "WREN_TOKEN, WREN_SECRET]"),
    (&[Kind::KeyEnvRemoved], "WREN_KEY, ", ""),
    (&[Kind::KeyEnvReordered], "WREN_KEY, WREN_TOKEN", "WREN_TOKEN, WREN_KEY"),
    (&[Kind::HeadersChanged], "x-nest: \"1\"", "x-nest: \"2\""),
    (&[Kind::HeadersChanged], "x-nest:", "x-hole:"),
    (&[Kind::OptionAdded], "  mood:", "  loud: {type: boolean, wire: loud}\n  mood:"),
    (&[Kind::OptionRemoved, Kind::OptionAdded], "  mood:", "  temper:"),
    (&[Kind::OptionTyped], "type: integer", "type: number"),
    (&[Kind::OptionWordAdded], "[calm, wild]", "[calm, wild, shy]"),
    (&[Kind::OptionWordRemoved], "[calm, wild]", "[calm]"),
    (&[Kind::DocsChanged], "[calm, wild]", "[wild, calm]"),
    (&[Kind::OptionBounds], "max: 9", "max: 12"),
    (&[Kind::OptionMoved], "wire: mood", "wire: temper"),
    (&[Kind::ModelAdded], "  - name: wing-1", "  - name: wing-2\n  - name: wing-1"),
    (&[Kind::ModelRemoved], "  - name: egg-1\n    kind: other\n", ""),
    (&[Kind::ModelIdChanged, Kind::AliasRemoved], "egg-1\n", "egg_1\n    display_name: egg-1\n"),
    (&[Kind::AliasAdded], "[talon, talon-latest]", "[talon, talon-latest, claw]"),
    (&[Kind::AliasRemoved], "[talon, talon-latest]", "[talon]"),
    (&[Kind::FactChanged], "[talon, talon-latest]", "[talon-latest, talon]"),
    (&[Kind::CapabilityLost, Kind::FactChanged], "    supports_vision: true\n", ""),
    (
        &[Kind::CapabilityGained],
        "    supports_vision",
        "    supports_structured_output: true\n    supports_vision",
    ),
    (
        &[Kind::CapabilityCleared],
        "    supports_vision",
        "    capabilities: {seed: false}\n    supports_vision",
    ),
    (&[Kind::ModelKindChanged, Kind::CapabilityGained], "kind: other", "kind: embedding"),
    (&[Kind::Deprecated], "    knowledge", "    deprecated: {replacement: wing-1}\n    knowledge"),
    (&[Kind::DeprecationChanged], "{since: 2026-01-01}", "{since: 2026-01-01, retires: 2027-01-01}"),
    (&[Kind::DeprecationLifted], "    deprecated: {since: 2026-01-01}\n", ""),
    (&[Kind::PriceChanged], "input_price: 1\n", "input_price: 1.25\n"),
    (
        &[Kind::PriceChanged],
        "    knowledge",
        "    price_tiers: [{above: 1000, input_price: 2}]\n    knowledge",
    ),
    (&[Kind::LimitChanged], "context_window: 4096", "context_window: 8192"),
    (&[Kind::FactChanged], "2024-06", "2025-06"),
];

/// Changes of the dialect.
const OF_WIRES: &[Case] = &[
    (&[Kind::WireAddress], "path: \"/talk/", "path: \"/sing/"),
    (&[Kind::WireAddress], "{x-wren-wire: \"7\"}", "{x-wren-wire: \"8\"}"),
    (&[Kind::WirePolicy], "reasoning: verbatim", "reasoning: never"),
    (&[Kind::WireUnsupported], "n: error", "n: warn_drop"),
    (&[Kind::WireLimit], "temperature: 0..1", "temperature: 0..2"),
    (&[Kind::WireRule], "a bird that ponders stays cool", "who ponders stays cool"),
    (&[Kind::WireRequest], "drip: $stream", "flow: $stream"),
    (&[Kind::WireRequest], "{must_use: $name}", "{use: $name}"),
    (
        &[Kind::WireRequest],
        "        shaped: $format\n        feathers: $options.feathers\n",
        "        feathers: $options.feathers\n        shaped: $format\n",
    ),
    (&[Kind::WireResponse], "finish: {halted_by: $reason}\n", "finish: {ended_by: $reason}\n"),
    (&[Kind::WireFraming], "needs: end", "needs: finish"),
    (&[Kind::WireEvent], "append.text: {words: $delta!}", "append.text: {song: $delta!}"),
    (&[Kind::WireEvent], "wind: {beat: {}}", "breeze: {beat: {}}"),
    (&[Kind::WireTable], "text: {words: $text}", "text: {song: $text}"),
    (&[Kind::WireFinish], "muzzled: content_filter", "muzzled: error"),
    (&[Kind::WireUsage], "pondered: $reasoning", "brooded: $reasoning"),
    (&[Kind::WireErrorBody], "- fail: {trouble: {$use: trouble}}", "- fail: {alarm: $message!}"),
    (&[Kind::WireErrorClass], "503: Overloaded", "503: Server"),
    (&[Kind::WireErrorClass], "moult: Overloaded", "moult: Server"),
    (&[Kind::WireRetry], "retry: [Overloaded]", "retry: [Overloaded, Server]"),
    (&[Kind::WireErrorHeader], "request_id: x-nest", "request_id: x-egg"),
];

/// Changes of neither that are none.
const NONE: &[(&str, &str)] = &[
    ("  - name: talon-1\n", "  # Of wren.\n  - name: talon-1\n"),
    ("auth: {type: bearer, ", "auth_type: bearer\nauth: {"),
    ("name: wren\ntype_name: Wren\n", "type_name: Wren\nname: wren\n"),
    ("input_price: 1\n", "input_price: 1.00\n"),
    ("        hatch:\n          meta", "        hatch:\n          # The first.\n          meta"),
    ("{egg: $id, brain: $model}}\n", "{egg: $id,  brain: $model}}\n"),
];

fn state(provider: &str, wire: &str) -> State {
    let folder = Folder::new(&format!("changes-{:?}", std::thread::current().id()));
    folder.write("providers/wren.yaml", provider).write("providers/dialects/wren-talk.yaml", wire);
    let state = Compiler::new().providers(folder.path().join("providers")).state().unwrap();
    let messages: Vec<&str> = state.diagnostics.iter().map(|found| found.message.as_str()).collect();
    assert!(messages.is_empty(), "{messages:?}");
    state
}

/// The comparison of the files with others, in which `from` stands as `to`.
fn compared(from: &str, to: &str) -> Diff {
    assert!(WREN.contains(from) || WIRE.contains(from), "{from}");
    diff(&state(WREN, WIRE), &state(&WREN.replacen(from, to, 1), &WIRE.replacen(from, to, 1)))
}

fn kinds(diff: &Diff) -> Vec<Kind> {
    diff.crates.iter().flat_map(|changed| changed.changes.iter().map(|change| change.kind)).collect()
}

/// A comparison as a person reads it.
fn shown(diff: &Diff) -> String {
    let mut out = String::new();
    for changed in &diff.crates {
        for change in &changed.changes {
            let file = change.place.path.file_name().unwrap().to_string_lossy();
            let level = change.kind.level().word();
            out += &format!(
                "{} {level} {}: {} ({:?} {file}:{})\n",
                changed.name,
                change.kind.word(),
                change.line(),
                change.place.side,
                change.place.line
            );
        }
    }
    out
}

#[test]
fn each_change_is_found_by_its_kind_and_nothing_else_is() {
    let mut text = String::new();
    for (expected, from, to) in OF_PROVIDERS.iter().chain(OF_WIRES) {
        let found = compared(from, to);
        let expected: BTreeSet<Kind> = expected.iter().copied().collect();
        let kinds: BTreeSet<Kind> = kinds(&found).into_iter().collect();
        assert_eq!(kinds, expected, "{from} -> {to}\n{}", shown(&found));
        text += &shown(&found);
    }
    insta::assert_snapshot!("changes", text);
}

#[test]
fn the_other_way_round_there_is_a_change_too() {
    for (_, from, to) in OF_PROVIDERS.iter().chain(OF_WIRES) {
        let other = state(&WREN.replacen(from, to, 1), &WIRE.replacen(from, to, 1));
        assert!(diff(&other, &state(WREN, WIRE)).level().is_some(), "{to} -> {from}");
    }
}

#[test]
fn what_means_the_same_is_no_change() {
    for (from, to) in NONE {
        let found = compared(from, to);
        assert_eq!(found, Diff::default(), "{from} -> {to}\n{}", shown(&found));
    }
    assert_eq!(changelog::section(&Diff::default()), "");
}

/// Kinds of which a case is not one edit: each has a test of its own below.
const ELSEWHERE: &[Kind] = &[
    Kind::CrateAdded,
    Kind::CrateRemoved,
    Kind::FeatureAdded,
    Kind::FeatureRemoved,
    Kind::TransportChanged,
    Kind::BaseUrlEnvAdded,
    Kind::KeyDemanded,
    Kind::DialectNamed,
    Kind::OperationAdded,
    Kind::OperationRemoved,
    Kind::ModelRenamed,
    Kind::ModelsReordered,
];

#[test]
fn every_kind_has_a_case() {
    let cases = OF_PROVIDERS.iter().chain(OF_WIRES).flat_map(|(kinds, ..)| kinds.iter());
    let covered: BTreeSet<Kind> = cases.chain(ELSEWHERE).copied().collect();
    assert_eq!(covered, KINDS.iter().copied().collect());
}

#[test]
fn an_operation_comes_and_goes_with_its_method() {
    let without = WIRE.split("\n  models:").next().unwrap().to_owned() + "\n";
    let (all, less) = (state(WREN, WIRE), state(WREN, &without));
    assert_eq!(kinds(&diff(&less, &all)), [Kind::OperationAdded]);
    assert_eq!(kinds(&diff(&all, &less)), [Kind::OperationRemoved]);
    assert_eq!(diff(&all, &less).level(), Some(Level::Major));
}

#[test]
fn a_key_that_was_optional_is_demanded() {
    let lax = WREN.replace("WREN_TOKEN]", "WREN_TOKEN], optional: true");
    assert_eq!(kinds(&diff(&state(&lax, WIRE), &state(WREN, WIRE))), [Kind::KeyDemanded]);
    let none = WREN.replace("auth: {type: bearer, env: [WREN_KEY, WREN_TOKEN]}", "auth_type: none");
    assert_eq!(kinds(&diff(&state(&none, WIRE), &state(WREN, WIRE))), [Kind::KeyDemanded]);
}

#[test]
fn models_that_move_into_the_process_are_another_client() {
    let local = |hub: &str, file: &str| {
        let file = format!(
            "name: wren\ntransport: local\nhub: {hub}\nmodels:\n  - name: egg-1\n    source: {{repository: wren/egg, files: \
             [{{path: {file}}}]}}\n"
        );
        state(&file, WIRE)
    };
    let hosted = "name: wren\nbase_url: https://wren.example\ndialect: wren-talk\nauth_type: none\nmodels: [{name: egg-1}]\n";
    let (hosted, here) = (state(hosted, WIRE), local("https://wren.example", "egg.gguf"));
    let found = diff(&hosted, &here);
    let told = [Kind::TransportChanged, Kind::DialectNamed, Kind::FactChanged];
    assert_eq!(kinds(&found), told, "{}", shown(&found));
    assert_eq!(found.level(), Some(Level::Major));
    assert_eq!(kinds(&diff(&here, &local("https://hub.example", "egg.gguf"))), [Kind::BaseUrlChanged]);
    assert_eq!(kinds(&diff(&here, &local("https://wren.example", "nest.gguf"))), [Kind::FactChanged]);
    assert_eq!(diff(&here, &here), Diff::default());
}

#[test]
fn a_wire_under_another_name_says_the_same() {
    let (provider, wire) = (WREN.replace("wren-talk", "wren-song"), WIRE.replace("wren-talk", "wren-song"));
    assert_eq!(kinds(&diff(&state(WREN, WIRE), &state(&provider, &wire))), [Kind::DialectNamed]);
}

#[test]
fn a_type_that_gives_way_to_another_is_renamed() {
    let (one, two) = (["tit-1"].as_slice(), ["tit.1", "tit-1"].as_slice());
    let of = |names: &[&str]| {
        let models: String = names.iter().map(|name| format!("  - name: {name}\n")).collect();
        state(&format!("{WREN}{models}"), WIRE)
    };
    let found = diff(&of(one), &of(two));
    assert!(kinds(&found).contains(&Kind::ModelRenamed), "{}", shown(&found));
}

#[test]
fn another_order_of_models_is_told() {
    let (head, models) = WREN.split_once("models:\n").unwrap();
    let (first, rest) = models.split_once("  - name: wing-1").unwrap();
    let turned = format!("{head}models:\n  - name: wing-1{rest}{first}");
    assert_eq!(kinds(&diff(&state(WREN, WIRE), &state(&turned, WIRE))), [Kind::ModelsReordered]);
}

#[test]
fn a_provider_comes_and_goes_with_its_crate_and_feature() {
    let with = |names: &[&str]| {
        let folder = Folder::new(&format!("changes-crates-{}", names.len()));
        for name in names {
            folder.write(&format!("providers/{name}.yaml"), &crate::folder::provider(name));
        }
        folder.compiler().state().unwrap()
    };
    let (one, two) = (with(&["acme"]), with(&["acme", "bolt"]));
    assert_eq!(kinds(&diff(&one, &two)), [Kind::FeatureAdded, Kind::CrateAdded]);
    assert_eq!(kinds(&diff(&two, &one)), [Kind::FeatureRemoved, Kind::CrateRemoved]);
}

#[test]
fn a_changelog_groups_by_heading_and_says_what_breaks() {
    let provider = WREN
        .replace("input_price: 1\n", "input_price: 1.25\n")
        .replace("  - name: egg-1\n    kind: other\n", "  - name: egg-2\n")
        .replace("    knowledge", "    deprecated: true\n    knowledge");
    let found = diff(&state(WREN, WIRE), &state(&provider, &WIRE.replace("503: Overloaded", "503: Server")));
    assert_eq!(found.level(), Some(Level::Major));
    insta::assert_snapshot!("changes_changelog", changelog::section(&found));
}

fn repository() -> Compiler {
    Compiler::new().providers(root().join("providers"))
}

#[test]
fn the_repository_is_what_it_is() {
    let found = diff(&repository().state().unwrap(), &repository().state().unwrap());
    assert_eq!(found, Diff::default(), "{}", shown(&found));
}

/// Every seventh model is taken out of a real file, repriced, or given a longer window.
#[test]
fn every_edit_of_a_real_model_is_seen() {
    let base = repository().state().unwrap();
    let mut edits = 0;
    let models: usize = base.providers.iter().map(|state| state.provider.models.len()).sum();
    for at in (0..models).step_by(7) {
        for (expected, edit) in EDITS {
            let mut now = repository_state(&base);
            let mut left = at;
            for state in &mut now.providers {
                if left < state.provider.models.len() {
                    edit(&mut state.provider.models, left);
                    break;
                }
                left -= state.provider.models.len();
            }
            let found = kinds(&diff(&base, &now));
            assert!(found.contains(expected), "{at}: {expected:?} is not in {found:?}");
            edits += 1;
        }
    }
    assert!(edits > 90, "{edits}");
}

type Edit = fn(&mut Vec<typewright_codegen::ir::provider::Model>, usize);

const EDITS: &[(Kind, Edit)] = &[
    (Kind::ModelRemoved, |models, at| drop(models.remove(at))),
    (Kind::PriceChanged, |models, at| {
        let price = &mut models[at].prices.input;
        let more = price.map_or(1, |price| price.0 + 1);
        *price = Some(typewright_codegen::ir::provider::Price(more));
    }),
    (Kind::LimitChanged, |models, at| {
        models[at].context_window = Some(models[at].context_window.unwrap_or(0) + 1);
    }),
];

/// A copy: states are read once and edited often.
fn repository_state(base: &State) -> State {
    State { sources: base.sources.clone(), diagnostics: Vec::new(), providers: base.providers.clone() }
}
