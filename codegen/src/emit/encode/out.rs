//! Statements in the making: constants that follow each other grow into one literal.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, TokenStreamExt, quote};

/// What stands before the next entry of an object or list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Only the opening bracket.
    Nothing,
    /// Perhaps an entry.
    Maybe,
    /// An entry.
    Something,
}

impl Seen {
    /// After an entry that may have been left out.
    pub(super) fn or_not(self) -> Self {
        if self == Self::Nothing { Self::Maybe } else { self }
    }
}

/// A list of statements that write to `w`.
#[derive(Default)]
pub(super) struct Out {
    stmts: TokenStream,
    lit: String,
    soft: bool,
    count: usize,
}

impl Out {
    /// Writes constant text.
    pub(super) fn text(&mut self, text: &str) {
        self.lit.push_str(text);
    }

    /// Writes the comma and key before an entry.
    pub(super) fn prefix(&mut self, seen: Seen, key: &str) {
        match seen {
            Seen::Nothing => {}
            Seen::Something => self.lit.push(','),
            Seen::Maybe => {
                self.flush();
                self.soft = true;
                self.lit.push(',');
            }
        }
        self.lit.push_str(key);
    }

    /// Adds a statement.
    pub(super) fn stmt(&mut self, stmt: impl ToTokens) {
        self.flush();
        self.stmts.append_all([stmt]);
        self.count += 1;
    }

    /// How many statements there are.
    pub(super) fn count(&self) -> usize {
        self.count + usize::from(!self.lit.is_empty())
    }

    /// All statements.
    pub(super) fn finish(mut self) -> TokenStream {
        self.flush();
        self.stmts
    }

    fn flush(&mut self) {
        let text = std::mem::take(&mut self.lit);
        let soft = std::mem::take(&mut self.soft);
        match (soft, text.as_str()) {
            (_, "") => return,
            (true, ",") => self.stmts.append_all([quote!(w.comma();)]),
            (true, _) => {
                let text = literal(&text);
                self.stmts.append_all([quote!(w.key(#text);)]);
            }
            (false, _) => {
                let text = literal(&text);
                self.stmts.append_all([quote!(w.lit(#text);)]);
            }
        }
        self.count += 1;
    }
}

/// A string literal, raw where that reads better.
pub(super) fn literal(text: &str) -> TokenStream {
    let plain = !text.contains("\"#") && !text.chars().any(char::is_control);
    if text.contains(['"', '\\'])
        && plain
        && let Ok(raw) = format!("r#\"{text}\"#").parse::<Literal>()
    {
        return raw.into_token_stream();
    }
    Literal::string(text).into_token_stream()
}
