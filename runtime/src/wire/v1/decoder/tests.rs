//! Streams from bytes to events, cut anywhere.

mod repeats;

use super::*;
use crate::chat::FinishReason;
use crate::wire::v1::answer;
use crate::wire::v1::sample::{CHUNKS, LINES};

const STREAM: &str = concat!(
    ": hello\n\n",
    "data: {\"id\":\"a1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"reasoning\":\"h\\u00e4\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"Grüße, \"}},{\"index\":1,\"delta\":{\"content\":\"x\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"\\uD83D\\uDE00\\n\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1}\"}}]},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n",
    "data: [DONE]\n\n",
);

/// All events of `chunks` and how they end.
fn decode(wire: &'static ChatWire, chunks: &[&[u8]]) -> (Vec<ChatEvent<'static>>, Option<WireError>) {
    let (mut decoder, mut events) = (Decoder::new(wire, Limits::default()), Vec::new());
    for chunk in chunks {
        decoder.feed(Bytes::copy_from_slice(chunk));
        if let Some(error) = drain(&mut decoder, &mut events) {
            return (events, Some(error));
        }
    }
    decoder.finish();
    let error = drain(&mut decoder, &mut events);
    assert!(decoder.is_done());
    (events, error)
}

fn drain(decoder: &mut Decoder, events: &mut Vec<ChatEvent<'static>>) -> Option<WireError> {
    while let Some(event) = decoder.next() {
        match event {
            Ok(event) => events.push(event.into_owned()),
            Err(error) => {
                assert!(decoder.next().is_none() && decoder.is_done());
                return Some(error);
            }
        }
    }
    None
}

fn collect(events: Vec<ChatEvent<'static>>) -> ChatResponse {
    let mut collector = Collector::new("acme");
    events.into_iter().for_each(|event| collector.add(event));
    collector.into_response()
}

#[test]
fn a_stream_becomes_an_answer() {
    let (events, error) = decode(&CHUNKS, &[STREAM.as_bytes()]);
    assert_eq!(error, None);
    let response = collect(events);
    assert_eq!((response.id.as_deref(), response.model.as_deref()), (Some("a1"), Some("m")));
    assert_eq!((response.text().as_str(), response.reasoning().as_str()), ("Grüße, 😀\n", "hä"));
    let call = response.tool_calls().next().unwrap();
    assert_eq!((call.id.as_str(), call.name.as_str(), call.arguments.as_str()), ("c", "f", "{\"a\":1}"));
    assert_eq!(response.finish, Some(FinishReason::ToolCalls));
    assert_eq!(response.usage.and_then(|usage| usage.output), Some(4));
    assert_eq!(response.alternatives[0].text(), "x");
}

#[test]
fn the_events_are_the_same_however_the_bytes_are_cut() {
    let stream = STREAM.as_bytes();
    let whole = decode(&CHUNKS, &[stream]);
    assert_eq!(decode(&CHUNKS, &stream.chunks(1).collect::<Vec<_>>()), whole);
    for at in 0..stream.len() {
        assert_eq!(decode(&CHUNKS, &[&stream[..at], &stream[at..]]), whole, "cut at {at}");
    }
}

#[test]
fn a_clone_goes_on_where_its_original_was() {
    let (head, tail) = STREAM.split_at(STREAM.len() / 2);
    let (mut decoder, mut events) = (Decoder::new(&CHUNKS, Limits::default()), Vec::new());
    decoder.feed(Bytes::from_static(head.as_bytes()));
    assert_eq!(drain(&mut decoder, &mut events), None);
    let mut others = events.clone();
    let mut clone = decoder.clone();
    for (decoder, events) in [(&mut decoder, &mut events), (&mut clone, &mut others)] {
        decoder.feed(Bytes::from_static(tail.as_bytes()));
        assert_eq!(drain(decoder, events), None);
    }
    assert_eq!(events, others);
    assert_eq!(events, decode(&CHUNKS, &[STREAM.as_bytes()]).0);
}

