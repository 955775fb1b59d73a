//! A wire as a generated crate would have it, for the tests of this module. Of no provider.

use super::{
    At, ChatWire, Class, Corrupt, Cursor, ErrorWire, Failure, Fields, Fold, Framing, Key, Needs, Policies,
    Text,
};
use crate::chat::{FinishReason, Usage};

/// Server-sent events, ended by a word or by a finish reason.
pub(crate) static CHUNKS: ChatWire = ChatWire {
    provider: "acme",
    dialect: "chunks",
    method: "POST",
    framing: Framing::Sse,
    sentinel: Some("[DONE]"),
    needs: Needs::Finish,
    implicit: &[Class::Text, Class::Reasoning],
    policies: Policies::PLAIN,
    adjust: |_, _, _, _| Ok(()),
    path: |_, path| path.push_str("/chat"),
    query: |_, _| {},
    headers: |_, _| {},
    encode: |_, _| Ok(()),
    event: |frame, fold| chunk(&mut Cursor::new(frame.data), fold),
    response: |body, fold| chunk(&mut Cursor::new(body), fold),
    finish,
    usage: |leaves| Usage { input: leaf(leaves, 0), output: leaf(leaves, 1), ..Usage::default() },
    usage_leaves: 2,
    errors: ErrorWire::UNKNOWN,
};

/// The same in lines, which a terminal event ends.
pub(crate) static LINES: ChatWire =
    ChatWire { framing: Framing::Ndjson, sentinel: None, needs: Needs::End, ..CHUNKS };

fn leaf(leaves: &[Option<i64>], index: usize) -> Option<u64> {
    leaves.get(index).copied().flatten().and_then(|value| value.try_into().ok())
}

fn finish(word: &str, calls: bool) -> Option<FinishReason> {
    match word {
        "unspecified" => None,
        "stop" if calls => Some(FinishReason::ToolCalls),
        "stop" => Some(FinishReason::Stop),
        "length" => Some(FinishReason::Length),
        other => Some(FinishReason::Other(other.to_owned())),
    }
}

fn chunk(c: &mut Cursor<'_>, fold: &mut Fold) -> Result<(), Corrupt> {
    let (mut id, mut model, mut error) = (None, None, None);
    let (mut usage, mut input, mut output, mut done) = (None, None, None, None);
    if c.object()? {
        while let Some(key) = c.key()? {
            match key {
                b"id" => id = c.text()?,
                b"model" => model = c.text()?,
                b"choices" => {
                    if c.array()? {
                        while c.element()? {
                            choice(c, fold)?;
                        }
                    }
                }
                b"error" => error = c.scalar()?,
                b"done" => done = c.flag()?,
                b"usage" => {
                    let start = c.start();
                    if c.object()? {
                        while let Some(key) = c.key()? {
                            match key {
                                b"prompt_tokens" => input = c.int()?,
                                b"completion_tokens" => output = c.int()?,
                                _ => c.skip()?,
                            }
                        }
                        usage = Some(c.since(start));
                    }
                }
                _ => c.skip()?,
            }
        }
    }
    c.finish()?;
    if error.is_some() {
        fold.fail(Failure { message: error, ..Failure::default() })?;
    }
    fold.meta(id, model, None, None)?;
    if usage.is_some() {
        fold.usage(&[(0, input), (1, output)], usage)?;
    }
    if done == Some(true) {
        fold.end()?;
    }
    Ok(())
}

fn choice(c: &mut Cursor<'_>, fold: &mut Fold) -> Result<(), Corrupt> {
    let (mut index, mut content, mut reasoning, mut calls, mut reason) = (None, None, None, None, None);
    if c.object()? {
        while let Some(key) = c.key()? {
            match key {
                b"index" => index = c.uint()?,
                b"delta" | b"message" => {
                    if c.object()? {
                        while let Some(key) = c.key()? {
                            match key {
                                b"content" => content = c.text()?,
                                b"reasoning" => reasoning = c.text()?,
                                b"tool_calls" => calls = c.raw()?,
                                _ => c.skip()?,
                            }
                        }
                    }
                }
                b"finish_reason" => reason = c.text()?,
                _ => c.skip()?,
            }
        }
    }
    let at = At { choice: index.unwrap_or_default(), ..At::default() };
    if let Some(delta) = reasoning {
        fold.append(Class::Reasoning, at, delta)?;
    }
    if let Some(delta) = content {
        fold.append(Class::Text, at, delta)?;
    }
    if let Some(calls) = calls {
        let c = &mut Cursor::within(calls);
        if c.array()? {
            while c.element()? {
                call(c, fold, at)?;
            }
        }
    }
    if let Some(reason) = reason {
        fold.finish(at.choice, reason, None)?;
    }
    Ok(())
}

fn call(c: &mut Cursor<'_>, fold: &mut Fold, at: At<'_>) -> Result<(), Corrupt> {
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
    if name.is_some() {
        fold.open(Class::ToolCall, at, Fields { id, name, ..Fields::default() })?;
    }
    if let Some(delta) = arguments {
        fold.append(Class::ToolCall, at, delta)?;
    }
    Ok(())
}

/// Slot `key` of the first answer.
pub(crate) fn at(key: u64) -> At<'static> {
    At::key(Key::Index(key))
}

/// Plain text.
pub(crate) fn text(text: &str) -> Text<'_> {
    Text::plain(text)
}
