//! A document against the JSON Schema of its format.
//!
//! Structure only: unknown and missing keys, types, closed sets of words. What values mean is checked by whoever reads
//! them. One diagnostic a mistake: where a value fits none of several forms, only the form that it was meant to have is
//! spoken about.

use super::{Kind, schema_value};
use crate::diagnostic::{Diagnostic, Sink, closest};
use crate::source::{Entry, Node, Span, Value};
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use jsonschema::{ValidationError, Validator};
use serde_json::{Map, Number, Value as Json};
use std::collections::HashSet;
use std::sync::LazyLock;

/// A schema with its validator. The validator is there unless the generated schema is malformed, which a test rules out.
struct Checked {
    schema: Json,
    validator: Option<Validator>,
}

static PROVIDER: LazyLock<Checked> = LazyLock::new(|| checked(Kind::Provider));
static DIALECT: LazyLock<Checked> = LazyLock::new(|| checked(Kind::Dialect));

fn checked(kind: Kind) -> Checked {
    let schema = schema_value(kind);
    let validator = jsonschema::validator_for(&schema).ok();
    Checked { schema, validator }
}

/// Words that other catalogs and formats use, and the word that is used here.
const SYNONYMS: &[(&str, &str)] = &[
    ("type", "kind"),
    ("mode", "kind"),
    ("mode", "type"),
    ("url", "base_url"),
    ("api_base", "base_url"),
    ("endpoint", "base_url"),
    ("api_key_env", "auth"),
    ("env", "auth"),
    ("authentication", "auth_type"),
    ("extends", "dialect"),
    ("protocol", "dialect"),
    ("max_tokens", "max_output_tokens"),
    ("context_length", "context_window"),
    ("context_size", "context_window"),
    ("input_cost", "input_price"),
    ("output_cost", "output_price"),
    ("supports_tools", "supports_function_calling"),
    ("tool_call", "supports_function_calling"),
    ("supports_response_schema", "supports_structured_output"),
    ("release_date", "released"),
    ("knowledge_cutoff", "knowledge"),
    ("deprecation", "deprecated"),
    ("real_name", "id"),
    ("alias", "aliases"),
];

/// How many mistakes of one document are reported.
const MAX_ERRORS: usize = 1000;

/// Reports everything about the structure of `node` that its format does not allow.
/// `false` if there was so much that the rest was not looked at.
pub fn validate(node: &Node, kind: Kind, sink: &mut Sink) -> bool {
    let checked = match kind {
        Kind::Provider => &*PROVIDER,
        Kind::Dialect => &*DIALECT,
    };
    let Some(validator) = &checked.validator else { return true };
    let (document, before) = (json(node), sink.len());
    for error in validator.iter_errors(&document) {
        Report { root: node, schema: &checked.schema, sink }.error(&error);
        if sink.len() - before >= MAX_ERRORS {
            return false;
        }
    }
    true
}

/// A node as JSON, for validation: numbers beyond the range of JSON libraries become the nearest they have.
fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(text) => Json::Number(number(text)),
        Value::Str(text) => Json::String(text.clone()),
        Value::Seq(items) => Json::Array(items.iter().map(json).collect()),
        Value::Map(entries) => Json::Object(
            entries.iter().map(|entry| (entry.key.clone(), json(&entry.value))).collect::<Map<_, _>>(),
        ),
    }
}

fn number(text: &str) -> Number {
    let float =
        || text.parse::<f64>().ok().map(|value| value.clamp(f64::MIN, f64::MAX)).and_then(Number::from_f64);
    serde_json::from_str(text).ok().or_else(float).unwrap_or_else(|| Number::from(0))
}

/// Where a validation error lies in the tree.
struct Found<'a> {
    node: &'a Node,
    /// The entry or the list that holds it.
    entry: Option<&'a Entry>,
}

struct Report<'a, 's> {
    root: &'a Node,
    schema: &'a Json,
    sink: &'s mut Sink,
}

