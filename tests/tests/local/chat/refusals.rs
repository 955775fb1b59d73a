//! What cannot be done is refused by its name, before anything is told.

use std::ops::ControlFlow;

use typewright_runtime::chat::{ChatRequest, Media, Part, ReasoningConfig, ToolChoice};
use typewright_runtime::json::RawJson;
use typewright_runtime::local::Error;
use typewright_runtime::local::chat::{Config, LocalModel, Turns};

use super::model::{config, file, load, loaded, request};
use super::{answered, schema};

fn refused(model: &mut LocalModel, request: &ChatRequest) -> (String, String) {
    let mut events = 0;
    let answer = model.answer(request, |_| {
        events += 1;
        ControlFlow::Continue(())
    });
    match answer {
        Err(Error::Request(refusal)) if events == 0 => {
            (refusal.feature.to_string(), refusal.reason.to_string())
        }
        other => panic!("{other:?} after {events} events"),
    }
}

#[test]
fn a_prompt_beyond_the_context_is_refused_before_anything_runs() {
    let mut model = loaded();
    let room = model.context() - 3;
    let (feature, reason) = refused(&mut model, &request(&"x".repeat(room + 1)));
    assert_eq!(
        (feature.as_str(), reason.as_str()),
        ("messages", "the prompt has 257 tokens, and the context 256")
    );
    let (answer, _) = answered(&mut model, &request(&"x".repeat(room)));
    assert_eq!(answer.response.usage.unwrap().output, Some(1));
}

#[test]
fn what_cannot_be_done_is_named() {
    let mut model = loaded();
    let mut feature = |change: &dyn Fn(&mut ChatRequest)| {
        let mut request = request("Hello");
        change(&mut request);
        refused(&mut model, &request).0
    };
    let json = |text: &str| RawJson::new(text).unwrap();
    assert_eq!(feature(&|r| r.n = Some(2)), "n");
    assert_eq!(feature(&|r| r.max_tokens = Some(0)), "max_tokens");
    assert_eq!(feature(&|r| r.service_tier = Some("fast".to_owned())), "service_tier");
    assert_eq!(feature(&|r| r.temperature = Some(-1.0)), "temperature");
    assert_eq!(feature(&|r| r.top_logprobs = Some(2)), "top_logprobs");
    assert_eq!(feature(&|r| r.logit_bias = vec![("x".to_owned(), 1.0)]), "logit_bias");
    assert_eq!(feature(&|r| r.stop = vec![String::new()]), "stop");
    assert_eq!(feature(&|r| r.options.push(("min_p".into(), json("\"x\"")))), "min_p");
    assert_eq!(feature(&|r| r.options.push(("best_of".into(), json("2")))), "best_of");
    assert_eq!(feature(&|r| r.extra.push(("field".to_owned(), json("2")))), "field");
    assert_eq!(feature(&|r| r.reasoning = Some(ReasoningConfig::Enabled)), "reasoning");
    assert_eq!(feature(&|r| r.tool_choice = Some(ToolChoice::Required)), "tool_choice");
    assert_eq!(feature(&|r| r.format = schema("{\"type\": \"array\", \"uniqueItems\": true}")), "format");
    assert_eq!(feature(&|r| r.messages[0].parts.push(Part::Image(Media::url("https://x")))), "images");
    assert_eq!(feature(&|r| r.messages[0].parts.push(Part::text("\u{FDD0}"))), "messages");
}

#[test]
fn options_of_local_models_work() {
    let mut model = loaded();
    let mut with = |options: &[(&'static str, &str)]| {
        let options = options.iter().map(|(name, value)| ((*name).into(), RawJson::new(*value).unwrap()));
        answered(&mut model, &ChatRequest { options: options.collect(), ..request("Hello") })
            .0
            .response
            .text()
    };
    let plain = with(&[]);
    for options in [
        &[("min_p", "0.9")][..],
        &[("repetition_penalty", "3"), ("repeat_last_n", "20")],
        &[("mirostat", "2"), ("mirostat_tau", "1")],
    ] {
        assert_ne!(with(options), plain, "{options:?}");
    }
    assert!(!with(&[("dry_multiplier", "5")]).is_empty());
}

#[test]
fn a_model_without_a_template_needs_one() {
    let error = load(&file(), &config()).unwrap_err();
    assert!(error.to_string().contains("no chat template"), "{error}");
    for (turns, prompt) in [
        (Turns::ImStart, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"),
        (Turns::Template("{{ messages[0].content }}!".to_owned()), "Hi!"),
    ] {
        let model = load(&file(), &Config { turns: Some(turns), ..config() }).unwrap();
        assert_eq!(model.prompt(&request("Hi")).unwrap(), prompt);
    }
}
