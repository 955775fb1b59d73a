//! What servers do wrong, or differently: each is handled, or is an error that says what it was. Nothing is left under
//! the final name that is not what was asked for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use typewright_runtime::http::Clocks;
use typewright_runtime::http::download::{Client, Error, Parts, Request, Settings, save, stream};
use typewright_tests::files::{Hosted, Served, serve};

use super::{Folder, assert_whole, content, cut, get, once, request, sum};

/// The error of a download from a server that cuts the first answer and gives `second` from then on.
async fn after_a_cut(second: impl Fn(Served) -> Served + Send + Sync + 'static) -> (Folder, Error) {
    let (folder, hosted) = (Folder::new(), Hosted::new(content(100_000, 1), "a"));
    let server = serve(move |asked, before| {
        let served = hosted.answer(asked);
        if before == 0 { served.cut(40_000) } else { second(served) }
    })
    .await
    .unwrap();
    let error = get(&request(&server), &folder.target()).await.unwrap_err();
    (folder, error)
}

/// The error of a download whose only answer is `served`.
async fn of(served: Served, change: impl FnOnce(&mut Request)) -> Error {
    let folder = Folder::new();
    let server = serve(move |_, _| served.clone()).await.unwrap();
    let mut request = once(&server);
    change(&mut request);
    let error = get(&request, &folder.target()).await.unwrap_err();
    assert!(!folder.file().exists());
    error
}

#[tokio::test]
async fn a_range_that_was_not_asked_for_is_refused() {
    for range in [
        "bytes 0-99999/100000",
        "bytes 50000-99999/100000",
        "bytes 40000-99998/100000",
        "bytes x",
        "bytes */100000",
    ] {
        let (folder, error) = after_a_cut(move |served| served.with("content-range", range)).await;
        assert!(matches!(error, Error::Range { .. }), "{range}: {error:?}");
        assert!(!folder.file().exists());
    }
    let without = |mut served: Served| {
        served.headers.retain(|(name, _)| name != "content-range");
        served
    };
    let (_, error) = after_a_cut(without).await;
    assert!(matches!(error, Error::Range { .. }), "{error:?}");
    let more = |served: Served| Served { body: content(70_000, 9), length: None, ..served };
    let (_, error) = after_a_cut(more).await;
    assert!(matches!(error, Error::Range { .. }), "{error:?}");
    let asked_for_nothing = Served::new(206, "abc").with("content-range", "bytes 0-2/3");
    let error = of(asked_for_nothing, |_| {}).await;
    assert!(matches!(error, Error::Range { .. }), "{error:?}");
}

#[tokio::test]
async fn a_file_that_changed_is_downloaded_anew() {
    for careless in [false, true] {
        let (folder, new) = (Folder::new(), content(120_000, 3));
        let (one, two) = (Hosted::new(content(100_000, 2), "a"), Hosted::new(new.clone(), "b"));
        let server = serve(move |asked, before| match before {
            0 => one.answer(asked).cut(40_000),
            // A careless server looks at `Range` alone.
            1 if careless => {
                let mut asked = asked.clone();
                asked.headers.retain(|(name, _)| name != "if-range");
                two.answer(&asked)
            }
            _ => two.answer(asked),
        })
        .await
        .unwrap();
        let saved = get(&request(&server), &folder.target()).await.unwrap();
        assert_whole(&folder, &saved, &new);
        assert_eq!((saved.etag.as_deref(), saved.resumed), (Some("\"b\""), 0));
    }
}

#[tokio::test]
async fn a_file_that_changed_between_two_calls_is_downloaded_anew() {
    let (folder, new) = (Folder::new(), content(120_000, 3));
    let (one, two) = (Hosted::new(content(100_000, 2), "a"), Hosted::new(new.clone(), "b"));
    let server = serve(
        move |asked, before| if before == 0 { one.answer(asked).cut(40_000) } else { two.answer(asked) },
    );
    let server = server.await.unwrap();
    get(&once(&server), &folder.target()).await.unwrap_err();
    let saved = get(&request(&server), &folder.target()).await.unwrap();
    assert_whole(&folder, &saved, &new);
    assert_eq!(server.asked()[1].header("if-range"), Some("\"a\""));
}

