//! What a router has saved.

use serde_json::Value;
use typewright_runtime::memory::recall::router::{ARMS, Config, Features, Outcome, Router};
use typewright_tests::memory::fuzz::router;

use super::{changed, run};

/// What a router that has been asked a few times knows.
fn saved(entries: usize) -> String {
    let mut router = Router::new(Config { explore: 1.0, ..Config::default() });
    for step in 0..entries {
        let features = Features { words: step % 9, has_vector: true, ..Features::default() };
        let choice = router.choose(&features);
        router.learn(&choice, Outcome::Reward([0.0, 0.25, 1.0][step % 3]));
    }
    router.to_json()
}

/// As if what was chosen had had next to no chance.
fn unlikely(saved: &str) -> String {
    let mut value: Value = serde_json::from_str(saved).unwrap();
    // Hybrid would be hybrid anyway: of that there is nothing to gain.
    let log = value["log"].as_array_mut().unwrap();
    let entry = log.iter_mut().find(|entry| entry[2].as_u64() < Some(ARMS as u64 - 1)).unwrap();
    let arm = usize::try_from(entry[2].as_u64().unwrap()).unwrap();
    (entry[3][arm], entry[4][arm], entry[5]) = ("1e-320".into(), "1".into(), "1".into());
    value.to_string()
}

#[test]
fn whatever_was_saved_chooses_and_learns_or_is_refused() {
    let seeds = [saved(0), saved(3), saved(40)];
    for (choice, seed) in (0..).zip(&seeds) {
        assert!(router(choice, seed), "{seed}");
    }
    // Chances of which nothing can be reckoned, more than is taken, and as much as is taken.
    assert!(!router(0, &unlikely(&seeds[2])));
    for (from, to) in [
        ("\"1\"", "\"1000000000000000\""),
        ("\"1\"", "\"1e999\""),
        ("\"1\"", "\"NaN\""),
        ("\"step\":0", "\"step\":18446744073709551615"),
    ] {
        for choice in 0..5 {
            for seed in &seeds {
                router(choice, &seed.replace(from, to));
            }
        }
    }
    let taken = run(13, 3000, |random, round| {
        let text = changed(random, &seeds[round % seeds.len()]);
        router(random.u8(..), &String::from_utf8_lossy(&text))
    });
    assert!(taken > 0, "{taken}");
}
