//! TW01xx: files and YAML.

use super::Code;

/// The codes of this area.
pub(super) const CODES: &[Code] = &[
    Code {
        code: "TW0101",
        title: "not YAML",
        explanation: "The file does not follow the grammar of YAML 1.2. Reading stops at the place shown, so later \
                      problems of this file are reported once it is mended; other files are checked nevertheless.",
    },
    Code {
        code: "TW0102",
        title: "not UTF-8",
        explanation: "Provider and dialect files are UTF-8, with or without a byte order mark. The offset names the \
                      first byte that does not fit; save the file as UTF-8.",
    },
    Code {
        code: "TW0103",
        title: "control character",
        explanation: "YAML allows tabs, line ends and printable characters. Other control characters usually mean \
                      that the file is no text. In a double-quoted string they can be written as escapes.",
    },
    Code {
        code: "TW0104",
        title: "file too large",
        explanation: "A file may have at most 16 MiB. The largest catalogs known are well below 1 MiB.",
    },
    Code {
        code: "TW0105",
        title: "too deep or too many values",
        explanation: "Lists and mappings may nest 128 deep, and a file may hold a million values. Real wire formats \
                      nest about ten deep.",
    },
    Code {
        code: "TW0106",
        title: "duplicate key",
        explanation: "A mapping says each key once. Other readers keep the last one in silence, which hides mistakes; \
                      here both places are shown. Keep one of them.",
    },
    Code {
        code: "TW0107",
        title: "anchor or alias",
        explanation: "Anchors (`&x`) and aliases (`*x`) are not read. A wire format is shared with `dialect`, model \
                      fields with `base_model`. Quote a text that starts with `*` or `&`.",
    },
    Code {
        code: "TW0108",
        title: "merge key",
        explanation: "The merge key `<<` is no part of YAML 1.2. A wire format is shared with `dialect` and changed with \
                      `wire`; model fields are shared with `base_model`.",
    },
    Code {
        code: "TW0109",
        title: "tag",
        explanation: "Tags such as `!!str` or `!include` are not read: the type of a value follows from how it is \
                      written. Quote a number or `true` to make it a text.",
    },
    Code {
        code: "TW0110",
        title: "second document",
        explanation: "A file describes one provider or one dialect. Put what stands behind `---` into another file.",
    },
    Code {
        code: "TW0111",
        title: "composite key",
        explanation: "Keys are texts. A list or mapping as a key is usually a missing quote around braces or \
                      brackets, as in `{$x}: y`.",
    },
    Code {
        code: "TW0112",
        title: "number without a JSON form",
        explanation: "`.inf`, `.nan` and hexadecimal numbers beyond 64 bits cannot be written as JSON, which is what \
                      every value ends up as. Quote it if a text is meant.",
    },
    Code {
        code: "TW0113",
        title: "empty file",
        explanation: "The file holds nothing but white space and comments. The smallest provider is a `name` and a \
                      `base_url`; the smallest dialect is a `dialect` and its `operations`.",
    },
    Code {
        code: "TW0114",
        title: "unreadable file",
        explanation: "The operating system refused to give the file's bytes; its own words are part of the message.",
    },
];
