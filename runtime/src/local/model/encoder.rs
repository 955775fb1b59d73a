//! Encoders: one vector a token, one vector for all of them, or the scores of a classifier.

use candle_core::Tensor;

use super::{Model, embedded, layer};
use crate::local::Error;
use crate::local::arch::{Encoder, Pooling, Role};

/// The last vectors of all tokens: `[positions, hidden]`. `segments`: of which part each token is, all 0 if empty.
pub fn encode(model: &Model, tokens: &[u32], segments: &[u32]) -> Result<Tensor, Error> {
    let spec = &model.spec;
    let most = spec
        .embedding
        .positions
        .map_or(model.context, |(rows, first)| rows.saturating_sub(first))
        .min(model.context);
    if tokens.len() > most {
        return Err(Error::input(format!("{} tokens in a context of {most}", tokens.len())));
    }
    let at = model.weights.at(0);
    let mut x = embedded(model, tokens)?;
    if let Some((_, first)) = spec.embedding.positions {
        let positions: Vec<u32> = (first as u32..).take(tokens.len()).collect();
        x = (x + at.rows(Role::Positions, &positions)?)?;
    }
    if let Some(rows) = spec.embedding.segments {
        x = (x + at.rows(Role::Segments, &checked(segments, tokens.len(), rows)?)?)?;
    }
    if spec.embedding.norm {
        x = at.norm(&x, Role::EmbedNorm, &spec.norm)?;
    }
    let rotations = model.rotations(0, tokens.len())?;
    for at in 0..spec.layers.len() {
        x = layer(model, at, &x, &mut None, (0, &rotations))?;
    }
    Ok(x)
}

fn checked(segments: &[u32], len: usize, rows: usize) -> Result<Vec<u32>, Error> {
    if segments.is_empty() {
        return Ok(vec![0; len]);
    }
    if segments.len() != len || segments.iter().any(|segment| *segment as usize >= rows) {
        return Err(Error::input(format!("segments are not {len} numbers below {rows}")));
    }
    Ok(segments.to_vec())
}

/// One vector for the whole input.
pub fn embed(model: &Model, tokens: &[u32], segments: &[u32]) -> Result<Vec<f32>, Error> {
    let encoder = encoder(model)?;
    let vectors = encode(model, tokens, segments)?;
    let one = match encoder.pooling {
        Pooling::Mean => vectors.mean(0)?,
        Pooling::First => vectors.get(0)?,
        Pooling::Last => vectors.get(tokens.len() - 1)?,
        Pooling::Max => vectors.max(0)?,
        Pooling::MeanSqrtLen => (vectors.sum(0)? / (tokens.len() as f64).sqrt())?,
        Pooling::WeightedMean => {
            let count = tokens.len();
            let weights: Vec<f32> = (1..=count).map(|at| at as f32).collect();
            let sum = (count * (count + 1)) as f64 / 2.0;
            let weights = Tensor::from_vec(weights, (count, 1), vectors.device())?;
            (vectors.broadcast_mul(&weights)?.sum(0)? / sum)?
        }
    };
    let mut one: Vec<f32> = one.to_vec1()?;
    if encoder.normalised {
        let length = one.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
        one.iter_mut().for_each(|number| *number = (f64::from(*number) / length.max(1e-12)) as f32);
    }
    Ok(one)
}

/// The scores of the classifier: one a label, as they come.
pub fn classify(model: &Model, tokens: &[u32], segments: &[u32]) -> Result<Vec<f32>, Error> {
    if encoder(model)?.labels.is_none() {
        return Err(Error::input("the model has no classifier"));
    }
    let first = encode(model, tokens, segments)?.narrow(0, 0, 1)?;
    let at = model.weights.at(0);
    let inner = at.linear(&first, Role::ClassifierDense)?.tanh()?;
    Ok(at.linear(&inner, Role::Classifier)?.get(0)?.to_vec1()?)
}

fn encoder(model: &Model) -> Result<Encoder, Error> {
    model.spec.encoder.ok_or_else(|| Error::input("the model is no encoder"))
}
