//! The comparator: what a client made of an answer against what the corpus says it should be (EXPECTED.md, "How to
//! compare a client"). Pure and free of any client type; how an [`Outcome`] is obtained is none of its business.

use std::fmt;

use serde_json::Value;

/// What a client made of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// A chat answer, or what had arrived of one.
    pub chat: Option<Chat>,
    /// Embeddings.
    pub embed: Option<Embed>,
    /// A model listing.
    pub models: Option<Vec<String>>,
    /// Counted tokens.
    pub count: Option<u64>,
    /// The provider's failure.
    pub error: Option<Fault>,
    /// The answer stopped before it was complete.
    pub truncated: bool,
    /// The client failed in a way that no recording explains.
    pub broken: Option<String>,
    /// The id under which the provider can find the request.
    pub request_id: Option<String>,
}

/// The graded fields of a chat answer, named as in EXPECTED.md. Absent texts are empty.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "EXPECTED.md says what each field is")]
pub struct Chat {
    pub id: Option<String>,
    pub model: Option<String>,
    pub text: String,
    pub reasoning: String,
    pub signatures: Vec<String>,
    pub refusal: Option<String>,
    pub calls: Vec<Call>,
    pub finish: Option<String>,
    pub finish_raw: Option<String>,
    /// Input, output, cache read, cache write, reasoning.
    pub usage: [Option<u64>; 5],
    pub logprobs: u64,
    pub citations: u64,
    pub choices: u64,
}

/// A tool call; the arguments as the text that the client hands out.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "EXPECTED.md says what each field is")]
pub struct Call {
    pub id: String,
    pub name: String,
    pub arguments: String,
}

/// Embeddings: how many, how long, the first four numbers, the input tokens.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "EXPECTED.md says what each field is")]
pub struct Embed {
    pub count: u64,
    pub dims: u64,
    pub head: Vec<f64>,
    pub input: Option<u64>,
}

/// What a client keeps of a provider's failure.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "EXPECTED.md says what each field is")]
pub struct Fault {
    pub status: u64,
    pub kind: Option<String>,
    pub code: Option<String>,
    pub message: String,
}

/// A graded field that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field.
    pub field: String,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

/// The names of the numbers in [`Chat::usage`], and whether null and 0 are the same there.
const USAGE: [(&str, bool); 5] = [
    ("input_total", false),
    ("output_total", false),
    ("cache_read", true),
    ("cache_write", true),
    ("reasoning", true),
];

/// Whether a client can be held to anything here: no view of a disputed answer is preferred otherwise.
pub fn gradable(expected: &Value) -> bool {
    !(expected["disputed"] == true && expected["preferred"] == "none")
}

/// What is wrong with `outcome`. Of several acceptable views the one that it comes closest to counts.
pub fn compare(expected: &Value, outcome: &Outcome) -> Vec<Difference> {
    let views = views(expected).into_iter().map(|view| against(expected, &view, outcome));
    views.min_by_key(Vec::len).unwrap_or_default()
}

/// A chat answer and its normalised usage, as one reader saw them.
struct View<'a> {
    chat: &'a Value,
    usage: &'a Value,
}

fn views(expected: &Value) -> Vec<View<'_>> {
    let plain = expected.get("chat_plain").map(|chat| View {
        chat,
        usage: expected.get("usage_normalised_plain").unwrap_or(&expected["usage_normalised"]),
    });
    let sdk = View { chat: &expected["chat"], usage: &expected["usage_normalised"] };
    match (expected["preferred"].as_str(), plain) {
        (Some("plain"), Some(plain)) => vec![plain],
        (Some("either"), Some(plain)) => vec![sdk, plain],
        _ => vec![sdk],
    }
}

fn against(expected: &Value, view: &View<'_>, outcome: &Outcome) -> Vec<Difference> {
    let mut diff = Diff(Vec::new());
    if let Some(why) = &outcome.broken {
        diff.push("client", "no failure of its own", why);
    }
    diff.equal("truncated", expected["result"] == "truncated", outcome.truncated);
    fault(&mut diff, &expected["error"], outcome.error.as_ref());
    request_id(&mut diff, expected, outcome);
    match expected["operation"].as_str() {
        Some("chat") => chat(&mut diff, view, outcome.chat.as_ref()),
        Some("embed") => embed(&mut diff, &expected["embed"], outcome.embed.as_ref()),
        Some("models") => models(&mut diff, &expected["models"], outcome.models.as_deref()),
        Some("count_tokens") => diff.equal("count_tokens", counted(expected), outcome.count),
        _ => {}
    }
    diff.0
}

