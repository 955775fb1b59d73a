//! Which tensors a model has: every one with its role, name and shape, from the description alone; and whether those of
//! the files are the same.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use super::names::Naming;
use super::spec::{Attention, Mla, Moe, NormKind, Placement, Spec};

/// The tensors of files: name to shape, row-major, outermost dimension first.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// What a tensor is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it; `names.rs` shows what files call them")]
pub enum Role {
    Embed,
    Positions,
    Segments,
    EmbedNorm,
    OutputNorm,
    Output,
    AttentionNorm,
    Query,
    Key,
    Value,
    QueryKeyValue,
    AttentionOut,
    QueryNorm,
    KeyNorm,
    QueryDown,
    QueryDownNorm,
    QueryUp,
    LatentDown,
    LatentNorm,
    LatentUp,
    LatentKey,
    LatentValue,
    AttentionPostNorm,
    AttentionSumNorm,
    MlpNorm,
    MlpPostNorm,
    MlpSumNorm,
    Gate,
    Up,
    GateUp,
    Down,
    Router,
    RouterCorrection,
    ExpertGate,
    ExpertUp,
    ExpertDown,
    SharedGate,
    SharedUp,
    SharedDown,
    RopeFactors,
    RopeLong,
    RopeShort,
    ClassifierDense,
    Classifier,
}

impl Role {
    /// Whether its pattern is the whole name.
    pub fn is_bare(self) -> bool {
        self == Self::RouterCorrection
    }
}

/// A place in a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    /// What for.
    pub role: Role,
    /// In which layer; 0 outside of layers.
    pub layer: usize,
    /// In which expert; 0 outside of experts and for stacked ones.
    pub expert: usize,
    /// The bias of `role`, not its weight.
    pub bias: bool,
}

/// A tensor that a model has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where it belongs.
    pub slot: Slot,
    /// Its name in the file.
    pub name: String,
    /// Its shape, outermost dimension first. A matrix is `[outputs, inputs]`.
    pub shape: Vec<usize>,
}

/// The most layers, and experts of layers, that are listed: a description must not cost memory by what it claims.
const MOST: usize = 1 << 17;

/// How many there are, if there are too many.
fn too_many(spec: &Spec) -> Option<usize> {
    let single = spec.moe.filter(|moe| !moe.stacked).map_or(0, |moe| moe.experts);
    let layers = spec.layers.iter().map(|layer| if layer.experts { single.saturating_add(1) } else { 1 });
    let count = layers.fold(0, usize::saturating_add);
    (count > MOST).then_some(count)
}

/// All tensors of a model, or everything that is wrong with those of the files at once.
pub fn tensors(spec: &Spec, found: &Shapes) -> Result<Vec<Wanted>, Error> {
    if let Some(count) = too_many(spec) {
        let (key, value) = ("layers and experts".to_owned(), count.to_string());
        return Err(Error::Invalid { key, value, reason: format!("more than {MOST} of them") });
    }
    let wanted = wanted(spec, prefix(spec.naming, found));
    let names: BTreeSet<&str> = wanted.iter().map(|one| one.name.as_str()).collect();
    let missing = names.iter().filter(|name| !found.contains_key(**name)).map(|name| (*name).to_owned());
    let unexpected =
        found.keys().filter(|name| !names.contains(name.as_str()) && !is_ignored(spec, name)).cloned();
    let misshapen = wanted.iter().filter_map(|one| {
        let shape = found.get(&one.name)?;
        (*shape != one.shape).then(|| format!("{} is {shape:?}, not {:?}", one.name, one.shape))
    });
    let (missing, unexpected): (Vec<_>, Vec<_>) = (missing.collect(), unexpected.collect());
    let misshapen: Vec<_> = misshapen.collect();
    if missing.is_empty() && unexpected.is_empty() && misshapen.is_empty() {
        return Ok(wanted);
    }
    Err(Error::Tensors { missing, unexpected, misshapen })
}

/// All tensors of a model whose names begin with `prefix`.
pub fn wanted(spec: &Spec, prefix: &str) -> Vec<Wanted> {
    let mut list = List { naming: spec.naming, prefix, norm: spec.norm.kind, layer: 0, wanted: Vec::new() };
    embedding(spec, &mut list);
    for layer in 0..spec.layers.len() {
        list.layer = layer;
        attention(spec, &mut list);
        feed_forward(spec, &mut list);
    }
    list.layer = 0;
    rope(spec, &mut list);
    output(spec, &mut list);
    list.wanted
}

