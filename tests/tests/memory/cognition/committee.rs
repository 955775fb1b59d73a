//! Committees: truth tables, permutations, published figures of agreement, and judges that are right as often as is said.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use typewright_runtime::memory::cognition::committee::{
    Ballot, Committee, Judge, Learning, Outcome, Quorum, Scale, alpha, median,
};
use typewright_runtime::memory::{Error, Pending};

use super::near;

const HALF: Quorum = Quorum { votes: 3, agreement: 0.6 };

/// Every way in which so many judges say `a`, say `b`, or abstain.
fn all_votes(judges: usize) -> Vec<Vec<Option<char>>> {
    let mut all = vec![Vec::new()];
    for _ in 0..judges {
        let longer = |votes: &Vec<Option<char>>| {
            [None, Some('a'), Some('b')].map(|vote| votes.iter().copied().chain([vote]).collect())
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

#[test]
fn a_quorum_decides_as_its_table_says() {
    use Outcome::{Agreed, Divided, TooFew};
    let of = |text: &str| -> Vec<Option<char>> {
        text.chars().map(|vote| (vote != '-').then_some(vote)).collect()
    };
    for (votes, expected) in [
        ("-----", TooFew),
        ("aa---", TooFew),
        ("aaa--", Agreed('a')),
        ("aab--", Agreed('a')),
        ("abb--", Agreed('b')),
        ("aabb-", Divided),
        ("aaab-", Agreed('a')),
        ("aaabb", Agreed('a')),
        ("aabbc", Divided),
        ("aabcd", Divided),
        ("abc--", Divided),
        ("bbbbb", Agreed('b')),
    ] {
        assert_eq!(HALF.decide(&of(votes)), expected, "{votes}");
    }
    // Two of three are two thirds, and no more.
    let exact = Quorum { votes: 1, agreement: 2.0 / 3.0 };
    assert_eq!(exact.decide(&of("aab")), Agreed('a'));
    assert_eq!(Quorum { votes: 1, agreement: 0.67 }.decide(&of("aab")), Divided);
    assert_eq!(Quorum { votes: 0, agreement: 0.0 }.decide(&of("---")), TooFew);
}

#[test]
fn no_decision_depends_on_the_order_of_votes() {
    for votes in all_votes(5) {
        let mut sorted = votes.clone();
        sorted.sort_unstable();
        assert_eq!(HALF.decide(&votes), HALF.decide(&sorted), "{votes:?}");
    }
    let mut random = fastrand::Rng::with_seed(8);
    for _ in 0..200 {
        let mut scores: Vec<Option<f64>> =
            (0..random.usize(1..9)).map(|_| random.bool().then(|| random.f64())).collect();
        let before = median(&scores);
        random.shuffle(&mut scores);
        assert_eq!(median(&scores), before);
    }
}

/// How many beginnings of votes of five are settled; each of them stays as it is whatever the others say.
fn settled(quorum: &Quorum) -> usize {
    let mut settled = 0;
    for begun in (1..5).flat_map(all_votes) {
        let left = 5 - begun.len();
        if quorum.is_settled(&begun, left) {
            settled += 1;
            let now = quorum.decide(&begun);
            assert!(matches!(now, Outcome::Agreed(_)));
            for rest in all_votes(left) {
                let all: Vec<_> = begun.iter().chain(&rest).copied().collect();
                assert_eq!(quorum.decide(&all), now, "{begun:?} {rest:?}");
            }
        }
    }
    settled
}

#[test]
fn what_is_settled_cannot_change() {
    // Three or four the same, in both letters; of four, one of them may be another vote or none: 2 (1 + 1 + 4 · 2).
    assert_eq!(settled(&HALF), 2 * (1 + 1 + 8));
    for quorum in [(1, 0.0), (1, 0.5), (2, 0.3), (4, 0.4), (5, 1.0)] {
        let (votes, agreement) = quorum;
        let found = settled(&Quorum { votes, agreement });
        assert_eq!(found > 0, quorum != (5, 1.0), "{quorum:?}");
    }
}

#[test]
fn one_judge_moves_the_median_by_one_rank_at_most() {
    assert_eq!(median(&[Some(3.0), None, Some(1.0), Some(2.0)]), Some(2.0));
    assert_eq!(median(&[Some(4.0), Some(1.0), Some(2.0), Some(3.0)]), Some(2.5));
    assert_eq!((median(&[None]), median(&[Some(f64::NAN)])), (None, None));
    let mut random = fastrand::Rng::with_seed(2);
    for _ in 0..300 {
        let mut scores: Vec<f64> = (0..random.usize(3..12)).map(|_| random.f64()).collect();
        let of =
            |scores: &[f64]| median(&scores.iter().map(|score| Some(*score)).collect::<Vec<_>>()).unwrap();
        let before = of(&scores);
        let changed = random.usize(..scores.len());
        scores[changed] = if random.bool() { 1e9 } else { -1e9 };
        scores.sort_by(f64::total_cmp);
        // Between the neighbours of where it was: of one score, or of the place between two.
        let rank = scores.partition_point(|score| *score < before);
        let low = rank.saturating_sub(1 + usize::from(scores.len().is_multiple_of(2)));
        let high = (rank + 1).min(scores.len() - 1);
        let now = of(&scores);
        assert!(scores[low] <= now && now <= scores[high], "{scores:?} {before} {now}");
    }
}

/// The example of Krippendorff's publication: four observers, twelve units, some silent.
#[test]
fn agreement_is_what_is_published() {
    let rows = ["123321412---", "1233224125-3", "-3332342251-", "12332441251-"];
    let questions: Vec<Vec<Option<f64>>> =
        (0..12).map(|unit| rows.iter().map(|row| row[unit..=unit].parse::<f64>().ok()).collect()).collect();
    for (scale, published) in [(Scale::Nominal, 0.743), (Scale::Ordinal, 0.815), (Scale::Interval, 0.849)] {
        let found = alpha(&questions, scale).unwrap();
        assert!((found - published).abs() < 5e-4, "{scale:?}: {found}");
        let mut turned: Vec<Vec<Option<f64>>> =
            questions.iter().map(|answers| answers.iter().rev().copied().collect()).collect();
        turned.reverse();
        assert!(near(alpha(&turned, scale).unwrap(), found), "the order of judges and questions is nothing");
    }
    let of = |rows: &[&[f64]]| -> Vec<Vec<Option<f64>>> {
        rows.iter().map(|row| row.iter().map(|answer| Some(*answer)).collect()).collect()
    };
    assert_eq!(alpha(&of(&[&[1.0, 1.0], &[2.0, 2.0]]), Scale::Nominal), Some(1.0));
    // Never the same: Do = 1, De = 2·2·2/(4·3), alpha = 1 - 3/2.
    assert!(near(alpha(&of(&[&[1.0, 2.0], &[2.0, 1.0]]), Scale::Nominal).unwrap(), -0.5));
    assert_eq!(
        alpha(&of(&[&[1.0, 1.0], &[1.0, 1.0]]), Scale::Nominal),
        None,
        "there is nothing to differ in"
    );
    assert_eq!(alpha(&of(&[&[1.0], &[2.0]]), Scale::Nominal), None);
}

/// Alpha by the formula as it is published: pair by pair, and value by value.
fn by_pairs(questions: &[Vec<Option<f64>>], scale: Scale) -> Option<f64> {
    let questions: Vec<Vec<f64>> =
        questions.iter().map(|row| row.iter().flatten().copied().collect()).collect();
    let questions: Vec<Vec<f64>> = questions.into_iter().filter(|row: &Vec<f64>| row.len() > 1).collect();
    let mut values = questions.concat();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let place = |value: f64| values.iter().position(|other| *other == value).unwrap();
    let mut pairs = vec![vec![0.0; values.len()]; values.len()];
    for row in &questions {
        for (at, one) in row.iter().enumerate() {
            for (_, other) in row.iter().enumerate().filter(|(other, _)| *other != at) {
                pairs[place(*one)][place(*other)] += 1.0 / (row.len() - 1) as f64;
            }
        }
    }
    let counts: Vec<f64> = pairs.iter().map(|row| row.iter().sum()).collect();
    let (mut observed, mut expected) = (0.0, 0.0);
    for high in 0..values.len() {
        for low in 0..high {
            let between = counts[low..=high].iter().sum::<f64>() - f64::midpoint(counts[low], counts[high]);
            let apart = match scale {
                Scale::Nominal => 1.0,
                Scale::Ordinal => between.powi(2),
                Scale::Interval => (values[high] - values[low]).powi(2),
            };
            observed += pairs[high][low] * apart;
            expected += counts[high] * counts[low] * apart;
        }
    }
    (expected > 0.0).then(|| 1.0 - (counts.iter().sum::<f64>() - 1.0) * observed / expected)
}

#[test]
fn agreement_is_what_the_formula_says_of_any_size_and_number() {
    let scales = [Scale::Nominal, Scale::Ordinal, Scale::Interval];
    let mut random = fastrand::Rng::with_seed(12);
    let mut defined = 0;
    for _ in 0..400 {
        let (judges, kinds) = (random.usize(1..6), random.u32(1..8));
        let offset = [0.0, -3.5, 1e6][random.usize(..3)];
        let mut answer = || (random.f64() < 0.8).then(|| offset + f64::from(random.u32(..kinds)) * 0.1);
        let questions: Vec<Vec<Option<f64>>> =
            (0..12).map(|_| (0..judges).map(|_| answer()).collect()).collect();
        for scale in scales {
            let (found, expected) = (alpha(&questions, scale), by_pairs(&questions, scale));
            assert_eq!(found.is_some(), expected.is_some(), "{scale:?} {questions:?}");
            let apart = found.zip(expected).map_or(0.0, |(found, expected)| (found - expected).abs());
            assert!(apart < 1e-8, "{scale:?} {found:?} {expected:?} {questions:?}");
            defined += usize::from(found.is_some());
        }
    }
    assert!(defined > 800, "{defined}");
    // Two that never say the same are as far apart whatever the numbers are.
    for (low, high) in [(0.0, 1e155), (0.0, 1e-200), (-f64::MAX, f64::MAX), (0.0, 5e-324), (-0.0, 1.0)] {
        let questions = [vec![Some(low), Some(high)], vec![Some(high), Some(low)]];
        for scale in scales {
            assert!(near(alpha(&questions, scale).unwrap(), -0.5), "{low} {high} {scale:?}");
        }
    }
    assert_eq!(alpha(&[vec![Some(0.0), Some(-0.0)]], Scale::Interval), None, "both zeros are one answer");
    // As many answers as nobody could pair.
    let row = |at: u32| vec![Some(f64::from(at)), Some(f64::from(at)), Some(f64::from(at))];
    let questions: Vec<Vec<Option<f64>>> = (0..100_000).map(row).collect();
    for scale in scales {
        assert!(near(alpha(&questions, scale).unwrap(), 1.0), "{scale:?}");
    }
    let one = [(0..100_000).map(|at| Some(f64::from(at))).collect::<Vec<_>>()];
    for scale in scales {
        assert!(near(alpha(&one, scale).unwrap(), 0.0), "of one question all is chance: {scale:?}");
    }
}

/// Votes on questions with known answers, by judges that are right this often.
fn votes(right: &[f64], questions: usize, seed: u64) -> (Vec<usize>, Vec<Vec<Option<usize>>>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut answers = Vec::new();
    let mut rows = Vec::new();
    for _ in 0..questions {
        let answer = random.usize(..2);
        answers.push(answer);
        let vote = |right: &f64| if random.f64() < *right { answer } else { 1 - answer };
        let row = right.iter().map(vote).map(Some).collect();
        rows.push(row);
    }
    (answers, rows)
}

fn hits(answers: &[usize], told: &[Vec<f64>]) -> usize {
    answers.iter().zip(told).filter(|(answer, told)| told[**answer] > 0.5).count()
}

#[test]
fn it_is_learned_whose_word_counts() {
    // Three that know, six that guess: the guesses often outvote those who know.
    let right = [0.95, 0.9, 0.85, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5];
    let (answers, rows) = votes(&right, 1000, 6);
    let learned = Learning::new(2).learn(&rows).unwrap();
    for (judge, right) in right.iter().enumerate() {
        for class in 0..2 {
            let found = learned.confusion[judge][class][class];
            assert!((found - right).abs() < 0.06, "judge {judge}: {found}");
            assert!(near(learned.confusion[judge][class].iter().sum(), 1.0));
        }
    }
    let quorum = Quorum { votes: 1, agreement: 0.0 };
    let majority =
        rows.iter().zip(&answers).filter(|(row, answer)| quorum.decide(row) == Outcome::Agreed(**answer));
    let (majority, weighted) = (majority.count(), hits(&answers, &learned.answers));
    assert!(weighted > majority + 80, "{weighted} of 1000, and {majority} by majority");
    // Who is nearly always wrong is as good as who is nearly always right.
    let (answers, rows) = votes(&[0.05, 0.8, 0.8, 0.8], 1000, 7);
    let learned = Learning::new(2).learn(&rows).unwrap();
    assert!(hits(&answers, &learned.answers) > 940);
    assert!(learned.confusion[0][0][1] > 0.9);
    // A question that it was not learned from: the first and one other against two.
    let posterior = learned.posterior(&[Some(1), Some(0), Some(1), None]);
    assert!(posterior[0] > 0.9 && near(posterior.iter().sum(), 1.0), "{posterior:?}");
    assert_eq!(learned.posterior(&[None; 4]), learned.prior);
}

#[test]
fn learning_does_not_depend_on_the_order() {
    let (_, rows) = votes(&[0.9, 0.7, 0.6], 60, 1);
    let learned = Learning::new(2).learn(&rows).unwrap();
    let turned: Vec<Vec<_>> = rows.iter().rev().map(|row| row.iter().rev().copied().collect()).collect();
    let other = Learning::new(2).learn(&turned).unwrap();
    for (row, same) in learned.answers.iter().zip(other.answers.iter().rev()) {
        assert!((row[0] - same[0]).abs() < 1e-6);
    }
    for wrong in [vec![], vec![vec![None]], vec![vec![Some(2)]], vec![vec![Some(0)], vec![]]] {
        assert!(Learning::new(2).learn(&wrong).is_err(), "{wrong:?}");
    }
}

/// Says one thing to every question, or nothing, or too late, or fails.
#[derive(Debug)]
struct Fixed {
    name: &'static str,
    says: Result<Option<u8>, &'static str>,
    asked: Arc<AtomicUsize>,
}

impl Judge<str, u8> for Fixed {
    fn name(&self) -> &str {
        self.name
    }

    fn judge<'a>(&'a self, _: &'a str) -> Pending<'a, Option<u8>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.says {
            Err("late") => Box::pin(std::future::pending()),
            Err(reason) => Box::pin(async move { Err(Error::model(self.name, reason)) }),
            Ok(vote) => Box::pin(async move { Ok(vote) }),
        }
    }
}

type Says = (&'static str, Result<Option<u8>, &'static str>);

fn committee(says: &[Says], at_once: usize) -> (Arc<AtomicUsize>, Committee<str, u8>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let judge = |(name, says): &Says| {
        let judge = Fixed { name, says: *says, asked: Arc::clone(&asked) };
        Arc::new(judge) as Arc<dyn Judge<str, u8>>
    };
    let judges = says.iter().map(judge).collect();
    (Arc::clone(&asked), Committee { judges, patience: Duration::from_millis(50), at_once })
}

#[tokio::test]
async fn silence_of_any_kind_is_abstaining() {
    let says = [
        ("one", Ok(Some(1))),
        ("late", Err("late")),
        ("other", Ok(Some(2))),
        ("silent", Ok(None)),
        ("broken", Err("no line")),
        ("two", Ok(Some(1))),
        ("three", Ok(Some(1))),
    ];
    let (_, committee) = committee(&says, 7);
    let found = committee.decide("?", &HALF).await;
    assert_eq!(found.outcome, Outcome::Agreed(1));
    assert_eq!(found.dissent, ["other"]);
    let kinds: Vec<_> = found.ballots.iter().map(|(_, ballot)| ballot.clone()).collect();
    assert_eq!(kinds[..4], [Ballot::Said(1), Ballot::TimedOut, Ballot::Said(2), Ballot::Abstained]);
    assert!(matches!(&kinds[4], Ballot::Failed(reason) if reason.contains("broken")));
    // Two that say something are no three.
    let (_, committee) = self::committee(&says[..4], 2);
    let found = committee.decide("?", &HALF).await;
    assert_eq!((found.outcome, found.dissent.len()), (Outcome::TooFew, 0));
}

#[tokio::test]
async fn nobody_is_asked_when_it_is_settled() {
    let says: Vec<Says> = (0..9).map(|at| (["a", "b", "c"][at % 3], Ok(Some(u8::from(at == 1))))).collect();
    let (asked, committee) = committee(&says, 2);
    let found = committee.decide("?", &HALF).await;
    // After six, five of nine might be too few; after eight, seven are enough.
    assert_eq!((found.outcome, asked.load(Ordering::SeqCst)), (Outcome::Agreed(0), 8));
    assert_eq!(found.ballots[8].1, Ballot::NotAsked);
    let names: BTreeSet<_> = found.ballots.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names.len(), found.dissent), (3, vec!["b".to_owned()]));
    let all = Committee { at_once: 9, ..committee };
    assert_eq!(all.decide("?", &HALF).await.outcome, Outcome::Agreed(0));
}

