#!/usr/bin/env python3
"""Renews the references of tests/local/architectures.rs. Needs torch, transformers, safetensors and gguf; no test runs it.

    python renew.py [FOLDER [NAME…]]      # FOLDER: where the .json files go, this one unless told

A reference is one tiny model of random weights: its config.json, the list of its tensors, and what transformers says
to a prompt. The weights are not kept: number `i` of tensor `name` is `offset + scale * u`, where u in [-1, 1) comes
from the high 24 bits of splitmix64 at `fnv1a(name) + (i + 1) * GOLDEN`. Offset and scale stand in the list.
"""
import json, math, os, sys, tempfile

import gguf
import numpy as np
import torch
import transformers
from safetensors.numpy import load_file, save_file

torch.set_num_threads(2)
transformers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()
GOLDEN = 0x9E3779B97F4A7C15
VOCAB, PROMPT, GREEDY = 128, 40, 12


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def uniform(name, count):
    z = (np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN)) + np.uint64(fnv1a(name))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / 8388608.0 - 1.0


def spread(name, shape, ones, tied):
    """Offset and scale: norms around their neutral value, small biases, matrices that keep the size of a vector.
    Embeddings that are also the output are small, or a token would always answer with itself."""
    if len(shape) == 1:
        norm = ("norm" in name.lower() or "ln" in name) and not name.endswith("bias")
        return (ones if norm else 0.0), 0.2
    if "embed" in name and "proj" not in name:
        return 0.0, (0.03 if ones == 0.0 else 0.15) if tied else 0.9
    return 0.0, round(1.7 / math.sqrt(shape[-1]), 4)


def weights(tensors):
    return {n: (o + s * uniform(n, math.prod(shape))).astype(np.float32).reshape(shape) for n, shape, o, s in tensors}


base = dict(vocab_size=VOCAB, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2,
            rope_theta=10000.0, hidden_act="silu", tie_word_embeddings=False, torch_dtype="float32")
moe = dict(num_experts=6, num_experts_per_tok=2, moe_intermediate_size=32)
mla = dict(num_key_value_heads=4, kv_lora_rank=32, qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=12,
           n_routed_experts=8, num_experts_per_tok=3, moe_intermediate_size=32, n_shared_experts=1,
           first_k_dense_replace=1, num_hidden_layers=3, rms_norm_eps=1e-6, max_position_embeddings=256)
bert = dict(vocab_size=VOCAB, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
            max_position_embeddings=64, type_vocab_size=2, layer_norm_eps=1e-12, hidden_act="gelu", pad_token_id=0,
            torch_dtype="float32")
wide = dict(head_dim=32)

