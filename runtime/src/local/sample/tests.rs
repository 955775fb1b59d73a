//! The sampler beside a naive one that sorts everything, in f64.

use super::candidates::{Candidates, token};
use super::config::{Dry, Mirostat, MirostatVersion, Penalties, Sampling, Xtc};
use super::field::Field;
use super::sampler::{Left, Sampler, filter};
use super::{Error, InvalidSampling};
use crate::random::Random;

/// What a naive filter leaves: tokens with their probabilities, the best first.
#[derive(Debug)]
struct Naive {
    left: Vec<(u32, f64)>,
    /// How near the closest decision was to falling otherwise.
    margin: f64,
}

impl Naive {
    fn of(config: &Sampling, logits: &[f32]) -> Self {
        let finite = logits.iter().enumerate().filter(|(_, logit)| **logit > f32::NEG_INFINITY);
        // Adding zero makes one of both zeros, which are no different.
        let mut left: Vec<(u32, f64)> =
            finite.map(|(id, logit)| (id as u32, f64::from(*logit) + 0.0)).collect();
        left.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut naive = Self { left, margin: f64::INFINITY };
        if let Some(sigmas) = config.top_n_sigma {
            naive.sigma(f64::from(sigmas));
        }
        naive.left.truncate(config.top_k.unwrap_or(usize::MAX));
        if let Some(part) = config.typical_p {
            naive.typical(f64::from(part));
        }
        if let Some(part) = config.top_p {
            let order = (0..naive.left.len()).collect();
            naive.smallest(order, f64::from(part));
        }
        if let Some(part) = config.min_p {
            let least = naive.left[0].1 + f64::from(part).ln();
            naive.at_least(least);
        }
        if let Some(xtc) = config.xtc {
            let probabilities = naive.probabilities(1.0);
            let gap = |p: &f64| (p - f64::from(xtc.threshold)).abs();
            naive.margin = probabilities.iter().map(gap).fold(naive.margin, f64::min);
            let top = probabilities.iter().filter(|p| **p >= f64::from(xtc.threshold)).count();
            naive.left.drain(..top.saturating_sub(1));
        }
        let probabilities = naive.probabilities(f64::from(config.temperature));
        naive.left.iter_mut().zip(probabilities).for_each(|(left, p)| left.1 = p);
        naive
    }

    fn probabilities(&self, temperature: f64) -> Vec<f64> {
        let weights: Vec<f64> =
            self.left.iter().map(|(_, logit)| ((logit - self.left[0].1) / temperature).exp()).collect();
        let total: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / total).collect()
    }

    fn sigma(&mut self, sigmas: f64) {
        let count = self.left.len() as f64;
        let mean = self.left.iter().map(|(_, logit)| logit).sum::<f64>() / count;
        let variance = self.left.iter().map(|(_, logit)| (logit - mean).powi(2)).sum::<f64>() / count;
        self.at_least(self.left[0].1 - sigmas * variance.sqrt());
    }

    fn at_least(&mut self, least: f64) {
        // The best stays whatever happens, so that it decides nothing.
        let gaps = self.left.iter().skip(1).map(|(_, logit)| (logit - least).abs());
        self.margin = gaps.fold(self.margin, f64::min);
        let best = self.left[0].0;
        self.left.retain(|(token, logit)| *logit >= least || *token == best);
    }

    fn typical(&mut self, part: f64) {
        let probabilities = self.probabilities(1.0);
        let entropy: f64 = probabilities.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
        let distance = |at: &usize| (-probabilities[*at].max(1e-300).ln() - entropy).abs();
        let mut order: Vec<usize> = (0..self.left.len()).collect();
        order.sort_by(|a, b| distance(a).total_cmp(&distance(b)).then(self.left[*a].0.cmp(&self.left[*b].0)));
        let distances: Vec<f64> = order.iter().map(distance).collect();
        let kept = self.smallest(order, part);
        // Which of two that are about as far comes first is open, unless they are ties.
        if let (Some(last), Some(next)) = (distances.get(kept - 1), distances.get(kept)) {
            self.margin = self.margin.min(next - last);
        }
    }

    /// Keeps the first of this order whose probabilities reach `part`.
    fn smallest(&mut self, order: Vec<usize>, part: f64) -> usize {
        let probabilities = self.probabilities(1.0);
        let (mut sum, mut kept) = (0.0, 0);
        while kept < order.len() && sum < part {
            sum += probabilities[order[kept]];
            self.margin = self.margin.min((sum - part).abs());
            kept += 1;
        }
        let keep: std::collections::HashSet<usize> = order[..kept].iter().copied().collect();
        let mut place = 0..;
        self.left.retain(|_| place.next().is_some_and(|place| keep.contains(&place)));
        kept
    }
}

