//! How fast the nearest vectors are found, and how many of them: by comparing all, by codes, and by the graph, each effort
//! of which is raised until enough is found, ours and theirs.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::program::{PEERS, Program};
use super::vectors::{Vectors, farthest, recall};
use crate::bench::row::Report;
use crate::bench::sample::Pairs;
use crate::bench::{Failure, Options};

/// Queries that all vectors are compared with in one go.
const COMPARED: usize = 40;
/// The same, of codes.
const CODED: usize = 200;
/// Candidates that a graph is searched with (ef).
const EFFORTS: [usize; 24] = [
    10, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 512, 640, 768,
];
const RECALLS: [f64; 2] = [0.95, 0.99];

/// Vectors that are searched.
pub(super) struct Set {
    /// What rows about it begin with.
    name: &'static str,
    base: (PathBuf, Vectors),
    queries: (PathBuf, Vectors),
    /// How near the last of the nearest is to each query.
    farthest: Vec<f32>,
}

/// The programs that search a set.
pub(super) struct Programs {
    /// Ours.
    pub(super) ours: Program,
    /// Those of [`PEERS`], or why they are not there.
    peers: Vec<Result<Program, String>>,
}

impl Set {
    /// A set of the file of its vectors, and its queries, which are written to a file of this folder.
    pub(super) fn new(
        name: &'static str,
        base: (PathBuf, Vectors),
        queries: Vectors,
        folder: &Path,
    ) -> Result<Self, Failure> {
        if base.1.length != queries.length {
            return Err(Failure::Program(format!("{name}: queries are of another length than vectors")));
        }
        let path = folder.join("queries.npy");
        queries.write(&path)?;
        let farthest = farthest(&base.1, &queries);
        Ok(Self { name, base, queries: (path, queries), farthest })
    }

    fn count(&self) -> usize {
        self.queries.1.count()
    }

    /// Which share of what is nearest to the first queries was found.
    fn recall(&self, found: &[u64]) -> f64 {
        let first = self.queries.1.first(found.len() / super::vectors::NEAREST);
        recall(&self.base.1, &first, &self.farthest, found)
    }
}

impl Programs {
    /// Starts them all.
    pub(super) fn start(options: &Options, child: &Path, set: &Set) -> Result<Self, Failure> {
        let mut command = Command::new(child);
        command.arg("search").arg(&set.base.0).arg(&set.queries.0);
        let ours = Program::start("typewright", command)?;
        let peer = |name: &&str| {
            let absent = || format!("not measured: run with --peers DIR, where DIR/memory/{name} is");
            let folder = options.peers.as_ref().ok_or_else(absent)?;
            let program = Program::peer(folder, name, &set.base.0, &set.queries.0);
            program.map_err(|error| format!("{name}: {error}"))?.ok_or_else(absent)
        };
        Ok(Self { ours, peers: PEERS.iter().map(peer).collect() })
    }

    /// That of a peer.
    pub(super) fn peer(&mut self, name: &str) -> Result<&mut Program, Failure> {
        self.both(name).map(|(_, theirs)| theirs)
    }

    fn both(&mut self, name: &str) -> Result<(&mut Program, &mut Program), Failure> {
        let at = PEERS.iter().position(|peer| *peer == name);
        let peer = at.and_then(|at| self.peers.get_mut(at));
        let peer = peer.ok_or_else(|| Failure::Program(format!("no such peer: {name}")))?;
        match peer {
            Ok(theirs) => Ok((&mut self.ours, theirs)),
            Err(why) => Err(Failure::Program(why.clone())),
        }
    }
}

/// Tells a comparison, or why there is none.
pub(super) fn tell(
    report: &mut Report<'_>,
    name: &str,
    pairs: Result<Pairs, Failure>,
) -> Result<(), Failure> {
    match pairs {
        Ok(pairs) => report.pairs(name, &pairs)?,
        Err(why) => report.missing(name, why.to_string())?,
    }
    Ok(())
}

/// By comparing all.
pub(super) fn exact(
    options: &Options,
    set: &Set,
    programs: &mut Programs,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let (name, line) = (set.name, format!("exact {COMPARED}"));
    let gigabytes = (set.base.1.numbers.len() * 4) as f64 / 1e9;
    let (mut shares, mut speeds) = (Pairs::default(), Vec::new());
    let mut found = programs.ours.found(&line, COMPARED)?;
    // In turn, since what the memory gives changes.
    for _ in 0..options.pairs(15) {
        shares.theirs.push(programs.ours.number("read", "bytes_s")? / 1e9);
        found = programs.ours.found(&line, COMPARED)?;
        shares.ours.push(found.qps * gigabytes);
        speeds.push(found.qps);
    }
    report.pairs(&format!("{name}: exact, bytes read"), &shares)?;
    report.value(&format!("{name}: exact"), &speeds)?;
    report.value(&format!("{name}: exact, recall"), &[set.recall(&found.ids)])?;
    for peer in ["faiss", "usearch", "sqlite-vec"] {
        let turns = programs
            .both(peer)
            .and_then(|(ours, theirs)| turns(options, (ours, &line), (theirs, &line), COMPARED));
        tell(report, &format!("{name}: exact, {peer}"), turns)?;
    }
    Ok(())
}

