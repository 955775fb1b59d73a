//! TW05xx: the request side of a dialect.

use super::Code;

/// The codes of this area.
pub(super) const CODES: &[Code] = &[
    Code {
        code: "TW0501",
        title: "unknown field in a slot",
        explanation: "A slot (`$name`) names a field of the canonical vocabulary: of the part, tool or message whose row it \
            stands in, or of the request. The wire's own names stand on the left of the colon.\n\nWrite the canonical name.",
    },
    Code {
        code: "TW0502",
        title: "types do not fit",
        explanation: "Every slot has a type, and so has every codec behind its `|`. What stands here takes another type \
            than the field has.\n\nTake the codec that fits, or none: bytes become base64 by themselves, `collapse` and `concat` are for \
            parts, `json` and `object` for arguments and schemas, `not` for booleans.",
    },
    Code {
        code: "TW0503",
        title: "unknown codec",
        explanation: "Codecs are a closed set, so that every conversion has a type, a test and an inverse. A dialect cannot \
            define one.\n\nUse one of the known codecs.",
    },
    Code {
        code: "TW0504",
        title: "a field that is always there needs no `!` or `??`",
        explanation: "`$field!` chooses a row only if the field is there, and `$field ?? other` says what stands in for it. \
            On a field that is never absent both say nothing, which hides a misunderstanding.\n\nWrite `$field`.",
    },
    Code {
        code: "TW0505",
        title: "unknown variant",
        explanation: "A row, a selector (`$parts.name`) or a comparison (`field is name`) names a variant of a canonical sum \
            type. There is no such variant, so it would never apply.\n\nUse one of the variants listed.",
    },
    Code {
        code: "TW0506",
        title: "missing table",
        explanation: "A slot of a sum type is written by the table of that name: `$tools` by `tool`, `$messages` by `message`, \
            `$format` by `format`. The dialect has no such table, so nothing says what the slot looks like.\n\nWrite the table, one row a variant.",
    },
    Code {
        code: "TW0507",
        title: "slots of a template touch",
        explanation: "Two slots of a template follow each other with nothing between them. Read backwards, nobody could tell \
            where one ends and the other begins.\n\nPut a literal between them.",
    },
    Code {
        code: "TW0508",
        title: "never reached",
        explanation: "Alternatives are tried in order. This one stands behind one that always applies, or asks for things that \
            exclude each other.\n\nMove it up, or give the one before it a guard (`$if`) or a must-slot (`$field!`).",
    },
    Code {
        code: "TW0509",
        title: "unknown word in a predicate",
        explanation: "A predicate of a request is made of `stream`, `has field`, `field is value`, `caps.name`, `uses.name` and \
            boolean fields, joined by `and`, `or`, `not`. Words about answers (`calls`, `whole`) cannot be asked of a request.\n\nUse \
            one of these words.",
    },
    Code {
        code: "TW0510",
        title: "a request field goes nowhere",
        explanation: "Nothing that a caller sets is dropped in silence. Every field of the canonical request is placed by a slot, \
            or listed under `unsupported` with what happens to it.\n\nPlace the slot, or write `unsupported: {field: warn_drop}` or `error`.",
    },
    Code {
        code: "TW0511",
        title: "malformed limit",
        explanation: "A limit is a range of numbers (`0..2`, `1024..`, `..5`, `0<..<1`), or a number of items, and may say what \
            happens outside: `error` (the default), `clamp` or `warn_drop`.\n\nWrite `field: 0..2`, `field: {range: 1024.., else: clamp}` or \
            `field: {items: 4}`.",
    },
    Code {
        code: "TW0512",
        title: "malformed `unsupported`",
        explanation: "`unsupported` lists fields that this wire has no place for, each with `error` or `warn_drop`. A field that a \
            slot places is supported, whatever the list says.\n\nRemove the entry or the slot, or use a known action.",
    },
    Code {
        code: "TW0513",
        title: "a rule cannot do that",
        explanation: "Rules drop optional fields of the request, set an unsigned integer to a sum, or refuse the request. They run \
            before encoding and see the request only. Operations without warnings can only refuse.\n\nName an optional field of the request.",
    },
    Code {
        code: "TW0514",
        title: "unknown policy",
        explanation: "Policies are a closed set of transformations that look at several messages at once, which no shape can. Each \
            has a closed list of values.\n\nUse one of the policies and values listed.",
    },
    Code {
        code: "TW0515",
        title: "an option goes nowhere",
        explanation: "An option of the provider is placed by a slot (`$options.name`), or has a name on the wire (`wire: name`) \
            under which it is appended to the body. This one has neither, so setting it would do nothing.\n\nGive it a `wire` name, or \
            place the slot.",
    },
    Code {
        code: "TW0516",
        title: "a construct in the wrong place",
        explanation: "Sums stand in `usage` and in the `set` of rules, `$runs` is a whole row of the table `message`, and a table of a \
            sum type has a row a variant.\n\nWrite it where it belongs.",
    },
    Code {
        code: "TW0517",
        title: "a field written twice",
        explanation: "An option's `wire` name is a field of the body already. A JSON object with a key twice means something else to \
            every reader.\n\nPlace the option in that field, or rename it.",
    },
    Code {
        code: "TW0518",
        title: "a chat without a role",
        explanation: "Every chat has messages of the user and of the model. The table `message` lacks one of them, so \
            every request that has such a message would be refused when it is sent.\n\nWrite a row for each role.",
    },
    Code {
        code: "TW0519",
        title: "unknown effort",
        explanation: "The table `effort` translates the words of the wire for how hard a model is to think to the \
            canonical ones: `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`.\n\nWrite `wire_word: high`.",
    },
];
