//! The buffers of a pass. They grow to what a pass needs, and stay.

use crate::local::arch::Spec;
use crate::local::kernels::Activations;
use crate::local::kernels::attention::Sequence;

#[derive(Default)]
pub(super) struct Scratch {
    /// The residual stream.
    pub(super) x: Vec<f32>,
    pub(super) buffers: Buffers,
    /// What the step is asked for.
    pub(super) logits: Vec<f32>,
    pub(super) plan: Plan,
}

/// What parts of a layer hand on.
#[derive(Default)]
pub(super) struct Buffers {
    /// The inputs of the products to come.
    pub(super) inputs: Activations,
    /// The same of what an expert is given.
    pub(super) expert_inputs: Activations,
    /// What is added to the residual stream.
    pub(super) y: Vec<f32>,
    pub(super) queries: Vec<f32>,
    pub(super) keys: Vec<f32>,
    pub(super) values: Vec<f32>,
    pub(super) attended: Vec<f32>,
    pub(super) gate: Vec<f32>,
    pub(super) up: Vec<f32>,
    pub(super) latent: Latent,
    pub(super) experts: Experts,
}

/// Of latent attention.
#[derive(Default)]
pub(super) struct Latent {
    pub(super) narrow: Vec<f32>,
    pub(super) whole: Vec<f32>,
    /// A head after the other.
    pub(super) by_head: Vec<f32>,
}

/// Of mixtures of experts.
#[derive(Default)]
pub(super) struct Experts {
    pub(super) normed: Vec<f32>,
    pub(super) logits: Vec<f32>,
    pub(super) said: Vec<f32>,
    /// Which rows an expert has, and by what they count.
    pub(super) chosen: Vec<Vec<(u32, f32)>>,
    pub(super) choice: super::experts::Choice,
}

/// What a pass computes.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) tokens: Vec<u32>,
    /// Rows of which logits are wanted, in their order.
    pub(super) wanted: Vec<u32>,
    /// Kept for its memory.
    pub(super) sequences: Vec<Sequence<'static>>,
}

/// The first `len` numbers of a buffer.
pub(super) fn part(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

/// Bytes of all buffers in passes of `rows` rows of which one is wanted, inputs in their quantised form among them.
pub(super) fn bytes(spec: &Spec, rows: usize) -> u64 {
    let attention = &spec.attention;
    let queries = attention.heads * (attention.key_dim + attention.value_dim);
    let latent = attention.mla.map_or(0, |mla| {
        let heads = attention.heads * (2 * mla.kv_lora + mla.rope);
        2 * heads + mla.kv_lora + mla.rope + mla.q_lora.unwrap_or_default()
    });
    let keys = attention.kv_heads * (attention.key_dim + attention.value_dim);
    let experts =
        spec.moe.map_or(0, |moe| 3 * spec.hidden + moe.experts + 2 * moe.shared.unwrap_or(moe.width));
    let widest = spec.mlp.width.max(attention.heads * attention.value_dim).max(spec.hidden);
    let row = 3 * spec.hidden + queries + latent + keys + experts + 2 * spec.mlp.width + 2 * widest;
    4 * (rows as u64).saturating_mul(row as u64).saturating_add(spec.vocab as u64)
}