/// What the files have before the name of the token embedding.
pub(super) fn prefix(naming: Naming, found: &Shapes) -> &'static str {
    let embed = naming.pattern(Role::Embed).unwrap_or_default();
    let mut prefixes = naming.prefixes().iter();
    let there = prefixes.find(|prefix| found.contains_key(&format!("{prefix}{embed}.weight")));
    there.or(naming.prefixes().first()).copied().unwrap_or_default()
}

/// A tensor that nobody needs: listed with its naming, an output that repeats the embedding, or a layer after the last
/// one, which predicts further tokens.
fn is_ignored(spec: &Spec, name: &str) -> bool {
    let listed =
        spec.naming.ignored().iter().any(|(start, end)| name.starts_with(start) && name.ends_with(end));
    let tied = spec.output.is_some_and(|output| output.tied);
    let is_output = name.strip_suffix(".weight").is_some_and(|name| name.ends_with("lm_head"));
    let spare = spec.moe.is_some() && spec.naming == Naming::Decoder;
    let is_spare = name.starts_with(&format!("model.layers.{}.", spec.layers.len()));
    listed || (tied && is_output) || (spare && is_spare)
}

/// The list while it grows.
struct List<'a> {
    naming: Naming,
    prefix: &'a str,
    norm: NormKind,
    layer: usize,
    wanted: Vec<Wanted>,
}

impl List<'_> {
    fn weight(&mut self, role: Role, shape: &[usize]) {
        self.push(role, 0, false, shape);
    }

    fn linear(&mut self, role: Role, outputs: usize, inputs: usize, bias: bool) {
        self.push(role, 0, false, &[outputs, inputs]);
        if bias {
            self.push(role, 0, true, &[outputs]);
        }
    }

    fn norm(&mut self, role: Role, width: usize) {
        self.push(role, 0, false, &[width]);
        if self.norm == NormKind::Layer {
            self.push(role, 0, true, &[width]);
        }
    }

    /// A role that the naming has no pattern for is not listed: `arch::families` never asks for one.
    fn push(&mut self, role: Role, expert: usize, bias: bool, shape: &[usize]) {
        let Some(pattern) = self.naming.pattern(role) else { return };
        let pattern = pattern.replace("{}", &self.layer.to_string()).replace("{e}", &expert.to_string());
        let ending = match (role.is_bare(), bias) {
            (true, _) => "",
            (false, true) => ".bias",
            (false, false) => ".weight",
        };
        let name = match pattern.strip_prefix('/') {
            Some(rest) => format!("{rest}{ending}"),
            None => format!("{}{pattern}{ending}", self.prefix),
        };
        let slot = Slot { role, layer: self.layer, expert, bias };
        self.wanted.push(Wanted { slot, name, shape: shape.to_vec() });
    }
}

fn embedding(spec: &Spec, list: &mut List<'_>) {
    list.weight(Role::Embed, &[spec.vocab, spec.hidden]);
    if let Some((rows, _)) = spec.embedding.positions {
        list.weight(Role::Positions, &[rows, spec.hidden]);
    }
    if let Some(rows) = spec.embedding.segments {
        list.weight(Role::Segments, &[rows, spec.hidden]);
    }
    if spec.embedding.norm {
        list.norm(Role::EmbedNorm, spec.hidden);
    }
}

fn attention(spec: &Spec, list: &mut List<'_>) {
    let attention = &spec.attention;
    match spec.placement {
        Placement::Pre => list.norm(Role::AttentionNorm, spec.hidden),
        Placement::Sandwich => {
            list.norm(Role::AttentionNorm, spec.hidden);
            list.norm(Role::AttentionPostNorm, spec.hidden);
        }
        Placement::Post => list.norm(Role::AttentionSumNorm, spec.hidden),
    }
    match &attention.mla {
        Some(mla) => latent_attention(spec.hidden, attention, mla, list),
        None => projections(spec.hidden, attention, list),
    }
    list.linear(Role::AttentionOut, spec.hidden, attention.heads * attention.value_dim, attention.out_bias);
    if attention.qk_norm {
        list.weight(Role::QueryNorm, &[attention.key_dim]);
        list.weight(Role::KeyNorm, &[attention.key_dim]);
    }
}

