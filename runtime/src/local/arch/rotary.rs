//! From the hyperparameters of a file to [`Rope`]. config.json states it in one of two ways: `rope_theta` and
//! `rope_scaling`, or all in `rope_parameters`, which may have an object a kind of layer. GGUF has keys of its own, and
//! keeps lists of divisors as tensors.

use serde_json::{Map, Value};

use super::Error;
use super::families::{Family, SCALINGS, ScalingKind, Windows};
use super::fields::{Fields, Key, finite, shown};
use super::rope::{Rope, RopeKind, Scaling};
use super::spec::Attention;

const THETA: Key = Key(&["rope_theta", "rotary_emb_base"], "rope.freq_base");
const LOCAL_THETA: Key = Key(&["rope_local_base_freq"], "rope.freq_base_swa");
const CONTEXT: Key = Key(&["max_position_embeddings"], "context_length");
const ORIGINAL: Key = Key(&["original_max_position_embeddings"], "rope.scaling.original_context_length");
const SCALING: Key = Key(&["rope_scaling", "rope_parameters"], "");
const PARTIAL: Key = Key(&["partial_rotary_factor"], "");
const DIMENSIONS: Key = Key(&[], "rope.dimension_count");
const INTERLEAVED: Key = Key(&["rope_interleave"], "");
const GGUF_TYPE: Key = Key(&[], "rope.scaling.type");
const GGUF_FACTOR: Key = Key(&[], "rope.scaling.factor");
const GGUF_MAGNITUDE: Key = Key(&[], "rope.scaling.attn_factor");
const GGUF_LATENT: Key = Key(&[], "rope.scaling.yarn_log_multiplier");
const GGUF_FAST: Key = Key(&[], "rope.scaling.yarn_beta_fast");
const GGUF_SLOW: Key = Key(&[], "rope.scaling.yarn_beta_slow");

/// The kinds of scaling that GGUF has a name for.
const KNOWN_GGUF: &str = "none, linear, yarn, longrope";

/// What `rope_scaling` or `rope_parameters` says of layers that see everything (or of all).
fn parameters<'a>(fields: &Fields<'a>) -> Option<&'a Map<String, Value>> {
    let object = fields.value(SCALING)?.as_object()?;
    object.get("full_attention").and_then(Value::as_object).or(Some(object))
}

fn local_parameters<'a>(fields: &Fields<'a>) -> Option<&'a Map<String, Value>> {
    fields.value(SCALING)?.get("sliding_attention")?.as_object()
}

/// Whether layers with a window rotate in a way of their own.
pub(super) fn is_local(family: &Family, fields: &Fields<'_>) -> bool {
    let stated = fields.value(LOCAL_THETA).is_some() || local_parameters(fields).is_some();
    let implied = family.defaults.iter().any(|(name, _)| LOCAL_THETA.0.contains(name));
    matches!(family.windows, Windows::Pattern(_)) && (stated || implied)
}

/// The rope of all layers, or of those that see everything.
pub(super) fn global(
    fields: &Fields<'_>,
    family: &Family,
    attention: &Attention,
) -> Result<Option<Rope>, Error> {
    let Some((config, gguf)) = family.rope else { return Ok(None) };
    let usual = if fields.is_gguf() { gguf } else { config };
    let kind = match fields.flag(INTERLEAVED)? {
        Some(false) => RopeKind::Half,
        Some(true) => RopeKind::Adjacent,
        None => usual,
    };
    let stated = parameters(fields).and_then(|parameters| parameters.get("rope_theta"));
    let theta = match stated {
        Some(theta) => finite("rope_theta", theta)?,
        None => fields.number_or(THETA, 10_000.0)?,
    };
    if theta <= 1.0 {
        return Err(fields.invalid(THETA, "not above one"));
    }
    let dim = rotated(fields, attention)?;
    let scaling =
        if fields.is_gguf() { gguf_scaling(fields, attention)? } else { config_scaling(fields, dim)? };
    Ok(Some(Rope { kind, dim, theta, scaling }))
}

/// How many numbers of a head are turned.
fn rotated(fields: &Fields<'_>, attention: &Attention) -> Result<usize, Error> {
    let part = match parameters(fields).and_then(|parameters| parameters.get("partial_rotary_factor")) {
        Some(part) => finite("partial_rotary_factor", part)?,
        None => fields.number_or(PARTIAL, 1.0)?,
    };
    let dim = match attention.mla {
        Some(mla) => mla.rope,
        None => fields.size_or(DIMENSIONS, (attention.key_dim as f64 * part) as usize)?,
    };
    if !dim.is_multiple_of(2) || dim == 0 || dim > attention.key_dim {
        let key = if fields.is_gguf() { DIMENSIONS } else { PARTIAL };
        return Err(fields.invalid(key, format!("rotates no even part of {} numbers", attention.key_dim)));
    }
    Ok(dim)
}

