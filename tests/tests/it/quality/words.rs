//! No provider and no model stands in the compiler or the runtime, neither in code nor in comments nor in tests: what
//! is true of one of them is data.

use std::collections::BTreeMap;
use std::fs;

use serde_yaml::Value;

use super::sources;
use crate::folder::root;

/// Names of providers and families that are words of English as well, so that only their other spellings count; and
/// that of the library which gives local models their tensors.
const ENGLISH: &[&str] = &["all", "auto", "candle", "compound", "text", "together"];

/// The table of what files of models call their architectures: identifiers of a format, and the only place for them.
const IDENTIFIERS: &[&str] = &["runtime/src/local/arch/families.rs"];

/// The names that must not stand there, each with the file that it comes from.
fn names() -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for entry in fs::read_dir(root().join("providers")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let provider: Value = serde_yaml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let mut add = |value: &Value| {
            let name = value.as_str().unwrap_or_default().to_ascii_lowercase();
            if name.len() > 2 && !ENGLISH.contains(&name.as_str()) {
                names.insert(name, file.clone());
            }
        };
        ["name", "display_name", "type_name"].iter().for_each(|key| add(&provider[*key]));
        for model in provider["models"].as_sequence().into_iter().flatten() {
            ["name", "display_name", "family"].iter().for_each(|key| add(&model[*key]));
            model["aliases"].as_sequence().into_iter().flatten().for_each(&mut add);
            // The line that a model belongs to, as people call it.
            let family = model["family"].as_str().unwrap_or_default();
            add(&Value::from(family.split(['-', ' ', '.']).next().unwrap_or_default()));
        }
    }
    names
}

#[test]
fn no_provider_and_no_model_stands_in_the_compiler_or_the_runtime() {
    let names = names();
    for known in [
        "openai",
        "anthropic",
        "ollama",
        "groq",
        "deepseek",
        "openrouter",
        "xai",
        "gpt-4.1",
        "claude",
        "llama",
    ] {
        assert!(names.keys().any(|name| name.starts_with(known)), "{known}: {names:?}");
    }
    let mut found = Vec::new();
    let is_data = |path: &str| IDENTIFIERS.iter().any(|file| path.ends_with(file));
    for source in sources(&["codegen/src", "runtime/src"]).into_iter().filter(|source| !is_data(&source.path))
    {
        for (at, line) in source.text.lines().enumerate() {
            let line = line.to_ascii_lowercase();
            let said = names.keys().find(|name| has_word(&line, name));
            found.extend(said.map(|name| format!("{}:{}: {name}", source.path, at + 1)));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_name_is_seen_as_a_word_and_not_inside_of_one() {
    assert!(
        has_word("let openai = 1;", "openai")
            && has_word("gpt-4.1's", "gpt-4.1")
            && has_word("my_openai", "openai")
    );
    assert!(!has_word("flock3r", "lock3") && !has_word("do3", "o3") && !has_word("gpt-4.1x", "gpt-4.1"));
}

/// Whether `name` stands in `line` with no letter or digit on either side.
fn has_word(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + name.len()..].chars().next();
        ![before, after].into_iter().flatten().any(|c| c.is_ascii_alphanumeric())
    })
}
