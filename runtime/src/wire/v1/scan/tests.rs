//! What is JSON and what is not.

use super::*;

const VALUES: &[&str] = &[
    "null",
    "true",
    " false ",
    "0",
    "-0",
    "-12.5e+3",
    "1E9",
    "\"\"",
    "\"a\\u00e9\\n\\\"ü\"",
    "[]",
    "{}",
    "[ ]",
    "{ }",
    "[1,[2,{\"a\":[]}], {\"b\" : null , \"\":{}}]",
    "\t[\n]\r\n",
    "\"\u{7f}\u{2028}\"",
];
const NO_VALUES: &[&str] = &[
    "",
    " ",
    "nul",
    "nulll",
    "tru",
    "+1",
    "01",
    "-",
    "1.",
    ".5",
    "1e",
    "1e+",
    "0x1",
    "NaN",
    "Infinity",
    "'a'",
    "\"",
    "\"\\x\"",
    "\"\\u12g4\"",
    "\"\\u123\"",
    "\"\n\"",
    "\"\u{1}\"",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1}",
    "{",
    "}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,}",
    "{a:1}",
    "{1:2}",
    "{\"a\":1]",
    "{\"a\" 1}",
    "1 2",
    "{}x",
    "\u{feff}1",
    "[1,2",
    "{\"a\":1,\"b\"",
    "{\"a\":{\"b\":[}}}",
    "\"\\",
];

#[test]
fn json_is_told_from_what_is_not() {
    for value in VALUES {
        assert_eq!(validate(value.as_bytes()), Ok(()), "{value}");
    }
    for value in NO_VALUES {
        let error = validate(value.as_bytes()).unwrap_err();
        assert!(error.offset <= value.len(), "{value}: {error}");
    }
    assert_eq!(validate(b"\"\xff\"").unwrap_err().offset, 1);
}

#[test]
fn a_prefix_of_a_value_is_no_value() {
    for value in VALUES.iter().map(|value| value.trim()).filter(|value| value.len() > 1) {
        for end in (0..value.len()).filter(|end| value.is_char_boundary(*end)) {
            let is_number =
                value[..end].ends_with(|last: char| last.is_ascii_digit()) && !value.starts_with('[');
            assert!(is_number || validate(&value.as_bytes()[..end]).is_err(), "{}", &value[..end]);
        }
    }
}

#[test]
fn containers_nest_up_to_the_limit() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth: usize| [open.repeat(depth), "1".into(), close.repeat(depth)].concat();
        assert_eq!(validate(nested(128).as_bytes()), Ok(()));
        assert_eq!(validate(nested(129).as_bytes()).unwrap_err().reason, "nested too deeply");
    }
    assert!(validate("[".repeat(1 << 20).as_bytes()).is_err());
}

#[test]
fn special_bytes_are_found_wherever_they_stand() {
    for length in 0..40 {
        for at in 0..length {
            for special in [b'"', b'\\', 0, 0x1f, b'\n'] {
                let mut bytes: Vec<u8> =
                    (0..length).map(|n| [b'a', 0x80, 0xff, b' ', b'!', b'#', b'[', b']'][n % 8]).collect();
                bytes[at] = special;
                for start in 0..=at {
                    assert_eq!(plain(&bytes, start), at, "{special} at {at} of {length} from {start}");
                }
            }
        }
    }
}