#[tokio::test]
async fn a_file_that_changes_all_the_time_is_an_error() {
    let (folder, body) = (Folder::new(), content(50_000, 4));
    let server =
        serve(move |asked, before| Hosted::new(body.clone(), &before.to_string()).answer(asked).cut(20_000));
    let error = get(&request(&server.await.unwrap()), &folder.target()).await.unwrap_err();
    assert!(matches!(error, Error::Changed { .. }), "{error:?}");
    assert!(!folder.file().exists());
}

#[tokio::test]
async fn a_stream_of_a_file_that_changed_is_an_error() {
    let (one, two) = (Hosted::new(content(100_000, 2), "a"), Hosted::new(content(100_000, 3), "b"));
    let server = serve(
        move |asked, before| if before == 0 { one.answer(asked).cut(40_000) } else { two.answer(asked) },
    );
    let server = server.await.unwrap();
    let (mut read, mut last) = (stream(&super::client(), &request(&server)), None);
    while let Some(piece) = read.next().await {
        last = Some(piece.map(drop));
    }
    assert!(matches!(last, Some(Err(Error::Changed { .. }))), "{last:?}");
}

#[tokio::test]
async fn a_server_that_gives_the_whole_file_again_is_read_past_what_is_there() {
    let (folder, body) = (Folder::new(), content(300_000, 5));
    let hosted = Hosted { ranges: false, ..Hosted::new(body.clone(), "a") };
    let server = cut(hosted, 1, 100_000).await;
    let saved = get(&request(&server), &folder.target()).await.unwrap();
    assert_whole(&folder, &saved, &body);
    assert_eq!(server.ranges(), ["", "bytes=100000-299999"]);
}

#[tokio::test]
async fn a_server_may_give_less_than_it_is_asked_for() {
    let (folder, body) = (Folder::new(), content(100_000, 21));
    let hosted = Hosted::new(body.clone(), "a");
    let server = serve(move |asked, before| {
        let mut asked = asked.clone();
        let from =
            |range: &str| range.trim_start_matches("bytes=").split('-').next().unwrap().parse().unwrap();
        if let Some((_, range)) = asked.headers.iter_mut().find(|(name, _)| name == "range") {
            let from: usize = from(range);
            *range = format!("bytes={from}-{}", from + 24_999);
        }
        let served = hosted.answer(&asked);
        if before == 0 { served.cut(10_000) } else { served }
    })
    .await
    .unwrap();
    let saved = get(&request(&server), &folder.target()).await.unwrap();
    assert_whole(&folder, &saved, &body);
    let from: Vec<_> = server.ranges()[1..].iter().map(|range| range.replace("-99999", "")).collect();
    assert_eq!(from, ["bytes=10000", "bytes=35000", "bytes=60000", "bytes=85000"]);
}

#[tokio::test]
async fn a_server_that_does_not_keep_its_promise_of_ranges_is_asked_for_one() {
    let (folder, body) = (Folder::new(), content(5 << 20, 6));
    let (honest, plain) =
        (Hosted::new(body.clone(), "a"), Hosted { ranges: false, ..Hosted::new(body.clone(), "a") });
    let server =
        serve(move |asked, before| if before == 0 { honest.answer(asked) } else { plain.answer(asked) });
    let server = server.await.unwrap();
    let request = Request { parts: Parts::UpTo(4), ..request(&server) };
    let saved = get(&request, &folder.target()).await.unwrap();
    assert_whole(&folder, &saved, &body);
}

#[tokio::test]
async fn ranges_of_a_file_that_changed_are_not_mixed() {
    let (folder, new) = (Folder::new(), content(5 << 20, 8));
    let (one, two) = (Hosted::new(content(5 << 20, 7), "a"), Hosted::new(new.clone(), "b"));
    let server = serve(move |asked, before| if before < 3 { one.answer(asked) } else { two.answer(asked) });
    let server = server.await.unwrap();
    let request = Request { parts: Parts::UpTo(4), ..request(&server) };
    let saved = get(&request, &folder.target()).await.unwrap();
    assert_whole(&folder, &saved, &new);
}

