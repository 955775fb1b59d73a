//! What is at hand, how present it is, what fades, and how sure one can be.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use typewright_runtime::memory::cognition::activation::{Decay, Trace};
use typewright_runtime::memory::cognition::calibration::{Calibration, Feedback, calibration_error};
use typewright_runtime::memory::cognition::retention::Curve;
use typewright_runtime::memory::cognition::state::{CognitiveState, activations};
use typewright_runtime::memory::cognition::weights::{entropy, softmax};
use typewright_runtime::memory::cognition::working::{Capacity, Focus, WorkingMemory};
use typewright_runtime::memory::store::{Batch, Change};
use typewright_runtime::memory::{Error, Id, Kind, MemoryDraft, Namespace, Status};

use super::{Engine, at, id, near, on_each_store};

on_each_store!(what_fades_may_expire_and_nothing_else, a_store_says_how_present_its_memories_are);

#[test]
fn the_base_level_is_that_of_the_formula() {
    let decay = Decay::default();
    let mut trace = Trace::new(at(0));
    // One use 4 s ago: ln 4^-0.5.
    assert!(near(trace.base_level(at(4), decay), -(2.0_f64.ln())));
    trace.touch(at(3));
    // 4 s and 1 s ago: ln (1/2 + 1).
    assert!(near(trace.base_level(at(4), decay), 1.5_f64.ln()));
    // 100 s and 97 s ago, at another decay.
    let other = Decay::new(0.3).unwrap();
    let expected = (100.0_f64.powf(-0.3) + 97.0_f64.powf(-0.3)).ln();
    assert!(near(trace.base_level(at(100), other), expected));
    assert!(trace.base_level(at(3), decay).is_finite(), "just now");
    for wrong in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(Decay::new(wrong).is_err());
    }
}

#[test]
fn a_long_history_is_nearly_what_it_would_be_in_full() {
    let decay = Decay::default();
    let mut trace = Trace::new(at(0));
    let mut uses = vec![0_u64];
    for use_ in (1..2000).map(|step| step * 60) {
        trace.touch(at(use_));
        uses.push(use_);
    }
    assert_eq!(trace.count(), 2000);
    for later in [10, 3600, 1_000_000] {
        let now = 1999 * 60 + later;
        let full: f64 = uses.iter().map(|use_| ((now - use_) as f64).powf(-0.5)).sum::<f64>().ln();
        let found = trace.base_level(at(now), decay);
        assert!((found - full).abs() < 0.01, "{later}: {found} {full}");
    }
}

#[test]
fn what_is_least_active_leaves() {
    let capacity = Capacity { slots: 3, cost: 10 };
    let mut memory = WorkingMemory::new(capacity, Decay::default()).unwrap();
    for (second, number) in [(0, 1), (10, 2), (20, 3)] {
        assert_eq!(memory.attend(id(number), 3, at(second)).unwrap(), []);
    }
    // The first is used again: the second is the least active now.
    memory.attend(id(1), 3, at(30)).unwrap();
    assert_eq!(memory.attend(id(4), 1, at(40)).unwrap(), [id(2)]);
    let ranked: Vec<Id> = memory.ranked(at(41)).into_iter().map(|(id, _)| id).collect();
    // Ages 41 and 11; 21; 1.
    assert_eq!(ranked, [id(4), id(1), id(3)]);
    // Eight of ten are needed, and seven are taken. 30^-1/2 is 0.18, 10^-1/2 is 0.32, 50^-1/2 + 20^-1/2 is 0.37: the third
    // goes, then the fourth; three and eight are still too much.
    assert_eq!(memory.attend(id(5), 8, at(50)).unwrap(), [id(3), id(4), id(1)]);
    assert_eq!((memory.len(), memory.cost()), (1, 8));
    assert_eq!(memory.attend(id(4), 2, at(60)).unwrap(), []);
    // What never fits changes nothing.
    assert!(matches!(memory.attend(id(6), 11, at(60)), Err(Error::Limit { .. })));
    assert_eq!(memory.len(), 2);
    assert!(memory.drop(id(4)) && !memory.drop(id(4)));
    assert!(WorkingMemory::new(Capacity { slots: 0, cost: 1 }, Decay::default()).is_err());
}

