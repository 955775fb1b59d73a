//! How much attention goes to each channel: shares that are never negative and make up one.

use crate::memory::Error;

/// The softmax of scores: `e^(s/T) / Σ e^(s/T)`. The cooler, the more goes to the best.
///
/// # Errors
/// When there is no score, a score is no finite number, or the temperature is not above 0.
pub fn softmax(scores: &[f64], temperature: f64) -> Result<Vec<f64>, Error> {
    let invalid = |reason: &str| Err(Error::invalid("weights", reason));
    if scores.is_empty() || scores.iter().any(|score| !score.is_finite()) {
        return invalid("a score is missing, or is no finite number");
    }
    if !(temperature.is_finite() && temperature > 0.0) {
        return invalid("the temperature is not above 0");
    }
    // Beside the greatest, so that nothing overflows.
    let greatest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let shares: Vec<f64> = scores.iter().map(|score| ((score - greatest) / temperature).exp()).collect();
    let sum: f64 = shares.iter().sum();
    Ok(shares.into_iter().map(|share| share / sum).collect())
}

/// How undecided shares are: 0 if one has all, the logarithm of their number if all are equal.
pub fn entropy(shares: &[f64]) -> f64 {
    shares.iter().filter(|share| **share > 0.0).map(|share| -share * share.ln()).sum()
}
