//! Which strategy serves which question: a contextual bandit over [`Strategy`], which learns from rewards and logs how
//! likely each of its choices was.
//!
//! Questions are told apart by their form ([`Features`]); each form has its own Beta posterior of the reward of each strategy.
//! A choice follows the chance that a strategy is the best by what is known (Thompson 1933), less what it costs, mixed with a
//! prior by the features (`softmax(θ·x / T)`) that fades with experience. Posteriors are discounted (Garivier, Moulines
//! 2011), for what serves best may change. Where the choice is open (its entropy is high), everything is asked: hybrid. A
//! strategy that fails again and again is left out for a while, and what fails is asked again as hybrid.
//!
//! Always-hybrid is the control, and what is done until the router has [won](Router::has_won): until then only a small share
//! of the questions follow it, and the log tells by inverse propensity (Horvitz, Thompson 1952; Li et al. 2010) what all of
//! them would have given. Chances are computed and the choice is drawn from them, so that a logged propensity is exact. Arms
//! learn on their own; a matrix of correlations would have to beat this first. Everything is decided by seed and log.

mod ask;
mod chance;
mod log;
mod state;

pub use ask::{Routed, ask};
pub use chance::{Beta, best, entropy, softmax};
pub use log::{Entry, Estimate, estimate};

use super::query::{Query, Strategy};
use super::text;
use crate::memory::Random;

/// How many strategies there are.
pub const ARMS: usize = 6;

/// All strategies, in the order in which chances are told.
pub const STRATEGIES: [Strategy; ARMS] = [
    Strategy::ExactId,
    Strategy::Words,
    Strategy::Vector,
    Strategy::Graph,
    Strategy::Temporal,
    Strategy::Hybrid,
];

const HYBRID: usize = ARMS - 1;

/// A number for each strategy.
pub type PerArm = [f64; ARMS];

/// What of a question is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Features {
    /// Words in it.
    pub words: usize,
    /// Names in it that are meant literally, or something in quotes.
    pub has_name: bool,
    /// A date in it, or a time that it asks for.
    pub has_date: bool,
    /// Words that stand in it as names of people and things do.
    pub entities: usize,
    /// How far the first that vectors find is before the second, where that is known: 0 to 1.
    pub gap: f64,
    /// It has a vector.
    pub has_vector: bool,
}

impl Features {
    /// Of a query. The gap is not known before it is asked.
    pub fn of(query: &Query) -> Self {
        let asked = query.text.as_deref().unwrap_or_default();
        Self {
            words: text::words(asked).len(),
            has_name: !query.names().is_empty() || text::has_quotes(asked),
            has_date: query.has_time(),
            entities: text::entities(asked),
            gap: 0.0,
            has_vector: query.vector.is_some(),
        }
    }

    /// The form of the question, by which experience is kept apart: one of [`FORMS`].
    pub fn form(&self) -> usize {
        let bits = [self.has_name, self.has_date, self.entities >= 2, self.words > 6];
        bits.iter().zip(0..).map(|(bit, at)| usize::from(*bit) << at).sum()
    }

    /// `θ·x` of each strategy: what one would guess without experience.
    fn guess(&self) -> PerArm {
        let on = |bit: bool, worth: f64| if bit { worth } else { 0.0 };
        let long = (self.words as f64 / 12.0).min(1.0);
        [
            on(self.has_name, 2.0) - 1.0,
            0.5 + on(self.has_name, 0.5) - 0.5 * long,
            on(self.has_vector, 0.5 + 0.5 * long + self.gap) - on(!self.has_vector, 2.0),
            on(self.entities >= 2, 1.0) - 0.5,
            on(self.has_date, 1.5) - 1.0,
            1.0,
        ]
    }
}

/// How many forms of questions there are.
pub const FORMS: usize = 16;

/// How a router behaves. A number that is out of its range is taken for the nearest in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What every draw comes from.
    pub seed: u64,
    /// The share of questions that follow the router before it has won.
    pub explore: f64,
    /// The share of questions that are hybrid, as a control, once it has won.
    pub control: f64,
    /// The temperature of the prior: the less, the more it trusts the features.
    pub temperature: f64,
    /// After so many rewards of a form, prior and experience count alike.
    pub prior: f64,
    /// What is left of an experience after each later reward of its form: 1 forgets nothing.
    pub discount: f64,
    /// What each strategy costs, from 0 to 1.
    pub costs: PerArm,
    /// How much costs count against rewards.
    pub cost_weight: f64,
    /// From this entropy of the choice on, in nats, everything is asked but for the share that explores. `ln 6` is the most.
    pub entropy: f64,
    /// After so many failures in a row a strategy is left out,
    pub failures: u32,
    /// for so many choices.
    pub pause: u64,
    /// So many logged rewards are needed to have won.
    pub needed: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 0,
            explore: 0.1,
            control: 0.05,
            temperature: 0.5,
            prior: 8.0,
            discount: 0.999,
            costs: [0.1, 0.2, 0.2, 0.6, 0.5, 0.6],
            cost_weight: 0.05,
            entropy: 1.4,
            failures: 3,
            pause: 100,
            needed: 500,
        }
    }
}

