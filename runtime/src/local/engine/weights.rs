//! The weights of a model, packed as kernels read them, by their place in the forward pass.

mod load;

use crate::local::arch::{Activation, NormKind};
use crate::local::kernels::Matrix;

pub(super) use load::{load, unsupported};

/// A whole model.
pub(super) struct Weights {
    /// Rows are looked up; also the output, if there is no other.
    pub(super) embed: Matrix,
    pub(super) layers: Vec<Layer>,
    pub(super) norm: Norm,
    pub(super) output: Option<Matrix>,
    /// Divisors of wavelengths that are tensors.
    pub(super) divisors: Option<Vec<f32>>,
}

/// A product and what is added to it.
pub(super) struct Linear {
    pub(super) matrix: Matrix,
    pub(super) bias: Option<Vec<f32>>,
}

/// A normalisation.
pub(super) struct Norm {
    pub(super) kind: NormKind,
    pub(super) eps: f32,
    pub(super) weight: Vec<f32>,
    /// Of layer norms.
    pub(super) bias: Vec<f32>,
}

/// The normalisations around a part of a layer, where a model has them.
pub(super) struct Norms {
    /// Of what goes in.
    pub(super) before: Option<Norm>,
    /// Of what comes out, before it is added.
    pub(super) after: Option<Norm>,
    /// Of the sum.
    pub(super) sum: Option<Norm>,
}

pub(super) struct Layer {
    /// A query sees itself and the `window - 1` positions before it.
    pub(super) window: Option<usize>,
    /// Rotates by the model's second rope.
    pub(super) local: bool,
    pub(super) attention_norms: Norms,
    pub(super) attention: Attention,
    pub(super) attention_out: Linear,
    pub(super) feed_norms: Norms,
    pub(super) feed: Feed,
}

pub(super) enum Attention {
    Projected(Box<Projected>),
    Latent(Box<Latent>),
}

/// Queries, keys and values by one product each.
pub(super) struct Projected {
    pub(super) query: Linear,
    pub(super) key: Linear,
    pub(super) value: Linear,
    pub(super) query_norm: Option<Norm>,
    pub(super) key_norm: Option<Norm>,
}

/// Keys and values from a narrow latent vector, which is all that a cache holds of them: what makes keys of it is
/// applied to queries, what makes values of it to what attention reads.
pub(super) struct Latent {
    pub(super) query: LatentQuery,
    pub(super) down: Linear,
    pub(super) norm: Norm,
    /// A head each: from the part of a query that is not turned to one for latent vectors.
    pub(super) keys: Vec<Matrix>,
    /// A head each: from latent vectors to values.
    pub(super) values: Vec<Matrix>,
}

pub(super) enum LatentQuery {
    Direct(Matrix),
    Narrow { down: Linear, norm: Norm, up: Matrix },
}

pub(super) enum Feed {
    Dense(Box<Dense>),
    Experts(Box<Experts>),
}

/// A feed-forward part, which is also what an expert is.
pub(super) struct Dense {
    pub(super) activation: Activation,
    pub(super) gate: Option<Linear>,
    pub(super) up: Linear,
    pub(super) down: Linear,
}

pub(super) struct Experts {
    pub(super) router: Matrix,
    pub(super) correction: Option<Vec<f32>>,
    pub(super) experts: Vec<Dense>,
    pub(super) shared: Option<Dense>,
}
