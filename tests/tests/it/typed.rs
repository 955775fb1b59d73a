//! What a model cannot do does not compile, and says so; the same model named by a text is refused before anything
//! is sent.
//!
//! Each refusal is a small program of the workspace of [`crate::built`]; all are built in one run of cargo, which
//! has to fail for each of them and for none of the same calls to a model that can do it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde_json::Value;
use typewright_runtime::chat::{
    ChatRequest, Effort, FunctionTool, Media, Message, Part, Role, ToolDefinition,
};
use typewright_runtime::client::Client;
use typewright_runtime::error::Error;
use typewright_runtime::json::RawJson;
use typewright_runtime::model::{Capability, ModelKind};
use typewright_tests::providers;

use crate::folder::root;
use crate::server::Server;
use crate::{built, quality};

/// A program that must not build: its name, the call, the error in one line, and what is said at the place.
struct Refused {
    name: &'static str,
    model: &'static str,
    call: &'static str,
    error: &'static str,
    label: &'static str,
}

const fn refused(
    name: &'static str,
    model: &'static str,
    call: &'static str,
    error: &'static str,
    label: &'static str,
) -> Refused {
    Refused { name, model, call, error, label }
}

const REFUSED: &[Refused] = &[
    refused("image", "PLAIN", "image(Media::url(\"u\"))", "`Plain` does not accept images", "vision"),
    refused("audio", "PLAIN", "audio(Media::url(\"u\"))", "`Plain` does not accept audio", "audio_input"),
    refused(
        "document",
        "PLAIN",
        "document(Media::url(\"u\"))",
        "`Plain` does not accept documents",
        "documents",
    ),
    refused("tool", "PLAIN", "tool_def(tool())", "`Plain` does not call tools", "tools"),
    refused("tool_type", "THINKER", "tool::<Look>()", "`Thinker` does not call tools", "tools"),
    refused("tool_vectors", "VECTORS", "tool_def(tool())", "`Vectors` does not call tools", "tools"),
    refused("tool_choice", "PLAIN", "tool_choice(ToolChoice::Auto)", "`Plain` does not call tools", "tools"),
    refused("parallel", "PLAIN", "parallel_tool_calls(true)", "`Plain` does not call tools", "tools"),
    refused("json", "PLAIN", "json()", "`Plain` has no JSON mode", "json_mode"),
    refused(
        "schema",
        "PLAIN",
        "schema(\"s\", RawJson::string(\"\"))",
        "`Plain` does not take a JSON Schema for its answer",
        "structured_output",
    ),
    refused(
        "reasoning",
        "PLAIN",
        "reasoning(Effort::High)",
        "`Plain` does not reason before it answers",
        "reasoning",
    ),
    refused(
        "temperature",
        "THINKER",
        "temperature(0.5)",
        "`Thinker` does not take sampling parameters",
        "sampling",
    ),
    refused("top_p", "THINKER", "top_p(0.5)", "`Thinker` does not take sampling parameters", "sampling"),
    refused("top_k", "THINKER", "top_k(5)", "`Thinker` does not take sampling parameters", "sampling"),
    refused("stop", "PLAIN", "stop(\"x\")", "`Plain` does not take stop texts", "stop_sequences"),
    refused("logprobs", "PLAIN", "logprobs(1)", "`Plain` does not return log probabilities", "logprobs"),
];

/// Programs with another form than a step of a conversation.
const OTHERS: &[Refused] = &[
    refused(
        "embed",
        "PLAIN",
        "client.embed(models::PLAIN)",
        "`Plain` does not make embeddings",
        "embeddings",
    ),
    refused("number", "", "client.chat(5)", "`{integer}` is not a model", ""),
];

/// What all programs begin with.
const HEAD: &str = "\
#![allow(unused_imports, dead_code)]
use typewright_quail::chat::{Effort, FunctionTool, Media, Tool, ToolChoice, ToolDefinition};
use typewright_quail::json::RawJson;
use typewright_quail::{Quail, models};

struct Look;

impl Tool for Look {
    const NAME: &'static str = \"look\";
    const DESCRIPTION: &'static str = \"Looks\";

