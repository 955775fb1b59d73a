//! A run after others makes what a run on its own makes, to the byte, whatever happened in between; and it makes no
//! more than it has to.

mod edits;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use typewright_codegen::compiler::{Compiler, Error, Runtime, Unchanged};
use typewright_codegen::emit::templates;
use typewright_codegen::write::{Mode, Report};

use crate::folder::{Folder, root};
use crate::fuzz::Numbers;

/// Longer than changes take to show in the stamp of a file for certain.
const SETTLED: Duration = Duration::from_millis(2_100);

/// How many times something happens and is compared.
const STEPS: usize = 80;

/// A folder with two providers on one dialect, one with a wire of its own, the base templates and a README.
fn tree(name: &str) -> Folder {
    let folder = Folder::new(name);
    let dialect = fs::read_to_string(root().join("providers/dialects/ollama-chat.yaml")).unwrap();
    folder.write("providers/dialects/ollama-chat.yaml", &dialect);
    for name in ["acme", "bolt"] {
        folder.write(&format!("providers/{name}.yaml"), &edits::provider(name));
    }
    folder.write("providers/kestrel.yaml", include_str!("invented/kestrel.yaml"));
    for (name, text) in templates::embedded() {
        folder.write(&format!("templates/{name}"), text);
    }
    folder.write("README.md", "# All\n\n<!-- providers -->\n<!-- /providers -->\n");
    folder
}

fn compiler(folder: &Folder, out: &str, readme: &str) -> Compiler {
    Compiler::new()
        .providers(folder.path().join("providers"))
        .templates(folder.path().join("templates"))
        .out(folder.path().join(out))
        .readme(folder.path().join(readme))
        .runtime(Runtime::Version("0.1".to_owned()))
}

fn cached(folder: &Folder) -> Compiler {
    compiler(folder, "generated", "README.md").cache(folder.path().join("target"))
}

