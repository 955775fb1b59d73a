//! Values as Python prints them and writes them as JSON, and the methods of Python that templates call.

use std::fmt::Write as _;

use minijinja::value::{Kwargs, ValueKind, from_args};
use minijinja::{Error, ErrorKind, Output, State, Value};

/// How deep a value may nest that is printed.
const MAX_DEPTH: usize = 64;

/// Prints a value into the prompt.
pub(super) fn print(out: &mut Output<'_>, _state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let failed = |_| Error::new(ErrorKind::WriteFailure, "the prompt could not be written");
    match value.as_str() {
        Some(text) => out.write_str(text).map_err(failed),
        None => out.write_str(&str(value)?).map_err(failed),
    }
}

/// `str(value)`.
pub(super) fn str(value: &Value) -> Result<String, Error> {
    if let Some(text) = value.as_str() {
        return Ok(text.to_owned());
    }
    if value.is_undefined() {
        return Ok(String::new());
    }
    let mut out = String::new();
    repr(&mut out, value, MAX_DEPTH)?;
    Ok(out)
}

fn repr(out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
    let depth = deeper(depth)?;
    match value.kind() {
        ValueKind::None => out.push_str("None"),
        ValueKind::Undefined => out.push_str("Undefined"),
        ValueKind::Bool => out.push_str(if value.is_true() { "True" } else { "False" }),
        ValueKind::Number => number(out, value, false),
        ValueKind::String => quoted(out, value.as_str().unwrap_or_default()),
        ValueKind::Map => {
            let entries = value.try_iter()?.map(|key| (key.clone(), value.get_item(&key)));
            enclosed(out, ('{', '}'), entries, |out, (key, entry)| {
                repr(out, &key, depth)?;
                out.push_str(": ");
                repr(out, &entry?, depth)
            })?;
        }
        ValueKind::Seq | ValueKind::Iterable if value.is_tuple() => {
            enclosed(out, ('(', ')'), value.try_iter()?, |out, entry| repr(out, &entry, depth))?;
        }
        ValueKind::Seq | ValueKind::Iterable => {
            enclosed(out, ('[', ']'), value.try_iter()?, |out, entry| repr(out, &entry, depth))?;
        }
        _ => out.push_str(&value.to_string()),
    }
    Ok(())
}

fn deeper(depth: usize) -> Result<usize, Error> {
    depth.checked_sub(1).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "a value nests too deeply"))
}

fn enclosed<T>(
    out: &mut String,
    (open, close): (char, char),
    items: impl Iterator<Item = T>,
    mut each: impl FnMut(&mut String, T) -> Result<(), Error>,
) -> Result<(), Error> {
    out.push(open);
    for (at, item) in items.enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        each(out, item)?;
    }
    out.push(close);
    Ok(())
}

/// Text in single quotes, or in double ones if it holds single ones alone.
fn quoted(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            c if u32::from(c) < 0x20 || matches!(u32::from(c), 0x7F..=0xA0 | 0xAD) => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}

fn number(out: &mut String, value: &Value, json: bool) {
    if value.is_integer() {
        let _ = write!(out, "{value}");
        return;
    }
    match f64::try_from(value.clone()) {
        Ok(number) => float(out, number, json),
        Err(_) => out.push_str(&value.to_string()),
    }
}

/// The shortest digits that give the number back, with an exponent where Python writes one.
fn float(out: &mut String, number: f64, json: bool) {
    if !number.is_finite() {
        let sign = if number < 0.0 { "-" } else { "" };
        out.push_str(match (number.is_nan(), json) {
            (true, true) => "NaN",
            (true, false) => "nan",
            (false, true) => return out.push_str(&format!("{sign}Infinity")),
            (false, false) => return out.push_str(&format!("{sign}inf")),
        });
        return;
    }
    let shortest = format!("{number:e}");
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{number}");
        out.push_str(&plain);
        out.push_str(if plain.contains('.') { "" } else { ".0" });
        return;
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(out, "{digits}e{sign}{:02}", exponent.abs());
}

/// How JSON is written: `json.dumps` with these arguments.
struct Style {
    indent: Option<String>,
    between: String,
    after_key: String,
    ascii: bool,
    sorted: bool,
}

