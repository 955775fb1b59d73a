//! Frames that are met and not read: whatever follows whatever, the events are those of reading every frame.

use std::cell::Cell;

use super::*;
use crate::wire::v1::{At, Class, Cursor, Fold, Frame, Framing};

/// Texts under `t` and `u`; a number under `n` names the answer; most else is skipped.
static SKIPS: ChatWire = ChatWire { event: skips, ..CHUNKS };

fn skips(frame: Frame<'_>, fold: &mut Fold) -> Result<(), Corrupt> {
    let c = &mut Cursor::new(frame.data);
    let (mut id, mut text, mut reasoning, mut choice) = (None, None, None, None);
    let (mut raw, mut usage, mut end) = (None, None, None);
    if c.object()? {
        while let Some(key) = c.key()? {
            match key {
                b"id" => id = c.text()?,
                b"t" => text = c.text()?,
                b"u" => reasoning = c.text()?,
                b"n" => choice = c.uint()?,
                b"raw" => raw = c.raw()?,
                b"usage" => {
                    let start = c.start();
                    if c.object()? {
                        while c.key()?.is_some() {
                            c.skip()?;
                        }
                        usage = Some(c.since(start));
                    }
                }
                b"end" => end = c.flag()?,
                _ => c.skip()?,
            }
        }
    }
    let at = At { choice: choice.unwrap_or_default(), ..At::default() };
    fold.meta(id, None, None, None)?;
    if let Some(text) = text {
        fold.append(Class::Text, at, text)?;
    }
    if let Some(text) = reasoning {
        fold.append(Class::Reasoning, at, text)?;
    }
    if let Some(raw) = raw {
        fold.raw(at, raw, false)?;
    }
    if usage.is_some() {
        fold.usage(&[], usage)?;
    }
    if end == Some(true) {
        fold.close(&[], at)?;
    }
    fold.read(c)
}

/// Frames of which neighbours differ in everything that a frame can differ in.
const FRAMES: [&str; 28] = [
    "data: {\"id\":\"a\",\"s\":\"x\",\"t\":\"one\",\"p\":\"1\"}\n\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\"t\":\" two\",\"p\":\"1\"}\n\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\"t\":\"\\\"\\n\\ud83d\\ude00\",\"p\":\"1\"}\n\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\"t\":\"gr\u{fc}n\",\"p\":\"2\u{fc}2\"}\n\n",
    "data: {\"id\":\"a\",\"s\":\"y\\\"\",\"t\":\"z\",\"p\":\"333\"}\n\n",
    "data: {\"id\":\"b\",\"s\":\"x\",\"t\":\"z\",\"p\":\"1\"}\n\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\"t\":\"\",\"p\":\"1\"}\n\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\"t\":null,\"p\":\"1\"}\n\n",
    "data: {\"id\":\"a\",\"s\":[\"x\"],\"t\":\"z\",\"p\":1}\n\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\"u\":\"z\",\"p\":\"1\"}\n\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\"t\":\"z\",\"u\":\"z\",\"p\":\"1\"}\n\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\"t\":\"z\",\"n\":1,\"p\":\"1\"}\n\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\"t\":\"z\",\"raw\":\"1\"}\n\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\"t\":\"z\",\"raw\":\"2\"}\n\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\"t\":\"one\",\"end\":true}\n\n",
    "event: e\ndata: {\"id\":\"a\",\"s\":\"x\",\"t\":\"one\",\"p\":\"1\"}\n\n",
    "event: e\ndata: {\"id\":\"a\",\"s\":\"x\",\"t\":\"two\",\"p\":\"1\"}\n\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\"t\":\"one\",\"p\":\"1\"}\r\n\r\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\"t\":\"two\",\"p\":\"1\"}\r\n\r\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\ndata: \"t\":\"one\",\"p\":\"1\"}\n\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\"t\":\"\\n\",\"p\":\"1\"}\n\n",
    "data: {\"id\":\"a\",\"usage\":{\"x\":\"one\"},\"t\":\"z\",\"p\":\"1\"}\n\n",
    "data: {\"id\":\"a\",\"usage\":{\"x\":\"two\"},\"t\":\"z\",\"p\":\"1\"}\n\n",
    ": note data: {\"id\":\"a\",\"s\":\"x\",\"t\":\" two\",\"p\":\"1\"}\n\n",
    ": note\n\ndata: {\"id\":\"a\",\"s\":\"x\",\"t\":\"one\",\"p\":\"1\"}\n\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\"t\":\"a\u{1}b\",\"p\":\"1\"}\n\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\"t\":\"z\",\"p\":\"\\x\"}\n\n",
    "data: {\"id\":\"a\",\"s\":\"x\",\"t\":\"z\",\"p\":\"1\"}}\n\n",
];

