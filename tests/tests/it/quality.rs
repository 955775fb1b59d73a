//! What the sources of every room hold to: no provider in the code, no panics, small files that say what they are
//! for, few dependencies under known licences.

mod dependencies;
mod panics;
mod sources;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use crate::folder::root;

/// A Rust source: its path from the top of the repository, and its text.
struct Source {
    path: String,
    text: String,
}

/// Every Rust source below these folders.
fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        let before = found.len();
        walk(&root().join(folder), &mut found);
        assert!(found.len() > before, "nothing in {folder}");
    }
    found
}

fn walk(folder: &Path, found: &mut Vec<Source>) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && !path.ends_with("target") {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let short = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            found.push(Source { path: short, text: fs::read_to_string(&path).unwrap() });
        }
    }
}

/// The folders of generated crates, from the top of the repository.
pub(crate) fn generated() -> Vec<String> {
    let entries = fs::read_dir(root().join("generated")).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| format!("generated/{}", entry.file_name().to_string_lossy()))
        .collect();
    names.sort();
    assert!(names.len() >= 9, "{names:?}");
    names
}
