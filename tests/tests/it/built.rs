//! Crates that are generated, built and run outside of this repository, one workspace for all of them.
//!
//! Every provider file of this folder's tests is compiled in one run into a temporary folder, beside programs that
//! use what came of it. The folder and its build outlive the run, so that a second one builds what changed alone; a
//! file lock keeps two runs apart. Programs are built when a test first asks for one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use typewright_codegen::compiler::{Compiler, Runtime};
use typewright_codegen::diagnostic::{self, Color};

use crate::folder::root;
use crate::typed;

/// The provider files.
const PROVIDERS: &[(&str, &str)] = &[
    ("kestrel", include_str!("invented/kestrel.yaml")),
    ("magpie", include_str!("small/magpie.yaml")),
    ("openai", include_str!("minimal/openai.yaml")),
    ("obstacles", include_str!("obstacles/obstacles.yaml")),
    ("quail", include_str!("typed/quail.yaml")),
];

/// The programs that use them.
const PROGRAMS: &[(&str, &str)] = &[
    ("invented", include_str!("built/invented.rs")),
    ("small", include_str!("built/small.rs")),
    ("names", include_str!("built/names.rs")),
];

/// The folder, and the lock that is held as long as the tests run.
struct Workspace {
    folder: PathBuf,
    _lock: File,
}

/// The folder of the workspace.
pub(crate) fn folder() -> &'static Path {
    &workspace().folder
}

/// The text of a generated file, by its path below the folder of generated crates.
pub(crate) fn generated(path: &str) -> String {
    fs::read_to_string(workspace().folder.join("generated").join(path)).unwrap()
}

/// A program that uses generated crates, ready to be run.
pub(crate) fn program(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let output = cargo(&workspace().folder, &["build", "--package", "programs", "--bins"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
    target().join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Runs cargo in `folder` as all tests of this binary do that build something: offline, warnings refused, and with
/// one target folder, so that what several of them need is built once.
pub(crate) fn cargo(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO"));
    let (first, rest) = arguments.split_first().unwrap();
    command.arg(first).args(["--offline", "--quiet", "--target-dir"]).arg(target());
    // Without optimised dependencies: these programs do next to nothing.
    command.args([
        "--config",
        "profile.dev.debug=false",
        "--config",
        "profile.dev.package.\"*\".opt-level=0",
    ]);
    command.args(rest).current_dir(folder);
    command.env("RUSTFLAGS", "-D warnings").env("RUSTDOCFLAGS", "-D warnings");
    command.env_remove("CARGO_TARGET_DIR").output().unwrap()
}

/// Where such builds go: inside the target folder of this repository.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("built")
}

/// The generated workspace, made when it is first asked for.
fn workspace() -> &'static Workspace {
    static WORKSPACE: OnceLock<Workspace> = OnceLock::new();
    WORKSPACE.get_or_init(|| {
        fs::create_dir_all(target()).unwrap();
        let lock = File::create(target().join("tests.lock")).unwrap();
        lock.lock().unwrap();
        let folder = std::env::temp_dir().join(format!("typewright-built-{}", mark()));
        write(&folder);
        generate(&folder);
        Workspace { folder, _lock: lock }
    })
}

/// A short word for this checkout, so that two of them do not share a folder.
fn mark() -> String {
    let sum = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let path = root().into_os_string().into_encoded_bytes();
    format!("{:x}", path.iter().fold(0xcbf2_9ce4_8422_2325, sum))
}

fn write(folder: &Path) {
    drop(fs::remove_dir_all(folder.join("providers")));
    for (name, text) in PROVIDERS {
        put(&folder.join(format!("providers/{name}.yaml")), text);
    }
    put(
        &folder.join("Cargo.toml"),
        "[workspace]\nresolver = \"3\"\nmembers = [\"generated/*\", \"programs\", \"refused\"]\n",
    );
    let programs = PROGRAMS.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    package(folder, "programs", programs.collect());
    package(folder, "refused", typed::programs());
    // The versions that this repository was tested with, so that nothing has to be downloaded.
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    put(&folder.join("Cargo.lock"), &lock);
}

/// Writes what differs alone: cargo goes by the time of a file.
fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return;
    }
    fs::write(path, text).unwrap();
}

/// A package of programs that may use every generated crate.
fn package(folder: &Path, name: &str, programs: Vec<(String, String)>) {
    let mut manifest =
        format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n");
    for (name, _) in PROVIDERS {
        manifest.push_str(&format!("typewright-{name} = {{ path = \"../generated/{name}\" }}\n"));
    }
    manifest.push_str(
        "tokio = { version = \"1\", default-features = false, features = [\"net\", \"rt\", \"time\"] }\n",
    );
    put(&folder.join(name).join("Cargo.toml"), &manifest);
    let bins = folder.join(name).join("src/bin");
    fs::create_dir_all(&bins).unwrap();
    let wanted = |path: &Path| {
        programs.iter().any(|(name, _)| path.file_stem().is_some_and(|stem| stem == name.as_str()))
    };
    let there = fs::read_dir(&bins).unwrap().map(|entry| entry.unwrap().path());
    there.filter(|path| !wanted(path)).for_each(|path| fs::remove_file(path).unwrap());
    for (name, text) in &programs {
        put(&bins.join(format!("{name}.rs")), text);
    }
}

fn generate(folder: &Path) {
    let compiler = Compiler::new()
        .providers(folder.join("providers"))
        .dialects(root().join("providers/dialects"))
        .out(folder.join("generated"))
        .runtime(Runtime::Path(root().join("runtime")));
    let compilation = compiler.compile().unwrap();
    let shown = diagnostic::render(&compilation.sources, &compilation.diagnostics, Color::Never);
    assert!(compilation.diagnostics.is_empty(), "{shown}");
    compiler.commit(&compiler.plan(&compilation, true).unwrap()).unwrap();
}
