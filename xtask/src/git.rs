//! Folders as git remembers them. The index and the work tree of the repository are not touched.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::Failure;

/// A folder of an earlier revision, unpacked; it goes away with this.
pub struct Unpacked {
    folder: PathBuf,
}

impl Unpacked {
    /// `folder` as it was at `revision`.
    pub fn of(folder: &Path, revision: &str) -> Result<Self, Failure> {
        let tree = tree(folder, revision)?;
        let git_dir = repository(folder)?;
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let unpacked =
            Self { folder: env::temp_dir().join(format!("typewright-base-{}-{count}", std::process::id())) };
        let (files, index) = (unpacked.files(), unpacked.folder.join("index"));
        fs::create_dir_all(&files)?;
        let within = |arguments: &[&str]| {
            let mut command = Command::new("git");
            command.current_dir(&files).env("GIT_INDEX_FILE", &index);
            command.arg("--git-dir").arg(&git_dir).arg("--work-tree").arg(&files).args(arguments);
            answer(command)
        };
        within(&["read-tree", &tree])?;
        within(&["checkout-index", "--all", "--force", "--quiet"])?;
        Ok(unpacked)
    }

    /// Where the files are.
    pub fn files(&self) -> PathBuf {
        self.folder.join("files")
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // What is left in the folder for temporary files is not ours to complain about.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The repository that `folder` belongs to, by the path of its data.
pub fn repository(folder: &Path) -> Result<PathBuf, Failure> {
    Ok(PathBuf::from(ask(folder, ["rev-parse", "--absolute-git-dir"])?))
}

/// The tree of `folder` at `revision`.
fn tree(folder: &Path, revision: &str) -> Result<String, Failure> {
    let prefix = ask(folder, ["rev-parse", "--show-prefix"])?;
    let commit = format!("{revision}^{{commit}}");
    let commit = ask(folder, ["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])
        .map_err(|error| missing(error, format!("there is no revision `{revision}`")))?;
    let path = prefix.trim_end_matches('/');
    let tree = format!("{commit}:{path}");
    ask(folder, ["rev-parse", "--verify", "--quiet", "--end-of-options", &tree])
        .map_err(|error| missing(error, format!("there is no folder `{path}` in `{revision}`")))
}

/// Git says nothing where something is quietly not there.
fn missing(error: Failure, what: String) -> Failure {
    if error.to_string().is_empty() { what.into() } else { error }
}

fn ask<'a>(folder: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Result<String, Failure> {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments);
    answer(command).map_err(|error| match fs::metadata(folder) {
        Ok(_) => error,
        Err(source) => format!("cannot read {}: {source}", folder.display()).into(),
    })
}

fn answer(mut command: Command) -> Result<String, Failure> {
    // Which repository is meant is said by the folder.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_PREFIX"] {
        command.env_remove(variable);
    }
    if !command.get_envs().any(|(name, value)| name == OsStr::new("GIT_INDEX_FILE") && value.is_some()) {
        command.env_remove("GIT_INDEX_FILE");
    }
    let output = command.output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => "git, which knows the earlier state, is not installed".to_owned(),
        _ => format!("git cannot be run: {error}"),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches(['\n', '\r']).to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.trim().trim_start_matches("fatal: ").to_owned().into())
}