fn normal(random: &mut fastrand::Rng) -> f32 {
    let (radius, angle) =
        ((-2.0 * random.f64().max(1e-12).ln()).sqrt(), std::f64::consts::TAU * random.f64());
    (radius * angle.cos()) as f32
}

/// Logits of many shapes: broad, peaked, with ties, flat, partly ruled out.
fn logits(random: &mut fastrand::Rng, len: usize) -> Vec<f32> {
    let scale = [0.01, 1.0, 3.0, 10.0][random.usize(..4)];
    let mut logits: Vec<f32> = (0..len).map(|_| scale * normal(random)).collect();
    match random.usize(..6) {
        0 => logits.iter_mut().for_each(|logit| *logit = (*logit * 2.0).round() / 2.0),
        1 => logits.fill(scale),
        2 => logits[random.usize(..len)] += 20.0,
        3 => logits.iter_mut().filter(|_| random.bool()).for_each(|logit| *logit = f32::NEG_INFINITY),
        _ => {}
    }
    if logits.iter().all(|logit| *logit == f32::NEG_INFINITY) {
        logits[0] = 0.0;
    }
    logits
}

fn part(random: &mut fastrand::Rng) -> f32 {
    [0.05, 0.313, 0.7, 0.9, 0.953, 0.9991][random.usize(..6)] + random.f32() * 1e-4
}

fn settings(random: &mut fastrand::Rng) -> Sampling {
    let mut some = |often: u32| random.u32(..often) == 0;
    let (k, typical, p, min, sigma, xtc) = (some(3), some(5), some(2), some(4), some(5), some(5));
    Sampling {
        temperature: 0.3 + random.f32() * 1.5,
        top_k: k.then(|| [1, 2, 40, 300, 3000][random.usize(..5)]),
        typical_p: typical.then(|| part(random)),
        top_p: p.then(|| part(random)),
        min_p: min.then(|| random.f32() * random.f32()),
        top_n_sigma: sigma.then(|| random.f32() * 3.0),
        xtc: xtc.then(|| Xtc { probability: 1.0, threshold: 0.01 + random.f32() * 0.4 }),
        ..Sampling::default()
    }
}

/// The tokens that the sampler's filters leave.
fn left(config: &Sampling, logits: &[f32]) -> Vec<u32> {
    let mut logits = logits.to_vec();
    let (mut field, mut list) = (Field::new(logits.len()), Candidates::default());
    field.scan(&logits).unwrap();
    match filter(config, &mut field, &mut logits, &mut list, &mut Random::new(1)) {
        Left::List => list.sort().iter().map(|&key| token(key)).collect(),
        Left::Logits => {
            let mut list = Candidates::default();
            field.list(&logits, f32::NEG_INFINITY, &mut list);
            list.sort().iter().map(|&key| token(key)).collect()
        }
    }
}

#[test]
fn filters_keep_what_a_full_sort_keeps() {
    let mut random = fastrand::Rng::with_seed(21);
    let (mut compared, mut cut) = (0, 0);
    for round in 0..1500 {
        let len = [1, 2, 10, 64, 65, 500, 3000, 20_000][random.usize(..if round % 10 == 0 { 8 } else { 6 })];
        let (logits, config) = (logits(&mut random, len), settings(&mut random));
        let naive = Naive::of(&config, &logits);
        if naive.margin < 2e-6 {
            continue;
        }
        let expected: Vec<u32> = naive.left.iter().map(|(token, _)| *token).collect();
        let found = left(&config, &logits);
        assert!(found == expected, "{round}: {len} {config:?}: {} kept, not {}", found.len(), expected.len());
        compared += 1;
        cut += usize::from(expected.len() < len);
    }
    assert!(compared > 900 && cut > 550, "{compared} {cut}");
}

/// Draws, and compares how often each token came with how likely it is. The bound is 6 standard deviations wide.
fn follows(config: &Sampling, logits: &[f32], expected: &[(u32, f64)]) {
    const DRAWS: usize = 20_000;
    let mut sampler = Sampler::new(config.clone(), logits.len()).unwrap();
    let mut counts = vec![0_usize; logits.len()];
    let mut work = logits.to_vec();
    for _ in 0..DRAWS {
        work.copy_from_slice(logits);
        counts[sampler.next(&mut work).unwrap().token as usize] += 1;
    }
    // Tokens too rare for the statistic are counted together.
    let (mut chi, mut classes, mut rare, mut rare_count, mut known) = (0.0, 0, 0.0, 0, 0);
    for &(token, probability) in expected {
        let (count, mean) = (counts[token as usize], probability * DRAWS as f64);
        known += count;
        if mean < 8.0 {
            (rare, rare_count) = (rare + mean, rare_count + count);
        } else {
            chi += (count as f64 - mean).powi(2) / mean;
            classes += 1;
        }
    }
    assert_eq!(known, DRAWS, "only what is left is drawn");
    if rare >= 8.0 {
        chi += (rare_count as f64 - rare).powi(2) / rare;
        classes += 1;
    }
    let freedom = f64::from((classes - 1).max(1));
    assert!(chi < freedom + 6.0 * (2.0 * freedom).sqrt() + 10.0, "{config:?}: {chi} of {freedom}");
}

