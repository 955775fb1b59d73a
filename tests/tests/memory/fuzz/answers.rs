//! What models say in answer to memory: any text at all is taken for what it says, or refused and changes nothing.

use fastrand::Rng;
use typewright_tests::memory::fuzz::{answers, numbers};

use super::{bytes, changed, run};

/// An answer to each question, and one that is none.
const SEEDS: [&str; 5] = [
    "Ada was asked about figs, and said no.",
    "Here:\n```json\n{\"conclusions\":[{\"text\":\"likes figs\",\"sources\":[1,2],\"importance\":0.5},{\"text\":\"é\",\"sources\":[2]}]}\n```",
    "{\"verdict\":\"contradict\",\"confidence\":0.75}",
    "{\"answer\":\" figs \",\"score\":0.5}",
    "}{",
];

/// A question, and an answer that is out of range.
const WRONG: [(u8, &str); 9] = [
    (0, " \n"),
    (1, "{\"conclusions\":[{\"text\":\"x\",\"sources\":[1],\"importance\":1e300}]}"),
    (1, "{\"conclusions\":[{\"text\":\"x\",\"sources\":[18446744073709551615]}]}"),
    (1, "{\"conclusions\":[{\"text\":\"x\",\"sources\":[]}]}"),
    (1, "{\"conclusions\":[{\"text\":\" \",\"sources\":[1]}]}"),
    (2, "{\"verdict\":\"contradict\",\"confidence\":7}"),
    (2, "{\"verdict\":\"contradict\",\"confidence\":1e300}"),
    (3, "{\"answer\":\" \",\"score\":-0.1}"),
    (3, "{\"answer\":[],\"score\":1e300}"),
];

#[test]
fn whatever_a_model_says_is_refused_or_is_what_was_asked_for() {
    for (question, seed) in (0..4).zip(SEEDS) {
        assert!(answers(question << 1, seed), "{seed}");
        assert!(!answers(question << 1 | 1, seed), "the beginning of an answer is none");
        assert!(question == 0 || !answers(question << 1, "}{"), "nothing but a summary is any text");
    }
    for (question, answer) in WRONG {
        assert!(!answers(question << 1, answer), "{answer}");
    }
    let taken = run(16, 600, |random, round| {
        let text = changed(random, SEEDS[round % SEEDS.len()]);
        let question = if random.u8(..4) == 0 { random.u8(..) } else { ((round % SEEDS.len()) << 1) as u8 };
        answers(question, &String::from_utf8_lossy(&text))
    });
    assert!(taken > 0, "{taken}");
}

const ENDS: [f64; 12] = [
    0.0,
    -0.0,
    1.0,
    0.5,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    5e-324,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    3e38,
];

fn said(random: &mut Rng) -> Vec<u8> {
    if random.u8(..8) == 0 {
        return bytes(random, 60);
    }
    let share = random.bool();
    let one = |random: &mut Rng| if share { random.f64() } else { ENDS[random.usize(..ENDS.len())] };
    (0..random.usize(..9)).flat_map(|_| one(random).to_be_bytes()).collect()
}

#[test]
fn whatever_numbers_are_said_what_is_taken_can_be_reckoned_with() {
    // The widest apart that numbers are.
    numbers(0, &[f64::MIN, f64::MAX].map(f64::to_be_bytes).concat());
    let taken = run(17, 900, |random, _| {
        let numbers_said = said(random);
        numbers(random.u8(..), &numbers_said)
    });
    assert!(taken > 0, "{taken}");
}
