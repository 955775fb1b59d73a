//! The compiler as a whole: folders in, files and diagnostics out.
//!
//! [`Compiler`] holds the configuration; [`Compiler::compile`] walks the corridor once and returns a [`Compilation`] in
//! memory, [`Compiler::plan`] compares it with the disk and [`Compiler::commit`] writes what differs. [`Compiler::begin`]
//! does the same beside other runs and after earlier ones, whose work it does not do again. A build script needs nothing
//! else:
//!
//! ```no_run
//! use typewright_codegen::compiler::{Compiler, Runtime};
//!
//! let compiler = Compiler::new().providers("providers").out("generated").runtime(Runtime::Version("0.1".into()));
//! let compilation = compiler.compile()?;
//! assert!(!compilation.has_errors());
//! compiler.commit(&compiler.plan(&compilation, false)?)?;
//! # Ok::<(), typewright_codegen::compiler::Error>(())
//! ```

mod gather;
mod load;
mod run;
mod stages;
mod state;
mod wire;

pub use run::{Run, Unchanged};

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cache::UnitFacts;
use crate::diagnostic::{Diagnostic, Severity};
use crate::diff::State;
use crate::emit::output::Output;
use crate::emit::package::RuntimeDep;
use crate::fingerprint::Fingerprint;
use crate::source::SourceMap;
use crate::timings::{self, Timings};
use crate::write::loose::{self, Loose, Markers};
use crate::write::{self, Change, Mode, Plan, Report, Scope};

/// Where the README lists the providers.
pub const README_MARKERS: Markers<'_> = Markers { begin: "<!-- providers -->", end: "<!-- /providers -->" };

/// The configuration of a run.
#[derive(Clone)]
pub struct Compiler {
    providers: PathBuf,
    dialects: Option<PathBuf>,
    templates: Option<PathBuf>,
    out: PathBuf,
    readme: Option<PathBuf>,
    runtime: Runtime,
    cache: Option<PathBuf>,
    only: Vec<String>,
    files: Vec<PathBuf>,
    jobs: Option<usize>,
    progress: Option<Watcher>,
    timings: Option<Arc<Timings>>,
}

type Watcher = Arc<dyn Fn(Progress<'_>) + Send + Sync>;

/// The runtime that generated crates link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runtime {
    /// A folder.
    Path(PathBuf),
    /// A version requirement.
    Version(String),
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Providers that are done.
    pub done: usize,
    /// All providers.
    pub total: usize,
    /// The provider that was just done.
    pub name: &'a str,
}

/// What came of a run, in memory.
#[derive(Debug, Default)]
pub struct Compilation {
    /// Every file that was read, for showing diagnostics.
    pub sources: SourceMap,
    /// Every problem of every file, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
    /// Every file that was made, by path. Incomplete if there are errors.
    pub outputs: Vec<Output>,
    /// The README with its table of providers.
    pub readme: Option<Loose>,
    /// How many providers there are.
    pub providers: usize,
    /// Every file that was not made, since it is on the disk as it would be made.
    pub kept: Vec<KeptFile>,
    units: Vec<UnitFacts>,
    dialects: Vec<(String, Fingerprint)>,
    readme_key: Option<Fingerprint>,
}

/// A file that is on the disk as it would be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFile {
    /// Where, relative to the output folder.
    pub path: String,
    /// The fingerprint of its text.
    pub content: Fingerprint,
    key: Fingerprint,
}

/// What differs from the disk.
#[derive(Debug, Default)]
pub struct Drift {
    plan: Plan,
    readme: Option<(Loose, Change)>,
}

/// Why a run could not be made at all. Mistakes in provider files are diagnostics instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder or file that was named is not there.
    #[error("cannot read {}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The scope names a provider that there is none of.
    #[error("there is no provider `{name}`; known are {known}")]
    UnknownProvider {
        /// The name.
        name: String,
        /// All names.
        known: String,
    },
    /// The threads could not be started.
    #[error("cannot start {jobs} threads: {reason}")]
    Threads {
        /// How many.
        jobs: usize,
        /// Why not.
        reason: String,
    },
    /// Nothing is written while there are errors.
    #[error("nothing was written: the provider files have errors")]
    Diagnostics,
    /// The write stage failed.
    #[error(transparent)]
    Write(#[from] write::Error),
}

