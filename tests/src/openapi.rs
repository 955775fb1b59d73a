//! Checks request bodies against a provider's published OpenAPI document. Knows which document describes which
//! recorded wire; grades nothing else.

use std::path::Path;

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

/// A published document: the wire it describes, the provider it binds, where it lies, the schema of a request.
struct Published {
    dialect: &'static str,
    provider: &'static str,
    document: &'static str,
    schema: &'static str,
}

const PUBLISHED: [Published; 1] = [Published {
    dialect: "openai-chat",
    provider: "openai",
    document: "catalogs/openai-openapi/openapi.yaml",
    schema: "#/components/schemas/CreateChatCompletionRequest",
}];

/// The validators of all documents that are there.
#[derive(Default)]
pub struct Schemas {
    validators: Vec<(&'static str, &'static str, Validator)>,
}

impl Schemas {
    /// Reads the documents beside the corpus in `root`. One that is absent checks nothing; one that cannot be read is
    /// a mistake.
    pub fn load(root: &Path) -> Result<Self, String> {
        let mut validators = Vec::new();
        for published in &PUBLISHED {
            let path = root.join(published.document);
            if path.is_file() {
                let validator = validator(&path, published.schema)?;
                validators.push((published.dialect, published.provider, validator));
            }
        }
        Ok(Self { validators })
    }

    /// The wires that a document describes: dialect and provider.
    pub fn described(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.validators.iter().map(|(dialect, provider, _)| (*dialect, *provider))
    }

    /// What the document of `provider` objects to in `body`. A body is held to what the document said of the recording:
    /// where it rejects that as well, it is behind its own provider.
    pub fn objections(&self, dialect: &str, provider: &str, recorded: &Value, body: &Value) -> Vec<String> {
        let described = self.validators.iter().filter(|(d, p, _)| *d == dialect && *p == provider);
        described
            .filter(|(_, _, validator)| validator.is_valid(recorded))
            .flat_map(|(_, _, validator)| {
                validator.iter_errors(body).map(|error| objection(&error)).collect::<Vec<_>>()
            })
            .collect()
    }
}

fn objection(error: &jsonschema::ValidationError<'_>) -> String {
    let text = error.to_string();
    let end = text.char_indices().nth(200).map_or(text.len(), |(at, _)| at);
    format!("{}: {}", error.instance_path(), &text[..end])
}

fn validator(path: &Path, schema: &str) -> Result<Validator, String> {
    let why = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| why(&error))?;
    let document: Value = serde_yaml::from_str(&in_range(&text)).map_err(|error| why(&error))?;
    let root = json!({"$ref": schema, "components": {"schemas": document["components"]["schemas"]}});
    jsonschema::options().with_draft(Draft::Draft202012).build(&root).map_err(|error| why(&error))
}

/// Integers that no JSON reader takes become decimals: a document bounds a 64-bit number by one that was rounded up.
fn in_range(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        out.push_str(line);
        let number = line.rsplit_once(": ").map_or("", |(_, value)| value);
        let digits = number.strip_prefix('-').unwrap_or(number);
        let whole = digits.len() >= 19 && digits.bytes().all(|byte| byte.is_ascii_digit());
        out.push_str(if whole && number.parse::<i64>().is_err() { ".0\n" } else { "\n" });
    }
    out
}