fn fault(diff: &mut Diff, expected: &Value, found: Option<&Fault>) {
    let Some(found) = diff.both("error", expected, found) else { return };
    diff.equal("error.status", expected["status"].as_u64(), Some(found.status));
    diff.equal("error.type", text(&expected["type"]), present(found.kind.as_deref()));
    diff.equal("error.code", text(&expected["code"]), present(found.code.as_deref()));
    diff.equal("error.message", text(&expected["message"]).unwrap_or_default(), found.message.clone());
}

/// Any of the ids that the answer's headers name will do. A bare list or number has no room for one.
fn request_id(diff: &mut Diff, expected: &Value, outcome: &Outcome) {
    let Some(id) = expected["request_id"].as_str() else { return };
    if outcome.models.is_some() || outcome.count.is_some() {
        return;
    }
    let found = outcome.request_id.as_deref();
    let others = expected["request_id_headers"].as_object();
    let known = |found: &str| found == id || others.is_some_and(|ids| ids.values().any(|id| id == found));
    if !found.is_some_and(known) {
        diff.push("request_id", id, &found);
    }
}

fn chat(diff: &mut Diff, view: &View<'_>, found: Option<&Chat>) {
    // An answer that failed before its first token is no answer; an empty one that a client keeps is none either.
    let nothing = view.chat.is_null() && found.is_none_or(|chat| *chat == Chat::default());
    let Some(found) = (if nothing { None } else { diff.both("chat", view.chat, found) }) else { return };
    let expected = view.chat;
    diff.equal("id", text(&expected["id"]), present(found.id.as_deref()));
    diff.equal("model", text(&expected["model"]), present(found.model.as_deref()));
    diff.equal("text", text(&expected["text"]).unwrap_or_default(), found.text.clone());
    diff.equal("reasoning", text(&expected["reasoning"]).unwrap_or_default(), found.reasoning.clone());
    diff.equal("refusal", text(&expected["refusal"]), present(found.refusal.as_deref()));
    diff.equal("finish", text(&expected["finish"]), present(found.finish.as_deref()));
    diff.equal("finish_raw", text(&expected["finish_raw"]), present(found.finish_raw.as_deref()));
    diff.equal("logprobs_count", expected["logprobs_count"].as_u64(), Some(found.logprobs));
    diff.equal("citations_count", expected["citations_count"].as_u64(), Some(found.citations));
    diff.equal("choices", expected["choices"].as_u64(), Some(found.choices));
    let signatures = list(&expected["reasoning_signatures"]).iter().filter_map(Value::as_str).map(base64);
    let found_signatures = found.signatures.iter().map(|signature| base64(signature));
    diff.equal("reasoning_signatures", signatures.collect::<Vec<_>>(), found_signatures.collect());
    calls(diff, list(&expected["tool_calls"]), &found.calls);
    for ((name, zero_is_null), found) in USAGE.into_iter().zip(found.usage) {
        let number = |value: Option<u64>| if zero_is_null { value.filter(|n| *n > 0) } else { value };
        diff.equal(&format!("usage.{name}"), number(view.usage[name].as_u64()), number(found));
    }
}

fn calls(diff: &mut Diff, expected: &[Value], found: &[Call]) {
    diff.equal("tool_calls.count", expected.len(), found.len());
    for (at, (expected, found)) in expected.iter().zip(found).enumerate() {
        if let Some(id) = text(&expected["id"]) {
            diff.equal(&format!("tool_calls[{at}].id"), id, found.id.clone());
        }
        diff.equal(
            &format!("tool_calls[{at}].name"),
            text(&expected["name"]).unwrap_or_default(),
            found.name.clone(),
        );
        if !same_arguments(&expected["arguments"], &found.arguments) {
            diff.push(&format!("tool_calls[{at}].arguments"), &expected["arguments"], &found.arguments);
        }
    }
}

