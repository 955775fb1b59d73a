//! Models that come and go: how many stay, who goes first, what is never unloaded.

use super::*;
use typewright_runtime::error::ErrorKind;

fn names(candle: &Candle) -> Vec<String> {
    let name =
        |loaded: local::client::Loaded| loaded.path.file_stem().unwrap().to_string_lossy().into_owned();
    candle.local().loaded().into_iter().map(name).collect()
}

#[tokio::test]
async fn a_model_is_loaded_once_and_stays() {
    let folder = Folder::new("client");
    let path = write(&folder, "a.gguf");
    let candle = builder().build().unwrap();
    let other = candle.clone();
    let (one, two) =
        tokio::join!(call(&candle, &path).max_tokens(3).send(), call(&other, &path).max_tokens(3).send());
    assert_eq!(one.unwrap().text(), two.unwrap().text());
    let loaded = candle.local().loaded().remove(0);
    assert_eq!((loaded.statistics.completed, loaded.names.len()), (2, 1));
    assert!(loaded.need.total() > 0 && loaded.licence.is_none());
}

#[tokio::test]
async fn the_one_that_was_idle_longest_makes_room() {
    let folder = Folder::new("client");
    let [a, b, c] = ["a.gguf", "b.gguf", "c.gguf"].map(|name| write(&folder, name));
    let candle = builder().keep(2).build().unwrap();
    for path in [&a, &b, &a, &c] {
        call(&candle, path).max_tokens(2).send().await.unwrap();
    }
    assert_eq!(names(&candle), ["c", "a"]);
}

#[tokio::test]
async fn a_model_that_answers_is_not_unloaded_for_another() {
    let folder = Folder::new("client");
    let [a, b] = ["a.gguf", "b.gguf"].map(|name| write(&folder, name));
    let candle = builder().keep(1).build().unwrap();
    let mut stream = call(&candle, &a).max_tokens(20).stream().await.unwrap();
    let error = call(&candle, &b).max_tokens(2).send().await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Overloaded, true));
    assert!(
        told(&error).contains("1 models may be loaded, and all of them are answering"),
        "{}",
        told(&error)
    );
    assert!(matches!(events(&mut stream).await.last(), Some(ChatEvent::Finish(_))));
    drop(stream);
    call(&candle, &b).max_tokens(2).send().await.unwrap();
    assert_eq!(names(&candle), ["b"]);
}

#[tokio::test]
async fn a_model_can_be_loaded_ahead_and_unloaded() {
    let folder = Folder::new("client");
    let path = write(&folder, "a.gguf");
    let name = path.to_str().unwrap();
    let candle = builder().build().unwrap();
    candle.local().load(name).await.unwrap();
    assert_eq!(names(&candle), ["a"]);
    assert!(candle.local().unload(name).await.unwrap());
    assert!(!candle.local().unload(name).await.unwrap());
    assert!(names(&candle).is_empty());
    // One that answers is off the shelf, and says all the same what it was asked for.
    let mut stream = call(&candle, &path).max_tokens(30).stream().await.unwrap();
    assert!(candle.local().unload(name).await.unwrap());
    assert!(matches!(events(&mut stream).await.last(), Some(ChatEvent::Finish(_))));
    assert!(call(&candle, &path).max_tokens(2).send().await.is_ok());
}
