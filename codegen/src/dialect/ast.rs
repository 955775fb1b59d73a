//! The dialect language as a tree: shapes, slots, guards and tables, each with the span it was read from.
//!
//! Nothing here knows what a slot means; [`crate::lower`] does.

use crate::source::Span;

/// A value with the place it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// JSON with slots: written when encoding, matched when decoding.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// What it is.
    pub kind: ShapeKind,
    /// Where it stands.
    pub span: Span,
}

/// The constructs of a shape.
#[derive(Debug, Clone, PartialEq)]
pub enum ShapeKind {
    /// A JSON scalar that is written as it stands.
    Const(Const),
    /// `$field`, `$field!`, `$a ?? b`, `$a|codec`, `$parts.text+image`.
    Slot(Slot),
    /// `$a - $b`: one wire leaf as a sum of fields with signs. The first term is always positive.
    Linear(Vec<Term>),
    /// `"data:${mime};base64,${data}"`.
    Template(Vec<Piece>),
    /// `{key: shape, …}`, in the order of the file.
    Object(Vec<Field>),
    /// `[shape, …]`.
    List(Vec<Shape>),
    /// `{$if: P, …}` or `{$if: P, $is: shape}`.
    If {
        /// The condition.
        cond: Pred,
        /// What is written if it holds.
        then: Box<Shape>,
    },
    /// `$one: […]` or `$one: {label: …}`: the first that fits.
    One(Vec<Labelled>),
    /// `$use: table`, as a value of its own.
    Use(Spanned<String>),
    /// `$runs: {row: shape}`.
    Runs(Vec<Labelled>),
    /// `{$raw: shape}`: the JSON as it stands, if it matches the shape.
    RawIf(Box<Shape>),
    /// `$absent`: no key at all.
    Absent,
    /// Something that was reported, with the slots that stand in it: nothing more is said about them.
    Wrong(Vec<String>),
}

/// A JSON scalar.
#[derive(Debug, Clone, PartialEq)]
pub enum Const {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// A string.
    Str(String),
}

/// One key of an object shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The key, or several alternatives (`"a|b"`), first first. Empty for a `$use` that is merged in place.
    pub keys: Vec<String>,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub shape: Shape,
}

/// A row of `$one` or `$runs`, with its label if it has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// The label; none in a list.
    pub label: Option<Spanned<String>>,
    /// The shape.
    pub shape: Shape,
}

/// A reference to a canonical field.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// The dotted path, first segment first: `["reasoning", "effort"]`. `raw` is the whole JSON.
    pub path: Vec<String>,
    /// `!`: the row is chosen, or matches, only if the field is present.
    pub must: bool,
    /// `.text+image` behind a list slot: the variants that are selected, in order.
    pub select: Vec<String>,
    /// `|codec`, applied left to right outgoing.
    pub codecs: Vec<Spanned<String>>,
    /// `?? other`.
    pub fallback: Option<Box<Shape>>,
    /// Where it stands.
    pub span: Span,
}

/// One term of a linear leaf.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// Subtracted rather than added.
    pub negative: bool,
    /// The field.
    pub slot: Slot,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Literal text.
    Text(String),
    /// `${slot}`.
    Slot(Slot),
}

/// A predicate of a guard or rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Pred {
    /// A single word: `stream`, `calls`, `whole`.
    Word(Spanned<String>),
    /// `has field`.
    Has(Spanned<Vec<String>>),
    /// `field is value`.
    Is(Spanned<Vec<String>>, Spanned<String>),
    /// `caps.x`.
    Cap(Spanned<String>),
    /// `uses.x`.
    Uses(Spanned<String>),
    /// `not p`.
    Not(Box<Pred>),
    /// `a and b`.
    And(Vec<Pred>),
    /// `a or b`.
    Or(Vec<Pred>),
    /// Something that was reported.
    Wrong,
}

/// A table: rows by name, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The table's name, such as `part`.
    pub name: Spanned<String>,
    /// Its rows.
    pub rows: Vec<Row>,
    /// The table is one shape without rows (a struct, not a sum).
    pub single: bool,
    /// A row of it was reported, and is not there.
    pub torn: bool,
}

/// A row of a variant table, such as `image/url: {…}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The variant, such as `image`; `_` for the rest.
    pub variant: String,
    /// The alternative's name behind the slash.
    pub alt: Option<String>,
    /// Where the label stands.
    pub label_span: Span,
    /// The shape.
    pub shape: Shape,
}

/// An enum table: wire value to canonical value, in the order of the file. `_` is the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct EnumTable {
    /// The table's name, such as `finish`.
    pub name: Spanned<String>,
    /// Wire value, and what it means (a plain canonical name, or a choice by guard).
    pub rows: Vec<(Spanned<String>, Shape)>,
}

/// An operation table: what incoming JSON means. Entries fire in written order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OpTable {
    /// `with:`, bound once for the table; constants are a test for all of it.
    pub with: Option<Shape>,
    /// The entries.
    pub entries: Vec<OpEntry>,
}

