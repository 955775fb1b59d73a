//! The wire half of the IR, outgoing: how one operation's request is adjusted, addressed and written.
//!
//! Every slot is resolved to a [`FieldRef`] with its type, every table to rows of alternatives with their conditions;
//! nothing here is to be looked up again. Which Rust stands for it is the emitter's business.

mod adjust;

pub use adjust::{Action, Bound, Limit, Otherwise, Set, Step, Term};

use crate::source::Span;
use crate::vocabulary::{Read, Ty};

/// The request side of an operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Encode {
    /// `chat`, `embed`, `models` or `count_tokens`.
    pub operation: String,
    /// The HTTP method.
    pub method: String,
    /// The path, as text.
    pub path: Option<Node>,
    /// Query parameters, as text.
    pub query: Vec<Entry>,
    /// Headers, as text; a list is joined by commas.
    pub headers: Vec<Entry>,
    /// The body; its must-slots are what the wire cannot do without.
    pub body: Option<Alt>,
    /// The tables that the body reaches.
    pub tables: Vec<Table>,
    /// Words of an open enum that the wire spells otherwise: field type, then canonical and wire word.
    pub efforts: Vec<(String, String)>,
    /// What is done to the request before it is encoded, in order.
    pub adjust: Vec<Step>,
    /// Optional details of parts and messages that have no place on this wire: they are dropped with a warning.
    pub lossy: Vec<Loss>,
    /// Policies that the runtime applies.
    pub policies: Policies,
    /// Provider options that no slot places: name and top-level wire field.
    pub appended: Vec<(String, String)>,
    /// The names of all options that the provider has.
    pub options: Vec<String>,
    /// Where the operation stands.
    pub span: Span,
}

/// A piece of JSON to write.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of [`Node`].
#[derive(Debug, Clone, PartialEq)]
pub enum NodeKind {
    /// JSON text that never changes.
    Const(String),
    /// A field.
    Value(Value),
    /// A string with fields in it.
    Template(Vec<Piece>),
    /// An object, its keys in order.
    Object(Vec<Entry>),
    /// A list.
    List(Vec<Node>),
    /// Written only under a condition.
    If {
        /// The condition.
        cond: Cond,
        /// What is written.
        then: Box<Node>,
    },
    /// The first alternative that applies.
    One(Vec<Alt>),
    /// Several list elements, one a run of parts.
    Runs(Vec<Run>),
    /// Nothing at all, not even the key.
    Absent,
}

/// A key of an object, or a parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key; `None` merges the keys of a table's rows in place.
    pub key: Option<String>,
    /// The value.
    pub node: Node,
}

/// An alternative: chosen if all its conditions hold and its must-fields are there.
#[derive(Debug, Clone, PartialEq)]
pub struct Alt {
    /// Conditions.
    pub conds: Vec<Cond>,
    /// Fields that have to be there; bound by name within.
    pub musts: Vec<FieldRef>,
    /// What is written.
    pub node: Node,
    /// Where it stands.
    pub span: Span,
}

impl Alt {
    /// Whether it applies without looking.
    pub fn is_unconditional(&self) -> bool {
        self.conds.is_empty() && self.musts.is_empty()
    }
}

/// A row of `$runs`.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The variants of part that it takes.
    pub variants: Vec<String>,
    /// Whether it takes a whole run; otherwise one part, whose fields the node reads.
    pub many: bool,
    /// One wire object.
    pub alt: Alt,
}

/// A field of the vocabulary, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldRef {
    /// Its name; with a variant, the dotted path.
    pub name: String,
    /// The variable of the subject it belongs to.
    pub var: String,
    /// Its type.
    pub ty: Ty,
    /// Whether it may be absent.
    pub optional: bool,
    /// How it is read.
    pub read: Read,
    /// The variant of an optional request field that it lies in.
    pub via: Option<Box<Via>>,
}

/// The way through a sum-typed field of the request: `reasoning` → `ReasoningConfig::Effort`.
#[derive(Debug, Clone, PartialEq)]
pub struct Via {
    /// The request's field.
    pub field: String,
    /// The runtime's enum.
    pub rust: String,
    /// The variant, as its row is called.
    pub variant: String,
    /// The variable that holds its payload.
    pub var: String,
    /// Whether the field may be absent within the variant.
    pub optional: bool,
}