impl Default for Compiler {
    fn default() -> Self {
        Self {
            providers: "providers".into(),
            dialects: None,
            templates: None,
            out: "generated".into(),
            readme: None,
            runtime: Runtime::Version(env!("CARGO_PKG_VERSION").to_owned()),
            cache: None,
            only: Vec::new(),
            files: Vec::new(),
            jobs: None,
            progress: None,
            timings: None,
        }
    }
}

impl Compiler {
    /// A compiler of `providers/` into `generated/`, linking the published runtime of its own version.
    pub fn new() -> Self {
        Self::default()
    }

    /// The folder of provider files. Templates of a provider's own are in `<name>/templates/` below it.
    #[must_use]
    pub fn providers(mut self, folder: impl Into<PathBuf>) -> Self {
        self.providers = folder.into();
        self
    }

    /// The folder of dialect files; `dialects/` below the providers unless given.
    #[must_use]
    pub fn dialects(mut self, folder: impl Into<PathBuf>) -> Self {
        self.dialects = Some(folder.into());
        self
    }

    /// A folder of base templates. The compiler's own are used for those it lacks.
    #[must_use]
    pub fn templates(mut self, folder: impl Into<PathBuf>) -> Self {
        self.templates = Some(folder.into());
        self
    }

    /// The folder to write to.
    #[must_use]
    pub fn out(mut self, folder: impl Into<PathBuf>) -> Self {
        self.out = folder.into();
        self
    }

    /// A README with a region for the table of providers.
    #[must_use]
    pub fn readme(mut self, file: impl Into<PathBuf>) -> Self {
        self.readme = Some(file.into());
        self
    }

    /// The runtime that generated crates link.
    #[must_use]
    pub fn runtime(mut self, runtime: Runtime) -> Self {
        self.runtime = runtime;
        self
    }

