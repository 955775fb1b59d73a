//! From the hyperparameters of a file to a [`Spec`]: one function a part of the model, for all architectures. What a
//! file states goes before what its family says.

use serde_json::Value;

use super::Error;
use super::families::{Bias, Family, Purpose, Windows};
use super::fields::{Fields, Key};
use super::names::Naming;
use super::spec::{
    Activation, Attention, Embedding, Encoder, Layer, Mla, Mlp, Norm, NormKind, Output, Pooling, Spec,
};
use super::tensors::prefix;
use super::{mixture, rotary, tensors::Role};

const VOCAB: Key = Key(&["vocab_size"], "vocab_size");
const CONTEXT: Key = Key(&["max_position_embeddings", "n_positions"], "context_length");
const HIDDEN: Key = Key(&["hidden_size", "n_embd"], "embedding_length");
const LAYERS: Key = Key(&["num_hidden_layers", "n_layer"], "block_count");
/// Layers that predict further tokens. GGUF counts them as blocks.
const SPARE_LAYERS: Key = Key(&[], "nextn_predict_layers");
const HEADS: Key = Key(&["num_attention_heads", "n_head"], "attention.head_count");
const KV_HEADS: Key = Key(&["num_key_value_heads"], "attention.head_count_kv");
const HEAD_DIM: Key = Key(&["head_dim"], "attention.key_length");
const VALUE_DIM: Key = Key(&[], "attention.value_length");
const ATTENTION_BIAS: Key = Key(&["attention_bias"], "");
const MLP_BIAS: Key = Key(&["mlp_bias"], "");
const SCALAR: Key = Key(&["query_pre_attn_scalar"], "");
const SCALE: Key = Key(&[], "attention.scale");
const SCORE_CAP: Key = Key(&["attn_logit_softcapping"], "attn_logit_softcapping");
const LOGIT_CAP: Key = Key(&["final_logit_softcapping"], "final_logit_softcapping");
const LOGIT_SCALE: Key = Key(&["logit_scale"], "logit_scale");
const RMS_EPS: Key = Key(&["rms_norm_eps"], "attention.layer_norm_rms_epsilon");
const LAYER_EPS: Key = Key(&["layer_norm_eps", "layer_norm_epsilon"], "attention.layer_norm_epsilon");
pub(super) const FFN: Key = Key(&["intermediate_size", "n_inner"], "feed_forward_length");
const ACTIVATION: Key = Key(&["hidden_activation", "hidden_act", "activation_function"], "");
const TIED: Key = Key(&["tie_word_embeddings"], "");
const WINDOW: Key = Key(&["sliding_window"], "attention.sliding_window");
const USE_WINDOW: Key = Key(&["use_sliding_window"], "");
const WINDOW_FROM: Key = Key(&["max_window_layers"], "");
const PATTERN: Key = Key(&["sliding_window_pattern"], "attention.sliding_window_pattern");
const LAYER_TYPES: Key = Key(&["layer_types"], "");
const LEADING_DENSE: Key = Key(&["first_k_dense_replace"], "leading_dense_block_count");
const DENSE_LAYERS: Key = Key(&["mlp_only_layers"], "");
const EXPERT_STEP: Key = Key(&["decoder_sparse_step", "moe_layer_freq"], "moe_every_n_layers");
const Q_LORA: Key = Key(&["q_lora_rank"], "attention.q_lora_rank");
const KV_LORA: Key = Key(&["kv_lora_rank"], "attention.kv_lora_rank");
const MLA_KEY: Key = Key(&[], "attention.key_length_mla");
const MLA_VALUE: Key = Key(&["v_head_dim"], "attention.value_length_mla");
const MLA_ROPE: Key = Key(&["qk_rope_head_dim"], "rope.dimension_count");
const MLA_NOPE: Key = Key(&["qk_nope_head_dim"], "");
const SEGMENTS: Key = Key(&["type_vocab_size"], "");
const PADDING: Key = Key(&["pad_token_id"], "");
const POOLING: Key = Key(&[], "pooling_type");
const LABELS: Key = Key(&["num_labels"], "");
const LABEL_NAMES: Key = Key(&["id2label"], "");
const ARCHITECTURES: Key = Key(&["architectures"], "");

