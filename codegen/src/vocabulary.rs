//! What the slots of a dialect may name: the canonical vocabulary as one table.
//!
//! [`chat`] and [`embed`] hold the subjects (structs) and sums (enums) of the runtime with their fields, [`ops`] the
//! operations of decode tables and the closed lists of capabilities, finish reasons and error kinds, [`codecs`] what
//! stands behind a `|`. Field and variant names are those of the runtime's types (a test compares them both ways).
//! Nothing here knows a wire.

pub mod chat;
pub mod codecs;
pub mod embed;
pub mod ops;

#[cfg(test)]
mod tests;

pub use chat::{MODEL_LIMITS, NOT_SLOTS, SUBJECTS, SUMS, USES};
pub use codecs::{CODECS, Codec};
pub use ops::{CAPABILITIES, CLASSES, ERROR_KINDS, FINISH_REASONS, OPS, Op, capability};

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ty {
    /// Text.
    Str,
    /// A media type such as `image/png`: text that has a short name.
    Mime,
    /// An unsigned integer.
    Uint,
    /// A signed integer.
    Int,
    /// A number.
    Float,
    /// A boolean.
    Bool,
    /// Any JSON value, kept as text that is known to be JSON.
    Json,
    /// Text that should be JSON but may not be, such as a tool's arguments.
    JsonText,
    /// Raw bytes; base64 on the wire.
    Bytes,
    /// A list of texts.
    StrList,
    /// A list of JSON values.
    JsonList,
    /// A map from text to text.
    StrMap,
    /// A map from text to numbers.
    FloatMap,
    /// A level of reasoning: an open enum that is written as its word.
    Effort,
    /// A list of a sum or subject that has a table of this name.
    List(&'static str),
    /// A sum or subject that has a table of this name.
    Table(&'static str),
}

impl Ty {
    /// The name used in diagnostics.
    pub fn name(self) -> String {
        match self {
            Self::List(table) => format!("List({table})"),
            Self::Table(table) => format!("Sum({table})"),
            plain => format!("{plain:?}"),
        }
    }

    /// Whether a value of this type may stand where `wanted` is asked for.
    pub fn fits(self, wanted: Self) -> bool {
        self == wanted || matches!((self, wanted), (Self::Mime | Self::Effort, Self::Str))
    }

    /// Whether the Rust type is `Copy`, so that it is read by value.
    pub fn is_copy(self) -> bool {
        matches!(self, Self::Uint | Self::Int | Self::Float | Self::Bool)
    }

    /// Whether absence is emptiness rather than `None`.
    pub fn is_list(self) -> bool {
        matches!(self, Self::StrList | Self::JsonList | Self::StrMap | Self::FloatMap | Self::List(_))
    }

    /// Whether it can be put into a template or a path.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Str | Self::Mime | Self::Effort | Self::Uint | Self::Int)
    }
}

/// How generated Rust reads a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Read {
    /// A field of the subject's struct, of the same name.
    Field,
    /// The payload of the variant itself.
    Payload,
    /// Bound by matching a variant of `Source`: `url`, `bytes` or `id`.
    Source(&'static str),
    /// A method of the turn, of the same name.
    Turn,
    /// A method of the encoding context, of this name.
    Context(&'static str),
    /// Whether the answer is streamed.
    Stream,
    /// Where the next page of a listing begins.
    Cursor,
    /// A limit of the model, of the same name.
    Limit,
    /// A provider-only option, of the same name.
    Option,
    /// The name of the call that a tool result answers.
    CallName,
    /// The id of a call, which is absent where the provider gave none and needs none.
    ToolId,
}

/// A field of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name in slots and in Rust.
    pub name: &'static str,
    /// Its type.
    pub ty: Ty,
    /// Whether it may be absent; a list is absent when it is empty.
    pub optional: bool,
    /// How it is read.
    pub read: Read,
}

impl Field {
    /// A field that is always there.
    pub const fn always(name: &'static str, ty: Ty) -> Self {
        Self { name, ty, optional: false, read: Read::Field }
    }

    /// A field that may be absent.
    pub const fn maybe(name: &'static str, ty: Ty) -> Self {
        Self { name, ty, optional: true, read: Read::Field }
    }

    /// The same field, read otherwise.
    pub const fn read(mut self, read: Read) -> Self {
        self.read = read;
        self
    }
}

/// A struct of the vocabulary.
#[derive(Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its name in diagnostics.
    pub name: &'static str,
    /// The runtime's struct.
    pub rust: &'static str,
    /// The variable that holds it in generated code.
    pub var: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

impl Subject {
    /// The field called `name`.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// An enum of the vocabulary: what a variant table has rows for.
#[derive(Debug, PartialEq, Eq)]
pub struct Sum {
    /// The table's name.
    pub name: &'static str,
    /// The runtime's enum.
    pub rust: &'static str,
    /// The variable that holds it in generated code; never the name of a table.
    pub var: &'static str,
    /// Whether the runtime may add variants (`#[non_exhaustive]`).
    pub open: bool,
    /// Its variants, in the runtime's order.
    pub variants: &'static [Variant],
}

impl Sum {
    /// The variant called `name`.
    pub fn variant(&self, name: &str) -> Option<&'static Variant> {
        self.variants.iter().find(|variant| variant.name == name)
    }
}

/// A variant of a [`Sum`].
#[derive(Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its row's name; the Rust name is the same in camel case.
    pub name: &'static str,
    /// What it carries.
    pub payload: Payload,
}

impl Variant {
    /// Its name in Rust.
    pub fn rust(&self) -> String {
        camel(self.name)
    }

    /// The fields that slots of its row may name.
    pub fn fields(&'static self) -> &'static [Field] {
        match &self.payload {
            Payload::Unit => &[],
            Payload::Value(field) => std::slice::from_ref(field),
            Payload::Struct(subject) => subject.fields,
        }
    }

    /// The variable of its payload in generated code.
    pub fn var(&self) -> &'static str {
        match &self.payload {
            Payload::Unit => self.name,
            Payload::Value(field) => field.name,
            Payload::Struct(subject) => subject.var,
        }
    }
}

/// What a [`Variant`] carries.
#[derive(Debug, PartialEq, Eq)]
pub enum Payload {
    /// Nothing.
    Unit,
    /// One value, named as a field.
    Value(Field),
    /// A struct.
    Struct(&'static Subject),
}

/// The sum whose table is called `name`.
pub fn sum(name: &str) -> Option<&'static Sum> {
    SUMS.iter().copied().find(|sum| sum.name == name)
}

/// The subject called `name`.
pub fn subject(name: &str) -> Option<&'static Subject> {
    SUBJECTS.iter().copied().find(|subject| subject.name == name)
}

/// `tool_call` as `ToolCall`.
pub fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    push_camel(name, &mut out);
    out
}

/// As [`camel`], behind what is in `out`.
pub fn push_camel(name: &str, out: &mut String) {
    for word in name.split('_') {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
}
