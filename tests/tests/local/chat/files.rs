//! A model of several files: weights, configuration, tokenizer and template beside each other.

use std::fs;

use serde_json::{Map, Value, json};
use typewright_runtime::chat::FinishReason;
use typewright_runtime::local::chat::LocalModel;

use super::answered;
use super::model::{config, request};
use crate::architectures::container;
use crate::architectures::reference::Reference;
use crate::files::Folder;

/// Letters of a small vocabulary, and a control token after them.
fn tokenizer() -> Value {
    let mut vocabulary = Map::new();
    (33..127_u8)
        .zip(0..)
        .for_each(|(byte, id)| drop(vocabulary.insert(char::from(byte).to_string(), json!(id))));
    vocabulary.insert("Ġ".to_owned(), json!(94));
    vocabulary.insert("<end>".to_owned(), json!(95));
    let level =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
        "pre_tokenizer": level, "decoder": level,
        "added_tokens": [{"id": 95, "content": "<end>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true}],
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "vocab": vocabulary, "merges": []},
    })
}

#[test]
fn a_folder_is_a_model() {
    let folder = Folder::new("chat-folder");
    let path = folder.path();
    container::safetensors(&Reference::read("llama"), path);
    let error = LocalModel::load(path, &config()).unwrap_err().to_string();
    assert!(error.contains("tokenizer.json"), "{error}");
    fs::write(path.join("tokenizer.json"), tokenizer().to_string()).unwrap();
    let error = LocalModel::load(path, &config()).unwrap_err().to_string();
    assert!(error.contains("no chat template"), "{error}");
    let template = json!({"eos_token": "<end>", "chat_template": "{{ messages[0].content }}{{ eos_token }}"});
    fs::write(path.join("tokenizer_config.json"), template.to_string()).unwrap();
    fs::write(path.join("generation_config.json"), json!({"eos_token_id": [7, 95]}).to_string()).unwrap();
    let mut model = LocalModel::load(path, &config()).unwrap();
    assert_eq!(model.prompt(&request("Hi")).unwrap(), "Hi<end>");
    for end in ["7", "95"] {
        let mut asked = request("Hi");
        asked.logit_bias = vec![(end.to_owned(), 1000.0)];
        let (answer, _) = answered(&mut model, &asked);
        assert_eq!(answer.response.finish, Some(FinishReason::Stop));
        assert_eq!(answer.response.usage.unwrap().total, Some(4));
    }
    // Rows without a token, and the ends: what is left is text.
    let mut asked = request("Hi");
    asked.logit_bias = [2, 7, 95].map(|id: u32| (id.to_string(), -1000.0)).into();
    let (answer, _) = answered(&mut model, &asked);
    assert_eq!(answer.response.text().len(), 40, "{:?}", answer.response);
    fs::write(path.join("chat_template.jinja"), "{{ messages[0].content }}!").unwrap();
    let model = LocalModel::load(path, &config()).unwrap();
    assert_eq!(model.prompt(&request("Hi")).unwrap(), "Hi!");
}
