//! Mixture of experts: which experts a row goes through, and the weighted sum of what they say.

use super::feed::{inner, outer};
use super::pass::Pass;
use super::scratch::{Buffers, part};
use super::weights::{Experts, Norm};
use crate::local::Error;
use crate::local::arch::{Moe, Scoring};
use crate::local::kernels::{Kinds, each_row, math, matmul};

/// What they say of all rows of `x`, into `buffers.y`.
pub(super) fn feed(
    pass: Pass<'_>,
    experts: &Experts,
    norm: Option<&Norm>,
    x: &[f32],
    buffers: &mut Buffers,
) -> Result<(), Error> {
    let Some(moe) = &pass.spec.moe else { return Ok(()) };
    let (pool, level, cols) = (pass.pool, pass.level, pass.spec.hidden);
    let rows = x.len() / cols;
    let Buffers { inputs, expert_inputs, y, gate, up, experts: scratch, .. } = buffers;
    let normed = part(&mut scratch.normed, x.len());
    each_row(pool, cols, normed, |row, into| {
        let x = &x[row * cols..][..cols];
        match norm {
            Some(norm) => norm.apply(level, x, into),
            None => into.copy_from_slice(x),
        }
    })?;
    let shared = experts.shared.as_ref();
    let kinds = shared.map_or(Kinds::default(), |shared| shared.kinds()).and(Kinds::all([&experts.router]));
    inputs.fill(pool, level, kinds, cols, normed)?;
    let logits = part(&mut scratch.logits, rows * moe.experts);
    matmul(pool, &experts.router, inputs, logits)?;
    scratch.chosen.resize_with(moe.experts, Vec::new);
    scratch.chosen.iter_mut().for_each(Vec::clear);
    for (row, logits) in (0u32..).zip(logits.chunks_exact_mut(moe.experts)) {
        scratch.choice.route(pass, moe, logits, experts.correction.as_deref());
        let chosen = scratch.choice.chosen.iter();
        chosen.for_each(|(expert, weight)| scratch.chosen[*expert as usize].push((row, *weight)));
    }
    let y = part(y, x.len());
    match shared {
        Some(shared) => {
            inner(pass, shared, inputs, gate, up)?;
            outer(pass, shared, inputs, [gate, up], y)?;
        }
        None => y.fill(0.0),
    }
    for (expert, chosen) in
        experts.experts.iter().zip(&scratch.chosen).filter(|(_, chosen)| !chosen.is_empty())
    {
        let shape = [chosen.len(), cols];
        expert_inputs.fill_with(pool, level, expert.kinds(), shape, |at, into| {
            into.copy_from_slice(&normed[chosen[at].0 as usize * cols..][..cols]);
        })?;
        inner(pass, expert, expert_inputs, gate, up)?;
        let said = part(&mut scratch.said, chosen.len() * cols);
        outer(pass, expert, expert_inputs, [gate, up], said)?;
        for ((row, weight), said) in chosen.iter().zip(said.chunks_exact(cols)) {
            math::add_scaled(level, &mut y[*row as usize * cols..][..cols], said, *weight);
        }
    }
    Ok(())
}

/// How a row's experts are chosen, with the memory for that.
#[derive(Default)]
pub(super) struct Choice {
    /// Experts with their weights.
    pub(super) chosen: Vec<(u32, f32)>,
    scores: Vec<f32>,
    groups: Vec<f32>,
}

impl Choice {
    /// The experts of a row, from the router's logits. Of equal scores the first goes first.
    fn route(&mut self, pass: Pass<'_>, moe: &Moe, logits: &mut [f32], correction: Option<&[f32]>) {
        match moe.scoring {
            Scoring::Softmax => math::softmax(pass.level, logits),
            Scoring::Sigmoid => logits.iter_mut().for_each(|x| *x = 1.0 / (1.0 + (-*x).exp())),
        }
        self.scores.clear();
        self.scores.extend_from_slice(logits);
        correction.into_iter().for_each(|correction| math::add(pass.level, &mut self.scores, correction));
        if let Some((groups, looked_at)) = moe.groups {
            self.keep_groups(groups, looked_at, moe.correction);
        }
        self.chosen.clear();
        for _ in 0..moe.used {
            let at = best(&self.scores);
            self.scores[at] = f32::NEG_INFINITY;
            self.chosen.push((at as u32, logits[at]));
        }
        let sum = self.chosen.iter().map(|(_, weight)| weight).sum::<f32>() + 1e-20;
        let divisor = if moe.normalised { sum } else { 1.0 };
        self.chosen.iter_mut().for_each(|(_, weight)| *weight = *weight / divisor * moe.scale as f32);
    }

    /// Rules out the experts of all but the best groups. A group is as good as its best expert, or, where scores are
    /// corrected, as its best two.
    fn keep_groups(&mut self, groups: usize, looked_at: usize, corrected: bool) {
        let size = self.scores.len() / groups;
        self.groups.clear();
        self.groups.extend(self.scores.chunks(size).map(|group| {
            let first = best(group);
            let others = group.iter().enumerate().filter(|(at, _)| *at != first).map(|(_, score)| *score);
            let second = if corrected { others.fold(f32::NEG_INFINITY, f32::max) } else { 0.0 };
            group[first] + if second == f32::NEG_INFINITY { 0.0 } else { second }
        }));
        for _ in 0..looked_at {
            let at = best(&self.groups);
            self.groups[at] = f32::NAN;
        }
        for (worth, scores) in self.groups.iter().zip(self.scores.chunks_mut(size)) {
            if !worth.is_nan() {
                scores.fill(f32::NEG_INFINITY);
            }
        }
    }
}

/// The index of the largest; numbers that are none are passed over.
fn best(scores: &[f32]) -> usize {
    let best = scores.iter().enumerate().fold(None, |best: Option<(usize, f32)>, (at, score)| match best {
        Some((_, most)) if *score <= most => best,
        _ if score.is_nan() => best,
        _ => Some((at, *score)),
    });
    best.map_or(0, |(at, _)| at)
}
