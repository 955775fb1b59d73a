//! Files of a repository, from the cache or from the hub into it.

use reqwest::header::{CONTENT_LENGTH, ETAG, HeaderMap};
use reqwest::{Method, StatusCode, Url};

use super::error::Error;
use super::layout::{Folders, Repository, Snapshot, check_etag, check_name, is_commit};
use super::settings::Hub;
use crate::http::Answer;
use crate::http::download::{
    Client, Expected, Follow, Progress, Request, Target, address, blocking, save, shown,
};

/// What a hub says of a file before it is downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    commit: String,
    etag: String,
    size: Option<u64>,
}

/// Brings `files` of a repository into the cache, but for those that are there, and tells `progress` about each.
///
/// The first file says which commit the revision is; the others are taken of that commit, so that they fit together.
pub async fn fetch(
    client: &Client,
    hub: &Hub,
    repository: &Repository,
    files: &[&str],
    mut progress: impl FnMut(&str, &Progress) + Send,
) -> Result<Snapshot, Error> {
    if hub.offline {
        return cached(hub, repository, files);
    }
    let folders = Folders::of(&hub.cache, repository)?;
    files.iter().try_for_each(|file| check_name("file name", file))?;
    let mut pinned = repository.clone();
    for file in files {
        if is_commit(&pinned.revision) && folders.snapshot(&pinned.revision).join(file).exists() {
            continue;
        }
        let head = ask(client, hub, &pinned, file).await?;
        pinned.revision.clone_from(&head.commit);
        if !folders.blob(&head.etag).exists() {
            let (request, target) = (blob_request(hub, &pinned, file, &head)?, target(&folders, &head));
            save(client, &request, &target, |told| progress(file, told)).await?;
        }
        let (folders, file, revision) = (folders.clone(), (*file).to_owned(), repository.revision.clone());
        blocking(move || Ok(folders.add(&revision, &head.commit, &file, &head.etag))).await??;
    }
    Ok(snapshot(&folders, pinned.revision, files))
}

/// The files of a repository that are in the cache already; nobody is asked for anything.
pub fn cached(hub: &Hub, repository: &Repository, files: &[&str]) -> Result<Snapshot, Error> {
    let folders = Folders::of(&hub.cache, repository)?;
    files.iter().try_for_each(|file| check_name("file name", file))?;
    let missing = |files: Vec<String>| {
        let (id, revision) = (repository.id.clone(), repository.revision.clone());
        Error::Missing { id, revision, files, cache: hub.cache.clone() }
    };
    let all = || files.iter().map(|file| (*file).to_owned());
    let commit = folders.commit(&repository.revision).ok_or_else(|| missing(all().collect()))?;
    let folder = folders.snapshot(&commit);
    let absent: Vec<String> = all().filter(|file| !folder.join(file).exists()).collect();
    if absent.is_empty() { Ok(snapshot(&folders, commit, files)) } else { Err(missing(absent)) }
}

fn snapshot(folders: &Folders, commit: String, files: &[&str]) -> Snapshot {
    let folder = folders.snapshot(&commit);
    let files = files.iter().map(|file| folder.join(file)).collect();
    Snapshot { commit, folder, files }
}

/// Asks what a file is, without its content.
async fn ask(client: &Client, hub: &Hub, repository: &Repository, file: &str) -> Result<Head, Error> {
    let url = file_url(hub, repository, file)?;
    let request = request(hub, &url);
    let answer = head_of(client, &request).await?;
    let head = read(&answer.headers, answer.status);
    let head = head.map_err(|reason| Error::NotAHub { url: shown(&url), reason: reason.to_owned() })?;
    check_etag(&head.etag)?;
    if is_commit(&head.commit) { Ok(head) } else { Err(Error::name("commit", &head.commit)) }
}

async fn head_of(client: &Client, request: &Request) -> Result<Answer, Error> {
    let (mut made, deadline, extra) = (0, client.deadline(), HeaderMap::new());
    loop {
        let sent = client.send(request, Method::HEAD, &extra, Follow::Within, deadline);
        let error = match sent.await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let wait = request.retry.wait(made, error.retry_after(), deadline);
        let Some(wait) = wait.filter(|_| error.is_retryable()) else { return Err(error.into()) };
        made += 1;
        tokio::time::sleep(wait).await;
    }
}

