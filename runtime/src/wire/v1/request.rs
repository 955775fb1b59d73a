//! What generated encoders share: refusals, warnings, and the few values that are no plain copy of a field.
//!
//! Nothing here knows a wire: which field goes where stands in generated code, [`super::JsonWriter`] writes it.

use std::borrow::Cow;

use super::scan::validate;
use super::{Cursor, JsonWriter, Refused};
use crate::chat::{ChatRequest, Media, Part, Source, ToolDefinition, Warning};
use crate::json::RawJson;

/// What a list of parts comes down to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lone<'a> {
    /// There is no part.
    Nothing,
    /// There is one part.
    Part(&'a Part),
    /// There are several.
    Many,
}

/// Whether there is exactly one part.
pub fn lone<'a>(mut parts: impl Iterator<Item = &'a Part>) -> Lone<'a> {
    match (parts.next(), parts.next()) {
        (None, _) => Lone::Nothing,
        (Some(part), None) => Lone::Part(part),
        (Some(_), Some(_)) => Lone::Many,
    }
}

/// Refuses the first part that has no place in what is called `place`.
pub fn only<'a>(
    mut parts: impl Iterator<Item = &'a Part>,
    place: &str,
    admits: impl Fn(&Part) -> bool,
) -> Result<(), Refused> {
    match parts.find(|part| !admits(part)) {
        Some(part) => Err(Refused::new(name(part), format!("this wire has no place for it in {place}"))),
        None => Ok(()),
    }
}

fn name(part: &Part) -> &'static str {
    match part {
        Part::Text(_) => "text",
        Part::Image(_) => "image",
        Part::Audio(_) => "audio",
        Part::File(_) => "file",
        Part::Reasoning(_) => "reasoning",
        Part::Refusal(_) => "refusal",
        Part::ToolCall(_) => "tool_call",
        Part::ToolResult(_) => "tool_result",
        Part::Raw(_) => "raw",
    }
}

/// Writes the arguments of a call as they stand. No arguments are `{}`; what is no JSON is refused.
pub fn arguments(w: &mut JsonWriter, text: &str) -> Result<(), Refused> {
    let text = or_empty(text);
    validate(text.as_bytes()).map_err(|error| {
        Refused::new("tool_call.arguments", format!("they have to be JSON on this wire: {error}"))
    })?;
    w.raw_text(text);
    Ok(())
}

/// The arguments of a call, `{}` if there are none.
pub fn or_empty(text: &str) -> &str {
    if text.trim().is_empty() { "{}" } else { text }
}

/// Appends fields of the caller's own to the body, which is open in `w`. One that the body has already is refused:
/// nobody could say which of the two the provider takes.
pub fn append_extra(w: &mut JsonWriter, extra: &[(String, RawJson)]) -> Result<(), Refused> {
    for (at, (key, _)) in extra.iter().enumerate() {
        let again = extra.iter().take(at).any(|(other, _)| other == key);
        if again || has_key(w.as_bytes(), key) {
            return Err(Refused::new(format!("extra.{key}"), "the body has a field of this name already"));
        }
    }
    w.extra(extra);
    Ok(())
}

/// Whether an object that is not closed yet has a key.
fn has_key(open: &[u8], key: &str) -> bool {
    let mut cursor = Cursor::new(open);
    if !matches!(cursor.object(), Ok(true)) {
        return false;
    }
    // The bytes end where the next key or the closing brace would stand, which the cursor reports.
    while let Ok(Some(found)) = cursor.key() {
        if found == key.as_bytes() {
            return true;
        }
        if cursor.skip().is_err() {
            return false;
        }
    }
    false
}

/// Puts a comma between the items of a header.
pub fn separate(text: &mut String) {
    if !text.is_empty() {
        text.push(',');
    }
}

/// An option as the value of a header or parameter: the content of a string, the items of a list joined by commas,
/// the JSON text of anything else.
pub fn option_text(json: &RawJson) -> Cow<'_, str> {
    let mut cursor = Cursor::new(json.as_str().as_bytes());
    match json.as_str().trim_start().as_bytes().first() {
        Some(b'"') => {
            cursor.text().ok().flatten().and_then(|text| text.decode().ok()).unwrap_or(Cow::Borrowed(""))
        }
        Some(b'[') => Cow::Owned(items(&mut cursor)),
        _ => Cow::Borrowed(json.as_str()),
    }
}

fn items(cursor: &mut Cursor<'_>) -> String {
    let mut joined = String::new();
    if !matches!(cursor.array(), Ok(true)) {
        return joined;
    }
    while let Ok(true) = cursor.element() {
        let Ok(Some(item)) = cursor.scalar() else { continue };
        separate(&mut joined);
        joined.push_str(&item.decode().unwrap_or_default());
    }
    joined
}

