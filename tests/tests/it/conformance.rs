//! Recorded exchanges through the generated clients, and whether their grader can fail.

use std::path::PathBuf;

use serde_json::Value;
use typewright_tests::compare::{self, Call, Chat, Embed, Fault, Outcome};
use typewright_tests::corpus::{self, Corpus};
use typewright_tests::openapi::Schemas;
use typewright_tests::run::{self, Options};
use typewright_tests::{body, request, scope};

#[test]
fn the_recorded_corpus() {
    let report = run::run(&Options::default()).unwrap();
    println!("{}", report.to_text());
    assert!(report.good(), "{}", report.to_text());
}

/// Needs no corpus: a few exchanges written by hand, in the layout of one.
#[test]
fn the_committed_samples() {
    let report = run::over(&samples(), &Options { exhaustive: true, ..Options::default() }).unwrap();
    assert!(report.cases.len() >= 11, "{}", report.to_text());
    assert!(report.good(), "{}", report.to_text());
}

#[test]
fn a_corpus_that_is_named_must_be_there() {
    let absent = Options { corpus: Some(PathBuf::from("tests/no-such-corpus")), ..Options::default() };
    assert!(run::run(&absent).is_err());
    let empty = Options { corpus: Some(PathBuf::from("tests/src")), ..Options::default() };
    assert!(run::run(&empty).is_err());
}

#[test]
fn the_comparator_sees_every_graded_field() {
    let mut corpora = vec![samples()];
    corpora.extend(corpus::locate(None).unwrap());
    let mut seen = 0;
    for corpus in &corpora {
        for name in &corpus.names {
            let case = corpus.case(name).unwrap();
            let inside = scope::outside(&case.dialect, &case.provider, case.operation()).is_none();
            if inside && compare::gradable(&case.expected) {
                seen += perturb_all(name, &case.expected);
            }
        }
    }
    assert!(seen > 100, "only {seen} perturbations");
}

