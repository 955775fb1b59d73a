//! The models that a provider says it has, as far as it says anything of them, and what generated decoders
//! report into. The catalog of a generated crate knows more of fewer models ([`crate::model::Model`]).

use crate::embed::keep;
use crate::json::RawJson;
use crate::wire::v1::{Corrupt, ErrorWire, Failure, ProviderFailure, Text};

/// A model as its provider lists it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListedModel {
    /// The id to send.
    pub id: String,
    /// The name people read.
    pub name: Option<String>,
    /// When it was made, in seconds since 1970.
    pub created: Option<i64>,
    /// Whose it is.
    pub owner: Option<String>,
    /// All that the provider says of it.
    pub raw: Option<RawJson>,
}

/// How a list of models looks on a wire. One `static` of a generated crate.
#[derive(Debug, Clone, Copy)]
pub struct ListWire {
    /// The provider's name.
    pub provider: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// Appends the path, with a leading slash, of the page after the one that ended at the cursor.
    pub path: fn(Option<&str>, &mut String),
    /// Adds query parameters.
    pub query: fn(Option<&str>, &mut Vec<(&'static str, String)>),
    /// Adds headers.
    pub headers: fn(Option<&str>, &mut Vec<(&'static str, String)>),
    /// Reads a page.
    pub response: for<'a> fn(&'a [u8], &mut Listing) -> Result<(), Corrupt>,
    /// How errors look.
    pub errors: ErrorWire,
}

/// A model as a decoder found it.
#[derive(Debug, Default, Clone, Copy)]
pub struct Listed<'a> {
    /// The id to send.
    pub id: Option<Text<'a>>,
    /// The name people read.
    pub name: Option<Text<'a>>,
    /// When it was made, in seconds since 1970.
    pub created: Option<i64>,
    /// Whose it is.
    pub owner: Option<Text<'a>>,
    /// The whole object.
    pub raw: Option<&'a str>,
}

/// What a decoder reports of a list of models.
#[derive(Debug, Default)]
pub struct Listing {
    pub(crate) models: Vec<ListedModel>,
    pub(crate) next: Option<String>,
    pub(crate) failure: Option<Box<ProviderFailure>>,
}

impl Listing {
    /// Nothing reported yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One model. Without an id there is nothing to call it by, and it is left out.
    pub fn model(&mut self, listed: Listed<'_>) -> Result<(), Corrupt> {
        let Some(id) = listed.id.filter(|id| !id.is_empty()) else { return Ok(()) };
        let mut model =
            ListedModel { id: id.decode()?.into_owned(), created: listed.created, ..Default::default() };
        keep(&mut model.name, listed.name)?;
        keep(&mut model.owner, listed.owner)?;
        model.raw = listed.raw.map(RawJson::trusted);
        self.models.push(model);
        Ok(())
    }

    /// The list goes on after `cursor`.
    pub fn next(&mut self, cursor: Option<Text<'_>>) -> Result<(), Corrupt> {
        keep(&mut self.next, cursor)
    }

    /// The provider failed, although the status says otherwise.
    pub fn fail(&mut self, failure: Failure<'_>) -> Result<(), Corrupt> {
        self.failure = Some(Box::new(ProviderFailure::of(&failure)));
        Ok(())
    }
}
