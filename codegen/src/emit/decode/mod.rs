//! Incoming half of a generated `wire.rs`: one function a visit, straight-line code over the cursor.
//!
//! [`visit`] writes the walk over the JSON, [`steps`] what fires when it has ended, [`tables`] the tables that
//! became `match`es: finish reasons, usage, error classes.

mod steps;
mod tables;
mod visit;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Ident;

use crate::ir::decode::{Decode, EventAction, Stream, VisitId};

/// What the functions of one operation write into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The state machine of an answer.
    Fold,
    /// A list of vectors.
    Embeddings,
    /// A list of models.
    Listing,
    /// A token count.
    Count,
}

impl Target {
    /// The target of an operation by its name.
    pub fn of(operation: &str) -> Self {
        match operation {
            "embed" => Self::Embeddings,
            "models" => Self::Listing,
            "count_tokens" => Self::Count,
            _ => Self::Fold,
        }
    }

    fn ty(self) -> Ident {
        match self {
            Self::Fold => format_ident!("Fold"),
            Self::Embeddings => format_ident!("Embeddings"),
            Self::Listing => format_ident!("Listing"),
            Self::Count => format_ident!("Count"),
        }
    }
}

/// The functions that read what comes in for one operation.
pub fn items(decode: &Decode) -> TokenStream {
    let target = Target::of(&decode.operation);
    let body = decode.errors.body;
    let visits = decode.visits.iter().enumerate().map(|(index, visit)| {
        let returns_failure = body == Some(VisitId(index));
        visit::function(decode, visit, target, returns_failure)
    });
    let response = decode.response.map(|visit| response(decode, visit, target));
    let event = decode.stream.as_ref().map(|stream| event(decode, stream));
    let tables = tables::items(decode);
    quote!(#response #event #(#visits)* #tables)
}

fn response(decode: &Decode, visit: VisitId, target: Target) -> TokenStream {
    let name = ident(&decode.visits[visit.0].name);
    let ty = target.ty();
    quote! {
        /// Reads a whole response.
        pub(super) fn read(body: &[u8], fold: &mut #ty) -> Result<(), Corrupt> {
            let c = &mut Cursor::new(body);
            #name(c, fold)?;
            c.finish()
        }
    }
}

fn event(decode: &Decode, stream: &Stream) -> TokenStream {
    let call = |action: &EventAction| match action {
        EventAction::Visit(visit) => {
            let name = ident(&decode.visits[visit.0].name);
            quote!(#name(c, fold)?)
        }
        EventAction::Raw => quote!(return fold.event(frame.data)),
    };
    let rest = stream.rest.as_ref().map_or_else(|| quote!(return fold.event(frame.data)), call);
    if stream.events.is_empty() {
        return quote! {
            /// Reads one event of a stream.
            pub(super) fn event(frame: Frame<'_>, fold: &mut Fold) -> Result<(), Corrupt> {
                let c = &mut Cursor::new(frame.data);
                #rest;
                fold.read(c)
            }
        };
    }
    let arms = stream.events.iter().map(|(names, action)| {
        let call = call(action);
        quote!(Some(#(#names)|*) => #call,)
    });
    let (name, helper) = event_name(stream);
    // Where the name of an event is in its data, the text that a visit skipped may be the name.
    let finish = if stream.by_path.is_some() { quote!(c.finish()) } else { quote!(fold.read(c)) };
    quote! {
        /// Reads one event of a stream, by its name.
        pub(super) fn event(frame: Frame<'_>, fold: &mut Fold) -> Result<(), Corrupt> {
            let c = &mut Cursor::new(frame.data);
            match #name {
                #(#arms)*
                _ => #rest,
            }
            #finish
        }
        #helper
    }
}

/// The expression that names an event, and the function it calls if the name may be inside the data.
fn event_name(stream: &Stream) -> (TokenStream, TokenStream) {
    let Some(path) = &stream.by_path else { return (quote!(frame.event), TokenStream::new()) };
    let names: Vec<&String> = stream.events.iter().flat_map(|(names, _)| names).collect();
    let by_frame = stream.by_frame.then(|| {
        quote! {
            if let Some(event @ (#(#names)|*)) = frame.event {
                return Ok(Some(event.into()));
            }
        }
    });
    let scan = path.iter().rev().fold(quote!(name = c.text()?), |inner, key| {
        let key = byte_string(key);
        quote! {
            if c.object()? {
                while let Some(key) = c.key()? {
                    match key {
                        #key => #inner,
                        _ => c.skip()?,
                    }
                }
            }
        }
    });
    let helper = quote! {
        /// The name of an event: the frame's if it is a known one, else what the data says.
        fn event_name<'a>(frame: &Frame<'a>) -> Result<Option<std::borrow::Cow<'a, str>>, Corrupt> {
            #by_frame
            let c = &mut Cursor::new(frame.data);
            let mut name = None;
            #scan
            name.map(|name| name.decode()).transpose()
        }
    };
    (quote!(event_name(&frame)?.as_deref()), helper)
}

fn ident(name: &str) -> Ident {
    format_ident!("{name}")
}

fn byte_string(text: &str) -> proc_macro2::Literal {
    proc_macro2::Literal::byte_string(text.as_bytes())
}
