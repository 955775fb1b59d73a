//! The table of architectures: what an identifier in a file stands for. A row holds only what files of the family do
//! not state; everything else is read from the file by the keys of `read`. A new architecture is a new row, and a new
//! field of [`Family`] at most. This is the one place where identifiers of architectures stand.

use super::names::Naming;
use super::rope::RopeKind;
use super::spec::{Activation, NormKind, Placement, Scoring};

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    /// `model_type` in config.json.
    pub(super) config: &'static [&'static str],
    /// `general.architecture` in GGUF.
    pub(super) gguf: &'static [&'static str],
    /// Names of tensors in safetensors.
    pub(super) naming: Naming,
    /// Pairs of rotated numbers in safetensors and in GGUF.
    pub(super) rope: Option<(RopeKind, RopeKind)>,
    pub(super) norm: NormKind,
    /// Safetensors hold the difference of norm weights to one. GGUF holds the weights.
    pub(super) norm_offset: f64,
    pub(super) placement: Placement,
    pub(super) bias: Bias,
    /// Queries, keys and values are one tensor in safetensors.
    pub(super) fused_attention: bool,
    /// Gate and up are one tensor, in both containers.
    pub(super) fused_mlp: bool,
    pub(super) qk_norm: bool,
    pub(super) activation: Activation,
    pub(super) gated: bool,
    pub(super) windows: Windows,
    /// Embeddings are multiplied with the root of their width.
    pub(super) scaled_embedding: bool,
    pub(super) tied: bool,
    pub(super) experts: Option<Experts>,
    /// Keys and values come from a latent vector.
    pub(super) latent: bool,
    pub(super) role: Purpose,
    /// Numbers of layers of which GGUF means that scores are scaled by the residual width a head.
    pub(super) wide_scale: Option<usize>,
    /// What config.json need not state, by its key.
    pub(super) defaults: &'static [(&'static str, f64)],
}

/// Which projections of attention have biases, in safetensors. In GGUF those have that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bias {
    None,
    /// If `attention_bias` says so, the output's too.
    Stated,
    /// Queries, keys and values.
    Inputs,
    /// All, and those of the feed-forward part.
    All,
}

/// Which layers see a window only, where a file names a window but no layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Windows {
    /// The file's window means nothing.
    None,
    All,
    /// Those from `max_window_layers` on, if `use_sliding_window`.
    Upper,
    /// All but each n-th.
    Pattern(usize),
}

/// What files do not state of a mixture of experts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Experts {
    pub(super) scoring: Scoring,
    pub(super) normalised: bool,
    /// May have groups, a correction and shared experts.
    pub(super) grouped: bool,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Decoder,
    Encoder,
    /// An encoder whose positions begin after the padding token's id, in safetensors.
    OffsetEncoder,
}

/// How rope is scaled, by the name that config.json has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScalingKind {
    None,
    Linear,
    ByWavelength,
    Yarn,
    Long,
}

pub(super) const SCALINGS: &[(&str, ScalingKind)] = &[
    ("default", ScalingKind::None),
    ("linear", ScalingKind::Linear),
    ("llama3", ScalingKind::ByWavelength),
    ("yarn", ScalingKind::Yarn),
    ("longrope", ScalingKind::Long),
    ("su", ScalingKind::Long),
];

/// The row of an identifier, and all identifiers of that container.
pub(super) fn find(identifier: &str, gguf: bool) -> Result<&'static Family, super::Error> {
    let names = |family: &Family| if gguf { family.gguf } else { family.config };
    let found = FAMILIES.iter().find(|family| names(family).contains(&identifier));
    found.ok_or_else(|| {
        let known: Vec<&str> = FAMILIES.iter().flat_map(names).copied().collect();
        super::Error::Unknown { name: identifier.to_owned(), known: known.join(", ") }
    })
}

const PLAIN: Family = Family {
    config: &["llama"],
    gguf: &["llama"],
    naming: Naming::Decoder,
    rope: Some((RopeKind::Half, RopeKind::Adjacent)),
    norm: NormKind::Rms,
    norm_offset: 0.0,
    placement: Placement::Pre,
    bias: Bias::Stated,
    fused_attention: false,
    fused_mlp: false,
    qk_norm: false,
    activation: Activation::Silu,
    gated: true,
    windows: Windows::None,
    scaled_embedding: false,
    tied: false,
    experts: None,
    latent: false,
    role: Purpose::Decoder,
    wide_scale: None,
    defaults: &[("rms_norm_eps", 1e-6), ("rope_theta", 10_000.0)],
};

const HALF: Option<(RopeKind, RopeKind)> = Some((RopeKind::Half, RopeKind::Half));

