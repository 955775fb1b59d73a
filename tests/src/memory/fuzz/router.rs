//! What a router has saved: any text. What is taken is a router that chooses, learns, and can be saved again.

use typewright_runtime::memory::Error;
use typewright_runtime::memory::recall::router::{ARMS, Config, Features, Outcome, PerArm, Router};

/// How often a router is asked and told.
const STEPS: u64 = 6;
/// What was worth nothing, something and all, what is no number, and what nobody gives.
const REWARDS: [f64; 6] = [0.0, 0.5, 1.0, f64::NAN, -1.0, f64::INFINITY];

/// Reads a text as what a router has saved. What is taken is lived with, by a router that behaves as `choice` says. Whether
/// it was taken.
pub fn router(choice: u8, text: &str) -> bool {
    let config = config(choice);
    let mut router = match Router::from_json(text, config.clone()) {
        Ok(router) => router,
        Err(error) => {
            assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
            return false;
        }
    };
    comes_back(&router, &config);
    for step in 0..STEPS {
        lives(&mut router, u64::from(choice) + step);
    }
    comes_back(&router, &config);
    true
}

/// Ways to behave, also such as nobody should want.
fn config(choice: u8) -> Config {
    let usual = Config { seed: choice.into(), ..Config::default() };
    match choice % 5 {
        0 => usual,
        1 => Config { discount: 1.0, explore: 1.0, control: 0.0, ..usual },
        2 => Config { prior: 0.0, temperature: 0.0, explore: 0.0, ..usual },
        3 => Config { costs: [f64::NAN; ARMS], cost_weight: f64::INFINITY, entropy: -1.0, ..usual },
        _ => Config { failures: 0, pause: u64::MAX, needed: 0, discount: 0.0, ..usual },
    }
}

fn features(step: u64) -> Features {
    let bit = |at: u64| step >> at & 1 == 1;
    let (words, entities) = ((step % 9) as usize, (step % 4) as usize);
    Features { words, has_name: bit(0), has_date: bit(1), entities, gap: 0.0, has_vector: bit(2) }
}

/// Asks it, and tells it what that was worth.
fn lives(router: &mut Router, step: u64) {
    let choice = router.choose(&features(step));
    are_chances(&choice.chances);
    are_chances(&choice.policy);
    assert!(choice.propensity() > 0.0, "{choice:?}");
    let outcome = match REWARDS.get((step % 7) as usize) {
        Some(reward) => Outcome::Reward(*reward),
        None => Outcome::Failure,
    };
    router.learn(&choice, outcome);
    let gain = router.gain();
    assert!(gain.mean.is_finite() && gain.error.is_finite(), "{gain:?}");
}

fn are_chances(chances: &PerArm) {
    let sum: f64 = chances.iter().sum();
    let are_fit = chances.iter().all(|chance| (0.0..=1.0 + 1e-9).contains(chance));
    assert!(are_fit && (sum - 1.0).abs() < 1e-9, "{chances:?}");
}

/// What it saves is the same router again, to the bit.
fn comes_back(router: &Router, config: &Config) {
    let text = router.to_json();
    let again = Router::from_json(&text, config.clone());
    assert!(again.as_ref().is_ok_and(|again| again == router), "{again:?}: {text}");
    assert!(again.is_ok_and(|again| again.to_json() == text), "{text}");
}
