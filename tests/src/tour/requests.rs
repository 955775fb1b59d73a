//! What can be asked: a smallest request, and every field, variant and bound beside it, one at a time.

use typewright_runtime::chat::{
    Cache, ChatRequest, Citation, Effort, Format, FunctionTool, Media, Message, Part, Reasoning,
    ReasoningConfig, Role, SchemaFormat, Source, Text, ToolCall, ToolChoice, ToolDefinition, ToolResult,
};
use typewright_runtime::embed::EmbedRequest;
use typewright_runtime::json::RawJson;

use super::{Call, PROVIDERS, Probe, Tells, nothing};

/// A model that no catalog knows, so that nothing is refused for its sake.
const MODEL: &str = "any-model";
/// The name of the request that all others are compared with.
pub const BASE: &str = "a greeting";

/// Requests that set something but change nothing by intent: what a wire does by itself, what is its default, and details
/// of an answer that no wire but the one that gave them takes back.
pub const SAME: [&str; 8] = [
    "text with a signature",
    "text with a citation",
    BASE,
    "format = text",
    "no user text",
    "stop = []",
    "reasoning of another provider",
    "parallel_tool_calls = true",
];

/// Every request to every provider.
pub fn probes() -> Vec<Probe> {
    PROVIDERS.iter().flat_map(|(dialect, provider)| of(dialect, provider)).collect()
}

fn of(dialect: &'static str, provider: &'static str) -> Vec<Probe> {
    let probe = |name: String, base: Option<&str>, call: Call| Probe {
        dialect,
        provider,
        base: base.map(str::to_owned),
        name,
        call,
        answer: nothing(),
        tells: Tells::Sent,
    };
    let mut probes = Vec::new();
    for (name, request) in chats() {
        let base = (name != BASE).then_some(BASE);
        probes.push(probe(
            name.clone(),
            base,
            Call::Chat { request: Box::new(request.clone()), stream: false },
        ));
        if dialect.starts_with("anthropic") {
            let base = base.map(|base| format!("counting: {base}"));
            probes.push(probe(format!("counting: {name}"), base.as_deref(), Call::Count(Box::new(request))));
        }
    }
    let base = Box::new(with(|_| {}));
    probes.push(probe("stream".to_owned(), Some(BASE), Call::Chat { request: base, stream: true }));
    for (name, model) in known_models(dialect, provider) {
        for (field, request) in chats().into_iter().filter(|(field, _)| depends_on_model(field)) {
            let request = Box::new(ChatRequest { model: model.clone(), ..request });
            let base = (field != BASE).then(|| format!("{name}: {BASE}"));
            let call = Call::Chat { request, stream: false };
            probes.push(probe(format!("{name}: {field}"), base.as_deref(), call));
        }
    }
    if dialect.starts_with("anthropic") {
        probes.push(probe("models".to_owned(), None, Call::Models));
        return probes;
    }
    for (name, request) in embeds() {
        let base = (name != "embed").then_some("embed");
        probes.push(probe(name.to_owned(), base, Call::Embed(request)));
    }
    probes.push(probe("models".to_owned(), None, Call::Models));
    probes
}

/// Models of the catalog that differ in what the wire asks about: the first with each combination.
fn known_models(dialect: &str, provider: &str) -> Vec<(String, String)> {
    use typewright_runtime::model::Capability;
    let asked = [Capability::DeveloperRole, Capability::LegacyMaxTokens, Capability::AdaptiveThinking];
    let Some(client) = crate::providers::client(dialect, provider, "http://127.0.0.1:9") else {
        return Vec::new();
    };
    let mut seen: Vec<Vec<bool>> = Vec::new();
    let mut models = Vec::new();
    for model in client.provider().catalog {
        let has: Vec<bool> = asked.iter().map(|capability| model.capabilities.has(*capability)).collect();
        if model.kind == typewright_runtime::model::ModelKind::Chat && !seen.contains(&has) {
            let names = asked
                .iter()
                .zip(&has)
                .filter(|(_, has)| **has)
                .map(|(capability, _)| format!("{capability:?}"));
            let names: Vec<String> = names.collect();
            let name = if names.is_empty() {
                "a plain model".to_owned()
            } else {
                format!("a model with {}", names.join(", "))
            };
            models.push((name, model.id.to_owned()));
            seen.push(has);
        }
    }
    models
}