const ENCODER: Family = Family {
    config: &["bert"],
    gguf: &["bert"],
    naming: Naming::Encoder,
    rope: None,
    norm: NormKind::Layer,
    placement: Placement::Post,
    bias: Bias::All,
    activation: Activation::Gelu,
    gated: false,
    role: Purpose::Encoder,
    defaults: &[("layer_norm_eps", 1e-12)],
    ..PLAIN
};

const SANDWICH: Family = Family {
    config: &["gemma2"],
    gguf: &["gemma2"],
    naming: Naming::Sandwich,
    rope: HALF,
    norm_offset: 1.0,
    placement: Placement::Sandwich,
    activation: Activation::GeluTanh,
    windows: Windows::Pattern(2),
    scaled_embedding: true,
    tied: true,
    wide_scale: Some(46),
    defaults: &[
        ("rms_norm_eps", 1e-6),
        ("rope_theta", 10_000.0),
        ("head_dim", 256.0),
        ("query_pre_attn_scalar", 256.0),
        ("sliding_window", 4096.0),
        ("attn_logit_softcapping", 50.0),
        ("final_logit_softcapping", 30.0),
    ],
    ..PLAIN
};

const LATENT: Family = Family {
    config: &["deepseek_v2"],
    gguf: &["deepseek2"],
    rope: Some((RopeKind::Adjacent, RopeKind::Adjacent)),
    experts: Some(Experts { scoring: Scoring::Softmax, normalised: false, grouped: true }),
    latent: true,
    ..PLAIN
};

static FAMILIES: &[Family] = &[
    Family { experts: Some(CHOSEN), ..PLAIN },
    Family { config: &["mistral"], gguf: &[], windows: Windows::All, ..PLAIN },
    Family {
        config: &["mixtral"],
        gguf: &[],
        naming: Naming::NumberedExperts,
        windows: Windows::All,
        experts: Some(CHOSEN),
        defaults: &[("rms_norm_eps", 1e-5), ("rope_theta", 1_000_000.0)],
        ..PLAIN
    },
    Family {
        config: &["qwen2"],
        gguf: &["qwen2"],
        rope: HALF,
        bias: Bias::Inputs,
        windows: Windows::Upper,
        ..PLAIN
    },
    Family {
        config: &["qwen3"],
        gguf: &["qwen3"],
        rope: HALF,
        qk_norm: true,
        windows: Windows::Upper,
        ..PLAIN
    },
    Family {
        config: &["qwen3_moe"],
        gguf: &["qwen3moe"],
        rope: HALF,
        qk_norm: true,
        windows: Windows::Upper,
        experts: Some(CHOSEN),
        ..PLAIN
    },
    Family {
        config: &["phi3"],
        gguf: &["phi3"],
        rope: HALF,
        bias: Bias::None,
        fused_attention: true,
        fused_mlp: true,
        windows: Windows::All,
        ..PLAIN
    },
    SANDWICH,
    Family {
        config: &["gemma3_text"],
        gguf: &["gemma3"],
        qk_norm: true,
        windows: Windows::Pattern(6),
        wide_scale: Some(62),
        defaults: &[
            ("vocab_size", 262_208.0),
            ("max_position_embeddings", 131_072.0),
            ("num_attention_heads", 8.0),
            ("num_key_value_heads", 4.0),
            ("rms_norm_eps", 1e-6),
            ("rope_theta", 1_000_000.0),
            ("rope_local_base_freq", 10_000.0),
            ("head_dim", 256.0),
            ("query_pre_attn_scalar", 256.0),
            ("sliding_window", 4096.0),
        ],
        ..SANDWICH
    },
    LATENT,
    Family {
        config: &["deepseek_v3"],
        gguf: &[],
        experts: Some(Experts { scoring: Scoring::Sigmoid, normalised: true, grouped: true }),
        ..LATENT
    },
    ENCODER,
    Family {
        config: &["roberta", "xlm-roberta"],
        gguf: &[],
        naming: Naming::HeadedEncoder,
        role: Purpose::OffsetEncoder,
        defaults: &[("layer_norm_eps", 1e-5), ("pad_token_id", 1.0)],
        ..ENCODER
    },
    Family {
        config: &["nomic_bert"],
        gguf: &["nomic-bert"],
        naming: Naming::RotaryEncoder,
        rope: HALF,
        bias: Bias::None,
        fused_attention: true,
        activation: Activation::Silu,
        gated: true,
        defaults: &[("layer_norm_eps", 1e-12), ("rope_theta", 1000.0)],
        ..ENCODER
    },
];

/// The chosen experts share the whole weight.
const CHOSEN: Experts = Experts { scoring: Scoring::Softmax, normalised: true, grouped: false };
