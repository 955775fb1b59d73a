//! Mutants: wires that are wrong in one place, to see whether some test notices.
//!
//! [`plan`] walks over the IR of every provider and lists what can be changed ([`incoming`] and [`outgoing`] say what
//! that is), draws some of it by a seed, and emits every wire once with all its drawn mutants behind a switch
//! ([`instrument`]). What it returns is a workspace in memory ([`tree`]): generated crates that ask at run time which
//! mutant they are to be. Running tests over it, and writing it anywhere, is the caller's business.
//!
//! Providers that speak one dialect share its mutants: a change of the dialect is one mutant in all of them.

mod incoming;
mod instrument;
mod outgoing;
mod points;
mod tree;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use rayon::prelude::*;
use serde::Serialize;

use self::instrument::Module;
use self::points::{Point, Points};
use crate::compiler::{Compiler, Error};
use crate::diff::{ProviderState, State};
use crate::emit::wire::{self, OperationIr};
use crate::source::{SourceMap, Span};

/// Which mutants to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// How many; all that there are if there are fewer.
    pub count: usize,
    /// What the draw depends on.
    pub seed: u64,
}

/// A mutant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mutant {
    /// Its number in this plan, from 1.
    pub id: usize,
    /// Its name: what it changes, in words that stay the same when lines move.
    pub name: String,
    /// What kind of change it is.
    pub operator: &'static str,
    /// Where that stands, as `path:line`.
    pub place: String,
    /// Who has it.
    pub providers: Vec<String>,
    /// The choices at which it is made, by number. Who passes none of them cannot notice it.
    pub sites: BTreeSet<usize>,
}

/// Wires with mutants.
#[derive(Debug, Default)]
pub struct Plan {
    /// The drawn mutants.
    pub mutants: Vec<Mutant>,
    /// How many there are to draw from.
    pub enumerated: usize,
    /// How many of those that were drawn made no other code, and were left out.
    pub same: usize,
    /// The files of the workspace by path.
    pub files: BTreeMap<String, String>,
}

/// Which half of an operation is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Half {
    Outgoing,
    Incoming,
}

/// A change by which providers share a mutant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    operation: String,
    half: Half,
    point: Point,
    /// Among equal ones.
    ordinal: usize,
}

/// A drawn change in one provider.
#[derive(Debug, Clone, Copy)]
struct Change {
    id: usize,
    operation: usize,
    half: Half,
    /// The number of the place within the walk.
    at: usize,
}

/// Draws mutants of everything that `compiler` points at. Numbers in `without` are left out: those that did not build.
pub fn plan(compiler: &Compiler, draw: Draw, without: &BTreeSet<String>) -> Result<Plan, Error> {
    let state = compiler.state()?;
    let compilation = compiler.compile()?;
    if state.has_errors() || compilation.has_errors() {
        return Err(Error::Diagnostics);
    }
    let known = enumerate(&state);
    let enumerated = known.len();
    let mut drawn = drawn(known, draw);
    drawn.retain(|(key, _)| !without.contains(&name(key)));
    let mut changes: Vec<Vec<Change>> = vec![Vec::new(); state.providers.len()];
    for (at, (_, uses)) in drawn.iter().enumerate() {
        for (provider, change) in uses {
            changes[*provider].push(Change { id: at + 1, ..*change });
        }
    }
    let made: Vec<(tree::Wire, Sites)> = (0..changes.len())
        .into_par_iter()
        .map(|at| instrumented(&state.providers[at], &changes[at], at * SITES_OF_A_PROVIDER))
        .collect();
    let mut plan = Plan { enumerated, ..Plan::default() };
    let mut sites: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (id, numbers) in made.iter().flat_map(|(_, sites)| &sites.of) {
        sites.entry(*id).or_default().extend(numbers);
    }
    for (at, (key, uses)) in drawn.into_iter().enumerate() {
        let Some(sites) = sites.remove(&(at + 1)) else {
            plan.same += 1;
            continue;
        };
        let providers =
            uses.iter().map(|(provider, _)| state.providers[*provider].provider.name.clone()).collect();
        let place = place(&state.sources, key.point.span);
        let (name, operator) = (name(&key), key.point.operator.name());
        plan.mutants.push(Mutant { id: at + 1, name, operator, place, providers, sites });
    }
    let wires: Vec<tree::Wire> = made.into_iter().map(|(wire, _)| wire).collect();
    plan.files = tree::files(&compilation.outputs, &wires);
    Ok(plan)
}

type Uses = Vec<(usize, Change)>;

/// Every change that can be made, with the providers that have it, in the order in which they are found.
fn enumerate(state: &State) -> Vec<(Key, Uses)> {
    let mut known: BTreeMap<usize, (Key, Uses)> = BTreeMap::new();
    let mut numbers = HashMap::new();
    for (provider, ProviderState { placed, .. }) in state.providers.iter().enumerate() {
        let mut seen: HashMap<(usize, Half, Point), usize> = HashMap::new();
        for (operation, ir) in placed.iter().enumerate() {
            for half in [Half::Outgoing, Half::Incoming] {
                for (at, point) in places(ir, half).into_iter().enumerate() {
                    let count = seen.entry((operation, half, point.clone())).or_default();
                    let key = Key { operation: ir.encode.operation.clone(), half, point, ordinal: *count };
                    *count += 1;
                    let next = numbers.len();
                    let number = *numbers.entry(key.clone()).or_insert(next);
                    let change = Change { id: 0, operation, half, at };
                    known.entry(number).or_insert_with(|| (key, Vec::new())).1.push((provider, change));
                }
            }
        }
    }
    known.into_values().collect()
}

