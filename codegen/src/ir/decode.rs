//! The wire half of the IR, incoming: what each piece of JSON means, as visits, tests and operations.
//!
//! A [`Visit`] walks one JSON value once: it binds leaves to locals while the cursor passes, and fires its
//! [`Step`]s when the value has ended. It becomes one Rust function.

use crate::source::Span;

/// Everything that comes in for one operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Decode {
    /// `chat`, `embed`, `models` or `count_tokens`.
    pub operation: String,
    /// The functions, callees before callers.
    pub visits: Vec<Visit>,
    /// The visit of a whole response.
    pub response: Option<VisitId>,
    /// How an answer streams.
    pub stream: Option<Stream>,
    /// What the wire's finish reasons mean, in the order of the file.
    pub finish: Vec<FinishRow>,
    /// How usage adds up.
    pub usage: Usage,
    /// How errors look.
    pub errors: Errors,
}

/// An index into [`Decode::visits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisitId(pub usize);

/// An index into [`Visit::locals`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalId(pub usize);

/// A walk over one JSON value.
#[derive(Debug, Clone, PartialEq)]
pub struct Visit {
    /// The name of the function.
    pub name: String,
    /// What is visited, for the doc comment: `` `choices[]` ``.
    pub what: String,
    /// The keys that are looked at.
    pub root: Object,
    /// What is bound on the way.
    pub locals: Vec<Local>,
    /// The choice and key that the rows of this visit use unless they say otherwise.
    pub at: Place,
    /// Whether the caller hands its own place in.
    pub takes_place: bool,
    /// What happens when the value has ended.
    pub steps: Vec<Step>,
    /// Where the table stands.
    pub span: Span,
}

/// A value bound while the cursor passes.
#[derive(Debug, Clone, PartialEq)]
pub struct Local {
    /// Its name in Rust.
    pub name: String,
    /// How it is read.
    pub leaf: Leaf,
}

/// How the cursor reads a leaf. Every leaf is optional on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Leaf {
    /// A string.
    Text,
    /// A string, number or boolean, as text.
    Scalar,
    /// An unsigned integer.
    Uint,
    /// A signed integer.
    Int,
    /// A boolean.
    Flag,
    /// An integer or string that names a slot.
    Key,
    /// Any value but null, as it stands.
    Raw,
    /// JSON inside a string (or, leniently, as it stands).
    JsonText,
    /// JSON as it stands (or, leniently, inside a string).
    ObjectText,
}

/// The keys of a JSON object that are looked at, in the order in which they were first named.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Object {
    /// One arm a key.
    pub arms: Vec<Arm>,
    /// The local that takes the value, where it is a leaf and no object. Only at the root of a visit.
    pub leaf: Option<LocalId>,
    /// The local that takes the whole object as it stands.
    pub raw: Option<LocalId>,
}

/// What is done with the value of a key, by the kind of JSON found there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arm {
    /// The key.
    pub key: String,
    /// Bound if the value is a leaf.
    pub leaf: Option<LocalId>,
    /// Entered if the value is an object.
    pub object: Option<Object>,
    /// Iterated if the value is a list.
    pub list: Option<List>,
}

/// How a list is iterated.
#[derive(Debug, Clone, PartialEq)]
pub enum List {
    /// Element by element, as the cursor passes.
    Now(VisitId),
    /// Kept as it stands, and iterated by a [`Step::Each`] when the object has ended.
    Later(LocalId),
}

/// What happens when a value has ended, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// An operation, if all tests hold.
    Fire(Row),
    /// The first alternative whose tests hold.
    First(Vec<(Vec<Test>, Vec<Step>)>),
    /// A list that was kept.
    Each {
        /// The kept list.
        list: LocalId,
        /// What visits an element.
        visit: VisitId,
        /// The place of the elements.
        at: Place,
        /// Whether the element's index is the key.
        indexed: bool,
    },
}

/// An operation with its tests and arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What must hold.
    pub tests: Vec<Test>,
    /// The operation.
    pub op: Op,
    /// Its arguments by field name.
    pub args: Vec<(String, Value)>,
    /// Where it applies.
    pub at: Place,
    /// Where the row stands.
    pub span: Span,
}

/// Where an operation applies: which answer and which slot.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    /// The answer; the caller's, or 0, if none.
    pub choice: Option<LocalId>,
    /// The slot's key.
    pub key: Option<PlaceKey>,
    /// The second half of a pair of keys.
    pub key2: Option<PlaceKey>,
}

