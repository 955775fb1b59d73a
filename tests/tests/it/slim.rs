//! What is not depended on: the command line has no HTTP stack, a generated crate nothing but the runtime.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::folder::root;

/// The packages that cargo resolves for the workspace of `manifest`, on this platform.
fn resolved(manifest: &Path) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--workspace", "--edges", "normal,build", "--prefix", "none"])
        .args(["--format", "{p}", "--manifest-path"])
        .arg(manifest)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_command_line_has_no_http_stack() {
    let packages = resolved(&root().join("xtask/Cargo.toml"));
    assert!(packages.contains("typewright-codegen"), "{packages:?}");
    for heavy in ["reqwest", "hyper", "rustls", "tokio", "typewright-runtime", "ring", "h2"] {
        assert!(!packages.contains(heavy), "{heavy}");
    }
    // The lock file covers the other platforms as well.
    let lock = fs::read_to_string(root().join("xtask/Cargo.lock")).unwrap();
    for heavy in ["reqwest", "hyper", "rustls", "tokio"] {
        assert!(!lock.contains(&format!("name = \"{heavy}\"")), "{heavy}");
    }
}

#[test]
fn a_generated_crate_depends_on_the_runtime_alone() {
    for entry in fs::read_dir(root().join("generated")).unwrap() {
        let manifest = entry.unwrap().path().join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&manifest) else { continue };
        let dependencies = text.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
        let own = |line: &&str| line.contains('=') && !line.starts_with("typewright-");
        assert_eq!(
            dependencies.lines().filter(own).collect::<Vec<_>>(),
            Vec::<&str>::new(),
            "{}",
            manifest.display()
        );
        assert!(!text.contains("workspace = true"), "{} inherits", manifest.display());
    }
}
