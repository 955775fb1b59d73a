//! Downloads end to end, from a server on the loopback address that does what it should: whole files, streams, ranges
//! side by side, locks, and what a second call finds. What servers do wrong is in `faults`.

mod faults;
mod hub;
mod killed;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use typewright_runtime::http::RetryPolicy;
use typewright_runtime::http::download::{
    Client, Error, Existing, Parts, Progress, Request, Saved, Settings, Target, save, stream,
};
use typewright_tests::files::{FileServer, Hosted, serve};

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("typewright-download-{}-{number}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("model.bin")
    }

    /// A target whose state is written after every 64 KiB.
    fn target(&self) -> Target {
        Target { checkpoint: 64 << 10, ..Target::new(self.file()) }
    }

    fn names(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<_> = fs::read_dir(&self.0).unwrap().map(name).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn content(bytes: usize, seed: u64) -> Bytes {
    let mut content = vec![0; bytes];
    fastrand::Rng::with_seed(seed).fill(&mut content);
    content.into()
}

fn sum(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn client() -> Client {
    Client::new(Settings { no_proxy: true, ..Settings::default() }).unwrap()
}

/// A request whose retries do not wait.
fn request(server: &FileServer) -> Request {
    let mut request = Request::new(format!("{}/model.bin?key=hidden", server.url));
    request.retry.base = Duration::from_millis(1);
    request
}

/// The same without retries.
fn once(server: &FileServer) -> Request {
    Request { retry: RetryPolicy::NEVER, ..request(server) }
}

/// A server of `hosted` whose first `times` answers are cut after so many bytes.
async fn cut(hosted: Hosted, times: usize, bytes: usize) -> FileServer {
    let answers = serve(move |asked, before| {
        let served = hosted.answer(asked);
        if before < times { served.cut(bytes) } else { served }
    });
    answers.await.unwrap()
}

async fn get(request: &Request, target: &Target) -> Result<Saved, Error> {
    save(&client(), request, target, |_| {}).await
}

/// That the file is there as a whole, and nothing beside it.
fn assert_whole(folder: &Folder, saved: &Saved, body: &[u8]) {
    assert!(fs::read(folder.file()).unwrap() == body, "the content differs");
    assert_eq!((saved.bytes, saved.sha256), (body.len() as u64, Some(sum(body))));
    assert_eq!(folder.names(), ["model.bin"]);
}

#[tokio::test]
async fn a_file_is_downloaded_and_progress_is_told() {
    let (folder, body) = (Folder::new(), content(700_000, 1));
    let hosted = Hosted::new(body.clone(), "a");
    let server =
        serve(move |asked, _| hosted.answer(asked).pace(50_000, Duration::from_millis(15))).await.unwrap();
    let mut told: Vec<Progress> = Vec::new();
    let request = request(&server);
    let (client, target) = (client(), folder.target());
    let saving = save(&client, &request, &target, |progress| told.push(*progress));
    // So that it can go to a task of its own.
    fn sent<T: Send>(future: T) -> T {
        future
    }
    let saved = sent(saving).await.unwrap();
    assert_whole(&folder, &saved, &body);
    assert_eq!((saved.etag.as_deref(), saved.resumed), (Some("\"a\""), 0));
    assert!(told.len() >= 3 && told.is_sorted_by_key(|progress| progress.received), "{told:?}");
    assert!(told.iter().all(|progress| progress.total == Some(700_000)), "{told:?}");
    assert_eq!((told[0].received, told[told.len() - 1].received), (0, 700_000));
    assert!(told.iter().any(|progress| progress.rate > 0.0 && progress.eta.is_some()), "{told:?}");
    let asked = &server.asked()[0];
    assert_eq!((asked.header("accept-encoding"), asked.header("range")), (Some("identity"), None));
}

#[tokio::test]
async fn an_empty_file_and_one_of_unknown_length_are_files() {
    for (body, chunked) in [(Bytes::new(), false), (Bytes::new(), true), (content(100_000, 2), true)] {
        let folder = Folder::new();
        let mut served = Hosted::new(body.clone(), "a").answer(&typewright_tests::loopback::Asked {
            method: "GET".to_owned(),
            path: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
        });
        if chunked {
            served.length = None;
        }
        let server = serve(move |_, _| served.clone()).await.unwrap();
        let saved = get(&request(&server), &folder.target()).await.unwrap();
        assert_whole(&folder, &saved, &body);
    }
}

#[tokio::test]
async fn a_broken_connection_is_made_anew_and_goes_on_where_it_ended() {
    let (folder, body) = (Folder::new(), content(900_000, 3));
    let hosted = Hosted::new(body.clone(), "a");
    let server = cut(hosted, 4, 150_000).await;
    let saved = get(&request(&server), &folder.target()).await.unwrap();
    assert_whole(&folder, &saved, &body);
    let expected =
        ["", "bytes=150000-899999", "bytes=300000-899999", "bytes=450000-899999", "bytes=600000-899999"];
    assert_eq!(server.ranges(), expected);
    assert_eq!(server.sent(), 900_000);
    assert!(server.asked()[1..].iter().all(|asked| asked.header("if-range") == Some("\"a\"")));
}

#[tokio::test]
async fn a_later_call_goes_on_where_an_earlier_one_failed() {
    let (folder, body) = (Folder::new(), content(500_000, 4));
    let hosted = Hosted::new(body.clone(), "a");
    let server = cut(hosted, 1, 200_000).await;
    let error = get(&once(&server), &folder.target()).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    assert_eq!(folder.names(), ["model.bin.part", "model.bin.part.state"]);
    let state = fs::read_to_string(folder.file().with_extension("bin.part.state")).unwrap();
    assert!(state.contains("range 0 500000 200000") && !state.contains("hidden"), "{state}");
    let saved = get(&once(&server), &folder.target()).await.unwrap();
    assert_whole(&folder, &saved, &body);
    assert_eq!(
        (saved.resumed, server.ranges()),
        (200_000, vec![String::new(), "bytes=200000-499999".to_owned()])
    );
}

#[tokio::test]
async fn a_download_that_is_dropped_is_gone_on_with() {
    let (folder, body) = (Folder::new(), content(1_000_000, 5));
    let hosted = Hosted::new(body.clone(), "a");
    let server = serve(move |asked, before| {
        let served = hosted.answer(asked);
        if before == 0 { served.pace(50_000, Duration::from_millis(20)) } else { served }
    })
    .await
    .unwrap();
    let (request, target) = (request(&server), folder.target());
    let dropped = tokio::time::timeout(Duration::from_millis(250), get(&request, &target)).await;
    assert!(dropped.is_err(), "{dropped:?}");
    let saved = get(&request, &target).await.unwrap();
    assert_whole(&folder, &saved, &body);
    assert!(saved.resumed > 0 && saved.resumed < 1_000_000, "{}", saved.resumed);
}

#[tokio::test]
async fn a_large_file_is_fetched_in_several_ranges() {
    let (folder, body) = (Folder::new(), content(10 << 20, 6));
    let hosted = Hosted::new(body.clone(), "a");
    let server = serve(move |asked, before| {
        let served = hosted.answer(asked).pace(256 << 10, Duration::from_millis(1));
        if before % 3 == 1 { served.cut(300_000) } else { served }
    })
    .await
    .unwrap();
    let request = Request { parts: Parts::UpTo(4), ..request(&server) };
    let saved = get(&request, &folder.target()).await.unwrap();
    assert_whole(&folder, &saved, &body);
    let ranges = server.ranges();
    assert!(ranges.iter().any(|range| range == "bytes=1048576-2097151"), "{ranges:?}");
    assert!(ranges.len() > 10 && ranges.iter().skip(1).all(|range| !range.is_empty()), "{ranges:?}");
}

#[tokio::test]
async fn ranges_that_were_there_are_not_fetched_again() {
    let (folder, body) = (Folder::new(), content(6 << 20, 7));
    let hosted = Hosted::new(body.clone(), "a");
    let server = serve(move |asked, before| {
        let served = hosted.answer(asked).pace(128 << 10, Duration::from_millis(1));
        if before == 4 { served.cut(500_000) } else { served }
    })
    .await
    .unwrap();
    let request = Request { parts: Parts::UpTo(2), ..once(&server) };
    get(&request, &folder.target()).await.unwrap_err();
    let saved = get(&request, &folder.target()).await.unwrap();
    assert_whole(&folder, &saved, &body);
    assert!(saved.resumed > 3 << 20, "{}", saved.resumed);
}

#[tokio::test]
async fn one_range_is_fetched_where_the_server_promises_none() {
    for (etag, ranges) in [(Some("\"a\""), false), (Some("W/\"a\""), true), (None, true)] {
        let (folder, body) = (Folder::new(), content(5 << 20, 8));
        let hosted = Hosted { etag: etag.map(str::to_owned), ranges, ..Hosted::new(body.clone(), "") };
        let server = serve(move |asked, _| hosted.answer(asked)).await.unwrap();
        let request = Request { parts: Parts::UpTo(4), ..request(&server) };
        let saved = get(&request, &folder.target()).await.unwrap();
        assert_whole(&folder, &saved, &body);
        assert_eq!(server.ranges(), [""], "{etag:?}");
    }
}

#[tokio::test]
async fn two_downloads_of_one_file_are_one() {
    let (folder, body) = (Folder::new(), content(400_000, 9));
    let hosted = Hosted::new(body.clone(), "a");
    let server =
        serve(move |asked, _| hosted.answer(asked).pace(40_000, Duration::from_millis(20))).await.unwrap();
    let (request, target) = (request(&server), folder.target());
    let impatient = Target { lock_wait: Duration::ZERO, ..folder.target() };
    let (first, second, third) = tokio::join!(get(&request, &target), get(&request, &target), async {
        tokio::time::sleep(Duration::from_millis(60)).await;
        get(&request, &impatient).await
    });
    let (first, second) = (first.unwrap(), second.unwrap());
    let (one, other) = if first.resumed == 0 { (first, second) } else { (second, first) };
    assert_whole(&folder, &one, &body);
    assert_eq!((other.resumed, other.sha256), (400_000, None));
    assert!(matches!(third, Err(Error::Locked { .. })), "{third:?}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_file_that_is_there_is_kept_if_it_is_the_one() {
    let (folder, body) = (Folder::new(), content(10_000, 10));
    let hosted = Hosted::new(body.clone(), "a");
    let server = serve(move |asked, _| hosted.answer(asked)).await.unwrap();
    let mut request = request(&server);
    fs::write(folder.file(), "old").unwrap();
    let kept = get(&request, &folder.target()).await.unwrap();
    assert_eq!((kept.bytes, kept.resumed, server.asked().len()), (3, 3, 0));
    request.expected.sha256 = Some(sum(&body));
    let saved = get(&request, &folder.target()).await.unwrap();
    assert_whole(&folder, &saved, &body);
    assert_eq!(get(&request, &folder.target()).await.unwrap().resumed, 10_000);
    assert_eq!(server.asked().len(), 1);
    let target = Target { existing: Existing::Replace, ..folder.target() };
    assert_eq!(get(&request, &target).await.unwrap().resumed, 0);
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_stream_gives_the_bytes_in_order_over_broken_connections() {
    let body = content(600_000, 11);
    let hosted = Hosted::new(body.clone(), "a");
    let server = cut(hosted, 3, 100_000).await;
    let mut request = request(&server);
    request.expected.sha256 = Some(sum(&body));
    let (mut read, mut bytes) = (stream(&client(), &request), Vec::new());
    while let Some(piece) = read.next().await {
        let piece = piece.unwrap();
        bytes.extend_from_slice(&piece.bytes);
        assert_eq!((piece.progress.received, piece.progress.total), (bytes.len() as u64, Some(600_000)));
    }
    assert!(bytes == body && server.asked().len() == 4);
    request.expected.sha256 = Some([0; 32]);
    let (mut read, mut last) = (stream(&client(), &request), None);
    while let Some(piece) = read.next().await {
        last = Some(piece.map(drop));
    }
    assert!(matches!(last, Some(Err(Error::Checksum { .. }))), "{last:?}");
}

#[tokio::test]
async fn what_the_disk_refuses_is_said_with_its_place() {
    let hosted = Hosted::new(content(3_000_000, 12), "a");
    let server = serve(move |asked, _| hosted.answer(asked)).await.unwrap();
    let folder = Folder::new();
    fs::write(folder.0.join("file"), "").unwrap();
    let below = Target::new(folder.0.join("file/model.bin"));
    let error = get(&request(&server), &below).await.unwrap_err();
    assert!(matches!(&error, Error::File { path, .. } if path.ends_with("file")), "{error:?}");
}
