//! What is depended on: how much, under which licences, and through which features.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::generated;
use crate::folder::root;

/// The most packages that a user of one provider compiles.
const PACKAGES: usize = 90;

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).args(["--locked"]).current_dir(root()).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The platform of this machine: the packages of others may not be at hand.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

/// The licences that `deny.toml` allows.
fn allowed() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("deny.toml")).unwrap();
    let list = text.split("[licenses]").nth(1).unwrap().split(']').next().unwrap().to_owned();
    let quoted: BTreeSet<String> = list.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(quoted.contains("MIT") && quoted.len() < 20, "{quoted:?}");
    quoted
}

/// Whether an expression such as `(MIT OR Apache-2.0) AND ISC` can be met. Old ones have `/` for `OR`.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    any(&mut words, allowed) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut met = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words, allowed);
    }
    met
}

fn all(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    match words.next() {
        Some("(") => {
            let met = any(words, allowed);
            words.next_if_eq(&")").is_some() && met
        }
        Some(licence) => match words.next_if_eq(&"WITH") {
            Some(_) => {
                words.next().is_some_and(|exception| allowed.contains(&format!("{licence} WITH {exception}")))
            }
            None => allowed.contains(licence),
        },
        None => false,
    }
}

#[test]
fn licences_are_those_that_are_allowed() {
    let (allowed, host) = (allowed(), host());
    let mut wrong = BTreeMap::new();
    for manifest in ["Cargo.toml", "xtask/Cargo.toml"] {
        let asked =
            ["metadata", "--format-version", "1", "--filter-platform", &host, "--manifest-path", manifest];
        let metadata: Value = serde_json::from_str(&cargo(&asked)).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        assert!(packages.len() > 20, "{manifest}");
        for package in packages {
            let licence = package["license"].as_str().unwrap_or("none");
            if !is_met(licence, &allowed) {
                wrong.insert(package["name"].to_string(), licence.to_owned());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn licence_expressions_are_understood() {
    let allowed: BTreeSet<String> = ["MIT", "ISC"].map(str::to_owned).into();
    for met in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "(GPL-3.0 OR MIT) AND ISC",
        "MIT AND ISC",
        "GPL-3.0 WITH x OR ISC",
    ] {
        assert!(is_met(met, &allowed), "{met}");
    }
    for unmet in ["", "GPL-3.0", "MIT AND GPL-3.0", "MIT WITH x", "(MIT OR GPL-3.0) AND GPL-3.0", "MIT MIT"] {
        assert!(!is_met(unmet, &allowed), "{unmet}");
    }
}

#[test]
fn a_provider_crate_is_few_packages() {
    for folder in generated().iter().filter(|folder| !folder.ends_with("/typewright")) {
        let name = format!("typewright-{}", folder.trim_start_matches("generated/"));
        let tree = cargo(&[
            "tree",
            "--package",
            &name,
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ]);
        let packages: BTreeSet<&str> =
            tree.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.is_empty()).collect();
        assert!(packages.len() <= PACKAGES, "{name}: {} packages", packages.len());
        assert!(packages.iter().any(|package| package.starts_with("typewright-runtime ")), "{packages:?}");
    }
}

#[test]
fn heavy_features_are_off_unless_asked_for() {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--format-version", "1", "--no-deps"])).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let features =
        |package: &Value| package["features"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let runtime = packages.iter().find(|package| package["name"] == "typewright-runtime").unwrap();
    let known = [
        "candle",
        "constrain",
        "cuda",
        "default",
        "download",
        "memory",
        "metal",
        "native-roots",
        "postgres",
        "progress",
        "schemars",
    ];
    assert_eq!(features(runtime), known);
    for package in packages {
        let name = package["name"].as_str().unwrap();
        assert!(
            package["features"]["default"].as_array().is_none_or(Vec::is_empty),
            "{name} has default features"
        );
        for dependency in package["dependencies"].as_array().unwrap() {
            let asked = dependency["features"].as_array().unwrap();
            let heavy = dependency["name"] == "typewright-runtime" && !asked.is_empty();
            assert!(!heavy, "{name} turns on {asked:?} of the runtime");
        }
    }
}

#[test]
fn a_generated_manifest_names_the_runtime_and_nothing_else() {
    for folder in generated().iter().filter(|folder| !folder.ends_with("/typewright")) {
        let manifest = format!("{folder}/Cargo.toml");
        let metadata: Value = serde_json::from_str(&cargo(&[
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--manifest-path",
            &manifest,
        ]))
        .unwrap();
        let name = folder.trim_start_matches("generated/");
        let package = metadata["packages"]
            .as_array()
            .unwrap()
            .iter()
            .find(|package| package["name"] == format!("typewright-{name}"))
            .unwrap();
        let dependencies: Vec<_> = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap())
            .collect();
        assert_eq!(dependencies, ["typewright-runtime"], "{manifest}");
        assert_eq!(package["license"], "MIT OR Apache-2.0");
    }
}
