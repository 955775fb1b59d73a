//! What a hub says of a repository: its commit, its files, its licence.

use std::borrow::Cow;

use super::error::Error;
use super::fetch::{repository_url, request};
use super::layout::{Repository, check_name, is_commit};
use super::settings::Hub;
use crate::http::download::{self, Client, DownloadLimits, stream};
use crate::wire::v1::{Corrupt, Cursor, Text};

/// The longest description that is read.
const LONGEST: u64 = 32 << 20;
/// The most files and tags that are taken of a description.
const MOST: usize = 100_000;

/// What a hub says of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The commit that the revision is.
    pub commit: String,
    /// The files, with their folders.
    pub files: Vec<String>,
    /// The licence, if the repository names one.
    pub licence: Option<Licence>,
    /// What the repository is tagged with.
    pub tags: Vec<String>,
    /// Whether its owner has to let one in.
    pub gated: bool,
}

/// The licence of a repository, in its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Licence {
    /// Its short name, such as `apache-2.0`, or `other`.
    pub id: String,
    /// What it is called.
    pub name: Option<String>,
    /// Where it can be read.
    pub link: Option<String>,
}

/// Asks what the repository holds, and under which licence.
pub async fn info(client: &Client, hub: &Hub, repository: &Repository) -> Result<Info, Error> {
    repository.check()?;
    if hub.offline {
        let (id, revision) = (repository.id.clone(), repository.revision.clone());
        return Err(Error::Missing { id, revision, files: Vec::new(), cache: hub.cache.clone() });
    }
    let url = repository_url(hub, &["api", "models"], repository, &["revision", &repository.revision])?;
    let mut request = request(hub, &url);
    request.limits = DownloadLimits { bytes: LONGEST, ..DownloadLimits::default() };
    let (mut body, mut text) = (stream(client, &request), Vec::new());
    while let Some(piece) = body.next().await {
        text.extend_from_slice(&piece?.bytes);
    }
    let not_a_hub = |reason| Error::NotAHub { url: download::shown(&url), reason };
    let info = parse(&text).map_err(|error| not_a_hub(error.to_string()))?;
    if !is_commit(&info.commit) {
        return Err(not_a_hub("no commit in it".to_owned()));
    }
    info.files.iter().try_for_each(|name| check_name("file name", name))?;
    Ok(info)
}

fn parse(text: &[u8]) -> Result<Info, Corrupt> {
    let mut info = Info::default();
    let mut c = Cursor::new(text);
    if !c.object()? {
        return Ok(info);
    }
    while let Some(key) = c.key()? {
        match key {
            b"sha" => info.commit = owned(c.text()?)?.unwrap_or_default(),
            b"siblings" => info.files = files(&mut c)?,
            b"tags" => info.tags = texts(&mut c)?,
            b"gated" => info.gated = c.scalar()?.is_some_and(|gated| !gated.is("false")),
            b"cardData" => info.licence = licence(&mut c)?,
            _ => c.skip()?,
        }
    }
    c.finish()?;
    if info.licence.is_none() {
        let id = info.tags.iter().find_map(|tag| tag.strip_prefix("license:"));
        info.licence = id.map(|id| Licence { id: id.to_owned(), ..Licence::default() });
    }
    Ok(info)
}

fn files(c: &mut Cursor<'_>) -> Result<Vec<String>, Corrupt> {
    let mut names = Vec::new();
    if !c.array()? {
        return Ok(names);
    }
    while c.element()? {
        if !c.object()? {
            continue;
        }
        while let Some(key) = c.key()? {
            match key {
                b"rfilename" if names.len() < MOST => names.extend(owned(c.text()?)?),
                _ => c.skip()?,
            }
        }
    }
    Ok(names)
}

/// The licence on the card of a repository. Several are told in one.
fn licence(c: &mut Cursor<'_>) -> Result<Option<Licence>, Corrupt> {
    let (mut ids, mut name, mut link) = (Vec::new(), None, None);
    if !c.object()? {
        return Ok(None);
    }
    while let Some(key) = c.key()? {
        match key {
            b"license" => ids = texts(c)?,
            b"license_name" => name = owned(c.text()?)?,
            b"license_link" => link = owned(c.text()?)?,
            _ => c.skip()?,
        }
    }
    let id = ids.join(", ");
    Ok((!id.is_empty() || name.is_some()).then_some(Licence { id, name, link }))
}

/// A list of strings, or one string alone.
fn texts(c: &mut Cursor<'_>) -> Result<Vec<String>, Corrupt> {
    if c.kind() != crate::wire::v1::Kind::Array {
        return Ok(owned(c.text()?)?.into_iter().collect());
    }
    let mut all = Vec::new();
    c.array()?;
    while c.element()? {
        let text = owned(c.text()?)?;
        if all.len() < MOST {
            all.extend(text);
        }
    }
    Ok(all)
}

fn owned(text: Option<Text<'_>>) -> Result<Option<String>, Corrupt> {
    text.map(|text| text.decode().map(Cow::into_owned)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn licence_of(text: &str) -> Option<Licence> {
        parse(text.as_bytes()).unwrap().licence
    }

    #[test]
    fn a_description_is_read() {
        let text = r#"{"_id":"1","id":"a/b","sha":"abc","gated":"manual","tags":["x","license:mit"],
            "cardData":{"license":"other","license_name":"own","license_link":"LICENSE","language":["en"]},
            "siblings":[{"rfilename":"config.json","size":3},{"rfilename":"a/b.bin"},7]}"#;
        let info = parse(text.as_bytes()).unwrap();
        assert_eq!((info.commit.as_str(), info.gated), ("abc", true));
        assert_eq!(info.files, ["config.json", "a/b.bin"]);
        let licence = info.licence.unwrap();
        assert_eq!((licence.id.as_str(), licence.name.as_deref()), ("other", Some("own")));
    }

    #[test]
    fn a_licence_stands_on_the_card_or_among_the_tags() {
        let id = |text| licence_of(text).map(|licence| licence.id);
        assert_eq!(id(r#"{"tags":["license:mit"]}"#).as_deref(), Some("mit"));
        assert_eq!(id(r#"{"cardData":{"license":["mit","bsd"]},"tags":[]}"#).as_deref(), Some("mit, bsd"));
        assert_eq!(id(r#"{"cardData":null,"gated":false,"tags":null,"siblings":null}"#), None);
    }

    #[test]
    fn what_is_no_description_is_an_error_or_empty() {
        assert!(parse(b"<html>").is_err() && parse(b"{\"sha\":").is_err() && parse(b"").is_err());
        assert_eq!(parse(b"[1]"), Ok(Info::default()));
        assert_eq!(parse(br#"{"sha":7,"siblings":{"a":1},"cardData":[]}"#), Ok(Info::default()));
    }
}