fn depends_on_model(field: &str) -> bool {
    [BASE, "system", "max_tokens", "reasoning"].iter().any(|start| field.starts_with(start))
}

type Named = (String, ChatRequest);

/// Every request for an answer.
fn chats() -> Vec<Named> {
    let mut all = vec![(BASE.to_owned(), with(|_| {}))];
    all.extend(scalars());
    all.extend(texts());
    all.extend(media());
    all.extend(histories());
    all.extend(tools());
    all.extend(forms());
    all
}

fn with(set: impl FnOnce(&mut ChatRequest)) -> ChatRequest {
    let mut request = ChatRequest::new(MODEL);
    request.messages.push(Message::text(Role::User, "Hello."));
    set(&mut request);
    request
}

fn named(name: impl Into<String>, set: impl FnOnce(&mut ChatRequest)) -> Named {
    (name.into(), with(set))
}

fn scalars() -> Vec<Named> {
    let mut all = Vec::new();
    type Number = fn(&mut ChatRequest, f64);
    let numbers: [(&str, Number, &[f64]); 4] = [
        (
            "temperature",
            |r, value| r.temperature = Some(value),
            &[-0.1, 0.0, 0.5, 1.0, 1.1, 2.0, 2.1, f64::NAN],
        ),
        ("top_p", |r, value| r.top_p = Some(value), &[-0.1, 0.0, 0.5, 1.0, 1.1]),
        ("frequency_penalty", |r, value| r.frequency_penalty = Some(value), &[-2.1, -2.0, 0.5, 2.0, 2.1]),
        ("presence_penalty", |r, value| r.presence_penalty = Some(value), &[-2.1, -2.0, 0.5, 2.0, 2.1]),
    ];
    for (name, set, values) in numbers {
        all.extend(values.iter().map(|value| named(format!("{name} = {value}"), |r| set(r, *value))));
    }
    type Count = fn(&mut ChatRequest, u64);
    let counts: [(&str, Count, &[u64]); 4] = [
        ("max_tokens", |r, value| r.max_tokens = Some(value), &[1, 4096]),
        ("top_k", |r, value| r.top_k = Some(value), &[40]),
        (
            "top_logprobs",
            |r, value| (r.logprobs, r.top_logprobs) = (Some(true), Some(value)),
            &[0, 8, 9, 20, 21],
        ),
        ("n", |r, value| r.n = Some(value), &[0, 1, 2, 128, 129]),
    ];
    for (name, set, values) in counts {
        all.extend(values.iter().map(|value| named(format!("{name} = {value}"), |r| set(r, *value))));
    }
    for count in [0, 1, 2, 4, 5] {
        let stops = if count == 0 { "stop = []".to_owned() } else { format!("stop of {count}") };
        all.push(named(stops, |r| r.stop = (0..count).map(|at| format!("END{at}")).collect()));
    }
    all.extend([
        named("seed", |r| r.seed = Some(-7)),
        named("logprobs", |r| r.logprobs = Some(true)),
        named("no logprobs", |r| r.logprobs = Some(false)),
        named("logit_bias", |r| r.logit_bias = vec![("50256".to_owned(), -100.0)]),
        named("user", |r| r.user = Some("u-1".to_owned())),
        named("service_tier", |r| r.service_tier = Some("flex".to_owned())),
        named("metadata", |r| r.metadata = vec![("team".to_owned(), "a".to_owned())]),
        named("extra", |r| r.extra = vec![("new_field".to_owned(), json("{\"a\":1}"))]),
        named("parallel_tool_calls = false", |r| r.parallel_tool_calls = Some(false)),
        named("parallel_tool_calls = true", |r| r.parallel_tool_calls = Some(true)),
    ]);
    let options = OPTIONS.iter();
    all.extend(
        options
            .map(|name| named(format!("option {name}"), |r| r.options.push(((*name).into(), json("\"x\""))))),
    );
    all
}

