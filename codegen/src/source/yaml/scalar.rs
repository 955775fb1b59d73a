//! The YAML 1.2 core schema: what a plain scalar is. Quoted scalars are always strings and never come here.

use crate::source::Value;

/// What a plain scalar says.
pub(super) enum Plain {
    /// A value.
    Value(Value),
    /// A number that JSON has no form for, such as `.inf`.
    NoJson,
}

/// Resolves a plain scalar.
pub(super) fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Plain::Value(Value::Null),
        "true" | "false" => Plain::Value(Value::Bool(text == "true")),
        _ => number(text).unwrap_or_else(|| Plain::Value(Value::Str(text.to_owned()))),
    }
}

/// A number of the core schema, with its JSON form.
fn number(text: &str) -> Option<Plain> {
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return None;
    }
    if let Some(radix) = based(text) {
        return Some(radix);
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if matches!(rest, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Plain::NoJson);
    }
    let parts = Decimal::split(rest)?;
    Some(Plain::Value(Value::Number(parts.json(sign))))
}

/// `0x…` and `0o…`.
fn based(text: &str) -> Option<Plain> {
    let (digits, radix) = match text.get(..2)? {
        "0x" => (&text[2..], 16),
        "0o" => (&text[2..], 8),
        _ => return None,
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    Some(match u64::from_str_radix(digits, radix) {
        Ok(value) => Plain::Value(Value::Number(value.to_string())),
        Err(_) => Plain::NoJson,
    })
}

/// The parts of an unsigned decimal number.
struct Decimal<'a> {
    whole: &'a str,
    fraction: Option<&'a str>,
    exponent: Option<&'a str>,
}

impl<'a> Decimal<'a> {
    /// `[0-9]*(\.[0-9]*)?([eE][-+]?[0-9]+)?` with at least one digit before the exponent.
    fn split(text: &'a str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (text, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let power = exponent.map(|text| text.strip_prefix(['-', '+']).unwrap_or(text));
        let well_formed = digits(whole)
            && fraction.is_none_or(digits)
            && power.is_none_or(|power| !power.is_empty() && digits(power))
            && !(whole.is_empty() && fraction.is_none_or(str::is_empty));
        well_formed.then_some(Self { whole, fraction, exponent })
    }

    /// The same number as JSON writes it.
    fn json(&self, sign: &str) -> String {
        let whole = match self.whole.trim_start_matches('0') {
            "" => "0",
            trimmed => trimmed,
        };
        let mut text = format!("{sign}{whole}");
        if let Some(fraction) = self.fraction {
            text.push('.');
            text.push_str(if fraction.is_empty() { "0" } else { fraction });
        }
        if let Some(exponent) = self.exponent {
            text.push('e');
            text.push_str(exponent);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match resolve(text) {
            Plain::Value(Value::Null) => "null".into(),
            Plain::Value(Value::Bool(value)) => format!("bool {value}"),
            Plain::Value(Value::Number(text)) => format!("number {text}"),
            Plain::Value(_) => "string".into(),
            Plain::NoJson => "no json".into(),
        }
    }

    #[test]
    fn only_true_and_false_are_booleans() {
        for text in ["on", "off", "no", "yes", "y", "n", "True", "TRUE", "False", "tRUE"] {
            assert_eq!(shown(text), "string", "{text}");
        }
        assert_eq!((shown("true"), shown("false")), ("bool true".into(), "bool false".into()));
    }

    #[test]
    fn numbers_keep_their_text_where_json_allows_it() {
        for text in ["0", "2", "-2", "2.50", "0.075", "1e5", "-0", "123456789012345678901234567890"] {
            assert_eq!(shown(text), format!("number {text}"));
        }
    }

    #[test]
    fn other_forms_of_numbers_are_rewritten() {
        for (text, json) in [
            ("+1", "1"),
            (".5", "0.5"),
            ("1.", "1.0"),
            ("007", "7"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("2E-3", "2e-3"),
        ] {
            assert_eq!(shown(text), format!("number {json}"), "{text}");
        }
        for text in [".inf", "-.inf", ".nan", "0xFFFFFFFFFFFFFFFFFF"] {
            assert_eq!(shown(text), "no json", "{text}");
        }
    }

    #[test]
    fn what_looks_like_a_number_and_is_none_is_a_string() {
        for text in
            ["1.2.3", "2024-06-01", "1_000", "0b1", "0x", "1e", "-", "+", ".", "-.", "e5", "12:30", "1e+"]
        {
            assert_eq!(shown(text), "string", "{text}");
        }
    }
}
