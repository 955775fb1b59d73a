//! The weights of a model, packed as kernels read them, by their place in the forward pass.

mod load;

use crate::local::arch::{Activation, NormKind};
use crate::local::kernels::Matrix;

pub(in crate::local) use load::Loader;
pub(super) use load::{load, unsupported};

/// A whole model.
pub(in crate::local) struct Weights {
    /// Rows are looked up; also the output, if there is no other.
    pub(in crate::local) embed: Matrix,
    pub(in crate::local) layers: Vec<Layer>,
    pub(in crate::local) norm: Norm,
    pub(in crate::local) output: Option<Matrix>,
    /// Divisors of wavelengths that are tensors.
    pub(in crate::local) divisors: Option<Vec<f32>>,
}

/// A product and what is added to it.
pub(in crate::local) struct Linear {
    pub(in crate::local) matrix: Matrix,
    pub(in crate::local) bias: Option<Vec<f32>>,
}

/// A normalisation.
pub(in crate::local) struct Norm {
    pub(in crate::local) kind: NormKind,
    pub(in crate::local) eps: f32,
    pub(in crate::local) weight: Vec<f32>,
    /// Of layer norms.
    pub(in crate::local) bias: Vec<f32>,
}

/// The normalisations around a part of a layer, where a model has them.
pub(in crate::local) struct Norms {
    /// Of what goes in.
    pub(in crate::local) before: Option<Norm>,
    /// Of what comes out, before it is added.
    pub(in crate::local) after: Option<Norm>,
    /// Of the sum.
    pub(in crate::local) sum: Option<Norm>,
}

pub(in crate::local) struct Layer {
    /// A query sees itself and the `window - 1` positions before it.
    pub(in crate::local) window: Option<usize>,
    /// Rotates by the model's second rope.
    pub(in crate::local) local: bool,
    pub(in crate::local) attention_norms: Norms,
    pub(in crate::local) attention: Attention,
    pub(in crate::local) attention_out: Linear,
    pub(in crate::local) feed_norms: Norms,
    pub(in crate::local) feed: Feed,
}

pub(in crate::local) enum Attention {
    Projected(Box<Projected>),
    Latent(Box<Latent>),
}

/// Queries, keys and values by one product each.
pub(in crate::local) struct Projected {
    pub(in crate::local) query: Linear,
    pub(in crate::local) key: Linear,
    pub(in crate::local) value: Linear,
    pub(in crate::local) query_norm: Option<Norm>,
    pub(in crate::local) key_norm: Option<Norm>,
}

/// Keys and values from a narrow latent vector, which is all that a cache holds of them: what makes keys of it is
/// applied to queries, what makes values of it to what attention reads.
pub(in crate::local) struct Latent {
    pub(in crate::local) query: LatentQuery,
    pub(in crate::local) down: Linear,
    pub(in crate::local) norm: Norm,
    /// A head each: from the part of a query that is not turned to one for latent vectors.
    pub(in crate::local) keys: Vec<Matrix>,
    /// A head each: from latent vectors to values.
    pub(in crate::local) values: Vec<Matrix>,
}

pub(in crate::local) enum LatentQuery {
    Direct(Matrix),
    Narrow { down: Linear, norm: Norm, up: Matrix },
}

pub(in crate::local) enum Feed {
    Dense(Box<Dense>),
    Experts(Box<Experts>),
}

/// A feed-forward part, which is also what an expert is.
pub(in crate::local) struct Dense {
    pub(in crate::local) activation: Activation,
    pub(in crate::local) gate: Option<Linear>,
    pub(in crate::local) up: Linear,
    pub(in crate::local) down: Linear,
}

pub(in crate::local) struct Experts {
    pub(in crate::local) router: Matrix,
    pub(in crate::local) correction: Option<Vec<f32>>,
    pub(in crate::local) experts: Vec<Dense>,
    pub(in crate::local) shared: Option<Dense>,
}
