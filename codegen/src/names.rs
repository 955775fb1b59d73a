//! The naming planner: names as they stand on the wire become names of Rust items.
//!
//! Two passes. The first spells every name by itself; the second moves names that collide to a longer spelling, all
//! of a colliding set at once. So a plan depends neither on the order of the names nor, where nothing collides, on
//! which others there are.

use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// The longest name that is written.
pub const MAX_LEN: usize = 64;

/// The names of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// CamelCase, for a type.
    pub type_name: String,
    /// SCREAMING_CASE, for a constant.
    pub const_name: String,
    /// snake_case, for a function or a field.
    pub fn_name: String,
}

/// Keywords of all editions, and the words that a raw identifier cannot have.
const KEYWORDS: &[&str] = &[
    "Self", "_", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self",
    "static", "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

/// Types, traits and variants that generated code names without a path.
const PRELUDE: &[&str] = &[
    "AnyModel",
    "Arc",
    "AsMut",
    "AsRef",
    "Box",
    "Capabilities",
    "Capability",
    "Client",
    "Clone",
    "Copy",
    "Cost",
    "Debug",
    "Default",
    "Deprecation",
    "Display",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "Error",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Future",
    "Hash",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "Limits",
    "Model",
    "ModelKind",
    "None",
    "Ok",
    "Option",
    "Options",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Price",
    "Prices",
    "Result",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "Tier",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "TypedModel",
    "Unpin",
    "Vec",
];

/// Constants that generated code has beside those of the models.
const CONSTANTS: &[&str] = &["ALL", "CATALOG", "MODEL", "MODELS", "NAME", "SELF"];

/// Whether `name` is a keyword of Rust.
pub fn is_keyword(name: &str) -> bool {
    KEYWORDS.binary_search(&name).is_ok()
}

/// Whether generated code names a type `name` without a path; marker traits of capabilities count.
pub fn is_taken_type(name: &str) -> bool {
    let marker = || crate::vocabulary::CAPABILITIES.iter().any(|(known, _)| camel([*known]) == name);
    is_keyword(name) || PRELUDE.binary_search(&name).is_ok() || marker()
}

/// Names for all of `wires`, in their order. The same wire name twice gets the same names.
pub fn plan<S: AsRef<str>>(wires: &[S]) -> Vec<Planned> {
    let wires: Vec<&str> = wires.iter().map(AsRef::as_ref).collect();
    let types = distinct(&wires, Style::Type);
    let constants = distinct(&wires, Style::Const);
    let functions = distinct(&wires, Style::Fn);
    let names = types.into_iter().zip(constants).zip(functions);
    names.map(|((type_name, const_name), fn_name)| Planned { type_name, const_name, fn_name }).collect()
}

/// The name of a type called `wire`, looked at alone.
pub fn type_name(wire: &str) -> String {
    spell(wire, Style::Type, Spelling::Plain)
}

/// The name of a function called `wire`, looked at alone.
pub fn fn_name(wire: &str) -> String {
    spell(wire, Style::Fn, Spelling::Plain)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Type,
    Const,
    Fn,
}

/// How far a name had to move out of the way of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Spelling {
    /// As it reads.
    Plain,
    /// Neighbouring numbers kept apart: `Nova4_1`. Only differs for types.
    Apart,
    /// With a short hash of the wire name.
    Hashed,
    /// With a long one.
    LongHashed,
}

fn distinct(wires: &[&str], style: Style) -> Vec<String> {
    let mut spellings = vec![Spelling::Plain; wires.len()];
    loop {
        let names: Vec<String> =
            wires.iter().zip(&spellings).map(|(wire, how)| spell(wire, style, *how)).collect();
        let mut owners: HashMap<&str, Vec<usize>> = HashMap::new();
        names.iter().enumerate().for_each(|(index, name)| owners.entry(name).or_default().push(index));
        let clash = |all: &Vec<usize>| all.iter().any(|index| wires[*index] != wires[all[0]]);
        let moved: Vec<usize> = owners.into_values().filter(clash).flatten().collect();
        if !moved.iter().any(|index| spellings[*index] < Spelling::LongHashed) {
            return names;
        }
        for index in moved {
            spellings[index] = next(spellings[index]);
        }
    }
}