fn projections(hidden: usize, attention: &Attention, list: &mut List<'_>) {
    let queries = attention.heads * attention.key_dim;
    let keys = attention.kv_heads * attention.key_dim;
    let values = attention.kv_heads * attention.value_dim;
    if attention.fused {
        return list.linear(Role::QueryKeyValue, queries + keys + values, hidden, attention.bias);
    }
    list.linear(Role::Query, queries, hidden, attention.bias);
    list.linear(Role::Key, keys, hidden, attention.bias);
    list.linear(Role::Value, values, hidden, attention.bias);
}

fn latent_attention(hidden: usize, attention: &Attention, mla: &Mla, list: &mut List<'_>) {
    let (heads, queries) = (attention.heads, attention.heads * attention.key_dim);
    if let Some(width) = mla.q_lora {
        list.linear(Role::QueryDown, width, hidden, attention.bias);
        list.weight(Role::QueryDownNorm, &[width]);
        list.weight(Role::QueryUp, &[queries, width]);
    } else {
        list.weight(Role::Query, &[queries, hidden]);
    }
    list.linear(Role::LatentDown, mla.kv_lora + mla.rope, hidden, attention.bias);
    list.weight(Role::LatentNorm, &[mla.kv_lora]);
    if mla.split {
        list.weight(Role::LatentKey, &[heads, mla.kv_lora, mla.nope]);
        list.weight(Role::LatentValue, &[heads, mla.value, mla.kv_lora]);
    } else {
        list.weight(Role::LatentUp, &[heads * (mla.nope + mla.value), mla.kv_lora]);
    }
}

fn feed_forward(spec: &Spec, list: &mut List<'_>) {
    match spec.placement {
        Placement::Pre => list.norm(Role::MlpNorm, spec.hidden),
        Placement::Sandwich => {
            list.norm(Role::MlpNorm, spec.hidden);
            list.norm(Role::MlpPostNorm, spec.hidden);
        }
        Placement::Post => list.norm(Role::MlpSumNorm, spec.hidden),
    }
    let layer = spec.layers.get(list.layer).copied().unwrap_or_default();
    if let Some(moe) = spec.moe.as_ref().filter(|_| layer.experts) {
        return experts(spec.hidden, moe, list);
    }
    let (mlp, hidden) = (&spec.mlp, spec.hidden);
    if mlp.fused {
        list.linear(Role::GateUp, 2 * mlp.width, hidden, mlp.bias);
    } else {
        if mlp.gated {
            list.linear(Role::Gate, mlp.width, hidden, mlp.bias);
        }
        list.linear(Role::Up, mlp.width, hidden, mlp.bias);
    }
    list.linear(Role::Down, hidden, mlp.width, mlp.bias);
}

fn experts(hidden: usize, moe: &Moe, list: &mut List<'_>) {
    list.weight(Role::Router, &[moe.experts, hidden]);
    if moe.correction {
        list.weight(Role::RouterCorrection, &[moe.experts]);
    }
    let (rows, columns) = (moe.width, hidden);
    if moe.stacked {
        list.weight(Role::ExpertGate, &[moe.experts, rows, columns]);
        list.weight(Role::ExpertUp, &[moe.experts, rows, columns]);
        list.weight(Role::ExpertDown, &[moe.experts, columns, rows]);
    } else {
        for expert in 0..moe.experts {
            list.push(Role::ExpertGate, expert, false, &[rows, columns]);
            list.push(Role::ExpertUp, expert, false, &[rows, columns]);
            list.push(Role::ExpertDown, expert, false, &[columns, rows]);
        }
    }
    if let Some(width) = moe.shared {
        list.weight(Role::SharedGate, &[width, hidden]);
        list.weight(Role::SharedUp, &[width, hidden]);
        list.weight(Role::SharedDown, &[hidden, width]);
    }
}

/// The divisors of wavelengths, for short and for long contexts: files hold both.
fn rope(spec: &Spec, list: &mut List<'_>) {
    let Some(rope) = &spec.rope else { return };
    let roles: BTreeSet<Role> =
        [0, usize::MAX].into_iter().filter_map(|context| rope.tensor(context)).collect();
    for role in roles {
        list.weight(role, &[rope.dim / 2]);
    }
}

fn output(spec: &Spec, list: &mut List<'_>) {
    if let Some(output) = &spec.output {
        list.norm(Role::OutputNorm, spec.hidden);
        if !output.tied {
            list.weight(Role::Output, &[spec.vocab, spec.hidden]);
        }
    }
    if let Some(labels) = spec.encoder.and_then(|encoder| encoder.labels) {
        list.linear(Role::ClassifierDense, spec.hidden, spec.hidden, true);
        list.linear(Role::Classifier, labels, spec.hidden, true);
    }
}
