//! Chat templates: a conversation to the text that a model was trained on.
//!
//! A template is Jinja as Python runs it, so values print, and JSON is written, as Python does ([`python`]). It comes with
//! the model and is not trusted: its steps, its output and its nesting are bounded, and it reads nothing but the request.
//! What it cannot express is an error before anything is run. Which tokens the text becomes is `tokens`' business.

mod conversation;
mod python;
mod tags;
mod time;

use std::io;
use std::time::SystemTime;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, Value};

use crate::chat::ChatRequest;

/// The turns of most models that have no template of their own; only for those who ask for it by name.
pub const IM_START: &str = "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + \
    '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/// The longest template.
const MAX_SOURCE: usize = 1 << 20;
const NAME: &str = "chat";

/// Why there is no prompt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The model brings no template, and none is guessed.
    #[error("the model has no chat template; give one in the configuration")]
    None,
    /// The template is no Jinja, or uses what is not there.
    #[error("the chat template is malformed: {reason}")]
    Malformed {
        /// What is wrong, with the line.
        reason: String,
    },
    /// The request holds what the template has no place for.
    #[error("the chat template takes no {what}")]
    NotTaken {
        /// What it does not take.
        what: &'static str,
    },
    /// The template refuses the conversation, in its own words.
    #[error("the chat template refuses the conversation: {message}")]
    Refused {
        /// What it says.
        message: String,
    },
    /// The template failed on this conversation.
    #[error("the chat template failed: {reason}")]
    Failed {
        /// What it ran into, with the line.
        reason: String,
    },
    /// The template ran past a limit.
    #[error("the chat template exceeds its limit of {limit} {what}")]
    Limit {
        /// What there was too much of.
        what: &'static str,
        /// The most that is allowed.
        limit: u64,
    },
}

/// How far a template may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateLimits {
    /// Steps, roughly instructions.
    pub steps: u64,
    /// Bytes of text.
    pub output: usize,
    /// Nested calls.
    pub depth: usize,
}

impl Default for TemplateLimits {
    fn default() -> Self {
        Self { steps: 20_000_000, output: 64 << 20, depth: 100 }
    }
}

/// What a prompt depends on beside the request.
#[derive(Debug, Clone)]
pub struct TemplateInput {
    /// The token that begins a text, as text.
    pub bos_token: Option<String>,
    /// The token that ends a text, as text.
    pub eos_token: Option<String>,
    /// Whether the prompt ends where the model is to speak.
    pub add_generation_prompt: bool,
    /// What the template may print as the present time.
    pub now: SystemTime,
    /// How far local time is ahead of UTC, in seconds.
    pub utc_offset: i32,
    /// Documents to answer from, as the template wants them.
    pub documents: Vec<serde_json::Value>,
    /// Variables of one template alone, by name. They come before all others.
    pub variables: Vec<(String, serde_json::Value)>,
}

impl Default for TemplateInput {
    fn default() -> Self {
        Self {
            bos_token: None,
            eos_token: None,
            add_generation_prompt: true,
            now: SystemTime::now(),
            utc_offset: 0,
            documents: Vec::new(),
            variables: Vec::new(),
        }
    }
}

/// A chat template that has been read.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    limits: TemplateLimits,
    takes: Takes,
}

/// What the template has a place for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Takes {
    tools: bool,
    tool_calls: bool,
    tool_results: bool,
    documents: bool,
}

impl ChatTemplate {
    /// Reads a template.
    pub fn new(source: &str, limits: TemplateLimits) -> Result<Self, TemplateError> {
        if source.len() > MAX_SOURCE {
            return Err(TemplateError::Limit { what: "bytes of source", limit: MAX_SOURCE as u64 });
        }
        let mut environment = environment(limits)?;
        let source = tags::tolerate(source);
        environment.add_template_owned(NAME, source.clone()).map_err(|error| malformed(&error))?;
        let template = environment.get_template(NAME).map_err(|error| malformed(&error))?;
        let variables = template.undeclared_variables(false);
        let takes = Takes {
            tools: variables.contains("tools"),
            tool_calls: source.contains("tool_call"),
            tool_results: source.contains("tool"),
            documents: variables.contains("documents"),
        };
        Ok(Self { environment, limits, takes })
    }

    /// The prompt for `request`.
    pub fn render(&self, request: &ChatRequest, input: &TemplateInput) -> Result<String, TemplateError> {
        let context = conversation::context(request, input, self.takes)?;
        let template = self.environment.get_template(NAME).map_err(|error| malformed(&error))?;
        let mut text = Bounded { text: Vec::new(), limit: self.limits.output, exceeded: false };
        match template.render_captured_to(context, &mut text) {
            Ok(_) => String::from_utf8(text.text)
                .map_err(|_| TemplateError::Failed { reason: "the prompt is not UTF-8".to_owned() }),
            Err(_) if text.exceeded => {
                Err(TemplateError::Limit { what: "bytes of text", limit: self.limits.output as u64 })
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn failed(&self, error: &minijinja::Error) -> TemplateError {
        if error.kind() == ErrorKind::OutOfFuel {
            return TemplateError::Limit { what: "steps", limit: self.limits.steps };
        }
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        while let Some(one) = cause {
            if let Some(Raised(message)) = one.downcast_ref() {
                return TemplateError::Refused { message: message.clone() };
            }
            cause = one.source();
        }
        TemplateError::Failed { reason: described(error) }
    }
}

fn environment(limits: TemplateLimits) -> Result<Environment<'static>, TemplateError> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(|error| malformed(&error))?);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_fuel(Some(limits.steps));
    environment.set_recursion_limit(limits.depth);
    environment.set_formatter(python::print);
    environment.set_unknown_method_callback(python::method);
    environment.add_filter("tojson", python::tojson);
    environment.add_filter("string", |value: &Value| python::str(value));
    environment.add_function("raise_exception", raise);
    Ok(environment)
}

/// What a template raised, so that it is known from other failures.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Raised(String);

fn raise(message: String) -> Result<Value, minijinja::Error> {
    let error = minijinja::Error::new(ErrorKind::InvalidOperation, "the template raised an exception");
    Err(error.with_source(Raised(message)))
}

fn malformed(error: &minijinja::Error) -> TemplateError {
    TemplateError::Malformed { reason: described(error) }
}

fn described(error: &minijinja::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(one) = cause {
        text = format!("{text}: {one}");
        cause = one.source();
    }
    text
}

/// A writer that takes no more than its limit.
struct Bounded {
    text: Vec<u8>,
    limit: usize,
    exceeded: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > self.limit {
            self.exceeded = true;
            return Err(io::Error::other("the text is too long"));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