#[tokio::test]
async fn a_weak_tag_is_never_used_to_go_on() {
    for etag in [Some("W/\"a\""), None] {
        let (folder, body) = (Folder::new(), content(100_000, 10));
        let hosted = Hosted { etag: etag.map(str::to_owned), ..Hosted::new(body.clone(), "") };
        let server = cut(hosted, 2, 40_000).await;
        get(&once(&server), &folder.target()).await.unwrap_err();
        assert!(folder.names().is_empty(), "nobody can go on with {:?}", folder.names());
        let saved = get(&request(&server), &folder.target()).await.unwrap();
        assert_whole(&folder, &saved, &body);
        let asked = server.asked();
        assert!(
            asked.iter().all(|asked| asked.header("range").or(asked.header("if-range")).is_none()),
            "{asked:?}"
        );
    }
}

#[tokio::test]
async fn a_settled_date_of_change_is_as_good_as_a_tag() {
    let (folder, body) = (Folder::new(), content(100_000, 11));
    let date = |minute: u8| format!("Sun, 06 Nov 1994 08:{minute}:37 GMT");
    let headers = vec![("last-modified", date(40)), ("date", date(49))];
    let hosted = Hosted { etag: None, headers, ..Hosted::new(body.clone(), "") };
    let server = cut(hosted, 1, 40_000).await;
    let saved = get(&request(&server), &folder.target()).await.unwrap();
    assert_whole(&folder, &saved, &body);
    assert_eq!(server.asked()[1].header("if-range"), Some(date(40).as_str()));
    assert_eq!(server.ranges()[1], "bytes=40000-99999");
}

#[tokio::test]
async fn a_busy_server_is_asked_again_when_it_says() {
    let (folder, body) = (Folder::new(), content(1_000, 12));
    let hosted = Hosted::new(body.clone(), "a");
    let server = serve(move |asked, before| match before {
        0 => Served::new(503, "busy"),
        1 => Served::new(429, "slow down").with("retry-after", "1"),
        _ => hosted.answer(asked),
    })
    .await
    .unwrap();
    let start = Instant::now();
    let saved = get(&request(&server), &folder.target()).await.unwrap();
    assert_whole(&folder, &saved, &body);
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_server_that_asks_for_too_long_a_wait_or_refuses_is_an_error() {
    let late = Served::new(429, "").with("retry-after", "3600");
    let error = of(late, |request| request.retry.max_retries = 5).await;
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)), "{error:?}");
    for status in [401, 403, 404, 410, 500, 503, 304, 204, 100 + 199] {
        let error = of(Served::new(status, if status == 204 { "" } else { "no\nsuch file" }), |_| {}).await;
        let text = error.to_string();
        assert!(text.contains(&format!("status {status}")) && !text.contains("hidden"), "{text}");
    }
    let error = of(Served::new(404, "no\nsuch file"), |_| {}).await.to_string();
    assert!(error.ends_with("/model.bin: status 404: no such file"), "{error}");
}

#[tokio::test]
async fn the_end_of_a_file_of_unknown_length_is_found_by_asking_beyond_it() {
    let (folder, body) = (Folder::new(), content(100_000, 13));
    let hosted = Hosted::new(body.clone(), "a");
    let server = serve(move |asked, before| {
        let served = hosted.answer(asked);
        if before == 0 { Served { length: None, ..served }.cut(100_000) } else { served }
    })
    .await
    .unwrap();
    let saved = get(&request(&server), &folder.target()).await.unwrap();
    assert_whole(&folder, &saved, &body);
    assert_eq!(server.ranges(), ["", "bytes=100000-"]);
}

#[tokio::test]
async fn a_file_that_shrank_is_downloaded_anew() {
    let (folder, new) = (Folder::new(), content(20_000, 14));
    let (one, two) = (Hosted::new(content(100_000, 2), "a"), Hosted::new(new.clone(), "a"));
    let server = serve(
        move |asked, before| if before == 0 { one.answer(asked).cut(40_000) } else { two.answer(asked) },
    );
    let saved = get(&request(&server.await.unwrap()), &folder.target()).await.unwrap();
    assert_whole(&folder, &saved, &new);
}

