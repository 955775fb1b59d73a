//! Reads `canonical_request.json` (EXPECTED.md, section 8) into the request that a user of the client would build.
//! What the vocabulary has no place for is dropped and named, never lost in silence; how the sent body compares with
//! the recorded one is [`crate::body`]'s business.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use typewright_runtime::chat::{
    Cache, ChatRequest, Citation, Effort, Format, FunctionTool, Media, Message, Part, Reasoning,
    ReasoningConfig, Role, SchemaFormat, Source, Text, ToolCall, ToolChoice, ToolDefinition, ToolResult,
};
use typewright_runtime::json::RawJson;
use typewright_runtime::wire::v1::MINTED;

use crate::corpus::Case;

/// A canonical request as the client takes it.
#[derive(Debug, Clone, Default)]
pub struct Canonical {
    /// The request.
    pub request: ChatRequest,
    /// Whether a stream is asked for.
    pub stream: bool,
    /// Wire keys that the vocabulary does not offer, as `place.key`; the places are `request`, `message`, `tool` and the kinds of parts.
    pub dropped: BTreeSet<String>,
    /// Parts that have no neutral form and travel as they stood on the wire.
    pub raw: BTreeSet<String>,
}

/// Reads the canonical request of `case`. `None`: there is none, or the recorded request was malformed.
pub fn read(case: &Case) -> Option<Canonical> {
    let source = case.canonical.as_ref().filter(|canonical| canonical["malformed"] != true)?;
    let mut reader = Reader { case, source, out: Canonical::default(), minted: 0, open: Vec::new() };
    reader.scalars();
    reader.out.request.messages = reader.messages();
    reader.out.request.tools = list(&source["tools"]).iter().filter_map(|tool| reader.tool(tool)).collect();
    reader.out.request.reasoning = reader.reasoning_config();
    reader.extra();
    Some(reader.out)
}

/// Keys of `extra` that the vocabulary has a field for.
const NATIVE: [&str; 4] = ["n", "service_tier", "logit_bias", "stream_options"];

struct Reader<'a> {
    case: &'a Case,
    source: &'a Value,
    out: Canonical,
    /// Ids that were made up for calls without one.
    minted: usize,
    /// Calls without a result so far: name and id.
    open: Vec<(String, String)>,
}

impl<'a> Reader<'a> {
    fn scalars(&mut self) {
        let source = self.source;
        let request = &mut self.out.request;
        request.model = string(&source["model"]).unwrap_or_default();
        request.max_tokens = source["max_tokens"].as_u64();
        request.temperature = source["temperature"].as_f64();
        request.top_p = source["top_p"].as_f64();
        request.top_k = source["top_k"].as_u64();
        request.seed = source["seed"].as_i64();
        request.stop = list(&source["stop"]).iter().filter_map(string).collect();
        request.frequency_penalty = source["frequency_penalty"].as_f64();
        request.presence_penalty = source["presence_penalty"].as_f64();
        request.logprobs = source["logprobs"].as_bool();
        request.top_logprobs = source["top_logprobs"].as_u64();
        request.parallel_tool_calls = source["parallel_tool_calls"].as_bool();
        request.user = string(&source["user"]);
        request.tool_choice = tool_choice(&source["tool_choice"]);
        request.format = format(&source["response_format"]);
        request.metadata =
            pairs(&source["metadata"]).filter_map(|(key, value)| Some((key, string(value)?))).collect();
        self.out.stream = source["stream"] == true;
    }

    fn messages(&mut self) -> Vec<Message> {
        let source = self.source;
        list(&source["messages"]).iter().enumerate().map(|(at, message)| self.message(at, message)).collect()
    }

    fn message(&mut self, at: usize, message: &'a Value) -> Message {
        for (key, _) in pairs(&message["extra"]) {
            self.drop_key("message", &key);
        }
        let role = match message["role"].as_str() {
            Some("system") => Role::System,
            Some("assistant") => Role::Assistant,
            Some("tool") => Role::Tool,
            _ => Role::User,
        };
        let parts = list(&message["parts"]).iter().enumerate();
        let parts = parts.filter_map(|(index, part)| self.part(part, &[at, index])).collect();
        Message { role, name: string(&message["name"]), parts }
    }

