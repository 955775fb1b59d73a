//! Where recorded exchanges are found and how they are read. Knows the layout of a corpus and nothing of what is
//! done with it; grading is [`crate::compare`]'s business.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The environment variable that names the folder which contains `fixtures/`.
pub const VARIABLE: &str = "TYPEWRIGHT_CORPUS";
/// Where the corpus is looked for if nobody says, relative to the workspace root.
const DEFAULT: &str = "../shared";

/// A corpus that was asked for but cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {why}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// There is not a single case.
    #[error("no case under {path}")]
    Empty {
        /// The corpus.
        path: PathBuf,
    },
}

/// A folder of recorded exchanges.
#[derive(Debug, Clone)]
pub struct Corpus {
    /// The folder that contains `fixtures/`.
    pub root: PathBuf,
    /// Whether somebody named it, so that its absence is a mistake.
    pub named: bool,
    /// `dialect/provider/slug` of every case, sorted.
    pub names: Vec<String>,
}

/// One recorded exchange.
#[derive(Debug, Clone)]
pub struct Case {
    /// `dialect/provider/slug`.
    pub name: String,
    /// The wire format by folder name.
    pub dialect: String,
    /// The provider by folder name.
    pub provider: String,
    /// What the recorder kept beside the bytes.
    pub meta: Meta,
    /// The graded result.
    pub expected: Value,
    /// The recorded request body; null if there was none.
    pub request: Value,
    /// The request in a provider-neutral form.
    pub canonical: Option<Value>,
    /// The recorded response body.
    pub body: Vec<u8>,
    /// The extension of the response file: what kind of bytes these are.
    pub extension: String,
}

/// What is used of `meta.json`.
#[derive(Debug, Clone)]
pub struct Meta {
    /// The HTTP status of the response.
    pub status: u16,
    /// The response headers.
    pub headers: Vec<(String, String)>,
    /// The address that was asked.
    pub url: String,
    /// What the exchange shows, in the corpus' own words.
    pub features: Vec<String>,
    /// Where the network cut the body.
    pub chunk_lengths: Vec<usize>,
}

/// Finds the corpus: `explicit`, else the environment variable, else the default folder. `None` if nobody named one
/// and the default is absent.
pub fn locate(explicit: Option<&Path>) -> Result<Option<Corpus>, CorpusError> {
    let variable = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let named = explicit.map(Path::to_owned).or(variable);
    let root = workspace_root().join(named.as_deref().unwrap_or(Path::new(DEFAULT)));
    if named.is_none() && !root.join("fixtures").is_dir() {
        return Ok(None);
    }
    open(root, named.is_some()).map(Some)
}

/// Opens the corpus in `root`. A folder without a single case is not a corpus.
pub fn open(root: PathBuf, named: bool) -> Result<Corpus, CorpusError> {
    let fixtures = root.join("fixtures");
    let mut names = Vec::new();
    for dialect in folders(&fixtures)? {
        for provider in folders(&fixtures.join(&dialect))? {
            let folder = fixtures.join(&dialect).join(&provider);
            let cases = folders(&folder)?
                .into_iter()
                .filter(|slug| folder.join(slug).join("expected.json").is_file());
            names.extend(cases.map(|slug| format!("{dialect}/{provider}/{slug}")));
        }
    }
    names.sort();
    if names.is_empty() {
        return Err(CorpusError::Empty { path: root });
    }
    Ok(Corpus { root, named, names })
}

/// The root of the workspace that this crate is part of.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

impl Corpus {
    /// Reads the case `name`.
    pub fn case(&self, name: &str) -> Result<Case, CorpusError> {
        let folder = self.root.join("fixtures").join(name);
        let mut words = name.split('/').map(str::to_owned);
        let (dialect, provider) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (body, extension) = response(&folder)?;
        Ok(Case {
            name: name.to_owned(),
            dialect,
            provider,
            meta: meta(&json(&folder.join("meta.json"))?),
            expected: json(&folder.join("expected.json"))?,
            request: json(&folder.join("request.json")).unwrap_or(Value::Null),
            canonical: optional(&folder.join("canonical_request.json"))?,
            body,
            extension,
        })
    }

    /// A number that tells this corpus from another: FNV-1a over its index.
    pub fn fingerprint(&self) -> Option<u64> {
        let index = std::fs::read(self.root.join("fixtures/index.json")).ok()?;
        Some(index.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }
}

impl Case {
    /// The operation that was recorded.
    pub fn operation(&self) -> &str {
        self.expected["operation"].as_str().unwrap_or("other")
    }

    /// Whether the client asked for a stream: it got one, or it got an error where it had asked for one.
    pub fn streamed(&self) -> bool {
        let asked = self.request["stream"] == true;
        self.is_stream() || (asked && self.meta.status >= 400)
    }

    /// Whether the body is a stream.
    pub fn is_stream(&self) -> bool {
        matches!(self.extension.as_str(), "sse" | "ndjson")
    }
}

fn meta(meta: &Value) -> Meta {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    Meta {
        status: meta["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(200),
        headers: headers(&meta["response_headers"]),
        url: text(&meta["url"]),
        features: list(&meta["features"]).iter().map(text).collect(),
        chunk_lengths: list(&meta["wire"]["chunk_lengths"])
            .iter()
            .filter_map(|length| usize::try_from(length.as_u64()?).ok())
            .collect(),
    }
}

/// Headers are an object, or a list of pairs; a value is a text or a list of texts.
fn headers(value: &Value) -> Vec<(String, String)> {
    let pairs: BTreeMap<String, Value> = match value {
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        Value::Array(list) => list
            .iter()
            .filter_map(|pair| Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.clone())))
            .collect(),
        _ => BTreeMap::new(),
    };
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Array(list) => list.first().and_then(Value::as_str).map(str::to_owned),
        Value::Null => None,
        other => Some(other.to_string()),
    };
    pairs.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect()
}

/// The response file, whatever its extension; an exchange without body has none.
fn response(folder: &Path) -> Result<(Vec<u8>, String), CorpusError> {
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(extension) = name.to_str().and_then(|name| name.strip_prefix("response.")) else { continue };
        let body = std::fs::read(entry.path()).map_err(|error| unreadable(&entry.path(), &error))?;
        return Ok((body, extension.to_owned()));
    }
    Ok((Vec::new(), String::new()))
}

fn optional(path: &Path) -> Result<Option<Value>, CorpusError> {
    if path.is_file() { json(path).map(Some) } else { Ok(None) }
}

fn json(path: &Path) -> Result<Value, CorpusError> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| unreadable(path, &error))
}

fn folders(path: &Path) -> Result<Vec<String>, CorpusError> {
    let entries = std::fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    let folders = entries.flatten().filter(|entry| entry.path().is_dir());
    Ok(folders.filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> CorpusError {
    CorpusError::Unreadable { path: path.to_owned(), why: why.to_string() }
}
