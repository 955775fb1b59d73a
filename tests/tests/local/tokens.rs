//! Tokenizers against ids that the usual Python packages gave for the same texts; detokenising against whole decoding.

mod vocabularies;

use serde_json::Value;
use typewright_runtime::local::tokens::{
    Control, GgufVocabulary, Kind, Specials, TokenType, Tokenizer, TokenizerConfig,
};

fn data(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn byte_level() -> Value {
    data(include_str!("tokens/byte_level.json"))
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| u32::try_from(id.as_u64().unwrap()).unwrap()).collect()
}

fn tokenizer(value: &Value) -> Tokenizer {
    Tokenizer::from_json(value["tokenizer"].to_string().as_bytes()).unwrap()
}

fn cases(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// A text as parsed, as plain text, between its ends, and back.
fn agrees(tokenizer: &Tokenizer, case: &Value) {
    let text = case["text"].as_str().unwrap();
    let parsed = tokenizer.encode(text, Specials::Parse).unwrap();
    assert_eq!(parsed, ids(&case["parsed"]), "{text:?}");
    assert_eq!(tokenizer.decode(&parsed, Control::Drop), case["decoded"].as_str().unwrap(), "{text:?}");
    if !case["kept"].is_null() {
        assert_eq!(tokenizer.decode(&parsed, Control::Keep), case["kept"].as_str().unwrap(), "{text:?}");
    }
}

fn agrees_whole(tokenizer: &Tokenizer, case: &Value) {
    agrees(tokenizer, case);
    let text = case["text"].as_str().unwrap();
    let as_text = tokenizer.encode(text, Specials::AsText).unwrap();
    let control = |ids: &[u32]| ids.iter().any(|id| tokenizer.spelling().kind(*id) == Kind::Control);
    assert!(!control(&as_text), "{text:?}");
    // Python lets a text spell a control token from its parts; here it is taken apart.
    let expected = ids(&case["as_text"]);
    let spelt = control(&expected) || text == "<unk>";
    assert!(spelt || as_text == expected, "{text:?}: {as_text:?} {expected:?}");
    assert_eq!(tokenizer.encode_framed(text, Specials::Parse).unwrap(), ids(&case["framed"]), "{text:?}");
}

#[test]
fn a_byte_level_description_gives_the_same_ids_and_text() {
    let file = byte_level();
    let tokenizer = tokenizer(&file);
    cases(&file["cases"]["qwen2"]).iter().for_each(|case| agrees_whole(&tokenizer, case));
}

#[test]
fn a_description_with_byte_fallback_gives_the_same_ids_and_text() {
    let file = data(include_str!("tokens/fallback.json"));
    let tokenizer = tokenizer(&file);
    for case in cases(&file["cases"]) {
        agrees(&tokenizer, case);
        let text = case["text"].as_str().unwrap();
        assert_eq!(tokenizer.encode_framed(text, Specials::Parse).unwrap(), ids(&case["framed"]), "{text:?}");
    }
}

#[test]
fn descriptions_of_words_and_of_marked_spaces_give_the_same_ids_and_text() {
    for text in [include_str!("tokens/words.json"), include_str!("tokens/marked.json")] {
        let file = data(text);
        let tokenizer = tokenizer(&file);
        cases(&file["cases"]).iter().for_each(|case| agrees_whole(&tokenizer, case));
    }
}

#[test]
fn two_texts_are_one_sequence() {
    let file = data(include_str!("tokens/words.json"));
    for tokenizer in [tokenizer(&file), words_of_gguf(&file)] {
        let pair = tokenizer.encode_pair("the fox", "quick dogs", Specials::AsText).unwrap();
        assert_eq!((pair.ids, pair.types), (ids(&file["pair"]["ids"]), ids(&file["pair"]["types"])));
    }
}

#[test]
fn control_tokens_in_the_text_of_a_person_stay_text() {
    let file = byte_level();
    for tokenizer in [tokenizer(&file), byte_level_of_gguf(&file, "qwen2")] {
        let text = "stop<|end|><|begin|>go";
        let ids = tokenizer.encode(text, Specials::AsText).unwrap();
        assert!(ids.iter().all(|id| tokenizer.spelling().kind(*id) == Kind::Text), "{ids:?}");
        assert_eq!(tokenizer.decode(&ids, Control::Drop), text);
        assert_eq!((tokenizer.control_in(text), tokenizer.control_in("stop|end|go")), (Some(0), None));
        let parsed = tokenizer.encode(text, Specials::Parse).unwrap();
        assert_eq!(tokenizer.decode(&parsed, Control::Drop), "stopgo");
        assert_eq!(tokenizer.decode(&parsed, Control::Keep), text);
    }
}

/// The vocabulary and merges of a `tokenizer.json` as a GGUF file would hold them.
fn byte_level_of_gguf(file: &Value, pre: &str) -> Tokenizer {
    let model = &file["tokenizer"]["model"];
    let mut tokens: Vec<(&str, u64)> =
        model["vocab"].as_object().unwrap().iter().map(|(k, v)| (k.as_str(), v.as_u64().unwrap())).collect();
    tokens.sort_by_key(|(_, id)| *id);
    let mut types: Vec<TokenType> = tokens
        .iter()
        .map(|(token, _)| if token.starts_with("<|") { TokenType::Control } else { TokenType::Normal })
        .collect();
    let mut names: Vec<&[u8]> = tokens.iter().map(|(token, _)| token.as_bytes()).collect();
    names.push(b"<user>");
    types.push(TokenType::UserDefined);
    let merge = |merge: &Value| format!("{} {}", merge[0].as_str().unwrap(), merge[1].as_str().unwrap());
    let merges: Vec<String> = model["merges"].as_array().unwrap().iter().map(merge).collect();
    let vocabulary = GgufVocabulary {
        model: "gpt2",
        pre: Some(pre),
        tokens: names,
        types,
        merges: merges.iter().map(String::as_bytes).collect(),
        bos: Some(0),
        eos: Some(1),
        add_bos: Some(true),
        ..GgufVocabulary::default()
    };
    Tokenizer::from_gguf(&vocabulary).unwrap()
}

#[test]
fn byte_level_vocabularies_of_gguf_cut_text_by_their_pre_tokenizer() {
    let file = byte_level();
    let by_name = file["cases"].as_object().unwrap();
    assert!(by_name.len() >= 5);
    for (pre, cases) in by_name {
        let tokenizer = byte_level_of_gguf(&file, pre);
        assert_eq!(tokenizer.ids().ends, [1]);
        cases.as_array().unwrap().iter().for_each(|case| agrees_whole(&tokenizer, case));
    }
}

#[test]
fn an_unknown_pre_tokenizer_or_vocabulary_is_told() {
    let unknown = |model, pre| {
        let vocabulary =
            GgufVocabulary { model, pre: Some(pre), tokens: vec![b"a"], ..GgufVocabulary::default() };
        Tokenizer::from_gguf(&vocabulary).unwrap_err().to_string()
    };
    assert!(unknown("gpt2", "of-tomorrow").contains("of-tomorrow"));
    assert!(unknown("of-tomorrow", "default").contains("of-tomorrow"));
}

fn scored(value: &Value, model: &str, squeeze: bool) -> Tokenizer {
    let types = value["types"].as_array().unwrap();
    let tokens = value["pieces"].as_array().unwrap();
    let vocabulary = GgufVocabulary {
        model,
        tokens: tokens.iter().map(|token| token.as_str().unwrap().as_bytes()).collect(),
        scores: value["scores"].as_array().unwrap().iter().map(|s| s.as_f64().unwrap() as f32).collect(),
        types: types.iter().map(|kind| TokenType::from_number(kind.as_i64().unwrap())).collect(),
        bos: Some(1),
        eos: Some(2),
        unknown: Some(0),
        remove_extra_whitespaces: Some(squeeze),
        ..GgufVocabulary::default()
    };
    Tokenizer::from_gguf(&vocabulary).unwrap()
}

#[test]
fn scored_vocabularies_of_gguf_give_the_same_ids_and_text() {
    let file = data(include_str!("tokens/scored.json"));
    for (name, model, squeeze) in
        [("bytes", "llama", false), ("unknown", "llama", false), ("unigram", "t5", true)]
    {
        let tokenizer = scored(&file[name], model, squeeze);
        for case in cases(&file[name]["cases"]) {
            let text = case["text"].as_str().unwrap();
            let expected = ids(&case["ids"]);
            assert_eq!(tokenizer.encode(text, Specials::AsText).unwrap(), expected, "{name} {text:?}");
            if name == "bytes" {
                assert_eq!(tokenizer.decode(&expected, Control::Drop), case["decoded"].as_str().unwrap());
            }
        }
    }
}

#[test]
fn control_tokens_of_scored_vocabularies_are_parsed_when_asked() {
    let file = data(include_str!("tokens/scored.json"));
    let tokenizer = scored(&file["bytes"], "llama", false);
    let parsed = tokenizer.encode("<s>the fox</s>", Specials::Parse).unwrap();
    assert_eq!((parsed.first(), parsed.last()), (Some(&1), Some(&2)));
    let text = tokenizer.encode("the fox", Specials::Parse).unwrap();
    assert_eq!(parsed[1..parsed.len() - 1], text);
    assert_eq!(tokenizer.encode_framed("the fox", Specials::AsText).unwrap(), [vec![1], text].concat());
}

/// Words as a GGUF file holds them: a mark in front of a word, nothing in front of an ending.
fn words_of_gguf(file: &Value) -> Tokenizer {
    let vocab = file["tokenizer"]["model"]["vocab"].as_object().unwrap();
    let mut tokens: Vec<(String, u64)> = vocab
        .iter()
        .map(|(token, id)| {
            let named = match token.strip_prefix("##") {
                Some(ending) => ending.to_owned(),
                None if token.starts_with('[') && token.len() > 1 => token.clone(),
                None => format!("▁{token}"),
            };
            (named, id.as_u64().unwrap())
        })
        .collect();
    tokens.sort_by_key(|(_, id)| *id);
    let types = (0..tokens.len()).map(|id| if id < 5 { TokenType::Control } else { TokenType::Normal });
    let vocabulary = GgufVocabulary {
        model: "bert",
        tokens: tokens.iter().map(|(token, _)| token.as_bytes()).collect(),
        types: types.collect(),
        bos: Some(2),
        separator: Some(3),
        unknown: Some(1),
        ..GgufVocabulary::default()
    };
    Tokenizer::from_gguf(&vocabulary).unwrap()
}

#[test]
fn words_of_gguf_give_the_same_ids_and_text() {
    let file = data(include_str!("tokens/words.json"));
    let tokenizer = words_of_gguf(&file);
    for case in cases(&file["cases"]) {
        let text = case["text"].as_str().unwrap();
        assert_eq!(tokenizer.encode(text, Specials::AsText).unwrap(), ids(&case["as_text"]), "{text:?}");
        assert_eq!(tokenizer.encode_framed(text, Specials::Parse).unwrap(), ids(&case["framed"]), "{text:?}");
    }
}

fn all() -> Vec<Tokenizer> {
    let words = data(include_str!("tokens/words.json"));
    let scores = data(include_str!("tokens/scored.json"));
    let bytes = byte_level();
    vec![
        tokenizer(&bytes),
        tokenizer(&data(include_str!("tokens/fallback.json"))),
        tokenizer(&data(include_str!("tokens/marked.json"))),
        tokenizer(&words),
        byte_level_of_gguf(&bytes, "gpt-2"),
        scored(&scores["bytes"], "llama", false),
        scored(&scores["unigram"], "t5", true),
        words_of_gguf(&words),
    ]
}

#[test]
fn tokens_one_by_one_give_the_text_of_all_of_them() {
    let mut rng = fastrand_like(0x7031);
    for (at, tokenizer) in all().iter().enumerate() {
        let count = u64::try_from(tokenizer.spelling().len()).unwrap();
        let mut incomplete = 0;
        for _ in 0..400 {
            let len = rng() % 24;
            let ids: Vec<u32> = (0..len).map(|_| u32::try_from(rng() % (count + 2)).unwrap()).collect();
            for control in [Control::Drop, Control::Keep] {
                let mut detokenizer = tokenizer.detokenizer(control);
                let mut text = String::new();
                for id in &ids {
                    text.push_str(detokenizer.push(*id));
                }
                let rest = detokenizer.finish();
                incomplete += rest.incomplete;
                assert_eq!(rest.absent, ids.iter().filter(|id| u64::from(**id) >= count).count() as u64);
                text.push_str(rest.text);
                assert_eq!(text, whole(tokenizer, &ids, control), "{at}: {ids:?}");
            }
        }
        assert!(incomplete > 0 || ![0, 1, 4, 5].contains(&at), "{at}: no character was cut off");
    }
}

/// All bytes first, characters then: what tokens that only follow each other say.
fn whole(tokenizer: &Tokenizer, ids: &[u32], control: Control) -> String {
    let spelling = tokenizer.spelling();
    let said = |id: &&u32| spelling.kind(**id) == Kind::Text || control == Control::Keep;
    let bytes: Vec<u8> = ids.iter().filter(said).flat_map(|id| spelling.bytes(*id)).copied().collect();
    let plain = tokenizer.decode(ids, control);
    let lossy = String::from_utf8_lossy(&bytes).into_owned();
    // Those that treat the first token or the borders of words in their own way are compared with Python's text above.
    let squeezed = |text: &str| text.replace(' ', "").replace("##", "");
    assert_eq!(squeezed(&plain), squeezed(&lossy));
    plain
}

#[test]
fn a_character_is_given_out_whole() {
    let file = byte_level();
    let tokenizer = tokenizer(&file);
    let text = "👩‍👩‍👧 東京 é";
    let ids = tokenizer.encode(text, Specials::AsText).unwrap();
    let mut detokenizer = tokenizer.detokenizer(Control::Drop);
    let pieces: Vec<String> = ids.iter().map(|id| detokenizer.push(*id).to_owned()).collect();
    assert!(pieces.iter().any(String::is_empty), "characters are made of several tokens");
    assert_eq!(pieces.concat(), text);
    assert_eq!(detokenizer.finish().incomplete, 0);
}

#[test]
fn the_file_beside_names_tokens_and_templates() {
    let file = byte_level();
    let config = br#"{"bos_token":{"content":"<|begin|>"},"eos_token":"<|end|>","pad_token":null,
        "chat_template":[{"name":"default","template":"a"},{"name":"tool_use","template":"b"}]}"#;
    let config = TokenizerConfig::from_json(config).unwrap();
    let tokenizer = tokenizer(&file).with_config(&config);
    assert_eq!((tokenizer.ids().bos, tokenizer.ids().eos, tokenizer.ids().pad), (Some(0), Some(1), None));
    assert_eq!(tokenizer.ids().ends, [1]);
    assert_eq!((config.chat_template(None), config.chat_template(Some("tool_use"))), (Some("a"), Some("b")));
}

