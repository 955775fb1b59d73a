//! What a model is made of, read from its files: one description for all architectures and both containers.
//!
//! The way through: `families` is the table from identifier to what files of a family do not state; `fields` finds a
//! hyperparameter by the key that a container has for it; `read`, `mixture` and `rotary` put the [`Spec`] together; `tensors`
//! lists every tensor of a description with role, name (`names`) and shape, and compares the list with what files
//! hold; `files` does it all from a path. No weights here, and no arithmetic on them: that is `local::model`, and the engine.
//!
//! What is not known is an error that says where: an identifier, a kind of rope scaling, an activation, a setting that
//! changes the result and that the forward pass does not have. Nothing is ignored that matters.

mod error;
mod families;
mod fields;
mod files;
mod mixture;
mod names;
mod read;
mod rope;
mod rotary;
mod settings;
mod spec;
mod tensors;

use serde_json::{Map, Value};

pub use error::Error;
pub use files::{Opened, describe, open};
pub(in crate::local) use files::{json, pooling};
pub use names::Naming;
pub use rope::{Rope, RopeKind, Scaling};
pub use spec::{
    Activation, Attention, Embedding, Encoder, Layer, Mla, Mlp, Moe, Norm, NormKind, Output, Placement,
    Pooling, Scoring, Spec,
};
pub use tensors::{Role, Shapes, Slot, Wanted, tensors, wanted};

use fields::Fields;

/// The description of a model in safetensors: its config.json, and the shapes of its tensors.
pub fn from_config(config: &Value, shapes: &Shapes) -> Result<Spec, Error> {
    let wrong = || Error::Invalid {
        key: "config.json".to_owned(),
        value: fields::shown(config),
        reason: "not an object".to_owned(),
    };
    let whole = config.as_object().ok_or_else(wrong)?;
    settings::check_config(whole)?;
    // The part of a model with more senses that reads text.
    let values = whole.get("text_config").and_then(Value::as_object).unwrap_or(whole);
    settings::check_config(values)?;
    let identifier =
        text(values, "model_type").ok_or_else(|| Error::Missing { key: "model_type".to_owned() })?;
    let family = families::find(identifier, false)?;
    let defaults = family.defaults;
    read::spec(&Fields { naming: family.naming, identifier, values, defaults, shapes }, family)
}

/// The description of a model in GGUF: its metadata, of which long lists may be left out, and the shapes of its
/// tensors, outermost dimension first (a file has them the other way round).
pub fn from_gguf(metadata: &Map<String, Value>, shapes: &Shapes) -> Result<Spec, Error> {
    let key = "general.architecture";
    let identifier = text(metadata, key).ok_or_else(|| Error::Missing { key: key.to_owned() })?;
    let family = families::find(identifier, true)?;
    settings::check_gguf(identifier, metadata)?;
    let fields = Fields { naming: Naming::Gguf, identifier, values: metadata, defaults: &[], shapes };
    read::spec(&fields, family)
}

fn text<'a>(values: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    values.get(key).and_then(Value::as_str)
}
