//! What is sent: options, further fields, and what is refused before anything is.

use serde_json::json;
use typewright::openai::options::Verbosity;
use typewright::{anthropic, openai};
use typewright_runtime::chat::ReasoningConfig;
use typewright_runtime::error::{Error, ErrorKind};
use typewright_runtime::json::RawJson;

use super::{HELLO, anthropic as messages, openai};
use crate::server::{Answer, Server};

#[tokio::test]
async fn options_and_further_fields_stand_in_the_body() {
    let server = Server::new([Answer::json(HELLO)]).await;
    let options = openai::Options::new().store(true).verbosity(Verbosity::Low).prompt_cache_key("k");
    let call = openai(&server).chat("m").user("Hi.").options(options);
    call.extra("brand_new", RawJson::new(r#"{"a": [1]}"#).unwrap()).send().await.unwrap();
    let wanted = json!({
        "model": "m",
        "messages": [{"role": "user", "content": "Hi."}],
        "stream": false,
        "store": true,
        "verbosity": "low",
        "prompt_cache_key": "k",
        "brand_new": {"a": [1]},
    });
    assert_eq!(server.body(0), wanted);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_and_nothing_is_sent() {
    let server = Server::new([]).await;
    let call = openai(&server).chat("m").user("Hi.");
    let refusals = [
        call.clone().extra("model", RawJson::string("other")).send().await.unwrap_err(),
        call.clone()
            .extra("a", RawJson::string("1"))
            .extra("a", RawJson::string("2"))
            .send()
            .await
            .unwrap_err(),
        call.clone().options(anthropic::Options::new()).send().await.unwrap_err(),
        call.clone().temperature(f64::NAN).send().await.unwrap_err(),
        call.clone().temperature(3.0).send().await.unwrap_err(),
        messages(&server).chat("m").user("Hi.").n(2).send().await.unwrap_err(),
    ];
    let features = ["extra.model", "extra.a", "options", "temperature", "temperature", "n"];
    for (error, feature) in refusals.iter().zip(features) {
        let Error::Unsupported(unsupported) = error else { panic!("{error:?}") };
        assert_eq!(unsupported.feature, feature);
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }
    assert_eq!(server.seen(|seen| seen.connections), 0);
}

#[tokio::test]
async fn what_a_wire_has_no_place_for_is_left_out_and_said() {
    let server = Server::new([Answer::json(HELLO)]).await;
    let reply = openai(&server).chat("m").user("Hi.").top_k(5).send().await.unwrap();
    assert_eq!(reply.warnings.iter().map(|warning| warning.feature.as_str()).collect::<Vec<_>>(), ["top_k"]);
    assert_eq!(server.body(0).get("top_k"), None);
}

#[tokio::test]
async fn a_list_of_models_goes_on_over_its_pages() {
    let page = |ids: &str, more: bool, last: &str| {
        Answer::json(&format!(r#"{{"data":[{ids}],"has_more":{more},"first_id":"x","last_id":"{last}"}}"#))
    };
    let model = |id: &str| format!(r#"{{"type":"model","id":"{id}","display_name":"{id}!","new":1}}"#);
    let first = page(&[model("a"), model("b/&")].join(","), true, "b/&");
    let server = Server::new([first, page(&model("c"), false, "c")]).await;
    let models = messages(&server).models().await.unwrap();
    let named: Vec<_> =
        models.iter().map(|model| (model.id.as_str(), model.name.as_deref().unwrap())).collect();
    assert_eq!(named, [("a", "a!"), ("b/&", "b/&!"), ("c", "c!")]);
    let paths =
        server.seen(|seen| seen.asked.iter().map(|(asked, _)| asked.path.clone()).collect::<Vec<_>>());
    assert_eq!(paths, ["/v1/models?limit=1000", "/v1/models?limit=1000&after_id=b%2F%26"]);
}

#[tokio::test]
async fn vectors_come_in_the_order_of_their_texts() {
    let answer = r#"{"object":"list","model":"e","data":[{"object":"embedding","index":1,"embedding":[0.5,-1]},
        {"object":"embedding","index":0,"embedding":[1e-3,2]}],"usage":{"prompt_tokens":4,"total_tokens":4}}"#;
    let server = Server::new([Answer::json(answer)]).await;
    let reply = openai(&server)
        .embed("text-embedding-3-small")
        .inputs(["a", "b"])
        .dimensions(2)
        .send()
        .await
        .unwrap();
    assert_eq!(reply.vectors, [vec![0.001, 2.0], vec![0.5, -1.0]]);
    assert_eq!(reply.usage.as_ref().unwrap().input, Some(4));
    let wanted = json!({"model": "text-embedding-3-small", "input": ["a", "b"], "dimensions": 2});
    assert_eq!(server.body(0), wanted);
}

#[test]
fn the_door_to_all_providers_knows_their_names() {
    let error = |name: &str| typewright::client(name).err().map(|error| error.to_string()).unwrap();
    for wrong in ["gpt", "nobody:gpt", ":m", "openai:"] {
        assert!(
            error(wrong).contains(wrong.split(':').find(|part| !part.is_empty()).unwrap()),
            "{}",
            error(wrong)
        );
    }
}

#[tokio::test]
async fn reasoning_without_an_effort_is_said_where_there_is_a_word_for_it_and_warned_of_elsewhere() {
    let server = Server::new([Answer::json(HELLO)]).await;
    let call = openai(&server).chat("m").user("Hi.").reasoning(ReasoningConfig::Enabled);
    let reply = call.send().await.unwrap();
    assert_eq!(server.body(0)["reasoning_effort"], json!(null));
    assert_eq!(reply.warnings.iter().map(|one| one.feature.as_str()).collect::<Vec<_>>(), ["reasoning"]);
}