/// Options of all providers, and one that nobody has. Each provider takes its own and refuses all others.
const OPTIONS: [&str; 51] = [
    "store",
    "verbosity",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "safety_identifier",
    "prediction",
    "modalities",
    "audio",
    "web_search_options",
    "moderation",
    "reasoning_format",
    "include_reasoning",
    "search_settings",
    "compound_custom",
    "documents",
    "citation_options",
    "disable_tool_validation",
    "models",
    "provider",
    "plugins",
    "transforms",
    "route",
    "usage",
    "session_id",
    "top_a",
    "min_p",
    "repetition_penalty",
    "search_parameters",
    "parallel_function_calling",
    "deferred",
    "reasoning",
    "chat_template_kwargs",
    "context_length_exceeded_behavior",
    "safety_model",
    "betas",
    "container",
    "context_management",
    "mcp_servers",
    "speed",
    "keep_alive",
    "truncate",
    "shift",
    "num_ctx",
    "num_keep",
    "typical_p",
    "repeat_penalty",
    "repeat_last_n",
    "inference_geo",
    "fallbacks",
    "nobody_has_this",
];

fn texts() -> Vec<Named> {
    let system = |text: &str| Message::text(Role::System, text);
    let user = |parts: Vec<Part>| Message { role: Role::User, name: None, parts };
    let cached = |ttl: Option<&str>| Some(Cache { ttl: ttl.map(str::to_owned) });
    vec![
        named("system", |r| r.messages.insert(0, system("Be brief."))),
        named("system of two", |r| drop(r.messages.splice(0..0, [system("Be brief."), system("Be kind.")]))),
        named("system in the middle", |r| {
            r.messages.extend([system("Be brief."), Message::text(Role::User, "Go on.")]);
        }),
        named("system with a cache marker", |r| {
            let text = Text { cache: cached(None), ..words("Be brief.") };
            r.messages.insert(0, Message { role: Role::System, name: None, parts: vec![Part::Text(text)] });
        }),
        named("system by name", |r| {
            r.messages.insert(0, Message { name: Some("rules".to_owned()), ..system("Be brief.") });
        }),
        named("user by name", |r| r.messages[0].name = Some("ann".to_owned())),
        named("no user text", |r| r.messages.push(user(Vec::new()))),
        named("user of two texts", |r| {
            r.messages[0].parts.push(Part::Text(words("How are you?")));
        }),
        named("user twice", |r| r.messages.push(Message::text(Role::User, "Are you there?"))),
        named("text with a cache marker", |r| {
            r.messages[0].parts = vec![Part::Text(Text { cache: cached(None), ..words("Hello.") })];
        }),
        named("text with a cache marker of an hour", |r| {
            r.messages[0].parts = vec![Part::Text(Text { cache: cached(Some("1h")), ..words("Hello.") })];
        }),
        named("text with five cache markers", |r| {
            let text = |at: usize| Part::Text(Text { cache: cached(None), ..words(&format!("{at}")) });
            r.messages[0].parts = (0..5).map(text).collect();
        }),
        named("text with a signature", |r| {
            r.messages[0].parts =
                vec![Part::Text(Text { signature: Some("s".to_owned()), ..words("Hello.") })];
        }),
        named("text with a citation", |r| {
            let citation =
                Citation { url: None, title: None, start: None, end: None, raw: json("{\"type\":\"x\"}") };
            r.messages[0].parts = vec![Part::Text(Text { citations: vec![citation], ..words("Hello.") })];
        }),
        named("a part as it stands", |r| {
            r.messages[0].parts.push(Part::Raw(json("{\"type\":\"new\",\"a\":1}")))
        }),
    ]
}

