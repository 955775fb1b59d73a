//! TW03xx: finding and merging dialects.

use super::Code;

/// The codes of this area.
pub(super) const CODES: &[Code] = &[
    Code {
        code: "TW0301",
        title: "an override of nothing",
        explanation: "A plain key under `wire:` (or in a dialect that extends another) replaces or deletes what \
            the dialect has at that place. It has nothing there, so the change would do nothing: usually \
            the key is misspelt, or the dialect has changed since. Write the dialect's key, or `+key` to \
            add one.\n\n\
            \x20   wire:\n\
            \x20     chat:\n\
            \x20       limits: {temperature: 0..1, +n: 1..4}",
    },
    Code {
        code: "TW0302",
        title: "an addition of something that is there",
        explanation: "`+key` adds a key that the dialect does not have. It has this one, and replacing it unseen \
            would hide what it says. Write the key without the `+` to replace it.\n\n\
            \x20   wire:\n\
            \x20     chat:\n\
            \x20       request: {body: {stop: $stop, +stops: $stop}}",
    },
    Code {
        code: "TW0303",
        title: "a dialect that extends itself",
        explanation: "`extends` is followed from dialect to dialect until one stands on its own. This chain comes \
            back to where it began. Let one of them stand on its own.\n\n\
            \x20   dialect: mine\n\
            \x20   extends: common\n\
            \x20   operations: {chat: {limits: {n: 1..4}}}",
    },
    Code {
        code: "TW0304",
        title: "unknown dialect",
        explanation: "A provider names its wire format with `dialect`, a dialect the one that it changes with \
            `extends`. No file of the folder of dialects has that name in its `dialect:` key; the name \
            of the file does not matter.\n\n\
            \x20   # dialects/acme-chat.yaml\n\
            \x20   dialect: acme-chat\n\
            \x20   operations: …",
    },
    Code {
        code: "TW0305",
        title: "two dialects of one name",
        explanation: "Dialects are found by the name in their `dialect:` key, whatever their file is called, so \
            each name stands for one. Rename one of them, or let it extend the other.\n\n\
            \x20   dialect: acme-chat-2\n\
            \x20   extends: acme-chat\n\
            \x20   operations: {chat: {limits: {n: 1..4}}}",
    },
    Code {
        code: "TW0306",
        title: "`+` in something new",
        explanation: "`+` tells an addition from a replacement, so it stands only in a mapping that is merged into \
            one of the dialect. Below a key that is itself new, or in the place of a scalar or list, \
            everything is taken as it stands, and `+key` would be sent to the server. Leave the `+` out \
            there.\n\n\
            \x20   request:\n\
            \x20     body:\n\
            \x20       +meta: {user: $user}",
    },
    Code {
        code: "TW0307",
        title: "two wire formats",
        explanation: "A provider speaks a dialect, which it may change under `wire:`, or it writes its own \
            `operations:`. This one names a dialect and writes its own operations, and only those would \
            count. Remove one of them.\n\n\
            \x20   dialect: acme-chat\n\
            \x20   wire:\n\
            \x20     models: {http: {path: /v2/models}}",
    },
];
