//! Mixture of experts: which experts a token goes through, and the weighted sum of what they say.

use candle_core::{IndexOp, Tensor};

use super::mlp::gated;
use super::ops::rows;
use super::weights::At;
use crate::local::Error;
use crate::local::arch::{Moe, Role, Scoring, Spec};

pub(super) fn experts(spec: &Spec, moe: &Moe, at: At<'_>, x: &Tensor) -> Result<Tensor, Error> {
    let correction = moe.correction.then(|| at.numbers(Role::RouterCorrection)).transpose()?;
    let logits = rows(&at.linear(x, Role::Router)?)?;
    let mut tokens = vec![(Vec::new(), Vec::new()); moe.experts];
    for (token, logits) in (0u32..).zip(&logits) {
        for (expert, weight) in route(moe, logits, correction.as_deref()) {
            tokens[expert].0.push(token);
            tokens[expert].1.push(weight);
        }
    }
    let activation = spec.mlp.activation;
    let mut sum = match moe.shared {
        Some(_) => {
            let inner = gated(activation, &at.linear(x, Role::SharedGate)?, &at.linear(x, Role::SharedUp)?)?;
            at.linear(&inner, Role::SharedDown)?
        }
        None => x.zeros_like()?,
    };
    for (expert, (tokens, weights)) in
        tokens.into_iter().enumerate().filter(|(_, (tokens, _))| !tokens.is_empty())
    {
        let chosen = Tensor::new(tokens, x.device())?;
        let x = x.index_select(&chosen, 0)?;
        let through = |x: &Tensor, role: Role| -> Result<Tensor, Error> {
            Ok(x.matmul(&matrix(moe, at, expert, role)?.t()?)?)
        };
        let inner = gated(activation, &through(&x, Role::ExpertGate)?, &through(&x, Role::ExpertUp)?)?;
        let said = through(&inner, Role::ExpertDown)?;
        let weights = Tensor::new(weights, x.device())?.unsqueeze(1)?;
        sum = sum.index_add(&chosen, &said.broadcast_mul(&weights)?, 0)?;
    }
    Ok(sum)
}

/// A matrix of one expert.
fn matrix(moe: &Moe, at: At<'_>, expert: usize, role: Role) -> Result<Tensor, Error> {
    if moe.stacked {
        return Ok(at.tensor(role)?.i(expert)?);
    }
    Ok(at.expert(expert).tensor(role)?.clone())
}

/// The experts of a token with their weights, from the router's logits. Of equal scores the first goes first.
pub fn route(moe: &Moe, logits: &[f32], correction: Option<&[f32]>) -> Vec<(usize, f32)> {
    let scores = scores(moe.scoring, logits);
    let mut choice = scores.clone();
    for (score, correction) in choice.iter_mut().zip(correction.unwrap_or_default()) {
        *score += correction;
    }
    if let Some((groups, looked_at)) = moe.groups {
        keep_groups(&mut choice, groups, looked_at, moe.correction);
    }
    let mut chosen: Vec<(usize, f32)> = best(&choice, moe.used).map(|at| (at, scores[at])).collect();
    let sum: f32 =
        if moe.normalised { chosen.iter().map(|(_, weight)| weight).sum::<f32>() + 1e-20 } else { 1.0 };
    for (_, weight) in &mut chosen {
        *weight = *weight / sum * moe.scale as f32;
    }
    chosen
}

fn scores(scoring: Scoring, logits: &[f32]) -> Vec<f32> {
    match scoring {
        Scoring::Sigmoid => logits.iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect(),
        Scoring::Softmax => {
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let raised: Vec<f32> = logits.iter().map(|logit| (logit - largest).exp()).collect();
            let sum: f32 = raised.iter().sum();
            raised.iter().map(|raised| raised / sum).collect()
        }
    }
}

/// The indices of the `count` largest, largest first.
fn best(scores: &[f32], count: usize) -> impl Iterator<Item = usize> + use<> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    order.into_iter().take(count)
}

/// Rules out the experts of all but the best groups. A group is as good as its best expert, or, where scores are
/// corrected, as its best two.
fn keep_groups(scores: &mut [f32], groups: usize, looked_at: usize, corrected: bool) {
    let size = (scores.len() / groups).max(1);
    let counted = if corrected { 2 } else { 1 };
    let worth = |group: &[f32]| best(group, counted).map(|at| group[at]).sum::<f32>();
    let worths: Vec<f32> = scores.chunks(size).map(worth).collect();
    let kept: Vec<usize> = best(&worths, looked_at).collect();
    for (group, scores) in scores.chunks_mut(size).enumerate() {
        if !kept.contains(&group) {
            scores.fill(f32::NEG_INFINITY);
        }
    }
}