#[test]
fn attention_keeps_what_it_leads_to() {
    let mut memory = WorkingMemory::new(Capacity { slots: 2, cost: 10 }, Decay::default()).unwrap();
    memory.attend(id(1), 1, at(0)).unwrap();
    memory.attend(id(2), 1, at(90)).unwrap();
    let links = |ids: &[u128]| ids.iter().map(|number| id(*number)).collect::<BTreeSet<Id>>();
    // Two sources share: the first leads to one memory, the second to four.
    let sources = BTreeMap::from([(id(8), links(&[1])), (id(9), links(&[1, 5, 6, 7]))]);
    memory.focus(Focus { sources, strength: 2.0 });
    let base = |age: f64| age.powf(-0.5).ln();
    let spread = 0.5 * 2.0 + 0.5 * (2.0 - 4.0_f64.ln());
    assert!(near(memory.activation(id(1), at(100)).unwrap(), base(100.0) + spread));
    assert!(near(memory.activation(id(2), at(100)).unwrap(), base(10.0)));
    assert_eq!(memory.activation(id(3), at(100)), None);
    // ln 0.1 + 1.307 is more than ln 0.316: the older one stays.
    assert_eq!(memory.attend(id(3), 1, at(100)).unwrap(), [id(2)]);
}

#[test]
fn the_capacity_is_never_exceeded() {
    let mut random = fastrand::Rng::with_seed(3);
    let capacity = Capacity { slots: 7, cost: 40 };
    let mut memory = WorkingMemory::new(capacity, Decay::default()).unwrap();
    let mut there = BTreeSet::new();
    for second in 0..3000 {
        let now = at(second * random.u64(1..3) / 2 + second);
        let before: BTreeMap<Id, f64> = memory.ranked(now).into_iter().collect();
        let (used, cost) = (id(random.u128(..30)), random.usize(..45));
        match memory.attend(used, cost, now) {
            Err(_) => assert!(cost > 40),
            Ok(left) => {
                there.insert(used);
                // Each that left was the least active of those that were there still.
                let mut rest: BTreeMap<Id, f64> =
                    before.into_iter().filter(|(other, _)| *other != used).collect();
                for one in &left {
                    let activation = rest.remove(one).unwrap();
                    assert!(rest.values().all(|other| *other >= activation));
                    there.remove(one);
                }
            }
        }
        assert!(memory.len() <= capacity.slots && memory.cost() <= capacity.cost);
        let ids: BTreeSet<Id> = memory.ranked(now).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, there, "nothing leaves unsaid");
    }
}

#[test]
fn weights_are_shares() {
    let found = softmax(&[1.0, 2.0, 3.0], 1.0).unwrap();
    for (found, expected) in found.iter().zip([0.090_030_573_170_380_46, 0.244_728_471_054_797_65]) {
        assert!(near(*found, expected), "{found}");
    }
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..500 {
        let scores: Vec<f64> = (0..random.usize(1..9)).map(|_| (random.f64() - 0.5) * 2e6).collect();
        let shares = softmax(&scores, 0.01 + random.f64() * 9.0).unwrap();
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-6);
        assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)));
        for (a, b) in (0..scores.len()).flat_map(|a| (0..scores.len()).map(move |b| (a, b))) {
            assert!(scores[a] <= scores[b] || shares[a] >= shares[b]);
        }
    }
    assert!(near(entropy(&[0.5, 0.5]), 2.0_f64.ln()) && near(entropy(&[1.0, 0.0]), 0.0));
    for (scores, temperature) in [(vec![], 1.0), (vec![f64::NAN], 1.0), (vec![1.0], 0.0), (vec![1.0], -1.0)] {
        assert!(softmax(&scores, temperature).is_err());
    }
}

fn feedback(told: &[(f64, u8)]) -> Vec<Feedback> {
    told.iter().map(|(score, relevant)| Feedback { score: *score, relevant: *relevant == 1 }).collect()
}

