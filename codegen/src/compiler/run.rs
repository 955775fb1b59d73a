//! A run beside other runs and after earlier ones: the corridor, with a lock before it and a cache beside it.

use std::path::Path;

use super::stages::{self, Fallback};
use super::{Compilation, Compiler, Drift, Error, Runtime};
use crate::cache::{self, Cache, Configuration, Facts, Listing, Places, Reuse, Seen, Settled, Trust};
use crate::write::{Lock, Mode, Report};

/// A run that has begun. What the last run left is taken over where it still holds; the result is the same, byte for
/// byte, as if nothing had been there.
pub struct Run<'a> {
    compiler: &'a Compiler,
    mode: Mode,
    cache: Option<Cache>,
    start: Start,
    /// What was on the disk when the run began.
    seen: Vec<Seen>,
    /// Held until the run is dropped, so that runs follow one another.
    _lock: Option<Lock>,
}

/// How much there is to do.
enum Start {
    Nothing(Unchanged),
    Some(Reuse),
    Everything,
}

/// What there is when there is nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unchanged {
    /// How many providers there are.
    pub providers: usize,
    /// How many files they are made into.
    pub files: usize,
}

impl<'a> Run<'a> {
    pub(super) fn begin(compiler: &'a Compiler, mode: Mode) -> Result<Self, Error> {
        let lock = if mode == Mode::Write { Some(Lock::of(&compiler.out)?) } else { None };
        let cache = compiler.cache_of()?;
        let (start, seen) = match &cache {
            Some(cache) => compiler.lap("index", || start(compiler, cache, mode)),
            None => (Start::Everything, Vec::new()),
        };
        Ok(Self { compiler, mode, cache, start, seen, _lock: lock })
    }

    /// Whether everything is as the last run left it, so that there is nothing to compile.
    pub fn unchanged(&self) -> Option<Unchanged> {
        if let Start::Nothing(unchanged) = self.start { Some(unchanged) } else { None }
    }

    /// Compiles in memory what has to be.
    pub fn compile(&mut self) -> Result<Compilation, Error> {
        let start = std::mem::replace(&mut self.start, Start::Everything);
        let compiler = self.compiler;
        let Start::Some(reuse) = start else { return compiler.compile() };
        compiler.on_threads(|| {
            let (compilation, fallback) = stages::run(compiler, Some(&reuse))?;
            let (compilation, fallback) = match fallback {
                Some(Fallback::Widen) => stages::run(compiler, Some(&reuse.widened()))?,
                _ => (compilation, fallback),
            };
            if fallback.is_some() { stages::whole(compiler) } else { Ok(compilation) }
        })
    }

    /// Compares what was compiled with the disk. With `force`, what a person edited is overwritten.
    pub fn plan(&self, compilation: &Compilation, force: bool) -> Result<Drift, Error> {
        self.compiler.lap("compare", || self.compiler.plan(compilation, force))
    }

    /// Writes what differs, if that is what the run is for, and remembers what was seen and made for the next one.
    pub fn commit(&self, compilation: &Compilation, drift: &Drift) -> Result<Report, Error> {
        let report = self.compiler.lap("write", || self.compiler.commit(drift))?;
        if let Some(cache) = self.cache.as_ref().filter(|_| self.mode == Mode::Write) {
            self.compiler.lap("remember", || self.remember(cache, compilation));
        }
        Ok(report)
    }

    fn remember(&self, cache: &Cache, compilation: &Compilation) {
        // What there is a diagnostic of has to be looked at again, to be told again.
        if !compilation.diagnostics.is_empty() || !cache::agree(&self.seen, &compilation.sources) {
            return;
        }
        let made = compilation.outputs.iter();
        let made = made.map(|output| (output.path.clone(), output.key, output.content));
        let kept = compilation.kept.iter().map(|kept| (kept.path.clone(), kept.key, kept.content));
        let outputs: Vec<_> = made.chain(kept).collect();
        let facts = Facts {
            inputs: &self.seen,
            out: &self.compiler.out,
            outputs: &outputs,
            units: &compilation.units,
            dialects: &compilation.dialects,
            readme: self.compiler.readme.as_deref().zip(compilation.readme_key),
        };
        // Without an index the next run takes longer, and that is all.
        let _ = cache::store(cache, &facts);
    }
}

/// How much there is to do, and the input that this was told from.
fn start(compiler: &Compiler, cache: &Cache, mode: Mode) -> (Start, Vec<Seen>) {
    // A check does not take the last run's word for anything.
    let trust = if mode == Mode::Check { Trust::Nothing } else { Trust::Stamps };
    let folder = compiler.dialects_folder();
    let places = compiler.places(&folder);
    let open = cache.open();
    if let Some(open) = &open
        && let Some(settled) = cache::settled(open, places, &compiler.out, trust)
    {
        let Settled { providers, outputs, is_worn } = settled;
        if is_worn && mode == Mode::Write {
            // As it is, the index is right, only slower.
            let _ = cache::refresh(cache, open);
        }
        return (Start::Nothing(Unchanged { providers, files: outputs }), Vec::new());
    }
    let listing = Listing::of(places);
    let seen = cache::look(open.as_ref(), &listing, trust);
    let open = open.as_ref().filter(|_| mode != Mode::Check);
    let reuse = open.and_then(|open| cache::reuse(open, &listing, &seen, &compiler.out));
    (reuse.map_or(Start::Everything, Start::Some), seen)
}

impl Compiler {
    /// The cache of this configuration; none for a run that looks at some providers or named files only.
    fn cache_of(&self) -> Result<Option<Cache>, Error> {
        let Some(folder) = self.cache.as_ref().filter(|_| self.only.is_empty() && self.files.is_empty())
        else {
            return Ok(None);
        };
        let runtime = match &self.runtime {
            Runtime::Version(version) => version.clone(),
            Runtime::Path(_) => self.runtime_dep()?.toml(),
        };
        let dialects = self.dialects_folder();
        let paths = [
            Some(self.providers.as_path()),
            Some(dialects.as_path()),
            self.templates.as_deref(),
            Some(self.out.as_path()),
            self.readme.as_deref(),
        ];
        Ok(Cache::of(folder, &Configuration { paths, runtime: &runtime }))
    }

    fn places<'a>(&'a self, dialects: &'a Path) -> Places<'a> {
        Places { providers: &self.providers, dialects, templates: self.templates.as_deref() }
    }
}