impl Config {
    /// With every number in its range: what is beyond it becomes the end of it, and what is no number the usual one.
    fn fitting(self) -> Self {
        let usual = Self::default();
        let within = |x: f64, usual: f64, most: f64| if x.is_nan() { usual } else { x.clamp(0.0, most) };
        let mut costs = self.costs;
        costs.iter_mut().zip(usual.costs).for_each(|(cost, usual)| *cost = within(*cost, usual, 1.0));
        Self {
            explore: within(self.explore, usual.explore, 1.0),
            control: within(self.control, usual.control, 1.0),
            temperature: within(self.temperature, usual.temperature, MOST),
            prior: within(self.prior, usual.prior, MOST),
            discount: within(self.discount, usual.discount, 1.0),
            costs,
            cost_weight: within(self.cost_weight, usual.cost_weight, MOST),
            entropy: within(self.entropy, usual.entropy, MOST),
            ..self
        }
    }
}

/// A choice, and how likely it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The number of the choice.
    pub step: u64,
    /// The form of the question.
    pub form: usize,
    /// What was chosen.
    pub strategy: Strategy,
    /// How likely each was.
    pub chances: PerArm,
    /// What the router alone would have done, had it won.
    pub policy: PerArm,
}

impl Choice {
    /// How likely what was chosen was.
    pub fn propensity(&self) -> f64 {
        self.chances.get(position(self.strategy)).copied().unwrap_or_default()
    }
}

/// Where a strategy stands among the chances.
pub fn position(strategy: Strategy) -> usize {
    STRATEGIES.iter().position(|one| *one == strategy).unwrap_or(HYBRID)
}

/// What became of a choice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// It was worth so much: 0 to 1.
    Reward(f64),
    /// It failed, or found nothing: it was asked again as hybrid.
    Failure,
}

/// Learns which strategy serves which question.
#[derive(Debug, Clone, PartialEq)]
pub struct Router {
    config: Config,
    /// Of each form, what is known of each strategy.
    posteriors: Vec<[Beta; ARMS]>,
    /// Failures in a row of each strategy, and up to which choice it is left out.
    breakers: [Breaker; ARMS],
    step: u64,
    /// At least the last [`LOGGED`] entries.
    log: Vec<Entry>,
    /// Whether it had won when that was looked at last.
    has_won: bool,
}

/// Whether a strategy is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Breaker {
    failures: u32,
    until: u64,
}

/// So many entries of the log are kept: the last ones, and up to as many before them.
const LOGGED: usize = 4096;
/// After so many rewards it is looked again whether it has won. As many entries as are dropped at once are a multiple.
const LOOK: usize = 32;
/// What has no bound of its own is no larger than this.
const MOST: f64 = 1e9;

impl Router {
    /// A router that knows nothing yet.
    pub fn new(config: Config) -> Self {
        let posteriors = vec![[Beta::default(); ARMS]; FORMS];
        let breakers = <[Breaker; ARMS]>::default();
        let config = config.fitting();
        Self { config, posteriors, breakers, step: 0, log: Vec::new(), has_won: false }
    }

    /// What it would do with a question of which no more is known: a chance for each strategy.
    pub fn policy(&self, features: &Features) -> PerArm {
        let form = features.form();
        let posteriors = self.posteriors.get(form).copied().unwrap_or_default();
        let known = posteriors.iter().map(Beta::experience).sum::<f64>();
        let whole = self.config.prior + known;
        // Without experience, and without trust in what features say, all that can be asked is as good.
        let prior = if whole > 0.0 { self.config.prior / whole } else { 0.0 };
        let guessed = softmax(&features.guess(), self.config.temperature);
        let offsets = self.config.costs.map(|cost| -self.config.cost_weight * cost);
        let learned = best(&posteriors, &offsets);
        let mixed = std::array::from_fn(|arm| {
            let of = |chances: &PerArm| chances.get(arm).copied().unwrap_or_default();
            prior * of(&guessed) + (1.0 - prior) * of(&learned)
        });
        let open = self.usable(mixed, features);
        match entropy(&open) > self.config.entropy {
            // As much as explores anyway goes on as it is, or nothing would ever be learned of the others.
            true => towards_hybrid(&open, 1.0 - self.config.explore),
            false => open,
        }
    }

