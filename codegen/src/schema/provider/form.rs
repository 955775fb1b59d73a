//! The forms of names, URLs, headers and dates.

use crate::diagnostic::{Diagnostic, Sink};
use crate::source::Span;

/// Names that a provider cannot have: other crates and modules beside it, and files that Windows has no room for.
const RESERVED: &[&str] = &[
    "all",
    "alloc",
    "aux",
    "client",
    "codegen",
    "con",
    "core",
    "default",
    "full",
    "nul",
    "prelude",
    "prn",
    "proc_macro",
    "runtime",
    "std",
    "test",
    "tests",
    "typewright",
    "xtask",
];

/// The longest provider name: generated paths stay within 64 characters.
const MAX_NAME: usize = 40;

pub(super) fn provider_name(name: &str, span: Span, sink: &mut Sink) {
    let first = name.starts_with(|c: char| c.is_ascii_lowercase());
    let rest = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
    if !first || !rest || name.len() > MAX_NAME {
        let problem = Diagnostic::error("TW0210", span, format!("`{name}` is no provider name"))
            .note(format!("lower-case letters, digits, `-` and `_`, first a letter, at most {MAX_NAME}"));
        let better = suggestion(name);
        return sink.push(if better.is_empty() {
            problem
        } else {
            problem.help(format!("such as `{better}`"))
        });
    }
    let folded = name.replace('-', "_");
    let device = folded.len() == 4
        && (folded.starts_with("com") || folded.starts_with("lpt"))
        && folded.ends_with(|c: char| c.is_ascii_digit());
    if RESERVED.binary_search(&folded.as_str()).is_ok() || device || crate::names::is_keyword(&folded) {
        sink.push(
            Diagnostic::error("TW0211", span, format!("a provider cannot be called `{name}`"))
                .label("reserved")
                .note(
                    "crates, modules and features are named after the provider, and this name is taken there",
                ),
        );
    }
}

/// The nearest name of the right form.
fn suggestion(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let kept: String = lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let kept = kept.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    kept.get(..kept.len().min(MAX_NAME)).unwrap_or_default().trim_end_matches('-').to_owned()
}

pub(super) fn type_name(name: &str, span: Span, sink: &mut Sink) {
    let form = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_alphanumeric())
        && name.len() <= crate::names::MAX_LEN;
    if form && !crate::names::is_taken_type(name) {
        return;
    }
    let why = if form {
        "generated code has another type of this name"
    } else {
        "a type is written in CamelCase, with ASCII letters and digits"
    };
    sink.push(
        Diagnostic::error("TW0218", span, format!("the client type cannot be called `{name}`")).note(why),
    );
}

/// A base URL: scheme, host, and perhaps a path.
pub(super) fn base_url(url: &str, span: Span, sink: &mut Sink) {
    if let Some(problem) =
        url_problem(url).or_else(|| url.contains(['?', '#']).then_some("a base URL ends with its path"))
    {
        return sink
            .push(Diagnostic::error("TW0213", span, format!("`{url}` is no base URL")).label(problem));
    }
    if url.starts_with("http://") && !is_loopback(host(url)) {
        sink.push(
            Diagnostic::warning("TW0214", span, "keys and messages would travel unencrypted")
                .label("`http` to another machine")
                .help("use `https`; `http` is for servers on this machine"),
        );
    }
}

/// Any URL that is only shown.
pub(super) fn page_url(url: &str, span: Span, sink: &mut Sink) {
    if let Some(problem) = url_problem(url) {
        sink.push(Diagnostic::error("TW0213", span, format!("`{url}` is no URL")).label(problem));
    }
}

fn url_problem(url: &str) -> Option<&'static str> {
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Some("starts with neither `https://` nor `http://`");
    }
    if url.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '"' | '<' | '>' | '\\' | '`')) {
        return Some("holds a character that no URL has");
    }
    let host = host(url);
    let authority =
        url.split_once("://").map_or("", |(_, rest)| rest).split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some("holds a user name; keys belong into the environment");
    }
    let bad_port = authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.ends_with(']') && port.parse::<u16>().is_err());
    match () {
        () if host.is_empty() => Some("has no host"),
        () if bad_port => Some("has a port that is no number"),
        () => None,
    }
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host == "::1" || host.starts_with("127.")
}

pub(super) fn env_name(name: &str, span: Span, sink: &mut Sink) {
    let form = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !form {
        sink.push(
            Diagnostic::error("TW0215", span, format!("`{name}` is no name of an environment variable"))
                .note("letters, digits and `_`, first no digit")
                .help("this field names the variable; the key itself stands in no file"),
        );
    }
}

pub(super) fn header(name: &str, name_span: Span, value: Option<(&str, Span)>, sink: &mut Sink) {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        let problem = Diagnostic::error("TW0216", name_span, format!("`{name}` is no name of a header"));
        sink.push(problem.note("letters, digits and `-`"));
    }
    if let Some((value, span)) = value
        && !value.chars().all(|c| c == '\t' || (' '..='~').contains(&c))
    {
        sink.push(
            Diagnostic::error("TW0216", span, "this cannot be the value of a header")
                .note("visible ASCII, spaces and tabs"),
        );
    }
}

/// `2024`, `2024-06` or `2024-06-01`.
pub(super) fn date(text: &str, span: Span, sink: &mut Sink) {
    if is_date(text) {
        return;
    }
    sink.push(
        Diagnostic::error("TW0228", span, format!("`{text}` is no date"))
            .help("write it as `2024-06-01` or `2024-06`"),
    );
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let digits = |part: &&str, len: usize| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
    if !parts.iter().zip([4, 2, 2]).all(|(part, len)| digits(part, len)) || parts.len() > 3 {
        return false;
    }
    let number = |index: usize| parts.get(index).map(|part: &&str| part.parse::<u32>().unwrap_or(0));
    let year = number(0).unwrap_or(0);
    let days = match number(1) {
        Some(4 | 6 | 9 | 11) => 30,
        Some(2) if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        Some(2) => 28,
        Some(1..=12) => 31,
        Some(_) => return false,
        None => 0,
    };
    (1990..2100).contains(&year) && number(2).is_none_or(|day| (1..=days).contains(&day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_are_sorted_for_binary_search() {
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn dates_exist() {
        for text in ["2024", "2024-06", "2024-02-29", "2000-02-29", "2025-12-31"] {
            assert!(is_date(text), "{text}");
        }
        for text in [
            "",
            "24",
            "2024-13",
            "2024-00",
            "2023-02-29",
            "1900-01-01",
            "2024-04-31",
            "2024-6",
            "2024-06-01-1",
            "June",
        ] {
            assert!(!is_date(text), "{text}");
        }
    }

    #[test]
    fn loopback_is_this_machine() {
        for url in ["http://localhost:1", "http://127.0.0.1/v1", "http://[::1]:8080/", "http://a.localhost"] {
            assert!(is_loopback(host(url)), "{url}");
        }
        for url in ["http://localhost.example", "http://10.0.0.1", "http://example.com"] {
            assert!(!is_loopback(host(url)), "{url}");
        }
    }

    #[test]
    fn urls_have_a_scheme_a_host_and_no_secrets() {
        for url in ["https://a.example", "https://a.example:443/v1", "http://[::1]:1/x"] {
            assert_eq!(url_problem(url), None, "{url}");
        }
        for url in [
            "a.example",
            "ftp://a",
            "https://",
            "https:///v1",
            "https://u:p@a",
            "https://a:b/",
            "https://a b",
            "https://a:99999",
        ] {
            assert!(url_problem(url).is_some(), "{url}");
        }
    }
}