impl<'a> Report<'a, '_> {
    fn error(&mut self, error: &ValidationError<'_>) {
        let found = self.find(error);
        if self.sink.blames(found.node.span) {
            return;
        }
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let unexpected: HashSet<&str> = unexpected.iter().map(String::as_str).collect();
                let entries = found.node.as_map().unwrap_or_default().iter();
                for entry in entries.filter(|entry| unexpected.contains(entry.key.as_str())).take(MAX_ERRORS)
                {
                    self.unknown_key(error, entry);
                }
            }
            ValidationErrorKind::Required { property } => {
                self.missing_key(&found, error, property.as_str().unwrap_or_default())
            }
            ValidationErrorKind::Type { kind } => self.wrong_type(&found, &[type_names(kind)].concat()),
            ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
                self.no_branch(&found, error, context);
            }
            ValidationErrorKind::Constant { expected_value } => {
                self.wrong_word(&found, &[expected_value.as_ref()])
            }
            ValidationErrorKind::Enum { options } => {
                self.wrong_word(
                    &found,
                    &options.as_array().map(|all| all.iter().collect::<Vec<_>>()).unwrap_or_default(),
                );
            }
            ValidationErrorKind::Minimum { limit } => {
                let message = format!("{} is less than {limit}", shown(found.node));
                self.push(Diagnostic::error("TW0205", found.node.span, message));
            }
            _ => self.push(Diagnostic::error("TW0205", found.node.span, error.to_string())),
        }
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        self.sink.push(diagnostic);
    }

    fn find(&self, error: &ValidationError<'_>) -> Found<'a> {
        let mut found = Found { node: self.root, entry: None };
        for segment in error.instance_path().segments() {
            let next = match &segment {
                LocationSegment::Property(key) => {
                    found.node.entry(key).map(|entry| (&entry.value, Some(entry)))
                }
                LocationSegment::Index(index) => {
                    found.node.as_seq().and_then(|items| items.get(*index)).map(|item| (item, None))
                }
            };
            let Some((node, entry)) = next else { break };
            found = Found { node, entry };
        }
        found
    }

    fn unknown_key(&mut self, error: &ValidationError<'_>, entry: &Entry) {
        let key = entry.key.as_str();
        if self.sink.blames(entry.key_span) {
            return;
        }
        let known = self.known_keys(error);
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let synonym = SYNONYMS.iter().find(|(word, ours)| *word == key && known.contains(ours));
        let diagnostic = Diagnostic::error("TW0201", entry.key_span, format!("there is no key `{key}` here"))
            .label("unknown key");
        self.push(match (closest(key, &known), synonym) {
            (None, Some((_, ours))) => diagnostic.help(format!("did you mean `{ours}`?")),
            _ => diagnostic.suggest(key, known),
        });
    }

    /// The properties of the object schema of which a keyword failed.
    fn known_keys(&self, error: &ValidationError<'_>) -> Vec<String> {
        let path = error.schema_path().as_str();
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        // What holds under a condition is about the same object.
        let parent = parent.strip_suffix("/else").unwrap_or(parent);
        let properties = self.schema.pointer(parent).and_then(|schema| schema.get("properties"));
        properties.and_then(Json::as_object).map(|all| all.keys().cloned().collect()).unwrap_or_default()
    }

    fn missing_key(&mut self, found: &Found<'_>, error: &ValidationError<'_>, key: &str) {
        // A key that is misspelt is reported as unknown, and nothing more.
        let known = self.known_keys(error);
        let is_meant = |entry: &Entry| !known.contains(&entry.key) && closest(&entry.key, &[key]).is_some();
        if found.node.as_map().unwrap_or_default().iter().any(is_meant) {
            return;
        }
        let span = found.entry.map_or_else(|| first_line(found.node), |entry| entry.key_span);
        self.push(
            Diagnostic::error("TW0202", span, format!("`{key}` is missing")).label(format!("has no `{key}`")),
        );
    }

    fn wrong_type(&mut self, found: &Found<'_>, expected: &[&str]) {
        let expected: Vec<&str> = expected.iter().copied().filter(|name| *name != "null").collect();
        let wants = expected.iter().map(|name| article(name)).collect::<Vec<_>>().join(" or ");
        let kind = found.node.kind();
        let diagnostic = Diagnostic::error(
            "TW0203",
            found.node.span,
            format!("{wants} is expected here, and this is {kind}"),
        )
        .label(format!("{kind}, not {wants}"));
        self.push(match (&found.node.value, expected.as_slice()) {
            (Value::Number(_) | Value::Bool(_), ["string"]) => diagnostic.help("quote it to make it a text"),
            (Value::Str(text), ["boolean"]) => match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "y" | "true" => {
                    diagnostic.help("only `true` and `false` are booleans: write `true`")
                }
                "no" | "off" | "n" | "false" => {
                    diagnostic.help("only `true` and `false` are booleans: write `false`")
                }
                _ => diagnostic,
            },
            (Value::Str(text), ["integer" | "number"]) if text.contains(['_', ',']) => {
                diagnostic.help("write the digits without separators")
            }
            (Value::Str(text), ["integer" | "number"]) if text.parse::<f64>().is_ok() => {
                diagnostic.help("leave out the quotes")
            }
            (Value::Str(_) | Value::Number(_), ["array"]) => diagnostic.help("write it in brackets: `[…]`"),
            _ => diagnostic,
        });
    }

    fn wrong_word(&mut self, found: &Found<'_>, options: &[&Json]) {
        let words: Vec<&str> = options.iter().filter_map(|option| option.as_str()).collect();
        let shown = shown(found.node);
        let diagnostic =
            Diagnostic::error("TW0204", found.node.span, format!("{shown} is no value that is known here"))
                .label("unknown value");
        let word = found.node.as_str().unwrap_or_default().to_owned();
        self.push(diagnostic.suggest(&word, words));
    }

    /// A value that fits none of several forms: speaks about the form that it was meant to have.
    fn no_branch(
        &mut self,
        found: &Found<'_>,
        error: &ValidationError<'_>,
        branches: &[Vec<ValidationError<'static>>],
    ) {
        let at = error.instance_path();
        let here = |error: &ValidationError<'static>| error.instance_path() == at;
        let mistyped = |errors: &Vec<ValidationError<'static>>| {
            errors.iter().any(|error| here(error) && matches!(error.kind(), ValidationErrorKind::Type { .. }))
        };
        let mut words = Vec::new();
        let mut types = Vec::new();
        for error in branches.iter().flatten().filter(|error| here(error)) {
            collect(error, &mut words, &mut types);
        }
        let worded =
            |errors: &Vec<ValidationError<'static>>| errors.iter().all(|error| here(error) && is_word(error));
        if let Some(errors) = branches.iter().find(|errors| !mistyped(errors) && !worded(errors)) {
            for error in errors {
                self.error(error);
            }
            return;
        }
        if !words.is_empty() && (found.node.as_str().is_some() || types.iter().all(|name| *name == "null")) {
            return match found.node.as_str() {
                Some(_) => self.wrong_word(found, &words.iter().collect::<Vec<_>>()),
                None => self.wrong_type(found, &["string"]),
            };
        }
        if !words.is_empty() {
            types.push("string");
        }
        types.dedup();
        self.wrong_type(found, &types);
    }
}

