//! Memories and questions whose answers are known, made by a seed: paraphrases, identifiers, facts of a time, answers over
//! two relations, superseded facts; and memories that look like answers and are none.

use std::time::Duration;

use fastrand::Rng;
use typewright_runtime::memory::{
    Id, Interval, Kind, MemoryDraft, Namespace, Provenance, RelationDraft, RelationKind, Timestamp,
};

use super::concepts::{CONCEPTS, MODEL, embed, syllables, word};

/// What is hard about a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It says the same in other words, and others say something else in the same words.
    Paraphrase,
    /// It names an identifier among many alike.
    Identifier,
    /// It asks for a time; other times have other answers.
    TimeBound,
    /// One of its two answers is told by a relation alone.
    MultiHop,
    /// What it says was superseded in other words.
    Superseded,
}

/// All.
pub const CLASSES: [Class; 5] =
    [Class::Paraphrase, Class::Identifier, Class::TimeBound, Class::MultiHop, Class::Superseded];

/// A question, and its answers.
#[derive(Debug, Clone)]
pub struct Question {
    /// What is hard about it.
    pub class: Class,
    /// It.
    pub text: String,
    /// The time that it asks for.
    pub valid_at: Option<Timestamp>,
    /// The memories that answer it.
    pub evidence: Vec<Id>,
}

/// A world that is asked about.
#[derive(Debug)]
pub struct World {
    /// Memories, all with names, to be stored in this order.
    pub memories: Vec<MemoryDraft>,
    /// Which one supersedes which that is there.
    pub supersedes: Vec<(Id, MemoryDraft)>,
    /// Relations.
    pub relations: Vec<RelationDraft>,
    /// Questions.
    pub questions: Vec<Question>,
    random: Rng,
    next: u128,
}

const VERBS: std::ops::Range<usize> = 0..60;
const KINDS: std::ops::Range<usize> = 60..160;
const THINGS: std::ops::Range<usize> = 160..400;
const PLACES: std::ops::Range<usize> = 400..CONCEPTS - 3;
const LIVES: usize = CONCEPTS - 3;
const KEEPS: usize = CONCEPTS - 2;
const PREFERS: usize = CONCEPTS - 1;

/// Where all of it is.
pub fn namespace() -> Namespace {
    Namespace::new("benchmark").unwrap_or_else(|error| unreachable!("{error}"))
}

/// When it is asked.
pub fn now() -> Timestamp {
    time(2026)
}

fn time(year: i32) -> Timestamp {
    Timestamp::parse(&format!("{year}-01-01T00:00:00Z")).unwrap_or(Timestamp::MIN)
}

/// Four things that are said, as concepts.
type Scene = [usize; 4];

