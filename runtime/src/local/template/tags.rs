//! Tags that the template language of Python is extended with elsewhere: `{% generation %}` marks what the model says, for
//! training. Here it does nothing, so it becomes a condition that always holds.

/// `source` with `{% generation %}` and `{% endgeneration %}` replaced; their marks for white space stay.
pub(super) fn tolerate(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let Some(end) = tag.find("%}") else { return out + tag };
        let inner = &tag[2..end];
        let word = inner.trim_matches(['-', '+', ' ', '\t', '\r', '\n']);
        match word {
            "generation" => out.push_str(&format!("{{%{}%}}", inner.replace(word, "if true"))),
            "endgeneration" => out.push_str(&format!("{{%{}%}}", inner.replace(word, "endif"))),
            // A tag may hold a string with `%}`: only its beginning is passed over.
            _ => {
                out.push_str("{%");
                rest = &tag[2..];
                continue;
            }
        }
        rest = &tag[end + 2..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::tolerate;

    #[test]
    fn only_the_two_tags_are_replaced() {
        let source =
            "a{%- generation -%} b {% if x == '%}{%' %}c{% endif %}{%endgeneration%}{% generations %}{%";
        let expected = "a{%- if true -%} b {% if x == '%}{%' %}c{% endif %}{%endif%}{% generations %}{%";
        assert_eq!(tolerate(source), expected);
    }
}