/// Whether an error only says which words a value may be, possibly in nested choices.
fn is_word(error: &ValidationError<'static>) -> bool {
    match error.kind() {
        ValidationErrorKind::Constant { .. } | ValidationErrorKind::Enum { .. } => true,
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            context.iter().flatten().all(is_word)
        }
        _ => false,
    }
}

/// The words and types that the branches of a choice ask for.
fn collect(error: &ValidationError<'static>, words: &mut Vec<Json>, types: &mut Vec<&'static str>) {
    match error.kind() {
        ValidationErrorKind::Constant { expected_value } => words.push(expected_value.as_ref().clone()),
        ValidationErrorKind::Enum { options } => {
            words.extend(options.as_array().into_iter().flatten().cloned())
        }
        ValidationErrorKind::Type { kind } => types.extend(type_names(kind)),
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            for error in context.iter().flatten() {
                collect(error, words, types);
            }
        }
        _ => {}
    }
}

fn type_names(kind: &TypeKind) -> Vec<&'static str> {
    match kind {
        TypeKind::Single(one) => vec![one.as_str()],
        TypeKind::Multiple(set) => set.iter().map(|one| one.as_str()).collect(),
    }
}

fn article(name: &str) -> &'static str {
    match name {
        "string" => "a string",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "a boolean",
        "array" => "a list",
        "object" => "a mapping",
        _ => "null",
    }
}

fn shown(node: &Node) -> String {
    match &node.value {
        Value::Str(text) => format!("`{text}`"),
        Value::Number(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        _ => node.kind().to_owned(),
    }
}

/// The first key of a mapping, or the node itself.
fn first_line(node: &Node) -> Span {
    node.as_map().and_then(|entries| entries.first()).map_or(node.span, |entry| entry.key_span)
}