impl World {
    /// The world of a seed, with so many questions of each class.
    pub fn new(seed: u64, of_each: usize) -> Self {
        let random = Rng::with_seed(seed);
        let empty = || (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (memories, supersedes, relations, questions) = empty();
        let mut world = Self { memories, supersedes, relations, questions, random, next: 1 };
        for _ in 0..of_each {
            world.paraphrase();
            world.identifier();
            world.time_bound();
            world.multi_hop();
            world.superseded();
            for _ in 0..5 {
                world.distractor();
            }
        }
        // Names say nothing of what belongs together.
        world.random.shuffle(&mut world.memories);
        world
    }

    fn id(&mut self) -> Id {
        self.next += 1;
        Id::from_u128(u128::from(self.random.u64(..)) << 64 | self.next)
    }

    fn draft(&mut self, text: &str) -> (Id, MemoryDraft) {
        let id = self.id();
        let draft = MemoryDraft::new(namespace(), Kind::Fact, text).embedding(MODEL, embed(text)).id(id);
        (id, draft.provenance(Provenance::new("benchmark")))
    }

    fn add(&mut self, text: &str) -> Id {
        let (id, draft) = self.draft(text);
        self.memories.push(draft);
        id
    }

    fn name(&mut self) -> String {
        let name = syllables(self.random.usize(..4096));
        let mut letters = name.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
    }

    fn scene(&mut self) -> Scene {
        [VERBS, KINDS, THINGS, PLACES].map(|range| self.random.usize(range))
    }

    /// A scene in words: of each concept the word that is meant.
    fn told(scene: Scene, who: &str, say: [usize; 4]) -> String {
        let [verb, kind, thing, place] = [0, 1, 2, 3].map(|at| word(scene[at], say[at]));
        format!("{who} {verb} a {kind} {thing} near the {place}")
    }

    fn ask(&mut self, class: Class, text: String, valid_at: Option<Timestamp>, evidence: Vec<Id>) {
        self.questions.push(Question { class, text, valid_at, evidence });
    }

    fn paraphrase(&mut self) {
        let (scene, who) = (self.scene(), self.name());
        let answer = self.add(&Self::told(scene, &who, [0; 4]));
        // Two of the words of the question, and two other things.
        for keep in [[true, true, false, false], [false, false, true, true]] {
            let other = self.scene();
            let mixed = std::array::from_fn(|at| if keep[at] { scene[at] } else { other[at] });
            let say = std::array::from_fn(|at| if keep[at] { 1 } else { self.random.usize(..3) });
            let who = self.name();
            if mixed != scene {
                self.add(&Self::told(mixed, &who, say));
            }
        }
        let [verb, kind, thing, place] = scene.map(|at| word(at, 1));
        let text = format!("who {verb} some {kind} {thing} by the {place}?");
        self.ask(Class::Paraphrase, text, None, vec![answer]);
    }

    fn identifier(&mut self) {
        let letters = ["ZX", "QV", "BT"];
        let number = self.random.u32(1000..9999);
        let at = self.random.usize(..3);
        let of = |at: usize, number: u32| format!("{}-{number}", letters[at % 3]);
        let ticket = |world: &mut Self, name: &str| {
            let [verb, kind, thing, place] = world.scene().map(|at| word(at, 0));
            world.add(&format!("ticket {name} says that a {kind} {thing} was {verb} at the {place}"))
        };
        let answer = ticket(self, &of(at, number));
        // The same number of other letters, the same letters with other numbers.
        for name in [of(at + 1, number), of(at, number / 10), of(at, number + 10_000)] {
            ticket(self, &name);
        }
        let text = format!("what does ticket {} say?", of(at, number));
        self.ask(Class::Identifier, text, None, vec![answer]);
    }

    fn time_bound(&mut self) {
        let who = self.name();
        let years = [2016, 2019, 2022, 2026];
        let mut told = Vec::new();
        for pair in years.windows(2) {
            let [verb, town, place] = [word(LIVES, 0), self.name(), self.place()];
            let (id, draft) = self.draft(&format!("{who} {verb} in {town} by the {place}"));
            let valid = Interval::between(time(pair[0]), time(pair[1])).unwrap_or(Interval::ALWAYS);
            self.memories.push(draft.valid(valid));
            told.push((id, pair[0]));
        }
        let (answer, year) = told[self.random.usize(..told.len())];
        let text = format!("where was it that {who} {}?", word(LIVES, 1));
        self.ask(Class::TimeBound, text, Some(time(year + 1)), vec![answer]);
    }

    fn place(&mut self) -> String {
        word(self.random.usize(PLACES), 0)
    }

    fn multi_hop(&mut self) {
        let (who, boss, thing) = (self.name(), self.name(), self.random.usize(THINGS));
        let first = self.add(&format!("{who} answers to {boss}"));
        let [place, keeps] = [self.place(), word(KEEPS, 0)];
        let second =
            self.add(&format!("the {} of {boss} is what one {keeps} in the {place}", word(thing, 0)));
        let draft = RelationDraft::new(second, RelationKind::RelatedTo, first).weight(0.9);
        self.relations.push(draft);
        for _ in 0..2 {
            let (other, place) = (self.name(), self.place());
            let like =
                self.add(&format!("the {} of {other} is what one {keeps} in the {place}", word(thing, 0)));
            let unlike = self.distractor();
            self.relations.push(RelationDraft::new(like, RelationKind::RelatedTo, unlike).weight(0.9));
        }
        let text = format!("to whom does {who} answer, and where is the {} kept?", word(thing, 2));
        self.ask(Class::MultiHop, text, None, vec![first, second]);
    }

    fn superseded(&mut self) {
        let (who, thing) = (self.name(), self.random.usize(THINGS));
        let old = self.add(&format!("{who} {} the {}", word(PREFERS, 0), word(thing, 1)));
        let other = THINGS.start + (thing + 1 - THINGS.start) % THINGS.len();
        let (new, draft) = self.draft(&format!("{who} now {} the {}", word(PREFERS, 2), word(other, 0)));
        self.supersedes.push((old, draft));
        for _ in 0..2 {
            let name = self.name();
            self.add(&format!("{name} {} the {}", word(PREFERS, 0), word(thing, 1)));
        }
        let text = format!("what is it that {who} {}?", word(PREFERS, 0));
        self.ask(Class::Superseded, text, None, vec![new]);
    }

    fn distractor(&mut self) -> Id {
        let (scene, who) = (self.scene(), self.name());
        let say = std::array::from_fn(|_| self.random.usize(..3));
        self.add(&Self::told(scene, &who, say))
    }

    /// Some time before everything was stored.
    pub fn stored() -> Timestamp {
        now().minus(Duration::from_secs(24 * 3600))
    }
}

/// The share of the answers that are among the first.
pub fn recall_at(found: &[Id], evidence: &[Id], first: usize) -> f64 {
    let found = evidence.iter().filter(|id| found.iter().take(first).any(|one| one == *id)).count();
    found as f64 / evidence.len().max(1) as f64
}

/// Normalised discounted cumulative gain (Järvelin, Kekäläinen 2002), of answers that all count alike.
pub fn ndcg_at(found: &[Id], evidence: &[Id], first: usize) -> f64 {
    let gain = |rank: usize| 1.0 / (rank as f64 + 2.0).log2();
    let found = found.iter().take(first).enumerate().filter(|(_, id)| evidence.contains(id));
    let best: f64 = (0..evidence.len().min(first)).map(gain).sum();
    found.map(|(rank, _)| gain(rank)).sum::<f64>() / best
}
