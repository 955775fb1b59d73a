//! `diff`: what changed in the provider files since a revision, and what that means for users of the crates.

use std::path::{Path, PathBuf};

use typewright_codegen::compiler::Compiler;
use typewright_codegen::diff::{self, Change, Diff, Level, Side, State, changelog};
use typewright_codegen::emit::view::VERSION;

use crate::flags::{Diff as Flags, Folders};
use crate::git::{self, Unpacked};
use crate::{Failure, Outcome, paths, print};

const LEVELS: [Level; 3] = [Level::Major, Level::Minor, Level::Patch];

pub fn run(flags: &Flags) -> Result<Outcome, Failure> {
    let folders = Folders {
        providers: flags.providers.clone(),
        dialects: flags.dialects.clone(),
        templates: None,
        out: None,
        runtime: None,
    };
    let inputs = paths::inputs(&folders);
    let base = Base::of(&inputs, &flags.base)?;
    let states = [(base.compiler().state()?, true), (compiler(&inputs.0, &inputs.1).state()?, false)];
    for (state, is_base) in &states {
        if state.has_errors() {
            return Ok(broken(state, is_base.then_some(flags.base.as_str()), flags.json));
        }
    }
    let [(was, _), (is, _)] = states;
    let mut found = diff::diff(&was, &is);
    found.crates.iter_mut().flat_map(|changed| &mut changed.changes).for_each(|change| base.rename(change));
    if flags.json {
        json(&found, &flags.base)
    } else {
        text(&found, &flags.base)
    }
    Ok(Outcome::Done)
}

/// Nothing is compared with what does not compile.
fn broken(state: &State, base: Option<&str>, json: bool) -> Outcome {
    print::problems(&state.sources, &state.diagnostics, json);
    match base {
        Some(base) => eprintln!("nothing was compared: `{base}` does not compile with this compiler"),
        None => eprintln!("nothing was compared: the provider files have errors"),
    }
    Outcome::Found
}

fn compiler(providers: &Path, dialects: &Path) -> Compiler {
    Compiler::new().providers(providers).dialects(dialects)
}

/// The provider files as they were, with where they would be now.
struct Base {
    providers: (Unpacked, PathBuf),
    /// None if they are below the providers.
    dialects: Option<(Unpacked, PathBuf)>,
    /// Dialects of another repository, which count for both states.
    shared: Option<PathBuf>,
}

impl Base {
    fn of((providers, dialects): &(PathBuf, PathBuf), revision: &str) -> Result<Self, Failure> {
        let unpacked = Unpacked::of(providers, revision)?;
        let mut base = Self { providers: (unpacked, providers.clone()), dialects: None, shared: None };
        if *dialects == providers.join("dialects") {
            return Ok(base);
        }
        // A revision means nothing in another repository.
        if git::repository(dialects)
            .is_ok_and(|other| git::repository(providers).is_ok_and(|own| own == other))
        {
            base.dialects = Some((Unpacked::of(dialects, revision)?, dialects.clone()));
        } else {
            base.shared = Some(dialects.clone());
        }
        Ok(base)
    }

    fn compiler(&self) -> Compiler {
        let providers = self.providers.0.files();
        let dialects = match (&self.dialects, &self.shared) {
            (Some((dialects, _)), _) => dialects.files(),
            (None, Some(shared)) => shared.clone(),
            (None, None) => providers.join("dialects"),
        };
        compiler(&providers, &dialects)
    }

    /// The place of a change as it is called in the repository.
    fn rename(&self, change: &mut Change) {
        let places = [Some(&self.providers), self.dialects.as_ref()];
        for (unpacked, folder) in places.into_iter().flatten() {
            if let Ok(path) = change.place.path.strip_prefix(unpacked.files()) {
                change.place.path = folder.join(path);
                return;
            }
        }
    }
}

fn text(found: &Diff, base: &str) {
    let Some(level) = found.level() else { return println!("no change since {base}") };
    for changed in &found.crates {
        println!("{}: {}", changed.name, changed.level().map_or("", Level::word));
        for level in LEVELS {
            let changes = changed.changes.iter().filter(|change| change.kind.level() == level);
            group(level, &changes.collect::<Vec<_>>(), base);
        }
        println!();
    }
    println!("bump: {}{}\n", level.word(), versions(level));
    print!("{}", changelog::section(found));
}

/// The changes of one level, under what each kind of them means.
fn group(level: Level, changes: &[&Change], base: &str) {
    let mut kinds: Vec<_> = changes.iter().map(|change| change.kind).collect();
    kinds.sort();
    kinds.dedup();
    for kind in kinds {
        println!("  {}: {}", level.word(), kind.reason());
        for change in changes.iter().filter(|change| change.kind == kind) {
            println!("    {} ({})", change.line(), place(change, base));
        }
    }
}

fn place(change: &Change, base: &str) -> String {
    let place = format!("{}:{}", change.place.path.display(), change.place.line);
    if change.place.side == Side::Base { format!("{place} in {base}") } else { place }
}

fn versions(level: Level) -> String {
    level.next(VERSION).map(|next| format!(", {VERSION} → {next}")).unwrap_or_default()
}

fn json(found: &Diff, base: &str) {
    let change = |change: &Change| {
        serde_json::json!({
            "kind": change.kind.word(), "level": change.kind.level().word(), "reason": change.kind.reason(),
            "what": change.what, "from": change.from, "to": change.to,
            "in_base": change.place.side == Side::Base,
            "file": change.place.path.to_string_lossy(), "line": change.place.line,
        })
    };
    let crates = found.crates.iter().map(|changed| {
        let changes: Vec<_> = changed.changes.iter().map(change).collect();
        serde_json::json!({
            "name": changed.name, "level": changed.level().map(Level::word), "changes": changes,
        })
    });
    let crates: Vec<_> = crates.collect();
    let level = found.level();
    println!(
        "{}",
        serde_json::json!({
            "base": base, "level": level.map(Level::word), "version": VERSION,
            "next": level.and_then(|level| level.next(VERSION)), "crates": crates,
            "changelog": changelog::section(found),
        })
    );
}
