//! Grammars over a vocabulary of single bytes, some longer pieces and control tokens.

use super::*;
use crate::chat::FunctionTool;
use crate::json::RawJson;

const END: u32 = 256;
const CALL: u32 = 257;

fn vocabulary() -> Vocabulary {
    let text = |bytes: &[u8]| Token { bytes: bytes.to_vec(), control: false };
    let control = |name: &str| Token { bytes: name.as_bytes().to_vec(), control: true };
    let mut tokens: Vec<Token> = (0..=255_u8).map(|byte| text(&[byte])).collect();
    tokens.extend([control("<end>"), control("<tool_call>"), control("</tool_call>")]);
    tokens
        .extend(["\": ", "{\"", "name", "true", "12", "", "é", "\", \""].map(|piece| text(piece.as_bytes())));
    Vocabulary::new(&tokens, &[END]).unwrap()
}

/// Feeds a text byte by byte; how many bytes were taken.
fn takes(constraint: &mut Constraint, text: &str) -> usize {
    text.bytes().take_while(|byte| constraint.accept(u32::from(*byte)).is_ok()).count()
}

fn whole(grammar: &Grammar, text: &str) -> bool {
    let mut constraint = Constraint::new(&vocabulary(), grammar).unwrap();
    takes(&mut constraint, text) == text.len() && constraint.may_end().unwrap()
}

fn refused(grammar: &Grammar) -> String {
    Constraint::new(&vocabulary(), grammar).unwrap_err().to_string()
}

fn schema(text: &str) -> Grammar {
    Grammar::Schema(text.to_owned())
}