/// A large file is elsewhere; what it is called there is not what it is called here.
fn read(headers: &HeaderMap, status: StatusCode) -> Result<Head, &'static str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let commit = text("x-repo-commit").ok_or("no `X-Repo-Commit`")?.to_owned();
    let etag = text("x-linked-etag").or_else(|| text(ETAG.as_str())).ok_or("no `ETag`")?;
    let etag = etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"').to_owned();
    let own = text(CONTENT_LENGTH.as_str()).filter(|_| status == StatusCode::OK);
    let size = text("x-linked-size").or(own).and_then(|size| size.parse().ok());
    Ok(Head { commit, etag, size })
}

fn blob_request(hub: &Hub, repository: &Repository, file: &str, head: &Head) -> Result<Request, Error> {
    let url = file_url(hub, repository, file)?;
    let mut request = request(hub, &url);
    request.expected = Expected { size: head.size, sha256: sha256(&head.etag) };
    Ok(request)
}

fn target(folders: &Folders, head: &Head) -> Target {
    Target { lock: Some(folders.lock(&head.etag)), ..Target::new(folders.blob(&head.etag)) }
}

/// Large files are named by their SHA-256; small ones by another sum, which is shorter.
fn sha256(etag: &str) -> Option<[u8; 32]> {
    let mut sum = [0; 32];
    if etag.len() != 64 || !etag.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in sum.iter_mut().enumerate() {
        *byte = u8::from_str_radix(etag.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(sum)
}

/// A request to the hub, with its token.
pub(super) fn request(hub: &Hub, url: &Url) -> Request {
    Request { token: hub.token.clone(), ..Request::new(url.as_str()) }
}

fn file_url(hub: &Hub, repository: &Repository, file: &str) -> Result<Url, Error> {
    let parts: Vec<&str> = ["resolve", &repository.revision].into_iter().chain(file.split('/')).collect();
    repository_url(hub, &[], repository, &parts)
}

/// The address `ENDPOINT/BEFORE…/ID/AFTER…`, each part escaped as one.
pub(super) fn repository_url(
    hub: &Hub,
    before: &[&str],
    repository: &Repository,
    after: &[&str],
) -> Result<Url, Error> {
    let endpoint = hub.endpoint.as_deref().ok_or(Error::NoEndpoint)?;
    let mut url = address(endpoint)?;
    url.set_query(None);
    let parts = before.iter().copied().chain(repository.id.split('/')).chain(after.iter().copied());
    // An address of http has a path.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(parts);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn every_part_of_an_address_is_escaped() {
        let hub = Hub { endpoint: Some("https://hub.example/base/".to_owned()), ..Hub::default() };
        let repository = Repository::new("owner/name").at("refs/pr/1");
        let url = file_url(&hub, &repository, "a b/c?d#e%.txt").unwrap();
        let expected = "https://hub.example/base/owner/name/resolve/refs%2Fpr%2F1/a%20b/c%3Fd%23e%25.txt";
        assert_eq!(url.as_str(), expected);
        let none = Hub::default();
        assert!(matches!(file_url(&none, &repository, "x"), Err(Error::NoEndpoint)));
    }

    #[test]
    fn a_linked_file_is_described_by_its_own_headers() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            let pair = |(name, value): &(&'static str, &'static str)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            pairs.iter().map(pair).collect()
        };
        let linked = headers(&[
            ("x-repo-commit", "c"),
            ("x-linked-etag", "\"sum\""),
            ("x-linked-size", "9"),
            ("etag", "\"other\""),
            ("content-length", "7"),
        ]);
        let head = Head { commit: "c".into(), etag: "sum".into(), size: Some(9) };
        assert_eq!(read(&linked, StatusCode::FOUND), Ok(head));
        let small = headers(&[("x-repo-commit", "c"), ("etag", "W/\"t\""), ("content-length", "7")]);
        assert_eq!(
            read(&small, StatusCode::OK).map(|head| (head.etag, head.size)),
            Ok(("t".into(), Some(7)))
        );
        assert_eq!(read(&small, StatusCode::FOUND).map(|head| head.size), Ok(None));
        assert!(read(&headers(&[("etag", "\"t\"")]), StatusCode::OK).is_err());
    }

    #[test]
    fn only_long_tags_are_checksums() {
        assert_eq!(sha256(&"0f".repeat(32)), Some([15; 32]));
        assert_eq!(sha256(&"0f".repeat(20)), None);
        assert_eq!(sha256(&"+f".repeat(32)), None);
        assert_eq!(sha256(&"é".repeat(32)), None);
    }
}
