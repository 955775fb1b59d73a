//! Which of the memories that have a word of the question have it best: BM25 (Robertson, Zaragoza 2009; k1 = 1.2, b = 0.75)
//! over those that match, and no others.
//!
//! A store ranks by how rare a word is among all that it keeps, of all namespaces. So what does not match at all, or belongs
//! to somebody else, changes which of two memories is first. Here a word is rare or not among the memories that match, and
//! long is what is longer than those: what does not match changes nothing. The store says which memories match, and is asked
//! for more than are needed.

use std::collections::{BTreeMap, BTreeSet};

use super::text;

const K1: f64 = 1.2;
const B: f64 = 0.75;
/// The most words of a question that are looked for, as stores have it; and of its names, all together.
const WORDS: usize = 64;

/// What is looked for: words, and runs of words that belong together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Terms(Vec<Vec<String>>);

impl Terms {
    /// The words of a text, each once, and its names as they stand: `ZX-4411` is `zx`, `4411`, and one after the other.
    pub(super) fn of(asked: &str) -> Self {
        let words = text::words(asked).into_iter().take(WORDS).map(|word| vec![word]);
        let names = text::identifiers(asked);
        let mut left = WORDS;
        let runs = names.iter().map(|name| {
            let mut run = text::words(name);
            run.truncate(left);
            left -= run.len();
            run
        });
        let mut seen = BTreeSet::new();
        let terms = words.chain(runs.filter(|run| run.len() > 1));
        Self(terms.filter(|term| seen.insert(term.clone())).collect())
    }
}

/// What is counted of a text.
struct Counted {
    /// How often each term stands in it.
    terms: Vec<f64>,
    length: f64,
}

fn count(terms: &Terms, text: &str) -> Counted {
    let words = text::words(text);
    let mut single: BTreeMap<&str, f64> = BTreeMap::new();
    for word in &words {
        *single.entry(word).or_default() += 1.0;
    }
    let times = |term: &Vec<String>| match term.as_slice() {
        [word] => single.get(word.as_str()).copied().unwrap_or_default(),
        run => words.windows(run.len()).filter(|window| *window == run).count() as f64,
    };
    Counted { terms: terms.0.iter().map(times).collect(), length: words.len() as f64 }
}

/// How well a text matches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scored {
    /// BM25: 0 for what does not match.
    pub(super) score: f64,
    /// How much of the question stands in it, in 0 to 1: the share of its terms, each by how rare it is. What stands in no
    /// memory is rarest.
    pub(super) cover: f64,
}

/// A score for each text.
pub(super) fn scores<'a>(terms: &Terms, texts: impl Iterator<Item = &'a str>) -> Vec<Scored> {
    let counted: Vec<Counted> = texts.map(|text| count(terms, text)).collect();
    let matching: Vec<&Counted> =
        counted.iter().filter(|one| one.terms.iter().any(|times| *times > 0.0)).collect();
    let all = matching.len() as f64;
    let average = matching.iter().map(|one| one.length).sum::<f64>() / all.max(1.0);
    let rarity = |at: usize| {
        let with = matching.iter().filter(|one| one.terms.get(at).is_some_and(|times| *times > 0.0));
        let with = with.count() as f64;
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    };
    let rarities: Vec<f64> = (0..terms.0.len()).map(rarity).collect();
    let whole = rarities.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let score = |one: &Counted| {
        let norm = K1 * (1.0 - B + B * one.length / average.max(1.0));
        let term = |(times, rarity): (&f64, &f64)| rarity * times * (K1 + 1.0) / (times + norm);
        let there = |(times, rarity): (&f64, &f64)| if *times > 0.0 { *rarity } else { 0.0 };
        let terms = || one.terms.iter().zip(&rarities);
        Scored { score: terms().map(term).sum(), cover: terms().map(there).sum::<f64>() / whole }
    };
    counted.iter().map(score).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(asked: &str, texts: &[&str]) -> Vec<f64> {
        scores(&Terms::of(asked), texts.iter().copied()).iter().map(|one| one.score).collect()
    }

    #[test]
    fn by_hand() {
        // One of two has the word: ln(1 + 1.5 / 1.5) is of the one that matches alone, ln(1 + 0.5 / 1.5).
        let found = of("loom", &["loom", "other"]);
        let expected = (1.0_f64 + 0.5 / 1.5).ln() * 2.2 / 2.2;
        assert!((found[0] - expected).abs() < 1e-12 && found[1] == 0.0, "{found:?}");
    }

    #[test]
    fn what_a_text_covers_by_hand() {
        let texts = ["the loom", "the wheel", "the end", "other"];
        let found = scores(&Terms::of("the loom here"), texts.into_iter());
        // Three match: `the` stands in all of them, `loom` in one, `here` in none.
        let rarity = |with: f64| (1.0 + (3.0 - with + 0.5) / (with + 0.5)).ln();
        let whole = rarity(3.0) + rarity(1.0) + rarity(0.0);
        for (found, there) in found.iter().zip([rarity(3.0) + rarity(1.0), rarity(3.0), rarity(3.0), 0.0]) {
            assert!((found.cover - there / whole).abs() < 1e-12, "{found:?}");
        }
        assert_eq!(scores(&Terms::of("loom"), ["a loom"].into_iter())[0].cover, 1.0);
    }

    #[test]
    fn rare_words_and_names_count_more() {
        let found = of("the loom", &["the the the", "a loom here", "the way", "the end"]);
        assert!(found[1] > found[0] && found[0] > found[2], "{found:?}");
        let found = of("ZX-4411", &["ZX-4411 is open", "ZX-9 is 4411 open", "ZX-1 is open", "4411 is open"]);
        assert!(found[0] > found[1] && found[1] > found[3], "{found:?}");
    }

    #[test]
    fn of_very_many_names_no_more_words_are_looked_for_than_of_the_question() {
        let asked: String = (0..100_000).map(|number| format!("a-{number} ")).collect();
        let Terms(terms) = Terms::of(&asked);
        let (words, runs): (Vec<_>, Vec<_>) = terms.iter().partition(|term| term.len() == 1);
        // Of 64 words every second is `a`, and is there once.
        assert_eq!((words.len(), runs.len()), (33, 32));
        let quoted = format!("about \"{}\"", "loom ".repeat(100_000));
        assert_eq!(Terms::of(&quoted).0.iter().map(Vec::len).max(), Some(WORDS));
        assert_eq!(Terms::of("ZX-1 ZX-1 zx").0, [vec!["zx"], vec!["1"], vec!["zx", "1"]]);
    }

    #[test]
    fn what_does_not_match_changes_nothing() {
        let texts = ["loom and wheel", "a loom", "wheel wheel of a long and winding road", "the wheel"];
        let before = of("loom wheel", &texts);
        let more: Vec<&str> = texts.iter().copied().chain(["nothing of it"; 50]).collect();
        assert_eq!(of("loom wheel", &more)[..4], before[..]);
    }
}
