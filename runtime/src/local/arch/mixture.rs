//! From the hyperparameters of a file to [`Moe`].

use serde_json::Value;

use super::Error;
use super::families::Family;
use super::fields::{Fields, Key};
use super::read::FFN;
use super::spec::{Moe, Scoring};

const EXPERTS: Key = Key(&["num_local_experts", "n_routed_experts", "num_experts"], "expert_count");
const EXPERTS_USED: Key = Key(&["num_experts_per_tok"], "expert_used_count");
const EXPERT_FFN: Key = Key(&["moe_intermediate_size"], "expert_feed_forward_length");
const SHARED: Key = Key(&["n_shared_experts"], "expert_shared_count");
const NORMALISED: Key = Key(&["norm_topk_prob"], "expert_weights_norm");
const SCORING: Key = Key(&["scoring_func"], "expert_gating_func");
const CHOICE: Key = Key(&["topk_method"], "");
const GROUPS: Key = Key(&["n_group"], "expert_group_count");
const GROUPS_USED: Key = Key(&["topk_group"], "expert_group_used_count");
const EXPERT_SCALE: Key = Key(&["routed_scaling_factor"], "expert_weights_scale");

pub(super) fn moe(fields: &Fields<'_>, family: &Family) -> Result<Option<Moe>, Error> {
    let Some(kind) = family.experts else { return Ok(None) };
    let Some(experts) = fields.some_size(EXPERTS)? else { return Ok(None) };
    let used = fields.size(EXPERTS_USED)?;
    if used > experts {
        return Err(fields.invalid(EXPERTS_USED, format!("more than {experts} experts")));
    }
    let width = match fields.some_size(EXPERT_FFN)? {
        Some(width) => width,
        None => fields.size(FFN)?,
    };
    let stated = fields.flag(NORMALISED)?;
    let shared = if kind.grouped { fields.some_size(SHARED)? } else { None };
    let choice = choice(fields, kind.grouped)?;
    Ok(Some(Moe {
        experts,
        used,
        width,
        shared: shared.map(|count| count * width),
        scoring: scoring(fields, kind.scoring)?,
        correction: choice == Choice::Corrected,
        groups: if choice == Choice::All { None } else { groups(fields, experts, used)? },
        normalised: stated.unwrap_or(kind.normalised),
        scale: fields.number(EXPERT_SCALE)?.filter(|scale| *scale != 0.0).unwrap_or(1.0),
        stacked: fields.is_gguf(),
    }))
}

/// How experts are chosen.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Choice {
    /// The best of all.
    All,
    /// The best of the best groups.
    Grouped,
    /// The same, by scores with a correction.
    Corrected,
}

fn choice(fields: &Fields<'_>, grouped: bool) -> Result<Choice, Error> {
    if !grouped {
        return Ok(Choice::All);
    }
    let corrected =
        |name: &String| name.ends_with("exp_probs_b.bias") || name.ends_with("e_score_correction_bias");
    let is_corrected = fields.shapes.keys().any(corrected);
    match fields.text(CHOICE)? {
        None if is_corrected => Ok(Choice::Corrected),
        None => Ok(Choice::Grouped),
        Some("greedy") => Ok(Choice::All),
        Some("group_limited_greedy") => Ok(Choice::Grouped),
        Some("noaux_tc") => Ok(Choice::Corrected),
        Some(_) => Err(fields.unsupported(CHOICE, "greedy, group_limited_greedy, noaux_tc")),
    }
}

fn scoring(fields: &Fields<'_>, default: Scoring) -> Result<Scoring, Error> {
    match fields.value(SCORING) {
        None => Ok(default),
        Some(Value::String(name)) if name == "softmax" => Ok(Scoring::Softmax),
        Some(Value::String(name)) if name == "sigmoid" => Ok(Scoring::Sigmoid),
        Some(value) if value.as_u64() == Some(1) => Ok(Scoring::Softmax),
        Some(value) if value.as_u64() == Some(2) => Ok(Scoring::Sigmoid),
        Some(_) => Err(fields.unsupported(SCORING, "softmax (1), sigmoid (2)")),
    }
}

fn groups(fields: &Fields<'_>, experts: usize, used: usize) -> Result<Option<(usize, usize)>, Error> {
    let count = fields.size_or(GROUPS, 1)?;
    let looked_at = fields.size_or(GROUPS_USED, count)?;
    if count <= 1 || looked_at >= count {
        return Ok(None);
    }
    if !experts.is_multiple_of(count) {
        return Err(fields.invalid(GROUPS, format!("does not divide {experts} experts")));
    }
    if experts / count * looked_at < used {
        return Err(fields.invalid(GROUPS_USED, format!("too few groups for {used} experts")));
    }
    Ok(Some((count, looked_at)))
}