/// Wherever a stream is cut off, what came stays, and the answer is no success unless its reason to stop came.
#[test]
fn a_stream_that_is_cut_off_is_truncated() {
    let finished = STREAM.find("\"finish_reason\":\"stop\"}]}").unwrap() + 25;
    for end in 0..STREAM.len() {
        let (events, error) = decode(&CHUNKS, &[&STREAM.as_bytes()[..end]]);
        let truncated = error == Some(WireError::Truncated);
        assert!(truncated || error.is_none(), "{end}: {error:?}");
        assert_eq!(truncated, end < finished, "{end}");
        let complete =
            events.iter().any(|event| matches!(event, ChatEvent::Finish(_) | ChatEvent::ToolCall { .. }));
        assert_eq!(complete, !truncated, "{end}");
        assert!("Grüße, 😀\n".starts_with(&collect(events).text()));
    }
}

#[test]
fn a_terminal_event_is_needed_where_the_wire_has_one() {
    let line = b"{\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n";
    assert_eq!(decode(&LINES, &[line]).1, Some(WireError::Truncated));
    let (events, error) =
        decode(&LINES, &[line, b"{\"done\":true}", b"\n{\"choices\":[{\"delta\":{\"content\":\"b\"}}]}"]);
    assert_eq!((collect(events).text().as_str(), error), ("a", None));
}

#[test]
fn a_failure_in_the_middle_keeps_what_came() {
    let stream = b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"error\":\"overloaded\"}\n\ndata: {}\n\n";
    let (events, error) = decode(&CHUNKS, &[stream]);
    assert_eq!(collect(events).text(), "a");
    let Some(WireError::Failed(failure)) = error else { panic!("{error:?}") };
    assert_eq!(failure.message.as_deref(), Some("overloaded"));
}

#[test]
fn a_frame_that_is_no_json_is_corrupt() {
    let stream = b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[}\n\n";
    let (events, error) = decode(&CHUNKS, &[stream]);
    assert_eq!(collect(events).text(), "a");
    assert!(matches!(error, Some(WireError::Corrupt(Corrupt { at: 12, .. }))), "{error:?}");
}

#[test]
fn a_whole_answer_goes_through_the_same_fold() {
    let body =
        br#"{"id":"x","choices":[{"message":{"content":"a\n","tool_calls":[{"function":{"name":"f"}}]},
        "finish_reason":"stop"},{"index":1,"message":{"content":"b"},"finish_reason":"odd"}],
        "usage":{"prompt_tokens":1}}"#;
    let (response, error) = answer(&CHUNKS, body, 10);
    assert_eq!(error, None);
    assert_eq!((response.text().as_str(), response.finish_raw.as_deref()), ("a\n", Some("stop")));
    assert_eq!(response.finish, Some(FinishReason::ToolCalls));
    let call = response.tool_calls().next().unwrap();
    assert_eq!((call.id.as_str(), call.arguments.as_str()), ("twcall_a_0", "{}"));
    assert_eq!(response.alternatives[0].finish_raw.as_deref(), Some("odd"));
    assert_eq!(answer(&CHUNKS, b"{\"choices\":[]}", 0).1, None);
    assert!(matches!(answer(&CHUNKS, b"{\"error\":\"no\"}", 0).1, Some(WireError::Failed(_))));
    assert!(matches!(answer(&CHUNKS, b"<html>", 0).1, Some(WireError::Corrupt(_))));
}

/// No bytes make the decoder panic or go on for ever.
#[test]
fn any_bytes_are_survived() {
    let mut rng = fastrand::Rng::with_seed(11);
    for round in 0..3_000 {
        let mut bytes = STREAM.as_bytes().to_vec();
        for _ in 0..rng.usize(1..8) {
            let at = rng.usize(..bytes.len());
            match rng.u8(..4) {
                0 => bytes[at] = rng.u8(..),
                1 => bytes[at] = b"\"\\{}[],:\n\r"[rng.usize(..10)],
                2 => drop(bytes.drain(at..(at + rng.usize(..40)).min(bytes.len()))),
                _ => bytes.extend_from_within(at..(at + rng.usize(..40)).min(bytes.len())),
            }
        }
        let wire = if round % 2 == 0 { &CHUNKS } else { &LINES };
        let cut = rng.usize(..bytes.len());
        assert_eq!(decode(wire, &[&bytes[..cut], &bytes[cut..]]), decode(wire, &[&bytes]));
    }
}
