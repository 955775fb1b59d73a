//! Frames are the same however the bytes are cut.

use bytes::Bytes;

use super::{Framer, Framing, Limits, Oversized};

type Frames = Vec<(Option<String>, String)>;

/// The frames of `chunks`, each chunk fed when the frames before it were taken.
fn frames(framing: Framing, limits: Limits, chunks: &[&[u8]]) -> Result<Frames, Oversized> {
    let (mut framer, mut frames) = (Framer::new(framing, limits), Frames::new());
    let mut take = |framer: &mut Framer| {
        while framer.advance()? {
            let frame = framer.frame();
            frames.push((frame.event.map(str::to_owned), String::from_utf8_lossy(frame.data).into_owned()));
        }
        Ok(())
    };
    for chunk in chunks {
        framer.feed(Bytes::copy_from_slice(chunk));
        take(&mut framer)?;
    }
    framer.finish();
    take(&mut framer)?;
    Ok(frames)
}

fn check(framing: Framing, stream: &[u8], expected: &[(Option<&str>, &str)]) {
    let owned = |(event, data): &(Option<&str>, &str)| (event.map(str::to_owned), (*data).to_owned());
    let expected: Frames = expected.iter().map(owned).collect();
    let limits = Limits::default();
    let shown = String::from_utf8_lossy(stream);
    assert_eq!(frames(framing, limits, &[stream]).unwrap(), expected, "{shown:?}");
    let single: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(frames(framing, limits, &single).unwrap(), expected, "{shown:?} byte by byte");
    for first in 0..=stream.len() {
        for second in first..=stream.len() {
            let chunks = [&stream[..first], &stream[first..second], &stream[second..]];
            assert_eq!(
                frames(framing, limits, &chunks).unwrap(),
                expected,
                "{shown:?} cut at {first}, {second}"
            );
        }
    }
}

#[test]
fn events_are_cut_by_blank_lines_of_any_kind() {
    let expected = [(None, "{\"a\":1}"), (Some("x"), "two"), (None, "three")];
    for end in ["\n", "\r", "\r\n"] {
        let stream = "data: {\"a\":1}\n\nevent: x\nid: 7\ndata: two\n\n\n\ndata:three\n\n".replace('\n', end);
        check(Framing::Sse, stream.as_bytes(), &expected);
    }
    check(Framing::Sse, b"data: a\r\n\ndata: b\r\r\ndata: c\n\r\n", &[(None, "a"), (None, "b"), (None, "c")]);
}

#[test]
fn lines_of_data_are_joined_and_one_space_is_dropped() {
    check(Framing::Sse, b"data: a\ndata\ndata:  b \n\n", &[(None, "a\n\n b ")]);
    check(Framing::Sse, b"data\n\ndata:\n\ndata: x\n\n", &[(None, "x")]);
}

#[test]
fn what_is_no_data_makes_no_event() {
    let stream = b"\xEF\xBB\xBF: hello\nretry: 3\n\nevent: lost\n\n:\ndata: x\nunknown: y\n\n: bye\n";
    check(Framing::Sse, stream, &[(None, "x")]);
    check(Framing::Sse, b"\xEF\xBB\xBFdata: x\n\n", &[(None, "x")]);
    check(Framing::Sse, b"", &[]);
}

#[test]
fn what_servers_get_wrong_is_not_lost() {
    check(Framing::Sse, b"error: {\"code\":500}\n\n", &[(Some("error"), "{\"code\":500}")]);
    check(Framing::Sse, b"{\"error\":\"x\"}\n", &[(None, "{\"error\":\"x\"}")]);
    check(Framing::Sse, b"data: x\n\ndata: [DONE]", &[(None, "x"), (None, "[DONE]")]);
    check(Framing::Sse, b"event: e\ndata: x\r", &[(Some("e"), "x")]);
}

#[test]
fn lines_are_cut_at_line_feeds_only() {
    check(
        Framing::Ndjson,
        b"{\"a\":1}\n\r\n \n{\"b\":\t2}\r\n3",
        &[(None, "{\"a\":1}"), (None, "{\"b\":\t2}"), (None, "3")],
    );
    check(Framing::Ndjson, b"\xEF\xBB\xBF1\n\n", &[(None, "1")]);
}

#[test]
fn what_is_too_large_is_refused_however_it_is_cut() {
    let limits = Limits { line: 12, event: 8 };
    let stream = |stream: &[u8]| {
        let whole = frames(Framing::Sse, limits, &[stream]);
        assert_eq!(frames(Framing::Sse, limits, &stream.chunks(1).collect::<Vec<_>>()), whole);
        whole.map(|frames| frames.len())
    };
    assert_eq!(stream(b"data: 123456\n\n"), Ok(1));
    assert_eq!(stream(b"data: 1234567\n\n"), Err(Oversized { what: "line", limit: 12 }));
    assert_eq!(stream(b"data: 1234567"), Err(Oversized { what: "line", limit: 12 }));
    assert_eq!(stream(b"data: 1234\ndata: 123\n\n"), Ok(1));
    assert_eq!(stream(b"data: 1234\ndata: 1234\n\n"), Err(Oversized { what: "event", limit: 8 }));
    assert_eq!(stream(b"data: 123456\n\ndata: 123456\n\n"), Ok(2));
}

#[test]
fn a_frame_that_is_whole_in_its_chunk_is_lent_from_it() {
    let chunk = Bytes::from_static(b"data: whole\n\ndata: cut");
    let inside = chunk.as_ptr().addr()..chunk.as_ptr().addr() + chunk.len();
    let mut framer = Framer::new(Framing::Sse, Limits::default());
    framer.feed(chunk);
    let frame = framer.next().unwrap().unwrap();
    assert!(inside.contains(&frame.data.as_ptr().addr()));
    assert!(framer.next().is_none());
    framer.feed(Bytes::from_static(b"\n\n"));
    assert_eq!(framer.next().unwrap().unwrap().data, b"cut");
}

#[test]
fn chunks_may_be_fed_before_frames_are_taken() {
    let mut framer = Framer::new(Framing::Sse, Limits::default());
    for chunk in [&b"event: a\nda"[..], b"ta: 1\n\nevent: b\n", b"data: 2\n\n"] {
        framer.feed(Bytes::copy_from_slice(chunk));
    }
    assert_eq!(framer.next().unwrap().unwrap().data, b"1");
    framer.feed(Bytes::from_static(b"data: 3\n\n"));
    let frame = framer.next().unwrap().unwrap();
    assert_eq!((frame.event, frame.data), (Some("b"), &b"2"[..]));
    assert_eq!(framer.next().unwrap().unwrap().data, b"3");
}