    /// `at`: the message's index and the part's index within it.
    fn part(&mut self, part: &'a Value, at: &[usize; 2]) -> Option<Part> {
        let kind = part["type"].as_str().unwrap_or_default();
        self.leftovers(kind, part);
        Some(match kind {
            "text" => Part::Text(text(part)),
            "refusal" => Part::Refusal(text(part)),
            "json" => Part::text(part["value"].to_string()),
            "reasoning" => Part::Reasoning(self.reasoning(part)),
            "tool_call" => Part::ToolCall(self.tool_call(part)),
            "tool_result" => Part::ToolResult(self.tool_result(part, at)),
            "raw" => Part::Raw(raw(&part["raw"])?),
            "image" | "audio" | "document" => match self.media(part) {
                Some(media) if kind == "image" => Part::Image(media),
                Some(media) if kind == "audio" => Part::Audio(media),
                Some(media) => Part::File(media),
                None => self.as_on_the_wire(kind, at)?,
            },
            _ => self.as_on_the_wire(kind, at)?,
        })
    }

    /// Names what a part carries beyond the vocabulary.
    fn leftovers(&mut self, kind: &str, part: &Value) {
        for (key, value) in pairs(&part["extra"]).chain(pairs(&part["inner_extra"])) {
            let offered = (kind == "text" && key == "citations" && value.is_array())
                || (kind == "reasoning" && matches!(key.as_str(), "id" | "type"));
            if !offered {
                self.drop_key(kind, &key);
            }
        }
    }

    fn drop_key(&mut self, place: &str, key: &str) {
        self.out.dropped.insert(format!("{place}.{key}"));
    }

    /// A part that the vocabulary cannot say is sent as the recording has it.
    fn as_on_the_wire(&mut self, kind: &str, at: &[usize; 2]) -> Option<Part> {
        let hoisted =
            |index: &usize| self.source["wire_hints"]["messages"][index.to_string()].get("at").is_some();
        let message = (0..at[0]).filter(|index| !hoisted(index)).count();
        self.out.raw.insert(kind.to_owned());
        raw(&self.case.request["messages"][message]["content"][at[1]]).map(Part::Raw)
    }

    fn media(&mut self, part: &Value) -> Option<Media> {
        let mime = string(&part["mime"]);
        let source = if let Some(url) = string(&part["url"]) {
            Source::Url(url)
        } else if let Some(id) = string(&part["file_id"]) {
            Source::Id(id)
        } else if let Some(text) = string(&part["text"]) {
            Source::Bytes { mime: mime.unwrap_or_else(|| "text/plain".to_owned()), data: text.into() }
        } else {
            let data = STANDARD.decode(part["base64"].as_str()?).ok()?;
            Source::Bytes {
                mime: mime.unwrap_or_else(|| "application/octet-stream".to_owned()),
                data: data.into(),
            }
        };
        let (detail, filename) = (string(&part["detail"]), string(&part["filename"]));
        Some(Media { source, detail, filename, cache: cache(part) })
    }

    fn reasoning(&self, part: &Value) -> Reasoning {
        let opaque = string(&part["signature"]);
        let (signature, redacted) = if part["redacted"] == true { (None, opaque) } else { (opaque, None) };
        Reasoning {
            text: string(&part["text"]).unwrap_or_default(),
            signature,
            redacted,
            item_id: string(&part["id"]).or_else(|| string(&part["extra"]["id"])),
            origin: None,
        }
    }

