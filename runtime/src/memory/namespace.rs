//! Whose a memory is: a path such as `acme/ada/agent-1`. What is asked in one namespace never shows anything of another.

use std::fmt;
use std::str::FromStr;

use super::Error;

/// The most parts of a path, and the longest part.
const PARTS: usize = 8;
const LONGEST: usize = 64;

/// Parts of letters, digits, `-`, `_`, `.`, `@` and `:`, separated by slashes. What holds for a path holds for all below it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace(Box<str>);

impl Namespace {
    /// The namespace of this path.
    ///
    /// # Errors
    /// When it is empty, too deep, or a part of it is empty, too long or has other characters.
    pub fn new(path: impl Into<String>) -> Result<Self, Error> {
        let path = path.into();
        let invalid = |reason: String| Err(Error::invalid("namespace", format!("{path:?}: {reason}")));
        if path.split('/').count() > PARTS {
            return invalid(format!("more than {PARTS} parts"));
        }
        for part in path.split('/') {
            if part.is_empty() || part == "." || part == ".." {
                return invalid("a part has no name".to_owned());
            }
            if part.len() > LONGEST {
                return invalid(format!("a part is longer than {LONGEST} bytes"));
            }
            let is_plain = |c: char| c.is_alphanumeric() || "-_.@:".contains(c);
            if let Some(other) = part.chars().find(|c| !is_plain(*c)) {
                return invalid(format!("{other:?} may not stand in it"));
            }
        }
        Ok(Self(path.into_boxed_str()))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this one, or below it.
    pub fn contains(&self, other: &Self) -> bool {
        let rest = other.0.strip_prefix(&*self.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// One below this.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn below(&self, part: &str) -> Result<Self, Error> {
        Self::new(format!("{self}/{part}"))
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Namespace {
    type Err = Error;

    fn from_str(path: &str) -> Result<Self, Error> {
        Self::new(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_holds_what_is_below_it() {
        let of = |path: &str| Namespace::new(path).unwrap();
        let (a, ab, ax) = (of("acme"), of("acme/b"), of("acmex"));
        assert!(a.contains(&a) && a.contains(&ab) && !a.contains(&ax) && !ab.contains(&a));
        assert_eq!(a.below("b").unwrap(), ab);
        for wrong in
            ["", "/", "a/", "/a", "a//b", "a b", "a/../b", "a\0", "%", &"x".repeat(65), "a/a/a/a/a/a/a/a/a"]
        {
            assert!(Namespace::new(wrong).is_err(), "{wrong:?}");
        }
        assert!(Namespace::new("Zoë/日本/me@x.org:1").is_ok());
    }
}
