//! Prose of vendors made safe for rustdoc and Markdown tables: what somebody else wrote never breaks a build, runs as a
//! doc test, or turns into markup that was not meant.

use crate::fingerprint;

/// The width that documentation is wrapped at.
const WIDTH: usize = 100;

/// Buffers for what lies between prose and Markdown, reused from one text to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    plain: String,
    inline: String,
}

/// Markdown that shows `prose` as it was meant: paragraphs of wrapped lines, with code spans and absolute links kept and
/// everything else that Markdown or rustdoc could read as markup escaped.
pub fn sanitise(prose: &str) -> String {
    let mut out = String::with_capacity(prose.len() + 16);
    push_sanitised(prose, &mut Scratch::default(), &mut out);
    out
}

/// As [`sanitise`], in one line: for summaries and table cells.
pub fn line(prose: &str) -> String {
    let mut out = String::with_capacity(prose.len() + 16);
    push_line(prose, &mut Scratch::default(), &mut out);
    out
}

/// Prose as it stands, in one line and without control characters: for manifests, which are no Markdown.
pub fn plain(prose: &str) -> String {
    let mut out = String::with_capacity(prose.len());
    push_plain(prose, &mut out);
    out
}

/// Prose as a sentence: with a full stop unless it ends like one.
pub fn sentence(prose: &str) -> String {
    let mut out = prose.to_owned();
    end_sentence(0, &mut out);
    out
}

/// As [`sanitise`], behind what is in `out`.
pub fn push_sanitised(prose: &str, scratch: &mut Scratch, out: &mut String) {
    let prose = fingerprint::lf(prose);
    let begin = out.len();
    for paragraph in prose.split("\n\n") {
        scratch.inline.clear();
        inline(paragraph, &mut scratch.plain, &mut scratch.inline);
        if scratch.inline.is_empty() {
            continue;
        }
        if out.len() > begin {
            out.push_str("\n\n");
        }
        escape_start(0, &mut scratch.inline);
        wrap(&scratch.inline, out);
    }
}

/// As [`line()`], behind what is in `out`.
pub fn push_line(prose: &str, scratch: &mut Scratch, out: &mut String) {
    let begin = out.len();
    inline(prose, &mut scratch.plain, out);
    escape_start(begin, out);
    let mut at = begin;
    while let Some(bar) = out.get(at..).and_then(|rest| rest.find('|')) {
        out.insert(at + bar, '\\');
        at += bar + 2;
    }
}

/// As [`plain`], behind what is in `out`.
pub fn push_plain(prose: &str, out: &mut String) {
    for (at, word) in prose.split_whitespace().enumerate() {
        if at > 0 {
            out.push(' ');
        }
        if word.bytes().all(|byte| byte.is_ascii_graphic()) {
            out.push_str(word);
        } else {
            out.extend(word.chars().filter(|c| is_visible(*c)));
        }
    }
}

/// What stands between backticks in a table: neither a backtick nor a bar.
pub fn push_code(text: &str, scratch: &mut Scratch, out: &mut String) {
    scratch.plain.clear();
    push_plain(text, &mut scratch.plain);
    for (at, run) in scratch.plain.split(['`', '|']).enumerate() {
        out.push_str(if at > 0 { "'" } else { "" });
        out.push_str(run);
    }
}

/// Makes a sentence of what stands in `out` from `begin` on.
pub fn end_sentence(begin: usize, out: &mut String) {
    let end = out.trim_end().len().max(begin);
    out.truncate(end);
    let Some(prose) = out.get(begin..) else { return };
    let space = prose.len() - prose.trim_start().len();
    if space > 0 {
        out.replace_range(begin..begin + space, "");
    }
    if out.len() > begin && !out.ends_with(['.', '!', '?', ':', '…', '。']) {
        out.push('.');
    }
}

/// Control characters and those that turn the direction of text, which rustc refuses in source.
fn is_visible(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}')
}

fn inline(prose: &str, plain: &mut String, out: &mut String) {
    plain.clear();
    push_plain(prose, plain);
    let mut rest = plain.as_str();
    while let Some(c) = rest.chars().next() {
        let taken = code_span(rest, out)
            .or_else(|| link(rest, out))
            .or_else(|| url(rest, out))
            .unwrap_or_else(|| character(c, out));
        rest = rest.get(taken..).unwrap_or_default();
    }
}

/// A run of text in backticks becomes a code span with single ones; an unpaired backtick is escaped.
fn code_span(rest: &str, out: &mut String) -> Option<usize> {
    let ticks = rest.len() - rest.trim_start_matches('`').len();
    if ticks == 0 {
        return None;
    }
    let (mark, body) = rest.split_at(ticks);
    let inside = body.split(mark).next().filter(|inside| inside.len() < body.len());
    let Some(inside) = inside.filter(|inside| !inside.trim().is_empty() && !inside.contains('`')) else {
        out.extend(std::iter::repeat_n("\\`", ticks));
        return Some(ticks);
    };
    out.extend(["`", inside.trim(), "`"]);
    Some(ticks + inside.len() + ticks)
}