/// A slot's key.
#[derive(Debug, Clone, PartialEq)]
pub enum PlaceKey {
    /// Read from the wire.
    Local(LocalId),
    /// Fixed by the table.
    Fixed(String),
}

/// A condition over locals.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Was bound.
    Has(Value),
    /// A text that was bound and is not empty.
    Filled(Value),
    /// Some of them was bound.
    Any(Vec<LocalId>),
    /// A text that is this.
    Is(LocalId, String),
    /// A boolean that is this.
    Flag(LocalId, bool),
    /// A kept list that has elements.
    NonEmpty(LocalId),
}

/// An argument.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// One local.
    Local(LocalId),
    /// The first local that was bound.
    First(Vec<LocalId>),
}

/// An operation on the state of the answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// Names the answer.
    Meta,
    /// Names the model that answers in place of another.
    Served,
    /// Opens a slot of a class.
    Open(String),
    /// Appends to a slot.
    Append(String),
    /// Sets fields of a slot.
    Set(String),
    /// A whole part at once.
    Whole(String),
    /// A whole part, unless parts of the class were streamed.
    Fill(String),
    /// A whole part that may repeat what was streamed.
    Restate(String),
    /// Closes the slots of classes; all if empty.
    Close(Vec<String>),
    /// A source for the latest text.
    Cite,
    /// Log probabilities.
    Logprobs,
    /// Usage: wire leaf by index.
    Usage(Vec<(usize, LocalId)>),
    /// Why the model stopped.
    Finish,
    /// The terminal event.
    End,
    /// Keep-alive.
    Beat,
    /// The provider failed.
    Fail,
    /// Kept as it stands.
    Raw {
        /// A part of the answer rather than a bare event.
        part: bool,
    },
    /// A vector.
    Embedding,
    /// A model of a listing.
    Model,
    /// Where a listing goes on.
    Next,
    /// A token count.
    Tokens,
}

/// How an answer streams.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// `sse` or `ndjson`.
    pub framing: String,
    /// Data that ends the stream.
    pub sentinel: Option<String>,
    /// What must have been seen at the end: `end` or `finish`.
    pub needs: String,
    /// Classes whose slots open by themselves.
    pub implicit: Vec<String>,
    /// The event's name may be the frame's.
    pub by_frame: bool,
    /// The event's name may be at this path of the data.
    pub by_path: Option<Vec<String>>,
    /// Visits by event name.
    pub events: Vec<(Vec<String>, EventAction)>,
    /// What other events mean; kept raw if nothing is said.
    pub rest: Option<EventAction>,
}

/// What an event means.
#[derive(Debug, Clone, PartialEq)]
pub enum EventAction {
    /// Its data is visited.
    Visit(VisitId),
    /// It is kept raw.
    Raw,
}

/// What a finish reason of the wire means.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishRow {
    /// The wire's word; `_` is the rest.
    pub wire: String,
    /// The canonical reason; `None` is "says nothing".
    pub reason: Option<String>,
    /// The canonical reason if the answer calls tools, where that differs.
    pub with_calls: Option<String>,
}

/// How usage adds up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    /// The wire's leaves, by path.
    pub leaves: Vec<String>,
    /// Canonical fields as sums over leaves.
    pub fields: Vec<UsageField>,
}

/// A canonical usage field.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageField {
    /// The field.
    pub name: String,
    /// The terms: a sign, and leaves of which the first that is present counts.
    pub terms: Vec<(bool, Vec<usize>)>,
}

/// How errors look.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Errors {
    /// The visit of an error body.
    pub body: Option<VisitId>,
    /// Code to class.
    pub code: Vec<(String, String)>,
    /// Kind to class.
    pub kind: Vec<(String, String)>,
    /// Status to class.
    pub status: Vec<(u16, String)>,
    /// The class of the rest.
    pub rest: String,
    /// Classes that may be retried.
    pub retry: Vec<String>,
    /// Headers that carry the request's id.
    pub request_id: Vec<String>,
    /// Headers that say how long to wait, with their unit.
    pub retry_after: Vec<(String, String)>,
    /// The header that says whether to retry.
    pub should_retry: Option<String>,
    /// The pattern of rate-limit headers, with the unit of `reset`.
    pub rate_limits: Option<(String, String)>,
}