fn media() -> Vec<Named> {
    let url = || Source::Url("https://example.com/a.png".to_owned());
    let bytes = |mime: &str| Source::Bytes { mime: mime.to_owned(), data: (&b"\x01\x02\x03"[..]).into() };
    let id = || Source::Id("file-1".to_owned());
    let mut all = Vec::new();
    type Kind = (&'static str, fn(Media) -> Part, &'static str);
    let kinds: [Kind; 3] = [
        ("image", Part::Image, "image/png"),
        ("audio", Part::Audio, "audio/wav"),
        ("file", Part::File, "application/pdf"),
    ];
    for (kind, part, mime) in kinds {
        for (how, source) in [("url", url()), ("bytes", bytes(mime)), ("id", id())] {
            all.push(named(format!("{kind} by {how}"), |r| {
                r.messages[0].parts.push(part(Media::new(source.clone())))
            }));
            all.push(named(format!("{kind} by {how}, alone"), |r| {
                r.messages[0].parts = vec![part(Media::new(source.clone()))]
            }));
            let full = Media {
                detail: Some("low".to_owned()),
                filename: Some("a.bin".to_owned()),
                cache: Some(Cache { ttl: None }),
                ..Media::new(source)
            };
            all.push(named(format!("{kind} by {how}, with everything"), |r| {
                r.messages[0].parts.push(part(full))
            }));
        }
    }
    for mime in ["audio/mpeg", "audio/flac", "audio/x-new"] {
        all.push(named(format!("audio of {mime}"), |r| {
            r.messages[0].parts.push(Part::Audio(Media::new(bytes(mime))))
        }));
    }
    for mime in ["text/plain", "image/webp"] {
        all.push(named(format!("file of {mime}"), |r| {
            r.messages[0].parts.push(Part::File(Media::new(bytes(mime))))
        }));
    }
    all.push(named("two images", |r| {
        r.messages[0].parts.extend([
            Part::Image(Media::new(bytes("image/png"))),
            Part::Image(Media::new(bytes("image/jpeg"))),
        ]);
    }));
    all
}

fn call(id: &str, arguments: &str) -> ToolCall {
    ToolCall {
        id: id.to_owned(),
        name: "weather".to_owned(),
        arguments: arguments.to_owned(),
        ..ToolCall::default()
    }
}

fn result(id: &str, content: Vec<Part>) -> ToolResult {
    ToolResult { call_id: id.to_owned(), content, ..ToolResult::default() }
}

fn text(text: &str) -> Part {
    Part::Text(words(text))
}

fn words(text: &str) -> Text {
    Text { text: text.to_owned(), ..Text::default() }
}

