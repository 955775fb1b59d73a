//! From tokens to the text of a Rust file: `prettyplease`'s form, with a blank line between items and between methods
//! as a person would write it. Everything is parsed by `syn` as it stands in the file before it goes on.

use std::sync::Arc;

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::layout::{self, Layout};
use super::output::{Origin, Rendered, line_count};
use crate::source::Span;

/// A Rust file in the making.
#[derive(Debug, Default)]
pub struct RustFile {
    header: String,
    docs: String,
    attributes: TokenStream,
    pieces: Vec<Piece>,
    layout: Layout,
}

/// Items that come from one place.
#[derive(Debug)]
struct Piece {
    content: Content,
    source: Option<Span>,
    emitter: &'static str,
}

/// What items are, until the file is put together.
#[derive(Debug)]
enum Content {
    /// Tokens, to be given a form.
    Tokens(TokenStream),
    /// Text that was written in its form: where it ends in the layout. It begins where the one before it ended.
    Written(usize),
    /// Text that was given its form and parsed before.
    Checked(Arc<str>),
}

/// How much of what is no Rust is shown.
const EXCERPT_CHARS: usize = 400;

/// An emitter made something that is no Rust: a mistake of the compiler, reported and never written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{emitter}` made something that is no Rust: {reason}\n{excerpt}")]
pub struct NotRust {
    /// The emitter.
    pub emitter: &'static str,
    /// What the parser said.
    pub reason: String,
    /// The beginning of what it made.
    pub excerpt: String,
}

impl RustFile {
    /// A file that says in its first line what it was made from.
    pub fn new(source: &str) -> Self {
        Self { header: super::output::header(source), ..Self::default() }
    }

    /// The documentation of the module or crate, in Markdown.
    #[must_use]
    pub fn docs(mut self, markdown: &str) -> Self {
        for line in markdown.trim_end().lines() {
            self.docs.push_str(if line.is_empty() { "//!" } else { "//! " });
            self.docs.push_str(line);
            self.docs.push('\n');
        }
        self
    }

    /// Inner attributes, such as `#![deny(missing_docs)]`.
    #[must_use]
    pub fn attributes(mut self, tokens: TokenStream) -> Self {
        self.attributes = tokens;
        self
    }

    /// Items that `emitter` made, from `source` if from any one place.
    pub fn push(&mut self, emitter: &'static str, source: Option<Span>, tokens: TokenStream) {
        self.pieces.push(Piece { content: Content::Tokens(tokens), source, emitter });
    }

    /// As [`RustFile::push`], for items that `write` writes in the form that they have in the file.
    pub fn write(&mut self, emitter: &'static str, source: Option<Span>, write: impl FnOnce(&mut Layout)) {
        write(&mut self.layout);
        self.pieces.push(Piece { content: Content::Written(self.layout.text().len()), source, emitter });
    }

    /// As [`RustFile::push`], for items that [`checked`] made.
    pub fn push_checked(&mut self, emitter: &'static str, source: Option<Span>, text: Arc<str>) {
        self.pieces.push(Piece { content: Content::Checked(text), source, emitter });
    }

    /// The text, and where its lines come from. The head and each piece are parsed in the form in which they stand
    /// here, and pieces hold whole items: so the file is Rust as well.
    pub fn render(self) -> Result<Rendered, NotRust> {
        let head = self.head()?;
        let written = self.layout.text();
        let mut out = Rendered { origins: Vec::with_capacity(self.pieces.len()), text: head };
        out.text.reserve(written.len() + self.pieces.len());
        let (mut line, mut begin) = (line_count(&out.text) + 1, 0);
        for Piece { content, source, emitter } in self.pieces {
            out.text.push('\n');
            let start = out.text.len();
            match content {
                Content::Tokens(tokens) => out.text.push_str(&checked(emitter, &tokens)?),
                Content::Checked(text) => out.text.push_str(&text),
                Content::Written(end) => {
                    let text = written.get(begin..end).unwrap_or_default();
                    begin = end;
                    parse_items(emitter, text)?;
                    out.text.push_str(text);
                }
            }
            let count = line_count(out.text.get(start..).unwrap_or_default());
            if count == 0 {
                out.text.truncate(start - 1);
                continue;
            }
            let lines = line + 1..line + 1 + count;
            line = lines.end;
            out.origins.push(Origin { lines, source, template: None, emitter });
        }
        Ok(out)
    }