    /// A folder for what runs remember, so that the next one does less: `target`, as a rule. It may be deleted at any
    /// time. [`Compiler::begin`] uses it.
    #[must_use]
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Some(folder.into());
        self
    }

    /// Only these providers. Others on the disk, the umbrella and the README are left alone.
    #[must_use]
    pub fn only(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.only = names.into_iter().map(Into::into).collect();
        self
    }

    /// Looks at these provider and dialect files as well, and reports problems of these alone.
    #[must_use]
    pub fn files(mut self, files: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        self.files = files.into_iter().map(Into::into).collect();
        self
    }

    /// How many threads; as many as there are processors unless given.
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// Called after each provider, from any thread.
    #[must_use]
    pub fn on_progress(mut self, watch: impl Fn(Progress<'_>) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(watch));
        self
    }

    /// Where to note how long each stage takes.
    #[must_use]
    pub fn timings(mut self, timings: Arc<Timings>) -> Self {
        self.timings = Some(timings);
        self
    }

    /// Does `work` as a stage, and notes how long it took if somebody asked.
    fn lap<T>(&self, stage: &'static str, work: impl FnOnce() -> T) -> T {
        timings::measure(self.timings.as_deref(), stage, "", |_| 0, work)
    }

    /// Begins a run: waits for others that write to the same folder, and looks what the last one left.
    pub fn begin(&self, mode: Mode) -> Result<Run<'_>, Error> {
        Run::begin(self, mode)
    }

    /// Reads, checks and compiles everything in memory.
    pub fn compile(&self) -> Result<Compilation, Error> {
        self.on_threads(|| stages::whole(self))
    }

    /// Reads, checks and lowers everything, and makes no files of it: what [`crate::diff`] compares.
    pub fn state(&self) -> Result<State, Error> {
        self.on_threads(|| state::of(self))
    }

    fn on_threads<T: Send>(&self, work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
        let Some(jobs) = self.jobs else { return work() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build();
        let pool = pool.map_err(|error| Error::Threads { jobs, reason: error.to_string() })?;
        pool.install(work)
    }

    /// Compares what was compiled with the disk. With `force`, what a person edited is overwritten.
    pub fn plan(&self, compilation: &Compilation, force: bool) -> Result<Drift, Error> {
        if compilation.has_errors() {
            return Err(Error::Diagnostics);
        }
        let only: BTreeSet<String> = self.only.iter().cloned().collect();
        let scope = Scope { only: Some(&only).filter(|only| !only.is_empty()), force };
        let kept: Vec<_> = compilation.kept.iter().map(|kept| (kept.path.clone(), kept.content)).collect();
        let plan = self.on_threads(|| Ok(write::plan(&self.out, &compilation.outputs, &kept, scope)?))?;
        let readme = match &compilation.readme {
            Some(file) => loose::plan(file)?.map(|change| (file.clone(), change)),
            None => None,
        };
        Ok(Drift { plan, readme })
    }

    /// Writes what differs; nothing at all if a person edited any of it.
    pub fn commit(&self, drift: &Drift) -> Result<Report, Error> {
        let mut report = self.on_threads(|| Ok(write::commit(&self.out, &drift.plan)?))?;
        if let Some((file, _)) = &drift.readme {
            loose::commit(file)?;
            report.written += 1;
        }
        Ok(report)
    }

    /// The folder that is written to.
    pub fn out_folder(&self) -> &Path {
        &self.out
    }

    /// The folders that input is read from.
    pub fn input_folders(&self) -> Vec<PathBuf> {
        let own = [self.providers.clone(), self.dialects_folder()];
        own.into_iter().chain(self.templates.clone()).collect()
    }

    fn dialects_folder(&self) -> PathBuf {
        self.dialects.clone().unwrap_or_else(|| self.providers.join("dialects"))
    }

    fn runtime_dep(&self) -> Result<RuntimeDep, Error> {
        match &self.runtime {
            Runtime::Version(version) => Ok(RuntimeDep::Version(version.clone())),
            Runtime::Path(path) => RuntimeDep::folder(path, &self.out)
                .map_err(|source| Error::Read { path: path.clone(), source }),
        }
    }
}

impl Compilation {
    /// Whether anything stops generation.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

impl Drift {
    /// Everything that differs, by path.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.plan.changes.iter().chain(self.readme.iter().map(|(_, change)| change))
    }

    /// Whether everything on the disk is as it should be.
    pub fn is_clean(&self) -> bool {
        self.changes().next().is_none()
    }

    /// How many files are as they should be.
    pub fn unchanged(&self) -> usize {
        self.plan.unchanged
    }
}

impl Error {
    /// The code that [`crate::codes`] explains, for a failure of the write stage.
    pub fn code(&self) -> Option<&'static str> {
        if let Self::Write(error) = self { Some(error.code()) } else { None }
    }
}

impl std::str::FromStr for Runtime {
    type Err = std::convert::Infallible;

    /// A version requirement if it begins like one, a folder otherwise.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_version = text.starts_with(|c: char| c.is_ascii_digit() || "^=~<>*".contains(c))
            && !text.contains(['/', '\\']);
        Ok(if is_version { Self::Version(text.to_owned()) } else { Self::Path(text.into()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_is_a_version_or_a_folder() {
        let parse = |text: &str| text.parse::<Runtime>().unwrap();
        assert_eq!(parse("0.1"), Runtime::Version("0.1".to_owned()));
        assert_eq!(parse("^1.2"), Runtime::Version("^1.2".to_owned()));
        assert_eq!(parse("../runtime"), Runtime::Path("../runtime".into()));
        assert_eq!(parse("0.1/runtime"), Runtime::Path("0.1/runtime".into()));
    }
}
