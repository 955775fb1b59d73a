//! A model whose template opens reasoning.

use serde_json::Value;
use typewright_runtime::chat::{ChatEvent, ChatRequest, FinishReason, Part};
use typewright_runtime::local::chat::LocalModel;

use super::model::{CLOSE, config, file, load, request};
use super::{answered, schema};

fn thinking() -> LocalModel {
    let template = "{{ messages[-1].content.split('</think>')[-1] }}</u><think>\n";
    load(&file().entry("tokenizer.chat_template", template), &config()).unwrap()
}

fn biased(bias: f64) -> ChatRequest {
    let mut request = request("Hello");
    request.logit_bias.push((CLOSE.to_string(), bias));
    request
}

#[test]
fn what_is_thought_is_no_text() {
    let (answer, events) = answered(&mut thinking(), &biased(-100.0));
    assert!(matches!(&answer.response.parts[..], [Part::Reasoning(_)]), "{:?}", answer.response);
    assert_eq!(answer.response.usage.unwrap().reasoning, Some(40));
    assert_eq!(answer.response.finish, Some(FinishReason::Length));
    assert!(
        events[1..events.len() - 3].iter().all(|event| matches!(event, ChatEvent::Reasoning(_))),
        "{events:?}"
    );
}

#[test]
fn a_form_holds_from_the_end_of_reasoning_on() {
    let mut model = thinking();
    let format =
        schema(r#"{"type": "array", "items": {"enum": ["red", "</think>"]}, "minItems": 2, "maxItems": 2}"#);
    for seed in 0..5 {
        let bias = if seed == 0 { 100.0 } else { 8.0 };
        let asked =
            ChatRequest { format: format.clone(), max_tokens: Some(250), seed: Some(seed), ..biased(bias) };
        let (answer, _) = answered(&mut model, &asked);
        assert_eq!(answer.response.finish, Some(FinishReason::Stop), "{:?}", answer.response);
        let value: Value = serde_json::from_str(&answer.response.text()).unwrap();
        assert_eq!(value.as_array().unwrap().len(), 2);
        let thought = answer.response.usage.clone().unwrap().reasoning.unwrap();
        assert!(thought >= 1 && (seed > 0 || thought == 1), "{:?}", answer.response);
        assert_eq!(answer.response.reasoning().is_empty(), thought == 1, "{:?}", answer.response);
    }
}
