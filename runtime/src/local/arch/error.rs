//! What can be wrong with the description of a model. Every error says where: a key of the configuration, or tensors.

/// Why no model can be built from a description.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The architecture is none of the table.
    #[error("architecture `{name}` is not known; known are {known}")]
    Unknown {
        /// The identifier, as it stands in the file.
        name: String,
        /// All identifiers of this kind of file.
        known: String,
    },
    /// A key that has no default is not there.
    #[error("`{key}` is missing")]
    Missing {
        /// The key, or the keys that would do.
        key: String,
    },
    /// A value is of the wrong type, out of range, or contradicts another.
    #[error("`{key}` is {value}: {reason}")]
    Invalid {
        /// The key.
        key: String,
        /// What stands there.
        value: String,
        /// What should.
        reason: String,
    },
    /// A setting that is sound but that the forward pass does not have.
    #[error("`{key}` is {value}, which cannot be run; known are {known}")]
    Unsupported {
        /// The key.
        key: String,
        /// What stands there.
        value: String,
        /// What could.
        known: String,
    },
    /// The tensors of the files are not those of the architecture. All that is wrong, at once.
    #[error(
        "tensors do not fit the architecture{}{}{}",
        list("; missing", missing),
        list("; unexpected", unexpected),
        list("; of another shape", misshapen)
    )]
    Tensors {
        /// Names that the architecture has and the files have not.
        missing: Vec<String>,
        /// Names that the files have and the architecture has not.
        unexpected: Vec<String>,
        /// `name is [a, b], not [c, d]`.
        misshapen: Vec<String>,
    },
}

/// How many names an error spells out of each kind.
const SPELT: usize = 12;

fn list(title: &str, names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let more = names.len().saturating_sub(SPELT);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown = names.iter().take(SPELT).map(String::as_str).collect::<Vec<_>>().join(", ");
    format!("{title} ({}): {shown}{tail}", names.len())
}