/// What can be changed in one half of an operation, in the order of the walk.
fn places(operation: &OperationIr, half: Half) -> Vec<Point> {
    let mut points = Points::listing(operation.span);
    walk(&mut operation.clone(), half, &mut points);
    points.into_found()
}

fn walk(operation: &mut OperationIr, half: Half, points: &mut Points) {
    match half {
        Half::Outgoing => outgoing::walk(&mut operation.encode, points),
        Half::Incoming => incoming::walk(&mut operation.decode, points),
    }
}

/// Some of all, every one as likely as any other: those with the least numbers that a seed gives them.
fn drawn(mut known: Vec<(Key, Uses)>, draw: Draw) -> Vec<(Key, Uses)> {
    if known.len() <= draw.count {
        return known;
    }
    let mut lots: Vec<(u64, usize)> =
        (0..known.len()).map(|at| (mix(draw.seed ^ mix(at as u64)), at)).collect();
    lots.sort_unstable();
    let chosen: BTreeSet<usize> = lots.into_iter().take(draw.count).map(|(_, at)| at).collect();
    let mut at = 0;
    known.retain(|_| {
        at += 1;
        chosen.contains(&(at - 1))
    });
    known
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn name(key: &Key) -> String {
    let half = if key.half == Half::Outgoing { "request" } else { "response" };
    let again = if key.ordinal == 0 { String::new() } else { format!(" ({})", key.ordinal + 1) };
    format!("{} {half}, {}: {}{again}", key.operation, key.point.operator.name(), key.point.what)
}

fn place(sources: &SourceMap, span: Span) -> String {
    let (path, line, _) = sources.locate(span);
    format!("{}:{line}", path.display())
}

/// How many choices one provider may have; far more than it has functions.
const SITES_OF_A_PROVIDER: usize = 10_000;

/// The choices of one provider, by number.
#[derive(Debug, Default)]
struct Sites {
    next: usize,
    /// Where each mutant is chosen.
    of: BTreeMap<usize, BTreeSet<usize>>,
}

impl Sites {
    fn number(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    fn note(&mut self, id: usize, site: usize) {
        self.of.entry(id).or_default().insert(site);
    }
}

/// The wire of a provider with its mutants, whose choices are numbered from `first` on.
fn instrumented(state: &ProviderState, changes: &[Change], first: usize) -> (tree::Wire, Sites) {
    let ProviderState { provider, placed: operations, .. } = state;
    let mut sites = Sites { next: first, ..Sites::default() };
    let mut tokens = wire::statics(provider, operations);
    let statics = instrument::statics(tokens.clone());
    let mut wires: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for (number, operation) in operations.iter().enumerate() {
        for half in [Half::Outgoing, Half::Incoming] {
            let own = changes.iter().filter(|change| change.operation == number && change.half == half);
            let mutants: Vec<(usize, OperationIr)> =
                own.map(|change| (change.id, mutated(operation, change))).collect();
            tokens.extend(module(operation, half, &mutants, &mut sites));
            for (id, mutant) in mutants {
                let mut all = operations.clone();
                all[number] = mutant;
                let changed = instrument::statics(wire::statics(provider, &all));
                if let Some((copies, names)) = instrument::changed_statics(&statics, &changed, id) {
                    tokens.extend(copies);
                    wires.insert(id, names);
                }
            }
        }
    }
    let site = sites.number();
    wires.keys().for_each(|id| sites.note(*id, site));
    (tree::Wire { folder: provider.name.clone(), text: tree::text(tokens), site, wires }, sites)
}

/// One module with its mutants.
fn module(
    operation: &OperationIr,
    half: Half,
    mutants: &[(usize, OperationIr)],
    sites: &mut Sites,
) -> TokenStream {
    let Some(base) = module_of(operation, half) else { return TokenStream::new() };
    let read = |(id, mutant): &(usize, OperationIr)| Some((*id, module_of(mutant, half)?));
    let mutants: Vec<(usize, Module)> = mutants.iter().filter_map(read).collect();
    let mut numbers = BTreeMap::new();
    let made = instrument::module(&base, &mutants, |function| {
        *numbers.entry(function.to_owned()).or_insert_with(|| sites.number())
    });
    for (id, functions) in made.sites {
        functions.iter().filter_map(|function| numbers.get(function)).for_each(|site| sites.note(id, *site));
    }
    let half = if half == Half::Outgoing { "request" } else { "response" };
    let (name, items) = (format_ident!("{}_{half}", operation.encode.operation), made.tokens);
    quote!(mod #name { #items })
}

fn mutated(operation: &OperationIr, change: &Change) -> OperationIr {
    let mut operation = operation.clone();
    let span = operation.span;
    walk(&mut operation, change.half, &mut Points::to(change.at, span));
    operation
}

fn module_of(operation: &OperationIr, half: Half) -> Option<Module> {
    Module::read(match half {
        Half::Outgoing => wire::request_module(operation),
        Half::Incoming => wire::response_module(operation),
    })
}
