//! A process that downloads is killed at 50 random points, and another goes on: the file is whole every time.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use typewright_tests::files::{FileServer, Hosted, serve};

use super::{Folder, content, sum};

const POINTS: usize = 50;
const LENGTH: usize = 12 << 20;

fn start(server: &FileServer, folder: &Folder, parts: usize, sum: &str) -> Child {
    let file = folder.file();
    Command::new(env!("CARGO_BIN_EXE_fetch"))
        .args([
            &format!("{}/model.bin", server.url),
            file.to_str().unwrap(),
            &parts.to_string(),
            "262144",
            sum,
        ])
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills `child` once `bytes` of the body were sent and some of them are on the disk; whether it was still at work.
async fn kill_after(server: &FileServer, folder: &Folder, child: &mut Child, bytes: u64) -> bool {
    while server.sent() < bytes || written(folder) == 0 {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    running
}

async fn succeeds(child: &mut Child) {
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    };
    assert!(status.success(), "{status}");
}

/// How much of the file is there under the name of a part.
fn written(folder: &Folder) -> u64 {
    fs::metadata(folder.file().with_extension("bin.part")).map_or(0, |metadata| metadata.len())
}

#[tokio::test]
async fn a_download_that_is_killed_anywhere_is_gone_on_with_and_whole() {
    let seed = std::env::var("TYPEWRIGHT_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("TYPEWRIGHT_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let body = content(LENGTH, 30);
    let hex: String = sum(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    let (mut inside, mut resumed) = (0, 0);
    for point in 0..POINTS {
        let (folder, hosted, parts) = (Folder::new(), Hosted::new(body.clone(), "a"), 1 + point % 2 * 3);
        let server = serve(move |asked, _| hosted.answer(asked).pace(96 << 10, Duration::from_millis(1)));
        let server = server.await.unwrap();
        let mut child = start(&server, &folder, parts, &hex);
        // What comes after the last byte is sent counts as well: checking, and giving the file its name.
        let at = random.u64(0..=(LENGTH as u64) * 51 / 50);
        let running = kill_after(&server, &folder, &mut child, at.min(LENGTH as u64)).await;
        inside += usize::from(running && !folder.file().exists() && written(&folder) > 0);
        let before = server.asked().len();
        succeeds(&mut start(&server, &folder, parts, &hex)).await;
        assert!(fs::read(folder.file()).unwrap() == body, "point {point}: the content differs");
        assert_eq!(folder.names(), ["model.bin"], "point {point}");
        resumed += usize::from(server.ranges().get(before).is_some_and(|range| !range.is_empty()));
    }
    println!("{inside} of {POINTS} inside of the file, {resumed} gone on with");
    assert!(inside * 10 >= POINTS * 8, "only {inside} points were inside of the file");
    assert!(resumed * 10 >= POINTS * 7, "only {resumed} went on");
}