/// Appends text to a path, its reserved bytes as `%XX`.
pub fn percent(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// The short name of a kind of sound: `audio/mpeg` is `mp3`.
pub fn audio_format(mime: &str) -> &str {
    match subtype(mime) {
        "mpeg" | "mp3" => "mp3",
        "wav" | "wave" | "x-wav" | "vnd.wave" => "wav",
        other => other.trim_start_matches("x-"),
    }
}

/// The short name of a kind of picture: `image/jpeg` is `jpeg`.
pub fn image_format(mime: &str) -> &str {
    match subtype(mime) {
        "jpg" => "jpeg",
        other => other,
    }
}

/// The short name of a kind of document: `application/pdf` is `pdf`.
pub fn document_format(mime: &str) -> &str {
    match subtype(mime) {
        "plain" => "txt",
        "markdown" => "md",
        "msword" => "doc",
        "vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "vnd.ms-excel" => "xls",
        "vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        other => other,
    }
}

fn subtype(mime: &str) -> &str {
    let essence = mime.split(';').next().unwrap_or(mime).trim();
    essence.split_once('/').map_or(essence, |(_, subtype)| subtype)
}

/// Notes what was changed or left out.
pub fn warn(warnings: &mut Vec<Warning>, feature: &str, message: &str) {
    warnings.push(Warning { feature: feature.to_owned(), message: message.to_owned() });
}

/// Refuses numbers that JSON has no form for.
pub fn finite(r: &ChatRequest) -> Result<(), Refused> {
    let fields = [
        ("temperature", r.temperature),
        ("top_p", r.top_p),
        ("frequency_penalty", r.frequency_penalty),
        ("presence_penalty", r.presence_penalty),
    ];
    let biases = r.logit_bias.iter().map(|(_, bias)| ("logit_bias", Some(*bias)));
    match fields.into_iter().chain(biases).find(|(_, value)| value.is_some_and(|value| !value.is_finite())) {
        Some((name, _)) => Err(Refused::new(name, "it is not a number that can be sent")),
        None => Ok(()),
    }
}

/// Refuses options that the provider does not have, such as those of another one.
pub fn known_options(options: &[(Cow<'static, str>, RawJson)], known: &[&str]) -> Result<(), Refused> {
    match options.iter().find(|(name, _)| !known.contains(&name.as_ref())) {
        Some((name, _)) => {
            Err(Refused::new(format!("options.{name}"), "this provider has no such option here"))
        }
        None => Ok(()),
    }
}

/// Leaves an option out; whether it was there.
pub fn drop_option(r: &mut ChatRequest, name: &str) -> bool {
    let before = r.options.len();
    r.options.retain(|(option, _)| option != name);
    r.options.len() < before
}

/// Keeps the last `most` prompt-cache markers of a request, in the order of the wire: tools, system, messages.
pub fn cache_markers(r: &mut ChatRequest, most: usize, warnings: &mut Vec<Warning>) {
    let mut markers = 0;
    each_marker(r, &mut |_| markers += 1);
    if markers <= most {
        return;
    }
    let mut surplus = markers - most;
    each_marker(r, &mut |marker| {
        if surplus > 0 {
            surplus -= 1;
            *marker = None;
        }
    });
    warn(warnings, "cache", &format!("this wire takes at most {most} markers; the earliest were left out"));
}

/// Visits every marker that is set.
fn each_marker(r: &mut ChatRequest, visit: &mut dyn FnMut(&mut Option<crate::chat::Cache>)) {
    let tools = r.tools.iter_mut().filter_map(|tool| match tool {
        ToolDefinition::Function(function) => Some(&mut function.cache),
        ToolDefinition::Raw(_) => None,
    });
    tools.filter(|marker| marker.is_some()).for_each(&mut *visit);
    for system in [true, false] {
        let messages =
            r.messages.iter_mut().filter(|message| (message.role == crate::chat::Role::System) == system);
        messages.flat_map(|message| &mut message.parts).for_each(|part| part_markers(part, visit));
    }
}

fn part_markers(part: &mut Part, visit: &mut dyn FnMut(&mut Option<crate::chat::Cache>)) {
    let marker = match part {
        Part::Text(text) | Part::Refusal(text) => &mut text.cache,
        Part::Image(media) | Part::Audio(media) | Part::File(media) => &mut media.cache,
        Part::ToolCall(call) => &mut call.cache,
        Part::ToolResult(result) => {
            result.content.iter_mut().for_each(|part| part_markers(part, visit));
            &mut result.cache
        }
        Part::Reasoning(_) | Part::Raw(_) => return,
    };
    if marker.is_some() {
        visit(marker);
    }
}

/// Whether the request refers to uploaded files.
pub fn uses_files(r: &ChatRequest) -> bool {
    any(r.parts(), &|part| media(part).is_some_and(|media| matches!(media.source, Source::Id(_))))
}

/// Whether the request has pictures.
pub fn uses_images(r: &ChatRequest) -> bool {
    any(r.parts(), &|part| matches!(part, Part::Image(_)))
}

/// Whether the request has sound.
pub fn uses_audio(r: &ChatRequest) -> bool {
    any(r.parts(), &|part| matches!(part, Part::Audio(_)))
}

/// Whether the request has documents.
pub fn uses_documents(r: &ChatRequest) -> bool {
    any(r.parts(), &|part| matches!(part, Part::File(_)))
}

/// Whether the request marks prefixes to cache.
pub fn uses_cache(r: &ChatRequest) -> bool {
    let tool = |tool: &ToolDefinition| matches!(tool, ToolDefinition::Function(function) if function.cache.is_some());
    r.tools.iter().any(tool) || any(r.parts(), &|part| is_marked(part))
}

/// Whether the request offers tools that the provider runs.
pub fn uses_provider_tools(r: &ChatRequest) -> bool {
    r.tools.iter().any(|tool| matches!(tool, ToolDefinition::Raw(_)))
}

fn is_marked(part: &Part) -> bool {
    match part {
        Part::Text(text) | Part::Refusal(text) => text.cache.is_some(),
        Part::Image(media) | Part::Audio(media) | Part::File(media) => media.cache.is_some(),
        Part::ToolCall(call) => call.cache.is_some(),
        Part::ToolResult(result) => result.cache.is_some(),
        Part::Reasoning(_) | Part::Raw(_) => false,
    }
}

/// Whether some part, or some part of a tool's result, is so.
fn any<'a>(mut parts: impl Iterator<Item = &'a Part>, is: &dyn Fn(&Part) -> bool) -> bool {
    parts.any(|part| {
        let inside = if let Part::ToolResult(result) = part { result.content.as_slice() } else { &[] };
        is(part) || inside.iter().any(is)
    })
}

fn media(part: &Part) -> Option<&Media> {
    match part {
        Part::Image(media) | Part::Audio(media) | Part::File(media) => Some(media),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Cache, Message, Role, Text};

    #[test]
    fn extra_fields_are_appended_once_and_never_twice() {
        let extra = |key: &str| vec![(key.to_owned(), RawJson::string("x"))];
        let mut w = JsonWriter::new();
        w.lit(r#"{"model":"m","deep":{"inner":1}"#);
        assert!(append_extra(&mut w, &extra("model")).is_err());
        assert!(append_extra(&mut w, &[extra("a"), extra("a")].concat()).is_err());
        assert_eq!(append_extra(&mut w, &extra("inner")), Ok(()));
        assert_eq!(w.as_bytes(), br#"{"model":"m","deep":{"inner":1},"inner":"x""#);
        let mut empty = JsonWriter::new();
        empty.open();
        assert_eq!(append_extra(&mut empty, &extra("model")), Ok(()));
        assert_eq!(empty.as_bytes(), br#"{"model":"x""#);
    }

    #[test]
    fn arguments_have_to_be_json() {
        let mut w = JsonWriter::new();
        assert_eq!(arguments(&mut w, " "), Ok(()));
        assert_eq!(w.as_bytes(), b"{}");
        assert!(arguments(&mut w, "{\"cut").is_err());
    }

    #[test]
    fn only_refuses_by_name() {
        let parts = [Part::text("a"), Part::Image(Media::url("u"))];
        let refused = only(parts.iter(), "user messages", |part| matches!(part, Part::Text(_)));
        assert_eq!(refused.map_err(|refused| refused.feature), Err("image".to_owned()));
        assert_eq!(only(parts.iter(), "user messages", |_| true), Ok(()));
    }

    #[test]
    fn options_become_text() {
        let text = |json: &str| RawJson::new(json).map(|json| option_text(&json).into_owned()).ok();
        assert_eq!(text(r#""a\"b""#).as_deref(), Some("a\"b"));
        assert_eq!(text(r#"["a", "b"]"#).as_deref(), Some("a,b"));
        assert_eq!(text("3").as_deref(), Some("3"));
    }

    #[test]
    fn short_names_and_paths() {
        assert_eq!(
            [audio_format("audio/mpeg"), audio_format("audio/x-wav; rate=1"), audio_format("ogg")],
            ["mp3", "wav", "ogg"]
        );
        assert_eq!(document_format("text/plain"), "txt");
        let mut path = String::new();
        percent(&mut path, "a/b c:ü");
        assert_eq!(path, "a%2Fb%20c%3A%C3%BC");
    }

    #[test]
    fn the_earliest_markers_go_first() {
        let marked = |text: &str| {
            Part::Text(Text { text: text.to_owned(), cache: Some(Cache::default()), ..Text::default() })
        };
        let mut r = ChatRequest::new("m");
        r.messages = vec![
            Message { role: Role::User, name: None, parts: vec![marked("a"), marked("b")] },
            Message { role: Role::System, name: None, parts: vec![marked("s")] },
        ];
        let mut warnings = Vec::new();
        cache_markers(&mut r, 2, &mut warnings);
        let left: Vec<bool> = r.parts().map(is_marked).collect();
        assert_eq!((left, warnings.len()), (vec![true, true, false], 1));
        cache_markers(&mut r, 2, &mut warnings);
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn numbers_have_to_be_finite() {
        let mut r = ChatRequest::new("m");
        assert_eq!(finite(&r), Ok(()));
        r.top_p = Some(f64::NAN);
        assert_eq!(finite(&r).map_err(|refused| refused.feature), Err("top_p".to_owned()));
    }
}
