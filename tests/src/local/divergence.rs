//! How far probabilities are from others: what quantised products are measured by.

/// The Kullback–Leibler divergence in nats: what is lost by taking the probabilities of `found` for those of `expected`, both
/// given as logits.
pub fn kl_divergence(expected: &[f32], found: &[f32]) -> f64 {
    let pairs = probabilities(expected).into_iter().zip(probabilities(found));
    pairs.map(|(expected, found)| expected * (expected / found).ln()).sum()
}

fn probabilities(logits: &[f32]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let raised: Vec<f64> = logits.iter().map(|logit| f64::from(logit - most).exp()).collect();
    let sum: f64 = raised.iter().sum();
    raised.iter().map(|raised| raised / sum).collect()
}