/// The same JSON value; the same text where it is no JSON. Nothing and an empty object are the same.
fn same_arguments(expected: &Value, found: &str) -> bool {
    let nothing =
        |value: &Value| value.is_null() || value == "" || value.as_object().is_some_and(|map| map.is_empty());
    if expected.as_str() == Some(found) {
        return true;
    }
    let found = if found.trim().is_empty() { Ok(Value::Null) } else { serde_json::from_str::<Value>(found) };
    found.is_ok_and(|found| same_json(expected, &found) || (nothing(expected) && nothing(&found)))
}

fn embed(diff: &mut Diff, expected: &Value, found: Option<&Embed>) {
    let Some(found) = diff.both("embed", expected, found) else { return };
    diff.equal("embed.count", expected["count"].as_u64(), Some(found.count));
    diff.equal("embed.dims", expected["dims"].as_u64(), Some(found.dims));
    diff.equal("embed.usage_input", expected["usage_input"].as_u64(), found.input);
    let head: Vec<f64> = list(&expected["head"]).iter().filter_map(Value::as_f64).collect();
    let close =
        head.len() == found.head.len() && head.iter().zip(&found.head).all(|(a, b)| (a - b).abs() <= 1e-6);
    if !close {
        diff.push("embed.head", &head, &found.head);
    }
}

fn models(diff: &mut Diff, expected: &Value, found: Option<&[String]>) {
    let Some(found) = diff.both("models", expected, found) else { return };
    diff.equal("models.count", expected["count"].as_u64(), u64::try_from(found.len()).ok());
    let head: Vec<&str> = list(&expected["ids_head"]).iter().filter_map(Value::as_str).collect();
    let found_head: Vec<&str> = found.iter().take(head.len()).map(String::as_str).collect();
    diff.equal("models.ids_head", head, found_head);
}

/// A count stands under the operation's name or among other results, bare or by name.
fn counted(expected: &Value) -> Option<u64> {
    let counts = [&expected["count_tokens"], &expected["other"]];
    let within = |count: &Value| count.as_object().and_then(|map| map.values().find_map(Value::as_u64));
    counts.into_iter().find_map(|count| count.as_u64().or_else(|| within(count)))
}

/// Equal as JSON: key order and the spelling of numbers do not matter.
pub fn same_json(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same_json(a, b)))
        }
        _ => a == b,
    }
}

/// A text that says something; codes may be numbers.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => present(Some(text)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn present(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Base64 in one of its two alphabets, without padding.
fn base64(text: &str) -> String {
    text.trim_end_matches('=').replace('-', "+").replace('_', "/")
}

struct Diff(Vec<Difference>);

impl Diff {
    fn push(
        &mut self,
        field: &str,
        expected: &(impl fmt::Debug + ?Sized),
        found: &(impl fmt::Debug + ?Sized),
    ) {
        let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
        self.0.push(Difference { field: field.to_owned(), expected, found });
    }

    fn equal<T: PartialEq + fmt::Debug>(&mut self, field: &str, expected: T, found: T) {
        if expected != found {
            self.push(field, &expected, &found);
        }
    }

    /// What was found, if it was to be found; a difference if only one side has it.
    fn both<'f, T: ?Sized>(&mut self, field: &str, expected: &Value, found: Option<&'f T>) -> Option<&'f T> {
        match (expected.is_null(), found) {
            (false, Some(found)) => return Some(found),
            (true, Some(_)) => self.push(field, "none", "one"),
            (false, None) => self.push(field, expected, "none"),
            (true, None) => {}
        }
        None
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let same = self.expected.chars().zip(self.found.chars()).take_while(|(a, b)| a == b).count();
        let (expected, found) = (excerpt(&self.expected, same), excerpt(&self.found, same));
        write!(f, "{}: expected {expected}, found {found}", self.field)
    }
}

/// Enough of a value to recognise it: its beginning, or what lies around the place `same` where two begin to differ.
fn excerpt(text: &str, same: usize) -> String {
    let skipped = if same > 120 { same - 40 } else { 0 };
    let (before, rest) = (if skipped > 0 { "…" } else { "" }, text.chars().skip(skipped));
    let after = if rest.clone().nth(160).is_some() { "…" } else { "" };
    format!("{before}{}{after}", rest.take(160).collect::<String>())
}
