//! Answers in the formats of several models: what they mean, that it does not depend on how they are cut, and that nothing
//! of what is malformed is lost.

use typewright_runtime::chat::{FunctionTool, ToolDefinition};
use typewright_runtime::json::RawJson;
use typewright_runtime::local::parse::{
    CALL_FORMATS, OutputFormat, Parser, ParserOptions, Piece, REASONING_TAGS, join, parse,
};

fn format(calls: &str) -> OutputFormat {
    let calls = OutputFormat::calls_named(calls);
    assert!(calls.is_some());
    OutputFormat { reasoning: Some(REASONING_TAGS[0]), calls }
}

/// Pieces in a short form: `T:` text, `R:` reasoning, `M:` malformed, a call as name and arguments.
fn said(calls: &str, text: &str) -> Vec<String> {
    short(&parse(text, format(calls), ParserOptions::default()))
}

fn short(pieces: &[Piece]) -> Vec<String> {
    let one = |piece: &Piece| match piece {
        Piece::Text(text) => format!("T:{text}"),
        Piece::Reasoning(text) => format!("R:{text}"),
        Piece::Call(call) => format!("{} {}", call.name, call.arguments),
        Piece::Malformed { text, .. } => format!("M:{text}"),
    };
    pieces.iter().map(one).collect()
}

/// Every format with answers of its own: plain, several calls, strings with marks inside.
const ANSWERS: &[(&str, &str, &[&str])] = &[
    (
        "tag-json",
        "<think>\nwhy\n</think>\n\nLook:\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"</tool_call>}\"}}\n</tool_call>\n<tool_call>{\"name\":\"g\"}</tool_call>",
        &["R:why", "T:Look:", "f {\"a\": \"</tool_call>}\"}", "g {}"],
    ),
    (
        "bracket",
        "Sure.[TOOL_CALLS][{\"name\":\"f\",\"arguments\":{\"x\":[1,2]},\"id\":\"abcdefghi\"},{\"name\":\"g\",\"arguments\":\"{\\\"y\\\":1}\"}]",
        &["T:Sure.", "f {\"x\":[1,2]}", "g {\"y\":1}"],
    ),
    ("bracket", "[TOOL_CALLS]f[ARGS]{\"x\": 1}[TOOL_CALLS]g[ARGS]{}", &["f {\"x\": 1}", "g {}"]),
    (
        "section",
        "<think>t</think>ok<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\": 1}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        &["R:t", "T:ok", "f {\"a\": 1}", "g {}"],
    ),
    (
        "section",
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        &["f {\"a\": 1}"],
    ),
    (
        "function-json",
        "Hm <function=f>{\"a\": \"x\"}</function> done",
        &["T:Hm ", "f {\"a\": \"x\"}", "T: done"],
    ),
    (
        "tag-parameters",
        "<tool_call>\n<function=f>\n<parameter=city>\nRome </parameter> \n</parameter>\n<parameter=n>\n3\n</parameter>\n</function>\n</tool_call>",
        &["f {\"city\":\"Rome </parameter> \",\"n\":3}"],
    ),
    ("tag-parameters", "<function=now>\n</function>", &["now {}"]),
    ("bare-json", "{\"name\": \"f\", \"parameters\": {\"a\": 1}}", &["f {\"a\": 1}"]),
    ("bare-json", "<|python_tag|>{\"name\": \"f\", \"parameters\": {}}", &["f {}"]),
    ("bare-json", "The object {\"name\": \"f\"} is text.", &["T:The object {\"name\": \"f\"} is text."]),
    ("bare-json", "{\"answer\": 42}", &["T:{\"answer\": 42}"]),
    (
        "bare-python",
        "[f(a=1, b=\"x)]\", c=[True, None, -2.5], d={'k': 'it\\'s'}), g()]",
        &["f {\"a\":1,\"b\":\"x)]\",\"c\":[true,null,-2.5],\"d\":{\"k\":\"it's\"}}", "g {}"],
    ),
    ("bare-python", "[1, 2, 3]", &["T:[1, 2, 3]"]),
];

#[test]
fn answers_mean_what_their_format_says() {
    for (calls, text, expected) in ANSWERS {
        assert_eq!(&said(calls, text), expected, "{calls}: {text}");
    }
    for format in CALL_FORMATS {
        assert!(ANSWERS.iter().any(|(calls, _, _)| *calls == format.name), "{}", format.name);
    }
}

#[test]
fn what_is_malformed_stays_text_and_is_told() {
    let cases = [
        (
            "tag-json",
            "a<tool_call>nonsense</tool_call>b",
            &["T:a", "M:<tool_call>", "T:nonsense</tool_call>b"][..],
        ),
        (
            "tag-json",
            "<tool_call>{\"name\": \"f\", }</tool_call>",
            &["M:<tool_call>{\"name\": \"f\", }</tool_call>"],
        ),
        ("tag-json", "<tool_call>{\"name\": \"f\", \"arg", &["M:<tool_call>{\"name\": \"f\", \"arg"]),
        (
            "tag-json",
            "<tool_call>{\"name\":\"f\",\"arguments\":3}</tool_call>",
            &["M:<tool_call>{\"name\":\"f\",\"arguments\":3}</tool_call>"],
        ),
        (
            "section",
            "<｜tool▁calls▁begin｜>\nno<｜tool▁calls▁end｜>",
            &["M:<｜tool▁calls▁begin｜>", "T:no", "M:<｜tool▁calls▁end｜>"],
        ),
        ("bracket", "[TOOL_CALLS]f", &["M:[TOOL_CALLS]f"]),
        ("bracket", "[TOOL_CALLS]f\n", &["M:[TOOL_CALLS]", "T:f\n"]),
        (
            "tag-parameters",
            "<function=f>\n<parameter=a>\n1\n</function>",
            &["M:<function=f>\n<parameter=a>\n1\n</function>"],
        ),
    ];
    for (calls, text, expected) in cases {
        assert_eq!(said(calls, text), expected, "{calls}: {text}");
    }
}

