//! From the files of a model to all that answers are made with. What each file holds is known elsewhere.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::prompt::Controls;
use super::{Config, Frontend, LocalModel, Template, Turns};
use crate::local::arch::{self, Opened};
use crate::local::decoder::{self, Decoder};
use crate::local::file::Format;
use crate::local::parse::OutputFormat;
use crate::local::template::{ChatTemplate, IM_START, TemplateError};
use crate::local::tokens::{GgufVocabulary, Kind, Tokenizer, TokenizerConfig};
use crate::local::{Error, memory};

/// The largest file beside the weights.
const LARGEST: u64 = 64 << 20;
const DEFAULT: &str = "default";

pub(super) fn load(path: &Path, config: &Config) -> Result<LocalModel, Error> {
    let opened = arch::open(path)?;
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    memory::check(decoder::need(&opened, &config.engine, config.device), memory::available())?;
    let tokenizer = tokenizer(&opened, folder)?;
    let templates = templates(&opened, folder, config)?;
    config.sampling.validate(opened.spec.vocab)?;
    let engine = decoder::load(&opened, &config.engine, config.device)?;
    let frontend = Frontend {
        name: config.name.clone().unwrap_or_else(|| named(path)),
        controls: Controls::new(&tokenizer),
        known: known(&tokenizer, opened.spec.vocab),
        sampling: config.sampling.clone(),
        vocab: opened.spec.vocab,
        context: context(&engine),
        tokenizer,
        templates,
        #[cfg(feature = "constrain")]
        form: super::form::Vocabulary::default(),
    };
    Ok(LocalModel { engine, frontend: Arc::new(frontend), batch: config.engine.batch.max(1) })
}

/// No sequence is longer than the whole cache.
fn context(engine: &Decoder) -> usize {
    let (_, pages) = engine.pages();
    engine.context().min(pages.saturating_mul(engine.page_len()))
}

fn named(path: &Path) -> String {
    let name = if path.is_dir() { path.file_name() } else { path.file_stem() };
    name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn tokenizer(opened: &Opened, folder: &Path) -> Result<Tokenizer, Error> {
    if opened.weights.format() == Format::Gguf {
        return Ok(Tokenizer::from_gguf(&GgufVocabulary::read(opened.weights.metadata()))?);
    }
    let mut tokenizer = Tokenizer::from_file(&folder.join("tokenizer.json"))?;
    // Models name more than one end of what they say in either.
    for name in ["config.json", "generation_config.json"] {
        let Some(bytes) = beside(folder, name)? else { continue };
        let config: Value = serde_json::from_slice(&bytes)
            .map_err(|error| Error::malformed(&folder.join(name), format!("not JSON: {error}")))?;
        let ends = &config["eos_token_id"];
        let ends = ends.as_array().map_or(std::slice::from_ref(ends), Vec::as_slice);
        let ends = ends.iter().filter_map(Value::as_u64).filter_map(|id| u32::try_from(id).ok());
        tokenizer.ids_mut().end_with(ends);
    }
    Ok(tokenizer)
}

/// The templates by name; the caller's choice is the only one where there is one.
fn templates(opened: &Opened, folder: &Path, config: &Config) -> Result<Vec<Template>, Error> {
    let default = |source: &str| vec![(DEFAULT.to_owned(), source.to_owned())];
    let sources = match &config.turns {
        Some(Turns::ImStart) => default(IM_START),
        Some(Turns::Template(source)) => default(source),
        None if opened.weights.format() == Format::Gguf => of_metadata(opened),
        None => of_folder(folder)?,
    };
    if sources.is_empty() {
        return Err(TemplateError::None.into());
    }
    let read = |(name, source): (String, String)| {
        let template = ChatTemplate::new(&source, config.template_limits)?;
        Ok(Template { name, template, format: OutputFormat::of_template(&source), source })
    };
    sources.into_iter().map(read).collect()
}

fn of_metadata(opened: &Opened) -> Vec<(String, String)> {
    const KEY: &str = "tokenizer.chat_template";
    let metadata = opened.weights.metadata();
    let named = metadata.iter().filter_map(|(key, value)| {
        let name = key.strip_prefix(KEY)?;
        let name = if name.is_empty() { DEFAULT } else { name.strip_prefix('.')? };
        Some((name.to_owned(), value.as_str()?.to_owned()))
    });
    named.collect()
}

/// A file of its own comes before what the configuration of the tokenizer holds.
fn of_folder(folder: &Path) -> Result<Vec<(String, String)>, Error> {
    let path = folder.join("chat_template.jinja");
    if let Some(bytes) = beside(folder, "chat_template.jinja")? {
        let source = String::from_utf8(bytes).map_err(|_| Error::malformed(&path, "not UTF-8"))?;
        return Ok(vec![(DEFAULT.to_owned(), source)]);
    }
    match beside(folder, "tokenizer_config.json")? {
        Some(bytes) => Ok(TokenizerConfig::from_json(&bytes)?.chat_templates),
        None => Ok(Vec::new()),
    }
}

fn beside(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let path = folder.join(name);
    if !path.is_file() {
        return Ok(None);
    }
    let failed = |source| Error::Read { path: path.clone(), source };
    let mut bytes = Vec::new();
    File::open(&path).map_err(failed)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Error::malformed(&path, format!("larger than {LARGEST} bytes")));
    }
    Ok(Some(bytes))
}

/// Models have rows of logits that no token belongs to.
fn known(tokenizer: &Tokenizer, vocab: usize) -> Option<Vec<u32>> {
    let spelling = tokenizer.spelling();
    let is_token = |id: &u32| spelling.kind(*id) != Kind::Absent;
    let count = u32::try_from(vocab).unwrap_or(u32::MAX);
    if (0..count).all(|id| is_token(&id)) {
        return None;
    }
    let mut words = vec![0_u32; vocab.div_ceil(32)];
    (0..count).filter(is_token).for_each(|id| words[id as usize / 32] |= 1 << (id % 32));
    Some(words)
}