/// The rope of layers with a window, where it is another one: another base, nothing stretched.
pub(super) fn local(
    fields: &Fields<'_>,
    family: &Family,
    global: Option<&Rope>,
) -> Result<Option<Rope>, Error> {
    let Some(global) = global.filter(|_| is_local(family, fields)) else { return Ok(None) };
    let parameters = local_parameters(fields);
    if let Some(kind) = parameters.and_then(|parameters| parameters.get("rope_type"))
        && kind != "default"
    {
        let key = "rope_parameters.sliding_attention.rope_type".to_owned();
        return Err(Error::Unsupported { key, value: shown(kind), known: "default".to_owned() });
    }
    let theta = match parameters.and_then(|parameters| parameters.get("rope_theta")) {
        Some(theta) => finite("rope_theta", theta)?,
        None => fields.number_or(LOCAL_THETA, 10_000.0)?,
    };
    Ok(Some(Rope { theta, scaling: Scaling::None, ..global.clone() }))
}

fn config_scaling(fields: &Fields<'_>, dim: usize) -> Result<Scaling, Error> {
    let Some(value) = fields.value(SCALING) else { return Ok(Scaling::None) };
    let Some(stated) = parameters(fields) else { return Err(fields.invalid(SCALING, "not an object")) };
    let kind = stated.get("rope_type").or_else(|| stated.get("type"));
    let Some(kind) = kind.and_then(Value::as_str) else {
        let bare = stated.keys().all(|key| key == "rope_theta" || key == "partial_rotary_factor");
        let missing = || Error::Missing { key: format!("rope_type in {}", shown(value)) };
        return bare.then_some(Scaling::None).ok_or_else(missing);
    };
    let stated = Stated { fields, stated };
    let Some((_, known)) = SCALINGS.iter().find(|(name, _)| *name == kind) else {
        let names: Vec<&str> = SCALINGS.iter().map(|(name, _)| *name).collect();
        let key = format!("{}.rope_type", fields.spelt(SCALING));
        return Err(Error::Unsupported { key, value: kind.to_owned(), known: names.join(", ") });
    };
    match known {
        ScalingKind::None => Ok(Scaling::None),
        ScalingKind::Linear => Ok(Scaling::Linear { factor: stated.above_zero("factor")? }),
        ScalingKind::ByWavelength => Ok(Scaling::ByWavelength {
            factor: stated.above_zero("factor")?,
            low: stated.above_zero("low_freq_factor")?,
            high: stated.above_zero("high_freq_factor")?,
            original: stated.original()?,
        }),
        ScalingKind::Yarn => yarn(&stated),
        ScalingKind::Long => long(&stated, dim),
    }
}

fn yarn(stated: &Stated<'_, '_>) -> Result<Scaling, Error> {
    let original = stated.original()?;
    let factor = stated.factor(original)?;
    let multipliers = (stated.number("mscale")?, stated.number("mscale_all_dim")?);
    let magnitude = match (stated.number("attention_factor")?, multipliers) {
        (Some(magnitude), _) => magnitude,
        (None, (Some(one), Some(all))) if one != 0.0 && all != 0.0 => grown(factor, one) / grown(factor, all),
        _ => grown(factor, 1.0),
    };
    if stated.stated.get("truncate").is_some_and(|truncate| truncate != true) {
        let key = "rope_scaling.truncate".to_owned();
        return Err(Error::Unsupported { key, value: "false".to_owned(), known: "true".to_owned() });
    }
    let fast = stated.number("beta_fast")?.unwrap_or(32.0);
    let slow = stated.number("beta_slow")?.unwrap_or(1.0);
    Ok(Scaling::Yarn { factor, original, fast, slow, magnitude })
}

/// How much larger vectors are made when contexts are stretched.
fn grown(factor: f64, multiplier: f64) -> f64 {
    if factor <= 1.0 { 1.0 } else { 0.1 * multiplier * factor.ln() + 1.0 }
}

fn long(stated: &Stated<'_, '_>, dim: usize) -> Result<Scaling, Error> {
    let original = stated.original()?;
    let factor = stated.factor(original)?;
    let magnitude = match stated.number("attention_factor")? {
        Some(magnitude) => magnitude,
        None if factor <= 1.0 => 1.0,
        None => (1.0 + factor.ln() / original.ln()).sqrt(),
    };
    let factors = Some((stated.list("short_factor", dim / 2)?, stated.list("long_factor", dim / 2)?));
    Ok(Scaling::Long { original: original as usize, factors, magnitude })
}