    fn schema() -> RawJson {
        RawJson::string(\"\")
    }
}

fn tool() -> ToolDefinition {
    Look::definition()
}

fn main() {
    let client = Quail::new(\"k\").unwrap();
";

/// The programs, for the workspace.
pub(crate) fn programs() -> Vec<(String, String)> {
    let program = |body: &str| format!("{HEAD}{body}}}\n");
    let step =
        |model: &str, call: &str| format!("    drop(client.chat(models::{model}).user(\"Hi.\").{call});\n");
    let alone = REFUSED.iter().map(|one| (one.name.to_owned(), program(&step(one.model, one.call))));
    let others =
        OTHERS.iter().map(|one| (one.name.to_owned(), program(&format!("    drop({});\n", one.call))));
    let mut accepted: String = REFUSED.iter().map(|one| step("ABLE", one.call)).collect();
    // Named by a text, everything compiles.
    accepted.extend(REFUSED.iter().map(|one| step("ABLE", one.call).replace("models::ABLE", "\"plain\"")));
    accepted.push_str("    drop(client.embed(models::VECTORS));\n");
    alone.chain(others).chain([("accepted".to_owned(), program(&accepted))]).collect()
}

/// The errors of a program: what each says, and what it says at the place.
type Errors = Vec<(String, Vec<String>)>;

/// What the compiler said, by program.
fn verdicts() -> &'static BTreeMap<String, Errors> {
    static VERDICTS: OnceLock<BTreeMap<String, Errors>> = OnceLock::new();
    VERDICTS.get_or_init(|| {
        let arguments =
            ["check", "--package", "refused", "--bins", "--keep-going", "--message-format", "json"];
        let output = built::cargo(built::folder(), &arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        let mut verdicts: BTreeMap<String, Errors> = BTreeMap::new();
        for line in text.lines() {
            let said: Value = serde_json::from_str(line).unwrap();
            let message = &said["message"];
            if message["level"] == "error" && !message["spans"].as_array().unwrap().is_empty() {
                let program = said["target"]["name"].as_str().unwrap().to_owned();
                verdicts.entry(program).or_default().push((message["message"].to_string(), labels(message)));
            }
        }
        assert!(!verdicts.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        verdicts
    })
}

fn labels(message: &Value) -> Vec<String> {
    let spans = message["spans"].as_array().unwrap().iter();
    spans.filter_map(|span| span["label"].as_str().map(str::to_owned)).collect()
}

#[test]
fn what_a_model_cannot_do_does_not_compile_and_says_so() {
    let verdicts = verdicts();
    for one in REFUSED.iter().chain(OTHERS) {
        let errors = verdicts.get(one.name).unwrap_or_else(|| panic!("{} builds", one.name));
        let [(error, labels)] = &errors[..] else { panic!("{}: {errors:#?}", one.name) };
        assert_eq!(error, &format!("{:?}", one.error), "{}", one.name);
        let wanted = format!("this model has no `{}` capability", one.label);
        assert!(one.label.is_empty() || labels.contains(&wanted), "{}: {labels:#?}", one.name);
    }
}

#[test]
fn what_a_model_can_do_and_every_model_named_by_a_text_compiles() {
    assert_eq!(verdicts().get("accepted"), None);
}

/// What a call asks for, the capability it takes, and the word for it in the refusal.
type Ask = (Capability, &'static str, fn(&mut ChatRequest));

const ASKS: &[Ask] = &[
    (Capability::Vision, "image", |request| ask(request, Part::Image(Media::url("https://x.example/y.png")))),
    (Capability::AudioInput, "audio", |request| {
        ask(request, Part::Audio(Media::bytes("audio/wav", &b"w"[..])))
    }),
    (Capability::Documents, "document", |request| {
        ask(request, Part::File(Media::bytes("application/pdf", &b"p"[..])))
    }),
    (Capability::Tools, "tools", |request| {
        let schema = RawJson::new("{}").ok();
        let tool =
            FunctionTool { name: "t".to_owned(), description: None, schema, strict: None, cache: None };
        request.tools.push(ToolDefinition::Function(tool));
    }),
    (Capability::JsonMode, "json", |request| request.format = Some(typewright_runtime::chat::Format::Json)),
    (Capability::Reasoning, "reasoning", |request| request.reasoning = Some(Effort::High.into())),
    (Capability::Sampling, "temperature", |request| request.temperature = Some(0.5)),
    (Capability::StopSequences, "stop", |request| request.stop.push("x".to_owned())),
    (Capability::Logprobs, "logprobs", |request| request.logprobs = Some(true)),
];

fn ask(request: &mut ChatRequest, part: Part) {
    request.messages.push(Message { role: Role::User, name: None, parts: vec![part] });
}

fn clients(url: &str) -> Vec<Client> {
    let known = [
        ("openai-chat", "openai"),
        ("anthropic-messages", "anthropic"),
        ("ollama-chat", "ollama"),
        ("openai-chat", "groq"),
        ("openai-chat", "deepseek"),
        ("openai-chat", "openrouter"),
        ("openai-chat", "together"),
        ("openai-chat", "xai"),
    ];
    known.map(|(dialect, provider)| providers::client(dialect, provider, url).unwrap()).into()
}

#[tokio::test]
async fn the_same_is_refused_by_name_and_nothing_is_sent() {
    let server = Server::new([]).await;
    let (mut refused, mut embedding) = (BTreeSet::new(), 0);
    for client in clients(&server.url) {
        for model in client.provider().catalog.iter().filter(|model| model.kind != ModelKind::Other) {
            for (capability, feature, ask) in ASKS {
                if model.can(*capability) {
                    continue;
                }
                let mut request = ChatRequest::new(model.id);
                ask(&mut request);
                let call = client.chat(model.id).request(request);
                let error = call.clone().send().await.unwrap_err();
                let streamed = call.stream().await.unwrap_err();
                assert_eq!(error.to_string(), streamed.to_string());
                let Error::Unsupported(unsupported) = error else { panic!("{}: {error:?}", model.id) };
                assert_eq!(
                    (unsupported.provider, unsupported.model.as_str()),
                    (client.provider().name, model.id)
                );
                let feature = if model.kind == ModelKind::Embedding { "chat" } else { feature };
                assert_eq!(unsupported.feature, feature, "{}", model.id);
                refused.insert(feature);
            }
            if !model.can(Capability::Embeddings) && client.provider().embed.is_some() {
                let error = client.embed(model.id).input("Hi.").send().await.unwrap_err();
                assert!(
                    matches!(&error, Error::Unsupported(one) if one.feature == "embeddings"),
                    "{error:?}"
                );
                embedding += 1;
            }
        }
    }
    let all: BTreeSet<&str> = ASKS.iter().map(|(_, feature, _)| *feature).chain(["chat"]).collect();
    assert!(refused == all && embedding > 50, "{refused:?}, {embedding}");
    assert_eq!(server.seen(|seen| seen.connections), 0);
}

#[test]
fn the_types_of_models_say_what_their_data_say() {
    let mut models = 0;
    for folder in quality::generated().iter().filter(|folder| !folder.ends_with("/typewright")) {
        let text = std::fs::read_to_string(root().join(folder).join("src/models.rs")).unwrap();
        let (mut traits, mut data) = (BTreeMap::<String, BTreeSet<String>>::new(), BTreeMap::new());
        for item in syn::parse_file(&text).unwrap().items {
            let syn::Item::Impl(block) = item else { continue };
            let Some((path, _)) = &block.trait_ else { continue };
            let (name, of) = (path.segments.last().unwrap().ident.to_string(), text_of(&block.self_ty));
            if name == "TypedModel" {
                data.insert(of, capabilities(&text_of(&block)));
            } else {
                traits.entry(of).or_default().insert(name);
            }
        }
        for (model, capabilities) in data {
            let marked = traits.remove(&model).unwrap_or_default();
            let wanted: BTreeSet<String> =
                capabilities.into_iter().filter(|name| MARKED.contains(&name.as_str())).collect();
            assert_eq!(marked, wanted, "{folder}: {model}");
            models += 1;
        }
    }
    assert!(models > 200, "{models}");
}

/// The capabilities that are traits as well.
const MARKED: &[&str] = &[
    "AudioInput",
    "Documents",
    "Embeddings",
    "JsonMode",
    "Logprobs",
    "PromptCache",
    "Reasoning",
    "Sampling",
    "StopSequences",
    "StructuredOutput",
    "Tools",
    "Vision",
];

fn text_of(tokens: &impl quote::ToTokens) -> String {
    tokens.to_token_stream().to_string()
}

fn capabilities(block: &str) -> BTreeSet<String> {
    let named = block.split("Capability ::").skip(1);
    named
        .map(|rest| rest.trim_start().split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned())
        .collect()
}