/// A field and how it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// The field.
    pub field: FieldRef,
    /// How.
    pub write: Write,
}

/// How a value becomes JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A string.
    Str,
    /// An unsigned integer.
    Uint,
    /// A signed integer.
    Int,
    /// A number.
    Float,
    /// A boolean.
    Bool,
    /// The opposite of a boolean.
    NotBool,
    /// JSON as it stands.
    Json,
    /// Text that has to be JSON, as it stands; nothing is `{}`.
    Arguments,
    /// JSON inside a string; nothing is `{}`.
    Quoted,
    /// Bytes as a base64 string.
    Base64,
    /// A list of strings.
    Strs,
    /// A list of JSON values.
    Jsons,
    /// An object of strings.
    StrMap,
    /// An object of numbers.
    FloatMap,
    /// The word of an open enum.
    Word,
    /// A media type's short name, by the runtime's function of this name.
    Short(String),
    /// Percent-encoded, in a path.
    Percent,
    /// A table's row.
    Table(String),
    /// A list of a table's rows: all of them, or those of the selected variants.
    List {
        /// The table.
        table: String,
        /// Selected variants; empty is all.
        select: Vec<String>,
    },
    /// A list of a table's rows; a lone plain text is a bare string.
    Collapse {
        /// The table.
        table: String,
        /// Selected variants; empty is all.
        select: Vec<String>,
        /// Optional fields of a text that keep it from being plain, because its row writes them.
        plain: Vec<String>,
    },
    /// The texts of parts, joined.
    Concat {
        /// Selected variants.
        select: Vec<String>,
    },
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Literal text, not escaped yet.
    Text(String),
    /// A field.
    Value(Value),
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Cond {
    /// The answer is streamed.
    Stream,
    /// The model has a capability, as the runtime's enum spells it.
    Cap(String),
    /// The request uses something, by the runtime's function of this name.
    Uses(String),
    /// A field is there.
    Has(FieldRef),
    /// A field has a value.
    Is(FieldRef, Test),
    /// The turn has a role, as the runtime's enum spells it.
    Role(String),
    /// Not so.
    Not(Box<Cond>),
    /// All of them.
    All(Vec<Cond>),
    /// Any of them.
    Any(Vec<Cond>),
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// A variant of the runtime's enum, and whether it carries something.
    Variant {
        /// The enum.
        rust: String,
        /// The variant, as the runtime spells it.
        variant: String,
        /// Whether it carries something.
        payload: bool,
    },
    /// A text.
    Str(String),
    /// A boolean.
    Bool(bool),
}

/// A variant table, or the table of a struct.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name, and that of its function.
    pub name: String,
    /// The sum it is about; none for the struct of that name.
    pub sum: String,
    /// Rows by variant; `_` is the rest.
    pub rows: Vec<Row>,
    /// Some row writes nothing, so callers have to take their key back.
    pub absent: bool,
    /// It is merged into the caller's object instead of being a value.
    pub merged: bool,
    /// Some condition asks for the role of the turn.
    pub role: bool,
    /// Where it stands.
    pub span: Span,
}

/// The alternatives of one variant.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The variant; `_` is every other one.
    pub variant: String,
    /// In order.
    pub alts: Vec<Alt>,
    /// For rows of `message`: the variants of part that the row has a place for; `None` is all.
    pub admits: Option<Vec<String>>,
}

/// An optional detail that the wire has no place for.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    /// The table whose row lacks it.
    pub table: String,
    /// The row.
    pub variant: String,
    /// The field.
    pub field: String,
}

/// The policies of the closed set, by the runtime's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policies {
    /// `SystemPolicy`.
    pub system: &'static str,
    /// `Roles`.
    pub roles: &'static str,
    /// `ToolResults`.
    pub tool_results: &'static str,
    /// `ToolIds`.
    pub tool_ids: &'static str,
    /// `Replay`, for reasoning.
    pub replay_reasoning: &'static str,
}
