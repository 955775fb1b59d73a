//! The subject of an embedding request, field by field as in the runtime.

use super::{Field, Subject, Ty};

/// An embedding request.
pub const REQUEST: Subject = Subject {
    name: "embed request",
    rust: "EmbedRequest",
    var: "r",
    fields: &[
        Field::always("model", Ty::Str),
        Field::always("input", Ty::StrList),
        Field::maybe("dimensions", Ty::Uint),
        Field::maybe("input_type", Ty::Str),
        Field::maybe("user", Ty::Str),
    ],
};

/// A request for the list of models.
pub const LISTING: Subject = Subject {
    name: "listing request",
    rust: "",
    var: "r",
    fields: &[Field::maybe("cursor", Ty::Str).read(super::Read::Cursor)],
};
