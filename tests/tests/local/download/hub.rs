//! Repositories of models end to end: the cache folder as the usual tools lay it out, offline use, what a hub may not
//! say, and whom the token is shown to.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use typewright_runtime::http::download;
use typewright_runtime::http::hub::{Error, Hub, Repository, Snapshot, cached, fetch, info};
use typewright_tests::files::{FileServer, Hosted, Served, serve};
use typewright_tests::loopback::Asked;

use super::{Folder, client, content, sum};

const ONE: &str = "0123456789abcdef0123456789abcdef01234567";
const TWO: &str = "89abcdef0123456789abcdef0123456789abcdef";
const CONFIG_TAG: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A hub with one repository: a small file of its own and a large one that is elsewhere.
struct Repo {
    hub: FileServer,
    elsewhere: FileServer,
    weights: Bytes,
    tag: String,
    /// Whether there is a newer commit.
    moved: Arc<AtomicBool>,
}

async fn hosted() -> Repo {
    let weights = content(500_000, 40);
    let tag: String = sum(&weights).iter().map(|byte| format!("{byte:02x}")).collect();
    let stored = Hosted::new(weights.clone(), "of-another-kind");
    let elsewhere = serve(move |asked, _| stored.answer(asked)).await.unwrap();
    let (url, linked, length) = (format!("{}/signed?x=1", elsewhere.url), tag.clone(), weights.len());
    let moved = Arc::new(AtomicBool::new(false));
    let newer = Arc::clone(&moved);
    let hub = serve(move |asked, _| {
        let commit = if newer.load(Ordering::Relaxed) { TWO } else { ONE };
        answer(asked, commit, &url, &linked, length)
    });
    Repo { hub: hub.await.unwrap(), elsewhere, weights, tag, moved }
}

fn answer(asked: &Asked, commit: &str, url: &str, tag: &str, length: usize) -> Served {
    let path = asked.path.strip_prefix("/owner/tiny/resolve/");
    let Some((revision, file)) = path.and_then(|path| path.split_once('/')) else {
        return described(asked, commit);
    };
    let commit = if revision.len() == 40 { revision } else { commit };
    match file {
        "config.json" => {
            Hosted::new(format!("{{\"of\":\"{commit}\"}}"), &CONFIG_TAG.replace('a', &commit[..1]))
                .answer(asked)
                .with("x-repo-commit", commit)
        }
        "sub/weights.bin" => Served::new(302, "elsewhere")
            .with("location", url)
            .with("x-repo-commit", commit)
            .with("x-linked-etag", &format!("\"{tag}\""))
            .with("x-linked-size", &length.to_string()),
        _ => Served::new(404, "").with("x-error-message", "Entry not found"),
    }
}

fn described(asked: &Asked, commit: &str) -> Served {
    if asked.path != "/api/models/owner/tiny/revision/main" {
        return Served::new(404, "").with("x-error-message", "Repository not found");
    }
    let text = format!(
        r#"{{"id":"owner/tiny","sha":"{commit}","gated":false,"tags":["license:mit"],
        "cardData":{{"license":"mit"}},"siblings":[{{"rfilename":"config.json"}},{{"rfilename":"sub/weights.bin"}}]}}"#
    );
    Served::new(200, text).with("content-type", "application/json")
}

fn hub(server: &FileServer, folder: &Folder) -> Hub {
    Hub {
        endpoint: Some(server.url.clone()),
        cache: folder.0.clone(),
        token: Some("secret".into()),
        offline: false,
    }
}

const FILES: [&str; 2] = ["config.json", "sub/weights.bin"];

async fn all(hub: &Hub) -> Result<Snapshot, Error> {
    fetch(&client(), hub, &Repository::new("owner/tiny"), &FILES, |_, _| {}).await
}

