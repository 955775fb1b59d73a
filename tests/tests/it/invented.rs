//! A provider whose wire nobody speaks, by YAML alone: generated, built elsewhere, and run against a server that
//! speaks it.

use std::process::Command;

use serde_json::{Value, json};
use typewright_tests::loopback::{self, Answer, Asked, Cuts};

use crate::built;

/// A streamed answer: slots with words as keys, arguments as objects, counts that have to be added up, and events and
/// fields that no rule knows.
const STREAM: &str = concat!(
    r#"{"ev":"hatch","of":{"egg":"e-1","brain":"talon-1-late"},"weather":"fair"}"#,
    "\n",
    r#"{"ev":"wind"}"#,
    "\n",
    r#"{"ev":"perch","branch":"oak","made_of":"pondering"}"#,
    "\n",
    r#"{"ev":"chirp","branch":"oak","pondering":"A kite\n\u00e9, "}"#,
    "\r\n",
    r#"{"pondering":"I think.","branch":"oak","ev":"chirp"}"#,
    "\n",
    r#"{"ev":"chirp","branch":"oak","seal":"s3al="}"#,
    "\n",
    r#"{"ev":"leave","branch":"oak"}"#,
    "\n",
    r#"{"ev":"perch","branch":"elm","made_of":"words"}"#,
    "\n",
    r#"{"ev":"chirp","branch":"elm","words":"It is a \"kite\". "}"#,
    "\n",
    r#"{"ev":"perch","branch":"ash","made_of":"gadget","ticket":"t-1","gadget":"weather"}"#,
    "\n",
    r#"{"ev":"chirp","branch":"elm","words":"I will look. \ud83e\udea1"}"#,
    "\n",
    r#"{"ev":"chirp","branch":"ash","with":{"town":"Köln","days":[1, 2]}}"#,
    "\n",
    r#"{"ev":"leave","branch":"elm"}"#,
    "\n",
    r#"{"ev":"leave","branch":"ash"}"#,
    "\n",
    r#"{"ev":"gadget","branch":"yew","ticket":"t-2","gadget":"clock","with":{}}"#,
    "\n",
    r#"{"ev":"moon","phase":3}"#,
    "\n",
    r#"{"ev":"weigh","grain":{"fresh":90,"stored":10,"said":7}}"#,
    "\n",
    r#"{"ev":"weigh","grain":{"said":12,"pondered":8}}"#,
    "\n",
    r#"{"ev":"roost","halted_by":"gadget"}"#,
    "\n",
);

/// What the program has to tell of it. Events name no slot, so a text that another part comes between is two.
const TOLD: &str = r#"warnings ["temperature"]
request id Some("nest-9")
limits RateLimits([RateLimit { resource: "songs", limit: None, remaining: Some(4), reset: None }])
Start { id: Some("e-1"), model: Some("talon-1-late") }
Reasoning("A kite\né, ")
Reasoning("I think.")
ReasoningSignature("s3al=")
PartEnd
Text("It is a \"kite\". ")
PartEnd
ToolCallStart { index: 0, id: "t-1", name: "weather" }
Text("I will look. 🪡")
ToolCallDelta { index: 0, arguments: "{\"town\":\"Köln\",\"days\":[1, 2]}" }
PartEnd
ToolCall { index: 0, call: ToolCall { id: "t-1", name: "weather", arguments: "{\"town\":\"Köln\",\"days\":[1, 2]}", signature: None, item_id: None, cache: None } }
ToolCallStart { index: 1, id: "t-2", name: "clock" }
ToolCallDelta { index: 1, arguments: "{}" }
ToolCall { index: 1, call: ToolCall { id: "t-2", name: "clock", arguments: "{}", signature: None, item_id: None, cache: None } }
Raw { json: "{\"ev\":\"moon\",\"phase\":3}", part: false }
usage (Some(100), Some(10), Some(20), Some(8))
Finish(ToolCalls)
id Some("e-1") model Some("talon-1-late")
text "It is a \"kite\". I will look. 🪡"
reasoning "A kite\né, I think."
call t-1 weather {"town":"Köln","days":[1, 2]}
call t-2 clock {}
finish Some(ToolCalls) (Some("gadget"))
cost 0.0001725
"#;

/// Runs the program against a server that answers like this; returns what it told and what it asked.
fn run(way: &str, status: u16, body: &str, cuts: Cuts) -> (String, Vec<Asked>) {
    let program = built::program("invented");
    let headers = [("x-nest", "nest-9"), ("x-perch-songs-remaining", "4"), ("x-wait", "250")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let answer = Answer { status, headers, body: body.as_bytes().to_vec(), cuts };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = loopback::serve(answer).await.unwrap();
        let mut command = Command::new(program);
        command.args([way, &server.url]);
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (String::from_utf8(output.stdout).unwrap(), server.asked())
    })
}

fn body(asked: &Asked) -> Value {
    serde_json::from_slice(&asked.body).unwrap()
}