/// What an assistant said before, and what its tools gave.
fn histories() -> Vec<Named> {
    let mut all = Vec::new();
    let mut assistant = |name: &str, parts: Vec<Part>| {
        all.push(named(name, |r| {
            r.messages.push(Message { role: Role::Assistant, name: None, parts });
            r.messages.push(Message::text(Role::User, "Go on."));
        }));
    };
    let reasoning = |origin: &str| Reasoning {
        text: "Hm.".to_owned(),
        origin: Some(origin.to_owned()),
        ..Reasoning::default()
    };
    let signed =
        Reasoning { signature: Some("sig".to_owned()), item_id: Some("rs_1".to_owned()), ..reasoning("own") };
    let redacted = Reasoning {
        text: String::new(),
        redacted: Some("xyz".to_owned()),
        item_id: Some("rs_2".to_owned()),
        ..reasoning("own")
    };
    let cache = || Some(Cache { ttl: None });
    assistant("assistant text", vec![text("Hi.")]);
    assistant("assistant of two texts", vec![text("Hi."), text("There.")]);
    assistant("assistant of nothing", Vec::new());
    assistant("refusal", vec![Part::Refusal(words("No."))]);
    assistant("refusal beside text", vec![text("Well."), Part::Refusal(words("No."))]);
    assistant("reasoning", vec![Part::Reasoning(reasoning("own")), text("Hi.")]);
    assistant("reasoning with a signature", vec![Part::Reasoning(signed), text("Hi.")]);
    assistant("reasoning, redacted", vec![Part::Reasoning(redacted), text("Hi.")]);
    assistant("reasoning of another provider", vec![Part::Reasoning(reasoning("other")), text("Hi.")]);
    assistant("assistant part as it stands", vec![Part::Raw(json("{\"type\":\"new\"}")), text("Hi.")]);
    assistant(
        "assistant image",
        vec![Part::Image(Media::new(Source::Url("https://example.com/a.png".to_owned())))],
    );
    let full = ToolCall {
        signature: Some("s".to_owned()),
        item_id: Some("i".to_owned()),
        cache: cache(),
        ..call("c1", "{\"a\":1}")
    };
    let mut turn = |name: &str, calls: Vec<ToolCall>, results: Vec<ToolResult>, after: bool| {
        all.push(named(name, |r| {
            r.messages.push(Message {
                role: Role::Assistant,
                name: None,
                parts: calls.into_iter().map(Part::ToolCall).collect(),
            });
            for result in results {
                r.messages.push(Message {
                    role: Role::Tool,
                    name: None,
                    parts: vec![Part::ToolResult(result)],
                });
            }
            if after {
                r.messages.push(Message::text(Role::User, "Go on."));
            }
        }));
    };
    turn("tool call", vec![call("c1", "{\"a\":1}")], vec![result("c1", vec![text("Sun.")])], false);
    turn(
        "tool call, then a user",
        vec![call("c1", "{\"a\":1}")],
        vec![result("c1", vec![text("Sun.")])],
        true,
    );
    turn("tool call without arguments", vec![call("c1", "")], vec![result("c1", vec![text("Sun.")])], false);
    turn(
        "tool call that is no JSON",
        vec![call("c1", "{oops")],
        vec![result("c1", vec![text("Sun.")])],
        false,
    );
    turn("tool call with everything", vec![full], vec![result("c1", vec![text("Sun.")])], false);
    turn(
        "two tool calls",
        vec![call("c1", "{}"), call("c2", "{}")],
        vec![result("c1", vec![text("Sun.")]), result("c2", vec![text("Rain.")])],
        false,
    );
    turn("tool result of nothing", vec![call("c1", "{}")], vec![result("c1", Vec::new())], false);
    turn(
        "tool result of two texts",
        vec![call("c1", "{}")],
        vec![result("c1", vec![text("Sun."), text("Rain.")])],
        false,
    );
    let source = Source::Bytes { mime: "image/png".to_owned(), data: (&b"\x01"[..]).into() };
    let image = Part::Image(Media::new(source));
    turn(
        "tool result with an image",
        vec![call("c1", "{}")],
        vec![result("c1", vec![text("Sun."), image])],
        false,
    );
    for is_error in [true, false] {
        let result = ToolResult { is_error: Some(is_error), ..result("c1", vec![text("Sun.")]) };
        turn(&format!("tool result, error {is_error}"), vec![call("c1", "{}")], vec![result], false);
    }
    let cached = ToolResult { cache: cache(), ..result("c1", vec![text("Sun.")]) };
    turn("tool result with a cache marker", vec![call("c1", "{}")], vec![cached], false);
    all.push(named("tool by name", |r| {
        let calls = vec![Part::ToolCall(call("c1", "{}"))];
        r.messages.push(Message { role: Role::Assistant, name: None, parts: calls });
        let results = vec![Part::ToolResult(result("c1", vec![text("Sun.")]))];
        r.messages.push(Message { role: Role::Tool, name: Some("weather".to_owned()), parts: results });
    }));
    all.push(named("assistant by name", |r| {
        r.messages.push(Message { name: Some("bot".to_owned()), ..Message::text(Role::Assistant, "Hi.") });
        r.messages.push(Message::text(Role::User, "Go on."));
    }));
    all
}

