//! What may happen to a folder between two runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use typewright_codegen::emit::templates;

use crate::folder::Folder;
use crate::fuzz::Numbers;

/// A provider on the dialect of the folder, with a few models.
pub(super) fn provider(name: &str) -> String {
    let models: String = (0..4)
        .map(|n| format!("  - name: {name}-{n}\n    input_price: {}\n    output_price: 2\n", n + 1))
        .collect();
    format!("name: {name}\nbase_url: https://{name}.example/v1\ndialect: ollama-chat\nmodels:\n{models}")
}

type Edit = fn(&Folder, &mut Numbers) -> Option<()>;

/// Everything that may happen. What does not fit the moment does nothing.
const EDITS: &[(&str, Edit)] = &[
    ("nothing", |_, _| Some(())),
    ("a price", |folder, numbers| {
        let to = format!("price: {}.{}\n", numbers.below(90), 1 + numbers.below(9));
        change(folder, &any_provider(folder, numbers)?, "price: ", &to, numbers)
    }),
    ("a price of the same length", |folder, numbers| {
        let path = any_provider(folder, numbers)?;
        let to = format!("price: {}\n", 1 + numbers.below(9));
        change(folder, &path, "price: ", &to, numbers)
    }),
    ("a price, and the old time of modification", |folder, numbers| {
        let path = any_provider(folder, numbers)?;
        let time = fs::metadata(&path).ok()?.modified().ok()?;
        change(folder, &path, "price: ", &format!("price: {}\n", 1 + numbers.below(9)), numbers)?;
        set_time(&path, time)
    }),
    ("touched", |folder, numbers| set_time(&any_provider(folder, numbers)?, SystemTime::now())),
    ("a comment", |folder, numbers| append(&any_provider(folder, numbers)?, "# More.\n")),
    ("a model more", |folder, numbers| {
        let model = format!("  - {{name: new-{}}}\n", numbers.below(1_000_000));
        append(&any_provider(folder, numbers)?, &model)
    }),
    ("a model less", |folder, numbers| {
        let path = any_provider(folder, numbers)?;
        let text = fs::read_to_string(&path).ok()?;
        let at = text.rfind("  - {name: new-")?;
        fs::write(path, &text[..at]).ok()
    }),
    ("an option", |folder, numbers| {
        let option = format!("options: {{o{0}: {{type: boolean, wire: o{0}}}}}\n", numbers.below(5));
        prepend_or_remove(&any_provider(folder, numbers)?, "options:", &option)
    }),
    ("a description", |folder, numbers| {
        let text = format!("description: Number {}\n", numbers.below(3));
        prepend_or_remove(&any_provider(folder, numbers)?, "description:", &text)
    }),
    ("a change of the wire", |folder, numbers| {
        let wire = format!("wire: {{chat: {{http: {{path: /v{}/chat}}}}}}\n", numbers.below(3));
        prepend_or_remove(&folder.path().join("providers/acme.yaml"), "wire:", &wire)
    }),
    ("a provider more or less", |folder, _| {
        let path = folder.path().join("providers/crow.yaml");
        if path.exists() { fs::remove_file(path).ok() } else { fs::write(path, provider("crow")).ok() }
    }),
    ("a provider file of another name", |folder, _| {
        let (here, there) =
            (folder.path().join("providers/bolt.yaml"), folder.path().join("providers/zinc.yaml"));
        if here.exists() { fs::rename(here, there).ok() } else { fs::rename(there, here).ok() }
    }),
    ("a provider of another name", |folder, _| {
        let path = folder.path().join("providers/acme.yaml");
        let text = fs::read_to_string(&path).ok()?;
        let (from, to) = if text.contains("name: acme\n") { ("acme", "onyx") } else { ("onyx", "acme") };
        fs::write(path, text.replacen(&format!("name: {from}\n"), &format!("name: {to}\n"), 1)).ok()
    }),
    ("a mistake", |folder, numbers| append(&any_provider(folder, numbers)?, "nonsense: 1\n")),
    ("a dialect", |folder, numbers| {
        let path = folder.path().join("providers/dialects/ollama-chat.yaml");
        change(folder, &path, "path: /api/", &format!("path: /api/c{}\n", numbers.below(4)), numbers)
    }),
    ("a dialect's comment", |folder, _| {
        append(&folder.path().join("providers/dialects/ollama-chat.yaml"), "# More.\n")
    }),
    ("a dialect more or less", |folder, _| {
        let path = folder.path().join("providers/dialects/other.yaml");
        let text = "dialect: other\nextends: ollama-chat\noperations: {}\n";
        if path.exists() { fs::remove_file(path).ok() } else { fs::write(path, text).ok() }
    }),
    ("a dialect among the providers", |folder, numbers| {
        let path = folder.path().join("providers/speech.yaml");
        let text = "dialect: speech\nextends: ollama-chat\noperations: {}\n";
        if path.exists() && numbers.below(2) == 0 {
            return append(&path, "# More.\n");
        }
        if path.exists() { fs::remove_file(path).ok() } else { fs::write(path, text).ok() }
    }),
    ("a base template", |folder, numbers| {
        let (name, _) = templates::embedded()[numbers.below(templates::embedded().len())];
        append(&folder.path().join("templates").join(name), "\n")
    }),
    ("a base template anew", |folder, numbers| {
        let (name, text) = templates::embedded()[numbers.below(templates::embedded().len())];
        fs::write(folder.path().join("templates").join(name), text).ok()
    }),
    ("no base template, but the one built in", |folder, numbers| {
        let (name, _) = templates::embedded()[numbers.below(templates::embedded().len())];
        fs::remove_file(folder.path().join("templates").join(name)).ok()
    }),
    ("a template of a provider's own", |folder, _| {
        let base = fs::read_to_string(folder.path().join("templates/crate/README.md.j2")).ok()?;
        let text = format!("{}\nMine: {{{{ name }}}}\n", templates::first_line(&base));
        folder.write("providers/acme/templates/crate/README.md.j2", &text);
        Some(())
    }),
    ("no templates of a provider's own", |folder, _| {
        fs::remove_dir_all(folder.path().join("providers/acme")).ok()
    }),
    ("an output gone", |folder, numbers| fs::remove_file(any_output(folder, numbers)?).ok()),
    ("an output edited", |folder, numbers| append(&any_output(folder, numbers)?, "// mine\n")),
    ("an output edited, and the old time of modification", |folder, numbers| {
        let path = any_output(folder, numbers)?;
        let time = fs::metadata(&path).ok()?.modified().ok()?;
        let text = fs::read_to_string(&path).ok()?;
        fs::write(&path, text.replacen('e', "f", 1)).ok()?;
        set_time(&path, time)
    }),
    ("the README", |folder, _| append(&folder.path().join("README.md"), "More.\n")),
    ("the table of the README", |folder, _| {
        let path = folder.path().join("README.md");
        let text = fs::read_to_string(&path).ok()?;
        fs::write(path, text.replacen("|", "!", 1)).ok()
    }),
    ("no manifest", |folder, _| fs::remove_file(folder.path().join("generated/.manifest.json")).ok()),
    ("no index", |folder, _| fs::remove_dir_all(folder.path().join("target")).ok()),
    ("half an index", |folder, numbers| {
        let index = fs::read_dir(folder.path().join("target/typewright")).ok()?.next()?.ok()?.path();
        let bytes = fs::read(&index).ok()?;
        fs::write(index, &bytes[..numbers.below(bytes.len())]).ok()
    }),
    ("an interrupted run", |folder, _| {
        folder.write("generated/.manifest.pending.json", "{\"version\": 1, \"files\": {}}\n");
        Some(())
    }),
];

