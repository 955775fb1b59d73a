//! Where an IR can be changed. A walk over it asks [`Points::here`] at every place; a walk that looks for nothing lists
//! the places, and a walk to one of them makes its change there and nowhere else.

use crate::source::Span;

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Operator {
    /// A field of the wire is not read.
    MisreadKey,
    /// A field of the wire is not written.
    DropField,
    /// A field of the wire is written under another name.
    RenameField,
    /// A step, a row or an alternative is not there.
    DropRow,
    /// An argument of an operation is not there.
    DropArgument,
    /// A condition does not hold where it did, or is not asked.
    LoosenCondition,
    /// A word or number of a table is another.
    SwapValue,
    /// An operation works on another class of part, or at another place.
    SwapTarget,
    /// A finish reason means something else.
    ShiftFinish,
    /// A term of usage is lost, or counts the other way.
    LoseUsage,
    /// An error is of another class, or its headers are not read.
    MisclassifyError,
    /// A bound is wider, or what happens outside of it is something else.
    LoosenLimit,
    /// What cannot be said on the wire is dropped instead of refused, or in silence.
    Silence,
    /// A policy of the runtime, the method or the framing is another.
    SwapPolicy,
}

impl Operator {
    /// Its name in reports.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::MisreadKey => "misread key",
            Self::DropField => "drop field",
            Self::RenameField => "rename field",
            Self::DropRow => "drop row",
            Self::DropArgument => "drop argument",
            Self::LoosenCondition => "loosen condition",
            Self::SwapValue => "swap value",
            Self::SwapTarget => "swap target",
            Self::ShiftFinish => "shift finish reason",
            Self::LoseUsage => "lose usage",
            Self::MisclassifyError => "misclassify error",
            Self::LoosenLimit => "loosen limit",
            Self::Silence => "silence",
            Self::SwapPolicy => "swap policy",
        }
    }
}

/// A place where an IR can be changed, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Point {
    /// What the change does.
    pub(super) operator: Operator,
    /// What it is done to, in the words of the IR.
    pub(super) what: String,
    /// Where that stands in the source.
    pub(super) span: Span,
}

/// A walk over an IR.
#[derive(Debug)]
pub(super) struct Points {
    target: Option<usize>,
    next: usize,
    found: Vec<Point>,
    /// Where the walk is, from the outside in.
    path: Vec<String>,
    span: Span,
}

impl Points {
    /// A walk that changes nothing.
    pub(super) fn listing(span: Span) -> Self {
        Self { target: None, next: 0, found: Vec::new(), path: Vec::new(), span }
    }

    /// A walk to the place of this number.
    pub(super) fn to(target: usize, span: Span) -> Self {
        Self { target: Some(target), ..Self::listing(span) }
    }

    /// The places that a walk has passed.
    pub(super) fn into_found(self) -> Vec<Point> {
        self.found
    }

    /// Whether the change is to be made here.
    pub(super) fn here(&mut self, operator: Operator, what: impl FnOnce() -> String) -> bool {
        let at = self.next;
        self.next += 1;
        let Some(target) = self.target else {
            let what = format!("{}: {}", self.path.join(" "), what());
            self.found.push(Point { operator, what, span: self.span });
            return false;
        };
        at == target
    }

    /// Goes on within a named part of the IR.
    pub(super) fn within<T>(&mut self, name: impl Into<String>, walk: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(name.into());
        let result = walk(self);
        self.path.pop();
        result
    }

    /// Goes on within what stands at `span`.
    pub(super) fn at<T>(&mut self, span: Span, walk: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.span, span);
        let result = walk(self);
        self.span = outer;
        result
    }

    /// Takes one item away.
    pub(super) fn drop_one<T>(
        &mut self,
        operator: Operator,
        items: &mut Vec<T>,
        what: impl Fn(&T) -> String,
    ) {
        let chosen =
            (0..items.len()).find(|at| self.here(operator, || format!("without {}", what(&items[*at]))));
        if let Some(at) = chosen {
            items.remove(at);
        }
    }

    /// Takes one item away, if another one is left.
    pub(super) fn drop_but_one<T>(
        &mut self,
        operator: Operator,
        items: &mut Vec<T>,
        what: impl Fn(&T) -> String,
    ) {
        if items.len() > 1 {
            self.drop_one(operator, items, what);
        }
    }

    /// Takes away what may be there.
    pub(super) fn drop_option<T>(&mut self, operator: Operator, item: &mut Option<T>, what: &str) {
        if item.is_some() && self.here(operator, || format!("without {what}")) {
            *item = None;
        }
    }

    /// Turns a flag around.
    pub(super) fn flip(&mut self, operator: Operator, flag: &mut bool, what: &str) {
        if self.here(operator, || format!("{what} is {}", !*flag)) {
            *flag = !*flag;
        }
    }

    /// Puts another word in the place of one.
    pub(super) fn misspell(&mut self, operator: Operator, word: &mut String) {
        if self.here(operator, || format!("`{word}` is `{word}_`")) {
            word.push('_');
        }
    }

    /// Puts a word of a closed set in the place of one: the one that follows it.
    pub(super) fn replace(&mut self, operator: Operator, word: &mut &'static str, set: &[&'static str]) {
        let other = other(word, set);
        if self.here(operator, || format!("{word} is {other}")) {
            *word = other;
        }
    }
}

/// The word that follows `word` in a closed set, in which it may be missing.
pub(super) fn other<'a>(word: &str, set: &[&'a str]) -> &'a str {
    let at = set.iter().position(|known| *known == word).map_or(0, |at| at + 1);
    set.iter().cycle().nth(at).copied().unwrap_or("")
}
