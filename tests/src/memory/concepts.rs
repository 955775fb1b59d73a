//! Vectors as a language model would make them, in small: made for tests, the same each time.
//!
//! Words that mean the same share most of their vector, names are told apart a little, identifiers hardly, and words of
//! grammar count next to nothing. So vectors find a paraphrase and confuse ticket numbers, and words do the opposite, as it is
//! with real models; but how much is set here. What is measured with these shows that channels are put together rightly, not
//! how good a model is.

/// Words that mean the same.
pub const CONCEPTS: [[&str; 3]; 40] = [
    ["bought", "purchased", "acquired"],
    ["sold", "vended", "traded"],
    ["repaired", "fixed", "mended"],
    ["lost", "misplaced", "mislaid"],
    ["found", "discovered", "located"],
    ["painted", "coated", "coloured"],
    ["borrowed", "rented", "hired"],
    ["broke", "smashed", "shattered"],
    ["car", "automobile", "vehicle"],
    ["house", "home", "residence"],
    ["boat", "ship", "vessel"],
    ["photo", "picture", "snapshot"],
    ["sofa", "couch", "settee"],
    ["rug", "carpet", "mat"],
    ["cup", "mug", "beaker"],
    ["coat", "jacket", "parka"],
    ["book", "volume", "tome"],
    ["lamp", "lantern", "torch"],
    ["knife", "blade", "dagger"],
    ["bicycle", "bike", "cycle"],
    ["old", "ancient", "aged"],
    ["big", "large", "huge"],
    ["small", "little", "tiny"],
    ["quick", "fast", "rapid"],
    ["pretty", "beautiful", "lovely"],
    ["costly", "expensive", "dear"],
    ["dirty", "filthy", "grimy"],
    ["broken", "damaged", "faulty"],
    ["shop", "store", "boutique"],
    ["forest", "woods", "woodland"],
    ["street", "road", "avenue"],
    ["harbour", "port", "dock"],
    ["school", "academy", "college"],
    ["hospital", "clinic", "infirmary"],
    ["cellar", "basement", "vault"],
    ["attic", "loft", "garret"],
    ["lives", "resides", "dwells"],
    ["keeps", "stores", "holds"],
    ["prefers", "favours", "likes"],
    ["works", "labours", "toils"],
];

/// The numbers of a vector.
pub const DIMENSIONS: usize = 64;

/// The name of what makes these vectors.
pub const MODEL: &str = "concepts";

fn hash(text: &str) -> u64 {
    // FNV-1a.
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
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
    if let Some(at) = CONCEPTS.iter().position(|words| words.contains(&lower.as_str())) {
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
