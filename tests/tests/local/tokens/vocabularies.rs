//! Vocabularies of GGUF files: rules that files leave unsaid, and whole files where a folder of them is named.

use std::path::Path;

use typewright_runtime::local::file;
use typewright_runtime::local::tokens::{Control, GgufVocabulary, Specials, TokenType, Tokenizer};

/// A folder with `NAME.gguf` that has a vocabulary, and beside it `NAME.gguf.inp` with texts and `NAME.gguf.out` with their
/// tokens, as the sources of the format's library carry them.
const FOLDER: &str = "TYPEWRIGHT_GGUF_VOCABULARIES";
const BORDER: &str = "\n__ggml_vocab_test__\n";

fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode(text, Specials::AsText).unwrap()
}

fn letters<'a>(tokens: &[&'a str]) -> GgufVocabulary<'a> {
    GgufVocabulary {
        tokens: tokens.iter().map(|token| token.as_bytes()).collect(),
        types: vec![TokenType::Normal; tokens.len()],
        ..GgufVocabulary::default()
    }
}

#[test]
fn what_ends_a_text_is_a_control_token_whatever_its_type_says() {
    let tokens = ["<end>", "<", "e", "n", "d", ">"];
    for kind in [TokenType::Normal, TokenType::UserDefined] {
        let mut vocabulary = GgufVocabulary { model: "gpt2", eos: Some(0), ..letters(&tokens) };
        vocabulary.types[0] = kind;
        let tokenizer = Tokenizer::from_gguf(&vocabulary).unwrap();
        assert_eq!(ids(&tokenizer, "<end>"), [1, 2, 3, 4, 5]);
        assert_eq!(tokenizer.encode("<end>", Specials::Parse).unwrap(), [0]);
    }
}

#[test]
fn what_stands_before_a_text_is_known_by_its_cut_where_the_file_is_silent() {
    let framed = |pre, add_bos| {
        let vocabulary = GgufVocabulary {
            model: "gpt2",
            pre: Some(pre),
            bos: Some(0),
            add_bos,
            ..letters(&["<begin>", "a"])
        };
        Tokenizer::from_gguf(&vocabulary).unwrap().encode_framed("a", Specials::AsText).unwrap()
    };
    assert_eq!(framed("llama-bpe", None), [0, 1]);
    assert_eq!(framed("llama-bpe", Some(false)), [1]);
    assert_eq!(framed("qwen2", None), [1]);
}

#[test]
fn signs_that_are_capital_letters_without_small_ones_are_no_capitals() {
    let tokens = ["[UNK]", "[CLS]", "[SEP]", "▁a", "▁ℝ"];
    let vocabulary =
        GgufVocabulary { model: "bert", unknown: Some(0), separator: Some(2), ..letters(&tokens) };
    let tokenizer = Tokenizer::from_gguf(&vocabulary).unwrap();
    assert_eq!(tokenizer.encode_framed("A Ä", Specials::AsText).unwrap(), [1, 3, 3, 2]);
}

#[test]
fn control_tokens_of_likeliest_sequences_are_cut_from_other_tokens() {
    let tokens = ["<unk>", "<s>", "▁<", "s", ">", "s>"];
    let mut vocabulary = GgufVocabulary {
        model: "t5",
        unknown: Some(0),
        scores: vec![0.0, 0.0, -1.0, -1.0, -1.0, -1.5],
        ..letters(&tokens)
    };
    vocabulary.types[..2].copy_from_slice(&[TokenType::Unknown, TokenType::Control]);
    let tokenizer = Tokenizer::from_gguf(&vocabulary).unwrap();
    assert_eq!(ids(&tokenizer, "<s>"), [2, 5]);
    assert_eq!(tokenizer.encode("<s>", Specials::Parse).unwrap(), [1]);
}

#[test]
fn pairs_of_whole_texts_are_merged_with_marks_for_spaces_and_bytes_for_the_rest() {
    let tokens = ["<unk>", "<0xC3>", "<0xA9>", "a", "b", "▁", "▁a", "ab", "\n"];
    let mut vocabulary = GgufVocabulary {
        model: "gemma4",
        unknown: Some(0),
        merges: vec!["▁ a".as_bytes(), b"a b"],
        ..letters(&tokens)
    };
    vocabulary.types[1..3].fill(TokenType::Byte);
    let tokenizer = Tokenizer::from_gguf(&vocabulary).unwrap();
    let text = "ab a\nabé";
    assert_eq!(ids(&tokenizer, text), [7, 6, 8, 7, 1, 2]);
    assert_eq!(tokenizer.decode(&ids(&tokenizer, text), Control::Keep), text);
}

#[test]
fn files_of_a_folder_give_the_tokens_beside_them() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return println!("did not run: {FOLDER} names no folder");
    };
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let beside = |extension: &str| std::fs::read_to_string(path.with_extension(extension));
        let (Ok(texts), Ok(tokens)) = (beside("gguf.inp"), beside("gguf.out")) else { continue };
        if path.extension().is_some_and(|extension| extension == "gguf") {
            agrees(&path, &texts, &tokens);
            count += 1;
        }
    }
    assert!(count > 0);
}

fn agrees(path: &Path, texts: &str, tokens: &str) {
    let opened = file::open(path).unwrap();
    let tokenizer = Tokenizer::from_gguf(&GgufVocabulary::read(opened.metadata())).unwrap();
    let mut compared = 0;
    for (text, expected) in texts.split(BORDER).zip(tokens.lines()) {
        let expected: Vec<u32> = expected.split_whitespace().map(|id| id.parse().unwrap()).collect();
        assert_eq!(tokenizer.encode(text, Specials::Parse).unwrap(), expected, "{path:?}: {text:?}");
        compared += 1;
    }
    assert!(compared > 0);
}