#[test]
fn only_what_satisfies_the_schema_is_whole() {
    let person = schema(
        r#"{"type": "object", "properties": {"name": {"type": "string", "maxLength": 5}, "age": {"type": "integer",
            "minimum": 0, "maximum": 150}}, "required": ["name", "age"], "additionalProperties": false}"#,
    );
    assert!(whole(&person, r#"{"name": "Ada", "age": 36}"#));
    assert!(whole(&person, "{\n  \"name\": \"é\",\n  \"age\": 0\n}"));
    assert!(!whole(&person, r#"{"name": "Ada"}"#));
    assert!(!whole(&person, r#"{"name": "Ada", "age": 151}"#));
    assert!(!whole(&person, r#"{"name": "Augusta", "age": 1}"#));
    assert!(whole(&Grammar::Json, r#"[1, {"a": null}]"#) && whole(&schema("true"), "3.5"));
    assert!(
        whole(&Grammar::Regex("[a-c]{2,3}x".to_owned()), "abx")
            && !whole(&Grammar::Regex("a+".to_owned()), "")
    );
    assert!(whole(&Grammar::Lark("start: \"yes\" | \"no\"".to_owned()), "no"));
}

#[test]
fn the_mask_and_what_is_accepted_agree() {
    let mut constraint = Constraint::new(&vocabulary(), &schema(r#"{"enum": ["ab", 12, true]}"#)).unwrap();
    let mut logits = vec![0.0; vocabulary().len()];
    constraint.mask(&mut logits).unwrap();
    for token in 0..logits.len() as u32 {
        let mut other = Constraint::new(&vocabulary(), &schema(r#"{"enum": ["ab", 12, true]}"#)).unwrap();
        assert_eq!(logits[token as usize] == 0.0, other.accept(token).is_ok(), "{token}");
    }
    assert_eq!(constraint.accept(u32::from(b'x')), Err(Error::Rejected { token: u32::from(b'x') }));
    assert_eq!(takes(&mut constraint, "true"), 4);
    assert!(constraint.is_done() || constraint.accept(END).is_ok());
    assert!(constraint.is_done());
    let only: Vec<u32> = (0..264)
        .filter(|id| constraint.allowed().unwrap()[*id as usize / 32] >> (id % 32) & 1 == 1)
        .collect();
    assert_eq!(only, [END]);
    assert!(matches!(constraint.mask(&mut [0.0; 3]), Err(Error::Length { found: 3, .. })));
}

#[test]
fn what_cannot_be_enforced_is_named() {
    for keyword in [
        r#""not": {"type": "string"}"#,
        r#""contains": {"type": "string"}"#,
        r#""uniqueItems": true"#,
        r#""if": {"type": "string"}"#,
        r#""propertyNames": {"pattern": "a"}"#,
        r#""dependentRequired": {"a": ["b"]}"#,
        r#""unevaluatedProperties": false"#,
    ] {
        let name = keyword.split('"').nth(1).unwrap();
        for text in [
            format!("{{{keyword}}}"),
            format!(r#"{{"properties": {{"x": {{"type": "array", {keyword}}}}}}}"#),
        ] {
            assert!(refused(&schema(&text)).contains(name), "{text}: {}", refused(&schema(&text)));
        }
    }
    assert!(refused(&schema(r#"{"x-guidance": {"lenient": true}, "not": {}}"#)).contains("x-guidance"));
    assert!(refused(&schema(r#"{"type": "string", "format": "never-heard-of"}"#)).contains("never-heard-of"));
    assert!(refused(&schema("false")).contains("false"));
    assert!(refused(&schema("{")).starts_with("JSON Schema: "));
    assert!(refused(&Grammar::Regex("(".to_owned())).starts_with("regular expression: "));
    assert!(refused(&Grammar::Lark("start: other".to_owned())).contains("other"));
}

fn tool(name: &str, schema: &str) -> FunctionTool {
    let schema = Some(RawJson::new(schema).unwrap());
    FunctionTool { name: name.to_owned(), description: None, schema, strict: None, cache: None }
}

fn calls(form: CallForm, several: bool) -> ToolCalls {
    let weather = r#"{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": false}"#;
    let tools =
        vec![tool("weather", weather), tool("now", r#"{"type": "object", "additionalProperties": false}"#)];
    ToolCalls { tools, form, several, opened: false }
}

#[test]
fn a_call_names_a_tool_and_has_its_arguments() {
    let bare = Grammar::Tools(calls(CallForm::bare(), false));
    assert!(whole(&bare, r#"{"name": "weather", "parameters": {"city": "Rome"}}"#));
    assert!(whole(&bare, r#"{"name": "now", "parameters": {}}"#));
    assert!(!whole(&bare, r#"{"name": "now", "parameters": {"city": "Rome"}}"#));
    assert!(!whole(&bare, r#"{"name": "rain", "parameters": {}}"#));
    let listed = Grammar::Tools(calls(CallForm::listed(), true));
    let call = r#"{"name": "now", "arguments": {}}"#;
    assert!(
        whole(&listed, &format!("[TOOL_CALLS][{call}]"))
            && whole(&listed, &format!("[TOOL_CALLS][{call}, {call}]"))
    );
    assert!(!whole(&listed, "[TOOL_CALLS][]"));
    let opened = Grammar::Tools(ToolCalls { opened: true, ..calls(CallForm::listed(), false) });
    assert!(whole(&opened, &format!("{call}]")));
}

#[test]
fn marks_that_are_control_tokens_are_those_tokens() {
    let tagged = Grammar::Tools(calls(CallForm::tagged(), false));
    let mut constraint = Constraint::new(&vocabulary(), &tagged).unwrap();
    assert_eq!(takes(&mut constraint, "<tool_call>"), 0);
    constraint.accept(CALL).unwrap();
    let call = "\n{\"name\": \"now\", \"arguments\": {}}\n";
    assert_eq!(takes(&mut constraint, call), call.len());
    assert!(!constraint.is_done());
    constraint.accept(CALL + 1).unwrap();
    assert!(constraint.may_end().unwrap());
}

#[test]
fn a_tool_cannot_add_to_the_grammar() {
    let name = "a\" | \"b";
    let form = CallForm { name: "call ".to_owned(), arguments: " ".to_owned(), ..CallForm::default() };
    let tools = vec![tool(name, r#"{"type": "object", "additionalProperties": false}"#)];
    let grammar = Grammar::Tools(ToolCalls { tools, form, several: false, opened: false });
    assert!(refused(&grammar).contains("name"));
    let none = ToolCalls { tools: Vec::new(), ..calls(CallForm::bare(), false) };
    assert!(refused(&Grammar::Tools(none)).contains("none"));
    let wrong = ToolCalls { tools: vec![tool("f", r#"{"not": {}}"#)], ..calls(CallForm::bare(), false) };
    assert!(refused(&Grammar::Tools(wrong)).contains("not"));
}

#[test]
fn a_vocabulary_that_is_not_sound_is_refused() {
    let token = |bytes: &[u8]| Token { bytes: bytes.to_vec(), control: false };
    assert!(Vocabulary::new(&[], &[]).is_err());
    assert!(Vocabulary::new(&[token(b"a")], &[1]).is_err());
    assert!(Vocabulary::new(&[token(b"a")], &[]).is_err());
    assert!(Vocabulary::new(&[token(&[b'a'; 2000])], &[0]).is_err());
    assert!(Vocabulary::new(&[token(b""), token(b"a"), token(b"a")], &[0]).is_ok());
}
