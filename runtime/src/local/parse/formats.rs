//! The ways in which models write reasoning and calls of tools, described as data and named by their marks.

/// How a model sets its reasoning apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReasoningTags {
    /// Stands before it.
    pub open: &'static str,
    /// Stands after it.
    pub close: &'static str,
}

/// How a model writes a call of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallFormat {
    /// What this format is called in a configuration.
    pub name: &'static str,
    /// All of these stand in the chat template of a model that writes so.
    pub detect: &'static [&'static str],
    /// Marks around all calls. They mean nothing by themselves.
    pub section: Option<(&'static str, &'static str)>,
    /// Stands before a call. Empty if a call is only known by being all that is said.
    pub begin: &'static str,
    /// Stands between a name and its arguments, where the name is not inside of the JSON.
    pub middle: Option<&'static str>,
    /// A fence around the arguments. A name may stand before it instead of before `middle`.
    pub fence: Option<(&'static str, &'static str)>,
    /// Marks of a parameter: before its name, after its name, after its value.
    pub parameter: Option<(&'static str, &'static str, &'static str)>,
    /// Stands after a call. Empty if the call ends with its arguments.
    pub end: &'static str,
    /// What the whole answer begins with if it is nothing but calls, without any mark.
    pub bare: Option<Bare>,
}

/// Calls without marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bare {
    /// An object with a name and arguments.
    Json,
    /// A list of calls as Python writes them.
    Python,
}

const PLAIN: CallFormat = CallFormat {
    name: "",
    detect: &[],
    section: None,
    begin: "",
    middle: None,
    fence: None,
    parameter: None,
    end: "",
    bare: None,
};

/// All formats. Of several that a template shows, the first counts.
pub const CALL_FORMATS: &[CallFormat] = &[
    CallFormat {
        name: "tag-parameters",
        detect: &["<function=", "<parameter="],
        section: Some(("<tool_call>", "</tool_call>")),
        begin: "<function=",
        middle: Some(">"),
        parameter: Some(("<parameter=", ">", "</parameter>")),
        end: "</function>",
        ..PLAIN
    },
    CallFormat {
        name: "tag-json",
        detect: &["<tool_call>"],
        begin: "<tool_call>",
        end: "</tool_call>",
        ..PLAIN
    },
    CallFormat {
        name: "bracket",
        detect: &["[TOOL_CALLS]"],
        begin: "[TOOL_CALLS]",
        middle: Some("[ARGS]"),
        ..PLAIN
    },
    CallFormat {
        name: "section",
        detect: &["<｜tool▁call▁begin｜>"],
        section: Some(("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>")),
        begin: "<｜tool▁call▁begin｜>",
        middle: Some("<｜tool▁sep｜>"),
        fence: Some(("```json", "```")),
        end: "<｜tool▁call▁end｜>",
        ..PLAIN
    },
    CallFormat {
        name: "function-json",
        detect: &["<function="],
        begin: "<function=",
        middle: Some(">"),
        end: "</function>",
        ..PLAIN
    },
    CallFormat {
        name: "bare-python",
        detect: &["[func_name1("],
        begin: "<|python_start|>",
        end: "<|python_end|>",
        bare: Some(Bare::Python),
        ..PLAIN
    },
    CallFormat {
        name: "bare-json",
        detect: &["\"parameters\":"],
        begin: "<|python_tag|>",
        bare: Some(Bare::Json),
        ..PLAIN
    },
    CallFormat {
        name: "bare-json",
        detect: &["<|python_tag|>"],
        begin: "<|python_tag|>",
        bare: Some(Bare::Json),
        ..PLAIN
    },
];

/// All tags of reasoning. Of several that a template shows, the first counts.
pub const REASONING_TAGS: &[ReasoningTags] = &[
    ReasoningTags { open: "<think>", close: "</think>" },
    ReasoningTags { open: "[THINK]", close: "[/THINK]" },
    ReasoningTags { open: "<thinking>", close: "</thinking>" },
    ReasoningTags { open: "<seed:think>", close: "</seed:think>" },
];

/// How the answers of a model are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutputFormat {
    /// How it sets its reasoning apart, if it does.
    pub reasoning: Option<ReasoningTags>,
    /// How it calls tools, if it does.
    pub calls: Option<&'static CallFormat>,
}

impl OutputFormat {
    /// What the chat template shows that answers look like.
    pub fn of_template(source: &str) -> Self {
        let shown = |format: &&CallFormat| format.detect.iter().all(|mark| source.contains(mark));
        Self {
            reasoning: REASONING_TAGS.iter().find(|tags| source.contains(tags.close)).copied(),
            calls: CALL_FORMATS.iter().find(shown),
        }
    }

    /// The format of calls of this name.
    pub fn calls_named(name: &str) -> Option<&'static CallFormat> {
        CALL_FORMATS.iter().find(|format| format.name == name)
    }

    /// Whether `prompt` ends inside of reasoning, which the answer then goes on with.
    pub fn is_reasoning_open(&self, prompt: &str) -> bool {
        self.reasoning.is_some_and(|tags| prompt.trim_end().ends_with(tags.open))
    }
}
