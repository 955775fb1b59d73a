//! What a router knows, as text: JSON, so that it can be kept and read by others.

use serde_json::{Value, json};

use super::chance::MOST;
use super::{ARMS, Beta, Breaker, Choice, Config, Entry, FORMS, PerArm, Router, STRATEGIES, position};
use crate::memory::Error;

// Numbers are written as texts, which lead back to the last bit.

/// The form of the text.
const VERSION: u64 = 1;
/// What was chosen had some chance: what is reckoned by less is more than any number.
const LEAST: f64 = 1e-30;

impl Router {
    /// All that it knows, and its log.
    pub fn to_json(&self) -> String {
        let posteriors =
            |arms: &[Beta; ARMS]| -> Value { arms.iter().map(|beta| numbers(&[beta.a, beta.b])).collect() };
        let entry = |entry: &Entry| {
            let Choice { step, form, strategy, chances, policy } = &entry.choice;
            json!([
                step,
                form,
                position(*strategy),
                numbers(chances),
                numbers(policy),
                entry.reward.to_string()
            ])
        };
        json!({
            "version": VERSION,
            "step": self.step,
            "has_won": self.has_won,
            "posteriors": self.posteriors.iter().map(posteriors).collect::<Value>(),
            "breakers": self.breakers.iter().map(|one| json!([one.failures, one.until])).collect::<Value>(),
            "log": self.log.iter().map(entry).collect::<Value>(),
        })
        .to_string()
    }

    /// A router that knows what another one did. How it behaves is said anew.
    ///
    /// # Errors
    /// When the text is not that of a router.
    pub fn from_json(text: &str, config: Config) -> Result<Self, Error> {
        let wrong = |reason: String| Error::invalid("the state of a router", reason);
        let value: Value = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if value["version"].as_u64() != Some(VERSION) {
            return Err(wrong(format!("its version is {}", value["version"])));
        }
        read(&value, config).ok_or_else(|| wrong("something is missing or out of range".to_owned()))
    }
}

fn numbers(numbers: &[f64]) -> Value {
    numbers.iter().map(f64::to_string).collect()
}

fn number(value: &Value) -> Option<f64> {
    value.as_str()?.parse().ok()
}

fn read(value: &Value, config: Config) -> Option<Router> {
    let beta = |value: &Value| {
        let (a, b) = (number(&value[0])?, number(&value[1])?);
        let is_sound = |x: f64| (1.0..=MOST).contains(&x);
        (is_sound(a) && is_sound(b)).then_some(Beta { a, b })
    };
    let arms = |value: &Value| -> Option<[Beta; ARMS]> {
        value.as_array()?.iter().map(beta).collect::<Option<Vec<_>>>()?.try_into().ok()
    };
    let posteriors: Vec<_> = value["posteriors"].as_array()?.iter().map(arms).collect::<Option<_>>()?;
    let breaker = |value: &Value| {
        let failures = u32::try_from(value[0].as_u64()?).ok()?;
        Some(Breaker { failures, until: value[1].as_u64()? })
    };
    let breakers = value["breakers"].as_array()?.iter().map(breaker).collect::<Option<Vec<_>>>()?;
    let log = value["log"].as_array()?.iter().map(entry).collect::<Option<_>>()?;
    let (breakers, step) = (breakers.try_into().ok()?, value["step"].as_u64()?);
    let (has_won, config) = (value["has_won"].as_bool()?, config.fitting());
    (posteriors.len() == FORMS).then_some(Router { config, posteriors, breakers, step, log, has_won })
}

fn entry(value: &Value) -> Option<Entry> {
    let form = usize::try_from(value[1].as_u64()?).ok().filter(|form| *form < FORMS)?;
    let strategy = *STRATEGIES.get(usize::try_from(value[2].as_u64()?).ok()?)?;
    let (chances, policy) = (per_arm(&value[3])?, per_arm(&value[4])?);
    let choice = Choice { step: value[0].as_u64()?, form, strategy, chances, policy };
    let choice = Some(choice).filter(|choice| choice.propensity() >= LEAST)?;
    Some(Entry { choice, reward: number(&value[5]).filter(|reward| (0.0..=1.0).contains(reward))? })
}

fn per_arm(value: &Value) -> Option<PerArm> {
    let numbers = value.as_array()?.iter().map(number).collect::<Option<Vec<_>>>()?;
    let numbers: PerArm = numbers.try_into().ok()?;
    numbers.iter().all(|number| (0.0..=1.0 + 1e-9).contains(number)).then_some(numbers)
}
