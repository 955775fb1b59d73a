//! Structured output from random logits: every answer parses and satisfies its schema, whatever the model prefers.

use serde_json::Value;
use typewright_runtime::local::constrain::{Constraint, Grammar, Token, Vocabulary};
use typewright_runtime::local::sample::{Random, Sampler, Sampling};

/// The most tokens of an answer. The schemas bound theirs, so that reaching it is a failure.
const MOST: usize = 4000;

pub(crate) const SCHEMAS: [&str; 10] = [
    r#"{"type": "object", "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 12}, "age": {"type":
        "integer", "minimum": 0, "maximum": 150}}, "required": ["name", "age"], "additionalProperties": false}"#,
    r#"{"type": "array", "items": {"type": "integer", "minimum": -5, "maximum": 1000}, "minItems": 2, "maxItems": 6}"#,
    r#"{"enum": ["red", "green", "blue", 7, null, true, {"a": [1]}]}"#,
    r#"{"anyOf": [{"type": "string", "maxLength": 4}, {"type": "boolean"}, {"type": "null"}]}"#,
    r##"{"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"v": {"type": "boolean"},
        "next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]}}, "required": ["v", "next"],
        "additionalProperties": false}}}"##,
    r#"{"type": "string", "pattern": "^[a-z]{2,4}-[0-9]{1,3}$"}"#,
    r#"{"type": "array", "prefixItems": [{"type": "boolean"}, {"const": "x"}], "items": false, "minItems": 2}"#,
    r#"{"type": "object", "properties": {"kind": {"const": "a"}, "tags": {"type": "array", "items": {"type": "string",
        "maxLength": 3}, "maxItems": 3}, "note": {"type": "string", "maxLength": 8}}, "required": ["kind"],
        "additionalProperties": false}"#,
    r#"{"type": "number", "minimum": 0.5, "maximum": 2.5}"#,
    r#"{"type": "string", "format": "date"}"#,
];

/// Single bytes, and pieces as a tokenizer would have them: some straddle the parts of JSON.
fn tokens() -> (Vec<Token>, u32) {
    let text = |bytes: &[u8]| Token { bytes: bytes.to_vec(), control: false };
    let mut tokens: Vec<Token> = (0..=255_u8).map(|byte| text(&[byte])).collect();
    let pieces = [
        "{\"",
        "\": ",
        "\", \"",
        "\"}",
        "},",
        "]}",
        "[[",
        " \"",
        "name",
        "age",
        "true",
        "false",
        "null",
        "12",
        "0.",
        "-1",
        "red",
        "2024-",
        "é",
        "日本",
        "\\n",
        "\\u00",
        "next",
        "\": {\"",
        ", ",
        "\n  ",
        "kind\": \"a\"",
        "}}}}",
        "ab",
        "\"\"",
    ];
    tokens.extend(pieces.map(|piece| text(piece.as_bytes())));
    let end = tokens.len() as u32;
    tokens.push(Token { bytes: b"<end>".to_vec(), control: true });
    (tokens, end)
}

/// An answer to logits that are drawn anew for every token.
fn answer(vocabulary: &Vocabulary, tokens: &[Token], end: u32, schema: &str, seed: u64) -> String {
    let mut constraint = Constraint::new(vocabulary, &Grammar::Schema(schema.to_owned())).unwrap();
    let sampling = Sampling { seed: Some(seed), temperature: 0.9, top_p: Some(0.95), ..Sampling::default() };
    let mut sampler = Sampler::new(sampling, tokens.len()).unwrap();
    let mut random = Random::new(seed);
    let mut text = Vec::new();
    for _ in 0..MOST {
        if constraint.is_done() {
            return String::from_utf8(text).unwrap();
        }
        let mut logits: Vec<f32> = (0..tokens.len()).map(|_| random.unit() as f32 * 8.0).collect();
        let token = sampler.next_of(&mut logits, constraint.allowed().unwrap()).unwrap().token;
        constraint.accept(token).unwrap();
        if token != end {
            text.extend_from_slice(&tokens[token as usize].bytes);
        }
    }
    panic!("no end: {}", String::from_utf8_lossy(&text));
}

fn all_are_valid(count: u64) {
    let (tokens, end) = tokens();
    let vocabulary = Vocabulary::new(&tokens, &[end]).unwrap();
    let mut different = std::collections::HashSet::new();
    for (number, schema) in SCHEMAS.iter().enumerate() {
        let parsed: Value = serde_json::from_str(schema).unwrap();
        let validator = jsonschema::validator_for(&parsed).unwrap();
        for round in 0..count / SCHEMAS.len() as u64 {
            let text = answer(&vocabulary, &tokens, end, schema, round * 31 + number as u64);
            let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert!(validator.is_valid(&value), "{schema}: {text}");
            different.insert(text);
        }
    }
    assert!(different.len() as u64 > count / 4, "{} different answers", different.len());
}

#[test]
fn random_logits_give_valid_answers() {
    all_are_valid(200);
}

#[test]
#[ignore = "takes minutes without optimisation"]
fn ten_thousand_answers_are_valid() {
    all_are_valid(10_000);
}
