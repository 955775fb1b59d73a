//! TW09xx: comparing with the disk and writing.

use super::Code;

/// The codes of this area.
pub(super) const CODES: &[Code] = &[
    Code {
        code: "TW0901",
        title: "the disk failed",
        explanation: "A file could not be read, written, renamed or removed. What was written before is complete, \
                      since every file is replaced at once; the next run goes on from there.",
    },
    Code {
        code: "TW0902",
        title: "a damaged manifest",
        explanation: "`.manifest.json` in the output folder holds the fingerprint of every generated file, so that \
                      files a person edited are told apart. It cannot be read: take it from version control, or write \
                      everything anew with `--force`.",
    },
    Code {
        code: "TW0903",
        title: "a path that does not work everywhere",
        explanation: "Generated paths are lower-case ASCII, at most 64 characters, unique without regard to case, and \
                      none of the names that Windows reserves. Choose another name for the provider.",
    },
    Code {
        code: "TW0904",
        title: "a generated file was edited",
        explanation: "A file in the output folder is not what the compiler wrote there, so a person edited it. Nothing \
                      was written. Move the change into the provider file, its dialect or a template, or give it up \
                      with `--force`.",
    },
];