#[tokio::test]
async fn files_lie_where_the_usual_tools_look_for_them() {
    let (folder, served) = (Folder::new(), hosted().await);
    let hub = hub(&served.hub, &folder);
    let snapshot = all(&hub).await.unwrap();
    let top = folder.0.join("models--owner--tiny");
    assert_eq!(snapshot.folder, top.join("snapshots").join(ONE));
    assert_eq!(fs::read_to_string(top.join("refs/main")).unwrap(), ONE);
    assert!(fs::read(top.join("blobs").join(&served.tag)).unwrap() == served.weights);
    assert!(fs::read(&snapshot.files[1]).unwrap() == served.weights);
    assert_eq!(fs::read_to_string(&snapshot.files[0]).unwrap(), format!("{{\"of\":\"{ONE}\"}}"));
    #[cfg(unix)]
    {
        let config = CONFIG_TAG.replace('a', "0");
        let links = [format!("../../blobs/{config}"), format!("../../../blobs/{}", served.tag)];
        for (file, link) in snapshot.files.iter().zip(&links) {
            assert_eq!(fs::read_link(file).unwrap(), Path::new(link));
        }
    }
    let names: Vec<_> = fs::read_dir(top.join("blobs")).unwrap().collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[tokio::test]
async fn what_is_there_is_not_downloaded_again_and_serves_offline() {
    let (folder, served) = (Folder::new(), hosted().await);
    let mut hub = hub(&served.hub, &folder);
    let repository = Repository::new("owner/tiny");
    let first = all(&hub).await.unwrap();
    let asked = served.hub.asked().len();
    assert_eq!(all(&hub).await.unwrap(), first);
    let again: Vec<_> = served.hub.asked()[asked..].iter().map(|asked| asked.method.clone()).collect();
    assert_eq!((again, served.elsewhere.asked().len()), (vec!["HEAD".to_owned()], 1));
    hub.offline = true;
    (hub.endpoint, hub.token) = (None, None);
    assert_eq!(all(&hub).await.unwrap(), first);
    assert_eq!(cached(&hub, &repository.clone().at(ONE), &FILES).unwrap(), first);
    let error = cached(&hub, &repository.clone(), &["config.json", "gone.txt"]).unwrap_err();
    assert!(matches!(&error, Error::Missing { files, .. } if files == &["gone.txt"]), "{error:?}");
    let error = cached(&hub, &repository.at("other"), &["config.json"]).unwrap_err().to_string();
    assert!(error.contains("owner/tiny at `other`: config.json"), "{error}");
}

#[tokio::test]
async fn a_newer_commit_shares_the_content_that_did_not_change() {
    let (folder, served) = (Folder::new(), hosted().await);
    let hub = hub(&served.hub, &folder);
    let old = all(&hub).await.unwrap();
    served.moved.store(true, Ordering::Relaxed);
    let new = all(&hub).await.unwrap();
    assert_eq!((old.commit.as_str(), new.commit.as_str()), (ONE, TWO));
    assert!(fs::read_to_string(&old.files[0]).unwrap().contains(ONE));
    assert!(fs::read_to_string(&new.files[0]).unwrap().contains(TWO));
    assert!(fs::read(&new.files[1]).unwrap() == served.weights);
    assert_eq!(served.elsewhere.asked().len(), 1);
    assert_eq!(fs::read_to_string(folder.0.join("models--owner--tiny/refs/main")).unwrap(), TWO);
}

#[tokio::test]
async fn the_token_is_shown_to_the_hub_alone() {
    let (folder, served) = (Folder::new(), hosted().await);
    all(&hub(&served.hub, &folder)).await.unwrap();
    assert!(served.hub.asked().iter().all(|asked| asked.header("authorization") == Some("Bearer secret")));
    assert_eq!(served.elsewhere.asked().len(), 1);
    assert_eq!(served.elsewhere.asked()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_repository_says_its_files_and_its_licence() {
    let (folder, served) = (Folder::new(), hosted().await);
    let mut hub = hub(&served.hub, &folder);
    let told = info(&client(), &hub, &Repository::new("owner/tiny")).await.unwrap();
    assert_eq!((told.commit.as_str(), told.gated), (ONE, false));
    assert_eq!((told.files, told.licence.unwrap().id), (FILES.map(str::to_owned).to_vec(), "mit".to_owned()));
    let error = info(&client(), &hub, &Repository::new("owner/other")).await.unwrap_err().to_string();
    assert!(error.ends_with("status 404: Repository not found"), "{error}");
    hub.offline = true;
    let error = info(&client(), &hub, &Repository::new("owner/tiny")).await.unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_that_is_not_in_the_repository_is_an_error_in_its_words() {
    let (folder, served) = (Folder::new(), hosted().await);
    let files = ["config.json", "gone.txt"];
    let hub = hub(&served.hub, &folder);
    let error = fetch(&client(), &hub, &Repository::new("owner/tiny"), &files, |_, _| {}).await.unwrap_err();
    assert!(matches!(&error, Error::Download(download::Error::Status { status: 404, .. })), "{error:?}");
    assert!(error.to_string().ends_with("gone.txt: status 404: Entry not found"), "{error}");
}

#[tokio::test]
async fn nothing_that_a_hub_says_leads_out_of_the_cache() {
    let right = |name: &'static str, value: &'static str| {
        move |_: &Asked, _: usize| {
            Hosted::new("{}", CONFIG_TAG)
                .answer(&Asked {
                    method: "GET".to_owned(),
                    path: String::new(),
                    headers: Vec::new(),
                    body: Vec::new(),
                })
                .with("x-repo-commit", ONE)
                .with(name, value)
        }
    };
    let evil = [
        ("etag", "\"../../evil\""),
        ("etag", "\"\""),
        ("etag", "\"..\""),
        ("x-linked-etag", "\"a/b\""),
        ("x-repo-commit", "../../evil"),
        ("x-repo-commit", ""),
        ("x-repo-commit", "main"),
    ];
    for (name, value) in evil {
        let (folder, server) = (Folder::new(), serve(right(name, value)).await.unwrap());
        let hub = hub(&server, &folder);
        let files = ["config.json"];
        let error =
            fetch(&client(), &hub, &Repository::new("owner/tiny"), &files, |_, _| {}).await.unwrap_err();
        assert!(matches!(error, Error::Name { .. }), "{name}: {value}: {error:?}");
        assert!(folder.names().is_empty(), "{:?}", folder.names());
    }
    let listing = format!(r#"{{"sha":"{ONE}","siblings":[{{"rfilename":"../../evil"}}]}}"#);
    let server = serve(move |_, _| Served::new(200, listing.clone())).await.unwrap();
    let folder = Folder::new();
    let error = info(&client(), &hub(&server, &folder), &Repository::new("owner/tiny")).await.unwrap_err();
    assert!(matches!(error, Error::Name { what: "file name", .. }), "{error:?}");
    for file in ["../evil", "/etc/passwd", "a/../../evil", "C:\\evil"] {
        let hub = hub(&server, &folder);
        let error =
            fetch(&client(), &hub, &Repository::new("owner/tiny"), &[file], |_, _| {}).await.unwrap_err();
        assert!(matches!(error, Error::Name { .. }), "{file}: {error:?}");
    }
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn content_that_is_not_what_its_name_says_is_refused() {
    let (folder, wrong) = (Folder::new(), Hosted::new("wrong", "x"));
    let server = serve(move |asked, _| {
        wrong
            .answer(asked)
            .with("x-repo-commit", ONE)
            .with("x-linked-etag", &format!("\"{}\"", "ab".repeat(32)))
    });
    let server = server.await.unwrap();
    let hub = hub(&server, &folder);
    let error = fetch(&client(), &hub, &Repository::new("owner/tiny"), &["w"], |_, _| {}).await.unwrap_err();
    assert!(matches!(error, Error::Download(download::Error::Checksum { .. })), "{error:?}");
    assert!(!folder.0.join("models--owner--tiny/snapshots").exists());
}