/// The description of a file of `family`.
pub(super) fn spec(fields: &Fields<'_>, family: &Family) -> Result<Spec, Error> {
    let naming = if fields.is_gguf() { Naming::Gguf } else { family.naming };
    let hidden = fields.size(HIDDEN)?;
    let layers = layers(fields)?;
    let moe = mixture::moe(fields, family)?;
    let mut attention = attention(fields, family, hidden, layers)?;
    let rope = rotary::global(fields, family, &attention)?;
    if attention.mla.is_some() {
        attention.scale *= rotary::latent_scale(fields)?;
    }
    let spec = Spec {
        identifier: fields.identifier.to_owned(),
        naming,
        vocab: vocab(fields, naming)?,
        context: fields.size(CONTEXT)?,
        hidden,
        layers: per_layer(fields, family, layers, moe.is_some())?,
        embedding: embedding(fields, family, naming, hidden)?,
        norm: norm(fields, family)?,
        placement: family.placement,
        local_rope: rotary::local(fields, family, rope.as_ref())?,
        rope,
        attention,
        mlp: mlp(fields, family)?,
        moe,
        output: output(fields, family)?,
        encoder: encoder(fields, family)?,
    };
    Ok(spec)
}

fn layers(fields: &Fields<'_>) -> Result<usize, Error> {
    let (blocks, spare) = (fields.size(LAYERS)?, fields.size_or(SPARE_LAYERS, 0)?);
    if blocks > 4096 {
        return Err(fields.invalid(LAYERS, "more layers than any model has"));
    }
    blocks
        .checked_sub(spare)
        .filter(|layers| *layers > 0)
        .ok_or_else(|| fields.invalid(SPARE_LAYERS, "leaves no layer"))
}

/// Rows of the token embedding: stated in config.json, the tensor's in GGUF.
fn vocab(fields: &Fields<'_>, naming: Naming) -> Result<usize, Error> {
    if fields.is_gguf()
        && let Some(rows) = rows(fields, naming, Role::Embed)
    {
        return Ok(rows);
    }
    fields.size(VOCAB)
}

/// The first dimension of a tensor outside of layers.
fn rows(fields: &Fields<'_>, naming: Naming, role: Role) -> Option<usize> {
    let name = format!("{}{}.weight", prefix(naming, fields.shapes), naming.pattern(role)?);
    fields.shapes.get(&name)?.first().copied()
}

fn norm(fields: &Fields<'_>, family: &Family) -> Result<Norm, Error> {
    let key = if family.norm == NormKind::Rms { RMS_EPS } else { LAYER_EPS };
    let eps = fields.number(key)?.ok_or_else(|| Error::Missing { key: fields.spelt(key) })?;
    if !(0.0..1.0).contains(&eps) {
        return Err(fields.invalid(key, "not in [0, 1)"));
    }
    let offset = if fields.is_gguf() { 0.0 } else { family.norm_offset };
    Ok(Norm { kind: family.norm, eps, offset })
}

fn embedding(
    fields: &Fields<'_>,
    family: &Family,
    naming: Naming,
    hidden: usize,
) -> Result<Embedding, Error> {
    let scale = if family.scaled_embedding { (hidden as f64).sqrt() } else { 1.0 };
    if family.role == Purpose::Decoder {
        return Ok(Embedding { scale, positions: None, segments: None, norm: false });
    }
    let first = match family.role {
        Purpose::OffsetEncoder => fields.size_or(PADDING, 0)? + 1,
        _ => 0,
    };
    let context = rows(fields, naming, Role::Positions).filter(|_| fields.is_gguf());
    let positions = match (family.rope, context) {
        (Some(_), _) => None,
        (None, Some(rows)) => Some((rows, 0)),
        (None, None) => Some((fields.size(CONTEXT)?, first)),
    };
    let segments =
        if fields.is_gguf() { rows(fields, naming, Role::Segments) } else { fields.some_size(SEGMENTS)? };
    Ok(Embedding { scale, positions, segments, norm: true })
}