    /// What stands before the first piece.
    fn head(&self) -> Result<String, NotRust> {
        let mut text = format!("// {}\n{}", self.header, self.docs);
        if !self.attributes.is_empty() {
            let attributes = format(&self.attributes, "emit::rust")?;
            text.extend(["\n", attributes.trim_end(), "\n"]);
        }
        syn::parse_file(&text).map_err(|error| not_rust("emit::rust", &error, &text))?;
        Ok(text)
    }
}

/// Items as the text that they are in a file, which was parsed.
pub fn checked(emitter: &'static str, tokens: &TokenStream) -> Result<Arc<str>, NotRust> {
    let text = format(tokens, emitter)?;
    parse_items(emitter, &text)?;
    Ok(text.into())
}

/// Parses a text that is to stand within a file: whole items, and lines that end.
fn parse_items(emitter: &'static str, text: &str) -> Result<(), NotRust> {
    let file = syn::parse_file(text).map_err(|error| not_rust(emitter, &error, text))?;
    let is_whole =
        file.attrs.is_empty() && file.shebang.is_none() && (text.is_empty() || text.ends_with('\n'));
    if is_whole {
        return Ok(());
    }
    let error = syn::Error::new(proc_macro2::Span::call_site(), "the text is more or less than items");
    Err(not_rust(emitter, &error, text))
}

fn not_rust(emitter: &'static str, error: &syn::Error, text: &str) -> NotRust {
    let excerpt: String = text.chars().take(EXCERPT_CHARS).collect();
    NotRust { emitter, reason: error.to_string(), excerpt }
}

/// Items as text, a blank line between two of them unless both are one-liners of a kind.
fn format(tokens: &TokenStream, emitter: &'static str) -> Result<String, NotRust> {
    let file: syn::File =
        syn::parse2(tokens.clone()).map_err(|error| not_rust(emitter, &error, &tokens.to_string()))?;
    let mut text = String::new();
    if !file.attrs.is_empty() {
        let attrs = file.attrs;
        text.push_str(&unparse(syn::File { shebang: None, frontmatter: None, attrs, items: Vec::new() }));
    }
    let mut last: Option<std::mem::Discriminant<syn::Item>> = None;
    for item in file.items {
        let (kind, is_use) = (std::mem::discriminant(&item), matches!(item, syn::Item::Use(_)));
        let spaced = matches!(item, syn::Item::Impl(_) | syn::Item::Trait(_) | syn::Item::Mod(_));
        let item =
            unparse(syn::File { shebang: None, frontmatter: None, attrs: Vec::new(), items: vec![item] });
        let one_line = line_count(&item) == 1;
        // Two one-liners of a kind, or two imports, stand together.
        let together = last == Some(kind) && (one_line || is_use);
        if !text.is_empty() && !together {
            text.push('\n');
        }
        last = (one_line || is_use).then_some(kind);
        text.push_str(&if spaced { space_members(&item) } else { item });
    }
    Ok(text)
}

fn unparse(file: syn::File) -> String {
    prettyplease::unparse(&file)
}

/// A blank line between the members of an `impl` or a trait.
fn space_members(item: &str) -> String {
    let mut out = String::with_capacity(item.len() + 64);
    let mut lines = item.lines().peekable();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let ends_a_member = line == "    }" || (line.starts_with("    ") && line.ends_with("};"));
        let next = lines.peek().copied().unwrap_or("}");
        if ends_a_member && line.as_bytes().get(4) != Some(&b' ') && next != "}" {
            out.push('\n');
        }
    }
    out
}