#[test]
fn a_prompt_may_have_opened_the_reasoning() {
    let format = format("tag-json");
    assert!(format.is_reasoning_open("<|im_start|>assistant\n<think>\n"));
    let options = || ParserOptions { in_reasoning: true, ..ParserOptions::default() };
    let pieces = parse("I see.\n</think>\n\nYes.\n", format, options());
    assert_eq!(short(&pieces), ["R:I see.", "T:Yes.", "T:\n"].map(str::to_owned).to_vec().join_texts());
    assert_eq!(short(&parse("cut off", format, options())), ["R:cut off"]);
}

trait JoinTexts {
    fn join_texts(self) -> Vec<String>;
}

impl JoinTexts for Vec<String> {
    fn join_texts(self) -> Vec<String> {
        let mut joined: Vec<String> = Vec::new();
        for text in self {
            match joined.last_mut() {
                Some(last) if last.starts_with("T:") && text.starts_with("T:") => last.push_str(&text[2..]),
                _ => joined.push(text),
            }
        }
        joined
    }
}

#[test]
fn offered_tools_tell_calls_from_json_and_texts_from_numbers() {
    let schema = r#"{"type":"object","properties":{"zip":{"type":"string"},"n":{"type":"integer"}}}"#;
    let tool = ToolDefinition::Function(FunctionTool {
        name: "f".to_owned(),
        description: None,
        schema: Some(RawJson::new(schema).unwrap()),
        strict: None,
        cache: None,
    });
    let options = || ParserOptions { tools: vec![tool.clone()], calls_before: 7, ..ParserOptions::default() };
    let text = "<function=f><parameter=zip>\n00123\n</parameter><parameter=n>5</parameter></function>";
    let pieces = parse(text, format("tag-parameters"), options());
    assert_eq!(short(&pieces), ["f {\"zip\":\"00123\",\"n\":5}"]);
    assert!(matches!(&pieces[0], Piece::Call(call) if call.id == "call00008"));
    let other = "{\"name\": \"Ann\", \"parameters\": {}}";
    assert_eq!(short(&parse(other, format("bare-json"), options())), [format!("T:{other}")]);
}

#[test]
fn templates_show_their_format() {
    let of = |source: &str| OutputFormat::of_template(source);
    let tagged = of("... <tool_call>{\"name\": ...}</tool_call> ... </think>");
    assert_eq!(tagged.calls.unwrap().name, "tag-json");
    assert_eq!(tagged.reasoning, Some(REASONING_TAGS[0]));
    assert_eq!(of("[TOOL_CALLS]").calls.unwrap().name, "bracket");
    assert_eq!(of("<tool_call><function=a><parameter=b>").calls.unwrap().name, "tag-parameters");
    assert_eq!(of("plain"), OutputFormat::default());
}

fn in_pieces(text: &str, format: OutputFormat, mut next: impl FnMut() -> usize) -> Vec<Piece> {
    let mut parser = Parser::new(format, ParserOptions::default());
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut at = next().clamp(1, rest.len());
        while !rest.is_char_boundary(at) {
            at += 1;
        }
        pieces.extend(parser.push(&rest[..at]));
        rest = &rest[at..];
    }
    pieces.extend(parser.finish());
    join(pieces)
}

fn sequence(seed: u64) -> impl FnMut() -> usize {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap()
    }
}

#[test]
fn what_an_answer_means_does_not_depend_on_how_it_is_cut() {
    for (calls, text, _) in ANSWERS {
        let whole = parse(text, format(calls), ParserOptions::default());
        for len in 1..9 {
            assert_eq!(in_pieces(text, format(calls), || len), whole, "{calls} by {len}: {text}");
        }
    }
    let fragments: Vec<&str> = ANSWERS
        .iter()
        .flat_map(|(_, text, _)| text.split_inclusive(['>', '{', '}', '"', ']', '\n']))
        .chain(["<", "<t", "[TOOL", "\n", "\n\n", " ", "é", "'", "(", "\\", "text", "]"])
        .collect();
    let mut next = sequence(2024);
    for round in 0..6000 {
        let len = next() % 24;
        let text: String = (0..len).map(|_| fragments[next() % fragments.len()]).collect();
        let format = format(CALL_FORMATS[round % CALL_FORMATS.len()].name);
        let whole = parse(&text, format, ParserOptions::default());
        let cut = in_pieces(&text, format, || next() % 7);
        assert_eq!(cut, whole, "{round} {}: {text:?}", format.calls.unwrap().name);
        nothing_is_lost(&text, &whole);
    }
}

/// The letters of the answer are in what was said, but for those of calls and of marks.
fn nothing_is_lost(text: &str, pieces: &[Piece]) {
    if pieces.iter().any(|piece| matches!(piece, Piece::Call(_) | Piece::Reasoning(_))) {
        return;
    }
    let said: String = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) | Piece::Malformed { text, .. } => text.as_str(),
            _ => "",
        })
        .collect();
    let bare = |text: &str| text.replace(['\n', ' '], "").replace("<think>", "").replace("</think>", "");
    assert_eq!(bare(&said), bare(text));
}