    fn tool_call(&mut self, part: &Value) -> ToolCall {
        let name = string(&part["name"]).unwrap_or_default();
        let id = string(&part["id"]).unwrap_or_else(|| self.mint());
        self.open.push((name.clone(), id.clone()));
        let arguments = match &part["arguments"] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            value => value.to_string(),
        };
        let signature = string(&part["signature"]);
        ToolCall { id, name, arguments, signature, item_id: None, cache: cache(part) }
    }

    /// The id that a client makes up where a provider gives none.
    fn mint(&mut self) -> String {
        self.minted += 1;
        format!("{}{}", MINTED, self.minted)
    }

    fn tool_result(&mut self, part: &'a Value, at: &[usize; 2]) -> ToolResult {
        let name = string(&part["name"]).unwrap_or_default();
        if !name.is_empty() {
            // Where a wire wants the name, it is that of the call.
            self.drop_key("tool_result", "name");
        }
        let waiting = self.open.iter().position(|(call, id)| match part["call_id"].as_str() {
            Some(call_id) => call_id == id,
            None => *call == name || name.is_empty(),
        });
        let waiting = waiting.map(|at| self.open.remove(at).1);
        let content = list(&part["content"]).iter().filter_map(|inner| self.part(inner, at)).collect();
        ToolResult {
            call_id: string(&part["call_id"]).or(waiting).unwrap_or_default(),
            content,
            is_error: part["is_error"].as_bool(),
            cache: cache(part),
        }
    }

    fn tool(&mut self, tool: &Value) -> Option<ToolDefinition> {
        if tool["server"] == true {
            return raw(&tool["raw"]).map(ToolDefinition::Raw);
        }
        for (key, _) in pairs(&tool["extra"]).chain(pairs(&tool["inner_extra"])) {
            self.drop_key("tool", &key);
        }
        Some(ToolDefinition::Function(FunctionTool {
            name: string(&tool["name"])?,
            description: string(&tool["description"]),
            schema: raw(&tool["schema"]),
            strict: tool["strict"].as_bool(),
            cache: cache(tool),
        }))
    }

    fn reasoning_config(&mut self) -> Option<ReasoningConfig> {
        let config = &self.source["reasoning"];
        for (key, _) in pairs(config) {
            if !matches!(key.as_str(), "effort" | "budget" | "enabled" | "adaptive") {
                self.drop_key("request", &key);
            }
        }
        if config["enabled"] == false {
            return Some(ReasoningConfig::Disabled);
        }
        if let Some(budget) = config["budget"].as_u64() {
            return Some(ReasoningConfig::Budget(budget));
        }
        if let Some(effort) = config["effort"].as_str() {
            return Some(ReasoningConfig::Effort(Effort::from(effort)));
        }
        (config["enabled"] == true || config["adaptive"] == true).then_some(ReasoningConfig::Enabled)
    }

    /// Fields without a place of their own. Leftovers of a nested object go where provider options go.
    fn extra(&mut self) {
        let extra = &self.source["extra"];
        self.out.request.n = extra["n"].as_u64();
        self.out.request.service_tier = string(&extra["service_tier"]);
        self.out.request.logit_bias =
            pairs(&extra["logit_bias"]).filter_map(|(key, value)| Some((key, value.as_f64()?))).collect();
        for (key, value) in pairs(extra) {
            let Some(json) = raw(value) else { continue };
            if key.ends_with("_extra") || key.ends_with("_rest") {
                self.nested(value);
            } else if !NATIVE.contains(&key.as_str()) {
                self.out.request.extra.push((key, json));
            }
        }
        self.stream_options(&extra["stream_options"]);
    }

    fn nested(&mut self, leftovers: &Value) {
        for (key, value) in pairs(leftovers) {
            self.drop_key("request", &key);
            if let Some(json) = raw(value) {
                self.out.request.options.push((Cow::Owned(key), json));
            }
        }
    }

    /// `include_usage` is the client's own business; anything else there is not offered.
    fn stream_options(&mut self, options: &Value) {
        for (key, value) in pairs(options) {
            if key != "include_usage" || *value != true {
                self.drop_key("request", &key);
            }
        }
    }
}

fn text(part: &Value) -> Text {
    let citations = list(&part["extra"]["citations"]).iter().filter_map(citation).collect();
    let text = string(&part["text"]).unwrap_or_default();
    Text { text, citations, signature: string(&part["signature"]), cache: cache(part) }
}

fn citation(value: &Value) -> Option<Citation> {
    let (url, title) = (string(&value["url"]), string(&value["title"]));
    Some(Citation { url, title, start: None, end: None, raw: raw(value)? })
}

fn cache(part: &Value) -> Option<Cache> {
    part.get("cache").map(|cache| Cache { ttl: string(&cache["ttl"]) })
}

fn tool_choice(choice: &Value) -> Option<ToolChoice> {
    match choice.as_str() {
        Some("auto") => Some(ToolChoice::Auto),
        Some("none") => Some(ToolChoice::None),
        Some("required") => Some(ToolChoice::Required),
        _ => string(&choice["name"]).map(ToolChoice::Tool),
    }
}

fn format(format: &Value) -> Option<Format> {
    match format.as_str() {
        Some("json") => return Some(Format::Json),
        Some("text") => return Some(Format::Text),
        _ => {}
    }
    Some(Format::Schema(SchemaFormat {
        name: string(&format["name"]),
        description: string(&format["description"]),
        schema: raw(&format["schema"])?,
        strict: format["strict"].as_bool(),
    }))
}

fn raw(value: &Value) -> Option<RawJson> {
    if value.is_null() { None } else { RawJson::new(value.to_string()).ok() }
}

fn string(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn pairs(value: &Value) -> impl Iterator<Item = (String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(key, value)| (key.clone(), value))
}
