//! The catalog's two files: what they say, and that they have the form of `prettyplease` whatever they are about.

use super::*;
use crate::emit::{sample, umbrella};
use crate::ir::provider::{ModelFile, ModelSource};
use crate::source::{FileId, Span};

#[test]
fn a_price_is_written_exactly() {
    for (price, text) in
        [(2_500_000_000, "2.5"), (75_000_000, "0.075"), (3_000_000_000, "3"), (1, "0.000000001")]
    {
        let mut out = String::new();
        dollars(Price(price), &mut out);
        assert_eq!(out, text);
    }
}

#[test]
fn a_model_says_what_is_known_and_nothing_else() {
    let provider = sample::provider();
    let text = file(&provider, "providers/acme.yaml").unwrap().text;
    assert!(text.contains("pub const SMALL_1: Small1 = Small1 {};"), "{text}");
    assert!(text.contains("impl capability::Vision for Small1 {}"));
    assert!(text.contains("input: Some(Price(2_500_000_000)),"));
    assert!(!text.contains("cache_write"));
    assert!(text.contains("/// | $ per million | 2.5 input, 10 output |"));
}

#[test]
fn each_model_points_at_its_line() {
    let provider = sample::provider();
    let rendered = file(&provider, "providers/acme.yaml").unwrap();
    let line = rendered.text.lines().position(|line| line.contains("struct Small1")).unwrap() + 1;
    let output = crate::emit::output::Output::new("acme/src/models.rs", rendered);
    assert_eq!(output.origin_of(line).unwrap().source, Some(provider.models[0].span));
}

/// Each piece of a file as `prettyplease` would write it.
fn assert_form(rendered: &Rendered) {
    let lines: Vec<&str> = rendered.text.split_inclusive('\n').collect();
    for origin in &rendered.origins {
        let piece = lines[origin.lines.start - 1..origin.lines.end - 1].concat();
        let tokens: proc_macro2::TokenStream = piece.parse().unwrap();
        let formed = crate::emit::rust::checked("test", &tokens).unwrap();
        for (written, wanted) in piece.lines().zip(formed.lines()) {
            assert_eq!(written, wanted, "\n{piece}");
        }
        assert_eq!(piece.len(), formed.len(), "\n{piece}");
    }
}

/// Numbers that look like chance and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(2) == 0).then(|| make(self))
    }

    fn text(&mut self) -> String {
        const WORDS: &[&str] = &[
            "",
            "a",
            "b-1",
            "small",
            "large-model",
            "v4.1",
            "vendor/",
            ":free",
            "\"",
            "\\",
            "`",
            "|",
            "é",
            "漢字",
            "🦀",
            "\u{0}",
            "7",
            "\n",
            "\r",
            "\t",
            " ",
            "//",
            "*/",
            "{",
            "}",
            "[x]",
            "#",
            "\u{202e}",
            "\u{301}",
            "1. ",
            "'",
            "https://a.example/b?c=1.",
            "[t](https://a.example)",
            "a longer run of words that goes on",
            "\n\n",
            "xxxxxxxx",
        ];
        let count = self.below(9) * self.below(3);
        (0..count).map(|_| WORDS[self.below(WORDS.len())]).collect()
    }

    fn texts(&mut self) -> Vec<String> {
        let count = self.below(8) * self.below(3);
        (0..count).map(|_| self.text()).collect()
    }

    fn number(&mut self) -> u64 {
        [0, 7, 999, 4096, 128_000, 1_047_576, u64::MAX][self.below(7)]
    }

    fn prices(&mut self) -> Prices {
        let mut price = || self.maybe(|dice| Price(dice.number()));
        Prices {
            input: price(),
            output: price(),
            cache_read: price(),
            cache_write: price(),
            reasoning: price(),
            input_audio: price(),
            output_audio: price(),
        }
    }

    fn model(&mut self) -> Model {
        let id = self.text();
        let known: Vec<&str> = crate::vocabulary::CAPABILITIES.iter().map(|(name, _)| *name).collect();
        let capabilities = known.into_iter().filter(|_| self.below(3) == 0).map(str::to_owned).collect();
        let display_name = self.maybe(Self::text).unwrap_or_else(|| id.clone());
        // Nothing but the id is known of some.
        let blank = sample::provider().models.remove(1);
        if self.below(4) == 0 {
            return Model { display_name: id.clone(), id, ..blank };
        }
        Model {
            id,
            type_name: String::new(),
            const_name: String::new(),
            display_name,
            description: self.maybe(Self::text),
            aliases: self.texts(),
            family: self.maybe(Self::text),
            kind: [ModelKind::Chat, ModelKind::Embedding, ModelKind::Other][self.below(3)],
            context_window: self.maybe(Self::number),
            max_input_tokens: self.maybe(Self::number),
            max_output_tokens: self.maybe(Self::number),
            capabilities,
            reasoning_efforts: self.texts(),
            reasoning_budget: self.maybe(|dice| (dice.number(), dice.maybe(Self::number))),
            input_modalities: self.texts(),
            output_modalities: self.texts(),
            dimensions: self.maybe(Self::number),
            prices: self.maybe(Self::prices).unwrap_or_default(),
            tiers: (0..self.below(3)).map(|_| (self.number(), self.prices())).collect(),
            knowledge: self.maybe(Self::text),
            released: self.maybe(Self::text),
            deprecation: self.maybe(|dice| Deprecation {
                since: dice.maybe(Self::text),
                retires: dice.maybe(Self::text),
                replacement: dice.maybe(Self::text),
            }),
            source: self.maybe(Self::source),
            span: Span::new(FileId(0), 0, 1),
        }
    }

    fn source(&mut self) -> ModelSource {
        let file = |dice: &mut Self| ModelFile {
            path: dice.text(),
            bytes: dice.maybe(Self::number),
            sha256: dice.maybe(Self::text),
        };
        ModelSource {
            repository: self.text(),
            revision: self.text(),
            licence: self.maybe(Self::text),
            files: (0..self.below(3)).map(|_| file(self)).collect(),
        }
    }

    fn provider(&mut self) -> Provider {
        let count = self.below(7) * self.below(3);
        let mut models: Vec<Model> = (0..count).map(|_| self.model()).collect();
        let ids: Vec<String> = models.iter().map(|model| model.id.clone()).collect();
        for (model, names) in models.iter_mut().zip(crate::names::plan(&ids)) {
            (model.type_name, model.const_name) = (names.type_name, names.const_name);
            // Names of any length, though such types have no such constants.
            if self.below(2) == 0 {
                model.type_name = format!("T{}", "x".repeat(self.below(64)));
                model.const_name = format!("C{}", "X".repeat(self.below(64)));
            }
        }
        Provider { display_name: self.text(), models, ..sample::provider() }
    }
}

#[test]
fn both_files_have_the_form_of_prettyplease_whatever_the_models() {
    let mut dice = Dice(1);
    for _ in 0..600 {
        let provider = dice.provider();
        assert_form(&file(&provider, "providers/x.yaml").unwrap());
        assert_form(&umbrella::catalog_text(&provider, "providers/x.yaml").unwrap());
    }
}