CAUSAL = {
    "llama": ("LlamaForCausalLM", dict(model_type="llama")),
    "llama-bias": ("LlamaForCausalLM", dict(model_type="llama", attention_bias=True, mlp_bias=True,
                   rope_scaling=dict(type="linear", factor=2.0))),
    "llama-3": ("LlamaForCausalLM", dict(model_type="llama", tie_word_embeddings=True, rope_theta=500000.0,
                rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                  original_max_position_embeddings=32))),
    "mistral": ("MistralForCausalLM", dict(model_type="mistral", sliding_window=16, **wide)),
    "qwen2": ("Qwen2ForCausalLM", dict(model_type="qwen2", tie_word_embeddings=True, rope_theta=1000000.0,
              use_sliding_window=False, sliding_window=32)),
    "qwen2-yarn": ("Qwen2ForCausalLM", dict(model_type="qwen2", use_sliding_window=False, rope_scaling=dict(
                   type="yarn", factor=4.0, original_max_position_embeddings=32))),
    "qwen3": ("Qwen3ForCausalLM", dict(model_type="qwen3", tie_word_embeddings=True, rope_theta=1000000.0, **wide)),
    "qwen3moe": ("Qwen3MoeForCausalLM", dict(model_type="qwen3_moe", norm_topk_prob=True, **wide, **moe)),
    "phi3": ("Phi3ForCausalLM", dict(model_type="phi3", pad_token_id=0, sliding_window=16,
             original_max_position_embeddings=128)),
    "phi3-short": ("Phi3ForCausalLM", dict(model_type="phi3", pad_token_id=0, original_max_position_embeddings=64,
                   rope_scaling=dict(type="longrope", short_factor=[1.0 + 0.05 * i for i in range(8)],
                                     long_factor=[1.0 + 0.9 * i for i in range(8)]))),
    "phi3-long": ("Phi3ForCausalLM", dict(model_type="phi3", pad_token_id=0, original_max_position_embeddings=32,
                  partial_rotary_factor=0.75, rope_scaling=dict(
                      type="longrope", short_factor=[1.0 + 0.05 * i for i in range(6)],
                      long_factor=[1.0 + 0.9 * i for i in range(6)]))),
    "gemma2": ("Gemma2ForCausalLM", dict(model_type="gemma2", head_dim=32, query_pre_attn_scalar=24, sliding_window=16,
               hidden_activation="gelu_pytorch_tanh", hidden_act="gelu_pytorch_tanh", attn_logit_softcapping=5.0,
               final_logit_softcapping=3.0, tie_word_embeddings=True, rms_norm_eps=1e-6)),
    "gemma3": ("Gemma3ForCausalLM", dict(model_type="gemma3_text", head_dim=32, query_pre_attn_scalar=24, sliding_window=16,
               num_hidden_layers=4, sliding_window_pattern=3, hidden_activation="gelu_pytorch_tanh", hidden_act=None,
               rope_theta=1000000.0, rope_local_base_freq=10000.0, rope_scaling=dict(rope_type="linear", factor=8.0),
               tie_word_embeddings=True, rms_norm_eps=1e-6)),
    "mixtral": ("MixtralForCausalLM", dict(model_type="mixtral", num_local_experts=4, num_experts_per_tok=2,
                sliding_window=None)),
    "deepseek2": ("DeepseekV2ForCausalLM", dict(model_type="deepseek_v2", q_lora_rank=None, topk_method="group_limited_greedy",
                  scoring_func="softmax", norm_topk_prob=False, routed_scaling_factor=1.5, n_group=4, topk_group=2,
                  moe_layer_freq=1, **mla)),
    "deepseek3": ("DeepseekV3ForCausalLM", dict(model_type="deepseek_v3", q_lora_rank=24, n_group=4, topk_group=2,
                  topk_method="noaux_tc", scoring_func="sigmoid", norm_topk_prob=True, routed_scaling_factor=2.5,
                  moe_layer_freq=1, num_nextn_predict_layers=0,
                  rope_scaling=dict(type="yarn", factor=8.0, mscale=1.0, mscale_all_dim=1.0, beta_fast=32,
                                    beta_slow=1, original_max_position_embeddings=32), **mla)),
}
ENCODERS = {  # “rank”: with a classifier of one label
    "bert": ("BertModel", dict(model_type="bert", **bert)),
    "bert-rank": ("BertForSequenceClassification", dict(model_type="bert", **bert, id2label={"0": "LABEL_0"}, label2id={"LABEL_0": 0})),
    "xlm-roberta": ("XLMRobertaModel", dict(model_type="xlm-roberta", **{**bert, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1})),
    "xlm-roberta-rank": ("XLMRobertaForSequenceClassification", dict(model_type="xlm-roberta", **{
        **bert, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1}, id2label={"0": "LABEL_0"}, label2id={"LABEL_0": 0})),
    "nomic": ("NomicBertModel", dict(model_type="nomic_bert", **{**bert, "hidden_act": "silu"})),
}