fn attention(fields: &Fields<'_>, family: &Family, hidden: usize, layers: usize) -> Result<Attention, Error> {
    let heads = fields.size(HEADS)?;
    let mla = if family.latent { Some(mla(fields)?) } else { None };
    let kv_heads = if family.latent { heads } else { fields.size_or(KV_HEADS, heads)? };
    if !heads.is_multiple_of(kv_heads) {
        return Err(fields.invalid(KV_HEADS, format!("does not divide {heads} heads")));
    }
    let key_dim = match mla {
        Some(mla) => mla.nope + mla.rope,
        None => fields.size_or(HEAD_DIM, hidden / heads)?,
    };
    if key_dim == 0 {
        return Err(fields.invalid(HEADS, format!("more than the {hidden} numbers of a vector")));
    }
    let value_dim = match mla {
        Some(mla) => mla.value,
        None => fields.size_or(VALUE_DIM, key_dim)?,
    };
    let (bias, out_bias) = attention_bias(fields, family)?;
    Ok(Attention {
        heads,
        kv_heads,
        key_dim,
        value_dim,
        scale: scale(fields, family, key_dim, (hidden / heads, layers))?,
        softcap: positive(fields, SCORE_CAP)?,
        fused: if fields.is_gguf() { has(fields, "blk.0.attn_qkv.weight") } else { family.fused_attention },
        bias,
        out_bias,
        qk_norm: family.qk_norm,
        causal: family.role == Purpose::Decoder,
        mla,
    })
}

fn has(fields: &Fields<'_>, name: &str) -> bool {
    fields.shapes.contains_key(name)
}

fn attention_bias(fields: &Fields<'_>, family: &Family) -> Result<(bool, bool), Error> {
    if fields.is_gguf() {
        let inputs = ["blk.0.attn_q.bias", "blk.0.attn_qkv.bias"].iter().any(|name| has(fields, name));
        return Ok((inputs, has(fields, "blk.0.attn_output.bias")));
    }
    Ok(match family.bias {
        Bias::None => (false, false),
        Bias::Inputs => (true, false),
        Bias::All => (true, true),
        Bias::Stated => {
            let stated = fields.flag(ATTENTION_BIAS)?.unwrap_or(false);
            (stated, stated)
        }
    })
}

/// What scores are multiplied with. GGUF has no word for it where it is not one by the root of the head's width: the
/// largest models of two families scale by the residual width a head, and are known by their number of layers.
fn scale(
    fields: &Fields<'_>,
    family: &Family,
    key_dim: usize,
    (residual, layers): (usize, usize),
) -> Result<f64, Error> {
    if let Some(scale) = positive(fields, SCALE)? {
        return Ok(scale);
    }
    let wide = fields.is_gguf() && family.wide_scale == Some(layers);
    let width = if wide { residual } else { key_dim };
    let scalar = positive(fields, SCALAR)?.filter(|_| !fields.is_gguf());
    Ok(scalar.unwrap_or(width as f64).powf(-0.5))
}

/// A number above zero; zero means what absence means. An explicit null in config.json overrules a default.
fn positive(fields: &Fields<'_>, key: Key) -> Result<Option<f64>, Error> {
    let null = key.0.iter().any(|name| fields.values.get(*name).is_some_and(Value::is_null));
    if null && !fields.is_gguf() {
        return Ok(None);
    }
    match fields.number(key)? {
        Some(number) if number < 0.0 => Err(fields.invalid(key, "negative")),
        number => Ok(number.filter(|number| *number > 0.0)),
    }
}

