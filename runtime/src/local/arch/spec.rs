//! A model as data: everything that a forward pass has to know beside the weights. Plain structs, no behaviour; what
//! reads them are the reference executor (`local::model`) and the engine.

use super::names::Naming;
use super::rope::Rope;

/// One model. Two files of the same model in different containers give the same description, but for `naming`, for
/// the kind of rope (see [`RopeKind`](super::RopeKind)), and for what a container folds into the weights (norm offset).
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// The identifier of the architecture in its file.
    pub identifier: String,
    /// How the tensors are called.
    pub naming: Naming,
    /// Rows of the token embedding.
    pub vocab: usize,
    /// The most positions that the model was made for.
    pub context: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// One entry a layer.
    pub layers: Vec<Layer>,
    /// From ids to vectors.
    pub embedding: Embedding,
    /// The normalisation of all places.
    pub norm: Norm,
    /// Where the normalisations stand.
    pub placement: Placement,
    /// Attention.
    pub attention: Attention,
    /// Rotary positions. `None`: positions are learnt vectors.
    pub rope: Option<Rope>,
    /// Rotary positions of the layers whose [`Layer::local`] is set.
    pub local_rope: Option<Rope>,
    /// The feed-forward part of dense layers, and the form of experts.
    pub mlp: Mlp,
    /// The mixture of experts of the layers whose [`Layer::experts`] is set.
    pub moe: Option<Moe>,
    /// From vectors to logits. `None`: an encoder.
    pub output: Option<Output>,
    /// What an encoder does with its last vectors. `None`: a decoder.
    pub encoder: Option<Encoder>,
}

/// What differs from layer to layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layer {
    /// A query sees itself and the `window - 1` positions before it. `None`: all of them.
    pub window: Option<usize>,
    /// Rotates by [`Spec::local_rope`].
    pub local: bool,
    /// Mixture of experts in place of the dense feed-forward part.
    pub experts: bool,
}

/// From ids to vectors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Embedding {
    /// What vectors are multiplied with.
    pub scale: f64,
    /// Rows of the learnt positions, and the row of position 0.
    pub positions: Option<(usize, usize)>,
    /// Rows of the segment embedding.
    pub segments: Option<usize>,
    /// Normalised before the first layer.
    pub norm: bool,
}

/// Which normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormKind {
    /// Divided by the root of the mean square.
    Rms,
    /// Less the mean, divided by the deviation, with a bias.
    Layer,
}

/// The normalisation of a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Norm {
    /// Which.
    pub kind: NormKind,
    /// Added under the root.
    pub eps: f64,
    /// Added to the weight: 1 where a file holds the difference to one.
    pub offset: f64,
}

/// Where the normalisations of a layer stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Before attention and before the feed-forward part.
    Pre,
    /// Before and after both of them, the residual outside.
    Sandwich,
    /// After the residual sum.
    Post,
}

/// Attention.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of a query or key head.
    pub key_dim: usize,
    /// Width of a value head.
    pub value_dim: usize,
    /// What scores are multiplied with.
    pub scale: f64,
    /// Scores become `cap * tanh(score / cap)`.
    pub softcap: Option<f64>,
    /// Queries, keys and values lie in one tensor, in this order.
    pub fused: bool,
    /// Biases of queries, keys and values.
    pub bias: bool,
    /// Bias of the output.
    pub out_bias: bool,
    /// Queries and keys are normalised a head, before the rotation.
    pub qk_norm: bool,
    /// A query sees no later position.
    pub causal: bool,
    /// Keys and values come from a narrow latent vector.
    pub mla: Option<Mla>,
}

/// Multi-head latent attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mla {
    /// Width of the latent queries. `None`: queries are projected in one step.
    pub q_lora: Option<usize>,
    /// Width of the latent keys and values.
    pub kv_lora: usize,
    /// Width of the part of a key head that is rotated; all heads share it.
    pub rope: usize,
    /// Width of the part of a key head that is not.
    pub nope: usize,
    /// Width of a value head.
    pub value: usize,
    /// Keys and values are made by two tensors, the one for keys transposed, in place of one.
    pub split: bool,
}

/// What stands between the two halves of the feed-forward part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x * sigmoid(x)`.
    Silu,
    /// By the error function.
    Gelu,
    /// By its approximation with tanh.
    GeluTanh,
    /// Nothing below zero.
    Relu,
}

/// The feed-forward part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mlp {
    /// Its width.
    pub width: usize,
    /// What stands in between.
    pub activation: Activation,
    /// `down(activation(gate(x)) * up(x))` in place of `down(activation(up(x)))`.
    pub gated: bool,
    /// Gate and up lie in one tensor, in this order.
    pub fused: bool,
    /// Biases.
    pub bias: bool,
}

/// How the scores of experts are made from the router's logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scoring {
    /// Softmax over all experts.
    Softmax,
    /// Each on its own.
    Sigmoid,
}

/// Mixture of experts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moe {
    /// How many there are.
    pub experts: usize,
    /// How many a token goes through.
    pub used: usize,
    /// Width of one.
    pub width: usize,
    /// Width of the expert that every token goes through, all of them side by side.
    pub shared: Option<usize>,
    /// Scores.
    pub scoring: Scoring,
    /// A learnt number an expert is added for the choice, not for the weight.
    pub correction: bool,
    /// Experts lie in this many groups, of which so many are looked at.
    pub groups: Option<(usize, usize)>,
    /// The weights of the chosen ones are divided by their sum.
    pub normalised: bool,
    /// What weights are multiplied with at last.
    pub scale: f64,
    /// Experts of a layer lie in one tensor a projection, not in one each.
    pub stacked: bool,
}

/// From vectors to logits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Output {
    /// The token embedding is also the output matrix.
    pub tied: bool,
    /// What logits are multiplied with.
    pub scale: f64,
    /// Logits become `cap * tanh(logit / cap)`.
    pub softcap: Option<f64>,
}

/// Which vector stands for the whole input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The mean of all.
    Mean,
    /// The largest of each number.
    Max,
    /// The sum of all by the root of their count.
    MeanSqrtLen,
    /// The mean, the first counted once, the second twice, and so on.
    WeightedMean,
    /// The first.
    First,
    /// The last.
    Last,
}

/// What an encoder does with its last vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoder {
    /// Which vector stands for the whole input.
    pub pooling: Pooling,
    /// Divided by its length.
    pub normalised: bool,
    /// A classifier: the first vector, dense, tanh, then so many scores.
    pub labels: Option<usize>,
}