#[test]
fn draws_follow_the_distribution() {
    let mut random = fastrand::Rng::with_seed(8);
    let mut checked = 0;
    for round in 0..24 {
        let logits = logits(&mut random, [3, 100, 700][round % 3]);
        let config = Sampling { seed: Some(round as u64), ..settings(&mut random) };
        let naive = Naive::of(&config, &logits);
        if naive.margin > 2e-6 {
            follows(&config, &logits, &naive.left);
            checked += 1;
        }
    }
    assert!(checked > 12);
}

/// Of vocabularies whose nucleus is too wide to be listed, it is drawn from all: also then nothing else is drawn, and all
/// tenths of it as often.
#[test]
fn wide_nuclei_are_drawn_from_alike() {
    const DRAWN: usize = 400;
    let mut random = fastrand::Rng::with_seed(3);
    for (part, temperature) in [(0.9, 0.8), (0.6, 1.0), (0.95, 2.5)] {
        let logits: Vec<f32> = (0..14_000).map(|_| normal(&mut random)).collect();
        let config = Sampling { top_p: Some(part), temperature, seed: Some(5), ..Sampling::default() };
        let naive = Naive::of(&config, &logits);
        assert!(naive.margin > 1e-7 && naive.left.len() > 1000);
        let mut tenth = vec![None; logits.len()];
        let mut sum = 0.0;
        for (token, probability) in naive.left {
            tenth[token as usize] = Some((10.0 * sum) as usize);
            sum += probability;
        }
        let mut sampler = Sampler::new(config, logits.len()).unwrap();
        let mut counts = [0_usize; 11];
        for _ in 0..DRAWN {
            let token = sampler.next(&mut logits.clone()).unwrap().token;
            counts[tenth[token as usize].expect("a token of the nucleus")] += 1;
        }
        assert!(counts[..10].iter().all(|count| (15..70).contains(count)), "{part}: {counts:?}");
    }
}

#[test]
fn greedy_takes_the_first_of_the_best() {
    let mut random = fastrand::Rng::with_seed(4);
    for _ in 0..500 {
        let len = random.usize(1..400);
        let mut logits = logits(&mut random, len);
        let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let first = logits.iter().position(|logit| *logit == best).unwrap() as u32;
        let mut sampler = Sampler::new(Sampling::greedy(), len).unwrap();
        assert_eq!(sampler.next(&mut logits).unwrap().token, first);
    }
}

#[test]
fn a_seed_gives_the_same_tokens_again() {
    let config = Sampling { seed: Some(42), top_p: Some(0.9), ..Sampling::default() };
    let mut random = fastrand::Rng::with_seed(6);
    let fields: Vec<Vec<f32>> = (0..50).map(|_| logits(&mut random, 1000)).collect();
    let run = |config: &Sampling| -> Vec<u32> {
        let mut sampler = Sampler::new(config.clone(), 1000).unwrap();
        fields.iter().map(|field| sampler.next(&mut field.clone()).unwrap().token).collect()
    };
    assert_eq!(run(&config), run(&config));
    assert_ne!(run(&config), run(&Sampling { seed: Some(43), ..config.clone() }));
}

#[test]
fn nonsense_of_the_model_is_an_error() {
    let mut sampler = Sampler::new(Sampling::default(), 200).unwrap();
    for (at, wrong) in [(0, f32::NAN), (150, f32::NAN), (199, f32::INFINITY)] {
        let mut logits = vec![1.0; 200];
        logits[at] = wrong;
        let error = sampler.next(&mut logits).unwrap_err();
        assert!(matches!(error, Error::NotFinite { token, .. } if token as usize == at), "{error}");
    }
    assert_eq!(sampler.next(&mut [f32::NEG_INFINITY; 200]).unwrap_err(), Error::NothingAllowed);
    assert_eq!(sampler.next(&mut [0.0; 199]).unwrap_err(), Error::Length { expected: 200, found: 199 });
    assert_eq!(sampler.next_of(&mut [0.0; 200], &[0; 7]).unwrap_err(), Error::NothingAllowed);
    assert_eq!(sampler.next_of(&mut [0.0; 200], &[0, 1]).unwrap().token, 32);
    // The greatest and the least number there is are no reason to fail.
    let mut wide = vec![f32::MIN; 200];
    wide[7] = f32::MAX;
    assert_eq!(sampler.next(&mut wide).unwrap().token, 7);
}