#[test]
fn the_request_comparator_sees_every_field() {
    let mut corpora = vec![samples()];
    corpora.extend(corpus::locate(None).unwrap());
    let mut seen = 0;
    for case in corpora.iter().flat_map(|corpus| corpus.names.iter().map(|name| corpus.case(name).unwrap())) {
        let inside = scope::outside(&case.dialect, &case.provider, case.operation()).is_none();
        let Some(canonical) = request::read(&case).filter(|_| inside) else { continue };
        let differences = |sent: &Value| body::compare(&case, &canonical, sent).differences;
        assert_eq!(
            differences(&case.request),
            Vec::<String>::new(),
            "{}: the recorded request itself",
            case.name
        );
        for (key, value) in case.request.as_object().unwrap() {
            let spelling =
                value.is_null() || key == "stream" || value.as_object().is_some_and(|map| map.is_empty());
            let optional = spelling || canonical.dropped.iter().any(|name| name.ends_with(key));
            let mut sent = case.request.clone();
            sent.as_object_mut().unwrap().remove(key);
            assert!(optional || !differences(&sent).is_empty(), "{}: {key} is not compared", case.name);
            sent[key] = serde_json::json!({"other": value});
            assert!(!differences(&sent).is_empty(), "{}: {key} is not compared", case.name);
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} fields");
}

#[test]
fn the_published_schema_rejects_what_it_should() {
    let Some(corpus) = corpus::locate(None).unwrap() else { return println!("corpus absent, 0 schemas") };
    let schemas = Schemas::load(&corpus.root).unwrap();
    let good = serde_json::json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    let bad = serde_json::json!({"model": "m", "messages": [{"role": "user", "content": 7}], "n": "one"});
    for (dialect, provider) in schemas.described() {
        assert_eq!(schemas.objections(dialect, provider, &good, &good), Vec::<String>::new());
        assert!(schemas.objections(dialect, provider, &good, &bad).len() >= 2);
    }
}

fn samples() -> Corpus {
    corpus::open(corpus::workspace_root().join("tests/samples"), true).unwrap()
}

fn perturb_all(name: &str, expected: &Value) -> usize {
    let right = outcome(expected);
    assert_eq!(compare::compare(expected, &right), [], "{name}: the expected result itself");
    let mut seen = 0;
    for (what, perturb) in PERTURBATIONS {
        let mut wrong = right.clone();
        perturb(&mut wrong);
        if wrong != right {
            assert_ne!(compare::compare(expected, &wrong), [], "{name}: {what} is not graded");
            seen += 1;
        }
    }
    seen
}

type Perturbation = (&'static str, fn(&mut Outcome));

/// One change for every graded field; a change that a case has no field for changes nothing.
const PERTURBATIONS: &[Perturbation] = &[
    ("broken", |o| o.broken = Some("no".into())),
    ("truncated", |o| o.truncated = !o.truncated),
    ("request_id", |o| {
        let has_room = o.models.is_none() && o.count.is_none();
        o.request_id.iter_mut().filter(|_| has_room).for_each(|id| id.push('x'));
    }),
    ("the whole error", |o| o.error = if o.error.is_some() { None } else { Some(Fault::default()) }),
    ("error.status", |o| error(o, |e| e.status += 1)),
    ("error.type", |o| error(o, |e| flip(&mut e.kind))),
    ("error.code", |o| error(o, |e| flip(&mut e.code))),
    ("error.message", |o| error(o, |e| e.message.push('x'))),
    ("the whole answer", |o| o.chat = if o.chat.is_some() { None } else { o.chat.clone() }),
    ("id", |o| chat(o, |c| flip(&mut c.id))),
    ("model", |o| chat(o, |c| flip(&mut c.model))),
    ("text", |o| chat(o, |c| c.text.push('x'))),
    ("reasoning", |o| chat(o, |c| c.reasoning.push('x'))),
    ("a signature more", |o| chat(o, |c| c.signatures.push("eA==".into()))),
    ("a signature less", |o| chat(o, |c| drop(c.signatures.pop()))),
    ("refusal", |o| chat(o, |c| flip(&mut c.refusal))),
    ("a call more", |o| chat(o, |c| c.calls.push(Call::default()))),
    ("a call less", |o| chat(o, |c| drop(c.calls.pop()))),
    ("tool_calls.name", |o| chat(o, |c| call(c, |call| call.name.push('x')))),
    ("tool_calls.arguments", |o| chat(o, |c| call(c, |call| call.arguments = "[\"other\"]".into()))),
    ("finish", |o| chat(o, |c| flip(&mut c.finish))),
    ("finish_raw", |o| chat(o, |c| flip(&mut c.finish_raw))),
    ("usage.input_total", |o| chat(o, |c| more(&mut c.usage[0]))),
    ("usage.output_total", |o| chat(o, |c| more(&mut c.usage[1]))),
    ("usage.cache_read", |o| chat(o, |c| more(&mut c.usage[2]))),
    ("usage.cache_write", |o| chat(o, |c| more(&mut c.usage[3]))),
    ("usage.reasoning", |o| chat(o, |c| more(&mut c.usage[4]))),
    ("usage.input_total lost", |o| chat(o, |c| c.usage[0] = None)),
    ("logprobs_count", |o| chat(o, |c| c.logprobs += 1)),
    ("citations_count", |o| chat(o, |c| c.citations += 1)),
    ("choices", |o| chat(o, |c| c.choices += 1)),
    ("embed.count", |o| embed(o, |e| e.count += 1)),
    ("embed.dims", |o| embed(o, |e| e.dims += 1)),
    ("embed.head", |o| embed(o, |e| e.head.iter_mut().take(1).for_each(|n| *n += 1e-4))),
    ("embed.usage_input", |o| embed(o, |e| more(&mut e.input))),
    ("models.count", |o| o.models.iter_mut().for_each(|models| models.push("other".into()))),
    ("models.ids_head", |o| o.models.iter_mut().flatten().take(1).for_each(|id| id.push('x'))),
    ("count_tokens", |o| o.count = o.count.map(|n| n + 1)),
];

fn error(outcome: &mut Outcome, change: fn(&mut Fault)) {
    outcome.error.iter_mut().for_each(change);
}

fn chat(outcome: &mut Outcome, change: fn(&mut Chat)) {
    outcome.chat.iter_mut().for_each(change);
}

fn embed(outcome: &mut Outcome, change: fn(&mut Embed)) {
    outcome.embed.iter_mut().for_each(change);
}

fn call(chat: &mut Chat, change: fn(&mut Call)) {
    chat.calls.iter_mut().take(1).for_each(change);
}

fn flip(text: &mut Option<String>) {
    *text = Some(text.take().map_or_else(|| "some".to_owned(), |text| text + "x"));
}

fn more(number: &mut Option<u64>) {
    *number = Some(number.unwrap_or(0) + 1);
}

/// The outcome of a client that does exactly what is expected.
fn outcome(expected: &Value) -> Outcome {
    let plain = expected["preferred"] == "plain" && expected.get("chat_plain").is_some();
    let (view, usage) =
        if plain { ("chat_plain", "usage_normalised_plain") } else { ("chat", "usage_normalised") };
    Outcome {
        chat: expected.get(view).map(|view| answer(view, &expected[usage])),
        embed: expected.get("embed").map(|embed| Embed {
            count: embed["count"].as_u64().unwrap(),
            dims: embed["dims"].as_u64().unwrap(),
            head: embed["head"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect(),
            input: embed["usage_input"].as_u64(),
        }),
        models: expected.get("models").map(listed),
        count: expected["other"].as_object().and_then(|count| count.values().find_map(Value::as_u64)),
        error: expected.get("error").map(|error| Fault {
            status: error["status"].as_u64().unwrap(),
            kind: text(&error["type"]),
            code: text(&error["code"]),
            message: text(&error["message"]).unwrap_or_default(),
        }),
        truncated: expected["result"] == "truncated",
        broken: None,
        request_id: text(&expected["request_id"]),
    }
}

fn answer(view: &Value, usage: &Value) -> Chat {
    let number = |name: &str| usage[name].as_u64();
    let strings = |value: &Value| value.as_array().unwrap().iter().filter_map(text).collect();
    Chat {
        id: text(&view["id"]),
        model: text(&view["model"]),
        text: text(&view["text"]).unwrap_or_default(),
        reasoning: text(&view["reasoning"]).unwrap_or_default(),
        signatures: strings(&view["reasoning_signatures"]),
        refusal: text(&view["refusal"]),
        calls: view["tool_calls"].as_array().unwrap().iter().map(called).collect(),
        finish: text(&view["finish"]),
        finish_raw: text(&view["finish_raw"]),
        usage: ["input_total", "output_total", "cache_read", "cache_write", "reasoning"].map(number),
        logprobs: view["logprobs_count"].as_u64().unwrap(),
        citations: view["citations_count"].as_u64().unwrap(),
        choices: view["choices"].as_u64().unwrap(),
    }
}

fn called(call: &Value) -> Call {
    let arguments = &call["arguments"];
    Call {
        id: text(&call["id"]).unwrap_or_else(|| "made up".to_owned()),
        name: text(&call["name"]).unwrap_or_default(),
        arguments: arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned),
    }
}

fn listed(models: &Value) -> Vec<String> {
    let mut ids: Vec<String> = models["ids_head"].as_array().unwrap().iter().filter_map(text).collect();
    let count = usize::try_from(models["count"].as_u64().unwrap()).unwrap();
    ids.resize(count, "further".to_owned());
    ids
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
