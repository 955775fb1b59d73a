//! TW04xx: the grammar of the dialect language.

use super::Code;

/// The codes of this area.
pub(super) const CODES: &[Code] = &[
    Code {
        code: "TW0401",
        title: "not a slot",
        explanation: "A string that begins with a dollar is a slot: the name of a canonical field in lower case, \
            perhaps with parts of it, `!`, codecs and an alternative. A literal dollar is written twice.\n\n\
            \x20   temperature: $temperature\n\
            \x20   limit: $max_tokens ?? $model.max_output\n\
            \x20   price: $$5",
    },
    Code {
        code: "TW0402",
        title: "a template that is not closed",
        explanation: "In a string with fields in it, each begins with `${` and ends with `}`. Close it.\n\n\
            \x20   url: \"data:${mime};base64,${data}\"",
    },
    Code {
        code: "TW0403",
        title: "not a predicate",
        explanation: "A predicate is made of `stream`, `has field`, `field is value`, `caps.name`, `uses.name` and \
            boolean fields, joined by `and`, `or` and `not`; `and` binds tighter than `or`, and there \
            are no parentheses. Write it in these words, or nest two guards.\n\n\
            \x20   rules:\n\
            \x20     - if: caps.reasoning and not has temperature\n\
            \x20       drop: [top_p]",
    },
    Code {
        code: "TW0404",
        title: "unknown operation",
        explanation: "A wire format describes what one can do over it: `chat`, `embed`, `models`, `count_tokens`. \
            Nothing would be generated from another word.\n\n\
            \x20   operations:\n\
            \x20     chat: …\n\
            \x20     models: …",
    },
    Code {
        code: "TW0405",
        title: "unknown section",
        explanation: "An operation has a closed set of sections and tables, so that a misspelt one is not taken \
            for a table that nothing uses. Tables of your own stand under `ops:`, shapes under \
            `shapes:`.\n\n\
            \x20   chat:\n\
            \x20     ops: {delta: {append.text: {text: $delta!}}}\n\
            \x20     shapes: {failure: {message: $message}}",
    },
    Code {
        code: "TW0406",
        title: "wrong kind of value",
        explanation: "What stands here is a list where a mapping belongs, or the other way around, or holds \
            nothing where something has to be. The message says what is expected.\n\n\
            \x20   $one: [$max_tokens, 1024]\n\
            \x20   ops: {delta: {append.text: {text: $delta!}}}",
    },
    Code {
        code: "TW0407",
        title: "a construct that cannot stand here",
        explanation: "Keys that begin with a dollar are constructs: `$if` guards an object, `$is` gives a guarded \
            value that is no object, `$one`, `$runs`, `$raw` and `$use` stand alone. This one is \
            unknown, or stands beside keys that it cannot stand beside.\n\n\
            \x20   {$if: stream, include_usage: true}\n\
            \x20   {$if: stream, $is: live}\n\
            \x20   {$one: [{$if: stream, $is: live}, once]}",
    },
    Code {
        code: "TW0408",
        title: "unknown variant",
        explanation: "The rows of a table stand for the variants of a canonical type, perhaps with the name of an \
            alternative behind a slash. There is no such variant, so the row would never be written.\n\n\
            \x20   part:\n\
            \x20     image/url: {type: image, url: $url!}\n\
            \x20     image/bytes: {type: image, data: $data!}",
    },
    Code {
        code: "TW0409",
        title: "unknown operation of a table",
        explanation: "What comes in is read by rows, each under the word for what it means: `meta`, `open`, \
            `append`, `whole`, `usage`, `finish`, `end`, `fail` and so on. `codegen/docs/dialects.md` \
            lists them all.\n\n\
            \x20   delta:\n\
            \x20     append.text: {text: $delta!}\n\
            \x20     finish: {reason: $reason!}",
    },
    Code {
        code: "TW0410",
        title: "not a path",
        explanation: "A focus reads the rows below it at a path of plain keys. It ends in `[]` for every element \
            of a list, and in `[$k]` where the index of an element names the slot. Alternatives of keys \
            are no part of it: write a focus for each.\n\n\
            \x20   $.choices[]:\n\
            \x20     with: {index: $choice}\n\
            \x20     $.delta: {append.text: {content: $delta!}}",
    },
    Code {
        code: "TW0411",
        title: "a stream without framing",
        explanation: "A stream says how its bytes are cut into events (`kind`) and what has to be seen when they \
            end (`needs`: `end` or `finish`), since an answer that was cut off is an error, not a short \
            answer.\n\n\
            \x20   stream:\n\
            \x20     framing: {kind: sse, tag: [$frame.event, $.type], needs: end}\n\
            \x20     events: …",
    },
    Code {
        code: "TW0413",
        title: "a rule without an action",
        explanation: "A rule drops fields, sets one, or refuses the request. This one does none of it, so it would \
            do nothing.\n\n\
            \x20   rules:\n\
            \x20     - {if: caps.reasoning, drop: [temperature], why: not allowed while thinking}\n\
            \x20     - {if: format is json, error: true, why: give a schema}",
    },
    Code {
        code: "TW0414",
        title: "something that is never looked at",
        explanation: "What stands here would be passed over in silence: a second action of a rule, a key beside \
            `$is`, an alternative behind a sum. Remove it, or write it where it counts.\n\n\
            \x20   rules:\n\
            \x20     - {if: stream, drop: [seed], why: no seeds while streaming}\n\
            \x20     - {if: has n, error: true, why: one answer a request}",
    },
    Code {
        code: "TW0415",
        title: "a fixed key",
        explanation: "`$k: word` gives a slot a name that does not stand on the wire, so that two slots of one \
            class are told apart. `$choice` is a number of the wire, and a slot is read from the wire's \
            own key.\n\n\
            \x20   append.text: {$k: main, text: $delta!}\n\
            \x20   append.reasoning: {index: $k, text: $delta!}",
    },
    Code {
        code: "TW0416",
        title: "no place for the name of an event",
        explanation: "`tag` lists where the name of an event is: `$frame.event` beside the data of server-sent \
            events, or a path of the data that begins with `$.`. The first that is there counts.\n\n\
            \x20   framing:\n\
            \x20     tag: [$frame.event, $.type]",
    },
    Code {
        code: "TW0417",
        title: "not a row of a failure",
        explanation: "`errors.body` lists shapes of an error body, of which the first that fits counts. Each \
            stands under `fail`, like the rows of failures elsewhere.\n\n\
            \x20   errors:\n\
            \x20     body:\n\
            \x20       - fail: {error: {message: $message, type: $kind}}",
    },
    Code {
        code: "TW0418",
        title: "no path or no body",
        explanation: "An operation needs `http.path`, which stands behind the base URL, and all but listings need \
            `request.body`: without it nothing of what the caller said would be sent.\n\n\
            \x20   embed:\n\
            \x20     http: {method: POST, path: /embeddings}\n\
            \x20     request: {body: {model: $model, input: $input}}",
    },
    Code {
        code: "TW0419",
        title: "too deep",
        explanation: "Generated code nests as deep as the dialect, and compilers have limits. Real wire formats \
            nest about ten deep.\n\n\
            \x20   ops:\n\
            \x20     inner: {append.text: {text: $delta!}}\n\
            \x20   response: {$.a: {$.b: {$use: inner}}}",
    },
];