#[test]
fn no_configuration_panics_on_any_logits() -> Result<(), InvalidSampling> {
    let mut random = fastrand::Rng::with_seed(12);
    for round in 0..3000 {
        let len = random.usize(1..300);
        let mut config = settings(&mut random);
        let penalties = Penalties { window: 9, repetition: 1.3, frequency: 0.2, presence: -0.4 };
        config.penalties = random.bool().then_some(penalties);
        config.dry = random.bool().then(Dry::default);
        config.logprobs = random.bool().then(|| random.usize(..len));
        config.logit_bias =
            vec![(random.u32(..len as u32), [f32::NEG_INFINITY, 5.0, f32::MAX][random.usize(..3)])];
        if round % 5 == 0 {
            let version = if random.bool() { MirostatVersion::V1 } else { MirostatVersion::V2 };
            config = Sampling {
                mirostat: Some(Mirostat { version, ..Mirostat::default() }),
                ..Sampling::default()
            };
        }
        let mut sampler = Sampler::new(config, len)?;
        for _ in 0..20 {
            let mut field: Vec<f32> = (0..len).map(|_| f32::from_bits(random.u32(..))).collect();
            if random.bool() {
                field = logits(&mut random, len);
            }
            let Ok(token) = sampler.next(&mut field).map(|sampled| sampled.token) else { continue };
            assert!((token as usize) < len);
            sampler.accept(token);
        }
    }
    Ok(())
}

#[test]
fn log_probabilities_are_those_of_the_model() {
    let mut random = fastrand::Rng::with_seed(17);
    for _ in 0..300 {
        let len = random.usize(5..800);
        let logits = logits(&mut random, len);
        let config = Sampling {
            logprobs: Some(4),
            logit_bias: vec![(1, 3.0)],
            top_k: Some(3),
            temperature: 0.5,
            penalties: Some(Penalties { repetition: 1.5, ..Penalties::default() }),
            ..Sampling::default()
        };
        let naive = Naive::of(&Sampling::default(), &logits);
        let mut sampler = Sampler::new(config, len).unwrap();
        (0..3).for_each(|token| sampler.accept(token));
        let mut work = logits.clone();
        let Ok(sampled) = sampler.next_of(&mut work, &vec![0x7777_7777; len.div_ceil(32)]) else { continue };
        let close = |(token, logprob): (u32, f32)| {
            let (_, probability) = naive.left.iter().find(|left| left.0 == token).unwrap();
            (f64::from(logprob) - probability.ln()).abs() < 1e-4 || *probability < 1e-30
        };
        assert!(
            close((sampled.token, sampled.logprob.unwrap())) && sampled.top.iter().all(|&top| close(top))
        );
        let best: Vec<u32> = naive.left.iter().take(4).map(|left| left.0).collect();
        assert_eq!(sampled.top.iter().map(|top| top.0).collect::<Vec<_>>(), best);
    }
}

#[test]
fn mirostat_reaches_its_target() {
    let mut random = fastrand::Rng::with_seed(30);
    let logits: Vec<f32> =
        (0..5000).map(|rank| -1.1 * ((rank + 1) as f32).ln() + 0.1 * normal(&mut random)).collect();
    let surprise: Vec<f64> =
        Naive::of(&Sampling::default(), &logits).left.iter().map(|left| -left.1.log2()).collect();
    for version in [MirostatVersion::V1, MirostatVersion::V2] {
        let mut means = Vec::new();
        for tau in [2.0, 4.0] {
            let mirostat = Some(Mirostat { version, tau, eta: 0.1 });
            let config = Sampling { mirostat, seed: Some(1), logprobs: Some(0), ..Sampling::default() };
            let mut sampler = Sampler::new(config, logits.len()).unwrap();
            let mut drawn = (0..2000)
                .map(|_| -sampler.next(&mut logits.clone()).unwrap().logprob.unwrap() / 2.0_f32.ln());
            let sum: f32 = drawn.by_ref().skip(500).sum();
            means.push(sum / 1500.0);
        }
        // The surprise that is steered is that among what is kept, so the model's own is somewhat higher.
        assert!(means[0] < means[1] && means[0] > 1.0 && means[1] < f64::MAX as f32, "{version:?} {means:?}");
        assert!((means[1] - means[0]) > 0.8, "{version:?} {means:?}");
    }
    assert!(surprise[0] < 4.0);
}