/// What latent attention multiplies its scores with when contexts are stretched, beside the magnitude.
pub(super) fn latent_scale(fields: &Fields<'_>) -> Result<f64, Error> {
    if fields.is_gguf() {
        let factor = fields.number_or(GGUF_FACTOR, 1.0)?;
        // The converter of this family writes a tenth of the multiplier.
        let multiplier = fields.number_or(GGUF_LATENT, 0.0)? * 10.0;
        let stretched = fields.text(GGUF_TYPE)? == Some("yarn") && multiplier != 0.0;
        return Ok(if stretched { grown(factor, multiplier).powi(2) } else { 1.0 });
    }
    let Some(stated) = parameters(fields) else { return Ok(1.0) };
    let stated = Stated { fields, stated };
    match (stated.number("mscale_all_dim")?, stated.number("factor")?) {
        (Some(multiplier), Some(factor)) if multiplier != 0.0 => Ok(grown(factor, multiplier).powi(2)),
        _ => Ok(1.0),
    }
}

fn gguf_scaling(fields: &Fields<'_>, attention: &Attention) -> Result<Scaling, Error> {
    if fields.shapes.contains_key("rope_factors_long.weight") {
        let original = fields.size(ORIGINAL)?;
        let magnitude = fields.number_or(GGUF_MAGNITUDE, 1.0)?;
        return Ok(Scaling::Long { original, factors: None, magnitude });
    }
    if fields.shapes.contains_key("rope_freqs.weight") {
        return Ok(Scaling::Divided);
    }
    let factor = fields.number_or(GGUF_FACTOR, 1.0)?;
    if factor <= 0.0 {
        return Err(fields.invalid(GGUF_FACTOR, "not above zero"));
    }
    match fields.text(GGUF_TYPE)? {
        None | Some("none") => Ok(Scaling::None),
        Some("linear") => Ok(Scaling::Linear { factor }),
        Some("yarn") => Ok(Scaling::Yarn {
            factor,
            original: fields.size(ORIGINAL)? as f64,
            fast: fields.number_or(GGUF_FAST, 32.0)?,
            slow: fields.number_or(GGUF_SLOW, 1.0)?,
            // Latent attention has it in its scores.
            magnitude: match attention.mla {
                Some(_) => 1.0,
                None => grown(factor, 1.0) * fields.number_or(GGUF_MAGNITUDE, 1.0)?,
            },
        }),
        Some(_) => Err(fields.unsupported(GGUF_TYPE, KNOWN_GGUF)),
    }
}

/// The object that states how rope is scaled.
struct Stated<'f, 'a> {
    fields: &'f Fields<'a>,
    stated: &'a Map<String, Value>,
}

impl Stated<'_, '_> {
    fn number(&self, key: &str) -> Result<Option<f64>, Error> {
        let value = self.stated.get(key).filter(|value| !value.is_null());
        value.map(|value| finite(&format!("rope_scaling.{key}"), value)).transpose()
    }

    fn above_zero(&self, key: &str) -> Result<f64, Error> {
        let number =
            self.number(key)?.ok_or_else(|| Error::Missing { key: format!("rope_scaling.{key}") })?;
        if number > 0.0 {
            return Ok(number);
        }
        let key = format!("rope_scaling.{key}");
        Err(Error::Invalid { key, value: number.to_string(), reason: "not above zero".to_owned() })
    }

    /// By how much contexts are stretched; if it is not stated, by as much as the model's is longer.
    fn factor(&self, original: f64) -> Result<f64, Error> {
        match self.number("factor")? {
            Some(_) => self.above_zero("factor"),
            None => Ok(self.fields.size(CONTEXT)? as f64 / original),
        }
    }

    /// The context before stretching, which may also stand beside the object, or be the model's whole one.
    fn original(&self) -> Result<f64, Error> {
        if self.stated.contains_key(ORIGINAL.0[0]) {
            return self.above_zero(ORIGINAL.0[0]);
        }
        let original = self.fields.some_size(ORIGINAL)?;
        Ok(original.map_or_else(|| self.fields.size(CONTEXT), Ok)? as f64)
    }

    fn list(&self, key: &str, len: usize) -> Result<Vec<f32>, Error> {
        let name = format!("rope_scaling.{key}");
        let value = self.stated.get(key).ok_or_else(|| Error::Missing { key: name.clone() })?;
        let numbers = value.as_array().filter(|list| list.len() == len);
        let wrong = |reason: String| Error::Invalid { key: name.clone(), value: shown(value), reason };
        let numbers = numbers.ok_or_else(|| wrong(format!("not a list of {len} numbers")))?;
        let number = |value: &Value| finite(&name, value).ok().filter(|number| *number > 0.0);
        let read = numbers.iter().map(|value| number(value).map(|number| number as f32));
        read.collect::<Option<_>>().ok_or_else(|| wrong("not all above zero".to_owned()))
    }
}