def load(name, kind, config, folder):
    """The model with our weights: initialised once for the names of its tensors as they stand in a file."""
    cls = getattr(transformers, kind)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump({**config, "architectures": [kind]}, file)
    read = transformers.AutoConfig.from_pretrained(folder)
    read._attn_implementation = "eager"
    first = os.path.join(folder, "first")
    cls(read).save_pretrained(first)
    shapes = {n: list(t.shape) for n, t in load_file(os.path.join(first, "model.safetensors")).items()}
    ones = 0.0 if name.startswith("gemma") else 1.0
    tensors = [[n, shape, *spread(n, shape, ones, config.get("tie_word_embeddings"))] for n, shape in sorted(shapes.items())]
    save_file(weights(tensors), os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    model, report = cls.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32, output_loading_info=True)
    assert not any(report[k] for k in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
    saved = json.load(open(os.path.join(first, "config.json")))
    return model.eval(), tensors, saved


GGUF = {"llama": "llama", "llama-3": "llama", "mixtral": "llama", "qwen2": "qwen2", "qwen2-yarn": "qwen2", "qwen3": "qwen3",
        "qwen3moe": "qwen3moe", "phi3": "phi3", "phi3-long": "phi3", "phi3-short": "phi3", "gemma2": "gemma2",
        "gemma3": "gemma3", "deepseek2": "deepseek2", "deepseek3": "deepseek2", "bert": "bert", "xlm-roberta": "bert",
        "xlm-roberta-rank": "bert", "nomic": "nomic-bert"}


def metadata(arch, c, shapes):
    """What a converter writes of a configuration: the keys from the format's own package."""
    llm, attention, rope = gguf.Keys.LLM, gguf.Keys.Attention, gguf.Keys.Rope
    heads = c["num_attention_heads"]
    scaling = c.get("rope_scaling") or {}
    width = c.get("head_dim") or c["hidden_size"] // heads
    latent = "kv_lora_rank" in c
    if latent:
        width = c["qk_nope_head_dim"] + c["qk_rope_head_dim"]
    rotated = c["qk_rope_head_dim"] if latent else int(width * c.get("partial_rotary_factor", 1.0))
    kind = scaling.get("rope_type") or scaling.get("type")
    values = {
        llm.CONTEXT_LENGTH: c["max_position_embeddings"], llm.EMBEDDING_LENGTH: c["hidden_size"],
        llm.BLOCK_COUNT: c["num_hidden_layers"], llm.FEED_FORWARD_LENGTH: c["intermediate_size"],
        attention.HEAD_COUNT: heads, attention.HEAD_COUNT_KV: c.get("num_key_value_heads"),
        attention.LAYERNORM_RMS_EPS: c.get("rms_norm_eps"), attention.LAYERNORM_EPS: c.get("layer_norm_eps"),
        attention.KEY_LENGTH: width, attention.VALUE_LENGTH: c.get("v_head_dim", width),
        attention.SLIDING_WINDOW: c.get("sliding_window") if c.get("use_sliding_window", True) else None,
        attention.SLIDING_WINDOW_PATTERN: c.get("sliding_window_pattern"),
        attention.SCALE: c["query_pre_attn_scalar"] ** -0.5 if "query_pre_attn_scalar" in c else None,
        llm.ATTN_LOGIT_SOFTCAPPING: c.get("attn_logit_softcapping"),
        llm.FINAL_LOGIT_SOFTCAPPING: c.get("final_logit_softcapping"),
        rope.FREQ_BASE: c.get("rope_theta", 1000.0), rope.DIMENSION_COUNT: rotated,
        rope.FREQ_BASE_SWA: c.get("rope_local_base_freq"),
        rope.SCALING_TYPE: kind if kind in ("linear", "yarn") else None,
        rope.SCALING_FACTOR: scaling.get("factor") if kind in ("linear", "yarn") else None,
        rope.SCALING_ORIG_CTX_LEN: scaling.get("original_max_position_embeddings", c.get("original_max_position_embeddings")),
        rope.SCALING_YARN_LOG_MUL: 0.1 * scaling["mscale_all_dim"] if "mscale_all_dim" in scaling else None,
        llm.EXPERT_COUNT: c.get("num_experts") or c.get("num_local_experts") or c.get("n_routed_experts"),
        llm.EXPERT_USED_COUNT: c.get("num_experts_per_tok"), llm.EXPERT_FEED_FORWARD_LENGTH: c.get("moe_intermediate_size"),
        llm.EXPERT_SHARED_COUNT: c.get("n_shared_experts"), llm.LEADING_DENSE_BLOCK_COUNT: c.get("first_k_dense_replace"),
        llm.EXPERT_WEIGHTS_SCALE: c.get("routed_scaling_factor"), llm.EXPERT_GROUP_COUNT: c.get("n_group"),
        llm.EXPERT_GROUP_USED_COUNT: c.get("topk_group"), llm.EXPERT_WEIGHTS_NORM: c.get("norm_topk_prob"),
        llm.EXPERT_GATING_FUNC: {"softmax": 1, "sigmoid": 2}.get(c.get("scoring_func")),
        attention.Q_LORA_RANK: c.get("q_lora_rank"), attention.KV_LORA_RANK: c.get("kv_lora_rank"),
    }
    if kind == "longrope":
        original = c["original_max_position_embeddings"]
        values[rope.SCALING_ATTN_FACTOR] = math.sqrt(1 + math.log(c["max_position_embeddings"] / original) / math.log(original))
    if "num_key_value_heads" not in c:
        values |= {attention.CAUSAL: False, llm.POOLING_TYPE: 1}
    said = {key.format(arch=arch): value for key, value in values.items() if value is not None}
    return {"general.architecture": arch, **said}


def container(arch, config, tensors):
    """The same model in GGUF: metadata, and what each tensor is called. Experts of a layer share a name."""
    shapes = {name: shape for name, shape, _, _ in tensors}
    kind = next(k for k, v in gguf.MODEL_ARCH_NAMES.items() if v == arch)
    table = gguf.get_tensor_name_map(kind, config["num_hidden_layers"])
    names = {}
    for name in shapes:
        short = name.removeprefix("bert.").removeprefix("roberta.").replace("e_score_correction_bias", "e_score_correction.bias")
        parts = [part for part in short.split(".")]
        if "experts" in parts:
            del parts[parts.index("experts") + 1]
        found = table.get_name(".".join(parts), try_suffixes=(".weight", ".bias"))
        if found is not None and not name.startswith("pooler."):
            names[name] = found
    return dict(metadata=metadata(arch, config, shapes), names=names)


def numbers(row):
    return [float(f"{v:.7g}") for v in row.tolist()]


@torch.no_grad()
def causal(model, ids):
    full = model(torch.tensor([ids]), use_cache=False).logits[0].float()
    greedy = list(ids)
    for _ in range(GREEDY):
        greedy.append(int(model(torch.tensor([greedy]), use_cache=False).logits[0, -1].argmax()))
    rows = {str(at): numbers(full[at]) for at in (0, 17, len(ids) - 1)}
    return dict(std=float(full.std()), best=full.argmax(-1).tolist(), rows=rows, greedy=greedy[len(ids):])


@torch.no_grad()
def encoder(model, ids, segments, config):
    inputs = dict(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long))
    if config.get("type_vocab_size", 0) > 1:
        inputs["token_type_ids"] = torch.tensor([segments])
    out = model(**inputs)
    if hasattr(out, "logits"):
        return dict(scores=numbers(out.logits[0].float()))
    hidden = out.last_hidden_state[0].float()
    unit = lambda v: numbers(v / v.norm())
    return dict(mean=unit(hidden.mean(0)), cls=unit(hidden[0]), rows={"0": numbers(hidden[0]), "9": numbers(hidden[9])})


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    text = [int(v) for v in (uniform("prompt", PROMPT - 1) + 1) / 2 * (VOCAB - 4) + 4]
    for name, (kind, config) in {**CAUSAL, **ENCODERS}.items():
        if len(sys.argv) > 2 and name not in sys.argv[2:]:
            continue
        config = {**base, **config} if name in CAUSAL else config
        with tempfile.TemporaryDirectory() as folder:
            model, tensors, saved = load(name, kind, config, folder)
        # One family counts positions of what is not padding, which its configurations number 1.
        ids = [0 if config.get("pad_token_id") == 1 else 1] + text
        segments = [int(at >= 15 and config["type_vocab_size"] > 1) for at in range(PROMPT)] if name in ENCODERS else []
        said = causal(model, ids) if name in CAUSAL else encoder(model, ids, segments, config)
        made = f"transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}, eager, f32"
        reference = dict(made=made, config={**config, "architectures": [kind]}, saved=saved, prompt=ids, segments=segments,
                         tensors=tensors, **said)
        if name in GGUF:
            reference["gguf"] = container(GGUF[name], config, tensors)
        lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in reference.items())
        with open(os.path.join(out, f"{name}.json"), "w") as file:
            file.write("{\n" + lines + "\n}\n")
        print(name, said.get("std"), said.get("greedy") or said.get("scores"), len(lines), flush=True)


main()