/// As [`decode`] does, by a decoder that forgets every frame and so reads each.
fn read(chunks: &[&[u8]]) -> (Vec<ChatEvent<'static>>, Option<WireError>) {
    let (mut decoder, mut events) = (Decoder::new(&SKIPS, Limits::default()), Vec::new());
    for chunk in chunks.iter().map(Some).chain([None]) {
        match chunk {
            Some(chunk) => decoder.feed(Bytes::copy_from_slice(chunk)),
            None => decoder.finish(),
        }
        while let Some(event) = decoder.next().map(|event| event.map(ChatEvent::into_owned)) {
            match event {
                Ok(event) => events.push(event),
                Err(error) => return (events, Some(error)),
            }
            decoder.pattern = Pattern::default();
        }
    }
    (events, None)
}

fn same(chunks: &[&[u8]]) {
    let stream = String::from_utf8_lossy(&chunks.concat()).into_owned();
    assert_eq!(decode(&SKIPS, chunks), read(chunks), "{stream:?}");
}

#[test]
fn what_is_met_tells_what_would_have_been_read() {
    for first in FRAMES {
        for second in FRAMES {
            for third in FRAMES {
                let stream = [FRAMES[0], FRAMES[1], first, second, third, FRAMES[1]].concat();
                same(&[stream.as_bytes()]);
                same(&[FRAMES[0], FRAMES[1], first, second, third, FRAMES[1]].map(str::as_bytes));
            }
        }
    }
}

#[test]
fn cuts_do_not_matter() {
    for frame in FRAMES {
        let stream = [FRAMES[0], FRAMES[4], FRAMES[1], frame, FRAMES[3], frame].concat();
        for at in 0..stream.len() {
            same(&[&stream.as_bytes()[..at], &stream.as_bytes()[at..]]);
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_found_in_every_gap() {
    for (before, after) in [("data: {\"t\":\"", "\"}\n\n"), ("data: {\"t\":\"a\",\"p\":\"", "\"}\n\n")] {
        let frame = |inside: &[u8]| [before.as_bytes(), inside, after.as_bytes()].concat();
        let stream = [frame(b"1"), frame(b"2"), frame(b"3"), frame(b"\xff")].concat();
        let (events, error) = decode(&SKIPS, &[&stream]);
        assert_eq!(events.len(), 3);
        assert!(matches!(error, Some(WireError::Corrupt(Corrupt { reason: "not UTF-8", .. }))), "{error:?}");
    }
}

#[test]
fn limits_hold_for_frames_that_are_met() {
    let mut decoder = Decoder::new(&SKIPS, Limits { line: 40, event: 40 });
    for text in ["a", "b", "c", "far too long for any line of that limit"] {
        decoder.feed(Bytes::from(format!("data: {{\"t\":\"{text}\"}}\n\n")));
        let event = decoder.next().map(|event| event.is_ok());
        assert_eq!(event, Some(text.len() == 1));
    }
}

thread_local! {
    static READ: Cell<usize> = const { Cell::new(0) };
}

#[test]
fn most_of_a_stream_is_met() {
    static COUNTS: ChatWire = ChatWire {
        framing: Framing::Ndjson,
        event: |frame, fold| {
            READ.set(READ.get() + 1);
            skips(frame, fold)
        },
        ..CHUNKS
    };
    let mut decoder = Decoder::new(&COUNTS, Limits::default());
    // The first frame of all, which may have a mark in front, is not kept. The third one has another skipped text
    // than the second, which may be any other from then on. An empty text is read, and so is what follows it.
    let frames = [("a", "s"), ("b", "s"), ("c", "t"), ("d\\n", "salt"), ("\u{fc}", ""), ("", ""), ("e", "")];
    let read = frames.map(|(text, salt)| {
        decoder.feed(Bytes::from(format!("{{\"s\":\"{salt}\",\"t\":\"{text}\"}}\n")));
        assert!(decoder.next().is_none_or(|event| event.is_ok()));
        READ.get()
    });
    assert_eq!(read, [1, 2, 3, 3, 3, 4, 5]);
}

#[test]
fn a_stream_that_never_repeats_is_left_alone() {
    let frame = |number: usize| format!("data: {{\"x\":{number},\"t\":\"a\"}}\n\n");
    let other: String = (0..200).map(frame).collect();
    same(&[[other.as_str(), &FRAMES[..2].concat(), &other].concat().as_bytes()]);
}
