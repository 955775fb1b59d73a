//! How tensors are called: one table a naming, from role to pattern. `{}` is the layer, `{e}` the expert. A pattern
//! has no ending: `.weight` or `.bias` is added, but for roles that are [bare](Role::is_bare). A prefix that the
//! files of a model may have stands before all patterns but those that begin with `/`.

use super::tensors::Role::{self, *};

/// A set of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Naming {
    /// GGUF.
    Gguf,
    /// Decoders in safetensors.
    Decoder,
    /// Decoders with a normalisation after each part.
    Sandwich,
    /// Decoders whose experts have numbered projections.
    NumberedExperts,
    /// Encoders in safetensors.
    Encoder,
    /// Encoders whose classifier is a part of its own.
    HeadedEncoder,
    /// Encoders with rotary positions and short names.
    RotaryEncoder,
}

type Table = &'static [(Role, &'static str)];

impl Naming {
    /// The pattern of a role. What a table does not hold, the tables that it falls back to do.
    pub fn pattern(self, role: Role) -> Option<&'static str> {
        let tables: &[Table] = match self {
            Self::Gguf => &[GGUF],
            Self::Decoder => &[DECODER],
            Self::Sandwich => &[SANDWICH, DECODER],
            Self::NumberedExperts => &[NUMBERED, DECODER],
            Self::Encoder => &[ENCODER],
            Self::HeadedEncoder => &[HEADED, ENCODER],
            Self::RotaryEncoder => &[ROTARY_ENCODER, ENCODER],
        };
        tables.iter().flat_map(|table| table.iter()).find(|(of, _)| *of == role).map(|(_, pattern)| *pattern)
    }

    /// What may stand before all names but those of the output: models that are part of others.
    pub fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Gguf => &[""],
            Self::Encoder | Self::HeadedEncoder | Self::RotaryEncoder => &["", "bert.", "roberta."],
            _ => &["model.", "language_model.model.", "model.language_model.", ""],
        }
    }

    /// Tensors that may be there and that nothing here needs: by the start and the end of their names.
    pub fn ignored(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Gguf => &[("", ".attn_rot_embd")],
            Self::Encoder | Self::HeadedEncoder | Self::RotaryEncoder => &[
                ("", "embeddings.position_ids"),
                ("pooler.", ""),
                ("bert.pooler.", ""),
                ("roberta.pooler.", ""),
                ("cls.", ""),
                ("lm_head.", ""),
            ],
            _ => &[
                ("", ".rotary_emb.inv_freq"),
                ("vision_tower.", ""),
                ("model.vision_tower.", ""),
                ("multi_modal_projector.", ""),
                ("model.multi_modal_projector.", ""),
            ],
        }
    }
}

const GGUF: Table = &[
    (Embed, "token_embd"),
    (Positions, "position_embd"),
    (Segments, "token_types"),
    (EmbedNorm, "token_embd_norm"),
    (OutputNorm, "output_norm"),
    (Output, "output"),
    (AttentionNorm, "blk.{}.attn_norm"),
    (Query, "blk.{}.attn_q"),
    (Key, "blk.{}.attn_k"),
    (Value, "blk.{}.attn_v"),
    (QueryKeyValue, "blk.{}.attn_qkv"),
    (AttentionOut, "blk.{}.attn_output"),
    (QueryNorm, "blk.{}.attn_q_norm"),
    (KeyNorm, "blk.{}.attn_k_norm"),
    (QueryDown, "blk.{}.attn_q_a"),
    (QueryDownNorm, "blk.{}.attn_q_a_norm"),
    (QueryUp, "blk.{}.attn_q_b"),
    (LatentDown, "blk.{}.attn_kv_a_mqa"),
    (LatentNorm, "blk.{}.attn_kv_a_norm"),
    (LatentUp, "blk.{}.attn_kv_b"),
    (LatentKey, "blk.{}.attn_k_b"),
    (LatentValue, "blk.{}.attn_v_b"),
    (AttentionPostNorm, "blk.{}.post_attention_norm"),
    (AttentionSumNorm, "blk.{}.attn_output_norm"),
    (MlpNorm, "blk.{}.ffn_norm"),
    (MlpPostNorm, "blk.{}.post_ffw_norm"),
    (MlpSumNorm, "blk.{}.layer_output_norm"),
    (Gate, "blk.{}.ffn_gate"),
    (Up, "blk.{}.ffn_up"),
    (GateUp, "blk.{}.ffn_up"),
    (Down, "blk.{}.ffn_down"),
    (Router, "blk.{}.ffn_gate_inp"),
    (RouterCorrection, "blk.{}.exp_probs_b.bias"),
    (ExpertGate, "blk.{}.ffn_gate_exps"),
    (ExpertUp, "blk.{}.ffn_up_exps"),
    (ExpertDown, "blk.{}.ffn_down_exps"),
    (SharedGate, "blk.{}.ffn_gate_shexp"),
    (SharedUp, "blk.{}.ffn_up_shexp"),
    (SharedDown, "blk.{}.ffn_down_shexp"),
    (RopeFactors, "rope_freqs"),
    (RopeLong, "rope_factors_long"),
    (RopeShort, "rope_factors_short"),
    (ClassifierDense, "cls"),
    (Classifier, "cls.output"),
];

