//! What a model is called, and what kind of name that is. Whether it is there is not looked at.

use std::path::{Path, PathBuf};

use super::error::Error;
use crate::client::ProviderWire;
use crate::model::{Model, ModelFiles};

/// What a name means.
#[derive(Debug, PartialEq)]
pub(super) enum Name {
    /// A file or folder.
    Path(PathBuf),
    /// A model of the catalog.
    Listed(&'static Model, &'static ModelFiles),
    /// A repository of the hub, and perhaps a file of it.
    Repository { id: String, revision: String, file: Option<String> },
    /// A word that no catalog knows.
    Word(String),
}

impl Name {
    /// Reads `name`.
    pub(super) fn read(name: &str, wire: &ProviderWire) -> Self {
        if is_path(name) {
            return Self::Path(PathBuf::from(name));
        }
        if let Some(rest) = name.strip_prefix("hub:") {
            return repository(rest);
        }
        let by_id = wire.catalog.iter().find(|model| model.id == name);
        let found = by_id.or_else(|| wire.catalog.iter().find(|model| model.answers_to(name)));
        match found.and_then(|model| Some((*model, model.files?))) {
            Some((model, files)) => Self::Listed(model, files),
            None => Self::Word(name.to_owned()),
        }
    }
}

/// The refusal of a word, with the name of the catalog that is most like it.
pub(super) fn unknown(name: &str, wire: &ProviderWire) -> Error {
    let likeness = |known: &str| {
        let same = |(a, b): &(char, char)| a.eq_ignore_ascii_case(b);
        known.chars().zip(name.chars()).take_while(same).count()
    };
    let nearest = wire.catalog.iter().map(|model| model.id).max_by_key(|known| likeness(known));
    let nearest = nearest.filter(|known| likeness(known) >= 4);
    Error::Unknown { name: name.to_owned(), nearest }
}

/// Whether a name says where a file is: from the root, from here, or from a folder above.
fn is_path(name: &str) -> bool {
    let dots = [".", ".."].iter().any(|dots| {
        name.strip_prefix(dots).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '\\']))
    });
    dots || name.starts_with(['/', '~']) || Path::new(name).is_absolute()
}

fn repository(rest: &str) -> Name {
    let (id, file) = match rest.split_once(':') {
        Some((id, file)) => (id, Some(file.to_owned()).filter(|file| !file.is_empty())),
        None => (rest, None),
    };
    let (id, revision) = id.split_once('@').unwrap_or((id, "main"));
    Name::Repository { id: id.to_owned(), revision: revision.to_owned(), file }
}

/// All parts of a model whose first part is `file`, or `file` alone.
pub(super) fn parts(file: &str) -> Vec<String> {
    let split = || {
        let (stem, count) = file.strip_suffix(".gguf")?.rsplit_once("-of-")?;
        let (stem, first) = stem.rsplit_once('-')?;
        let count: u32 = count.parse().ok().filter(|parts| (2..=999).contains(parts))?;
        let names = (1..=count).map(|part| format!("{stem}-{part:05}-of-{count:05}.gguf"));
        (first == "00001").then(|| names.collect())
    };
    split().unwrap_or_else(|| vec![file.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::AuthScheme;
    use crate::model::ModelFile;

    static FILES: ModelFiles = ModelFiles {
        repository: "owner/tiny",
        revision: "main",
        files: &[ModelFile::new("tiny.gguf")],
        licence: None,
    };
    static TINY: Model = Model { files: Some(&FILES), aliases: &["small"], ..Model::new("acme", "tiny-1") };
    static WIRE: ProviderWire = ProviderWire {
        name: "acme",
        base_url: "",
        base_url_env: None,
        auth: AuthScheme::None,
        headers: &[],
        chat: None,
        embed: None,
        models: None,
        count: None,
        catalog: &[&TINY],
    };

    #[test]
    fn paths_words_and_repositories_are_told_apart() {
        for path in ["/m.gguf", "./m.gguf", "../m", ".", "~/m.gguf"] {
            assert_eq!(Name::read(path, &WIRE), Name::Path(path.into()));
        }
        for name in ["tiny-1", "small"] {
            assert_eq!(Name::read(name, &WIRE), Name::Listed(&TINY, &FILES));
        }
        for word in ["other", ".hidden", "a/b"] {
            assert_eq!(Name::read(word, &WIRE), Name::Word(word.to_owned()));
        }
        let of = |id: &str, revision: &str, file: Option<&str>| Name::Repository {
            id: id.to_owned(),
            revision: revision.to_owned(),
            file: file.map(str::to_owned),
        };
        assert_eq!(Name::read("hub:a/b", &WIRE), of("a/b", "main", None));
        assert_eq!(Name::read("hub:a/b@v1:x.gguf", &WIRE), of("a/b", "v1", Some("x.gguf")));
    }

    #[test]
    fn a_name_that_is_nearly_right_is_meant() {
        assert!(unknown("tiny-2", &WIRE).to_string().contains("did you mean `tiny-1`?"));
        assert!(!unknown("large", &WIRE).to_string().contains("did you mean"));
    }

    #[test]
    fn a_model_in_parts_is_all_of_them() {
        assert_eq!(parts("m-00001-of-00003.gguf").len(), 3);
        assert_eq!(parts("d/m-00001-of-00002.gguf")[1], "d/m-00002-of-00002.gguf");
        for one in ["m.gguf", "m-00002-of-00003.gguf", "m-00001-of-99999999.gguf", "m-00001-of-00001.gguf"] {
            assert_eq!(parts(one), [one]);
        }
    }
}