#[tokio::test]
async fn a_server_that_lies_about_the_length_is_found_out() {
    let (folder, hosted) = (Folder::new(), Hosted::new(content(50_000, 15), "a"));
    let server = serve(move |asked, _| match asked.header("range") {
        None => Served { length: Some(80_000), ..hosted.answer(asked) },
        Some(_) => hosted.answer(asked),
    });
    let server = server.await.unwrap();
    let error = get(&request(&server), &folder.target()).await.unwrap_err();
    assert!(matches!(error, Error::Changed { .. }), "{error:?}");
    assert!(!folder.file().exists() && server.asked().len() < 20);
    let short = Served { length: Some(10), ..Served::new(200, content(50, 1)) };
    let error = of(short, |request| request.expected.size = Some(50)).await;
    assert!(matches!(error, Error::Size { expected: 50, found: 10 }), "{error:?}");
}

#[tokio::test]
async fn an_encoded_file_is_refused() {
    for encoding in ["gzip", "br", "identity, gzip"] {
        let error = of(Served::new(200, "x").with("content-encoding", encoding), |_| {}).await;
        assert!(matches!(&error, Error::Encoded { encoding: found } if found == encoding), "{error:?}");
    }
    let (_, error) = after_a_cut(|served| served.with("content-encoding", "gzip")).await;
    assert!(matches!(error, Error::Encoded { .. }), "{error:?}");
}

#[tokio::test]
async fn limits_hold() {
    let page = Served::new(200, "<html>").with("content-type", "text/html; charset=utf-8");
    let only = |request: &mut Request| request.limits.content_types = vec!["application/*".to_owned()];
    let error = of(page, only).await;
    assert!(
        matches!(&error, Error::ContentType { found, .. } if found.starts_with("text/html")),
        "{error:?}"
    );
    let small = |request: &mut Request| request.limits.bytes = 1_000;
    let announced = of(Served::new(200, content(1_001, 1)), small).await;
    assert!(matches!(announced, Error::TooLarge { limit: 1_000 }), "{announced:?}");
    let chunked = Served { length: None, ..Served::new(200, content(5_000, 1)) };
    let error = of(chunked, small).await;
    assert!(matches!(error, Error::TooLarge { limit: 1_000 }), "{error:?}");
}

