//! TW02xx: the provider file, and the schemas of both formats.

use super::Code;

/// The codes of this area.
pub(super) const CODES: &[Code] = &[
    Code {
        code: "TW0201",
        title: "unknown key",
        explanation: "The format has no such key at this place. The nearest known key is named where there is \
                      one; editors complete keys from the schema in `schema/`.",
    },
    Code {
        code: "TW0202",
        title: "missing key",
        explanation: "A mapping lacks a key that has no default. The place shown is the key, or the first key, \
                      of the mapping that lacks it.",
    },
    Code {
        code: "TW0203",
        title: "wrong type",
        explanation: "A value is of another type than its key has. Only `true` and `false` are booleans; a \
                      number or a boolean that is meant as a text is quoted.",
    },
    Code {
        code: "TW0204",
        title: "unknown value",
        explanation: "The key takes one of a closed set of words. The nearest one is named, or all of them.",
    },
    Code {
        code: "TW0205",
        title: "value out of range",
        explanation: "The value is of the right type, but the schema of the format does not allow it, as a \
                      negative count.",
    },
    Code {
        code: "TW0210",
        title: "provider name",
        explanation: "The name of a provider becomes a crate, a module and a folder: lower-case letters, \
                      digits, `-` and `_`, first a letter, at most 40.",
    },
    Code {
        code: "TW0211",
        title: "reserved provider name",
        explanation: "Crates, modules or features of this name exist already, or a file of this name cannot \
                      exist on Windows. Choose another name; `display_name` is free.",
    },
    Code {
        code: "TW0212",
        title: "provider names collide",
        explanation: "Two providers would be the same crate, module or folder: upper and lower case, `-` and \
                      `_` make no difference there. Rename one of them.",
    },
    Code {
        code: "TW0213",
        title: "URL",
        explanation: "A URL starts with `https://` or `http://` and has a host; a base URL has no query and no \
                      fragment, and keys do not belong into it.",
    },
    Code {
        code: "TW0214",
        title: "unencrypted base URL",
        explanation: "Over `http` everybody on the way can read keys and messages. It is meant for servers on \
                      this machine: `localhost`, `127.0.0.1`, `[::1]`.",
    },
    Code {
        code: "TW0215",
        title: "environment variable",
        explanation: "The field names an environment variable: letters, digits and `_`, first no digit. The \
                      key itself stands in no file.",
    },
    Code {
        code: "TW0216",
        title: "header",
        explanation: "The name of a header has letters, digits and a few signs, its value visible ASCII; each \
                      header is given once, whatever its case.",
    },
    Code {
        code: "TW0217",
        title: "contradictory authentication",
        explanation: "`auth_type`, `auth.type`, `auth.header` and `auth.query` say different things about \
                      where the key goes, or do not say it.",
    },
    Code {
        code: "TW0218",
        title: "client type name",
        explanation: "`type_name` becomes a Rust type: CamelCase with ASCII letters and digits, and no name \
                      that generated code uses for another type.",
    },
    Code {
        code: "TW0220",
        title: "duplicate model",
        explanation: "Names, ids and aliases of all models of a provider are looked up together, so each may \
                      stand for one model only.",
    },
    Code {
        code: "TW0221",
        title: "unknown base model",
        explanation: "`base_model` names another model of the same file by its name, id or alias.",
    },
    Code {
        code: "TW0222",
        title: "circular base model",
        explanation: "A model inherits from itself, directly or by way of others. All places of the circle are \
                      shown.",
    },
    Code {
        code: "TW0223",
        title: "unknown replacement",
        explanation: "`deprecated.replacement` names the model to use instead, by its name, id or alias in the \
                      same file, so that code can follow it.",
    },
    Code {
        code: "TW0224",
        title: "unknown capability",
        explanation: "`capabilities` names what a model can do, in the words of the canonical vocabulary.",
    },
    Code {
        code: "TW0225",
        title: "unknown parameter",
        explanation: "`unsupported_parameters` names request parameters in the words of the canonical \
                      vocabulary, whatever they are called on the wire.",
    },
    Code {
        code: "TW0226",
        title: "price",
        explanation: "Prices are per million tokens, not negative, below 100000, and have at most nine digits \
                      behind the point, so that costs are exact. An unknown price is left out.",
    },
    Code {
        code: "TW0227",
        title: "price tiers",
        explanation: "Tiers stand in ascending order, each with a larger `above` than the one before.",
    },
    Code {
        code: "TW0228",
        title: "date",
        explanation: "Dates are written `2024-06-01`, `2024-06` or `2024`, quoted if a year stands alone, and \
                      exist in the calendar.",
    },
    Code {
        code: "TW0229",
        title: "limit",
        explanation: "A part is larger than its whole, a least value greater than the greatest, or a limit is \
                      zero. An unknown limit is left out.",
    },
    Code {
        code: "TW0230",
        title: "contradictory option",
        explanation: "The fields of a request option do not fit its type: bounds belong to numbers, `values` \
                      to an `enum`, and `max` is not less than `min`.",
    },
    Code {
        code: "TW0231",
        title: "option name",
        explanation: "An option becomes a method of the generated options: snake_case, no keyword, no name \
                      that is taken. `wire` gives the name of the field on the wire.",
    },
    Code {
        code: "TW0232",
        title: "not generated",
        explanation: "The field is checked, but nothing is made from it yet, or it cannot be used as it \
                      stands. Nothing is dropped in silence.",
    },
    Code {
        code: "TW0233",
        title: "contradictory modalities",
        explanation: "A `supports_…` field and `modalities` say different things about the same input. Say it \
                      in one of them.",
    },
    Code {
        code: "TW0234",
        title: "key of another transport",
        explanation: "With `transport: local`, models run in the program's own process: there is no address, no \
                      key and no wire format. Without it, models have no files, and no hub that these come from.",
    },
    Code {
        code: "TW0235",
        title: "files of a model",
        explanation: "A model that runs in the process has a `source`: a repository as `owner/name`, and the files \
                      of it by their names, with digests of 64 hexadecimal digits where they are known.",
    },
];