fn next(spelling: Spelling) -> Spelling {
    match spelling {
        Spelling::Plain => Spelling::Apart,
        Spelling::Apart => Spelling::Hashed,
        Spelling::Hashed | Spelling::LongHashed => Spelling::LongHashed,
    }
}

fn spell(wire: &str, style: Style, spelling: Spelling) -> String {
    let words = words(wire);
    let name = match style {
        Style::Type if spelling == Spelling::Plain => camel(words.iter().map(String::as_str)),
        Style::Type => apart(&words),
        Style::Const => words.join("_").to_ascii_uppercase(),
        Style::Fn => words.join("_").to_ascii_lowercase(),
    };
    let name = free(start_with_letter(name, style), style);
    let hash = match spelling {
        Spelling::Plain | Spelling::Apart if name.len() <= MAX_LEN && !words.is_empty() => return name,
        Spelling::LongHashed => hash(wire, 16),
        _ => hash(wire, 6),
    };
    let suffix = match style {
        Style::Type => format!("X{hash}"),
        Style::Const => format!("_X{}", hash.to_ascii_uppercase()),
        Style::Fn => format!("_x{hash}"),
    };
    let kept = name.get(..MAX_LEN - suffix.len()).unwrap_or(&name).trim_end_matches('_');
    format!("{kept}{suffix}")
}

/// The words of a name: runs of ASCII letters and digits. Letters with marks lose them, other characters separate.
fn words(wire: &str) -> Vec<String> {
    let ascii: String = wire.chars().map(|c| if c.is_ascii() { c } else { plain_letter(c) }).collect();
    ascii
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The letter under the mark, for the letters of western languages.
fn plain_letter(c: char) -> char {
    match c {
        'à'..='å' | 'æ' => 'a',
        'À'..='Å' | 'Æ' => 'A',
        'ç' => 'c',
        'Ç' => 'C',
        'è'..='ë' => 'e',
        'È'..='Ë' => 'E',
        'ì'..='ï' => 'i',
        'Ì'..='Ï' => 'I',
        'ñ' => 'n',
        'Ñ' => 'N',
        'ò'..='ö' | 'ø' => 'o',
        'Ò'..='Ö' | 'Ø' => 'O',
        'ù'..='ü' => 'u',
        'Ù'..='Ü' => 'U',
        'ß' => 's',
        _ => ' ',
    }
}

fn camel<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let split = words.into_iter().flat_map(|word| word.split('_'));
    split.map(capitalised).collect()
}

/// CamelCase in which a number never touches the number before it.
fn apart(words: &[String]) -> String {
    let mut name = String::new();
    for word in words {
        let touches =
            name.ends_with(|c: char| c.is_ascii_digit()) && word.starts_with(|c: char| c.is_ascii_digit());
        if touches {
            name.push('_');
        }
        name.push_str(&capitalised(word));
    }
    name
}

/// `nova` and `NOVA` become `Nova`, `DeepThought` stays.
fn capitalised(word: &str) -> String {
    let mixed = word.bytes().any(|b| b.is_ascii_lowercase()) && word.bytes().any(|b| b.is_ascii_uppercase());
    let rest = word.get(1..).unwrap_or_default();
    let rest = if mixed { rest.to_owned() } else { rest.to_ascii_lowercase() };
    word.chars().next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + &rest)
}

/// Names that would start with a digit, or be empty, start with an `M` for "model".
fn start_with_letter(name: String, style: Style) -> String {
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return name;
    }
    match style {
        Style::Type => format!("M{name}"),
        Style::Const => format!("M_{name}"),
        Style::Fn => format!("m_{name}"),
    }
}

fn free(name: String, style: Style) -> String {
    match style {
        Style::Type if is_taken_type(&name) => name + "Model",
        Style::Const if CONSTANTS.binary_search(&name.as_str()).is_ok() => name + "_MODEL",
        Style::Fn if is_keyword(&name) => name + "_",
        _ => name,
    }
}

