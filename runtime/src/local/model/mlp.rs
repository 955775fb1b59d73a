//! The dense feed-forward part, which is also what an expert is.

use candle_core::Tensor;

use super::weights::At;
use crate::local::Error;
use crate::local::arch::{Activation, Mlp, Role};

pub(super) fn mlp(mlp: &Mlp, at: At<'_>, x: &Tensor) -> Result<Tensor, Error> {
    let inner = if mlp.fused {
        let both = at.linear(x, Role::GateUp)?;
        let (gate, up) = (both.narrow(1, 0, mlp.width)?, both.narrow(1, mlp.width, mlp.width)?);
        (activated(mlp.activation, &gate)? * up)?
    } else if mlp.gated {
        gated(mlp.activation, &at.linear(x, Role::Gate)?, &at.linear(x, Role::Up)?)?
    } else {
        activated(mlp.activation, &at.linear(x, Role::Up)?)?
    };
    at.linear(&inner, Role::Down)
}

pub(super) fn gated(activation: Activation, gate: &Tensor, up: &Tensor) -> Result<Tensor, Error> {
    Ok((activated(activation, gate)? * up)?)
}

fn activated(activation: Activation, x: &Tensor) -> Result<Tensor, Error> {
    Ok(match activation {
        Activation::Silu => x.silu()?,
        Activation::Gelu => x.gelu_erf()?,
        Activation::GeluTanh => x.gelu()?,
        Activation::Relu => x.relu()?,
    })
}
