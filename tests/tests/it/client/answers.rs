//! What comes back: unknown things are kept, costs are exact, streams are streams.

use std::future::poll_fn;
use std::pin::Pin;

use futures_core::Stream;
use typewright_runtime::chat::{ChatEvent, FinishReason, Part};
use typewright_runtime::model::Model;

use super::{HELLO, anthropic, delta, finish, openai, text};
use crate::server::{Answer, Server};

#[tokio::test]
async fn unknown_events_fields_and_words_are_kept_and_break_nothing() {
    let stream = Answer::stream()
        .event(&text("Hel"))
        .event(r#"{"object":"weather","sky":"blue"}"#)
        .event(&delta(r#"{"content":"lo.","mood":{"is":"good"}}"#))
        .event(&finish("bored"))
        .event(r#"{"object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"dreams":7}}"#)
        .event("[DONE]");
    let server = Server::new([stream]).await;
    let mut events = openai(&server).chat("m").user("Hi.").stream().await.unwrap();
    let mut raw = Vec::new();
    while let Some(event) = events.next().await {
        if let ChatEvent::Raw { json, part } = event.unwrap() {
            raw.push((json.into_owned(), part));
        }
    }
    assert_eq!(raw, [(r#"{"object":"weather","sky":"blue"}"#.to_owned(), false)]);
    let reply = events.into_reply();
    assert_eq!(reply.text(), "Hello.");
    assert_eq!(reply.finish, Some(FinishReason::Other("bored".to_owned())));
    assert!(reply.usage().unwrap().raw.as_ref().unwrap().as_str().contains(r#""dreams":7"#));
    assert_eq!(reply.unknown.len(), 1);
}

#[tokio::test]
async fn a_part_that_nobody_here_understands_is_sent_back_as_it_stood() {
    let answer = r#"{"id":"m-1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Look:"},
        {"type":"hologram","beams":[1,2],"note":"é"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":1}}"#;
    let server = Server::new([Answer::json(answer), Answer::json(answer)]).await;
    let client = anthropic(&server);
    let reply = client.chat("m").user("Hi.").max_tokens(9).send().await.unwrap();
    let Part::Raw(raw) = &reply.parts[1] else { panic!("{:?}", reply.parts) };
    assert_eq!(raw.as_str(), r#"{"type":"hologram","beams":[1,2],"note":"é"}"#);
    let turn = typewright_runtime::chat::Message {
        role: typewright_runtime::chat::Role::Assistant,
        name: None,
        parts: reply.parts.clone(),
    };
    client.chat("m").user("Hi.").message(turn).user("And?").max_tokens(9).send().await.unwrap();
    let sent = &server.body(1)["messages"][1]["content"][1];
    assert_eq!(sent.to_string(), r#"{"type":"hologram","beams":[1,2],"note":"é"}"#);
}

#[tokio::test]
async fn events_are_a_stream_as_well() {
    let body =
        Answer::stream().event(&text("Hel")).event(&text("lo.")).event(&finish("stop")).event("[DONE]");
    let server = Server::new([body]).await;
    let mut events = openai(&server).chat("m").user("Hi.").stream().await.unwrap().into_stream();
    let mut kept: Vec<ChatEvent<'static>> = Vec::new();
    while let Some(event) = poll_fn(|cx| Pin::new(&mut events).poll_next(cx)).await {
        kept.push(event.unwrap());
    }
    let start = ChatEvent::Start { id: Some("c-1".into()), model: Some("m".into()) };
    let wanted = [start, ChatEvent::Text("Hel".into()), ChatEvent::Text("lo.".into()), ChatEvent::PartEnd];
    assert_eq!(kept[..4], wanted);
    assert_eq!(kept.last(), Some(&ChatEvent::Finish(FinishReason::Stop)));
    assert_eq!(events.into_inner().into_reply().text(), "Hello.");
}

/// Prices in units of 10⁻⁹ dollars a million tokens, so that sums are in units of 10⁻¹⁵ dollars.
fn cost(model: &Model, plain: u128, cached: u128, output: u128) -> u128 {
    let input = plain + cached;
    let tier = model.tiers.iter().filter(|tier| input > u128::from(tier.above)).max_by_key(|tier| tier.above);
    let prices = tier.map_or(&model.prices, |tier| &tier.prices);
    let price = |price: Option<typewright_runtime::model::Price>| u128::from(price.unwrap().0);
    plain * price(prices.input) + cached * price(prices.cache_read) + output * price(prices.output)
}

fn usage(plain: u128, cached: u128, output: u128) -> String {
    let counted = format!(
        r#"{{"prompt_tokens":{},"completion_tokens":{output},"prompt_tokens_details":{{"cached_tokens":{cached}}}}}"#,
        plain + cached
    );
    HELLO.replace(r#"{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}"#, &counted)
}

#[tokio::test]
async fn a_cost_is_exact_and_unknown_rather_than_wrong() {
    let catalog = typewright::openai::models::ALL;
    let cached = |model: &&&Model| model.prices.cache_read.is_some() && model.prices.output.is_some();
    let plain = *catalog.iter().filter(cached).find(|model| model.tiers.is_empty()).unwrap();
    let tiered = *catalog.iter().filter(cached).find(|model| !model.tiers.is_empty()).unwrap();
    let above = u128::from(tiered.tiers[0].above);
    let cases = [(plain, 600, 400, 100), (plain, 1, 0, 0), (tiered, above, 0, 1), (tiered, above - 1, 2, 7)];
    for (model, input, read, output) in cases {
        let server = Server::new([Answer::json(&usage(input, read, output))]).await;
        let reply = openai(&server).chat(model.id).user("Hi.").send().await.unwrap();
        let wanted = cost(model, input, read, output);
        assert_eq!(reply.cost().unwrap().femtodollars(), wanted, "{} {input} {read} {output}", model.id);
    }
    let server = Server::new([Answer::json(HELLO), Answer::json(HELLO)]).await;
    let client = openai(&server);
    assert_eq!(client.chat("a-tuned-one").user("Hi.").send().await.unwrap().cost(), None);
    let fast = client.chat(plain.id).user("Hi.").service_tier("priority").send().await.unwrap();
    assert_eq!(fast.cost(), None, "no catalog has the prices of special tiers");
}

#[tokio::test]
async fn a_streamed_answer_costs_what_the_whole_one_does() {
    let counted = r#"{"object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}"#;
    let stream =
        Answer::stream().event(&text("Hello.")).event(&finish("stop")).event(counted).event("[DONE]");
    let server = Server::new([stream, Answer::json(HELLO)]).await;
    let client = openai(&server);
    let call = client.chat("gpt-4.1").user("Hi.");
    let streamed = call.clone().stream().await.unwrap().collect().await.unwrap();
    let whole = call.send().await.unwrap();
    assert_eq!(whole.cost().unwrap().to_string(), "0.000036");
    assert_eq!((streamed.cost(), streamed.parts.clone()), (whole.cost(), whole.parts.clone()));
}