fn mla(fields: &Fields<'_>) -> Result<Mla, Error> {
    let rope = fields.size(MLA_ROPE)?;
    let (nope, value) = if fields.is_gguf() {
        let key = if fields.value(MLA_KEY).is_some() { MLA_KEY } else { HEAD_DIM };
        let value = if fields.value(MLA_VALUE).is_some() { MLA_VALUE } else { VALUE_DIM };
        let nope = fields.size(key)?.checked_sub(rope).filter(|nope| *nope > 0);
        (
            nope.ok_or_else(|| fields.invalid(key, format!("not more than the {rope} that are rotated")))?,
            fields.size(value)?,
        )
    } else {
        (fields.size(MLA_NOPE)?, fields.size(MLA_VALUE)?)
    };
    Ok(Mla {
        q_lora: fields.some_size(Q_LORA)?,
        kv_lora: fields.size(KV_LORA)?,
        rope,
        nope,
        value,
        split: has(fields, "blk.0.attn_k_b.weight"),
    })
}

fn mlp(fields: &Fields<'_>, family: &Family) -> Result<Mlp, Error> {
    let bias = match family.bias {
        _ if fields.is_gguf() => has(fields, "blk.0.ffn_up.bias"),
        Bias::All => true,
        Bias::Stated => fields.flag(MLP_BIAS)?.unwrap_or(false),
        Bias::None | Bias::Inputs => false,
    };
    let activation = activation(fields, family)?;
    let fused = family.fused_mlp && !has(fields, "blk.0.ffn_gate.weight");
    Ok(Mlp { width: fields.size(FFN)?, activation, gated: family.gated, fused, bias })
}

fn activation(fields: &Fields<'_>, family: &Family) -> Result<Activation, Error> {
    let Some(name) = fields.text(ACTIVATION)? else { return Ok(family.activation) };
    match name {
        "silu" | "swish" => Ok(Activation::Silu),
        "swiglu" if family.gated => Ok(Activation::Silu),
        "gelu" => Ok(Activation::Gelu),
        "gelu_pytorch_tanh" | "gelu_new" | "gelu_fast" => Ok(Activation::GeluTanh),
        "relu" => Ok(Activation::Relu),
        _ => {
            Err(fields
                .unsupported(ACTIVATION, "silu, swish, gelu, gelu_pytorch_tanh, gelu_new, gelu_fast, relu"))
        }
    }
}

fn per_layer(fields: &Fields<'_>, family: &Family, count: usize, moe: bool) -> Result<Vec<Layer>, Error> {
    let windows = windows(fields, family, count)?;
    let dense = fields.size_or(LEADING_DENSE, 0)?;
    let step = fields.size_or(EXPERT_STEP, 1)?;
    let dense_layers = dense_layers(fields, count)?;
    let offset = if family.experts.is_some_and(|experts| experts.grouped) { 0 } else { 1 };
    let layer = |(at, window): (usize, Option<usize>)| Layer {
        window,
        local: window.is_some() && rotary::is_local(family, fields),
        experts: moe
            && at >= dense
            && (at + offset).is_multiple_of(step)
            && !dense_layers.contains(&(at as u64)),
    };
    Ok(windows.into_iter().enumerate().map(layer).collect())
}

/// The layers that a file names as dense.
fn dense_layers(fields: &Fields<'_>, count: usize) -> Result<Vec<u64>, Error> {
    let Some(value) = fields.value(DENSE_LAYERS) else { return Ok(Vec::new()) };
    let list = value.as_array().filter(|list| list.len() <= count);
    let read = list.and_then(|list| list.iter().map(Value::as_u64).collect());
    read.ok_or_else(|| fields.invalid(DENSE_LAYERS, format!("not a list of some of {count} layers")))
}

