//! Outside of this repository: a folder of provider files becomes a folder of crates that build.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::folder::{Folder, root};

/// The smallest provider file, exactly as the format's documentation has it.
const SMALLEST: &str = include_str!("minimal/openai.yaml");

#[test]
fn the_smallest_provider_file_becomes_a_crate_that_builds_elsewhere() {
    let folder = Folder::new("outside");
    folder.write("providers/openai.yaml", SMALLEST);
    folder.generate();
    folder.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"generated/*\"]\n");
    // The versions that this repository was tested with, so that nothing has to be downloaded.
    fs::copy(root().join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
    let manifest = folder.read("generated/openai/Cargo.toml");
    assert!(manifest.contains("typewright-runtime = { version = "), "{manifest}");
    let output = Command::new(env!("CARGO"))
        .args(["check", "--workspace", "--all-features", "--examples", "--offline", "--quiet"])
        .arg("--target-dir")
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("outside"))
        .env("RUSTFLAGS", "-D warnings")
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
