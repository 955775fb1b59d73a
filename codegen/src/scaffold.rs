//! The first provider file: what `new` writes for a person to go on from.

use serde::Serialize;

/// What is known of a provider before anybody described it.
#[derive(Debug, Clone, Serialize)]
pub struct Scaffold {
    /// The provider's name.
    pub name: String,
    /// One line about it.
    pub description: String,
    /// The wire it speaks; the default of the format if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
    /// How it authenticates.
    pub auth_type: &'static str,
    /// Where its API is.
    pub base_url: String,
    /// Its models. Any model can be called by its id before it is listed.
    pub models: Vec<String>,
}

/// The file could not be written as YAML.
#[derive(Debug, thiserror::Error)]
#[error("this provider cannot be written as YAML")]
pub struct Unwritable(#[from] serde_yaml::Error);

impl Scaffold {
    /// A provider of this name and address.
    pub fn new(name: &str, base_url: &str, dialect: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            description: format!("Models of {name}"),
            dialect: dialect.map(str::to_owned),
            auth_type: "api_key",
            base_url: base_url.trim_end_matches('/').to_owned(),
            models: Vec::new(),
        }
    }

    /// The provider file.
    pub fn yaml(&self) -> Result<String, Unwritable> {
        let body = serde_yaml::to_string(self)?;
        Ok(format!("# yaml-language-server: $schema=../schema/provider.schema.json\n{body}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_yaml_would_read_otherwise_are_quoted() {
        let text = Scaffold::new("on", "https://x.example/v1/", None).yaml().unwrap();
        assert!(text.contains("base_url: https://x.example/v1\n"), "{text}");
        assert!(!text.contains("dialect"));
    }
}