/// By codes, the best of which are compared in full.
pub(super) fn codes(
    options: &Options,
    set: &Set,
    ours: &mut Program,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let count = set.count();
    let all = ours.found(&format!("codes {count}"), count)?;
    let few = CODED.min(count);
    let speeds = (0..options.pairs(9)).map(|_| Ok(ours.found(&format!("codes {few}"), few)?.qps));
    let speeds: Vec<f64> = speeds.collect::<Result<_, Failure>>()?;
    report.value(&format!("{}: by codes", set.name), &speeds)?;
    Ok(report.value(&format!("{}: by codes, recall", set.name), &[set.recall(&all.ids)])?)
}

/// By the graph.
pub(super) fn graph(
    options: &Options,
    set: &Set,
    programs: &mut Programs,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let built = programs.ours.number("build", "s")?;
    let efforts = efforts(set, &mut programs.ours)?;
    for (recall, effort) in RECALLS.iter().zip(&efforts) {
        let line = format!("graph {}", enough(*effort, "typewright")?);
        let speeds = (0..options.pairs(5)).map(|_| Ok(programs.ours.found(&line, set.count())?.qps));
        let speeds: Vec<f64> = speeds.collect::<Result<_, Failure>>()?;
        report.value(&format!("{}: graph, recall {recall}", set.name), &speeds)?;
    }
    for peer in ["hnswlib", "usearch", "faiss"] {
        let theirs = programs.peer(peer).and_then(|theirs| theirs.number("build", "s"));
        let build = theirs.map(|theirs| Pairs { ours: vec![built], theirs: vec![theirs] });
        tell(report, &format!("{}: graph, build, {peer}", set.name), build)?;
        beside(options, set, programs, (peer, &efforts), report)?;
    }
    Ok(())
}

/// Our graph beside that of a peer.
fn beside(
    options: &Options,
    set: &Set,
    programs: &mut Programs,
    (peer, efforts): (&str, &[Option<usize>]),
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let theirs = programs.peer(peer).and_then(|theirs| self::efforts(set, theirs));
    let theirs = theirs.map_err(|why| why.to_string());
    for (at, recall) in RECALLS.iter().enumerate() {
        let pairs = theirs.as_ref().map_err(|why| Failure::Program(why.clone())).and_then(|found| {
            let lines = [enough(efforts[at], "typewright")?, enough(found[at], peer)?];
            let [our, their] = lines.map(|effort| format!("graph {effort}"));
            let (ours, theirs) = programs.both(peer)?;
            turns(options, (ours, &our), (theirs, &their), set.count())
        });
        tell(report, &format!("{}: graph, recall {recall}, {peer}", set.name), pairs)?;
    }
    Ok(())
}

fn enough(effort: Option<usize>, name: &str) -> Result<usize, Failure> {
    effort.ok_or_else(|| Failure::Program(format!("{name} did not find enough with any effort")))
}

/// The least effort for each recall.
fn efforts(set: &Set, program: &mut Program) -> Result<Vec<Option<usize>>, Failure> {
    let mut least = vec![None; RECALLS.len()];
    for effort in EFFORTS {
        let found = program.found(&format!("graph {effort}"), set.count())?;
        let found = set.recall(&found.ids);
        for (least, recall) in least.iter_mut().zip(RECALLS) {
            *least = least.or((found >= recall).then_some(effort));
        }
        if least.iter().all(Option::is_some) {
            break;
        }
    }
    Ok(least)
}

/// Queries a second of two programs that take turns.
fn turns(
    options: &Options,
    (ours, our_line): (&mut Program, &str),
    (theirs, their_line): (&mut Program, &str),
    queries: usize,
) -> Result<Pairs, Failure> {
    let mut pairs = Pairs::default();
    for _ in 0..options.pairs(5) {
        pairs.ours.push(ours.found(our_line, queries)?.qps);
        pairs.theirs.push(theirs.found(their_line, queries)?.qps);
    }
    Ok(pairs)
}
