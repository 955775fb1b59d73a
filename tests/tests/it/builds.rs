//! Every generated crate as its users meet it: clippy and rustdoc find nothing, the umbrella builds with each of its
//! features alone, and what would be published is whole.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::built::cargo;
use crate::folder::root;
use crate::quality;

fn succeed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// `command`, and `--package` for every generated crate.
fn generated<'a>(command: &'a str, names: &'a [String]) -> Vec<&'a str> {
    let packages = names.iter().flat_map(|name| ["--package", name.as_str()]);
    [command, "--locked"].into_iter().chain(packages).collect()
}

fn crates() -> Vec<String> {
    let name = |folder: &String| match folder.trim_start_matches("generated/") {
        "typewright" => "typewright".to_owned(),
        provider => format!("typewright-{provider}"),
    };
    quality::generated().iter().map(name).collect()
}

/// Every package of the workspace, as cargo tells of it.
fn packages() -> Vec<Value> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--offline", "--locked", "--no-deps", "--format-version", "1"]);
    let text = succeed(&command.current_dir(root()).output().unwrap());
    let metadata: Value = serde_json::from_str(&text).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// The features of the umbrella, `default` and `all` left out; and those that run models in the process, which the tests
/// of these build.
fn features() -> Vec<String> {
    let packages = packages();
    let umbrella = packages.iter().find(|package| package["name"] == "typewright").unwrap();
    let runs_models = |parts: &Value| {
        let parts = parts.as_array().unwrap().iter().map(|part| part.as_str().unwrap());
        parts.into_iter().any(|part| part.contains("/") && !part.starts_with("typewright-runtime/"))
    };
    let features = umbrella["features"].as_object().unwrap().iter();
    let light = features.filter(|(_, parts)| !runs_models(parts)).map(|(name, _)| name);
    light.filter(|name| !matches!(name.as_str(), "default" | "all")).cloned().collect()
}

#[test]
fn clippy_finds_nothing_in_generated_crates() {
    let crates = crates();
    let mut arguments = generated("clippy", &crates);
    arguments.extend(["--all-targets", "--features", "typewright/all"]);
    succeed(&cargo(&root(), &arguments));
}

#[test]
fn rustdoc_finds_nothing_in_generated_crates() {
    let crates = crates();
    let mut arguments = generated("doc", &crates);
    arguments.extend(["--no-deps", "--features", "typewright/all"]);
    succeed(&cargo(&root(), &arguments));
}

#[test]
fn each_feature_of_the_umbrella_builds_alone() {
    let features = features();
    assert!(features.len() >= 10, "{features:?}");
    // None at all is the catalog without a client.
    for feature in features.iter().map(String::as_str).chain([""]) {
        let arguments =
            ["check", "--locked", "--package", "typewright", "--no-default-features", "--features", feature];
        let output = cargo(&root(), &arguments);
        assert!(output.status.success(), "{feature}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_would_be_published_is_whole() {
    let arguments = [
        "package",
        "--locked",
        "--workspace",
        "--exclude",
        "typewright-tests",
        "--allow-dirty",
        "--no-verify",
    ];
    // Fails if a manifest lacks what a registry asks for, or names a package of this repository without its version.
    succeed(&cargo(&root(), &arguments));
    let mut published = 0;
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        if package["publish"].as_array().is_some_and(Vec::is_empty) {
            assert_eq!(name, "typewright-tests");
            continue;
        }
        published += 1;
        for key in ["description", "license"] {
            assert!(package[key].as_str().is_some_and(|text| !text.is_empty()), "{name} has no {key}");
        }
        let files = succeed(&cargo(&root(), &["package", "--allow-dirty", "--list", "--package", name]));
        let files: BTreeSet<String> = files.lines().map(|path| path.replace('\\', "/")).collect();
        let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap();
        let missing = included(folder, &files);
        assert!(missing.is_empty(), "{name} includes {missing:?}, which is not packaged");
    }
    assert_eq!(published, crates().len() + 3, "beside the generated crates: compiler, runtime, templates");
}

/// Files that sources take in and that the package lacks.
fn included(folder: &Path, files: &BTreeSet<String>) -> Vec<String> {
    let mut missing = Vec::new();
    for path in files.iter().filter(|path| path.ends_with(".rs")) {
        let text = std::fs::read_to_string(folder.join(path)).unwrap();
        let taken = ["include_str!(\"", "include_bytes!(\"", "include!(\""]
            .map(|name| text.split(name).skip(1).collect::<Vec<_>>());
        for rest in taken.into_iter().flatten() {
            let (Some(target), Some(parent)) = (rest.split('"').next(), Path::new(path).parent()) else {
                continue;
            };
            let whole = plain(&parent.join(target));
            if !files.contains(&whole) {
                missing.push(format!("{path}: {target}"));
            }
        }
    }
    missing
}

/// A path without `..`; one that leaves the package keeps them.
fn plain(path: &Path) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.iter().filter_map(|part| part.to_str()) {
        match part {
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