/// `value | tojson`, whose text is not made safe for HTML.
pub(super) fn tojson(value: &Value, indent: Option<Value>, options: Kwargs) -> Result<String, Error> {
    let indent = match indent {
        Some(indent) => Some(indent),
        None => options.get::<Option<Value>>("indent")?,
    };
    let indent = match indent.filter(|indent| !indent.is_none()) {
        Some(text) if text.as_str().is_some() => text.as_str().map(str::to_owned),
        Some(count) => Some(" ".repeat(usize::try_from(count)?.min(64))),
        None => None,
    };
    let separators = options.get::<Option<Value>>("separators")?.filter(|given| !given.is_none());
    let (between, after_key) = match separators {
        Some(pair) => (str(&pair.get_item_by_index(0)?)?, str(&pair.get_item_by_index(1)?)?),
        None => ((if indent.is_some() { "," } else { ", " }).to_owned(), ": ".to_owned()),
    };
    let ascii = options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false);
    let sorted = options.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
    options.assert_all_used()?;
    let mut out = String::new();
    json(&mut out, value, &Style { indent, between, after_key, ascii, sorted }, 0)?;
    Ok(out)
}

fn json(out: &mut String, value: &Value, style: &Style, depth: usize) -> Result<(), Error> {
    deeper(MAX_DEPTH.saturating_sub(depth))?;
    match value.kind() {
        ValueKind::None => out.push_str("null"),
        ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => number(out, value, true),
        ValueKind::String => json_string(out, value.as_str().unwrap_or_default(), style.ascii),
        ValueKind::Map => {
            let mut keys: Vec<Value> = value.try_iter()?.collect();
            if style.sorted {
                keys.sort();
            }
            json_list(out, ('{', '}'), keys, style, depth, |out, key| {
                json_string(out, &str(&key)?, style.ascii);
                out.push_str(&style.after_key);
                json(out, &value.get_item(&key)?, style, depth + 1)
            })?;
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<Value> = value.try_iter()?.collect();
            json_list(out, ('[', ']'), items, style, depth, |out, item| json(out, &item, style, depth + 1))?;
        }
        kind => {
            let reason = format!("a value of kind {kind} is not JSON serializable");
            return Err(Error::new(ErrorKind::InvalidOperation, reason));
        }
    }
    Ok(())
}

fn json_list(
    out: &mut String,
    (open, close): (char, char),
    items: Vec<Value>,
    style: &Style,
    depth: usize,
    mut each: impl FnMut(&mut String, Value) -> Result<(), Error>,
) -> Result<(), Error> {
    let line = |out: &mut String, depth: usize| {
        if let Some(indent) = &style.indent {
            out.push('\n');
            out.push_str(&indent.repeat(depth));
        }
    };
    out.push(open);
    let empty = items.is_empty();
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push_str(&style.between);
        }
        line(out, depth + 1);
        each(out, item)?;
    }
    if !empty {
        line(out, depth);
    }
    out.push(close);
    Ok(())
}

fn json_string(out: &mut String, text: &str, ascii: bool) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if u32::from(c) < 0x20 || ascii && !c.is_ascii() => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Methods that the language does not know: those of Python's text and dictionaries.
pub(super) fn method(
    state: &mut State<'_, '_>,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    if let Some(text) = value.as_str()
        && let Some(result) = text_method(text, name, args)?
    {
        return Ok(result);
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args)
}

fn text_method(text: &str, name: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let parted = |parts: [&str; 3]| Value::from(parts.map(Value::from).to_vec());
    Ok(Some(match name {
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "partition" => {
            let (at,): (&str,) = from_args(args)?;
            parted(text.split_once(at).map_or([text, "", ""], |(before, after)| [before, at, after]))
        }
        "rpartition" => {
            let (at,): (&str,) = from_args(args)?;
            parted(text.rsplit_once(at).map_or(["", "", text], |(before, after)| [before, at, after]))
        }
        "rsplit" => {
            let (at, most): (&str, Option<usize>) = from_args(args)?;
            let mut parts: Vec<&str> = match most {
                Some(most) => text.rsplitn(most.saturating_add(1), at).collect(),
                None => text.rsplit(at).collect(),
            };
            parts.reverse();
            Value::from(parts.into_iter().map(Value::from).collect::<Vec<_>>())
        }
        _ => return Ok(None),
    }))
}