fn tools() -> Vec<Named> {
    let plain = || FunctionTool {
        name: "weather".to_owned(),
        description: None,
        schema: None,
        strict: None,
        cache: None,
    };
    let full = || FunctionTool {
        description: Some("The weather.".to_owned()),
        schema: Some(json("{\"type\":\"object\",\"properties\":{}}")),
        strict: Some(true),
        ..plain()
    };
    let has = |tool: FunctionTool| move |r: &mut ChatRequest| r.tools.push(ToolDefinition::Function(tool));
    let mut all = vec![
        named("tool, plain", has(plain())),
        named("tool, full", has(full())),
        named("tool, not strict", has(FunctionTool { strict: Some(false), ..full() })),
        named(
            "tool with a cache marker",
            has(FunctionTool { cache: Some(Cache { ttl: Some("1h".to_owned()) }), ..full() }),
        ),
        named("tool of the provider", |r| {
            r.tools.push(ToolDefinition::Raw(json("{\"type\":\"web_search\"}")))
        }),
    ];
    let choices = [
        ("auto", ToolChoice::Auto),
        ("none", ToolChoice::None),
        ("required", ToolChoice::Required),
        ("by name", ToolChoice::Tool("weather".to_owned())),
    ];
    for (name, choice) in choices {
        for parallel in [None, Some(true), Some(false)] {
            let with = parallel.map_or(String::new(), |allowed| format!(", parallel {allowed}"));
            all.push(named(format!("tool_choice {name}{with}"), |r| {
                has(full())(r);
                r.tool_choice = Some(choice.clone());
                r.parallel_tool_calls = parallel;
            }));
        }
    }
    all.push(named("tool, parallel false", |r| {
        has(full())(r);
        r.parallel_tool_calls = Some(false);
    }));
    all.push(named("tool_choice without tools", |r| r.tool_choice = Some(ToolChoice::Required)));
    all
}

/// The form of the answer, and how much to reason before it.
fn forms() -> Vec<Named> {
    let plain =
        SchemaFormat { name: None, description: None, schema: json("{\"type\":\"object\"}"), strict: None };
    let full = SchemaFormat {
        name: Some("answer".to_owned()),
        description: Some("An answer.".to_owned()),
        strict: Some(true),
        ..plain.clone()
    };
    let mut all = vec![
        named("format = text", |r| r.format = Some(Format::Text)),
        named("format = json", |r| r.format = Some(Format::Json)),
        named("format = schema, plain", |r| r.format = Some(Format::Schema(plain))),
        named("format = schema, full", |r| r.format = Some(Format::Schema(full))),
        named("reasoning = disabled", |r| r.reasoning = Some(ReasoningConfig::Disabled)),
        named("reasoning = enabled", |r| r.reasoning = Some(ReasoningConfig::Enabled)),
    ];
    for effort in ["none", "minimal", "low", "medium", "high", "xhigh", "max", "extreme"] {
        let config = ReasoningConfig::Effort(Effort::from(effort));
        all.push(named(format!("reasoning effort {effort}"), |r| r.reasoning = Some(config)));
    }
    for (budget, most) in [(2048, None), (2048, Some(1000)), (0, None)] {
        let with = most.map_or(String::new(), |most| format!(" of {most}"));
        all.push(named(format!("reasoning budget {budget}{with}"), |r| {
            r.reasoning = Some(ReasoningConfig::Budget(budget));
            r.max_tokens = most;
        }));
    }
    all.push(named("reasoning effort high with a schema", |r| {
        r.reasoning = Some(ReasoningConfig::Effort(Effort::High));
        r.format = Some(Format::Schema(SchemaFormat {
            name: None,
            description: None,
            schema: json("{}"),
            strict: None,
        }));
    }));
    all
}

fn embeds() -> Vec<(&'static str, EmbedRequest)> {
    let base = || EmbedRequest {
        model: MODEL.to_owned(),
        input: vec!["Hello.".to_owned(), "You.".to_owned()],
        ..EmbedRequest::default()
    };
    vec![
        ("embed", base()),
        ("embed dimensions", EmbedRequest { dimensions: Some(256), ..base() }),
        ("embed input_type", EmbedRequest { input_type: Some("query".to_owned()), ..base() }),
        ("embed user", EmbedRequest { user: Some("u-1".to_owned()), ..base() }),
    ]
}

fn json(text: &str) -> RawJson {
    RawJson::new(text).unwrap_or_else(|_| RawJson::string(text))
}
