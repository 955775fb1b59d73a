//! TW08xx: templates and what they make.

use super::Code;

/// The codes of this area.
pub(super) const CODES: &[Code] = &[
    Code {
        code: "TW0801",
        title: "a template that replaces nothing",
        explanation: "A file below `providers/<name>/templates/` replaces the template of the same path below \
                      `templates/crate/`. This one has no counterpart, so it would never be used: rename it, or \
                      remove it. The templates of the umbrella and of the README belong to no provider.",
    },
    Code {
        code: "TW0802",
        title: "an override of another base template",
        explanation: "The first line of an override names the fingerprint of the template that it was written \
                      against: `{# base: … #}`. The base has changed since, or the line is missing. Compare the two, \
                      take over what matters, then write the first line that the help shows.",
    },
    Code {
        code: "TW0803",
        title: "a template that does not parse",
        explanation: "Templates are written in the language of MiniJinja: `{{ value }}`, `{% if … %}`, `{# comment #}`. \
                      The place shown does not follow its grammar.",
    },
    Code {
        code: "TW0804",
        title: "a template that cannot be filled in",
        explanation: "The template names a value that there is none of, or uses one in a way that its type does not \
                      allow. Undefined values are errors, never empty text. The values that exist are the fields of \
                      the views in `codegen/src/emit/view.rs`.",
    },
    Code {
        code: "TW0805",
        title: "generated code that is no Rust",
        explanation: "Every Rust file is parsed before it is written, and this one does not parse. Unless a template \
                      override wrote the crate's documentation in an odd way, this is a mistake of the compiler: \
                      please report it with the provider file.",
    },
];