#[tokio::test]
async fn a_wrong_checksum_leaves_no_file() {
    let (folder, body) = (Folder::new(), content(10_000, 16));
    let hosted = Hosted::new(body.clone(), "a");
    let server = serve(move |asked, _| hosted.answer(asked)).await.unwrap();
    let mut request = request(&server);
    request.expected.sha256 = Some([7; 32]);
    let error = get(&request, &folder.target()).await.unwrap_err();
    let Error::Checksum { expected, found } = &error else { panic!("{error:?}") };
    assert_eq!(*expected, "07".repeat(32));
    let hex: String = sum(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((found, folder.names()), (&hex, Vec::new()));
}

#[tokio::test]
async fn a_redirect_gets_no_secrets_of_the_first_origin() {
    let (folder, body) = (Folder::new(), content(90_000, 17));
    let hosted = Hosted::new(body.clone(), "a");
    let other = cut(hosted, 1, 30_000).await;
    let elsewhere = format!("{}/elsewhere?signed=1", other.url);
    let first = serve(move |asked, _| match asked.path.as_str() {
        "/moved" => Served::new(307, "").with("location", &elsewhere),
        _ => Served::new(302, "").with("location", "/moved"),
    });
    let first = first.await.unwrap();
    let mut request = request(&first);
    request.token = Some("secret".into());
    request.headers.push(("x-key".to_owned(), "secret".into()));
    let saved = get(&request, &folder.target()).await.unwrap();
    assert_whole(&folder, &saved, &body);
    for asked in first.asked() {
        assert_eq!(
            (asked.header("authorization"), asked.header("x-key")),
            (Some("Bearer secret"), Some("secret"))
        );
    }
    assert_eq!(other.ranges(), ["", "bytes=30000-89999"]);
    assert!(!format!("{:?}", other.asked()).contains("secret"));
}

#[tokio::test]
async fn redirects_that_lead_nowhere_are_errors() {
    for location in [None, Some("/model.bin"), Some("ftp://x/y"), Some("http://"), Some("file:///etc/passwd")]
    {
        let served = Served::new(302, "");
        let served = location.map_or(served.clone(), |location| served.with("location", location));
        let error = of(served, |_| {}).await;
        assert!(matches!(&error, Error::Redirect { .. }), "{location:?}: {error:?}");
        assert!(!error.to_string().contains("hidden"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_stands_still_is_left_and_asked_again() {
    let (folder, body) = (Folder::new(), content(200_000, 18));
    let hosted = Hosted::new(body.clone(), "a");
    let server = serve(move |asked, before| {
        let served = hosted.answer(asked);
        if before == 0 { served.pace(50_000, Duration::from_secs(60)) } else { served }
    })
    .await
    .unwrap();
    let clocks = Clocks { idle: Duration::from_millis(150), ..Settings::default().clocks };
    let client = Client::new(Settings { clocks, no_proxy: true, ..Settings::default() }).unwrap();
    let saved = save(&client, &request(&server), &folder.target(), |_| {}).await.unwrap();
    assert_whole(&folder, &saved, &body);
    assert_eq!(server.ranges()[1], "bytes=50000-199999");
}

#[tokio::test]
async fn what_lies_on_the_disk_is_believed_only_if_it_can_be_true() {
    let body = content(300_000, 19);
    let damages: [fn(&Folder); 4] = [
        |folder| std::fs::write(folder.file().with_extension("bin.part.state"), b"\xff\0nonsense").unwrap(),
        |folder| std::fs::remove_file(folder.file().with_extension("bin.part.state")).unwrap(),
        |folder| std::fs::write(folder.file().with_extension("bin.part"), "short").unwrap(),
        |folder| std::fs::remove_file(folder.file().with_extension("bin.part")).unwrap(),
    ];
    for damage in damages {
        let (folder, hosted) = (Folder::new(), Hosted::new(body.clone(), "a"));
        let server = cut(hosted, 1, 200_000).await;
        get(&once(&server), &folder.target()).await.unwrap_err();
        damage(&folder);
        let saved = get(&request(&server), &folder.target()).await.unwrap();
        assert_whole(&folder, &saved, &body);
        assert_eq!((saved.resumed, server.ranges()[1].as_str()), (0, ""));
    }
}

/// Answers put together at random: nothing panics or hangs, and what is called whole is the file.
#[tokio::test]
async fn any_answers_end_in_the_file_or_in_an_error() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut whole = 0;
    for round in 0..150 {
        let (folder, body) = (Folder::new(), content(30_000, 20));
        let random = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed ^ round)));
        let (hosted, faults) = (Hosted::new(body.clone(), "a"), AtomicUsize::new(0));
        let server = serve(move |asked, _| {
            let mut random = random.lock().unwrap();
            let right = hosted.answer(asked);
            if faults.fetch_add(1, Ordering::Relaxed) > 4 { right } else { distorted(right, &mut random) }
        })
        .await
        .unwrap();
        let mut request = request(&server);
        request.retry.retry_after_cap = Duration::ZERO;
        request.expected.sha256 = Some(sum(&body));
        let done = tokio::time::timeout(Duration::from_secs(20), get(&request, &folder.target())).await;
        match done.expect("it hangs") {
            Ok(saved) => {
                whole += 1;
                assert_whole(&folder, &saved, &body);
            }
            Err(_) => assert!(!folder.file().exists()),
        }
    }
    assert!(whole > 10, "{whole}");
}

fn distorted(served: Served, random: &mut fastrand::Rng) -> Served {
    let number = random.u64(0..40_000);
    match random.u8(0..12) {
        0 => served.cut(usize::try_from(number).unwrap()),
        1 => Served { status: *random.choice(&[200, 206, 302, 416, 429, 500, 503]).unwrap(), ..served },
        2 => served.with("content-range", &format!("bytes {number}-29999/30000")),
        3 => served.with("content-range", &format!("bytes 0-{number}/{}", random.u64(0..40_000))),
        4 => served.with("etag", random.choice(&["\"b\"", "W/\"a\"", "\"", "\u{7f}"]).unwrap()),
        5 => Served { length: Some(number), ..served },
        6 => Served { length: None, ..served },
        7 => Served { body: Bytes::new(), ..served },
        8 => served.with("retry-after", random.choice(&["0", "-1", "1e300", "x"]).unwrap()),
        9 => {
            served.with("location", random.choice(&["", "//", "/model.bin", "http://127.0.0.1:1/"]).unwrap())
        }
        _ => served,
    }
}
