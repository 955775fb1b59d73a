//! The types of the two YAML formats: their JSON Schemas, what they refuse, and the typed provider.
//!
//! The Rust types in [`provider`] and [`dialect`] are the source; [`json_schema`] and [`validate`] follow from them.

pub mod across;
pub mod dialect;
pub mod provider;
mod validate;

pub use validate::validate;

use crate::source::Node;
use schemars::generate::SchemaSettings;

/// Which format a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A provider file.
    Provider,
    /// A dialect file.
    Dialect,
}

impl Kind {
    /// What a document is, by its keys: a dialect file has `dialect` and no `name`.
    pub fn of(node: &Node) -> Self {
        if node.entry("dialect").is_some() && node.entry("name").is_none() && node.entry("base_url").is_none()
        {
            Self::Dialect
        } else {
            Self::Provider
        }
    }

    /// The file of its JSON Schema below `schema/`.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Provider => "provider.schema.json",
            Self::Dialect => "dialect.schema.json",
        }
    }
}

/// The JSON Schema of a format, as it is committed: pretty, with a line end.
pub fn json_schema(kind: Kind) -> String {
    let mut text = serde_json::to_string_pretty(&schema_value(kind)).unwrap_or_default();
    text.push('\n');
    text
}

fn schema_value(kind: Kind) -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let schema = match kind {
        Kind::Provider => generator.into_root_schema_for::<provider::ProviderFile>(),
        Kind::Dialect => generator.into_root_schema_for::<dialect::DialectFile>(),
    };
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schemas_are_those_of_the_types() {
        for kind in [Kind::Provider, Kind::Dialect] {
            let path =
                std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema").join(kind.file_name());
            // A published crate comes without the folder.
            let Ok(committed) = std::fs::read_to_string(&path) else { continue };
            assert!(
                committed == json_schema(kind),
                "{} is stale; `cargo xtask schema` writes it",
                path.display()
            );
        }
    }

    #[test]
    fn the_schemas_are_valid_and_describe_every_key() {
        for kind in [Kind::Provider, Kind::Dialect] {
            let schema = schema_value(kind);
            assert!(jsonschema::validator_for(&schema).is_ok());
            let described = |owner: &str, properties: &serde_json::Value| {
                for (key, property) in properties.as_object().into_iter().flatten() {
                    assert!(property.get("description").is_some(), "{owner}.{key} is not described");
                }
            };
            described("root", &schema["properties"]);
            for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
                described(name, &definition["properties"]);
            }
        }
    }
}
