//! What is said of names that mean nothing, files that are not there, and models that cannot be run.

use super::*;
use typewright_runtime::error::ErrorKind;
use typewright_runtime::local::Device;

async fn failure(candle: &Candle, name: &str) -> (ErrorKind, String) {
    let error = candle.chat(name).user("x").send().await.unwrap_err();
    (error.kind(), told(&error))
}

#[tokio::test]
async fn a_name_that_means_nothing_is_told_so() {
    let candle = builder().build().unwrap();
    let (kind, text) = failure(&candle, "qwen3-0.7b").await;
    assert_eq!(kind, ErrorKind::NotFound);
    assert!(text.contains("did you mean `qwen3-0.6b`?") && text.contains("hub:OWNER/NAME:FILE"), "{text}");
    let (kind, text) = failure(&candle, "./not-there.gguf").await;
    assert_eq!(
        (kind, text.as_str()),
        (ErrorKind::NotFound, "candle: `./not-there.gguf` cannot answer: there is no ./not-there.gguf")
    );
    let (_, text) = failure(&candle, "~/models/x.gguf").await;
    assert!(text.contains("`~` is not expanded"), "{text}");
}

#[tokio::test]
async fn a_model_of_the_catalog_that_is_not_here_names_its_address_and_licence() {
    let folder = Folder::new("client");
    let hub = typewright_runtime::http::hub::Hub { cache: folder.path().join("cache"), ..Default::default() };
    let candle = builder().hub(hub.clone()).folder(folder.path().join("models")).build().unwrap();
    let (kind, text) = failure(&candle, "qwen3-0.6b").await;
    assert_eq!(kind, ErrorKind::NotFound);
    for part in [
        "https://huggingface.co/Qwen/Qwen3-0.6B-GGUF/resolve/main/Qwen3-0.6B-Q8_0.gguf",
        "under the licence apache-2.0",
        "TYPEWRIGHT_DOWNLOAD=1",
        "models",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let hub = typewright_runtime::http::hub::Hub { offline: true, ..hub };
    let candle = builder().hub(hub).downloads(true).build().unwrap();
    assert!(failure(&candle, "qwen3-0.6b").await.1.contains("it is offline"));
}

#[tokio::test]
async fn a_file_that_is_no_model_is_told_so_and_nothing_stays() {
    let folder = Folder::new("client");
    let path = folder.path().join("broken.gguf");
    fs::write(&path, b"GGUF\x03\0\0\0not much").unwrap();
    let candle = builder().build().unwrap();
    let (kind, text) = failure(&candle, path.to_str().unwrap()).await;
    assert_eq!(kind, ErrorKind::Other);
    assert!(text.contains("broken.gguf"), "{text}");
    assert!(candle.local().loaded().is_empty());
}

#[tokio::test]
async fn a_model_that_does_not_fit_is_refused_with_what_it_needs() {
    let folder = Folder::new("client");
    // A context as long as that takes more memory than most machines have.
    let mut huge = file().entry("tokenizer.chat_template", TEMPLATE).bytes();
    let key = b"llama.context_length";
    let at = huge.windows(key.len()).position(|window| window == key).unwrap() + key.len() + 4;
    huge[at..at + 4].copy_from_slice(&(1_u32 << 28).to_le_bytes());
    let path = folder.path().join("huge.gguf");
    fs::write(&path, huge).unwrap();
    let candle = builder().cache_bytes(1 << 60).build().unwrap();
    let need = candle.local().need(path.to_str().unwrap()).await.unwrap();
    if typewright_runtime::local::memory::available().is_some_and(|available| available < need.total()) {
        let (_, text) = failure(&candle, path.to_str().unwrap()).await;
        assert!(
            text.contains(&format!("the model needs {need}")) && text.contains("are available"),
            "{text}"
        );
    }
    assert!(need.cache >= 1 << 35, "{need}");
}

#[test]
fn a_device_that_nothing_was_built_for_is_refused() {
    for (device, feature) in [(Device::Cuda(0), "cuda"), (Device::Metal(0), "metal")] {
        let error = builder().device(device).build().unwrap_err();
        assert!(
            told(&error).contains(&format!("device: the feature `{feature}` is not built in")),
            "{error}"
        );
    }
    assert!(builder().device(Device::Tensors).build().is_ok());
}

#[tokio::test]
async fn what_there_is_is_listed() {
    let folder = Folder::new("client");
    write(&folder, "mine.gguf");
    fs::create_dir(folder.path().join("as-folder")).unwrap();
    fs::write(folder.path().join("as-folder/config.json"), "{}").unwrap();
    fs::write(folder.path().join("notes.txt"), "").unwrap();
    let candle = builder().folder(folder.path()).build().unwrap();
    let listed = candle.models().await.unwrap();
    let own: Vec<&str> = listed.iter().rev().take(2).map(|model| model.id.as_str()).collect();
    assert_eq!(own, ["mine", "as-folder"]);
    assert_eq!(listed.len(), typewright::candle::models::ALL.len() + 2);
    let reply = candle.chat("mine").user("x").max_tokens(2).send().await.unwrap();
    assert_eq!(reply.model.as_deref(), Some("mine"));
}
