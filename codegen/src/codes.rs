//! The registry of diagnostic codes, each with what it means and how to mend it.
//!
//! One file an area, each a sorted slice; [`CODES`] is all of them. A test holds the registry against the codes that
//! the compiler uses, and another asks for an example of each.

mod decode;
mod dialect;
mod encode;
mod names;
mod resolve;
mod schema;
mod source;
mod templates;
mod write;

/// What a code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The code, such as `TW0101`.
    pub code: &'static str,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// Why that is refused, and what to do.
    pub explanation: &'static str,
}

/// All codes by area; adding an area is one file and one line.
pub const AREAS: &[&[Code]] = &[
    source::CODES,
    schema::CODES,
    resolve::CODES,
    dialect::CODES,
    encode::CODES,
    decode::CODES,
    names::CODES,
    templates::CODES,
    write::CODES,
];

/// How many codes there are.
const COUNT: usize = {
    let (mut count, mut area) = (0, 0);
    while area < AREAS.len() {
        count += AREAS[area].len();
        area += 1;
    }
    count
};

/// All codes, sorted.
pub const CODES: &[Code] = &{
    let mut all = [Code { code: "", title: "", explanation: "" }; COUNT];
    let (mut at, mut area) = (0, 0);
    while area < AREAS.len() {
        let mut index = 0;
        while index < AREAS[area].len() {
            all[at] = AREAS[area][index];
            at += 1;
            index += 1;
        }
        area += 1;
    }
    all
};

/// What `code` means.
pub fn explain(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|known| known.code.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn codes_are_sorted_unique_and_explained() {
        for pair in CODES.windows(2) {
            assert!(pair[0].code < pair[1].code, "{} stands before {}", pair[0].code, pair[1].code);
        }
        for code in CODES {
            assert!(code.code.starts_with("TW") && code.code.len() == 6, "{}", code.code);
            assert!(!code.title.is_empty() && code.explanation.len() > 40, "{} is not explained", code.code);
        }
    }

    #[test]
    fn every_code_in_use_is_registered_and_every_registered_code_is_used() {
        let mut used = BTreeSet::new();
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut used);
        let registered: BTreeSet<String> = CODES.iter().map(|code| code.code.to_owned()).collect();
        assert_eq!(used.difference(&registered).collect::<Vec<_>>(), Vec::<&String>::new(), "not registered");
        assert_eq!(registered.difference(&used).collect::<Vec<_>>(), Vec::<&String>::new(), "never used");
    }

    /// The codes in string literals of all sources but the registry itself.
    fn collect(folder: &Path, used: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "codes") {
                collect(&path, used);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("codes.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = |part: &&str| {
                    part.len() == 6 && part.starts_with("TW") && part[2..].bytes().all(|b| b.is_ascii_digit())
                };
                used.extend(text.split('"').filter(code).map(str::to_owned));
            }
        }
    }
}
