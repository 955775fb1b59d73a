//! The openai-chat chunk decoder as one would write it by hand on the same runtime: what the generated one is held to.
//! It knows every field that the generated one knows.

use bytes::Bytes;
use typewright_runtime::chat::ChatEvent;
use typewright_runtime::wire::v1::{
    At, ChatWire, Class, Corrupt, Cursor, Decoder, Failure as Failed, Fields, Fold, Frame, Kind, Limits, Text,
};

use crate::bench::Failure;

/// The wire with this decoder in place of its own. One is kept for as long as the program runs.
pub(super) fn wire(generated: &ChatWire) -> &'static ChatWire {
    Box::leak(Box::new(ChatWire { event, ..*generated }))
}

/// Both decoders tell the same of a stream that has some of everything.
pub(super) fn check(generated: &'static ChatWire) -> Result<(), Failure> {
    let stream = concat!(
        r#"data: {"id":"c1","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant"}}]}"#,
        "\n\n",
        r#"data: {"choices":[{"index":0,"delta":{"reasoning_content":"Hm."}}]}"#,
        "\n\n",
        r#"data: {"choices":[{"index":0,"delta":{"content":"Light \u00e9"},"logprobs":{"content":[{"t":1}]}}]}"#,
        "\n\n",
        r#"data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","#,
        r#""arguments":"{\"x\""}}]}}]}"#,
        "\n\n",
        r#"data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]},"#,
        r#""finish_reason":"tool_calls"}]}"#,
        "\n\n",
        r#"data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"#,
        r#""prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":1}}}"#,
        "\n\ndata: [DONE]\n\n"
    );
    let (ours, theirs) = (told(generated, stream), told(wire(generated), stream));
    if ours == theirs && ours.len() > 6 {
        return Ok(());
    }
    Err(Failure::Program(format!("the twin differs: {ours:?} and {theirs:?}")))
}

fn told(wire: &'static ChatWire, stream: &'static str) -> Vec<String> {
    let mut decoder = Decoder::new(wire, Limits::default());
    decoder.feed(Bytes::from_static(stream.as_bytes()));
    decoder.finish();
    let mut told = Vec::new();
    while let Some(event) = decoder.next() {
        told.push(match event {
            Ok(ChatEvent::Usage(usage)) => format!("{:?} {:?}", usage.input, usage.output),
            other => format!("{other:?}"),
        });
    }
    told
}

fn event(frame: Frame<'_>, fold: &mut Fold) -> Result<(), Corrupt> {
    let c = &mut Cursor::new(frame.data);
    if frame.event == Some("error") {
        failure_alone(c, fold)?
    } else {
        chunk(c, fold)?
    }
    c.finish()
}

fn chunk(c: &mut Cursor<'_>, fold: &mut Fold) -> Result<(), Corrupt> {
    let (mut id, mut model, mut created, mut tier) = (None, None, None, None);
    let mut failed = Failed::default();
    if !c.object()? {
        return Ok(());
    }
    while let Some(key) = c.key()? {
        match key {
            b"id" => id = c.text()?,
            b"model" => model = c.text()?,
            b"created" => created = c.int()?,
            b"service_tier" => tier = c.scalar()?,
            b"choices" => {
                if c.array()? {
                    while c.element()? {
                        choice(c, fold)?;
                    }
                }
            }
            b"usage" => usage(c, fold)?,
            b"error" => match c.kind() {
                Kind::Object => failed = failure(c)?,
                _ => failed.message = c.scalar()?,
            },
            _ => c.skip()?,
        }
    }
    if id.is_some() || model.is_some() || created.is_some() || tier.is_some() {
        fold.meta(id, model, created, tier)?;
    }
    report(failed, fold)
}

fn choice(c: &mut Cursor<'_>, fold: &mut Fold) -> Result<(), Corrupt> {
    let (mut index, mut delta, mut logprobs, mut reason) = (None, Delta::default(), None, None);
    let mut failed = Failed::default();
    if c.object()? {
        while let Some(key) = c.key()? {
            match key {
                b"index" => index = c.uint()?,
                b"delta" => delta = delta_of(c)?,
                b"logprobs" => logprobs = inner(c, b"content")?,
                b"finish_reason" => reason = c.text()?,
                b"error" => failed = failure(c)?,
                _ => c.skip()?,
            }
        }
    }
    let at = At { choice: index.unwrap_or_default(), ..At::default() };
    delta.tell(at, fold)?;
    if let Some(logprobs) = logprobs {
        fold.logprobs(at, logprobs)?;
    }
    if let Some(reason) = reason {
        fold.finish(at.choice, reason, None)?;
    }
    report(failed, fold)
}

#[derive(Default)]
struct Delta<'a> {
    reasoning: Option<Text<'a>>,
    content: Option<Text<'a>>,
    contents: Option<&'a str>,
    refusal: Option<Text<'a>>,
    calls: Option<&'a str>,
    annotations: Option<&'a str>,
}

fn delta_of<'a>(c: &mut Cursor<'a>) -> Result<Delta<'a>, Corrupt> {
    let mut delta = Delta::default();
    if c.object()? {
        while let Some(key) = c.key()? {
            match key {
                b"content" => match c.kind() {
                    Kind::Array => delta.contents = c.raw()?,
                    _ => delta.content = c.text()?,
                },
                b"reasoning_content" => delta.reasoning = c.text()?.or(delta.reasoning),
                b"reasoning" => delta.reasoning = delta.reasoning.or(c.text()?),
                b"refusal" => delta.refusal = c.text()?,
                b"tool_calls" => delta.calls = c.raw()?,
                b"annotations" => delta.annotations = c.raw()?,
                _ => c.skip()?,
            }
        }
    }
    Ok(delta)
}