/// One entry of an operation table.
#[derive(Debug, Clone, PartialEq)]
pub enum OpEntry {
    /// `op.class.field/label: shape` or a list of shapes (each a row).
    Row {
        /// The operation with its class and field: `["append", "reasoning"]`; `["_"]` keeps raw.
        op: Spanned<Vec<String>>,
        /// The alternative's name behind the slash.
        label: Option<String>,
        /// The shape.
        shape: Shape,
    },
    /// `$.path:`, `$.path[]:`, `$.path[$k]:`, whose entries are read relative to that path.
    Focus {
        /// The keys on the way.
        path: Spanned<Vec<String>>,
        /// Every element of the list there; with the slot that the index is bound to.
        each: Option<Each>,
        /// The entries there.
        table: OpTable,
    },
    /// `$one:`, exclusive entries, the first that matches.
    One {
        /// Where it stands.
        span: Span,
        /// The alternatives; a group is a nested table.
        alternatives: Vec<OpEntry>,
    },
    /// A key of a `$one` that is no operation: a nested table, chosen by its `with` constants; `_` is the rest.
    Group {
        /// The group's name.
        name: Spanned<String>,
        /// Its table.
        table: OpTable,
    },
    /// Something that was reported; what it would have meant is not known.
    Wrong,
    /// `$use: table`, optionally with another verb (`as: restate`).
    Use {
        /// The table.
        table: Spanned<String>,
        /// The verb that replaces `whole`.
        verb: Option<Spanned<String>>,
    },
}

/// How a focus iterates.
#[derive(Debug, Clone, PartialEq)]
pub struct Each {
    /// The slot that the element's index is bound to.
    pub index: Option<String>,
}

/// A wire format.
#[derive(Debug, Clone, PartialEq)]
pub struct Dialect {
    /// Its name.
    pub name: Spanned<String>,
    /// Its operations, in the order of the file.
    pub operations: Vec<Operation>,
}

/// One operation (`chat`, `embed`, `models`, `count_tokens`) of a dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// `chat`, `embed`, `models` or `count_tokens`.
    pub name: Spanned<String>,
    /// `http.method`.
    pub method: Spanned<String>,
    /// `http.path`.
    pub path: Option<Shape>,
    /// `http.query`.
    pub query: Vec<Field>,
    /// `http.headers`.
    pub headers: Vec<Field>,
    /// `policies:`, by name; the value as it stands.
    pub policies: Vec<(Spanned<String>, crate::source::Node)>,
    /// `unsupported:`, field to action.
    pub unsupported: Vec<(Spanned<String>, Spanned<String>)>,
    /// `limits:`, field to limit; the value as it stands.
    pub limits: Vec<(Spanned<String>, crate::source::Node)>,
    /// `rules:`, in order.
    pub rules: Vec<Rule>,
    /// `request.body`, for operations that have one.
    pub body: Option<Shape>,
    /// Where the key `body` stands; the operation's if it has none.
    pub body_key: Span,
    /// Variant tables: `message`, `part`, `tool`, …
    pub tables: Vec<Table>,
    /// Enum tables that rename: `finish`, `effort`, …
    pub enums: Vec<EnumTable>,
    /// `usage:`, an object of linear leaves.
    pub usage: Option<Shape>,
    /// Named operation tables (`chunk`, `item`, …) and shapes (`error_body`) that `$use` refers to.
    pub op_tables: Vec<(Spanned<String>, OpTable)>,
    /// Named plain shapes that `$use` merges (`error_body`).
    pub shapes: Vec<(Spanned<String>, Shape)>,
    /// `response:`.
    pub response: Option<OpTable>,
    /// `stream:`.
    pub stream: Option<Stream>,
    /// `errors:`.
    pub errors: Option<Errors>,
    /// Some section or key of it was reported and is near nothing known, so that nothing can be said to be missing.
    pub torn: bool,
    /// Where the operation stands.
    pub span: Span,
}

/// A rule over the canonical request, run before encoding.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// When.
    pub cond: Pred,
    /// What.
    pub action: RuleAction,
    /// Why, for the warning or error.
    pub why: Spanned<String>,
    /// Where it stands.
    pub span: Span,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a dialect has a handful of rules, read once")]
pub enum RuleAction {
    /// Leave these fields out and warn.
    Drop(Vec<Spanned<String>>),
    /// Refuse the request.
    Error,
    /// Set a field to a sum of integer fields and numbers, at most `clamp`.
    Set {
        /// The field.
        field: Spanned<String>,
        /// Its new value.
        value: Shape,
        /// Its upper bound.
        clamp: Option<Shape>,
    },
}

/// How an answer streams.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// `sse`, `ndjson`.
    pub framing: Spanned<String>,
    /// Where an event's name is: `["$frame", "event"]` or a path into the data; first present.
    pub tag: Vec<Spanned<Vec<String>>>,
    /// Data that ends the stream, such as `[DONE]`.
    pub sentinel: Option<Spanned<String>>,
    /// `end` or `finish`: what must have been seen when the bytes end.
    pub needs: Spanned<String>,
    /// Classes whose slots open by themselves.
    pub implicit: Vec<Spanned<String>>,
    /// Events by name (several names in one key are alternatives); `_` is the rest.
    pub events: Vec<(Spanned<Vec<String>>, OpTable)>,
    /// Where it stands.
    pub span: Span,
}

/// How errors look.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Errors {
    /// Shapes of an error body; the first that matches.
    pub body: Vec<Shape>,
    /// From the body's code to the class.
    pub code: Vec<(Spanned<String>, Spanned<String>)>,
    /// From the body's kind to the class.
    pub kind: Vec<(Spanned<String>, Spanned<String>)>,
    /// From the HTTP status (or `_`) to the class.
    pub status: Vec<(Spanned<String>, Spanned<String>)>,
    /// The classes that may be retried.
    pub retry: Vec<Spanned<String>>,
    /// Which headers carry what; the value as it stands.
    pub headers: Option<crate::source::Node>,
}