#[test]
fn confidence_is_what_pooling_says() {
    // 0 | 1 0 | 1 0 1 | 1: the second and third fall, and become 1/2; so do the fourth and fifth.
    let told = [(0.1, 0), (0.2, 1), (0.3, 0), (0.4, 1), (0.5, 0), (0.6, 1), (0.7, 1)];
    let learned = Calibration::fit(&feedback(&told)).unwrap();
    for (score, expected) in
        [(0.0, 0.0), (0.1, 0.0), (0.2, 0.5), (0.25, 0.5), (0.5, 0.5), (0.6, 1.0), (0.9, 1.0)]
    {
        assert!(near(learned.probability(score), expected), "{score}");
    }
    // Between blocks in a line: halfway from 0.1 to 0.2, halfway from 0 to 1/2.
    assert!(near(learned.probability(0.15), 0.25));
    assert!(near(learned.probability(0.55), 0.75));
    // Equal scores are one, in whatever order they come.
    let same = Calibration::fit(&feedback(&[(0.5, 1), (0.5, 0), (0.5, 1), (0.5, 1)])).unwrap();
    assert!(near(same.probability(0.5), 0.75) && near(same.probability(9.0), 0.75));
    assert!(Calibration::fit(&[]).is_err());
    assert!(Calibration::fit(&feedback(&[(f64::NAN, 1)])).is_err());
}

/// Against what isotonic regression is: the greatest of the least means, `max over a ≤ i of min over b ≥ i of mean(a..b)`.
#[test]
fn confidence_never_falls_and_is_the_best_of_its_kind() {
    let mut random = fastrand::Rng::with_seed(9);
    for round in 0..200 {
        let told: Vec<(f64, u8)> =
            (0..random.usize(1..25)).map(|at| (at as f64, u8::from(random.bool()))).collect();
        let mut shuffled = told.clone();
        random.shuffle(&mut shuffled);
        let learned = Calibration::fit(&feedback(&shuffled)).unwrap();
        let mean = |a: usize, b: usize| {
            told[a..=b].iter().map(|(_, relevant)| f64::from(*relevant)).sum::<f64>() / (b - a + 1) as f64
        };
        let mut last = 0.0;
        for at in 0..told.len() {
            let least = |a: usize| (at..told.len()).map(|b| mean(a, b)).fold(f64::INFINITY, f64::min);
            let expected = (0..=at).map(least).fold(f64::NEG_INFINITY, f64::max);
            let found = learned.probability(at as f64);
            assert!(near(found, expected), "{round}: {found} {expected}");
            let between = learned.probability(at as f64 - 0.5);
            assert!(between + 1e-12 >= last && found + 1e-12 >= between, "{round}");
            last = found;
        }
    }
}

#[test]
fn the_error_of_confidence_is_reported() {
    // 0.9 and 0.8 in one bin of ten each, 0.2 and 0.25 in another: |0.9 - 1|, |0.8 - 0|, |0.45 - 1|, over four.
    let told = [(0.9, true), (0.8, false), (0.2, true), (0.25, false)];
    assert!(near(calibration_error(&told, 10), (0.1 + 0.8 + 0.55) / 4.0));
    assert!(near(calibration_error(&[(1.0, true), (0.0, false)], 10), 0.0));
    assert!(near(calibration_error(&[], 10), 0.0));
    // Scores that are far too sure, s for a share of s²: held out, what was learned is nearly right, and the scores are not.
    let mut random = fastrand::Rng::with_seed(4);
    let mut told = || {
        let score = random.f64();
        Feedback { score, relevant: random.f64() < score * score }
    };
    let sample: Vec<Feedback> = (0..4000).map(|_| told()).collect();
    let raw: Vec<(f64, bool)> = sample.iter().map(|one| (one.score, one.relevant)).collect();
    let before = calibration_error(&raw, 10);
    let after = Calibration::held_out_error(&sample, 5, 10).unwrap();
    // The mean of s - s² is a sixth.
    assert!((before - 1.0 / 6.0).abs() < 0.02, "{before}");
    assert!(after < 0.03, "{after}");
    assert!(Calibration::held_out_error(&sample[..3], 5, 10).is_err());
}

