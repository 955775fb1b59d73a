//! What only shows when all provider files of a run are looked at together.

use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::provider::Provider;
use std::collections::HashMap;

/// Reports providers whose names are the same crate, module or folder.
pub fn check<'a>(providers: impl IntoIterator<Item = &'a Provider>, sink: &mut Sink) {
    let mut known: HashMap<String, &Provider> = HashMap::new();
    for provider in providers {
        let folded = provider.name.to_ascii_lowercase().replace('-', "_");
        let Some(first) = known.get(&folded) else {
            known.insert(folded, provider);
            continue;
        };
        sink.push(
            Diagnostic::error(
                "TW0212",
                provider.span,
                format!("the provider `{}` collides with `{}`", provider.name, first.name),
            )
            .label("the same crate, module or folder")
            .related(first.span, "the other one")
            .note("upper and lower case, `-` and `_` are the same there"),
        );
    }
}