/// `#[doc]` attributes for Markdown, a line each.
pub fn doc(markdown: &str) -> TokenStream {
    let lines = markdown.trim_end().lines().map(|line| {
        let line = if line.is_empty() { String::new() } else { format!(" {line}") };
        quote!(#[doc = #line])
    });
    quote!(#(#lines)*)
}

/// An identifier; a raw one where it is a keyword.
pub fn ident(name: &str) -> proc_macro2::Ident {
    let span = proc_macro2::Span::call_site();
    match syn::parse_str::<proc_macro2::Ident>(name) {
        Ok(_) if syn::parse_str::<syn::Ident>(name).is_ok() => proc_macro2::Ident::new(name, span),
        _ if matches!(name, "self" | "Self" | "super" | "crate" | "_") => {
            proc_macro2::Ident::new(&format!("{name}_"), span)
        }
        _ => proc_macro2::Ident::new_raw(name, span),
    }
}

/// A number with its thousands parted by `_`.
pub fn number(value: u64) -> Literal {
    use std::str::FromStr;
    Literal::from_str(&grouped(value, '_')).unwrap_or_else(|_| Literal::u64_unsuffixed(value))
}

/// Digits in groups of three.
pub fn grouped(value: u64, separator: char) -> String {
    let mut out = String::new();
    layout::group_digits(value, separator, &mut out);
    out
}

/// `Some(…)` or `None`.
pub fn option(value: Option<TokenStream>) -> TokenStream {
    value.map_or_else(|| quote!(None), |value| quote!(Some(#value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(tokens: TokenStream) -> String {
        let mut file = RustFile::new("x.yaml").docs("A module.\n\nMore.");
        file.push("emit::test", None, tokens);
        file.render().unwrap().text
    }

    #[test]
    fn items_and_methods_stand_apart_and_one_liners_together() {
        let text = render(quote! {
            use a::b; use c::d;
            /// A.
            pub struct A;
            impl X for A {} impl Y for A {}
            impl A { const K: u8 = 1; fn one(&self) { if true { f(); } g(); } fn two(&self) {} }
        });
        insta_free_eq(
            &text,
            "// @generated by typewright from x.yaml. Do not edit; run `cargo xtask gen`.\n\
             //! A module.\n//!\n//! More.\n\nuse a::b;\nuse c::d;\n\n/// A.\npub struct A;\n\n\
             impl X for A {}\nimpl Y for A {}\n\n\
             impl A {\n    const K: u8 = 1;\n    fn one(&self) {\n        if true {\n            f();\n        }\n        \
             g();\n    }\n\n    fn two(&self) {}\n}\n",
        );
    }

    fn insta_free_eq(left: &str, right: &str) {
        assert_eq!(left, right, "\n{left}");
    }

    #[test]
    fn what_is_no_rust_is_an_error_that_names_the_emitter() {
        let mut file = RustFile::new("x.yaml");
        file.push("emit::test", None, quote!(fn));
        assert_eq!(file.render().unwrap_err().emitter, "emit::test");
    }

    #[test]
    fn origins_cover_the_lines_of_their_piece() {
        let mut file = RustFile::new("x.yaml");
        file.push(
            "emit::a",
            None,
            quote!(
                const A: u8 = 1;
            ),
        );
        file.push(
            "emit::b",
            None,
            quote!(
                fn b() {}
                fn c() {}
            ),
        );
        let out = file.render().unwrap();
        let lines: Vec<&str> = out.text.lines().collect();
        assert_eq!(
            &lines[out.origins[0].lines.start - 1..out.origins[0].lines.end - 1],
            ["const A: u8 = 1;"]
        );
        assert_eq!(lines[out.origins[1].lines.start - 1], "fn b() {}");
        assert_eq!(out.origins[1].lines.end - 1, lines.len());
    }

    #[test]
    fn numbers_are_parted_in_thousands_and_keywords_are_raw() {
        assert_eq!(number(1_047_576).to_string(), "1_047_576");
        assert_eq!(grouped(999, '_'), "999");
        assert_eq!(ident("type").to_string(), "r#type");
        assert_eq!(ident("store").to_string(), "store");
    }
}