/// Says a score.
#[derive(Debug)]
struct Scores(f64);

impl Judge<str, f64> for Scores {
    fn name(&self) -> &str {
        "scores"
    }

    fn judge<'a>(&'a self, _: &'a str) -> Pending<'a, Option<f64>> {
        Box::pin(async { Ok(Some(self.0)) })
    }
}

/// All orders of some scores.
fn orders(scores: &[f64]) -> Vec<Vec<f64>> {
    if scores.len() < 2 {
        return vec![scores.to_vec()];
    }
    let with = |at: usize| {
        let rest = [&scores[..at], &scores[at + 1..]].concat();
        orders(&rest).into_iter().map(move |rest| [vec![scores[at]], rest].concat()).collect::<Vec<_>>()
    };
    (0..scores.len()).flat_map(with).collect()
}

#[tokio::test]
async fn scores_come_to_their_median() {
    let of = |scores: &[f64]| Committee {
        judges: scores.iter().map(|score| Arc::new(Scores(*score)) as Arc<dyn Judge<str, f64>>).collect(),
        patience: Duration::from_secs(1),
        at_once: 2,
    };
    let found = of(&[0.4, 0.5, 0.9]).score("?", 3, 0.25).await;
    assert_eq!((found.outcome, found.dissent.len()), (Outcome::Agreed(0.5), 1));
    // A spread of √(0.14/3), which is 0.216.
    assert_eq!(of(&[0.4, 0.5, 0.9]).score("?", 3, 0.21).await.outcome, Outcome::Divided);
    assert_eq!(of(&[0.4, 0.5]).score("?", 3, 0.25).await.outcome, Outcome::TooFew);
    // What is equal is nothing apart, however it is rounded.
    for score in [0.1, 0.7, 1e-9, 1e300] {
        let found = of(&[score; 3]).score("?", 3, 0.0).await;
        assert_eq!((found.outcome, found.dissent.len()), (Outcome::Agreed(score), 0), "{score}");
    }
    assert_eq!(of(&[0.1, 0.1, 0.2]).score("?", 3, 0.0).await.outcome, Outcome::Divided);
    // 0.4 is 0.3 from 0.1, whatever its last bit says.
    assert_eq!(of(&[0.1, 0.4, 0.4]).score("?", 3, 0.3).await.dissent.len(), 0);
    assert_eq!(of(&[0.1, 0.4, 0.4]).score("?", 3, 0.299).await.dissent.len(), 1);
    // In every order: both pairs are 0.15 from their mean.
    for scores in [[0.4, 0.4, 0.1, 0.1], [0.3, 0.7, 0.4, 0.6]] {
        let spread = if scores[0] > 0.35 { 0.15 } else { 0.025_f64.sqrt() };
        for order in orders(&scores) {
            let found = of(&order).score("?", 3, spread).await;
            assert!(matches!(found.outcome, Outcome::Agreed(_)), "{order:?}: {found:?}");
            assert_eq!(of(&order).score("?", 3, spread - 1e-6).await.outcome, Outcome::Divided, "{order:?}");
        }
    }
}
