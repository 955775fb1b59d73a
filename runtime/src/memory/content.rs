//! What is remembered: text, JSON, or a medium.
//!
//! The bytes of a medium are shared by all who hold the content: drafts, memories, and copies of both. A store copies them
//! once when it writes them, and once when it reads them. It keeps media of more than 64 KiB by their digest, once however
//! many memories have them; texts and JSON, of any length, are kept with each memory that has them.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{Error, Limits};
use crate::json::RawJson;

/// The content of a memory.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// What is said.
    Text(String),
    /// What is known as data, as it was written.
    Json(RawJson),
    /// A picture, a sound, a film, a document.
    Blob(Blob),
}

/// What a medium is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Media {
    /// A picture.
    Image,
    /// A sound.
    Audio,
    /// A film.
    Video,
    /// Anything to be read.
    Document,
}

/// A medium and what it shows.
#[derive(Clone, PartialEq)]
pub struct Blob {
    /// What it is.
    pub media: Media,
    /// Its type, such as `image/png`.
    pub mime: String,
    /// It itself. Cloned, it is shared.
    pub bytes: Bytes,
    /// What it shows, in words: by this it is found.
    pub caption: Option<String>,
}

/// The sha256 of a medium, by which large ones are stored once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digested([u8; 32]);

impl Digested {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest that these 32 bytes are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Media {
    /// All.
    pub const ALL: [Self; 4] = [Self::Image, Self::Audio, Self::Video, Self::Document];

    /// Its name in stores and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Document => "document",
        }
    }

    /// The medium of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|media| media.name() == name)
    }
}

impl Content {
    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// What it says in words, for search by words and for vectors: a text itself, the keys, texts and numbers of JSON, the
    /// caption of a medium. JSON has no words at all where a number is too large for 64 bits (`1e400`), half a surrogate
    /// pair stands in it (`"\ud83d"`), or it has more than 127 levels: it is kept as it was written, and found by its name,
    /// its relations and its vector alone.
    pub fn words(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Json(json) => Cow::Owned(words_of_json(json.as_str())),
            Self::Blob(blob) => Cow::Borrowed(blob.caption.as_deref().unwrap_or_default()),
        }
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Json(json) => json.as_str().len(),
            Self::Blob(blob) => blob.bytes.len(),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn check(&self, limits: &Limits) -> Result<(), Error> {
        let most = if matches!(self, Self::Blob(_)) { limits.blob_bytes } else { limits.text_bytes };
        if self.is_empty() {
            return Err(Error::invalid("content", "there is nothing in it"));
        }
        if self.len() > most {
            return Err(Error::limit("content", self.len(), most));
        }
        let Self::Blob(blob) = self else { return Ok(()) };
        let is_type =
            blob.mime.split('/').count() == 2 && blob.mime.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_type || blob.mime.len() > 128 {
            return Err(Error::invalid("content", format!("{:?} is no type of a medium", blob.mime)));
        }
        match blob.caption.as_deref().map_or(0, str::len) {
            len if len > limits.text_bytes => Err(Error::limit("caption", len, limits.text_bytes)),
            _ => Ok(()),
        }
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Texts, keys and numbers of JSON, one after the other.
fn words_of_json(json: &str) -> String {
    fn add(value: &serde_json::Value, words: &mut Vec<String>) {
        match value {
            serde_json::Value::String(text) => words.push(text.clone()),
            serde_json::Value::Number(number) => words.push(number.to_string()),
            serde_json::Value::Array(items) => items.iter().for_each(|item| add(item, words)),
            serde_json::Value::Object(entries) => entries.iter().for_each(|(key, value)| {
                words.push(key.clone());
                add(value, words);
            }),
            serde_json::Value::Null | serde_json::Value::Bool(_) => {}
        }
    }
    let mut words = Vec::new();
    // Of what this reader refuses, nothing is found by words. Stores have indexed it so: their indexes stay right only as
    // long as the same content has the same words.
    if let Ok(value) = serde_json::from_str(json) {
        add(&value, &mut words);
    }
    words.join(" ")
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { media, mime, bytes, caption } = self;
        write!(f, "{} {mime} of {} bytes, {caption:?}", media.name(), bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(mime: &str) -> Content {
        let (mime, bytes) = (mime.to_owned(), Bytes::from_static(b"\x89PNG"));
        Content::Blob(Blob { media: Media::Image, mime, bytes, caption: Some("a cat".to_owned()) })
    }

    #[test]
    fn everything_has_words() {
        let json =
            RawJson::new(r#"{"name": "Ada", "born": 1815, "tags": ["x", true, null, {"k": "v"}]}"#).unwrap();
        assert_eq!(Content::Json(json).words(), "name Ada born 1815 tags x k v");
        assert_eq!(Content::text("Hello").words(), "Hello");
        assert_eq!(blob("image/png").words(), "a cat");
    }

    #[test]
    fn what_is_stored_has_limits() {
        let limits = Limits { text_bytes: 8, blob_bytes: 16, ..Limits::default() };
        assert!(Content::text("12345678").check(&limits).is_ok());
        for wrong in [Content::text("123456789"), Content::text(""), blob("png"), blob("image/p ng")] {
            assert!(wrong.check(&limits).is_err(), "{wrong:?}");
        }
        assert!(blob("image/png").check(&limits).is_ok());
    }

    #[test]
    fn bytes_are_shared() {
        let bytes = Bytes::from(vec![1; 1000]);
        let content = Content::Blob(Blob {
            media: Media::Audio,
            mime: "audio/wav".to_owned(),
            bytes: bytes.clone(),
            caption: None,
        });
        let Content::Blob(copy) = content.clone() else { unreachable!() };
        assert_eq!(copy.bytes.as_ptr(), bytes.as_ptr());
        let digest = Digested::of(b"abc").to_string();
        assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