/// `[text](https://…)` stays a link; any other bracket would be read as the name of an item.
fn link(rest: &str, out: &mut String) -> Option<usize> {
    let (text, after) = rest.strip_prefix('[')?.split_once("](")?;
    let (target, _) = after.split_once(')')?;
    let is_plain = !text.contains(['[', ']', '`', '<', '>']);
    if !is_plain || !is_url(target) || !target.chars().all(is_url_char) {
        return None;
    }
    out.extend(["[", text, "](", target, ")"]);
    Some(1 + text.len() + 2 + target.len() + 1)
}

/// A bare URL becomes `<url>`.
fn url(rest: &str, out: &mut String) -> Option<usize> {
    if !is_url(rest) {
        return None;
    }
    let end = rest.find(|c| !is_url_char(c)).unwrap_or(rest.len());
    let address = rest.get(..end)?.trim_end_matches(['.', ',', ';', ':', '!', '?']);
    out.extend(["<", address, ">"]);
    Some(address.len())
}

fn is_url(text: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| {
        text.strip_prefix(scheme).is_some_and(|host| host.starts_with(|c: char| c.is_ascii_alphanumeric()))
    })
}

fn is_url_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~:/?#@!$&'*+,;=%".contains(c)
}

fn character(c: char, out: &mut String) -> usize {
    if matches!(c, '[' | ']' | '<' | '>' | '*' | '_' | '\\' | '~') {
        out.push('\\');
    }
    out.push(c);
    c.len_utf8()
}

/// Escapes what would make a heading, a quote, a list or a table of the whole paragraph, which begins at `begin`.
fn escape_start(begin: usize, out: &mut String) {
    let Some(text) = out.get(begin..) else { return };
    match text.bytes().next() {
        Some(b'#' | b'+' | b'-' | b'=' | b'|') => out.insert(begin, '\\'),
        Some(byte) if byte.is_ascii_digit() => {
            // `1.` and `1)` would number a list.
            let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
            if rest.starts_with(". ") || rest.starts_with(") ") {
                out.insert(out.len() - rest.len(), '\\');
            }
        }
        _ => {}
    }
}

/// Breaks lines at spaces, never so that a line starts with what would be read as markup, nor within a code span.
fn wrap(text: &str, out: &mut String) {
    let (mut width, mut in_code) = (0, false);
    for word in text.split(' ') {
        let length = word.chars().count();
        let may_break = !in_code && !starts_markup(word);
        if width > 0 && may_break && width + 1 + length > WIDTH {
            out.push('\n');
            width = 0;
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
        in_code ^= word.matches('`').count() % 2 == 1 && !word.contains("\\`");
    }
}

fn starts_markup(word: &str) -> bool {
    let marker = word.trim_end_matches(['.', ')']);
    word.starts_with(['#', '+', '-', '=', '|'])
        || (marker.len() < word.len() && marker.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_and_tags_are_escaped_and_links_kept() {
        assert_eq!(sanitise("see [Foo] and Vec<T>"), "see \\[Foo\\] and Vec\\<T\\>");
        assert_eq!(sanitise("see [docs](https://a.example/x)."), "see [docs](https://a.example/x).");
        assert_eq!(sanitise("[x](javascript:alert)"), "\\[x\\](javascript:alert)");
    }

    #[test]
    fn urls_become_links_without_the_full_stop() {
        assert_eq!(sanitise("At https://a.example/b?c=1."), "At <https://a.example/b?c=1>.");
        assert_eq!(sanitise("https:// is a scheme"), "https:// is a scheme");
    }

    #[test]
    fn backticks_are_paired_or_escaped() {
        assert_eq!(sanitise("use `a` and `b"), "use `a` and \\`b");
        assert_eq!(sanitise("```rust\nfn x() {}\n```"), "`rust fn x() {}`");
        assert_eq!(sanitise("``a[0]``"), "`a[0]`");
        assert_eq!(sanitise("```"), "\\`\\`\\`");
    }

    #[test]
    fn no_paragraph_turns_into_a_heading_a_list_or_a_code_block() {
        assert_eq!(sanitise("# Big"), "\\# Big");
        assert_eq!(sanitise("    indented"), "indented");
        assert_eq!(sanitise("1. one"), "1\\. one");
        assert_eq!(sanitise("- a\n\n- b"), "\\- a\n\n\\- b");
    }

    #[test]
    fn control_and_direction_characters_go() {
        assert_eq!(sanitise("a\u{202e}b\u{0}c\td"), "abc d");
        assert_eq!(plain(" a\r\n b "), "a b");
    }

    #[test]
    fn lines_are_wrapped_but_not_before_a_list_marker() {
        let long = format!("{} - x {}", "word ".repeat(20).trim(), "word ".repeat(5).trim());
        assert!(sanitise(&long).lines().all(|line| !line.starts_with('-')), "{}", sanitise(&long));
        assert!(sanitise(&"word ".repeat(60)).lines().all(|line| line.len() <= WIDTH));
    }

    #[test]
    fn a_cell_has_no_bar_and_a_sentence_one_full_stop() {
        assert_eq!(line("a | b"), "a \\| b");
        assert_eq!(sentence("A thing"), "A thing.");
        assert_eq!(sentence("A thing."), "A thing.");
    }
}
