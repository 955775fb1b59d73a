//! TW06xx: the types of what comes back.

use super::Code;

/// The codes of this area.
pub(super) const CODES: &[Code] = &[
    Code {
        code: "TW0601",
        title: "unknown field of a row",
        explanation: "Each operation of a table has its own fields: `meta` has `id`, `model`, `created`, `tier`, a \
            text has `text`, a fragment `delta`. On the left of the colon stands the key of the wire, on \
            the right the canonical field.\n\n\
            \x20   meta: {id: $id, model: $model}\n\
            \x20   append.text: {content: $delta!}\n\
            \x20   finish: {stop_reason: $reason}",
    },
    Code {
        code: "TW0603",
        title: "one leaf with two types",
        explanation: "Two rows read the same leaf of the wire differently, one as a text and one as a number for \
            instance. It is read once. Give both the same type, or let one of them read another key.\n\n\
            \x20   meta: {created_at: $created}\n\
            \x20   served: {served_by: $model}",
    },
    Code {
        code: "TW0604",
        title: "an unknown table or shape",
        explanation: "`$use` names a table under `ops:`, a shape under `shapes:`, the usage table, or the table \
            `part`, all of the same operation. Tables of other operations are not seen.\n\n\
            \x20   shapes:\n\
            \x20     failure: {message: $message, type: $kind}\n\
            \x20   response: {fail: {error: {$use: failure}}}",
    },
    Code {
        code: "TW0605",
        title: "an alternative that is never reached",
        explanation: "The alternatives of `$one` are tried in order and the first that fits counts. An earlier one \
            fits whenever this one does, because it asks for the same things or for fewer. Put the one \
            that asks for more first, and `_` last.\n\n\
            \x20   $one:\n\
            \x20     whole.tool_call/custom: {custom: {name: $name}}\n\
            \x20     _: $raw",
    },
    Code {
        code: "TW0606",
        title: "a group that nothing chooses",
        explanation: "A group among alternatives is chosen by the constants of its `with`. This one has none. Name \
            the constant that tells it from the others, or call it `_` if it takes the rest.\n\n\
            \x20   $one:\n\
            \x20     deltas: {with: {type: delta}, append.text: {text: $delta!}}\n\
            \x20     _: {whole.text: {text: $text!}}",
    },
    Code {
        code: "TW0607",
        title: "a construct that cannot be read",
        explanation: "Rows take objects, constants, slots and `$use`. Lists are read by a focus with `[]`, choices \
            by `$one:` as an entry of the table, and strings with several fields in them cannot be taken \
            apart.\n\n\
            \x20   $.content[]:\n\
            \x20     $one:\n\
            \x20       whole.text: {type: text, text: $text!}",
    },
    Code {
        code: "TW0608",
        title: "unknown class",
        explanation: "`open`, `append`, `set`, `whole`, `fill` and `restate` are about parts of one class, written \
            behind a dot; `close` may name several, and the other operations name none. Behind a slash \
            stands a name that only tells rows apart.\n\n\
            \x20   append.reasoning: {thinking: $delta!}\n\
            \x20   close.text+reasoning: {index: $k}\n\
            \x20   fail/text: {error: $message!}",
    },
    Code {
        code: "TW0609",
        title: "a row that lacks what it is about",
        explanation: "A fragment is nothing without its text, a tool call nothing without its name, a finish \
            nothing without its reason. The row does not bind that field, so it would never mean \
            anything.\n\n\
            \x20   append.text: {delta: {text: $delta}}\n\
            \x20   open.tool_call: {index: $k, id: $id, name: $name}",
    },
    Code {
        code: "TW0610",
        title: "an end that is never seen",
        explanation: "`framing.needs` says what must have been seen when the bytes end; otherwise the answer was \
            cut off, which is an error. No row ever says it, so every answer would be an error.\n\n\
            \x20   framing: {kind: sse, needs: end}\n\
            \x20   events:\n\
            \x20     message_stop: {end: {}}",
    },
    Code {
        code: "TW0611",
        title: "fragments of nothing",
        explanation: "A fragment belongs to a part that is open. Nothing opens this class, and it does not open by \
            itself. Write the row that opens it, or list the class under `implicit`.\n\n\
            \x20   stream:\n\
            \x20     implicit: [text]\n\
            \x20     events: {delta: {append.text: {text: $delta!}}}",
    },
    Code {
        code: "TW0612",
        title: "unknown finish reason",
        explanation: "The finish table translates the words of the wire to the canonical reasons: `stop`, \
            `length`, `tool_calls`, `content_filter`, `pause`, `error`, `other`, or `ignore` where a \
            word says nothing.\n\n\
            \x20   finish:\n\
            \x20     end_turn: stop\n\
            \x20     _: other",
    },
    Code {
        code: "TW0613",
        title: "a finish table that is not total",
        explanation: "Providers invent reasons. The row `_` says what an unknown one means; it is kept word for \
            word beside it.\n\n\
            \x20   finish: {stop: stop, max_tokens: length, _: other}",
    },
    Code {
        code: "TW0614",
        title: "unknown class of errors",
        explanation: "Errors have canonical classes, which callers match on and which decide what is tried again.\n\n\
            \x20   errors:\n\
            \x20     status: {401: Authentication, 429: RateLimited, _: Server}\n\
            \x20     retry: [RateLimited, Server]",
    },
    Code {
        code: "TW0615",
        title: "errors that are not classed",
        explanation: "A chat says what its errors look like, and the row `_` of `errors.status` says what a status \
            means that is not listed.\n\n\
            \x20   errors:\n\
            \x20     body: [{fail: {error: {message: $message}}}]\n\
            \x20     status: {401: Authentication, _: Server}",
    },
    Code {
        code: "TW0616",
        title: "unknown usage field",
        explanation: "Tokens are counted in canonical fields: `input`, `output`, `cache_read`, `cache_write`, \
            `reasoning`, `total`, `input_audio`, `output_audio`. On the left stands the key of the wire.\n\n\
            \x20   usage:\n\
            \x20     prompt_tokens: $input\n\
            \x20     completion_tokens: $output",
    },
    Code {
        code: "TW0617",
        title: "usage that depends on itself",
        explanation: "The usage table is solved for its fields: `in: $input - $cache_read` makes `input` the sum \
            of that leaf and the one of `cache_read`. Here a field is needed to find itself. Give one of \
            them a leaf of its own.\n\n\
            \x20   usage:\n\
            \x20     in: $input - $cache_read\n\
            \x20     cached: $cache_read",
    },
    Code {
        code: "TW0618",
        title: "unknown word of a stream",
        explanation: "`framing.kind`, `framing.needs` and `implicit` take closed sets of words.\n\n\
            \x20   framing: {kind: ndjson, tag: [], needs: finish}\n\
            \x20   implicit: [text, reasoning]",
    },
    Code {
        code: "TW0619",
        title: "an operation of another table",
        explanation: "A chat is made of parts, an embedding of vectors, a listing of models. The row is about \
            something that this operation does not have.\n\n\
            \x20   models:\n\
            \x20     response: {$.data[]: {model: {id: $id!}}, next: {after: $cursor!}}",
    },
    Code {
        code: "TW0620",
        title: "unknown unit of time",
        explanation: "Headers tell time as `seconds`, `milliseconds`, `rfc3339` or `go_duration` (`1m30s`).\n\n\
            \x20   headers:\n\
            \x20     retry_after: {name: retry-after-ms, unit: milliseconds}",
    },
    Code {
        code: "TW0621",
        title: "a codec that cannot read",
        explanation: "Coming in, `json` reads JSON inside a string and `object` JSON as it stands, both into a \
            text; `concat` and `collapse` say nothing. Other codecs have no way back.\n\n\
            \x20   whole.tool_call: {name: $name, arguments: $arguments|json}",
    },
    Code {
        code: "TW0622",
        title: "`with` binds keys only",
        explanation: "`with` is bound once for all rows of a table: the keys `$k` and `$k2`, the number of the \
            answer `$choice`, and constants that must hold. What belongs to a row stands in the row.\n\n\
            \x20   $.choices[]:\n\
            \x20     with: {index: $choice}\n\
            \x20     whole.text: {text: $text!}",
    },
    Code {
        code: "TW0624",
        title: "something that uses itself",
        explanation: "`$use` puts a table or shape in place, so one that uses itself has no end. Write out the \
            part that is meant.\n\n\
            \x20   shapes:\n\
            \x20     cause: {message: $message}\n\
            \x20     failure: {error: {$use: cause}}",
    },
    Code {
        code: "TW0625",
        title: "a usage table that is no object",
        explanation: "The usage table mirrors the object in which the wire counts tokens: keys of the wire on the \
            left, fields or sums of fields on the right.\n\n\
            \x20   usage:\n\
            \x20     prompt_tokens: $input\n\
            \x20     details: {cached: $cache_read}",
    },
    Code {
        code: "TW0626",
        title: "usage that cannot be solved",
        explanation: "A sum names a field that no leaf gives, so the first field of the sum cannot be found. Give \
            the other one a leaf, or leave it out of the sum.\n\n\
            \x20   usage:\n\
            \x20     in: $input - $cache_read\n\
            \x20     cached: $cache_read",
    },
    Code {
        code: "TW0627",
        title: "a finish reason that cannot be decided",
        explanation: "A word of the wire means one reason, or one of two by whether the answer called tools \
            (`calls`). Nothing else is known at that point.\n\n\
            \x20   finish:\n\
            \x20     stop: {$one: [{$if: calls, $is: tool_calls}, stop]}\n\
            \x20     _: other",
    },
    Code {
        code: "TW0628",
        title: "not an HTTP status",
        explanation: "`errors.status` is keyed by numbers from 100 to 599, and `_` for the rest. Ranges such as \
            `4xx` are not read: list those that matter.\n\n\
            \x20   status: {400: InvalidRequest, 404: NotFound, _: Server}",
    },
    Code {
        code: "TW0629",
        title: "unknown role of a header",
        explanation: "Headers of an answer carry its `request_id`, how long to wait (`retry_after`), whether to \
            try again (`should_retry`) and rate limits (`limits`).\n\n\
            \x20   headers:\n\
            \x20     request_id: x-request-id\n\
            \x20     retry_after: {name: retry-after, unit: seconds}",
    },
    Code {
        code: "TW0630",
        title: "events that nothing tells apart",
        explanation: "The stream has events by name, but `framing.tag` does not say where the name is, so none of \
            them would ever be seen.\n\n\
            \x20   framing: {kind: sse, tag: [$frame.event, $.type], needs: end}\n\
            \x20   events: {message_stop: {end: {}}}",
    },
    Code {
        code: "TW0631",
        title: "no response",
        explanation: "Every operation says what a whole answer means, the streaming ones as well: a request \
            without streaming is answered by it.\n\n\
            \x20   response:\n\
            \x20     meta: {id: $id}\n\
            \x20     whole.text: {text: $text!}",
    },
    Code {
        code: "TW0632",
        title: "a value as a whole",
        explanation: "A slot without a key takes the value itself. An element of a list may be a text or a number, \
            and JSON can be taken as it stands (`$raw`, `$vector`, `$tokens`), but a whole answer or \
            event is an object, of which a text or number is read from a key.\n\n\
            \x20   events:\n\
            \x20     delta: {append.text: {text: $delta!}}",
    },
    Code {
        code: "TW0633",
        title: "unknown verb",
        explanation: "`as` says what becomes of the rows `whole` of a table that is used: `fill` takes a part \
            unless it was streamed, `restate` one that may repeat what was streamed.\n\n\
            \x20   done:\n\
            \x20     $.message.content[]: {$use: part, as: fill}",
    },
    Code {
        code: "TW0634",
        title: "not a row of usage",
        explanation: "A row `usage` says where the usage table applies, and nothing else; other rows do not count \
            tokens.\n\n\
            \x20   usage: {usage: {$use: usage}}\n\
            \x20   meta: {id: $id}",
    },
    Code {
        code: "TW0635",
        title: "an event with two rows",
        explanation: "Events are looked up by name, so each has one row; several names of one row are joined by \
            `|`. `_` is every event without a row, and stands alone.\n\n\
            \x20   events:\n\
            \x20     start|resume: {meta: {id: $id}}\n\
            \x20     _: $raw",
    },
    Code {
        code: "TW0636",
        title: "two paths of a tag",
        explanation: "The name of an event stands beside the data, or at one path of it. A second path would be \
            passed over.\n\n\
            \x20   framing: {tag: [$frame.event, $.type]}",
    },
    Code {
        code: "TW0637",
        title: "a class that stays empty",
        explanation: "A class under `implicit` opens by itself when something is appended to it. Nothing ever is, \
            so the word does nothing: usually the row was renamed, or the class is misspelt.\n\n\
            \x20   implicit: [text]\n\
            \x20   events: {delta: {append.text: {text: $delta!}}}",
    },
    Code {
        code: "TW0638",
        title: "malformed header",
        explanation: "A header is a name, or a list of names of which the first that is there counts. One that \
            tells time has a name and a unit; the pattern of rate limits has `${what}` and `${resource}` \
            where the words of the header stand.\n\n\
            \x20   request_id: [x-request-id, request-id]\n\
            \x20   retry_after: {name: retry-after, unit: seconds}\n\
            \x20   limits: {pattern: \"x-ratelimit-${what}-${resource}\", reset: seconds}",
    },
    Code {
        code: "TW0639",
        title: "a row for the rest",
        explanation: "A code or kind of an error that is not listed is classed by the HTTP status, whose table has \
            the row for the rest. Here `_` would wait for an error of that name.\n\n\
            \x20   kind: {overloaded: Overloaded}\n\
            \x20   status: {429: RateLimited, _: Server}",
    },
    Code {
        code: "TW0640",
        title: "a table that is never asked",
        explanation: "`errors.code` and `errors.kind` are asked with what the rows of failures read into `$code` \
            and `$kind`. No row reads it, so the table would do nothing.\n\n\
            \x20   body: [{fail: {error: {message: $message, code: $code}}}]\n\
            \x20   code: {quota: QuotaExceeded}",
    },
    Code {
        code: "TW0641",
        title: "a leaf without a field",
        explanation: "A leaf of the usage table is a field, or a sum of fields; anything else would be passed \
            over. A missing dollar is the usual reason.\n\n\
            \x20   usage:\n\
            \x20     in: $input - $cache_read\n\
            \x20     cached: $cache_read",
    },
    Code {
        code: "TW0642",
        title: "usage with two meanings",
        explanation: "Two leaves begin with the same field, and at least one of them is a sum, so the field would \
            have two values. Several leaves are alternatives only if each is the field alone.\n\n\
            \x20   usage:\n\
            \x20     prompt_tokens: $input\n\
            \x20     input_tokens: $input",
    },
    Code {
        code: "TW0643",
        title: "too large",
        explanation: "What an operation amounts to is bounded, with uses of tables and alternatives of keys \
            spelled out, so that a small file cannot make a compiler run for hours. Real operations have \
            a few hundred rows and slots.\n\n\
            \x20   ops:\n\
            \x20     delta: {append.text: {\"text|content\": $delta!}}\n\
            \x20   response: {$.message: {$use: delta}}",
    },
    Code {
        code: "TW0644",
        title: "something that nothing uses",
        explanation: "A table under `ops:`, a shape under `shapes:` or the usage table counts where a `$use` puts \
            it. None does. Use it, or remove it.\n\n\
            \x20   usage: {in: $input, out: $output}\n\
            \x20   response: {usage: {usage: {$use: usage}}}",
    },
    Code {
        code: "TW0645",
        title: "something that only means something going out",
        explanation: "Guards (`$if`), defaults (`??`) and `null` say what is written. A row that is only read says \
            what is there, so they would be passed over. In the table `part`, which is written and read, \
            they may stand.\n\n\
            \x20   $one:\n\
            \x20     whole.text: {type: text, text: $text!}\n\
            \x20     _: $raw",
    },
    Code {
        code: "TW0646",
        title: "a key that is never found",
        explanation: "A part that is opened under `$k` goes on under `$k`, one that is opened under a pair of keys \
            under the same pair. Here it goes on under a key that it was not opened under, so every \
            fragment would be lost.\n\n\
            \x20   open.tool_call: {index: $k, id: $id, name: $name}\n\
            \x20   append.tool_call: {index: $k, arguments: $delta!}",
    },
];
