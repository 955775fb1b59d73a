//! From the bytes of files to packed weights. A tensor's pages of the file are given back as soon as it is packed, so
//! that a model is in memory once.

use std::collections::HashMap;
use std::ops::Range;

use super::{
    Attention, Dense, Experts, Feed, Latent, LatentQuery, Layer, Linear, Norm, Norms, Projected, Weights,
};
use crate::local::Error;
use crate::local::arch::{self, Activation, Mla, Moe, NormKind, Opened, Placement, Role, Slot, Spec, Wanted};
use crate::local::dtype::Dtype;
use crate::local::file::View;
use crate::local::file::blocks::{BadLength, dequantize};
use crate::local::file::quantize::quantize;
use crate::local::kernels::{Level, Matrix};
use crate::local::pool::Pool;

/// Why this model cannot be run here, if it cannot.
pub(in crate::local::engine) fn unsupported(spec: &Spec) -> Option<String> {
    let attention = &spec.attention;
    let value_dim = attention.mla.map_or(attention.value_dim, |mla| mla.kv_lora);
    if spec.output.is_none() || spec.encoder.is_some() || !attention.causal {
        return Some("an encoder: it has no logits".to_owned());
    }
    if spec.embedding.positions.is_some() || spec.embedding.segments.is_some() || spec.embedding.norm {
        return Some("learnt positions, segments or a norm of the embedding".to_owned());
    }
    if spec.norm.kind == NormKind::Layer && (spec.placement == Placement::Sandwich || attention.qk_norm) {
        return Some("layer norms after a part, or of queries and keys".to_owned());
    }
    if !value_dim.is_multiple_of(16) {
        return Some(format!("values of {value_dim} numbers, which is no multiple of 16"));
    }
    None
}

/// All weights of a model that [`unsupported`] says nothing of.
pub(in crate::local::engine) fn load(
    opened: &Opened,
    pool: &Pool,
    level: Level,
    context: usize,
) -> Result<Weights, Error> {
    let loader = Loader::new(opened, pool, level);
    let spec = loader.spec;
    let tied = spec.output.is_none_or(|output| output.tied);
    let divisors = spec.rope.as_ref().and_then(|rope| rope.tensor(context));
    let layers = (0..spec.layers.len()).map(|index| loader.at(index).layer());
    let top = loader.at(0);
    let weights = Weights {
        // The largest first: while one is packed it is in memory twice.
        output: if tied { None } else { Some(top.matrix(Role::Output)?) },
        embed: top.matrix(Role::Embed)?,
        layers: layers.collect::<Result<_, _>>()?,
        norm: top.norm(Role::OutputNorm)?,
        divisors: divisors.map(|role| top.numbers(role)).transpose()?,
    };
    opened.weights.check()?;
    Ok(weights)
}

/// The tensors of opened files, on their way into memory.
pub(in crate::local) struct Loader<'a> {
    opened: &'a Opened,
    spec: &'a Spec,
    pool: &'a Pool,
    level: Level,
    tensors: HashMap<Slot, &'a Wanted>,
}

impl<'a> Loader<'a> {
    pub(in crate::local) fn new(opened: &'a Opened, pool: &'a Pool, level: Level) -> Self {
        let tensors = opened.tensors.iter().map(|one| (one.slot, one)).collect();
        Self { opened, spec: &opened.spec, pool, level, tensors }
    }

    pub(in crate::local) fn at(&'a self, layer: usize) -> At<'a> {
        At { loader: self, layer, expert: 0 }
    }
}

/// The tensors of a layer, or with 0 those outside of layers.
#[derive(Clone, Copy)]
pub(in crate::local) struct At<'a> {
    loader: &'a Loader<'a>,
    layer: usize,
    expert: usize,
}