impl Delta<'_> {
    fn tell(self, at: At<'_>, fold: &mut Fold) -> Result<(), Corrupt> {
        if let Some(text) = self.reasoning {
            fold.append(Class::Reasoning, at, text)?;
        }
        if let Some(text) = self.content {
            fold.append(Class::Text, at, text)?;
        }
        each(self.contents, |c| {
            let raw = c.raw()?.unwrap_or_default();
            match inner(&mut Cursor::new(raw.as_bytes()), b"text")? {
                Some(text) => {
                    fold.append(Class::Text, at, Cursor::new(text.as_bytes()).text()?.unwrap_or_default())
                }
                None => fold.raw(at, raw, false),
            }
        })?;
        if let Some(text) = self.refusal {
            fold.append(Class::Refusal, at, text)?;
        }
        each(self.calls, |c| call(c, at, fold))?;
        each(self.annotations, |c| {
            let raw = c.raw()?;
            fold.cite(at, Fields { raw, ..Fields::default() })
        })
    }
}

fn call(c: &mut Cursor<'_>, at: At<'_>, fold: &mut Fold) -> Result<(), Corrupt> {
    let (mut key, mut id, mut name, mut arguments) = (None, None, None, None);
    if c.object()? {
        while let Some(field) = c.key()? {
            match field {
                b"index" => key = c.slot_key()?,
                b"id" => id = c.text()?,
                b"function" => {
                    if c.object()? {
                        while let Some(field) = c.key()? {
                            match field {
                                b"name" => name = c.text()?,
                                b"arguments" => arguments = c.json_text()?,
                                _ => c.skip()?,
                            }
                        }
                    }
                }
                _ => c.skip()?,
            }
        }
    }
    let at = At { key, ..at };
    if name.is_some() || id.is_some() {
        fold.open(Class::ToolCall, at, Fields { id, name, ..Fields::default() })?;
    }
    match arguments {
        Some(arguments) => fold.append(Class::ToolCall, at, arguments),
        None => Ok(()),
    }
}

fn usage(c: &mut Cursor<'_>, fold: &mut Fold) -> Result<(), Corrupt> {
    let (start, mut leaves) = (c.start(), [None; 13]);
    if !c.object()? {
        return Ok(());
    }
    while let Some(key) = c.key()? {
        match key {
            b"prompt_tokens" => leaves[0] = c.int()?,
            b"completion_tokens" => leaves[1] = c.int()?,
            b"total_tokens" => leaves[2] = c.int()?,
            b"prompt_tokens_details" => {
                let [cached, written, audio] =
                    numbers(c, [b"cached_tokens", b"cache_write_tokens", b"audio_tokens"])?;
                (leaves[3], leaves[4], leaves[5]) = (cached, written, audio);
            }
            b"completion_tokens_details" => {
                let [reasoning, audio] = numbers(c, [b"reasoning_tokens", b"audio_tokens"])?;
                (leaves[6], leaves[7]) = (reasoning, audio);
            }
            b"cache_read_input_tokens" => leaves[8] = c.int()?,
            b"cached_tokens" => leaves[9] = c.int()?,
            b"prompt_cache_hit_tokens" => leaves[10] = c.int()?,
            b"cache_creation_input_tokens" => leaves[11] = c.int()?,
            b"reasoning_tokens" => leaves[12] = c.int()?,
            _ => c.skip()?,
        }
    }
    let raw = c.since(start);
    let mut numbered = [(0, None); 13];
    numbered.iter_mut().zip(leaves).enumerate().for_each(|(at, (slot, leaf))| *slot = (at, leaf));
    fold.usage(&numbered, Some(raw))
}

fn numbers<const N: usize>(c: &mut Cursor<'_>, names: [&[u8]; N]) -> Result<[Option<i64>; N], Corrupt> {
    let mut found = [None; N];
    if c.object()? {
        while let Some(key) = c.key()? {
            match names.iter().position(|name| *name == key).and_then(|at| found.get_mut(at)) {
                Some(slot) => *slot = c.int()?,
                None => c.skip()?,
            }
        }
    }
    Ok(found)
}

fn failure<'a>(c: &mut Cursor<'a>) -> Result<Failed<'a>, Corrupt> {
    let mut failed = Failed::default();
    if c.object()? {
        while let Some(key) = c.key()? {
            match key {
                b"type" => failed.kind = c.scalar()?,
                b"code" => failed.code = c.scalar()?,
                b"message" => failed.message = c.scalar()?,
                b"param" => failed.param = c.scalar()?,
                _ => c.skip()?,
            }
        }
    }
    Ok(failed)
}

fn failure_alone(c: &mut Cursor<'_>, fold: &mut Fold) -> Result<(), Corrupt> {
    let failed = failure(c)?;
    report(failed, fold)
}

fn report(failed: Failed<'_>, fold: &mut Fold) -> Result<(), Corrupt> {
    let says =
        failed.kind.is_some() || failed.code.is_some() || failed.message.is_some() || failed.param.is_some();
    if says { fold.fail(failed) } else { Ok(()) }
}

/// The raw member `name` of an object.
fn inner<'a>(c: &mut Cursor<'a>, name: &[u8]) -> Result<Option<&'a str>, Corrupt> {
    let mut found = None;
    if c.object()? {
        while let Some(key) = c.key()? {
            if key == name { found = c.raw()? } else { c.skip()? }
        }
    }
    Ok(found)
}

fn each(
    list: Option<&str>,
    mut read: impl FnMut(&mut Cursor<'_>) -> Result<(), Corrupt>,
) -> Result<(), Corrupt> {
    let Some(list) = list else { return Ok(()) };
    let c = &mut Cursor::new(list.as_bytes());
    if c.array()? {
        while c.element()? {
            read(c)?;
        }
    }
    Ok(())
}
