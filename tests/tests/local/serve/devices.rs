//! The same answers from tensors of candle, the way onto graphics cards, as from the engine.

use typewright_runtime::chat::ChatRequest;
use typewright_runtime::local::chat::{Config as ModelConfig, LocalModel};
use typewright_runtime::local::serve::{Config, Guessing, Server};
use typewright_runtime::local::{Device, Error, engine};

use super::{alone, heard, said, until};
use crate::chat::model::{self, TEMPLATE, request};

fn on(device: Device) -> Result<LocalModel, Error> {
    let engine = engine::Config { cache_bytes: 1 << 20, ..engine::Config::default() };
    let file = model::file().entry("tokenizer.chat_template", TEMPLATE);
    model::load(&file, &ModelConfig { engine, device, ..ModelConfig::default() })
}

#[test]
fn tensors_say_what_the_engine_says() {
    let guessing = Some(Guessing { most: 3, streams: 6, ..Guessing::default() });
    let server =
        Server::start(on(Device::Tensors).unwrap(), Config { guessing, ..Config::default() }).unwrap();
    let asked = |at: usize| ChatRequest {
        temperature: Some(0.0),
        max_tokens: Some(30),
        ..request(["Hello there", "Hello there, you", "abcabcabc", "Once upon a time"][at % 4])
    };
    let answers: Vec<_> = (0..6).map(|at| server.try_answer(&asked(at)).unwrap()).collect();
    for (at, answers) in answers.into_iter().enumerate() {
        assert_eq!(said(heard(answers)), said(alone(&asked(at))));
    }
    let again = heard(server.try_answer(&asked(1)).unwrap());
    assert_eq!(again.usage.as_ref().unwrap().cache_read, Some("?Hello there, you??".len() as u64 - 1));
    assert_eq!(said(again), said(alone(&asked(1))));
    let statistics = until(&server, |statistics| statistics.completed == 7);
    assert!(statistics.guessed_right > 0 && statistics.reused_tokens > 0, "{statistics:?}");
    assert!(statistics.pages_free < statistics.pages && statistics.kept > 0, "{statistics:?}");
}

#[test]
fn a_device_that_is_not_built_in_is_an_error() {
    for device in [Device::Cuda(0), Device::Metal(0)] {
        let error = on(device).unwrap_err();
        assert!(matches!(error, Error::Compute(_)), "{error:?}");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("support"), "{cause}");
    }
}
