//! Where repositories are and where they are kept, as the usual tools read it from the environment.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::secret::Secret;

/// The folder of the usual tools among the caches of a user.
const HOME: &str = "huggingface";
/// The longest token that is read from a file.
const LONGEST_TOKEN: u64 = 4096;

/// Where repositories are, and where their files are kept.
#[derive(Debug, Clone, Default)]
pub struct Hub {
    /// The address of the server. Without one, only what is in the cache is found.
    pub endpoint: Option<String>,
    /// The cache folder.
    pub cache: PathBuf,
    /// The token to send to the server, to it alone.
    pub token: Option<Secret>,
    /// Ask nobody; what is in the cache has to do.
    pub offline: bool,
}

impl Hub {
    /// As the environment says: `HF_ENDPOINT`; `HF_HUB_CACHE`, or `hub` below `HF_HOME`, or the user's cache folder;
    /// `HF_TOKEN`, or the file at `HF_TOKEN_PATH` or below `HF_HOME`; `HF_HUB_OFFLINE`.
    pub fn from_environment() -> Self {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// The same with other variables than those of this process.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).and_then(|value| value.into_string().ok());
        let user = set("HOME").or_else(|| set("USERPROFILE")).map(PathBuf::from).unwrap_or_default();
        let path = |name: &str| set(name).map(|value| expanded(Path::new(&value), &user));
        let is = |name: &str| text(name).is_some_and(|value| is_true(&value));
        let caches = path("XDG_CACHE_HOME").unwrap_or_else(|| user.join(".cache"));
        let home = path("HF_HOME").unwrap_or_else(|| caches.join(HOME));
        let cache = path("HF_HUB_CACHE").or_else(|| path("HUGGINGFACE_HUB_CACHE"));
        let stored = path("HF_TOKEN_PATH").unwrap_or_else(|| home.join("token"));
        let given = text("HF_TOKEN").or_else(|| text("HUGGING_FACE_HUB_TOKEN")).map(Secret::from);
        let token = given.or_else(|| read_token(&stored)).filter(|_| !is("HF_HUB_DISABLE_IMPLICIT_TOKEN"));
        Self {
            endpoint: text("HF_ENDPOINT"),
            cache: cache.unwrap_or_else(|| home.join("hub")),
            token: token.and_then(|token| trimmed(&token)),
            offline: if set("HF_HUB_OFFLINE").is_some() {
                is("HF_HUB_OFFLINE")
            } else {
                is("TRANSFORMERS_OFFLINE")
            },
        }
    }
}

/// A path with the user's folder in place of `~`.
fn expanded(path: &Path, user: &Path) -> PathBuf {
    path.strip_prefix("~").map_or_else(|_| path.to_owned(), |rest| user.join(rest))
}

fn is_true(value: &str) -> bool {
    ["1", "ON", "YES", "TRUE"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

fn read_token(path: &Path) -> Option<Secret> {
    let mut text = zeroize::Zeroizing::new(String::new());
    File::open(path).ok()?.take(LONGEST_TOKEN).read_to_string(&mut text).ok()?;
    Some(Secret::from(text.as_str()))
}

fn trimmed(token: &Secret) -> Option<Secret> {
    let text = token.expose().trim();
    (!text.is_empty()).then(|| Secret::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(variables: &[(&str, &str)]) -> Hub {
        Hub::from_variables(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn the_cache_is_where_the_usual_tools_look() {
        let cache = |variables: &[(&str, &str)]| hub(variables).cache;
        let user = ("HOME", "/home/ada");
        assert_eq!(cache(&[user]), Path::new("/home/ada/.cache").join(HOME).join("hub"));
        assert_eq!(cache(&[user, ("XDG_CACHE_HOME", "/c")]), Path::new("/c").join(HOME).join("hub"));
        assert_eq!(cache(&[user, ("HF_HOME", "~/h")]), Path::new("/home/ada/h/hub"));
        assert_eq!(cache(&[user, ("HF_HOME", "/h"), ("HF_HUB_CACHE", "/x")]), Path::new("/x"));
        assert_eq!(cache(&[user, ("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", "/y")]), Path::new("/y"));
    }

    #[test]
    fn being_offline_is_said_in_the_usual_words() {
        for (value, offline) in
            [("1", true), ("true", true), ("Yes", true), ("on", true), ("0", false), ("", false)]
        {
            assert_eq!(hub(&[("HF_HUB_OFFLINE", value)]).offline, offline, "{value}");
        }
        assert!(hub(&[("TRANSFORMERS_OFFLINE", "1")]).offline);
        assert!(!hub(&[("TRANSFORMERS_OFFLINE", "1"), ("HF_HUB_OFFLINE", "0")]).offline);
    }

    #[test]
    fn a_token_is_given_or_kept_in_a_file() {
        let token = |variables: &[(&str, &str)]| hub(variables).token.map(|token| token.expose().to_owned());
        assert_eq!(token(&[("HF_TOKEN", " t \n")]).as_deref(), Some("t"));
        assert_eq!(token(&[("HF_TOKEN", "t"), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]), None);
        assert_eq!(token(&[("HF_TOKEN_PATH", "/nowhere/token")]), None);
        let path = std::env::temp_dir().join(format!("typewright-token-{}", std::process::id()));
        std::fs::write(&path, "kept\n").unwrap();
        assert_eq!(token(&[("HF_TOKEN_PATH", path.to_str().unwrap())]).as_deref(), Some("kept"));
        std::fs::remove_file(path).unwrap();
    }
}