fn what_fades_may_expire_and_nothing_else(on: Engine) {
    let room = on.place("cognition");
    let space = Namespace::new("a").unwrap();
    let mut t = room.begin();
    let of = |kind, text: &str| MemoryDraft::new(space.clone(), kind, text);
    let plain = t.add(of(Kind::Episode, "plain")).unwrap();
    let recalled = t.add(of(Kind::Episode, "recalled")).unwrap();
    let important = t.add(of(Kind::Episode, "important").importance(0.9)).unwrap();
    let fact = t.add(of(Kind::Fact, "a fact stays")).unwrap();
    t.commit().unwrap();
    let touch = Change::Touch { id: recalled, at: at(0) };
    room.store
        .commit(&Batch { changes: vec![touch.clone(), touch.clone(), touch], ..Batch::default() })
        .unwrap();
    let ids = [plain, recalled, important, fact];
    let nodes = room.store.nodes(&ids, room.store.head().unwrap()).unwrap();
    let curve = Curve::default();
    let days = |count: u64| at(count * 24 * 60 * 60);
    // e^(-2/1), and with a strength of four e^(-2/4).
    assert!(near(curve.retention(&nodes[0], days(2)), (-2.0_f64).exp()));
    assert!(near(curve.retention(&nodes[1], days(2)), (-0.5_f64).exp()));
    assert!(near(curve.retention(&nodes[0], at(0)), 1.0));
    let fading = |day: u64| {
        let found = curve.fading(&nodes, &room.settings, days(day));
        found.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    // ln 20 is nearly three days; four times that are nearly twelve.
    assert_eq!((fading(2), fading(3), fading(11)), (vec![], vec![plain], vec![plain]));
    assert_eq!(fading(12), [plain, recalled]);
    room.clock.advance(Duration::from_secs(3 * 24 * 60 * 60));
    let mut t = room.begin();
    assert_eq!(curve.expire(&mut t, &ids, &room.settings).unwrap(), [plain]);
    t.commit().unwrap();
    let nodes = room.store.nodes(&ids, room.store.head().unwrap()).unwrap();
    assert_eq!(nodes[0].status, Status::Expired);
    assert_eq!(nodes[0].content.words(), "plain", "what has expired is still there");
    assert!(nodes[1..].iter().all(|node| node.status == Status::Live));
}

#[test]
fn a_session_shares_its_attention_and_says_how_sure_it_is() {
    let working = WorkingMemory::new(Capacity { slots: 2, cost: 9 }, Decay::default()).unwrap();
    let mut state = CognitiveState::new(working.clone(), ["words", "vectors"]).unwrap();
    assert!(state.attention().values().all(|share| near(*share, 0.5)));
    state
        .attend(&BTreeMap::from([("words", 1.0), ("vectors", 1.0 + 3.0_f64.ln()), ("graph", 1.0)]), 1.0)
        .unwrap();
    // 1 : 3 : 1.
    let expected = [("graph", 0.2), ("vectors", 0.6), ("words", 0.2)];
    assert!(
        state.attention().iter().zip(expected).all(|(found, one)| *found.0 == one.0 && near(*found.1, one.1))
    );
    let before = state.attention().clone();
    assert!(state.attend(&BTreeMap::new(), 1.0).is_err());
    assert!(state.attend(&BTreeMap::from([("words", f64::INFINITY)]), 1.0).is_err());
    assert_eq!(state.attention(), &before);
    assert_eq!(state.confidence(0.5), None);
    state.calibration = Some(Calibration::fit(&feedback(&[(0.0, 0), (1.0, 1)])).unwrap());
    assert!(near(state.confidence(0.5).unwrap(), 0.5));
    assert!(CognitiveState::new(working, Vec::<&str>::new()).is_err());
}

fn a_store_says_how_present_its_memories_are(on: Engine) {
    let room = on.place("cognition");
    let mut t = room.begin();
    let space = Namespace::new("a").unwrap();
    let [once, often] =
        ["once", "often"].map(|text| t.add(MemoryDraft::new(space.clone(), Kind::Fact, text)).unwrap());
    t.commit().unwrap();
    let touch = Change::Touch { id: often, at: at(75) };
    room.store.commit(&Batch { changes: vec![touch], ..Batch::default() }).unwrap();
    let nodes = room.store.nodes(&[once, often], room.store.head().unwrap()).unwrap();
    let found = activations(&nodes, at(100), Decay::default());
    assert!(near(found[&once], 0.1_f64.ln()));
    // 25 seconds ago, and once more somewhere between 25 and 100: (√100 - √25) / (75 / 2).
    assert!(near(found[&often], (0.2_f64 + 5.0 / 37.5).ln()));
}
