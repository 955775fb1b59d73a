//! The files that say how an encoder of sentences is used: `modules.json`, and what it names. What they ask for that is
//! not here is an error.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::local::Error;
use crate::local::arch::{self, Pooling};

/// What the files of a folder say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Modules {
    /// Where the encoder lies.
    pub(super) folder: PathBuf,
    pub(super) pooling: Option<Pooling>,
    pub(super) normalised: Option<bool>,
    /// The most tokens of a text.
    pub(super) max_len: Option<usize>,
    /// Texts are turned to small letters.
    pub(super) lowercase: bool,
}

const LIMITS: &str = "sentence_bert_config.json";

/// Reads what stands in `folder`. Where there is no `modules.json`, the folder is the encoder itself.
pub(super) fn read(folder: &Path) -> Result<Modules, Error> {
    let mut modules = Modules {
        folder: folder.to_owned(),
        pooling: None,
        normalised: None,
        max_len: None,
        lowercase: false,
    };
    let path = folder.join("modules.json");
    if path.is_file() {
        modules.normalised = Some(false);
        let list = arch::json(&path)?;
        let list = list.as_array().ok_or_else(|| Error::malformed(&path, "not a list of modules"))?;
        for module in list {
            modules.add(&path, folder, module)?;
        }
    }
    let limits = modules.folder.join(LIMITS);
    if limits.is_file() {
        modules.limit(&limits)?;
    }
    Ok(modules)
}

impl Modules {
    fn add(&mut self, file: &Path, folder: &Path, module: &Value) -> Result<(), Error> {
        let kind =
            module["type"].as_str().ok_or_else(|| Error::malformed(file, "a module without a type"))?;
        let path = module["path"].as_str().unwrap_or_default();
        let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if !inside {
            return Err(Error::malformed(file, format!("the path {path:?} leads out of the folder")));
        }
        let path = if path.is_empty() { folder.to_owned() } else { folder.join(path) };
        match kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" => self.folder = path,
            "Pooling" => self.pooling = Some(arch::pooling(&path.join("config.json"))?),
            "Normalize" => self.normalised = Some(true),
            _ => return Err(Error::unsupported(file, format!("a module {kind:?}"))),
        }
        Ok(())
    }

    fn limit(&mut self, path: &Path) -> Result<(), Error> {
        let config = arch::json(path)?;
        let object = config.as_object().ok_or_else(|| Error::malformed(path, "not an object"))?;
        self.lowercase = object.get("do_lower_case").is_some_and(|flag| flag == true);
        match object.get("max_seq_length") {
            None | Some(Value::Null) => (),
            Some(value) => {
                let length = value.as_u64().and_then(|length| usize::try_from(length).ok());
                let length = length.filter(|length| *length > 0);
                let wrong = || Error::malformed(path, format!("max_seq_length is {value}"));
                self.max_len = Some(length.ok_or_else(wrong)?);
            }
        }
        Ok(())
    }
}