/// Does something, and says what. A tree that is `broken` is mended soon, or nothing else would be seen.
pub(super) fn random(folder: &Folder, numbers: &mut Numbers, broken: bool) -> &'static str {
    if broken && numbers.below(2) == 0 {
        mend(folder);
        return "all mended";
    }
    let (name, edit) = EDITS[numbers.below(EDITS.len())];
    if edit(folder, numbers).is_some() { name } else { "nothing that fits" }
}

fn mend(folder: &Folder) {
    for path in providers(folder) {
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace("nonsense: 1\n", "")).unwrap();
    }
    for (name, text) in templates::embedded() {
        folder.write(&format!("templates/{name}"), text);
    }
    drop(fs::remove_dir_all(folder.path().join("providers/acme")));
    drop(fs::remove_file(folder.path().join("providers/speech.yaml")));
}

fn providers(folder: &Folder) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.path().join("providers")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "yaml") && !path.ends_with("speech.yaml"));
    paths.sort();
    paths
}

fn any_provider(folder: &Folder, numbers: &mut Numbers) -> Option<PathBuf> {
    let mut paths = providers(folder);
    paths.retain(|path| !path.ends_with("kestrel.yaml"));
    (!paths.is_empty()).then(|| paths.swap_remove(numbers.below(paths.len())))
}

fn any_output(folder: &Folder, numbers: &mut Numbers) -> Option<PathBuf> {
    let out = folder.path().join("generated");
    let files: Vec<String> = super::files(&out).into_keys().filter(|path| !path.starts_with('.')).collect();
    (!files.is_empty()).then(|| out.join(&files[numbers.below(files.len())]))
}

/// Replaces the rest of a line behind one of the places where `from` stands.
fn change(_: &Folder, path: &Path, from: &str, to: &str, numbers: &mut Numbers) -> Option<()> {
    let text = fs::read_to_string(path).ok()?;
    let places: Vec<usize> = text.match_indices(from).map(|(at, _)| at).collect();
    let at = *places.get(numbers.below(places.len()))?;
    let length = text[at..].find(['\n', ',', '}'])?;
    let to = to.trim_end();
    fs::write(path, format!("{}{to}{}", &text[..at], &text[at + length..])).ok()
}

fn append(path: &Path, text: &str) -> Option<()> {
    let before = fs::read_to_string(path).ok()?;
    fs::write(path, before + text).ok()
}

/// Puts a line in front, or takes away the one that begins alike.
fn prepend_or_remove(path: &Path, start: &str, line: &str) -> Option<()> {
    let text = fs::read_to_string(path).ok()?;
    let kept: String = text.split_inclusive('\n').filter(|line| !line.starts_with(start)).collect();
    fs::write(path, if kept.len() == text.len() { format!("{line}{text}") } else { kept }).ok()
}

fn set_time(path: &Path, time: SystemTime) -> Option<()> {
    File::options().write(true).open(path).ok()?.set_modified(time).ok()
}