    /// Without strategies that are left out or cannot be asked.
    fn usable(&self, chances: PerArm, features: &Features) -> PerArm {
        let is_possible = [
            features.has_name,
            features.words > 0,
            features.has_vector,
            features.words > 0 || features.has_vector,
            features.has_date,
            true,
        ];
        let closed = |arm: usize| self.breakers.get(arm).is_some_and(|breaker| breaker.until > self.step);
        let mut left = chances;
        for (arm, chance) in left.iter_mut().enumerate() {
            let is_usable = arm == HYBRID || is_possible.get(arm) == Some(&true) && !closed(arm);
            *chance = if is_usable { *chance } else { 0.0 };
        }
        let all = left.iter().sum::<f64>();
        if all > 0.0 { left.map(|chance| chance / all) } else { towards_hybrid(&left, 1.0) }
    }

    /// Chooses. The same seed, and the same log, choose the same.
    pub fn choose(&mut self, features: &Features) -> Choice {
        let policy = self.policy(features);
        let hybrid = if self.has_won() { self.config.control } else { 1.0 - self.config.explore };
        let chances = towards_hybrid(&policy, hybrid);
        let mut random = Random::new(self.config.seed ^ self.step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let strategy = STRATEGIES[drawn(&chances, random.unit())];
        let step = self.step;
        self.step = step.saturating_add(1);
        Choice { step, form: features.form(), strategy, chances, policy }
    }

    /// Learns what became of a choice.
    pub fn learn(&mut self, choice: &Choice, outcome: Outcome) {
        let arm = position(choice.strategy);
        let reward = match outcome {
            Outcome::Reward(reward) if !reward.is_nan() => reward.clamp(0.0, 1.0),
            Outcome::Reward(_) | Outcome::Failure => 0.0,
        };
        if let Some(breaker) = self.breakers.get_mut(arm) {
            let failures = if outcome == Outcome::Failure { breaker.failures.saturating_add(1) } else { 0 };
            let is_out = failures >= self.config.failures && arm != HYBRID;
            let until = if is_out { self.step.saturating_add(self.config.pause) } else { breaker.until };
            // After its pause a strategy has one try.
            *breaker = Breaker { failures, until };
        }
        if let Some(posteriors) = self.posteriors.get_mut(choice.form) {
            posteriors.iter_mut().for_each(|beta| beta.discount(self.config.discount));
            if let Some(beta) = posteriors.get_mut(arm) {
                beta.learn(reward);
            }
        }
        if self.log.len() >= 2 * LOGGED {
            self.log.drain(..LOGGED);
        }
        self.log.push(Entry { choice: choice.clone(), reward });
        // By what was learned, since not every choice is worth a reward to somebody.
        if self.log.len().is_multiple_of(LOOK) {
            let gain = self.gain();
            self.has_won = gain.count >= self.config.needed && gain.mean - 2.0 * gain.error > 0.0;
        }
    }

    /// What was logged, the oldest first.
    pub fn log(&self) -> &[Entry] {
        &self.log
    }

    /// What the router alone would have given, less what hybrid alone would have, by the log.
    pub fn gain(&self) -> Estimate {
        estimate(&self.log, |choice| {
            let mut against = choice.policy;
            against[HYBRID] -= 1.0;
            against
        })
    }

    /// Whether it is better than always-hybrid, as far as can be told: by two standard errors, over as many rewards as are
    /// needed. Looked at now and then.
    pub fn has_won(&self) -> bool {
        self.has_won
    }
}

/// That much of the chances goes to hybrid.
fn towards_hybrid(chances: &PerArm, share: f64) -> PerArm {
    let mut mixed = chances.map(|chance| chance * (1.0 - share));
    mixed[HYBRID] += share;
    mixed
}

/// What a number of [0, 1) draws.
fn drawn(chances: &PerArm, at: f64) -> usize {
    let mut sum = 0.0;
    for (arm, chance) in chances.iter().enumerate() {
        sum += chance;
        if at < sum {
            return arm;
        }
    }
    // What rounding leaves over.
    chances.iter().rposition(|chance| *chance > 0.0).unwrap_or(HYBRID)
}