const DECODER: Table = &[
    (Embed, "embed_tokens"),
    (OutputNorm, "norm"),
    (Output, "/lm_head"),
    (AttentionNorm, "layers.{}.input_layernorm"),
    (Query, "layers.{}.self_attn.q_proj"),
    (Key, "layers.{}.self_attn.k_proj"),
    (Value, "layers.{}.self_attn.v_proj"),
    (QueryKeyValue, "layers.{}.self_attn.qkv_proj"),
    (AttentionOut, "layers.{}.self_attn.o_proj"),
    (QueryNorm, "layers.{}.self_attn.q_norm"),
    (KeyNorm, "layers.{}.self_attn.k_norm"),
    (QueryDown, "layers.{}.self_attn.q_a_proj"),
    (QueryDownNorm, "layers.{}.self_attn.q_a_layernorm"),
    (QueryUp, "layers.{}.self_attn.q_b_proj"),
    (LatentDown, "layers.{}.self_attn.kv_a_proj_with_mqa"),
    (LatentNorm, "layers.{}.self_attn.kv_a_layernorm"),
    (LatentUp, "layers.{}.self_attn.kv_b_proj"),
    (MlpNorm, "layers.{}.post_attention_layernorm"),
    (Gate, "layers.{}.mlp.gate_proj"),
    (Up, "layers.{}.mlp.up_proj"),
    (GateUp, "layers.{}.mlp.gate_up_proj"),
    (Down, "layers.{}.mlp.down_proj"),
    (Router, "layers.{}.mlp.gate"),
    (RouterCorrection, "layers.{}.mlp.gate.e_score_correction_bias"),
    (ExpertGate, "layers.{}.mlp.experts.{e}.gate_proj"),
    (ExpertUp, "layers.{}.mlp.experts.{e}.up_proj"),
    (ExpertDown, "layers.{}.mlp.experts.{e}.down_proj"),
    (SharedGate, "layers.{}.mlp.shared_experts.gate_proj"),
    (SharedUp, "layers.{}.mlp.shared_experts.up_proj"),
    (SharedDown, "layers.{}.mlp.shared_experts.down_proj"),
];

const SANDWICH: Table = &[
    (AttentionPostNorm, "layers.{}.post_attention_layernorm"),
    (MlpNorm, "layers.{}.pre_feedforward_layernorm"),
    (MlpPostNorm, "layers.{}.post_feedforward_layernorm"),
];

const NUMBERED: Table = &[
    (Router, "layers.{}.block_sparse_moe.gate"),
    (ExpertGate, "layers.{}.block_sparse_moe.experts.{e}.w1"),
    (ExpertDown, "layers.{}.block_sparse_moe.experts.{e}.w2"),
    (ExpertUp, "layers.{}.block_sparse_moe.experts.{e}.w3"),
];

const ENCODER: Table = &[
    (Embed, "embeddings.word_embeddings"),
    (Positions, "embeddings.position_embeddings"),
    (Segments, "embeddings.token_type_embeddings"),
    (EmbedNorm, "embeddings.LayerNorm"),
    (Query, "encoder.layer.{}.attention.self.query"),
    (Key, "encoder.layer.{}.attention.self.key"),
    (Value, "encoder.layer.{}.attention.self.value"),
    (AttentionOut, "encoder.layer.{}.attention.output.dense"),
    (AttentionSumNorm, "encoder.layer.{}.attention.output.LayerNorm"),
    (Up, "encoder.layer.{}.intermediate.dense"),
    (Down, "encoder.layer.{}.output.dense"),
    (MlpSumNorm, "encoder.layer.{}.output.LayerNorm"),
    (ClassifierDense, "pooler.dense"),
    (Classifier, "/classifier"),
];

const HEADED: Table = &[(ClassifierDense, "/classifier.dense"), (Classifier, "/classifier.out_proj")];

const ROTARY_ENCODER: Table = &[
    (EmbedNorm, "emb_ln"),
    (QueryKeyValue, "encoder.layers.{}.attn.Wqkv"),
    (AttentionOut, "encoder.layers.{}.attn.out_proj"),
    (AttentionSumNorm, "encoder.layers.{}.norm1"),
    (Up, "encoder.layers.{}.mlp.fc11"),
    (Gate, "encoder.layers.{}.mlp.fc12"),
    (Down, "encoder.layers.{}.mlp.fc2"),
    (MlpSumNorm, "encoder.layers.{}.norm2"),
];