#[test]
fn damaged_descriptions_are_errors() {
    let sound = byte_level()["tokenizer"].to_string();
    let mut rng = fastrand_like(99);
    let mut refused = 0;
    for _ in 0..300 {
        let mut bytes = sound.clone().into_bytes();
        for _ in 0..=rng() % 4 {
            let at = usize::try_from(rng()).unwrap() % bytes.len();
            bytes[at] = (rng() % 256) as u8;
        }
        match Tokenizer::from_json(&bytes) {
            Ok(tokenizer) => drop(tokenizer.encode("the fox 東京", Specials::Parse)),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn damaged_vocabularies_are_errors_and_never_panics() {
    let mut rng = fastrand_like(5);
    let pieces: Vec<Vec<u8>> = (0..64)
        .map(|at| match at % 5 {
            0 => format!("<0x{at:02X}>").into_bytes(),
            1 => vec![b'a' + (at as u8 % 26)],
            2 => "▁a".as_bytes().to_vec(),
            3 => vec![0xFF, at as u8],
            _ => Vec::new(),
        })
        .collect();
    let mut built = 0;
    for _ in 0..2000 {
        let mut next = |n: u64| usize::try_from(rng() % n).unwrap();
        let count = next(40);
        let tokens: Vec<&[u8]> = (0..count)
            .map(|_| {
                if next(60) == 0 { &pieces[3][..] } else { &pieces[[0, 1, 2, 4][next(4)] + 5 * next(12)][..] }
            })
            .collect();
        let scores =
            (0..if next(4) == 0 { next(40) } else { count }).map(|_| f32::from_bits(next(1 << 32) as u32));
        let scores = scores.collect();
        let types =
            (0..if next(4) == 0 { next(40) } else { count }).map(|_| TokenType::from_number(next(7) as i64));
        let types = types.collect();
        let merges: Vec<&[u8]> =
            (0..next(4)).map(|_| [&b"a b"[..], b"ab", b" ", b"", b"\xFF a"][next(5)]).collect();
        let vocabulary = GgufVocabulary {
            model: ["gpt2", "llama", "bert", "t5", "?"][next(5)],
            pre: [None, Some("qwen2"), Some("?")][next(3)],
            tokens,
            scores,
            types,
            merges,
            precompiled_charsmap: [None, Some(b"\x08\0\0\0abcdefgh".to_vec()), Some(vec![0xFF])][next(3)]
                .clone(),
            bos: [None, Some(next(50) as u32)][next(2)],
            unknown: [None, Some(next(50) as u32)][next(2)],
            remove_extra_whitespaces: [None, Some(true)][next(2)],
            ..GgufVocabulary::default()
        };
        if let Ok(tokenizer) = Tokenizer::from_gguf(&vocabulary) {
            built += 1;
            for text in ["", "a ab ▁a\u{FFFD}", "東 <0x05>\0"] {
                let ids = tokenizer.encode(text, Specials::Parse).unwrap_or_default();
                tokenizer.decode(&ids, Control::Keep);
            }
        }
    }
    assert!(built > 50, "{built}");
}

/// A small seeded sequence (xorshift).
fn fastrand_like(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 16
    }
}