/// What a run did.
#[derive(Debug, PartialEq)]
enum Ended {
    Unchanged(Unchanged),
    /// What was written, and which files were made for that.
    Ran(Report, Vec<String>),
    Diagnostics(Vec<&'static str>),
}

/// A run as `cargo xtask gen --force` makes it.
fn run(compiler: &Compiler) -> Ended {
    let mut run = compiler.begin(Mode::Write).unwrap();
    if let Some(unchanged) = run.unchanged() {
        return Ended::Unchanged(unchanged);
    }
    let compilation = run.compile().unwrap();
    if compilation.has_errors() {
        return Ended::Diagnostics(compilation.diagnostics.iter().map(|one| one.code).collect());
    }
    let drift = run.plan(&compilation, true).unwrap();
    let report = run.commit(&compilation, &drift).unwrap();
    Ended::Ran(report, compilation.outputs.iter().map(|output| output.path.clone()).collect())
}

/// Every file below a folder, but for the lock.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap() != ".lock" {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Runs with the cache and without, into two folders, and compares them.
fn compare(folder: &Folder, what: &str) -> Ended {
    fs::copy(folder.path().join("README.md"), folder.path().join("COLD.md")).unwrap();
    let warm = run(&cached(folder));
    let cold = run(&compiler(folder, "cold", "COLD.md"));
    if let Ended::Diagnostics(codes) = &warm {
        assert_eq!(cold, Ended::Diagnostics(codes.clone()), "{what}");
        return warm;
    }
    let (left, right) = (files(&folder.path().join("generated")), files(&folder.path().join("cold")));
    let differ: Vec<&String> =
        left.keys().chain(right.keys()).filter(|path| left.get(*path) != right.get(*path)).collect();
    assert!(differ.is_empty(), "{what}: {warm:?}, then {differ:?} differ");
    assert!(folder.read("README.md") == folder.read("COLD.md"), "{what}: the README differs");
    warm
}

#[test]
fn any_sequence_of_edits_ends_where_a_cold_run_ends() {
    let seed = std::env::var("TYPEWRIGHT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121);
    let mut numbers = Numbers(seed);
    let folder = tree("sequences");
    compare(&folder, "the first run");
    let (mut log, mut unchanged, mut partial, mut broken) = (Vec::new(), 0, 0, false);
    for step in 0..STEPS {
        if step % 9 == 8 {
            std::thread::sleep(SETTLED);
        }
        for _ in 0..=numbers.below(2) {
            log.push(edits::random(&folder, &mut numbers, broken));
        }
        let recent = &log[log.len().saturating_sub(6)..];
        let ended = compare(&folder, &format!("seed {seed}, step {step}, after {recent:?}"));
        broken = matches!(ended, Ended::Diagnostics(_));
        unchanged += usize::from(matches!(ended, Ended::Unchanged(_)));
        partial += usize::from(matches!(ended, Ended::Ran(_, made) if made.len() < 10));
    }
    assert!(unchanged > 0 && partial > STEPS / 8, "{unchanged} without work, {partial} with some");
}

#[test]
fn each_edit_makes_no_more_than_shows_it() {
    let folder = tree("least");
    run(&cached(&folder));
    assert!(matches!(run(&cached(&folder)), Ended::Unchanged(Unchanged { providers: 3, .. })));
    let made = |edit: &dyn Fn()| {
        edit();
        match run(&cached(&folder)) {
            Ended::Ran(_, made) => made,
            other => panic!("{other:?}"),
        }
    };
    let replace = |path: &str, from: &str, to: &str| {
        let text = folder.read(path);
        assert!(text.contains(from), "{path}: {from}");
        folder.write(path, &text.replacen(from, to, 1));
    };
    // A price shows where models are described, and nowhere else.
    let price = made(&|| replace("providers/acme.yaml", "input_price: 1\n", "input_price: 12.25\n"));
    assert_eq!(price, ["acme/src/models.rs", "typewright/src/catalog/acme.rs"]);
    let comment = made(&|| replace("providers/acme.yaml", "name: acme", "# A comment.\nname: acme"));
    assert_eq!(comment, Vec::<String>::new());
    let template = made(&|| replace("templates/crate/Cargo.toml.j2", "[package]", "# A comment.\n[package]"));
    assert_eq!(template, ["acme/Cargo.toml", "bolt/Cargo.toml", "kestrel/Cargo.toml"]);
    let dialect =
        made(&|| replace("providers/dialects/ollama-chat.yaml", "path: /api/chat", "path: /api/chit"));
    assert_eq!(dialect, ["acme/src/wire.rs", "bolt/src/wire.rs"]);
    let gone = made(&|| fs::remove_file(folder.path().join("generated/bolt/src/lib.rs")).unwrap());
    assert_eq!(gone, ["bolt/src/lib.rs"]);
    assert!(matches!(run(&cached(&folder)), Ended::Unchanged(_)));
}

#[test]
fn an_index_that_is_damaged_or_foreign_is_made_anew() {
    let folder = tree("damaged");
    run(&cached(&folder));
    let indexes = folder.path().join("target/typewright");
    let index = fs::read_dir(&indexes).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&index).unwrap();
    let mut numbers = Numbers(7);
    for round in 0..60 {
        let mut bytes = whole.clone();
        match round % 4 {
            0 => bytes.truncate(numbers.below(whole.len())),
            1 => bytes[numbers.below(whole.len())] ^= 1 << numbers.below(8),
            2 => bytes.extend_from_slice(&whole),
            _ => bytes = (0..numbers.below(4_000)).map(|_| numbers.next() as u8).collect(),
        }
        fs::write(&index, bytes).unwrap();
        // A whole run is long; that none of the damaged was believed is told by the work that was done.
        let begun = cached(&folder);
        assert_eq!(begun.begin(Mode::DryRun).unwrap().unchanged(), None, "round {round}");
    }
    assert!(matches!(compare(&folder, "after damage"), Ended::Ran(..)));
    assert!(matches!(run(&cached(&folder)), Ended::Unchanged(_)));
}

#[test]
fn a_check_reads_everything_and_a_hand_edited_file_is_still_refused() {
    let folder = tree("checked");
    run(&cached(&folder));
    assert!(cached(&folder).begin(Mode::Check).unwrap().unchanged().is_some());
    let edited = folder.read("generated/acme/src/models.rs") + "// mine\n";
    folder.write("generated/acme/src/models.rs", &edited);
    let compiler = cached(&folder);
    for mode in [Mode::Check, Mode::Write] {
        let mut run = compiler.begin(mode).unwrap();
        assert_eq!(run.unchanged(), None);
        let compilation = run.compile().unwrap();
        let drift = run.plan(&compilation, false).unwrap();
        assert_eq!(drift.changes().count(), 1);
        assert!(matches!(run.commit(&compilation, &drift), Err(Error::Write(_))));
    }
    assert_eq!(folder.read("generated/acme/src/models.rs"), edited);
}

#[test]
fn runs_at_once_do_not_hurt_each_other() {
    let folder = tree("at-once");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..3 {
                    assert!(!matches!(run(&cached(&folder)), Ended::Diagnostics(_)));
                }
            });
        }
        for price in 3..9 {
            folder.write(
                "providers/acme.yaml",
                &edits::provider("acme").replace("price: 1", &format!("price: {price}")),
            );
            std::thread::sleep(Duration::from_millis(150));
        }
    });
    compare(&folder, "after runs at once");
}

#[test]
fn no_more_indexes_are_kept_than_are_of_use() {
    let folder = tree("bounded");
    for out in 0..12 {
        let compiler =
            compiler(&folder, &format!("out{out}"), "README.md").cache(folder.path().join("target"));
        run(&compiler);
    }
    assert_eq!(fs::read_dir(folder.path().join("target/typewright")).unwrap().count(), 8);
}