fn hash(wire: &str, len: usize) -> String {
    let digest = Sha256::digest(wire.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.chars().take(len).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(wires: &[&str]) -> Vec<String> {
        plan(wires).into_iter().map(|names| names.type_name).collect()
    }

    fn one(wire: &str) -> (String, String, String) {
        let names = plan(&[wire]).remove(0);
        (names.type_name, names.const_name, names.fn_name)
    }

    #[test]
    fn tables_are_sorted_for_binary_search() {
        for table in [KEYWORDS, PRELUDE, CONSTANTS] {
            assert!(table.is_sorted(), "{table:?}");
        }
    }

    #[test]
    fn names_read_like_the_wire() {
        for (wire, ty, constant, function) in [
            ("small-4.1", "Small41", "SMALL_4_1", "small_4_1"),
            ("vendor/Big-70B:free", "VendorBig70bFree", "VENDOR_BIG_70B_FREE", "vendor_big_70b_free"),
            ("LARGE", "Large", "LARGE", "large"),
            ("DeepThought-v3", "DeepThoughtV3", "DEEPTHOUGHT_V3", "deepthought_v3"),
            ("1m-context", "M1mContext", "M_1M_CONTEXT", "m_1m_context"),
            ("métis", "Metis", "METIS", "metis"),
            ("crab🦀claw", "CrabClaw", "CRAB_CLAW", "crab_claw"),
            ("type", "Type", "TYPE", "type_"),
            ("self", "SelfModel", "SELF_MODEL", "self_"),
            ("option", "OptionModel", "OPTION", "option"),
            ("vision", "VisionModel", "VISION", "vision"),
            ("model", "ModelModel", "MODEL_MODEL", "model"),
        ] {
            assert_eq!(one(wire), (ty.into(), constant.into(), function.into()), "{wire}");
        }
    }

    #[test]
    fn names_that_collide_move_apart_in_every_order() {
        let forward = types(&["small-4.1", "small-41", "other"]);
        let mut backward = types(&["other", "small-41", "small-4.1"]);
        backward.reverse();
        assert_eq!(forward, ["Small4_1", "Small41", "Other"]);
        assert_eq!(forward, backward);
        let hashed = types(&["small-4.1", "small-4-1", "other"]);
        assert!(
            hashed[0].starts_with("Small4_1X")
                && hashed[1].starts_with("Small4_1X")
                && hashed[0] != hashed[1]
        );
        assert_eq!(hashed[2], "Other");
    }

    #[test]
    fn another_model_moves_only_those_that_it_collides_with() {
        let before = plan(&["a-1", "b-2", "c-3"]);
        let after = plan(&["a-1", "d-4", "b-2", "c.3", "c-3"]);
        assert_eq!((&before[0], &before[1]), (&after[0], &after[2]));
        assert_ne!(before[2], after[4]);
    }

    #[test]
    fn the_same_name_twice_is_no_collision() {
        assert_eq!(types(&["a-1", "a-1"]), ["A1", "A1"]);
    }

    #[test]
    fn names_without_a_letter_still_have_a_name() {
        let names = plan(&["🦀", "漢字", "", "..."]);
        for planned in &names {
            assert!(
                planned.type_name.starts_with("MX") && planned.const_name.starts_with("M_X"),
                "{planned:?}"
            );
        }
        let distinct: std::collections::BTreeSet<_> =
            names.iter().map(|planned| &planned.type_name).collect();
        assert_eq!(distinct.len(), names.len());
    }

    #[test]
    fn long_names_are_cut_with_a_hash() {
        let (long, other) = ("very-".repeat(40) + "long", "very-".repeat(40) + "wide");
        let names = plan(&[long, other]);
        assert_ne!(names[0], names[1]);
        for planned in names {
            for name in [planned.type_name, planned.const_name, planned.fn_name] {
                assert!(name.len() <= MAX_LEN && name.len() > 40, "{name}");
            }
        }
    }

    #[test]
    fn every_name_is_an_identifier() {
        for wire in
            ["a--b", "_x_", "9", "async", "Self", "fn", "a.b.c", "é", "-", "x²", "٣", "a\u{0}b", "gen", "try"]
        {
            let names = plan(&[wire]).remove(0);
            for name in [&names.type_name, &names.const_name, &names.fn_name] {
                assert!(syn::parse_str::<syn::Ident>(name).is_ok(), "{wire:?} became {name:?}");
            }
        }
    }
}
