//! Vectors as a language model would make them, in small: made for tests, the same each time.
//!
//! Words that mean the same share most of their vector, names are told apart a little, identifiers hardly, and words of
//! grammar count next to nothing. So vectors find a paraphrase and confuse ticket numbers, and words do the opposite, as it is
//! with real models; but how much is set here. What is measured with these shows that channels are put together rightly, not
//! how good a model is.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// How many concepts there are.
pub const CONCEPTS: usize = 600;

const SYLLABLES: [&str; 16] =
    ["ba", "do", "ki", "lu", "me", "no", "pa", "ri", "sa", "te", "vi", "zo", "ga", "he", "ju", "fe"];

/// Syllables of a number below 4096.
pub fn syllables(number: usize) -> String {
    [number >> 8, number >> 4, number].map(|at| SYLLABLES[at & 15]).concat()
}

/// One of the three words of a concept. No language has them, so nothing else is said by them.
pub fn word(concept: usize, which: usize) -> String {
    // Words of one concept are not alike.
    format!("{}n", syllables((concept * 3 + which) * 1237 % 4096))
}

fn lexicon() -> BTreeMap<String, usize> {
    (0..CONCEPTS).flat_map(|concept| (0..3).map(move |which| (word(concept, which), concept))).collect()
}

/// The concept of a word.
fn concept(word: &str) -> Option<usize> {
    static WORDS: LazyLock<BTreeMap<String, usize>> = LazyLock::new(lexicon);
    WORDS.get(word).copied()
}

/// The numbers of a vector.
pub const DIMENSIONS: usize = 64;

/// The name of what makes these vectors.
pub const MODEL: &str = "concepts";

fn hash(text: &str) -> u64 {
    // FNV-1a.
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A direction of its own for each word.
fn direction(word: &str) -> Vec<f64> {
    let mut random = fastrand::Rng::with_seed(hash(word));
    let draw = |random: &mut fastrand::Rng| (0..6).map(|_| random.f64() - 0.5).sum::<f64>();
    let vector: Vec<f64> = (0..DIMENSIONS).map(|_| draw(&mut random)).collect();
    let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    vector.iter().map(|x| x / length).collect()
}

/// What a word adds: directions, and how much of each.
fn parts(word: &str) -> Vec<(String, f64)> {
    let lower = word.to_lowercase();
    if let Some(at) = concept(&lower) {
        return vec![(format!("concept {at}"), 1.0), (lower, 0.35)];
    }
    if word.contains(|c: char| c.is_ascii_digit()) {
        return vec![("some number".to_owned(), 0.5), (lower, 0.05)];
    }
    if word.starts_with(char::is_uppercase) && word.len() > 3 {
        return vec![("some name".to_owned(), 0.2), (lower, 0.6)];
    }
    vec![(lower, 0.1)]
}

/// The vector of a text.
pub fn embed(text: &str) -> Vec<f32> {
    let mut sum = vec![1e-3; DIMENSIONS];
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    for (word, much) in words.flat_map(parts) {
        sum.iter_mut().zip(direction(&word)).for_each(|(sum, x)| *sum += much * x);
    }
    let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
    sum.iter().map(|x| (x / length) as f32).collect()
}
