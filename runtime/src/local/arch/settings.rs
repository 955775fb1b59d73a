//! Settings that some files have, that change the result, and that the forward pass does not have: if one of them is
//! not at the value that switches it off, the model cannot be run.

use serde_json::{Map, Value};

use super::Error;
use super::fields::shown;

/// The one value of a setting that means nothing.
enum Off {
    /// Null, or absent.
    Absent,
    Flag(bool),
    Number(f64),
    Text(&'static str),
}

const CONFIG: &[(&str, Off)] = &[
    ("quantization_config", Off::Absent),
    ("clip_qkv", Off::Absent),
    ("is_decoder", Off::Flag(false)),
    ("add_cross_attention", Off::Flag(false)),
    ("use_bidirectional_attention", Off::Flag(false)),
    ("position_embedding_type", Off::Text("absolute")),
    ("prenorm", Off::Flag(false)),
    ("use_rms_norm", Off::Flag(false)),
    ("parallel_block", Off::Flag(false)),
    ("qkv_proj_bias", Off::Flag(false)),
    ("mlp_fc1_bias", Off::Flag(false)),
    ("mlp_fc2_bias", Off::Flag(false)),
    ("rotary_emb_fraction", Off::Number(1.0)),
    ("rotary_emb_interleaved", Off::Flag(false)),
    ("rotary_emb_scale_base", Off::Absent),
    ("rotary_scaling_factor", Off::Absent),
    ("causal", Off::Flag(false)),
];

const GGUF: &[(&str, Off)] = &[
    ("attention.clamp_kqv", Off::Number(0.0)),
    ("attention.max_alibi_bias", Off::Number(0.0)),
    ("use_parallel_residual", Off::Flag(false)),
    ("moe_every_n_layers", Off::Number(0.0)),
];

pub(super) fn check_config(values: &Map<String, Value>) -> Result<(), Error> {
    CONFIG.iter().try_for_each(|(key, off)| check(values, key, off))
}

pub(super) fn check_gguf(identifier: &str, values: &Map<String, Value>) -> Result<(), Error> {
    GGUF.iter().try_for_each(|(key, off)| check(values, &format!("{identifier}.{key}"), off))
}

fn check(values: &Map<String, Value>, key: &str, off: &Off) -> Result<(), Error> {
    let Some(value) = values.get(key).filter(|value| !value.is_null()) else { return Ok(()) };
    let (is_off, known) = match off {
        Off::Absent => (false, "its absence".to_owned()),
        Off::Flag(flag) => (value.as_bool() == Some(*flag), flag.to_string()),
        Off::Number(number) => (value.as_f64() == Some(*number), number.to_string()),
        Off::Text(text) => (value.as_str() == Some(text), (*text).to_owned()),
    };
    if is_off {
        return Ok(());
    }
    Err(Error::Unsupported { key: key.to_owned(), value: shown(value), known })
}