impl<'a> At<'a> {
    fn find(self, role: Role, bias: bool) -> Option<&'a Wanted> {
        let slot = Slot { role, layer: self.layer, expert: self.expert, bias };
        self.loader.tensors.get(&slot).copied()
    }

    fn wanted(self, role: Role) -> Result<&'a Wanted, Error> {
        let missing = || arch::Error::Missing { key: format!("{role:?} of layer {}", self.layer) };
        Ok(self.find(role, false).ok_or_else(missing)?)
    }

    fn view(self, wanted: &Wanted) -> Result<View<'a>, Error> {
        self.loader.opened.weights.shaped(&wanted.name, &wanted.shape)
    }

    /// What `make` makes of a tensor; then its pages are given back.
    pub(in crate::local) fn taken<T>(
        self,
        role: Role,
        make: impl FnOnce(View<'a>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let wanted = self.wanted(role)?;
        let made = make(self.view(wanted)?)?;
        self.loader.opened.weights.release(&wanted.name);
        Ok(made)
    }

    /// Some rows of a matrix of `cols` columns.
    fn packed(self, view: View<'_>, cols: usize, rows: Range<usize>) -> Result<Matrix, Error> {
        let row = view.dtype.bytes(cols);
        let bytes = row.and_then(|row| view.bytes.get(row * rows.start..row * rows.end)).unwrap_or_default();
        Ok(Matrix::pack(self.loader.pool, self.loader.level, view.dtype, [rows.len(), cols], bytes)?)
    }

    fn matrix(self, role: Role) -> Result<Matrix, Error> {
        self.taken(role, |view| {
            let (rows, cols) = two(view.shape);
            self.packed(view, cols, 0..rows)
        })
    }

    pub(in crate::local) fn linear(self, role: Role) -> Result<Linear, Error> {
        Ok(Linear { matrix: self.matrix(role)?, bias: self.bias(role)? })
    }

    /// A tensor that holds several products, one under the other.
    fn cut<const N: usize>(self, role: Role, rows: [usize; N]) -> Result<[Linear; N], Error> {
        let bias = self.bias(role)?;
        let mut from = 0;
        self.taken(role, |view| {
            let (_, cols) = two(view.shape);
            let one = |rows: usize| -> Result<Linear, Error> {
                let range = from..from + rows;
                from = range.end;
                let bias = bias.as_ref().and_then(|bias| bias.get(range.clone())).map(<[f32]>::to_vec);
                Ok(Linear { matrix: self.packed(view, cols, range)?, bias })
            };
            let all: Vec<Linear> = rows.into_iter().map(one).collect::<Result<_, _>>()?;
            all.try_into().map_err(|_| Error::input("a product is missing"))
        })
    }

    fn bias(self, role: Role) -> Result<Option<Vec<f32>>, Error> {
        self.find(role, true).map(|wanted| self.dequantized(wanted)).transpose()
    }

    pub(in crate::local) fn numbers(self, role: Role) -> Result<Vec<f32>, Error> {
        self.dequantized(self.wanted(role)?)
    }

    fn dequantized(self, wanted: &Wanted) -> Result<Vec<f32>, Error> {
        let view = self.view(wanted)?;
        let mut numbers = vec![0.0; wanted.shape.iter().product()];
        let path = self.loader.opened.weights.path();
        let wrong = |error: BadLength| Error::malformed(path, format!("{}: {error}", wanted.name));
        dequantize(view.dtype, view.bytes, &mut numbers).map_err(wrong)?;
        Ok(numbers)
    }

    pub(in crate::local) fn norm(self, role: Role) -> Result<Norm, Error> {
        let norm = &self.loader.spec.norm;
        let mut weight = self.numbers(role)?;
        weight.iter_mut().for_each(|weight| *weight += norm.offset as f32);
        let bias = self.bias(role)?.unwrap_or_else(|| vec![0.0; weight.len()]);
        Ok(Norm { kind: norm.kind, eps: norm.eps as f32, weight, bias })
    }

    /// By the root of the mean square, whatever the model has elsewhere.
    fn rms_norm(self, role: Role) -> Result<Norm, Error> {
        Ok(Norm { kind: NormKind::Rms, ..self.norm(role)? })
    }

    fn norms(self, [before, after, sum]: [Role; 3]) -> Result<Norms, Error> {
        let placement = self.loader.spec.placement;
        let of = |role: Role, has: bool| has.then(|| self.norm(role)).transpose();
        Ok(Norms {
            before: of(before, placement != Placement::Post)?,
            after: of(after, placement == Placement::Sandwich)?,
            sum: of(sum, placement == Placement::Post)?,
        })
    }

    pub(in crate::local) fn layer(self) -> Result<Layer, Error> {
        let spec = self.loader.spec;
        let kind = spec.layers.get(self.layer).copied().unwrap_or_default();
        let attention = match &spec.attention.mla {
            Some(mla) => Attention::Latent(Box::new(self.latent(mla)?)),
            None => Attention::Projected(Box::new(self.projected()?)),
        };
        let feed = match spec.moe.as_ref().filter(|_| kind.experts) {
            Some(moe) => Feed::Experts(Box::new(self.experts(moe)?)),
            None => Feed::Dense(Box::new(self.dense()?)),
        };
        let around_attention = [Role::AttentionNorm, Role::AttentionPostNorm, Role::AttentionSumNorm];
        Ok(Layer {
            window: kind.window,
            local: kind.local,
            attention_norms: self.norms(around_attention)?,
            attention,
            attention_out: self.linear(Role::AttentionOut)?,
            feed_norms: self.norms([Role::MlpNorm, Role::MlpPostNorm, Role::MlpSumNorm])?,
            feed,
        })
    }

    fn projected(self) -> Result<Projected, Error> {
        let attention = &self.loader.spec.attention;
        let [query, key, value] = if attention.fused {
            let keys = attention.kv_heads * attention.key_dim;
            let values = attention.kv_heads * attention.value_dim;
            self.cut(Role::QueryKeyValue, [attention.heads * attention.key_dim, keys, values])?
        } else {
            [self.linear(Role::Query)?, self.linear(Role::Key)?, self.linear(Role::Value)?]
        };
        let norm = |role: Role| attention.qk_norm.then(|| self.rms_norm(role)).transpose();
        Ok(Projected {
            query,
            key,
            value,
            query_norm: norm(Role::QueryNorm)?,
            key_norm: norm(Role::KeyNorm)?,
        })
    }

    fn dense(self) -> Result<Dense, Error> {
        let mlp = &self.loader.spec.mlp;
        let (gate, up) = if mlp.fused {
            let [gate, up] = self.cut(Role::GateUp, [mlp.width; 2])?;
            (Some(gate), up)
        } else {
            let gate = mlp.gated.then(|| self.linear(Role::Gate)).transpose()?;
            (gate, self.linear(Role::Up)?)
        };
        Ok(Dense { activation: mlp.activation, gate, up, down: self.linear(Role::Down)? })
    }

    fn experts(self, moe: &Moe) -> Result<Experts, Error> {
        let activation = self.loader.spec.mlp.activation;
        let shared =
            moe.shared.map(|_| self.gated(activation, [Role::SharedGate, Role::SharedUp, Role::SharedDown]));
        let roles = [Role::ExpertGate, Role::ExpertUp, Role::ExpertDown];
        let experts = if moe.stacked {
            self.stacked(moe, activation, roles)?
        } else {
            let one = |expert: usize| At { expert, ..self }.gated(activation, roles);
            (0..moe.experts).map(one).collect::<Result<_, _>>()?
        };
        Ok(Experts {
            router: self.matrix(Role::Router)?,
            correction: moe.correction.then(|| self.numbers(Role::RouterCorrection)).transpose()?,
            experts,
            shared: shared.transpose()?,
        })
    }

    fn gated(self, activation: Activation, [gate, up, down]: [Role; 3]) -> Result<Dense, Error> {
        let (gate, up, down) = (self.linear(gate)?, self.linear(up)?, self.linear(down)?);
        Ok(Dense { activation, gate: Some(gate), up, down })
    }

    fn stacked(self, moe: &Moe, activation: Activation, roles: [Role; 3]) -> Result<Vec<Dense>, Error> {
        let [gates, ups, downs] = roles.map(|role| self.stack(role, moe.experts));
        let all = gates?.into_iter().zip(ups?).zip(downs?);
        let linear = |matrix: Matrix| Linear { matrix, bias: None };
        let one = |((gate, up), down)| Dense {
            activation,
            gate: Some(linear(gate)),
            up: linear(up),
            down: linear(down),
        };
        Ok(all.map(one).collect())
    }

    /// The matrices of a tensor of three dimensions.
    fn stack(self, role: Role, count: usize) -> Result<Vec<Matrix>, Error> {
        self.taken(role, |view| {
            let (rows, cols) = two(view.shape.get(1..).unwrap_or_default());
            (0..count).map(|index| self.packed(view, cols, index * rows..(index + 1) * rows)).collect()
        })
    }

    fn latent(self, mla: &Mla) -> Result<Latent, Error> {
        let heads = self.loader.spec.attention.heads;
        let query = match mla.q_lora {
            None => LatentQuery::Direct(self.matrix(Role::Query)?),
            Some(_) => LatentQuery::Narrow {
                down: self.linear(Role::QueryDown)?,
                norm: self.rms_norm(Role::QueryDownNorm)?,
                up: self.matrix(Role::QueryUp)?,
            },
        };
        let (keys, values) = if mla.split {
            (self.stack(Role::LatentKey, heads)?, self.stack(Role::LatentValue, heads)?)
        } else {
            self.unsplit(mla, heads)?
        };
        let (down, norm) = (self.linear(Role::LatentDown)?, self.rms_norm(Role::LatentNorm)?);
        Ok(Latent { query, down, norm, keys, values })
    }

    /// Keys and values of each head out of one tensor: rows for keys are transposed, which blocks do not survive.
    fn unsplit(self, mla: &Mla, heads: usize) -> Result<(Vec<Matrix>, Vec<Matrix>), Error> {
        self.taken(Role::LatentUp, |view| {
            let mut numbers = vec![0.0; mla.nope * mla.kv_lora];
            let mut transposed = numbers.clone();
            let dtype = if view.dtype == Dtype::F32 { Dtype::F32 } else { Dtype::F16 };
            let wrong =
                |error: BadLength| Error::malformed(self.loader.opened.weights.path(), error.to_string());
            let (mut keys, mut values) = (Vec::with_capacity(heads), Vec::with_capacity(heads));
            for head in 0..heads {
                let first = head * (mla.nope + mla.value);
                let row = view.dtype.bytes(mla.kv_lora).unwrap_or_default();
                let bytes = view.bytes.get(first * row..(first + mla.nope) * row).unwrap_or_default();
                dequantize(view.dtype, bytes, &mut numbers).map_err(wrong)?;
                for (at, into) in transposed.iter_mut().enumerate() {
                    *into = numbers[at % mla.nope * mla.kv_lora + at / mla.nope];
                }
                let bytes = quantize(dtype, &transposed).map_err(wrong)?;
                let shape = [mla.kv_lora, mla.nope];
                keys.push(Matrix::pack(self.loader.pool, self.loader.level, dtype, shape, &bytes)?);
                let rows = first + mla.nope..first + mla.nope + mla.value;
                values.push(self.packed(view, mla.kv_lora, rows)?);
            }
            Ok((keys, values))
        })
    }
}

fn two(shape: &[usize]) -> (usize, usize) {
    match shape {
        [rows, cols] => (*rows, *cols),
        _ => (0, 0),
    }
}