#[test]
fn an_invented_wire_streams() {
    let (told, asked) = run("stream", 200, STREAM, Cuts::Whole);
    assert_eq!(told, TOLD);
    let asked = &asked[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/talk/talon-1?mode=drip"));
    assert_eq!((asked.header("x-kestrel-key"), asked.header("x-kestrel-wire")), (Some("k-7"), Some("7")));
    assert_eq!(asked.header("authorization"), None);
    let wanted = json!({
        "charter": "Be brief.",
        "turns": [{"who": "human", "says": [
            {"words": "What is this, and how is the weather there?"},
            {"picture": {"kind": "image/png", "bytes": "iVBORw=="}},
            {"picture": {"link": "https://x.example/y.png"}},
        ]}],
        "gadgets": [{"gadget": "weather", "purpose": "Weather of a town", "takes": {"type": "object"}}],
        "ponder": {"level": "high"},
        "knobs": {"ceiling": 64, "halt": ["\n\n"]},
        "feathers": 3,
        "drip": true,
        "song": "la",
    });
    assert_eq!(body(asked), wanted);
    // The order of keys is that of the provider file.
    assert_eq!(String::from_utf8(asked.body.clone()).unwrap(), wanted.to_string());
}

#[test]
fn an_invented_wire_streams_the_same_byte_by_byte() {
    assert_eq!(run("stream", 200, STREAM, Cuts::EveryByte).0, TOLD);
    let thirds = vec![3; STREAM.len() / 3];
    assert_eq!(run("stream", 200, STREAM, Cuts::Lengths(thirds)).0, TOLD);
}

#[test]
fn an_invented_wire_answers_whole() {
    let whole = r#"{"says":[{"pondering":"Hm.","seal":"s"},{"words":"Hello, "},{"words":"you."},
        {"use":{"ticket":"t-9","gadget":"clock","with":{"at":"noon"}}}],
        "grain":{"fresh":5,"stored":0,"said":2,"pondered":1},"halted_by":"ceiling","egg":"e-2","brain":"talon-1","more":{"a":[]}}"#;
    let (told, asked) = run("whole", 200, whole, Cuts::Whole);
    let wanted = "id Some(\"e-2\") model Some(\"talon-1\")\ntext \"Hello, you.\"\nreasoning \"Hm.\"\ncall t-9 clock {\"at\":\"noon\"}\n\
                  finish Some(Length) (Some(\"ceiling\"))\ncost 0.000017\n";
    assert_eq!(told, wanted);
    assert_eq!(asked[0].path, "/talk/talon-1");
    let turns = json!([{"who": "human", "says": [{"words": "Hello."}]}]);
    assert_eq!(body(&asked[0]), json!({"turns": turns, "knobs": {"ceiling": 512}, "drip": false}));
}

#[test]
fn what_was_said_on_an_invented_wire_is_sent_back_on_it() {
    let (_, asked) = run("history", 200, STREAM, Cuts::Whole);
    let turns = json!([
        {"who": "human", "says": [{"words": "How is the weather?"}]},
        {"who": "bird", "says": [
            {"pondering": "A kite\né, I think.", "seal": "s3al="},
            {"words": "It is a \"kite\". "},
            {"use": {"ticket": "t-1", "gadget": "weather", "with": {"town": "Köln", "days": [1, 2]}}},
            {"words": "I will look. 🪡"},
            {"use": {"ticket": "t-2", "gadget": "clock", "with": {}}},
        ]},
        {"who": "gadget", "answers": "t-1", "gadget": "weather", "says": [{"words": "4 °C"}], "broke": false},
    ]);
    assert_eq!(body(&asked[1])["turns"], turns);
}

#[test]
fn an_invented_wire_fails_in_its_own_words() {
    let trouble = r#"{"trouble":{"sort":"wrong_bird","tale":"No such bird."}}"#;
    let (told, _) = run("whole", 404, trouble, Cuts::Whole);
    let wanted = "error NotFound \"kestrel: No such bird. (NotFound, status 404)\" retryable false\nwait Some(250ms)\npartial None\n";
    assert_eq!(told, wanted);
    let storm = STREAM.split("{\"ev\":\"weigh\"").next().unwrap().to_owned()
        + "{\"ev\":\"storm\",\"trouble\":{\"sort\":\"moult\",\"tale\":\"Not now.\"}}\n";
    let (told, _) = run("stream", 200, &storm, Cuts::EveryByte);
    assert!(
        told.contains("error Overloaded \"kestrel: Not now. (Overloaded, status 200)\" retryable true\n"),
        "{told}"
    );
    assert!(told.ends_with("partial Some(\"It is a \\\"kite\\\". I will look. 🪡\")\n"), "{told}");
}

#[test]
fn a_stream_on_an_invented_wire_that_ends_early_is_no_answer() {
    let cut = STREAM.split("{\"ev\":\"roost\"").next().unwrap();
    let (told, _) = run("stream", 200, cut, Cuts::Whole);
    assert!(
        told.contains("error Server \"the answer ended before it was complete\" retryable true"),
        "{told}"
    );
    assert!(told.contains("partial Some(\"It is a"), "{told}");
}

#[test]
fn what_an_invented_wire_cannot_say_is_refused_by_name() {
    let (told, asked) = run("refuse", 200, "{}", Cuts::Whole);
    let wanted = "kestrel cannot do this with `wing-1`: image: the model does not accept images\n\
                  kestrel cannot do this with `talon-1`: n: this wire has no place for it\n\
                  kestrel cannot do this with `talon-1`: document: the model does not accept documents\n\
                  kestrel cannot do this with `talon-1`: options: `feathers` is 10, but has to be at most 9\n";
    assert_eq!(told, wanted);
    assert!(asked.is_empty());
}
