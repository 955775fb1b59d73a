//! Codecs: what may stand behind the `|` of a slot, with its type in both directions.

/// A codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codec {
    /// Its name.
    pub name: &'static str,
    /// What it takes outgoing, as a diagnostic says it; empty if it only reads.
    pub takes: &'static str,
    /// What it makes outgoing.
    pub gives: &'static str,
}

/// All codecs. A codec whose `takes` is empty stands in answers only.
pub const CODECS: &[Codec] = &[
    Codec { name: "json", takes: "JsonText or Json", gives: "Str" },
    Codec { name: "object", takes: "JsonText or Json", gives: "Json" },
    Codec { name: "collapse", takes: "List(part)", gives: "Str or List(part)" },
    Codec { name: "concat", takes: "List(part)", gives: "Str" },
    Codec { name: "not", takes: "Bool", gives: "Bool" },
    Codec { name: "base64", takes: "Bytes", gives: "Str" },
    Codec { name: "percent", takes: "Str", gives: "Str" },
    Codec { name: "audio_format", takes: "Mime", gives: "Str" },
    Codec { name: "image_format", takes: "Mime", gives: "Str" },
    Codec { name: "document_format", takes: "Mime", gives: "Str" },
    Codec { name: "is_image", takes: "Mime", gives: "Mime" },
    Codec { name: "is_audio", takes: "Mime", gives: "Mime" },
    Codec { name: "error_status", takes: "Bool", gives: "Str" },
    Codec { name: "rfc3339", takes: "", gives: "" },
    Codec { name: "pb_duration", takes: "", gives: "" },
    Codec { name: "go_duration", takes: "", gives: "" },
    Codec { name: "seconds", takes: "", gives: "" },
    Codec { name: "before_colon", takes: "", gives: "" },
];

/// The codec called `name`.
pub fn codec(name: &str) -> Option<&'static Codec> {
    CODECS.iter().find(|codec| codec.name == name)
}
