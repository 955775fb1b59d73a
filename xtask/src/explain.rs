//! `explain`: what a diagnostic code means, or what a generated line was made of.

use std::path::{Path, PathBuf};

use typewright_codegen::{codes, explain};

use crate::flags::{Explain, Folders};
use crate::{Failure, Outcome, paths, print};

pub fn run(flags: &Explain) -> Result<Outcome, Failure> {
    match flags.what.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse::<usize>().ok()?))) {
        Some((file, number)) => line(Path::new(file), number, &flags.folders),
        None => code(&flags.what),
    }
}

fn code(code: &str) -> Result<Outcome, Failure> {
    let known = codes::explain(code).ok_or_else(|| format!("`{code}` is neither a code nor FILE:LINE"))?;
    println!("{}: {}\n\n{}", known.code, known.title, known.explanation);
    Ok(Outcome::Done)
}

/// The file is generated anew in memory, so that the answer is never older than the provider file.
fn line(file: &Path, number: usize, folders: &Folders) -> Result<Outcome, Failure> {
    let on_disk = std::fs::read_to_string(file)?;
    let path = below(file, &paths::out(folders))?;
    let compilation = paths::compiler(folders).compile()?;
    if compilation.has_errors() {
        print::diagnostics(&compilation, false);
        return Ok(Outcome::Found);
    }
    let found = explain::line(&compilation, &path, number, Some(&on_disk))
        .ok_or_else(|| format!("{}:{number} is not generated", file.display()))?;
    println!("{}:{number}: {}", file.display(), found.text.trim());
    match &found.source {
        Some(place) => {
            println!("  from {}:{}:{}: {}", place.path.display(), place.line, place.column, place.text.trim())
        }
        None => println!("  the same for every provider"),
    }
    if let Some(template) = &found.template {
        println!("  by the template {template}");
    }
    println!("  made by {}", found.emitter);
    if found.is_stale {
        println!("  the file on the disk is not what is generated now; run `cargo xtask gen`");
    }
    Ok(Outcome::Done)
}

/// The path of `file` below the output folder, as outputs are named.
fn below(file: &Path, out: &Path) -> Result<String, Failure> {
    let (file, folder): (PathBuf, PathBuf) = (file.canonicalize()?, out.canonicalize()?);
    let relative = file
        .strip_prefix(&folder)
        .map_err(|_| format!("{} is not below {}", file.display(), out.display()))?;
    Ok(relative.to_string_lossy().replace('\\', "/"))
}