/// The window of each layer.
fn windows(fields: &Fields<'_>, family: &Family, count: usize) -> Result<Vec<Option<usize>>, Error> {
    let null = !fields.is_gguf() && fields.values.get("sliding_window").is_some_and(Value::is_null);
    let unused = fields.flag(USE_WINDOW)? == Some(false)
        || (family.windows == Windows::Upper && !fields.is_gguf() && fields.flag(USE_WINDOW)?.is_none());
    let window = fields.some_size(WINDOW)?.filter(|_| !null && !unused);
    if let Some(types) = fields.value(LAYER_TYPES) {
        return listed_windows(fields, types, window, count);
    }
    if let Some(Value::Array(flags)) = fields.value(PATTERN) {
        let at = |at: usize| window.filter(|_| flags.get(at).and_then(Value::as_bool) == Some(true));
        return Ok((0..count).map(at).collect());
    }
    let from = fields.size_or(WINDOW_FROM, count)?;
    let pattern = |default: usize| fields.size_or(PATTERN, default);
    Ok(match family.windows {
        Windows::None if !fields.is_gguf() => vec![None; count],
        Windows::Upper if !fields.is_gguf() => (0..count).map(|at| window.filter(|_| at >= from)).collect(),
        Windows::Pattern(default) => {
            let every = pattern(default)?;
            (0..count).map(|at| window.filter(|_| !(at + 1).is_multiple_of(every))).collect()
        }
        Windows::None | Windows::Upper | Windows::All => vec![window; count],
    })
}

fn listed_windows(
    fields: &Fields<'_>,
    types: &Value,
    window: Option<usize>,
    count: usize,
) -> Result<Vec<Option<usize>>, Error> {
    let list = types.as_array().filter(|list| list.len() == count);
    let list = list.ok_or_else(|| fields.invalid(LAYER_TYPES, format!("not a list of {count} layers")))?;
    list.iter()
        .map(|kind| match kind.as_str() {
            Some("full_attention") => Ok(None),
            Some("sliding_attention") if window.is_some() => Ok(window),
            _ => {
                Err(fields
                    .unsupported(LAYER_TYPES, "full_attention, sliding_attention with a sliding_window"))
            }
        })
        .collect()
}

fn output(fields: &Fields<'_>, family: &Family) -> Result<Option<Output>, Error> {
    if family.role != Purpose::Decoder {
        return Ok(None);
    }
    if let Some(Value::Array(list)) = fields.value(ARCHITECTURES) {
        let runs = |name: &str| name.ends_with("ForCausalLM") || name.ends_with("ForConditionalGeneration");
        if !list.is_empty() && !list.iter().filter_map(Value::as_str).any(runs) {
            return Err(fields.unsupported(ARCHITECTURES, "…ForCausalLM, …ForConditionalGeneration"));
        }
    }
    let tied = if fields.is_gguf() {
        !has(fields, "output.weight")
    } else {
        fields.flag(TIED)?.unwrap_or(family.tied)
    };
    let scale = positive(fields, LOGIT_SCALE)?.unwrap_or(1.0);
    Ok(Some(Output { tied, scale, softcap: positive(fields, LOGIT_CAP)? }))
}

fn encoder(fields: &Fields<'_>, family: &Family) -> Result<Option<Encoder>, Error> {
    if family.role == Purpose::Decoder {
        return Ok(None);
    }
    let pooling = match fields.some_size(POOLING)? {
        None if fields.is_gguf() => Pooling::Mean,
        None | Some(1) => Pooling::Mean,
        Some(2 | 4) => Pooling::First,
        Some(3) => Pooling::Last,
        Some(_) => return Err(fields.unsupported(POOLING, "1 (mean), 2 (first), 3 (last), 4 (rank)")),
    };
    Ok(Some(Encoder { pooling, normalised: true, labels: labels(fields)? }))
}

/// How many scores the classifier gives, if there is one.
fn labels(fields: &Fields<'_>) -> Result<Option<usize>, Error> {
    if fields.is_gguf() {
        return Ok(rows(fields, Naming::Gguf, Role::Classifier));
    }
    let classifies = |list: &Value| list.to_string().contains("ForSequenceClassification");
    if !fields.value(ARCHITECTURES).is_some_and(classifies) {
        return Ok(None);
    }
    let named = fields.value(LABEL_NAMES).and_then(Value::as_object).map(serde_json::Map::len);
    Ok(Some(fields.size_or(LABELS, named.unwrap_or(2))?))
}
